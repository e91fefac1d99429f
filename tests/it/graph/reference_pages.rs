//! Exchanges of the reference pages with types that the core of the schema does not have.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::Emulator;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::workloads;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::settings::Settings;

use crate::support::harness;

fn settings(choices: &[(&str, &str)]) -> Settings {
    let mut behaviors = Behaviors::default();
    for (name, value) in choices {
        behaviors.set(name, value).unwrap();
    }
    Settings { schema: workloads::schema_with_rest(), ..harness::settings(behaviors) }
}

fn world() -> World {
    World::new(settings(&[]))
}

fn get(world: &World, path: &str) -> (StatusCode, Value) {
    harness::json(world, Method::GET, path, None)
}

fn send(world: &World, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    harness::json(world, method, path, Some(&body.to_string()))
}

/// Creates an entity.
#[track_caller]
fn create(world: &World, path: &str, body: &Value) -> Value {
    let (status, entity) = send(world, Method::POST, path, body);
    assert_eq!(status, StatusCode::CREATED, "{path}: {entity}");
    entity
}

fn id(entity: &Value) -> &str {
    entity["id"].as_str().unwrap()
}

/// Replaces the state. Returns the refusal, if there is one.
fn put_state(emulator: &Emulator, state: &Value) -> String {
    let request = http::Request::put("/_emulator/worlds/default/state").header("content-type", "application/json");
    let response = emulator.send(request.body(state.to_string().into()).unwrap());
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    if response.status().is_success() { String::new() } else { body }
}

#[test]
fn the_service_sets_the_times_of_types_without_rules_of_their_own() {
    let world = world();
    let list = create(&world, "/v1.0/me/todo/lists", &json!({ "displayName": "Bakery" }));
    let tasks = format!("/v1.0/me/todo/lists/{}/tasks", id(&list));
    let task = create(&world, &tasks, &json!({ "title": "Clean the oven" }));
    let created = task["createdDateTime"].as_str().unwrap().to_owned();
    assert!(created.starts_with("20"), "{task}");
    assert_eq!(task["createdDateTime"], task["lastModifiedDateTime"]);
    // Null without a rule, where the type has a null.
    for (path, body) in [
        ("/v1.0/security/cases/ediscoveryCases", json!({ "displayName": "Flour" })),
        ("/v1.0/identityGovernance/accessReviews/historyDefinitions", json!({ "displayName": "Last quarter" })),
        ("/v1.0/identityGovernance/entitlementManagement/catalogs", json!({ "displayName": "Sales" })),
    ] {
        let entity = create(&world, path, &body);
        assert!(entity["createdDateTime"].as_str().is_some_and(|time| time.starts_with("20")), "{path}: {entity}");
    }
    // A value of the client counts; a change has a time of its own.
    let stated =
        json!({ "title": "Warm up", "createdDateTime": "2020-07-22T10:39:03Z", "lastModifiedDateTime": "2020-07-22T12:02:10Z" });
    let stated = create(&world, &tasks, &stated);
    assert_eq!(stated["createdDateTime"], "2020-07-22T10:39:03Z");
    assert_eq!(stated["lastModifiedDateTime"], "2020-07-22T12:02:10Z");
    let path = format!("{tasks}/{}", id(&stated));
    let (status, changed) = send(&world, Method::PATCH, &path, &json!({ "title": "Warm up at five" }));
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(changed["createdDateTime"], "2020-07-22T10:39:03Z");
    assert_eq!(changed["lastModifiedDateTime"], created, "the clock of the world stays");
    let (_, changed) = send(&world, Method::PATCH, &path, &json!({ "lastModifiedDateTime": "2021-01-01T00:00:00Z" }));
    assert_eq!(changed["lastModifiedDateTime"], "2021-01-01T00:00:00Z");
    // A body without members changes nothing.
    let (_, changed) = send(&world, Method::PATCH, &path, &json!({}));
    assert_eq!(changed["lastModifiedDateTime"], "2021-01-01T00:00:00Z");
}

#[test]
fn a_replacement_keeps_the_time_of_creation() {
    let world = world();
    let definitions = "/v1.0/identityGovernance/accessReviews/definitions";
    let body = json!({ "displayName": "Quarter", "createdDateTime": "2020-07-22T10:39:03Z" });
    let definition = create(&world, definitions, &body);
    let path = format!("{definitions}/{}", id(&definition));
    let (status, body) = send(&world, Method::PUT, &path, &json!({ "displayName": "Month" }));
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    let after = get(&world, &path).1;
    assert_eq!(after["createdDateTime"], definition["createdDateTime"], "{after}");
    assert_eq!(after["displayName"], "Month");
}

