//! The edge towards connectors: makes the calls that the pipeline and the commands ask for.
//!
//! Calls stay on this machine and in private networks unless it is said that they may leave, so that a fixture with the address of a
//! real connector never calls it by accident. The host is resolved once and each address is looked at before it is connected to, so
//! no name can change its mind in between. Redirects are not followed.

mod check;
mod say;
mod tls;

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::uri::Scheme;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::world::outbound::{ANSWER_LIMIT, CallFailure, CallOutcome, OutboundCall};
use crate::world::settings::Connectors;

pub use check::{Finding, Findings, Named, Rating, Source, check};
pub use say::{CallPolicy, Report, say};

pub use tls::{authorities, client};

/// Makes a call. Looking up the host, connecting and the whole answer share the call's time.
pub async fn make(call: &OutboundCall, connectors: &Connectors) -> CallOutcome {
    let made = tokio::time::timeout(call.timeout, exchange(call, connectors)).await;
    made.unwrap_or(Err(CallFailure::Timeout)).unwrap_or_else(CallOutcome::Failed)
}

async fn exchange(call: &OutboundCall, connectors: &Connectors) -> Result<CallOutcome, CallFailure> {
    let is_secure = match call.url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        _ => return Err(CallFailure::InvalidUrl),
    };
    let stream = connect(&call.url, is_secure, connectors.may_be_remote).await?;
    if !is_secure {
        return converse(call, stream).await;
    }
    let authorities = connectors.authorities.clone();
    // The system's authorities are files, which take a while to read.
    let client = tokio::task::spawn_blocking(move || tls::client(&authorities)).await;
    let client = client.ok().and_then(Result::ok).ok_or(CallFailure::Tls)?;
    let name = ServerName::try_from(host(&call.url)?.to_owned()).map_err(|_| CallFailure::InvalidUrl)?;
    let stream = TlsConnector::from(client).connect(name, stream).await.map_err(|error| untrusted(&error))?;
    converse(call, stream).await
}

/// Returns why a handshake of TLS has failed, as far as its author can do something about it.
fn untrusted(error: &io::Error) -> CallFailure {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(error)) = error else { return CallFailure::Tls };
    match error {
        CertificateError::UnknownIssuer => CallFailure::Authority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => CallFailure::Name,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => CallFailure::Expired,
        // The library has no word of its own for it.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => CallFailure::AuthorityShown,
        _ => CallFailure::Tls,
    }
}

/// Connects to the first address of a host that answers, of those that may be called.
async fn connect(url: &Uri, is_secure: bool, may_be_remote: bool) -> Result<TcpStream, CallFailure> {
    let host = host(url)?;
    let port = url.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => tokio::net::lookup_host((host, port)).await.map_err(|_| CallFailure::UnknownHost)?.collect(),
    };
    let mut failure = if addresses.is_empty() { CallFailure::UnknownHost } else { CallFailure::RemoteAddress };
    for address in addresses.into_iter().filter(|address| may_be_remote || is_near(address.ip())) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A connection works without the option, only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => failure = CallFailure::Refused,
            Err(_) => failure = CallFailure::Unreachable,
        }
    }
    Err(failure)
}

/// Returns the host of an address, without the brackets of an address of IPv6.
fn host(url: &Uri) -> Result<&str, CallFailure> {
    let host = url.host().ok_or(CallFailure::InvalidUrl)?;
    Ok(host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host))
}

/// Addresses of private networks at which cloud machines tell their secrets: those of Amazon, Google and Oracle.
const METADATA: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

/// Whether an address is on this machine or in a private network. Link-local addresses are none: cloud machines tell their secrets
/// there, and at a few others.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || (address.is_unique_local() && !METADATA.contains(&address)),
    }
}

/// Sends a request and reads the answer.
async fn converse<S>(call: &OutboundCall, stream: S) -> Result<CallOutcome, CallFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| CallFailure::Broken)?;
    // The connection ends with the set, however this function ends.
    let mut connections = JoinSet::new();
    drop(connections.spawn(connection));
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = call.method.clone();
    *request.headers_mut() = call.headers.clone();
    let authority = call.url.authority().map_or("", |authority| authority.as_str());
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority).map_err(|_| CallFailure::InvalidUrl)?);
    let path = call.url.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| CallFailure::InvalidUrl)?;
    let (head, body) = sender.send_request(request).await.map_err(|_| CallFailure::Broken)?.into_parts();
    let body = read(body).await?;
    Ok(CallOutcome::Answered { status: head.status, headers: head.headers, body })
}

