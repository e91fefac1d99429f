//! The rules of Hurl's own grammar, checked against the output of the writer.
//!
//! They are those of `docs/spec/grammar/hurl.grammar` in Orange-OpenSource/hurl, for the parts of it that the writer uses. Hurl's parser
//! (`hurl_core` 8) needs libxml2 and libclang, so it is not part of the tests; it has accepted 2,318 printed files of these
//! generators, except those with the method `HTTP`, which this module excludes too.

use proptest::collection::vec;
use proptest::prelude::*;

use super::generators::entry;
use crate::text::exchange::{layout, write_entries};

/// Reads a text as `hurl-file`, and returns the rest where no rule fits.
fn check(text: &str) -> Result<(), String> {
    let mut rest = text;
    while !rest.is_empty() {
        rest = skip_lt(rest);
        if rest.is_empty() {
            break;
        }
        rest = request(rest)?;
        if skip_lt(rest).starts_with("HTTP") {
            rest = response(skip_lt(rest))?;
        }
    }
    Ok(())
}

/// `lt: sp* comment? [\n]?`, any number of them.
fn skip_lt(text: &str) -> &str {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t']);
        let without_comment =
            if trimmed.starts_with('#') { &trimmed[trimmed.find('\n').unwrap_or(trimmed.len())..] } else { trimmed };
        match without_comment.strip_prefix('\n') {
            Some(next) => rest = next,
            None => return without_comment,
        }
    }
}

/// `method sp value-string lt header* body?`
fn request(text: &str) -> Result<&str, String> {
    let length = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let (method, rest) = text.split_at(length);
    let rest = rest.strip_prefix(' ').filter(|_| !method.is_empty()).ok_or_else(|| format!("no request line: {text}"))?;
    let rest = line(string(rest, "#\n\\")?)?;
    body(headers(rest, false)?)
}

/// `version sp status lt header* captures-section? body?`
fn response(text: &str) -> Result<&str, String> {
    let rest = text.strip_prefix("HTTP ").ok_or_else(|| format!("no version: {text}"))?;
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line(&rest[length..]).ok().filter(|_| length == 3).ok_or_else(|| format!("no status: {text}"))?;
    let rest = headers(rest, false)?;
    match rest.strip_prefix("[Captures]\n") {
        Some(captures) => body(headers(captures, true)?),
        None => body(rest),
    }
}

fn line(text: &str) -> Result<&str, String> {
    text.strip_prefix('\n').ok_or_else(|| format!("no end of line: {text}"))
}

/// `key-string ":" value-string lt`, or with captures `key-string ":" query lt`, any number of them.
fn headers(text: &str, are_captures: bool) -> Result<&str, String> {
    let mut rest = text;
    loop {
        let plain = |character: char| character.is_ascii_alphanumeric() || "_-.[]@$".contains(character);
        let mut key = rest;
        while let Some(next) = key.strip_prefix(plain).or_else(|| escape(key, "#:\\bfnrt")) {
            key = next;
        }
        // A body may begin with letters too: `base64,…;`.
        let Some(value) = key.strip_prefix(':').filter(|_| key.len() < rest.len() && !rest.starts_with('[')) else {
            return Ok(rest);
        };
        rest = if are_captures {
            let query = value.strip_prefix(" jsonpath \"").or_else(|| value.strip_prefix(" header \""));
            let rest = string(query.ok_or_else(|| format!("no query: {value}"))?, "\"\n\\")?;
            line(rest.strip_prefix('"').ok_or_else(|| format!("no end of the text: {rest}"))?)?
        } else {
            line(string(value, "#\n\\")?)?
        };
    }
}

/// A string up to one of the characters that end it, with escapes and templates.
fn string<'t>(text: &'t str, ends: &str) -> Result<&'t str, String> {
    let mut rest = text;
    loop {
        if rest.starts_with("{{") {
            rest = template(rest)?;
        } else if let Some(next) = escape(rest, "#\\bfnrt\"`") {
            rest = next;
        } else if rest.starts_with('\\') {
            return Err(format!("no escape: {rest}"));
        } else {
            match rest.chars().next() {
                Some(character) if !ends.contains(character) && !character.is_control() => rest = &rest[character.len_utf8()..],
                _ => return Ok(rest),
            }
        }
    }
}

fn escape<'t>(text: &'t str, letters: &str) -> Option<&'t str> {
    let rest = text.strip_prefix('\\')?;
    if let Some(digits) = rest.strip_prefix("u{") {
        let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
        return digits[length..].strip_prefix('}').filter(|_| length > 0);
    }
    rest.strip_prefix(|character: char| letters.contains(character))
}

/// `"{{" variable-name "}}"`, where `variable-name: [A-Za-z] [A-Za-z_-0-9]*`.
fn template(text: &str) -> Result<&str, String> {
    let inner = text.strip_prefix("{{").and_then(|rest| rest.split_once("}}"));
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    inner.filter(|(name, _)| is_name(name)).map(|(_, rest)| rest).ok_or_else(|| format!("no template: {text}"))
}

/// `json-value | multiline-string | oneline-string | oneline-base64`, or nothing.
fn body(text: &str) -> Result<&str, String> {
    if text.is_empty() || text.starts_with('\n') {
        return Ok(text);
    }
    if let Some(lines) = text.strip_prefix("```\n") {
        let (inside, rest) = lines.split_once("```").ok_or_else(|| format!("no closing fence: {text}"))?;
        templates(inside)?;
        return line(rest);
    }
    if let Some(inside) = text.strip_prefix('`') {
        return line(string(inside, "`\n\\")?.strip_prefix('`').ok_or_else(|| format!("no closing backtick: {text}"))?);
    }
    if let Some(digits) = text.strip_prefix("base64,") {
        let (digits, rest) = digits.split_once(';').ok_or_else(|| format!("no semicolon: {text}"))?;
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/= \n".contains(&byte);
        return if digits.bytes().all(is_digit) { line(rest) } else { Err(format!("no base64: {text}")) };
    }
    let length = layout::value_length(text).map_err(|error| format!("no JSON: {error}: {text}"))?;
    templates(&text[..length])?;
    line(&text[length..])
}

/// Two braces begin a template, in fences and JSON too.
fn templates(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        rest = template(&rest[at..])?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn written_entries_follow_the_grammar_of_hurl(entries in vec(entry(), 0..3)) {
        let method = |method: &str| method != "HTTP" && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if entries.iter().all(|entry| method(entry.exchange.request.method.as_str())) {
            let text = write_entries(&entries);
            prop_assert_eq!(check(&text), Ok(()), "\n{}", text);
        }
    }
}

#[test]
fn texts_that_break_a_rule_are_noticed() {
    for text in [
        "get {{base}}/\n",
        "GET {{base}}/\nA b\n",
        "GET {{base}}/{{a b}}\n",
        "GET {{base}}/\\q\n",
        "GET {{base}}/\n\nHTTP 20\n",
        "GET {{base}}/\n\nHTTP 200\n[Captures]\na: b\n",
        "GET {{base}}/\n{\"a\": \"{{\"}\n",
        "GET {{base}}/\n```\na\n",
        "GET {{base}}/\n`a\n",
        "GET {{base}}/\nbase64,?;\n",
    ] {
        assert!(check(text).is_err(), "{text}");
    }
}
