//! `$batch`: runs each request through the same stages as a single one, and joins the responses.
//!
//! A request that waits for an outgoing call delays only its dependents. When all others are answered, the batch as a whole waits, and
//! resumes with the outcome.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri, uri};

use crate::edm::schema::Version;
use crate::entra::check;
use crate::graph::answer;
use crate::graph::facts::RequestFacts;
use crate::graph::meta::{ResponseIds, ResponseMeta};
use crate::graph::method::wrong_method;
use crate::graph::request::{Body, Request};
use crate::graph::step::{Answer, Computation, Delivery, DeliveryForm, Pending, Step};
use crate::graph::{body, explain};
use crate::odata::batch::{self, BatchBody, BatchItem, BatchPart};
use crate::odata::error::Error;
use crate::odata::headers::ODATA_VERSION;
use crate::odata::purse::Purse;
use crate::policy::behavior::{BatchOrder, BatchUrls};
use crate::policy::refusal;
use crate::text::json::Json;
use crate::world::World;
use crate::world::name::prefix_of;
use crate::world::outbox::Notification;

/// The response headers that a batch repeats, in the order and case of recorded batches (pnp/pnpcore). A header without a recording
/// has its position in single responses.
static ITEM_HEADERS: [(HeaderName, &str); 8] = [
    (header::LOCATION, "Location"),
    (answer::ODATA_ENTITY_ID, "OData-EntityId"),
    (header::RETRY_AFTER, "Retry-After"),
    (header::ETAG, "ETag"),
    (answer::PREFERENCE_APPLIED, "Preference-Applied"),
    (explain::EXPLAIN, "x-wfi-emulator-explain"),
    (ODATA_VERSION, "OData-Version"),
    (header::CONTENT_TYPE, "Content-Type"),
];

/// The size of the responses, in bytes, after which a batch answers no further request: twenty lists of large entities would take many
/// times the memory of the stored data. The answer that passes it has a page at most, and joining the answers takes the same memory again.
pub(crate) const ANSWERS_LIMIT: usize = 32 * 1024 * 1024;

/// The bytes of an answer that a step of the purse joins to the others, entities and other documents alike.
const BYTES_JOINED: usize = 8;

/// The approximate length of the parts of an answer in a batch other than its body, in bytes.
const ITEM_LENGTH: usize = 200;

/// Answers one request of a batch.
type Responder = fn(&World, &Request, &ResponseMeta<'_>) -> Step;

/// A batch in progress.
struct Batch {
    /// The ids that all responses repeat.
    ids: ResponseIds,
    /// Whether a script of another origin sent it.
    has_origin: bool,
    answer_one: Responder,
    items: Vec<ItemState>,
}

/// A request of a batch and its progress: exactly one of the last three fields is set.
struct ItemState {
    id: String,
    depends_on: Vec<usize>,
    /// The request, until it is answered or waits.
    unstarted: Option<Result<Request, Error>>,
    /// The request, while it waits for a call.
    pending: Option<Box<Pending>>,
    answer: Option<Box<Answer>>,
    /// Bytes of the request.
    bytes: usize,
}

/// Answers a batch.
pub(super) fn answer(world: &World, request: &Request, meta: &ResponseMeta<'_>, version: Version, answer_one: Responder) -> Step {
    match read(world, request, meta, version, answer_one) {
        Ok(batch) => batch.advance(world, meta.purse),
        Err(error) => Step::Done(Box::new(answer::refusal(world, meta, error))),
    }
}

fn read(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    version: Version,
    answer_one: Responder,
) -> Result<Batch, Error> {
    check::authenticate(world, &request.headers)?;
    if request.method != Method::POST {
        return Err(wrong_method(world, &request.method, &[Method::POST]));
    }
    let bytes = body::bytes(request, &world.behaviors)?;
    let envelope = body::parse(&bytes)?;
    let items = batch::split(&envelope, &world.behaviors)?;
    let state = |item: BatchItem<'_>| {
        let unstarted = request_of(&item, request, version, world.behaviors.batch_urls);
        let bytes = unstarted.as_ref().map_or(0, Request::bytes);
        let (id, depends_on) = (item.id.to_owned(), item.depends_on);
        ItemState { unstarted: Some(unstarted), id, depends_on, pending: None, answer: None, bytes }
    };
    let items = items.into_iter().map(state).collect();
    Ok(Batch { ids: meta.ids(), has_origin: meta.facts.has_origin, answer_one, items })
}

