//! Revocation, the challenge for claims, and the refresh token after it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;
use wfi_emulator::internals::text::exchange::{RecordedRequest, RecordedResponse};
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::settings::{Auth, Settings};

use crate::support::harness;

const CAPABLE: &str = r#"&claims={"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

fn world(choices: &[(&str, &str)]) -> World {
    World::new(Settings { auth: Auth::Strict, ..harness::settings_with(choices) })
}

fn after(world: &World, seconds: u64) -> World {
    world.with_clock(Clock::Fixed(world.clock.now() + Duration::from_secs(seconds)))
}

fn send(world: &World, method: Method, target: &str, token: Option<&str>, body: &str) -> RecordedResponse {
    let headers = token.map(|token| ("Authorization".to_owned(), format!("Bearer {token}"))).into_iter().collect();
    harness::send(world, &RecordedRequest { method, target: target.to_owned(), headers, body: body.to_owned().into() })
}

fn token(world: &World, form: &str) -> Value {
    let answer = send(world, Method::POST, "/contoso.com/oauth2/v2.0/token", None, form);
    serde_json::from_slice(&answer.body).unwrap()
}

fn sign_in(world: &World, name: &str, more: &str) -> (String, String) {
    let scope = "offline_access https://graph.microsoft.com/.default";
    let answer = token(world, &format!("grant_type=password&client_id=app&username={name}&password=p&scope={scope}{more}"));
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

fn read(world: &World, token: &str) -> RecordedResponse {
    send(world, Method::GET, "/v1.0/teamwork/workforceIntegrations", Some(token), "")
}

fn renew(world: &World, refresh: &str) -> Value {
    token(world, &format!("grant_type=refresh_token&client_id=app&scope=User.Read&refresh_token={refresh}"))
}

#[test]
fn a_capable_client_is_challenged_after_a_revocation() {
    for (form, parts) in [
        ("2021", &["error=\"insufficient_claims\", claims=\""][..]),
        ("2022", &["claims=\"", "errorDescription=\"Continuous access evaluation"][..]),
        ("2024", &["PoP realm=\"\"", "nonce=\"", "Bearer realm=\"\"", "error_description=\"", "claims=\""][..]),
    ] {
        let world = world(&[("claims-challenge", form)]);
        let (capable, refresh) = sign_in(&world, "adele@contoso.com", CAPABLE);
        let (plain, _) = sign_in(&world, "adele@contoso.com", "");
        let (other, _) = sign_in(&world, "lynne@contoso.com", CAPABLE);
        assert_eq!(read(&world, &capable).status, StatusCode::OK);
        let minute = after(&world, 60);
        let answer = send(&minute, Method::POST, "/v1.0/me/revokeSignInSessions", Some(&capable), "");
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &body["value"]), (StatusCode::OK, &true.into()), "{body}");
        assert!(body["@odata.context"].as_str().unwrap().ends_with("/v1.0/$metadata#Edm.Boolean"), "{body}");
        let refused = read(&minute, &capable);
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let challenge = refused.header("www-authenticate").unwrap();
        let mut rest = challenge;
        for part in parts {
            rest = rest.split_once(part).unwrap_or_else(|| panic!("{form}: {part} in {challenge}")).1;
        }
        let claims = challenge.split_once("claims=\"").unwrap().1.split('"').next().unwrap();
        let claims = String::from_utf8(STANDARD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims, r#"{"access_token":{"nbf":{"essential":true, "value":"1767323105"}}}"#);
        assert_eq!(read(&minute, &plain).status, StatusCode::OK, "its client would not understand the challenge");
        assert_eq!(read(&minute, &other).status, StatusCode::OK, "another user");
        let refused = renew(&minute, &refresh);
        assert_eq!(
            (&refused["error"], &refused["error_codes"][0], &refused["suberror"]),
            (&"invalid_grant".into(), &50_173.into(), &"bad_token".into())
        );
        let (fresh, refresh) = sign_in(&minute, "adele@contoso.com", CAPABLE);
        assert_eq!(read(&minute, &fresh).status, StatusCode::OK);
        assert!(renew(&minute, &refresh)["access_token"].is_string());
    }
}

