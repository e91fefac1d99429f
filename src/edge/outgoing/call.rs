//! One call to a connector.

use std::io;

use http::Request;
use http::header::{self, HeaderValue};
use http::uri::Scheme;
use http_body_util::Full;
use rustls::CertificateError;
use tokio::task::JoinSet;

use crate::edge::http_client::{
    AddressKind, AddressPolicy, BodyError, ConnectError, Connection, Destination, TlsPolicy, connect, host_without_brackets,
    read_body,
};
use crate::edge::outgoing::queue::CallQueue;
use crate::world::outbound::{ANSWER_LIMIT, CallFailure, CallOutcome, OutboundCall};
use crate::world::settings::Connectors;

/// Makes a call. Waiting for others, resolving the host, connecting and reading the whole answer share the call's timeout.
pub(crate) async fn make_call(call: &OutboundCall, connectors: &Connectors) -> CallOutcome {
    make_call_among(CallQueue::of_process(), call, connectors).await
}

/// Makes a call of the user of this program, who may use the control API.
pub(crate) async fn make_own_call(call: &OutboundCall) -> CallOutcome {
    let connectors = Connectors { may_be_remote: true, ..Connectors::default() };
    let outcome = tokio::time::timeout(call.timeout, exchange(call, &connectors, None)).await;
    outcome.unwrap_or(Err(CallFailure::Timeout)).unwrap_or_else(CallOutcome::Failed)
}

/// Sends a notification, like a call.
pub(super) async fn notify(call: &OutboundCall, connectors: &Connectors) -> CallOutcome {
    make_call_among(CallQueue::of_notifications(), call, connectors).await
}

async fn make_call_among(queue: &CallQueue, call: &OutboundCall, connectors: &Connectors) -> CallOutcome {
    let exchange = async {
        let _place = queue.enter(call).await?;
        exchange(call, connectors, Some(VIA)).await
    };
    let outcome = tokio::time::timeout(call.timeout, exchange).await;
    outcome.unwrap_or(Err(CallFailure::Timeout)).unwrap_or_else(CallOutcome::Failed)
}

async fn exchange(call: &OutboundCall, connectors: &Connectors, via: Option<HeaderValue>) -> Result<CallOutcome, CallFailure> {
    let tls = match call.url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => TlsPolicy::Off,
        Some(scheme) if *scheme == Scheme::HTTPS => TlsPolicy::Roots(connectors.authorities.clone()),
        _ => return Err(CallFailure::InvalidUrl),
    };
    let destination = Destination {
        host: host_without_brackets(call.url.host().ok_or(CallFailure::InvalidUrl)?),
        port: call.url.port_u16(),
        addresses: if connectors.may_be_remote { AddressPolicy::LocalOrPublic } else { AddressPolicy::Local },
        tls,
    };
    let Connection { mut sender, driver } = connect(destination).await.map_err(|error| connect_failure(&error))?;
    // The connection ends with the set, however this function ends.
    let mut connections = JoinSet::new();
    drop(connections.spawn(driver));
    let (head, body) = sender.send_request(request(call, via)?).await.map_err(|_| CallFailure::Broken)?.into_parts();
    let body = read_body(body, ANSWER_LIMIT, call.timeout).await.map_err(|error| match error {
        BodyError::Interrupted(_) => CallFailure::Broken,
        BodyError::TooLarge => CallFailure::TooLarge,
        BodyError::Stalled => CallFailure::Timeout,
    })?;
    Ok(CallOutcome::Answered { status: head.status, headers: head.headers, body })
}

/// Says in each call that it is made for another client. A client that chooses the address, such as that of a subscription, has no more rights by
/// that: the control API of this emulator, or of another one, refuses requests with it.
const VIA: HeaderValue = HeaderValue::from_static("1.1 wfi-emulator");

fn request(call: &OutboundCall, via: Option<HeaderValue>) -> Result<Request<Full<bytes::Bytes>>, CallFailure> {
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = call.method.clone();
    *request.headers_mut() = call.headers.clone();
    let authority = call.url.authority().map_or("", |authority| authority.as_str());
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority).map_err(|_| CallFailure::InvalidUrl)?);
    request.headers_mut().extend(via.map(|via| (header::VIA, via)));
    let path = call.url.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| CallFailure::InvalidUrl)?;
    Ok(request)
}

