//! The greeting on standard error: the addresses that are served, for people.

use std::path::Path;

use super::tls::TrustAnchor;
use crate::edge::ui;
use crate::edm::schema::Version;
use crate::text::plural::counted;
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
    /// Whether the page for people is served.
    pub(super) has_page: bool,
    /// The number of exchanges that are served as stubs.
    pub(super) stubs: usize,
}

/// Returns the greeting. `plain_url` is the address without TLS, where `url` is one with it.
pub(super) fn text(url: &str, plain_url: Option<&str>, world: &World, trust: &TrustAnchor, options: &Options<'_>) -> String {
    let mut text = format!("wfi-emulator {} serves an offline Microsoft Graph\n", env!("CARGO_PKG_VERSION"));
    let versions = Version::ALL.map(|version| served(world, version));
    let [v1, beta] = &versions;
    let is_same = v1.is_same_as(beta);
    for served in &versions[..if is_same { 1 } else { 2 }] {
        text.push_str(&served.lines(url));
    }
    if is_same {
        text.push_str(&format!("the same under {url}/{}\n", Version::Beta.segment()));
    }
    if let Some((version, first)) = v1.first().or(beta.first()) {
        let token = options.needs_token.then(|| "-H \"Authorization: Bearer $(wfi-emulator token)\"".to_owned());
        let address = format!("{url}/{}/{first}", version.segment());
        let words = [Some("try: curl".to_owned()), trust.curl_flag(), token, Some(address)];
        text.push_str(&wrapped(&words.into_iter().flatten().collect::<Vec<String>>(), " ", " \\\n    "));
    }
    if !options.chosen.is_empty() {
        let mut items = options.chosen.to_vec();
        items[0].insert_str(0, "options: ");
        text.push_str(&wrapped(&items, ", ", ",\n  "));
    }
    let counts = [(world.faults.count(), "fault rule", "fault rules"), (options.stubs, "stub", "stubs")];
    let counts = counts.iter().filter(|(count, ..)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, one, many)| counted(*count, one, many)).collect();
    if !counts.is_empty() {
        text.push_str(&format!("with {}\n", counts.join(" and ")));
    }
    text.push_str(&format!("seed: {}; control: {url}/_emulator\n", world.seed()));
    if options.has_page {
        text.push_str(&format!("page: {url}{}\n", ui::PATH));
    }
    text.push_str("docs: README.md, wfi-emulator --help, wfi-emulator behaviors; stop: Ctrl-C\n");
    if let Some(plain_url) = plain_url {
        let parts = [Some(format!("without TLS: {plain_url}")), trust.hint()];
        text.push_str(&wrapped(&parts.into_iter().flatten().collect::<Vec<String>>(), "; ", ";\n  "));
        text.push_str(&format!("proxy for Graph and Entra: HTTPS_PROXY={plain_url}\n"));
    }
    if let Some(file) = options.intercept_ca {
        text.push_str(&format!("CA of the hosts of --intercept: {}\n", file.display()));
    }
    text
}

/// The paths that a version serves: singletons of the caller, and collections with their counts.
struct Served<'w> {
    version: Version,
    callers: Vec<&'w str>,
    filled: Vec<(&'w str, usize)>,
    empty: Vec<&'w str>,
}

fn served(world: &World, version: Version) -> Served<'_> {
    let (schema, model) = (&world.schema, world.schema.model(version));
    let has = |path: &str| schema.address(&format!("/{}/{path}", version.segment())).is_some();
    let sets = schema.keyed_root_sets().filter(|set| has(&schema.set(*set).path));
    let counts = sets.map(|set| (&*schema.set(set).path, world.store.collection(set).len()));
    let (filled, empty): (Vec<_>, Vec<_>) = counts.partition(|(_, count)| *count > 0);
    let callers = model.roots().iter().filter(|root| root.caller_in.is_some()).map(|root| &*root.name).collect();
    Served { version, callers, filled, empty: empty.into_iter().map(|(path, _)| path).collect() }
}

impl Served<'_> {
    fn is_same_as(&self, other: &Served<'_>) -> bool {
        (&self.callers, &self.filled, &self.empty) == (&other.callers, &other.filled, &other.empty)
    }

    /// Returns the version and the path of the first collection, one with entities if there is any.
    fn first(&self) -> Option<(Version, &str)> {
        let filled = self.filled.first().map(|(path, _)| *path);
        Some((self.version, filled.or(self.empty.first().copied())?))
    }

    fn lines(&self, url: &str) -> String {
        let version = self.version.segment();
        let mut text = String::new();
        for name in &self.callers {
            text.push_str(&format!("  {url}/{version}/{name}\n"));
        }
        for (path, count) in &self.filled {
            text.push_str(&format!("  {url}/{version}/{path} ({count})\n"));
        }
        if !self.empty.is_empty() {
            text.push_str(&format!("  and empty collections: {}\n", self.empty.len()));
        }
        text
    }
}

/// The width of a terminal that no one has made wider.
const WIDTH: usize = 80;

/// Returns words on lines that fit a terminal, except for longer words, with a separator between those of a line, and one at its end.
fn wrapped(words: &[String], between: &str, at_end: &str) -> String {
    let indent = at_end.rsplit('\n').next().unwrap_or_default().len();
    let (mut text, mut width) = (String::new(), 0);
    for (index, word) in words.iter().enumerate() {
        let length = word.chars().count();
        // The end of a line is as long as the separator.
        if index > 0 && width + between.len() + length + between.len() > WIDTH {
            text.push_str(at_end);
            width = indent;
        } else if index > 0 {
            text.push_str(between);
            width += between.len();
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_wrapped() {
        let words = |lengths: &[usize]| -> Vec<String> { lengths.iter().map(|length| "x".repeat(*length)).collect() };
        let lengths = |text: &str| -> Vec<usize> { text.lines().map(|line| line.chars().count()).collect() };
        assert_eq!(lengths(&wrapped(&words(&[30, 46]), ", ", ",\n  ")), [78]);
        assert_eq!(lengths(&wrapped(&words(&[30, 47]), ", ", ",\n  ")), [31, 49]);
        assert_eq!(lengths(&wrapped(&words(&[100, 10, 100]), " ", " \\\n    ")), [102, 16, 104]);
        assert_eq!(wrapped(&words(&[1, 2]), ", ", ",\n  "), "x, xx\n");
    }
}
