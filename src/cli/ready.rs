//! The announcement that the server listens.

use std::path::Path;

use clap::ValueEnum;
use serde_json::json;

/// The form of the announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReadyForm {
    Url,
    Json,
}

/// Returns the line for standard output and the ready file.
pub(super) fn line(form: ReadyForm, url: &str, port: u16, seed: u64, ca: Option<&Path>) -> String {
    match form {
        ReadyForm::Url => format!("{url}\n"),
        ReadyForm::Json => {
            let announcement = json!({
                "url": url,
                "v1": format!("{url}/v1.0"),
                "beta": format!("{url}/beta"),
                "control": format!("{url}/_emulator"),
                "port": port,
                "pid": std::process::id(),
                "seed": seed,
                "ca": ca.map(|path| path.display().to_string()),
            });
            format!("{announcement}\n")
        }
    }
}
