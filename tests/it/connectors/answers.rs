//! Answers of connectors: refusals, delay, garbage, missing and repeated items at each element of each flow, with the state compared before
//! and after.

use std::cell::Cell;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edge::control::act_from_json;
use wfi_emulator::internals::graph::pipeline;
use wfi_emulator::internals::graph::request::Body;
use wfi_emulator::internals::graph::step::Step;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::outbound::{CallFailure, CallOutcome};
use wfi_emulator::internals::world::store::StoredEntity;

use super::approval::{INTEGRATION, SCHEDULE, body_of, outcome_with, plaintext};
use super::flows::{ALICE, ALL, BOB, GROUP, Scene, outline, scene};
use crate::support::harness::{self, request};

const TEAM: &str = "3d88b7a2-f988-4f4b-bb34-d66df66af126";
const REASON: &str = "TOR_891045ca-b5d2-406b-aa06-a3c8921245d7";
const CAROL: &str = "8b2e844f-ccb2-4588-acd7-d776718305f8";

/// Deed of a person.
enum Deed {
    Request { user: &'static str, method: Method, path: String, body: Value },
    Act(Value),
}

/// Flow: the elements that the connector is sent, and what leads to the deed.
struct Flow {
    name: &'static str,
    elements: &'static [&'static str],
    prepare: fn(&Scene) -> Deed,
}

fn by(user: &'static str, method: Method, path: &str, body: Value) -> Deed {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("{SCHEDULE}/{path}") };
    Deed::Request { user, method, path, body }
}

fn item(day: u32) -> Value {
    json!({ "startDateTime": format!("2026-12-{day}T14:00:00Z"), "endDateTime": format!("2026-12-{day}T22:00:00Z"), "theme": "blue" })
}

fn open_item(slots: u32) -> Value {
    let mut item = item(13);
    item["openSlotCount"] = slots.into();
    item
}

fn shift() -> Value {
    json!({ "userId": ALICE, "schedulingGroupId": GROUP, "sharedShift": item(14) })
}

fn time_off() -> Value {
    let item =
        json!({ "timeOffReasonId": REASON, "startDateTime": "2026-12-20T05:00:00Z", "endDateTime": "2026-12-21T05:00:00Z" });
    json!({ "userId": ALICE, "sharedTimeOff": item })
}

fn swap(scene: &Scene) -> String {
    let body = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs });
    format!("swapShiftsChangeRequests/{}", scene.ask(ALICE, "swapShiftsChangeRequests", &body).0)
}

fn offer(scene: &Scene) -> String {
    let body = json!({ "senderShiftId": scene.alices, "recipientUserId": BOB });
    format!("offerShiftRequests/{}", scene.ask(ALICE, "offerShiftRequests", &body).0)
}

fn open_request(scene: &Scene, user: &str) -> String {
    format!("openShiftChangeRequests/{}", scene.ask(user, "openShiftChangeRequests", &json!({ "openShiftId": scene.open })).0)
}

fn off_request(scene: &Scene) -> String {
    let body =
        json!({ "timeOffReasonId": REASON, "startDateTime": "2026-12-20T05:00:00Z", "endDateTime": "2026-12-21T05:00:00Z" });
    format!("timeOffRequests/{}", scene.ask(ALICE, "timeOffRequests", &body).0)
}

/// Returns the path of a request that the recipient has accepted.
fn accepted(scene: &Scene, path: String) -> String {
    scene.done(BOB, &format!("{path}/approve"), &json!({}));
    path
}

fn stage(scene: &Scene, shift: &str) {
    scene.done(BOB, &format!("shifts/{shift}/stageForDeletion"), &Value::Null);
}

fn card(scene: &Scene) -> String {
    let (answer, _) = scene.act(ALICE, Method::POST, "timeCards/clockIn", &json!({ "onBehalfOfUserId": ALICE }));
    format!("timeCards/{}", body_of(&answer)["id"].as_str().unwrap())
}

