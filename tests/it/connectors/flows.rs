//! Flows of Shifts, made to happen by requests to Graph: what the connector is sent, and what becomes of the state.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edge::control::act_from_json;
use wfi_emulator::internals::graph::request::Body;
use wfi_emulator::internals::graph::step::{Answer, Step};
use wfi_emulator::internals::world::World;

use super::approval::{INTEGRATION, SCHEDULE, approves, body_of, plaintext, play, refuses};
use super::example::{Connector, program};
use crate::support::harness::{self, request};

/// Worker, her colleague who is also an owner of the team, and another owner.
pub(super) const ALICE: &str = "c5d0c76b-80c4-481c-be50-923cd8d680a1";
pub(super) const BOB: &str = "366c0b19-49b1-41b5-a03f-9f3887bd0ed8";
pub(super) const GROUP: &str = "TAG_228940ed-ff84-4e25-b129-1b395cf78be0";

pub(super) const ALL: &str =
    "Shift,SwapRequest,UserShiftPreferences,OpenShift,OpenShiftRequest,OfferShiftRequest,TimeOff,TimeOffReason,TimeOffRequest";

/// Schedule with a shift of each, an open shift with one slot, and a connector that approves all kinds.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) alices: String,
    pub(super) bobs: String,
    pub(super) open: String,
}

pub(super) fn scene(choices: &[(&str, &str)]) -> Scene {
    let world = harness::world(choices);
    let supported = json!({ "supportedEntities": ALL, "eligibilityFilteringEnabledEntities": "none" }).to_string();
    assert_eq!(harness::json(&world, Method::PATCH, INTEGRATION, Some(&supported)).0, StatusCode::OK);
    let create = |collection: &str, body: Value| {
        let (status, made) = harness::json(&world, Method::POST, &format!("{SCHEDULE}/{collection}"), Some(&body.to_string()));
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["id"].as_str().unwrap().to_owned()
    };
    let item = |day: u32, theme: &str| {
        let (start, end) = (format!("2026-12-{day}T14:00:00Z"), format!("2026-12-{day}T22:00:00Z"));
        json!({ "displayName": "d", "startDateTime": start, "endDateTime": end, "theme": theme })
    };
    let shift = |user: &str, day| json!({ "userId": user, "schedulingGroupId": GROUP, "sharedShift": item(day, "blue") });
    let alices = create("shifts", shift(ALICE, 11));
    let bobs = create("shifts", shift(BOB, 12));
    let mut open_item = item(13, "green");
    open_item["openSlotCount"] = 1.into();
    let open = create("openShifts", json!({ "schedulingGroupId": GROUP, "sharedOpenShift": open_item }));
    let binding = json!({ "enabled": true, "timeZone": "America/Chicago", "workforceIntegrationIds": [INTEGRATION.rsplit('/').next().unwrap()] });
    assert_eq!(harness::json(&world, Method::PUT, SCHEDULE, Some(&binding.to_string())).0, StatusCode::OK);
    Scene { world, alices, bobs, open }
}

impl Scene {
    /// Sends a request as a user. Returns the answer and the elements that the connector was sent.
    pub(super) fn act(&self, user: &str, method: Method, path: &str, body: &Value) -> (Answer, Vec<Value>) {
        self.act_with(user, method, path, body, approves)
    }

    fn act_with(
        &self,
        user: &str,
        method: Method,
        path: &str,
        body: &Value,
        connector: impl Fn(&Value) -> wfi_emulator::internals::world::outbound::CallOutcome,
    ) -> (Answer, Vec<Value>) {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{SCHEDULE}/{path}") };
        let mut request = request(method, &path, body);
        if body.is_null() {
            request.body = Body::Whole(Bytes::new());
        }
        request.headers.insert("authorization", harness::delegated(user).parse().unwrap());
        let (answer, calls) = play(&self.world, &request, connector);
        assert!(calls.len() <= 1, "one batch per flow");
        (answer, calls.first().map(|(_, message)| message["requests"].as_array().unwrap().clone()).unwrap_or_default())
    }

    pub(super) fn ask(&self, user: &str, collection: &str, body: &Value) -> (String, Vec<Value>) {
        let (answer, elements) = self.act(user, Method::POST, collection, body);
        assert!(answer.response.status().is_success(), "{}", body_of(&answer));
        (body_of(&answer)["id"].as_str().unwrap().to_owned(), elements)
    }

    pub(super) fn done(&self, user: &str, path: &str, body: &Value) -> Vec<Value> {
        let (answer, elements) = self.act(user, Method::POST, path, body);
        assert_eq!(answer.response.status(), StatusCode::NO_CONTENT, "{path}: {}", body_of(&answer));
        elements
    }

    pub(super) fn get(&self, path: &str) -> Value {
        harness::json(&self.world, Method::GET, &format!("{SCHEDULE}/{path}"), None).1
    }

    pub(super) fn list(&self, collection: &str) -> Vec<Value> {
        self.get(collection)["value"].as_array().unwrap().clone()
    }

    fn state(&self) -> Value {
        let collections = ["shifts", "openShifts", "timesOff", "swapShiftsChangeRequests", "openShiftChangeRequests"];
        json!(collections.map(|collection| self.list(collection)))
    }
}

/// Returns methods and segments of elements.
pub(super) fn outline(elements: &[Value]) -> Vec<String> {
    let segment = |element: &Value| element["url"].as_str().unwrap().split('/').nth(1).unwrap().to_owned();
    elements.iter().map(|element| format!("{} {}", element["method"].as_str().unwrap(), segment(element))).collect()
}

/// Returns the names of the members of a value at any depth, and the words of enums.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let is_word = ["theme", "state", "assignedTo", "method", "type", "daysOfWeek"].contains(&name.as_str());
                let is_kept = is_word || value.is_boolean() || value.is_null();
                (name.clone(), if is_kept { value.clone() } else { shape(value) })
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(shape).collect::<Vec<_>>().into(),
        _ => Value::Null,
    }
}

