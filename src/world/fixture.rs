//! Fixture files: the entities that are there from the start, checked against the model when they are loaded.
//!
//! A file holds a collection as Graph answers it, an object with `value`, or a bare array. Annotations are allowed, so a recorded
//! answer can be a fixture as it is; its context says which collection it holds. What an entity contains stands in it, as `$expand` would show it: the shifts in the schedule, the
//! schedule in the team. A file that holds several collections is an object with a member for each, by its name.

mod context;
pub mod directory;

use std::borrow::Cow;
use std::collections::HashMap;
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
use crate::world::store::{CollectionAddress, Store};

/// The entities of fixtures, in their order.
pub type Entities = Vec<(CollectionAddress, Arc<Entity>)>;

/// The built-in fixture files: their names and their texts.
pub const SHIPPED: [(&str, &str); 2] = [
    ("workforceIntegrations.json", include_str!("../../fixtures/workforceIntegrations.json")),
    ("teams.json", include_str!("../../fixtures/teams.json")),
];

/// How many problems of a file are told at once.
const PROBLEM_LIMIT: usize = 20;

/// Fixtures that cannot be used: one line per problem, with file and place.
#[derive(Debug, PartialEq, Eq)]
pub struct FixtureError {
    /// The problems, for people.
    pub problems: Vec<String>,
}

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for FixtureError {}

/// Loads a file, or every `.json` file of a folder in the order of their names.
pub fn load(schema: &Schema, behaviors: &Behaviors, path: &Path) -> Result<Entities, FixtureError> {
    let mut loader = Loader::new(schema, behaviors);
    match files_of(path) {
        Ok(files) => {
            for file in files {
                match std::fs::read(&file) {
                    Ok(text) => loader.file(&file.display().to_string(), &text),
                    Err(error) => loader.problems.push(format!("{}: {error}", file.display())),
                }
            }
        }
        Err(problem) => loader.problems.push(problem),
    }
    loader.finish()
}

/// Reads the text of one file. `name` is the file's name, which errors repeat and which may name the collection.
pub fn read(schema: &Schema, behaviors: &Behaviors, name: &str, text: &[u8]) -> Result<Entities, FixtureError> {
    let mut loader = Loader::new(schema, behaviors);
    loader.file(name, text);
    loader.finish()
}

/// Reads one entity, with what it contains, for a place. `name` is what errors name it by.
pub fn read_one(
    schema: &Schema,
    behaviors: &Behaviors,
    name: &str,
    place: &CollectionAddress,
    text: &str,
) -> Result<Entities, FixtureError> {
    let mut loader = Loader::new(schema, behaviors);
    match json::parse(text.as_bytes()) {
        Ok(item) => loader.entity(name, place, item, "$"),
        Err(error) => loader.problems.push(format!("{name}: not JSON: {error}")),
    }
    loader.finish()
}