/// Builds the request of an item. It inherits host, scheme and token from the batch, and nothing else (recorded in pnp/pnpcore: numbers
/// stay numbers when the batch accepts `IEEE754Compatible=true`).
fn request_of(item: &BatchItem<'_>, outer: &Request, version: Version, urls: BatchUrls) -> Result<Request, Error> {
    let invalid =
        |part: &str| Error::new(&refusal::BATCH_ITEM, &[]).with_detail(format!("invalid {part}: not expressible in HTTP"));
    let resolved = batch::resolve(uncut(item.url, prefix_of(outer.target.path())), version, urls)?;
    // An item is in the world of its batch.
    let target = [prefix_of(outer.target.path()), &resolved[prefix_of(&resolved).len()..]].concat();
    let mut parts = uri::Parts::default();
    parts.path_and_query = Some(target.parse().map_err(|_| invalid("url"))?);
    // An HTTP/2 target includes the host.
    if let (Some(scheme), Some(authority)) = (outer.target.scheme(), outer.target.authority()) {
        (parts.scheme, parts.authority) = (Some(scheme.clone()), Some(authority.clone()));
    }
    let target = Uri::from_parts(parts).map_err(|_| invalid("url"))?;
    if batch::version_of(&target.path()[prefix_of(target.path()).len()..]).is_some() {
        return Err(Error::new(&refusal::BATCH_NESTED, &["$batch"]));
    }
    let method = Method::from_bytes(item.method.to_ascii_uppercase().as_bytes()).map_err(|_| invalid("method"))?;
    let mut headers = HeaderMap::with_capacity(item.headers.len() + 4);
    for (name, value) in item.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("header"))?;
        let Json::String(text) = value else { return Err(invalid("header")) };
        let value = HeaderValue::from_str(text.trim()).map_err(|_| invalid("header"))?;
        // The batch decides host and length. CORS does not apply to its items.
        if name != header::HOST && name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING && name != header::ORIGIN {
            headers.try_append(name, value).map_err(|_| invalid("headers"))?;
        }
    }
    for name in [header::HOST, header::AUTHORIZATION] {
        if let (Some(value), false) = (outer.headers.get(&name), headers.contains_key(&name)) {
            headers.insert(name, value.clone());
        }
    }
    let payload = item.payload();
    headers.insert(header::CONTENT_LENGTH, payload.len().into());
    if !payload.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(Request {
        method,
        target,
        is_secure: outer.is_secure,
        via: outer.via,
        arrival: outer.arrival,
        headers,
        body: Body::Whole(payload.into()),
    })
}

/// Returns the address of an item without what is left of the name of a world before it: Microsoft.Graph for .NET cuts five characters, the
/// length of `/v1.0`, off every path.
fn uncut<'u>(url: &'u str, prefix: &str) -> &'u str {
    const CUT: usize = 5;
    let rest = prefix.get(CUT..).filter(|rest| !rest.is_empty());
    let behind = rest.and_then(|rest| url.strip_prefix('/').unwrap_or(url).strip_prefix(rest));
    behind.filter(|behind| behind.starts_with('/')).unwrap_or(url)
}

