//! Operations of mailboxes: messages that are sent, answered, and moved, and answers to meetings.
//!
//! A message is sent within the world: a person whose address it has finds it in the inbox. The source of each rule is the page of the
//! operation (medium), such as learn.microsoft.com/graph/api/message-reply; texts of answers are laid out as a guess (none).

use std::collections::HashSet;
use std::sync::Arc;

use super::mailbox::{Mailbox, Text};
use crate::edm::address::EntityAddress;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::StructuredType;
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::policy::refusal;
use crate::world::clock::unix_millis;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow};

/// Operations and the functions that answer their calls.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("sendMail", "user", send_mail),
    ("send", "message", send),
    ("reply", "message", reply),
    ("replyAll", "message", reply_all),
    ("forward", "message", forward),
    ("createReply", "message", create_reply),
    ("createReplyAll", "message", create_reply_all),
    ("createForward", "message", create_forward),
    ("move", "message", move_message),
    ("copy", "message", copy_message),
    ("permanentDelete", "message", permanent_delete),
    ("permanentDelete", "event", permanent_delete),
    ("permanentDelete", "contact", permanent_delete),
    ("accept", "event", accept),
    ("tentativelyAccept", "event", tentatively_accept),
    ("decline", "event", decline),
    ("cancel", "event", cancel),
];

/// The message to which an operation is bound, with its mailbox.
struct Bound<'c> {
    mailbox: Mailbox<'c>,
    address: EntityAddress,
    structured: &'c StructuredType,
    values: &'c Complex,
}

