//! Scenarios: acts of people in a schedule, with expectations, as one test of a connector.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::edge::control::acts;
use crate::edge::outgoing::make_call;
use crate::edm::date_time::DateTimeOffset;
use crate::graph::step::Step;
use crate::policy::behavior::{Behaviors, UpdateCalls};
use crate::text::charset::Charset;
use crate::text::json;
use crate::workloads::shifts::act::Act;
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::world::World;
use crate::world::fixture;
use crate::world::settings::{Connectors, Settings};

/// Ready-made scenarios.
const FLOWS: &str = include_str!("scenario/flows.json");

/// Scenario: steps that follow each other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Scenario {
    /// Name.
    pub name: String,
    steps: Vec<ScenarioStep>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScenarioStep {
    /// Act, with `{{name}}` for the value of a variable.
    act: Value,
    /// Variable that gets the id of the new entity.
    save: Option<String>,
    #[serde(default)]
    expect: Expected,
}

/// Expectation about an act.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Expected {
    /// Whether the act takes place; default true.
    is_done: Option<bool>,
    /// Methods and entity types of the elements that the connector is sent.
    elements: Option<Vec<String>>,
    /// Number of items that are changed.
    changes: Option<usize>,
    /// Text in the refusal.
    refusal: Option<String>,
}

/// Result of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct ScenarioResult {
    /// Name of the scenario.
    pub name: String,
    /// Rating.
    pub rating: ScenarioRating,
    /// Number of steps that took place as expected.
    pub steps: usize,
    /// Notes, and the reason of a failure.
    pub notes: Vec<String>,
}

/// Rating of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScenarioRating {
    /// All steps took place as expected, and the connector has decided each.
    Passed,
    /// All steps took place as expected, but the connector has acknowledged some without deciding.
    Undecided,
    /// All steps took place as expected, but the connector was not called, because of their refusals or of behaviors such as `update-calls=off`.
    Uncalled,
    /// A step did not take place as expected.
    Failed,
}

/// Ids of people and of the team in scenarios. A connector may know its own only.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    /// Team.
    pub team: String,
    /// Worker.
    pub worker: String,
    /// Colleague of the worker.
    pub colleague: String,
    /// Shift of the worker that the connector knows already; without it, a scenario adds its own.
    pub shift: Option<KnownShift>,
}

/// Shift that a connector knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownShift {
    id: String,
    start: String,
    end: String,
}

/// Times of shifts without others.
const TIMES: (&str, &str) = ("2026-12-11T14:00:00Z", "2026-12-11T22:00:00Z");

impl FromStr for KnownShift {
    type Err = String;

    /// Reads `ID`, or `ID,START,END`.
    fn from_str(text: &str) -> Result<KnownShift, String> {
        let parts: Vec<&str> = text.split(',').collect();
        let (id, start, end) = match parts[..] {
            [id] => (id, TIMES.0, TIMES.1),
            [id, start, end] => (id, start, end),
            _ => return Err("expected ID or ID,START,END".to_owned()),
        };
        if let Some(time) = [start, end].into_iter().find(|time| DateTimeOffset::parse(time).is_none()) {
            return Err(format!("invalid time '{}', expected one such as {}", time.escape_debug(), TIMES.0));
        }
        Ok(KnownShift { id: id.to_owned(), start: start.to_owned(), end: end.to_owned() })
    }
}

impl Scenario {
    /// Whether a shift that the connector knows can take the place of one that it adds. A shift is used once: most scenarios delete it.
    pub(crate) fn takes_known_shift(&self) -> bool {
        self.steps.iter().any(|step| step.save.as_deref() == Some("shift"))
    }
}

/// Returns the ready-made scenarios.
pub(crate) fn flows() -> Vec<Scenario> {
    json::read_text(FLOWS).unwrap_or_default()
}

/// Reads a file with one scenario or several.
///
/// # Errors
///
/// Fails with a message for people.
pub(crate) fn read(path: &Path) -> Result<Vec<Scenario>, String> {
    let problem = |reason: String| format!("{}: {reason}", path.display());
    let text = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    let text = Charset::utf8(text).map_err(problem)?;
    let text = String::from_utf8(text).map_err(|_| problem("invalid UTF-8".to_owned()))?;
    let is_list = text.trim_start().starts_with('[');
    let read = if is_list { json::read_text(&text) } else { json::read_text(&text).map(|scenario| vec![scenario]) };
    read.map_err(|error| problem(error.to_string()))
}

