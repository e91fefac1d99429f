//! The variables that lead programs to an emulator, and their forms for shells and GitHub Actions.

use std::ffi::{OsStr, OsString};

use clap::ValueEnum;

use super::trust_files;

/// The form in which variables are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum VariableForm {
    /// For `eval "$(…)"` in sh, bash and zsh
    Sh,
    /// For `… | Out-String | Invoke-Expression` in PowerShell
    Powershell,
    /// For `… >> "$GITHUB_ENV"` in GitHub Actions
    Github,
}

impl VariableForm {
    /// Returns the text that sets variables.
    pub(super) fn text(self, variables: &[(&str, OsString)]) -> String {
        let line = |(name, value): &(&str, OsString)| {
            let value = value.to_string_lossy();
            match self {
                VariableForm::Sh => format!("export {name}='{}'\n", value.replace('\'', r"'\''")),
                VariableForm::Powershell => format!("$env:{name} = '{}'\n", value.replace('\'', "''")),
                VariableForm::Github if value.contains(['\r', '\n']) => {
                    format!("{name}<<end-of-{name}\n{value}\nend-of-{name}\n")
                }
                VariableForm::Github => format!("{name}={value}\n"),
            }
        };
        variables.iter().map(line).collect()
    }
}

/// Returns the variables that lead a command to the emulator. `inherited` are those of this process.
pub(super) fn variables(
    port: u16,
    files: &trust_files::TrustFiles,
    inherited: impl Fn(&str) -> Option<OsString>,
) -> Vec<(&'static str, OsString)> {
    let proxy = format!("http://127.0.0.1:{port}");
    let url = format!("https://127.0.0.1:{port}");
    let bundle = files.bundle.as_os_str();
    let mut set: Vec<(&'static str, OsString)> = vec![
        ("HTTPS_PROXY", proxy.clone().into()),
        ("https_proxy", proxy.into()),
        ("GRAPH_URL", url.clone().into()),
        ("WFI_EMULATOR_BASE_URL", url.into()),
        ("NODE_USE_ENV_PROXY", "1".into()),
    ];
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "DENO_CERT"] {
        set.push((name, bundle.into()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        set.push((name, joined(inherited(name), ",", "localhost,127.0.0.1,::1")));
    }
    // Java reads neither variables of proxies nor files in PEM.
    let java = format!(
        "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port} -Djavax.net.ssl.trustStoreType=PKCS12 '-Djavax.net.ssl.trustStore={}'",
        files.java.display()
    );
    set.push(("JAVA_TOOL_OPTIONS", joined(inherited("JAVA_TOOL_OPTIONS"), " ", &java)));
    set
}

/// Returns a value with more at its end.
fn joined(before: Option<OsString>, separator: &str, more: &str) -> OsString {
    match before.filter(|before| !before.is_empty()) {
        Some(mut before) => {
            before.push(OsStr::new(separator));
            before.push(more);
            before
        }
        None => more.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_user_are_kept_and_completed() {
        let files = trust_files::TrustFiles { bundle: "/t/ca.pem".into(), java: "/t/ca.p12".into(), temporary: None };
        let inherited = |name: &str| match name {
            "NO_PROXY" => Some("db.test".into()),
            "JAVA_TOOL_OPTIONS" => Some("-Xmx1g".into()),
            _ => None,
        };
        let text: Vec<String> = variables(4711, &files, inherited)
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
            .collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        HTTPS_PROXY=http://127.0.0.1:4711
        https_proxy=http://127.0.0.1:4711
        GRAPH_URL=https://127.0.0.1:4711
        WFI_EMULATOR_BASE_URL=https://127.0.0.1:4711
        NODE_USE_ENV_PROXY=1
        SSL_CERT_FILE=/t/ca.pem
        REQUESTS_CA_BUNDLE=/t/ca.pem
        CURL_CA_BUNDLE=/t/ca.pem
        NODE_EXTRA_CA_CERTS=/t/ca.pem
        DENO_CERT=/t/ca.pem
        NO_PROXY=db.test,localhost,127.0.0.1,::1
        no_proxy=localhost,127.0.0.1,::1
        JAVA_TOOL_OPTIONS=-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4711 -Djavax.net.ssl.trustStoreType=PKCS12 '-Djavax.net.ssl.trustStore=/t/ca.p12'
        ");
    }

    #[test]
    fn each_form_keeps_quotes_and_line_breaks() {
        let variables = [("PLAIN", "a b".into()), ("QUOTED", "it's $HOME".into()), ("LINES", "a\nb".into())];
        for (form, expected) in [
            (VariableForm::Sh, "export PLAIN='a b'\nexport QUOTED='it'\\''s $HOME'\nexport LINES='a\nb'\n"),
            (VariableForm::Powershell, "$env:PLAIN = 'a b'\n$env:QUOTED = 'it''s $HOME'\n$env:LINES = 'a\nb'\n"),
            (VariableForm::Github, "PLAIN=a b\nQUOTED=it's $HOME\nLINES<<end-of-LINES\na\nb\nend-of-LINES\n"),
        ] {
            assert_eq!(form.text(&variables), expected, "{form:?}");
        }
    }
}
