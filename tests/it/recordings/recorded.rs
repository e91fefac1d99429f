//! Recorded exchanges, from the proxy that records them to the comparison with a service.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Method;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wfi_emulator::internals::edge::client::{HttpClient, Upstream};
use wfi_emulator::internals::edge::{certificate, server};
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::{self, RecordedRequest, RecordedResponse};
use wfi_emulator::internals::text::redact::RedactionRules;
use wfi_emulator::internals::tools::compare::{self, ComparisonOutcome, Counts, DifferenceKind, Event};
use wfi_emulator::internals::tools::record;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::settings::Auth;

use crate::support::harness;

/// A folder that is removed with the value.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("wfi-emulator-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

/// The built-in fixtures, answered with these behaviors.
fn served(choices: &[(&str, &str)]) -> Arc<wfi_emulator::internals::edge::service::Service> {
    let mut behaviors = Behaviors::default();
    for (name, value) in choices {
        behaviors.set(name, value).unwrap();
    }
    Arc::new(wfi_emulator::internals::edge::service::Service::of(harness::settings(behaviors)))
}

/// Compares a text with its snapshot in `snapshots/recordings/`.
pub(crate) fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/recordings"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Serves an emulator until the runtime of the test ends.
pub(crate) async fn emulator(choices: &[(&str, &str)]) -> String {
    let (listener, base) = listen().await;
    tokio::spawn(server::run(listener, served(choices), std::future::pending()));
    base
}

pub(crate) fn request(method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> RecordedRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    RecordedRequest { method, target: target.to_owned(), headers, body: body.to_owned().into() }
}

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
pub(crate) const JSON: (&str, &str) = ("Content-Type", "application/json");
const TOKEN: (&str, &str) = ("Authorization", "Bearer a-token-that-is-private");

