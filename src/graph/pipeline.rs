//! The pipeline: one request in, one answer out, in named stages.
//!
//! [`answer()`] is a pure function of a world's state and a request. It does no I/O and never waits; a required outgoing call is part of
//! its result. `answer_promptly` also returns a long computation, instead of doing it.
//!
//! The order of the checks is the service's: version and path, token, permission, content type and JSON, names and types and
//! annotations, existence of the entity, values; then the change is committed. The service's position of content negotiation is unknown;
//! here it precedes the operation, so that a client that accepts no emulated format changes nothing.

use std::borrow::Cow;

use http::{Method, header};

use crate::entra::check::{self, AskedOperation};
use crate::graph::answer;
use crate::graph::context::OperationContext;
use crate::graph::facts::RequestFacts;
use crate::graph::meta::ResponseMeta;
use crate::graph::notices::{self, Notices};
use crate::graph::ops::{self, Operation, Outcome};
use crate::graph::request::Request;
use crate::graph::route::{self, Lookup, Resource, Tail};
use crate::graph::step::{Answer, Computation, Step};
use crate::graph::target::{self, Target};
use crate::graph::{batch, consult, entra, faults, journal, negotiate, packing, sessions, storage, stubs, unread};
use crate::odata::error::Error;
use crate::odata::format::Format;
use crate::odata::prefer::Preferences;
use crate::odata::purse::Purse;
use crate::policy::behavior::{Compression, Head, Preflight};
use crate::policy::permissions::OperationKind;
use crate::policy::refusal;
use crate::world::World;
use crate::world::fault::Failure;
use crate::world::store::recorded;
use crate::world::workload::Reply;

/// Answers a request and records it in the journal.
pub fn answer(world: &World, request: &Request) -> Step {
    answer_within(world, request, Purse::whole())
}

/// Answers a request like [`answer()`], except that a computation of more than about a millisecond is the next step.
pub(crate) fn answer_promptly(world: &World, request: &Request) -> Step {
    answer_within(world, request, Purse::prompt())
}

fn answer_within(world: &World, request: &Request, purse: Purse) -> Step {
    let world = world.current();
    let target = Target::of(request.path());
    if let Target::Entra(route) = &target {
        let now = world.clock.now();
        let respond = || {
            let answer = match as_get(world, request) {
                Some(get) => answer::without_body(entra::answer(world, &get, route, None)),
                None => entra::answer(world, request, route, None),
            };
            Step::Done(Box::new(answer))
        };
        // Only fault rules with its path apply to the token service, which is not part of Graph.
        if entra::takes_long(world) && !purse.spare(u64::MAX) {
            let request = request.clone();
            return Computation::step(move |world, _| answer_within(world, &request, Purse::whole())).with_purse(purse);
        }
        let is_refused = request.method != Method::OPTIONS;
        let fault = if is_refused { faults::decide(world, request, now, true) } else { None };
        let refuse = |failure: &Failure, rules: &str| entra::answer(world, request, route, Some(failure.to_entra_error(rules)));
        let step = match fault {
            None => respond(),
            Some(fault) => fault.apply(world, refuse, respond),
        };
        return step.map_done(|answer| journal::record_answer(world, request, now, answer));
    }
    let meta = ResponseMeta::of(world, request, &purse);
    let step = match target {
        Target::Batch(version) => {
            run(world, request, &meta, true, |world, request, meta| batch::answer(world, request, meta, version, answer_single))
        }
        Target::Entra(_) | Target::Graph => answer_single(world, request, &meta),
    };
    let is_packed = world.behaviors.compression == Compression::Gzip && packing::is_wanted(request);
    let step = if is_packed { step.map_answer(packing::packed) } else { step };
    step.with_purse(purse)
}

