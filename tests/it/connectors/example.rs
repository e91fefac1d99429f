//! End to end: the example connector on loopback, called by the emulator and by the commands.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use wfi_emulator::emulator::Emulator;
use wfi_emulator::internals::workloads::shifts::envelope::{Secret, decrypt};
use wfi_emulator::internals::world::settings::Connectors;

use crate::edge::http::{Server, exchange};
use crate::support::harness;

#[path = "../../../examples/connector.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, clippy::pedantic, reason = "the example is a program of its own")]
mod source;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdefFEDCBA9876543210FEDCBA9876543210";

/// Time limit of every wait.
const PATIENCE: Duration = Duration::from_secs(8);

/// The example connector on its own thread, until the value is dropped.
pub(crate) struct Connector {
    pub(crate) address: SocketAddr,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// From here on, nothing answers at its address.
impl Drop for Connector {
    fn drop(&mut self) {
        self.stop.take();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Connector {
    pub(crate) fn start() -> Connector {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                // Nothing is ever sent: dropping the sender is the signal.
                let stopped = tokio::task::spawn_blocking(move || stopped.recv());
                tokio::select! {
                    () = source::serve(listener, Secret::new(SECRET).unwrap()) => {}
                    _ = stopped => {}
                }
            });
        });
        Connector { address, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

/// Returns the address of a connector that closes its only call without an answer, and that call in lower case.
fn capture() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/wfi/", listener.local_addr().unwrap());
    let captured = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut seen = vec![0; 8192];
        let length = stream.read(&mut seen).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 16\r\n\r\n{\"responses\":[]}").unwrap();
        String::from_utf8_lossy(&seen[..length]).to_lowercase()
    });
    (url, captured)
}

/// Runs the program to its end.
pub(crate) fn program(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wfi-emulator"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WFI_EMULATOR_")) {
        command.env_remove(name);
    }
    let Output { status, stdout, stderr } = command.args(arguments).env("WFI_EMULATOR_SECRET", SECRET).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn integration(url: &str, secret: &str) -> Value {
    json!({ "displayName": "Example", "apiVersion": 1, "url": url, "encryption": { "protocol": "sharedSecret", "secret": secret } })
}

#[test]
fn an_integration_is_stored_if_its_connector_knows_the_secret() {
    let connector = Connector::start();
    let server = Server::of(harness::settings_with(&[("connect", "enforce"), ("connect-on-update", "enforce")]));
    let (status, created) = exchange(server.address, "POST", COLLECTION, &integration(&connector.url(), SECRET));
    assert_eq!(status, 201, "{created}");
    let (status, refused) = exchange(server.address, "POST", COLLECTION, &integration(&connector.url(), &"x".repeat(64)));
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("WorkforceIntegrationError")));
    // The example supports version 1 only.
    let entity = format!("{COLLECTION}/{}", created["id"].as_str().unwrap());
    assert_eq!(exchange(server.address, "PATCH", &entity, &json!({ "apiVersion": 2 })).0, 400);
    assert_eq!(exchange(server.address, "PATCH", &entity, &json!({ "displayName": "Renamed" })).0, 200);
    drop(connector);
    let (_, all) = exchange(server.address, "GET", COLLECTION, &Value::Null);
    let last = all["value"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["displayName"], &last["apiVersion"]), (&json!("Renamed"), &json!(1)));
}