#[test]
fn a_swap_is_lived_through() {
    let scene = scene(&[]);
    let body = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs, "senderMessage": "please" });
    let (id, sent) = scene.ask(ALICE, "swapShiftsChangeRequests", &body);
    let tracked = json!({
        "id": null, "createdDateTime": null, "lastModifiedDateTime": null, "lastModifiedBy": { "user": { "id": null, "displayName": null } },
        "assignedTo": "Recipient", "state": "Pending", "senderUserId": null, "senderMessage": null, "senderDateTime": null,
        "managerUserId": null, "managerActionMessage": null,
        "senderShiftId": null, "recipientShiftId": null, "recipientUserId": null, "recipientActionMessage": null,
    });
    assert_eq!(shape(&sent[0]["body"]), tracked);
    assert_eq!(outline(&sent), ["POST swapRequests"]);
    let request = format!("swapShiftsChangeRequests/{id}");
    let shifts = scene.list("shifts").len();
    // The sender and strangers do not decide.
    let (answer, _) = scene.act(ALICE, Method::POST, &format!("{request}/approve"), &json!({}));
    assert_eq!(answer.response.status(), StatusCode::FORBIDDEN);
    let accepted = scene.done(BOB, &format!("{request}/approve"), &json!({}));
    assert_eq!(
        (outline(&accepted), &accepted[0]["body"]["assignedTo"]),
        (vec!["PUT swapRequests".to_owned()], &json!("Manager"))
    );
    let (answer, _) = scene.act(ALICE, Method::POST, &format!("{request}/approve"), &json!({}));
    assert_eq!(answer.response.status(), StatusCode::FORBIDDEN, "a worker does not manage");
    let approved = scene.done(BOB, &format!("{request}/approve"), &json!({ "message": "ok" }));
    let outline = outline(&approved);
    assert_eq!(outline, ["PUT swapRequests", "DELETE shifts", "DELETE shifts", "POST shifts", "POST shifts"]);
    assert_eq!((&approved[1]["id"], &approved[2]["id"]), (&json!(scene.alices), &json!(scene.bobs)));
    assert_eq!(approved[0]["body"]["managerUserId"], BOB);
    for (element, user, day) in [(3, BOB, "2026-12-11T14:00:00.000Z"), (4, ALICE, "2026-12-12T14:00:00.000Z")] {
        let body = &approved[element]["body"];
        assert_eq!((&body["userId"], &body["sharedShift"]["startDateTime"]), (&json!(user), &json!(day)));
        let stored = scene.get(&format!("shifts/{}", approved[element]["id"].as_str().unwrap()));
        assert_eq!(stored["userId"], user, "stored under the approved id");
    }
    assert_eq!(scene.list("shifts").len(), shifts);
    assert_eq!(scene.get(&request)["state"], "approved");
    let (answer, _) = scene.act(BOB, Method::POST, &format!("{request}/decline"), &json!({}));
    assert_eq!(answer.response.status(), StatusCode::BAD_REQUEST, "a request is decided once");
}

#[test]
fn a_refused_flow_changes_nothing() {
    let scene = scene(&[]);
    let body = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs });
    let (id, _) = scene.ask(ALICE, "swapShiftsChangeRequests", &body);
    let path = format!("swapShiftsChangeRequests/{id}/approve");
    scene.done(BOB, &path, &Value::Null);
    let before = scene.state();
    for refused in 0..5 {
        let connector = |message: &Value| {
            let mut message = message.clone();
            let elements = message["requests"].as_array_mut().unwrap();
            let element = elements.swap_remove(refused);
            *elements = vec![element];
            refuses(&message)
        };
        let (answer, sent) = scene.act_with(BOB, Method::POST, &path, &json!({}), connector);
        assert_eq!((answer.response.status(), sent.len()), (StatusCode::BAD_REQUEST, 5), "element {refused}");
        let error = body_of(&answer)["error"]["message"].as_str().unwrap().to_owned();
        assert!(error.contains("Not on a Sunday."), "{error}");
        assert_eq!(scene.state(), before, "element {refused}");
    }
}

#[test]
fn the_last_slot_of_an_open_shift_declines_the_other_requests() {
    let scene = scene(&[]);
    let body = json!({ "openShiftId": scene.open, "senderMessage": "me" });
    let (id, sent) = scene.ask(ALICE, "openShiftChangeRequests", &body);
    assert_eq!((outline(&sent), &sent[0]["body"]["assignedTo"]), (vec!["POST openshiftrequests".to_owned()], &json!("Manager")));
    let (other, _) = scene.ask(BOB, "openshiftchangerequests", &body);
    let approved = scene.done(BOB, &format!("openShiftChangeRequests/{id}/approve"), &json!({}));
    assert_eq!(outline(&approved), ["PUT openshiftrequests", "POST shifts", "PUT openshifts", "PUT openshiftrequests"]);
    assert_eq!(approved[2]["body"]["sharedOpenShift"]["openSlotCount"], 0);
    let declined = &approved[3]["body"];
    assert_eq!((&declined["state"], &declined["assignedTo"]), (&json!("Declined"), &json!("System")));
    assert_eq!(declined["managerUserId"], Value::Null);
    assert_eq!(scene.get(&format!("openShiftChangeRequests/{other}"))["state"], "declined");
    assert_eq!(scene.get(&format!("openShifts/{}", scene.open))["sharedOpenShift"]["openSlotCount"], 0);
    let (answer, _) = scene.act(ALICE, Method::POST, "openShiftChangeRequests", &body);
    assert_eq!(answer.response.status(), StatusCode::BAD_REQUEST, "no slot is left");
}

