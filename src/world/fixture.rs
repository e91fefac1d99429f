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
mod entity_reader;
mod first_uses;
mod json_schema;
mod loader;
mod place;
mod read_ahead;
mod seed;
mod writer;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use percent_encoding::percent_decode_str;

use crate::edm::schema::{Schema, SetId};
use crate::policy::behavior::Behaviors;
use crate::text::json;
use crate::world::budget::Reservation;
use crate::world::regular_file;
use crate::world::store::{CollectionAddress, StoreFull, StoredEntity};
pub(crate) use collections::set_names;
use collections::{Collections, collections_of, replaced_by, unknown_collection};
use first_uses::EntityPath;
use loader::Loader;

pub(crate) use json_schema::json_schema;
pub(crate) use place::collection_of_path;

pub use writer::{write, write_entity_with};
pub(crate) use writer::{write_set, write_to};

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
/// Fails as `read` does. The problems are those that remain with the whole schema, which knows more names.
pub(crate) fn with_whole<T>(
    schema: &mut Arc<Schema>,
    read: impl Fn(&Schema) -> Result<T, FixtureError>,
) -> Result<T, FixtureError> {
    let error = match read(schema) {
        Err(error) => error,
        found => return found,
    };
    let Some(whole) = schema.whole().cloned() else { return Err(error) };
    let found = read(&whole)?;
    *schema = whole;
    Ok(found)
}

/// Loads a file, or every `.json` file of a folder by name. Folders in it name paths: `users/u1/messages.json` has messages of a user.
pub(crate) fn load(schema: &Schema, behaviors: &Behaviors, path: &Path) -> Result<Entities, FixtureError> {
    load_with(Loader::new(schema, behaviors), path)
}

/// Loads a saved state. Earlier versions saved the first collection alone, without its name.
pub(crate) fn load_state(schema: &Schema, behaviors: &Behaviors, path: &Path) -> Result<Entities, FixtureError> {
    load_with(Loader::new(schema, behaviors).with_default(schema.keyed_root_sets().next()), path)
}

fn load_with(mut loader: Loader<'_>, path: &Path) -> Result<Entities, FixtureError> {
    match files_of(loader.schema(), path) {
        Ok(files) => {
            for FixtureFile { path, segments } in files {
                let name = path.display().to_string();
                match regular_file::read_text(&path) {
                    Ok(text) if segments.is_empty() => loader.file(&name, &text),
                    Ok(text) => loader.file_at(&name, &segments, &text),
                    Err(error) => loader.report(format!("{name}: {error}")),
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
    if loader.has_room() { loader.finish().map_err(ReadError::Invalid) } else { Err(ReadError::Full(StoreFull::of_all(limit))) }
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
        Ok(item) => _ = loader.entity(name, address, item, EntityPath::Other("$")),
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

/// The number of built-in files that take half of the time.
const FIRST_HALF: usize = 2;

/// Reads the built-in fixtures, one half beside the other: the first request waits for them.
pub fn shipped(schema: &Schema, behaviors: &Behaviors) -> Result<Entities, FixtureError> {
    let (first, second) = SHIPPED.split_at(FIRST_HALF);
    thread::scope(|scope| {
        let reader = thread::Builder::new().spawn_scoped(scope, || read_texts(schema, behaviors, second));
        let mut entities = read_texts(schema, behaviors, first)?;
        let others = match reader {
            Ok(reader) => reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => read_texts(schema, behaviors, second),
        };
        entities.append(&mut others?);
        Ok(entities)
    })
}

fn read_texts(schema: &Schema, behaviors: &Behaviors, files: &[(&str, &str)]) -> Result<Entities, FixtureError> {
    let mut loader = Loader::new(schema, behaviors);
    for (name, text) in files {
        loader.file(name, text.as_bytes());
    }
    loader.finish()
}

/// A file with entities.
struct FixtureFile {
    path: PathBuf,
    /// The path that its folders and its own name are; empty outside of folders.
    segments: Vec<String>,
}

/// The number of folders in each other: those of links can lead in circles.
pub(crate) const FOLDER_DEPTH: usize = 32;

/// Returns the files of a folder, those with the entities of a path before those of what they contain.
fn files_of(schema: &Schema, path: &Path) -> Result<Vec<FixtureFile>, String> {
    let name = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| format!("{name}: {error}"))?;
    if !metadata.is_dir() {
        return Ok(vec![FixtureFile { path: path.to_owned(), segments: Vec::new() }]);
    }
    let mut files = Vec::new();
    add_files(schema, path, &mut Vec::new(), &mut files)?;
    if files.is_empty() {
        return Err(format!("{name}: no .json files in this folder"));
    }
    files.sort_by_cached_key(|file| (level(schema, &file.segments), file.path.clone()));
    Ok(files)
}

/// Returns the number of segments, with one more for a singleton that represents an entity of a set: `me/messages.json` comes after
/// `users/u1.json`.
fn level(schema: &Schema, segments: &[String]) -> usize {
    let root = segments.first().and_then(|first| schema.widest().root(first));
    segments.len() + usize::from(root.is_some_and(|root| root.caller_in.is_some()))
}

/// Adds the files of a folder, and of those in it. `above` are the names of the folders that lead to it.
fn add_files(schema: &Schema, folder: &Path, above: &mut Vec<OsString>, files: &mut Vec<FixtureFile>) -> Result<(), String> {
    let name = folder.display();
    if above.len() > FOLDER_DEPTH {
        return Err(format!("{name}: more than {FOLDER_DEPTH} folders in each other"));
    }
    let entries = match std::fs::read_dir(folder) {
        // No path begins with it: file systems have folders that only the administrator can read, such as `lost+found`.
        Err(_) if is_unrelated(schema, above) => return Ok(()),
        entries => entries.map_err(|error| format!("{name}: {error}"))?,
    };
    for entry in entries {
        let path = entry.map_err(|error| format!("{name}: {error}"))?.path();
        if path.file_name().is_some_and(is_hidden) {
            continue;
        }
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        // A link to a missing file is ignored, as editors leave them.
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            above.push(path.file_name().unwrap_or_default().to_owned());
            add_files(schema, &path, above, files)?;
            above.pop();
        } else if is_json {
            let own = path.file_stem().filter(|_| !above.is_empty());
            let names = above.iter().map(OsString::as_os_str).chain(own);
            let segments: Option<Vec<String>> = names.map(segment_of).collect();
            let segments = segments.ok_or_else(|| format!("{}: name is not UTF-8", path.display()))?;
            files.push(FixtureFile { path, segments });
        }
    }
    Ok(())
}

/// Whether a folder is one in which no path can begin.
fn is_unrelated(schema: &Schema, above: &[OsString]) -> bool {
    let is_root = |name: &OsString| segment_of(name).is_some_and(|segment| schema.widest().root(&segment).is_some());
    matches!(above, [first] if !is_root(first))
}

/// Whether a file or folder is hidden, as those of version control and of the systems are: `.git`, `._messages.json`. They are not fixtures.
pub(crate) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Returns the segment of a path that a name is: characters that names cannot have are percent-encoded. Only UTF-8 has segments.
fn segment_of(name: &OsStr) -> Option<String> {
    percent_decode_str(name.to_str()?).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests;
