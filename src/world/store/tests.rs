use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::entity::TEXT_BYTES;
use super::share::TreeShare;
use super::*;
use crate::edm::schema::Slot;
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::write::InstanceType;

fn entity(key: &str, number: i64) -> Arc<StoredEntity> {
    let properties = Complex::with(Value::Integer(number));
    Arc::new(StoredEntity::new(key.into(), properties))
}

fn unlimited() -> Arc<Budget> {
    Arc::new(Budget::new(usize::MAX))
}

fn over(baseline: &Arc<Baseline>) -> Collection {
    Collection::over(SetId::at(0), baseline.clone(), share(), false)
}

fn empty() -> Collection {
    Collection::empty_root(SetId::at(0), share())
}

fn share() -> Arc<TreeShare> {
    Arc::new(TreeShare::new(unlimited()))
}

impl From<StoreFull> for () {
    fn from(_: StoreFull) {}
}

impl From<StoreFull> for &'static str {
    fn from(_: StoreFull) -> &'static str {
        "full"
    }
}

fn keys(collection: &Collection) -> String {
    collection.list().iter().map(|entity| entity.key.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn entities_are_in_the_order_of_insertion() {
    let collection = empty();
    for key in ["c", "a", "d", "b"] {
        collection.insert(entity(key, 0)).unwrap();
    }
    assert_eq!(collection.insert(entity("a", 1)), Err(InsertError::DuplicateKey));
    assert!(collection.update("c", |old| Ok::<_, ()>(Entity::new(old.key.clone(), old.properties.clone()))).is_some());
    assert!(collection.remove("a").is_some() && collection.remove("a").is_none());
    collection.insert(entity("a", 2)).unwrap();
    assert_eq!(keys(&collection), "c d b a");
    assert_eq!(collection.len(), 4);
    assert!(collection.get("A").is_none(), "keys are case-sensitive");
}

/// Returns the address of a collection of the built-in schema.
fn address(schema: &Schema, path: &str) -> CollectionAddress {
    let names: Vec<&str> = path.split('/').collect();
    let root: CollectionAddress = schema.set_named(names[0]).unwrap().into();
    names[1..].chunks(2).fold(root, |address, step| {
        let holder = schema.widest().structured(schema.set(address.set).target);
        address.within(schema, step[0], holder.navigation(step[1]).unwrap().set)
    })
}

#[test]
fn contained_collections_belong_to_their_entity_and_are_emptied_with_it() {
    let schema = crate::workloads::schema();
    let shifts = |team: &str| address(&schema, &format!("teams/{team}/schedule/schedule/shifts"));
    let store = Store::new(&schema, &unlimited());
    assert!(store.at(&shifts("a")).is_empty());
    store.to_change(&shifts("a"), 0).unwrap().insert(entity("1", 0)).unwrap();
    store.to_change(&shifts("ab"), 0).unwrap().insert(entity("1", 0)).unwrap();
    assert_eq!((keys(&store.at(&shifts("a"))), store.counts()[&shifts("a").set]), ("1".to_owned(), 2));
    let fork = Store::over(&store.baselines().unwrap());
    fork.to_change(&shifts("a"), 0).unwrap().insert(entity("2", 0)).unwrap();
    assert_eq!((keys(&fork.at(&shifts("a"))), keys(&store.at(&shifts("a")))), ("1 2".to_owned(), "1".to_owned()));
    for store in [fork, Store::over(&store.baselines().unwrap())] {
        let team: CollectionAddress = schema.set_named("teams").unwrap().into();
        store.empty_within(team.set, &team.address(&schema, "a"));
        assert!(store.at(&shifts("a")).is_empty(), "the baseline does not come back");
        assert_eq!(keys(&store.at(&shifts("ab"))), "1", "another key begins with the same letters");
        assert_eq!(store.entities().len(), 1);
    }
}

#[test]
fn addresses_are_those_of_context_urls() {
    let schema = crate::workloads::schema();
    let shifts = address(&schema, "teams/it's 19:x/schedule/schedule/shifts");
    assert_eq!(shifts.address(&schema, "SHFT_1"), "teams('it%27%27s%2019%3Ax')/schedule/shifts('SHFT_1')");
    assert_eq!(address(&schema, "teams/1/schedule").address(&schema, "any"), "teams('1')/schedule");
}

#[test]
fn a_refused_update_changes_nothing() {
    let collection = empty();
    let first = entity("a", 1);
    collection.insert(first.clone()).unwrap();
    assert!(matches!(collection.update("a", |_| Err("no")), Some(Err("no"))));
    assert!(Arc::ptr_eq(&collection.get("a").unwrap(), &first));
    assert!(collection.update("b", |_| Err("never called")).is_none());
}

#[test]
fn a_refused_removal_changes_nothing() {
    let budget = unlimited();
    let baseline = Arc::new(Baseline::new(vec![entity("a", 1), entity("b", 2)], &budget, 0));
    let collection = over(&baseline);
    count_up(&collection, "b");
    collection.insert(entity("c", 3)).unwrap();
    for key in ["a", "b", "c"] {
        let first = collection.get(key).unwrap();
        assert!(matches!(collection.remove_if(key, |_| Err("no")), Err("no")), "{key}");
        assert!(Arc::ptr_eq(&collection.get(key).unwrap(), &first), "{key}");
        let seen = collection.remove_if(key, |entity| if *entity == **first { Ok(()) } else { Err("another") });
        assert!(Arc::ptr_eq(&seen.unwrap().unwrap(), &first), "{key}");
        assert!(matches!(collection.remove_if(key, |_| Err("never called")), Ok(None)), "{key}");
    }
    assert!(collection.is_empty());
}

fn named(key: &str, name: &str) -> Arc<StoredEntity> {
    Arc::new(StoredEntity::new(key.into(), Complex::with(Value::String(name.into()))))
}

/// Renames an entity.
fn rename(collection: &Collection, key: &str, name: &str) {
    let renamed = |old: &Entity| Ok::<_, ()>(Entity::new(old.key.clone(), Complex::with(Value::String(name.into()))));
    collection.update(key, renamed).unwrap().unwrap();
}

#[test]
fn entities_are_found_by_a_text_whatever_has_changed_and_the_index_of_initial_ones_is_shared() {
    let (slot, budget) = (Slot::at(0), unlimited());
    let initial = (0..200).map(|number| named(&format!("k{number:03}"), &format!("Name{}", number / 2)));
    let baseline = Arc::new(Baseline::new(initial, &budget, 0));
    let (one, other) = (over(&baseline), over(&baseline));
    let found = |collection: &Collection, text: &str, steps: u64| {
        let found = collection.with_text(slot, text, &crate::odata::purse::Purse::of(steps, 0)).ok()?;
        Some(found.iter().map(|(_, entity)| entity.key.to_string()).collect::<Vec<_>>().join(" "))
    };
    rename(&one, "k002", "Early");
    assert_eq!(found(&one, "name7", 100), None, "indexing is paid");
    assert_eq!(budget.used(), baseline.entities().iter().map(|entity| entity.size() + BASELINE_BYTES).sum::<usize>());
    assert_eq!(found(&one, "name7", 10_000).unwrap(), "k014 k015");
    let indexed = budget.used();
    for collection in [&one, &other] {
        let first = if std::ptr::eq(collection, &raw const one) { "k003" } else { "k002 k003" };
        assert_eq!(found(collection, "NAME1", 10_000).unwrap(), first);
        collection.insert(named("new", "name1")).unwrap();
        rename(collection, "k003", "Other");
        collection.remove("k014").unwrap();
        assert_eq!(found(collection, "Name7", 0).unwrap(), "k015", "it is paid once");
        rename(collection, "k050", "name1");
        let others = if std::ptr::eq(collection, &raw const one) { "k050 new" } else { "k002 k050 new" };
        assert_eq!(found(collection, "name1", 0).unwrap(), others, "in their order");
        assert_eq!(found(collection, "other", 0).unwrap(), "k003");
        assert_eq!(found(collection, "none", 0).unwrap(), "");
    }
    assert_eq!(found(&one, "EARLY", 0).unwrap(), "k002");
    assert_eq!(budget.used(), indexed, "the second collection has no index of its own for initial entities");
    drop((one, other, baseline));
    assert_eq!(budget.used(), 0);
    // A few are compared.
    let small = empty();
    small.insert(named("a", "x")).unwrap();
    assert_eq!((found(&small, "X", 0).unwrap(), small.knows_values(slot)), ("a".to_owned(), false));
}

/// Runs two functions at the same time, started together.
fn at_once<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
    let barrier = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            barrier.wait();
            other()
        });
        barrier.wait();
        (one(), other.join().unwrap())
    })
}

