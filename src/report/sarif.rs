//! The report as SARIF 2.1.0 (docs.oasis-open.org/sarif). A place is an operation and the number of a request: the source of the client is unknown.

use serde_json::{Value, json};

use crate::report::finding::{Finding, Report, Severity};
use crate::report::rules::RULES;
use crate::report::text;
use crate::text::plural::counted;

/// The file that a result is in, as far as a reader needs one.
const ARTIFACT: &str = "wfi-emulator-journal";

pub(super) fn render(report: &Report) -> String {
    let applied: Vec<_> = RULES.iter().filter(|rule| report.rules.iter().any(|name| name == rule.name)).collect();
    let rules: Vec<Value> = applied
        .iter()
        .map(|rule| {
            json!({
                "id": rule.name,
                "shortDescription": { "text": rule.title },
                "help": { "text": format!("{} ({}, evidence: {})", rule.better, rule.source, rule.grade.name()) },
                "helpUri": rule.source.split(' ').next(),
                "defaultConfiguration": { "level": level(rule.severity) },
            })
        })
        .collect();
    let result = |finding: &Finding| {
        let times = counted(finding.count, "time", "times");
        let numbers: Vec<String> = finding.requests.iter().map(|request| request.number.to_string()).collect();
        let text = format!("{}: {} ({times}; requests {})", finding.title, finding.detail, numbers.join(", "));
        json!({
            "ruleId": finding.rule,
            "ruleIndex": applied.iter().position(|rule| rule.name == finding.rule),
            "level": level(finding.severity),
            "message": { "text": text },
            "locations": [{
                "physicalLocation": { "artifactLocation": { "uri": ARTIFACT }, "region": { "startLine": finding.requests.first().map_or(1, |first| first.number) } },
                "logicalLocations": [{ "fullyQualifiedName": finding.subject, "kind": "resource" }],
            }],
            "partialFingerprints": { "ruleAndSubject/v1": format!("{} {}", finding.rule, finding.subject) },
        })
    };
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    let notifications: Vec<Value> =
        text::dropped(report).iter().map(|text| json!({ "level": "warning", "message": { "text": text } })).collect();
    let sarif = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "wfi-emulator",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    });
    format!("{sarif:#}\n")
}

fn level(severity: Severity) -> &'static str {
    severity.name()
}
