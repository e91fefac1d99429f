//! The syntax elements of a text: request lines, status lines, headers, captures and bodies.

use http::{HeaderName, Method, StatusCode};

use super::ReadError;
use super::body::{self, TemplateBody};
use super::capture::{self, Capture};
use super::cursor::{Cursor, trim_start};
use super::escape::{self, EscapeContext, TemplatePositions};
use super::message::{quoted, unsupported_template};
use super::target::{BASE, is_absolute};

/// A line, or in the case of a body several lines.
pub(super) enum SyntaxElement {
    RequestLine(Method, TemplateText),
    StatusLine(StatusCode),
    Header(String, TemplateText),
    /// The title of the section with captures.
    Captures,
    Capture(Capture),
    Body(TemplateBody),
}

/// A text, without the templates in it.
pub(super) type TemplateText = (String, TemplatePositions);

/// Reads the element that starts at the cursor, which is on the first character of a line that is not blank.
///
/// Except for captures, the start of the line alone determines the element, so a misplaced element gets an error of its own.
pub(super) fn read(cursor: &mut Cursor<'_>, is_in_captures: bool) -> Result<SyntaxElement, ReadError> {
    let line = cursor.rest_of_line();
    // A method followed by a template or an address is always a request line.
    if let Some((method, url)) = method_and_url(line)
        && is_method(method)
        && (url.starts_with("{{") || is_absolute(url))
    {
        return read_request_line(method, url, cursor);
    }
    if let Some(section) = section(line) {
        if section == "Captures" {
            cursor.skip("[Captures]".len());
            cursor.end_line("the name of the section")?;
            return Ok(SyntaxElement::Captures);
        }
        return Err(cursor.error(format!("unsupported section `[{section}]`, expected a header or a body")));
    }
    if is_in_captures && !body::starts(line) && line.contains(':') {
        let (capture, length) = capture::read(line).map_err(|reason| cursor.error(reason))?;
        cursor.skip(length);
        cursor.end_line("the capture")?;
        return Ok(SyntaxElement::Capture(capture));
    }
    if let Some(name) = empty_header(line) {
        cursor.skip(name.len() + 1);
        cursor.end_line("the header")?;
        return Ok(SyntaxElement::Header(name.to_owned(), TemplateText::default()));
    }
    if let Some(header) = read_header(cursor)? {
        return Ok(header);
    }
    if line.strip_prefix("HTTP").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '/'])) {
        return read_status_line(cursor);
    }
    if body::starts(line) {
        return Ok(SyntaxElement::Body(body::read(cursor)?));
    }
    match method_and_url(line) {
        Some((method, url)) if method.bytes().all(|byte| byte.is_ascii_uppercase()) => read_request_line(method, url, cursor),
        _ => Err(cursor.error(format!(
            "unrecognized line {}, expected a header, a body, `HTTP` and a status, or a request line such as `GET {{{{base}}}}/v1.0/me`",
            quoted(line)
        ))),
    }
}

fn method_and_url(line: &str) -> Option<(&str, &str)> {
    let (method, url) = line.split_once([' ', '\t'])?;
    Some((method, trim_start(url)))
}

/// Returns whether a word is a method. `#` and the backtick are not allowed, unlike in HTTP: they start a comment and a body.
fn is_method(word: &str) -> bool {
    Method::from_bytes(word.as_bytes()).is_ok() && !word.contains(['#', '`'])
}

/// Returns the name of a section, such as `[Asserts]`, at the start of a line. It begins with a capital letter, unlike any JSON.
fn section(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.split_once(']')?;
    let is_name = name.starts_with(|character: char| character.is_ascii_uppercase()) && name.chars().all(char::is_alphanumeric);
    is_name.then_some(name)
}

fn read_request_line(method: &str, url: &str, cursor: &mut Cursor<'_>) -> Result<SyntaxElement, ReadError> {
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return Err(cursor.error(format!("invalid method {}, expected a token of HTTP", quoted(method))));
    };
    // Another template in front is a base of its own, as Hurl files have one.
    let target = if is_absolute(url) || url.starts_with("{{") { Some(url.strip_prefix(BASE).unwrap_or(url)) } else { None };
    let Some(target) = target else {
        let reason = format!("invalid target {}, expected one that starts with `{BASE}`, or a whole address", quoted(url));
        return Err(cursor.error(reason));
    };
    let start = cursor.rest_of_line().len() - target.len();
    let target = read_value(cursor, start, "the target")?;
    Ok(SyntaxElement::RequestLine(method, target))
}

/// Returns the name in a line such as `X-Custom;`, a header without a value.
fn empty_header(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(';')?;
    let rest = trim_start(rest);
    ((rest.is_empty() || rest.starts_with('#')) && !name.starts_with('`') && HeaderName::from_bytes(name.as_bytes()).is_ok())
        .then_some(name)
}

fn read_header(cursor: &mut Cursor<'_>) -> Result<Option<SyntaxElement>, ReadError> {
    let line = cursor.rest_of_line();
    if line.starts_with('[') {
        return Ok(None);
    }
    let name = escape::decode(line, EscapeContext::Name).map_err(|reason| cursor.error(reason))?;
    let Some(value) = trim_start(&line[name.length..]).strip_prefix(':') else {
        return Ok(None);
    };
    if let Some((at, _)) = name.templates.first() {
        return Err(cursor.error(unsupported_template(&line[*at..])));
    }
    if name.text.is_empty() {
        return Err(cursor.error(format!("missing header name in {}, expected one before the colon", quoted(line))));
    }
    let start = line.len() - trim_start(value).len();
    let value = read_value(cursor, start, "the value of the header")?;
    Ok(Some(SyntaxElement::Header(name.text, value)))
}

/// Reads the rest of the line, from `start` on, as a value and an optional comment. `element` names the value.
fn read_value(cursor: &mut Cursor<'_>, start: usize, element: &str) -> Result<TemplateText, ReadError> {
    let value = &cursor.rest_of_line()[start..];
    let decoded = escape::decode(value, EscapeContext::Value).map_err(|reason| cursor.error(reason))?;
    cursor.skip(start + decoded.length);
    cursor.end_line(element)?;
    Ok((decoded.text, decoded.templates))
}

fn read_status_line(cursor: &mut Cursor<'_>) -> Result<SyntaxElement, ReadError> {
    let line = cursor.rest_of_line();
    let (version, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    if !["HTTP", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"].contains(&version) {
        return Err(cursor.error(format!("unsupported version {}, expected `HTTP`, `HTTP/1.1` or `HTTP/2`", quoted(version))));
    }
    let rest = trim_start(rest);
    let length = rest.find([' ', '\t', '#']).unwrap_or(rest.len());
    let Ok(status) = StatusCode::from_bytes(&rest.as_bytes()[..length]) else {
        return Err(cursor.error(format!("invalid status {}, expected a number from 100 to 999", quoted(&rest[..length]))));
    };
    cursor.skip(line.len() - rest.len() + length);
    cursor.end_line("the status")?;
    Ok(SyntaxElement::StatusLine(status))
}
