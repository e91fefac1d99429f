//! Values of new items of a mailbox that follow from others.

use crate::edm::schema::StructuredType;
use crate::edm::value::{Complex, Value};
use crate::odata::purse::Purse;
use crate::text::json::quoted;
use crate::world::id_form::conversation_id;
use crate::world::workload::{Derived, DerivedValue, NewEntity, text_of};

/// Medium, unless said: the answers on learn.microsoft.com/graph/api/user-post-messages and group-post-events to requests without these
/// properties.
pub(super) static DERIVED: [Derived; 13] = [
    // Medium: learn.microsoft.com/graph/api/resources/event.
    row("event", "type", |event| event.complex("recurrence").map(|_| DerivedValue::text("seriesMaster"))),
    row("message", "bodyPreview", preview),
    row("message", "internetMessageId", |message| {
        let domain = "contoso.onmicrosoft.com";
        Some(DerivedValue::text(&format!("<{}@{domain}>", message.world.next_entity_id())))
    }),
    row("message", "conversationId", |message| Some(DerivedValue::text(&conversation_id(message.world.next_entity_id())))),
    row("message", "parentFolderId", folder),
    row("mailFolder", "parentFolderId", |folder| folder.holder_id("mailFolder").as_deref().map(DerivedValue::text)),
    row("event", "bodyPreview", preview),
    row("event", "iCalUId", |event| Some(calendar_id(event))),
    // Strong (recorded in pnp/pnpcore).
    row("event", "organizer", organizer),
    row("event", "originalStartTimeZone", |event| zone(event, "start")),
    row("event", "originalEndTimeZone", |event| zone(event, "end")),
    row("event", "locations", |event| {
        let slot = event.structured.slot("location")?;
        let location = event.values.get(slot);
        let (structured, value) = event.complex("location")?;
        text_of(structured, value, "displayName").filter(|name| !name.is_empty())?;
        Some(DerivedValue::Copied(Value::Collection([location.clone()].into())))
    }),
    row("fileAttachment", "size", |attachment| {
        let content = attachment.text("contentBytes")?;
        let padding = content.bytes().rev().take_while(|byte| *byte == b'=').count();
        Some(DerivedValue::Json((content.len() / 4 * 3).saturating_sub(padding).to_string()))
    }),
];

