//! Recorded exchanges against a service: the requests are sent again, and every answer is held against the recorded one.
//!
//! The service is the emulator, started for each file in this process with the entities that the recording shows, or any base
//! address. Ids that a service chooses are followed: what came in the place of a recorded id goes into later requests.

mod bindings;
mod grade;
mod report;
mod rules;
mod seed;
mod shape;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use tokio::net::TcpListener;

pub use grade::{Difference, DifferenceKind};
pub use report::{ReportFormat, Reporter};
pub use rules::{CompareRules, FILE as RULES_FILE, RulesError};

use crate::edge::client::{HttpClient, Upstream};
use crate::edge::server;
use crate::edm::schema::Schema;
use crate::policy::behavior::{Behaviors, Profile};
use crate::text::exchange::{Entry, EntryReader, Exchange, RecordedResponse, StreamError};
use crate::text::redact::{RedactionRules, Redactor};
use crate::world::Settings;
use crate::world::fixture::{self, Entities};
use crate::world::journal;
use bindings::Bindings;
use grade::Grader;
use rules::Known;
use seed::Seeds;
use shape::ValueShape;

/// Where the pseudonyms of accepted answers begin, so that they are none that a recording has.
const FIRST_PSEUDONYM: u64 = 100_001;

/// What is compared with what.
#[derive(Debug)]
pub struct CompareOptions {
    /// A file, or a folder with files that end in `.hurl`.
    pub path: PathBuf,
    /// The service; without it the emulator in this process.
    pub against: Option<Upstream>,
    /// Headers that requests get instead of recorded ones, such as a token that is still good.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What the emulator in this process does where nothing else is said.
    pub behaviors: Behaviors,
    /// Behaviors that nothing in the folder overrides, `(name, value)`.
    pub forced: Vec<(String, String)>,
    /// The fixtures that the emulator in this process starts with, instead of those that the recording shows.
    pub fixtures: Option<PathBuf>,
    /// Whether answers that differ are written into the files.
    pub accepts: bool,
}

/// What became of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonOutcome {
    /// The file, relative to the folder.
    pub file: String,
    /// The line of the request.
    pub line: usize,
    /// The place in the file, from one.
    pub number: usize,
    /// The name: the first comment that is no setting, or the request line.
    pub name: String,
    /// Method and target.
    pub request: String,
    /// Differences that nobody knows of.
    pub drift: Vec<Difference>,
    /// Differences that a rule knows, each with its reason.
    pub known: Vec<(Difference, String)>,
    /// Why there is no answer to compare.
    pub failed: Option<String>,
}

impl ComparisonOutcome {
    /// Tells whether recording and service do not agree.
    pub fn is_drift(&self) -> bool {
        self.failed.is_some() || !self.drift.is_empty()
    }
}

/// Counts of a file, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Exchanges.
    pub exchanges: usize,
    /// Exchanges without a difference.
    pub same: usize,
    /// Exchanges with no other differences than known ones.
    pub known: usize,
    /// Exchanges that differ otherwise, or got no answer; what is wrong with a file as a whole counts as one.
    pub drift: usize,
}

/// What is told while files are compared.
#[derive(Debug)]
pub enum Event<'e> {
    /// A file begins.
    Begin(&'e str),
    /// An exchange is compared.
    ComparisonOutcome(&'e ComparisonOutcome),
    /// Something that is no difference: an entity that could not be taken over, an answer that was accepted.
    Note(String),
    /// A rule knows a difference that did not occur.
    Stale(String),
    /// A file ends.
    End(&'e str, Counts),
}

/// Compares, and tells what comes of it.
///
/// # Errors
///
/// Fails, with a text for people, if there is nothing to compare or the emulator cannot be set up as told.
pub async fn compare(options: &CompareOptions, tell: &mut (dyn FnMut(&Event<'_>) + Send)) -> Result<Counts, String> {
    let files = files_of(&options.path)?;
    let folder = if options.path.is_dir() { options.path.as_path() } else { options.path.parent().unwrap_or(Path::new("")) };
    let rules = CompareRules::of_folder(folder)?;
    let mut run = Run { options, used: vec![false; rules.all_known().len()], rules };
    let mut total = Counts::default();
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        tell(&Event::Begin(&name));
        let counts = run.file(&file, &name, tell).await?;
        tell(&Event::End(&name, counts));
        total.exchanges += counts.exchanges;
        total.same += counts.same;
        total.known += counts.known;
        total.drift += counts.drift;
    }
    // A list of known differences that no longer occur would hide the next ones. One file alone says nothing of the others.
    if options.path.is_dir() {
        let stale: Vec<&Known> =
            run.rules.all_known().iter().zip(&run.used).filter(|(_, used)| !**used).map(|(known, _)| known).collect();
        for known in stale {
            total.drift += 1;
            tell(&Event::Stale(known.describe()));
        }
    }
    Ok(total)
}

/// Returns the files with exchanges, in the order of their names.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, String> {
    let problem = |error: &std::io::Error| format!("{}: {error}", path.display());
    if std::fs::metadata(path).map_err(|error| problem(&error))?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let entry = entry.map_err(|error| format!("{}: {error}", folder.display()))?;
            // A link to a folder above would never end.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "hurl") {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: found no file that ends in .hurl, expected recorded exchanges", path.display()));
    }
    Ok(files)
}

struct Run<'r> {
    options: &'r CompareOptions,
    rules: CompareRules,
    /// Which of the rules for known differences were needed.
    used: Vec<bool>,
}