impl Batch {
    /// Answers all requests that are ready, then waits for a call or finishes. All requests pay from one purse.
    fn advance(mut self, world: &World, purse: &Purse) -> Step {
        // Requests depend only on earlier ones, so one pass reaches all that are ready.
        for index in 0..self.items.len() {
            let Some(succeeded) = self.dependencies_succeeded(index) else { continue };
            if self.items[index].unstarted.is_none() {
                continue;
            }
            if purse.is_interrupted() {
                return Computation::step(move |world, purse| self.advance(world, purse));
            }
            let Some(request) = self.items[index].unstarted.take() else { continue };
            let step = match request {
                Ok(_) if !succeeded => self.refuse(world, purse, Error::new(&refusal::FAILED_DEPENDENCY, &[])),
                Ok(_) if self.answered_bytes() > ANSWERS_LIMIT => {
                    self.refuse(world, purse, Error::new(&refusal::BATCH_ANSWERS_TOO_LARGE, &[]))
                }
                Ok(request) => (self.answer_one)(
                    world,
                    &request,
                    &ResponseMeta::of_item(world, RequestFacts::of(&request.headers), &self.ids, purse),
                ),
                Err(error) => self.refuse(world, purse, error),
            };
            match step {
                Step::Compute(computation) => {
                    return Computation::step(move |world, purse| {
                        let step = computation.run_with(world, purse);
                        self.set_step(index, step, purse);
                        self.advance(world, purse)
                    });
                }
                step => self.set_step(index, step, purse),
            }
        }
        for index in 0..self.items.len() {
            if let Some(pending) = self.items[index].pending.take() {
                let held = self.held_bytes();
                let rest = purse.rest();
                let is_first = self.items.iter().all(|item| item.answer.is_none());
                let pending = pending.then(move |world, step| {
                    let purse = Purse::prompt_of(rest);
                    self.set_step(index, step, &purse);
                    self.advance(world, &purse).with_purse(purse)
                });
                let pending = pending.holding(held);
                return Step::Call(if is_first { pending } else { pending.after_others() });
            }
        }
        Step::Done(Box::new(self.into_answer(world)))
    }

    /// Whether all dependencies of a request succeeded; `None` while one is unanswered.
    fn dependencies_succeeded(&self, index: usize) -> Option<bool> {
        self.items[index].depends_on.iter().try_fold(true, |succeeded, earlier| {
            let status = self.items[*earlier].answer.as_ref()?.response.status();
            Some(succeeded && !status.is_client_error() && !status.is_server_error())
        })
    }

    fn answered_bytes(&self) -> usize {
        self.items.iter().filter_map(|item| item.answer.as_ref()).map(|answer| answer.response.body().len()).sum()
    }

    /// Returns the bytes of requests, calls and answers that it holds.
    fn held_bytes(&self) -> usize {
        let of_item = |item: &ItemState| match (&item.answer, &item.pending) {
            (Some(answer), _) => answer.response.body().len(),
            (None, Some(pending)) => item.bytes + pending.bytes(),
            (None, None) => item.bytes,
        };
        self.items.iter().map(of_item).sum()
    }

    fn refuse(&self, world: &World, purse: &Purse, error: Error) -> Step {
        let meta = ResponseMeta::of_item(world, RequestFacts::default(), &self.ids, purse);
        Step::Done(Box::new(answer::refusal(world, &meta, error)))
    }

    /// Sets the answer of a request, or the call that it needs.
    fn set_step(&mut self, index: usize, step: Step, purse: &Purse) {
        match step {
            Step::Done(answer) => {
                // Without effect on this answer, but on requests after it.
                purse.spend_on(answer.response.body().len(), BYTES_JOINED);
                self.items[index].answer = Some(answer);
            }
            Step::Call(pending) => self.items[index].pending = Some(pending),
            Step::Compute(_) => unreachable!("a computation comes before all other steps of its batch"),
        }
    }

