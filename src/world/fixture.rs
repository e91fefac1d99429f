//! Fixture files: initial entities, validated against the schema when they are loaded.
//!
//! A file contains one collection as Graph answers it (an object with `value`), a bare array, or an object with a member for each
//! collection. The collection is taken from `@odata.context`, else from the file name. A recorded answer of a single entity is a
//! fixture too if its context ends with `/$entity`. Contained entities are nested, as `$expand` shows them: shifts in the schedule,
//! the schedule in the team. Annotations are allowed.

mod context;
pub(crate) mod directory;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::edm::patch::Patch;
use crate::edm::schema::{Schema, SetId, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::read::{self, Origin, ReadRules, Reading};
use crate::odata::write::{Holder, Representation, Style, write_entity};
use crate::policy::behavior::{Behaviors, Secret};
use crate::text::json::{self, Json, Member, Outline};
use crate::text::redact::mask_json;
use crate::world::budget::Reservation;
use crate::world::regular_file;
use crate::world::store::{BASELINE_BYTES, CollectionAddress, Store, StoreFull, StoredEntity};

/// The entities of fixtures, in their order.
pub type Entities = Vec<(CollectionAddress, Arc<StoredEntity>)>;

/// The built-in fixture files: their names and their texts.
pub(crate) const SHIPPED: [(&str, &str); 2] = [
    ("workforceIntegrations.json", include_str!("../../fixtures/workforceIntegrations.json")),
    ("teams.json", include_str!("../../fixtures/teams.json")),
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

/// Loads a file, or every `.json` file of a folder by name.
pub(crate) fn load(schema: &Schema, behaviors: &Behaviors, path: &Path) -> Result<Entities, FixtureError> {
    load_with(Loader::new(schema, behaviors), path)
}

/// Loads a saved state. Earlier versions saved the first collection alone, without its name.
pub(crate) fn load_state(schema: &Schema, behaviors: &Behaviors, path: &Path) -> Result<Entities, FixtureError> {
    load_with(Loader { default: schema.root_sets().next(), ..Loader::new(schema, behaviors) }, path)
}

fn load_with(mut loader: Loader<'_>, path: &Path) -> Result<Entities, FixtureError> {
    match files_of(path) {
        Ok(files) => {
            for file in files {
                match regular_file::read(&file) {
                    Ok(text) => loader.file(&file.display().to_string(), &text),
                    Err(error) => loader.problems.push(format!("{}: {error}", file.display())),
                }
            }
        }
        Err(problem) => loader.problems.push(problem),
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
    let mut loader = Loader { room: Some(room), ..Loader::new(schema, behaviors) };
    loader.file(name, text);
    match loader {
        Loader { has_room: false, .. } => Err(ReadError::Full(StoreFull { limit })),
        loader => loader.finish().map_err(ReadError::Invalid),
    }
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
        Ok(item) => loader.entity(name, address, item, "$"),
        Err(error) => loader.problems.push(format!("{name}: not JSON: {error}")),
    }
    loader.finish()
}

/// Returns the entity sets in a file, without contained ones. `name` is the file name.
pub(crate) fn sets_of(schema: &Schema, name: &str, text: &[u8]) -> Result<Vec<SetId>, FixtureError> {
    let found = collections_of(schema, name, text, None).and_then(|collections| match collections {
        Collections::Known(collections) => Ok(collections),
        // An array without a collection is valid as a fixture without entities, but it replaces nothing.
        Collections::Empty => Err(unknown_collection(schema)),
    });
    match found {
        Ok(collections) => Ok(collections.into_iter().map(|collection| collection.set).collect()),
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

/// Writes all entities as a fixture file that reads back to the same entities. Secrets are written, or left out: the property itself
/// becomes null, those in other texts are masked.
pub fn write(schema: &Schema, store: &Store, secret: Secret) -> String {
    let mut out = with_room_for(schema, store, None);
    out.push('{');
    for set in schema.root_sets() {
        out.push_str(if out.len() > 1 { ",\n" } else { "" });
        out.push_str(&json::quoted(&schema.set(set).name));
        out.push_str(":[");
        write_entities(schema, store, &set.into(), secret, &mut out);
        out.push(']');
    }
    out.push_str("}\n");
    out
}

/// Writes the entities of a root set, with their contained entities, as a fixture file.
pub(crate) fn write_set(schema: &Schema, store: &Store, set: SetId, secret: Secret) -> String {
    let mut out = with_room_for(schema, store, Some(set));
    out.push_str("{\"value\":[");
    write_entities(schema, store, &set.into(), secret, &mut out);
    out.push_str("]}\n");
    out
}

/// Returns an empty text with room for the entities of one root set, or of all. A text that doubles while it grows takes three times its
/// length. Room that stays unused is not resident.
fn with_room_for(schema: &Schema, store: &Store, root: Option<SetId>) -> String {
    /// The bytes of an entity for the members that have no value.
    const REST: usize = 256;
    let addresses = store.addresses().into_iter();
    let wanted = addresses.filter(|address| root.is_none_or(|root| schema.root_of(address.set) == root));
    let entities = wanted.flat_map(|address| store.at(&address).list());
    String::with_capacity(entities.map(|entity| entity.text_size() + REST).sum())
}

/// Appends a text. Beyond its room, the whole grows by an eighth: linear time, and little more room than its length.
fn append(out: &mut String, text: &str) {
    const SHARE: usize = 8;
    if out.capacity() - out.len() < text.len() {
        out.reserve_exact(text.len().max(out.len() / SHARE));
    }
    out.push_str(text);
}

/// Writes the entities of a collection with their contained entities, one per line.
fn write_entities(schema: &Schema, store: &Store, address: &CollectionAddress, secret: Secret, out: &mut String) {
    for (index, entity) in store.at(address).list().into_iter().enumerate() {
        out.push_str(if index > 0 { ",\n" } else { "\n" });
        let text = write_entity_with(schema, address.set, &entity, secret);
        // Other properties may contain secrets too, such as a URL with a key in its query.
        let text = if secret == Secret::Null { mask_json(&text).unwrap_or(text) } else { text };
        append(out, &text);
        for set in schema.contained(address.set) {
            let inner = address.within(schema, &entity.key, set);
            if store.at(&inner).is_empty() {
                continue;
            }
            // The last character closes the entity; an entity has at least one member, its key.
            out.pop();
            let is_single = schema.set(set).is_single;
            out.push_str(&format!(",{}:{}", json::quoted(&schema.set(set).name), if is_single { "" } else { "[" }));
            write_entities(schema, store, &inner, secret, out);
            out.push_str(if is_single { "}" } else { "]}" });
        }
    }
    out.push('\n');
}

/// Writes one entity as a member of a fixture file, with its secrets or with null instead.
pub fn write_entity_with(schema: &Schema, set: SetId, entity: &Entity, secret: Secret) -> String {
    let lossless = Representation::for_state(schema.widest());
    let shape = Representation { style: Style { secret, ..lossless.style }, ..lossless };
    let mut out = b"{".to_vec();
    if let Some((_, structured)) = schema.entity_type(shape.model, set) {
        write_entity(&shape, structured, Holder::Collection(""), entity, &mut out);
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
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

struct Loader<'l> {
    schema: &'l Schema,
    behaviors: &'l Behaviors,
    entities: Entities,
    /// File and JSON path of the first use of each key.
    first_uses: HashMap<(CollectionAddress, Arc<str>), (String, String)>,
    /// The collection of entities for which neither file nor context names one.
    default: Option<SetId>,
    problems: Vec<String>,
    /// Whether something was left unread, since there are problems enough.
    is_cut: bool,
    /// The bytes reserved for the entities, if they are limited.
    room: Option<&'l mut Reservation>,
    has_room: bool,
}

impl<'l> Loader<'l> {
    fn new(schema: &'l Schema, behaviors: &'l Behaviors) -> Loader<'l> {
        Loader {
            schema,
            behaviors,
            entities: Vec::new(),
            first_uses: HashMap::new(),
            default: None,
            problems: Vec::new(),
            is_cut: false,
            room: None,
            has_room: true,
        }
    }

    fn finish(mut self) -> Result<Entities, FixtureError> {
        if self.is_cut {
            self.problems.push(format!("stopped after {PROBLEM_LIMIT} problems: there may be more"));
        }
        if self.problems.is_empty() { Ok(self.entities) } else { Err(FixtureError { problems: self.problems }) }
    }

    /// Returns whether there are problems enough, or no room, so that the rest stays unread.
    fn is_full(&mut self) -> bool {
        let is_full = self.problems.len() >= PROBLEM_LIMIT;
        self.is_cut |= is_full;
        is_full || !self.has_room
    }

    fn file(&mut self, name: &str, text: &[u8]) {
        if self.is_full() {
            return;
        }
        if let Err(problem) = self.entities_of(name, text) {
            self.problems.push(format!("{name}: {problem}"));
        }
    }

    fn entities_of(&mut self, file: &str, text: &[u8]) -> Result<(), String> {
        if let Collections::Known(collections) = collections_of(self.schema, file, text, self.default)? {
            for RawCollection { set, items, path } in collections {
                self.items(file, set, items, &path);
            }
        }
        Ok(())
    }

    fn items(&mut self, file: &str, set: SetId, items: RawItems<'_>, path: &str) {
        let (texts, is_single) = match items {
            RawItems::List(texts) => (texts, false),
            RawItems::Single(text) => (vec![text], true),
        };
        for (index, item) in texts.into_iter().enumerate() {
            if self.is_full() {
                return;
            }
            let path = if is_single { path.to_owned() } else { format!("{path}[{index}]") };
            match json::parse(item.as_bytes()) {
                Ok(item) => self.entity(file, &set.into(), item, &path),
                Err(error) => self.problems.push(format!("{file}: {path}: not JSON: {error}")),
            }
        }
    }

    fn entity(&mut self, file: &str, address: &CollectionAddress, item: Json<'_>, path: &str) {
        let model = self.schema.widest();
        let set = self.schema.set(address.set);
        let Some((id, structured)) = self.schema.entity_type(model, address.set) else {
            self.problems.push(format!("{file}: {path}: unknown type of this collection in the schema"));
            return;
        };
        let (item, contained) = split_contained(structured, item);
        let rules = ReadRules {
            model,
            behaviors: self.behaviors,
            origin: Origin::Fixture,
            knows_hidden: true,
            problem_limit: PROBLEM_LIMIT,
            explains: false,
        };
        let Reading { patch, shape, values, .. } = read::read(rules, id, &item, path);
        if !shape.is_empty() || !values.is_empty() {
            let lines = shape.iter().chain(&values).map(|problem| format!("{file}: {problem}"));
            self.problems.extend(lines);
            return;
        }
        if let Some(problem) = contradiction(structured, &patch) {
            self.problems.push(format!("{file}: {path}.{problem}"));
            return;
        }
        let properties = patch.apply(model, structured, &Complex::initial(structured));
        let key_property = structured.key.map(|index| &structured.properties[index]);
        let Some(key_property) = key_property else {
            self.problems.push(format!("{file}: {path}: missing key in the schema type {}", structured.name));
            return;
        };
        let key = match &properties.values[key_property.slot] {
            Value::String(key) if !key.is_empty() && set.is_single => set.name.as_ref().into(),
            Value::String(key) if !key.is_empty() => key.clone(),
            _ => {
                let name = &key_property.name;
                self.problems.push(format!("{file}: {path}.{name}: must be a non-empty string"));
                return;
            }
        };
        let uses = self.first_uses.entry((address.clone(), key.clone()));
        let is_used = matches!(uses, Entry::Occupied(_));
        let (first_file, first_path) = uses.or_insert_with(|| (file.to_owned(), path.to_owned()));
        if is_used {
            let name = &key_property.name;
            let first = if first_file == file { first_path.clone() } else { format!("{first_file}: {first_path}") };
            let key: String = key.chars().filter(|character| !character.is_control()).collect();
            self.problems.push(format!("{file}: {path}.{name}: duplicate {name} '{key}' (first used at {first})"));
            return;
        }
        let entity = StoredEntity::new(key.clone(), properties);
        self.has_room &= self.room.as_mut().is_none_or(|room| room.grow(entity.size() + BASELINE_BYTES));
        if !self.has_room {
            return;
        }
        self.entities.push((address.clone(), Arc::new(entity)));
        let mut seen = Vec::new();
        for (name, value) in contained {
            let Some(navigation) = structured.navigation(&name) else { continue };
            let inner = address.within(self.schema, &key, navigation.set);
            let path = format!("{path}.{}", navigation.name);
            if seen.contains(&navigation.set) {
                self.problems.push(format!("{file}: {path}: duplicate member"));
                return;
            }
            seen.push(navigation.set);
            match (self.schema.set(navigation.set).is_single, value) {
                (true, Json::Null) => {}
                (true, single) => self.entity(file, &inner, single, &path),
                (false, Json::Array(items)) => {
                    for (index, item) in items.into_iter().enumerate() {
                        if self.is_full() {
                            return;
                        }
                        self.entity(file, &inner, item, &format!("{path}[{index}]"));
                    }
                }
                (false, other) => {
                    let found = other.describe();
                    self.problems.push(format!("{file}: {path}: expected an array of entities, found {found}"));
                }
            }
        }
    }
}

/// Splits an entity from its contained entities.
fn split_contained<'j>(structured: &StructuredType, item: Json<'j>) -> (Json<'j>, Vec<Member<'j>>) {
    match item {
        Json::Object(members) if !structured.navigations.is_empty() => {
            let (contained, own) = members.into_iter().partition(|(name, _)| structured.navigation(name).is_some());
            (Json::Object(own), contained)
        }
        other => (other, Vec::new()),
    }
}

/// A collection of a file, not yet parsed. Each item is parsed on its own, since the tree of a large file takes many times the memory
/// of its entities.
struct RawCollection<'t> {
    set: SetId,
    items: RawItems<'t>,
    /// The JSON path of the items.
    path: String,
}

/// The texts of entities.
enum RawItems<'t> {
    List(Vec<&'t str>),
    Single(&'t str),
}

/// The collections of a file.
enum Collections<'t> {
    Known(Vec<RawCollection<'t>>),
    /// An empty array without a name.
    Empty,
}

/// The members of an object, and the texts of their values.
type Members<'t> = [(Cow<'t, str>, &'t str)];

/// Returns the collections of a file. `default` is the collection of entities for which neither file nor context names one.
fn collections_of<'t>(schema: &Schema, file: &str, text: &'t [u8], default: Option<SetId>) -> Result<Collections<'t>, String> {
    let outline = json::outline(text).map_err(|error| format!("not JSON: {error}"))?;
    let root = |name: &str| schema.set_named(name).filter(|set| schema.set(*set).parent.is_none());
    let members = match &outline {
        Outline::Object(members) if !members.iter().any(|(name, _)| name == "value") => &members[..],
        _ => &[],
    };
    if members.iter().any(|(name, _)| root(name).is_some()) && !is_entity_answer(members) {
        return named_collections(schema, members).map(Collections::Known);
    }
    let file_set = set_named_by(schema, file)?;
    let set = set_in_context(schema, &outline, file_set, "file name")?.or(file_set);
    if let Some((name, _)) = members.iter().find(|(name, _)| !name.contains('@')) {
        if let Some(set) = set.filter(|_| is_entity_answer(members)) {
            let text = std::str::from_utf8(text).map_err(|error| format!("not UTF-8: {error}"))?;
            let items = RawItems::Single(text.trim_start_matches('\u{feff}'));
            return Ok(Collections::Known(vec![RawCollection { set, items, path: "$".to_owned() }]));
        }
        let name = json::quoted(name);
        return Err(format!("$: unknown member {name}, expected \"value\" or collections ({})", root_names(schema)));
    }
    let (texts, path) = items_of(outline)?;
    match set.or(default) {
        Some(set) => Ok(Collections::Known(vec![RawCollection { set, items: RawItems::List(texts), path: path.to_owned() }])),
        None if texts.is_empty() => Ok(Collections::Empty),
        None => Err(unknown_collection(schema)),
    }
}

/// Reads an object with a member for each collection.
fn named_collections<'t>(schema: &Schema, members: &Members<'t>) -> Result<Vec<RawCollection<'t>>, String> {
    let mut collections: Vec<RawCollection<'t>> = Vec::new();
    for (name, value) in members.iter().filter(|(name, _)| !name.contains('@')) {
        let Some(set) = schema.set_named(name).filter(|set| schema.set(*set).parent.is_none()) else {
            let name = json::quoted(name);
            return Err(format!("$: unknown member {name}, expected collections ({})", root_names(schema)));
        };
        let read = || {
            let outline = json::outline(value.as_bytes()).map_err(|error| format!("not JSON: {error}"))?;
            set_in_context(schema, &outline, Some(set), "member name")?;
            items_of(outline)
        };
        let (texts, path) = read().map_err(|problem| format!("$.{name}: {problem}"))?;
        if collections.iter().any(|other| other.set == set) {
            return Err(format!("$.{name}: duplicate member"));
        }
        let path = path.replacen('$', &format!("$.{name}"), 1);
        collections.push(RawCollection { set, items: RawItems::List(texts), path });
    }
    Ok(collections)
}

