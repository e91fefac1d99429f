//! Decisions about requests of workers, staged deletions, and sharing: what becomes of the state.
//!
//! Sources: the pages of the actions on learn.microsoft.com/graph/api, such as swapshiftschangerequest-approve and schedule-share; the order
//! and the number of elements: learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration, and for open shifts the published
//! connectors (OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors; medium). That an offer ends like one half of a swap is a guess.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use crate::edm::address::EntityAddress;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::value::Value;
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::policy::behavior::AssignedShiftTheme;
use crate::policy::refusal;
use crate::workloads::shifts::approval::{self, Inquiry, Place};
use crate::workloads::shifts::calls::Items;
use crate::workloads::shifts::checks;
use crate::workloads::shifts::consultation::{ConnectorReply, Subject};
use crate::workloads::shifts::people::Actor;
use crate::workloads::shifts::plan::{Plan, PlanChange};
use crate::workloads::shifts::record::Record;
use crate::workloads::shifts::schedule::{Entry, Schedule};
use crate::world::clock::unix_millis;
use crate::world::id_form::id_of;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow};

/// Operations and the functions that answer their calls.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("approve", "scheduleChangeRequest", approve),
    ("decline", "scheduleChangeRequest", decline),
    ("approveForUser", "scheduleChangeRequest", approve),
    ("declineForUser", "scheduleChangeRequest", decline),
    ("stageForDeletion", "changeTrackedEntity", stage_for_deletion),
    ("share", "schedule", share),
];

/// Decision in progress.
pub(super) struct Decision<'c> {
    pub(super) schedule: Schedule<'c>,
    pub(super) actor: Actor,
    pub(super) now: Value,
    /// Keys of new entities that a connector has approved, in their order.
    approved_keys: VecDeque<Arc<str>>,
    millis: u64,
}

impl<'c> Decision<'c> {
    pub(super) fn new(
        schedule: Schedule<'c>,
        actor: Actor,
        now: std::time::SystemTime,
        reply: Option<&ConnectorReply>,
    ) -> Decision<'c> {
        let approved_keys = match reply.map(|reply| &reply.subject) {
            Some(Subject::Approval(subject)) => subject.created().cloned().collect(),
            _ => VecDeque::new(),
        };
        let millis = unix_millis(now);
        Decision {
            schedule,
            actor,
            now: Value::DateTimeOffset(DateTimeOffset::from_unix_millis(millis)),
            approved_keys,
            millis: u64::try_from(millis).unwrap_or_default(),
        }
    }

    /// Adds a new entity with these values.
    pub(super) fn create(&mut self, plan: &mut Plan<'c>, navigation: &str, mut record: Record<'c>) {
        let Some(collection) = self.schedule.collection(navigation) else { return };
        let world = self.schedule.world;
        let is_free = |key: &Arc<str>| !world.store.has(&collection, key);
        let new = || id_of(record.structured.wording.id, world.next_entity_id(), self.millis).into();
        let approved = self.approved_keys.pop_front().filter(is_free);
        let key: Arc<str> = approved.unwrap_or_else(|| std::iter::repeat_with(new).find(is_free).unwrap_or_default());
        record.set_text("id", Some(&key));
        record.set("createdDateTime", self.now.clone());
        self.actor.sign(&self.schedule, &mut record, self.now.clone());
        let structured = record.structured;
        plan.add(&EntityAddress { collection, key }, structured, PlanChange::Create(record.into_values()));
    }

    /// Adds a change of an entity.
    pub(super) fn update(&self, plan: &mut Plan<'c>, entry: &Entry<'c>, mut after: Record<'c>) {
        self.actor.sign(&self.schedule, &mut after, self.now.clone());
        plan.add(&entry.address, after.structured, PlanChange::Update(after.into_values()));
    }

    /// Returns an entity without values of the type of a collection.
    pub(super) fn blank(&self, navigation: &str) -> Option<Record<'c>> {
        let collection = self.schedule.collection(navigation)?;
        let structured = self.schedule.model.find_structured(self.schedule.world.schema.set(collection.set).target)?;
        Some(Record::new(self.schedule.model, structured, crate::edm::value::Complex::initial(structured)))
    }
}

/// Asks the connector about a plan, then stores it.
pub(super) fn carry_out(
    request: &OperationRequest<'_>,
    schedule: &Schedule<'_>,
    plan: &Plan<'_>,
) -> Result<OperationReply, Error> {
    let inquiry = inquiry(request, schedule.clone());
    if let Some(consultation) = approval::decide(&inquiry, plan, &mut request.decided.borrow_mut())? {
        return Ok(OperationReply::Consult(consultation));
    }
    plan.store(schedule)?;
    Ok(OperationReply::Nothing)
}

