//! The page for people: who may read it, and what its requests may do.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::{Control, Peer};
use crate::edge::control::guard;
use crate::edge::control::reply::ControlError;
use crate::edge::ui::{self, Reader, UiToken};
use crate::graph::request::{Request, Via};
use crate::graph::step::Answer;

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Answers a request for a file of the page; `None` if the path is another one, or the page is off.
pub(super) fn answer(control: &Control, request: &Request, peer: Peer) -> Option<Result<Answer, ControlError>> {
    let token = control.ui.as_ref()?;
    let path = request.target.path();
    ui::is_page(path).then(|| file(control, token, request, peer))
}

fn file(control: &Control, token: &UiToken, request: &Request, peer: Peer) -> Result<Answer, ControlError> {
    let path = request.target.path();
    if request.method != Method::GET && request.method != Method::HEAD {
        let refusal = ControlError::new(StatusCode::METHOD_NOT_ALLOWED, "method", "unsupported method (supported: GET)");
        return Err(ControlError { allow: Some("GET".to_owned()), ..refusal });
    }
    let reader = reader(control, token, request, peer)?;
    let response = if ui::is_document(path) {
        // A frame, an image or a script of any page, ours included, has no use for the document.
        if !has_value(&request.headers, &SEC_FETCH_DEST, "document") {
            return Err(guard::forbidden("origin", "the page is opened in a window of its own".to_owned()));
        }
        ui::document(reader)
    } else if path == ui::PATH.trim_end_matches('/') {
        ui::redirect()
    } else {
        if matches!(reader, Reader::Visitor) {
            return Err(guard::forbidden("origin", "requests of other pages are refused".to_owned()));
        }
        let unknown =
            || ControlError::new(StatusCode::NOT_FOUND, "unknown-path", format!("no such file; the page is {}", ui::PATH));
        ui::file(path).ok_or_else(unknown)?
    };
    Ok(Answer::of(response))
}

/// Returns what the sender of a request may read.
fn reader<'t>(control: &Control, token: &'t UiToken, request: &Request, peer: Peer) -> Result<Reader<'t>, ControlError> {
    let is_local = guard::check_peer(control, request, peer);
    if is_local.is_err() && control.token().is_some() {
        // The document has no data, and asks for the token of the control API.
        return Ok(Reader::Remote);
    }
    is_local?;
    guard::check_host(request)?;
    match guard::fetch_site(&request.headers) {
        Some(b"none" | b"same-origin") => Ok(Reader::Local(token)),
        // No browser that protects the token, or no browser: the page asks for the token of the control API.
        None => Ok(Reader::Remote),
        _ => Ok(Reader::Visitor),
    }
}

/// Whether a header is missing, as in requests of other programs than browsers, or has this value.
fn has_value(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers.get(name).is_none_or(|sent| sent == value)
}

/// Returns the answer that leads a browser from the root of the server to the page; `None` for all other requests.
pub(crate) fn redirect(control: &Control, request: &Request, peer: Peer) -> Option<Answer> {
    let token = control.ui.as_ref()?;
    let is_navigation = request.method == Method::GET
        && request.via == Via::Direct
        && request.target.query().is_none()
        && request.headers.get(&SEC_FETCH_MODE).is_some_and(|mode| mode == "navigate")
        && has_value(&request.headers, &SEC_FETCH_DEST, "document")
        && request.headers.get(header::ACCEPT).map(HeaderValue::as_bytes).is_some_and(accepts_html);
    (is_navigation && reader(control, token, request, peer).is_ok()).then(|| Answer::of(ui::redirect()))
}

fn accepts_html(accept: &[u8]) -> bool {
    accept.split(|byte| *byte == b',').any(|range| range.trim_ascii_start().starts_with(b"text/html"))
}

/// Removes the body of the answer to HEAD; the headers still describe it.
pub(super) fn without_body(mut answer: Answer) -> Answer {
    *answer.response.body_mut() = Bytes::new();
    answer
}

#[cfg(test)]
mod tests;
