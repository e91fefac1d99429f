use http::HeaderValue;

use super::*;
use crate::edm::value::{Complex, Value};
use crate::entra::caller;
use crate::world::clock::Clock;
use crate::world::fixture;
use crate::world::name::HEADER;

fn settings() -> Settings {
    let settings = Settings { seed: 1, clock: Clock::Fixed(std::time::UNIX_EPOCH), ..crate::workloads::settings() };
    let entities = fixture::shipped(&settings.schema, &settings.behaviors).unwrap();
    Settings { entities, ..settings }
}

fn worlds(limits: WorldLimits) -> Worlds {
    let settings = settings();
    let one = vec![settings.entities[0].clone()];
    Worlds::new(Plan { settings, fixtures: [("one".to_owned(), one), ("none".to_owned(), Vec::new())].into() }, limits)
}

fn from(fixture: &str) -> WorldOrigin {
    WorldOrigin { fixture: Some(fixture.into()), seed: None }
}

fn keys(world: &World) -> Vec<String> {
    let set = world.schema.keyed_root_sets().next().unwrap();
    world.store.collection(set).list().iter().map(|entity| entity.key.to_string()).collect()
}

fn remove_first(world: &World) {
    let set = world.schema.keyed_root_sets().next().unwrap();
    assert!(world.store.collection(set).remove(&keys(world)[0]).is_some());
}

#[test]
fn the_path_names_the_world_before_the_header_and_the_header_before_the_token() {
    let by_token = worlds(WorldLimits { by_token: true, ..WorldLimits::default() });
    let mut headers = HeaderMap::new();
    // {"tid":"from-token"}
    headers.insert("authorization", HeaderValue::from_static("Bearer e30.eyJ0aWQiOiJmcm9tLXRva2VuIn0.x"));
    let chosen = |worlds: &Worlds, path: &str, headers: &HeaderMap| {
        let world = worlds.choose(path, headers, || caller::tenant_id(headers)).unwrap();
        worlds.list().iter().find(|info| Arc::ptr_eq(&info.world, &world)).unwrap().name.to_string()
    };
    assert_eq!(chosen(&by_token, "/v1.0/x", &headers), "from-token");
    assert_eq!(chosen(&worlds(WorldLimits::default()), "/v1.0/x", &headers), DEFAULT);
    headers.insert(HEADER, HeaderValue::from_static("from-header"));
    assert_eq!(chosen(&by_token, "/v1.0/x", &headers), "from-header");
    assert_eq!(chosen(&by_token, "/_tenant/from-path/v1.0/x", &headers), "from-path");
    assert_eq!(chosen(&by_token, "/_tenant/default/v1.0/x", &headers), DEFAULT);
    assert_eq!(chosen(&by_token, "/_tenants/a/v1.0/x", &HeaderMap::new()), DEFAULT);
    for (path, header) in [
        ("/_tenant//v1.0", None),
        ("/_tenant/a%2fb/v1.0", None),
        ("/v1.0", Some("a b")),
        ("/v1.0", Some("")),
        ("/_tenant/..", None),
    ] {
        let headers = header.map(|name| (HEADER.parse().unwrap(), HeaderValue::from_static(name))).into_iter().collect();
        assert!(matches!(by_token.choose(path, &headers, || None), Err(WorldError::Name(_))), "{path} {header:?}");
    }
}

#[test]
fn worlds_share_their_initial_entities_and_nothing_else() {
    let worlds = worlds(WorldLimits::default());
    let (one, other) = (worlds.world("a").unwrap(), worlds.world("b").unwrap());
    let all = keys(&worlds.default_world());
    remove_first(&one);
    assert_eq!(keys(&one), all[1..]);
    assert_eq!((keys(&other), keys(&worlds.default_world())), (all.clone(), all.clone()));
    let set = one.schema.keyed_root_sets().next().unwrap();
    let same =
        |key: &str| Arc::ptr_eq(&one.store.collection(set).get(key).unwrap(), &other.store.collection(set).get(key).unwrap());
    assert!(all[1..].iter().all(|key| same(key)));
    assert_ne!(one.next_entity_id(), other.next_entity_id());
    assert!(Arc::ptr_eq(&worlds.world("a").unwrap(), &one));
}

