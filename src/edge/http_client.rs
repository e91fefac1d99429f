//! One HTTP/1.1 client for all requests that the emulator sends: resolve, filter the addresses, connect, TLS, send, read a bounded
//! answer.
//!
//! The host is resolved once and each address is checked right before it is connected to, so a name cannot change between check and
//! use. Redirects are not followed. Callers decide which addresses and roots are acceptable, and how long all of it may take.

mod address;
mod connect;
pub(super) mod resolve;
mod tls;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

pub(crate) use address::{AddressKind, AddressPolicy};
#[cfg(feature = "cli")]
pub(crate) use connect::start;
pub(crate) use connect::{ConnectError, Connection, Destination, TlsPolicy, connect, connect_tcp};
pub(crate) use tls::{client_config, read_roots};

/// The reason why the body of an answer is incomplete.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The connection ended, or was no longer HTTP.
    Interrupted(hyper::Error),
    /// The body is larger than the limit.
    TooLarge,
    /// Nothing arrived for too long.
    Stalled,
}

/// Reads the body of an answer: at most `limit` bytes, with at most `patience` between two pieces of it.
pub(crate) async fn read_body(mut incoming: Incoming, limit: usize, patience: Duration) -> Result<Bytes, BodyError> {
    let mut body = BytesMut::new();
    while let Some(frame) = tokio::time::timeout(patience, incoming.frame()).await.map_err(|_| BodyError::Stalled)? {
        let Ok(data) = frame.map_err(BodyError::Interrupted)?.into_data() else { continue };
        if body.len() + data.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&data);
    }
    Ok(body.freeze())
}

/// Returns the host of a URI without the brackets of an IPv6 address.
pub(crate) fn host_without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
