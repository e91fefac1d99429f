//! The steps of the pipeline: an answer, or an outgoing call or a long computation that must come first.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Response;

use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::world::World;
use crate::world::fault::Hold;
use crate::world::fault::SlowBody;
use crate::world::journal::EntityChange;
use crate::world::outbound::{CallOutcome, CallRecord, OutboundCall};
use crate::world::outbox::Notification;

/// The next step of the pipeline.
#[derive(Debug)]
pub enum Step {
    /// The answer. Boxed: it is large and moved often.
    Done(Box<Answer>),
    /// An outgoing call; the pipeline resumes with its outcome.
    Call(Box<Pending>),
    /// A computation that takes too long for a thread that serves other clients; the pipeline resumes on another one.
    Compute(Box<Computation>),
}

/// An answer and its delivery.
#[derive(Debug)]
pub struct Answer {
    /// Status, headers and body.
    pub response: Response<Bytes>,
    /// The delay and the form of the delivery.
    pub delivery: Delivery,
    /// The bytes that the body keeps in memory, if they are more than its own.
    pub(crate) kept_bytes: usize,
    /// The hold on the answer, if a fault rule has one.
    pub(crate) held_by: Option<Hold>,
    /// The refusal, if the request was refused.
    pub refused: Option<Error>,
    /// The code and the message of an error of the control API, for the log.
    pub(crate) control_refusal: Option<(&'static str, String)>,
    /// File and line of the stub that answers.
    pub(crate) stub: Option<String>,
    /// The names of the fault rules that applied.
    pub applied_rules: Option<String>,
    /// The members of the body that a behavior skipped, as JSON paths, and the headers.
    pub skipped: Vec<String>,
    /// The refused requests of a batch: their indexes, and the refusals.
    pub refused_items: Vec<(usize, Error)>,
    /// The outgoing calls on which the answer depends.
    pub calls: Vec<CallRecord>,
    /// The notifications that the request has caused, to be sent after the answer. Without any, but not `None`: subscriptions have changed.
    pub notifications: Option<Vec<Notification>>,
    /// The change of an entity, until it is in the journal.
    pub(super) change: Option<EntityChange>,
    /// Whether the response has the standard headers and no others.
    pub(super) has_standard_headers: bool,
    /// The bytes of the buffer of the body, if it was written for this answer alone and stays as it is.
    pub(super) body_capacity: Option<usize>,
}

/// The delivery of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The time before the first byte.
    pub delay: Duration,
    /// The part of it that arrives.
    pub form: DeliveryForm,
}

/// The part of an answer that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryForm {
    /// All of it.
    Whole,
    /// All of it, the body in pieces.
    Slow(SlowBody),
    /// Up to this many bytes of the body; then the connection ends.
    CutShort(usize),
    /// Nothing: the connection ends.
    Reset,
    /// Nothing: the connection stays open without an answer.
    Silence,
}

impl Delivery {
    /// The whole answer, without delay.
    pub const AT_ONCE: Delivery = Delivery { delay: Duration::ZERO, form: DeliveryForm::Whole };
}

impl Answer {
    /// Returns an answer that is delivered whole and at once.
    pub fn of(response: Response<Bytes>) -> Answer {
        Answer {
            response,
            delivery: Delivery::AT_ONCE,
            kept_bytes: 0,
            held_by: None,
            stub: None,
            refused: None,
            control_refusal: None,
            applied_rules: None,
            skipped: Vec::new(),
            refused_items: Vec::new(),
            calls: Vec::new(),
            notifications: None,
            change: None,
            has_standard_headers: false,
            body_capacity: None,
        }
    }
}

type Resume = Box<dyn FnOnce(&World, CallOutcome) -> Step + Send>;

/// A request that waits for the outcome of a call.
pub struct Pending {
    /// The call.
    pub call: OutboundCall,
    /// Whether nothing of the request is done yet, so that it can be refused as a whole.
    pub is_first: bool,
    /// Estimate of the bytes that it holds beside the request and the call.
    pub held: usize,
    resume: Resume,
}

