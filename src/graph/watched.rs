//! The entities that a subscription watches, given by a path.

use std::sync::LazyLock;

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::schema::{Model, OperationType, Restrictions, SetId, StructuredType, TypeId, Version};
use crate::graph::route::{self, Lookup, Resource, Route, Tail};
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::odata::query::{Query, QueryTarget, Scope};
use crate::policy::behavior::{Behaviors, QueryOptions};
use crate::policy::refusal;
use crate::world::World;
use crate::world::store::{StoreChange, StoredEntity};

/// The entities that a path leads to.
#[derive(Debug)]
pub(crate) struct Watched<'m> {
    /// The schema that has the path.
    pub(crate) model: &'m Model,
    /// The type of the entities.
    pub(crate) structured: &'m StructuredType,
    /// Their place.
    pub(crate) place: Place,
    filter: Option<Query<'m>>,
    /// The addresses under which the permissions for reading them may be published.
    pub(crate) addresses: Vec<Vec<String>>,
}

/// The behaviors with which filters are read: one that is ignored would notify of everything.
static HONORING: LazyLock<Behaviors> = LazyLock::new(|| Behaviors { query_options: QueryOptions::Honor, ..Behaviors::default() });

/// The place of watched entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One entity.
    Entity(EntityAddress),
    /// Those of collections. New ones are in the first.
    Collections(Vec<CollectionAddress>),
    /// Those of a type, at any depth below a root set, or below an entity of it.
    Below(SetId, Option<String>),
}

/// The reason why a path leads to nothing that can be watched.
#[derive(Debug)]
pub(crate) enum Unwatched {
    /// The schema does not have it.
    Unknown(Error),
    /// An entity on the path does not exist.
    Missing,
}

/// Returns what a path without version leads to. `me` is the user with an id. The entity at its end may be deleted by now, if `is_late`.
pub(crate) fn resolve<'m>(
    world: &'m World,
    user: Option<&str>,
    resource: &str,
    is_late: bool,
    purse: &Purse,
) -> Result<Watched<'m>, Unwatched> {
    let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
    let path = path.trim_matches('/');
    let rest = path.split_once('/').map_or("", |(_, rest)| rest);
    let user = user.filter(|_| is_of_caller(path));
    let path = user.map_or_else(|| path.to_owned(), |user| format!("users/{user}/{rest}"));
    let mut unknown = None;
    for version in Version::ALL {
        match at(world, version, &path, query, (is_late, purse)) {
            Err(Unwatched::Unknown(error)) => _ = unknown.get_or_insert(error),
            Err(missing) => return Err(missing),
            Ok(mut found) => {
                let is_own = |address: &&mut Vec<String>| user.is_some_and(|user| address.get(1).is_some_and(|key| key == user));
                for address in found.addresses.iter_mut().filter(is_own) {
                    address.splice(..2, ["me".to_owned()]);
                }
                return Ok(found);
            }
        }
    }
    Err(Unwatched::Unknown(unknown.unwrap_or_else(|| Error::new(&refusal::UNKNOWN_SEGMENT, &[&path]))))
}

/// Whether a path without version begins with the caller.
pub(crate) fn is_of_caller(path: &str) -> bool {
    let first = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    percent_decode_str(first).decode_utf8_lossy().eq_ignore_ascii_case("me")
}

