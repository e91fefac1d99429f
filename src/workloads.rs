//! Workloads of Graph: the behavior of each beyond its schema, behind one hook ([`Workload`]).

mod catalog;
mod directory;
pub(crate) mod documents;
mod files;
mod outlook;
mod planner;
pub(crate) mod shifts;
pub(crate) mod subscriptions;
pub(crate) mod teams;

use std::sync::{Arc, OnceLock};

use crate::edm::schema::{BUILT_IN, Schema, WorkloadRules};
use crate::world::settings::Settings;
use crate::world::workload::Workload;

pub(crate) static ALL: &[&dyn Workload] = &[
    &directory::Directory,
    &teams::Teams,
    &shifts::Shifts,
    &outlook::Outlook,
    &files::Files,
    &planner::Planner,
    &subscriptions::Subscriptions,
    &catalog::Catalog,
];

/// Returns the built-in schema with the rules of all workloads, whose rest is read when it is needed. Both are read once.
pub fn schema_with_rest() -> Arc<Schema> {
    static BUILT: OnceLock<Arc<Schema>> = OnceLock::new();
    let read = || Schema::with_rest(BUILT_IN, &rules()).expect("a test reads the built-in schema");
    BUILT.get_or_init(|| Arc::new(read())).clone()
}

/// Returns the core of the built-in schema alone, with the rules of all workloads. It is read once.
pub fn schema() -> Arc<Schema> {
    static BUILT: OnceLock<Arc<Schema>> = OnceLock::new();
    let read = || Schema::of(BUILT_IN, &rules()).expect("a test reads the built-in schema");
    BUILT.get_or_init(|| Arc::new(read())).clone()
}

/// Returns the rules of all workloads, in the order of `ALL`.
pub fn rules() -> Vec<&'static WorkloadRules> {
    ALL.iter().map(|workload| workload.rules()).collect()
}

/// Returns settings with the core of the built-in schema, all workloads, no entities, the default behaviors, the system clock and a random seed.
pub fn settings() -> Settings {
    Settings::new(schema(), ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_one_row() {
        let names: Vec<&str> = rules().iter().flat_map(|workload| workload.types).map(|row| row.name).collect();
        let twice: Vec<_> = names.iter().filter(|name| names.iter().filter(|other| other == name).count() > 1).collect();
        assert!(twice.is_empty(), "types with several rows: {twice:?}");
    }
}