/// Returns the sets whose entities a file holds, without what those contain. `name` may name the collection.
pub fn sets_of(schema: &Schema, name: &str, text: &[u8]) -> Result<Vec<SetId>, FixtureError> {
    match collections_of(schema, name, text) {
        Ok(collections) => Ok(collections.into_iter().map(|(set, ..)| set).collect()),
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

/// Writes all entities as one fixture file that reads back to the same entities, with their secrets or with null in their place.
pub fn write(schema: &Schema, store: &Store, secret: Secret) -> String {
    let mut out = "{".to_owned();
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

/// Writes the entities of one set that no entity contains, with what they contain, as a fixture file.
pub fn write_set(schema: &Schema, store: &Store, set: SetId, secret: Secret) -> String {
    let mut out = "{\"value\":[".to_owned();
    write_entities(schema, store, &set.into(), secret, &mut out);
    out.push_str("]}\n");
    out
}

/// Writes the entities at a place with what they contain, each on a line of its own.
fn write_entities(schema: &Schema, store: &Store, place: &CollectionAddress, secret: Secret, out: &mut String) {
    for (index, entity) in store.at(place).list().into_iter().enumerate() {
        out.push_str(if index > 0 { ",\n" } else { "\n" });
        out.push_str(&write_entity_with(schema, place.set, &entity, secret));
        for set in schema.contained(place.set) {
            let within = place.within(schema, &entity.key, set);
            if store.at(&within).is_empty() {
                continue;
            }
            // An entity has members, its key at least.
            out.pop();
            let is_single = schema.set(set).is_single;
            out.push_str(&format!(",{}:{}", json::quoted(&schema.set(set).name), if is_single { "" } else { "[" }));
            write_entities(schema, store, &within, secret, out);
            out.push_str(if is_single { "}" } else { "]}" });
        }
    }
    out.push('\n');
}

/// Writes one entity as it stands in a fixture file, with its secrets or with null in their place.
pub fn write_entity_with(schema: &Schema, set: SetId, entity: &Entity, secret: Secret) -> String {
    let lossless = Representation::for_state(schema.widest());
    let shape = Representation { style: Style { secret, ..lossless.style }, ..lossless };
    let mut out = b"{".to_vec();
    if let Some((_, structured)) = schema.entity_type(shape.model, set) {
        write_entity(&shape, structured, Holder::Collection(""), entity, &mut out);
    }
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
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
    files.retain(|file| file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) && file.is_file());
    if files.is_empty() {
        return Err(format!("{name}: found no .json file in this folder, expected at least one"));
    }
    files.sort();
    Ok(files)
}

struct Loader<'l> {
    schema: &'l Schema,
    behaviors: &'l Behaviors,
    entities: Entities,
    /// Where each key was found first.
    places: HashMap<(CollectionAddress, Arc<str>), String>,
    problems: Vec<String>,
}

impl<'l> Loader<'l> {
    fn new(schema: &'l Schema, behaviors: &'l Behaviors) -> Loader<'l> {
        Loader { schema, behaviors, entities: Vec::new(), places: HashMap::new(), problems: Vec::new() }
    }

    fn finish(self) -> Result<Entities, FixtureError> {
        if self.problems.is_empty() { Ok(self.entities) } else { Err(FixtureError { problems: self.problems }) }
    }

    fn file(&mut self, name: &str, text: &[u8]) {
        if let Err(problem) = self.entities_of(name, text) {
            self.problems.push(format!("{name}: {problem}"));
        }
    }

    fn entities_of(&mut self, file: &str, text: &[u8]) -> Result<(), String> {
        for (set, items, path) in collections_of(self.schema, file, text)? {
            self.items(file, set, items, &path)?;
        }
        Ok(())
    }

    fn items(&mut self, file: &str, set: SetId, items: Vec<&str>, path: &str) -> Result<(), String> {
        for (index, item) in items.into_iter().enumerate() {
            if self.problems.len() >= PROBLEM_LIMIT {
                return Err(format!("…: more than {PROBLEM_LIMIT} problems; the rest is not shown"));
            }
            let path = format!("{path}[{index}]");
            match json::parse(item.as_bytes()) {
                Ok(item) => self.entity(file, &set.into(), item, &path),
                Err(error) => self.problems.push(format!("{file}: {path}: not JSON: {error}")),
            }
        }
        Ok(())
    }

    fn entity(&mut self, file: &str, place: &CollectionAddress, item: Json<'_>, path: &str) {
        let model = self.schema.widest();
        let set = self.schema.set(place.set);
        let Some((id, structured)) = self.schema.entity_type(model, place.set) else {
            self.problems.push(format!("{file}: {path}: the schema has no type for this collection"));
            return;
        };
        let (item, contained) = parted(structured, item);
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
            self.problems.push(format!("{file}: {path}: the type {} has no key", structured.name));
            return;
        };
        let key = match &properties.values[key_property.slot] {
            Value::String(key) if !key.is_empty() && set.is_single => set.name.as_ref().into(),
            Value::String(key) if !key.is_empty() => key.clone(),
            _ => {
                let name = &key_property.name;
                self.problems.push(format!("{file}: {path}.{name}: found no value, expected a string that is not empty"));
                return;
            }
        };
        if let Some(first) = self.places.insert((place.clone(), key.clone()), format!("{file}: {path}")) {
            let name = &key_property.name;
            let found = json::quoted(&key);
            self.problems.push(format!("{file}: {path}.{name}: found {found}, which {first} has too, expected a key of its own"));
            return;
        }
        self.entities.push((place.clone(), Arc::new(Entity::new(key.clone(), properties))));
        let mut told = Vec::new();
        for (name, value) in contained {
            let Some(navigation) = structured.navigation(&name) else { continue };
            let within = place.within(self.schema, &key, navigation.set);
            let path = format!("{path}.{}", navigation.name);
            if told.contains(&navigation.set) {
                self.problems.push(format!("{file}: {path}: found a member that stands twice, expected it once"));
                return;
            }
            told.push(navigation.set);
            match (self.schema.set(navigation.set).is_single, value) {
                (true, Json::Null) => {}
                (true, single) => self.entity(file, &within, single, &path),
                (false, Json::Array(items)) => {
                    for (index, item) in items.into_iter().enumerate() {
                        if self.problems.len() >= PROBLEM_LIMIT {
                            return;
                        }
                        self.entity(file, &within, item, &format!("{path}[{index}]"));
                    }
                }
                (false, other) => {
                    let found = other.describe();
                    self.problems.push(format!("{file}: {path}: found {found}, expected an array of entities"));
                }
            }
        }
    }
}

