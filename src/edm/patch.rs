//! A change to an entity: what a body says of each property, and its merging into values.

use std::collections::HashMap;
use std::sync::Arc;

use super::value::{Complex, Dynamic, Value};
use crate::edm::schema::{Model, PropertyType, StructuredType};

/// What a body says of an object's members. What it does not name stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Declared properties, each at most once.
    pub changes: Vec<PropertyChange>,
    /// Undeclared members of an open type, each at most once.
    pub dynamic: Vec<Dynamic>,
}

/// What a body says of one declared property.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyChange {
    /// The index of the property in its type.
    pub property: usize,
    /// The change.
    pub to: NewValue,
}

/// The change of one property.
#[derive(Clone, Debug, PartialEq)]
pub enum NewValue {
    /// The value is replaced.
    Set(Value),
    /// The complex value is merged member by member (OData 4.0 Part 1, 11.4.3).
    Merge(Patch),
}

impl Patch {
    /// Returns the values with the changes merged in.
    pub fn apply(&self, model: &Model, structured: &StructuredType, base: &Complex) -> Complex {
        let mut merged = base.clone();
        for change in &self.changes {
            let property = &structured.properties[change.property];
            match property.alias {
                Some(alias) if self.alias_loses(alias.target, &base.values[property.slot]) => continue,
                // The stored value changes nothing, but it would undo the value that an alias before it has set.
                None if change.to == NewValue::Set(base.values[property.slot].clone()) => continue,
                _ => {}
            }
            let slot = &mut merged.values[property.slot];
            match (&change.to, property.kind) {
                (NewValue::Merge(patch), PropertyType::Complex(id)) => {
                    let member_type = model.structured(id);
                    let merged_value = match &base.values[property.slot] {
                        Value::Complex(current) => patch.apply(model, member_type, current),
                        _ => patch.apply(model, member_type, &Complex::initial(member_type)),
                    };
                    *slot = Value::Complex(Arc::new(merged_value));
                }
                (NewValue::Set(value), _) => *slot = value.clone(),
                (NewValue::Merge(_), _) => unreachable!("only complex properties are merged"),
            }
        }
        self.merge_dynamic(&mut merged.dynamic);
        merged
    }

    /// Whether the value of an alias gives way to that of its target: clients that read, change and write back send the older name
    /// along with its stale value, so the one that differs from the stored value counts.
    fn alias_loses(&self, target: usize, stored: &Value) -> bool {
        let newer_name = self.changes.iter().find(|change| change.property == target);
        newer_name.is_some_and(|change| change.to != NewValue::Set(stored.clone()))
    }

    fn merge_dynamic(&self, members: &mut Vec<Dynamic>) {
        if self.dynamic.is_empty() {
            return;
        }
        let places: HashMap<Arc<str>, usize> =
            members.iter().enumerate().map(|(index, member)| (member.name.clone(), index)).collect();
        for member in &self.dynamic {
            match places.get(&member.name) {
                Some(index) => members[*index] = member.clone(),
                None => members.push(member.clone()),
            }
        }
    }
}
