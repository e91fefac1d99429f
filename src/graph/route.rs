//! Resolves paths to resources, driven by the model.
//!
//! A path leads from a root through contained entities, which have addresses of their own, and through links to entities that live elsewhere.
//! The canonical address of an entity decides where it is stored and which context URL it has, not the way to it.

mod asked;
mod files;
mod lookup;
mod operation;
mod segments;
mod sites;
mod view;

use std::borrow::Cow;

use crate::edm::address::{CollectionAddress, EntityAddress, KeyForm, encoded_key, entity_address};
use crate::edm::key;
use crate::edm::primitive::Primitive;
use crate::edm::schema::{
    Elsewhere, Model, NamedType, Navigation, PropertyType, Restrictions, Root, Schema, StructuredType, TypeId, Version,
    WindowRules,
};
use crate::edm::segment::{KeyPredicate, Segment};
use crate::odata::error::Error;
use crate::policy::behavior::SchemaRestrictions;
use crate::policy::refusal;
use crate::world::World;
use crate::world::workload::Ancestor;

use self::asked::{Role, Step};
pub(super) use self::files::NewFile;
pub(super) use self::lookup::Lookup;
pub(super) use self::operation::OperationCall;
pub(super) use self::segments::unknown_segment;
use self::segments::{Segments, expect_end, next_segment, not_emulated};

/// The resource that a path names.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all paths are of entities, and a box would cost each of them")]
pub(super) enum Resource<'s> {
    /// The service document of a version.
    Service(&'s Model),
    /// The schema of a version.
    Metadata(&'s Model),
    /// The result of an operation that is bound to nothing.
    Operation(&'s Model, Box<OperationCall<'s>>),
    /// A collection, one of its entities, or a part of one.
    Entities(Route<'s>),
}

/// A collection, one of its entities, or a part of one.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a part of the way, independent of the others")]
pub(super) struct Route<'s> {
    pub(super) model: &'s Model,
    pub(super) collection: CollectionAddress,
    /// The type that the path leads to: the declared one, or that of a cast.
    pub(super) type_id: TypeId,
    /// The type of a cast, which an entity must have.
    pub(super) cast: Option<TypeId>,
    /// The key of one entity; `None` for the collection.
    pub(super) key: Option<Cow<'s, str>>,
    pub(super) tail: Tail,
    /// The path of the collection as the fragment of context URLs.
    pub(super) fragment: Cow<'s, str>,
    /// The form of keys behind it.
    pub(super) key_form: KeyForm,
    /// The path of the collection as in links to further pages, after the version; `None` for that of the fragment.
    pub(super) link_path: Option<String>,
    /// The entities that contain the collection, outermost first.
    pub(super) ancestors: Vec<Ancestor>,
    /// The collection's own path, where the path shows entities of another address.
    pub(super) home: Option<String>,
    /// The other collections whose entities it shows.
    pub(super) also: Vec<CollectionAddress>,
    /// The collection in which new entities are created, if it is another one, and the key of the entity that PUT creates.
    pub(super) new_in: Option<(CollectionAddress, Option<String>)>,
    /// The alternate key by which PATCH can create the entity that is not there: the property, and its value.
    pub(super) upsert: Option<(usize, String)>,
    /// The rules of the time range, if the path shows what happens in one.
    pub(super) window: Option<&'static WindowRules>,
    /// The entities that the collection shows instead of its own: the result of an operation.
    pub(super) result: Option<ResultSet>,
    /// Whether the collection has links to entities.
    pub(super) has_links: bool,
    /// Whether the path leads through a link.
    pub(super) is_linked: bool,
    /// The refusal if something on the path is not there.
    pub(super) missing: Option<Error>,
    /// The operation that the path calls.
    pub(super) operation: Option<Box<OperationCall<'s>>>,
    /// The file that is not there, where names lead to one.
    pub(super) new_file: Option<Box<NewFile>>,
    /// Whether names lead to a file or folder.
    pub(super) has_names: bool,
    /// Whether the entity is a time at which the last ancestor happens.
    pub(super) is_instance: bool,
    /// The restrictions of the set or navigation property of the path.
    restrictions: Restrictions,
    /// The parts of the path, if permissions are checked.
    steps: Vec<Step>,
}

impl<'s> Route<'s> {
    /// Returns the restrictions that the schema states for the resource, unless the world ignores them.
    pub(super) fn restrictions(&self, world: &World) -> Restrictions {
        self.restrictions_for(world, self.structured())
    }

    /// Returns the same for an entity of a type: the set or navigation property of the path says more exactly than any type what clients
    /// may do there.
    pub(super) fn restrictions_for(&self, world: &World, structured: &StructuredType) -> Restrictions {
        match world.behaviors.schema_restrictions {
            SchemaRestrictions::Enforce => self.restrictions.over(structured.restrictions),
            SchemaRestrictions::Ignore => Restrictions::NONE,
        }
    }

    /// Returns the addresses under which the permissions for the path may be published, the most exact one first.
    pub(super) fn published_addresses(&self, world: &World) -> Vec<Vec<String>> {
        let is_asked = !self.steps.is_empty();
        let addresses = || asked::addresses(&world.schema, self.model, &self.collection, self.key.as_deref(), &self.steps);
        if is_asked { addresses() } else { Vec::new() }
    }

    /// Returns the path with `{id}` for each key, if its parts were recorded.
    pub(super) fn template(&self) -> String {
        asked::template(self.model.version, &self.steps)
    }

    pub(super) fn structured(&self) -> &'s StructuredType {
        self.model.structured(self.type_id)
    }

    /// Returns the route of a collection without a way to it.
    fn of(
        model: &'s Model,
        collection: CollectionAddress,
        type_id: TypeId,
        fragment: Cow<'s, str>,
        key_form: KeyForm,
    ) -> Route<'s> {
        Route {
            model,
            collection,
            type_id,
            cast: None,
            key: None,
            tail: Tail::Whole,
            fragment,
            key_form,
            link_path: None,
            ancestors: Vec::new(),
            home: None,
            also: Vec::new(),
            new_in: None,
            upsert: None,
            window: None,
            result: None,
            has_links: false,
            is_linked: false,
            missing: None,
            operation: None,
            new_file: None,
            has_names: false,
            is_instance: false,
            restrictions: Restrictions::NONE,
            steps: Vec::new(),
        }
    }

    /// Returns the route of the entities that an operation has returned. `fragment` is that of their context URL, `link_path` the path of the
    /// call after the version.
    pub(super) fn of_result(
        model: &'s Model,
        collection: CollectionAddress,
        type_id: TypeId,
        fragment: String,
        link_path: String,
        result: ResultSet,
    ) -> Route<'s> {
        Route {
            link_path: Some(link_path),
            result: Some(result),
            has_links: true,
            ..Route::of(model, collection, type_id, Cow::Owned(fragment), KeyForm::Quoted)
        }
    }

    /// Whether the path is that of the link of a single-valued navigation property.
    pub(super) fn is_single_link(&self, world: &World) -> bool {
        self.has_links && world.schema.set(self.collection.set).is_single
    }
}