/// The session of a client: reads, updates, creates, and follows the new `Location`.
pub(crate) async fn session(base: &str) -> Vec<RecordedResponse> {
    let mut client = HttpClient::new(Upstream::new(base, None).unwrap());
    let mut answers = Vec::new();
    let key = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
    let item = format!("{COLLECTION}/{key}");
    let new = r#"{"displayName":"Ada's clock","apiVersion":1,"isActive":true,"url":"https://contoso.com/shifts/","encryption":{"protocol":"sharedSecret","secret":"0123456789012345678901234567890123456789012345678901234567890123"}}"#;
    for request in [
        request(Method::GET, COLLECTION, &[TOKEN], ""),
        request(Method::GET, &item, &[TOKEN, ("client-request-id", "11111111-2222-4333-8444-555555555555")], ""),
        request(Method::PATCH, &item, &[TOKEN, JSON], r#"{"displayName":"Ada's other clock"}"#),
        request(Method::GET, &item, &[TOKEN], ""),
        request(Method::POST, COLLECTION, &[TOKEN, JSON], new),
        request(Method::PATCH, &item, &[TOKEN, JSON], r#"{"apiVersion":"two"}"#),
    ] {
        answers.push(client.send(&request).await.unwrap());
    }
    let created: serde_json::Value = serde_json::from_slice(&answers[4].body).unwrap();
    // A list in pages, each with the link to the next one.
    let mut page = format!("{COLLECTION}?$top=2");
    for _ in 0..2 {
        answers.push(client.send(&request(Method::GET, &page, &[TOKEN], "")).await.unwrap());
        let list: serde_json::Value = serde_json::from_slice(&answers[answers.len() - 1].body).unwrap();
        let link = list["@odata.nextLink"].as_str().unwrap();
        page = link.split_once("/v1.0/").map(|(_, path)| format!("/v1.0/{path}")).unwrap();
    }
    let created = format!("{COLLECTION}('{}')", created["id"].as_str().unwrap());
    for method in [Method::GET, Method::DELETE, Method::GET] {
        answers.push(client.send(&request(method, &created, &[TOKEN], "")).await.unwrap());
    }
    answers
}

/// The session of a client with a schedule: reads, replaces, creates, deletes.
async fn scheduling(base: &str) -> Vec<RecordedResponse> {
    const SCHEDULE: &str = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";
    let mut client = HttpClient::new(Upstream::new(base, None).unwrap());
    let mut answers = Vec::new();
    let shift = format!("{SCHEDULE}/shifts/SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8");
    let reasons = format!("{SCHEDULE}/timeOffReasons");
    let new = r#"{"userId":"c5d0c76b-80c4-481c-be50-923cd8d680a1","schedulingGroupId":"TAG_228940ed-ff84-4e25-b129-1b395cf78be0","sharedShift":{"notes":"Ada is on holiday","startDateTime":"2024-10-12T06:00:00Z","endDateTime":"2024-10-12T17:00:00Z"}}"#;
    for request in [
        request(Method::PUT, &shift, &[TOKEN, JSON], new),
        request(Method::GET, SCHEDULE, &[TOKEN], ""),
        request(Method::GET, &shift, &[TOKEN], ""),
        request(Method::GET, &reasons, &[TOKEN], ""),
        request(Method::POST, &format!("{SCHEDULE}/shifts"), &[TOKEN, JSON], new),
        request(Method::POST, &format!("{SCHEDULE}/shifts"), &[TOKEN, JSON], r#"{"userId":7}"#),
        request(Method::DELETE, &shift, &[TOKEN], ""),
        request(Method::GET, "/v1.0/teams/of-nobody/schedule/shifts", &[TOKEN], ""),
    ] {
        answers.push(client.send(&request).await.unwrap());
    }
    answers
}

/// Records a session through a proxy in front of an upstream.
async fn recorded(upstream: &str, folder: &Path) -> (Vec<RecordedResponse>, usize) {
    let (listener, base) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let upstream = Upstream::new(upstream, None).unwrap();
    let options = record::RecordOptions { upstream, folder: folder.to_owned(), rules: RedactionRules::default(), tls: None };
    let recorder = tokio::spawn(record::run(listener, options, async { stopped.await.unwrap_or_default() }));
    let answers = session(&base).await;
    stop.send(()).unwrap();
    let (count, _) = recorder.await.unwrap().unwrap();
    (answers, count)
}

fn options(path: &Path) -> compare::CompareOptions {
    compare::CompareOptions {
        path: path.to_owned(),
        against: None,
        headers: Vec::new(),
        behaviors: Behaviors::default(),
        forced: Vec::new(),
        fixtures: None,
        variables: Vec::new(),
        accepts: false,
        selection: compare::ExchangeSelection::default(),
        is_dry_run: false,
    }
}

/// Compares, and returns the exchanges that differ beside the counts.
async fn compared(options: &compare::CompareOptions) -> (Vec<ComparisonOutcome>, Counts, Vec<String>) {
    let (mut drift, mut notes) = (Vec::new(), Vec::new());
    let mut tell = |event: &Event<'_>| match event {
        Event::Outcome(outcome) if outcome.is_drift() => drift.push((*outcome).clone()),
        Event::Note(note) | Event::Stale(note) => notes.push(note.clone()),
        _ => {}
    };
    let counts = compare::compare(options, &mut tell).await.unwrap();
    (drift, counts, notes)
}

#[tokio::test]
async fn exactly_the_drift_between_two_services_is_reported() {
    let folder = Folder::new("drift");
    let upstream = emulator(&[]).await;
    let (answers, count) = recorded(&upstream, &folder.0).await;
    let direct = session(&emulator(&[]).await).await;
    for (through, direct) in answers.iter().zip(&direct) {
        assert_eq!(through.status, direct.status);
        let names = |response: &RecordedResponse| response.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<String>>();
        assert_eq!(names(through), names(direct), "the proxy adds nothing and takes nothing away");
    }
    assert_eq!(count, answers.len());
    let text = folder.read("recorded-0001.hurl");
    assert!(
        text.contains("[Captures]\nid1: jsonpath \"$.id\"\n")
            && text.contains("\nDELETE {{base}}/v1.0/teamwork/workforceIntegrations('{{id1}}')\n"),
        "{text}"
    );
    for private in ["a-token-that-is-private", "Ada", "05227533", "0123456789012", "contoso Workforce", "366c0b19"] {
        assert!(!text.contains(private), "{private} is recorded:\n{text}");
    }

    // The same service, restarted with the fixtures of the upstream.
    let again = Upstream::new(&emulator(&[]).await, None).unwrap();
    let (drift, counts, _) = compared(&compare::CompareOptions { against: Some(again), ..options(&folder.0) }).await;
    assert_eq!((drift, counts), (Vec::new(), Counts { exchanges: 11, same: 11, known: 0, drift: 0 }));

    // The emulator in this process, with the state in the recording.
    let (drift, counts, _) = compared(&options(&folder.0)).await;
    assert_eq!((drift, counts), (Vec::new(), Counts { exchanges: 11, same: 11, known: 0, drift: 0 }));

    // One behavior differs.
    let forced = vec![("update-response".to_owned(), "no-content".to_owned())];
    let changed = Upstream::new(&emulator(&[("update-response", "no-content")]).await, None).unwrap();
    for options in [
        compare::CompareOptions { against: Some(changed), ..options(&folder.0) },
        compare::CompareOptions { forced, ..options(&folder.0) },
    ] {
        let (drift, counts, _) = compared(&options).await;
        assert_eq!(counts, Counts { exchanges: 11, same: 10, known: 0, drift: 1 });
        let [outcome] = &drift[..] else { panic!("{drift:?}") };
        assert!(outcome.request.starts_with("PATCH "), "{outcome:?}");
        let told: Vec<(&str, DifferenceKind)> =
            outcome.drift.iter().map(|difference| (difference.place.as_str(), difference.kind)).collect();
        assert_eq!(told, [("status", DifferenceKind::Status), ("body", DifferenceKind::Missing)]);
        assert_eq!(
            (outcome.drift[0].recorded.as_deref(), outcome.drift[0].actual.as_deref()),
            (Some("200 OK"), Some("204 No Content"))
        );
    }
}

#[tokio::test]
async fn contained_entities_are_restored_for_a_comparison() {
    let folder = Folder::new("contained");
    let (listener, base) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let upstream = Upstream::new(&emulator(&[]).await, None).unwrap();
    let out = record::RecordOptions { upstream, folder: folder.0.clone(), rules: RedactionRules::default(), tls: None };
    let recorder = tokio::spawn(record::run(listener, out, async { stopped.await.unwrap_or_default() }));
    let statuses: Vec<u16> = scheduling(&base).await.iter().map(|response| response.status.as_u16()).collect();
    assert_eq!(statuses, [204, 200, 200, 200, 201, 400, 204, 404]);
    stop.send(()).unwrap();
    recorder.await.unwrap().unwrap();
    let text = folder.read("recorded-0001.hurl");
    for private in ["a-token-that-is-private", "Ada", "577b75d2", "3d88b7a2", "c5d0c76b"] {
        assert!(!text.contains(private), "{private} is recorded:\n{text}");
    }
    let (drift, counts, notes) = compared(&options(&folder.0)).await;
    assert_eq!((drift, counts.same, notes), (Vec::new(), statuses.len(), Vec::new()));
}

#[tokio::test]
async fn exchanges_of_all_of_the_schema_are_compared() {
    const CONTENT_TYPE: &str =
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
    let folder = Folder::new("whole");
    let category = r#"{"id":"9b3fbdf3-5a4e-4f7e-9d1e-1b2a0c7d2e11","displayName":"Kiosk","description":null}"#;
    let (list, one) = ("/v1.0/deviceManagement/deviceCategories", "/9b3fbdf3-5a4e-4f7e-9d1e-1b2a0c7d2e11");
    let context = |rest: &str| {
        format!(r#""@odata.context":"https://graph.microsoft.com/v1.0/$metadata#deviceManagement/deviceCategories{rest}""#)
    };
    let answers = [
        (list.to_owned(), format!(r#"{{{},"value":[{category}]}}"#, context(""))),
        (format!("{list}{one}"), category.replacen('{', &format!("{{{},", context("/$entity")), 1)),
    ];
    let entries =
        answers.map(|(path, body)| format!("GET {{{{base}}}}{path}\n\nHTTP 200\ncontent-type: {CONTENT_TYPE}\n{body}\n"));
    folder.write("devices.hurl", &entries.join("\n"));
    let (drift, counts, notes) = compared(&options(&folder.0)).await;
    let places: Vec<String> = drift.iter().map(|outcome| format!("{outcome:?}")).collect();
    assert_eq!((places, counts.same, notes), (Vec::new(), 2, Vec::new()));
}

#[tokio::test]
async fn requests_caused_by_others_in_a_journal_are_not_repeated() {
    let folder = Folder::new("journal");
    let text = format!(
        "# request 1\n# in the batch b1\nGET {{{{base}}}}{COLLECTION}/WFI_1\n\nHTTP 200\n\n\
         # request 2\n# a call to a connector\nPOST http://127.0.0.1:9/v1/connect\n\nHTTP 200\n\n\
         # in the batch, as a name\nGET {{{{base}}}}{COLLECTION}/WFI_1\n\nHTTP 404\n"
    );
    folder.write("journal.hurl", &text);
    let (_, counts, notes) = compared(&options(&folder.0)).await;
    assert_eq!(counts.exchanges, 1);
    assert_eq!(notes, ["journal.hurl: skipped 2 exchanges that other requests of the journal cause"]);
    compared(&compare::CompareOptions { accepts: true, ..options(&folder.0) }).await;
    let after = folder.read("journal.hurl");
    assert!(after.contains("# in the batch b1\nGET") && after.contains("\nPOST http://127.0.0.1:9/v1/connect\n"), "{after}");
}

#[tokio::test]
async fn a_service_is_recorded_and_compared_over_tls() {
    let folder = Folder::new("tls");
    let authority = certificate::Authority::in_memory().unwrap();
    folder.write("authority.pem", authority.certificate());
    let tls = certificate::issued(&authority, &[]).unwrap();
    let (listener, base) = listen().await;
    let upstream = base.replace("http://127.0.0.1", "https://localhost");
    let over_tls = server::ServerOptions { tls: Some(tls), ..server::ServerOptions::default() };
    tokio::spawn(server::run_with(listener, served(&[]), over_tls, std::future::pending()));
    let trusting = || Upstream::new(&upstream, Some(&folder.0.join("authority.pem"))).unwrap();

    let (listener, base) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let out = folder.0.join("out");
    let options_of =
        record::RecordOptions { upstream: trusting(), folder: out.clone(), rules: RedactionRules::default(), tls: None };
    let recorder = tokio::spawn(record::run(listener, options_of, async { stopped.await.unwrap_or_default() }));
    let answers = session(&base).await;
    stop.send(()).unwrap();
    assert_eq!(recorder.await.unwrap().unwrap().0, answers.len());
    let (drift, counts, _) = compared(&compare::CompareOptions { against: Some(trusting()), ..options(&out) }).await;
    // The session renamed the entity, and a comparison does so again.
    assert!(counts.exchanges == 11 && drift.iter().all(|outcome| outcome.failed.is_none()), "{drift:?}");
    let (drift, counts, _) = compared(&options(&out)).await;
    assert_eq!((drift, counts.same), (Vec::new(), 11));

    // Without the authority, the certificate is not trusted.
    folder.write("other.pem", certificate::Authority::in_memory().unwrap().certificate());
    let doubting = Upstream::new(&upstream, Some(&folder.0.join("other.pem")));
    let error = HttpClient::new(doubting.unwrap()).send(&request(Method::GET, COLLECTION, &[], "")).await.unwrap_err();
    assert!(error.to_string().contains("TLS handshake failed"), "{error}");
}

#[tokio::test]
async fn an_accepted_answer_no_longer_differs() {
    let folder = Folder::new("accept");
    recorded(&emulator(&[]).await, &folder.0).await;
    let before = folder.read("recorded-0001.hurl");
    let forced =
        vec![("update-response".to_owned(), "no-content".to_owned()), ("collection-count".to_owned(), "always".to_owned())];
    let choices = || compare::CompareOptions { forced: forced.clone(), ..options(&folder.0) };
    let (drift, ..) = compared(&choices()).await;
    assert!(!drift.is_empty());
    assert_eq!(folder.read("recorded-0001.hurl"), before, "nothing is written unasked");
    let (_, _, notes) = compared(&compare::CompareOptions { accepts: true, ..choices() }).await;
    assert_eq!(notes, ["recorded-0001.hurl: rewritten with the actual answers"]);
    let (drift, counts, _) = compared(&choices()).await;
    assert_eq!((drift, counts.same), (Vec::new(), 11));
    let after = folder.read("recorded-0001.hurl");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::HashSet<String>>();
    let added: Vec<String> = lines(&after).difference(&lines(&before)).filter(|line| !line.is_empty()).cloned().collect();
    assert!(added.iter().all(|line| line == "HTTP 204" || line.starts_with("    ") || line.starts_with("  ")), "{added:?}");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left beside the file");
}

#[tokio::test]
async fn accepting_an_answer_leaves_every_other_byte() {
    let folder = Folder::new("bytes");
    let start = format!(
        "\u{feff}# first words\r\n\r\n#a name without a blank\r\nGET {{{{base}}}}{COLLECTION}/WFI_none   # on the line\r\nAccept:   application/json\r\n# before the answer\r\n"
    );
    let answer = "HTTP 200   # once it was there\r\n# within\r\ncontent-type:   application/json\r\n# behind the headers\r\n{\r\n \"id\":   1\r\n}\r\n";
    let rest = format!(
        "\r\n\r\n# response body not recorded: too long\r\nGET   {{{{base}}}}{COLLECTION}/WFI_other\r\n\r\nHTTP   404\r\n\r\n\r\n  # last words, without a line break"
    );
    folder.write("old.hurl", &format!("{start}{answer}{rest}"));
    let (drift, ..) = compared(&options(&folder.0)).await;
    assert_eq!(drift.len(), 1);
    let accepting = compare::CompareOptions { accepts: true, ..options(&folder.0) };
    let (_, _, notes) = compared(&accepting).await;
    assert_eq!(notes, ["old.hurl: rewritten with the actual answers"]);
    let after = folder.read("old.hurl");
    let edited = after.strip_prefix(&start).and_then(|after| after.strip_suffix(&rest)).unwrap_or_else(|| panic!("{after:?}"));
    assert!(edited.starts_with("HTTP 404   # once it was there\r\n# within\r\ncontent-type"), "{edited:?}");
    assert!(edited.contains("\r\n# behind the headers\r\n{\r\n  \"error\": {\r\n"), "{edited:?}");
    assert_eq!(edited.matches('\n').count(), edited.matches("\r\n").count(), "{edited:?}");
    let (drift, counts, _) = compared(&options(&folder.0)).await;
    assert_eq!((drift, counts.same), (Vec::new(), 2));
    let (_, _, notes) = compared(&accepting).await;
    assert_eq!((notes, folder.read("old.hurl")), (Vec::<String>::new(), after));
}

#[tokio::test]
async fn templates_of_other_files_have_variables() {
    let folder = Folder::new("variables");
    folder.write(
        "real.hurl",
        &format!("GET {{{{host}}}}{COLLECTION}/{{{{id}}}}\nAuthorization: Bearer {{{{token}}}}\nX-Custom;\nX-Other; # none\n\nHTTP 404\n"),
    );
    let (drift, ..) = compared(&options(&folder.0)).await;
    let failed = drift[0].failed.as_deref().unwrap();
    assert_eq!(failed, "unknown value {{token}}: no earlier exchange has captured it, and no --variable has it");
    let variables = [("host", "https://graph.microsoft.com"), ("id", "WFI_none"), ("token", "x")];
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (drift, ..) = compared(&compare::CompareOptions { variables, ..options(&folder.0) }).await;
    // The status is that of the recording, whose body is empty.
    let places: Vec<&str> = drift[0].drift.iter().map(|difference| &*difference.place).collect();
    assert_eq!((&drift[0].failed, places), (&None, vec!["body"]));
}

#[tokio::test]
async fn a_body_that_is_not_recorded_is_not_compared() {
    let folder = Folder::new("unsaved");
    let text = |comment: &str| format!("{comment}GET {{{{base}}}}{COLLECTION}\n\nHTTP 200\ncontent-type: application/json\n");
    folder.write("old.hurl", &text("# response body not recorded: the archive has only its size, 512 bytes\n"));
    folder.write("compare.rules", "ignore header:content-type\n");
    let (drift, counts, _) = compared(&options(&folder.0)).await;
    assert_eq!((drift, counts.same), (Vec::new(), 1));
    folder.write("old.hurl", &text(""));
    assert_eq!(compared(&options(&folder.0)).await.0.len(), 1);
}

#[tokio::test]
async fn an_unreachable_upstream_is_reported_and_not_recorded() {
    let folder = Folder::new("refused");
    let (gone, upstream) = listen().await;
    drop(gone);
    let (listener, base) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let options = record::RecordOptions {
        upstream: Upstream::new(&upstream, None).unwrap(),
        folder: folder.0.clone(),
        rules: RedactionRules::default(),
        tls: None,
    };
    let recorder = tokio::spawn(record::run(listener, options, async { stopped.await.unwrap_or_default() }));
    let answer =
        HttpClient::new(Upstream::new(&base, None).unwrap()).send(&request(Method::GET, COLLECTION, &[], "")).await.unwrap();
    assert_eq!(answer.status, 502);
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(
        body.starts_with(&format!(
            "{{\"error\":{{\"code\":\"BadGateway\",\"message\":\"wfi-emulator record: {upstream}: cannot connect: "
        )),
        "{body}"
    );
    stop.send(()).unwrap();
    assert_eq!(recorder.await.unwrap().unwrap(), (0, None));
}

#[tokio::test]
async fn the_published_pages_are_reproduced_or_the_difference_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence");
    let (drift, counts, notes) = compared(&options(&folder)).await;
    assert_eq!((drift, counts.drift, notes), (Vec::new(), 0, Vec::new()));
    assert!(counts.exchanges >= 19 && counts.same >= 5, "{counts:?}");
    // Each exchange names its source, and each known difference its reason.
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let Some("hurl") = path.extension().and_then(|extension| extension.to_str()) else { continue };
        for exchange in exchange::read(&std::fs::read_to_string(&path).unwrap()).unwrap() {
            assert!(exchange.comments.iter().any(|comment| comment.starts_with("source: ")), "{}", path.display());
        }
    }
}

/// Answers one request on a connection with these bytes, the last of them only after a signal.
async fn raw_upstream(first: &'static [u8], last: &'static [u8], go_on: oneshot::Receiver<()>) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (listener, base) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(first).await.unwrap();
        go_on.await.unwrap_or_default();
        stream.write_all(last).await.unwrap();
        // A second connection would hang the test.
        std::future::pending::<()>().await;
    });
    base
}

