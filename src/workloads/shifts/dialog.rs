//! Dialog with a connector: one message, its repetitions, and the verdict on the last answer.

use std::sync::Arc;

use crate::policy::behavior::ConnectorContentType;
use crate::workloads::shifts::endpoint::{ConnectorEndpoint, EncryptedMessage};
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::verdict::ConnectorVerdict;
use crate::world::outbound::{CallFailure, CallOutcome, CallRecord, OutboundCall};
use crate::world::settings::Connectors;

/// One message to a connector and its repetitions. The caller does the I/O: it takes a call from [`Dialog::call`], passes the outcome to
/// [`Dialog::conclude`], and repeats both while that returns true.
#[derive(Debug)]
pub(crate) struct Dialog {
    endpoint: ConnectorEndpoint,
    message: OutboundMessage,
    content_type: ConnectorContentType,
    retries: u32,
    encrypted: Result<EncryptedMessage, CallFailure>,
    verdict: Option<ConnectorVerdict>,
    calls: Vec<CallRecord>,
}

impl Dialog {
    /// Creates a dialog that repeats its call up to `retries` times after unusable answers.
    pub(crate) fn new(
        endpoint: ConnectorEndpoint,
        message: OutboundMessage,
        content_type: ConnectorContentType,
        retries: u32,
        keys: &MessageKeys,
    ) -> Dialog {
        let encrypted = message.encrypted_for(&endpoint, keys, content_type);
        Dialog { endpoint, message, content_type, retries, encrypted, verdict: None, calls: Vec::new() }
    }

    /// Encrypts the message again, with new keys.
    pub(crate) fn encrypt_again(&mut self, keys: &MessageKeys) {
        self.encrypted = self.message.encrypted_for(&self.endpoint, keys, self.content_type);
    }

    /// Gives the elements other ids, each for an old one, and encrypts the message again.
    pub(crate) fn rename(&mut self, ids: &[(Arc<str>, Arc<str>)], keys: &MessageKeys) {
        self.message.rename(ids);
        self.encrypt_again(keys);
    }

    /// Returns the next call.
    ///
    /// # Errors
    ///
    /// Fails if the integration's `url`, `apiVersion` or secret is missing or invalid.
    pub(crate) fn call(&self, connectors: &Connectors) -> Result<OutboundCall, CallFailure> {
        self.encrypted.as_ref().map(|encrypted| encrypted.call(connectors.timeout)).map_err(|failure| *failure)
    }

    /// Returns an estimate of the bytes that the dialog holds beside the messages.
    pub(crate) fn held_bytes(&self) -> usize {
        let ConnectorEndpoint { url, secret, display_name, .. } = &self.endpoint;
        // The URL is held once more, with the path of the call.
        let texts = [url, url, secret, display_name];
        texts.iter().filter_map(|text| text.as_deref()).map(str::len).sum::<usize>()
            + self.message.ids.iter().map(String::len).sum::<usize>()
    }

    /// Records the outcome of a call. Returns true if the call must be repeated.
    pub(crate) fn conclude(&mut self, outcome: CallOutcome) -> bool {
        let verdict = self.message.judge(&outcome);
        // A repetition cannot fix a message that could not be encrypted.
        let is_repeated = self.retries > 0 && self.encrypted.is_ok() && verdict.is_retried(self.message.purpose);
        self.retries = self.retries.saturating_sub(1);
        let (url, headers, body) = match &self.encrypted {
            Ok(encrypted) => (encrypted.url.to_string(), encrypted.headers.clone(), encrypted.body.clone()),
            Err(_) => (self.endpoint.redacted_url(), http::HeaderMap::new(), bytes::Bytes::new()),
        };
        let plaintext = self.message.plaintext.clone();
        self.calls.push(CallRecord {
            url,
            headers,
            plaintext,
            body,
            outcome,
            verdict: verdict.to_string(),
            is_notification: false,
        });
        self.verdict = Some(verdict);
        is_repeated
    }

    pub(crate) fn message(&self) -> &OutboundMessage {
        &self.message
    }

    pub(crate) fn calls(&self) -> &[CallRecord] {
        &self.calls
    }

    /// Returns the calls and the verdict on the last one.
    pub(crate) fn finish(self) -> (Vec<CallRecord>, ConnectorVerdict) {
        let unsent = || ConnectorVerdict::NoAnswer(CallFailure::NoClient);
        (self.calls, self.verdict.unwrap_or_else(unsent))
    }
}
