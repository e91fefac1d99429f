//! The journal as rules read it: each entry without bodies and secrets.

mod answer;
mod change;
mod sent;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use http::Method;

use crate::entra::caller::{self, Granted};
use crate::graph::route;
use crate::graph::used::{self, UsedOperation};
use crate::report::digest::number;
use crate::text::form;
use crate::text::redact::{NamePlace, is_secret_name};
use crate::world::World;
use crate::world::journal::{Destination, Protocol, RecordedEntry};
use crate::world::name::prefix_of;
pub(super) use answer::Got;
pub(super) use sent::{Integration, Sent};

/// All requests of a run, in order.
pub(crate) struct Run<'w> {
    pub(super) world: &'w World,
    pub(super) calls: Vec<Call<'w>>,
    /// The number of entries that the journal has dropped.
    pub(super) dropped: u64,
    /// Whether requests were cleared from the journal.
    pub(super) is_cleared: bool,
    /// The number of the last request before each change without a request.
    outside_changes: Vec<u64>,
    /// The bytes that may still be searched.
    search: Cell<usize>,
}

/// A request, or a call to a connector.
pub(crate) struct Call<'w> {
    pub(crate) number: u64,
    /// The time on the world's clock.
    pub(crate) time: SystemTime,
    /// The real time from the beginning of the journal.
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) connection: Option<u32>,
    /// The real time at which the connection was opened.
    pub(super) opened: Duration,
    pub(super) protocol: Protocol,
    pub(super) place: Place,
    pub(crate) method: Method,
    /// The status; 0 without an answer.
    pub(super) status: u16,
    pub(super) path: Box<str>,
    /// The decoded query options.
    pub(super) query: Vec<(String, String)>,
    /// The parameters in the query that are secrets by their name.
    pub(super) secrets_in_query: Vec<String>,
    /// The id of the batch that has the request.
    pub(super) batch: Option<Box<str>>,
    /// The id of the answer to a batch, which its requests name.
    pub(super) answer_id: Option<String>,
    /// The number of the request that has caused a call to a connector.
    pub(super) cause: Option<u64>,
    /// Whether a call is to the receiver of a subscription.
    pub(super) is_notification: bool,
    pub(super) refused_by: Option<&'static str>,
    pub(super) ended_by: Option<&'static str>,
    /// Whether a fault rule applied.
    pub(super) is_injected: bool,
    /// The verdict on the answer of a connector.
    pub(super) verdict: Option<Box<str>>,
    headers: Vec<(&'static str, String)>,
    /// Seconds of `Retry-After`.
    pub(super) retry_after: Option<f64>,
    pub(super) preference_applied: Option<String>,
    pub(super) has_token: bool,
    /// The permissions of the token, if it is readable.
    pub(super) token: Option<Rc<Granted>>,
    /// A number of the token, with the same for the same one.
    pub(super) token_number: u64,
    /// A number of the body, with the same for the same one; 0 without one.
    pub(super) body: u64,
    pub(super) sent: Option<Sent>,
    pub(super) got: Got,
    /// Fields of a request to the token service: names, and values without secrets.
    pub(super) form: Vec<(String, String)>,
    /// A number of the user name in a request to the token service; 0 without one.
    pub(super) user: u64,
    pub(super) used: Option<Rc<UsedOperation<'w>>>,
    /// The properties whose values an update has changed, in complex values with a path.
    pub(super) changed: Vec<String>,
    operation: Rc<str>,
    same: u64,
    same_of_caller: u64,
}

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An operation of Graph, alone or in a batch.
    Graph,
    /// A batch.
    Batch,
    /// The token endpoint.
    Token,
    /// The authorize endpoint.
    Authorize,
    /// Something else of the emulator, such as content or keys.
    Other,
    /// A call to a connector.
    Connector,
}

/// The headers that rules read.
const HEADERS: [&str; 11] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "client-request-id",
    "consistencylevel",
    "if-match",
    "if-none-match",
    "ms-app-acts-as",
    "prefer",
    "user-agent",
    "x-ms-wfmpassthrough",
];

/// The bytes that a report searches in answers, and the bytes to which looking at an entry is equal.
const SEARCHED: usize = 64 * 1024 * 1024;
const ENTRY: usize = 64;

/// The form fields whose values are kept.
const FIELDS: [&str; 5] = ["grant_type", "client_id", "scope", "resource", "response_type"];

