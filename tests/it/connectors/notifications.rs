//! Subscriptions with a real receiver: its validation, the notifications that it gets, and what it does to others when it is slow.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::world::settings::{Connectors, Settings};

use crate::edge::http::{Server, exchange, exchange_with};
use crate::support::harness;

/// Time limit of every wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time in which something would have arrived.
const WHILE: Duration = Duration::from_millis(700);

/// A minute before the end of the clock's hour: the clock of these worlds is frozen at 2026-01-02T03:04:05Z.
const END: &str = "2026-01-02T04:00:00Z";

/// The end of the texts about a status.
const NEEDS_OK: &str = "Notification endpoint must respond with 200 OK to validation request.";

const USER: &str = "00000000-0000-4000-8000-000000000001";

/// The answer of a receiver: a status, and what is different about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Returns(u16),
    WrongToken,
    /// The token as it is in the address.
    EncodedToken,
    QuotedToken,
    WrongType,
    /// It leads to another path of itself.
    Redirects,
    Silent,
    /// It answers as soon as it has another task.
    Waits,
}

/// A receiver of notifications on its own threads.
struct Receiver {
    url: String,
    /// The answers to validations and to notifications.
    manners: Arc<Mutex<(Manner, Manner)>>,
    messages: mpsc::Receiver<Value>,
    calls: Arc<AtomicUsize>,
}

impl Receiver {
    fn start() -> Receiver {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let manners = Arc::new(Mutex::new((Manner::Returns(200), Manner::Returns(202))));
        let calls = Arc::new(AtomicUsize::new(0));
        let (sender, messages) = mpsc::channel();
        let (shared, counted) = (manners.clone(), calls.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (manners, sender, calls) = (shared.clone(), sender.clone(), counted.clone());
                std::thread::spawn(move || receive(stream.unwrap(), &manners, &sender, &calls));
            }
        });
        Receiver { url, manners, messages, calls }
    }

    fn answers(&self, validation: Manner, notification: Manner) {
        *self.manners.lock().unwrap() = (validation, notification);
    }

    #[track_caller]
    fn next(&self) -> Vec<Value> {
        let message = self.messages.recv_timeout(PATIENCE).expect("a notification arrives");
        message["value"].as_array().unwrap().clone()
    }

    /// Returns the next `count` notifications, in however many messages.
    fn take(&self, count: usize) -> Vec<Value> {
        let mut found = Vec::new();
        while found.len() < count {
            found.extend(self.next());
        }
        assert_eq!(found.len(), count, "{found:?}");
        found
    }

    #[track_caller]
    fn gets_nothing(&self) {
        assert_eq!(self.messages.recv_timeout(WHILE).err(), Some(mpsc::RecvTimeoutError::Timeout));
    }
}

/// Receives one call, and answers it.
fn receive(mut stream: TcpStream, manners: &Mutex<(Manner, Manner)>, sender: &mpsc::Sender<Value>, calls: &AtomicUsize) {
    let (mut seen, mut part) = (Vec::new(), vec![0; 65536]);
    let (head, body) = loop {
        let length = stream.read(&mut part).unwrap_or_default();
        if length == 0 {
            return;
        }
        seen.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lower = head.to_lowercase();
        let wanted: usize =
            lower.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
        if body.len() >= wanted {
            break (head.to_owned(), body.to_owned());
        }
    };
    calls.fetch_add(1, Ordering::SeqCst);
    let (validation, notification) = *manners.lock().unwrap();
    let target = head.split(' ').nth(1).unwrap();
    let token = target.split_once("validationToken=").map(|(_, token)| token.replace("%20", " ").replace("%3A", ":"));
    let mut manner = if token.is_some() { validation } else { notification };
    let encoded = target.split_once("validationToken=").map(|(_, token)| token.to_owned()).unwrap_or_default();
    if token.is_none() && !body.is_empty() {
        let _ = sender.send(serde_json::from_str(&body).unwrap());
    }
    while manner == Manner::Waits {
        std::thread::sleep(Duration::from_millis(5));
        manner = manners.lock().unwrap().1;
    }
    let (status, media_type, text) = match (manner, token) {
        (Manner::Waits, _) => unreachable!("it has another task"),
        (Manner::Silent, _) => {
            let _ = stream.read(&mut part);
            return;
        }
        (Manner::WrongToken, _) => (200, "text/plain", "another".to_owned()),
        (Manner::EncodedToken, _) => (200, "text/plain", encoded),
        (Manner::QuotedToken, token) => (200, "text/plain", format!("\"{}\"", token.unwrap_or_default())),
        (Manner::Redirects, token) => (302, "text/plain", token.unwrap_or_default()),
        (Manner::WrongType, token) => (200, "text/html", token.unwrap_or_default()),
        (Manner::Returns(status), token) => (status, "text/plain", token.unwrap_or_default()),
    };
    let location = if manner == Manner::Redirects { format!("\r\nLocation: {target}&b=c") } else { String::new() };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close{location}",
        text.len()
    );
    let _ = stream.write_all(format!("{head}\r\n\r\n{text}").as_bytes());
}

fn server(choices: &[(&str, &str)]) -> Server {
    Server::of(harness::settings_with(choices))
}

fn body(url: &str, resource: &str, kinds: &str) -> Value {
    json!({ "changeType": kinds, "notificationUrl": url, "resource": resource, "expirationDateTime": END, "clientState": "mine" })
}

fn subscribe(server: &Server, body: &Value) -> (u16, Value) {
    exchange(server.address, "POST", "/v1.0/subscriptions", body)
}

/// Subscribes with success, and returns the id.
fn subscribed(server: &Server, body: &Value) -> String {
    let (status, created) = subscribe(server, body);
    assert_eq!(status, 201, "{created}");
    created["id"].as_str().unwrap().to_owned()
}

