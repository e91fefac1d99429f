//! HTTPS on the wire: a rustls client against a server in this process.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig, StreamOwned};
use serde_json::Value;
use wfi_emulator::internals::edge::certificate::{self, Authority, NAMES};
use wfi_emulator::internals::edge::server;
use wfi_emulator::internals::edge::service::Service;
use wfi_emulator::internals::policy::behavior::Behaviors;

use crate::support::harness;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// Time limit of every wait: shorter than the grace period of a stopping server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// A server on its own thread, stopped when the value is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<mpsc::Sender<()>>,
    returned: mpsc::Receiver<()>,
}

impl Server {
    fn start(tls: Arc<ServerConfig>) -> Server {
        let service = Arc::new(Service::of(harness::settings(Behaviors::default())));
        Server::start_with(service, server::ServerOptions { tls: Some(tls), ..server::ServerOptions::default() })
    }

    pub(crate) fn start_with(service: Arc<Service>, options: server::ServerOptions) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        let (returns, returned) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let signal = tokio::task::spawn_blocking(move || stopped.recv());
                server::run_with(listener, service, options, async { drop(signal.await) }).await;
            });
            let _ = returns.send(());
        });
        Server { address, stop: Some(stop), returned }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Stops the server and waits until every connection has ended.
    pub(crate) fn stop(mut self) {
        self.stop = None;
        self.returned.recv_timeout(PATIENCE).expect("the server returns after its signal to stop");
    }
}

/// Returns an authority and a server with a certificate of it.
fn served(names: &[String]) -> (Authority, Server) {
    let authority = Authority::in_memory_for(names).unwrap();
    let server = Server::start(certificate::issued(&authority, names).unwrap());
    (authority, server)
}

pub(crate) fn client(certificate: &str, protocols: &[&str]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let mut config = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// Returns a connection after a successful handshake.
fn handshake(server: &Server, config: ClientConfig, name: &str) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), server.connect());
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Returns the answer to a GET of the collection.
fn get(stream: &mut (impl std::io::Read + std::io::Write)) -> String {
    let request = format!("GET {COLLECTION} HTTP/1.1\r\nHost: graph.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_certificate_is_valid_for_every_listed_name_and_no_other() {
    let (authority, server) = served(&["graph.contoso.test".to_owned(), "10.1.2.3".to_owned()]);
    for name in NAMES.into_iter().chain(["graph.contoso.test", "10.1.2.3"]) {
        handshake(&server, client(authority.certificate(), &[]), name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["example.com", "10.1.2.4"] {
        let error = handshake(&server, client(authority.certificate(), &[]), name).unwrap_err();
        assert!(error.to_string().contains("not valid for name"), "{name}: {error}");
    }
    let stranger = Authority::in_memory().unwrap();
    assert!(
        handshake(&server, client(stranger.certificate(), &[]), "localhost").is_err(),
        "another authority does not vouch for it"
    );
}

#[test]
fn one_port_serves_https_and_http() {
    let (authority, server) = served(&[]);
    let secure = get(&mut handshake(&server, client(authority.certificate(), &["http/1.1"]), "localhost").unwrap());
    assert!(secure.starts_with("HTTP/1.1 200 OK\r\n"), "{secure}");
    assert!(secure.contains(r#""@odata.context":"https://graph.test/v1.0/"#), "links lead back by HTTPS");
    assert!(!secure.contains("strict-transport-security"), "a browser would obey it");
    let plain = get(&mut server.connect());
    assert!(plain.starts_with("HTTP/1.1 200 OK\r\n"), "{plain}");
    assert!(plain.contains(r#""@odata.context":"http://graph.test/v1.0/"#));
    assert!(plain.contains("strict-transport-security"));
    server.stop();
}

#[test]
fn clients_choose_the_version_of_http() {
    let (authority, server) = served(&[]);
    for (offered, chosen) in [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)] {
        let stream = handshake(&server, client(authority.certificate(), offered), "127.0.0.1").unwrap();
        assert_eq!(stream.conn.alpn_protocol(), chosen.map(str::as_bytes), "{offered:?}");
    }
    let error = handshake(&server, client(authority.certificate(), &["spdy/3"]), "localhost").unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn tls_1_2_and_1_3_are_supported() {
    let (authority, server) = served(&[]);
    for (version, expected) in
        [(&rustls::version::TLS12, ProtocolVersion::TLSv1_2), (&rustls::version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = builder.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots).with_no_client_auth();
        assert_eq!(handshake(&server, config, "localhost").unwrap().conn.protocol_version(), Some(expected));
    }
}

#[tokio::test]
async fn http_2_is_used_when_negotiated() {
    let (authority, server) = served(&[]);
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client(authority.certificate(), &["h2"])));
    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let stream = connector.connect(ServerName::try_from("graph.microsoft.com").unwrap(), stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let driven = tokio::spawn(connection);
    for (target, start) in [
        (COLLECTION, "https://graph.microsoft.com/v1.0/"),
        ("/common/v2.0/.well-known/openid-configuration", "https://graph.microsoft.com/common/oauth2/v2.0/token"),
    ] {
        let request =
            http::Request::get(format!("https://graph.microsoft.com{target}")).body(Empty::<bytes::Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let value: Value = serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
        let link = value.get("@odata.context").or(value.get("token_endpoint")).unwrap().as_str().unwrap();
        assert!(link.starts_with(start), "{link}");
    }
    drop(sender);
    driven.await.unwrap().unwrap();
}

#[test]
fn a_failed_or_stalled_handshake_does_not_block_others() {
    let (authority, server) = served(&[]);
    // A handshake with an invalid second byte, one that stalls, one that never starts.
    let mut broken = server.connect();
    broken.write_all(b"\x16\x03\x01 not a handshake").unwrap();
    let mut seen = Vec::new();
    let _ = broken.read_to_end(&mut seen);
    let mut stalled = server.connect();
    stalled.write_all(b"\x16\x03\x01").unwrap();
    let _silent = server.connect();
    let answer = get(&mut handshake(&server, client(authority.certificate(), &[]), "localhost").unwrap());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    server.stop();
}

#[test]
fn idle_connections_close_when_the_server_stops() {
    let (authority, server) = served(&[]);
    let mut idle = handshake(&server, client(authority.certificate(), &[]), "localhost").unwrap();
    idle.write_all(format!("GET {COLLECTION} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    server.stop();
}