#[test]
fn an_administrator_revokes_the_sessions_of_another_user() {
    let world = world(&[]);
    let (capable, _) = sign_in(&world, "adele@contoso.com", CAPABLE);
    let form = "grant_type=password&client_id=app&username=lynne@contoso.com&password=p&scope=User.Read";
    let limited = token(&world, form)["access_token"].as_str().unwrap().to_owned();
    let minute = after(&world, 60);
    let revoke = |token: &str, path: &str| send(&minute, Method::POST, path, Some(token), "").status;
    assert_eq!(revoke(&limited, "/v1.0/users/adele@contoso.com/revokeSignInSessions"), StatusCode::FORBIDDEN);
    assert_eq!(read(&minute, &capable).status, StatusCode::OK);
    let (administrator, _) = sign_in(&world, "lynne@contoso.com", "");
    assert_eq!(revoke(&administrator, "/beta/users/adele%40contoso.com/microsoft.graph.revokeSignInSessions"), StatusCode::OK);
    assert_eq!(read(&minute, &capable).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn a_revoked_token_has_no_information_about_its_user() {
    let world = world(&[]);
    let scope = "openid offline_access https://graph.microsoft.com/User.Read";
    let form = format!("grant_type=password&client_id=app&username=adele@contoso.com&password=p&scope={scope}{CAPABLE}");
    let capable = token(&world, &form)["access_token"].as_str().unwrap().to_owned();
    let minute = after(&world, 60);
    let ask = || send(&minute, Method::GET, "/oidc/userinfo", Some(&capable), "").status;
    assert_eq!(ask(), StatusCode::OK);
    let (administrator, _) = sign_in(&world, "lynne@contoso.com", "");
    let path = "/v1.0/users/adele@contoso.com/revokeSignInSessions";
    assert_eq!(send(&minute, Method::POST, path, Some(&administrator), "").status, StatusCode::OK);
    assert_eq!(ask(), StatusCode::UNAUTHORIZED);
}

#[test]
fn clients_of_a_family_share_refresh_tokens() {
    let world = world(&[]);
    let [cli, shell] = ["04b07795-8ddb-461a-bbee-02f9e1bf7b46", "1950a258-227b-4e31-a9cf-717495945fc2"];
    let begin = |client: &str| {
        let scope = "offline_access User.Read";
        let answer =
            token(&world, &format!("grant_type=password&client_id={client}&username=adele@contoso.com&password=p&scope={scope}"));
        (answer["foci"].clone(), answer["refresh_token"].as_str().unwrap().to_owned())
    };
    let renewed = |client: &str, refresh: &str| {
        let form = format!("grant_type=refresh_token&client_id={client}&scope=User.Read&refresh_token={refresh}");
        token(&world, &form)["access_token"].is_string()
    };
    let ((family, of_cli), (none, of_other)) = (begin(cli), begin("app"));
    assert_eq!((family, none), ("1".into(), Value::Null));
    assert!(renewed(shell, &of_cli) && renewed(cli, &of_cli));
    assert!(!renewed("app", &of_cli) && !renewed(shell, &of_other));
}

#[test]
fn names_of_any_length_hold_no_memory_that_is_not_counted() {
    let world = world(&[("device-code", "user")]);
    let used = world.stores.used();
    let long = "x".repeat(60_000);
    let consent = format!("/common/v2.0/adminconsent?client_id=app&redirect_uri=http://localhost:1/&scope={long}");
    send(&world, Method::GET, &consent, None, "");
    let device = send(&world, Method::POST, "/common/oauth2/v2.0/devicecode", None, "client_id=app&scope=User.Read");
    let device: Value = serde_json::from_slice(&device.body).unwrap();
    let form = format!("code={}&decision=approve&user={long}", device["user_code"].as_str().unwrap());
    let decided = send(&world, Method::POST, "/common/oauth2/deviceauth", None, &form);
    assert_eq!(decided.status, StatusCode::BAD_REQUEST, "the name is too long");
    let (administrator, _) = sign_in(&world, "lynne@contoso.com", "");
    let path = format!("/v1.0/users/{long}/revokeSignInSessions");
    send(&world, Method::POST, &path, Some(&administrator), "");
    assert!(world.stores.used() - used < 1024, "{}", world.stores.used() - used);
}
