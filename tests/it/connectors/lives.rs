//! Lives of a schedule: thousands of random steps of several people, with and without a connector, beside a small model.
//!
//! After each step the schedule is what the model says, so no shift is lost or doubled. The laws beside it: slots are never negative, a
//! request is decided once, the tag of an entity changes exactly when the entity does, a flow is one call, and the connector's own table of
//! shifts is that of the schedule.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edge::control::act_from_json;
use wfi_emulator::internals::graph::pipeline;
use wfi_emulator::internals::graph::request::Body;
use wfi_emulator::internals::graph::route::EntityPath;
use wfi_emulator::internals::graph::step::Step;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::chance::mixed;
use wfi_emulator::internals::world::outbound::{CallFailure, CallOutcome};
use wfi_emulator::internals::world::store::StoredEntity;

use super::approval::{INTEGRATION, SCHEDULE, outcome_with, plaintext};
use super::flows::ALL;
use crate::support::harness::{self, request};

const TEAM: &str = "3d88b7a2-f988-4f4b-bb34-d66df66af126";
const REASON: &str = "TOR_891045ca-b5d2-406b-aa06-a3c8921245d7";
const ABSENT: &str = "SHFT_00000000-0000-4000-8000-00000000dead";

/// Two owners of the team, three workers, and a user who is not in the team.
const PEOPLE: [&str; 6] = [
    "366c0b19-49b1-41b5-a03f-9f3887bd0ed8",
    "00000000-0000-4000-8000-000000000001",
    "c5d0c76b-80c4-481c-be50-923cd8d680a1",
    "8b2e844f-ccb2-4588-acd7-d776718305f8",
    "7878981d-a6c7-46ef-9585-7bb41714e981",
    "4774d072-52c7-4787-a03e-4c21dbb93318",
];
const OWNERS: usize = 2;
const MEMBERS: usize = 5;

const SHIFTS: usize = 0;
const OPEN_SHIFTS: usize = 1;
const TIMES_OFF: usize = 2;
const SWAPS: usize = 3;
const OFFERS: usize = 4;
const OPEN_REQUESTS: usize = 5;
const OFF_REQUESTS: usize = 6;

const COLLECTIONS: [&str; 7] = [
    "shifts",
    "openShifts",
    "timesOff",
    "swapShiftsChangeRequests",
    "offerShiftRequests",
    "openShiftChangeRequests",
    "timeOffRequests",
];
const SUFFIXES: [&str; 3] = ["Shift", "OpenShift", "TimeOff"];

type Place = (usize, String);

/// Entity, as far as the model knows it.
#[derive(Clone, Debug, PartialEq)]
enum Thing {
    Item { user: String, shared: Option<Item>, draft: Option<Item>, is_staged: bool },
    Ask { sender: String, recipient: String, about: [String; 2], state: &'static str, with: &'static str, manager: String },
}

#[derive(Clone, Debug, PartialEq)]
struct Item {
    /// Hours of December 2026.
    start: i64,
    end: i64,
    slots: i64,
    theme: &'static str,
}

#[derive(Clone, Debug)]
enum Deed {
    Add(usize, Thing),
    Put(usize, String, Thing, Condition),
    Delete(usize, String),
    Stage(usize, String),
    Share(i64, i64),
    Ask(usize, [String; 2], String),
    Decide(usize, String, bool),
    Assign(String, String),
}

/// The header `If-Match` of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Condition {
    None,
    Fresh,
    Stale,
}

/// Change of one entity, in the order of the elements.
#[derive(Clone, Debug)]
struct Write {
    collection: usize,
    /// Key; `None` for a new entity.
    key: Option<String>,
    after: Option<Thing>,
    is_sent: bool,
}

type Model = BTreeMap<Place, Thing>;

fn is_owner(person: &str) -> bool {
    PEOPLE[..OWNERS].contains(&person)
}

fn is_member(person: &str) -> bool {
    PEOPLE[..MEMBERS].contains(&person)
}

fn is_valid(collection: usize, thing: &Thing, is_new: bool) -> bool {
    let Thing::Item { user, shared, draft, .. } = thing else { return true };
    let items: Vec<&Item> = [shared, draft].into_iter().flatten().collect();
    let lengths = if collection == TIMES_OFF { 1..=i64::MAX } else { 1..=24 };
    !items.is_empty()
        && items.iter().all(|item| lengths.contains(&(item.end - item.start)))
        && (collection == OPEN_SHIFTS || is_member(user))
        && (collection != OPEN_SHIFTS || items.iter().all(|item| item.slots >= i64::from(is_new)))
}

