//! The people of a schedule, played: an act of a worker or of a manager in the app, as the request to Graph that has its effect.

use std::sync::PoisonError;
use std::time::SystemTime;

use http::{HeaderMap, Method};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::schema::{Model, Version};
use crate::edm::segment::segments;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::workloads::shifts::access::{self, Operation};
use crate::workloads::shifts::approval::{self, Inquiry, Place};
use crate::workloads::shifts::calls;
use crate::workloads::shifts::consultation::ConnectorReply;
use crate::workloads::shifts::decisions::{self, Decision};
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::message::Requests;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::people::Actor;
use crate::workloads::shifts::plan::Plan;
use crate::workloads::shifts::proposal;
use crate::workloads::shifts::schedule::{Entry, Schedule};
use crate::world::World;
use crate::world::workload::{Consultation, Reply};

/// Act of a person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Act {
    /// Kind of act.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// Id of the user who acts; without it, the person whose part it is.
    #[serde(rename = "as")]
    pub actor: Option<String>,
    /// Id of the team, where nothing else names it.
    pub team: Option<String>,
    /// Shift that is given.
    pub from: Option<String>,
    /// Shift that is wanted in exchange.
    pub to: Option<String>,
    /// Request that is handled.
    pub request: Option<String>,
    /// Shift, open shift or time off.
    pub shift: Option<String>,
    /// Open shift.
    pub open_shift: Option<String>,
    /// Time-off reason.
    pub reason: Option<String>,
    /// Scheduling group of a new shift.
    pub group: Option<String>,
    /// User who gets a shift.
    pub user: Option<String>,
    /// Start of a time off, of a period, or of the changed shift.
    pub start: Option<String>,
    /// End, likewise.
    pub end: Option<String>,
    /// Message to the other side.
    pub message: Option<String>,
    /// Members of the changed shift.
    pub change: Option<Map<String, Value>>,
    /// Times of availability.
    pub availability: Option<Value>,
}

/// Kind of act.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verb {
    AddShift,
    AddOpenShift,
    RequestSwap,
    Offer,
    RequestOpenShift,
    RequestTimeOff,
    Accept,
    Approve,
    Decline,
    Cancel,
    Assign,
    Edit,
    Delete,
    Share,
    SetAvailability,
    SeeEligible,
}

/// Act that is ready to be carried out.
pub(crate) enum Prepared {
    /// Request to Graph.
    Request(ActRequest),
    /// Assignment of an open shift, for which Graph has no request.
    Assign(Assignment),
    /// Question to the connector about what may be chosen.
    Question(Box<(ConnectorEndpoint, OutboundMessage)>),
}

/// Request to Graph in the name of a user.
#[derive(Clone, Debug)]
pub(crate) struct ActRequest {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    pub user: Option<String>,
}

/// Assignment of an open shift to a user.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    schedule: EntityAddress,
    open_shift: String,
    user: String,
    actor: Option<String>,
    /// Time of the act.
    now: SystemTime,
}

const REQUESTS: [&str; 4] = ["swapShiftsChangeRequests", "offerShiftRequests", "openShiftChangeRequests", "timeOffRequests"];
const ITEMS: [&str; 3] = ["shifts", "openShifts", "timesOff"];

/// Returns the way to carry out an act.
///
/// # Errors
///
/// Fails with a message for people if the act lacks something, or names what does not exist.
pub(crate) fn prepare(world: &World, act: &Act) -> Result<Prepared, String> {
    let stage = Stage { world, model: world.schema.model(Version::V1), act };
    match act.verb {
        Verb::AddShift | Verb::AddOpenShift => stage.add(),
        Verb::RequestSwap => stage.request_swap(),
        Verb::Offer => stage.offer(),
        Verb::RequestOpenShift => stage.request_open_shift(),
        Verb::RequestTimeOff => stage.request_time_off(),
        Verb::Accept | Verb::Approve | Verb::Decline | Verb::Cancel => stage.handle(),
        Verb::Assign => stage.assign(),
        Verb::Edit => stage.edit(),
        Verb::Delete => stage.delete(),
        Verb::Share => stage.share(),
        Verb::SetAvailability => stage.set_availability(),
        Verb::SeeEligible => stage.see_eligible(),
    }
}

