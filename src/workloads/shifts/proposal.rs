//! Proposals: creations, replacements and deletions of items by requests to Graph, checked and approved before they are stored.

use std::sync::Arc;

use crate::edm::address::EntityAddress;
use crate::odata::error::Error;
use crate::policy::behavior::{DeletionCall, EligibilityPeriod};
use crate::policy::refusal;
use crate::workloads::shifts::access;
use crate::workloads::shifts::approval::{self, Choice, Inquiry, Place};
use crate::workloads::shifts::calls::{self, Items};
use crate::workloads::shifts::checks;
use crate::workloads::shifts::consultation::ConnectorReply;
use crate::workloads::shifts::people::Actor;
use crate::workloads::shifts::plan::{Plan, PlanChange};
use crate::workloads::shifts::record::Record;
use crate::workloads::shifts::schedule::{Entry, Schedule};
use crate::workloads::shifts::time_zones;
use crate::world::store::StoredEntity;
use crate::world::workload::{Change, ChangeKind, Consultation};

/// The steps of finding out, as often as a decision needs it, whether a user is in a team.
const TEAM_STEPS: u64 = 300;

/// Checks a change of an item, and returns the call that must come first.
pub(super) fn decide(
    change: &Change<'_>,
    reply: Option<&ConnectorReply>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Box<dyn Consultation>>, Error> {
    let collection = change.collection;
    let schedule = Schedule::holding(change.world, change.model, change.ancestors, collection);
    let Some(place) = schedule.clone().map(Place::Team).or_else(|| user_of(change)) else { return Ok(None) };
    let Change { world, model, headers, .. } = *change;
    // The schedules of a user are those of some of the teams.
    if matches!(place, Place::User(_)) && !change.purse.spend(TEAM_STEPS.saturating_mul(Schedule::count(world, model))) {
        return Err(Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[]));
    }
    let inquiry = Inquiry { world, model, headers, place, reply };
    let (key, after, before): (Arc<str>, Option<Record<'_>>, Option<Arc<StoredEntity>>) = match &change.kind {
        ChangeKind::Create { key, keyed_values, .. } => {
            (key(), Some(Record::new(model, change.structured, keyed_values())), None)
        }
        ChangeKind::Replace { key, values, current } => {
            ((*key).clone(), Some(Record::new(model, change.structured, *values)), current.cloned())
        }
        ChangeKind::Update { patch, current } => {
            let current = current()?;
            let values = patch.apply(model, change.structured, &current.properties);
            (current.key.clone(), Some(Record::new(model, change.structured, values)), Some(current))
        }
        ChangeKind::Delete { key } => {
            let Some(entity) = world.store.get(collection, key) else { return Ok(None) };
            ((*key).clone(), None, Some(entity))
        }
    };
    let type_name = &*change.structured.name;
    if let Place::User(user) = &inquiry.place {
        decided.push("personal-entries");
        access::check_preferences(world, model, headers, user)?;
    }
    if let Some(schedule) = &schedule {
        let old = before.as_ref().map(|entity| Record::new(model, change.structured, entity.clone()));
        let actor = Actor::of(schedule, headers);
        decided.push("shifts-rules");
        if type_name == "timeCard" {
            decided.push("personal-entries");
        }
        checks::check(schedule, &actor, type_name, old.as_ref(), after.as_ref(), decided)?;
        if let (Some(after), None) = (&after, &before)
            && let Some(consultation) = check_choice(&inquiry, schedule, after, decided)?
        {
            return Ok(Some(consultation));
        }
    }
    if !approval::is_asked(&inquiry, type_name) {
        return Ok(None);
    }
    let address = EntityAddress { collection: collection.clone(), key };
    let mut plan = Plan::default();
    let is_new = matches!(change.kind, ChangeKind::Create { .. });
    match (after, before) {
        (Some(after), _) if is_new => {
            plan.add(&address, after.structured, PlanChange::Create(after.into_values()));
        }
        (Some(after), _) => {
            plan.add(&address, after.structured, PlanChange::Update(after.into_values()));
        }
        (None, Some(before)) => {
            let is_item = change.structured.property("isStagedForDeletion").is_some();
            if is_item {
                decided.push("deletion-call");
            }
            if is_item && world.behaviors.deletion_call == DeletionCall::Inactive {
                plan.add(&address, change.structured, PlanChange::Retire { before }).items = Items::SharedDeletion;
            } else {
                plan.add(&address, change.structured, PlanChange::Delete);
            }
        }
        (None, None) => return Ok(None),
    }
    approval::decide(&inquiry, &plan, decided)
}

/// Returns the user whose settings are changed.
fn user_of<'c>(change: &Change<'c>) -> Option<Place<'c>> {
    let user = change.ancestors.first()?;
    let is_user = *change.structured.name == *"shiftPreferences";
    is_user.then(|| Place::User(user.key.clone()))
}

/// Checks that a new request asks for what may be chosen.
fn check_choice(
    inquiry: &Inquiry<'_>,
    schedule: &Schedule<'_>,
    request: &Record<'_>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Box<dyn Consultation>>, Error> {
    let text = |name: &str| request.text(name).unwrap_or_default();
    let (choice, wanted) = match &*request.structured.name {
        "swapShiftsChangeRequest" => {
            let shift = text("senderShiftId");
            decided.extend(["eligibility-period", "eligibility-times"]);
            let period = month(schedule, schedule.find("shifts", &shift));
            let query = || calls::eligible_swaps(&shift, period, schedule.world.behaviors.eligibility_times);
            (approval::choice(inquiry, "swapRequest", &query, decided)?, text("recipientShiftId"))
        }
        "timeOffRequest" => {
            let sender = text("senderUserId");
            let query = || calls::eligible_time_off_reasons(&sender);
            (approval::choice(inquiry, "timeOffReason", &query, decided)?, text("timeOffReasonId"))
        }
        _ => return Ok(None),
    };
    match choice {
        Choice::Ask(consultation) => Ok(Some(consultation)),
        Choice::Among(ids) if !ids.iter().any(|id| **id == *wanted) => Err(Error::new(&refusal::NOT_ELIGIBLE, &[])
            .with_detail(format!("{wanted} is not among the eligible ids: {}", ids.join(", ")))),
        Choice::Any | Choice::Among(_) => Ok(None),
    }
}

/// Returns the month in which a shift starts (behavior `eligibility-period`), in milliseconds since 1970.
pub(super) fn month(schedule: &Schedule<'_>, shift: Option<Entry<'_>>) -> (i64, i64) {
    let item = shift.and_then(|shift| shift.record.item("sharedShift").or_else(|| shift.record.item("draftShift")));
    let start = item.and_then(|item| item.time("startDateTime")).map_or(0, |start| start.ticks().div_euclid(10_000));
    let zone = match schedule.world.behaviors.eligibility_period {
        EligibilityPeriod::TimeZone => schedule.time_zone(),
        EligibilityPeriod::Utc => None,
    };
    time_zones::month(start, zone.as_deref().unwrap_or_default()).unwrap_or((start, start))
}