#[test]
fn time_off_is_granted() {
    let scene = scene(&[]);
    let body = json!({ "timeOffReasonId": "TOR_891045ca-b5d2-406b-aa06-a3c8921245d7", "senderMessage": "me",
        "startDateTime": "2026-12-20T05:00:00Z", "endDateTime": "2026-12-21T05:00:00Z" });
    let (id, sent) = scene.ask(ALICE, "timeOffRequests", &body);
    assert_eq!(outline(&sent), ["POST timeOffRequests"]);
    let times = scene.list("timesOff").len();
    let approved = scene.done(BOB, &format!("timeOffRequests/{id}/approve"), &json!({ "message": "ok" }));
    assert_eq!(outline(&approved), ["PUT timeOffRequests"], "no call for the time off is known");
    assert_eq!(approved[0]["body"]["managerActionMessage"], "ok");
    let times_off = scene.list("timesOff");
    assert_eq!((times_off.len(), &times_off[times]["userId"]), (times + 1, &json!(ALICE)));
    let (id, _) = scene.ask(ALICE, "timeOffRequests", &body);
    let (answer, taken_back) = scene.act(ALICE, Method::DELETE, &format!("timeOffRequests/{id}"), &Value::Null);
    assert_eq!(answer.response.status(), StatusCode::NO_CONTENT);
    assert_eq!((outline(&taken_back), &taken_back[0]["body"]), (vec!["DELETE timeOffRequests".to_owned()], &Value::Null));
}

#[test]
fn a_deletion_is_staged_then_shared() {
    let scene = scene(&[]);
    let path = format!("shifts/{}", scene.alices);
    let staged = scene.done(BOB, &format!("{path}/stageForDeletion"), &Value::Null);
    let body = &staged[0]["body"];
    assert_eq!((&body["sharedShift"]["isActive"], &body["draftShift"]["isActive"]), (&json!(true), &json!(false)));
    assert_eq!(scene.get(&path)["isStagedForDeletion"], true);
    let period = |start: &str, end: &str| json!({ "notifyTeam": true, "startDateTime": start, "endDateTime": end });
    assert_eq!(scene.done(BOB, "share", &period("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z")), Vec::<Value>::new());
    let shared = scene.done(BOB, "share", &period("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"));
    assert_eq!(outline(&shared), ["PUT shifts"]);
    let body = &shared[0]["body"];
    assert_eq!((&body["sharedShift"]["isActive"], body.get("draftShift")), (&json!(false), None));
    assert_eq!(scene.get(&path)["error"]["code"], "NotFound");
}

#[test]
fn an_edited_shift_is_active() {
    let scene = scene(&[]);
    let body = json!({ "userId": ALICE, "schedulingGroupId": GROUP,
        "sharedShift": { "displayName": "d", "startDateTime": "2026-12-11T15:00:00Z", "endDateTime": "2026-12-11T22:00:00Z", "theme": "darkBlue" } });
    let (answer, sent) = scene.act(BOB, Method::PUT, &format!("shifts/{}", scene.alices), &body);
    assert_eq!(answer.response.status(), StatusCode::NO_CONTENT);
    let item = &sent[0]["body"]["sharedShift"];
    assert_eq!((&item["isActive"], &item["theme"], &item["notes"]), (&json!(true), &json!("DarkBlue"), &Value::Null));
}

#[test]
fn each_theme_is_stored_and_sent_with_a_capital() {
    let scene = scene(&[]);
    let themes = "white blue green purple pink yellow gray darkBlue darkGreen darkPurple darkPink darkYellow darkRed cranberry darkOrange \
        bronze peach gold lime forest lightGreen jade lightTeal darkTeal steel skyBlue blueGray lavender lilac plum magenta darkBrown \
        beige charcoal silver";
    assert_eq!(themes.split_whitespace().count(), 35, "all but the sentinel");
    for theme in themes.split_whitespace() {
        let item = json!({ "startDateTime": "2026-12-11T15:00:00Z", "endDateTime": "2026-12-11T22:00:00Z", "theme": theme });
        let (id, sent) = scene.ask(BOB, "shifts", &json!({ "userId": ALICE, "schedulingGroupId": GROUP, "sharedShift": item }));
        let capital = theme[..1].to_uppercase() + &theme[1..];
        assert_eq!(sent[0]["body"]["sharedShift"]["theme"], capital);
        let mut get = request(Method::GET, &format!("{SCHEDULE}/shifts/{id}"), &Value::Null);
        get.headers.insert("prefer", "include-unknown-enum-members".parse().unwrap());
        assert_eq!(body_of(&play(&scene.world, &get, approves).0)["sharedShift"]["theme"], theme);
    }
}

#[test]
fn writes_of_the_integration_itself_are_not_sent() {
    let scene = scene(&[]);
    let id = INTEGRATION.rsplit('/').next().unwrap();
    for (choice, header, calls) in [("ask", id, 1), ("skip", "other", 1), ("skip", id, 0)] {
        let mut behaviors = scene.world.behaviors.clone();
        behaviors.set("passthrough", choice).unwrap();
        let world = scene.world.with_behaviors(behaviors);
        let mut put = request(Method::DELETE, &format!("{SCHEDULE}/shifts/{}", scene.alices), &Value::Null);
        put.headers.insert("x-ms-wfmpassthrough", header.parse().unwrap());
        let (_, made) = play(&world, &put, refuses);
        assert_eq!(made.len(), calls, "{choice} {header}");
        if calls == 0 {
            let (answer, _) = play(&world, &put, approves);
            assert_eq!(answer.response.status(), StatusCode::NOT_FOUND, "it is gone");
        }
    }
}

