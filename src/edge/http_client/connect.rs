//! Connections: from a host name to an HTTP/1.1 connection, with or without TLS.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::edge::http_client::address::{AddressKind, AddressPolicy, kind_of};
use crate::edge::http_client::resolve;
use crate::edge::http_client::tls::client_config;

/// TLS of a connection.
#[derive(Clone)]
pub(crate) enum TlsPolicy {
    /// Plain HTTP.
    Off,
    /// TLS with a configuration made before.
    Configured(TlsConnector),
    /// TLS with these roots; if empty, with those of the platform, which are read for each connection.
    Roots(Arc<[CertificateDer<'static>]>),
}

/// The other end of a connection.
pub(crate) struct Destination<'d> {
    /// Host name or address, without brackets.
    pub(crate) host: &'d str,
    /// Port; `None` for the default of the scheme.
    pub(crate) port: Option<u16>,
    /// Addresses that may be connected to.
    pub(crate) addresses: AddressPolicy,
    /// TLS of the connection.
    pub(crate) tls: TlsPolicy,
}

/// A failed connection, by step.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// The host name has no address.
    Resolve(Option<io::Error>),
    /// All addresses of the host are excluded by the policy: public if one is, since that is up to the policy, else reserved.
    Address(AddressKind),
    /// No address accepts connections; the error of the last one.
    Connect(io::Error),
    /// The host cannot be the name of a TLS server.
    ServerName(InvalidDnsNameError),
    /// TLS cannot be configured.
    TlsConfig(String),
    /// The TLS handshake failed.
    Handshake(io::Error),
    /// The HTTP connection failed.
    Http(hyper::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Resolve(Some(error)) | ConnectError::Connect(error) => write!(f, "cannot connect: {error}"),
            ConnectError::Resolve(None) => f.write_str("cannot connect: unknown host"),
            ConnectError::Address(_) => f.write_str("cannot connect: address not allowed"),
            ConnectError::ServerName(error) => write!(f, "cannot connect: {error}"),
            ConnectError::TlsConfig(problem) => write!(f, "cannot set up TLS: {problem}"),
            ConnectError::Handshake(error) => write!(f, "TLS handshake failed: {error}"),
            ConnectError::Http(error) => write!(f, "HTTP connection failed: {error}"),
        }
    }
}

/// An HTTP/1.1 connection: what sends requests, and what must be polled so that they move.
pub(crate) struct Connection<B> {
    pub(crate) sender: SendRequest<B>,
    pub(crate) driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Connects to the first address of a host that accepts connections, among those that the policy allows.
pub(crate) async fn connect<B>(destination: Destination<'_>) -> Result<Connection<B>, ConnectError>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Destination { host, port, addresses, tls } = destination;
    let port = port.unwrap_or(if matches!(tls, TlsPolicy::Off) { 80 } else { 443 });
    let stream = connect_tcp(host, port, addresses).await?;
    start(stream, host, tls).await
}

/// Starts HTTP on a stream to a host, after a TLS handshake unless TLS is off.
pub(crate) async fn start<B>(stream: TcpStream, host: &str, tls: TlsPolicy) -> Result<Connection<B>, ConnectError>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connector = match tls {
        TlsPolicy::Off => return start_http(TokioIo::new(stream)).await,
        TlsPolicy::Configured(connector) => connector,
        TlsPolicy::Roots(roots) => {
            // The roots of the platform are files, which take a while to read.
            let config = tokio::task::spawn_blocking(move || client_config(&roots)).await;
            let config = config.unwrap_or_else(|error| Err(error.to_string())).map_err(ConnectError::TlsConfig)?;
            TlsConnector::from(config)
        }
    };
    let name = ServerName::try_from(host.to_owned()).map_err(ConnectError::ServerName)?;
    let stream = connector.connect(name, stream).await.map_err(ConnectError::Handshake)?;
    start_http(TokioIo::new(stream)).await
}

/// Connects to the first address of a host that accepts connections, among those that the policy allows, without TLS or HTTP.
pub(crate) async fn connect_tcp(host: &str, port: u16, policy: AddressPolicy) -> Result<TcpStream, ConnectError> {
    let addresses = resolve::addresses(host, port).await.map_err(|error| ConnectError::Resolve(Some(error)))?;
    let mut failure = excluded(&addresses).map_or(ConnectError::Resolve(None), ConnectError::Address);
    for address in addresses.into_iter().filter(|address| policy.allows(address.ip())) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A connection works without the option, only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => failure = ConnectError::Connect(error),
        }
    }
    Err(failure)
}

/// Returns the kind to name if no address is allowed. Only public addresses can be allowed by another policy.
fn excluded(addresses: &[SocketAddr]) -> Option<AddressKind> {
    let kinds = || addresses.iter().map(|address| kind_of(address.ip()));
    kinds().find(|kind| *kind == AddressKind::Public).or_else(|| kinds().next())
}

async fn start_http<S, B>(stream: S) -> Result<Connection<B>, ConnectError>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (sender, connection) = http1::handshake(stream).await.map_err(ConnectError::Http)?;
    // An error of the connection reaches the sender as well.
    let driver = Box::pin(async move { drop(connection.await) });
    Ok(Connection { sender, driver })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_named_wherever_it_is_among_the_excluded_ones() {
        let (public, reserved) = (AddressKind::Public, AddressKind::Reserved);
        for (addresses, expected) in [
            (&["192.0.2.1:80", "169.254.169.254:80"][..], Some(public)),
            (&["169.254.169.254:80", "192.0.2.1:80"], Some(public)),
            (&["169.254.169.254:80", "[fe80::1]:80"], Some(reserved)),
            (&[], None),
        ] {
            let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            assert_eq!(excluded(&addresses), expected, "{addresses:?}");
        }
    }
}
