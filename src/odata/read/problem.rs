//! Problems of bodies, and the paths to them.

use std::borrow::Cow;
use std::fmt;

use crate::odata::error::Error;
use crate::policy::refusal::Refusal;
use crate::text::json;
use crate::text::truncate::truncate;

/// A problem of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyProblem {
    path: String,
    /// Never contains a secret.
    message: String,
    refusal: &'static Refusal,
    words: Vec<String>,
    /// The behavior that decided, beside those of the row.
    behavior: Option<&'static str>,
}

/// The JSON path and the message.
impl fmt::Display for BodyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl BodyProblem {
    /// Returns the error with which Graph answers.
    pub(crate) fn to_error(&self) -> Error {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        Error { behavior: self.behavior, ..Error::new(self.refusal, &words).with_detail(self.to_string()) }
    }

    /// Sets the behavior that decided, beside those of the row.
    pub(super) fn set_behavior(&mut self, behavior: &'static str) {
        self.behavior = Some(behavior);
    }

    pub(super) fn at(path: &Path<'_>, message: String, refusal: &'static Refusal, words: Vec<String>) -> BodyProblem {
        BodyProblem { path: path.to_string(), message, refusal, words, behavior: None }
    }
}

/// The path to a value, linked on the stack so that it costs no allocation unless a problem is reported.
pub(super) enum Path<'p> {
    Root(&'p dyn fmt::Display),
    Member(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root(path) => path.fmt(f),
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Path::Member(parent, name) => {
                let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if plain { write!(f, "{parent}.{name}") } else { write!(f, "{parent}[{}]", json::quoted(&shortened(name))) }
            }
        }
    }
}

/// Shortens a client's text for a message.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    const LIMIT: usize = 100;
    truncate(text, LIMIT)
}
