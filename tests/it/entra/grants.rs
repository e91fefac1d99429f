//! Grants step by step: codes once only, hybrid flows, devices, services on behalf of users, assertions, and forged ones by the hundred.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Method, StatusCode};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wfi_emulator::internals::entra::token::signed;
use wfi_emulator::internals::text::exchange::{RecordedRequest, RecordedResponse};
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::fixture::directory::Directory;
use wfi_emulator::internals::world::journal::{JournalQuery, Secrets};
use wfi_emulator::internals::world::settings::{Auth, Settings, SignIn};

use crate::support::{harness, tokens};

const PEM: &str = include_str!("../../../fixtures/identity/development-key.pem");
const CERTIFICATE: &str = include_str!("../../../fixtures/identity/development-certificate.pem");

const WEB: &str = "11111111-1111-1111-1111-111111111111";
const ORDERS: &str = "22222222-2222-2222-2222-222222222222";
const STOCK: &str = "33333333-3333-3333-3333-333333333333";
const PAGE: &str = "44444444-4444-4444-4444-444444444444";

/// The time of the worlds of tests.
const NOW: i64 = 1_767_323_045;

fn directory() -> Value {
    let (n, e) = modulus_and_exponent();
    json!({
        "tenantId": "88888888-8888-8888-8888-888888888888",
        "domains": ["contoso.com"],
        "applications": [
            {
                "appId": WEB, "displayName": "Web", "secrets": ["s"], "certificates": [CERTIFICATE],
                "federatedCredentials": [
                    { "issuer": "https://issuer.example", "subject": "repo:a", "keys": [{ "kid": "k", "n": n, "e": e }] }
                ],
                "redirectUris": { "web": ["https://web.contoso.com/in"], "spa": ["https://web.contoso.com/spa"] },
            },
            { "appId": ORDERS, "displayName": "Orders", "secrets": ["s"], "requestedAccessTokenVersion": 2 },
            { "appId": STOCK, "displayName": "Stock", "secrets": ["s"], "identifierUris": ["https://stock.contoso.com"] },
            { "appId": PAGE, "redirectUris": { "publicClient": ["http://localhost/back"] } },
        ],
        "users": [
            { "id": "366c0b19-49b1-41b5-a03f-9f3887bd0ed8", "userPrincipalName": "adele@contoso.com", "displayName": "Adele" },
            { "id": "11110b19-49b1-41b5-a03f-9f3887bd0ed8", "userPrincipalName": "lynne@contoso.com" },
        ],
    })
}

fn settings(directory: &Value, choices: &[(&str, &str)]) -> Settings {
    let directory = Directory::read(directory.to_string().as_bytes()).unwrap().into();
    Settings { auth: Auth::Strict, directory, ..harness::settings_with(choices) }
}

fn world() -> World {
    World::new(settings(&directory(), &[]))
}

fn at(seconds: i64) -> Clock {
    Clock::Fixed(std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(seconds).unwrap()))
}

fn send(world: &World, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> RecordedResponse {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    harness::send(world, &RecordedRequest { method, target: target.to_owned(), headers, body: body.to_owned().into() })
}

fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        text.bytes().fold(String::new(), |text, byte| {
            if byte.is_ascii_alphanumeric() { text + &char::from(byte).to_string() } else { text + &format!("%{byte:02X}") }
        })
    };
    pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

