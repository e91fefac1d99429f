//! Names in documents and in rows of workloads.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::edm::primitive::Primitive;
use crate::edm::schema::NamedType;

/// Types and enums by their qualified names in lower case.
pub(super) type Names = HashMap<Box<str>, NamedType, RandomState>;

/// The namespace of rows without one.
const GRAPH: &str = "microsoft.graph";

/// Whether a row of a workload is about a type. Names without a namespace are in that of Graph.
pub(super) fn is_row_of(row: &str, full_name: &str) -> bool {
    if row.contains('.') {
        return row == full_name;
    }
    full_name.strip_prefix(GRAPH).and_then(|rest| rest.strip_prefix('.')) == Some(row)
}

/// Returns the type of the items of a collection type.
pub(super) fn collection_element(type_name: &str) -> Option<&str> {
    type_name.strip_prefix("Collection(")?.strip_suffix(')')
}

/// Returns the primitive type of a name, if it is one. Values of undeclared types are any JSON.
pub(super) fn primitive(full_name: &str) -> Option<Primitive> {
    match full_name {
        "microsoft.graph.Json" | "Edm.PrimitiveType" => Some(Primitive::Untyped),
        name => Primitive::named(name),
    }
}