fn approve(path: &str) -> Deed {
    by(BOB, Method::POST, &format!("{path}/approve"), json!({ "message": "ok" }))
}

fn decline(path: &str) -> Deed {
    by(BOB, Method::POST, &format!("{path}/decline"), json!({ "message": "no" }))
}

fn cancel(path: &str) -> Deed {
    by(ALICE, Method::DELETE, path, Value::Null)
}

fn step_of(card: &str, step: &str) -> Deed {
    by(ALICE, Method::POST, &format!("{card}/{step}"), json!({}))
}

const SHARE: &str = r#"{"notifyTeam":false,"startDateTime":"2026-12-01T00:00:00Z","endDateTime":"2027-01-01T00:00:00Z"}"#;

/// Every flow, in the order of the documentation.
const FLOWS: &[Flow] = &[
    Flow { name: "shift added", elements: &["POST shifts"], prepare: |_| by(BOB, Method::POST, "shifts", shift()) },
    Flow {
        name: "shift edited",
        elements: &["PUT shifts"],
        prepare: |scene| by(BOB, Method::PUT, &format!("shifts/{}", scene.alices), shift()),
    },
    Flow {
        name: "shift deleted",
        elements: &["DELETE shifts"],
        prepare: |scene| by(BOB, Method::DELETE, &format!("shifts/{}", scene.alices), Value::Null),
    },
    Flow {
        name: "deletion staged",
        elements: &["PUT shifts"],
        prepare: |scene| by(BOB, Method::POST, &format!("shifts/{}/stageForDeletion", scene.alices), Value::Null),
    },
    Flow {
        name: "deletions shared, beside a draft",
        elements: &["PUT shifts", "PUT shifts", "PUT openshifts"],
        prepare: |scene| {
            let draft = json!({ "userId": ALICE, "schedulingGroupId": GROUP, "draftShift": item(15) });
            scene.ask(BOB, "shifts", &draft);
            stage(scene, &scene.alices);
            stage(scene, &scene.bobs);
            scene.done(BOB, &format!("openShifts/{}/stageForDeletion", scene.open), &Value::Null);
            by(BOB, Method::POST, "share", serde_json::from_str(SHARE).unwrap())
        },
    },
    Flow {
        name: "open shift added",
        elements: &["POST openshifts"],
        prepare: |_| by(BOB, Method::POST, "openShifts", json!({ "schedulingGroupId": GROUP, "sharedOpenShift": open_item(2) })),
    },
    Flow {
        name: "open shift edited",
        elements: &["PUT openshifts"],
        prepare: |scene| {
            let body = json!({ "schedulingGroupId": GROUP, "sharedOpenShift": open_item(2) });
            by(BOB, Method::PUT, &format!("openShifts/{}", scene.open), body)
        },
    },
    Flow {
        name: "open shift deleted",
        elements: &["DELETE openshifts"],
        prepare: |scene| by(BOB, Method::DELETE, &format!("openShifts/{}", scene.open), Value::Null),
    },
    Flow { name: "time off added", elements: &["POST timesoff"], prepare: |_| by(BOB, Method::POST, "timesOff", time_off()) },
    Flow {
        name: "time off edited",
        elements: &["PUT timesoff"],
        prepare: |scene| {
            let (id, _) = scene.ask(BOB, "timesOff", &time_off());
            let mut edited = time_off();
            edited["sharedTimeOff"]["theme"] = "pink".into();
            by(BOB, Method::PUT, &format!("timesOff/{id}"), edited)
        },
    },
    Flow {
        name: "time off deleted",
        elements: &["DELETE timesoff"],
        prepare: |scene| by(BOB, Method::DELETE, &format!("timesOff/{}", scene.ask(BOB, "timesOff", &time_off()).0), Value::Null),
    },
    Flow {
        name: "reason added",
        elements: &["POST timeoffReasons"],
        prepare: |_| by(BOB, Method::POST, "timeOffReasons", json!({ "displayName": "Moving", "iconType": "car" })),
    },
    Flow {
        name: "reason edited",
        elements: &["PUT timeoffReasons"],
        prepare: |_| {
            by(BOB, Method::PUT, &format!("timeOffReasons/{REASON}"), json!({ "displayName": "Moving", "iconType": "car" }))
        },
    },
    Flow {
        name: "reason deleted",
        elements: &["DELETE timeoffReasons"],
        prepare: |_| by(BOB, Method::DELETE, &format!("timeOffReasons/{REASON}"), Value::Null),
    },
    Flow {
        name: "swap sent",
        elements: &["POST swapRequests"],
        prepare: |scene| {
            let body = json!({ "senderShiftId": scene.alices, "recipientShiftId": scene.bobs });
            by(ALICE, Method::POST, "swapShiftsChangeRequests", body)
        },
    },
    Flow { name: "swap accepted", elements: &["PUT swapRequests"], prepare: |scene| approve(&swap(scene)) },
    Flow { name: "swap declined by the recipient", elements: &["PUT swapRequests"], prepare: |scene| decline(&swap(scene)) },
    Flow {
        name: "swap approved",
        elements: &["PUT swapRequests", "DELETE shifts", "DELETE shifts", "POST shifts", "POST shifts"],
        prepare: |scene| approve(&accepted(scene, swap(scene))),
    },
    Flow {
        name: "swap declined by the manager",
        elements: &["PUT swapRequests"],
        prepare: |scene| decline(&accepted(scene, swap(scene))),
    },
    Flow { name: "swap cancelled", elements: &["DELETE swapRequests"], prepare: |scene| cancel(&swap(scene)) },
    Flow {
        name: "offer sent",
        elements: &["POST offershiftrequests"],
        prepare: |scene| {
            let body = json!({ "senderShiftId": scene.alices, "recipientUserId": BOB });
            by(ALICE, Method::POST, "offerShiftRequests", body)
        },
    },
    Flow { name: "offer accepted", elements: &["PUT offershiftrequests"], prepare: |scene| approve(&offer(scene)) },
    Flow {
        name: "offer declined by the recipient",
        elements: &["PUT offershiftrequests"],
        prepare: |scene| decline(&offer(scene)),
    },
    Flow {
        name: "offer approved",
        elements: &["PUT offershiftrequests", "DELETE shifts", "POST shifts"],
        prepare: |scene| approve(&accepted(scene, offer(scene))),
    },
    Flow {
        name: "offer declined by the manager",
        elements: &["PUT offershiftrequests"],
        prepare: |scene| decline(&accepted(scene, offer(scene))),
    },
    Flow { name: "offer cancelled", elements: &["DELETE offershiftrequests"], prepare: |scene| cancel(&offer(scene)) },
    Flow {
        name: "open shift requested",
        elements: &["POST openshiftrequests"],
        prepare: |scene| by(ALICE, Method::POST, "openShiftChangeRequests", json!({ "openShiftId": scene.open })),
    },
    Flow {
        name: "open shift given, the last slot",
        elements: &["PUT openshiftrequests", "POST shifts", "PUT openshifts", "PUT openshiftrequests", "PUT openshiftrequests"],
        prepare: |scene| {
            let path = open_request(scene, ALICE);
            open_request(scene, BOB);
            open_request(scene, CAROL);
            approve(&path)
        },
    },
    Flow {
        name: "open shift given, others left",
        elements: &["PUT openshiftrequests", "POST shifts", "PUT openshifts"],
        prepare: |scene| {
            let body = json!({ "schedulingGroupId": GROUP, "sharedOpenShift": open_item(3) });
            scene.act(BOB, Method::PUT, &format!("openShifts/{}", scene.open), &body);
            open_request(scene, BOB);
            approve(&open_request(scene, ALICE))
        },
    },
    Flow {
        name: "open shift denied",
        elements: &["PUT openshiftrequests"],
        prepare: |scene| decline(&open_request(scene, ALICE)),
    },
    Flow {
        name: "request for an open shift cancelled",
        elements: &["DELETE openshiftrequests"],
        prepare: |scene| cancel(&open_request(scene, ALICE)),
    },
    Flow {
        name: "open shift assigned",
        elements: &["PUT openshifts", "POST shifts"],
        prepare: |scene| Deed::Act(json!({ "do": "assign", "team": TEAM, "openShift": scene.open, "user": ALICE, "as": BOB })),
    },
    Flow {
        name: "time off requested",
        elements: &["POST timeOffRequests"],
        prepare: |_| {
            let times = json!({ "startDateTime": "2026-12-20T05:00:00Z", "endDateTime": "2026-12-21T05:00:00Z", "timeOffReasonId": REASON });
            by(ALICE, Method::POST, "timeOffRequests", times)
        },
    },
    Flow { name: "time off granted", elements: &["PUT timeOffRequests"], prepare: |scene| approve(&off_request(scene)) },
    Flow { name: "time off denied", elements: &["PUT timeOffRequests"], prepare: |scene| decline(&off_request(scene)) },
    Flow {
        name: "request for time off cancelled",
        elements: &["DELETE timeOffRequests"],
        prepare: |scene| cancel(&off_request(scene)),
    },
    Flow {
        name: "availability set",
        elements: &["PUT settings"],
        prepare: |_| {
            let slot = json!({ "startTime": "09:00:00", "endTime": "17:00:00" });
            let availability = json!([{ "timeZone": "Europe/London", "timeSlots": [slot] }]);
            let path = format!("/v1.0/users/{ALICE}/settings/shiftPreferences");
            by(ALICE, Method::PATCH, &path, json!({ "availability": availability }))
        },
    },
    Flow {
        name: "clocked in",
        elements: &["POST timecards"],
        prepare: |_| by(ALICE, Method::POST, "timeCards/clockIn", json!({ "onBehalfOfUserId": ALICE })),
    },
    Flow { name: "break begun", elements: &["PUT timecards"], prepare: |scene| step_of(&card(scene), "startBreak") },
    Flow {
        name: "break ended",
        elements: &["PUT timecards"],
        prepare: |scene| {
            let card = card(scene);
            scene.done(ALICE, &format!("{card}/startBreak"), &json!({}));
            step_of(&card, "endBreak")
        },
    },
    Flow { name: "clocked out", elements: &["PUT timecards"], prepare: |scene| step_of(&card(scene), "clockOut") },
    Flow { name: "time card confirmed", elements: &["PUT timecards"], prepare: |scene| step_of(&card(scene), "confirm") },
    Flow {
        name: "time card added",
        elements: &["POST timecards"],
        prepare: |_| {
            let event = json!({ "dateTime": "2026-01-02T14:00:00Z" });
            by(BOB, Method::POST, "timeCards", json!({ "onBehalfOfUserId": ALICE, "clockInEvent": event }))
        },
    },
    Flow {
        name: "time card edited",
        elements: &["PUT timecards"],
        prepare: |scene| {
            let event = json!({ "dateTime": "2026-01-01T14:00:00Z" });
            by(BOB, Method::PUT, &card(scene), json!({ "clockInEvent": event }))
        },
    },
    Flow {
        name: "time card deleted",
        elements: &["DELETE timecards"],
        prepare: |scene| by(BOB, Method::DELETE, &card(scene), Value::Null),
    },
];

