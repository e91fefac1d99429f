//! What a process answers: each request goes to the tenant that it names.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::edge::control::{self, Control, ControlOutcome, Peer};
use crate::edge::outgoing;
use crate::entra::caller;
use crate::graph::pipeline;
use crate::graph::request::Request;
use crate::graph::step::{Answer, Pending, Step};
use crate::text::json::quoted;
use crate::world::World;
use crate::world::settings::Settings;
use crate::world::worlds::{WorldError, Worlds};

/// All that is served.
#[derive(Debug)]
pub struct Service {
    /// The tenants.
    pub worlds: Worlds,
    /// The control API; nothing if it is off, and its paths are Graph's then.
    pub control: Option<Control>,
}

impl Service {
    /// Returns a service with one tenant, and others made like it.
    pub fn of(settings: Settings) -> Service {
        Service { worlds: Worlds::of(settings), control: Some(Control::default()) }
    }

    /// Answers a request, with the calls to connectors that it needs. A panic on the way costs this request and nothing else.
    pub async fn answer(&self, request: &Request, peer: Peer) -> Box<Answer> {
        match self.begin(request, peer) {
            Progress::Answered(answer) => answer,
            // In a place of its own, so that requests that make no calls do not carry its state along.
            Progress::Waits(waiting) => Box::pin(waiting.answer(request)).await,
        }
    }

    /// Answers a request, or goes as far as is possible without a call.
    pub fn begin(&self, request: &Request, peer: Peer) -> Progress {
        if let Some(control) = self.control.as_ref().filter(|_| control::is_control(request.target.path())) {
            return match catch_unwind(AssertUnwindSafe(|| control::answer(control, &self.worlds, request, peer))) {
                Ok(ControlOutcome::Answered(answer)) => Progress::Answered(Box::new(answer)),
                Ok(ControlOutcome::Waits(world, pending)) => Progress::Waits(PendingRequest { world, pending }),
                Err(_) => Progress::Answered(Box::new(json(StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned()))),
            };
        }
        match self.worlds.choose(request.target.path(), &request.headers, || caller::tenant_id(&request.headers)) {
            Ok(world) => {
                let step = caught(&world, request, || pipeline::answer(&world, request));
                begun(&world, step)
            }
            Err(error) => Progress::Answered(Box::new(unavailable(&error))),
        }
    }
}

/// How far a request has come.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned, and nearly all of them are answers")]
pub enum Progress {
    /// It is answered.
    Answered(Box<Answer>),
    /// It waits for a call.
    Waits(PendingRequest),
}

/// A request that waits for a call.
#[derive(Debug)]
pub struct PendingRequest {
    world: Arc<World>,
    pending: Box<Pending>,
}

impl PendingRequest {
    /// Makes the call, and those that follow from it, and returns the answer to the request.
    pub async fn answer(self, request: &Request) -> Box<Answer> {
        let PendingRequest { world, mut pending } = self;
        loop {
            let outcome = outgoing::make(&pending.call, &world.connectors).await;
            match caught(&world, request, || pending.resume(&world, outcome)) {
                Step::Done(answer) => return answer,
                Step::Call(next) => pending = next,
            }
        }
    }
}

fn begun(world: &Arc<World>, step: Step) -> Progress {
    match step {
        Step::Done(answer) => Progress::Answered(answer),
        Step::Call(pending) => Progress::Waits(PendingRequest { world: world.clone(), pending }),
    }
}

/// Takes a step. A panic in it answers the request, and leaves nothing half-made behind: entities are immutable and replaced as a whole.
fn caught(world: &World, request: &Request, take: impl FnOnce() -> Step) -> Step {
    catch_unwind(AssertUnwindSafe(take)).unwrap_or_else(|_| Step::Done(Box::new(pipeline::internal_error(world, request))))
}

/// Returns the answer where there is no thread that could make a call.
pub(crate) fn without_calls() -> Box<Answer> {
    Box::new(json(StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned()))
}