/// Increments an entity, and yields to other threads under its lock.
fn count_up(collection: &Collection, key: &str) -> bool {
    let updated = collection.update(key, |old| {
        let Value::Integer(number) = *old.properties.get(Slot::at(0)) else { return Err(()) };
        std::thread::yield_now();
        let properties = Complex::with(Value::Integer(number + 1));
        Ok(Entity::new(key.into(), properties))
    });
    updated.is_some_and(|updated| updated.is_ok())
}

#[test]
fn updates_that_meet_lose_nothing_and_bring_nothing_back() {
    for round in 0..300 {
        let collection = if round % 2 == 0 { empty() } else { over(&Arc::new(Baseline::new([entity("a", 0)], &unlimited(), 0))) };
        let _ = collection.insert(entity("a", 0));
        let many = || (0..5).all(|_| count_up(&collection, "a"));
        assert_eq!(at_once(many, many), (true, true));
        assert_eq!(collection.get("a").unwrap().properties.get(Slot::at(0)), &Value::Integer(10), "round {round}");

        let (_, removed) = at_once(|| count_up(&collection, "a"), || collection.remove("a"));
        assert!(removed.is_some() && collection.get("a").is_none() && collection.is_empty(), "round {round}");
        assert!(collection.list().is_empty(), "round {round}");

        for _ in 0..10 {
            collection.insert(entity("a", 0)).unwrap();
            let removed = at_once(|| collection.remove("a").is_some(), || collection.remove("a").is_some());
            assert!(removed.0 ^ removed.1, "round {round}: it is removed once");
        }

        let inserted = at_once(|| collection.insert(entity("a", 1)), || collection.insert(entity("a", 2)));
        assert!(inserted.0.is_ok() ^ inserted.1.is_ok(), "round {round}: it is inserted once");
        assert_eq!((collection.len(), collection.list().len()), (1, 1), "round {round}");
    }
}

