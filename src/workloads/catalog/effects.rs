//! Actions that set members of the entity to which they are bound, or of those that an argument names.
//!
//! Source: the pages of the actions on learn.microsoft.com/graph/api, educationassignment-activate and so on, and for assignments and submissions
//! learn.microsoft.com/graph/assignments-submissions-states-transition (medium). Work that the service does later is done at once: an
//! assignment that is published is assigned. The refusal of a change of state that these pages do not list has no public source, so it is not
//! emulated.

use std::sync::Arc;

use super::stored::{self, Values};
use crate::edm::address::EntityAddress;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{OperationType, Property, PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::entra::caller;
use crate::entra::user::LOCAL_USER;
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::world::clock::unix_millis;
use crate::world::workload::{OperationHandler, OperationReply, OperationRequest, OperationRow};

/// An action, and the members that it sets.
#[derive(Clone, Copy)]
struct Effect {
    /// The action, and the type to which it is bound, in Graph's own namespace.
    action: (&'static str, &'static str),
    /// The parameter with the keys of the entities, if the action is bound to a collection.
    keys: Option<&'static str>,
    /// Properties and their new values.
    members: &'static [(&'static str, Member)],
}

/// The new value of a property.
#[derive(Clone, Copy)]
enum Member {
    /// The member of an enum.
    Named(&'static str),
    /// The time of the request.
    Now,
    /// The caller, as a set of identities.
    Caller,
    /// Null.
    Nothing,
}

const fn effect(action: &'static str, bound: &'static str, members: &'static [(&'static str, Member)]) -> Effect {
    Effect { action: (action, bound), keys: None, members }
}

const fn settled(
    action: &'static str,
    bound: &'static str,
    keys: &'static str,
    members: &'static [(&'static str, Member)],
) -> Effect {
    Effect { action: (action, bound), keys: Some(keys), members }
}

/// Returns the members of a risk that an administrator settles.
const fn risk(state: &'static str, level: &'static str, detail: &'static str) -> [(&'static str, Member); 4] {
    [
        ("riskState", Member::Named(state)),
        ("riskLevel", Member::Named(level)),
        ("riskDetail", Member::Named(detail)),
        ("riskLastUpdatedDateTime", Member::Now),
    ]
}

static EFFECTS: [Effect; 16] = [
    effect("publish", "educationAssignment", &[("status", Member::Named("assigned")), ("assignedDateTime", Member::Now)]),
    effect("activate", "educationAssignment", &[("status", Member::Named("assigned"))]),
    effect("deactivate", "educationAssignment", &[("status", Member::Named("inactive"))]),
    effect(
        "submit",
        "educationSubmission",
        &[("status", Member::Named("submitted")), ("submittedDateTime", Member::Now), ("submittedBy", Member::Caller)],
    ),
    effect(
        "unsubmit",
        "educationSubmission",
        &[("status", Member::Named("working")), ("unsubmittedDateTime", Member::Now), ("unsubmittedBy", Member::Caller)],
    ),
    effect(
        "return",
        "educationSubmission",
        &[("status", Member::Named("returned")), ("returnedDateTime", Member::Now), ("returnedBy", Member::Caller)],
    ),
    effect("softDelete", "chatMessage", &[("deletedDateTime", Member::Now)]),
    effect("undoSoftDelete", "chatMessage", &[("deletedDateTime", Member::Nothing)]),
    // learn.microsoft.com/graph/api/resources/group (renewedDateTime)
    effect("renew", "group", &[("renewedDateTime", Member::Now)]),
    effect(
        "close",
        "security.ediscoveryCase",
        &[("status", Member::Named("closed")), ("closedDateTime", Member::Now), ("closedBy", Member::Caller)],
    ),
    effect("reopen", "security.ediscoveryCase", &[("status", Member::Named("active"))]),
    // The levels are those of the pages, riskyuser-dismiss and so on; states and details are those of learn.microsoft.com/graph/api/resources/riskyuser,
    // by their names.
    settled("dismiss", "riskyUser", "userIds", &risk("dismissed", "none", "adminDismissedAllRiskForUser")),
    settled("confirmSafe", "riskyUser", "userIds", &risk("confirmedSafe", "none", "adminConfirmedAccountSafe")),
    settled("confirmCompromised", "riskyUser", "userIds", &risk("confirmedCompromised", "high", "adminConfirmedUserCompromised")),
    settled(
        "dismiss",
        "riskyServicePrincipal",
        "servicePrincipalIds",
        &risk("dismissed", "none", "adminDismissedAllRiskForServicePrincipal"),
    ),
    settled(
        "confirmCompromised",
        "riskyServicePrincipal",
        "servicePrincipalIds",
        &risk("confirmedCompromised", "high", "adminConfirmedServicePrincipalCompromised"),
    ),
];

