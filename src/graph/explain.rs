//! Which rows decided an answer, for clients that ask (`--explain`).

use http::header::{HeaderName, HeaderValue};

use crate::edm::enums;
use crate::edm::schema::{ItemType, Property, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::odata::error::Error;
use crate::odata::query::selection::{Selected, Selection};
use crate::odata::write::Representation;
use crate::policy::behavior::{Aliases, ROWS};
use crate::world::World;

/// The response header with the explanation.
pub(super) const EXPLAIN: HeaderName = HeaderName::from_static("x-wfi-emulator-explain");

/// How long an explanation may be: clients limit the size of a response's head.
const LIMIT: usize = 1000;

/// Rows about the form of a body, which decide only where they differ from what everybody knows.
const FORM: [&str; 6] = ["annotations", "nulls", "property-order", "layout", "content-type", "base-url"];

/// Says by which row, and under which behaviors, a request was refused.
pub(super) fn refusal(world: &World, error: &Error) -> HeaderValue {
    let row = error.refusal;
    let behaviors = named(world, row.behaviors);
    let behaviors = if behaviors.is_empty() { String::new() } else { format!(" ({behaviors})") };
    let detail = error.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    header(&format!("refused by {}{behaviors}{detail}", row.name))
}

/// Names the behaviors that decided a success, if there were any.
pub(super) fn success(world: &World, decided: &[&'static str]) -> Option<HeaderValue> {
    let mut unique: Vec<&'static str> = Vec::new();
    for name in decided {
        if !unique.contains(name) {
            unique.push(name);
        }
    }
    (!unique.is_empty()).then(|| header(&format!("decided by {}", named(world, &unique))))
}

/// Adds to an explanation, if there is one, which rules of faults let the answer arrive otherwise.
pub(super) fn with_fault(explanation: Option<&HeaderValue>, rules: &str) -> HeaderValue {
    let struck = header(&format!("struck by {rules}"));
    let Some(before) = explanation else { return struck };
    HeaderValue::from_bytes(&[before.as_bytes(), b"; ", struck.as_bytes()].concat()).unwrap_or(struck)
}

fn named(world: &World, names: &[&'static str]) -> String {
    let value = |name: &&'static str| format!("{name}={}", world.behaviors.get(name).unwrap_or_default());
    names.iter().map(value).collect::<Vec<_>>().join(", ")
}

fn header(text: &str) -> HeaderValue {
    let visible: String = text.chars().take(LIMIT).flat_map(char::escape_default).collect();
    // Quotes need no escape in a header, and read better without.
    let readable = visible.replace("\\\"", "\"").replace("\\'", "'");
    HeaderValue::try_from(readable).unwrap_or(HeaderValue::from_static("not expressible"))
}

/// Returns the behaviors that decided how entities look in an answer.
pub(super) fn entities<'e>(
    context: &OperationContext<'_>,
    entities: impl Iterator<Item = &'e Entity>,
    selection: Option<&Selection>,
) -> Vec<&'static str> {
    if !context.world.explains {
        return Vec::new();
    }
    let shape = context.representation();
    let mut decided = Vec::new();
    for entity in entities {
        object(&shape, context.structured(), &entity.properties, selection, &mut decided);
    }
    decided.extend(form(context.world));
    decided
}

/// Returns the behaviors that decided how the value of one property looks in an answer.
pub(super) fn value<R>(context: &OperationContext<'_, R>, property: &Property, value: &Value) -> Vec<&'static str> {
    let mut decided = form(context.world);
    if context.world.explains {
        member(&context.representation(), property, value, None, &mut decided);
    }
    decided
}

/// Returns the behaviors that decided the form of a body.
fn form(world: &World) -> Vec<&'static str> {
    if !world.explains {
        return Vec::new();
    }
    let differs = |name: &&'static str| {
        let row = ROWS.iter().find(|row| row.name == *name);
        row.is_some_and(|row| world.behaviors.get(name) != Some(row.profiles[0]))
    };
    FORM.into_iter().filter(differs).collect()
}

fn object(
    shape: &Representation<'_>,
    structured: &StructuredType,
    object_values: &Complex,
    selection: Option<&Selection>,
    decided: &mut Vec<&'static str>,
) {
    for (index, property) in structured.properties.iter().enumerate() {
        let selected = selection.map_or(Selected::Everything, |selection| selection.of(index));
        let part = match selected {
            Selected::Nothing => continue,
            Selected::Part(part) => Some(part),
            Selected::Everything | Selected::Whole => None,
        };
        member(shape, property, &object_values.values[property.slot], part, decided);
    }
}

fn member(
    shape: &Representation<'_>,
    property: &Property,
    value: &Value,
    part: Option<&Selection>,
    decided: &mut Vec<&'static str>,
) {
    if let Some(alias) = property.alias.filter(|_| !property.declared || shape.style.aliases == Aliases::Only) {
        decided.push(alias.behavior);
    }
    match (value, property.kind) {
        (Value::Null, _) => {}
        _ if property.write_only => decided.push("secret"),
        (Value::Enum(number), PropertyType::Enum(id)) if enums::has_hidden(shape.model.enumeration(id), *number) => {
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
        (Value::Complex(value), PropertyType::Complex(id)) => object(shape, shape.model.structured(id), value, part, decided),
        (Value::Collection(items), PropertyType::Collection(ItemType::Complex(id))) => {
            let objects = items.iter().filter_map(|item| if let Value::Complex(object) = item { Some(object) } else { None });
            objects.for_each(|item| object(shape, shape.model.structured(id), item, part, decided));
        }
        _ => {}
    }
}
