//! Upload sessions: where they begin.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap};

use crate::edm::date_time::DateTimeOffset;
use crate::edm::patch::Patch;
use crate::edm::schema::{OperationType, PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::graph::body;
use crate::graph::context::OperationContext;
use crate::graph::ops::{Outcome, files, folders, result};
use crate::graph::request::UPLOADS;
use crate::graph::route::OperationCall;
use crate::graph::statuses;
use crate::graph::success::Success;
use crate::odata::conflict::{self, Conflict};
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::policy::behavior::UploadConflict;
use crate::policy::refusal;
use crate::text::json::{self, quoted};
use crate::world::clock::unix_millis;
use crate::world::store::StoreFull;
use crate::world::uploads::UploadTarget;

/// The time for which a session lasts.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The property of a new attachment with its content.
const CONTENT_BYTES: &str = "contentBytes";

/// Whether a call begins an upload session of a file, or of an attachment of an item.
pub(super) fn is_session(context: &OperationContext<'_>, call: &OperationCall<'_>) -> bool {
    let is_file = context.structured().file.is_some() && context.route.key.is_some();
    let is_attachment = context.route.key.is_none() && &*context.structured().full_name == "microsoft.graph.attachment";
    &*call.operation.name == "createUploadSession" && !call.is_followed && (is_file || is_attachment)
}

/// Begins a session.
pub(super) fn begin(context: &OperationContext<'_>, call: &OperationCall<'_>, arguments: &[Argument]) -> Result<Outcome, Error> {
    let path = context.request.path();
    let base = path.rfind('/').map_or(path, |end| &path[..end]);
    let is_file = context.route.key.is_some();
    let mut target = if is_file { file(context, base)? } else { attachment(context, base, arguments)? };
    let defers = call.operation.parameter("deferCommit").map(|index| &arguments[index]);
    target.is_deferred = is_file && matches!(defers, Some(Argument::Value(Value::Boolean(true))));
    let id = format!("{:032x}", context.world.next_upload_id());
    let until = context.now + LIFETIME;
    if !context.world.uploads.begin(id.clone(), target, context.now, until, &context.world.stores) {
        let full = StoreFull::of_all(context.world.stores.limit());
        return Err(Error::new(&refusal::STORE_FULL, &[]).with_detail(format!("too many upload sessions, or {full}")));
    }
    let Some(OperationType::Value(kind @ PropertyType::Complex(session))) = call.result else {
        return Ok(Success::no_content().into());
    };
    let mut time = Vec::with_capacity(24);
    DateTimeOffset::from_unix_millis(unix_millis(until)).write_utc(&mut time);
    let members = format!(
        r#"{{"uploadUrl":{},"expirationDateTime":{},"nextExpectedRanges":["{}"]}}"#,
        quoted(&context.own_address(&format!("{UPLOADS}{id}"))),
        quoted(&String::from_utf8_lossy(&time)),
        if is_file { "0-" } else { "0" },
    );
    let structured = context.model.structured(session);
    let value = values(context, structured, &members);
    let status = statuses::of_operation(context.world, context.model, call.operation);
    let mut success = result::value(context, status, kind, &Value::Complex(value.into()), context.world.behaviors.secret);
    if is_file {
        success.decided.push("upload-conflict");
    }
    Ok(success.into())
}

fn values(context: &OperationContext<'_>, structured: &StructuredType, members: &str) -> Complex {
    let patch = body::read_own(context.model, &context.world.behaviors, structured, members).unwrap_or_default();
    Patch { read_as: None, ..patch }.apply(context.model, structured, &Complex::default())
}

/// Returns the request that stores a file.
fn file(context: &OperationContext<'_>, base: &str) -> Result<UploadTarget, Error> {
    let key = context.route.key.as_deref().unwrap_or_default();
    let precondition = super::condition::Precondition::of(context, key, &mut Vec::new())?;
    let request = context.request;
    let body = if request.body.bytes().is_empty() { None } else { Some(body::bytes(request, &context.world.behaviors)?) };
    let behaviors = &context.world.behaviors;
    let parsed = body.as_ref().and_then(|bytes| json::parse(bytes).ok());
    let of_item = match parsed.as_ref().and_then(|body| conflict::member(body, "item")) {
        Some(item) => {
            folders::check_source(item)?;
            Conflict::of_item(item, behaviors)?
        }
        None => None,
    };
    let wish = Conflict::of_query(request.target.query(), behaviors)?.or(of_item);
    if let Some(new) = &context.route.new_file {
        files::check_depth(context, new)?;
        files::check_folder(context)?;
        precondition.check_creation().map_err(super::condition::Unchanged::to_error)?;
    } else {
        let entity = context.bound_entity(key)?;
        precondition.check(&entity).map_err(super::condition::Unchanged::to_error)?;
        let structured = context.types(&entity).actual;
        let folder = structured.file.and_then(|file| structured.slot(file.folder.0));
        if folder.is_some_and(|slot| *entity.properties.get(slot) != Value::Null) {
            return Err(Error::new(&refusal::FOLDER_CONTENT, &[]));
        }
        if wish == Some(Conflict::Fail) && context.world.behaviors.upload_conflict == UploadConflict::Refuse {
            return Err(Error::new(&refusal::FILE_EXISTS, &[]));
        }
    }
    let query = wish.map(|wish| format!("?@microsoft.graph.conflictBehavior={}", wish.name())).unwrap_or_default();
    let mut headers = headers(context, "application/octet-stream");
    for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
        for condition in request.headers.get_all(&name) {
            headers.append(&name, condition.clone());
        }
    }
    Ok(UploadTarget { path: format!("{base}/content{query}"), headers, attachment: None, is_deferred: false })
}

/// Returns the request that stores an attachment.
fn attachment(context: &OperationContext<'_>, base: &str, arguments: &[Argument]) -> Result<UploadTarget, Error> {
    context.check_way()?;
    let Some(Argument::Value(Value::Complex(item))) = arguments.iter().find(|argument| **argument != Argument::Absent) else {
        return Err(Error::new(&refusal::INVALID_ARGUMENT, &["AttachmentItem", "microsoft.graph.attachmentItem"]));
    };
    let mut members = String::from(r##""@odata.type":"#microsoft.graph.fileAttachment""##);
    if let Some(structured) = context.model.type_named("attachmentItem").map(|id| context.model.structured(id)) {
        for name in ["name", "contentType", "contentId"] {
            if let Some(Value::String(text)) = structured.slot(name).map(|slot| item.get(slot)) {
                members.push_str(&format!(",{}:{}", quoted(name), quoted(text)));
            }
        }
        if let Some(Value::Boolean(is_inline)) = structured.slot("isInline").map(|slot| item.get(slot)) {
            members.push_str(&format!(r#","isInline":{is_inline}"#));
        }
    }
    let headers = headers(context, "application/json");
    Ok(UploadTarget { path: base.to_owned(), headers, attachment: Some(members), is_deferred: false })
}

/// Returns the body of the request that stores an attachment.
pub(in crate::graph) fn attachment_body(members: &str, content: &[u8]) -> String {
    let mut body = format!("{{{members},{}:\"", quoted(CONTENT_BYTES));
    STANDARD.encode_string(content, &mut body);
    body.push_str("\"}");
    body
}

/// Returns the headers of a request that the same caller sends later.
fn headers(context: &OperationContext<'_>, content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    if let Some(token) = context.request.headers.get(header::AUTHORIZATION) {
        headers.insert(header::AUTHORIZATION, token.clone());
    }
    headers
}