impl Pending {
    /// Returns a request that waits for this call and resumes with its outcome.
    pub fn new(call: OutboundCall, resume: impl FnOnce(&World, CallOutcome) -> Step + Send + 'static) -> Box<Pending> {
        Box::new(Pending { call, is_first: true, held: 0, resume: Box::new(resume) })
    }

    /// Returns the same request, of which a part is done.
    pub(super) fn after_others(self) -> Box<Pending> {
        Box::new(Pending { is_first: false, ..self })
    }

    /// Returns the same request, which holds this many bytes more.
    pub(super) fn holding(self, bytes: usize) -> Box<Pending> {
        Box::new(Pending { held: self.held + bytes, ..self })
    }

    /// Returns the bytes that it holds beside the request.
    pub(super) fn bytes(&self) -> usize {
        self.held + self.call.message_bytes()
    }

    /// Returns the same request, with a continuation that takes the resulting step.
    pub(crate) fn then(self, then: impl FnOnce(&World, Step) -> Step + Send + 'static) -> Box<Pending> {
        let Pending { call, is_first, held, resume } = self;
        let resume = Box::new(move |world: &World, outcome| then(world, resume(world, outcome)));
        Box::new(Pending { call, is_first, held, resume })
    }

    /// Resumes with the outcome of the call.
    pub fn resume(self, world: &World, outcome: CallOutcome) -> Step {
        (self.resume)(world, outcome)
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("call", &self.call).finish_non_exhaustive()
    }
}

type Compute = Box<dyn FnOnce(&World, &Purse) -> Step + Send>;

/// A request that needs a long computation.
pub struct Computation {
    compute: Compute,
    /// The purse that pays for it; `None` until the request, or the batch that it is in, hands it over.
    purse: Option<Purse>,
}

impl Computation {
    /// Returns the step of a request that resumes with a function, which pays from the purse of the request.
    pub(super) fn step(compute: impl FnOnce(&World, &Purse) -> Step + Send + 'static) -> Step {
        Step::Compute(Box::new(Computation { compute: Box::new(compute), purse: None }))
    }

    /// Returns the step of the same request, with a continuation that takes the resulting step.
    pub(crate) fn then(self, then: impl FnOnce(&World, Step) -> Step + Send + 'static) -> Step {
        let Computation { compute, purse } = self;
        Step::Compute(Box::new(Computation { compute: Box::new(move |world, purse| then(world, compute(world, purse))), purse }))
    }

    /// Computes as a part of a batch, which pays.
    pub(super) fn run_with(self, world: &World, purse: &Purse) -> Step {
        (self.compute)(world, purse)
    }

    /// Computes, on a thread that can spare about a second.
    pub fn run(self, world: &World) -> Step {
        let purse = self.purse.unwrap_or_else(Purse::whole);
        purse.open();
        (self.compute)(world, &purse)
    }
}

impl Step {
    /// Returns the step with a change of an answer that is ready.
    pub(crate) fn map_done(self, change: impl FnOnce(Answer) -> Answer) -> Step {
        match self {
            Step::Done(answer) => Step::Done(Box::new(change(*answer))),
            other => other,
        }
    }

    /// Returns the step with a function that changes its answer.
    pub(super) fn map_answer(self, change: fn(Answer) -> Answer) -> Step {
        match self {
            Step::Done(answer) => Step::Done(Box::new(change(*answer))),
            Step::Call(pending) => Step::Call(pending.then(move |_, step| step.map_answer(change))),
            Step::Compute(computation) => computation.then(move |_, step| step.map_answer(change)),
        }
    }

    /// Returns the step with the purse that pays for the rest of it.
    pub(super) fn with_purse(self, purse: Purse) -> Step {
        match self {
            Step::Compute(computation) => Step::Compute(Box::new(Computation { purse: Some(purse), ..*computation })),
            other => other,
        }
    }
}

impl fmt::Debug for Computation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computation").field("purse", &self.purse).finish_non_exhaustive()
    }
}