fn root_names(schema: &Schema) -> String {
    schema.root_sets().map(|set| &*schema.set(set).name).collect::<Vec<_>>().join(", ")
}

fn unknown_collection(schema: &Schema) -> String {
    let example = schema.root_sets().next().map_or("", |set| &*schema.set(set).name);
    format!("unknown collection: name the file after one of {}, or name the array: {{\"{example}\": […]}}", root_names(schema))
}

/// Returns the collection in a file name: `teams` in `teams.json` and `teams.backup.json`.
fn set_named_by(schema: &Schema, file: &str) -> Result<Option<SetId>, String> {
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match schema.set_named(stem.split('.').next().unwrap_or_default()) {
        Some(set) if schema.set(set).parent.is_some() => Err(contained_set(schema, set)),
        set => Ok(set),
    }
}

/// Returns the problem of a file for a set of contained entities.
fn contained_set(schema: &Schema, set: SetId) -> String {
    let (name, root) = (&schema.set(set).name, &schema.set(schema.root_of(set)).name);
    let (own, object) = if schema.set(set).is_single { ("its", "it") } else { ("their", "them") };
    match schema.set(set).parent.filter(|parent| schema.set(*parent).parent.is_some()) {
        Some(parent) => {
            let parent = &schema.set(parent).name;
            format!("{name} cannot have a file of {own} own: nest {object} under `{parent}` in {root}.json")
        }
        None => format!("{name} cannot have a file of {own} own: nest {object} in {root}.json"),
    }
}

