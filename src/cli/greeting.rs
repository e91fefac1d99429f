//! The greeting on standard error: the addresses that are served, for people.

use super::tls::TrustAnchor;
use crate::edm::schema::{SetId, Version};
use crate::world::World;

/// Returns the greeting. `plain_url` is the address without TLS, where `url` is one with it.
pub(super) fn text(url: &str, plain_url: Option<&str>, world: &World, trust: &TrustAnchor) -> String {
    let mut text = format!("wfi-emulator {} serves an offline Microsoft Graph\n", env!("CARGO_PKG_VERSION"));
    for set in world.schema.root_sets() {
        let info = world.schema.set(set);
        for version in Version::ALL {
            text.push_str(&format!("  {url}/{}/{}\n", version.segment(), info.path));
        }
        let count = world.store.collection(set).len();
        text.push_str(&format!("  entities: {count}"));
        let is_below = |other: &SetId| *other != set && world.schema.root_of(*other) == set;
        let below: Vec<&str> = world.schema.set_ids().filter(is_below).map(|other| &*world.schema.set(other).name).collect();
        text.push_str(&if below.is_empty() { "\n".to_owned() } else { format!("; nested: {}\n", below.join(", ")) });
    }
    if let Some(first) = world.schema.sets().first() {
        text.push_str(&format!("try: curl {}{url}/{}/{}\n", trust.curl_flag(), Version::V1.segment(), first.path));
    }
    text.push_str(&format!("seed: {}; control: {url}/_emulator\n", world.seed()));
    text.push_str("docs: README.md, wfi-emulator --help, wfi-emulator behaviors; stop: Ctrl-C\n");
    if let Some(plain_url) = plain_url {
        text.push_str(&format!("without TLS: {plain_url}{}\n", trust.hint()));
    }
    text
}
