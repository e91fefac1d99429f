//! Reads a JSON object against a type: the one reader of request bodies and of fixtures.
//!
//! It checks names, kinds and annotations (the *shape*) and then values, and reports problems of both sorts apart, because the
//! service looks whether the entity exists in between. A problem says where it is, what was found and what was expected, for
//! people, and which refusal Graph answers it with.

use std::collections::HashSet;
use std::sync::Arc;

use crate::edm::date_time::DateTimeOffset;
use crate::edm::enums;
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::{
    CheckResult, EnumRefusals, EnumType, ItemType, Model, Primitive, Property, PropertyType, StructuredType, TypeId, ValueCheck,
};
use crate::edm::value::{Complex, Dynamic, Value};
use crate::policy::behavior::{
    Aliases, Behaviors, EmptyFlags, EnumValues, FlagLists, HiddenMembersIn, SecretNull, SentinelIn, TypeNamespace,
    UnknownProperty, WrongPrimitive,
};
use crate::policy::refusal::{self, Refusal};
use crate::text::json::{self, Json, Member};

mod names;
mod problem;

pub use problem::BodyProblem;
use problem::{Path, shortened};

/// Where a body comes from, which decides what it may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A request that creates an entity.
    Create,
    /// A request that updates one.
    Update,
    /// A fixture file: everything is taken, read-only properties included.
    Fixture,
}

/// What decides how a body is read.
#[derive(Clone, Copy, Debug)]
pub struct ReadRules<'r> {
    /// The tables of the version.
    pub model: &'r Model,
    /// The tenant's behaviors.
    pub behaviors: &'r Behaviors,
    /// Where the body comes from.
    pub origin: Origin,
    /// Whether the client knows the enum members above the sentinel.
    pub knows_hidden: bool,
    /// How many problems are of interest; reading stops behind them.
    pub problem_limit: usize,
    /// Whether it is of interest which behaviors let something pass.
    pub explains: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// The changes that the body makes.
    pub patch: Patch,
    /// Whether the body has members besides annotations, even if none of them changes anything.
    pub has_members: bool,
    /// What is wrong with names, kinds and annotations.
    pub shape: Vec<BodyProblem>,
    /// What is wrong with values.
    pub values: Vec<BodyProblem>,
    /// What was skipped because a behavior says so, for the log.
    pub skipped: Vec<String>,
    /// The behaviors without which the body would have been read otherwise.
    pub decided: Vec<&'static str>,
}

/// Reads an object of a type. `path` is the JSON path of the object.
pub fn read(rules: ReadRules<'_>, structured: TypeId, object: &Json<'_>, path: &str) -> Reading {
    let enum_refusals = rules.model.structured(structured).wording.enum_refusals;
    let mut reader = BodyReader { rules, enum_refusals, reading: Reading::default() };
    let place = Path::Root(path);
    match object {
        Json::Object(members) => {
            reader.reading.has_members = members.iter().any(|(name, _)| !name.contains('@'));
            reader.reading.patch = reader.object(structured, members, &place);
        }
        other => {
            let problem = BodyProblem::at(&place, other.describe(), "an object".to_owned(), &refusal::NOT_AN_OBJECT, Vec::new());
            reader.reading.shape.push(problem);
        }
    }
    reader.reading
}

struct BodyReader<'r> {
    rules: ReadRules<'r>,
    /// The refusals of invalid enum values, in the words of the workload of the whole body.
    enum_refusals: &'static EnumRefusals,
    reading: Reading,
}