/// Parts an entity from what it contains.
fn parted<'j>(structured: &StructuredType, item: Json<'j>) -> (Json<'j>, Vec<Member<'j>>) {
    match item {
        Json::Object(members) if !structured.navigations.is_empty() => {
            let (contained, own) = members.into_iter().partition(|(name, _)| structured.navigation(name).is_some());
            (Json::Object(own), contained)
        }
        other => (other, Vec::new()),
    }
}

/// A collection of a file: its set, the texts of its entities, and where they stand.
type RawCollection<'t> = (SetId, Vec<&'t str>, String);

/// The members of an object, and the texts of their values.
type Members<'t> = [(Cow<'t, str>, &'t str)];

/// Returns the collections of a file: one, or those that its members are named after.
fn collections_of<'t>(schema: &Schema, file: &str, text: &'t [u8]) -> Result<Vec<RawCollection<'t>>, String> {
    let outline = json::outline(text).map_err(|error| format!("not JSON: {error}"))?;
    let root = |name: &str| schema.set_named(name).filter(|set| schema.set(*set).parent.is_none());
    let members = match &outline {
        Outline::Object(members) if !members.iter().any(|(name, _)| name == "value") => &members[..],
        _ => &[],
    };
    if !members.iter().any(|(name, _)| root(name).is_some()) {
        let named = set_named_by(schema, file)?;
        let contextual = set_in_context(schema, &outline, named)?;
        let set = contextual.or(named).or_else(|| schema.set_ids().next()).ok_or("the schema has no collection")?;
        // Whoever misspells the name of a collection has no other member that would tell.
        if let Some((name, _)) = members.iter().find(|(name, _)| !name.contains('@')) {
            let expected = format!("\"value\" or collections: {}", root_names(schema));
            return Err(format!("$: found the member {}, expected {expected}", json::quoted(name)));
        }
        let (items, path) = items_of(outline)?;
        return Ok(vec![(set, items, path.to_owned())]);
    }
    let mut collections: Vec<RawCollection<'t>> = Vec::new();
    for (name, value) in members.iter().filter(|(name, _)| !name.contains('@')) {
        let Some(set) = root(name) else {
            return Err(format!("$: found the member {}, expected collections: {}", json::quoted(name), root_names(schema)));
        };
        let read = || {
            let outline = json::outline(value.as_bytes()).map_err(|error| format!("not JSON: {error}"))?;
            set_in_context(schema, &outline, Some(set))?;
            items_of(outline)
        };
        let (items, path) = read().map_err(|problem| format!("$.{name}: {problem}"))?;
        if collections.iter().any(|(other, ..)| *other == set) {
            return Err(format!("$.{name}: found a member that stands twice, expected it once"));
        }
        collections.push((set, items, path.replacen('$', &format!("$.{name}"), 1)));
    }
    Ok(collections)
}

fn root_names(schema: &Schema) -> String {
    schema.root_sets().map(|set| &*schema.set(set).name).collect::<Vec<_>>().join(", ")
}

