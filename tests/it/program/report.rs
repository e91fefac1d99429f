//! `wfi-emulator report` and `rules`, the file at the end, and the summary of `run`.

use serde_json::Value;

use crate::program::process::{Folder, Outcome, Program, Served, command, outcome};

/// Runs `report` against an emulator.
fn report(served: &Served, arguments: &[&str]) -> Outcome {
    let port = served.address().rsplit(':').next().unwrap().trim_end_matches('/');
    outcome(&[&["report", "--port", port], arguments].concat())
}

#[test]
fn the_exit_status_is_that_of_the_threshold() {
    let served = Served::start(&["--log", "off"]);
    assert_eq!(served.status("GET", "/beta/users?$select=id", ""), 200);
    let text = report(&served, &[]);
    assert_eq!(text.status, Some(0), "{text:?}");
    assert!(text.stdout.contains("warning: beta used where v1.0 has the operation [beta-used]"), "{text:?}");
    assert!(text.stdout.ends_with(" in 1 request to the world default\n"), "{text:?}");
    assert_eq!(report(&served, &["--fail-on", "error"]).status, Some(0));
    assert_eq!(report(&served, &["--fail-on", "warning"]).status, Some(1));
    assert_eq!(report(&served, &["--fail-on", "warning", "--allow", "beta-used"]).status, Some(0));
    assert_eq!(report(&served, &["--fail-on", "warning", "--only", "no-token,no-select"]).status, Some(0));
    assert_eq!(served.status("PUT", "/_emulator/worlds/other", "{}"), 201);
    let other = report(&served, &["--world", "other"]);
    assert_eq!(other.stdout, "0 errors, 0 warnings, 0 notes in 0 requests to the world other\n");
    let unknown = report(&served, &["--allow", "beta-use"]);
    assert_eq!(
        (unknown.status, &*unknown.stderr),
        (Some(2), "wfi-emulator: unknown rule 'beta-use' (did you mean beta-used?)\n")
    );
}

#[test]
fn findings_are_selected_by_severity() {
    let served = Served::start(&["--log", "off"]);
    assert_eq!(served.status("GET", "/beta/users", ""), 200);
    assert_eq!(served.status("GET", "/v1.0/users?$skiptoken=invented", ""), 400);
    let of = |query: &str| -> Value {
        let answer = served.exchange("GET", &format!("/_emulator/worlds/default/report?{query}"), "");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let severities = |query: &str| -> Vec<String> {
        let report = of(query);
        let mut found: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["severity"].as_str().unwrap().to_owned())
            .collect();
        found.dedup();
        found
    };
    assert_eq!(severities("severity=error"), ["error"]);
    assert_eq!(severities("severity=warning"), ["error", "warning"]);
    assert_eq!(severities("severity=note"), ["error", "warning", "note"]);
    assert_eq!(severities(""), ["error", "warning", "note"]);
    assert_eq!(severities("severity=warning&allow=invented-token"), ["warning"]);
    let rules = |query: &str| -> Vec<String> {
        of(query)["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(rules("severity=warning&number=1"), ["beta-used"]);
    assert_eq!(rules("severity=warning&number=2"), ["invented-token"]);
    assert!(rules("number=3").is_empty());
    assert_eq!(of("severity=fatal")["error"]["message"], "unknown severity 'fatal': expected error, warning, note");
}

#[test]
fn findings_of_a_baseline_are_left_out() {
    let served = Served::start(&["--log", "off"]);
    assert_eq!(served.status("GET", "/beta/users?$select=id", ""), 200);
    let known = report(&served, &["--format", "json"]).stdout;
    let folder = Folder::new("report-baseline");
    let file = folder.file("known.json", &known);
    let none = report(&served, &["--fail-on", "note", "--baseline", &file]);
    assert_eq!(none.status, Some(0), "{none:?}");
    assert_eq!(served.status("GET", "/beta/groups?$select=id", ""), 200);
    let new: Value =
        serde_json::from_str(&report(&served, &["--format", "json", "--only", "beta-used", "--baseline", &file]).stdout).unwrap();
    let subjects: Vec<&str> =
        new["findings"].as_array().unwrap().iter().map(|finding| finding["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["GET /beta/groups"]);
    let wrong = report(&served, &["--baseline", &folder.file("wrong.json", "[]")]);
    assert!(wrong.status == Some(2) && wrong.stderr.contains("wrong.json: not a report in JSON: "), "{wrong:?}");
}

#[test]
fn connections_and_versions_are_seen_over_sockets() {
    let served = Served::start(&["--log", "off"]);
    // Each request of the helper has a connection of its own.
    for _ in 0..5 {
        assert_eq!(served.status("GET", "/v1.0/users?$select=id", ""), 200);
    }
    let found = report(&served, &["--only", "new-connections,http-1-0"]).stdout;
    assert!(found.contains("5 requests, each on a connection of its own") && !found.contains("http-1-0"), "{found}");
}

#[test]
fn a_file_is_written_at_the_end_and_run_prints_a_summary() {
    let folder = Folder::new("report-run");
    let file = format!("{}/report.sarif", folder.path());
    let program = env!("CARGO_BIN_EXE_wfi-emulator");
    let exchange = folder.file("beta.hurl", "GET {{base}}/beta/users?$select=id\n");
    let clean = folder.file("none.hurl", "GET {{base}}/v1.0/users?$select=id\n");
    let run = |options: &[&str], exchange: &str| {
        let client = ["--", program, "compare", "--against", "https://graph.microsoft.com", exchange];
        let arguments = [&["run"], options, &client].concat();
        Program::start(command(&arguments, &[("WFI_EMULATOR_CA_DIR", folder.path())])).outcome()
    };
    let outcome = run(&["--report", &file], &exchange);
    let summary = outcome.stderr.lines().filter(|line| line.starts_with("report: ") || line.contains("[beta-used]")).count();
    assert_eq!(summary, 2, "{outcome:?}");
    let sarif: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(results.iter().any(|result| result["ruleId"] == "beta-used" && result["level"] == "warning"), "{results:?}");
    assert!(!run(&[], &clean).stderr.contains("report: "), "notes are not printed");
    let refused = crate::program::process::outcome(&["--report", folder.path()]);
    assert!(refused.status == Some(2) && refused.stderr.contains("is a folder, expected a file"), "{refused:?}");
    let unseen = crate::program::process::outcome(&["--report", &file, "--journal", "0"]);
    let message = "--report requires the journal, which --journal 0 turns off";
    assert!(unseen.status == Some(2) && unseen.stderr.contains(message), "{unseen:?}");
}

#[test]
fn the_rules_are_listed() {
    let all = outcome(&["rules"]);
    assert!(all.status == Some(0) && all.stdout.contains("early-retry (error, Throttling)\n"), "{all:?}");
    let one: Value = serde_json::from_str(&outcome(&["rules", "polling", "--format", "json"]).stdout).unwrap();
    assert_eq!((one.as_array().unwrap().len(), &one[0]["severity"]), (1, &Value::from("warning")));
    assert_eq!(outcome(&["rules", "poling"]).stderr, "wfi-emulator: unknown rule 'poling' (did you mean polling?)\n");
}
