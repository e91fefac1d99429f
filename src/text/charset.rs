//! Encodings of texts from outside. A byte order mark decides before a declared charset, and that before a guess.

use std::borrow::Cow;

use crate::text::bom;

/// An encoding of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8, of which ASCII is a part.
    Utf8,
    /// Each byte is the character of its number.
    Latin1,
    /// Latin-1 with other characters in place of 32 control characters.
    Windows1252,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// UTF-32, the low byte first.
    Utf32Le,
    /// UTF-32, the high byte first.
    Utf32Be,
}

/// The characters of the bytes from 0x80 to 0x9F in Windows-1252; the five without one are control characters.
static WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”',
    '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Charset {
    /// Returns the encoding with a name, in any case, as .NET and browsers know it. That of UTF-16 without a byte order is found in the
    /// text.
    pub(crate) fn of_name(name: &str, text: &[u8]) -> Option<Charset> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" | "unicode-1-1-utf-8" => Some(Charset::Utf8),
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "l1" => Some(Charset::Latin1),
            "windows-1252" | "cp1252" | "x-cp1252" => Some(Charset::Windows1252),
            "utf-16" | "utf16" | "unicode" => Some(if text.first() == Some(&0) { Charset::Utf16Be } else { Charset::Utf16Le }),
            "utf-16le" => Some(Charset::Utf16Le),
            "utf-16be" | "unicodefffe" => Some(Charset::Utf16Be),
            "utf-32" | "utf-32le" => Some(Charset::Utf32Le),
            "utf-32be" => Some(Charset::Utf32Be),
            _ => None,
        }
    }

    /// Returns the encoding that a byte order mark in front names, and the text behind the mark.
    pub(crate) fn of_mark(text: &[u8]) -> Option<(Charset, &[u8])> {
        match text {
            [0xEF, 0xBB, 0xBF, rest @ ..] => Some((Charset::Utf8, rest)),
            // The mark of UTF-32 begins like that of UTF-16.
            [0xFF, 0xFE, 0, 0, rest @ ..] => Some((Charset::Utf32Le, rest)),
            [0, 0, 0xFE, 0xFF, rest @ ..] => Some((Charset::Utf32Be, rest)),
            [0xFF, 0xFE, rest @ ..] => Some((Charset::Utf16Le, rest)),
            [0xFE, 0xFF, rest @ ..] => Some((Charset::Utf16Be, rest)),
            _ => None,
        }
    }

    /// Returns a text as UTF-8 if a byte order mark names another encoding, as files of Windows PowerShell have it.
    ///
    /// # Errors
    ///
    /// Fails with a message for people if the text is not in that encoding.
    pub(crate) fn utf8(text: Vec<u8>) -> Result<Vec<u8>, String> {
        match Charset::of_mark(&text) {
            None | Some((Charset::Utf8, _)) => Ok(text),
            Some((charset, rest)) => match charset.decode(rest) {
                (decoded, false) => Ok(decoded.into_owned().into_bytes()),
                (_, true) => Err(format!("invalid {}; save the file as UTF-8", charset.name())),
            },
        }
    }

    /// Guesses the encoding of JSON, which begins with a character of ASCII (RFC 4627, 3).
    pub(crate) fn of_json(text: &[u8]) -> Charset {
        match text {
            [0, 0, 0, _, ..] => Charset::Utf32Be,
            [_, 0, 0, 0, ..] => Charset::Utf32Le,
            [0, _, ..] => Charset::Utf16Be,
            [_, 0, ..] => Charset::Utf16Le,
            _ => Charset::Utf8,
        }
    }

    /// Returns the name of the encoding.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Charset::Utf8 => "UTF-8",
            Charset::Latin1 => "ISO-8859-1",
            Charset::Windows1252 => "Windows-1252",
            Charset::Utf16Le | Charset::Utf16Be => "UTF-16",
            Charset::Utf32Le | Charset::Utf32Be => "UTF-32",
        }
    }

    /// Decodes a text. What the encoding does not allow is U+FFFD; returns whether there is any.
    pub(crate) fn decode(self, text: &[u8]) -> (Cow<'_, str>, bool) {
        let characters = |character: fn(u8) -> char| (text.iter().map(|byte| character(*byte)).collect::<String>().into(), false);
        match self {
            Charset::Utf8 => {
                let decoded = String::from_utf8_lossy(text);
                let is_damaged = matches!(decoded, Cow::Owned(_));
                (decoded, is_damaged)
            }
            Charset::Latin1 => characters(char::from),
            Charset::Windows1252 => characters(|byte| match byte {
                0x80..=0x9F => WINDOWS[usize::from(byte - 0x80)],
                other => char::from(other),
            }),
            Charset::Utf16Le | Charset::Utf16Be => {
                let (units, rest) = text.as_chunks::<2>();
                let unit = if self == Charset::Utf16Le { u16::from_le_bytes } else { u16::from_be_bytes };
                let decoded = char::decode_utf16(units.iter().map(|bytes| unit(*bytes)));
                joined(decoded.map(Result::ok), !rest.is_empty())
            }
            Charset::Utf32Le | Charset::Utf32Be => {
                let (units, rest) = text.as_chunks::<4>();
                let unit = if self == Charset::Utf32Le { u32::from_le_bytes } else { u32::from_be_bytes };
                joined(units.iter().map(|bytes| char::from_u32(unit(*bytes))), !rest.is_empty())
            }
        }
    }
}

