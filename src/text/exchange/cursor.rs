//! The position of the reader in its text.

use super::ReadError;
use super::message::quoted;
use crate::text::bom;

/// The rest of a text, and the number of the line where it starts.
pub(super) struct Cursor<'t> {
    pub(super) rest: &'t str,
    pub(super) line: usize,
}

impl<'t> Cursor<'t> {
    /// Starts at the beginning of a text. A byte order mark is skipped, as Hurl does.
    pub(super) fn new(text: &'t str) -> Self {
        let rest = bom::strip(text);
        Cursor { rest, line: 1 }
    }

    /// Starts within a text, at the beginning of the line with the given number.
    pub(super) fn at_line(text: &'t str, line: usize) -> Self {
        Cursor { rest: text, line }
    }

    /// Returns the rest of the current line without its line break.
    pub(super) fn rest_of_line(&self) -> &'t str {
        let line = self.rest.split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// Moves forward by a number of bytes, which must end between two characters of the rest.
    pub(super) fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.bytes().filter(|&byte| byte == b'\n').count();
        self.rest = rest;
    }

    /// Moves over blanks within the line.
    pub(super) fn skip_blanks(&mut self) {
        self.rest = trim_start(self.rest);
    }

    /// Moves over blank lines and comment lines; returns the comments without `#` and the blank after it.
    pub(super) fn skip_comments(&mut self) -> Vec<String> {
        let mut comments = Vec::new();
        while !self.rest.is_empty() {
            let line = trim_start(self.rest_of_line());
            if let Some(comment) = line.strip_prefix('#') {
                comments.push(comment.strip_prefix(' ').unwrap_or(comment).to_owned());
            } else if !line.is_empty() {
                break;
            }
            self.skip_line();
        }
        self.skip_blanks();
        comments
    }

    /// Moves to the next line; fails if the line goes on with anything but blanks or a comment. `element` names the text before.
    pub(super) fn end_line(&mut self, element: &str) -> Result<(), ReadError> {
        let rest = trim_start(self.rest_of_line());
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(self.error(format!("unexpected {} after {element}, expected the end of the line", quoted(rest))));
        }
        self.skip_line();
        Ok(())
    }

    /// Returns an error at the current line.
    pub(super) fn error(&self, reason: String) -> ReadError {
        ReadError { line: self.line, reason }
    }

    fn skip_line(&mut self) {
        let length = self.rest.find('\n').map_or(self.rest.len(), |position| position + 1);
        self.skip(length);
    }
}

/// Removes Hurl's blanks (spaces and tabs) from the start of a text.
pub(super) fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
