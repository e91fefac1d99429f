//! Stored values of entities: typed by the model, independent of a version.

use std::cell::Cell;
use std::sync::{Arc, LazyLock};

use crate::edm::address::EntityAddress;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::key::{self, KeyValue};
use crate::edm::media::Media;
use crate::edm::primitive::{Primitive, PrimitiveValue};
use crate::edm::schema::{Initial, Model, Property, PropertyType, Slot, StructuredType, TypeId};

/// A value of a declared property.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null, of any type.
    Null,
    /// `Edm.Boolean`
    Boolean(bool),
    /// An integer type.
    Integer(i64),
    /// `Edm.Double` or `Edm.Single`
    Float(f64),
    /// `Edm.Decimal`, as a JSON number.
    Decimal(Arc<str>),
    /// `Edm.String`, or another type that JSON writes as a string without further structure.
    String(Arc<str>),
    /// `Edm.DateTimeOffset`
    DateTimeOffset(DateTimeOffset),
    /// The number of an enum member, or of several.
    Enum(i64),
    /// Text that is not a member of its enum (behavior `enum-values`).
    EnumText(Arc<str>),
    /// A complex value.
    Complex(Arc<Complex>),
    /// The items of a collection.
    Collection(Arc<[Value]>),
    /// `Edm.Untyped`, as compact JSON.
    Json(Arc<str>),
    /// The address of the entity that a link leads to.
    Link(Arc<EntityAddress>),
    /// The content of a media entity or of a stream property, which is not JSON.
    Media(Arc<Media>),
}

impl From<PrimitiveValue> for Value {
    fn from(value: PrimitiveValue) -> Value {
        match value {
            PrimitiveValue::Boolean(value) => Value::Boolean(value),
            PrimitiveValue::Integer(value) => Value::Integer(value),
            PrimitiveValue::Float(value) => Value::Float(value),
            PrimitiveValue::Decimal(value) => Value::Decimal(value),
            PrimitiveValue::DateTimeOffset(value) => Value::DateTimeOffset(value),
            PrimitiveValue::Text(value) => Value::String(value),
            PrimitiveValue::Json(value) => Value::Json(value),
        }
    }
}

impl Value {
    /// Whether the value is not stored.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Collection(items) => items.is_empty(),
            _ => false,
        }
    }

    /// Returns the key with this value, if its type can be that of a key.
    pub(crate) fn key(&self, model: &Model, kind: PropertyType) -> Option<Arc<str>> {
        let value = match self {
            Value::Boolean(value) => PrimitiveValue::Boolean(*value),
            Value::Integer(value) => PrimitiveValue::Integer(*value),
            Value::Float(value) => PrimitiveValue::Float(*value),
            Value::Decimal(text) => PrimitiveValue::Decimal(text.clone()),
            Value::String(text) => PrimitiveValue::Text(text.clone()),
            Value::DateTimeOffset(time) => PrimitiveValue::DateTimeOffset(*time),
            Value::Enum(number) => return key::text(model, kind, KeyValue::Enum(*number)),
            _ => return None,
        };
        key::text(model, kind, KeyValue::Primitive(value))
    }

    /// Returns the value of a key.
    pub(crate) fn of_key(model: &Model, kind: PropertyType, key: &str) -> Option<Value> {
        key::value(model, kind, key).map(|value| match value {
            KeyValue::Primitive(value) => value.into(),
            KeyValue::Enum(number) => Value::Enum(number),
        })
    }
}

/// The values of an entity or of a complex value, and the members that the type does not declare.
///
/// Null values and empty collections are not stored, so an instance costs what its values cost, however many properties its type has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Complex {
    /// The type of the instance, where it is derived from the declared one.
    pub own_type: Option<TypeId>,
    /// The values, in the order of their slots.
    values: Vec<(Slot, Value)>,
    /// Undeclared members of an open type, in the order of their arrival.
    pub dynamic: Vec<Dynamic>,
}

/// An undeclared member of an open type.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamic {
    /// The name.
    pub name: Arc<str>,
    /// The value as compact JSON, in which objects keep the types that they name.
    pub json: Arc<str>,
    /// The type that an annotation beside the value names, as it was written.
    pub type_name: Option<Arc<str>>,
}

