//! Prints an exchange; the counterpart of `parse`.

use std::fmt;

use super::escape::{self, Place};
use super::{Exchange, body, header};

/// Prints comments, request and response, each line with its line break.
pub(super) fn exchange(exchange: &Exchange, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    // A comment ends with its line, so one with line breaks becomes several.
    for line in exchange.comments.iter().flat_map(|comment| comment.split('\n')) {
        match line.trim_end_matches('\r') {
            "" => writeln!(out, "#")?,
            line => writeln!(out, "# {line}")?,
        }
    }
    let request = &exchange.request;
    let target = escape::encode(&request.target, Place::Value);
    writeln!(out, "{} {{{{base}}}}{target}", request.method)?;
    headers_and_body(&request.headers, &request.body, out)?;
    if let Some(response) = &exchange.response {
        writeln!(out, "\nHTTP {}", response.status.as_u16())?;
        headers_and_body(&response.headers, &response.body, out)?;
    }
    Ok(())
}

fn headers_and_body(headers: &[(String, String)], bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (name, value) in headers {
        write!(out, "{}:", escape::encode(name, Place::Name))?;
        if !value.is_empty() {
            write!(out, " {}", escape::encode(value, Place::Value))?;
        }
        writeln!(out)?;
    }
    if bytes.is_empty() {
        return Ok(());
    }
    let says_json = header(headers, "content-type").is_some_and(|value| value.to_ascii_lowercase().contains("json"));
    writeln!(out, "{}", body::print(bytes, says_json))
}
