//! Entries as they are read: as exchanges, with secrets redacted unless they are asked for.

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;

use super::draft::{BodyForm, Omissions};
use super::query::{Destination, path};
use super::ring::JournalEntry;
use super::{AnswerCause, EntityChange};
use crate::text::exchange::{self, Exchange};
use crate::text::redact::{REDACTED, Redactor};
use crate::world::clock;
use crate::world::name;

/// An entry as an exchange.
#[derive(Clone, Debug)]
pub struct JournalExchange {
    /// The number of the request in its world, from 1.
    pub number: u64,
    /// The time of the request on the world's clock.
    pub time: SystemTime,
    /// The request and its answer, with number, time and cause as comments.
    pub exchange: Exchange,
    /// The cause of the answer.
    pub decided: AnswerCause,
    /// The change of an entity, if any.
    pub changed: Option<EntityChange>,
}

/// The comment on a printed call to a connector.
pub(crate) const CALL: &str = "a call to a connector";

/// The comment on a printed request of a client that has taken the emulator for its proxy.
const VIA_PROXY: &str = "via the proxy";

/// The beginning of the comment on a printed request within a batch.
pub(crate) const IN_BATCH: &str = "in the batch ";

/// The treatment of secrets and tokens when a journal is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Redacted.
    Hidden,
    /// Readable.
    Shown,
}

impl JournalEntry {
    pub(super) fn to(&self) -> Destination {
        Destination::of(self.texts.target())
    }

    pub(super) fn path(&self) -> &str {
        path(self.texts.target())
    }

    pub(super) fn to_exchange(&self, secrets: Secrets) -> (JournalExchange, Redactor) {
        let exchange = self.exchange(secrets);
        let mut masker = Redactor::masking();
        let (exchange, decided) = match secrets {
            Secrets::Shown => (exchange, self.decided.clone()),
            Secrets::Hidden => {
                let hidden = masker.redact(&exchange);
                let detail = self.decided.detail.as_ref().map(|detail| masker.redact_text(detail).into());
                (hidden, AnswerCause { detail, ..self.decided.clone() })
            }
        };
        (JournalExchange { number: self.number, time: self.time, exchange, decided, changed: self.changed.clone() }, masker)
    }

    /// Returns what masks the secrets of the entry in other texts.
    pub(super) fn masker(&self) -> Redactor {
        let mut masker = Redactor::masking();
        masker.learn(&self.exchange(Secrets::Hidden));
        masker
    }

    /// Returns the entry as an exchange, with its secrets. Bodies in which they cannot be found are hidden unless they are shown.
    pub(super) fn exchange(&self, secrets: Secrets) -> Exchange {
        let (request_form, response_form) = self.texts.forms();
        let body = |bytes: &[u8], form: BodyForm| match form {
            // Its secrets cannot be found.
            BodyForm::Packed if secrets == Secrets::Hidden && !bytes.is_empty() => Bytes::from_static(REDACTED.as_bytes()),
            _ => Bytes::copy_from_slice(bytes),
        };
        let request = exchange::RecordedRequest {
            method: self.method.clone(),
            target: self.texts.target().to_owned(),
            headers: self.texts.request_headers(),
            body: body(self.texts.request_body(), request_form),
        };
        let response = self.status.map(|status| exchange::RecordedResponse {
            status,
            headers: self.texts.response_headers(),
            body: body(self.texts.response_body(), response_form),
        });
        Exchange { comments: self.comments(), request, response }
    }

    fn comments(&self) -> Vec<String> {
        let mut comments = vec![exchange::journal_comment(self.number, &clock::utc(self.time))];
        let AnswerCause { refused_by, detail, faults, ended_by, batch, cause: _, is_notification: _, is_proxied } = &self.decided;
        comments.extend((self.to() == Destination::Connector).then(|| CALL.to_owned()));
        comments.extend(batch.as_ref().map(|batch| format!("{IN_BATCH}{batch}")));
        comments.extend(is_proxied.then(|| VIA_PROXY.to_owned()));
        let stub = detail.as_ref().filter(|_| refused_by.is_none() && self.to() == Destination::Graph);
        comments.extend(stub.map(|place| format!("answered by the stub {place}")));
        let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        comments.extend(refused_by.map(|row| format!("refused by {row}{detail}")));
        comments.extend(faults.as_ref().map(|rules| format!("fault rules: {rules}")));
        comments.extend(ended_by.map(|ending| format!("ended by {ending}")));
        let (request_form, response_form) = self.texts.forms();
        let Omissions { full_lengths, entities } = self.texts.omissions();
        for (message, form, length) in [("request", request_form, full_lengths.0), ("response", response_form, full_lengths.1)] {
            comments.extend((form == BodyForm::Unpacked).then(|| format!("{message} body unpacked from gzip")));
            comments.extend(length.map(|length| format!("{message} body truncated, {length} bytes in full")));
        }
        for (time, size) in [("before", entities.0), ("after", entities.1)] {
            comments.extend(size.map(|size| format!("entity {time} left out, {size} bytes")));
        }
        comments
    }
}

/// Prints entries in the format of exchanges, without connection headers, which vary with the port and are wrong for another host, and
/// without the names of worlds.
pub fn print(entries: &[JournalExchange]) -> String {
    let exchanges: Vec<Exchange> = entries.iter().map(portable).collect();
    exchange::write(&exchanges)
}

/// Returns an entry as an exchange without connection headers and without the name of its world, so that it is the same in each world of a
/// seed, and can be sent to another one.
pub(super) fn portable(entry: &JournalExchange) -> Exchange {
    let mut exchange = entry.exchange.clone();
    let request = &mut exchange.request;
    request.headers = portable_headers(std::mem::take(&mut request.headers));
    request.body = portable_body(std::mem::take(&mut request.body));
    if let Some(response) = &mut exchange.response {
        response.headers = portable_headers(std::mem::take(&mut response.headers));
        response.body = portable_body(std::mem::take(&mut response.body));
    }
    exchange
}

fn portable_headers(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut headers = exchange::without_connection(headers);
    headers.retain(|(header, _)| ![name::HEADER, name::FORMER_HEADER].iter().any(|name| header.eq_ignore_ascii_case(name)));
    for (_, value) in &mut headers {
        if let Cow::Owned(without) = name::without_worlds(value) {
            *value = without;
        }
    }
    headers
}

fn portable_body(body: Bytes) -> Bytes {
    match std::str::from_utf8(&body).map(name::without_worlds) {
        Ok(Cow::Owned(without)) => without.into(),
        _ => body,
    }
}
