//! Text fragments for the messages of the reader.

use crate::text::truncate::truncate;

/// Quotes the first line of a source text between backticks, shortened and without control characters.
pub(super) fn quoted(text: &str) -> String {
    const LIMIT: usize = 40;
    let line = text.split('\n').next().unwrap_or_default();
    let mut excerpt = String::from("`");
    for character in truncate(line, LIMIT).chars() {
        if character.is_control() {
            excerpt.extend(character.escape_default());
        } else {
            excerpt.push(character);
        }
    }
    excerpt.push('`');
    excerpt
}

/// Describes a template of an unsupported form, or in a place without templates; `text` starts with the template.
pub(super) fn unsupported_template(text: &str) -> String {
    let line = text.split('\n').next().unwrap_or_default();
    let template = line.find("}}").map_or(line, |position| &line[..position + 2]);
    format!(
        "unsupported template {}, expected `{{{{base}}}}` at the start of a target, or the name of a captured value",
        quoted(template)
    )
}
