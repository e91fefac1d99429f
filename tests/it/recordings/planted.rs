//! Private values planted in every part of an exchange, none of which a recording may contain.

use http::Method;
use wfi_emulator::internals::text::exchange::{self, RecordedResponse};
use wfi_emulator::internals::text::redact::{RedactionRules, Redactor};

use crate::recordings::recorded::{JSON, request, snapshot};

/// The planted secrets, tokens, cookies, addresses, names and ids.
const PLANTED: [&str; 20] = [
    "tok-AAAA-1111-planted",
    "eyJhbGciOiJub25lIn0.eyJuYW1lIjoiUGxhbnRlZCBBZGEifQ.c2lnbmF0dXJl",
    "cookie-BBBB-2222-planted",
    "session-CCCC-3333-planted",
    "client secret/DDDD+4444=planted&",
    "refresh-EEEE-5555-planted",
    "FFFF6666planted\"quoted\\",
    "0123456789abcdefGGGG0123456789abcdefGGGG0123456789abcdefGGGG0123",
    "sas/HHHH+7777=planted",
    "code-IIII-8888-planted",
    "planted.ada@contoso.com",
    "eve_planted@fabrikam.co.uk",
    "Planted Ada Lovelace",
    "Planted Grâce Hopper",
    "5d1f2a3b-1111-4222-8333-444455556666",
    "77778888-9999-4aaa-8bbb-ccccddddeeee",
    "19:planted-meeting-JJJJ@thread.v2",
    "api-key-KKKK-9999-planted",
    "basic-user-LLLL",
    "basic-password-MMMM",
];

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Requests and answers with planted values in every encoding in use.
fn planted() -> Vec<exchange::Exchange> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let [
        token,
        jwt,
        cookie,
        session,
        client_secret,
        refresh,
        quoted,
        secret,
        sas,
        code,
        ada,
        eve,
        name,
        other_name,
        guid,
        tenant,
        meeting,
        api_key,
        user,
        password,
    ] = PLANTED;
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let escaped = ada.chars().map(|character| format!("\\u{:04x}", u32::from(character))).collect::<Vec<String>>().concat();
    let form = format!(
        "client_id={tenant}&client_secret={}&refresh_token={refresh}&username={}&redirect_uri={}&assertion={}",
        percent(client_secret),
        percent(eve),
        percent(&format!("https://localhost/?code={code}&state={}", percent(sas))),
        URL_SAFE_NO_PAD.encode(jwt)
    );
    let inner =
        format!("{{\"displayName\":{},\"encryption\":{{\"secret\":{}}},\"mail\":\"{escaped}\"}}", json(name), json(secret));
    let batch = format!(
        "{{\"requests\":[{{\"id\":\"1\",\"method\":\"PATCH\",\"url\":\"/users/{guid}?sig={}\",\"headers\":{{\"Authorization\":\"Bearer {token}\"}},\"body\":{}}},{{\"id\":\"2\",\"method\":\"POST\",\"url\":\"/x\",\"body\":\"{}\"}},{{\"id\":\"3\",\"body\":{inner}}}]}}",
        percent(sas),
        json(&STANDARD.encode(&inner)),
        STANDARD.encode(&form),
    );
    let answer = format!(
        "{{\"id\":\"{meeting}\",\"createdBy\":{{\"user\":{{\"id\":\"{guid}\",\"displayName\":{}}}}},\"note\":{},\"secretText\":{},\"error\":{{\"message\":{}}}}}",
        json(other_name),
        json(&format!("{name} wrote to {eve} about {secret} and {}", STANDARD.encode(client_secret))),
        json(quoted),
        json(&format!("{{\"error\":{{\"message\":\"{token} of {tenant} is {}\"}}}}", STANDARD.encode(refresh))),
    );
    let basic = STANDARD.encode(format!("{user}:{password}"));
    let exchange = |target: &str, headers: &[(&str, &str)], body: &str, answer_headers: &[(&str, &str)], answer: &str| {
        let answer = request(Method::GET, "/", answer_headers, answer);
        exchange::Exchange {
            comments: Vec::new(),
            request: request(Method::POST, target, headers, body),
            response: Some(RecordedResponse { status: http::StatusCode::OK, headers: answer.headers, body: answer.body }),
        }
    };
    let target = format!(
        "/v1.0/users/{}/x('{guid}')?$filter=displayName%20eq%20'{}'&sig={}&code={code}",
        percent(ada),
        percent(name),
        percent(sas)
    );
    let bearer = format!("Bearer {token}");
    let cookies = format!("a={cookie}; session={}", percent(session));
    let set_cookie = format!("session={session}; Path=/; HttpOnly");
    let location = format!("https://contoso.com/{}?sig={}", percent(meeting), percent(sas));
    vec![
        exchange(
            "/common/oauth2/v2.0/token",
            &[("Authorization", &format!("Basic {basic}")), ("Content-Type", "application/x-www-form-urlencoded")],
            &form,
            &[JSON],
            &format!("{{\"access_token\":\"{jwt}\",\"refresh_token\":\"{refresh}\"}}"),
        ),
        exchange(
            &target,
            &[("Authorization", &bearer), ("Cookie", &cookies), ("x-api-key", api_key), JSON],
            &inner,
            &[("Set-Cookie", &set_cookie), ("Location", &location), JSON],
            &answer,
        ),
        exchange("/v1.0/$batch", &[("Authorization", &format!("Bearer {jwt}")), JSON], &batch, &[JSON], &answer),
        exchange(
            "/v1.0/$batch",
            &[JSON],
            &format!("{{\"secret\": \"{quoted}"),
            &[("Content-Type", "text/plain")],
            &format!("{user} {password} {api_key} {cookie} {session} {code} {guid} {}", percent(client_secret)),
        ),
        exchange(
            "/v1.0/upload",
            &[("Content-Type", "multipart/form-data; boundary=x")],
            &format!("--x\r\n\r\n{secret}\r\n--x--"),
            &[("Content-Encoding", "br")],
            secret,
        ),
    ]
}