/// The entities that an operation has returned.
#[derive(Clone, Debug)]
pub(super) struct ResultSet {
    pub(super) addresses: Vec<EntityAddress>,
    /// Whether the answer has them all, unless the client wants fewer: an action has no further pages.
    pub(super) is_whole: bool,
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
        let Resource::Entities(route) = resolve(schema, &Lookup::none(), path).ok()? else { return None };
        let ancestors = route.ancestors.into_iter().map(|ancestor| (ancestor.collection, ancestor.key.to_string())).collect();
        (route.tail == Tail::Whole && route.missing.is_none()).then(|| EntityPath {
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
    /// The links of a navigation property, or one of them.
    References,
    /// The content of a media entity.
    Media,
    /// The result of an operation.
    Operation,
}

/// The path from an entity to one of its properties.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PropertyTail {
    /// The index of each property in its type, at least one unless the entity has an undeclared member.
    pub(super) indexes: Vec<usize>,
    /// The derived types that complex values are narrowed to, each with the number of properties before it.
    pub(super) casts: Vec<(usize, TypeId)>,
    /// The name behind them that an open type does not declare.
    pub(super) undeclared: Option<String>,
    /// Whether `$value` requests the raw value, without JSON.
    pub(super) is_raw: bool,
    /// Whether `$count` requests the number of values in a collection.
    pub(super) is_counted: bool,
}

impl PropertyTail {
    /// Returns the type that the value behind a number of properties is narrowed to.
    pub(super) fn cast_behind(&self, properties: usize) -> Option<TypeId> {
        self.casts.iter().rev().find(|(before, _)| *before == properties).map(|(_, id)| *id)
    }
}

/// Resolves a path.
///
/// Segments are percent-decoded and matched in any case; keys keep their case. A key is a segment of its own or is in parentheses. One
/// trailing slash is allowed.
pub(super) fn resolve<'s>(schema: &'s Schema, lookup: &Lookup<'_>, path: &'s str) -> Result<Resource<'s>, Error> {
    if let Some(mut route) = resolve_usual_form(schema, path) {
        route.key = route.key.map(|key| lookup.in_stored_case(&route.collection, key, false));
        if lookup.needs_permissions() {
            route.steps = asked::of_usual_form(path, route.type_id);
        }
        return Ok(Resource::Entities(route));
    }
    let path = absolute_link_path(path).unwrap_or(path);
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    // Nearly all paths have no escapes.
    if path.contains('%')
        && let Some(escape) = invalid_escape(path)
    {
        return Err(Error::new(&refusal::INVALID_ESCAPE, &[]).with_detail(format!("invalid escape {escape:?} in the path")));
    }
    let mut segments = Segments::of(path);
    let version = segments.next().unwrap_or_default();
    let Some(version) = Version::from_segment(&version) else {
        let detail = format!("the path begins with {version:?}, expected v1.0 or beta");
        return Err(Error::new(&refusal::INVALID_VERSION, &[]).with_detail(detail));
    };
    let model = schema.model(version);
    if lookup.takes_slashes_after_version() {
        segments.skip_empty();
    }
    let Some(root_segment) = next_segment(&mut segments)? else { return Ok(Resource::Service(model)) };
    if root_segment.eq_ignore_ascii_case("$metadata") {
        return expect_end(&mut segments, Resource::Metadata(model));
    }
    let Segment { name, predicate } = Segment::of(&root_segment);
    let Some(root) = model.root(name) else {
        let call = operation::unbound(model, &root_segment, &mut segments)?;
        return call.map(|call| Resource::Operation(model, Box::new(call))).ok_or_else(|| unknown_root(model, name));
    };
    let walk = Walk::from_root(schema, model, lookup, root, predicate);
    let route = walk.and_then(|walk| walk.follow(&mut segments));
    lookup.unpaid().map_or(route, Err).map(Resource::Entities)
}

