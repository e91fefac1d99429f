//! The pipeline: one request in, one answer out, in the order in which the service checks.
//!
//! [`answer`] is a pure function of a tenant's state and a request. It does no I/O and never waits; what must happen outside is part
//! of what it returns.

mod approval;
mod batch;
mod body;
mod call;
mod describe;
mod explain;
mod fault;
mod handshake;
mod heads;
mod list;
pub mod outbound;
mod property;
mod record;
mod respond;
mod route;
mod stubbed;
mod write;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Uri};

use crate::edm::address::entity_address;
use crate::edm::schema::{Model, StructuredType, UpdateMethod, Version, Workload};
use crate::edm::value::Entity;
use crate::entra::check;
use crate::entra::token_service::{self, EntraRoute};
use crate::graph::outbound::CallRecord;
use crate::odata;
use crate::odata::error::Error;
use crate::odata::format::Format;
use crate::odata::prefer::Preferences;
use crate::odata::query::select::Select;
use crate::odata::query::{Query, QueryTarget, Scope};
use crate::odata::read::Origin;
use crate::odata::write::{Holder, Representation, write_entity, write_selected};
use crate::policy::behavior::{ContentType, Hsts, Preflight, WrongMethod};
use crate::policy::permissions;
use crate::policy::refusal;
use crate::workloads::shifts::ConnectorEndpoint;
use crate::world::fault::{FaultSubject, Slow};
use crate::world::journal::EntityChange;
use crate::world::store::CollectionRef;
use crate::world::{World, prefix_of};
pub use call::Pending;
use call::{ConnectorReply, ConnectorRequest};
use heads::RequestFacts;
pub use record::record_call;
use respond::{ResponseMeta, Success};
pub use route::EntityPath;
use route::{PropertyTail, Route, Tail, Target};

/// The largest body, packed or unpacked: Graph takes up to 4 MB
/// (learn.microsoft.com/graph/sdks/large-file-upload: larger files need an upload session).
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// How long the text of an entity may become, roughly.
const ENTITY_ROOM: usize = 824;

/// A request, freed of its connection.
#[derive(Clone, Debug)]
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

impl Request {
    /// Returns the path without the prefix that names a tenant.
    pub fn path(&self) -> &str {
        let path = self.target.path();
        &path[prefix_of(path).len()..]
    }

    /// Returns path and query without the prefix that names a tenant.
    pub fn path_and_query(&self) -> &str {
        let whole = self.target.path_and_query().map_or("/", |target| target.as_str());
        &whole[prefix_of(self.target.path()).len()..]
    }
}

/// The body of a request.
#[derive(Clone, Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// It was larger than [`BODY_LIMIT`], and was not kept.
    TooLarge,
}

/// What the pipeline does next.
#[derive(Debug)]
pub enum Step {
    /// The request is answered. An answer is large, and passes through many hands.
    Done(Box<Answer>),
    /// The answer depends on a call that must be made outside, whose outcome the pipeline goes on with.
    Call(Box<Pending>),
}

/// An answer, and how it is delivered.
#[derive(Debug)]
pub struct Answer {
    /// Status, headers and body.
    pub response: Response<Bytes>,
    /// How it is delivered.
    pub delivery: Delivery,
    /// Why the request was refused, if it was.
    pub refused: Option<Error>,
    /// The rules of faults that struck.
    pub struck: Option<String>,
    /// What was skipped in the body because a behavior says so.
    pub skipped: Vec<String>,
    /// Which requests of a batch were refused, by their places, and why.
    pub refused_items: Vec<(usize, Error)>,
    /// The calls to connectors on which the answer depends.
    pub calls: Vec<CallRecord>,
    /// What became of an entity, until the journal has it.
    change: Option<EntityChange>,
    /// Whether the headers are the usual ones.
    is_usual: bool,
}

/// How an answer is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How long it is held back.
    pub delay: Duration,
    /// How much of it arrives, and how.
    pub form: DeliveryForm,
}

/// How much of an answer arrives, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryForm {
    /// All of it.
    Whole,
    /// All of it, the body in pieces.
    Slow(Slow),
    /// Up to this many bytes of the body; then the connection ends.
    CutShort(usize),
    /// Nothing: the connection ends.
    Reset,
    /// Nothing: the connection stays open without an answer.
    Silence,
}

