//! Steps of the pipeline that wait for something outside.

use std::fmt;
use std::sync::Arc;

use super::heads::Heads;
use super::respond::{Ids, Stamp};
use super::{Request, Step, answer_knowing};
use crate::graph::outbound::{Call, Failure, Made, Outcome};
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::{Endpoint, Message, Said, Verdict};
use crate::world::Tenant;

type Resume = Box<dyn FnOnce(&Tenant, Outcome) -> Step + Send>;

/// A request that waits for the outcome of a call.
pub struct Pending {
    /// The call.
    pub call: Call,
    resume: Resume,
}

impl Pending {
    /// Returns a request that waits for this call and goes on with its outcome.
    pub fn new(call: Call, resume: impl FnOnce(&Tenant, Outcome) -> Step + Send + 'static) -> Box<Pending> {
        Box::new(Pending { call, resume: Box::new(resume) })
    }

    /// Returns the same wait, behind which `then` goes on with the step that comes of it.
    pub(super) fn then(self, then: impl FnOnce(&Tenant, Step) -> Step + Send + 'static) -> Box<Pending> {
        let Pending { call, resume } = self;
        Pending::new(call, move |tenant, outcome| then(tenant, resume(tenant, outcome)))
    }

    /// Goes on with the outcome of the call.
    pub fn resume(self, tenant: &Tenant, outcome: Outcome) -> Step {
        (self.resume)(tenant, outcome)
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("call", &self.call).finish_non_exhaustive()
    }
}

/// What a connector is to be asked before a change is made.
#[derive(Debug)]
pub(super) struct Question {
    /// Where the question goes, as far as that is known.
    pub(super) url: String,
    /// What is said.
    pub(super) said: Said,
    /// The question itself; nothing if it cannot be put.
    pub(super) message: Result<Message, Failure>,
    /// How often it is put again if the answer is of no use.
    pub(super) retries: usize,
    /// What is to be approved, if it is a change.
    pub(super) about: Option<About>,
}

/// What a connector is asked to approve, and on whose behalf.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// The key of the entity, which a new one must have once it is approved.
    pub(super) key: Arc<str>,
    /// The id of the integration whose connector is asked.
    pub(super) integration: Arc<str>,
    /// The name of the integration.
    pub(super) source: Box<str>,
}

impl Question {
    /// Returns a question to the connector at an endpoint, which is put once.
    pub(super) fn to(tenant: &Tenant, endpoint: &Endpoint, said: Said) -> Question {
        let keys = MessageKeys::from_bytes(&tenant.next_message_bytes());
        let message = said.to(endpoint, &keys, tenant.behaviors.connector_content_type);
        let url = message.as_ref().map_or_else(|_| endpoint.shown_url(), |message| message.url.to_string());
        Question { url, said, message, retries: 0, about: None }
    }

    /// Returns a call that put the question, with what came of it.
    fn made(&self, outcome: Outcome, verdict: &Verdict) -> Made {
        let (headers, body) =
            self.message.as_ref().map(|message| (message.headers.clone(), message.body.clone())).unwrap_or_default();
        let (url, plaintext) = (self.url.clone(), self.said.plaintext.clone());
        Made { url, headers, plaintext, body, outcome, verdict: verdict.to_string() }
    }
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct Reply {
    /// What Shifts makes of it.
    pub(super) verdict: Verdict,
    /// The calls.
    pub(super) made: Vec<Made>,
    /// What was to be approved, if it was a change.
    pub(super) about: Option<About>,
}

/// Waits for a connector, then answers the request once more. `made` are the calls that the request has caused before.
pub(super) fn ask(tenant: &Tenant, request: &Request, stamp: &Stamp<'_>, question: Question, mut made: Vec<Made>) -> Step {
    match &question.message {
        Ok(message) => {
            let call = message.call(tenant.connectors.timeout);
            put(call, Asking { request: request.clone(), ids: stamp.ids(), question, made })
        }
        Err(failure) => {
            let outcome = Outcome::Failed(*failure);
            let verdict = question.said.judge(&outcome);
            made.push(question.made(outcome, &verdict));
            answer_knowing(tenant, request, stamp, Some(Reply { verdict, made, about: question.about }))
        }
    }
}

/// A request that waits for a connector.
struct Asking {
    request: Request,
    ids: Ids,
    question: Question,
    made: Vec<Made>,
}

fn put(call: Call, mut asking: Asking) -> Step {
    let again = call.clone();
    Step::Call(Pending::new(call, move |tenant, outcome| {
        let question = &asking.question;
        let verdict = question.said.judge(&outcome);
        let is_retried = question.retries > 0 && verdict.is_retried(question.said.purpose);
        asking.made.push(question.made(outcome, &verdict));
        if is_retried {
            asking.question.retries -= 1;
            return put(again, asking);
        }
        let Asking { request, ids, question, made } = asking;
        let stamp = Stamp::again(tenant, Heads::of(&request.headers), &ids);
        answer_knowing(tenant, &request, &stamp, Some(Reply { verdict, made, about: question.about }))
    }))
}
