//! Consultation of a connector before a change is stored.

use std::sync::Arc;

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
    subject: Option<ApprovalSubject>,
}

/// Entity and integration of an approval.
#[derive(Clone, Debug)]
pub(super) struct ApprovalSubject {
    /// Key of the entity. A new entity is stored under the key that was approved.
    pub(super) key: Arc<str>,
    /// Id of the integration whose connector is called.
    pub(super) integration: Arc<str>,
    /// Display name of the integration.
    pub(super) source: Box<str>,
}

/// Result of a consultation.
#[derive(Debug)]
pub(super) struct ConnectorReply {
    pub(super) verdict: ConnectorVerdict,
    /// URL of the call, or as much of it as the integration has.
    pub(super) url: String,
    /// Subject of an approval; `None` for a handshake.
    pub(super) subject: Option<ApprovalSubject>,
}

impl ConnectorConsultation {
    pub(super) fn new(
        world: &World,
        endpoint: ConnectorEndpoint,
        message: OutboundMessage,
        retries: u32,
        subject: Option<ApprovalSubject>,
    ) -> Box<ConnectorConsultation> {
        let keys = MessageKeys::from_bytes(&world.next_message_bytes());
        let dialog = Dialog::new(endpoint, message, world.behaviors.connector_content_type, retries, &keys);
        Box::new(ConnectorConsultation { dialog, subject })
    }
}

impl Consultation for ConnectorConsultation {
    fn call(&self, world: &World) -> Result<OutboundCall, CallFailure> {
        self.dialog.call(&world.connectors)
    }

    fn held_bytes(&self) -> usize {
        let subject = self.subject.as_ref();
        subject.map_or(0, |subject| subject.key.len() + subject.integration.len() + subject.source.len())
            + self.dialog.held_bytes()
    }

    fn conclude(&mut self, outcome: CallOutcome) -> bool {
        self.dialog.conclude(outcome)
    }

    fn reply(self: Box<Self>) -> Reply {
        let ConnectorConsultation { dialog, subject } = *self;
        let (calls, verdict) = dialog.finish();
        let url = calls.last().map(|call| call.url.clone()).unwrap_or_default();
        let key = subject.as_ref().map(|subject| subject.key.clone());
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
