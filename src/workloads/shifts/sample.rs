//! Sample elements for tests of connectors: entities of each kind, and the calls of each flow, with ids that fit each other.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::workloads::shifts::calls::{CallKind, Items, kind_of};
use crate::workloads::shifts::message::{Element, ElementHeaders, Requests};

/// User of the samples: a worker.
pub(crate) const USER: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";

/// Colleague of the user.
const COLLEAGUE: &str = "5e2b51ac-dc47-4a66-83ea-1bbbf81ac029";

/// Manager of both.
const MANAGER: &str = "366c0b19-49b1-41b5-a03f-9f3887bd0ed8";

/// Team of the samples.
pub(crate) const TEAM: &str = "6a720ba5-7373-463b-bc9f-4cd04b5c6742";

const SWAP: &str = "swapShiftsChangeRequest";
const OPEN: &str = "openShiftChangeRequest";
const OFF: &str = "timeOffRequest";

/// Shift of the user.
pub(crate) const SHIFT: &str = "SHFT_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029";

/// Names of the flows, and what happens in each.
pub(crate) const FLOWS: [(&str, &str); 14] = [
    ("shift-edited", "a manager changes a shift"),
    ("shift-staged-for-deletion", "a manager deletes a shift in the app"),
    ("shift-deletion-shared", "a manager shares that deletion"),
    ("swap-sent", "a worker asks a colleague for a swap"),
    ("swap-accepted", "the colleague accepts"),
    ("swap-approved", "a manager approves the swap"),
    ("swap-cancelled", "the worker takes the request back"),
    ("open-shift-request-sent", "a worker asks for an open shift"),
    ("open-shift-request-approved", "a manager gives it to the worker, and it has no more slots"),
    ("open-shift-assigned", "a manager gives an open shift to a worker"),
    ("time-off-request-sent", "a worker asks for time off"),
    ("time-off-request-approved", "a manager approves it"),
    ("time-off-request-cancelled", "the worker takes the request back"),
    ("shift-preferences", "a worker sets the times of availability"),
];

/// Builds elements with new ids and one time.
pub(crate) struct SampleBuilder<'m> {
    /// Returns a new GUID.
    pub next_id: &'m mut dyn FnMut() -> String,
    /// Creation time, in the format of entities.
    pub now: String,
    /// Expiry time of transactions.
    pub expires: String,
}