fn token_with(world: &World, headers: &[(&str, &str)], pairs: &[(&str, &str)]) -> (StatusCode, Value) {
    let answer = send(world, Method::POST, "/contoso.com/oauth2/v2.0/token", headers, &form(pairs));
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn token(world: &World, pairs: &[(&str, &str)]) -> Value {
    let (status, answer) = token_with(world, &[], pairs);
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// Returns the AADSTS number of a refusal.
fn refused(world: &World, pairs: &[(&str, &str)]) -> i64 {
    let (status, answer) = token_with(world, &[], pairs);
    assert!(status.is_client_error(), "{answer}");
    answer["error_codes"][0].as_i64().unwrap()
}

/// Returns the parameters that the client gets from the authorization endpoint, in a query or a fragment.
fn authorize(world: &World, pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let answer = send(world, Method::GET, &format!("/contoso.com/oauth2/v2.0/authorize?{}", form(pairs)), &[], "");
    assert_eq!(answer.status, StatusCode::FOUND, "{:?}", String::from_utf8_lossy(&answer.body));
    let (_, parameters) = answer.header("location").unwrap().split_once(['?', '#']).unwrap();
    parameters
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn claims(answer: &Value, name: &str) -> Value {
    tokens::claims(answer[name].as_str().unwrap())
}

#[test]
fn a_code_is_redeemed_once_and_only_for_what_it_was_asked_for() {
    let world = world();
    let asked = [
        ("client_id", WEB),
        ("response_type", "code"),
        ("redirect_uri", "https://web.contoso.com/in"),
        ("scope", "openid profile offline_access User.Read"),
        ("login_hint", "lynne@contoso.com"),
    ];
    let code = authorize(&world, &asked).remove("code").unwrap();
    let redeem = |more: &[(&str, &str)]| {
        let mut pairs = vec![("grant_type", "authorization_code"), ("client_id", WEB), ("code", &*code)];
        pairs.extend(more);
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    let (secret, redirect, scope) =
        (("client_secret", "s"), ("redirect_uri", "https://web.contoso.com/in"), ("scope", "User.Read openid"));
    for (more, number) in [
        (vec![redirect, scope], 7_000_218),
        (vec![("client_secret", "wrong"), redirect, scope], 7_000_215),
        (vec![secret, ("redirect_uri", "https://web.contoso.com/other"), scope], 70_000),
        (vec![secret, scope], 70_000),
        (vec![secret, redirect], 28_003),
        (vec![secret, redirect, ("scope", "User.Read https://vault.azure.net/.default")], 70_011),
    ] {
        let pairs = redeem(&more);
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(refused(&world, &pairs), number, "{more:?}");
    }
    let foreign =
        [("grant_type", "authorization_code"), ("client_id", ORDERS), ("client_secret", "s"), ("code", &*code), redirect, scope];
    assert_eq!(refused(&world, &foreign), 70_000);
    let invented =
        [("grant_type", "authorization_code"), ("client_id", WEB), ("client_secret", "wrong"), ("code", "x"), redirect, scope];
    assert_eq!(refused(&world, &invented), 9_002_313, "before the secret");
    let pairs = redeem(&[secret, redirect, scope]);
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    let browser = token_with(&world, &[("Origin", "https://web.contoso.com")], &pairs);
    assert_eq!(browser.1["error_codes"][0], 9_002_326);
    let answer = token(&world, &pairs);
    assert_eq!(claims(&answer, "id_token")["oid"], Value::Null, "the profile was not asked for");
    assert_eq!(claims(&answer, "access_token")["upn"], "lynne@contoso.com");
    let (_, again) = token_with(&world, &[], &pairs);
    assert_eq!(
        (&again["error"], &again["error_codes"][0], again.get("error_uri")),
        (&"invalid_grant".into(), &54_005.into(), None)
    );
}

#[test]
fn a_single_page_application_redeems_in_the_browser_and_its_session_ends_after_a_day() {
    let world = world();
    let redirect = ("redirect_uri", "https://web.contoso.com/spa");
    let code = authorize(&world, &[("client_id", WEB), ("response_type", "code"), redirect, ("scope", "User.Read")]);
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", WEB),
        ("code", &*code["code"]),
        redirect,
        ("scope", "User.Read offline_access"),
    ];
    assert_eq!(refused(&world, &pairs), 9_002_327);
    let browser = [("Origin", "https://web.contoso.com")];
    let (status, answer) = token_with(&world, &browser, &pairs);
    assert_eq!((status, &answer["refresh_token_expires_in"]), (StatusCode::OK, &86_400.into()), "{answer}");
    let refresh = answer["refresh_token"].as_str().unwrap();
    let renew =
        [("grant_type", "refresh_token"), ("client_id", WEB), ("refresh_token", refresh), ("scope", "User.Read offline_access")];
    let hour = world.with_clock(at(NOW + 3600));
    let (_, renewed) = token_with(&hour, &browser, &renew);
    assert_eq!(renewed["refresh_token_expires_in"], 82_800, "{renewed}");
    assert_eq!(token_with(&hour, &[], &renew).1["error_codes"][0], 9_002_327);
    let (_, over) = token_with(&world.with_clock(at(NOW + 86_400)), &browser, &renew);
    assert_eq!(over["error_codes"][0], 700_084);
}

#[test]
fn a_hybrid_answer_binds_the_id_token_to_the_code() {
    let world = World::new(harness::settings_with(&[]));
    let asked = [
        ("client_id", "app"),
        ("response_type", "code id_token"),
        ("redirect_uri", "http://localhost/"),
        ("scope", "openid profile User.Read"),
        ("nonce", "n1"),
        ("state", "s 1"),
    ];
    let sent = authorize(&world, &asked);
    let id = tokens::claims(&sent["id_token"]);
    let half = |text: &str| URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
    assert_eq!((&id["nonce"], &id["c_hash"], id.get("at_hash")), (&"n1".into(), &half(&sent["code"]).into(), None));
    assert_eq!(sent["state"], "s%201");
    let implicit = authorize(&world, &[&asked[2..], &[("client_id", "app"), ("response_type", "id_token token")]].concat());
    let id = tokens::claims(&implicit["id_token"]);
    assert_eq!(id["at_hash"], half(&implicit["access_token"]));
    assert_eq!((&*implicit["token_type"], &*implicit["scope"]), ("Bearer", "openid%20profile%20User.Read"));
    let redeemed = token_with(
        &world,
        &[],
        &[
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", &sent["code"]),
            ("redirect_uri", "http://localhost/"),
            ("scope", "openid User.Read"),
        ],
    );
    let id = claims(&redeemed.1, "id_token");
    assert_eq!((&id["nonce"], id.get("c_hash")), (&"n1".into(), None));
}

#[test]
fn a_refresh_token_is_for_its_client_and_for_any_resource() {
    let world = world();
    let sign_in = |scope| {
        token(
            &world,
            &[
                ("grant_type", "password"),
                ("client_id", PAGE),
                ("username", "lynne@contoso.com"),
                ("password", "p"),
                ("scope", scope),
            ],
        )
    };
    let answer = sign_in("offline_access openid https://management.azure.com/.default");
    let refresh = answer["refresh_token"].as_str().unwrap();
    let renew =
        |client, scope| [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", refresh), ("scope", scope)];
    let graph = token(&world, &renew(PAGE, "User.Read openid"));
    assert_eq!(
        (&graph["scope"], &claims(&graph, "access_token")["upn"]),
        (&"openid User.Read".into(), &"lynne@contoso.com".into())
    );
    assert_eq!(graph.get("refresh_token"), None, "it was not asked for");
    let management = token(&world, &renew(PAGE, "https://management.azure.com/.default openid profile offline_access"));
    assert_eq!(management["scope"], "https://management.azure.com/user_impersonation https://management.azure.com/.default");
    for (client, scope, number) in [(PAGE, "", 90_009), (PAGE, "openid profile", 90_009), (WEB, "User.Read", 70_000)] {
        assert_eq!(refused(&world, &renew(client, scope)), number, "{client} {scope}");
    }
    // Each changed character is found.
    for index in (0..refresh.len()).step_by(7) {
        let mut forged = refresh.as_bytes().to_vec();
        forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        let pairs = [("grant_type", "refresh_token"), ("client_id", PAGE), ("refresh_token", &*forged), ("scope", "User.Read")];
        assert_eq!(refused(&world, &pairs), 9_002_313, "{index}");
    }
}

#[test]
fn a_device_waits_for_its_user() {
    let world = World::new(settings(&directory(), &[("device-code", "user")]));
    let begin = || {
        let pairs = form(&[("client_id", PAGE), ("scope", "User.Read offline_access")]);
        let answer = send(&world, Method::POST, "/organizations/oauth2/v2.0/devicecode", &[], &pairs);
        serde_json::from_slice::<Value>(&answer.body).unwrap()
    };
    let poll = |world: &World, device: &Value| {
        let code = device["device_code"].as_str().unwrap().to_owned();
        let pairs = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("client_id", PAGE), ("device_code", &code)];
        let (_, answer) = token_with(world, &[], &pairs);
        answer["error"]
            .as_str()
            .map_or_else(|| claims(&answer, "access_token")["upn"].as_str().unwrap().to_owned(), str::to_owned)
    };
    let decide = |device: &Value, decision: &str, headers: &[(&str, &str)]| {
        let code = device["user_code"].as_str().unwrap().to_lowercase();
        let pairs = form(&[("code", &code), ("decision", decision), ("user", "lynne@contoso.com")]);
        send(&world, Method::POST, "/common/oauth2/deviceauth", headers, &pairs).status
    };
    let device = begin();
    assert_eq!((device["interval"].as_i64(), device["user_code"].as_str().unwrap().len()), (Some(5), 9));
    let after = |seconds| world.with_clock(at(NOW + seconds));
    assert_eq!(poll(&world, &device), "authorization_pending");
    assert_eq!(poll(&after(2), &device), "slow_down");
    assert_eq!(poll(&after(8), &device), "authorization_pending");
    for origin in
        ["https://evil.example", "http://localhost:93", "http://localhost", "http", "", "http://localhost:93401", "null"]
    {
        assert_eq!(decide(&device, "approve", &[("Origin", origin)]), StatusCode::BAD_REQUEST, "{origin}");
    }
    assert_eq!(decide(&device, "approve", &[("Origin", "http://localhost:9340")]), StatusCode::OK);
    assert_eq!(decide(&device, "decline", &[]), StatusCode::BAD_REQUEST, "the decision is made");
    assert_eq!(poll(&after(9), &device), "lynne@contoso.com");
    assert_eq!(poll(&after(15), &device), "invalid_grant", "the code is spent");
    let declined = begin();
    assert_eq!(decide(&declined, "decline", &[]), StatusCode::OK);
    assert_eq!(poll(&world, &declined), "authorization_declined");
    assert_eq!(poll(&after(900), &begin()), "expired_token");
}

/// Returns a token of a user for a resource.
fn user_token(world: &World, client: &str, scope: &str) -> String {
    let pairs = [
        ("grant_type", "password"),
        ("client_id", client),
        ("client_secret", "s"),
        ("username", "lynne@contoso.com"),
        ("password", "p"),
        ("scope", scope),
    ];
    token(world, &pairs)["access_token"].as_str().unwrap().to_owned()
}

fn on_behalf<'a>(client: &'a str, assertion: &'a str, scope: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("client_id", client),
        ("client_secret", "s"),
        ("assertion", assertion),
        ("scope", scope),
        ("requested_token_use", "on_behalf_of"),
    ]
}

#[test]
fn services_act_for_a_user_over_two_hops() {
    let world = world();
    let first = user_token(&world, WEB, &format!("api://{ORDERS}/Orders.Read"));
    assert_eq!((tokens::claims(&first)["ver"].as_str(), tokens::claims(&first)["aud"].as_str()), (Some("2.0"), Some(ORDERS)));
    let second = token(&world, &on_behalf(ORDERS, &first, "https://stock.contoso.com/Stock.Read openid profile offline_access"));
    assert_eq!(second["scope"], "https://stock.contoso.com/Stock.Read");
    let inner = claims(&second, "access_token");
    assert_eq!(
        (&inner["ver"], &inner["aud"], &inner["appid"]),
        (&"1.0".into(), &"https://stock.contoso.com".into(), &ORDERS.into())
    );
    let third =
        token(&world, &on_behalf(STOCK, second["access_token"].as_str().unwrap(), "https://graph.microsoft.com/.default"));
    let last = claims(&third, "access_token");
    assert_eq!(
        (&last["upn"], &last["appid"], &last["aud"]),
        (&"lynne@contoso.com".into(), &STOCK.into(), &"https://graph.microsoft.com".into())
    );
    let bearer = format!("Bearer {}", third["access_token"].as_str().unwrap());
    let answer = send(&world, Method::GET, "/v1.0/teamwork/workforceIntegrations", &[("Authorization", &bearer)], "");
    assert_eq!(answer.status, StatusCode::OK);
}

#[test]
fn a_service_acts_only_for_a_user_who_called_it() {
    let world = world();
    let scope = format!("api://{ORDERS}/Orders.Read");
    let good = user_token(&world, WEB, &scope);
    let graph = user_token(&world, WEB, "User.Read");
    let id = token(
        &world,
        &[
            ("grant_type", "password"),
            ("client_id", ORDERS),
            ("client_secret", "s"),
            ("username", "lynne@contoso.com"),
            ("password", "p"),
            ("scope", "openid profile"),
        ],
    );
    let application = token(
        &world,
        &[
            ("grant_type", "client_credentials"),
            ("client_id", WEB),
            ("client_secret", "s"),
            ("scope", &format!("api://{ORDERS}/.default")),
        ],
    );
    let (text, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{text}.{}", graph.rsplit('.').next().unwrap());
    for (assertion, number) in [
        (&*graph, 500_131),
        (id["id_token"].as_str().unwrap(), 240_002),
        (application["access_token"].as_str().unwrap(), 7_000_114),
        (&*forged, 50_013),
        ("x", 50_027),
    ] {
        assert_eq!(refused(&world, &on_behalf(ORDERS, assertion, "User.Read")), number);
    }
    assert_eq!(refused(&world, &on_behalf(STOCK, &good, "User.Read")), 500_131, "another service");
    assert_eq!(refused(&world.with_clock(at(NOW + 5_500)), &on_behalf(ORDERS, &good, "User.Read")), 500_133);
    assert_eq!(refused(&world, &on_behalf(ORDERS, &good, "User.Read")[..5]), 900_144);
    let without_secret: Vec<(&str, &str)> =
        on_behalf(ORDERS, &good, "User.Read").into_iter().filter(|(name, _)| *name != "client_secret").collect();
    assert_eq!(refused(&world, &without_secret), 7_000_218);
    token(&world, &on_behalf(ORDERS, &good, "User.Read"));
}

fn key() -> RsaKeyPair {
    let text: String = PEM.split("-----").nth(2).unwrap().split_whitespace().collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap()
}

fn modulus_and_exponent() -> (String, String) {
    let public: ring::signature::RsaPublicKeyComponents<Vec<u8>> = key().public().into();
    (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e))
}

fn certificate() -> Vec<u8> {
    let text: String = CERTIFICATE.split("-----").nth(2).unwrap().split_whitespace().collect();
    STANDARD.decode(text).unwrap()
}

fn jwt(header: &Value, claims: &Value, algorithm: &'static dyn RsaEncoding) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = key();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(algorithm, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn with_assertion(assertion: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", WEB),
        ("scope", "https://graph.microsoft.com/.default"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ]
}

fn with(value: &Value, name: &str, member: Value) -> Value {
    let mut value = value.clone();
    value[name] = member;
    value
}

#[test]
fn assertions_are_checked_against_certificates() {
    let world = world();
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate()));
    let older = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate()));
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
    let audience = "http://localhost:9340/contoso.com/oauth2/v2.0/token";
    let claims = json!({ "aud": audience, "iss": WEB, "sub": WEB, "jti": "1", "nbf": NOW, "exp": NOW + 600 });
    let pss = |header: &Value, claims: &Value| jwt(header, claims, &RSA_PSS_SHA256);
    let good = pss(&header, &claims);
    assert_eq!(tokens::claims(token(&world, &with_assertion(&good))["access_token"].as_str().unwrap())["appidacr"], "2");
    for good in [
        jwt(&json!({ "alg": "RS256", "x5t": older }), &claims, &RSA_PKCS1_SHA256),
        pss(&with(&header, "x5t#S256", STANDARD.encode(digest(&SHA256, &certificate())).into()), &claims),
        pss(&header, &with(&with(&claims, "exp", (NOW + 600).to_string().into()), "nbf", NOW.to_string().into())),
        pss(&header, &with(&claims, "aud", "https://login.microsoftonline.com/contoso.com/v2.0".into())),
    ] {
        token(&world, &with_assertion(&good));
    }
    let (text, signature) = good.rsplit_once('.').unwrap();
    for (forged, number) in [
        (jwt(&header, &claims, &RSA_PKCS1_SHA256), 700_027),
        (pss(&with(&header, "alg", "none".into()), &claims), 5_002_738),
        (pss(&with(&header, "alg", "HS256".into()), &claims), 5_002_738),
        (pss(&with(&header, "x5t#S256", older.into()), &claims), 700_027),
        (pss(&json!({ "alg": "PS256" }), &claims), 5_002_723),
        (pss(&with(&header, "crit", json!(["exp"])), &claims), 50_027),
        (pss(&header, &with(&claims, "sub", ORDERS.into())), 700_021),
        (pss(&header, &with(&claims, "iss", Value::Null)), 90_014),
        (pss(&header, &with(&claims, "aud", Value::Null)), 90_014),
        (pss(&header, &with(&claims, "aud", "https://evil.example/contoso.com/oauth2/v2.0/token".into())), 700_023),
        (pss(&header, &with(&claims, "exp", NOW.into())), 700_024),
        (pss(&header, &with(&claims, "exp", "soon".into())), 700_024),
        (pss(&header, &with(&claims, "exp", Value::Null)), 90_014),
        (pss(&header, &with(&claims, "nbf", (NOW + 301).into())), 700_024),
        (format!("{text}."), 700_027),
        (text.to_owned(), 50_027),
        (format!("{text}.{signature}x.y"), 50_027),
    ] {
        assert_eq!(refused(&world, &with_assertion(&forged)), number, "{forged}");
    }
    // The signature covers every character.
    for index in (0..text.len()).step_by(3) {
        let mut forged = good.clone().into_bytes();
        forged[index] = if forged[index] == b'A' { b'Q' } else { b'A' };
        assert!(refused(&world, &with_assertion(&String::from_utf8(forged).unwrap())) > 0);
    }
}