/// Answers a request whose tenant is not there. Graph has no such situation; its envelope is what SDKs show to people.
fn unavailable(error: &WorldError) -> Answer {
    let body = format!("{{\"error\":{{\"code\":\"emulatorTenant\",\"message\":{}}}}}", quoted(&error.to_string()));
    json(StatusCode::BAD_REQUEST, body)
}

/// Returns an answer of the emulator's own.
pub(crate) fn json(status: StatusCode, body: String) -> Answer {
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
    use crate::world::clock::Clock;
    use crate::world::outbound::{CallFailure, CallOutcome, OutboundCall};

    fn request(target: &str) -> Request {
        Request {
            method: http::Method::GET,
            target: target.parse().unwrap(),
            is_secure: false,
            headers: HeaderMap::new(),
            body: Body::Whole(Bytes::new()),
        }
    }

    #[tokio::test]
    async fn a_panic_costs_one_request() {
        let world = World::new(Settings { seed: 1, clock: Clock::Fixed(SystemTime::UNIX_EPOCH), ..Settings::new() });
        let request = request("/v1.0/teamwork/workforceIntegrations");
        let broken = caught(&world, &request, || panic!("this panic is part of a test"));
        let Step::Done(broken) = broken else { panic!("a panic is an answer") };
        assert_eq!((broken.response.status().as_u16(), broken.refused.unwrap().refusal.name), (500, "internal"));
        insta::assert_snapshot!(String::from_utf8_lossy(broken.response.body()), @r#"{"error":{"code":"InternalServerError","message":"There was an internal server error while processing the request.","innerError":{"date":"1970-01-01T00:00:00","request-id":"e06dd043-328b-4285-8b96-bf27ad682251","client-request-id":"e06dd043-328b-4285-8b96-bf27ad682251"}}}"#);
        let Step::Done(next) = caught(&world, &request, || pipeline::answer(&world, &request)) else { panic!("no call is made") };
        assert_eq!(next.response.status(), 200);
    }

    #[tokio::test]
    async fn a_request_that_waits_for_a_call_goes_on_with_its_outcome() {
        let world = Arc::new(World::new(Settings::new()));
        let request = request("/v1.0/teamwork/workforceIntegrations");
        let waiting = |resume: fn(CallOutcome) -> Step| {
            let (headers, body, timeout) = (HeaderMap::new(), Bytes::new(), Duration::from_secs(1));
            let call =
                OutboundCall { method: http::Method::POST, url: "http://192.0.2.1/".parse().unwrap(), headers, body, timeout };
            let Progress::Waits(waiting) = begun(&world, Step::Call(Pending::new(call, move |_, outcome| resume(outcome))))
            else {
                panic!("it waits")
            };
            waiting
        };
        let gone_on = waiting(|outcome| {
            assert_eq!(outcome, CallOutcome::Failed(CallFailure::RemoteAddress));
            Step::Done(Box::new(json(StatusCode::OK, "0123456789".to_owned())))
        });
        assert_eq!(gone_on.answer(&request).await.response.body(), "0123456789");
        let broken = waiting(|_| panic!("this panic is part of a test")).answer(&request).await;
        assert_eq!(broken.refused.unwrap().refusal.name, "internal");
    }

    #[tokio::test]
    async fn a_world_that_cannot_be_is_told() {
        let service = Service::of(Settings::new());
        let answer = service.answer(&request("/_tenant/a%20b/v1.0/teamwork/workforceIntegrations"), Peer::Process).await;
        assert_eq!(answer.response.status(), 400);
        insta::assert_snapshot!(String::from_utf8_lossy(answer.response.body()), @r#"{"error":{"code":"emulatorTenant","message":"invalid world name 'a%20b': use 1–128 letters, digits, `-_.~`"}}"#);
        assert_eq!(
            service.answer(&request("/_tenant/a/v1.0/teamwork/workforceIntegrations"), Peer::Process).await.response.status(),
            200
        );
    }
}
