//! Elements of update and read calls: one table for all of them, live calls, samples and probes.
//!
//! Source of the segments and of the form of a shift: learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration. Members and
//! words of the other entities: the published connectors, which understand them (OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors; medium).

use serde_json::Value;
use serde_json::value::RawValue;

use crate::edm::date_time::{DateTimeOffset, TICKS_PER_SECOND};
use crate::policy::behavior::EligibilityTimes;
use crate::text::json::quoted;
use crate::text::word::capitalized;
use crate::workloads::shifts::message::{Element, ElementHeaders};

/// Lifetime of transactions, as in the published example.
pub(crate) const EXPIRES_AFTER_MILLIS: i64 = 30_250;

/// Kind of entity in update calls.
#[derive(Debug)]
pub(crate) struct CallKind {
    /// Name of the type.
    pub type_name: &'static str,
    /// Segment of `url`, case-sensitive.
    pub segment: &'static str,
    /// Member of `supportedEntities` that enables the calls.
    pub supported: &'static str,
    /// Prefix of ids.
    pub prefix: &'static str,
    /// Whether the id follows the segment in `url`.
    has_id: bool,
    members: &'static [Member],
}

impl PartialEq for CallKind {
    fn eq(&self, other: &CallKind) -> bool {
        self.segment == other.segment
    }
}

/// Member of an entity in a call.
#[derive(Debug)]
struct Member {
    name: &'static str,
    form: Form,
}

