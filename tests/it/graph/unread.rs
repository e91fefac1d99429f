//! All of Graph with no flag: the part of the built-in schema that is read when a request needs it.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edm::address::EntityAddress;
use wfi_emulator::internals::policy::behavior::{Behaviors, Secret};
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::workloads;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fixture;
use wfi_emulator::internals::world::settings::Settings;

use crate::support::harness;

fn settings() -> Settings {
    Settings { schema: workloads::schema_with_rest(), ..harness::settings(Behaviors::default()) }
}

fn get(world: &World, path: &str) -> (StatusCode, Value) {
    harness::json(world, Method::GET, path, None)
}

fn send(world: &World, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    harness::json(world, method, path, Some(&body.to_string()))
}

#[test]
fn everything_that_is_published_is_served() {
    for path in [
        "/v1.0/drives",
        "/beta/drives",
        "/v1.0/deviceManagement/managedDevices",
        "/beta/deviceManagement/managedDevices",
        "/v1.0/sites",
        "/v1.0/users/me/chats",
        "/v1.0/users?$expand=ownedDevices",
        "/v1.0/users?$expand=*",
        "/v1.0/users?$filter=isManagementRestricted%20eq%20true",
        "/v1.0/directoryObjects/microsoft.graph.device",
        "/v1.0/groups?$filter=members/any(m:isof(m,'microsoft.graph.device'))&$count=true",
    ] {
        // Each in a world in which nothing was asked before.
        let (status, body) = get(&World::new(settings()), path);
        let core = get(&World::new(harness::settings(Behaviors::default())), path).0;
        // The core has something to expand, too.
        let is_in_core = ["/drives", "=*"].iter().any(|end| path.ends_with(end));
        if path.contains("/users/me/") {
            assert_eq!(status, 404, "the user is unknown, not the segment: {body}");
        } else {
            assert!(status == 200 || path.contains("isof") && status == 400, "{path}: {status} {body}");
        }
        assert_eq!(core == 200, is_in_core, "{path}: {core}");
    }
}

#[test]
fn properties_that_graph_excludes_from_queries_are_refused() {
    let keys = "/v1.0/informationProtection/bitlocker/recoveryKeys";
    let profiles = "/v1.0/security/threatIntelligence/intelProfiles";
    for (path, refused) in [
        (format!("{keys}?$filter=volumeType%20eq%20'fixedDataVolume'"), Some("volumeType")),
        (format!("{keys}?$filter=deviceId%20eq%20'1'"), None),
        (format!("{profiles}?$orderby=firstActiveDateTime,kind"), Some("firstActiveDateTime")),
        (format!("{profiles}?$orderby=id"), Some("id")),
        (format!("{profiles}?$orderby=title"), None),
        (format!("{profiles}?$filter=summary%20ne%20null"), Some("summary")),
        (format!("{profiles}?$filter=kind%20eq%20'actor'"), None),
        ("/v1.0/chats?$expand=members,messages".to_owned(), Some("Expand")),
        ("/v1.0/chats?$expand=members".to_owned(), None),
        ("/v1.0/contacts?$expand=onPremisesSyncBehavior".to_owned(), Some("Expand")),
        ("/v1.0/users?$expand=onPremisesSyncBehavior".to_owned(), Some("Expand")),
        ("/v1.0/users?$expand=manager".to_owned(), None),
        ("/v1.0/groups?$expand=members".to_owned(), None),
    ] {
        let (status, body) = get(&World::new(settings()), &path);
        let message = body["error"]["message"].as_str().unwrap_or_default();
        let named = refused.map(|name| format!("'{name}'"));
        assert_eq!(status == 200, refused.is_none(), "{path}: {body}");
        assert!(named.is_none_or(|name| message.contains(&name)), "{path}: {body}");
    }
}

