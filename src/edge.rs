//! Everything that does I/O: sockets, TLS, the control API, outgoing calls.

#[cfg(feature = "tls")]
pub(crate) mod certificate;
#[cfg(feature = "cli")]
pub(crate) mod client;
pub(crate) mod computing;
pub(crate) mod control;
#[cfg(test)]
mod costs;
#[cfg(any(feature = "cli", feature = "tls"))]
pub(crate) mod file_lock;
pub(crate) mod http_client;
pub(crate) mod outgoing;
pub(crate) mod private_file;
pub(crate) mod proxy;
pub(crate) mod server;
pub(crate) mod service;
#[cfg(test)]
pub(crate) mod test_folder;
pub(crate) mod ui;
