//! An offline Microsoft Graph for Teams Shifts workforce integrations.
//!
//! A Rust test suite uses [`emulator`]. The program `wfi-emulator` comes with the feature `cli`, which is on by default: suites that
//! need only the library leave it out with `default-features = false`.

#![cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "some readers and writers serve the program's commands alone")
)]

#[cfg(feature = "cli")]
pub mod cli;
pub mod edge;
pub mod edm;
pub mod emulator;
pub mod entra;
pub mod graph;
pub mod odata;
pub mod policy;
pub mod text;
#[cfg(feature = "cli")]
pub mod tools;
pub mod workloads;
pub mod world;

/// Returns the settings of property tests, whose regressions are in one folder with those of the integration tests.
#[cfg(test)]
fn property_tests() -> proptest::test_runner::Config {
    use proptest::test_runner::{Config, FileFailurePersistence};
    let regressions = FileFailurePersistence::SourceParallel("tests/proptest-regressions");
    Config { failure_persistence: Some(Box::new(regressions)), ..Config::default() }
}
