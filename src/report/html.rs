//! The report as a page without scripts.

use std::fmt::Write as _;

use crate::report::finding::{PermissionKinds, Report};
use crate::report::text;
use crate::text::plural::counted;
use crate::text::xml::escaped;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}\
    code{overflow-wrap:anywhere}.error{color:#a00}.warning{color:#850}.note{color:#055}";

pub(super) fn render(report: &Report) -> String {
    let mut page = String::new();
    let world = escaped(&report.world);
    let _ = writeln!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Report of {world}</title><style>{STYLE}</style></head>\n\
         <body>\n<h1>Report of {world}</h1>\n<p>{} findings in {} requests</p>",
        report.findings.len(),
        report.requests
    );
    if let Some(sentence) = text::dropped(report) {
        let _ = writeln!(page, "<p class=\"warning\">{}</p>", escaped(&sentence));
    }
    for finding in &report.findings {
        let (severity, source) = (finding.severity.name(), escaped(&finding.source));
        let address = escaped(finding.source.split(' ').next().unwrap_or_default());
        let _ = writeln!(
            page,
            "<h2><span class=\"{severity}\">{severity}</span>: {} <small>{}</small></h2>\n<p><code>{}</code>, {}<br>{}</p>\n<ul>",
            escaped(&finding.title),
            escaped(&finding.rule),
            escaped(&finding.subject),
            counted(finding.count, "time", "times"),
            escaped(&finding.detail)
        );
        for request in &finding.requests {
            let (method, target) = (escaped(&request.method), escaped(&request.target));
            let _ = writeln!(
                page,
                "<li>request {} at {}: <code>{method} {target}</code></li>",
                request.number,
                escaped(&request.time)
            );
        }
        let better = escaped(&finding.better);
        let _ =
            writeln!(page, "</ul>\n<p>Better: {better}<br>Source: <a href=\"{address}\">{source}</a> ({})</p>", finding.grade);
    }
    permissions(report, &mut page);
    page.push_str("</body>\n</html>\n");
    page
}

fn permissions(report: &Report, page: &mut String) {
    if report.permissions.operations.is_empty() {
        return;
    }
    page.push_str("<h2>Least privileged permissions</h2>\n<table><tr><th>operation</th><th>times</th><th>delegated</th><th>personal accounts</th><th>application</th></tr>\n");
    let row = |kinds: &PermissionKinds| {
        let cells = [&kinds.delegated, &kinds.personal, &kinds.application];
        cells.map(|names| format!("<td>{}</td>", escaped(&names.join(", ")))).concat()
    };
    for operation in &report.permissions.operations {
        let name = escaped(&operation.operation);
        let _ = writeln!(page, "<tr><td><code>{name}</code></td><td>{}</td>{}</tr>", operation.count, row(&operation.least));
    }
    let _ = writeln!(page, "<tr><th>covering</th><td></td>{}</tr>\n</table>", row(&report.permissions.covering));
}
