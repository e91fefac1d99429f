//! The facts of vocabularies that the emulator follows: Org.OData.Core.V1 and Org.OData.Capabilities.V1.

/// The facts of a type or of one of its members. `None`: not annotated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whether the service computes the value.
    pub(crate) computed: Option<bool>,
    /// Whether only a create can set the value.
    pub(crate) immutable: Option<bool>,
    /// Whether clients can only read the value.
    pub(crate) read_only: Option<bool>,
    pub(crate) insertable: Option<bool>,
    pub(crate) updatable: Option<bool>,
    /// Whether a change of an entity that does not exist creates it.
    pub(crate) upsertable: Option<bool>,
    pub(crate) deletable: Option<bool>,
    pub(crate) readable: Option<bool>,
    pub(crate) readable_by_key: Option<bool>,
    pub(crate) expandable: Option<bool>,
    pub(crate) filterable: Option<bool>,
    pub(crate) sortable: Option<bool>,
    pub(crate) countable: Option<bool>,
    pub(crate) searchable: Option<bool>,
    pub(crate) top_supported: Option<bool>,
    pub(crate) skip_supported: Option<bool>,
    pub(crate) auto_expand: Option<bool>,
    /// Names of properties that are keys beside the declared one.
    pub(crate) alternate_keys: Vec<String>,
    /// Whether answers never have the value.
    pub(crate) write_only: Option<bool>,
    /// The lists of properties that have restrictions of their own, as far as they are stated.
    pub(crate) lists: Vec<(PropertyList, Vec<String>)>,
}

/// A list of properties that a schema restricts, each by its path without casts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PropertyList {
    /// Those that conditions cannot have.
    NonFilterable,
    /// Those that lists cannot be ordered by.
    NonSortable,
    /// Those by which the order cannot be descending.
    AscendingOnly,
    /// Those by which the order cannot be ascending.
    DescendingOnly,
    /// Navigation properties that cannot be expanded.
    NonExpandable,
}

impl PropertyList {
    /// All lists, in the order of their discriminants.
    pub(crate) const ALL: [PropertyList; 5] = [
        PropertyList::NonFilterable,
        PropertyList::NonSortable,
        PropertyList::AscendingOnly,
        PropertyList::DescendingOnly,
        PropertyList::NonExpandable,
    ];

    /// Returns the term and the property of its record that state it.
    pub(crate) fn statement(self) -> (&'static str, &'static str) {
        match self {
            PropertyList::NonFilterable => ("FilterRestrictions", "NonFilterableProperties"),
            PropertyList::NonSortable => ("SortRestrictions", "NonSortableProperties"),
            PropertyList::AscendingOnly => ("SortRestrictions", "AscendingOnlyProperties"),
            PropertyList::DescendingOnly => ("SortRestrictions", "DescendingOnlyProperties"),
            PropertyList::NonExpandable => ("ExpandRestrictions", "NonExpandableProperties"),
        }
    }

    fn of(local: &str, property: Option<&str>) -> Option<PropertyList> {
        let property = property?;
        PropertyList::ALL.into_iter().find(|list| list.statement() == (local, property))
    }
}

/// Returns a path without the casts in it.
fn without_casts(path: &str) -> String {
    let names: Vec<&str> = path.split('/').filter(|segment| !segment.contains('.')).collect();
    names.join("/")
}

const CORE: &str = "Org.OData.Core.V1.";
const CAPABILITIES: &str = "Org.OData.Capabilities.V1.";

/// Whether a term can set a fact.
pub(super) fn is_known(term: &str) -> bool {
    let core = term.strip_prefix(CORE);
    core.is_some_and(|term| matches!(term, "Computed" | "Immutable" | "Permissions" | "AlternateKeys" | "AutoExpand"))
        || term.strip_prefix(CAPABILITIES).is_some_and(|term| term.ends_with("Restrictions") || term.ends_with("Supported"))
}