/// Returns the first percent sign that two hexadecimal digits do not follow, with the characters behind it.
fn invalid_escape(path: &str) -> Option<String> {
    let digits = |at: usize| path.bytes().skip(at + 1).take(2).filter(u8::is_ascii_hexdigit).count();
    let at = path.match_indices('%').map(|(at, _)| at).find(|at| digits(*at) < 2)?;
    Some(path[at..].chars().take(3).collect())
}

fn unknown_root(model: &Model, name: &str) -> Error {
    unknown_segment(name, model.roots().iter().map(|root| &*root.name))
}

/// The way from a root to a resource: the collection or the entity that the segments so far lead to.
#[allow(clippy::struct_excessive_bools, reason = "each is a part of the way, independent of the others")]
struct Walk<'s, 'l> {
    schema: &'s Schema,
    model: &'s Model,
    lookup: &'l Lookup<'l>,
    collection: CollectionAddress,
    type_id: TypeId,
    cast: Option<TypeId>,
    key: Option<Cow<'s, str>>,
    /// The canonical path of the collection.
    path: String,
    key_form: KeyForm,
    /// The path of the collection as in links.
    link_path: String,
    ancestors: Vec<Ancestor>,
    home: Option<String>,
    also: Vec<CollectionAddress>,
    /// The holder of other collections whose entities are found by their keys.
    elsewhere: Option<(EntityAddress, TypeId, &'static [Elsewhere])>,
    new_in: Option<(CollectionAddress, Option<String>)>,
    upsert: Option<(usize, String)>,
    window: Option<&'static WindowRules>,
    has_links: bool,
    is_linked: bool,
    /// Whether the last entity was found by a person among its members: the schema says that the person contains it, and so what it contains.
    is_joined: bool,
    missing: Option<Error>,
    /// The file that is not there, where names lead to one.
    new_file: Option<Box<NewFile>>,
    has_names: bool,
    /// Whether the entity is a time at which the last ancestor happens.
    is_instance: bool,
    restrictions: Restrictions,
    /// The link that the last segment has followed.
    link: Option<Box<FollowedLink<'s>>>,
    /// The parts of the path so far, if permissions are checked.
    steps: Vec<Step>,
}

/// The position of a walk before it followed a link.
struct FollowedLink<'s> {
    collection: CollectionAddress,
    key: Cow<'s, str>,
    ancestors: Vec<Ancestor>,
    path: String,
    key_form: KeyForm,
    missing: Option<Error>,
}

impl<'s, 'l> Walk<'s, 'l> {
    fn from_root(
        schema: &'s Schema,
        model: &'s Model,
        lookup: &'l Lookup<'l>,
        root: &'s Root,
        predicate: Option<&str>,
    ) -> Result<Walk<'s, 'l>, Error> {
        // The caller's singleton is an entity of its set.
        let set = root.caller_in.unwrap_or(root.set);
        let mut walk = Walk {
            schema,
            model,
            lookup,
            collection: set.into(),
            type_id: root.target,
            cast: None,
            key: None,
            path: schema.set(set).path.to_string(),
            key_form: KeyForm::of(schema.set(set)),
            link_path: root.name.to_string(),
            ancestors: Vec::new(),
            home: None,
            also: Vec::new(),
            elsewhere: None,
            new_in: None,
            upsert: None,
            window: None,
            has_links: false,
            is_linked: false,
            is_joined: false,
            missing: None,
            new_file: None,
            has_names: false,
            is_instance: false,
            restrictions: root.restrictions,
            link: None,
            steps: Vec::new(),
        };
        walk.step(&root.name, Role::Name);
        if root.is_singleton && predicate.is_some() {
            return Err(invalid_key(walk.structured()));
        }
        if root.caller_in.is_some() {
            match lookup.caller_key(root.set) {
                Ok(key) => walk.key = Some(Cow::Owned(key)),
                Err(error) => {
                    walk.key = Some(Cow::Borrowed(""));
                    walk.missing = Some(error);
                }
            }
        } else if root.is_singleton {
            walk.key = Some(Cow::Borrowed(&root.name));
        } else if let Some(predicate) = predicate {
            walk.take_predicate(predicate)?;
        }
        Ok(walk)
    }

