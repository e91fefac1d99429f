//! The members of an HTTP archive that are read or written.
//!
//! Members that are skipped when they are read are required by HAR 1.2, and written as empty or unknown.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub(super) struct Archive<'a> {
    #[serde(borrow)]
    pub(super) log: Log<'a>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Log<'a> {
    #[serde(default)]
    pub(super) version: Cow<'a, str>,
    #[serde(default)]
    pub(super) creator: Creator<'a>,
    #[serde(borrow)]
    pub(super) entries: Vec<HarEntry<'a>>,
}

#[derive(Default, Deserialize, Serialize)]
pub(super) struct Creator<'a> {
    #[serde(default)]
    pub(super) name: Cow<'a, str>,
    #[serde(default)]
    pub(super) version: Cow<'a, str>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarEntry<'a> {
    #[serde(default)]
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
    #[serde(default)]
    pub(super) http_version: Cow<'a, str>,
    #[serde(default)]
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
    #[serde(default)]
    pub(super) mime_type: Cow<'a, str>,
    #[serde(default)]
    pub(super) text: Cow<'a, str>,
    #[serde(default)]
    pub(super) params: Vec<NameValue<'a>>,
    /// `base64` for a body that is not UTF-8. HAR has no such member; it leaves names with an underscore to applications.
    #[serde(default, rename = "_encoding", skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarResponse<'a> {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) status_text: Cow<'a, str>,
    #[serde(default)]
    pub(super) http_version: Cow<'a, str>,
    #[serde(default)]
    pub(super) headers: Vec<NameValue<'a>>,
    #[serde(default, skip_deserializing)]
    pub(super) cookies: Vec<NameValue<'a>>,
    #[serde(default)]
    pub(super) content: Content<'a>,
    #[serde(default, rename = "redirectURL")]
    pub(super) redirect_url: Cow<'a, str>,
    #[serde(default, skip_deserializing)]
    pub(super) headers_size: i32,
    #[serde(default, skip_deserializing)]
    pub(super) body_size: i64,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content<'a> {
    #[serde(default)]
    pub(super) size: i64,
    #[serde(default)]
    pub(super) mime_type: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct NameValue<'a> {
    pub(super) name: Cow<'a, str>,
    #[serde(default)]
    pub(super) value: Cow<'a, str>,
}
