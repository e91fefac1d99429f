//! The queries that the collections of a schedule take.
//!
//! Sources: learn.microsoft.com/graph/api/schedule-list-shifts and its siblings, with answers of Microsoft's developers in
//! microsoft-graph-docs#4553 (only `ge` for the start and `le` for the end, only `and`).

use crate::edm::schema::{EntityOptions, FilterRules, QueryRules};
use crate::policy::behavior::{Behaviors, ScheduleItemOptions, ShiftsFilters, TimeOffReasonSearch};
use crate::policy::refusal;

/// No source shows a filter of groups, reasons or notes, so they take none: that the refusal of shifts and requests for time off (any
/// property that is not listed) is theirs too is a guess.
pub(super) static QUERIES: &[(&str, &QueryRules)] = &[
    ("schedule", &ITEM),
    ("shift", &SHIFT),
    ("openShift", &OPEN_SHIFT),
    ("timeOff", &TIME_OFF),
    ("timeOffReason", &REASON),
    ("schedulingGroup", &UNFILTERED),
    ("scheduleChangeRequest", &CHANGE_REQUEST),
    ("timeCard", &TIME_CARD),
    ("dayNote", &UNFILTERED),
];

static ITEM: QueryRules = ITEM_ROW;
static SHIFT: QueryRules = QueryRules { filter: Some(&SHIFTS), ..ITEM_ROW };
static OPEN_SHIFT: QueryRules = QueryRules { filter: Some(&OPEN_SHIFTS), ..ITEM_ROW };
static TIME_OFF: QueryRules = QueryRules { filter: Some(&TIMES_OFF), ..ITEM_ROW };
static CHANGE_REQUEST: QueryRules = QueryRules { filter: Some(&CHANGE_REQUESTS), ..ITEM_ROW };
static TIME_CARD: QueryRules = QueryRules { filter: Some(&TIME_CARDS), ..ITEM_ROW };
static UNFILTERED: QueryRules = QueryRules { filter: Some(&NOTHING), ..ITEM_ROW };
static REASON: QueryRules =
    QueryRules { filter: Some(&NOTHING), search: Some(("time-off-reason-search", ignores_search)), ..ITEM_ROW };

const ITEM_ROW: QueryRules = QueryRules { filter: None, search: None, entity: Some(("schedule-item-options", item_options)) };

static NOTHING: FilterRules = conditions(&[]);

static SHIFTS: FilterRules = conditions(&[
    ("sharedShift/startDateTime", &["ge"]),
    ("sharedShift/endDateTime", &["le"]),
    ("draftShift/startDateTime", &["ge"]),
    ("draftShift/endDateTime", &["le"]),
]);

static OPEN_SHIFTS: FilterRules = conditions(&[
    ("sharedOpenShift/startDateTime", &["ge"]),
    ("sharedOpenShift/endDateTime", &["le"]),
    ("draftOpenShift/startDateTime", &["ge"]),
    ("draftOpenShift/endDateTime", &["le"]),
]);

static TIMES_OFF: FilterRules = conditions(&[
    ("sharedTimeOff/startDateTime", &["ge"]),
    ("sharedTimeOff/endDateTime", &["le"]),
    ("draftTimeOff/startDateTime", &["ge"]),
    ("draftTimeOff/endDateTime", &["le"]),
]);

/// OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors#23, for requests for time off; that the others have it too is a guess.
static CHANGE_REQUESTS: FilterRules = conditions(&[("state", &["eq"])]);

/// learn.microsoft.com/graph/api/timecard-list. That the times have no operator that is known: an idea for the Microsoft 365 developer
/// platform on techcommunity.microsoft.com (2023).
static TIME_CARDS: FilterRules =
    conditions(&[("state", &["eq"]), ("clockInEvent/dateTime", &[]), ("clockOutEvent/dateTime", &[])]);

const fn conditions(comparisons: &'static [(&'static str, &'static [&'static str])]) -> FilterRules {
    FilterRules {
        strict: ("shifts-filters", is_strict),
        comparisons,
        property: &refusal::FILTER_PROPERTY,
        operator: &refusal::FILTER_OPERATOR,
        repeated: &refusal::FILTER_REPEATED,
        form: &refusal::FILTER_FORM,
    }
}

fn is_strict(behaviors: &Behaviors) -> bool {
    behaviors.shifts_filters == ShiftsFilters::Strict
}

fn ignores_search(behaviors: &Behaviors) -> bool {
    behaviors.time_off_reason_search == TimeOffReasonSearch::Ignore
}

fn item_options(behaviors: &Behaviors) -> EntityOptions {
    match behaviors.schedule_item_options {
        ScheduleItemOptions::Honor => EntityOptions::Honored,
        ScheduleItemOptions::Ignore => EntityOptions::Ignored,
        ScheduleItemOptions::Reject => EntityOptions::Refused(&refusal::ITEM_OPTION),
    }
}