#[test]
fn only_eligible_shifts_can_be_asked_for() {
    let utc = "startTime=2026-12-01T00:00:00.0000000Z&endTime=2026-12-31T23:59:59.9990000Z";
    let chicago = "startTime=2026-12-01T06:00:00.0000000Z&endTime=2027-01-01T05:59:59.9990000Z";
    for (period, expected) in [("utc", utc), ("time-zone", chicago)] {
        let scene = scene(&[("eligibility-period", period)]);
        let filters = json!({ "eligibilityFilteringEnabledEntities": "SwapRequest" }).to_string();
        assert_eq!(harness::json(&scene.world, Method::PATCH, INTEGRATION, Some(&filters)).0, StatusCode::OK);
        let body = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs });
        let post = request(Method::POST, &format!("{SCHEDULE}/swapShiftsChangeRequests"), &body);
        for (eligible, status) in [(scene.bobs.as_str(), StatusCode::OK), ("SHFT_other", StatusCode::BAD_REQUEST)] {
            let connector = |message: &Value| {
                let element = &message["requests"][0];
                if element["method"] == "GET" {
                    let item = json!({ "id": element["id"], "status": 200, "body": { "data": [eligible], "error": null } });
                    return super::approval::outcome_with(200, &json!({ "responses": [item] }).to_string());
                }
                approves(message)
            };
            let (answer, calls) = play(&scene.world, &post, connector);
            assert_eq!(answer.response.status(), status);
            let read = &calls[0].1["requests"][0];
            let url = format!("/shifts/{}/requestableShifts?requestType=SwapRequest&{expected}", scene.alices);
            assert_eq!(read["url"], url, "{period}");
            assert_eq!(calls.len(), if status == StatusCode::OK { 2 } else { 1 });
        }
    }
}

#[test]
fn the_connector_is_asked_about_eligibility_as_the_row_says_and_not_for_offers() {
    for (choice, filter, collection, methods) in [
        ("off", "SwapRequest", "swapShiftsChangeRequests", vec!["POST"]),
        ("enforce", "SwapRequest", "swapShiftsChangeRequests", vec!["GET", "POST"]),
        ("enforce", "OfferShiftRequest", "offerShiftRequests", vec!["POST"]),
    ] {
        let scene = scene(&[("eligibility", choice)]);
        let filters = json!({ "eligibilityFilteringEnabledEntities": filter }).to_string();
        assert_eq!(harness::json(&scene.world, Method::PATCH, INTEGRATION, Some(&filters)).0, StatusCode::OK);
        let mut body = json!({ "senderShiftId": scene.alices, "recipientUserId": BOB });
        if collection == "swapShiftsChangeRequests" {
            body["recipientShiftId"] = scene.bobs.as_str().into();
        }
        let post = request(Method::POST, &format!("{SCHEDULE}/{collection}"), &body);
        let (answer, calls) = play(&scene.world, &post, |message| {
            let element = &message["requests"][0];
            let data = json!([scene.bobs]);
            let item = json!({ "id": element["id"], "status": 200, "body": { "eTag": "1", "data": data, "error": null } });
            super::approval::outcome_with(200, &json!({ "responses": [item] }).to_string())
        });
        let sent: Vec<&str> = calls.iter().map(|(_, message)| message["requests"][0]["method"].as_str().unwrap()).collect();
        assert_eq!((answer.response.status(), sent), (StatusCode::OK, methods), "{choice} {filter}");
    }
}

#[test]
fn a_repeated_call_has_other_ids_for_what_is_new() {
    for (choice, is_same) in [("new-ids", false), ("same-ids", true)] {
        let scene = scene(&[("update-retries", "three"), ("repeated-calls", choice)]);
        let body = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs });
        let post = request(Method::POST, &format!("{SCHEDULE}/swapShiftsChangeRequests"), &body);
        let count = std::cell::Cell::new(0);
        let connector = |message: &Value| {
            count.set(count.get() + 1);
            if count.get() < 3 { super::approval::outcome_with(500, "") } else { approves(message) }
        };
        let (answer, calls) = play(&scene.world, &post, connector);
        let ids: Vec<&str> = calls.iter().map(|(_, message)| message["requests"][0]["id"].as_str().unwrap()).collect();
        assert_eq!((ids.len(), ids[0] == ids[2]), (3, is_same), "{ids:?}");
        let made = body_of(&answer);
        assert_eq!(made["id"], ids[2], "stored under the id of the call that was approved");
        assert!(calls[2].1["requests"][0]["url"].as_str().unwrap().ends_with(ids[2]));
    }
}

#[test]
fn a_decision_without_room_changes_nothing() {
    let scene = scene(&[]);
    let body = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs });
    let (id, _) = scene.ask(ALICE, "swapShiftsChangeRequests", &body);
    let path = format!("swapShiftsChangeRequests/{id}/approve");
    scene.done(BOB, &path, &json!({}));
    let (before, stores) = (scene.state(), scene.world.settings.stores.clone());
    let mut refused = 0;
    for room in (0..).map(|step| step * 150) {
        let rest = stores.take(stores.limit() - stores.used() - room).unwrap();
        let (answer, _) = scene.act(BOB, Method::POST, &path, &json!({}));
        drop(rest);
        if answer.response.status() == StatusCode::NO_CONTENT {
            break;
        }
        assert_eq!(answer.response.status(), StatusCode::PAYLOAD_TOO_LARGE, "with room for {room} bytes");
        assert_eq!(scene.state(), before, "with room for {room} bytes");
        refused += 1;
    }
    assert!(refused > 3, "{refused}");
    assert_ne!(scene.state(), before);
}