/// Returns the changes of a deed; `None` if it is refused.
#[allow(clippy::too_many_lines, reason = "one arm for each deed")]
fn foresee(model: &Model, person: &str, deed: &Deed) -> Option<Vec<Write>> {
    let find = |collection: usize, key: &str| model.get(&(collection, key.to_owned()));
    let write = |collection: usize, key: Option<&str>, after: Option<Thing>| Write {
        collection,
        key: key.map(str::to_owned),
        after,
        is_sent: true,
    };
    let given = |item: &Item, user: &str| Thing::Item {
        user: user.to_owned(),
        shared: Some(item.clone()),
        draft: None,
        is_staged: false,
    };
    let handed = |thing: &Thing, user: &str| {
        let Thing::Item { shared, draft, .. } = thing else { unreachable!("{thing:?}") };
        given(shared.as_ref().or(draft.as_ref()).unwrap(), user)
    };
    let owner_of = |key: &str| match find(SHIFTS, key) {
        Some(Thing::Item { user, .. }) => Some(user.clone()),
        _ => None,
    };
    let assigned = |open: &str, user: &str| {
        let Some(Thing::Item { user: none, shared: Some(item), draft, is_staged }) = find(OPEN_SHIFTS, open) else { return None };
        let left = Item { slots: item.slots - 1, ..item.clone() };
        let after = Thing::Item { user: none.clone(), shared: Some(left), draft: draft.clone(), is_staged: *is_staged };
        let shift = Item { slots: 0, theme: "blue", ..item.clone() };
        (item.slots > 0).then(|| (item.slots - 1, after, given(&shift, user)))
    };
    match deed {
        Deed::Add(collection, thing) => {
            (is_owner(person) && is_valid(*collection, thing, true)).then(|| vec![write(*collection, None, Some(thing.clone()))])
        }
        Deed::Put(collection, key, thing, condition) => {
            find(*collection, key)?;
            let is_allowed = is_owner(person) && is_valid(*collection, thing, false) && *condition != Condition::Stale;
            is_allowed.then(|| vec![write(*collection, Some(key), Some(thing.clone()))])
        }
        Deed::Delete(collection, key) => {
            let is_allowed = match find(*collection, key)? {
                Thing::Item { .. } => is_owner(person),
                Thing::Ask { sender, .. } => is_owner(person) || sender == person,
            };
            is_allowed.then(|| vec![write(*collection, Some(key), None)])
        }
        Deed::Stage(collection, key) => {
            let thing = find(*collection, key)?;
            let Thing::Item { user, shared, draft, is_staged } = thing.clone() else { return None };
            let after = Thing::Item { user, shared, draft, is_staged: true };
            let writes = if is_staged { Vec::new() } else { vec![write(*collection, Some(key), Some(after))] };
            is_owner(person).then_some(writes)
        }
        Deed::Share(from, to) => {
            let mut writes = Vec::new();
            for ((collection, key), thing) in model {
                let Thing::Item { user, shared, draft, is_staged } = thing else { continue };
                let start = draft.as_ref().or(shared.as_ref()).unwrap().start;
                if !(*from..*to).contains(&start) {
                    continue;
                }
                if *is_staged {
                    writes.push(write(*collection, Some(key), None));
                } else if draft.is_some() {
                    let after = Thing::Item { user: user.clone(), shared: draft.clone(), draft: None, is_staged: false };
                    writes.push(Write { is_sent: false, ..write(*collection, Some(key), Some(after)) });
                }
            }
            is_owner(person).then_some(writes)
        }
        Deed::Ask(collection, about, recipient) => {
            if !is_member(person) {
                return None;
            }
            let (recipient, with) = match *collection {
                SWAPS => {
                    let other = owner_of(&about[1])?;
                    (owner_of(&about[0])? == person && other != person).then_some((other, "recipient"))?
                }
                OFFERS => {
                    let is_allowed = owner_of(&about[0])? == person && recipient != person && is_member(recipient);
                    is_allowed.then(|| (recipient.clone(), "recipient"))?
                }
                OPEN_REQUESTS => {
                    assigned(&about[0], person)?;
                    (String::new(), "manager")
                }
                _ => (about[0] == REASON).then(|| (String::new(), "manager"))?,
            };
            let (sender, manager) = (person.to_owned(), String::new());
            let thing = Thing::Ask { sender, recipient, about: about.clone(), state: "pending", with, manager };
            Some(vec![write(*collection, None, Some(thing))])
        }
        Deed::Decide(collection, key, approves) => {
            let Thing::Ask { sender, recipient, about, state, with, manager } = find(*collection, key)?.clone() else {
                return None;
            };
            let is_final = with != "recipient";
            let is_allowed = if is_final { is_owner(person) } else { recipient == person };
            if !is_allowed || state != "pending" {
                return None;
            }
            let manager = if is_final { person.to_owned() } else { manager };
            let (state, with) = match (approves, is_final) {
                (false, _) => ("declined", with),
                (true, true) => ("approved", with),
                (true, false) => ("pending", "manager"),
            };
            let after =
                Thing::Ask { sender: sender.clone(), recipient: recipient.clone(), about: about.clone(), state, with, manager };
            let mut writes = vec![write(*collection, Some(key), Some(after))];
            if state != "approved" {
                return Some(writes);
            }
            let shift = |key: &str, owner: &str| find(SHIFTS, key).filter(|_| owner_of(key).as_deref() == Some(owner));
            match *collection {
                SWAPS => {
                    let (own, other) = (shift(&about[0], &sender)?, shift(&about[1], &recipient)?);
                    writes.push(write(SHIFTS, Some(&about[0]), None));
                    writes.push(write(SHIFTS, Some(&about[1]), None));
                    writes.push(write(SHIFTS, None, Some(handed(own, &recipient))));
                    writes.push(write(SHIFTS, None, Some(handed(other, &sender))));
                }
                OFFERS => {
                    let own = shift(&about[0], &sender)?;
                    writes.push(write(SHIFTS, Some(&about[0]), None));
                    writes.push(write(SHIFTS, None, Some(handed(own, &recipient))));
                }
                OPEN_REQUESTS => {
                    let (left, open, new) = assigned(&about[0], &sender)?;
                    writes.push(write(SHIFTS, None, Some(new)));
                    writes.push(write(OPEN_SHIFTS, Some(&about[0]), Some(open)));
                    for (place, thing) in model.iter().filter(|_| left == 0) {
                        let Thing::Ask { about: other, state: "pending", sender, recipient, manager, .. } = thing else {
                            continue;
                        };
                        if place.0 == OPEN_REQUESTS && place.1 != *key && other[0] == about[0] {
                            let (sender, recipient, manager) = (sender.clone(), recipient.clone(), manager.clone());
                            let after = Thing::Ask {
                                sender,
                                recipient,
                                about: other.clone(),
                                state: "declined",
                                with: "system",
                                manager,
                            };
                            writes.push(write(OPEN_REQUESTS, Some(&place.1), Some(after)));
                        }
                    }
                }
                _ => {
                    let hours = |text: &str| text.parse::<i64>().unwrap();
                    let (start, end) = about[1].split_once('-').unwrap();
                    let item = Item { start: hours(start), end: hours(end), slots: 0, theme: "white" };
                    writes.push(Write { is_sent: false, ..write(TIMES_OFF, None, Some(given(&item, &sender))) });
                }
            }
            Some(writes)
        }
        Deed::Assign(open, user) => {
            let (_, after, new) = assigned(open, user)?;
            let writes = vec![write(OPEN_SHIFTS, Some(open), Some(after)), write(SHIFTS, None, Some(new))];
            (is_owner(person) && is_member(user)).then_some(writes)
        }
    }
}

