//! Rules of Teams that CSDL cannot express.

use crate::edm::schema::{
    Capabilities, DEFAULT_CAPABILITIES, DEFAULT_WORDING, IdForm, JoinRules, KeyCheck, PropertyRule, ServerSetValue, TypeRules,
    Unique, UpdateAnswer, UpdateMethod, View, Wording, WorkloadRules,
};
use crate::policy::refusal;

/// Statuses are those recorded in pnp/pnpcore (strong), or of the pages (medium) learn.microsoft.com/graph/api/channel-patch, channel-update-members and
/// chatmessage-update.
pub(super) static RULES: WorkloadRules = WorkloadRules {
    types: &[
        TypeRules { name: "team", capabilities: &TEAM, wording: &TEAM_WORDING, is_consulted: false },
        part("channel", &CHANNEL, &CHANNEL_WORDING),
        part("chat", &MEMBER, &CHAT_WORDING),
        part("conversationMember", &MEMBER, &MEMBER_WORDING),
        part("aadUserConversationMember", &MEMBER, &MEMBER_WORDING),
        part("chatMessage", &MESSAGE, &MESSAGE_WORDING),
        // Its workload counts the members of a tag.
        TypeRules { is_consulted: true, ..part("teamworkTagMember", &DEFAULT_CAPABILITIES, &DEFAULT_WORDING) },
    ],
    properties: &[
        // The singleton's value is the emulator's own (grade none): the reference page gives only the meaning of the property.
        ("teamwork", "isTeamsEnabled", PropertyRule::InitialValue("true")),
        // Strong (recorded in pnp/pnpcore).
        ("channel", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("channel", "membershipType", PropertyRule::InitialValue("\"standard\"")),
        ("channel", "isArchived", PropertyRule::InitialValue("false")),
        // The answers on learn.microsoft.com/graph/api/channel-post-messages to requests without these properties (medium).
        ("chatMessage", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("chatMessage", "lastModifiedDateTime", PropertyRule::ServerSet(ServerSetValue::ModifiedAt)),
        ("chatMessage", "from", PropertyRule::ServerSet(ServerSetValue::CreatedBy)),
        ("chatMessage", "locale", PropertyRule::CreatedWith("\"en-us\"")),
        ("chatMessage", "messageType", PropertyRule::InitialValue("\"message\"")),
        ("chatMessage", "importance", PropertyRule::InitialValue("\"normal\"")),
        // Strong (recorded in pnp/pnpcore); specialization from learn.microsoft.com/graph/api/team-get (medium).
        ("team", "isArchived", PropertyRule::InitialValue("false")),
        ("team", "specialization", PropertyRule::InitialValue("\"none\"")),
    ],
    references: &[("user", "joinedTeams")],
    // learn.microsoft.com/graph/api/user-list-joinedteams: the teams of which a user is a direct member. The members of the group of a team
    // are those of the team.
    joined: &[(
        ("user", "joinedTeams"),
        JoinRules { root: "teams", members: "members", person: "userId", same_key: ("group", "members") },
    )],
    // A group has the id of its team, and the primary channel is one of the channels (strong, recorded in pnp/pnpcore).
    views: &[
        ("team", "group", View::SameKey("groups")),
        ("team", "primaryChannel", View::Among { navigation: "channels", property: "displayName", value: "\"General\"" }),
    ],
    // Medium: learn.microsoft.com/graph/api/team-list-allchannels and team-list-incomingchannels print `shared` without a preference, and the
    // resource says that it needs one.
    whole_enums: &[("team", "allChannels"), ("team", "incomingChannels")],
    // Medium: the answers on learn.microsoft.com/graph/api/chatmessage-list-hostedcontents.
    counted: &["chatMessageHostedContent"],
    // Strong for channel messages (recorded in pnp/pnpcore), medium for the other pages.
    page_sizes: &[("chatMessage", 20)],
    // Weak: notes of two users on the refusal, which is that of messages in a mailbox (msgraph-metadata#607).
    untracked: &[("chat", "messages"), ("chatMessage", "replies")],
    // See the row of the refusal; that case does not matter is a guess.
    unique: &[("channel", Unique { property: "displayName", among: None, with: None, refusal: &refusal::CHANNEL_NAME_TAKEN })],
    // The answers to other requests for these have no expansions in any public source (none).
    unexpanded: &[("teamwork", "workforceIntegrations"), ("team", "schedule")],
    ..WorkloadRules::NONE
};

/// A team is created by an operation (`creation.rs`), and deleted with its group, which is not emulated.
static TEAM: Capabilities = Capabilities {
    // PUT makes a group a team (learn.microsoft.com/graph/api/team-put-teams).
    update: Some(UpdateMethod::PatchOrUpsert),
    deletes: false,
    answer: UpdateAnswer::NoContent,
    puts_as_posts: true,
    ..DEFAULT_CAPABILITIES
};

static CHANNEL: Capabilities = Capabilities { answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

static MEMBER: Capabilities = Capabilities { answer: UpdateAnswer::Entity, ..DEFAULT_CAPABILITIES };

/// A message is deleted by an action, `softDelete`. The page on its update shows 200 without a body, in the text and in the example (medium).
static MESSAGE: Capabilities = Capabilities { deletes: false, answer: UpdateAnswer::Empty, ..DEFAULT_CAPABILITIES };

const fn part(name: &'static str, capabilities: &'static Capabilities, wording: &'static Wording) -> TypeRules {
    TypeRules { name, capabilities, wording, is_consulted: false }
}

/// The form of ids is that recorded in pnp/pnpcore (strong).
static CHANNEL_WORDING: Wording = Wording {
    id: IdForm::Hex("19:", "@thread.tacv2"),
    malformed_key: Some(&KeyCheck { is_well_formed: is_channel_id, refusal: &refusal::INVALID_CHANNEL_KEY }),
    ..PART_WORDING
};

fn is_channel_id(key: &str) -> bool {
    key.starts_with("19:") && (key.ends_with("@thread.tacv2") || key.ends_with("@thread.skype"))
}

/// The form of ids is that of group chats recorded in pnp/pnpcore (strong). Chats of two people have another one, from the ids of both.
static CHAT_WORDING: Wording = Wording { id: IdForm::Hex("19:", "@thread.v2"), ..PART_WORDING };

static MEMBER_WORDING: Wording = Wording { abstract_type: &refusal::MISSING_MEMBER_TYPE, ..PART_WORDING };

/// The form of ids is that recorded in pnp/pnpcore (strong).
static MESSAGE_WORDING: Wording = Wording { id: IdForm::Milliseconds, ..PART_WORDING };

/// An unknown team is refused with the wording of Teams, the schedule of an unknown team with that of Shifts.
static TEAM_WORDING: Wording = Wording {
    noun: "team",
    unknown_entity: &refusal::UNKNOWN_TEAM,
    unknown_ancestor: &refusal::UNKNOWN_TEAM_OF_SCHEDULE,
    ..PART_WORDING
};

/// The words for an unknown channel, member or message are not known.
static PART_WORDING: Wording = Wording {
    unknown_ancestor: &refusal::UNKNOWN_TEAM,
    // From `Location` headers of Teams resources, recorded in pnp/pnpcore.
    backend_url: "https://teamsgraph.teams.microsoft.com",
    ..DEFAULT_WORDING
};