/// Plays a scenario in a world of its own, with these behaviors, whose schedule is bound to a connector.
pub(crate) async fn play(
    scenario: &Scenario,
    endpoint: &ConnectorEndpoint,
    connectors: &Connectors,
    behaviors: &Behaviors,
    cast: &Cast,
) -> ScenarioResult {
    let mut result = ScenarioResult { name: scenario.name.clone(), rating: ScenarioRating::Passed, steps: 0, notes: Vec::new() };
    let world = match stage(endpoint, connectors, behaviors, cast) {
        Ok(world) => Arc::new(world),
        Err(problem) => return ScenarioResult { rating: ScenarioRating::Failed, notes: vec![problem], ..result },
    };
    let mut variables = BTreeMap::from([
        ("team".to_owned(), cast.team.clone()),
        ("worker".to_owned(), cast.worker.clone()),
        ("colleague".to_owned(), cast.colleague.clone()),
        ("start".to_owned(), cast.shift.as_ref().map_or(TIMES.0, |shift| &shift.start).to_owned()),
        ("manager".to_owned(), MANAGER.to_owned()),
        ("reason".to_owned(), REASON.to_owned()),
    ]);
    let is_called = behaviors.update_calls != UpdateCalls::Off;
    let mut is_sent = false;
    for (index, step) in scenario.steps.iter().enumerate() {
        // The shift that the connector knows takes the place of the first that is added for the worker.
        if let (Some(known), Some("shift")) = (&cast.shift, step.save.as_deref()) {
            variables.insert("shift".to_owned(), known.id.clone());
            continue;
        }
        let report = perform(&world, connectors, step, &variables).await;
        let problem =
            report.as_ref().map_or_else(|problem| Some(problem.clone()), |report| step.expect.problem(report, is_called));
        if let Some(problem) = problem {
            let verb = step.act.get("do").and_then(Value::as_str).unwrap_or("act");
            result.notes.push(format!("step {}, {verb}: {problem}", index + 1));
            return ScenarioResult { rating: ScenarioRating::Failed, ..result };
        }
        let report = report.unwrap_or_default();
        if let (Some(name), Some(id)) = (&step.save, report["answer"]["id"].as_str()) {
            variables.insert(name.clone(), id.to_owned());
        }
        let calls = || report["calls"].as_array().into_iter().flatten();
        is_sent |= calls().any(|call| call["elements"].as_array().is_some_and(|elements| !elements.is_empty()));
        let mut verdicts = calls().filter_map(|call| call["verdict"].as_str());
        if let Some(verdict) = verdicts.find(|verdict| verdict.contains("approved implicitly")) {
            result.notes.push(format!("step {}: {verdict}", index + 1));
            result.rating = ScenarioRating::Undecided;
        }
        result.steps += 1;
    }
    if result.rating == ScenarioRating::Passed && result.steps > 0 && !is_sent {
        result.rating = ScenarioRating::Uncalled;
    }
    result
}

impl Expected {
    /// Returns the difference between a report and the expectation. Without calls, no elements are sent.
    fn problem(&self, report: &Value, is_called: bool) -> Option<String> {
        let is_done = report["isDone"] == Value::Bool(true);
        let refusal = report["refusal"].as_str().unwrap_or_default();
        if is_done != self.is_done.unwrap_or(true) {
            return Some(if is_done { "done, expected a refusal".to_owned() } else { format!("refused: {refusal}") });
        }
        if let Some(expected) = self.refusal.as_deref().filter(|expected| !refusal.contains(*expected)) {
            return Some(format!("refused with {refusal:?}, expected {expected:?}"));
        }
        let elements = report["calls"].as_array().and_then(|calls| calls.last()).map(|call| &call["elements"]);
        let outline: Vec<String> = elements
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|element| {
                let segment = element["url"].as_str().unwrap_or_default().split('/').nth(1).unwrap_or_default().to_owned();
                format!("{} {segment}", element["method"].as_str().unwrap_or_default())
            })
            .collect();
        if let Some(expected) = self.elements.as_ref().filter(|expected| is_called && **expected != outline) {
            return Some(format!("sent [{}], expected [{}]", outline.join(", "), expected.join(", ")));
        }
        let changes = report["changes"].as_array().map_or(0, Vec::len);
        let expected = self.changes.filter(|expected| *expected != changes)?;
        Some(format!("changed {changes} items, expected {expected}"))
    }
}

async fn perform(
    world: &Arc<World>,
    connectors: &Connectors,
    step: &ScenarioStep,
    variables: &BTreeMap<String, String>,
) -> Result<Value, String> {
    let act: Act =
        json::read_text(&filled(&step.act, variables)?.to_string()).map_err(|error| format!("invalid act: {error}"))?;
    let mut next = acts::perform(world, &act)?;
    loop {
        next = match next {
            Step::Done(answer) => {
                return serde_json::from_slice::<Value>(answer.response.body()).map_err(|error| error.to_string());
            }
            Step::Call(pending) => {
                let outcome = make_call(&pending.call, connectors).await;
                pending.resume(world, outcome)
            }
            Step::Compute(computation) => computation.run(world),
        };
    }
}

