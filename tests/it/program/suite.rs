//! The program in a test suite: worlds, control API, readiness, the end of its parent process.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::process::{Folder, PATIENCE, Program, Served, command, outcome, refused};
use crate::support::harness::HOST;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// An entity of the built-in fixtures.
const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";

/// A client with one persistent connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn new(address: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// Sends a request and returns the status and the body of the answer.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.send_with(method, path, "", body)
    }

    pub(crate) fn send_with(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let (status, body) =
            self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        (status, body.unwrap_or_else(|error| panic!("{method} {path}: {error}")))
    }

    /// Sends a request whose answer may be missing or truncated.
    pub(crate) fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<(u16, io::Result<String>)> {
        self.try_exchange(method, path, headers, body).map(|(status, _, body)| (status, body))
    }

    /// Sends a request and returns the head and the body of the answer.
    pub(crate) fn exchange(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (String, String) {
        let (_, head, body) = self.try_exchange(method, path, headers, body).unwrap();
        (head, body.unwrap())
    }

    fn try_exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<(u16, String, io::Result<String>)> {
        let length = body.len();
        let content_type = if headers.contains("Content-Type") { "" } else { "Content-Type: application/json\r\n" };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{content_type}Content-Length: {length}\r\n{headers}\r\n");
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {line:?}")))?;
        let (mut head, mut length) = (line.clone(), 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        let read = self.stream.read_exact(&mut body).map(|()| String::from_utf8(body).unwrap());
        Ok((status, head, read))
    }

    pub(crate) fn json(&mut self, method: &str, path: &str, body: &str) -> Value {
        let (status, text) = self.send(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

#[test]
fn two_hundred_concurrent_tests_have_isolated_worlds() {
    let served = Served::start(&["--log", "off"]);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for test in 0..200 {
            let address = served.address();
            scope.spawn(move || {
                let mut client = Client::new(address);
                let base = format!("/_tenant/test-{test}");
                let name = |number: usize| format!("test {test}, integration {number}");
                let mut ids = Vec::new();
                for number in 0..10 {
                    let created = client.json("POST", &format!("{base}{COLLECTION}"), &json!({"displayName": name(number)}).to_string());
                    ids.push(created["id"].as_str().unwrap().to_owned());
                }
                for (number, id) in ids.iter().enumerate() {
                    let entity = format!("{base}{COLLECTION}/{id}");
                    assert_eq!(client.json("GET", &entity, "")["displayName"], name(number));
                    client.json("PATCH", &entity, &json!({"isActive": false, "displayName": format!("{} renamed", name(number))}).to_string());
                    assert_eq!(client.json("GET", &entity, "")["displayName"], format!("{} renamed", name(number)));
                }
                for id in &ids[1..] {
                    client.json("DELETE", &format!("{base}{COLLECTION}/{id}"), "");
                }
                let left = client.json("GET", &format!("{base}{COLLECTION}"), "");
                let left = left["value"].as_array().unwrap();
                assert_eq!(left.len(), 5, "the four built-in ones and one of its own");
                let journal = format!("/_emulator/tenants/test-{test}/journal");
                let expectation = json!({"method": "PATCH", "id": ids[3], "status": 200, "body": {"displayName": format!("{} renamed", name(3))}});
                let verdict = client.json("POST", &format!("{journal}/verify"), &expectation.to_string());
                assert_eq!(verdict["holds"], true, "{verdict}");
                assert_eq!(client.json("GET", &format!("{journal}?limit=0"), "")["count"], 50);
                let strangers = client.json("POST", &format!("{journal}/verify"), r#"{"method":"POST","status":"2xx","times":10}"#);
                assert_eq!(strangers["holds"], true, "{strangers}");
            });
        }
    });
    let elapsed = started.elapsed();
    eprintln!("200 tests of 50 operations each took {elapsed:?}");
    // A few seconds on a busy machine, minutes if worlds wait for each other.
    assert!(elapsed < Duration::from_secs(60), "{elapsed:?}");
}

#[test]
fn a_world_is_named_by_the_path_a_header_or_a_token() {
    let fixtures = Folder::new("a_tenant_is_named");
    let empty = fixtures.file("empty.json", "[]");
    let served =
        Served::start(&["--log", "off", "--tenant-by", "token", "--fixture", &format!("none={empty}"), "--tenant-limit", "3"]);
    let mut client = Client::new(served.address());
    client.json("PUT", "/_emulator/tenants/empty", r#"{"fixture":"none"}"#);
    let count = |client: &mut Client, path: &str, headers: &str| {
        let (status, body) = client.send_with("GET", path, headers, "");
        let value: Value = serde_json::from_str(&body).unwrap();
        if status == 200 {
            value["value"].as_array().unwrap().len().to_string()
        } else {
            value["error"]["message"].as_str().unwrap().to_owned()
        }
    };
    assert_eq!(count(&mut client, COLLECTION, ""), "4");
    assert_eq!(count(&mut client, &format!("/_tenant/empty{COLLECTION}"), ""), "0");
    assert_eq!(count(&mut client, COLLECTION, "x-wfi-emulator-tenant: empty\r\n"), "0");
    // {"tid":"empty"}
    assert_eq!(count(&mut client, COLLECTION, "authorization: Bearer e30.eyJ0aWQiOiJlbXB0eSJ9.x\r\n"), "0");
    assert_eq!(
        count(&mut client, &format!("/_tenant/other{COLLECTION}"), "x-wfi-emulator-tenant: empty\r\n"),
        "4",
        "the path comes first"
    );
    count(&mut client, &format!("/_tenant/third{COLLECTION}"), "");
    // Worlds without changes would give way.
    for world in ["other", "third"] {
        assert_eq!(client.send_with("DELETE", &format!("/_tenant/{world}{ENTITY}"), "", "").0, 204);
    }
    insta::assert_snapshot!(count(&mut client, &format!("/_tenant/fourth{COLLECTION}"), ""), @"world limit reached (3): drop worlds or raise the limit");
    client.json("DELETE", "/_emulator/tenants/third", "");
    assert_eq!(count(&mut client, &format!("/_tenant/fourth{COLLECTION}"), ""), "4");
}

#[test]
fn the_token_service_works_under_the_prefix_of_a_world() {
    let served = Served::start(&["--log", "off", "--auth", "strict"]);
    let mut client = Client::new(served.address());
    let base = "/_tenant/a";
    let issuer = client.json("GET", &format!("{base}/contoso/v2.0/.well-known/openid-configuration"), "");
    let token_endpoint = issuer["token_endpoint"].as_str().unwrap();
    let path = token_endpoint.split_once(HOST).unwrap_or_else(|| panic!("{token_endpoint}")).1;
    assert!(path.starts_with(base), "{path}");
    let form = "grant_type=client_credentials&client_id=app&client_secret=hush&scope=https://graph.microsoft.com/.default";
    let (status, body) = client.send_with("POST", path, "Content-Type: application/x-www-form-urlencoded\r\n", form);
    let token: Value = serde_json::from_str(&body).unwrap();
    let token = token["access_token"].as_str().unwrap_or_else(|| panic!("{status} {body}")).to_owned();
    let entity = format!("{base}{ENTITY}");
    assert_eq!(client.send("GET", &entity, "").0, 401);
    assert_eq!(client.send_with("GET", &entity, &format!("Authorization: Bearer {token}\r\n"), "").0, 200);
    let journal = client.json("GET", "/_emulator/tenants/a/journal", "");
    assert_eq!(journal["entries"].as_array().unwrap().len(), 4);
    assert!(!journal.to_string().contains(&token) && !journal.to_string().contains("hush"), "{journal}");
}

#[test]
fn readiness_is_announced_in_json_and_in_a_file() {
    let folder = Folder::new("readiness_is_told");
    let file = folder.0.join("ready.json");
    let served = Served::start(&["--log", "off", "--ready", "json", "--ready-file", file.to_str().unwrap(), "--seed", "7"]);
    let ready: Value = serde_json::from_str(&served.url).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&std::fs::read_to_string(&file).unwrap()).unwrap(), ready);
    let port = ready["port"].as_u64().unwrap();
    assert_eq!(ready["url"], format!("http://127.0.0.1:{port}"));
    assert_eq!(
        (ready["v1"].clone(), ready["pid"].as_u64(), ready["seed"].as_u64()),
        (format!("http://127.0.0.1:{port}/v1.0").into(), Some(served.program.child.id().into()), Some(7))
    );
    let healthy = outcome(&["health", "--port", &port.to_string()]);
    assert_eq!((healthy.status, &*healthy.stdout, &*healthy.stderr), (Some(0), "", ""));
    let folder_of_ca = folder.0.join("ca");
    let secure = Served::start(&["--log", "off", "--ready", "json", "--tls", "--ca-dir", folder_of_ca.to_str().unwrap()]);
    let ready: Value = serde_json::from_str(&secure.url).unwrap();
    assert!(ready["v1"].as_str().unwrap().starts_with("https://127.0.0.1:"), "{ready}");
    assert!(std::fs::read_to_string(ready["ca"].as_str().unwrap()).unwrap().contains("BEGIN CERTIFICATE"));
    drop(served);
    let gone = outcome(&["health", "--port", &port.to_string()]);
    assert_eq!(gone.status, Some(1));
    assert!(gone.stderr.starts_with(&format!("wfi-emulator: 127.0.0.1:{port}: ")), "{}", gone.stderr);
    let file = folder.0.join("no/such/folder");
    let file = file.to_str().unwrap();
    let nowhere = format!("wfi-emulator: {file}: cannot be written: No such file or directory (os error 2)\n");
    assert_eq!(outcome(&["--port", "0", "--ready-file", file]), refused(&nowhere));
}

#[test]
fn the_program_ends_within_a_second_after_its_parent() {
    let mut command = command(&["--port", "0", "--exit-with-parent", "--log", "off"], &[]);
    command.stdin(Stdio::piped());
    let mut served = Served::of(command);
    // A request in flight and an idle connection do not delay it.
    let mut busy = served.connect();
    busy.write_all(format!("POST {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\n").as_bytes()).unwrap();
    let _waiting = served.connect();
    assert_eq!(served.status("GET", ENTITY, ""), 200);
    let started = Instant::now();
    drop(served.program.child.stdin.take());
    let Served { program, .. } = served;
    assert_eq!(program.outcome().status, Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[cfg(unix)]
#[test]
fn killing_the_parent_ends_the_child() {
    // The shell has the other end of the pipe to the program, and is killed without a chance to close it.
    let program = env!("CARGO_BIN_EXE_wfi-emulator");
    let script = format!("sleep 100 | '{program}' --port 0 --exit-with-parent --log off --ready json & wait");
    let mut shell = std::process::Command::new("setsid");
    shell.args(["sh", "-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let parent = Program::start(shell);
    let ready: Value = serde_json::from_str(&parent.stdout.recv_timeout(PATIENCE).unwrap()).unwrap();
    let sleeping = std::process::Command::new("pgrep").args(["-g", &parent.child.id().to_string(), "sleep"]).output().unwrap();
    let sleeping = String::from_utf8(sleeping.stdout).unwrap();
    let started = Instant::now();
    assert!(std::process::Command::new("kill").args(["-KILL", sleeping.trim()]).status().unwrap().success());
    let port = ready["port"].as_u64().unwrap();
    while TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(5), "the program outlives the process that holds its standard input");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(unix)]
#[test]
fn state_is_saved_at_exit_and_loaded_at_start() {
    let folder = Folder::new("state_is_saved");
    let file = folder.0.join("world.json");
    let state = file.to_str().unwrap();
    let first = Served::start(&["--log", "off", "--state", state]);
    let secret = "s".repeat(64);
    let body = json!({"displayName": "kept", "encryption": {"protocol": "sharedSecret", "secret": secret}}).to_string();
    assert_eq!(first.status("PATCH", ENTITY, &body), 200);
    let schedule = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";
    assert_eq!(first.status("POST", &format!("{schedule}/shifts"), r#"{"userId":"kept too","schedulingGroupId":"TAG_920670e8-1218-5db1-a318-17f90cf7aa75","sharedShift":{"startDateTime":"2024-10-12T06:00:00Z","endDateTime":"2024-10-12T16:00:00Z"}}"#), 201);
    assert!(!file.exists());
    assert_eq!(first.stop().status, Some(0));
    let saved = std::fs::read_to_string(&file).unwrap();
    assert!(saved.contains(&secret) && saved.contains("kept"));
    let second = Served::start(&["--log", "off", "--state", state]);
    assert!(second.exchange("GET", ENTITY, "").contains("\"displayName\":\"kept\""));
    assert!(second.exchange("GET", &format!("{schedule}/shifts"), "").contains("\"userId\":\"kept too\""));
    assert_eq!(second.status("DELETE", ENTITY, ""), 204);
    assert_eq!(second.stop().status, Some(0));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("\"kept\""));
    // A state that an earlier version saved: one collection, without its name and without teams.
    std::fs::write(&file, r#"{"value":[{"id":"a"}]}"#).unwrap();
    let third = Served::start(&["--log", "off", "--state", state]);
    assert_eq!((third.status("GET", &format!("{COLLECTION}/a"), ""), third.status("GET", schedule, "")), (200, 404));
    assert_eq!(third.stop().status, Some(0));
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "nothing else is left behind");
    std::fs::write(&file, r#"{"workforceIntegrations":[{}]}"#).unwrap();
    let broken = outcome(&["--port", "0", "--state", state]);
    assert_eq!((broken.status, broken.stdout.as_str()), (Some(2), ""));
    assert!(broken.stderr.contains("world.json: $.workforceIntegrations[0].id: must be a non-empty string"), "{}", broken.stderr);
}

#[test]
fn a_state_file_that_cannot_be_written_is_reported_at_start() {
    let folder = Folder::new("a_state_that_could_not");
    let refused = |path: &str| outcome(&["--port", "0", "--log", "off", "--state", path]);
    let nowhere = folder.0.join("no/such/folder.json");
    let told = refused(nowhere.to_str().unwrap());
    assert_eq!((told.status, told.stdout.as_str()), (Some(2), ""));
    assert!(
        told.stderr.ends_with("no/such/folder.json: cannot be written: No such file or directory (os error 2)\n"),
        "{told:?}"
    );
    let told = refused(folder.path());
    assert_eq!(told.status, Some(2));
    assert!(told.stderr.ends_with(": is a folder, expected a file\n"), "{told:?}");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left behind");
}

#[cfg(unix)]
#[test]
fn a_state_file_behind_a_link_is_saved_at_its_target() {
    let folder = Folder::new("a_state_behind_a_link");
    let link = folder.0.join("link.json");
    std::os::unix::fs::symlink("real.json", &link).unwrap();
    for _ in 0..2 {
        let served = Served::start(&["--log", "off", "--state", link.to_str().unwrap()]);
        assert_eq!(served.stop().status, Some(0));
        assert!(link.is_symlink() && !folder.0.join("real.json").is_symlink());
        assert!(std::fs::read_to_string(folder.0.join("real.json")).unwrap().contains("0ce9b8e3"));
    }
}

#[test]
fn the_ready_file_exists_only_while_the_program_is_ready() {
    let folder = Folder::new("a_ready_file");
    let stale = folder.file("ready", "http://127.0.0.1:1\n");
    let taken = Served::start(&["--log", "off"]);
    let port = taken.address().rsplit(':').next().unwrap().to_owned();
    let failed = outcome(&["--port", &port, "--ready-file", &stale]);
    assert_eq!(failed.status, Some(1));
    assert!(!std::path::Path::new(&stale).exists(), "that of an earlier run says nothing of this one");
    let served = Served::start(&["--log", "off", "--ready-file", &stale]);
    assert_eq!(std::fs::read_to_string(&stale).unwrap().trim(), served.url);
    assert_eq!(served.stop().status, Some(0));
    assert!(!std::path::Path::new(&stale).exists());
}

#[cfg(unix)]
#[test]
fn swapped_fixtures_are_noticed_despite_equal_times() {
    let folder = Folder::new("fixtures_that_are_swapped");
    let text = |name: &str| format!(r#"[{{"id":"a","displayName":"{name}"}}]"#);
    let then = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let make = |name: &str, entity: &str| {
        let path = folder.file(name, &text(entity));
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
        path
    };
    let (first, second) = (make("1.data", "one"), make("2.data", "two"));
    let link = |to: &str| {
        let (new, file) = (folder.0.join("new"), folder.0.join("workforceIntegrations.json"));
        std::os::unix::fs::symlink(to, &new).unwrap();
        std::fs::rename(new, &file).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let file = link(&first);
    let served = Served::start(&["--fixtures", &file, "--watch"]);
    link(&second);
    let mut client = Client::new(served.address());
    let started = Instant::now();
    while client.json("GET", &format!("{COLLECTION}/a"), "")["displayName"] != "two" {
        assert!(started.elapsed() < PATIENCE, "the new file is never loaded");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn flags_without_effect_are_an_error() {
    let folder = Folder::new("flags_that_would_do_nothing");
    let file = folder.file("w.json", "[]");
    let named = format!("a={file}");
    for (arguments, told) in [
        (&["--watch"][..], "--watch requires --fixtures, --fixture, --stubs or --faults with a file"),
        (&["--fixture", &named, "--fixture", &named], "duplicate --fixture 'a'"),
        (&["--fixture", "=x"], "invalid --fixture '=x': expected name=path, for example empty=empty.json"),
    ] {
        let refused = outcome(&[&["--port", "0"], arguments].concat());
        assert_eq!((refused.status, refused.stderr.trim()), (Some(2), format!("wfi-emulator: {told}").trim()), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_cannot_print_its_address_ends() {
    let mut command = command(&["--port", "0", "--log", "off"], &[]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let ended = Program::start(command).outcome();
    assert_eq!(ended.status, Some(1));
    assert!(ended.stderr.starts_with("wfi-emulator: standard output: No space left on device"), "{ended:?}");
}

#[test]
fn changed_fixtures_are_reloaded_and_a_broken_file_keeps_the_old_ones() {
    let folder = Folder::new("fixtures_are_loaded_again");
    let file = folder.file("workforceIntegrations.json", r#"[{"id":"a","displayName":"first"}]"#);
    let served = Served::start(&["--fixtures", &file, "--watch"]);
    // One connection sees all versions.
    let mut client = Client::new(served.address());
    let name =
        |client: &mut Client| client.json("GET", &format!("{COLLECTION}/a"), "")["displayName"].as_str().unwrap().to_owned();
    assert_eq!(name(&mut client), "first");
    folder.file("workforceIntegrations.json", r#"[{"id":"a","displayName":7}]"#);
    let logged = |part: &str| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = served.program.stderr.recv_timeout(left).unwrap_or_else(|_| panic!("the log does not say: {part}"));
            if line.contains(part) {
                return line;
            }
        }
    };
    let told = logged("not reloaded");
    assert!(told.contains("$[0].displayName: found the number 7, expected a string"), "{told}");
    assert_eq!(name(&mut client), "first");
    folder.file("workforceIntegrations.json", r#"[{"id":"a","displayName":"second"}]"#);
    logged("fixtures reloaded: 1 entity");
    assert_eq!(name(&mut client), "second");
}

#[test]
fn faults_are_given_by_file_or_by_name() {
    let folder = Folder::new("faults_come_from_a_file");
    let file = folder.file("faults.json", r#"[{"name":"busy","on":{"method":"GET","nth":2},"do":"throttled-decimal"}]"#);
    let served = Served::start(&["--faults", &file]);
    assert_eq!(
        [served.status("GET", ENTITY, ""), served.status("GET", ENTITY, ""), served.status("GET", ENTITY, "")],
        // The third comes before the seconds of `Retry-After` are over.
        [200, 429, 429]
    );
    served.logged();
    assert_eq!(served.logged(), format!("GET {ENTITY} 429 … (fault: busy) refused by fault-throttled: rule busy"));
    let named = Served::start(&["--log", "off", "--faults", "bad-gateway"]);
    assert_eq!(named.status("GET", ENTITY, ""), 502);
    let broken = folder.file("broken.json", r#"{"do":"nothing"}"#);
    let refused = outcome(&["--port", "0", "--faults", &broken]);
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.contains("broken.json: $.do: found \"nothing\", expected one of throttled,"), "{}", refused.stderr);
}

#[test]
fn faults_take_effect_on_the_wire() {
    let served = Served::start(&["--log", "off"]);
    let mut control = Client::new(served.address());
    let mut set = |rules: &str| control.json("PUT", "/_emulator/tenants/default/faults", rules);
    set(r#"{"do":{"reset":true}}"#);
    let mut reset = served.connect();
    reset.write_all(format!("GET {ENTITY} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(reset.read(&mut [0; 1]).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset), "no end in peace");
    set(r#"{"do":{"truncate":10}}"#);
    let cut = served.exchange("GET", ENTITY, "");
    assert!(cut.starts_with("HTTP/1.1 200 OK\r\n") && cut.ends_with("\r\n\r\n{\"@odata.c"), "{cut}");
    set(r#"{"do":{"slow":{"bytes":200,"every":20}}}"#);
    let started = Instant::now();
    let slow = served.exchange("GET", ENTITY, "");
    assert!(slow.ends_with('}') && started.elapsed() >= Duration::from_millis(80), "{slow}");
    set(r#"{"do":{"malformed":true}}"#);
    let (_, body) =
        served.exchange("GET", ENTITY, "").split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned())).unwrap();
    assert!(serde_json::from_str::<Value>(&body).is_err() && !body.is_empty());
    set(r#"{"do":{"silence":true}}"#);
    let mut silent = served.connect();
    silent.write_all(format!("GET {ENTITY} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).unwrap();
    silent.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(silent.read(&mut [0; 1]).is_err(), "nothing comes, and the connection stays");
    set(r#"{"do":{"delay":50}}"#);
    let started = Instant::now();
    assert_eq!(served.status("GET", ENTITY, ""), 200);
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[test]
fn the_control_api_can_be_switched_off_and_refuses_browser_pages() {
    let off = Served::start(&["--log", "off", "--control", "off"]);
    assert_eq!(off.status("GET", "/_emulator", ""), 400, "Graph knows no such version");
    let port = off.address().rsplit(':').next().unwrap().to_owned();
    assert_eq!(outcome(&["health", "--port", &port]).status, Some(0));
    let on = Served::start(&["--log", "off"]);
    let mut client = Client::new(on.address());
    let about = client.json("GET", "/_emulator", "");
    assert_eq!(
        (about["version"].as_str(), about["configuration"]["behaviors"]["secret"].as_str()),
        (Some(env!("CARGO_PKG_VERSION")), Some("null"))
    );
    let configuration = &about["configuration"];
    assert_eq!(
        (&configuration["auth"], &configuration["tls"], &configuration["clock"]),
        (&json!("open"), &json!(false), &Value::Null)
    );
    assert_eq!(client.send_with("GET", "/_emulator", "Origin: https://evil.example\r\n", "").0, 403);
}

#[test]
fn a_reset_lets_go_of_requests_that_a_fault_holds() {
    let folder = Folder::new("held");
    let rules =
        r#"[{"on":{"method":"DELETE"},"do":{"silence":true}},{"on":{"method":"GET","path":"/v1.0/**"},"do":{"delay":500000}}]"#;
    let served = Served::start(&["--faults", &folder.file("faults.json", rules)]);
    let held: Vec<TcpStream> = ["DELETE", "GET"]
        .into_iter()
        .map(|method| {
            let mut stream = served.connect();
            stream
                .write_all(format!("{method} {ENTITY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
                .unwrap();
            stream
        })
        .collect();
    let deadline = Instant::now() + PATIENCE;
    while served.exchange("GET", "/_emulator/worlds/default/faults", "").matches("\"struck\": 1").count() < 2 {
        assert!(Instant::now() < deadline, "the requests arrive");
    }
    assert_eq!(served.status("POST", "/_emulator/worlds/default/reset", ""), 200);
    let answers: Vec<String> = held
        .into_iter()
        .map(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
        .collect();
    assert_eq!(answers[0], "");
    assert!(answers[1].starts_with("HTTP/1.1 200 OK"), "{}", answers[1]);
}

#[test]
fn verification_waits_for_a_request_and_names_a_mistyped_world() {
    let served = Served::start(&[]);
    let verify = |world: &str, body: &Value| -> Value {
        let (status, verdict) =
            Client::new(served.address()).send("POST", &format!("/_emulator/worlds/{world}/journal/verify"), &body.to_string());
        assert_eq!(status, 200, "{verdict}");
        serde_json::from_str(&verdict).unwrap()
    };
    let (deleted, address) = (json!({"method": ["DELETE", "PUT"], "within": 8}), served.address().to_owned());
    let waiting = std::thread::spawn(move || {
        let path = "/_emulator/worlds/a/journal/verify";
        let started = Instant::now();
        let (_, verdict) = Client::new(&address).send("POST", path, &deleted.to_string());
        (serde_json::from_str::<Value>(&verdict).unwrap(), started.elapsed())
    });
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(Client::new(served.address()).send("DELETE", &format!("/_world/a{ENTITY}"), "").0, 204);
    let (verdict, waited) = waiting.join().unwrap();
    assert!(verdict["holds"] == true && waited >= Duration::from_millis(200) && waited < PATIENCE, "{verdict} {waited:?}");
    let started = Instant::now();
    let missed = verify("a", &json!({"method": "PUT", "within": 0.3}));
    assert!(missed["holds"] == false && started.elapsed() >= Duration::from_millis(300));
    let (text, hint) = (missed["text"].as_str().unwrap(), "no request ever named the world");
    assert!(!text.contains(hint), "{text}");
    let mistyped = verify("A", &json!({"method": "DELETE"}));
    let text = mistyped["text"].as_str().unwrap();
    assert!(text.ends_with("\nno request ever named the world A; those that have requests: a"), "{text}");
    let order = json!({"inOrder": [{"method": "DELETE"}, {"method": "GET", "query": {"$top": "1"}}]});
    assert_eq!(verify("a", &order)["holds"], false);
    assert_eq!(Client::new(served.address()).send("GET", &format!("/_world/a{COLLECTION}?$top=1"), "").0, 200);
    assert_eq!(verify("a", &order)["found"].as_array().unwrap().len(), 2);
    for (body, problem) in [
        (json!({"within": -1}), "invalid within '-1': expected seconds, at most 300"),
        (json!({"within": 301}), "invalid within '301'"),
        (json!({"headers": {"a": 1}}), "invalid headers.a '1': expected a text"),
        (json!({"method": []}), "invalid method '[]'"),
        (json!({"inOrder": [{"times": 2}]}), "invalid inOrder[0]: expected no inOrder, times or within in it"),
        (json!({"inOrder": [{}], "method": "GET"}), "conflicting members: expected inOrder with within and secrets alone"),
    ] {
        let (status, refused) =
            Client::new(served.address()).send("POST", "/_emulator/worlds/a/journal/verify", &body.to_string());
        assert!(status == 400 && refused.contains(problem), "{body}: {refused}");
    }
}

#[test]
fn stubs_and_fault_rules_are_reloaded_when_they_are_told_to_or_change() {
    let folder = Folder::new("reload");
    let stubs = folder.file("stubs.hurl", "GET {{base}}/v1.0/xy\n\nHTTP 200\n`one`\n");
    let faults = folder.file("faults.json", r#"{"on":{"method":"DELETE"},"do":"throttled"}"#);
    let flags = ["--stubs", &stubs, "--faults", &faults, "--explain"];
    let served = Served::start(&flags);
    let mut client = Client::new(served.address());
    assert_eq!(client.send("GET", "/v1.0/xy", ""), (200, "one".to_owned()));
    let head = served.exchange("HEAD", "/v1.0/xy", "").to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok") && head.contains("content-length: 3") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains(&format!("x-wfi-emulator-explain: answered by the stub {stubs}:1\r\n").to_lowercase()), "{head}");
    let (_, journal) = client.send("GET", "/_emulator/worlds/default/journal?format=exchange", "");
    assert!(journal.contains(&format!("# answered by the stub {stubs}:1\nGET")), "{journal}");
    assert_eq!(client.send("DELETE", ENTITY, "").0, 429);
    folder.file("stubs.hurl", "GET {{base}}/v1.0/xy\n\nHTTP 200\n`two`\n");
    folder.file("faults.json", "[]");
    let (status, reloaded) = client.send("POST", "/_emulator/reload", "");
    assert!(status == 200 && reloaded.contains("\"stubs\": 1") && reloaded.contains("\"faults\": 0"), "{reloaded}");
    assert_eq!(client.send("GET", "/v1.0/xy", ""), (200, "two".to_owned()));
    assert_eq!(client.send("DELETE", ENTITY, "").0, 204);
    folder.file("stubs.hurl", "broken");
    let (status, problem) = client.send("POST", "/_emulator/reload", "");
    assert!(status == 400 && problem.contains("stubs.hurl"), "{problem}");
    assert_eq!(client.send("GET", "/v1.0/xy", ""), (200, "two".to_owned()), "a broken file changes nothing");
    folder.file("stubs.hurl", "GET {{base}}/v1.0/xy\n\nHTTP 200\n`three`\n");
    let served = Served::start(&[&flags[..], &["--watch"]].concat());
    let mut client = Client::new(served.address());
    assert_eq!(client.send("GET", "/v1.0/xy", ""), (200, "three".to_owned()));
    folder.file("stubs.hurl", "GET {{base}}/v1.0/xy\n\nHTTP 200\n`fourth`\n");
    let deadline = Instant::now() + PATIENCE;
    while client.send("GET", "/v1.0/xy", "").1 != "fourth" {
        assert!(Instant::now() < deadline, "the change is seen");
    }
}
