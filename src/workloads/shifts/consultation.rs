//! The conversation on which a change depends.

use std::sync::Arc;

use crate::workloads::shifts::dialog::Dialog;
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::verdict::ConnectorVerdict;
use crate::world::World;
use crate::world::outbound::{CallFailure, CallOutcome, OutboundCall};
use crate::world::workload::{Consultation, Reply};

/// The conversation with a connector before a change is stored.
#[derive(Debug)]
pub(super) struct ConnectorConsultation {
    dialog: Dialog,
    subject: Option<ApprovalSubject>,
}

/// The change that a connector approves, and on whose behalf.
#[derive(Clone, Debug)]
pub(super) struct ApprovalSubject {
    /// The key of the entity, which a new one must have once it is approved.
    pub(super) key: Arc<str>,
    /// The id of the integration whose connector is asked.
    pub(super) integration: Arc<str>,
    /// The name of the integration.
    pub(super) source: Box<str>,
}

/// The result of a conversation.
#[derive(Debug)]
pub(super) struct ConnectorReply {
    pub(super) verdict: ConnectorVerdict,
    /// The address of the connector, as far as it is known.
    pub(super) url: String,
    /// The change that it was about; nothing for a handshake.
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

    fn conclude(&mut self, outcome: CallOutcome) -> bool {
        self.dialog.conclude(outcome)
    }

    fn reply(self: Box<Self>) -> Reply {
        let ConnectorConsultation { dialog, subject } = *self;
        let (calls, verdict) = dialog.finish();
        let url = calls.last().map(|call| call.url.clone()).unwrap_or_default();
        let key = subject.as_ref().map(|subject| subject.key.clone());
        Reply { calls, key, opinion: Box::new(ConnectorReply { verdict, url, subject }) }
    }
}

impl ConnectorReply {
    /// Returns what came of the consultation that this workload has asked for.
    pub(super) fn of(reply: &Reply) -> Option<&ConnectorReply> {
        reply.opinion.downcast_ref()
    }

    /// Returns the verdict with the connector's address.
    pub(super) fn detail(&self) -> String {
        let connector = if self.url.is_empty() { "the connector" } else { &self.url };
        format!("{connector}: {}", self.verdict)
    }
}
