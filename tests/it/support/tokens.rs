//! Tokens for tests, from a line of text.
//!
//! `app` or `user`, then any of: `roles=A,B` or `scopes=A,B` (all if left out), `expires=SECONDS` and `starts=SECONDS` from the world's
//! time, `audience=…`, `tenant=…`, `issuer=…`, `without=CLAIM`, and `signature=none` (the algorithm `none`) or `signature=other` (the
//! signature of another token).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use wfi_emulator::internals::entra::token::{
    GRAPH, Grant, Proof, TokenSubject, TokenVersion, Validity, access_token, signed, unix_seconds,
};
use wfi_emulator::internals::entra::user::local_user;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fixture::directory::HOME_TENANT;

const ALL: [&str; 2] = ["WorkforceIntegration.Read.All", "WorkforceIntegration.ReadWrite.All"];

/// Returns the token that a text describes.
pub(crate) fn token(world: &World, text: &str) -> String {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let is_application = match words.next() {
        Some("app") => true,
        Some("user") => false,
        other => panic!("a token is for app or user, not for {other:?}"),
    };
    let options: Vec<(&str, &str)> = words.map(|word| word.split_once('=').unwrap_or_else(|| panic!("{word}"))).collect();
    let option = |name: &str| options.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    for (name, _) in &options {
        let known =
            ["roles", "scopes", "expires", "starts", "audience", "tenant", "issuer", "without", "signature", "capabilities"];
        assert!(known.contains(name), "tokens have no option {name}");
    }
    let now = unix_seconds(world.clock.now());
    let seconds = |name: &str, default: i64| now + option(name).map_or(default, |value| value.parse::<i64>().unwrap());
    let names = |name: &str| match option(name) {
        Some(list) => list.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect(),
        None => ALL.map(str::to_owned).to_vec(),
    };
    let user = local_user();
    let text = access_token(&Grant {
        audience: option("audience").unwrap_or(GRAPH),
        tenant_id: option("tenant").unwrap_or(HOME_TENANT),
        application: "a1b36f6e-3a48-4b0a-8a9e-0d4b6c1f7e21",
        application_name: Some("Connector"),
        proof: Proof::Secret,
        subject: if is_application {
            TokenSubject::Application(names("roles"))
        } else {
            TokenSubject::User(&user, names("scopes"))
        },
        validity: Validity { from: seconds("starts", -300), until: seconds("expires", 3599) },
        version: TokenVersion::Graph,
        serial: "1",
        answers_challenges: option("capabilities") == Some("cp1"),
        more: Vec::new(),
    });
    let mut claims = claims(&text);
    if let Some(issuer) = option("issuer") {
        claims["iss"] = issuer.into();
    }
    if let Some(name) = option("without") {
        claims.as_object_mut().unwrap().remove(name).unwrap();
    }
    let genuine = signed(&claims);
    let (text, signature) = genuine.rsplit_once('.').unwrap();
    match option("signature") {
        None => genuine,
        Some("none") => {
            format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#), text.split('.').nth(1).unwrap())
        }
        Some("other") => {
            let other = signed(&Duration::from_secs(1).as_secs());
            assert_ne!(other.rsplit('.').next(), Some(signature));
            format!("{text}.{}", other.rsplit('.').next().unwrap())
        }
        Some(other) => panic!("unknown signature {other}"),
    }
}

/// Returns the header of a token.
pub(crate) fn header(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

/// Returns the claims of a token.
pub(crate) fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
