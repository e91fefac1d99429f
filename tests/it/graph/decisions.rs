//! The decision table of updates: each row is run, and `docs/update-semantics.md` prints them all.
//!
//! `WFI_EMULATOR_WRITE_DOCS=1 cargo test` rewrites the pages that are generated from data.

mod table;

use std::fmt::Write as _;
use std::path::PathBuf;

use http::{Method, StatusCode};
use serde_json::Value;
use wfi_emulator::internals::policy::behavior::{self, Profile, Secret};
use wfi_emulator::internals::policy::refusal::{REFUSALS, SIGN_IN_REFUSALS};
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::{World, fixture};

use crate::support::harness;
use table::{ROWS, Row, Then};

const ID: &str = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// Removes members that are null, at any depth.
fn without_null(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, value| !value.is_null());
        members.values_mut().for_each(without_null);
    }
}

/// The entity as stored, with all members that answers may hide.
fn stored(world: &World) -> Value {
    let set = world.schema.set_named("workforceIntegrations").unwrap();
    let entity = world.store.collection(set).get(ID).unwrap();
    let text = fixture::write_entity_with(&world.schema, set, &entity, Secret::Echo);
    let mut entity: Value = serde_json::from_str(&text).unwrap();
    // `supports` repeats the value of `supportedEntities`, which the rows name.
    entity.as_object_mut().unwrap().remove("supports");
    entity
}

fn merge(base: &mut Value, change: &Value) {
    for (name, value) in change.as_object().unwrap() {
        match base.get_mut(name) {
            Some(current) if current.is_object() && value.is_object() => merge(current, value),
            Some(current) => *current = value.clone(),
            None => panic!("{name} is not stored"),
        }
    }
}

/// Whether a value has the members of a pattern, at every depth.
fn shows(value: &Value, pattern: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, member)| value.get(name).is_some_and(|value| shows(value, member))),
        other => value == other,
    }
}

/// Removes `lastModifiedBy` and `lastModifiedDateTime`; returns the time.
fn take_last_change(entity: &mut Value) -> Value {
    entity["lastModifiedBy"] = Value::Null;
    entity["lastModifiedDateTime"].take()
}

fn run(row: &Row) -> Result<(), String> {
    let behaviors = harness::world(row.under).behaviors.clone();
    let world = World::new(Settings { explains: true, ..harness::settings(behaviors) });
    let mut before = stored(&world);
    let headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("content-length".to_owned(), row.body.len().to_string()),
    ];
    let target = format!("/v1.0/teamwork/workforceIntegrations/{ID}");
    let response = harness::send(&world, &RecordedRequest { method: Method::PATCH, target, headers, body: row.body.into() });
    let mut after = stored(&world);
    let answer: Value = serde_json::from_slice(&response.body).unwrap();
    let expected_status = match &row.then {
        Then::Refused(refusal) => StatusCode::from_u16(refusal.status).unwrap(),
        _ => StatusCode::OK,
    };
    if response.status != expected_status {
        return Err(format!("status {}, {answer}", response.status));
    }
    if let Then::Refused(refusal) = &row.then {
        let explained = response.header("x-wfi-emulator-explain").unwrap_or_default();
        let named = explained.strip_prefix("refused by ").is_some_and(|rest| {
            rest.strip_prefix(refusal.name).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
        });
        if !named {
            return Err(format!("{explained:?} instead of {}", refusal.name));
        }
        if answer["error"]["code"] != refusal.code.name() {
            return Err(format!("code {}", answer["error"]["code"]));
        }
    }
    match &row.then {
        Then::Refused(_) | Then::Untouched => {}
        Then::Stored(..) | Then::Kept => {
            if take_last_change(&mut before) == take_last_change(&mut after) {
                return Err("the time of the last change stayed".to_owned());
            }
        }
    }
    if let Then::Stored(changed, shown) = &row.then {
        merge(&mut before, &serde_json::from_str(changed).unwrap());
        if !shows(&answer, &serde_json::from_str(shown).unwrap()) {
            return Err(format!("shown {answer}"));
        }
    }
    // A member that is not there is null.
    without_null(&mut before);
    without_null(&mut after);
    if before == after { Ok(()) } else { Err(format!("stored {after}\nexpected {before}")) }
}

