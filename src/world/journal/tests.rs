use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::edm::value::{Complex, Value};
use crate::text::redact::mask_json;

const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_1";

fn journals() -> Arc<Journals> {
    Arc::new(Journals::new(ALL_BYTES))
}

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    headers.iter().map(pair).collect()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045 + seconds)
}

/// Writes a request with a JSON body down, which is answered with the same body.
fn write(journal: &Journal, method: &Method, target: &str, body: &str, status: u16) {
    write_with(journal, method, target, &[("content-type", "application/json")], body, status);
}

fn write_with(journal: &Journal, method: &Method, target: &str, headers: &[(&str, &str)], body: &str, status: u16) {
    let headers = map(headers);
    let kept = Bytes::copy_from_slice(body.as_bytes());
    journal.record(JournalRecord {
        time: at(journal.count()),
        arrival: Arrival::default(),
        method,
        target,
        request_headers: &headers,
        request_body: body.as_bytes(),
        status: StatusCode::from_u16(status).ok(),
        response_headers: &headers,
        has_standard_headers: false,
        // Long ones are kept, of these one half.
        kept_body: body.len().is_multiple_of(2).then_some((&kept, kept.len())),
        response_body: body.as_bytes(),
        decided: AnswerCause::default(),
        changed: None,
    });
}

fn numbers(journal: &Journal, query: &JournalQuery) -> Vec<u64> {
    journal.query(query, Secrets::Hidden).iter().map(|entry| entry.number).collect()
}

