//! The recorder between client and service: TLS to the client, links that keep it there, proxies to the service, pages of lists.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use wfi_emulator::internals::edge::client::{HttpClient, Upstream};
use wfi_emulator::internals::edge::service::Service;
use wfi_emulator::internals::edge::{certificate, server};
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::RecordedResponse;
use wfi_emulator::internals::text::redact::RedactionRules;
use wfi_emulator::internals::tools::record;

use crate::program::process::{COLLECTION, Program, Served, command};
use crate::recordings::commands::run;
use crate::recordings::recorded::{Folder, JSON, emulator, request};
use crate::support::harness;

/// A recorder in this process.
struct Recorder {
    /// Its address without TLS.
    base: String,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(usize, Option<std::path::PathBuf>), String>>,
}

impl Recorder {
    async fn start(upstream: &str, folder: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> Recorder {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let upstream = Upstream::new(upstream, None).unwrap();
        let options = record::RecordOptions { upstream, folder: folder.to_owned(), rules: RedactionRules::default(), tls };
        let task = tokio::spawn(record::run(listener, options, async { stopped.await.unwrap_or_default() }));
        Recorder { base, stop, task }
    }

    /// Stops the recorder and returns the number of exchanges.
    async fn stop(self) -> usize {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap().0
    }
}

fn body(response: &RecordedResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn header<'r>(response: &'r RecordedResponse, name: &str) -> Option<&'r str> {
    response.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn links_keep_a_client_in_the_recorder_over_tls_and_without() {
    let folder = Folder::new("links");
    let authority = certificate::Authority::in_memory().unwrap();
    folder.write("ca.pem", authority.certificate());
    let tls = certificate::issued(&authority, &[]).unwrap();
    let upstream = emulator(&[]).await;
    let recorder = Recorder::start(&upstream, &folder.0.join("out"), Some(tls)).await;
    let own = [recorder.base.clone(), recorder.base.replace("http://127.0.0.1", "https://localhost")];
    for own in &own {
        let mut client = HttpClient::new(Upstream::new(own, Some(&folder.0.join("ca.pem"))).unwrap());
        let mut target = format!("{COLLECTION}?$top=2");
        for _ in 0..2 {
            let page = client.send(&request(Method::GET, &target, &[], "")).await.unwrap();
            assert_eq!(header(&page, "content-length"), Some(&*page.body.len().to_string()));
            target = match body(&page)["@odata.nextLink"].as_str() {
                Some(link) => link.strip_prefix(own).unwrap_or_else(|| panic!("{link} leaves {own}")).to_owned(),
                None => break,
            };
        }
        let new = r#"{"displayName":"x"}"#;
        let created = client.send(&request(Method::POST, COLLECTION, &[JSON], new)).await.unwrap();
        let location = header(&created, "location").unwrap();
        assert!(location.starts_with(&format!("{own}{COLLECTION}")), "{location}");
        let delta = client.send(&request(Method::GET, "/v1.0/users/delta", &[], "")).await.unwrap();
        let link = body(&delta)["@odata.deltaLink"].as_str().unwrap().to_owned();
        assert!(link.starts_with(&format!("{own}/v1.0/users/delta?")), "{link}");
        let batch = json!({"requests": [
            {"id": "1", "method": "POST", "url": "/teamwork/workforceIntegrations", "headers": {"Content-Type": "application/json"}, "body": {"displayName": "y"}},
            {"id": "2", "method": "GET", "url": "/users?$top=1"},
        ]});
        let answer = client.send(&request(Method::POST, "/v1.0/$batch", &[JSON], &batch.to_string())).await.unwrap();
        let answer = body(&answer);
        let by_id = |id: &str| answer["responses"].as_array().unwrap().iter().find(|response| response["id"] == id).unwrap();
        let location = by_id("1")["headers"]["Location"].as_str().unwrap();
        assert!(location.starts_with(&format!("{own}{COLLECTION}")), "{location}");
        let link = by_id("2")["body"]["@odata.nextLink"].as_str().unwrap();
        assert!(link.starts_with(&format!("{own}/v1.0/users?")), "{link}");
        // Other links remain unchanged.
        assert!(body(&created)["@odata.context"].as_str().unwrap().starts_with(&upstream));
    }
    assert_eq!(recorder.stop().await, 10);
    let text = folder.read("out/recorded-0001.hurl");
    assert!(own.iter().all(|own| !text.contains(own)), "{text}");
    // Per round, the link of one page at least, two locations, and that of a page in a batch.
    assert!(text.matches(&format!("nextLink\": \"{upstream}/v1.0/")).count() >= 4, "{text}");
    assert!(text.matches(&format!("location: {upstream}/v1.0/")).count() == 2, "{text}");
}

#[tokio::test]
async fn links_of_a_streamed_answer_are_changed_piece_by_piece() {
    let folder = Folder::new("pieces");
    let service = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let upstream = format!("http://{}", service.local_addr().unwrap());
    let link = format!("{upstream}/v1.0/users?$skiptoken=a");
    let text = format!(r#"{{"value":[],"@odata.nextLink":"{link}"}}"#);
    let sent = text.clone();
    thread::spawn(move || {
        let (mut stream, _) = service.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while reader.by_ref().lines().next().is_some_and(|line| !line.unwrap().is_empty()) {}
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        for piece in sent.as_bytes().chunks(7) {
            stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).unwrap();
            stream.write_all(&[piece, b"\r\n"].concat()).unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
    });
    let recorder = Recorder::start(&upstream, &folder.0, None).await;
    let mut client = HttpClient::new(Upstream::new(&recorder.base, None).unwrap());
    let answer = client.send(&request(Method::GET, "/v1.0/users", &[], "")).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.body), text.replace(&upstream, &recorder.base));
    assert_eq!(header(&answer, "content-length"), None);
    recorder.stop().await;
    assert!(folder.read("recorded-0001.hurl").contains(&upstream));
}