#[test]
fn federated_assertions_are_checked_by_issuer_subject_audience_and_key() {
    let world = world();
    let header = json!({ "alg": "RS256", "kid": "k" });
    let claims =
        json!({ "aud": "api://AzureADTokenExchange", "iss": "https://issuer.example", "sub": "repo:a", "exp": NOW + 600 });
    let write = |header: &Value, claims: &Value| jwt(header, claims, &RSA_PKCS1_SHA256);
    token(&world, &with_assertion(&write(&header, &claims)));
    token(&world, &with_assertion(&write(&header, &with(&claims, "aud", json!(["x", "api://AzureADTokenExchange"])))));
    for (forged, number) in [
        (write(&header, &with(&claims, "iss", "https://issuer.example/".into())), 700_211),
        (write(&header, &with(&claims, "sub", "repo:b".into())), 700_213),
        (write(&header, &with(&claims, "aud", "api://other".into())), 700_212),
        (write(&header, &with(&claims, "exp", (NOW - 1).into())), 700_024),
        (write(&header, &with(&claims, "exp", Value::Null)), 90_014),
        (write(&with(&header, "kid", "other".into()), &claims), 700_027),
        (jwt(&header, &claims, &RSA_PSS_SHA256), 700_027),
    ] {
        assert_eq!(refused(&world, &with_assertion(&forged)), number, "{forged}");
    }
}

