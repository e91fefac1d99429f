//! Binds a JSON object to a type, in request bodies and in fixtures.
//!
//! Problems of names, kinds and annotations (the *shape*) are kept apart from invalid values, because the service checks in between
//! whether the entity exists. A problem has a JSON path and a message for the log, and the refusal with which Graph answers it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::edm::date_time::DateTimeOffset;
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::{CheckResult, ItemType, Model, Primitive, Property, PropertyType, StructuredType, TypeId, ValueCheck};
use crate::edm::value::{Complex, Dynamic, Value};
use crate::policy::behavior::{Aliases, Behaviors, SecretNull, TextLength, UnknownProperty, WrongPrimitive};
use crate::policy::refusal;
use crate::text::json::{self, Json, Member};

mod annotations;
mod dynamic;
mod enumeration;
mod kinds;
mod names;
mod problem;
mod reader;

pub(crate) use self::problem::BodyProblem;
use self::problem::{Path, shortened};
use self::reader::BodyReader;

/// The length of the longest real texts, with a wide margin, in bytes (behavior `text-length`).
const TEXT_LIMIT: usize = 1024 * 1024;

/// The source of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A request that creates an entity.
    Create,
    /// A request that updates one.
    Update,
    /// A fixture file, which may set read-only properties.
    Fixture,
}

/// The rules for reading a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadRules<'r> {
    /// The model of the version.
    pub model: &'r Model,
    /// The world's behaviors.
    pub behaviors: &'r Behaviors,
    /// The source of the body.
    pub origin: Origin,
    /// Whether the client sent `Prefer: include-unknown-enum-members`.
    pub knows_hidden: bool,
    /// The number of problems after which reading stops.
    pub problem_limit: usize,
    /// Whether to note the behaviors that accepted a value.
    pub explains: bool,
}

/// The result of reading a body.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The changes in the body.
    pub patch: Patch,
    /// Whether the body has members other than annotations, even if none of them changes a property.
    pub has_members: bool,
    /// Problems of names, kinds and annotations.
    pub shape: Vec<BodyProblem>,
    /// Invalid values.
    pub values: Vec<BodyProblem>,
    /// The paths of the members that a behavior ignored, for the log.
    pub skipped: Vec<String>,
    /// The behaviors under other values of which the body would be read differently.
    pub decided: Vec<&'static str>,
}

/// Reads an object of a type. `path` is the JSON path of the object.
pub(crate) fn read(rules: ReadRules<'_>, structured: TypeId, object: &Json<'_>, path: &str) -> Reading {
    let mut reader = BodyReader::new(rules, rules.model.structured(structured).wording.enum_refusals);
    let place = Path::Root(path);
    match object {
        Json::Object(members) => {
            reader.reading.has_members = members.iter().any(|(name, _)| !name.contains('@'));
            reader.reading.patch = reader.object(structured, members, &place);
        }
        other => {
            reader.shape(&place, other.describe(), "an object", &refusal::NOT_AN_OBJECT, Vec::new());
        }
    }
    reader.reading
}

