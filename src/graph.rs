//! The pipeline: one request in, one answer out, in the order in which the service checks.
//!
//! [`answer`] is a pure function of a tenant's state and a request. It does no I/O and never waits; what must happen outside is part
//! of what it returns.

mod body;
mod explain;
mod heads;
mod respond;
mod route;
mod write;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Uri};

use crate::behavior::{CollectionCount, ContentType, Preflight, WrongMethod};
use crate::model::{StructuredType, Version};
use crate::odata::error::{self, Error};
use crate::odata::format::Format;
use crate::odata::prefer::Preferences;
use crate::odata::read::Origin;
use crate::odata::value::Entity;
use crate::odata::write::{Shape, separate, write_entity};
use crate::tenant::Tenant;
use heads::Heads;
use respond::{Change, Stamp, Success};
use route::Route;

/// The largest body, packed or unpacked: Graph takes up to 4 MB
/// (learn.microsoft.com/graph/sdks/large-file-upload: larger files need an upload session).
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// How long the text of an entity may become, roughly.
const ENTITY_ROOM: usize = 824;

/// A request, freed of its connection.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target: path and query, or a whole address.
    pub target: Uri,
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// The body of a request.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// It was larger than [`BODY_LIMIT`], and was not kept.
    TooLarge,
}

/// What the pipeline does next.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a step is taken apart where it is returned, and nearly all of them are answers")]
pub enum Step {
    /// The request is answered.
    Done(Answer),
    /// The answer depends on a call that must be made outside, whose outcome the pipeline goes on with.
    Call(Pending),
}

/// A request that waits for the outcome of a call. No operation makes calls yet, so none of them exists.
#[derive(Debug)]
pub enum Pending {}

/// An answer, and how it is delivered.
#[derive(Debug)]
pub struct Answer {
    /// Status, headers and body.
    pub response: Response<Bytes>,
    /// How it is delivered.
    pub delivery: Delivery,
    /// Why the request was refused, if it was.
    pub refused: Option<Error>,
    /// What was skipped in the body because a behavior says so.
    pub skipped: Vec<String>,
}

/// How an answer is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// At once.
    AtOnce,
    /// After this time.
    After(Duration),
    /// Up to this many bytes of the body; then the connection ends.
    CutShort(usize),
    /// Not at all: the connection ends.
    Reset,
}

/// Answers a request.
pub fn answer(tenant: &Tenant, request: &Request) -> Step {
    let heads = Heads::of(&request.headers);
    let stamp = Stamp::of(tenant, heads);
    if heads.has_origin && is_preflight(tenant, request) {
        return Step::Done(respond::preflight(request, &stamp));
    }
    let mut skipped = Vec::new();
    let mut answer = match decide(tenant, request, &stamp, &mut skipped) {
        Ok(success) => respond::success(tenant, &stamp, success),
        Err(error) => respond::refusal(tenant, &stamp, error),
    };
    answer.skipped = skipped;
    Step::Done(answer)
}

/// Answers a request whose handling failed in a way that should not exist.
pub fn internal_error(tenant: &Tenant, request: &Request) -> Answer {
    respond::refusal(tenant, &Stamp::of(tenant, Heads::of(&request.headers)), Error::new(&error::INTERNAL, &[]))
}

fn is_preflight(tenant: &Tenant, request: &Request) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && tenant.behaviors.preflight == Preflight::Allow
}