/// Answer of a connector to elements, one of which it treats in another way.
struct Answer {
    name: &'static str,
    /// Whether the position of the element matters.
    is_about_one: bool,
    outcome: fn(&[Value], usize) -> CallOutcome,
    /// Text in the refusal; `None` if the change is stored.
    refusal: Option<&'static str>,
}

const INVALID: Option<&str> = Some("has responded with invalid data.");
const SETUP: Option<&str> = Some("The workforce integration setup on your team");

fn items(elements: &[Value]) -> Vec<Value> {
    let item =
        |element: &Value| json!({ "id": element["id"], "status": 200, "body": { "eTag": "1", "error": null, "data": null } });
    elements.iter().map(item).collect()
}

fn refusal(element: &Value, status: u16) -> Value {
    let error = json!({ "code": status.to_string(), "message": "Not on a Sunday." });
    json!({ "id": element["id"], "status": status, "body": { "error": error, "data": null } })
}

fn says(items: &[Value]) -> CallOutcome {
    outcome_with(200, &json!({ "responses": items }).to_string())
}

const ANSWERS: &[Answer] = &[
    Answer {
        name: "refuses one",
        is_about_one: true,
        outcome: |elements, one| {
            let mut items = items(elements);
            items[one] = refusal(&elements[one], 403);
            says(&items)
        },
        refusal: Some("Not on a Sunday."),
    },
    Answer {
        name: "refuses one, and says nothing of the others",
        is_about_one: true,
        outcome: |elements, one| says(&[refusal(&elements[one], 500)]),
        refusal: Some("Not on a Sunday."),
    },
    Answer {
        name: "approves all, then refuses one",
        is_about_one: true,
        outcome: |elements, one| says(&[items(elements), vec![refusal(&elements[one], 403)]].concat()),
        refusal: Some("Not on a Sunday."),
    },
    Answer {
        name: "refuses all but one",
        is_about_one: true,
        outcome: |elements, one| {
            let mut items: Vec<Value> = elements.iter().map(|element| refusal(element, 403)).collect();
            if items.len() > 1 {
                items[one] = self::items(elements)[one].clone();
            }
            says(&items)
        },
        refusal: Some("Not on a Sunday."),
    },
    Answer {
        name: "sends one item of another form",
        is_about_one: true,
        outcome: |elements, one| {
            let mut items = items(elements);
            items[one] = json!([elements[one]["id"], 200]);
            says(&items)
        },
        refusal: INVALID,
    },
    Answer {
        name: "sends a status for one that is no number",
        is_about_one: true,
        outcome: |elements, one| {
            let mut items = items(elements);
            items[one]["status"] = true.into();
            says(&items)
        },
        refusal: INVALID,
    },
    Answer {
        name: "is cut off within one",
        is_about_one: true,
        outcome: |elements, one| {
            let text = json!({ "responses": items(elements) }).to_string();
            let id = elements[one]["id"].as_str().unwrap();
            outcome_with(200, &text[..text.find(id).unwrap() + 5])
        },
        refusal: INVALID,
    },
    Answer { name: "sends a page", is_about_one: false, outcome: |_, _| outcome_with(200, "<html>"), refusal: INVALID },
    Answer { name: "sends nothing", is_about_one: false, outcome: |_, _| outcome_with(200, ""), refusal: INVALID },
    Answer {
        name: "approves with status 500",
        is_about_one: false,
        outcome: |elements, _| outcome_with(500, &json!({ "responses": items(elements) }).to_string()),
        refusal: SETUP,
    },
    Answer { name: "is silent", is_about_one: false, outcome: |_, _| CallOutcome::Failed(CallFailure::Timeout), refusal: SETUP },
    Answer {
        name: "is not there",
        is_about_one: false,
        outcome: |_, _| CallOutcome::Failed(CallFailure::Refused),
        refusal: SETUP,
    },
    Answer {
        name: "says nothing of one",
        is_about_one: true,
        outcome: |elements, one| {
            let mut items = items(elements);
            items.remove(one);
            says(&items)
        },
        refusal: None,
    },
    Answer {
        name: "approves one twice",
        is_about_one: true,
        outcome: |elements, one| {
            let items = items(elements);
            says(&[items.clone(), vec![items[one].clone()]].concat())
        },
        refusal: None,
    },
    Answer {
        name: "answers in another order, with items of other ids",
        is_about_one: false,
        outcome: |elements, _| {
            let mut items = items(elements);
            items.reverse();
            items.push(json!({ "id": "SHFT_other", "status": 403, "body": { "error": { "code": "403", "message": "no" } } }));
            says(&items)
        },
        refusal: None,
    },
];