/// Answers a request that is not a batch, alone or in one.
fn answer_single(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> Step {
    run(world, request, meta, false, |world, request, meta| match as_get(world, request) {
        Some(get) => operate(world, &get, meta, None).map_answer(answer::without_body),
        None => operate(world, request, meta, None),
    })
}

/// Returns the GET request that a HEAD request means (behavior `head`).
fn as_get(world: &World, request: &Request) -> Option<Request> {
    let is_head = request.method == Method::HEAD && world.behaviors.head == Head::Get;
    is_head.then(|| Request { method: Method::GET, ..request.clone() })
}

/// Answers a request whose handling panicked.
pub(crate) fn internal_error(world: &World, request: &Request) -> Answer {
    answer::refusal(world, &ResponseMeta::of(world, request, &Purse::whole()), Error::new(&refusal::INTERNAL, &[]))
}

/// Runs a request's own stages between the first and the last one: faults and journal.
fn run(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    is_batch: bool,
    respond: impl FnOnce(&World, &Request, &ResponseMeta<'_>) -> Step,
) -> Step {
    let respond = || {
        if is_preflight(world, request, meta) {
            return Step::Done(Box::new(answer::preflight(request, meta)));
        }
        respond(world, request, meta)
    };
    // A preflight only asks whether a request may be sent.
    let is_subject = !is_preflight(world, request, meta);
    let fault = if is_subject { faults::decide(world, request, meta.now, is_batch) } else { None };
    let refuse = |failure: &Failure, rules: &str| answer::refusal(world, meta, failure.to_error(rules));
    let step = match fault {
        None => respond(),
        Some(fault) => fault.apply(world, refuse, respond),
    };
    journal::record(world, request, meta, is_batch, step)
}

/// Answers a request to Graph. After a consultation it runs again with the reply: everything is read, checked and merged on the state at
/// that time.
fn operate(world: &World, request: &Request, meta: &ResponseMeta<'_>, reply: Option<Reply>) -> Step {
    // A batch may have widened the world.
    let world = world.current();
    let mut skipped = Vec::new();
    // Notifications are put together on a thread that has the time. It is left before anything has happened.
    let is_read = request.method == Method::GET || request.method == Method::HEAD;
    if !is_read && world.outbox.is_awake() && !meta.purse.spare(u64::MAX) {
        return interrupted(request, meta);
    }
    let mut respond = || stages(world, request, meta, reply.as_ref(), &mut skipped);
    let (outcome, mut notices) = if world.outbox.is_awake() {
        let ended = notices::attend(world, meta.answered);
        let (outcome, changes) = recorded(respond);
        (outcome, Notices { ended, changes, is_woken: false })
    } else {
        (respond(), Notices::default())
    };
    if outcome.is_err() && meta.purse.is_interrupted() {
        notices.keep(world);
        return interrupted(request, meta);
    }
    let outcome = match outcome {
        Err(error) if unread::may_know(world, request, &error) => {
            notices.keep(world);
            if let Ok(answer) = stubs::or_error(world, request, meta, error) {
                return Step::Done(Box::new(answer));
            }
            return if unread::is_spared(world, meta) {
                operate(world.widen(), request, meta, reply)
            } else {
                interrupted(request, meta)
            };
        }
        outcome => outcome,
    };
    let calls = reply.map(|reply| reply.calls).unwrap_or_default();
    let mut answer = match outcome {
        Ok(Outcome::Declared(success)) => {
            Box::new(stubs::recorded(world, request, meta).unwrap_or_else(|| *answer::success(world, meta, success)))
        }
        Ok(Outcome::Success(mut success)) => {
            if meta.facts.has_conditions && success.decided.contains(&"if-match") {
                skipped.push("If-Match".to_owned());
            }
            let change = success.change.take();
            notices.has_changed(world, change.as_ref());
            let mut answer = answer::success(world, meta, success);
            answer.change = change;
            answer
        }
        Ok(Outcome::Consult(consultation)) => {
            notices.keep(world);
            return consult::begin(world, request, meta, consultation, calls, operate);
        }
        Err(error) => {
            notices.changes.clear();
            Box::new(stubs::answer_or_refuse(world, request, meta, error))
        }
    };
    answer.notifications = notices.notifications(world, meta);
    answer.skipped = skipped;
    answer.calls = calls;
    Step::Done(answer)
}

/// Answers a request again, on a thread that has the time. Only reads are interrupted, and what has not begun: nothing has happened yet.
fn interrupted(request: &Request, meta: &ResponseMeta<'_>) -> Step {
    let (request, ids) = (request.clone(), meta.ids());
    Computation::step(move |world, purse| {
        let meta = ResponseMeta::resumed(world, RequestFacts::of(&request.headers), &ids, purse);
        operate(world, &request, &meta, None)
    })
}

/// The steps of an ordinary request: twenty of them in a batch are prompt, if they ask for little.
const REQUEST_STEPS: u64 = 3_000;

/// The steps for reading a byte of a query: a list of short names is split, looked up, and repeated.
const QUERY_BYTE_STEPS: u64 = 24;

/// Whether the thread can spare the time to read a request.
fn is_spared(request: &Request, meta: &ResponseMeta<'_>) -> bool {
    let query = request.target.query().map_or(0, |query| u64::try_from(query.len()).unwrap_or(u64::MAX));
    let is_packed = meta.facts.has_coding && request.is_packed();
    let steps = if is_packed { u64::MAX } else { query.saturating_mul(QUERY_BYTE_STEPS).saturating_add(REQUEST_STEPS) };
    meta.purse.spare(steps)
}

/// The stages between faults and answer: route, authenticate, authorize, negotiate, operate.
fn stages(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    reply: Option<&Reply>,
    skipped: &mut Vec<String>,
) -> Result<Outcome, Error> {
    if !is_spared(request, meta) {
        // The request is read again on another thread: this error is discarded.
        return Err(Error::new(&refusal::INTERNAL, &[]));
    }
    if let Some(place) = target::storage(request.path()) {
        return storage::answer(world, request, meta, place).map(Outcome::from);
    }
    if let Some(answer) = sessions::answer(world, request, meta) {
        return answer.map(Outcome::from);
    }
    if let Some(error) = unread::refusal_for_stub(world, request)? {
        return Err(error);
    }
    let resource = route::resolve(&world.schema, &Lookup::of(world, &request.headers, meta.purse), request.path())?;
    if let Resource::Operation(model, call) = &resource {
        let credentials = check::authenticate(world, &request.headers)?;
        let addresses = || vec![call.segments.clone()];
        let method = request.method.as_str();
        let asked = AskedOperation { resource: None, kind: OperationKind::Create, addresses: &addresses, method };
        let decided = check::authorize(world, &request.headers, credentials.as_ref(), asked)?;
        let outcome = ops::operation::call_unbound(world, request, meta, model, call, skipped)?;
        return Ok(outcome.with_decided(decided.as_slice()));
    }
    // They name all that there is.
    if let Resource::Service(model) | Resource::Metadata(model) = &resource
        && model.is_partial
    {
        return Err(Error::new(&refusal::UNKNOWN_PROPERTY, &["$metadata", ""]));
    }
    if let Resource::Metadata(model) = &resource
        && world.schema.is_document_unread(model.version)
        && !meta.purse.spare(u64::MAX)
    {
        // It is put together on another thread: this error is discarded.
        return Err(Error::new(&refusal::INTERNAL, &[]));
    }
    let Resource::Entities(mut route) = resource else {
        return ops::describe::answer(world, request, meta, &resource).map(Outcome::from);
    };
    let credentials = check::authenticate(world, &request.headers)?;
    if matches!(request.method, Method::POST | Method::PUT)
        && let Some((collection, key)) = route.new_in.take_if(|(_, key)| key.is_some() == (request.method == Method::PUT))
    {
        route.home = Some(collection.path(&world.schema).into_owned());
        route.collection = collection;
        route.key = key.map(Cow::Owned).or(route.key);
    }
    let is_upsert = request.method == Method::PATCH && route.tail == Tail::Whole && route.operation.is_none();
    if !is_upsert || !meta.facts.has_preferences || !Preferences::has(&request.headers, "create-if-missing") {
        route.upsert = None;
    } else if route.upsert.is_some() {
        (route.key, route.missing) = (None, None);
    }
    let operation = Operation::of(world, &route, &request.method)?;
    let asked = AskedOperation {
        resource: Some((route.model, route.structured())),
        kind: operation.kind(),
        addresses: &|| route.published_addresses(world),
        method: request.method.as_str(),
    };
    let decided = check::authorize(world, &request.headers, credentials.as_ref(), asked)?;
    // Only JSON has a format to negotiate.
    let format = if operation.has_json() { negotiate::accepted_format(world, request, meta)? } else { Format::default() };
    let context = OperationContext::new(world, request, meta, route.model, &route, format);
    let outcome = ops::run(&operation, &context, reply, skipped)?;
    Ok(if decided.is_some() { outcome.with_decided(decided.as_slice()) } else { outcome })
}

fn is_preflight(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> bool {
    meta.facts.has_origin
        && request.method == Method::OPTIONS
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && world.behaviors.preflight == Preflight::Allow
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::{Value, json};

    use super::*;
    use crate::graph::request::{Body, Via};
    use crate::policy::behavior::{ExpensiveQuery, PageBytes, Top};
    use crate::world::clock::Clock;
    use crate::world::fault::{Effect, FaultRule};
    use crate::world::fixture;
    use crate::world::journal::{JournalQuery, Secrets};
    use crate::world::settings::Settings;

    const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

    /// A filter that takes longer than a thread can spare.
    const LONG: &str = "/v1.0/teamwork/workforceIntegrations?$filter=contains(toupper(displayName),'Z')";

    /// Returns a world of entities with names of these lengths.
    fn world(lengths: &[usize], change: impl FnOnce(&mut Settings)) -> World {
        let mut settings = Settings { seed: 1, clock: Clock::Fixed(SystemTime::UNIX_EPOCH), ..crate::workloads::settings() };
        let entity =
            |(index, length): (usize, &usize)| json!({ "id": format!("WFI_{index}"), "displayName": "a".repeat(*length) });
        let entities: Vec<Value> = lengths.iter().enumerate().map(entity).collect();
        let text = json!({ "workforceIntegrations": entities }).to_string();
        settings.entities = fixture::read(&settings.schema, &settings.behaviors, "fixtures.json", text.as_bytes()).unwrap();
        change(&mut settings);
        World::new(settings)
    }

    fn request(method: Method, target: &str, body: &Value) -> Request {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Request {
            method,
            target: target.parse().unwrap(),
            is_secure: false,
            via: Via::Direct,
            arrival: crate::world::journal::Arrival::default(),
            headers,
            body: Body::Whole(body.into()),
        }
    }

    fn get(target: &str) -> Request {
        request(Method::GET, target, &Value::Null)
    }

    /// Answers promptly, and computes if need be. Returns whether it was, with the answer.
    fn played(world: &World, request: &Request) -> (bool, Box<Answer>) {
        match answer_promptly(world, request) {
            Step::Done(answer) => (false, answer),
            Step::Call(_) => panic!("nothing is called"),
            Step::Compute(computation) => {
                let Step::Done(answer) = computation.run(world) else { panic!("a computation is not interrupted") };
                (true, answer)
            }
        }
    }

    fn json_of(answer: &Answer) -> Value {
        serde_json::from_slice(answer.response.body()).unwrap()
    }

    #[test]
    fn an_interrupted_request_is_answered_and_recorded_once_as_if_it_had_not_been() {
        let (one, other) = (world(&[1_000_000, 5], |_| {}), world(&[1_000_000, 5], |_| {}));
        for world in [&one, &other] {
            world.faults.set(vec![FaultRule::new("named", Effect::None)]);
        }
        let (is_computed, interrupted) = played(&one, &get(LONG));
        let Step::Done(whole) = answer(&other, &get(LONG)) else { panic!("a whole purse is not interrupted") };
        assert!(is_computed);
        assert_eq!(interrupted.response.body(), whole.response.body());
        assert_eq!(interrupted.response.headers(), whole.response.headers());
        assert_eq!(interrupted.applied_rules.as_deref(), Some("named"));
        for world in [&one, &other] {
            let entries = world.journal.query(&JournalQuery::default(), Secrets::Shown);
            assert_eq!((world.journal.count(), entries.len()), (1, 1));
            assert_eq!(entries[0].exchange.response.as_ref().unwrap().status, 200);
        }
        // The same query over short texts is answered at once.
        assert!(!played(&world(&[100; 100], |_| {}), &get(LONG)).0);
    }

    #[test]
    fn a_client_can_ask_for_larger_pages_than_it_gets_unasked() {
        let world = world(&[3; 9], |settings| {
            (settings.page_size, settings.page_limit) = (2.try_into().unwrap(), 4.try_into().unwrap());
        });
        let page = |query: &str, preference: Option<&'static str>| {
            let mut request = get(&format!("{COLLECTION}?$select=id{query}"));
            request.headers.extend(preference.map(|value| (HeaderName::from_static("prefer"), HeaderValue::from_static(value))));
            let (_, answer) = played(&world, &request);
            let json = json_of(&answer);
            (json["value"].as_array().unwrap().len(), json.get("@odata.nextLink").is_some())
        };
        assert_eq!(page("", None), (2, true));
        assert_eq!(page("&$top=3", None), (3, true), "above the default page, below the largest one");
        assert_eq!(page("&$top=5", None), (4, true), "the largest page");
        assert_eq!(page("", Some("odata.maxpagesize=3")), (3, true));
        assert_eq!(page("&$top=4", Some("odata.maxpagesize=1")), (1, true));
        assert_eq!(page("&$skip=6&$top=4", None), (3, false));
    }

    #[test]
    fn long_queries_and_packed_parts_are_interrupted_before_they_are_read() {
        let world = world(&[20; 3], |_| {});
        let selecting = |names| format!("{COLLECTION}?$select={}", vec!["id"; names].join(","));
        let batch = |items: Vec<Value>| request(Method::POST, "/v1.0/$batch", &json!({ "requests": items }));
        let get_all = |target: &str, items: usize| {
            let url = target.strip_prefix("/v1.0").unwrap();
            batch((0..items).map(|id| json!({ "id": id.to_string(), "method": "GET", "url": url })).collect())
        };
        let ordinary = format!("{COLLECTION}?$select=id,displayName&$top=5");
        for (request, expected) in [
            (get(&selecting(100)), false),
            (get(&selecting(2_000)), true),
            (get(&format!("{COLLECTION}/WFI_1?{}a=b", "a=b&".repeat(2_000))), true),
            (get_all(&ordinary, 5), false),
            (get_all(&selecting(900), 20), true),
        ] {
            let (is_computed, answer) = played(&world, &request);
            assert_eq!((is_computed, answer.response.status().as_u16()), (expected, 200), "{}", request.path());
        }
        let packed = json!({
            "id": "1", "method": "PATCH", "url": "/teamwork/workforceIntegrations/WFI_1", "body": "H4sI",
            "headers": { "content-type": "application/json", "content-encoding": "gzip" },
        });
        let (is_computed, answer) = played(&world, &batch(vec![packed]));
        assert!(is_computed, "{}", json_of(&answer));
    }

    #[test]
    fn many_entities_are_interrupted_before_they_are_visited() {
        let large = world(&vec![20; 70_000], |_| {});
        for options in [
            "$filter=contains(tolower(displayName),'b')",
            "$orderby=displayName desc,id&$skip=69000&$top=3",
            "$skip=69000&$top=3",
        ] {
            let (is_computed, answer) = played(&large, &get(&format!("{COLLECTION}?{}", options.replace(' ', "%20"))));
            assert!(is_computed, "{options}");
            assert_eq!(answer.response.status(), 200, "{options}: ordinary entities are within the limits");
        }
        for options in ["", "?$top=5&$count=true", "/$count", "/WFI_5"] {
            assert!(!played(&large, &get(&format!("{COLLECTION}{options}"))).0, "{options}");
        }
    }

    #[test]
    fn the_requests_of_a_batch_share_a_purse_and_each_is_run_once() {
        let world = world(&[3_900_000; 4], |_| {});
        let create = json!({ "displayName": "new", "url": "https://example.com/" });
        let list = |id: &str, name: &str| json!({ "id": id, "method": "GET", "url": format!("{}{name}", &LONG["/v1.0".len()..LONG.len() - 4]) });
        let post = |id: &str| json!({ "id": id, "method": "POST", "url": &COLLECTION["/v1.0".len()..], "headers": { "Content-Type": "application/json" }, "body": create });
        let mut requests = vec![post("first")];
        requests.extend((0..18).map(|index| list(&index.to_string(), &format!("'Z{index}')"))));
        requests.push(post("last"));
        let (is_computed, answer) = played(&world, &request(Method::POST, "/v1.0/$batch", &json!({ "requests": requests })));
        assert!(is_computed);
        let answers = json_of(&answer);
        let mut statuses: Vec<(&str, u64)> = Vec::new();
        for answer in answers["responses"].as_array().unwrap() {
            statuses.push((answer["id"].as_str().unwrap(), answer["status"].as_u64().unwrap()));
        }
        statuses.sort_unstable();
        let refused = statuses.iter().filter(|(_, status)| *status == 400).count();
        assert_eq!(statuses.iter().filter(|(_, status)| *status == 201).count(), 2, "{statuses:?}");
        // Each list takes some twelve million steps of a hundred.
        assert_eq!((refused, statuses.len()), (10, 20), "{statuses:?}");
        assert!(answer.refused_items.iter().all(|(_, error)| error.refusal.name == "query-too-expensive"));
        let set = world.schema.set_named("workforceIntegrations").unwrap();
        assert_eq!((world.store.collection(set).len(), world.journal.count()), (6, 21));
    }

    #[test]
    fn a_large_copy_is_interrupted_before_anything_is_stored() {
        let items: Vec<Value> =
            (0..7_000).map(|index| json!({ "id": format!("i{index}"), "name": format!("{index}") })).collect();
        let folder = json!({ "id": "f", "name": "a", "folder": { "childCount": 7_000 }, "children": items });
        let drives =
            json!([{ "id": "d", "root": { "id": "r", "root": {}, "folder": { "childCount": 1 }, "children": [folder] } }]);
        let world = world(&[], |settings| {
            let text = json!({ "drives": drives }).to_string();
            let entities = fixture::read(&settings.schema, &settings.behaviors, "fixtures.json", text.as_bytes()).unwrap();
            settings.entities = entities;
        });
        let copy = request(Method::POST, "/v1.0/drives/d/root:/a:/copy", &json!({ "name": "b" }));
        let counts = || world.store.counts().values().sum::<usize>();
        let before = counts();
        let Step::Compute(computation) = answer_promptly(&world, &copy) else { panic!("7,000 items take long") };
        assert_eq!(counts(), before, "nothing is stored yet");
        let Step::Done(answer) = computation.run(&world) else { panic!("a computation is not interrupted") };
        assert_eq!((answer.response.status().as_u16(), counts()), (202, before + 7_001), "{answer:?}");
    }

    #[test]
    fn an_expansion_takes_no_more_memory_than_a_query_may() {
        let user = |index: usize| json!({ "id": format!("u{index}"), "displayName": "a".repeat(1_800_000) });
        let members = |group: &str, count: usize| {
            let links: Vec<String> = (0..count).map(|index| format!("users('u{index}')")).collect();
            json!({ "id": group, "displayName": group, "members@odata.bind": links })
        };
        let users: Vec<Value> = (0..20).map(user).collect();
        let world = world_of(&json!({ "users": users, "groups": [members("small", 5), members("large", 20)] }));
        for (target, expected) in [
            ("/v1.0/groups/small?$expand=members", 200),
            ("/v1.0/groups/large?$expand=members($select=id)", 200),
            ("/v1.0/groups/large?$expand=members", 400),
            ("/v1.0/groups?$expand=members", 400),
            // Each is shown once in each of the groups that it is in.
            (
                "/v1.0/groups/small?$expand=members($expand=microsoft.graph.user/memberOf($expand=microsoft.graph.group/members))",
                400,
            ),
        ] {
            let answer = played(&world, &get(target)).1;
            assert_eq!(answer.response.status().as_u16(), expected, "{target}: {:?}", answer.refused);
            let refused = answer.refused.as_ref().map(|error| error.refusal.name);
            assert_eq!(refused, (expected == 400).then_some("query-too-expensive"), "{target}");
        }
    }

    /// Returns a world of these entities.
    fn world_of(entities: &Value) -> World {
        world(&[], |settings| {
            let text = entities.to_string();
            let entities = fixture::read(&settings.schema, &settings.behaviors, "fixtures.json", text.as_bytes()).unwrap();
            settings.entities = entities;
        })
    }

    /// Returns a world of as many users, whose names are their numbers.
    fn world_of_users(count: usize) -> World {
        let user = |index| json!({ "id": format!("u{index}"), "userPrincipalName": format!("User{index}@contoso.com") });
        world_of(&json!({ "users": (0..count).map(user).collect::<Vec<Value>>() }))
    }

    /// Returns a world of the user who calls, with a drive.
    fn world_of_caller() -> World {
        world_of(&json!({ "users": [{ "id": crate::entra::user::LOCAL_USER.0, "displayName": "A" }] }))
    }

    #[test]
    fn an_occurrence_for_which_a_long_series_is_counted_is_changed_where_there_is_time() {
        // A thread can spare the time to count the occurrences once, but not twice.
        let time = |clock: &str| json!({ "dateTime": format!("2000-01-01T{clock}:00"), "timeZone": "UTC" });
        let range = json!({ "type": "numbered", "startDate": "2000-01-01", "numberOfOccurrences": 9_000 });
        let series = json!({ "id": "e", "subject": "A", "start": time("09:00"), "end": time("09:30"), "type": "seriesMaster",
            "recurrence": { "pattern": { "type": "daily", "interval": 1 }, "range": range } });
        let attachment = json!({ "@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentBytes": "eHh4" });
        let of = |answer: &Answer| json_of(answer)["value"].clone();
        for (call, body, expected) in
            [("accept", json!({}), 202), ("attachments", attachment, 201), ("subject", Value::Null, 200)]
        {
            let world = world_of(&json!({ "users": [{ "id": "u", "displayName": "A", "events": [series] }] }));
            let days = "startDateTime=2021-11-26&endDateTime=2021-11-27";
            let view = of(&played(&world, &get(&format!("/v1.0/users/u/calendarView?{days}&$select=id"))).1);
            let target = format!("/v1.0/users/u/events/{}", view[0]["id"].as_str().unwrap());
            let method = if body.is_null() { Method::GET } else { Method::POST };
            let (is_computed, answer) = played(&world, &request(method, &format!("{target}/{call}"), &body));
            let is_changed = call != "subject";
            assert_eq!((is_computed, answer.response.status().as_u16()), (is_changed, expected), "{call}: {answer:?}");
            let exceptions = of(&played(&world, &get("/v1.0/users/u/events/e/exceptionOccurrences")).1);
            assert_eq!(exceptions.as_array().unwrap().len(), usize::from(is_changed), "{call}");
            let response = if call == "accept" { json!("accepted") } else { exceptions[0]["responseStatus"]["response"].clone() };
            assert_eq!(exceptions[0]["responseStatus"]["response"], response, "{call}");
        }
    }

    #[test]
    fn a_long_list_of_credentials_is_changed_where_there_is_time() {
        let world = |count: usize| {
            let credentials: Vec<Value> =
                (0..count).map(|index| json!({ "keyId": format!("00000000-0000-4000-8000-{index:012}") })).collect();
            world_of(
                &json!({ "applications": [{ "id": "a", "appId": "b", "displayName": "A", "passwordCredentials": credentials }] }),
            )
        };
        let add = request(Method::POST, "/v1.0/applications/a/addPassword", &json!({}));
        for (count, expected) in [(10, false), (2_000, true)] {
            let (is_computed, answer) = played(&world(count), &add);
            assert_eq!((is_computed, answer.response.status().as_u16()), (expected, 200), "{count}");
        }
    }

    #[test]
    fn a_user_is_found_by_name_among_many_without_a_search_on_the_thread_of_others() {
        let world = world_of_users(10_000);
        let found = |target: &str| {
            let (is_computed, answer) = played(&world, &get(target));
            (is_computed, answer.response.status().as_u16(), json_of(&answer)["id"].clone())
        };
        assert_eq!(found("/v1.0/users/user9999@contoso.com"), (true, 200, json!("u9999")), "names are indexed elsewhere");
        // From then on it is like a look-up by key, also of users who have changed.
        assert_eq!(found("/v1.0/users/user5@contoso.com"), (false, 200, json!("u5")));
        assert_eq!(found("/v1.0/users/unknown@contoso.com"), (false, 404, Value::Null));
        let rename = request(Method::PATCH, "/v1.0/users/u5", &json!({ "userPrincipalName": "renamed@contoso.com" }));
        assert_eq!(played(&world, &rename).1.response.status(), 204);
        assert_eq!(found("/v1.0/users/user5@contoso.com"), (false, 404, Value::Null));
        assert_eq!(found("/v1.0/users/RENAMED@contoso.com"), (false, 200, json!("u5")));
        let request = json!({ "id": "1", "method": "GET", "url": "/users/User77@contoso.com" });
        let batch = super::tests::request(Method::POST, "/v1.0/$batch", &json!({ "requests": [request] }));
        let (is_computed, answer) = played(&world, &batch);
        assert_eq!((is_computed, &json_of(&answer)["responses"][0]["body"]["id"]), (false, &json!("u77")));
    }

    #[test]
    fn sign_in_among_many_users_has_a_thread_of_its_own() {
        let token = |world: &World| {
            let mut request = request(Method::POST, "/contoso.com/oauth2/v2.0/token", &Value::Null);
            request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            let body = "grant_type=password&client_id=app&username=User7%40contoso.com&password=p&scope=openid";
            request.body = Body::Whole(body.into());
            let (is_computed, answer) = played(world, &request);
            (is_computed, answer.response.status().as_u16(), world.journal.count())
        };
        assert_eq!(token(&world_of_users(10)), (false, 200, 1));
        assert_eq!(token(&world_of_users(1_001)), (true, 200, 1));
    }

    #[test]
    fn content_is_not_copied_unless_a_part_is_wanted_and_a_large_copy_has_time() {
        let world = world_of_caller();
        let put = |content: Vec<u8>| {
            let mut put = request(Method::PUT, "/v1.0/me/drive/root:/a.bin:/content", &Value::Null);
            put.body = Body::Whole(content.into());
            let (_, answer) = played(&world, &put);
            assert!(answer.response.status().is_success(), "{answer:?}");
        };
        let part = |range: Option<&'static str>| {
            let mut get = get("/v1.0/me/drive/root:/a.bin:/content");
            get.headers.extend(range.map(|range| (header::RANGE, HeaderValue::from_static(range))));
            let (is_computed, answer) = played(&world, &get);
            let Some(address) = answer.response.headers().get(header::LOCATION) else {
                return (is_computed, answer.response.into_body());
            };
            get.target = address.to_str().unwrap().strip_prefix("http://localhost").unwrap().parse().unwrap();
            let (is_computed, answer) = played(&world, &get);
            (is_computed, answer.response.into_body())
        };
        put(vec![7; 8_000_000]);
        let [(one, whole), (two, again)] = [None, None].map(part);
        assert_eq!((one, two, whole.as_ptr() == again.as_ptr()), (false, false, true), "both answers share what is stored");
        assert_eq!(part(Some("bytes=0-")).1.as_ptr(), whole.as_ptr());
        let (is_computed, first) = part(Some("bytes=0-9"));
        assert_eq!((is_computed, first.len(), first.as_ptr() == whole.as_ptr()), (false, 10, false), "a part keeps no more");
        let (is_computed, most) = part(Some("bytes=1-7999999"));
        assert_eq!((is_computed, most.len()), (true, 7_999_999));
        put(vec![7; 9_000_000]);
        let (whole, (is_computed, most)) = (part(None).1, part(Some("bytes=1-8999999")));
        assert_eq!((is_computed, most.as_ptr()), (false, whole[1..].as_ptr()), "a long part counts as the whole that it keeps");
    }

    #[test]
    fn the_last_fragment_of_a_large_upload_has_a_thread_of_its_own() {
        let world = world_of_caller();
        let begin = request(Method::POST, "/v1.0/me/drive/root:/a.bin:/createUploadSession", &json!({}));
        let address = json_of(&played(&world, &begin).1)["uploadUrl"].as_str().unwrap().to_owned();
        let (unit, target) = (320 * 1024, address.strip_prefix("http://localhost").unwrap());
        let send = |begin: usize, length: usize| {
            let mut fragment = request(Method::PUT, target, &Value::Null);
            let range = format!("bytes {begin}-{}/{}", begin + length - 1, 4 * unit + 1);
            fragment.headers.insert(header::CONTENT_RANGE, range.parse().unwrap());
            fragment.body = Body::Whole(vec![1; length].into());
            let (is_computed, answer) = played(&world, &fragment);
            (is_computed, answer.response.status().as_u16())
        };
        assert_eq!(send(0, 4 * unit), (false, 202));
        assert_eq!(send(4 * unit, 1), (true, 201), "the content is joined, and its hashes are computed");
    }

    #[test]
    fn a_write_that_subscriptions_watch_has_a_thread_of_its_own() {
        let subscription = json!({ "id": "s", "changeType": "updated", "resource": "users/u", "notificationUrl": "https://r.example/",
            "expirationDateTime": "1970-01-01T01:00:00Z" });
        for (subscriptions, is_expected) in [(vec![], false), (vec![subscription], true)] {
            let world = world_of(&json!({ "users": [{ "id": "u", "displayName": "A" }], "subscriptions": subscriptions }));
            let (is_computed, answer) = played(&world, &request(Method::PATCH, "/v1.0/users/u", &json!({ "displayName": "B" })));
            let notified = answer.notifications.as_ref().map_or(0, Vec::len);
            assert_eq!((is_computed, answer.response.status().as_u16(), notified), (is_expected, 204, usize::from(is_expected)));
            assert!(!played(&world, &get("/v1.0/users/u")).0);
        }
    }

    #[test]
    fn a_batch_is_interrupted_between_its_requests_too() {
        let world = world(&[600_000], |_| {});
        let url = &COLLECTION["/v1.0".len()..];
        let create = json!({ "displayName": "new", "url": "https://example.com/" });
        let requests = json!({ "requests": [
            { "id": "read", "method": "GET", "url": format!("{url}/WFI_0") },
            { "id": "again", "method": "GET", "url": format!("{url}/WFI_0") },
            { "id": "create", "method": "POST", "url": url, "headers": { "Content-Type": "application/json" }, "body": create },
        ] });
        let Step::Compute(computation) = answer_promptly(&world, &request(Method::POST, "/v1.0/$batch", &requests)) else {
            panic!("joining a megabyte takes long")
        };
        assert_eq!(world.journal.count(), 2, "the third request has not begun");
        let Step::Done(answer) = computation.run(&world) else { panic!("a computation is not interrupted") };
        let statuses: Vec<u64> =
            json_of(&answer)["responses"].as_array().unwrap().iter().map(|part| part["status"].as_u64().unwrap()).collect();
        assert_eq!((statuses.iter().sum::<u64>(), world.journal.count()), (200 + 200 + 201, 4));
    }

    #[test]
    fn an_expensive_query_is_refused_or_times_out() {
        let deep = format!("{COLLECTION}/$count?$filter=length({}displayName{})%20eq%201", "tolower(".repeat(95), ")".repeat(95));
        let refused = |value: ExpensiveQuery| {
            let world = world(&[4_000_000], |settings| settings.behaviors.expensive_query = value);
            let answer = played(&world, &get(&deep)).1;
            (answer.response.status().as_u16(), json_of(&answer)["error"]["code"].clone())
        };
        assert_eq!(refused(ExpensiveQuery::Reject), (400, json!("BadRequest")));
        assert_eq!(refused(ExpensiveQuery::Timeout), (504, json!("UnknownError")));
    }

    /// Follows the next links from a list. Returns the numbers of entities on its pages, and their ids.
    fn pages(world: &World, first: &str) -> (Vec<usize>, Vec<String>) {
        let (mut target, mut lengths, mut ids) = (first.to_owned(), Vec::new(), Vec::new());
        loop {
            let page = json_of(&played(world, &get(&target)).1);
            let entities = page["value"].as_array().unwrap();
            lengths.push(entities.len());
            ids.extend(entities.iter().map(|entity| entity["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["@odata.nextLink"].as_str() else { return (lengths, ids) };
            target = next.strip_prefix("http://localhost").unwrap().to_owned();
        }
    }

    #[test]
    fn a_page_ends_by_its_bytes_and_the_next_one_continues() {
        let lengths = [15_000, 15_000, 15_000, 15_000, 15_000, 65_400, 10, 10, 45_000];
        let all: Vec<String> = (0..9).map(|index| format!("WFI_{index}")).collect();
        let small = |change: fn(&mut Settings)| {
            world(&lengths, |settings| {
                settings.behaviors.page_bytes = PageBytes::Small;
                change(settings);
            })
        };
        let plain = small(|_| {});
        // The largest one is on a page of its own.
        assert_eq!(pages(&plain, COLLECTION), (vec![4, 1, 1, 3], all.clone()));
        assert_eq!(pages(&plain, &format!("{COLLECTION}?$select=id")), (vec![9], all.clone()));
        let reversed: Vec<String> = all.iter().rev().cloned().collect();
        assert_eq!(pages(&plain, &format!("{COLLECTION}?$orderby=id%20desc")), (vec![3, 1, 4, 1], reversed));
        assert_eq!(pages(&plain, &format!("{COLLECTION}?$skip=3&$top=3")), (vec![2, 1, 3], all[3..].to_vec()));
        let limited = small(|settings| settings.behaviors.top = Top::Limit);
        assert_eq!(pages(&limited, &format!("{COLLECTION}?$top=7")), (vec![4, 1, 1, 1], all[..7].to_vec()));
        let explained = small(|settings| settings.explains = true);
        let explanation = |target: &str| played(&explained, &get(target)).1.response.headers()["x-wfi-emulator-explain"].clone();
        assert!(explanation(COLLECTION).to_str().unwrap().contains("page-bytes=64-kib"));
        assert!(!explanation(&format!("{COLLECTION}?$top=2")).to_str().unwrap().contains("page-bytes"));
        // The default is far larger.
        assert_eq!(pages(&world(&lengths, |_| {}), COLLECTION), (vec![9], all));
    }
}