impl Delivery {
    /// All of it at once.
    pub const AT_ONCE: Delivery = Delivery { delay: Duration::ZERO, form: DeliveryForm::Whole };
}

impl Answer {
    /// Returns an answer that arrives whole and at once.
    pub fn of(response: Response<Bytes>) -> Answer {
        Answer {
            response,
            delivery: Delivery::AT_ONCE,
            refused: None,
            struck: None,
            skipped: Vec::new(),
            refused_items: Vec::new(),
            calls: Vec::new(),
            change: None,
            is_usual: false,
        }
    }
}

/// Answers a request, as the rules of faults allow it, and writes it into the journal.
pub fn answer(world: &World, request: &Request) -> Step {
    if let Some(place) = EntraRoute::of(request.path()) {
        // The token service is none of Graph's, and no rule of faults is for it.
        let answer = answer_as_entra(world, request, &place);
        return Step::Done(Box::new(record::record_at(world, request, world.clock.now(), answer)));
    }
    let stamp = ResponseMeta::of(world, request);
    exchange(world, request, &stamp, answer_as_usual)
}

/// A way to answer a request. A plain function, so that a suspended batch can keep it.
type Way = fn(&World, &Request, &ResponseMeta<'_>) -> Step;

/// Answers a request in some way, unless rules of faults want it otherwise, and writes it into the journal.
fn exchange(world: &World, request: &Request, stamp: &ResponseMeta<'_>, way: Way) -> Step {
    let path = request.path();
    // Rules are for requests. A batch holds some, and is struck itself only if a rule names its path.
    let is_named_only = odata::batch::version_of(path).is_some();
    let struck = world.faults.decide(FaultSubject { method: &request.method, path, is_named_only, now: stamp.now });
    let step = match struck {
        None => way(world, request, stamp),
        Some(decision) => fault::strike(world, request, stamp, decision, way),
    };
    record::record(world, request, stamp, step)
}

fn answer_as_usual(world: &World, request: &Request, stamp: &ResponseMeta<'_>) -> Step {
    if stamp.heads.has_origin && is_preflight(world, request) {
        return Step::Done(Box::new(respond::preflight(request, stamp)));
    }
    match odata::batch::version_of(request.path()) {
        Some(version) => batch::answer(world, request, stamp, version, answer_item),
        None => answer_one(world, request, stamp),
    }
}

/// Answers a request of a batch.
fn answer_item(world: &World, request: &Request, stamp: &ResponseMeta<'_>) -> Step {
    exchange(world, request, stamp, answer_one)
}

/// Answers a request that is no batch, alone or as part of one.
fn answer_one(world: &World, request: &Request, stamp: &ResponseMeta<'_>) -> Step {
    answer_knowing(world, request, stamp, None)
}

/// Answers a request for the first time, or again with the reply of the connector that was asked the first time: then everything is
/// read, checked and merged on the state as it is now.
fn answer_knowing(world: &World, request: &Request, stamp: &ResponseMeta<'_>, reply: Option<ConnectorReply>) -> Step {
    let mut skipped = Vec::new();
    let mut answer = match decide(world, request, stamp, reply.as_ref(), &mut skipped) {
        Ok(Decision::Answered(mut success)) => {
            let change = success.change.take();
            let mut answer = respond::success(world, stamp, success);
            answer.change = change;
            answer
        }
        Ok(Decision::ApprovalRule(question)) => {
            let made = reply.map(|reply| reply.made).unwrap_or_default();
            return call::ask(world, request, stamp, *question, made);
        }
        Err(error) => Box::new(match stubbed::answer(world, request, stamp, error) {
            Ok(answer) => answer,
            Err(error) => respond::refusal(world, stamp, error),
        }),
    };
    answer.skipped = skipped;
    answer.calls = reply.map(|reply| reply.made).unwrap_or_default();
    Step::Done(answer)
}

/// What the operations come to.
enum Decision {
    /// The request is not refused.
    Answered(Success),
    /// A connector has a say in it, and was not asked yet.
    ApprovalRule(Box<ConnectorRequest>),
}

/// Returns what a stored integration says of its connector.
pub fn endpoint(world: &World, id: &str) -> Option<ConnectorEndpoint> {
    approval::integration(world, id).map(|integration| integration.endpoint())
}

/// Answers a request whose handling failed in a way that should not exist.
pub fn internal_error(world: &World, request: &Request) -> Answer {
    respond::refusal(world, &ResponseMeta::of(world, request), Error::new(&refusal::INTERNAL, &[]))
}

fn is_preflight(world: &World, request: &Request) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && world.behaviors.preflight == Preflight::Allow
}

