//! Long computations: bounded, off the threads that serve other clients, and bounded in the size of their answers.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::process::{COLLECTION, Folder, Served};
use crate::support::harness::HOST;

/// Time limit of every wait: unoptimized builds on busy machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request on a connection of its own. Returns the status and the body.
fn send(address: &str, method: &str, target: &str, body: &str) -> (u16, String) {
    let mut stream = connect(address);
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn get(address: &str, target: &str) -> (u16, String) {
    send(address, "GET", target, "")
}

/// Starts the program with entities whose names have these lengths, written to its fixtures.
fn serve_names(folder: &Folder, lengths: impl Iterator<Item = usize>, arguments: &[&str]) -> Served {
    let mut fixture = String::from("{\"workforceIntegrations\":[");
    for (index, length) in lengths.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(fixture, "{comma}{{\"id\":\"WFI_{index}\",\"displayName\":\"{}\"}}", "Näme ".repeat(length / 6)).unwrap();
    }
    fixture.push_str("]}");
    let path = folder.file("fixtures.json", &fixture);
    Served::start(&[&["--fixtures", &*path, "--journal", "0"], arguments].concat())
}

/// `tolower` within `tolower`, 95 deep.
fn deep() -> String {
    format!("{COLLECTION}?$filter=length({}displayName{})%20eq%201", "tolower(".repeat(95), ")".repeat(95))
}

/// Sixty searches in texts that are all different.
fn wide() -> String {
    let search = |index: usize| format!("contains(toupper(concat(displayName,'{index}')),'Z{index}')");
    let searches = (0..60).map(search).collect::<Vec<_>>().join("%20or%20");
    format!("{COLLECTION}?$filter={searches}")
}

/// Sixty equal searches.
fn equal() -> String {
    format!("{COLLECTION}?$filter={}", vec!["contains(toupper(displayName),'Z')"; 60].join("%20or%20"))
}

fn batch_of(target: &str) -> String {
    let url = target.strip_prefix("/v1.0").unwrap();
    let requests: Vec<Value> = (0..20).map(|id| json!({ "id": id.to_string(), "method": "GET", "url": url })).collect();
    json!({ "requests": requests }).to_string()
}

/// Sets a flag when it is dropped, so that a failed assertion ends the load too.
struct Over<'f>(&'f AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Repeats requests on several connections, and meanwhile asks for the health on another. Asserts that it is answered nearly as soon as by
/// a program without other clients, which has the same share of the machine.
fn assert_prompt_during(served: &Served, load: &[(&str, String, String)]) {
    let idle = Served::start(&["--journal", "0"]);
    let (address, idle) = (served.address(), idle.address());
    let is_over = AtomicBool::new(false);
    let times = thread::scope(|scope| {
        for (method, target, body) in load {
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let (status, answer) = send(address, method, target, body);
                    assert!(matches!(status, 200 | 400), "{status} {answer}");
                }
            });
        }
        let _over = Over(&is_over);
        let mut times = [Vec::new(), Vec::new()];
        for path in ["/_emulator/health", "/_emulator/ready"].into_iter().cycle().take(60) {
            thread::sleep(Duration::from_millis(20));
            for (address, times) in [address, idle].into_iter().zip(&mut times) {
                let asked = Instant::now();
                assert_eq!(get(address, path).0, 200);
                times.push(asked.elapsed());
            }
        }
        times
    });
    // Of sixty, the sixth longest.
    let [busy, idle] = times.map(|mut times| {
        times.sort_unstable_by(|left, right| right.cmp(left));
        times[5]
    });
    // When queries kept the threads of connections, it took seconds.
    assert!(busy < idle * 4 + Duration::from_millis(600), "{busy:?}, and {idle:?} without other clients");
}

#[test]
fn expensive_queries_are_refused_in_bounded_time() {
    let folder = Folder::new("expensive");
    let served = serve_names(&folder, std::iter::repeat_n(1_000_000, 10), &[]);
    for target in [deep(), wide(), format!("{COLLECTION}/$count?{}", deep().split_once('?').unwrap().1)] {
        let started = Instant::now();
        let (status, body) = get(served.address(), &target);
        assert_eq!(status, 400, "{body}");
        assert!(body.contains("exceeds the maximum cost"), "{body}");
        assert!(started.elapsed() < PATIENCE / 2, "{:?}", started.elapsed());
    }
    // One search takes the text once, however often the filter repeats it.
    let (status, body) = get(served.address(), &equal());
    assert_eq!((status, body.ends_with("\"value\":[]}")), (200, true), "{body}");
    // The requests of a batch share one purse, and the others are answered.
    let started = Instant::now();
    let (status, body) = send(served.address(), "POST", "/v1.0/$batch", &batch_of(&wide()));
    assert!(started.elapsed() < PATIENCE / 2, "{:?}", started.elapsed());
    let answers: Value = serde_json::from_str(&body).unwrap();
    let statuses = answers["responses"].as_array().unwrap().iter().map(|answer| answer["status"].as_u64().unwrap());
    assert_eq!((status, statuses.collect::<Vec<_>>()), (200, vec![400; 20]));
}