#[tokio::test]
async fn bodies_are_streamed_and_redirects_are_not_followed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = Folder::new("stream");
    let (go_on, wait) = oneshot::channel::<()>();
    let start = b"HTTP/1.1 302 Found\r\nlocation: http://elsewhere.invalid/?sig=abc123\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let upstream = raw_upstream(start, b"6\r\n world\r\n0\r\n\r\n", wait).await;
    let (listener, base) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let options = record::RecordOptions {
        upstream: Upstream::new(&upstream, None).unwrap(),
        folder: folder.0.clone(),
        rules: RedactionRules::default(),
        tls: None,
    };
    let recorder = tokio::spawn(record::run(listener, options, async { stopped.await.unwrap_or_default() }));
    let mut client = tokio::net::TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    client.write_all(b"GET /v1.0/xy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains("hello") {
        let length = client.read(&mut buffer).await.unwrap();
        assert!(length > 0, "the beginning comes before the end exists: {seen}");
        seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    assert!(seen.starts_with("HTTP/1.1 302 Found\r\n") && !seen.contains("world"), "{seen}");
    go_on.send(()).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains(" world"), "{rest}");
    stop.send(()).unwrap();
    assert_eq!(recorder.await.unwrap().unwrap().0, 1);
    let text = folder.read("recorded-0001.hurl");
    assert_eq!(text, "GET {{base}}/v1.0/xy\n\nHTTP 302\nlocation: http://elsewhere.invalid/?sig=secret-1\n`hello world`\n");
}