fn advance(server: &Server, seconds: u64) {
    let (status, _) = exchange(server.address, "PUT", "/_emulator/worlds/default/clock", &json!({ "advance": seconds }));
    assert_eq!(status, 200);
}

fn add_contact(server: &Server, name: &str) -> String {
    let (status, created) =
        exchange(server.address, "POST", &format!("/v1.0/users/{USER}/contacts"), &json!({ "givenName": name }));
    assert_eq!(status, 201, "{created}");
    created["id"].as_str().unwrap().to_owned()
}

fn contacts() -> String {
    format!("users/{USER}/contacts")
}

/// Waits until a condition holds.
fn eventually(mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "it does not hold in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn each_change_of_what_is_watched_is_notified_in_order() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let id = subscribed(&server, &body(&receiver.url, "me/contacts", "created,updated,deleted"));
    let contact = add_contact(&server, "Ada");
    let entity = format!("/v1.0/users/{USER}/contacts/{contact}");
    assert_eq!(exchange(server.address, "PATCH", &entity, &json!({ "givenName": "Eve" })).0, 200);
    assert_eq!(exchange(server.address, "DELETE", &entity, &Value::Null).0, 204);
    let found = receiver.take(3);
    let kinds: Vec<&str> = found.iter().map(|item| item["changeType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["created", "updated", "deleted"]);
    let tag = found[0]["resourceData"]["@odata.etag"].clone();
    assert!(tag.as_str().unwrap().starts_with("W/\""), "{tag}");
    let name = format!("Users/{USER}/Contacts/{contact}");
    let expected = json!({
        "subscriptionId": id, "subscriptionExpirationDateTime": END, "clientState": "mine", "changeType": "created",
        "resource": name, "tenantId": server.world.directory.tenant_id,
        "resourceData": { "@odata.type": "#Microsoft.Graph.Contact", "@odata.id": name, "@odata.etag": tag, "id": contact },
    });
    assert_eq!(found[0], expected);
    assert_ne!(found[1]["resourceData"]["@odata.etag"], tag);
    // Reads, changes elsewhere, and changes after the subscription are not notified.
    exchange(server.address, "GET", &format!("/v1.0/users/{USER}/contacts"), &Value::Null);
    exchange(server.address, "PATCH", &format!("/v1.0/users/{USER}"), &json!({ "jobTitle": "x" }));
    assert_eq!(exchange(server.address, "DELETE", &format!("/v1.0/subscriptions/{id}"), &Value::Null).0, 204);
    add_contact(&server, "Bob");
    receiver.gets_nothing();
}

#[test]
fn a_batch_and_other_addresses_notify_too() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    subscribed(&server, &body(&receiver.url, &contacts(), "created"));
    subscribed(&server, &body(&receiver.url, "/users", "updated,deleted"));
    let item = |id: &str, url: &str, body: Value| json!({ "id": id, "method": "POST", "url": url, "headers": { "Content-Type": "application/json" }, "body": body });
    let batch = json!({ "requests": [
        item("1", "/me/contacts", json!({ "givenName": "A" })),
        item("2", "/me/contacts", json!({ "givenName": 1 })),
        item("3", "/me/contacts", json!({ "givenName": "B" })),
    ] });
    assert_eq!(exchange(server.address, "POST", "/v1.0/$batch", &batch).0, 200);
    assert_eq!(receiver.take(2).len(), 2);
    // A deleted user can be restored, so its deletion is an update; only the last one is a deletion.
    let user = format!("/v1.0/users/{USER}");
    assert_eq!(exchange(server.address, "DELETE", &user, &Value::Null).0, 204);
    let found = receiver.next();
    assert_eq!((&found[0]["changeType"], &found[0]["resource"]), (&json!("updated"), &json!(format!("Users/{USER}"))));
    let bin = format!("/v1.0/directory/deletedItems/{USER}");
    assert_eq!(exchange(server.address, "POST", &format!("{bin}/restore"), &json!({})).0, 200);
    assert_eq!(receiver.next()[0]["changeType"], "updated");
    assert_eq!(exchange(server.address, "DELETE", &user, &Value::Null).0, 204);
    assert_eq!(receiver.next()[0]["changeType"], "updated");
    assert_eq!(exchange(server.address, "DELETE", &bin, &Value::Null).0, 204);
    assert_eq!(receiver.next()[0]["changeType"], "deleted");
    receiver.gets_nothing();
}

#[test]
fn what_is_watched_can_be_one_entity_a_drive_or_filtered() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let contact = add_contact(&server, "Ada");
    let (_, drives) = exchange(server.address, "GET", "/v1.0/drives", &Value::Null);
    let drive = format!("drives/{}", drives["value"][0]["id"].as_str().unwrap());
    let one = subscribed(&server, &body(&receiver.url, &format!("{}/{contact}", contacts()), "updated"));
    let some = subscribed(&server, &body(&receiver.url, "me/contacts?$filter=givenName eq 'Eve'", "created,updated"));
    let files = subscribed(&server, &body(&receiver.url, &format!("/{drive}/root"), "updated"));
    let group = subscribed(&server, &body(&receiver.url, "groups", "updated"));
    add_contact(&server, "Bob");
    let eve = add_contact(&server, "Eve");
    assert_eq!(exchange(server.address, "PATCH", &format!("/v1.0/me/contacts/{contact}"), &json!({ "surname": "x" })).0, 200);
    let item = json!({ "name": "Reports", "folder": {} });
    let (status, created) = exchange(server.address, "POST", &format!("/v1.0/{drive}/items"), &item);
    assert_eq!(status, 201, "{created}");
    let new_group = json!({ "displayName": "G", "mailEnabled": false, "mailNickname": "gg", "securityEnabled": true });
    let (status, made) = exchange(server.address, "POST", "/v1.0/groups", &new_group);
    assert_eq!(status, 201, "{made}");
    let mut found: Vec<(String, String)> = Vec::new();
    for item in receiver.take(4) {
        found.push((item["subscriptionId"].as_str().unwrap().to_owned(), item["resource"].as_str().unwrap().to_owned()));
    }
    found.sort();
    let mut expected = vec![
        (one, format!("Users/{USER}/Contacts/{contact}")),
        (some, format!("Users/{USER}/Contacts/{eve}")),
        (files, format!("{drive}/root")),
        (group, format!("Groups/{}", made["id"].as_str().unwrap())),
    ];
    expected.sort();
    assert_eq!(found, expected);
    receiver.gets_nothing();
}