/// Whether a text contains a value in any reversible form.
fn holds(text: &str, value: &str) -> bool {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    let json = serde_json::Value::from(value).to_string();
    let inner = json[1..json.len() - 1].to_owned();
    let mut forms = vec![
        value.to_owned(),
        percent(value),
        percent(value).replace("%20", "+"),
        percent(&percent(value)),
        inner.replace('\\', "\\\\"),
        inner,
    ];
    // A value inside a longer text has three forms in Base64, by its offset; its ends depend on the neighbors.
    for before in 0..3 {
        let padded = format!("{}{value}", "x".repeat(before));
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = engine.encode(&padded);
            let (from, to) = ([0, 2, 3][before], encoded.trim_end_matches('=').len() - 2);
            forms.push(encoded[from..to].to_owned());
        }
    }
    forms.iter().any(|form| text.to_lowercase().contains(&form.to_lowercase()))
}

#[test]
fn a_recording_contains_no_planted_value_in_any_encoding() {
    let exchanges = planted();
    let raw = format!("{exchanges:?}");
    for value in PLANTED {
        assert!(holds(&raw, value) || holds(&exchange::write(&exchanges), value), "{value} is not planted");
    }
    let mut redactor = Redactor::new(RedactionRules::default(), 1);
    let redacted: Vec<exchange::Exchange> = exchanges.iter().map(|exchange| redactor.redact(exchange)).collect();
    let text = exchange::write(&redacted);
    assert!(!text.contains("left-out"), "{text}");
    for value in PLANTED {
        assert!(!holds(&text, value), "{value} is recorded:\n{text}");
    }
    snapshot("planted_values_redacted", &text);
    // Redaction is idempotent.
    let again: Vec<exchange::Exchange> =
        redacted.iter().map(|exchange| Redactor::new(RedactionRules::default(), 1).redact(exchange)).collect();
    assert_eq!(exchange::write(&again), text);
}