#[tokio::test]
async fn pages_of_the_size_of_the_service_are_compared_and_a_missing_one_is_named() {
    let folder = Folder::new("pages");
    let mut settings = harness::settings(Behaviors::default());
    settings.page_size = 2.try_into().unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(server::run(listener, Arc::new(Service::of(settings)), std::future::pending()));
    for (name, pages) in [("all", usize::MAX), ("first", 1)] {
        let recorder = Recorder::start(&upstream, &folder.0.join(name), None).await;
        let mut client = HttpClient::new(Upstream::new(&recorder.base, None).unwrap());
        let mut target = Some(COLLECTION.to_owned());
        for _ in 0..pages {
            let Some(next) = target else { break };
            let page = client.send(&request(Method::GET, &next, &[], "")).await.unwrap();
            target = body(&page)["@odata.nextLink"].as_str().map(|link| link.strip_prefix(&recorder.base).unwrap().to_owned());
        }
        recorder.stop().await;
    }
    let compared = |name: &str| {
        let (status, printed, _) = run(&["compare", &folder.0.join(name).to_string_lossy()]);
        (status, printed)
    };
    insta::assert_snapshot!(compared("all").1, @"
    file                exchanges       same      known      drift
    recorded-0001.hurl          2          2          0          0
    total                       2          2          0          0
    ");
    let (status, printed) = compared("first");
    let end = printed[printed.find("\n\n").unwrap()..].trim_start();
    insta::assert_snapshot!(end, @"
    note: recorded-0001.hurl:2: page without the next one, which is not recorded: the emulator has only the entities that are
    file                exchanges       same      known      drift
    recorded-0001.hurl          1          0          0          1
    total                       1          0          0          1
    ");
    assert_eq!(status, Some(1));
    assert!(folder.read("first/recorded-0001.hurl").starts_with("# A page of a list: the next one is not recorded.\nGET "));
    assert!(!folder.read("all/recorded-0001.hurl").contains("# A page"));
}

#[tokio::test]
async fn a_connection_without_a_request_does_not_delay_the_end() {
    let folder = Folder::new("silent");
    let recorder = Recorder::start("http://127.0.0.1:1", &folder.0, None).await;
    let silent = TcpStream::connect(recorder.base.trim_start_matches("http://")).unwrap();
    // The recorder has accepted it before it answers another one.
    let mut client = HttpClient::new(Upstream::new(&recorder.base, None).unwrap());
    assert_eq!(client.send(&request(Method::GET, "/v1.0/users", &[], "")).await.unwrap().status, 502);
    drop(client);
    let started = std::time::Instant::now();
    assert_eq!(recorder.stop().await, 0);
    // Less than the time that requests in flight are given.
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
    drop(silent);
}

/// A proxy on this machine, which leads to one service for every host.
struct ProxyServer {
    port: u16,
    /// For each connection, the line of the request and the header with the credentials.
    seen: Arc<Mutex<Vec<String>>>,
}

impl ProxyServer {
    /// Starts a proxy in front of the service at `address`; one without a service refuses all requests.
    fn start(address: Option<String>) -> ProxyServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let log = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, address, log) = (stream.unwrap(), address.clone(), log.clone());
                thread::spawn(move || pass(stream, address.as_deref(), &log));
            }
        });
        ProxyServer { port, seen }
    }

    fn take_seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().drain(..).collect()
    }
}

