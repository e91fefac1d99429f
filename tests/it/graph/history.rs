//! Concurrent requests to one entity are linearizable: recorded histories of real threads can be put into an order. A list counts as a
//! separate read of each entity at some moment of the call, missing ones included.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::world::World;

use crate::support::harness;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// The state of an entity: its two members, or absent before its creation and after its deletion.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum State {
    Before,
    Is([i64; 2]),
    Gone,
}

/// An operation and its result.
#[derive(Clone, Copy, Debug)]
enum Act {
    Create([i64; 2]),
    /// The members read; `None` for 404.
    Look(Option<[i64; 2]>),
    /// The member, its new value, and the members in the answer.
    Set(usize, i64, Option<[i64; 2]>),
    /// Whether the entity existed.
    Delete(bool),
}

/// An operation between two moments.
#[derive(Clone, Copy, Debug)]
struct Event {
    began: u64,
    ended: u64,
    act: Act,
}

/// Returns the state after an operation, if its result is possible in this state.
fn after(state: State, act: Act) -> Option<State> {
    match (act, state) {
        (Act::Create(members), State::Before) => Some(State::Is(members)),
        (Act::Look(Some(seen)), State::Is(members)) => (seen == members).then_some(state),
        (Act::Set(which, value, Some(seen)), State::Is(mut members)) => {
            members[which] = value;
            (seen == members).then_some(State::Is(members))
        }
        (Act::Delete(true), State::Is(_)) => Some(State::Gone),
        (Act::Look(None) | Act::Set(_, _, None) | Act::Delete(false), State::Before | State::Gone) => Some(state),
        _ => None,
    }
}

/// Whether some order of the events keeps each between its moments and makes every result possible.
fn is_linearizable(events: &[Event]) -> bool {
    assert!(events.len() <= 128, "a set of events is a number of 128 bits");
    let mut seen = HashSet::new();
    let mut open = vec![(0_u128, State::Before)];
    while let Some((done, state)) = open.pop() {
        let left = || (0..events.len()).filter(|number| done & (1 << number) == 0);
        // The next event began before any remaining one ended.
        let Some(first_end) = left().map(|number| events[number].ended).min() else { return true };
        for number in left().filter(|number| events[*number].began < first_end) {
            if let Some(next) = after(state, events[number].act) {
                let next = (done | 1 << number, next);
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
    }
    false
}

fn members(entity: &Value) -> [i64; 2] {
    [entity["apiVersion"].as_i64().unwrap(), entity["displayName"].as_str().unwrap().parse().unwrap()]
}

/// Starts each step of all threads together, so that operations overlap: free-running threads rarely do.
struct Pace {
    threads: usize,
    arrived: AtomicUsize,
    is_broken: AtomicBool,
}

/// A thread in step with others, which do not wait for it after a panic.
struct Walker<'p>(&'p Pace);

impl Walker<'_> {
    fn begin(&self, step: usize) {
        self.0.arrived.fetch_add(1, Ordering::SeqCst);
        while self.0.arrived.load(Ordering::SeqCst) < (step + 1) * self.0.threads && !self.0.is_broken.load(Ordering::SeqCst) {
            thread::yield_now();
        }
    }
}

impl Drop for Walker<'_> {
    fn drop(&mut self) {
        self.0.is_broken.fetch_or(thread::panicking(), Ordering::SeqCst);
    }
}

