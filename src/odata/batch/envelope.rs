//! The envelope of a `$batch`, split into requests.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::odata::error::Error;
use crate::policy::behavior::{BatchContentType, BatchDependencies, Behaviors};
use crate::policy::refusal;
use crate::text::json::{Json, Member, write_string};

/// The maximum number of requests of a batch (learn.microsoft.com/graph/json-batching).
const MAX_REQUESTS: usize = 20;

/// One request of a batch.
#[derive(Debug)]
pub(crate) struct BatchItem<'a> {
    /// The id, which the answer repeats.
    pub id: &'a str,
    /// The method.
    pub method: &'a str,
    /// The URL, in any of the forms that [`resolve`](super::resolve) accepts.
    pub url: &'a str,
    /// The headers.
    pub headers: &'a [Member<'a>],
    /// The body.
    pub body: Option<&'a Json<'a>>,
    /// The indices of the requests that must succeed first, all smaller than its own.
    pub depends_on: Vec<usize>,
}

impl BatchItem<'_> {
    /// Whether the request has a header. Names are compared without case (microsoft-graph-docs#1988).
    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Returns the bytes of the body. A string is base64, in which SDKs wrap serialized bodies; if it does not decode, it is a JSON
    /// string.
    pub(crate) fn payload(&self) -> Vec<u8> {
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

/// Splits an envelope into its requests. Unknown members are ignored, `atomicityGroup` among them.
pub(crate) fn split<'a>(envelope: &'a Json<'a>, behaviors: &Behaviors) -> Result<Vec<BatchItem<'a>>, Error> {
    let requests = match envelope {
        Json::Object(members) => match member(members, "requests") {
            Some(Json::Array(requests)) if !requests.is_empty() => requests,
            Some(other) => {
                return Err(malformed(format!("requests: found {}, expected an array of requests", describe(other))));
            }
            None => return Err(malformed("missing member 'requests'".to_owned())),
        },
        other => return Err(malformed(format!("found {}, expected an object", other.describe()))),
    };
    if requests.len() > MAX_REQUESTS {
        let detail = format!("too many requests: {} (limit {MAX_REQUESTS})", requests.len());
        return Err(Error::new(&refusal::BATCH_TOO_LONG, &[]).with_detail(detail));
    }
    let mut items: Vec<BatchItem<'a>> = Vec::with_capacity(requests.len());
    let mut indices: HashMap<String, usize> = HashMap::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        let item = read_item(request, index, &indices, behaviors)?;
        if indices.insert(item.id.to_lowercase(), index).is_some() {
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
    if behaviors.batch_dependencies == BatchDependencies::Patterns && !is_pattern(&items) {
        return Err(dependency("unsupported dependency pattern: neither serial nor all on one request".to_owned()));
    }
    Ok(items)
}

fn read_item<'a>(
    request: &'a Json<'a>,
    index: usize,
    indices: &HashMap<String, usize>,
    behaviors: &Behaviors,
) -> Result<BatchItem<'a>, Error> {
    let Json::Object(members) = request else {
        return Err(malformed(format!("requests[{index}]: found {}, expected an object", request.describe())));
    };
    let text = |name: &str| match member(members, name) {
        Some(Json::String(text)) if !text.is_empty() => Ok(&**text),
        Some(other) => Err(malformed(format!("requests[{index}].{name}: found {}, expected a string", describe(other)))),
        None => Err(malformed(format!("requests[{index}]: missing member '{name}'"))),
    };
    let (id, method, url) = (text("id")?, text("method")?, text("url")?);
    let headers = match member(members, "headers") {
        None | Some(Json::Null) => &[][..],
        Some(Json::Object(headers)) => headers,
        Some(other) => {
            return Err(malformed(format!("requests[{index}].headers: found {}, expected an object", other.describe())));
        }
    };
    let body = member(members, "body").filter(|body| **body != Json::Null);
    let names: &[Json<'_>] = match member(members, "dependsOn") {
        None | Some(Json::Null) => &[],
        Some(Json::Array(names)) => names,
        Some(other) => {
            return Err(dependency(format!("requests[{index}].dependsOn: found {}, expected an array", other.describe())));
        }
    };
    let mut depends_on = Vec::new();
    for name in names {
        let Json::String(name) = name else {
            return Err(dependency(format!("requests[{index}].dependsOn: found {}, expected an id", name.describe())));
        };
        match indices.get(&name.to_lowercase()) {
            // A repeated id has no effect.
            Some(earlier) if depends_on.contains(earlier) => {}
            Some(earlier) => depends_on.push(*earlier),
            None => {
                let detail = format!("requests[{index}].dependsOn: not the id of an earlier request");
                return Err(dependency(detail));
            }
        }
    }
    if depends_on.len() > 1 && behaviors.batch_dependencies != BatchDependencies::Any {
        let detail = format!("requests[{index}].dependsOn: too many ids: {} (limit 1)", depends_on.len());
        return Err(dependency(detail));
    }
    Ok(BatchItem { id, method, url, headers, body, depends_on })
}

/// Whether the dependencies are serial (each request on the one before it), on one request, or absent.
fn is_pattern(items: &[BatchItem<'_>]) -> bool {
    let mut stated = items.iter().map(|item| &item.depends_on).filter(|indices| !indices.is_empty());
    let first = stated.next();
    let is_same = stated.all(|indices| Some(indices) == first);
    let is_serial = items.iter().enumerate().skip(1).all(|(index, item)| item.depends_on == [index - 1]);
    is_same || is_serial
}

/// Returns a member of an object; of duplicates the last, as .NET's readers do.
fn member<'a>(members: &'a [Member<'a>], name: &str) -> Option<&'a Json<'a>> {
    members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn describe(json: &Json<'_>) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json;

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
    fn a_malformed_envelope_is_refused() {
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
    fn a_request_depends_only_on_earlier_ones() {
        // Whether single, patterns and any refuse it.
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
}
