//! Sequences of requests to small worlds, with laws that hold after each of them, for `sequences` and for the crate in `fuzz/`.
//!
//! Inputs are bytes, of which each decides one choice, so that the test and the fuzzer share the grammar. After each request: what stores
//! and journals hold is counted and within the limits, no answer is an internal error, only fault rules cause errors of the server,
//! the numbers of each journal ascend, and each world has the integrations that its answers say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Uri};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Bounds, World, WorldLimits, Worlds};
use wfi_emulator::internals::edge::control::Peer;
use wfi_emulator::internals::edge::service::{Progress, Service};
use wfi_emulator::internals::edm::schema::Schema;
use wfi_emulator::internals::graph::request::{BODY_LIMIT, Body, Request, Via};
use wfi_emulator::internals::graph::step::{Answer, DeliveryForm};
use wfi_emulator::internals::policy::behavior::{Behaviors, Profile, ROWS, Secret};
use wfi_emulator::internals::world::budget::Budget;
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::fixture;
use wfi_emulator::internals::world::journal::{JournalQuery, Journals, Secrets};
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::worlds::Plan;

use super::choices::Choices;

/// The limit of all stores, in bytes.
const STORE_BYTES: usize = 192 * 1024;

/// The bytes that resets may take beyond it: records of initial entities, and the rules of forks.
const RESET_BYTES: usize = 8 * 1024;

/// The limits of each journal.
const JOURNAL: Bounds = Bounds { entries: 24, bytes: 64 * 1024 };

/// The limit of all journals, in bytes.
const JOURNALS_BYTES: usize = 64 * 1024;

/// The largest number of worlds beside the default one.
const WORLDS: usize = 4;

/// The largest number of requests in a sequence.
const STEPS: usize = 64;

const COLLECTION: &str = "/teamwork/workforceIntegrations";

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(wfi_emulator::internals::workloads::schema);

/// The members of an integration that the sequences set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    name: Option<String>,
    version: Option<i64>,
}

impl Known {
    fn of(entity: &Value) -> Known {
        Known { name: entity["displayName"].as_str().map(str::to_owned), version: entity["apiVersion"].as_i64() }
    }

    /// Returns the integration after a PATCH.
    fn patched(&self, body: &Value) -> Known {
        let mut patched = self.clone();
        if body.get("displayName").is_some() {
            patched.name = Known::of(body).name;
        }
        if body.get("apiVersion").is_some() {
            patched.version = Known::of(body).version;
        }
        patched
    }
}

type Integrations = BTreeMap<String, Known>;

/// The expectations of a world.
#[derive(Clone, Debug)]
struct Expected {
    integrations: Integrations,
    /// The integrations after a reset.
    origin: Integrations,
    /// Whether it may give way to another one as long as nothing has changed it.
    is_on_demand: bool,
    /// Whether all rules and settings are those of its creation.
    is_untouched: bool,
    /// The number of requests in its journal.
    count: u64,
}

/// One request.
#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    /// Path and query, without the prefix of a world.
    target: String,
    body: Value,
    /// The value of `Prefer`, if any.
    prefer: &'static str,
}

/// The effect of a request on a world.
enum Effect {
    /// A request to Graph, whose outcome is seen from its answer.
    Graph(Vec<Sent>),
    Create,
    Fork(String),
    Drop,
    Reset,
    /// An import of these integrations, or of other collections only.
    Import(Option<Integrations>),
    /// A change that no later one takes back: behaviors, clock, rules.
    Change,
    /// Nothing.
    Read,
}

struct Run<'d> {
    choices: Choices<'d>,
    service: Service,
    stores: Arc<Budget>,
    journals: Arc<Journals>,
    initial: Integrations,
    expected: BTreeMap<String, Expected>,
    /// The text of the last link to a next page.
    next_link: Option<String>,
    /// The requests so far, for messages.
    log: String,
}