#[test]
fn preferences_are_sent_for_the_user_and_keep_the_id_that_was_sent() {
    let scene = scene(&[]);
    let path = format!("/v1.0/users/{ALICE}/settings/shiftPreferences");
    let slot = json!({ "startTime": "09:00:00", "endTime": "17:00:00" });
    let pattern = json!({ "type": "weekly", "daysOfWeek": ["monday"], "interval": 1 });
    let recurrence = json!({ "pattern": pattern, "range": { "type": "noEnd" } });
    let body = json!({ "availability": [{ "recurrence": recurrence, "timeZone": "Europe/London", "timeSlots": [slot] }] });
    for method in [Method::PUT, Method::PATCH] {
        let mut change = request(method.clone(), &path, &body);
        change.headers.insert("authorization", harness::delegated(ALICE).parse().unwrap());
        let (answer, calls) = play(&scene.world, &change, approves);
        assert_eq!((answer.response.status(), calls.len()), (StatusCode::NO_CONTENT, 1), "{method}: {}", body_of(&answer));
        let (call, message) = &calls[0];
        assert!(call.url.path().ends_with(&format!("/v1/users/{ALICE}/update")), "{}", call.url);
        let stored = harness::json(&scene.world, Method::GET, &path, None).1;
        assert_eq!(message["requests"][0]["id"], stored["id"], "{method}");
    }
}

#[test]
fn a_state_that_changes_during_each_call_is_a_conflict() {
    let scene = scene(&[]);
    let body = json!({ "openShiftId": scene.open });
    let (first, _) = scene.ask(ALICE, "openShiftChangeRequests", &body);
    let approve = request(Method::POST, &format!("{SCHEDULE}/openShiftChangeRequests/{first}/approve"), &json!({}));
    // Each call comes with one request more, which the approval has to decline too.
    let connector = |message: &Value| {
        let mut other = request(Method::POST, &format!("{SCHEDULE}/openShiftChangeRequests"), &body);
        other.headers.insert("authorization", harness::delegated(BOB).parse().unwrap());
        other.headers.insert("x-ms-wfmpassthrough", INTEGRATION.rsplit('/').next().unwrap().parse().unwrap());
        assert_eq!(play(&scene.world, &other, approves).0.response.status(), StatusCode::OK);
        approves(message)
    };
    let (answer, calls) = play(&scene.world, &approve, connector);
    assert_eq!((answer.response.status(), calls.len()), (StatusCode::CONFLICT, 32));
    assert_eq!(scene.get(&format!("openShiftChangeRequests/{first}"))["state"], "pending");
}

/// The calls of each flow, as the published connectors understood them when they were run: elements, addresses, members, words of enums.
/// Composed from learn.microsoft.com/graph/api/workforceintegration-update and the code of OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors.
const CALLS: &str = include_str!("../../data/shifts_calls.json");

/// Lives through all flows. Returns the name of each with its elements.
fn lived_through(scene: &Scene) -> Vec<(&'static str, Vec<Value>)> {
    let mut live: Vec<(&str, Vec<Value>)> = Vec::new();
    let swap = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs, "senderMessage": "please" });
    let (id, sent) = scene.ask(ALICE, "swapShiftsChangeRequests", &swap);
    live.push(("swap-sent", sent));
    live.push(("swap-cancelled", scene.act(ALICE, Method::DELETE, &format!("swapShiftsChangeRequests/{id}"), &Value::Null).1));
    let (id, _) = scene.ask(ALICE, "swapShiftsChangeRequests", &swap);
    let approve = format!("swapShiftsChangeRequests/{id}/approve");
    live.push(("swap-accepted", scene.done(BOB, &approve, &Value::Null)));
    live.push(("swap-approved", scene.done(BOB, &approve, &Value::Null)));
    let (id, sent) = scene.ask(ALICE, "openShiftChangeRequests", &json!({ "openShiftId": scene.open }));
    scene.ask(BOB, "openShiftChangeRequests", &json!({ "openShiftId": scene.open }));
    live.push(("open-shift-request-sent", sent));
    live.push(("open-shift-request-approved", scene.done(BOB, &format!("openShiftChangeRequests/{id}/approve"), &Value::Null)));
    let mut item = json!({ "displayName": "d", "startDateTime": "2026-12-13T14:00:00Z", "endDateTime": "2026-12-13T22:00:00Z", "theme": "green" });
    item["openSlotCount"] = 1.into();
    let (open, _) = scene.ask(BOB, "openShifts", &json!({ "schedulingGroupId": GROUP, "sharedOpenShift": item }));
    let act = json!({ "do": "assign", "team": SCHEDULE.split('/').nth(3), "openShift": open, "user": ALICE, "as": BOB });
    let mut step = act_from_json(&scene.world, act.to_string().as_bytes()).unwrap();
    while let Step::Call(pending) = step {
        let message = plaintext(&pending.call);
        live.push(("open-shift-assigned", message["requests"].as_array().unwrap().clone()));
        step = pending.resume(&scene.world, approves(&message));
    }
    let off = json!({ "timeOffReasonId": "TOR_891045ca-b5d2-406b-aa06-a3c8921245d7",
        "startDateTime": "2026-12-20T05:00:00Z", "endDateTime": "2026-12-21T05:00:00Z" });
    let (id, sent) = scene.ask(ALICE, "timeOffRequests", &off);
    live.push(("time-off-request-sent", sent));
    live.push(("time-off-request-approved", scene.done(BOB, &format!("timeOffRequests/{id}/approve"), &Value::Null)));
    let (id, _) = scene.ask(ALICE, "timeOffRequests", &off);
    live.push(("time-off-request-cancelled", scene.act(ALICE, Method::DELETE, &format!("timeOffRequests/{id}"), &Value::Null).1));
    let item = json!({ "startDateTime": "2026-12-12T14:00:00Z", "endDateTime": "2026-12-12T22:00:00Z", "theme": "blue" });
    let edited = json!({ "userId": ALICE, "schedulingGroupId": GROUP, "sharedShift": item });
    let shift = scene.list("shifts").last().unwrap()["id"].as_str().unwrap().to_owned();
    live.push(("shift-edited", scene.act(BOB, Method::PUT, &format!("shifts/{shift}"), &edited).1));
    live.push(("shift-staged-for-deletion", scene.done(BOB, &format!("shifts/{shift}/stageForDeletion"), &Value::Null)));
    let period = json!({ "notifyTeam": false, "startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z" });
    live.push(("shift-deletion-shared", scene.done(BOB, "share", &period)));
    let pattern = json!({ "type": "weekly", "daysOfWeek": ["monday"], "interval": 1 });
    let slot = json!({ "startTime": "09:00:00", "endTime": "17:00:00" });
    let recurrence = json!({ "pattern": pattern, "range": { "type": "noEnd" } });
    let body = json!({ "availability": [{ "recurrence": recurrence, "timeZone": "Europe/London", "timeSlots": [slot] }] });
    let path = format!("/v1.0/users/{ALICE}/settings/shiftPreferences");
    live.push(("shift-preferences", scene.act(ALICE, Method::PATCH, &path, &body).1));
    live
}

