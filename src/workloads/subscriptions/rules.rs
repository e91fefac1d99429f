//! The rows of subscriptions, and those of what they watch.

use crate::edm::schema::{
    Capabilities, DEFAULT_CAPABILITIES, DEFAULT_WORDING, PropertyRule, Required, ServerSetValue, TypeRules, UpdateAnswer,
    Wording, WorkloadRules,
};
use crate::policy::refusal;

/// Type name of subscriptions.
pub(super) const SUBSCRIPTION: &str = "subscription";

/// Set of subscriptions.
pub(super) const SET: &str = "subscriptions";

/// The greatest number of subscriptions in a world. That of the service depends on the resource; a change is compared with each.
pub(super) const LIMIT: usize = 1_000;

/// The greatest length of `clientState`, in characters. learn.microsoft.com/graph/api/resources/subscription; another page has 255.
pub(super) const CLIENT_STATE_LIMIT: usize = 128;

/// The greatest length of `encryptionCertificateId`, in characters (the same page).
pub(super) const CERTIFICATE_ID_LIMIT: usize = 128;

/// learn.microsoft.com/graph/api/subscription-post-subscriptions, -update (200 with the entity), -delete; graded *medium*.
pub(super) static RULES: WorkloadRules = WorkloadRules {
    types: &[TypeRules { name: SUBSCRIPTION, capabilities: &CAPABILITIES, wording: &WORDING, is_consulted: true }],
    properties: &[
        (SUBSCRIPTION, "creatorId", PropertyRule::ReadOnly),
        (SUBSCRIPTION, "creatorId", PropertyRule::ServerSet(ServerSetValue::CreatorId)),
        (SUBSCRIPTION, "applicationId", PropertyRule::ReadOnly),
        (SUBSCRIPTION, "applicationId", PropertyRule::ServerSet(ServerSetValue::ApplicationId)),
    ],
    // Medium (learn.microsoft.com/graph/api/subscription-list: those of the calling application). That the others are unknown to it is a
    // guess, and so is that all are shown to a caller without a token.
    owned: &[(SUBSCRIPTION, "applicationId")],
    // The end is missed first: microsoft-graph-docs#5226, where all members are missing.
    required: &[(
        SUBSCRIPTION,
        Required {
            members: &["expirationDateTime", "changeType", "notificationUrl", "resource"],
            relief: None,
            missing: &refusal::MISSING_SUBSCRIPTION_MEMBER,
            empty: Some(&refusal::MISSING_SUBSCRIPTION_MEMBER),
        },
    )],
    ..WorkloadRules::NONE
};

static CAPABILITIES: Capabilities = Capabilities { answer: UpdateAnswer::Entity, ..DEFAULT_CAPABILITIES };

static WORDING: Wording = Wording { unknown_entity: &refusal::UNKNOWN_SUBSCRIPTION, ..DEFAULT_WORDING };

/// The form in which a notification names an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameForm {
    /// The mailbox and a collection of it: `Users/{id}/Messages/{id}`.
    Mailbox(&'static str),
    /// The root set: `Users/{id}`.
    Root,
    /// The address: `teams('{id}')/channels('{id}')`.
    Address,
}

/// The rules of a type that can be watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct WatchedRules {
    type_name: &'static str,
    /// The longest time of a subscription, in minutes.
    pub(super) minutes: i64,
    /// The same with the changed entities in notifications.
    pub(super) rich_minutes: i64,
    /// The kinds of changes that are reported; `None` for all.
    pub(super) only: Option<&'static [&'static str]>,
    /// Whether subscriptions of more than an hour need a receiver for what happens to them.
    pub(super) needs_lifecycle_url: bool,
    /// Whether that receiver gets a message about the end of the subscription.
    pub(super) reports_removal: bool,
    /// Whether that receiver gets a message about notifications that were dropped.
    pub(super) reports_missed: bool,
    pub(super) name_form: NameForm,
    /// Navigation properties whose links are a part of the entity: a new or a removed one is an update of it.
    pub(super) links: &'static [&'static str],
}

const PLAIN: WatchedRules = WatchedRules {
    type_name: "",
    minutes: 4_230,
    rich_minutes: 4_230,
    only: None,
    needs_lifecycle_url: false,
    reports_removal: false,
    reports_missed: false,
    name_form: NameForm::Address,
    links: &[],
};

const fn row(type_name: &'static str, minutes: i64) -> WatchedRules {
    WatchedRules { type_name, minutes, rich_minutes: minutes, ..PLAIN }
}

const fn teams(type_name: &'static str) -> WatchedRules {
    WatchedRules { needs_lifecycle_url: true, ..row(type_name, 4_320) }
}

const fn mailbox(type_name: &'static str, collection: &'static str) -> WatchedRules {
    WatchedRules {
        name_form: NameForm::Mailbox(collection),
        reports_removal: true,
        reports_missed: true,
        rich_minutes: 1_440,
        ..row(type_name, 10_080)
    }
}

const fn directory(type_name: &'static str) -> WatchedRules {
    WatchedRules { name_form: NameForm::Root, only: Some(&["updated", "deleted"]), ..row(type_name, 41_760) }
}

const fn files(type_name: &'static str) -> WatchedRules {
    WatchedRules { only: Some(&["updated"]), ..row(type_name, 42_300) }
}

/// learn.microsoft.com/graph/api/resources/subscription (longest times, kinds of changes), graded *medium*; Outlook had 4,230 minutes until
/// 2024 (msgraph-sdk-dotnet#2930). learn.microsoft.com/graph/change-notifications-lifecycle-events (who gets messages about the end).
#[rustfmt::skip]
static WATCHED: [WatchedRules; 28] = [
    row("alert", 43_200),
    row("callRecord", 4_230),
    teams("chat"),
    teams("channel"),
    WatchedRules { reports_removal: true, ..teams("chatMessage") },
    teams("conversationMember"),
    teams("team"),
    row("onlineMeeting", 4_320),
    row("shift", 360),
    row("openShift", 360),
    row("timeOff", 360),
    row("offerShiftRequest", 360),
    row("openShiftChangeRequest", 360),
    row("swapShiftsChangeRequest", 360),
    row("timeOffRequest", 360),
    row("conversation", 4_230),
    files("driveItem"),
    files("list"),
    mailbox("message", "Messages"),
    mailbox("event", "Events"),
    mailbox("contact", "Contacts"),
    directory("user"),
    // Weak (learn.microsoft.com/graph/change-notifications-overview: changes of members are changes of groups); owners are a guess.
    WatchedRules { links: &["members", "owners"], ..directory("group") },
    WatchedRules { only: None, ..directory("directoryObject") },
    row("presence", 60),
    row("printer", 4_230),
    row("printTaskDefinition", 4_230),
    row("todoTask", 4_230),
];

/// Returns the rules of a type. Those of types that the service cannot watch are a guess.
pub(super) fn watched(type_name: &str) -> &'static WatchedRules {
    WATCHED.iter().find(|rules| rules.type_name == type_name).unwrap_or(&PLAIN)
}

impl WatchedRules {
    /// Whether objects can be restored after their deletion, which counts as an update.
    pub(super) fn is_directory(&self) -> bool {
        self.only.is_some() && self.name_form == NameForm::Root
    }

    /// Whether a change within the watched entity is one of it.
    pub(super) fn is_container(&self) -> bool {
        self.only.is_some_and(|only| only.len() == 1)
    }
}