    fn into_answer(mut self, world: &World) -> Answer {
        let mut answered: Vec<(usize, &str, &Answer)> = Vec::with_capacity(self.items.len());
        for (index, item) in self.items.iter().enumerate() {
            answered.extend(item.answer.as_deref().map(|answer| (index, &*item.id, answer)));
        }
        // A batch has the longest delay and the worst delivery of its responses.
        let held_by = answered.iter().find_map(|(_, _, answer)| answer.held_by.clone());
        let delay = answered.iter().map(|(_, _, answer)| answer.delivery.delay).max().unwrap_or_default();
        let form = answered.iter().map(|(_, _, answer)| answer.delivery.form).max_by_key(severity).unwrap_or(DeliveryForm::Whole);
        let rules: Vec<&str> = answered.iter().filter_map(|(_, _, answer)| answer.applied_rules.as_deref()).collect();
        let applied_rules = (!rules.is_empty()).then(|| rules.join(", "));
        let skipped = answered.iter().flat_map(|(index, _, answer)| {
            let part = |skipped: &str| if skipped.starts_with('$') { "body" } else { "headers" };
            answer.skipped.iter().map(move |skipped| format!("requests[{index}].{}: {skipped}", part(skipped)))
        });
        let skipped = skipped.collect();
        let refused = answered.iter().filter_map(|(index, _, answer)| Some((*index, answer.refused.clone()?)));
        let refused_items = refused.collect();
        let calls = answered.iter().flat_map(|(_, _, answer)| answer.calls.iter().cloned()).collect();
        let mut order: Vec<usize> = answered.iter().map(|(index, ..)| *index).collect();
        let mut notifications: Option<Vec<Notification>> = None;
        for answer in self.items.iter_mut().filter_map(|item| item.answer.as_deref_mut()) {
            if let Some(more) = answer.notifications.take() {
                notifications.get_or_insert_default().extend(more);
            }
        }
        if world.behaviors.batch_order == BatchOrder::Shuffled {
            // Fisher-Yates shuffle: all orders are equally likely.
            for last in (1..order.len()).rev() {
                order.swap(last, world.next_chance(last + 1));
            }
        }
        let mut body = BatchBody::with_capacity(self.answered_bytes() + order.len() * ITEM_LENGTH);
        for index in order {
            let item = &mut self.items[index];
            // Each answer is dropped when it is joined, so that they do not take their memory twice.
            if let Some(answer) = item.answer.take() {
                body.add(&batch_part(&item.id, &answer));
            }
        }
        let body = body.finish();
        let facts = RequestFacts { has_origin: self.has_origin, ..RequestFacts::default() };
        let purse = Purse::whole();
        let meta = ResponseMeta::resumed(world, facts, &self.ids, &purse);
        let delivery = Delivery { delay, form };
        let decided: &[&str] = if self.items.len() > 1 { &["batch-order"] } else { &[] };
        Answer {
            delivery,
            held_by,
            applied_rules,
            skipped,
            refused_items,
            calls,
            notifications,
            ..answer::batch(world, &meta, body, decided)
        }
    }
}

/// Orders forms of delivery by the loss of data.
fn severity(form: &DeliveryForm) -> u8 {
    match form {
        DeliveryForm::Whole => 0,
        DeliveryForm::Slow(_) => 1,
        DeliveryForm::CutShort(_) => 2,
        DeliveryForm::Reset => 3,
        DeliveryForm::Silence => 4,
    }
}

