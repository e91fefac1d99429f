//! Sign-in, step by step, and laws for all tokens and forms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::Value;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::policy::permissions::{OperationKind, PERMISSIONS};
use wfi_emulator::internals::text::exchange::{self, RecordedRequest};
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::settings::{Auth, Settings};

use crate::support::{harness, tokens};

const GRAPH: &str = "https://graph.microsoft.com/.default";
const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// The verifier and the challenge of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn strict() -> World {
    World::new(Settings { auth: Auth::Strict, ..harness::settings(Behaviors::default()) })
}

/// A world as that of [`strict`], some seconds later.
fn later(seconds: u64) -> World {
    let settings = harness::settings(Behaviors::default());
    let now = settings.clock.now() + std::time::Duration::from_secs(seconds);
    World::new(Settings { auth: Auth::Strict, clock: wfi_emulator::internals::world::clock::Clock::Fixed(now), ..settings })
}

fn send(world: &World, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> exchange::RecordedResponse {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    harness::send(world, &RecordedRequest { method, target: target.to_owned(), headers, body: body.to_owned().into() })
}

fn post(world: &World, endpoint: &str, form: &str) -> (StatusCode, Value) {
    let answer = send(world, Method::POST, &format!("/contoso.com/oauth2/v2.0/{endpoint}"), &[], form);
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

/// Returns the status of a GET of an entity with a token.
fn get(world: &World, token: &str) -> StatusCode {
    send(world, Method::GET, ENTITY, &[("Authorization", &format!("Bearer {token}"))], "").status
}

/// Returns the code in the redirect to the client.
fn code(world: &World, more: &str) -> String {
    let query = format!("client_id=app&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A1%2F&{more}");
    let answer = send(world, Method::GET, &format!("/contoso.com/oauth2/v2.0/authorize?{query}"), &[], "");
    assert_eq!(answer.status, StatusCode::FOUND);
    let (_, parameters) = answer.header("location").unwrap().split_once("/?code=").unwrap();
    parameters.split('&').next().unwrap().to_owned()
}

#[test]
fn a_user_signs_in_with_a_code_and_renews_with_a_refresh_token() {
    let world = strict();
    let scope = "scope=openid%20profile%20offline_access%20https%3A%2F%2Fgraph.microsoft.com%2F.default";
    let code = code(
        &world,
        &format!("{scope}&nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256&login_hint=Adele@contoso.com"),
    );
    let redeem = |more: &str| {
        post(
            &world,
            "token",
            &format!(
                "grant_type=authorization_code&client_id=app&code={code}&scope=openid profile offline_access {GRAPH}&redirect_uri=http://localhost:1/{more}"
            ),
        )
    };
    let (status, refused) = redeem("");
    assert_eq!((status, &refused["error_codes"][0]), (StatusCode::BAD_REQUEST, &501_481.into()));
    let (status, _) = redeem(&format!("x&code_verifier={VERIFIER}"));
    assert_eq!(status, StatusCode::BAD_REQUEST, "the address is part of the code");
    let (status, answer) = redeem(&format!("&code_verifier={VERIFIER}&client_info=1"));
    assert_eq!(status, StatusCode::OK, "{answer}");
    let access = tokens::claims(answer["access_token"].as_str().unwrap());
    let scopes: Vec<&str> = access["scp"].as_str().unwrap().split(' ').collect();
    for scope in ["openid", "profile", "Schedule.ReadWrite.All", "User.ReadWrite.All", "WorkforceIntegration.ReadWrite.All"] {
        assert!(scopes.contains(&scope), "{scopes:?}");
    }
    assert_eq!(access["idtyp"], "user");
    let answered: Vec<&str> = answer["scope"].as_str().unwrap().split(' ').collect();
    assert_eq!((&answered[..2], answered.last()), (&["openid", "profile"][..], Some(&"https://graph.microsoft.com/.default")));
    assert!(answered[2..].iter().all(|scope| scope.starts_with("https://graph.microsoft.com/")), "{answered:?}");
    let id = tokens::claims(answer["id_token"].as_str().unwrap());
    assert_eq!(
        (id["iss"].as_str(), id["nonce"].as_str()),
        (Some("http://localhost:9340/00000000-0000-4000-8000-000000000000/v2.0"), Some("n"))
    );
    assert_eq!((&id["oid"], &id["preferred_username"]), (&access["oid"], &"Adele@contoso.com".into()));
    let client_info = URL_SAFE_NO_PAD.decode(answer["client_info"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&client_info).unwrap()["uid"], access["oid"]);
    assert_eq!(get(&world, answer["access_token"].as_str().unwrap()), StatusCode::OK);
    assert_eq!(
        get(&world, answer["id_token"].as_str().unwrap()),
        StatusCode::UNAUTHORIZED,
        "what is for the client is not for Graph"
    );

    let refresh = answer["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&client_id=app&scope=User.Read&refresh_token={refresh}");
    let after = later(5500);
    assert_eq!(get(&after, answer["access_token"].as_str().unwrap()), StatusCode::UNAUTHORIZED);
    let (status, renewed) = post(&after, "token", &form);
    assert_eq!(status, StatusCode::OK, "{renewed}");
    assert_eq!(tokens::claims(renewed["access_token"].as_str().unwrap())["oid"], access["oid"]);
    let (_, workforce) = post(&after, "token", &form.replace("User.Read", GRAPH));
    assert_eq!(get(&after, workforce["access_token"].as_str().unwrap()), StatusCode::OK);
    let (_, foreign) = post(&after, "token", &form.replace("client_id=app", "client_id=other"));
    assert_eq!(foreign["error"], "invalid_grant");
    let (_, over) = post(&later(91 * 24 * 60 * 60), "token", &form);
    assert_eq!((&over["error"], &over["error_codes"][0]), (&"invalid_grant".into(), &700_082.into()));
}

#[test]
fn a_code_expires_and_is_not_a_refresh_token() {
    let world = strict();
    let code = code(&world, "scope=User.Read");
    let form =
        format!("grant_type=authorization_code&client_id=app&scope=User.Read&redirect_uri=http://localhost:1/&code={code}");
    let (status, answer) = post(&world, "token", &form);
    assert_eq!((status, &answer["scope"]), (StatusCode::OK, &"User.Read".into()));
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "neither was asked for: {answer}");
    let (_, refused) = post(&world, "token", &format!("grant_type=refresh_token&client_id=app&refresh_token={code}"));
    assert_eq!(refused["error"], "invalid_grant");
    let (_, over) = post(&later(601), "token", &form);
    assert_eq!(over["error_codes"][0], 70_008);
}

#[test]
fn a_challenge_without_a_method_is_the_verifier_itself() {
    let world = strict();
    let code = code(&world, "scope=User.Read&code_challenge=abc");
    let form = format!(
        "grant_type=authorization_code&client_id=app&scope=User.Read&redirect_uri=http://localhost:1/&code={code}&code_verifier="
    );
    assert_eq!(post(&world, "token", &format!("{form}abd")).0, StatusCode::BAD_REQUEST);
    assert_eq!(post(&world, "token", &format!("{form}abc")).0, StatusCode::OK, "the code stays usable");
}

#[test]
fn a_device_gets_its_tokens_at_once() {
    let world = strict();
    let (_, device) = post(&world, "devicecode", "client_id=app&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default");
    let code = device["device_code"].as_str().unwrap();
    let form = format!("grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=app&device_code={code}");
    let (status, answer) = post(&world, "token", &form);
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(get(&world, answer["access_token"].as_str().unwrap()), StatusCode::OK);
}

/// Returns the path of a built-in collection of a resource and of an entity in it.
fn paths_of(resource: &str) -> (String, String) {
    let schedule = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";
    let (collection, id) = match resource {
        "microsoft.graph.shift" => ("shifts", "SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8"),
        "microsoft.graph.openShift" => ("openShifts", "OPNSHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8"),
        "microsoft.graph.timeOffReason" => ("timeOffReasons", "TOR_891045ca-b5d2-406b-aa06-a3c8921245d7"),
        "microsoft.graph.timeOff" => ("timesOff", "TOFF_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029"),
        "microsoft.graph.schedulingGroup" => ("schedulingGroups", "TAG_228940ed-ff84-4e25-b129-1b395cf78be0"),
        "microsoft.graph.timeOffRequest" => ("timeOffRequests", "SREQ_40f71e21-4259-53e0-bc36-bb3d025265f1"),
        "microsoft.graph.offerShiftRequest" => ("offerShiftRequests", "SREQ_f53fe69f-c700-58f0-9952-ad790ccb1799"),
        "microsoft.graph.swapShiftsChangeRequest" => ("swapShiftsChangeRequests", "SREQ_2e9a4958-3335-5b13-8140-8dd95864e2db"),
        "microsoft.graph.openShiftChangeRequest" => ("openShiftChangeRequests", "SREQ_7475d2ee-b6bd-5355-8af7-b57d3d679754"),
        "microsoft.graph.timeCard" => ("timeCards", "TCK_ec3ba482-1a87-51a7-9a94-77e479a10ae6"),
        "microsoft.graph.dayNote" => ("dayNotes", "NOTE_26eaf44b-90d1-5a5e-be79-49ddc205804f"),
        "microsoft.graph.team" => {
            return ("/v1.0/teams".to_owned(), schedule.trim_end_matches("/schedule").to_owned());
        }
        "microsoft.graph.schedule" => return (String::new(), schedule.to_owned()),
        _ => return (COLLECTION.to_owned(), ENTITY.to_owned()),
    };
    (format!("{schedule}/{collection}"), format!("{schedule}/{collection}/{id}"))
}

#[test]
fn each_operation_accepts_exactly_the_permissions_of_its_row() {
    let names = [
        "WorkforceIntegration.Read.All",
        "WorkforceIntegration.ReadWrite.All",
        "Schedule.Read.All",
        "Schedule.ReadWrite.All",
        "Group.Read.All",
        "Group.ReadWrite.All",
        "Team.ReadBasic.All",
        "TeamSettings.Read.All",
        "TeamSettings.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
        "User.Read",
    ];
    for row in PERMISSIONS {
        let (collection, entity) = paths_of(row.resource);
        for name in names {
            for (kind, list, accepted) in [("app", "roles", row.application), ("user", "scopes", row.delegated)] {
                // Empty bodies are for the check of permissions alone.
                let world = World::new(Settings { auth: Auth::Strict, ..harness::settings_with(&[("shifts-rules", "lenient")]) });
                let token = tokens::token(&world, &format!("{kind} {list}={name}"));
                let headers = [("Authorization", &*format!("Bearer {token}")), ("Content-Type", "application/json")];
                let change = if collection == COLLECTION { Method::PATCH } else { Method::PUT };
                let (method, target, body) = match row.operation {
                    OperationKind::List => (Method::GET, &collection, ""),
                    OperationKind::Get => (Method::GET, &entity, ""),
                    OperationKind::Create => (Method::POST, &collection, "{}"),
                    OperationKind::Update if collection.is_empty() => (change, &entity, r#"{"enabled":true,"timeZone":"UTC"}"#),
                    OperationKind::Update => (change, &entity, "{}"),
                    OperationKind::Delete => (Method::DELETE, &entity, ""),
                };
                let status = send(&world, method, target, &headers, body).status;
                let is_accepted = status != StatusCode::FORBIDDEN;
                assert_eq!(is_accepted, accepted.contains(&name), "{} as {kind} with {name}: {status}", row.page);
                assert!(status.is_success() || !is_accepted, "{}: {status}", row.page);
            }
        }
    }
}

#[test]
fn any_number_is_accepted_as_lifetime() {
    let world = strict();
    let now = wfi_emulator::internals::entra::token::unix_seconds(world.clock.now());
    let claims = tokens::claims(&tokens::token(&world, "app"));
    for (name, value, is_valid) in [
        ("exp", serde_json::json!(f64::from(i32::MAX) + 0.5), true),
        ("exp", serde_json::json!(u64::MAX), true),
        ("exp", serde_json::json!(1e300), true),
        ("exp", serde_json::json!(now), false),
        ("exp", serde_json::json!(-1.5), false),
        ("exp", serde_json::json!(i64::MIN), false),
        ("exp", serde_json::json!("9999999999"), false),
        ("exp", Value::Null, false),
        ("nbf", Value::Null, true),
        ("nbf", serde_json::json!(0.5), true),
        ("nbf", serde_json::json!(now), true),
        ("nbf", serde_json::json!(u64::MAX), false),
        ("nbf", serde_json::json!(f64::from(i32::MAX) + 0.5), false),
        ("nbf", serde_json::json!("0"), false),
    ] {
        let mut claims = claims.clone();
        claims[name] = value.clone();
        let status = get(&world, &wfi_emulator::internals::entra::token::signed(&claims));
        assert_eq!(status, if is_valid { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{name}: {value}");
    }
}

#[test]
fn the_published_keys_verify_tokens() {
    let world = strict();
    let answer = send(&world, Method::GET, "/common/discovery/v2.0/keys", &[], "");
    let keys: Value = serde_json::from_slice(&answer.body).unwrap();
    let part = |name: &str| URL_SAFE_NO_PAD.decode(keys["keys"][0][name].as_str().unwrap()).unwrap();
    let token = tokens::token(&world, "app");
    let (text, signature) = token.rsplit_once('.').unwrap();
    let key = ring::signature::RsaPublicKeyComponents { n: part("n"), e: part("e") };
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(&ring::signature::RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), &signature).unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!((&header["kid"], &header["alg"]), (&keys["keys"][0]["kid"], &"RS256".into()));
}

/// Nearly valid tokens: parts of all kinds between any number of dots.
fn token_like() -> impl Strategy<Value = String> {
    let json = prop_oneof![
        Just(r#"{"alg":"RS256"}"#),
        Just(r#"{"alg":"none"}"#),
        Just("{}"),
        Just("[]"),
        Just(r#"{"exp":1e99,"nbf":-1,"aud":[1],"iss":null,"tid":{},"roles":"x","oid":"a"}"#),
        Just(r#"{"oid":1}"#),
        Just("\u{0}"),
    ];
    let part = prop_oneof![json.prop_map(|json| URL_SAFE_NO_PAD.encode(json)), "[ -~]{0,12}", Just(String::new())];
    proptest::collection::vec(part, 0..6).prop_map(|parts| parts.join("."))
}

/// Nearly valid forms.
fn form_like() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("grant_type"),
        Just("client_id"),
        Just("client_secret"),
        Just("client_assertion"),
        Just("scope"),
        Just("resource"),
        Just("code"),
        Just("refresh_token"),
        Just("device_code"),
        Just("redirect_uri"),
        Just("response_type"),
        Just("response_mode"),
        Just("state"),
        Just("login_hint"),
        Just("code_verifier"),
        Just("client-request-id"),
        Just("x"),
        Just(""),
    ];
    let value = prop_oneof![
        Just("client_credentials".to_owned()),
        Just("authorization_code".to_owned()),
        Just("refresh_token".to_owned()),
        Just("urn:ietf:params:oauth:grant-type:device_code".to_owned()),
        Just("code".to_owned()),
        Just("form_post".to_owned()),
        Just("fragment".to_owned()),
        Just("http%3A%2F%2Flocalhost%2F".to_owned()),
        Just("x%0D%0Ay".to_owned()),
        Just("https%3A%2F%2Fgraph.microsoft.com%2F.default".to_owned()),
        Just("openid%20/.default%20a/b/c".to_owned()),
        Just(URL_SAFE_NO_PAD.encode(r#"{"kind":"Refresh","client":"code","scope":"","until":9223372036854775807}"#)),
        Just("é\u{0}%ff%".to_owned()),
        "[ -~]{0,16}",
    ];
    proptest::collection::vec((name, value), 0..9).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_token_panics_or_is_accepted(token in token_like(), acts_as in any::<bool>()) {
        for auth in [Auth::Open, Auth::Bearer, Auth::Strict] {
            let mut behaviors = Behaviors::default();
            if acts_as {
                behaviors.set("acts-as", "required").unwrap();
            }
            let world = World::new(Settings { auth, ..harness::settings(behaviors) });
            let headers = [("Authorization", &*format!("Bearer {token}")), ("Content-Type", "application/json")];
            let status = send(&world, Method::PATCH, ENTITY, &headers, r#"{"displayName":"x"}"#).status;
            prop_assert!(auth != Auth::Strict || status == StatusCode::UNAUTHORIZED, "{}", status);
        }
    }

    #[test]
    fn no_form_panics_or_breaks_an_answer(form in form_like(), endpoint in 0..6_usize) {
        let world = strict();
        let (method, path) = [
            (Method::POST, "oauth2/v2.0/token"), (Method::POST, "oauth2/token"), (Method::POST, "oauth2/v2.0/devicecode"),
            (Method::POST, "oauth2/devicecode"), (Method::POST, "oauth2/v2.0/authorize"), (Method::POST, "oauth2/authorize"),
        ][endpoint].clone();
        // The harness checks every answer.
        let answer = send(&world, method, &format!("/common/{path}"), &[], &form);
        let location = answer.header("location").unwrap_or_default();
        prop_assert!(!location.contains(['\r', '\n', ' ']), "{}", location);
    }

    #[test]
    fn no_tenant_breaks_an_answer(realm in "[a-zA-Z0-9.%<>\"'_-]{0,12}", case in any::<bool>()) {
        let path = "v2.0/.well-known/openid-configuration";
        let path = if case { path.to_uppercase() } else { path.to_owned() };
        let Ok(target) = format!("/{realm}/{path}").parse::<http::Uri>() else { return Ok(()) };
        send(&strict(), Method::GET, &target.to_string(), &[], "");
    }
}