/// The operations on a collection and on an entity.
enum Operation<'k> {
    List,
    Create,
    Get(&'k str),
    Update(&'k str),
    Delete(&'k str),
}

/// Decides what a request is answered with. The order of the checks is that of the service: version and path, content type and
/// JSON, names and kinds and annotations, existence of the entity, values; then the change is made. Where the service asks whether
/// it can answer in the form that the client accepts is not known; here it is behind the path, so that nothing is stored before.
fn decide(tenant: &Tenant, request: &Request, stamp: &Stamp<'_>, skipped: &mut Vec<String>) -> Result<Success, Error> {
    let route = route::resolve(&tenant.schema, request.target.path())?;
    let operation = operation(tenant, &route, &request.method)?;
    let (heads, query) = (stamp.heads, request.target.query());
    let format = match operation {
        // What has no body has no format.
        Operation::Delete(_) => Format::default(),
        _ if query.is_none() && !heads.wants_format => Format::default(),
        _ => Format::of(&request.headers, query, &tenant.behaviors)?,
    };
    let preferences = if heads.has_preferences { Preferences::of(&request.headers) } else { Preferences::default() };
    let context = Context { tenant, request, heads, now: stamp.now, preferences, format, route: &route };
    match operation {
        Operation::List => Ok(list(&context)),
        Operation::Get(key) => get(&context, key),
        Operation::Create => write::create(&context, &write::read_body(&context, Origin::Create, skipped)?),
        Operation::Update(key) => write::update(&context, key, &write::read_body(&context, Origin::Update, skipped)?),
        Operation::Delete(key) => write::delete(&context, key),
    }
}

fn operation<'r>(tenant: &Tenant, route: &'r Route<'_>, method: &Method) -> Result<Operation<'r>, Error> {
    match (route.key.as_deref(), method.as_str()) {
        (None, "GET") => Ok(Operation::List),
        (None, "POST") => Ok(Operation::Create),
        (Some(key), "GET") => Ok(Operation::Get(key)),
        (Some(key), "PATCH") => Ok(Operation::Update(key)),
        (Some(key), "DELETE") => Ok(Operation::Delete(key)),
        (key, _) => {
            let refusal = match tenant.behaviors.wrong_method {
                WrongMethod::UnknownError => &error::UNROUTED_METHOD,
                WrongMethod::MethodNotAllowed => &error::METHOD_NOT_ALLOWED,
            };
            let expected = if key.is_some() { "GET, PATCH or DELETE" } else { "GET or POST" };
            Err(Error::new(refusal, &[]).with_detail(format!("found {method}, expected {expected}")))
        }
    }
}

/// What the operations work with.
struct Context<'c> {
    tenant: &'c Tenant,
    request: &'c Request,
    heads: Heads<'c>,
    /// The one time of everything that the request does.
    now: SystemTime,
    preferences: Preferences,
    format: Format,
    route: &'c Route<'c>,
}

impl<'c> Context<'c> {
    fn structured(&self) -> &'c StructuredType {
        self.route.structured()
    }

    fn version(&self) -> Version {
        self.route.model.version
    }

    /// Returns the path of the collection behind the version.
    fn collection_path(&self) -> &'c str {
        &self.tenant.schema.set(self.route.set).path
    }

    /// Writes scheme and host as the client used them, or as a behavior fixes them. The text may be put into JSON as it is.
    fn write_base_url(&self, out: &mut Vec<u8>) {
        if let Some(fixed) = &self.tenant.behaviors.base_url {
            out.extend_from_slice(fixed.as_bytes());
            return;
        }
        out.extend_from_slice(if self.request.is_secure { b"https://" } else { b"http://" });
        let host = match self.request.target.authority() {
            // Whatever stands before the host is for the host's eyes only.
            Some(authority) => authority.as_str().rsplit('@').next().map(str::as_bytes),
            None => self.heads.host.map(HeaderValue::as_bytes),
        };
        // A client of HTTP/1.0 may send no host, and what has other characters than RFC 3986 allows is none.
        let is_host = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'-' | b'_' | b'~' | b':' | b'[' | b']' | b'%' | b'!' | b'$' | b'&'..=b',' | b';' | b'=');
        let host = host.filter(|host| !host.is_empty() && host.iter().all(is_host));
        out.extend_from_slice(host.unwrap_or(b"localhost"));
    }

    /// Begins a body: the context URL, unless the metadata level has none. `shape` is what follows the collection in it.
    ///
    /// The text is given the room for what follows, so that it is not moved when it grows. No more than that: the allocator gives
    /// pieces below a kilobyte much quicker.
    fn begin(&self, shape: &str, room: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(200 + room);
        out.push(b'{');
        if self.shape().has_context() {
            out.extend_from_slice(b"\"@odata.context\":\"");
            self.write_base_url(&mut out);
            for part in ["/", self.version().segment(), "/$metadata#", self.collection_path(), shape, "\""] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out
    }

    fn shape(&self) -> Shape<'c> {
        let knows_hidden = self.preferences.include_unknown_enum_members;
        Shape::of(self.route.model, &self.tenant.behaviors, self.format.level, knows_hidden)
    }

    /// Returns what of the request's preferences an answer without a choice of its own obeyed.
    fn enum_preference(&self) -> Option<&'static str> {
        Preferences { answer: None, ..self.preferences }.applied()
    }

    /// Returns a success that shows a body.
    fn shown(&self, status: StatusCode, body: Vec<u8>, decided: Vec<&'static str>) -> Success {
        let content_type = match self.tenant.behaviors.content_type {
            ContentType::Parameters => self.format.content_type(),
            ContentType::Plain if self.format.level.is_some() => self.format.content_type(),
            ContentType::Plain => HeaderValue::from_static("application/json"),
        };
        Success {
            status,
            body: Some((content_type, body)),
            location: None,
            preference_applied: None,
            decided,
            change: Change::default(),
        }
    }

    /// Writes the body that shows one entity.
    fn entity_body(&self, entity: &Entity) -> Vec<u8> {
        let mut out = self.begin("/$entity", entity.text_length().unwrap_or(ENTITY_ROOM));
        write_entity(&self.shape(), self.structured(), self.collection_path(), entity, &mut out);
        out.push(b'}');
        out
    }

    fn not_found(&self, key: &str) -> Error {
        let detail = format!("{} has no entity with the id {key:?}", self.collection_path());
        let words = self.structured().words;
        let error = Error::new(&error::UNKNOWN_ID, &[words.noun]).with_detail(detail);
        Error { inner_code: Some(words.not_found_code), ..error }
    }
}

fn list(context: &Context<'_>) -> Success {
    let entities: Vec<Arc<Entity>> = context.tenant.store.collection(context.route.set).list();
    let mut out = context.begin("", entities.len() * ENTITY_ROOM);
    if context.tenant.behaviors.collection_count == CollectionCount::Always {
        separate(&mut out);
        let quote = if context.format.is_ieee754_compatible { "\"" } else { "" };
        out.extend_from_slice(format!("\"@odata.count\":{quote}{}{quote}", entities.len()).as_bytes());
    }
    separate(&mut out);
    out.extend_from_slice(b"\"value\":[");
    let shape = context.shape();
    for (index, entity) in entities.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        write_entity(&shape, context.structured(), context.collection_path(), entity, &mut out);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    let mut decided = explain::shown(context, entities.iter().map(AsRef::as_ref));
    decided.push("collection-count");
    Success { preference_applied: context.enum_preference(), ..context.shown(StatusCode::OK, out, decided) }
}

fn get(context: &Context<'_>, key: &str) -> Result<Success, Error> {
    let shown = context.tenant.store.collection(context.route.set).look(key, |entity| {
        let decided = explain::shown(context, std::iter::once(entity));
        context.shown(StatusCode::OK, context.entity_body(entity), decided)
    });
    let success = shown.ok_or_else(|| context.not_found(key))?;
    Ok(Success { preference_applied: context.enum_preference(), ..success })
}
