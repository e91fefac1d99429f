//! The run of a comparison, file by file and exchange by exchange.

use std::collections::HashSet;
use std::io::BufReader;
use std::path::Path;

use super::accept::accepted_response;
use super::emulator::{self, EmulatorServer};
use super::files;
use super::grade::Grader;
use super::label;
use super::rewrite::{AcceptedResponse, FileRewrite};
use super::session::Session;
use super::{CompareOptions, CompareRules, ComparisonOutcome, Counts, Difference, Event, EventSink};
use crate::edge::client::Upstream;
use crate::text::exchange::{Entry, EntryReader, Exchange, StreamError};
use crate::text::plural::counted;
use crate::text::redact::Redactor;

/// A comparison of all files of a folder.
pub(super) struct ComparisonRun<'r> {
    options: &'r CompareOptions,
    rules: CompareRules,
    /// For each rule for a known difference, whether the difference has occurred.
    has_occurred: Vec<bool>,
    /// Masks secrets in reports, those that are sent in headers among them.
    masker: Redactor,
    left_out: LeftOut,
}

/// The exchanges that are not selected.
#[derive(Default)]
struct LeftOut {
    /// Their number, with those that need a value of another one.
    count: usize,
    /// The number of those that need a value of another one.
    dependent: usize,
    /// The values of the current file that they would capture.
    values: HashSet<String>,
}

impl LeftOut {
    fn add(&mut self, entry: &Entry) {
        self.count += 1;
        self.values.extend(entry.captures.iter().map(|capture| capture.name.clone()));
    }
}

impl<'r> ComparisonRun<'r> {
    pub(super) fn new(options: &'r CompareOptions, rules: CompareRules) -> ComparisonRun<'r> {
        let mut masker = Redactor::masking();
        for (name, value) in &options.headers {
            masker.learn_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
        ComparisonRun { options, has_occurred: vec![false; rules.all_known().len()], rules, masker, left_out: LeftOut::default() }
    }

    /// Describes the rules for known differences that have not occurred so far.
    pub(super) fn stale_rules(&self) -> Vec<String> {
        let rules = self.rules.all_known().iter().zip(&self.has_occurred);
        rules.filter(|(_, has_occurred)| !**has_occurred).map(|(rule, _)| rule.describe()).collect()
    }

    /// Describes the exchanges that are not selected.
    pub(super) fn left_out_note(&self) -> Option<String> {
        let LeftOut { count, dependent, .. } = self.left_out;
        let dependents = match dependent {
            0 => String::new(),
            dependent => format!(": {} not selected, {dependent} with a value that those capture", count - dependent),
        };
        (count > 0).then(|| format!("{} left out{dependents}", counted(count, "exchange", "exchanges")))
    }

    /// Compares all exchanges of a file.
    pub(super) async fn compare_file(&mut self, path: &Path, name: &str, report: &mut EventSink<'_>) -> Result<Counts, String> {
        // The emulator stops when it is dropped.
        let mut open_pages = HashSet::new();
        let (_emulator, service) = match &self.options.against {
            Some(service) => (None, Some(service.clone())),
            None if self.options.is_dry_run => (None, None),
            None => {
                let (settings, pages) = emulator::settings(self.options, &self.rules, path, name, report)?;
                open_pages = pages;
                let emulator = EmulatorServer::start(settings).await?;
                let service = Upstream::new(&emulator.base, None)?;
                (Some(emulator), Some(service))
            }
        };
        let is_remote = self.options.against.is_some();
        let service = service.filter(|_| !self.options.is_dry_run);
        let mut session = service.map(|service| Session::new(service, &self.options.variables));
        self.left_out.values.clear();
        let mut rewrite =
            if self.options.accepts { Some(FileRewrite::begin(path, is_remote, &self.options.headers)?) } else { None };
        let mut counts = Counts::default();
        let mut skipped = 0;
        let reader = EntryReader::new(BufReader::new(files::open(path)?));
        let mut reader = if self.options.accepts { reader.with_source() } else { reader };
        let mut number = 0;
        while let Some(entry) = reader.next_entry() {
            number += 1;
            let (line, mut entry, source) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    counts.exchanges += 1;
                    counts.drift += 1;
                    report(&Event::Outcome(&unreadable(name, number, error)));
                    return Ok(counts);
                }
            };
            if label::is_caused_by_another(&entry.exchange) {
                skipped += 1;
                if let (Some(rewrite), Some(source)) = (&mut rewrite, &source) {
                    rewrite.add(&entry, source, None)?;
                }
                continue;
            }
            let request = label::request_line(&entry);
            let mut outcome = ComparisonOutcome {
                file: name.to_owned(),
                line,
                number,
                name: label::title(&entry.exchange).unwrap_or(&request).to_owned(),
                request,
                drift: Vec::new(),
                known: Vec::new(),
                failed: None,
            };
            if self.is_left_out(&entry, &outcome) {
                self.left_out.add(&entry);
                if let (Some(rewrite), Some(source)) = (&mut rewrite, &source) {
                    rewrite.add(&entry, source, None)?;
                }
                continue;
            }
            counts.exchanges += 1;
            for capture in &entry.captures {
                self.left_out.values.remove(&capture.name);
            }
            let Some(session) = &mut session else {
                self.mask(&mut outcome);
                report(&Event::Planned(&outcome));
                continue;
            };
            let accepted = self.compare_exchange(&mut entry, session, &mut outcome).await;
            match (outcome.is_drift(), outcome.known.is_empty()) {
                (true, _) => counts.drift += 1,
                (false, false) => counts.known += 1,
                (false, true) => counts.same += 1,
            }
            self.mask(&mut outcome);
            report(&Event::Outcome(&outcome));
            let lacks_link = outcome.drift.iter().any(|difference| difference.place.ends_with("nextLink"));
            if lacks_link && open_pages.contains(&line) {
                report(&Event::Note(format!(
                    "{name}:{line}: page without the next one, which is not recorded: the emulator has only the entities that are"
                )));
            }
            if let (Some(rewrite), Some(source)) = (&mut rewrite, &source) {
                rewrite.add(&entry, source, accepted)?;
            }
        }
        if skipped > 0 {
            let skipped = counted(skipped, "exchange", "exchanges");
            report(&Event::Note(format!("{name}: skipped {skipped} that other requests of the journal cause")));
        }
        if let Some(rewrite) = rewrite
            && rewrite.finish()?
        {
            report(&Event::Note(format!("{name}: rewritten with the actual answers")));
        }
        Ok(counts)
    }

