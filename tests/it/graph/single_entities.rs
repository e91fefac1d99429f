//! Single entities, from their own addresses and from the entities that lead to them.

use http::Method;
use serde_json::Value;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::workloads;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::settings::Settings;

use crate::support::harness;

fn get(world: &World, path: &str) -> (u16, Value) {
    let (status, body) = harness::json(world, Method::GET, path, None);
    (status.as_u16(), body)
}

/// Returns an entity without control information.
fn plain(mut entity: Value) -> Value {
    if let Value::Object(members) = &mut entity {
        members.retain(|name, _| !name.contains('@'));
    }
    entity
}

#[test]
fn an_expansion_shows_the_single_entity_that_its_own_address_shows() {
    let schema = workloads::schema_with_rest().whole().unwrap().clone();
    let world = World::new(Settings { schema, ..harness::settings(Behaviors::default()) });
    let model = world.schema.widest();
    let mut holders: Vec<(String, &_)> = Vec::new();
    for root in model.roots() {
        let structured = model.structured(root.target);
        if root.is_singleton {
            holders.push((root.name.to_string(), structured));
        } else if let Some((_, entity)) = world.store.collection(root.set).page(None, 0, 1).first() {
            let own = entity.properties.own_type.map_or(structured, |own| model.structured(own));
            holders.push((format!("{}('{}')", root.name, entity.key), own));
        }
    }
    let (mut shown, mut absent, mut refused) = (0, 0, 0);
    while let Some((path, structured)) = holders.pop() {
        for navigation in structured.navigations.iter().filter(|navigation| !navigation.is_collection) {
            let name = &navigation.name;
            let (status, own) = get(&world, &format!("/v1.0/{path}/{name}"));
            let (expanded, whole) = get(&world, &format!("/v1.0/{path}?$expand={name}"));
            match (status, expanded) {
                (200, 200) => {
                    shown += 1;
                    assert_eq!(plain(whole[&**name].clone()), plain(own), "{path}/{name}");
                    // Below it, too.
                    if path.matches('/').count() < 2 && navigation.contains_target {
                        holders.push((format!("{path}/{name}"), model.structured(navigation.target)));
                    }
                }
                (404, 200) => {
                    absent += 1;
                    assert!(whole.get(&**name).is_none(), "{path}/{name}: {whole}");
                }
                // Some are not expanded, or not read by their own address.
                (_, 400 | 404) | (400..=405, _) => refused += 1,
                other => panic!("{path}/{name}: {other:?}"),
            }
        }
    }
    assert!(shown > 60 && absent > 20, "{shown} {absent} {refused}");
}
