//! A connector: the web service at the `url` of a workforce integration, which Shifts asks before it saves a change.
//!
//!     cargo run --example connector -- 127.0.0.1:8080 SECRET
//!
//! It refuses shifts of more than ten hours and approves everything else. See `docs/connectors.md` to try it out.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use wfi_emulator::emulator::connector::{
    DateTimeOffset, Element, PASSTHROUGH, Requests, ResponseItem, Responses, Secret, decrypt,
};

/// The longest shift, in ticks of 100 nanoseconds.
const TEN_HOURS: i64 = 10 * 3600 * 10_000_000;

/// The state of a connector.
pub struct Connector {
    secret: Secret,
    /// The response to each element of a transaction: Shifts retries a call whose answer got lost, and must get the same one.
    answered: Mutex<HashMap<(String, String), ResponseItem>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, secret] = &arguments[..] else { panic!("expected an address and a secret") };
    let listener = TcpListener::bind(address).await.expect("the address is free");
    println!("listening on {}", listener.local_addr().expect("a listener has an address"));
    serve(listener, Secret::new(secret).expect("the secret has 64 characters")).await;
}

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, secret: Secret) {
    let connector = Arc::new(Connector { secret, answered: Mutex::default() });
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // The client is gone already, or too many files are open, which passes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let connector = connector.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&connector, request));
            // A broken connection does not concern the others.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(connector: &Connector, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let plaintext = match Limited::new(body, 4 << 20).collect().await {
        Ok(body) => decrypt(&connector.secret, &body.to_bytes()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let segments: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    let plaintext = match (&head.method, plaintext) {
        (&Method::POST, Ok(plaintext)) => plaintext,
        // A caller without the secret is not Shifts.
        (_, Err(reason)) => return Ok(plain(StatusCode::BAD_REQUEST, reason)),
        _ => return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, String::new())),
    };
    if let Some(passthrough) = head.headers.get(PASSTHROUGH) {
        println!("change made through Graph, marked {passthrough:?}");
    }
    let decide: fn(&Element) -> ResponseItem = match segments[..] {
        ["v1", "connect"] => return Ok(connect(&plaintext)),
        ["v1", "teams" | "users", _, "update"] => decide_change,
        ["v1", "teams", _, "read"] => |element| ResponseItem::eligible(&element.id, Vec::new()),
        _ => return Ok(plain(StatusCode::NOT_FOUND, String::new())),
    };
    let Ok(requests) = Requests::read(&plaintext) else { return Ok(plain(StatusCode::BAD_REQUEST, "no requests".to_owned())) };
    let responses = requests.requests.iter().map(|element| connector.once(element, decide)).collect();
    // The status is 200 even if items are refused.
    Ok(Response::new(Full::new(Responses { responses }.write())))
}

impl Connector {
    /// Decides on an element, or repeats the earlier decision.
    fn once(&self, element: &Element, decide: fn(&Element) -> ResponseItem) -> ResponseItem {
        let Some(headers) = &element.headers else { return decide(element) };
        let transaction = (headers.transaction_id.clone(), element.id.clone());
        let mut answered = self.answered.lock().expect("no thread panics while it holds the lock");
        answered.entry(transaction).or_insert_with(|| decide(element)).clone()
    }
}

fn connect(plaintext: &[u8]) -> Response<Full<Bytes>> {
    let handshake: Value = serde_json::from_slice(plaintext).unwrap_or_default();
    let is_complete = handshake["tenantId"].is_string() && handshake["userId"].is_string();
    plain(if is_complete { StatusCode::OK } else { StatusCode::BAD_REQUEST }, String::new())
}

/// Approves or refuses a change. Every element gets an item, since a missing one counts as approval.
fn decide_change(element: &Element) -> ResponseItem {
    let body: Value = element.body.as_ref().and_then(|body| serde_json::from_str(body.get()).ok()).unwrap_or_default();
    let shift = [&body["sharedShift"], &body["draftShift"]].into_iter().find(|shift| shift.is_object()).unwrap_or(&Value::Null);
    let time = |name: &str| DateTimeOffset::parse(shift[name].as_str()?).map(DateTimeOffset::ticks);
    match (time("startDateTime"), time("endDateTime")) {
        (Some(start), Some(end)) if end - start > TEN_HOURS => {
            ResponseItem::refused(&element.id, 403, "A shift has at most ten hours.")
        }
        _ => ResponseItem::approved(&element.id, &format!("{}-1", element.id)),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}