    fn structured(&self) -> &'s StructuredType {
        self.model.structured(self.type_id)
    }

    /// Follows the other segments to the end.
    fn follow(mut self, segments: &mut impl Iterator<Item = Cow<'s, str>>) -> Result<Route<'s>, Error> {
        loop {
            let Some(segment) = next_segment(segments)? else { return Ok(self.end(Tail::Whole)) };
            let (segment, has_names) = self.without_mark(segment);
            if let Some(key) = self.site_by_path(&segment, segments)? {
                self.key = Some(key);
                continue;
            }
            if self.cast_to(&segment)? {
                continue;
            }
            if segment.eq_ignore_ascii_case("$ref") {
                self.step("$ref", Role::Mark);
                return expect_end(segments, self.references(&segment)?);
            }
            self.link = None;
            if self.key.is_none() {
                if segment.eq_ignore_ascii_case("$count") {
                    self.step("$count", Role::Mark);
                    return expect_end(segments, self.end(Tail::Count));
                }
                if segment.eq_ignore_ascii_case("$value") {
                    return Err(Error::new(&refusal::VALUE_OF_COLLECTION, &[]));
                }
                if let Some(call) = self.operation(&segment, segments)? {
                    return Ok(self.called(call));
                }
                let segment = self.site_key(segment, has_names, segments)?;
                self.take_key(segment)?;
                self.follow_names(has_names, segments)?;
                continue;
            }
            let Segment { name, predicate } = Segment::of(&segment);
            let structured = self.structured();
            if let Some(navigation) = structured.navigation(name) {
                self.enter(navigation, predicate, "")?;
                self.follow_names(has_names, segments)?;
                continue;
            }
            if structured.property(name).is_none() {
                if let Some(call) = self.operation(&segment, segments)? {
                    return Ok(self.called(call));
                }
                if segment.eq_ignore_ascii_case("$value") && self.can_have_content() {
                    self.step("$value", Role::Mark);
                    return expect_end(segments, self.end(Tail::Media));
                }
            }
            if let Some(tail) = self.property(segment, segments)? {
                return Ok(self.end(tail));
            }
        }
    }

    /// Whether entities of the type, or of one derived from it, have content.
    fn can_have_content(&self) -> bool {
        let structured = self.structured();
        let is_derived = |other: &StructuredType| other.has_stream && self.model.is_a(other.id, structured.id);
        structured.has_stream || structured.is_polymorphic && self.model.structured_types().any(is_derived)
    }

    /// Ends at the links of a navigation property, or at the one that the last segment has followed.
    fn references(mut self, segment: &str) -> Result<Route<'s>, Error> {
        if let Some(link) = self.link.take() {
            let FollowedLink { collection, key, ancestors, path, key_form, missing } = *link;
            self = Walk { collection, key: Some(key), ancestors, path, key_form, missing, has_links: true, ..self };
        } else if !self.has_links || self.key.is_some() {
            return Err(not_emulated(segment));
        }
        Ok(self.end(Tail::References))
    }

    fn called(mut self, call: OperationCall<'s>) -> Route<'s> {
        call.segments.iter().for_each(|segment| self.step(segment, Role::Operation));
        Route { operation: Some(Box::new(call)), ..self.end(Tail::Operation) }
    }

    fn end(self, tail: Tail) -> Route<'s> {
        // In the directory, objects behind a cast are those of their own set (medium, learn.microsoft.com/graph/api/group-list-transitivemembers).
        let own_set = |cast: &TypeId| {
            let is_list = self.key.is_none() && self.model.structured(*cast).rare().eventual.is_some();
            self.schema.home(self.model, *cast).filter(|_| is_list).map(|set| &*self.schema.set(set).name)
        };
        let fragment = match &self.cast {
            Some(cast) => match own_set(cast) {
                Some(set) => format!("#{set}"),
                None => format!("#{}/{}", self.path, self.model.structured(*cast).full_name),
            },
            None => format!("#{}", self.path),
        };
        Route {
            model: self.model,
            collection: self.collection,
            type_id: self.type_id,
            cast: self.cast,
            key: self.key,
            tail,
            fragment: Cow::Owned(fragment),
            key_form: self.key_form,
            link_path: Some(self.link_path),
            ancestors: self.ancestors,
            home: self.home,
            also: self.also,
            new_in: self.new_in,
            upsert: self.upsert,
            window: self.window,
            result: None,
            has_links: self.has_links,
            is_linked: self.is_linked,
            missing: self.missing,
            operation: None,
            new_file: self.new_file,
            has_names: self.has_names,
            is_instance: self.is_instance,
            restrictions: self.restrictions,
            steps: self.steps,
        }
    }

    /// Takes a segment as a cast, if it is the name of a type.
    fn cast_to(&mut self, segment: &str) -> Result<bool, Error> {
        if !segment.contains('.') {
            return Ok(false);
        }
        let Some(NamedType::Structured(id)) = self.model.resolve(segment) else {
            // Keys can have dots. The name of an unknown type looks the same as one, except for a namespace of the schema.
            let namespace = segment.rsplit_once('.').map_or("", |(namespace, _)| namespace);
            let is_unread = self.model.is_partial && is_of_graph(namespace);
            let is_type = is_unread || self.model.namespaces().iter().any(|known| known.eq_ignore_ascii_case(namespace));
            let name = Segment::of(segment).name;
            let is_operation = || self.model.bound_operation(name, self.type_id, self.key.is_none(), &[]).is_some();
            return if is_type && !is_operation() { Err(not_emulated(segment)) } else { Ok(false) };
        };
        if !self.model.is_a(id, self.type_id) {
            return Err(not_emulated(segment));
        }
        if id != self.type_id {
            self.cast = Some(id);
            self.type_id = id;
        }
        let name = &self.model.structured(id).full_name;
        self.link_path.push('/');
        self.link_path.push_str(name);
        self.step(name, if self.key.is_some() { Role::CastOfOne } else { Role::Cast });
        Ok(true)
    }

    /// Takes a segment after a collection as a key, unless it is reserved: `$all`, `delta()`.
    fn take_key(&mut self, segment: Cow<'s, str>) -> Result<(), Error> {
        let is_unread = || self.model.may_have_unread_operation(Segment::of(&segment).name);
        if segment.starts_with('$') || segment.ends_with("()") || is_unread() {
            return Err(not_emulated(&segment));
        }
        self.set_key(segment)
    }

    /// Takes a key in parentheses.
    fn take_predicate(&mut self, predicate: &str) -> Result<(), Error> {
        let structured = self.structured();
        let invalid = || invalid_key(structured);
        let KeyPredicate { name, key, prefix, is_quoted } = KeyPredicate::of(predicate).ok_or_else(invalid)?;
        let named = |index: usize| name.is_some_and(|name| structured.properties[index].name.eq_ignore_ascii_case(name));
        let alternate = structured.alternate_keys.iter().find(|index| named(**index));
        if let Some(index) = alternate.filter(|_| structured.key.is_none_or(|key| !named(key))) {
            self.step_by_alternate_key(&structured.properties[*index].name);
            if prefix.is_some_and(|prefix| !is_prefix_of(self.model, structured.properties[*index].kind, prefix)) {
                return Err(invalid());
            }
            if let Some(found) = self.lookup.by_alternate_key(self.model, &self.collection, &structured.properties[*index], &key)
            {
                self.key = Some(Cow::Owned(found));
            } else {
                let is_upserted = structured.rare().upserted.is_some_and(|name| *structured.properties[*index].name == *name);
                self.upsert = (is_upserted && self.missing.is_none() && !self.has_links).then(|| (*index, key.clone()));
                self.missing.get_or_insert_with(|| unknown_entity(structured, &key));
                self.key = Some(Cow::Owned(key));
            }
            return Ok(());
        }
        let is_key = name.is_none() || structured.key.is_some_and(named);
        let needs_quotes = !structured.key_type().has_bare_literals();
        let has_wrong_prefix = prefix.is_some_and(|prefix| !is_prefix_of(self.model, structured.key_kind(), prefix));
        if !is_key || is_quoted != needs_quotes || has_wrong_prefix {
            return Err(invalid());
        }
        let key = self.site_key(Cow::Owned(key), false, &mut std::iter::empty())?;
        self.set_key(key)
    }

    fn set_key(&mut self, key: Cow<'s, str>) -> Result<(), Error> {
        let structured = self.structured();
        let Some(key) = key::canonical(self.model, structured.key_kind(), key) else { return Err(invalid_key(structured)) };
        self.step(&key, Role::Key);
        let is_elsewhere = self.has_links || structured.is_placeholder;
        let key = self.lookup.in_stored_case(&self.collection, key, is_elsewhere);
        if self.has_links {
            self.follow_link(key);
            return Ok(());
        }
        self.key = Some(match self.lookup.in_segment(structured, &self.collection, &key) {
            Some(found) => Cow::Owned(found),
            None => key,
        });
        self.find_elsewhere();
        self.find_instance();
        (self.new_in, self.window, self.elsewhere) = (None, None, None);
        Ok(())
    }

    /// Goes from an entity through a navigation property. `member` is the path of the complex value that has it.
    fn enter(&mut self, navigation: &'s Navigation, predicate: Option<&str>, member: &str) -> Result<(), Error> {
        if std::mem::take(&mut self.is_joined) && navigation.contains_target {
            self.is_linked = false;
        }
        // New entities go elsewhere only where the path ends.
        (self.new_in, self.upsert, self.is_instance) = (None, None, false);
        let key = self.key.take().unwrap_or_default();
        let inner = self.collection.within_member(self.schema, &key, member, navigation.set);
        let entity = entity_address(&self.path, self.key_form, &key);
        if self.key_form != KeyForm::Single && !self.is_callers() {
            self.link_path.push('/');
            self.link_path.push_str(&encoded_key(&key));
        }
        self.link_path.push_str(member);
        self.link_path.push('/');
        self.link_path.push_str(&navigation.name);
        let set = self.schema.set(inner.set);
        // The navigation properties of a derived type are behind its name.
        let cast = self.cast.map(|id| format!("/{}", self.model.structured(id).full_name)).unwrap_or_default();
        self.path = [&entity, &cast, member, "/", &*navigation.name].concat();
        self.key_form = KeyForm::of(set);
        self.home = None;
        let outer = std::mem::replace(&mut self.collection, inner);
        // Entities under the path itself are shown as they are.
        self.window = navigation.window.filter(|_| self.lookup.is_empty(&self.collection));
        // These were of the collection before.
        (self.new_in, self.also) = (None, Vec::new());
        // Few navigation properties show entities of other addresses.
        let viewed = navigation.view.map(|view| (view, EntityAddress { collection: outer.clone(), key: key.as_ref().into() }));
        let holder_type = self.type_id;
        let others = navigation.keyed_elsewhere;
        let holder = || EntityAddress { collection: outer.clone(), key: key.as_ref().into() };
        self.elsewhere = (!others.is_empty()).then(|| (holder(), holder_type, others));
        // A root collection belongs to the service itself.
        if self.collection.holder.is_some() && !self.schema.set(outer.set).is_root_single() {
            self.ancestors.push(Ancestor { collection: outer, type_id: self.type_id, key: key.as_ref().into() });
        }
        self.type_id = navigation.target;
        self.restrictions = navigation.restrictions;
        self.cast = None;
        self.step(&navigation.name, Role::Name);
        self.has_links = !navigation.contains_target;
        match predicate {
            Some(_) if !navigation.is_collection => Err(invalid_key(self.structured())),
            Some(predicate) => {
                self.take_view(viewed.as_ref(), holder_type);
                self.take_predicate(predicate)
            }
            None if navigation.is_collection => {
                self.take_view(viewed.as_ref(), holder_type);
                self.show_home();
                Ok(())
            }
            None if self.has_links => {
                if !self.take_view(viewed.as_ref(), holder_type) {
                    self.follow_link(Cow::Borrowed(&navigation.name));
                }
                Ok(())
            }
            None => {
                self.key = Some(Cow::Borrowed(&navigation.name));
                self.take_view(viewed.as_ref(), holder_type);
                Ok(())
            }
        }
    }

    /// Whether the way so far is the singleton of the caller.
    fn is_callers(&self) -> bool {
        self.model.root(&self.link_path).is_some_and(|root| root.caller_in.is_some())
    }

    /// Shows the set in which the linked entities live as the collection of context URLs.
    fn show_home(&mut self) {
        if self.has_links
            && let Some(home) = self.schema.home(self.model, self.type_id)
        {
            let set = self.schema.set(home);
            self.path = set.path.to_string();
            self.key_form = KeyForm::of(set);
        }
    }

    /// Goes from a collection of links to the entity of one.
    fn follow_link(&mut self, key: Cow<'s, str>) {
        let structured = self.structured();
        let link = self.lookup.link(&self.collection, &key);
        self.link = Some(Box::new(FollowedLink {
            collection: self.collection.clone(),
            key: key.clone(),
            ancestors: self.ancestors.clone(),
            path: self.path.clone(),
            key_form: self.key_form,
            missing: self.missing.clone(),
        }));
        match link.as_ref().map(|link| link.linked()) {
            Some(Some(target)) => {
                self.is_joined = !self.is_linked && self.schema.joined(self.collection.set).is_some();
                self.collection = target.collection.clone();
                self.key = Some(Cow::Owned(target.key.to_string()));
                self.ancestors.clear();
                self.has_links = false;
                self.is_linked = true;
                self.path = self.collection.path(self.schema).into_owned();
                self.key_form = KeyForm::of(self.schema.set(self.collection.set));
                if let Some(home) = self.schema.home(self.model, self.type_id).filter(|_| self.collection.holder.is_none()) {
                    let set = self.schema.set(home);
                    self.path = set.path.to_string();
                    self.key_form = KeyForm::of(set);
                }
            }
            // The entity lives here, for want of a set of its own.
            Some(None) => self.key = Some(key),
            None => {
                self.missing.get_or_insert_with(|| unknown_entity(structured, &key));
                self.key = Some(key);
            }
        }
        self.has_links = false;
    }

    /// Follows the path from the entity to one of its properties; `None` if it goes on from a complex value to other entities.
    fn property(
        &mut self,
        first: Cow<'s, str>,
        segments: &mut impl Iterator<Item = Cow<'s, str>>,
    ) -> Result<Option<Tail>, Error> {
        let mut path = PropertyTail::default();
        let mut owner = Some(self.structured());
        let mut is_collection = false;
        let mut previous = match self.key_form {
            KeyForm::Single => self.link_path.rsplit('/').next().unwrap_or_default().to_owned(),
            KeyForm::Quoted | KeyForm::Bare => self.key.as_deref().unwrap_or_default().to_owned(),
        };
        let mut member = String::new();
        let mut segment = Some(first);
        while let Some(name) = segment {
            if is_collection {
                let is_value = name.eq_ignore_ascii_case("$value");
                if name.eq_ignore_ascii_case("$count") && !path.is_counted && self.lookup.counts_values() {
                    path.is_counted = true;
                    self.step("$count", Role::Mark);
                    segment = next_segment(segments)?;
                    continue;
                }
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
                self.step("$value", Role::Mark);
                segment = next_segment(segments)?;
                continue;
            };
            if let Some(NamedType::Structured(id)) =
                self.model.resolve(&name).filter(|_| !member.is_empty() && name.contains('.'))
                && self.model.is_a(id, current.id)
            {
                let cast = self.model.structured(id);
                self.step(&cast.full_name, Role::Property);
                path.casts.push((path.indexes.len(), id));
                owner = Some(cast);
                segment = next_segment(segments)?;
                continue;
            }
            let Segment { name: navigation_name, predicate } = Segment::of(&name);
            if let Some(navigation) = current.navigation(navigation_name).filter(|_| !member.is_empty()) {
                self.step_through_properties();
                self.enter(navigation, predicate, &member)?;
                return Ok(None);
            }
            let Some(index) = current.property(&name) else {
                if self.has_undeclared(current, &path, &name) {
                    self.undeclared(&mut path, name, segments)?;
                    return Ok(Some(Tail::Property(path)));
                }
                let properties = current.properties.iter().map(|property| &*property.name);
                let navigations = current.navigations.iter().map(|navigation| &*navigation.name);
                return Err(unknown_segment(&name, properties.chain(navigations)));
            };
            let property = &current.properties[index];
            self.step(&property.name, Role::Property);
            owner = match property.kind {
                PropertyType::Complex(id) => Some(self.model.structured(id)),
                PropertyType::Primitive(_) | PropertyType::Enum(_) | PropertyType::Collection(_) => None,
            };
            is_collection = matches!(property.kind, PropertyType::Collection(_));
            path.indexes.push(index);
            member.push('/');
            member.push_str(&property.name);
            property.name.as_ref().clone_into(&mut previous);
            segment = next_segment(segments)?;
        }
        Ok(Some(Tail::Property(path)))
    }

    /// Whether the entity has a member that its open type, or that of the complex value behind a path, does not declare. Any other name is
    /// an unknown segment, though the type is open: it would otherwise be a null value for every misspelled segment.
    fn has_undeclared(&self, owner: &StructuredType, path: &PropertyTail, name: &str) -> bool {
        let Some(key) = self.key.as_deref().filter(|_| owner.is_open && self.missing.is_none()) else { return false };
        if self.model.may_have_unread_member(owner, name) {
            return false;
        }
        let mut structured = self.structured();
        let mut slots = Vec::with_capacity(path.indexes.len());
        for (before, index) in path.indexes.iter().enumerate() {
            let property = &structured.properties[*index];
            slots.push(property.slot);
            let PropertyType::Complex(id) = property.kind else { return false };
            structured = self.model.structured(path.cast_behind(before + 1).unwrap_or(id));
        }
        self.lookup.has_undeclared(&self.collection, key, &slots, name)
    }

    /// Takes what follows an undeclared member: nothing, or `$value`.
    fn undeclared(
        &mut self,
        path: &mut PropertyTail,
        name: Cow<'s, str>,
        segments: &mut impl Iterator<Item = Cow<'s, str>>,
    ) -> Result<(), Error> {
        self.step(&name, Role::Property);
        path.undeclared = Some(name.into_owned());
        let Some(mark) = next_segment(segments)? else { return Ok(()) };
        if !mark.eq_ignore_ascii_case("$value") {
            return Err(Error::new(&refusal::BEHIND_UNDECLARED, &[]));
        }
        path.is_raw = true;
        self.step("$value", Role::Mark);
        expect_end(segments, ())
    }
}

