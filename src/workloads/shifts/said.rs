//! What is said to a connector in one call, and how its answer is judged.

use bytes::Bytes;
use http::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::PASSTHROUGH;
use super::endpoint::{Endpoint, Message};
use super::envelope::MessageKeys;
use super::message::Requests;
use super::verdict::{Purpose, Verdict};
use crate::graph::outbound::Failure;
use crate::graph::outbound::Outcome;
use crate::policy::behavior::ConnectorContentType;
use crate::text::json::quoted;

/// What stands in a segment of a path as it is (RFC 3986, unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is said to a connector in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What it is about.
    pub purpose: Purpose,
    /// The path behind `{url}/v{apiVersion}/`.
    pub path: String,
    /// What is said, before it is encrypted.
    pub plaintext: Bytes,
    /// The ids of the elements, in their order.
    pub ids: Vec<String>,
    /// What the caller of Graph sent in the header `X-MS-WFMPassthrough`.
    pub passthrough: Option<HeaderValue>,
}

impl Said {
    /// Introduces a tenant and the user of the integration.
    pub fn connect(tenant_id: &str, user_id: &str) -> Said {
        let plaintext = format!("{{\"tenantId\":{},\"userId\":{}}}", quoted(tenant_id), quoted(user_id));
        let (path, plaintext) = ("connect".to_owned(), plaintext.into());
        Said { purpose: Purpose::Connect, path, plaintext, ids: Vec::new(), passthrough: None }
    }

    /// Asks for approval of changes in the schedule of a team.
    pub fn update(team_id: &str, requests: &Requests, passthrough: Option<HeaderValue>) -> Said {
        Said { passthrough, ..Said::in_team(Purpose::Update, team_id, "update", requests) }
    }

    /// Asks what is eligible in the schedule of a team.
    pub fn read(team_id: &str, requests: &Requests) -> Said {
        Said::in_team(Purpose::Read, team_id, "read", requests)
    }

    /// Returns the same with another plaintext, of the same elements: as somebody has written it.
    #[must_use]
    pub fn in_words(self, plaintext: impl Into<Bytes>) -> Said {
        Said { plaintext: plaintext.into(), ..self }
    }

    fn in_team(purpose: Purpose, team_id: &str, verb: &str, requests: &Requests) -> Said {
        let path = format!("teams/{}/{verb}", utf8_percent_encode(team_id, SEGMENT));
        let ids = requests.ids().map(str::to_owned).collect();
        Said { purpose, path, plaintext: requests.write(), ids, passthrough: None }
    }

    /// Encrypts it for a connector.
    pub fn to(&self, endpoint: &Endpoint, keys: &MessageKeys, form: ConnectorContentType) -> Result<Message, Failure> {
        let mut message = endpoint.message(&self.path, self.plaintext.clone(), keys, form)?;
        if let Some(value) = &self.passthrough {
            message.headers.insert(PASSTHROUGH, value.clone());
        }
        Ok(message)
    }

    /// Judges what came of it.
    pub fn judge(&self, outcome: &Outcome) -> Verdict {
        Verdict::of(self.purpose, self.ids.iter().map(|id| &**id), outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_stands_in_the_path_whatever_it_is_called() {
        assert_eq!(Said::read("a/b c-1", &Requests::default()).path, "teams/a%2Fb%20c-1/read");
        assert_eq!(Said::connect("t\"", "u").plaintext, r#"{"tenantId":"t\"","userId":"u"}"#);
    }
}
