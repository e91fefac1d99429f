//! Builds responses: status, headers and body in the form of the service.
//!
//! Header names and their order follow recorded responses (pnp/pnpcore).

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::edm::date_time::DateTimeOffset;
use crate::entra::check;
use crate::graph::explain::{self, EXPLAIN};
use crate::graph::meta::ResponseMeta;
use crate::graph::request::Request;
use crate::graph::step::Answer;
use crate::graph::success::{Success, SuccessBody};
use crate::odata::error::{Error, Help};
use crate::odata::headers::{HSTS, ODATA_VERSION, StandardHeaders, add_common};
use crate::policy::behavior::Layout;
use crate::policy::refusal::{ErrorCode, Layer};
use crate::text::json;
use crate::world::World;
use crate::world::clock::unix_millis;

pub(super) const ODATA_ENTITY_ID: HeaderName = HeaderName::from_static("odata-entityid");
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The prefix of JSON content types.
const JSON: &[u8] = b"application/json";

/// The headers that scripts of other origins may read (msgraph-sdk-dotnet#984; the last two: microsoft/dev-proxy#526).
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Preference-Applied, Content-Range, request-id, client-request-id, ReadWriteConsistencyToken, SdkVersion, WWW-Authenticate, x-ms-client-gcc-tenant, Retry-After",
);

/// The variable parts of a response, in a single allocation.
struct ResponseParts {
    body: Bytes,
    request_id: HeaderValue,
    content_length: HeaderValue,
    /// The bytes of the allocation, if the body is in it.
    capacity: Option<usize>,
}

impl ResponseParts {
    fn of(meta: &ResponseMeta<'_>, body: SuccessBody) -> ResponseParts {
        match body {
            SuccessBody::Own(body) => ResponseParts::behind(meta, body.len(), body),
            SuccessBody::Shared(shared) => {
                let parts = ResponseParts::behind(meta, shared.len(), Vec::new());
                ResponseParts { body: shared, capacity: None, ..parts }
            }
        }
    }

    /// Returns the values for a body of a length behind some bytes, which become the body.
    fn behind(meta: &ResponseMeta<'_>, content: usize, mut body: Vec<u8>) -> ResponseParts {
        const ID: usize = uuid::fmt::Hyphenated::LENGTH;
        let length = body.len();
        body.resize(length + ID, 0);
        meta.request_id.hyphenated().encode_lower(&mut body[length..]);
        json::write_integer(&mut body, i64::try_from(content).unwrap_or(i64::MAX));
        let capacity = Some(body.capacity());
        let mut body = Bytes::from(body);
        let content_length = body.split_off(length + ID);
        let request_id = body.split_off(length);
        let value = |bytes: Bytes| HeaderValue::from_maybe_shared(bytes).expect("digits and letters are visible");
        ResponseParts { request_id: value(request_id), content_length: value(content_length), body, capacity }
    }
}

/// Builds the response to a successful request.
#[allow(clippy::boxed_local, reason = "it is not moved until it is taken apart")]
pub(super) fn success(world: &World, meta: &ResponseMeta<'_>, success: Box<Success>) -> Box<Answer> {
    let (content_type, body) = match success.body {
        Some((content_type, SuccessBody::Own(body))) if content_type.as_bytes().starts_with(JSON) && !success.is_content => {
            (Some(content_type), with_layout(world, body).into())
        }
        Some((content_type, body)) => (Some(content_type), body),
        None => (None, SuccessBody::default()),
    };
    let parts = ResponseParts::of(meta, body);
    let explanation = if world.explains { explain::success(world, &success.decided) } else { None };
    let is_standard = meta.has_hsts
        && success.location.is_none()
        && success.etag.is_none()
        && !success.is_content
        && success.preference_applied.is_none()
        && explanation.is_none()
        && !meta.facts.has_origin;
    let content_type = match content_type {
        Some(content_type) if is_standard => return standard_response(meta, success.status, content_type, parts),
        other => other,
    };
    let mut headers = HeaderMap::with_capacity(12);
    let has_body = content_type.is_some();
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CONTENT_LENGTH, parts.content_length);
    } else if !matches!(success.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        headers.insert(header::CONTENT_LENGTH, parts.content_length);
    }
    let location = success.location.and_then(|location| HeaderValue::from_bytes(&location).ok());
    if let Some(location) = location {
        // Without a body, `OData-EntityId` repeats the address (OData 4.0 Part 1, 8.3.4).
        if !has_body && !success.is_content && success.content_location.is_none() {
            headers.insert(ODATA_ENTITY_ID, location.clone());
        }
        headers.insert(header::LOCATION, location);
    }
    if let Some(address) = success.content_location.and_then(|address| HeaderValue::try_from(address).ok()) {
        headers.insert(header::CONTENT_LOCATION, address);
    }
    if let Some(range) = success.content_range {
        headers.insert(header::CONTENT_RANGE, range);
    }
    if let Some(etag) = success.etag {
        headers.insert(header::ETAG, etag);
    }
    insert_common(&mut headers, meta, parts.request_id, has_body);
    if let Some(applied) = success.preference_applied {
        let applied = match applied {
            Cow::Borrowed(text) => HeaderValue::from_static(text),
            Cow::Owned(text) => HeaderValue::try_from(text).expect("preferences are written in ASCII"),
        };
        headers.insert(PREFERENCE_APPLIED, applied);
    }
    if let Some(text) = explanation {
        headers.insert(EXPLAIN, text);
    }
    if success.is_content && headers.get(header::CONTENT_TYPE).is_some_and(can_have_scripts) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
    if has_body && !success.is_content {
        headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    }
    headers.insert(header::DATE, date(meta.answered));
    Box::new(Answer { kept_bytes: success.kept_bytes, ..answer(success.status, headers, parts.body) })
}

