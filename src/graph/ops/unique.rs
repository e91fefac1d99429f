//! Values that no two entities of a collection can share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use crate::edm::file_name::folded;
use crate::edm::schema::{StructuredType, Unique};
use crate::edm::value::{Complex, Value};
use crate::graph::context::OperationContext;
use crate::odata::error::Error;
use crate::world::store::{Collection, StoredEntity};

/// The number of entities that are compared at a time, without the store's lock.
const CHUNK: usize = 256;

/// The cost of the comparison with an entity, or with one of its texts, in steps of the purse.
const COMPARISON_STEPS: u64 = 2;

/// Checks that no entity other than that of a key has one of the unique values. No other value of the kind is stored until the guard is
/// dropped; without unique values nothing is held.
///
/// # Errors
///
/// Fails if another entity has one of the values, or if the comparison costs more than it may.
pub(super) fn check<'c, R>(
    context: &OperationContext<'c, R>,
    structured: &StructuredType,
    collection: &Collection,
    values: &Complex,
    own_key: Option<&str>,
) -> Result<Option<MutexGuard<'c, ()>>, Error> {
    let of = |unique: &'static Unique| {
        let found = texts(structured, unique.property, values).into_iter().map(|text| (folded(&text), text));
        let found: HashMap<String, Arc<str>> = found.collect();
        (applies(structured, unique, values) && !found.is_empty()).then_some((unique, found))
    };
    let wanted: Vec<(&Unique, HashMap<String, Arc<str>>)> = structured.unique.iter().filter_map(|unique| of(unique)).collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let alone = context.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
    let mut after = None;
    loop {
        let chunk: Vec<(u64, Arc<StoredEntity>)> = collection.page(after, 0, CHUNK);
        let Some((last, _)) = chunk.last() else { return Ok(Some(alone)) };
        after = Some(*last);
        for (_, entity) in chunk.iter().filter(|(_, entity)| own_key.is_none_or(|key| *entity.key != *key)) {
            for (unique, wanted) in &wanted {
                let taken = texts(structured, unique.property, &entity.properties);
                if !context.purse.spend(COMPARISON_STEPS * (1 + taken.len() as u64)) {
                    return Err(context.too_expensive());
                }
                let found = taken.iter().find_map(|text| wanted.get(&folded(text)));
                if let Some(text) = found.filter(|_| applies(structured, unique, &entity.properties)) {
                    let detail = format!("{:?} has this {}", entity.key, unique.property);
                    return Err(Error::new(unique.refusal, &[unique.property, text]).with_detail(detail));
                }
            }
        }
    }
}

/// Checks that no two of the entities that a body creates in one new collection share a unique value.
///
/// # Errors
///
/// Fails if two share a value, or if the comparison costs more than it may.
pub(super) fn check_together<R>(context: &OperationContext<'_, R>, entities: &[(&StructuredType, Complex)]) -> Result<(), Error> {
    let mut known: HashSet<(&str, String)> = HashSet::new();
    for (structured, values) in entities {
        for unique in structured.unique.iter().filter(|unique| applies(structured, unique, values)) {
            let texts = texts(structured, unique.property, values);
            if !context.purse.spend(COMPARISON_STEPS * texts.len() as u64) {
                return Err(context.too_expensive());
            }
            let mut own: HashMap<String, Arc<str>> = texts.into_iter().map(|text| (folded(&text), text)).collect();
            if let Some((_, text)) = own.drain().find(|(folded, _)| !known.insert((unique.property, folded.clone()))) {
                let detail = format!("two entities of the body have this {}", unique.property);
                return Err(Error::new(unique.refusal, &[unique.property, &text]).with_detail(detail));
            }
        }
    }
    Ok(())
}

/// Whether a rule applies to an entity with these values.
fn applies(structured: &StructuredType, unique: &Unique, values: &Complex) -> bool {
    unique.among.is_none_or(|(property, item)| texts(structured, property, values).iter().any(|text| **text == *item))
}

/// Returns the text of a property, or the texts of its items.
fn texts(structured: &StructuredType, property: &str, values: &Complex) -> Vec<Arc<str>> {
    let text = |value: &Value| if let Value::String(text) = value { Some(text.clone()) } else { None };
    match structured.slot(property).map(|slot| values.get(slot)) {
        Some(Value::Collection(items)) => items.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    }
}