#[test]
fn an_upload_is_notified_when_it_is_complete() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let (_, drives) = exchange(server.address, "GET", "/v1.0/drives", &Value::Null);
    let drive = format!("drives/{}", drives["value"][0]["id"].as_str().unwrap());
    subscribed(&server, &body(&receiver.url, &format!("/{drive}/root"), "updated"));
    let begin = format!("/v1.0/{drive}/root:/a.txt:/createUploadSession");
    let (_, session) = exchange(server.address, "POST", &begin, &json!({}));
    let address = session["uploadUrl"].as_str().unwrap();
    let path = &address[address.find("/_upload/").unwrap()..];
    let send = |range: &str| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!("PUT {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\nContent-Range: {range}");
        stream.write_all(format!("{head}\r\n\r\nx").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(send("bytes 0-0/2").starts_with("HTTP/1.1 202"));
    receiver.gets_nothing();
    assert!(send("bytes 1-1/2").starts_with("HTTP/1.1 201"));
    assert_eq!(receiver.next()[0]["resource"], format!("{drive}/root"));
}

#[test]
fn a_receiver_that_does_not_return_its_token_is_refused() {
    let receiver = Receiver::start();
    let connectors = Connectors { timeout: Duration::from_millis(400), ..Connectors::default() };
    let server = Server::of(Settings { connectors, ..harness::settings_with(&[]) });
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let refused = |url: &str| {
        let (status, answer) = subscribe(&server, &body(url, "me/contacts", "created"));
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("ValidationError")), "{answer}");
        answer["error"]["message"].as_str().unwrap().to_owned()
    };
    let mismatch = "Subscription validation request failed. Response must exactly match validationToken query parameter.";
    for (manner, message) in [
        (Manner::Returns(403), format!("Subscription validation request failed. HTTP status code is 'Forbidden'. {NEEDS_OK}")),
        (Manner::Returns(202), format!("Subscription validation request failed. HTTP status code is 'Accepted'. {NEEDS_OK}")),
        (Manner::WrongToken, mismatch.to_owned()),
        (Manner::EncodedToken, mismatch.to_owned()),
        (Manner::QuotedToken, mismatch.to_owned()),
        (Manner::WrongType, mismatch.to_owned()),
        (Manner::Redirects, format!("Subscription validation request failed. HTTP status code is 'Found'. {NEEDS_OK}")),
        (Manner::Silent, "Subscription validation request timed out.".to_owned()),
    ] {
        receiver.answers(manner, Manner::Returns(202));
        assert_eq!(refused(&receiver.url), message);
    }
    let unreachable = format!("Subscription validation request failed. {NEEDS_OK}");
    assert_eq!(refused(&format!("http://{closed}/")), unreachable);
    // Nothing is sent where it may not.
    assert_eq!(refused("http://192.0.2.1/hook"), unreachable);
    let (_, list) = exchange(server.address, "GET", "/v1.0/subscriptions", &Value::Null);
    assert_eq!(list["value"], json!([]), "nothing is stored");
    let (_, journal) = exchange(server.address, "GET", "/_emulator/worlds/default/journal?to=connector", &Value::Null);
    let entries = journal["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 10, "{journal}");
    assert_eq!((&entries[0]["status"], &entries[9]["endedBy"]), (&json!(403), &json!("remote-address")));
    assert_eq!(receiver.calls.load(Ordering::SeqCst), 8, "one call each: no redirect is followed");
    let expectation = json!({ "to": "connector", "method": "POST", "status": 403, "times": 1 });
    let (_, verdict) = exchange(server.address, "POST", "/_emulator/worlds/default/journal/verify", &expectation);
    assert_eq!(verdict["holds"], true, "{verdict}");
    // Both receivers are called, and a renewal with another one validates it.
    receiver.answers(Manner::Returns(200), Manner::Returns(202));
    let before = receiver.calls.load(Ordering::SeqCst);
    let mut both = body(&receiver.url, "me/contacts", "created");
    both["lifecycleNotificationUrl"] = json!(receiver.url);
    let entity = format!("/v1.0/subscriptions/{}", subscribed(&server, &both));
    assert_eq!(receiver.calls.load(Ordering::SeqCst), before + 2);
    assert_eq!(exchange(server.address, "PATCH", &entity, &json!({ "notificationUrl": format!("http://{closed}/") })).0, 400);
    assert_eq!(exchange(server.address, "PATCH", &entity, &json!({ "notificationUrl": format!("{}?a=b", receiver.url) })).0, 200);
    both["lifecycleNotificationUrl"] = json!(format!("http://{closed}/"));
    assert_eq!(subscribe(&server, &both).0, 400);
}

