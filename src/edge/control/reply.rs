//! Replies of the control API, and its errors.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use serde_json::ser::{Formatter, Serializer};

use crate::graph::step::{Answer, Pending};
use crate::text::visible::visible_json_string;
use crate::world::World;
use crate::world::outbox::Notification;
use crate::world::store::StoreFull;
use crate::world::worlds::WorldError;

/// Notifications that a change has caused, and the world whose subscribers get them.
pub(super) type Notified = (Arc<World>, Vec<Notification>);

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// An error reply.
#[derive(Debug)]
pub(super) struct ControlError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Methods of the path, for an unsupported method.
    pub(super) allow: Option<String>,
    /// Notifications that became due before the refusal.
    pub(super) notified: Option<Notified>,
}

impl ControlError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> ControlError {
        ControlError { status, code, message: message.into(), allow: None, notified: None }
    }

    pub(super) fn unusable(message: impl Into<String>) -> ControlError {
        ControlError::new(StatusCode::BAD_REQUEST, "unusable", message)
    }

    /// Returns the reply that states the error.
    pub(super) fn reply(&self) -> ControlReply {
        ControlReply::json(self.status, &json!({ "error": { "code": self.code, "message": self.message } }))
    }

    /// Returns the error with the code and the words that it has under `/_emulator/tenants`, the former path of worlds.
    pub(super) fn with_tenant_words(self) -> ControlError {
        let code = match self.code {
            "world-name" => "tenant-name",
            "too-many-worlds" => "too-many-tenants",
            "unknown-world" => "unknown-tenant",
            "default-world" => "default-tenant",
            "world-exists" => "tenant-exists",
            _ => return self,
        };
        // The name of a world, which may have this word in it, comes later in the message.
        ControlError { code, message: self.message.replacen("world", "tenant", 1), ..self }
    }
}

impl From<WorldError> for ControlError {
    fn from(error: WorldError) -> ControlError {
        let (status, code) = match error {
            WorldError::Name(_) => (StatusCode::BAD_REQUEST, "world-name"),
            WorldError::TooMany(_) => (StatusCode::CONFLICT, "too-many-worlds"),
            WorldError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown-world"),
            WorldError::Default => (StatusCode::CONFLICT, "default-world"),
            WorldError::Taken(_) => (StatusCode::CONFLICT, "world-exists"),
            WorldError::Fixture(..) => (StatusCode::NOT_FOUND, "unknown-fixture"),
            WorldError::Full(_) => (StatusCode::CONFLICT, "store-full"),
        };
        ControlError::new(status, code, error.to_string())
    }
}

impl From<StoreFull> for ControlError {
    fn from(full: StoreFull) -> ControlError {
        WorldError::Full(full).into()
    }
}

/// A reply, or the call to a connector that it depends on.
pub(super) struct ControlReply {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    /// The call that the real reply depends on, and its world.
    pub(super) pending: Option<(Arc<World>, Box<Pending>)>,
    /// The time in which another reply is possible, when the world has more requests.
    pub(super) wait: Option<(Arc<World>, Duration)>,
    /// Notifications for the subscribers of a world.
    pub(super) notified: Option<Notified>,
}

impl ControlReply {
    pub(super) fn pending(world: Arc<World>, pending: Box<Pending>) -> ControlReply {
        ControlReply { pending: Some((world, pending)), ..ControlReply::no_content() }
    }

    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> ControlReply {
        let mut body = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut body, Layout::default());
        value.serialize(&mut serializer).expect("values of this module have text for names and no other way to fail");
        body.push(b'\n');
        ControlReply { status, content_type: "application/json", body, pending: None, wait: None, notified: None }
    }

    pub(super) fn ok(value: &impl Serialize) -> ControlReply {
        ControlReply::json(StatusCode::OK, value)
    }

    pub(super) fn text(text: String) -> ControlReply {
        ControlReply {
            status: StatusCode::OK,
            content_type: "text/plain; charset=utf-8",
            body: text.into_bytes(),
            pending: None,
            wait: None,
            notified: None,
        }
    }

    pub(super) fn no_content() -> ControlReply {
        ControlReply {
            status: StatusCode::NO_CONTENT,
            content_type: "",
            body: Vec::new(),
            pending: None,
            wait: None,
            notified: None,
        }
    }

    pub(super) fn answer(self) -> Answer {
        let mut response = Response::new(Bytes::from(self.body));
        *response.status_mut() = self.status;
        if self.status != StatusCode::NO_CONTENT {
            let length = response.body().len();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // No page may embed an answer, not even one that only needs its type or size.
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        Answer::of(response)
    }
}

/// Number of levels that are laid out. With more, a body of a hundred levels would take a hundred times its length.
const LEVELS: usize = 10;

/// Layout of JSON with a line for each item and two spaces per level, down to some levels; what is below them is in one line.
#[derive(Default)]
struct Layout {
    level: usize,
    has_items: bool,
}

impl Layout {
    fn begin<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level += 1;
        self.has_items = false;
        writer.write_all(bracket)
    }

    fn end<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        let is_laid_out = self.is_laid_out();
        self.level -= 1;
        if self.has_items && is_laid_out {
            self.break_line(writer)?;
        }
        writer.write_all(bracket)
    }

    fn begin_item<W: Write + ?Sized>(&self, writer: &mut W, is_first: bool) -> io::Result<()> {
        writer.write_all(if is_first { b"" } else { b"," })?;
        if self.is_laid_out() { self.break_line(writer) } else { Ok(()) }
    }

    fn break_line<W: Write + ?Sized>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.level).try_for_each(|_| writer.write_all(b"  "))
    }

    fn is_laid_out(&self) -> bool {
        self.level <= LEVELS
    }
}

impl Formatter for Layout {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // The text of a client gives no orders to the terminal that shows the reply.
        writer.write_all(visible_json_string(fragment).as_bytes())
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.begin_item(writer, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.begin_item(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.is_laid_out() { b": " } else { b":" })
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_reply_is_laid_out_down_to_some_levels() {
        let value = json!({ "a": [1, { "b": {}, "c": [], "d": [[null]] }], "e": "f" });
        let body = ControlReply::ok(&value).body;
        assert_eq!(String::from_utf8(body).unwrap(), serde_json::to_string_pretty(&value).unwrap() + "\n");
        let deep = format!("{}{}{}", "[".repeat(100), vec!["{\"a\":1}"; 10_000].join(","), "]".repeat(100));
        let value: Value = serde_json::from_str(&deep).unwrap();
        let body = ControlReply::ok(&value).body;
        assert!(body.len() < deep.len() + 1000, "{} bytes for {}", body.len(), deep.len());
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), value);
    }
}
