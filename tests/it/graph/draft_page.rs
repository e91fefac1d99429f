//! The exchange printed on the early draft of the reference page, reproduced to the byte under the profile `reference-page`.
//!
//! The page prints `Content-Length: 344` and `889`, which are the lengths of its bodies with lines that end in CRLF.

use http::{Method, StatusCode};
use wfi_emulator::internals::policy::behavior::{Behaviors, Profile};
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::world::World;

use crate::support::harness;

const REQUEST: &str = include_str!("draft_page/request.json");
const RESPONSE: &str = include_str!("draft_page/response.json");

/// The text of the page with CRLF, as its lengths imply.
fn printed(text: &str) -> String {
    text.trim_end().lines().collect::<Vec<_>>().join("\r\n")
}

#[test]
fn the_request_of_the_page_gets_the_response_of_the_page() {
    for version in ["v1.0", "beta"] {
        let world = World::new(harness::settings(Behaviors::of(Profile::ReferencePage)));
        let body = printed(REQUEST);
        assert_eq!(body.len(), 344);
        let request = RecordedRequest {
            method: Method::PATCH,
            target: format!("/{version}/teamwork/workforceIntegrations/0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c"),
            headers: vec![
                ("Content-type".to_owned(), "application/json".to_owned()),
                ("Content-length".to_owned(), "344".to_owned()),
            ],
            body: body.into(),
        };
        let response = harness::send(&world, &request);
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.header("content-length"), Some("889"));
        assert_eq!(std::str::from_utf8(&response.body).unwrap(), printed(RESPONSE));
    }
}