#[test]
fn times_of_states_are_never_invented() {
    let emulator = Emulator::builder().build();
    let task = json!({ "id": "t1", "title": "Proof" });
    let state = json!({ "users": [{ "id": "u1", "todo": { "lists": [{ "id": "l1", "tasks": [task] }] } }] });
    assert_eq!(put_state(&emulator, &state), "");
    let request = http::Request::builder().uri("/v1.0/users/u1/todo/lists/l1/tasks/t1").body(Bytes::new()).unwrap();
    let task: Value = serde_json::from_slice(emulator.send(request).body()).unwrap();
    assert_eq!((&task["title"], &task["createdDateTime"]), (&json!("Proof"), &json!("0001-01-01T00:00:00Z")));
    let absent = World::new(settings(&[("server-times", "absent")]));
    let list = create(&absent, "/v1.0/me/todo/lists", &json!({ "displayName": "Bakery" }));
    let task = create(&absent, &format!("/v1.0/me/todo/lists/{}/tasks", id(&list)), &json!({ "title": "Proof" }));
    assert_eq!(task["createdDateTime"], "0001-01-01T00:00:00Z");
}

#[test]
fn a_time_that_the_pages_print_as_null_is_not_set() {
    let world = world();
    let app =
        create(&world, "/v1.0/appCatalogs/teamsApps", &json!({ "displayName": "Ovens", "distributionMethod": "organization" }));
    let path = format!("/v1.0/appCatalogs/teamsApps/{}/appDefinitions", id(&app));
    let definition = create(&world, &path, &json!({ "displayName": "Ovens" }));
    assert_eq!(definition["lastModifiedDateTime"], Value::Null, "{definition}");
}

#[test]
fn links_are_added_and_removed_where_the_pages_have_them() {
    let world = world();
    let group = get(&world, "/v1.0/groups").1["value"][0]["id"].as_str().unwrap().to_owned();
    let management = "/v1.0/identityGovernance/entitlementManagement";
    let package = create(&world, &format!("{management}/accessPackages"), &json!({ "displayName": "Sales" }));
    let organization = create(&world, &format!("{management}/connectedOrganizations"), &json!({ "displayName": "Fabrikam" }));
    for (holder, navigation) in [
        (format!("{management}/accessPackages/{}", id(&package)), "incompatibleGroups"),
        (format!("{management}/connectedOrganizations/{}", id(&organization)), "externalSponsors"),
        (format!("{management}/connectedOrganizations/{}", id(&organization)), "internalSponsors"),
    ] {
        let path = format!("{holder}/{navigation}");
        let link = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/groups/{group}") });
        let (status, body) = send(&world, Method::POST, &format!("{path}/$ref"), &link);
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {body}");
        let (status, body) = get(&world, &path);
        assert_eq!((status, &body["value"][0]["id"]), (StatusCode::OK, &json!(group)), "{path}: {body}");
        let (status, body) = harness::json(&world, Method::DELETE, &format!("{path}/{group}/$ref"), None);
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {body}");
        assert_eq!(get(&world, &path).1["value"], json!([]), "{path}");
        assert_eq!(get(&world, &format!("/v1.0/groups/{group}")).0, StatusCode::OK, "the group stays");
    }
}

