//! What is wrong with a body, and where.

use std::borrow::Cow;

use crate::odata::error::Error;
use crate::policy::refusal::Refusal;
use crate::text::json;

/// Something wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyProblem {
    /// Where, as a JSON path.
    pub path: String,
    /// What was found. Never a secret.
    pub found: String,
    /// What was expected.
    pub expected: String,
    refusal: &'static Refusal,
    words: Vec<String>,
}

impl BodyProblem {
    /// Returns the error with which Graph answers.
    pub fn to_error(&self) -> Error {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        Error::new(self.refusal, &words).with_detail(format!("{}: found {}, expected {}", self.path, self.found, self.expected))
    }
}

impl BodyProblem {
    pub(super) fn at(
        path: &Path<'_>,
        found: String,
        expected: String,
        refusal: &'static Refusal,
        words: Vec<String>,
    ) -> BodyProblem {
        BodyProblem { path: path.to_string(), found, expected, refusal, words }
    }
}

/// The place of a value, linked on the stack so that a body without problems pays nothing for it.
pub(super) enum Path<'p> {
    Root(&'p str),
    Member(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Path::Root(path) => f.write_str(path),
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Path::Member(parent, name) => {
                let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if plain { write!(f, "{parent}.{name}") } else { write!(f, "{parent}[{}]", json::quoted(&shortened(name))) }
            }
        }
    }
}

/// Cuts text from outside to a length that a message can carry.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    const LIMIT: usize = 100;
    match text.char_indices().nth(LIMIT) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}
