//! An offline Microsoft Graph for Teams Shifts workforce integrations.
//!
//! A Rust test suite uses [`emulator`]. The program `wfi-emulator` comes with the feature `cli`, which is on by default: suites that
//! need only the library leave it out with `default-features = false`.

#![cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "some readers and writers serve the program's commands alone")
)]

#[cfg(feature = "cli")]
mod cli;
mod edge;
mod edm;
pub mod emulator;
mod entra;
mod graph;
mod odata;
mod policy;
mod report;
mod text;
#[cfg(feature = "cli")]
mod tools;
mod workloads;
mod world;

/// Items for the program, tests, benchmarks and fuzzing of this project, at the paths of their modules. Any version may change them.
#[doc(hidden)]
#[allow(missing_docs, reason = "the modules repeat those of the crate")]
pub mod internals {
    #[cfg(feature = "cli")]
    pub mod cli {
        pub use crate::cli::run;
    }
    pub mod edge {
        #[cfg(feature = "tls")]
        pub mod certificate {
            pub use crate::edge::certificate::{Authority, NAMES, issued};
        }
        #[cfg(feature = "cli")]
        pub mod client {
            pub use crate::edge::client::{HttpClient, Upstream};
        }
        pub mod control {
            pub use crate::edge::control::acts::act_from_json;
            pub use crate::edge::control::{Peer, is_control};
        }
        pub mod proxy {
            pub use crate::edge::proxy::{OtherHosts, Proxy};
        }
        pub mod server {
            pub use crate::edge::server::{ServerLimits, ServerOptions, Workers, run, run_with};
        }
        pub mod service {
            pub use crate::edge::service::{Progress, Service};
        }
    }
    pub mod edm {
        pub mod address {
            pub use crate::edm::address::EntityAddress;
        }
        pub mod date_time {
            pub use crate::edm::date_time::DateTimeOffset;
        }
        pub mod primitive {
            pub use crate::edm::primitive::Primitive;
        }
        pub mod schema {
            pub use crate::edm::schema::Schema;
        }
        pub mod value {
            pub use crate::edm::value::{Entity, Value};
        }
    }
    pub mod entra {
        pub mod token {
            pub use crate::entra::access_token::{Grant, Proof, TokenSubject, TokenVersion, access_token};
            pub use crate::entra::token::{GRAPH, Validity, signed, unix_seconds};
        }
        pub mod token_service {
            pub use crate::entra::token_service::EntraRoute;
        }
        pub mod user {
            pub use crate::entra::user::local_user;
        }
    }
    pub mod graph {
        pub mod pipeline {
            pub use crate::graph::pipeline::answer;
        }
        pub mod request {
            pub use crate::graph::request::{BODY_LIMIT, Body, Request, Via};
        }
        pub mod route {
            pub use crate::graph::route::EntityPath;
        }
        pub mod step {
            pub use crate::graph::step::{Answer, DeliveryForm, Step};
        }
    }
    pub mod policy {
        pub mod behavior {
            pub use crate::policy::behavior::{Behaviors, ContentType, Grade, Layout, Profile, ROWS, Secret};
        }
        pub mod permissions {
            pub use crate::policy::permissions::{OperationKind, PERMISSIONS};
        }
        pub mod refusal {
            // Tests name many rows of the table.
            pub use crate::policy::refusal::*;
        }
    }
    pub mod report {
        pub use crate::report::rules::{RULES, Rule};
        pub use crate::report::{Finding, Report, ReportForm, RuleSelection, Severity};
    }
    pub mod text {
        pub mod exchange {
            pub use crate::text::exchange::{
                Exchange, ReadError, RecordedRequest, RecordedResponse, Resolver, read, read_entries, write, write_entries,
            };
            pub mod har {
                pub use crate::text::exchange::har::{read, write};
            }
        }
        pub mod redact {
            pub use crate::text::redact::{NamePlace, RedactionRules, Redactor, examples, mask_exchange};
        }
    }
    #[cfg(feature = "cli")]
    pub mod tools {
        pub mod compare {
            pub use crate::tools::compare::{
                CompareOptions, CompareRules, ComparisonOutcome, Counts, DifferenceKind, Event, ExchangeSelection, ReportFormat,
                Reporter, compare,
            };
        }
        pub mod record {
            pub use crate::tools::record::{RecordOptions, run};
        }
    }
    pub mod workloads {
        pub use crate::workloads::{rules, schema, schema_with_rest, settings};
        pub mod shifts {
            pub mod envelope {
                pub use crate::workloads::shifts::envelope::{MessageKeys, Secret, decrypt, encrypt};
            }
            pub mod message {
                pub use crate::workloads::shifts::message::Requests;
            }
            pub mod verdict {
                pub use crate::workloads::shifts::verdict::{CallPurpose, ConnectorVerdict};
            }
        }
    }
    pub mod world {
        pub use crate::world::World;
        pub mod budget {
            pub use crate::world::budget::Budget;
        }
        pub mod chance {
            pub use crate::world::chance::mixed;
        }
        pub mod clock {
            pub use crate::world::clock::Clock;
        }
        pub mod fault {
            pub use crate::world::fault::{Effect, FaultRule, SlowBody, read};
        }
        pub mod fixture {
            pub use crate::world::fixture::{Entities, read, shipped, write, write_entity_with};
            pub mod directory {
                pub use crate::world::fixture::directory::{Directory, HOME_TENANT};
            }
        }
        pub mod journal {
            pub use crate::world::journal::{
                Arrival, Destination, Expectation, JournalExchange, JournalQuery, Journals, Protocol, Secrets, Times, print,
            };
        }
        pub mod outbound {
            pub use crate::world::outbound::{CallFailure, CallOutcome, OutboundCall};
        }
        pub mod settings {
            pub use crate::world::settings::{Auth, Connectors, Settings, SignIn};
        }
        pub mod store {
            pub use crate::world::store::{Baselines, Store, StoreFull, StoredEntity};
        }
        pub mod stub {
            pub use crate::world::stub::Stubs;
        }
        pub mod worlds {
            pub use crate::world::worlds::{Plan, Worlds};
        }
    }
}

/// Returns the settings of property tests, whose regressions are in one folder with those of the integration tests.
#[cfg(test)]
fn property_tests() -> proptest::test_runner::Config {
    use proptest::test_runner::{Config, FileFailurePersistence};
    let regressions = FileFailurePersistence::SourceParallel("tests/proptest-regressions");
    Config { failure_persistence: Some(Box::new(regressions)), ..Config::default() }
}
