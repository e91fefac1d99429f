//! The report on what clients did wrong in a world.

use crate::edge::control::call::ControlCall;
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::report::{Report, ReportForm, RuleSelection};

/// Returns the report on the requests in the journal of a world.
pub(super) fn report(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let parameters = call.parameters(&["format", "allow", "only"])?;
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
    let selection = RuleSelection { allow: names("allow"), only: names("only") };
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