/// Returns the collection in the context of an answer. If `named` is given, the context may be unknown, but must not contradict it;
/// `source` is the source of that name.
fn set_in_context(schema: &Schema, outline: &Outline<'_>, named: Option<SetId>, source: &str) -> Result<Option<SetId>, String> {
    let Outline::Object(members) = outline else { return Ok(None) };
    let Some(fragment) = fragment_of(members) else { return Ok(None) };
    let found = context::set_of(schema, &fragment);
    let problem = match (found, named) {
        (Some(set), Some(named)) if set != named => {
            format!("{} contradicts the {source} ({})", schema.set(set).path, schema.set(named).path)
        }
        (Some(set), None) if schema.set(set).parent.is_some() => contained_set(schema, set),
        (None, None) => {
            format!("unknown collection {}: name the file after one of {}", json::quoted(&fragment), root_names(schema))
        }
        _ => return Ok(found),
    };
    Err(format!("$[\"@odata.context\"]: {problem}"))
}

/// Returns the fragment of a context, if it has one.
fn fragment_of(members: &Members<'_>) -> Option<String> {
    let (_, value) = members.iter().find(|(name, _)| name == "@odata.context" || name == "@context")?;
    let Ok(Json::String(context)) = json::parse(value.as_bytes()) else { return None };
    context.split_once('#').map(|(_, fragment)| fragment.to_owned()).filter(|fragment| !fragment.is_empty())
}

