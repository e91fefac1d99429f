//! Reports on what clients do wrong: exchanges as data, and the page of rules.
//!
//! A file of `tests/report/` has the cases of a group of rules. The comment `# case: RULE` begins a new world whose report must have a
//! finding of the rule, `# near: RULE` one whose report must have none. Other comments go before a request: `# faults: […]` and
//! `# behavior: name=value` configure the world of a case, `# token: …` sends a token in the notation of [`tokens`], `# advance: MS` moves the
//! clock, `# repeat: N` sends the request several times, `# connection: N` and `# protocol: 1.0` say how it comes, `# opened: MS` how long before
//! its connection was opened, and `# connector: STATUS {…}` or `# connector: silent` plays the connector. `# token: issued` gets a token first. `<next>` in a target is the path of the last next link.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use wfi_emulator::emulator::{Bounds, Emulator, Version};
use wfi_emulator::internals::graph::pipeline;
use wfi_emulator::internals::graph::request::{Body, Request, Via};
use wfi_emulator::internals::graph::step::Step;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::report::{RULES, Report, ReportForm, RuleSelection};
use wfi_emulator::internals::text::exchange::{self, Exchange};
use wfi_emulator::internals::workloads;
use wfi_emulator::internals::world::journal::{Arrival, Protocol};
use wfi_emulator::internals::world::outbound::{CallFailure, CallOutcome, OutboundCall};
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::{World, fault};

use crate::support::{harness, tokens};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A case: the rule, whether it must find something, and the exchanges.
struct Case {
    file: String,
    rule: String,
    is_found: bool,
    exchanges: Vec<Exchange>,
}

fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root().join("tests/report")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut cases: Vec<Case> = Vec::new();
    for path in files {
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let exchanges =
            exchange::read(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        for exchange in exchanges {
            let begins =
                |start: &str| exchange.comments.iter().find_map(|comment| comment.strip_prefix(start)).map(str::to_owned);
            match (begins("case: "), begins("near: ")) {
                (Some(rule), _) => cases.push(Case { file: file.clone(), rule, is_found: true, exchanges: vec![exchange] }),
                (None, Some(rule)) => cases.push(Case { file: file.clone(), rule, is_found: false, exchanges: vec![exchange] }),
                (None, None) => cases.last_mut().expect("a file begins with a case").exchanges.push(exchange),
            }
        }
    }
    cases
}

/// Returns the texts of the comments with a beginning.
fn comments<'e>(exchange: &'e Exchange, start: &'e str) -> impl Iterator<Item = &'e str> {
    exchange.comments.iter().filter_map(move |comment| comment.strip_prefix(start))
}

fn world_for(exchange: &Exchange) -> World {
    let mut behaviors = Behaviors::default();
    for choice in comments(exchange, "behavior: ") {
        let (name, value) = choice.split_once('=').unwrap();
        behaviors.set(name, value).unwrap();
    }
    let rules = comments(exchange, "faults: ").flat_map(|text| fault::read("faults", text.as_bytes()).unwrap());
    let faults = rules.collect();
    World::new(Settings { faults, schema: workloads::schema_with_rest(), ..harness::settings(behaviors) })
}

