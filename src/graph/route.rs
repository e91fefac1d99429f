//! Resolves paths to resources, driven by the model.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::edm::address::CollectionAddress;
use crate::edm::schema::{Model, PropertyType, Root, Schema, StructuredType, TypeId, Version};
use crate::edm::segment::{KeyPredicate, Segment};
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::nearest::nearest;
use crate::world::workload::Ancestor;

/// The resource that a path names.
#[derive(Debug)]
pub(super) enum Resource<'s> {
    /// The service document of a version.
    Service(&'s Model),
    /// The schema of a version.
    Metadata(&'s Model),
    /// A singleton, or a part of it.
    Singleton(Singleton<'s>),
    /// A collection, one of its entities, or a part of one.
    Entities(Route<'s>),
}

/// A singleton, or a part of it.
#[derive(Debug)]
pub(super) struct Singleton<'s> {
    pub(super) model: &'s Model,
    pub(super) root: &'s Root,
    pub(super) tail: Tail,
}

/// A collection, one of its entities, or a part of one.
#[derive(Debug)]
pub(super) struct Route<'s> {
    pub(super) model: &'s Model,
    pub(super) collection: CollectionAddress,
    pub(super) type_id: TypeId,
    /// The key of one entity; `None` for the collection.
    pub(super) key: Option<Cow<'s, str>>,
    pub(super) tail: Tail,
    /// The path of the collection as the fragment of context URLs.
    pub(super) fragment: Cow<'s, str>,
    /// The entities that contain the collection, outermost first.
    pub(super) ancestors: Vec<Ancestor>,
}

impl<'s> Route<'s> {
    pub(super) fn structured(&self) -> &'s StructuredType {
        self.model.structured(self.type_id)
    }
}

/// The path of a collection or of one of its entities.
#[derive(Debug)]
pub struct EntityPath {
    /// The address of the collection.
    pub collection: CollectionAddress,
    /// The key of the entity; `None` for the collection.
    pub key: Option<String>,
    /// The collections and keys of the entities that contain it, outermost first.
    pub ancestors: Vec<(CollectionAddress, String)>,
}

impl EntityPath {
    /// Resolves the path of a collection or of an entity as a whole; `None` for other resources.
    pub fn of(schema: &Schema, path: &str) -> Option<EntityPath> {
        let Resource::Entities(route) = resolve(schema, path).ok()? else { return None };
        let ancestors = route.ancestors.into_iter().map(|ancestor| (ancestor.collection, ancestor.key)).collect();
        (route.tail == Tail::Whole).then(|| EntityPath {
            collection: route.collection,
            key: route.key.map(Cow::into_owned),
            ancestors,
        })
    }
}

/// The part of a collection or an entity that a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// All of it.
    Whole,
    /// The number of entities in a collection.
    Count,
    /// One property of an entity.
    Property(PropertyTail),
}

/// The path from an entity to one of its properties.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PropertyTail {
    /// The index of each property in its type, at least one.
    pub(super) indexes: Vec<usize>,
    /// Whether `$value` requests the raw value, without JSON.
    pub(super) is_raw: bool,
}

/// Resolves a path.
///
/// Segments are percent-decoded and matched in any case; keys keep their case. A key is a segment of its own or is in parentheses. One
/// trailing slash is allowed.
pub(super) fn resolve<'s>(schema: &'s Schema, path: &'s str) -> Result<Resource<'s>, Error> {
    if let Some(route) = resolve_usual_form(schema, path) {
        return Ok(Resource::Entities(route));
    }
    let path = absolute_link_path(path).unwrap_or(path);
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    // Nearly all paths have no escapes, and decoding would scan each segment again.
    let is_encoded = path.contains('%');
    let mut segments = path
        .split('/')
        .map(|segment| if is_encoded { percent_decode_str(segment).decode_utf8_lossy() } else { Cow::Borrowed(segment) });
    let version = segments.next().unwrap_or_default();
    let Some(version) = Version::from_segment(&version) else {
        let detail = format!("the path begins with {version:?}, expected v1.0 or beta");
        return Err(Error::new(&refusal::INVALID_VERSION, &[]).with_detail(detail));
    };
    let model = schema.model(version);
    let Some(root_segment) = next_segment(&mut segments)? else { return Ok(Resource::Service(model)) };
    if root_segment.eq_ignore_ascii_case("$metadata") {
        return expect_end(&mut segments, Resource::Metadata(model));
    }
    let Segment { name: root_name, predicate: root_key } = Segment::of(&root_segment);
    let root = model.root(root_name).ok_or_else(|| unknown_segment(root_name, model.roots().iter().map(|root| &*root.name)))?;
    let structured = model.structured(root.target);
    if let Some(set) = root.set {
        return resolve_entities(schema, model, (set.into(), root.target), root_key, &mut segments);
    }
    if root_key.is_some() {
        return Err(invalid_key(structured));
    }
    let Some(segment) = next_segment(&mut segments)? else {
        return Ok(Resource::Singleton(Singleton { model, root, tail: Tail::Whole }));
    };
    let Segment { name, predicate } = Segment::of(&segment);
    if let Some(navigation) = structured.navigation(name) {
        return resolve_entities(schema, model, (navigation.set.into(), navigation.target), predicate, &mut segments);
    }
    let tail = property_path(model, structured, &root.name, segment, &mut segments)?;
    Ok(Resource::Singleton(Singleton { model, root, tail }))
}

