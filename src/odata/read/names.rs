//! Type names as payloads spell them.

use std::borrow::Cow;

use crate::edm::schema::{Model, NamedType};

/// The primitive types of OData, which a payload may name whether or not the model uses them.
const PRIMITIVES: [&str; 17] = [
    "Binary",
    "Boolean",
    "Byte",
    "Date",
    "DateTimeOffset",
    "Decimal",
    "Double",
    "Duration",
    "Guid",
    "Int16",
    "Int32",
    "Int64",
    "SByte",
    "Single",
    "Stream",
    "String",
    "TimeOfDay",
];

/// Removes what may stand before a type name: one `#`, or a context URL up to its fragment.
pub(super) fn without_prefix(text: &str) -> &str {
    if let Some((address, fragment)) = text.split_once('#')
        && between(address, "", "$metadata").is_some()
    {
        return fragment;
    }
    text.strip_prefix('#').unwrap_or(text)
}

/// Returns the declared spelling of a type name in any case, or nothing if the model knows no such type.
pub(super) fn canonical<'m>(model: &'m Model, name: &str) -> Option<Cow<'m, str>> {
    if let Some(element) = between(name, "Collection(", ")") {
        // Collections of collections do not exist, and a name must not cost a stack frame per level.
        let element = if between(element, "Collection(", ")").is_some() { None } else { canonical(model, element) }?;
        return Some(Cow::Owned(format!("Collection({element})")));
    }
    match model.resolve(name) {
        Some(NamedType::Structured(id)) => return Some(Cow::Borrowed(&model.structured(id).full_name)),
        Some(NamedType::Enum(id)) => return Some(Cow::Borrowed(&model.enumeration(id).full_name)),
        None => {}
    }
    // The namespace of primitive types can be left out (OData JSON Format 4.0, 4.5.3).
    let local = between(name, "Edm.", "").unwrap_or(name);
    let primitive = PRIMITIVES.iter().find(|primitive| primitive.eq_ignore_ascii_case(local))?;
    Some(Cow::Owned(format!("Edm.{primitive}")))
}

/// Moves a name of the model's namespace into that of the Teams workload, as the gateway does.
pub(super) fn in_workload(model: &Model, name: &str) -> String {
    match between(name, &format!("{}.", model.namespace), "") {
        Some(local) => format!("Microsoft.Teams.GraphSvc.{local}"),
        None => name.to_owned(),
    }
}

/// Returns what stands between a beginning and an end, both in any case.
fn between<'t>(text: &'t str, beginning: &str, end: &str) -> Option<&'t str> {
    let head = text.get(..beginning.len())?;
    let tail_start = text.len().checked_sub(end.len()).filter(|start| *start >= beginning.len())?;
    let tail = text.get(tail_start..)?;
    (head.eq_ignore_ascii_case(beginning) && tail.eq_ignore_ascii_case(end)).then(|| &text[beginning.len()..tail_start])
}
