//! The report on what clients do wrong, made from a world's journal when it is asked for.
//!
//! [`evidence`] distills each entry of the journal to what the rules read, so that no secret and no body is held. [`rules`] is the table:
//! one row and one function each. The renderings are pure functions of a [`Report`].

#[cfg(feature = "cli")]
mod baseline;
mod deprecations;
mod digest;
mod evidence;
mod finding;
mod hits;
mod html;
mod json;
mod junit;
mod permissions;
pub(crate) mod rules;
mod sarif;
mod text;

use std::collections::HashMap;

use crate::world::World;
#[cfg(feature = "cli")]
pub(crate) use baseline::Baseline;
use evidence::Run;
pub use finding::{Finding, OperationUse, PermissionKinds, PermissionReport, Report, Severity, Sighting};
use hits::Hit;
use rules::{RULES, Rule};

/// The rules that a report applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSelection {
    /// The rules whose findings are left out.
    pub allow: Vec<String>,
    /// The only rules to apply; all of them if empty.
    pub only: Vec<String>,
    /// The least severe findings; `None` for all.
    pub severity: Option<Severity>,
    /// The number of a request in the journal: only findings that it shows; `None` for all.
    pub number: Option<u64>,
}

impl RuleSelection {
    /// Returns an unknown name in the selection, if any.
    pub(crate) fn unknown(&self) -> Option<&str> {
        let is_known = |name: &&String| RULES.iter().any(|rule| rule.name == name.as_str());
        self.allow.iter().chain(&self.only).find(|name| !is_known(name)).map(String::as_str)
    }

    fn has(&self, rule: &Rule) -> bool {
        let lists = |names: &[String]| names.iter().any(|known| known == rule.name);
        let is_severe = self.severity.is_none_or(|least| rule.severity <= least);
        is_severe && !lists(&self.allow) && (self.only.is_empty() || lists(&self.only))
    }
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportForm {
    /// Lines for people.
    Text,
    /// The members of [`Report`].
    Json,
    /// A test case for each rule, for CI.
    Junit,
    /// Results with rules, for code scanning.
    Sarif,
    /// A page without scripts.
    Html,
}

impl ReportForm {
    /// All forms.
    pub const ALL: [ReportForm; 5] = [ReportForm::Text, ReportForm::Json, ReportForm::Junit, ReportForm::Sarif, ReportForm::Html];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            ReportForm::Text => "text",
            ReportForm::Json => "json",
            ReportForm::Junit => "junit",
            ReportForm::Sarif => "sarif",
            ReportForm::Html => "html",
        }
    }

    /// Returns the form with a name.
    pub fn from_name(name: &str) -> Option<ReportForm> {
        ReportForm::ALL.into_iter().find(|form| form.name() == name)
    }

    /// Returns the content type.
    pub fn content_type(self) -> &'static str {
        match self {
            ReportForm::Text => "text/plain; charset=utf-8",
            ReportForm::Json => "application/json",
            ReportForm::Junit => "application/xml; charset=utf-8",
            ReportForm::Sarif => "application/sarif+json",
            ReportForm::Html => "text/html; charset=utf-8",
        }
    }
}

impl Report {
    /// Returns the report on all requests in the journal of a world.
    pub fn of(world: &World, name: &str, selection: &RuleSelection) -> Report {
        let world = world.current();
        let run = Run::of(world);
        let mut findings = Vec::new();
        let mut targets = Targets { world, known: HashMap::new() };
        for rule in RULES.iter().filter(|rule| selection.has(rule)) {
            let hits = (rule.find)(&run).into_all().into_iter();
            let is_wanted = |hit: &Hit| selection.number.is_none_or(|number| hit.numbers.contains(&number));
            findings.extend(hits.filter(is_wanted).map(|hit| finding(rule, hit, &mut targets)));
        }
        // A stable sort: within a severity, the order of the table.
        findings.sort_by_key(|finding| finding.severity);
        Report {
            world: name.to_owned(),
            requests: run.requests(),
            dropped: run.dropped,
            rules: RULES.iter().filter(|rule| selection.has(rule)).map(|rule| rule.name.to_owned()).collect(),
            findings,
            permissions: permissions::report(&run),
        }
    }

    /// Returns the report as a text in a form.
    pub fn render(&self, form: ReportForm) -> String {
        match form {
            ReportForm::Text => text::render(self),
            ReportForm::Json => json::render(self),
            ReportForm::Junit => junit::render(self),
            ReportForm::Sarif => sarif::render(self),
            ReportForm::Html => html::render(self),
        }
    }

    /// Returns a summary of five lines at most; empty without findings.
    pub fn summary(&self) -> String {
        text::summary(self)
    }

    /// Returns the number of findings of a severity or a worse one.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity <= severity).count()
    }
}

/// Returns the finding of a rule about a subject. A request that the journal has dropped since keeps its operation for a target.
fn finding(rule: &Rule, hit: Hit, targets: &mut Targets<'_>) -> Finding {
    let Hit { subject, detail, numbers, mut shown } = hit;
    for request in &mut shown {
        if let Some(target) = targets.of(request.number) {
            request.target = target;
        }
    }
    Finding {
        rule: rule.name.to_owned(),
        severity: rule.severity,
        title: rule.title.to_owned(),
        subject,
        detail,
        better: rule.better.to_owned(),
        source: rule.source.to_owned(),
        grade: rule.grade.name().to_owned(),
        count: numbers.len().try_into().unwrap_or(u64::MAX),
        requests: shown,
    }
}

/// The targets of shown requests, each redacted once.
struct Targets<'w> {
    world: &'w World,
    known: HashMap<u64, Option<String>>,
}

impl Targets<'_> {
    fn of(&mut self, number: u64) -> Option<String> {
        self.known.entry(number).or_insert_with(|| self.world.journal.masked_target(number)).clone()
    }
}