#[test]
fn a_shift_is_stored_once_the_bound_connector_approves() {
    const SCHEDULE: &str = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";
    let connector = Connector::start();
    let server = Server::of(harness::settings_with(&[("connect", "enforce")]));
    let mut supporting = integration(&connector.url(), SECRET);
    supporting["supportedEntities"] = json!("Shift,OpenShift");
    let (status, created) = exchange(server.address, "POST", COLLECTION, &supporting);
    assert_eq!(status, 201, "the handshake succeeds: {created}");
    let binding = json!({ "enabled": true, "timeZone": "America/Chicago", "workforceIntegrationIds": [created["id"]] });
    assert_eq!(exchange(server.address, "PUT", SCHEDULE, &binding).0, 200);
    let shifts = format!("{SCHEDULE}/shifts");
    let shift = |end: &str| {
        json!({ "userId": "c5d0c76b-80c4-481c-be50-923cd8d680a1", "schedulingGroupId": "TAG_920670e8-1218-5db1-a318-17f90cf7aa75",
            "sharedShift": { "startDateTime": "2024-10-12T06:00:00Z", "endDateTime": end, "theme": "blue" } })
    };
    let count = || exchange(server.address, "GET", &shifts, &Value::Null).1["value"].as_array().unwrap().len();
    let before = count();
    // The example approves shifts of up to ten hours.
    let (status, refused) = exchange(server.address, "POST", &shifts, &shift("2024-10-12T17:00:00Z"));
    let (error, message) = (&refused["error"], refused["error"]["message"].as_str().unwrap());
    assert_eq!((status, &error["code"]), (400, &json!("WorkforceIntegrationError")));
    assert!(message.contains("A shift has at most ten hours."), "{message}");
    assert_eq!(count(), before, "nothing is stored");
    let (status, approved) = exchange(server.address, "POST", &shifts, &shift("2024-10-12T16:00:00Z"));
    assert_eq!((status, count()), (201, before + 1));
    let stored = format!("{shifts}/{}", approved["id"].as_str().unwrap());
    assert_eq!(exchange(server.address, "PUT", &stored, &shift("2024-10-12T17:00:00Z")).0, 400);
    let (_, unchanged) = exchange(server.address, "GET", &stored, &Value::Null);
    assert_eq!(unchanged["sharedShift"]["endDateTime"], "2024-10-12T16:00:00Z");
    assert_eq!(exchange(server.address, "DELETE", &stored, &Value::Null).0, 204);
    // Each call is an entry of the journal: one handshake, four approvals.
    let (_, journal) = exchange(server.address, "GET", "/_emulator/tenants/default/journal", &Value::Null);
    let entries = journal["entries"].as_array().unwrap();
    let to = |end: &str| entries.iter().filter(|entry| entry["target"].as_str().unwrap().ends_with(end)).count();
    assert_eq!((to("/v1/connect"), to("/v1/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/update")), (1, 4));
    drop(connector);
    // Without a connector to ask, nothing changes.
    assert_eq!(exchange(server.address, "POST", &shifts, &shift("2024-10-12T16:00:00Z")).0, 400);
    assert_eq!(count(), before);
}

#[test]
fn the_passthrough_header_of_a_write_to_a_shift_reaches_the_connector() {
    let (url, captured) = capture();
    let connectors = Connectors { timeout: PATIENCE, ..Connectors::default() };
    let emulator = Emulator::builder().connectors(connectors).build();
    let send = |method: &str, path: &str, body: &Value| {
        let request = http::Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.header("X-MS-WFMPassthrough", "WFI_1").body(body.to_string().into()).unwrap();
        let response = emulator.send(request);
        (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap_or_default())
    };
    let mut supporting = integration(&url, SECRET);
    supporting["supportedEntities"] = json!("shift");
    let (_, created) = send("POST", COLLECTION, &supporting);
    let schedule = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";
    let binding = json!({ "enabled": true, "timeZone": "UTC", "workforceIntegrationIds": [created["id"]] });
    assert_eq!(send("PUT", schedule, &binding).0, 200);
    assert_eq!(
        send(
            "POST",
            &format!("{schedule}/shifts"),
            &json!({ "userId": "u", "schedulingGroupId": "TAG_920670e8-1218-5db1-a318-17f90cf7aa75",
        "sharedShift": { "startDateTime": "2024-10-12T06:00:00Z", "endDateTime": "2024-10-12T16:00:00Z" } })
        )
        .0,
        201
    );
    let head = captured.join().unwrap();
    assert!(head.starts_with("post /wfi/v1/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/update http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nx-ms-wfmpassthrough: wfi_1\r\n"), "{head}");
}

#[test]
fn a_connector_that_hangs_delays_only_its_own_caller() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let server = Server::of(harness::settings_with(&[("connect", "enforce")]));
    std::thread::scope(|scope| {
        let (answers, answered) = mpsc::channel();
        let address = server.address;
        scope.spawn(move || answers.send(exchange(address, "POST", COLLECTION, &integration(&url, SECRET)).0).unwrap());
        let (connection, _) = silent.accept().unwrap();
        // From here on, the emulator waits for the connector.
        for _ in 0..20 {
            assert_eq!(exchange(address, "GET", ENTITY, &Value::Null).0, 200);
            assert_eq!(exchange(address, "PATCH", ENTITY, &json!({ "displayName": "meanwhile" })).0, 200);
        }
        assert!(answered.try_recv().is_err(), "the caller still waits");
        drop(connection);
        assert_eq!(answered.recv_timeout(PATIENCE).unwrap(), 400, "nothing is stored without an answer");
    });
}