/// The forms of the query for eligible shifts.
const READS: [(&str, &str); 2] =
    [("read-swap-eligibility", "eligibility-times=iso"), ("read-swap-eligibility-old", "eligibility-times=us-english")];

/// Asks for a swap in each form. Returns the name of each with the elements of the query.
fn asked_first() -> Vec<(&'static str, Vec<Value>)> {
    let query = |choice: &str| {
        let scene = scene(&[choice.split_once('=').unwrap()]);
        let filters = json!({ "eligibilityFilteringEnabledEntities": "SwapRequest" }).to_string();
        assert_eq!(harness::json(&scene.world, Method::PATCH, INTEGRATION, Some(&filters)).0, StatusCode::OK);
        let id = INTEGRATION.rsplit('/').next().unwrap();
        let binding = json!({ "enabled": true, "timeZone": "America/New_York", "workforceIntegrationIds": [id] });
        assert_eq!(harness::json(&scene.world, Method::PUT, SCHEDULE, Some(&binding.to_string())).0, StatusCode::OK);
        let swap = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs });
        let post = request(Method::POST, &format!("{SCHEDULE}/swapShiftsChangeRequests"), &swap);
        let (_, calls) = play(&scene.world, &post, refuses);
        calls[0].1["requests"].as_array().unwrap().clone()
    };
    READS.map(|(flow, choice)| (flow, query(choice))).into()
}

/// Returns an element with one letter for a number of one or two digits, and else one for each digit, as far as its times go.
fn timeless(element: &Value) -> Value {
    let (path, query) = element["url"].as_str().unwrap().split_once("&startTime=").unwrap();
    let numbers = query.split_inclusive(|letter: char| !letter.is_ascii_digit()).map(|part| {
        let digits = part.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let count = if digits.len() == 2 { 1 } else { digits.len() };
        format!("{}{}", "#".repeat(count), &part[digits.len()..])
    });
    let url = format!("{path}&startTime={}", numbers.collect::<String>());
    json!({ "method": element["method"], "url": url, "headers": element["headers"], "body": element["body"] })
}

#[test]
fn each_published_flow_is_reproduced_by_requests_to_graph_and_by_the_command() {
    let connector = Connector::start();
    let sampled = |flow: &str| -> Vec<Value> {
        let to = ["--show", "--retries", "0", "--url", &connector.url()];
        let call = match READS.iter().find(|(read, _)| *read == flow) {
            Some((_, choice)) => ["--behavior", choice, "call", "read", "--eligibility", "swaps"].to_vec(),
            None => ["call", "update", "--flow", flow].to_vec(),
        };
        let (_, printed) = program(&[&call[..], &to].concat());
        let sent = printed.split("sent: ").nth(1).unwrap().split("\nanswered: ").next().unwrap();
        serde_json::from_str::<Value>(sent).unwrap()["requests"].as_array().unwrap().clone()
    };
    let mut calls: serde_json::Map<String, Value> = serde_json::from_str(CALLS).unwrap();
    for (flow, elements) in asked_first() {
        let published = calls.remove(flow).unwrap_or_else(|| panic!("{flow} is not published"));
        assert_eq!(Value::from(elements.iter().map(form).collect::<Vec<_>>()), published, "{flow}");
        let sample: Vec<Value> = sampled(flow).iter().map(form).collect();
        let published = published.as_array().unwrap();
        assert_eq!(sample.iter().map(timeless).collect::<Vec<_>>(), published.iter().map(timeless).collect::<Vec<_>>(), "{flow}");
    }
    for (flow, elements) in lived_through(&scene(&[])) {
        let published = calls.remove(flow).unwrap_or_else(|| panic!("{flow} is not published"));
        for elements in [elements, sampled(flow)] {
            assert_eq!(Value::from(elements.iter().map(form).collect::<Vec<_>>()), published, "{flow}");
            assert_fitting(flow, &elements);
        }
    }
    assert_eq!(calls.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "flows that no request has made happen");
}

