//! The state that a path may need to be resolved: links, other keys, and the caller.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use http::HeaderMap;

use crate::edm::address::CollectionAddress;
use crate::edm::key;
use crate::edm::primitive::Primitive;
use crate::edm::schema::{DerivedKey, Model, Property, PropertyType, SetId, Slot, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::policy::behavior::{CountOfValues, ExpensiveQuery, SlashesAfterVersion};
use crate::policy::refusal;
use crate::world::settings::Auth;
use crate::world::store::{LookUpUnpaid, StoredEntity};
use crate::world::workload::InstanceRules;
use crate::world::{World, links};

/// The steps that a key of a collection costs.
const KEY_STEPS: u64 = 16;

/// The state, if there is one: paths of fixtures and recordings are resolved without.
pub(in crate::graph) struct Lookup<'l> {
    state: Option<State<'l>>,
    /// Whether the parts of the path are recorded without a state, too.
    records_parts: bool,
    /// Whether the purse did not suffice: all that was found since then must be discarded.
    is_unpaid: Cell<bool>,
}

#[derive(Clone, Copy)]
struct State<'l> {
    world: &'l World,
    headers: &'l HeaderMap,
    /// The purse that pays for searches.
    purse: &'l Purse,
}

impl<'l> Lookup<'l> {
    /// Returns a lookup that finds nothing.
    pub(in crate::graph) fn none() -> Lookup<'l> {
        Lookup { state: None, records_parts: false, is_unpaid: Cell::new(false) }
    }

    /// Returns a lookup that finds nothing, for the parts of a path.
    pub(in crate::graph) fn of_parts() -> Lookup<'l> {
        Lookup { records_parts: true, ..Lookup::none() }
    }

    /// Returns the lookup of a request.
    pub(in crate::graph) fn of(world: &'l World, headers: &'l HeaderMap, purse: &'l Purse) -> Lookup<'l> {
        Lookup { state: Some(State { world, headers, purse }), records_parts: false, is_unpaid: Cell::new(false) }
    }

    /// Returns the refusal of a path for whose entities too many others had to be searched. It is discarded if the computation is
    /// interrupted.
    pub(super) fn unpaid(&self) -> Option<Error> {
        let refusal = || match self.state.map(|state| state.world.behaviors.expensive_query) {
            Some(ExpensiveQuery::Timeout) => &refusal::QUERY_TIMEOUT,
            _ => &refusal::QUERY_TOO_EXPENSIVE,
        };
        self.is_unpaid.get().then(|| Error::new(refusal(), &[]))
    }

    fn world(&self) -> Option<&'l World> {
        self.state.map(|state| state.world)
    }

    /// Returns what was found, unless the purse did not suffice.
    fn paid<T: Default>(&self, found: Result<T, LookUpUnpaid>) -> T {
        found.unwrap_or_else(|LookUpUnpaid| {
            self.is_unpaid.set(true);
            T::default()
        })
    }

    /// Whether permissions are checked, which are published by the parts of paths.
    pub(super) fn needs_permissions(&self) -> bool {
        self.records_parts || self.world().is_some_and(|world| world.auth == Auth::Strict)
    }

    /// Whether two slashes behind the version count as one (behavior `slashes-after-version`).
    pub(super) fn takes_slashes_after_version(&self) -> bool {
        self.world().is_none_or(|world| world.behaviors.slashes_after_version == SlashesAfterVersion::Take)
    }

    /// Whether `$count` can follow a property with a collection of values (behavior `count-of-values`).
    pub(super) fn counts_values(&self) -> bool {
        self.world().is_none_or(|world| world.behaviors.count_of_values == CountOfValues::Answer)
    }

    /// Returns the key of the signed-in user's entity. Without a token it is that of the state, linked under the singleton, or the local
    /// user's.
    pub(in crate::graph) fn caller_key(&self, singleton: SetId) -> Result<String, Error> {
        let Some(State { world, headers, .. }) = self.state else { return Ok(LOCAL_USER.0.to_owned()) };
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
        let State { world, purse, .. } = self.state?;
        let found = links::link(&world.schema, &world.store, collection, key, Some(purse));
        if purse.is_empty() && world.schema.is_derived(collection.set) {
            self.is_unpaid.set(true);
        }
        found
    }

    /// Returns whether a collection has an entity.
    pub(super) fn has(&self, collection: &CollectionAddress, key: &str) -> bool {
        self.world().is_some_and(|world| world.store.has(collection, key))
    }

    /// Returns an entity by its key.
    pub(super) fn entity(&self, collection: &CollectionAddress, key: &str) -> Option<Arc<StoredEntity>> {
        self.world()?.store.at(collection).get(key)
    }

    /// Returns whether an entity, or the complex value behind slots of it, has an undeclared member.
    pub(super) fn has_undeclared(&self, collection: &CollectionAddress, key: &str, slots: &[Slot], name: &str) -> bool {
        let Some(entity) = self.world().and_then(|world| world.store.at(collection).get(key)) else { return false };
        let inner = slots.iter().try_fold(&entity.entity().properties, |object, slot| match object.get(*slot) {
            Value::Complex(inner) => Some(&**inner),
            _ => None,
        });
        inner.is_some_and(|object| object.dynamic.iter().any(|member| *member.name == *name))
    }

    /// Returns the key of the entity that happens at the time with a key, which the collection does not have.
    pub(super) fn series(&self, structured: &StructuredType, collection: &CollectionAddress, key: &str) -> Option<Arc<str>> {
        let State { world, purse, .. } = self.state?;
        if world.store.has(collection, key) {
            return None;
        }
        self.paid(InstanceRules::series_of(world, purse, structured, collection, key))
    }

    /// Returns whether a collection has no entities, as far as there is a state.
    pub(super) fn is_empty(&self, collection: &CollectionAddress) -> bool {
        self.world().is_some_and(|world| world.store.at(collection).is_empty())
    }

    /// Returns the keys of a collection.
    pub(super) fn keys(&self, collection: &CollectionAddress) -> Vec<String> {
        let Some(State { world, purse, .. }) = self.state else { return Vec::new() };
        let collection = world.store.at(collection);
        let steps = KEY_STEPS.saturating_mul(u64::try_from(collection.len()).unwrap_or(u64::MAX));
        if !purse.spend(steps) {
            return self.paid(Err(LookUpUnpaid));
        }
        collection.list().iter().map(|entity| entity.key.to_string()).collect()
    }

    /// Returns the key of the first entity of a collection with values of a kind.
    pub(super) fn first(&self, collection: &CollectionAddress, is_wanted: impl Fn(&Complex) -> bool) -> Option<String> {
        let State { world, purse, .. } = self.state?;
        let found = world.store.at(collection).first_where(purse, |entity| is_wanted(&entity.properties));
        self.paid(found).map(|entity| entity.key.to_string())
    }

    /// Returns the key of the entity with another key that identifies it.
    pub(super) fn by_alternate_key(
        &self,
        model: &Model,
        collection: &CollectionAddress,
        property: &Property,
        wanted: &str,
    ) -> Option<String> {
        let State { world, purse, .. } = self.state?;
        let wanted = key::canonical(model, property.kind, wanted.into())?;
        let stored = world.store.at(collection);
        if property.kind == PropertyType::Primitive(Primitive::String) {
            let found = self.paid(stored.with_text(property.slot, &wanted, purse));
            return found.first().map(|(_, entity)| entity.key.to_string());
        }
        let has_key = |entity: &StoredEntity| {
            entity.properties.get(property.slot).key(model, property.kind).is_some_and(|text| *text == *wanted)
        };
        self.paid(stored.first_where(purse, has_key)).map(|entity| entity.key.to_string())
    }

    /// Returns the key of the entity that a segment names by a property of a derived type.
    fn by_derived_key(&self, collection: &CollectionAddress, key: &DerivedKey, segment: &str) -> Option<String> {
        let model = self.world()?.schema.widest();
        let derived = model.structured(model.type_named(key.type_name)?);
        let property = &derived.properties[derived.property(key.property)?];
        let unqualified = |qualifier: &str| {
            let start = segment.to_ascii_lowercase().find(qualifier)? + qualifier.len();
            self.by_alternate_key(model, collection, property, segment.get(start..)?)
        };
        self.by_alternate_key(model, collection, property, segment).or_else(|| unqualified(key.qualifier?))
    }

    /// Returns the key of a path as the collection has it: ids that are GUIDs are found in any case.
    pub(super) fn in_stored_case<'k>(
        &self,
        collection: &CollectionAddress,
        key: Cow<'k, str>,
        is_elsewhere: bool,
    ) -> Cow<'k, str> {
        match key::guid_in_lower_case(&key) {
            Some(lower) if !self.has(collection, &key) && (is_elsewhere || self.has(collection, &lower)) => Cow::Owned(lower),
            _ => key,
        }
    }

    /// Returns the key of the entity that a segment names by another key, unless it is a key itself.
    pub(super) fn in_segment(
        &self,
        structured: &StructuredType,
        collection: &CollectionAddress,
        segment: &str,
    ) -> Option<String> {
        let world = self.world()?;
        if let Some(key) = structured.rare().derived_key {
            return if world.store.has(collection, segment) { None } else { self.by_derived_key(collection, key, segment) };
        }
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
