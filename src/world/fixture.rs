//! Fixture files: initial entities, validated against the schema when they are loaded.
//!
//! A file contains one collection as Graph answers it (an object with `value`), a bare array, or an object with a member for each
//! collection. The collection is taken from `@odata.context`, else from the file name. A recorded answer of a single entity is a
//! fixture too if its context ends with `/$entity`. Contained entities are nested, as `$expand` shows them: shifts in the schedule,
//! the schedule in the team. Annotations are allowed.

mod collections;
mod content;
mod context;
pub(crate) mod directory;
mod json_schema;
mod loader;
mod seed;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::edm::schema::{Schema, SetId};
use crate::policy::behavior::Behaviors;
use crate::text::json;
use crate::world::budget::Reservation;
use crate::world::regular_file;
use crate::world::store::{CollectionAddress, StoreFull, StoredEntity};
pub(crate) use collections::set_names;
use collections::{Collections, collections_of, replaced_by, unknown_collection};
use loader::Loader;

pub(crate) use json_schema::json_schema;

pub(crate) use writer::write_set;
pub use writer::{write, write_entity_with};

/// The entities of fixtures, in their order.
pub type Entities = Vec<(CollectionAddress, Arc<StoredEntity>)>;

/// The built-in fixture files: their names and their texts.
pub(crate) const SHIPPED: [(&str, &str); 8] = [
    ("workforceIntegrations.json", include_str!("../../fixtures/workforceIntegrations.json")),
    ("teams.json", include_str!("../../fixtures/teams.json")),
    ("users.json", include_str!("../../fixtures/users.json")),
    ("groups.json", include_str!("../../fixtures/groups.json")),
    ("applications.json", include_str!("../../fixtures/applications.json")),
    ("servicePrincipals.json", include_str!("../../fixtures/servicePrincipals.json")),
    ("drives.json", include_str!("../../fixtures/drives.json")),
    ("organization.json", include_str!("../../fixtures/organization.json")),
];

/// The largest number of problems reported at once.
const PROBLEM_LIMIT: usize = 20;

/// Invalid fixtures: one line per problem, with file and JSON path.
#[derive(Debug, PartialEq, Eq)]
pub struct FixtureError {
    /// The problems.
    pub problems: Vec<String>,
}

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for FixtureError {}

/// The reason why a file was not read into a reservation.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The file is invalid.
    Invalid(FixtureError),
    /// Its entities exceed the limit of all stores.
    Full(StoreFull),
}

/// Reads entities with a schema, or with the whole one, if that has what they need: it takes the place of the schema.
///
/// # Errors
///
/// Fails as `read` does. Problems that the whole schema does not have are left out.
pub(crate) fn with_whole<T>(
    schema: &mut Arc<Schema>,
    read: impl Fn(&Schema) -> Result<T, FixtureError>,
) -> Result<T, FixtureError> {
    let error = match read(schema) {
        Err(error) => error,
        found => return found,
    };
    let Some(whole) = schema.whole().cloned() else { return Err(error) };
    match read(&whole) {
        Ok(found) => {
            *schema = whole;
            Ok(found)
        }
        Err(less) if less.problems.len() < error.problems.len() => Err(less),
        Err(_) => Err(error),
    }
}

/// Loads a file, or every `.json` file of a folder by name.
pub(crate) fn load(schema: &Schema, behaviors: &Behaviors, path: &Path) -> Result<Entities, FixtureError> {
    load_with(Loader::new(schema, behaviors), path)
}

/// Loads a saved state. Earlier versions saved the first collection alone, without its name.
pub(crate) fn load_state(schema: &Schema, behaviors: &Behaviors, path: &Path) -> Result<Entities, FixtureError> {
    load_with(Loader::new(schema, behaviors).with_default(schema.keyed_root_sets().next()), path)
}

fn load_with(mut loader: Loader<'_>, path: &Path) -> Result<Entities, FixtureError> {
    match files_of(path) {
        Ok(files) => {
            for file in files {
                match regular_file::read_text(&file) {
                    Ok(text) => loader.file(&file.display().to_string(), &text),
                    Err(error) => loader.report(format!("{}: {error}", file.display())),
                }
            }
        }
        Err(problem) => loader.report(problem),
    }
    loader.finish()
}

/// Reads the text of one file. `name` is the file name, for errors and for the collection.
pub fn read(schema: &Schema, behaviors: &Behaviors, name: &str, text: &[u8]) -> Result<Entities, FixtureError> {
    let mut loader = Loader::new(schema, behaviors);
    loader.file(name, text);
    loader.finish()
}

/// Reads the text of one file whose entities a baseline is to hold. Their bytes are reserved one by one, so that a file beyond the limit
/// is not read to its end.
pub(crate) fn read_reserved(
    schema: &Schema,
    behaviors: &Behaviors,
    name: &str,
    text: &[u8],
    room: &mut Reservation,
) -> Result<Entities, ReadError> {
    let limit = room.budget().limit();
    let mut loader = Loader::new(schema, behaviors).within(room);
    loader.file(name, text);
    if loader.has_room() { loader.finish().map_err(ReadError::Invalid) } else { Err(ReadError::Full(StoreFull { limit })) }
}

/// Reads one entity of a collection, with its contained entities. `name` is its name in errors.
pub(crate) fn read_one(
    schema: &Schema,
    behaviors: &Behaviors,
    name: &str,
    address: &CollectionAddress,
    text: &str,
) -> Result<Entities, FixtureError> {
    let mut loader = Loader::new(schema, behaviors);
    match json::parse(text.as_bytes()) {
        Ok(item) => _ = loader.entity(name, address, item, "$"),
        Err(error) => loader.report(format!("{name}: not JSON: {error}")),
    }
    loader.finish()
}

/// Returns the root sets that a file replaces. `name` is the file name.
pub(crate) fn sets_of(schema: &Schema, name: &str, text: &[u8]) -> Result<Vec<SetId>, FixtureError> {
    let found = collections_of(schema, name, text, None).and_then(|collections| match collections {
        Collections::Known(collections) => Ok(collections),
        // An array without a collection is valid as a fixture without entities, but it replaces nothing.
        Collections::Empty => Err(unknown_collection(schema)),
    });
    match found {
        Ok(collections) => Ok(replaced_by(schema, &collections)),
        Err(problem) => Err(FixtureError { problems: vec![format!("{name}: {problem}")] }),
    }
}

/// Reads the built-in fixtures.
pub fn shipped(schema: &Schema, behaviors: &Behaviors) -> Result<Entities, FixtureError> {
    let mut loader = Loader::new(schema, behaviors);
    for (name, text) in SHIPPED {
        loader.file(name, text.as_bytes());
    }
    loader.finish()
}

fn files_of(path: &Path) -> Result<Vec<PathBuf>, String> {
    let name = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| format!("{name}: {error}"))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| format!("{name}: {error}"))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(|error| format!("{name}: {error}")));
    let mut files = paths.collect::<Result<Vec<PathBuf>, String>>()?;
    files.retain(|file| {
        file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) && is_other_than_folder(file)
    });
    if files.is_empty() {
        return Err(format!("{name}: no .json files in this folder"));
    }
    files.sort();
    Ok(files)
}

/// Whether a name of a folder leads to something to read, or to refuse: a link to a missing file is ignored, as editors leave them.
fn is_other_than_folder(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_dir())
}

#[cfg(test)]
mod tests;