fn time(hours: i64) -> String {
    format!("2026-12-{:02}T{:02}:00:00Z", 1 + hours / 24, hours % 24)
}

fn hours(time: &Value) -> i64 {
    let text = time.as_str().unwrap();
    (text[8..10].parse::<i64>().unwrap() - 1) * 24 + text[11..13].parse::<i64>().unwrap()
}

const THEMES: [&str; 4] = ["white", "blue", "green", "pink"];

fn item_json(collection: usize, item: &Item) -> Value {
    let mut json = json!({ "startDateTime": time(item.start), "endDateTime": time(item.end), "theme": item.theme });
    if collection == OPEN_SHIFTS {
        json["openSlotCount"] = item.slots.into();
    }
    json
}

fn thing_json(collection: usize, thing: &Thing) -> Value {
    let Thing::Item { user, shared, draft, .. } = thing else { unreachable!("{thing:?}") };
    let mut json = json!({});
    for (prefix, item) in [("shared", shared), ("draft", draft)] {
        if let Some(item) = item {
            json[format!("{prefix}{}", SUFFIXES[collection])] = item_json(collection, item);
        }
    }
    if collection != TIMES_OFF {
        json["schedulingGroupId"] = "TAG_920670e8-1218-5db1-a318-17f90cf7aa75".into();
    }
    if collection != OPEN_SHIFTS {
        json["userId"] = user.as_str().into();
    }
    json
}

