//! `$batch` as JSON: an envelope split into requests, and answers joined into one (OData JSON Format 4.01, 19; the limits are those of
//! learn.microsoft.com/graph/json-batching).
//!
//! Nothing is answered here. What stands wrong in the envelope refuses the whole batch; what stands wrong in one request, and can be
//! told from the others, is found when that request is made.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::edm::schema::Version;
use crate::odata::error::Error;
use crate::policy::behavior::{BatchContentType, BatchDependencies, Behaviors};
use crate::policy::refusal;
use crate::text::json::{Json, Member, write_string};

/// The most requests of a batch (learn.microsoft.com/graph/json-batching).
pub const MOST: usize = 20;

/// One request of a batch, as it stands in the envelope.
#[derive(Debug)]
pub struct BatchItem<'a> {
    /// Its name, which its answer repeats.
    pub id: &'a str,
    /// The method.
    pub method: &'a str,
    /// The address, in any of the forms that [`resolve`] reads.
    pub url: &'a str,
    /// The headers.
    pub headers: &'a [Member<'a>],
    /// The body.
    pub body: Option<&'a Json<'a>>,
    /// The places of the requests that must have succeeded before; all of them are smaller than its own.
    pub depends_on: Vec<usize>,
}

impl BatchItem<'_> {
    /// Returns whether a header stands there. Their names are compared without case (microsoft-graph-docs#1988).
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Returns the bytes of the body. A string is base64, which is how SDKs wrap what they have serialized, and else what it is.
    pub fn payload(&self) -> Vec<u8> {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let mut out = Vec::new();
        match self.body {
            None => {}
            Some(Json::String(text)) => match LENIENT.decode(text.as_bytes()) {
                Ok(bytes) => out = bytes,
                Err(_) => write_string(&mut out, text),
            },
            Some(json) => json.write(&mut out),
        }
        out
    }

    fn is_write(&self) -> bool {
        ["POST", "PATCH", "PUT"].iter().any(|method| method.eq_ignore_ascii_case(self.method))
    }
}

/// Splits an envelope. Members that nobody knows are ignored, `atomicityGroup` among them.
pub fn split<'a>(envelope: &'a Json<'a>, behaviors: &Behaviors) -> Result<Vec<BatchItem<'a>>, Error> {
    let requests = match envelope {
        Json::Object(members) => match member(members, "requests") {
            Some(Json::Array(requests)) if !requests.is_empty() => requests,
            Some(other) => {
                return Err(malformed(format!("requests: found {}, expected an array with requests", described(other))));
            }
            None => return Err(malformed("found no member 'requests'".to_owned())),
        },
        other => return Err(malformed(format!("found {}, expected an object", other.describe()))),
    };
    if requests.len() > MOST {
        let detail = format!("found {} requests, expected at most {MOST}", requests.len());
        return Err(Error::new(&refusal::BATCH_TOO_LONG, &[]).with_detail(detail));
    }
    let mut items: Vec<BatchItem<'a>> = Vec::with_capacity(requests.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(requests.len());
    for (place, request) in requests.iter().enumerate() {
        let item = read_item(request, place, &places, behaviors)?;
        if places.insert(item.id.to_lowercase(), place).is_some() {
            return Err(Error::new(&refusal::BATCH_DUPLICATE_ID, &[item.id]));
        }
        if item.is_write() && !item.has_header("content-type") {
            let is_wrapped = matches!(item.body, Some(Json::String(_)));
            if !is_wrapped || behaviors.batch_content_type == BatchContentType::Require {
                return Err(Error::new(&refusal::BATCH_CONTENT_TYPE, &[item.id]));
            }
        }
        items.push(item);
    }
    if behaviors.batch_dependencies == BatchDependencies::Patterns && !is_a_pattern(&items) {
        return Err(dependency("the dependencies are neither serial nor all the same".to_owned()));
    }
    Ok(items)
}

