//! The report on what clients do wrong: of a running emulator, and the table of rules.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::output::{UNUSABLE, fail, print};
use super::running::{ControlClient, WorldArguments};
use super::{private_file, runtime};
use crate::edge::service::Service;
use crate::report::rules::RULES;
use crate::report::{Baseline, Report, ReportForm, RuleSelection, Severity};
use crate::text::nearest::nearest;
use crate::world::name::DEFAULT;

/// The exit status for findings of the threshold.
const FOUND: u8 = 1;

/// The form of a printed report.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Text,
    Json,
    Junit,
    Sarif,
    Html,
}

impl From<Form> for ReportForm {
    fn from(form: Form) -> ReportForm {
        match form {
            Form::Text => ReportForm::Text,
            Form::Json => ReportForm::Json,
            Form::Junit => ReportForm::Junit,
            Form::Sarif => ReportForm::Sarif,
            Form::Html => ReportForm::Html,
        }
    }
}

/// The least severe finding with which the command fails.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Threshold {
    Error,
    Warning,
    Note,
}

impl From<Threshold> for Severity {
    fn from(threshold: Threshold) -> Severity {
        match threshold {
            Threshold::Error => Severity::Error,
            Threshold::Warning => Severity::Warning,
            Threshold::Note => Severity::Note,
        }
    }
}

/// The arguments of `report`.
#[derive(Args, Debug)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    at: WorldArguments,
    /// Form of the report
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Form,
    /// Rules whose findings to leave out
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    allow: Vec<String>,
    /// Only rules to apply
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    only: Vec<String>,
    /// Least severe finding with which the exit status is 1
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Threshold>,
    /// Earlier report in JSON, whose findings to leave out
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// Prints the report on a world of a running emulator.
pub(super) fn run(arguments: &ReportArguments) -> ExitCode {
    let selection = RuleSelection { allow: arguments.allow.clone(), only: arguments.only.clone(), ..RuleSelection::default() };
    if let Some(name) = selection.unknown() {
        return fail(UNUSABLE, &unknown(name));
    }
    let baseline = match arguments.baseline.as_deref().map(baseline).transpose() {
        Ok(baseline) => baseline.unwrap_or_default(),
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let read = async {
        let path = format!("/report?allow={}&only={}", arguments.allow.join(","), arguments.only.join(","));
        let mut client = arguments.at.running().client()?;
        client.check_world(&arguments.at).await?;
        of(&mut client, &arguments.at.path(&path)).await
    };
    runtime::run(async {
        let mut report = match read.await {
            Ok(report) => report,
            Err(problem) => return fail(UNUSABLE, &problem),
        };
        baseline.apply(&mut report);
        let status = print(&report.render(arguments.format.into()));
        let is_found = arguments.fail_on.is_some_and(|threshold| report.count(threshold.into()) > 0);
        if status == ExitCode::SUCCESS && is_found { ExitCode::from(FOUND) } else { status }
    })
}

/// Reads the report at a path of the control API.
pub(super) async fn of(client: &mut ControlClient, path: &str) -> Result<Report, String> {
    let value = client.get(path).await?;
    serde_json::from_value(value).map_err(|error| format!("unreadable report: {error}"))
}

fn baseline(file: &Path) -> Result<Baseline, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Baseline::read(&text).map_err(|problem| format!("{}: {problem}", file.display()))
}

fn unknown(name: &str) -> String {
    let near = nearest(name, RULES.iter().map(|rule| rule.name));
    format!("unknown rule '{name}'{}", near.map_or_else(String::new, |near| format!(" (did you mean {near}?)")))
}

/// Writes the report on the default world to a file, in the form of the end of its name.
pub(super) fn write(file: &Path, service: &Service) -> Result<(), String> {
    let world = service.worlds.default_world();
    let text = Report::of(&world, DEFAULT, &RuleSelection::default()).render(form_of(file));
    private_file::write(file, &text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Returns the form of a file by the end of its name.
fn form_of(file: &Path) -> ReportForm {
    match file.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("json") => ReportForm::Json,
        Some("xml") => ReportForm::Junit,
        Some("sarif") => ReportForm::Sarif,
        Some("html" | "htm") => ReportForm::Html,
        _ => ReportForm::Text,
    }
}

/// The form of the table of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TableForm {
    Text,
    Json,
}

/// The arguments of `rules`.
#[derive(Args, Debug)]
pub(super) struct RulesArguments {
    /// Rules to print, instead of all
    names: Vec<String>,
    /// Form of the table
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: TableForm,
}

/// Returns the table of rules.
pub(super) fn table(arguments: &RulesArguments) -> Result<String, String> {
    if let Some(name) = arguments.names.iter().find(|name| RULES.iter().all(|rule| rule.name != **name)) {
        return Err(unknown(name));
    }
    let mut text = String::new();
    let mut rows: Vec<Value> = Vec::new();
    for rule in RULES {
        if !arguments.names.is_empty() && arguments.names.iter().all(|name| name != rule.name) {
            continue;
        }
        let (severity, grade) = (rule.severity.name(), rule.grade.name());
        text.push_str(&format!("{} ({severity}, {})\n    {}\n", rule.name, rule.group, rule.title));
        text.push_str(&format!("    better: {}\n    evidence: {grade}; {}\n\n", rule.better, rule.source));
        rows.push(json!({
            "name": rule.name, "group": rule.group, "severity": severity, "title": rule.title, "better": rule.better,
            "grade": grade, "source": rule.source,
        }));
    }
    Ok(match arguments.format {
        TableForm::Text => text,
        TableForm::Json => format!("{:#}\n", Value::from(rows)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_is_the_form() {
        let form = |name: &str| form_of(Path::new(name));
        assert_eq!([form("a.json"), form("a.XML"), form("a.sarif")], [ReportForm::Json, ReportForm::Junit, ReportForm::Sarif]);
        assert_eq!([form("a.html"), form("a.txt"), form("a")], [ReportForm::Html, ReportForm::Text, ReportForm::Text]);
    }
}
