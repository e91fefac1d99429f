//! Calls to connectors and their outcomes.

use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri};

/// Maximum length of an answer in bytes. Typical answers have a few hundred bytes per element.
pub(crate) const ANSWER_LIMIT: usize = 1024 * 1024;

/// Call that the caller of the pipeline must make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundCall {
    /// HTTP method.
    pub method: Method,
    /// Absolute URL.
    pub url: Uri,
    /// Headers except those derived from the URL and the body.
    pub headers: HeaderMap,
    /// Encrypted body.
    pub body: Bytes,
    /// Time limit for the complete answer.
    pub timeout: Duration,
}

impl OutboundCall {
    /// Returns the bytes that the message takes until its outcome is in the journal: it is held as it is sent, and before encryption.
    pub(crate) fn message_bytes(&self) -> usize {
        2 * self.body.len()
    }
}

/// Outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The connector answered.
    Answered {
        /// HTTP status.
        status: StatusCode,
        /// Response headers.
        headers: HeaderMap,
        /// Response body.
        body: Bytes,
    },
    /// The call could not be made, or has no complete answer.
    Failed(CallFailure),
}

/// Call and its outcome, for the journal. It may be a call that could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// URL of the call, or as much of it as the integration has.
    pub url: String,
    /// Request headers.
    pub headers: HeaderMap,
    /// Message before encryption.
    pub plaintext: Bytes,
    /// Encrypted message.
    pub body: Bytes,
    /// Outcome of the call.
    pub outcome: CallOutcome,
    /// Verdict of Shifts, as readable text.
    pub verdict: String,
    /// Whether the receiver is that of a subscription, and no connector of Shifts.
    pub is_notification: bool,
}

macro_rules! failures {
    ($( $(#[$doc:meta])+ $Variant:ident $name:literal $text:literal; )+) => {
        /// Reason why a call was not made or has no complete answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CallFailure {
            $( $(#[$doc])+ $Variant, )+
        }

        impl CallFailure {
            /// All failures, in the order of declaration.
            pub const ALL: &[CallFailure] = &[$( CallFailure::$Variant, )+];

            /// Returns the name in logs and reports.
            pub fn name(self) -> &'static str {
                match self { $( CallFailure::$Variant => $name, )+ }
            }

            /// Returns the message.
            pub fn reason(self) -> &'static str {
                match self { $( CallFailure::$Variant => $text, )+ }
            }
        }
    };
}

failures! {
    /// The integration has no `url`.
    NoUrl "no-url" "missing url in the integration";
    /// The integration's `url` cannot be called.
    InvalidUrl "invalid-url" "invalid url in the integration: expected http:// or https://, a host, optionally a port, and neither a user name nor a query";
    /// The integration has no `apiVersion`.
    NoApiVersion "no-api-version" "missing apiVersion in the integration: it is part of the URL of a call";
    /// The integration has no secret, or one of the wrong length.
    Secret "secret" "invalid secret in the integration: encryption needs exactly 64 ASCII characters";
    /// Name resolution found no address.
    UnknownHost "unknown-host" "unknown host: name resolution found no address";
    /// The host is neither this machine nor in a private network.
    RemoteAddress "remote-address" "public address blocked: the host is neither this machine nor in a private network; --allow-remote-connectors allows the call";
    /// The host's addresses are link-local, or reserved otherwise.
    ReservedAddress "reserved-address" "reserved address blocked: the host is link-local, unspecified, multicast, or a metadata service of a cloud";
    /// No server listens on the port.
    Refused "refused" "connection refused";
    /// No connection to the host is possible.
    Unreachable "unreachable" "host unreachable";
    /// The TLS handshake failed.
    Tls "tls" "TLS handshake failed: the server does not support TLS 1.2 or 1.3, or its certificate is unusable";
    /// The issuer of the certificate is not trusted.
    Authority "certificate-authority" "untrusted certificate authority: --connector-ca adds a trusted one";
    /// The certificate is for another host name.
    Name "certificate-name" "certificate name mismatch: the certificate does not name the host";
    /// The certificate has expired or is not valid yet.
    Expired "certificate-time" "certificate expired or not yet valid";
    /// The server presents the certificate of an authority.
    CaCertificate "certificate-of-authority" "CA certificate presented by the server: use a certificate with CA:FALSE (openssl req -x509 sets CA:TRUE by default)";
    /// The answer is not complete within the time limit.
    Timeout "timeout" "no answer in time";
    /// The connection ended early, or the answer is not HTTP.
    Broken "broken" "incomplete or malformed answer: the connection ended early, or the data is not HTTP";
    /// The answer is longer than 1 MiB.
    TooLarge "too-large" "answer larger than 1 MiB";
    /// The messages of all calls take too much memory.
    Busy "busy" "too many outgoing calls: the messages of those that wait take all memory for them";
    /// The caller of the pipeline makes no calls.
    NoClient "no-client" "outgoing calls are not available in this mode";
}

/// Whether an authority has a host, a valid port or none, and no user information. A user name and password would appear in logs, and
/// the service is not documented to send them. An invalid port must be rejected here: the HTTP library would replace it with the default port and call
/// another server.
pub(crate) fn is_callable(authority: &Authority) -> bool {
    let Some(port) = authority.as_str().strip_prefix(authority.host()) else { return false };
    let is_port =
        |digits: &str| digits.is_empty() || (digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok());
    !authority.host().is_empty() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_failures_are_unique() {
        for (index, failure) in CallFailure::ALL.iter().enumerate() {
            assert!(CallFailure::ALL[..index].iter().all(|other| other.name() != failure.name()), "{}", failure.name());
        }
    }
}
