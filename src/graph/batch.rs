//! `$batch`: one request after another through the same steps as single ones, and their answers joined.
//!
//! A request that has to wait for a call outside holds up only those that depend on it. When all others are answered the batch as a
//! whole waits, and what is left of it goes on with the outcome.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri, uri};

use crate::edm::schema::Version;
use crate::entra::check;
use crate::graph::answer;
use crate::graph::facts::RequestFacts;
use crate::graph::meta::{ResponseIds, ResponseMeta};
use crate::graph::method::wrong_method;
use crate::graph::request::{Body, Request};
use crate::graph::step::{Answer, Delivery, DeliveryForm, Pending, Step};
use crate::graph::{body, explain};
use crate::odata::batch::{self, BatchItem, BatchPart};
use crate::odata::error::Error;
use crate::odata::headers::ODATA_VERSION;
use crate::policy::behavior::BatchOrder;
use crate::policy::refusal;
use crate::text::json::Json;
use crate::world::World;
use crate::world::name::prefix_of;

/// The headers of a request's answer that are written into a batch, in the order and the case of recorded ones (pnp/pnpcore). What is
/// not recorded stands where it stands in answers to single requests.
static WRITTEN: [(HeaderName, &str); 8] = [
    (header::LOCATION, "Location"),
    (answer::ODATA_ENTITY_ID, "OData-EntityId"),
    (header::RETRY_AFTER, "Retry-After"),
    (header::ETAG, "ETag"),
    (answer::PREFERENCE_APPLIED, "Preference-Applied"),
    (explain::EXPLAIN, "x-wfi-emulator-explain"),
    (ODATA_VERSION, "OData-Version"),
    (header::CONTENT_TYPE, "Content-Type"),
];

/// How many bytes of answers a batch may have before it answers no further request: twenty lists of large entities would take many
/// times the memory of what is stored.
const ANSWERS_LIMIT: usize = 64 * 1024 * 1024;

