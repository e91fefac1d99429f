//! Message to a connector, and the verdict on its answer.

use std::sync::Arc;

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

/// Header with which a client of Graph marks its writes. Update calls forward it.
pub const PASSTHROUGH: http::HeaderName = http::HeaderName::from_static("x-ms-wfmpassthrough");

/// Characters to encode in a path segment: all but the unreserved ones of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Message to a connector: the plaintext of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutboundMessage {
    pub purpose: CallPurpose,
    /// Path below `{url}/v{apiVersion}/`.
    pub path: String,
    pub plaintext: Bytes,
    /// Ids of the elements, in order.
    pub ids: Vec<String>,
    /// Value of the header `X-MS-WFMPassthrough` in the request to Graph.
    pub passthrough: Option<HeaderValue>,
}

impl OutboundMessage {
    /// Builds the handshake: the ids of the Entra tenant and of the integration's user.
    pub(crate) fn connect(tenant_id: &str, user_id: &str) -> OutboundMessage {
        let plaintext = format!("{{\"tenantId\":{},\"userId\":{}}}", quoted(tenant_id), quoted(user_id));
        let (path, plaintext) = ("connect".to_owned(), plaintext.into());
        OutboundMessage { purpose: CallPurpose::Connect, path, plaintext, ids: Vec::new(), passthrough: None }
    }

    /// Builds a request to approve changes in a team's schedule.
    pub(crate) fn update(team_id: &str, requests: &Requests, passthrough: Option<HeaderValue>) -> OutboundMessage {
        OutboundMessage { passthrough, ..OutboundMessage::in_team(CallPurpose::Update, team_id, "update", requests) }
    }

    /// Builds a query for eligible entities in a team's schedule.
    pub(crate) fn read(team_id: &str, requests: &Requests) -> OutboundMessage {
        OutboundMessage::in_team(CallPurpose::Read, team_id, "read", requests)
    }

    /// Replaces the plaintext with a user-supplied text of the same elements.
    #[must_use]
    pub(crate) fn with_plaintext(self, plaintext: impl Into<Bytes>) -> OutboundMessage {
        OutboundMessage { plaintext: plaintext.into(), ..self }
    }

    /// Builds a request to approve a change of a user's own settings.
    pub(crate) fn user_update(user_id: &str, requests: &Requests, passthrough: Option<HeaderValue>) -> OutboundMessage {
        OutboundMessage { passthrough, ..OutboundMessage::below(CallPurpose::Update, "users", user_id, "update", requests) }
    }

    /// Gives the elements other ids, each for an old one, wherever the plaintext has it.
    pub(crate) fn rename(&mut self, ids: &[(Arc<str>, Arc<str>)]) {
        let mut text = String::from_utf8_lossy(&self.plaintext).into_owned();
        for (old, new) in ids {
            text = text.replace(&**old, new);
            self.ids.iter_mut().filter(|id| **id == **old).for_each(|id| *id = new.to_string());
        }
        self.plaintext = text.into();
    }

    fn in_team(purpose: CallPurpose, team_id: &str, verb: &str, requests: &Requests) -> OutboundMessage {
        OutboundMessage::below(purpose, "teams", team_id, verb, requests)
    }

    fn below(purpose: CallPurpose, segment: &str, id: &str, verb: &str, requests: &Requests) -> OutboundMessage {
        let path = format!("{segment}/{}/{verb}", utf8_percent_encode(id, SEGMENT));
        let ids = requests.ids().map(str::to_owned).collect();
        OutboundMessage { purpose, path, plaintext: requests.write(), ids, passthrough: None }
    }

    /// Encrypts the message for a connector.
    pub(crate) fn encrypted_for(
        &self,
        endpoint: &ConnectorEndpoint,
        keys: &MessageKeys,
        content_type: ConnectorContentType,
    ) -> Result<EncryptedMessage, CallFailure> {
        let mut message = endpoint.message(&self.path, self.plaintext.clone(), keys, content_type)?;
        if let Some(value) = &self.passthrough {
            message.headers.insert(PASSTHROUGH, value.clone());
        }
        Ok(message)
    }

    /// Judges the outcome of the call.
    pub(crate) fn judge(&self, outcome: &CallOutcome) -> ConnectorVerdict {
        ConnectorVerdict::of(self.purpose, self.ids.iter().map(|id| &**id), outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn team_ids_are_percent_encoded_in_the_path() {
        assert_eq!(OutboundMessage::read("a/b c-1", &Requests::default()).path, "teams/a%2Fb%20c-1/read");
        assert_eq!(OutboundMessage::connect("t\"", "u").plaintext, r#"{"tenantId":"t\"","userId":"u"}"#);
    }
}
