//! Steps of the pipeline that wait for something outside.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

use super::Step;
use crate::tenant::Tenant;

/// A call that must be made outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The address, with scheme and host.
    pub url: Uri,
    /// The headers, without those that follow from the rest.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was an answer.
    Answered {
        /// Its status.
        status: StatusCode,
        /// Its headers.
        headers: HeaderMap,
        /// Its body.
        body: Bytes,
    },
    /// There was none, for the reason of this name.
    Failed(&'static str),
}

type Resume = Box<dyn FnOnce(&Tenant, Outcome) -> Step + Send>;

/// A request that waits for the outcome of a call.
pub struct Pending {
    /// The call.
    pub call: Call,
    resume: Resume,
}

impl Pending {
    /// Returns a request that waits for this call and goes on with its outcome.
    pub fn new(call: Call, resume: impl FnOnce(&Tenant, Outcome) -> Step + Send + 'static) -> Pending {
        Pending { call, resume: Box::new(resume) }
    }

    /// Returns the same wait, behind which `then` goes on with the step that comes of it.
    pub(super) fn then(self, then: impl FnOnce(&Tenant, Step) -> Step + Send + 'static) -> Pending {
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
