//! Content of media entities and of stream properties.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use crate::edm::address::EntityAddress;
use crate::edm::media::Media;
use crate::edm::patch::Patch;
use crate::edm::primitive::Primitive;
use crate::edm::schema::{MediaRules, PropertyType, Slot, StructuredType};
use crate::edm::tag;
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::body;
use crate::graph::context::OperationContext;
use crate::graph::ops::change::{collection_to_change, server_set_values, with_change};
use crate::graph::ops::condition::{Precondition, Unchanged};
use crate::graph::ops::files::NewContent;
use crate::graph::ops::{Outcome, files, folders, update};
use crate::graph::route::{self, Lookup, PropertyTail, Resource, Route, Tail, unknown_segment};
use crate::graph::statuses;
use crate::graph::success::Success;
use crate::graph::ticket;
use crate::odata::condition::Condition;
use crate::odata::conflict::Conflict;
use crate::odata::error::{Error, Help};
use crate::odata::purse::Purse;
use crate::odata::range::{self, RequestedRange};
use crate::policy::behavior::FileContent;
use crate::policy::refusal;
use crate::world::store::{StoreUpdate, StoredEntity};

/// The bytes of content that a step copies.
const BYTES_COPIED: usize = 64;

/// The length of the longest part of content that an answer has a copy of.
const LONGEST_COPY: usize = 8 * 1024 * 1024;

/// The bytes of content that a step decodes, or of which it computes a digest.
const BYTES_DIGESTED: usize = 4;

/// The type of content that a client does not name.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The methods of content.
pub(super) const METHODS: [Method; 4] = [Method::GET, Method::PUT, Method::PATCH, Method::DELETE];

/// Whether a path leads to content.
pub(super) fn is_media(route: &Route<'_>) -> bool {
    match &route.tail {
        Tail::Media => true,
        Tail::Property(path) => is_stream(route.structured(), path),
        _ => false,
    }
}

/// Whether a path from an entity leads to a stream property of its own.
fn is_stream(structured: &StructuredType, path: &PropertyTail) -> bool {
    let is_stream = |index: &usize| structured.properties[*index].kind == PropertyType::Primitive(Primitive::Stream);
    matches!(&*path.indexes, [index] if is_stream(index))
}

/// The place of content: its slot, and its rules.
struct Place<'c> {
    slot: Slot,
    rules: &'static MediaRules,
    /// The name of the stream property; empty for the content of a media entity.
    name: &'c str,
}

fn place<'c>(context: &OperationContext<'c>) -> Place<'c> {
    let structured = context.structured();
    let property = match &context.route.tail {
        Tail::Property(PropertyTail { indexes, .. }) => indexes.first().map(|index| &structured.properties[*index]),
        _ => None,
    };
    let name = property.map_or("", |property| &*property.name);
    Place {
        slot: property.map_or(Slot::MEDIA, |property| property.slot),
        rules: statuses::media(context.world, context.model, structured, name),
        name,
    }
}

/// Answers with content, or a part of it.
pub(super) fn get(context: &OperationContext<'_>, key: &str) -> Result<Success, Error> {
    let Place { slot, mut rules, name } = place(context);
    let entity = holder(context, key, rules)?;
    let actual = context.types(&entity).actual;
    if actual.id != context.structured().id {
        if name.is_empty() && !actual.has_stream {
            return Err(unknown_segment("$value", std::iter::empty()));
        }
        rules = statuses::media(context.world, context.model, actual, name);
    }
    let headers = &context.request.headers;
    match entity.properties.get(slot) {
        Value::Media(_) if rules.is_redirected && context.world.behaviors.file_content == FileContent::Redirect => {
            let address = EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() };
            let path = ticket::content_path(context.world, context.now, &address, name);
            let location = Some(context.own_address(&path).into_bytes());
            let decided = vec!["file-content"];
            Ok(Success { status: StatusCode::FOUND, location, decided, is_content: true, ..Success::no_content() })
        }
        Value::Media(media) => Ok(Success { decided: decided(rules), ..content(headers, media, context.purse)? }),
        // A fixture can have text for a stream.
        Value::String(text) => {
            check_spared(context.purse, text.len(), BYTES_DIGESTED)?;
            content(headers, &Media::new("text/plain", text.as_bytes()), context.purse)
        }
        _ if rules.inline.is_some() => match inline(context, &entity, rules)? {
            Some(media) => content(headers, &media, context.purse),
            None => Ok(Success::no_content()),
        },
        _ => match rules.absent {
            Some(refusal) => Err(Error::new(refusal, &[])),
            None => Ok(Success::no_content()),
        },
    }
}

/// Returns the entity that has the content.
fn holder(context: &OperationContext<'_>, key: &str, rules: &MediaRules) -> Result<Arc<StoredEntity>, Error> {
    context.check_way()?;
    context.entity(key).map_err(|error| match rules.absent {
        Some(refusal) if rules.creates => Error::new(refusal, &[]),
        _ => error,
    })
}

