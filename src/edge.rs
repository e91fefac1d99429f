//! Everything that does I/O: sockets, TLS, the control API, outgoing calls.

#[cfg(feature = "tls")]
pub mod certificate;
#[cfg(feature = "cli")]
pub mod client;
pub mod control;
pub(crate) mod http_client;
pub mod outgoing;
pub(crate) mod private_file;
pub mod server;
pub mod service;
