//! Everything that does I/O: sockets, TLS, the control API, outgoing calls.

#[cfg(feature = "tls")]
pub mod certificate;
#[cfg(feature = "cli")]
pub mod client;
pub mod control;
pub mod outgoing;
pub mod server;
pub mod service;
