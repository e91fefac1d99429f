//! Captures: values that a file takes from one response and uses in later requests.

use serde_json::Value;

use super::RecordedResponse;
use super::escape::{self, EscapeContext};
use super::message::quoted;

/// A value taken from a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The name that templates use for it.
    pub name: String,
    /// The location of the value.
    pub query: CaptureQuery,
}

/// The location of a captured value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureQuery {
    /// In the body, at a path of members and indexes such as `$.value[0].id`.
    JsonPath(String),
    /// In the header with this name.
    Header(String),
}

impl Capture {
    /// Returns the value, or `None` if the response does not have it.
    pub fn take(&self, response: &RecordedResponse) -> Option<String> {
        match &self.query {
            CaptureQuery::Header(name) => response.header(name).map(str::to_owned),
            CaptureQuery::JsonPath(path) => {
                let body: Value = serde_json::from_slice(&response.body).ok()?;
                let segments = path_segments(path)?;
                let value = segments.iter().try_fold(&body, |value, segment| match segment {
                    PathSegment::Member(name) => value.get(name),
                    PathSegment::Index(index) => value.get(index),
                })?;
                match value {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
                    _ => None,
                }
            }
        }
    }
}

/// A segment of a path into JSON.
#[derive(Debug, PartialEq, Eq)]
enum PathSegment {
    Member(String),
    Index(usize),
}

/// Parses a path: `$`, then `.name`, `['name']`, `["name"]` and `[0]` in any order.
fn path_segments(path: &str) -> Option<Vec<PathSegment>> {
    let mut rest = path.strip_prefix('$')?;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let length = name.find(['.', '[']).unwrap_or(name.len());
            if length == 0 || name[..length].contains(['*', ' ', '?']) {
                return None;
            }
            segments.push(PathSegment::Member(name[..length].to_owned()));
            rest = &name[length..];
            continue;
        }
        let inner = rest.strip_prefix('[')?;
        let quote = inner.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let (segment, after) = if let Some(quote) = quote {
            let (name, after) = inner[1..].split_once(quote)?;
            (PathSegment::Member(name.to_owned()), after.strip_prefix(']')?)
        } else {
            let (index, after) = inner.split_once(']')?;
            (PathSegment::Index(index.parse().ok()?), after)
        };
        segments.push(segment);
        rest = after;
    }
    Some(segments)
}

/// Reads a capture, `name: jsonpath "…"` or `name: header "…"`; returns it with its length in bytes.
pub(super) fn read(line: &str) -> Result<(Capture, usize), String> {
    let invalid = || {
        format!("invalid capture {}, expected one such as `id: jsonpath \"$.id\"` or `place: header \"Location\"`", quoted(line))
    };
    let (name, query) = line.split_once(':').ok_or_else(invalid)?;
    let name = name.trim_matches([' ', '\t']);
    if !escape::is_variable(name) {
        return Err(format!(
            "invalid capture name {}, expected a letter, then letters, digits, `_` and `-`; `base` is reserved",
            quoted(name)
        ));
    }
    let query = query.trim_start_matches([' ', '\t']);
    let (keyword, text) = query.split_once([' ', '\t']).ok_or_else(invalid)?;
    let text = text.trim_start_matches([' ', '\t']).strip_prefix('"').ok_or_else(invalid)?;
    let decoded = escape::decode(text, EscapeContext::Quoted)?;
    if !decoded.templates.is_empty() || !text[decoded.length..].starts_with('"') {
        return Err(invalid());
    }
    let query = match keyword {
        "jsonpath" if path_segments(&decoded.text).is_some() => CaptureQuery::JsonPath(decoded.text),
        "jsonpath" => {
            let path = quoted(&decoded.text);
            return Err(format!("unsupported JSON path {path}, expected `$` followed by `.name`, `['name']` and `[0]`"));
        }
        "header" => CaptureQuery::Header(decoded.text),
        _ => return Err(invalid()),
    };
    let length = line.len() - text.len() + decoded.length + 1;
    Ok((Capture { name: name.to_owned(), query }, length))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn json_paths_select_members_and_elements() {
        let response = RecordedResponse {
            status: http::StatusCode::OK,
            headers: Vec::new(),
            body: Bytes::from_static(br#"{"value":[{"id":"a"},{"@odata.etag":1}],"x":null}"#),
        };
        let take = |path: &str| Capture { name: "a".to_owned(), query: CaptureQuery::JsonPath(path.to_owned()) }.take(&response);
        assert_eq!(take("$.value[0].id").as_deref(), Some("a"));
        assert_eq!(take("$['value'][1]['@odata.etag']").as_deref(), Some("1"));
        for path in ["$.value", "$.x", "$.y", "$.value[2]", "$"] {
            assert_eq!(take(path), None, "{path}");
        }
    }

    #[test]
    fn unsupported_captures_are_rejected() {
        for (line, message) in [
            ("id", "invalid capture `id`"),
            ("1d: jsonpath \"$\"", "invalid capture name `1d`"),
            ("base: jsonpath \"$\"", "invalid capture name `base`"),
            ("id: xpath \"//a\"", "invalid capture `id: xpath \"//a\"`"),
            ("id: jsonpath $", "invalid capture `id: jsonpath $`"),
            ("id: jsonpath \"$..id\"", "unsupported JSON path `$..id`"),
            ("id: jsonpath \"$.a[*]\"", "unsupported JSON path `$.a[*]`"),
        ] {
            let reason = read(line).unwrap_err();
            assert!(reason.starts_with(message), "{line}: {reason}");
        }
    }
}
