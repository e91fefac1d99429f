//! Stores: no acknowledged change is lost, in the store and in what is copied from it, and all bytes are given back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::support::{Full, LARGER, SCHEMA, any, entity, in_many_interleavings, on_threads, plain, set, version};
use crate::world::budget::Budget;
use crate::world::store::{Baselines, Changed, CollectionAddress, InsertError, Store};

/// The states of each key from the beginning: a version, or nothing. A thread writes to its own keys alone.
#[derive(Default)]
struct Histories(Mutex<BTreeMap<String, History>>);

#[derive(Clone, Default)]
struct History {
    states: Vec<Option<usize>>,
    /// The number of states that were acknowledged.
    acknowledged: usize,
}

impl Histories {
    fn of(keys: &[(&str, bool)]) -> Histories {
        let history = |is_initial: &bool| History { states: vec![is_initial.then_some(0)], acknowledged: 1 };
        Histories(Mutex::new(keys.iter().map(|(key, is_initial)| ((*key).to_owned(), history(is_initial))).collect()))
    }

    fn all(&self) -> BTreeMap<String, History> {
        self.0.lock().unwrap().clone()
    }

    /// Makes a change to a key of the store: one that its state admits.
    fn change(&self, store: &Store, address: &CollectionAddress, key: &str) {
        let (state, count) = {
            let histories = self.0.lock().unwrap();
            (*histories[key].states.last().unwrap(), histories[key].states.len())
        };
        let next = if state.is_some() && any(2) == 0 { None } else { Some(count) };
        self.0.lock().unwrap().get_mut(key).unwrap().states.push(next);
        let Ok(collection) = store.to_change(address, 0) else { return self.refused(key) };
        let is_done = match (state, next) {
            (None, Some(next)) => match collection.insert(entity(key, next)) {
                Ok(()) => true,
                Err(InsertError::Full(_)) => false,
                Err(InsertError::DuplicateKey) => panic!("{key} is not there"),
            },
            (Some(before), Some(next)) => match collection.update(key, |_| Ok::<_, Full>(plain(key, next))).expect("it is there")
            {
                Ok(update) => version(&update.before) == before,
                Err(Full) => false,
            },
            _ => collection.remove(key).is_some(),
        };
        if !is_done {
            return self.refused(key);
        }
        assert_eq!(collection.get(key).map(|entity| version(&entity)), next, "{key} is as its only writer left it");
        let mut histories = self.0.lock().unwrap();
        let history = histories.get_mut(key).unwrap();
        history.acknowledged = history.states.len();
    }

    /// Takes back the last change, which the store has refused.
    fn refused(&self, key: &str) {
        self.0.lock().unwrap().get_mut(key).unwrap().states.pop();
    }

    /// Checks that a copy, which was begun at `before` and ended now, has a state of each key in between.
    fn check(&self, copy: &Store, address: &CollectionAddress, before: &BTreeMap<String, History>) {
        let collection = copy.at(address);
        let found: BTreeMap<&String, _> =
            before.keys().map(|key| (key, collection.get(key).map(|entity| version(&entity)))).collect();
        let now = self.all();
        for (key, found) in found {
            let possible = &now[key].states[before[key].acknowledged - 1..];
            assert!(possible.contains(&found), "{key}: {found:?}, not one of {possible:?}");
        }
        let listed: Vec<String> = collection.list().iter().map(|entity| entity.key.to_string()).collect();
        let unique: std::collections::BTreeSet<&String> = listed.iter().collect();
        assert_eq!(listed.len(), unique.len(), "each is listed once");
    }
}

const KEYS: [(&str, bool); 6] = [("a", true), ("b", true), ("c", false), ("d", true), ("e", false), ("f", false)];

fn baselines(budget: &Arc<Budget>) -> Baselines {
    let address = CollectionAddress::from(set("users"));
    let initial: Vec<_> =
        KEYS.iter().filter(|(_, is_initial)| *is_initial).map(|(key, _)| (address.clone(), entity(key, 0))).collect();
    Baselines::of(&SCHEMA, &initial, budget)
}

/// Lets two writers work beside a third thread, then checks the store, and that nothing is held at its end. There is room for some more
/// entities than the initial ones.
fn beside_writers(room: usize, other: impl Fn(&Arc<Store>, &Histories, &Arc<Budget>) + Copy + Send + Sync + 'static) {
    in_many_interleavings(move || {
        let ample = Arc::new(Budget::new(usize::MAX));
        let initial = baselines(&ample);
        let budget = Arc::new(Budget::new(ample.used() + room * entity("a", 0).size()));
        drop(initial);
        let store = Arc::new(Store::over(&baselines(&budget)));
        let histories = Arc::new(Histories::of(&KEYS));
        let users = CollectionAddress::from(set("users"));
        on_threads(3, {
            let (store, histories, users, budget) = (store.clone(), histories.clone(), users.clone(), budget.clone());
            move |thread| match thread {
                2 => other(&store, &histories, &budget),
                writer => (0..5).for_each(|_| histories.change(&store, &users, KEYS[3 * writer + any(3)].0)),
            }
        });
        histories.check(&store, &users, &histories.all());
        let collection = store.at(&users);
        let present = histories.all().values().filter(|history| history.states.last().unwrap().is_some()).count();
        assert_eq!((collection.len(), collection.list().len()), (present, present));
        drop(collection);
        drop(store);
        assert_eq!(budget.used(), 0, "all bytes are given back");
    });
}

#[test]
fn a_copy_has_what_was_acknowledged_before_it() {
    beside_writers(100, |store, histories, _| {
        for _ in 0..3 {
            let before = histories.all();
            let copy = Store::over(&store.baselines().unwrap());
            histories.check(&copy, &set("users").into(), &before);
        }
    });
}