    /// Returns whether an exchange is not selected, or needs a value of one that is not, which nothing else has.
    fn is_left_out(&mut self, entry: &Entry, outcome: &ComparisonOutcome) -> bool {
        if !self.options.selection.has(&entry.exchange.request.method, &outcome.id()) {
            return true;
        }
        let is_given = |name: &str| self.options.variables.iter().any(|(variable, _)| variable == name);
        let lacks = |name: &str| self.left_out.values.contains(name) && !is_given(name);
        let is_dependent = entry.templates.iter().any(|template| lacks(&template.name));
        self.left_out.dependent += usize::from(is_dependent);
        is_dependent
    }

    /// Masks the secrets in what is reported of an exchange.
    fn mask(&mut self, outcome: &mut ComparisonOutcome) {
        let ComparisonOutcome { name, request, drift, known, failed, .. } = outcome;
        let differences = drift.iter_mut().chain(known.iter_mut().map(|(difference, _)| difference));
        let values = differences.flat_map(|difference| [&mut difference.recorded, &mut difference.actual]).flatten();
        for text in [name, request].into_iter().chain(failed).chain(values) {
            *text = self.masker.redact_text(text);
        }
        for (difference, _) in known.iter_mut() {
            difference.distinguish();
        }
        drift.iter_mut().for_each(Difference::distinguish);
    }

    /// Sends one request and compares its answer; returns the answer to record instead, if it drifts.
    async fn compare_exchange(
        &mut self,
        entry: &mut Entry,
        session: &mut Session,
        outcome: &mut ComparisonOutcome,
    ) -> Option<AcceptedResponse> {
        let exchange = match session.fill(entry) {
            Ok(exchange) => exchange,
            Err(name) => {
                outcome.failed =
                    Some(format!("unknown value {{{{{name}}}}}: no earlier exchange has captured it, and no --variable has it"));
                return None;
            }
        };
        let actual = match session.send(&exchange, &self.options.headers).await {
            Ok(actual) => actual,
            Err(problem) => {
                outcome.failed = Some(problem);
                return None;
            }
        };
        session.capture(&entry.captures, &actual);
        self.masker.learn(&Exchange { comments: Vec::new(), request: exchange.request.clone(), response: Some(actual.clone()) });
        let recorded = exchange.response.as_ref()?;
        let id = outcome.id();
        let mut grader = Grader { rules: &self.rules, exchange: &id, bindings: &mut session.bindings, differences: Vec::new() };
        if exchange.has_unrecorded_body() {
            grader.compare_head(recorded, &actual);
        } else {
            grader.compare(recorded, &actual);
        }
        let mut accepted = (!grader.differences.is_empty()).then(|| accepted_response(&grader, recorded, &actual));
        if exchange.has_unrecorded_body()
            && let Some(accepted) = &mut accepted
        {
            accepted.body.clone_from(&recorded.body);
        }
        for difference in grader.differences {
            match self.rules.known(&difference.place, &id) {
                Some(index) => {
                    self.has_occurred[index] = true;
                    outcome.known.push((difference, self.rules.all_known()[index].reason.clone()));
                }
                None => outcome.drift.push(difference),
            }
        }
        let accepted = accepted.filter(|_| !outcome.drift.is_empty());
        accepted.map(|new| AcceptedResponse { recorded: recorded.clone(), new })
    }
}

/// Returns the outcome of an entry that cannot be read.
fn unreadable(file: &str, number: usize, error: StreamError) -> ComparisonOutcome {
    let (line, problem) = match error {
        StreamError::Text(error) => (error.line, error.reason),
        StreamError::Source(error) => (0, error.to_string()),
    };
    ComparisonOutcome {
        file: file.to_owned(),
        line,
        number,
        name: "unreadable exchange".to_owned(),
        request: String::new(),
        drift: Vec::new(),
        known: Vec::new(),
        failed: Some(problem),
    }
}