#[test]
fn commands_call_a_connector_as_shifts_does() {
    let connector = Connector::start();
    let url = connector.url();
    let (status, printed) = program(&["call", "connect", "--url", &url]);
    assert!(status == Some(0) && printed.ends_with("Shifts registers the integration.\n"), "{printed}");
    let (status, printed) =
        program(&["call", "update", "--url", &url, "--change", "timesoff:DELETE:TOFF_1", "--change", "shifts"]);
    assert!(status == Some(0) && printed.contains("  TOFF_1: approved, eTag TOFF_1-1\n"), "{printed}");
    assert!(printed.ends_with("Shifts saves the change.\n"), "{printed}");
    let (status, printed) = program(&["call", "update", "--url", &url, "--swap-approval", "--show"]);
    assert_eq!((status, printed.matches(": approved, eTag ").count()), (Some(0), 5), "{printed}");
    let (status, printed) = program(&["call", "read", "--url", &url]);
    assert!(status == Some(0) && printed.ends_with("Shifts offers what is eligible.\n"), "{printed}");
    let (status, printed) =
        program(&["call", "update", "--url", &url, "--api-version", "2", "--retries", "1", "--back-off", "1"]);
    assert_eq!((status, printed.matches("/v2/teams/").count()), (Some(1), 2), "it is asked twice: {printed}");
    assert!(printed.contains("The person reads: Something went wrong. The workforce integration setup"), "{printed}");
    let (status, printed) = program(&["call", "connect", "--url", "http://192.0.2.1/"]);
    assert!(status == Some(1) && printed.contains("--allow-remote-connectors allows the call"), "{printed}");
    let (status, printed) = program(&["call", "update", "--url", &url, "--change", "unicorns:POST"]);
    assert!(status == Some(2) && printed.contains("(known: shifts, swapRequests"), "{printed}");
}