#[test]
fn a_write_beyond_the_limit_stores_nothing() {
    let schema = crate::workloads::schema();
    let set = schema.keyed_root_sets().next().unwrap();
    let long = |key: &str, length: usize| {
        let properties = Complex::with(Value::String("x".repeat(length).into()));
        Entity::new(key.into(), properties)
    };
    let budget = Arc::new(Budget::new(100_000));
    let store = Store::new(&schema, &budget);
    let collection = store.collection(set);
    let full = StoreFull::of_all(100_000);
    assert_eq!(collection.insert(Arc::new(long("a", 50_000).into())), Err(InsertError::Full(full)), "its text counts, too");
    assert_eq!((budget.used(), collection.len()), (0, 0));
    collection.insert(Arc::new(long("a", 20_000).into())).unwrap();
    let held = budget.used();
    assert!(held > 40_000);
    let grown = collection.update("a", |_| Ok::<_, StoreFull>(long("a", 60_000)));
    assert!(matches!(grown, Some(Err(error)) if error == full));
    assert_eq!((budget.used(), collection.get("a").unwrap().size()), (held, held - RECORD_BYTES));
    assert!(matches!(collection.update("a", |_| Ok::<_, StoreFull>(long("a", 25_000))), Some(Ok(_))), "the old one makes room");
    assert!(matches!(collection.update("a", |_| Ok::<_, StoreFull>(long("a", 10))), Some(Ok(_))));
    assert!(budget.used() < 4_000, "{}", budget.used());
    // A deletion of an entity that others share takes room, beyond the limit, and one of a store's own entity gives some back.
    let fork = Store::over(&store.baselines().unwrap());
    let taken = budget.take(100_000 - budget.used()).unwrap();
    assert!(matches!(fork.collection(set).update("a", |_| Ok::<_, StoreFull>(long("a", 10))), Some(Err(_))));
    assert_eq!((fork.collection(set).len(), budget.used()), (1, 100_000));
    assert!(fork.collection(set).remove("a").is_some());
    assert_eq!((fork.collection(set).len(), budget.used()), (0, 100_000 + RECORD_BYTES));
    assert_eq!(fork.collection(set).insert(Arc::new(long("b", 10).into())), Err(InsertError::Full(full)));
    drop((taken, fork));
    let fork = Store::over(&store.baselines().unwrap());
    assert!(fork.collection(set).remove("a").is_some() && collection.remove("a").is_some());
    drop(fork);
    assert_eq!(budget.used(), 0, "forks and deletions give back all");
}

