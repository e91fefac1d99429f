//! The flags for test suites: tenants, faults, journal, control API, how readiness is told and when the program ends.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::ready;
use crate::edge::control::Control;
use crate::policy::behavior::ROWS;
use crate::world::journal::{Bounds, Budget};
use crate::world::settings::Settings;
use crate::world::worlds::{Plan, WorldLimits};
use crate::world::{fault, fixture};

/// The flags.
#[derive(Args, Clone, Debug)]
pub(super) struct Suite {
    /// What to print on standard output when ready: the base URL, or an object with URLs, port, process id and seed
    #[arg(long, env = "WFI_EMULATOR_READY", value_name = "FORM", default_value = "url")]
    pub(super) ready: ReadyOptions,
    /// File to write the same to when ready; it is there only while the program is
    #[arg(long, env = "WFI_EMULATOR_READY_FILE", value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
    /// Stop when standard input closes, as it does when the process that holds its other end dies
    #[arg(long, env = "WFI_EMULATOR_EXIT_WITH_PARENT", value_parser = BoolishValueParser::new())]
    pub(super) exit_with_parent: bool,
    /// Other fixtures that tenants can begin with, by name; repeatable
    #[arg(long, env = "WFI_EMULATOR_FIXTURE", value_name = "NAME=PATH", value_delimiter = ',')]
    fixture: Vec<String>,
    /// File with the entities that are there from the start, if it exists; saved, secrets included, when the program is stopped
    #[arg(long, env = "WFI_EMULATOR_STATE", value_name = "FILE", conflicts_with = "watch")]
    pub(super) state: Option<PathBuf>,
    /// Load fixtures again when they change; the default tenant begins anew with them
    #[arg(long, env = "WFI_EMULATOR_WATCH", value_parser = BoolishValueParser::new())]
    pub(super) watch: bool,
    /// File with rules of faults, or the name of ready-made ones
    #[arg(long, env = "WFI_EMULATOR_FAULTS", value_name = "FILE")]
    faults: Option<PathBuf>,
    /// What names the tenant of a request: its path or a header, or also the claim tid of its token
    #[arg(long, env = "WFI_EMULATOR_TENANT_BY", value_name = "WHAT", default_value = "request")]
    tenant_by: TenantBy,
    /// How many tenants there may be at once, beside the default one
    #[arg(long, env = "WFI_EMULATOR_TENANT_LIMIT", value_name = "NUMBER", default_value_t = 10_000)]
    tenant_limit: usize,
    /// How many seconds a tenant is kept that nobody uses
    #[arg(long, env = "WFI_EMULATOR_TENANT_IDLE", value_name = "SECONDS", default_value_t = 900)]
    tenant_idle: u64,
    /// How many requests the journal of a tenant keeps; 0 for none
    #[arg(long, env = "WFI_EMULATOR_JOURNAL", value_name = "NUMBER", default_value_t = 1_000)]
    journal: usize,
    /// How many bytes the journal of a tenant keeps
    #[arg(long, env = "WFI_EMULATOR_JOURNAL_BYTES", value_name = "NUMBER", default_value_t = 32 * 1024 * 1024)]
    journal_bytes: usize,
    /// How many bytes the journals of all tenants keep together
    #[arg(long, env = "WFI_EMULATOR_JOURNALS_BYTES", value_name = "NUMBER", default_value_t = 256 * 1024 * 1024)]
    journals_bytes: usize,
    /// Whether there is a control API under /_emulator
    #[arg(long, env = "WFI_EMULATOR_CONTROL", value_name = "SWITCH", default_value = "on")]
    control: Switch,
    /// What clients from other machines must show to use the control API; an empty text is none
    #[arg(long, env = "WFI_EMULATOR_CONTROL_TOKEN", value_name = "TEXT", hide_env_values = true)]
    control_token: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReadyOptions {
    Url,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TenantBy {
    Request,
    Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Suite {
    /// Returns what tenants are made from: settings, and what the flags add to them.
    pub(super) fn plan(&self, mut settings: Settings) -> Result<Plan, String> {
        if let Some(path) = &self.faults {
            let ready = path.to_str().filter(|_| !path.exists()).and_then(fault::FaultRule::ready);
            settings.faults = match ready {
                Some(rules) => rules,
                None => fault::load(path).map_err(|error| error.to_string())?,
            };
        }
        settings.journal = Bounds { entries: self.journal, bytes: self.journal_bytes };
        settings.journals = Arc::new(Budget::new(self.journals_bytes));
        if let Some(path) = &self.state {
            // At the end it would be too late to say so.
            ready::check_writable(path)?;
        }
        if let Some(path) = self.state.as_ref().filter(|path| path.exists()) {
            settings.entities = fixture::load(&settings.schema, &settings.behaviors, path).map_err(|error| error.to_string())?;
        }
        let mut fixtures = BTreeMap::new();
        for named in &self.fixture {
            let (name, path) = named
                .split_once('=')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| format!("--fixture takes name=path, for example empty=empty.json, not '{named}'"))?;
            let entities =
                fixture::load(&settings.schema, &settings.behaviors, path.as_ref()).map_err(|error| error.to_string())?;
            if fixtures.insert(name.to_owned(), entities).is_some() {
                return Err(format!("--fixture names '{name}' twice"));
            }
        }
        Ok(Plan { settings, fixtures })
    }

    /// Returns the files that named fixtures come from.
    pub(super) fn fixture_paths(&self) -> impl Iterator<Item = PathBuf> {
        self.fixture.iter().filter_map(|named| named.split_once('=')).map(|(_, path)| path.into())
    }

    pub(super) fn limits(&self) -> WorldLimits {
        let idle = Duration::from_secs(self.tenant_idle);
        WorldLimits { worlds: self.tenant_limit, idle, by_token: self.tenant_by == TenantBy::Token }
    }

    /// Returns the control API, unless it is off. `told` is what it tells of the configuration besides.
    pub(super) fn control(&self, plan: &Plan, told: impl IntoIterator<Item = (&'static str, Value)>) -> Option<Control> {
        let settings = &plan.settings;
        let behaviors = ROWS.iter().map(|row| (row.name.to_owned(), settings.behaviors.get(row.name).into()));
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string()).into();
        let own: [(&str, Value); 6] = [
            ("behaviors", behaviors.collect::<serde_json::Map<String, Value>>().into()),
            ("journal", json!({ "entries": self.journal, "bytes": self.journal_bytes, "bytesOfAll": self.journals_bytes })),
            ("faults", path(&self.faults)),
            ("state", path(&self.state)),
            ("watch", self.watch.into()),
            ("explain", settings.explains.into()),
        ];
        let configuration = own.into_iter().chain(told).map(|(name, value)| (name.to_owned(), value)).collect();
        (self.control == Switch::On).then(|| Control { token: self.control_token.clone(), configuration })
    }
}