impl Facts {
    /// Sets the fact of a term, or of a property of its record. A property of a record within one has both names, with a slash.
    pub(super) fn set(&mut self, term: &str, property: Option<&str>, value: &str) {
        let local = local(term);
        if let Some(list) = PropertyList::of(local, property) {
            return self.list_to_set(list).push(without_casts(value));
        }
        let flag = match (local, property) {
            ("Computed", None) => &mut self.computed,
            ("Immutable", None) => &mut self.immutable,
            ("AutoExpand", None) => &mut self.auto_expand,
            ("Permissions", None) => {
                let only = |permission| permissions(value).eq([permission]).then_some(true);
                self.read_only = only("Read").or(self.read_only);
                self.write_only = only("Write").or(self.write_only);
                return;
            }
            ("AlternateKeys", Some("Key/Name")) => return self.alternate_keys.push(value.to_owned()),
            ("InsertRestrictions", Some("Insertable")) => &mut self.insertable,
            ("UpdateRestrictions", Some("Updatable")) => &mut self.updatable,
            ("UpdateRestrictions", Some("Upsertable")) => &mut self.upsertable,
            ("DeleteRestrictions", Some("Deletable")) => &mut self.deletable,
            ("ReadRestrictions", Some("Readable")) => &mut self.readable,
            ("ReadRestrictions", Some("ReadByKeyRestrictions/Readable")) => &mut self.readable_by_key,
            ("ExpandRestrictions", Some("Expandable")) => &mut self.expandable,
            ("FilterRestrictions", Some("Filterable")) => &mut self.filterable,
            ("SortRestrictions", Some("Sortable")) => &mut self.sortable,
            ("CountRestrictions", Some("Countable")) => &mut self.countable,
            ("SearchRestrictions", Some("Searchable")) => &mut self.searchable,
            ("TopSupported", None) => &mut self.top_supported,
            ("SkipSupported", None) => &mut self.skip_supported,
            _ => return,
        };
        match value {
            "true" => *flag = Some(true),
            "false" => *flag = Some(false),
            _ => {}
        }
    }

    /// Sets the list of a property of a record, if it is one: one without items restricts nothing, and counts before others.
    pub(super) fn begin_list(&mut self, list: PropertyList) {
        self.list_to_set(list);
    }

    fn list_to_set(&mut self, list: PropertyList) -> &mut Vec<String> {
        let known = self.lists.iter().position(|(known, _)| *known == list);
        let index = known.unwrap_or_else(|| {
            self.lists.push((list, Vec::new()));
            self.lists.len() - 1
        });
        &mut self.lists[index].1
    }
}

/// Returns the list of properties that a property of a term's record is.
pub(super) fn list_of(term: &str, property: &str) -> Option<PropertyList> {
    PropertyList::of(local(term), Some(property))
}

/// Returns a term without its vocabulary.
fn local(term: &str) -> &str {
    term.strip_prefix(CORE).or_else(|| term.strip_prefix(CAPABILITIES)).unwrap_or(term)
}

/// Returns the names of the members of `Org.OData.Core.V1.Permission` that a value has.
fn permissions(value: &str) -> impl Iterator<Item = &str> {
    value.split_whitespace().map(|member| member.rsplit('/').next().unwrap_or_default())
}

/// Returns the capability that a property of an annotation restricts, if the emulator does not follow it: its term and its name. Properties
/// that only describe one, and those that restrict nothing, are not meant.
pub(super) fn unserved(term: &str, property: Option<&str>, value: Option<&str>) -> Option<String> {
    if let (Some("Permissions"), Some(value)) = (term.strip_prefix(CORE), value) {
        let is_followed = ["Read", "Write", "ReadWrite"].iter().any(|known| permissions(value).eq([*known])) || {
            let mut both: Vec<&str> = permissions(value).collect();
            both.sort_unstable();
            both == ["Read", "Write"]
        };
        return (property.is_none() && !is_followed).then(|| format!("Permissions {value}"));
    }
    let local = term.strip_prefix(CAPABILITIES)?;
    if matches!(property, Some("Description" | "LongDescription")) {
        return None;
    }
    // Few capabilities are extended by an annotation, and few statements restrict one where they are true.
    let is_extension = matches!(property, Some("Upsertable" | "UpsertSupported" | "RequiresFilter"));
    let restricts = match value {
        Some("true") => is_extension,
        Some("false") => !is_extension,
        _ => true,
    };
    let is_followed = match (local, property) {
        ("InsertRestrictions", Some("Insertable"))
        | ("UpdateRestrictions", Some("Updatable" | "Upsertable"))
        | ("DeleteRestrictions", Some("Deletable"))
        | ("ReadRestrictions", Some("Readable" | "ReadByKeyRestrictions" | "ReadByKeyRestrictions/Readable"))
        | ("FilterRestrictions", Some("Filterable"))
        | ("SortRestrictions", Some("Sortable"))
        | ("CountRestrictions", Some("Countable"))
        | ("SearchRestrictions", Some("Searchable"))
        | ("TopSupported" | "SkipSupported", None) => true,
        (_, Some(property)) if PropertyList::of(local, Some(property)).is_some() => true,
        // A property within one of a record that is not followed is a part of it.
        (_, Some(property)) => property.contains('/'),
        // The properties of a record are stated by themselves.
        (_, None) => value.is_none(),
    };
    (restricts && !is_followed).then(|| match property {
        Some(property) => format!("{local}/{property}"),
        None => local.to_owned(),
    })
}
