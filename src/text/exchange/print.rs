//! Prints an entry; the counterpart of `parse`.

use std::fmt;

use super::entry::{Capture, CaptureQuery, Entry, ExchangePart};
use super::escape::{self, EscapeContext};
use super::{Exchange, body, header, is_absolute};

/// Prints an exchange, each line with its line break.
pub(super) fn exchange(exchange: &Exchange, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    parts(exchange, &|_| Vec::new(), &[], out)
}

/// Prints an entry, each line with its line break.
pub(super) fn entry(entry: &Entry, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let templates = |part| {
        let of_part = entry.templates.iter().filter(|template| template.part == part);
        let mut found: Vec<(usize, &str)> = of_part.map(|template| (template.at, template.name.as_str())).collect();
        found.sort_by_key(|(at, _)| *at);
        found
    };
    parts(&entry.exchange, &templates, &entry.captures, out)
}

/// Finds the templates of a part, in the order of their places.
type Templates<'e> = dyn Fn(ExchangePart) -> Vec<(usize, &'e str)> + 'e;

fn parts(exchange: &Exchange, templates: &Templates<'_>, captures: &[Capture], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    // A comment ends with its line, so one with line breaks becomes several.
    for line in exchange.comments.iter().flat_map(|comment| comment.split('\n')) {
        match line.trim_end_matches('\r') {
            "" => writeln!(out, "#")?,
            line => writeln!(out, "# {line}")?,
        }
    }
    let request = &exchange.request;
    let target = escape::encode_with(&request.target, &templates(ExchangePart::Target), EscapeContext::Value);
    let base = if is_absolute(&target) { "" } else { "{{base}}" };
    writeln!(out, "{} {base}{target}", request.method)?;
    headers(&request.headers, &|index| templates(ExchangePart::RequestHeader(index)), out)?;
    print_body(&request.headers, &request.body, &templates(ExchangePart::RequestBody), out)?;
    if let Some(response) = &exchange.response {
        writeln!(out, "\nHTTP {}", response.status.as_u16())?;
        headers(&response.headers, &|index| templates(ExchangePart::ResponseHeader(index)), out)?;
        if !captures.is_empty() {
            writeln!(out, "[Captures]")?;
        }
        for Capture { name, query } in captures {
            let (word, text) = match query {
                CaptureQuery::JsonPath(text) => ("jsonpath", text),
                CaptureQuery::Header(text) => ("header", text),
            };
            writeln!(out, "{name}: {word} \"{}\"", escape::encode(text, EscapeContext::Quoted))?;
        }
        print_body(&response.headers, &response.body, &templates(ExchangePart::ResponseBody), out)?;
    }
    Ok(())
}

fn headers<'e>(
    headers: &[(String, String)],
    templates: &dyn Fn(usize) -> Vec<(usize, &'e str)>,
    out: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (index, (name, value)) in headers.iter().enumerate() {
        write!(out, "{}:", escape::encode(name, EscapeContext::Name))?;
        let value = escape::encode_with(value, &templates(index), EscapeContext::Value);
        if !value.is_empty() {
            write!(out, " {value}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn print_body(
    headers: &[(String, String)],
    bytes: &[u8],
    templates: &[(usize, &str)],
    out: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if bytes.is_empty() && templates.is_empty() {
        return Ok(());
    }
    let says_json = header(headers, "content-type").is_some_and(|value| value.to_ascii_lowercase().contains("json"));
    writeln!(out, "{}", body::print(bytes, templates, says_json))
}
