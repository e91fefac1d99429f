//! The report as lines for people.

use std::fmt::Write as _;

use crate::report::finding::{Finding, PermissionKinds, Report, Severity};
use crate::text::plural::counted;
use crate::text::visible::visible;

/// The most requests of a finding in the text.
const SHOWN: usize = 3;

/// The most lines of a summary.
const LINES: usize = 5;

/// Returns the counts of all severities.
fn counts(report: &Report) -> String {
    let of = |severity: Severity| report.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
    let [errors, warnings, notes] = Severity::ALL.map(of);
    let texts = [counted(errors, "error", "errors"), counted(warnings, "warning", "warnings"), counted(notes, "note", "notes")];
    texts.join(", ")
}

/// Returns the sentence on what the journal has dropped.
pub(super) fn dropped(report: &Report) -> Option<String> {
    (report.dropped > 0).then(|| {
        let entries = counted(report.dropped, "earlier request", "earlier requests");
        format!("incomplete: the journal has dropped {entries}; --journal and --journal-bytes make it larger")
    })
}

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let Finding { rule, severity, title, subject, detail, better, source, grade, count, requests } = finding;
        let _ = writeln!(text, "{}: {title} [{rule}]", severity.name());
        let _ = writeln!(text, "    {}, {}", visible(subject), counted(*count, "time", "times"));
        let _ = writeln!(text, "    {}", visible(detail));
        for request in requests.iter().take(SHOWN) {
            let _ = writeln!(text, "    request {} {} {}", request.number, request.method, visible(&request.target));
        }
        if *count > SHOWN as u64 {
            let _ = writeln!(text, "    and {} more", *count - SHOWN as u64);
        }
        let _ = writeln!(text, "    better: {better}");
        let _ = writeln!(text, "    source: {source} ({grade})\n");
    }
    permissions(report, &mut text);
    if let Some(sentence) = dropped(report) {
        let _ = writeln!(text, "{sentence}");
    }
    let requests = counted(report.requests, "request", "requests");
    let _ = writeln!(text, "{} in {requests} to the world {}", counts(report), visible(&report.world));
    text
}

fn permissions(report: &Report, text: &mut String) {
    if report.permissions.operations.is_empty() {
        return;
    }
    let _ = writeln!(text, "least privileged permissions:");
    for operation in &report.permissions.operations {
        let _ = writeln!(text, "    {}, {}", visible(&operation.operation), counted(operation.count, "time", "times"));
        if operation.is_known {
            let PermissionKinds { delegated, application, .. } = &operation.least;
            let _ =
                writeln!(text, "        delegated: {}; application: {}", joined(delegated, " or "), joined(application, " or "));
        } else {
            let _ = writeln!(text, "        none known");
        }
    }
    let PermissionKinds { delegated, personal, application } = &report.permissions.covering;
    let _ = writeln!(text, "covering permissions, for the registration of the application:");
    let _ = writeln!(text, "    delegated: {}", joined(delegated, ", "));
    if !personal.is_empty() && personal != delegated {
        let _ = writeln!(text, "    personal accounts: {}", joined(personal, ", "));
    }
    let _ = writeln!(text, "    application: {}\n", joined(application, ", "));
}

fn joined(names: &[String], between: &str) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(between) }
}

pub(super) fn summary(report: &Report) -> String {
    if report.findings.is_empty() {
        return String::new();
    }
    let mut lines = vec![format!("report: {}", counts(report))];
    let shown = LINES - 1 - usize::from(report.findings.len() > LINES - 1);
    for finding in report.findings.iter().take(shown) {
        let Finding { rule, severity, title, subject, count, .. } = finding;
        let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
        lines.push(format!("  {}: {title} [{rule}] {}{times}", severity.name(), visible(subject)));
    }
    if report.findings.len() > shown {
        lines.push(format!("  and {} more; --report FILE writes all", report.findings.len() - shown));
    }
    lines.join("\n") + "\n"
}