/// Answers a request to the token service, which has its own forms of everything.
fn answer_as_entra(world: &World, request: &Request, place: &EntraRoute<'_>) -> Answer {
    let mut base_url = Vec::with_capacity(64);
    write_base_url(request, request.headers.get(header::HOST), &mut base_url);
    let body = match &request.body {
        Body::Whole(body) => body,
        Body::TooLarge => &Bytes::new(),
    };
    let asked = token_service::EntraRequest {
        method: &request.method,
        query: request.target.query().unwrap_or_default(),
        headers: &request.headers,
        body,
        base_url: &String::from_utf8_lossy(&base_url),
    };
    let (mut response, refused) = token_service::answer(world, place, &asked);
    response.headers_mut().insert(header::DATE, respond::date(world.clock.now()));
    if request.is_secure && world.behaviors.hsts == Hsts::Omit {
        response.headers_mut().remove(header::STRICT_TRANSPORT_SECURITY);
    }
    Answer { refused, ..Answer::of(response) }
}

/// Writes scheme, host and the prefix of a tenant as the client used them. The text may be put into JSON as it is.
fn write_base_url(request: &Request, host: Option<&HeaderValue>, out: &mut Vec<u8>) {
    out.extend_from_slice(if request.is_secure { b"https://" } else { b"http://" });
    let host = match request.target.authority() {
        // Whatever stands before the host is for the host's eyes only.
        Some(authority) => authority.as_str().rsplit('@').next().map(str::as_bytes),
        None => host.map(HeaderValue::as_bytes),
    };
    // A client of HTTP/1.0 may send no host, and what has other characters than RFC 3986 allows is none.
    let is_host = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'-' | b'_' | b'~' | b':' | b'[' | b']' | b'%' | b'!' | b'$' | b'&'..=b',' | b';' | b'=');
    let host = host.filter(|host| !host.is_empty() && host.iter().all(is_host));
    out.extend_from_slice(host.unwrap_or(b"localhost"));
    // A client that named its tenant in the path follows links to the same one.
    write_prefix(prefix_of(request.target.path()), out);
}

/// Writes the prefix of a path that names a tenant, if it can stand in JSON as it is: a name with other characters has no tenant.
fn write_prefix(prefix: &str, out: &mut Vec<u8>) {
    if prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~')) {
        out.extend_from_slice(prefix.as_bytes());
    }
}

