//! Every feature of CSDL that Graph's schema uses, on a schema of our own, `tests/schemas/museum.csdl`.
//!
//! Requests as text are in `tests/exchanges/schemas/`, their answers in `snapshots/schemas/`.

mod keys;
mod navigations;
mod operations;
mod primitives;
mod restrictions;
mod state;
mod types;
mod versions;

use std::path::{Path, PathBuf};

use wfi_emulator::internals::text::exchange;

use crate::support::{harness, museum};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names_in(folder: &str, extension: &str) -> Vec<String> {
    let files = std::fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let wanted = files.filter(|path: &PathBuf| path.extension().is_some_and(|other| other == extension));
    let mut names: Vec<String> = wanted.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_exchange_on_a_schema_gets_the_answers_of_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(repository().join("snapshots/schemas"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let names = names_in("tests/exchanges/schemas", "hurl");
    let mut differing = Vec::new();
    for name in &names {
        let text = std::fs::read_to_string(repository().join(format!("tests/exchanges/schemas/{name}.hurl"))).unwrap();
        let mut exchanges = exchange::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!exchanges.is_empty() && exchanges.iter().all(|exchange| exchange.response.is_none()), "{name}");
        let world = museum::world();
        for exchange in &mut exchanges {
            exchange.response = Some(harness::send(&world, &exchange.request));
        }
        let printed = exchange::write(&exchanges);
        // All files are compared before the test fails, so that one run shows every difference.
        let compared = settings.bind(|| std::panic::catch_unwind(|| insta::assert_snapshot!(name.as_str(), printed)));
        if compared.is_err() {
            differing.push(name.clone());
        }
    }
    assert!(differing.is_empty(), "differing from their snapshots: {}", differing.join(", "));
    assert_eq!(names_in("snapshots/schemas", "snap"), names, "each snapshot has its requests");
}