/// Runs the sequence of an input.
pub(crate) fn run(data: &[u8]) {
    let mut run = Run::new(data);
    let mut steps = 0;
    while !run.choices.0.is_empty() && steps < STEPS {
        run.step();
        steps += 1;
    }
    let names: Vec<String> = run.expected.keys().cloned().collect();
    for name in names {
        run.check_world(&name);
    }
    let Run { service, stores, journals, log, .. } = run;
    drop(service);
    assert_eq!((stores.used(), journals.budget().used()), (0, 0), "bytes without a holder after\n{log}");
}

/// Returns the built-in integrations, and the built-in teams with their schedules: the limits leave no room for all entities.
fn initial(behaviors: &Behaviors) -> fixture::Entities {
    let shipped = fixture::shipped(&SCHEMA, behaviors).expect("the built-in fixtures fit the built-in schema");
    let is_wanted =
        |path: &str| path == "teams" || path.starts_with("teamwork/") || path.starts_with("teams(") && path.contains("/schedule");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    // Two of each collection of a schedule are enough.
    let mut is_first = |path: String| {
        let is_inner = path.contains("/schedule/");
        let count = counts.entry(path).or_default();
        *count += 1;
        !is_inner || *count <= 2
    };
    shipped
        .into_iter()
        .filter(|(address, _)| is_wanted(&address.path(&SCHEMA)) && is_first(address.path(&SCHEMA).into_owned()))
        .collect()
}

/// Returns the integrations of a world.
fn integrations(world: &World) -> Integrations {
    let text = fixture::write(&world.schema, &world.store, Secret::Echo);
    let state: Value = serde_json::from_str(&text).expect("an export is JSON");
    let items = state["teamwork"]["workforceIntegrations"].as_array().expect("an export has all root collections");
    items.iter().map(|item| (item["id"].as_str().expect("an entity has an id").to_owned(), Known::of(item))).collect()
}

impl<'d> Run<'d> {
    fn new(data: &'d [u8]) -> Run<'d> {
        let behaviors = Behaviors::of(Profile::Documented);
        let (stores, journals) = (Arc::new(Budget::new(STORE_BYTES)), Arc::new(Journals::new(JOURNALS_BYTES)));
        let settings = Settings {
            schema: SCHEMA.clone(),
            entities: initial(&behaviors),
            behaviors,
            clock: Clock::Fixed(UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)),
            seed: 1,
            is_reproducible: true,
            journal: JOURNAL,
            journals: journals.clone(),
            stores: stores.clone(),
            page_size: 3.try_into().expect("three is not zero"),
            ..wfi_emulator::internals::workloads::settings()
        };
        let mut service = Service::of(wfi_emulator::internals::workloads::settings());
        let limits = WorldLimits { worlds: WORLDS, ..WorldLimits::default() };
        service.worlds = Worlds::new(Plan { settings, fixtures: BTreeMap::new() }, limits).into();
        let initial = integrations(&service.worlds.default_world());
        let mut run = Run {
            choices: Choices(data),
            service,
            stores,
            journals,
            expected: BTreeMap::new(),
            initial,
            next_link: None,
            log: String::new(),
        };
        run.expected.insert("default".to_owned(), run.created(false));
        run
    }

    /// Returns the expectations of a new world.
    fn created(&self, is_on_demand: bool) -> Expected {
        let (integrations, origin) = (self.initial.clone(), self.initial.clone());
        Expected { integrations, origin, is_on_demand, is_untouched: true, count: 0 }
    }

    fn world_name(&mut self) -> String {
        self.choices.one(&["default", "default", "a", "b", "c", "d", "e"]).to_owned()
    }

    /// Returns the id of an integration of a world, mostly.
    fn id(&mut self, world: &str) -> String {
        let choice = self.choices.below(32);
        let known = self.expected.get(world).map_or(&self.initial, |expected| &expected.integrations);
        match known.keys().nth(choice % (known.len() + 1)) {
            Some(id) => id.clone(),
            None => ["i1", "none", "WFI_nobody", "a'b"][choice % 4].to_owned(),
        }
    }

