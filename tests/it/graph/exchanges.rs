//! Exchanges as data: each file of `tests/exchanges/` holds requests that are sent one after another to a new world; the snapshot of the
//! same name holds the requests with their answers.
//!
//! A comment `# behavior: name=value`, `# profile: name`, `# explain`, `# faults: [rules]`, `# auth: level` or `# directory: {…}` before any
//! request configures the world; `# schema: whole` has it read the whole schema where a request needs it. `# token: …` sends a token with the next request, in the notation of [`tokens`]. Base64url in answers of
//! the token service is decoded in the snapshot. `<code>` and the like repeat what an earlier answer had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wfi_emulator::internals::entra::token_service::EntraRoute;
use wfi_emulator::internals::policy::behavior::{Behaviors, Profile};
use wfi_emulator::internals::text::exchange::{self, Exchange};
use wfi_emulator::internals::workloads;
use wfi_emulator::internals::world::fixture::directory::Directory;
use wfi_emulator::internals::world::settings::{Auth, Settings};
use wfi_emulator::internals::world::{World, fault};

use crate::support::{harness, tokens};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchanges")
}

fn cases() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "hurl"));
    files.sort();
    files
}

fn world_for(exchanges: &[Exchange], name: &str) -> World {
    World::new(settings_for(exchanges, name))
}

fn settings_for(exchanges: &[Exchange], name: &str) -> Settings {
    let comments = || exchanges.iter().flat_map(|exchange| &exchange.comments);
    let profile = comments().find_map(|comment| comment.strip_prefix("profile: "));
    let mut behaviors = profile.map_or_else(Behaviors::default, |profile| {
        Behaviors::of(Profile::from_name(profile.trim()).unwrap_or_else(|| panic!("{name}: no profile {profile}")))
    });
    for choice in comments().filter_map(|comment| comment.strip_prefix("behavior: ")) {
        let (row, value) = choice.split_once('=').unwrap_or_else(|| panic!("{name}: {choice}"));
        behaviors.set(row.trim(), value.trim()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let explains = comments().any(|comment| comment == "explain");
    let auth = match comments().find_map(|comment| comment.strip_prefix("auth: ")) {
        None | Some("open") => Auth::Open,
        Some("bearer") => Auth::Bearer,
        Some("strict") => Auth::Strict,
        Some(other) => panic!("{name}: unknown level {other}"),
    };
    let directory = comments().find_map(|comment| comment.strip_prefix("directory: ")).unwrap_or("{}");
    let directory = Directory::read(directory.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}")).into();
    let faults = comments().filter_map(|comment| comment.strip_prefix("faults: "));
    let faults = faults.flat_map(|text| fault::read(name, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))).collect();
    let settings = Settings { explains, faults, auth, directory, ..harness::settings(behaviors) };
    if comments().any(|comment| comment == "schema: whole") {
        Settings { schema: workloads::schema_with_rest(), ..settings }
    } else {
        settings
    }
}

/// The values in answers that later requests can repeat, by name: those of the token service, the id of an entity, and the paths of links of
/// delta queries.
type Repeated = BTreeMap<&'static str, String>;

const REPEATED: [&str; 6] = ["code", "access_token", "id_token", "refresh_token", "device_code", "id"];

/// Notes what later requests can repeat.
fn note(repeated: &mut Repeated, response: &exchange::RecordedResponse) {
    let location = response.header("location").unwrap_or_default();
    let parameters = location.split_once(['?', '#']).map_or("", |(_, parameters)| parameters).split('&');
    let parameters = parameters.filter_map(|pair| pair.split_once('='));
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    for name in REPEATED {
        let of_location = parameters.clone().find(|(known, _)| *known == name).map(|(_, value)| value);
        if let Some(value) = body[name].as_str().or(of_location) {
            repeated.insert(name, value.to_owned());
        }
    }
    for (name, member) in [("delta", "@odata.deltaLink"), ("next", "@odata.nextLink")] {
        let link = body[member].as_str().and_then(|link| link.split_once("://"));
        if let Some((_, path)) = link.and_then(|(_, link)| link.split_once('/')) {
            repeated.insert(name, format!("/{path}"));
        }
    }
}

/// Sends a request, with its token if any. A name such as `<code>` in it is replaced by the latest value of that name.
fn send(world: &World, exchange: &Exchange, repeated: &mut Repeated) -> exchange::RecordedResponse {
    let mut request = exchange.request.clone();
    for (name, value) in repeated.iter() {
        request.target = request.target.replace(&format!("<{name}>"), value);
    }
    if let Ok(body) = std::str::from_utf8(&request.body).map(str::to_owned) {
        let all = repeated.iter().fold(body, |text, (name, value)| text.replace(&format!("<{name}>"), value));
        request.body = all.into();
    }
    if let Some(text) = exchange.comments.iter().find_map(|comment| comment.strip_prefix("token: ")) {
        request.headers.push(("Authorization".to_owned(), format!("Bearer {}", tokens::token(world, text))));
    }
    let mut response = harness::send(world, &request);
    note(repeated, &response);
    if EntraRoute::of(request.target.split('?').next().unwrap()).is_some() {
        response.body = decoded(std::str::from_utf8(&response.body).unwrap()).into();
    }
    response
}

/// Decodes base64url in an answer of the token service.
fn decoded(body: &str) -> String {
    let mut text_body = body.to_owned();
    for name in ["access_token", "id_token", "refresh_token", "device_code", "client_info"] {
        let start = format!("\"{name}\":\"");
        let Some((before, rest)) = text_body.split_once(&start) else { continue };
        let (text, after) = rest.split_once('"').unwrap();
        if text.is_empty() {
            continue;
        }
        let payload = text.split('.').nth(1).unwrap_or(text);
        let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        text_body = format!("{before}\"{name}\":{payload}{after}");
    }
    text_body
}

#[test]
fn every_exchange_gets_the_answers_of_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let cases = cases();
    assert!(cases.len() > 20, "found {} files of exchanges", cases.len());
    let mut differing = Vec::new();
    for file in &cases {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let mut exchanges = exchange::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!exchanges.is_empty(), "{name} has no request");
        assert!(exchanges.iter().all(|exchange| exchange.response.is_none()), "{name}: answers belong in snapshots/");
        let world = world_for(&exchanges, name);
        let mut repeated = Repeated::new();
        for exchange in &mut exchanges {
            exchange.response = Some(send(&world, exchange, &mut repeated));
        }
        let printed = exchange::write(&exchanges);
        // All files are compared before the test fails, so that one run shows every difference.
        let compared = settings.bind(|| std::panic::catch_unwind(|| insta::assert_snapshot!(name, printed)));
        if compared.is_err() {
            differing.push(name.to_owned());
        }
    }
    assert!(differing.is_empty(), "differing from their snapshots: {}", differing.join(", "));
}

