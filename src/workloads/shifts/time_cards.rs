//! Time cards: people clock in and out, take breaks, and confirm their cards.
//!
//! Sources: learn.microsoft.com/graph/api/timecard-clockin and its siblings. That a person has one open card, and that a step is refused where
//! the state of the card does not allow it, are guesses (none).

use std::sync::{Arc, MutexGuard, PoisonError};

use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{IdForm, ItemType, Model, Property, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::policy::behavior::TimeCardPerson;
use crate::policy::refusal;
use crate::workloads::shifts::access;
use crate::workloads::shifts::checks;
use crate::workloads::shifts::consultation::ConnectorReply;
use crate::workloads::shifts::decisions::{self, Decision};
use crate::workloads::shifts::people::Actor;
use crate::workloads::shifts::plan::{Plan, PlanChange};
use crate::workloads::shifts::record::Record;
use crate::workloads::shifts::schedule::Schedule;
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::id_form::id_of;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow, WrittenValues, text_of};

/// Operations and the functions that answer their calls.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("clockIn", "timeCard", clock_in),
    ("clockOut", "timeCard", clock_out),
    ("startBreak", "timeCard", start_break),
    ("endBreak", "timeCard", end_break),
    ("confirm", "timeCard", confirm),
    ("confirmForUser", "timeCard", confirm),
];

/// Completes a card that a client writes: the state and the ids of the breaks follow from it, and what was there first stays the original.
pub(super) fn complete(written: &mut WrittenValues<'_>) {
    let card = Card { model: written.model, structured: written.structured };
    card.name_breaks(written.world, written.values);
    match written.current {
        Some(current) => {
            let state = card.state_of_events(written.values);
            card.set_member(written.values, "state", state);
            let Some(person) = written.structured.slot("userId") else { return };
            if *written.values.get(person) == Value::Null {
                written.decided.push("time-card-person");
                if written.world.behaviors.time_card_person == TimeCardPerson::Kept {
                    written.values.set(person, current.get(person).clone());
                }
            }
        }
        None => card.begin(written.values),
    }
}

/// learn.microsoft.com/graph/api/timecard-clockin
fn clock_in(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let structured = request.model.structured(request.world.schema.set(request.collection.set).target);
    let card = Card { model: request.model, structured };
    let user: Arc<str> = match request.argument("onBehalfOfUserId") {
        Argument::Value(Value::String(user)) if !user.is_empty() => user.clone(),
        _ => actor(request).ok_or_else(|| Error::new(&refusal::NO_CLOCKING_USER, &[]))?.into(),
    };
    let schedule = schedule_of(request)?;
    check_owner(request, &schedule, Some(&user))?;
    // Held until the card is stored.
    let _alone = alone(request.world);
    let cards = request.world.store.at(request.collection);
    if !request.purse.spend(u64::try_from(cards.len()).unwrap_or(u64::MAX)) {
        return Err(Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[]));
    }
    let is_open = |entity: &Entity| {
        text_of(structured, &entity.properties, "userId").is_some_and(|owner| owner.eq_ignore_ascii_case(&user))
            && card.state(&entity.properties) != Some("clockedOut")
    };
    if cards.list().iter().any(|entity| is_open(entity)) {
        return Err(Error::new(&refusal::CLOCKED_IN, &[]));
    }
    let mut record = Record::new(request.model, structured, Complex::initial(structured));
    record.set_text("userId", Some(&user));
    record.set("clockInEvent", event_now(request, card.complex("clockInEvent").map(|(_, event)| event)));
    card.begin(record.values_mut());
    let actor = Actor::of(&schedule, request.headers);
    let reply = request.reply.and_then(ConnectorReply::of);
    let mut decision = Decision::new(schedule, actor, request.now, reply);
    let mut plan = Plan::default();
    decision.create(&mut plan, "timeCards", record);
    let Some(step) = plan.steps.last_mut() else { return Err(internal()) };
    if let PlanChange::Create(values) = &mut step.change {
        for (slot, value) in (request.server_set)(structured) {
            values.set(slot, value);
        }
    }
    let address = step.address.clone();
    match decisions::carry_out(request, &decision.schedule, &plan)? {
        OperationReply::Nothing => Ok(OperationReply::Entity(address)),
        consultation => Ok(consultation),
    }
}

/// learn.microsoft.com/graph/api/timecard-clockout: a break that has not ended ends too (a guess).
fn clock_out(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    step(request, &["clockedIn", "onBreak"], |card, values| {
        card.end_break(request, values);
        if let Some((property, event)) = card.complex("clockOutEvent") {
            values.set(property.slot, event_now(request, Some(event)));
        }
    })
}

/// learn.microsoft.com/graph/api/timecard-startbreak
fn start_break(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    step(request, &["clockedIn"], |card, values| {
        let Some((property, structured)) = card.breaks() else { return };
        let mut pause = Complex::initial(structured);
        if let Some((start, event)) = (Card { structured, ..card }).complex("start") {
            pause.set(start.slot, event_now(request, Some(event)));
        }
        let mut breaks = items(values.get(property.slot));
        breaks.push(Value::Complex(Arc::new(pause)));
        values.set(property.slot, Value::Collection(breaks.into()));
        card.name_breaks(request.world, values);
    })
}