/// Operations and the functions that answer their calls.
pub(super) static OPERATIONS: [OperationRow; EFFECTS.len()] = rows();

const fn rows() -> [OperationRow; EFFECTS.len()] {
    let mut rows = [("", "", take as OperationHandler); EFFECTS.len()];
    let mut index = 0;
    while index < rows.len() {
        (rows[index].0, rows[index].1) = EFFECTS[index].action;
        index += 1;
    }
    rows
}

fn take(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let Some(effect) = effect_of(request) else { return Ok(OperationReply::Nothing) };
    match (effect.keys, request.address()) {
        (Some(name), _) => {
            // Keys of others are ignored: no public observation of their refusal.
            if let Argument::Value(Value::Collection(keys)) = request.argument(name) {
                for key in keys.iter() {
                    let Value::String(key) = key else { continue };
                    let address = EntityAddress { collection: request.collection.clone(), key: key.clone() };
                    stored::change(request, &address, |values| set_members(request, effect, values))?;
                }
            }
            Ok(OperationReply::Nothing)
        }
        (None, Some(address)) => {
            stored::change_bound(request, |values| set_members(request, effect, values))?;
            let returns = matches!(request.operation.returns, Some(OperationType::Entity(_)));
            Ok(if returns { OperationReply::Typed(address) } else { OperationReply::Nothing })
        }
        (None, None) => Ok(OperationReply::Nothing),
    }
}

fn effect_of(request: &OperationRequest<'_>) -> Option<&'static Effect> {
    let (bound, _) = request.operation.binding?;
    let bound = request.model.structured(bound).full_name.strip_prefix("microsoft.graph.")?;
    EFFECTS.iter().find(|effect| effect.action.1 == bound && effect.action.0.eq_ignore_ascii_case(&request.operation.name))
}

/// Sets the members of an entity.
fn set_members(request: &OperationRequest<'_>, effect: &Effect, values: &mut Values<'_>) {
    let structured = values.structured;
    for (name, member) in effect.members {
        let property = structured.property(name).map(|index| &structured.properties[index]);
        if let Some(value) = property.and_then(|property| value(request, property, *member)) {
            values.set(name, value);
        }
    }
}

/// Returns the new value of a property. `None`: the schema of the user's own has another one.
fn value(request: &OperationRequest<'_>, property: &Property, member: Member) -> Option<Value> {
    match (member, property.kind) {
        (Member::Named(name), PropertyType::Enum(id)) => {
            let members = &request.model.enumeration(id).members;
            members.iter().find(|(known, _)| **known == *name).map(|(_, number)| Value::Enum(*number))
        }
        (Member::Now, PropertyType::Primitive(_)) => {
            let millis = unix_millis(request.now);
            let millis = if property.has_whole_seconds { millis - millis.rem_euclid(1000) } else { millis };
            Some(Value::DateTimeOffset(DateTimeOffset::from_unix_millis(millis)))
        }
        (Member::Caller, PropertyType::Complex(id)) => caller_in(request, request.model.structured(id)),
        (Member::Nothing, _) if property.nullable => Some(Value::Null),
        _ => None,
    }
}

/// Returns the caller in a set of identities, with the id alone, as the pages of submissions print it.
fn caller_in(request: &OperationRequest<'_>, identities: &StructuredType) -> Option<Value> {
    let (user, client) = caller::object_and_client(request.headers);
    // A token without a user is that of an application.
    let (name, id) = match (user, client) {
        (Some(user), _) => ("user", user),
        (None, Some(client)) => ("application", client),
        (None, None) => ("user", LOCAL_USER.0.to_owned()),
    };
    let property = &identities.properties[identities.property(name)?];
    let PropertyType::Complex(id_of) = property.kind else { return None };
    let identity = request.model.structured(id_of);
    let mut values = Complex::initial(identity);
    values.set(identity.slot("id")?, Value::String(id.into()));
    let mut set = Complex::initial(identities);
    set.set(property.slot, Value::Complex(Arc::new(values)));
    Some(Value::Complex(Arc::new(set)))
}
