//! One connection: accepted, served with HTTP/1 or HTTP/2, ended when it is idle or the server stops.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::{Body, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
#[cfg(feature = "tls")]
use hyper::server::conn::http2;
use hyper::service::{HttpService, service_fn};
#[cfg(feature = "tls")]
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::edge::control::Peer;
use crate::edge::server::accept::{Accepted, HttpVersion, accept, log_distrust, negotiated};
use crate::edge::server::activity::{Activity, Tcp, TrackedStream, overdue};
use crate::edge::server::exchange::{Connection, Shared, exchange};
use crate::edge::server::limits::{Gate, ServerLimits};
use crate::edge::server::throttled::Throttled;
use crate::edge::server::tunnel::{self, PromisedTunnel};

/// Read buffer beyond the largest head; hyper needs at least this much.
const READ_BUFFER: usize = 8 * 1024;

/// Maximum number of bytes of request bodies that HTTP/2 receives before they are read.
#[cfg(feature = "tls")]
const WINDOW: u32 = 256 * 1024;

/// Time in which a client that does not trust a certificate ends a connection. Others keep it for requests to come.
const CHECK_OF_CERTIFICATE: Duration = Duration::from_secs(5);

/// Serves one connection until it ends.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    mut shared: Shared,
    activity: Arc<Activity>,
) {
    let opened = Instant::now();
    // A connection works without the option, only slower.
    let _ = stream.set_nodelay(true);
    let accepted = tokio::select! {
        accepted = accept(stream, tls.as_ref()) => accepted,
        // Without a request there is nothing to finish.
        _ = shared.stopping.changed() => return,
        reason = overdue(&shared.gate, &activity, HttpVersion::Http1) => return tracing::info!("connection closed: {reason}"),
    };
    let peer = Peer::Address(peer.ip());
    let connection =
        |is_secure: bool, version: HttpVersion| Arc::new(Connection::new(shared, peer, opened, is_secure, version, activity));
    match accepted {
        Some(Accepted::Plain(stream, version)) => {
            let connection = connection(false, version);
            serve_http(stream, connection.clone()).await;
            if let Some(promised) = connection.take_promised() {
                // Boxed, so that connections without a tunnel need no room for it.
                Box::pin(serve_tunnel(promised, &connection)).await;
            }
        }
        // Boxed, so that connections without TLS need no room for it.
        Some(Accepted::Tls(stream, version)) => {
            let connection = connection(true, version);
            let (activity, started) = (connection.activity.clone(), Instant::now());
            let is_ended_by_client = Box::pin(serve_http(*stream, connection)).await;
            // .NET checks a certificate after the handshake, and closes without an alert.
            if is_ended_by_client && !activity.has_had_requests() && started.elapsed() < CHECK_OF_CERTIFICATE {
                log_distrust("closed after the handshake, without a request");
            }
        }
        None => {}
    }
}

/// Serves what a client sends through a tunnel, until the connection ends. The limits of the connection apply.
async fn serve_tunnel(promised: PromisedTunnel, outer: &Connection) {
    let (upgrade, target) = match promised {
        PromisedTunnel::Answered(upgrade, target) => (upgrade, target),
        PromisedTunnel::Other(upgrade, tunnel) => {
            return tunnel.serve(upgrade, outer.shared.stopping.clone(), &outer.shared.gate, &outer.activity).await;
        }
    };
    let mut stopping = outer.shared.stopping.clone();
    let begun = tokio::select! {
        begun = tunnel::begin(upgrade, &target) => begun,
        _ = stopping.changed() => return,
        reason = overdue(&outer.shared.gate, &outer.activity, HttpVersion::Http1) => {
            return tracing::info!("tunnel closed: {reason}");
        }
    };
    let Some(stream) = begun else { return };
    let version = negotiated(&stream);
    let mut connection = Connection::new(outer.shared.clone(), outer.peer, Instant::now(), true, version, outer.activity.clone());
    connection.tunnel = Some(target);
    serve_http(*stream, Arc::new(connection)).await;
}