impl Run<'_> {
    async fn file(&mut self, path: &Path, name: &str, tell: &mut (dyn FnMut(&Event<'_>) + Send)) -> Result<Counts, String> {
        let emulator = match &self.options.against {
            Some(_) => None,
            None => Some(InProcess::start(self.settings(path, name, tell)?).await?),
        };
        let service = match (&self.options.against, &emulator) {
            (Some(service), _) => service.clone(),
            (None, Some(emulator)) => Upstream::new(&emulator.base, None)?,
            (None, None) => return Err("found no service to compare with".to_owned()),
        };
        let is_remote = emulator.is_none();
        let mut session = Session { client: HttpClient::new(service), bindings: Bindings::default(), captured: HashMap::new() };
        let mut accepted = if self.options.accepts { Some(Accepted::begin(path, is_remote)?) } else { None };
        let mut counts = Counts::default();
        let (mut number, mut skipped) = (0, 0);
        for entry in EntryReader::new(BufReader::new(open(path)?)) {
            number += 1;
            if let Ok((_, entry)) = &entry
                && is_of_another(&entry.exchange)
            {
                skipped += 1;
                if let Some(accepted) = &mut accepted {
                    accepted.add(entry.clone(), None)?;
                }
                continue;
            }
            counts.exchanges += 1;
            let (line, mut entry) = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let (line, problem) = match error {
                        StreamError::Text(error) => (error.line, error.reason),
                        StreamError::Source(error) => (0, error.to_string()),
                    };
                    let failed = ComparisonOutcome {
                        file: name.to_owned(),
                        line,
                        number,
                        name: "cannot be read".to_owned(),
                        request: String::new(),
                        drift: Vec::new(),
                        known: Vec::new(),
                        failed: Some(problem),
                    };
                    counts.drift += 1;
                    tell(&Event::ComparisonOutcome(&failed));
                    return Ok(counts);
                }
            };
            let request = request_of(&entry);
            let title = title_of(&entry.exchange).unwrap_or(&request).to_owned();
            let (file, known) = (name.to_owned(), Vec::new());
            let mut outcome =
                ComparisonOutcome { file, line, number, name: title, request, drift: Vec::new(), known, failed: None };
            let new_response = self.one(&mut entry, &mut session, &mut outcome).await;
            match (outcome.is_drift(), outcome.known.is_empty()) {
                (true, _) => counts.drift += 1,
                (false, false) => counts.known += 1,
                (false, true) => counts.same += 1,
            }
            tell(&Event::ComparisonOutcome(&outcome));
            if let Some(accepted) = &mut accepted {
                accepted.add(entry, new_response)?;
            }
        }
        if skipped > 0 {
            tell(&Event::Note(format!(
                "{name}: {skipped} exchanges are not sent anew: what other requests of the journal bring about"
            )));
        }
        if let Some(accepted) = accepted
            && accepted.finish()?
        {
            tell(&Event::Note(format!("{name}: rewritten with the answers that came")));
        }
        Ok(counts)
    }

    /// Sends one request and compares its answer; returns the answer to record instead, if it drifts.
    async fn one(
        &mut self,
        entry: &mut Entry,
        session: &mut Session,
        outcome: &mut ComparisonOutcome,
    ) -> Option<RecordedResponse> {
        let exchange = match entry.fill(&session.captured) {
            Ok(exchange) => exchange,
            Err(name) => {
                outcome.failed = Some(format!("found the template {{{{{name}}}}}, but nothing of that name was captured before"));
                return None;
            }
        };
        let came = match session.send(&exchange, &self.options.headers).await {
            Ok(came) => came,
            Err(problem) => {
                outcome.failed = Some(problem);
                return None;
            }
        };
        for capture in &entry.captures {
            match capture.take(&came) {
                Some(value) => drop(session.captured.insert(capture.name.clone(), value)),
                None => session.captured.remove(&capture.name).map_or((), drop),
            }
        }
        let recorded = exchange.response.as_ref()?;
        let id = format!("{}#{} {}", outcome.file, outcome.number, outcome.name);
        let mut grader = Grader { rules: &self.rules, exchange: &id, bindings: &mut session.bindings, differences: Vec::new() };
        grader.compare(recorded, &came);
        let accepted = (!grader.differences.is_empty()).then(|| grade::accepted(&grader, recorded, &came));
        for difference in grader.differences {
            match self.rules.known(&difference.place, &id) {
                Some(index) => {
                    self.used[index] = true;
                    outcome.known.push((difference, self.rules.all_known()[index].reason.clone()));
                }
                None => outcome.drift.push(difference),
            }
        }
        accepted.filter(|_| !outcome.drift.is_empty())
    }

    /// Returns what the emulator starts with for a file.
    fn settings(&self, path: &Path, name: &str, tell: &mut (dyn FnMut(&Event<'_>) + Send)) -> Result<Settings, String> {
        let schema = Arc::new(Schema::shipped());
        let mut seeds = Seeds::new(schema.clone());
        let mut profile = self.rules.profile.clone();
        let mut choices = self.rules.behaviors.clone();
        // Where the file cannot be read, comparing it says so.
        for (_, entry) in EntryReader::new(BufReader::new(open(path)?)).map_while(Result::ok) {
            for comment in &entry.exchange.comments {
                if let Some(name) = comment.strip_prefix("profile: ") {
                    profile = Some(name.trim().to_owned());
                } else if let Some((name, value)) = comment.strip_prefix("behavior: ").and_then(|choice| choice.split_once('=')) {
                    choices.push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
            seeds.look(&entry);
        }
        let mut behaviors = match profile {
            None => self.options.behaviors.clone(),
            Some(profile) => {
                Behaviors::of(Profile::from_name(&profile).ok_or_else(|| format!("{name}: there is no profile '{profile}'"))?)
            }
        };
        for (row, value) in choices.iter().chain(&self.options.forced) {
            behaviors.set(row, value).map_err(|error| format!("{name}: {error}"))?;
        }
        let fixtures = self.options.fixtures.as_ref().or(self.rules.fixtures.as_ref());
        let entities: Entities = if let Some(path) = fixtures {
            fixture::load(&schema, &behaviors, path).map_err(|error| error.to_string())?
        } else {
            let (entities, problems) = seeds.finish(&behaviors);
            for problem in problems {
                tell(&Event::Note(format!("{name}: an entity is not taken over: {problem}")));
            }
            entities
        };
        Ok(Settings { schema, entities, behaviors, seed: 1, ..Settings::new() })
    }
}

/// Whether an exchange of a printed journal comes about by another one: a request of a batch, or a call to a connector. The first comment
/// is its name, whatever that says.
fn is_of_another(exchange: &Exchange) -> bool {
    exchange.comments.iter().skip(1).any(|comment| comment == journal::CALL || comment.starts_with(journal::IN_BATCH))
}

fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Returns method and target, with templates as they are written.
fn request_of(entry: &Entry) -> String {
    let names = entry.templates.iter().map(|template| (template.name.clone(), format!("{{{{{}}}}}", template.name)));
    let filled = entry.fill(&names.collect());
    let target = filled.map_or_else(|_| entry.exchange.request.target.clone(), |exchange| exchange.request.target);
    format!("{} {target}", entry.exchange.request.method)
}

/// Returns the comment that names an exchange.
fn title_of(exchange: &Exchange) -> Option<&str> {
    const SETTINGS: [&str; 3] = ["behavior: ", "profile: ", "source: "];
    let is_title = |comment: &&String| !comment.is_empty() && !SETTINGS.iter().any(|setting| comment.starts_with(setting));
    exchange.comments.iter().find(is_title).map(String::as_str)
}

/// The exchanges of one file with one service.
struct Session {
    client: HttpClient,
    bindings: Bindings,
    captured: HashMap<String, String>,
}

impl Session {
    /// Sends the request of a recorded exchange, with what is known of this run in the places of recorded values.
    async fn send(&mut self, exchange: &Exchange, instead: &[(HeaderName, HeaderValue)]) -> Result<RecordedResponse, String> {
        let recorded = &exchange.request;
        // What the request names stands for itself, unless something came for it before.
        let is_of_id = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        let texts = std::iter::once(&recorded.target).chain(recorded.headers.iter().map(|(_, value)| value));
        for (_, word) in texts.flat_map(|text| bindings::words(text, is_of_id)) {
            if matches!(ValueShape::of(word), ValueShape::Id(_)) {
                self.bindings.bind(word, word);
            }
        }
        let mut request = recorded.clone();
        let encode = |value: &str| percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string();
        let in_path = |value: &str| if value.chars().all(is_of_id) { value.to_owned() } else { encode(value) };
        request.target = self.bindings.replay_parameters(&recorded.target, in_path);
        for (name, value) in &mut request.headers {
            let is_replaced = instead.iter().any(|(other, _)| name.eq_ignore_ascii_case(other.as_str()));
            if !is_replaced {
                *value = self.bindings.replay(value, str::to_owned).into_owned();
            }
        }
        request.headers.retain(|(name, _)| !instead.iter().any(|(other, _)| name.eq_ignore_ascii_case(other.as_str())));
        for (name, value) in instead {
            request.headers.push((name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
        if let Ok(text) = std::str::from_utf8(&recorded.body) {
            let is_json = text.trim_start().starts_with(['{', '[']);
            let quote = |value: &str| {
                let quoted = crate::text::json::quoted(value);
                quoted[1..quoted.len() - 1].to_owned()
            };
            let written = self.bindings.replay(text, |value| if is_json { quote(value) } else { in_path(value) });
            request.body = written.into_owned().into();
        }
        self.client.send(&request).await.map_err(|error| error.to_string())
    }
}

/// The emulator, served on a free port until the value is dropped.
struct InProcess {
    base: String,
    server: tokio::task::JoinHandle<()>,
}

impl InProcess {
    async fn start(settings: Settings) -> Result<InProcess, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| format!("cannot listen: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
        let emulator = Arc::new(crate::edge::service::Service::of(settings));
        let server = tokio::spawn(server::run(listener, emulator, std::future::pending()));
        Ok(InProcess { base: format!("http://{address}"), server })
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A file that is written anew beside the old one.
struct Accepted {
    path: PathBuf,
    new_path: PathBuf,
    out: BufWriter<File>,
    count: usize,
    has_changed: bool,
    /// What another service than this emulator answers may be private.
    redactor: Option<Redactor>,
}

impl Accepted {
    fn begin(path: &Path, is_remote: bool) -> Result<Accepted, String> {
        let new_path = path.with_extension("hurl.new");
        let file = File::create(&new_path).map_err(|error| format!("{}: {error}", new_path.display()))?;
        let redactor = is_remote.then(|| Redactor::new(RedactionRules::default(), FIRST_PSEUDONYM));
        Ok(Accepted { path: path.to_owned(), new_path, out: BufWriter::new(file), count: 0, has_changed: false, redactor })
    }

    fn add(&mut self, mut entry: Entry, new_response: Option<RecordedResponse>) -> Result<(), String> {
        if let Some(response) = new_response {
            self.has_changed = true;
            entry.templates.retain(|template| {
                !matches!(
                    template.part,
                    crate::text::exchange::ExchangePart::ResponseBody | crate::text::exchange::ExchangePart::ResponseHeader(_)
                )
            });
            entry.exchange.response = Some(response);
            if let Some(redactor) = &mut self.redactor {
                entry.exchange.response = redactor.redact(&entry.exchange).response;
            }
        }
        let separator = if self.count > 0 { "\n" } else { "" };
        self.count += 1;
        write!(self.out, "{separator}{entry}").map_err(|error| self.problem(&error))
    }

    fn problem(&self, error: &std::io::Error) -> String {
        format!("{}: {error}", self.new_path.display())
    }

    /// Puts the new file in the place of the old one, if it says anything new.
    fn finish(mut self) -> Result<bool, String> {
        self.out.flush().map_err(|error| self.problem(&error))?;
        if self.has_changed {
            std::fs::rename(&self.new_path, &self.path).map_err(|error| self.problem(&error))?;
        }
        Ok(self.has_changed)
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        // Renamed, it is there no more.
        let _ = std::fs::remove_file(&self.new_path);
    }
}
