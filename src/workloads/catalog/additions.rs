//! Actions that add an entity to the collection to which they are bound.

use std::sync::PoisonError;

use crate::edm::address::EntityAddress;
use crate::edm::date_time::{DateTimeOffset, MAX_TICKS};
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{OperationType, PropertyType, StructuredType};
use crate::edm::value::Value;
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::policy::refusal;
use crate::world::clock::unix_millis;
use crate::world::store::LookUpUnpaid;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow};

/// Operations and the functions that answer their calls. Medium: learn.microsoft.com/graph/api/worksheetcollection-add, nameditem-add,
/// tablecollection-add, tablecolumncollection-add, tablerowcollection-add, chartcollection-add and onlinemeeting-createorget.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("add", "workbookChart", add),
    ("add", "workbookNamedItem", add),
    ("add", "workbookTable", add),
    ("add", "workbookTableColumn", add),
    ("add", "workbookTableRow", add),
    ("add", "workbookWorksheet", add),
    ("createOrGet", "onlineMeeting", create_or_get),
];

/// The length of a meeting without an end, in milliseconds.
const HOUR: i64 = 3_600_000;
const TICKS_PER_MILLI: i64 = 10_000;

/// Adds an entity. Arguments without a property of their name, such as the address of a table, have no effect. nameditem-add prints the
/// context of the type.
fn add(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let Some(structured) = added_type(request) else {
        // A schema of the user's own, in which the operation is another one.
        return Ok(OperationReply::Nothing);
    };
    (request.create)(request.collection, &patch_of_arguments(request, structured)).map(OperationReply::Typed)
}

/// Returns the type of the collection to which an operation is bound, if its result has the same.
fn added_type<'c>(request: &OperationRequest<'c>) -> Option<&'c StructuredType> {
    let (id, _) = request.operation.binding.filter(|(_, is_collection)| *is_collection)?;
    (request.operation.returns == Some(OperationType::Entity(id))).then(|| request.model.structured(id))
}

/// Returns the arguments as values of the properties with the same names and types.
fn patch_of_arguments(request: &OperationRequest<'_>, structured: &StructuredType) -> Patch {
    let pairs = request.operation.parameters.iter().zip(request.arguments);
    let changes = pairs.filter_map(|(parameter, argument)| {
        let property = structured.property(&parameter.name)?;
        let is_same = parameter.kind == OperationType::Value(structured.properties[property].kind);
        match argument {
            Argument::Value(value) if is_same && *value != Value::Null => Some((property, value.clone())),
            _ => None,
        }
    });
    let changes = changes.map(|(property, value)| PropertyChange { property, to: NewValue::Set(value) });
    Patch { changes: changes.collect(), ..Patch::default() }
}

/// Returns the meeting with an id of the client's own, or creates it: 201 then. It begins now unless the request says otherwise, and takes an
/// hour.
fn create_or_get(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (Some(structured), Argument::Value(wanted @ Value::String(_))) = (added_type(request), request.argument("externalId"))
    else {
        return Ok(OperationReply::Nothing);
    };
    let time = |name: &str| match request.argument(name) {
        Argument::Value(Value::DateTimeOffset(time)) => Some(*time),
        _ => None,
    };
    let (start, end) = (time("startDateTime"), time("endDateTime"));
    if end.is_some_and(|end| start.is_none_or(|start| end.ticks() < start.ticks())) {
        return Err(Error::new(&refusal::MEETING_TIMES, &[]));
    }
    let Some(slot) = structured.slot("externalId") else { return Ok(OperationReply::Nothing) };
    // Held until the meeting is stored: the next request with the id finds it.
    let _alone = request.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
    let stored = request.world.store.at(request.collection);
    let found = stored.first_where(request.purse, |meeting| meeting.properties.get(slot) == wanted);
    if let Some(meeting) = found.map_err(|LookUpUnpaid| Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[]))? {
        let address = EntityAddress { collection: request.collection.clone(), key: meeting.key.clone() };
        return Ok(OperationReply::Entity(address));
    }
    let mut patch = patch_of_arguments(request, structured);
    let now = unix_millis(request.now);
    let mut set = |name: &str, value: Value| {
        let Some(property) = structured.property(name) else { return };
        let is_time = structured.properties[property].kind == PropertyType::Primitive(Primitive::DateTimeOffset);
        if is_time && !patch.changes.iter().any(|change| change.property == property) {
            patch.changes.push(PropertyChange { property, to: NewValue::Set(value) });
        }
    };
    let begin = start.map_or(now, |start| start.ticks().div_euclid(TICKS_PER_MILLI));
    let end = begin.saturating_add(HOUR).min(MAX_TICKS / TICKS_PER_MILLI);
    for (name, millis) in [("creationDateTime", now), ("startDateTime", begin), ("endDateTime", end)] {
        set(name, Value::DateTimeOffset(DateTimeOffset::from_unix_millis(millis)));
    }
    (request.create)(request.collection, &patch).map(OperationReply::Created)
}
