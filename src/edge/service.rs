//! The service: answers each request in the world that it names, or by the control API.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::edge::computing::{ComputationKind, Computing};
use crate::edge::control::{self, Control, ControlOutcome, Feed, Peer};
use crate::edge::outgoing::{self, Notifier};
use crate::entra::caller;
use crate::graph::pipeline;
use crate::graph::request::{Request, Via, body_limit};
use crate::graph::step::{Answer, Step};
use crate::text::json::quoted;
use crate::world::World;
use crate::world::outbound::{CallFailure, CallOutcome};
use crate::world::settings::Settings;
use crate::world::worlds::{DeferredWorlds, WorldError, Worlds};

/// The size of a body, in bytes, from which reading it takes too long for the threads of the runtime.
const LARGE_BODY: usize = 16 * 1024;

/// Takes memory for a request until it is answered. Returns whether there is enough.
pub(crate) type Hold<'h> = &'h mut (dyn FnMut(usize) -> bool + Send);

/// The worlds of a process, and its control API.
#[derive(Debug)]
pub struct Service {
    /// The worlds.
    pub worlds: DeferredWorlds,
    /// The control API; if `None`, its paths belong to Graph.
    pub control: Option<Control>,
    computing: Computing,
    notifier: Notifier,
}

impl Service {
    /// Returns a service of these worlds. Without a control API its paths belong to Graph.
    pub fn new(worlds: impl Into<DeferredWorlds>, control: Option<Control>) -> Service {
        Service { worlds: worlds.into(), control, computing: Computing::default(), notifier: Notifier::default() }
    }

    /// Returns a service whose worlds have these settings.
    pub fn of(settings: Settings) -> Service {
        Service::new(Worlds::of(settings), Some(Control::default()))
    }

    /// Returns the limit of a request's body in bytes. The request has no body yet.
    pub(crate) fn body_limit(&self, request: &Request, peer: Peer) -> usize {
        match self.control_of(request) {
            Some(control) => control::admitted_body_limit(control, &self.worlds, request, peer),
            None => body_limit(request.target.path()),
        }
    }

    /// Answers a request, with the calls to connectors that it needs. A panic ends this request only. What may take longer than about
    /// a millisecond is done on a thread that serves no other client.
    pub async fn answer(self: &Arc<Self>, request: &Request, peer: Peer) -> Box<Answer> {
        self.answer_with_memory(request, peer, &mut |_| true).await
    }

    /// Answers like [`answer`](Service::answer). Before a request waits for a call, `hold` takes the memory that it needs until then. If
    /// that fails, the request is refused, or what needs the call, if a part of the request is done already.
    pub(crate) async fn answer_with_memory(self: &Arc<Self>, request: &Request, peer: Peer, hold: Hold<'_>) -> Box<Answer> {
        if let Some(control) = self.control_of(request) {
            if control::is_prompt(request.target.path()) {
                return self.answer_control(control, request, peer).answer(request, hold).await;
            }
            // Boxed, so that other requests need no room for its state.
            return Box::pin(self.clone().compute_control(request.clone(), peer, hold)).await;
        }
        if request.target.path().len() == 1
            && let Some(answer) = self.control.as_ref().and_then(|control| control::redirect(control, request, peer))
        {
            return Box::new(answer);
        }
        let world = match self.world(request) {
            Ok(world) => world,
            Err(answer) => return answer,
        };
        if is_large(request) {
            let owned = world.clone();
            drop(world);
            return Box::pin(self.clone().compute_large(owned, request.clone(), hold)).await;
        }
        match catch_panic(&world, request, || pipeline::answer_promptly(&world, request)) {
            Step::Done(answer) => self.notifier.notified(&world, answer),
            step => {
                let (computing, notifier) = (self.computing.clone(), self.notifier.clone());
                let pending = PendingRequest { world: world.clone(), step, computing, notifier };
                drop(world);
                Box::pin(pending.answer_with_memory(request, hold)).await
            }
        }
    }

    /// Whether a path is one of the control API.
    pub(crate) fn is_control(&self, path: &str) -> bool {
        self.control.is_some() && control::is_control(path)
    }

