use std::path::Path;

use proptest::prelude::*;

use super::*;

const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_1";

fn rules(text: &str) -> Vec<FaultRule> {
    read("faults.json", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn problem(text: &str) -> String {
    match read("faults.json", text.as_bytes()) {
        Ok(rules) => format!("{} rules", rules.len()),
        Err(error) => error.to_string(),
    }
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_767_323_045_000 + millis)
}

fn decide(faults: &Faults, method: &Method, path: &str, millis: u64) -> Option<FaultDecision> {
    let (headers, now) = (&HeaderMap::new(), at(millis));
    let is_named_only = path.ends_with("$batch");
    faults.decide(FaultSubject { method, path, query: "", headers, body: b"", is_named_only, now, waiting_time: now })
}

/// Sends GETs of one entity, and returns the numbers of those that a rule applies to.
fn affected(text: &str, seed: u64, requests: usize) -> Vec<usize> {
    let faults = Faults::new(rules(text), seed);
    (1..=requests).filter(|_| decide(&faults, &Method::GET, ENTITY, 0).is_some()).collect()
}

fn refusal(decision: Option<FaultDecision>) -> (u16, String, Option<String>) {
    let Some(FaultDecision { effect: Effect::Answer(failure), rules, .. }) = decision else { panic!("{decision:?}") };
    let error = failure.to_error(&rules);
    let stated = error.stated.as_ref().unwrap();
    let retry_after = stated.retry_after.as_ref().map(|value| value.to_str().unwrap().to_owned());
    (error.status().as_u16(), error.code().to_owned(), retry_after)
}

#[test]
fn a_rule_strikes_the_requests_that_it_is_for() {
    let faults = Faults::new(
        rules(
            r#"[{"on":{"method":["patch","DELETE"],"path":"/*/teamwork/workforceIntegrations/*","id":"WFI_1"},"do":"throttled"}]"#,
        ),
        1,
    );
    for (method, path, expected) in [
        (Method::PATCH, ENTITY, true),
        (Method::DELETE, "/beta/Teamwork/workforceintegrations/WFI_1/", true),
        (Method::GET, ENTITY, false),
        (Method::PATCH, "/v1.0/teamwork/workforceIntegrations/WFI_2", false),
        (Method::PATCH, "/v1.0/teamwork/workforceIntegrations", false),
    ] {
        assert_eq!(decide(&faults, &method, path, 0).is_some(), expected, "{method} {path}");
    }
    assert_eq!(faults.rules()[0].1, RuleCounts { matched: 2, applied: 2 });
}

#[test]
fn a_batch_as_a_whole_is_struck_only_by_a_rule_that_names_its_path() {
    let is_struck = |text: &str| decide(&Faults::new(rules(text), 1), &Method::POST, "/v1.0/$batch", 0).is_some();
    assert!(!is_struck(r#"{"do":"throttled"}"#) && !is_struck(r#"{"on":{"method":"POST"},"do":"throttled"}"#));
    assert!(
        is_struck(r#"{"on":{"path":"/*/$batch"},"do":"throttled"}"#) && is_struck(r#"{"on":{"path":"/**"},"do":"throttled"}"#)
    );
}

#[test]
fn nth_and_count_choose_among_the_requests_that_fit() {
    assert_eq!(affected(r#"[{"on":{"nth":3},"do":"bad-gateway"}]"#, 1, 6), [3]);
    assert_eq!(affected(r#"[{"on":{"count":2},"do":"bad-gateway"}]"#, 1, 6), [1, 2]);
    assert_eq!(affected(r#"[{"on":{"count":0},"do":"bad-gateway"}]"#, 1, 6), [0_usize; 0]);
    assert_eq!(affected(r#"[{"on":{"method":"PUT"},"do":"bad-gateway"},{"on":{"nth":2},"do":"bad-gateway"}]"#, 1, 3), [2]);
}

#[test]
fn chances_follow_from_the_seed() {
    let text = r#"[{"on":{"probability":0.25},"do":"bad-gateway"}]"#;
    let first = affected(text, 7, 1000);
    assert_eq!(first, affected(text, 7, 1000));
    assert_ne!(first, affected(text, 8, 1000));
    assert!((200..300).contains(&first.len()), "{}", first.len());
    assert_eq!(affected(r#"[{"on":{"probability":0},"do":"bad-gateway"}]"#, 7, 100).len(), 0);
    assert_eq!(affected(r#"[{"on":{"probability":1},"do":"bad-gateway"}]"#, 7, 100).len(), 100);
    assert_eq!(affected(r#"[{"on":{"probability":0.5,"count":3},"do":"bad-gateway"}]"#, 7, 100).len(), 3);
}

#[test]
fn delays_add_up_until_a_rule_has_an_effect() {
    let text = r#"[{"name":"a","do":{"delay":20}},{"name":"b","do":{"delay":30,"reset":true,"applies":true}},{"name":"c","do":{"delay":40}}]"#;
    let faults = Faults::new(rules(text), 1);
    let (rules, delay) = ("a, b".to_owned(), Duration::from_millis(50));
    let expected = FaultDecision {
        has_applied: true,
        rules,
        delay,
        effect: Effect::Reset,
        applies: true,
        usage: None,
        limited: LimitedKind::Any,
    };
    assert_eq!(decide(&faults, &Method::GET, ENTITY, 0), Some(expected));
    assert_eq!(faults.rules()[2].1.matched, 0);
}

#[test]
fn delays_are_drawn_as_they_are_distributed() {
    let drawn = |text: &str| -> Vec<f64> {
        let faults = Faults::new(rules(text), 3);
        (0..2000).map(|_| decide(&faults, &Method::GET, ENTITY, 0).unwrap().delay.as_secs_f64() * 1000.0).collect()
    };
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    let mean = |delays: &[f64]| delays.iter().sum::<f64>() / delays.len() as f64;
    let between = drawn(r#"{"do":{"delay":{"from":10,"to":30}}}"#);
    assert!(between.iter().all(|delay| (10.0..=30.0).contains(delay)) && (19.0..21.0).contains(&mean(&between)));
    let exponential = drawn(r#"{"do":{"delay":{"mean":40}}}"#);
    assert!((36.0..44.0).contains(&mean(&exponential)), "{}", mean(&exponential));
    assert!(exponential.iter().any(|delay| *delay > 120.0));
}

#[test]
fn ready_made_errors_are_answered_in_the_services_words() {
    let all: Vec<(u16, String, Option<String>)> = READY
        .iter()
        .map(|ready| refusal(decide(&Faults::new(FaultRule::ready(ready.name).unwrap(), 1), &Method::GET, ENTITY, 0)))
        .collect();
    let lines: Vec<String> = all.iter().map(|(status, code, retry_after)| format!("{status} {code} {retry_after:?}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    429 TooManyRequests Some("1")
    429 TooManyRequests Some("2.128")
    429 TooManyRequests None
    500 InternalServerError None
    502 BadGateway None
    503 ServiceUnavailable None
    504 GatewayTimeout None
    401 InvalidAuthenticationToken None
    "#);
    for (index, ready) in READY.iter().enumerate() {
        assert!(READY[..index].iter().all(|other| other.name != ready.name), "duplicate preset {}", ready.name);
    }
}

#[test]
fn an_error_may_be_stated() {
    let answer = |text: &str| refusal(decide(&Faults::new(rules(text), 1), &Method::GET, ENTITY, 0));
    let stated = answer(r#"{"do":{"answer":{"status":409,"code":"conflict","message":"x"},"retryAfter":2.5}}"#);
    assert_eq!(stated, (409, "conflict".to_owned(), Some("2.5".to_owned())));
    assert_eq!(
        answer(r#"{"do":{"answer":{"status":503},"retryAfter":"3"}}"#),
        (503, "ServiceUnavailable".to_owned(), Some("3".to_owned()))
    );
    assert_eq!(answer(r#"{"do":{"answer":{"status":418}}}"#), (418, "I'mateapot".to_owned(), None));
    assert_eq!(answer(r#"{"do":{"answer":"throttled","retryAfter":null}}"#).2, None);
}

#[test]
fn a_limit_counts_in_windows_of_the_worlds_clock() {
    let faults = Faults::new(rules(r#"{"do":{"limit":{"requests":2,"seconds":10}}}"#), 1);
    let mut seen = Vec::new();
    for millis in [0, 1000, 2500, 4999, 5000, 5001, 5002] {
        seen.push(decide(&faults, &Method::GET, ENTITY, millis).map(|decision| refusal(Some(decision)).2.unwrap()));
    }
    // The second at which the clock starts is the fifth of its window.
    let expected = [None, None, Some("2.500"), Some("0.001"), None, None, Some("9.998")];
    assert_eq!(seen, expected.map(|text| text.map(str::to_owned)));
    assert_eq!(faults.rules()[0].1, RuleCounts { matched: 7, applied: 3 });
}

#[test]
fn the_published_limits_are_those_of_their_page() {
    let faults = Faults::new(FaultRule::ready("published-limits").unwrap(), 1);
    let passed = |method: &Method| (0..100).filter(|_| decide(&faults, method, ENTITY, 0).is_none()).count();
    assert_eq!((passed(&Method::GET), passed(&Method::PATCH), passed(&Method::DELETE)), (60, 30, 15));
}

#[test]
fn a_problem_names_file_place_what_was_found_and_what_was_expected() {
    insta::assert_snapshot!(problem("{"), @"faults.json: not JSON: EOF while parsing an object at line 1 column 1");
    insta::assert_snapshot!(problem("7"), @"faults.json: $[0]: found the number 7, expected an object with name, on, do, preset");
    insta::assert_snapshot!(problem(r#""trottled""#), @r#"faults.json: $: found "trottled", expected one of throttled, throttled-decimal, throttled-without-retry-after, internal-server-error, bad-gateway, service-unavailable, gateway-timeout, expired-token, published-limits"#);
    insta::assert_snapshot!(problem(r#"{"rules":{}}"#), @"faults.json: $.rules: found an object, expected an array of rules");
    let texts = [
        r#"{"on":{}}"#,
        r#"{"on":{"metod":"GET"},"do":"throttled"}"#,
        r#"{"on":{"method":"G T"},"do":"throttled"}"#,
        r#"{"on":{"method":["GET",7]},"do":"throttled"}"#,
        r#"{"on":{"path":"v1.0"},"do":"throttled"}"#,
        r#"{"on":{"nth":0},"do":"throttled"}"#,
        r#"{"on":{"nth":"2"},"do":"throttled"}"#,
        r#"{"on":{"probability":1.5},"do":"throttled"}"#,
        r#"{"on":{"nth":1,"nth":2},"do":"throttled"}"#,
        r#"{"do":{}}"#,
        r#"{"do":{"reset":true,"silence":true}}"#,
        r#"{"do":{"reset":false}}"#,
        r#"{"do":{"reset":true,"retryAfter":1}}"#,
        r#"{"do":{"truncate":1,"applies":true}}"#,
        r#"{"do":{"answer":{"status":200}}}"#,
        r#"{"do":{"answer":{"status":600}}}"#,
        r#"{"do":{"answer":"throttled","retryAfter":"\n"}}"#,
        r#"{"do":{"limit":{"requests":1}}}"#,
        r#"{"do":{"slow":{"bytes":0,"every":1}}}"#,
        r#"{"do":{"delay":-1}}"#,
        r#"{"do":{"delay":{"from":2,"to":1}}}"#,
        r#"{"preset":"trottled"}"#,
        r#"{"preset":"throttled","name":"busy"}"#,
        r#"{"do":{"answer":{"preset":"published-limits"}}}"#,
        r#"{"do":{"answer":{"preset":"throttled","status":429}}}"#,
        r#"{"do":{"delay":{"fixed":1,"to":2}}}"#,
        r#"{"on":{"count":9007199254740992},"do":"throttled"}"#,
    ];
    insta::assert_snapshot!(problem(&format!("[{}]", texts.join(","))), @r#"
    faults.json: $[0].do: found nothing, expected an effect
    faults.json: $[1].on: unknown member "metod", expected method, path, id, headers, query, body, nth, from, every, probability, count (did you mean "method"?)
    faults.json: $[2].on.method: found "G T", expected one of GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS
    faults.json: $[3].on.method[1]: found the number 7, expected a method such as PATCH
    faults.json: $[4].on.path: found "v1.0", expected a path that begins with /
    faults.json: $[5].on.nth: found the number 0, expected a whole number from 1
    faults.json: $[6].on.nth: found a string, expected a whole number from 1
    faults.json: $[7].on.probability: found the number 1.5, expected a number from 0 to 1
    faults.json: $[8].on.nth: duplicate member
    faults.json: $[9].do: missing effect, expected delay or one of answer, limit, reset, silence, truncate, slow, malformed
    faults.json: $[10].do: conflicting effects reset and silence
    faults.json: $[11].do.reset: found false, expected true
    faults.json: $[12].do.retryAfter: found the number 1, expected it and early only with answer
    faults.json: $[13].do.applies: found true, expected it only with answer, reset or silence
    faults.json: $[14].do.answer.status: found the number 200, expected a whole number from 400
    faults.json: $[15].do.answer.status: found the number 600, expected a status from 400 to 599
    faults.json: $[16].do.retryAfter: found "\n", expected the value of a header
    faults.json: $[17].do.limit.seconds: found nothing, expected a number from 0.001 to 86400
    faults.json: $[18].do.slow.bytes: found the number 0, expected a whole number from 1
    faults.json: $[19].do.delay: found the number -1, expected a number of milliseconds from 0 to 600000
    faults.json: $[20].do.delay.to: found the number 1, expected no less than from
    faults.json: $[21].preset: found "trottled", expected one of throttled, throttled-decimal, throttled-without-retry-after, internal-server-error, bad-gateway, service-unavailable, gateway-timeout, expired-token, published-limits
    faults.json: $[22]: conflicting members preset and name, expected one of them
    faults.json: $[23].do.answer.preset: found "published-limits", expected one of throttled, throttled-decimal, throttled-without-retry-after, internal-server-error, bad-gateway, service-unavailable, gateway-timeout, expired-token
    faults.json: $[24].do.answer: conflicting members preset and status, expected one of them
    faults.json: $[25].do.delay: unknown member "to", expected fixed
    faults.json: $[26].on.count: found the number 9007199254740992, expected a whole number from 0 to 9007199254740991
    "#);
}

#[test]
fn forms_with_members_of_one_type_are_the_same_rules() {
    for (short, typed) in [
        (r#"["throttled","published-limits"]"#, r#"{"rules":[{"preset":"throttled"},{"preset":"published-limits"}]}"#),
        (
            r#"{"name":"a","on":{"method":"PATCH"},"do":{"answer":"bad-gateway","retryAfter":2,"delay":20}}"#,
            r#"{"name":"a","on":{"method":["PATCH"]},"do":{"answer":{"preset":"bad-gateway"},"retryAfter":"2","delay":{"fixed":20}}}"#,
        ),
    ] {
        assert_eq!(rules(short), rules(typed), "{short}");
    }
}

#[test]
fn a_rule_that_could_never_strike_or_be_told_is_a_problem() {
    insta::assert_snapshot!(problem(r#"[{"on":{"path":"/v1.0/*Integrations"},"do":"throttled"},{"on":{"path":"/v1.0/x?y=1"},"do":"throttled"},{"name":"","do":"throttled"},{"name":"a\nb","do":"throttled"}]"#), @r#"
    faults.json: $[0].on.path: found "/v1.0/*Integrations", expected * only as a whole segment
    faults.json: $[1].on.path: found "/v1.0/x?y=1", expected a path without a query
    faults.json: $[2].name: invalid name "", use visible characters
    faults.json: $[3].name: invalid name "a\nb", use visible characters
    "#);
    let unknown = load(Path::new("throtled")).unwrap_err().to_string();
    insta::assert_snapshot!(unknown, @"throtled: No such file or directory (os error 2); presets: throttled, throttled-decimal, throttled-without-retry-after, internal-server-error, bad-gateway, service-unavailable, gateway-timeout, expired-token, published-limits");
}

fn sent(faults: &Faults, subject: FaultSubject<'_>) -> Option<(String, Option<String>)> {
    let decision = faults.decide(subject)?;
    let Effect::Answer(failure) = decision.effect else { return Some((decision.rules, None)) };
    Some((decision.rules, failure.retry_after.map(|value| value.to_str().unwrap().to_owned())))
}

#[test]
fn a_client_that_comes_back_too_early_is_throttled_again() {
    let headers = HeaderMap::new();
    let subject = |method: &'static Method, path: &'static str, millis: u64| FaultSubject {
        method,
        path,
        query: "",
        headers: &headers,
        body: b"",
        is_named_only: false,
        now: at(0),
        waiting_time: at(millis),
    };
    let busy = |text: Option<&str>| Some(("busy".to_owned(), text.map(str::to_owned)));
    let early = |text: &str| Some(("busy (too early)".to_owned(), Some(text.to_owned())));
    let faults = Faults::new(rules(r#"{"name":"busy","on":{"nth":1},"do":{"answer":"throttled","retryAfter":3}}"#), 1);
    assert_eq!(sent(&faults, subject(&Method::GET, ENTITY, 0)), busy(Some("3")));
    assert_eq!(sent(&faults, subject(&Method::GET, ENTITY, 100)), early("3"));
    assert_eq!(sent(&faults, subject(&Method::GET, ENTITY, 2_500)), early("1"));
    assert_eq!(sent(&faults, subject(&Method::PATCH, ENTITY, 2_500)), None, "another method is open");
    assert_eq!(sent(&faults, subject(&Method::GET, "/v1.0/me", 2_500)), None, "and another path");
    assert_eq!(sent(&faults, subject(&Method::GET, ENTITY, 3_000)), None);
    assert_eq!(sent(&faults, subject(&Method::GET, ENTITY, 3_001)), None, "the path is open again");
    assert_eq!(faults.rules()[0].1, RuleCounts { matched: 5, applied: 1 }, "early repeats are not counted");
    let decimal = Faults::new(rules(r#"{"name":"busy","on":{"nth":1},"do":"throttled-decimal"}"#), 1);
    assert_eq!(sent(&decimal, subject(&Method::GET, ENTITY, 0)), busy(Some("2.128")));
    assert_eq!(sent(&decimal, subject(&Method::GET, ENTITY, 1_000)), early("1.128"));
    for text in [
        r#"{"name":"busy","on":{"nth":1},"do":{"answer":"throttled","early":"accept"}}"#,
        r#"{"name":"busy","on":{"nth":1},"do":"throttled-without-retry-after"}"#,
        r#"{"name":"busy","on":{"nth":1},"do":{"answer":"throttled","retryAfter":"Fri, 02 Jan 2026 03:04:05 GMT"}}"#,
    ] {
        let faults = Faults::new(rules(text), 1);
        assert!(sent(&faults, subject(&Method::GET, ENTITY, 0)).is_some());
        assert_eq!(sent(&faults, subject(&Method::GET, ENTITY, 0)), None, "{text}");
    }
}

#[test]
fn headers_query_body_and_numbers_select_requests() {
    let faults = Faults::new(
        rules(
            r#"{"name":"some","on":{"headers":{"x-a":"1","x-b":"*"},"query":{"$top":"5","x":"*"},"body":"\"shift\""},"do":{"reset":true}}"#,
        ),
        1,
    );
    let mut headers = HeaderMap::new();
    let some = |headers: &HeaderMap, query: &str, body: &str| {
        let (now, method) = (at(0), &Method::POST);
        let subject = FaultSubject {
            method,
            path: ENTITY,
            query,
            headers,
            body: body.as_bytes(),
            is_named_only: false,
            now,
            waiting_time: now,
        };
        faults.decide(subject).is_some()
    };
    let (query, body) = ("%24top=5&x=1", r#"{"a":"shift"}"#);
    assert!(!some(&headers, query, body));
    headers.insert("x-a", HeaderValue::from_static("1"));
    assert!(!some(&headers, query, body));
    headers.insert("x-b", HeaderValue::from_static("any"));
    assert!(some(&headers, query, body));
    assert!(!some(&headers, "$top=6&x=1", body));
    assert!(!some(&headers, "$top=5", body));
    assert!(!some(&headers, query, r#"{"a":"shifts"}"#));
    let numbers = |on: &str| {
        let faults = Faults::new(rules(&format!(r#"{{"on":{on},"do":{{"reset":true}}}}"#)), 1);
        (1..=9).filter(|_| decide(&faults, &Method::GET, ENTITY, 0).is_some()).collect::<Vec<u32>>()
    };
    assert_eq!(numbers(r#"{"every":3}"#), [3, 6, 9]);
    assert_eq!(numbers(r#"{"from":7}"#), [7, 8, 9]);
    assert_eq!(numbers(r#"{"from":4,"every":2}"#), [5, 7, 9]);
    assert_eq!(numbers(r#"{"from":4,"every":2,"count":1}"#), [5]);
}

#[test]
fn a_rule_that_cannot_apply_is_refused() {
    for path in ["/teamwork/workforceIntegrations", "/v2.5/me", "/me", "/users/*"] {
        let text = problem(&format!(r#"{{"on":{{"path":"{path}"}},"do":"throttled"}}"#));
        assert!(text.contains("expected a path that begins with /v1.0, /beta or /*, or one of the token service"), "{text}");
    }
    for path in [
        "/**",
        "/*/me",
        "/v1.0/me",
        "/Beta/me",
        "/*/oauth2/v2.0/token",
        "/contoso/oauth2/token",
        "/_upload/**",
        "/common/discovery/v2.0/keys",
    ] {
        assert_eq!(problem(&format!(r#"{{"on":{{"path":"{path}"}},"do":"throttled"}}"#)), "1 rules", "{path}");
    }
    let text = problem(r#"{"on":{"method":"FETCH"},"do":"throttled"}"#);
    assert!(text.contains("found \"FETCH\", expected one of GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS"), "{text}");
    for text in [
        r#"{"do":{"answer":{"status":502,"contentType":"text/html"}}}"#,
        r#"{"do":{"answer":{"status":200}}}"#,
        r#"{"do":{"answer":{"status":502,"body":"x","headers":{"content-length":"1"}}}}"#,
        r#"{"do":{"reset":true,"early":"accept"}}"#,
        r#"{"do":{"delay":{"median":9,"p99":5}}}"#,
    ] {
        assert!(problem(text).contains("expected"), "{text}: {}", problem(text));
    }
}

#[test]
fn a_delay_has_a_long_tail() {
    let delay = Delay::LongTail(Duration::from_millis(20), Duration::from_secs(2));
    let mut delays: Vec<u128> = (0..10_000).map(|number| delay.sample(7, 0, number).as_millis()).collect();
    delays.sort_unstable();
    assert!((18..=22).contains(&delays[5_000]), "{}", delays[5_000]);
    assert!((1_500..=2_700).contains(&delays[9_900]), "{}", delays[9_900]);
}

#[test]
fn a_rule_without_a_name_strikes() {
    let faults = Faults::new(vec![FaultRule::new("", Effect::Reset)], 1);
    assert_eq!(decide(&faults, &Method::GET, "/v1.0", 0).map(|decision| decision.effect), Some(Effect::Reset));
}

fn some_rule() -> impl Strategy<Value = FaultRule> {
    let duration = (0..600_000_u64).prop_map(Duration::from_millis).boxed();
    let between = (duration.clone(), duration.clone()).prop_map(|(a, b)| Delay::Between(a.min(b), a.max(b)));
    let delay = prop_oneof![
        Just(Delay::None),
        duration.clone().prop_map(Delay::Fixed),
        between,
        duration.clone().prop_map(Delay::Mean),
        Just(Delay::LongTail(Duration::from_millis(5), Duration::from_millis(900)))
    ];
    let ready = (0..READY.len()).prop_map(|index| READY[index].failure());
    let stated = (400..600_u16, ".{0,6}", ".{0,6}").prop_map(|(status, code, message)| {
        let known = READY.iter().find(|ready| ready.refusal.status == status);
        let failure = Failure::stated(StatusCode::from_u16(status).unwrap(), code, message);
        known.map_or(failure.clone(), |ready| Failure { refusal: ready.refusal, status: None, ..failure })
    });
    let page = (200..600_u16, "[ -~]{0,9}").prop_map(|(status, text)| {
        let known = READY.iter().find(|ready| ready.refusal.status == status);
        let status = StatusCode::from_u16(status).unwrap();
        let reason = status.canonical_reason().unwrap_or("Unknown error");
        let failure = known.map_or(Failure::stated(status, reason.replace(' ', ""), reason), |ready| Failure::of(ready.refusal));
        let body = Some(FailureBody { content_type: HeaderValue::from_static("text/html"), text });
        let headers = vec![(HeaderName::from_static("via"), HeaderValue::from_static("proxy"))];
        Failure { body, headers, accepts_early: true, ..failure }
    });
    let failure = (prop_oneof![ready, stated, page], proptest::option::of("[ -~]{0,5}"))
        .prop_map(|(failure, text)| Failure { retry_after: text.map(|text| HeaderValue::try_from(text).unwrap()), ..failure });
    let effect = prop_oneof![
        failure.prop_map(Effect::Answer),
        (0..9_u64, 1..86_400_u64)
            .prop_map(|(requests, seconds)| Effect::Limit(Limit { requests, window: Duration::from_secs(seconds) })),
        Just(Effect::Reset),
        Just(Effect::Silence),
        Just(Effect::Malformed),
        any::<u16>().prop_map(|at| Effect::Truncate(at.into())),
        (1..9_usize, duration).prop_map(|(bytes, pause)| Effect::Slow(SlowBody { bytes, pause })),
    ];
    let pattern = prop_oneof![Just("/**"), Just("/v1.0/*/x/")].prop_map(|text| text.parse::<Pattern>().unwrap());
    let methods = proptest::sample::subsequence(vec![Method::GET, Method::PATCH, Method::DELETE], 0..3);
    let option = |most: u64| proptest::option::of(1..=most);
    let probability = proptest::option::of(0.0..=1.0);
    let on = (methods, proptest::option::of(pattern), proptest::option::of(".{0,5}"), option(9), probability, option(9));
    let on = on.prop_map(|(methods, path, id, nth, probability, count)| RequestSelector {
        methods,
        path,
        id,
        nth,
        probability,
        count,
        ..RequestSelector::default()
    });
    let pairs = || proptest::collection::vec(("[a-z]{1,5}", ".{0,5}"), 0..3);
    let more = (on, pairs(), pairs(), proptest::option::of(".{0,5}"), option(9), option(9));
    let on = more.prop_map(|(on, headers, query, body, from, every)| {
        let named = |mut pairs: Vec<(String, String)>| {
            pairs.sort();
            pairs.dedup_by(|one, other| one.0 == other.0);
            pairs
        };
        RequestSelector { headers: named(headers), query: named(query), body, from, every, ..on }
    });
    ("[!-~é][ -~é]{0,8}", on, delay, effect, any::<bool>()).prop_map(|(name, on, delay, effect, applies)| {
        let applies = applies && matches!(effect, Effect::Answer(_) | Effect::Reset | Effect::Silence);
        FaultRule { name, on, delay, effect, applies }
    })
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn a_rule_that_is_written_reads_back_the_same(rule in some_rule()) {
        for form in [RuleForm::Short, RuleForm::Typed] {
            let text = write(&rule, form);
            let read = read("x", text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
            prop_assert_eq!(read, vec![rule.clone()]);
        }
    }

    #[test]
    fn reading_never_panics(text in r#"[\[\]{}":,a-z0-9.]{0,80}"#) {
        let _ = read("x", text.as_bytes());
    }
}

#[test]
fn the_page_about_faults_has_rules_that_can_be_used_and_names_all_that_are_ready_made() {
    let page = include_str!("../../../docs/faults.md");
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(rules(example).len(), 8);
    for name in READY.iter().map(|ready| ready.name).chain([ready::PUBLISHED_LIMITS]) {
        assert!(page.contains(&format!("`{name}`")), "docs/faults.md does not name {name}");
    }
    for name in [
        "answer",
        "limit",
        "reset",
        "silence",
        "truncate",
        "slow",
        "malformed",
        "retryAfter",
        "delay",
        "applies",
        "method",
        "path",
        "id",
        "nth",
        "probability",
        "count",
    ] {
        assert!(page.contains(&format!("| `{name}` |")), "docs/faults.md does not describe {name}");
    }
}

#[test]
fn many_rules_cost_little_even_for_a_long_path() {
    let patterns = vec![r#"{"on":{"path":"/*/*/*/*/*/*/*/*/x"},"do":"throttled"}"#; 500].join(",");
    let ids = vec![r#"{"on":{"id":"b"},"do":"throttled"}"#; 499].join(",");
    let faults = Faults::new(rules(&format!("[{patterns},{ids},\"bad-gateway\"]")), 1);
    let path = "/%61".repeat(16_000);
    let started = std::time::Instant::now();
    assert_eq!(refusal(decide(&faults, &Method::GET, &path, 0)).0, 502);
    // When each rule decoded the path, it took seconds in a debug build.
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}
