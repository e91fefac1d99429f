//! The edge towards connectors: makes the calls that the pipeline and the commands ask for.
//!
//! Calls stay on this machine and in private networks unless it is said that they may leave, so that a fixture with the address of a
//! real connector never calls it by accident. The host is resolved once and each address is looked at before it is connected to, so
//! no name can change its mind in between. Redirects are not followed.

mod check;
mod say;

use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::uri::Scheme;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::connector::{ANSWER_LIMIT, Call, Failure, Outcome};

pub use check::{Finding, Findings, Rating, Source, check};
pub use say::{Manner, Report, say};

/// How far calls may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whether calls may leave this machine and private networks.
    pub may_be_remote: bool,
}

/// Makes a call. Looking up the host, connecting and the whole answer share the call's time.
pub async fn make(call: &Call, reach: Reach) -> Outcome {
    let made = tokio::time::timeout(call.timeout, exchange(call, reach)).await;
    made.unwrap_or(Err(Failure::Timeout)).unwrap_or_else(Outcome::Failed)
}

async fn exchange(call: &Call, reach: Reach) -> Result<Outcome, Failure> {
    let is_secure = match call.url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        _ => return Err(Failure::InvalidUrl),
    };
    let stream = connect(&call.url, is_secure, reach).await?;
    if is_secure {
        return Err(Failure::Tls);
    }
    converse(call, stream).await
}

/// Connects to the first address of a host that answers, of those that may be called.
async fn connect(url: &Uri, is_secure: bool, reach: Reach) -> Result<TcpStream, Failure> {
    let host = url.host().ok_or(Failure::InvalidUrl)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = url.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => tokio::net::lookup_host((host, port)).await.map_err(|_| Failure::UnknownHost)?.collect(),
    };
    let mut failure = if addresses.is_empty() { Failure::UnknownHost } else { Failure::RemoteAddress };
    for address in addresses.into_iter().filter(|address| reach.may_be_remote || is_near(address.ip())) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A connection works without the option, only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => failure = Failure::Refused,
            Err(_) => failure = Failure::Unreachable,
        }
    }
    Err(failure)
}

/// Whether an address is on this machine or in a private network. Link-local addresses are none: cloud machines tell their secrets
/// there.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// Sends a request and reads the answer.
async fn converse<S>(call: &Call, stream: S) -> Result<Outcome, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Broken)?;
    // The connection ends with the set, however this function ends.
    let mut connections = JoinSet::new();
    drop(connections.spawn(connection));
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = call.method.clone();
    *request.headers_mut() = call.headers.clone();
    let authority = call.url.authority().map_or("", |authority| authority.as_str());
    // Whatever stands before the host is for nobody's eyes.
    let host = authority.rsplit('@').next().unwrap_or_default();
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(host).map_err(|_| Failure::InvalidUrl)?);
    let path = call.url.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| Failure::InvalidUrl)?;
    let (head, body) = sender.send_request(request).await.map_err(|_| Failure::Broken)?.into_parts();
    let body = read(body).await?;
    Ok(Outcome::Answered { status: head.status, headers: head.headers, body })
}

