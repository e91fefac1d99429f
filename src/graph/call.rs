//! Steps of the pipeline that wait for something outside.

use std::fmt;
use std::sync::Arc;

use super::heads::RequestFacts;
use super::respond::{ResponseIds, ResponseMeta};
use super::{Request, Step, answer_knowing};
use crate::graph::outbound::{CallFailure, CallOutcome, CallRecord, OutboundCall};
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::{ConnectorEndpoint, ConnectorVerdict, Message, OutboundMessage};
use crate::world::World;

type Resume = Box<dyn FnOnce(&World, CallOutcome) -> Step + Send>;

/// A request that waits for the outcome of a call.
pub struct Pending {
    /// The call.
    pub call: OutboundCall,
    resume: Resume,
}

impl Pending {
    /// Returns a request that waits for this call and goes on with its outcome.
    pub fn new(call: OutboundCall, resume: impl FnOnce(&World, CallOutcome) -> Step + Send + 'static) -> Box<Pending> {
        Box::new(Pending { call, resume: Box::new(resume) })
    }

    /// Returns the same wait, behind which `then` goes on with the step that comes of it.
    pub(super) fn then(self, then: impl FnOnce(&World, Step) -> Step + Send + 'static) -> Box<Pending> {
        let Pending { call, resume } = self;
        Pending::new(call, move |world, outcome| then(world, resume(world, outcome)))
    }

    /// Goes on with the outcome of the call.
    pub fn resume(self, world: &World, outcome: CallOutcome) -> Step {
        (self.resume)(world, outcome)
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("call", &self.call).finish_non_exhaustive()
    }
}

/// What a connector is to be asked before a change is made.
#[derive(Debug)]
pub(super) struct ConnectorRequest {
    /// Where the question goes, as far as that is known.
    pub(super) url: String,
    /// What is said.
    pub(super) said: OutboundMessage,
    /// The question itself; nothing if it cannot be put.
    pub(super) message: Result<Message, CallFailure>,
    /// How often it is put again if the answer is of no use.
    pub(super) retries: usize,
    /// What is to be approved, if it is a change.
    pub(super) about: Option<ApprovalSubject>,
}

/// What a connector is asked to approve, and on whose behalf.
#[derive(Clone, Debug)]
pub(super) struct ApprovalSubject {
    /// The key of the entity, which a new one must have once it is approved.
    pub(super) key: Arc<str>,
    /// The id of the integration whose connector is asked.
    pub(super) integration: Arc<str>,
    /// The name of the integration.
    pub(super) source: Box<str>,
}

impl ConnectorRequest {
    /// Returns a question to the connector at an endpoint, which is put once.
    pub(super) fn to(world: &World, endpoint: &ConnectorEndpoint, said: OutboundMessage) -> ConnectorRequest {
        let keys = MessageKeys::from_bytes(&world.next_message_bytes());
        let message = said.to(endpoint, &keys, world.behaviors.connector_content_type);
        let url = message.as_ref().map_or_else(|_| endpoint.shown_url(), |message| message.url.to_string());
        ConnectorRequest { url, said, message, retries: 0, about: None }
    }

    /// Returns a call that put the question, with what came of it.
    fn made(&self, outcome: CallOutcome, verdict: &ConnectorVerdict) -> CallRecord {
        let (headers, body) =
            self.message.as_ref().map(|message| (message.headers.clone(), message.body.clone())).unwrap_or_default();
        let (url, plaintext) = (self.url.clone(), self.said.plaintext.clone());
        CallRecord { url, headers, plaintext, body, outcome, verdict: verdict.to_string() }
    }
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct ConnectorReply {
    /// What Shifts makes of it.
    pub(super) verdict: ConnectorVerdict,
    /// The calls.
    pub(super) made: Vec<CallRecord>,
    /// What was to be approved, if it was a change.
    pub(super) about: Option<ApprovalSubject>,
}

/// Waits for a connector, then answers the request once more. `made` are the calls that the request has caused before.
pub(super) fn ask(
    world: &World,
    request: &Request,
    stamp: &ResponseMeta<'_>,
    question: ConnectorRequest,
    mut made: Vec<CallRecord>,
) -> Step {
    match &question.message {
        Ok(message) => {
            let call = message.call(world.connectors.timeout);
            put(call, Asking { request: request.clone(), ids: stamp.ids(), question, made })
        }
        Err(failure) => {
            let outcome = CallOutcome::Failed(*failure);
            let verdict = question.said.judge(&outcome);
            made.push(question.made(outcome, &verdict));
            answer_knowing(world, request, stamp, Some(ConnectorReply { verdict, made, about: question.about }))
        }
    }
}

/// A request that waits for a connector.
struct Asking {
    request: Request,
    ids: ResponseIds,
    question: ConnectorRequest,
    made: Vec<CallRecord>,
}

fn put(call: OutboundCall, mut asking: Asking) -> Step {
    let again = call.clone();
    Step::Call(Pending::new(call, move |world, outcome| {
        let question = &asking.question;
        let verdict = question.said.judge(&outcome);
        let is_retried = question.retries > 0 && verdict.is_retried(question.said.purpose);
        asking.made.push(question.made(outcome, &verdict));
        if is_retried {
            asking.question.retries -= 1;
            return put(again, asking);
        }
        let Asking { request, ids, question, made } = asking;
        let stamp = ResponseMeta::again(world, RequestFacts::of(&request.headers), &ids);
        answer_knowing(world, &request, &stamp, Some(ConnectorReply { verdict, made, about: question.about }))
    }))
}