/// Resolves the segments after the name of a collection, through contained entities. `predicate` is the text in parentheses after the
/// name.
fn resolve_entities<'s>(
    schema: &'s Schema,
    model: &'s Model,
    (mut collection, mut type_id): (CollectionAddress, TypeId),
    predicate: Option<&str>,
    segments: &mut impl Iterator<Item = Cow<'s, str>>,
) -> Result<Resource<'s>, Error> {
    let mut key_text = predicate.map(str::to_owned);
    let mut ancestors = Vec::new();
    loop {
        let (set, structured) = (schema.set(collection.set), model.structured(type_id));
        let route = |collection: CollectionAddress, key, tail, ancestors| {
            let fragment = match collection.holder {
                None => Cow::Borrowed(&*set.fragment),
                Some(_) => Cow::Owned(format!("#{}", collection.path(schema))),
            };
            Resource::Entities(Route { model, collection, type_id, key, tail, fragment, ancestors })
        };
        let key = match key_text {
            Some(_) if set.is_single => return Err(invalid_key(structured)),
            None if set.is_single => Cow::Borrowed(&*set.name),
            Some(text) => Cow::Owned(parse_key(&text, structured)?),
            None => match next_segment(segments)? {
                None => return Ok(route(collection, None, Tail::Whole, ancestors)),
                Some(segment) if segment.eq_ignore_ascii_case("$count") => {
                    return expect_end(segments, route(collection, None, Tail::Count, ancestors));
                }
                Some(segment) if segment.eq_ignore_ascii_case("$value") => {
                    return Err(Error::new(&refusal::VALUE_OF_COLLECTION, &[]));
                }
                Some(segment) => key_segment(model, segment)?,
            },
        };
        let Some(segment) = next_segment(segments)? else { return Ok(route(collection, Some(key), Tail::Whole, ancestors)) };
        let Segment { name, predicate } = Segment::of(&segment);
        let Some(navigation) = structured.navigation(name) else {
            let tail = property_path(model, structured, &key, segment, segments)?;
            return Ok(route(collection, Some(key), tail, ancestors));
        };
        key_text = predicate.map(str::to_owned);
        let contained = collection.within(schema, &key, navigation.set);
        ancestors.push(Ancestor { collection, type_id, key: key.into_owned() });
        (collection, type_id) = (contained, navigation.target);
    }
}

/// Returns the path of an absolute link after a version: `/v1.0/http://127.0.0.1:9340/v1.0/teamwork/…`.
///
/// The JavaScript core client (`@microsoft/microsoft-graph-client` 3.0.7) recognizes absolute links by `https://` alone; over plain HTTP it
/// prepends its base URL to the link to the next page. The service has no plain HTTP, so it never receives such a path.
fn absolute_link_path(path: &str) -> Option<&str> {
    let (_, link) = path.strip_prefix('/')?.split_once('/')?;
    let without_scheme = link.strip_prefix("http://")?;
    without_scheme.find('/').map(|slash| &without_scheme[slash..])
}

/// Returns the next segment. Refuses an empty one.
fn next_segment<'p>(segments: &mut impl Iterator<Item = Cow<'p, str>>) -> Result<Option<Cow<'p, str>>, Error> {
    match segments.next() {
        Some(segment) if segment.is_empty() => Err(Error::new(&refusal::EMPTY_SEGMENT, &[])),
        segment => Ok(segment),
    }
}

