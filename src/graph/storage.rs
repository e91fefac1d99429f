//! Content and upload sessions at addresses that need no token.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use crate::edm::address::EntityAddress;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::Slot;
use crate::edm::value::Value;
use crate::graph::body;
use crate::graph::context::OperationContext;
use crate::graph::facts::RequestFacts;
use crate::graph::meta::ResponseMeta;
use crate::graph::method::wrong_method;
use crate::graph::ops::{self, Operation, Outcome};
use crate::graph::request::{Body, Request};
use crate::graph::route::{self, Lookup, Resource};
use crate::graph::statuses;
use crate::graph::success::Success;
use crate::graph::ticket::{self, Ticket};
use crate::odata::error::Error;
use crate::odata::format::Format;
use crate::odata::range;
use crate::policy::behavior::UploadFragments;
use crate::policy::refusal;
use crate::text::json::quoted;
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::name::prefix_of;
use crate::world::store::StoreFull;
use crate::world::uploads::{FragmentProblem, FragmentResult, UploadState, UploadTarget};

/// The bytes of which the length of a fragment is a multiple, unless it is the last one.
const FRAGMENT_UNIT: usize = 320 * 1024;

/// The bytes of content that a step joins and stores.
const BYTES_STORED: usize = 2;

/// Answers a request.
pub(super) fn answer(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    (beginning, rest): (&str, &str),
) -> Result<Success, Error> {
    match beginning {
        ticket::CONTENT => content(world, request, meta, rest),
        ticket::MONITORS => monitor(world, request, meta, rest),
        _ => upload(world, request, meta, rest),
    }
}

fn content(world: &World, request: &Request, meta: &ResponseMeta<'_>, token: &str) -> Result<Success, Error> {
    if request.method != Method::GET {
        return Err(wrong_method(world, &request.method, &[Method::GET]));
    }
    let Some(Ticket { entity, property }) = ticket::read(world, meta.now, token) else {
        return Err(Error::new(&refusal::DOWNLOAD_REFUSED, &[]));
    };
    let gone = || Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[]);
    if property == ticket::DOWNLOAD {
        let (bound, name) = entity.split_once('/').ok_or_else(gone)?;
        let download = statuses::download(world, &format!("microsoft.graph.{bound}"), name).ok_or_else(gone)?;
        let body =
            Some((HeaderValue::from_static("application/octet-stream"), Bytes::from_static(download.text.as_bytes()).into()));
        return Ok(Success { status: StatusCode::OK, body, is_content: true, ..Success::no_content() });
    }
    let model = world.schema.widest();
    let address = EntityAddress::parse(&world.schema, model, &entity).ok_or_else(gone)?;
    let entity = world.store.entity(&address).ok_or_else(gone)?;
    let declared = world.schema.set(address.collection.set).target;
    let structured = model.find_structured(entity.properties.own_type.unwrap_or(declared)).ok_or_else(gone)?;
    // The content of a media entity has no name.
    let slot = if property.is_empty() { Some(Slot::MEDIA) } else { structured.slot(&property) };
    match slot.map(|slot| entity.properties.get(slot)) {
        Some(Value::Media(media)) => ops::content(&request.headers, media, meta.purse),
        _ => Err(gone()),
    }
}