/// Returns what the model knows of an entity.
fn thing_of(collection: usize, json: &Value) -> Thing {
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let word = |name: &str| {
        let words = ["pending", "approved", "declined", "recipient", "manager", "system"];
        words.into_iter().find(|word| json[name] == *word).unwrap_or_else(|| panic!("{name} of {json}"))
    };
    if let Some(suffix) = SUFFIXES.get(collection) {
        let item = |prefix: &str| {
            let json = &json[format!("{prefix}{suffix}")];
            json.is_object().then(|| Item {
                start: hours(&json["startDateTime"]),
                end: hours(&json["endDateTime"]),
                slots: json["openSlotCount"].as_i64().unwrap_or_default(),
                theme: THEMES.into_iter().find(|theme| json["theme"] == *theme).unwrap(),
            })
        };
        let is_staged = json["isStagedForDeletion"] == true;
        return Thing::Item { user: text("userId"), shared: item("shared"), draft: item("draft"), is_staged };
    }
    let about = match collection {
        SWAPS => [text("senderShiftId"), text("recipientShiftId")],
        OFFERS => [text("senderShiftId"), String::new()],
        OPEN_REQUESTS => [text("openShiftId"), String::new()],
        _ => {
            let times = format!("{}-{}", hours(&json["startDateTime"]), hours(&json["endDateTime"]));
            [text("timeOffReasonId"), times]
        }
    };
    let (state, with) = (word("state"), word("assignedTo"));
    let (sender, recipient) = (text("senderUserId"), text("recipientUserId"));
    Thing::Ask { sender, recipient, about, state, with, manager: text("managerUserId") }
}

/// Entity as it was last seen.
struct Seen {
    stored: Arc<StoredEntity>,
    json: Value,
    thing: Thing,
    tag: String,
}

/// Random numbers.
struct Dice {
    seed: u64,
    throws: u64,
}

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.throws += 1;
        usize::try_from(mixed(self.seed << 32 | self.throws) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.below(of.len());
        &of[index]
    }
}

/// World with its model.
struct Life {
    world: World,
    has_connector: bool,
    model: Model,
    paths: [EntityPath; 7],
    seen: [BTreeMap<String, Seen>; 7],
    /// States of the world under each tag.
    tags: HashMap<String, Value>,
    decided: BTreeSet<Place>,
    /// Shifts that the connector knows, with their users.
    table: BTreeMap<String, String>,
    dice: Dice,
    counts: BTreeMap<String, usize>,
}

/// Answer of the connector.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Approves,
    ApprovesTwice,
    SaysNothing,
    Refuses,
    RefusesOne,
    RefusesInASecondItem,
    IsSilent,
    IsDown,
    SendsGarbage,
    /// Approves; meanwhile another person takes a step.
    Waits,
}

const MOODS: [Mood; 10] = [
    Mood::Approves,
    Mood::ApprovesTwice,
    Mood::SaysNothing,
    Mood::Refuses,
    Mood::RefusesOne,
    Mood::RefusesInASecondItem,
    Mood::IsSilent,
    Mood::IsDown,
    Mood::SendsGarbage,
    Mood::Waits,
];

impl Mood {
    fn lets_pass(self) -> bool {
        matches!(self, Mood::Approves | Mood::ApprovesTwice | Mood::SaysNothing | Mood::Waits)
    }

    fn outcome(self, elements: &[Value], one: usize) -> CallOutcome {
        let item = |element: &Value, refuses: bool| {
            let error = json!({ "code": "403", "message": "no" });
            let body = if refuses {
                json!({ "error": error, "data": null })
            } else {
                json!({ "eTag": "1", "error": null, "data": null })
            };
            json!({ "id": element["id"], "status": if refuses { 403 } else { 200 }, "body": body })
        };
        let all = |refuses: bool| elements.iter().map(move |element| item(element, refuses)).collect::<Vec<_>>();
        let answer = |items: Vec<Value>| outcome_with(200, &json!({ "responses": items }).to_string());
        match self {
            Mood::Approves | Mood::Waits => answer(all(false)),
            Mood::ApprovesTwice => answer([all(false), all(false)].concat()),
            Mood::SaysNothing => answer(Vec::new()),
            Mood::Refuses => answer(all(true)),
            Mood::RefusesOne => {
                let mut items = all(false);
                items[one] = item(&elements[one], true);
                answer(items)
            }
            Mood::RefusesInASecondItem => answer([all(false), vec![item(&elements[one], true)]].concat()),
            Mood::IsSilent => CallOutcome::Failed(CallFailure::Timeout),
            Mood::IsDown => outcome_with(503, "{}"),
            Mood::SendsGarbage => outcome_with(200, "{\"responses\":[{\"id\""),
        }
    }
}

impl Life {
    fn new(seed: u64, has_connector: bool) -> Life {
        let world = harness::world(&[]);
        let manage = |method: Method, path: &str, body: &Value| {
            let mut request = request(method, path, body);
            request.headers.insert("authorization", harness::delegated(PEOPLE[0]).parse().unwrap());
            let (answer, _) = harness::play(&world, &request, |_| panic!("the schedule is not bound"));
            assert!(answer.response.status().is_success(), "{path}");
        };
        for collection in COLLECTIONS {
            let path = format!("{SCHEDULE}/{collection}");
            let (_, list) = harness::json(&world, Method::GET, &path, None);
            for entity in list["value"].as_array().unwrap() {
                manage(Method::DELETE, &format!("{path}/{}", entity["id"].as_str().unwrap()), &Value::Null);
            }
        }
        manage(Method::PATCH, INTEGRATION, &json!({ "supportedEntities": ALL }));
        if has_connector {
            let id = INTEGRATION.rsplit('/').next().unwrap();
            let binding = json!({ "enabled": true, "timeZone": "America/Chicago", "workforceIntegrationIds": [id] });
            manage(Method::PUT, SCHEDULE, &binding);
        }
        let path = |collection| EntityPath::of(&world.schema, &format!("{SCHEDULE}/{collection}")).unwrap();
        Life {
            paths: COLLECTIONS.map(path),
            world,
            has_connector,
            model: Model::new(),
            seen: Default::default(),
            tags: HashMap::new(),
            decided: BTreeSet::new(),
            table: BTreeMap::new(),
            dice: Dice { seed, throws: 0 },
            counts: BTreeMap::new(),
        }
    }