    /// Returns the stream of the journal, if a request to the control API asks for it and may.
    pub(crate) fn follow(&self, request: &Request, peer: Peer) -> Option<Feed> {
        control::follow(self.control_of(request)?, &self.worlds, request, peer)
    }

    /// Returns the next event of a stream, if there is anything to say; `None` if the service stops. There may be many worlds to look at, so
    /// a thread that serves no other client does it.
    pub(crate) async fn look(self: &Arc<Self>, mut feed: Feed) -> Option<(Feed, Option<String>)> {
        let service = self.clone();
        let look = move || {
            let event = feed.look(&service.worlds);
            (feed, event)
        };
        self.computing.run(ComputationKind::Stream, look).await
    }

    /// Answers a request up to its first call to a connector, however long that takes.
    pub fn begin(&self, request: &Request, peer: Peer) -> Progress {
        if let Some(control) = self.control_of(request) {
            return self.answer_control(control, request, peer);
        }
        match self.world(request) {
            Ok(world) => self.progress_of(&world, catch_panic(&world, request, || pipeline::answer(&world, request))),
            Err(answer) => Progress::Answered(answer),
        }
    }

    /// Ends the wait of all computations that have not begun.
    pub fn stop_computing(&self) {
        self.computing.stop();
    }

    fn control_of(&self, request: &Request) -> Option<&Control> {
        self.control.as_ref().filter(|_| request.via == Via::Direct && control::is_control(request.target.path()))
    }

    fn world(&self, request: &Request) -> Result<impl Deref<Target = Arc<World>> + use<>, Box<Answer>> {
        let chosen = self.worlds.choose(request.target.path(), &request.headers, || caller::tenant_id(&request.headers));
        chosen.map_err(|error| Box::new(world_unavailable(&error)))
    }

    fn answer_control(&self, control: &Control, request: &Request, peer: Peer) -> Progress {
        self.try_control(control, request, peer).0
    }

    /// Answers a request to the control API. If another answer is possible within a time, that is returned too, with the world.
    fn try_control(&self, control: &Control, request: &Request, peer: Peer) -> (Progress, Option<(Arc<World>, Duration)>) {
        let answered = |answer: Answer| Progress::Answered(Box::new(answer));
        match catch_unwind(AssertUnwindSafe(|| control::answer(control, &self.worlds, request, peer))) {
            Ok(ControlOutcome::Answered(answer)) => (answered(answer), None),
            Ok(ControlOutcome::Notifying(answer, world)) => {
                (Progress::Answered(self.notifier.notified(&world, Box::new(answer))), None)
            }
            Ok(ControlOutcome::Provisional(answer, world, within)) => (answered(answer), Some((world, within))),
            Ok(ControlOutcome::Pending(world, pending)) => (self.progress_of(&world, Step::Call(pending)), None),
            Err(_) => (answered(json_answer(StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned())), None),
        }
    }

    async fn compute_control(self: Arc<Self>, request: Request, peer: Peer, hold: Hold<'_>) -> Box<Answer> {
        let kind = if control::is_export(&request) { ComputationKind::Export } else { ComputationKind::Control };
        let started = Instant::now();
        loop {
            let (service, asked) = (self.clone(), request.clone());
            let answer = move || service.control.as_ref().map(|control| service.try_control(control, &asked, peer));
            match self.computing.run(kind, answer).await.flatten() {
                Some((_, Some((world, within)))) if started.elapsed() < within => more_requests(&world, started + within).await,
                Some((progress, _)) => return progress.answer(&request, hold).await,
                None => return stopping(),
            }
        }
    }

    async fn compute_large(self: Arc<Self>, world: Arc<World>, request: Request, hold: Hold<'_>) -> Box<Answer> {
        let (asked_world, asked) = (world.clone(), request.clone());
        let answer = move || catch_panic(&asked_world, &asked, || pipeline::answer(&asked_world, &asked));
        match self.computing.run(ComputationKind::Body, answer).await {
            Some(step) => self.progress_of(&world, step).answer(&request, hold).await,
            None => stopping(),
        }
    }

    fn progress_of(&self, world: &Arc<World>, step: Step) -> Progress {
        match step {
            Step::Done(answer) => Progress::Answered(self.notifier.notified(world, answer)),
            step => {
                let (computing, notifier) = (self.computing.clone(), self.notifier.clone());
                Progress::Pending(PendingRequest { world: world.clone(), step, computing, notifier })
            }
        }
    }
}