#[test]
fn the_base_of_content_types_and_of_roles_is_shown_unasked() {
    let world = world();
    let roles = "/v1.0/roleManagement/directory/roleDefinitions";
    let permissions = json!([{ "allowedResourceActions": ["microsoft.directory/applications/basic/read"] }]);
    let role = |name: &str| json!({ "displayName": name, "isEnabled": true, "rolePermissions": permissions });
    let base = create(&world, roles, &role("Directory Readers"));
    assert_eq!((&base["isBuiltIn"], &base["templateId"]), (&json!(false), &base["id"]));
    let heir = create(&world, roles, &role("Groups Administrator"));
    let bases = format!("{roles}/{}/inheritsPermissionsFrom", id(&heir));
    let inherited = create(&world, &bases, &role("Directory Readers"));
    let (_, shown) = get(&world, &format!("{roles}/{}", id(&heir)));
    assert_eq!(shown["inheritsPermissionsFrom"][0]["id"], inherited["id"], "{shown}");
    let (_, shown) = get(&world, &format!("{roles}/{}", id(&base)));
    assert_eq!(shown["inheritsPermissionsFrom"], json!([]), "{shown}");
    let site = create(&world, "/v1.0/sites", &json!({ "displayName": "Bakery" }));
    let content_types = format!("/v1.0/sites/{}/contentTypes", id(&site));
    let base = create(&world, &content_types, &json!({ "name": "Document Set" }));
    let base_path = format!("https://graph.microsoft.com{content_types}/{}", id(&base));
    let heir = create(&world, &content_types, &json!({ "name": "Recipes", "base@odata.bind": base_path }));
    let (_, shown) = get(&world, &format!("{content_types}/{}", id(&heir)));
    assert_eq!(shown["base"]["name"], "Document Set", "{shown}");
}

#[test]
fn values_in_quotes_are_taken_by_actions_alone() {
    let message =
        json!({ "subject": "Meet for lunch?", "toRecipients": [{ "emailAddress": { "address": "fannyd@contoso.com" } }] });
    for (choice, text, expected) in [
        ("take", "false", StatusCode::ACCEPTED),
        ("take", "true", StatusCode::ACCEPTED),
        ("take", "no", StatusCode::BAD_REQUEST),
        ("take", "False", StatusCode::BAD_REQUEST),
        ("refuse", "false", StatusCode::BAD_REQUEST),
    ] {
        let world = World::new(settings(&[("quoted-arguments", choice)]));
        let sent = || get(&world, "/v1.0/me/mailFolders/sentItems/messages").1["value"].as_array().map_or(0, Vec::len);
        let before = sent();
        let (status, body) =
            send(&world, Method::POST, "/v1.0/me/sendMail", &json!({ "message": message, "saveToSentItems": text }));
        assert_eq!(status, expected, "{choice} {text}: {body}");
        assert_eq!(sent() > before, text == "true", "{choice} {text}");
        let (status, body) = send(&world, Method::POST, "/v1.0/me/messages", &json!({ "subject": "Lunch", "isRead": "false" }));
        assert_eq!(status, StatusCode::BAD_REQUEST, "a property: {body}");
    }
}

#[test]
fn numbers_in_quotes_are_taken_by_actions() {
    for (choice, text, expected) in [
        ("take", "100", StatusCode::OK),
        ("take", "half", StatusCode::BAD_REQUEST),
        ("take", "true", StatusCode::BAD_REQUEST),
        ("refuse", "100", StatusCode::BAD_REQUEST),
    ] {
        let world = World::new(settings(&[("quoted-arguments", choice)]));
        let body = json!({ "minimumAttendeePercentage": text, "meetingDuration": "PT1H" });
        let (status, body) = send(&world, Method::POST, "/v1.0/me/findMeetingTimes", &body);
        assert_eq!(status, expected, "{choice} {text}: {body}");
    }
}

#[test]
fn an_abstract_type_without_a_concrete_one_needs_no_name() {
    let emulator = Emulator::builder().build();
    let problems = |state: Value| put_state(&emulator, &state);
    assert_eq!(
        problems(json!({ "security": { "attackSimulation": { "simulations": [{ "id": "s1", "displayName": "Phish" }] } } })),
        ""
    );
    // Others must be named.
    let problem = problems(json!({ "deviceManagement": { "deviceConfigurations": [{ "id": "c1" }] } }));
    assert!(problem.contains("abstract type microsoft.graph.deviceConfiguration"), "{problem}");
    // And so in a request.
    let world = world();
    let (status, body) = send(&world, Method::PATCH, "/v1.0/security/attackSimulation", &json!({}));
    assert!(status.is_success(), "{body}");
}

