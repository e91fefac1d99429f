//! Restrictions of clients, as the vocabulary Org.OData.Capabilities.V1 states them.

use super::csdl::Facts;

/// A request, or a part of one, that a schema can forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// A POST to a collection.
    Insert,
    /// A PATCH or PUT of an entity.
    Update,
    /// A DELETE of an entity.
    Delete,
    /// A GET.
    Read,
    /// A GET of an entity of a collection.
    ReadByKey,
    /// `$filter`
    Filter,
    /// `$orderby`
    Sort,
    /// `$count=true`, and `/$count`.
    Count,
    /// `$search`
    Search,
    /// `$top`
    Top,
    /// `$skip`
    Skip,
}

impl Capability {
    /// All capabilities, in the order of their discriminants.
    pub const ALL: [Capability; 11] = [
        Capability::Insert,
        Capability::Update,
        Capability::Delete,
        Capability::Read,
        Capability::ReadByKey,
        Capability::Filter,
        Capability::Sort,
        Capability::Count,
        Capability::Search,
        Capability::Top,
        Capability::Skip,
    ];

    /// Returns the term that forbids it.
    pub fn term(self) -> &'static str {
        match self {
            Capability::Insert => "InsertRestrictions",
            Capability::Update => "UpdateRestrictions",
            Capability::Delete => "DeleteRestrictions",
            Capability::Read | Capability::ReadByKey => "ReadRestrictions",
            Capability::Filter => "FilterRestrictions",
            Capability::Sort => "SortRestrictions",
            Capability::Count => "CountRestrictions",
            Capability::Search => "SearchRestrictions",
            Capability::Top => "TopSupported",
            Capability::Skip => "SkipSupported",
        }
    }

    fn fact(self, facts: &Facts) -> Option<bool> {
        match self {
            Capability::Insert => facts.insertable,
            Capability::Update => facts.updatable,
            Capability::Delete => facts.deletable,
            Capability::Read => facts.readable,
            Capability::ReadByKey => facts.readable_by_key.or(facts.readable),
            Capability::Filter => facts.filterable,
            Capability::Sort => facts.sortable,
            Capability::Count => facts.countable,
            Capability::Search => facts.searchable,
            Capability::Top => facts.top_supported,
            Capability::Skip => facts.skip_supported,
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The capabilities of which the schema says whether clients have them, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    stated: u16,
    forbidden: u16,
}

impl Restrictions {
    /// No statements: all is allowed.
    pub const NONE: Restrictions = Restrictions { stated: 0, forbidden: 0 };

    /// Returns the statements of the annotations of a type, of a navigation property, or of an entity set or singleton.
    pub(super) fn of(facts: Option<&Facts>) -> Restrictions {
        let mut restrictions = Restrictions::NONE;
        let Some(facts) = facts else { return restrictions };
        for capability in Capability::ALL {
            let Some(is_allowed) = capability.fact(facts) else { continue };
            restrictions.stated |= capability.bit();
            if !is_allowed {
                restrictions.forbidden |= capability.bit();
            }
        }
        restrictions
    }

    /// Returns these statements, and those of others about which these are silent: a statement about a set or a navigation property
    /// overrides one about its type.
    #[must_use]
    pub fn over(self, others: Restrictions) -> Restrictions {
        Restrictions { stated: self.stated | others.stated, forbidden: self.forbidden | others.forbidden & !self.stated }
    }

    /// Returns the statements without those about changes, which a workload's row replaces.
    #[must_use]
    pub(super) fn of_reads(self) -> Restrictions {
        let changes = [Capability::Insert, Capability::Update, Capability::Delete];
        let kept = changes.iter().fold(u16::MAX, |kept, capability| kept & !capability.bit());
        Restrictions { stated: self.stated & kept, forbidden: self.forbidden & kept }
    }

    /// Whether clients do not have a capability.
    pub fn forbids(self, capability: Capability) -> bool {
        self.forbidden & capability.bit() != 0
    }

    /// Whether clients have all capabilities.
    pub fn is_empty(self) -> bool {
        self.forbidden == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_capability_has_a_bit_of_its_own() {
        for (index, capability) in Capability::ALL.into_iter().enumerate() {
            assert_eq!(capability as usize, index, "{capability:?}");
        }
    }

    #[test]
    fn nearer_statements_come_first() {
        let of = |insertable, deletable| Restrictions::of(Some(&Facts { insertable, deletable, ..Facts::default() }));
        let both = of(Some(true), None).over(of(Some(false), Some(false)));
        assert!(!both.forbids(Capability::Insert) && both.forbids(Capability::Delete) && !both.forbids(Capability::Update));
        assert!(of(Some(false), None).over(of(Some(true), None)).forbids(Capability::Insert));
        assert!(of(Some(false), Some(false)).of_reads().is_empty());
    }

    #[test]
    fn a_read_by_key_is_allowed_as_other_reads_are_unless_stated() {
        let of = |readable, readable_by_key| {
            let restrictions = Restrictions::of(Some(&Facts { readable, readable_by_key, ..Facts::default() }));
            (restrictions.forbids(Capability::Read), restrictions.forbids(Capability::ReadByKey))
        };
        assert_eq!(of(Some(false), None), (true, true));
        assert_eq!(of(Some(false), Some(true)), (true, false));
        assert_eq!(of(None, Some(false)), (false, true));
    }
}