#[test]
fn a_refusal_is_printed_with_the_connectors_message() {
    let connector = Connector::start();
    let folder = std::env::temp_dir().join(format!("wfi-emulator-connector-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("long.json");
    let long = json!({ "requests": [{ "id": "SHFT_1", "method": "POST", "url": "/shifts/SHFT_1",
        "body": { "sharedShift": { "startDateTime": "2024-10-12T06:00:00Z", "endDateTime": "2024-10-12T17:00:00Z" } } }] });
    std::fs::write(&file, long.to_string()).unwrap();
    let (status, printed) = program(&["call", "update", "--url", &connector.url(), "--request", file.to_str().unwrap()]);
    std::fs::remove_dir_all(&folder).unwrap();
    let lines: Vec<&str> = printed.lines().skip(1).collect();
    assert_eq!(
        (status, &lines[..]),
        (
            Some(1),
            &[
                "  SHFT_1: refused: 403 A shift has at most ten hours.",
                "Shifts saves nothing. The person reads: Something went wrong. Sorry, your change couldn't be completed,",
                "A client also sees: A shift has at most ten hours."
            ][..]
        )
    );
}

#[test]
fn the_example_passes_the_connector_check() {
    let connector = Connector::start();
    let (status, printed) = program(&["connector-check", &connector.url()]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.ends_with("58 probes: 58 passed, 0 noted, 0 failed\n"), "{printed}");
}

#[test]
fn a_connector_that_trusts_every_caller_fails_the_check() {
    let server = Server::of(harness::settings_with(&[]));
    // The emulator itself is not a connector: it answers every call with 400.
    let (status, printed) = program(&["connector-check", &server.url()]);
    assert_eq!(status, Some(1));
    assert!(printed.starts_with("FAILED  handshake: status 400, expected 200\n"), "{printed}");
    assert!(printed.contains("FAILED  POST shifts: status 400, expected 200; any response must be a 200"), "{printed}");

    let careless = careless_connector();
    let (status, printed) = program(&["connector-check", &careless]);
    assert_eq!(status, Some(1));
    for expected in [
        "passed  handshake: connected",
        "passed  no elements: answered, no elements sent",
        "FAILED  wrong key, connect: forged body accepted (connected), expected a status other than 200",
        "FAILED  altered tag, update: forged body accepted",
        "noted   five-element swap: 5 of five elements have no item and count as approved",
        "approved implicitly: missing item for this id",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

/// Returns the address of a connector that answers every call with 200 and no items.
fn careless_connector() -> String {
    connector(|_, _| Some(CARELESS.to_vec()))
}

const CARELESS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"responses\":[]}";

#[test]
fn the_scenarios_of_a_check_heed_behaviors() {
    let checked = |choice: &str| {
        let (sender, received) = mpsc::channel();
        let url = connector(move |_, request| {
            let head = String::from_utf8_lossy(request).to_lowercase();
            let media_type = head.lines().find_map(|line| line.strip_prefix("content-type: ")).map(str::to_owned);
            sender.send(media_type).ok()?;
            Some(CARELESS.to_vec())
        });
        let (_, printed) = program(&["connector-check", &url, "--behavior", choice]);
        let scenarios: Vec<String> = printed.lines().filter(|line| line.contains("  scenario ")).map(str::to_owned).collect();
        assert_eq!(scenarios.len(), 8, "{printed}");
        (received.try_iter().collect::<Vec<_>>(), scenarios)
    };
    let types = |calls: &[Option<String>]| calls.iter().flatten().cloned().collect::<std::collections::BTreeSet<_>>();
    let (calls, scenarios) = checked("connector-content-type=octet-stream");
    assert_eq!(types(&calls), ["application/octet-stream".to_owned()].into(), "all {} calls", calls.len());
    assert!(scenarios.iter().all(|line| line.contains("acknowledged without deciding")), "{scenarios:?}");
    let (fewer, scenarios) = checked("update-calls=off");
    assert!(fewer.len() < calls.len(), "{} of {}", fewer.len(), calls.len());
    assert!(scenarios.iter().all(|line| line.ends_with("without a call to the connector")), "{scenarios:?}");
}

#[test]
fn a_scenario_of_refusals_alone_calls_no_connector() {
    let url = connector(|_, _| Some(CARELESS.to_vec()));
    let file = std::env::temp_dir().join(format!("wfi-emulator-refusals-{}.json", std::process::id()));
    let refused = r#"{"act":{"do":"add-shift","user":"{{worker}}","start":"2026-12-11T22:00:00Z","end":"2026-12-11T14:00:00Z"},"expect":{"isDone":false,"elements":[]}}"#;
    let added = r#"{"act":{"do":"add-shift","user":"{{worker}}","start":"2026-12-11T14:00:00Z","end":"2026-12-11T22:00:00Z"}}"#;
    let scenarios = [("refused", refused.to_owned()), ("both", format!("{refused},{added}"))];
    let scenarios = scenarios.map(|(name, steps)| format!(r#"{{"name":"{name}","steps":[{steps}]}}"#));
    std::fs::write(&file, format!("[{}]", scenarios.join(","))).unwrap();
    let (_, printed) = program(&["connector-check", &url, "--scenario", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    let line = |name: &str| printed.lines().find(|line| line.contains(&format!("  scenario {name}"))).unwrap_or_default();
    assert!(line("refused").ends_with("1 step, without a call to the connector"), "{printed}");
    assert!(line("both").contains("2 steps, acknowledged without deciding"), "{printed}");
}

/// Returns the address of a connector whose answers depend on the number of the request, one per connection. `None` never answers.
fn connector(answer: impl Fn(usize, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> String {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let answer = std::sync::Arc::new(answer);
        for (number, stream) in listener.incoming().enumerate() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || {
                let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
                let length = |seen: &[u8]| {
                    let end = seen.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
                    let head = String::from_utf8_lossy(&seen[..end]).to_lowercase();
                    let (_, rest) = head.split_once("content-length: ")?;
                    Some(end + rest.lines().next()?.parse::<usize>().ok()?)
                };
                while length(&seen).is_none_or(|length| seen.len() < length) {
                    match stream.read(&mut piece) {
                        Ok(count) if count > 0 => seen.extend_from_slice(&piece[..count]),
                        _ => return,
                    }
                }
                let _ = match answer(number, &seen) {
                    Some(answer) => stream.write_all(&answer),
                    None => stream.read(&mut piece).map(drop),
                };
            });
        }
    });
    url
}

#[test]
fn the_control_api_calls_the_connector_of_a_stored_integration() {
    let connector = Connector::start();
    let server = Server::of(harness::settings_with(&[]));
    let (_, created) = exchange(server.address, "POST", COLLECTION, &integration(&connector.url(), SECRET));
    let call = |body: Value| exchange(server.address, "POST", "/_emulator/tenants/default/connectors/call", &body);
    let to = |purpose: &str| json!({ "integration": created["id"], "purpose": purpose });
    let (status, report) = call(to("connect"));
    assert_eq!((status, &report["passes"], &report["verdict"]), (200, &json!(true), &json!("connected")));
    let mut long = to("update");
    long["requests"] = json!([{ "id": "SHFT_1", "method": "PUT", "url": "/shifts/SHFT_1",
        "body": { "sharedShift": { "startDateTime": "2024-10-12T06:00:00Z", "endDateTime": "2024-10-12T17:00:00Z" } } }]);
    let (_, report) = call(long);
    let expected =
        json!([{ "id": "SHFT_1", "judgement": "refused", "text": "refused: 403 A shift has at most ten hours.", "note": null }]);
    assert_eq!((&report["passes"], &report["elements"]), (&json!(false), &expected));
    assert_eq!(report["message"], "A shift has at most ten hours.");
    let mut odd = to("update");
    odd["requests"] = json!([{ "id": "SHFT_2", "method": "DELETE", "url": "/shifts/SHFT_2", "body": null, "more": [1] }]);
    let message = call(odd.clone()).1["calls"][0]["said"].clone();
    assert_eq!(serde_json::from_str::<Value>(message.as_str().unwrap()).unwrap(), json!({ "requests": odd["requests"] }));
    odd["requests"] = json!([{ "id": 1 }]);
    assert_eq!(call(odd).0, 400);
    let mut swap = to("update");
    swap["swapApproval"] = json!(true);
    assert_eq!(call(swap).1["elements"].as_array().unwrap().len(), 5);
    assert_eq!(call(to("read")).1["elements"][0]["judgement"], "eligible");
    assert_eq!(call(json!({ "integration": "WFI_none", "purpose": "read" })).0, 404);
    assert_eq!(call(json!({ "integration": "WFI_none", "purpose": "dance" })).0, 400);
    let (_, journal) = exchange(server.address, "GET", "/_emulator/tenants/default/journal", &Value::Null);
    assert!(journal.to_string().contains("A shift has at most ten hours."), "each call is in the journal");

    drop(connector);
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    drop(silent);
    let entity = format!("{COLLECTION}/{}", created["id"].as_str().unwrap());
    assert_eq!(exchange(server.address, "PATCH", &entity, &json!({ "url": url })).0, 200);
    let mut again = to("update");
    again["retries"] = json!(2);
    let (status, report) = call(again);
    assert_eq!((status, report["calls"].as_array().unwrap().len(), &report["passes"]), (200, 3, &json!(false)));
    assert!(report["calls"].as_array().unwrap().iter().all(|call| call["failure"] == "refused"), "{report}");
}

#[test]
fn the_passthrough_flag_is_sent_as_an_http_header() {
    let (url, captured) = capture();
    let (status, printed) =
        program(&["call", "update", "--url", &url, "--passthrough", "WFI_1", "--team-id", "t", "--change", "openshifts"]);
    assert_eq!(status, Some(0), "a missing item counts as approval: {printed}");
    assert!(printed.contains("approved implicitly: missing item for this id"), "{printed}");
    let head = captured.join().unwrap();
    assert!(head.starts_with("post /wfi/v1/teams/t/update http/1.1\r\n"), "{head}");
    for header in ["x-ms-wfmpassthrough: wfi_1", "content-type: application/json", "accept-language: en-us"] {
        assert!(head.contains(&format!("\r\n{header}\r\n")), "{header}: {head}");
    }
}

#[test]
fn an_emulator_without_sockets_calls_connectors_too() {
    let connector = Connector::start();
    let connectors = Connectors { timeout: PATIENCE, ..Connectors::default() };
    let emulator = Emulator::builder().behavior("connect", "enforce").unwrap().connectors(connectors).build();
    let send = |secret: &str| {
        let body = integration(&connector.url(), secret).to_string();
        let request = http::Request::post(COLLECTION).header("content-type", "application/json").body(body.into()).unwrap();
        emulator.send(request).status().as_u16()
    };
    assert_eq!((send(SECRET), send(&"x".repeat(64))), (201, 400));
    // The caller may be inside a runtime already.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(async { send(SECRET) }), 201);
}

#[test]
fn a_check_lists_the_probes_that_it_skipped() {
    // It answers the handshake and the twelve probes of unknown callers, then nothing.
    let deaf = connector(|number, _| (number < 13).then(|| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec()));
    let (status, printed) = program(&["connector-check", &deaf, "--connector-timeout", "1"]);
    assert_eq!(status, Some(1));
    let lines: Vec<&str> = printed.lines().skip(7).collect();
    let refused = "noted   wrong key, update: refused with 200, as invalid data: missing array 'responses' in the body; another status is clearer";
    assert_eq!(lines[0], refused);
    assert_eq!(
        lines[6..],
        [
            "FAILED  POST shifts: timeout: no answer in time; any response must be a 200 with JSON, an error too",
            "FAILED  PUT shifts: timeout: no answer in time; any response must be a 200 with JSON, an error too",
            "FAILED  DELETE shifts: timeout: no answer in time; any response must be a 200 with JSON, an error too",
            "FAILED  further probes: not made: 3 calls had no answer in time",
            "17 probes: 1 passed, 6 noted, 10 failed"
        ]
    );
}

#[test]
fn a_check_sends_the_given_tenant_user_and_team() {
    let (sender, heard) = mpsc::channel();
    let url = connector(move |_, request| {
        let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let message = decrypt(&Secret::new(SECRET).unwrap(), &request[end..]).unwrap_or_default();
        let line = String::from_utf8_lossy(request).lines().next().unwrap().to_owned();
        sender.send((line, String::from_utf8(message).unwrap())).unwrap();
        Some(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec())
    });
    program(&[
        "connector-check",
        &url,
        "--tenant-id",
        "our-tenant",
        "--user-id",
        "our-user",
        "--team-id",
        "our-team",
        "--user",
        "our-worker",
    ]);
    let heard: Vec<(String, String)> = heard.try_iter().collect();
    assert_eq!(heard[0].1, r#"{"tenantId":"our-tenant","userId":"our-user"}"#);
    let others = heard.iter().filter(|(line, _)| !line.contains("/connect"));
    assert!(
        others.clone().count() > 30
            && others.clone().all(|(line, _)| line.contains("/teams/our-team/") || line.contains("/users/our-worker/")),
        "{heard:?}"
    );
    assert!(others.clone().any(|(_, message)| message.contains("/users/our-user/timeOffReasons")), "{heard:?}");
}

#[test]
fn the_message_is_the_text_of_the_file() {
    let connector = Connector::start();
    let file = std::env::temp_dir().join(format!("wfi-emulator-request-{}.json", std::process::id()));
    let text = r#"{ "requests": [{"id":"A", "method":"DELETE", "url":"/shifts/A", "body":null, "header":{}}], "more": 1 }"#;
    std::fs::write(&file, text).unwrap();
    for verb in ["update", "read"] {
        let (_, printed) = program(&["call", verb, "--show", "--url", &connector.url(), "--request", file.to_str().unwrap()]);
        assert!(printed.starts_with(&format!("sent: {text}\n")), "{printed}");
    }
    std::fs::remove_file(&file).unwrap();
    let (_, printed) = program(&["call", "update", "--show", "--url", &connector.url(), "--change", "timesoff:PUT:"]);
    assert!(printed.contains("\"url\":\"/timesoff/TOFF_"), "an empty id counts as missing: {printed}");
}

#[test]
fn a_url_with_a_password_is_not_printed() {
    let (status, printed) = program(&["call", "connect", "--url", "http://me:hidden@127.0.0.1:9/"]);
    assert!(
        status == Some(2)
            && printed.contains("invalid --url 'http://…@127.0.0.1:9/': expected http")
            && !printed.contains("hidden"),
        "{printed}"
    );
}

#[test]
fn a_check_of_a_connector_that_hangs_ends_in_time() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let (status, printed) = program(&["connector-check", &url, "--connector-timeout", "1"]);
    assert_eq!(status, Some(1));
    let expected = "FAILED  handshake: timeout: no answer in time\n1 probe: 0 passed, 0 noted, 1 failed\n";
    assert_eq!(printed, expected);
}