/// Returns whether an object is the answer of a single entity (OData JSON 4.01, section 10.4).
fn is_entity_answer(members: &Members<'_>) -> bool {
    fragment_of(members).is_some_and(|fragment| fragment.ends_with("/$entity"))
}

/// Returns the texts of the entities in a file, and the JSON path of their array.
fn items_of(outline: Outline<'_>) -> Result<(Vec<&str>, &'static str), String> {
    let members = match outline {
        Outline::Array(items) => return Ok((items, "$")),
        Outline::Object(members) => members,
        Outline::Scalar(value) => {
            let found = value.describe();
            return Err(format!("$: expected an array of entities or an object with \"value\", found {found}"));
        }
    };
    let mut values = members.iter().filter(|(name, _)| name == "value").map(|(_, value)| *value);
    let Some(value) = values.next() else { return Err("$.value: missing, expected an array of entities".to_owned()) };
    if values.next().is_some() {
        return Err("$.value: duplicate member".to_owned());
    }
    let found = match json::outline(value.as_bytes()) {
        Ok(Outline::Array(items)) => {
            let other = members.iter().find(|(name, _)| name != "value" && !name.contains('@'));
            return match other {
                Some((name, _)) => Err(format!("$: unknown member {}, expected \"value\" and annotations", json::quoted(name))),
                None => Ok((items, "$.value")),
            };
        }
        Ok(Outline::Object(_)) => "an object".to_owned(),
        Ok(Outline::Scalar(value)) => value.describe(),
        Err(error) => return Err(format!("$.value: not JSON: {error}")),
    };
    Err(format!("$.value: expected an array of entities, found {found}"))
}