/// learn.microsoft.com/graph/api/timecard-endbreak
fn end_break(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    step(request, &["onBreak"], |card, values| card.end_break(request, values))
}

/// learn.microsoft.com/graph/api/timecard-confirm; `confirmForUser` of beta names the person.
fn confirm(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let person = if let Argument::Value(Value::String(user)) = request.argument("userId") {
        Some(user.to_string())
    } else {
        let schedule = schedule_of(request)?;
        request.decided.borrow_mut().push("application-decisions");
        Actor::of(&schedule, request.headers).check_decides(&schedule)?;
        actor(request)
    };
    change(request, |card, values| {
        let is_own = person.is_none_or(|person| card.is_owned_by(values, &person));
        let Some(index) = card.structured.property("confirmedBy") else { return Ok(()) };
        let property = &card.structured.properties[index];
        let by = card.model.member(property.kind, if is_own { "user" } else { "manager" }).unwrap_or_default();
        let known = if let Value::Enum(number) = values.get(property.slot) { *number } else { 0 };
        values.set(property.slot, Value::Enum(known | by));
        Ok(())
    })
}

/// Takes a step that a card must be in one of these states for.
fn step(
    request: &OperationRequest<'_>,
    states: &[&str],
    apply: impl FnOnce(Card<'_>, &mut Complex),
) -> Result<OperationReply, Error> {
    let person = actor(request);
    change(request, |card, values| {
        let state = card.state(values).unwrap_or("clockedIn");
        if !states.contains(&state) {
            return Err(state);
        }
        let is_own = person.is_none_or(|person| card.is_owned_by(values, &person));
        apply(card, values);
        let state = card.state_of_events(values);
        card.set_member(values, "state", state);
        // A step that a manager takes for a person is not the person's own entry.
        if is_own {
            card.keep_original(values);
        }
        Ok(())
    })
}

/// Changes the card to which an operation is bound, as far as the connector approves. A refusal names the state of the card.
fn change(
    request: &OperationRequest<'_>,
    apply: impl FnOnce(Card<'_>, &mut Complex) -> Result<(), &'static str>,
) -> Result<OperationReply, Error> {
    let schedule = schedule_of(request)?;
    // Held until the card is stored.
    let _alone = alone(request.world);
    let entry = request.address().and_then(|address| schedule.entry(&address));
    let entry = entry.ok_or_else(|| checks::unknown(request.collection, &schedule))?;
    (request.check_condition)(&entry.entity)?;
    check_owner(request, &schedule, entry.record.text("userId").as_deref())?;
    let (structured, mut values) = (entry.record.structured, entry.record.values().clone());
    let card = Card { model: request.model, structured };
    apply(card, &mut values).map_err(|state| Error::new(&refusal::TIME_CARD_STATE, &[state]))?;
    for (slot, value) in (request.server_set)(structured) {
        values.set(slot, value);
    }
    let mut plan = Plan::default();
    plan.add(&entry.address, structured, PlanChange::Update(values));
    decisions::carry_out(request, &schedule, &plan)
}

/// Checks that a person takes a step for a card of the person's own, or manages the team.
fn check_owner(request: &OperationRequest<'_>, schedule: &Schedule<'_>, owner: Option<&str>) -> Result<(), Error> {
    request.decided.borrow_mut().push("personal-entries");
    access::check_owner(schedule, &Actor::of(schedule, request.headers), owner)
}

fn schedule_of<'c>(request: &OperationRequest<'c>) -> Result<Schedule<'c>, Error> {
    Schedule::of(request.world, request.model, request.collection).ok_or_else(internal)
}

fn internal() -> Error {
    Error::new(&refusal::INTERNAL, &[])
}

/// Keeps other requests from clocking in until the guard is dropped.
fn alone(world: &World) -> MutexGuard<'_, ()> {
    world.unique_values.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the id of the person who acts; none for an application.
fn actor(request: &OperationRequest<'_>) -> Option<String> {
    match caller::caller(request.headers) {
        Caller::User(person) => Some(person.id),
        Caller::Application(_) => None,
        Caller::Unknown => Some(LOCAL_USER.0.to_owned()),
    }
}

/// Returns an event of this moment with the arguments of a request.
fn event_now(request: &OperationRequest<'_>, structured: Option<&StructuredType>) -> Value {
    let Some(structured) = structured else { return Value::Null };
    let mut event = Complex::initial(structured);
    let mut set = |name: &str, value: Value| {
        if let Some(slot) = structured.slot(name) {
            event.set(slot, value);
        }
    };
    set("dateTime", Value::DateTimeOffset(DateTimeOffset::from_unix_millis(unix_millis(request.now))));
    // The newer name comes last, and counts.
    for (argument, name) in
        [("atApprovedLocation", "isAtApprovedLocation"), ("isAtApprovedLocation", "isAtApprovedLocation"), ("notes", "notes")]
    {
        if let Argument::Value(value) = request.argument(argument) {
            set(name, value.clone());
        }
    }
    Value::Complex(Arc::new(event))
}