/// Whether a browser may run scripts in content of a type: they would have the origin of the emulator, and of its own page. Every type whose
/// documents have scripts is HTML or XML.
fn can_have_scripts(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or("html").to_ascii_lowercase();
    text.contains("html") || text.contains("xml") || !text.contains('/')
}

/// Builds a successful response with a body and no other headers than the standard ones.
fn standard_response(
    meta: &ResponseMeta<'_>,
    status: StatusCode,
    content_type: HeaderValue,
    parts: ResponseParts,
) -> Box<Answer> {
    let ResponseParts { body, request_id, content_length, capacity } = parts;
    let client_request_id = meta.client_request_id.unwrap_or(&request_id).clone();
    let headers = StandardHeaders { content_type, content_length, request_id, client_request_id, date: date(meta.answered) };
    let mut answer = Box::new(answer(status, headers.into_map(), body));
    answer.has_standard_headers = true;
    answer.body_capacity = capacity;
    answer
}

/// Builds a response from a recording, with the ids and the date of this request. The server does the framing.
pub(super) fn recorded(
    meta: &ResponseMeta<'_>,
    status: StatusCode,
    recorded: impl Iterator<Item = (HeaderName, HeaderValue)>,
    body: Bytes,
) -> Answer {
    let request_id = HeaderValue::from_str(&meta.request_id.hyphenated().to_string());
    let request_id = request_id.expect("digits, letters and dashes are visible");
    let mut headers = HeaderMap::new();
    for (name, value) in recorded {
        match name.as_str() {
            "connection" | "content-encoding" | "content-length" | "keep-alive" | "trailer" | "transfer-encoding" | "upgrade" => {
            }
            "request-id" => drop(headers.insert(name, request_id.clone())),
            "client-request-id" => drop(headers.insert(name, meta.client_request_id.unwrap_or(&request_id).clone())),
            "date" => drop(headers.insert(name, date(meta.answered))),
            "strict-transport-security" if !meta.has_hsts => {}
            _ => drop(headers.append(name, value)),
        }
    }
    answer(status, headers, body)
}