/// Answers with the progress of a copy, which is complete, or has failed, at once.
fn monitor(world: &World, request: &Request, meta: &ResponseMeta<'_>, token: &str) -> Result<Success, Error> {
    if request.method != Method::GET {
        return Err(wrong_method(world, &request.method, &[Method::GET]));
    }
    let ticket = ticket::read(world, meta.now, token);
    if ticket.as_ref().is_some_and(|ticket| ticket.property == ticket::FAILED_COPY) {
        let refusal = &refusal::COPY_FAILED;
        let error = format!(r#"{{"code":{},"message":{}}}"#, quoted(refusal.code.name()), quoted(refusal.text));
        let body = format!(r#"{{"operation":"itemCopy","percentageComplete":0.0,"status":"failed","error":{error}}}"#);
        let body = Some((HeaderValue::from_static("application/json"), body.into_bytes().into()));
        return Ok(Success { status: StatusCode::OK, body, ..Success::no_content() });
    }
    let is_copy = ticket.as_ref().is_some_and(|ticket| ticket.property == ticket::COPY);
    let ticket = ticket.filter(|ticket| is_copy || ticket.property == ticket::WORK);
    let model = world.schema.widest();
    let made = ticket.and_then(|ticket| EntityAddress::parse(&world.schema, model, &ticket.entity));
    let made = made.ok_or_else(|| Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[]))?;
    let id = quoted(&made.key);
    // The names of other operations are not published.
    let operation = if is_copy { r#""operation":"itemCopy","# } else { "" };
    let body = format!(r#"{{{operation}"percentageComplete":100.0,"resourceId":{id},"status":"completed"}}"#);
    let body = Some((HeaderValue::from_static("application/json"), body.into_bytes().into()));
    Ok(Success { status: StatusCode::OK, body, ..Success::no_content() })
}

fn upload(world: &World, request: &Request, meta: &ResponseMeta<'_>, id: &str) -> Result<Success, Error> {
    let unknown = || Error::new(&refusal::UNKNOWN_UPLOAD_SESSION, &[]);
    match request.method.as_str() {
        "GET" => world.uploads.state(id, meta.now).map(|state| progress(StatusCode::OK, state)).ok_or_else(unknown),
        "DELETE" if world.uploads.cancel(id, meta.now) => Ok(Success::no_content()),
        "DELETE" => Err(unknown()),
        "PUT" => fragment(world, request, meta, id),
        "POST" => store_deferred(world, request, meta, id),
        _ => Err(wrong_method(world, &request.method, &[Method::GET, Method::PUT, Method::POST, Method::DELETE])),
    }
}

/// Takes a fragment, and stores the content after the last one.
fn fragment(world: &World, request: &Request, meta: &ResponseMeta<'_>, id: &str) -> Result<Success, Error> {
    if world.uploads.state(id, meta.now).is_none() {
        return Err(Error::new(&refusal::UNKNOWN_UPLOAD_SESSION, &[]));
    }
    let bytes = body::content(request)?;
    let stated = request.headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let range = stated.and_then(range::fragment).ok_or_else(|| {
        let detail = format!("Content-Range {stated:?}, expected a range such as bytes 0-25/128");
        Error::new(&refusal::INVALID_CONTENT_RANGE, &[]).with_detail(detail)
    })?;
    let refused = |problem: FragmentProblem| match problem {
        FragmentProblem::Unknown => Error::new(&refusal::UNKNOWN_UPLOAD_SESSION, &[]),
        FragmentProblem::Overlap => Error::new(&refusal::FRAGMENT_OVERLAP, &[]),
        FragmentProblem::Gap => Error::new(&refusal::FRAGMENT_OUT_OF_ORDER, &[]),
        FragmentProblem::Length => Error::new(&refusal::FRAGMENT_LENGTH, &[]),
        FragmentProblem::Full => StoreFull::of_all(world.stores.limit()).into(),
    };
    let is_last = range.bytes.end == range.total;
    if !is_last && !range.bytes.len().is_multiple_of(FRAGMENT_UNIT) && world.behaviors.upload_fragments == UploadFragments::Refuse
    {
        return Err(Error::new(&refusal::FRAGMENT_SIZE, &[]));
    }
    if is_last {
        // All of the content is joined, and what follows from it is computed.
        ops::check_spared(meta.purse, range.total, BYTES_STORED)?;
    }
    match world.uploads.take(id, meta.now, &range, &bytes).map_err(refused)? {
        // Outlook answers 200 (page attachment-createuploadsession of learn.microsoft.com/graph/api).
        FragmentResult::More(state) if state.is_attachment => Ok(progress(StatusCode::OK, state)),
        FragmentResult::More(state) => Ok(progress(StatusCode::ACCEPTED, state)),
        FragmentResult::Complete(target, content) => store(world, request, meta, id, target, content),
    }
}

/// Stores the content of a session that was begun with `deferCommit`, after its last fragment (learn.microsoft.com/graph/api/
/// driveitem-createuploadsession: POST without content).
fn store_deferred(world: &World, request: &Request, meta: &ResponseMeta<'_>, id: &str) -> Result<Success, Error> {
    let Some(state) = world.uploads.state(id, meta.now) else {
        return Err(Error::new(&refusal::UNKNOWN_UPLOAD_SESSION, &[]));
    };
    if !body::content(request)?.is_empty() {
        return Err(Error::new(&refusal::UPLOAD_COMMIT_CONTENT, &[]));
    }
    ops::check_spared(meta.purse, state.received, BYTES_STORED)?;
    let (target, content) = world.uploads.commit(id, meta.now).ok_or_else(|| {
        let detail = format!("{} bytes have arrived, and the others are expected first", state.received);
        Error::new(&refusal::UPLOAD_INCOMPLETE, &[]).with_detail(detail)
    })?;
    store(world, request, meta, id, target, content)
}

/// Stores the content of a session, and ends it.
fn store(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    id: &str,
    target: UploadTarget,
    content: Bytes,
) -> Result<Success, Error> {
    let stored = commit(world, request, meta, target, content);
    match &stored {
        Ok(_) => world.uploads.end(id),
        Err(_) => world.uploads.resume(id),
    }
    stored
}

/// Returns the state of a session.
fn progress(status: StatusCode, state: UploadState) -> Success {
    let mut time = Vec::with_capacity(24);
    DateTimeOffset::from_unix_millis(unix_millis(state.until)).write_utc(&mut time);
    let (time, dash) = (String::from_utf8_lossy(&time), if state.is_attachment { "" } else { "-" });
    // That a session which waits for its commit expects no range is a guess (none).
    let ranges = if state.has_all { String::new() } else { format!(r#""{}{dash}""#, state.received) };
    let body = format!(r#"{{"expirationDateTime":"{time}","nextExpectedRanges":[{ranges}]}}"#);
    Success {
        status,
        body: Some((HeaderValue::from_static("application/json"), body.into_bytes().into())),
        ..Success::no_content()
    }
}

/// Stores content as the request does for which the session was begun. Its token was checked then.
fn commit(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    target: UploadTarget,
    bytes: Bytes,
) -> Result<Success, Error> {
    let UploadTarget { path, headers, attachment, is_deferred: _ } = target;
    let (method, body) = match &attachment {
        None => (Method::PUT, bytes),
        Some(members) => (Method::POST, Bytes::from(ops::attachment_body(members, &bytes))),
    };
    let internal = || Error::new(&refusal::INTERNAL, &[]);
    let path = format!("{}{path}", prefix_of(request.target.path()));
    let target = path.parse().map_err(|_| internal())?;
    let stored = Request {
        method,
        target,
        is_secure: request.is_secure,
        via: request.via,
        arrival: request.arrival,
        headers,
        body: Body::Whole(body),
    };
    let resource = route::resolve(&world.schema, &Lookup::of(world, &stored.headers, meta.purse), stored.path())?;
    let Resource::Entities(mut route) = resource else { return Err(internal()) };
    if let Some((collection, key)) = route.new_in.take_if(|(_, key)| key.is_some() == (stored.method == Method::PUT)) {
        route.collection = collection;
        route.key = key.map(Cow::Owned).or(route.key);
    }
    let operation = Operation::of(world, &route, &stored.method)?;
    let has_conditions = RequestFacts::of(&stored.headers).has_conditions;
    let (facts, ids) = (RequestFacts { has_conditions, ..meta.facts }, meta.ids());
    let meta = ResponseMeta { now: meta.now, ..ResponseMeta::resumed(world, facts, &ids, meta.purse) };
    let context = OperationContext::new(world, &stored, &meta, route.model, &route, Format::default());
    match ops::run(&operation, &context, None, &mut Vec::new())? {
        Outcome::Success(success) if attachment.is_some() => {
            Ok(Success { body: None, status: StatusCode::CREATED, etag: None, ..*success })
        }
        Outcome::Success(success) => Ok(*success),
        Outcome::Declared(_) | Outcome::Consult(_) => Err(internal()),
    }
}
