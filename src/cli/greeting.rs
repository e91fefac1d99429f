//! The greeting on standard error: the addresses that are served, for people.

use std::path::Path;

use super::tls::TrustAnchor;
use crate::edm::schema::Version;
use crate::world::World;

/// The options of this run, as far as they concern people.
#[derive(Debug)]
pub(super) struct Options<'o> {
    /// Those that differ from the default, with their values, and with the names of the variables that they come from.
    pub(super) chosen: &'o [String],
    /// Whether requests need a token of the emulator.
    pub(super) needs_token: bool,
    /// The file of the CA for the further hosts of the proxy.
    pub(super) intercept_ca: Option<&'o Path>,
    /// The number of exchanges that are served as stubs.
    pub(super) stubs: usize,
}

/// Returns the greeting. `plain_url` is the address without TLS, where `url` is one with it.
pub(super) fn text(url: &str, plain_url: Option<&str>, world: &World, trust: &TrustAnchor, options: &Options<'_>) -> String {
    let mut text = format!("wfi-emulator {} serves an offline Microsoft Graph\n", env!("CARGO_PKG_VERSION"));
    let counted = world.schema.keyed_root_sets().map(|set| (&world.schema.set(set).path, world.store.collection(set).len()));
    let (filled, empty): (Vec<_>, Vec<_>) = counted.partition(|(_, count)| *count > 0);
    for root in world.schema.widest().roots().iter().filter(|root| root.caller_in.is_some()) {
        text.push_str(&format!("  {url}/{}/{}\n", Version::V1.segment(), root.name));
    }
    for (path, count) in &filled {
        text.push_str(&format!("  {url}/{}/{path} ({count})\n", Version::V1.segment()));
    }
    if !empty.is_empty() {
        text.push_str(&format!("  and empty collections: {}\n", empty.len()));
    }
    text.push_str(&format!("the same under {url}/{}\n", Version::Beta.segment()));
    if let Some((first, _)) = filled.first().or(empty.first()) {
        let token = if options.needs_token { "-H \"Authorization: Bearer $(wfi-emulator token)\" " } else { "" };
        text.push_str(&format!("try: curl {}{token}{url}/{}/{first}\n", trust.curl_flag(), Version::V1.segment()));
    }
    if !options.chosen.is_empty() {
        text.push_str(&format!("options: {}\n", options.chosen.join(", ")));
    }
    let counts = [(world.faults.count(), "fault rules"), (options.stubs, "stubs")];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| format!("{count} {noun}")).collect();
    if !counts.is_empty() {
        text.push_str(&format!("with {}\n", counts.join(" and ")));
    }
    text.push_str(&format!("seed: {}; control: {url}/_emulator\n", world.seed()));
    text.push_str("docs: README.md, wfi-emulator --help, wfi-emulator behaviors; stop: Ctrl-C\n");
    if let Some(plain_url) = plain_url {
        text.push_str(&format!("without TLS: {plain_url}{}\n", trust.hint()));
        text.push_str(&format!("proxy for the addresses of Graph and Entra: HTTPS_PROXY={plain_url}\n"));
    }
    if let Some(file) = options.intercept_ca {
        text.push_str(&format!("CA of the hosts of --intercept: {}\n", file.display()));
    }
    text
}
