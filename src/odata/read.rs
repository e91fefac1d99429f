//! Binds a JSON object to a type, in request bodies and in fixtures.
//!
//! Problems of names, kinds and annotations (the *shape*) are kept apart from invalid values, because the service checks in between
//! whether the entity exists. A problem has a JSON path and a message for the log, and the refusal with which Graph answers it.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::primitive::{LongNumbers, Mismatch, Primitive};
use crate::edm::schema::{CheckResult, ItemType, Model, Property, PropertyType, StructuredType, TypeId, ValueCheck};
use crate::edm::value::{Complex, Value};
use crate::policy::behavior::{
    Aliases, Behaviors, ComplexUpdate, NullCollections, RepeatedNull, SecretNull, TextLength, WrongPrimitive,
};
use crate::policy::refusal;
use crate::text::json::{self, Json, Member};
use crate::text::split::split_at;

mod annotations;
mod dynamic;
mod enumeration;
mod kinds;
mod names;
mod parameters;
mod problem;
mod reader;
mod related;

use self::annotations::InstanceTypes;
use self::dynamic::is_new_name;
pub(crate) use self::parameters::{Argument, parameter, parameters};
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
    /// Whether control information may have no prefix, as in version 4.01.
    pub is_prefix_free: bool,
    /// The form of long numbers.
    pub long_numbers: LongNumbers,
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

/// Stored values that a body changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current<'c> {
    /// The values.
    pub values: &'c Complex,
    /// Their type.
    pub type_id: TypeId,
}

/// Reads an object of a type. `current` are the values that it changes, where they may have a derived type; `path` is the JSON path of the
/// object.
pub(crate) fn read(
    rules: ReadRules<'_>,
    structured: TypeId,
    current: Option<Current<'_>>,
    object: &Json<'_>,
    path: &dyn Display,
) -> Reading {
    read_object(rules, structured, current, true, object, path)
}

/// Reads a complex value like [`read`], which can have another type than the stored one.
pub(crate) fn read_value(
    rules: ReadRules<'_>,
    structured: TypeId,
    current: Option<Current<'_>>,
    object: &Json<'_>,
    path: &dyn Display,
) -> Reading {
    read_object(rules, structured, current, false, object, path)
}

fn read_object(
    rules: ReadRules<'_>,
    structured: TypeId,
    current: Option<Current<'_>>,
    is_entity: bool,
    object: &Json<'_>,
    path: &dyn Display,
) -> Reading {
    let mut reader = BodyReader::new(rules, rules.model.structured(structured).wording.enum_refusals);
    let place = Path::Root(path);
    match object {
        Json::Object(members) => {
            let is_change = |name: &str| !name.contains('@') || reader.is_bind(name);
            reader.reading.has_members = members.iter().any(|(name, _)| is_change(name));
            reader.reading.patch = reader.object(structured, current, is_entity, members, &place);
        }
        other => {
            reader.shape(&place, other.describe(), "an object", &refusal::NOT_AN_OBJECT, Vec::new());
        }
    }
    reader.reading
}