    /// Returns the id of an entity of a collection; now and then of one that does not exist.
    fn key(&mut self, collection: usize) -> String {
        let keys: Vec<String> = self.model.keys().filter(|(own, _)| *own == collection).map(|(_, key)| key.clone()).collect();
        if keys.is_empty() || self.dice.below(20) == 0 { ABSENT.to_owned() } else { self.dice.one(&keys).clone() }
    }

    /// Returns the id of a request, mostly of one that is pending.
    fn request(&mut self, collection: usize) -> String {
        let is_pending = |thing: &Thing| matches!(thing, Thing::Ask { state: "pending", .. });
        let pending = self.model.iter().filter(|((own, _), thing)| *own == collection && is_pending(thing));
        let keys: Vec<String> = pending.map(|((_, key), _)| key.clone()).collect();
        if keys.is_empty() || self.dice.below(8) == 0 { self.key(collection) } else { self.dice.one(&keys).clone() }
    }

    fn item(&mut self, collection: usize) -> Item {
        let start = i64::try_from(self.dice.below(27 * 24)).unwrap();
        let length = if self.dice.below(12) == 0 { *self.dice.one(&[0, -2, 24, 25, 48]) } else { 8 };
        let slots = if collection == OPEN_SHIFTS { *self.dice.one(&[-1, 0, 1, 1, 2, 2, 3]) } else { 0 };
        Item { start, end: (start + length).max(0), slots, theme: THEMES[self.dice.below(THEMES.len())] }
    }

    fn thing(&mut self, collection: usize) -> Thing {
        let user = if collection == OPEN_SHIFTS { String::new() } else { (*self.dice.one(&PEOPLE)).to_owned() };
        let (shared, draft) = (self.item(collection), self.item(collection));
        let (shared, draft) = match self.dice.below(8) {
            0 => (None, None),
            1 => (Some(shared), Some(draft)),
            2 | 3 => (None, Some(draft)),
            _ => (Some(shared), None),
        };
        Thing::Item { user, shared, draft, is_staged: false }
    }

    fn deed(&mut self) -> (String, Deed) {
        let items = self.model.keys().filter(|(collection, _)| *collection <= TIMES_OFF).count();
        let person = (*self.dice.one(&PEOPLE)).to_owned();
        let owner = (*self.dice.one(&PEOPLE[..OWNERS])).to_owned();
        let manager = if self.dice.below(8) == 0 { person.clone() } else { owner };
        let kind = *self.dice.one(&[SHIFTS, SHIFTS, SHIFTS, OPEN_SHIFTS, OPEN_SHIFTS, TIMES_OFF]);
        let asks = *self.dice.one(&[SWAPS, SWAPS, OFFERS, OPEN_REQUESTS, OPEN_REQUESTS, OFF_REQUESTS]);
        let (is_crowded, is_busy) = (items > 24, self.model.len() - items > 24);
        match self.dice.below(20) {
            0..=3 if !is_crowded => (manager, Deed::Add(kind, self.thing(kind))),
            0..=3 | 6 => (manager, Deed::Delete(kind, self.key(kind))),
            4 | 5 => {
                let key = self.key(kind);
                // Now and then nothing changes.
                let same = self.model.get(&(kind, key.clone())).filter(|_| self.dice.throws.is_multiple_of(5)).cloned();
                let thing = same.unwrap_or_else(|| self.thing(kind));
                let condition = *self.dice.one(&[Condition::None, Condition::None, Condition::Fresh, Condition::Stale]);
                (manager, Deed::Put(kind, key, unstaged(thing), condition))
            }
            7 => (manager, Deed::Stage(kind, self.key(kind))),
            8 if self.dice.below(3) == 0 => {
                let start = i64::try_from(self.dice.below(27 * 24)).unwrap();
                (
                    if self.dice.below(3) == 0 { person } else { manager },
                    Deed::Share(start, (start + i64::try_from(self.dice.below(10 * 24)).unwrap()).min(30 * 24)),
                )
            }
            9 | 11 | 12 if is_busy => (person, Deed::Delete(asks, self.key(asks))),
            9 if self.dice.below(2) == 0 => (person, Deed::Delete(asks, self.key(asks))),
            10 => (manager, Deed::Assign(self.key(OPEN_SHIFTS), (*self.dice.one(&PEOPLE)).to_owned())),
            11..=14 => self.ask(&person, asks),
            _ => {
                let key = self.request(asks);
                let decider = match self.model.get(&(asks, key.clone())) {
                    Some(Thing::Ask { with: "recipient", recipient, .. }) if self.dice.below(6) != 0 => recipient.clone(),
                    _ => manager,
                };
                (decider, Deed::Decide(asks, key, self.dice.below(4) != 0))
            }
        }
    }

