//! Access to a schedule: each operation, by each role.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::approval::{INTEGRATION, SCHEDULE, approves, body_of, play};
use crate::support::harness::{self, request};

const OWNER: &str = "366c0b19-49b1-41b5-a03f-9f3887bd0ed8";
/// The worker whose entries the operations are about.
const NORA: &str = "c5d0c76b-80c4-481c-be50-923cd8d680a1";
const COLLEAGUE: &str = "7878981d-a6c7-46ef-9585-7bb41714e981";
/// A user who is in no team.
const OUTSIDER: &str = "4774d072-52c7-4787-a03e-4c21dbb93318";
const GROUP: &str = "TAG_228940ed-ff84-4e25-b129-1b395cf78be0";
const SHIFT: &str = "SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8";
const CARD: &str = "timeCards/TCK_ec3ba482-1a87-51a7-9a94-77e479a10ae6";

fn application() -> String {
    harness::bearer(&json!({ "appid": "a1", "idtyp": "app", "roles": ["Schedule.ReadWrite.All"] }))
}

/// Returns the status of a request to the schedule, or to an address of its own, in a new world.
fn status(choices: &[(&str, &str)], token: Option<&str>, method: &str, path: &str, body: &Value) -> u16 {
    status_at(SCHEDULE, choices, token, method, path, body)
}

/// Returns the same for another address of the schedule.
fn status_at(schedule: &str, choices: &[(&str, &str)], token: Option<&str>, method: &str, path: &str, body: &Value) -> u16 {
    let world = harness::world(choices);
    let path = match path {
        "" => schedule.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{schedule}/{path}"),
    };
    let mut request = request(method.parse().unwrap(), &path, body);
    if body.is_null() {
        request.body = wfi_emulator::internals::graph::request::Body::Whole(bytes::Bytes::new());
    }
    if let Some(token) = token {
        request.headers.insert("authorization", token.parse().unwrap());
    }
    play(&world, &request, approves).0.response.status().as_u16()
}

/// Returns the operations: method, path, body.
fn operations() -> Vec<(&'static str, String, Value)> {
    let item = json!({ "startDateTime": "2026-12-20T06:00:00Z", "endDateTime": "2026-12-20T16:00:00Z", "theme": "blue" });
    let shift = json!({ "userId": NORA, "schedulingGroupId": GROUP, "sharedShift": item });
    let schedule = json!({ "enabled": true, "timeZone": "America/Chicago" });
    let share = json!({ "notifyTeam": false, "startDateTime": "2026-01-01T00:00:00Z" });
    let card = json!({ "userId": NORA, "clockInEvent": { "dateTime": "2026-01-05T08:00:00Z" } });
    let preferences = format!("/v1.0/users/{NORA}/settings/shiftPreferences");
    let row = |method: &'static str, path: &str, body: &Value| (method, path.to_owned(), body.clone());
    let null = Value::Null;
    vec![
        row("GET", "", &null),
        row("GET", "shifts", &null),
        row("GET", "shifts/$count", &null),
        row("GET", &format!("shifts/{SHIFT}"), &null),
        row("GET", &format!("shifts/{SHIFT}/userId"), &null),
        row("PUT", "", &schedule),
        row("POST", "share", &share),
        row("POST", "shifts", &shift),
        row("PUT", &format!("shifts/{SHIFT}"), &shift),
        row("POST", &format!("shifts/{SHIFT}/stageForDeletion"), &json!({})),
        row("DELETE", &format!("shifts/{SHIFT}"), &null),
        row("POST", "timeCards", &card),
        row("PUT", CARD, &card),
        row("DELETE", CARD, &null),
        row("POST", &format!("{CARD}/confirm"), &json!({})),
        row("POST", "timeCards/clockIn", &json!({ "onBehalfOfUserId": NORA })),
        row("GET", &preferences, &null),
        row("PUT", &preferences, &json!({ "availability": [] })),
    ]
}