#[test]
fn ids_of_a_world_do_not_depend_on_other_worlds() {
    let (first, second) = (worlds(WorldLimits::default()), worlds(WorldLimits::default()));
    second.world("other").unwrap();
    assert_eq!(first.world("a").unwrap().next_entity_id(), second.world("a").unwrap().next_entity_id());
    assert_eq!(first.default_world().next_entity_id(), World::new(settings()).next_entity_id());
}

#[test]
fn worlds_are_created_from_fixtures_reset_forked_and_dropped() {
    let worlds = worlds(WorldLimits::default());
    let one = worlds.create("a", &from("one")).unwrap();
    assert_eq!(keys(&one).len(), 1);
    assert_eq!(worlds.create("a", &WorldOrigin::default()).unwrap_err(), WorldError::Taken("a".to_owned()));
    assert_eq!(worlds.create("b", &from("two")).unwrap_err().to_string(), "unknown fixture 'two' (known: none, one)");
    remove_first(&one);
    let fork = worlds.fork("a", "c").unwrap();
    assert_eq!(keys(&fork).len(), 0);
    assert_eq!(keys(&worlds.reset("a").unwrap()).len(), 1);
    assert_eq!((keys(&worlds.world("c").unwrap()).len(), keys(&one).len()), (0, 0), "others keep what they had");
    worlds.drop_world("a").unwrap();
    assert_eq!(worlds.known("a").unwrap_err(), WorldError::Unknown("a".to_owned()));
    assert_eq!(worlds.drop_world(DEFAULT), Err(WorldError::Default));
    assert_eq!(keys(&worlds.world("a").unwrap()).len(), keys(&worlds.default_world()).len(), "a new one begins as others do");
    remove_first(&worlds.default_world());
    let reset = worlds.reset(DEFAULT).unwrap();
    assert_eq!(reset.store.entities().len(), settings().entities.len());
    assert_eq!(reset.next_entity_id(), World::new(settings()).next_entity_id(), "a reset starts the ids again");
    let names: Vec<String> = worlds.list().iter().map(|info| info.name.to_string()).collect();
    assert_eq!(names, ["default", "a", "c"]);
}

#[test]
fn a_reset_returns_a_fork_to_its_initial_state() {
    let worlds = worlds(WorldLimits::default());
    let original = worlds.create("a", &WorldOrigin::default()).unwrap();
    remove_first(&original);
    let fork = worlds.fork("a", "b").unwrap();
    let (initial_keys, first_id) = (keys(&fork), fork.next_entity_id());
    remove_first(&fork);
    remove_first(&original);
    let reset = worlds.reset("b").unwrap();
    assert_eq!((keys(&reset), reset.seed()), (initial_keys.clone(), original.seed()));
    assert_eq!(reset.next_entity_id(), first_id, "ids go on from where the fork was made");
    remove_first(&reset);
    assert_eq!(keys(&worlds.reset("b").unwrap()), initial_keys, "each time");
}

#[test]
fn a_change_replaces_the_world_and_keeps_its_entities() {
    let worlds = worlds(WorldLimits::default());
    let before = worlds.world("a").unwrap();
    let clock = before.clock.advanced(1_000);
    let changed = worlds.change("a", |world| Ok::<_, WorldError>(world.with_clock(clock))).unwrap();
    remove_first(&before);
    assert_eq!((changed.clock, keys(&changed)), (clock, keys(&before)));
    assert!(worlds.change("a", |_| Err(WorldError::TooMany(0))).is_err());
    assert!(Arc::ptr_eq(&worlds.world("a").unwrap(), &changed));
}