    /// Returns the address of an integration.
    fn address(&mut self, world: &str) -> String {
        let version = self.choices.one(&["/v1.0", "/beta"]);
        let id = percent_encoding::utf8_percent_encode(&self.id(world), percent_encoding::NON_ALPHANUMERIC).to_string();
        format!("{version}{COLLECTION}/{id}")
    }

    fn name(&mut self) -> String {
        let length = self.choices.one(&[0, 1, 3, 30, 300, 2_000, 8_000, 30_000, 70_000]);
        match self.choices.below(4) {
            0 => "é\"\\\u{7f}<".chars().cycle().take(length / 2).collect(),
            1 => self.choices.text(length.min(12)),
            _ => "x".repeat(length),
        }
    }

    /// Returns the body of a request for an integration.
    fn integration(&mut self) -> Value {
        let mut body = json!({});
        let choice = self.choices.below(16);
        if choice & 3 != 3 {
            body["displayName"] = if choice == 8 { Value::Null } else { self.name().into() };
        }
        if choice & 4 != 0 {
            body["apiVersion"] = json!(self.choices.below(9));
        }
        match choice {
            9 => body["supports"] = json!("shift,swapRequest"),
            10 => body["apiVersion"] = json!("one"),
            11 => body["unknown"] = json!({ "a": [1, 2, 3] }),
            13 => body["encryption"] = json!({ "protocol": "sharedSecret", "secret": "0123456789abcdef".repeat(4) }),
            15 => body["url"] = json!("https://connector.test/shifts/"),
            _ => {}
        }
        body
    }

    /// Returns the options of a list.
    fn options(&mut self) -> String {
        let mut options = Vec::new();
        for _ in 0..self.choices.below(4) {
            options.push(match self.choices.below(14) {
                0 => "$count=true".to_owned(),
                1 => format!("$top={}", self.choices.below(6)),
                2 => format!("$skip={}", self.choices.below(6)),
                3 => "$orderby=displayName%20desc,apiVersion".to_owned(),
                4 => "$select=id,displayName".to_owned(),
                5 => format!("$filter=apiVersion%20gt%20{}%20or%20startswith(displayName,'x')", self.choices.below(9)),
                6 => "$filter=contains(toupper(displayName),tolower('X'))%20and%20not%20(isActive%20eq%20null)".to_owned(),
                7 => "$filter=length(displayName)%20ge%20300".to_owned(),
                8 => "$skiptoken=AAAA".to_owned(),
                9 => "$format=application/json;odata.metadata=full".to_owned(),
                10 => "$orderby=length(displayName)".to_owned(),
                11 => "$filter=".to_owned(),
                12 => "$expand=*".to_owned(),
                _ => {
                    let text = self.choices.text(8);
                    percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
                }
            });
        }
        if options.is_empty() { String::new() } else { format!("?{}", options.join("&")) }
    }

    /// Returns a request to Graph in a world.
    fn graph(&mut self, world: &str) -> Sent {
        let prefer = self.choices.one(&["", "", "", "return=minimal", "return=representation", "odata.maxpagesize=2"]);
        let version = self.choices.one(&["/v1.0", "/beta"]);
        let sent = |method, target, body| Sent { method, target, body, prefer };
        match self.choices.below(16) {
            0..=3 => sent(Method::POST, format!("{version}{COLLECTION}"), self.integration()),
            4..=6 => sent(Method::PATCH, self.address(world), self.integration()),
            7 | 8 => sent(Method::DELETE, self.address(world), Value::Null),
            9 => sent(Method::GET, self.address(world), Value::Null),
            10 => sent(Method::PUT, self.address(world), self.integration()),
            11 => {
                let property = self.choices.one(&["/displayName", "/apiVersion/$value", "/encryption", "/id"]);
                let value = json!({ "value": self.name() });
                let method = self.choices.one(&[&Method::GET, &Method::PUT, &Method::DELETE]).clone();
                let body = if method == Method::PUT { value } else { Value::Null };
                sent(method, format!("{}{property}", self.address(world)), body)
            }
            12 => match (self.choices.below(4), self.next_link.clone()) {
                (0, Some(link)) => sent(Method::GET, link, Value::Null),
                (1, _) => sent(Method::GET, format!("{version}{COLLECTION}/$count"), Value::Null),
                _ => sent(Method::GET, format!("{version}{COLLECTION}{}", self.options()), Value::Null),
            },
            13 => {
                let team =
                    self.choices.one(&["", "/schedule", "/schedule/shifts", "/schedule/timeOffReasons", "/schedule/timesOff"]);
                let id = self.choices.one(&["1", "2", "00000000-0000-4000-8000-000000000001"]);
                let method =
                    self.choices.one(&[&Method::GET, &Method::PUT, &Method::POST, &Method::PATCH, &Method::DELETE]).clone();
                let body = json!({ "displayName": self.name(), "enabled": true, "timeZone": "America/Chicago" });
                let body = if method == Method::GET || method == Method::DELETE { Value::Null } else { body };
                sent(method, format!("{version}/teams/{id}{team}"), body)
            }
            14 => sent(Method::GET, format!("{version}/$metadata"), Value::Null),
            _ => sent(Method::GET, format!("{version}{COLLECTION}"), Value::Null),
        }
    }

