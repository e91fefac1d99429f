//! What the journal is told of a request and its answer.

use super::respond::{Change, Stamp};
use super::{Answer, Body, Form, Request};
use crate::journal::{Decided, Record};
use crate::tenant::Tenant;

/// Writes a request and its answer into the journal of the tenant.
pub(super) fn record(tenant: &Tenant, request: &Request, stamp: &Stamp<'_>, answer: &Answer, change: Change) {
    if !tenant.journal.is_on() {
        return;
    }
    let (ended_by, is_answered) = match answer.delivery.form {
        Form::Whole | Form::Slow(_) => (None, true),
        Form::CutShort(_) => (Some("a cut within the body"), true),
        Form::Reset => (Some("a reset without an answer"), false),
        Form::Silence => (Some("silence"), false),
    };
    let refused = answer.refused.as_ref().filter(|_| is_answered);
    let decided = Decided {
        refused_by: refused.map(|error| error.refusal.name),
        detail: refused.and_then(|error| error.detail.as_deref()).map(Box::from),
        faults: answer.struck.as_deref().map(Box::from),
        ended_by,
        batch: None,
    };
    tenant.journal.record(Record {
        time: stamp.now,
        method: &request.method,
        target: request.path_and_query(),
        request_headers: &request.headers,
        request_body: match &request.body {
            Body::Whole(body) => body,
            Body::TooLarge => b"",
        },
        status: is_answered.then(|| answer.response.status()),
        response_headers: answer.response.headers(),
        response_body: answer.response.body(),
        decided,
        before: change.before,
        after: change.after,
    });
}