fn send(world: &World, exchange: &Exchange, next: &mut String) {
    let mut headers = HeaderMap::new();
    for (name, value) in &exchange.request.headers {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers.entry(header::HOST).or_insert(HeaderValue::from_static(harness::HOST));
    if let Some(text) = comments(exchange, "token: ").next() {
        let token = if text == "issued" { issued_token(world) } else { tokens::token(world, text) };
        headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    let connection = comments(exchange, "connection: ").next().map_or(0, |number| number.parse().unwrap());
    let protocol = if comments(exchange, "protocol: ").next() == Some("1.0") { Protocol::Http10 } else { Protocol::Http11 };
    let now = Instant::now();
    let before = comments(exchange, "opened: ").next().map(|millis| Duration::from_millis(millis.parse().unwrap()));
    let opened = before.map(|before| now.checked_sub(before).unwrap());
    let request = Request {
        method: exchange.request.method.clone(),
        target: exchange.request.target.replace("/<next>", next).replace(' ', "%20").parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: Arrival { at: opened.map(|_| now), opened, connection, protocol, ..Arrival::default() },
        headers,
        body: Body::Whole(exchange.request.body.clone()),
    };
    let connector = comments(exchange, "connector: ").next();
    let outcome = |_: &OutboundCall| match connector {
        Some("silent") => CallOutcome::Failed(CallFailure::Timeout),
        Some(text) => {
            let (status, body) = text.split_once(' ').unwrap();

            CallOutcome::Answered { status: status.parse().unwrap(), headers: HeaderMap::new(), body: body.to_owned().into() }
        }
        None => CallOutcome::Failed(CallFailure::NoClient),
    };
    let mut step = pipeline::answer(world, &request);
    let answer = loop {
        step = match step {
            Step::Done(answer) => break answer,
            Step::Call(pending) => {
                let outcome = outcome(&pending.call);
                pending.resume(world, outcome)
            }
            Step::Compute(computation) => computation.run(world),
        };
    };
    let body: serde_json::Value = serde_json::from_slice(answer.response.body()).unwrap_or_default();
    if let Some(link) = body["@odata.nextLink"].as_str() {
        next.clear();
        next.push_str(&link[link.find("/v1.0").or_else(|| link.find("/beta")).unwrap()..]);
    }
}

/// Returns the token that an application gets for which nothing is registered.
fn issued_token(world: &World) -> String {
    let headers = [(header::HOST, harness::HOST), (header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
    let form = "grant_type=client_credentials&client_id=app&client_secret=s&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
    let request = Request {
        method: http::Method::POST,
        target: "/contoso.com/oauth2/v2.0/token".parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: Arrival::default(),
        headers: headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect(),
        body: Body::Whole(form.into()),
    };
    let mut step = pipeline::answer(world, &request);
    let answer = loop {
        step = match step {
            Step::Done(answer) => break answer,
            Step::Compute(computation) => computation.run(world),
            Step::Call(_) => panic!("sign-in calls nobody"),
        };
    };
    let body: serde_json::Value = serde_json::from_slice(answer.response.body()).unwrap();
    body["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

/// Sends the exchanges of a case to a new world, and returns that.
fn run(exchanges: &[Exchange]) -> World {
    let mut world = world_for(&exchanges[0]);
    let mut next = String::new();
    for exchange in exchanges {
        if let Some(millis) = comments(exchange, "advance: ").next() {
            world = world.with_clock(world.clock.advanced(millis.parse().unwrap()));
        }
        let times = comments(exchange, "repeat: ").next().map_or(1, |times| times.parse().unwrap());
        for _ in 0..times {
            send(&world, exchange, &mut next);
        }
    }
    world
}

fn report(world: &World, rule: &str) -> Report {
    Report::of(world, "default", &RuleSelection { only: vec![rule.to_owned()], ..RuleSelection::default() })
}

#[test]
fn every_case_sets_its_rule_off_or_does_not() {
    let mut wrong = String::new();
    for case in cases() {
        assert!(RULES.iter().any(|rule| rule.name == case.rule), "{}: no rule {}", case.file, case.rule);
        let world = run(&case.exchanges);
        let report = report(&world, &case.rule);
        if report.findings.is_empty() == case.is_found {
            let expected = if case.is_found { "must find something" } else { "must not find anything" };
            let _ = writeln!(
                wrong,
                "{}: {} {expected}\n{}\n{}",
                case.file,
                case.rule,
                report.render(ReportForm::Text),
                world.journal.text()
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Returns the report on an example.
fn example(name: &str) -> (World, Report) {
    let text = std::fs::read_to_string(root().join("examples/report").join(name)).unwrap();
    let world = run(&exchange::read(&text).unwrap());
    let report = Report::of(&world, "default", &RuleSelection::default());
    (world, report)
}

#[test]
fn the_clean_client_has_no_findings() {
    let (world, report) = example("clean.hurl");
    assert!(report.findings.is_empty(), "{}\n{}", report.render(ReportForm::Text), world.journal.text());
    assert!(report.requests > 5 && report.summary().is_empty());
    let covering = ["GroupMember.ReadBasic.All", "User.ReadBasic.All", "WorkforceIntegration.ReadWrite.All"];
    assert_eq!(report.permissions.covering.application, covering);
}

#[test]
fn the_wrong_client_sets_off_every_rule() {
    let (_, report) = example("wrong.hurl");
    let is_found = |rule: &&str| report.findings.iter().any(|finding| finding.rule == **rule);
    let missing: Vec<&str> = RULES.iter().map(|rule| rule.name).filter(|rule| !is_found(rule)).collect();
    assert!(missing.is_empty(), "not set off: {}\n{}", missing.join(", "), report.render(ReportForm::Text));
    assert_eq!(report.summary().lines().count(), 5, "{}", report.summary());
    assert!(report.findings.is_sorted_by_key(|finding| finding.severity));
    for form in ReportForm::ALL {
        let text = report.render(form);
        for rule in RULES {
            assert!(text.contains(rule.name), "{} is not in the form {}", rule.name, form.name());
        }
        for secret in ["client_secret=abc", "short\"", "eyJ", "0123456789abcdef0123"] {
            assert!(!text.contains(secret), "{secret} is in the form {}", form.name());
        }
    }
}

#[test]
fn a_clean_client_is_one_with_requests_and_without_warnings() {
    let complaint = |targets: &[&str], allow: &[&str]| -> Option<String> {
        let emulator = Emulator::builder().build();
        for target in targets {
            emulator.send(http::Request::get(*target).body(Bytes::new()).unwrap());
        }
        let asserted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| emulator.assert_clean_client(allow)));
        asserted.err().map(|panic| panic.downcast_ref::<String>().unwrap().clone())
    };
    let is_about = |complaint: Option<String>, start: &str| complaint.unwrap().starts_with(start);
    assert!(is_about(
        complaint(&[], &[]),
        "no requests to check\n0 errors, 0 warnings, 0 notes in 0 requests to the world default\n"
    ));
    assert_eq!(complaint(&["/v1.0/users"], &[]), None, "notes do not count");
    let unclean = "the client is not clean\n\nwarning: beta used where v1.0 has the operation [beta-used]\n";
    assert!(is_about(complaint(&["/beta/users"], &[]), unclean));
    assert_eq!(complaint(&["/beta/users"], &["beta-used"]), None);
    assert!(is_about(complaint(&["/beta/users"], &["beta"]), "unknown rule \"beta\""));
}

#[test]
fn deprecations_are_those_of_the_schemas_in_use() {
    let document = |more: &str, annotations: &str| {
        format!(
            r#"<Schema Namespace="contoso" Alias="self">
            <EntityType Name="vehicle"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
              <Property Name="owner" Type="Edm.String"/><NavigationProperty Name="parts" Type="Collection(self.part)" ContainsTarget="true"/></EntityType>
            <EntityType Name="ship" BaseType="self.vehicle">{more}<Property Name="rig" Type="self.rig"/></EntityType>
            <EntityType Name="part"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/></EntityType>
            <ComplexType Name="rig"><Property Name="masts" Type="Edm.Int32"/></ComplexType>
            <Action Name="tow" IsBound="true"><Parameter Name="it" Type="self.ship"/></Action>
            <Action Name="tow" IsBound="true"><Parameter Name="it" Type="self.part"/></Action>
            <EntityContainer Name="service"><EntitySet Name="ships" EntityType="self.ship"/><EntitySet Name="boats" EntityType="self.ship"/></EntityContainer>
            {annotations}</Schema>"#
        )
    };
    let deprecated = |target: &str, values: &str| {
        format!(
            r#"<Annotations Target="{target}"><Annotation Term="Org.OData.Core.V1.Revisions"><Collection><Record>{values}
            <PropertyValue Property="Kind"><EnumMember>Org.OData.Core.V1.RevisionKind/Deprecated</EnumMember></PropertyValue></Record></Collection></Annotation></Annotations>"#
        )
    };
    let dated = r#"<PropertyValue Property="Date" Date="2025-03-01"/><PropertyValue Property="RemovalDate" Date="2027-03-01"/>"#;
    let told = r#"<PropertyValue Property="Description" String="Use ships."/>"#;
    let of_beta = [
        deprecated("self.vehicle/owner", dated),
        deprecated("self.vehicle/parts", told),
        deprecated("self.service/boats", &[dated, told].concat()),
        deprecated("self.tow(self.ship)", ""),
        deprecated("self.rig", dated),
    ];
    let of_v1 = deprecated("self.service/boats", told);
    let v1 = document("", &of_v1);
    let beta = document(r#"<Property Name="flag" Type="Edm.String"/>"#, &of_beta.concat());
    let found = |version: &str, requests: &[(&str, &str, &str)], rule: &str| -> Vec<(String, String)> {
        let builder = Emulator::builder().schema_csdl(Version::V1, &v1).unwrap().schema_csdl(Version::Beta, &beta).unwrap();
        let emulator =
            builder.fixtures_json(r#"{"ships": [{"id": "1"}, {"id": "a.b"}], "boats": [{"id": "1"}]}"#).unwrap().build();
        for (method, path, body) in requests {
            let request = http::Request::builder().method(*method).uri(format!("/{version}{path}"));
            let request = request.header("content-type", "application/json").body(Bytes::copy_from_slice(body.as_bytes()));
            let response = emulator.send(request.unwrap());
            assert!(response.status().is_success(), "{method} {path}: {response:?}");
        }
        let selection = RuleSelection { only: vec![rule.to_owned()], ..RuleSelection::default() };
        let findings = emulator.report(&selection).findings;
        findings.into_iter().map(|finding| (finding.subject, finding.detail)).collect()
    };
    let requests = [
        ("GET", "/ships?$select=id", ""),
        ("GET", "/ships?$filter=owner%20eq%20'a'", ""),
        ("PATCH", "/ships/1", r#"{"rig": {"masts": 2}}"#),
        ("GET", "/ships/a.b/parts", ""),
        ("GET", "/boats/1?$select=id", ""),
        ("POST", "/ships/1/self.tow", "{}"),
        ("GET", "/ships?$filter=id%20eq%20'owner'", ""),
    ];
    let pairs = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(subject, detail)| ((*subject).to_owned(), (*detail).to_owned())).collect()
    };
    let expected = [
        ("GET /beta/ships (contoso.vehicle/owner)", "deprecated 2025-03-01, removed 2027-03-01"),
        ("PATCH /beta/ships/{id} (contoso.rig)", "deprecated 2025-03-01, removed 2027-03-01"),
        ("GET /beta/ships/{id}/parts (contoso.vehicle/parts)", "deprecated; Use ships."),
        ("GET /beta/boats/{id} (contoso.service/boats)", "deprecated 2025-03-01, removed 2027-03-01; Use ships."),
        ("POST /beta/ships/{id}/self.tow (contoso.tow(contoso.ship))", "deprecated"),
    ];
    assert_eq!(found("beta", &requests, "deprecated"), pairs(&expected));
    assert_eq!(
        found("v1.0", &requests, "deprecated"),
        pairs(&[("GET /v1.0/boats/{id} (contoso.service/boats)", "deprecated; Use ships.")])
    );
    // v1.0 has the operation, but not a member that is used of it.
    let used = [("GET", "/ships?$select=id,flag", ""), ("GET", "/ships/1?$select=id", "")];
    assert_eq!(found("beta", &used, "beta-used"), pairs(&[("GET /beta/ships/{id}", "v1.0 has it under the same path")]));
}

#[test]
fn each_form_is_as_in_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots/report"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let case = cases().into_iter().find(|case| case.rule == "early-retry" && case.is_found).unwrap();
    let world = run(&case.exchanges);
    let only = ["early-retry", "no-token", "polling"].map(str::to_owned).to_vec();
    let report = Report::of(&world, "a<b", &RuleSelection { only, ..RuleSelection::default() });
    for form in ReportForm::ALL {
        settings.bind(|| insta::assert_snapshot!(form.name(), report.render(form)));
    }
}

#[test]
fn a_report_says_that_the_journal_has_dropped_requests() {
    let settings = harness::settings(Behaviors::default());
    let world = World::new(Settings { journal: Bounds { entries: 3, ..Bounds::default() }, ..settings });
    let exchanges = exchange::read("GET {{base}}/v1.0/users?$top=2&$skiptoken=abc\n").unwrap();
    for _ in 0..5 {
        send(&world, &exchanges[0], &mut String::new());
    }
    let found = report(&world, "invented-token");
    assert_eq!((found.requests, found.dropped, found.findings.len()), (3, 2, 0), "a link may have been in what was dropped");
    for form in ReportForm::ALL {
        let text = found.render(form);
        assert!(text.contains("dropped 2 earlier requests") || form == ReportForm::Json, "{text}");
    }
    world.journal.clear();
    assert_eq!(report(&world, "invented-token").dropped, 0, "cleared requests do not count");
}

#[test]
fn a_report_is_made_in_linear_time() {
    let text = std::fs::read_to_string(root().join("examples/report/wrong.hurl")).unwrap();
    let exchanges = exchange::read(&text).unwrap();
    let measured = [200, 2_000].map(|count| {
        let settings = harness::settings(Behaviors::default());
        let bounds = Bounds { entries: count, bytes: 256 * 1024 * 1024 };
        let world = World::new(Settings { journal: bounds, schema: workloads::schema_with_rest(), ..settings });
        let mut next = "/v1.0/users".to_owned();
        while world.journal.count() < u64::try_from(count).unwrap() {
            for exchange in &exchanges {
                send(&world, exchange, &mut next);
            }
        }
        let times = (0..3).map(|_| {
            let start = Instant::now();
            let report = Report::of(&world, "default", &RuleSelection::default());
            assert!(report.findings.len() > 20);
            start.elapsed()
        });
        (count, times.min().unwrap())
    });
    let [(_, few), (_, many)] = measured;
    // Ten times as many requests; a quadratic rule would take a hundred times as long.
    println!("{measured:?}");
    assert!(many < few * 50, "{measured:?}");
}

#[test]
fn a_report_searches_a_bounded_part_of_the_answers() {
    let journal = Bounds { entries: 2_000, ..Bounds::default() };
    let world =
        World::new(Settings { journal, schema: workloads::schema_with_rest(), ..harness::settings(Behaviors::default()) });
    let group = "{{base}}/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule/schedulingGroups/TAG_228940ed-ff84-4e25-b129-1b395cf78be0";
    let put = |agent: &str, name: &str| {
        format!(
            "PUT {group}\nUser-Agent: {agent}/1\nContent-Type: application/json\n{{\"displayName\": \"{name}\", \"userIds\": []}}\n\n"
        )
    };
    let rounds = 650_u64;
    for round in 0..rounds {
        let read = format!("GET {group}\nUser-Agent: one/1\n\n");
        let text = [read, put("two", &format!("a{round}")), put("one", &format!("b{round}"))].concat();
        for exchange in exchange::read(&text).unwrap() {
            send(&world, &exchange, &mut String::new());
        }
    }
    let found = report(&world, "lost-update");
    let count: u64 = found.findings.iter().map(|finding| finding.count).sum();
    assert_eq!(found.requests, rounds * 3);
    // Each search looks at all entries.
    assert_eq!(count, 64 * 1024 * 1024 / (64 * rounds * 3));
}

#[test]
fn the_findings_of_sdks_are_listed() {
    let text = std::fs::read_to_string(root().join("tests/sdk/findings.json")).unwrap();
    let suites: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(&text).unwrap();
    let page = std::fs::read_to_string(root().join("docs/clients.md")).unwrap();
    let (_, section) = page.split_once("\n## Findings\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let names = cells[1].split(", ").map(|name| name.trim_matches('`').to_owned());
        listed.insert(cells[0].trim_matches('`').to_owned(), names.collect());
    }
    for (suite, rules) in suites {
        for (rule, reason) in &rules {
            assert!(RULES.iter().any(|known| known.name == rule), "{suite}: no rule {rule}");
            assert!(["sdk", "suite"].contains(&reason.as_str()), "{suite}: {rule} has the reason {reason}");
        }
        let of_sdk: Vec<String> = rules.into_iter().filter(|(_, reason)| reason == "sdk").map(|(rule, _)| rule).collect();
        assert_eq!(listed.remove(&suite).unwrap_or_default(), of_sdk, "{suite} in docs/clients.md");
    }
    assert!(listed.is_empty(), "suites without findings: {listed:?}");
}

/// The permissions of the operations of an application: in each line of a file an operation, the least privileged permissions of users and
/// those of applications, as Microsoft's table has them, written by hand.
fn check_permissions(name: &str) {
    let text = |name: &str| std::fs::read_to_string(root().join("tests/permissions").join(name)).unwrap();
    let world = run(&exchange::read(&text(&format!("{name}.hurl"))).unwrap());
    let report = report(&world, "uncovered-operation");
    let cell = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(" or ") };
    let found: Vec<String> = report
        .permissions
        .operations
        .iter()
        .map(|one| format!("{}\t{}\t{}", one.operation, cell(&one.least.delegated), cell(&one.least.application)))
        .collect();
    let expected = text(&format!("{name}.tsv"));
    let (operations, covering) = expected.split_once("\n\n").unwrap();
    let expected: Vec<&str> = operations.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(found, expected);
    let sets = [("delegated", &report.permissions.covering.delegated), ("application", &report.permissions.covering.application)];
    let found: Vec<String> = sets.into_iter().map(|(kind, names)| format!("{kind}\t{}", names.join(" "))).collect();
    assert_eq!(found, covering.lines().collect::<Vec<_>>());
}

#[test]
fn the_permissions_of_an_application_are_those_of_the_published_table() {
    check_permissions("application");
}

#[test]
fn the_permissions_of_a_recorded_run_are_those_of_the_published_table() {
    check_permissions("recorded");
}

#[test]
fn every_rule_has_both_cases() {
    let mut found: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for case in cases() {
        found.entry(case.rule).or_default()[usize::from(case.is_found)] += 1;
    }
    let missing = |rule: &&str| found.get(*rule).is_none_or(|counts| counts.contains(&0));
    let missing: Vec<&str> = RULES.iter().map(|rule| rule.name).filter(missing).collect();
    assert!(missing.is_empty(), "rules without a case or without a near one: {}", missing.join(", "));
}

/// Returns the page of all rules.
fn page() -> String {
    let mut page = std::fs::read_to_string(root().join("docs/report.md")).unwrap_or_default();
    let start = "## Rules\n";
    page.truncate(page.find(start).map_or(page.len(), |at| at + start.len()));
    let mut group = "";
    for rule in RULES {
        if rule.group != group {
            group = rule.group;
            let _ = write!(
                page,
                "\n### {group}\n| rule | severity | problem | better | grade | source |\n|---|---|---|---|---|---|\n"
            );
        }
        let source = rule.source.replace('|', "\\|");
        let (severity, grade) = (rule.severity.name(), rule.grade.name());
        let _ = writeln!(page, "| `{}` | {severity} | {} | {} | {grade} | {source} |", rule.name, rule.title, rule.better);
    }
    page
}

#[test]
fn the_page_of_rules_is_up_to_date() {
    let page = page();
    let path = root().join("docs/report.md");
    if std::env::var_os("WFI_EMULATOR_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == page,
        "docs/report.md differs; WFI_EMULATOR_WRITE_DOCS=1 cargo test rewrites it"
    );
}
