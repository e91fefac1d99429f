//! Comparison of recorded exchanges with a service: sends the requests again and compares each answer with the recorded one.
//!
//! The service is any base address, or the emulator, started in this process for each file with the entities that the recording
//! contains. Ids chosen by a service are followed: later requests use the actual id in place of the recorded one.

mod accept;
mod bindings;
mod difference;
mod emulator;
mod files;
mod grade;
mod json_path;
mod label;
mod link;
mod report;
mod rewrite;
mod rules;
mod run;
mod seed;
mod selection;
mod session;
mod shape;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use http::header::{HeaderName, HeaderValue};

pub(crate) use difference::Difference;
pub use difference::DifferenceKind;
pub use report::{ReportFormat, Reporter};
pub use rules::CompareRules;
pub use selection::ExchangeSelection;

use crate::edge::client::Upstream;
use crate::policy::behavior::Behaviors;
use crate::text::plural::counted;
use run::ComparisonRun;

/// The input and the settings of a comparison.
#[derive(Debug)]
pub struct CompareOptions {
    /// A file, or a folder with files that end in `.hurl`.
    pub path: PathBuf,
    /// The service; without it the emulator in this process.
    pub against: Option<Upstream>,
    /// Headers that replace recorded ones, such as a valid token.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The default behaviors of the emulator in this process.
    pub behaviors: Behaviors,
    /// Behaviors that take precedence over those of the folder, `(name, value)`.
    pub forced: Vec<(String, String)>,
    /// The fixtures of the emulator in this process, instead of the entities in the recording.
    pub fixtures: Option<PathBuf>,
    /// Values of templates that no exchange captures, `(name, value)`.
    pub variables: Vec<(String, String)>,
    /// Whether answers that differ are written into the files.
    pub accepts: bool,
    /// The exchanges to compare.
    pub selection: ExchangeSelection,
    /// Whether requests are only listed, not sent.
    pub is_dry_run: bool,
}

/// The result of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonOutcome {
    /// The file, relative to the folder.
    pub file: String,
    /// The line of the request.
    pub line: usize,
    /// The position in the file, from one.
    pub number: usize,
    /// The name: the first comment other than a setting, or the request line.
    pub name: String,
    /// Method and target.
    pub request: String,
    /// Differences that no rule lists.
    pub drift: Vec<Difference>,
    /// Differences that a rule lists as known, each with its reason.
    pub known: Vec<(Difference, String)>,
    /// The reason for a missing answer.
    pub failed: Option<String>,
}

impl ComparisonOutcome {
    /// Returns whether the service deviates from the recording.
    pub fn is_drift(&self) -> bool {
        self.failed.is_some() || !self.drift.is_empty()
    }

    /// Returns the name that rules and selections are for: `file#number name`.
    fn id(&self) -> String {
        format!("{}#{} {}", self.file, self.number, self.name)
    }
}

/// The counts of a file, or of all files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Exchanges.
    pub exchanges: usize,
    /// Exchanges without a difference.
    pub same: usize,
    /// Exchanges with known differences only.
    pub known: usize,
    /// Exchanges with other differences or without an answer; a syntax error in a file counts as one.
    pub drift: usize,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.exchanges += other.exchanges;
        self.same += other.same;
        self.known += other.known;
        self.drift += other.drift;
    }
}

/// An event of a comparison, for its report.
#[derive(Debug)]
pub enum Event<'e> {
    /// The start of a file.
    Begin(&'e str),
    /// The result of an exchange.
    Outcome(&'e ComparisonOutcome),
    /// An exchange whose request would be sent, without a result.
    Planned(&'e ComparisonOutcome),
    /// A remark that is not a difference, such as a skipped entity or a rewritten file.
    Note(String),
    /// A rule for a known difference that has not occurred.
    Stale(String),
    /// The end of a file.
    End(&'e str, Counts),
}

/// A receiver of events.
pub(crate) type EventSink<'s> = dyn FnMut(&Event<'_>) + Send + 's;

/// Compares all files, and reports each event while the comparison runs.
///
/// # Errors
///
/// Fails with a message for users without any files, or if the emulator cannot be started with the settings.
pub async fn compare(options: &CompareOptions, report: &mut EventSink<'_>) -> Result<Counts, String> {
    let files = files::hurl_files(&options.path)?;
    let folder = if options.path.is_dir() { options.path.as_path() } else { options.path.parent().unwrap_or(Path::new("")) };
    let mut run = ComparisonRun::new(options, CompareRules::of_folder(folder)?);
    let mut total = Counts::default();
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        report(&Event::Begin(&name));
        let counts = run.compare_file(&file, &name, report).await?;
        report(&Event::End(&name, counts));
        total.add(counts);
    }
    if let Some(note) = run.left_out_note() {
        if total.exchanges == 0 {
            return Err(format!("no exchange selected by {}: {note}", options.selection.describe()));
        }
        report(&Event::Note(note));
    }
    if options.is_dry_run {
        let service = options.against.as_ref().map_or_else(|| "the emulator in this process".to_owned(), Upstream::base);
        report(&Event::Note(format!(
            "dry run: {} to {service}, none sent",
            counted(total.exchanges - total.drift, "request", "requests")
        )));
        return Ok(total);
    }
    // A stale rule would hide the next difference at its place. A part of a folder cannot show that a rule is stale.
    if options.path.is_dir() && options.selection.is_whole() {
        for rule in run.stale_rules() {
            total.drift += 1;
            report(&Event::Stale(rule));
        }
    }
    Ok(total)
}