#[tokio::test]
async fn captured_values_and_rules_apply_to_the_comparison() {
    let folder = Folder::new("rules");
    folder.write(
        "life.hurl",
        "# creates\nPOST {{base}}/v1.0/teamwork/workforceIntegrations\nContent-Type: application/json\n{\n  \"displayName\": \"x\"\n}\n\nHTTP 201\n[Captures]\nid: jsonpath \"$.id\"\n{\n  \"id\": \"WFI_11111111-2222-4333-8444-555555555555\",\n  \"displayName\": \"y\"\n}\n\n\
         # gets\nGET {{base}}/v1.0/teamwork/workforceIntegrations('{{id}}')\n\nHTTP 200\n{\n  \"id\": \"{{id}}\",\n  \"displayName\": \"x\"\n}\n\n\
         # gets it by the recorded id\nGET {{base}}/v1.0/teamwork/workforceIntegrations/WFI_11111111-2222-4333-8444-555555555555\n\nHTTP 200\n{\n  \"isActive\": true\n}\n",
    );
    let (drift, counts, _) = compared(&options(&folder.0)).await;
    let places = |drift: &[ComparisonOutcome]| {
        drift
            .iter()
            .map(|outcome| outcome.drift.iter().filter(|difference| difference.kind != DifferenceKind::Added).count())
            .collect::<Vec<usize>>()
    };
    assert_eq!((places(&drift), counts.drift), (vec![1, 0, 0], 3));
    folder.write("compare.rules", "shortened $*\nknown $.displayName in life.hurl#1: the example is wrong\n");
    let (drift, counts, notes) = compared(&options(&folder.0)).await;
    assert_eq!((drift, counts, notes), (Vec::new(), Counts { exchanges: 3, same: 2, known: 1, drift: 0 }, Vec::new()));
    folder.write(
        "compare.rules",
        "shortened $*\nignore $.displayName in life.hurl#1 creates\nknown $.url in life.hurl: no longer so\n",
    );
    let (drift, counts, notes) = compared(&options(&folder.0)).await;
    assert_eq!((drift, counts), (Vec::new(), Counts { exchanges: 3, same: 3, known: 0, drift: 1 }));
    assert_eq!(notes, ["compare.rules:3: known $.url in life.hurl: no longer so"]);
}