/// Ids in the elements of one call, by what they are the ids of.
#[derive(Default)]
struct Cast(HashMap<&'static str, String>);

impl SampleBuilder<'_> {
    /// Builds an element for the entity with this id, or a new id if `None`. A deletion has the body `null`.
    pub(crate) fn element(&mut self, kind: &CallKind, method: &str, id: Option<&str>) -> Element {
        let id = id.map_or_else(|| format!("{}{}", kind.prefix, (self.next_id)()), str::to_owned);
        let headers = self.transaction();
        let entity = (method != "DELETE").then(|| self.entity(kind, &id, &Cast::default()));
        kind.element(method, &id, entity.as_ref(), Items::Active, headers)
    }

    fn transaction(&mut self) -> ElementHeaders {
        ElementHeaders { transaction_id: (self.next_id)(), expires: self.expires.clone() }
    }

    /// Builds the approval of a swap: "one PUT swap request, two DELETE shifts (existing shifts), and two POST shifts (new shifts)".
    pub(crate) fn swap_approval(&mut self) -> Requests {
        self.flow("swap-approved").unwrap_or_default()
    }

    /// Builds the call of a flow; `None` for an unknown name. The elements of one call share a transaction (a guess).
    pub(crate) fn flow(&mut self, name: &str) -> Option<Requests> {
        let cast = Cast(HashMap::from([
            ("shift", SHIFT.to_owned()),
            ("other shift", format!("SHFT_{}", (self.next_id)())),
            ("open shift", format!("OPNSHFT_{}", (self.next_id)())),
            ("request", format!("SREQ_{}", (self.next_id)())),
        ]));
        let headers = self.transaction();
        let mut requests = Vec::new();
        let mut add = |builder: &mut Self, method: &str, type_name: &str, of: &str, change: &dyn Fn(&mut Value), items: Items| {
            let Some(kind) = kind_of(type_name) else { return };
            let id = cast.0.get(of).cloned().unwrap_or_else(|| format!("{}{}", kind.prefix, (builder.next_id)()));
            let mut entity = builder.entity(kind, &id, &cast);
            change(&mut entity);
            let entity = (method != "DELETE").then_some(&entity);
            requests.push(kind.element(method, &id, entity, items, headers.clone()));
        };
        let as_is = |_: &mut Value| {};
        let shared = |entity: &mut Value| share(entity, "Shift");
        let accepted = |entity: &mut Value| entity["assignedTo"] = "manager".into();
        let approved = |entity: &mut Value| {
            entity["assignedTo"] = "manager".into();
            entity["state"] = "approved".into();
            entity["managerUserId"] = MANAGER.into();
        };
        let taken = |entity: &mut Value| {
            share(entity, "OpenShift");
            entity["sharedOpenShift"]["openSlotCount"] = 0.into();
        };
        let declined = |entity: &mut Value| {
            entity["assignedTo"] = "system".into();
            entity["state"] = "declined".into();
        };
        let of = |user: &'static str| {
            move |entity: &mut Value| {
                share(entity, "Shift");
                entity["userId"] = user.into();
            }
        };
        match name {
            "shift-edited" => add(self, "PUT", "shift", "shift", &shared, Items::Active),
            "shift-staged-for-deletion" => add(self, "PUT", "shift", "shift", &shared, Items::StagedDeletion),
            "shift-deletion-shared" => add(self, "PUT", "shift", "shift", &shared, Items::SharedDeletion),
            "swap-sent" => add(self, "POST", SWAP, "request", &as_is, Items::Active),
            "swap-accepted" => add(self, "PUT", SWAP, "request", &accepted, Items::Active),
            "swap-approved" => {
                add(self, "PUT", SWAP, "request", &approved, Items::Active);
                add(self, "DELETE", "shift", "shift", &as_is, Items::Active);
                add(self, "DELETE", "shift", "other shift", &as_is, Items::Active);
                add(self, "POST", "shift", "", &of(COLLEAGUE), Items::Active);
                add(self, "POST", "shift", "", &of(USER), Items::Active);
            }
            "swap-cancelled" => add(self, "DELETE", SWAP, "request", &as_is, Items::Active),
            "open-shift-request-sent" => add(self, "POST", OPEN, "request", &as_is, Items::Active),
            "open-shift-request-approved" => {
                add(self, "PUT", OPEN, "request", &approved, Items::Active);
                add(self, "POST", "shift", "", &shared, Items::Active);
                add(self, "PUT", "openShift", "open shift", &taken, Items::Active);
                add(self, "PUT", OPEN, "", &declined, Items::Active);
            }
            "open-shift-assigned" => {
                add(self, "PUT", "openShift", "open shift", &taken, Items::Active);
                add(self, "POST", "shift", "", &shared, Items::Active);
            }
            "time-off-request-sent" => add(self, "POST", OFF, "request", &as_is, Items::Active),
            "time-off-request-approved" => add(self, "PUT", OFF, "request", &approved, Items::Active),
            "time-off-request-cancelled" => add(self, "DELETE", OFF, "request", &as_is, Items::Active),
            "shift-preferences" => add(self, "PUT", "shiftPreferences", "", &as_is, Items::Active),
            _ => return None,
        }
        Some(Requests { requests })
    }

    /// Returns an entity in the form of Graph.
    fn entity(&self, kind: &CallKind, id: &str, cast: &Cast) -> Value {
        let named = |of: &str, default: &str| cast.0.get(of).cloned().unwrap_or_else(|| default.to_owned());
        let shift = named("shift", SHIFT);
        let other = named("other shift", "SHFT_98e96e23-966b-43be-b90d-4697037b67af");
        let open = named("open shift", "OPNSHFT_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029");
        let group = "TAG_a3e0b3f1-4a5c-4c2e-8eeb-5b8c3d1e3f8b";
        let mut entity = match kind.type_name {
            "shift" => json!({ "draftShift": item("blue"), "schedulingGroupId": group, "userId": USER }),
            "openShift" => json!({ "draftOpenShift": item("green"), "schedulingGroupId": group }),
            "timeOff" => json!({
                "draftTimeOff": {
                    "timeOffReasonId": "TOR_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029",
                    "startDateTime": "2024-10-12T00:00:00Z",
                    "endDateTime": "2024-10-13T00:00:00Z",
                    "theme": "gray",
                },
                "userId": USER,
            }),
            "timeOffReason" => json!({ "displayName": "Vacation", "iconType": "plane", "isActive": true }),
            "swapShiftsChangeRequest" => json!({
                "senderShiftId": shift, "recipientShiftId": other, "recipientUserId": COLLEAGUE, "assignedTo": "recipient",
            }),
            "offerShiftRequest" => json!({ "senderShiftId": shift, "recipientUserId": COLLEAGUE, "assignedTo": "recipient" }),
            "openShiftChangeRequest" => json!({ "openShiftId": open, "assignedTo": "manager" }),
            "timeOffRequest" => json!({
                "timeOffReasonId": "TOR_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029",
                "startDateTime": "2024-10-12T00:00:00Z",
                "endDateTime": "2024-10-13T00:00:00Z",
                "assignedTo": "manager",
            }),
            "timeCard" => json!({
                "userId": USER,
                "state": "clockedIn",
                "confirmedBy": "none",
                "clockInEvent": { "dateTime": self.now, "isAtApprovedLocation": null, "notes": null },
                "breaks": [],
            }),
            "shiftPreferences" => json!({
                "availability": [{
                    "recurrence": {
                        "pattern": { "type": "weekly", "daysOfWeek": ["monday"], "interval": 1 },
                        "range": { "type": "noEnd" },
                    },
                    "timeZone": "Europe/London",
                    "timeSlots": [{ "startTime": "09:00:00", "endTime": "17:00:00" }],
                }],
            }),
            _ => json!({}),
        };
        if entity.get("assignedTo").is_some() {
            entity["state"] = "pending".into();
            entity["senderUserId"] = USER.into();
            entity["senderDateTime"] = self.now.as_str().into();
        }
        entity["id"] = id.into();
        entity["createdDateTime"] = self.now.as_str().into();
        entity["lastModifiedDateTime"] = self.now.as_str().into();
        entity["lastModifiedBy"] = json!({ "user": { "id": USER, "displayName": "Adele Vance" } });
        entity
    }
}

