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
