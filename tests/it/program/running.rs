//! The commands that ask and change a running emulator.

use serde_json::Value;

use crate::program::process::{COLLECTION, ENTITY, Folder, Outcome, PATIENCE, Program, Served, command, outcome};

/// Runs a command against an emulator.
fn ask(served: &Served, arguments: &[&str]) -> Outcome {
    let port = served.address().rsplit(':').next().unwrap().trim_end_matches('/');
    outcome(&[arguments, &["--port", port]].concat())
}

/// Runs a command that succeeds, and returns what it prints.
fn said(served: &Served, arguments: &[&str]) -> String {
    let outcome = ask(served, arguments);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    outcome.stdout
}

#[test]
fn the_journal_is_printed() {
    let served = Served::start(&["--log", "off"]);
    assert_eq!(said(&served, &["journal"]), "");
    assert_eq!(served.status("GET", ENTITY, ""), 200);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"apiVersion":"x"}"#), 400);
    let text = said(&served, &["journal"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("1 ") && lines[0].ends_with(&format!(" 200 GET {ENTITY}")), "{text}");
    assert!(lines[1].contains(&format!(" 400 PATCH {ENTITY}  schema-mismatch")), "{text}");
    let bodies = said(&served, &["journal", "--body", "--limit", "1"]);
    assert!(bodies.contains("\n  > {\"apiVersion\":\"x\"}\n  < {\"error\":"), "{bodies}");
    let json: Value = serde_json::from_str(&said(&served, &["journal", "--format", "json"])).unwrap();
    assert_eq!(json["entries"].as_array().unwrap().len(), 2);
    assert!(said(&served, &["journal", "--format", "exchange"]).contains("PATCH {{base}}"), "the text of exchanges");
}

#[test]
fn a_world_that_nothing_has_used_is_not_shown_or_reset_but_can_be_prepared() {
    let served = Served::start(&["--log", "off", "--clock", "2026-01-01T00:00:00Z"]);
    assert_eq!(served.status("GET", &format!("/_world/mine{ENTITY}"), ""), 200);
    let unknown = "wfi-emulator: unknown world 'nine' (known: default, mine)\n";
    let commands: [&[&str]; 7] =
        [&["reset"], &["journal"], &["journal", "--format", "json"], &["state"], &["faults"], &["clock"], &["report"]];
    for command in commands {
        let outcome = ask(&served, &[command, &["--world", "nine"]].concat());
        let expected = (Some(2), "", unknown);
        assert_eq!((outcome.status, outcome.stdout.as_str(), outcome.stderr.as_str()), expected, "{command:?}");
        said(&served, &[command, &["--world", "mine"]].concat());
    }
    // The questions have not created it.
    assert!(!said(&served, &["worlds"]).contains("nine"));
    let invalid = ask(&served, &["reset", "--world", "a b"]);
    assert!(invalid.status == Some(2) && invalid.stderr.contains("invalid world name"), "{invalid:?}");
    // A test prepares its world before the first request.
    assert!(said(&served, &["faults", "throttled", "--world", "nine"]).contains("throttled"));
    assert_eq!(said(&served, &["clock", "--advance", "60", "--world", "ten"]), "2026-01-01T00:01:00Z (frozen)\n");
    assert_eq!(said(&served, &["clock", "--world", "ten"]), "2026-01-01T00:01:00Z (frozen)\n");
    for number in 10..40 {
        assert_eq!(served.status("GET", &format!("/_world/w{number}{ENTITY}"), ""), 200);
    }
    // A follower may come before the first request.
    let port = served.address().rsplit(':').next().unwrap().trim_end_matches('/');
    let follower = Program::start(command(&["journal", "--follow", "--port", port, "--world", "later"], &[]));
    let note = follower.stderr.recv_timeout(PATIENCE).expect("a note");
    assert!(note.starts_with("wfi-emulator: unknown world 'later' (known: ") && note.ends_with("; waiting for it\n"), "{note}");
    assert_eq!(served.status("GET", &format!("/_world/later{ENTITY}"), ""), 200);
    assert!(follower.stdout.recv_timeout(PATIENCE).expect("a request").starts_with("1 "));
    let many = ask(&served, &["state", "--world", "elsewhere"]);
    assert!(
        many.stderr.starts_with("wfi-emulator: unknown world 'elsewhere' (known: default, later, mine, nine, ten, w10, "),
        "{many:?}"
    );
    assert!(many.stderr.ends_with(", w24, 15 more)\n"), "{many:?}");
}