fn inquiry<'c>(request: &'c OperationRequest<'_>, schedule: Schedule<'c>) -> Inquiry<'c> {
    Inquiry {
        world: request.world,
        model: request.model,
        headers: request.headers,
        place: Place::Team(schedule),
        reply: request.reply.and_then(ConnectorReply::of),
    }
}

fn internal() -> Error {
    Error::new(&refusal::INTERNAL, &[])
}

fn text<'a>(request: &'a OperationRequest<'_>, name: &str) -> Option<&'a str> {
    match request.argument(name) {
        Argument::Value(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn approve(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    decide(request, true)
}

fn decline(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    decide(request, false)
}

fn decide(request: &OperationRequest<'_>, approves: bool) -> Result<OperationReply, Error> {
    let schedule = Schedule::of(request.world, request.model, request.collection).ok_or_else(internal)?;
    // Held until all is stored.
    let _alone = request.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = request
        .address()
        .and_then(|address| schedule.entry(&address))
        .ok_or_else(|| checks::unknown(request.collection, &schedule))?;
    (request.check_condition)(&entry.entity)?;
    // An application decides in the name of the user whom it names.
    let actor = match text(request, "userId") {
        Some(user) => Actor::user(&schedule, user, None),
        None => Actor::of(&schedule, request.headers),
    };
    actor.check_decides(&schedule)?;
    let to_recipient = entry.record.is("assignedTo", "recipient");
    if to_recipient {
        actor.check_is(&schedule, entry.record.text("recipientUserId").as_deref())?;
    } else {
        actor.check_manager(&schedule)?;
    }
    // A request without a state, as a file can have it, is not decided.
    if ["approved", "declined"].iter().any(|state| entry.record.is("state", state)) {
        return Err(Error::new(&refusal::REQUEST_DECIDED, &[]));
    }
    let reply = request.reply.and_then(ConnectorReply::of);
    let mut decision = Decision::new(schedule, actor, request.now, reply);
    let message = text(request, "message").filter(|message| !message.is_empty());
    let mut after = entry.record.clone();
    if to_recipient {
        after.set_text("recipientActionMessage", message);
        after.set("recipientActionDateTime", decision.now.clone());
    } else {
        after.set_text("managerActionMessage", message);
        after.set("managerActionDateTime", decision.now.clone());
        let manager = decision.actor.decider(&decision.schedule);
        after.set_text("managerUserId", Some(&manager));
    }
    match (approves, to_recipient) {
        (true, true) => after.set_member("assignedTo", "manager"),
        (true, false) => after.set_member("state", "approved"),
        (false, _) => after.set_member("state", "declined"),
    }
    let mut plan = Plan::default();
    decision.update(&mut plan, &entry, after);
    if approves && !to_recipient {
        match &*entry.record.structured.name {
            "swapShiftsChangeRequest" => swap(&mut decision, &mut plan, &entry.record)?,
            "offerShiftRequest" => hand_over(&mut decision, &mut plan, &entry.record)?,
            "openShiftChangeRequest" => {
                give_open_shift(&mut decision, &mut plan, &entry)?;
                request.decided.borrow_mut().push("assigned-shift-theme");
            }
            "timeOffRequest" => grant_time_off(&mut decision, &mut plan, &entry.record),
            _ => {}
        }
    }
    carry_out(request, &decision.schedule, &plan)
}

/// Exchanges two shifts: both are deleted, and each comes back as a new one of the other user.
fn swap<'c>(decision: &mut Decision<'c>, plan: &mut Plan<'c>, request: &Record<'c>) -> Result<(), Error> {
    let shift = |noun: &str| shift_of(&decision.schedule, request, noun);
    let (sender, recipient) = (shift("sender")?, shift("recipient")?);
    delete(plan, &sender);
    delete(plan, &recipient);
    for (shift, user) in [(&sender, &recipient), (&recipient, &sender)] {
        let user = user.record.text("userId");
        decision.create(plan, "shifts", handed_over(&shift.record, user.as_deref()));
    }
    Ok(())
}

/// Returns the shift that a request names for its sender or its recipient, who must still have it.
fn shift_of<'c>(schedule: &Schedule<'c>, request: &Record<'c>, noun: &str) -> Result<Entry<'c>, Error> {
    let key = request.text(&format!("{noun}ShiftId")).unwrap_or_default();
    let shift = schedule.find("shifts", &key).ok_or_else(|| checks::gone(schedule, "shift", &key))?;
    checks::owned(schedule, &shift.record, &key, request.text(&format!("{noun}UserId")).as_deref(), noun)?;
    Ok(shift)
}

/// Adds the deletion of an entity.
fn delete<'c>(plan: &mut Plan<'c>, entry: &Entry<'c>) {
    plan.add(&entry.address, entry.record.structured, PlanChange::Delete);
}

/// Gives the offered shift to the recipient.
fn hand_over<'c>(decision: &mut Decision<'c>, plan: &mut Plan<'c>, request: &Record<'c>) -> Result<(), Error> {
    let shift = shift_of(&decision.schedule, request, "sender")?;
    delete(plan, &shift);
    decision.create(plan, "shifts", handed_over(&shift.record, request.text("recipientUserId").as_deref()));
    Ok(())
}