#[test]
fn the_control_api_is_not_called_in_the_name_of_a_client() {
    let server = server(&[]);
    add_contact(&server, "Kept");
    let (_, before) = exchange(server.address, "GET", "/_emulator/worlds/default/state", &Value::Null);
    for host in [server.address.to_string(), format!("localhost:{}", server.address.port())] {
        let hook = format!("http://{host}/_emulator/worlds/default/reset");
        assert_eq!(subscribe(&server, &body(&hook, &contacts(), "created")).0, 400, "{hook}");
    }
    let (_, after) = exchange(server.address, "GET", "/_emulator/worlds/default/state", &Value::Null);
    assert!(before.to_string().contains("Kept"));
    assert_eq!(after, before);
    let (_, journal) = exchange(server.address, "GET", "/_emulator/worlds/default/journal?to=connector", &Value::Null);
    assert!(journal["entries"][0]["response"]["body"].to_string().contains("not-local"), "{journal}");
}

#[test]
fn a_notification_that_is_not_taken_is_sent_again_by_the_clock_of_the_world() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    subscribed(&server, &body(&receiver.url, &contacts(), "created"));
    receiver.answers(Manner::Returns(200), Manner::Returns(500));
    add_contact(&server, "A");
    assert_eq!(receiver.take(1).len(), 1);
    add_contact(&server, "B");
    receiver.gets_nothing();
    advance(&server, 20);
    assert_eq!(receiver.next().len(), 2, "what came meanwhile goes with it");
    receiver.answers(Manner::Returns(200), Manner::Returns(204));
    receiver.gets_nothing();
    advance(&server, 40);
    assert_eq!(receiver.next().len(), 2);
    add_contact(&server, "C");
    assert_eq!(receiver.next().len(), 1);
    eventually(|| server.world.outbox.waiting() == 0);
    assert_eq!(server.world.outbox.dropped(), 0);
    let (_, journal) = exchange(server.address, "GET", "/_emulator/worlds/default/journal?to=connector&status=500", &Value::Null);
    let entries = journal["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{journal}");
    let (_, requests) = exchange(server.address, "GET", "/_emulator/worlds/default/journal?to=graph&status=201", &Value::Null);
    let headers = requests["entries"][1]["response"]["headers"].as_array().unwrap();
    let id = headers.iter().find(|header| header[0] == "request-id").unwrap()[1].as_str().unwrap();
    let detail = entries[0]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("not delivered, again at 2026-01-02T03:04:")
            && detail.ends_with(&format!("caused by the request {id}")),
        "{detail} {id}"
    );
}

#[test]
fn a_receiver_that_is_late_or_leads_elsewhere_gets_its_notifications_again_in_batches() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    subscribed(&server, &body(&receiver.url, &contacts(), "created"));
    receiver.answers(Manner::Returns(200), Manner::Waits);
    add_contact(&server, "first");
    assert_eq!(receiver.next().len(), 1);
    let attempts = || {
        let (_, journal) = exchange(server.address, "GET", "/_emulator/worlds/default/journal?to=connector", &Value::Null);
        let entries = journal["entries"].as_array().unwrap();
        entries[1..].iter().map(|entry| (entry["status"].clone(), entry["endedBy"].clone())).collect::<Vec<_>>()
    };
    // It has three seconds.
    eventually(|| attempts().len() == 1);
    assert_eq!(attempts()[0].1, "timeout");
    receiver.answers(Manner::Returns(200), Manner::Redirects);
    let item = |id: usize| {
        json!({ "id": id.to_string(), "method": "POST", "url": "/me/contacts", "body": { "givenName": "x" },
            "headers": { "Content-Type": "application/json" } })
    };
    let batch = json!({ "requests": (0..20).map(item).collect::<Vec<_>>() });
    for _ in 0..12 {
        assert_eq!(exchange(server.address, "POST", "/v1.0/$batch", &batch).0, 200);
    }
    let calls = receiver.calls.load(Ordering::SeqCst);
    advance(&server, 20);
    assert_eq!(receiver.next().len(), 100, "what came meanwhile goes with it, up to a hundred");
    eventually(|| attempts().len() == 2);
    assert_eq!(
        (attempts()[1].0.clone(), receiver.calls.load(Ordering::SeqCst)),
        (json!(302), calls + 1),
        "no redirect is followed"
    );
    receiver.answers(Manner::Returns(200), Manner::Returns(202));
    advance(&server, 60);
    let lengths: Vec<usize> = (0..3).map(|_| receiver.next().len()).collect();
    assert_eq!(lengths, [100, 100, 41]);
    eventually(|| server.world.outbox.waiting() == 0);
    assert_eq!(server.world.outbox.dropped(), 0);
}

#[test]
fn no_subscription_leads_to_an_address_that_is_not_near() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let far = ["http://192.0.2.1/", "http://169.254.169.254/latest", "http://[::ffff:192.0.2.1]/", "https://[2001:db8::1]/"];
    let id = subscribed(&server, &body(&receiver.url, &contacts(), "created"));
    let entity = format!("/v1.0/subscriptions/{id}");
    let journal = || {
        let (_, journal) = exchange(server.address, "GET", "/_emulator/worlds/default/journal?to=connector", &Value::Null);
        journal["entries"].as_array().unwrap().clone()
    };
    let mut lifecycle = body(&receiver.url, &contacts(), "created");
    for url in far {
        assert_eq!(subscribe(&server, &body(url, &contacts(), "created")).0, 400, "{url}");
        assert_eq!(exchange(server.address, "PATCH", &entity, &json!({ "notificationUrl": url })).0, 400, "{url}");
        lifecycle["lifecycleNotificationUrl"] = json!(url);
        assert_eq!(subscribe(&server, &lifecycle).0, 400, "{url}");
    }
    let refused: Vec<Value> = journal().into_iter().filter(|entry| entry["status"].is_null()).collect();
    let is_near = |entry: &Value| !["remote-address", "reserved-address"].contains(&entry["endedBy"].as_str().unwrap());
    assert!(refused.len() == 3 * far.len() && !refused.iter().any(is_near), "{refused:?}");
    // Nor one that an import brings.
    let (_, mut state) = exchange(server.address, "GET", "/_emulator/worlds/default/state", &Value::Null);
    let text = state.to_string().replace(&receiver.url, "http://192.0.2.1/hook");
    state = serde_json::from_str(&text).unwrap();
    let (status, answer) = exchange(server.address, "PUT", "/_emulator/worlds/default/state", &state);
    assert!(status < 300, "{answer}");
    add_contact(&server, "Ada");
    let refusal = || {
        let is_notification = |entry: &Value| entry["detail"].as_str().is_some_and(|detail| detail.starts_with("not delivered"));
        journal().into_iter().find(is_notification)
    };
    eventually(|| refusal().is_some());
    assert_eq!(refusal().unwrap()["endedBy"], "remote-address");
    receiver.gets_nothing();
}

