//! Mixed load on one process: every client knows its expected answers, and only requested errors occur.
//!
//! ```console
//! $ cargo test soak
//! $ WFI_SOAK_SECONDS=1800 cargo test --release soak -- --nocapture
//! ```
//!
//! The first takes some seconds. The second runs for the given time, and prints counts of requests and answers and the memory of the
//! process, which must not grow. In both, the memory stays within the limits, and health checks of another client are answered promptly.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wfi_emulator::internals::world::chance::mixed;

use crate::connectors::example::{Connector, SECRET};
use crate::program::process::{Folder, PATIENCE, Served, resident_mib};
use crate::program::suite::Client;
use crate::support::harness::HOST;
use crate::support::pulse::Pulse;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// Steps of each client where no time is given.
const STEPS: u64 = 60;

/// The limits of what the program keeps, in bytes.
const STORE_BYTES: u32 = 8 * 1024 * 1024;
const JOURNALS_BYTES: u32 = 16 * 1024 * 1024;

/// Maximum memory beyond the limits: the program itself, and requests in work.
const BEYOND_MIB: f64 = 64.0;

/// Maximum growth of memory from early in a long run to its end.
const GROWTH_MIB: f64 = 5.0;

/// One run: its duration, and its counts.
struct Run {
    until: Option<Instant>,
    failed: AtomicBool,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Run {
    /// Whether a client takes another step after `steps`.
    fn goes_on(&self, steps: u64) -> bool {
        let is_left = self.until.map_or(steps < STEPS, |until| Instant::now() < until);
        is_left && !self.failed.load(Ordering::Relaxed)
    }

    fn count(&self, what: impl Into<String>) {
        *self.counts.lock().unwrap().entry(what.into()).or_default() += 1;
    }
}

/// Stops the other clients when one fails, so that the test ends at once.
struct Alarm<'r>(&'r Run);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// The entities that a client expects in its world, in order.
struct Known {
    id: String,
    name: String,
    is_active: bool,
}

impl Known {
    fn assert_is(&self, entity: &Value) {
        let actual = (entity["id"].as_str(), entity["displayName"].as_str(), entity["isActive"].as_bool());
        assert_eq!(actual, (Some(&*self.id), Some(&*self.name), Some(self.is_active)), "{entity}");
    }
}

/// A client with its own world, whose content it knows.
struct Keeper<'r> {
    run: &'r Run,
    client: Client,
    world: String,
    known: Vec<Known>,
    /// Successful updates since the journal began.
    patches: u64,
}