/// Form of a member.
#[derive(Debug)]
enum Form {
    /// As Graph writes it; null if it is absent.
    Plain,
    /// Words of an enum, with a capital.
    Word,
    /// Time in UTC with milliseconds.
    Time,
    /// Time of day in whole seconds.
    TimeOfDay,
    /// Object; left out while it is null.
    Item(&'static [Member]),
    /// Object, or null.
    Object(&'static [Member]),
    /// Array of objects.
    Objects(&'static [Member]),
    /// Identity of a user or an application, with id and name only.
    Person,
    /// Whether the item is in force: false where the call is about its deletion.
    IsActive,
    /// False: the published calls about a deletion have `isActive` for it.
    NotStaged,
}

/// State of the items in a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Items {
    /// In force.
    #[default]
    Active,
    /// The draft is a deletion that is not yet shared.
    StagedDeletion,
    /// The deletion is shared.
    SharedDeletion,
}

const fn plain(name: &'static str) -> Member {
    Member { name, form: Form::Plain }
}

const fn word(name: &'static str) -> Member {
    Member { name, form: Form::Word }
}

const fn time(name: &'static str) -> Member {
    Member { name, form: Form::Time }
}

const fn item(name: &'static str, members: &'static [Member]) -> Member {
    Member { name, form: Form::Item(members) }
}

const ACTIVITY: &[Member] =
    &[plain("isPaid"), time("startDateTime"), time("endDateTime"), plain("code"), plain("displayName"), word("theme")];
const ACTIVITIES: Member = Member { name: "activities", form: Form::Objects(ACTIVITY) };
const IS_ACTIVE: Member = Member { name: "isActive", form: Form::IsActive };
const IS_STAGED: Member = Member { name: "isStagedForDeletion", form: Form::NotStaged };

const SHIFT_ITEM: &[Member] =
    &[plain("displayName"), plain("notes"), ACTIVITIES, IS_ACTIVE, time("startDateTime"), time("endDateTime"), word("theme")];
const OPEN_SHIFT_ITEM: &[Member] = &[
    plain("openSlotCount"),
    plain("displayName"),
    plain("notes"),
    ACTIVITIES,
    IS_ACTIVE,
    time("startDateTime"),
    time("endDateTime"),
    word("theme"),
];
const TIME_OFF_ITEM: &[Member] =
    &[plain("timeOffReasonId"), IS_ACTIVE, time("startDateTime"), time("endDateTime"), word("theme")];

/// Returns the members with those of all tracked entities behind them.
macro_rules! tracked {
    ($($member:expr),* $(,)?) => {
        &[
            $($member,)*
            time("createdDateTime"),
            time("lastModifiedDateTime"),
            Member { name: "lastModifiedBy", form: Form::Person },
            plain("id"),
        ]
    };
}

/// Returns the members with those of all requests behind them.
macro_rules! request {
    ($($member:expr),* $(,)?) => {
        tracked![
            $($member,)*
            word("assignedTo"),
            word("state"),
            plain("senderUserId"),
            plain("senderMessage"),
            time("senderDateTime"),
            plain("managerUserId"),
            plain("managerActionMessage"),
        ]
    };
}

const AVAILABILITY: &[Member] = &[
    Member {
        name: "recurrence",
        form: Form::Object(&[
            Member { name: "pattern", form: Form::Object(&[word("type"), word("daysOfWeek"), plain("interval")]) },
            Member { name: "range", form: Form::Object(&[plain("type")]) },
        ]),
    },
    plain("timeZone"),
    Member {
        name: "timeSlots",
        form: Form::Objects(&[
            Member { name: "startTime", form: Form::TimeOfDay },
            Member { name: "endTime", form: Form::TimeOfDay },
        ]),
    },
];

const fn kind(
    type_name: &'static str,
    segment: &'static str,
    supported: &'static str,
    prefix: &'static str,
    members: &'static [Member],
) -> CallKind {
    CallKind { type_name, segment, supported, prefix, has_id: true, members }
}

/// Kinds of entities in calls. The first eight segments are published; the preferences of a user are those of a connector (weak).
pub(crate) static KINDS: [CallKind; 10] = [
    kind(
        "shift",
        "shifts",
        "shift",
        "SHFT_",
        tracked![
            item("draftShift", SHIFT_ITEM),
            item("sharedShift", SHIFT_ITEM),
            IS_STAGED,
            plain("schedulingGroupId"),
            plain("userId"),
        ],
    ),
    kind(
        "swapShiftsChangeRequest",
        "swapRequests",
        "swapRequest",
        "SREQ_",
        request![plain("senderShiftId"), plain("recipientShiftId"), plain("recipientUserId"), plain("recipientActionMessage"),],
    ),
    kind(
        "timeOffReason",
        "timeoffReasons",
        "timeOffReason",
        "TOR_",
        tracked![plain("displayName"), word("iconType"), plain("isActive")],
    ),
    kind(
        "openShift",
        "openshifts",
        "openShift",
        "OPNSHFT_",
        tracked![
            item("draftOpenShift", OPEN_SHIFT_ITEM),
            item("sharedOpenShift", OPEN_SHIFT_ITEM),
            IS_STAGED,
            plain("schedulingGroupId"),
        ],
    ),
    kind("openShiftChangeRequest", "openshiftrequests", "openShiftRequest", "SREQ_", request![plain("openShiftId")]),
    kind(
        "offerShiftRequest",
        "offershiftrequests",
        "offerShiftRequest",
        "SREQ_",
        request![plain("senderShiftId"), plain("recipientUserId"), plain("recipientActionMessage")],
    ),
    kind(
        "timeOff",
        "timesoff",
        "timeOff",
        "TOFF_",
        tracked![item("draftTimeOff", TIME_OFF_ITEM), item("sharedTimeOff", TIME_OFF_ITEM), IS_STAGED, plain("userId")],
    ),
    kind(
        "timeOffRequest",
        "timeOffRequests",
        "timeOffRequest",
        "SREQ_",
        request![plain("timeOffReasonId"), time("startDateTime"), time("endDateTime")],
    ),
    // The beta page of workforceIntegration-update has the address without an id (weak).
    CallKind {
        has_id: false,
        ..kind(
            "timeCard",
            "timecards",
            "timeCard",
            "TCK_",
            tracked![
                plain("userId"),
                word("state"),
                word("confirmedBy"),
                plain("clockInEvent"),
                plain("clockOutEvent"),
                plain("notes"),
                plain("breaks"),
                plain("originalEntry"),
            ],
        )
    },
    CallKind {
        has_id: false,
        ..kind(
            "shiftPreferences",
            "settings/shiftpreferences",
            "userShiftPreferences",
            "SHPR_",
            &[Member { name: "availability", form: Form::Objects(AVAILABILITY) }, plain("id")],
        )
    },
];

/// Returns the kind of a type; `None` if its changes are not sent.
pub(crate) fn kind_of(type_name: &str) -> Option<&'static CallKind> {
    KINDS.iter().find(|kind| kind.type_name == type_name)
}

/// Returns the kind with a segment, in any case.
pub(crate) fn kind_named(segment: &str) -> Option<&'static CallKind> {
    KINDS.iter().find(|kind| kind.segment.eq_ignore_ascii_case(segment))
}

