//! Operations of teams and channels: archive and unarchive. `creation.rs` has clone.
//!
//! Medium (learn.microsoft.com/graph/api/team-archive, channel-archive): 202 with the address of an operation, which is done at once here. The
//! refusal of a write to an archived team has no public source, so it is not emulated.

use std::sync::Arc;
use std::time::SystemTime;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::{Model, StructuredType};
use crate::edm::value::{Entity, Value};
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::workload::{OperationProblem, OperationReply, OperationRequest, OperationRow};

/// Operations and the functions that answer their calls.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("archive", "team", |request| set_archived(request, true, "archiveTeam")),
    ("unarchive", "team", |request| set_archived(request, false, "unarchiveTeam")),
    ("archive", "channel", |request| set_archived(request, true, "archiveChannel")),
    ("unarchive", "channel", |request| set_archived(request, false, "unarchiveChannel")),
];

fn set_archived(request: &OperationRequest<'_>, is_archived: bool, kind: &str) -> Result<OperationReply, Error> {
    let (Some(entity), Some(address)) = (request.entity, request.address()) else { return Ok(OperationReply::Nothing) };
    let world = request.world;
    let type_id = entity.properties.own_type.unwrap_or(world.schema.set(request.collection.set).target);
    let Some(structured) = request.model.find_structured(type_id) else { return Ok(OperationReply::Nothing) };
    let create = |place: &CollectionAddress, patch: &Patch| (request.create)(place, patch);
    let (location, stored) = operation((world, request.model, request.now), &address, structured, kind, None, &create)?;
    let updated = world.store.to_change(request.collection, 0).map_err(OperationProblem::from).and_then(|collection| {
        let updated = collection.update(&entity.key, |entity| {
            (request.check_condition)(entity).map_err(OperationProblem::Refused)?;
            let mut values = entity.properties.clone();
            if let Some(slot) = structured.slot("isArchived") {
                values.set(slot, Value::Boolean(is_archived));
            }
            Ok::<_, OperationProblem>(Entity::of_type(entity.key.clone(), values, structured.blank_text))
        });
        updated.map_or(Ok(()), |updated| updated.map(drop))
    });
    if let Err(error) = updated {
        if let Some(operation) = stored {
            world.store.to_remove(&operation.collection).remove(&operation.key);
        }
        return Err(error.into());
    }
    Ok(OperationReply::Accepted(location))
}

/// Returns the address of the operation, as recorded in pnp/pnpcore. It is stored where the schema has a place for it. Its target is the team,
/// or another one that it has made.
pub(super) fn operation(
    (world, model, now): (&World, &Model, SystemTime),
    address: &EntityAddress,
    structured: &StructuredType,
    kind: &str,
    made: Option<&EntityAddress>,
    create: &dyn Fn(&CollectionAddress, &Patch) -> Result<EntityAddress, Error>,
) -> Result<(String, Option<EntityAddress>), Error> {
    let schema = &world.schema;
    let mut team = address.clone();
    let mut team_type = structured;
    while let Some(holder) = team.collection.holder.clone() {
        let Some(above) = EntityAddress::parse(schema, model, &holder) else { break };
        let Some(above_type) = model.find_structured(schema.set(above.collection.set).target) else { break };
        (team, team_type) = (above, above_type);
    }
    let team_text = team.text(schema);
    let navigation = team_type.navigation("operations").filter(|navigation| navigation.contains_target);
    if navigation.is_none() && model.may_have_unread_member(team_type, "operations") {
        // The request starts again with the part of the schema that has the place.
        return Err(Error::new(&refusal::UNKNOWN_PROPERTY, &["operations", &team_type.full_name]));
    }
    let Some(navigation) = navigation else {
        return Ok((format!("/{team_text}/operations('{}')", world.next_entity_id()), None));
    };
    let operation_type = model.structured(navigation.target);
    let now = Value::DateTimeOffset(DateTimeOffset::from_unix_millis(unix_millis(now)));
    let member = |property: &str, name: &str| {
        model.member(operation_type.properties[operation_type.property(property)?].kind, name).map(Value::Enum)
    };
    let target = made.unwrap_or(&team);
    let values = [
        ("operationType", member("operationType", kind)),
        ("status", member("status", "succeeded")),
        ("createdDateTime", Some(now.clone())),
        ("lastActionDateTime", Some(now)),
        ("attemptsCount", Some(Value::Integer(1))),
        ("targetResourceId", Some(Value::String(target.key.clone()))),
        ("targetResourceLocation", Some(Value::String(Arc::from(format!("/{}", target.text(schema)))))),
    ];
    let changes = values
        .into_iter()
        .filter_map(|(name, value)| Some(PropertyChange { property: operation_type.property(name)?, to: NewValue::Set(value?) }));
    let patch = Patch { changes: changes.collect(), ..Patch::default() };
    let place = team.collection.within(schema, &team.key, navigation.set);
    let made = create(&place, &patch)?;
    Ok((format!("/{}", made.text(schema)), Some(made)))
}