#[test]
fn open_extensions_are_found_by_their_names() {
    let world = world();
    let message = create(&world, "/v1.0/me/messages", &json!({ "subject": "Annual review" }));
    let task_list = create(&world, "/v1.0/me/todo/lists", &json!({ "displayName": "Bakery" }));
    for (holder, is_qualified) in [
        (format!("/v1.0/me/messages/{}", id(&message)), true),
        (format!("/v1.0/me/todo/lists/{}", id(&task_list)), true),
        ("/v1.0/me".to_owned(), false),
    ] {
        let extensions = format!("{holder}/extensions");
        let body = json!({ "@odata.type": "microsoft.graph.openTypeExtension", "extensionName": "Com.Contoso.Referral", "dealValue": 10000 });
        let extension = create(&world, &extensions, &body);
        let name = if is_qualified { "microsoft.graph.openTypeExtension.Com.Contoso.Referral" } else { "Com.Contoso.Referral" };
        assert_eq!(extension["id"], name, "{holder}");
        for path in [
            format!("{extensions}/Com.Contoso.Referral"),
            format!("{extensions}('Com.Contoso.Referral')"),
            format!("{extensions}/microsoft.graph.openTypeExtension.Com.Contoso.Referral"),
            format!("{extensions}/Microsoft.OutlookServices.OpenTypeExtension.Com.Contoso.Referral"),
        ] {
            let (status, body) = get(&world, &path);
            assert_eq!((status, &body["id"]), (StatusCode::OK, &json!(name)), "{path}: {body}");
        }
        let path = format!("{extensions}/Com.Contoso.Referral");
        let (status, body) = send(&world, Method::PATCH, &path, &json!({ "dealValue": 1 }));
        assert!(status.is_success(), "{body}");
        assert_eq!(get(&world, &path).1["dealValue"], 1);
        let (status, body) = send(
            &world,
            Method::POST,
            &extensions,
            &json!({ "@odata.type": "microsoft.graph.openTypeExtension", "extensionName": "Com.Contoso.Referral" }),
        );
        assert!(status.is_client_error(), "{body}");
        assert_eq!(get(&world, &format!("{extensions}/Com.Contoso.Other")).0, StatusCode::NOT_FOUND);
        assert_eq!(harness::json(&world, Method::DELETE, &path, None).0, StatusCode::NO_CONTENT);
        assert_eq!(get(&world, &path).0, StatusCode::NOT_FOUND);
    }
}

#[test]
fn places_are_found_by_their_addresses() {
    let world = world();
    let lists =
        json!({ "@odata.type": "#microsoft.graph.roomList", "displayName": "Building 2", "emailAddress": "bldg2@contoso.com" });
    let list = create(&world, "/v1.0/places", &lists);
    let room =
        json!({ "@odata.type": "#microsoft.graph.room", "displayName": "Conf Room 200", "emailAddress": "cf200@contoso.com" });
    let room = create(&world, "/v1.0/places", &room);
    for (path, found) in [
        ("/v1.0/places/bldg2@contoso.com", Some(&list)),
        ("/v1.0/places/BLDG2%40contoso.com", Some(&list)),
        ("/v1.0/places/cf200@contoso.com", Some(&room)),
        ("/v1.0/places/other@contoso.com", None),
    ] {
        let (status, body) = get(&world, path);
        match found {
            Some(place) => assert_eq!((status, &body["id"]), (StatusCode::OK, &place["id"]), "{path}: {body}"),
            None => assert_eq!(status, StatusCode::NOT_FOUND, "{path}"),
        }
    }
    let (status, rooms) = get(&world, "/v1.0/places/bldg2@contoso.com/microsoft.graph.roomList/rooms");
    assert_eq!((status, &rooms["value"]), (StatusCode::OK, &json!([])), "{rooms}");
    let change = json!({ "@odata.type": "#microsoft.graph.room", "nickname": "Conf" });
    let (status, body) = send(&world, Method::PATCH, "/v1.0/places/cf200@contoso.com", &change);
    assert_eq!((status, &body["nickname"]), (StatusCode::OK, &json!("Conf")), "{body}");
}