impl<'c> Bound<'c> {
    fn of(request: &OperationRequest<'c>) -> Result<Bound<'c>, Error> {
        let internal = || Error::new(&refusal::INTERNAL, &[]);
        let (entity, address) = (request.entity.ok_or_else(internal)?, request.address().ok_or_else(internal)?);
        let mailbox = Mailbox::above(request, &address).ok_or_else(internal)?;
        let type_id = entity.properties.own_type.unwrap_or(request.world.schema.set(address.collection.set).target);
        let structured = request.model.find_structured(type_id).ok_or_else(internal)?;
        Ok(Bound { mailbox, address, structured, values: &entity.properties })
    }

    fn text(&self, property: &str) -> Option<Arc<str>> {
        self.structured.slot(property).and_then(|slot| match self.values.get(slot) {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
    }
}

/// learn.microsoft.com/graph/api/user-sendmail
fn send_mail(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (Argument::Entity(patch), Some(owner)) = (request.argument("Message"), request.address()) else {
        return Ok(OperationReply::Nothing);
    };
    let Some(mailbox) = Mailbox::of(request, owner) else { return Ok(OperationReply::Nothing) };
    let is_saved = *request.argument("SaveToSentItems") != Argument::Value(Value::Boolean(false));
    let draft = (request.create)(&mailbox.messages_in("Drafts"), patch)?;
    mailbox.send(request, &draft, is_saved).inspect_err(|_| mailbox.discard(&draft))?;
    Ok(OperationReply::Nothing)
}

/// learn.microsoft.com/graph/api/message-send
fn send(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let bound = Bound::of(request)?;
    let _alone = bound.mailbox.claim(&bound.address)?;
    bound.mailbox.send(request, &bound.address, true)?;
    Ok(OperationReply::Nothing)
}

/// The kind of a new message about an old one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reply,
    ReplyAll,
    Forward,
}

fn reply(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    answer(request, Kind::Reply)
}

fn reply_all(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    answer(request, Kind::ReplyAll)
}

fn forward(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    answer(request, Kind::Forward)
}

fn create_reply(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    draft(request, Kind::Reply).map(OperationReply::Entity)
}

fn create_reply_all(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    draft(request, Kind::ReplyAll).map(OperationReply::Entity)
}

fn create_forward(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    draft(request, Kind::Forward).map(OperationReply::Entity)
}

fn answer(request: &OperationRequest<'_>, kind: Kind) -> Result<OperationReply, Error> {
    let mailbox = Bound::of(request)?.mailbox;
    let draft = draft(request, kind)?;
    mailbox.send(request, &draft, true).inspect_err(|_| mailbox.discard(&draft))?;
    Ok(OperationReply::Nothing)
}

/// Creates a message about the bound one.
fn draft(request: &OperationRequest<'_>, kind: Kind) -> Result<EntityAddress, Error> {
    let bound = Bound::of(request)?;
    let (structured, mailbox) = (bound.structured, &bound.mailbox);
    let mut changes: Vec<PropertyChange> = Vec::new();
    let mut set = |name: &str, value: Value| {
        if let Some(property) = structured.property(name) {
            changes.push(PropertyChange { property, to: NewValue::Set(value) });
        }
    };
    let prefix = if kind == Kind::Forward { "FW: " } else { "RE: " };
    let subject = bound.text("subject").unwrap_or_default();
    let has_prefix = subject.to_ascii_uppercase().starts_with(prefix.trim_end());
    set("subject", Value::String(if has_prefix { subject } else { format!("{prefix}{subject}").into() }));
    let items = |name: &str| match structured.slot(name).map(|slot| bound.values.get(slot)) {
        Some(Value::Collection(items)) => items.to_vec(),
        Some(single @ Value::Complex(_)) => vec![single.clone()],
        _ => Vec::new(),
    };
    let first = |names: &[&str]| names.iter().map(|name| items(name)).find(|items| !items.is_empty()).unwrap_or_default();
    let mut to = match (kind, request.argument("ToRecipients")) {
        (Kind::Forward, Argument::Value(Value::Collection(items))) => items.to_vec(),
        (Kind::Forward, _) => Vec::new(),
        _ => first(&["replyTo", "from", "sender"]),
    };
    if kind == Kind::ReplyAll {
        let own: HashSet<String> = mailbox.addresses().into_iter().collect();
        let mut seen: HashSet<String> = to.iter().filter_map(|item| mailbox.address_in(item)).collect();
        let is_other = |item: &Value| mailbox.address_in(item).is_some_and(|address| !own.contains(&address));
        to.extend(
            items("toRecipients")
                .into_iter()
                .filter(|item| is_other(item) && seen.insert(mailbox.address_in(item).unwrap_or_default())),
        );
        let copies = items("ccRecipients").into_iter().filter(is_other);
        set("ccRecipients", Value::Collection(copies.collect()));
    }
    set("toRecipients", Value::Collection(to.into()));
    let comment = match request.argument("Comment") {
        Argument::Value(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let body = mailbox.body_about(structured, bound.values, comment.as_deref());
    if let Some(body) = body {
        set("body", body);
    }
    // Members of the request's own message come before.
    let mut patch = match request.argument("Message") {
        Argument::Entity(patch) => patch.clone(),
        _ => Patch::default(),
    };
    changes.retain(|change| !patch.changes.iter().any(|given| given.property == change.property));
    patch.changes.extend(changes);
    let address = (request.create)(&mailbox.messages_in("Drafts"), &patch)?;
    let conversation = bound.text("conversationId");
    let threaded = mailbox.change(&address, |structured, values| {
        if let (Some(slot), Some(text)) = (structured.slot("conversationId"), conversation) {
            values.set(slot, Value::String(text));
        }
    });
    let attach = || if kind == Kind::Forward { mailbox.copy_attachments(&bound.address, &address) } else { Ok(()) };
    threaded.and_then(|()| attach()).inspect_err(|_| mailbox.discard(&address))?;
    Ok(address)
}

/// learn.microsoft.com/graph/api/message-move: the message has another id in the other folder.
fn move_message(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let bound = Bound::of(request)?;
    let _alone = bound.mailbox.claim(&bound.address)?;
    let copied = copied(request, &bound)?;
    bound.mailbox.delete(&bound.address).inspect_err(|_| bound.mailbox.discard(&copied))?;
    Ok(OperationReply::Entity(copied))
}

/// learn.microsoft.com/graph/api/message-copy
fn copy_message(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let bound = Bound::of(request)?;
    copied(request, &bound).map(OperationReply::Entity)
}

fn copied(request: &OperationRequest<'_>, bound: &Bound<'_>) -> Result<EntityAddress, Error> {
    let Argument::Value(Value::String(wanted)) = request.argument("DestinationId") else {
        return Err(Error::new(&refusal::UNKNOWN_OUTLOOK_ITEM, &[]));
    };
    let (folder, messages) = bound.mailbox.destination(wanted).ok_or_else(|| Error::new(&refusal::UNKNOWN_OUTLOOK_ITEM, &[]))?;
    bound.mailbox.copy(&bound.address, &messages, |structured, values| {
        if let Some(slot) = structured.slot("parentFolderId") {
            values.set(slot, Value::String(folder));
        }
    })
}

/// learn.microsoft.com/graph/api/message-permanentdelete
fn permanent_delete(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let bound = Bound::of(request)?;
    bound.mailbox.delete(&bound.address)?;
    Ok(OperationReply::Nothing)
}

fn accept(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    respond(request, "accepted")
}

fn tentatively_accept(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    respond(request, "tentativelyAccepted")
}

/// learn.microsoft.com/graph/api/event-decline. That the event stays in the calendar is a guess (none).
fn decline(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    respond(request, "declined")
}

fn respond(request: &OperationRequest<'_>, response: &str) -> Result<OperationReply, Error> {
    let bound = Bound::of(request)?;
    let time = DateTimeOffset::from_unix_millis(unix_millis(request.now));
    let series = bound.mailbox.separate(&bound.address, request.purse)?;
    bound.mailbox.change(&bound.address, |structured, values| {
        let Some((property, status_type)) = Text { model: request.model }.complex(structured, "responseStatus") else { return };
        let mut status = match values.get(property.slot) {
            Value::Complex(status) => (**status).clone(),
            _ => Complex::initial(status_type),
        };
        if let Some(index) = status_type.property("response") {
            let kind = &status_type.properties[index];
            status.set(kind.slot, request.model.member(kind.kind, response).map_or(Value::Null, Value::Enum));
        }
        if let Some(slot) = status_type.slot("time") {
            status.set(slot, Value::DateTimeOffset(time));
        }
        values.set(property.slot, Value::Complex(Arc::new(status)));
    })?;
    if let Some(series) = series {
        bound.mailbox.change(&series, |_, _| {})?;
    }
    Ok(OperationReply::Nothing)
}

/// learn.microsoft.com/graph/api/event-cancel: for the organizer alone; the event leaves the calendar.
fn cancel(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let bound = Bound::of(request)?;
    let is_organizer = bound.structured.slot("isOrganizer").is_none_or(|slot| *bound.values.get(slot) != Value::Boolean(false));
    if !is_organizer {
        return Err(Error::new(&refusal::NOT_ORGANIZER, &[]));
    }
    bound.mailbox.delete(&bound.address)?;
    Ok(OperationReply::Nothing)
}