/// Returns the collection that the name of a file begins with.
fn set_named_by(schema: &Schema, file: &str) -> Result<Option<SetId>, String> {
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let Some(set) = schema.set_named(stem.split('.').next().unwrap_or_default()) else { return Ok(None) };
    if schema.set(set).parent.is_some() {
        let path = &schema.set(set).path;
        return Err(format!("the file's name names {path}, which stand in what contains them: expected a file named after that"));
    }
    Ok(Some(set))
}

/// Returns the collection that the context of an answer names. `named` is the one that something else names already: the context may
/// be one of which the schema knows nothing then, but none of another collection.
fn set_in_context(schema: &Schema, outline: &Outline<'_>, named: Option<SetId>) -> Result<Option<SetId>, String> {
    let Outline::Object(members) = outline else { return Ok(None) };
    let Some(fragment) = fragment_of(members) else { return Ok(None) };
    let found = context::set_of(schema, &fragment);
    let found_path = found.map_or_else(|| json::quoted(&fragment), |set| schema.set(set).path.to_string());
    let problem = match (found, named) {
        (Some(set), Some(named)) if set != named => format!("expected {}, as its name says", schema.set(named).path),
        (Some(set), None) if schema.set(set).parent.is_some() => {
            format!("which stand in what contains them, expected one of {}", root_names(schema))
        }
        (None, None) => format!("expected one of {} (a file's name or ?collection= can say which)", root_names(schema)),
        _ => return Ok(found),
    };
    Err(format!("$[\"@odata.context\"]: found {found_path}, {problem}"))
}

/// Returns the part of a context that says what is answered, if there is one.
fn fragment_of(members: &Members<'_>) -> Option<String> {
    let (_, value) = members.iter().find(|(name, _)| name == "@odata.context" || name == "@context")?;
    let Ok(Json::String(context)) = json::parse(value.as_bytes()) else { return None };
    context.split_once('#').map(|(_, fragment)| fragment.to_owned()).filter(|fragment| !fragment.is_empty())
}

/// Returns the texts of the entities in a file, and where in it they stand. Each is read on its own, since the tree of a large file
/// would take many times the memory of what is made of it.
fn items_of(outline: Outline<'_>) -> Result<(Vec<&str>, &'static str), String> {
    let members = match outline {
        Outline::Array(items) => return Ok((items, "$")),
        Outline::Object(members) => members,
        Outline::Scalar(value) => {
            let found = value.describe();
            return Err(format!("$: found {found}, expected an array of entities or an object with \"value\""));
        }
    };
    let mut values = members.iter().filter(|(name, _)| name == "value").map(|(_, value)| *value);
    let value = values.next();
    if values.next().is_some() {
        return Err("$.value: found a member that stands twice, expected it once".to_owned());
    }
    let found = match value.map(|value| json::outline(value.as_bytes())) {
        Some(Ok(Outline::Array(items))) => {
            let stranger = members.iter().find(|(name, _)| name != "value" && !name.contains('@'));
            return match stranger {
                Some((name, _)) => {
                    let found = format!("$: found the member {}", json::quoted(name));
                    Err(format!("{found}, expected a collection: \"value\" and annotations"))
                }
                None => Ok((items, "$.value")),
            };
        }
        Some(Ok(Outline::Object(_))) => "an object".to_owned(),
        Some(Ok(Outline::Scalar(value))) => value.describe(),
        Some(Err(error)) => return Err(format!("$.value: not JSON: {error}")),
        None => "no such member".to_owned(),
    };
    Err(format!("$.value: found {found}, expected an array of entities"))
}