struct Stage<'a> {
    world: &'a World,
    model: &'a Model,
    act: &'a Act,
}

impl<'a> Stage<'a> {
    fn need<'t>(&self, name: &str, text: Option<&'t String>) -> Result<&'t str, String> {
        text.map(String::as_str)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("missing {name} for {}", self.act.verb.name()))
    }

    fn schedules(&self) -> Vec<Schedule<'a>> {
        let Some(root) = self.model.root("teams") else { return Vec::new() };
        let Some(navigation) = self.model.structured(root.target).navigation("schedule") else { return Vec::new() };
        let teams = CollectionAddress::from(root.set);
        let entities = self.world.store.list(&teams);
        let wanted = |key: &str| self.act.team.as_deref().is_none_or(|team| team == key);
        let schedule = |key: &str| {
            let collection = teams.within(&self.world.schema, key, navigation.set);
            Schedule::at(self.world, self.model, EntityAddress { collection, key: navigation.name.as_ref().into() })
        };
        let found = entities.iter().filter(|team| wanted(&team.key)).filter_map(|team| schedule(&team.key));
        found.filter(Schedule::exists).collect()
    }

    fn schedule(&self) -> Result<Schedule<'a>, String> {
        let mut all = self.schedules();
        match all.len() {
            1 => Ok(all.remove(0)),
            0 => Err("unknown schedule: create one with PUT /v1.0/teams/{id}/schedule".to_owned()),
            count => Err(format!("missing team: {count} teams have a schedule")),
        }
    }

    /// Finds an entity in the schedules, with the navigation property of its collection.
    fn find(&self, navigations: &[&'static str], key: &str) -> Result<(Schedule<'a>, &'static str, Entry<'a>), String> {
        let found = self.schedules().into_iter().find_map(|schedule| {
            navigations.iter().find_map(|name| schedule.find(name, key).map(|entry| (schedule.clone(), *name, entry)))
        });
        found.ok_or_else(|| format!("unknown id '{}' in {}", key.escape_debug(), navigations.join(", ")))
    }

    fn post(&self, schedule: &Schedule<'_>, collection: &str, user: Option<&str>, body: Value) -> Prepared {
        let mut body = body;
        if let Some(message) = &self.act.message {
            body["senderMessage"] = message.as_str().into();
        }
        let user = self.act.actor.as_deref().or(user).map(str::to_owned);
        if let Some(user) = &user {
            body["senderUserId"] = user.as_str().into();
        }
        let path = format!("{}/{collection}", path_of(schedule));
        Prepared::Request(ActRequest { method: Method::POST, path, body: Some(body), user })
    }

    /// Adds a shared shift, or an open shift with one slot.
    fn add(&self) -> Result<Prepared, String> {
        let schedule = self.schedule()?;
        let (start, end) = (self.need("start", self.act.start.as_ref())?, self.need("end", self.act.end.as_ref())?);
        let mut item = json!({ "startDateTime": start, "endDateTime": end, "theme": "blue" });
        for (name, value) in self.act.change.iter().flatten() {
            item[name] = value.clone();
        }
        let group = group_of(&schedule, self.act.user.as_deref());
        let group = self.act.group.clone().or(group).unwrap_or_else(|| "TAG_228940ed-ff84-4e25-b129-1b395cf78be0".to_owned());
        let (collection, body) = if self.act.verb == Verb::AddShift {
            let user = self.need("user", self.act.user.as_ref())?;
            ("shifts", json!({ "userId": user, "schedulingGroupId": group, "sharedShift": item }))
        } else {
            if item.get("openSlotCount").is_none() {
                item["openSlotCount"] = 1.into();
            }
            ("openShifts", json!({ "schedulingGroupId": group, "sharedOpenShift": item }))
        };
        let path = format!("{}/{collection}", path_of(&schedule));
        Ok(Prepared::Request(ActRequest { method: Method::POST, path, body: Some(body), user: self.as_manager(&schedule) }))
    }

    fn request_swap(&self) -> Result<Prepared, String> {
        let (from, to) = (self.need("from", self.act.from.as_ref())?, self.need("to", self.act.to.as_ref())?);
        let (schedule, _, shift) = self.find(&["shifts"], from)?;
        let body = json!({ "senderShiftId": from, "recipientShiftId": to });
        Ok(self.post(&schedule, "swapShiftsChangeRequests", shift.record.text("userId").as_deref(), body))
    }

    fn offer(&self) -> Result<Prepared, String> {
        let (from, user) = (self.need("from", self.act.from.as_ref())?, self.need("user", self.act.user.as_ref())?);
        let (schedule, _, shift) = self.find(&["shifts"], from)?;
        let body = json!({ "senderShiftId": from, "recipientUserId": user });
        Ok(self.post(&schedule, "offerShiftRequests", shift.record.text("userId").as_deref(), body))
    }

    fn request_open_shift(&self) -> Result<Prepared, String> {
        let open = self.need("openShift", self.act.open_shift.as_ref())?;
        self.need("as", self.act.actor.as_ref())?;
        let (schedule, _, _) = self.find(&["openShifts"], open)?;
        Ok(self.post(&schedule, "openShiftChangeRequests", None, json!({ "openShiftId": open })))
    }

    fn request_time_off(&self) -> Result<Prepared, String> {
        self.need("as", self.act.actor.as_ref())?;
        let (start, end) = (self.need("start", self.act.start.as_ref())?, self.need("end", self.act.end.as_ref())?);
        let reason = self.need("reason", self.act.reason.as_ref())?;
        let (schedule, _, _) = self.find(&["timeOffReasons"], reason)?;
        let body = json!({ "timeOffReasonId": reason, "startDateTime": start, "endDateTime": end });
        Ok(self.post(&schedule, "timeOffRequests", None, body))
    }

    /// Accepts, approves, declines or takes back a request.
    fn handle(&self) -> Result<Prepared, String> {
        let id = self.need("request", self.act.request.as_ref())?;
        let (schedule, collection, request) = self.find(&REQUESTS, id)?;
        let text = |name: &str| request.record.text(name).map(|text| text.to_string());
        let is_with_recipient = request.record.is("assignedTo", "recipient");
        let (user, action) = match self.act.verb {
            Verb::Accept if !is_with_recipient => {
                return Err(format!("unexpected accept: request {id} is not with its recipient"));
            }
            Verb::Accept => (text("recipientUserId"), Some("approve")),
            Verb::Cancel => (text("senderUserId"), None),
            verb => {
                let decider =
                    if is_with_recipient { text("recipientUserId") } else { schedule.manager().map(|id| id.to_string()) };
                (decider, Some(if verb == Verb::Approve { "approve" } else { "decline" }))
            }
        };
        let user = self.act.actor.clone().or(user);
        let path = format!("{}/{collection}/{id}", path_of(&schedule));
        let message = self.act.message.as_ref().map_or_else(|| json!({}), |message| json!({ "message": message }));
        Ok(Prepared::Request(match action {
            Some(action) => ActRequest { method: Method::POST, path: format!("{path}/{action}"), body: Some(message), user },
            None => ActRequest { method: Method::DELETE, path, body: None, user },
        }))
    }

    fn as_manager(&self, schedule: &Schedule<'_>) -> Option<String> {
        self.act.actor.clone().or_else(|| schedule.manager().map(|id| id.to_string()))
    }

    fn assign(&self) -> Result<Prepared, String> {
        let (open, user) = (self.need("openShift", self.act.open_shift.as_ref())?, self.need("user", self.act.user.as_ref())?);
        let (schedule, _, _) = self.find(&["openShifts"], open)?;
        Ok(Prepared::Assign(Assignment {
            schedule: schedule.address().clone(),
            open_shift: open.to_owned(),
            user: user.to_owned(),
            actor: self.as_manager(&schedule),
            now: self.world.clock.now(),
        }))
    }

    /// Changes the shared item of a shift, an open shift or a time off, and other members of it by name.
    fn edit(&self) -> Result<Prepared, String> {
        let id = self.need("shift", self.act.shift.as_ref())?;
        let (schedule, collection, entry) = self.find(&ITEMS, id)?;
        let mut body = approval::graph_json(self.model, entry.record.structured, &entry.address.key, entry.record.values());
        let suffix = match collection {
            "shifts" => "Shift",
            "openShifts" => "OpenShift",
            _ => "TimeOff",
        };
        let (shared, draft) = (format!("shared{suffix}"), format!("draft{suffix}"));
        let item = if body.get(&shared).is_some_and(Value::is_object) { shared } else { draft };
        for (name, text) in [("startDateTime", &self.act.start), ("endDateTime", &self.act.end)] {
            if let Some(text) = text {
                body[&item][name] = text.as_str().into();
            }
        }
        if let Some(user) = &self.act.user {
            body["userId"] = user.as_str().into();
        }
        for (name, value) in self.act.change.iter().flatten() {
            body[&item][name] = value.clone();
        }
        if let Some(members) = body.as_object_mut() {
            members.retain(|name, _| !["id", "createdDateTime", "lastModifiedDateTime", "lastModifiedBy"].contains(&&**name));
        }
        let path = format!("{}/{collection}/{id}", path_of(&schedule));
        Ok(Prepared::Request(ActRequest { method: Method::PUT, path, body: Some(body), user: self.as_manager(&schedule) }))
    }

    /// Deletes as the app does: the deletion is staged until the schedule is shared.
    fn delete(&self) -> Result<Prepared, String> {
        let id = self.need("shift", self.act.shift.as_ref())?;
        let (schedule, collection, _) = self.find(&ITEMS, id)?;
        let path = format!("{}/{collection}/{id}/stageForDeletion", path_of(&schedule));
        Ok(Prepared::Request(ActRequest { method: Method::POST, path, body: None, user: self.as_manager(&schedule) }))
    }

    fn share(&self) -> Result<Prepared, String> {
        let schedule = self.schedule()?;
        let start = self.need("start", self.act.start.as_ref())?;
        let mut body = json!({ "notifyTeam": true, "startDateTime": start });
        if let Some(end) = &self.act.end {
            body["endDateTime"] = end.as_str().into();
        }
        let path = format!("{}/share", path_of(&schedule));
        Ok(Prepared::Request(ActRequest { method: Method::POST, path, body: Some(body), user: self.as_manager(&schedule) }))
    }

    fn set_availability(&self) -> Result<Prepared, String> {
        let user = self.need("as", self.act.actor.as_ref())?;
        let availability = self.act.availability.clone().ok_or("missing availability for set-availability")?;
        let path = format!("/v1.0/users/{user}/settings/shiftPreferences");
        let body = Some(json!({ "availability": availability }));
        Ok(Prepared::Request(ActRequest { method: Method::PUT, path, body, user: Some(user.to_owned()) }))
    }

    fn see_eligible(&self) -> Result<Prepared, String> {
        let (schedule, element) = match &self.act.from {
            Some(from) => {
                let (schedule, _, shift) = self.find(&["shifts"], from)?;
                let period = proposal::month(&schedule, Some(shift));
                let element = calls::eligible_swaps(from, period, schedule.world.behaviors.eligibility_times);
                (schedule, element)
            }
            None => (self.schedule()?, calls::eligible_time_off_reasons(self.need("from or as", self.act.actor.as_ref())?)),
        };
        let integration = schedule.integration().ok_or("unbound schedule: set its workforceIntegrationIds")?;
        let message = OutboundMessage::read(schedule.team_id(), &Requests { requests: vec![element] });
        Ok(Prepared::Question(Box::new((integration.endpoint(), message))))
    }
}