#[test]
fn a_journal_is_a_snapshot() {
    let emulator = wfi_emulator::internals::edge::service::Service::of(harness::settings(Behaviors::default()));
    let world = emulator.worlds.default_world();
    for target in ["/v1.0/xy", "/v1.0/teamwork/workforceIntegrations/WFI_1"] {
        let request = request(Method::DELETE, target, &[TOKEN], "");
        harness::send(&world, &request);
    }
    let text = world.journal.text();
    assert!(!text.contains("a-token-that-is-private"));
    assert_eq!(exchange::read(&text).unwrap().len(), 2);
    snapshot("journal_as_text", &text);
}

/// Returns the answer to a GET, with the recorded headers alone if it is that of a stub.
fn answered(world: &World, target: &str) -> Box<wfi_emulator::internals::graph::step::Answer> {
    let mut headers = http::HeaderMap::new();
    headers.insert("host", http::HeaderValue::from_static("localhost:1"));
    let body = wfi_emulator::internals::graph::request::Body::Whole(bytes::Bytes::new());
    let request = wfi_emulator::internals::graph::request::Request {
        method: Method::GET,
        target: target.parse().unwrap(),
        is_secure: false,
        via: wfi_emulator::internals::graph::request::Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers,
        body,
    };
    match wfi_emulator::internals::graph::pipeline::answer(world, &request) {
        wfi_emulator::internals::graph::step::Step::Done(answer) => answer,
        _ => panic!("nothing is called, and nothing takes long"),
    }
}