#[test]
fn the_journal_is_followed() {
    let served = Served::start(&["--log", "off"]);
    assert_eq!(served.status("GET", ENTITY, ""), 200);
    let port = served.address().rsplit(':').next().unwrap().trim_end_matches('/');
    let follower = Program::start(command(&["journal", "--follow", "--port", port], &[]));
    let next = || follower.stdout.recv_timeout(PATIENCE).expect("another line");
    assert!(next().starts_with("1 "));
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
    assert!(next().starts_with("2 "));
    // The numbers begin again.
    said(&served, &["reset"]);
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert_eq!(served.status("DELETE", ENTITY, ""), 204);
    let line = next();
    assert!(line.starts_with("1 ") && line.contains(" 204 DELETE "), "{line}");
}

#[test]
fn worlds_faults_state_and_clock_are_shown_and_changed() {
    let served = Served::start(&["--log", "off", "--clock", "2026-01-01T00:00:00Z"]);
    assert_eq!(served.status("DELETE", ENTITY, ""), 204);
    assert_eq!(served.status("GET", &format!("/_world/mine{ENTITY}"), ""), 200);
    let worlds = said(&served, &["worlds"]);
    assert!(
        worlds.contains("default: ") && worlds.contains("mine: ") && worlds.contains(" entities, 1 request, 0 fault rules\n"),
        "{worlds}"
    );

    assert!(said(&served, &["faults", "throttled"]).contains("throttled"));
    assert_eq!(served.status("GET", COLLECTION, ""), 429);
    said(&served, &["faults", "off"]);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);

    assert_eq!(said(&served, &["clock"]), "2026-01-01T00:00:00Z (frozen)\n");
    assert_eq!(said(&served, &["clock", "--advance", "3600"]), "2026-01-01T01:00:00Z (frozen)\n");
    assert!(said(&served, &["clock", "--run"]).ends_with("Z (running)\n"));

    let folder = Folder::new("running-state");
    let file = folder.file("one.json", r#"{"value":[{"id":"WFI_1","displayName":"One"}]}"#);
    said(&served, &["state", "--collection", "workforceIntegrations", "--import", &file]);
    let state = said(&served, &["state", "--collection", "workforceIntegrations"]);
    assert!(state.contains("WFI_1") && !state.contains("WFI_8dbddbb0"), "{state}");
    said(&served, &["reset"]);
    assert_eq!(served.status("GET", ENTITY, ""), 200);
}

#[test]
fn what_cannot_be_done_is_said() {
    let served = Served::start(&["--log", "off"]);
    let missing = ask(&served, &["faults", "no-such-file.json"]);
    assert!(missing.status == Some(2) && missing.stderr.starts_with("wfi-emulator: no-such-file.json: "), "{missing:?}");
    let invalid = ask(&served, &["clock", "--set", "noon"]);
    assert_eq!(
        invalid.stderr,
        "wfi-emulator: refused with 400: invalid now 'noon': expected a time since 1970 such as 2026-01-01T00:00:00Z\n"
    );
    drop(served);
    let absent = outcome(&["worlds", "--port", "9"]);
    assert!(
        absent.status == Some(2) && absent.stderr.starts_with("wfi-emulator: unreachable emulator: http://127.0.0.1:9: "),
        "{absent:?}"
    );
}

#[test]
fn behaviors_are_printed_by_name_and_as_json() {
    let one = outcome(&["behaviors", "secret", "--behavior", "secret=echo"]);
    assert!(one.stdout.starts_with("secret = echo\n") && one.stdout.matches("evidence: ").count() == 1, "{}", one.stdout);
    let changed = outcome(&["--behavior", "secret=echo", "behaviors", "--changed", "--format", "json"]);
    let rows: Value = serde_json::from_str(&changed.stdout).unwrap();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["name"], &rows[0]["value"]), (1, &"secret".into(), &"echo".into()));
    let unknown = outcome(&["behaviors", "secrets"]);
    assert_eq!(
        (unknown.status, unknown.stderr.as_str()),
        (Some(2), "wfi-emulator: unknown behavior 'secrets' (did you mean secret?)\n")
    );
    // The flag is unknown to a command that has no use for it.
    assert_eq!(outcome(&["ca", "--behavior", "secret=echo"]).status, Some(2));
}

