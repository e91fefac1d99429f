//! Files and folders within others.

use std::sync::Arc;

use crate::edm::address::EntityAddress;
use crate::graph::context::OperationContext;
use crate::odata::error::Error;
use crate::world::store::StoredEntity;

/// The steps that looking at an item costs.
const ITEM_STEPS: u64 = 16;

/// Returns an item, if it is stored, and all that it contains: each folder before its items.
///
/// # Errors
///
/// Fails if the purse does not suffice.
pub(super) fn within(
    context: &OperationContext<'_>,
    top: &EntityAddress,
) -> Result<Vec<(EntityAddress, Arc<StoredEntity>)>, Error> {
    let (world, structured) = (context.world, context.structured());
    let mut found: Vec<_> = world.store.entity(top).map(|entity| (top.clone(), entity)).into_iter().collect();
    let Some(children) = structured.file.and_then(|rules| structured.navigation(rules.children)) else { return Ok(found) };
    let mut ahead = std::collections::VecDeque::from([top.clone()]);
    while let Some(folder) = ahead.pop_front() {
        let inner = folder.collection.within(&world.schema, &folder.key, children.set);
        let items = world.store.at(&inner).list();
        if !context.purse.spend(ITEM_STEPS.saturating_mul(1 + u64::try_from(items.len()).unwrap_or(u64::MAX))) {
            return Err(context.too_expensive());
        }
        for item in items {
            let address = EntityAddress { collection: inner.clone(), key: item.key.clone() };
            ahead.push_back(address.clone());
            found.push((address, item));
        }
    }
    Ok(found)
}
