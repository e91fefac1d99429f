//! Exchanges as data: each file of `tests/exchanges/` holds requests that are sent one after another to a fresh tenant; what came of
//! them is the snapshot of the same name.
//!
//! A comment `# behavior: name=value`, `# profile: name`, `# faults: [rules]` or `# explain` before a request sets up the tenant.

use std::path::{Path, PathBuf};

use wfi_emulator::behavior::{Behaviors, Profile};
use wfi_emulator::exchange::{self, Exchange};
use wfi_emulator::fault;
use wfi_emulator::tenant::{Settings, Tenant};

use crate::harness;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchanges")
}

fn cases() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "hurl"));
    files.sort();
    files
}

fn tenant_for(exchanges: &[Exchange], name: &str) -> Tenant {
    let comments = || exchanges.iter().flat_map(|exchange| &exchange.comments);
    let profile = comments().find_map(|comment| comment.strip_prefix("profile: "));
    let mut behaviors = profile.map_or_else(Behaviors::default, |profile| {
        Behaviors::of(Profile::from_name(profile.trim()).unwrap_or_else(|| panic!("{name}: no profile {profile}")))
    });
    for choice in comments().filter_map(|comment| comment.strip_prefix("behavior: ")) {
        let (row, value) = choice.split_once('=').unwrap_or_else(|| panic!("{name}: {choice}"));
        behaviors.set(row.trim(), value.trim()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let explains = comments().any(|comment| comment == "explain");
    let faults = comments().filter_map(|comment| comment.strip_prefix("faults: "));
    let faults = faults.flat_map(|text| fault::read(name, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))).collect();
    Tenant::new(Settings { explains, faults, ..harness::settings(behaviors) })
}

#[test]
fn every_exchange_gets_the_answer_of_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let cases = cases();
    assert!(cases.len() > 20, "found {} files of exchanges", cases.len());
    let mut differing = Vec::new();
    for file in &cases {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let mut exchanges = exchange::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!exchanges.is_empty(), "{name} has no request");
        assert!(exchanges.iter().all(|exchange| exchange.response.is_none()), "{name}: answers stand in snapshots/");
        let tenant = tenant_for(&exchanges, name);
        for exchange in &mut exchanges {
            exchange.response = Some(harness::send(&tenant, &exchange.request));
        }
        let printed = exchange::write(&exchanges);
        // All files are compared before the test fails, so that one run shows every difference.
        let compared = settings.bind(|| std::panic::catch_unwind(|| insta::assert_snapshot!(name, printed)));
        if compared.is_err() {
            differing.push(name.to_owned());
        }
    }
    assert!(differing.is_empty(), "differing from their snapshots: {}", differing.join(", "));
}

#[test]
fn every_snapshot_has_its_exchange() {
    let names: Vec<String> = cases().iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots")).unwrap() {
        let path = entry.unwrap().path();
        let Some(stem) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".snap")) else {
            continue;
        };
        assert!(names.iter().any(|name| name == stem), "snapshots/{stem}.snap has no request in tests/exchanges/");
    }
}
