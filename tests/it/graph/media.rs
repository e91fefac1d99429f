//! Content of files, photos and streams: byte for byte, in parts, in fragments, within limits.

use std::io::Write as _;
use std::sync::{Arc, Barrier};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Version, WorldLimits};
use wfi_emulator::internals::text::exchange::{RecordedRequest, RecordedResponse};
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::fixture;
use wfi_emulator::internals::world::settings::{Auth, Settings};

use crate::support::{harness, tokens};

pub(super) const ROOT: &str = "/v1.0/me/drive/root";
const STATE: &str = "/_emulator/worlds/default/state";
const KIB: usize = 1024;

pub(super) fn send(world: &World, method: Method, target: &str, headers: &[(&str, &str)], body: &[u8]) -> RecordedResponse {
    let target = target.strip_prefix("http://localhost:9340").unwrap_or(target).to_owned();
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    harness::send(world, &RecordedRequest { method, target, headers, body: Bytes::copy_from_slice(body) })
}

fn header<'r>(response: &'r RecordedResponse, wanted: &str) -> Option<&'r str> {
    response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
}

pub(super) fn json_of(response: &RecordedResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

pub(super) fn code(response: &RecordedResponse) -> (u16, String) {
    (response.status.as_u16(), json_of(response)["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Bytes of all values.
fn binary(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index * 7 + index / 256) % 256).unwrap()).collect()
}

#[test]
fn content_comes_back_byte_for_byte_and_survives_an_export() {
    let emulator = Emulator::builder().seed(1).build();
    let ask = |method: Method, target: &str, content_type: &str, body: &[u8]| -> Response<Bytes> {
        let request = Request::builder().method(method).uri(target).header("content-type", content_type);
        emulator.send(request.body(Bytes::copy_from_slice(body)).unwrap())
    };
    let contents = [
        ("/v1.0/me/photo/$value", "image/jpeg", binary(100 * KIB), 200),
        ("/v1.0/me/drive/root:/data/all.bin:/content", "application/octet-stream", binary(70 * KIB), 201),
        (
            "/v1.0/me/drive/root:/data/odd.json:/content",
            "application/json",
            b"{\"a\" : [1,\r\n2], \"secret\":\"Bearer abc\"".to_vec(),
            201,
        ),
        ("/v1.0/me/drive/root:/data/empty:/content", "text/plain", Vec::new(), 201),
    ];
    for (target, content_type, bytes, status) in &contents {
        assert_eq!(ask(Method::PUT, target, content_type, bytes).status(), *status, "{target}");
    }
    let check = |moment: &str| {
        for (target, content_type, bytes, _) in &contents {
            let mut answer = ask(Method::GET, target, "text/plain", b"");
            if answer.status() == StatusCode::FOUND {
                answer = ask(Method::GET, answer.headers()["location"].to_str().unwrap(), "text/plain", b"");
            }
            assert_eq!((answer.status(), answer.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, *content_type));
            assert!(answer.body() == bytes, "{moment}: {target}");
        }
    };
    check("at first");
    let state = ask(Method::GET, STATE, "application/json", b"");
    let text: Value = serde_json::from_slice(state.body()).unwrap();
    let user = text["users"].as_array().unwrap().iter().find(|user| user.get("photo").is_some()).unwrap();
    assert_eq!(user["photo"]["@emulator.content"]["contentType"], "image/jpeg");
    for (target, ..) in &contents[..2] {
        ask(Method::DELETE, target, "text/plain", b"");
    }
    assert_eq!(ask(Method::PUT, STATE, "application/json", state.body()).status(), StatusCode::OK);
    check("after an import");
}

#[test]
fn malformed_content_of_a_fixture_is_a_problem_of_its_own() {
    let problem = |photo: Value| {
        let text = json!({ "users": [{ "id": "1", "photo": photo }] }).to_string();
        Emulator::builder().fixtures_json(&text).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(problem(json!({ "id": "p", "@emulator.content": { "contentType": "image/png", "base64": "AAAA" } })), "");
    for (content, reason) in [
        (json!(7), "expected an object with contentType and base64"),
        (json!({ "contentType": "image/png" }), "expected an object with contentType and base64"),
        (json!({ "contentType": "image/png", "base64": "?" }), "the content is not base64"),
    ] {
        let found = problem(json!({ "id": "p", "@emulator.content": content }));
        assert!(found.contains(reason) && found.contains("photo"), "{found}");
    }
    assert!(problem(json!({ "id": "p", "height@emulator.content": {} })).contains("no stream property of the type"));
}

#[test]
fn the_address_of_content_needs_no_token_and_is_valid_for_an_hour_in_one_world() {
    let world = World::new(Settings { auth: Auth::Strict, ..harness::settings_with(&[]) });
    let token = format!("Bearer {}", tokens::token(&world, "user scopes=Files.ReadWrite"));
    let target = format!("{ROOT}:/a.bin:/content");
    let headers = [("authorization", &*token), ("content-type", "image/png")];
    assert_eq!(send(&world, Method::PUT, &target, &headers[1..], b"x").status, StatusCode::UNAUTHORIZED);
    let other = format!("Bearer {}", tokens::token(&world, "user scopes=Files.Read"));
    let deep = format!("{ROOT}:/a/b/c.bin:/content");
    assert_eq!(send(&world, Method::PUT, &deep, &[("authorization", &*other)], b"x").status, StatusCode::FORBIDDEN);
    let made = send(&world, Method::PUT, &target, &headers, &binary(100));
    assert_eq!(made.status, StatusCode::CREATED);
    let found = send(&world, Method::GET, &target, &headers, b"");
    let location = header(&found, "location").unwrap().to_owned();
    assert_eq!((found.status, found.body.len()), (StatusCode::FOUND, 0));
    assert_eq!(json_of(&made)["@microsoft.graph.downloadUrl"].as_str().unwrap(), location);
    let whole = send(&world, Method::GET, &location, &[], b"");
    assert_eq!((whole.status, &*whole.body), (StatusCode::OK, &*binary(100)));
    let part = send(&world, Method::GET, &location, &[("range", "bytes=10-19")], b"");
    assert_eq!((part.status, &*part.body), (StatusCode::PARTIAL_CONTENT, &binary(100)[10..20]));
    assert_eq!(header(&part, "content-range"), Some("bytes 10-19/100"));
    let tag = header(&whole, "etag").unwrap();
    let known = send(&world, Method::GET, &location, &[("if-none-match", tag)], b"");
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let outside = send(&world, Method::GET, &location, &[("range", "bytes=100-")], b"");
    assert_eq!(code(&outside), (416, "invalidRange".to_owned()));
    assert_eq!(header(&outside, "content-range"), Some("bytes */100"));
    // Of each changed character, and at another time or in another world, nothing is left of it.
    let (start, signed) = location.rsplit_once('/').unwrap();
    for index in [0, 5, 30, signed.len() - 2] {
        let mut forged = signed.to_owned();
        let other = if &forged[index..=index] == "A" { "B" } else { "A" };
        forged.replace_range(index..=index, other);
        assert_eq!(code(&send(&world, Method::GET, &format!("{start}/{forged}"), &[], b"")).0, 401, "{index}");
    }
    let later = |seconds: i64| world.with_clock(world.clock.advanced(seconds * 1000));
    assert_eq!(send(&later(3599), Method::GET, &location, &[], b"").status, StatusCode::OK);
    assert_eq!(code(&send(&later(3600), Method::GET, &location, &[], b"")), (401, "unauthenticated".to_owned()));
    let uploads = format!("{ROOT}:/b.bin:/createUploadSession");
    let address = json_of(&send(&world, Method::POST, &uploads, &headers[..1], b""))["uploadUrl"].as_str().unwrap().to_owned();
    assert_eq!(send(&world, Method::GET, &address, &[], b"").status, StatusCode::OK);
    // A fork has the file too, and goes on with the same ids; a world of the same process has another seed.
    let mut others = vec![world.fork().unwrap(), World::new(Settings { seed: 2, ..harness::settings_with(&[]) })];
    others.push(others[0].fork().unwrap());
    // A seed that was drawn says nothing: any id gives it away.
    let drawn = || World::new(Settings { is_reproducible: false, ..harness::settings_with(&[]) });
    others.extend([drawn(), drawn()]);
    for (index, other) in others.iter().enumerate() {
        assert_eq!(code(&send(other, Method::GET, &location, &[], b"")).0, 401, "{index}");
        assert_eq!(code(&send(other, Method::GET, &address, &[], b"")).0, 404, "{index}");
        assert_ne!(other.next_upload_id(), world.next_upload_id(), "{index}");
    }
    let put = |world: &World| json_of(&send(world, Method::PUT, &format!("{ROOT}:/x:/content"), &[], b"x"));
    let locations = [drawn(), drawn()].map(|world| put(&world)["@microsoft.graph.downloadUrl"].clone());
    assert!(locations[0].is_string() && locations[0] != locations[1], "{locations:?}");
    // A fragment and the progress of a copy need no token either, but their beginnings do.
    assert_eq!(send(&world, Method::POST, &uploads, &[], b"").status, StatusCode::UNAUTHORIZED);
    let part = |range| send(&world, Method::PUT, &address, &[("content-range", range)], b"x").status;
    assert_eq!((part("bytes 0-0/2"), part("bytes 1-1/2")), (StatusCode::ACCEPTED, StatusCode::CREATED));
    let copy = format!("{ROOT}:/a.bin:/copy");
    let json = [("authorization", &*token), ("content-type", "application/json")];
    assert_eq!(send(&world, Method::POST, &copy, &json[1..], br#"{"name":"c.bin"}"#).status, StatusCode::UNAUTHORIZED);
    let copied = send(&world, Method::POST, &copy, &json, br#"{"name":"c.bin"}"#);
    let monitor = header(&copied, "location").unwrap();
    assert!(monitor.contains("/_monitor/"), "{monitor}");
    assert_eq!(json_of(&send(&world, Method::GET, monitor, &[], b""))["status"], "completed");
    assert_eq!(code(&send(&others[0], Method::GET, monitor, &[], b"")).0, 404);
    assert_eq!(send(&world, Method::DELETE, &format!("{ROOT}:/a.bin"), &headers, b"").status, StatusCode::NO_CONTENT);
    assert_eq!(code(&send(&world, Method::GET, &location, &[], b"")), (404, "itemNotFound".to_owned()));
}

/// Begins an upload session, and returns its address.
pub(super) fn session(world: &World, target: &str, body: &Value) -> String {
    let made = send(world, Method::POST, target, &[("content-type", "application/json")], body.to_string().as_bytes());
    json_of(&made)["uploadUrl"].as_str().unwrap_or_else(|| panic!("{:?}", code(&made))).to_owned()
}

pub(super) fn fragment(world: &World, address: &str, range: &str, bytes: &[u8]) -> RecordedResponse {
    send(world, Method::PUT, address, &[("content-range", range)], bytes)
}

#[test]
fn fragments_of_an_upload_become_a_file() {
    let world = harness::world(&[]);
    let item = json!({ "item": { "@microsoft.graph.conflictBehavior": "replace" } });
    let target = format!("{ROOT}:/Uploads/large.bin:/createUploadSession");
    let address = session(&world, &target, &item);
    let bytes = binary(1_000);
    let first = fragment(&world, &address, "bytes 0-399/1000", &bytes[..400]);
    assert_eq!((first.status, &json_of(&first)["nextExpectedRanges"]), (StatusCode::ACCEPTED, &json!(["400-"])));
    for (range, part, status, wanted) in [
        ("bytes 0-399/1000", &bytes[..400], 416, "invalidRange"),
        ("bytes 500-999/1000", &bytes[500..], 416, "invalidRange"),
        ("bytes 400-999/1000", &bytes[400..900], 400, "invalidRequest"),
        ("bytes 400-999/1001", &bytes[400..], 400, "invalidRequest"),
        ("bytes=400-999", &bytes[400..], 400, "invalidRequest"),
    ] {
        assert_eq!(code(&fragment(&world, &address, range, part)), (status, wanted.to_owned()), "{range}");
    }
    let state = send(&world, Method::GET, &address, &[], b"");
    assert_eq!((state.status, &json_of(&state)["nextExpectedRanges"]), (StatusCode::OK, &json!(["400-"])));
    assert_eq!(code(&send(&world, Method::GET, &format!("{ROOT}:/Uploads"), &[], b"")).0, 404, "nothing is stored yet");
    let last = fragment(&world, &address, "bytes 400-999/1000", &bytes[400..]);
    assert_eq!(
        (last.status, &json_of(&last)["size"], &json_of(&last)["name"]),
        (StatusCode::CREATED, &json!(1000), &json!("large.bin"))
    );
    let content = send(&world, Method::GET, json_of(&last)["@microsoft.graph.downloadUrl"].as_str().unwrap(), &[], b"");
    assert!(*content.body == *bytes);
    assert_eq!(code(&send(&world, Method::GET, &address, &[], b"")), (404, "itemNotFound".to_owned()));
    // Again, by the id.
    let id = json_of(&last)["id"].as_str().unwrap().to_owned();
    let address = session(&world, &format!("/v1.0/me/drive/items/{id}/createUploadSession"), &json!({}));
    let replaced = fragment(&world, &address, "bytes 0-2/3", b"new");
    assert_eq!((replaced.status, &json_of(&replaced)["size"]), (StatusCode::OK, &json!(3)));
    // Cancelled, and at its end.
    let address = session(&world, &target, &json!({}));
    assert_eq!(send(&world, Method::DELETE, &address, &[], b"").status, StatusCode::NO_CONTENT);
    assert_eq!(code(&fragment(&world, &address, "bytes 0-2/3", b"new")).0, 404);
    let address = session(&world, &target, &json!({}));
    let later = world.with_clock(world.clock.advanced(24 * 60 * 60 * 1000));
    assert_eq!(code(&fragment(&later, &address, "bytes 0-2/3", b"new")).0, 404);
    // A file of the name, where the client wants none: refused at the beginning, or with the last fragment.
    let fail = json!({ "item": { "@microsoft.graph.conflictBehavior": "fail" } });
    let begin = |world: &World, target: &str, body: &Value| {
        send(world, Method::POST, target, &[("content-type", "application/json")], body.to_string().as_bytes())
    };
    let by_query = format!("{target}?@microsoft.graph.conflictBehavior=fail");
    let by_id = format!("/v1.0/me/drive/items/{id}/createUploadSession");
    for (target, body) in [(&target, &fail), (&by_query, &json!({})), (&by_id, &fail)] {
        assert_eq!(code(&begin(&world, target, body)), (409, "nameAlreadyExists".to_owned()), "{target}");
    }
    assert_eq!(content_of(&world, "Uploads/large.bin"), b"new", "the content stays");
    let world = harness::world(&[("upload-conflict", "begin")]);
    put(&world, "Uploads/large.bin", b"old");
    let address = session(&world, &target, &fail);
    assert_eq!(code(&fragment(&world, &address, "bytes 0-2/3", b"NEW")), (409, "nameAlreadyExists".to_owned()));
    assert_eq!(content_of(&world, "Uploads/large.bin"), b"old", "the content stays");
}

#[test]
fn a_deferred_upload_is_stored_by_the_request_that_completes_it() {
    let world = harness::world(&[]);
    let target = format!("{ROOT}:/Uploads/late.bin:/createUploadSession");
    let address = session(&world, &target, &json!({ "deferCommit": true }));
    let complete = |address: &str| send(&world, Method::POST, address, &[("content-length", "0")], b"");
    let is_stored = || send(&world, Method::GET, &format!("{ROOT}:/Uploads/late.bin"), &[], b"").status == StatusCode::OK;
    assert_eq!(code(&complete(&address)), (400, "invalidRequest".to_owned()), "nothing has arrived");
    assert_eq!(fragment(&world, &address, "bytes 0-2/6", b"abc").status, StatusCode::ACCEPTED);
    assert_eq!(code(&complete(&address)), (400, "invalidRequest".to_owned()), "half of it has arrived");
    let last = fragment(&world, &address, "bytes 3-5/6", b"def");
    assert_eq!((last.status, &json_of(&last)["nextExpectedRanges"]), (StatusCode::ACCEPTED, &json!([])));
    assert!(!is_stored(), "without the commit nothing is stored");
    assert_eq!(code(&fragment(&world, &address, "bytes 3-5/6", b"def")).0, 416);
    let state = send(&world, Method::GET, &address, &[], b"");
    assert_eq!((state.status, &json_of(&state)["nextExpectedRanges"]), (StatusCode::OK, &json!([])));
    assert_eq!(code(&send(&world, Method::POST, &address, &[], b"x")), (400, "invalidRequest".to_owned()));
    assert!(!is_stored());
    let stored = complete(&address);
    assert_eq!((stored.status, &json_of(&stored)["size"]), (StatusCode::CREATED, &json!(6)));
    assert_eq!(content_of(&world, "Uploads/late.bin"), b"abcdef");
    assert_eq!(code(&complete(&address)), (404, "itemNotFound".to_owned()), "the session is at its end");
    // Content that cannot be stored waits; a cancelled session stores nothing; `false` is the default.
    let fail = json!({ "item": { "@microsoft.graph.conflictBehavior": "fail" }, "deferCommit": true });
    let address = session(&world, &format!("{ROOT}:/Uploads/taken.bin:/createUploadSession"), &fail);
    assert_eq!(fragment(&world, &address, "bytes 0-2/3", b"new").status, StatusCode::ACCEPTED);
    assert_eq!(put(&world, "Uploads/taken.bin", b"old").status, StatusCode::CREATED);
    for _ in 0..2 {
        assert_eq!(code(&complete(&address)), (409, "nameAlreadyExists".to_owned()));
        assert_eq!(content_of(&world, "Uploads/taken.bin"), b"old");
    }
    assert_eq!(send(&world, Method::DELETE, &format!("{ROOT}:/Uploads/taken.bin"), &[], b"").status, StatusCode::NO_CONTENT);
    assert_eq!(complete(&address).status, StatusCode::CREATED);
    assert_eq!(content_of(&world, "Uploads/taken.bin"), b"new");
    let address = session(&world, &target, &json!({ "deferCommit": true }));
    assert_eq!(fragment(&world, &address, "bytes 0-2/3", b"new").status, StatusCode::ACCEPTED);
    assert_eq!(send(&world, Method::DELETE, &address, &[], b"").status, StatusCode::NO_CONTENT);
    assert_eq!((code(&complete(&address)).0, content_of(&world, "Uploads/late.bin")), (404, b"abcdef".to_vec()));
    let address = session(&world, &target, &json!({ "deferCommit": false }));
    assert_eq!(fragment(&world, &address, "bytes 0-2/3", b"new").status, StatusCode::OK);
    assert_eq!(content_of(&world, "Uploads/late.bin"), b"new");
}

/// Returns the content of a file.
pub(super) fn content_of(world: &World, name: &str) -> Vec<u8> {
    let found = send(world, Method::GET, &format!("{ROOT}:/{name}:/content"), &[], b"");
    send(world, Method::GET, header(&found, "location").unwrap(), &[], b"").body.to_vec()
}

pub(super) fn put(world: &World, name: &str, bytes: &[u8]) -> RecordedResponse {
    send(world, Method::PUT, &format!("{ROOT}:/{name}:/content"), &[], bytes)
}

#[test]
fn an_upload_that_cannot_be_stored_is_repeated_from_its_last_fragment() {
    let world = harness::world(&[]);
    let fail = json!({ "item": { "@microsoft.graph.conflictBehavior": "fail" } });
    let address = session(&world, &format!("{ROOT}:/a.txt:/createUploadSession"), &fail);
    assert_eq!(fragment(&world, &address, "bytes 0-2/6", b"abc").status, StatusCode::ACCEPTED);
    assert_eq!(put(&world, "a.txt", b"old").status, StatusCode::CREATED);
    for _ in 0..2 {
        assert_eq!(code(&fragment(&world, &address, "bytes 3-5/6", b"def")), (409, "nameAlreadyExists".to_owned()));
        let state = send(&world, Method::GET, &address, &[], b"");
        assert_eq!((state.status, &json_of(&state)["nextExpectedRanges"]), (StatusCode::OK, &json!(["3-"])));
        assert_eq!(content_of(&world, "a.txt"), b"old");
    }
    assert_eq!(send(&world, Method::DELETE, &format!("{ROOT}:/a.txt"), &[], b"").status, StatusCode::NO_CONTENT);
    assert_eq!(fragment(&world, &address, "bytes 3-5/6", b"def").status, StatusCode::CREATED);
    assert_eq!(content_of(&world, "a.txt"), b"abcdef");
    assert_eq!(send(&world, Method::GET, &address, &[], b"").status, StatusCode::NOT_FOUND);
}

#[test]
fn an_upload_keeps_the_conditions_of_its_beginning() {
    let world = harness::world(&[]);
    let begin = |name: &str, condition: (&str, &str)| {
        let target = format!("{ROOT}:/{name}:/createUploadSession");
        let made = send(&world, Method::POST, &target, &[condition], b"");
        json_of(&made)["uploadUrl"].as_str().unwrap_or_else(|| panic!("{:?}", code(&made))).to_owned()
    };
    let tag = json_of(&put(&world, "a.txt", b"one"))["eTag"].as_str().unwrap().to_owned();
    let (kept, stale) = (begin("a.txt", ("if-match", &tag)), begin("a.txt", ("if-match", &tag)));
    assert_eq!(fragment(&world, &kept, "bytes 0-2/3", b"two").status, StatusCode::OK);
    assert_eq!(fragment(&world, &stale, "bytes 0-4/5", b"three").status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(content_of(&world, "a.txt"), b"two");
    let (first, second) = (begin("b.txt", ("if-none-match", "*")), begin("b.txt", ("if-none-match", "*")));
    assert_eq!(fragment(&world, &first, "bytes 0-2/3", b"one").status, StatusCode::CREATED);
    assert_eq!(fragment(&world, &second, "bytes 0-2/3", b"two").status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(content_of(&world, "b.txt"), b"one");
}

#[test]
fn a_packed_body_says_what_happens_to_a_file_of_the_name() {
    let world = harness::world(&[]);
    let packed = |body: &Value| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body.to_string().as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(put(&world, "a.txt", b"old").status, StatusCode::CREATED);
    let fail = packed(&json!({ "item": { "@microsoft.graph.conflictBehavior": "fail" } }));
    let refused = send(&world, Method::POST, &format!("{ROOT}:/a.txt:/createUploadSession"), &headers, &fail);
    assert_eq!(code(&refused), (409, "nameAlreadyExists".to_owned()));
    let folder = packed(&json!({ "name": "a.txt", "folder": {}, "@microsoft.graph.conflictBehavior": "rename" }));
    let made = send(&world, Method::POST, &format!("{ROOT}/children"), &headers, &folder);
    assert_eq!((made.status, &json_of(&made)["name"]), (StatusCode::CREATED, &json!("a 1.txt")));
}

#[test]
fn the_content_of_a_media_entity_is_found_behind_its_redirect() {
    let schema = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
        <Schema Namespace="microsoft.graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">
        <EntityType Name="printDocument" HasStream="true"><Key><PropertyRef Name="id"/></Key>
        <Property Name="id" Type="Edm.String" Nullable="false"/></EntityType>
        <EntityContainer Name="GraphService"><EntitySet Name="documents" EntityType="microsoft.graph.printDocument"/></EntityContainer>
        </Schema></edmx:DataServices></edmx:Edmx>"#;
    let fixtures = json!({ "documents": [{ "id": "1" }] }).to_string();
    let builder = Emulator::builder().schema_csdl(Version::V1, schema).unwrap();
    let emulator = builder.fixtures_json(&fixtures).unwrap().build();
    let ask = |method: Method, target: &str| {
        let request = Request::builder().method(method).uri(target).header("content-type", "application/pdf");
        emulator.send(request.body(Bytes::from_static(b"pdf")).unwrap())
    };
    assert!(ask(Method::PUT, "/v1.0/documents/1/$value").status().is_success());
    let found = ask(Method::GET, "/v1.0/documents/1/$value");
    assert_eq!(found.status(), StatusCode::FOUND);
    let answer = ask(Method::GET, found.headers()["location"].to_str().unwrap());
    assert_eq!((answer.status(), &**answer.body()), (StatusCode::OK, &b"pdf"[..]));
}

#[test]
fn fragments_of_an_attachment_become_one() {
    let world = harness::world(&[]);
    let made = send(&world, Method::POST, "/v1.0/me/messages", &[("content-type", "application/json")], br#"{"subject":"x"}"#);
    let attachments = format!("/v1.0/me/messages/{}/attachments", json_of(&made)["id"].as_str().unwrap());
    let item = json!({ "AttachmentItem": { "attachmentType": "file", "name": "a.txt", "size": 6, "contentType": "text/plain" } });
    let address = session(&world, &format!("{attachments}/createUploadSession"), &item);
    let first = fragment(&world, &address, "bytes 0-2/6", b"abc");
    assert_eq!((first.status, &json_of(&first)["nextExpectedRanges"]), (StatusCode::OK, &json!(["3"])));
    let last = fragment(&world, &address, "bytes 3-5/6", b"def");
    assert_eq!((last.status, last.body.len()), (StatusCode::CREATED, 0));
    let location = header(&last, "location").unwrap();
    let content = send(&world, Method::GET, &format!("{location}/$value"), &[], b"");
    assert_eq!(
        (content.status, &*content.body, header(&content, "content-type")),
        (StatusCode::OK, &b"abcdef"[..], Some("text/plain"))
    );
    let listed = send(&world, Method::GET, &attachments, &[], b"");
    assert_eq!(json_of(&listed)["value"][0]["name"], "a.txt");
    let none =
        send(&world, Method::POST, &format!("{attachments}/createUploadSession"), &[("content-type", "application/json")], b"{}");
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
}

#[test]
fn content_is_counted_by_the_limit_of_all_stores() {
    let limit = 4 * 1024 * KIB;
    let emulator = Emulator::builder().seed(1).fixtures_json(r#"{"users":[{"id":"1"}]}"#).unwrap().store_bytes(limit).build();
    let ask = |method: Method, target: &str, headers: &[(&str, &str)], body: Vec<u8>| {
        let request = Request::builder().method(method).uri(target);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = emulator.send(request.body(Bytes::from(body)).unwrap());
        (answer.status().as_u16(), serde_json::from_slice::<Value>(answer.body()).unwrap_or_default())
    };
    let put = |name: &str| ask(Method::PUT, &format!("/v1.0/users/1/drive/root:/{name}:/content"), &[], binary(1024 * KIB)).0;
    let stored = (0..10).take_while(|number| put(&format!("{number}.bin")) == 201).count();
    assert_eq!((stored, put("more.bin")), (3, 413));
    assert_eq!(ask(Method::GET, "/v1.0/users/1/drive/root:/more.bin", &[], Vec::new()).0, 404, "nothing is stored");
    let (status, session) = ask(Method::POST, "/v1.0/users/1/drive/root:/s.bin:/createUploadSession", &[], Vec::new());
    assert_eq!(status, 200);
    let address = session["uploadUrl"].as_str().unwrap().to_owned();
    let range = [("content-range", "bytes 0-1048575/2097152")];
    assert_eq!(ask(Method::PUT, &address, &range, binary(1024 * KIB)).0, 413, "fragments count too");
    assert_eq!(ask(Method::DELETE, "/v1.0/users/1/drive/root:/0.bin", &[], Vec::new()).0, 204);
    assert_eq!(ask(Method::PUT, &address, &range, binary(1024 * KIB)).0, 202, "there is room again");
    assert_eq!((put("more.bin"), ask(Method::DELETE, &address, &[], Vec::new()).0, put("more.bin")), (413, 204, 201));
}

#[test]
fn an_upload_leads_back_to_the_world_that_a_header_names() {
    let emulator = Emulator::builder().seed(1).build();
    let ask = |method: Method, target: &str, world: Option<&str>, body: &'static [u8]| {
        let mut request = Request::builder().method(method).uri(target);
        if let Some(world) = world {
            request = request.header("x-wfi-emulator-world", world);
        }
        emulator.send(request.body(Bytes::from_static(body)).unwrap())
    };
    assert_eq!(ask(Method::PUT, "/v1.0/me/drive/root:/a.txt:/content", Some("one"), b"one").status(), 201);
    let found = ask(Method::GET, "/v1.0/me/drive/root:/a.txt:/content", Some("one"), b"");
    let location = found.headers()["location"].to_str().unwrap();
    assert!(location.contains("/_world/one/_content/"), "{location}");
    assert_eq!(&**ask(Method::GET, location, None, b"").body(), b"one");
    let begun = ask(Method::POST, "/v1.0/me/drive/root:/b.txt:/createUploadSession", Some("one"), b"");
    let begun: Value = serde_json::from_slice(begun.body()).unwrap();
    let address = begun["uploadUrl"].as_str().unwrap();
    assert!(address.contains("/_world/one/_upload/"), "{address}");
    let fragment = Request::builder().method(Method::PUT).uri(address).header("content-range", "bytes 0-2/3");
    assert_eq!(emulator.send(fragment.body(Bytes::from_static(b"two")).unwrap()).status(), 201);
    assert_eq!(ask(Method::GET, "/v1.0/me/drive/root:/b.txt", Some("one"), b"").status(), 200);
    assert_eq!(ask(Method::GET, "/v1.0/me/drive/root:/b.txt", None, b"").status(), 404);
    assert_eq!(ask(Method::GET, "/v1.0/me/drive/root:/a.txt", None, b"").status(), 404);
}

#[test]
fn two_clients_that_create_one_file_make_one() {
    let world = Arc::new(harness::world(&[]));
    for round in 0..20 {
        let barrier = Arc::new(Barrier::new(4));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (world, barrier) = (world.clone(), barrier.clone());
                thread::spawn(move || {
                    barrier.wait();
                    send(&world, Method::PUT, &format!("{ROOT}:/{round}/same.txt:/content"), &[], b"x").status
                })
            })
            .collect();
        let statuses: Vec<StatusCode> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CREATED).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 3, "{statuses:?}");
        let children = send(&world, Method::GET, &format!("{ROOT}:/{round}:/children"), &[], b"");
        assert_eq!(json_of(&children)["value"].as_array().unwrap().len(), 1);
    }
}

/// Returns the statuses of requests of several clients that begin together.
pub(super) fn at_once(method: &Method, target: &str, body: &[u8], world: &World) -> Vec<StatusCode> {
    let barrier = Barrier::new(6);
    thread::scope(|scope| {
        let request = || {
            barrier.wait();
            send(world, method.clone(), target, &[("content-type", "application/json")], body).status
        };
        let clients: Vec<_> = (0..6).map(|_| scope.spawn(request)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn items_that_many_clients_create_at_once_get_the_names_that_they_wish() {
    const WISH: &str = "@microsoft.graph.conflictBehavior";
    let world = harness::world(&[]);
    put(&world, "source.txt", b"x");
    for round in 0..20 {
        assert_eq!(put(&world, &format!("{round}/first"), b"x").status, StatusCode::CREATED);
        let children = || -> Vec<String> {
            let mut names = children(&world, &round.to_string());
            names.retain(|name| name != "first");
            names.sort();
            names
        };
        let sixth = ["a", "a 1", "a 2", "a 3", "a 4", "a 5"];
        let folder = |wish: &str| json!({ "name": "a", "folder": {}, WISH: wish }).to_string();
        let target = format!("{ROOT}:/{round}:/children");
        let renamed = at_once(&Method::POST, &target, folder("rename").as_bytes(), &world);
        assert_eq!((renamed, children()), (vec![StatusCode::CREATED; 6], sixth.map(str::to_owned).to_vec()));
        let file = |name: &str, wish: &str| format!("{ROOT}:/{round}/{name}:/content?{WISH}={wish}");
        let renamed = at_once(&Method::PUT, &file("b.txt", "rename"), b"x", &world);
        assert_eq!(renamed, vec![StatusCode::CREATED; 6]);
        assert_eq!(children()[6..], ["b 1.txt", "b 2.txt", "b 3.txt", "b 4.txt", "b 5.txt", "b.txt"]);
        let mut failed = at_once(&Method::PUT, &file("c.txt", "fail"), b"x", &world);
        failed.sort();
        assert_eq!((failed[0], failed[1], children().len()), (StatusCode::CREATED, StatusCode::CONFLICT, 13));
        let place = json_of(&send(&world, Method::GET, &format!("{ROOT}:/{round}"), &[], b""))["id"].clone();
        let copy = json!({ "parentReference": { "id": place }, "name": "d.txt" }).to_string();
        let target = format!("{ROOT}:/source.txt:/copy?{WISH}=rename");
        assert_eq!(at_once(&Method::POST, &target, copy.as_bytes(), &world), vec![StatusCode::ACCEPTED; 6]);
        assert_eq!(children()[13..], ["d 1.txt", "d 2.txt", "d 3.txt", "d 4.txt", "d 5.txt", "d.txt"]);
        let replaced = at_once(&Method::POST, &format!("{ROOT}:/{round}:/children"), folder("replace").as_bytes(), &world);
        assert_eq!((replaced, children().len()), (vec![StatusCode::OK; 6], 19), "the folder stays");
        let says = json_of(&send(&world, Method::GET, &format!("{ROOT}:/{round}"), &[], b""));
        assert_eq!(says["folder"]["childCount"], 20);
    }
}

#[test]
fn a_copy_that_fails_after_it_was_accepted_says_so_at_its_address() {
    let world = harness::world(&[]);
    put(&world, "a/b.txt", b"x");
    put(&world, "c/d.txt", b"x");
    let progress = |wish: &str| {
        let target = format!("{ROOT}:/a:/copy?@microsoft.graph.conflictBehavior={wish}");
        let accepted = send(&world, Method::POST, &target, &[("content-type", "application/json")], br#"{"name":"c"}"#);
        assert_eq!(accepted.status, StatusCode::ACCEPTED);
        let address = accepted.header("location").unwrap().split_once("/_monitor/").unwrap().1.to_owned();
        json_of(&send(&world, Method::GET, &format!("/_monitor/{address}"), &[], b""))
    };
    let (failed, done) = (progress("replace"), progress("rename"));
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("nameAlreadyExists")));
    assert_eq!(done["status"], "completed");
    assert_eq!((children(&world, "c"), children(&world, "c%201")), (vec!["d.txt".to_owned()], vec!["b.txt".to_owned()]));
}

#[test]
fn no_item_moves_into_a_file() {
    let world = harness::world(&[]);
    put(&world, "From/a.txt", b"a");
    put(&world, "To/b.txt", b"b");
    let item = |name: &str| json_of(&send(&world, Method::GET, &format!("{ROOT}:/{name}"), &[], b""));
    let file = item("To/b.txt")["id"].as_str().unwrap().to_owned();
    for parent in
        [json!({ "id": file }), json!({ "path": "/drive/root:/To/b.txt" }), json!({ "path": "/drive/root:/To/b.txt/c" })]
    {
        let refused = patch(&world, &format!("{ROOT}:/From/a.txt"), &json!({ "parentReference": parent }));
        assert_eq!(code(&refused), (404, "itemNotFound".to_owned()), "{parent}");
    }
    // A file without content is one, too.
    let new = json!({ "name": "empty.txt", "file": {} });
    let made = send(
        &world,
        Method::POST,
        &format!("{ROOT}/children"),
        &[("content-type", "application/json")],
        new.to_string().as_bytes(),
    );
    let parent = json!({ "parentReference": { "id": json_of(&made)["id"] } });
    assert_eq!(code(&patch(&world, &format!("{ROOT}:/From/a.txt"), &parent)).0, 404);
    assert_eq!(content_of(&world, "From/a.txt"), b"a");
    // Nothing is created in one, or copied into one.
    assert_eq!(code(&put(&world, "To/b.txt/c.txt", b"c")), (404, "itemNotFound".to_owned()));
    assert_eq!(code(&put(&world, "To/b.txt/c/d.txt", b"c")), (404, "itemNotFound".to_owned()));
    assert_eq!(code(&copy_to(&world, "From", &json!({ "parentReference": { "id": file } }))), (404, "itemNotFound".to_owned()));
    for (target, body) in [
        (format!("/v1.0/me/drive/items/{file}/children"), json!({ "name": "c", "folder": {} })),
        (format!("/v1.0/me/drive/items/{file}:/c.txt:/createUploadSession"), json!({})),
    ] {
        let refused = send(&world, Method::POST, &target, &[("content-type", "application/json")], body.to_string().as_bytes());
        assert_eq!(code(&refused), (404, "itemNotFound".to_owned()), "{target}");
    }
    assert_eq!(children(&world, "To/b.txt"), Vec::<String>::new());
}

#[test]
fn a_world_with_a_fixed_clock_repeats_its_addresses() {
    let address = || {
        let world = World::new(Settings { clock: Clock::Fixed(std::time::UNIX_EPOCH), ..harness::settings_with(&[]) });
        json_of(&send(&world, Method::PUT, &format!("{ROOT}:/a:/content"), &[], b"x"))["@microsoft.graph.downloadUrl"].clone()
    };
    assert_eq!(address(), address());
}

#[test]
fn folders_are_as_deep_as_the_limit_and_no_deeper() {
    let world = harness::world(&[]);
    let names = |count: usize| vec!["a"; count].join("/");
    let deep = (400, "invalidRequest".to_owned());
    assert_eq!(put(&world, &names(16), b"x").status, StatusCode::CREATED);
    for count in [17, 1_000] {
        let name = format!("b/{}", names(count - 1));
        assert_eq!(code(&put(&world, &name, b"x")), deep);
        let begun = send(&world, Method::POST, &format!("{ROOT}:/{name}:/createUploadSession"), &[], b"");
        assert_eq!(code(&begun), deep);
    }
    assert_eq!(send(&world, Method::GET, &format!("{ROOT}:/b"), &[], b"").status, StatusCode::NOT_FOUND, "nothing is stored");
    // The names behind a folder that is there count with those in front of it.
    let id = json_of(&send(&world, Method::GET, &format!("{ROOT}:/{}", names(15)), &[], b""))["id"].as_str().unwrap().to_owned();
    let within = |name: &str| send(&world, Method::PUT, &format!("/v1.0/me/drive/items/{id}:/{name}:/content"), &[], b"x");
    assert_eq!((within("c").status, code(&within("d/e"))), (StatusCode::CREATED, deep.clone()));
    // A copy is as deep as what it copies, at its new place.
    assert_eq!(copy_to(&world, "a", &json!({ "name": "copied" })).status, StatusCode::ACCEPTED);
    assert_eq!(content_of(&world, &format!("copied/{}", names(15))), b"x");
    let place = json_of(&put(&world, "f/g", b"x"))["parentReference"]["id"].as_str().unwrap().to_owned();
    assert_eq!(code(&copy_to(&world, "a", &json!({ "parentReference": { "id": place } }))), deep);
    assert_eq!(children(&world, "f"), ["g"]);
}

/// Returns the names in a folder.
pub(super) fn children(world: &World, folder: &str) -> Vec<String> {
    let listed = json_of(&send(world, Method::GET, &format!("{ROOT}:/{folder}:/children?$top=999"), &[], b""));
    listed["value"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

fn copy_to(world: &World, name: &str, body: &Value) -> RecordedResponse {
    let target = format!("{ROOT}:/{name}:/copy");
    send(world, Method::POST, &target, &[("content-type", "application/json")], body.to_string().as_bytes())
}

#[test]
fn a_folder_is_copied_into_itself_once() {
    let world = harness::world(&[]);
    assert_eq!(put(&world, "a/b/c.txt", b"x").status, StatusCode::CREATED);
    let folder = |name: &str| json_of(&send(&world, Method::GET, &format!("{ROOT}:/{name}"), &[], b""))["id"].clone();
    for place in ["a", "a/b"] {
        let body = json!({ "name": "copy", "parentReference": { "id": folder(place) } });
        assert_eq!(copy_to(&world, "a", &body).status, StatusCode::ACCEPTED, "{place}");
    }
    assert_eq!(
        (children(&world, "a"), children(&world, "a/copy")),
        (vec!["b".to_owned(), "copy".to_owned()], vec!["b".to_owned()])
    );
    assert_eq!(
        (children(&world, "a/b/copy/b"), children(&world, "a/b/copy/copy/b")),
        (vec!["c.txt".to_owned()], vec!["c.txt".to_owned()])
    );
}

#[test]
fn names_are_the_same_in_any_case_and_have_no_reserved_characters() {
    let world = harness::world(&[]);
    assert_eq!(put(&world, "%C3%84.txt", b"one").status, StatusCode::CREATED);
    assert_eq!(put(&world, "%C3%A4.TXT", b"two").status, StatusCode::OK, "one file in two cases");
    assert_eq!(content_of(&world, "%C3%84.txt"), b"two");
    assert_eq!(put(&world, "b.txt", b"x").status, StatusCode::CREATED);
    assert_eq!(code(&copy_to(&world, "b.txt", &json!({ "name": "\u{e4}.txt" }))), (409, "nameAlreadyExists".to_owned()));
    assert_eq!(code(&copy_to(&world, "b.txt", &json!({ "name": "a:b" }))), (400, "invalidRequest".to_owned()));
    assert_eq!(put(&world, "%C3%A4%201.txt", b"x").status, StatusCode::CREATED);
    let renamed = format!("{ROOT}:/%C3%84.txt:/content?@microsoft.graph.conflictBehavior=rename");
    assert_eq!(json_of(&send(&world, Method::PUT, &renamed, &[], b"x"))["name"], "\u{c4} 2.txt");
}

#[test]
fn a_copy_without_room_leaves_nothing() {
    let fixtures = json!({ "users": [{ "id": "1" }] }).to_string();
    let emulator = Emulator::builder().seed(1).fixtures_json(&fixtures).unwrap().store_bytes(1024 * KIB).build();
    let ask = |method: Method, path: &str, body: Vec<u8>| {
        let target = format!("/v1.0/users/1/drive/root:/{path}");
        let request = Request::builder().method(method).uri(target).header("content-type", "application/json");
        let answer = emulator.send(request.body(Bytes::from(body)).unwrap());
        (answer.status().as_u16(), serde_json::from_slice::<Value>(answer.body()).unwrap_or_default())
    };
    // Names, not content: content is shared.
    let stored = (0..10_000).take_while(|number| {
        let name = format!("{number}-{}", "x".repeat(200));
        ask(Method::PUT, &format!("a/{name}:/content"), Vec::new()).0 == 201
    });
    let count = stored.count();
    assert!((20..10_000).contains(&count), "{count}");
    for number in 0..count / 4 {
        assert_eq!(ask(Method::DELETE, &format!("a/{number}-{}", "x".repeat(200)), Vec::new()).0, 204);
    }
    assert_eq!(ask(Method::POST, "a:/copy", br#"{"name":"b"}"#.to_vec()).0, 413);
    assert_eq!(ask(Method::GET, "b", Vec::new()).0, 404, "nothing of the copy is left");
    for number in 0..count / 8 {
        assert_eq!(
            ask(Method::PUT, &format!("c/{number}-{}:/content", "x".repeat(200)), Vec::new()).0,
            201,
            "there is room again"
        );
    }
}

#[test]
fn names_that_an_sdk_encodes_as_a_key_lead_to_the_file() {
    let world = harness::world(&[]);
    let drive = json_of(&send(&world, Method::GET, "/v1.0/me/drive", &[], b""))["id"].as_str().unwrap().to_owned();
    let items = format!("/v1.0/drives/{drive}/items");
    for (number, path) in ["root%3A%2Fa%2Fplan.txt%3A", "root:%2Fa%2Fplan.txt:", "root:/a/plan.txt:"].iter().enumerate() {
        let stored = send(&world, Method::PUT, &format!("{items}/{path}/content"), &[("content-type", "text/plain")], b"rye");
        assert_eq!(stored.status, if number == 0 { StatusCode::CREATED } else { StatusCode::OK }, "{path}");
    }
    let item = json_of(&send(&world, Method::GET, &format!("{items}/root%3A%2Fa%2Fplan.txt"), &[], b""));
    assert_eq!((&item["name"], &item["size"]), (&json!("plan.txt"), &json!(3)));
    let folder = item["parentReference"]["id"].as_str().unwrap();
    let same = json_of(&send(&world, Method::GET, &format!("{items}/{folder}%3A%2Fplan.txt%3A"), &[], b""));
    assert_eq!(same["id"], item["id"]);
}

#[test]
fn content_is_found_in_the_world_that_a_token_names() {
    let limits = |by_token| WorldLimits { by_token, ..WorldLimits::default() };
    let claims = URL_SAFE_NO_PAD.encode(r#"{"oid":"00000000-0000-4000-8000-000000000001","scp":"x","tid":"fabrikam"}"#);
    for (by_token, beginning) in [(true, "/_world/fabrikam/"), (false, "/")] {
        let emulator = Emulator::builder().seed(1).limits(limits(by_token)).build();
        let ask = |method: Method, target: &str, has_token: bool, body: &'static [u8]| {
            let request = Request::builder().method(method).uri(target);
            let request = if has_token { request.header("authorization", format!("Bearer e30.{claims}.x")) } else { request };
            emulator.send(request.body(Bytes::from_static(body)).unwrap())
        };
        assert_eq!(ask(Method::PUT, "/v1.0/me/drive/root:/a.txt:/content", true, b"one").status(), 201);
        let found = ask(Method::GET, "/v1.0/me/drive/root:/a.txt:/content", true, b"");
        let location = found.headers()["location"].to_str().unwrap();
        let path = location.split("//").nth(1).and_then(|rest| rest.find('/').map(|start| &rest[start..])).unwrap();
        assert!(path.starts_with(&format!("{beginning}_content/")), "{location}");
        assert_eq!(&**ask(Method::GET, location, false, b"").body(), b"one");
        let item: Value = serde_json::from_slice(ask(Method::GET, "/v1.0/me/drive/root:/a.txt", true, b"").body()).unwrap();
        let address = item["@microsoft.graph.downloadUrl"].as_str().unwrap();
        assert_eq!(&**ask(Method::GET, address, false, b"").body(), b"one", "{address}");
    }
}

pub(super) fn patch(world: &World, path: &str, body: &Value) -> RecordedResponse {
    send(world, Method::PATCH, path, &[("content-type", "application/json")], body.to_string().as_bytes())
}

#[test]
fn an_item_with_another_folder_moves_with_all_that_it_has() {
    let world = harness::world(&[]);
    for name in ["from/rye/deep/a.txt", "from/rye/b.txt", "to/c.txt", "to/b.txt"] {
        put(&world, name, b"12345");
    }
    let item = |name: &str| json_of(&send(&world, Method::GET, &format!("{ROOT}:/{name}"), &[], b""));
    let id = |name: &str| item(name)["id"].as_str().unwrap().to_owned();
    let (from, to, rye, file) = (id("from"), id("to"), id("from/rye"), id("from/rye/deep/a.txt"));
    let address = |id: &str| format!("/v1.0/me/drive/items/{id}");
    let parent = |id: &str| json!({ "parentReference": { "id": id } });
    // A folder with another name, in one request; what it has is at its new place.
    let moved = patch(&world, &address(&rye), &json!({ "parentReference": { "id": to }, "name": "Spelt" }));
    assert_eq!((moved.status, &json_of(&moved)["parentReference"]["id"]), (StatusCode::OK, &json!(to)));
    assert_eq!(content_of(&world, "to/Spelt/deep/a.txt"), b"12345");
    assert_eq!((id("to/Spelt"), id("to/Spelt/deep/a.txt")), (rye.clone(), file.clone()));
    assert!(item("to/Spelt/deep/a.txt")["parentReference"]["path"].as_str().unwrap().ends_with("/root:/to/Spelt/deep"));
    assert!(item("to/Spelt/b.txt")["parentReference"]["path"].as_str().unwrap().ends_with("/root:/to/Spelt"));
    assert_eq!(code(&send(&world, Method::GET, &format!("{ROOT}:/from/rye"), &[], b"")).0, 404);
    let says = |name: &str| (item(name)["folder"]["childCount"].clone(), item(name)["size"].clone());
    assert_eq!((says("from"), says("to")), ((json!(0), json!(0)), (json!(3), json!(20))));
    // Its tag and that of its content are those of a change, and of none.
    let before = item("to/Spelt/b.txt");
    let moved = json_of(&patch(&world, &address(before["id"].as_str().unwrap()), &parent(&from)));
    assert_ne!(moved["eTag"], before["eTag"]);
    assert_eq!(
        (&moved["cTag"], &moved["name"], children(&world, "from")),
        (&before["cTag"], &json!("b.txt"), vec!["b.txt".to_owned()])
    );
    // Refusals change nothing.
    for (item, folder, refusal) in [
        (moved["id"].as_str().unwrap(), &*to, (409, "nameAlreadyExists")),
        (&*to, &*rye, (400, "invalidRequest")),
        (&*to, &*to, (400, "invalidRequest")),
        (&*file, "01UNKNOWN", (404, "itemNotFound")),
    ] {
        let refused = patch(&world, &address(item), &parent(folder));
        assert_eq!(code(&refused), (refusal.0, refusal.1.to_owned()), "{item} to {folder}");
    }
    assert_eq!(content_of(&world, "to/Spelt/deep/a.txt"), b"12345");
    // To the root, by its id, and where it is already.
    let root = json_of(&send(&world, Method::GET, ROOT, &[], b""))["id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(patch(&world, &address(&rye), &parent(&root)).status, StatusCode::OK);
        assert_eq!(content_of(&world, "Spelt/deep/a.txt"), b"12345");
    }
    assert!(item("Spelt/deep/a.txt")["parentReference"]["path"].as_str().unwrap().ends_with("/root:/Spelt/deep"));
}

#[test]
fn the_drive_of_a_new_folder_counts() {
    let world = harness::world(&[]);
    for name in ["from/a.txt", "to/b.txt"] {
        put(&world, name, b"12345");
    }
    let item = |name: &str| json_of(&send(&world, Method::GET, &format!("{ROOT}:/{name}"), &[], b""));
    let own = json_of(&send(&world, Method::GET, "/v1.0/me/drive", &[], b""))["id"].as_str().unwrap().to_owned();
    let drives = json_of(&send(&world, Method::GET, "/v1.0/drives", &[], b""));
    let mut others = drives["value"].as_array().unwrap().iter().map(|drive| drive["id"].as_str().unwrap());
    let other = others.find(|id| *id != own).unwrap().to_owned();
    let (file, to) = (item("from/a.txt")["id"].as_str().unwrap().to_owned(), item("to")["id"].clone());
    let address = format!("/v1.0/me/drive/items/{file}");
    // A move stays in the drive.
    for parent in [json!({ "driveId": other, "id": to }), json!({ "driveId": other }), json!({ "driveId": "unknown", "id": to })]
    {
        let refused = patch(&world, &address, &json!({ "parentReference": parent, "name": "c.txt" }));
        assert_eq!(code(&refused), (400, "invalidRequest".to_owned()), "{parent}");
        assert_eq!(content_of(&world, "from/a.txt"), b"12345");
    }
    let parent = json!({ "parentReference": { "driveId": own, "id": to } });
    assert_eq!(patch(&world, &address, &parent).status, StatusCode::OK);
    assert_eq!(content_of(&world, "to/a.txt"), b"12345");
    // A copy need not.
    let there = |name: &str| send(&world, Method::GET, &format!("/v1.0/drives/{other}/root:/{name}"), &[], b"").status;
    assert_eq!(
        copy_to(&world, "to", &json!({ "parentReference": { "driveId": other }, "name": "new" })).status,
        StatusCode::ACCEPTED
    );
    assert_eq!((there("new/a.txt"), there("new/b.txt")), (StatusCode::OK, StatusCode::OK));
    let folder = json_of(&send(&world, Method::GET, &format!("/v1.0/drives/{other}/root:/new"), &[], b""));
    let parent = json!({ "parentReference": { "driveId": other, "id": folder["id"] } });
    assert_eq!(
        copy_to(&world, "to/a.txt", &json!({ "parentReference": parent["parentReference"], "name": "c.txt" })).status,
        202
    );
    assert_eq!(there("new/c.txt"), StatusCode::OK);
    let parent = json!({ "parentReference": { "driveId": own, "id": item("from")["id"] } });
    assert_eq!(copy_to(&world, "to/a.txt", &parent).status, StatusCode::ACCEPTED);
    assert_eq!(content_of(&world, "from/a.txt"), b"12345");
    // A drive that is not there, and a folder of another drive.
    for parent in [json!({ "driveId": "unknown", "id": to }), json!({ "driveId": other, "id": to })] {
        let refused = copy_to(&world, "to/a.txt", &json!({ "parentReference": parent }));
        assert_eq!(code(&refused), (404, "itemNotFound".to_owned()), "{parent}");
    }
}

#[test]
fn a_move_without_room_changes_nothing() {
    let world = harness::world(&[]);
    for number in 0..5 {
        put(&world, &format!("from/rye/{number}/a.txt"), b"12345");
    }
    put(&world, "to/c.txt", b"1");
    let id = |name: &str| json_of(&send(&world, Method::GET, &format!("{ROOT}:/{name}"), &[], b""))["id"].clone();
    let (address, body) = (format!("{ROOT}:/from/rye"), json!({ "parentReference": { "id": id("to") } }));
    let state = || fixture::write(&world.schema, &world.store, world.behaviors.secret);
    let (before, stores) = (state(), &world.settings.stores);
    let mut refused = 0;
    for room in (0..).map(|step| step * 2_500) {
        let rest = stores.take(stores.limit() - stores.used() - room).unwrap();
        let moved = patch(&world, &address, &body);
        drop(rest);
        if moved.status == StatusCode::OK {
            break;
        }
        assert_eq!((moved.status, state() == before), (StatusCode::PAYLOAD_TOO_LARGE, true), "with room for {room} bytes");
        refused += 1;
    }
    assert!(refused > 1, "{refused}");
    assert_eq!(content_of(&world, "to/rye/4/a.txt"), b"12345");
}

/// Returns the next link of a delta query, and the names of its items; those that are gone have a minus sign.
fn changed(world: &World, target: &str) -> (String, Vec<String>) {
    let page = json_of(&send(world, Method::GET, target, &[], b""));
    let link = page["@odata.deltaLink"].as_str().or(page["@odata.nextLink"].as_str()).unwrap_or_else(|| panic!("{page}"));
    let name = |item: &Value| match &item["deleted"]["state"] {
        Value::Null => item["name"].as_str().unwrap_or_default().to_owned(),
        _ => "-".to_owned(),
    };
    (link.to_owned(), page["value"].as_array().unwrap().iter().map(name).collect())
}

#[test]
fn the_changes_of_a_drive_are_those_of_all_its_folders() {
    let world = harness::world(&[]);
    let (link, all) = changed(&world, &format!("{ROOT}/delta"));
    assert_eq!(all[0], "root");
    assert!(all.contains(&"Recipes".to_owned()) && all.contains(&"Rye bread.docx".to_owned()), "{all:?}");
    assert!(link.contains("/delta(token='"), "{link}");
    let (latest, none) = changed(&world, &format!("{ROOT}/delta?token=latest"));
    let (_, of_folder) = changed(&world, &format!("{ROOT}:/Recipes:/delta"));
    assert!(
        none.is_empty() && of_folder.contains(&"Rye bread.docx".to_owned()) && !of_folder.contains(&"root".to_owned()),
        "{of_folder:?}"
    );

    put(&world, "New/deeper/a.txt", b"a");
    let (second, found) = changed(&world, &latest);
    assert_eq!(found, ["root", "New", "deeper", "a.txt"], "folders come before what they contain");
    assert_eq!(changed(&world, &link).1, found);
    assert_eq!(changed(&world, &second).1, Vec::<String>::new());

    // An item that has moved is not gone.
    let moved =
        patch(&world, &format!("{ROOT}:/New/deeper/a.txt"), &json!({ "parentReference": { "path": "/drive/root:/Recipes" } }));
    assert_eq!(moved.status, StatusCode::OK, "{moved:?}");
    let (third, found) = changed(&world, &second);
    assert!(found.contains(&"a.txt".to_owned()) && !found.contains(&"-".to_owned()), "{found:?}");
    assert_eq!(send(&world, Method::DELETE, &format!("{ROOT}:/New"), &[], b"").status, StatusCode::NO_CONTENT);
    let (_, found) = changed(&world, &third);
    assert_eq!(found.iter().filter(|name| *name == "-").count(), 2, "a folder and what is in it: {found:?}");

    // Pages have each item once, with other changes meanwhile.
    let (mut next, mut paged) = changed(&world, &format!("{ROOT}/delta?$top=2"));
    put(&world, "meanwhile.txt", b"a");
    for _ in 0..20 {
        if !next.contains("token='") || paged.len() > 50 {
            break;
        }
        let (later, found) = changed(&world, &next);
        if found.is_empty() {
            break;
        }
        paged.extend(found);
        next = later;
    }
    let listed = json_of(&send(&world, Method::GET, &format!("{ROOT}/delta"), &[], b""));
    for item in listed["value"].as_array().unwrap() {
        let name = item["name"].as_str().unwrap().to_owned();
        assert!(paged.contains(&name), "{name}: {paged:?}");
    }
    assert_eq!(send(&world, Method::GET, &format!("{ROOT}/delta(token='xyz')"), &[], b"").status, StatusCode::OK);
    let other = harness::world(&[]);
    assert_eq!(code(&send(&other, Method::GET, &latest, &[], b"")), (410, "resyncRequired".to_owned()));
}

#[test]
fn content_that_can_have_scripts_is_kept_from_the_origin_of_the_emulator() {
    let world = harness::world(&[]);
    for (content_type, policy) in [
        ("text/html", Some("sandbox")),
        ("Application/XHTML+XML; charset=utf-8", Some("sandbox")),
        ("image/svg+xml", Some("sandbox")),
        ("text/plain", None),
        ("application/pdf", None),
    ] {
        send(&world, Method::PUT, &format!("{ROOT}:/page:/content"), &[("content-type", content_type)], b"<script>");
        let redirect = send(&world, Method::GET, &format!("{ROOT}:/page:/content"), &[], b"");
        let address = header(&redirect, "location").unwrap().trim_start_matches("http://localhost:9340").to_owned();
        let answer = send(&world, Method::GET, &address, &[], b"");
        assert_eq!(header(&answer, "content-type"), Some(content_type));
        assert_eq!(header(&answer, "content-security-policy"), policy, "{content_type}");
    }
}

#[test]
fn a_path_names_the_folder_to_which_an_item_moves() {
    let world = harness::world(&[]);
    put(&world, "From/a.txt", b"a");
    put(&world, "To%20it/b.txt", b"b");
    let to = |path: &str| patch(&world, &format!("{ROOT}:/From/a.txt"), &json!({ "parentReference": { "path": path } }));
    assert_eq!(code(&to("/drive/root:/Nowhere")).0, 404);
    assert_eq!(code(&to("/drives/other/root:/To%20it")).0, 400);
    let moved = json_of(&to("/drive/root:/To%20it"));
    assert!(moved["parentReference"]["path"].as_str().unwrap().ends_with("/root:/To it"), "{moved}");
    assert_eq!(content_of(&world, "To%20it/a.txt"), b"a");
    let folder = |path: &str| patch(&world, &format!("{ROOT}:/To%20it"), &json!({ "parentReference": { "path": path } }));
    assert_eq!(code(&folder("/drive/root:/To it")).0, 400, "not into itself");
    assert_eq!(folder("/drive/root:/From").status, StatusCode::OK);
    assert_eq!(content_of(&world, "From/To%20it/a.txt"), b"a");
    let back = patch(&world, &format!("{ROOT}:/From/To%20it/a.txt"), &json!({ "parentReference": { "path": "/drive/root:" } }));
    assert_eq!(back.status, StatusCode::OK);
    assert_eq!(content_of(&world, "a.txt"), b"a");
}

#[test]
fn fragments_have_whole_units_where_that_is_wanted() {
    const UNIT: usize = 320 * KIB;
    for (choice, status) in [("take", 202), ("refuse", 400)] {
        let world = harness::world(&[("upload-fragments", choice)]);
        let address = session(&world, &format!("{ROOT}:/a.bin:/createUploadSession"), &json!({}));
        let odd = fragment(&world, &address, &format!("bytes 0-9/{}", UNIT + 10), &binary(10));
        assert_eq!(odd.status.as_u16(), status, "{choice}");
        if choice == "refuse" {
            let whole = binary(UNIT + 10);
            let first = fragment(&world, &address, &format!("bytes 0-{}/{}", UNIT - 1, UNIT + 10), &whole[..UNIT]);
            assert_eq!(first.status, StatusCode::ACCEPTED);
            let last = fragment(&world, &address, &format!("bytes {UNIT}-{}/{}", UNIT + 9, UNIT + 10), &whole[UNIT..]);
            assert_eq!(last.status, StatusCode::CREATED);
        }
    }
}