impl<'w> Run<'w> {
    /// Distills the journal of a world.
    pub(super) fn of(world: &'w World) -> Run<'w> {
        let interests = Interests::of(world);
        let mut reader = Reader { world, interests, operations: HashMap::new(), tokens: HashMap::new() };
        let calls = world.journal.recorded().map(|entry| reader.read(&entry)).collect();
        Run {
            world,
            calls,
            dropped: world.journal.dropped(),
            is_cleared: world.journal.is_cleared(),
            outside_changes: world.journal.outside_changes(),
            search: Cell::new(SEARCHED),
        }
    }

    /// Returns the number of requests of clients.
    pub(super) fn requests(&self) -> u64 {
        let is_own = |call: &&Call<'_>| call.place != Place::Connector;
        self.calls.iter().filter(is_own).count().try_into().unwrap_or(u64::MAX)
    }

    /// Returns the operations of Graph, those in batches included.
    pub(super) fn graph(&self) -> impl Iterator<Item = &Call<'w>> {
        self.calls.iter().filter(|call| call.place == Place::Graph)
    }

    /// Returns the requests to Graph as they were sent: a batch is one.
    pub(super) fn sent(&self) -> impl Iterator<Item = &Call<'w>> {
        self.calls.iter().filter(|call| matches!(call.place, Place::Graph | Place::Batch) && call.batch.is_none())
    }

    /// Returns the calls to connectors of Shifts.
    pub(super) fn connectors(&self) -> impl Iterator<Item = &Call<'w>> {
        self.calls.iter().filter(|call| call.place == Place::Connector && !call.is_notification)
    }

    /// Whether a caller has seen an entity between two requests: one of its answers in between has the key. After many searches it is taken
    /// to have seen it.
    pub(super) fn has_seen(&self, caller: &str, key: &str, between: std::ops::Range<u64>) -> bool {
        let Some(left) = self.search.get().checked_sub(ENTRY * self.calls.len()) else { return true };
        self.search.set(left);
        let is_of_caller = |call: &&Call<'_>| between.contains(&call.number) && call.is_success() && call.caller() == caller;
        let numbers: HashSet<u64> = self.graph().filter(is_of_caller).map(|call| call.number).collect();
        let has_key = |entry: &RecordedEntry| {
            let body = entry.response_body();
            self.search.set(self.search.get().saturating_sub(body.len()));
            memchr::memmem::find(body, key.as_bytes()).is_some()
        };
        !numbers.is_empty() && self.world.journal.recorded().any(|entry| numbers.contains(&entry.number()) && has_key(&entry))
    }

    /// Returns the number of changes without a request, such as by the control API, before the request with a number.
    pub(super) fn outside_changes_before(&self, number: u64) -> usize {
        self.outside_changes.partition_point(|last| *last < number)
    }
}

impl Call<'_> {
    /// Returns the method and the path with `{id}` for each key: the same for each entity, and without any secret.
    pub(crate) fn operation(&self) -> Rc<str> {
        self.operation.clone()
    }

    /// Returns the value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a query option, with or without the `$` before its name.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let is_named = |known: &str| known.strip_prefix('$').unwrap_or(known).eq_ignore_ascii_case(name);
        self.query.iter().find(|(known, _)| is_named(known)).map(|(_, value)| value.as_str())
    }

    /// Whether it was answered with success.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it reads.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// Returns a number of the request: another one with the same number asks for the same.
    pub(super) fn same(&self) -> u64 {
        self.same
    }

    /// Returns a number of the request and its token: another one with the same number asks for the same in the same name.
    pub(super) fn same_of_caller(&self) -> u64 {
        self.same_of_caller
    }

    /// Returns the caller: application and user, or the program without a token.
    pub(super) fn caller(&self) -> &str {
        self.token.as_ref().map_or_else(|| self.header("user-agent").unwrap_or_default(), |token| token.caller.as_str())
    }

    /// Returns the seconds from another request to this one: on the world's clock, or real ones if these are more.
    pub(super) fn seconds_since(&self, earlier: &Call<'_>, is_after_answer: bool) -> f64 {
        let on_clock = self.time.duration_since(earlier.time).unwrap_or_default();
        let from = if is_after_answer { earlier.ended } else { earlier.began };
        on_clock.max(self.began.saturating_sub(from)).as_secs_f64()
    }
}

