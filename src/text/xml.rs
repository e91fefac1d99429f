//! Texts in XML.

use crate::text::visible::is_control;

/// Returns a text as it is written in an element or in an attribute. Control characters are escaped as the program shows them.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            // XML 1.0 cannot represent these.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ if is_control(character) => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_what_xml_cannot_represent_are_escaped() {
        assert_eq!(escaped("<a b=\"c\">&\u{ffff}\u{1b}\n"), "&lt;a b=&quot;c&quot;&gt;&amp;\u{fffd}\\u{1b}\n");
        let is_forbidden = |character: char| matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
        let all: String = ('\0'..='\u{ffff}').collect();
        assert!(!escaped(&all).contains(is_forbidden));
    }
}
