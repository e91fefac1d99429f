//! Entries with their secrets, for readers that show none of them.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};

use super::{AnswerCause, Destination, EntityChange, JournalEntry, Protocol};

/// An entry with its secrets. Packed bodies are unpacked, long ones truncated.
#[derive(Debug)]
pub(crate) struct RecordedEntry(JournalEntry);

impl RecordedEntry {
    pub(super) fn of(entry: JournalEntry) -> RecordedEntry {
        RecordedEntry(entry)
    }

    /// Returns the number of the request in its world.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    /// Returns the time of the request on the world's clock.
    pub(crate) fn time(&self) -> SystemTime {
        self.0.time
    }

    /// Returns the real times of the beginning and of the end of the exchange, from the beginning of the journal.
    pub(crate) fn times(&self) -> (Duration, Duration) {
        self.0.passage.times()
    }

    /// Returns the real time at which the connection was opened, from the beginning of the journal.
    pub(crate) fn opened(&self) -> Duration {
        self.0.passage.opened()
    }

    /// Returns the number of the connection; `None` without a socket.
    pub(crate) fn connection(&self) -> Option<u32> {
        Some(self.0.passage.connection).filter(|connection| *connection > 0)
    }

    /// Returns the version of HTTP.
    pub(crate) fn protocol(&self) -> Protocol {
        self.0.passage.protocol
    }

    /// Returns the destination.
    pub(crate) fn to(&self) -> Destination {
        self.0.to()
    }

    /// Returns the method.
    pub(crate) fn method(&self) -> &Method {
        &self.0.method
    }

    /// Returns path and query, or the URL of a call to a connector.
    pub(crate) fn target(&self) -> &str {
        self.0.texts.target()
    }

    /// Returns the headers of the request one after another.
    pub(crate) fn request_headers(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.0.texts.each_request_header()
    }

    /// Returns the body of the request.
    pub(crate) fn request_body(&self) -> &[u8] {
        self.0.texts.request_body()
    }

    /// Returns the status of the answer, if there was one.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns the headers of the answer one after another, without standard ones whose values are the same in all answers.
    pub(crate) fn response_headers(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        self.0.texts.each_varying_response_header()
    }

    /// Returns the body of the answer.
    pub(crate) fn response_body(&self) -> &[u8] {
        self.0.texts.response_body()
    }

    /// Returns the cause of the answer.
    pub(crate) fn decided(&self) -> &AnswerCause {
        &self.0.decided
    }

    /// Returns the change of an entity, if any.
    pub(crate) fn changed(&self) -> Option<&EntityChange> {
        self.0.changed.as_ref()
    }
}
