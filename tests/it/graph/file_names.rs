//! Names of files and folders: what becomes of them when they are in use, and when several clients give them at once.

use std::sync::Barrier;
use std::thread;

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Version};
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fixture;
use wfi_emulator::internals::world::settings::Settings;

use super::media::{ROOT, children, code, content_of, fragment, json_of, patch, put, send, session};
use crate::support::harness;

const WISH: &str = "@microsoft.graph.conflictBehavior";

fn item(world: &World, name: &str) -> Value {
    json_of(&send(world, Method::GET, &format!("{ROOT}:/{name}"), &[], b""))
}

fn id(world: &World, name: &str) -> String {
    let item = item(world, name);
    item["id"].as_str().unwrap_or_else(|| panic!("{name}: {item}")).to_owned()
}

fn sorted(world: &World, folder: &str) -> Vec<String> {
    let mut names = children(world, folder);
    names.sort();
    names
}

/// Returns the sorted statuses of changes of items that begin together.
fn patch_at_once(world: &World, changes: &[(String, Value)]) -> Vec<u16> {
    let barrier = Barrier::new(changes.len());
    let change = |(item, body): &(String, Value)| {
        barrier.wait();
        patch(world, &format!("/v1.0/me/drive/items/{item}"), body).status.as_u16()
    };
    let mut statuses: Vec<u16> = thread::scope(|scope| {
        let clients: Vec<_> = changes.iter().map(|one| scope.spawn(|| change(one))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    statuses
}

#[test]
fn an_upload_gets_the_name_that_it_wishes_though_another_file_came_between() {
    let world = harness::world(&[]);
    for (wish, outcome, names) in [
        ("fail", (StatusCode::CONFLICT, Value::Null), vec!["a.txt"]),
        ("rename", (StatusCode::CREATED, json!("a 1.txt")), vec!["a 1.txt", "a.txt"]),
        ("replace", (StatusCode::OK, json!("a.txt")), vec!["a.txt"]),
    ] {
        let item = json!({ "item": { "@microsoft.graph.conflictBehavior": wish } });
        let address = session(&world, &format!("{ROOT}:/{wish}/a.txt:/createUploadSession"), &item);
        assert_eq!(fragment(&world, &address, "bytes 0-2/6", b"abc").status, StatusCode::ACCEPTED);
        assert_eq!(put(&world, &format!("{wish}/a.txt"), b"old").status, StatusCode::CREATED);
        let last = fragment(&world, &address, "bytes 3-5/6", b"def");
        assert_eq!((last.status, json_of(&last)["name"].clone()), outcome, "{wish}");
        let mut found = children(&world, wish);
        found.sort();
        assert_eq!(found, names, "{wish}");
        let content = if wish == "replace" { b"abcdef".as_slice() } else { b"old" };
        assert_eq!(content_of(&world, &format!("{wish}/a.txt")), content, "{wish}");
    }
    // The end of two uploads at once.
    for round in 0..10 {
        for (wish, names) in [("fail", 1), ("rename", 6), ("replace", 1)] {
            let item = json!({ "item": { "@microsoft.graph.conflictBehavior": wish } });
            let target = format!("{ROOT}:/{round}/{wish}/a.txt:/createUploadSession");
            let sessions: Vec<String> = (0..6).map(|_| session(&world, &target, &item)).collect();
            let barrier = Barrier::new(sessions.len());
            let mut statuses: Vec<u16> = thread::scope(|scope| {
                let last = |address| {
                    barrier.wait();
                    fragment(&world, address, "bytes 0-0/1", b"x").status.as_u16()
                };
                let ends: Vec<_> = sessions.iter().map(|address| scope.spawn(move || last(address))).collect();
                ends.into_iter().map(|end| end.join().unwrap()).collect()
            });
            statuses.sort_unstable();
            let expected = match wish {
                "fail" => [201, 409, 409, 409, 409, 409],
                "rename" => [201; 6],
                _ => [200, 200, 200, 200, 200, 201],
            };
            assert_eq!(
                (statuses.as_slice(), children(&world, &format!("{round}/{wish}")).len()),
                (&expected[..], names),
                "{wish}"
            );
        }
    }
}

#[test]
fn items_that_change_their_name_or_folder_at_once_get_the_names_that_they_wish() {
    let world = harness::world(&[]);
    let names = |stem: &str| -> Vec<String> {
        (0..6).map(|number| if number == 0 { format!("{stem}.txt") } else { format!("{stem} {number}.txt") }).collect()
    };
    for round in 0..5 {
        for wish in ["fail", "rename", "replace"] {
            let folder = format!("{round}/{wish}");
            for number in 0..6 {
                put(&world, &format!("{folder}/{number}/b.txt"), b"x");
                put(&world, &format!("{folder}/new/{number}.txt"), b"x");
                put(&world, &format!("{folder}/to/x.txt"), b"x");
            }
            let statuses = match wish {
                "fail" => vec![200, 409, 409, 409, 409, 409],
                _ => vec![200; 6],
            };
            // Another name.
            let renamed: Vec<_> = (0..6)
                .map(|number| (id(&world, &format!("{folder}/new/{number}.txt")), json!({ "name": "a.txt", WISH: wish })))
                .collect();
            assert_eq!(patch_at_once(&world, &renamed), statuses, "{wish}");
            let found = sorted(&world, &format!("{folder}/new"));
            match wish {
                "fail" => assert!(found.len() == 6 && found.contains(&"a.txt".to_owned()), "{found:?}"),
                "rename" => {
                    let mut expected = names("a");
                    expected.sort();
                    assert_eq!(found, expected);
                }
                _ => assert_eq!(found, ["a.txt"]),
            }
            assert_eq!(item(&world, &format!("{folder}/new"))["folder"]["childCount"], found.len(), "{wish}");
            // Another folder, where all have one name.
            let to = id(&world, &format!("{folder}/to"));
            let moved: Vec<_> = (0..6)
                .map(|number| {
                    let body = json!({ "parentReference": { "id": to }, WISH: wish });
                    (id(&world, &format!("{folder}/{number}/b.txt")), body)
                })
                .collect();
            assert_eq!(patch_at_once(&world, &moved), statuses, "{wish}");
            let found = sorted(&world, &format!("{folder}/to"));
            let count = if wish == "rename" { 7 } else { 2 };
            assert_eq!((found.len(), found.contains(&"b.txt".to_owned())), (count, true), "{wish}: {found:?}");
            let folder = item(&world, &format!("{folder}/to"));
            assert_eq!((&folder["folder"]["childCount"], &folder["size"]), (&json!(count), &json!(count)), "{wish}");
            let left: usize = (0..6).map(|number| children(&world, &format!("{round}/{wish}/{number}")).len()).sum();
            assert_eq!(left, if wish == "fail" { 5 } else { 0 }, "{wish}");
        }
    }
}

#[test]
fn moves_at_once_lose_no_item_and_no_change() {
    let world = harness::world(&[]);
    for round in 0..30 {
        for name in ["a/a.txt", "b/b.txt", "c/c.txt"] {
            put(&world, &format!("{round}/{name}"), b"x");
        }
        let id = |name: &str| id(&world, &format!("{round}/{name}"));
        let to = |folder: &str| json!({ "parentReference": { "id": id(folder) } });
        // A folder into another, and that into the first one: one of the moves is refused.
        let statuses = patch_at_once(&world, &[(id("a"), to("b")), (id("b"), to("a"))]);
        assert!(matches!(statuses[..], [200, 400 | 404]), "{statuses:?}");
        let (a, b) = if children(&world, &format!("{round}")).contains(&"a".to_owned()) { ("a", "a/b") } else { ("b/a", "b") };
        assert_eq!(
            (content_of(&world, &format!("{round}/{a}/a.txt")), content_of(&world, &format!("{round}/{b}/b.txt"))),
            (b"x".to_vec(), b"x".to_vec())
        );
        // One item into two folders: it is in one of them, and a change of it, or of what it contains, is not lost.
        let (file, described) = (id(&format!("{a}/a.txt")), json!({ "description": format!("new {round}") }));
        let folder = if a == "a" { "a" } else { "b" };
        let root = json_of(&send(&world, Method::GET, ROOT, &[], b""))["id"].clone();
        let outwards = json!({ "parentReference": { "id": root }, "name": format!("moved{round}") });
        let changes = [
            (id(folder), to("c")),
            (id(folder), outwards),
            (file.clone(), described.clone()),
            (id("c/c.txt"), described.clone()),
        ];
        let statuses = patch_at_once(&world, &changes);
        let places = [format!("{round}/c/{folder}"), format!("moved{round}"), format!("{round}/c/moved{round}")];
        let places: Vec<&String> = places.iter().filter(|place| item(&world, place)["id"].is_string()).collect();
        assert_eq!(places.len(), 1, "{statuses:?} {places:?}");
        let found = json_of(&send(&world, Method::GET, &format!("/v1.0/me/drive/items/{file}"), &[], b""));
        assert_eq!(found["name"], "a.txt", "{found}");
        let failed = statuses.iter().filter(|status| **status == 404).count();
        assert!(statuses.iter().all(|status| [200, 404].contains(status)) && failed <= 2, "{statuses:?}");
        if failed == 0 {
            assert_eq!(found["description"], described["description"], "{found}");
        }
        assert_eq!(item(&world, &format!("{round}/c/c.txt"))["description"], described["description"]);
    }
}

#[test]
fn the_paths_within_a_folder_follow_its_name() {
    let world = harness::world(&[]);
    for name in ["rye/deep/a.txt", "rye/b.txt"] {
        put(&world, name, b"12345");
    }
    let path = |name: &str| {
        let item = json_of(&send(&world, Method::GET, &format!("{ROOT}:/{name}"), &[], b""));
        item["parentReference"]["path"].as_str().unwrap_or_else(|| panic!("{item}")).rsplit_once("root:").unwrap().1.to_owned()
    };
    assert_eq!(patch(&world, &format!("{ROOT}:/rye"), &json!({ "name": "Spelt" })).status, StatusCode::OK);
    assert_eq!(
        (path("Spelt/b.txt"), path("Spelt/deep"), path("Spelt/deep/a.txt")),
        ("/Spelt".into(), "/Spelt".into(), "/Spelt/deep".into())
    );
    assert_eq!(patch(&world, &format!("{ROOT}:/Spelt/deep"), &json!({ "name": "DEEP" })).status, StatusCode::OK);
    assert_eq!((path("Spelt/DEEP"), path("Spelt/DEEP/a.txt")), ("/Spelt".into(), "/Spelt/DEEP".into()));
}

#[test]
fn another_name_without_room_changes_nothing() {
    let world = harness::world(&[]);
    for number in 0..5 {
        put(&world, &format!("rye/{number}/a.txt"), b"12345");
    }
    put(&world, "old.txt", b"1");
    let state = || fixture::write(&world.schema, &world.store, world.behaviors.secret);
    let (before, stores) = (state(), &world.settings.stores);
    let mut refused = 0;
    for room in (0..).map(|step| step * 100) {
        let rest = stores.take(stores.limit() - stores.used() - room).unwrap();
        let renamed = patch(&world, &format!("{ROOT}:/rye"), &json!({ "name": "a".repeat(200) }));
        drop(rest);
        if renamed.status == StatusCode::OK {
            break;
        }
        assert_eq!((renamed.status, state() == before), (StatusCode::PAYLOAD_TOO_LARGE, true), "with room for {room} bytes");
        refused += 1;
    }
    assert!(refused > 1, "{refused}");
}

#[test]
fn no_item_gets_a_text_as_name_that_is_none() {
    let world = harness::world(&[]);
    put(&world, "h/a.txt", b"x");
    let before = item(&world, "h/a.txt");
    let refused = |response| assert_eq!(code(&response), (400, "invalidRequest".to_owned()));
    for name in [json!(""), json!(" "), json!("."), json!(".."), json!("a\u{0}"), json!(null)] {
        refused(patch(&world, &format!("{ROOT}:/h/a.txt"), &json!({ "name": name })));
        if !name.is_null() {
            let copy = json!({ "name": name }).to_string();
            let headers = [("content-type", "application/json")];
            refused(send(&world, Method::POST, &format!("{ROOT}:/h/a.txt:/copy"), &headers, copy.as_bytes()));
            let folder = json!({ "name": name, "folder": {} }).to_string();
            refused(send(&world, Method::POST, &format!("{ROOT}:/h:/children"), &headers, folder.as_bytes()));
        }
    }
    refused(put(&world, "h/%2e%2e/b.txt", b"x"));
    refused(put(&world, "h/%20", b"x"));
    assert_eq!(children(&world, "h"), ["a.txt"]);
    assert_eq!(item(&world, "h/a.txt")["eTag"], before["eTag"]);
}

#[test]
fn what_follows_from_content_is_not_taken_from_a_body() {
    let world = harness::world(&[]);
    put(&world, "h/a.txt", b"abc");
    let target = format!("{ROOT}:/h/a.txt");
    let shown = |item: &Value| ["size", "file", "folder", "root", "deleted"].map(|name| item[name].clone());
    let before = item(&world, "h/a.txt");
    for body in [
        json!({ "size": 99_999 }),
        json!({ "folder": {} }),
        json!({ "file": null }),
        json!({ "file": { "mimeType": "x/y" } }),
        json!({ "content": "other" }),
        json!({ "root": {} }),
        json!({ "deleted": { "state": "deleted" } }),
    ] {
        assert_eq!(patch(&world, &target, &body).status, StatusCode::OK, "{body}");
        assert_eq!((shown(&item(&world, "h/a.txt")), content_of(&world, "h/a.txt")), (shown(&before), b"abc".to_vec()), "{body}");
    }
    // A folder has no content, and no session of content.
    let begin = |path: &str| {
        let headers = [("content-type", "application/json")];
        send(&world, Method::POST, &format!("{ROOT}{path}/createUploadSession"), &headers, b"{}")
    };
    for path in [":/h:", ""] {
        assert_eq!(code(&begin(path)).0, code(&put(&world, "h", b"x")).0, "{path}");
    }
    assert_eq!(begin(":/h/a.txt:").status, StatusCode::OK);
}

#[test]
fn an_item_that_is_told_its_own_folder_keeps_it() {
    let world = harness::world(&[]);
    for name in ["a.txt", "Folder/b.txt"] {
        assert_eq!(put(&world, name, b"text").status, StatusCode::CREATED);
        let (before, own) = (item(&world, name), id(&world, name));
        let parent = &before["parentReference"];
        for (index, body) in [
            json!({ "parentReference": { "path": parent["path"] } }),
            json!({ "parentReference": { "id": parent["id"] } }),
            json!({ "parentReference": null }),
            json!({ "parentReference": { "name": "other" } }),
            json!({ "parentReference": { "id": parent["id"], "driveId": parent["driveId"] }, "description": "more" }),
        ]
        .into_iter()
        .enumerate()
        {
            let answer = patch(&world, &format!("/v1.0/me/drive/items/{own}"), &body);
            assert_eq!(answer.status, StatusCode::OK, "{name} {index}");
            assert_eq!(json_of(&answer)["parentReference"], *parent, "{name} {body}");
            assert_eq!(item(&world, name)["parentReference"], *parent, "{name} {body}");
        }
    }
    let folder = id(&world, "Folder");
    assert_eq!(patch(&world, &format!("/v1.0/me/drive/items/{folder}"), &json!({ "name": "Other" })).status, StatusCode::OK);
    let path = item(&world, "Other/b.txt")["parentReference"]["path"].clone();
    assert!(path.as_str().is_some_and(|path| path.ends_with("root:/Other")), "{path}");
}

/// Files and folders, and boards that link to them: all that contains files in the published schema contains them alone.
const BOARDS: &str = r#"<Schema Namespace="microsoft.graph">
    <ComplexType Name="itemReference"><Property Name="driveId" Type="Edm.String"/><Property Name="id" Type="Edm.String"/>
      <Property Name="path" Type="Edm.String"/></ComplexType>
    <ComplexType Name="folder"><Property Name="childCount" Type="Edm.Int32"/></ComplexType><ComplexType Name="file"/>
    <EntityType Name="driveItem"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
      <Property Name="name" Type="Edm.String"/><Property Name="size" Type="Edm.Int64"/><Property Name="file" Type="microsoft.graph.file"/>
      <Property Name="folder" Type="microsoft.graph.folder"/><Property Name="parentReference" Type="microsoft.graph.itemReference"/>
      <NavigationProperty Name="children" Type="Collection(microsoft.graph.driveItem)" ContainsTarget="true"/></EntityType>
    <EntityType Name="drive"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
      <NavigationProperty Name="root" Type="microsoft.graph.driveItem" ContainsTarget="true"/>
      <NavigationProperty Name="items" Type="Collection(microsoft.graph.driveItem)" ContainsTarget="true"/></EntityType>
    <EntityType Name="board"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
      <NavigationProperty Name="pinned" Type="Collection(microsoft.graph.driveItem)"/></EntityType>
    <EntityContainer Name="service"><EntitySet Name="drives" EntityType="microsoft.graph.drive"/>
      <EntitySet Name="boards" EntityType="microsoft.graph.board"/></EntityContainer></Schema>"#;

#[test]
fn links_lead_to_items_wherever_the_folder_above_moves() {
    let fixture = json!({
        "drives": [{ "id": "d1", "root": { "id": "r", "name": "root", "folder": {}, "children": [
            { "id": "A", "name": "A", "folder": {}, "children": [{ "id": "x", "name": "x.txt", "file": {} }] },
            { "id": "B", "name": "B", "folder": {} },
        ] } }],
        "boards": [{ "id": "b", "pinned@odata.bind": ["drives('d1')/root/children('A')/children('x')"] }],
    });
    let builder = Emulator::builder().schema_csdl(Version::V1, BOARDS).unwrap();
    let emulator = builder.fixtures_json(&fixture.to_string()).unwrap().build();
    let send = |method: Method, target: &str, body: &Value| {
        let request = Request::builder().method(method).uri(target).header("content-type", "application/json");
        let response = emulator.send(request.body(body.to_string().into()).unwrap());
        (response.status(), String::from_utf8(response.body().to_vec()).unwrap())
    };
    let (status, moved) = send(Method::PATCH, "/v1.0/drives/d1/items/A", &json!({ "parentReference": { "id": "B" } }));
    assert_eq!(status, StatusCode::OK, "{moved}");
    let (_, state) = send(Method::GET, "/_emulator/worlds/default/state", &Value::Null);
    assert!(state.contains(r#""pinned@odata.bind":["drives('d1')/root/children('B')/children('A')/children('x')"]"#), "{state}");
    let (_, pinned) = send(Method::GET, "/v1.0/boards/b/pinned", &Value::Null);
    assert!(pinned.contains("x.txt"), "{pinned}");
}

#[test]
fn links_follow_a_moved_folder_however_little_room_there_is() {
    let file = |name: &str| json!({ "id": "x", "name": name, "file": {} });
    let folder = |id: &str, items: Value| json!({ "id": id, "name": id, "folder": {}, "children": items });
    let drive = |id: &str, items: Value| json!({ "id": id, "root": folder("root", items) });
    let (other, before) = ("drives('d2')/root/children('x')", "drives('d1')/root/children('A')/children('x')");
    let after = "drives('d1')/root/children('B')/children('A')/children('x')";
    // The second link has the address of the file as its key: the first has the id.
    let fixture = json!({
        "drives": [
            drive("d1", json!([folder("A", json!([file("rye.txt")])), folder("B", json!([]))])),
            drive("d2", json!([file("oats.txt")])),
        ],
        "boards": [{ "id": "b", "pinned@odata.bind": [other, before] }],
    });
    let build = |bytes: usize| {
        let builder = Emulator::builder().schema_csdl(Version::V1, BOARDS).unwrap().store_bytes(bytes);
        builder.fixtures_json(&fixture.to_string()).unwrap().build()
    };
    let held = build(usize::MAX).world().settings.stores.used();
    let (mut moved, mut refused) = (0, 0);
    for room in (4 * 1024..12 * 1024).step_by(128) {
        let emulator = build(held + room);
        let send = |method: Method, target: &str, body: &Value| {
            let request = Request::builder().method(method).uri(target).header("content-type", "application/json");
            let response = emulator.send(request.body(body.to_string().into()).unwrap());
            (response.status(), serde_json::from_slice::<Value>(response.body()).unwrap_or_default())
        };
        let pinned = || {
            let names = send(Method::GET, "/v1.0/boards/b/pinned", &Value::Null).1["value"].clone();
            let links = send(Method::GET, "/v1.0/boards/b/pinned/$ref", &Value::Null).1["value"].clone();
            let texts = |list: &Value, name: &str| {
                let items = list.as_array().unwrap().iter();
                items
                    .map(|item| {
                        item[name]
                            .as_str()
                            .unwrap()
                            .rsplit_once("v1.0/")
                            .map_or(item[name].as_str().unwrap(), |(_, path)| path)
                            .to_owned()
                    })
                    .collect::<Vec<_>>()
            };
            [texts(&names, "name"), texts(&links, "@odata.id")]
        };
        let (status, answer) = send(Method::PATCH, "/v1.0/drives/d1/items/A", &json!({ "parentReference": { "id": "B" } }));
        let is_moved = status == StatusCode::OK;
        assert!(is_moved || status == StatusCode::PAYLOAD_TOO_LARGE, "{room} bytes: {answer}");
        *(if is_moved { &mut moved } else { &mut refused }) += 1;
        let link = if is_moved { after } else { before };
        let mut found = pinned();
        for list in &mut found {
            list.sort();
        }
        let mut expected = [vec!["oats.txt", "rye.txt"], vec![other, link]];
        for list in &mut expected {
            list.sort_unstable();
        }
        assert_eq!(found, expected, "{room} bytes");
        // Each is found by its address.
        for (address, left) in [(link, vec!["oats.txt"]), (other, vec![])] {
            let target = format!("/v1.0/boards/b/pinned/$ref?$id={}", address.replace('\'', "%27"));
            assert_eq!(send(Method::DELETE, &target, &Value::Null).0, StatusCode::NO_CONTENT, "{room} bytes: {address}");
            assert_eq!(pinned()[0], left, "{room} bytes");
        }
    }
    assert!(refused > 5 && moved > 5, "{refused} refused, {moved} moved");
}

/// A move that replaces a file, and is refused since another client changes the item, leaves the file with all that it has.
#[test]
fn a_file_that_is_not_replaced_after_all_keeps_what_it_contains() {
    let mut refused = 0;
    for round in 0..60 {
        let schema = wfi_emulator::internals::workloads::schema_with_rest();
        let world = World::new(Settings { schema, ..harness::settings(Behaviors::default()) });
        for name in ["a.txt", "To/a.txt"] {
            assert_eq!(put(&world, name, b"text").status, StatusCode::CREATED);
        }
        let (own, there, folder) = (id(&world, "a.txt"), id(&world, "To/a.txt"), id(&world, "To"));
        let tag = item(&world, "a.txt")["eTag"].as_str().unwrap().to_owned();
        let links = send(
            &world,
            Method::POST,
            &format!("/v1.0/me/drive/items/{there}/permissions"),
            &[("content-type", "application/json")],
            br#"{"roles": ["read"]}"#,
        );
        assert!(links.status.is_success(), "{}", json_of(&links));
        let to = json!({ "parentReference": { "id": folder }, WISH: "replace" }).to_string();
        let barrier = Barrier::new(2);
        let status = thread::scope(|scope| {
            let change = scope.spawn(|| {
                barrier.wait();
                for number in 0..round % 6 {
                    patch(&world, &format!("/v1.0/me/drive/items/{own}"), &json!({ "description": number.to_string() }));
                }
            });
            barrier.wait();
            let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
            let moved = send(&world, Method::PATCH, &format!("/v1.0/me/drive/items/{own}"), &headers, to.as_bytes());
            change.join().unwrap();
            moved.status
        });
        if status == StatusCode::PRECONDITION_FAILED {
            refused += 1;
            let kept = json_of(&send(&world, Method::GET, &format!("/v1.0/me/drive/items/{there}/permissions"), &[], b""));
            assert_eq!(kept["value"].as_array().map(Vec::len), Some(1), "round {round}: {kept}");
        } else {
            assert_eq!(status, StatusCode::OK);
        }
    }
    println!("{refused} moves were refused");
}
