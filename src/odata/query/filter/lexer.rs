//! The tokens of an expression.

use std::borrow::Cow;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FilterToken<'t> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// A name, a path, an operator or a keyword.
    Word(&'t str),
    /// A number or a date: anything that begins with a digit or a minus sign.
    Number(&'t str),
    /// A string literal, without its single quotes.
    Text(Cow<'t, str>),
    /// An enum literal: a type name and a string literal.
    Typed(&'t str, Cow<'t, str>),
    /// The end of the text.
    End,
}

/// Reads the token at an offset, after white space. Returns it with the offsets of its first byte and of the byte after it; an error
/// has an offset and a detail.
pub(super) fn token(text: &str, from: usize) -> Result<(FilterToken<'_>, usize, usize), (usize, &'static str)> {
    let rest = &text[from..];
    let trimmed = rest.trim_start();
    let at = from + rest.len() - trimmed.len();
    let mut characters = trimmed.chars();
    let Some(first) = characters.next() else { return Ok((FilterToken::End, at, at)) };
    let single = |token| Ok((token, at, at + first.len_utf8()));
    match first {
        '(' => single(FilterToken::Open),
        ')' => single(FilterToken::Close),
        ',' => single(FilterToken::Comma),
        '\'' => {
            let (value, end) = quoted(text, at)?;
            Ok((FilterToken::Text(value), at, end))
        }
        _ if first.is_ascii_digit() || first == '-' => {
            let end = span(trimmed, |character| character.is_ascii_alphanumeric() || matches!(character, '.' | ':' | '-' | '+'));
            Ok((FilterToken::Number(&trimmed[..end]), at, at + end))
        }
        _ if first.is_alphabetic() || first == '_' => {
            let end = span(trimmed, |character| character.is_alphanumeric() || matches!(character, '_' | '.' | '/'));
            let word = &trimmed[..end];
            if trimmed[end..].starts_with('\'') {
                let (value, end) = quoted(text, at + end)?;
                return Ok((FilterToken::Typed(word, value), at, end));
            }
            Ok((FilterToken::Word(word), at, at + end))
        }
        _ => Err((at, "unexpected character")),
    }
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character)).unwrap_or(text.len())
}

/// Reads a string literal, in which single quotes are doubled. Returns it with the offset of the byte after it.
fn quoted(text: &str, at: usize) -> Result<(Cow<'_, str>, usize), (usize, &'static str)> {
    let inner = &text[at + 1..];
    let mut end = 0;
    let mut has_doubled = false;
    loop {
        let Some(quote) = inner[end..].find('\'') else { return Err((at, "unterminated string")) };
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
