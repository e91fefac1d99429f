use http::HeaderMap;

use super::*;
use crate::edge::control::{ControlOutcome, answer as answer_control};
use crate::graph::request::Body;
use crate::world::worlds::Worlds;

const HOST: (&str, &str) = ("host", "localhost:9340");

fn control(token: Option<&str>, has_page: bool) -> Control {
    let ui = has_page.then(|| UiToken::draw().unwrap());
    Control { token: token.map(str::to_owned), ui, ..Control::default() }
}

fn local() -> Peer {
    Peer::Address("127.0.0.1".parse().unwrap())
}

fn request(method: &Method, target: &str, headers: &[(&str, &str)]) -> Request {
    let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    Request {
        method: method.clone(),
        target: target.parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: crate::world::journal::Arrival::default(),
        headers: headers.iter().map(pair).collect::<HeaderMap>(),
        body: Body::Whole(Bytes::new()),
    }
}

fn sent(control: &Control, method: &Method, target: &str, headers: &[(&str, &str)], peer: Peer) -> (u16, String) {
    let worlds = Worlds::of(crate::workloads::settings());
    match answer_control(control, &worlds, &request(method, target, headers), peer) {
        ControlOutcome::Answered(answer) => {
            (answer.response.status().as_u16(), String::from_utf8(answer.response.body().to_vec()).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_page_is_for_a_window_of_this_machine() {
    let control = control(None, true);
    let token = control.ui.as_ref().unwrap().text();
    let far = Peer::Address("192.0.2.7".parse().unwrap());
    // Whether the answer has the token: only a person's own window gets it.
    for (headers, peer, status, has_token) in [
        (&[HOST][..], local(), 200, false),
        (&[HOST, ("sec-fetch-dest", "document")], local(), 200, false),
        (&[("host", "0.0.0.0:9340"), ("sec-fetch-site", "none")], local(), 403, false),
        (&[("host", "[::]:9340"), ("sec-fetch-site", "none")], local(), 403, false),
        (&[HOST, ("sec-fetch-site", "none"), ("sec-fetch-dest", "document")], local(), 200, true),
        (&[HOST, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "document")], local(), 200, true),
        // A link of another page leads to the door.
        (&[HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")], local(), 200, false),
        (&[HOST, ("sec-fetch-site", "same-site"), ("sec-fetch-dest", "document")], local(), 200, false),
        // Frames, scripts and requests of any page, of the emulator's sign-in page too.
        (&[HOST, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "iframe")], local(), 403, false),
        (&[HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "iframe")], local(), 403, false),
        (&[HOST, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "empty")], local(), 403, false),
        (&[HOST, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "embed")], local(), 403, false),
        // DNS rebinding, other machines, proxies.
        (&[("host", "evil.example:9340")], local(), 403, false),
        (&[("host", "evil.example:9340"), ("sec-fetch-site", "none")], local(), 403, false),
        (&[HOST], far, 403, false),
        (&[HOST, ("x-forwarded-for", "127.0.0.1")], local(), 403, false),
    ] {
        let (found, body) = sent(&control, &Method::GET, ui::PATH, headers, peer);
        assert_eq!((found, body.contains(token)), (status, has_token), "{headers:?} {peer:?}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let (status, body) = sent(&control, &method, ui::PATH, &[HOST], local());
        assert_eq!((status, body.contains(token)), (405, false), "{method}");
    }
    // Programs other than browsers use the control API as before.
    assert_eq!(sent(&control, &Method::GET, "/_emulator/worlds", &[HOST], local()).0, 200);
    assert_eq!(sent(&control, &Method::HEAD, ui::PATH, &[HOST], local()), (200, String::new()));
    assert_eq!(sent(&control, &Method::GET, "/_emulator/ui", &[HOST], local()).0, 303);
    for (headers, status) in [
        (&[HOST, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "script")][..], 200),
        (&[HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "script")], 403),
        (&[("host", "evil.example"), ("sec-fetch-site", "same-origin")], 403),
    ] {
        assert_eq!(sent(&control, &Method::GET, "/_emulator/ui/main.js", headers, local()).0, status, "{headers:?}");
    }
    assert_eq!(sent(&control, &Method::GET, "/_emulator/ui/none.js", &[HOST], local()).0, 404);
    assert_eq!(sent(&control, &Method::GET, "/_emulator/uix", &[HOST], local()).0, 404);
}