/// Returns a shift of another user, shared.
fn handed_over<'c>(shift: &Record<'c>, user: Option<&str>) -> Record<'c> {
    let mut new = shift.clone();
    new.set_text("userId", user);
    if new.item("sharedShift").is_none() {
        new.set_item("sharedShift", new.item("draftShift"));
    }
    new.set_item("draftShift", None);
    new.set("isStagedForDeletion", Value::Boolean(false));
    new
}

/// Gives a slot of an open shift to the worker who asked for it. If it was the last one, the system declines the other requests for it.
fn give_open_shift<'c>(decision: &mut Decision<'c>, plan: &mut Plan<'c>, request: &Entry<'c>) -> Result<(), Error> {
    let key = request.record.text("openShiftId").unwrap_or_default();
    let open = decision.schedule.find("openShifts", &key).ok_or_else(|| checks::gone(&decision.schedule, "open shift", &key))?;
    let left = assign(decision, plan, &open, request.record.text("senderUserId").as_deref(), false)?;
    if left > 0 {
        return Ok(());
    }
    let others = decision.schedule.list("openShiftChangeRequests").into_iter().filter(|other| {
        other.address.key != request.address.key
            && other.record.is("state", "pending")
            && other.record.text("openShiftId").as_deref() == Some(&*key)
    });
    for other in others.collect::<Vec<_>>() {
        let mut after = other.record.clone();
        after.set_member("state", "declined");
        after.set_member("assignedTo", "system");
        decision.update(plan, &other, after);
    }
    Ok(())
}

/// Makes a shift of a slot of an open shift. Returns the number of slots that are left. `takes_first` has the open shift before the shift,
/// as if a manager gives it.
pub(super) fn assign<'c>(
    decision: &mut Decision<'c>,
    plan: &mut Plan<'c>,
    open: &Entry<'c>,
    user: Option<&str>,
    takes_first: bool,
) -> Result<i64, Error> {
    let shared = open.record.item("sharedOpenShift");
    let slots = shared.as_ref().and_then(|item| item.number("openSlotCount")).unwrap_or_default();
    let Some(mut shared) = shared.filter(|_| slots > 0) else {
        return Err(checks::rule(&decision.schedule, "The open shift has no open slot."));
    };
    let mut shift = decision.blank("shifts").ok_or_else(internal)?;
    let mut item = shift.new_item("sharedShift").ok_or_else(internal)?;
    item.copy(&shared);
    if decision.schedule.world.behaviors.assigned_shift_theme == AssignedShiftTheme::Blue {
        item.set_member("theme", "blue");
    }
    shift.set_item("sharedShift", Some(item));
    shift.set_text("userId", user);
    shift.set_text("schedulingGroupId", open.record.text("schedulingGroupId").as_deref());
    shift.set("isStagedForDeletion", Value::Boolean(false));
    checks::assignee(&decision.schedule, &open.record, &shift, takes_first)?;
    let mut after = open.record.clone();
    shared.set("openSlotCount", Value::Integer(slots - 1));
    after.set_item("sharedOpenShift", Some(shared));
    if takes_first {
        decision.update(plan, open, after);
        decision.create(plan, "shifts", shift);
    } else {
        decision.create(plan, "shifts", shift);
        decision.update(plan, open, after);
    }
    Ok(slots - 1)
}

