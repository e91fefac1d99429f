//! Reports of a comparison: text, JSON, or `JUnit` XML.

use std::fmt::Write as _;

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::{ComparisonOutcome, Counts, Difference, Event};
use crate::text::exchange;
use crate::text::plural::counted;
use crate::text::visible::visible;
use crate::text::xml;

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Text for people: a paragraph per exchange with differences, and a table.
    Text {
        /// Whether the terminal shows colors.
        has_color: bool,
        /// Whether the table has all files, those without differences too.
        is_verbose: bool,
    },
    /// One JSON object.
    Json,
    /// `JUnit` XML, as CI servers read it.
    Junit,
}

/// Formats events one by one, so that only counts are held in memory.
#[derive(Debug)]
pub struct Reporter {
    format: ReportFormat,
    table: Vec<(String, Counts)>,
    has_exchange: bool,
    /// Whether requests are only listed.
    is_dry_run: bool,
}

const RED: &str = "31";
const GREEN: &str = "32";
const BOLD: &str = "1";

impl Reporter {
    /// Returns a reporter, and the start of the report.
    pub fn begin(format: ReportFormat) -> (Reporter, String) {
        let start = match format {
            ReportFormat::Text { .. } => "",
            ReportFormat::Json => "{\"exchanges\":[",
            ReportFormat::Junit => "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"wfi-emulator compare\">\n",
        };
        (Reporter { format, table: Vec::new(), has_exchange: false, is_dry_run: false }, start.to_owned())
    }

    /// Returns the text that an event adds to the report.
    pub fn event(&mut self, event: &Event<'_>) -> String {
        if let Event::End(file, counts) = event {
            self.table.push(((*file).to_owned(), *counts));
        }
        self.is_dry_run |= matches!(event, Event::Planned(_));
        match self.format {
            ReportFormat::Text { has_color, .. } => text(event, has_color),
            ReportFormat::Json => self.json(event),
            ReportFormat::Junit => junit(event),
        }
    }

    /// Returns the end of the report.
    pub fn end(&self, total: Counts) -> String {
        match self.format {
            ReportFormat::Text { .. } if self.is_dry_run => String::new(),
            ReportFormat::Text { has_color, is_verbose } => table(&rows(&self.table, is_verbose), total, has_color),
            ReportFormat::Json => {
                let files: serde_json::Map<String, Value> =
                    self.table.iter().map(|(file, counts)| (file.clone(), counts_json(*counts))).collect();
                format!("],\"files\":{},\"total\":{}}}\n", Value::Object(files), counts_json(total))
            }
            ReportFormat::Junit => "</testsuites>\n".to_owned(),
        }
    }

    fn json(&mut self, event: &Event<'_>) -> String {
        let value = match event {
            Event::Outcome(outcome) if outcome.is_drift() || !outcome.known.is_empty() => outcome_json(outcome),
            Event::Planned(outcome) => json!({
                "planned": outcome.request,
                "file": outcome.file,
                "line": outcome.line,
                "number": outcome.number,
                "name": outcome.name,
            }),
            Event::Stale(rule) => json!({"stale": rule}),
            Event::Note(note) => json!({"note": note}),
            _ => return String::new(),
        };
        let separator = if std::mem::replace(&mut self.has_exchange, true) { ",\n" } else { "\n" };
        format!("{separator}{value}")
    }
}

fn counts_json(counts: Counts) -> Value {
    json!({"exchanges": counts.exchanges, "same": counts.same, "known": counts.known, "drift": counts.drift})
}

fn outcome_json(outcome: &ComparisonOutcome) -> Value {
    let difference = |difference: &Difference| {
        json!({
            "place": difference.place,
            "what": difference.kind.name(),
            "recorded": difference.recorded,
            "came": difference.actual,
        })
    };
    let known = |(known, reason): &(Difference, String)| {
        let mut value = difference(known);
        value["reason"] = json!(reason);
        value
    };
    json!({
        "file": outcome.file,
        "line": outcome.line,
        "number": outcome.number,
        "name": outcome.name,
        "request": outcome.request,
        "drift": outcome.drift.iter().map(difference).collect::<Vec<Value>>(),
        "known": outcome.known.iter().map(known).collect::<Vec<Value>>(),
        "failed": outcome.failed,
    })
}