fn connect_failure(error: &ConnectError) -> CallFailure {
    match error {
        ConnectError::Resolve(_) => CallFailure::UnknownHost,
        ConnectError::Address(AddressKind::Reserved) => CallFailure::ReservedAddress,
        ConnectError::Address(_) => CallFailure::RemoteAddress,
        ConnectError::Connect(error) if error.kind() == io::ErrorKind::ConnectionRefused => CallFailure::Refused,
        ConnectError::Connect(_) => CallFailure::Unreachable,
        ConnectError::ServerName(_) => CallFailure::InvalidUrl,
        ConnectError::TlsConfig(_) => CallFailure::Tls,
        ConnectError::Handshake(error) => handshake_failure(error),
        ConnectError::Http(_) => CallFailure::Broken,
    }
}

/// Returns the reason of a failed handshake, as far as the connector's author can act on it.
fn handshake_failure(error: &io::Error) -> CallFailure {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(error)) = error else { return CallFailure::Tls };
    match error {
        CertificateError::UnknownIssuer => CallFailure::Authority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => CallFailure::Name,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => CallFailure::Expired,
        // rustls has no variant of its own for it.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => CallFailure::CaCertificate,
        _ => CallFailure::Tls,
    }
}

#[cfg(feature = "tls")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, Method, StatusCode};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use crate::edge::certificate::{self, Authority};
    use crate::edge::http_client::read_roots;

    /// Timeout of a test.
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
            // The caller may hang up before the whole answer is sent.
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
        let outcome = make_call(&call(&url, timeout), &Connectors::default()).await;
        tokio::task::spawn_blocking(move || served.join().unwrap()).await.unwrap();
        outcome
    }

    #[tokio::test]
    async fn an_answer_is_returned_unchanged() {
        let (url, served) =
            answering(b"HTTP/1.1 302 Found\r\nLocation: http://x.test/\r\nContent-Length: 2\r\n\r\n{}".to_vec(), false);
        let outcome = make_call(&call(&url, PATIENCE), &Connectors::default()).await;
        let seen = tokio::task::spawn_blocking(move || served.join().unwrap()).await.unwrap();
        assert_eq!(
            seen.replace(&url[7..url.len() - 11], "host"),
            "POST /v1/connect HTTP/1.1\nhost: host\nvia: 1.1 wfi-emulator\ncontent-length: 4\n\nsaid"
        );
        let CallOutcome::Answered { status, headers, body } = outcome else { panic!("{outcome:?}") };
        assert_eq!((status, headers["location"].to_str().unwrap(), &*body), (StatusCode::FOUND, "http://x.test/", &b"{}"[..]));
    }

    #[tokio::test]
    async fn calls_that_never_end_let_others_wait_in_vain() {
        // A quarter of the places is the share of the connector.
        let queue = Arc::new(CallQueue::new(12, usize::MAX));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let made = |timeout| {
            let (queue, call) = (queue.clone(), call(&url, timeout));
            tokio::spawn(async move { make_call_among(&queue, &call, &Connectors::default()).await })
        };
        let silent: Vec<_> = (0..3).map(|_| made(PATIENCE)).collect();
        let (streams, listener) = tokio::task::spawn_blocking(move || {
            let streams: Vec<_> = (0..3).map(|_| listener.accept().unwrap()).collect();
            (streams, listener)
        })
        .await
        .unwrap();
        for waiting in (0..20).map(|_| made(Duration::from_millis(100))).collect::<Vec<_>>() {
            assert_eq!(waiting.await.unwrap(), CallOutcome::Failed(CallFailure::Timeout));
        }
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "those that wait do not connect");
        drop(streams);
        for silent in silent {
            assert_eq!(silent.await.unwrap(), CallOutcome::Failed(CallFailure::Broken));
        }
        drop(listener);
        assert_eq!(made(PATIENCE).await.unwrap(), CallOutcome::Failed(CallFailure::Refused), "the next one is made");
    }

    #[tokio::test]
    async fn each_failure_has_its_outcome() {
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

    /// Calls a server with a certificate of the authority.
    async fn secure_outcome(authority: &Authority, connectors: &Connectors) -> CallOutcome {
        secure_outcome_of(certificate::issued(authority, &[]).unwrap(), connectors).await
    }

    async fn secure_outcome_of(tls: std::sync::Arc<rustls::ServerConfig>, connectors: &Connectors) -> CallOutcome {
        let tls = tokio_rustls::TlsAcceptor::from(tls);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that rejects the certificate ends the handshake.
            let Ok(mut stream) = tls.accept(stream).await else { return };
            let mut seen = vec![0; 1024];
            let _ = stream.read(&mut seen).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            let _ = stream.read(&mut seen).await;
        });
        let outcome = make_call(&call(&url, PATIENCE), connectors).await;
        served.await.unwrap();
        outcome
    }

    #[tokio::test]
    async fn certificates_are_checked_against_the_given_roots() {
        let authority = Authority::in_memory().unwrap();
        let file = std::env::temp_dir().join(format!("wfi-emulator-authority-{}.pem", std::process::id()));
        std::fs::write(&file, authority.certificate()).unwrap();
        let trusting = Connectors { authorities: read_roots(&file).unwrap().into(), ..Connectors::default() };
        std::fs::write(&file, "no certificate").unwrap();
        assert!(read_roots(&file).unwrap_err().ends_with(": found no certificate in PEM form"));
        std::fs::remove_file(&file).unwrap();
        assert!(read_roots(&file).is_err());
        assert!(matches!(secure_outcome(&authority, &trusting).await, CallOutcome::Answered { status: StatusCode::OK, .. }));
        let other = Authority::in_memory().unwrap();
        assert_eq!(secure_outcome(&other, &trusting).await, CallOutcome::Failed(CallFailure::Authority));
        assert_eq!(secure_outcome(&authority, &Connectors::default()).await, CallOutcome::Failed(CallFailure::Authority));
        // A server of plain HTTP does not answer a TLS handshake.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            let _ = stream.read(&mut [0; 1024]);
        });
        assert_eq!(make_call(&call(&url, PATIENCE), &trusting).await, CallOutcome::Failed(CallFailure::Tls));
        tokio::task::spawn_blocking(move || served.join().unwrap()).await.unwrap();
    }

    /// Calls a server with a self-signed certificate that is trusted.
    async fn self_signed_outcome(change: impl FnOnce(&mut rcgen::CertificateParams)) -> CallOutcome {
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
    async fn the_fault_of_a_certificate_has_its_outcome() {
        let fine = self_signed_outcome(|_| {}).await;
        assert!(matches!(fine, CallOutcome::Answered { .. }), "{fine:?}");
        let shown = self_signed_outcome(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)).await;
        assert_eq!(shown, CallOutcome::Failed(CallFailure::CaCertificate));
        let expired = self_signed_outcome(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)).await;
        assert_eq!(expired, CallOutcome::Failed(CallFailure::Expired));
        let named = |params: &mut rcgen::CertificateParams| {
            params.subject_alt_names = vec![rcgen::SanType::DnsName("other.test".try_into().unwrap())];
        };
        assert_eq!(self_signed_outcome(named).await, CallOutcome::Failed(CallFailure::Name));
    }

    #[tokio::test]
    async fn a_closed_port_refuses() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert_eq!(make_call(&call(&url, PATIENCE), &Connectors::default()).await, CallOutcome::Failed(CallFailure::Refused));
    }

    #[tokio::test]
    async fn no_call_leaves_the_private_network_unless_allowed() {
        // Addresses for documentation (RFC 5737, RFC 3849), and one mapped to IPv6.
        for host in ["192.0.2.1", "[2001:db8::1]", "[::ffff:192.0.2.1]"] {
            let outcome = make_call(&call(&format!("http://{host}/"), PATIENCE), &Connectors::default()).await;
            assert_eq!(outcome, CallOutcome::Failed(CallFailure::RemoteAddress), "{host}");
        }
        let may = Connectors { may_be_remote: true, ..Connectors::default() };
        let outcome = make_call(&call("http://192.0.2.1/", Duration::from_millis(50)), &may).await;
        assert!(
            matches!(outcome, CallOutcome::Failed(CallFailure::Timeout | CallFailure::Unreachable | CallFailure::Refused)),
            "{outcome:?}"
        );
    }

    #[tokio::test]
    async fn no_call_goes_to_reserved_addresses() {
        for host in [
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[64:ff9b::a9fe:a9fe]",
            "0.0.0.0",
        ] {
            for may_be_remote in [false, true] {
                let connectors = Connectors { may_be_remote, ..Connectors::default() };
                let outcome = make_call(&call(&format!("http://{host}/"), PATIENCE), &connectors).await;
                assert_eq!(outcome, CallOutcome::Failed(CallFailure::ReservedAddress), "{host}");
            }
        }
    }
}
