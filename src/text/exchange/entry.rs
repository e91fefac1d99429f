//! An entry of a file: an exchange with what ties it to the entries before and after it.
//!
//! A value that is only known when the requests are sent, such as the id of what was created, is captured from one response and
//! stands as a template in later requests. An [`Exchange`] itself is always concrete.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use super::{Exchange, RecordedResponse, escape, print};

/// An exchange, with the places where captured values go, and what is captured from its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The exchange; where a template stands, its texts have nothing.
    pub exchange: Exchange,
    /// The templates, those of one part in the order of their places.
    pub templates: Vec<Template>,
    /// What is captured from the response.
    pub captures: Vec<Capture>,
}

/// A place where a captured value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The text with that place.
    pub part: ExchangePart,
    /// How many bytes of the text are before it.
    pub at: usize,
    /// The name of the value.
    pub name: String,
}

/// A text of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangePart {
    /// The target of the request.
    Target,
    /// The value of a header of the request, by its index.
    RequestHeader(usize),
    /// The body of the request.
    RequestBody,
    /// The value of a header of the response, by its index.
    ResponseHeader(usize),
    /// The body of the response.
    ResponseBody,
}

/// A value that is taken from a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The name that templates use for it.
    pub name: String,
    /// Where it is.
    pub query: CaptureQuery,
}

/// Where a captured value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureQuery {
    /// In the body, at a path of members and indexes such as `$.value[0].id`.
    JsonPath(String),
    /// In the header with this name.
    Header(String),
}

impl Entry {
    /// Returns an entry without templates and captures.
    pub fn plain(exchange: Exchange) -> Entry {
        Entry { exchange, templates: Vec::new(), captures: Vec::new() }
    }

    /// Returns the exchange with values in the places of its templates.
    ///
    /// # Errors
    ///
    /// Returns the name of a value that is not there.
    pub fn fill(&self, values: &HashMap<String, String>) -> Result<Exchange, String> {
        let mut exchange = self.exchange.clone();
        // From the end, so that the places before stay where they are.
        for Template { part, at, name } in self.templates.iter().rev() {
            let value = values.get(name).ok_or_else(|| name.clone())?;
            match part {
                ExchangePart::Target => insert(&mut exchange.request.target, *at, value),
                ExchangePart::RequestHeader(index) => insert_in_header(&mut exchange.request.headers, *index, *at, value),
                ExchangePart::RequestBody => exchange.request.body = with_inserted(&exchange.request.body, *at, value),
                ExchangePart::ResponseHeader(index) => {
                    if let Some(response) = &mut exchange.response {
                        insert_in_header(&mut response.headers, *index, *at, value);
                    }
                }
                ExchangePart::ResponseBody => {
                    if let Some(response) = &mut exchange.response {
                        response.body = with_inserted(&response.body, *at, value);
                    }
                }
            }
        }
        Ok(exchange)
    }
}

/// Fills the templates of entries, one after another, with what the recorded responses before them tell.
#[derive(Debug, Default)]
pub struct Resolver {
    values: HashMap<String, String>,
}

impl Resolver {
    /// Returns the exchange as it was recorded.
    ///
    /// # Errors
    ///
    /// Returns the name of a value that no response before tells.
    pub fn resolve(&mut self, entry: &Entry) -> Result<Exchange, String> {
        let exchange = entry.fill(&self.values)?;
        for capture in &entry.captures {
            if let Some(value) = exchange.response.as_ref().and_then(|response| capture.take(response)) {
                self.values.insert(capture.name.clone(), value);
            }
        }
        Ok(exchange)
    }
}

fn insert(text: &mut String, at: usize, value: &str) {
    if text.is_char_boundary(at) {
        text.insert_str(at, value);
    }
}

fn insert_in_header(headers: &mut [(String, String)], index: usize, at: usize, value: &str) {
    if let Some((_, text)) = headers.get_mut(index) {
        insert(text, at, value);
    }
}

/// Inserts a value into a body; in JSON it stands in a string, so it is escaped there, as Hurl does.
fn with_inserted(body: &[u8], at: usize, value: &str) -> Bytes {
    let is_json = body.trim_ascii_start().starts_with(b"{") || body.trim_ascii_start().starts_with(b"[");
    let quoted = if is_json { Value::from(value).to_string() } else { String::new() };
    let value = if is_json { &quoted[1..quoted.len() - 1] } else { value };
    let at = at.min(body.len());
    [&body[..at], value.as_bytes(), &body[at..]].concat().into()
}

impl Capture {
    /// Returns the value, unless the response does not have it.
    pub fn take(&self, response: &RecordedResponse) -> Option<String> {
        match &self.query {
            CaptureQuery::Header(name) => response.header(name).map(str::to_owned),
            CaptureQuery::JsonPath(path) => {
                let body: Value = serde_json::from_slice(&response.body).ok()?;
                let steps = steps(path)?;
                let found = steps.iter().try_fold(&body, |value, step| match step {
                    Step::Member(name) => value.get(name),
                    Step::Index(index) => value.get(index),
                })?;
                match found {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(_) | Value::Bool(_) => Some(found.to_string()),
                    _ => None,
                }
            }
        }
    }
}

/// A step of a path into JSON.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Index(usize),
}