/// Returns the resource if the path ends here.
fn expect_end<'s, 'p>(segments: &mut impl Iterator<Item = Cow<'p, str>>, resource: Resource<'s>) -> Result<Resource<'s>, Error> {
    match next_segment(segments)? {
        None => Ok(resource),
        Some(segment) => Err(not_emulated(&segment)),
    }
}

/// Resolves the path from an entity to one of its properties. `parent` is the segment before the first one.
fn property_path<'p>(
    model: &Model,
    structured: &StructuredType,
    parent: &str,
    first: Cow<'p, str>,
    segments: &mut impl Iterator<Item = Cow<'p, str>>,
) -> Result<Tail, Error> {
    let mut path = PropertyTail::default();
    let mut owner = Some(structured);
    let mut is_collection = false;
    let mut previous = parent.to_owned();
    let mut segment = Some(first);
    while let Some(name) = segment {
        if is_collection {
            let is_value = name.eq_ignore_ascii_case("$value");
            return Err(if is_value { Error::new(&refusal::VALUE_OF_COLLECTION, &[]) } else { not_emulated(&name) });
        }
        if name.eq_ignore_ascii_case("$count") {
            return Err(Error::new(&refusal::COUNT_OF_ONE, &[&previous]));
        }
        let Some(current) = owner else {
            // Only `$value` can follow a value without members.
            if !name.eq_ignore_ascii_case("$value") || path.is_raw {
                return Err(Error::new(&refusal::BEHIND_PRIMITIVE, &[&previous, &name]));
            }
            path.is_raw = true;
            segment = next_segment(segments)?;
            continue;
        };
        let Some(index) = current.property(&name) else {
            let properties = current.properties.iter().map(|property| &*property.name);
            let navigations = current.navigations.iter().map(|navigation| &*navigation.name);
            return Err(unknown_segment(&name, properties.chain(navigations)));
        };
        let property = &current.properties[index];
        owner = match property.kind {
            PropertyType::Complex(id) => Some(model.structured(id)),
            PropertyType::Primitive(_) | PropertyType::Enum(_) | PropertyType::Collection(_) => None,
        };
        is_collection = matches!(property.kind, PropertyType::Collection(_));
        path.indexes.push(index);
        property.name.as_ref().clone_into(&mut previous);
        segment = next_segment(segments)?;
    }
    Ok(Tail::Property(path))
}

/// Resolves the path of one entity in its usual form: segments in their declared case, and a key of unreserved characters (RFC 3986) as
/// a segment. The result is that of [`resolve`], at a fraction of the cost.
fn resolve_usual_form<'s>(schema: &'s Schema, path: &'s str) -> Option<Route<'s>> {
    schema.addresses().iter().find_map(|address| {
        let key = path.strip_prefix(&*address.path)?.strip_prefix('/')?;
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
        if key.is_empty() || !key.bytes().all(is_unreserved) {
            return None;
        }
        Some(Route {
            model: schema.model(address.version),
            collection: address.set.into(),
            type_id: address.type_id,
            key: Some(Cow::Borrowed(key)),
            tail: Tail::Whole,
            fragment: Cow::Borrowed(&schema.set(address.set).fragment),
            ancestors: Vec::new(),
        })
    })
}

/// Takes a segment after a collection as a key, unless it is reserved: `$ref`, `delta()`, a type name.
fn key_segment<'p>(model: &Model, segment: Cow<'p, str>) -> Result<Cow<'p, str>, Error> {
    let is_type = segment.strip_prefix(&*model.namespace).is_some_and(|rest| rest.starts_with('.'));
    if segment.starts_with('$') || segment.ends_with("()") || is_type {
        return Err(not_emulated(&segment));
    }
    Ok(segment)
}

pub(super) fn unknown_segment<'n>(segment: &str, names: impl Iterator<Item = &'n str>) -> Error {
    let hint = nearest(segment, names).map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    Error::new(&refusal::UNKNOWN_SEGMENT, &[segment]).with_detail(format!("this path is not emulated{hint}"))
}

fn not_emulated(segment: &str) -> Error {
    unknown_segment(segment, std::iter::empty())
}

fn invalid_key(structured: &StructuredType) -> Error {
    Error::new(&refusal::INVALID_KEY, &[&structured.full_name])
}