    /// Returns a request to the control API for a world, and its effect.
    fn control(&mut self, world: &str) -> (Sent, Effect) {
        let sent =
            |method, path: &str, body| Sent { method, target: format!("/_emulator/worlds/{world}{path}"), body, prefer: "" };
        match self.choices.below(20) {
            0 => (sent(Method::PUT, "", json!({})), Effect::Create),
            1 | 2 => {
                let original = self.world_name();
                (sent(Method::PUT, "", json!({ "fork": original })), Effect::Fork(original))
            }
            3 => (sent(Method::DELETE, "", Value::Null), Effect::Drop),
            4 | 5 => (sent(Method::POST, "/reset", Value::Null), Effect::Reset),
            6 | 7 => {
                let mut imported = Integrations::new();
                let mut items = Vec::new();
                for _ in 0..self.choices.below(6) {
                    let id = self.choices.one(&["i1", "i2", "i3", "a'b"]).to_owned();
                    let known = Known { name: Some(self.name()), version: Some(1) };
                    items.push(json!({ "id": id, "displayName": known.name, "apiVersion": 1 }));
                    imported.insert(id, known);
                }
                (sent(Method::PUT, "/state", json!({ "workforceIntegrations": items })), Effect::Import(Some(imported)))
            }
            8 => {
                let teams = json!({ "value": [{ "id": "2", "displayName": self.name() }] });
                (sent(Method::PUT, "/state?collection=teams", teams), Effect::Import(None))
            }
            9 => {
                // The state of one world in another.
                let name = self.world_name();
                let Ok(other) = self.service.worlds.known(&name) else {
                    return (sent(Method::GET, "", Value::Null), Effect::Read);
                };
                let text = fixture::write(&other.schema, &other.store, Secret::Echo);
                let state = serde_json::from_str(&text).expect("an export is JSON");
                (sent(Method::PUT, "/state", state), Effect::Import(Some(integrations(&other))))
            }
            10 => (
                sent(Method::GET, self.choices.one(&["/state", "/state?secrets=true&collection=teams", ""]), Value::Null),
                Effect::Read,
            ),
            11 | 12 => {
                let on = match self.choices.below(5) {
                    0 => json!({}),
                    1 => json!({ "method": "PATCH", "nth": 1 + self.choices.below(3) }),
                    2 => json!({ "probability": 0.3 }),
                    3 => json!({ "path": "/v1.0/$batch" }),
                    _ => json!({ "path": format!("/v1.0{COLLECTION}/**"), "count": self.choices.below(3) }),
                };
                let effect = match self.choices.below(9) {
                    0 => json!({ "answer": "throttled", "early": "accept" }),
                    1 => json!({ "answer": "gateway-timeout", "applies": true }),
                    2 => json!("service-unavailable"),
                    3 => json!({ "delay": 5 }),
                    4 => json!({ "truncate": 20 }),
                    5 => json!({ "malformed": true }),
                    6 => json!({ "reset": true, "applies": true }),
                    7 => json!({ "limit": { "requests": 2, "seconds": 1 } }),
                    _ => json!({ "silence": true }),
                };
                let method = self.choices.one(&[&Method::PUT, &Method::POST]).clone();
                let rule = json!({ "name": self.choices.text(6), "on": on, "do": effect });
                (sent(method, "/faults", json!([rule])), Effect::Change)
            }
            13 => (sent(Method::DELETE, "/faults", Value::Null), Effect::Change),
            14 => {
                let change = match self.choices.below(4) {
                    0 => json!({ "advance": 86_400 }),
                    1 => json!({ "advance": -1e18 }),
                    2 => json!({ "now": "9999-12-31T23:59:59Z" }),
                    _ => json!({ "running": self.choices.below(2) == 0 }),
                };
                (sent(Method::PUT, "/clock", change), Effect::Change)
            }
            15 | 16 => {
                let row = &ROWS[self.choices.below(256) % ROWS.len()];
                let values: Vec<&str> = row.values.iter().map(|(value, _)| *value).collect();
                let value = if values.is_empty() { "x" } else { self.choices.one(&values) };
                (sent(Method::PATCH, "/behaviors", json!({ row.name: value })), Effect::Change)
            }
            17 => (sent(Method::DELETE, "/journal", Value::Null), Effect::Change),
            18 => {
                let query = self.choices.one(&["", "?limit=1", "?format=exchange", "?status=2xx&secrets=true", "?path=/v1.0/**"]);
                (sent(Method::GET, &format!("/journal{query}"), Value::Null), Effect::Read)
            }
            _ => (sent(Method::POST, "/journal/verify", json!({ "method": "POST", "times": { "atMost": 9 } })), Effect::Read),
        }
    }