/// Serves one connection to a proxy.
fn pass(mut client: TcpStream, address: Option<&str>, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = Vec::new();
    for line in reader.by_ref().lines() {
        match line {
            Ok(line) if !line.is_empty() => head.push(line),
            _ => break,
        }
    }
    let Some(first) = head.first().cloned() else { return };
    let credentials = head.iter().find_map(|line| line.strip_prefix("proxy-authorization: ")).unwrap_or("none");
    log.lock().unwrap().push(format!("{first}, {credentials}"));
    let Some(address) = address else {
        let _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
        return;
    };
    let mut service = TcpStream::connect(address).unwrap();
    if first.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    } else {
        // The service gets the path alone, without the credentials.
        let lines = head.iter().filter(|line| !line.starts_with("proxy-authorization: "));
        let text = lines.fold(String::new(), |text, line| text + line + "\r\n");
        service.write_all(format!("{}\r\n", text.replacen("http://graph.microsoft.com", "", 1)).as_bytes()).unwrap();
    }
    let mut back = (service.try_clone().unwrap(), client.try_clone().unwrap());
    let returning = thread::spawn(move || {
        let _ = std::io::copy(&mut back.0, &mut back.1);
        let _ = back.1.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut reader, &mut service);
    let _ = service.shutdown(std::net::Shutdown::Write);
    let _ = returning.join();
}

const MISSING: &str =
    "# response body not recorded: not needed\nGET {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1\n\nHTTP 404\n";

