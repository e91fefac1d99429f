//! Assignments of roles, which the principal and the resource have both (learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments,
//! serviceprincipal-post-approleassignedto).

use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::schema::StructuredType;
use crate::edm::value::Complex;
use crate::odata::error::Error;
use crate::world::World;
use crate::world::store::{InsertError, StoredEntity};
use crate::world::workload::{Change, ChangeKind, text_of};

/// Creates or deletes the other side of an assignment.
pub(super) fn mirror(change: &Change<'_>) -> Result<(), Error> {
    let world = change.world;
    match &change.kind {
        ChangeKind::Create { key, values, keyed_values } => {
            let Some(place) = other_side(world, change.collection, change.structured, values) else { return Ok(()) };
            let entity = Arc::new(StoredEntity::of_type(key(), keyed_values(), change.structured.blank_text));
            match world.store.to_change(&place, entity.size())?.insert(entity) {
                Ok(()) | Err(InsertError::DuplicateKey) => Ok(()),
                Err(InsertError::Full(full)) => Err(full.into()),
            }
        }
        ChangeKind::Delete { key } => {
            let Some(entity) = world.store.get(change.collection, key) else { return Ok(()) };
            let Some(place) = other_side(world, change.collection, change.structured, &entity.properties) else { return Ok(()) };
            world.store.to_remove(&place).remove(key);
            Ok(())
        }
        ChangeKind::Update { .. } | ChangeKind::Replace { .. } => Ok(()),
    }
}

/// Returns the collection of the principal for one of the resource, and the other way round.
fn other_side(
    world: &World,
    place: &CollectionAddress,
    structured: &StructuredType,
    values: &Complex,
) -> Option<CollectionAddress> {
    let schema = &world.schema;
    let (id, sets, navigation): (_, &[&str], _) = match &*schema.set(place.set).name {
        "appRoleAssignments" => ("resourceId", &["servicePrincipals"], "appRoleAssignedTo"),
        "appRoleAssignedTo" => ("principalId", &["users", "servicePrincipals", "groups"], "appRoleAssignments"),
        _ => return None,
    };
    let id = text_of(structured, values, id)?;
    sets.iter().find_map(|name| {
        let set = schema.set_named(name)?;
        let (_, holder) = schema.entity_type(schema.widest(), set)?;
        let address = EntityAddress { collection: set.into(), key: id.clone() };
        let navigation = holder.navigation(navigation)?;
        world.store.entity(&address).map(|_| address.collection.within(schema, &id, navigation.set))
    })
}
