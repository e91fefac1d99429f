//! The report as JSON: its members, which a baseline has too.

use crate::report::finding::Report;

pub(super) fn render(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).expect("a report has text for names, and no other way to fail");
    format!("{text}\n")
}