fn batch_part<'a>(id: &'a str, answer: &'a Answer) -> BatchPart<'a> {
    // A look-up in a header map costs a hash, so all are found in one pass. The first of several values counts.
    let mut values = [None; ITEM_HEADERS.len()];
    for (name, value) in answer.response.headers() {
        if let Some(place) = ITEM_HEADERS.iter().position(|(known, _)| known == name) {
            values[place].get_or_insert(value.as_bytes());
        }
    }
    let [.., content_type] = values;
    let written = ITEM_HEADERS.iter().zip(values).filter_map(|((_, written), value)| Some((*written, value?)));
    BatchPart {
        id,
        status: answer.response.status().as_u16(),
        headers: written.collect(),
        body: answer.response.body(),
        is_json: content_type.is_some_and(|value| value.starts_with(b"application/json")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;
    use http::StatusCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::world::clock::Clock;
    use crate::world::outbound::{CallFailure, CallOutcome, OutboundCall};
    use crate::world::settings::Settings;

    fn world() -> World {
        World::new(Settings { seed: 1, clock: Clock::Fixed(SystemTime::UNIX_EPOCH), ..crate::workloads::settings() })
    }

    /// Sends a batch whose requests `answer_one` answers.
    fn send_batch(world: &World, requests: &Value, answer_one: Responder) -> Step {
        let request = Request {
            method: Method::POST,
            target: "/v1.0/$batch".parse().unwrap(),
            is_secure: false,
            via: crate::graph::request::Via::Direct,
            arrival: crate::world::journal::Arrival::default(),
            headers: [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))].into_iter().collect(),
            body: Body::Whole(json!({ "requests": requests }).to_string().into()),
        };
        let purse = Purse::whole();
        let meta = ResponseMeta::of(world, &request, &purse);
        answer(world, &request, &meta, Version::V1, answer_one)
    }

    fn call(url: &str) -> OutboundCall {
        let (headers, body, timeout) = (HeaderMap::new(), Bytes::new(), Duration::from_secs(1));
        OutboundCall { method: Method::POST, url: url.parse().unwrap(), headers, body, timeout }
    }

    /// Makes a call for each segment of the path; the outcome of the last one is the status of the answer. The path `now` makes none.
    fn call_each_segment(_: &World, request: &Request, _: &ResponseMeta<'_>) -> Step {
        let calls: Vec<String> = request.target.path().split('/').skip(2).map(str::to_owned).collect();
        let is_direct = calls == ["now"];
        next(if is_direct { Vec::new() } else { calls }, StatusCode::NO_CONTENT)
    }

    fn next(mut calls: Vec<String>, status: StatusCode) -> Step {
        if calls.is_empty() {
            let mut response = http::Response::new(Bytes::new());
            *response.status_mut() = status;
            return Step::Done(Box::new(Answer::of(response)));
        }
        let name = calls.remove(0);
        Step::Call(Pending::new(call(&format!("http://{name}.test/")), move |_, outcome| match outcome {
            CallOutcome::Answered { status, .. } => next(calls, status),
            CallOutcome::Failed(_) => next(Vec::new(), StatusCode::CONFLICT),
        }))
    }

    /// Resumes with these outcomes in order, and returns the calls and the statuses of the responses.
    fn run_with_outcomes(world: &World, mut step: Step, outcomes: &[CallOutcome]) -> (Vec<String>, Vec<(String, u64)>) {
        let (mut calls, mut outcomes) = (Vec::new(), outcomes.iter());
        loop {
            step = match step {
                Step::Call(pending) => {
                    calls.push(pending.call.url.host().unwrap().trim_end_matches(".test").to_owned());
                    pending.resume(world, outcomes.next().expect("one outcome per call").clone())
                }
                Step::Compute(_) => panic!("nothing takes long"),
                Step::Done(answer) => {
                    let body: Value = serde_json::from_slice(answer.response.body()).unwrap();
                    let parts = body["responses"].as_array().unwrap().iter();
                    let parts = parts.map(|part| (part["id"].as_str().unwrap().to_owned(), part["status"].as_u64().unwrap()));
                    return (calls, parts.collect());
                }
            };
        }
    }

    fn answered(status: StatusCode) -> CallOutcome {
        CallOutcome::Answered { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    fn get(id: &str, url: &str, depends_on: &[&str]) -> Value {
        json!({ "id": id, "method": "GET", "url": url, "dependsOn": depends_on })
    }

    fn statuses(parts: &[(String, u64)]) -> Vec<(&str, u64)> {
        parts.iter().map(|(id, status)| (&**id, *status)).collect()
    }

    #[test]
    fn a_call_delays_only_dependent_requests() {
        let world = world();
        let requests =
            json!([get("a", "first/second", &[]), get("b", "third", &["A"]), get("c", "now", &[]), get("d", "fourth", &["c"])]);
        let outcomes = [StatusCode::OK, StatusCode::ACCEPTED, StatusCode::CREATED, StatusCode::OK].map(answered);
        let (calls, parts) = run_with_outcomes(&world, send_batch(&world, &requests, call_each_segment), &outcomes);
        // Calls are made one at a time, in the order of the requests.
        assert_eq!(calls, ["first", "second", "third", "fourth"]);
        assert_eq!(statuses(&parts), [("a", 202), ("b", 201), ("c", 204), ("d", 200)]);
    }

    #[test]
    fn a_computation_after_a_call_pays_from_the_purse_of_the_batch() {
        /// Takes ten million steps, or makes a call.
        fn long(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> Step {
            if request.target.path().ends_with("/first") {
                return call_each_segment(world, request, meta);
            }
            if meta.purse.spend(10_000_000) {
                return next(Vec::new(), StatusCode::OK);
            }
            assert!(meta.purse.is_interrupted(), "the purse pays for ten requests");
            Computation::step(|_, purse| {
                next(Vec::new(), if purse.spend(10_000_000) { StatusCode::OK } else { StatusCode::BAD_REQUEST })
            })
        }
        let world = world();
        let requests = json!([get("a", "long", &[]), get("b", "first", &[]), get("c", "long", &["b"]), get("d", "long", &["c"])]);
        let Step::Call(pending) = send_batch(&world, &requests, long) else { panic!("a purse that is not split comes first") };
        let Step::Compute(computation) = pending.resume(&world, answered(StatusCode::OK)) else { panic!("it takes long") };
        let Step::Done(answer) = computation.run(&world) else { panic!("it is not interrupted again") };
        let body: Value = serde_json::from_slice(answer.response.body()).unwrap();
        assert!(body["responses"].as_array().unwrap().iter().all(|part| part["status"] == 200), "{body}");
    }

    #[test]
    fn a_batch_can_be_refused_as_a_whole_until_a_request_is_answered() {
        let world = world();
        let is_first = |step: &Step| matches!(step, Step::Call(pending) if pending.is_first);
        let calls = json!([get("a", "first/second", &[]), get("b", "third", &[])]);
        let step = send_batch(&world, &calls, call_each_segment);
        assert!(is_first(&step));
        let Step::Call(pending) = step else { panic!("a call") };
        let step = pending.resume(&world, answered(StatusCode::OK));
        assert!(is_first(&step));
        let Step::Call(pending) = step else { panic!("a call") };
        assert!(!is_first(&pending.resume(&world, answered(StatusCode::OK))));
        let with_change = json!([get("a", "first", &[]), get("b", "now", &[])]);
        assert!(!is_first(&send_batch(&world, &with_change, call_each_segment)));
    }

    #[test]
    fn a_failed_call_fails_dependent_requests() {
        let world = world();
        let requests = json!([get("a", "first", &[]), get("b", "second", &["a"]), get("c", "now", &["b"]), get("d", "now", &[])]);
        let (calls, parts) = run_with_outcomes(
            &world,
            send_batch(&world, &requests, call_each_segment),
            &[CallOutcome::Failed(CallFailure::Timeout)],
        );
        assert_eq!(calls, ["first"]);
        assert_eq!(statuses(&parts), [("a", 409), ("b", 424), ("c", 424), ("d", 204)]);
    }

    #[test]
    fn a_batch_has_the_longest_delay_of_its_responses() {
        let step = |_: &World, request: &Request, _: &ResponseMeta<'_>| {
            let Step::Done(answer) = next(Vec::new(), StatusCode::NO_CONTENT) else { unreachable!() };
            let millis = request.target.path().rsplit('/').next().unwrap().parse().unwrap();
            Step::Done(Box::new(Answer {
                delivery: Delivery { delay: Duration::from_millis(millis), ..Delivery::AT_ONCE },
                ..*answer
            }))
        };
        let requests = json!([get("a", "2", &[]), get("b", "9", &[]), get("c", "5", &[])]);
        let Step::Done(answer) = send_batch(&world(), &requests, step) else { panic!("unexpected call") };
        assert_eq!(answer.delivery, Delivery { delay: Duration::from_millis(9), ..Delivery::AT_ONCE });
    }

    #[test]
    fn requests_beyond_the_response_limit_are_refused() {
        let large = |_: &World, _: &Request, _: &ResponseMeta<'_>| {
            let Step::Done(mut answer) = next(Vec::new(), StatusCode::OK) else { unreachable!() };
            answer.response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *answer.response.body_mut() = vec![b' '; ANSWERS_LIMIT / 2 + 1].into();
            Step::Done(answer)
        };
        let requests = json!([get("a", "1", &[]), get("b", "2", &[]), get("c", "3", &[]), get("d", "4", &["c"])]);
        let Step::Done(answer) = send_batch(&world(), &requests, large) else { panic!("unexpected call") };
        let refused = answer.refused_items.iter().map(|(index, error)| (*index, error.refusal.name));
        assert_eq!(refused.collect::<Vec<_>>(), [(2, "batch-answers-too-large"), (3, "failed-dependency")]);
        assert!(answer.response.body().len() > ANSWERS_LIMIT);
    }
}