/// Serves a connection until it ends. Returns whether the client has ended it.
async fn serve_http<S>(stream: S, connection: Arc<Connection>) -> bool
where
    S: AsyncRead + AsyncWrite + Tcp + Unpin + Send + 'static,
{
    let (gate, activity) = (connection.shared.gate.clone(), connection.activity.clone());
    let deadline = Deadline { gate, activity, version: connection.version };
    let stopping = connection.shared.stopping.clone();
    let stream = TokioIo::new(TrackedStream::new(stream, deadline.activity.clone(), deadline.version));
    match deadline.version {
        #[cfg(not(feature = "tls"))]
        HttpVersion::Http2 => {
            tracing::info!("HTTP/2 is unsupported in this build: it needs the feature `tls`");
            false
        }
        #[cfg(feature = "tls")]
        HttpVersion::Http2 => {
            // Boxed, since each stream is a task: its parts are moved six times on the way there.
            let exchanges = service_fn(move |request| Box::pin(exchange(connection.clone(), request)));
            drive(http2(&deadline.gate.limits).serve_connection(stream, exchanges), &deadline, stopping).await
        }
        HttpVersion::Http1 => {
            let exchanges = service_fn(move |request| exchange(connection.clone(), request));
            let serving = http1(&deadline.gate.limits).serve_connection(stream, exchanges).with_upgrades();
            drive(serving, &deadline, stopping).await
        }
    }
}

/// A connection that can be asked to end after its requests.
trait Graceful: Future<Output = hyper::Result<()>> {
    fn end_after_requests(self: Pin<&mut Self>);
}

impl<I, B, S> Graceful for http1::UpgradeableConnection<I, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    I: Read + Write + Unpin + Send + 'static,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn end_after_requests(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

#[cfg(feature = "tls")]
impl<I, B, S> Graceful for http2::Connection<I, S, TokioExecutor>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    I: Read + Write + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn end_after_requests(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Inputs of the decision that a connection is overdue.
struct Deadline {
    gate: Arc<Gate>,
    activity: Arc<Activity>,
    version: HttpVersion,
}

/// Polls a connection until it ends, is overdue, or has finished its requests after the server stops. Returns whether the client has
/// ended it.
async fn drive(connection: impl Graceful, deadline: &Deadline, mut stopping: watch::Receiver<()>) -> bool {
    let mut connection = pin!(connection);
    let (stopped, overdue) = (pin!(stopping.changed()), pin!(overdue(&deadline.gate, &deadline.activity, deadline.version)));
    let (mut stopped, mut overdue) = (Throttled::new(stopped), Throttled::new(overdue));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            biased;
            served = connection.as_mut() => {
                return match served {
                    Err(error) if error.is_parse() => {
                        tracing::info!("malformed HTTP from client: {error}");
                        false
                    }
                    Err(error) => {
                        tracing::debug!("connection ended: {error}");
                        !is_stopping
                    }
                    Ok(()) => !is_stopping,
                };
            }
            _ = &mut stopped, if !is_stopping => {
                is_stopping = true;
                connection.as_mut().end_after_requests();
            }
            reason = &mut overdue => {
                tracing::info!("connection closed: {reason}");
                return false;
            }
        }
    }
}

/// Returns the options of HTTP/1.
///
/// Without `half_close` a client that closes its half after a request, such as `nc -N`, gets no answer. `pipeline_flush` stays off:
/// it delays answers until the next request is complete, and loses them if malformed HTTP follows.
pub(super) fn http1(limits: &ServerLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.half_close(true);
    http.max_header_size(limits.head_bytes);
    http.max_buf_size(limits.head_bytes.saturating_add(READ_BUFFER));
    http
}

/// Returns the options of HTTP/2. h2 has limits of its own against rapid resets and endless heads.
#[cfg(feature = "tls")]
fn http2(limits: &ServerLimits) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
    http.max_concurrent_streams(limits.requests);
    // Bodies that wait for memory stay in the window.
    http.initial_stream_window_size(WINDOW);
    http.initial_connection_window_size(WINDOW);
    http
}
