//! The commands for recorded exchanges: record, convert, compare.

use wfi_emulator::internals::text::exchange;

use crate::recordings::recorded::{Folder, emulator, session};

/// Runs the program and returns its exit status, its standard output and its standard error.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wfi-emulator"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WFI_EMULATOR_")) {
        command.env_remove(name);
    }
    let output = command.args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_records_converts_and_compares() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Command, Stdio};

    let folder = Folder::new("program");
    let path = |name: &str| folder.0.join(name).to_string_lossy().into_owned();
    let out = path("out");
    let upstream = emulator(&[]).await;
    let mut recorder = Command::new(env!("CARGO_BIN_EXE_wfi-emulator"))
        .args(["record", "--upstream", &upstream, "--out", &out, "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut base = String::new();
    BufReader::new(recorder.stdout.take().unwrap()).read_line(&mut base).unwrap();
    session(base.trim()).await;
    assert!(Command::new("kill").arg(recorder.id().to_string()).status().unwrap().success());
    let mut stderr = String::new();
    recorder.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(recorder.wait().unwrap().success());
    let file = format!("{out}/recorded-0001.hurl");
    assert!(stderr.ends_with(&format!("11 exchanges recorded in {file}\n")), "{stderr}");

    let (status, printed, _) = run(&["compare", &out]);
    insta::assert_snapshot!(printed, @r"
    file                exchanges       same      known      drift
    recorded-0001.hurl         11         11          0          0
    total                      11         11          0          0
    ");
    assert_eq!(status, Some(0));

    let drift = ["compare", &out, "--behavior", "update-response=no-content"];
    let (status, printed, _) = run(&drift);
    assert_eq!(status, Some(1));
    assert!(
        printed.contains(
            "  status: different status\n    - 200 OK\n    + 204 No Content\n  body: missing\n    - {\n    -   \"@odata.context\":"
        ),
        "{printed}"
    );
    let (status, printed, _) = run(&[&drift[..], &["--format", "json"]].concat());
    assert_eq!(status, Some(1));
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["total"], serde_json::json!({"exchanges": 11, "same": 10, "known": 0, "drift": 1}));
    assert_eq!(report["exchanges"][0]["drift"][0]["place"], "status");
    let (status, printed, _) = run(&[&drift[..], &["--format", "junit"]].concat());
    assert_eq!((status, printed.matches("<testcase").count(), printed.matches("<failure").count()), (Some(1), 11, 1));
    let mut reader = quick_xml::Reader::from_str(&printed);
    while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}

    let (archive, again) = (path("out.har"), path("again.hurl"));
    assert_eq!(run(&["convert", &file, &archive]), (Some(0), String::new(), "11 exchanges\n".to_owned()));
    let (status, _, told) = run(&["convert", &archive, &again]);
    assert_eq!((status, told.as_str()), (Some(0), "11 exchanges with graph.microsoft.com, 0 with other hosts omitted\n"));
    let mut resolver = exchange::Resolver::default();
    let entries = exchange::read_entries(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let concrete: Vec<exchange::Exchange> = entries.iter().map(|entry| resolver.resolve(entry).unwrap()).collect();
    assert_eq!(folder.read("again.hurl"), exchange::write(&concrete));
    let (status, _, stderr) = run(&["convert", &archive, &again]);
    assert_eq!(status, Some(2), "nothing is written over: {stderr}");
}

#[test]
fn invalid_input_to_compare_is_reported() {
    let folder = Folder::new("usage");
    let path = folder.0.to_string_lossy().into_owned();
    for (arguments, problem) in [
        (vec!["compare", &path], "no .hurl files found"),
        (vec!["compare", "/nowhere"], "/nowhere: No such file or directory"),
        (
            vec!["compare", &path, "--against", "nowhere"],
            "invalid address 'nowhere': expected one such as https://graph.microsoft.com",
        ),
        (vec!["compare", &path, "--header", "asecret"], "invalid --header: no colon, expected 'name: value'"),
        (vec!["compare", &path, "--header", "a b: c"], "invalid --header 'a b: …': expected 'name: value'"),
        (vec!["record", "--out", &path, "--upstream", "https://localhost", "--upstream-ca", "/nowhere"], "/nowhere: "),
        (vec!["convert", "a.txt", "b.hurl"], "a.txt: "),
    ] {
        let (status, printed, stderr) = run(&arguments);
        assert_eq!((status, printed.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.contains(problem), "{arguments:?}: {stderr}");
    }
    folder.write("broken.hurl", "# who\nGET {{base}}/v1.0/xy\n\nGET {{base}}/{{id}}\n\nHTTP 200\n\nGET {{base}}/a\nHTTP 2000\n");
    let (status, printed, _) = run(&["compare", &path]);
    insta::assert_snapshot!(printed, @r"
    broken.hurl:4: GET /{{id}}
      unknown value {{id}}: no earlier exchange has captured it, and no --variable has it

    broken.hurl:9: unreadable exchange
      invalid status `2000`, expected a number from 100 to 999

    file         exchanges       same      known      drift
    broken.hurl          3          1          0          2
    total                3          1          0          2
    ");
    assert_eq!(status, Some(1));
}

#[cfg(unix)]
#[test]
fn a_recording_is_written_at_a_second_interrupt() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    let folder = Folder::new("hurry");
    let out = folder.0.join("out").to_string_lossy().into_owned();
    // It answers its first request only.
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", upstream.local_addr().unwrap());
    let (waiting, waits) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for (index, stream) in upstream.incoming().enumerate() {
            let mut stream = stream.unwrap();
            stream.read_exact(&mut [0; 64]).unwrap();
            if index == 0 {
                stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
            } else {
                waiting.send(()).unwrap();
            }
            held.push(stream);
        }
    });
    let mut recorder = Command::new(env!("CARGO_BIN_EXE_wfi-emulator"))
        .args(["record", "--upstream", &base, "--out", &out, "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(recorder.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let send = |target: &str| {
        let mut stream = TcpStream::connect(address.trim().trim_start_matches("http://")).unwrap();
        let padding = "x".repeat(64);
        stream.write_all(format!("DELETE {target} HTTP/1.1\r\nHost: a\r\nPadding: {padding}\r\n\r\n").as_bytes()).unwrap();
        stream
    };
    send("/v1.0/answered").read_exact(&mut [0; 12]).unwrap();
    let _waits = send("/v1.0/waits");
    waits.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
    let interrupt = || assert!(Command::new("kill").args(["-INT", &recorder.id().to_string()]).status().unwrap().success());
    let started = std::time::Instant::now();
    interrupt();
    std::thread::sleep(std::time::Duration::from_millis(500));
    interrupt();
    let output = recorder.wait_with_output().unwrap();
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
    let text = folder.read("out/recorded-0001.hurl");
    assert!(output.status.success() && text.contains("/v1.0/answered") && !text.contains("/v1.0/waits"), "{output:?}: {text}");
}

/// A recording of a client that reads, creates, and reads and deletes what it has created; with a name for some of it.
const LIFE: &str = "# reads\nGET {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1\n\nHTTP 404\n\n\
    # creates\nPOST {{base}}/v1.0/teamwork/workforceIntegrations\nContent-Type: application/json\n{\n  \"displayName\": \"x\"\n}\n\nHTTP 201\n[Captures]\nid1: jsonpath \"$.id\"\n\n\
    # reads it\nGET {{base}}/v1.0/teamwork/workforceIntegrations/{{id1}}\n\nHTTP 200\n\n\
    DELETE {{base}}/v1.0/teamwork/workforceIntegrations/{{id1}}\n\nHTTP 204\n";

/// A service that counts the requests for it, by their methods.
fn counting_service() -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    use std::io::{BufRead as _, BufReader, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let seen = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let log = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            // A probe sends nothing.
            if BufReader::new(&stream).read_line(&mut line).is_ok_and(|length| length > 0) {
                log.lock().unwrap().push(line.split(' ').next().unwrap().to_owned());
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
    (base, seen)
}

#[test]
fn only_selected_exchanges_are_compared() {
    let folder = Folder::new("selected");
    let path = folder.0.to_string_lossy().into_owned();
    folder.write("life.hurl", LIFE);
    folder.write("other.hurl", "# reads another\nGET {{base}}/v1.0/teamwork/workforceIntegrations/WFI_2\n\nHTTP 404\n");
    folder.write("compare.rules", "known status in life.hurl#4: it is not deleted\n");
    let (base, seen) = counting_service();
    let compare = |arguments: &[&str]| run(&[&["compare", &path, "--against", &base], arguments].concat());
    let (status, printed, _) = compare(&["--only", "get"]);
    insta::assert_snapshot!(printed, @"
    note: 3 exchanges left out: 2 not selected, 1 with a value that those capture
    file           exchanges       same      known      drift
    2 clean files          2          2          0          0
    total                  2          2          0          0
    ");
    assert_eq!((status, seen.lock().unwrap().drain(..).collect::<Vec<String>>()), (Some(0), vec!["GET".to_owned(); 2]));
    // With its value, the request can be sent.
    let (status, printed, _) =
        compare(&["--only", "GET", "--only", "DELETE", "--filter", "life.hurl", "--variable", "id1=WFI_1"]);
    insta::assert_snapshot!(printed, @"
    life.hurl:18: reads it
      GET /v1.0/teamwork/workforceIntegrations/{{id1}}
      status: different status
        - 200 OK
        + 404 Not Found

    note: 2 exchanges left out
    file       exchanges       same      known      drift
    life.hurl          3          1          1          1
    total              3          1          1          1
    ");
    assert_eq!((status, seen.lock().unwrap().drain(..).count()), (Some(1), 3));
    let (status, printed, _) = compare(&["--filter", "reads*", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((status, &report["total"]["exchanges"]), (Some(0), &serde_json::json!(2)), "{printed}");
    for (arguments, problem) in [
        (&["--filter", "nothing"][..], "no exchange selected by --filter 'nothing': 5 exchanges left out"),
        (&["--only", "G T"], "invalid value 'G T' for '--only <METHOD>': expected a method such as GET"),
    ] {
        let (status, printed, stderr) = compare(arguments);
        assert_eq!(status, Some(2), "{printed}");
        assert!(stderr.contains(problem), "{stderr}");
    }
}

#[test]
fn a_dry_run_lists_requests_and_sends_none() {
    let folder = Folder::new("dry");
    let path = folder.0.to_string_lossy().into_owned();
    folder.write("life.hurl", LIFE);
    let (base, seen) = counting_service();
    let dry = ["compare", &path, "--against", &base, "--dry-run"];
    let (status, printed, _) = run(&dry);
    insta::assert_snapshot!(printed.replace(&base, "http://service"), @"
    life.hurl:2: GET /v1.0/teamwork/workforceIntegrations/WFI_1 (reads)
    life.hurl:7: POST /v1.0/teamwork/workforceIntegrations (creates)
    life.hurl:18: GET /v1.0/teamwork/workforceIntegrations/{{id1}} (reads it)
    life.hurl:22: DELETE /v1.0/teamwork/workforceIntegrations/{{id1}}
    note: dry run: 4 requests to http://service, none sent
    ");
    assert_eq!((status, seen.lock().unwrap().len()), (Some(0), 0));
    let (_, printed, _) = run(&["compare", &path, "--dry-run", "--only", "GET"]);
    insta::assert_snapshot!(printed, @"
    life.hurl:2: GET /v1.0/teamwork/workforceIntegrations/WFI_1 (reads)
    note: 3 exchanges left out: 2 not selected, 1 with a value that those capture
    note: dry run: 1 request to the emulator in this process, none sent
    ");
    let (_, printed, _) = run(&[&dry[..], &["--format", "json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["exchanges"][3]["planned"], "DELETE /v1.0/teamwork/workforceIntegrations/{{id1}}");
    let (_, printed, _) = run(&[&dry[..], &["--format", "junit"]].concat());
    assert_eq!(printed.matches("<skipped message=").count(), 4, "{printed}");
    // A service that is not there is not asked either; an unreadable file is a mistake all the same.
    folder.write("life.hurl", "GET {{base}}/v1.0/xy\n\nHTTP 2000\n");
    let (status, printed, _) = run(&["compare", &path, "--against", "http://127.0.0.1:1", "--dry-run"]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("invalid status `2000`"), "{printed}");
}

#[test]
fn files_without_differences_are_listed_on_demand() {
    let folder = Folder::new("clean");
    let path = folder.0.to_string_lossy().into_owned();
    let text = |status: u16| format!("GET {{{{base}}}}/v1.0/teamwork/workforceIntegrations/WFI_1\n\nHTTP {status}\n");
    for (name, status) in [("a", 404), ("b", 200), ("c", 404)] {
        folder.write(&format!("{name}.hurl"), &text(status));
    }
    let (base, _) = counting_service();
    let table = |flags: &[&str]| {
        let (_, printed, _) = run(&[&["compare", &path, "--against", &base], flags].concat());
        printed[printed.find("file ").unwrap()..].to_owned()
    };
    insta::assert_snapshot!(table(&[]), @"
    file           exchanges       same      known      drift
    b.hurl                 1          0          0          1
    2 clean files          2          2          0          0
    total                  3          2          0          1
    ");
    insta::assert_snapshot!(table(&["--verbose"]), @"
    file    exchanges       same      known      drift
    a.hurl          1          1          0          0
    b.hurl          1          0          0          1
    c.hurl          1          1          0          0
    total           3          2          0          1
    ");
}
