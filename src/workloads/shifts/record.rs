//! Values of an entity or of an item in it, by the names of their members.

use std::sync::Arc;

use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Model, Property, PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::world::store::StoredEntity;

/// Values with their type. A member that the schema lacks is absent, and setting it changes nothing.
#[derive(Clone)]
pub(super) struct Record<'m> {
    pub(super) model: &'m Model,
    pub(super) structured: &'m StructuredType,
    values: Values<'m>,
}

/// Values, shared until one is set.
#[derive(Clone)]
pub(super) enum Values<'m> {
    Own(Arc<Complex>),
    Stored(Arc<StoredEntity>),
    Borrowed(&'m Complex),
}

impl From<Complex> for Values<'_> {
    fn from(values: Complex) -> Self {
        Values::Own(Arc::new(values))
    }
}

impl From<Arc<Complex>> for Values<'_> {
    fn from(values: Arc<Complex>) -> Self {
        Values::Own(values)
    }
}

impl From<Arc<StoredEntity>> for Values<'_> {
    fn from(entity: Arc<StoredEntity>) -> Self {
        Values::Stored(entity)
    }
}

impl<'m> From<&'m Complex> for Values<'m> {
    fn from(values: &'m Complex) -> Values<'m> {
        Values::Borrowed(values)
    }
}

impl<'m> Record<'m> {
    pub(super) fn new(model: &'m Model, structured: &'m StructuredType, values: impl Into<Values<'m>>) -> Record<'m> {
        let mut record = Record { model, structured, values: values.into() };
        record.structured = model.actual(structured, record.values().own_type);
        record
    }

    pub(super) fn values(&self) -> &Complex {
        match &self.values {
            Values::Own(values) => values,
            Values::Stored(entity) => &entity.properties,
            Values::Borrowed(values) => values,
        }
    }

    pub(super) fn values_mut(&mut self) -> &mut Complex {
        if !matches!(self.values, Values::Own(_)) {
            self.values = self.values().clone().into();
        }
        match &mut self.values {
            Values::Own(values) => Arc::make_mut(values),
            Values::Stored(_) | Values::Borrowed(_) => unreachable!("values of others were copied"),
        }
    }

    pub(super) fn into_values(self) -> Complex {
        match self.values {
            Values::Own(values) => Arc::unwrap_or_clone(values),
            Values::Stored(entity) => entity.properties.clone(),
            Values::Borrowed(values) => values.clone(),
        }
    }

    fn property(&self, name: &str) -> Option<&'m Property> {
        self.structured.property(name).map(|index| &*self.structured.properties[index])
    }

    fn value(&self, name: &str) -> &Value {
        self.property(name).map_or(&Value::Null, |property| self.values().get(property.slot))
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        if let Some(property) = self.property(name) {
            self.values_mut().set(property.slot, value);
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<Arc<str>> {
        match self.value(name) {
            Value::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn set_text(&mut self, name: &str, text: Option<&str>) {
        self.set(name, text.map_or(Value::Null, |text| Value::String(text.into())));
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        *self.value(name) == Value::Boolean(true)
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn time(&self, name: &str) -> Option<DateTimeOffset> {
        match self.value(name) {
            Value::DateTimeOffset(time) => Some(*time),
            _ => None,
        }
    }

    /// Returns the texts of a collection.
    pub(super) fn texts(&self, name: &str) -> Vec<Arc<str>> {
        let Value::Collection(items) = self.value(name) else { return Vec::new() };
        items.iter().filter_map(|item| if let Value::String(text) = item { Some(text.clone()) } else { None }).collect()
    }

    /// Whether an enum has a member as its value.
    pub(super) fn is(&self, name: &str, member: &str) -> bool {
        let Some(property) = self.property(name) else { return false };
        let wanted = self.model.member(property.kind, member);
        matches!((self.value(name), wanted), (Value::Enum(number), Some(wanted)) if *number == wanted)
    }

    pub(super) fn set_member(&mut self, name: &str, member: &str) {
        let Some(property) = self.property(name) else { return };
        if let Some(number) = self.model.member(property.kind, member) {
            self.values_mut().set(property.slot, Value::Enum(number));
        }
    }

    /// Returns a complex value; `None` while it is null.
    pub(super) fn item(&self, name: &str) -> Option<Record<'m>> {
        let property = self.property(name)?;
        match (property.kind, self.values().get(property.slot)) {
            (PropertyType::Complex(id), Value::Complex(values)) => {
                Some(Record::new(self.model, self.model.structured(id), values.clone()))
            }
            _ => None,
        }
    }

    /// Returns a new complex value of a member's type.
    pub(super) fn new_item(&self, name: &str) -> Option<Record<'m>> {
        match self.property(name)?.kind {
            PropertyType::Complex(id) => {
                let structured = self.model.structured(id);
                Some(Record::new(self.model, structured, Complex::initial(structured)))
            }
            _ => None,
        }
    }

    pub(super) fn set_item(&mut self, name: &str, item: Option<Record<'_>>) {
        self.set(name, item.map_or(Value::Null, |item| Value::Complex(Arc::new(item.into_values()))));
    }

    /// Takes the members of another record that both types have.
    pub(super) fn copy(&mut self, from: &Record<'_>) {
        for property in &from.structured.properties {
            self.set(&property.name, from.values().get(property.slot).clone());
        }
    }
}
