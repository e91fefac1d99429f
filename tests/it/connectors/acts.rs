//! Acts of the people in a schedule, by the control API, the command, and in scenarios.

use serde_json::{Value, json};

use super::example::{Connector, SECRET, program};
use crate::edge::http::{Server, exchange};
use crate::support::harness;

const TEAM: &str = "3d88b7a2-f988-4f4b-bb34-d66df66af126";
const ALICE: &str = "c5d0c76b-80c4-481c-be50-923cd8d680a1";
const BOB: &str = "366c0b19-49b1-41b5-a03f-9f3887bd0ed8";

fn send(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    exchange(server.address, method, path, body)
}

/// Returns an emulator whose schedule is bound to the connector.
fn bound(connector: &Connector) -> Server {
    let server = Server::of(harness::settings_with(&[]));
    let integration = json!({
        "url": connector.url(),
        "encryption": { "protocol": "sharedSecret", "secret": SECRET },
        "supportedEntities": "Shift,SwapRequest,OpenShift,OpenShiftRequest",
    });
    let path = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
    assert_eq!(send(&server, "PATCH", path, &integration).0, 200);
    let binding = json!({ "enabled": true, "timeZone": "America/Chicago", "workforceIntegrationIds": [path.rsplit('/').next()] });
    assert_eq!(send(&server, "PUT", &format!("/v1.0/teams/{TEAM}/schedule"), &binding).0, 200);
    server
}

fn act(server: &Server, act: &Value) -> Value {
    let (status, report) = send(server, "POST", "/_emulator/worlds/default/acts", act);
    assert_eq!(status, 200, "{report}");
    report
}

fn made(report: &Value) -> String {
    report["answer"]["id"].as_str().unwrap_or_else(|| panic!("{report:#}")).to_owned()
}

#[test]
fn an_act_says_what_was_sent_and_what_became_of_the_state() {
    let connector = Connector::start();
    let server = bound(&connector);
    let add = |user: &str, day: u32| {
        made(&act(
            &server,
            &json!({ "do": "add-shift", "team": TEAM, "user": user,
            "start": format!("2026-12-{day}T14:00:00Z"), "end": format!("2026-12-{day}T22:00:00Z") }),
        ))
    };
    let (own, other) = (add(ALICE, 11), add(BOB, 12));
    let asked = act(&server, &json!({ "do": "request-swap", "from": own, "to": other }));
    assert_eq!((&asked["as"], &asked["status"], &asked["isDone"]), (&json!(ALICE), &json!(200), &json!(true)));
    let request = made(&asked);
    act(&server, &json!({ "do": "accept", "request": request }));
    let approved = act(&server, &json!({ "do": "approve", "request": request, "message": "ok" }));
    assert_eq!(approved["as"], BOB, "the manager of the team");
    assert_eq!(approved["calls"][0]["elements"].as_array().unwrap().len(), 5);
    let changes = approved["changes"].as_array().unwrap();
    let count = |is: &dyn Fn(&Value) -> bool| changes.iter().filter(|change| is(change)).count();
    assert_eq!(count(&|change| change["before"].is_null()), 2, "two shifts are new");
    assert_eq!(count(&|change| change["after"].is_null()), 2, "two are gone");
    let again = act(&server, &json!({ "do": "approve", "request": request }));
    assert_eq!((&again["isDone"], &again["changes"]), (&json!(false), &json!([])));
    assert_eq!(again["refusal"], "The request was already handled.");
}

#[test]
fn an_incomplete_act_names_what_it_lacks() {
    let server = Server::of(harness::settings_with(&[]));
    for (body, expected) in [
        (json!({ "do": "request-swap" }), "missing from for request-swap"),
        (json!({ "do": "accept", "request": "SREQ_0" }), "unknown id 'SREQ_0' in swapShiftsChangeRequests"),
        (json!({ "do": "dance" }), "invalid body: unknown variant `dance`"),
        (json!({ "do": "see-eligible", "as": ALICE, "team": TEAM }), "unbound schedule"),
        (json!({ "do": "share", "start": "2026-01-01T00:00:00Z", "team": "x" }), "unknown schedule"),
    ] {
        let (status, answer) = send(&server, "POST", "/_emulator/worlds/default/acts", &body);
        assert_eq!(status, 400, "{answer}");
        assert!(answer.to_string().contains(expected), "{answer}");
    }
}