/// Returns a schedule whose connector is asked about everything, and the deed that ends a flow.
fn prepared(flow: &Flow) -> (Scene, Deed) {
    let scene = scene(&[]);
    let supported = json!({ "supportedEntities": format!("{ALL},TimeCard") }).to_string();
    assert_eq!(harness::json(&scene.world, Method::PATCH, INTEGRATION, Some(&supported)).0, StatusCode::OK);
    let deed = (flow.prepare)(&scene);
    (scene, deed)
}

/// Does a deed. Returns the refusal, and the elements of each call.
fn perform(world: &World, deed: &Deed, mut connector: impl FnMut(&[Value]) -> CallOutcome) -> (Option<String>, Vec<Vec<Value>>) {
    let mut step = match deed {
        Deed::Act(act) => act_from_json(world, act.to_string().as_bytes()).unwrap(),
        Deed::Request { user, method, path, body } => {
            let mut request = request(method.clone(), path, body);
            if body.is_null() {
                request.body = Body::Whole(bytes::Bytes::new());
            }
            request.headers.insert("authorization", harness::delegated(user).parse().unwrap());
            pipeline::answer(world, &request)
        }
    };
    let mut batches = Vec::new();
    loop {
        step = match step {
            Step::Compute(computation) => computation.run(world),
            Step::Call(pending) => {
                let elements = plaintext(&pending.call)["requests"].as_array().unwrap().clone();
                let outcome = connector(&elements);
                batches.push(elements);
                pending.resume(world, outcome)
            }
            Step::Done(answer) => {
                let (status, body) = (answer.response.status(), body_of(&answer));
                let refusal = match deed {
                    Deed::Act(_) => body["refusal"].as_str().map(str::to_owned),
                    Deed::Request { .. } if status.is_success() => None,
                    Deed::Request { .. } => {
                        assert_eq!(
                            (status, &body["error"]["code"]),
                            (StatusCode::BAD_REQUEST, &json!("WorkforceIntegrationError"))
                        );
                        Some(body["error"]["message"].as_str().unwrap().to_owned())
                    }
                };
                return (refusal, batches);
            }
        };
    }
}