fn item(theme: &str) -> Value {
    let mut item = json!({
        "activities": [],
        "startDateTime": "2024-10-12T15:00:00Z",
        "endDateTime": "2024-10-12T17:00:00Z",
        "theme": theme,
    });
    if theme == "green" {
        item["openSlotCount"] = 1.into();
    }
    item
}

/// Makes the draft of an entity the shared item.
fn share(entity: &mut Value, item: &str) {
    entity[format!("shared{item}")] = entity[format!("draft{item}")].take();
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::workloads::shifts::calls::KINDS;

    fn builder(next_id: &mut dyn FnMut() -> String) -> SampleBuilder<'_> {
        SampleBuilder { next_id, now: "2024-10-11T21:27:28.762Z".into(), expires: "2024-10-11T21:27:59Z".into() }
    }

    fn ids() -> impl FnMut() -> String {
        let mut count = 0;
        move || {
            count += 1;
            format!("00000000-0000-4000-8000-{count:012}")
        }
    }

    #[test]
    fn each_kind_is_one_of_the_schema() {
        let schema = crate::workloads::schema();
        for kind in &KINDS {
            let integration =
                schema.widest().type_named("workforceIntegration").map(|id| schema.widest().structured(id)).unwrap();
            let supported = &integration.properties[integration.property("supportedEntities").unwrap()];
            assert!(schema.widest().member(supported.kind, kind.supported).is_some(), "{}", kind.supported);
            assert!(schema.widest().type_named(kind.type_name).is_some(), "{}", kind.type_name);
        }
    }

    #[test]
    fn samples_have_the_id_of_their_element() {
        let mut next_id = ids();
        let mut builder = builder(&mut next_id);
        for kind in &KINDS {
            let element = builder.element(kind, "POST", None);
            let body: Value = serde_json::from_str(element.body.as_ref().unwrap().get()).unwrap();
            assert_eq!(body["id"], element.id, "{}", kind.segment);
            assert!(element.url.starts_with(&format!("/{}", kind.segment)));
            let odd = builder.element(kind, "PUT", Some("a\"b"));
            assert!(odd.body.is_some(), "ids are escaped in the body");
            assert_eq!(builder.element(kind, "DELETE", None).body.unwrap().get(), "null");
        }
    }

    #[test]
    fn the_ids_of_a_swap_fit_each_other() {
        let mut next_id = ids();
        let swap = builder(&mut next_id).swap_approval();
        let methods: Vec<String> =
            swap.requests.iter().map(|element| format!("{} {}", element.method, &element.url[..6])).collect();
        assert_eq!(methods, ["PUT /swapR", "DELETE /shift", "DELETE /shift", "POST /shift", "POST /shift"]);
        assert!(swap.requests.iter().all(|element| element.headers == swap.requests[0].headers));
        let bodies: Vec<Value> =
            swap.requests.iter().map(|element| serde_json::from_str(element.body.as_ref().unwrap().get()).unwrap()).collect();
        assert_eq!(bodies[0]["senderShiftId"], swap.requests[1].id);
        assert_eq!(bodies[0]["recipientShiftId"], swap.requests[2].id);
        assert_eq!((&bodies[3]["userId"], &bodies[4]["userId"]), (&bodies[0]["recipientUserId"], &bodies[0]["senderUserId"]));
    }

    #[test]
    fn each_flow_has_a_call() {
        let mut next_id = ids();
        let mut builder = builder(&mut next_id);
        for (name, _) in FLOWS {
            assert!(!builder.flow(name).unwrap().requests.is_empty(), "{name}");
        }
        assert!(builder.flow("x").is_none());
    }
}