#[test]
fn forged_tokens_are_refused_by_the_hundred() {
    let world = world();
    let good = user_token(&world, WEB, "https://graph.microsoft.com/.default openid");
    let use_it = |token: &str| {
        let headers = [("Authorization", &*format!("Bearer {token}"))];
        let graph = send(&world, Method::GET, "/v1.0/teamwork/workforceIntegrations", &headers, "").status;
        let info = send(&world, Method::GET, "/oidc/userinfo", &headers, "").status;
        (graph, info)
    };
    assert_eq!(use_it(&good), (StatusCode::OK, StatusCode::OK));
    let (text, signature) = good.rsplit_once('.').unwrap();
    let claims = tokens::claims(&good);
    let mut forged: Vec<String> = (0..good.len())
        .step_by(9)
        .map(|index| {
            let mut forged = good.clone().into_bytes();
            forged[index] = if forged[index] == b'A' { b'Q' } else { b'A' };
            String::from_utf8(forged).unwrap()
        })
        .collect();
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    for algorithm in ["none", "None", "HS256", "RS384", "PS256", "ES256", "", "RS256 "] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "typ": "JWT", "alg": algorithm }).to_string());
        forged.extend(["", signature].map(|signature| format!("{header}.{payload}.{signature}")));
    }
    for (name, values) in [
        (
            "aud",
            json!([
                "https://graph.microsoft.com.evil.example",
                "",
                null,
                ["https://graph.microsoft.com"],
                "https://graph.windows.net",
                ORDERS
            ]),
        ),
        ("iss", json!(["https://sts.windows.net/", "", null, "http://localhost:9340/88888888-8888-8888-8888-888888888888/v2.0"])),
        ("exp", json!([0, NOW, "9999999999", null, -1])),
        ("nbf", json!([NOW + 1, "0", 9_999_999_999_i64])),
        ("tid", json!([null, "", 1, "77777777-7777-7777-7777-777777777777"])),
    ] {
        forged.extend(values.as_array().unwrap().iter().map(|value| signed(&with(&claims, name, value.clone()))));
    }
    forged.push(text.to_owned());
    forged.push(format!("{good}.{signature}"));
    assert!(forged.len() > 100, "{}", forged.len());
    for token in forged {
        assert_eq!(use_it(&token), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED), "{token}");
    }
}