impl Dynamic {
    /// Returns a member without an annotation.
    pub fn new(name: &str, json: impl Into<Arc<str>>) -> Dynamic {
        Dynamic { name: name.into(), json: json.into(), type_name: None }
    }
}

impl Complex {
    /// Sets the property that holds the key.
    pub(crate) fn set_key(&mut self, model: &Model, structured: &StructuredType, key: &Arc<str>) {
        let Some(property) = structured.key_property() else { return };
        // A value that has the key keeps its form: 12.50 is as it was sent.
        if self.get(property.slot).key(model, property.kind).is_some_and(|text| text == *key) {
            return;
        }
        let is_text = property.kind == PropertyType::Primitive(Primitive::String);
        let value = if is_text { None } else { Value::of_key(model, property.kind, key) };
        self.set(property.slot, value.unwrap_or_else(|| Value::String(key.clone())));
    }

    /// Returns an instance with the initial values of its type.
    pub fn initial(structured: &StructuredType) -> Complex {
        let mut instance = Complex::default();
        for property in &structured.properties {
            let value = match &property.initial {
                Some(Initial::Boolean(value)) => Value::Boolean(*value),
                Some(Initial::Integer(value)) => Value::Integer(*value),
                Some(Initial::Member(number)) => Value::Enum(*number),
                Some(Initial::Text(text)) => Value::String(text.as_ref().into()),
                None => continue,
            };
            instance.set(property.slot, value);
        }
        instance
    }

    /// Returns an instance of a type where another is declared.
    pub fn initial_of(structured: &StructuredType, declared: &StructuredType) -> Complex {
        let own_type = (structured.id != declared.id).then_some(structured.id);
        Complex { own_type, ..Complex::initial(structured) }
    }

    /// Returns an instance with one value, for tests.
    #[cfg(test)]
    pub(crate) fn with(value: Value) -> Complex {
        let mut instance = Complex::default();
        instance.set(Slot::at(0), value);
        instance
    }

