//! GUIDs in texts.

/// The length of a GUID with its dashes.
pub(crate) const LENGTH: usize = 36;

/// The length of a GUID without its dashes.
pub(crate) const BARE_LENGTH: usize = 32;

/// Returns whether a text is a GUID with its dashes.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == LENGTH && has_form(text.as_bytes())
}

/// Returns whether a text is a GUID without its dashes.
pub(crate) fn is_bare_guid(text: &str) -> bool {
    text.len() == BARE_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns whether a text contains a GUID with its dashes, as a word of its own.
pub(crate) fn contains_guid(text: &str) -> bool {
    (0..text.len()).any(|start| length_at(text.as_bytes(), start) == Some(LENGTH))
}

/// Returns the length of the GUID that begins at `start`, with or without its dashes, if no letter or digit adjoins it.
pub(crate) fn length_at(text: &[u8], start: usize) -> Option<usize> {
    if start > 0 && text[start - 1].is_ascii_alphanumeric() {
        return None;
    }
    let ends = |length: usize| !text.get(start + length).is_some_and(u8::is_ascii_alphanumeric);
    if text.get(start..start + LENGTH).is_some_and(has_form) && ends(LENGTH) {
        return Some(LENGTH);
    }
    let bare = text.get(start..start + BARE_LENGTH).is_some_and(|guid| guid.iter().all(u8::is_ascii_hexdigit));
    (bare && ends(BARE_LENGTH)).then_some(BARE_LENGTH)
}

fn has_form(guid: &[u8]) -> bool {
    guid.iter().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_recognized() {
        let guid = "05227533-379e-4a0a-9d17-afe306a1e10d";
        assert!(is_guid(guid) && contains_guid(guid) && contains_guid(&format!("WFI_{guid}.")));
        assert!(is_bare_guid(&guid.replace('-', "")) && !contains_guid(&guid.replace('-', "")));
        for other in ["", &guid[1..], &format!("x{guid}"), &format!("{guid}0"), &guid.replace('-', "_")] {
            assert!(!is_guid(other) && !contains_guid(other), "{other}");
        }
    }
}
