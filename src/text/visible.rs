//! Texts from outside made part of another text: of a line of a log, a comment, a report, a terminal's output.
//!
//! Such a part ends no line and gives no orders to a terminal, and what is shown of it is in the order of the text. JSON has escapes
//! of its own.

use std::borrow::Cow;

/// Returns a text in one line, with escapes such as `\n` and `\u{1b}` in place of characters that control how text is shown.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escape_if(text, is_control)
}

/// Returns a text of several lines likewise; line feeds and tabs remain.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    escape_if(text, |character| is_control(character) && !matches!(character, '\n' | '\t'))
}

/// Returns a text with colors likewise: ESC remains. It is for texts whose parts were escaped before.
pub(crate) fn visible_colored(text: &str) -> Cow<'_, str> {
    escape_if(text, |character| is_control(character) && character != '\u{1b}')
}

/// Returns the text of a JSON string, escapes included, with the escapes of JSON in place of all characters that control how text is
/// shown. JSON itself escapes C0 only. The value stays the same.
pub(crate) fn visible_json_string(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_control) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for character in text[first..].chars() {
        // None of them is beyond the first 65,536 characters.
        if is_control(character) { out.push_str(&format!("\\u{:04x}", u32::from(character))) } else { out.push(character) }
    }
    Cow::Owned(out)
}

/// Whether a character controls how text is shown: C0, DEL and C1, line and paragraph separators, and the marks, embeddings, overrides
/// and isolates that change the direction of text.
pub(crate) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape_if(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&is_escaped) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for character in text[first..].chars() {
        if is_escaped(character) { out.extend(character.escape_default()) } else { out.push(character) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_the_display_is_escaped_and_nothing_else() {
        for plain in ["", "plain", "é日😀 \\n \u{a0}\u{ad}\u{200b}\u{feff}\u{fffd}", "a b"] {
            assert!(matches!(visible(plain), Cow::Borrowed(text) if text == plain), "{plain:?}");
        }
        let control = "a\0\u{7}\t\n\r\u{1b}[2J\u{1f}\u{7f}\u{80}\u{85}\u{9b}\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}é";
        let shown = r"a\u{0}\u{7}\t\n\r\u{1b}[2J\u{1f}\u{7f}\u{80}\u{85}\u{9b}\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}é";
        assert_eq!(visible(control), shown);
        let json = r#"a\n\"\u007f\u009f\u061c\u202eé"#;
        assert_eq!(visible_json_string("a\\n\\\"\u{7f}\u{9f}\u{61c}\u{202e}é"), json);
        assert!(matches!(visible_json_string(json), Cow::Borrowed(text) if text == json));
        assert_eq!(visible_lines("a\tb\r\n\u{1b}"), "a\tb\\r\n\\u{1b}");
        assert_eq!(visible_colored("\u{1b}[31m\n\u{9b}"), "\u{1b}[31m\\n\\u{9b}");
    }
}
