//! An offline Microsoft Graph for Teams Shifts workforce integrations.
//!
//! The crate is a library and the program `wfi-emulator`. A request goes through [`server`] and [`service`] to [`graph`], which answers it from the
//! [`store`] of a [`tenant`] by the tables of the [`model`], and back through [`odata`]. `docs/architecture.md` says what each module
//! holds and which others it may use.

pub mod behavior;
pub mod certificate;
pub mod chance;
pub mod cli;
pub mod client;
pub mod compare;
pub mod connector;
pub mod control;
pub mod emulator;
pub mod exchange;
pub mod fault;
pub mod fixture;
pub mod graph;
pub mod identity;
pub mod journal;
pub mod model;
pub mod odata;
pub mod outgoing;
pub mod pattern;
pub mod record;
pub mod redact;
pub mod server;
pub mod service;
pub mod store;
pub mod stub;
pub mod tenant;
pub mod usual;
pub mod worlds;
