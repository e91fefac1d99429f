//! Acts of the people in a schedule: each is carried out, with the call to the connector, and reported.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::edge::control::call::ControlCall;
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::entra::access_token::{Grant, Proof, TokenSubject, TokenVersion, access_token};
use crate::entra::token::{GRAPH, LIFETIME, Validity};
use crate::entra::user::account;
use crate::graph::pipeline;
use crate::graph::request::{Body, Request, Via};
use crate::graph::step::{Answer, Pending, Step};
use crate::odata::error::Error;
use crate::policy::permissions;
use crate::text::json;
use crate::workloads::shifts::act::{self, Act, ActRequest, Assignment, Prepared};
use crate::workloads::shifts::dialog::Dialog;
use crate::workloads::shifts::envelope::MessageKeys;
use crate::world::World;
use crate::world::outbound::{CallOutcome, CallRecord};
use crate::world::workload::{Consultation, Reply};

/// Client id of the application that people act with.
const APPLICATION: &str = "00000000-0000-4000-8000-000000000002";

/// Carries out an act and reports it.
pub(super) fn perform_act(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let act: Act = call.read()?;
    let world = call.worlds.world(call.name)?;
    let world: Arc<World> = Arc::clone(&world);
    let step = match perform(&world, &act).map_err(ControlError::unusable)? {
        Step::Compute(computation) => computation.run(&world),
        step => step,
    };
    match step {
        Step::Call(pending) => Ok(ControlReply::pending(world, pending)),
        Step::Done(answer) => {
            let reply = ControlReply::ok(&serde_json::from_slice::<Value>(answer.response.body()).unwrap_or_default());
            Ok(ControlReply { notified: answer.notifications.map(|notifications| (world, notifications)), ..reply })
        }
        Step::Compute(_) => Err(ControlError::unusable("unfinished computation")),
    }
}

/// Returns the first step of an act. The body of the last answer is the report.
///
/// # Errors
///
/// Fails with a message for people if the act lacks something, or names what does not exist.
pub(crate) fn perform(world: &World, act: &Act) -> Result<Step, String> {
    let prepared = act::prepare(world, act)?;
    let mut report = Report { act: act.verb.name(), before: items(world), user: None, request: Value::Null };
    Ok(match prepared {
        Prepared::Request(request) => {
            report.user.clone_from(&request.user);
            report.request = json!({ "method": request.method.as_str(), "path": request.path, "body": request.body });
            wrap(world, pipeline::answer(world, &graph_request(world, &request)), report)
        }
        Prepared::Assign(assignment) => assign(world, assignment, None, Vec::new(), report),
        Prepared::Question(question) => {
            let (endpoint, message) = *question;
            let keys = MessageKeys::from_bytes(&world.next_message_bytes());
            ask(world, Dialog::new(endpoint, message, world.behaviors.connector_content_type, 0, &keys), report)
        }
    })
}

/// Returns the first step of an act in JSON.
///
/// # Errors
///
/// Fails as `perform` does, and for another form.
pub fn act_from_json(world: &World, act: &[u8]) -> Result<Step, String> {
    let act: Act = json::read(act).map_err(|error| error.to_string())?;
    perform(world, &act)
}

/// Report in the making.
struct Report {
    act: &'static str,
    before: BTreeMap<String, Value>,
    user: Option<String>,
    request: Value,
}

impl Report {
    /// Returns the answer with the report. Without a status, the act was no request to Graph.
    fn answer(
        self,
        world: &World,
        status: Option<StatusCode>,
        body: &Value,
        calls: &[CallRecord],
        refusal: Option<&str>,
    ) -> Step {
        let after = items(world);
        let mut changes = Vec::new();
        let paths: std::collections::BTreeSet<&String> = self.before.keys().chain(after.keys()).collect();
        for path in paths {
            let (old, new) = (self.before.get(path), after.get(path));
            if old != new {
                changes.push(json!({ "path": path, "before": old, "after": new }));
            }
        }
        let calls: Vec<Value> = calls.iter().map(call_json).collect();
        let is_done = refusal.is_none() && status.is_none_or(|status| status.is_success());
        let report = json!({
            "act": self.act,
            "as": self.user,
            "request": self.request,
            "isDone": is_done,
            "status": status.map(|status| status.as_u16()),
            "answer": body,
            "refusal": refusal,
            "calls": calls,
            "changes": changes,
        });
        Step::Done(Box::new(ControlReply::ok(&report).answer()))
    }
}

/// Returns the words of a refusal, with the details for the log.
fn reason(error: Error) -> String {
    match error.detail {
        Some(detail) => format!("{} ({detail})", error.message),
        None => error.message.into(),
    }
}

