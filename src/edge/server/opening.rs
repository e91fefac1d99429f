//! How a connection begins: what its first bytes speak, and the handshake of TLS where they begin one.

use std::io;
use std::time::Duration;

use rustls::AlertDescription;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a TLS handshake may take, from its first byte on.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// The first byte of a handshake of TLS (RFC 8446, 5.1), with which nothing of HTTP begins.
const HANDSHAKE: u8 = 0x16;

/// What a client sends first that knows that the server speaks HTTP/2 (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How often a client is looked at that has sent a part of the preface, each time after twice as long: for a second in all.
const LOOKS: u32 = 10;

/// A version of HTTP, as far as it decides how a connection is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HttpVersion {
    Http1,
    Http2,
}

/// A connection that has said what it speaks.
pub(super) enum Opened {
    /// Without TLS.
    Plain(TcpStream, HttpVersion),
    /// With it.
    Secure(Box<TlsStream<TcpStream>>, HttpVersion),
}

/// Waits for the first bytes of a connection, and makes the handshake if they begin one; nothing if the handshake fails.
pub(super) async fn open(stream: TcpStream, tls: Option<&TlsAcceptor>) -> Option<Opened> {
    let version = match (spoken(&stream).await, tls) {
        (Spoken::Http(version), _) => version,
        (Spoken::Tls, None) => {
            tracing::info!("a client begins with TLS, which is off (--tls turns it on)");
            HttpVersion::Http1
        }
        (Spoken::Tls, Some(tls)) => return shaken(stream, tls).await,
    };
    Some(Opened::Plain(stream, version))
}

/// Makes the handshake. In it client and server agree on a version of HTTP; a client that does not ask gets the older one.
async fn shaken(stream: TcpStream, tls: &TlsAcceptor) -> Option<Opened> {
    match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let version = if is_http2 { HttpVersion::Http2 } else { HttpVersion::Http1 };
            return Some(Opened::Secure(Box::new(stream), version));
        }
        Ok(Err(error)) => tell_of(&error),
        Err(_) => tracing::debug!("TLS handshake not finished after {} s", HANDSHAKE_LIMIT.as_secs()),
    }
    None
}

/// Logs why a handshake has failed. Who does not trust the certificate, or speaks nothing that the server does, wants to know;
/// connections that just end are those of whoever looks for open ports.
fn tell_of(error: &io::Error) {
    use AlertDescription::{BadCertificate, CertificateUnknown, UnknownCA};
    match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert @ (BadCertificate | CertificateUnknown | UnknownCA))) => {
            tracing::info!("a client does not trust the certificate ({alert:?}); `wfi-emulator ca` says what to set for it");
        }
        Some(error) => tracing::info!("TLS handshake failed: {error}"),
        None => tracing::debug!("TLS handshake failed: {error}"),
    }
}

/// What a client begins with.
enum Spoken {
    Http(HttpVersion),
    Tls,
}

/// Looks at how a client begins. What it sends is left where it is: a connection that had to give back what it has read would pay
/// for that on every read.
async fn spoken(stream: &TcpStream) -> Spoken {
    let mut seen = [0; PREFACE.len()];
    for look in 0..LOOKS {
        match stream.peek(&mut seen).await {
            Ok(length) if length > 0 && seen[0] == HANDSHAKE => return Spoken::Tls,
            Ok(length) if length == PREFACE.len() && seen == *PREFACE => return Spoken::Http(HttpVersion::Http2),
            Ok(length) if length > 0 && length < PREFACE.len() && PREFACE.starts_with(&seen[..length]) => {
                tokio::time::sleep(Duration::from_millis(1 << look)).await;
            }
            // An end or an error is met again by whoever reads.
            _ => return Spoken::Http(HttpVersion::Http1),
        }
    }
    Spoken::Http(HttpVersion::Http1)
}