async fn read(mut incoming: Incoming) -> Result<Bytes, CallFailure> {
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|_| CallFailure::Broken)?.into_data() else { continue };
        if body.len() + data.len() > ANSWER_LIMIT {
            return Err(CallFailure::TooLarge);
        }
        body.extend_from_slice(&data);
    }
    Ok(body.freeze())
}

#[cfg(feature = "tls")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use http::{HeaderMap, Method, StatusCode};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use crate::edge::certificate::{self, Authority};

    /// How long anything may take before a test fails.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn call(url: &str, timeout: Duration) -> OutboundCall {
        let (headers, body) = (HeaderMap::new(), Bytes::from_static(b"said"));
        OutboundCall { method: Method::POST, url: url.parse().unwrap(), headers, body, timeout }
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

    async fn outcome(answer: &[u8], closes: bool, timeout: Duration) -> CallOutcome {
        let (url, served) = answering(answer.to_vec(), closes);
        let outcome = make(&call(&url, timeout), &Connectors::default()).await;
        tokio::task::spawn_blocking(move || served.join().unwrap()).await.unwrap();
        outcome
    }

    #[tokio::test]
    async fn an_answer_is_handed_over_as_it_is() {
        let (url, served) =
            answering(b"HTTP/1.1 302 Found\r\nLocation: http://x.test/\r\nContent-Length: 2\r\n\r\n{}".to_vec(), false);
        let outcome = make(&call(&url, PATIENCE), &Connectors::default()).await;
        let seen = tokio::task::spawn_blocking(move || served.join().unwrap()).await.unwrap();
        assert_eq!(
            seen.replace(&url[7..url.len() - 11], "host"),
            "POST /v1/connect HTTP/1.1\nhost: host\ncontent-length: 4\n\nsaid"
        );
        let CallOutcome::Answered { status, headers, body } = outcome else { panic!("{outcome:?}") };
        assert_eq!((status, headers["location"].to_str().unwrap(), &*body), (StatusCode::FOUND, "http://x.test/", &b"{}"[..]));
    }

    #[tokio::test]
    async fn each_way_not_to_answer_has_its_outcome() {
        let failed = |failure| CallOutcome::Failed(failure);
        assert_eq!(outcome(b"", true, PATIENCE).await, failed(CallFailure::Broken));
        assert_eq!(outcome(b"SSH-2.0-OpenSSH_9.6\r\n", true, PATIENCE).await, failed(CallFailure::Broken));
        assert_eq!(
            outcome(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", true, PATIENCE).await,
            failed(CallFailure::Broken)
        );
        let large = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &b"x".repeat(ANSWER_LIMIT + 1)[..]].concat();
        assert_eq!(outcome(&large, true, PATIENCE).await, failed(CallFailure::TooLarge));
        for silent in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"] {
            assert_eq!(outcome(silent, false, Duration::from_millis(50)).await, failed(CallFailure::Timeout));
        }
        let largest = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &b"x".repeat(ANSWER_LIMIT)[..]].concat();
        assert!(matches!(outcome(&largest, true, PATIENCE).await, CallOutcome::Answered { .. }));
    }

    /// Calls a server that shows a certificate of the authority.
    async fn secure_outcome(authority: &Authority, connectors: &Connectors) -> CallOutcome {
        secure_outcome_of(certificate::issued(authority, &[]).unwrap(), connectors).await
    }

    async fn secure_outcome_of(tls: std::sync::Arc<rustls::ServerConfig>, connectors: &Connectors) -> CallOutcome {
        let tls = tokio_rustls::TlsAcceptor::from(tls);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever does not believe the certificate says so and goes.
            let Ok(mut stream) = tls.accept(stream).await else { return };
            let mut seen = vec![0; 1024];
            let _ = stream.read(&mut seen).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            let _ = stream.read(&mut seen).await;
        });
        let outcome = make(&call(&url, PATIENCE), connectors).await;
        served.await.unwrap();
        outcome
    }

    #[tokio::test]
    async fn tls_is_spoken_with_whom_an_authority_vouches_for() {
        let authority = Authority::in_memory().unwrap();
        let file = std::env::temp_dir().join(format!("wfi-emulator-authority-{}.pem", std::process::id()));
        std::fs::write(&file, authority.certificate()).unwrap();
        let believing = Connectors { authorities: authorities(&file).unwrap().into(), ..Connectors::default() };
        std::fs::write(&file, "no certificate").unwrap();
        assert!(authorities(&file).unwrap_err().ends_with(": found no certificate in PEM form"));
        std::fs::remove_file(&file).unwrap();
        assert!(authorities(&file).is_err());
        assert!(matches!(secure_outcome(&authority, &believing).await, CallOutcome::Answered { status: StatusCode::OK, .. }));
        let other = Authority::in_memory().unwrap();
        assert_eq!(secure_outcome(&other, &believing).await, CallOutcome::Failed(CallFailure::Authority));
        assert_eq!(secure_outcome(&authority, &Connectors::default()).await, CallOutcome::Failed(CallFailure::Authority));
        // Where plain HTTP is spoken there is no TLS.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            let _ = stream.read(&mut [0; 1024]);
        });
        assert_eq!(make(&call(&url, PATIENCE), &believing).await, CallOutcome::Failed(CallFailure::Tls));
        tokio::task::spawn_blocking(move || served.join().unwrap()).await.unwrap();
    }

    /// Makes a certificate that vouches for itself, and calls a server that shows it as somebody who believes it.
    async fn outcome_of_itself(change: impl FnOnce(&mut rcgen::CertificateParams)) -> CallOutcome {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let authorities = vec![certificate.der().clone()].into();
        let folder = std::env::temp_dir();
        let file = |what: &str| folder.join(format!("wfi-emulator-itself-{what}-{}.pem", std::process::id()));
        std::fs::write(file("certificate"), certificate.pem()).unwrap();
        std::fs::write(file("key"), key.serialize_pem()).unwrap();
        let tls = certificate::own(&file("certificate"), &file("key")).unwrap();
        secure_outcome_of(tls, &Connectors { authorities, ..Connectors::default() }).await
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_certificate_is_told() {
        let fine = outcome_of_itself(|_| {}).await;
        assert!(matches!(fine, CallOutcome::Answered { .. }), "{fine:?}");
        let shown = outcome_of_itself(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)).await;
        assert_eq!(shown, CallOutcome::Failed(CallFailure::AuthorityShown));
        let expired = outcome_of_itself(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)).await;
        assert_eq!(expired, CallOutcome::Failed(CallFailure::Expired));
        let named = |params: &mut rcgen::CertificateParams| {
            params.subject_alt_names = vec![rcgen::SanType::DnsName("other.test".try_into().unwrap())];
        };
        assert_eq!(outcome_of_itself(named).await, CallOutcome::Failed(CallFailure::Name));
    }

    #[tokio::test]
    async fn whoever_does_not_listen_refuses() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert_eq!(make(&call(&url, PATIENCE), &Connectors::default()).await, CallOutcome::Failed(CallFailure::Refused));
    }

    #[tokio::test]
    async fn no_call_leaves_unless_it_may() {
        // Addresses for documentation (RFC 5737, RFC 3849), of cloud metadata, and one in the clothes of another version.
        for host in
            ["192.0.2.1", "[2001:db8::1]", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "[::ffff:192.0.2.1]", "0.0.0.0"]
        {
            let outcome = make(&call(&format!("http://{host}/"), PATIENCE), &Connectors::default()).await;
            assert_eq!(outcome, CallOutcome::Failed(CallFailure::RemoteAddress), "{host}");
        }
        let near = ["127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::1", "fd00::1", "::ffff:127.0.0.1"];
        assert!(near.iter().all(|address| is_near(address.parse().unwrap())));
        let may = Connectors { may_be_remote: true, ..Connectors::default() };
        let outcome = make(&call("http://192.0.2.1/", Duration::from_millis(50)), &may).await;
        assert!(
            matches!(outcome, CallOutcome::Failed(CallFailure::Timeout | CallFailure::Unreachable | CallFailure::Refused)),
            "{outcome:?}"
        );
    }
}