/// Checks that the thread has the time for work on content of a length, which the limits of stores bound.
///
/// # Errors
///
/// Fails if the request must be answered on another thread. The error is discarded then.
pub(in crate::graph) fn check_spared(purse: &Purse, bytes: usize, bytes_per_step: usize) -> Result<(), Error> {
    let steps = u64::try_from(bytes / bytes_per_step).unwrap_or(u64::MAX);
    if purse.spare(steps) { Ok(()) } else { Err(Error::new(&refusal::INTERNAL, &[])) }
}

/// Answers with content: all of it, the part that a request asks for, or nothing if the client has it.
pub(in crate::graph) fn content(headers: &HeaderMap, media: &Media, purse: &Purse) -> Result<Success, Error> {
    let etag = HeaderValue::from_str(media.tag()).ok();
    let known = Condition::of(headers, &header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.excludes(Some(media.tag()))) {
        return Ok(Success { status: StatusCode::NOT_MODIFIED, etag, ..Success::no_content() });
    }
    let length = media.bytes().len();
    let wanted = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, part) = match range::requested(wanted, length) {
        RequestedRange::Whole => (StatusCode::OK, None),
        RequestedRange::Part(part) => (StatusCode::PARTIAL_CONTENT, Some(part)),
        RequestedRange::Unsatisfiable => {
            let help = Some(Box::new(Help::ContentLength(length)));
            return Err(Error { help, ..Error::new(&refusal::RANGE_NOT_SATISFIABLE, &[]) });
        }
    };
    let content_range =
        part.as_ref().and_then(|part| HeaderValue::try_from(format!("bytes {}-{}/{length}", part.start, part.end - 1)).ok());
    let (bytes, kept_bytes) = match part {
        // An answer that is not read must not keep more in memory than is counted. Copies exist before they are counted, so a long part is
        // not copied: it counts as the whole that it keeps.
        Some(part) if part.len() < length && part.len() <= LONGEST_COPY => {
            check_spared(purse, part.len(), BYTES_COPIED)?;
            (Bytes::copy_from_slice(&media.bytes()[part]), 0)
        }
        Some(part) => (media.bytes().slice(part), length),
        None => (media.bytes().clone(), 0),
    };
    let content_type = HeaderValue::from_str(media.content_type()).unwrap_or(HeaderValue::from_static(UNKNOWN_TYPE));
    let body = Some((content_type, bytes.into()));
    Ok(Success { status, body, is_content: true, kept_bytes, content_range, etag, ..Success::no_content() })
}

/// Returns content that properties of an entity have.
fn inline(context: &OperationContext<'_>, entity: &StoredEntity, rules: &MediaRules) -> Result<Option<Media>, Error> {
    let Some((bytes, content_type)) = rules.inline else { return Ok(None) };
    let structured = context.types(entity).actual;
    let text = |name: &str| match structured.slot(name).map(|slot| entity.properties.get(slot)) {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let Some(encoded) = text(bytes) else { return Ok(None) };
    check_spared(context.purse, encoded.len(), BYTES_DIGESTED)?;
    let media = |bytes: Vec<u8>| Media::new(text(content_type).as_deref().unwrap_or(UNKNOWN_TYPE), &bytes);
    Ok(STANDARD.decode(encoded.as_bytes()).ok().map(media))
}

fn decided(rules: &MediaRules) -> Vec<&'static str> {
    if rules.is_redirected { vec!["file-content"] } else { Vec::new() }
}

/// Stores the content of a request.
pub(super) fn put(context: &OperationContext<'_>, key: &str) -> Result<Outcome, Error> {
    let bytes = body::content(context.request)?;
    let content_type = context.request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = Arc::new(Media::new(content_type.unwrap_or(UNKNOWN_TYPE), &bytes));
    let Place { slot, rules, .. } = place(context);
    // They follow from all of the content, so they are computed before any lock is taken.
    let members = rules.members.map(|members| members(&media)).unwrap_or_default();
    let new = NewContent { media: &media, members: &members };
    let file = context.structured().file;
    let wish = match file {
        Some(_) => Conflict::of_query(context.request.target.query(), &context.world.behaviors)?,
        None => None,
    };
    if let (Some(place), Some(file)) = (&context.route.new_file, file) {
        Precondition::of(context, key, &mut Vec::new())?.check_creation().map_err(Unchanged::to_error)?;
        return match files::create(context, place, file, &new)? {
            Some(created) => Ok(created),
            // Another request has created it meanwhile.
            None => put_again(context),
        };
    }
    if let Some(file) = file {
        let current = context.entity(key)?;
        let structured = context.types(&current).actual;
        let is_folder = structured.slot(file.folder.0).is_some_and(|slot| *current.properties.get(slot) != Value::Null);
        if is_folder {
            return Err(Error::new(&refusal::FOLDER_CONTENT, &[]));
        }
        match (wish, structured.slot(file.name)) {
            (Some(Conflict::Fail), _) => return Err(Error::new(&refusal::FILE_EXISTS, &[])),
            (Some(Conflict::Rename), Some(slot)) if context.route.has_names => {
                if let Value::String(name) = current.properties.get(slot) {
                    return files::create_beside(context, name, file, &new);
                }
            }
            _ => {}
        }
    }
    if rules.creates && context.is_single() {
        update::create_single(context, key)?;
    }
    let changed = change(context, key, slot, Value::Media(media.clone()), Some(&new))?;
    if let Some(file) = file {
        let structured = context.types(&changed.after).actual;
        let before = folders::size(structured, &changed.before.properties, file);
        folders::account(context, &context.route.collection, 0, files::length(&media) - before);
    }
    let success = match rules.answer {
        Some(status) => {
            Success { status: StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT), ..Success::no_content() }
        }
        None => context.json(StatusCode::OK, context.entity_body(&changed.after, Some(&changed.before)), Vec::new()),
    };
    Ok(with_change(context, success, Some(changed.before), Some(changed.after)))
}