#[test]
fn new_entities_have_the_values_that_the_pages_print() {
    let world = world();
    let list = create(&world, "/v1.0/me/todo/lists", &json!({ "displayName": "Bakery" }));
    assert_eq!(list["isOwner"], true);
    let task = create(&world, &format!("/v1.0/me/todo/lists/{}/tasks", id(&list)), &json!({ "title": "Sign" }));
    let items = format!("/v1.0/me/todo/lists/{}/tasks/{}/checklistItems", id(&list), id(&task));
    assert_eq!(create(&world, &items, &json!({ "displayName": "Final sign-off" }))["isChecked"], false);
    assert_eq!(create(&world, &items, &json!({ "displayName": "Done", "isChecked": true }))["isChecked"], true);
    let rule =
        json!({ "displayName": "From partner", "sequence": 2, "isEnabled": true, "actions": { "stopProcessingRules": true } });
    let rule = create(&world, "/v1.0/me/mailFolders/inbox/messageRules", &rule);
    assert_eq!((&rule["hasError"], &rule["isReadOnly"]), (&json!(false), &json!(false)));
    let invitation = json!({ "invitedUserEmailAddress": "admin@fabrikam.com", "inviteRedirectUrl": "https://myapp.contoso.com" });
    let invitation = create(&world, "/v1.0/invitations", &invitation);
    assert_eq!((&invitation["status"], &invitation["invitedUserType"]), (&json!("PendingAcceptance"), &json!("Guest")));
    let url = invitation["inviteRedeemUrl"].as_str().unwrap();
    assert!(url.starts_with("https://login.microsoftonline.com/redeem?rd=") && url.contains(id(&invitation)), "{url}");
    let status = json!({ "id": "contoso_recipes", "description": "Recipes", "targetTypes": ["group"], "properties": [] });
    assert_eq!(create(&world, "/v1.0/schemaExtensions", &status)["status"], "InDevelopment");
}

#[test]
fn items_of_a_list_are_numbered() {
    let world = world();
    let site = create(&world, "/v1.0/sites", &json!({ "displayName": "Bakery" }));
    let lists = format!("/v1.0/sites/{}/lists", id(&site));
    for name in ["Widgets", "Recipes"] {
        let list = create(&world, &lists, &json!({ "displayName": name, "list": { "template": "genericList" } }));
        let items = format!("{lists}/{}/items", id(&list));
        for expected in ["1", "2", "3"] {
            let item = create(&world, &items, &json!({ "fields": { "Title": "Widget", "Color": "Purple" } }));
            assert_eq!(item["id"], expected, "{name}");
        }
        assert_eq!(harness::json(&world, Method::DELETE, &format!("{items}/1"), None).0, StatusCode::NO_CONTENT);
        // The third has the number of the items that are there.
        assert_eq!(create(&world, &items, &json!({}))["id"], "4", "{name}");
    }
}

#[test]
fn a_session_of_a_workbook_is_as_it_was_requested() {
    let world = world();
    let file = json!({ "name": "costs.xlsx", "file": {} });
    let file = create(&world, "/v1.0/me/drive/root/children", &file);
    let path = format!("/v1.0/me/drive/items/{}/workbook/createSession", id(&file));
    let mut ids = Vec::new();
    for persists in [true, false] {
        let session = create(&world, &path, &json!({ "persistChanges": persists }));
        assert_eq!(session["persistChanges"], persists, "{session}");
        ids.push(id(&session).to_owned());
    }
    assert!(ids[0] != ids[1] && !ids[0].is_empty(), "{ids:?}");
}

#[test]
fn the_statuses_of_newer_pages() {
    let world = world();
    let status = |method: Method, path: &str, body: &Value| send(&world, method, path, body).0;
    let case = create(&world, "/v1.0/security/cases/ediscoveryCases", &json!({ "displayName": "Flour" }));
    let custodians = format!("/v1.0/security/cases/ediscoveryCases/{}/custodians", id(&case));
    let custodian = create(&world, &custodians, &json!({ "email": "adele@contoso.com" }));
    let released = status(Method::POST, &format!("{custodians}/{}/release", id(&custodian)), &json!({}));
    assert_eq!(released, StatusCode::ACCEPTED);
    let session = json!({ "sessionId": "22553876-f5ab-4529-bffb-cfe50aa89f87" });
    let presence = json!({ "sessionId": session["sessionId"], "availability": "Available", "activity": "Available" });
    for (action, body) in [("setPresence", &presence), ("clearPresence", &session)] {
        assert_eq!(status(Method::POST, &format!("/v1.0/me/presence/{action}"), body), StatusCode::OK, "{action}");
    }
    let acronym = json!({ "displayName": "DNN", "standsFor": "Deep Neural Network", "state": "draft" });
    let (answered, acronym) = send(&world, Method::POST, "/v1.0/search/acronyms", &acronym);
    assert_eq!((answered, acronym["displayName"].as_str()), (StatusCode::OK, Some("DNN")));
    // A column of a content type is answered with 200, that of a site with 201.
    let emulator = Emulator::builder().build();
    assert_eq!(put_state(&emulator, &json!({ "sites": [{ "id": "root", "contentTypes": [{ "id": "0x01" }] }] })), "");
    for (path, body, expected) in [
        ("columns", json!({ "name": "Oven" }), StatusCode::CREATED),
        ("contentTypes/0x01/columns", json!({ "name": "Oven" }), StatusCode::OK),
        ("contentTypes/addCopy", json!({ "contentType": "sites/root/contentTypes/0x01" }), StatusCode::CREATED),
    ] {
        let request = http::Request::post(format!("/v1.0/sites/root/{path}")).header("content-type", "application/json");
        let response = emulator.send(request.body(body.to_string().into()).unwrap());
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((response.status(), &answer["name"]), (expected, &body["name"]), "{path}: {answer}");
    }
    // A session of a workbook ends without a result, other operations of workbooks are answered with 200.
    let file = json!({ "name": "Recipes.xlsx", "file": {} });
    let file = create(&world, "/v1.0/me/drive/root/children", &file);
    let workbook = format!("/v1.0/me/drive/items/{}/workbook", id(&file));
    for action in ["refreshSession", "closeSession"] {
        assert_eq!(status(Method::POST, &format!("{workbook}/{action}"), &json!({})), StatusCode::NO_CONTENT, "{action}");
    }
    let calculated = status(Method::POST, &format!("{workbook}/application/calculate"), &json!({ "calculationType": "Full" }));
    assert_eq!(calculated, StatusCode::OK);
}

