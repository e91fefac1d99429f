//! Sample elements for tests of connectors: one kind per entity type that Shifts sends.

use serde_json::value::RawValue;

use crate::workloads::shifts::message::{Element, ElementHeaders, Requests};

/// Kind of entity in update calls.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SampleKind {
    /// Segment of `url`, case-sensitive.
    pub segment: &'static str,
    /// Prefix of ids. `SHFT_`, `OPNSHFT_` and `TOR_` are published, the others are from Graph's examples.
    pub prefix: &'static str,
    /// Entity with placeholders for ids and the time.
    body: &'static str,
}

/// Members that all entities of Shifts have; `{id}`, `{user}` and `{now}` are placeholders.
const TRACKED: &str = r#""createdDateTime":"{now}","lastModifiedDateTime":"{now}","lastModifiedBy":{"user":{"id":"{user}","displayName":"Adele Vance"}},"id":"{id}""#;

/// Members that all requests have.
const REQUEST: &str = r#""assignedTo":"manager","state":"pending","senderUserId":"{user}","senderMessage":null,"senderDateTime":"{now}","managerUserId":null,"managerActionMessage":null,"managerActionDateTime":null"#;

/// Kinds of the published table.
pub(crate) static KINDS: [SampleKind; 8] = [
    SampleKind {
        segment: "shifts",
        prefix: "SHFT_",
        body: r#"{"draftShift":{"activities":[],"isActive":true,"startDateTime":"2024-10-12T15:00:00.000Z","endDateTime":"2024-10-12T17:00:00.000Z","theme":"Blue"},"isStagedForDeletion":false,"schedulingGroupId":"TAG_a3e0b3f1-4a5c-4c2e-8eeb-5b8c3d1e3f8b","userId":"{user}",{tracked}}"#,
    },
    SampleKind {
        segment: "swapRequests",
        prefix: "SREQ_",
        body: r#"{"senderShiftId":"SHFT_{user}","recipientShiftId":"SHFT_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029","recipientUserId":"5e2b51ac-dc47-4a66-83ea-1bbbf81ac029",{request},{tracked}}"#,
    },
    SampleKind {
        segment: "timeoffReasons",
        prefix: "TOR_",
        body: r#"{"displayName":"Vacation","iconType":"plane","isActive":true,{tracked}}"#,
    },
    SampleKind {
        segment: "openshifts",
        prefix: "OPNSHFT_",
        body: r#"{"draftOpenShift":{"openSlotCount":2,"activities":[],"startDateTime":"2024-10-12T15:00:00.000Z","endDateTime":"2024-10-12T17:00:00.000Z","theme":"Green"},"isStagedForDeletion":false,"schedulingGroupId":"TAG_a3e0b3f1-4a5c-4c2e-8eeb-5b8c3d1e3f8b",{tracked}}"#,
    },
    SampleKind {
        segment: "openshiftrequests",
        prefix: "SREQ_",
        body: r#"{"openShiftId":"OPNSHFT_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029",{request},{tracked}}"#,
    },
    SampleKind {
        segment: "offershiftrequests",
        prefix: "SREQ_",
        body: r#"{"senderShiftId":"SHFT_{user}","recipientUserId":"5e2b51ac-dc47-4a66-83ea-1bbbf81ac029","recipientActionMessage":null,{request},{tracked}}"#,
    },
    SampleKind {
        segment: "timesoff",
        prefix: "TOFF_",
        body: r#"{"draftTimeOff":{"timeOffReasonId":"TOR_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029","startDateTime":"2024-10-12T00:00:00.000Z","endDateTime":"2024-10-13T00:00:00.000Z","theme":"Gray"},"isStagedForDeletion":false,"userId":"{user}",{tracked}}"#,
    },
    SampleKind {
        segment: "timeOffRequests",
        prefix: "SREQ_",
        body: r#"{"timeOffReasonId":"TOR_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029","startDateTime":"2024-10-12T00:00:00.000Z","endDateTime":"2024-10-13T00:00:00.000Z",{request},{tracked}}"#,
    },
];

/// User of the samples.
pub(crate) const USER: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";

/// Lifetime of transactions, as in the published example.
pub(crate) const EXPIRES_AFTER_MILLIS: i64 = 30_250;

/// Team of the samples.
pub(crate) const TEAM: &str = "6a720ba5-7373-463b-bc9f-4cd04b5c6742";

/// Builds elements with new ids and one time.
pub(crate) struct SampleBuilder<'m> {
    /// Returns a new GUID.
    pub next_id: &'m mut dyn FnMut() -> String,
    /// Creation time, in the format of entities.
    pub now: String,
    /// Expiry time of transactions.
    pub expires: String,
}

