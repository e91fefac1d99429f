//! What is said to a connector in one call, and how its answer is judged.

use bytes::Bytes;
use http::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::policy::behavior::ConnectorContentType;
use crate::text::json::quoted;
use crate::workloads::shifts::endpoint::{ConnectorEndpoint, EncryptedMessage};
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::message::Requests;
use crate::workloads::shifts::verdict::{CallPurpose, ConnectorVerdict};
use crate::world::outbound::{CallFailure, CallOutcome};

/// The header in which the caller of a write to Graph marks it; update calls repeat it.
pub const PASSTHROUGH: http::HeaderName = http::HeaderName::from_static("x-ms-wfmpassthrough");

/// What stands in a segment of a path as it is (RFC 3986, unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is said to a connector in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutboundMessage {
    /// What it is about.
    pub purpose: CallPurpose,
    /// The path behind `{url}/v{apiVersion}/`.
    pub path: String,
    /// What is said, before it is encrypted.
    pub plaintext: Bytes,
    /// The ids of the elements, in their order.
    pub ids: Vec<String>,
    /// What the caller of Graph sent in the header `X-MS-WFMPassthrough`.
    pub passthrough: Option<HeaderValue>,
}

impl OutboundMessage {
    /// Introduces a tenant and the user of the integration.
    pub(crate) fn connect(tenant_id: &str, user_id: &str) -> OutboundMessage {
        let plaintext = format!("{{\"tenantId\":{},\"userId\":{}}}", quoted(tenant_id), quoted(user_id));
        let (path, plaintext) = ("connect".to_owned(), plaintext.into());
        OutboundMessage { purpose: CallPurpose::Connect, path, plaintext, ids: Vec::new(), passthrough: None }
    }

    /// Asks for approval of changes in the schedule of a team.
    pub(crate) fn update(team_id: &str, requests: &Requests, passthrough: Option<HeaderValue>) -> OutboundMessage {
        OutboundMessage { passthrough, ..OutboundMessage::in_team(CallPurpose::Update, team_id, "update", requests) }
    }

    /// Asks what is eligible in the schedule of a team.
    pub(crate) fn read(team_id: &str, requests: &Requests) -> OutboundMessage {
        OutboundMessage::in_team(CallPurpose::Read, team_id, "read", requests)
    }

    /// Returns the same with another plaintext, of the same elements: as somebody has written it.
    #[must_use]
    pub(crate) fn with_plaintext(self, plaintext: impl Into<Bytes>) -> OutboundMessage {
        OutboundMessage { plaintext: plaintext.into(), ..self }
    }

    fn in_team(purpose: CallPurpose, team_id: &str, verb: &str, requests: &Requests) -> OutboundMessage {
        let path = format!("teams/{}/{verb}", utf8_percent_encode(team_id, SEGMENT));
        let ids = requests.ids().map(str::to_owned).collect();
        OutboundMessage { purpose, path, plaintext: requests.write(), ids, passthrough: None }
    }

    /// Encrypts it for a connector.
    pub(crate) fn encrypted_for(
        &self,
        endpoint: &ConnectorEndpoint,
        keys: &MessageKeys,
        form: ConnectorContentType,
    ) -> Result<EncryptedMessage, CallFailure> {
        let mut message = endpoint.message(&self.path, self.plaintext.clone(), keys, form)?;
        if let Some(value) = &self.passthrough {
            message.headers.insert(PASSTHROUGH, value.clone());
        }
        Ok(message)
    }

    /// Judges what came of it.
    pub(crate) fn judge(&self, outcome: &CallOutcome) -> ConnectorVerdict {
        ConnectorVerdict::of(self.purpose, self.ids.iter().map(|id| &**id), outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_stands_in_the_path_whatever_it_is_called() {
        assert_eq!(OutboundMessage::read("a/b c-1", &Requests::default()).path, "teams/a%2Fb%20c-1/read");
        assert_eq!(OutboundMessage::connect("t\"", "u").plaintext, r#"{"tenantId":"t\"","userId":"u"}"#);
    }
}
