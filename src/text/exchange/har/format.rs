//! The members of an HTTP archive that are read or written.
//!
//! Members that are skipped when they are read are required by HAR 1.2, and written as empty or unknown.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// An archive whose entries are read one by one, so that an odd one does not spoil the others.
#[derive(Deserialize)]
pub(super) struct RawArchive<'a> {
    #[serde(borrow)]
    pub(super) log: RawLog<'a>,
}

#[derive(Deserialize)]
pub(super) struct RawLog<'a> {
    #[serde(borrow)]
    pub(super) entries: Vec<&'a RawValue>,
}

/// The address of an entry, which decides whether the rest is read.
#[derive(Deserialize)]
pub(super) struct EntryAddress<'a> {
    #[serde(borrow)]
    pub(super) request: RequestAddress<'a>,
}

#[derive(Deserialize)]
pub(super) struct RequestAddress<'a> {
    #[serde(borrow)]
    pub(super) url: Cow<'a, str>,
}

/// Reads null like an absent member: archives have null where HAR wants a text or a list.
fn or_default<'d, D: Deserializer<'d>, T: Deserialize<'d> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Deserialize, Serialize)]
pub(super) struct Archive<'a> {
    #[serde(borrow)]
    pub(super) log: Log<'a>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Log<'a> {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) version: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) creator: Creator<'a>,
    #[serde(borrow)]
    pub(super) entries: Vec<HarEntry<'a>>,
}

#[derive(Default, Deserialize, Serialize)]
pub(super) struct Creator<'a> {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) version: Cow<'a, str>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarEntry<'a> {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) started_date_time: Cow<'a, str>,
    #[serde(default, skip_deserializing)]
    pub(super) time: i32,
    #[serde(borrow)]
    pub(super) request: HarRequest<'a>,
    #[serde(borrow)]
    pub(super) response: HarResponse<'a>,
    #[serde(default, skip_deserializing)]
    pub(super) cache: EmptyObject,
    #[serde(default, skip_deserializing)]
    pub(super) timings: Timings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<Cow<'a, str>>,
}

#[derive(Default, Serialize)]
pub(super) struct EmptyObject {}

#[derive(Serialize)]
pub(super) struct Timings {
    pub(super) send: i32,
    pub(super) wait: i32,
    pub(super) receive: i32,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings { send: -1, wait: -1, receive: -1 }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarRequest<'a> {
    pub(super) method: Cow<'a, str>,
    pub(super) url: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) http_version: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) headers: Vec<NameValue<'a>>,
    #[serde(default, skip_deserializing)]
    pub(super) query_string: Vec<NameValue<'a>>,
    #[serde(default, skip_deserializing)]
    pub(super) cookies: Vec<NameValue<'a>>,
    #[serde(default, skip_deserializing)]
    pub(super) headers_size: i32,
    #[serde(default, skip_deserializing)]
    pub(super) body_size: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) post_data: Option<PostData<'a>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostData<'a> {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) mime_type: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) text: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) params: Vec<NameValue<'a>>,
    /// `base64` for a body that is not UTF-8. HAR has no such member; it leaves names with an underscore to applications.
    #[serde(default, rename = "_encoding", skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarResponse<'a> {
    pub(super) status: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status_text: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) http_version: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) headers: Vec<NameValue<'a>>,
    #[serde(default, skip_deserializing)]
    pub(super) cookies: Vec<NameValue<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) content: Content<'a>,
    #[serde(default, deserialize_with = "or_default", rename = "redirectURL")]
    pub(super) redirect_url: Cow<'a, str>,
    #[serde(default, skip_deserializing)]
    pub(super) headers_size: i32,
    #[serde(default, skip_deserializing)]
    pub(super) body_size: i64,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content<'a> {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) size: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) mime_type: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct NameValue<'a> {
    pub(super) name: Cow<'a, str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) value: Cow<'a, str>,
}