fn filled() -> Journal {
    let journal = Journal::new(Bounds::default(), journals());
    write(&journal, &Method::GET, "/v1.0/teamwork/workforceIntegrations?$top=1", "", 200);
    write(&journal, &Method::PATCH, ENTITY, r#"{"displayName":"x","isActive":true}"#, 200);
    write(&journal, &Method::PATCH, "/beta/teamwork/workforceIntegrations('WFI_1')", r#"{"displayName":"y"}"#, 404);
    write(&journal, &Method::DELETE, "/v1.0/teamwork/workforceIntegrations/WFI_2", "", 204);
    journal
}

#[test]
fn entries_are_asked_for_by_method_path_id_status_and_time() {
    let journal = filled();
    let ask = |query: JournalQuery| numbers(&journal, &query);
    assert_eq!(ask(JournalQuery::default()), [1, 2, 3, 4]);
    assert_eq!(ask(JournalQuery { method: Some(Method::PATCH), ..JournalQuery::default() }), [2, 3]);
    assert_eq!(
        ask(JournalQuery { path: Some("/v1.0/teamwork/workforceIntegrations".parse().unwrap()), ..JournalQuery::default() }),
        [1]
    );
    assert_eq!(ask(JournalQuery { id: Some("WFI_1".to_owned()), ..JournalQuery::default() }), [2, 3]);
    assert_eq!(ask(JournalQuery { status: Some(400..=499), ..JournalQuery::default() }), [3]);
    assert_eq!(ask(JournalQuery { since: Some(at(1)), until: Some(at(3)), ..JournalQuery::default() }), [2, 3]);
    assert_eq!(ask(JournalQuery { limit: Some(2), ..JournalQuery::default() }), [3, 4]);
    journal.clear();
    write(&journal, &Method::GET, ENTITY, "", 200);
    assert_eq!(ask(JournalQuery::default()), [5], "numbers go on");
}

#[test]
fn entries_are_printed_as_exchanges() {
    let journal = Journal::new(Bounds::default(), journals());
    let headers = map(&[
        ("host", "127.0.0.1:41573"),
        ("content-length", "40"),
        ("content-type", "application/json"),
        ("authorization", "Bearer abc"),
    ]);
    journal.record(JournalRecord {
        time: at(0),
        arrival: Arrival::default(),
        method: &Method::PATCH,
        target: ENTITY,
        request_headers: &headers,
        request_body: br#"{"encryption":{"secret":"hush"},"n":1.0}"#,
        status: Some(StatusCode::NOT_FOUND),
        response_headers: &map(&[("content-type", "application/json")]),
        has_standard_headers: false,
        kept_body: None,
        response_body: br#"{"error":{}}"#,
        decided: AnswerCause {
            refused_by: Some("unknown-id"),
            detail: Some("no such entity".into()),
            faults: Some("a, b".into()),
            ended_by: Some("reset"),
            batch: Some("b1".into()),
            cause: None,
            is_notification: false,
            is_proxied: true,
        },
        changed: None,
    });
    let text = print(&journal.query(&JournalQuery::default(), Secrets::Hidden));
    insta::assert_snapshot!(text, @r#"
    # request 1 at 2026-01-02T03:04:05Z
    # in the batch b1
    # via the proxy
    # refused by unknown-id: no such entity
    # fault rules: a, b
    # ended by reset
    PATCH {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1
    content-type: application/json
    authorization: Bearer REDACTED
    {
      "encryption": {
        "secret": "REDACTED"
      },
      "n": 1.0
    }

    HTTP 404
    content-type: application/json
    {
      "error": {}
    }
    "#);
    assert_eq!(crate::text::exchange::read(&text).unwrap().len(), 1);
    let shown = print(&journal.query(&JournalQuery::default(), Secrets::Shown));
    assert!(shown.contains("Bearer abc") && shown.contains("hush"));
}

#[test]
fn secrets_and_tokens_are_hidden_wherever_they_stand() {
    for (content_type, body) in [
        ("application/json", r#"{"Secret":"hush"}"#),
        ("application/json", r#"{"a":[{"access_token":"hush"}]}"#),
        ("application/json", r#"{"client_\u0073ecret":"hush"}"#),
        ("application/json", r#"{"secret":{"x":["hush"]}}"#),
        ("application/json", r#"{"secret":"hush""#),
        ("text/plain", "my secret is hush"),
        ("application/x-www-form-urlencoded", "grant_type=x&client_secret=hush&y=z"),
        ("application/x-www-form-urlencoded", "client%5Fsecret=hush"),
        ("application/x-www-form-urlencoded", "grant_type=authorization_code&code=hush"),
        ("application/json", r#"{"requests":[{"url":"/x?$filter=encryption/secret eq 'hush'"}]}"#),
        ("application/json", r#"{"url":"https://contoso.test/api?code=hush"}"#),
    ] {
        let journal = Journal::new(Bounds::default(), journals());
        let headers = [
            ("content-type", content_type),
            ("cookie", "hush"),
            ("location", "https://a.test/?code=hush"),
            ("location", "https://a.test/#id_token=hush&x=y"),
            ("x-wfi-emulator-control-token", "hush"),
        ];
        write_with(&journal, &Method::POST, "/token?access_token=hush", &headers, body, 200);
        let hidden = format!("{:?}", journal.query(&JournalQuery::default(), Secrets::Hidden));
        assert!(!hidden.contains("hush"), "{hidden}");
        let shown = format!("{:?}", journal.query(&JournalQuery::default(), Secrets::Shown));
        assert!(shown.contains("hush"));
        let expectation =
            Expectation { body: Some(json!({"secret": "hush2", "x": {"secret": "hush2"}})), ..Expectation::default() };
        let verdict = journal.verify(&expectation, Secrets::Hidden);
        assert!(!verdict.holds && !verdict.text.contains("hush"), "{}", verdict.text);
    }
    for (asked, shown) in [
        ("/x?$filter=encryption/secret%20eq%20%27hush%27", "/x?$filter=encryption/secret%20eq%20'REDACTED'"),
        (
            "/x?a=b&filter=encryption/secret+eq+'hu''sh'+and+isActive",
            "/x?a=b&filter=encryption/secret%20eq%20'REDACTED'%20and%20isActive",
        ),
        ("/x?%24filter=contains(encryption/Secret,'hush", "/x?%24filter=contains(encryption/Secret,'REDACTED'"),
        ("/x?$filter=secret%20eq%20hush", "/x?$filter=secret%20eq%20REDACTED"),
        ("/x?$filter=displayName%20eq%20%27x%27&token=hush", "/x?$filter=displayName%20eq%20%27x%27&token=REDACTED"),
        ("/x", "/x"),
    ] {
        assert_eq!(crate::text::redact::mask_target(asked), shown);
    }
    assert_eq!(mask_json(r#"{"secret":null, "a":1}"#).unwrap(), r#"{"secret":null, "a":1}"#, "null is no secret");
}

#[test]
fn an_expectation_holds_or_is_answered_with_the_closest_miss() {
    let journal = filled();
    let patch = |body, times| Expectation {
        of: JournalQuery {
            method: Some(Method::PATCH),
            id: Some("WFI_1".to_owned()),
            status: Some(200..=299),
            ..JournalQuery::default()
        },
        body: Some(body),
        times,
        ..Expectation::default()
    };
    let verdict = |expectation: &Expectation| journal.verify(expectation, Secrets::Hidden);
    let held = verdict(&patch(json!({"displayName": "x"}), Times::exactly(1)));
    assert!(held.holds && held.found == [2]);
    assert_eq!(
        held.text,
        r#"expected exactly 1 PATCH of the id WFI_1 answered with 200 to 299 with {"displayName":"x"}, found 1 among 4 requests"#
    );
    insta::assert_snapshot!(verdict(&patch(json!({"displayName": "z", "isActive": true, "apiVersion": 2}), Times::default())).text, @r#"
    expected exactly 1 PATCH of the id WFI_1 answered with 200 to 299 with {"apiVersion":2,"displayName":"z","isActive":true}, found 0 among 4 requests
    closest: request 2, PATCH /v1.0/teamwork/workforceIntegrations/WFI_1, 200
      $.apiVersion: expected 2, found nothing
      $.displayName: expected "z", found "x"
    "#);
    insta::assert_snapshot!(verdict(&patch(json!({"displayName": "y"}), Times::at_least(1))).text, @r#"
    expected at least 1 PATCH of the id WFI_1 answered with 200 to 299 with {"displayName":"y"}, found 0 among 4 requests
    closest: request 2, PATCH /v1.0/teamwork/workforceIntegrations/WFI_1, 200
      $.displayName: expected "y", found "x"
    "#);
    let never = Expectation {
        of: JournalQuery { method: Some(Method::PATCH), ..JournalQuery::default() },
        times: Times::exactly(0),
        ..Expectation::default()
    };
    insta::assert_snapshot!(verdict(&never).text, @r"
    expected no PATCH, found 2 among 4 requests
    matches: request 2, PATCH /v1.0/teamwork/workforceIntegrations/WFI_1, 200
    matches: request 3, PATCH /beta/teamwork/workforceIntegrations('WFI_1'), 404
    ");
    insta::assert_snapshot!(verdict(&Expectation { of: JournalQuery { method: Some(Method::POST), ..JournalQuery::default() }, body: Some(json!({})), ..Expectation::default() }).text, @r"
    expected exactly 1 POST with {}, found 0 among 4 requests
    closest: request 2, PATCH /v1.0/teamwork/workforceIntegrations/WFI_1, 200
      method: expected POST, found PATCH
    ");
    let empty = Journal::new(Bounds::default(), journals()).verify(&never, Secrets::Hidden);
    assert!(empty.holds && empty.closest.is_none());
}

#[test]
fn a_verdict_says_what_it_could_not_look_at() {
    let journal = filled();
    journal.clear();
    write(&journal, &Method::POST, "/", r#"{"a":1}"#, 201);
    let verdict = |journal: &Journal, expectation: Expectation| journal.verify(&expectation, Secrets::Hidden).text;
    let many = Expectation {
        of: JournalQuery { since: Some(at(4)), ..JournalQuery::default() },
        times: Times::exactly(3),
        ..Expectation::default()
    };
    insta::assert_snapshot!(verdict(&journal, many), @r"
    expected exactly 3 requests since 2026-01-02T03:04:09Z, found 1 among 1 request
    matches: request 5, POST /, 201
    ");
    let small = Journal::new(Bounds { entries: 1, bytes: 160 }, journals());
    write(&small, &Method::GET, "/", "", 200);
    write(&small, &Method::POST, "/", r#"{"displayName":"x"}"#, 201);
    let with_body = Expectation { body: Some(json!({"displayName": "x"})), ..Expectation::default() };
    insta::assert_snapshot!(verdict(&small, with_body), @r#"
    expected exactly 1 request with {"displayName":"x"}, found 0 among 1 request; 1 older entry was dropped from the journal
    closest: request 2, POST /, 201
      body: expected JSON, found a truncated body (10 of 19 bytes are in the journal)
    "#);
}

#[test]
fn a_journal_that_keeps_nothing_verifies_nothing() {
    let journal = Journal::new(Bounds::OFF, journals());
    write(&journal, &Method::DELETE, ENTITY, "", 204);
    let never = Expectation {
        of: JournalQuery { method: Some(Method::DELETE), ..JournalQuery::default() },
        times: Times::exactly(0),
        ..Expectation::default()
    };
    let verdict = journal.verify(&never, Secrets::Hidden);
    assert!(!verdict.holds);
    insta::assert_snapshot!(verdict.text, @"journal is off: cannot verify no DELETE");
}

#[test]
fn a_subset_is_compared_member_by_member() {
    let journal = Journal::new(Bounds::default(), journals());
    write(&journal, &Method::POST, "/", r#"{"a":{"b":1.0,"c":null},"d":[{"e":1,"f":2}],"g":1e2}"#, 201);
    let holds = |body: serde_json::Value| {
        journal.verify(&Expectation { body: Some(body), ..Expectation::default() }, Secrets::Hidden).holds
    };
    for body in [json!({}), json!({"a":{"b":1}}), json!({"a":{"c":null}}), json!({"d":[{"e":1}]}), json!({"g":100})] {
        assert!(holds(body.clone()), "{body}");
    }
    for body in
        [json!([]), json!({"a":{"b":2}}), json!({"c":null}), json!({"d":[]}), json!({"d":[{"e":1},{}]}), json!({"a":null})]
    {
        assert!(!holds(body.clone()), "{body}");
    }
}

/// The size of the journal, a quarter of it per shard.
fn bytes(journal: &Journal) -> usize {
    journal.shards.iter().map(|shard| shard.ring().bytes()).sum()
}

#[test]
fn the_journal_is_bounded_by_count_and_by_bytes() {
    let journal = Journal::new(Bounds { entries: 10, bytes: 1_000_000 }, journals());
    for _ in 0..35 {
        write(&journal, &Method::GET, ENTITY, "", 200);
    }
    assert_eq!(numbers(&journal, &JournalQuery::default()), (26..=35).collect::<Vec<u64>>());
    assert!(
        journal.verify(&Expectation::default(), Secrets::Hidden).text.contains("25 older entries were dropped from the journal")
    );
    let large = "x".repeat(100_000);
    write(&journal, &Method::POST, ENTITY, &large, 200);
    let kept = journal.query(&JournalQuery { method: Some(Method::POST), ..JournalQuery::default() }, Secrets::Hidden);
    assert_eq!(kept[0].exchange.request.body.len(), 62_500);
    assert!(kept[0].exchange.comments.contains(&"request body truncated, 100000 bytes in full".to_owned()));
    for _ in 0..20 {
        write(&journal, &Method::POST, ENTITY, &large, 200);
        assert!(bytes(&journal) <= 250_000);
    }
    assert_eq!(journal.len(), 1);
    for _ in 0..20 {
        write(&journal, &Method::GET, ENTITY, "", 200);
    }
    assert!(journal.len() == 10 && bytes(&journal) < 60_000, "buffers of large bodies are not kept for small ones");
    let off = Journal::new(Bounds::OFF, journals());
    write(&off, &Method::GET, ENTITY, "", 200);
    assert!(off.is_empty() && !off.is_on());
}

#[test]
fn journals_share_a_budget_and_give_back_what_they_took() {
    let group = Arc::new(Journals::new(100_000));
    let journals: Vec<Journal> = (0..50).map(|_| Journal::new(Bounds::default(), group.clone())).collect();
    for _ in 0..100 {
        for journal in &journals {
            write(journal, &Method::GET, ENTITY, "", 200);
            assert!(group.budget().used() <= 100_000 && !journal.is_empty(), "the latest request is there");
        }
    }
    let taken: usize = journals.iter().map(bytes).sum();
    assert_eq!(group.budget().used(), taken);
    assert!(taken > 60_000, "{taken}");
    journals[0].clear();
    drop(journals);
    assert_eq!(group.budget().used(), 0);
}

#[test]
fn the_idlest_journal_gives_way() {
    let group = Arc::new(Journals::searching_every(Duration::ZERO, 320_000));
    let new = || Journal::new(Bounds::default(), group.clone());
    let (idle, busy, late) = (new(), new(), new());
    let large = "x".repeat(60_000);
    write(&idle, &Method::POST, "/", &large, 200);
    write(&busy, &Method::POST, "/", &large, 200);
    // The first search finds nothing idle: all were written to since the start. The entry is cut.
    write(&late, &Method::POST, "/", &large, 200);
    let body = |journal: &Journal| journal.query(&JournalQuery::default(), Secrets::Shown).pop().map(|entry| entry.exchange);
    let cut = body(&late).unwrap();
    assert!(cut.request.body.is_empty() && cut.comments.contains(&"request body truncated, 60000 bytes in full".to_owned()));
    write(&busy, &Method::GET, "/", "", 200);
    write(&late, &Method::POST, "/", &large, 200);
    assert_eq!(body(&late).unwrap().request.body.len(), 60_000);
    assert_eq!((idle.len(), busy.len(), late.len()), (0, 2, 2));
    assert_eq!((idle.count(), numbers(&idle, &JournalQuery::default()).len()), (1, 0), "it is reported as dropped");
    let report = idle.verify(&Expectation::default(), Secrets::Hidden);
    assert!(report.text.ends_with("1 older entry was dropped from the journal"), "{}", report.text);
}

#[test]
fn a_budget_smaller_than_an_entry_keeps_only_the_latest_one() {
    let group = Arc::new(Journals::new(1_000));
    let journals: Vec<Journal> = (0..10).map(|_| Journal::new(Bounds::default(), group.clone())).collect();
    for journal in &journals {
        write(journal, &Method::POST, &format!("/{}", "x".repeat(2_000)), &"x".repeat(10_000), 200);
        assert_eq!((journal.len(), group.budget().used()), (1, bytes(journal)));
        assert!(bytes(journal) < 4_000, "{}", bytes(journal));
    }
}

/// Returns a journal, and another one that leaves only a few bytes of their budget. None of them is ever idle.
fn with_a_spent_budget(bounds: Bounds, limit: usize, fill: impl Fn(&Journal)) -> (Journal, Journal) {
    let group = Arc::new(Journals::searching_every(Duration::MAX, limit));
    let (journal, other) = (Journal::new(bounds, group.clone()), Journal::new(Bounds::default(), group.clone()));
    fill(&journal);
    record(&other, &[], "x".repeat(limit - group.budget().used() - 2_000).as_bytes());
    assert!(group.budget().used() <= limit && !group.budget().has_room(2_000));
    (journal, other)
}

#[test]
fn a_large_entry_in_place_of_many_small_ones_stays_within_the_budget() {
    let (journal, other) = with_a_spent_budget(Bounds::default(), 200_000, |journal| {
        for _ in 0..40 {
            write(journal, &Method::GET, "/", "", 200);
        }
    });
    assert_eq!(journal.len(), 40);
    // As large as all older entries together, most of which is the queue of their rows.
    let length = bytes(&journal) - 2_000;
    record(&journal, &[], "x".repeat(length).as_bytes());
    let used = journal.journals.budget().used();
    assert!(used <= 200_000 && used == bytes(&journal) + bytes(&other), "{used} bytes");
    let latest = journal.query(&JournalQuery::default(), Secrets::Shown).pop().unwrap();
    assert_eq!((journal.len(), other.len(), latest.exchange.request.body.len()), (1, 1, length));
}

#[test]
fn a_large_entity_beside_a_spare_buffer_stays_within_the_budget() {
    let (journal, other) = with_a_spent_budget(Bounds { entries: 1, ..Bounds::default() }, 300_000, |journal| {
        for _ in 0..3 {
            record(journal, &[], "x".repeat(40_000).as_bytes());
        }
    });
    // The buffer of the latest entry, and a spare one.
    assert!(bytes(&journal) > 120_000, "{}", bytes(&journal));
    change(&journal, Some(entity(50_000)), Some(entity(50_000)), AnswerCause::default());
    let used = journal.journals.budget().used();
    assert!(used <= 300_000 && used == bytes(&journal) + bytes(&other), "{used} bytes");
    let changed = journal.query(&JournalQuery::default(), Secrets::Shown).pop().unwrap().changed.unwrap();
    assert!(changed.before.is_some() && changed.after.is_some() && other.len() == 1);
}

#[test]
fn a_full_journal_pins_no_large_entity() {
    let limit = 16 * 100_000;
    let journal = Journal::new(Bounds { entries: 1_000, bytes: limit }, journals());
    for round in 0..100 {
        for length in [1_000, 90_000, 110_000, 4_000_000] {
            let (before, after) = (entity(length), entity(10));
            change(&journal, Some(before.clone()), Some(after.clone()), AnswerCause::default());
            let is_kept = length < 100_000;
            assert_eq!(Arc::strong_count(&before), if is_kept { 2 } else { 1 }, "{length}");
            let entry = journal.query(&JournalQuery::default(), Secrets::Hidden).pop().unwrap();
            let changed = entry.changed.unwrap();
            assert_eq!((changed.before.is_some(), changed.after.is_some()), (is_kept, true));
            let comment = format!("entity before left out, {} bytes", before.size());
            assert_eq!(entry.exchange.comments.contains(&comment), !is_kept);
            assert!(bytes(&journal) <= limit / 4, "round {round}: {} bytes", bytes(&journal));
        }
    }
}

#[test]
fn packed_bodies_are_unpacked_when_written() {
    let journal = Journal::new(Bounds { entries: 1_000, bytes: 16 * 1_000 }, journals());
    let packed = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let write = |headers: &[(&str, &str)], body: &[u8]| {
        record(&journal, headers, body);
        let read = |secrets| journal.query(&JournalQuery::default(), secrets).pop().unwrap().exchange;
        (read(Secrets::Hidden), read(Secrets::Shown))
    };
    let (hidden, shown) = write(&packed, &gzip(br#"{"displayName":"x","secret":"hush"}"#));
    assert_eq!(hidden.request.body, r#"{"displayName":"x","secret":"REDACTED"}"#);
    assert_eq!(shown.request.body, r#"{"displayName":"x","secret":"hush"}"#);
    assert!(shown.request.header("content-encoding").is_none() && shown.request.header("content-type").is_some());
    assert!(shown.comments.contains(&"request body unpacked from gzip".to_owned()));
    let body = |value| Expectation { body: Some(value), ..Expectation::default() };
    assert!(journal.verify(&body(json!({"displayName": "x"})), Secrets::Hidden).holds);
    // Content beyond the limit of a body, malformed content and other codings stay as they are, and may hold secrets.
    let long = gzip(&[b' '; 1_001]);
    journal.clear();
    for (coding, sent) in [("gzip", &long[..]), ("gzip", b"secret"), ("br", b"secret"), ("gzip, gzip", &gzip(b"{}"))] {
        let (hidden, shown) = write(&[("content-encoding", coding)], sent);
        assert_eq!((&*hidden.request.body, &*shown.request.body), (&b"REDACTED"[..], sent), "{coding}");
        assert_eq!(shown.request.header("content-encoding"), Some(coding));
        assert!(journal.verify(&body(json!({})), Secrets::Hidden).text.contains("expected JSON, found something else"));
    }
    let (_, shown) = write(&packed, &gzip(&[b' '; 1_000]));
    assert_eq!(shown.request.body.len(), 1_000);
}

#[test]
fn a_journal_of_packed_bodies_is_read_without_unpacking_them() {
    let journal = Journal::new(Bounds::default(), journals());
    // A smaller limit makes writing quick: each body is unpacked up to it.
    let small = Journal::new(Bounds { bytes: 4 * 1024 * 1024, ..Bounds::default() }, self::journals());
    let bomb = gzip(&vec![b' '; 8_000_000]);
    assert!(bomb.len() < 10_000);
    record(&journal, &[("content-encoding", "gzip")], &bomb);
    for _ in 0..100 {
        record(&small, &[("content-encoding", "gzip")], &bomb);
    }
    let started = std::time::Instant::now();
    assert_eq!(small.query(&JournalQuery::default(), Secrets::Hidden).len() + journal.len(), 101);
    assert!(!small.verify(&Expectation { body: Some(json!({})), ..Expectation::default() }, Secrets::Hidden).holds);
    // To unpack 1.6 GB takes many seconds.
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

#[test]
fn entries_are_copied_one_by_one() {
    let journal = Journal::new(Bounds { entries: 3, bytes: 1_000_000 }, journals());
    for number in 1..=3 {
        write(&journal, &Method::GET, &format!("/{number}"), "", 200);
    }
    let mut reading = journal.exchanges(&JournalQuery::default(), Secrets::Hidden);
    let first = reading.next().unwrap();
    for number in 4..=5 {
        write(&journal, &Method::GET, &format!("/{number}"), "", 200);
    }
    assert_eq!((first.number, &*first.exchange.request.target), (1, "/1"), "a copy stays as it was");
    assert_eq!(reading.map(|entry| entry.number).collect::<Vec<_>>(), [3], "the second was dropped meanwhile");
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Returns an entity with a text of this length.
fn entity(length: usize) -> Arc<Entity> {
    let properties = Complex::with(Value::String("x".repeat(length).into()));
    Arc::new(Entity::new("a".into(), properties))
}

/// Records a request with a body of any bytes.
fn record(journal: &Journal, headers: &[(&str, &str)], body: &[u8]) {
    journal.record(JournalRecord {
        time: at(0),
        arrival: Arrival::default(),
        method: &Method::POST,
        target: "/",
        request_headers: &map(headers),
        request_body: body,
        status: Some(StatusCode::OK),
        response_headers: &HeaderMap::new(),
        has_standard_headers: false,
        kept_body: None,
        response_body: b"",
        decided: AnswerCause::default(),
        changed: None,
    });
}

/// Records a change of an entity.
fn change(journal: &Journal, before: Option<Arc<Entity>>, after: Option<Arc<Entity>>, decided: AnswerCause) {
    let set = crate::workloads::schema().keyed_root_sets().next().unwrap();
    journal.record(JournalRecord {
        time: at(0),
        arrival: Arrival::default(),
        method: &Method::PATCH,
        target: "/",
        request_headers: &HeaderMap::new(),
        request_body: b"",
        status: Some(StatusCode::OK),
        response_headers: &HeaderMap::new(),
        has_standard_headers: false,
        kept_body: None,
        response_body: b"",
        decided,
        changed: Some(EntityChange { set, before, after }),
    });
}

#[test]
fn an_entry_that_has_fallen_out_holds_no_entity() {
    let journal = Journal::new(Bounds { entries: 1, bytes: 1_000_000 }, journals());
    let entity = entity(10);
    change(&journal, Some(entity.clone()), Some(entity.clone()), AnswerCause::default());
    assert_eq!(Arc::strong_count(&entity), 3);
    write(&journal, &Method::GET, "/", "", 200);
    assert_eq!(Arc::strong_count(&entity), 1);
}

#[test]
fn many_threads_write_at_once_and_nothing_is_lost() {
    let journal = Journal::new(Bounds { entries: 5_000, bytes: usize::MAX }, journals());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..500 {
                    write(journal, &Method::GET, &format!("/{thread}/{number}"), "", 200);
                }
            });
        }
    });
    let entries = journal.query(&JournalQuery::default(), Secrets::Hidden);
    assert!(entries.iter().map(|entry| entry.number).eq(1..=4000));
    for thread in 0..8 {
        let path = format!("/{thread}/*").parse().unwrap();
        let own = journal.query(&JournalQuery { path: Some(path), ..JournalQuery::default() }, Secrets::Hidden);
        assert!(
            own.iter()
                .map(|entry| entry.exchange.request.target.clone())
                .eq((0..500).map(|number| format!("/{thread}/{number}")))
        );
    }
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn what_is_written_is_read(targets in proptest::collection::vec(("/[a-z]{0,9}", "[ -~]{0,20}", proptest::collection::vec(any::<u8>(), 0..40)), 1..6)) {
        let journal = Journal::new(Bounds { entries: 3, bytes: 1_000_000 }, journals());
        for (target, value, body) in &targets {
            let headers = map(&[("x-a", value), ("x-b", ""), ("x-a", "again")]);
            journal.record(JournalRecord {
                time: at(0), method: &Method::PUT, target, request_headers: &headers, request_body: body, status: Some(StatusCode::OK),
        arrival: Arrival::default(),
                response_headers: &headers, has_standard_headers: false, kept_body: None, response_body: body, decided: AnswerCause::default(), changed: None,
            });
        }
        let entries = journal.query(&JournalQuery::default(), Secrets::Shown);
        let kept = &targets[targets.len().saturating_sub(3)..];
        prop_assert_eq!(entries.len(), kept.len());
        for (entry, (target, value, body)) in entries.iter().zip(kept) {
            let request = &entry.exchange.request;
            prop_assert_eq!((&request.target, &request.body[..]), (target, &body[..]));
            prop_assert_eq!(request.header("x-a"), Some(&**value));
            prop_assert_eq!(request.headers.len(), 3);
        }
        // Redaction never panics.
        journal.query(&JournalQuery::default(), Secrets::Hidden);
    }

    #[test]
    fn the_bytes_of_a_journal_are_those_that_it_holds(
        steps in proptest::collection::vec((0..12_u8, 0..3_usize, 0..70_000_usize), 0..60),
        bounds in (1..40_usize, prop_oneof![Just(0), 1_000..1_000_000_usize]),
        limit in prop_oneof![Just(ALL_BYTES), 1_000..300_000_usize],
    ) {
        let group = Arc::new(Journals::searching_every(Duration::ZERO, limit));
        let journals: Vec<Journal> = (0..3).map(|_| Journal::new(Bounds { entries: bounds.0, bytes: bounds.1 }, group.clone())).collect();
        for (kind, index, length) in steps {
            let (journal, text) = (&journals[index], "x".repeat(length));
            match kind {
                0 => journal.clear(),
                1 => write(journal, &Method::from_bytes(text.get(..20).unwrap_or("GET").as_bytes()).unwrap(), "/", "", 200),
                2 => change(journal, Some(entity(length)), Some(entity(length / 2)), AnswerCause::default()),
                3 => change(journal, None, Some(entity(length)), AnswerCause { detail: Some(text.clone().into()), batch: Some(text.into()), ..AnswerCause::default() }),
                4 => record(journal, &[("content-encoding", "gzip")], &gzip(text.as_bytes())),
                5 => write(journal, &Method::POST, "/", &text, 200),
                _ => write(journal, &Method::GET, ENTITY, &text[..length / 100], 200),
            }
            for journal in &journals {
                for shard in journal.shards.iter() {
                    let ring = shard.ring();
                    prop_assert_eq!(ring.bytes(), ring.recount());
                    prop_assert!(ring.len() <= bounds.0);
                    prop_assert!(ring.len() <= 1 || ring.bytes() <= bounds.1 / SHARDS);
                }
            }
            prop_assert_eq!(group.budget().used(), journals.iter().map(bytes).sum::<usize>());
            let is_alone = || journals.iter().map(Journal::len).sum::<usize>() == 1;
            prop_assert!(group.budget().used() <= limit || is_alone(), "{} of {} bytes", group.budget().used(), limit);
        }
        drop(journals);
        prop_assert_eq!(group.budget().used(), 0);
    }

    #[test]
    fn hiding_keeps_json_json(text in r#"[\[\]{}":,a-z0-9 ]{0,60}"#) {
        if let Some(hidden) = mask_json(&text) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&hidden).is_ok() || serde_json::from_str::<serde_json::Value>(&text).is_err());
        }
    }
}

#[test]
fn an_expectation_has_conditions_on_headers_queries_methods_and_members() {
    let journal = Journal::new(Bounds::default(), journals());
    write(&journal, &Method::PATCH, "/v1.0/x?$select=id,displayName&$top=2", r#"{"displayName":"Renamed","notes":null}"#, 200);
    let pairs =
        |pairs: &[(&str, TextCondition)]| pairs.iter().map(|(name, condition)| ((*name).to_owned(), condition.clone())).collect();
    let (is, like) = (|text: &str| TextCondition::Is(text.to_owned()), |text: &str| TextCondition::Like(text.to_owned()));
    let verdict = |expectation: Expectation| journal.verify(&expectation, Secrets::Hidden);
    for (name, condition, holds) in [
        ("$select", is("id,displayName"), true),
        ("$SELECT", like("*displayName"), true),
        ("$top", is("1"), false),
        ("$skip", TextCondition::Absent, true),
        ("$top", TextCondition::Absent, false),
        ("$skip", like("*"), false),
    ] {
        let query = pairs(&[(name, condition.clone())]);
        assert_eq!(verdict(Expectation { query, ..Expectation::default() }).holds, holds, "{name} {condition}");
    }
    for (name, condition, holds) in [
        ("content-type", is("application/json"), true),
        ("If-Match", TextCondition::Absent, true),
        ("content-type", like("text/*"), false),
    ] {
        let headers = pairs(&[(name, condition.clone())]);
        assert_eq!(verdict(Expectation { headers, ..Expectation::default() }).holds, holds, "{name} {condition}");
    }
    for (methods, holds) in [(vec![Method::PUT, Method::PATCH], true), (vec![Method::PUT, Method::POST], false)] {
        assert_eq!(verdict(Expectation { methods, ..Expectation::default() }).holds, holds);
    }
    for (body, holds) in [
        (json!({"displayName":{"$like":"Ren*"}}), true),
        (json!({"displayName":{"$like":"ren*"}}), false),
        (json!({"encryption":{"$absent":true}}), true),
        (json!({"notes":{"$absent":true}}), false),
        (json!({"notes":{"$absent":false}}), true),
    ] {
        assert_eq!(verdict(Expectation { body: Some(body.clone()), ..Expectation::default() }).holds, holds, "{body}");
    }
    let missed = Expectation {
        methods: vec![Method::PUT, Method::PATCH],
        headers: pairs(&[("Authorization", is("Bearer hush")), ("content-type", like("text/*"))]),
        query: pairs(&[("$top", is("1"))]),
        body: Some(json!({"notes":{"$absent":true}})),
        ..Expectation::default()
    };
    insta::assert_snapshot!(verdict(missed).text, @r#"
    expected exactly 1 PUT or PATCH with the header Authorization REDACTED with the header content-type like text/* with the query option $top 1 with {"notes":{"$absent":true}}, found 0 among 1 request
    closest: request 1, PATCH /v1.0/x?$select=id,displayName&$top=2, 200
      header Authorization: expected REDACTED, found none
      header content-type: expected like text/*, found application/json
      query option $top: expected 1, found 2
      $.notes: expected {"$absent":true}, found null
    "#);
}

#[test]
fn expectations_in_order_hold_one_after_another() {
    let journal = filled();
    let of = |method: Method| Expectation {
        of: JournalQuery { method: Some(method), ..JournalQuery::default() },
        ..Expectation::default()
    };
    let verdict = |methods: &[Method]| {
        let steps: Vec<Expectation> = methods.iter().cloned().map(of).collect();
        journal.verify_in_order(&steps, Secrets::Hidden)
    };
    let held = verdict(&[Method::GET, Method::PATCH, Method::PATCH]);
    assert!(held.holds && held.found == [1, 2, 3], "{}", held.text);
    insta::assert_snapshot!(verdict(&[Method::PATCH, Method::PATCH, Method::GET]).text, @r"
    expected in order: PATCH, then PATCH, then GET; found 2 of 3, then no GET after request 3
    closest: request 4, DELETE /v1.0/teamwork/workforceIntegrations/WFI_2, 204
      method: expected GET, found DELETE
    too early: request 1
    ");
}
