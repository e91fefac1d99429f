//! An offline Microsoft Graph for Teams Shifts workforce integrations.

pub mod cli;
pub mod edge;
pub mod edm;
pub mod emulator;
pub mod entra;
pub mod graph;
pub mod odata;
pub mod policy;
pub mod text;
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
