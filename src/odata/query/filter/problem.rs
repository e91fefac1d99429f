//! Problems of expressions, and the errors that report them.

use crate::odata::error::Error;
use crate::odata::query::position::located_error;
use crate::policy::refusal::Refusal;

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
    /// Invalid syntax or types; the detail for the log.
    Syntax(String),
}

impl FilterProblem {
    /// Returns a problem of syntax or types.
    pub(crate) fn syntax(at: usize, detail: impl Into<String>) -> FilterProblem {
        FilterProblem { at, cause: Cause::Syntax(detail.into()) }
    }

    /// Converts the problem of the expression `text` to an error.
    ///
    /// `$filter` and `$orderby` differ in the refusal of write-only properties and in the error for invalid syntax, which is made from
    /// the offset and the detail.
    pub(crate) fn into_error(self, text: &str, write_only: &'static Refusal, syntax: impl FnOnce(usize, &str) -> Error) -> Error {
        match self.cause {
            Cause::UnknownProperty(error) => located_error(*error, text, self.at),
            Cause::WriteOnly(path) => located_error(Error::new(write_only, &[&path]), text, self.at),
            Cause::Syntax(detail) => syntax(self.at, &detail),
        }
    }
}