#[test]
fn a_remote_reader_gets_the_page_without_its_token_if_there_is_one_to_ask_for() {
    let control = control(Some("key"), true);
    let far = Peer::Address("192.0.2.7".parse().unwrap());
    let (status, body) = sent(&control, &Method::GET, ui::PATH, &[("host", "emulator:9340")], far);
    assert_eq!((status, body.contains(control.ui.as_ref().unwrap().text())), (200, false));
    let own = [("host", "emulator:9340"), ("sec-fetch-site", "same-origin"), ("x-wfi-emulator-control-token", "key")];
    assert_eq!(sent(&control, &Method::GET, "/_emulator/worlds", &own, far).0, 200);
    assert_eq!(sent(&control, &Method::GET, "/_emulator/worlds", &own[..2], far).0, 403);
}

#[test]
fn requests_of_the_page_need_its_token_its_origin_and_its_host() {
    let control = control(None, true);
    let token = ("x-wfi-emulator-ui-token", control.ui.as_ref().unwrap().text());
    let (same, origin) = (("sec-fetch-site", "same-origin"), ("origin", "http://localhost:9340"));
    let wrong = "0".repeat(64);
    let far = Peer::Address("192.0.2.7".parse().unwrap());
    for (headers, peer, status) in [
        (&[HOST, same, token][..], local(), 200),
        (&[HOST, same, token, origin], local(), 200),
        (&[HOST, same], local(), 403),
        (&[HOST, same, origin], local(), 403),
        (&[HOST, same, ("x-wfi-emulator-ui-token", "")], local(), 403),
        (&[HOST, same, ("x-wfi-emulator-ui-token", &wrong)], local(), 403),
        (&[HOST, token, origin], local(), 403),
        (&[HOST, ("sec-fetch-site", "same-site"), token], local(), 403),
        (&[HOST, ("sec-fetch-site", "cross-site"), token], local(), 403),
        (&[HOST, same, ("sec-fetch-site", "cross-site"), token], local(), 403),
        (&[HOST, same, token, ("origin", "http://localhost:3000")], local(), 403),
        (&[HOST, same, token, ("origin", "https://localhost:9340")], local(), 403),
        (&[HOST, same, token, ("origin", "null")], local(), 403),
        (&[HOST, same, token, origin, ("origin", "http://evil.example")], local(), 403),
        (&[("host", "evil.example:9340"), same, token], local(), 403),
        (&[HOST, ("host", "evil.example"), same, token], local(), 403),
        (&[HOST, same, token], far, 403),
        (&[HOST, same, token, ("via", "1.1 proxy")], local(), 403),
    ] {
        assert_eq!(sent(&control, &Method::GET, "/_emulator/worlds", headers, peer).0, status, "{headers:?} {peer:?}");
    }
}

#[test]
fn only_navigations_are_led_to_the_page() {
    let control = control(None, true);
    let navigation = [
        HOST,
        ("sec-fetch-site", "none"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("accept", "text/html,*/*"),
    ];
    let is_led = |control: &Control, request: &Request| redirect(control, request, local()).is_some();
    let answer = redirect(&control, &request(&Method::GET, "/", &navigation), local()).unwrap();
    assert_eq!(
        (answer.response.status().as_u16(), &answer.response.headers()["location"]),
        (303, &HeaderValue::from_static(ui::PATH))
    );
    for missing in [2, 4] {
        let mut headers = navigation.to_vec();
        headers.remove(missing);
        assert!(!is_led(&control, &request(&Method::GET, "/", &headers)), "{headers:?}");
    }
    for (index, other) in [
        (0, ("host", "graph.microsoft.com")),
        (2, ("sec-fetch-mode", "cors")),
        (3, ("sec-fetch-dest", "iframe")),
        (4, ("accept", "application/json")),
    ] {
        let mut headers = navigation;
        headers[index] = other;
        assert!(!is_led(&control, &request(&Method::GET, "/", &headers)), "{headers:?}");
    }
    assert!(!is_led(&control, &request(&Method::POST, "/", &navigation)));
    assert!(!is_led(&control, &request(&Method::GET, "/?code=x", &navigation)));
    assert!(!is_led(&control, &Request { via: Via::Proxy, ..request(&Method::GET, "/", &navigation) }));
    assert!(!is_led(&self::control(None, false), &request(&Method::GET, "/", &navigation)));
}

#[test]
fn without_the_page_there_is_nothing_of_it() {
    let control = control(None, false);
    let same = ("sec-fetch-site", "same-origin");
    assert_eq!(sent(&control, &Method::GET, ui::PATH, &[HOST], local()).0, 404);
    assert_eq!(sent(&control, &Method::GET, "/_emulator/ui/main.js", &[HOST], local()).0, 404);
    assert_eq!(sent(&control, &Method::GET, "/_emulator/worlds", &[HOST, same, ("x-wfi-emulator-ui-token", "")], local()).0, 403);
}