    /// Returns the value in a slot: null where nothing is stored, for collections too.
    pub fn get(&self, slot: Slot) -> &Value {
        match self.values.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(index) => &self.values[index].1,
            Err(_) => &Value::Null,
        }
    }

    /// Returns the same as [`Complex::get`], at once if the value is where another instance had it.
    pub(crate) fn get_near(&self, slot: Slot, place: &Cell<usize>) -> &Value {
        if let Some((_, value)) = self.values.get(place.get()).filter(|(found, _)| *found == slot) {
            return value;
        }
        match self.values.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(index) => {
                place.set(index);
                &self.values[index].1
            }
            Err(_) => &Value::Null,
        }
    }

    /// Returns the value of a property: null, or an empty collection, where nothing is stored.
    pub fn value(&self, property: &Property) -> &Value {
        static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Collection(Arc::default()));
        match (self.get(property.slot), property.kind) {
            (Value::Null, PropertyType::Collection(_)) => &EMPTY,
            (value, _) => value,
        }
    }

    /// Whether the complex value at a path is there, in an instance of a type; `None` if the path does not lead to one. It has a slash before
    /// each name.
    pub(crate) fn has_complex(&self, model: &Model, structured: &StructuredType, path: &str) -> Option<bool> {
        let (mut owner, mut values) = (structured, Some(self));
        for name in path.split('/').skip(1) {
            let property = owner.property(name).map(|index| &owner.properties[index])?;
            let PropertyType::Complex(id) = property.kind else { return None };
            owner = model.structured(id);
            values = match values.map(|values| values.get(property.slot)) {
                Some(Value::Complex(inner)) => {
                    owner = model.actual(owner, inner.own_type);
                    Some(inner)
                }
                _ => None,
            };
        }
        Some(values.is_some())
    }

    /// Returns the same values with a complex value at a path, without members where it is null.
    pub(crate) fn with_complex(&self, model: &Model, structured: &StructuredType, path: &str) -> Complex {
        let mut changed = self.clone();
        let (name, rest) = path.trim_start_matches('/').split_once('/').map_or((path.trim_start_matches('/'), ""), |split| split);
        let Some(property) = structured.property(name).map(|index| &structured.properties[index]) else { return changed };
        let PropertyType::Complex(id) = property.kind else { return changed };
        let inner = match self.get(property.slot) {
            Value::Complex(inner) => Complex::clone(inner),
            _ => Complex::default(),
        };
        let owner = model.actual(model.structured(id), inner.own_type);
        let inner = if rest.is_empty() { inner } else { inner.with_complex(model, owner, rest) };
        changed.set(property.slot, Value::Complex(Arc::new(inner)));
        changed
    }

    /// Returns a copy with room for more values, and for no others.
    pub(crate) fn clone_with_room(&self, more: usize) -> Complex {
        let mut values = Vec::with_capacity(self.values.len() + more);
        values.extend_from_slice(&self.values);
        Complex { own_type: self.own_type, values, dynamic: self.dynamic.clone() }
    }

    /// Stores a value.
    pub fn set(&mut self, slot: Slot, value: Value) {
        match (self.values.binary_search_by_key(&slot, |(slot, _)| *slot), value.is_blank()) {
            (Ok(index), true) => drop(self.values.remove(index)),
            (Ok(index), false) => self.values[index].1 = value,
            (Err(_), true) => {}
            (Err(index), false) => self.values.insert(index, (slot, value)),
        }
    }

    /// Returns the slots whose values differ from those of another instance of the type; `None` if the type or undeclared members differ.
    pub(crate) fn changed_slots(&self, other: &Complex) -> Option<Vec<Slot>> {
        if self.own_type != other.own_type || self.dynamic != other.dynamic {
            return None;
        }
        let is_same_slot = |((slot, _), (other, _)): (&(Slot, Value), &(Slot, Value))| slot == other;
        if self.values.len() == other.values.len() && self.values.iter().zip(&other.values).all(is_same_slot) {
            let pairs = self.values.iter().zip(&other.values);
            return Some(pairs.filter(|((_, value), (_, other))| !is_same(value, other)).map(|((slot, _), _)| *slot).collect());
        }
        let (mut left, mut right) = (self.values.iter().peekable(), other.values.iter().peekable());
        let mut found = Vec::new();
        loop {
            let slots = (left.peek().map(|(slot, _)| *slot), right.peek().map(|(slot, _)| *slot));
            let slot = match slots {
                (None, None) => return Some(found),
                (Some(left), Some(right)) => left.min(right),
                (Some(slot), None) | (None, Some(slot)) => slot,
            };
            let own = left.next_if(|(other, _)| *other == slot);
            let others = right.next_if(|(other, _)| *other == slot);
            if own.map(|(_, value)| value) != others.map(|(_, value)| value) {
                found.push(slot);
            }
        }
    }

    /// Takes over the values of another instance of the type. Those that it has not stay.
    pub fn overlay(&mut self, other: &Complex) {
        for (slot, value) in &other.values {
            self.set(*slot, value.clone());
        }
    }

    /// Returns the values, in the order of their slots.
    pub(crate) fn values(&self) -> impl Iterator<Item = &(Slot, Value)> {
        self.values.iter()
    }

    /// Calls a function with each value, and gives room for more values back.
    pub(crate) fn compact(&mut self, mut change: impl FnMut(&mut Value)) {
        self.values.shrink_to_fit();
        self.values.iter_mut().for_each(|(_, value)| change(value));
        self.dynamic.shrink_to_fit();
    }

    /// Returns the bytes that a copy takes, in which all texts are shared.
    pub(crate) fn own_bytes(&self) -> usize {
        size_of::<Complex>() + self.values.len() * size_of::<(Slot, Value)>() + self.dynamic.len() * size_of::<Dynamic>()
    }

    /// Returns the approximate sizes of the values, without this structure itself.
    fn sizes(&self) -> Sizes {
        let values = self.values.capacity() * size_of::<(Slot, Value)>();
        let dynamic = self.dynamic.capacity() * size_of::<Dynamic>();
        let mut sizes = Sizes { memory: values + dynamic, text: 0 };
        for member in &self.dynamic {
            sizes.memory += shared_size(member.name.len()) + shared_size(member.json.len());
            sizes.text += MEMBER_TEXT + member.name.len() + member.json.len();
            if let Some(type_name) = &member.type_name {
                sizes.memory += shared_size(type_name.len());
                sizes.text += 2 * MEMBER_TEXT + member.name.len() + type_name.len();
            }
        }
        for (_, value) in &self.values {
            sizes.add(value);
        }
        sizes
    }
}