impl<'r> Keeper<'r> {
    fn new(run: &'r Run, address: &str, world: String) -> Keeper<'r> {
        let mut keeper = Keeper { run, client: Client::new(address), world, known: Vec::new(), patches: 0 };
        let created = keeper.control("PUT", "", &json!({ "fixture": "none" }));
        assert_eq!(created.0, 201, "{}", created.1);
        keeper
    }

    fn control(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.send("control", method, &format!("/_emulator/tenants/{}{path}", self.world), body)
    }

    fn graph(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.send("graph", method, &format!("/_tenant/{}{path}", self.world), body)
    }

    fn send(&mut self, whom: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.run.count(format!("{whom} {method}"));
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, text) = self.client.send(method, path, &text);
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    fn address_of(&self, index: usize) -> String {
        format!("{COLLECTION}/{}", self.known[index].id)
    }

    fn step(&mut self, number: u64) {
        let chance = mixed(number);
        let pick = usize::try_from(chance >> 32).unwrap() % self.known.len().max(1);
        match chance % 16 {
            _ if self.known.is_empty() => self.create(number),
            0 | 1 if self.known.len() < 40 => self.create(number),
            2..=5 => {
                let (status, entity) = self.graph("GET", &self.address_of(pick), &Value::Null);
                assert_eq!(status, 200, "{entity}");
                self.known[pick].assert_is(&entity);
            }
            6..=9 => self.rename(pick, number),
            10 => {
                let gone = self.known.remove(pick);
                let address = format!("{COLLECTION}/{}", gone.id);
                assert_eq!(self.graph("DELETE", &address, &Value::Null).0, 204);
                assert_eq!(self.graph("GET", &address, &Value::Null).0, 404);
            }
            11 => self.page_through(),
            12 => {
                let (status, found) =
                    self.graph("GET", &format!("{COLLECTION}?$filter=isActive%20eq%20true&$count=true"), &Value::Null);
                assert_eq!(status, 200, "{found}");
                let active: Vec<&Known> = self.known.iter().filter(|known| known.is_active).collect();
                assert_eq!(found["@odata.count"], active.len());
                for (known, entity) in active.into_iter().zip(found["value"].as_array().unwrap()) {
                    known.assert_is(entity);
                }
            }
            13 => self.batch(pick, number),
            14 => {
                let (status, refused) = self.graph("PATCH", &self.address_of(pick), &json!({ "apiVersion": "one" }));
                assert_eq!((status, refused["error"]["code"].is_string()), (400, true), "{refused}");
                assert_eq!(self.graph("GET", &format!("{COLLECTION}/WFI_nobody"), &Value::Null).0, 404);
            }
            _ => self.ask_control(number),
        }
    }

    fn create(&mut self, number: u64) {
        let known = Known { id: String::new(), name: format!("created in step {number}"), is_active: number.is_multiple_of(2) };
        let (status, created) =
            self.graph("POST", COLLECTION, &json!({ "displayName": known.name, "isActive": known.is_active }));
        assert_eq!(status, 201, "{created}");
        self.known.push(Known { id: created["id"].as_str().unwrap().to_owned(), ..known });
        self.known.last().unwrap().assert_is(&created);
    }

    fn rename(&mut self, pick: usize, number: u64) {
        self.known[pick].name = format!("renamed in step {number}");
        self.known[pick].is_active = !self.known[pick].is_active;
        let Known { name, is_active, .. } = &self.known[pick];
        let body = json!({ "displayName": name, "isActive": is_active });
        let (status, entity) = self.graph("PATCH", &self.address_of(pick), &body);
        assert_eq!(status, 200, "{entity}");
        self.known[pick].assert_is(&entity);
        self.patches += 1;
    }

    fn page_through(&mut self) {
        let mut path = format!("{COLLECTION}?$top=7");
        let mut seen = 0;
        loop {
            let (status, page) = self.graph("GET", &path, &Value::Null);
            assert_eq!(status, 200, "{page}");
            for entity in page["value"].as_array().unwrap() {
                self.known[seen].assert_is(entity);
                seen += 1;
            }
            let prefix = format!("http://{HOST}/_tenant/{}", self.world);
            let Some(link) = page["@odata.nextLink"].as_str() else { break };
            link.strip_prefix(&prefix).unwrap_or_else(|| panic!("{link}")).clone_into(&mut path);
        }
        assert_eq!(seen, self.known.len());
    }

    fn batch(&mut self, pick: usize, number: u64) {
        let name = format!("renamed in a batch in step {number}");
        let address = format!("/teamwork/workforceIntegrations/{}", self.known[pick].id);
        let headers = json!({ "Content-Type": "application/json" });
        let requests = json!({ "requests": [
            { "id": "1", "method": "PATCH", "url": address, "headers": headers, "body": { "displayName": name } },
            { "id": "2", "method": "GET", "url": address, "dependsOn": ["1"] },
            { "id": "3", "method": "GET", "url": "/teamwork/workforceIntegrations/WFI_nobody" },
            { "id": "4", "method": "GET", "url": "/teamwork/workforceIntegrations?$top=100" },
        ]});
        let (status, answer) = self.graph("POST", "/v1.0/$batch", &requests);
        assert_eq!(status, 200, "{answer}");
        self.known[pick].name = name;
        self.patches += 1;
        let responses: BTreeMap<&str, &Value> =
            answer["responses"].as_array().unwrap().iter().map(|response| (response["id"].as_str().unwrap(), response)).collect();
        let statuses = ["1", "2", "3", "4"].map(|id| responses[id]["status"].as_u64().unwrap());
        assert_eq!(statuses, [200, 200, 404, 200], "{answer}");
        self.known[pick].assert_is(&responses["2"]["body"]);
        assert_eq!(responses["4"]["body"]["value"].as_array().unwrap().len(), self.known.len());
    }

    fn ask_control(&mut self, number: u64) {
        match number % 5 {
            // The whole state comes back from a file.
            0 => {
                let (status, state) = self.control("GET", "/state?secrets=true", &Value::Null);
                assert_eq!(
                    (status, state["teamwork"]["workforceIntegrations"].as_array().unwrap().len()),
                    (200, self.known.len())
                );
                let (status, answer) = self.control("PUT", "/state", &state);
                assert!((200..300).contains(&status), "{answer}");
                self.page_through();
            }
            1 => {
                let fork = format!("{}-fork", self.world);
                let path = format!("/_emulator/tenants/{fork}");
                let (status, answer) = self.client.send("PUT", &path, &json!({ "fork": self.world }).to_string());
                assert_eq!(status, 201, "{answer}");
                let address = self.address_of(0);
                let (status, _) = self.client.send("DELETE", &format!("/_tenant/{fork}{address}"), "");
                assert_eq!(status, 204);
                assert_eq!(self.graph("GET", &address, &Value::Null).0, 200, "a fork has a world of its own");
                assert_eq!(self.client.send("DELETE", &path, "").0, 204);
                self.run.count("tenants forked and dropped");
            }
            2 => {
                let (status, answer) = self.control("PUT", "/clock", &json!({ "advance": 3600 }));
                assert_eq!(status, 200, "{answer}");
            }
            3 if self.known.len() > 20 => {
                assert_eq!(self.control("POST", "/reset", &Value::Null).0, 200);
                self.known.clear();
                self.patches = 0;
            }
            // The journal may have dropped the oldest.
            _ => {
                let expectation = json!({ "method": "PATCH", "status": "200", "times": { "atMost": self.patches } });
                let (status, verdict) = self.control("POST", "/journal/verify", &expectation);
                assert_eq!((status, &verdict["holds"]), (200, &json!(true)), "{verdict}");
            }
        }
    }
}

/// The outcome of a request.
enum Outcome {
    Answered(u16, Value),
    /// A complete body that is not JSON.
    Malformed,
    /// The connection ended within the body.
    Short,
    /// The connection ended without an answer.
    Cut,
}

/// The fault rules of a client, and the outcome of each; delays have none.
fn rules() -> Value {
    json!([
        { "name": "late", "on": { "probability": 0.05 }, "do": { "delay": { "from": 1, "to": 4 } } },
        { "name": "429", "on": { "probability": 0.05 }, "do": { "answer": "throttled", "early": "accept" } },
        { "name": "503", "on": { "probability": 0.05 }, "do": "service-unavailable" },
        { "name": "504", "on": { "method": "PATCH", "probability": 0.05 }, "do": { "answer": "gateway-timeout", "applies": true } },
        { "name": "cut", "on": { "probability": 0.02 }, "do": { "reset": true } },
        { "name": "short", "on": { "method": "GET", "probability": 0.02 }, "do": { "truncate": 20 } },
        { "name": "malformed", "on": { "method": "GET", "probability": 0.05 }, "do": { "malformed": true } },
        { "name": "drip", "on": { "method": "GET", "probability": 0.02 }, "do": { "slow": { "bytes": 512, "every": 1 } } },
    ])
}

/// A client with fault rules: it sees as many faults as the rules count, and no others.
fn run_with_faults(run: &Run, address: &str, world: &str) {
    let mut keeper = Keeper::new(run, address, world.to_owned());
    keeper.create(0);
    assert_eq!(keeper.control("PUT", "/faults", &rules()).0, 200);
    let path = format!("/_tenant/{world}{}", keeper.address_of(0));
    let mut client = Client::new(address);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut steps = 0;
    while run.goes_on(steps) {
        let is_patch = steps % 3 == 0;
        let name = format!("renamed in step {steps}");
        let body = if is_patch { json!({ "displayName": name }).to_string() } else { String::new() };
        run.count("graph requests with faults");
        let outcome = match client.try_send(if is_patch { "PATCH" } else { "GET" }, &path, "", &body) {
            Err(_) => Outcome::Cut,
            Ok((_, Err(_))) => Outcome::Short,
            Ok((status, Ok(text))) => {
                serde_json::from_str(&text).map_or(Outcome::Malformed, |value| Outcome::Answered(status, value))
            }
        };
        let what = match &outcome {
            Outcome::Answered(200, entity) => {
                assert!(!is_patch || entity["displayName"] == *name, "{entity}");
                "200".to_owned()
            }
            Outcome::Answered(status, refused) => {
                assert!(refused["error"]["code"].is_string(), "{status} {refused}");
                status.to_string()
            }
            Outcome::Malformed => "malformed".to_owned(),
            Outcome::Short => "short".to_owned(),
            Outcome::Cut => "cut".to_owned(),
        };
        if matches!(outcome, Outcome::Cut | Outcome::Short) {
            client = Client::new(address);
        }
        // An unanswered request took effect if the rule says so.
        if is_patch && matches!(what.as_str(), "200" | "504") {
            keeper.known[0].name = name;
        }
        if !is_patch && let Outcome::Answered(200, entity) = &outcome {
            keeper.known[0].assert_is(entity);
        }
        run.count(format!("faults: {what}"));
        *seen.entry(what).or_default() += 1;
        steps += 1;
    }
    // The connection was idle for so long that the server may have closed it.
    keeper.client = Client::new(address);
    let (_, answer) = keeper.control("GET", "/faults", &Value::Null);
    for fault in answer["faults"].as_array().unwrap() {
        let (name, applied) = (fault["rule"]["name"].as_str().unwrap(), fault["struck"].as_u64().unwrap());
        if !matches!(name, "late" | "drip") {
            assert_eq!(seen.remove(name).unwrap_or_default(), applied, "{name}: {answer}");
        }
    }
    seen.remove("200");
    assert!(seen.is_empty(), "unexpected {seen:?}");
}

/// Rewrites fixtures repeatedly, every third time with broken ones. The default world has the last valid ones.
fn reload(run: &Run, address: &str, file: &str) {
    let mut client = Client::new(address);
    let number_served = |client: &mut Client| -> u64 {
        let (status, text) = client.send("GET", &format!("{COLLECTION}/a"), "");
        assert_eq!(status, 200, "{text}");
        let entity: Value = serde_json::from_str(&text).unwrap();
        entity["displayName"].as_str().unwrap().parse().unwrap()
    };
    let mut steps = 0;
    let mut last = 0;
    while run.goes_on(steps * 20) {
        steps += 1;
        if steps.is_multiple_of(3) {
            std::fs::write(file, r#"[{"id":"a","displayName":7}]"#).unwrap();
            thread::sleep(Duration::from_millis(300));
            assert_eq!(number_served(&mut client), last, "a broken file changes nothing");
            run.count("broken fixtures refused");
            continue;
        }
        std::fs::write(file, json!([{ "id": "a", "displayName": steps.to_string() }]).to_string()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = number_served(&mut client);
            if now == steps {
                break;
            }
            assert_eq!(now, last);
            assert!(Instant::now() < deadline, "fixtures are not loaded");
            thread::sleep(Duration::from_millis(5));
        }
        last = steps;
        run.count("fixtures reloaded");
    }
}

/// Creates integrations whose connector approves.
fn connect(run: &Run, address: &str) {
    let connector = Connector::start();
    let mut keeper = Keeper::new(run, address, "connecting".to_owned());
    assert_eq!(keeper.control("PATCH", "/behaviors", &json!({ "connect": "enforce" })).0, 200);
    let mut steps = 0;
    while run.goes_on(steps) {
        let (secret, expected) = if steps % 2 == 0 { (SECRET.to_owned(), 201) } else { ("x".repeat(64), 400) };
        let encryption = json!({ "protocol": "sharedSecret", "secret": secret });
        let body = json!({ "displayName": "Example", "apiVersion": 1, "url": connector.url(), "encryption": encryption });
        let (status, answer) = keeper.graph("POST", COLLECTION, &body);
        assert_eq!(status, expected, "{answer}");
        run.count("connectors called");
        if status == 201 {
            let entity = format!("{COLLECTION}/{}", answer["id"].as_str().unwrap());
            assert_eq!(keeper.graph("DELETE", &entity, &Value::Null).0, 204);
        }
        // Each call is a new connection, and the ports of a machine are limited.
        thread::sleep(Duration::from_millis(5));
        steps += 1;
    }
}

/// Sends malformed requests, then a valid one.
fn send_malformed_requests(run: &Run, address: &str) {
    let large = format!("POST {COLLECTION} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n");
    let rude: [&[u8]; 8] = [
        b"\0\x01\x02\x03\xff\xfe",
        b"GET / HTTP/1.1\r\nHost",
        b"GET /v1.0/teamwork/workforceIntegrations/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PATCH /v1.0/teamwork/workforceIntegrations/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{",
        b"POST /v1.0/$batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
        b"GET /v1.0/teamwork/workforceIntegrations?$filter=(((((((((( HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x09\x09\x09",
        large.as_bytes(),
    ];
    let mut steps = 0;
    while run.goes_on(steps) {
        let bytes = rude[usize::try_from(steps).unwrap() % rude.len()];
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        // The server may have closed the connection already.
        let _ = io::Write::write_all(&mut stream, bytes);
        thread::sleep(Duration::from_millis(5));
        drop(stream);
        let (status, text) = Client::new(address).send("GET", &format!("{COLLECTION}/a"), "");
        assert_eq!(status, 200, "{text}");
        run.count("rude connections");
        steps += 1;
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

#[test]
fn soak() {
    let seconds =
        std::env::var("WFI_SOAK_SECONDS").ok().map(|text| text.parse().expect("WFI_SOAK_SECONDS is a number of seconds"));
    let folder = Folder::new("soak");
    let empty = folder.file("empty.json", "[]");
    let file = folder.file("workforceIntegrations.json", r#"[{"id":"a","displayName":"0"}]"#);
    let fixture = format!("none={empty}");
    let (store, journals) = (STORE_BYTES.to_string(), JOURNALS_BYTES.to_string());
    let limits = ["--store-bytes", &store, "--journals-bytes", &journals];
    let arguments = [&["--fixtures", &*file, "--fixture", &*fixture, "--watch", "--log", "off"][..], &limits].concat();
    let served = Served::start(&arguments);
    let idle = Served::start(&["--log", "off"]);
    let mut pulse = Pulse::default();
    let address = served.address();
    let started = Instant::now();
    let run = Run {
        until: seconds.map(|seconds| started + Duration::from_secs(seconds)),
        failed: AtomicBool::new(false),
        counts: Mutex::default(),
    };
    let run = &run;
    let mut samples = Vec::new();
    thread::scope(|scope| {
        let mut clients = Vec::new();
        for number in 0..4_u64 {
            clients.push(scope.spawn(move || {
                let _alarm = Alarm(run);
                let mut keeper = Keeper::new(run, address, format!("keeper-{number}"));
                let mut steps = 0;
                while run.goes_on(steps) {
                    keeper.step(mixed(number) ^ steps);
                    steps += 1;
                }
            }));
        }
        for number in 0..2 {
            clients.push(scope.spawn(move || {
                let _alarm = Alarm(run);
                run_with_faults(run, address, &format!("faults-{number}"));
            }));
        }
        let file = &file;
        let others: [Box<dyn FnOnce() + Send>; 3] = [
            Box::new(move || reload(run, address, file)),
            Box::new(move || connect(run, address)),
            Box::new(move || send_malformed_requests(run, address)),
        ];
        clients.extend(others.into_iter().map(|other| {
            scope.spawn(move || {
                let _alarm = Alarm(run);
                other();
            })
        }));
        while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
            samples.extend(resident_mib(served.program.child.id()));
            thread::sleep(Duration::from_millis(if seconds.is_some() { 1000 } else { 50 }));
            pulse.ask(address, idle.address());
        }
    });
    println!("{:?} of mixed load", started.elapsed());
    for (what, count) in &*run.counts.lock().unwrap() {
        println!("  {count:>9} {what}");
    }
    println!(
        "  99th percentile of health checks: {:?}, of those of an idle program: {:?}",
        pulse.percentiles().0,
        pulse.percentiles().1
    );
    assert_eq!(pulse.problem(), None);
    if let [first, .., last] = &samples[..] {
        let tenth = samples.len() / 10;
        let most = samples.iter().copied().fold(0.0, f64::max);
        println!("  {first:.1} MiB at first, {last:.1} MiB at last, {most:.1} MiB at most");
        let limit = f64::from(STORE_BYTES + JOURNALS_BYTES) / 1024.0 / 1024.0 + BEYOND_MIB;
        assert!(most <= limit, "{most:.1} MiB are resident, of {limit:.1} allowed");
        // Before that, journals fill up.
        if samples.len() >= 60 {
            let (early, late) = (median(samples[tenth..2 * tenth].to_vec()), median(samples[9 * tenth..].to_vec()));
            println!("  {early:.1} MiB in the second tenth, {late:.1} MiB in the last");
            assert!(late - early < GROWTH_MIB, "memory grows");
        }
    }
    assert_eq!(served.stop().status, Some(0));
}
