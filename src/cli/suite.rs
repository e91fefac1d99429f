//! The flags for test suites: worlds, faults, journals, control API, announcement and end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::connections::seconds;
use super::ready::ReadyForm;
use super::state::StateFile;
use super::{private_file, secret_file};
use crate::edge::control::{Control, Reload};
use crate::edge::proxy::Proxy;
use crate::edge::ui::UiToken;
use crate::edm::schema::Schema;
use crate::policy::behavior::ROWS;
use crate::text::plural::counted;
use crate::world::budget::Budget;
use crate::world::journal::{self, Bounds, Journals};
use crate::world::settings::Settings;
use crate::world::worlds::{Plan, WorldLimits};
use crate::world::{fault, fixture, store};

/// The flags.
#[derive(Args, Clone, Debug)]
pub(super) struct SuiteArguments {
    /// Announcement on standard output when ready: the base URL, or a JSON object with URLs, port, process id and seed
    #[arg(long, env = "WFI_EMULATOR_READY", value_name = "FORM", default_value = "url")]
    pub(super) ready: ReadyForm,
    /// File to write the announcement to; it exists only while the server listens
    #[arg(long, env = "WFI_EMULATOR_READY_FILE", value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
    /// Stop when standard input closes, as it does when the parent process ends
    #[arg(long, env = "WFI_EMULATOR_EXIT_WITH_PARENT", value_parser = BoolishValueParser::new())]
    pub(super) exit_with_parent: bool,
    /// Named fixtures for worlds to start from; repeatable
    #[arg(long, env = "WFI_EMULATOR_FIXTURE", value_name = "NAME=PATH", value_delimiter = ',')]
    fixture: Vec<String>,
    /// File of initial entities, if it exists; written, secrets included, when the program stops
    #[arg(long, env = "WFI_EMULATOR_STATE", value_name = "FILE", conflicts_with = "watch")]
    pub(super) state: Option<PathBuf>,
    /// Save to the file of --state periodically too, if something has changed
    #[arg(long, env = "WFI_EMULATOR_STATE_EVERY", value_name = "SECONDS", requires = "state", value_parser = seconds)]
    pub(super) state_every: Option<Duration>,
    /// Reload fixtures, stubs and fault rules when they change, and reset the default world to them
    #[arg(long, env = "WFI_EMULATOR_WATCH", value_parser = BoolishValueParser::new())]
    pub(super) watch: bool,
    /// File with fault rules, or the name of predefined ones
    #[arg(long, env = "WFI_EMULATOR_FAULTS", value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Source of the world of a request: its path and headers, or also the claim tid of its token
    #[arg(long, alias = "tenant-by", env = "WFI_EMULATOR_WORLD_BY", value_name = "SOURCE", default_value = "request")]
    world_by: WorldBy,
    /// Maximum number of worlds, not counting the default one
    #[arg(long, alias = "tenant-limit", env = "WFI_EMULATOR_WORLD_LIMIT", value_name = "NUMBER", default_value_t = 10_000)]
    world_limit: usize,
    /// Time after which an idle world is dropped
    #[arg(long, alias = "tenant-idle", env = "WFI_EMULATOR_WORLD_IDLE", value_name = "SECONDS", default_value_t = 900)]
    world_idle: u64,
    /// Maximum number of requests in the journal of a world; 0 for no journal
    #[arg(long, env = "WFI_EMULATOR_JOURNAL", value_name = "NUMBER", default_value_t = Bounds::default().entries)]
    journal: usize,
    /// Maximum size of the journal of a world
    #[arg(long, env = "WFI_EMULATOR_JOURNAL_BYTES", value_name = "BYTES", default_value_t = Bounds::default().bytes)]
    journal_bytes: usize,
    /// Maximum size of all journals together
    #[arg(long, env = "WFI_EMULATOR_JOURNALS_BYTES", value_name = "BYTES", default_value_t = journal::ALL_BYTES)]
    journals_bytes: usize,
    #[arg(
        long,
        env = "WFI_EMULATOR_REPORT",
        value_name = "FILE",
        help = "File for a report on what clients did wrong in the default world, written at the end; its name ends with .txt, .json, .xml (JUnit), .sarif or .html"
    )]
    pub(super) report: Option<PathBuf>,
    /// Maximum size of the entities of all worlds together
    #[arg(long, env = "WFI_EMULATOR_STORE_BYTES", value_name = "BYTES", default_value_t = store::ALL_BYTES)]
    store_bytes: usize,
    /// Serve the control API under /_emulator
    #[arg(long, env = "WFI_EMULATOR_CONTROL", value_name = "SWITCH", default_value = "on")]
    control: Switch,
    /// Serve the page for people under /_emulator/ui/, which browsers that open the root are sent to
    #[arg(long, env = "WFI_EMULATOR_UI", value_name = "SWITCH", default_value = "on")]
    ui: Switch,
    /// Open the page in a browser at the start
    #[arg(long, env = "WFI_EMULATOR_OPEN", value_parser = BoolishValueParser::new())]
    pub(super) open: bool,
    /// Bearer token that gives clients on other machines access to the control API; empty for none
    #[arg(long, env = "WFI_EMULATOR_CONTROL_TOKEN", value_name = "TEXT", hide_env_values = true)]
    control_token: Option<String>,
    /// File with the bearer token, which keeps it out of process lists; `-` for standard input
    #[arg(long, env = "WFI_EMULATOR_CONTROL_TOKEN_FILE", value_name = "FILE", conflicts_with = "control_token")]
    control_token_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WorldBy {
    Request,
    Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl SuiteArguments {
    /// Returns the journals of the process. All plans of a run share them, and so their budget.
    pub(super) fn journals(&self) -> Arc<Journals> {
        Arc::new(Journals::new(self.journals_bytes))
    }

    /// Returns the plan of worlds: the settings with the additions of these flags.
    pub(super) fn plan(&self, mut settings: Settings) -> Result<Plan, String> {
        if let Some(path) = &self.faults {
            let predefined = path.to_str().filter(|_| !path.exists()).and_then(fault::FaultRule::ready);
            settings.faults = match predefined {
                Some(rules) => rules,
                None => fault::load(path).map_err(|error| error.to_string())?,
            };
        }
        settings.journal = Bounds { entries: self.journal, bytes: self.journal_bytes };
        settings.stores = Arc::new(Budget::new(self.store_bytes));
        let mut fixtures = BTreeMap::new();
        for named in &self.fixture {
            let (name, path) = named
                .split_once('=')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| format!("invalid --fixture '{named}': expected name=path, for example empty=empty.json"))?;
            let load = |schema: &Schema| fixture::load(schema, &settings.behaviors, path.as_ref());
            let entities = fixture::with_whole(&mut settings.schema, load).map_err(|error| error.to_string())?;
            if fixtures.insert(name.to_owned(), entities).is_some() {
                return Err(format!("duplicate --fixture '{name}'"));
            }
        }
        if let Some(path) = self.saved_state() {
            let load = |schema: &Schema| fixture::load_state(schema, &settings.behaviors, path);
            let state = fixture::with_whole(&mut settings.schema, load).map_err(|error| error.to_string())?;
            settings.seed(fixtures.values_mut());
            settings.restore(state);
        }
        let plan = Plan { settings, fixtures };
        plan.check_size().map_err(|full| full.to_string())?;
        Ok(plan)
    }

    /// Whether worlds begin with the entities that all of them have, and within the usual limit.
    pub(super) fn has_plain_worlds(&self) -> bool {
        self.state.is_none() && self.fixture.is_empty() && !self.watch && self.store_bytes >= store::ALL_BYTES
    }

    /// Returns the state file if it has a state. An empty one counts as missing: a file must exist to be mounted into a container.
    fn saved_state(&self) -> Option<&Path> {
        self.state.as_deref().filter(|path| !std::fs::metadata(path).is_ok_and(|file| file.len() == 0) && path.exists())
    }

    /// Opens the state file, and checks that the report can be written.
    pub(super) fn files_to_write(&self) -> Result<Option<StateFile>, String> {
        let state = self.state.as_deref().map(StateFile::open).transpose()?;
        if self.report.is_some() && self.journal == 0 {
            return Err("--report requires the journal, which --journal 0 turns off".to_owned());
        }
        self.report.as_deref().map_or(Ok(()), private_file::check_writable)?;
        Ok(state)
    }

    /// Returns the line of the log on the state file, before the server starts.
    pub(super) fn state_line(&self, plan: &Plan) -> Option<String> {
        let path = self.state.as_ref()?.display();
        let count = plan.settings.entities.len();
        Some(match self.saved_state() {
            Some(_) => format!("state loaded: {} of the default world from {path}", counted(count, "entity", "entities")),
            None => format!("state new: {}, to be saved to {path}", counted(count, "initial entity", "initial entities")),
        })
    }

    /// Returns the token of the control API.
    pub(super) fn control_token(&self) -> Result<Option<String>, String> {
        let Some(file) = &self.control_token_file else { return Ok(self.control_token.clone()) };
        if secret_file::is_standard_input(file) && self.exit_with_parent {
            return Err("--control-token-file - cannot be used with --exit-with-parent: both read standard input".to_owned());
        }
        secret_file::read(file).map(Some)
    }

    /// Returns the file of fault rules.
    pub(super) fn faults_path(&self) -> Option<PathBuf> {
        self.faults.clone().filter(|path| path.exists())
    }

    /// Returns the paths of named fixtures.
    pub(super) fn fixture_paths(&self) -> impl Iterator<Item = PathBuf> {
        self.fixture.iter().filter_map(|named| named.split_once('=')).map(|(_, path)| path.into())
    }

    pub(super) fn limits(&self) -> WorldLimits {
        let idle = Duration::from_secs(self.world_idle);
        WorldLimits { worlds: self.world_limit, idle, by_token: self.world_by == WorldBy::Token }
    }

    /// Whether the page is served.
    pub(super) fn has_page(&self) -> bool {
        self.control == Switch::On && self.ui == Switch::On
    }

    /// Returns the token of the page, if it is served.
    pub(super) fn page_token(&self) -> Result<Option<UiToken>, String> {
        if self.open && !self.has_page() {
            return Err("--open requires the page, which --ui off or --control off removes".to_owned());
        }
        self.has_page().then(UiToken::draw).transpose()
    }

    /// Returns the control API, unless it is off. It shows the configuration of these flags and `others`.
    pub(super) fn control(
        &self,
        plan: &Plan,
        (token, ui): (Option<String>, Option<UiToken>),
        others: impl IntoIterator<Item = (&'static str, Value)>,
        reload: Option<Reload>,
        proxy: Arc<Proxy>,
    ) -> Option<Control> {
        let settings = &plan.settings;
        let behaviors = ROWS.iter().map(|row| (row.name.to_owned(), settings.behaviors.get(row.name).into()));
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string()).into();
        let own: [(&str, Value); 8] = [
            ("behaviors", behaviors.collect::<serde_json::Map<String, Value>>().into()),
            ("journal", json!({ "entries": self.journal, "bytes": self.journal_bytes, "bytesOfAll": self.journals_bytes })),
            ("storeBytes", self.store_bytes.into()),
            ("faults", path(&self.faults)),
            ("state", path(&self.state)),
            ("watch", self.watch.into()),
            ("ui", self.has_page().into()),
            ("explain", settings.explains.into()),
        ];
        let configuration = own.into_iter().chain(others).map(|(name, value)| (name.to_owned(), value)).collect();
        (self.control == Switch::On).then_some(Control { token, configuration, reload, proxy, ui })
    }
}
