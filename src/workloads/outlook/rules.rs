//! Rules of Outlook that CSDL cannot express.

use crate::edm::schema::{
    Capabilities, DEFAULT_CAPABILITIES, DEFAULT_WORDING, DefaultProjection, Elsewhere, IdForm, KeyCheck, PropertyRule,
    SearchRules, ServerSetValue, TagForm, TagRules, TypeRules, UpdateAnswer, View, WindowRules, Wording, WorkloadRules,
};
use crate::policy::behavior::OutlookFilters;
use crate::policy::refusal;

/// Medium, unless said: initial values are those of the answers on learn.microsoft.com/graph/api/user-post-messages, group-post-events and
/// user-post-calendars, where the requests do not have the properties.
pub(super) static RULES: WorkloadRules = WorkloadRules {
    types: &[
        item("message", &ITEM, &WORDING),
        TypeRules { is_consulted: true, ..item("mailFolder", &ITEM, &FOLDER_WORDING) },
        item("event", &ITEM, &WORDING),
        TypeRules { is_consulted: true, ..item("calendar", &ITEM, &FOLDER_WORDING) },
        item("calendarGroup", &ITEM, &FOLDER_WORDING),
        item("contact", &ITEM, &WORDING),
        item("contactFolder", &ITEM, &FOLDER_WORDING),
        // learn.microsoft.com/graph/api/user-update-mailboxsettings: 200, though a change of the user itself is answered with 204.
        item("mailboxSettings", &ITEM, &WORDING),
        item("openTypeExtension", &ITEM, &EXTENSION_WORDING),
        item("fileAttachment", &ATTACHMENT, &WORDING),
        item("itemAttachment", &ATTACHMENT, &WORDING),
        item("referenceAttachment", &ATTACHMENT, &WORDING),
    ],
    properties: &[
        // Strong for events (recorded in pnp/pnpcore), medium for others. That such values in a body are ignored is a guess (none): the service
        // has a text for it ("Set action is invalid for property", microsoft-graph-docs-contrib#6245) whose code is not known.
        ("outlookItem", "createdDateTime", PropertyRule::ReadOnly),
        ("outlookItem", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("outlookItem", "lastModifiedDateTime", PropertyRule::ReadOnly),
        ("outlookItem", "lastModifiedDateTime", PropertyRule::ServerSet(ServerSetValue::ModifiedAt)),
        ("outlookItem", "changeKey", PropertyRule::ReadOnly),
        ("outlookItem", "changeKey", PropertyRule::ServerSet(ServerSetValue::ChangeKey)),
        // Medium: learn.microsoft.com/graph/api/resources/event (`type`); the others follow from the series.
        ("event", "type", PropertyRule::ReadOnly),
        ("event", "seriesMasterId", PropertyRule::ReadOnly),
        ("event", "originalStart", PropertyRule::ReadOnly),
        ("event", "cancelledOccurrences", PropertyRule::ReadOnly),
        ("calendar", "changeKey", PropertyRule::ReadOnly),
        ("calendar", "changeKey", PropertyRule::ServerSet(ServerSetValue::ChangeKey)),
        // Requests can set these times (learn.microsoft.com/graph/api/mailfolder-post-messages).
        ("message", "receivedDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("message", "sentDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("message", "flag", PropertyRule::CreatedWith(r#"{"flagStatus":"notFlagged"}"#)),
        ("message", "body", PropertyRule::CreatedWith(r#"{"contentType":"text","content":""}"#)),
        ("attachment", "lastModifiedDateTime", PropertyRule::ServerSet(ServerSetValue::ModifiedAt)),
        // Strong (recorded in pnp/pnpcore).
        ("event", "responseStatus", PropertyRule::CreatedWith(r#"{"response":"organizer","time":"0001-01-01T00:00:00Z"}"#)),
        ("dateTimeTimeZone", "dateTime", PropertyRule::Rewritten(with_seven_digits)),
        // The answers on learn.microsoft.com/graph/api/group-post-events (medium).
        (
            "event",
            "location",
            PropertyRule::CreatedWith(r#"{"displayName":"","locationType":"default","uniqueIdType":"unknown"}"#),
        ),
        ("calendar", "hexColor", PropertyRule::CreatedWith("\"\"")),
        ("calendar", "allowedOnlineMeetingProviders", PropertyRule::CreatedWith("[\"teamsForBusiness\"]")),
        // A message that is created is a draft; other requests send it.
        ("message", "isDraft", PropertyRule::InitialValue("true")),
        ("message", "isRead", PropertyRule::InitialValue("true")),
        ("message", "hasAttachments", PropertyRule::InitialValue("false")),
        ("message", "isDeliveryReceiptRequested", PropertyRule::InitialValue("false")),
        ("message", "isReadReceiptRequested", PropertyRule::InitialValue("false")),
        ("message", "importance", PropertyRule::InitialValue("\"normal\"")),
        ("message", "inferenceClassification", PropertyRule::InitialValue("\"focused\"")),
        ("event", "reminderMinutesBeforeStart", PropertyRule::InitialValue("15")),
        ("event", "isReminderOn", PropertyRule::InitialValue("true")),
        ("event", "hasAttachments", PropertyRule::InitialValue("false")),
        ("event", "importance", PropertyRule::InitialValue("\"normal\"")),
        ("event", "sensitivity", PropertyRule::InitialValue("\"normal\"")),
        ("event", "isAllDay", PropertyRule::InitialValue("false")),
        ("event", "isCancelled", PropertyRule::InitialValue("false")),
        ("event", "isDraft", PropertyRule::InitialValue("false")),
        ("event", "isOrganizer", PropertyRule::InitialValue("true")),
        ("event", "responseRequested", PropertyRule::InitialValue("true")),
        ("event", "showAs", PropertyRule::InitialValue("\"busy\"")),
        ("event", "type", PropertyRule::InitialValue("\"singleInstance\"")),
        // From answers on the event pages for events without an online meeting.
        ("event", "isOnlineMeeting", PropertyRule::InitialValue("false")),
        ("event", "onlineMeetingProvider", PropertyRule::InitialValue("\"unknown\"")),
        ("event", "allowNewTimeProposals", PropertyRule::InitialValue("true")),
        ("event", "hideAttendees", PropertyRule::InitialValue("false")),
        ("calendar", "color", PropertyRule::InitialValue("\"auto\"")),
        ("calendar", "canShare", PropertyRule::InitialValue("true")),
        ("calendar", "canViewPrivateItems", PropertyRule::InitialValue("true")),
        ("calendar", "canEdit", PropertyRule::InitialValue("true")),
        ("calendar", "defaultOnlineMeetingProvider", PropertyRule::InitialValue("\"teamsForBusiness\"")),
        // learn.microsoft.com/graph/api/mailfolder-post-messagerules (medium).
        ("messageRule", "hasError", PropertyRule::CreatedWith("false")),
        ("messageRule", "isReadOnly", PropertyRule::CreatedWith("false")),
        // A new folder is empty (grade none: the answers on the pages have placeholders).
        ("mailFolder", "childFolderCount", PropertyRule::InitialValue("0")),
        ("mailFolder", "unreadItemCount", PropertyRule::InitialValue("0")),
        ("mailFolder", "totalItemCount", PropertyRule::InitialValue("0")),
        ("mailFolder", "isHidden", PropertyRule::InitialValue("false")),
        // These are not nullable, so they start with the .NET default of an absent value (grade none).
        ("attachment", "isInline", PropertyRule::InitialValue("false")),
        ("attachment", "size", PropertyRule::InitialValue("0")),
    ],
    // Answers with `$select` have the id too (learn.microsoft.com/graph/api/event-list-instances prints one).
    always_keyed: &["outlookItem", "mailFolder", "calendar", "calendarGroup", "contactFolder"],
    tags: &[("outlookItem", &TAG), ("todoTask", &TAG)],
    // Medium: learn.microsoft.com/graph/api/user-list-messages (all folders), user-post-messages (a draft), user-list-events and calendar-get (the
    // default calendar).
    views: &[
        (
            "user",
            "messages",
            View::All {
                navigation: "mailFolders",
                nested: "childFolders",
                collection: "messages",
                new_in: ("displayName", "\"Drafts\""),
            },
        ),
        ("user", "calendar", View::Among { navigation: "calendars", property: "isDefaultCalendar", value: "true" }),
        ("user", "events", View::Behind { navigation: "calendar", collection: "events" }),
        ("user", "calendarView", View::Behind { navigation: "calendar", collection: "events" }),
        ("group", "calendarView", View::Beside("events")),
        ("calendar", "calendarView", View::Beside("events")),
    ],
    // Medium: learn.microsoft.com/graph/api/mailfolder-list-childfolders, event-get and contact-get have such paths for folders, events and
    // contacts wherever they are.
    keyed_elsewhere: &[
        (
            "user",
            "mailFolders",
            &[Elsewhere { navigation: "mailFolders", nested: Some("childFolders"), collection: "childFolders" }],
        ),
        (
            "user",
            "contactFolders",
            &[Elsewhere { navigation: "contactFolders", nested: Some("childFolders"), collection: "childFolders" }],
        ),
        ("user", "contacts", &[Elsewhere { navigation: "contactFolders", nested: Some("childFolders"), collection: "contacts" }]),
        ("user", "calendars", &[Elsewhere { navigation: "calendarGroups", nested: None, collection: "calendars" }]),
        ("user", "events", &[Elsewhere { navigation: "calendars", nested: None, collection: "events" }]),
    ],
    formed: &["message", "event"],
    // Medium: learn.microsoft.com/graph/api/user-list-messages, user-list-events, user-list-contacts and user-list-mailfolders.
    page_sizes: &[("message", 10), ("event", 10), ("contact", 10), ("mailFolder", 10), ("calendar", 10), ("contactFolder", 10)],
    ordered_filters: &[("message", ("outlook-filters", |behaviors| behaviors.outlook_filters == OutlookFilters::Strict))],
    // Medium: learn.microsoft.com/graph/api/user-list-calendarview, group-list-calendarview and event-list-instances.
    windows: &[
        (("user", "calendarView"), &CALENDAR_VIEW),
        (("group", "calendarView"), &CALENDAR_VIEW),
        (("calendar", "calendarView"), &CALENDAR_VIEW),
        (("event", "instances"), &INSTANCES),
    ],
    repeated: &[("event", "exceptionOccurrences")],
    untracked: &[("user", "messages")],
    well_known: &[("mailFolder", "displayName", &WELL_KNOWN_FOLDERS)],
    searches: &[("message", &SEARCH)],
    // Medium: learn.microsoft.com/graph/api/resources/message marks these "Returned only on $select"; the answer on user-post-messages to a
    // request with internetMessageHeaders lacks them.
    // learn.microsoft.com/graph/api/resources/event says the same of cancelledOccurrences.
    default_projections: &[
        ("message", DefaultProjection::Except(&["internetMessageHeaders", "uniqueBody"])),
        ("event", DefaultProjection::Except(&["cancelledOccurrences"])),
    ],
    ..WorkloadRules::NONE
};

/// The names that the ids of folders can be replaced by, and the folders' own names in an English mailbox (medium:
/// learn.microsoft.com/graph/api/resources/mailfolder). That a mailbox lacks the others until they are needed is a guess.
pub(super) const WELL_KNOWN_FOLDERS: [(&str, &str); 17] = [
    ("archive", "Archive"),
    ("clutter", "Clutter"),
    ("conflicts", "Conflicts"),
    ("conversationhistory", "Conversation History"),
    ("deleteditems", "Deleted Items"),
    ("drafts", "Drafts"),
    ("inbox", "Inbox"),
    ("junkemail", "Junk Email"),
    ("localfailures", "Local Failures"),
    ("msgfolderroot", "Top of Information Store"),
    ("outbox", "Outbox"),
    ("recoverableitemsdeletions", "Deletions"),
    ("scheduled", "Scheduled"),
    ("searchfolders", "Search Folders"),
    ("sentitems", "Sent Items"),
    ("serverfailures", "Server Failures"),
    ("syncissues", "Sync Issues"),
];

static CALENDAR_VIEW: WindowRules = WindowRules {
    start: "startDateTime",
    end: "endDateTime",
    missing: &refusal::MISSING_TIME_RANGE,
    malformed: &refusal::INVALID_TIME_RANGE,
    is_of_holder: false,
};
static INSTANCES: WindowRules = WindowRules { is_of_holder: true, ..CALENDAR_VIEW };

/// A search of messages covers subject and text (learn.microsoft.com/graph/search-query-parameter, medium).
static SEARCH: SearchRules =
    SearchRules { by_words: &["subject", "bodyPreview"], unnamed: &["subject", "bodyPreview"], everything: None };

/// Recorded in pnp/pnpcore for events (17 bodies, none with a header); learn.microsoft.com/graph/api/todotasklist-list-tasks. A change
/// without `If-Match` is accepted.
static TAG: TagRules = TagRules {
    form: TagForm::ChangeKey,
    needs_select: false,
    has_header: false,
    absent: None,
    malformed: None,
    stale: &refusal::STALE_OUTLOOK_ITEM,
    conflict: None,
    ignores_empty: false,
};

/// A successful PATCH is answered with the entity (strong for events, recorded in pnp/pnpcore; medium for others, their pages).
static ITEM: Capabilities = Capabilities { answer: UpdateAnswer::Entity, ..DEFAULT_CAPABILITIES };

/// Attachments cannot be updated (`UpdateRestrictions` of message/attachments and event/attachments in the published metadata).
static ATTACHMENT: Capabilities = Capabilities { update: None, answer: UpdateAnswer::Entity, ..DEFAULT_CAPABILITIES };

const fn item(name: &'static str, capabilities: &'static Capabilities, wording: &'static Wording) -> TypeRules {
    TypeRules { name, capabilities, wording, is_consulted: false }
}

/// Strong: alphabet, beginning and end of ids, and the length of those of items, are those recorded in pnp/pnpcore.
static WORDING: Wording = Wording {
    id: IdForm::Mailbox { bytes: 113 },
    malformed_key: Some(&KeyCheck { is_well_formed: is_mailbox_id, refusal: &refusal::INVALID_MAILBOX_KEY }),
    ..EXTENSION_WORDING
};

/// Folders and calendars have shorter ids (their length is graded weak).
static FOLDER_WORDING: Wording = Wording { id: IdForm::Mailbox { bytes: 89 }, ..WORDING };

/// Whether a key can be an id that Exchange made: base64 with the alphabet of URLs, whose first bits are zero.
fn is_mailbox_id(key: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    key.starts_with('A') && key.len().is_multiple_of(4) && key.bytes().all(is_letter)
}

static EXTENSION_WORDING: Wording = Wording {
    noun: "item",
    unknown_entity: &refusal::UNKNOWN_OUTLOOK_ITEM,
    unknown_ancestor: &refusal::UNKNOWN_OUTLOOK_ITEM,
    ..DEFAULT_WORDING
};

/// Returns a local time as Exchange writes it: with seven digits of a second and without a zone.
fn with_seven_digits(text: &str) -> Option<String> {
    let local = text.strip_suffix('Z').unwrap_or(text);
    let (seconds, fraction) = local.split_once('.').unwrap_or((local, ""));
    let has_form = |form: &[u8]| {
        seconds.len() == form.len()
            && seconds
                .bytes()
                .zip(form)
                .all(|(byte, expected)| if *expected == b'0' { byte.is_ascii_digit() } else { byte == *expected })
    };
    let is_known = has_form(b"0000-00-00T00:00:00") && fraction.len() <= 7 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_known.then(|| format!("{seconds}.{fraction:0<7}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_has_seven_digits() {
        for (text, expected) in [
            ("2024-03-04T14:00:00", Some("2024-03-04T14:00:00.0000000")),
            ("2024-03-04T14:00:00Z", Some("2024-03-04T14:00:00.0000000")),
            ("2024-03-04T14:00:00.25", Some("2024-03-04T14:00:00.2500000")),
            ("2024-03-04T14:00:00.12345678", None),
            ("2024-03-04T14:00:00+01:00", None),
            ("2024-03-04", None),
            ("noon", None),
        ] {
            assert_eq!(with_seven_digits(text).as_deref(), expected, "{text}");
        }
    }
}