fn joined(characters: impl Iterator<Item = Option<char>>, has_rest: bool) -> (Cow<'static, str>, bool) {
    let mut is_damaged = has_rest;
    let mut text: String = characters
        .map(|character| {
            is_damaged |= character.is_none();
            character.unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect();
    if has_rest {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    // A declared charset does not keep a writer from a mark.
    (bom::strip(&text).to_owned().into(), is_damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn names_marks_and_first_bytes_name_the_encoding() {
        for (name, expected) in [("UTF8", Charset::Utf8), ("latin1", Charset::Latin1), ("ISO-8859-1", Charset::Latin1)] {
            assert_eq!(Charset::of_name(name, b"{"), Some(expected), "{name}");
        }
        assert_eq!(Charset::of_name("utf-16", b"{\0"), Some(Charset::Utf16Le));
        assert_eq!(Charset::of_name("utf-16", b"\0{"), Some(Charset::Utf16Be));
        assert_eq!(Charset::of_name("klingon", b"{"), None);
        assert_eq!(Charset::of_mark(b"\xFF\xFEa\0"), Some((Charset::Utf16Le, &b"a\0"[..])));
        assert_eq!(Charset::of_mark(b"\xFF\xFE\0\0a\0\0\0"), Some((Charset::Utf32Le, &b"a\0\0\0"[..])));
        assert_eq!(Charset::of_mark(b"{}"), None);
        assert_eq!(Charset::of_json(&utf16("{}")), Charset::Utf16Le);
        assert_eq!(Charset::of_json(b"{}"), Charset::Utf8);
    }

    #[test]
    fn texts_are_decoded() {
        assert_eq!(Charset::Latin1.decode(b"a\xE4"), ("aä".into(), false));
        assert_eq!(Charset::Windows1252.decode(b"\x80\x9F\xE4"), ("€Ÿä".into(), false));
        assert_eq!(Charset::Utf16Le.decode(&utf16("aä😀")), ("aä😀".into(), false));
        assert_eq!(Charset::Utf16Be.decode(b"\0a\xD8\0\0b"), ("a\u{fffd}b".into(), true));
        assert_eq!(Charset::Utf16Le.decode(b"a\0b"), ("a\u{fffd}".into(), true));
        assert_eq!(Charset::Utf32Be.decode(b"\0\0\0a\0\x11\0\0"), ("a\u{fffd}".into(), true));
        assert_eq!(Charset::Utf8.decode(b"a\xE4b"), ("a\u{fffd}b".into(), true));
    }

    #[test]
    fn a_file_with_a_mark_is_read_as_utf8() {
        let marked = [&b"\xFF\xFE"[..], &utf16("{\"a\":\"ä\"}")].concat();
        assert_eq!(Charset::utf8(marked).unwrap(), "{\"a\":\"ä\"}".as_bytes());
        assert_eq!(Charset::utf8(b"\xEF\xBB\xBF{}".to_vec()).unwrap(), b"\xEF\xBB\xBF{}");
        assert_eq!(Charset::utf8(b"\xFF\xFEa".to_vec()).unwrap_err(), "invalid UTF-16; save the file as UTF-8");
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn every_text_is_read_back(text in "\\PC{0,40}") {
            let encoded = utf16(&text);
            prop_assert_eq!(Charset::Utf16Le.decode(&encoded), (text.as_str().into(), false));
            prop_assert_eq!(Charset::Utf8.decode(text.as_bytes()), (text.as_str().into(), false));
        }
    }
}
