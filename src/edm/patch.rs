//! Patches: the changes of a request body, and their merge into values.

use std::collections::HashMap;
use std::sync::Arc;

use crate::edm::schema::{Model, PropertyType, StructuredType, TypeId};
use crate::edm::value::{Complex, Dynamic, Value};

/// The changes of an object by a body. Members that the body does not name keep their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// The type with which the body was read, where it is derived from the declared one.
    pub read_as: Option<TypeId>,
    /// Whether the body names its type.
    pub is_typed: bool,
    /// Declared properties, each at most once.
    pub changes: Vec<PropertyChange>,
    /// Undeclared members of an open type, each at most once.
    pub dynamic: Vec<Dynamic>,
    /// Entities under navigation properties.
    pub related: Vec<Related>,
}

/// The entities that a body gives a navigation property of an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// The index of the navigation property in its type.
    pub navigation: usize,
    /// The entities.
    pub entities: RelatedEntities,
}

/// Entities under a navigation property of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum RelatedEntities {
    /// The addresses of existing ones (`@odata.bind`).
    Bound(Vec<Arc<str>>),
    /// An entity that a create names by its key.
    Named(Box<NamedEntity>),
    /// None: the link of a single-valued navigation property is removed.
    Unbound,
    /// New ones (OData 4.0 Part 1, 11.4.2.2, deep insert).
    New(Vec<Patch>),
}

/// An entity that a create names by its key.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedEntity {
    /// The key.
    pub key: Arc<str>,
    /// The values that it has if it begins to exist.
    pub values: Patch,
    /// Whether it begins to exist in any case, if it does not exist.
    pub begins: bool,
}

/// The change of a declared property.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyChange {
    /// The index of the property in its type.
    pub property: usize,
    /// The new value.
    pub to: NewValue,
}

/// The new value of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum NewValue {
    /// Replaces the value.
    Set(Value),
    /// Merges a complex value member by member (OData 4.0 Part 1, 11.4.3).
    Merge(Patch),
}

impl NewValue {
    /// Whether it replaces a value by the same one.
    fn is(&self, stored: &Value) -> bool {
        matches!(self, NewValue::Set(value) if value == stored)
    }

    /// Whether it is a value that is not stored.
    fn is_blank(&self) -> bool {
        matches!(self, NewValue::Set(value) if value.is_blank())
    }
}

impl Patch {
    /// Returns the values after the changes of an instance of a declared type. If the body names another type than the instance's, it
    /// replaces the instance.
    pub fn apply(&self, model: &Model, declared: &StructuredType, base: &Complex) -> Complex {
        let structured = model.actual(declared, self.read_as);
        let replaced;
        let base = if self.is_typed && model.actual(declared, base.own_type).id != structured.id {
            replaced = Complex::initial_of(structured, declared);
            &replaced
        } else {
            base
        };
        let is_new = |change: &&PropertyChange| {
            !change.to.is_blank() && *base.get(structured.properties[change.property].slot) == Value::Null
        };
        let mut merged = base.clone_with_room(self.changes.iter().filter(is_new).count());
        // An instance can still become one of a derived type.
        if let Some(read_as) = self.read_as.filter(|id| merged.own_type.is_none_or(|own| model.is_a(*id, own))) {
            merged.own_type = Some(read_as);
        }
        for change in &self.changes {
            let property = &structured.properties[change.property];
            match property.alias {
                Some(alias) if self.alias_is_stale(alias.target, base.value(property)) => continue,
                // An unchanged value would undo the change of an alias before it.
                None if change.to.is(base.value(property)) => continue,
                _ => {}
            }
            let value = match (&change.to, property.kind) {
                (NewValue::Merge(patch), PropertyType::Complex(id)) => {
                    let member_type = model.structured(id);
                    let merged_value = match base.value(property) {
                        Value::Complex(current) => patch.apply(model, member_type, current),
                        _ => patch.apply(model, member_type, &Complex::initial(member_type)),
                    };
                    Value::Complex(Arc::new(merged_value))
                }
                (NewValue::Set(value), _) => value.clone(),
                (NewValue::Merge(_), _) => unreachable!("only complex properties are merged"),
            };
            // An entity whose type was not known has its members undeclared.
            merged.dynamic.retain(|member| *member.name != *property.name);
            merged.set(property.slot, value);
        }
        self.merge_dynamic(&mut merged.dynamic);
        merged
    }

    /// Whether the value of an alias is ignored in favor of its target. Clients that read, change and write back an entity send the older
    /// name with its stale value, so the value that differs from the stored one counts.
    fn alias_is_stale(&self, target: usize, stored: &Value) -> bool {
        let newer_name = self.changes.iter().find(|change| change.property == target);
        newer_name.is_some_and(|change| !change.to.is(stored))
    }

    fn merge_dynamic(&self, members: &mut Vec<Dynamic>) {
        if self.dynamic.is_empty() {
            return;
        }
        let indexes: HashMap<Arc<str>, usize> =
            members.iter().enumerate().map(|(index, member)| (member.name.clone(), index)).collect();
        members.reserve_exact(self.dynamic.len());
        for member in &self.dynamic {
            match indexes.get(&member.name) {
                Some(index) => members[*index] = member.clone(),
                None => members.push(member.clone()),
            }
        }
    }
}