/// Answers one request of a batch.
type Responder = fn(&World, &Request, &ResponseMeta<'_>) -> Step;

/// A batch on its way.
struct Batch {
    /// The ids that all answers repeat.
    ids: ResponseIds,
    /// Whether a script of another origin sent it.
    has_origin: bool,
    answer_one: Responder,
    slots: Vec<Slot>,
}

/// A request of a batch and how far it has come: exactly one of the last three is there.
struct Slot {
    id: String,
    depends_on: Vec<usize>,
    /// The request, as long as it has not been looked at.
    waiting: Option<Result<Request, Error>>,
    /// What it waits for.
    pending: Option<Box<Pending>>,
    answer: Option<Box<Answer>>,
}

/// Answers a batch.
pub(super) fn answer(world: &World, request: &Request, meta: &ResponseMeta<'_>, version: Version, answer_one: Responder) -> Step {
    match read(world, request, meta, version, answer_one) {
        Ok(batch) => batch.advance(world),
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
    let slot = |item: BatchItem<'_>| Slot {
        waiting: Some(request_of(&item, request, version)),
        id: item.id.to_owned(),
        depends_on: item.depends_on,
        pending: None,
        answer: None,
    };
    let slots = items.into_iter().map(slot).collect();
    Ok(Batch { ids: meta.ids(), has_origin: meta.facts.has_origin, answer_one, slots })
}

/// Makes the request of an item. From the batch it has host, scheme and token; nothing else is handed down (recorded in pnp/pnpcore:
/// numbers stay numbers when the batch accepts `IEEE754Compatible=true`).
fn request_of(item: &BatchItem<'_>, outer: &Request, version: Version) -> Result<Request, Error> {
    let unfit = |what: &str| Error::new(&refusal::BATCH_ITEM, &[]).with_detail(format!("its {what} cannot stand in HTTP"));
    let resolved = batch::resolve(item.url, version)?;
    // What an item names is of the same tenant as the batch.
    let target = format!("{}{}", prefix_of(outer.target.path()), &resolved[prefix_of(&resolved).len()..]);
    let mut parts = uri::Parts::default();
    parts.path_and_query = Some(target.parse().map_err(|_| unfit("url"))?);
    // HTTP/2 names the host there.
    if let (Some(scheme), Some(authority)) = (outer.target.scheme(), outer.target.authority()) {
        (parts.scheme, parts.authority) = (Some(scheme.clone()), Some(authority.clone()));
    }
    let target = Uri::from_parts(parts).map_err(|_| unfit("url"))?;
    if batch::version_of(&target.path()[prefix_of(target.path()).len()..]).is_some() {
        return Err(Error::new(&refusal::BATCH_NESTED, &["$batch"]));
    }
    let method = Method::from_bytes(item.method.to_ascii_uppercase().as_bytes()).map_err(|_| unfit("method"))?;
    let mut headers = HeaderMap::with_capacity(item.headers.len() + 4);
    for (name, value) in item.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit("header"))?;
        let Json::String(text) = value else { return Err(unfit("header")) };
        let value = HeaderValue::from_str(text.trim()).map_err(|_| unfit("header"))?;
        // Whose host it is and how long the body is, the batch says; no script asks for leave inside of one.
        if name != header::HOST && name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING && name != header::ORIGIN {
            headers.try_append(name, value).map_err(|_| unfit("headers"))?;
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
    Ok(Request { method, target, is_secure: outer.is_secure, headers, body: Body::Whole(payload.into()) })
}

impl Batch {
    /// Answers what can be answered, then waits or is done.
    fn advance(mut self, world: &World) -> Step {
        // Requests depend only on earlier ones, so one pass settles all that can be.
        for place in 0..self.slots.len() {
            let Some(have_succeeded) = self.dependencies(place) else { continue };
            let Some(waiting) = self.slots[place].waiting.take() else { continue };
            let step = match waiting {
                Ok(_) if !have_succeeded => self.refuse(world, Error::new(&refusal::FAILED_DEPENDENCY, &[])),
                Ok(_) if self.answered_bytes() > ANSWERS_LIMIT => {
                    self.refuse(world, Error::new(&refusal::BATCH_ANSWERS_TOO_LARGE, &[]))
                }
                Ok(request) => (self.answer_one)(
                    world,
                    &request,
                    &ResponseMeta::of_item(world, RequestFacts::of(&request.headers), &self.ids),
                ),
                Err(error) => self.refuse(world, error),
            };
            self.settle(place, step);
        }
        for place in 0..self.slots.len() {
            if let Some(pending) = self.slots[place].pending.take() {
                return Step::Call(pending.then(move |world, step| {
                    self.settle(place, step);
                    self.advance(world)
                }));
            }
        }
        Step::Done(Box::new(self.joined(world)))
    }

    /// Returns whether all that a request depends on has succeeded; nothing as long as that is not known.
    fn dependencies(&self, place: usize) -> Option<bool> {
        self.slots[place].depends_on.iter().try_fold(true, |have_succeeded, earlier| {
            let status = self.slots[*earlier].answer.as_ref()?.response.status();
            Some(have_succeeded && !status.is_client_error() && !status.is_server_error())
        })
    }

    fn answered_bytes(&self) -> usize {
        self.slots.iter().filter_map(|slot| slot.answer.as_ref()).map(|answer| answer.response.body().len()).sum()
    }

    fn refuse(&self, world: &World, error: Error) -> Step {
        Step::Done(Box::new(answer::refusal(world, &ResponseMeta::of_item(world, RequestFacts::default(), &self.ids), error)))
    }

    fn settle(&mut self, place: usize, step: Step) {
        match step {
            Step::Done(answer) => self.slots[place].answer = Some(answer),
            Step::Call(pending) => self.slots[place].pending = Some(pending),
        }
    }

    fn joined(self, world: &World) -> Answer {
        let mut answered: Vec<(usize, &str, &Answer)> = Vec::with_capacity(self.slots.len());
        for (place, slot) in self.slots.iter().enumerate() {
            answered.extend(slot.answer.as_deref().map(|answer| (place, &*slot.id, answer)));
        }
        // A batch comes when the last of its answers is there, and as badly as the worst of them.
        let delay = answered.iter().map(|(_, _, answer)| answer.delivery.delay).max().unwrap_or_default();
        let form = answered.iter().map(|(_, _, answer)| answer.delivery.form).max_by_key(badness).unwrap_or(DeliveryForm::Whole);
        let rules: Vec<&str> = answered.iter().filter_map(|(_, _, answer)| answer.applied_rules.as_deref()).collect();
        let applied_rules = (!rules.is_empty()).then(|| rules.join(", "));
        let skipped = answered.iter().flat_map(|(place, _, answer)| {
            answer.skipped.iter().map(move |skipped| format!("requests[{place}].body: {skipped}"))
        });
        let skipped = skipped.collect();
        let refused = answered.iter().filter_map(|(place, _, answer)| Some((*place, answer.refused.clone()?)));
        let refused_items = refused.collect();
        let calls = answered.iter().flat_map(|(_, _, answer)| answer.calls.iter().cloned()).collect();
        if world.behaviors.batch_order == BatchOrder::Shuffled {
            // Fisher and Yates: each order is as likely as any other.
            for last in (1..answered.len()).rev() {
                answered.swap(last, world.next_chance(last + 1));
            }
        }
        let body = batch::join(answered.iter().map(|(_, id, answer)| part(id, answer)));
        let facts = RequestFacts { has_origin: self.has_origin, ..RequestFacts::default() };
        let meta = ResponseMeta::resumed(world, facts, &self.ids);
        let delivery = Delivery { delay, form };
        let decided: &[&str] = if self.slots.len() > 1 { &["batch-order"] } else { &[] };
        Answer { delivery, applied_rules, skipped, refused_items, calls, ..answer::batch(world, &meta, body, decided) }
    }
}

/// Orders forms by how little of an answer arrives.
fn badness(form: &DeliveryForm) -> u8 {
    match form {
        DeliveryForm::Whole => 0,
        DeliveryForm::Slow(_) => 1,
        DeliveryForm::CutShort(_) => 2,
        DeliveryForm::Reset => 3,
        DeliveryForm::Silence => 4,
    }
}

fn part<'a>(id: &'a str, answer: &'a Answer) -> BatchPart<'a> {
    let headers = answer.response.headers();
    let value = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let written = WRITTEN.iter().filter_map(|(name, written)| Some((*written, value(name)?)));
    BatchPart {
        id,
        status: answer.response.status().as_u16(),
        headers: written.collect(),
        body: answer.response.body(),
        is_json: value(&header::CONTENT_TYPE).is_some_and(|value| value.starts_with(b"application/json")),
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

    /// Sends a batch whose requests are answered by a function.
    fn begin(world: &World, requests: &Value, answer_one: Responder) -> Step {
        let request = Request {
            method: Method::POST,
            target: "/v1.0/$batch".parse().unwrap(),
            is_secure: false,
            headers: [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))].into_iter().collect(),
            body: Body::Whole(json!({ "requests": requests }).to_string().into()),
        };
        let meta = ResponseMeta::of(world, &request);
        answer(world, &request, &meta, Version::V1, answer_one)
    }

    fn call(url: &str) -> OutboundCall {
        let (headers, body, timeout) = (HeaderMap::new(), Bytes::new(), Duration::from_secs(1));
        OutboundCall { method: Method::POST, url: url.parse().unwrap(), headers, body, timeout }
    }

    /// Each segment of a path is a call; what comes of it is the status of the answer. Paths with none are answered at once.
    fn waiting_for_calls(_: &World, request: &Request, _: &ResponseMeta<'_>) -> Step {
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

    /// Plays the edge: hands out these outcomes one after another, and returns the calls that were asked for with the statuses.
    fn played(world: &World, mut step: Step, outcomes: &[CallOutcome]) -> (Vec<String>, Vec<(String, u64)>) {
        let (mut calls, mut outcomes) = (Vec::new(), outcomes.iter());
        loop {
            step = match step {
                Step::Call(pending) => {
                    calls.push(pending.call.url.host().unwrap().trim_end_matches(".test").to_owned());
                    pending.resume(world, outcomes.next().expect("there is an outcome for each call").clone())
                }
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
    fn a_call_holds_up_only_what_depends_on_it() {
        let world = world();
        let requests =
            json!([get("a", "first/second", &[]), get("b", "third", &["A"]), get("c", "now", &[]), get("d", "fourth", &["c"])]);
        let outcomes = [StatusCode::OK, StatusCode::ACCEPTED, StatusCode::CREATED, StatusCode::OK].map(answered);
        let (calls, parts) = played(&world, begin(&world, &requests, waiting_for_calls), &outcomes);
        // Calls go out one at a time, in the order of the requests.
        assert_eq!(calls, ["first", "second", "third", "fourth"]);
        assert_eq!(statuses(&parts), [("a", 202), ("b", 201), ("c", 204), ("d", 200)]);
    }

    #[test]
    fn a_call_that_fails_fails_what_depends_on_it() {
        let world = world();
        let requests = json!([get("a", "first", &[]), get("b", "second", &["a"]), get("c", "now", &["b"]), get("d", "now", &[])]);
        let (calls, parts) =
            played(&world, begin(&world, &requests, waiting_for_calls), &[CallOutcome::Failed(CallFailure::Timeout)]);
        assert_eq!(calls, ["first"]);
        assert_eq!(statuses(&parts), [("a", 409), ("b", 424), ("c", 424), ("d", 204)]);
    }

    #[test]
    fn the_longest_delay_is_that_of_the_batch() {
        let step = |_: &World, request: &Request, _: &ResponseMeta<'_>| {
            let Step::Done(answer) = next(Vec::new(), StatusCode::NO_CONTENT) else { unreachable!() };
            let millis = request.target.path().rsplit('/').next().unwrap().parse().unwrap();
            Step::Done(Box::new(Answer {
                delivery: Delivery { delay: Duration::from_millis(millis), ..Delivery::AT_ONCE },
                ..*answer
            }))
        };
        let requests = json!([get("a", "2", &[]), get("b", "9", &[]), get("c", "5", &[])]);
        let Step::Done(answer) = begin(&world(), &requests, step) else { panic!("nothing makes a call") };
        assert_eq!(answer.delivery, Delivery { delay: Duration::from_millis(9), ..Delivery::AT_ONCE });
    }

    #[test]
    fn answers_beyond_the_limit_are_not_collected() {
        let large = |_: &World, _: &Request, _: &ResponseMeta<'_>| {
            let Step::Done(mut answer) = next(Vec::new(), StatusCode::OK) else { unreachable!() };
            answer.response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *answer.response.body_mut() = vec![b' '; ANSWERS_LIMIT / 2 + 1].into();
            Step::Done(answer)
        };
        let requests = json!([get("a", "1", &[]), get("b", "2", &[]), get("c", "3", &[]), get("d", "4", &["c"])]);
        let Step::Done(answer) = begin(&world(), &requests, large) else { panic!("nothing makes a call") };
        let refused = answer.refused_items.iter().map(|(place, error)| (*place, error.refusal.name));
        assert_eq!(refused.collect::<Vec<_>>(), [(2, "batch-answers-too-large"), (3, "failed-dependency")]);
        assert!(answer.response.body().len() > ANSWERS_LIMIT);
    }
}