#[test]
fn every_row_of_the_decision_table_holds() {
    let failures: Vec<String> = ROWS
        .iter()
        .filter_map(|row| run(row).err().map(|problem| format!("{} / {} ({}): {problem}", row.property, row.state, row.body)))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn no_two_rows_have_the_same_name() {
    for (index, row) in ROWS.iter().enumerate() {
        let twice = ROWS[..index].iter().any(|other| (other.property, other.state) == (row.property, row.state));
        assert!(!twice, "{} / {} is a duplicate", row.property, row.state);
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', "\\n")
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", cell(text)) }
}

fn update_semantics() -> String {
    let mut page = String::from(
        "# Update semantics\n\n\
         The effect of `PATCH /v1.0/teamwork/workforceIntegrations/{id}` by kind and state of a property. A test runs every row of this page \
         against the first built-in integration under the default profile; *under* names a behavior that differs from it. A 200 \
         returns the whole entity, of which the page repeats the relevant members; *kept* means that only `lastModifiedBy` and \
         `lastModifiedDateTime` change, *untouched* that nothing changes. A refused update changes nothing.\n\n\
         Grades: *strong* (a machine-readable schema, recorded traffic, or independent sources that agree), *medium* (one good source, or a close \
         sibling), *weak* (inference, or library code alone), *none* (a guess). Texts of the refusals: [behaviors.md](behaviors.md#refusals).\n\n\
         | property | state | body | under | answer | stored | shown | grade | source |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let under: Vec<String> = row.under.iter().map(|(name, value)| format!("`{name}={value}`")).collect();
        let (answer, stored, shown) = match &row.then {
            Then::Stored(stored, shown) => ("200".to_owned(), code(stored), code(shown)),
            Then::Kept => ("200".to_owned(), "kept".to_owned(), String::new()),
            Then::Untouched => ("200".to_owned(), "untouched".to_owned(), String::new()),
            Then::Refused(refusal) => {
                (format!("{} `{}` ({})", refusal.status, refusal.code.name(), refusal.name), String::new(), String::new())
            }
        };
        let (body, under, grade) = (code(row.body), under.join(", "), row.grade.name());
        let _ = writeln!(
            page,
            "| {} | {} | {body} | {under} | {answer} | {stored} | {shown} | {grade} | {} |",
            row.property, row.state, row.source
        );
    }
    page
}

fn behaviors() -> String {
    let mut page = String::from(
        "# Behaviors\n\n\
         Every choice where public sources are silent or disagree, as `wfi-emulator behaviors` prints it, and every refusal with its text. \
         Set a behavior with `--behavior name=value`, all of them with `--profile`. Grades as in [update-semantics.md](update-semantics.md).\n\n\
         ## Choices\n\n",
    );
    let profiles: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name()).collect();
    for row in behavior::ROWS {
        let _ = writeln!(page, "### {}\n{}\n", row.name, cell(row.decides));
        let _ = writeln!(page, "| value | meaning | profiles |\n|---|---|---|");
        for (value, meaning) in row.values {
            let using: Vec<&str> =
                profiles.iter().zip(row.profiles).filter(|(_, used)| used == value).map(|(profile, _)| *profile).collect();
            let _ = writeln!(page, "| `{value}` | {} | {} |", cell(meaning), using.join(", "));
        }
        if row.free_text {
            let _ = writeln!(page, "| any other text that fits | | |");
        }
        let _ = writeln!(page, "\nEvidence for the default: *{}*; {}\n", row.grade.name(), row.source);
    }
    page.push_str(
        "## Refusals\n\nThe layer decides the shape of the body: the gateway's envelope, the same with the message repeated in `innerError` \
         (workload), JSON in a string in `message` (Shifts), a page of HTML (front door), or the body of the token service with its number (Entra).\n\n\
         | name | status | code | layer | text | behaviors | grade | source |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in REFUSALS.iter().chain(SIGN_IN_REFUSALS) {
        let behaviors: Vec<String> = row.behaviors.iter().map(|name| format!("[{name}](#{name})")).collect();
        let _ = writeln!(
            page,
            "| {} | {} | `{}` | {:?} | {} | {} | {} | {} |",
            row.name,
            row.status,
            row.code.name(),
            row.layer,
            code(row.text),
            behaviors.join(", "),
            row.grade.name(),
            row.source
        );
    }
    page
}

#[test]
fn the_generated_pages_are_up_to_date() {
    for (name, page) in [("update-semantics.md", update_semantics()), ("behaviors.md", behaviors())] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        if std::env::var_os("WFI_EMULATOR_WRITE_DOCS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "docs/{name} differs from the data; WFI_EMULATOR_WRITE_DOCS=1 cargo test rewrites it");
    }
}

/// The rows that decide nothing that an answer of Graph says: headers of all answers, sign-in, and what is sent to others.
const UNEXPLAINED: [&str; 12] = [
    "preflight",
    "hsts",
    "compression",
    "limit-headers",
    "sign-in-country",
    "device-code",
    "api-tokens",
    "repeated-calls",
    "connector-content-type",
    "notification-timeout",
    "notification-retries",
    "subscription-authorization",
];

/// Returns the texts of all sources in a folder, but for the table itself and the settings of its rows.
fn sources(folder: &std::path::Path, texts: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("policy/behavior") || path.ends_with("policy/behavior.rs") {
            continue;
        }
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn explanations_name_every_row_that_decides() {
    let mut texts = String::new();
    sources(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    for row in behavior::ROWS {
        let is_named = texts.contains(&format!("\"{}\"", row.name));
        assert_eq!(is_named, !UNEXPLAINED.contains(&row.name), "{}", row.name);
    }
}