#[test]
fn a_comparison_goes_through_the_proxy_of_the_environment() {
    let folder = Folder::new("proxy");
    let path = |name: &str| folder.0.join(name).to_string_lossy().into_owned();
    let served = Served::start(&["--tls", "--ca-dir", &path("ca")]);
    folder.write("missing.hurl", MISSING);
    let (file, authority) = (path("missing.hurl"), path("ca/ca.pem"));
    let compare = |base: &str, name: &str, value: &str| {
        let arguments = ["compare", &file, "--against", base, "--against-ca", &authority];
        let mut command = command(&arguments, &[]);
        for name in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"] {
            command.env_remove(name);
        }
        command.env(name, value);
        Program::start(command).outcome()
    };
    let proxy = ProxyServer::start(Some(served.address().to_owned()));
    let value = format!("http://user:secret@127.0.0.1:{}", proxy.port);
    // The host is looked up by the proxy, and its certificate is verified through the tunnel.
    let outcome = compare("https://graph.microsoft.com", "HTTPS_PROXY", &value);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    let tunnel = "CONNECT graph.microsoft.com:443 HTTP/1.1, Basic dXNlcjpzZWNyZXQ=";
    assert!(proxy.take_seen().iter().all(|seen| seen == tunnel));
    let outcome = compare("http://graph.microsoft.com", "http_proxy", &value);
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let plain = "GET http://graph.microsoft.com/v1.0/teamwork/workforceIntegrations/WFI_1 HTTP/1.1, Basic dXNlcjpzZWNyZXQ=";
    assert_eq!(proxy.take_seen(), [plain]);
    // A service on this machine is asked directly.
    let outcome = compare(&served.url, "HTTPS_PROXY", &value);
    assert_eq!((outcome.status, proxy.take_seen()), (Some(0), Vec::new()), "{outcome:?}");

    let refusing = ProxyServer::start(None);
    let value = format!("http://user:secret@127.0.0.1:{}", refusing.port);
    let outcome = compare("https://graph.microsoft.com", "HTTPS_PROXY", &value);
    let expected = format!(
        "wfi-emulator: unreachable service https://graph.microsoft.com: cannot connect through the proxy http://127.0.0.1:{} \
         (HTTPS_PROXY): CONNECT refused with 407 Proxy Authentication Required\n",
        refusing.port
    );
    assert_eq!((outcome.status, outcome.stderr), (Some(2), expected));
    let outcome = compare("https://graph.microsoft.com", "HTTPS_PROXY", "socks5://user:secret@127.0.0.1:1");
    let expected = "wfi-emulator: unsupported HTTPS_PROXY: scheme socks5, expected http://host:port\n";
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(2), expected));
}

#[cfg(unix)]
#[test]
fn a_recorder_with_tls_goes_through_the_proxy_of_the_environment() {
    let folder = Folder::new("recorder");
    let path = |name: &str| folder.0.join(name).to_string_lossy().into_owned();
    let served = Served::start(&[]);
    let proxy = ProxyServer::start(Some(served.address().to_owned()));
    let (out, authorities) = (path("out"), path("ca"));
    let arguments =
        ["record", "--upstream", "http://graph.microsoft.com", "--out", &out, "--port", "0", "--tls", "--ca-dir", &authorities];
    let mut command = command(&arguments, &[]);
    for name in ["http_proxy", "no_proxy", "NO_PROXY"] {
        command.env_remove(name);
    }
    command.env("HTTP_PROXY", format!("127.0.0.1:{}", proxy.port));
    let recorder = Served::of(command);
    assert!(recorder.url.starts_with("https://127.0.0.1:"), "{}", recorder.url);
    // Without TLS on the same port.
    assert_eq!(recorder.status("GET", &format!("{COLLECTION}/WFI_1"), ""), 404);
    let (url, plain) = (recorder.url.clone(), recorder.url.replace("https", "http"));
    let outcome = recorder.stop();
    assert_eq!(outcome.status, Some(0));
    let greeting = outcome.stderr.split_inclusive('\n').take(4).collect::<String>();
    let greeting = greeting.replace(&url, "<url>").replace(&plain, "<plain>").replace(&*folder.0.to_string_lossy(), "<folder>");
    insta::assert_snapshot!(greeting.replace(&proxy.port.to_string(), "<port>"), @"
    records the exchanges with http://graph.microsoft.com in <folder>/out
    through the proxy http://127.0.0.1:<port> (HTTP_PROXY)
      <url>/v1.0 in place of http://graph.microsoft.com/v1.0; stop: Ctrl-C
    without TLS: <plain>; CA for clients to trust: <folder>/ca/ca.pem (see `wfi-emulator ca`)
    ");
    assert!(outcome.stderr.ends_with(&format!("1 exchange recorded in {out}/recorded-0001.hurl\n")), "{}", outcome.stderr);
    let line = format!("GET http://graph.microsoft.com{COLLECTION}/WFI_1 HTTP/1.1, none");
    assert_eq!(proxy.take_seen(), [line]);
}