impl BodyReader<'_> {
    /// Reads the members of an object of a declared type. An entity cannot change its type.
    fn object(
        &mut self,
        declared: TypeId,
        current: Option<Current<'_>>,
        is_entity: bool,
        members: &[Member<'_>],
        at: &Path<'_>,
    ) -> Patch {
        let model = self.rules.model;
        let named = self.named_type(declared, members);
        let stored = current.map(|current| current.type_id).filter(|id| model.is_a(*id, declared));
        // The type of a placeholder was not known before.
        let is_settled = |stored: TypeId, named: TypeId| !(model.structured(stored).is_placeholder && model.is_a(named, stored));
        let id = match (named, stored) {
            (Some(named), Some(stored)) if is_entity && is_settled(stored, named) => stored,
            (named, stored) => named.or(stored).unwrap_or(declared),
        };
        let structured = model.structured(id);
        // A name of anything but a derived type has a problem of its own. A recorded answer may name an abstract type.
        let is_misnamed = || named.is_none() && members.iter().any(|(name, _)| self.is_type_of_object(name));
        let mut lacks_type = structured.is_abstract && if self.is_request() { !is_misnamed() } else { named.is_none() };
        if let Some((behavior, is_required)) = model.structured(declared).rare().typed
            && self.is_request()
            && named.is_none_or(|named| named == declared)
            && !is_misnamed()
        {
            self.note(behavior);
            lacks_type |= is_required(self.rules.behaviors);
        }
        // A type without a concrete one to name has instances of its own.
        if lacks_type && model.has_concrete_type(id) {
            let message = format!("abstract type {}: name a derived type in @odata.type", structured.full_name);
            self.report(at, message, structured.wording.abstract_type, vec![structured.full_name.to_string()]);
        }
        let (read_as, is_typed) = ((id != declared).then_some(id), named.is_some() && !is_entity);
        // Few members are not properties.
        let changes = Vec::with_capacity(members.len().min(structured.properties.len()));
        let mut patch = Patch { read_as, is_typed, changes, ..Patch::default() };
        // A creation has nothing to keep.
        patch.is_typed |= named.is_some() && stored.is_none();
        let current = current.filter(|current| current.type_id == id).map(|current| current.values);
        // A complex value can have another type, an entity cannot.
        let expected = if is_entity { structured } else { model.structured(declared) };
        let mut seen = vec![false; structured.properties.len()];
        let mut seen_dynamic = HashSet::new();
        let (mut first_annotation, mut seen_annotations) = (None, HashSet::new());
        let mut named_types = Vec::new();
        for (number, (name, json)) in members.iter().enumerate() {
            if self.is_full() {
                break;
            }
            let place = Path::Member(at, name);
            let renamed = structured.rare().renamed.filter(|(known, _)| self.is_request() && known.eq_ignore_ascii_case(name));
            let declared = self.property(structured, renamed.map_or(name, |(_, property)| property));
            // Most members are properties, whose names need not be split.
            if declared.is_none()
                && let Some((target, term)) = split_at(name, b'@')
            {
                // Most bodies have one, which cannot be there twice.
                let is_first = first_annotation.is_none();
                let (first_target, first_term) = *first_annotation.get_or_insert((target, term));
                if !is_first && seen_annotations.is_empty() {
                    seen_annotations.insert(self.annotation_key(first_target, first_term));
                }
                if !is_first && !seen_annotations.insert(self.annotation_key(target, term)) {
                    self.duplicate_annotation(target, term, &place);
                } else if is_entity && self.is_request() && self.is_bind(name) {
                    self.bind(structured, target, json, &place, &mut patch);
                } else if !is_entity && self.is_bind(name) {
                    self.bind_in_value(target, &place);
                } else if !self.lone_annotation(structured, target, term, members, &place) {
                    let index = self.property(structured, target);
                    let types = InstanceTypes { read_as: structured, expected };
                    self.annotation(types, target, index, term, json, &place);
                    if index.is_none() && structured.is_open && self.is_type(term) {
                        named_types.push((target, json));
                    }
                }
                continue;
            }
            if name.is_empty() && self.is_request() {
                self.report(&place, "empty name", &refusal::EMPTY_NAME, Vec::new());
                continue;
            }
            let Some(index) = declared else {
                if self.is_request() && structured.navigation(name).is_some() {
                    self.nested(structured, name, is_entity, json, &place, &mut patch);
                    continue;
                }
                if self.is_request() && is_entity && self.key_member(structured, name, json, &place, &mut patch) {
                    continue;
                }
                let is_new = is_new_name(members, number, &mut seen_dynamic);
                self.undeclared(structured, name, is_new, json, &place, &mut patch);
                continue;
            };
            if std::mem::replace(&mut seen[index], true) {
                let is_null = |(other, json): &&Member<'_>| *json == Json::Null || structured.property(other) != Some(index);
                if !self.takes_again(members.iter().all(|member| is_null(&member))) {
                    self.duplicate_property(name, &place);
                }
                continue;
            }
            if let Some(to) = self.declared(&structured.properties[index], name, is_entity, current, json, &place) {
                patch.changes.push(PropertyChange { property: index, to });
            }
        }
        for (target, json) in named_types {
            let member = patch.dynamic.iter_mut().find(|member| member.name.eq_ignore_ascii_case(target));
            if let (Some(member), Json::String(text)) = (member, json) {
                member.type_name = Some(text.as_ref().into());
            }
        }
        patch
    }

    /// Whether a property can occur again, which has only nulls.
    fn takes_again(&mut self, is_null: bool) -> bool {
        if !is_null || !self.is_request() {
            return false;
        }
        self.note("repeated-null");
        self.rules.behaviors.repeated_null == RepeatedNull::Accept
    }

    fn property(&self, structured: &StructuredType, name: &str) -> Option<usize> {
        let index = structured.property(name)?;
        let absent =
            !structured.properties[index].declared && self.is_request() && self.rules.behaviors.aliases == Aliases::Absent;
        (!absent).then_some(index)
    }

    /// Reads a declared property of an entity, or of a complex value. `None`: it changes nothing, or a problem was reported.
    fn declared(
        &mut self,
        property: &Property,
        sent_name: &str,
        is_entity: bool,
        current: Option<&Complex>,
        json: &Json<'_>,
        place: &Path<'_>,
    ) -> Option<NewValue> {
        let is_read_only = property.read_only || property.immutable && self.rules.origin == Origin::Update;
        if is_read_only && self.is_request() {
            // Clients may send computed properties (Org.OData.Core.V1.Computed), and do; the service ignores their values.
            self.ignored(property.kind, property, sent_name, json, place);
            if let Some(refusal) = property.unchangeable.filter(|_| self.rules.origin == Origin::Update) {
                let message = "read-only property".to_owned();
                self.reading.values.push(BodyProblem::at(place, message, refusal, vec![property.name.to_string()]));
            }
            return None;
        }
        if *json == Json::Null {
            return self.null(property, sent_name, is_entity, place);
        }
        self.of_kind(property.kind, property, sent_name, current, json, place)
    }

    /// Checks a value that is ignored: it is read like any other, but not kept.
    fn ignored(&mut self, kind: PropertyType, property: &Property, sent_name: &str, json: &Json<'_>, at: &Path<'_>) {
        match (kind, json) {
            (_, json) if !kinds::has_json_kind(kind, json) => self.wrong_kind(kind, property, sent_name, json, at),
            (_, Json::Null) => {}
            (PropertyType::Primitive(primitive), json) => drop(self.primitive_value(primitive, property, sent_name, json, at)),
            (PropertyType::Collection(item), Json::Array(items)) if matches!(item, ItemType::Primitive(_)) => {
                for (index, json) in items.iter().enumerate() {
                    self.ignored(item.kind(), property, sent_name, json, &Path::Item(at, index));
                }
            }
            _ => {}
        }
    }

    /// Reads a value of a type: the property's, or that of its items.
    fn of_kind(
        &mut self,
        kind: PropertyType,
        property: &Property,
        sent_name: &str,
        current: Option<&Complex>,
        json: &Json<'_>,
        place: &Path<'_>,
    ) -> Option<NewValue> {
        let is_within = self.is_hidden;
        self.is_hidden |= property.write_only;
        let read = self.of_kind_within(kind, property, sent_name, current, json, place);
        self.is_hidden = is_within;
        read
    }

    fn of_kind_within(
        &mut self,
        kind: PropertyType,
        property: &Property,
        sent_name: &str,
        current: Option<&Complex>,
        json: &Json<'_>,
        place: &Path<'_>,
    ) -> Option<NewValue> {
        match (kind, json) {
            (PropertyType::Collection(item), Json::Array(items)) => self.items(item, property, sent_name, items, place),
            (PropertyType::Complex(id), Json::Object(members)) => {
                let stored = match current.map(|current| current.value(property)) {
                    Some(Value::Complex(values)) => Some(Current { values, type_id: values.own_type.unwrap_or(id) }),
                    _ => None,
                };
                if stored.is_some() {
                    self.note("complex-update");
                    if self.is_request() && self.rules.behaviors.complex_update == ComplexUpdate::Reset {
                        let patch = self.object(id, None, false, members, place);
                        let structured = self.rules.model.structured(id);
                        let value = patch.apply(self.rules.model, structured, &Complex::initial(structured));
                        return Some(NewValue::Set(Value::Complex(Arc::new(value))));
                    }
                }
                Some(NewValue::Merge(self.object(id, stored, false, members, place)))
            }
            (PropertyType::Enum(id), Json::String(text)) => {
                self.check_length(property, sent_name, text, place);
                self.enumeration(self.rules.model.enumeration(id), property, text, place).map(NewValue::Set)
            }
            (PropertyType::Primitive(primitive), json) => {
                self.primitive(primitive, property, sent_name, json, place).map(NewValue::Set)
            }
            _ => {
                self.wrong_kind(kind, property, sent_name, json, place);
                None
            }
        }
    }

    fn primitive(
        &mut self,
        primitive: Primitive,
        property: &Property,
        sent_name: &str,
        json: &Json<'_>,
        place: &Path<'_>,
    ) -> Option<Value> {
        if let (Primitive::String, Json::String(text)) = (primitive, json) {
            self.check_length(property, sent_name, text, place);
            self.check(property, text, place);
        }
        self.primitive_value(primitive, property, sent_name, json, place)
    }

    fn primitive_value(
        &mut self,
        primitive: Primitive,
        property: &Property,
        sent_name: &str,
        json: &Json<'_>,
        place: &Path<'_>,
    ) -> Option<Value> {
        match (primitive.read(json, self.rules.long_numbers), json) {
            (Ok(value), Json::String(text)) => {
                let rewritten = property.rewrite.filter(|_| self.is_request()).and_then(|rewrite| rewrite(text));
                return Some(rewritten.map_or_else(|| value.into(), |text| Value::String(text.into())));
            }
            (Ok(value), _) => return Some(value.into()),
            (Err(Mismatch::Text), Json::String(text)) if !self.hides(property) => {
                let found = json::quoted(&shortened(text));
                let (refusal, words) = match primitive {
                    Primitive::DateTimeOffset => (&refusal::INVALID_DATE, vec![text.to_string()]),
                    _ => (&refusal::CANNOT_CONVERT, vec![text.to_string(), primitive.name().to_owned()]),
                };
                self.shape(place, found, primitive.example(), refusal, words);
            }
            (Err(_), Json::String(text))
                if self.is_request() && self.rules.behaviors.wrong_primitive == WrongPrimitive::Literal =>
            {
                self.note("wrong-primitive");
                // The library converts texts to numbers and booleans (OData/odata.net 8.4).
                let quoted = json::parse(text.as_bytes()).ok().filter(|json| matches!(json, Json::Number(_) | Json::Boolean(_)));
                if let Some(Ok(value)) = quoted.map(|json| primitive.read(&json, self.rules.long_numbers)) {
                    return Some(value.into());
                }
                self.wrong_kind(PropertyType::Primitive(primitive), property, sent_name, json, place);
            }
            (Err(_), _) => self.wrong_kind(PropertyType::Primitive(primitive), property, sent_name, json, place),
        }
        None
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
            values.push(match (self.of_kind(item.kind(), property, sent_name, None, json, &place)?, item) {
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

    fn null(&mut self, property: &Property, sent_name: &str, is_entity: bool, place: &Path<'_>) -> Option<NewValue> {
        if matches!(property.kind, PropertyType::Collection(_)) && !is_entity && self.is_request() {
            self.note("null-collections");
            if self.rules.behaviors.null_collections == NullCollections::Empty {
                return Some(NewValue::Set(Value::Collection([].into())));
            }
        }
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

    /// Whether problems must not repeat a value of a property.
    fn hides(&self, property: &Property) -> bool {
        self.is_hidden || property.write_only
    }

    fn wrong_kind(&mut self, kind: PropertyType, property: &Property, sent_name: &str, json: &Json<'_>, place: &Path<'_>) {
        let expected = kinds::expected_kind(self.rules.model, kind);
        let found = if self.hides(property) { json.kind().to_owned() } else { json.describe() };
        let is_primitive = !self.hides(property)
            && matches!((kind, json), (PropertyType::Primitive(_), Json::String(_) | Json::Number(_) | Json::Boolean(_)));
        if is_primitive && self.rules.behaviors.wrong_primitive == WrongPrimitive::Literal {
            let literal = match json {
                Json::String(text) => text.to_string(),
                // As .NET prints it.
                Json::Boolean(value) => if *value { "True" } else { "False" }.to_owned(),
                other => kinds::literal(other),
            };
            let words = vec![literal, self.rules.model.kind_name(kind).into_owned()];
            return self.shape(place, found, expected, &refusal::CANNOT_CONVERT, words);
        }
        self.shape(place, found, expected, &refusal::SCHEMA_MISMATCH, vec![sent_name.to_owned()]);
    }

    /// Checks that a text is not longer than any real one.
    fn check_length(&mut self, property: &Property, name: &str, text: &str, place: &Path<'_>) {
        let limit = property.max_length.filter(|limit| self.is_request() && text.chars().count() > *limit);
        if let Some(limit) = limit {
            let (found, expected) = (format!("{} characters", text.chars().count()), format!("at most {limit}"));
            let words = vec![shortened(name).into_owned(), limit.to_string()];
            return self.value(place, found, expected, &refusal::TEXT_TOO_LONG, words);
        }
        self.check_text(name, text, place);
    }

    fn check_text(&mut self, name: impl Display, text: &str, place: &Path<'_>) {
        if text.len() <= TEXT_LIMIT || !self.is_request() {
            return;
        }
        if self.rules.behaviors.text_length == TextLength::Any {
            return self.note("text-length");
        }
        let (found, expected) = (format!("{} bytes", text.len()), format!("at most {TEXT_LIMIT}"));
        let words = vec![shortened(&name.to_string()).into_owned(), TEXT_LIMIT.to_string()];
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