    fn ask(&mut self, person: &str, asks: usize) -> (String, Deed) {
        let recipient = (*self.dice.one(&PEOPLE)).to_owned();
        let about = match asks {
            SWAPS => [self.key(SHIFTS), self.key(SHIFTS)],
            OFFERS => [self.key(SHIFTS), String::new()],
            OPEN_REQUESTS => [self.key(OPEN_SHIFTS), String::new()],
            _ => {
                let start = self.dice.below(27 * 24);
                [REASON.to_owned(), format!("{start}-{}", start + 24)]
            }
        };
        // Mostly the one whose shift it is.
        let owner = match self.model.get(&(SHIFTS, about[0].clone())) {
            Some(Thing::Item { user, .. }) if self.dice.below(8) != 0 => user.clone(),
            _ => person.to_owned(),
        };
        (owner, Deed::Ask(asks, about, recipient))
    }

    /// Returns the value of `If-Match` for a deed.
    fn tag_of(&self, deed: &Deed) -> Option<String> {
        match deed {
            Deed::Put(collection, key, _, Condition::Fresh) => self.seen[*collection].get(key).map(|seen| seen.tag.clone()),
            Deed::Put(_, _, _, Condition::Stale) => Some("\"00000000-0000-0000-0000-000000000000\"".to_owned()),
            _ => None,
        }
    }

    /// Returns the first step of the pipeline for a deed.
    fn begin(&self, person: &str, deed: &Deed, tag: Option<&str>) -> Step {
        let schedule = |path: String| format!("{SCHEDULE}/{path}");
        let named = |collection: usize, key: &str| schedule(format!("{}/{key}", COLLECTIONS[collection]));
        let (method, path, body) = match deed {
            Deed::Add(collection, thing) => {
                (Method::POST, schedule(COLLECTIONS[*collection].to_owned()), thing_json(*collection, thing))
            }
            Deed::Put(collection, key, thing, _) => (Method::PUT, named(*collection, key), thing_json(*collection, thing)),
            Deed::Delete(collection, key) => (Method::DELETE, named(*collection, key), Value::Null),
            Deed::Stage(collection, key) => (Method::POST, format!("{}/stageForDeletion", named(*collection, key)), Value::Null),
            Deed::Share(from, to) => {
                let body = json!({ "notifyTeam": false, "startDateTime": time(*from), "endDateTime": time(*to) });
                (Method::POST, schedule("share".to_owned()), body)
            }
            Deed::Ask(collection, about, recipient) => {
                let body = match *collection {
                    SWAPS => json!({ "senderShiftId": about[0], "recipientShiftId": about[1] }),
                    OFFERS => json!({ "senderShiftId": about[0], "recipientUserId": recipient }),
                    OPEN_REQUESTS => json!({ "openShiftId": about[0] }),
                    _ => {
                        let (start, end) = about[1].split_once('-').unwrap();
                        let time = |text: &str| time(text.parse().unwrap());
                        json!({ "timeOffReasonId": about[0], "startDateTime": time(start), "endDateTime": time(end) })
                    }
                };
                (Method::POST, schedule(COLLECTIONS[*collection].to_owned()), body)
            }
            Deed::Decide(collection, key, approves) => {
                let action = if *approves { "approve" } else { "decline" };
                (Method::POST, format!("{}/{action}", named(*collection, key)), json!({ "message": "m" }))
            }
            Deed::Assign(open, user) => {
                let act = json!({ "do": "assign", "team": TEAM, "openShift": open, "user": user, "as": person });
                return act_from_json(&self.world, act.to_string().as_bytes()).unwrap_or_else(|_| {
                    let path = format!("{SCHEDULE}/openShifts/{open}");
                    pipeline::answer(&self.world, &request(Method::GET, &path, &Value::Null))
                });
            }
        };
        let mut request = request(method, &path, &body);
        if body.is_null() {
            request.body = Body::Whole(bytes::Bytes::new());
        }
        request.headers.insert("authorization", harness::delegated(person).parse().unwrap());
        if let Some(tag) = tag {
            request.headers.insert("if-match", tag.parse().unwrap());
        }
        pipeline::answer(&self.world, &request)
    }