impl BodyReader<'_> {
    /// Reads the members of an object of a declared type.
    fn object(&mut self, id: TypeId, members: &[Member<'_>], at: &Path<'_>) -> Patch {
        let structured = self.rules.model.structured(id);
        let mut patch = Patch::default();
        let mut seen = vec![false; structured.properties.len()];
        let mut seen_dynamic = HashSet::new();
        let mut seen_annotations = HashSet::new();
        for (name, json) in members {
            if self.is_full() {
                break;
            }
            let place = Path::Member(at, name);
            if let Some((target, term)) = name.split_once('@') {
                // Annotation names are compared without case, like all names.
                if seen_annotations.insert(name.to_ascii_lowercase()) {
                    let index = self.property(structured, target);
                    self.annotation(structured, target, index, term, json, &place);
                } else {
                    self.duplicate_annotation(target, term, &place);
                }
                continue;
            }
            let Some(index) = self.property(structured, name) else {
                self.undeclared(structured, name, json, &place, &mut patch, &mut seen_dynamic);
                continue;
            };
            if std::mem::replace(&mut seen[index], true) {
                self.duplicate_property(name, &place);
                continue;
            }
            if let Some(to) = self.declared(&structured.properties[index], name, json, &place) {
                patch.changes.push(PropertyChange { property: index, to });
            }
        }
        patch
    }

    fn property(&self, structured: &StructuredType, name: &str) -> Option<usize> {
        let index = structured.property(name)?;
        let absent =
            !structured.properties[index].declared && self.is_request() && self.rules.behaviors.aliases == Aliases::Absent;
        (!absent).then_some(index)
    }

    /// Reads an undeclared member.
    fn undeclared<'j>(
        &mut self,
        structured: &StructuredType,
        name: &'j str,
        json: &Json<'_>,
        place: &Path<'_>,
        patch: &mut Patch,
        seen: &mut HashSet<&'j str>,
    ) {
        if structured.is_open {
            if !seen.insert(name) {
                self.duplicate_property(name, place);
                return;
            }
            let mut text = Vec::new();
            self.dynamic(json, place, &mut text);
            let json = String::from_utf8_lossy(&text).as_ref().into();
            patch.dynamic.push(Dynamic { name: name.into(), json });
            return;
        }
        if self.is_request() && self.rules.behaviors.unknown_property == UnknownProperty::Ignore {
            self.note("unknown-property");
            // The log needs only the first few.
            if self.reading.skipped.len() < self.rules.problem_limit {
                self.reading.skipped.push(place.to_string());
            }
            return;
        }
        let near = crate::text::nearest::nearest(name, structured.properties.iter().map(|property| &*property.name));
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
        let message = format!("unknown property of {}{hint}", structured.full_name);
        let words = vec![name.to_owned(), structured.full_name.to_string()];
        self.report(place, message, &refusal::UNKNOWN_PROPERTY, words);
    }

    /// Reads a declared property. `None`: it changes nothing, or a problem was reported.
    fn declared(&mut self, property: &Property, sent_name: &str, json: &Json<'_>, place: &Path<'_>) -> Option<NewValue> {
        if property.read_only && self.is_request() {
            // Clients may send computed properties (Org.OData.Core.V1.Computed), and do; the service ignores their values.
            if !kinds::has_json_kind(property.kind, json) {
                self.wrong_kind(property.kind, property, sent_name, json, place);
            }
            return None;
        }
        if *json == Json::Null {
            return self.null(property, sent_name, place);
        }
        self.of_kind(property.kind, property, sent_name, json, place)
    }

    /// Reads a value of a type: the property's, or that of its items.
    fn of_kind(
        &mut self,
        kind: PropertyType,
        property: &Property,
        sent_name: &str,
        json: &Json<'_>,
        place: &Path<'_>,
    ) -> Option<NewValue> {
        match (kind, json) {
            (PropertyType::Collection(item), Json::Array(items)) => self.items(item, property, sent_name, items, place),
            (PropertyType::Complex(id), Json::Object(members)) => Some(NewValue::Merge(self.object(id, members, place))),
            (PropertyType::Enum(id), Json::String(text)) => {
                self.check_length(sent_name, text, place);
                self.enumeration(self.rules.model.enumeration(id), property, text, place).map(NewValue::Set)
            }
            (PropertyType::Primitive(Primitive::Boolean), Json::Boolean(value)) => Some(NewValue::Set(Value::Boolean(*value))),
            (PropertyType::Primitive(Primitive::String), Json::String(text)) => {
                self.check_length(sent_name, text, place);
                self.check(property, text, place);
                Some(NewValue::Set(Value::String(text.as_ref().into())))
            }
            (PropertyType::Primitive(Primitive::Int32), Json::Number(number)) => {
                // Integers are JSON numbers without fraction and exponent (OData ABNF, int32Value).
                let value = number.as_i64().and_then(|value| i32::try_from(value).ok());
                if value.is_none() {
                    self.wrong_kind(kind, property, sent_name, json, place);
                }
                value.map(|value| NewValue::Set(Value::Int32(value)))
            }
            (PropertyType::Primitive(Primitive::DateTimeOffset), Json::String(text)) => {
                let value = DateTimeOffset::parse(text);
                if value.is_none() {
                    let expected = "a date such as 2021-03-12T17:37:05.84Z".to_owned();
                    let found = json::quoted(&shortened(text));
                    self.shape(place, found, expected, &refusal::INVALID_DATE, vec![text.to_string()]);
                }
                value.map(|value| NewValue::Set(Value::DateTimeOffset(value)))
            }
            _ => {
                self.wrong_kind(kind, property, sent_name, json, place);
                None
            }
        }
    }

    /// Reads the items of a collection, which replace the stored ones (OData 4.0 Part 1, 11.4.3); each is read as a new value.
    fn items(
        &mut self,
        item: ItemType,
        property: &Property,
        sent_name: &str,
        items: &[Json<'_>],
        at: &Path<'_>,
    ) -> Option<NewValue> {
        let model = self.rules.model;
        let mut values = Vec::with_capacity(items.len());
        for (index, json) in items.iter().enumerate() {
            if self.is_full() {
                return None;
            }
            let place = Path::Item(at, index);
            if *json == Json::Null {
                if !property.nullable {
                    self.report(&place, "must not be null", &refusal::NULL_ITEM, Vec::new());
                }
                values.push(Value::Null);
                continue;
            }
            values.push(match (self.of_kind(item.kind(), property, sent_name, json, &place)?, item) {
                (NewValue::Merge(patch), ItemType::Complex(id)) => {
                    let structured = model.structured(id);
                    Value::Complex(Arc::new(patch.apply(model, structured, &Complex::initial(structured))))
                }
                (NewValue::Merge(_), _) => unreachable!("only complex values are merged"),
                (NewValue::Set(value), _) => value,
            });
        }
        Some(NewValue::Set(Value::Collection(values.into())))
    }

    fn null(&mut self, property: &Property, sent_name: &str, place: &Path<'_>) -> Option<NewValue> {
        if !property.nullable || matches!(property.kind, PropertyType::Collection(_)) {
            let type_name = self.rules.model.kind_name(property.kind).into_owned();
            let message = format!("must not be null ({type_name})");
            self.report(place, message, &refusal::NULL_VALUE, vec![sent_name.to_owned(), type_name]);
            return None;
        }
        let is_masked = property.write_only && self.rules.origin == Origin::Update;
        if is_masked {
            self.note("secret-null");
            if self.rules.behaviors.secret_null == SecretNull::Keep {
                return None;
            }
        }
        Some(NewValue::Set(Value::Null))
    }

    fn wrong_kind(&mut self, kind: PropertyType, property: &Property, sent_name: &str, json: &Json<'_>, place: &Path<'_>) {
        let expected = kinds::expected_kind(self.rules.model, kind);
        let found = if property.write_only { json.kind().to_owned() } else { json.describe() };
        let is_primitive = !property.write_only
            && matches!((kind, json), (PropertyType::Primitive(_), Json::String(_) | Json::Number(_) | Json::Boolean(_)));
        if is_primitive && self.rules.behaviors.wrong_primitive == WrongPrimitive::Literal {
            let literal = match json {
                Json::String(text) => text.to_string(),
                other => kinds::literal(other),
            };
            let words = vec![literal, self.rules.model.kind_name(kind).into_owned()];
            return self.shape(place, found, expected, &refusal::CANNOT_CONVERT, words);
        }
        self.shape(place, found, expected, &refusal::SCHEMA_MISMATCH, vec![sent_name.to_owned()]);
    }

    /// Checks that a text is not longer than any real one.
    fn check_length(&mut self, name: &str, text: &str, place: &Path<'_>) {
        if text.len() <= TEXT_LIMIT || !self.is_request() {
            return;
        }
        if self.rules.behaviors.text_length == TextLength::Any {
            return self.note("text-length");
        }
        let (found, expected) = (format!("{} bytes", text.len()), format!("at most {TEXT_LIMIT}"));
        let words = vec![shortened(name).into_owned(), TEXT_LIMIT.to_string()];
        self.value(place, found, expected, &refusal::TEXT_TOO_LONG, words);
    }

    /// Checks a string against the rules that the schema cannot express.
    fn check(&mut self, property: &Property, text: &str, place: &Path<'_>) {
        if !self.is_request() {
            return;
        }
        let Some(ValueCheck(check)) = property.check else { return };
        match check(self.rules.behaviors, text) {
            CheckResult::Valid => {}
            CheckResult::ValidUnder(behavior) => self.note(behavior),
            CheckResult::Invalid { found, expected, refusal } => {
                let found = found.unwrap_or_else(|| json::quoted(&shortened(text)));
                self.value(place, found, expected, refusal, Vec::new());
            }
        }
    }
}