impl SampleBuilder<'_> {
    /// Builds an element for the entity with this id, or a new id if `None`. A deletion has the body `null`.
    pub(crate) fn element(&mut self, kind: &SampleKind, method: &str, id: Option<&str>) -> Element {
        let id = id.map_or_else(|| format!("{}{}", kind.prefix, (self.next_id)()), str::to_owned);
        let body = if method == "DELETE" { "null".to_owned() } else { self.body(kind, &id) };
        Element {
            method: method.to_owned(),
            url: format!("/{}/{id}", kind.segment),
            id,
            headers: Some(ElementHeaders { transaction_id: (self.next_id)(), expires: self.expires.clone() }),
            body: RawValue::from_string(body).ok(),
        }
    }

    fn body(&self, kind: &SampleKind, id: &str) -> String {
        let template = kind.body.replace("{tracked}", TRACKED).replace("{request}", REQUEST);
        let id = super::message::escape_json(id);
        template.replace("{user}", USER).replace("{now}", &self.now).replace("{id}", &id)
    }

    /// Builds the approval of a swap: "one PUT swap request, two DELETE shifts (existing shifts), and two POST shifts (new shifts)". The
    /// five elements share a transaction (a guess).
    pub(crate) fn swap_approval(&mut self) -> Requests {
        let (shifts, swaps) = (&KINDS[0], &KINDS[1]);
        let plan = [(swaps, "PUT"), (shifts, "DELETE"), (shifts, "DELETE"), (shifts, "POST"), (shifts, "POST")];
        let mut requests: Vec<Element> = plan.into_iter().map(|(kind, method)| self.element(kind, method, None)).collect();
        let swap = &mut requests[0];
        swap.body =
            swap.body.take().and_then(|body| RawValue::from_string(body.get().replace("\"pending\"", "\"approved\"")).ok());
        let headers = swap.headers.clone();
        for element in &mut requests {
            element.headers.clone_from(&headers);
        }
        Requests { requests }
    }
}

/// Queries the time-off reasons that a user may choose from.
pub(crate) fn eligible_time_off_reasons(user_id: &str) -> Element {
    query(user_id, format!("/users/{user_id}/timeOffReasons?requestType=TimeOffReason"))
}

/// Queries the shifts that a shift may be swapped with in a period. Times have seven fractional digits, as published.
pub(crate) fn eligible_swaps(shift_id: &str, start: &str, end: &str) -> Element {
    query(shift_id, format!("/shifts/{shift_id}/requestableShifts?requestType=SwapRequest&startTime={start}&endTime={end}"))
}

fn query(id: &str, url: String) -> Element {
    Element { id: id.to_owned(), method: "GET".to_owned(), url, headers: None, body: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::workloads::shifts::rules::APPROVALS;

    #[test]
    fn each_approved_type_has_a_sample() {
        let schema = crate::workloads::schema();
        for rule in &APPROVALS {
            assert!(KINDS.iter().any(|kind| kind.segment == rule.segment), "{}", rule.segment);
            let integration =
                schema.widest().type_named("workforceIntegration").map(|id| schema.widest().structured(id)).unwrap();
            let supported = &integration.properties[integration.property("supportedEntities").unwrap()];
            assert!(schema.widest().member(supported.kind, rule.supported).is_some(), "{}", rule.supported);
            assert!(schema.widest().type_named(rule.type_name).is_some(), "{}", rule.type_name);
        }
    }

    #[test]
    fn samples_have_the_id_of_their_element() {
        let mut count = 0;
        let mut next_id = || {
            count += 1;
            format!("00000000-0000-4000-8000-{count:012}")
        };
        let mut builder = SampleBuilder {
            next_id: &mut next_id,
            now: "2024-10-11T21:27:28.762Z".into(),
            expires: "2024-10-11T21:27:59Z".into(),
        };
        for kind in &KINDS {
            let element = builder.element(kind, "POST", None);
            let body: serde_json::Value = serde_json::from_str(element.body.as_ref().unwrap().get()).unwrap();
            assert_eq!(body["id"], element.id, "{}", kind.segment);
            assert_eq!(body["createdDateTime"], "2024-10-11T21:27:28.762Z", "{}", kind.segment);
            assert!(!body.to_string().contains('{') || body.is_object());
            assert_eq!(element.url, format!("/{}/{}", kind.segment, element.id));
            let odd = builder.element(kind, "PUT", Some("a\"b"));
            assert!(odd.body.is_some(), "ids are escaped in the body");
        }
        let swap = builder.swap_approval();
        let methods: Vec<String> =
            swap.requests.iter().map(|element| format!("{} {}", element.method, &element.url[..6])).collect();
        assert_eq!(methods, ["PUT /swapR", "DELETE /shift", "DELETE /shift", "POST /shift", "POST /shift"]);
        assert!(swap.requests.iter().all(|element| element.headers == swap.requests[0].headers));
    }
}
