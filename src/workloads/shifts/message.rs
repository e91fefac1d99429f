//! JSON of update and read calls and of their answers.
//!
//! Source: learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration. Only requests are encrypted.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::text::json;

/// Plaintext of an update or read call.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Requests {
    /// The elements: one, or five for the approval of a swap.
    pub requests: Vec<Element>,
}

/// One element of a call: a proposed change, or a query.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Element {
    /// The id of the entity, or of the user in a query for time-off reasons.
    pub id: String,
    /// `POST` creates, `PUT` updates, `DELETE` deletes, `GET` reads.
    pub method: String,
    /// `/{EntityType}/{EntityId}`, or the path of a query.
    pub url: String,
    /// The transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<ElementHeaders>,
    /// The entity, as sent. A deletion has the body `null`, which differs from an absent one.
    #[serde(default, deserialize_with = "deserialize_present", skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
}

/// Deserializes a present member, even if it is `null`.
fn deserialize_present<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(member).map(Some)
}

/// The transaction of an element: JSON members, not HTTP headers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ElementHeaders {
    /// Equal in repetitions of an element, so that a connector can recognize them.
    #[serde(rename = "X-MS-Transaction-ID")]
    pub transaction_id: String,
    /// Expiry time of the transaction, in ISO 8601.
    #[serde(rename = "X-MS-Expires")]
    pub expires: String,
}

impl Requests {
    /// Parses a decrypted body.
    pub fn read(plaintext: &[u8]) -> Result<Requests, serde_json::Error> {
        json::read(plaintext)
    }

    /// Returns the plaintext to encrypt.
    pub fn write(&self) -> Bytes {
        serde_json::to_vec(self).expect("strings and raw JSON serialize").into()
    }

    /// Returns the ids of the elements, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.requests.iter().map(|element| &*element.id)
    }
}

/// Answer of a connector.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Responses {
    /// One item per element. An element without an item counts as approved.
    pub responses: Vec<ResponseItem>,
}

/// Answer of a connector to one element.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ResponseItem {
    /// The id of the element.
    pub id: String,
    /// 200 approves, any other status refuses.
    pub status: u16,
    /// The version, error or data.
    pub body: ItemBody,
}

/// Body of an item.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ItemBody {
    /// Version of the entity in the connector's system. Required for approvals in practice: according to the published connector,
    /// acknowledgement fails without it.
    #[serde(default, rename = "eTag", skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The reason of a refusal.
    pub error: Option<ItemError>,
    /// Eligible ids, in the answer to a read call.
    pub data: Option<Vec<String>>,
}

/// Reason of a refusal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ItemError {
    /// The status, as text.
    pub code: String,
    /// Text for the user who requested the change.
    pub message: String,
}

impl ResponseItem {
    /// Approves an element of an update call.
    pub fn approved(id: &str, etag: &str) -> ResponseItem {
        let body = ItemBody { etag: Some(etag.to_owned()), ..ItemBody::default() };
        ResponseItem { id: id.to_owned(), status: 200, body }
    }

    /// Refuses an element: status 403 for a violated policy (permanent), 500 for a temporary failure.
    pub fn refused(id: &str, status: u16, message: &str) -> ResponseItem {
        let error = ItemError { code: status.to_string(), message: message.to_owned() };
        ResponseItem { id: id.to_owned(), status, body: ItemBody { error: Some(error), ..ItemBody::default() } }
    }

    /// Answers an element of a read call with the eligible ids.
    pub fn eligible(id: &str, ids: Vec<String>) -> ResponseItem {
        ResponseItem { id: id.to_owned(), status: 200, body: ItemBody { data: Some(ids), ..ItemBody::default() } }
    }
}

impl Responses {
    /// Returns the body of the answer. Its HTTP status is 200, refusals included.
    pub fn write(&self) -> Bytes {
        serde_json::to_vec(self).expect("strings and numbers serialize").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_have_the_published_format() {
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
    fn a_published_request_survives_a_round_trip() {
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
