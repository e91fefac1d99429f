//! The JSON of update and read calls and of their answers.
//!
//! Source: learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration. Requests are encrypted, answers are not.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// What an update or read call asks.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Requests {
    /// The elements; usually one, five for the approval of a swap.
    pub requests: Vec<Element>,
}

/// One element of a call: what would change, or what is asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Element {
    /// The id of the entity; in a read call about time-off reasons that of the user.
    pub id: String,
    /// `POST` creates, `PUT` updates, `DELETE` deletes, `GET` reads.
    pub method: String,
    /// `/{EntityType}/{EntityId}`, or what is read.
    pub url: String,
    /// The transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<ElementHeaders>,
    /// The entity, as the text that was sent. `null` is a body too: that of a deletion.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
}

/// Reads a member that is there, `null` included.
fn present<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(member).map(Some)
}

/// The transaction of an element. These are members of its JSON, not headers of HTTP.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ElementHeaders {
    /// What a connector can recognize a repeated request by.
    #[serde(rename = "X-MS-Transaction-ID")]
    pub transaction_id: String,
    /// When the transaction expires.
    #[serde(rename = "X-MS-Expires")]
    pub expires: String,
}

impl Requests {
    /// Reads what was decrypted.
    pub fn read(plaintext: &[u8]) -> Result<Requests, serde_json::Error> {
        serde_json::from_slice(plaintext)
    }

    /// Writes what is to be encrypted.
    pub fn write(&self) -> Bytes {
        serde_json::to_vec(self).expect("texts and JSON are JSON").into()
    }

    /// Returns the ids in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.requests.iter().map(|element| &*element.id)
    }
}

/// Writes text as it stands between the quotes of a JSON string.
pub(super) fn inside_quotes(text: &str) -> String {
    let quoted = crate::text::json::quoted(text);
    quoted[1..quoted.len() - 1].to_owned()
}

/// The answer of a connector.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Responses {
    /// One item for each element. An element without one counts as approved.
    pub responses: Vec<ResponseItem>,
}

/// What a connector answers to one element.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ResponseItem {
    /// The id of the element.
    pub id: String,
    /// 200 approves, anything else refuses.
    pub status: u16,
    /// The rest.
    pub body: ItemBody,
}

/// The rest of an item.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ItemBody {
    /// The version of the entity on the connector's side. An approval should have one: according to the published connector its
    /// acknowledgement fails without.
    #[serde(default, rename = "eTag", skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Why the element is refused.
    pub error: Option<ItemError>,
    /// What is eligible, in the answer to a read call.
    pub data: Option<Vec<String>>,
}

/// Why an element is refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ItemError {
    /// The status again, as text.
    pub code: String,
    /// For the one whose change it was.
    pub message: String,
}

impl ResponseItem {
    /// Approves an element of an update call.
    pub fn approved(id: &str, etag: &str) -> ResponseItem {
        let body = ItemBody { etag: Some(etag.to_owned()), ..ItemBody::default() };
        ResponseItem { id: id.to_owned(), status: 200, body }
    }

    /// Refuses an element: 403 for good, by policy, 500 for now.
    pub fn refused(id: &str, status: u16, message: &str) -> ResponseItem {
        let error = ItemError { code: status.to_string(), message: message.to_owned() };
        ResponseItem { id: id.to_owned(), status, body: ItemBody { error: Some(error), ..ItemBody::default() } }
    }

    /// Answers an element of a read call with what is eligible.
    pub fn eligible(id: &str, ids: Vec<String>) -> ResponseItem {
        ResponseItem { id: id.to_owned(), status: 200, body: ItemBody { data: Some(ids), ..ItemBody::default() } }
    }
}

impl Responses {
    /// Writes the body of the answer, which goes with status 200 whatever it says.
    pub fn write(&self) -> Bytes {
        serde_json::to_vec(self).expect("texts are JSON").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_are_written_as_published() {
        let text = |item: ResponseItem| String::from_utf8(Responses { responses: vec![item] }.write().to_vec()).unwrap();
        assert_eq!(
            text(ResponseItem::approved("SHFT_12345678-1234-1234-1234-1234567890ab", "3f4e5d6c-7a8b-9c0d-1e2f-3g4h5i6j7k8l")),
            r#"{"responses":[{"id":"SHFT_12345678-1234-1234-1234-1234567890ab","status":200,"body":{"eTag":"3f4e5d6c-7a8b-9c0d-1e2f-3g4h5i6j7k8l","error":null,"data":null}}]}"#
        );
        assert_eq!(
            text(ResponseItem::refused("SHFT_12345678-1234-1234-1234-1234567890ab", 403, "Could not add the shift")),
            r#"{"responses":[{"id":"SHFT_12345678-1234-1234-1234-1234567890ab","status":403,"body":{"error":{"code":"403","message":"Could not add the shift"},"data":null}}]}"#
        );
    }

    #[test]
    fn a_published_request_is_read_and_written_as_it_was() {
        let text = r#"{"requests":[{"id":"SHFT_1","method":"POST","url":"/shifts/SHFT_1","headers":{"X-MS-Transaction-ID":"1","X-MS-Expires":"2024-10-11T21:27:59.0134605Z"},"body":{"z":1,"a":[1.0,null]}},{"id":"SHFT_3","method":"DELETE","url":"/shifts/SHFT_3","body":null},{"id":"SHFT_2","method":"GET","url":"/shifts/SHFT_2/requestableShifts?requestType=SwapRequest\u0026startTime=2024-10-01T04:00:00.0000000Z"}]}"#;
        let requests = Requests::read(text.as_bytes()).unwrap();
        assert_eq!(requests.ids().collect::<Vec<_>>(), ["SHFT_1", "SHFT_3", "SHFT_2"]);
        assert_eq!(String::from_utf8(requests.write().to_vec()).unwrap(), text.replace("\\u0026", "&"));
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn no_plaintext_causes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Requests::read(&bytes);
        }
    }
}