/// Creates the time off. No call for it is known.
fn grant_time_off<'c>(decision: &mut Decision<'c>, plan: &mut Plan<'c>, request: &Record<'c>) {
    let Some(mut time_off) = decision.blank("timesOff") else { return };
    let Some(mut item) = time_off.new_item("sharedTimeOff") else { return };
    item.set_text("timeOffReasonId", request.text("timeOffReasonId").as_deref());
    for name in ["startDateTime", "endDateTime"] {
        item.set(name, request.time(name).map_or(Value::Null, Value::DateTimeOffset));
    }
    time_off.set_item("sharedTimeOff", Some(item));
    time_off.set_text("userId", request.text("senderUserId").as_deref());
    time_off.set("isStagedForDeletion", Value::Boolean(false));
    decision.create(plan, "timesOff", time_off);
    if let Some(step) = plan.steps.last_mut() {
        step.is_sent = false;
    }
}

/// learn.microsoft.com/graph/api/changetrackedentity-stagefordeletion
fn stage_for_deletion(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let schedule = Schedule::of(request.world, request.model, request.collection).ok_or_else(internal)?;
    let _alone = request.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
    let actor = Actor::of(&schedule, request.headers);
    let entry = request
        .address()
        .and_then(|address| schedule.entry(&address))
        .ok_or_else(|| checks::unknown(request.collection, &schedule))?;
    (request.check_condition)(&entry.entity)?;
    if entry.record.structured.property("isStagedForDeletion").is_none() {
        return Err(checks::rule(&schedule, "Only a shift, an open shift or a time off can be staged for deletion."));
    }
    let decision = Decision::new(schedule, actor, request.now, request.reply.and_then(ConnectorReply::of));
    let mut plan = Plan::default();
    if !entry.record.flag("isStagedForDeletion") {
        let mut after = entry.record.clone();
        after.set("isStagedForDeletion", Value::Boolean(true));
        decision.update(&mut plan, &entry, after);
        if let Some(step) = plan.steps.last_mut() {
            step.items = Items::StagedDeletion;
        }
    }
    carry_out(request, &decision.schedule, &plan)
}

/// Collections with drafts: the navigation property, the shared item and the draft.
const DRAFTED: [(&str, &str, &str); 4] = [
    ("shifts", "sharedShift", "draftShift"),
    ("openShifts", "sharedOpenShift", "draftOpenShift"),
    ("timesOff", "sharedTimeOff", "draftTimeOff"),
    ("dayNotes", "sharedDayNote", "draftDayNote"),
];

/// learn.microsoft.com/graph/api/schedule-share: shares the drafts of a period, and makes staged deletions final. An item belongs to the
/// period in which it starts (a guess).
fn share(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let address = request.address().ok_or_else(internal)?;
    let schedule = Schedule::at(request.world, request.model, address).ok_or_else(internal)?;
    let _alone = request.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
    let actor = Actor::of(&schedule, request.headers);
    let time = |name: &str| match request.argument(name) {
        Argument::Value(Value::DateTimeOffset(time)) => Some(*time),
        _ => None,
    };
    let has_notice = matches!(request.argument("notifyTeam"), Argument::Value(Value::Boolean(_)));
    let (Some(start), true) = (time("startDateTime"), has_notice) else {
        return Err(checks::rule(&schedule, "notifyTeam and startDateTime are required."));
    };
    let end = time("endDateTime");
    let decision = Decision::new(schedule, actor, request.now, request.reply.and_then(ConnectorReply::of));
    let mut plan = Plan::default();
    for (navigation, shared, draft) in DRAFTED {
        for entry in decision.schedule.list(navigation) {
            let record = &entry.record;
            let item = record.item(draft).or_else(|| record.item(shared));
            let begins = match navigation {
                "dayNotes" => record.text("dayNoteDate").and_then(|date| DateTimeOffset::parse(&format!("{date}T00:00:00Z"))),
                _ => item.and_then(|item| item.time("startDateTime")),
            };
            let is_in_period = begins
                .is_some_and(|begins| begins.ticks() >= start.ticks() && end.is_none_or(|end| begins.ticks() < end.ticks()));
            if !is_in_period {
                continue;
            }
            if record.flag("isStagedForDeletion") {
                let step = plan.add(&entry.address, record.structured, PlanChange::Retire { before: entry.entity.clone() });
                step.items = Items::SharedDeletion;
            } else if let Some(item) = record.item(draft) {
                let mut after = record.clone();
                after.set_item(shared, Some(item));
                after.set_item(draft, None);
                decision.update(&mut plan, &entry, after);
                // Sharing makes no call (weak: comments in the published connectors).
                if let Some(step) = plan.steps.last_mut() {
                    step.is_sent = false;
                }
            }
        }
    }
    carry_out(request, &decision.schedule, &plan)
}
