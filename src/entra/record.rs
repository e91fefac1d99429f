//! Stored entities by the names of their members.

use std::sync::Arc;

use crate::edm::address::CollectionAddress;
use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::odata::purse::Purse;
use crate::world::World;
use crate::world::store::StoredEntity;

/// A value with members, and its type.
#[derive(Clone, Copy)]
pub(super) struct Record<'r> {
    model: &'r Model,
    structured: &'r StructuredType,
    values: &'r Complex,
}

impl<'r> Record<'r> {
    /// Returns an entity that a root set has, or had.
    pub(super) fn of(world: &'r World, set: &str, entity: &'r StoredEntity) -> Option<Record<'r>> {
        let set = world.schema.set_named(set)?;
        let model = world.schema.widest();
        let (_, structured) = world.schema.entity_type(model, set)?;
        Some(Record { model, structured, values: &entity.properties })
    }

    /// Returns an entity of any collection.
    pub(super) fn at(world: &'r World, place: &CollectionAddress, entity: &'r StoredEntity) -> Option<Record<'r>> {
        let model = world.schema.widest();
        let (_, structured) = world.schema.entity_type(model, place.set)?;
        Some(Record { model, structured, values: &entity.properties })
    }

    fn value(&self, name: &str) -> &'r Value {
        static NULL: Value = Value::Null;
        self.structured.slot(name).map_or(&NULL, |slot| self.values.get(slot))
    }

    /// Returns a text.
    pub(super) fn text(&self, name: &str) -> Option<&'r str> {
        if let Value::String(text) = self.value(name) { Some(text) } else { None }
    }

    /// Returns whether a member is true.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        if let Value::Boolean(flag) = self.value(name) { Some(*flag) } else { None }
    }

    /// Returns a number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        if let Value::Integer(number) = self.value(name) { Some(*number) } else { None }
    }

    /// Returns a time, in seconds since the Unix epoch.
    pub(super) fn seconds(&self, name: &str) -> Option<i64> {
        if let Value::DateTimeOffset(time) = self.value(name) { Some(time.ticks().div_euclid(10_000_000)) } else { None }
    }

    /// Returns a complex value.
    pub(super) fn inner(&self, name: &str) -> Option<Record<'r>> {
        let property = &self.structured.properties[self.structured.property(name)?];
        match (property.kind, self.values.get(property.slot)) {
            (PropertyType::Complex(id), Value::Complex(values)) => {
                Some(Record { model: self.model, structured: self.model.structured(id), values })
            }
            _ => None,
        }
    }

    /// Returns the complex values of a collection.
    pub(super) fn items(&self, name: &str) -> Vec<Record<'r>> {
        let property = self.structured.property(name).map(|index| &self.structured.properties[index]);
        let Some(property) = property else { return Vec::new() };
        let PropertyType::Collection(item) = property.kind else { return Vec::new() };
        let (PropertyType::Complex(id), Value::Collection(items)) = (item.kind(), self.values.get(property.slot)) else {
            return Vec::new();
        };
        let record = |item: &'r Value| match item {
            Value::Complex(values) => Some(Record { model: self.model, structured: self.model.structured(id), values }),
            _ => None,
        };
        items.iter().filter_map(record).collect()
    }

    /// Returns the texts of a collection.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let Value::Collection(items) = self.value(name) else { return Vec::new() };
        items.iter().filter_map(|item| if let Value::String(text) = item { Some(text.to_string()) } else { None }).collect()
    }
}

/// Returns the address of a root set, if the schema has it.
pub(super) fn root(world: &World, set: &str) -> Option<CollectionAddress> {
    world.schema.set_named(set).map(CollectionAddress::from)
}

/// Returns the address of a collection within an entity of a root set.
pub(super) fn within(world: &World, set: &str, key: &str, navigation: &str) -> Option<CollectionAddress> {
    let root = world.schema.set_named(set)?;
    let (_, structured) = world.schema.entity_type(world.schema.widest(), root)?;
    let navigation = structured.navigation(navigation)?;
    Some(CollectionAddress::from(root).within(&world.schema, key, navigation.set))
}

/// Returns the entities of a root set.
pub(super) fn entities(world: &World, set: &str) -> Vec<Arc<StoredEntity>> {
    root(world, set).map(|address| world.store.list(&address)).unwrap_or_default()
}

/// Returns the entity of a root set with a text, compared without case.
pub(super) fn find(world: &World, set: &str, property: &str, text: &str) -> Option<Arc<StoredEntity>> {
    let set = world.schema.set_named(set)?;
    let (_, structured) = world.schema.entity_type(world.schema.widest(), set)?;
    let slot = structured.slot(property)?;
    let has_text = |entity: &Arc<StoredEntity>| matches!(entity.properties.get(slot), Value::String(found) if found.eq_ignore_ascii_case(text));
    // Sign-in among many entities has a thread of its own.
    let found = world.store.at(&set.into()).with_text(slot, text, &Purse::whole()).unwrap_or_default();
    found.into_iter().map(|(_, entity)| entity).find(has_text)
}
