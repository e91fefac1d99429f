//! Folders: what they say about their items.

use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::file_name;
use crate::edm::patch::{NewValue, Patch};
use crate::edm::schema::{FileRules, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::store::{LookUpUnpaid, StoreFull, StoredEntity};

/// The steps that a name costs which another item has.
const NAME_STEPS: u64 = 64;

/// Checks the name that a body gives a file or a folder.
///
/// # Errors
///
/// Fails if no file can have the name.
pub(super) fn check_name(structured: &StructuredType, patch: &Patch) -> Result<(), Error> {
    let property = structured.file.and_then(|rules| structured.property(rules.name));
    let names = patch.changes.iter().filter(|change| Some(change.property) == property).map(|change| &change.to);
    let is_allowed = |to: &NewValue| !matches!(to, NewValue::Set(Value::String(name)) if !file_name::is_allowed(name));
    if names.into_iter().all(is_allowed) { Ok(()) } else { Err(Error::new(&refusal::INVALID_FILE_NAME, &[])) }
}

/// Returns a name that no item of a folder has: `a 1.txt` for `a.txt`.
///
/// # Errors
///
/// Fails if the purse does not suffice.
pub(super) fn free_name(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    folder: &CollectionAddress,
    rules: &FileRules,
    name: &str,
) -> Result<String, Error> {
    let mut names = file_name::similar(name);
    loop {
        let name = names.next().unwrap_or_default();
        if find(context, structured, folder, rules, &name)?.is_none() {
            return Ok(name);
        }
        if !context.purse.spend(NAME_STEPS) {
            return Err(context.too_expensive());
        }
    }
}

/// Returns the item of a folder with a name, in any case.
///
/// # Errors
///
/// Fails if the purse does not suffice.
pub(super) fn find(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    folder: &CollectionAddress,
    rules: &FileRules,
    name: &str,
) -> Result<Option<Arc<StoredEntity>>, Error> {
    let Some(slot) = structured.slot(rules.name) else { return Ok(None) };
    let found = context.world.store.at(folder).with_text(slot, name, context.purse);
    Ok(found.map_err(|LookUpUnpaid| context.too_expensive())?.into_iter().next().map(|(_, entity)| entity))
}

/// Returns the size that an item says it has.
pub(super) fn size(structured: &StructuredType, values: &Complex, rules: &FileRules) -> i64 {
    match structured.slot(rules.size).map(|slot| values.get(slot)) {
        Some(Value::Integer(size)) => *size,
        _ => 0,
    }
}

/// Adds items and bytes to what the folder of a collection, and those above it, say about their items. Folders that nothing is stored of say
/// nothing.
pub(super) fn account(context: &OperationContext<'_>, folder: &CollectionAddress, items: i64, bytes: i64) {
    let (world, model) = (context.world, context.model);
    let mut place = folder.clone();
    let mut items = items;
    while let Some(EntityAddress { collection, key }) =
        place.holder.as_deref().and_then(|holder| EntityAddress::parse(&world.schema, model, holder))
    {
        let Some(structured) = model.find_structured(world.schema.set(collection.set).target) else { return };
        let Some(rules) = structured.file else { return };
        // Without room for a longer number, the folder keeps the old one.
        if let Ok(stored) = world.store.to_change(&collection, 0) {
            let _ = stored.update(&key, |entity| {
                let mut values = entity.properties.clone();
                add(structured, &mut values, rules, context, items, bytes);
                Ok::<_, StoreFull>(Entity::of_type(entity.key.clone(), values, structured.blank_text))
            });
        }
        (place, items) = (collection, 0);
    }
}

fn add(
    structured: &StructuredType,
    values: &mut Complex,
    rules: &FileRules,
    context: &OperationContext<'_>,
    items: i64,
    bytes: i64,
) {
    if let Some(slot) = structured.slot(rules.size) {
        let sum = size(structured, values, rules).saturating_add(bytes);
        values.set(slot, Value::Integer(sum.max(0)));
    }
    let Some(index) = structured.property(rules.folder.0) else { return };
    let property = &structured.properties[index];
    let (Value::Complex(facet), PropertyType::Complex(id)) = (values.get(property.slot), property.kind) else { return };
    let Some(slot) = context.model.structured(id).slot(rules.folder.1) else { return };
    let mut facet = Complex::clone(facet);
    let count = match facet.get(slot) {
        Value::Integer(count) => *count,
        _ => 0,
    };
    facet.set(slot, Value::Integer(count.saturating_add(items).max(0)));
    values.set(property.slot, Value::Complex(Arc::new(facet)));
}