    /// Sends one request and checks all laws.
    fn step(&mut self) {
        let world = self.world_name();
        let (sent, effect) = match self.choices.below(8) {
            0..=3 => {
                let sent = self.graph(&world);
                (sent.clone(), Effect::Graph(vec![sent]))
            }
            4 => {
                let parts: Vec<Sent> = (0..=self.choices.below(6)).map(|_| self.graph(&world)).collect();
                let requests: Vec<Value> = parts.iter().enumerate().map(|(number, part)| batched(number, part)).collect();
                let body = json!({ "requests": requests });
                (Sent { method: Method::POST, target: "/v1.0/$batch".to_owned(), body, prefer: "" }, Effect::Graph(parts))
            }
            _ => self.control(&world),
        };
        let _ = writeln!(self.log, "{world}: {} {} {}", sent.method, sent.target, short(&sent.body));
        let rules_before = self.rules(&world);
        let Some(answer) = self.send(&world, &sent) else { return };
        let status = answer.response.status().as_u16();
        let _ = writeln!(self.log, "  {status}");
        let is_internal = answer.refused.iter().chain(answer.refused_items.iter().map(|(_, error)| error));
        assert!(is_internal.into_iter().all(|error| error.refusal.name != "internal"), "an internal error after\n{}", self.log);
        assert!(status < 500 || answer.applied_rules.is_some(), "{status} without a fault rule after\n{}", self.log);
        self.see_worlds(&world, &effect, status);
        self.see(&world, &effect, &sent, &answer, rules_before > 0);
        if sent.method == Method::POST && matches!(effect, Effect::Graph(_)) && rules_before == 0 && status < 300 {
            self.read_back(&world, &answer);
        }
        self.check_limits();
        if sent.method != Method::GET {
            self.check_world(&world);
        }
        self.check_journal(&world, matches!(effect, Effect::Graph(_)));
    }

