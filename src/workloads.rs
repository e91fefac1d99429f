//! Workloads of Graph: the behavior of each beyond its schema, behind one hook ([`Workload`]).

pub(crate) mod shifts;
pub(crate) mod teams;

use std::sync::Arc;

use crate::edm::schema::{BUILT_IN, PropertyRule, Schema, WorkloadRules};
use crate::world::settings::Settings;
use crate::world::workload::Workload;

pub(crate) static ALL: &[&dyn Workload] = &[&Directory, &teams::Teams, &shifts::Shifts];

/// Rules of the types that all workloads share.
#[derive(Debug)]
struct Directory;

impl Workload for Directory {
    fn rules(&self) -> &'static WorkloadRules {
        &WorkloadRules { types: &[], properties: &[("entity", "id", PropertyRule::ReadOnly)], page_order: &[] }
    }
}

/// Returns the built-in schema with the rules of all workloads.
pub fn schema() -> Schema {
    let [v1, beta] = BUILT_IN;
    Schema::read(v1, beta, &rules()).expect("a test reads the built-in schema")
}

/// Returns the rules of all workloads, in the order of `ALL`.
pub fn rules() -> Vec<&'static WorkloadRules> {
    ALL.iter().map(|workload| workload.rules()).collect()
}

/// Returns settings with the built-in schema, all workloads, no entities, the default behaviors, the system clock and a random seed.
pub fn settings() -> Settings {
    Settings::new(Arc::new(schema()), ALL)
}