/// Checks that the ids, the persons and the transaction of the elements of one call fit each other.
fn assert_fitting(flow: &str, elements: &[Value]) {
    let shift = |element: &Value| {
        (element["method"].as_str().unwrap().to_owned(), element["url"].as_str().unwrap().starts_with("/shifts/"))
    };
    let of =
        |method: &str| -> Vec<&Value> { elements.iter().filter(|element| shift(element) == (method.to_owned(), true)).collect() };
    for element in elements {
        assert_eq!(element["headers"], elements[0]["headers"], "{flow}");
        if element["body"].is_object() {
            assert_eq!(element["body"]["id"], element["id"], "{flow}");
        }
    }
    let request = &elements[0]["body"];
    match flow {
        "swap-approved" => {
            let deleted: Vec<&Value> = of("DELETE").into_iter().map(|element| &element["id"]).collect();
            assert_eq!(deleted, [&request["senderShiftId"], &request["recipientShiftId"]]);
            let users: Vec<&Value> = of("POST").into_iter().map(|element| &element["body"]["userId"]).collect();
            assert_eq!(users, [&request["recipientUserId"], &request["senderUserId"]]);
            assert!(request["managerUserId"].is_string());
        }
        "open-shift-request-approved" => {
            assert_eq!(
                (&of("POST")[0]["body"]["userId"], &elements[2]["id"]),
                (&request["senderUserId"], &request["openShiftId"])
            );
            assert_eq!(elements[3]["body"]["openShiftId"], request["openShiftId"]);
            assert!(request["managerUserId"].is_string() && elements[3]["body"]["managerUserId"].is_null());
        }
        "open-shift-assigned" => {
            let (open, shift) = (&elements[0]["body"]["sharedOpenShift"], &elements[1]["body"]["sharedShift"]);
            assert_eq!((&open["startDateTime"], &open["endDateTime"]), (&shift["startDateTime"], &shift["endDateTime"]));
        }
        _ => {}
    }
}

#[test]
fn each_step_of_a_time_card_is_sent() {
    let scene = scene(&[]);
    let supported = json!({ "supportedEntities": "TimeCard" }).to_string();
    assert_eq!(harness::json(&scene.world, Method::PATCH, INTEGRATION, Some(&supported)).0, StatusCode::OK);
    let cards = scene.list("timeCards").len();
    let clock_in = json!({ "onBehalfOfUserId": BOB });
    let (answer, sent) = scene.act_with(BOB, Method::POST, "timeCards/clockIn", &clock_in, refuses);
    assert_eq!((answer.response.status(), outline(&sent)), (StatusCode::BAD_REQUEST, vec!["POST timecards".to_owned()]));
    assert_eq!(scene.list("timeCards").len(), cards, "a refused card is not stored");
    let (answer, sent) = scene.act(BOB, Method::POST, "timeCards/clockIn", &clock_in);
    assert_eq!(answer.response.status(), StatusCode::CREATED, "{}", body_of(&answer));
    let id = body_of(&answer)["id"].as_str().unwrap().to_owned();
    assert_eq!((&sent[0]["id"], &sent[0]["body"]["state"]), (&json!(id), &json!("ClockedIn")));
    let card = format!("timeCards/{id}");
    for (step, state) in [("startBreak", "OnBreak"), ("endBreak", "ClockedIn"), ("clockOut", "ClockedOut")] {
        let sent = scene.done(BOB, &format!("{card}/{step}"), &json!({}));
        assert_eq!((outline(&sent), &sent[0]["body"]["state"]), (vec!["PUT timecards".to_owned()], &json!(state)), "{step}");
    }
    let before = scene.get(&card);
    let (answer, sent) = scene.act(BOB, Method::POST, &format!("{card}/startBreak"), &json!({}));
    assert_eq!((answer.response.status(), sent.len()), (StatusCode::BAD_REQUEST, 0));
    assert_eq!(scene.get(&card), before, "a refused step leaves the tag too");
}

#[test]
fn what_breaks_a_rule_is_refused_unless_the_rules_are_lenient() {
    for (choice, is_refused) in [("enforce", true), ("lenient", false)] {
        let scene = scene(&[("shifts-rules", choice), ("update-calls", "off")]);
        let group = json!({ "displayName": "g", "userIds": [ALICE] });
        let (group, _) = scene.ask(BOB, "schedulingGroups", &group);
        let item = |end: &str| json!({ "startDateTime": "2026-12-20T06:00:00Z", "endDateTime": end });
        let day = "2026-12-20T16:00:00Z";
        let shift =
            |user: &str, group: &str, end: &str| json!({ "userId": user, "schedulingGroupId": group, "sharedShift": item(end) });
        let outsider = "5e2b51ac-dc47-4a66-83ea-1bbbf81ac029";
        let person = json!({ "id": outsider, "displayName": "x", "userPrincipalName": "x@contoso.com", "accountEnabled": true,
            "mailNickname": "x", "passwordProfile": { "password": "aB3$efgh" } });
        let (_, made) = harness::json(&scene.world, Method::POST, "/v1.0/users", Some(&person.to_string()));
        let outsider = made["id"].as_str().unwrap();
        let swap = |recipient: &str, shift: &str| json!({ "senderShiftId": scene.alices, "recipientShiftId": shift, "recipientUserId": recipient });
        for (user, collection, body, reason) in [
            (BOB, "shifts", shift(BOB, &group, day), "is not in the scheduling group"),
            (BOB, "shifts", shift(outsider, GROUP, day), "is not a member of the team"),
            (BOB, "shifts", shift(BOB, GROUP, "2026-12-21T06:00:01Z"), "between 1 minute and 24 hours"),
            (BOB, "shifts", shift(BOB, GROUP, "2026-12-20T06:00:59Z"), "between 1 minute and 24 hours"),
            (ALICE, "shifts", shift(ALICE, GROUP, day), "you need to be an admin"),
            (outsider, "shifts", shift(ALICE, GROUP, day), "the team was not found"),
            (
                BOB,
                "openShifts",
                json!({ "schedulingGroupId": GROUP, "sharedOpenShift": item(day) }),
                "openSlotCount must be at least 1",
            ),
            (BOB, "schedulingGroups", json!({ "displayName": "h", "userIds": [outsider] }), "is not a member of the team"),
            (ALICE, "swapShiftsChangeRequests", swap(outsider, &scene.bobs), "is not one of the recipient"),
            (ALICE, "swapShiftsChangeRequests", swap(ALICE, &scene.alices), "with one of the same user"),
            (
                ALICE,
                "offerShiftRequests",
                json!({ "senderShiftId": scene.bobs, "recipientUserId": BOB }),
                "is not one of the sender",
            ),
            (ALICE, "openShiftChangeRequests", json!({ "openShiftId": "OPNSHFT_0" }), "does not exist"),
        ] {
            let (answer, _) = scene.act(user, Method::POST, collection, &body);
            let text = body_of(&answer).to_string();
            assert_eq!(!answer.response.status().is_success(), is_refused, "{choice} {collection} {reason}: {text}");
            assert!(!is_refused || text.contains(reason), "{reason}: {text}");
        }
    }
}

