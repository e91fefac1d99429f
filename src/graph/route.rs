//! From a path to what it names, driven by the model.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::behavior::nearest;
use crate::model::{Model, Root, Schema, SetId, StructuredType, TypeId, Version};
use crate::odata::error::{self, Error};

/// What a path names.
#[derive(Debug)]
pub(super) struct Route<'s> {
    pub(super) model: &'s Model,
    pub(super) set: SetId,
    pub(super) type_id: TypeId,
    /// The key of one entity; without it the path names the collection.
    pub(super) key: Option<Cow<'s, str>>,
}

impl<'s> Route<'s> {
    pub(super) fn structured(&self) -> &'s StructuredType {
        self.model.structured(self.type_id)
    }
}

/// Resolves a path.
///
/// Segments are matched in any case and percent-decoded; keys keep their case. A key is a segment of its own or stands in
/// parentheses. One slash may end the path.
pub(super) fn resolve<'s>(schema: &'s Schema, path: &'s str) -> Result<Route<'s>, Error> {
    if let Some(route) = written_as_declared(schema, path) {
        return Ok(route);
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    // Nearly all paths are what they are, and decoding would look at each segment again.
    let is_encoded = path.contains('%');
    let mut segments = path
        .split('/')
        .map(|segment| if is_encoded { percent_decode_str(segment).decode_utf8_lossy() } else { Cow::Borrowed(segment) });
    let version = segments.next().unwrap_or_default();
    let Some(version) = Version::from_segment(&version) else {
        let detail = format!("the path begins with {version:?}, expected v1.0 or beta");
        return Err(Error::new(&error::INVALID_VERSION, &[]).with_detail(detail));
    };
    let model = schema.model(version);
    let root_segment = required(segments.next())?;
    let (root_name, root_key) = split_key(&root_segment);
    let root = model.root(root_name).ok_or_else(|| unknown_segment(root_name, model.roots().iter().map(|root| &*root.name)))?;
    let (set, type_id, key_text) = match root {
        Root { set: Some(set), target, .. } => (*set, *target, root_key),
        Root { set: None, target, .. } => {
            if root_key.is_some() {
                return Err(invalid_key(model.structured(*target)));
            }
            let navigations = &model.structured(*target).navigations;
            let Some(segment) = segments.next() else { return Err(not_emulated(&root_segment)) };
            let segment = required(Some(segment))?;
            let (name, key) = split_key(&segment);
            let navigation = navigations
                .iter()
                .find(|navigation| navigation.name.eq_ignore_ascii_case(name))
                .ok_or_else(|| unknown_segment(name, navigations.iter().map(|navigation| &*navigation.name)))?;
            (navigation.set, navigation.target, key.map(|key| Cow::Owned(key.into_owned())))
        }
    };
    let key = match key_text {
        Some(text) => Some(Cow::Owned(key_of(&text, model.structured(type_id))?)),
        None => match segments.next() {
            Some(segment) => Some(key_segment(model, required(Some(segment))?)?),
            None => None,
        },
    };
    match segments.next() {
        None => Ok(Route { model, set, type_id, key }),
        Some(segment) => Err(not_emulated(&required(Some(segment))?)),
    }
}

/// Resolves the path of one entity as nearly all clients write it: segments in their declared case, a key of unreserved characters
/// (RFC 3986) in a segment of its own. It is what [`resolve`] says of such a path, at a fraction of the cost.
fn written_as_declared<'s>(schema: &'s Schema, path: &'s str) -> Option<Route<'s>> {
    schema.addresses().iter().find_map(|address| {
        let key = path.strip_prefix(&*address.path)?.strip_prefix('/')?;
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
        if key.is_empty() || !key.bytes().all(is_unreserved) {
            return None;
        }
        let model = schema.model(address.version);
        Some(Route { model, set: address.set, type_id: address.type_id, key: Some(Cow::Borrowed(key)) })
    })
}

fn required(segment: Option<Cow<'_, str>>) -> Result<Cow<'_, str>, Error> {
    match segment {
        Some(segment) if segment.is_empty() => Err(Error::new(&error::EMPTY_SEGMENT, &[])),
        Some(segment) => Ok(segment),
        None => Err(not_emulated("")),
    }
}

/// Takes a segment behind a collection as a key, unless it is one of the system's own: `$count`, `delta()`, a type name.
fn key_segment<'p>(model: &Model, segment: Cow<'p, str>) -> Result<Cow<'p, str>, Error> {
    let is_type = segment.strip_prefix(&*model.namespace).is_some_and(|rest| rest.starts_with('.'));
    if segment.starts_with('$') || segment.ends_with("()") || is_type {
        return Err(not_emulated(&segment));
    }
    Ok(segment)
}