fn read_item<'a>(
    request: &'a Json<'a>,
    place: usize,
    places: &HashMap<String, usize>,
    behaviors: &Behaviors,
) -> Result<BatchItem<'a>, Error> {
    let Json::Object(members) = request else {
        return Err(malformed(format!("requests[{place}]: found {}, expected an object", request.describe())));
    };
    let text = |name: &str| match member(members, name) {
        Some(Json::String(text)) if !text.is_empty() => Ok(&**text),
        Some(other) => Err(malformed(format!("requests[{place}].{name}: found {}, expected a text", described(other)))),
        None => Err(malformed(format!("requests[{place}]: found no member '{name}'"))),
    };
    let (id, method, url) = (text("id")?, text("method")?, text("url")?);
    let headers = match member(members, "headers") {
        None | Some(Json::Null) => &[][..],
        Some(Json::Object(headers)) => headers,
        Some(other) => {
            return Err(malformed(format!("requests[{place}].headers: found {}, expected an object", other.describe())));
        }
    };
    let body = member(members, "body").filter(|body| **body != Json::Null);
    let names: &[Json<'_>] = match member(members, "dependsOn") {
        None | Some(Json::Null) => &[],
        Some(Json::Array(names)) => names,
        Some(other) => {
            return Err(dependency(format!("requests[{place}].dependsOn: found {}, expected an array", other.describe())));
        }
    };
    let mut depends_on = Vec::new();
    for name in names {
        let Json::String(name) = name else {
            return Err(dependency(format!("requests[{place}].dependsOn: found {}, expected ids", name.describe())));
        };
        match places.get(&name.to_lowercase()) {
            // The same id again adds nothing.
            Some(earlier) if depends_on.contains(earlier) => {}
            Some(earlier) => depends_on.push(*earlier),
            None => {
                let detail = format!("requests[{place}].dependsOn: found an id that no request before it has");
                return Err(dependency(detail));
            }
        }
    }
    if depends_on.len() > 1 && behaviors.batch_dependencies != BatchDependencies::Any {
        let detail = format!("requests[{place}].dependsOn: found {} ids, expected at most one", depends_on.len());
        return Err(dependency(detail));
    }
    Ok(BatchItem { id, method, url, headers, body, depends_on })
}

/// Serial: each depends on the one before. Same: those that depend at all depend on the same one. Parallel: none depends.
fn is_a_pattern(items: &[BatchItem<'_>]) -> bool {
    let mut stated = items.iter().map(|item| &item.depends_on).filter(|places| !places.is_empty());
    let first = stated.next();
    let is_same = stated.all(|places| Some(places) == first);
    let is_serial = items.iter().enumerate().skip(1).all(|(place, item)| item.depends_on == [place - 1]);
    is_same || is_serial
}

/// Returns a member of an object; of several with one name the last, as .NET's readers do.
fn member<'a>(members: &'a [Member<'a>], name: &str) -> Option<&'a Json<'a>> {
    members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn described(json: &Json<'_>) -> String {
    match json {
        Json::Array(items) if items.is_empty() => "an empty array".to_owned(),
        Json::String(text) if text.is_empty() => "an empty string".to_owned(),
        other => other.describe(),
    }
}

fn malformed(detail: String) -> Error {
    Error::new(&refusal::BATCH_FORMAT, &[]).with_detail(detail)
}

fn dependency(detail: String) -> Error {
    Error::new(&refusal::BATCH_DEPENDENCY, &[]).with_detail(detail)
}

/// Returns the version under which a path names the batch, if it does.
pub fn version_of(path: &str) -> Option<Version> {
    // `/v1.0/%24batch/` is the longest form; nearly all other paths are longer.
    if path.len() > 15 {
        return None;
    }
    let path = percent_decode_str(path).decode_utf8_lossy();
    let (version, name) = path.strip_prefix('/')?.split_once('/')?;
    let is_batch = name.strip_suffix('/').unwrap_or(name).eq_ignore_ascii_case("$batch");
    if is_batch { Version::from_segment(version) } else { None }
}

/// Resolves the address of a request against the version of its batch, to path and query.
///
/// It may be relative to the version, with or without a slash in front, as documented; begin with the version itself; or be
/// absolute with any host, as msgraph-sdk-python-core sends it. Characters that no address has are escaped.
pub fn resolve(url: &str, outer: Version) -> Result<String, Error> {
    const UNFIT: &AsciiSet =
        &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'|').add(b'\\').add(b'^');
    let url = utf8_percent_encode(url.trim_ascii(), UNFIT).to_string();
    let absolute =
        url.split_once("://").filter(|(scheme, _)| ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)));
    let path = match absolute {
        Some((_, rest)) => rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]),
        None => &url,
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let first = path.split(['/', '?', '#']).next().unwrap_or_default();
    match Version::from_segment(first) {
        Some(version) if version != outer => {
            let detail = format!("found {}, expected {}, the version of the batch", version.segment(), outer.segment());
            Err(Error::new(&refusal::BATCH_VERSION, &[]).with_detail(detail))
        }
        None if absolute.is_none() => Ok(format!("/{}/{path}", outer.segment())),
        _ => Ok(format!("/{path}")),
    }
}