#[test]
fn the_body_of_an_operation_behind_the_result_of_another_is_read() {
    let world = world();
    let file = create(&world, "/v1.0/me/drive/root/children", &json!({ "name": "Recipes.xlsx", "file": {} }));
    let range = format!("/v1.0/me/drive/items/{}/workbook/worksheets/1/range(address='A1')", id(&file));
    let sheets = format!("/v1.0/me/drive/items/{}/workbook/worksheets", id(&file));
    let sheet = create(&world, &sheets, &json!({ "name": "Bread" }));
    let range = range.replace("worksheets/1/", &format!("worksheets/{}/", id(&sheet)));
    let post = |path: &str, body: &Value| send(&world, Method::POST, &format!("{range}/{path}"), body);
    assert_eq!(post("insert", &json!({ "shift": "Down" })).0, StatusCode::OK);
    for (path, body) in [
        ("insert", json!({ "shift": 12 })),
        ("insert", json!({ "nope": 1 })),
        ("insert", json!({})),
        ("clear", json!({ "applyTo": [] })),
        ("usedRange/clear", json!({ "applyTo": 7 })),
        ("format/borders/itemAt", json!({ "index": "first" })),
        ("format/borders", json!({ "color": 7 })),
    ] {
        let (status, answer) = post(path, &body);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}: {answer}");
    }
    // The parameters of a function can be in the body, and an entity can be added to a collection.
    assert_eq!(post("format/borders/itemAt", &json!({ "index": 1 })).0, StatusCode::OK);
    let (status, border) = post("format/borders", &json!({ "color": "red" }));
    assert_eq!((status, border["color"].as_str()), (StatusCode::CREATED, Some("red")));
    // A path that ends with a member has no POST (behavior `wrong-method`).
    let (status, answer) = post("format", &json!({}));
    assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
}

#[test]
fn an_action_with_a_result_of_its_own_type_returns_the_entity() {
    let school = |choices: &[(&str, &str)]| {
        let world = World::new(settings(choices));
        let class = create(&world, "/v1.0/education/classes", &json!({ "displayName": "Baking" }));
        let assignments = format!("/v1.0/education/classes/{}/assignments", id(&class));
        let assignment = create(&world, &assignments, &json!({ "displayName": "Bread" }));
        let path = format!("{assignments}/{}", id(&assignment));
        let (status, answer) = send(&world, Method::POST, &format!("{path}/setUpResourcesFolder"), &json!({}));
        assert_eq!(status, StatusCode::OK, "{answer}");
        let (missing, _) = send(&world, Method::POST, &format!("{assignments}/none/setUpResourcesFolder"), &json!({}));
        assert_eq!(missing, StatusCode::NOT_FOUND);
        (assignment, answer)
    };
    let (assignment, answer) = school(&[]);
    assert_eq!((&answer["id"], &answer["displayName"]), (&assignment["id"], &json!("Bread")));
    let context = answer["@odata.context"].as_str().unwrap();
    assert!(context.ends_with("/v1.0/$metadata#educationAssignment"), "{context}");
    assert_eq!(answer["@odata.type"], "#microsoft.graph.educationAssignment");
    let (assignment, answer) = school(&[("bound-results", "blank")]);
    assert!(answer["id"] != assignment["id"] && answer["displayName"] == Value::Null, "{answer}");
    // A redirected job is another one.
    let world = world();
    let printer = create(&world, "/v1.0/print/shares", &json!({ "displayName": "Kitchen" }));
    let jobs = format!("/v1.0/print/shares/{}/jobs", id(&printer));
    let job = create(&world, &jobs, &json!({}));
    let redirect = format!("{jobs}/{}/redirect", id(&job));
    let body = json!({ "destinationPrinterId": "2", "configuration": { "copies": 2, "finishings": null } });
    let (_, redirected) = send(&world, Method::POST, &redirect, &body);
    assert_ne!(redirected["id"], job["id"]);
    // It has the arguments of the names of its members.
    assert_eq!(redirected["configuration"]["copies"], 2, "{redirected}");
}