fn call_json(record: &CallRecord) -> Value {
    let (status, answer) = match &record.outcome {
        CallOutcome::Answered { status, body, .. } => (Some(status.as_u16()), Some(String::from_utf8_lossy(body))),
        CallOutcome::Failed(_) => (None, None),
    };
    let said: Value = serde_json::from_slice::<Value>(&record.plaintext).unwrap_or_default();
    json!({ "url": record.url, "elements": said["requests"], "status": status, "answer": answer, "verdict": record.verdict })
}

/// Returns the items of schedules by their paths.
fn items(world: &World) -> BTreeMap<String, Value> {
    act::state(world).into_iter().map(|listed| (listed.path, listed.entity)).collect()
}

/// Makes the last answer of a step the report.
fn wrap(world: &World, step: Step, report: Report) -> Step {
    match step {
        Step::Done(answer) => {
            let Answer { response, refused, calls, notifications, .. } = *answer;
            let body = serde_json::from_slice::<Value>(response.body()).unwrap_or_default();
            let refusal = refused.map(reason);
            let step = report.answer(world, Some(response.status()), &body, &calls, refusal.as_deref());
            step.map_done(|mut reported| {
                reported.notifications = notifications;
                reported
            })
        }
        Step::Call(pending) => Step::Call(pending.then(move |world, step| wrap(world, step, report))),
        Step::Compute(computation) => computation.then(move |world, step| wrap(world, step, report)),
    }
}

fn assign(world: &World, assignment: Assignment, reply: Option<Reply>, mut calls: Vec<CallRecord>, report: Report) -> Step {
    let outcome = act::assign(world, &assignment, reply.as_ref());
    if let Some(reply) = reply {
        reply.calls.iter().for_each(|call| crate::graph::journal::record_call(world, call));
        calls.extend(reply.calls);
    }
    match outcome {
        Ok(None) => report.answer(world, None, &Value::Null, &calls, None),
        // As for requests to Graph, a state that changes during each call is a conflict.
        Ok(Some(_)) if calls.len() >= 32 => {
            report.answer(world, None, &Value::Null, &calls, Some("The schedule was changed during each call."))
        }
        Ok(Some(consultation)) => consult(world, consultation, assignment, calls, report),
        Err(error) => report.answer(world, None, &Value::Null, &calls, Some(&reason(error))),
    }
}

fn consult(
    world: &World,
    mut consultation: Box<dyn Consultation>,
    assignment: Assignment,
    calls: Vec<CallRecord>,
    report: Report,
) -> Step {
    let call = consultation.call(world);
    let conclude = move |world: &World, outcome: CallOutcome| {
        if consultation.conclude(world, outcome) {
            return consult(world, consultation, assignment, calls, report);
        }
        assign(world, assignment, Some(consultation.reply()), calls, report)
    };
    match call {
        Ok(call) => Step::Call(Pending::new(call, conclude)),
        Err(failure) => conclude(world, CallOutcome::Failed(failure)),
    }
}

/// Asks the connector which ids are eligible.
fn ask(world: &World, mut dialog: Dialog, report: Report) -> Step {
    let call = dialog.call(&world.connectors);
    let conclude = move |world: &World, outcome: CallOutcome| {
        dialog.conclude(outcome);
        dialog.calls().last().into_iter().for_each(|record| crate::graph::journal::record_call(world, record));
        let (calls, verdict) = dialog.finish();
        let refusal = (!verdict.lets_pass()).then(|| verdict.to_string());
        report.answer(world, None, &Value::String(verdict.to_string()), &calls, refusal.as_deref())
    };
    match call {
        Ok(call) => Step::Call(Pending::new(call, conclude)),
        Err(failure) => conclude(world, CallOutcome::Failed(failure)),
    }
}

/// Returns a request to Graph in the name of a user.
fn graph_request(world: &World, request: &ActRequest) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    let user = request.user.as_deref().and_then(|user| account(world, Some(user)));
    if let Some(user) = user {
        let token = access_token(&Grant {
            audience: GRAPH,
            tenant_id: &world.directory.tenant_id,
            application: APPLICATION,
            application_name: None,
            proof: Proof::Nothing,
            subject: TokenSubject::User(&user, permissions::default_permissions(|row| row.delegated)),
            version: TokenVersion::Graph,
            validity: Validity::starting(world.clock.now(), LIFETIME),
            serial: "act",
            answers_challenges: false,
            more: Vec::new(),
        });
        if let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}")) {
            headers.insert(header::AUTHORIZATION, value);
        }
    }
    Request {
        method: request.method.clone(),
        target: request.path.parse().unwrap_or_default(),
        is_secure: false,
        via: Via::Direct,
        arrival: crate::world::journal::Arrival::default(),
        headers,
        body: Body::Whole(request.body.as_ref().map_or_else(Bytes::new, |body| body.to_string().into())),
    }
}
