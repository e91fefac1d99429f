//! A position in the text that is being read.

use super::ReadError;

/// What is left of a text, and the number of the line where that starts.
pub(super) struct Cursor<'t> {
    pub(super) rest: &'t str,
    pub(super) line: usize,
}

impl<'t> Cursor<'t> {
    /// Starts at the beginning of a text. Hurl ignores a byte order mark there, and so does this.
    pub(super) fn new(text: &'t str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Cursor { rest, line: 1 }
    }

    /// Returns the rest of the current line without its line break.
    pub(super) fn rest_of_line(&self) -> &'t str {
        let line = self.rest.split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// Starts at the beginning of a later part of a text, whose first line has this number.
    pub(super) fn at_line(text: &'t str, line: usize) -> Self {
        Cursor { rest: text, line }
    }

    /// Moves forward by a number of bytes, which must end between two characters of the rest.
    pub(super) fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.bytes().filter(|&byte| byte == b'\n').count();
        self.rest = rest;
    }

    /// Moves over blanks, staying on the line.
    pub(super) fn skip_blanks(&mut self) {
        self.rest = trim_start(self.rest);
    }

    /// Moves over blank lines and lines with a comment; returns the comments without `#` and the blank after it.
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

    /// Moves to the next line, provided that nothing but blanks or a comment is left on this one.
    pub(super) fn end_line(&mut self, what: &str) -> Result<(), ReadError> {
        let rest = trim_start(self.rest_of_line());
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(self.error(format!("found {} after {what}, expected the end of the line", quoted(rest))));
        }
        self.skip_line();
        Ok(())
    }

    /// Makes an error about the current line.
    pub(super) fn error(&self, reason: String) -> ReadError {
        ReadError { line: self.line, reason }
    }

    fn skip_line(&mut self) {
        let length = self.rest.find('\n').map_or(self.rest.len(), |position| position + 1);
        self.skip(length);
    }
}

/// Removes blanks, in the sense of Hurl, from the start of a text.
pub(super) fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// Puts the start of what was found between backticks, short enough for a message.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.split('\n').next().unwrap_or_default();
    let mut start = String::from("`");
    for character in line.chars().take(LONGEST) {
        if character.is_control() {
            start.extend(character.escape_default());
        } else {
            start.push(character);
        }
    }
    if line.chars().nth(LONGEST).is_some() {
        start.push('…');
    }
    start.push('`');
    start
}

/// Says that a template stands where none can, or one that is not supported; `text` starts with the template.
pub(super) fn template_found(text: &str) -> String {
    let line = text.split('\n').next().unwrap_or_default();
    let template = line.find("}}").map_or(line, |position| &line[..position + 2]);
    format!(
        "found the template {}, expected plain text: the only templates are `{{{{base}}}}` at the start of a target and the names of captured values",
        quoted(template)
    )
}