#[test]
fn an_add_action_adds_to_the_collection() {
    let world = world();
    let file = create(&world, "/v1.0/me/drive/root/children", &json!({ "name": "Recipes.xlsx", "file": {} }));
    let workbook = format!("/v1.0/me/drive/items/{}/workbook", id(&file));
    for (collection, body, member) in [
        ("worksheets", json!({ "name": "Bread" }), "name"),
        ("names", json!({ "name": "Flour", "reference": "=Bread!$F$15", "comment": "In kilograms" }), "comment"),
        ("tables", json!({ "address": "A1:D8", "hasHeaders": true }), "id"),
    ] {
        let (status, added) = send(&world, Method::POST, &format!("{workbook}/{collection}/add"), &body);
        assert_eq!(status, StatusCode::OK, "{collection}: {added}");
        if let Some(value) = body.get(member) {
            assert_eq!(&added[member], value, "{collection}: {added}");
        }
        let listed = get(&world, &format!("{workbook}/{collection}")).1;
        assert_eq!((&listed["value"][0]["id"], &listed["value"][0][member]), (&added["id"], &added[member]), "{listed}");
    }
    let table = get(&world, &format!("{workbook}/tables")).1["value"][0]["id"].as_str().unwrap().to_owned();
    let rows = format!("{workbook}/tables/{table}/rows");
    let (status, row) = send(&world, Method::POST, &format!("{rows}/add"), &json!({ "index": 2, "values": [[1, 2]] }));
    assert_eq!((status, &row["index"], &row["values"]), (StatusCode::OK, &json!(2), &json!([[1, 2]])), "{row}");
    assert_eq!(get(&world, &rows).1["value"][0]["values"], json!([[1, 2]]));
}

#[test]
fn categories_and_a_rubric_are_linked_to_an_assignment() {
    let world = world();
    let class = create(&world, "/v1.0/education/classes", &json!({ "displayName": "Baking" }));
    let class = format!("/v1.0/education/classes/{}", id(&class));
    let assignment = create(&world, &format!("{class}/assignments"), &json!({ "displayName": "Bread" }));
    let assignment = format!("{class}/assignments/{}", id(&assignment));
    let category = create(&world, &format!("{class}/assignmentCategories"), &json!({ "displayName": "Dough" }));
    let link = json!({ "@odata.id": format!("https://graph.microsoft.com{class}/assignmentCategories/{}", id(&category)) });
    let (status, answer) = send(&world, Method::POST, &format!("{assignment}/categories/$ref"), &link);
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    let listed = get(&world, &format!("{assignment}/categories")).1;
    assert_eq!(listed["value"][0]["displayName"], "Dough", "{listed}");
    let removed = format!("{assignment}/categories/{}/$ref", id(&category));
    assert_eq!(send(&world, Method::DELETE, &removed, &json!({})).0, StatusCode::NO_CONTENT);
    assert_eq!(get(&world, &format!("{assignment}/categories")).1["value"], json!([]));
    let rubric = create(&world, "/v1.0/education/me/rubrics", &json!({ "displayName": "Crust" }));
    let link = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/education/me/rubrics/{}", id(&rubric)) });
    let (status, answer) = send(&world, Method::PUT, &format!("{assignment}/rubric/$ref"), &link);
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert_eq!(get(&world, &format!("{assignment}/rubric")).1["displayName"], "Crust");
}

