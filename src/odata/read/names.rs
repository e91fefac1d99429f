//! Type names in payloads.

use std::borrow::Cow;

use crate::edm::primitive::Primitive;
use crate::edm::schema::{Model, NamedType};
use crate::text::split::split_at;

/// Removes the prefix of a type name: `#`, or a context URL up to its fragment.
pub(super) fn without_prefix(text: &str) -> &str {
    if let Some((address, fragment)) = split_at(text, b'#')
        && strip(address, "", "$metadata").is_some()
    {
        return fragment;
    }
    text.strip_prefix('#').unwrap_or(text)
}

/// Returns the declared spelling of a type name in any case; `None` if the type is unknown.
pub(super) fn canonical<'m>(model: &'m Model, name: &str) -> Option<Cow<'m, str>> {
    if let Some(element) = strip(name, "Collection(", ")") {
        // OData has no collections of collections, and a client's name must not cost a stack frame per level.
        let element = if strip(element, "Collection(", ")").is_some() { None } else { canonical(model, element) }?;
        return Some(Cow::Owned(format!("Collection({element})")));
    }
    match model.resolve(name) {
        Some(NamedType::Structured(id)) => return Some(Cow::Borrowed(&model.structured(id).full_name)),
        Some(NamedType::Enum(id)) => return Some(Cow::Borrowed(&model.enumeration(id).full_name)),
        None => {}
    }
    // The namespace of primitive types is optional (OData JSON Format 4.0, 4.5.3).
    let local = strip(name, "Edm.", "").unwrap_or(name);
    Primitive::of_value(local).map(|primitive| Cow::Borrowed(primitive.name()))
}

/// Renames a type from Graph's namespace to that of the Teams workload, as the gateway does.
pub(super) fn in_workload(name: &str) -> String {
    match strip(name, "microsoft.graph.", "") {
        Some(local) => format!("Microsoft.Teams.GraphSvc.{local}"),
        None => name.to_owned(),
    }
}

/// Removes a prefix and a suffix, both in any case.
fn strip<'t>(text: &'t str, prefix: &str, suffix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    let tail_start = text.len().checked_sub(suffix.len()).filter(|start| *start >= prefix.len())?;
    let tail = text.get(tail_start..)?;
    (head.eq_ignore_ascii_case(prefix) && tail.eq_ignore_ascii_case(suffix)).then(|| &text[prefix.len()..tail_start])
}
