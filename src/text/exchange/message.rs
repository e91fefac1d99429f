//! Text fragments for the messages of the reader.

use crate::text::truncate::truncate;
use crate::text::visible::visible;

/// Quotes the first line of a source text between backticks, shortened and without control characters.
pub(super) fn quoted(text: &str) -> String {
    const LIMIT: usize = 40;
    let line = text.split('\n').next().unwrap_or_default();
    format!("`{}`", visible(&truncate(line, LIMIT)))
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
