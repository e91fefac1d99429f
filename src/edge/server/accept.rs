//! Start of a connection: protocol detection from its first bytes, and the TLS handshake.

use std::io;
use std::time::Duration;

use rustls::AlertDescription;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Timeout of a TLS handshake, from its first byte on.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// First byte of a TLS handshake (RFC 8446, 5.1), which cannot begin an HTTP message.
const HANDSHAKE: u8 = 0x16;

/// Connection preface of HTTP/2 (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Number of polls for the rest of a partial preface, with doubling pauses: one second in all.
const POLLS: u32 = 10;

/// Version of HTTP that a connection is served with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpVersion {
    Http1,
    Http2,
}

/// A connection whose protocol is known.
pub(crate) enum Accepted {
    Plain(TcpStream, HttpVersion),
    Tls(Box<TlsStream<TcpStream>>, HttpVersion),
}

/// Waits for the first bytes of a connection, and completes a TLS handshake; `None` if the handshake fails.
pub(crate) async fn accept(stream: TcpStream, tls: Option<&TlsAcceptor>) -> Option<Accepted> {
    let version = match (sniff_protocol(&stream).await, tls) {
        (Protocol::Http(version), _) => version,
        (Protocol::Tls, None) => {
            tracing::info!("TLS handshake from client, but TLS is off (enable it with --tls)");
            HttpVersion::Http1
        }
        (Protocol::Tls, Some(tls)) => return handshake(stream, tls).await,
    };
    Some(Accepted::Plain(stream, version))
}

/// Completes a TLS handshake. A client that does not negotiate a version of HTTP gets HTTP/1.1.
async fn handshake(stream: TcpStream, tls: &TlsAcceptor) -> Option<Accepted> {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let version = negotiated(&stream);
            return Some(Accepted::Tls(Box::new(stream), version));
        }
        Ok(Err(error)) => log_handshake_error(&error),
        Err(_) => tracing::debug!("TLS handshake not finished after {} s", HANDSHAKE_TIMEOUT.as_secs()),
    }
    None
}

/// Returns the version of HTTP that a client has negotiated.
pub(super) fn negotiated(stream: &TlsStream<TcpStream>) -> HttpVersion {
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") { HttpVersion::Http2 } else { HttpVersion::Http1 }
}

/// Logs a failed handshake. A missing trust or protocol is for the user to fix; connections that just end are port scans.
pub(super) fn log_handshake_error(error: &io::Error) {
    use AlertDescription::{BadCertificate, CertificateUnknown, UnknownCA};
    match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert @ (BadCertificate | CertificateUnknown | UnknownCA))) => {
            log_distrust(&format!("{alert:?}"));
        }
        Some(error) => tracing::info!("TLS handshake failed: {error}"),
        None => tracing::debug!("TLS handshake failed: {error}"),
    }
}

/// Logs that a client does not trust the certificate, with the sign of it.
pub(super) fn log_distrust(sign: &str) {
    tracing::info!("certificate not trusted by client ({sign}); run `wfi-emulator ca` for instructions");
}

enum Protocol {
    Http(HttpVersion),
    Tls,
}

/// Detects the protocol from the first bytes. They are peeked at, not read: a stream that replays bytes would cost time on every
/// read.
async fn sniff_protocol(stream: &TcpStream) -> Protocol {
    let mut seen = [0; PREFACE.len()];
    for poll in 0..POLLS {
        match stream.peek(&mut seen).await {
            Ok(length) if length > 0 && seen[0] == HANDSHAKE => return Protocol::Tls,
            Ok(length) if length == PREFACE.len() && seen == *PREFACE => return Protocol::Http(HttpVersion::Http2),
            Ok(length) if length > 0 && length < PREFACE.len() && PREFACE.starts_with(&seen[..length]) => {
                tokio::time::sleep(Duration::from_millis(1 << poll)).await;
            }
            // The next read meets an end or an error again.
            _ => return Protocol::Http(HttpVersion::Http1),
        }
    }
    Protocol::Http(HttpVersion::Http1)
}