/// Whether a namespace is one of Graph.
fn is_of_graph(namespace: &str) -> bool {
    const GRAPH: &str = "microsoft.graph.";
    namespace.get(..GRAPH.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRAPH))
}

/// Whether literals of a type have a prefix (OData ABNF, duration, binary, enum).
fn is_prefix_of(model: &Model, kind: PropertyType, prefix: &str) -> bool {
    match kind {
        PropertyType::Primitive(Primitive::Duration) => prefix.eq_ignore_ascii_case("duration"),
        PropertyType::Primitive(Primitive::Binary) => prefix.eq_ignore_ascii_case("binary"),
        PropertyType::Enum(id) => model.resolve(prefix) == Some(NamedType::Enum(id)),
        _ => false,
    }
}

fn unknown_entity(structured: &StructuredType, key: &str) -> Error {
    let wording = structured.wording;
    let error = Error::new(wording.unknown_entity, &[wording.noun, key, &structured.full_name]);
    Error { inner_code: wording.not_found_code, ..error }
}

/// Returns the path of an absolute link after a version: `/v1.0/http://127.0.0.1:9340/v1.0/teamwork/…`.
///
/// The JavaScript core client (`@microsoft/microsoft-graph-client` 3.0.7) recognizes absolute links by `https://` alone; over plain HTTP it
/// prepends its base URL to the link to the next page. The service has no plain HTTP, so it never receives such a path.
pub(crate) fn absolute_link_path(path: &str) -> Option<&str> {
    let (_, link) = path.strip_prefix('/')?.split_once('/')?;
    let without_scheme = link.strip_prefix("http://")?;
    without_scheme.find('/').map(|slash| &without_scheme[slash..])
}