/// Returns the problem of a property and its mirror with different values.
fn contradiction(structured: &StructuredType, patch: &Patch) -> Option<String> {
    patch.changes.iter().find_map(|change| {
        let mirror = &structured.properties[change.property];
        let target = mirror.alias?.target;
        let other = patch.changes.iter().find(|other| other.property == target && other.to != change.to)?;
        let name = &structured.properties[other.property].name;
        Some(format!("{}: differs from {name}, another name of the same value", mirror.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::store::Baselines;

    fn outcome(name: &str, text: &str) -> String {
        match read(&crate::workloads::schema(), &Behaviors::default(), name, text.as_bytes()) {
            Ok(entities) => format!("{} entities", entities.len()),
            Err(error) => error.to_string(),
        }
    }

    fn problems(text: &str) -> String {
        outcome("workforceIntegrations.broken.json", text)
    }

    #[test]
    fn the_built_in_fixtures_are_valid_and_include_that_of_the_draft_page() {
        let schema = crate::workloads::schema();
        let entities = shipped(&schema, &Behaviors::default()).unwrap();
        assert!(entities.len() >= 3);
        assert!(entities.iter().any(|(_, entity)| &*entity.key == "0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c"));
    }

    #[test]
    fn written_fixtures_read_back_the_same() {
        let (schema, behaviors) = (crate::workloads::schema(), Behaviors::default());
        let first = shipped(&schema, &behaviors).unwrap();
        let store = Store::over(&Baselines::of(&schema, &first, &crate::workloads::settings().stores));
        let contents = |entities: &Entities| -> Vec<(CollectionAddress, Arc<str>, Complex)> {
            entities.iter().map(|(address, entity)| (address.clone(), entity.key.clone(), entity.properties.clone())).collect()
        };
        let all = read(&schema, &behaviors, "any.json", write(&schema, &store, Secret::Echo).as_bytes()).unwrap();
        assert_eq!(contents(&all), contents(&first));
        let parts = schema.root_sets().flat_map(|set| {
            let name = format!("{}.json", schema.set(set).name);
            read(&schema, &behaviors, &name, write_set(&schema, &store, set, Secret::Echo).as_bytes()).unwrap()
        });
        assert_eq!(contents(&parts.collect()), contents(&first));
    }

    #[test]
    fn both_forms_of_a_collection_are_read() {
        assert_eq!(problems(r#"[{"id":"a"},{"ID":"b","@odata.etag":"x"}]"#), "2 entities");
        assert_eq!(problems(r#"{"@odata.context":"x","@odata.count":1,"value":[{"id":"a"}]}"#), "1 entities");
        assert_eq!(problems("\u{feff}[]"), "0 entities");
    }

    #[test]
    fn a_problem_has_file_path_and_reason() {
        insta::assert_snapshot!(problems(r#"[{"id":"a","apiVersion":"two"},{"id":"b","encryption":{"secret":7}}]"#), @r"
        workforceIntegrations.broken.json: $[0].apiVersion: found a string, expected a whole number from -2147483648 to 2147483647
        workforceIntegrations.broken.json: $[1].encryption.secret: found a number, expected a string
        ");
        insta::assert_snapshot!(problems(r#"{"value":[{"id":"a","displayname":"x","displayName":"y","colour":1,"apiversions":2}]}"#), @r"
        workforceIntegrations.broken.json: $.value[0].displayName: duplicate property
        workforceIntegrations.broken.json: $.value[0].colour: unknown property of microsoft.graph.workforceIntegration
        workforceIntegrations.broken.json: $.value[0].apiversions: unknown property of microsoft.graph.workforceIntegration (did you mean 'apiVersion'?)
        ");
        insta::assert_snapshot!(problems(r#"[{"id":"a","supportedEntities":"shift,shit","createdDateTime":"yesterday","encryption":{"protocol":"none"}}]"#), @r#"
        workforceIntegrations.broken.json: $[0].createdDateTime: found "yesterday", expected a date such as 2021-03-12T17:37:05.84Z
        workforceIntegrations.broken.json: $[0].supportedEntities: found "shift,shit", expected a comma-separated list of none, shift, swapRequest, userShiftPreferences, openShift, openShiftRequest, offerShiftRequest, timeCard, timeOffReason, timeOff, timeOffRequest
        workforceIntegrations.broken.json: $[0].encryption.protocol: found "none", expected one of sharedSecret
        "#);
        insta::assert_snapshot!(problems(r#"[{"id":"a"},{"displayName":"x"},{"id":""},{"id":null},{"id":"a"},7]"#), @r"
        workforceIntegrations.broken.json: $[1].id: must be a non-empty string
        workforceIntegrations.broken.json: $[2].id: must be a non-empty string
        workforceIntegrations.broken.json: $[3].id: must not be null (Edm.String)
        workforceIntegrations.broken.json: $[4].id: duplicate id 'a' (first used at $[0])
        workforceIntegrations.broken.json: $[5]: found the number 7, expected an object
        ");
        insta::assert_snapshot!(problems("{\"value\": [{]}"), @"workforceIntegrations.broken.json: not JSON: key must be a string at line 1 column 13");
        insta::assert_snapshot!(problems("{\"values\": []}"), @r#"workforceIntegrations.broken.json: $: unknown member "values", expected "value" or collections (workforceIntegrations, teams)"#);
        insta::assert_snapshot!(problems("{\"schedule\": []}"), @r#"workforceIntegrations.broken.json: $: unknown member "schedule", expected "value" or collections (workforceIntegrations, teams)"#);
        insta::assert_snapshot!(problems("{\"@odata.count\": 0}"), @"workforceIntegrations.broken.json: $.value: missing, expected an array of entities");
        insta::assert_snapshot!(problems("{\"value\": [], \"id\": \"a\"}"), @r#"workforceIntegrations.broken.json: $: unknown member "id", expected "value" and annotations"#);
        insta::assert_snapshot!(problems("true"), @r#"workforceIntegrations.broken.json: $: expected an array of entities or an object with "value", found true"#);
        insta::assert_snapshot!(problems(r##"[{"id":"a","@odata.type":"#microsoft.graph.user"}]"##), @r##"workforceIntegrations.broken.json: $[0]["@odata.type"]: found "#microsoft.graph.user", expected #microsoft.graph.workforceIntegration"##);
    }

    #[test]
    fn contained_entities_are_read_and_their_problems_have_paths() {
        let within = |schedule: &str| format!(r#"[{{"id":"a","schedule":{schedule}}}]"#);
        assert_eq!(
            outcome(
                "teams.json",
                &within(r#"{"id":"s","shifts":[{"id":"1"},{"id":"2"}],"timesOff@odata.count":0,"timesOff":[]}"#)
            ),
            "4 entities"
        );
        assert_eq!(outcome("teams.json", &within("null")), "1 entities");
        assert_eq!(
            outcome("any.json", r#"{"teams":[{"id":"a"}],"@odata.context":"x","workforceIntegrations":{"value":[{"id":"a"}]}}"#),
            "2 entities"
        );
        insta::assert_snapshot!(outcome("teams.json", &within(r#"{"id":"s","shifts":[{"id":"1","sharedShift":{"activities":[{"isPaid":1},{},null]}},{"id":"1"}]}"#)), @r"
        teams.json: $[0].schedule.shifts[0].sharedShift.activities[0].isPaid: found the number 1, expected true or false
        ");
        insta::assert_snapshot!(outcome("teams.json", &within(r#"{"id":"s","shifts":[{"id":"1"},{"id":"1"}]}"#)), @"teams.json: $[0].schedule.shifts[1].id: duplicate id '1' (first used at $[0].schedule.shifts[0])");
        insta::assert_snapshot!(outcome("teams.json", &within(r#"{"shifts":{}}"#)), @"teams.json: $[0].schedule.id: must be a non-empty string");
        insta::assert_snapshot!(outcome("teams.json", &within(r#"{"id":"s","shifts":{}}"#)), @"teams.json: $[0].schedule.shifts: expected an array of entities, found an object");
        insta::assert_snapshot!(outcome("teams.json", &within(r#"{"id":"s"},"schedule":{"id":"t"}"#)), @"teams.json: $[0].schedule: duplicate member");
        insta::assert_snapshot!(outcome("teams.json", &within(r#"{"id":"s","shifts":[],"shifts":[{"id":"1"}]}"#)), @"teams.json: $[0].schedule.shifts: duplicate member");
        insta::assert_snapshot!(outcome("teams.json", &within("7")), @"teams.json: $[0].schedule: found the number 7, expected an object");
        insta::assert_snapshot!(outcome("shifts.json", "[]"), @"shifts.json: shifts cannot have a file of their own: nest them under `schedule` in teams.json");
        insta::assert_snapshot!(outcome("any.json", r#"{"teams":[],"users":[]}"#), @r#"any.json: $: unknown member "users", expected collections (workforceIntegrations, teams)"#);
        insta::assert_snapshot!(outcome("any.json", r#"{"teams":[{}],"workforceIntegrations":7}"#), @r#"any.json: $.workforceIntegrations: $: expected an array of entities or an object with "value", found the number 7"#);
        insta::assert_snapshot!(outcome("any.json", r#"{"teams":[],"Teams":[]}"#), @"any.json: $.Teams: duplicate member");
        insta::assert_snapshot!(outcome("any.json", r#"{"teams":[{}]}"#), @"any.json: $.teams[0].id: must be a non-empty string");
    }

    #[test]
    fn the_context_of_an_answer_names_its_collection() {
        let (schema, behaviors) = (crate::workloads::schema(), Behaviors::default());
        let collection = |name: &str, fragment: &str| {
            let context = format!("https://graph.microsoft.com/v1.0/$metadata{fragment}");
            let text = format!(r#"{{"@odata.context":"{context}","value":[{{"id":"a"}}]}}"#);
            let sets = sets_of(&schema, name, text.as_bytes());
            let read = read(&schema, &behaviors, name, text.as_bytes());
            match (sets, read) {
                (Ok(sets), Ok(entities)) => {
                    assert!(entities.iter().all(|(address, _)| sets == [address.set]), "{name} {fragment}");
                    schema.set(sets[0]).name.to_string()
                }
                (Err(error), Err(same)) => {
                    assert_eq!(error, same);
                    error.to_string()
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(collection("state.json", "#teams"), "teams");
        assert_eq!(collection("teams.json", "#teams(id,displayName)"), "teams");
        assert_eq!(collection("state.json", "#teamwork/workforceIntegrations"), "workforceIntegrations");
        assert_eq!(collection("teams.json", ""), "teams");
        assert_eq!(
            collection("teams.json", "#users('x')/joinedTeams"),
            "teams",
            "the file name decides if the context is unknown"
        );
        insta::assert_snapshot!(collection("state.json", "#users"), @r#"state.json: $["@odata.context"]: unknown collection "users": name the file after one of workforceIntegrations, teams"#);
        insta::assert_snapshot!(collection("state.json", "#teams('1')/schedule/shifts"), @r#"state.json: $["@odata.context"]: shifts cannot have a file of their own: nest them under `schedule` in teams.json"#);
        insta::assert_snapshot!(collection("teams.json", "#teams('1')/schedule/shifts"), @r#"teams.json: $["@odata.context"]: teams/{id}/schedule/shifts contradicts the file name (teams)"#);
        insta::assert_snapshot!(collection("workforceIntegrations.json", "#teams"), @r#"workforceIntegrations.json: $["@odata.context"]: teams contradicts the file name (teamwork/workforceIntegrations)"#);
        let within = r#"{"teams":{"@odata.context":"x#teamwork/workforceIntegrations","value":[]}}"#;
        insta::assert_snapshot!(problems(within), @r#"workforceIntegrations.broken.json: $.teams: $["@odata.context"]: teamwork/workforceIntegrations contradicts the member name (teams)"#);
    }

    #[test]
    fn contradictions_and_duplicates_are_refused() {
        insta::assert_snapshot!(problems(r#"[{"id":"a","supports":"shift","supportedEntities":"none"}]"#), @"workforceIntegrations.broken.json: $[0].supports: differs from supportedEntities, another name of the same value");
        insta::assert_snapshot!(problems(r#"{"value":[],"value":[{"bogus":1}]}"#), @"workforceIntegrations.broken.json: $.value: duplicate member");
        assert_eq!(problems(r#"[{"id":"a","supports":"Shift","supportedEntities":"shift"}]"#), "1 entities");
    }

    #[test]
    fn derived_types_of_recorded_answers_are_accepted_if_the_declared_type_is_open() {
        let of_type = |name: &str| {
            format!(r##"[{{"id":"a","lastModifiedBy":{{"user":{{"@odata.type":"#microsoft.graph.{name}","id":"x"}}}}}}]"##)
        };
        assert_eq!(problems(&of_type("teamworkUserIdentity")), "1 entities");
        assert!(problems(&of_type("workforceIntegration")).contains("expected #microsoft.graph.identity"));
    }

    #[test]
    fn only_the_first_problems_of_a_file_are_reported() {
        let text = format!("[{}]", vec!["{}"; 1000].join(","));
        assert_eq!(problems(&text).lines().count(), PROBLEM_LIMIT + 1);
        assert!(problems(&text).ends_with("\nstopped after 20 problems: there may be more"));
        let exactly = format!("[{}]", vec!["{}"; PROBLEM_LIMIT].join(","));
        assert_eq!(problems(&exactly).lines().count(), PROBLEM_LIMIT, "nothing is left unread");
    }

    #[test]
    fn contained_entities_and_further_files_count_among_the_first_problems() {
        let shifts = vec!["{}"; 50].join(",");
        let team = format!(r#"{{"teams":[{{"id":"t","schedule":{{"id":"t","shifts":[{shifts}]}}}}]}}"#);
        let reported = problems(&team);
        assert_eq!(reported.lines().count(), PROBLEM_LIMIT + 1, "{reported}");
        assert!(reported.ends_with("\nstopped after 20 problems: there may be more"));

        let (schema, behaviors) = (crate::workloads::schema(), Behaviors::default());
        let mut loader = Loader::new(&schema, &behaviors);
        loader.file("workforceIntegrations.a.json", format!("[{}]", vec!["{}"; PROBLEM_LIMIT].join(",")).as_bytes());
        loader.file("workforceIntegrations.b.json", b"[]");
        loader.file("workforceIntegrations.c.json", b"broken");
        let reported = loader.finish().map(|entities| entities.len()).expect_err("the first file has problems").to_string();
        assert_eq!(reported.lines().count(), PROBLEM_LIMIT + 1, "{reported}");
        assert_eq!(reported.lines().last(), Some("stopped after 20 problems: there may be more"));
    }

    #[test]
    fn the_first_use_of_an_id_is_named_however_often_it_is_used() {
        let reported = problems(r#"[{"id":"a"},{"id":"a"},{"id":"a"}]"#);
        assert_eq!(reported.matches("duplicate id 'a' (first used at $[0])").count(), 2, "{reported}");
    }

    #[test]
    fn a_file_without_name_and_context_of_a_collection_is_refused() {
        insta::assert_snapshot!(outcome("any.json", r#"[{"id":"a"}]"#), @r#"any.json: unknown collection: name the file after one of workforceIntegrations, teams, or name the array: {"workforceIntegrations": […]}"#);
        for text in [r#"{"value":[{"id":"a"}]}"#, r#"{"@odata.context":"x","value":[{"id":"a"}]}"#] {
            assert_eq!(outcome("any.json", text), outcome("any.json", r#"[{"id":"a"}]"#), "{text}");
        }
        // An empty array needs no collection.
        for text in ["[]", r#"{"value":[]}"#] {
            assert_eq!(outcome("empty.json", text), "0 entities");
            assert!(
                sets_of(&crate::workloads::schema(), "empty.json", text.as_bytes()).is_err(),
                "it does not name what it replaces"
            );
        }
        for name in ["teams.json", "Teams.json", "folder/teams.old.json", "TEAMS.JSON"] {
            assert_eq!(outcome(name, r#"[{"id":"a"}]"#), "1 entities", "{name}");
        }
        insta::assert_snapshot!(outcome("my-teams.json", "[7]"), @r#"my-teams.json: unknown collection: name the file after one of workforceIntegrations, teams, or name the array: {"workforceIntegrations": […]}"#);
        insta::assert_snapshot!(outcome("schedule.json", "[]"), @"schedule.json: schedule cannot have a file of its own: nest it in teams.json");
    }

    #[test]
    fn a_recorded_answer_of_one_entity_is_a_fixture() {
        let entity = |fragment: &str| {
            format!(r#"{{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata{fragment}","id":"a","displayName":"x"}}"#)
        };
        assert_eq!(outcome("any.json", &entity("#teams/$entity")), "1 entities");
        assert_eq!(outcome("any.json", &format!("\u{feff}{}", entity("#teamwork/workforceIntegrations/$entity"))), "1 entities");
        assert_eq!(outcome("teams.json", &entity("#users('x')/joinedTeams/$entity")), "1 entities");
        insta::assert_snapshot!(outcome("any.json", &entity("#teams")), @r#"any.json: $: unknown member "id", expected "value" or collections (workforceIntegrations, teams)"#);
        insta::assert_snapshot!(outcome("any.json", &entity("#users/$entity")), @r#"any.json: $["@odata.context"]: unknown collection "users/$entity": name the file after one of workforceIntegrations, teams"#);
        insta::assert_snapshot!(outcome("any.json", &entity("#teams('1')/schedule/$entity")), @r#"any.json: $["@odata.context"]: schedule cannot have a file of its own: nest it in teams.json"#);
        insta::assert_snapshot!(outcome("workforceIntegrations.json", &entity("#teams/$entity")), @r#"workforceIntegrations.json: $["@odata.context"]: teams contradicts the file name (teamwork/workforceIntegrations)"#);
        insta::assert_snapshot!(outcome("any.json", &entity("#teams/$entity").replace("\"a\"", "7")), @"any.json: $.id: found the number 7, expected a string");
        insta::assert_snapshot!(outcome("any.json", r#"{"id":"a"}"#), @r#"any.json: $: unknown member "id", expected "value" or collections (workforceIntegrations, teams)"#);
    }

    #[test]
    fn a_duplicate_in_another_file_names_that_file() {
        let (schema, behaviors) = (crate::workloads::schema(), Behaviors::default());
        let mut loader = Loader::new(&schema, &behaviors);
        loader.file("teams.json", br#"[{"id":"it's"}]"#);
        loader.file("teams.2.json", br#"[{"id":"it's"}]"#);
        insta::assert_snapshot!(loader.finish().unwrap_err(), @"teams.2.json: $[0].id: duplicate id 'it's' (first used at teams.json: $[0])");
    }
}