#[test]
fn the_command_acts_in_a_running_emulator() {
    let connector = Connector::start();
    let server = bound(&connector);
    let port = server.address.port().to_string();
    let command = |arguments: &[&str]| program(&[&["act"], arguments, &["--port", &port]].concat());
    let times = ["--start", "2026-12-13T14:00:00Z", "--end", "2026-12-13T22:00:00Z", "--team", TEAM];
    let (status, printed) = command(&[&["add-open-shift"][..], &times].concat());
    assert_eq!(status, Some(0), "{printed}");
    let open = printed.lines().last().unwrap().rsplit('/').next().unwrap().to_owned();
    let assign = ["assign", "--open-shift", &open, "--user", ALICE];
    let (status, printed) = command(&assign);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains(&format!("  PUT /openshifts/{open}\n  POST /shifts/SHFT_")), "{printed}");
    let (status, printed) = command(&assign);
    assert_eq!(status, Some(1));
    assert!(printed.starts_with("refused: The open shift has no open slot."), "{printed}");
}

#[test]
fn a_new_shift_is_in_a_group_of_its_user() {
    let server = Server::of(harness::settings_with(&[]));
    let cashier = "8b2e844f-ccb2-4588-acd7-d776718305f8";
    let times = json!({ "team": TEAM, "start": "2026-12-11T14:00:00Z", "end": "2026-12-11T22:00:00Z" });
    for (user, group, expected) in [
        (ALICE, None, "TAG_228940ed-ff84-4e25-b129-1b395cf78be0"),
        (cashier, None, "TAG_29754679-afe1-5b15-9f19-0e44bd53b732"),
        (cashier, Some("TAG_920670e8-1218-5db1-a318-17f90cf7aa75"), "TAG_920670e8-1218-5db1-a318-17f90cf7aa75"),
    ] {
        let mut add = times.clone();
        (add["do"], add["user"], add["group"]) = ("add-shift".into(), user.into(), group.into());
        let report = act(&server, &add);
        assert_eq!((&report["isDone"], &report["answer"]["schedulingGroupId"]), (&json!(true), &json!(expected)), "{report}");
    }
}

#[test]
fn a_scenario_file_is_played_and_its_expectations_count() {
    let connector = Connector::start();
    let file = std::env::temp_dir().join(format!("wfi-emulator-scenario-{}.json", std::process::id()));
    let step = |changes: u32| {
        json!({ "act": { "do": "add-shift", "user": "{{worker}}", "start": "2026-12-11T14:00:00Z", "end": "2026-12-11T22:00:00Z" },
            "save": "mine", "expect": { "elements": ["POST shifts"], "changes": changes } })
    };
    for (steps, expected) in [
        (json!([step(1)]), "passed  scenario mine: 1 step\n"),
        (json!([step(2)]), "FAILED  scenario mine: step 1, add-shift: changed 1 items, expected 2\n"),
        (
            json!([{ "act": { "do": "edit", "shift": "{{other}}" } }]),
            "FAILED  scenario mine: step 1, edit: unknown variable 'other'",
        ),
    ] {
        std::fs::write(&file, json!({ "name": "mine", "steps": steps }).to_string()).unwrap();
        let (_, printed) = program(&["connector-check", &connector.url(), "--scenario", file.to_str().unwrap()]);
        assert!(printed.contains(expected), "{printed}");
    }
    for (format, expected) in
        [("json", "\"isClean\": true"), ("junit", "<testsuite name=\"connector-check\" tests=\"58\" failures=\"0\">")]
    {
        let (_, printed) = program(&["connector-check", &connector.url(), "--format", format]);
        assert!(printed.contains(expected), "{printed}");
    }
    std::fs::remove_file(file).unwrap();
}