/// Builds the response to a refused request.
pub(super) fn refusal(world: &World, meta: &ResponseMeta<'_>, error: Error) -> Answer {
    let mut headers = HeaderMap::with_capacity(10);
    let time = DateTimeOffset::from_unix_millis(unix_millis(meta.answered));
    let mut seconds = Vec::with_capacity(19);
    time.write_seconds(&mut seconds);
    let request_id = meta.request_id.hyphenated().to_string();
    let client_request_id = meta.client_request_id.and_then(|value| value.to_str().ok()).unwrap_or(&request_id);
    let body = error.body(&String::from_utf8_lossy(&seconds), &request_id, client_request_id);
    let body = if error.refusal.layer == Layer::FrontDoor { body } else { with_layout(world, body) };
    let parts = ResponseParts::of(meta, body.into());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(error.content_type()));
    headers.insert(header::CONTENT_LENGTH, parts.content_length);
    if error.refusal.layer == Layer::FrontDoor {
        // The web server in front of the service does not send Graph's headers.
        headers.insert(header::SERVER, HeaderValue::from_static("Microsoft-HTTPAPI/2.0"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    } else {
        insert_common(&mut headers, meta, parts.request_id, true);
        if error.refusal.code == ErrorCode::InvalidAuthenticationToken {
            headers.insert(header::WWW_AUTHENTICATE, check::challenge(world, &error));
        }
    }
    if world.explains {
        headers.insert(EXPLAIN, explain::refusal(world, &error));
    }
    headers.insert(header::DATE, date(meta.answered));
    let help = error.help.as_deref().map(|help| match help {
        Help::FreshAddress(address) => (header::LOCATION, HeaderValue::from_str(address)),
        Help::ContentLength(length) => (header::CONTENT_RANGE, HeaderValue::try_from(format!("bytes */{length}"))),
    });
    if let Some((name, Ok(value))) = help {
        headers.insert(name, value);
    }
    if let Some(retry_after) = error.stated.as_ref().and_then(|stated| stated.retry_after.clone()) {
        headers.insert(header::RETRY_AFTER, retry_after);
    }
    let mut response = answer(error.status(), headers, parts.body);
    response.refused = Some(error);
    response
}

/// Builds the response to a batch, which has no `OData-Version` (recorded in pnp/pnpcore).
pub(super) fn batch(world: &World, meta: &ResponseMeta<'_>, body: Vec<u8>, decided: &[&'static str]) -> Answer {
    let mut headers = HeaderMap::with_capacity(8);
    let parts = ResponseParts::of(meta, with_layout(world, body).into());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, parts.content_length);
    insert_common(&mut headers, meta, parts.request_id, true);
    if world.explains
        && let Some(text) = explain::success(world, decided)
    {
        headers.insert(EXPLAIN, text);
    }
    headers.insert(header::DATE, date(meta.answered));
    answer(StatusCode::OK, headers, parts.body)
}

/// Builds the response to a CORS preflight request.
pub(super) fn preflight(request: &Request, meta: &ResponseMeta<'_>) -> Answer {
    let mut headers = HeaderMap::with_capacity(12);
    let parts = ResponseParts::of(meta, SuccessBody::default());
    insert_common(&mut headers, meta, parts.request_id, false);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE"));
    // Lists the requested headers, since the wildcard does not cover Authorization (Fetch standard).
    if let Some(wanted) = request.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    headers.insert(header::DATE, date(meta.answered));
    answer(StatusCode::NO_CONTENT, headers, Bytes::new())
}

/// Removes the body, whose length stays in the headers, as HEAD wants it.
pub(super) fn without_body(mut answer: Answer) -> Answer {
    let length = answer.response.body().len();
    if length > 0 && !answer.response.headers().contains_key(header::CONTENT_LENGTH) {
        answer.response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    *answer.response.body_mut() = Bytes::new();
    answer
}

fn answer(status: StatusCode, headers: HeaderMap, body: Bytes) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Answer::of(response)
}

/// Builds the placeholder of a response that is never sent.
pub(super) fn unsent() -> Answer {
    answer(StatusCode::NO_CONTENT, HeaderMap::new(), Bytes::new())
}

/// Formats a JSON body as the behavior `layout` requires.
fn with_layout(world: &World, body: Vec<u8>) -> Vec<u8> {
    match world.behaviors.layout {
        Layout::Compact => body,
        Layout::PrettyCrlf => json::laid_out(&body),
    }
}

/// Adds the headers of every response of Graph.
fn insert_common(headers: &mut HeaderMap, meta: &ResponseMeta<'_>, request_id: HeaderValue, has_body: bool) {
    if has_body {
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if meta.facts.has_origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    if meta.has_hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    let client_request_id = meta.client_request_id.unwrap_or(&request_id).clone();
    add_common(headers, request_id, client_request_id);
}

/// Returns the `Date` header, cached for a second: formatting it costs as much as finding the entity.
pub(super) fn date(now: SystemTime) -> HeaderValue {
    thread_local! {
        static LAST: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))) };
    }
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(last, value)| {
        if *last != second {
            (*last, *value) = (second, formatted_date(now));
        }
        value.clone()
    })
}

fn formatted_date(now: SystemTime) -> HeaderValue {
    let text = DateTimeOffset::from_unix_millis(unix_millis(now)).http_date();
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}
