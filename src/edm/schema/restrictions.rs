//! Restrictions of clients, as the vocabulary Org.OData.Capabilities.V1 states them.

use super::csdl::{Facts, PropertyList};

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
    /// A PATCH of an entity that does not exist, which only a statement allows.
    Upsert,
}

impl Capability {
    /// All capabilities, in the order of their discriminants.
    pub const ALL: [Capability; 12] = [
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
        Capability::Upsert,
    ];

    /// Returns the term that forbids it.
    pub fn term(self) -> &'static str {
        match self {
            Capability::Insert => "InsertRestrictions",
            Capability::Update | Capability::Upsert => "UpdateRestrictions",
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
            Capability::Upsert => facts.upsertable,
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The paths of properties in the lists that a schema states, each list a row.
#[derive(Debug, Default)]
pub(crate) struct PropertyLists {
    rows: Vec<Box<[Box<str>]>>,
}

/// The number of a row, from 1; 0: the list is not stated.
type Row = u32;

impl PropertyLists {
    fn add(&mut self, paths: &[String]) -> Row {
        self.rows.push(paths.iter().map(|path| path.as_str().into()).collect());
        Row::try_from(self.rows.len()).unwrap_or_default()
    }

    /// Returns the paths in each list that counts.
    #[cfg(test)]
    pub(super) fn paths(&self, restrictions: Restrictions) -> Vec<(PropertyList, &[Box<str>])> {
        let stated = |list: &PropertyList| (restrictions.lists[*list as usize] as usize).checked_sub(1);
        PropertyList::ALL.into_iter().filter_map(|list| Some((list, &*self.rows[stated(&list)?]))).collect()
    }

    /// Whether the list that counts has the property of a path, or one around it. Casts in the path do not matter.
    pub(super) fn has(&self, restrictions: Restrictions, list: PropertyList, path: &str) -> bool {
        let row = (restrictions.lists[list as usize] as usize).checked_sub(1).and_then(|row| self.rows.get(row));
        let is_prefix = |listed: &str| {
            let mut names = path.split('/').filter(|segment| !segment.contains('.'));
            listed.split('/').all(|listed| names.next() == Some(listed))
        };
        row.is_some_and(|listed| listed.iter().any(|listed| is_prefix(listed)))
    }
}

/// The capabilities of which the schema says whether clients have them, a bit each, and the lists of properties that they do not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    stated: u16,
    forbidden: u16,
    /// The row of each list of properties.
    lists: [Row; PropertyList::ALL.len()],
}

impl Restrictions {
    /// No statements: all is allowed.
    pub const NONE: Restrictions = Restrictions { stated: 0, forbidden: 0, lists: [0; PropertyList::ALL.len()] };

    /// Returns the statements of the annotations of a type, of a navigation property, or of an entity set or singleton.
    pub(super) fn of(facts: Option<&Facts>, lists: &mut PropertyLists) -> Restrictions {
        let mut restrictions = Restrictions::NONE;
        let Some(facts) = facts else { return restrictions };
        for capability in Capability::ALL {
            let Some(is_allowed) = capability.fact(facts) else { continue };
            restrictions.stated |= capability.bit();
            if !is_allowed {
                restrictions.forbidden |= capability.bit();
            }
        }
        for (list, paths) in &facts.lists {
            restrictions.lists[*list as usize] = lists.add(paths);
        }
        restrictions
    }

    /// Returns these statements, and those of others about which these are silent: a statement about a set or a navigation property
    /// overrides one about its type.
    #[must_use]
    pub fn over(self, others: Restrictions) -> Restrictions {
        let mut lists = self.lists;
        for (row, other) in lists.iter_mut().zip(others.lists) {
            *row = if *row == 0 { other } else { *row };
        }
        let forbidden = self.forbidden | others.forbidden & !self.stated;
        Restrictions { stated: self.stated | others.stated, forbidden, lists }
    }