impl Verb {
    /// All kinds of acts.
    pub(crate) const ALL: [Verb; 16] = [
        Verb::AddShift,
        Verb::AddOpenShift,
        Verb::RequestSwap,
        Verb::Offer,
        Verb::RequestOpenShift,
        Verb::RequestTimeOff,
        Verb::Accept,
        Verb::Approve,
        Verb::Decline,
        Verb::Cancel,
        Verb::Assign,
        Verb::Edit,
        Verb::Delete,
        Verb::Share,
        Verb::SetAvailability,
        Verb::SeeEligible,
    ];

    /// Returns the name in acts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verb::AddShift => "add-shift",
            Verb::AddOpenShift => "add-open-shift",
            Verb::RequestSwap => "request-swap",
            Verb::Offer => "offer",
            Verb::RequestOpenShift => "request-open-shift",
            Verb::RequestTimeOff => "request-time-off",
            Verb::Accept => "accept",
            Verb::Approve => "approve",
            Verb::Decline => "decline",
            Verb::Cancel => "cancel",
            Verb::Assign => "assign",
            Verb::Edit => "edit",
            Verb::Delete => "delete",
            Verb::Share => "share",
            Verb::SetAvailability => "set-availability",
            Verb::SeeEligible => "see-eligible",
        }
    }
}