#[test]
fn the_sender_is_who_asks_or_whom_an_application_names() {
    let scene = scene(&[("update-calls", "off")]);
    let off = json!({ "timeOffReasonId": "TOR_891045ca-b5d2-406b-aa06-a3c8921245d7", "senderUserId": BOB, "state": "approved",
        "startDateTime": "2026-12-20T05:00:00Z", "endDateTime": "2026-12-21T05:00:00Z" });
    let path = format!("{SCHEDULE}/timeOffRequests");
    for (token, sender) in [(harness::delegated(ALICE), ALICE), (application(), BOB)] {
        let mut post = request(Method::POST, &path, &off);
        post.headers.insert("authorization", token.parse().unwrap());
        let made = body_of(&play(&scene.world, &post, approves).0);
        assert_eq!((&made["senderUserId"], &made["state"]), (&json!(sender), &json!("pending")), "{made}");
    }
}

/// Returns the header of a token of an application.
fn application() -> String {
    harness::bearer(&json!({ "appid": "a1", "idtyp": "app", "roles": ["Schedule.ReadWrite.All"] }))
}

#[test]
fn an_application_decides_in_the_name_of_a_user_only() {
    for (choice, plain) in [("refuse", StatusCode::FORBIDDEN), ("take", StatusCode::NO_CONTENT)] {
        let scene = scene(&[("application-decisions", choice), ("update-calls", "off")]);
        let off = json!({ "timeOffReasonId": "TOR_891045ca-b5d2-406b-aa06-a3c8921245d7",
            "startDateTime": "2026-12-20T05:00:00Z", "endDateTime": "2026-12-21T05:00:00Z" });
        let decide = |version: &str, action: &str, body: &Value| {
            let (id, _) = scene.ask(ALICE, "timeOffRequests", &off);
            let path = format!("{}/timeOffRequests/{id}/{action}", SCHEDULE.replace("v1.0", version));
            let mut post = request(Method::POST, &path, body);
            post.headers.insert("authorization", application().parse().unwrap());
            (id, play(&scene.world, &post, approves).0.response.status())
        };
        assert_eq!(decide("v1.0", "approve", &json!({})).1, plain, "{choice}");
        let (id, status) = decide("beta", "approveForUser", &json!({ "message": "ok", "userId": BOB }));
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(scene.get(&format!("timeOffRequests/{id}"))["managerUserId"], BOB);
        assert_eq!(decide("beta", "approveForUser", &json!({ "userId": ALICE })).1, StatusCode::FORBIDDEN);
    }
}

#[test]
fn of_two_decisions_about_one_slot_a_single_one_takes_it() {
    for round in 0..150 {
        let scene = scene(&[("update-calls", "off")]);
        let ids = [ALICE, BOB].map(|user| scene.ask(user, "openShiftChangeRequests", &json!({ "openShiftId": scene.open })).0);
        let (shifts, barrier) = (scene.list("shifts").len(), std::sync::Barrier::new(ids.len()));
        let given = std::thread::scope(|scope| {
            let decisions = ids.each_ref().map(|id| {
                let (scene, barrier) = (&scene, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let path = format!("openShiftChangeRequests/{id}/approve");
                    scene.act(BOB, Method::POST, &path, &json!({})).0.response.status().is_success()
                })
            });
            decisions.into_iter().map(|decision| decision.join().unwrap()).filter(|given| *given).count()
        });
        let slots = scene.get(&format!("openShifts/{}", scene.open))["sharedOpenShift"]["openSlotCount"].clone();
        assert_eq!((given, scene.list("shifts").len(), slots), (1, shifts + 1, json!(0)), "round {round}");
    }
}

#[test]
fn of_two_deletions_one_keeps_the_last_reason() {
    for round in 0..150 {
        let scene = scene(&[("update-calls", "off")]);
        let mut reasons: Vec<String> =
            scene.list("timeOffReasons").iter().map(|reason| reason["id"].as_str().unwrap().to_owned()).collect();
        for other in reasons.split_off(2) {
            scene.act(BOB, Method::DELETE, &format!("timeOffReasons/{other}"), &Value::Null);
        }
        let barrier = std::sync::Barrier::new(reasons.len());
        let deleted = std::thread::scope(|scope| {
            let deletions: Vec<_> = reasons
                .iter()
                .map(|id| {
                    let (scene, barrier) = (&scene, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let path = format!("timeOffReasons/{id}");
                        scene.act(BOB, Method::DELETE, &path, &Value::Null).0.response.status().is_success()
                    })
                })
                .collect();
            deletions.into_iter().filter_map(|deletion| deletion.join().unwrap().then_some(())).count()
        });
        let active = scene.list("timeOffReasons").iter().filter(|reason| reason["isActive"] == true).count();
        assert_eq!((deleted, active), (1, 1), "round {round}");
    }
}

/// Returns the method, the address, the headers and the form of the body of an element.
fn form(element: &Value) -> Value {
    let url = element["url"].as_str().unwrap().replace(element["id"].as_str().unwrap(), "{id}");
    let headers: Vec<&String> = element["headers"].as_object().into_iter().flat_map(|headers| headers.keys()).collect();
    json!({ "method": element["method"], "url": url, "headers": headers, "body": shape(&element["body"]) })
}