    /// Reads what an answer says was created.
    fn read_back(&self, world: &str, created: &Answer) {
        let Some(id) = ItemAnswer::of(created).id.filter(|id| self.expected[world].integrations.contains_key(id)) else { return };
        let target =
            format!("/v1.0{COLLECTION}/{}", percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC));
        let read = self.send(world, &Sent { method: Method::GET, target, body: Value::Null, prefer: "" });
        let read = read.expect("to read needs no connector");
        let is_same = read.response.status() == 200 && ItemAnswer::of(&read).id.as_deref() == Some(&*id);
        assert!(is_same, "{id} is created and cannot be read: {} after\n{}", read.response.status(), self.log);
    }

    /// Returns the number of fault rules of a world.
    fn rules(&self, world: &str) -> usize {
        self.existing(world).map_or(0, |world| world.faults.count())
    }

    /// Returns a world if it exists.
    fn existing(&self, world: &str) -> Option<Arc<World>> {
        self.service.worlds.list().into_iter().find(|info| &*info.name == world).map(|info| info.world)
    }

    fn send(&self, world: &str, sent: &Sent) -> Option<Answer> {
        let is_prefixed = world != "default" && !sent.target.starts_with("/_emulator");
        let target = if is_prefixed { format!("/_world/{world}{}", sent.target) } else { sent.target.clone() };
        let target: Uri = target.parse().ok()?;
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("localhost"));
        if !sent.prefer.is_empty() {
            headers.insert("prefer", HeaderValue::from_static(sent.prefer));
        }
        let body = if sent.body.is_null() { Bytes::new() } else { Bytes::from(sent.body.to_string()) };
        if !body.is_empty() {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
            headers.insert("content-length", body.len().into());
        }
        let body = if body.len() > BODY_LIMIT { Body::TooLarge } else { Body::Whole(body) };
        let request = Request {
            method: sent.method.clone(),
            target,
            is_secure: false,
            via: Via::Direct,
            arrival: wfi_emulator::internals::world::journal::Arrival::default(),
            headers,
            body,
        };
        match self.service.begin(&request, Peer::Process) {
            Progress::Answered(answer) => Some(*answer),
            // It needs a connector, and no call is made.
            Progress::Pending(_) => None,
        }
    }

    /// Compares the worlds that exist with the expected ones.
    fn see_worlds(&mut self, world: &str, effect: &Effect, status: u16) {
        let listed: BTreeSet<String> = self.service.worlds.list().iter().map(|info| info.name.to_string()).collect();
        assert!(listed.len() <= WORLDS + 1, "too many worlds after\n{}", self.log);
        if matches!(effect, Effect::Drop) && status == 204 {
            self.expected.remove(world);
        }
        let initial = self.initial.clone();
        for (name, expected) in &self.expected {
            let can_give_way = expected.is_on_demand && expected.is_untouched && expected.integrations == initial;
            assert!(listed.contains(name) || can_give_way, "the world {name} is gone after\n{}", self.log);
        }
        self.expected.retain(|name, _| listed.contains(name));
        let is_made = status == 201 && matches!(effect, Effect::Create | Effect::Fork(_));
        for name in listed {
            if !self.expected.contains_key(&name) {
                assert_eq!(name, world, "another world was created by\n{}", self.log);
                let created = self.created(!is_made);
                self.expected.insert(name, created);
            }
        }
    }

    /// Updates the expectations by an answer.
    fn see(&mut self, world: &str, effect: &Effect, sent: &Sent, answer: &Answer, has_rules: bool) {
        let status = answer.response.status().as_u16();
        let body = || serde_json::from_slice::<Value>(answer.response.body()).unwrap_or_default();
        if let Effect::Fork(original) = effect
            && status == 201
        {
            let Some(original) = self.expected.get(original).map(|expected| expected.integrations.clone()) else {
                panic!("a fork of an unknown world after\n{}", self.log)
            };
            let fork = Expected { integrations: original.clone(), origin: original, ..self.created(false) };
            self.expected.insert(world.to_owned(), fork);
            return;
        }
        let Some(existing) = self.existing(world) else { return };
        let Some(expected) = self.expected.get_mut(world) else { return };
        match effect {
            Effect::Graph(parts) => {
                let is_batch = sent.target.ends_with("/$batch");
                let answers = if is_batch { items(&body(), parts.len()) } else { vec![Some(ItemAnswer::of(answer))] };
                let is_whole = status < 300 && answers.iter().all(Option::is_some);
                if is_batch && is_whole && !has_rules {
                    let failed = answers.iter().flatten().find(|item| item.status >= 500);
                    assert!(failed.is_none(), "{failed:?} in a batch after\n{}", self.log);
                }
                if !is_batch && let Some(link) = body()["@odata.nextLink"].as_str() {
                    self.next_link = link.find("/v1.0").or(link.find("/beta")).map(|at| link[at..].to_owned());
                }
                let is_delivered = matches!(answer.delivery.form, DeliveryForm::Whole) && (200..300).contains(&status);
                if is_batch && !is_whole && status == 200 || has_rules && !is_delivered {
                    // Rules may have ended it after it was done, or made it unreadable.
                    expected.integrations = integrations(&existing);
                    expected.is_untouched = false;
                    return;
                }
                for (part, item) in parts.iter().zip(answers.into_iter().flatten()) {
                    let is_done = (200..300).contains(&item.status);
                    // It may be a change of teams.
                    expected.is_untouched &= part.method == Method::GET || !is_done;
                    if has_rules && !is_done {
                        expected.integrations = integrations(&existing);
                        return;
                    }
                    see_part(expected, part, &item, &existing);
                }
            }
            Effect::Reset if status == 200 => {
                expected.integrations = expected.origin.clone();
                expected.count = 0;
                expected.is_untouched = expected.is_on_demand;
            }
            Effect::Import(Some(imported)) if status == 200 => {
                expected.integrations = imported.clone();
                expected.is_untouched = false;
            }
            // Without rules their removal changes nothing.
            Effect::Import(None) | Effect::Change if status < 300 => expected.is_untouched &= sent.method == Method::DELETE,
            _ => {}
        }
    }

    fn check_limits(&self) {
        let limit = STORE_BYTES + RESET_BYTES;
        assert!(self.stores.used() <= limit, "stores hold {} of {limit} bytes after\n{}", self.stores.used(), self.log);
        let used = self.journals.budget().used();
        assert!(used <= JOURNALS_BYTES, "journals hold {used} of {JOURNALS_BYTES} bytes after\n{}", self.log);
        // Each entity is counted, once if worlds share it.
        let mut entities = BTreeMap::new();
        for info in self.service.worlds.list() {
            for (_, entity) in info.world.store.entities() {
                entities.insert(Arc::as_ptr(&entity).addr(), entity.size());
            }
        }
        let held: usize = entities.values().sum();
        assert!(held <= self.stores.used(), "{held} bytes held, {} counted after\n{}", self.stores.used(), self.log);
    }

    fn check_world(&self, name: &str) {
        let (Some(world), Some(expected)) = (self.existing(name), self.expected.get(name)) else { return };
        let found = integrations(&world);
        let names = |of: &Integrations| of.keys().cloned().collect::<Vec<String>>();
        assert_eq!(names(&found), names(&expected.integrations), "the integrations of {name} after\n{}", self.log);
        for (id, known) in &expected.integrations {
            assert!(found[id] == *known, "{id} in {name} is {}, not {} after\n{}", shown(&found[id]), shown(known), self.log);
        }
    }

    /// Checks the numbers of a journal.
    fn check_journal(&mut self, name: &str, is_graph: bool) {
        let Some(world) = self.existing(name) else { return };
        let Some(expected) = self.expected.get_mut(name) else { return };
        let numbers: Vec<u64> =
            world.journal.exchanges(&JournalQuery::default(), Secrets::Shown).map(|entry| entry.number).collect();
        let count = world.journal.count();
        assert!(numbers.is_sorted_by(|one, next| one < next), "numbers {numbers:?} after\n{}", self.log);
        assert!(numbers.len() <= JOURNAL.entries && numbers.last().is_none_or(|last| *last <= count), "{numbers:?} of {count}");
        let is_ahead = if is_graph { count > expected.count } else { count == expected.count };
        assert!(is_ahead, "{count} requests counted after {} after\n{}", expected.count, self.log);
        if is_graph {
            assert_eq!(numbers.last(), Some(&count), "the latest request is in the journal after\n{}", self.log);
        }
        expected.count = count;
    }
}