    /// Returns the statements without those about changes, which a workload's row replaces.
    #[must_use]
    pub(super) fn of_reads(self) -> Restrictions {
        let changes = [Capability::Insert, Capability::Update, Capability::Delete, Capability::Upsert];
        let kept = changes.iter().fold(u16::MAX, |kept, capability| kept & !capability.bit());
        Restrictions { stated: self.stated & kept, forbidden: self.forbidden & kept, ..self }
    }

    /// Returns the statements about capabilities.
    #[cfg(test)]
    pub(super) fn without_lists(self) -> Restrictions {
        Restrictions { lists: Restrictions::NONE.lists, ..self }
    }

    /// Whether clients do not have a capability.
    pub fn forbids(self, capability: Capability) -> bool {
        self.forbidden & capability.bit() != 0
    }

    /// Whether the schema says that clients have a capability.
    pub fn grants(self, capability: Capability) -> bool {
        self.stated & !self.forbidden & capability.bit() != 0
    }

    /// Whether clients have all capabilities, apart from those that lists of properties restrict.
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
        let of = |insertable, deletable| {
            Restrictions::of(Some(&Facts { insertable, deletable, ..Facts::default() }), &mut PropertyLists::default())
        };
        let both = of(Some(true), None).over(of(Some(false), Some(false)));
        assert!(!both.forbids(Capability::Insert) && both.forbids(Capability::Delete) && !both.forbids(Capability::Update));
        assert!(of(Some(false), None).over(of(Some(true), None)).forbids(Capability::Insert));
        assert!(of(Some(false), Some(false)).of_reads().is_empty());
    }

    #[test]
    fn each_list_has_a_row_of_its_own_and_the_nearer_one_counts() {
        for (index, list) in PropertyList::ALL.into_iter().enumerate() {
            assert_eq!(list as usize, index, "{list:?}");
        }
        let mut lists = PropertyLists::default();
        let mut of = |stated: &[(PropertyList, &[&str])]| {
            let stated = stated.iter().map(|(list, paths)| (*list, paths.iter().map(|path| (*path).to_owned()).collect()));
            Restrictions::of(Some(&Facts { lists: stated.collect(), ..Facts::default() }), &mut lists)
        };
        let of_type = of(&[(PropertyList::NonFilterable, &["a", "b/c"]), (PropertyList::NonSortable, &["a"])]);
        let of_set = of(&[(PropertyList::NonSortable, &[]), (PropertyList::NonExpandable, &["a"])]);
        let both = of_set.over(of_type);
        let listed = |restrictions, list, path: &str| lists.has(restrictions, list, path);
        for (path, is_listed) in [("a", true), ("a/x", true), ("ab", false), ("b", false), ("b/c", true), ("x.y/b/x.z/c/d", true)]
        {
            assert_eq!(listed(both, PropertyList::NonFilterable, path), is_listed, "{path}");
            assert!(!listed(Restrictions::NONE, PropertyList::NonFilterable, path));
        }
        assert!(listed(of_type, PropertyList::NonSortable, "a") && !listed(both, PropertyList::NonSortable, "a"));
        assert!(listed(both, PropertyList::NonExpandable, "a") && !listed(of_type, PropertyList::NonExpandable, "a"));
        assert!(listed(both.of_reads(), PropertyList::NonExpandable, "a"));
    }

    #[test]
    fn a_read_by_key_is_allowed_as_other_reads_are_unless_stated() {
        let of = |readable, readable_by_key| {
            let restrictions =
                Restrictions::of(Some(&Facts { readable, readable_by_key, ..Facts::default() }), &mut PropertyLists::default());
            (restrictions.forbids(Capability::Read), restrictions.forbids(Capability::ReadByKey))
        };
        assert_eq!(of(Some(false), None), (true, true));
        assert_eq!(of(Some(false), Some(true)), (true, false));
        assert_eq!(of(None, Some(false)), (false, true));
    }
}