#[cfg(unix)]
#[test]
fn other_clients_and_signals_are_answered_during_expensive_queries() {
    let folder = Folder::new("during");
    let state = format!("{}/state.json", folder.path());
    let served = serve_names(&folder, std::iter::repeat_n(500_000, 10), &["--state", &state]);
    let load: Vec<(&str, String, String)> = vec![
        ("GET", deep(), String::new()),
        ("GET", wide(), String::new()),
        ("GET", equal(), String::new()),
        ("POST", "/v1.0/$batch".to_owned(), batch_of(&deep())),
        ("POST", "/v1.0/$batch".to_owned(), batch_of(&wide())),
        ("POST", "/v1.0/$batch".to_owned(), batch_of(COLLECTION)),
    ];
    assert_prompt_during(&served, &load);
    // Requests that wait for their turn do not delay the end.
    let waiting: Vec<TcpStream> = (0..30)
        .map(|_| {
            let mut stream = connect(served.address());
            stream.write_all(format!("GET {} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", wide()).as_bytes()).unwrap();
            stream
        })
        .collect();
    let stopped = Instant::now();
    served.program.signal("-TERM");
    let outcome = served.program.outcome();
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    assert!(stopped.elapsed() < Duration::from_secs(8), "{:?}", stopped.elapsed());
    assert!(std::fs::metadata(&state).unwrap().len() > 4_000_000);
    drop(waiting);
}

#[test]
fn other_clients_are_answered_during_queries_of_many_entities() {
    let folder = Folder::new("many");
    let served = serve_names(&folder, std::iter::repeat_n(30, 10_000), &[]);
    // None of these is refused: they are ordinary, and in an optimized build take some milliseconds.
    let sorted = format!("{COLLECTION}?$orderby=displayName,id%20desc&$top=10&$skip=5000&$count=true");
    let found = format!("{COLLECTION}?$filter=startswith(id,'WFI_99')&$count=true&$top=5");
    assert!(get(served.address(), &found).1.contains("\"@odata.count\":111,"));
    assert!(get(served.address(), &sorted).1.contains("\"@odata.count\":10000,"));
    let load: Vec<(&str, String, String)> =
        [wide(), equal(), sorted, found].into_iter().map(|target| ("GET", target, String::new())).collect();
    let load = [load.clone(), load].concat();
    assert_prompt_during(&served, &load);
}

#[cfg(target_os = "linux")]
#[test]
fn lists_of_large_entities_take_bounded_memory() {
    let folder = Folder::new("large");
    let served = serve_names(&folder, std::iter::repeat_n(1_500_000, 20), &[]);
    let memory = |name: &str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", served.program.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    get(served.address(), "/_emulator/health");
    let before = memory("VmRSS");
    // Reading the fixtures takes more than the entities: the maximum counts from here on.
    std::fs::write(format!("/proc/{}/clear_refs", served.program.child.id()), "5").unwrap();
    let (status, body) = send(served.address(), "POST", "/v1.0/$batch", &batch_of(COLLECTION));
    let peak = memory("VmHWM");
    assert_eq!(status, 200);
    assert!(body.len() < 48 << 20, "{} bytes", body.len());
    let answers: Value = serde_json::from_str(&body).unwrap();
    let statuses: Vec<u64> =
        answers["responses"].as_array().unwrap().iter().map(|answer| answer["status"].as_u64().unwrap()).collect();
    assert_eq!((statuses[0], statuses[19]), (200, 413));
    assert!(peak < before + 100, "{before} MiB before, {peak} MiB at most");
    // The next link of a page that ends early leads to all the other entities.
    let (mut target, mut ids) = (format!("{COLLECTION}?$orderby=id%20desc&$top=7"), Vec::new());
    loop {
        let (status, body) = get(served.address(), &target);
        assert_eq!(status, 200);
        assert!(body.len() < 5 << 20, "{} bytes", body.len());
        let page: Value = serde_json::from_str(&body).unwrap();
        ids.extend(page["value"].as_array().unwrap().iter().map(|entity| entity["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        target = next.split_once(HOST).unwrap().1.to_owned();
    }
    let mut expected: Vec<String> = (0..20).map(|index| format!("WFI_{index}")).collect();
    expected.sort_by(|left, right| right.cmp(left));
    assert_eq!(ids, expected);
}