#[test]
fn several_paths_are_checked_at_once() {
    let folder = Folder::new("check-several");
    let good = folder.file("workforceIntegrations.json", r#"[{"id":"WFI_1"}]"#);
    let bad = [folder.file("teams.json", "[{}]"), folder.file("users.json", "[7]")];
    let both = outcome(&["check", &good]);
    assert_eq!(both.stdout, format!("{good}: 1 entity, no problems\n"));
    let refused = outcome(&["check", &good, &bad[0], &bad[1]]);
    assert!(refused.status == Some(2) && bad.iter().all(|path| refused.stderr.contains(path)), "{refused:?}");
}

#[test]
fn serve_is_a_command_too() {
    let served = Served::of(command(&["serve", "--port", "0", "--log", "off"], &[]));
    assert_eq!(served.status("GET", ENTITY, ""), 200);
}

#[test]
fn an_address_in_use_names_its_user() {
    let served = Served::start(&["--log", "off", "--host", "127.0.0.1"]);
    let port = served.address().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let second = outcome(&["--host", "127.0.0.1", "--port", &port]);
    let advice = "stop it, or choose another port with --port, 0 for a free one";
    let reason = format!(
        "cannot listen on 127.0.0.1:{port}: Address already in use (os error 98); a wfi-emulator answers there: {advice}"
    );
    assert_eq!((second.status, second.stderr.trim_end()), (Some(1), format!("wfi-emulator: {reason}").as_str()));
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    std::thread::spawn(move || while other.accept().is_ok() {});
    let second = outcome(&["--host", "127.0.0.1", "--port", &port.to_string()]);
    assert!(second.stderr.contains("; another program answers there: "), "{second:?}");
}

#[test]
fn the_greeting_names_the_options_in_force() {
    let served = Served::start_with(
        &["--auth", "strict", "--control-token", "hush", "--faults", "throttled", "--explain"],
        &[("WFI_EMULATOR_SEED", "7")],
    );
    let address = served.url.clone();
    let greeting: String = std::iter::from_fn(|| served.program.stderr.recv_timeout(PATIENCE).ok())
        .take_while(|line| !line.starts_with("docs: "))
        .collect();
    // Long lines are wrapped.
    let greeting = greeting.replace(" \\\n    ", " ").replace(",\n  ", ", ");
    assert!(
        greeting.contains(
            "\noptions: --port 0, --explain, --seed 7 (WFI_EMULATOR_SEED), --faults throttled, --control-token, --auth strict\n"
        ),
        "{greeting}"
    );
    assert!(greeting.contains("\nwith 1 fault rule\n") && !greeting.contains("hush"), "{greeting}");
    assert!(
        greeting.contains(&format!("\ntry: curl -H \"Authorization: Bearer $(wfi-emulator token)\" {address}/v1.0/")),
        "{greeting}"
    );
}

#[test]
fn a_service_that_cannot_be_reached_is_no_drift() {
    let folder = Folder::new("unreachable");
    let file = folder.file("me.hurl", "GET {{base}}/v1.0/me\n\nHTTP 200\n");
    let dead = outcome(&["compare", &file, "--against", "http://127.0.0.1:9"]);
    assert_eq!((dead.status, dead.stdout.as_str(), dead.stderr.lines().count()), (Some(2), "", 1), "{dead:?}");
    assert!(dead.stderr.starts_with("wfi-emulator: unreachable service http://127.0.0.1:9: "), "{dead:?}");
    let secret = "0123456789abcdef0123456789abcdefFEDCBA9876543210FEDCBA9876543210";
    let call = outcome(&["call", "connect", "--url", "nonsense", "--secret", secret]);
    assert!(call.status == Some(2) && call.stderr.contains("wfi-emulator: invalid --url 'nonsense': expected http"), "{call:?}");
}

#[cfg(unix)]
#[test]
fn a_recorder_greets_and_leaves_no_empty_folder() {
    let folder = Folder::new("recorder");
    let out = folder.0.join("recordings");
    let arguments = |upstream: &'static str| ["record", "--upstream", upstream, "--out", out.to_str().unwrap(), "--port", "0"];
    let refused = outcome(&arguments("http://127.0.0.1:9/v1.0"));
    assert!(
        refused.status == Some(2) && refused.stderr.contains("invalid --upstream: /v1.0 belongs to the paths"),
        "{refused:?}"
    );
    assert!(!out.exists());
    let recorder = Served::of(command(&arguments("http://127.0.0.1:9"), &[]));
    let url = recorder.url.clone();
    let stopped = recorder.stop();
    assert!(stopped.stderr.contains(&format!("  {url}/v1.0 in place of http://127.0.0.1:9/v1.0; stop: Ctrl-C\n")), "{stopped:?}");
    assert!(stopped.stderr.ends_with("no exchanges recorded\n") && !out.exists(), "{stopped:?}");
}
