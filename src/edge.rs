//! Everything that does I/O: sockets, TLS, the control API, outgoing calls.

pub mod certificate;
pub mod client;
pub mod control;
pub mod outgoing;
pub mod server;
pub mod service;
