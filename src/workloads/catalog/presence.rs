//! Presences of users.
//!
//! Medium (learn.microsoft.com/graph/api/presence-setpresence, presence-clearpresence, presence-setuserpreferredpresence,
//! cloudcommunications-getpresencesbyuserid). A user has one session at most, which does not end by itself (none); what clearUserPreferredPresence
//! brings back is not known, so it changes nothing.

use std::sync::Arc;

use super::stored::{self, Values};
use crate::edm::address::{EntityAddress, encoded_key};
use crate::edm::value::Value;
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow, text_of};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("setPresence", "presence", |request| set(request, text(request, "availability"), text(request, "activity"))),
    ("clearPresence", "presence", |request| set(request, Some(OFFLINE.into()), Some(OFFLINE.into()))),
    ("setUserPreferredPresence", "presence", set_preferred),
    ("getPresencesByUserId", "cloudCommunications", by_user),
];

/// The availability and the activity of a user without a session.
const OFFLINE: &str = "Offline";

fn text(request: &OperationRequest<'_>, name: &str) -> Option<Arc<str>> {
    match request.argument(name) {
        Argument::Value(Value::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Returns the addresses of the presence of a user: that of the user, and that among all presences.
fn addresses(request: &OperationRequest<'_>, user: &str) -> [Option<EntityAddress>; 2] {
    let user = encoded_key(&user.replace('\'', "''")).into_owned();
    let parse = |text: &str| EntityAddress::parse(&request.world.schema, request.model, text);
    [parse(&format!("users('{user}')/presence")), parse(&format!("communications/presences('{user}')"))]
}

/// Returns the id of the user of the bound presence.
fn user(request: &OperationRequest<'_>) -> Option<Arc<str>> {
    let address = request.address()?;
    let holder = address.collection.holder.as_deref().filter(|_| request.world.schema.set(address.collection.set).is_single);
    match holder {
        Some(holder) => Some(EntityAddress::parse(&request.world.schema, request.model, holder)?.key),
        None => Some(address.key),
    }
}

fn set(
    request: &OperationRequest<'_>,
    availability: Option<Arc<str>>,
    activity: Option<Arc<str>>,
) -> Result<OperationReply, Error> {
    let (Some(availability), Some(activity), Some(user)) = (availability, activity, user(request)) else {
        return Ok(OperationReply::Nothing);
    };
    let change = |values: &mut Values<'_>| {
        values.set_text("availability", &availability);
        values.set_text("activity", &activity);
    };
    stored::change_bound(request, |values| {
        values.set_text("id", &user);
        change(values);
    })?;
    let bound = request.address();
    for address in addresses(request, &user).into_iter().flatten().filter(|address| Some(address) != bound.as_ref()) {
        stored::change(request, &address, change)?;
    }
    Ok(OperationReply::Nothing)
}

/// Without a session, a user stays offline.
fn set_preferred(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let property = request.model.type_named("presence").map(|id| request.model.structured(id));
    let present =
        property.zip(request.entity).and_then(|(structured, entity)| text_of(structured, &entity.properties, "availability"));
    if present.is_none_or(|present| *present == *OFFLINE) {
        return Ok(OperationReply::Nothing);
    }
    set(request, text(request, "availability"), text(request, "activity"))
}

/// Answers with the presences that are stored.
#[allow(clippy::unnecessary_wraps, reason = "a function of the table")]
fn by_user(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let Argument::Value(Value::Collection(ids)) = request.argument("ids") else { return Ok(OperationReply::Nothing) };
    let find = |id: &Value| match id {
        Value::String(id) => {
            let is_stored = |address: &EntityAddress| request.world.store.entity(address).is_some();
            addresses(request, id).into_iter().flatten().find(is_stored)
        }
        _ => None,
    };
    Ok(OperationReply::Entities(ids.iter().filter_map(find).collect()))
}