#[test]
fn a_change_that_meets_a_reset_does_not_bring_back_old_entities() {
    for name in [DEFAULT, "a"] {
        let worlds = worlds(WorldLimits::default());
        let count = keys(&worlds.world(name).unwrap()).len();
        remove_first(&worlds.world(name).unwrap());
        std::thread::scope(|scope| {
            let mut reset = None;
            let change = |world: &World| {
                reset = Some(scope.spawn(|| worlds.reset(name).unwrap()));
                // A reset that did not wait would be over by then.
                std::thread::sleep(Duration::from_millis(100));
                Ok::<_, WorldError>(world.with_clock(Clock::System))
            };
            worlds.change(name, change).unwrap();
            reset.unwrap().join().unwrap();
        });
        assert_eq!(keys(&worlds.world(name).unwrap()).len(), count, "{name}");
    }
}

#[test]
fn the_number_of_worlds_is_limited_and_idle_ones_are_dropped() {
    let worlds = worlds(WorldLimits { worlds: 2, ..WorldLimits::default() });
    for name in ["a", "b", "a"] {
        remove_first(&worlds.world(name).unwrap());
    }
    let refused = worlds.world("c").unwrap_err();
    assert_eq!(refused.to_string(), "world limit reached (2): drop worlds or raise the limit");
    let impatient = Worlds::new(
        Plan { settings: settings(), fixtures: BTreeMap::new() },
        WorldLimits { worlds: 2, idle: Duration::ZERO, by_token: false },
    );
    for name in ["a", "b", "c", "d"] {
        impatient.world(name).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(impatient.sweep(), 2 - (impatient.list().len() - 1));
    assert_eq!(impatient.list().len(), 1);
}

#[test]
fn a_world_that_is_forked_is_in_use() {
    let worlds = worlds(WorldLimits::default());
    for name in ["forked", "idle"] {
        worlds.world(name).unwrap();
    }
    std::thread::sleep(Duration::from_millis(5));
    worlds.fork("forked", "a").unwrap();
    let idle: BTreeMap<String, Duration> = worlds.list().into_iter().map(|info| (info.name.to_string(), info.idle)).collect();
    assert!(idle["forked"] < idle["idle"], "{idle:?}");
}

#[test]
fn worlds_that_nothing_has_changed_give_way_and_come_back_as_they_were() {
    let worlds = worlds(WorldLimits { worlds: 4, ..WorldLimits::default() });
    let names = || worlds.list()[1..].iter().map(|info| info.name.to_string()).collect::<Vec<_>>();
    remove_first(&worlds.world("changed").unwrap());
    worlds.create("explicit", &WorldOrigin::default()).unwrap();
    let held = worlds.world("held").unwrap();
    let first_id = worlds.world("seen").unwrap().next_request_id();
    worlds.world("new").unwrap();
    assert_eq!(names(), ["changed", "explicit", "held", "new"]);
    drop(held);
    let seen = worlds.world("seen").unwrap();
    assert_eq!((seen.next_request_id(), keys(&seen).len()), (first_id, keys(&worlds.default_world()).len()));
    drop(seen);
    // Fault rules, another clock, a used id, and a use: each keeps a world.
    let kept: [fn(&Worlds, &str); 3] = [
        |worlds, name| worlds.world(name).unwrap().faults.set(crate::world::fault::FaultRule::ready("bad-gateway").unwrap()),
        |worlds, name| drop(worlds.change(name, |world| Ok::<_, WorldError>(world.with_clock(Clock::System))).unwrap()),
        |worlds, name| _ = worlds.world(name).unwrap().next_entity_id(),
    ];
    for change in kept {
        for name in names().iter().filter(|name| !["changed", "explicit"].contains(&name.as_str())) {
            worlds.drop_world(name).unwrap();
        }
        worlds.world("a").unwrap();
        change(&worlds, "a");
        worlds.world("b").unwrap();
        worlds.world("c").unwrap();
        assert_eq!(names(), ["a", "c", "changed", "explicit"]);
    }
    worlds.reset("a").unwrap();
    worlds.world("d").unwrap();
    worlds.world("e").unwrap();
    assert_eq!(names(), ["changed", "d", "e", "explicit"], "a reset takes the changes back");
    worlds.reload(Plan { settings: settings(), fixtures: BTreeMap::new() }).unwrap();
    assert_eq!(worlds.world("f").unwrap_err(), WorldError::TooMany(4), "they would come back by another plan");
}

#[test]
fn a_flood_of_names_leaves_room_for_newcomers() {
    let worlds = worlds(WorldLimits { worlds: 64, ..WorldLimits::default() });
    for number in 0..63 {
        remove_first(&worlds.world(&format!("test-{number}")).unwrap());
    }
    for number in 0..1_000 {
        worlds.world(&format!("x{number}")).unwrap();
    }
    remove_first(&worlds.world("newcomer").unwrap());
    assert_eq!(worlds.world("x").unwrap_err(), WorldError::TooMany(64));
    assert_eq!(worlds.list().len(), 65);
}

#[test]
fn all_that_worlds_hold_is_counted_once_and_given_back() {
    let settings = settings();
    let budget = settings.stores.clone();
    let before = budget.used();
    let worlds = Worlds::new(Plan { settings, fixtures: BTreeMap::new() }, WorldLimits::default());
    let own = budget.used() - before;
    worlds.world("a").unwrap();
    let with_baselines = budget.used();
    for number in 0..100 {
        worlds.world(&number.to_string()).unwrap();
    }
    assert_eq!(budget.used(), with_baselines, "shared entities count once");
    assert!(with_baselines - before < 2 * own);
    remove_first(&worlds.world("0").unwrap());
    assert!(budget.used() > with_baselines, "a deletion is recorded");
    let original = worlds.world("1").unwrap();
    remove_first(&original);
    worlds.fork("1", "fork").unwrap();
    worlds.change("2", |world| Ok::<_, WorldError>(world.with_clock(Clock::System))).unwrap();
    worlds.reload(Plan { settings: Settings { entities: Vec::new(), ..self::settings() }, fixtures: BTreeMap::new() }).unwrap();
    worlds.reset("1").unwrap();
    for number in 0..100 {
        worlds.reset(&number.to_string()).unwrap();
    }
    drop(original);
    for name in ["a", "fork"] {
        worlds.drop_world(name).unwrap();
    }
    assert_eq!(budget.used(), before, "nothing is left of the old plan");
}

#[test]
fn a_fork_and_a_reload_without_room_are_refused_and_change_nothing() {
    let settings = settings();
    let set = settings.entities[0].0.clone();
    let budget = Arc::new(crate::world::budget::Budget::new(2_000_000));
    let with = |entities: Entities| Plan {
        settings: Settings { entities, stores: budget.clone(), ..settings.clone() },
        fixtures: BTreeMap::new(),
    };
    let worlds = Worlds::new(with(settings.entities.clone()), WorldLimits::default());
    let long = |length: usize| {
        let mut properties = settings.entities[0].1.properties.clone();
        properties.dynamic.push(crate::edm::value::Dynamic::new("x", "y".repeat(length)));
        Arc::new(crate::world::store::StoredEntity::new(length.to_string().into(), properties))
    };
    let all = keys(&worlds.default_world());
    let refused = worlds.reload(with(vec![(set.clone(), long(4_000_000))])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "store limit reached (2000000 bytes in all worlds): drop entities or worlds, or raise --store-bytes"
    );
    assert_eq!(keys(&worlds.default_world()), all);
    let fresh = budget.used();
    // An unchanged world shares its entities with a fork, which takes no room.
    remove_first(&worlds.default_world());
    let taken = budget.take(2_000_000 - budget.used()).unwrap();
    assert_eq!(worlds.fork(DEFAULT, "fork").unwrap_err(), WorldError::Full(refused));
    assert_eq!((budget.used(), worlds.list().len()), (2_000_000, 1));
    drop(taken);
    worlds.fork(DEFAULT, "fork").unwrap();
    worlds.drop_world("fork").unwrap();
    worlds.reload(with(settings.entities.clone())).unwrap();
    assert_eq!(budget.used(), fresh, "the old entities make room for the new ones");
}

#[test]
fn a_new_plan_is_used_by_worlds_created_after_it() {
    let worlds = worlds(WorldLimits::default());
    let old = worlds.world("old").unwrap();
    worlds.reload(Plan { settings: Settings { entities: Vec::new(), ..settings() }, fixtures: BTreeMap::new() }).unwrap();
    assert!(keys(&worlds.default_world()).is_empty() && keys(&worlds.world("new").unwrap()).is_empty());
    assert!(Arc::ptr_eq(&worlds.world("old").unwrap(), &old) && !keys(&old).is_empty());
    assert!(keys(&worlds.reset("old").unwrap()).is_empty());
}

#[test]
fn concurrent_requests_create_a_world_once() {
    for _ in 0..20 {
        let worlds = worlds(WorldLimits { worlds: 1, ..WorldLimits::default() });
        let created: Vec<Arc<World>> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| worlds.world("a").unwrap())).collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        assert!(created.iter().all(|world| Arc::ptr_eq(world, &created[0])));
    }
}

