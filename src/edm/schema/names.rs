//! Names in documents and in rows of workloads.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::edm::primitive::Primitive;
use crate::edm::schema::NamedType;

/// Types and enums by their qualified names in lower case.
pub(super) type Names = HashMap<Box<str>, NamedType, RandomState>;

/// The namespace of rows without one.
pub(super) const GRAPH: &str = "microsoft.graph.";

/// Whether a row of a workload is about a type. Names without a namespace are in that of Graph.
pub(super) fn is_row_of(row: &str, full_name: &str) -> bool {
    // All types of a schema are compared with all rows: the lengths rule out nearly all of them.
    match full_name.len().checked_sub(row.len()) {
        Some(0) => row == full_name && row.contains('.'),
        Some(length) if length == GRAPH.len() => full_name.starts_with(GRAPH) && full_name.ends_with(row) && !row.contains('.'),
        _ => false,
    }
}

/// Returns the type of the items of a collection type.
pub(super) fn collection_element(type_name: &str) -> Option<&str> {
    type_name.strip_prefix("Collection(")?.strip_suffix(')')
}

/// Returns the primitive type of a name in a namespace, if it is one. Values of undeclared types are any JSON.
pub(super) fn primitive(namespace: &str, local: &str) -> Option<Primitive> {
    match (namespace, local) {
        ("microsoft.graph", "Json") | ("Edm", "PrimitiveType") => Some(Primitive::Untyped),
        ("Edm", local) => Primitive::local_named(local),
        _ => None,
    }
}

/// The length of nearly all names.
pub(super) const SHORT: usize = 128;

/// Returns a name in lower case, mostly in the room that is given for it.
pub(super) fn lower<'n>(name: &str, room: &'n mut [u8; SHORT]) -> Cow<'n, str> {
    if let Some(lower) = room.get_mut(..name.len()) {
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        if let Ok(lower) = std::str::from_utf8(lower) {
            return Cow::Borrowed(lower);
        }
    }
    Cow::Owned(name.to_ascii_lowercase())
}

/// Returns the index of a property as orders have it: no type has as many properties as do not fit.
pub(super) fn short(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_about_the_type_of_its_full_name() {
        for (row, full_name, expected) in [
            ("user", "microsoft.graph.user", true),
            ("microsoft.graph.user", "microsoft.graph.user", true),
            ("callRecords.session", "microsoft.graph.callRecords.session", false),
            ("microsoft.graph.callRecords.session", "microsoft.graph.callRecords.session", true),
            ("user", "user", false),
            ("user", "other.graphics0.user", false),
            ("user", "microsoft.graph.group", false),
            ("user", "microsoft.graph.User", false),
            ("user", "microsoft.graph.superuser", false),
            ("", "microsoft.graph.", true),
            ("a.b", "c.a.b", false),
        ] {
            assert_eq!(is_row_of(row, full_name), expected, "{row} {full_name}");
        }
    }
}