fn at<'m>(
    world: &'m World,
    version: Version,
    path: &str,
    query: &str,
    (is_late, purse): (bool, &Purse),
) -> Result<Watched<'m>, Unwatched> {
    let (schema, headers) = (&world.schema, HeaderMap::new());
    let model = schema.model(version);
    let path = format!("/{}/{path}", version.segment());
    let resource = route::resolve(schema, &Lookup::of(world, &headers, purse), &path).map_err(Unwatched::Unknown)?;
    let not_watched = || Unwatched::Unknown(Error::new(&refusal::UNKNOWN_SEGMENT, &[&path]));
    let Resource::Entities(route) = resource else { return Err(not_watched()) };
    let addresses = route.published_addresses(world);
    let (type_id, place) = place(world, route, is_late).ok_or_else(not_watched)??;
    let structured = model.structured(type_id);
    let filter = if query.is_empty() {
        None
    } else {
        let now = world.clock.now().into();
        let scope = Scope {
            model,
            structured,
            behaviors: &HONORING,
            knows_hidden: true,
            now,
            search: None,
            rules: None,
            is_eventual: true,
            restrictions: Restrictions::NONE,
        };
        let query = Query::read(query, scope, QueryTarget::Collection).map_err(Unwatched::Unknown)?;
        // Changes of other entities are not watched.
        if query.filter.as_ref().is_some_and(|filter| !filter.navigations().is_empty()) {
            return Err(not_watched());
        }
        Some(query)
    };
    Ok(Watched { model, structured, place, filter, addresses })
}

/// Returns the place that a route leads to, and the type of what is there; `None` for parts of entities.
fn place(world: &World, route: Route<'_>, is_late: bool) -> Option<Result<(TypeId, Place), Unwatched>> {
    if route.missing.is_some() {
        return Some(Err(Unwatched::Missing));
    }
    let schema = &world.schema;
    let is_there =
        |collection: &CollectionAddress, key: &str| schema.set(collection.set).is_single || world.store.has(collection, key);
    if !route.ancestors.iter().all(|ancestor| is_there(&ancestor.collection, &ancestor.key)) {
        return Some(Err(Unwatched::Missing));
    }
    let type_id = route.type_id;
    match (&route.tail, route.key) {
        (Tail::Whole, None) => {
            let new_in = route.new_in.map(|(collection, _)| collection);
            Some(Ok((type_id, Place::Collections(new_in.into_iter().chain([route.collection]).chain(route.also).collect()))))
        }
        (Tail::Whole, Some(key)) if is_late || is_there(&route.collection, &key) => {
            let address = EntityAddress { collection: route.collection, key: key.as_ref().into() };
            Some(Ok((type_id, Place::Entity(address))))
        }
        (Tail::Whole, Some(_)) => Some(Err(Unwatched::Missing)),
        (Tail::Operation, key) => {
            let operation = route.operation?.operation;
            let Some(OperationType::Entities(id)) = operation.returns else { return None };
            let below = key.map(|key| route.collection.address(schema, &key));
            let is_wide = operation.name.len() > 6 && operation.name[..6].eq_ignore_ascii_case("getAll");
            is_wide.then_some(Ok((id, Place::Below(route.collection.root, below))))
        }
        _ => None,
    }
}

impl Watched<'_> {
    /// Whether a changed entity of a collection is one of those. Without a purse that suffices, the result is of no use.
    pub(crate) fn shows(&self, world: &World, collection: &CollectionAddress, change: &StoreChange, purse: &Purse) -> bool {
        let Some(entity) = change.after.as_ref().or(change.before.as_ref()) else { return false };
        let is_there = match &self.place {
            Place::Entity(address) => address.key == entity.key && address.collection == *collection,
            Place::Collections(collections) => collections.contains(collection),
            Place::Below(root, below) => {
                let own = entity.properties.own_type.unwrap_or(world.schema.set(collection.set).target);
                *root == collection.root && self.model.is_a(own, self.structured.id) && is_below(collection, below.as_deref())
            }
        };
        is_there && self.is_match(entity, purse)
    }

    fn is_match(&self, entity: &StoredEntity, purse: &Purse) -> bool {
        let filter = self.filter.as_ref().and_then(|query| query.filter.as_ref());
        filter.is_none_or(|filter| {
            let held = purse.held();
            let is_match = purse.spend(filter.steps()) && filter.is_fulfilled_as(None, &entity.properties, purse);
            purse.release_to(held);
            is_match
        })
    }
}

/// Whether a collection is within an entity, given by its address; `None` is any.
pub(crate) fn is_below(collection: &CollectionAddress, entity: Option<&str>) -> bool {
    let Some(entity) = entity else { return true };
    let rest = collection.holder.as_deref().and_then(|holder| holder.strip_prefix(entity));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
