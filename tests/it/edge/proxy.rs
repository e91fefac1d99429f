//! Clients that take the emulator for their proxy.
//!
//! ```console
//! $ WFI_EMULATOR_TUNNELS=10000 cargo test --release --test it tunnels_in_a_row -- --nocapture
//! ```
//!
//! opens that many tunnels one after another, and prints the memory of the process.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wfi_emulator::internals::edge::certificate::{self, Authority};
use wfi_emulator::internals::edge::proxy::{OtherHosts, Proxy};
use wfi_emulator::internals::edge::server::{ServerLimits, ServerOptions};
use wfi_emulator::internals::edge::service::Service;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::world::journal::{JournalQuery, Secrets};

use crate::edge::tls::{PATIENCE, Server, client};
use crate::program::process::{Folder, Served, resident_mib};
use crate::support::harness;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A server that is a proxy.
struct Proxied {
    server: Server,
    service: Arc<Service>,
    proxy: Arc<Proxy>,
    client: Client,
}

/// A client of a proxy, and what it trusts.
#[derive(Clone)]
struct Client {
    address: SocketAddr,
    trust: Arc<ClientConfig>,
}

fn proxied() -> Proxied {
    proxied_with(OtherHosts::Refused, ServerLimits::default())
}

fn proxied_with(others: OtherHosts, limits: ServerLimits) -> Proxied {
    let hosts = ["intercepted.test".to_owned()];
    let authority = Authority::in_memory_for(&hosts).unwrap();
    let tls = certificate::issued(&authority, &hosts).unwrap();
    let proxy = Arc::new(Proxy::new(Some(tls.clone())).intercepting(&hosts, tls.clone()).with_others(others));
    let service = Arc::new(Service::of(harness::settings(Behaviors::default())));
    let options = ServerOptions { tls: Some(tls), proxy: proxy.clone(), limits, ..ServerOptions::default() };
    let server = Server::start_with(service.clone(), options);
    let client = Client { address: server.address, trust: Arc::new(client(authority.certificate(), &["http/1.1"])) };
    Proxied { server, service, proxy, client }
}

