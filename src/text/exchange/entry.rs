//! An entry of a file: an exchange, with the templates and captures that link it to other entries.
//!
//! A value that is only known when the requests are sent, such as the id of a created entity, is captured from one response and
//! inserted in later requests. An [`Exchange`] itself is always concrete.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;

use super::Exchange;
use super::capture::Capture;

/// An exchange, with the positions of captured values in it, and the captures from its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The exchange, its texts without the templates.
    pub exchange: Exchange,
    /// The templates, those of one part in ascending order of position.
    pub templates: Vec<Template>,
    /// The captures from the response.
    pub captures: Vec<Capture>,
}

/// A position at which a captured value is inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The text that has the position.
    pub part: ExchangePart,
    /// The position, in bytes from the start of the text.
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

impl Entry {
    /// Returns an entry without templates and captures.
    pub fn plain(exchange: Exchange) -> Entry {
        Entry { exchange, templates: Vec::new(), captures: Vec::new() }
    }

    /// Returns whether the target begins with a template other than that of the base address.
    pub(crate) fn has_own_base(&self) -> bool {
        self.templates.iter().any(|template| template.part == ExchangePart::Target && template.at == 0)
    }

    /// Returns the exchange with values inserted at its templates.
    ///
    /// # Errors
    ///
    /// Returns the name of a missing value.
    pub fn fill(&self, values: &HashMap<String, String>) -> Result<Exchange, String> {
        let mut exchange = self.exchange.clone();
        // From the end, so that the positions before stay valid.
        for Template { part, at, name } in self.templates.iter().rev() {
            let value = values.get(name).ok_or_else(|| name.clone())?;
            match part {
                ExchangePart::Target => insert(&mut exchange.request.target, *at, value),
                ExchangePart::RequestHeader(index) => insert_in_header(&mut exchange.request.headers, *index, *at, value),
                ExchangePart::RequestBody => exchange.request.body = inserted_in_body(&exchange.request.body, *at, value),
                ExchangePart::ResponseHeader(index) => {
                    if let Some(response) = &mut exchange.response {
                        insert_in_header(&mut response.headers, *index, *at, value);
                    }
                }
                ExchangePart::ResponseBody => {
                    if let Some(response) = &mut exchange.response {
                        response.body = inserted_in_body(&response.body, *at, value);
                    }
                }
            }
        }
        Ok(exchange)
    }
}

/// Fills the templates of entries, one after another, with values captured from the recorded responses before them.
#[derive(Debug, Default)]
pub struct Resolver {
    values: HashMap<String, String>,
}

impl Resolver {
    /// Returns a resolver that knows these values beforehand.
    pub fn with_values(values: HashMap<String, String>) -> Resolver {
        Resolver { values }
    }

    /// Returns the exchange as recorded.
    ///
    /// # Errors
    ///
    /// Returns the name of a value that no earlier response has.
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

/// Inserts a value into a body. In JSON it is part of a string, so it is escaped, as Hurl does.
fn inserted_in_body(body: &[u8], at: usize, value: &str) -> Bytes {
    let is_json = body.trim_ascii_start().starts_with(b"{") || body.trim_ascii_start().starts_with(b"[");
    let quoted = if is_json { Value::from(value).to_string() } else { String::new() };
    let value = if is_json { &quoted[1..quoted.len() - 1] } else { value };
    let at = at.min(body.len());
    [&body[..at], value.as_bytes(), &body[at..]].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::exchange::{read_entries, write_entries};

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
    fn templates_are_filled_with_captured_values() {
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
        assert_eq!(inserted_in_body(b"{\"a\":\"\"}", 6, "\"\n"), "{\"a\":\"\\\"\\n\"}");
        assert_eq!(inserted_in_body(b"a=", 2, "\"\n"), "a=\"\n");
    }
}