/// The answer to one request of a batch.
#[derive(Debug)]
pub struct BatchPart<'a> {
    /// The id of the request, as it was sent.
    pub id: &'a str,
    /// The status.
    pub status: u16,
    /// The headers, in the order and the case in which they are written.
    pub headers: Vec<(&'static str, &'a [u8])>,
    /// The body.
    pub body: &'a [u8],
    /// Whether the body is JSON.
    pub is_json: bool,
}

/// Joins answers into the body of a batch, with the one space that recorded ones have (pnp/pnpcore, 749 of 749).
pub fn join<'a>(parts: impl Iterator<Item = BatchPart<'a>>) -> Vec<u8> {
    let mut out = b"{\"responses\": [".to_vec();
    for (index, part) in parts.enumerate() {
        out.extend_from_slice(if index > 0 { b",{\"id\":" } else { b"{\"id\":" });
        write_string(&mut out, part.id);
        out.extend_from_slice(format!(",\"status\":{}", part.status).as_bytes());
        for (index, (name, value)) in part.headers.iter().enumerate() {
            out.extend_from_slice(if index > 0 { b"," } else { b",\"headers\":{" });
            write_string(&mut out, name);
            out.push(b':');
            write_string(&mut out, &String::from_utf8_lossy(value));
        }
        if !part.headers.is_empty() {
            out.push(b'}');
        }
        out.extend_from_slice(b",\"body\":");
        match part.body {
            b"" => out.extend_from_slice(b"null"),
            json if part.is_json => out.extend_from_slice(json),
            other => write_string(&mut out, &STANDARD.encode(other)),
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json;
    use proptest::prelude::*;

    fn refusal(envelope: &str, choices: &[(&str, &str)]) -> Option<&'static str> {
        let mut behaviors = Behaviors::default();
        for (name, value) in choices {
            behaviors.set(name, value).unwrap();
        }
        let envelope = json::parse(envelope.as_bytes()).unwrap();
        split(&envelope, &behaviors).err().map(|error| error.refusal.name)
    }

    /// A batch of requests that depend on these.
    fn depending(dependencies: &[&[usize]]) -> String {
        let request = |(id, depends_on): (usize, &&[usize])| {
            let depends_on: Vec<String> = depends_on.iter().map(|id| format!("\"{id}\"")).collect();
            format!(r#"{{"id":"{id}","method":"GET","url":"a","dependsOn":[{}]}}"#, depends_on.join(","))
        };
        let requests: Vec<String> = dependencies.iter().enumerate().map(request).collect();
        format!("{{\"requests\":[{}]}}", requests.join(","))
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        for envelope in [
            "[]",
            "1",
            "{}",
            r#"{"requests":null}"#,
            r#"{"requests":{}}"#,
            r#"{"requests":[]}"#,
            r#"{"requests":[1]}"#,
            r#"{"requests":[{"method":"GET","url":"a"}]}"#,
            r#"{"requests":[{"id":1,"method":"GET","url":"a"}]}"#,
            r#"{"requests":[{"id":"","method":"GET","url":"a"}]}"#,
            r#"{"requests":[{"id":"1","url":"a"}]}"#,
            r#"{"requests":[{"id":"1","method":"GET"}]}"#,
            r#"{"requests":[{"id":"1","method":"GET","url":"a","headers":[]}]}"#,
        ] {
            assert_eq!(refusal(envelope, &[]), Some("batch-format"), "{envelope}");
        }
        assert_eq!(refusal(r#"{"requests":[{"id":"1","method":"GET","url":"a","x":1,"depends_on":[]}],"x":1}"#, &[]), None);
    }

    #[test]
    fn a_request_depends_on_one_that_stands_before_it() {
        // What is refused under the values single, patterns and any.
        let cases: [(&[&[usize]], [bool; 3]); 9] = [
            (&[&[], &[], &[]], [false, false, false]),
            (&[&[], &[0], &[1]], [false, false, false]),
            (&[&[], &[0], &[0]], [false, false, false]),
            (&[&[], &[], &[0]], [false, false, false]),
            (&[&[], &[0], &[], &[2]], [false, true, false]),
            (&[&[], &[], &[0, 1]], [true, true, false]),
            (&[&[0]], [true, true, true]),
            (&[&[1], &[]], [true, true, true]),
            (&[&[1], &[0]], [true, true, true]),
        ];
        for (dependencies, refused) in cases {
            for (value, refused) in ["single", "patterns", "any"].into_iter().zip(refused) {
                let found = refusal(&depending(dependencies), &[("batch-dependencies", value)]);
                assert_eq!(found, refused.then_some("batch-dependency"), "{value}: {dependencies:?}");
            }
        }
        assert_eq!(refusal(&depending(&[&[], &[0, 0]]), &[]), None, "the same id twice is one");
    }

    #[test]
    fn addresses_are_resolved_against_the_version() {
        let path = |url: &str| resolve(url, Version::V1).map_err(|error| error.refusal.name);
        for url in ["a/b?$x=1", "/a/b?$x=1", "/v1.0/a/b?$x=1", "V1.0/a/b?$x=1", "HTTPS://graph.microsoft.com/v1.0/a/b?$x=1"] {
            assert_eq!(path(url).map(|path| path.to_ascii_lowercase()), Ok("/v1.0/a/b?$x=1".to_owned()), "{url}");
        }
        assert_eq!(path("http://[::1]:80/v1.0?a"), Ok("/v1.0?a".to_owned()));
        assert_eq!(path("https://host"), Ok("/".to_owned()));
        assert_eq!(path("https://host/users"), Ok("/users".to_owned()), "an absolute address names its version");
        assert_eq!(path("//host/a"), Ok("/v1.0//host/a".to_owned()));
        assert_eq!(path("ftp://host/a"), Ok("/v1.0/ftp://host/a".to_owned()));
        assert_eq!(path("?a=http://b"), Ok("/v1.0/?a=http://b".to_owned()));
        assert_eq!(path("a?$filter=b eq 'ü\"'"), Ok("/v1.0/a?$filter=b%20eq%20'%C3%BC%22'".to_owned()));
        for url in ["/beta/a", "https://graph.microsoft.com/beta/a", "Beta?a"] {
            assert_eq!(path(url), Err("batch-version"), "{url}");
        }
    }

    #[test]
    fn the_batch_is_named_in_any_case() {
        for path in ["/v1.0/$batch", "/v1.0/%24batch/", "/V1.0/$BATCH"] {
            assert_eq!(version_of(path), Some(Version::V1), "{path}");
        }
        assert_eq!(version_of("/beta/$batch"), Some(Version::Beta));
        for path in ["/$batch", "/v2.0/$batch", "/v1.0/$batch/a", "/v1.0/batch", "v1.0/$batch", "/v1.0//$batch", ""] {
            assert_eq!(version_of(path), None, "{path}");
        }
    }

    #[test]
    fn a_joined_batch_is_the_recorded_one() {
        // pnp/pnpcore ExecuteGraphBatchRequestWithErrors, without the body of the success; and its 204.
        let error = r#"{"error":{"code":"BadRequest","message":"Resource not found for the segment 'thiswillgiveanerror'.","innerError":{"date":"2022-05-30T14:48:25","request-id":"9ab949b3-4921-410d-ae88-c3693e34426e","client-request-id":"9ab949b3-4921-410d-ae88-c3693e34426e"}}}"#;
        let minimal = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
        let part = |id, status, headers, body| BatchPart { id, status, headers, body, is_json: true };
        let parts = [
            part("2", 400, vec![("Content-Type", &b"application/json"[..])], error.as_bytes()),
            part("1", 200, vec![("OData-Version", &b"4.0"[..]), ("Content-Type", minimal.as_bytes())], b"{}"),
            part("3", 204, vec![], b""),
        ];
        let expected = [
            r#"{"responses": [{"id":"2","status":400,"headers":{"Content-Type":"application/json"},"body":{"error":{"code":"BadRequest","#,
            r#""message":"Resource not found for the segment 'thiswillgiveanerror'.","innerError":{"date":"2022-05-30T14:48:25","#,
            r#""request-id":"9ab949b3-4921-410d-ae88-c3693e34426e","client-request-id":"9ab949b3-4921-410d-ae88-c3693e34426e"}}}},"#,
            r#"{"id":"1","status":200,"headers":{"OData-Version":"4.0","Content-Type":"application/json;odata.metadata=minimal;odata.streaming=true;"#,
            r#"IEEE754Compatible=false;charset=utf-8"},"body":{}},{"id":"3","status":204,"body":null}]}"#,
        ];
        assert_eq!(String::from_utf8(join(parts.into_iter())).unwrap(), expected.concat());
        let text =
            BatchPart { id: "\"", status: 200, headers: vec![("Content-Type", b"text/plain")], body: b"2", is_json: false };
        assert_eq!(
            String::from_utf8(join(std::iter::once(text))).unwrap(),
            r#"{"responses": [{"id":"\"","status":200,"headers":{"Content-Type":"text/plain"},"body":"Mg=="}]}"#
        );
    }

    proptest! {
        #[test]
        fn addresses_never_panic_and_become_paths(url in "\\PC{0,40}") {
            if let Ok(path) = resolve(&url, Version::Beta) {
                prop_assert!(path.starts_with('/') && path.is_ascii(), "{}", path);
            }
            let _ = version_of(&url);
        }
    }
}