impl Client {
    fn open(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Returns what the server sends for a text, until it ends the connection.
    fn exchange(&self, text: &str) -> String {
        let mut stream = self.open();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks for a tunnel, and returns the connection and the head of the answer.
    fn connect(&self, target: &str, headers: &str) -> (TcpStream, String) {
        let mut stream = self.open();
        write!(stream, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{headers}\r\n").unwrap();
        let head = head_of(&mut stream);
        (stream, head)
    }

    /// Returns a connection through a tunnel, after a handshake for a name.
    fn tunnel(&self, host: &str, name: &str, headers: &str) -> std::io::Result<Tls> {
        let (stream, head) = self.connect(&format!("{host}:443"), headers);
        assert_eq!(head, "HTTP/1.1 200 OK\r\n", "{host}");
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(self.trust.clone(), name).unwrap(), stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}

/// Reads the head of an answer byte by byte, and returns it without its date.
fn head_of(stream: &mut impl std::io::Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).unwrap();
    text.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ") && *line != "\r\n").collect()
}

/// Returns the answer to a GET, at the end of which the connection ends.
fn get(stream: &mut Tls, path: &str, host: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // Without a close_notify, the end is an error.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_tunnel_to_a_host_of_graph_leads_to_the_emulator() {
    let proxied = proxied();
    for host in ["graph.microsoft.com", "graph.microsoft.us", "login.microsoftonline.com", "login.sovcloud-identity.fr"] {
        let answer = get(&mut proxied.client.tunnel(host, host, "").unwrap(), COLLECTION, host);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(&format!(r#""@odata.context":"https://{host}/v1.0/"#)), "links are to where the client has gone");
    }
    let answer = get(
        &mut proxied.client.tunnel("Graph.Microsoft.COM.", "graph.microsoft.com", "").unwrap(),
        COLLECTION,
        "graph.microsoft.com",
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer =
        get(&mut proxied.client.tunnel("intercepted.test", "intercepted.test", "").unwrap(), COLLECTION, "intercepted.test:443");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!((proxied.proxy.report().tunnels, proxied.proxy.report().refused), (6, 0));
    let health = get(
        &mut proxied.client.tunnel("graph.microsoft.com", "graph.microsoft.com", "").unwrap(),
        "/_emulator/health",
        "graph.microsoft.com",
    );
    assert!(health.starts_with("HTTP/1.1 400 "), "the control API is not reached: {health}");
    proxied.server.stop();
}

#[test]
fn a_tunnel_carries_many_requests_and_its_end_is_the_end_of_the_connection() {
    let proxied = proxied();
    let mut stream = proxied.client.tunnel("graph.microsoft.com", "graph.microsoft.com", "").unwrap();
    for _ in 0..20 {
        write!(stream, "GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n").unwrap();
        let head = head_of(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        stream.read_exact(&mut vec![0; length]).unwrap();
    }
    // Tunnels do not nest.
    write!(stream, "CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n").unwrap();
    assert!(head_of(&mut stream).starts_with("HTTP/1.1 400 "));
    proxied.server.stop();
}

#[tokio::test]
async fn a_tunnel_serves_http_2_when_negotiated() {
    let proxied = proxied();
    let mut stream = tokio::net::TcpStream::connect(proxied.client.address).await.unwrap();
    stream.write_all(b"CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let mut trust = (*proxied.client.trust).clone();
    trust.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(trust));
    let stream = connector.connect(ServerName::try_from("graph.microsoft.com").unwrap(), stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let driven = tokio::spawn(connection);
    for (target, status) in [
        (&*format!("https://graph.microsoft.com{COLLECTION}"), 200),
        ("https://graph.microsoft.com/_emulator/health", 400),
        ("https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration", 421),
    ] {
        let request = http::Request::get(target).body(Empty::<bytes::Bytes>::new()).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), status, "{target}");
    }
    drop(sender);
    driven.await.unwrap().unwrap();
}

#[test]
fn the_user_of_the_proxy_names_the_world_of_a_tunnel() {
    let proxied = proxied();
    let credentials = format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode("my-test:planted-password"));
    let mut stream = proxied.client.tunnel("graph.microsoft.com", "graph.microsoft.com", &credentials).unwrap();
    assert!(get(&mut stream, COLLECTION, "graph.microsoft.com").starts_with("HTTP/1.1 200 OK\r\n"));
    let request = format!(
        "GET http://graph.microsoft.com{COLLECTION} HTTP/1.1\r\nHost: graph.microsoft.com\r\n{credentials}Connection: close\r\n\r\n"
    );
    assert!(proxied.client.exchange(&request).starts_with("HTTP/1.1 200 OK\r\n"));
    let world = proxied.service.worlds.known("my-test").unwrap();
    let entries = world.journal.query(&JournalQuery::default(), Secrets::Shown);
    assert_eq!(entries.len(), 2);
    for entry in entries {
        assert!(entry.decided.is_proxied && entry.exchange.comments.contains(&"via the proxy".to_owned()));
        assert!(!entry.exchange.request.headers.iter().any(|(name, _)| name.starts_with("proxy-")), "{:?}", entry.exchange);
    }
    let (_, head) =
        proxied.client.connect("graph.microsoft.com:443", &format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode("a b:")));
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    proxied.server.stop();
}

#[test]
fn other_hosts_are_refused_with_host_and_flag() {
    let proxied = proxied();
    for (target, status, reason) in [
        ("www.example.com:443", "403 Forbidden", "host not answered: www.example.com "),
        ("graph.microsoft.com.evil.test:443", "403 Forbidden", "--intercept graph.microsoft.com.evil.test,"),
        ("localhost:443", "403 Forbidden", "host not answered: localhost "),
        ("127.0.0.1:9340", "403 Forbidden", "host not answered: 127.0.0.1 "),
        ("graph.microsoft.com:80", "403 Forbidden", "port not answered: "),
        ("graph.microsoft.com", "400 Bad Request", "invalid target of CONNECT"),
    ] {
        let answer = proxied.client.exchange(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{target}: {answer}");
        assert!(answer.contains(reason), "{target}: {answer}");
    }
    let answer = proxied.client.exchange("GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 403 Forbidden\r\n") && answer.contains("host not answered: www.example.com "),
        "{answer}"
    );
    let report = proxied.proxy.report();
    assert_eq!((report.tunnels, report.requests, report.refused), (0, 0, 7));
    assert_eq!(report.hosts.get("www.example.com"), Some(&2));
    proxied.server.stop();
}

#[test]
fn other_hosts_are_reached_through_tunnels_when_allowed() {
    let proxied = proxied_with(OtherHosts::tunneled(), ServerLimits::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.local_addr().unwrap();
    let echo = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = String::new();
        stream.read_to_string(&mut received).unwrap();
        stream.write_all(received.to_uppercase().as_bytes()).unwrap();
    });
    // Bytes before the answer to CONNECT are for the host as well.
    let mut stream = proxied.client.open();
    write!(stream, "CONNECT {other} HTTP/1.1\r\nHost: {other}\r\n\r\nfirst, ").unwrap();
    assert_eq!(head_of(&mut stream), "HTTP/1.1 200 OK\r\n");
    stream.write_all("second".repeat(50_000).as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut received = String::new();
    stream.read_to_string(&mut received).unwrap();
    assert_eq!(received, format!("FIRST, {}", "SECOND".repeat(50_000)));
    echo.join().unwrap();

    for (target, headers, status, reason) in [
        (&*other.to_string(), "", "502 Bad Gateway", "host not reached: 127.0.0.1: cannot connect: "),
        ("169.254.169.254:80", "", "403 Forbidden", "reserved address: 169.254.169.254 is link-local, unspecified, multicast, "),
        ("db.test:443", "Via: 1.1 proxy\r\n", "403 Forbidden", "remote client refused: "),
    ] {
        let answer = proxied.client.exchange(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{headers}\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")) && answer.contains(reason), "{target}: {answer}");
    }
    let answer = proxied.client.exchange("GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
    assert!(answer.contains("host not answered: www.example.com "), "without a tunnel it is refused: {answer}");
    // The emulator does not count as another host.
    let (mut stream, head) = proxied.client.connect(&proxied.client.address.to_string(), "");
    assert_eq!(head, "HTTP/1.1 200 OK\r\n");
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the tunnel is closed");
    let answer = get(
        &mut proxied.client.tunnel("graph.microsoft.com", "graph.microsoft.com", "").unwrap(),
        COLLECTION,
        "graph.microsoft.com",
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "Graph is answered as before: {answer}");
    let report = proxied.proxy.report();
    assert_eq!((report.tunnels, report.others, report.refused), (1, 2, 4));
    proxied.server.stop();
}

#[test]
fn a_tunnel_to_another_host_ends_when_it_is_idle_and_when_the_server_stops() {
    let short = ServerLimits { idle: Duration::from_millis(200), ..ServerLimits::default() };
    for (limits, is_stopped) in [(short, false), (ServerLimits::default(), true)] {
        let proxied = proxied_with(OtherHosts::tunneled(), limits);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut stream, head) = proxied.client.connect(&listener.local_addr().unwrap().to_string(), "");
        assert_eq!(head, "HTTP/1.1 200 OK\r\n");
        let (mut host, _) = listener.accept().unwrap();
        host.set_read_timeout(Some(PATIENCE)).unwrap();
        if is_stopped {
            proxied.server.stop();
        }
        assert_eq!((stream.read(&mut [0]).unwrap(), host.read(&mut [0]).unwrap()), (0, 0));
    }
}

#[test]
fn an_absolute_address_obeys_the_same_rule() {
    let proxied = proxied();
    let get = |address: &str| {
        proxied.client.exchange(&format!("GET {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    };
    let answer = get(&format!("http://graph.microsoft.com{COLLECTION}"));
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("http://graph.microsoft.com/v1.0/$metadata#"),
        "{answer}"
    );
    assert!(get("http://graph.microsoft.com/_emulator/health").starts_with("HTTP/1.1 400 "), "the control API is not reached");
    for own in ["localhost", "127.0.0.1", "[::1]", "graph.localhost"] {
        assert!(get(&format!("http://{own}{COLLECTION}")).starts_with("HTTP/1.1 200 OK\r\n"), "{own} is this machine");
    }
    assert!(get("http://localhost/_emulator/health").starts_with("HTTP/1.1 200 OK\r\n"));
    proxied.server.stop();
}

#[test]
fn a_tunnel_is_for_its_host_alone() {
    let proxied = proxied();
    let error = proxied.client.tunnel("graph.microsoft.com", "login.microsoftonline.com", "").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
    let mut stream = proxied.client.tunnel("graph.microsoft.com", "graph.microsoft.com", "").unwrap();
    let answer = get(&mut stream, COLLECTION, "login.microsoftonline.com");
    assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{answer}");
    // Bytes before the answer to CONNECT would be taken for a request to the proxy, or for one in the tunnel.
    let answer = proxied.client.exchange(
        "CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\n\r\nGET /_emulator/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
    // No TLS in the tunnel.
    let (mut stream, _) = proxied.client.connect("graph.microsoft.com:443", "");
    stream.write_all(b"GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\n\r\n").unwrap();
    let mut seen = Vec::new();
    let _ = stream.read_to_end(&mut seen);
    assert!(!seen.starts_with(b"HTTP/"), "{seen:?}");
    proxied.server.stop();
}

impl Client {
    /// Opens a tunnel, and leaves it at one of four stages: before the handshake, after it, within a request, or at its end.
    fn leave_tunnel(&self, number: u64) {
        let host = "graph.microsoft.com";
        match number % 4 {
            0 => drop(self.connect("graph.microsoft.com:443", "")),
            1 => drop(self.tunnel(host, host, "").unwrap()),
            2 => {
                let mut stream = self.tunnel(host, host, "").unwrap();
                stream.write_all(b"PATCH /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\nContent-Length: 9\r\n\r\n{").unwrap();
            }
            _ => {
                let answer = get(&mut self.tunnel(host, host, "").unwrap(), COLLECTION, host);
                assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn tunnels_in_a_row_take_no_more_memory_than_the_first_ones() {
    let count = std::env::var("WFI_EMULATOR_TUNNELS").map_or(400, |count| count.parse().unwrap());
    let folder = Folder::new("tunnels");
    let authorities = folder.0.join("ca");
    // Without the journal, which grows up to its limit.
    let arguments = ["--tls", "--log", "off", "--journal", "0", "--ca-dir", authorities.to_str().unwrap()];
    let served = Served::start(&arguments);
    let certificate = std::fs::read_to_string(authorities.join("ca.pem")).unwrap();
    let client = Client { address: served.address().parse().unwrap(), trust: Arc::new(client(&certificate, &["http/1.1"])) };
    let resident = || resident_mib(served.program.child.id()).unwrap();
    for number in 0..100 {
        client.leave_tunnel(number);
    }
    let before = resident();
    for number in 0..count {
        client.leave_tunnel(number);
    }
    println!("{before:.1} MiB before, {:.1} MiB after {count} tunnels", resident());
    assert!(resident() - before < 4.0, "{before:.1} MiB before, {:.1} MiB after {count} tunnels", resident());
}

#[test]
fn abandoned_tunnels_leave_nothing_behind() {
    let proxied = proxied();
    thread::scope(|scope| {
        for number in 0..200 {
            let client = proxied.client.clone();
            scope.spawn(move || client.leave_tunnel(number));
        }
    });
    assert_eq!(proxied.proxy.report().tunnels, 200);
    // It returns when all connections have ended.
    proxied.server.stop();
}

#[test]
fn without_tls_a_tunnel_says_what_it_needs() {
    let service = Arc::new(Service::of(harness::settings(Behaviors::default())));
    let server = Server::start_with(service, ServerOptions::default());
    let mut stream = server.connect();
    stream.write_all(b"CONNECT graph.microsoft.com:443 HTTP/1.1\r\nHost: graph.microsoft.com:443\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 403 Forbidden\r\n") && answer.ends_with("tunnel needs TLS: start the emulator with --tls\n"),
        "{answer}"
    );
    server.stop();
}