/// An operation of each method and path that was read before, by their number.
type KnownOperations<'w> = HashMap<u64, Option<(Rc<UsedOperation<'w>>, Rc<str>)>>;

/// The paths of which more than the links of an answer is needed: most answers are long, and need not be read.
struct Interests {
    /// Numbers of the paths above those that are read.
    holders: HashSet<u64>,
    /// Numbers of the paths that are changed.
    changed: HashSet<u64>,
}

impl Interests {
    fn of(world: &World) -> Interests {
        let mut interests = Interests { holders: HashSet::new(), changed: HashSet::new() };
        let mut known = HashSet::new();
        world.journal.for_each_target(|method, target| {
            let path = target.split_once('?').map_or(target, |(path, _)| path);
            if *method == Method::PATCH {
                interests.changed.insert(number(&path));
            } else if known.insert(number(&path)) {
                interests.holders.extend(holders(path).map(|holder| number(&holder)));
            }
        });
        interests
    }
}

/// Returns the paths above a path that may be those of lists.
pub(super) fn holders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').skip(2).take(12).map(|(at, _)| &path[..at])
}

struct Reader<'w> {
    world: &'w World,
    interests: Interests,
    operations: KnownOperations<'w>,
    tokens: HashMap<u64, Option<Rc<Granted>>>,
}

impl<'w> Reader<'w> {
    fn read(&mut self, entry: &RecordedEntry) -> Call<'w> {
        let (path, query_text) = entry.target().split_once('?').unwrap_or((entry.target(), ""));
        let path = route::absolute_link_path(path).unwrap_or(path);
        let place = place_of(entry, path);
        let mut authorization = None;
        let mut headers = Vec::new();
        for (name, value) in entry.request_headers() {
            if name == "authorization" {
                authorization = Some(value);
            } else if let Some(known) = HEADERS.iter().find(|known| **known == name) {
                headers.push((*known, value.into_owned()));
            }
        }
        let (mut retry_after, mut preference_applied, mut answer_id) = (None, None, None);
        for (name, value) in entry.response_headers() {
            match &*name {
                "retry-after" => retry_after = value.trim().parse().ok(),
                "preference-applied" => preference_applied = Some(value.into_owned()),
                "request-id" if place == Place::Batch => answer_id = Some(value.into_owned()),
                _ => {}
            }
        }
        let method = entry.method().clone();
        let known = if place == Place::Graph { self.operation(&method, path) } else { None };
        let (used, operation) = match known {
            Some((used, operation)) => (Some(used), operation),
            None => (None, operation_without_type(&method, place, path)),
        };
        let decided = entry.decided();
        let is_connector = place == Place::Connector;
        let (token, token_number) = match &authorization {
            Some(text) => self.granted(text),
            None => (None, 0),
        };
        let (began, ended) = entry.times();
        let query: Vec<(String, String)> = form::fields(query_text).map(|(name, value)| (name.into(), value.into())).collect();
        let secrets_in_query = query
            .iter()
            .filter(|(name, value)| {
                let is_expected = place == Place::Authorize || is_front_channel(path) && is_of_sign_in(name);
                !value.is_empty() && !is_expected && is_secret_name(NamePlace::Parameter, name)
            })
            .map(|(name, _)| name.clone());
        let sent = used.as_deref().and_then(|used| Sent::of(entry, used));
        let changed = used.as_deref().map_or_else(Vec::new, |used| change::members(entry, used));
        let body = if entry.request_body().is_empty() { 0 } else { number(&entry.request_body()) };
        let same = number(&(method.as_str(), path, &query, body));
        Call {
            number: entry.number(),
            time: entry.time(),
            began,
            ended,
            connection: entry.connection(),
            opened: entry.opened(),
            protocol: entry.protocol(),
            place,
            status: entry.status().map_or(0, |status| status.as_u16()),
            path: path.into(),
            secrets_in_query: secrets_in_query.collect(),
            query,
            batch: decided.batch.clone(),
            answer_id,
            cause: decided.cause,
            is_notification: decided.is_notification,
            refused_by: decided.refused_by,
            ended_by: decided.ended_by,
            is_injected: decided.faults.is_some(),
            verdict: decided.detail.clone().filter(|_| is_connector),
            headers,
            retry_after,
            preference_applied,
            has_token: authorization.is_some(),
            token,
            token_number,
            body,
            sent,
            got: if place == Place::Graph {
                Got::of(entry, self.interests.holders.contains(&number(&path)), self.interests.changed.contains(&number(&path)))
            } else {
                Got::default()
            },
            form: if matches!(place, Place::Token | Place::Authorize) { fields(entry, query_text) } else { Vec::new() },
            user: if place == Place::Token { user(entry) } else { 0 },
            used,
            changed,
            operation,
            method,
            same,
            same_of_caller: number(&(same, token_number)),
        }
    }

    fn operation(&mut self, method: &Method, path: &str) -> Option<(Rc<UsedOperation<'w>>, Rc<str>)> {
        let world = self.world;
        let read = || {
            let used = used::operation(world, method, path)?;
            let name = format!("{method} {}", used.template).into();
            Some((Rc::new(used), name))
        };
        self.operations.entry(number(&(method.as_str(), path))).or_insert_with(read).clone()
    }

    /// Returns what a token grants, and its number.
    fn granted(&mut self, authorization: &str) -> (Option<Rc<Granted>>, u64) {
        let number = number(&authorization);
        let read = || caller::granted(authorization).map(Rc::new);
        (self.tokens.entry(number).or_insert_with(read).clone(), number)
    }
}