impl BodyReader<'_> {
    fn is_request(&self) -> bool {
        self.rules.origin != Origin::Fixture
    }

    /// Notes a behavior without which the body would be read otherwise.
    fn decided(&mut self, behavior: &'static str) {
        if !self.reading.decided.contains(&behavior) {
            self.reading.decided.push(behavior);
        }
    }

    fn is_full(&self) -> bool {
        self.reading.shape.len() >= self.rules.problem_limit
    }

    fn shape(&mut self, path: &Path<'_>, found: String, expected: String, refusal: &'static Refusal, words: Vec<String>) {
        self.reading.shape.push(BodyProblem::at(path, found, expected, refusal, words));
    }

    fn value(&mut self, path: &Path<'_>, found: String, expected: String, refusal: &'static Refusal, words: Vec<String>) {
        if self.reading.values.len() < self.rules.problem_limit {
            self.reading.values.push(BodyProblem::at(path, found, expected, refusal, words));
        }
    }

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
                // Names are compared without regard to case, in annotations as elsewhere.
                if seen_annotations.insert(name.to_ascii_lowercase()) {
                    self.annotation(structured, target, term, json, &place);
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

    fn duplicate_property(&mut self, name: &str, place: &Path<'_>) {
        let found = "a property that stands twice".to_owned();
        self.shape(place, found, "each property once".to_owned(), &refusal::DUPLICATE_PROPERTY, vec![name.to_owned()]);
    }

    fn duplicate_annotation(&mut self, target: &str, term: &str, place: &Path<'_>) {
        let (refusal, words) = if target.is_empty() {
            (&refusal::DUPLICATE_ANNOTATION, vec![term.to_owned()])
        } else {
            (&refusal::DUPLICATE_PROPERTY_ANNOTATION, vec![term.to_owned(), target.to_owned()])
        };
        self.shape(place, "an annotation that stands twice".to_owned(), "each annotation once".to_owned(), refusal, words);
    }

    /// Reads a member that the type does not declare.
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
            self.decided("unknown-property");
            // A body can have many of them, and one line of the log is enough.
            if self.reading.skipped.len() < self.rules.problem_limit {
                self.reading.skipped.push(place.to_string());
            }
            return;
        }
        let near = crate::text::nearest::nearest(name, structured.properties.iter().map(|property| &*property.name));
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
        let found = format!("a property that {} does not have", structured.full_name);
        let words = vec![name.to_owned(), structured.full_name.to_string()];
        self.shape(place, found, format!("one that it has{hint}"), &refusal::UNKNOWN_PROPERTY, words);
    }

    /// Reads a declared property. `None`: it changes nothing.
    fn declared(&mut self, property: &Property, sent_name: &str, json: &Json<'_>, place: &Path<'_>) -> Option<NewValue> {
        if property.read_only && self.is_request() {
            // The vocabulary lets a client send computed properties, and clients do; the service ignores their values.
            if !has_json_kind(property.kind, json) {
                self.wrong_kind(property.kind, property, sent_name, json, place);
            }
            return None;
        }
        if *json == Json::Null {
            return self.null(property, sent_name, place);
        }
        self.of_kind(property.kind, property, sent_name, json, place)
    }

    /// Reads a value of a type: that of the property, or of an item of it.
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
                self.enumeration(self.rules.model.enumeration(id), property, text, place).map(NewValue::Set)
            }
            (PropertyType::Primitive(Primitive::Boolean), Json::Boolean(value)) => Some(NewValue::Set(Value::Boolean(*value))),
            (PropertyType::Primitive(Primitive::String), Json::String(text)) => {
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

    /// Reads the items of a collection, which replace those that are there (OData 4.0 Part 1, 11.4.3): each is read as a new value.
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
                    self.shape(&place, "null".to_owned(), "a value".to_owned(), &refusal::NULL_ITEM, Vec::new());
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
            let expected = format!("a value: {type_name} is not nullable here");
            self.shape(place, "null".to_owned(), expected, &refusal::NULL_VALUE, vec![sent_name.to_owned(), type_name]);
            return None;
        }
        let is_masked = property.write_only && self.rules.origin == Origin::Update;
        if is_masked {
            self.decided("secret-null");
            if self.rules.behaviors.secret_null == SecretNull::Keep {
                return None;
            }
        }
        Some(NewValue::Set(Value::Null))
    }

    fn wrong_kind(&mut self, kind: PropertyType, property: &Property, sent_name: &str, json: &Json<'_>, place: &Path<'_>) {
        let expected = expected_kind(self.rules.model, kind);
        let found = if property.write_only { json.kind().to_owned() } else { json.describe() };
        let is_primitive = !property.write_only
            && matches!((kind, json), (PropertyType::Primitive(_), Json::String(_) | Json::Number(_) | Json::Boolean(_)));
        if is_primitive && self.rules.behaviors.wrong_primitive == WrongPrimitive::Literal {
            let literal = match json {
                Json::String(text) => text.to_string(),
                other => written(other),
            };
            let words = vec![literal, self.rules.model.kind_name(kind).into_owned()];
            return self.shape(place, found, expected, &refusal::CANNOT_CONVERT, words);
        }
        self.shape(place, found, expected, &refusal::SCHEMA_MISMATCH, vec![sent_name.to_owned()]);
    }

    /// Reads the text of an enum value. `None`: it changes nothing, or a problem was reported.
    fn enumeration(&mut self, enumeration: &EnumType, property: &Property, text: &str, place: &Path<'_>) -> Option<Value> {
        let reading = if self.is_request() {
            enums::Reading { lists: self.rules.behaviors.flag_lists, empty: self.rules.behaviors.empty_flags }
        } else {
            enums::Reading::LENIENT
        };
        let Some(number) = enums::parse(enumeration, text, reading) else {
            if self.rules.behaviors.enum_values == EnumValues::Accept {
                self.decided("enum-values");
                return Some(Value::EnumText(text.into()));
            }
            self.enum_problem(enumeration, property, text, place, self.enum_refusals.unknown_member);
            return None;
        };
        if self.is_request() && enums::has_sentinel(enumeration, number) {
            let absent = self.rules.origin == Origin::Update && self.rules.behaviors.sentinel_in == SentinelIn::Absent;
            if absent {
                self.decided("sentinel-in");
            } else {
                self.enum_problem(enumeration, property, text, place, self.enum_refusals.sentinel);
            }
            return None;
        }
        let unknown_to_client = !self.rules.knows_hidden && enums::has_hidden(enumeration, number);
        if self.is_request() && unknown_to_client && self.rules.behaviors.hidden_members_in == HiddenMembersIn::Reject {
            self.enum_problem(enumeration, property, text, place, self.enum_refusals.hidden_member);
            return None;
        }
        if unknown_to_client {
            self.decided("hidden-members-in");
        }
        self.explain_enumeration(enumeration, text);
        Some(Value::Enum(number))
    }

    /// Notes the behaviors under which a value that was taken would have been refused.
    fn explain_enumeration(&mut self, enumeration: &EnumType, text: &str) {
        if !self.rules.explains {
            return;
        }
        let strict = enums::Reading { lists: FlagLists::PascalOnly, empty: EmptyFlags::Reject };
        if enumeration.is_flags && text.trim().is_empty() {
            self.decided("empty-flags");
        } else if enums::parse(enumeration, text, strict).is_none() {
            self.decided("flag-lists");
        }
    }

    fn enum_problem(
        &mut self,
        enumeration: &EnumType,
        property: &Property,
        text: &str,
        place: &Path<'_>,
        refusal: &'static Refusal,
    ) {
        let names: Vec<&str> = enumeration
            .members
            .iter()
            .filter(|(_, number)| Some(*number) != enumeration.sentinel)
            .map(|(name, _)| &**name)
            .collect();
        let several = if enumeration.is_flags { "one or several, comma-separated, of" } else { "one of" };
        let expected = format!("{several} {}", names.join(", "));
        let words = vec![text.to_owned(), property.name.to_string(), enumeration.full_name.to_string()];
        self.value(place, json::quoted(&shortened(text)), expected, refusal, words);
    }

    /// Checks what a request may say beyond the type.
    fn check(&mut self, property: &Property, text: &str, place: &Path<'_>) {
        if !self.is_request() {
            return;
        }
        let Some(ValueCheck(check)) = property.check else { return };
        match check(self.rules.behaviors, text) {
            CheckResult::Valid => {}
            CheckResult::ValidUnder(behavior) => self.decided(behavior),
            CheckResult::Invalid { found, expected, refusal } => {
                let found = found.unwrap_or_else(|| json::quoted(&shortened(text)));
                self.value(place, found, expected, refusal, Vec::new());
            }
        }
    }

    /// Reads an annotation: of the object where `target` is empty, else of one of its properties.
    fn annotation(&mut self, structured: &StructuredType, target: &str, term: &str, json: &Json<'_>, place: &Path<'_>) {
        // Receivers must ignore annotations that they do not know (OData JSON Format 4.0, 4.5), and need no other than the type.
        if !term.eq_ignore_ascii_case("odata.type") {
            return;
        }
        if target.is_empty() {
            // A recorded answer may name a derived type that the model leaves out; an open type has room for its members.
            let is_unknown = |text: &str| names::canonical(self.rules.model, names::without_prefix(text)).is_none();
            if !self.is_request() && structured.is_open && matches!(json, Json::String(text) if is_unknown(text)) {
                return;
            }
            return self.type_annotation(Some(&structured.full_name), json, place);
        }
        match self.property(structured, target) {
            // Of a member that is ignored nothing but its JSON kind counts.
            Some(index) if structured.properties[index].read_only && self.is_request() => {}
            Some(index) => {
                let expected = self.rules.model.kind_name(structured.properties[index].kind);
                self.type_annotation(Some(&expected), json, place);
            }
            None if structured.is_open => self.type_annotation(None, json, place),
            None => {}
        }
    }

    /// Checks the name in an `@odata.type` against the declared type, if there is one.
    fn type_annotation(&mut self, declared: Option<&str>, json: &Json<'_>, place: &Path<'_>) {
        let expected = || declared.map_or_else(|| "the name of a type".to_owned(), |name| format!("#{name}"));
        let text = match json {
            Json::String(text) if !text.is_empty() => text,
            Json::Null => {
                return self.shape(place, "null".to_owned(), expected(), &refusal::TYPE_NULL, vec!["odata.type".to_owned()]);
            }
            other => {
                let words = vec![if *other == Json::String("".into()) { String::new() } else { written(other) }];
                return self.shape(place, other.describe(), expected(), &refusal::TYPE_NAME, words);
            }
        };
        let name = names::without_prefix(text);
        match names::canonical(self.rules.model, name) {
            None => {
                let leaked = match self.rules.behaviors.type_namespace {
                    TypeNamespace::AsSent => name.to_owned(),
                    TypeNamespace::Workload => names::in_workload(self.rules.model, name),
                };
                self.shape(place, json::quoted(&shortened(text)), expected(), &refusal::UNKNOWN_TYPE, vec![leaked]);
            }
            Some(given) => {
                let Some(declared) = declared.filter(|declared| *declared != given) else { return };
                let words = vec![given.into_owned(), declared.to_owned()];
                self.shape(place, json::quoted(&shortened(text)), expected(), &refusal::INCOMPATIBLE_TYPE, words);
            }
        }
    }

    /// Reads a value whose type nothing declares into compact JSON, without annotations.
    fn dynamic(&mut self, json: &Json<'_>, path: &Path<'_>, out: &mut Vec<u8>) {
        match json {
            Json::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    self.dynamic(item, &Path::Item(path, index), out);
                }
                out.push(b']');
            }
            Json::Object(members) => {
                let mut seen = HashSet::new();
                let mut separator: &[u8] = b"";
                out.push(b'{');
                for (name, value) in members {
                    if self.is_full() {
                        break;
                    }
                    let place = Path::Member(path, name);
                    let is_new = seen.insert(name.as_ref());
                    match name.split_once('@') {
                        Some((target, term)) if !is_new => self.duplicate_annotation(target, term, &place),
                        Some((_, term)) if term.eq_ignore_ascii_case("odata.type") => self.type_annotation(None, value, &place),
                        Some(_) => {}
                        None if !is_new => self.duplicate_property(name, &place),
                        None => {
                            out.extend_from_slice(separator);
                            json::write_string(out, name);
                            out.push(b':');
                            self.dynamic(value, &place, out);
                            separator = b",";
                        }
                    }
                }
                out.push(b'}');
            }
            scalar => scalar.write(out),
        }
    }
}