/// Whether two values are equal. Those that are shared are not read.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) if Arc::ptr_eq(one, other) => true,
        (Value::Complex(one), Value::Complex(other)) if Arc::ptr_eq(one, other) => true,
        (Value::Collection(one), Value::Collection(other)) if Arc::ptr_eq(one, other) => true,
        _ => one == other,
    }
}

/// The approximate sizes of values, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    /// The memory that values refer to.
    memory: usize,
    /// The length of their JSON text, with the names of their members. A sixteenth of a text is for escapes.
    text: usize,
}

impl Sizes {
    fn add(&mut self, value: &Value) {
        self.text += MEMBER_TEXT;
        match value {
            Value::String(text) | Value::EnumText(text) => {
                self.memory += shared_size(text.len());
                self.text += text.len() + text.len() / 16;
            }
            Value::Decimal(text) | Value::Json(text) => {
                self.memory += shared_size(text.len());
                self.text += text.len();
            }
            Value::Link(address) => {
                self.memory += shared_size(size_of::<EntityAddress>() + address.text_bytes());
                self.text += address.text_bytes();
            }
            Value::Media(media) => {
                self.memory += shared_size(media.size());
                // Answers have the type of the content and its tag.
                self.text += 4 * MEMBER_TEXT + media.content_type().len();
            }
            Value::Complex(complex) => {
                let inner = complex.sizes();
                self.memory += shared_size(size_of::<Complex>()) + inner.memory;
                self.text += inner.text;
            }
            Value::Collection(items) => {
                self.memory += shared_size(size_of_val(&**items));
                items.iter().for_each(|item| self.add(item));
            }
            Value::Null | Value::Boolean(_) => {}
            Value::Integer(_) | Value::Float(_) | Value::DateTimeOffset(_) | Value::Enum(_) => self.text += MEMBER_TEXT,
        }
    }
}

/// The approximate length of a member's name in JSON, with a short value.
const MEMBER_TEXT: usize = 20;

/// An immutable entity: an update creates a new one.
#[derive(Clone, Debug)]
pub struct Entity {
    /// The key, unique in its collection.
    pub key: Arc<str>,
    /// The values, the key included.
    pub properties: Complex,
    /// The size in memory.
    size: usize,
    /// The approximate length of the JSON text, without annotations for metadata.
    text_size: usize,
}

impl Entity {
    /// Returns an entity with a key and values.
    pub fn new(key: Arc<str>, properties: Complex) -> Entity {
        Entity::of_type(key, properties, 0)
    }

    /// Returns an entity with a key and values. `blank_text` is the length of the text of the type's properties without values.
    pub fn of_type(key: Arc<str>, properties: Complex, blank_text: usize) -> Entity {
        let sizes = properties.sizes();
        let size = size_of::<Entity>() + shared_size(key.len()) + sizes.memory;
        Entity { key, properties, size, text_size: sizes.text + blank_text }
    }

    /// Returns a link to an entity.
    pub fn link(key: Arc<str>, to: EntityAddress) -> Entity {
        let mut properties = Complex::default();
        properties.set(Slot::LINK, Value::Link(Arc::new(to)));
        Entity::new(key, properties)
    }

    /// Returns the address of the entity that a link leads to; `None` for an entity of its own.
    pub fn linked(&self) -> Option<&Arc<EntityAddress>> {
        match self.properties.get(Slot::LINK) {
            Value::Link(address) => Some(address),
            _ => None,
        }
    }

    /// Returns the content of a media entity.
    pub fn media(&self) -> Option<&Arc<Media>> {
        match self.properties.get(Slot::MEDIA) {
            Value::Media(media) => Some(media),
            _ => None,
        }
    }

