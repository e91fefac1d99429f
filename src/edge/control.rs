//! The control API under `/_emulator/`: what a test suite asks the emulator itself for. `docs/control-api.md` describes it, and
//! `docs/control-api.openapi.json` for programs.
//!
//! It is none of Graph's: it has its own JSON, it is guarded against pages in browsers, and what it does is in no journal.

mod connectors;
mod guard;
mod journal;
mod worlds;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::graph::request::{Body, Request};
use crate::graph::step::{Answer, Pending};
use crate::text::form;
use crate::world::World;
use crate::world::worlds::{WorldError, Worlds};

/// What all paths of the control API begin with.
pub const PREFIX: &str = "/_emulator";

/// How the control API is served.
#[derive(Debug, Default)]
pub struct Control {
    /// What a client from elsewhere must show; without it nobody from elsewhere is let in.
    pub token: Option<String>,
    /// What is told of the configuration, by name.
    pub configuration: BTreeMap<String, Value>,
}

impl Control {
    /// Returns the token. An empty one is none: it is what comes of a variable that nobody has set, and everybody could show it.
    fn token(&self) -> Option<&str> {
        self.token.as_deref().filter(|token| !token.is_empty())
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// This process.
    Process,
    /// A client at this address.
    Address(IpAddr),
}

/// An answer that is no success.
#[derive(Debug)]
struct ControlError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// The methods that a path takes, where that was the matter.
    allow: Option<String>,
}

impl ControlError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> ControlError {
        ControlError { status, code, message: message.into(), allow: None }
    }

    fn unusable(message: impl Into<String>) -> ControlError {
        ControlError::new(StatusCode::BAD_REQUEST, "unusable", message)
    }
}

impl From<WorldError> for ControlError {
    fn from(error: WorldError) -> ControlError {
        let (status, code) = match error {
            WorldError::Name(_) => (StatusCode::BAD_REQUEST, "tenant-name"),
            WorldError::TooMany(_) => (StatusCode::CONFLICT, "too-many-tenants"),
            WorldError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown-tenant"),
            WorldError::Default => (StatusCode::CONFLICT, "default-tenant"),
            WorldError::Taken(_) => (StatusCode::CONFLICT, "tenant-exists"),
            WorldError::Fixture(..) => (StatusCode::NOT_FOUND, "unknown-fixture"),
        };
        ControlError::new(status, code, error.to_string())
    }
}

/// What a request comes to.
struct ControlReply {
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    /// The call on which the real reply depends, and the tenant for which it is made.
    waits: Option<(Arc<World>, Box<Pending>)>,
}

/// How far a request to the control API has come.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub enum ControlOutcome {
    /// It is answered.
    Answered(Answer),
    /// It waits for a call, for this tenant.
    Waits(Arc<World>, Box<Pending>),
}

impl ControlReply {
    fn waiting(world: Arc<World>, pending: Box<Pending>) -> ControlReply {
        ControlReply { waits: Some((world, pending)), ..ControlReply::nothing() }
    }

    fn json(status: StatusCode, value: &impl Serialize) -> ControlReply {
        let mut body =
            serde_json::to_vec_pretty(value).expect("values of this module have text for names and no other way to fail");
        body.push(b'\n');
        ControlReply { status, content_type: "application/json", body, waits: None }
    }

    fn ok(value: &impl Serialize) -> ControlReply {
        ControlReply::json(StatusCode::OK, value)
    }

    fn text(text: String) -> ControlReply {
        ControlReply { status: StatusCode::OK, content_type: "text/plain; charset=utf-8", body: text.into_bytes(), waits: None }
    }

    fn nothing() -> ControlReply {
        ControlReply { status: StatusCode::NO_CONTENT, content_type: "", body: Vec::new(), waits: None }
    }

