//! Parameters of actions in bodies, checked like members of an entity.

use std::collections::HashSet;
use std::sync::Arc;

use super::problem::Path;
use super::reader::BodyReader;
use super::{ReadRules, Reading, kinds};
use crate::edm::patch::{NewValue, Patch};
use crate::edm::schema::{Operation, OperationType, Parameter, Property, PropertyType, TypeId};
use crate::edm::value::{Complex, Value};
use crate::policy::behavior::QuotedArguments;
use crate::policy::refusal;
use crate::text::json::{self, Json};

/// The argument of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Argument {
    /// None.
    Absent,
    /// A value.
    Value(Value),
    /// An entity.
    Entity(Patch),
    /// Entities.
    Entities(Vec<Patch>),
}

/// Reads the arguments of an operation, in the order of its parameters.
pub(crate) fn parameters(rules: ReadRules<'_>, operation: &Operation, json: &Json<'_>, path: &str) -> (Vec<Argument>, Reading) {
    let wording = match operation.binding {
        Some((id, _)) => rules.model.structured(id).wording,
        None => &crate::edm::schema::DEFAULT_WORDING,
    };
    let mut reader = BodyReader::new(rules, wording.enum_refusals);
    let place = Path::Root(&path);
    let mut arguments = vec![Argument::Absent; operation.parameters.len()];
    let Json::Object(members) = json else {
        reader.shape(&place, json.describe(), "an object", &refusal::NOT_AN_OBJECT, Vec::new());
        return (arguments, reader.reading);
    };
    let mut seen = HashSet::new();
    for (name, value) in members {
        if reader.is_full() {
            break;
        }
        let place = Path::Member(&place, name);
        if name.contains('@') {
            continue;
        }
        let Some(index) = operation.parameter(name) else {
            let names = operation.parameters.iter().map(|parameter| &*parameter.name);
            let near = crate::text::nearest::nearest(name, names);
            let hint = near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
            let message = format!("unknown parameter of {}{hint}", operation.name);
            reader.report(&place, message, &refusal::UNKNOWN_PARAMETER, vec![name.to_string(), operation.name.to_string()]);
            continue;
        };
        if !seen.insert(index) {
            reader.duplicate_property(name, &place);
            continue;
        }
        let parameter = &operation.parameters[index];
        let unquoted = reader.unquoted(parameter, value);
        let taken = unquoted.as_ref().filter(|_| rules.behaviors.quoted_arguments == QuotedArguments::Take);
        let problems = reader.reading.shape.len();
        if let Some(argument) = reader.argument(parameter, taken.unwrap_or(value), &place) {
            arguments[index] = argument;
        }
        if unquoted.is_some() {
            reader.note("quoted-arguments");
            reader.reading.shape[problems..].iter_mut().for_each(|problem| problem.set_behavior("quoted-arguments"));
        }
    }
    reader.reading.has_members = !seen.is_empty();
    (arguments, reader.reading)
}

/// Reads the JSON of an argument in an address.
pub(crate) fn parameter(
    rules: ReadRules<'_>,
    operation: &Operation,
    index: usize,
    json: &Json<'_>,
) -> (Option<Argument>, Reading) {
    let mut reader = BodyReader::new(rules, crate::edm::schema::DEFAULT_WORDING.enum_refusals);
    let parameter = &operation.parameters[index];
    let argument = reader.argument(parameter, json, &Path::Root(&parameter.name));
    (argument, reader.reading)
}

impl BodyReader<'_> {
    /// Returns the boolean or the number of a text in a body, where one is declared (behavior `quoted-arguments`).
    fn unquoted<'j>(&self, parameter: &Parameter, json: &'j Json<'_>) -> Option<Json<'j>> {
        let (OperationType::Value(PropertyType::Primitive(primitive)), Json::String(text)) = (parameter.kind, json) else {
            return None;
        };
        let long_numbers = self.rules.long_numbers;
        let value = json::parse(text.as_bytes()).ok().filter(|json| matches!(json, Json::Number(_) | Json::Boolean(_)))?;
        if primitive.read(json, long_numbers).is_ok() || primitive.read(&value, long_numbers).is_err() {
            return None;
        }
        Some(value)
    }

    fn argument(&mut self, parameter: &Parameter, json: &Json<'_>, place: &Path<'_>) -> Option<Argument> {
        match (parameter.kind, json) {
            (_, Json::Null) if parameter.nullable => Some(Argument::Value(Value::Null)),
            (OperationType::Value(kind), json) => {
                let property = Property::new(&parameter.name, kind, parameter.nullable);
                match (self.declared(&property, &parameter.name, true, None, json, place)?, kind) {
                    (NewValue::Set(value), _) => Some(Argument::Value(value)),
                    (NewValue::Merge(patch), PropertyType::Complex(id)) => Some(Argument::Value(self.complex(id, &patch))),
                    (NewValue::Merge(_), _) => None,
                }
            }
            (OperationType::Entity(id), Json::Object(members)) => {
                Some(Argument::Entity(self.object(id, None, true, members, place)))
            }
            (OperationType::Entities(id), Json::Array(items)) => {
                let mut entities = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    if self.is_full() {
                        return None;
                    }
                    let at = Path::Item(place, index);
                    match item {
                        Json::Object(members) => entities.push(self.object(id, None, true, members, &at)),
                        other => self.mismatch(parameter, other, &at),
                    }
                }
                Some(Argument::Entities(entities))
            }
            (OperationType::Entity(_) | OperationType::Entities(_), other) => {
                self.mismatch(parameter, other, place);
                None
            }
        }
    }

    fn complex(&self, id: TypeId, patch: &Patch) -> Value {
        let structured = self.rules.model.structured(id);
        Value::Complex(Arc::new(patch.apply(self.rules.model, structured, &Complex::initial(structured))))
    }

    fn mismatch(&mut self, parameter: &Parameter, found: &Json<'_>, place: &Path<'_>) {
        let words = vec![parameter.name.to_string()];
        self.shape(place, found.kind(), kinds::ENTITY, &refusal::SCHEMA_MISMATCH, words);
    }
}
