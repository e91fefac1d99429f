//! Entities whose fixtures leave out the type that they have.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::Emulator;

/// Returns an emulator with a state.
fn emulator(state: &Value) -> Emulator {
    let emulator = Emulator::builder().build();
    let request = http::Request::put("/_emulator/worlds/default/state").header("content-type", "application/json");
    let response = emulator.send(request.body(state.to_string().into()).unwrap());
    assert!(response.status().is_success(), "{:?}", response.body());
    emulator
}

fn send(emulator: &Emulator, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
    let request = http::Request::builder().method(method).uri(path).header("consistencylevel", "eventual");
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string().into()),
        None => request.body(bytes::Bytes::new()),
    };
    let response = emulator.send(request.unwrap());
    let body = serde_json::from_slice(response.body()).unwrap_or_else(|_| String::from_utf8_lossy(response.body()).into());
    (response.status(), body)
}

fn get(emulator: &Emulator, path: &str) -> (StatusCode, Value) {
    send(emulator, Method::GET, path, None)
}

/// Returns an emulator with a group of one object that has no type.
fn group_of_one() -> Emulator {
    let member = json!({
        "id": "11111111-2222-4333-8444-555555555555", "displayName": "AAD Contoso Users", "mail": "users@contoso.com",
        "passwordProfile": { "password": "Hidden-1" }, "contoso_rank": 3,
        "passwordCredentials": [{ "keyId": "1e8aed55-f4c1-41f4-acf7-cdbeb15c5d46", "secretText": "Hidden-2", "hint": "Hid" }],
    });
    emulator(
        &json!({ "groups": [{ "id": "3d88b7a2-f988-4f4b-bb34-d66df66af126", "displayName": "g", "transitiveMembers": [member] }] }),
    )
}

const MEMBERS: &str = "/v1.0/groups/3d88b7a2-f988-4f4b-bb34-d66df66af126/transitiveMembers";

#[test]
fn members_of_an_object_are_those_of_the_type_it_is_shown_as() {
    let emulator = group_of_one();
    let first = |path: &str| get(&emulator, path).1["value"][0].clone();
    let user =
        first(&format!("{MEMBERS}/microsoft.graph.user?$count=true&$filter=startswith(displayName,'a')&$orderby=displayName"));
    assert_eq!((&user["displayName"], &user["mail"]), (&json!("AAD Contoso Users"), &json!("users@contoso.com")), "{user}");
    assert_eq!(user.get("contoso_rank"), None, "a user shows some members only: {user}");
    let selected = first(&format!("{MEMBERS}/microsoft.graph.user?$count=true&$select=mail,contoso_rank"));
    assert_eq!(selected, json!({ "mail": "users@contoso.com", "contoso_rank": 3 }));
    let group = first(&format!("{MEMBERS}/microsoft.graph.group?$count=true")).to_string();
    assert_eq!((group.matches("\"displayName\"").count(), group.matches("\"contoso_rank\"").count()), (1, 1), "{group}");
    let object = format!("{MEMBERS}/11111111-2222-4333-8444-555555555555");
    assert_eq!(get(&emulator, &format!("{object}/microsoft.graph.user")).1["displayName"], "AAD Contoso Users");
    for name in ["displayName", "microsoft.graph.user/displayName"] {
        let (status, value) = get(&emulator, &format!("{object}/{name}"));
        assert_eq!((status, &value["value"]), (StatusCode::OK, &json!("AAD Contoso Users")), "{name}: {value}");
    }
    assert_eq!(get(&emulator, &format!("{object}/microsoft.graph.user/mail/$value")).1, "users@contoso.com");
    assert_eq!(get(&emulator, &format!("{object}/microsoft.graph.user/jobTitle")).0, StatusCode::NO_CONTENT);
}