/// The characters of keys that have one form in paths.
static UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// Resolves the path of one entity in its usual form: segments in their declared case, and a key of unreserved characters (RFC 3986) as
/// a segment. The result is that of [`resolve`], at a fraction of the cost.
fn resolve_usual_form<'s>(schema: &'s Schema, path: &'s str) -> Option<Route<'s>> {
    let (collection, key) = path.split_at_checked(memchr::memrchr(b'/', path.as_bytes())?)?;
    let key = key.strip_prefix('/').filter(|key| !key.is_empty() && key.bytes().all(|byte| UNRESERVED[usize::from(byte)]))?;
    let address = schema.address(collection).filter(|address| address.is_home)?;
    let (set, model) = (schema.set(address.set), schema.model(address.version));
    // Other keys have more than one form, and operations look like keys.
    let is_operation = || model.bound_operation(key, address.type_id, true, &[]).is_some();
    let has_forms = || model.structured(address.type_id).key_kind() != PropertyType::Primitive(Primitive::String);
    let has_addresses = model.structured(address.type_id).rare().site.is_some();
    if !set.quotes_keys || has_addresses || has_forms() {
        return None;
    }
    // Nearly all keys have a character that names of operations do not have.
    let is_identifier = memchr::memchr2(b'-', b'~', key.as_bytes()).is_none();
    if is_identifier && (is_operation() || model.may_have_unread_operation(key)) {
        return None;
    }
    let fragment = Cow::Borrowed(&*set.fragment);
    let route = Route::of(model, address.set.into(), address.type_id, fragment, KeyForm::Quoted);
    Some(Route { key: Some(Cow::Borrowed(key)), restrictions: address.restrictions, ..route })
}

fn invalid_key(structured: &StructuredType) -> Error {
    Error::new(&refusal::INVALID_KEY, &[&structured.full_name])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Resolves a path segment by segment: the usual form has no trailing slash.
    fn resolve_by_segments(schema: &Schema, path: &str) -> Option<(Version, CollectionAddress, TypeId, Option<String>, String)> {
        let path = format!("{path}/");
        let Ok(Resource::Entities(route)) = resolve(schema, &Lookup::none(), &path) else { return None };
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
            let encoded = |key: &str| crate::edm::address::encoded_key(key).into_owned();
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
            let _ = resolve(&crate::workloads::schema(), &Lookup::none(), &path);
        }

        #[test]
        fn resolving_never_panics(path in "\\PC{0,60}") {
            let _ = resolve(&crate::workloads::schema(), &Lookup::none(), &path);
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
