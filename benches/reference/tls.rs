//! The same over TLS: handshakes, requests of HTTP/1.1, and many streams of HTTP/2 on one connection. The reference is a bare server of
//! hyper and rustls with the same certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::load::{self, BUFFER, ENTITY, Exchange, Load};
use super::options::{Expectations, Options};
use super::process::{Child, Temporary};
use super::rounds::Rounds;
use super::server::Recording;
use super::system::CpuTime;
use super::table::Table;
use crate::{CONNECTIONS, Problem};

/// Connections that are opened at once.
const OPENING: usize = 4;

/// Streams on the one connection of HTTP/2.
const STREAMS: usize = 100;

/// The name in the certificate.
const NAME: &str = "localhost";

/// A certificate for both servers, in files, and what a client needs to trust it.
struct Identity {
    certificate: Temporary,
    key: Temporary,
    roots: RootCertStore,
}

impl Identity {
    fn new() -> Result<Identity, Problem> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let certificate = Temporary::write("certificate.pem", made.cert.pem().as_bytes())?;
        let key = Temporary::write("key.pem", made.signing_key.serialize_pem().as_bytes())?;
        Ok(Identity { certificate, key, roots })
    }

    /// Returns a client that resumes no session, so that each handshake is a whole one.
    fn client(&self, protocol: &[u8]) -> Result<TlsConnector, Problem> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(self.roots.clone()).with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// A kind of load.
#[derive(Clone, Copy)]
enum Kind {
    Handshakes,
    Requests,
    Streams,
}

/// Compares the servers and prints the table.
pub(crate) async fn compare(options: &Options, recording: &Recording, expectations: &mut Expectations) -> Result<(), Problem> {
    let identity = Identity::new()?;
    let [certificate, key] = [identity.certificate.path(), identity.key.path()];
    let (mut bare, mut ours) = (Child::reference_command(recording)?, Child::emulator_command(None));
    bare.arg(certificate).arg(key);
    ours.arg("--tls").arg("--cert").arg(certificate).arg("--key").arg(key);
    let mut reference = Child::start("the reference", bare).await?;
    let mut emulator = Child::start("the emulator", ours).await?;
    let figures = ["per second", "ratio (spread)", "CPU µs each", "ratio (spread)"];
    let mut table = Table::new(&["over TLS", "server"], &figures);
    let streams = format!("GET on {STREAMS} streams of one connection");
    for (name, kind) in [("handshake", Kind::Handshakes), ("GET", Kind::Requests), (&streams, Kind::Streams)] {
        eprintln!("measuring over TLS: {name}");
        let mut loads = [Vec::new(), Vec::new()];
        for _ in 0..options.rounds() {
            for (loads, child) in loads.iter_mut().zip([&mut reference, &mut emulator]) {
                let before = CpuTime::of(&[child.id()]);
                let load = load(child.address, &identity, kind, options.round()).await;
                let mut load = load.map_err(|problem| child.failed(&problem))?;
                load.cpu = before.until(&CpuTime::of(&[child.id()]));
                loads.push(load);
            }
        }
        let [bare, ours] = loads.map(Rounds::of);
        let best = table.compare([(name, "reference"), (name, "emulator")], &bare, &ours);
        expectations.at_least(&format!("{name} over TLS to the reference"), options.expect_tls, best);
    }
    print!("{table}");
    Ok(())
}

/// Loads a server for a time.
async fn load(address: SocketAddr, identity: &Identity, kind: Kind, time: Duration) -> Result<Load, Problem> {
    let client = identity.client(if matches!(kind, Kind::Streams) { b"h2" } else { b"http/1.1" })?;
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    match kind {
        Kind::Handshakes => {
            for _ in 0..OPENING {
                tasks.spawn(handshakes(address, client.clone(), started, time));
            }
        }
        Kind::Requests => {
            for _ in 0..CONNECTIONS[0] {
                tasks.spawn(requests(address, client.clone(), started, time));
            }
        }
        Kind::Streams => {
            let stream = TokioIo::new(connect(address, &client).await?);
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            let connection = tokio::spawn(connection);
            for _ in 0..STREAMS {
                tasks.spawn(stream_of(sender.clone(), started, time));
            }
            drop(sender);
            let load = joined(tasks, started).await;
            connection.abort();
            return load;
        }
    }
    joined(tasks, started).await
}

async fn joined(mut tasks: JoinSet<Result<u32, Problem>>, started: Instant) -> Result<Load, Problem> {
    let mut count = 0;
    while let Some(done) = tasks.join_next().await {
        count += done??;
    }
    Ok(Load::of(count, started.elapsed(), None))
}

async fn connect(address: SocketAddr, client: &TlsConnector) -> Result<TlsStream<TcpStream>, Problem> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(client.connect(ServerName::try_from(NAME)?, stream).await?)
}

/// Opens connections until the time has passed, and returns their number.
async fn handshakes(address: SocketAddr, client: TlsConnector, started: Instant, time: Duration) -> Result<u32, Problem> {
    let mut count = 0;
    while started.elapsed() < time {
        connect(address, &client).await?;
        count += 1;
    }
    Ok(count)
}

/// Sends requests over a connection until the time has passed, and returns their number.
async fn requests(address: SocketAddr, client: TlsConnector, started: Instant, time: Duration) -> Result<u32, Problem> {
    let mut stream = connect(address, &client).await?;
    let exchange = Exchange::get(ENTITY);
    let (bytes, _) = exchange.around_number();
    let mut buffer = Vec::with_capacity(BUFFER);
    let mut count = 0;
    while started.elapsed() < time {
        stream.write_all(bytes).await?;
        buffer.clear();
        while load::length_of(&buffer)?.is_none_or(|length| buffer.len() < length) {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err("the connection ended within a response".into());
            }
        }
        count += 1;
    }
    Ok(count)
}

/// Sends requests, one after another, over a connection that others share, and returns their number.
async fn stream_of(mut sender: http2::SendRequest<Empty<Bytes>>, started: Instant, time: Duration) -> Result<u32, Problem> {
    let address: Uri = format!("https://{NAME}{}", load::path_of(ENTITY)).parse()?;
    let mut count = 0;
    while started.elapsed() < time {
        let request = Request::get(address.clone()).header("accept", "application/json").body(Empty::new())?;
        let response = sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(format!("it answered {}", response.status()).into());
        }
        response.into_body().collect().await?;
        count += 1;
    }
    Ok(count)
}
