//! Input of an operation: the request, its body and its query parameters.

use std::borrow::Cow;

use http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::Control;
use crate::edge::control::reply::ControlError;
use crate::graph::request::{Body, Request};
use crate::text::gzip::{self, GzipError};
use crate::text::{bom, form, json};
use crate::world::budget::Reservation;
use crate::world::store::StoreFull;
use crate::world::worlds::Worlds;

/// Input of an operation.
pub(super) struct ControlCall<'c> {
    pub(super) control: &'c Control,
    pub(super) worlds: &'c Worlds,
    pub(super) request: &'c Request,
    /// Limit of the body in bytes.
    pub(super) body_limit: usize,
    /// The name of a world; empty for paths without one.
    pub(super) name: &'c str,
    /// The name of a collection; empty for paths without one.
    pub(super) collection: &'c str,
    /// Name of the member that lists worlds: `worlds`, or `tenants` under the former path.
    pub(super) list_member: &'static str,
}

impl ControlCall<'_> {
    pub(super) fn body(&self) -> Result<&[u8], ControlError> {
        match &self.request.body {
            Body::Whole(body) => Ok(bom::strip_bytes(body)),
            Body::TooLarge => {
                let message = format!("body exceeds {} bytes, or the memory for bodies", self.body_limit);
                Err(ControlError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message))
            }
        }
    }

    /// Returns the body without its content coding, of at most `limit` bytes. Room is reserved before it is unpacked.
    pub(super) fn unpacked_body(&self, limit: usize, room: &mut Reservation) -> Result<Cow<'_, [u8]>, ControlError> {
        let body = self.body()?;
        let full = ControlError::from(StoreFull::of_all(room.budget().limit()));
        let codings = self.request.headers.get_all(header::CONTENT_ENCODING);
        let codings: Vec<String> =
            codings.iter().map(|coding| coding.to_str().unwrap_or("?").trim().to_ascii_lowercase()).collect();
        match codings.iter().map(String::as_str).collect::<Vec<&str>>()[..] {
            // The memory for bodies counts it.
            [] | ["" | "identity"] => Ok(Cow::Borrowed(body)),
            [coding] if gzip::is_gzip(coding) => match gzip::unpack_within(body, limit, |bytes| room.grow(bytes)) {
                Ok(mut content) => {
                    content.shrink_to_fit();
                    room.shrink_to(content.capacity());
                    Ok(Cow::Owned(content))
                }
                Err(GzipError::TooLong(_) | GzipError::NoRoom) => Err(full),
                Err(error @ GzipError::Malformed(_)) => {
                    Err(ControlError::unusable(format!("invalid body: the gzip-encoded body {error}")))
                }
            },
            _ => Err(ControlError::unusable("unsupported Content-Encoding, expected gzip or none")),
        }
    }

    /// Parses the body as a JSON object; an empty body is an empty object.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ControlError> {
        let body = self.body()?;
        let body = if body.is_empty() { b"{}" } else { body };
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let found = match first {
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'n') if body.trim_ascii() == b"null" => "null",
            _ => return json::read(body).map_err(|error| ControlError::unusable(format!("invalid body: {error}"))),
        };
        Err(ControlError::unusable(format!("invalid body: found {found}, expected an object")))
    }

    /// Returns the decoded query parameters; fails on names that are not in `known`, and on duplicates.
    pub(super) fn parameters(&self, known: &[&str]) -> Result<Parameters, ControlError> {
        Parameters::of(self.request, known)
    }
}

/// Query parameters.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Returns the decoded query parameters of a request; fails on names that are not in `known`, and on duplicates.
    pub(super) fn of(request: &Request, known: &[&str]) -> Result<Parameters, ControlError> {
        let query = request.target.query().unwrap_or_default();
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form::fields(query) {
            let (name, value) = (name.into_owned(), value.into_owned());
            if !known.contains(&&*name) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("unknown parameter '{}' (known: {known})", name.escape_debug());
                return Err(ControlError::unusable(message));
            }
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(ControlError::unusable(format!("duplicate parameter '{name}'")));
            }
            parameters.push((name, value));
        }
        Ok(Parameters(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    /// Returns the whole number of a parameter.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ControlError> {
        let invalid =
            |text: &str| ControlError::unusable(format!("invalid {name} '{}': expected a whole number", text.escape_debug()));
        self.get(name).map(|text| text.parse::<u64>().map_err(|_| invalid(text))).transpose()
    }

    /// Whether the parameter `secrets` asks for secrets.
    pub(super) fn include_secrets(&self) -> Result<bool, ControlError> {
        match self.get("secrets") {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(ControlError::unusable(format!("invalid secrets '{}': expected true or false", other.escape_debug())))
            }
        }
    }
}