#[test]
fn an_action_sets_the_members_that_its_page_names() {
    let world = world();
    let class = create(&world, "/v1.0/education/classes", &json!({ "displayName": "Baking" }));
    let assignments = format!("/v1.0/education/classes/{}/assignments", id(&class));
    let assignment = create(&world, &assignments, &json!({ "displayName": "Bread" }));
    let assignment = format!("{assignments}/{}", id(&assignment));
    let post = |path: &str, body: &Value| send(&world, Method::POST, path, body);
    assert_eq!(post(&format!("{assignment}/publish"), &json!({})).0, StatusCode::NO_CONTENT);
    let published = get(&world, &assignment).1;
    assert_eq!(published["status"], "assigned", "{published}");
    assert!(published["assignedDateTime"].as_str().is_some_and(|time| time.starts_with("20")), "{published}");
    // A member above the sentinel is shown to those that ask for it.
    let inactive = post(&format!("{assignment}/deactivate"), &json!({})).1;
    assert_eq!((&inactive["status"], &inactive["displayName"]), (&json!("unknownFutureValue"), &json!("Bread")));
    let active = post(&format!("{assignment}/activate"), &json!({})).1;
    assert_eq!(active["status"], "assigned", "{active}");
    assert!(active["@odata.context"].as_str().unwrap().ends_with("/v1.0/$metadata#educationAssignment"), "{active}");

    let submission = create(&world, &format!("{assignment}/submissions"), &json!({}));
    let submission = format!("{assignment}/submissions/{}", id(&submission));
    assert_eq!(post(&format!("{submission}/submit"), &json!({})).0, StatusCode::NO_CONTENT);
    let submitted = get(&world, &submission).1;
    assert_eq!(submitted["status"], "submitted", "{submitted}");
    assert!(submitted["submittedBy"]["user"]["id"].is_string() && submitted["submittedDateTime"].is_string(), "{submitted}");
    let (status, returned) = post(&format!("{submission}/return"), &json!({}));
    assert_eq!((status, &returned["status"], &returned["id"]), (StatusCode::OK, &json!("returned"), &submitted["id"]));
    assert_eq!(returned["submittedDateTime"], submitted["submittedDateTime"]);
    assert_eq!(post(&format!("{submission}/unsubmit"), &json!({})).1["status"], "working");

    let case = create(&world, "/v1.0/security/cases/ediscoveryCases", &json!({ "displayName": "Flour" }));
    let case = format!("/v1.0/security/cases/ediscoveryCases/{}", id(&case));
    assert_eq!(post(&format!("{case}/close"), &json!({})).0, StatusCode::NO_CONTENT);
    let closed = get(&world, &case).1;
    assert_eq!((&closed["status"], closed["closedDateTime"].is_string()), (&json!("closed"), true), "{closed}");

    let risky = create(&world, "/v1.0/identityProtection/riskyUsers", &json!({ "riskLevel": "high", "riskState": "atRisk" }));
    let other = create(&world, "/v1.0/identityProtection/riskyUsers", &json!({ "riskLevel": "high", "riskState": "atRisk" }));
    let dismissed = json!({ "userIds": [id(&risky), "unknown"] });
    assert_eq!(post("/v1.0/identityProtection/riskyUsers/dismiss", &dismissed).0, StatusCode::NO_CONTENT);
    let level = |user: &Value| get(&world, &format!("/v1.0/identityProtection/riskyUsers/{}", id(user))).1["riskLevel"].clone();
    assert_eq!((level(&risky), level(&other)), (json!("none"), json!("high")));
}

#[test]
fn a_link_that_a_body_states_twice_is_refused_in_any_order() {
    let world = world();
    let members = [r#""manager":{"id":"x"}"#, r#""manager@odata.bind":"https://graph.microsoft.com/v1.0/users/x""#];
    for [first, second] in [members, [members[1], members[0]]] {
        let user = r#""accountEnabled":true,"displayName":"A","mailNickname":"a","userPrincipalName":"a@contoso.com""#;
        let password = r#""passwordProfile":{"password":"xWwvJ]6NMw+bWH-d"}"#;
        let body = format!("{{{user},{password},{first},{second}}}");
        let (status, error) = harness::json(&world, Method::POST, "/v1.0/users", Some(&body));
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains("manager"), "{error}");
    }
}