/// Returns all entities of a world.
fn stored(world: &World) -> Vec<Arc<StoredEntity>> {
    world.store.entities().into_iter().map(|(_, entity)| entity).collect()
}

/// Whether two states have the very same entities, tags included.
fn is_same(some: &[Arc<StoredEntity>], others: &[Arc<StoredEntity>]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| Arc::ptr_eq(one, other))
}

/// Returns all that a schedule has, and the preferences of the worker.
fn visible(scene: &Scene) -> Vec<Value> {
    let collections = [
        "shifts",
        "openShifts",
        "timesOff",
        "timeOffReasons",
        "swapShiftsChangeRequests",
        "offerShiftRequests",
        "openShiftChangeRequests",
        "timeOffRequests",
        "timeCards",
    ];
    let preferences = format!("/v1.0/users/{ALICE}/settings/shiftPreferences");
    let preferences = harness::json(&scene.world, Method::GET, &preferences, None).1;
    collections.iter().flat_map(|collection| scene.list(collection)).chain([preferences]).collect()
}

#[test]
fn each_answer_to_each_element_of_each_flow_counts_as_documented() {
    for flow in FLOWS {
        let (scene, deed) = prepared(flow);
        let before = stored(&scene.world);
        let approved = {
            let (scene, deed) = prepared(flow);
            let (refusal, batches) = perform(&scene.world, &deed, |elements| says(&items(elements)));
            assert_eq!(refusal, None, "{}", flow.name);
            assert_eq!(
                (batches.len(), outline(&batches[0])),
                (1, flow.elements.iter().map(|&text| text.to_owned()).collect()),
                "{}",
                flow.name
            );
            visible(&scene)
        };
        for answer in ANSWERS {
            for one in 0..if answer.is_about_one { flow.elements.len() } else { 1 } {
                let name = format!("{}: the connector {} (element {one})", flow.name, answer.name);
                let other = answer.refusal.is_none().then(|| prepared(flow));
                let (scene, deed) = other.as_ref().map_or((&scene, &deed), |(scene, deed)| (scene, deed));
                let asked = stored(&scene.world);
                let is_seen = Cell::new(false);
                let (refusal, batches) = perform(&scene.world, deed, |elements| {
                    // While the connector is slow, nothing has changed.
                    is_seen.set(is_same(&stored(&scene.world), &asked));
                    (answer.outcome)(elements, one)
                });
                assert!(is_seen.get(), "{name}: nothing is stored before the answer");
                assert_eq!((batches.len(), batches[0].len()), (1, flow.elements.len()), "{name}: one call with all elements");
                match (answer.refusal, refusal) {
                    (Some(expected), Some(refusal)) => {
                        assert!(refusal.contains(expected), "{name}: {refusal}");
                        assert!(is_same(&stored(&scene.world), &before), "{name}: nothing changes");
                    }
                    (None, None) => assert_eq!(visible(scene), approved, "{name}: all is stored"),
                    (expected, refusal) => panic!("{name}: expected {expected:?}, found {refusal:?}"),
                }
            }
        }
    }
}