/// Updates the expectations by the answer to a single request, or one of a batch.
fn see_part(expected: &mut Expected, part: &Sent, item: &ItemAnswer, existing: &World) {
    let path = part.target.split('?').next().unwrap_or_default();
    let Some((_, rest)) = path.split_once(COLLECTION) else { return };
    if !(200..300).contains(&item.status) || part.method == Method::GET {
        return;
    }
    let segments: Vec<&str> = rest.split('/').skip(1).collect();
    let addressed = segments.first().map(|id| id_of(id));
    match (&part.method, addressed, segments.len()) {
        (&Method::POST, None, _) => {
            let id = item.id.clone().expect("the answer to a creation has an id");
            expected.integrations.insert(id, Known::of(&part.body));
        }
        (&Method::PATCH, Some(id), 1) => {
            let known = expected.integrations.get_mut(&id).expect("an updated integration exists");
            *known = known.patched(&part.body);
        }
        (&Method::DELETE, Some(id), 1) => {
            assert!(expected.integrations.remove(&id).is_some(), "{id} was deleted without being there");
        }
        // The members that it leaves out are replaced or kept, by a behavior.
        (_, Some(id), _) => {
            let found = integrations(existing).remove(&id).expect("a replaced integration exists");
            expected.integrations.insert(id, found);
        }
        _ => {}
    }
}