fn items(value: &Value) -> Vec<Value> {
    if let Value::Collection(items) = value { items.to_vec() } else { Vec::new() }
}

/// The type of time cards, or of values in them.
#[derive(Clone, Copy)]
struct Card<'c> {
    model: &'c Model,
    structured: &'c StructuredType,
}

impl<'c> Card<'c> {
    fn complex(self, name: &str) -> Option<(&'c Property, &'c StructuredType)> {
        let property = &self.structured.properties[self.structured.property(name)?];
        match property.kind {
            PropertyType::Complex(id) => Some((property, self.model.structured(id))),
            _ => None,
        }
    }

    fn breaks(self) -> Option<(&'c Property, &'c StructuredType)> {
        let property = &self.structured.properties[self.structured.property("breaks")?];
        match property.kind {
            PropertyType::Collection(ItemType::Complex(id)) => Some((property, self.model.structured(id))),
            _ => None,
        }
    }

    /// Returns the state of a card.
    fn state(self, values: &Complex) -> Option<&'static str> {
        let property = &self.structured.properties[self.structured.property("state")?];
        let Value::Enum(number) = values.get(property.slot) else { return None };
        let states = ["clockedIn", "onBreak", "clockedOut"];
        states.into_iter().find(|state| self.model.member(property.kind, state) == Some(*number))
    }

    /// Returns the state that follows from the events of a card.
    fn state_of_events(self, values: &Complex) -> &'static str {
        let is_null = |name: &str| self.structured.slot(name).is_none_or(|slot| *values.get(slot) == Value::Null);
        if !is_null("clockOutEvent") {
            "clockedOut"
        } else if self.open_break(values).is_some() {
            "onBreak"
        } else {
            "clockedIn"
        }
    }

    /// Returns the index of the break that has not ended.
    fn open_break(self, values: &Complex) -> Option<usize> {
        let (property, structured) = self.breaks()?;
        let end = structured.slot("end")?;
        let Value::Collection(breaks) = values.get(property.slot) else { return None };
        breaks.iter().position(|pause| matches!(pause, Value::Complex(pause) if *pause.get(end) == Value::Null))
    }

    fn end_break(self, request: &OperationRequest<'_>, values: &mut Complex) {
        let Some((index, (property, structured))) = self.open_break(values).zip(self.breaks()) else { return };
        let Some((end, event)) = (Card { structured, ..self }).complex("end") else { return };
        let mut breaks = items(values.get(property.slot));
        if let Value::Complex(pause) = &breaks[index] {
            let mut pause = (**pause).clone();
            pause.set(end.slot, event_now(request, Some(event)));
            breaks[index] = Value::Complex(Arc::new(pause));
        }
        values.set(property.slot, Value::Collection(breaks.into()));
    }

    /// Gives breaks without an id a new one.
    fn name_breaks(self, world: &World, values: &mut Complex) {
        let Some((property, structured)) = self.breaks() else { return };
        let Some(slot) = structured.slot("breakId") else { return };
        let mut breaks = items(values.get(property.slot));
        for pause in &mut breaks {
            let Value::Complex(value) = &*pause else { continue };
            if *value.get(slot) == Value::Null {
                let mut named = (**value).clone();
                let id = id_of(IdForm::Guid("BRK_"), world.next_entity_id(), 0);
                named.set(slot, Value::String(id.into()));
                *pause = Value::Complex(Arc::new(named));
            }
        }
        values.set(property.slot, Value::Collection(breaks.into()));
    }

    /// Sets what follows from the events of a new card.
    fn begin(self, values: &mut Complex) {
        let state = self.state_of_events(values);
        self.set_member(values, "state", state);
        self.set_member(values, "confirmedBy", "none");
        self.keep_original(values);
    }

    fn set_member(self, values: &mut Complex, name: &str, member: &str) {
        let Some(index) = self.structured.property(name) else { return };
        let property = &self.structured.properties[index];
        values.set(property.slot, self.model.member(property.kind, member).map_or(Value::Null, Value::Enum));
    }

    /// Makes the events of a card its original entry.
    fn keep_original(self, values: &mut Complex) {
        let Some((property, entry)) = self.complex("originalEntry") else { return };
        let mut original = Complex::initial(entry);
        for name in ["clockInEvent", "clockOutEvent", "breaks"] {
            if let (Some(from), Some(to)) = (self.structured.slot(name), entry.slot(name)) {
                original.set(to, values.get(from).clone());
            }
        }
        values.set(property.slot, Value::Complex(Arc::new(original)));
    }

    fn is_owned_by(self, values: &Complex, person: &str) -> bool {
        text_of(self.structured, values, "userId").is_some_and(|owner| owner.eq_ignore_ascii_case(person))
    }
}