#[test]
fn answers_to_questions_about_the_choice_count_too() {
    let flows = [
        ("SwapRequest", FLOWS.iter().find(|flow| flow.name == "swap sent").unwrap()),
        ("TimeOffReason", FLOWS.iter().find(|flow| flow.name == "time off requested").unwrap()),
    ];
    for (filter, flow) in flows {
        let (scene, deed) = prepared(flow);
        let filters = json!({ "eligibilityFilteringEnabledEntities": filter }).to_string();
        assert_eq!(harness::json(&scene.world, Method::PATCH, INTEGRATION, Some(&filters)).0, StatusCode::OK);
        let before = stored(&scene.world);
        let eligible = |elements: &[Value], ids: &[&str]| {
            says(&[json!({ "id": elements[0]["id"], "status": 200, "body": { "data": ids, "error": null } })])
        };
        let chosen = if filter == "SwapRequest" { scene.bobs.as_str() } else { REASON };
        for answer in ANSWERS.iter().filter(|answer| answer.refusal.is_some()) {
            let (refusal, batches) = perform(&scene.world, &deed, |elements| (answer.outcome)(elements, 0));
            let (refusal, expected) = (refusal.unwrap(), answer.refusal.unwrap());
            assert!(refusal.contains(expected), "{filter}, {}: {refusal}", answer.name);
            assert_eq!((batches.len(), &batches[0][0]["method"]), (1, &json!("GET")), "{}", answer.name);
            assert!(is_same(&stored(&scene.world), &before), "{filter}, {}", answer.name);
        }
        // The choice is granted, then the request refused.
        let (refusal, batches) = perform(&scene.world, &deed, |elements| match elements[0]["method"].as_str() {
            Some("GET") => eligible(elements, &["SHFT_other", chosen]),
            _ => says(&[refusal(&elements[0], 403)]),
        });
        assert!(refusal.unwrap().contains("Not on a Sunday."));
        assert_eq!(batches.len(), 2);
        assert!(is_same(&stored(&scene.world), &before), "{filter}");
    }
}
