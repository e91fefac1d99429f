//! Problems of expressions, and the errors that report them.

use crate::odata::error::Error;
use crate::odata::query::position::{in_characters, located_error};
use crate::policy::refusal::{self, Refusal};
use crate::text::redact::mentions_secret;

/// A problem of an expression with its position.
#[derive(Debug)]
pub(crate) struct FilterProblem {
    /// The offset in the text, in bytes.
    pub at: usize,
    /// The cause.
    pub cause: Cause,
}

/// The cause of a problem of an expression.
#[derive(Debug)]
pub(crate) enum Cause {
    /// A property that its type does not declare.
    UnknownProperty(Box<Error>),
    /// The path of a write-only property, whose value a query must not reveal.
    WriteOnly(String),
    /// Invalid syntax or types.
    Syntax {
        /// The detail for the log.
        detail: String,
        /// The text of Microsoft's library.
        message: String,
    },
}

/// The refusals by which the query options differ.
pub(crate) struct Refusals {
    /// A write-only property, by its path.
    pub write_only: &'static Refusal,
    /// An unknown property, by the text for one; `None`: that text alone.
    pub unknown_property: Option<&'static Refusal>,
}

impl FilterProblem {
    /// Returns a problem of syntax or types.
    pub(crate) fn syntax(at: usize, detail: impl Into<String>, message: impl Into<String>) -> FilterProblem {
        FilterProblem { at, cause: Cause::Syntax { detail: detail.into(), message: message.into() } }
    }

    /// Converts the problem of the expression `text` to an error. That for invalid syntax is made from the offset, the detail and the
    /// library's text.
    pub(crate) fn into_error(self, text: &str, refusals: &Refusals, syntax: impl FnOnce(usize, &str, &str) -> Error) -> Error {
        match self.cause {
            Cause::UnknownProperty(error) => {
                let error = match refusals.unknown_property {
                    Some(refusal) if std::ptr::eq(error.refusal, &raw const refusal::UNKNOWN_QUERY_PROPERTY) => {
                        Error { detail: error.detail, ..Error::new(refusal, &[&error.message]) }
                    }
                    _ => *error,
                };
                located_error(error, text, self.at)
            }
            Cause::WriteOnly(path) => located_error(Error::new(refusals.write_only, &[&path]), text, self.at),
            // A text that cannot be read may have the value of a secret anywhere.
            Cause::Syntax { .. } if mentions_secret(text) => {
                let message = format!("Syntax error at position {}.", in_characters(text, self.at));
                syntax(self.at, "invalid expression with a secret", &message)
            }
            Cause::Syntax { detail, message } => syntax(self.at, &detail, &message),
        }
    }
}
