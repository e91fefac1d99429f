//! The tokens of an expression.

use std::borrow::Cow;

use super::messages;
use crate::text::guid;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FilterToken<'t> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `:`, after a range variable.
    Colon,
    /// `-` before an operand other than a number.
    Minus,
    /// A name, a path, an operator or a keyword.
    Word(&'t str),
    /// A literal without quotes: a number, a date, a time or a GUID.
    Bare(&'t str),
    /// A string literal, without its single quotes.
    Text(Cow<'t, str>),
    /// A literal with a prefix: the name of a type and a string literal.
    Typed(&'t str, Cow<'t, str>),
    /// The end of the text.
    End,
}

/// A text that has no token at its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LexerProblem {
    /// The offset in the text, in bytes.
    pub at: usize,
    pub detail: &'static str,
    /// The text of Microsoft's library.
    pub message: String,
}

/// Reads the token at an offset, after white space. Returns it with the offsets of its first byte and of the byte after it.
pub(super) fn token(text: &str, from: usize) -> Result<(FilterToken<'_>, usize, usize), LexerProblem> {
    let rest = &text[from..];
    let trimmed = rest.trim_start();
    let at = from + rest.len() - trimmed.len();
    let mut characters = trimmed.chars();
    let Some(first) = characters.next() else { return Ok((FilterToken::End, at, at)) };
    let second = characters.next();
    let single = |token| Ok((token, at, at + first.len_utf8()));
    if let Some(guid) = guid_at(trimmed) {
        return Ok((FilterToken::Bare(guid), at, at + guid.len()));
    }
    match first {
        '(' => single(FilterToken::Open),
        ')' => single(FilterToken::Close),
        ',' => single(FilterToken::Comma),
        ':' => single(FilterToken::Colon),
        '\'' => {
            let (value, end) = quoted(text, at)?;
            Ok((FilterToken::Text(value), at, end))
        }
        '-' if trimmed[1..].starts_with("INF") && span(&trimmed[1..], is_in_word) == 3 => {
            Ok((FilterToken::Bare(&trimmed[..4]), at, at + 4))
        }
        _ if first.is_ascii_digit() || matches!(first, '-' | '+') && second.is_some_and(|second| second.is_ascii_digit()) => {
            let end = span(trimmed, |character| character.is_ascii_alphanumeric() || matches!(character, '.' | ':' | '-' | '+'));
            Ok((FilterToken::Bare(&trimmed[..end]), at, at + end))
        }
        '-' => single(FilterToken::Minus),
        _ if first.is_alphabetic() || matches!(first, '_' | '$') => {
            let end = first.len_utf8()
                + span(&trimmed[first.len_utf8()..], |character| is_in_word(character) || matches!(character, '.' | '/' | '$'));
            let word = &trimmed[..end];
            if trimmed[end..].starts_with('\'') {
                let (value, end) = quoted(text, at + end)?;
                return Ok((FilterToken::Typed(word, value), at, end));
            }
            Ok((FilterToken::Word(word), at, at + end))
        }
        _ => Err(LexerProblem { at, detail: "unexpected character", message: messages::invalid_character(text, at) }),
    }
}

fn is_in_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the GUID at the beginning of a text, unless a word continues it.
fn guid_at(text: &str) -> Option<&str> {
    let guid = text.get(..guid::LENGTH).filter(|start| guid::is_guid(start))?;
    let is_continued = text[guid::LENGTH..].starts_with(|next| is_in_word(next) || matches!(next, '-' | '.' | '/'));
    (!is_continued).then_some(guid)
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character)).unwrap_or(text.len())
}

/// Reads a string literal, in which single quotes are doubled. Returns it with the offset of the byte after it.
fn quoted(text: &str, at: usize) -> Result<(Cow<'_, str>, usize), LexerProblem> {
    let inner = &text[at + 1..];
    let mut end = 0;
    let mut has_doubled = false;
    loop {
        let Some(quote) = inner[end..].find('\'') else {
            return Err(LexerProblem {
                at,
                detail: "unterminated string",
                message: messages::unterminated_string(text, text.len()),
            });
        };
        end += quote;
        if !inner[end + 1..].starts_with('\'') {
            break;
        }
        has_doubled = true;
        end += 2;
    }
    let value = &inner[..end];
    let value = if has_doubled { Cow::Owned(value.replace("''", "'")) } else { Cow::Borrowed(value) };
    Ok((value, at + 1 + end + 1))
}