#[test]
fn histories_of_an_entity_are_linearizable() {
    const THREADS: usize = 4;
    const STEPS: usize = 12;
    const ROUNDS: u64 = 150;
    let world = harness::world(&[]);
    for (_, entity) in harness::settings(world.behaviors.clone()).entities {
        harness::json(&world, Method::DELETE, &format!("{COLLECTION}/{}", entity.key), None);
    }
    let moments = AtomicU64::new(0);
    let moment = || moments.fetch_add(1, Ordering::SeqCst);
    for round in 0..ROUNDS {
        let address = OnceLock::new();
        let pace = Pace { threads: THREADS, arrived: AtomicUsize::new(0), is_broken: AtomicBool::new(false) };
        let mut events = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (world, moment, pace, address) = (&world, &moment, &pace, &address);
                    scope.spawn(move || {
                        let walker = Walker(pace);
                        let mut events = Vec::new();
                        for step in 0..STEPS {
                            walker.begin(step);
                            let number = i64::try_from(round * 1_000).unwrap() + i64::try_from(thread * 100 + step).unwrap();
                            let began = moment();
                            let act = match address.get() {
                                None if thread == 0 => create(world, number, address),
                                // A thread that does not know the entity may find it during its creation.
                                None => list(world),
                                Some(address) => act(world, address, number, step + 2 >= STEPS),
                            };
                            events.push(Event { began, ended: moment(), act });
                        }
                        events
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        events.sort_by_key(|event| event.began);
        assert!(is_linearizable(&events), "round {round}: {events:#?}");
        // Each round has one entity, so that a list without it counts as a read too.
        harness::json(&world, Method::DELETE, address.get().unwrap(), None);
    }
}

fn create(world: &World, number: i64, address: &OnceLock<String>) -> Act {
    let body = json!({ "apiVersion": number, "displayName": number.to_string() }).to_string();
    let (status, created) = harness::json(world, Method::POST, COLLECTION, Some(&body));
    assert_eq!(status, StatusCode::CREATED);
    address.set(format!("{COLLECTION}/{}", created["id"].as_str().unwrap())).unwrap();
    Act::Create(members(&created))
}

fn list(world: &World) -> Act {
    let (_, list) = harness::json(world, Method::GET, COLLECTION, None);
    Act::Look(list["value"].as_array().unwrap().first().map(members))
}

/// Performs a random operation; near the end, deletes the entity, from several threads at once.
fn act(world: &World, address: &str, number: i64, is_near_end: bool) -> Act {
    match wfi_emulator::internals::world::chance::mixed(u64::try_from(number).unwrap()) % 10 {
        0 | 1 => list(world),
        2 => {
            let (status, entity) = harness::json(world, Method::GET, address, None);
            Act::Look((status == StatusCode::OK).then(|| members(&entity)))
        }
        3..=5 if is_near_end => Act::Delete(harness::json(world, Method::DELETE, address, None).0 == StatusCode::NO_CONTENT),
        choice => {
            let which = usize::from(choice % 2 == 0);
            let body = [json!({ "apiVersion": number }), json!({ "displayName": number.to_string() })];
            let (status, entity) = harness::json(world, Method::PATCH, address, Some(&body[which].to_string()));
            Act::Set(which, number, (status == StatusCode::OK).then(|| members(&entity)))
        }
    }
}

#[test]
fn the_search_rejects_impossible_histories() {
    let event = |began, ended, act| Event { began, ended, act };
    let created = event(0, 1, Act::Create([1, 1]));
    let holds = |events: &[Event]| is_linearizable(&[&[created], events].concat());
    // Overlapping events may come in either order.
    let (one, other) = (Act::Set(0, 2, Some([2, 1])), Act::Set(1, 3, Some([2, 3])));
    assert!(holds(&[event(2, 5, one), event(3, 4, other)]));
    assert!(!holds(&[event(4, 5, one), event(2, 3, other)]), "the later one is not seen by the earlier one");
    assert!(!holds(&[event(2, 5, one), event(3, 4, Act::Set(1, 3, Some([1, 3])))]), "an update is lost");
    assert!(!holds(&[event(2, 3, one), event(4, 5, Act::Look(Some([1, 1])))]), "a look at what was");
    assert!(holds(&[event(2, 5, one), event(3, 4, Act::Look(Some([1, 1])))]));
    assert!(!holds(&[event(2, 3, Act::Delete(true)), event(4, 5, Act::Look(Some([1, 1])))]), "gone is gone");
    assert!(!holds(&[event(2, 5, Act::Delete(true)), event(3, 4, Act::Delete(true))]), "deleted twice");
    assert!(!holds(&[event(2, 3, Act::Look(None))]), "it is there");
    assert!(is_linearizable(&[
        event(0, 5, Act::Create([1, 1])),
        event(1, 2, Act::Look(Some([1, 1]))),
        event(3, 4, Act::Look(Some([1, 1])))
    ]));
    assert!(
        !is_linearizable(&[event(0, 5, Act::Create([1, 1])), event(1, 2, Act::Look(Some([1, 1]))), event(3, 4, Act::Look(None))]),
        "there and not there again"
    );
}
