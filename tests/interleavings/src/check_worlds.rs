//! Worlds: one in use stays, a changed one does not give way, and no acknowledged change is lost to what derives a world from another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{SCHEMA, any, entity, in_many_interleavings, on_threads, set};
use crate::world::World;
use crate::world::clock::Clock;
use crate::world::settings::Settings;
use crate::world::store::{Baselines, CollectionAddress};
use crate::world::worlds::{Plan, WorldError, WorldLimits, Worlds};

fn settings() -> Settings {
    let entities = vec![(CollectionAddress::from(set("users")), entity("initial", 0))];
    Settings { seed: 1, is_reproducible: true, entities, ..Settings::new(SCHEMA.clone(), &[]) }
}

/// Lets threads work on worlds. At the end, nothing is held.
fn on_worlds(limits: WorldLimits, threads: usize, run: impl Fn(&Worlds, usize) + Copy + Send + Sync + 'static) {
    in_many_interleavings(move || {
        let settings = settings();
        let (stores, journals) = (settings.stores.clone(), settings.journals.clone());
        let worlds = Arc::new(Worlds::new(Plan { settings, fixtures: BTreeMap::new() }, limits));
        on_threads(threads, {
            let worlds = worlds.clone();
            move |thread| run(&worlds, thread)
        });
        drop(worlds);
        assert_eq!((stores.used(), journals.budget().used()), (0, 0), "all bytes are given back");
    });
}

fn add(world: &World, key: &str) {
    world.store.collection(set("users")).insert(entity(key, 1)).unwrap();
}

fn has(world: &World, key: &str) -> bool {
    world.store.collection(set("users")).get(key).is_some()
}

#[test]
fn a_changed_world_does_not_give_way() {
    on_worlds(WorldLimits { worlds: 2, ..WorldLimits::default() }, 3, |worlds, thread| {
        let mut added = Vec::new();
        for step in 0..3 {
            let name = if thread == 0 { "kept".to_owned() } else { format!("{thread}-{}", any(3)) };
            match worlds.world(&name) {
                Ok(world) if thread == 0 => {
                    add(&world, &step.to_string());
                    added.push(step.to_string());
                    drop(world);
                    let again = worlds.world(&name).expect("it is known");
                    assert!(added.iter().all(|key| has(&again, key)), "a change is lost");
                }
                Ok(world) => {
                    let known = worlds.known(&name).expect("it is in use");
                    assert!(Arc::ptr_eq(&known, &world));
                }
                // All others are in use or changed.
                Err(WorldError::TooMany(2)) => assert!(thread > 0 || added.is_empty(), "a changed world is lost"),
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn a_world_in_use_is_not_swept() {
    let limits = WorldLimits { idle: Duration::from_millis(1), ..WorldLimits::default() };
    on_worlds(limits, 3, |worlds, thread| {
        for step in 0..3 {
            if thread == 2 {
                worlds.sweep();
                continue;
            }
            let world = worlds.world("w").unwrap();
            let key = format!("{thread}-{step}");
            add(&world, &key);
            let known = worlds.known("w").expect("it is in use");
            assert!(Arc::ptr_eq(&known, &world) && has(&known, &key));
        }
    });
}

#[test]
fn a_derived_world_has_all_changes() {
    on_worlds(WorldLimits::default(), 4, |worlds, thread| match thread {
        0 | 1 => {
            let name = ["w", "default"][thread];
            for step in 0..4 {
                add(&worlds.world(name).unwrap(), &step.to_string());
                let world = worlds.world(name).unwrap();
                assert!((0..=step).all(|step| has(&world, &step.to_string())), "a change is lost");
            }
        }
        2 => {
            for name in ["w", "default"] {
                let _ = worlds.world(name).unwrap();
                let frozen = |world: &World| Ok::<_, WorldError>(world.with_clock(Clock::System.frozen()));
                worlds.change(name, frozen).unwrap();
                for _ in 0..3 {
                    assert!(!matches!(worlds.world(name).unwrap().clock, Clock::System), "a change is lost");
                }
            }
        }
        _ => {
            for name in ["w", "default"] {
                let _ = worlds.world(name).unwrap();
                let import = |world: &World| {
                    let imported = [(set("teams").into(), entity("t", 0))];
                    let baselines = Baselines::of(&SCHEMA, &imported, &world.stores);
                    Ok::<_, WorldError>(world.with_store(world.store.replaced(&baselines, &[set("teams")])))
                };
                worlds.change(name, import).unwrap();
                for _ in 0..3 {
                    let world = worlds.world(name).unwrap();
                    assert!(world.store.collection(set("teams")).get("t").is_some(), "a change is lost");
                }
            }
        }
    });
}

#[test]
fn a_fork_has_what_was_acknowledged_before_it() {
    on_worlds(WorldLimits::default(), 3, |worlds, thread| match thread {
        0 => {
            for step in 0..3 {
                add(&worlds.world("w").unwrap(), &step.to_string());
                let fork = worlds.fork("w", &format!("f{step}")).unwrap();
                assert!((0..=step).all(|step| has(&fork, &step.to_string())), "a change is lost");
                add(&fork, "own");
                assert!(!has(&worlds.reset(&format!("f{step}")).unwrap(), "own"));
            }
        }
        1 => (0..3).for_each(|step| add(&worlds.world("w").unwrap(), &format!("other-{step}"))),
        _ => {
            let _ = worlds.fork("default", "g").unwrap();
            worlds.drop_world("g").unwrap();
            assert!(matches!(worlds.known("g"), Err(WorldError::Unknown(_))));
        }
    });
}

#[test]
fn a_reset_after_a_reload_follows_the_new_plan() {
    on_worlds(WorldLimits::default(), 3, |worlds, thread| match thread {
        0 => {
            let entities = vec![(CollectionAddress::from(set("users")), entity("reloaded", 0))];
            worlds.reload(Plan { settings: Settings { entities, ..settings() }, fixtures: BTreeMap::new() }).unwrap();
            for name in ["default", "w"] {
                let _ = worlds.world(name).unwrap();
                assert!(has(&worlds.reset(name).unwrap(), "reloaded"));
            }
            assert!(has(&worlds.world("default").unwrap(), "reloaded"));
        }
        1 => (0..2).for_each(|_| drop(worlds.reset("default").unwrap())),
        _ => {
            let _ = worlds.world("w").unwrap();
            let _ = worlds.reset("w").unwrap();
        }
    });
}