#[test]
fn no_answer_has_what_any_type_hides() {
    let emulator = group_of_one();
    let object = format!("{MEMBERS}/11111111-2222-4333-8444-555555555555");
    let casts = ["", "/microsoft.graph.user", "/microsoft.graph.application", "/microsoft.graph.group"];
    let tails = ["", "?$select=passwordProfile", "?$select=passwordCredentials", "/passwordProfile", "/passwordCredentials"];
    for cast in casts {
        for tail in tails {
            let (status, body) = get(&emulator, &format!("{object}{cast}{tail}"));
            let is_user = cast.ends_with("user") && tail.contains("Credentials")
                || cast.ends_with("application") && tail.contains("Profile");
            assert!(status.is_success() || is_user || cast.ends_with("group"), "{cast}{tail}: {body}");
            assert!(!body.to_string().contains("Hidden-"), "{cast}{tail}: {body}");
        }
        let (_, body) = get(&emulator, &format!("{MEMBERS}{cast}?$count=true&$select=passwordProfile,passwordCredentials"));
        assert!(!body.to_string().contains("Hidden-"), "{cast}: {body}");
    }
    let (_, body) = get(&emulator, "/v1.0/groups?$expand=transitiveMembers");
    assert!(body.to_string().contains("AAD Contoso") && !body.to_string().contains("Hidden-"), "{body}");
    // The state has them: it is read again.
    assert_eq!(get(&emulator, "/_emulator/worlds/default/state?secrets=true").1.to_string().matches("Hidden-").count(), 2);
}

#[test]
fn a_change_that_names_a_type_gives_it_to_the_entity() {
    let locations =
        json!({ "namedLocations": [{ "id": "l1", "displayName": "North America" }, { "id": "l2", "displayName": "Office" }] });
    let emulator = emulator(&json!({ "identity": { "conditionalAccess": locations } }));
    let path = |id: &str| format!("/v1.0/identity/conditionalAccess/namedLocations/{id}");
    let change = |id: &str, body: Value| send(&emulator, Method::PATCH, &path(id), Some(&body));
    let country = json!({ "@odata.type": "#microsoft.graph.countryNamedLocation", "countriesAndRegions": ["CA", "US"] });
    assert_eq!(change("l1", country).0, StatusCode::NO_CONTENT);
    let location = get(&emulator, &path("l1")).1;
    assert_eq!(location["@odata.type"], "#microsoft.graph.countryNamedLocation", "{location}");
    assert_eq!((&location["countriesAndRegions"], &location["displayName"]), (&json!(["CA", "US"]), &json!("North America")));
    let ip = json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": true });
    assert_eq!(change("l1", ip.clone()).0, StatusCode::BAD_REQUEST, "it has a type");
    assert_eq!(change("l2", ip).0, StatusCode::NO_CONTENT);
    assert_eq!(get(&emulator, &path("l2")).1["isTrusted"], true);
    // Other types of the base of which entities are have no such change.
    let message = json!({ "subject": "Lunch" });
    let (_, message) = send(&emulator, Method::POST, "/v1.0/me/messages", Some(&message));
    let path = format!("/v1.0/me/messages/{}", message["id"].as_str().unwrap());
    let event = json!({ "@odata.type": "#microsoft.graph.eventMessage", "subject": "Dinner" });
    assert_eq!(send(&emulator, Method::PATCH, &path, Some(&event)).0, StatusCode::BAD_REQUEST);
}

#[test]
fn what_a_derived_type_shows_unasked_comes_with_its_entities() {
    let printer = json!({ "id": "p1", "displayName": "Test Printer", "manufacturer": "Contoso" });
    let operation =
        json!({ "@odata.type": "#microsoft.graph.printerCreateOperation", "id": "o1", "certificate": "c", "printer": printer });
    let emulator = emulator(&json!({ "print": { "operations": [operation] } }));
    let operations = "/v1.0/print/operations";
    for path in [format!("{operations}/o1"), format!("{operations}/o1/microsoft.graph.printerCreateOperation")] {
        let (status, body) = get(&emulator, &path);
        assert_eq!((status, &body["printer"]["displayName"]), (StatusCode::OK, &json!("Test Printer")), "{path}: {body}");
        let context = body["@odata.context"].as_str().unwrap();
        assert!(!context.contains("printer("), "{context}");
    }
    let list = get(&emulator, operations).1;
    assert_eq!(list["value"][0]["printer"]["id"], "p1", "{list}");
    // Not with a selection, and once where it is asked for.
    assert_eq!(get(&emulator, &format!("{operations}/o1?$select=id")).1.get("printer"), None);
    let expanded = format!("{operations}/o1?$expand=microsoft.graph.printerCreateOperation/printer($select=id)");
    let (status, body) = get(&emulator, &expanded);
    assert_eq!((status, &body["printer"]), (StatusCode::OK, &json!({ "id": "p1" })), "{body}");
}