#[test]
fn a_list_has_each_entity_once() {
    beside_writers(100, |store, histories, _| {
        for _ in 0..3 {
            let before = histories.all();
            let listed = store.collection(set("users")).list();
            let now = histories.all();
            for (key, history) in &now {
                let found: Vec<usize> =
                    listed.iter().filter(|entity| *entity.key == **key).map(|entity| version(entity)).collect();
                let possible = &history.states[before[key].acknowledged - 1..];
                assert!(
                    found.len() <= 1 && possible.contains(&found.first().copied()),
                    "{key}: {found:?}, not one of {possible:?}"
                );
            }
        }
    });
}

#[test]
fn what_replaces_other_collections_has_all_changes() {
    beside_writers(100, |store, histories, budget| {
        let before = histories.all();
        let imported = [(set("teams").into(), entity("t", 0))];
        let replaced = store.replaced(&Baselines::of(&SCHEMA, &imported, budget), &[set("teams")]);
        histories.check(&replaced, &set("users").into(), &before);
        assert!(replaced.collection(set("teams")).get("t").is_some());
        // The collection is the same one, so later changes are in both.
        assert!(std::ptr::eq(&*store.collection(set("users")), &*replaced.collection(set("users"))));
    });
}

#[test]
fn an_import_beside_the_first_use_of_a_larger_schema_loses_nothing() {
    in_many_interleavings(|| {
        let budget = Arc::new(Budget::new(1 << 20));
        let current = Arc::new(Mutex::new(Arc::new(Store::over(&baselines(&budget)))));
        let drives = LARGER.set_named("drives").unwrap();
        on_threads(3, {
            let (current, budget) = (current.clone(), budget.clone());
            // A request or an import works on the store that is current when it begins.
            let begin = move |current: &Mutex<Arc<Store>>| current.lock().unwrap().clone();
            move |thread| match thread {
                0 => {
                    let store = begin(&current);
                    let imported = [(set("teams").into(), entity("t", 0))];
                    let replaced = store.replaced(&Baselines::of(&SCHEMA, &imported, &budget), &[set("teams")]);
                    *current.lock().unwrap() = Arc::new(replaced);
                }
                thread => {
                    let key = thread.to_string();
                    begin(&current).widened(&LARGER).collection(drives).insert(entity(&key, 1)).unwrap();
                    let now = begin(&current);
                    assert!(!now.is_unchanged(), "a changed world would give way");
                    let seen = now.as_widened().map(|store| store.collection(drives).get(&key).is_some());
                    assert_eq!(seen, Some(true), "an acknowledged change is lost");
                }
            }
        });
        let last = current.lock().unwrap().clone();
        let kept: Vec<bool> = ["1", "2"].map(|key| last.widened(&LARGER).collection(drives).get(key).is_some()).into();
        assert_eq!(kept, [true, true], "an acknowledged change is lost");
        drop((last, current));
        assert_eq!(budget.used(), 0, "all bytes are given back");
    });
}

#[test]
fn a_full_store_refuses_and_stays_within_its_limit() {
    beside_writers(2, |store, _, budget| {
        // An entity may lose its last other holder while it is replaced, so that each writer may exceed the limit by one.
        let most = budget.limit() + 2 * entity("a", 0).size();
        for _ in 0..5 {
            let _ = store.baselines();
            assert!(budget.used() <= most, "{} of {}", budget.used(), budget.limit());
        }
    });
}

#[test]
fn changes_are_found_after_a_position() {
    beside_writers(100, |store, histories, _| {
        let collection = store.collection(set("users"));
        let mut known: BTreeMap<String, Option<usize>> = BTreeMap::new();
        let before = histories.all();
        let mut position = collection.change_position(|| 7);
        for entity in collection.list() {
            known.insert(entity.key.to_string(), Some(version(&entity)));
        }
        let mut before = before;
        for _ in 0..4 {
            for (number, changed) in collection.changes_after(position, usize::MAX).expect("the position is known") {
                let Changed::Entity(key) = changed else { panic!("no links are written") };
                known.insert(key.to_string(), collection.get(&key).map(|entity| version(&entity)));
                position.number = number;
            }
            let now = histories.all();
            for (key, history) in &now {
                let found = known.get(key).copied().flatten();
                let possible = &history.states[before[key].acknowledged - 1..];
                assert!(possible.contains(&found), "{key}: {found:?}, not one of {possible:?}");
            }
            before = now;
        }
    });
}

#[test]
fn what_a_deleted_entity_contained_is_given_back() {
    in_many_interleavings(|| {
        let budget = Arc::new(Budget::new(1 << 20));
        let teams = CollectionAddress::from(set("teams"));
        let members = teams.within(
            &SCHEMA,
            "t",
            SCHEMA.widest().structured(SCHEMA.set(teams.set).target).navigation("members").unwrap().set,
        );
        let initial = [(teams.clone(), entity("t", 0)), (members.clone(), entity("a", 0))];
        let store = Arc::new(Store::over(&Baselines::of(&SCHEMA, &initial, &budget)));
        on_threads(3, {
            let (store, teams, members) = (store.clone(), teams.clone(), members.clone());
            move |thread| match thread {
                0 => {
                    assert!(store.at(&teams).remove("t").is_some());
                    store.empty_within(set("teams"), members.holder.as_deref().unwrap());
                    assert!(store.at(&members).get("a").is_none(), "an empty collection hides the initial one");
                }
                1 => {
                    let _ = store.to_change(&members, 0).unwrap().insert(entity("b", 1));
                    let _ = store.to_change(&members, 0).unwrap().remove("a");
                }
                _ => drop(Store::over(&store.baselines().unwrap())),
            }
        });
        drop(store);
        assert_eq!(budget.used(), 0);
    });
}
