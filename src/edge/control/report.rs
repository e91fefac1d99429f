//! The report on what clients did wrong in a world.

use crate::edge::control::call::ControlCall;
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::report::{Report, ReportForm, RuleSelection, Severity};

/// Returns the report on the requests in the journal of a world.
pub(super) fn report(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let parameters = call.parameters(&["format", "allow", "only", "severity", "number"])?;
    let form = match parameters.get("format") {
        None => ReportForm::Json,
        Some(name) => ReportForm::from_name(name).ok_or_else(|| {
            let known = ReportForm::ALL.map(ReportForm::name).join(", ");
            ControlError::unusable(format!("invalid format '{}': expected {known}", name.escape_debug()))
        })?,
    };
    let names = |parameter: &str| -> Vec<String> {
        let list = parameters.get(parameter).unwrap_or_default();
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let severity = |name: &str| {
        Severity::from_name(name).ok_or_else(|| {
            let known = Severity::ALL.map(Severity::name).join(", ");
            ControlError::unusable(format!("unknown severity '{}': expected {known}", name.escape_debug()))
        })
    };
    let severity = parameters.get("severity").map(severity).transpose()?;
    let selection = RuleSelection { allow: names("allow"), only: names("only"), severity, number: parameters.number("number")? };
    if let Some(name) = selection.unknown() {
        return Err(ControlError::unusable(format!("unknown rule '{}'; `wfi-emulator rules` lists them", name.escape_debug())));
    }
    let world = call.worlds.world(call.name)?;
    let report = Report::of(&world, call.name, &selection);
    if form == ReportForm::Json {
        return Ok(ControlReply::ok(&report));
    }
    let reply = ControlReply::text(report.render(form));
    Ok(ControlReply { content_type: form.content_type(), ..reply })
}