    /// Takes a step, and checks all laws.
    fn step(&mut self, depth: usize) {
        let (person, deed) = self.deed();
        let mood = if depth > 0 || self.dice.below(2) == 0 { Mood::Approves } else { *self.dice.one(&MOODS) };
        let name = format!("step {} of {}: {person} {deed:?}, the connector: {mood:?}", self.dice.throws, self.dice.seed);
        let tag = self.tag_of(&deed);
        let mut step = self.begin(&person, &deed, tag.as_deref());
        let mut batches: Vec<Vec<Value>> = Vec::new();
        let answer = loop {
            step = match step {
                Step::Done(answer) => break answer,
                Step::Compute(computation) => computation.run(&self.world),
                Step::Call(pending) => {
                    let elements = plaintext(&pending.call)["requests"].as_array().unwrap().clone();
                    if mood == Mood::Waits && batches.is_empty() {
                        self.step(depth + 1);
                    }
                    let one = self.dice.below(elements.len());
                    let outcome = mood.outcome(&elements, one);
                    batches.push(elements);
                    pending.resume(&self.world, outcome)
                }
            };
        };
        let body: Value = serde_json::from_slice(answer.response.body()).unwrap_or_default();
        let status = answer.response.status();
        let is_done = match deed {
            Deed::Assign(..) => body["isDone"] == true,
            _ => status.is_success(),
        };
        assert!(is_done || status != StatusCode::INTERNAL_SERVER_ERROR, "{name}: {body}");
        // A tag is checked when the change is stored.
        let deed = match deed {
            Deed::Put(collection, key, thing, Condition::Fresh)
                if self.seen[collection].get(&key).map(|seen| &seen.tag) != tag.as_ref() =>
            {
                Deed::Put(collection, key, thing, Condition::Stale)
            }
            deed => deed,
        };
        let foreseen = foresee(&self.model, &person, &deed);
        let sent = foreseen.iter().flatten().filter(|write| write.is_sent).count();
        let passes = !self.has_connector || sent == 0 || mood.lets_pass();
        assert_eq!(is_done, foreseen.is_some() && passes, "{name}: {status} {body}");
        let kind = format!("{deed:?}").split('(').next().unwrap().to_owned();
        *self.counts.entry(format!("{kind} {}", if is_done { "done" } else { "refused" })).or_default() += 1;
        if mood != Mood::Waits {
            assert!(batches.len() <= 1, "{name}: one call for a flow");
        }
        if self.has_connector && is_done {
            assert_eq!(batches.is_empty(), sent == 0, "{name}");
        }
        let writes = if is_done { foreseen.unwrap() } else { Vec::new() };
        let keys = self.look(&name, &writes);
        let sent: Vec<&str> = keys.iter().zip(&writes).filter(|(_, write)| write.is_sent).map(|(key, _)| key.as_str()).collect();
        if let Some(batch) = batches.last().filter(|_| is_done) {
            let ids: BTreeSet<&str> = batch.iter().map(|element| element["id"].as_str().unwrap()).collect();
            assert_eq!((ids, batch.len()), (sent.iter().copied().collect(), sent.len()), "{name}: the elements");
            self.keep_table(&name, batch);
        }
    }