/// What a request does to what its path names.
enum Operation<'r> {
    List,
    Count,
    Create,
    Get(&'r str),
    Property(&'r str, &'r PropertyTail),
    Update(&'r str),
    Replace(&'r str),
    Delete(&'r str),
}

impl Operation<'_> {
    /// Returns the operation under whose name permissions are listed.
    fn permission(&self) -> permissions::OperationKind {
        match self {
            Operation::List | Operation::Count => permissions::OperationKind::List,
            Operation::Create => permissions::OperationKind::Create,
            Operation::Get(_) | Operation::Property(..) => permissions::OperationKind::Get,
            Operation::Update(_) | Operation::Replace(_) => permissions::OperationKind::Update,
            Operation::Delete(_) => permissions::OperationKind::Delete,
        }
    }
}

/// Decides what a request is answered with. The order of the checks is that of the service: version and path, token, content type
/// and JSON, names and kinds and annotations, existence of the entity, values; then the change is made. Where the service asks whether
/// it can answer in the form that the client accepts is not known; here it is behind the path, so that nothing is stored before.
fn decide(
    world: &World,
    request: &Request,
    stamp: &ResponseMeta<'_>,
    reply: Option<&ConnectorReply>,
    skipped: &mut Vec<String>,
) -> Result<Decision, Error> {
    let route = match route::resolve(&world.schema, request.path())? {
        Target::Entities(route) => route,
        Target::Service(model) => {
            only_get(world, &request.method)?;
            return Ok(Decision::Answered(describe::service(&OperationContext::of(world, request, stamp, model, &())?)));
        }
        Target::Metadata(model) => {
            only_get(world, &request.method)?;
            return Ok(Decision::Answered(describe::metadata(world, model)));
        }
        Target::Singleton(singleton) => {
            check::authenticate(world, &request.headers)?;
            only_get(world, &request.method)?;
            let context = OperationContext::of(world, request, stamp, singleton.model, &singleton)?;
            return property::singleton(&context).map(Decision::Answered);
        }
    };
    let checked = check::authenticate(world, &request.headers)?;
    let operation = operation(world, &route, &request.method)?;
    check::authorize(world, &request.headers, checked.as_ref(), &route.structured().full_name, operation.permission())?;
    let format = match operation {
        // What has no JSON body has no format of JSON.
        Operation::Delete(_) | Operation::Count | Operation::Property(_, PropertyTail { is_raw: true, .. }) => Format::default(),
        _ => wanted_format(world, request, stamp)?,
    };
    let context = OperationContext::in_format(world, request, stamp, route.model, &route, format);
    match operation {
        Operation::List => list::list(&context),
        Operation::Count => list::count(&context),
        Operation::Get(key) => get(&context, key),
        Operation::Property(key, path) => property::get(&context, key, path),
        Operation::Create => return write::create(&context, &write::read_body(&context, Origin::Create, skipped)?, reply),
        Operation::Update(key) => {
            return write::update(&context, key, &write::read_body(&context, Origin::Update, skipped)?, reply);
        }
        Operation::Replace(key) => {
            return write::replace(&context, key, &write::read_body(&context, Origin::Create, skipped)?, reply);
        }
        Operation::Delete(key) => return write::delete(&context, key, reply),
    }
    .map(Decision::Answered)
}

fn operation<'r>(world: &World, route: &'r Route<'_>, method: &Method) -> Result<Operation<'r>, Error> {
    let manners = route.structured().manners;
    match (&route.part, route.key.as_deref(), method.as_str()) {
        (Tail::Whole, None, "GET") => Ok(Operation::List),
        (Tail::Whole, None, "POST") if manners.creates => Ok(Operation::Create),
        (Tail::Whole, Some(key), "GET") => Ok(Operation::Get(key)),
        (Tail::Whole, Some(key), "PATCH") if manners.change == Some(UpdateMethod::Patch) => Ok(Operation::Update(key)),
        (Tail::Whole, Some(key), "PUT") if manners.replaces() => Ok(Operation::Replace(key)),
        (Tail::Whole, Some(key), "DELETE") if manners.deletes => Ok(Operation::Delete(key)),
        (Tail::Count, None, "GET") => Ok(Operation::Count),
        (Tail::Property(path), Some(key), "GET") => Ok(Operation::Property(key, path)),
        (Tail::Whole, key, _) => Err(wrong_method(world, method, &manners.methods(key.is_some()))),
        (Tail::Count | Tail::Property(_), _, _) => Err(wrong_method(world, method, &["GET"])),
    }
}

/// Returns the format that a request asks for.
fn wanted_format(world: &World, request: &Request, stamp: &ResponseMeta<'_>) -> Result<Format, Error> {
    let query = request.target.query();
    if query.is_none() && !stamp.heads.wants_format {
        return Ok(Format::default());
    }
    Format::of(&request.headers, query, &world.behaviors)
}

fn only_get(world: &World, method: &Method) -> Result<(), Error> {
    if method == Method::GET { Ok(()) } else { Err(wrong_method(world, method, &["GET"])) }
}

fn wrong_method(world: &World, method: &Method, expected: &[&str]) -> Error {
    let expected = match expected {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => expected.concat(),
    };
    let refusal = match world.behaviors.wrong_method {
        WrongMethod::UnknownError => &refusal::UNROUTED_METHOD,
        WrongMethod::MethodNotAllowed => &refusal::METHOD_NOT_ALLOWED,
    };
    Error::new(refusal, &[]).with_detail(format!("found {method}, expected {expected}"))
}

/// What the operations work with. `R` is what the path names.
struct OperationContext<'c, R = Route<'c>> {
    world: &'c World,
    request: &'c Request,
    heads: RequestFacts<'c>,
    /// The one time of everything that the request does.
    now: SystemTime,
    preferences: Preferences,
    format: Format,
    model: &'c Model,
    route: &'c R,
}

impl<'c, R> OperationContext<'c, R> {
    /// Returns what a request is answered with in the format that it asks for.
    fn of(
        world: &'c World,
        request: &'c Request,
        stamp: &ResponseMeta<'c>,
        model: &'c Model,
        route: &'c R,
    ) -> Result<Self, Error> {
        let format = wanted_format(world, request, stamp)?;
        Ok(OperationContext::in_format(world, request, stamp, model, route, format))
    }

    fn in_format(
        world: &'c World,
        request: &'c Request,
        stamp: &ResponseMeta<'c>,
        model: &'c Model,
        route: &'c R,
        format: Format,
    ) -> Self {
        let heads = stamp.heads;
        let preferences = if heads.has_preferences { Preferences::of(&request.headers) } else { Preferences::default() };
        OperationContext { world, request, heads, now: stamp.now, preferences, format, model, route }
    }

    fn version(&self) -> Version {
        self.model.version
    }

    /// Writes scheme and host into an answer. The text may be put into JSON as it is.
    fn write_base_url(&self, out: &mut Vec<u8>) {
        match &self.world.behaviors.base_url {
            Some(fixed) => out.extend_from_slice(fixed.as_bytes()),
            None => write_base_url(self.request, self.heads.host, out),
        }
    }

    /// Begins a body: the context URL, unless the metadata level has none. `path` and `shape` are what it says of the body.
    ///
    /// The text is given the room for what follows, so that it is not moved when it grows. No more than that: the allocator gives
    /// pieces below a kilobyte much quicker.
    fn begin_at(&self, path: &str, shape: &str, room: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(200 + room);
        out.push(b'{');
        if self.shape().has_context() {
            out.extend_from_slice(b"\"@odata.context\":\"");
            self.write_base_url(&mut out);
            for part in ["/", self.version().segment(), "/$metadata", path, shape, "\""] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out
    }

    fn shape(&self) -> Representation<'c> {
        let knows_hidden = self.preferences.include_unknown_enum_members;
        Representation::of(self.model, &self.world.behaviors, self.format.level, knows_hidden)
    }

    /// Returns what of the request's preferences an answer without a choice of its own obeyed.
    fn enum_preference(&self) -> Option<Cow<'static, str>> {
        Preferences { answer: None, max_page_size: None, ..self.preferences }.applied()
    }

    /// Returns what of the request's preferences a write obeyed.
    fn write_preference(&self) -> Option<Cow<'static, str>> {
        Preferences { max_page_size: None, ..self.preferences }.applied()
    }

    /// Reads the request's query options, which are asked of something of a type; nothing if it has no query.
    fn query(&self, structured: &'c StructuredType, target: QueryTarget) -> Result<Option<Query<'c>>, Error> {
        let Some(text) = self.request.target.query() else { return Ok(None) };
        let behaviors = &self.world.behaviors;
        let scope =
            Scope { model: self.model, structured, behaviors, knows_hidden: self.preferences.include_unknown_enum_members };
        Query::read(text, scope, target).map(Some)
    }

    /// Returns a success that shows a body.
    fn shown(&self, status: StatusCode, body: Vec<u8>, decided: Vec<&'static str>) -> Success {
        let content_type = match self.world.behaviors.content_type {
            ContentType::Parameters => self.format.content_type(),
            ContentType::Plain if self.format.level.is_some() => self.format.content_type(),
            ContentType::Plain => HeaderValue::from_static("application/json"),
        };
        Success { status, body: Some((content_type, body)), location: None, preference_applied: None, decided, change: None }
    }

    /// Returns a success that shows text of another type than JSON.
    fn shown_as(&self, content_type: &'static str, body: Vec<u8>, decided: Vec<&'static str>) -> Success {
        let body = Some((HeaderValue::from_static(content_type), body));
        let preference_applied = self.enum_preference();
        Success { status: StatusCode::OK, body, location: None, preference_applied, decided, change: None }
    }
}

impl<'c> OperationContext<'c> {
    fn structured(&self) -> &'c StructuredType {
        self.route.structured()
    }

    /// Returns the path of the collection behind the version.
    fn collection_path(&self) -> &'c str {
        &self.route.fragment[1..]
    }

    /// Returns the address of an entity of the collection, behind the version.
    fn entity_path(&self, key: &str) -> String {
        entity_address(self.collection_path(), self.is_single(), key)
    }

    /// Whether the collection is one of at most one entity, which has no key in its path.
    fn is_single(&self) -> bool {
        !self.route.holders.is_empty() && self.world.schema.set(self.route.place.set).is_single
    }

    /// Returns what the ids and links of entities tell of the collection.
    fn holder(&self) -> Holder<'c> {
        let path = self.collection_path();
        if self.is_single() { Holder::Single(path) } else { Holder::Collection(path) }
    }

    /// Returns the collection, if all entities are there that contain it.
    fn collection(&self) -> Result<CollectionRef<'c>, Error> {
        for held in &self.route.holders {
            if self.world.store.at(&held.place).get(&held.key).is_none() {
                let address = held.place.address(&self.world.schema, &held.key);
                let structured = self.model.structured(held.type_id);
                return Err(match structured.words.tier {
                    Workload::Shifts => unknown(structured, &address),
                    Workload::Teams => {
                        Error::new(&refusal::UNKNOWN_TEAM_OF_SCHEDULE, &[]).with_detail(format!("there is no {address}"))
                    }
                });
            }
        }
        Ok(self.world.store.at(&self.route.place))
    }

    /// Begins a body that shows a part of the collection.
    fn begin(&self, shape: &str, room: usize) -> Vec<u8> {
        self.begin_at(&self.route.fragment, shape, room)
    }

    /// Writes the body that shows one entity.
    fn entity_body(&self, entity: &Entity) -> Vec<u8> {
        let mut out = self.begin("/$entity", entity.text_length().unwrap_or(ENTITY_ROOM));
        write_entity(&self.shape(), self.structured(), self.holder(), entity, &mut out);
        out.push(b'}');
        out
    }

    /// Writes the body that shows what a client selects of one entity.
    fn selected_body(&self, entity: &Entity, select: &Select) -> Vec<u8> {
        let mut out = self.begin(&format!("({})/$entity", select.list), ENTITY_ROOM);
        write_selected(&self.shape(), self.structured(), self.holder(), entity, &select.selection, &mut out);
        out.push(b'}');
        out
    }

    fn not_found(&self, key: &str) -> Error {
        let path = self.collection_path();
        let error = match self.structured().words.tier {
            Workload::Shifts => unknown(self.structured(), path),
            Workload::Teams => Error::new(&refusal::UNKNOWN_TEAM, &[key]),
        };
        // One without a key is told by its path.
        if self.is_single() { error } else { error.with_detail(format!("{path} has no entity with the id {key:?}")) }
    }
}

/// Refuses an entity that is not there.
fn unknown(structured: &StructuredType, address: &str) -> Error {
    let words = structured.words;
    let error = Error::new(&refusal::UNKNOWN_ID, &[words.noun]).with_detail(format!("there is no {address}"));
    Error { inner_code: Some(words.not_found_code), ..error }
}

fn get(context: &OperationContext<'_>, key: &str) -> Result<Success, Error> {
    let query = context.query(context.structured(), QueryTarget::Entity)?;
    let select = query.as_ref().and_then(|query| query.select.as_ref());
    let shown = context.collection()?.look(key, |entity| {
        let selection = select.map(|select| &select.selection);
        let mut decided = explain::shown(context, std::iter::once(entity), selection);
        decided.extend(query.iter().filter_map(Query::doubted));
        let body = match select {
            None => context.entity_body(entity),
            Some(select) => context.selected_body(entity, select),
        };
        context.shown(StatusCode::OK, body, decided)
    });
    let success = shown.ok_or_else(|| context.not_found(key))?;
    Ok(Success { preference_applied: context.enum_preference(), ..success })
}
