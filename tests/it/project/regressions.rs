//! Regressions of property tests: one folder for unit and integration tests, under the path of the source file.
//!
//! proptest derives the file of a seed from the path of the source file, and silently reads nothing if the source file has moved.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files below a folder with an extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inner = entries.flat_map(|path| if path.is_dir() { files(&path, extension) } else { vec![path] });
    inner.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

#[test]
fn unit_tests_keep_their_regressions_with_those_of_the_integration_tests() {
    let mut blocks = 0;
    for path in files(&root().join("src"), "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let count = text.matches("proptest! {\n").count();
        let configured = text.matches("crate::property_tests()").count();
        assert_eq!(configured, count, "{}: a `proptest!` needs the settings `crate::property_tests()`", path.display());
        blocks += count;
    }
    assert!(blocks > 20, "found {blocks} blocks of property tests");
}

#[test]
fn every_file_of_regressions_has_its_source_file() {
    let folder = root().join("tests/proptest-regressions");
    let regressions = files(&folder, "txt");
    assert!(!regressions.is_empty(), "found no regressions");
    for path in regressions {
        let source = path.strip_prefix(&folder).unwrap().with_extension("rs");
        let is_there = ["src", "tests/it"].iter().any(|sources| root().join(sources).join(&source).is_file());
        assert!(is_there, "{}: no {} in src/ or tests/it/, so it is not read", path.display(), source.display());
    }
}