/// Sends the requests of a file to a world, and returns them with their answers.
fn answers(exchanges: &[Exchange], world: &World) -> String {
    let mut repeated = Repeated::new();
    let answered = exchanges.iter().map(|exchange| {
        let response = Some(send(world, exchange, &mut repeated));
        Exchange { response, ..exchange.clone() }
    });
    exchange::write(&answered.collect::<Vec<_>>())
}

/// The exchanges that show all that the schema has: the service document, or the schema itself.
const OF_THE_SCHEMA: [&str; 7] =
    ["batch_addresses", "head", "metadata_document", "service_document", "strict_accepted", "tenant_prefix", "world_prefix"];

#[test]
fn no_answer_depends_on_whether_the_rest_of_the_schema_is_read() {
    let (mut depending, mut differing) = (Vec::new(), Vec::new());
    for file in cases() {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let exchanges = exchange::read(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let world = || World::new(Settings { schema: workloads::schema_with_rest(), ..settings_for(&exchanges, name) });
        let unread = answers(&exchanges, &world());
        let widened = world();
        widened.widen();
        if unread != answers(&exchanges, &widened) {
            depending.push(name.to_owned());
        }
        // Nor do they differ from those of the core alone, which the snapshots have.
        let snapshot = std::fs::read_to_string(folder().join(format!("../../snapshots/{name}.snap"))).unwrap();
        let (_, expected) = snapshot.trim_start_matches("---\n").split_once("---\n").unwrap();
        if (unread.trim() == expected.trim()) == OF_THE_SCHEMA.contains(&name) {
            differing.push(name.to_owned());
        }
    }
    assert!(depending.is_empty(), "depending on what was asked before: {}", depending.join(", "));
    assert!(differing.is_empty(), "not as with the core: {}", differing.join(", "));
}

#[test]
fn every_snapshot_has_its_exchange() {
    let names: Vec<String> = cases().iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots")).unwrap() {
        let path = entry.unwrap().path();
        let Some(stem) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".snap")) else {
            continue;
        };
        assert!(names.iter().any(|name| name == stem), "snapshots/{stem}.snap has no request in tests/exchanges/");
    }
}