#[test]
fn a_text_that_was_not_counted_is_not_cached() {
    let stored = StoredEntity::from(Entity::new("a".into(), Complex::default()));
    assert!(stored.size() > TEXT_BYTES);
    let schema = crate::workloads::schema();
    let shipped = crate::world::fixture::shipped(&schema, &crate::policy::behavior::Behaviors::default()).unwrap();
    let world = crate::world::World::new(crate::world::settings::Settings { entities: shipped, ..crate::workloads::settings() });
    let model = world.schema.widest();
    for (address, entity) in world.store.entities().into_iter().filter(|(_, entity)| entity.linked().is_none()) {
        let (_, structured) = world.schema.entity_type(model, address.set).unwrap();
        let holder = crate::odata::write::Holder::collection("teams('3d88b7a2-f988-4f4b-bb34-d66df66af126')/schedule/shifts");
        for level in [crate::odata::format::Level::Full, crate::odata::format::Level::Minimal] {
            let representation = crate::odata::write::Representation::of(
                model,
                &world.behaviors,
                Some(level),
                true,
                crate::edm::primitive::LongNumbers::Numbers,
            );
            let mut out = Vec::new();
            crate::odata::write::write_cached(
                &representation,
                InstanceType { declared: structured, actual: structured },
                holder,
                &entity.with_text(),
                None,
                &mut out,
            );
            assert!(out.len() > 100);
        }
        // A text with annotations may be too long, and leaves the cache to others.
        assert!(entity.text.length().is_some(), "an ordinary text of an entity of {} bytes is cached", entity.size());
    }
    let (address, _) = world.store.entities()[0].clone();
    let (_, structured) = world.schema.entity_type(model, address.set).unwrap();
    let mut properties = Complex::default();
    for property in &structured.properties {
        properties.set(property.slot, Value::String("\u{1}".repeat(2_000).into()));
    }
    let entity = StoredEntity::new("q".into(), properties);
    let representation = crate::odata::write::Representation::for_state(model);
    let mut texts = [Vec::new(), Vec::new()];
    for text in &mut texts {
        crate::odata::write::write_cached(
            &representation,
            InstanceType { declared: structured, actual: structured },
            crate::odata::write::Holder::collection(""),
            &entity.with_text(),
            None,
            text,
        );
    }
    assert!(entity.text.length().is_none() && texts[0].len() > entity.size() && texts[0] == texts[1]);
}

#[test]
fn forks_share_entities_until_the_original_changes() {
    let schema = crate::workloads::schema();
    let set = schema.keyed_root_sets().next().unwrap();
    let budget = unlimited();
    let store = Store::new(&schema, &budget);
    for number in 0..1_000 {
        store.collection(set).insert(entity(&number.to_string(), number)).unwrap();
    }
    let shared = |one: &Baselines, other: &Baselines| {
        let of = |baselines: &Baselines| baselines.trees[store.rank(set).unwrap()].clone().unwrap();
        Arc::ptr_eq(&of(one), &of(other))
    };
    let first = store.baselines().unwrap();
    let held = budget.used();
    let second = store.baselines().unwrap();
    assert!(shared(&first, &second) && budget.used() == held, "another fork costs nothing");
    let fork = Store::over(&second);
    assert!(shared(&first, &fork.baselines().unwrap()), "nor does a fork of an unchanged fork");
    let refused = store.collection(set).update("1", |_| Err::<Entity, _>(()));
    assert!(matches!(refused, Some(Err(()))) && shared(&first, &store.baselines().unwrap()));
    let changes: [fn(&Collection); 3] = [
        |collection| assert!(count_up(collection, "5")),
        |collection| collection.insert(entity("new", 0)).unwrap(),
        |collection| drop(collection.remove("7").unwrap()),
    ];
    for change in changes {
        let before = store.baselines().unwrap();
        change(&store.collection(set));
        let after = store.baselines().unwrap();
        assert!(!shared(&before, &after));
        let contents = |store: &Store| -> Vec<(String, Complex)> {
            store.entities().iter().map(|(_, entity)| (entity.key.to_string(), entity.properties.clone())).collect()
        };
        assert!(contents(&Store::over(&after)) == contents(&store));
    }
    drop((first, second, fork));
    assert_eq!(keys(&store.collection(set)).split(' ').count(), 1_000);
}