/// Returns the name of a request that the schema does not have.
fn operation_without_type(method: &Method, place: Place, path: &str) -> Rc<str> {
    match place {
        Place::Batch => format!("{method} {path}").into(),
        Place::Token => "POST token endpoint".into(),
        Place::Authorize => format!("{method} authorize endpoint").into(),
        Place::Connector => format!("{method} connector").into(),
        Place::Graph | Place::Other => format!("{method} path without an operation").into(),
    }
}

fn place_of(entry: &RecordedEntry, path: &str) -> Place {
    if entry.to() == Destination::Connector {
        return Place::Connector;
    }
    let lower = path.to_ascii_lowercase();
    let is_version = lower.starts_with("/v1.0/") || lower.starts_with("/beta/");
    match &*lower {
        "/v1.0/$batch" | "/beta/$batch" => Place::Batch,
        _ if is_version && !lower.ends_with("/$metadata") => Place::Graph,
        _ if lower.ends_with("/oauth2/v2.0/token") || lower.ends_with("/oauth2/token") => Place::Token,
        _ if lower.ends_with("/oauth2/v2.0/authorize") || lower.ends_with("/oauth2/authorize") => Place::Authorize,
        _ => Place::Other,
    }
}

/// Whether a path is that of an endpoint to which browsers are sent.
fn is_front_channel(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    ["authorize", "logout", "adminconsent"].iter().any(|name| last.eq_ignore_ascii_case(name))
}

/// Whether a parameter belongs into the address of such an endpoint.
fn is_of_sign_in(name: &str) -> bool {
    matches!(name, "state" | "nonce" | "code_challenge") || name.ends_with("_hint")
}

/// Returns the fields of a request to the token service whose values are kept.
fn fields(entry: &RecordedEntry, query: &str) -> Vec<(String, String)> {
    let of_body = form::fields_of_bytes(entry.request_body());
    let kept = of_body.chain(form::fields(query)).filter(|(name, _)| FIELDS.contains(&&**name));
    kept.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Returns a number of the user name in a request to the token service.
fn user(entry: &RecordedEntry) -> u64 {
    let name = form::fields_of_bytes(entry.request_body()).find(|(name, _)| name == "username");
    name.map_or(0, |(_, name)| number(&&*name))
}

/// A link to a further page, or the address of a request for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The path, without host and world.
    pub(super) path: String,
    /// The decoded options, sorted.
    pub(super) options: Vec<(String, String)>,
}

impl Link {
    fn of(url: &str) -> Link {
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let after_host = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
        let path = &after_host[prefix_of(after_host).len()..];
        let options = form::fields(query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Link::new(path, options)
    }

    /// Returns the address of a request.
    pub(super) fn to(call: &Call<'_>) -> Link {
        Link::new(&call.path, call.query.clone())
    }

    fn new(path: &str, options: Vec<(String, String)>) -> Link {
        let name = |name: String| name.strip_prefix('$').unwrap_or(&name).to_ascii_lowercase();
        let mut options: Vec<(String, String)> = options.into_iter().map(|(key, value)| (name(key), value)).collect();
        options.sort();
        Link { path: path.to_owned(), options }
    }

    /// Returns the value of an option.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
