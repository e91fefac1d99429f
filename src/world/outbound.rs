//! A call to a connector, and what came of it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

/// How long an answer may be. Answers hold a few hundred bytes for each element of a request.
pub(crate) const ANSWER_LIMIT: usize = 1024 * 1024;

/// A call that must be made outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundCall {
    /// The method.
    pub method: Method,
    /// The address, with scheme and host.
    pub url: Uri,
    /// The headers, without those that follow from the rest.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// There was an answer.
    Answered {
        /// Its status.
        status: StatusCode,
        /// Its headers.
        headers: HeaderMap,
        /// Its body.
        body: Bytes,
    },
    /// There was none.
    Failed(CallFailure),
}

/// A call that was made, or that could not be, with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// Where it went, as far as that is known.
    pub url: String,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// What was said, before it was encrypted.
    pub plaintext: Bytes,
    /// The encrypted body.
    pub body: Bytes,
    /// What came of it.
    pub outcome: CallOutcome,
    /// What Shifts makes of it, for people.
    pub verdict: String,
}

macro_rules! failures {
    ($( $(#[$doc:meta])+ $Variant:ident $name:literal $text:literal; )+) => {
        /// Why a call was not made, or not answered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CallFailure {
            $( $(#[$doc])+ $Variant, )+
        }

        impl CallFailure {
            /// All failures.
            pub const ALL: &[CallFailure] = &[$( CallFailure::$Variant, )+];

            /// Returns the name that logs and reports use.
            pub fn name(self) -> &'static str {
                match self { $( CallFailure::$Variant => $name, )+ }
            }

            /// Returns the reason, for people.
            pub fn reason(self) -> &'static str {
                match self { $( CallFailure::$Variant => $text, )+ }
            }
        }
    };
}

failures! {
    /// The integration has no `url`.
    NoUrl "no-url" "the integration has no url";
    /// Its `url` is none that can be called.
    InvalidUrl "invalid-url" "the url is no address that can be called: http:// or https://, a host, a port that there is, and neither a user's name nor a query";
    /// It has no `apiVersion`.
    NoApiVersion "no-api-version" "the integration has no apiVersion, which is a part of the address";
    /// It has no secret, or one of another length.
    Secret "secret" "the integration's secret is not exactly 64 characters, so nothing can be encrypted with it";
    /// Its host has no address.
    UnknownHost "unknown-host" "the host has no address";
    /// Its host is not on this machine or in a private network.
    RemoteAddress "remote-address" "the host is neither this machine nor in a private network; --allow-remote-connectors lets calls leave";
    /// Nobody listens.
    Refused "refused" "the connection was refused";
    /// The host cannot be reached.
    Unreachable "unreachable" "the host cannot be reached";
    /// TLS failed.
    Tls "tls" "TLS failed: there is none, or none of version 1.2 or 1.3, or the certificate cannot be used";
    /// The certificate is of an authority that is not believed.
    Authority "certificate-authority" "the certificate is of an authority that is not believed (--connector-ca)";
    /// The certificate is for another name.
    Name "certificate-name" "the certificate is for another name than that of the host";
    /// The certificate is not valid now.
    Expired "certificate-time" "the certificate is not valid any more, or not yet";
    /// The certificate is that of an authority, which no server may show.
    AuthorityShown "certificate-of-authority" "the certificate is that of an authority (CA:TRUE, as openssl req -x509 makes it), which no server may show: make one with CA:FALSE";
    /// There was no answer in time.
    Timeout "timeout" "there was no answer in time";
    /// The connection ended, or what came was no HTTP.
    Broken "broken" "the connection ended before the answer was complete, or the answer is no HTTP";
    /// The answer is too long.
    TooLarge "too-large" "the answer is longer than 1 MiB";
    /// Whoever drives the pipeline makes no calls.
    NoClient "no-client" "whoever answers requests here makes no calls";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_names_of_their_own() {
        for (index, failure) in CallFailure::ALL.iter().enumerate() {
            assert!(CallFailure::ALL[..index].iter().all(|other| other.name() != failure.name()), "{}", failure.name());
        }
    }
}