/// Parses a key in parentheses.
fn parse_key(predicate: &str, structured: &StructuredType) -> Result<String, Error> {
    let KeyPredicate { name, key } = KeyPredicate::of(predicate).ok_or_else(|| invalid_key(structured))?;
    let key_name = structured.key.map(|index| &*structured.properties[index].name);
    let is_key = name.is_none_or(|name| key_name.is_some_and(|key_name| key_name.eq_ignore_ascii_case(name)));
    if is_key { Ok(key) } else { Err(invalid_key(structured)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Resolves a path segment by segment: the usual form has no trailing slash.
    fn resolve_by_segments(schema: &Schema, path: &str) -> Option<(Version, CollectionAddress, TypeId, Option<String>, String)> {
        let path = format!("{path}/");
        let Ok(Resource::Entities(route)) = resolve(schema, &path) else { return None };
        Some(parts_of(route))
    }

    fn parts_of(route: Route<'_>) -> (Version, CollectionAddress, TypeId, Option<String>, String) {
        let key = route.key.map(Cow::into_owned);
        (route.model.version, route.collection, route.type_id, key, route.fragment.into_owned())
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn the_usual_form_resolves_as_by_segments(version in "v1.0|beta|V1.0|v2", key in "[A-Za-z0-9._~$()'%-]{0,12}") {
            let schema = crate::workloads::schema();
            let path = format!("/{version}/teamwork/workforceIntegrations/{key}");
            if let Some(route) = resolve_usual_form(&schema, &path) {
                prop_assert_eq!(Some(parts_of(route)), resolve_by_segments(&schema, &path));
            }
        }

        #[test]
        fn keys_as_segments_and_in_parentheses_are_equivalent(
            team in "[A-Za-z0-9._~'@:-]{1,12}",
            shift in proptest::option::of("[A-Za-z0-9._~'@:-]{1,12}"),
            name in "(shifts|openShifts|timeOffReasons|timesOff|schedule)",
        ) {
            let schema = crate::workloads::schema();
            let encoded = |key: &str| crate::edm::address::encoded_key(key);
            let quoted = |key: &str| encoded(&key.replace('\'', "''"));
            let (mut as_segments, mut in_parentheses) = (format!("/v1.0/teams/{}", encoded(&team)), format!("/v1.0/teams('{}')", quoted(&team)));
            for path in [&mut as_segments, &mut in_parentheses] {
                path.push_str(if name == "schedule" { "" } else { "/schedule" });
                path.push_str(&format!("/{name}"));
            }
            if let Some(shift) = shift.as_deref().filter(|_| name != "schedule") {
                as_segments.push_str(&format!("/{}", encoded(shift)));
                in_parentheses.push_str(&format!("('{}')", quoted(shift)));
            }
            let resolved = resolve_by_segments(&schema, &as_segments);
            prop_assert_eq!(resolved.as_ref().and_then(|route| route.1.holder.is_some().then_some(())), Some(()));
            prop_assert_eq!(&resolved, &resolve_by_segments(&schema, &in_parentheses));
            // The fragment of a context URL resolves to the same resource.
            let (.., key, fragment) = resolved.unwrap();
            let key = key.filter(|_| name != "schedule").map_or_else(String::new, |key| format!("('{}')", quoted(&key)));
            prop_assert_eq!(resolve_by_segments(&schema, &format!("/v1.0/{}{key}", &fragment[1..])), resolve_by_segments(&schema, &as_segments));
        }

        #[test]
        fn resolving_below_teams_never_panics(path in "/v1.0/teams(/|\\('|[a-z'%()=$]){0,4}(/schedule(/shifts(/|\\('|')){0,2}){0,2}\\PC{0,20}") {
            let _ = resolve(&crate::workloads::schema(), &path);
        }

        #[test]
        fn resolving_never_panics(path in "\\PC{0,60}") {
            let _ = resolve(&crate::workloads::schema(), &path);
        }
    }

    #[test]
    fn only_entities_have_the_usual_form() {
        let schema = crate::workloads::schema();
        assert!(resolve_usual_form(&schema, "/v1.0/teamwork/workforceIntegrations/WFI_1").is_some());
        assert!(resolve_usual_form(&schema, "/beta/teamwork/workforceIntegrations/WFI_1").is_some());
        for other in ["", "/", "/$count", "/a/b", "/a()", "x"] {
            assert!(resolve_usual_form(&schema, &format!("/v1.0/teamwork/workforceIntegrations{other}")).is_none(), "{other}");
        }
    }
}