#[test]
fn a_world_over_many_entities_takes_as_long_as_one_over_few() {
    let settings = settings();
    let set = settings.entities[0].0.clone();
    let of = |number: i64| {
        Arc::new(crate::world::store::StoredEntity::new(number.to_string().into(), Complex::with(Value::Integer(number))))
    };
    let entities: Entities = (0..100_000).map(|number| (set.clone(), of(number))).collect();
    let worlds = Worlds::of(Settings { entities, ..settings });
    worlds.world("first").unwrap();
    let started = Instant::now();
    for number in 0..1_000 {
        worlds.world(&number.to_string()).unwrap();
    }
    // A copy of the entities would take a hundred times as long.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_world_that_ends_sends_nothing_though_a_request_holds_it() {
    let worlds = Worlds::of(crate::workloads::settings());
    let plan = || Plan { settings: crate::workloads::settings(), fixtures: BTreeMap::new() };
    let held = worlds.default_world();
    let changed = worlds.change(DEFAULT, |world| Ok::<_, WorldError>(world.with_behaviors(world.behaviors.clone()))).unwrap();
    assert!(held.outbox.world().is_some_and(|world| Arc::ptr_eq(&world, &changed)), "the world goes on");
    worlds.reset(DEFAULT).unwrap();
    assert!(changed.outbox.world().is_none());
    let held = worlds.default_world();
    assert!(held.outbox.world().is_some());
    worlds.reload(plan()).unwrap();
    assert!(held.outbox.world().is_none());
    let named = worlds.world("named").unwrap();
    assert!(named.outbox.world().is_some());
    worlds.drop_world("named").unwrap();
    assert!(named.outbox.world().is_none());
}

