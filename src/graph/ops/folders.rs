//! Folders: what they say about their items.

use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::schema::{FileRules, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::world::store::StoreFull;

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
