//! The state of reading one body: the rules, and the findings so far.

use std::fmt::Display;

use super::problem::{BodyProblem, Path};
use super::{Origin, ReadRules, Reading};
use crate::edm::schema::EnumRefusals;
use crate::policy::refusal::{self, Refusal};

pub(super) struct BodyReader<'r> {
    pub(super) rules: ReadRules<'r>,
    /// The refusals of invalid enum values, in the words of the workload of the whole body.
    pub(super) enum_refusals: &'static EnumRefusals,
    pub(super) reading: Reading,
    /// Whether the values that are read are within one that answers hide: problems must not repeat them.
    pub(super) is_hidden: bool,
}

impl<'r> BodyReader<'r> {
    pub(super) fn new(rules: ReadRules<'r>, enum_refusals: &'static EnumRefusals) -> BodyReader<'r> {
        BodyReader { rules, enum_refusals, reading: Reading::default(), is_hidden: false }
    }

    pub(super) fn is_request(&self) -> bool {
        self.rules.origin != Origin::Fixture
    }

    /// Whether enough problems were found, so that reading can stop.
    pub(super) fn is_full(&self) -> bool {
        self.reading.shape.len() >= self.rules.problem_limit
    }

    /// Notes a behavior under another value of which the body would be read differently, if the answer explains it.
    pub(super) fn note(&mut self, behavior: &'static str) {
        if self.rules.explains && !self.reading.decided.contains(&behavior) {
            self.reading.decided.push(behavior);
        }
    }

    /// Reports a problem of names, kinds or annotations.
    pub(super) fn report(&mut self, path: &Path<'_>, message: impl Into<String>, refusal: &'static Refusal, words: Vec<String>) {
        self.reading.shape.push(BodyProblem::at(path, message.into(), refusal, words));
    }

    /// Reports a value of the wrong kind, or another unexpected element.
    pub(super) fn shape(
        &mut self,
        path: &Path<'_>,
        found: impl Display,
        expected: impl Display,
        refusal: &'static Refusal,
        words: Vec<String>,
    ) {
        self.report(path, format!("found {found}, expected {expected}"), refusal, words);
    }

    /// Reports an invalid value of the right kind.
    pub(super) fn value(
        &mut self,
        path: &Path<'_>,
        found: impl Display,
        expected: impl Display,
        refusal: &'static Refusal,
        words: Vec<String>,
    ) {
        if self.reading.values.len() < self.rules.problem_limit {
            let message = format!("found {found}, expected {expected}");
            self.reading.values.push(BodyProblem::at(path, message, refusal, words));
        }
    }

    pub(super) fn duplicate_property(&mut self, name: &str, place: &Path<'_>) {
        self.report(place, "duplicate property", &refusal::DUPLICATE_PROPERTY, vec![name.to_owned()]);
    }
}
