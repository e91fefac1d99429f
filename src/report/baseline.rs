//! Findings that were known before: those of an earlier report in JSON.

use std::collections::HashSet;

use crate::report::finding::{Finding, Report};
use crate::text::json;

/// Findings that are not to be reported again.
#[derive(Debug, Default)]
pub(crate) struct Baseline(HashSet<(String, String)>);

impl Baseline {
    /// Reads a baseline file.
    ///
    /// # Errors
    ///
    /// Fails with a message for people.
    pub(crate) fn read(text: &str) -> Result<Baseline, String> {
        let report: Report = json::read_text(text).map_err(|error| format!("not a report in JSON: {error}"))?;
        Ok(Baseline(report.findings.into_iter().map(|finding| (finding.rule, finding.subject)).collect()))
    }

    /// Removes the known findings from a report.
    pub(crate) fn apply(&self, report: &mut Report) {
        let is_new = |finding: &Finding| !self.0.contains(&(finding.rule.clone(), finding.subject.clone()));
        report.findings.retain(is_new);
    }
}