#[test]
fn labeled_worlds_have_names_of_their_own() {
    let worlds = worlds(WorldLimits::default());
    let create = |label: &str| worlds.create_labeled(label, |name| worlds.create(name, &WorldOrigin::default())).unwrap();
    assert_eq!(create("suite::a/b"), "suite--a-b-1");
    assert_eq!(create("suite::a-b"), "suite--a-b-2");
    // A client named a world so.
    worlds.world("suite--a-b-3").unwrap();
    assert_eq!(create("suite::a b"), "suite--a-b-4");
    assert_eq!(create("T\u{e4}tig"), "T-tig-5");
    assert_eq!(create("///"), "world-6");
    let long = create(&"\u{e4}x".repeat(100));
    assert!(long.len() <= 128 && long.ends_with("x-x-7"), "{long}");
}

#[test]
fn a_world_with_a_seed_is_the_same_under_each_name() {
    let worlds = worlds(WorldLimits::default());
    let seeded = WorldOrigin { seed: Some(7), ..WorldOrigin::default() };
    for name in ["a", "b"] {
        assert_eq!(worlds.create(name, &seeded).unwrap().seed(), 7);
        assert_eq!(worlds.reset(name).unwrap().seed(), 7);
    }
    assert_ne!(worlds.create("c", &WorldOrigin::default()).unwrap().seed(), 7);
}