fn unknown_segment<'n>(segment: &str, names: impl Iterator<Item = &'n str>) -> Error {
    let hint = nearest(segment, names).map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    Error::new(&error::UNKNOWN_SEGMENT, &[segment]).with_detail(format!("this path is not emulated{hint}"))
}

fn not_emulated(segment: &str) -> Error {
    unknown_segment(segment, std::iter::empty())
}

fn invalid_key(structured: &StructuredType) -> Error {
    Error::new(&error::INVALID_KEY, &[&structured.full_name])
}

/// Splits a segment into its name and what stands in parentheses behind it.
fn split_key(segment: &str) -> (&str, Option<Cow<'_, str>>) {
    match segment.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        Some((name, key)) => (name, Some(Cow::Borrowed(key))),
        None => (segment, None),
    }
}

/// Reads a key in parentheses: `'…'` or `id='…'`, quotes in it doubled.
fn key_of(text: &str, structured: &StructuredType) -> Result<String, Error> {
    let literal = match text.split_once('=') {
        Some((name, literal)) if !name.contains('\'') => {
            let key_name = structured.key.map(|index| &*structured.properties[index].name);
            if !key_name.is_some_and(|key_name| key_name.eq_ignore_ascii_case(name.trim())) {
                return Err(invalid_key(structured));
            }
            literal.trim()
        }
        _ => text,
    };
    let inner = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).ok_or_else(|| invalid_key(structured))?;
    // Quotes come in pairs, so each odd piece between single quotes is empty.
    let mut key = String::with_capacity(inner.len());
    for (index, piece) in inner.split('\'').enumerate() {
        match (index % 2, piece) {
            (0, piece) => key.push_str(piece),
            (_, "") => key.push('\''),
            _ => return Err(invalid_key(structured)),
        }
    }
    if key.is_empty() || inner.split('\'').count().is_multiple_of(2) {
        return Err(invalid_key(structured));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Resolves a path segment by segment: a slash too many is what the other way does not know.
    fn slowly(schema: &Schema, path: &str) -> Option<(Version, SetId, TypeId, Option<String>)> {
        let path = format!("{path}/");
        let route = resolve(schema, &path).ok()?;
        Some((route.model.version, route.set, route.type_id, route.key.map(Cow::into_owned)))
    }

    proptest! {
        #[test]
        fn both_ways_of_resolving_agree(version in "v1.0|beta|V1.0|v2", key in "[A-Za-z0-9._~$()'%-]{0,12}") {
            let schema = Schema::shipped();
            let path = format!("/{version}/teamwork/workforceIntegrations/{key}");
            if let Some(route) = written_as_declared(&schema, &path) {
                let quick = (route.model.version, route.set, route.type_id, route.key.map(Cow::into_owned));
                prop_assert_eq!(Some(quick), slowly(&schema, &path));
            }
        }

        #[test]
        fn resolving_never_panics(path in "\\PC{0,60}") {
            let _ = resolve(&Schema::shipped(), &path);
        }
    }

    #[test]
    fn an_entity_is_found_where_it_is_declared() {
        let schema = Schema::shipped();
        assert!(written_as_declared(&schema, "/v1.0/teamwork/workforceIntegrations/WFI_1").is_some());
        assert!(written_as_declared(&schema, "/beta/teamwork/workforceIntegrations/WFI_1").is_some());
        for other in ["", "/", "/$count", "/a/b", "/a()", "x"] {
            assert!(written_as_declared(&schema, &format!("/v1.0/teamwork/workforceIntegrations{other}")).is_none(), "{other}");
        }
    }
}
