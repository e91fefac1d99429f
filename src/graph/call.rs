//! Steps of the pipeline that wait for something outside.

use std::fmt;

use super::heads::Heads;
use super::respond::Stamp;
use super::{Request, Step, answer_knowing};
use crate::connector::{Call, Failure, Made, Message, Outcome, Said, Verdict};
use crate::tenant::Tenant;

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
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct Reply {
    /// What Shifts makes of it.
    pub(super) verdict: Verdict,
    /// The call.
    pub(super) made: Made,
}

impl Reply {
    fn to(question: Question, outcome: Outcome) -> Reply {
        let verdict = question.said.judge(&outcome);
        let (headers, body) = question.message.map(|message| (message.headers, message.body)).unwrap_or_default();
        let made =
            Made { url: question.url, headers, plaintext: question.said.plaintext, body, outcome, verdict: verdict.to_string() };
        Reply { verdict, made }
    }
}

/// Waits for a connector, then answers the request once more.
pub(super) fn ask(tenant: &Tenant, request: &Request, stamp: &Stamp<'_>, question: Question) -> Step {
    let message = match &question.message {
        Ok(message) => message,
        Err(failure) => {
            let outcome = Outcome::Failed(*failure);
            return answer_knowing(tenant, request, stamp, Some(Reply::to(question, outcome)));
        }
    };
    let call = message.call(tenant.connectors.timeout);
    let (request, ids) = (request.clone(), stamp.ids());
    Step::Call(Pending::new(call, move |tenant, outcome| {
        let stamp = Stamp::again(tenant, Heads::of(&request.headers), &ids);
        answer_knowing(tenant, &request, &stamp, Some(Reply::to(question, outcome)))
    }))
}
