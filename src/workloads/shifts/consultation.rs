//! Consultation of a connector before a change is stored.

use std::sync::Arc;

use crate::policy::behavior::RepeatedCalls;
use crate::workloads::shifts::dialog::Dialog;
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::verdict::ConnectorVerdict;
use crate::world::World;
use crate::world::outbound::{CallFailure, CallOutcome, OutboundCall};
use crate::world::workload::{Consultation, Reply};

/// Dialog with a connector about one change.
#[derive(Debug)]
pub(super) struct ConnectorConsultation {
    dialog: Dialog,
    subject: Subject,
}

/// Subject of a consultation.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Handshake,
    /// Integration whose connector knows what may be chosen.
    Eligibility(Arc<str>),
    Approval(ApprovalSubject),
}

/// Entities and integration of an approval.
#[derive(Clone, Debug)]
pub(super) struct ApprovalSubject {
    /// Id of the integration whose connector is called.
    pub(super) integration: Arc<str>,
    /// Display name of the integration.
    pub(super) source: Box<str>,
    /// Methods and keys of the elements.
    pub(super) elements: Vec<(&'static str, Arc<str>)>,
}

impl ApprovalSubject {
    /// Returns the keys of new entities: they are stored under the keys that were approved.
    pub(super) fn created(&self) -> impl Iterator<Item = &Arc<str>> {
        self.elements.iter().filter(|(method, _)| *method == "POST").map(|(_, key)| key)
    }

    fn held_bytes(&self) -> usize {
        let keys: usize = self.elements.iter().map(|(_, key)| key.len() + size_of::<(&str, Arc<str>)>()).sum();
        keys + self.integration.len() + self.source.len()
    }
}

/// Result of a consultation.
#[derive(Debug)]
pub(super) struct ConnectorReply {
    pub(super) verdict: ConnectorVerdict,
    /// URL of the call, or as much of it as the integration has.
    pub(super) url: String,
    pub(super) subject: Subject,
}

impl ConnectorConsultation {
    pub(super) fn new(
        world: &World,
        endpoint: ConnectorEndpoint,
        message: OutboundMessage,
        retries: u32,
        subject: Subject,
    ) -> Box<ConnectorConsultation> {
        let keys = MessageKeys::from_bytes(&world.next_message_bytes());
        let dialog = Dialog::new(endpoint, message, world.behaviors.connector_content_type, retries, &keys);
        Box::new(ConnectorConsultation { dialog, subject })
    }

    /// Gives new entities new keys (behavior `repeated-calls`).
    fn renew_keys(&mut self, world: &World) {
        let Subject::Approval(subject) = &mut self.subject else { return };
        let mut renewed = Vec::new();
        for (_, key) in subject.elements.iter_mut().filter(|(method, _)| *method == "POST") {
            let prefix = key.split_once('_').map_or(String::new(), |(prefix, _)| format!("{prefix}_"));
            let new: Arc<str> = format!("{prefix}{}", world.next_entity_id()).into();
            renewed.push((std::mem::replace(key, new.clone()), new));
        }
        if !renewed.is_empty() {
            self.dialog.rename(&renewed, &MessageKeys::from_bytes(&world.next_message_bytes()));
        }
    }
}

impl Consultation for ConnectorConsultation {
    fn call(&self, world: &World) -> Result<OutboundCall, CallFailure> {
        self.dialog.call(&world.connectors)
    }

    fn held_bytes(&self) -> usize {
        let subject = match &self.subject {
            Subject::Handshake => 0,
            Subject::Eligibility(integration) => integration.len(),
            Subject::Approval(subject) => subject.held_bytes(),
        };
        subject + self.dialog.held_bytes()
    }

    fn conclude(&mut self, world: &World, outcome: CallOutcome) -> bool {
        let is_repeated = self.dialog.conclude(outcome);
        if is_repeated && world.behaviors.repeated_calls == RepeatedCalls::NewIds {
            self.renew_keys(world);
        }
        is_repeated
    }

    fn reply(self: Box<Self>) -> Reply {
        let ConnectorConsultation { dialog, subject } = *self;
        let (calls, verdict) = dialog.finish();
        let url = calls.last().map(|call| call.url.clone()).unwrap_or_default();
        let key = match &subject {
            Subject::Approval(subject) => subject.elements.first().map(|(_, key)| key).cloned(),
            Subject::Handshake | Subject::Eligibility(_) => None,
        };
        Reply { calls, key, result: Box::new(ConnectorReply { verdict, url, subject }) }
    }
}

impl ConnectorReply {
    /// Returns the result of a consultation of this workload.
    pub(super) fn of(reply: &Reply) -> Option<&ConnectorReply> {
        reply.result.downcast_ref()
    }

    /// Returns the connector's URL and the verdict.
    pub(super) fn detail(&self) -> String {
        let connector = if self.url.is_empty() { "the connector" } else { &self.url };
        format!("{connector}: {}", self.verdict)
    }
}