#[test]
fn roles_decide_who_reads_and_writes_what() {
    let tokens = [OWNER, NORA, COLLEAGUE, OUTSIDER].map(|user| Some(harness::delegated(user)));
    let tokens = [&tokens[..], &[Some(application()), None]].concat();
    let mut table = String::new();
    for (method, path, body) in operations() {
        let answers: Vec<String> =
            tokens.iter().map(|token| status(&[], token.as_deref(), method, &path, &body).to_string()).collect();
        let path = if path.is_empty() { "schedule" } else { &path };
        table.push_str(&format!("{} {method} {path}\n", answers.join(" ")));
    }
    // Owner, the worker, a colleague, a person outside of the team, an application, no token.
    insta::assert_snapshot!(table, @r"
    200 200 200 404 200 200 GET schedule
    200 200 200 404 200 200 GET shifts
    200 200 200 404 200 200 GET shifts/$count
    200 200 200 404 200 200 GET shifts/SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8
    200 200 200 404 200 200 GET shifts/SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8/userId
    200 403 403 404 200 200 PUT schedule
    204 403 403 404 204 204 POST share
    201 403 403 404 201 201 POST shifts
    204 403 403 404 204 204 PUT shifts/SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8
    204 403 403 404 204 204 POST shifts/SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8/stageForDeletion
    204 403 403 404 204 204 DELETE shifts/SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8
    201 201 403 404 201 201 POST timeCards
    204 204 403 404 204 204 PUT timeCards/TCK_ec3ba482-1a87-51a7-9a94-77e479a10ae6
    204 204 403 404 204 204 DELETE timeCards/TCK_ec3ba482-1a87-51a7-9a94-77e479a10ae6
    204 204 403 404 403 204 POST timeCards/TCK_ec3ba482-1a87-51a7-9a94-77e479a10ae6/confirm
    201 201 403 404 201 201 POST timeCards/clockIn
    200 200 200 200 200 200 GET /v1.0/users/c5d0c76b-80c4-481c-be50-923cd8d680a1/settings/shiftPreferences
    204 204 403 403 204 204 PUT /v1.0/users/c5d0c76b-80c4-481c-be50-923cd8d680a1/settings/shiftPreferences
    ");
}

#[test]
fn the_way_to_a_schedule_changes_nothing() {
    let team = SCHEDULE.split('/').nth(3).unwrap();
    let ways = [
        "v1.0/groups/{team}/team",
        "beta/groups/{team}/team",
        "v1.0/users/{nora}/joinedTeams/{team}",
        "v1.0/me/joinedTeams/{team}",
    ];
    let is_tried = |(method, path, _): &(&str, String, Value)| {
        ["GET ", "PUT ", "GET shifts", "POST shifts", &format!("PUT {CARD}")].contains(&&*format!("{method} {path}"))
    };
    let operations: Vec<_> = operations().into_iter().filter(is_tried).collect();
    assert_eq!(operations.len(), 5);
    for (method, path, body) in operations {
        for user in [OWNER, NORA, COLLEAGUE, OUTSIDER] {
            let token = harness::delegated(user);
            let expected = status(&[], Some(&token), method, &path, &body);
            for way in ways {
                let schedule = format!("/{}/schedule", way.replace("{team}", team).replace("{nora}", NORA));
                let answer = status_at(&schedule, &[], Some(&token), method, &path, &body);
                assert_eq!(answer, expected, "{method} {schedule} {path} {user}");
            }
        }
    }
}

#[test]
fn an_unknown_group_is_kept_and_not_chosen() {
    let world = harness::world(&[("unknown-scheduling-group", "accept")]);
    let behaviors = |choice: &str| {
        let mut behaviors = world.behaviors.clone();
        behaviors.set("unknown-scheduling-group", choice).unwrap();
        behaviors
    };
    let item = json!({ "startDateTime": "2026-12-20T06:00:00Z", "endDateTime": "2026-12-20T16:00:00Z", "openSlotCount": 1 });
    let open = |group: &str| json!({ "schedulingGroupId": group, "sharedOpenShift": item });
    let mut item = item.clone();
    item.as_object_mut().unwrap().remove("openSlotCount");
    let shift = |group: &str| json!({ "userId": NORA, "schedulingGroupId": group, "sharedShift": item });
    for (collection, body) in [("shifts", &shift as &dyn Fn(&str) -> Value), ("openShifts", &open)] {
        let path = format!("{SCHEDULE}/{collection}");
        let (status, made) = harness::json(&world, Method::POST, &path, Some(&body("TAG_0").to_string()));
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let path = format!("{path}/{}", made["id"].as_str().unwrap());
        for choice in ["known", "refuse"] {
            let strict = world.with_behaviors(behaviors(choice));
            let put = |group: &str| harness::json(&strict, Method::PUT, &path, Some(&body(group).to_string())).0.as_u16();
            assert_eq!((put("TAG_0"), put("TAG_1"), put(GROUP), put("TAG_0")), (204, 400, 204, 400), "{choice} {collection}");
            let accepting = harness::json(&world, Method::PUT, &path, Some(&body("TAG_0").to_string())).0;
            assert_eq!(accepting, StatusCode::NO_CONTENT);
        }
    }
}

#[test]
fn a_card_without_a_person_in_the_body_stays_that_of_its_person_or_is_nobodys() {
    let body = json!({ "clockInEvent": { "dateTime": "2026-01-05T08:00:00Z" } });
    for (choice, person, again) in [("kept", json!(NORA), 204), ("cleared", Value::Null, 403)] {
        let world = harness::world(&[("time-card-person", choice)]);
        let put = || {
            let mut put = request(Method::PUT, &format!("{SCHEDULE}/{CARD}"), &body);
            put.headers.insert("authorization", harness::delegated(NORA).parse().unwrap());
            play(&world, &put, approves).0.response.status().as_u16()
        };
        assert_eq!(put(), 204);
        assert_eq!(harness::json(&world, Method::GET, &format!("{SCHEDULE}/{CARD}"), None).1["userId"], person, "{choice}");
        assert_eq!(put(), again, "{choice}");
    }
}

#[test]
fn ids_of_users_count_in_any_case() {
    let world = harness::world(&[]);
    let send = |user: &str, path: &str, body: &Value| {
        let mut post = request(Method::POST, &format!("{SCHEDULE}/{path}"), body);
        post.headers.insert("authorization", harness::delegated(&user.to_uppercase()).parse().unwrap());
        let (answer, _) = play(&world, &post, approves);
        (answer.response.status().as_u16(), body_of(&answer))
    };
    let item = |day: u32| json!({ "startDateTime": format!("2026-12-{day}T06:00:00Z"), "endDateTime": format!("2026-12-{day}T16:00:00Z") });
    let shift = |user: &str, day| {
        let body = json!({ "userId": user, "schedulingGroupId": GROUP, "sharedShift": item(day) });
        let (status, made) = send(OWNER, "shifts", &body);
        assert_eq!(status, 201, "{made}");
        made["id"].clone()
    };
    let swap = json!({ "senderShiftId": shift(NORA, 20), "recipientShiftId": shift(&OWNER.to_uppercase(), 21) });
    let (status, made) = send(NORA, "swapShiftsChangeRequests", &swap);
    assert_eq!(status, 200, "{made}");
    let approve = format!("swapShiftsChangeRequests/{}/approve", made["id"].as_str().unwrap());
    assert_eq!(send(NORA, &approve, &json!({})).0, 403, "the recipient decides");
    assert_eq!((send(OWNER, &approve, &json!({})).0, send(OWNER, &approve, &json!({})).0), (204, 204));
    let clock_in = |user: &str| send(OWNER, "timeCards/clockIn", &json!({ "onBehalfOfUserId": user })).0;
    assert_eq!((clock_in(COLLEAGUE), clock_in(&COLLEAGUE.to_uppercase())), (201, 400), "one open card");
}

#[test]
fn rows_let_all_write() {
    let colleague = harness::delegated(COLLEAGUE);
    let outsider = harness::delegated(OUTSIDER);
    for (method, path, body) in operations() {
        let answer = status(&[("shifts-rules", "lenient")], Some(&outsider), method, &path, &body);
        assert!((200..300).contains(&answer), "{method} {path}: {answer}");
        if path.starts_with("timeCards") || path.starts_with("/v1.0/users") {
            let answer = status(&[("personal-entries", "take")], Some(&colleague), method, &path, &body);
            assert!((200..300).contains(&answer), "{method} {path}: {answer}");
        }
    }
}

#[test]
fn a_card_cannot_be_given_away() {
    let card = json!({ "userId": COLLEAGUE, "clockInEvent": { "dateTime": "2026-01-05T08:00:00Z" } });
    assert_eq!(status(&[], Some(&harness::delegated(NORA)), "PUT", CARD, &card), 403);
    assert_eq!(status(&[], Some(&harness::delegated(OWNER)), "PUT", CARD, &card), 204);
}

#[test]
fn a_schedule_stays_bound_if_a_worker_puts_it() {
    let world = harness::world(&[]);
    let id = INTEGRATION.rsplit('/').next().unwrap();
    let binding = json!({ "enabled": true, "timeZone": "America/Chicago", "workforceIntegrationIds": [id] });
    assert_eq!(harness::json(&world, Method::PUT, SCHEDULE, Some(&binding.to_string())).0, StatusCode::OK);
    let mut put = request(Method::PUT, SCHEDULE, &json!({ "enabled": true, "timeZone": "America/Chicago" }));
    put.headers.insert("authorization", harness::delegated(NORA).parse().unwrap());
    let (answer, _) = play(&world, &put, approves);
    assert_eq!(answer.response.status(), StatusCode::FORBIDDEN);
    assert!(body_of(&answer)["error"]["message"].as_str().unwrap().contains("MissingAdminPermissions"));
    assert_eq!(harness::json(&world, Method::GET, SCHEDULE, None).1["workforceIntegrationIds"], json!([id]));
}

#[test]
fn the_last_active_reason_and_unknown_groups_are_refused() {
    for (choice, last) in [("enforce", 400), ("lenient", 204)] {
        let world = harness::world(&[("shifts-rules", choice)]);
        let (_, reasons) = harness::json(&world, Method::GET, &format!("{SCHEDULE}/timeOffReasons"), None);
        let mut answers = Vec::new();
        for reason in reasons["value"].as_array().unwrap().iter().filter(|reason| reason["isActive"] == true) {
            let body =
                json!({ "displayName": reason["displayName"], "iconType": reason["iconType"], "isActive": false }).to_string();
            let path = format!("{SCHEDULE}/timeOffReasons/{}", reason["id"].as_str().unwrap());
            answers.push(harness::json(&world, Method::PUT, &path, Some(&body)).0.as_u16());
        }
        assert!(answers.len() > 1, "{answers:?}");
        assert_eq!((answers.pop(), answers.iter().all(|status| *status == 204)), (Some(last), true), "{choice}");
    }
    let item = json!({ "startDateTime": "2026-12-20T06:00:00Z", "endDateTime": "2026-12-20T16:00:00Z", "openSlotCount": 1 });
    let open = json!({ "schedulingGroupId": "TAG_0", "sharedOpenShift": item });
    let item = json!({ "startDateTime": "2026-12-20T06:00:00Z", "endDateTime": "2026-12-20T16:00:00Z" });
    let shift = json!({ "userId": NORA, "schedulingGroupId": "TAG_0", "sharedShift": item });
    for (choice, expected) in [("known", 400), ("refuse", 400), ("accept", 201)] {
        for (collection, body) in [("shifts", &shift), ("openShifts", &open)] {
            assert_eq!(status(&[("unknown-scheduling-group", choice)], None, "POST", collection, body), expected, "{choice}");
        }
    }
}

#[test]
fn an_application_confirms_no_card_in_its_own_name() {
    for (choice, expected) in [("refuse", 403), ("take", 204)] {
        let choices = [("application-decisions", choice)];
        let path = format!("{CARD}/confirm");
        assert_eq!(status(&choices, Some(&application()), "POST", &path, &json!({})), expected);
        let named = format!("/beta/{}/{CARD}/confirmForUser", SCHEDULE.trim_start_matches("/v1.0/"));
        assert_eq!(status(&choices, Some(&application()), "POST", &named, &json!({ "userId": NORA })), 204);
    }
}

#[test]
fn people_of_the_group_of_a_team_are_those_of_the_team() {
    let status = |links: &str, method: &str, body: &Value| {
        let world = harness::world(&[]);
        let group = "/v1.0/groups/3d88b7a2-f988-4f4b-bb34-d66df66af126";
        let link = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{OUTSIDER}") });
        let linked = harness::json(&world, Method::POST, &format!("{group}/{links}/$ref"), Some(&link.to_string())).0;
        assert_eq!(linked, StatusCode::NO_CONTENT);
        let mut request = request(method.parse().unwrap(), SCHEDULE, body);
        // In upper case, as some clients have ids.
        let token = harness::delegated(&OUTSIDER.to_uppercase());
        request.headers.insert("authorization", token.parse().unwrap());
        play(&world, &request, approves).0.response.status().as_u16()
    };
    let schedule = json!({ "enabled": true, "timeZone": "America/Chicago" });
    assert_eq!(status("members", "GET", &json!({})), 200);
    assert_eq!(status("members", "PUT", &schedule), 403);
    assert_eq!(status("owners", "PUT", &schedule), 200);
    let outsider = harness::delegated(&OUTSIDER.to_uppercase());
    assert_eq!(self::status(&[], Some(&outsider), "PUT", "", &schedule), 404, "capital letters make nobody a member");
}
