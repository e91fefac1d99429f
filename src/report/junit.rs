//! The report as `JUnit` XML: one test case for each rule, which fails with its findings. Notes do not fail.

use std::fmt::Write as _;

use crate::report::finding::{Report, Severity};
use crate::report::text;
use crate::text::plural::counted;
use crate::text::xml::escaped;

pub(super) fn render(report: &Report) -> String {
    let is_failing = |severity: Severity| severity != Severity::Note;
    let failed = |rule: &&String| report.findings.iter().any(|finding| finding.rule == **rule && is_failing(finding.severity));
    let failures = report.rules.iter().filter(failed).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (tests, name) = (report.rules.len(), escaped(&format!("wfi-emulator report of {}", report.world)));
    let _ = writeln!(xml, "<testsuites tests=\"{tests}\" failures=\"{failures}\">");
    let _ = writeln!(xml, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">");
    for rule in &report.rules {
        let findings: Vec<_> = report.findings.iter().filter(|finding| finding.rule == *rule).collect();
        let start = format!("    <testcase classname=\"wfi-emulator.report\" name=\"{}\"", escaped(rule));
        let Some(first) = findings.first() else {
            let _ = writeln!(xml, "{start}/>");
            continue;
        };
        let mut lines = String::new();
        for finding in &findings {
            let _ = writeln!(lines, "{}: {} ({})", finding.subject, finding.detail, counted(finding.count, "time", "times"));
            for request in &finding.requests {
                let _ = writeln!(lines, "  request {} {} {}", request.number, request.method, request.target);
            }
        }
        let _ = writeln!(lines, "better: {}\nsource: {}", first.better, first.source);
        if is_failing(first.severity) {
            let (title, kind) = (escaped(&first.title), first.severity.name());
            let _ = writeln!(xml, "{start}>\n      <failure message=\"{title}\" type=\"{kind}\">{}</failure>", escaped(&lines));
        } else {
            let _ = writeln!(xml, "{start}>\n      <system-out>{}</system-out>", escaped(&lines));
        }
        xml.push_str("    </testcase>\n");
    }
    if let Some(sentence) = text::dropped(report) {
        let _ = writeln!(xml, "    <system-err>{}</system-err>", escaped(&sentence));
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}
