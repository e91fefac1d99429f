//! Addresses that show entities of other addresses.
//!
//! A view applies only where nothing is stored under the path's own address, so that fixtures can have entities of their own there.

use std::borrow::Cow;
use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress, KeyForm};
use crate::edm::file_name::DEPTH;
use crate::edm::schema::{Elsewhere, PropertyType, StructuredType, TypeId, View};
use crate::edm::value::{Complex, Value};
use crate::graph::route::Walk;
use crate::world::workload::Ancestor;

impl<'s> Walk<'s, '_> {
    /// Goes to the entities that a navigation property of an entity shows. Returns whether it went to an entity.
    pub(super) fn take_view(&mut self, viewed: Option<&(View, EntityAddress)>, holder_type: TypeId) -> bool {
        let Some((view, holder)) = viewed else { return false };
        let holder_type = self.model.structured(holder_type);
        let is_empty = self.lookup.is_empty(&self.collection);
        match *view {
            View::SameKey(set) if is_empty => {
                let Some(root) = self.model.root(set) else { return false };
                let collection = CollectionAddress::from(root.set);
                if !self.lookup.has(&collection, &holder.key) {
                    if !self.has_links {
                        self.new_in = Some((collection, Some(holder.key.to_string())));
                    }
                    return false;
                }
                self.collection = collection;
                self.key = Some(Cow::Owned(holder.key.to_string()));
                self.ancestors.clear();
                if self.has_links {
                    self.show_home();
                    (self.has_links, self.is_linked) = (false, true);
                }
            }
            View::Among { navigation, property, value } if is_empty => {
                let found = self.among(holder_type, holder, (navigation, property, value));
                let Some(found) = found else { return false };
                self.collection = found.collection;
                self.key = Some(Cow::Owned(found.key.to_string()));
            }
            View::Behind { navigation, collection } if is_empty => {
                let Some(single) = holder_type.navigation(navigation) else { return false };
                let Some(View::Among { navigation, property, value }) = single.view else { return false };
                let own = holder.collection.within(self.schema, &holder.key, single.set);
                let inner = self.model.structured(single.target).navigation(collection);
                let (Some(found), Some(inner)) = (self.among(holder_type, holder, (navigation, property, value)), inner) else {
                    // Without the one in between, such as a default calendar, the entities are where the holder itself has them.
                    if let Some(own) = holder_type.navigation(collection) {
                        self.collection = holder.collection.within(self.schema, &holder.key, own.set);
                        self.home = Some(self.collection.path(self.schema).into_owned());
                    }
                    return false;
                };
                if self.lookup.is_empty(&own) {
                    self.collection = found.collection.within(self.schema, &found.key, inner.set);
                    self.home = Some(self.collection.path(self.schema).into_owned());
                }
                return false;
            }
            View::Beside(collection) if is_empty => {
                let Some(beside) = holder_type.navigation(collection) else { return false };
                self.collection = holder.collection.within(self.schema, &holder.key, beside.set);
                self.home = Some(self.collection.path(self.schema).into_owned());
                return false;
            }
            View::Owned { set, path } if is_empty => {
                let Some(root) = self.model.root(set) else { return false };
                let collection = CollectionAddress::from(root.set);
                let structured = self.model.structured(root.target);
                let is_owned = |values: &Complex| self.text_at(structured, values, path).is_some_and(|id| *id == *holder.key);
                let Some(found) = self.lookup.first(&collection, is_owned) else { return false };
                self.path = collection.path(self.schema).into_owned();
                self.key_form = KeyForm::of(self.schema.set(root.set));
                self.collection = collection;
                self.key = Some(Cow::Owned(found));
                self.ancestors.clear();
            }
            View::Tree { single, nested } => {
                let Some(outer) = holder_type.navigation(single) else { return false };
                let structured = self.model.structured(outer.target);
                let Some(inner) = structured.navigation(nested) else { return false };
                let top = holder.collection.within(self.schema, &holder.key, outer.set);
                let within = top.within(self.schema, &outer.name, inner.set);
                let own = self.collection.clone();
                self.add_all(structured, &own, Some(nested), nested, DEPTH);
                self.also.push(top);
                self.also.push(within.clone());
                self.add_all(structured, &within, Some(nested), nested, DEPTH);
                return false;
            }
            View::All { navigation, nested, collection, new_in } => {
                let Some(outer) = holder_type.navigation(navigation) else { return false };
                let structured = self.model.structured(outer.target);
                let address = holder.collection.within(self.schema, &holder.key, outer.set);
                let (property, value) = new_in;
                if let Some(found) = self.first_with(structured, &address, property, value)
                    && let Some(inner) = structured.navigation(collection).filter(|_| is_empty)
                {
                    self.new_in = Some((address.within(self.schema, &found, inner.set), None));
                }
                self.add_all(structured, &address, Some(nested), collection, DEPTH);
                return false;
            }
            View::SameKey(_) | View::Among { .. } | View::Beside(_) | View::Behind { .. } | View::Owned { .. } => return false,
        }
        self.home = Some(self.collection.path(self.schema).into_owned());
        true
    }

    /// Adds the collections of all entities of a collection, and of those nested in them.
    fn add_all(
        &mut self,
        structured: &StructuredType,
        address: &CollectionAddress,
        nested: Option<&str>,
        collection: &str,
        depth: usize,
    ) {
        for key in self.lookup.keys(address) {
            if let Some(inner) = structured.navigation(collection) {
                self.also.push(address.within(self.schema, &key, inner.set));
            }
            let deeper = nested.and_then(|nested| structured.navigation(nested));
            if let Some(deeper) = deeper.filter(|deeper| deeper.target == structured.id && depth > 0) {
                let address = address.within(self.schema, &key, deeper.set);
                self.add_all(structured, &address, nested, collection, depth - 1);
            }
        }
    }

    /// Adds the collections whose entities are found by their keys alone, if the path's own lacks the key.
    fn add_keyed(&mut self) {
        let Some((holder, holder_type, others)) = self.elsewhere.take() else { return };
        if self.key.as_deref().is_none_or(|key| self.lookup.has(&self.collection, key)) {
            return;
        }
        let holder_type = self.model.structured(holder_type);
        for Elsewhere { navigation, nested, collection } in others {
            let Some(outer) = holder_type.navigation(navigation) else { continue };
            let address = holder.collection.within(self.schema, &holder.key, outer.set);
            self.add_all(self.model.structured(outer.target), &address, *nested, collection, DEPTH);
        }
    }

    /// Goes to the collection that has the entity with the key, if the path's own does not.
    pub(super) fn find_elsewhere(&mut self) {
        self.add_keyed();
        let also = std::mem::take(&mut self.also);
        let Some(key) = self.key.as_deref() else { return };
        // A set below a singleton, such as that of the deleted objects, shows no others.
        let is_root = self.collection.holder.is_none() && !self.schema.set(self.collection.set).path.contains('/');
        let is_placeholder = self.structured().is_placeholder && is_root;
        if also.is_empty() && !is_placeholder || self.lookup.has(&self.collection, key) {
            return;
        }
        let found = also.iter().find(|collection| self.lookup.has(collection, key)).cloned();
        let homes = self
            .model
            .roots()
            .iter()
            .filter(|root| is_placeholder && !root.is_singleton && self.model.is_a(root.target, self.type_id));
        let mut homes = homes.map(|root| CollectionAddress::from(root.set));
        if let Some((single, name)) = self.single_with_id(&also, key).filter(|_| found.is_none()) {
            self.collection = single;
            self.key = Some(Cow::Owned(name));
            self.home = Some(self.collection.path(self.schema).into_owned());
        } else if let Some(found) = found.or_else(|| homes.find(|collection| self.lookup.has(collection, key))) {
            self.collection = found;
            self.home = Some(self.collection.path(self.schema).into_owned());
        } else {
            self.also = also;
        }
    }

    /// Goes to the place of the time at which an entity of the collection, or the holder of the collection, happens, if the key is that of one.
    pub(super) fn find_instance(&mut self) {
        let structured = self.structured();
        let navigation = structured.rare().repeated.and_then(|name| structured.navigation(name));
        let (Some(navigation), Some(key)) = (navigation, self.key.as_deref()) else { return };
        let series = if self.window.is_some_and(|rules| rules.is_of_holder) {
            self.ancestors.pop()
        } else {
            let mut places = std::iter::once(&self.collection).chain(&self.also);
            places.find_map(|place| {
                let key = self.lookup.series(structured, place, key)?;
                Some(Ancestor { collection: place.clone(), type_id: self.type_id, key })
            })
        };
        let Some(series) = series else { return };
        self.collection = series.collection.within(self.schema, &series.key, navigation.set);
        self.home = Some(self.collection.path(self.schema).into_owned());
        self.ancestors.push(series);
        self.is_instance = true;
    }

    /// Returns the collection of the single entity with an id, and its key, which is another one.
    fn single_with_id(&self, among: &[CollectionAddress], id: &str) -> Option<(CollectionAddress, String)> {
        let slot = self.structured().key_property()?.slot;
        let has_id = |values: &Complex| matches!(values.get(slot), Value::String(text) if **text == *id);
        let mut singles = among.iter().filter(|collection| self.schema.set(collection.set).is_single);
        singles.find_map(|collection| Some((collection.clone(), self.lookup.first(collection, has_id)?)))
    }

    /// Returns the text at the end of a path of members.
    fn text_at(&self, structured: &StructuredType, values: &Complex, path: &[&str]) -> Option<Arc<str>> {
        let (name, rest) = path.split_first()?;
        let property = &structured.properties[structured.property(name)?];
        match (values.get(property.slot), property.kind) {
            (Value::String(text), _) if rest.is_empty() => Some(text.clone()),
            (Value::Complex(inner), PropertyType::Complex(id)) => self.text_at(self.model.structured(id), inner, rest),
            _ => None,
        }
    }

    fn among(
        &self,
        holder_type: &'s StructuredType,
        holder: &EntityAddress,
        (navigation, property, value): (&str, &str, &str),
    ) -> Option<EntityAddress> {
        let navigation = holder_type.navigation(navigation)?;
        let collection = holder.collection.within(self.schema, &holder.key, navigation.set);
        let key = self.first_with(self.model.structured(navigation.target), &collection, property, value)?;
        Some(EntityAddress { collection, key: key.into() })
    }

    /// Returns the key of the first entity whose property has a value.
    fn first_with(
        &self,
        structured: &StructuredType,
        collection: &CollectionAddress,
        property: &str,
        value: &str,
    ) -> Option<String> {
        let slot = structured.slot(property)?;
        let has_value = |values: &Complex| match values.get(slot) {
            Value::Boolean(found) => found.to_string() == value,
            Value::String(text) => value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) == Some(text),
            _ => false,
        };
        self.lookup.first(collection, has_value)
    }
}