    fn answer(self) -> Answer {
        let mut response = Response::new(Bytes::from(self.body));
        *response.status_mut() = self.status;
        if self.status != StatusCode::NO_CONTENT {
            let length = response.body().len();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Answer::of(response)
    }
}

/// What an operation works with.
struct ControlCall<'c> {
    control: &'c Control,
    worlds: &'c Worlds,
    request: &'c Request,
    /// The name of a tenant, where the path has one.
    name: &'c str,
}

/// One operation of the API.
struct ControlOperation {
    method: Method,
    /// The path behind the prefix, with `{name}` where the name of a tenant stands.
    path: &'static str,
    /// Whether anybody may ask, from wherever.
    is_public: bool,
    run: fn(&ControlCall<'_>) -> Result<ControlReply, ControlError>,
}

macro_rules! operations {
    ($( $method:ident $path:literal $run:path $(, public = $public:literal)?; )+) => {
        /// All operations.
        static OPERATIONS: &[ControlOperation] =
            &[$( ControlOperation { method: Method::$method, path: $path, is_public: false $(|| $public)?, run: $run }, )+];
    };
}

operations! {
    GET "" about;
    GET "/health" health, public = true;
    GET "/ready" ready, public = true;
    GET "/tenants" worlds::list;
    GET "/tenants/{name}" worlds::get;
    PUT "/tenants/{name}" worlds::create;
    DELETE "/tenants/{name}" worlds::delete;
    POST "/tenants/{name}/reset" worlds::reset;
    GET "/tenants/{name}/state" worlds::export;
    PUT "/tenants/{name}/state" worlds::import;
    GET "/tenants/{name}/behaviors" worlds::behaviors;
    PATCH "/tenants/{name}/behaviors" worlds::set_behaviors;
    GET "/tenants/{name}/clock" worlds::clock;
    PUT "/tenants/{name}/clock" worlds::set_clock;
    GET "/tenants/{name}/faults" worlds::faults;
    PUT "/tenants/{name}/faults" worlds::set_faults;
    POST "/tenants/{name}/faults" worlds::add_faults;
    DELETE "/tenants/{name}/faults" worlds::clear_faults;
    GET "/tenants/{name}/journal" journal::query;
    DELETE "/tenants/{name}/journal" journal::clear;
    POST "/tenants/{name}/journal/verify" journal::verify;
    POST "/tenants/{name}/connectors/call" connectors::call;
}

/// Whether a path is one of the control API.
pub fn is_control(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request to the control API.
pub fn answer(control: &Control, worlds: &Worlds, request: &Request, peer: Peer) -> ControlOutcome {
    let (mut reply, allow) = match run(control, worlds, request, peer) {
        Ok(reply) => (reply, None),
        Err(ControlError { status, code, message, allow }) => {
            (ControlReply::json(status, &json!({ "error": { "code": code, "message": message } })), allow)
        }
    };
    if let Some(waits) = reply.waits.take() {
        return ControlOutcome::Waits(waits.0, waits.1);
    }
    let mut answer = reply.answer();
    if let Some(allow) = allow.and_then(|methods| HeaderValue::try_from(methods).ok()) {
        answer.response.headers_mut().insert(header::ALLOW, allow);
    }
    if request.method == Method::HEAD {
        // What the headers say of the body stays (RFC 9110, 9.3.2).
        *answer.response.body_mut() = Bytes::new();
    }
    ControlOutcome::Answered(answer)
}

fn run(control: &Control, worlds: &Worlds, request: &Request, peer: Peer) -> Result<ControlReply, ControlError> {
    let path = request.target.path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let fitting: Vec<(&ControlOperation, &str)> =
        OPERATIONS.iter().filter_map(|operation| Some((operation, name_in(path, operation.path)?))).collect();
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    let found = fitting.iter().find(|(operation, _)| operation.method == *method);
    if !found.is_some_and(|(operation, _)| operation.is_public) {
        guard::admit(control, request, peer)?;
    }
    match found {
        Some((operation, name)) => (operation.run)(&ControlCall { control, worlds, request, name }),
        None if fitting.is_empty() => Err(ControlError::new(
            StatusCode::NOT_FOUND,
            "unknown-path",
            format!("there is nothing at {PREFIX}{path}; {PREFIX} tells what there is"),
        )),
        None => {
            let methods = fitting.iter().map(|(operation, _)| operation.method.as_str()).collect::<Vec<&str>>().join(", ");
            let message = format!("{PREFIX}{path} takes {methods}, not {}", request.method);
            let refusal = ControlError::new(StatusCode::METHOD_NOT_ALLOWED, "method", message);
            Err(ControlError { allow: Some(methods), ..refusal })
        }
    }
}

/// Returns the name of a tenant in a path that fits a template; it is empty where the template has none.
fn name_in<'p>(path: &'p str, template: &str) -> Option<&'p str> {
    let mut name = "";
    let (mut parts, mut wanted) = (path.split('/'), template.split('/'));
    loop {
        match (parts.next(), wanted.next()) {
            (None, None) => return Some(name),
            (Some(part), Some("{name}")) if !part.is_empty() => name = part,
            (Some(part), Some(wanted)) if part == wanted => {}
            _ => return None,
        }
    }
}

