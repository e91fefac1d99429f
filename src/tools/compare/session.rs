//! The session of one file with one service: its captured values, and the actual values of recorded ones.

use std::collections::HashMap;

use http::header::{HeaderName, HeaderValue};

use super::bindings::{Bindings, words};
use super::shape::ValueShape;
use crate::edge::client::{HttpClient, Upstream};
use crate::text::exchange::{Capture, Entry, Exchange, RecordedResponse};
use crate::text::json;

/// The exchanges of one file with one service.
pub(super) struct Session {
    client: HttpClient,
    pub(super) bindings: Bindings,
    captured: HashMap<String, String>,
}

impl Session {
    /// Returns a session with variables, which count as captured until a capture has their name.
    pub(super) fn new(service: Upstream, variables: &[(String, String)]) -> Session {
        let captured = variables.iter().cloned().collect();
        Session { client: HttpClient::new(service), bindings: Bindings::default(), captured }
    }

    /// Fills the templates of an entry with captured values; fails with the name of a missing value.
    pub(super) fn fill(&self, entry: &Entry) -> Result<Exchange, String> {
        let mut exchange = entry.fill(&self.captured)?;
        // All requests go to the service that is compared, in place of their own.
        if entry.has_own_base()
            && let Some((_, rest)) = exchange.request.target.split_once("://")
        {
            exchange.request.target = rest.find(['/', '?']).map_or("/", |at| &rest[at..]).to_owned();
        }
        Ok(exchange)
    }

    /// Takes values from an answer. A value that the answer does not have is forgotten.
    pub(super) fn capture(&mut self, captures: &[Capture], response: &RecordedResponse) {
        for capture in captures {
            match capture.take(response) {
                Some(value) => drop(self.captured.insert(capture.name.clone(), value)),
                None => drop(self.captured.remove(&capture.name)),
            }
        }
    }

    /// Sends the request of a recorded exchange, with actual values in place of recorded ones, and with `instead` in place of its
    /// own headers of the same names.
    pub(super) async fn send(
        &mut self,
        exchange: &Exchange,
        instead: &[(HeaderName, HeaderValue)],
    ) -> Result<RecordedResponse, String> {
        let recorded = &exchange.request;
        // An id in a request without an actual value so far is used unchanged from here on.
        let is_of_id = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        let texts = std::iter::once(&recorded.target).chain(recorded.headers.iter().map(|(_, value)| value));
        for (_, word) in texts.flat_map(|text| words(text, is_of_id)) {
            if matches!(ValueShape::of(word), ValueShape::Id(_)) {
                self.bindings.bind(word, word);
            }
        }
        let mut request = recorded.clone();
        let encode = |value: &str| percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string();
        let in_path = |value: &str| if value.chars().all(is_of_id) { value.to_owned() } else { encode(value) };
        request.target = self.bindings.replay_parameters(&recorded.target, in_path);
        request.headers.retain(|(name, _)| !instead.iter().any(|(other, _)| name.eq_ignore_ascii_case(other.as_str())));
        for (_, value) in &mut request.headers {
            *value = self.bindings.replay(value, str::to_owned).into_owned();
        }
        for (name, value) in instead {
            request.headers.push((name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
        if let Ok(text) = std::str::from_utf8(&recorded.body) {
            let is_json = text.trim_start().starts_with(['{', '[']);
            let escape = |value: &str| {
                let quoted = json::quoted(value);
                quoted[1..quoted.len() - 1].to_owned()
            };
            let body = self.bindings.replay(text, |value| if is_json { escape(value) } else { in_path(value) });
            request.body = body.into_owned().into();
        }
        self.client.send(&request).await.map_err(|error| error.to_string())
    }
}
