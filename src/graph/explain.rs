//! Explanations of responses (`--explain`): the rows that decided them.

use http::header::{HeaderName, HeaderValue};

use crate::edm::enums;
use crate::edm::schema::{ItemType, Property, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::odata::error::Error;
use crate::odata::query::Query;
use crate::odata::query::selection::{Selected, Selection};
use crate::odata::write::Representation;
use crate::policy::behavior::{Aliases, ROWS};
use crate::world::World;

/// The response header with the explanation.
pub(super) const EXPLAIN: HeaderName = HeaderName::from_static("x-wfi-emulator-explain");

/// The maximum length of an explanation, in characters: clients limit the size of response headers.
const LIMIT: usize = 1000;

/// Rows about the format of a body. They are listed only with a value other than the default.
const FORMAT_ROWS: [&str; 6] = ["annotations", "nulls", "property-order", "layout", "content-type", "base-url"];

/// Returns the explanation of a refusal: its row, the behaviors of the row, and the detail.
pub(super) fn refusal(world: &World, error: &Error) -> HeaderValue {
    let row = error.refusal;
    let behaviors: Vec<&'static str> = row.behaviors.iter().copied().chain(error.behavior).collect();
    let behaviors = with_values(world, &behaviors);
    let behaviors = if behaviors.is_empty() { String::new() } else { format!(" ({behaviors})") };
    let detail = error.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    header_value(&format!("refused by {}{behaviors}{detail}", row.name))
}

/// Returns the explanation of a success; `None` if no behavior decided it.
pub(super) fn success(world: &World, decided: &[&'static str]) -> Option<HeaderValue> {
    let mut unique: Vec<&'static str> = Vec::new();
    for name in decided {
        if !unique.contains(name) {
            unique.push(name);
        }
    }
    (!unique.is_empty()).then(|| header_value(&format!("decided by {}", with_values(world, &unique))))
}

/// Returns the explanation of a recorded answer.
pub(super) fn stub(place: &str) -> HeaderValue {
    header_value(&format!("answered by the stub {place}"))
}

/// Adds the applied fault rules to an explanation.
pub(super) fn with_fault(explanation: Option<&HeaderValue>, rules: &str) -> HeaderValue {
    let fault = header_value(&format!("fault rules: {rules}"));
    let Some(explanation) = explanation else { return fault };
    HeaderValue::from_bytes(&[explanation.as_bytes(), b"; ", fault.as_bytes()].concat()).unwrap_or(fault)
}

fn with_values(world: &World, names: &[&'static str]) -> String {
    let value = |name: &&'static str| format!("{name}={}", world.behaviors.get(name).unwrap_or_default());
    names.iter().map(value).collect::<Vec<_>>().join(", ")
}

fn header_value(text: &str) -> HeaderValue {
    let visible: String = text.chars().take(LIMIT).flat_map(char::escape_default).collect();
    // Quotes are valid in a header and more readable without an escape.
    let readable = visible.replace("\\\"", "\"").replace("\\'", "'");
    HeaderValue::try_from(readable).unwrap_or(HeaderValue::from_static("not expressible"))
}

/// Returns the behaviors that decided the JSON of entities.
pub(super) fn entities<'e>(
    context: &OperationContext<'_>,
    entities: impl Iterator<Item = &'e Entity>,
    selection: Option<&Selection>,
) -> Vec<&'static str> {
    if !context.world.explains {
        return Vec::new();
    }
    let representation = context.representation;
    let mut decided = Vec::new();
    if selection.is_none() && context.structured().default_projection.is_some() {
        decided.push("default-projection");
    }
    for entity in entities {
        let actual = context.model.actual(context.structured(), entity.properties.own_type);
        explain_object(&representation, actual, &entity.properties, selection, &mut decided);
    }
    decided.extend(format_rows(context.world));
    decided
}

/// Returns the behaviors that decided the JSON of a property value.
pub(super) fn value<R>(context: &OperationContext<'_, R>, property: &Property, value: &Value) -> Vec<&'static str> {
    let mut decided = format_rows(context.world);
    if context.world.explains {
        explain_member(&context.representation, property, value, None, &mut decided);
    }
    decided
}

/// Returns the behaviors that decided the answer with a value of undeclared type.
pub(super) fn queried<R>(context: &OperationContext<'_, R>, query: &Query<'_>) -> Vec<&'static str> {
    let mut decided = format_rows(context.world);
    decided.extend(query.doubted());
    decided
}

/// Returns the behaviors that decided the format of a body.
fn format_rows(world: &World) -> Vec<&'static str> {
    if !world.explains {
        return Vec::new();
    }
    let differs = |name: &&'static str| {
        let row = ROWS.iter().find(|row| row.name == *name);
        row.is_some_and(|row| world.behaviors.get(name) != Some(row.profiles[0]))
    };
    FORMAT_ROWS.into_iter().filter(differs).collect()
}

fn explain_object(
    representation: &Representation<'_>,
    structured: &StructuredType,
    values: &Complex,
    selection: Option<&Selection>,
    decided: &mut Vec<&'static str>,
) {
    let projection = representation.projection(structured).filter(|_| selection.is_none());
    for (index, property) in structured.properties.iter().enumerate() {
        if projection.is_some_and(|projection| !projection.has(index)) {
            continue;
        }
        let selected = selection.map_or(Selected::Everything, |selection| selection.of(index, property.slot));
        let nested = match selected {
            Selected::Nothing => continue,
            Selected::Part(nested) => Some(nested),
            Selected::Everything | Selected::Whole => None,
        };
        explain_member(representation, property, values.value(property), nested, decided);
    }
}

fn explain_member(
    representation: &Representation<'_>,
    property: &Property,
    value: &Value,
    nested: Option<&Selection>,
    decided: &mut Vec<&'static str>,
) {
    if let Some(alias) = property.alias.filter(|_| !property.declared || representation.style.aliases == Aliases::Only) {
        decided.extend(alias.behavior);
    }
    match (value, property.kind) {
        (Value::Null, _) => {}
        _ if property.write_only => decided.push("secret"),
        (Value::Enum(number), PropertyType::Enum(id)) if enums::has_hidden(representation.model.enumeration(id), *number) => {
            decided.push("hidden-members");
        }
        (Value::DateTimeOffset(time), _) => {
            let (mut utc, mut verbatim) = (Vec::new(), Vec::new());
            time.write_utc(&mut utc);
            time.write_verbatim(&mut verbatim);
            if utc != verbatim {
                decided.push("timestamps");
            }
        }
        (Value::Complex(value), PropertyType::Complex(id)) => {
            let declared = representation.model.structured(id);
            explain_object(representation, representation.model.actual(declared, value.own_type), value, nested, decided);
        }
        (Value::Collection(items), PropertyType::Collection(ItemType::Complex(id))) => {
            let objects = items.iter().filter_map(|item| if let Value::Complex(object) = item { Some(object) } else { None });
            let declared = representation.model.structured(id);
            let actual = |item: &Complex| representation.model.actual(declared, item.own_type);
            objects.for_each(|item| explain_object(representation, actual(item), item, nested, decided));
        }
        _ => {}
    }
}