/// Returns the id of the first active group that has a user, or else of the first group.
fn group_of(schedule: &Schedule<'_>, user: Option<&str>) -> Option<String> {
    let groups = schedule.list("schedulingGroups");
    let has_user = |group: &&Entry<'_>| {
        let users = group.record.texts("userIds");
        group.record.flag("isActive") && (users.is_empty() || users.iter().any(|own| Some(&**own) == user))
    };
    groups.iter().find(has_user).or(groups.first()).map(|group| group.address.key.to_string())
}

fn path_of(schedule: &Schedule<'_>) -> String {
    format!("/v1.0/teams/{}/schedule", schedule.team_id())
}

/// Assigns an open shift: asks the connector, then stores. Returns the call that must come first.
///
/// # Errors
///
/// Fails if the open shift has no open slot, or if the connector refuses.
pub(crate) fn assign(
    world: &World,
    assignment: &Assignment,
    reply: Option<&Reply>,
) -> Result<Option<Box<dyn Consultation>>, Error> {
    let model = world.schema.model(Version::V1);
    let internal = || Error::new(&refusal::INTERNAL, &[]);
    let schedule = Schedule::at(world, model, assignment.schedule.clone()).ok_or_else(internal)?;
    // Held until all is stored.
    let _alone = world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
    let headers = HeaderMap::new();
    let actor = match &assignment.actor {
        Some(user) => Actor::user(&schedule, user, None),
        None => Actor::of(&schedule, &headers),
    };
    access::check_role(&schedule, &actor, "openShift", Operation::Call("assign"))?;
    let open = schedule.find("openShifts", &assignment.open_shift).ok_or_else(internal)?;
    let reply = reply.and_then(ConnectorReply::of);
    let mut decision = Decision::new(schedule.clone(), actor, assignment.now, reply);
    let mut plan = Plan::default();
    decisions::assign(&mut decision, &mut plan, &open, Some(&assignment.user), true)?;
    let inquiry = Inquiry { world, model, headers: &headers, place: Place::Team(schedule.clone()), reply };
    if let Some(consultation) = approval::decide(&inquiry, &plan, &mut Vec::new())? {
        return Ok(Some(consultation));
    }
    plan.store(&schedule)?;
    Ok(None)
}