/// Returns an act with the values of its variables.
fn filled(act: &Value, variables: &BTreeMap<String, String>) -> Result<Value, String> {
    Ok(match act {
        Value::String(text) => {
            let mut text = text.clone();
            for (name, value) in variables {
                text = text.replace(&format!("{{{{{name}}}}}"), value);
            }
            match text.split_once("{{").and_then(|(_, rest)| rest.split_once("}}")) {
                Some((name, _)) => return Err(format!("unknown variable '{name}' (known: {})", known(variables))),
                None => text.into(),
            }
        }
        Value::Array(items) => items.iter().map(|item| filled(item, variables)).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Object(members) => {
            let mut object = serde_json::Map::new();
            for (name, value) in members {
                object.insert(name.clone(), filled(value, variables)?);
            }
            object.into()
        }
        other => other.clone(),
    })
}

fn known(variables: &BTreeMap<String, String>) -> String {
    variables.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Colleague without another one.
pub(crate) const COLLEAGUE: &str = "5e2b51ac-dc47-4a66-83ea-1bbbf81ac029";
const MANAGER: &str = "366c0b19-49b1-41b5-a03f-9f3887bd0ed8";
const REASON: &str = "TOR_891045ca-b5d2-406b-aa06-a3c8921245d7";
const GROUP: &str = "TAG_228940ed-ff84-4e25-b129-1b395cf78be0";
const INTEGRATION: &str = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// Returns a world with a team of three, a schedule, and an integration that supports all entities.
fn stage(endpoint: &ConnectorEndpoint, connectors: &Connectors, behaviors: &Behaviors, cast: &Cast) -> Result<World, String> {
    let person =
        |id: &str, name: &str| json!({ "id": id, "displayName": name, "userPrincipalName": format!("{name}@contoso.com") });
    let member = |id: &str, roles: &[&str]| json!({ "@odata.type": "#microsoft.graph.aadUserConversationMember", "id": format!("member-{id}"), "userId": id, "roles": roles });
    let shift = |KnownShift { id, start, end }: &KnownShift| {
        let item = json!({ "startDateTime": start, "endDateTime": end, "theme": "blue" });
        json!({ "id": id, "userId": cast.worker, "schedulingGroupId": GROUP, "isStagedForDeletion": false, "sharedShift": item })
    };
    let integration = json!({
        "id": INTEGRATION,
        "displayName": "Connector",
        "apiVersion": endpoint.api_version,
        "isActive": true,
        "url": endpoint.url.as_deref(),
        "encryption": { "protocol": "sharedSecret", "secret": endpoint.secret.as_deref() },
        "supportedEntities":
            "shift,swapRequest,userShiftPreferences,openShift,openShiftRequest,offerShiftRequest,timeOff,timeOffReason,timeOffRequest",
    });
    let schedule = json!({
        "id": cast.team,
        "enabled": true,
        "timeZone": "Europe/London",
        "provisionStatus": "Completed",
        "workforceIntegrationIds": [INTEGRATION],
        "schedulingGroups":
            [{ "id": GROUP, "displayName": "All", "isActive": true, "userIds": [cast.worker, cast.colleague, MANAGER] }],
        "timeOffReasons": [{ "id": REASON, "displayName": "Vacation", "iconType": "plane", "isActive": true }],
        "shifts": cast.shift.iter().map(shift).collect::<Vec<_>>(),
    });
    let tree = json!({
        "users": [person(&cast.worker, "Alice"), person(&cast.colleague, "Carol"), person(MANAGER, "Bob")],
        "teams": [{
            "id": cast.team,
            "displayName": "Team",
            "schedule": schedule,
            "members": [member(&cast.worker, &[]), member(&cast.colleague, &[]), member(MANAGER, &["owner"])],
        }],
        "teamwork": { "workforceIntegrations": [integration] },
    });
    let mut settings: Settings = crate::workloads::settings();
    settings.entities =
        fixture::read(&settings.schema, behaviors, "state", tree.to_string().as_bytes()).map_err(|error| error.to_string())?;
    settings.behaviors = behaviors.clone();
    settings.connectors = connectors.clone();
    Ok(World::new(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_shift_has_an_id_and_perhaps_times() {
        let read = |text: &str| text.parse::<KnownShift>().map(|KnownShift { id, start, end }| format!("{id} {start} {end}"));
        assert_eq!(read("SHFT_1").unwrap(), "SHFT_1 2026-12-11T14:00:00Z 2026-12-11T22:00:00Z");
        let times = "2027-01-01T08:00:00Z,2027-01-01T16:00:00Z";
        assert_eq!(read(&format!("SHFT_1,{times}")).unwrap(), format!("SHFT_1 {}", times.replace(',', " ")));
        assert_eq!(read("SHFT_1,x"), Err("expected ID or ID,START,END".to_owned()));
        assert_eq!(read("SHFT_1,8,16"), Err("invalid time '8', expected one such as 2026-12-11T14:00:00Z".to_owned()));
    }

    #[test]
    fn four_ready_made_scenarios_take_a_known_shift() {
        assert_eq!(flows().iter().filter(|scenario| scenario.takes_known_shift()).count(), 4);
    }
}
