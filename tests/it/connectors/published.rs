//! The tables of `docs/connectors.md`: the requests of the published connectors with their answers, the calls of each flow, and rules.

use std::path::{Path, PathBuf};

use serde_json::Value;
use wfi_emulator::internals::text::exchange::{self, Exchange};

const CALLS: &str = include_str!("../../data/shifts_calls.json");
const CALLS_HEAD: &str = "| flow | elements |\n|---|---|\n";
const HEAD: &str = "| connector | purpose | request | status |\n|---|---|---|---|\n";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Returns the requests with their recorded answers.
fn exchanges() -> Vec<Exchange> {
    let text = std::fs::read_to_string(file("snapshots/published_connectors.snap")).unwrap();
    let (_, body) = text.split_once("\n---\n").unwrap();
    exchange::read(body).unwrap()
}

/// Returns a path with `{id}` for ids, and the names of the query options.
fn pattern(target: &str) -> String {
    let (path, query) =
        target.trim_start_matches("{{base}}").split_once('?').unwrap_or((target.trim_start_matches("{{base}}"), ""));
    let segment = |segment: &str| if segment.len() > 30 { "{id}".to_owned() } else { segment.to_owned() };
    let path: Vec<String> = path.trim_start_matches("/v1.0").split('/').map(segment).collect();
    let options: Vec<String> = query
        .split('&')
        .filter(|option| !option.is_empty())
        .map(|option| format!("{}=…", option.split('=').next().unwrap_or_default()))
        .collect();
    let mark = if options.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", path.join("/"), options.join("&"))
}

fn table() -> String {
    let mut table = HEAD.to_owned();
    for exchange in exchanges() {
        let (connector, what) = exchange.comments[0].split_once(": ").unwrap();
        let Exchange { request, response, .. } = exchange;
        let status = response.unwrap().status.as_u16();
        table.push_str(&format!("| {connector} | {what} | `{} {}` | {status} |\n", request.method, pattern(&request.target)));
    }
    table
}

/// Returns the elements of the call of each flow, as `flows` compares them with live calls and with those of the command.
fn calls() -> String {
    let flows: serde_json::Map<String, Value> = serde_json::from_str(CALLS).unwrap();
    let mut table = CALLS_HEAD.to_owned();
    for (flow, elements) in flows {
        let element = |element: &Value| format!("`{} {}`", element["method"].as_str().unwrap(), element["url"].as_str().unwrap());
        let elements: Vec<String> = elements.as_array().unwrap().iter().map(element).collect();
        table.push_str(&format!("| `{flow}` | {} |\n", elements.join(", ")));
    }
    table
}

#[test]
fn the_generated_tables_of_the_page_are_up_to_date() {
    let path = file("docs/connectors.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut written = page.clone();
    for (head, table) in [(HEAD, table()), (CALLS_HEAD, calls())] {
        let (before, rest) = written.split_once(head).unwrap();
        let (_, rest) = rest.split_once("\n\n").unwrap();
        written = format!("{before}{table}\n{rest}");
    }
    if std::env::var_os("WFI_EMULATOR_WRITE_DOCS").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    assert!(
        page == written,
        "docs/connectors.md differs; WFI_EMULATOR_WRITE_DOCS=1 cargo test rewrites it:\n{}{}",
        table(),
        calls()
    );
}

#[test]
fn the_rules_of_schedules_are_decided_by_rows_that_exist() {
    let page = std::fs::read_to_string(file("docs/connectors.md")).unwrap();
    let rows = std::fs::read_to_string(file("docs/behaviors.md")).unwrap();
    let (_, table) = page.split_once("| rule | decided by |\n|---|---|\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut count = 0;
    for line in table.lines() {
        let decided = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in decided.split('`').skip(1).step_by(2).filter(|_| !decided.starts_with("left out")) {
            assert!(rows.contains(&format!("### {name}\n")) || rows.contains(&format!("\n| {name} | ")), "{name}: {line}");
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
fn none_of_them_is_a_bad_request() {
    let mut connectors = Vec::new();
    for exchange in exchanges() {
        let comment = &exchange.comments[0];
        let status = exchange.response.unwrap().status.as_u16();
        // An outdated tag is the one refusal that a connector expects: it reads the tag, and tries again.
        let expected = if comment.ends_with("outdated tag") { 409..410 } else { 200..300 };
        assert!(expected.contains(&status), "{comment}: {status}");
        connectors.push(comment.split_once(": ").unwrap().0.to_owned());
    }
    connectors.dedup();
    assert_eq!(connectors, ["Adapter", "JDA", "Kronos"]);
}
