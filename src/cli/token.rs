//! `wfi-emulator token`: prints a token, for curl and for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;

use super::clock;
use super::schema::{self, SchemaChoice};
use crate::edm::date_time::DateTimeOffset;
use crate::entra::access_token::{Grant, Proof, TokenSubject, TokenVersion, access_token};
use crate::entra::check::is_graph;
use crate::entra::token::{GRAPH, LIFETIME, LONG, SYSTEM_ASSIGNED, Validity, unix_seconds};
use crate::entra::user::{account, user_named};
use crate::policy::behavior::Behaviors;
use crate::policy::permissions::{self, Permission};
use crate::world::World;
use crate::world::fixture::directory::Directory;
use crate::world::fixture::{self, Entities};
use crate::world::settings::Settings;

/// The client id of tokens without a named application.
const APPLICATION: &str = "00000000-0000-4000-8000-000000000002";

/// The arguments of the command.
#[derive(Args, Debug)]
pub(super) struct TokenArguments {
    /// Client id of an application that acts on its own behalf
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = APPLICATION, conflicts_with = "user")]
    app: Option<String>,
    /// Name of the user who signs in (default: the local user)
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    user: Option<String>,
    /// Client id of a managed identity (default: the one assigned by the system)
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = SYSTEM_ASSIGNED, conflicts_with_all = ["app", "user"])]
    managed_identity: Option<String>,
    /// Permission to grant, for example WorkforceIntegration.Read.All; repeatable (default: all)
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
    scope: Vec<String>,
    /// Expiry: a duration from now such as 30s, 10m, 2h, 1d or -5m, or a time such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<String>,
    /// Audience of the token
    #[arg(long, value_name = "RESOURCE", default_value = GRAPH)]
    audience: String,
    /// Tenant id (default: that of the directory)
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Time of issue, for an emulator with a fixed clock
    #[arg(long, value_name = "TIME")]
    clock: Option<String>,
    /// Directory file with applications and users
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// File or folder of initial entities, instead of the built-in ones, whose users sign in
    #[arg(long, value_name = "PATH")]
    fixtures: Option<PathBuf>,
}

/// Returns the token. `schema` has the files of the schema that fixtures have to fit.
pub(super) fn text(arguments: &TokenArguments, schema: &[SchemaChoice]) -> Result<String, String> {
    let directory = match &arguments.directory {
        Some(path) => Directory::load(path).map_err(|error| error.to_string())?,
        None => Directory::default(),
    };
    let now = arguments
        .clock
        .as_deref()
        .map_or(Ok(SystemTime::now()), |text| clock::fixed(text).map(crate::world::clock::Clock::now))?;
    let identity = arguments.managed_identity.as_deref();
    let mut validity = Validity::starting(now, if identity.is_some() { LONG } else { LIFETIME });
    if let Some(text) = &arguments.expires {
        validity.until = expiry(text, unix_seconds(now))?;
        // An expired token became valid before it expired.
        validity.from = validity.from.min(validity.until.saturating_sub(1));
    }
    let is_application = arguments.app.is_some() || identity.is_some();
    let mut permissions = arguments.scope.clone();
    if permissions.is_empty() {
        let of = |row: &Permission| if is_application { row.application } else { row.delegated };
        permissions = permissions::default_permissions(of);
        permissions.sort();
    }
    let application = identity.or(arguments.app.as_deref()).unwrap_or(APPLICATION);
    let name = arguments.user.as_deref().filter(|name| !name.is_empty());
    let user = if is_application {
        user_named(&directory, name)
    } else {
        account(&initial_world(arguments.fixtures.as_deref(), directory.clone(), schema)?, name)
    };
    let user = user.ok_or_else(|| format!("unknown user '{}': the directory does not list it", name.unwrap_or_default()))?;
    let listed = directory.applications.iter().flatten().find(|listed| listed.app_id.eq_ignore_ascii_case(application));
    Ok(access_token(&Grant {
        audience: &arguments.audience,
        tenant_id: arguments.tenant.as_deref().unwrap_or(&directory.tenant_id),
        application,
        application_name: listed.and_then(|listed| listed.display_name.as_deref()),
        proof: match (identity, is_application) {
            (Some(_), _) => Proof::Assertion,
            (None, true) => Proof::Secret,
            (None, false) => Proof::Nothing,
        },
        subject: if is_application { TokenSubject::Application(permissions) } else { TokenSubject::User(&user, permissions) },
        version: if is_graph(&arguments.audience) { TokenVersion::Graph } else { TokenVersion::First },
        validity,
        serial: &format!("{}/{}", validity.from, validity.until),
        answers_challenges: false,
        more: Vec::new(),
    }))
}

/// Returns the world of an emulator with these fixtures: its users sign in there.
fn initial_world(fixtures: Option<&Path>, directory: Directory, files: &[SchemaChoice]) -> Result<World, String> {
    let mut schema = schema::read(files)?;
    let behaviors = Behaviors::default();
    let entities = match fixtures {
        Some(path) => fixture::with_whole(&mut schema, |schema| fixture::load(schema, &behaviors, path)),
        // The built-in entities may not fit another schema.
        None => fixture::shipped(&schema, &behaviors).or_else(|_| Ok(Entities::new())),
    };
    let entities = entities.map_err(|error| error.to_string())?;
    let mut settings = Settings { entities, directory: Arc::new(directory), ..Settings::new(schema, crate::workloads::ALL) };
    settings.seed([]);
    Ok(World::new(settings))
}

/// Reads an expiry, in seconds since the Unix epoch.
fn expiry(text: &str, now: i64) -> Result<i64, String> {
    let seconds = |unit: &str| match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(86400),
        _ => None,
    };
    let duration = text.char_indices().next_back().and_then(|(last, _)| {
        let (number, unit) = text.split_at(last);
        number.parse::<i64>().ok()?.checked_mul(seconds(unit)?)
    });
    let time = || Some(DateTimeOffset::parse(text)?.ticks().div_euclid(10_000_000));
    let end = duration.and_then(|duration| now.checked_add(duration)).or_else(time);
    end.ok_or_else(|| {
        format!("invalid --expires '{text}': expected a duration such as 10m or -1h, or a time such as 2026-01-01T00:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_duration_or_a_time() {
        for (text, end) in [("30s", 1030), ("10m", 1600), ("-1h", -2600), ("1d", 87400), ("1970-01-01T00:00:07Z", 7)] {
            assert_eq!(expiry(text, 1000), Ok(end), "{text}");
        }
        for text in ["", "m", "1", "1w", "é", "99999999999999999999d", "9223372036854775807d", "soon"] {
            assert!(expiry(text, 1000).unwrap_err().contains("invalid --expires"), "{text}");
        }
    }
}
