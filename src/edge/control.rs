//! The control API under `/_emulator/`, described in `docs/control-api.md` and `docs/control-api.openapi.json`.
//!
//! It is not a part of Graph: it has its own JSON, refuses web pages, and its requests are not in the journal.

pub(crate) mod acts;
mod call;
mod connectors;
mod entities;
mod evidence;
mod feed;
mod guard;
mod journal;
mod reply;
mod report;
mod sign_ins;
mod time;
mod ui;
mod worlds;

pub(crate) use self::feed::Feed;
pub(crate) use self::guard::TOKEN;
pub(super) use self::guard::is_of_this_machine;
pub(crate) use self::ui::redirect;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::edge::control::call::ControlCall;
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::edge::proxy::{Proxy, ProxyReport};
use crate::edge::ui::{self as page, UiToken};
use crate::graph::request::{BODY_LIMIT, Request};
use crate::graph::step::{Answer, Pending};
use crate::world::World;
use crate::world::ids::SEED_LIMIT;
use crate::world::worlds::{Plan, Worlds};

/// Prefix of all paths of the control API.
pub(crate) const PREFIX: &str = "/_emulator";

/// Former path of worlds, without the prefix. It works like `/worlds`, with the names of members and error codes of that time.
const TENANTS: &str = "/tenants";

/// Reads the files of all worlds again; fails with a message for users.
pub(crate) type Reload = Box<dyn Fn() -> Result<Plan, String> + Send + Sync>;

/// Configuration of the control API.
#[derive(Default)]
pub struct Control {
    /// Token that remote clients must send; without one they are refused.
    pub token: Option<String>,
    /// Effective configuration to report, by name.
    pub configuration: BTreeMap<String, Value>,
    /// Reads the files again, if there are any.
    pub(crate) reload: Option<Reload>,
    /// The proxy to report on.
    pub proxy: Arc<Proxy>,
    /// The token of the page for people, if the page is served.
    pub ui: Option<UiToken>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("configuration", &self.configuration).finish_non_exhaustive()
    }
}

impl Control {
    /// Returns the token. An empty one does not count: it comes from an unset variable, and any client could send it.
    fn token(&self) -> Option<&str> {
        self.token.as_deref().filter(|token| !token.is_empty())
    }
}

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// This process.
    Process,
    /// A client at this address.
    Address(IpAddr),
}

/// Outcome of a request to the control API.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub(crate) enum ControlOutcome {
    /// The request is answered.
    Answered(Answer),
    /// The request has this answer, unless there is another one within a time, when the world has more requests.
    Provisional(Answer, Arc<World>, Duration),
    /// The request is answered, and has notifications for the subscribers of this world.
    Notifying(Answer, Arc<World>),
    /// The request needs a call to a connector, for this world.
    Pending(Arc<World>, Box<Pending>),
}

/// One operation of the API.
struct ControlOperation {
    method: Method,
    /// Path after the prefix, with `{name}` for the name of a world and `{collection}` for that of a collection.
    path: &'static str,
    /// Whether remote clients need no token.
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
    POST "/reload" reload;
    GET "/proxy" proxy_report;
    GET "/evidence" evidence::list;
    GET "/journal/stream" feed::once;
    GET "/worlds" worlds::list;
    POST "/worlds" worlds::create_labeled;
    GET "/worlds/{name}" worlds::get;
    PUT "/worlds/{name}" worlds::create;
    DELETE "/worlds/{name}" worlds::delete;
    POST "/worlds/{name}/reset" worlds::reset;
    GET "/worlds/{name}/state" worlds::export;
    PUT "/worlds/{name}/state" worlds::import;
    GET "/worlds/{name}/state/{collection}" worlds::export_collection;
    PUT "/worlds/{name}/state/{collection}" worlds::import_collection;
    GET "/worlds/{name}/entities" entities::browse;
    PATCH "/worlds/{name}/entities" entities::edit;
    GET "/worlds/{name}/behaviors" worlds::behaviors;
    PATCH "/worlds/{name}/behaviors" worlds::set_behaviors;
    GET "/worlds/{name}/clock" worlds::clock;
    PUT "/worlds/{name}/clock" worlds::set_clock;
    GET "/worlds/{name}/faults" worlds::faults;
    PUT "/worlds/{name}/faults" worlds::set_faults;
    POST "/worlds/{name}/faults" worlds::add_faults;
    DELETE "/worlds/{name}/faults" worlds::clear_faults;
    GET "/worlds/{name}/journal" journal::query;
    DELETE "/worlds/{name}/journal" journal::clear;
    GET "/worlds/{name}/journal/exchanges" journal::exchanges;
    POST "/worlds/{name}/journal/verify" journal::verify;
    GET "/worlds/{name}/report" report::report;
    POST "/worlds/{name}/connectors/call" connectors::call;
    POST "/worlds/{name}/acts" acts::perform_act;
    POST "/worlds/{name}/sign-ins/revoke" sign_ins::revoke;
    POST "/worlds/{name}/sign-ins/devices" sign_ins::decide_device;
    POST "/worlds/{name}/sign-ins/refuse" sign_ins::refuse;
}