#[test]
fn a_name_that_no_schema_has_is_refused_as_by_the_core() {
    for (method, path, body) in [
        (Method::GET, "/v1.0/bakeries", None),
        (Method::GET, "/v1.0/users?$filter=ovens%20eq%201&$top=x", None),
        (Method::GET, "/v1.0/teamwork/workforceIntegrations?$filter=ovens%20eq%201", None),
        (Method::PATCH, "/v1.0/teams/172b0cce-e65d-44ce-9a49-91d9f2e8491e", Some(r#"{"ovens":1}"#)),
    ] {
        let with = harness::json(&World::new(settings()), method.clone(), path, body);
        let core = harness::json(&World::new(harness::settings(Behaviors::default())), method, path, body);
        assert!(with.0.is_client_error(), "{path}");
        assert_eq!((with.0, &with.1["error"]["message"]), (core.0, &core.1["error"]["message"]), "{path}");
    }
}

#[test]
fn entities_of_all_types_are_stored_linked_forked_and_forgotten() {
    let world = World::new(settings());
    let device = json!({
        "displayName": "Oven",
        "accountEnabled": true,
        "alternativeSecurityIds": [{ "type": 2, "key": "b3Zlbg==" }],
        "deviceId": "4c299165-6e8f-4b45-a5ba-c5d250a707ff",
        "operatingSystem": "Linux",
        "operatingSystemVersion": "1",
    });
    let (status, device) = send(&world, Method::POST, "/v1.0/devices", &device);
    assert_eq!(status, 201, "{device}");
    let id = device["id"].as_str().unwrap();
    let group = get(&world, "/v1.0/groups").1["value"][0]["id"].as_str().unwrap().to_owned();
    let link = json!({ "@odata.id": format!("http://localhost:9340/v1.0/devices/{id}") });
    let members = format!("/v1.0/groups/{group}/members");
    let (status, body) = send(&world, Method::POST, &format!("{members}/$ref"), &link);
    assert_eq!(status, 204, "{body}");
    let linked = |world: &World| {
        let (status, body) = get(world, &members);
        assert_eq!(status, 200, "{body}");
        body["value"].as_array().unwrap().iter().any(|member| member["id"] == id)
    };
    assert!(linked(&world));
    let fork = world.current().fork().unwrap();
    assert!(linked(&fork) && get(&fork, &format!("/v1.0/devices/{id}")).0 == 200);
    // A world created from the same settings does not have it.
    let other = World::new(settings());
    assert_eq!(get(&other, &format!("/v1.0/devices/{id}")).0, 404);
    // The rest is read once for all worlds, and a world with it has the entities that it had.
    assert!(!world.schema.is_whole_unread() && world.widened().is_some() && !std::ptr::eq(world.current(), &raw const world));
    assert_eq!(world.store.counts().len() + 1, world.current().store.counts().len(), "{:?}", world.current().store.counts());
}

#[test]
fn a_type_of_the_core_shows_a_further_member_when_it_has_a_value() {
    let world = World::new(settings());
    let groups = "/v1.0/groups";
    let (_, before) = get(&world, groups);
    let path = format!("{groups}/{}", before["value"][0]["id"].as_str().unwrap());
    let (status, body) = send(&world, Method::PATCH, &path, &json!({ "accessType": "private" }));
    assert!(status.is_success(), "{body}");
    let (_, after) = get(&world, groups);
    let mut expected = before.clone();
    expected["value"][0]["accessType"] = json!("private");
    assert_eq!(after, expected);
    let (status, body) = send(&world, Method::PATCH, &path, &json!({ "accessType": "ajar" }));
    assert_eq!(status, 400, "it is typed: {body}");
    send(&world, Method::PATCH, &path, &json!({ "accessType": null }));
    assert_eq!(get(&world, groups).1, before);
    assert_eq!(get(&world, &format!("{path}?$select=accessType")).1["accessType"], Value::Null);
}

#[test]
fn a_batch_may_need_the_rest_in_any_of_its_requests() {
    let world = World::new(settings());
    let request = |id: &str, url: &str| json!({ "id": id, "method": "GET", "url": url });
    let body = json!({ "requests": [request("1", "/teams"), request("2", "/sites"), request("3", "/devices"), request("4", "/bakeries")] });
    let (_, answer) = send(&world, Method::POST, "/v1.0/$batch", &body);
    let statuses: Vec<u64> =
        answer["responses"].as_array().unwrap().iter().map(|part| part["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 200, 200, 400], "{answer}");
    assert_eq!(world.journal.count(), 5);
}

#[test]
fn a_state_does_not_show_that_the_rest_was_read() {
    let world = World::new(settings());
    let state = |world: &World| {
        let world = world.current();
        fixture::write(&world.schema, &world.store, Secret::Null)
    };
    let before = state(&world);
    assert_eq!(get(&world, "/v1.0/bakeries").0, StatusCode::BAD_REQUEST);
    assert!(world.current().schema.core().is_some(), "the rest was read");
    assert!(state(&world) == before, "{}", state(&world).len());
    let made = send(&world, Method::POST, "/v1.0/contracts", &json!({ "displayName": "Oven" }));
    assert_eq!(made.0, StatusCode::CREATED, "{}", made.1);
    let after = state(&world);
    assert!(after.contains("\"contracts\":[") && !after.contains("\"domains\":["), "entities are shown, empty sets are not");
    // A request that began before, and has the core alone, comes upon it.
    let made = EntityAddress {
        collection: world.current().schema.set_named("contracts").unwrap().into(),
        key: made.1["id"].as_str().unwrap().into(),
    };
    assert!(world.store.entity(&made).is_some());
}

/// Requests that name what the core lacks, in each place that can have a name. Many are refused, with the whole schema too.
const NAMED: [(Method, &str, Option<&str>); 34] = [
    (Method::GET, "groups?$expand=members/microsoft.graph.device&$select=id&$top=1", None),
    (Method::GET, "groups?$expand=members/microsoft.graph.device($select=deviceId)&$select=id", None),
    (Method::GET, "groups?$expand=members/microsoft.graph.device/$ref&$select=id", None),
    (Method::GET, "groups?$expand=members/microsoft.graph.user($expand=ownedDevices/microsoft.graph.device)&$select=id", None),
    (Method::GET, "groups?$expand=members($expand=microsoft.graph.device/registeredOwners)&$select=id", None),
    (Method::GET, "groups?$expand=members($select=id,microsoft.graph.device/deviceId)&$select=id", None),
    (Method::GET, "groups?$expand=members($filter=isof('microsoft.graph.device'))&$select=id", None),
    (Method::GET, "groups?$expand=members($orderby=microsoft.graph.device/deviceId)&$select=id", None),
    (Method::GET, "users?$expand=manager/microsoft.graph.orgContact&$top=1", None),
    (Method::GET, "users?$expand=microsoft.graph.device/registeredOwners", None),
    (Method::GET, "users?$expand=mailboxSettings/microsoft.graph.device", None),
    (Method::GET, "users?$select=microsoft.graph.device/deviceId", None),
    (Method::GET, "users?$orderby=microsoft.graph.device/deviceId", None),
    (Method::GET, "users?$filter=microsoft.graph.device/deviceId%20eq%20'x'", None),
    (Method::GET, "users?$filter=isof(manager,'microsoft.graph.orgContact')", None),
    (Method::GET, "users?$filter=cast(manager,microsoft.graph.orgContact)/companyName%20eq%20'x'", None),
    (Method::GET, "users?$filter=accountEnabled%20eq%20microsoft.graph.deviceRegistrationState'registered'", None),
    (Method::GET, "users?$filter=nothing%20eq%201%20and%20isof('microsoft.graph.device')", None),
    (Method::GET, "users?$search=%22microsoft.graph.device:x%22", None),
    (Method::GET, "users?$apply=microsoft.graph.device", None),
    (Method::GET, "directoryObjects/microsoft.graph.device", None),
    (Method::GET, "directoryObjects/microsoft.graph.device/$count", None),
    (Method::GET, "directoryObjects?$select=microsoft.graph.device/deviceId", None),
    (Method::GET, "directoryObjects?$orderby=microsoft.graph.device/deviceId", None),
    (Method::GET, "directoryObjects?$filter=microsoft.graph.device/deviceId%20eq%20'x'", None),
    (Method::GET, "directoryObjects?$expand=microsoft.graph.device/registeredOwners", None),
    (Method::GET, "groups?$filter=members/any(m:m/microsoft.graph.device/deviceId%20eq%20'x')", None),
    (Method::GET, "groups?$filter=members/microsoft.graph.device/any(m:m/deviceId%20eq%20'x')", None),
    (Method::GET, "groups?$filter=members/microsoft.graph.device/$count%20eq%200", None),
    (Method::PATCH, "me", Some(r##"{"@odata.type":"#microsoft.graph.device","displayName":"x"}"##)),
    (Method::PATCH, "me", Some(r##"{"passwordProfile":{"@odata.type":"#microsoft.graph.deviceDetail"}}"##)),
    (Method::POST, "directoryObjects", Some(r##"{"@odata.type":"#microsoft.graph.device","displayName":"x"}"##)),
    (Method::POST, "me/events", Some(r##"{"subject":"s","attachments":[{"@odata.type":"#microsoft.graph.device"}]}"##)),
    (Method::PUT, "me/manager/$ref", Some(r#"{"@odata.id":"https://graph.microsoft.com/v1.0/contacts/x"}"#)),
];

#[test]
fn no_answer_depends_on_what_was_asked_before() {
    let answer = |world: &World, method: &Method, path: &str, body: Option<&str>| {
        let (status, mut answer) = harness::json(world, method.clone(), path, body);
        if let Some(error) = answer["error"].as_object_mut() {
            error.remove("innerError");
        }
        (status, answer)
    };
    let mut differing = Vec::new();
    for version in ["v1.0", "beta"] {
        for (method, path, body) in &NAMED {
            let path = format!("/{version}/{path}");
            let (fresh, asked) = (World::new(settings()), World::new(settings()));
            assert_eq!(get(&asked, "/v1.0/devices").0, StatusCode::OK);
            let [first, later] = [fresh, asked].map(|world| answer(&world, method, &path, *body));
            if first != later {
                differing.push(format!("{method} {path}: {first:?}\n{later:?}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}

#[test]
fn an_expansion_of_a_derived_type_has_its_entities_alone() {
    let world = World::new(settings());
    let kinds = |path: &str| {
        let (status, body) = get(&world, path);
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        let groups = body["value"].as_array().unwrap().clone();
        let members = groups.iter().flat_map(|group| group["members"].as_array().unwrap().clone());
        members.map(|member| member["@odata.type"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let groups = "/v1.0/groups?$select=id&$expand=members";
    assert!(kinds(groups).contains(&"#microsoft.graph.user".to_owned()));
    let users = kinds(&format!("{groups}/microsoft.graph.user($select=userPrincipalName)"));
    assert!(!users.is_empty() && users.iter().all(|kind| kind == "#microsoft.graph.user"), "{users:?}");
    assert!(kinds(&format!("{groups}/microsoft.graph.servicePrincipal")).is_empty());
    assert_eq!(get(&world, &format!("{groups}/microsoft.graph.mailFolder")).0, StatusCode::BAD_REQUEST);
    assert_eq!(get(&world, &format!("{groups}/microsoft.graph.user/nothing")).0, StatusCode::BAD_REQUEST);
}

#[test]
fn an_entity_of_a_declared_type_does_not_become_one_of_a_derived_type() {
    let world = World::new(settings());
    for (set, entity, derived) in [
        ("me/messages", json!({ "subject": "Rye" }), "eventMessage"),
        ("me/mailFolders", json!({ "displayName": "Bakery" }), "mailSearchFolder"),
    ] {
        let (status, made) = send(&world, Method::POST, &format!("/v1.0/{set}"), &entity);
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let path = format!("/v1.0/{set}/{}", made["id"].as_str().unwrap());
        let before = get(&world, &path).1;
        let (status, answer) =
            send(&world, Method::PATCH, &path, &json!({ "@odata.type": format!("#microsoft.graph.{derived}") }));
        assert_eq!(status, StatusCode::BAD_REQUEST, "{set}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(derived) && message.contains("not assignable"), "{message}");
        assert_eq!(get(&world, &path).1, before);
    }
}

#[test]
fn sites_have_the_addresses_of_their_pages() {
    let world = World::new(settings());
    let create = |path: &str, url: &str, is_root: bool| {
        let root = if is_root { json!({}) } else { Value::Null };
        let site = json!({ "displayName": url, "webUrl": url, "root": root });
        let (status, site) = send(&world, Method::POST, path, &site);
        assert_eq!(status, 201, "{site}");
        site["id"].as_str().unwrap().to_owned()
    };
    // The site of a person comes first, and is not the root.
    let mine = create("/v1.0/sites", "https://contoso-my.sharepoint.com/", false);
    create("/v1.0/sites", "https://contoso-my.sharepoint.com/sites/The%20News", false);
    let home = create("/v1.0/sites", "https://contoso.sharepoint.com/", true);
    let news = create("/v1.0/sites", "https://contoso.sharepoint.com/sites/The%20News", true);
    let abroad = create("/v1.0/sites", "https://contoso-eu.sharepoint.com", true);
    let group = get(&world, "/v1.0/groups").1["value"][0]["id"].as_str().unwrap().to_owned();
    let of_group = create(&format!("/v1.0/groups/{group}/sites"), "https://contoso.sharepoint.com/sites/bakery", true);
    let list = json!({ "displayName": "Recipes", "list": { "template": "genericList" } });
    let (status, list) = send(&world, Method::POST, "/v1.0/sites/contoso.sharepoint.com:/sites/the%20news:/lists", &list);
    assert_eq!(status, 201, "{list}");
    for (path, expected) in [
        ("root".to_owned(), Some(&home)),
        ("ROOT".to_owned(), Some(&home)),
        (home.clone(), Some(&home)),
        ("contoso.sharepoint.com".to_owned(), Some(&home)),
        ("Contoso.SharePoint.com:/".to_owned(), Some(&home)),
        ("contoso-eu.sharepoint.com".to_owned(), Some(&abroad)),
        ("contoso-my.sharepoint.com".to_owned(), Some(&mine)),
        ("contoso.sharepoint.com:/sites/The%20News".to_owned(), Some(&news)),
        ("contoso.sharepoint.com:/sites/the%20news:".to_owned(), Some(&news)),
        ("contoso.sharepoint.com:/sites/the%20news:/".to_owned(), Some(&news)),
        ("root:/sites/the%20news".to_owned(), Some(&news)),
        // As SDKs encode it.
        ("contoso.sharepoint.com%3A%2Fsites%2FThe%20News".to_owned(), Some(&news)),
        ("root/getByPath(path='/sites/the%20news')".to_owned(), Some(&news)),
        ("contoso.sharepoint.com/getByPath(path='%2Fsites%2FThe%20News')".to_owned(), Some(&news)),
        (format!("{news}/microsoft.graph.getByPath(path='sites/the%20news')"), Some(&news)),
        ("contoso-eu.sharepoint.com/getByPath(path='/')".to_owned(), Some(&abroad)),
        ("contoso-eu.sharepoint.com/getByPath(path='/sites/the%20news')".to_owned(), None),
        ("other/getByPath(path='/sites/the%20news')".to_owned(), None),
        ("..('root')".to_owned(), Some(&home)),
        ("..('contoso.sharepoint.com:%2Fsites%2FThe%20News')".to_owned(), Some(&news)),
        ("contoso.sharepoint.com:/sites".to_owned(), None),
        ("contoso.sharepoint.com:/sites/the%20news/more".to_owned(), None),
        ("fabrikam.sharepoint.com".to_owned(), None),
        ("other".to_owned(), None),
        (format!("../groups/{group}/sites/root"), Some(&of_group)),
    ] {
        let path = format!("/v1.0/sites/{path}").replace("/sites/../", "/").replace("/..(", "(");
        let (status, body) = get(&world, &path);
        match expected {
            Some(id) => assert_eq!((status, &body["id"]), (StatusCode::OK, &json!(id)), "{path}: {body}"),
            None => {
                assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("itemNotFound")), "{path}: {body}");
            }
        }
    }
    for (path, name) in [
        ("contoso.sharepoint.com:/sites/the%20news:/lists".to_owned(), "Recipes"),
        (format!("{news}/lists"), "Recipes"),
        ("root/getByPath(path='/sites/the%20news')/lists".to_owned(), "Recipes"),
        ("contoso.sharepoint.com:/sites/the%20news:/lists?$filter=displayName%20eq%20'Recipes'".to_owned(), "Recipes"),
    ] {
        let (status, body) = get(&world, &format!("/v1.0/sites/{path}"));
        assert_eq!((status, &body["value"][0]["displayName"]), (StatusCode::OK, &json!(name)), "{path}: {body}");
    }
    assert_eq!(get(&world, "/v1.0/sites/root/lists").1["value"], json!([]));
    assert_eq!(get(&world, "/v1.0/sites/contoso.sharepoint.com:/sites/the%20news:/displayName").0, StatusCode::OK);
    for query in ["search=news", "$search=%22news%22", "search=*"] {
        let (status, body) = get(&world, &format!("/v1.0/sites?{query}"));
        let found = body["value"].as_array().map_or(0, Vec::len);
        assert_eq!((status, found), (StatusCode::OK, if query.ends_with('*') { 5 } else { 2 }), "{query}: {body}");
    }
    // A change by an address is one of the site.
    let path = "/v1.0/sites/contoso.sharepoint.com:/sites/the%20news:";
    assert!(send(&world, Method::PATCH, path, &json!({ "description": "All of it" })).0.is_success());
    assert_eq!(get(&world, &format!("/v1.0/sites/{news}")).1["description"], "All of it");
}

#[test]
fn settings_and_policies_are_there_before_their_first_change() {
    let absent = {
        let mut behaviors = Behaviors::default();
        behaviors.set("initial-entities", "absent").unwrap();
        World::new(Settings { schema: workloads::schema_with_rest(), ..harness::settings(behaviors) })
    };
    let world = World::new(settings());
    let local = "00000000-0000-4000-8000-000000000001";
    for (path, members) in [
        ("/v1.0/me/presence", json!({ "id": local, "availability": "Offline" })),
        ("/v1.0/education/me", json!({ "id": local, "externalSource": null })),
        ("/v1.0/me/inferenceClassification", json!({ "id": local })),
        ("/v1.0/me/planner", json!({ "id": local })),
        ("/v1.0/policies/authorizationPolicy", json!({ "id": "authorizationPolicy", "allowInvitesFrom": "everyone" })),
        ("/v1.0/policies/identitySecurityDefaultsEnforcementPolicy", json!({ "id": "00000000-0000-0000-0000-000000000005" })),
        ("/v1.0/policies/adminConsentRequestPolicy", json!({ "isEnabled": false, "reviewers": [] })),
        ("/v1.0/admin/sharepoint", json!({ "id": "sharepoint" })),
    ] {
        let (status, body) = get(&world, path);
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        for (name, value) in members.as_object().unwrap() {
            assert_eq!(&body[name], value, "{path}");
        }
        assert_eq!(get(&absent, path).0, StatusCode::NOT_FOUND, "{path}");
    }
    // The person of schools is the signed-in one.
    assert_eq!(get(&world, "/v1.0/education/me").1["mail"], get(&world, "/v1.0/me").1["mail"]);
    // Others than those of the rows, and those of unknown users, are not invented.
    for path in [
        "/v1.0/users/none/presence",
        "/v1.0/users/none/presence/availability",
        "/v1.0/me/photo",
        "/v1.0/organization/none/branding",
    ] {
        assert_eq!(get(&world, path).0, StatusCode::NOT_FOUND, "{path}");
    }
    let policy = "/v1.0/policies/authorizationPolicy";
    assert_eq!(send(&world, Method::PATCH, policy, &json!({ "allowInvitesFrom": "none" })).0, StatusCode::NO_CONTENT);
    let changed = get(&world, policy).1;
    assert_eq!((&changed["allowInvitesFrom"], &changed["allowedToUseSSPR"]), (&json!("none"), &json!(true)));
    let policy = "/v1.0/policies/adminConsentRequestPolicy";
    let whole = json!({ "isEnabled": true, "notifyReviewers": true, "remindersEnabled": true, "requestDurationInDays": 5, "reviewers": [] });
    assert_eq!(send(&world, Method::PUT, policy, &whole).0, StatusCode::NO_CONTENT);
    assert_eq!(get(&world, policy).1["requestDurationInDays"], 5);
    assert_eq!(send(&absent, Method::PUT, policy, &whole).0, StatusCode::NOT_FOUND);
}

#[test]
fn a_refused_first_change_of_settings_stores_nothing() {
    let world = World::new(settings());
    let policy = "/v1.0/policies/authorizationPolicy";
    let state = || fixture::write(&world.schema, &world.store, world.behaviors.secret);
    let before = state();
    let refused = |path: &str, body: Value, expected: StatusCode| {
        let (status, answer) = send(&world, Method::PATCH, path, &body);
        assert_eq!(status, expected, "{path}: {answer}");
        assert_eq!(state(), before, "{path}");
    };
    refused(policy, json!({ "allowInvitesFrom": "bogus" }), StatusCode::BAD_REQUEST);
    refused("/v1.0/me/settings", json!({ "contributionToContentDiscoveryDisabled": "yes" }), StatusCode::BAD_REQUEST);
    // That of the user who asks cannot become that of all users.
    refused("/v1.0/education/me", json!({ "department": "of one" }), StatusCode::NOT_FOUND);
    refused("/v1.0/education/me", json!({ "primaryRole": "bogus" }), StatusCode::NOT_FOUND);
}

#[test]
fn the_person_of_schools_has_no_password_of_the_user() {
    let world = World::new(settings());
    let profile = json!({ "passwordProfile": { "password": "xWwvJ]6NMw+bWH-d" }, "jobTitle": "Baker" });
    assert_eq!(send(&world, Method::PATCH, "/v1.0/me", &profile).0, StatusCode::NO_CONTENT);
    let person = get(&world, "/v1.0/education/me").1;
    assert_eq!(person["passwordProfile"], Value::Null);
}

#[test]
fn settings_before_their_first_change_are_expanded() {
    let world = World::new(settings());
    for (path, member) in [("/v1.0/me/todo?$expand=lists", "lists"), ("/v1.0/me/planner?$expand=tasks", "tasks")] {
        let (status, body) = get(&world, path);
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        assert!(body[member].is_array(), "{path}: {body}");
    }
}

#[test]
fn an_entity_that_a_patch_creates_has_an_address_of_its_own() {
    let world = World::new(settings());
    let conversations = "/v1.0/communications/onlineMeetingConversations";
    let (status, body) = send(&world, Method::PATCH, &format!("{conversations}/new"), &json!({ "moderationState": "bogus" }));
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    for key in ["a%20b%2Fc%23d%3F", "%C3%A9", "a%25b", "%0D%0AX", "19:x@thread.v2"] {
        let request = RecordedRequest {
            method: Method::PATCH,
            target: format!("{conversations}/{key}"),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: "{}".into(),
        };
        let answer = harness::send(&world, &request);
        assert_eq!(answer.status, StatusCode::CREATED, "{key}");
        let location = answer.headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value).unwrap();
        let path = location.split_once("/v1.0/").map(|(_, path)| format!("/v1.0/{path}")).unwrap();
        assert_eq!(path, format!("{conversations}('{key}')"));
        assert_eq!(get(&world, &path).0, StatusCode::OK, "{location}");
    }
}