fn painted(text: &str, color: &str, has_color: bool) -> String {
    if has_color { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn text(event: &Event<'_>, has_color: bool) -> String {
    match event {
        Event::Outcome(outcome) if outcome.is_drift() => drift(outcome, has_color),
        Event::Planned(outcome) => planned(outcome),
        Event::Note(note) => format!("note: {}\n", visible(note)),
        Event::Stale(rule) => format!("{} {}\n", painted("stale rule:", BOLD, has_color), visible(rule)),
        _ => String::new(),
    }
}

/// Formats an exchange whose request is not sent.
fn planned(outcome: &ComparisonOutcome) -> String {
    let name = if outcome.name == outcome.request { String::new() } else { format!(" ({})", visible(&outcome.name)) };
    format!("{}:{}: {}{name}\n", outcome.file, outcome.line, visible(&outcome.request))
}

/// Formats the differences of one exchange.
fn drift(outcome: &ComparisonOutcome, has_color: bool) -> String {
    let mut text = painted(&format!("{}:{}: {}", outcome.file, outcome.line, visible(&outcome.name)), BOLD, has_color);
    text.push('\n');
    if outcome.request != outcome.name && !outcome.request.is_empty() {
        text.push_str(&format!("  {}\n", visible(&outcome.request)));
    }
    if let Some(problem) = &outcome.failed {
        text.push_str(&format!("  {}\n", visible(problem)));
    }
    for difference in &outcome.drift {
        text.push_str(&format!("  {}: {}\n", visible(&difference.place), difference.kind.name()));
        text.push_str(&lines(difference, has_color));
    }
    text.push('\n');
    text
}

/// Formats recorded and actual value as a diff of lines, JSON laid out.
fn lines(difference: &Difference, has_color: bool) -> String {
    let side = |value: &Option<String>| {
        value.as_deref().map_or_else(String::new, |value| exchange::lay_out(value).unwrap_or_else(|| value.to_owned()))
    };
    let (recorded, actual) = (side(&difference.recorded), side(&difference.actual));
    let mut text = String::new();
    for change in TextDiff::from_lines(&recorded, &actual).iter_all_changes() {
        let line = visible(change.value().trim_end_matches(['\n', '\r']));
        text.push_str(&match change.tag() {
            ChangeTag::Delete => painted(&format!("    - {line}"), RED, has_color),
            ChangeTag::Insert => painted(&format!("    + {line}"), GREEN, has_color),
            ChangeTag::Equal => format!("      {line}"),
        });
        text.push('\n');
    }
    text
}

/// Returns the rows of the table: files with differences, and the others in one row unless all are wanted.
fn rows(files: &[(String, Counts)], is_verbose: bool) -> Vec<(String, Counts)> {
    if is_verbose {
        return files.to_vec();
    }
    let compared: Vec<(String, Counts)> = files.iter().filter(|(_, counts)| counts.exchanges > 0).cloned().collect();
    let is_clean = |counts: &Counts| counts.known == 0 && counts.drift == 0;
    let (clean, mut rows): (Vec<_>, Vec<_>) = compared.iter().cloned().partition(|(_, counts)| is_clean(counts));
    // A single one has its name instead of its number.
    if clean.len() == 1 {
        return compared;
    }
    if !clean.is_empty() {
        let (number, mut all) = (clean.len(), Counts::default());
        for (_, counts) in clean {
            all.add(counts);
        }
        rows.push((format!("{number} clean files"), all));
    }
    rows
}

fn table(files: &[(String, Counts)], total: Counts, has_color: bool) -> String {
    let width = files.iter().map(|(file, _)| file.chars().count()).max().unwrap_or(0).max("total".len());
    let row = |name: &str, cells: [String; 4]| {
        let mut row = format!("{name:<width$}");
        for cell in cells {
            // Writing to a string never fails.
            let _ = write!(row, "  {cell:>9}");
        }
        row.push('\n');
        row
    };
    let numbers = |counts: Counts| [counts.exchanges, counts.same, counts.known, counts.drift].map(|count| count.to_string());
    let mut text = row("file", ["exchanges", "same", "known", "drift"].map(str::to_owned));
    for (file, counts) in files {
        text.push_str(&row(file, numbers(*counts)));
    }
    let color = if total.drift > 0 { RED } else { GREEN };
    text.push_str(&painted(row("total", numbers(total)).trim_end(), color, has_color));
    text.push('\n');
    text
}

fn junit(event: &Event<'_>) -> String {
    match event {
        Event::Begin(file) => format!("<testsuite name=\"{}\">\n", xml::escaped(file)),
        Event::End(..) => "</testsuite>\n".to_owned(),
        Event::Outcome(outcome) | Event::Planned(outcome) => {
            let name = format!("{} {}", outcome.number, outcome.name);
            let start = format!(
                "<testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
                xml::escaped(&outcome.file),
                xml::escaped(&name),
                xml::escaped(&outcome.file),
                outcome.line
            );
            if matches!(event, Event::Planned(_)) {
                format!("{start}><skipped message=\"not sent in a dry run\"/></testcase>\n")
            } else if outcome.is_drift() {
                format!(
                    "{start}><failure message=\"{}\">{}</failure></testcase>\n",
                    counted(outcome.drift.len(), "difference", "differences"),
                    xml::escaped(&drift(outcome, false))
                )
            } else {
                format!("{start}/>\n")
            }
        }
        Event::Stale(rule) => format!(
            "<testsuite name=\"rules\"><testcase classname=\"rules\" name=\"{0}\"><failure message=\"stale rule\">{0}</failure></testcase></testsuite>\n",
            xml::escaped(rule)
        ),
        Event::Note(_) => String::new(),
    }
}
