//! The writer of exchanges and entries, the counterpart of `parse`.

use std::fmt;

use super::capture::{Capture, CaptureQuery};
use super::entry::{Entry, ExchangePart};
use super::escape::{self, EscapeContext};
use super::headers::first_value;
use super::target::{BASE, is_absolute};
use super::{Exchange, body};
use crate::text::visible::visible;

impl fmt::Display for Exchange {
    /// Prints the exchange, each line with its line break.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self, &|_| Vec::new(), &[], out)
    }
}

impl fmt::Display for Entry {
    /// Prints the entry, each line with its line break.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let templates = |part| {
            let of_part = self.templates.iter().filter(|template| template.part == part);
            let mut positions: Vec<(usize, &str)> = of_part.map(|template| (template.at, template.name.as_str())).collect();
            positions.sort_by_key(|(at, _)| *at);
            positions
        };
        print(&self.exchange, &templates, &self.captures, out)
    }
}

/// Returns the templates of a part, sorted by position.
type Templates<'e> = dyn Fn(ExchangePart) -> Vec<(usize, &'e str)> + 'e;

fn print(exchange: &Exchange, templates: &Templates<'_>, captures: &[Capture], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    // A comment ends with its line. More lines of it would be comments of their own, which may say something else.
    for comment in &exchange.comments {
        match &*visible(comment) {
            "" => writeln!(out, "#")?,
            comment => writeln!(out, "# {comment}")?,
        }
    }
    let request = &exchange.request;
    let target = escape::encode_with(&request.target, &templates(ExchangePart::Target), EscapeContext::Value);
    // A template in front is a base of its own.
    let has_base = is_absolute(&target) || templates(ExchangePart::Target).first().is_some_and(|(at, _)| *at == 0);
    let base = if has_base { "" } else { BASE };
    writeln!(out, "{} {base}{target}", request.method)?;
    print_headers(&request.headers, &|index| templates(ExchangePart::RequestHeader(index)), out)?;
    print_body(&request.headers, &request.body, &templates(ExchangePart::RequestBody), out)?;
    if let Some(response) = &exchange.response {
        writeln!(out, "\nHTTP {}", response.status.as_u16())?;
        print_headers(&response.headers, &|index| templates(ExchangePart::ResponseHeader(index)), out)?;
        if !captures.is_empty() {
            writeln!(out, "[Captures]")?;
        }
        for Capture { name, query } in captures {
            let (keyword, text) = match query {
                CaptureQuery::JsonPath(text) => ("jsonpath", text),
                CaptureQuery::Header(text) => ("header", text),
            };
            writeln!(out, "{name}: {keyword} \"{}\"", escape::encode(text, EscapeContext::Quoted))?;
        }
        print_body(&response.headers, &response.body, &templates(ExchangePart::ResponseBody), out)?;
    }
    Ok(())
}

fn print_headers<'e>(
    headers: &[(String, String)],
    templates: &dyn Fn(usize) -> Vec<(usize, &'e str)>,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    for (index, (name, value)) in headers.iter().enumerate() {
        print_header(name, value, &templates(index), out)?;
    }
    Ok(())
}

fn print_header(name: &str, value: &str, templates: &[(usize, &str)], out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{}:", escape::encode(name, EscapeContext::Name))?;
    let value = escape::encode_with(value, templates, EscapeContext::Value);
    if !value.is_empty() {
        write!(out, " {value}")?;
    }
    writeln!(out)
}

/// Returns the line of a header.
pub(crate) fn header_line(name: &str, value: &str) -> String {
    let mut line = String::new();
    // Writing to a string does not fail.
    let _ = print_header(name, value, &[], &mut line);
    line
}

/// Returns the lines of a body in a message with these headers.
pub(crate) fn body_text(headers: &[(String, String)], bytes: &[u8]) -> String {
    let mut text = String::new();
    let _ = print_body(headers, bytes, &[], &mut text);
    text
}

fn print_body(headers: &[(String, String)], bytes: &[u8], templates: &[(usize, &str)], out: &mut dyn fmt::Write) -> fmt::Result {
    if bytes.is_empty() && templates.is_empty() {
        return Ok(());
    }
    let is_json = first_value(headers, "content-type").is_some_and(|value| value.to_ascii_lowercase().contains("json"));
    writeln!(out, "{}", body::print(bytes, templates, is_json))
}