    /// Returns the approximate size in memory, in bytes, as when the entity was created. Values shared with other entities count in full.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the approximate length of the entity's JSON text, in bytes, without annotations for metadata.
    pub fn text_size(&self) -> usize {
        self.text_size
    }
}

impl PartialEq for Entity {
    fn eq(&self, other: &Entity) -> bool {
        self.key == other.key && self.properties == other.properties
    }
}

/// Returns the size of shared bytes with their reference counts.
fn shared_size(bytes: usize) -> usize {
    bytes + 2 * size_of::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_an_entity_covers_all_that_it_holds() {
        let complex =
            |values: Vec<Value>, dynamic| Complex { own_type: None, values: (0..).map(Slot::at).zip(values).collect(), dynamic };
        let size = |values: Vec<Value>, dynamic: Vec<Dynamic>| Entity::new("key".into(), complex(values, dynamic)).size();
        let text = || Value::String("x".repeat(1_000).into());
        let empty = size(Vec::new(), Vec::new());
        for (holds, values) in [
            (1_000, vec![text()]),
            (1_000, vec![Value::EnumText("x".repeat(1_000).into())]),
            (3_000, vec![Value::Collection(vec![text(), text(), text()].into())]),
            (1_000, vec![Value::Complex(Arc::new(complex(vec![text()], Vec::new())))]),
            (32_000, vec![Value::Boolean(true); 1_000]),
        ] {
            let more = size(values.clone(), Vec::new()) - empty;
            assert!((holds..holds + 300).contains(&more), "{more} bytes for {holds}");
        }
        let mut dynamic = Vec::with_capacity(100);
        dynamic.push(Dynamic { type_name: Some("t".repeat(500).into()), ..Dynamic::new(&"n".repeat(500), "1".repeat(500)) });
        let more = size(Vec::new(), dynamic) - empty;
        let holds = 100 * size_of::<Dynamic>() + 1_500;
        assert!((holds..holds + 150).contains(&more), "{more} bytes for {holds}");
    }

    #[test]
    fn the_slots_that_differ_are_found() {
        let of = |pairs: &[(u32, bool)]| {
            let mut complex = Complex::default();
            for (slot, value) in pairs {
                complex.set(Slot::at(*slot), Value::Boolean(*value));
            }
            complex
        };
        let slots = |numbers: &[u32]| Some(numbers.iter().map(|number| Slot::at(*number)).collect::<Vec<_>>());
        let before = of(&[(1, true), (2, true), (4, false)]);
        assert_eq!(before.changed_slots(&before), slots(&[]));
        assert_eq!(before.changed_slots(&of(&[(0, true), (1, true), (2, false), (9, true)])), slots(&[0, 2, 4, 9]));
        let dynamic = vec![Dynamic { name: "n".into(), json: "1".into(), type_name: None }];
        assert_eq!(before.changed_slots(&Complex { dynamic, ..before.clone() }), None);
    }

    #[test]
    fn null_values_and_empty_collections_are_not_stored() {
        let mut complex = Complex::default();
        for slot in [2, 0, 1] {
            complex.set(Slot::at(slot), Value::Boolean(slot == 1));
        }
        assert_eq!((complex.get(Slot::at(1)), complex.get(Slot::at(3))), (&Value::Boolean(true), &Value::Null));
        complex.set(Slot::at(1), Value::Null);
        complex.set(Slot::at(0), Value::Collection(Arc::default()));
        complex.set(Slot::at(7), Value::Null);
        let mut same = Complex::default();
        same.set(Slot::at(2), Value::Boolean(false));
        assert_eq!(complex, same);
    }

    #[test]
    fn a_value_is_found_wherever_another_instance_has_it() {
        let of = |slots: &[u32]| {
            let mut complex = Complex::default();
            for slot in slots {
                complex.set(Slot::at(*slot), Value::Integer(i64::from(*slot)));
            }
            complex
        };
        let instances = [of(&[]), of(&[1, 2, 3]), of(&[2]), of(&[0, 3]), of(&[1, 2, 3])];
        for slot in (0..4).map(Slot::at) {
            let place = Cell::new(0);
            for instance in &instances {
                assert_eq!(instance.get_near(slot, &place), instance.get(slot));
            }
        }
    }
}
