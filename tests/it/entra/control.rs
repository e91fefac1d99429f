//! Sign-in from outside: refusals on demand, revocations, and decisions about devices by the control API.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edge::control::Peer;
use wfi_emulator::internals::edge::service::{Progress, Service};
use wfi_emulator::internals::graph::request::{Body, Request, Via};
use wfi_emulator::internals::policy::refusal::SIGN_IN_REFUSALS;

use crate::support::harness;

#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn post(service: &Service, path: &str, body: String) -> Answered {
    let request = Request {
        method: http::Method::POST,
        target: path.parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers: HeaderMap::from_iter([(http::header::HOST, harness::HOST.parse().unwrap())]),
        body: Body::Whole(body.into()),
    };
    let Progress::Answered(answer) = service.begin(&request, Peer::Process) else { panic!("{path} is answered at once") };
    let (parts, body) = answer.response.into_parts();
    Answered { status: parts.status, headers: parts.headers, body }
}

fn control(service: &Service, operation: &str, body: &Value) -> Answered {
    post(service, &format!("/_emulator/worlds/default/sign-ins/{operation}"), body.to_string())
}

fn token(service: &Service, form: &str) -> Answered {
    post(service, "/contoso.com/oauth2/v2.0/token", format!("client_id=app&{form}"))
}

const PASSWORD: &str = "grant_type=password&username=adele@contoso.com&password=p&scope=offline_access User.Read";

#[test]
fn the_next_requests_are_refused_on_demand() {
    let service = Service::of(harness::settings_with(&[]));
    let done = control(&service, "refuse", &json!({ "refusal": "entra-mfa", "times": 2 }));
    assert_eq!((done.status, done.json()["status"].as_u64()), (StatusCode::OK, Some(400)));
    for _ in 0..2 {
        let refused = token(&service, PASSWORD).json();
        assert_eq!((&refused["error_codes"][0], &refused["suberror"]), (&50_076.into(), &"basic_action".into()));
    }
    assert_eq!(token(&service, PASSWORD).status, StatusCode::OK);
    control(&service, "refuse", &json!({ "refusal": "entra-throttled" }));
    let throttled = token(&service, PASSWORD);
    assert_eq!((throttled.status, &*throttled.body), (StatusCode::TOO_MANY_REQUESTS, &b"Too Many Requests"[..]));
    assert_eq!(throttled.headers["retry-after"], "60");
    assert_eq!(throttled.headers["content-type"], "text/plain; charset=utf-8");
    for (body, status) in [
        (json!({ "refusal": "invalid-version" }), StatusCode::NOT_FOUND),
        (json!({ "refusal": "identity-arc" }), StatusCode::NOT_FOUND),
        (json!({ "refusal": "entra-mfa", "times": 101 }), StatusCode::BAD_REQUEST),
        (json!({}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(control(&service, "refuse", &body).status, status, "{body}");
    }
    assert_eq!(token(&service, PASSWORD).status, StatusCode::OK);
}

#[test]
fn every_refusal_of_entra_can_be_had() {
    let service = Service::of(harness::settings_with(&[]));
    let rows = SIGN_IN_REFUSALS.iter().filter(|row| row.name.starts_with("entra-"));
    let mut count = 0;
    for row in rows {
        control(&service, "refuse", &json!({ "refusal": row.name }));
        let refused = token(&service, PASSWORD);
        assert_eq!(refused.status.as_u16(), row.status, "{}", row.name);
        if row.name != "entra-throttled" {
            assert_eq!(refused.json()["error"], row.code.name(), "{}", row.name);
        }
        count += 1;
    }
    assert!(count > 80, "{count}");
}

#[test]
fn the_next_sign_in_in_a_browser_is_refused_on_demand() {
    let service = Service::of(harness::settings_with(&[]));
    let ask = |more: &str| {
        let query = "client_id=app&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%2F&scope=User.Read&state=s";
        post(&service, "/contoso.com/oauth2/v2.0/authorize", format!("{query}{more}"))
    };
    let refuse = |row: &str| control(&service, "refuse", &json!({ "refusal": row, "endpoint": "authorize" })).status;
    let location = |answered: &Answered| {
        answered.headers.get("location").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!(refuse("entra-mfa"), StatusCode::OK);
    assert_eq!(token(&service, PASSWORD).status, StatusCode::OK, "this is for another endpoint");
    let page = ask("");
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(&page.body).contains("AADSTS50076"), "{page:?}");
    assert!(location(&ask("")).starts_with("http://localhost/?code="));
    for (row, more, error) in [
        ("entra-mfa", "&prompt=none", "?error=interaction_required&error_description=AADSTS50076%3a"),
        ("entra-several-sessions", "&prompt=none", "?error=interaction_required&error_description=AADSTS16000%3a"),
        ("entra-consent", "", "?error=consent_required&error_description=AADSTS65001%3a"),
        ("entra-administrator-only", "", "?error=access_denied&error_description=AADSTS90094%3a"),
    ] {
        refuse(row);
        let found = location(&ask(more));
        assert!(found.contains(error) && found.ends_with("&state=s"), "{row}: {found}");
    }
    for (row, status) in
        [("entra-throttled", StatusCode::TOO_MANY_REQUESTS), ("entra-unavailable", StatusCode::SERVICE_UNAVAILABLE)]
    {
        refuse(row);
        assert_eq!(ask("").status, status, "{row}");
    }
    let unknown = json!({ "refusal": "entra-mfa", "endpoint": "logout" });
    assert_eq!(control(&service, "refuse", &unknown).status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_session_is_revoked_and_a_device_is_approved() {
    let service = Service::of(harness::settings_with(&[("device-code", "user")]));
    let refresh = token(&service, PASSWORD).json()["refresh_token"].as_str().unwrap().to_owned();
    let renew = || token(&service, &format!("grant_type=refresh_token&scope=User.Read&refresh_token={refresh}"));
    assert_eq!(renew().status, StatusCode::OK);
    let clock = Request {
        method: http::Method::PUT,
        target: "/_emulator/worlds/default/clock".parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers: HeaderMap::from_iter([(http::header::HOST, harness::HOST.parse().unwrap())]),
        body: Body::Whole(r#"{"advance": 60}"#.into()),
    };
    service.begin(&clock, Peer::Process);
    let revoked = control(&service, "revoke", &json!({ "user": "adele@contoso.com" })).json();
    assert_eq!(revoked["validFrom"], "2026-01-02T03:05:05.678Z");
    assert_eq!(renew().json()["error_codes"][0], 50_173);

    let device = post(&service, "/contoso.com/oauth2/v2.0/devicecode", "client_id=app&scope=User.Read".to_owned()).json();
    let (code, shown) = (device["device_code"].as_str().unwrap(), device["user_code"].as_str().unwrap());
    let poll = || token(&service, &format!("grant_type=device_code&device_code={code}"));
    assert_eq!(poll().json()["error"], "authorization_pending");
    let body = json!({ "userCode": shown.to_lowercase(), "decision": "approve", "user": "lynne@contoso.com" });
    assert_eq!(control(&service, "devices", &body).status, StatusCode::OK);
    assert_eq!(control(&service, "devices", &body).status, StatusCode::NOT_FOUND);
    assert_eq!(poll().status, StatusCode::OK);
}