    /// Applies changes to the model, and compares it with the world. Returns the keys of the changes.
    fn look(&mut self, name: &str, writes: &[Write]) -> Vec<String> {
        let mut fresh: [Vec<String>; 7] = Default::default();
        for (collection, segment) in COLLECTIONS.iter().enumerate() {
            let path = format!("{SCHEDULE}/{segment}");
            let list = self.world.store.at(&self.paths[collection].collection).list();
            let is_same = |stored: &Arc<StoredEntity>| {
                self.seen[collection].get(&*stored.key).is_some_and(|seen| Arc::ptr_eq(&seen.stored, stored))
            };
            if list.len() == self.seen[collection].len() && list.iter().all(is_same) {
                continue;
            }
            let mut before = std::mem::take(&mut self.seen[collection]);
            for stored in list {
                let key = stored.key.to_string();
                let old = before.remove(&key);
                let seen = match old {
                    Some(old) if Arc::ptr_eq(&old.stored, &stored) => old,
                    old => {
                        let (status, mut json) = harness::json(&self.world, Method::GET, &format!("{path}/{key}"), None);
                        assert_eq!(status, StatusCode::OK, "{name}: {json}");
                        let members = json.as_object_mut().unwrap();
                        members.remove("@odata.context");
                        let tag = members.remove("@odata.etag").unwrap().as_str().unwrap().to_owned();
                        match &old {
                            Some(old) => assert_eq!(old.json == json, old.tag == tag, "{name}: {tag} of {json}"),
                            None => fresh[collection].push(key.clone()),
                        }
                        let known = self.tags.entry(tag.clone()).or_insert_with(|| json.clone());
                        assert_eq!(*known, json, "{name}: one tag, two states");
                        let thing = thing_of(collection, &json);
                        Seen { stored, json, thing, tag }
                    }
                };
                if collection == OPEN_SHIFTS {
                    for item in ["sharedOpenShift", "draftOpenShift"] {
                        assert!(seen.json[item]["openSlotCount"].as_i64().unwrap_or_default() >= 0, "{name}: {}", seen.json);
                    }
                }
                assert!(self.seen[collection].insert(key, seen).is_none(), "{name}: listed twice");
            }
        }
        let mut fresh = fresh.map(Vec::into_iter);
        let mut keys = Vec::new();
        for write in writes {
            let key = write.key.clone().or_else(|| fresh[write.collection].next());
            let place = (write.collection, key.unwrap_or_else(|| panic!("{name}: a new entity is missing")));
            keys.push(place.1.clone());
            let is_decided = |thing: &Thing| matches!(thing, Thing::Ask { state: "approved" | "declined", .. });
            match write.after.clone() {
                Some(after) => {
                    if is_decided(&after) {
                        assert!(self.decided.insert(place.clone()), "{name}: decided twice");
                    }
                    self.model.insert(place, after);
                }
                None => drop(self.model.remove(&place)),
            }
        }
        let actual: BTreeMap<(usize, &str), &Thing> = self
            .seen
            .iter()
            .enumerate()
            .flat_map(|(collection, things)| things.iter().map(move |(key, seen)| ((collection, key.as_str()), &seen.thing)))
            .collect();
        let expected: BTreeMap<(usize, &str), &Thing> =
            self.model.iter().map(|((collection, key), thing)| ((*collection, key.as_str()), thing)).collect();
        if actual != expected {
            let places: BTreeSet<_> = actual.keys().chain(expected.keys()).collect();
            let differences = places.into_iter().filter(|place| actual.get(*place) != expected.get(*place));
            let differences: Vec<_> = differences.map(|place| (place, actual.get(place), expected.get(place))).collect();
            panic!("{name}: found, expected: {differences:#?}");
        }
        keys
    }

    /// Keeps the connector's own table of shifts, and compares it with the schedule.
    fn keep_table(&mut self, name: &str, batch: &[Value]) {
        for element in batch.iter().filter(|element| element["url"].as_str().unwrap().starts_with("/shifts/")) {
            let (id, body) = (element["id"].as_str().unwrap().to_owned(), &element["body"]);
            match element["method"].as_str().unwrap() {
                "POST" => {
                    let user = body["userId"].as_str().unwrap().to_owned();
                    assert!(self.table.insert(id, user).is_none(), "{name}: created twice");
                }
                "DELETE" => assert!(self.table.remove(&id).is_some(), "{name}: deleted twice"),
                _ => {
                    assert!(self.table.contains_key(&id), "{name}: an unknown shift");
                    // A draft that is not active is a deletion that is not yet shared.
                    if body["sharedShift"]["isActive"] == false {
                        self.table.remove(&id);
                    } else {
                        self.table.insert(id, body["userId"].as_str().unwrap().to_owned());
                    }
                }
            }
        }
        let user = |thing: &Thing| match thing {
            Thing::Item { user, .. } => user.clone(),
            Thing::Ask { .. } => String::new(),
        };
        let shifts = self.model.iter().filter(|((collection, _), _)| *collection == SHIFTS);
        let shifts: BTreeMap<String, String> = shifts.map(|((_, key), thing)| (key.clone(), user(thing))).collect();
        assert_eq!(self.table, shifts, "{name}: the connector's table");
    }
}

fn unstaged(thing: Thing) -> Thing {
    match thing {
        Thing::Item { user, shared, draft, .. } => Thing::Item { user, shared, draft, is_staged: false },
        ask @ Thing::Ask { .. } => ask,
    }
}

#[test]
fn ten_thousand_steps_keep_the_schedule_as_the_model_has_it() {
    let counts: RefCell<BTreeMap<String, usize>> = RefCell::default();
    let lives = std::thread::scope(|scope| {
        let lives = [(1, true), (2, false), (3, true), (4, false)].map(|(seed, has_connector)| {
            scope.spawn(move || {
                let mut life = Life::new(seed, has_connector);
                for _ in 0..2500 {
                    life.step(0);
                }
                life.counts
            })
        });
        lives.map(|life| life.join().unwrap())
    });
    for (kind, count) in lives.into_iter().flatten() {
        *counts.borrow_mut().entry(kind).or_default() += count;
    }
    let counts = counts.into_inner();
    for kind in ["Add", "Put", "Delete", "Stage", "Share", "Ask", "Decide", "Assign"] {
        for end in ["done", "refused"] {
            let count = counts.get(&format!("{kind} {end}")).copied().unwrap_or_default();
            assert!(count > 20, "{kind} {end}: {count} in {counts:?}");
        }
    }
}
