//! The emulator as the service of a comparison: its settings for a file, and its server.

use std::collections::{BTreeSet, HashSet};
use std::io::BufReader;
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::files;
use super::seed::Seeds;
use super::{CompareOptions, CompareRules, Event, EventSink};
use crate::edge::server;
use crate::edge::service::Service;
use crate::policy::behavior::{Behaviors, Profile};
use crate::text::exchange::{EntryReader, Exchange};
use crate::text::redact::mask_text;
use crate::tools::page::{OpenPages, leaves_size_to_service};
use crate::world::fixture::{self, Entities};
use crate::world::settings::Settings;

/// Returns the settings for a file: entities from fixtures or from the file, behaviors from options, rules and comments of the file.
/// Also returns the lines of exchanges with a page whose next one the file does not have.
pub(super) fn settings(
    options: &CompareOptions,
    rules: &CompareRules,
    path: &Path,
    name: &str,
    report: &mut EventSink<'_>,
) -> Result<(Settings, HashSet<usize>), String> {
    let mut schema = crate::workloads::schema_with_rest();
    let mut seeds = Seeds::new(schema.clone());
    let mut profile = rules.profile.clone();
    let mut choices = rules.behaviors.clone();
    let mut pages = OpenPages::new();
    let mut page_sizes = BTreeSet::new();
    // The comparison itself reports syntax errors in the file.
    for (line, entry) in EntryReader::new(BufReader::new(files::open(path)?)).map_while(Result::ok) {
        for comment in &entry.exchange.comments {
            if let Some(name) = comment.strip_prefix("profile: ") {
                profile = Some(name.trim().to_owned());
            } else if let Some((name, value)) = comment.strip_prefix("behavior: ").and_then(|choice| choice.split_once('=')) {
                choices.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        seeds.add_entry(&entry);
        let Exchange { request, response, .. } = &entry.exchange;
        let size = response.as_ref().and_then(|response| pages.add(line, request, response));
        page_sizes.extend(size.filter(|_| leaves_size_to_service(request)));
    }
    if let Some(whole) = seeds.whole().cloned() {
        seeds = Seeds::new(whole.clone());
        for (_, entry) in EntryReader::new(BufReader::new(files::open(path)?)).map_while(Result::ok) {
            seeds.add_entry(&entry);
        }
        schema = whole;
    }
    let mut behaviors = match profile {
        None => options.behaviors.clone(),
        Some(profile) => {
            Behaviors::of(Profile::from_name(&profile).ok_or_else(|| format!("{name}: unknown profile '{profile}'"))?)
        }
    };
    for (row, value) in choices.iter().chain(&options.forced) {
        behaviors.set(row, value).map_err(|error| format!("{name}: {error}"))?;
    }
    let fixtures = options.fixtures.as_ref().or(rules.fixtures.as_ref());
    let entities: Entities = if let Some(path) = fixtures {
        fixture::with_whole(&mut schema, |schema| fixture::load(schema, &behaviors, path)).map_err(|error| error.to_string())?
    } else {
        let (entities, problems) = seeds.finish(&behaviors);
        for problem in problems {
            report(&Event::Note(format!("{name}: skipped an entity: {}", mask_text(&problem))));
        }
        entities
    };
    let settings = crate::workloads::settings();
    // Of a service with pages of several sizes, none is known that fits all lists.
    let page_size = page_sizes.first().filter(|_| page_sizes.len() == 1).and_then(|size| NonZeroUsize::new(*size));
    let page_size = page_size.unwrap_or(settings.page_size);
    Ok((Settings { schema, entities, behaviors, seed: 1, page_size, ..settings }, pages.into_places().collect()))
}

/// The emulator, served on a free port until the value is dropped.
pub(super) struct EmulatorServer {
    pub(super) base: String,
    task: tokio::task::JoinHandle<()>,
}

impl EmulatorServer {
    pub(super) async fn start(settings: Settings) -> Result<EmulatorServer, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| format!("cannot listen: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
        let service = Arc::new(Service::of(settings));
        let task = tokio::spawn(server::run(listener, service, std::future::pending()));
        Ok(EmulatorServer { base: format!("http://{address}"), task })
    }
}

impl Drop for EmulatorServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