#[test]
fn stubs_come_before_all_but_the_state_of_schedules() {
    let exchange = |target: &str| {
        format!("GET {{{{base}}}}/v1.0/{target}\n\nHTTP 203\ncontent-type: application/json\n{{\"id\":\"recorded\"}}\n\n")
    };
    let folder = Folder::new("stubs-precedence");
    let team = "teams/3d88b7a2-f988-4f4b-bb34-d66df66af126";
    let others =
        ["me", "users", "users?$select=id", "me/drive/root/children", team, "teams/x/channels", "deviceManagement/reports"];
    let shifts = [format!("{team}/schedule"), format!("{team}/schedule/shifts"), "teamwork/workforceIntegrations".to_owned()];
    let targets: Vec<&str> = others.into_iter().chain(shifts.iter().map(String::as_str)).collect();
    folder.write("all.hurl", &targets.iter().map(|target| exchange(target)).collect::<String>());
    let stubs = Arc::new(wfi_emulator::internals::world::stub::Stubs::load(&folder.0).unwrap());
    // Which of the targets are answered as recorded: of what the core has, of paths that it does not have, of Shifts.
    for (value, of_core, of_shifts) in [("most", true, false), ("all", true, true), ("least", false, false)] {
        let mut behaviors = Behaviors::default();
        behaviors.set("stubs", value).unwrap();
        let settings = wfi_emulator::internals::world::settings::Settings {
            schema: wfi_emulator::internals::workloads::schema_with_rest(),
            stubs: Some(stubs.clone()),
            ..harness::settings(behaviors)
        };
        // The order of requests decides when the rest of the schema is read.
        for is_reversed in [false, true] {
            let world = World::new(settings.clone());
            let mut targets = targets.clone();
            if is_reversed {
                targets.reverse();
            }
            for target in targets {
                let answer = answered(&world, &format!("/v1.0/{target}"));
                let is_recorded = answer.response.status() == 203;
                let expected = match target {
                    _ if shifts.iter().any(|other| other == target) => of_shifts,
                    "teams/x/channels" | "deviceManagement/reports" => true,
                    _ => of_core,
                };
                assert_eq!(is_recorded, expected, "{value} {target}: {answer:?}");
            }
            // Other requests are answered by the emulator.
            assert_eq!(harness::json(&world, Method::GET, "/v1.0/groups", None).0, 200, "{value}");
        }
    }
}