fn written(json: &Json<'_>) -> String {
    let mut out = Vec::new();
    json.write(&mut out);
    shortened(&String::from_utf8_lossy(&out)).into_owned()
}

/// Whether a value is of the JSON kind in which a property is written, or null.
fn has_json_kind(kind: PropertyType, json: &Json<'_>) -> bool {
    match (kind, json) {
        (_, Json::Null)
        | (PropertyType::Complex(_), Json::Object(_))
        | (PropertyType::Enum(_), Json::String(_))
        | (PropertyType::Collection(_), Json::Array(_)) => true,
        (PropertyType::Primitive(primitive), json) => match primitive {
            Primitive::Boolean => matches!(json, Json::Boolean(_)),
            Primitive::Int32 => matches!(json, Json::Number(_)),
            Primitive::String | Primitive::DateTimeOffset => matches!(json, Json::String(_)),
        },
        _ => false,
    }
}

fn expected_kind(model: &Model, kind: PropertyType) -> String {
    match kind {
        PropertyType::Primitive(Primitive::Boolean) => "true or false".to_owned(),
        PropertyType::Primitive(Primitive::Int32) => "a whole number from -2147483648 to 2147483647".to_owned(),
        PropertyType::Primitive(Primitive::String) => "a string".to_owned(),
        PropertyType::Primitive(Primitive::DateTimeOffset) => "a string with a date".to_owned(),
        PropertyType::Enum(id) => format!("a string with a value of {}", model.enumeration(id).full_name),
        PropertyType::Complex(id) => format!("an object of type {}", model.structured(id).full_name),
        PropertyType::Collection(item) => format!("an array, each item of it {}", expected_kind(model, item.kind())),
    }
}