/// Stores the content of a request whose path leads to a file since another one has created it.
fn put_again(context: &OperationContext<'_>) -> Result<Outcome, Error> {
    let (world, request) = (context.world, context.request);
    let exists = || Error::new(&refusal::FILE_EXISTS, &[]);
    let resource = route::resolve(&world.schema, &Lookup::of(world, &request.headers, context.purse), request.path())?;
    let Resource::Entities(mut route) = resource else { return Err(exists()) };
    if let Some((collection, key)) = route.new_in.take_if(|(_, key)| key.is_some()) {
        route.collection = collection;
        route.key = key.map(Cow::Owned).or(route.key);
    }
    // A file that is gone again is not looked for a third time.
    let Some(key) = route.key.clone().filter(|_| route.new_file.is_none()) else { return Err(exists()) };
    put(&context.with_route(&route), &key)
}

/// Removes content. The entity stays.
pub(super) fn delete(context: &OperationContext<'_>, key: &str) -> Result<Outcome, Error> {
    let Place { slot, rules, .. } = place(context);
    let entity = holder(context, key, rules)?;
    if let (Value::Null, Some(refusal)) = (entity.properties.get(slot), rules.absent) {
        return Err(Error::new(refusal, &[]));
    }
    if rules.creates && context.is_single() {
        // Without its content it is not there.
        let removed = context.world.store.to_remove(&context.route.collection).remove(key);
        return Ok(with_change(context, Success::no_content(), removed, None));
    }
    let changed = change(context, key, slot, Value::Null, None)?;
    Ok(with_change(context, Success::no_content(), Some(changed.before), Some(changed.after)))
}

/// Changes the content of a stored entity, and what follows from it.
fn change(
    context: &OperationContext<'_>,
    key: &str,
    slot: Slot,
    value: Value,
    new: Option<&NewContent<'_>>,
) -> Result<StoreUpdate, Error> {
    let mut decided = Vec::new();
    let precondition = Precondition::of(context, key, &mut decided)?;
    let (model, structured) = (context.model, context.structured());
    let collection = match new {
        Some(_) => collection_to_change(context, key)?,
        None => context.world.store.to_remove(&context.route.collection),
    };
    let server_set = server_set_values(context, structured, false, &mut decided);
    if slot == Slot::MEDIA && collection.get(key).is_some_and(|entity| !context.types(&entity).actual.has_stream) {
        return Err(unknown_segment("$value", std::iter::empty()));
    }
    let change = |entity: &Entity| {
        // With `If-None-Match: *` a PUT is for new content.
        let is_replaced = new.is_some() && *entity.properties.get(slot) != Value::Null;
        if is_replaced { precondition.check_replaced(entity) } else { precondition.check(entity) }?;
        let actual = model.actual(structured, entity.properties.own_type);
        let mut properties = entity.properties.clone();
        properties.set(slot, value);
        for (slot, value) in server_set {
            properties.set(slot, value);
        }
        if let Some(new) = new {
            follow(context, actual, new.members, &mut properties);
        }
        tag::renew(actual, &mut properties, Some(&entity.properties), || context.world.next_tag_id());
        if let Some(slot) = actual.file.and_then(|file| actual.slot(file.content_tag)) {
            let tag = tag::of_content(&properties, entity.properties.get(slot));
            properties.set(slot, tag);
        }
        Ok::<_, Unchanged>(Entity::of_type(Arc::clone(&entity.key), properties, actual.blank_text))
    };
    let updated = if new.is_some() { collection.update(key, change) } else { collection.update_beyond(key, change) };
    updated.ok_or_else(|| context.not_found(key))?.map_err(Unchanged::to_error)
}

/// Sets the values that follow from content.
fn follow(context: &OperationContext<'_>, structured: &StructuredType, members: &str, values: &mut Complex) {
    if let Some(patch) = body::read_own(context.model, &context.world.behaviors, structured, &format!("{{{members}}}")) {
        let patch = Patch { read_as: None, ..patch };
        *values = patch.apply(context.model, structured, values);
    }
}