impl CallKind {
    /// Returns an element about an entity. A deletion has the body `null`.
    pub(crate) fn element(
        &self,
        method: &str,
        id: &str,
        entity: Option<&Value>,
        items: Items,
        headers: ElementHeaders,
    ) -> Element {
        let body = entity.map_or_else(|| "null".to_owned(), |entity| self.body(entity, items));
        let url = if self.has_id { format!("/{}/{id}", self.segment) } else { format!("/{}", self.segment) };
        Element {
            id: id.to_owned(),
            method: method.to_owned(),
            url,
            headers: Some(headers),
            body: RawValue::from_string(body).ok(),
        }
    }

    /// Returns an entity in the form of calls, from that of Graph.
    fn body(&self, entity: &Value, items: Items) -> String {
        let mut out = String::new();
        let staged;
        let entity = match (self.draft(), items) {
            (Some((draft, shared)), Items::StagedDeletion) => {
                staged = with_draft(entity, draft, shared);
                &staged
            }
            (Some((draft, shared)), Items::SharedDeletion) => {
                staged = without_draft(entity, draft, shared);
                &staged
            }
            _ => entity,
        };
        write_object(&mut out, self.members, entity, Active { items, is_draft: false });
        out
    }

    /// Returns the names of the draft and of the shared item.
    fn draft(&self) -> Option<(&'static str, &'static str)> {
        let names = |prefix: &str| {
            let is_item = |member: &&Member| matches!(member.form, Form::Item(_)) && member.name.starts_with(prefix);
            self.members.iter().find(is_item).map(|member| member.name)
        };
        names("draft").zip(names("shared"))
    }
}

/// Returns the entity with a draft like its shared item.
fn with_draft(entity: &Value, draft: &str, shared: &str) -> Value {
    let mut entity = entity.clone();
    if entity.get(draft).is_none_or(Value::is_null) {
        entity[draft] = entity[shared].clone();
    }
    entity
}

/// Returns the entity with a shared item alone.
fn without_draft(entity: &Value, draft: &str, shared: &str) -> Value {
    let mut entity = with_draft(entity, shared, draft);
    entity[draft] = Value::Null;
    entity
}

/// Determines `isActive` of items.
#[derive(Clone, Copy)]
struct Active {
    items: Items,
    is_draft: bool,
}

impl Active {
    fn is_active(self) -> bool {
        match self.items {
            Items::Active => true,
            Items::StagedDeletion => !self.is_draft,
            Items::SharedDeletion => false,
        }
    }
}

fn write_object(out: &mut String, members: &[Member], object: &Value, active: Active) {
    out.push('{');
    let mut is_first = true;
    for member in members {
        let value = object.get(member.name).unwrap_or(&Value::Null);
        if matches!(member.form, Form::Item(_)) && value.is_null() {
            continue;
        }
        if !is_first {
            out.push(',');
        }
        is_first = false;
        out.push_str(&quoted(member.name));
        out.push(':');
        write_member(out, member, value, active);
    }
    out.push('}');
}

fn write_member(out: &mut String, member: &Member, value: &Value, active: Active) {
    match (&member.form, value) {
        (Form::IsActive, _) => out.push_str(if active.is_active() { "true" } else { "false" }),
        (Form::NotStaged, _) => out.push_str("false"),
        (Form::Objects(_), Value::Null) => out.push_str("[]"),
        (_, Value::Null) => out.push_str("null"),
        (Form::Plain, value) => out.push_str(&value.to_string()),
        (Form::Word, value) => out.push_str(&words(value).to_string()),
        (Form::Time, value) => out.push_str(&milliseconds(value).to_string()),
        (Form::TimeOfDay, value) => out.push_str(&seconds(value).to_string()),
        (Form::Item(members), value) => {
            write_object(out, members, value, Active { is_draft: member.name.starts_with("draft"), ..active });
        }
        (Form::Object(members), value) => write_object(out, members, value, active),
        (Form::Objects(members), value) => {
            out.push('[');
            for (index, object) in value.as_array().into_iter().flatten().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_object(out, members, object, active);
            }
            out.push(']');
        }
        (Form::Person, value) => {
            let named = ["user", "application"].into_iter().find(|name| value.get(name).is_some_and(Value::is_object));
            let Some(name) = named else { return out.push_str("null") };
            out.push_str(&format!("{{{}:", quoted(name)));
            write_object(out, &[plain("id"), plain("displayName")], &value[name], active);
            out.push('}');
        }
    }
}