#[allow(clippy::unnecessary_wraps, reason = "all operations have one form")]
fn health(_: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&json!({ "status": "ok" })))
}

#[allow(clippy::unnecessary_wraps, reason = "all operations have one form")]
fn ready(_: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&json!({ "status": "ready" })))
}

#[allow(clippy::unnecessary_wraps, reason = "all operations have one form")]
fn about(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let limits = call.worlds.limits();
    let paths: Vec<String> =
        OPERATIONS.iter().map(|operation| format!("{} {PREFIX}{}", operation.method, operation.path)).collect();
    Ok(ControlReply::ok(&json!({
        "name": "wfi-emulator",
        "version": env!("CARGO_PKG_VERSION"),
        "seed": call.worlds.seed(),
        "fixtures": call.worlds.fixtures(),
        "tenants": { "limit": limits.worlds, "idleSeconds": limits.idle.as_secs(), "byToken": limits.by_token },
        "configuration": call.control.configuration,
        "operations": paths,
    })))
}

impl ControlCall<'_> {
    /// Returns the body.
    fn body(&self) -> Result<&[u8], ControlError> {
        match &self.request.body {
            Body::Whole(body) => Ok(body),
            Body::TooLarge => Err(ControlError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is larger than 4 MiB")),
        }
    }

    /// Reads the body as JSON of a form; a body that is empty is an empty object.
    fn read<T: DeserializeOwned>(&self) -> Result<T, ControlError> {
        let body = self.body()?;
        let body = if body.is_empty() { b"{}" } else { body };
        // A structure could also be read from an array, whose items nobody could name.
        let begins_with = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let found = match begins_with {
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'n') if body.trim_ascii() == b"null" => "null",
            _ => return serde_json::from_slice(body).map_err(|error| ControlError::unusable(format!("the body: {error}"))),
        };
        Err(ControlError::unusable(format!("the body: found {found}, expected an object")))
    }

    /// Returns the parameters of the query, decoded. Only these names are known.
    fn parameters(&self, known: &[&str]) -> Result<Vec<(String, String)>, ControlError> {
        let query = self.request.target.query().unwrap_or_default();
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form::fields(query) {
            let (name, value) = (name.into_owned(), value.into_owned());
            if !known.contains(&&*name) {
                let message = format!("there is no parameter '{}'; there are {}", name.escape_debug(), known.join(", "));
                return Err(ControlError::unusable(message));
            }
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(ControlError::unusable(format!("the parameter '{name}' stands twice")));
            }
            parameters.push((name, value));
        }
        Ok(parameters)
    }
}

#[cfg(test)]
mod tests;