const fn row(type_name: &'static str, property: &'static str, value: fn(&NewEntity<'_>) -> Option<DerivedValue>) -> Derived {
    Derived { type_name, property, value }
}

/// The number of characters in a preview (learn.microsoft.com/graph/api/resources/message: "the first 255 characters").
const PREVIEW: usize = 255;

/// The end of a line in a text of HTML: no white space of the source.
const LINE_END: char = '\u{2028}';

fn preview(item: &NewEntity<'_>) -> Option<DerivedValue> {
    let (structured, body) = item.complex("body")?;
    let content = text_of(structured, body, "content")?;
    let text = if is_html(item, structured, body) { text_of_html(&content) } else { content.to_string() };
    Some(DerivedValue::text(&text.chars().take(PREVIEW).collect::<String>()))
}

fn is_html(item: &NewEntity<'_>, structured: &StructuredType, body: &Complex) -> bool {
    let property = structured.property("contentType").map(|index| &structured.properties[index]);
    property.is_some_and(|property| {
        let html = item.model.member(property.kind, "html");
        matches!(body.get(property.slot), Value::Enum(number) if Some(*number) == html)
    })
}

/// Returns the text of HTML, with one space for each run of white space. How the service lays it out is not known.
fn text_of_html(html: &str) -> String {
    lines_of_html(html).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the text of HTML, a line for each paragraph. How the service lays it out is not known.
pub(super) fn lines_of_html(html: &str) -> String {
    // In small letters all bytes have the same places.
    let lower = html.to_ascii_lowercase();
    let mut text = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let Some(length) = rest[open..].find('>') else {
            rest = &rest[open..];
            break;
        };
        let begin = html.len() - rest.len() + open;
        let tag = &lower[begin + 1..begin + length];
        let name = tag.split([' ', '/', '\n', '\r', '\t']).next().unwrap_or_default();
        rest = &rest[open + length + 1..];
        if matches!(name, "style" | "script" | "head") {
            let end = lower[begin + length + 1..].find(&format!("</{name}"));
            rest = end.map_or("", |end| &rest[end..]);
        } else if matches!(name, "br" | "p" | "div" | "li" | "tr" | "td") {
            text.push(LINE_END);
        }
    }
    text.push_str(rest);
    let decoded = text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let decoded = decoded.replace("&#39;", "'").replace("&amp;", "&");
    let lines = decoded.split(LINE_END).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\r\n")
}

/// Returns the folder that a message is in: that of its path, or the drafts of the mailbox.
fn folder(message: &NewEntity<'_>) -> Option<DerivedValue> {
    if let Some(folder) = message.holder_id("mailFolder") {
        return Some(DerivedValue::text(&folder));
    }
    let owner = message.ancestors.first()?;
    let folders = message.model.structured(owner.type_id).navigation("mailFolders")?;
    let structured = message.model.structured(folders.target);
    let address = owner.collection.within(&message.world.schema, &owner.key, folders.set);
    let is_drafts = |values: &Complex| text_of(structured, values, "displayName").is_some_and(|name| *name == *"Drafts");
    let slot = structured.slot("displayName")?;
    let found = message.world.store.at(&address).with_text(slot, "Drafts", &Purse::whole()).ok()?;
    let found = found.into_iter().find(|(_, folder)| is_drafts(&folder.properties));
    found.map(|(_, folder)| DerivedValue::text(&folder.key))
}

/// Returns the id of an event in other calendars: the prefix of Outlook, and 24 bytes.
fn calendar_id(event: &NewEntity<'_>) -> DerivedValue {
    let (one, other) = (event.world.next_entity_id().simple().to_string(), event.world.next_entity_id().simple().to_string());
    DerivedValue::text(&format!("040000008200E00074C5B7101A82E008{one}{}", &other[..16]).to_uppercase())
}

/// Returns the user of the mailbox.
fn organizer(event: &NewEntity<'_>) -> Option<DerivedValue> {
    let (user, structured) = event.holder("user")?;
    let text = |property: &str| text_of(structured, &user.properties, property);
    let address = text("mail").or_else(|| text("userPrincipalName"))?;
    let name = text("displayName").unwrap_or_else(|| address.clone());
    Some(DerivedValue::Json(format!(r#"{{"emailAddress":{{"name":{},"address":{}}}}}"#, quoted(&name), quoted(&address))))
}

fn zone(event: &NewEntity<'_>, member: &str) -> Option<DerivedValue> {
    let (structured, value) = event.complex(member)?;
    text_of(structured, value, "timeZone").map(|zone| DerivedValue::text(&zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_html_is_searched_once() {
        // Searches of the whole rest for each part would take minutes.
        let html = format!("{}end", "<style></style>".repeat(200_000));
        assert_eq!(lines_of_html(&html), "end");
    }

    #[test]
    fn the_text_of_html_has_no_tags() {
        for (html, text) in [
            ("They were <b>awesome</b>!", "They were awesome!"),
            ("<html>\r\n<head><style>p {}</style></head><body><p>a</p><p>b &amp; c&nbsp;d</p></body></html>", "a b & c d"),
            ("a < b", "a < b"),
            ("<head>never closed", ""),
            ("x<br/>y", "x y"),
            ("&amp;lt;", "&lt;"),
            ("\u{130}<STYLE>\u{130}</Style>b<Script>c</SCRIPT>d", "\u{130}bd"),
        ] {
            assert_eq!(text_of_html(html), text, "{html}");
        }
    }
}