/// Returns a text under the HMAC of a key.
fn under_hmac(header: &Value, claims: &Value, key: &[u8]) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Returns tokens that claim all of this, and whose header leads to a key that everyone knows, to none, or to one of the forger.
fn with_known_keys(header: &Value, claims: &Value) -> Vec<String> {
    let (n, e) = modulus_and_exponent();
    let known = [
        CERTIFICATE.as_bytes().to_vec(),
        certificate(),
        URL_SAFE_NO_PAD.decode(&n).unwrap(),
        n.clone().into_bytes(),
        b"".to_vec(),
        b"secret".to_vec(),
    ];
    let own = json!({ "kty": "RSA", "n": n, "e": e });
    let mut forged = Vec::new();
    for algorithm in ["HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA", "none", "NONE", "rs256", "", "RS256\u{0}"] {
        let header = with(header, "alg", algorithm.into());
        forged.extend(known.iter().map(|key| under_hmac(&header, claims, key)));
        for (name, value) in [
            ("jwk", own.clone()),
            ("jku", "https://evil.example/keys".into()),
            ("x5u", "https://evil.example/x".into()),
            ("x5c", json!([STANDARD.encode(certificate())])),
        ] {
            forged.push(under_hmac(&with(&header, name, value), claims, b"secret"));
        }
    }
    forged
}