/// Names a property and its mirror that say different things.
fn contradiction(structured: &StructuredType, patch: &Patch) -> Option<String> {
    patch.changes.iter().find_map(|change| {
        let mirror = &structured.properties[change.property];
        let target = mirror.alias?.target;
        let other = patch.changes.iter().find(|other| other.property == target && other.to != change.to)?;
        let name = &structured.properties[other.property].name;
        Some(format!(
            "{}: found another value than that of {name}, expected the same: they are two names of one value",
            mirror.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::store::Baselines;

    fn problems(text: &str) -> String {
        let behaviors = Behaviors::default();
        match read(&Schema::shipped(), &behaviors, "broken.json", text.as_bytes()) {
            Ok(entities) => format!("{} entities", entities.len()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_shipped_fixtures_are_right_and_one_is_that_of_the_draft_page() {
        let schema = Schema::shipped();
        let entities = shipped(&schema, &Behaviors::default()).unwrap();
        assert!(entities.len() >= 3);
        assert!(entities.iter().any(|(_, entity)| &*entity.key == "0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c"));
    }

    #[test]
    fn fixtures_are_written_so_that_they_read_back_the_same() {
        let (schema, behaviors) = (Schema::shipped(), Behaviors::default());
        let first = shipped(&schema, &behaviors).unwrap();
        let store = Store::over(&Baselines::of(&schema, &first));
        let told = |entities: &Entities| -> Vec<(CollectionAddress, Arc<str>, Complex)> {
            entities.iter().map(|(place, entity)| (place.clone(), entity.key.clone(), entity.properties.clone())).collect()
        };
        let all = read(&schema, &behaviors, "any.json", write(&schema, &store, Secret::Echo).as_bytes()).unwrap();
        assert_eq!(told(&all), told(&first));
        let parts = schema.root_sets().flat_map(|set| {
            let name = format!("{}.json", schema.set(set).name);
            read(&schema, &behaviors, &name, write_set(&schema, &store, set, Secret::Echo).as_bytes()).unwrap()
        });
        assert_eq!(told(&parts.collect()), told(&first));
    }

    #[test]
    fn both_forms_of_a_collection_are_read() {
        assert_eq!(problems(r#"[{"id":"a"},{"ID":"b","@odata.etag":"x"}]"#), "2 entities");
        assert_eq!(problems(r#"{"@odata.context":"x","@odata.count":1,"value":[{"id":"a"}]}"#), "1 entities");
        assert_eq!(problems("\u{feff}[]"), "0 entities");
    }

    #[test]
    fn a_problem_names_file_place_what_was_found_and_what_was_expected() {
        insta::assert_snapshot!(problems(r#"[{"id":"a","apiVersion":"two"},{"id":"b","encryption":{"secret":7}}]"#), @r#"
        broken.json: $[0].apiVersion: found a string, expected a whole number from -2147483648 to 2147483647
        broken.json: $[1].encryption.secret: found a number, expected a string
        "#);
        insta::assert_snapshot!(problems(r#"{"value":[{"id":"a","displayname":"x","displayName":"y","colour":1,"apiversions":2}]}"#), @r#"
        broken.json: $.value[0].displayName: duplicate property
        broken.json: $.value[0].colour: unknown property of microsoft.graph.workforceIntegration
        broken.json: $.value[0].apiversions: unknown property of microsoft.graph.workforceIntegration (did you mean 'apiVersion'?)
        "#);
        insta::assert_snapshot!(problems(r#"[{"id":"a","supportedEntities":"shift,shit","createdDateTime":"yesterday","encryption":{"protocol":"none"}}]"#), @r#"
        broken.json: $[0].createdDateTime: found "yesterday", expected a date such as 2021-03-12T17:37:05.84Z
        broken.json: $[0].supportedEntities: found "shift,shit", expected a comma-separated list of none, shift, swapRequest, userShiftPreferences, openShift, openShiftRequest, offerShiftRequest, timeCard, timeOffReason, timeOff, timeOffRequest
        broken.json: $[0].encryption.protocol: found "none", expected one of sharedSecret
        "#);
        insta::assert_snapshot!(problems(r#"[{"id":"a"},{"displayName":"x"},{"id":""},{"id":null},{"id":"a"},7]"#), @r#"
        broken.json: $[1].id: found no value, expected a string that is not empty
        broken.json: $[2].id: found no value, expected a string that is not empty
        broken.json: $[3].id: must not be null (Edm.String)
        broken.json: $[4].id: found "a", which broken.json: $[0] has too, expected a key of its own
        broken.json: $[5]: found the number 7, expected an object
        "#);
        insta::assert_snapshot!(problems("{\"value\": [{]}"), @"broken.json: not JSON: key must be a string at line 1 column 13");
        insta::assert_snapshot!(problems("{\"values\": []}"), @r#"broken.json: $: found the member "values", expected "value" or collections: workforceIntegrations, teams"#);
        insta::assert_snapshot!(problems("{\"schedule\": []}"), @r#"broken.json: $: found the member "schedule", expected "value" or collections: workforceIntegrations, teams"#);
        insta::assert_snapshot!(problems("{\"@odata.count\": 0}"), @"broken.json: $.value: found no such member, expected an array of entities");
        insta::assert_snapshot!(problems("{\"value\": [], \"id\": \"a\"}"), @r#"broken.json: $: found the member "id", expected a collection: "value" and annotations"#);
        insta::assert_snapshot!(problems("true"), @r#"broken.json: $: found true, expected an array of entities or an object with "value""#);
        insta::assert_snapshot!(problems(r##"[{"id":"a","@odata.type":"#microsoft.graph.user"}]"##), @r##"broken.json: $[0]["@odata.type"]: found "#microsoft.graph.user", expected #microsoft.graph.workforceIntegration"##);
    }

    #[test]
    fn what_entities_contain_is_read_and_told_where_it_stands() {
        let told = |name: &str, text: &str| match read(&Schema::shipped(), &Behaviors::default(), name, text.as_bytes()) {
            Ok(entities) => format!("{} entities", entities.len()),
            Err(error) => error.to_string(),
        };
        let within = |schedule: &str| format!(r#"[{{"id":"a","schedule":{schedule}}}]"#);
        assert_eq!(
            told("teams.json", &within(r#"{"id":"s","shifts":[{"id":"1"},{"id":"2"}],"timesOff@odata.count":0,"timesOff":[]}"#)),
            "4 entities"
        );
        assert_eq!(told("teams.json", &within("null")), "1 entities");
        assert_eq!(
            told("any.json", r#"{"teams":[{"id":"a"}],"@odata.context":"x","workforceIntegrations":{"value":[{"id":"a"}]}}"#),
            "2 entities"
        );
        insta::assert_snapshot!(told("teams.json", &within(r#"{"id":"s","shifts":[{"id":"1","sharedShift":{"activities":[{"isPaid":1},{},null]}},{"id":"1"}]}"#)), @r"
        teams.json: $[0].schedule.shifts[0].sharedShift.activities[0].isPaid: found the number 1, expected true or false
        ");
        insta::assert_snapshot!(told("teams.json", &within(r#"{"id":"s","shifts":[{"id":"1"},{"id":"1"}]}"#)), @r#"teams.json: $[0].schedule.shifts[1].id: found "1", which teams.json: $[0].schedule.shifts[0] has too, expected a key of its own"#);
        insta::assert_snapshot!(told("teams.json", &within(r#"{"shifts":{}}"#)), @"teams.json: $[0].schedule.id: found no value, expected a string that is not empty");
        insta::assert_snapshot!(told("teams.json", &within(r#"{"id":"s","shifts":{}}"#)), @"teams.json: $[0].schedule.shifts: found an object, expected an array of entities");
        insta::assert_snapshot!(told("teams.json", &within(r#"{"id":"s"},"schedule":{"id":"t"}"#)), @"teams.json: $[0].schedule: found a member that stands twice, expected it once");
        insta::assert_snapshot!(told("teams.json", &within(r#"{"id":"s","shifts":[],"shifts":[{"id":"1"}]}"#)), @"teams.json: $[0].schedule.shifts: found a member that stands twice, expected it once");
        insta::assert_snapshot!(told("teams.json", &within("7")), @"teams.json: $[0].schedule: found the number 7, expected an object");
        insta::assert_snapshot!(told("shifts.json", "[]"), @"shifts.json: the file's name names teams/{id}/schedule/shifts, which stand in what contains them: expected a file named after that");
        insta::assert_snapshot!(told("any.json", r#"{"teams":[],"users":[]}"#), @r#"any.json: $: found the member "users", expected collections: workforceIntegrations, teams"#);
        insta::assert_snapshot!(told("any.json", r#"{"teams":[{}],"workforceIntegrations":7}"#), @"any.json: $.workforceIntegrations: $: found the number 7, expected an array of entities or an object with \"value\"");
        insta::assert_snapshot!(told("any.json", r#"{"teams":[],"Teams":[]}"#), @"any.json: $.Teams: found a member that stands twice, expected it once");
        insta::assert_snapshot!(told("any.json", r#"{"teams":[{}]}"#), @"any.json: $.teams[0].id: found no value, expected a string that is not empty");
    }

    #[test]
    fn the_context_of_an_answer_says_which_collection_it_holds() {
        let (schema, behaviors) = (Schema::shipped(), Behaviors::default());
        let told = |name: &str, fragment: &str| {
            let context = format!("https://graph.microsoft.com/v1.0/$metadata{fragment}");
            let text = format!(r#"{{"@odata.context":"{context}","value":[{{"id":"a"}}]}}"#);
            let sets = sets_of(&schema, name, text.as_bytes());
            let read = read(&schema, &behaviors, name, text.as_bytes());
            match (sets, read) {
                (Ok(sets), Ok(entities)) => {
                    assert!(entities.iter().all(|(place, _)| sets == [place.set]), "{name} {fragment}");
                    schema.set(sets[0]).name.to_string()
                }
                (Err(error), Err(same)) => {
                    assert_eq!(error, same);
                    error.to_string()
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(told("state.json", "#teams"), "teams");
        assert_eq!(told("teams.json", "#teams(id,displayName)"), "teams");
        assert_eq!(told("state.json", "#teamwork/workforceIntegrations"), "workforceIntegrations");
        assert_eq!(told("state.json", ""), "workforceIntegrations");
        assert_eq!(told("teams.json", ""), "teams");
        assert_eq!(told("teams.json", "#users('x')/joinedTeams"), "teams", "the name says it where the context cannot");
        insta::assert_snapshot!(told("state.json", "#users"), @r#"state.json: $["@odata.context"]: found "users", expected one of workforceIntegrations, teams (a file's name or ?collection= can say which)"#);
        insta::assert_snapshot!(told("state.json", "#teams('1')/schedule/shifts"), @r#"state.json: $["@odata.context"]: found teams/{id}/schedule/shifts, which stand in what contains them, expected one of workforceIntegrations, teams"#);
        insta::assert_snapshot!(told("teams.json", "#teams('1')/schedule/shifts"), @r#"teams.json: $["@odata.context"]: found teams/{id}/schedule/shifts, expected teams, as its name says"#);
        insta::assert_snapshot!(told("workforceIntegrations.json", "#teams"), @r#"workforceIntegrations.json: $["@odata.context"]: found teams, expected teamwork/workforceIntegrations, as its name says"#);
        let within = r#"{"teams":{"@odata.context":"x#teamwork/workforceIntegrations","value":[]}}"#;
        insta::assert_snapshot!(problems(within), @r#"broken.json: $.teams: $["@odata.context"]: found teamwork/workforceIntegrations, expected teams, as its name says"#);
    }

    #[test]
    fn contradictions_and_duplicates_are_told() {
        insta::assert_snapshot!(problems(r#"[{"id":"a","supports":"shift","supportedEntities":"none"}]"#), @"broken.json: $[0].supports: found another value than that of supportedEntities, expected the same: they are two names of one value");
        insta::assert_snapshot!(problems(r#"{"value":[],"value":[{"bogus":1}]}"#), @"broken.json: $.value: found a member that stands twice, expected it once");
        assert_eq!(problems(r#"[{"id":"a","supports":"Shift","supportedEntities":"shift"}]"#), "1 entities");
    }

    #[test]
    fn derived_types_of_recorded_answers_are_taken_where_the_declared_type_is_open() {
        let of_type = |name: &str| {
            format!(r##"[{{"id":"a","lastModifiedBy":{{"user":{{"@odata.type":"#microsoft.graph.{name}","id":"x"}}}}}}]"##)
        };
        assert_eq!(problems(&of_type("teamworkUserIdentity")), "1 entities");
        assert!(problems(&of_type("workforceIntegration")).contains("expected #microsoft.graph.identity"));
    }

    #[test]
    fn a_file_full_of_problems_tells_the_first_ones() {
        let text = format!("[{}]", vec!["{}"; 1000].join(","));
        assert_eq!(problems(&text).lines().count(), PROBLEM_LIMIT + 1);
    }
}