/// Waits until a world has more requests, or for a moment: it may be another world by then.
async fn more_requests(world: &World, deadline: Instant) {
    const POLL: Duration = Duration::from_millis(10);
    let (count, end) = (world.journal.count(), deadline.min(Instant::now() + 25 * POLL));
    while world.journal.count() == count && Instant::now() < end {
        tokio::time::sleep(POLL.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

/// Whether reading the body of a request takes too long for the threads of the runtime.
fn is_large(request: &Request) -> bool {
    request.body.bytes().len() > LARGE_BODY || request.is_packed()
}

/// Progress of a request.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned, and nearly all of them are answers")]
pub enum Progress {
    /// The request is answered.
    Answered(Box<Answer>),
    /// The request needs a call to a connector, or a long computation.
    Pending(PendingRequest),
}

impl Progress {
    async fn answer(self, request: &Request, hold: Hold<'_>) -> Box<Answer> {
        match self {
            Progress::Answered(answer) => answer,
            Progress::Pending(pending) => Box::pin(pending.answer_with_memory(request, hold)).await,
        }
    }
}

/// A request that needs a call to a connector, or a long computation.
#[derive(Debug)]
pub struct PendingRequest {
    world: Arc<World>,
    step: Step,
    computing: Computing,
    notifier: Notifier,
}

impl PendingRequest {
    /// Makes the call or the computation, and any further ones, and returns the answer to the request.
    pub async fn answer(self, request: &Request) -> Box<Answer> {
        self.answer_with_memory(request, &mut |_| true).await
    }

    async fn answer_with_memory(self, request: &Request, hold: Hold<'_>) -> Box<Answer> {
        let PendingRequest { world, mut step, computing, notifier } = self;
        // Messages, plain and encrypted, and their answers are held until all of them are in the journal.
        let mut bytes = request.bytes();
        loop {
            step = match step {
                Step::Done(answer) => return notifier.notified(&world, answer),
                Step::Call(pending) => {
                    let message = pending.call.body.len();
                    bytes += pending.call.message_bytes();
                    let outcome = if hold(bytes + pending.held) {
                        outgoing::make_call(&pending.call, &world.connectors).await
                    } else if pending.is_first {
                        drop(pending);
                        return Box::new(memory_unavailable("requests that wait for connectors"));
                    } else {
                        CallOutcome::Failed(CallFailure::Busy)
                    };
                    let answer = if let CallOutcome::Answered { body, .. } = &outcome { body.len() } else { 0 };
                    bytes += answer;
                    if !is_large(request) && message.max(answer) <= LARGE_BODY {
                        catch_panic(&world, request, || pending.resume(&world, outcome))
                    } else {
                        let (world, request) = (world.clone(), request.clone());
                        let resume = move || catch_panic(&world, &request, || pending.resume(&world, outcome));
                        match computing.run(ComputationKind::Resumption, resume).await {
                            Some(step) => step,
                            None => return stopping(),
                        }
                    }
                }
                Step::Compute(computation) => {
                    let (world, request) = (world.clone(), request.clone());
                    let run = move || catch_panic(&world, &request, || computation.run(&world));
                    match computing.run(ComputationKind::Query, run).await {
                        Some(step) => step,
                        None => return stopping(),
                    }
                }
            };
        }
    }
}

/// Returns the answer to a request that has changed nothing, if others hold all memory. SDKs repeat the request after the time, as for a
/// throttled one.
pub(crate) fn memory_unavailable(others: &str) -> Answer {
    tracing::warn!("request refused: {others} exceed the memory limit, or the share of their connection");
    let body = format!("{{\"error\":{{\"code\":\"emulatorMemory\",\"message\":\"{others} exceed the memory limit\"}}}}");
    let mut answer = json_answer(StatusCode::TOO_MANY_REQUESTS, body);
    answer.response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

/// Returns the answer to a request whose turn has not come when the service stops.
fn stopping() -> Box<Answer> {
    Box::new(json_answer(StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned()))
}

/// Runs a step; a panic becomes an internal error. It leaves no partial change, because entities are immutable and replaced as a whole.
fn catch_panic(world: &World, request: &Request, step: impl FnOnce() -> Step) -> Step {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| Step::Done(Box::new(pipeline::internal_error(world, request))))
}

/// Returns the answer if no thread can be had for a call.
pub(crate) fn calls_unavailable() -> Box<Answer> {
    Box::new(json_answer(StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned()))
}

/// Answers a request without a world. Graph has no such case; SDKs show the message of its envelope.
fn world_unavailable(error: &WorldError) -> Answer {
    let body = format!("{{\"error\":{{\"code\":\"emulatorTenant\",\"message\":{}}}}}", quoted(&error.to_string()));
    let mut answer = json_answer(StatusCode::BAD_REQUEST, body);
    answer.control_refusal = Some(("world", error.to_string()));
    answer
}

/// Returns an answer of the emulator itself.
pub(crate) fn json_answer(status: StatusCode, body: String) -> Answer {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let length = response.body().len();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    Answer::of(response)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::header::HeaderMap;

    use super::*;
    use crate::graph::request::Body;
    use crate::graph::step::Pending;
    use crate::world::clock::Clock;
    use crate::world::outbound::OutboundCall;

    fn request(target: &str) -> Request {
        Request {
            method: http::Method::GET,
            target: target.parse().unwrap(),
            is_secure: false,
            via: Via::Direct,
            arrival: crate::world::journal::Arrival::default(),
            headers: HeaderMap::new(),
            body: Body::Whole(Bytes::new()),
        }
    }

    #[tokio::test]
    async fn a_panic_ends_one_request() {
        let world = World::new(Settings { seed: 1, clock: Clock::Fixed(SystemTime::UNIX_EPOCH), ..crate::workloads::settings() });
        let request = request("/v1.0/teamwork/workforceIntegrations");
        let broken = catch_panic(&world, &request, || panic!("this panic is part of a test"));
        let Step::Done(broken) = broken else { panic!("a panic is an answer") };
        assert_eq!((broken.response.status().as_u16(), broken.refused.unwrap().refusal.name), (500, "internal"));
        insta::assert_snapshot!(String::from_utf8_lossy(broken.response.body()), @r#"{"error":{"code":"InternalServerError","message":"There was an internal server error while processing the request.","innerError":{"date":"1970-01-01T00:00:00","request-id":"e06dd043-328b-4285-8b96-bf27ad682251","client-request-id":"e06dd043-328b-4285-8b96-bf27ad682251"}}}"#);
        let Step::Done(next) = catch_panic(&world, &request, || pipeline::answer(&world, &request)) else {
            panic!("no call is made")
        };
        assert_eq!(next.response.status(), 200);
    }

    #[tokio::test]
    async fn a_pending_request_resumes_with_the_outcome_of_its_call() {
        let world = Arc::new(World::new(crate::workloads::settings()));
        let request = request("/v1.0/teamwork/workforceIntegrations");
        let pending = |resume: fn(CallOutcome) -> Step| {
            let (headers, body, timeout) = (HeaderMap::new(), Bytes::new(), Duration::from_secs(1));
            let call =
                OutboundCall { method: http::Method::POST, url: "http://192.0.2.1/".parse().unwrap(), headers, body, timeout };
            let step = Step::Call(Pending::new(call, move |_, outcome| resume(outcome)));
            let Progress::Pending(pending) = Service::of(crate::workloads::settings()).progress_of(&world, step) else {
                panic!("the request is pending")
            };
            pending
        };
        let resumed = pending(|outcome| {
            assert_eq!(outcome, CallOutcome::Failed(CallFailure::RemoteAddress));
            Step::Done(Box::new(json_answer(StatusCode::OK, "0123456789".to_owned())))
        });
        assert_eq!(resumed.answer(&request).await.response.body(), "0123456789");
        let broken = pending(|_| panic!("this panic is part of a test")).answer(&request).await;
        assert_eq!(broken.refused.unwrap().refusal.name, "internal");
    }

    /// Returns a step that makes calls without a connector, each with a message of this length, then answers with the last failure.
    fn calls_of(lengths: &'static [usize], is_first: bool, last: &'static str) -> Step {
        let Some((length, rest)) = lengths.split_first() else {
            return Step::Done(Box::new(json_answer(StatusCode::OK, last.to_owned())));
        };
        let (headers, body, timeout) = (HeaderMap::new(), Bytes::from(vec![0; *length]), Duration::from_secs(1));
        let call = OutboundCall { method: http::Method::POST, url: "http://192.0.2.1/".parse().unwrap(), headers, body, timeout };
        let mut pending = Pending::new(call, move |_, outcome| {
            let CallOutcome::Failed(failure) = outcome else { panic!("no connector") };
            calls_of(rest, is_first, failure.name())
        });
        pending.is_first = is_first;
        Step::Call(pending)
    }

    #[tokio::test]
    async fn all_messages_of_a_request_are_held_until_it_is_answered() {
        let service = Service::of(crate::workloads::settings());
        let world = Arc::new(World::new(crate::workloads::settings()));
        let request = Request { body: Body::Whole(Bytes::from_static(b"0123456789")), ..request("/v1.0/$batch") };
        let mut taken = Vec::new();
        let mut hold = |bytes| {
            taken.push(bytes);
            bytes <= 100
        };
        let progress = service.progress_of(&world, calls_of(&[10, 20, 30], false, ""));
        let answer = progress.answer(&request, &mut hold).await;
        // The parts that are done already stay done: only the call fails.
        assert_eq!((answer.response.status().as_u16(), &**answer.response.body()), (200, &b"busy"[..]));
        let progress = service.progress_of(&world, calls_of(&[10, 20, 30], true, ""));
        assert_eq!(progress.answer(&request, &mut hold).await.response.status(), 429);
        let target = "/v1.0/$batch".len();
        assert_eq!(taken, [30, 70, 130, 30, 70, 130].map(|bytes| bytes + target));
    }

    #[tokio::test]
    async fn a_request_with_a_large_message_resumes_on_another_thread() {
        let service = Service::of(crate::workloads::settings());
        let world = Arc::new(World::new(crate::workloads::settings()));
        for (length, is_same) in [(LARGE_BODY, true), (LARGE_BODY + 1, false)] {
            let (headers, body, timeout) = (HeaderMap::new(), Bytes::from(vec![0; length]), Duration::from_secs(1));
            let url = "http://192.0.2.1/".parse().unwrap();
            let call = OutboundCall { method: http::Method::POST, url, headers, body, timeout };
            let thread = std::thread::current().id();
            let pending = Pending::new(call, move |_, _| {
                let is_same = std::thread::current().id() == thread;
                Step::Done(Box::new(json_answer(StatusCode::OK, is_same.to_string())))
            });
            let answer = service.progress_of(&world, Step::Call(pending)).answer(&request("/v1.0/$batch"), &mut |_| true).await;
            assert_eq!(answer.response.body(), is_same.to_string().as_bytes());
        }
    }

    #[test]
    fn packed_bodies_and_long_ones_leave_the_runtime() {
        let with_body = |length: usize, coding: Option<&'static str>| {
            let headers = coding.map(|coding| (header::CONTENT_ENCODING, HeaderValue::from_static(coding)));
            Request {
                headers: headers.into_iter().collect(),
                body: Body::Whole(Bytes::from(vec![b'x'; length])),
                ..request("/v1.0/$batch")
            }
        };
        // A packed body of 939 bytes can unpack to 900 kB.
        for (length, coding, expected) in
            [(0, Some("gzip"), false), (939, Some("gzip"), true), (939, None, false), (16_000, None, false), (20_000, None, true)]
        {
            assert_eq!(is_large(&with_body(length, coding)), expected, "{length} {coding:?}");
        }
    }

    #[tokio::test]
    async fn an_invalid_world_name_is_refused() {
        let service = Arc::new(Service::of(crate::workloads::settings()));
        let answer = service.answer(&request("/_tenant/a%20b/v1.0/teamwork/workforceIntegrations"), Peer::Process).await;
        assert_eq!(answer.response.status(), 400);
        insta::assert_snapshot!(String::from_utf8_lossy(answer.response.body()), @r#"{"error":{"code":"emulatorTenant","message":"invalid world name 'a%20b': use 1–128 letters, digits, `-_.~`"}}"#);
        assert_eq!(
            service.answer(&request("/_tenant/a/v1.0/teamwork/workforceIntegrations"), Peer::Process).await.response.status(),
            200
        );
    }
}
