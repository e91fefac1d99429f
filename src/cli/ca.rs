//! `wfi-emulator ca`: the path of the local CA certificate, and commands that make clients trust it.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::edge::certificate::{Authority, CertificateError, default_folder, write_bundle};
use crate::edm::date_time::DateTimeOffset;
use crate::world::clock::unix_millis;

/// The folder of the local CA.
#[derive(Args, Clone, Debug)]
pub(super) struct AuthorityFile {
    /// Folder of the local CA, instead of the user's cache folder; `memory` for a CA that is not stored
    #[arg(long, env = "WFI_EMULATOR_CA_DIR", value_name = "DIR")]
    ca_dir: Option<PathBuf>,
}

/// The arguments of the command.
#[derive(Args, Debug)]
pub(super) struct CaArguments {
    /// Print only the path of the certificate
    #[arg(long)]
    path: bool,
    /// Write the CAs of the system and the local one to a file beside it, and print only the path of this file
    #[arg(long, conflicts_with = "path")]
    bundle: bool,
    /// Folder of the local CA, instead of the user's cache folder
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
}

impl AuthorityFile {
    /// Returns the authority for the names of every certificate and more, which is created if absent.
    pub(super) fn authority(&self, more_names: &[String]) -> Result<Authority, CertificateError> {
        match (&self.ca_dir, default_folder()) {
            (Some(folder), _) if folder == Path::new("memory") => Authority::in_memory_for(more_names),
            (Some(folder), _) => Authority::in_folder(folder, more_names),
            (None, Some(folder)) => Authority::in_folder(&folder, more_names),
            (None, None) => Err(CertificateError::no_folder()),
        }
    }
}

impl AuthorityFile {
    /// Returns the authority for the further hosts of the proxy, in a folder below that of the other one.
    pub(super) fn of_intercepted_hosts(&self, hosts: &[String]) -> Result<Authority, CertificateError> {
        let folder = self.ca_dir.clone().or_else(default_folder).ok_or_else(CertificateError::no_folder)?;
        let folder = if folder == Path::new("memory") { folder } else { folder.join("intercept") };
        AuthorityFile { ca_dir: Some(folder) }.authority(hosts)
    }
}

/// Commands by client, with `{ca}` for the path of the certificate, `{url}` for the address of the emulator, and `{bundle}` for the command
/// that prints the path of a bundle.
const TRUST: &[(&str, &str)] = &[
    ("curl", "curl --cacert '{ca}' {url}/v1.0/teamwork/workforceIntegrations"),
    ("Python", "export SSL_CERT_FILE='{ca}' REQUESTS_CA_BUNDLE='{ca}'   # httpx and aiohttp read the first, requests the second"),
    (
        "pip",
        "export PIP_CERT=\"$({bundle})\"; export SSL_CERT_FILE=\"$PIP_CERT\" REQUESTS_CA_BUNDLE=\"$PIP_CERT\"   # the system's CAs too",
    ),
    ("Node", "export NODE_EXTRA_CA_CERTS='{ca}'"),
    ("Go", "export SSL_CERT_FILE='{ca}'   # Linux; on macOS and Windows Go reads the system's store"),
    (
        "Java",
        "keytool -importcert -noprompt -alias wfi-emulator -file '{ca}' -keystore wfi-emulator.p12 -storetype PKCS12 -storepass changeit\n\
         export JAVA_TOOL_OPTIONS='-Djavax.net.ssl.trustStore=wfi-emulator.p12 -Djavax.net.ssl.trustStorePassword=changeit'",
    ),
    (".NET", "export SSL_CERT_FILE='{ca}'   # Linux; elsewhere the system's store, below"),
    (
        "PowerShell",
        "$env:SSL_CERT_FILE = $env:REQUESTS_CA_BUNDLE = $env:NODE_EXTRA_CA_CERTS = '{ca}'   # for programs started after it\n\
         $env:SSL_CERT_FILE = $env:REQUESTS_CA_BUNDLE = $env:PIP_CERT = $({bundle})   # the system's CAs too\n\
         pwsh   # Linux: commands of a new PowerShell; the running one has read its certificates already",
    ),
    ("Windows", "certutil -user -addstore Root \"{ca}\"   # PowerShell and .NET"),
    ("macOS", "security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db '{ca}'"),
];

/// Returns what the command prints. `url` is the address of the emulator over TLS.
pub(super) fn text(file: &AuthorityFile, url: &str, arguments: &CaArguments) -> Result<String, String> {
    let named = arguments.ca_dir.clone().map(|folder| AuthorityFile { ca_dir: Some(folder) });
    let authority = named.as_ref().unwrap_or(file).authority(&[]).map_err(|error| error.to_string())?;
    let Some(path) = authority.path() else {
        return Err("no CA file with --ca-dir memory: name a folder, or omit the flag".to_owned());
    };
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    if arguments.bundle {
        let bundle = write_bundle(&authority, path).map_err(|error| error.to_string())?;
        return Ok(format!("{}\n", absolute(&bundle)));
    }
    let folder = arguments.ca_dir.as_ref().map_or_else(String::new, |folder| format!(" --ca-dir '{}'", absolute(folder)));
    let path = absolute(path);
    if arguments.path {
        return Ok(format!("{path}\n"));
    }
    let mut date = Vec::with_capacity(19);
    DateTimeOffset::from_unix_millis(unix_millis(authority.valid_until())).write_seconds(&mut date);
    let mut text = format!(
        "{path}\nvalid until {}Z; keep the key next to it private\nset variables before the program starts: a running one does not read them again\n",
        String::from_utf8_lossy(&date)
    );
    let bundle = format!("wfi-emulator ca --bundle{folder}");
    for (client, commands) in TRUST {
        text.push_str(&format!("\n{client}\n"));
        for command in commands.replace("{ca}", &path).replace("{url}", url).replace("{bundle}", &bundle).lines() {
            text.push_str(&format!("  {command}\n"));
        }
    }
    Ok(text)
}
