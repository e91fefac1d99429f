//! What a process answers: each request goes to the tenant that it names.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::control::{self, Control, Peer};
use crate::graph::{self, Answer, Outcome, Request, Step};
use crate::odata::json::quoted;
use crate::tenant::{Settings, Tenant};
use crate::worlds::{WorldError, Worlds};

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

    /// Answers a request. A panic on the way costs this request and nothing else.
    pub fn answer(&self, request: &Request, peer: Peer) -> Answer {
        if let Some(control) = self.control.as_ref().filter(|_| control::is_control(request.target.path())) {
            let answer = catch_unwind(AssertUnwindSafe(|| control::answer(control, &self.worlds, request, peer)));
            return answer.unwrap_or_else(|_| json(StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned()));
        }
        match self.worlds.choose(request.target.path(), &request.headers) {
            Ok(tenant) => answer_or_apologize(&tenant, request, graph::answer),
            Err(error) => unavailable(&error),
        }
    }
}

fn answer_or_apologize(tenant: &Tenant, request: &Request, answer: impl FnOnce(&Tenant, &Request) -> Step) -> Answer {
    // Entities are immutable and replaced as a whole, so a panic leaves nothing half-made behind.
    let mut step = catch_unwind(AssertUnwindSafe(|| answer(tenant, request)));
    loop {
        step = match step {
            Ok(Step::Done(answer)) => return answer,
            // Nothing here makes calls yet.
            Ok(Step::Call(pending)) => catch_unwind(AssertUnwindSafe(|| pending.resume(tenant, Outcome::Failed("no-client")))),
            Err(_) => return graph::internal_error(tenant, request),
        };
    }
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
    use crate::graph::{Body, Call, Pending};
    use crate::tenant::Clock;

    fn request(target: &str) -> Request {
        Request {
            method: http::Method::GET,
            target: target.parse().unwrap(),
            is_secure: false,
            headers: HeaderMap::new(),
            body: Body::Whole(Bytes::new()),
        }
    }

    #[test]
    fn a_panic_costs_one_request() {
        let tenant = Tenant::new(Settings { seed: 1, clock: Clock::Fixed(SystemTime::UNIX_EPOCH), ..Settings::new() });
        let request = request("/v1.0/teamwork/workforceIntegrations");
        let broken = answer_or_apologize(&tenant, &request, |_, _| panic!("this panic is part of a test"));
        assert_eq!((broken.response.status().as_u16(), broken.refused.unwrap().refusal.name), (500, "internal"));
        insta::assert_snapshot!(String::from_utf8_lossy(broken.response.body()), @r#"{"error":{"code":"InternalServerError","message":"There was an internal server error while processing the request.","innerError":{"date":"1970-01-01T00:00:00","request-id":"e06dd043-328b-4285-8b96-bf27ad682251","client-request-id":"e06dd043-328b-4285-8b96-bf27ad682251"}}}"#);
        assert_eq!(answer_or_apologize(&tenant, &request, graph::answer).response.status(), 200);
    }

    #[test]
    fn a_request_that_waits_for_a_call_goes_on_without_one() {
        let tenant = Tenant::new(Settings::new());
        let request = request("/v1.0/teamwork/workforceIntegrations");
        let waiting = |resume: fn(Outcome) -> Step| {
            let (headers, body, timeout) = (HeaderMap::new(), Bytes::new(), Duration::from_secs(1));
            let call = Call { method: http::Method::POST, url: "http://x.test/".parse().unwrap(), headers, body, timeout };
            Step::Call(Pending::new(call, move |_, outcome| resume(outcome)))
        };
        let gone_on = answer_or_apologize(&tenant, &request, |_, _| {
            waiting(|outcome| {
                assert_eq!(outcome, Outcome::Failed("no-client"));
                Step::Done(json(StatusCode::OK, "0123456789".to_owned()))
            })
        });
        assert_eq!(gone_on.response.body(), "0123456789");
        let broken = answer_or_apologize(&tenant, &request, |_, _| waiting(|_| panic!("this panic is part of a test")));
        assert_eq!(broken.refused.unwrap().refusal.name, "internal");
    }

    #[test]
    fn a_tenant_that_cannot_be_is_told() {
        let service = Service::of(Settings::new());
        let answer = service.answer(&request("/_tenant/a%20b/v1.0/teamwork/workforceIntegrations"), Peer::Process);
        assert_eq!(answer.response.status(), 400);
        insta::assert_snapshot!(String::from_utf8_lossy(answer.response.body()), @r#"{"error":{"code":"emulatorTenant","message":"'a%20b' is no name of a tenant: it has 1 to 128 letters, digits, '-', '_', '.' and '~'"}}"#);
        assert_eq!(
            service.answer(&request("/_tenant/a/v1.0/teamwork/workforceIntegrations"), Peer::Process).response.status(),
            200
        );
    }
}