#[test]
fn a_fork_has_every_write_that_came_before() {
    let schema = crate::workloads::schema();
    let set = schema.keyed_root_sets().next().unwrap();
    for _ in 0..50 {
        let store = Store::new(&schema, &unlimited());
        store.collection(set).insert(entity("a", 0)).unwrap();
        let written = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=200 {
                    assert!(count_up(&store.collection(set), "a"));
                    written.store(number, Ordering::Release);
                }
            });
            while written.load(Ordering::Acquire) < 200 {
                let before = written.load(Ordering::Acquire);
                let fork = Store::over(&store.baselines().unwrap());
                let Value::Integer(seen) = *fork.collection(set).get("a").unwrap().properties.get(Slot::at(0)) else { panic!() };
                assert!(usize::try_from(seen).unwrap() >= before, "{seen} after {before}");
            }
        });
    }
}

/// An operation on a collection.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Insert(u8),
    Update(u8),
    Refuse(u8),
    Remove(u8),
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn a_collection_over_a_baseline_behaves_like_a_filled_one(
        initial in proptest::collection::hash_set(0..8_u8, 0..8),
        operations in proptest::collection::vec((0..4_u8, 0..10_u8), 0..30),
    ) {
        let keys: Vec<String> = initial.iter().map(u8::to_string).collect();
        let seeds: Vec<Arc<StoredEntity>> = keys.iter().map(|key| entity(key, 0)).collect();
        let baseline = Arc::new(Baseline::new(seeds.clone(), &unlimited(), 0));
        let (over, filled) = (over(&baseline), empty());
        for seed in seeds {
            filled.insert(seed).unwrap();
        }
        for (number, (kind, key)) in operations.into_iter().enumerate() {
            let operation = match kind { 0 => Operation::Insert(key), 1 => Operation::Update(key), 2 => Operation::Refuse(key), _ => Operation::Remove(key) };
            let number = i64::try_from(number).unwrap() + 1;
            let outcome = |collection: &Collection| match operation {
                Operation::Insert(key) => collection.insert(entity(&key.to_string(), number)).is_ok(),
                Operation::Update(key) => collection.update(&key.to_string(), |old| Ok::<_, ()>(Entity::new(old.key.clone(), entity("", number).properties.clone()))).is_some(),
                Operation::Refuse(key) => collection.update(&key.to_string(), |_| Err(())).is_some(),
                Operation::Remove(key) => collection.remove(&key.to_string()).is_some(),
            };
            prop_assert_eq!(outcome(&over), outcome(&filled), "{:?}", operation);
            let contents = |collection: &Collection| -> Vec<(String, Complex)> {
                collection.list().iter().map(|entity| (entity.key.to_string(), entity.properties.clone())).collect()
            };
            prop_assert_eq!(contents(&over), contents(&filled));
            prop_assert_eq!(over.len(), filled.len());
            for behind in [None, Some(0), Some(2), Some(7), Some(u64::MAX)] {
                let all = over.page(None, 0, usize::MAX);
                let expected: Vec<u64> = all.iter().map(|(number, _)| *number).filter(|number| behind.is_none_or(|behind| *number > behind)).skip(1).take(2).collect();
                prop_assert_eq!(over.page(behind, 1, 2).iter().map(|(number, _)| *number).collect::<Vec<_>>(), expected);
            }
            for key in 0..10_u8 {
                let key = key.to_string();
                prop_assert_eq!(over.get(&key).map(|entity| entity.properties.clone()), filled.get(&key).map(|entity| entity.properties.clone()));
                prop_assert_eq!(over.with_entity(&key, |_| ()).is_some(), filled.get(&key).is_some());
            }
        }
        prop_assert!(baseline.entities().iter().all(|entity| *entity.properties.get(Slot::at(0)) == Value::Integer(0)));
    }
}