#[test]
fn no_known_key_forges_a_token_or_an_assertion() {
    let world = world();
    let good = user_token(&world, WEB, "https://graph.microsoft.com/.default openid");
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": tokens::header(&good)["kid"] });
    let forged = with_known_keys(&header, &tokens::claims(&good));
    assert!(forged.len() >= 100, "{}", forged.len());
    for token in &forged {
        let headers = [("Authorization", &*format!("Bearer {token}"))];
        for target in ["/v1.0/teamwork/workforceIntegrations", "/oidc/userinfo"] {
            assert_eq!(send(&world, Method::GET, target, &headers, "").status, StatusCode::UNAUTHORIZED, "{token}");
        }
    }
    let called = user_token(&world, WEB, &format!("api://{ORDERS}/Orders.Read"));
    let forged = with_known_keys(&header, &tokens::claims(&called));
    for assertion in &forged {
        assert!([50_013, 50_027].contains(&refused(&world, &on_behalf(ORDERS, assertion, "User.Read"))), "{assertion}");
    }
    let audience = "http://localhost:9340/contoso.com/oauth2/v2.0/token";
    let header = json!({ "alg": "RS256", "x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate())) });
    let own = json!({ "aud": audience, "iss": WEB, "sub": WEB, "exp": NOW + 600 });
    let federated =
        json!({ "aud": "api://AzureADTokenExchange", "iss": "https://issuer.example", "sub": "repo:a", "exp": NOW + 600 });
    for (header, claims) in [(header, own), (json!({ "alg": "RS256", "kid": "k" }), federated)] {
        token(&world, &with_assertion(&jwt(&header, &claims, &RSA_PKCS1_SHA256)));
        for assertion in with_known_keys(&header, &claims) {
            assert!([700_027, 5_002_738, 50_027].contains(&refused(&world, &with_assertion(&assertion))), "{assertion}");
        }
    }
}

#[test]
fn services_take_no_forged_claims_of_a_user_by_the_hundred() {
    let world = world();
    let good = user_token(&world, WEB, &format!("api://{ORDERS}/Orders.Read"));
    let claims = tokens::claims(&good);
    token(&world, &on_behalf(ORDERS, &signed(&claims), "User.Read"));
    let mut forged = Vec::new();
    for (name, values) in [
        (
            "aud",
            json!([
                null,
                "",
                "api://",
                WEB,
                STOCK,
                format!("api://{ORDERS}x"),
                format!("https://{ORDERS}"),
                [ORDERS],
                "https://graph.microsoft.com"
            ]),
        ),
        ("exp", json!([null, 0, -1, NOW, "9999999999", true, {}])),
        ("nbf", json!([NOW + 1, "0", 9_999_999_999_i64, {}])),
        ("azp", json!([null])),
        ("scp", json!([null])),
        ("oid", json!(["11110b19-0000-0000-0000-000000000000"])),
    ] {
        for value in values.as_array().unwrap() {
            let mut claims = with(&claims, name, value.clone());
            if name == "oid" {
                claims["preferred_username"] = "ghost@contoso.com".into();
            }
            // A lifetime that is right does not help, and neither does another kind.
            for idtyp in [Value::Null, "user".into(), "app".into(), "device".into()] {
                forged.push(signed(&with(&claims, "idtyp", idtyp)));
            }
        }
    }
    forged.extend((0..good.len()).step_by(9).map(|index| {
        let mut forged = good.clone().into_bytes();
        forged[index] = if forged[index] == b'A' { b'Q' } else { b'A' };
        String::from_utf8(forged).unwrap()
    }));
    assert!(forged.len() >= 150, "{}", forged.len());
    for assertion in forged {
        assert!(refused(&world, &on_behalf(ORDERS, &assertion, "User.Read")) > 0, "{assertion}");
    }
}

/// Returns the directory file of docs/identity.md.
fn documented() -> Value {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/identity.md")).unwrap();
    // Another one shows the members in short.
    let block = text.split("```json\n").skip(1).find(|block| !block.starts_with("{\"tenantId\"")).unwrap();
    serde_json::from_str(block.split("```").next().unwrap()).unwrap()
}

#[test]
fn the_documented_directory_serves_a_web_application_an_api_and_a_daemon() {
    let world = World::new(settings(&documented(), &[]));
    let redirect = ("redirect_uri", "https://localhost:5001/signin-oidc");
    let scope = format!("openid profile offline_access api://{ORDERS}/Orders.Read");
    let sent =
        authorize(&world, &[("client_id", WEB), ("response_type", "code"), redirect, ("scope", &scope), ("client_info", "1")]);
    let web = token(
        &world,
        &[
            ("grant_type", "authorization_code"),
            ("client_id", WEB),
            ("client_secret", "web-secret"),
            ("code", &sent["code"]),
            redirect,
            ("scope", &scope),
        ],
    );
    let called = claims(&web, "access_token");
    assert_eq!((&called["ver"], &called["aud"], &called["scp"]), (&"2.0".into(), &ORDERS.into(), &"Orders.Read".into()));
    assert_eq!((&called["roles"], &called["groups"][0]), (&json!(["Approver"]), &"99999999-0000-4000-8000-000000000001".into()));
    let id = claims(&web, "id_token");
    assert!(id["login_hint"].as_str().unwrap().starts_with("O.") && id["sid"].is_string(), "{id}");
    let mut exchange = on_behalf(ORDERS, web["access_token"].as_str().unwrap(), "https://graph.microsoft.com/.default");
    exchange[2].1 = "orders-secret";
    let graph = token(&world, &exchange);
    assert_eq!(claims(&graph, "access_token")["scp"], "User.Read WorkforceIntegration.Read.All");
    let bearer = format!("Bearer {}", graph["access_token"].as_str().unwrap());
    let read = |target| send(&world, Method::GET, target, &[("Authorization", &bearer)], "").status;
    assert_eq!(read("/v1.0/teamwork/workforceIntegrations"), StatusCode::OK);
    assert_eq!(read("/v1.0/me/messages"), StatusCode::FORBIDDEN);
    // The web application has no consent for mail, and the API cannot be used by a disabled user.
    let refresh = web["refresh_token"].as_str().unwrap();
    let mail = [
        ("grant_type", "refresh_token"),
        ("client_id", WEB),
        ("client_secret", "web-secret"),
        ("refresh_token", refresh),
        ("scope", "Mail.Read"),
    ];
    assert_eq!(refused(&world, &mail), 65_001);
    let disabled = [
        ("grant_type", "password"),
        ("client_id", WEB),
        ("username", "lynne@contoso.com"),
        ("password", "p"),
        ("scope", "User.Read"),
    ];
    assert_eq!(refused(&world, &disabled), 50_057);
    let header = json!({ "alg": "RS256" });
    let body = json!({ "aud": "api://AzureADTokenExchange", "iss": "https://token.example", "sub": "repo:contoso/daemon", "exp": NOW + 600 });
    let assertion = jwt(&header, &body, &RSA_PKCS1_SHA256);
    for proof in [("client_secret", "daemon-secret"), ("client_assertion", &*assertion)] {
        let pairs =
            [("grant_type", "client_credentials"), ("client_id", STOCK), ("scope", "https://orders.contoso.com/.default"), proof];
        assert_eq!(claims(&token(&world, &pairs), "access_token")["roles"], json!(["Orders.Sync"]));
    }
}

/// Returns the page of the authorization endpoint, or the redirect.
fn browse(world: &World, method: Method, query: &str, headers: &[(&str, &str)], body: &str) -> RecordedResponse {
    send(world, method, &format!("/contoso.com/oauth2/v2.0/authorize?{query}"), headers, body)
}

#[test]
fn a_person_accepts_declines_or_cancels_on_the_page() {
    let mut documented = documented();
    documented["users"].as_array_mut().unwrap().push(json!({ "id": "x", "userPrincipalName": "<b>@contoso.com" }));
    let world = World::new(Settings { sign_in: SignIn::Page, ..settings(&documented, &[]) });
    let query = form(&[
        ("client_id", WEB),
        ("response_type", "code"),
        ("redirect_uri", "https://localhost:5001/signin-oidc"),
        ("scope", "openid User.Read Mail.Read <script>alert(1)</script>"),
        ("state", "\"><script>"),
    ]);
    let query = query.replace("%20%3Cscript%3Ealert%281%29%3C%2Fscript%3E", "");
    let page = browse(&world, Method::GET, &query, &[], "");
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert_eq!(page.status, StatusCode::OK);
    assert!(text.contains("value=\"adele@contoso.com\" checked") && text.contains("<li>Mail.Read</li>"), "{text}");
    assert!(text.contains("&lt;b&gt;@contoso.com") && !text.contains("<script") && !text.contains("<b>"), "{text}");
    let request = text.split_once("name=\"sign_in_request\" value=\"").unwrap().1.split('"').next().unwrap();
    let decide = |decision: &str, headers: &[(&str, &str)]| {
        let body = form(&[("sign_in_request", request), ("user", "adele@contoso.com"), ("decision", decision)]);
        browse(&world, Method::POST, &query, headers, &body)
    };
    let location = |answer: &RecordedResponse| answer.header("location").unwrap_or_default().to_owned();
    for origin in ["https://evil.example", "http://localhost:93", "http://localhost", ""] {
        let foreign = decide("accept", &[("Origin", origin)]);
        assert_eq!((foreign.status, foreign.header("set-cookie")), (StatusCode::BAD_REQUEST, None), "{origin}");
    }
    let declined = location(&decide("decline", &[]));
    assert!(declined.contains("error=access_denied&error_description=AADSTS65004%3a"), "{declined}");
    let canceled = location(&decide("cancel", &[]));
    assert!(canceled.ends_with("?error=access_denied&error_subcode=cancel&state=%22%3e%3cscript%3e"), "{canceled}");
    let silent = format!("{query}&prompt=none");
    let without = location(&browse(&world, Method::GET, &silent, &[], ""));
    assert!(without.contains("error=login_required"), "{without}");

    let accepted = decide("accept", &[("Origin", "http://localhost:9340")]);
    assert!(location(&accepted).contains("?code="), "{}", location(&accepted));
    let cookie = accepted.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let known = [("Cookie", &*cookie)];
    assert!(location(&browse(&world, Method::GET, &silent, &known, "")).contains("?code="));
    assert_eq!(browse(&world, Method::GET, &query, &known, "").status, StatusCode::FOUND);
    assert_eq!(browse(&world, Method::GET, &format!("{query}&prompt=select_account"), &known, "").status, StatusCode::OK);
    let forged = format!("{cookie}A");
    assert_eq!(browse(&world, Method::GET, &query, &[("Cookie", &forged)], "").status, StatusCode::OK);
    let out = send(&world, Method::GET, "/common/oauth2/v2.0/logout", &known, "");
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert!(String::from_utf8_lossy(&out.body).contains("https://localhost:5001/signout-oidc?sid="));
}

#[test]
fn no_credential_of_a_sign_in_is_shown_by_the_journal() {
    let world = World::new(Settings { sign_in: SignIn::Page, ..settings(&documented(), &[("device-code", "user")]) });
    let query = form(&[
        ("client_id", WEB),
        ("response_type", "code id_token"),
        ("redirect_uri", "https://localhost:5001/signin-oidc"),
        ("scope", "openid offline_access User.Read"),
        ("nonce", "n"),
        ("response_mode", "form_post"),
    ]);
    let page = String::from_utf8(browse(&world, Method::GET, &query, &[], "").body.to_vec()).unwrap();
    let field = |page: &str, name: &str| {
        page.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1.split('"').next().unwrap().to_owned()
    };
    let body =
        form(&[("sign_in_request", &field(&page, "sign_in_request")), ("user", "adele@contoso.com"), ("decision", "accept")]);
    let accepted = browse(&world, Method::POST, &query, &[], &body);
    let cookie = accepted.header("set-cookie").unwrap().split(';').next().unwrap().split_once('=').unwrap().1.to_owned();
    let posted = String::from_utf8(accepted.body.to_vec()).unwrap();
    let in_fragment = query.replace("form%5Fpost", "fragment");
    let redirected = browse(&world, Method::GET, &in_fragment, &[("Cookie", &format!("wfi-emulator-session={cookie}"))], "");
    let location = redirected.header("location").unwrap().to_owned();
    let code = field(&posted, "code");
    let web = token(
        &world,
        &[
            ("grant_type", "authorization_code"),
            ("client_id", WEB),
            ("client_secret", "web-secret"),
            ("code", &code),
            ("redirect_uri", "https://localhost:5001/signin-oidc"),
            ("scope", "openid offline_access User.Read"),
        ],
    );
    let device = send(
        &world,
        Method::POST,
        "/contoso.com/oauth2/v2.0/devicecode",
        &[],
        &form(&[("client_id", WEB), ("scope", "User.Read")]),
    );
    let device: Value = serde_json::from_slice(&device.body).unwrap();
    let metadata = [("X-IDENTITY-HEADER", "identity-secret")];
    send(&world, Method::GET, "/msi/token?api-version=2019-08-01&resource=https://graph.microsoft.com", &metadata, "");
    refused(
        &world,
        &[
            ("grant_type", "password"),
            ("client_id", WEB),
            ("username", "adele@contoso.com"),
            ("password", "hidden-password"),
            ("scope", "User.Read"),
        ],
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let after = |name: &str| location.split_once(&format!("{name}=")).unwrap().1.split('&').next().unwrap().to_owned();
    let journal = world.journal.print(&JournalQuery::default(), Secrets::Hidden);
    for (name, secret) in [
        ("secret", "web-secret".to_owned()),
        ("password", "hidden-password".to_owned()),
        ("code in a form", code),
        ("id token in a form", field(&posted, "id_token")),
        ("code in a redirect", after("code")),
        ("id token in a redirect", after("id_token")),
        ("cookie", cookie),
        ("access token", text(&web["access_token"])),
        ("refresh token", text(&web["refresh_token"])),
        ("id token", text(&web["id_token"])),
        ("code of a device", text(&device["device_code"])),
        ("identity header", "identity-secret".to_owned()),
    ] {
        assert!(!journal.contains(&secret), "{name} in the journal: {secret}");
    }
}