#[test]
fn a_notification_that_is_not_taken_for_four_hours_is_given_up() {
    let (receiver, lifecycle, server) = (Receiver::start(), Receiver::start(), server(&[]));
    let mut long = body(&receiver.url, &contacts(), "created");
    long["expirationDateTime"] = json!("2026-01-02T12:00:00Z");
    long["lifecycleNotificationUrl"] = json!(lifecycle.url);
    subscribed(&server, &long);
    receiver.answers(Manner::Returns(200), Manner::Returns(500));
    add_contact(&server, "A");
    assert_eq!(receiver.next().len(), 1);
    eventually(|| failures(&server) == 1);
    // The last attempt is the first one after four hours.
    for attempt in 2..=6 {
        assert_eq!((server.world.outbox.waiting(), server.world.outbox.dropped()), (1, 0), "before attempt {attempt}");
        advance(&server, 3_000);
        assert_eq!(receiver.next().len(), 1);
        eventually(|| failures(&server) == attempt);
    }
    eventually(|| server.world.outbox.dropped() == 1);
    // The other receiver gets one message about it.
    assert_eq!(lifecycle.next()[0]["lifecycleEvent"], "missed");
    eventually(|| server.world.outbox.waiting() == 0);
    lifecycle.gets_nothing();
    let (_, journal) = exchange(server.address, "GET", "/_emulator/worlds/default/journal?to=connector&status=500", &Value::Null);
    let entries = journal["entries"].as_array().unwrap();
    let given_up = |entry: &&Value| entry["detail"].as_str().unwrap().starts_with("not delivered, given up");
    assert_eq!(entries.iter().filter(given_up).count(), 1, "{journal}");
    advance(&server, 3_000);
    receiver.gets_nothing();
}

#[test]
fn a_subscription_that_has_ended_is_gone() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let mut ending = body(&receiver.url, &contacts(), "created");
    ending["lifecycleNotificationUrl"] = json!(receiver.url);
    let id = subscribed(&server, &ending);
    let entity = format!("/v1.0/subscriptions/{id}");
    let event = |found: Vec<Value>| found[0]["lifecycleEvent"].as_str().unwrap_or_default().to_owned();
    advance(&server, 45 * 60);
    let found = receiver.next();
    let expected = json!({ "subscriptionId": id, "subscriptionExpirationDateTime": END, "clientState": "mine",
        "tenantId": server.world.directory.tenant_id, "lifecycleEvent": "reauthorizationRequired" });
    assert_eq!(found, [expected]);
    receiver.gets_nothing();
    let (status, renewed) = exchange(server.address, "PATCH", &entity, &json!({ "expirationDateTime": "2026-01-02T05:00:00Z" }));
    assert_eq!((status, &renewed["expirationDateTime"]), (200, &json!("2026-01-02T05:00:00Z")));
    advance(&server, 60 * 60);
    assert_eq!(event(receiver.next()), "reauthorizationRequired");
    assert_eq!(exchange(server.address, "GET", &entity, &Value::Null).0, 200);
    advance(&server, 15 * 60);
    let (status, answer) = exchange(server.address, "GET", &entity, &Value::Null);
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("ResourceNotFound")));
    assert_eq!(event(receiver.next()), "subscriptionRemoved");
    add_contact(&server, "A");
    receiver.gets_nothing();
}

/// The clock of these worlds, in seconds since the Unix epoch.
const NOW: u64 = 1_767_323_045;

/// Returns the header of a token of the user that ends in a time.
fn token(seconds: u64) -> String {
    format!("\r\nAuthorization: {}", harness::bearer(&json!({ "oid": USER, "scp": "x", "exp": NOW + seconds })))
}

#[test]
fn a_subscription_is_reauthorized_with_a_new_token() {
    for (behavior, is_paused) in [("stays", false), ("pauses", true)] {
        let (receiver, lifecycle) = (Receiver::start(), Receiver::start());
        let server = server(&[("subscription-authorization", behavior)]);
        let mut long = body(&receiver.url, &contacts(), "created");
        long["expirationDateTime"] = json!("2026-01-03T03:00:00Z");
        long["lifecycleNotificationUrl"] = json!(lifecycle.url);
        let (status, created) = exchange_with(server.address, &token(3_600), "POST", "/v1.0/subscriptions", &long);
        assert_eq!(status, 201, "{created}");
        let entity = format!("/v1.0/subscriptions/{}", created["id"].as_str().unwrap());
        let reauthorize =
            |headers: &str| exchange_with(server.address, headers, "POST", &format!("{entity}/reauthorize"), &Value::Null);
        let event = || lifecycle.next()[0]["lifecycleEvent"].clone();
        advance(&server, 44 * 60);
        lifecycle.gets_nothing();
        advance(&server, 60);
        assert_eq!(event(), "reauthorizationRequired", "a quarter of an hour before the end of the token");
        lifecycle.gets_nothing();
        // The end of the subscription stays, and the new token counts.
        assert_eq!(reauthorize(&token(2 * 3_600)), (204, Value::Null));
        let (_, shown) = exchange(server.address, "GET", &entity, &Value::Null);
        assert_eq!(shown["expirationDateTime"], "2026-01-03T03:00:00Z");
        advance(&server, 30 * 60);
        add_contact(&server, "Ada");
        assert_eq!(receiver.next().len(), 1);
        lifecycle.gets_nothing();
        advance(&server, 46 * 60);
        assert_eq!(event(), "reauthorizationRequired");
        let eve = add_contact(&server, "Eve");
        if is_paused {
            receiver.gets_nothing();
        } else {
            assert!(receiver.next()[0]["resource"].as_str().unwrap().ends_with(&eve));
        }
        // Missed changes stay lost.
        assert_eq!(reauthorize(&token(3 * 3_600)).0, 204);
        let bob = add_contact(&server, "Bob");
        assert!(receiver.next()[0]["resource"].as_str().unwrap().ends_with(&bob));
        // A renewal authorizes too: a token without an end for good.
        let renewal = json!({ "expirationDateTime": "2026-01-03T04:00:00Z" });
        assert_eq!(exchange(server.address, "PATCH", &entity, &renewal).0, 200);
        advance(&server, 3 * 3_600);
        add_contact(&server, "Dan");
        assert_eq!(receiver.next().len(), 1);
        lifecycle.gets_nothing();
        let (status, answer) = exchange(server.address, "POST", "/v1.0/subscriptions/x/reauthorize", &Value::Null);
        assert_eq!((status, &answer["error"]["code"]), (404, &json!("ResourceNotFound")));
    }
}

