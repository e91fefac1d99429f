//! The server: accepts connections and turns HTTP into requests to a [`Service`].
//!
//! With TLS enabled, one port serves both: the first byte distinguishes a TLS handshake from plain HTTP.

pub(crate) mod accept;
mod access_log;
mod activity;
mod connection;
mod crowd;
mod delivery;
mod exchange;
mod limits;
mod memory;
mod other_tunnel;
mod request_body;
mod throttled;
mod tunnel;
mod workers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::edge::proxy::Proxy;
use crate::edge::server::connection::serve;
use crate::edge::server::crowd::Crowd;
use crate::edge::server::exchange::Shared;
use crate::edge::server::limits::Gate;
use crate::edge::server::workers::Places;
use crate::edge::service::Service;
use crate::text::plural::counted;

pub use limits::ServerLimits;
pub use workers::Workers;

/// Time for requests in flight to finish when the server stops. Container runtimes kill ten seconds after they have asked.
pub(crate) const GRACE: Duration = Duration::from_secs(6);

/// Interval of the search for idle worlds.
const SWEEP: Duration = Duration::from_secs(30);

/// Options of a server.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// TLS beside plain HTTP, on the same port.
    pub tls: Option<Arc<ServerConfig>>,
    /// Limits of connections.
    pub limits: ServerLimits,
    /// The hosts to answer for as a proxy.
    pub proxy: Arc<Proxy>,
    /// The runtimes that serve connections. Without any, the one that accepts them serves them.
    pub workers: Vec<Handle>,
}

/// The sockets of a server: `localhost` has an address of each family.
#[derive(Debug)]
pub struct Listeners(pub Vec<TcpListener>);

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Listeners {
        Listeners(vec![listener])
    }
}

impl Listeners {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|context| {
            let mut accepted = self.0.iter().map(|listener| listener.poll_accept(context));
            accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }
}

/// Serves until `shutdown` is ready; then requests in flight finish and idle connections close.
///
/// Connections that are still busy after six seconds are closed, and so are all connections if the future is dropped. A service computes
/// nothing long after `shutdown`, so it cannot be served again.
pub async fn run(listener: impl Into<Listeners>, service: Arc<Service>, shutdown: impl Future<Output = ()>) {
    run_with(listener, service, ServerOptions::default(), shutdown).await;
}

/// Serves like [`run`], with options.
pub async fn run_with(
    listener: impl Into<Listeners>,
    service: Arc<Service>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) {
    run_with_grace(listener.into(), service, options, shutdown, GRACE).await;
}

async fn run_with_grace(
    listener: Listeners,
    service: Arc<Service>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let tls = options.tls.map(TlsAcceptor::from);
    let (gate, proxy) = (Arc::new(Gate::new(options.limits)), options.proxy);
    let places = Places::of(options.workers);
    let (stop, stopping) = watch::channel(());
    let sweeping = tokio::spawn(sweep(service.clone()));
    // Dropping the set closes its connections, even if the runtime lives on.
    let mut connections = JoinSet::new();
    let mut crowd = Crowd::default();
    // At the limit one more connection is accepted, so that it is known that another one must give way.
    let mut newcomer = None;
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept(), if newcomer.is_none() => match accepted {
                Ok(accepted) => newcomer = Some(accepted),
                Err(error) => {
                    gate.set_crowded(true);
                    crowd.make_room(&gate.memory);
                    wait_for_descriptors(&error).await;
                }
            },
            // Removes a connection that has ended.
            Some(_) = connections.join_next() => {}
            () = crowd.next_search(), if newcomer.is_some() => crowd.make_room(&gate.memory),
            () = &mut shutdown => break,
        }
        if connections.len() < gate.limits.connections
            && let Some((stream, peer)) = newcomer.take()
        {
            let shared =
                Shared { service: service.clone(), gate: gate.clone(), proxy: proxy.clone(), stopping: stopping.clone() };
            let activity = crowd.join(connections.len());
            let tls = tls.clone();
            places.spawn(&mut connections, stream, move |stream| serve(stream, peer, tls, shared, activity));
            gate.set_crowded(connections.len() >= gate.limits.connections);
        }
    }
    // Ends delays and idle connections, and computations that wait for their turn.
    drop((listener, newcomer, stop));
    service.stop_computing();
    sweeping.abort();
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, ended).await.is_err() {
        tracing::warn!("connections still busy after {} s are closed", grace.as_secs());
    }
}

/// Waits after a failed accept: descriptors or memory are exhausted until other connections end.
async fn wait_for_descriptors(error: &io::Error) {
    tracing::error!("cannot accept a connection: {error}");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Drops idle worlds.
async fn sweep(service: Arc<Service>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(worlds) = service.worlds.built() else { continue };
        let dropped = worlds.sweep();
        if dropped > 0 {
            let dropped = counted(dropped, "idle world", "idle worlds");
            tracing::info!("dropped {dropped} ({} s)", worlds.limits().idle.as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::Ipv4Addr;

    /// Timeout of a test.
    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_connection_that_stays_busy_when_the_server_stops_is_closed() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").unwrap();
            let mut seen = [0; 25];
            stream.read_exact(&mut seen).unwrap();
            // From here on the server waits for a body that never comes.
            sender.send(seen).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap()
        });
        let shutdown = tokio::task::spawn_blocking(move || receiver.recv_timeout(PATIENCE));
        let shutdown = async { assert_eq!(shutdown.await.unwrap().as_ref(), Ok(b"HTTP/1.1 100 Continue\r\n\r\n")) };
        run_with_grace(
            listener.into(),
            Arc::new(Service::of(crate::workloads::settings())),
            ServerOptions::default(),
            shutdown,
            Duration::from_millis(10),
        )
        .await;
        assert_eq!(client.await.unwrap(), 0);
    }
}