async fn read(mut incoming: Incoming) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|_| Failure::Broken)?.into_data() else { continue };
        if body.len() + data.len() > ANSWER_LIMIT {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&data);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use http::{HeaderMap, Method, StatusCode};

    /// How long anything may take before a test fails.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn call(url: &str, timeout: Duration) -> Call {
        let (headers, body) = (HeaderMap::new(), Bytes::from_static(b"said"));
        Call { method: Method::POST, url: url.parse().unwrap(), headers, body, timeout }
    }

    /// A connector that reads a request and answers with these bytes, then closes the connection, or leaves it open.
    fn answering(answer: Vec<u8>, closes: bool) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/v1/connect", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = Vec::new();
            let mut part = [0; 1024];
            while !seen.ends_with(b"said") {
                let length = stream.read(&mut part).unwrap();
                assert!(length > 0, "the request is complete");
                seen.extend_from_slice(&part[..length]);
            }
            // Whoever calls may hang up before all was said.
            let _ = stream.write_all(&answer);
            if !closes {
                let _ = stream.read(&mut part);
            }
            String::from_utf8(seen).unwrap().replace("\r\n", "\n")
        });
        (url, served)
    }

    async fn outcome(answer: &[u8], closes: bool, timeout: Duration) -> Outcome {
        let (url, served) = answering(answer.to_vec(), closes);
        let outcome = make(&call(&url, timeout), Reach::default()).await;
        tokio::task::spawn_blocking(move || served.join().unwrap()).await.unwrap();
        outcome
    }

    #[tokio::test]
    async fn an_answer_is_handed_over_as_it_is() {
        let (url, served) =
            answering(b"HTTP/1.1 302 Found\r\nLocation: http://x.test/\r\nContent-Length: 2\r\n\r\n{}".to_vec(), false);
        let outcome = make(&call(&url, PATIENCE), Reach::default()).await;
        let seen = tokio::task::spawn_blocking(move || served.join().unwrap()).await.unwrap();
        assert_eq!(
            seen.replace(&url[7..url.len() - 11], "host"),
            "POST /v1/connect HTTP/1.1\nhost: host\ncontent-length: 4\n\nsaid"
        );
        let Outcome::Answered { status, headers, body } = outcome else { panic!("{outcome:?}") };
        assert_eq!((status, headers["location"].to_str().unwrap(), &*body), (StatusCode::FOUND, "http://x.test/", &b"{}"[..]));
    }

    #[tokio::test]
    async fn each_way_not_to_answer_has_its_outcome() {
        let failed = |failure| Outcome::Failed(failure);
        assert_eq!(outcome(b"", true, PATIENCE).await, failed(Failure::Broken));
        assert_eq!(outcome(b"SSH-2.0-OpenSSH_9.6\r\n", true, PATIENCE).await, failed(Failure::Broken));
        assert_eq!(outcome(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", true, PATIENCE).await, failed(Failure::Broken));
        let large = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &b"x".repeat(ANSWER_LIMIT + 1)[..]].concat();
        assert_eq!(outcome(&large, true, PATIENCE).await, failed(Failure::TooLarge));
        for silent in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"] {
            assert_eq!(outcome(silent, false, Duration::from_millis(50)).await, failed(Failure::Timeout));
        }
        let largest = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &b"x".repeat(ANSWER_LIMIT)[..]].concat();
        assert!(matches!(outcome(&largest, true, PATIENCE).await, Outcome::Answered { .. }));
    }

    #[tokio::test]
    async fn whoever_does_not_listen_refuses() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert_eq!(make(&call(&url, PATIENCE), Reach::default()).await, Outcome::Failed(Failure::Refused));
    }

    #[tokio::test]
    async fn no_call_leaves_unless_it_may() {
        // Addresses for documentation (RFC 5737, RFC 3849), of cloud metadata, and one in the clothes of another version.
        for host in ["192.0.2.1", "[2001:db8::1]", "169.254.169.254", "[::ffff:192.0.2.1]", "0.0.0.0"] {
            let outcome = make(&call(&format!("http://{host}/"), PATIENCE), Reach::default()).await;
            assert_eq!(outcome, Outcome::Failed(Failure::RemoteAddress), "{host}");
        }
        let near = ["127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::1", "fd00::1", "::ffff:127.0.0.1"];
        assert!(near.iter().all(|address| is_near(address.parse().unwrap())));
        let may = Reach { may_be_remote: true };
        let outcome = make(&call("http://192.0.2.1/", Duration::from_millis(50)), may).await;
        assert!(matches!(outcome, Outcome::Failed(Failure::Timeout | Failure::Unreachable | Failure::Refused)), "{outcome:?}");
    }
}