/// Whether a path is one of the control API.
pub fn is_control(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a request to the control API takes no longer than a few microseconds, regardless of the contents of the worlds.
pub(crate) fn is_prompt(path: &str) -> bool {
    matches!(path.strip_prefix(PREFIX).unwrap_or(path).trim_end_matches('/'), "" | "/health" | "/ready") || page::is_page(path)
}

/// Whether a request reads all entities of a world.
pub(crate) fn is_export(request: &Request) -> bool {
    is_state(request) && (request.method == Method::GET || request.method == Method::HEAD)
}

fn is_state(request: &Request) -> bool {
    let path = request.target.path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    [worlds::STATE, worlds::COLLECTION].iter().any(|template| names_in(path, template).is_some())
}

/// Returns the limit of a request's body in bytes: a state may be as long as all stores together.
fn body_limit(worlds: &Worlds, request: &Request) -> usize {
    if request.method == Method::PUT && is_state(request) { worlds.store_limit() } else { BODY_LIMIT }
}

/// Returns the limit of the body of a request to the control API. A client without access cannot send much.
pub(crate) fn admitted_body_limit(control: &Control, worlds: &Worlds, request: &Request, peer: Peer) -> usize {
    let is_admitted = guard::admit(control, request, peer).is_ok();
    if is_admitted { body_limit(worlds, request) } else { BODY_LIMIT }
}

/// Returns the stream of the journal, if a request asks for it and may.
pub(crate) fn follow(control: &Control, worlds: &Worlds, request: &Request, peer: Peer) -> Option<Feed> {
    let is_stream = request.method == Method::GET && request.target.path().strip_prefix(PREFIX) == Some(feed::PATH);
    (is_stream && guard::admit(control, request, peer).is_ok()).then(|| Feed::open(worlds, request))?
}

/// Answers a request to the control API.
pub(crate) fn answer(control: &Control, worlds: &Worlds, request: &Request, peer: Peer) -> ControlOutcome {
    let reply = match ui::answer(control, request, peer) {
        Some(Ok(answer)) if request.method == Method::HEAD => return ControlOutcome::Answered(ui::without_body(answer)),
        Some(Ok(answer)) => return ControlOutcome::Answered(answer),
        Some(Err(error)) => Err(error),
        None => run(control, worlds, request, peer),
    };
    let (mut reply, allow, refusal) = match reply {
        Ok(reply) => (reply, None, None),
        Err(error) => {
            let reply = error.reply();
            (ControlReply { notified: error.notified, ..reply }, error.allow, Some((error.code, error.message)))
        }
    };
    if let Some((world, pending)) = reply.pending.take() {
        let noted = pending.then(|world, step| {
            world.journal.note_outside_change();
            step
        });
        return ControlOutcome::Pending(world, noted);
    }
    let (wait, notified) = (reply.wait.take(), reply.notified.take());
    let mut answer = reply.answer();
    answer.control_refusal = refusal;
    if let Some(allow) = allow.and_then(|methods| HeaderValue::try_from(methods).ok()) {
        answer.response.headers_mut().insert(header::ALLOW, allow);
    }
    if request.method == Method::HEAD {
        // The headers still describe the body (RFC 9110, 9.3.2).
        *answer.response.body_mut() = Bytes::new();
    }
    match (wait, notified) {
        (_, Some((world, notifications))) => {
            answer.notifications = Some(notifications);
            ControlOutcome::Notifying(answer, world)
        }
        (Some((world, within)), None) => ControlOutcome::Provisional(answer, world, within),
        (None, None) => ControlOutcome::Answered(answer),
    }
}

fn run(control: &Control, worlds: &Worlds, request: &Request, peer: Peer) -> Result<ControlReply, ControlError> {
    let path = request.target.path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_former = path.strip_prefix(TENANTS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let matching: Vec<(&ControlOperation, PathNames<'_>)> =
        OPERATIONS.iter().filter_map(|operation| Some((operation, names_in(path, operation.path)?))).collect();
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    let found = matching.iter().find(|(operation, _)| operation.method == *method);
    if !found.is_some_and(|(operation, _)| operation.is_public) {
        guard::admit(control, request, peer)?;
    }
    match found {
        Some((operation, PathNames { world: name, collection })) => {
            let list_member = if is_former { "tenants" } else { "worlds" };
            let body_limit = body_limit(worlds, request);
            let reply = (operation.run)(&ControlCall { control, worlds, request, body_limit, name, collection, list_member });
            if operation.method != Method::GET
                && !operation.path.contains("/journal")
                && let Ok(world) = worlds.known(name)
            {
                world.current().journal.note_outside_change();
            }
            if is_former { reply.map_err(ControlError::with_tenant_words) } else { reply }
        }
        None if matching.is_empty() => {
            let message = format!("no such endpoint; GET {PREFIX} lists them");
            Err(ControlError::new(StatusCode::NOT_FOUND, "unknown-path", message))
        }
        None => {
            let methods = matching.iter().map(|(operation, _)| operation.method.as_str()).collect::<Vec<&str>>().join(", ");
            let message = format!("unsupported method {} (supported: {methods})", request.method);
            let refusal = ControlError::new(StatusCode::METHOD_NOT_ALLOWED, "method", message);
            Err(ControlError { allow: Some(methods), ..refusal })
        }
    }
}

/// The names in a path; empty where its template has no place for them.
#[derive(Clone, Copy, Default)]
struct PathNames<'p> {
    world: &'p str,
    collection: &'p str,
}

/// Returns the names in a path that matches a template.
fn names_in<'p>(path: &'p str, template: &str) -> Option<PathNames<'p>> {
    let mut names = PathNames::default();
    let (mut parts, mut segments) = (path.split('/'), template.split('/'));
    loop {
        match (parts.next(), segments.next()) {
            (None, None) => return Some(names),
            (Some(part), Some("{name}")) if !part.is_empty() => names.world = part,
            (Some(part), Some("{collection}")) if !part.is_empty() => names.collection = part,
            (Some(part), Some(segment)) if part == segment => {}
            (Some("tenants"), Some("worlds")) => {}
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

/// Counts tunnels and requests of the proxy. Nothing leaves the machine: a refused host is one that a client would have gone to.
#[allow(clippy::unnecessary_wraps, reason = "all operations have one form")]
fn proxy_report(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let ProxyReport { tunnels, others, requests, refused, hosts } = call.control.proxy.report();
    Ok(ControlReply::ok(&json!({
        "tunnels": tunnels, "otherTunnels": others, "requests": requests, "refused": refused, "refusedHosts": hosts,
    })))
}

fn reload(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let Some(reload) = &call.control.reload else {
        return Err(ControlError::new(
            StatusCode::CONFLICT,
            "nothing-to-reload",
            "no files to reload: this emulator was started without",
        ));
    };
    let plan = reload().map_err(ControlError::unusable)?;
    let (entities, faults) = (plan.settings.entities.len(), plan.settings.faults.len());
    let stubs = plan.settings.stubs.as_ref().map_or(0, |stubs| stubs.len());
    call.worlds.reload(plan)?;
    Ok(ControlReply::ok(&json!({ "entities": entities, "faults": faults, "stubs": stubs })))
}

/// Returns a number, or the largest one that JavaScript reads exactly if it is above.
fn exact(number: u64) -> u64 {
    number.min(SEED_LIMIT)
}

#[allow(clippy::unnecessary_wraps, reason = "all operations have one form")]
fn about(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let limits = call.worlds.limits();
    let limits = json!({
        "limit": exact(limits.worlds as u64),
        "idleSeconds": exact(limits.idle.as_secs()),
        "byToken": limits.by_token,
    });
    let paths: Vec<String> =
        OPERATIONS.iter().map(|operation| format!("{} {PREFIX}{}", operation.method, operation.path)).collect();
    Ok(ControlReply::ok(&json!({
        "name": "wfi-emulator",
        "version": env!("CARGO_PKG_VERSION"),
        "seed": call.worlds.seed(),
        "fixtures": call.worlds.fixtures(),
        "worlds": limits,
        // The former name, which clients may read.
        "tenants": limits,
        "configuration": call.control.configuration,
        "operations": paths,
    })))
}

#[cfg(test)]
mod tests;