/// Reads a path: `$`, then `.name`, `['name']`, `["name"]` and `[0]` in any order.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let length = name.find(['.', '[']).unwrap_or(name.len());
            if length == 0 || name[..length].contains(['*', ' ', '?']) {
                return None;
            }
            steps.push(Step::Member(name[..length].to_owned()));
            rest = &name[length..];
            continue;
        }
        let inner = rest.strip_prefix('[')?;
        let quote = inner.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let (step, after) = if let Some(quote) = quote {
            let (name, after) = inner[1..].split_once(quote)?;
            (Step::Member(name.to_owned()), after.strip_prefix(']')?)
        } else {
            let (index, after) = inner.split_once(']')?;
            (Step::Index(index.parse().ok()?), after)
        };
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

/// Reads a capture, which is `name: jsonpath "…"` or `name: header "…"`; returns it and the length of it.
pub(super) fn read_capture(line: &str) -> Result<(Capture, usize), String> {
    let expected = "expected a capture such as `id: jsonpath \"$.id\"` or `place: header \"Location\"`";
    let found = || format!("found {}, {expected}", super::cursor::quoted(line));
    let (name, query) = line.split_once(':').ok_or_else(found)?;
    let name = name.trim_matches([' ', '\t']);
    if !escape::is_variable(name) {
        return Err(format!(
            "found the name {} of a capture, expected a letter, then letters, digits, `_` and `-`, and not `base`",
            super::cursor::quoted(name)
        ));
    }
    let query = query.trim_start_matches([' ', '\t']);
    let (word, text) = query.split_once([' ', '\t']).ok_or_else(found)?;
    let text = text.trim_start_matches([' ', '\t']).strip_prefix('"').ok_or_else(found)?;
    let decoded = escape::decode(text, escape::EscapeContext::Quoted)?;
    if !decoded.templates.is_empty() || !text[decoded.length..].starts_with('"') {
        return Err(found());
    }
    let query = match word {
        "jsonpath" if steps(&decoded.text).is_some() => CaptureQuery::JsonPath(decoded.text),
        "jsonpath" => {
            let found = super::cursor::quoted(&decoded.text);
            return Err(format!("found the path {found}, expected `$` with `.name`, `['name']` and `[0]` behind it"));
        }
        "header" => CaptureQuery::Header(decoded.text),
        _ => return Err(found()),
    };
    let length = line.len() - text.len() + decoded.length + 1;
    Ok((Capture { name: name.to_owned(), query }, length))
}

impl fmt::Display for Entry {
    /// Prints one entry, which ends with one line break.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::entry(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read_entries, write_entries};
    use super::*;

    const LIFE: &str = r#"# create
POST {{base}}/v1.0/things
content-type: application/json
{
  "displayName": "a"
}

HTTP 201
location: /things/1
[Captures]
id: jsonpath "$.id"
place: header "Location"
{
  "id": "1"
}

# get
GET {{base}}/v1.0/things('{{id}}')
referer: {{place}}
{
  "like": "not {{id}}"
}

HTTP 200
{
  "id": "{{id}}"
}
"#;

    #[test]
    fn captured_values_go_where_templates_stand() {
        let entries = read_entries(LIFE).unwrap();
        assert_eq!(write_entries(&entries), LIFE);
        let response = entries[0].exchange.response.as_ref().unwrap();
        let values: HashMap<String, String> =
            entries[0].captures.iter().map(|capture| (capture.name.clone(), capture.take(response).unwrap())).collect();
        let filled = entries[1].fill(&values).unwrap();
        assert_eq!(filled.request.target, "/v1.0/things('1')");
        assert_eq!(filled.request.header("referer"), Some("/things/1"));
        assert_eq!(filled.request.body, "{\n  \"like\": \"not 1\"\n}");
        assert_eq!(filled.response.unwrap().body, "{\n  \"id\": \"1\"\n}");
        assert_eq!(entries[1].fill(&HashMap::new()), Err("id".to_owned()));
        let mut resolver = Resolver::default();
        let concrete: Vec<Exchange> = entries.iter().map(|entry| resolver.resolve(entry).unwrap()).collect();
        assert_eq!(concrete[1], entries[1].fill(&values).unwrap());
        assert_eq!(Resolver::default().resolve(&entries[1]), Err("id".to_owned()));
    }

    #[test]
    fn values_are_escaped_in_json_only() {
        assert_eq!(with_inserted(b"{\"a\":\"\"}", 6, "\"\n"), "{\"a\":\"\\\"\\n\"}");
        assert_eq!(with_inserted(b"a=", 2, "\"\n"), "a=\"\n");
    }

    #[test]
    fn paths_lead_to_members_and_elements() {
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
    fn captures_that_are_not_supported_are_named() {
        for (line, found) in [
            ("id", "found `id`, expected a capture"),
            ("1d: jsonpath \"$\"", "found the name `1d` of a capture"),
            ("base: jsonpath \"$\"", "found the name `base` of a capture"),
            ("id: xpath \"//a\"", "found `id: xpath \"//a\"`, expected a capture"),
            ("id: jsonpath $", "found `id: jsonpath $`, expected a capture"),
            ("id: jsonpath \"$..id\"", "found the path `$..id`"),
            ("id: jsonpath \"$.a[*]\"", "found the path `$.a[*]`"),
        ] {
            let reason = read_capture(line).unwrap_err();
            assert!(reason.starts_with(found), "{line}: {reason}");
        }
    }
}
