//! The state that a path may need to be resolved: links, other keys, and the caller.

use http::HeaderMap;
use std::sync::Arc;

use crate::edm::address::CollectionAddress;
use crate::edm::file_name;
use crate::edm::key;
use crate::edm::primitive::Primitive;
use crate::edm::schema::{Model, Property, PropertyType, SetId, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::policy::behavior::{CountOfValues, SlashesAfterVersion};
use crate::policy::refusal;
use crate::world::settings::Auth;
use crate::world::store::StoredEntity;
use crate::world::workload::InstanceRules;
use crate::world::{World, links};

/// The state, if there is one: paths of fixtures and recordings are resolved without. The purse pays for links at any distance.
#[derive(Clone, Copy)]
pub(in crate::graph) struct Lookup<'l> {
    state: Option<(&'l World, &'l HeaderMap)>,
    purse: Option<&'l Purse>,
    /// Whether the parts of the path are recorded without a state, too.
    records_parts: bool,
}

impl<'l> Lookup<'l> {
    /// Returns a lookup that finds nothing.
    pub(in crate::graph) fn none() -> Lookup<'l> {
        Lookup { state: None, purse: None, records_parts: false }
    }

    /// Returns a lookup that finds nothing, for the parts of a path.
    pub(in crate::graph) fn of_parts() -> Lookup<'l> {
        Lookup { state: None, purse: None, records_parts: true }
    }

    /// Returns the lookup of a request.
    pub(in crate::graph) fn of(world: &'l World, headers: &'l HeaderMap) -> Lookup<'l> {
        Lookup { state: Some((world, headers)), purse: None, records_parts: false }
    }

    /// Returns the lookup that a purse pays for. What it finds is of no use once the purse is empty.
    pub(in crate::graph) fn paid_by(self, purse: &'l Purse) -> Lookup<'l> {
        Lookup { purse: Some(purse), ..self }
    }

    /// Whether permissions are checked, which are published by the parts of paths.
    pub(super) fn needs_permissions(&self) -> bool {
        self.records_parts || self.state.is_some_and(|(world, _)| world.auth == Auth::Strict)
    }

    /// Whether two slashes behind the version count as one (behavior `slashes-after-version`).
    pub(super) fn takes_slashes_after_version(&self) -> bool {
        self.state.is_none_or(|(world, _)| world.behaviors.slashes_after_version == SlashesAfterVersion::Take)
    }

    /// Whether `$count` can follow a property with a collection of values (behavior `count-of-values`).
    pub(super) fn counts_values(&self) -> bool {
        self.state.is_none_or(|(world, _)| world.behaviors.count_of_values == CountOfValues::Answer)
    }

    /// Returns the key of the signed-in user's entity. Without a token it is that of the state, linked under the singleton, or the local
    /// user's.
    pub(super) fn caller_key(&self, singleton: SetId) -> Result<String, Error> {
        let Some((world, headers)) = self.state else { return Ok(LOCAL_USER.0.to_owned()) };
        match caller::caller(headers) {
            Caller::User(person) => Ok(person.id),
            Caller::Application(_) => Err(Error::new(&refusal::CALLER_WITHOUT_USER, &[])),
            Caller::Unknown => {
                let link = world.store.collection(singleton).get(&world.schema.set(singleton).name);
                let key = link.as_ref().and_then(|link| link.linked()).map(|target| target.key.to_string());
                Ok(key.unwrap_or_else(|| LOCAL_USER.0.to_owned()))
            }
        }
    }

    /// Returns a link, or an entity that lives among links.
    pub(super) fn link(&self, collection: &CollectionAddress, key: &str) -> Option<Arc<StoredEntity>> {
        let (world, _) = self.state?;
        links::link(&world.schema, &world.store, collection, key, self.purse)
    }

    /// Returns whether a collection has an entity.
    pub(super) fn has(&self, collection: &CollectionAddress, key: &str) -> bool {
        self.state.is_some_and(|(world, _)| world.store.has(collection, key))
    }

    /// Returns the key of the entity that happens at the time with a key, which the collection does not have.
    pub(super) fn series(&self, structured: &StructuredType, collection: &CollectionAddress, key: &str) -> Option<Arc<str>> {
        let (world, _) = self.state?;
        if world.store.has(collection, key) { None } else { InstanceRules::series_of(world, structured, collection, key) }
    }

    /// Returns whether a collection has no entities, as far as there is a state.
    pub(super) fn is_empty(&self, collection: &CollectionAddress) -> bool {
        self.state.is_some_and(|(world, _)| world.store.at(collection).is_empty())
    }

    /// Returns the keys of a collection.
    pub(super) fn keys(&self, collection: &CollectionAddress) -> Vec<String> {
        let entities = self.state.map(|(world, _)| world.store.list(collection)).unwrap_or_default();
        entities.iter().map(|entity| entity.key.to_string()).collect()
    }

    /// Returns the key of the first entity of a collection with values of a kind.
    pub(super) fn first(&self, collection: &CollectionAddress, is_wanted: impl Fn(&Complex) -> bool) -> Option<String> {
        let (world, _) = self.state?;
        let entities = world.store.list(collection);
        entities.iter().find(|entity| is_wanted(&entity.properties)).map(|entity| entity.key.to_string())
    }

    /// Returns the key of the entity with another key that identifies it.
    pub(super) fn by_alternate_key(
        &self,
        model: &Model,
        collection: &CollectionAddress,
        property: &Property,
        wanted: &str,
    ) -> Option<String> {
        let (world, _) = self.state?;
        let wanted = key::canonical(model, property.kind, wanted.into())?;
        let has_key = |entity: &Arc<StoredEntity>| match entity.properties.get(property.slot) {
            Value::String(text) if property.kind == PropertyType::Primitive(Primitive::String) => {
                file_name::is_same(text, &wanted)
            }
            value => value.key(model, property.kind).is_some_and(|text| *text == *wanted),
        };
        world.store.list(collection).iter().find(|entity| has_key(entity)).map(|entity| entity.key.to_string())
    }

    /// Returns the key of the entity that a segment names by another key, unless it is a key itself.
    pub(super) fn in_segment(
        &self,
        structured: &StructuredType,
        collection: &CollectionAddress,
        segment: &str,
    ) -> Option<String> {
        let (world, _) = self.state?;
        let (index, wanted) = match (structured.segment_key, structured.well_known) {
            (Some(index), _) => (index, segment),
            (None, Some((index, names))) => {
                let (_, value) = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(segment))?;
                (index, *value)
            }
            (None, None) => return None,
        };
        if world.store.has(collection, segment) {
            return None;
        }
        self.by_alternate_key(world.schema.widest(), collection, &structured.properties[index], wanted)
    }
}
