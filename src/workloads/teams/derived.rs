//! Values of new parts of teams that follow from others.

use std::sync::Arc;

use super::tags;
use crate::edm::address::encoded_key;
use crate::text::json::quoted;
use crate::world::fixture::directory::HOME_TENANT;
use crate::world::workload::{Derived, DerivedValue, KeyRule, NewEntity, text_of};

/// Strong: the forms recorded in pnp/pnpcore, and learn.microsoft.com/graph/api/channel-post-messages and channel-post-members.
pub(super) static DERIVED: [Derived; 16] = [
    row("team", "displayName", |team| text_of_group(team, "displayName")),
    row("team", "description", |team| text_of_group(team, "description")),
    row("channel", "tenantId", |channel| Some(DerivedValue::text(&tenant(channel)))),
    row("channel", "webUrl", |channel| {
        let (team, name) = (team(channel)?, channel.text("displayName")?);
        let (id, tenant) = (encoded_key(channel.key), tenant(channel));
        let name = encoded_key(&name);
        Some(DerivedValue::text(&format!("https://teams.microsoft.com/l/channel/{id}/{name}?groupId={team}&tenantId={tenant}")))
    }),
    row("chatMessage", "etag", |message| Some(DerivedValue::text(message.key))),
    row("chatMessage", "channelIdentity", |message| {
        let (team, channel) = (team(message)?, message.holder_id("channel")?);
        Some(DerivedValue::Json(format!(r#"{{"teamId":{},"channelId":{}}}"#, quoted(&team), quoted(&channel))))
    }),
    row("chatMessage", "replyToId", |message| message.holder_id("chatMessage").as_deref().map(DerivedValue::text)),
    row("aadUserConversationMember", "userId", |member| {
        let named = member.bound("user")?.key;
        // A user has a second key, the name at sign-in.
        let by_name = || member.find("users", "userPrincipalName", &named).map(|(user, _)| user.key.clone());
        let user = member.find("users", "id", &named).map(|(user, _)| user.key.clone()).or_else(by_name);
        Some(DerivedValue::text(&user.unwrap_or(named)))
    }),
    row("aadUserConversationMember", "displayName", |member| text_of_user(member, "displayName")),
    row("aadUserConversationMember", "email", |member| text_of_user(member, "mail")),
    row("aadUserConversationMember", "tenantId", |member| member.text("userId").map(|_| DerivedValue::text(&tenant(member)))),
    // Medium: learn.microsoft.com/graph/api/teamworktag-post and teamworktagmember-post.
    row("teamworkTag", "teamId", |tag| team(tag).as_deref().map(DerivedValue::text)),
    row("teamworkTag", "memberCount", |tag| Some(DerivedValue::Json(tags::new_members(tag).to_string()))),
    row("teamworkTag", "tagType", |_| Some(DerivedValue::text("standard"))),
    row("teamworkTagMember", "displayName", |member| text_of_user(member, "displayName")),
    row("teamworkTagMember", "tenantId", |member| member.text("userId").map(|_| DerivedValue::text(&tenant(member)))),
];

/// Medium: learn.microsoft.com/graph/api/team-post, a team of a group has its id.
pub(super) static KEYS: [(&str, KeyRule); 1] = [("team", |team| team.bound("group").map(|group| group.key.to_string()))];

/// Returns a text of the group that becomes a team.
fn text_of_group(team: &NewEntity<'_>, property: &str) -> Option<DerivedValue> {
    let (group, structured) = team.find("groups", "id", &team.bound("group")?.key)?;
    text_of(structured, &group.properties, property).map(|text| DerivedValue::text(&text))
}

const fn row(type_name: &'static str, property: &'static str, value: fn(&NewEntity<'_>) -> Option<DerivedValue>) -> Derived {
    Derived { type_name, property, value }
}

fn tenant(part: &NewEntity<'_>) -> String {
    part.first("organization").map_or_else(|| HOME_TENANT.to_owned(), |(organization, _)| organization.key.to_string())
}

fn team(part: &NewEntity<'_>) -> Option<Arc<str>> {
    part.holder_id("team")
}

/// Returns a text of the user that is a member.
fn text_of_user(member: &NewEntity<'_>, property: &str) -> Option<DerivedValue> {
    let (user, structured) = member.find("users", "id", &member.text("userId")?)?;
    text_of(structured, &user.properties, property).map(|text| DerivedValue::text(&text))
}
