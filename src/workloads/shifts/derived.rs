//! Values of new requests of workers that the service sets: state and sender.
//!
//! Source: learn.microsoft.com/graph/api/swapshiftschangerequest-post and its siblings (medium). The sender is the user who asks; an
//! application names the sender in the body (devblogs.microsoft.com/microsoft365dev, June 2025).

use std::sync::Arc;

use crate::edm::date_time::DateTimeOffset;
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::text::json::quoted;
use crate::world::clock::unix_millis;
use crate::world::workload::{Derived, DerivedValue, NewEntity, text_of};

pub(super) static IMPOSED: [Derived; 6] = [
    row("scheduleChangeRequest", "senderUserId", |request| sender(request).as_deref().map(DerivedValue::text)),
    row("scheduleChangeRequest", "senderDateTime", |request| {
        let now = DateTimeOffset::from_unix_millis(unix_millis(request.now));
        Some(DerivedValue::Json(quoted(&now.to_string())))
    }),
    row("scheduleChangeRequest", "state", |_| Some(DerivedValue::text("pending"))),
    row("scheduleChangeRequest", "assignedTo", |request| {
        let has_recipient = request.structured.property("recipientUserId").is_some();
        Some(DerivedValue::text(if has_recipient { "recipient" } else { "manager" }))
    }),
    row("swapShiftsChangeRequest", "recipientUserId", |swap| match swap.text("recipientUserId") {
        Some(_) => None,
        None => owner(swap, "recipientShiftId").as_deref().map(DerivedValue::text),
    }),
    row("timeCard", "userId", |card| match card.text("userId") {
        Some(_) => None,
        None => match caller::caller(card.headers) {
            Caller::User(person) => Some(DerivedValue::text(&person.id)),
            Caller::Application(_) | Caller::Unknown => Some(DerivedValue::text(LOCAL_USER.0)),
        },
    }),
];

const fn row(type_name: &'static str, property: &'static str, value: fn(&NewEntity<'_>) -> Option<DerivedValue>) -> Derived {
    Derived { type_name, property, value }
}

/// Returns the id of the sender: the user who asks, the one whom an application names, or the user of the shift.
fn sender(request: &NewEntity<'_>) -> Option<Arc<str>> {
    if let Caller::User(person) = caller::caller(request.headers) {
        return Some(person.id.into());
    }
    request.text("senderUserId").or_else(|| owner(request, "senderShiftId")).or_else(|| Some(LOCAL_USER.0.into()))
}

/// Returns the id of the user who has a shift that a request names.
fn owner(request: &NewEntity<'_>, member: &str) -> Option<Arc<str>> {
    let (key, model) = (request.text(member)?, request.model);
    let ancestor = request.ancestors.last()?;
    let navigation = model.structured(ancestor.type_id).navigation("shifts")?;
    let shifts = ancestor.collection.within(&request.world.schema, &ancestor.key, navigation.set);
    let shift = request.world.store.get(&shifts, &key)?;
    text_of(model.structured(navigation.target), &shift.properties, "userId")
}