#[test]
fn a_stub_asks_for_the_token_that_the_emulator_would_ask_for() {
    let folder = Folder::new("stubs-tokens");
    let exchange =
        |target: &str| format!("GET {target}\n\nHTTP 203\ncontent-type: application/json\n{{\"id\":\"recorded\"}}\n\n");
    // Recorded from another address.
    folder.write("all.hurl", &["http://localhost:9340/v1.0/me", "https://graph.contoso.test/v1.0/xy"].map(exchange).concat());
    let stubs = Arc::new(wfi_emulator::internals::world::stub::Stubs::load(&folder.0).unwrap());
    for (auth, of_me) in [(Auth::Open, 203), (Auth::Strict, 401)] {
        let settings = harness::settings(Behaviors::default());
        let settings = wfi_emulator::internals::world::settings::Settings { stubs: Some(stubs.clone()), auth, ..settings };
        let world = World::new(settings);
        for (target, expected) in [("me", of_me), ("xy", 203)] {
            let answer = answered(&world, &format!("/v1.0/{target}"));
            assert_eq!(answer.response.status(), expected, "{auth:?} {target}");
        }
    }
}

#[test]
fn worlds_serve_stubs_for_paths_outside_the_model() {
    let folder = Folder::new("stubs");
    folder.write("me.hurl", "GET {{base}}/v1.0/xy\n\nHTTP 200\ncontent-type: application/json\nrequest-id: 1\n{\n  \"@odata.context\": \"https://graph.microsoft.com/v1.0/$metadata#users/$entity\",\n  \"id\": \"1\"\n}\n\nGET {{base}}/v1.0/teamwork/workforceIntegrations\n\nHTTP 418\n\nGET {{base}}/v1.0/teams/recorded\n\nHTTP 200\n{\n  \"id\": \"recorded\"\n}\n\nGET {{base}}/v1.0/teams/recorded/schedule\n\nHTTP 200\n{\n  \"enabled\": true\n}\n");
    let stubs = wfi_emulator::internals::world::stub::Stubs::load(&folder.0).unwrap();
    let settings = harness::settings(Behaviors::default());
    let world = World::new(wfi_emulator::internals::world::settings::Settings { stubs: Some(Arc::new(stubs)), ..settings });
    let answer = |target: &str| answered(&world, target);
    let me = answer("/v1.0/xy");
    assert_eq!(me.response.status(), 200);
    assert!(String::from_utf8_lossy(me.response.body()).contains("http://localhost:1/v1.0/$metadata#users/$entity"));
    assert_eq!(me.response.headers()["request-id"].len(), 36);
    let under_prefix = answer("/_tenant/a/v1.0/xy");
    assert_eq!(under_prefix.response.status(), 200);
    let body = String::from_utf8_lossy(under_prefix.response.body()).into_owned();
    assert!(body.contains("http://localhost:1/_tenant/a/v1.0/$metadata#users/$entity"), "{body}");
    assert_eq!(answer(COLLECTION).response.status(), 200, "a path of the model is not served by a stub");
    assert_eq!(answer("/v1.0/teams/recorded").response.status(), 200, "a team that no fixture holds");
    assert_eq!(answer("/v1.0/teams/recorded/schedule").response.status(), 200);
    assert_eq!(answer("/v1.0/teams/other").response.status(), 404);
    let miss = answer("/v1.0/xyz");
    assert_eq!(miss.response.status(), 400);
    let detail = miss.refused.unwrap().detail.unwrap();
    assert!(detail.contains("closest: GET /v1.0/xy ("), "{detail}");
}