/// Entity of a schedule or of a user's settings, for reports.
pub(crate) struct Listed {
    /// Path after the version.
    pub path: String,
    /// Entity in the form of Graph.
    pub entity: Value,
}

/// Returns all items of schedules, to see what an act changes.
pub(crate) fn state(world: &World) -> Vec<Listed> {
    let model = world.schema.model(Version::V1);
    let is_item = |collection: &CollectionAddress| {
        let holder = collection.holder.as_deref().unwrap_or_default();
        segments(holder).last().is_some_and(|last| last == "schedule" || last == "settings")
    };
    let listed =
        world.store.entities().into_iter().filter(|(collection, _)| is_item(collection)).filter_map(|(collection, entity)| {
            let structured = model.find_structured(world.schema.set(collection.set).target)?;
            let structured = model.actual(structured, entity.properties.own_type);
            let path = format!("{}/{}", collection.path(&world.schema), entity.key);
            Some(Listed { path, entity: approval::graph_json(model, structured, &entity.key, &entity.properties) })
        });
    listed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_act_is_read_by_its_name() {
        for verb in Verb::ALL {
            let read: Act = crate::text::json::read_text(&format!("{{\"do\":\"{}\"}}", verb.name())).unwrap();
            assert_eq!(read.verb, verb);
        }
    }
}