/// Returns the last segment of an address, decoded.
fn id_of(address: &str) -> String {
    let segment = address.rsplit('/').next().unwrap_or_default();
    let key = segment.split_once("('").and_then(|(_, key)| key.strip_suffix("')")).map(|key| key.replace("''", "'"));
    percent_encoding::percent_decode_str(&key.unwrap_or_else(|| segment.to_owned())).decode_utf8_lossy().into_owned()
}

/// Returns a request as one of a batch.
fn batched(number: usize, part: &Sent) -> Value {
    let url = part.target.strip_prefix("/v1.0").or(part.target.strip_prefix("/beta")).unwrap_or(&part.target);
    let mut item = json!({ "id": number.to_string(), "method": part.method.as_str(), "url": url });
    if !part.body.is_null() {
        item["headers"] = json!({ "Content-Type": "application/json" });
        item["body"] = part.body.clone();
    }
    if !part.prefer.is_empty() {
        item["headers"]["Prefer"] = part.prefer.into();
    }
    item
}

/// The answer to a single request, or to one of a batch.
#[derive(Debug)]
struct ItemAnswer {
    status: u16,
    /// The id of the entity that it shows or addresses.
    id: Option<String>,
}

impl ItemAnswer {
    fn of(answer: &Answer) -> ItemAnswer {
        let body: Value = serde_json::from_slice(answer.response.body()).unwrap_or_default();
        let header = |name: &str| answer.response.headers().get(name).and_then(|value| value.to_str().ok()).map(id_of);
        let id = body["id"].as_str().map(str::to_owned).or_else(|| header("location"));
        ItemAnswer { status: answer.response.status().as_u16(), id }
    }
}

/// Returns each answer of a batch.
fn items(batch: &Value, count: usize) -> Vec<Option<ItemAnswer>> {
    let responses = batch["responses"].as_array().map_or(&[][..], Vec::as_slice);
    let item = |number: usize| {
        let id = number.to_string();
        let response = responses.iter().find(|response| response["id"].as_str() == Some(&*id))?;
        let id = response["body"]["id"].as_str().map(str::to_owned);
        let id = id.or_else(|| response["headers"]["Location"].as_str().map(id_of));
        Some(ItemAnswer { status: u16::try_from(response["status"].as_u64()?).ok()?, id })
    };
    (0..count).map(item).collect()
}

/// Returns the beginning of a text for a message.
fn short(value: &Value) -> String {
    value.to_string().chars().take(300).collect()
}

fn shown(known: &Known) -> String {
    format!("{known:?}").chars().take(120).collect()
}