/// Runs OpenSSL with these bytes as standard input, and returns its output.
#[cfg(unix)]
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::process::{Command, Stdio};
    let mut command = Command::new("openssl");
    let piped = || Stdio::piped();
    let mut child = command.args(arguments).stdin(piped()).stdout(piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    output.stdout
}

/// The receiver shares no code with the emulator: it follows the documented steps with OpenSSL.
#[test]
#[cfg(unix)]
fn the_changed_entity_is_decrypted_by_openssl() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    if std::process::Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has openssl");
        return eprintln!("skipped: openssl is not installed");
    }
    let folder = std::env::temp_dir().join(format!("wfi-emulator-rich-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (receiver, server) = (Receiver::start(), server(&[]));
    for bits in ["2048", "3072"] {
        let new = ["req", "-x509", "-newkey", &format!("rsa:{bits}"), "-nodes", "-subj", "/CN=receiver", "-days", "2"];
        openssl(&[&new[..], &["-keyout", &path("key"), "-out", &path("certificate")]].concat(), b"");
        let der = openssl(&["x509", "-in", &path("certificate"), "-outform", "DER"], b"");
        let mut rich = body(&receiver.url, "me/contacts", "created,deleted");
        rich["includeResourceData"] = json!(true);
        rich["encryptionCertificateId"] = json!("mine");
        rich["encryptionCertificate"] = json!(STANDARD.encode(&der[..der.len() / 2]));
        assert_eq!(subscribe(&server, &rich).0, 400);
        rich["encryptionCertificate"] = json!(STANDARD.encode(&der));
        let id = subscribed(&server, &rich);
        let contact = add_contact(&server, "Ada");
        let message = receiver.messages.recv_timeout(PATIENCE).unwrap();
        let content = &message["value"][0]["encryptedContent"];
        let hex = |bytes: &[u8]| {
            use std::fmt::Write as _;
            bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        let opened = |content: &Value| -> Value {
            let bytes = |name: &str| STANDARD.decode(content[name].as_str().unwrap()).unwrap();
            let options = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1"];
            let key = openssl(&[&["pkeyutl", "-decrypt", "-inkey", &path("key")], &options[..]].concat(), &bytes("dataKey"));
            assert_eq!(key.len(), 32);
            let option = format!("hexkey:{}", hex(&key));
            let signature = openssl(&["dgst", "-sha256", "-mac", "HMAC", "-macopt", &option, "-binary"], &bytes("data"));
            assert_eq!(signature, bytes("dataSignature"));
            let text = openssl(&["enc", "-d", "-aes-256-cbc", "-K", &hex(&key), "-iv", &hex(&key[..16])], &bytes("data"));
            serde_json::from_slice(&text).unwrap()
        };
        let entity = opened(content);
        assert_eq!((&entity["id"], &entity["givenName"]), (&json!(contact), &json!("Ada")));
        let fingerprint = openssl(&["x509", "-in", &path("certificate"), "-noout", "-fingerprint", "-sha1"], b"");
        let fingerprint = String::from_utf8(fingerprint).unwrap().trim().replace(':', "");
        assert!(fingerprint.ends_with(content["encryptionCertificateThumbprint"].as_str().unwrap()), "{fingerprint}");
        assert_eq!(content["encryptionCertificateId"], "mine");
        let token = message["validationTokens"][0].as_str().unwrap().split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
        assert_eq!(claims["azp"], "0bf30f3b-4a52-48df-9a82-234910c4a086");
        // A deleted entity has no content.
        assert_eq!(exchange(server.address, "DELETE", &format!("/v1.0/me/contacts/{contact}"), &Value::Null).0, 204);
        assert_eq!(receiver.next()[0]["encryptedContent"], Value::Null);
        assert_eq!(exchange(server.address, "DELETE", &format!("/v1.0/subscriptions/{id}"), &Value::Null).0, 204);
        // No content has what answers hide.
        (rich["resource"], rich["changeType"]) = (json!("users"), json!("updated"));
        let id = subscribed(&server, &rich);
        let change = json!({ "jobTitle": bits, "passwordProfile": { "password": "Hidden-Password-1" } });
        let user = "/v1.0/users/00000000-0000-4000-8000-000000000001";
        assert_eq!(exchange(server.address, "PATCH", user, &change).0, 204);
        let entity = opened(&receiver.next()[0]["encryptedContent"]);
        assert_eq!((&entity["jobTitle"], &entity["passwordProfile"]), (&json!(bits), &Value::Null), "{entity}");
        assert!(!entity.to_string().contains("Hidden"), "{entity}");
        assert_eq!(exchange(server.address, "DELETE", &format!("/v1.0/subscriptions/{id}"), &Value::Null).0, 204);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_silent_receiver_delays_nobody_and_holds_bounded_memory() {
    let (silent, receiver, server) = (Receiver::start(), Receiver::start(), server(&[]));
    subscribed(&server, &body(&silent.url, &contacts(), "created"));
    silent.answers(Manner::Returns(200), Manner::Silent);
    subscribed(&server, &body(&receiver.url, &contacts(), "updated"));
    let contact = add_contact(&server, "first");
    let item = |id: usize| {
        json!({ "id": id.to_string(), "method": "POST", "url": "/me/contacts", "body": { "givenName": "x" },
            "headers": { "Content-Type": "application/json", "Prefer": "return=minimal" } })
    };
    let batch = json!({ "requests": (0..20).map(item).collect::<Vec<_>>() });
    let plain = || {
        assert_eq!(exchange(server.address, "POST", "/_world/plain/v1.0/$batch", &batch).0, 200);
        server.world.stores.used()
    };
    let used = plain();
    let contact_bytes = (plain() - used) / 20;
    let used = server.world.stores.used();
    for _ in 0..500 {
        assert_eq!(exchange(server.address, "POST", "/v1.0/$batch", &batch).0, 200);
    }
    assert!(server.world.outbox.waiting() <= 1_000);
    assert!(server.world.outbox.dropped() >= 8_900, "{}", server.world.outbox.dropped());
    let more = (server.world.stores.used() - used).saturating_sub(10_000 * contact_bytes);
    assert!(more < 1_500_000, "{more} bytes beside contacts of {contact_bytes}");
    let started = Instant::now();
    let entity = format!("/v1.0/users/{USER}/contacts/{contact}");
    assert_eq!(exchange(server.address, "PATCH", &entity, &json!({ "givenName": "y" })).0, 200);
    assert_eq!(receiver.next()[0]["changeType"], "updated");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_world_that_ends_stops_sending_though_it_is_still_held() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    subscribed(&server, &body(&receiver.url, &contacts(), "created"));
    receiver.answers(Manner::Returns(200), Manner::Waits);
    add_contact(&server, "first");
    assert_eq!(receiver.next().len(), 1);
    add_contact(&server, "second");
    assert_eq!(server.world.outbox.waiting(), 2, "the test holds the world, and the second one waits for the first");
    assert!(exchange(server.address, "POST", "/_emulator/worlds/default/reset", &Value::Null).0 < 300);
    receiver.answers(Manner::Returns(200), Manner::Returns(202));
    receiver.gets_nothing();
    assert_eq!(server.world.outbox.waiting(), 2);
}

#[test]
fn what_was_due_before_the_end_of_a_subscription_is_sent_after_it() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let id = subscribed(&server, &body(&receiver.url, &contacts(), "created"));
    receiver.answers(Manner::Returns(200), Manner::Returns(500));
    add_contact(&server, "A");
    assert_eq!(receiver.next().len(), 1);
    eventually(|| failures(&server) == 1);
    receiver.answers(Manner::Returns(200), Manner::Returns(202));
    advance(&server, 60 * 60);
    assert_eq!(receiver.next()[0]["subscriptionId"], id);
    eventually(|| server.world.outbox.waiting() == 0);
    assert_eq!(server.world.outbox.dropped(), 0);
    assert_eq!(exchange(server.address, "GET", &format!("/v1.0/subscriptions/{id}"), &Value::Null).0, 404);
    // Notifications that wait for a subscription are dropped when its owner deletes it, and counted.
    let id = subscribed(
        &server,
        &json!({ "changeType": "created", "notificationUrl": receiver.url, "resource": contacts(),
        "expirationDateTime": "2026-01-02T09:00:00Z" }),
    );
    receiver.answers(Manner::Returns(200), Manner::Returns(500));
    add_contact(&server, "B");
    assert_eq!(receiver.next().len(), 1);
    eventually(|| failures(&server) == 2);
    assert_eq!(exchange(server.address, "DELETE", &format!("/v1.0/subscriptions/{id}"), &Value::Null).0, 204);
    advance(&server, 60);
    eventually(|| server.world.outbox.dropped() == 1);
    receiver.gets_nothing();
}

/// Returns the number of notifications that were answered with 500.
fn failures(server: &Server) -> usize {
    let (_, journal) = exchange(server.address, "GET", "/_emulator/worlds/default/journal?to=connector&status=500", &Value::Null);
    journal["entries"].as_array().unwrap().len()
}

#[test]
fn the_subscriptions_of_a_copy_are_its_own() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    subscribed(&server, &body(&receiver.url, &contacts(), "created"));
    let (status, _) = exchange(server.address, "PUT", "/_emulator/worlds/copy", &json!({ "fork": "default" }));
    assert!(status < 300, "{status}");
    let target = format!("/_world/copy/v1.0/users/{USER}/contacts");
    assert_eq!(exchange(server.address, "POST", &target, &json!({ "givenName": "A" })).0, 201);
    assert_eq!(receiver.next().len(), 1);
    // An import causes no notification.
    let (_, state) = exchange(server.address, "GET", "/_emulator/worlds/copy/state", &Value::Null);
    let (status, answer) = exchange(server.address, "PUT", "/_emulator/worlds/default/state", &state);
    assert!(status < 300, "{answer}");
    receiver.gets_nothing();
    add_contact(&server, "B");
    assert_eq!(receiver.next().len(), 1);
}

#[test]
fn a_new_or_a_lost_member_updates_a_group() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let group = json!({ "displayName": "Bakers", "mailEnabled": false, "mailNickname": "bakers", "securityEnabled": true });
    let (_, group) = exchange(server.address, "POST", "/v1.0/groups", &group);
    let path = format!("groups/{}", group["id"].as_str().unwrap());
    subscribed(&server, &body(&receiver.url, &path, "updated,deleted"));
    let expected = |kind: &str| (json!(kind), json!(path.replace("groups", "Groups")));
    let next = || {
        let found = receiver.next();
        assert_eq!(found.len(), 1, "{found:?}");
        (found[0]["changeType"].clone(), found[0]["resource"].clone())
    };
    for link in ["members", "owners"] {
        let address = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/users/{USER}") });
        assert_eq!(exchange(server.address, "POST", &format!("/v1.0/{path}/{link}/$ref"), &address).0, 204);
        assert_eq!(next(), expected("updated"), "{link}");
        // It is there already.
        assert_eq!(exchange(server.address, "POST", &format!("/v1.0/{path}/{link}/$ref"), &address).0, 400);
        if link == "members" {
            assert_eq!(exchange(server.address, "DELETE", &format!("/v1.0/{path}/{link}/{USER}/$ref"), &Value::Null).0, 204);
            assert_eq!(next(), expected("updated"), "{link}");
        }
    }
    // One notification for members and a name in one request, and for all that goes with the group.
    let both =
        json!({ "displayName": "Millers", "members@odata.bind": [format!("https://graph.microsoft.com/v1.0/users/{USER}")] });
    assert_eq!(exchange(server.address, "PATCH", &format!("/v1.0/{path}"), &both).0, 204);
    assert_eq!(next(), expected("updated"));
    assert_eq!(exchange(server.address, "DELETE", &format!("/v1.0/{path}"), &Value::Null).0, 204);
    assert_eq!(next(), expected("deleted"));
    receiver.gets_nothing();
}

#[test]
fn an_application_knows_its_own_subscriptions_alone() {
    let world = harness::world(&[("subscription-validation", "off")]);
    let ask = |client: Option<&str>, method: Method, target: &str, body: &str| {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(client.map(|client| {
            let claims = json!({ "oid": USER, "appid": client, "scp": "User.Read" }).to_string();
            ("authorization".to_owned(), format!("Bearer e30.{}.x", URL_SAFE_NO_PAD.encode(claims)))
        }));
        let target = format!("/v1.0/subscriptions{target}");
        let request = RecordedRequest { method, target, headers, body: body.to_owned().into() };
        let response = harness::send(&world, &request);
        (response.status.as_u16(), serde_json::from_slice::<Value>(&response.body).unwrap_or_default())
    };
    let body = body("https://receiver.example/", &contacts(), "created").to_string();
    let mine = |client| ask(Some(client), Method::POST, "", &body).1["id"].as_str().unwrap().to_owned();
    let (one, other) = (mine("one"), mine("other"));
    let shown = |client| {
        let list = ask(client, Method::GET, "", "").1;
        list["value"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (shown(Some("one")), shown(Some("ONE")), shown(Some("other"))),
        (vec![one.clone()], vec![one.clone()], vec![other.clone()])
    );
    assert_eq!((shown(Some("third")), shown(None)), (vec![], vec![one.clone(), other.clone()]));
    let later = json!({ "expirationDateTime": "2026-01-02T03:50:00Z" }).to_string();
    for (client, status) in [("other", 404), ("one", 200)] {
        assert_eq!(ask(Some(client), Method::GET, &format!("/{one}"), "").0, status, "{client}");
        assert_eq!(ask(Some(client), Method::PATCH, &format!("/{one}"), &later).0, status, "{client}");
        let deleted = if status == 200 { 204 } else { status };
        assert_eq!(ask(Some(client), Method::DELETE, &format!("/{one}"), "").0, deleted, "{client}");
    }
    assert_eq!(shown(None), vec![other]);
}

#[test]
fn edits_by_a_person_notify_as_requests_do() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let contact = add_contact(&server, "Ada");
    subscribed(&server, &body(&receiver.url, &contacts(), "updated"));
    let edit = |at: &str, change: &Value| {
        let address = format!("/_emulator/worlds/default/entities?at={}", at.replace('\'', "%27"));
        exchange(server.address, "PATCH", &address, change).0
    };
    let address = format!("{}('{contact}')", contacts().replace(&format!("/{USER}"), &format!("('{USER}')")));
    assert_eq!(edit(&address, &json!({ "givenName": "Eve" })), 204);
    let found = receiver.next();
    assert_eq!(
        (&found[0]["changeType"], &found[0]["resource"]),
        (&json!("updated"), &json!(format!("Users/{USER}/Contacts/{contact}")))
    );
    // A refused one changes nothing.
    assert_eq!(edit(&address, &json!({ "givenName": 1 })), 400);
    receiver.gets_nothing();
}

#[test]
fn acts_notify_as_requests_do() {
    let (receiver, server) = (Receiver::start(), server(&[]));
    let (team, user) = ("3d88b7a2-f988-4f4b-bb34-d66df66af126", "c5d0c76b-80c4-481c-be50-923cd8d680a1");
    subscribed(&server, &body(&receiver.url, &format!("teams/{team}/schedule/shifts"), "created"));
    let act =
        json!({ "do": "add-shift", "team": team, "user": user, "start": "2026-12-11T14:00:00Z", "end": "2026-12-11T22:00:00Z" });
    let (status, report) = exchange(server.address, "POST", "/_emulator/worlds/default/acts", &act);
    assert_eq!((status, &report["isDone"]), (200, &json!(true)), "{report}");
    let found = receiver.next();
    assert_eq!((&found[0]["changeType"], &found[0]["resourceData"]["id"]), (&json!("created"), &report["answer"]["id"]));
}