/// Returns the words of an enum with capitals: `darkBlue` is `DarkBlue`.
fn words(value: &Value) -> Value {
    match value {
        Value::String(text) => text.split(',').map(capitalized).collect::<Vec<_>>().join(",").into(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

/// Returns a time with three digits of the second.
fn milliseconds(value: &Value) -> Value {
    let Some(time) = value.as_str().and_then(DateTimeOffset::parse) else { return value.clone() };
    let (seconds, rest) = (time.ticks().div_euclid(TICKS_PER_SECOND), time.ticks().rem_euclid(TICKS_PER_SECOND));
    let whole = DateTimeOffset::from_unix_millis(seconds * 1000).to_string();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), rest / 10_000).into()
}

/// Returns a time of day without a fraction of the second.
fn seconds(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| text.split('.').next().unwrap_or_default().into())
}

/// Queries the time-off reasons that a user may choose from.
pub(crate) fn eligible_time_off_reasons(user_id: &str) -> Element {
    query(user_id, format!("/users/{user_id}/timeOffReasons?requestType=TimeOffReason"))
}

/// Queries the shifts that a shift may be swapped with in a period, in milliseconds since 1970 (behavior `eligibility-times`).
pub(crate) fn eligible_swaps(shift_id: &str, (start, end): (i64, i64), times: EligibilityTimes) -> Element {
    let text = match times {
        EligibilityTimes::Iso => seven_digits,
        EligibilityTimes::UsEnglish => us_english,
    };
    let (start, end) = (text(start), text(end));
    query(shift_id, format!("/shifts/{shift_id}/requestableShifts?requestType=SwapRequest&startTime={start}&endTime={end}"))
}

/// Period of the published query for eligible shifts: the month from 2024-10-01T04:00:00Z.
pub(crate) const PUBLISHED_PERIOD: (i64, i64) = (1_727_755_200_000, 1_730_433_599_999);

/// Returns a time with seven digits of the second: `2024-10-01T04:00:00.0000000Z`.
fn seven_digits(millis: i64) -> String {
    let whole = DateTimeOffset::from_unix_millis(millis.div_euclid(1000) * 1000).to_string();
    format!("{}.{:03}0000Z", whole.trim_end_matches('Z'), millis.rem_euclid(1000))
}

/// Returns a time in whole seconds, as .NET writes it for the United States: `10/1/2024 4:00:00 AM +00:00`.
fn us_english(millis: i64) -> String {
    let whole = DateTimeOffset::from_unix_millis(millis.div_euclid(1000) * 1000).to_string();
    let mut numbers = whole.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse::<u32>().ok());
    let mut next = || numbers.next().unwrap_or_default();
    let (year, month, day, hour, minute, second) = (next(), next(), next(), next(), next(), next());
    let (half, hour) = (if hour < 12 { "AM" } else { "PM" }, (hour + 11) % 12 + 1);
    format!("{month}/{day}/{year} {hour}:{minute:02}:{second:02} {half} +00:00")
}

fn query(id: &str, url: String) -> Element {
    Element { id: id.to_owned(), method: "GET".to_owned(), url, headers: None, body: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_query_have_one_of_two_forms() {
        let forms = |text: &str| {
            let time = DateTimeOffset::parse(text).unwrap().ticks() / 10_000;
            (seven_digits(time), us_english(time))
        };
        for (time, iso, us_english) in [
            ("2024-10-01T04:00:00Z", "2024-10-01T04:00:00.0000000Z", "10/1/2024 4:00:00 AM +00:00"),
            ("2024-11-01T03:59:59.999Z", "2024-11-01T03:59:59.9990000Z", "11/1/2024 3:59:59 AM +00:00"),
            ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00.0000000Z", "1/1/2027 12:00:00 AM +00:00"),
            ("2026-12-31T12:05:09Z", "2026-12-31T12:05:09.0000000Z", "12/31/2026 12:05:09 PM +00:00"),
            ("2026-12-31T23:59:59Z", "2026-12-31T23:59:59.0000000Z", "12/31/2026 11:59:59 PM +00:00"),
        ] {
            assert_eq!(forms(time), (iso.to_owned(), us_english.to_owned()));
        }
        let published = eligible_swaps("S", PUBLISHED_PERIOD, EligibilityTimes::Iso).url;
        assert!(
            published.ends_with("startTime=2024-10-01T04:00:00.0000000Z&endTime=2024-11-01T03:59:59.9990000Z"),
            "{published}"
        );
    }
}
