//! The flags of HTTPS: the certificate to serve, and what its clients have to trust.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use rustls::ServerConfig;
use rustls::pki_types::ServerName;

use super::ca::AuthorityFile;
use crate::edge::certificate::{self, Authority, CertificateError};
use crate::edge::proxy::{OtherHosts, Proxy};

/// The flags.
#[derive(Args, Clone, Debug)]
pub(super) struct TlsArguments {
    #[command(flatten)]
    pub(super) certificate: CertificateArguments,
    /// Host to answer for as a proxy, in addition to those of Graph and Entra; repeatable
    #[arg(long, env = "WFI_EMULATOR_INTERCEPT", value_name = "HOST", value_delimiter = ',', value_parser = intercepted_host, requires = "tls")]
    intercept: Vec<String>,
    /// Rule for tunnels to hosts that the proxy does not answer for; `tunnel` lets clients of this machine through
    #[arg(long, env = "WFI_EMULATOR_PROXY_OTHERS", value_name = "RULE", value_enum, default_value_t = ProxyOthers::Refuse)]
    proxy_others: ProxyOthers,
}

/// The treatment of tunnels to other hosts.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProxyOthers {
    Refuse,
    Tunnel,
}

/// The flags of the certificate to serve.
#[derive(Args, Clone, Debug)]
pub(super) struct CertificateArguments {
    /// Serve HTTPS too, on the same port
    #[arg(long, env = "WFI_EMULATOR_TLS", value_parser = BoolishValueParser::new())]
    pub(super) tls: bool,
    /// Additional host name or IP address for the certificate; repeatable
    #[arg(long, env = "WFI_EMULATOR_SAN", value_name = "NAME", value_delimiter = ',', value_parser = certificate_name, requires = "tls")]
    san: Vec<String>,
    /// PEM certificate to serve instead of one issued by the local CA
    #[arg(long, env = "WFI_EMULATOR_CERT", value_name = "FILE", requires_all = ["tls", "key"], conflicts_with = "san")]
    cert: Option<PathBuf>,
    /// PEM private key of --cert
    #[arg(long, env = "WFI_EMULATOR_KEY", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    #[command(flatten)]
    pub(super) authority: AuthorityFile,
}

/// The certificate that clients have to trust.
pub(super) enum TrustAnchor {
    /// None, or that of a certificate given by the user.
    Unknown,
    /// The certificate in this file.
    File(PathBuf),
    /// A CA that exists in memory only.
    Memory,
}

impl CertificateArguments {
    /// Returns the additional names of this server.
    pub(super) fn names(&self) -> Vec<String> {
        self.san.clone()
    }

    /// Returns the configuration of a server over TLS, if it is to be one, and what its clients have to trust.
    pub(super) fn server_config(&self) -> Result<Option<(Arc<ServerConfig>, TrustAnchor)>, CertificateError> {
        if !self.tls {
            return Ok(None);
        }
        if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
            return Ok(Some((certificate::own(certificate, key)?, TrustAnchor::Unknown)));
        }
        let authority = self.authority.authority(&self.san)?;
        Ok(Some((certificate::issued(&authority, &self.san)?, TrustAnchor::of(&authority))))
    }
}

impl TlsArguments {
    /// Returns the proxy of a server with this TLS, and the file of the CA that its further hosts need. It is another CA than that of the
    /// other names, so that a client can trust that one for Microsoft's names alone.
    pub(super) fn proxy(&self, tls: Option<Arc<ServerConfig>>) -> Result<(Proxy, Option<PathBuf>), CertificateError> {
        let others = match self.proxy_others {
            ProxyOthers::Refuse => OtherHosts::Refused,
            ProxyOthers::Tunnel => OtherHosts::tunneled(),
        };
        let proxy = Proxy::new(tls).with_others(others);
        if self.intercept.is_empty() {
            return Ok((proxy, None));
        }
        let authority = self.certificate.authority.of_intercepted_hosts(&self.intercept)?;
        let proxy = proxy.intercepting(&self.intercept, certificate::issued(&authority, &self.intercept)?);
        Ok((proxy, TrustAnchor::of(&authority).path().map(Path::to_owned)))
    }
}

impl TrustAnchor {
    fn of(authority: &Authority) -> TrustAnchor {
        match authority.path() {
            Some(path) => TrustAnchor::File(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
            None => TrustAnchor::Memory,
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            TrustAnchor::File(path) => Some(path),
            TrustAnchor::Unknown | TrustAnchor::Memory => None,
        }
    }

    /// Returns the part of the greeting that says how clients come to trust the certificate.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            TrustAnchor::Unknown => None,
            TrustAnchor::File(path) => Some(format!("CA for clients to trust: {} (see `wfi-emulator ca`)", path.display())),
            TrustAnchor::Memory => Some("the CA is in memory only: clients must disable verification".to_owned()),
        }
    }

    /// Returns the flag with which curl accepts the certificate, if it needs one.
    pub(super) fn curl_flag(&self) -> Option<String> {
        match self {
            TrustAnchor::Unknown => None,
            TrustAnchor::File(path) => Some(format!("--cacert '{}'", path.display())),
            TrustAnchor::Memory => Some("--insecure".to_owned()),
        }
    }
}

/// Reads the name of a host for the proxy to answer for.
fn intercepted_host(text: &str) -> Result<String, &'static str> {
    match ServerName::try_from(text) {
        Ok(ServerName::DnsName(name)) => Ok(name.as_ref().trim_end_matches('.').to_ascii_lowercase()),
        _ => Err("expected a host name, without scheme, port or path"),
    }
}

/// Reads a name for the certificate. One that no client can ask for, such as a URL, is a mistake.
fn certificate_name(text: &str) -> Result<String, &'static str> {
    let is_name = match text.strip_prefix("*.") {
        Some(rest) => matches!(ServerName::try_from(rest), Ok(ServerName::DnsName(_))),
        None => ServerName::try_from(text).is_ok(),
    };
    if is_name { Ok(text.to_owned()) } else { Err("expected a host name or an IP address") }
}
