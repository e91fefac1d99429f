//! Values that no two entities of a collection can share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use crate::edm::address::CollectionAddress;
use crate::edm::file_name::folded;
use crate::edm::schema::{Slot, StructuredType, Unique};
use crate::edm::value::{Complex, Value};
use crate::graph::context::OperationContext;
use crate::odata::error::Error;
use crate::world::store::{LookUpUnpaid, StoredEntity};

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
    place: &CollectionAddress,
    values: &Complex,
    own_key: Option<&str>,
) -> Result<Option<MutexGuard<'c, ()>>, Error> {
    let of = |unique: &'static Unique| {
        let found = texts(structured, unique.property, values);
        let slot = structured.slot(unique.property).filter(|_| applies(structured, unique, values) && !found.is_empty())?;
        Some((unique, slot, found))
    };
    let wanted: Vec<(&Unique, Slot, Vec<Arc<str>>)> = structured.unique.iter().filter_map(|unique| of(unique)).collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    // Paid by the first request that asks. Others do not wait for it.
    let index = || {
        let collection = context.world.store.at(place);
        let indexed = wanted.iter().try_for_each(|(_, slot, _)| collection.index(*slot, context.purse));
        indexed.map(|()| collection).map_err(|LookUpUnpaid| context.too_expensive())
    };
    index()?;
    let alone = context.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
    // A collection that another request has changed meanwhile for the first time is another one since.
    let collection = index()?;
    for (unique, slot, wanted) in &wanted {
        for text in wanted {
            let sought = folded(text);
            let other = other_text(structured, unique, values);
            let has_it = |entity: &StoredEntity| {
                applies(structured, unique, &entity.properties)
                    && other_text(structured, unique, &entity.properties) == other
                    && texts(structured, unique.property, &entity.properties).iter().any(|other| folded(other) == sought)
            };
            for key in collection.keys_with(*slot, &sought).iter().filter(|key| own_key.is_none_or(|own| ***key != *own)) {
                if !context.purse.spend(COMPARISON_STEPS) {
                    return Err(context.too_expensive());
                }
                if collection.with_entity(key, has_it) == Some(true) {
                    let detail = format!("{key:?} has this {}", unique.property);
                    return Err(Error::new(unique.refusal, &[unique.property, text, &other]).with_detail(detail));
                }
            }
        }
    }
    Ok(Some(alone))
}

/// Checks that no two of the entities that a body creates in one new collection share a unique value.
///
/// # Errors
///
/// Fails if two share a value, or if the comparison costs more than it may.
pub(super) fn check_together<R>(context: &OperationContext<'_, R>, entities: &[(&StructuredType, Complex)]) -> Result<(), Error> {
    let mut known: HashSet<(&str, String, String)> = HashSet::new();
    for (structured, values) in entities {
        for unique in structured.unique.iter().filter(|unique| applies(structured, unique, values)) {
            let (texts, other) = (texts(structured, unique.property, values), other_text(structured, unique, values));
            if !context.purse.spend(COMPARISON_STEPS * texts.len() as u64) {
                return Err(context.too_expensive());
            }
            let mut own: HashMap<String, Arc<str>> = texts.into_iter().map(|text| (folded(&text), text)).collect();
            if let Some((_, text)) =
                own.drain().find(|(folded, _)| !known.insert((unique.property, folded.clone(), other.clone())))
            {
                let detail = format!("two entities of the body have this {}", unique.property);
                return Err(Error::new(unique.refusal, &[unique.property, &text, &other]).with_detail(detail));
            }
        }
    }
    Ok(())
}

/// Returns the text of the other property of a rule.
fn other_text(structured: &StructuredType, unique: &Unique, values: &Complex) -> String {
    unique.with.and_then(|name| texts(structured, name, values).pop()).map_or_else(String::new, |text| text.to_string())
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
