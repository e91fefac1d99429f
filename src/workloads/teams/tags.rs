//! Tags of teams, which count their members (learn.microsoft.com/graph/api/teamworktag-post, medium).

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::patch::RelatedEntities;
use crate::edm::schema::Model;
use crate::edm::value::{Entity, Value};
use crate::odata::error::Error;
use crate::world::World;
use crate::world::store::StoreFull;
use crate::world::workload::{Change, ChangeKind, Creation, NewEntity};

const MEMBER: &str = "microsoft.graph.teamworkTagMember";

/// Returns the number of members that a request gives a new tag.
pub(super) fn new_members(tag: &NewEntity<'_>) -> usize {
    let is_members =
        |navigation: usize| tag.structured.navigations.get(navigation).is_some_and(|known| *known.name == *"members");
    let counts = tag.related.iter().filter(|related| is_members(related.navigation)).map(|related| match &related.entities {
        RelatedEntities::New(members) => members.len(),
        RelatedEntities::Bound(_) | RelatedEntities::Named(..) | RelatedEntities::Unbound => 0,
    });
    counts.sum()
}

/// Counts the members of a tag after a new one.
pub(super) fn count_new(creation: &Creation<'_>) -> Result<(), Error> {
    if *creation.structured.full_name != *MEMBER {
        return Ok(());
    }
    count(creation.world, creation.model, &creation.address.collection, 0)
}

/// Counts the members of a tag before one is removed.
pub(super) fn count_without(change: &Change<'_>) -> Result<(), Error> {
    let ChangeKind::Delete { key } = change.kind else { return Ok(()) };
    let less = usize::from(change.world.store.has(change.collection, key));
    count(change.world, change.model, change.collection, less)
}

fn count(world: &World, model: &Model, members: &CollectionAddress, less: usize) -> Result<(), Error> {
    let tag = members.holder.as_deref().and_then(|holder| EntityAddress::parse(&world.schema, model, holder));
    let Some(tag) = tag.filter(|tag| world.store.has(&tag.collection, &tag.key)) else { return Ok(()) };
    let Some(structured) = model.find_structured(world.schema.set(tag.collection.set).target) else { return Ok(()) };
    let Some(slot) = structured.slot("memberCount") else { return Ok(()) };
    let number = i64::try_from(world.store.at(members).len().saturating_sub(less)).unwrap_or(i64::MAX);
    let with_number = |entity: &Entity| {
        let mut values = entity.properties.clone();
        values.set(slot, Value::Integer(number));
        Ok::<_, StoreFull>(Entity::of_type(entity.key.clone(), values, structured.blank_text))
    };
    // A deletion is never refused for want of room.
    let updated = match less {
        0 => world.store.to_change(&tag.collection, 0)?.update(&tag.key, with_number),
        _ => world.store.to_remove(&tag.collection).update_beyond(&tag.key, with_number),
    };
    updated.map_or(Ok(()), |updated| updated.map(drop).map_err(Error::from))
}
