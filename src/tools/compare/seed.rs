//! The entities that existed at the start of a recording, as far as its answers contain them.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use http::{Method, StatusCode};

use crate::edm::schema::{Schema, Version};
use crate::graph::route::EntityPath;
use crate::policy::behavior::Behaviors;
use crate::text::exchange::{Entry, ExchangePart, RecordedResponse};
use crate::text::json::{self, Json};
use crate::world::fixture::{self, Entities};
use crate::world::store::CollectionAddress;

/// Maximum number of entities from a recording.
const LIMIT: usize = 10_000;

/// The entities in the answers of a recording, in the order of their first occurrence.
pub(super) struct Seeds {
    schema: Arc<Schema>,
    /// The keys of entities that an earlier answer contains, or that the recording has created.
    seen: HashSet<(CollectionAddress, String)>,
    entities: Vec<(CollectionAddress, String)>,
    /// The keys of entities that must have existed: those changed, deleted, or with contained entities.
    existing: BTreeSet<(CollectionAddress, String)>,
    /// Whether an entry is of a path of Graph that the schema does not have.
    has_unknown: bool,
}

impl Seeds {
    pub(super) fn new(schema: Arc<Schema>) -> Seeds {
        Seeds { schema, seen: HashSet::new(), entities: Vec::new(), existing: BTreeSet::new(), has_unknown: false }
    }

    /// Returns the whole schema if an entry is of a path that only that may have.
    pub(super) fn whole(&self) -> Option<&Arc<Schema>> {
        self.schema.whole().filter(|_| self.has_unknown)
    }

    /// Adds the entities of one entry.
    pub(super) fn add_entry(&mut self, entry: &Entry) {
        let request = &entry.exchange.request;
        let Some(response) = &entry.exchange.response else { return };
        // A template in the target is the id of an entity that the recording has created.
        if entry.templates.iter().any(|template| template.part == ExchangePart::Target) {
            return;
        }
        let path = request.target.split('?').next().unwrap_or_default();
        let Some(EntityPath { collection: place, key, ancestors }) = EntityPath::of(&self.schema, path) else {
            self.has_unknown |= path.split('/').nth(1).is_some_and(|version| Version::from_segment(version).is_some());
            return;
        };
        if self.entities.len() >= LIMIT || !response.status.is_success() {
            return;
        }
        let is_created = request.method == Method::POST && response.status == StatusCode::CREATED;
        let is_changed = matches!(request.method, Method::PATCH | Method::PUT | Method::DELETE);
        let changed = key.clone().filter(|_| is_changed).map(|key| (place.clone(), key));
        if self.existing.len() < LIMIT {
            self.existing.extend(ancestors.into_iter().chain(changed));
        }
        for (id, text) in entities_in(response) {
            let id = if self.schema.set(place.set).is_single { key.clone().unwrap_or(id) } else { id };
            if is_created {
                self.seen.insert((place.clone(), id));
            } else {
                self.add(&place, id, text);
            }
        }
    }

    fn add(&mut self, place: &CollectionAddress, key: String, text: String) {
        if self.seen.insert((place.clone(), key)) && self.entities.len() < LIMIT {
            self.entities.push((place.clone(), text));
        }
    }

    /// Returns the entities, and the problems of those that do not match the schema.
    pub(super) fn finish(mut self, behaviors: &Behaviors) -> (Entities, Vec<String>) {
        // Only the keys of these entities are known.
        for (place, key) in std::mem::take(&mut self.existing) {
            let text = format!("{{\"id\":{}}}", json::quoted(&key));
            self.add(&place, key, text);
        }
        let (mut entities, mut problems) = (Entities::new(), Vec::new());
        for (place, text) in self.entities {
            // One at a time, so that an invalid entity affects no other.
            match fixture::read_one(&self.schema, behaviors, &place.path(&self.schema), &place, &text) {
                Ok(read) => entities.extend(read),
                Err(error) => problems.extend(error.problems),
            }
        }
        (entities, problems)
    }
}

/// Returns the entities in an answer, each with its id.
fn entities_in(response: &RecordedResponse) -> Vec<(String, String)> {
    let Ok(Json::Object(members)) = json::parse(&response.body) else { return Vec::new() };
    let list = members.iter().find_map(|(name, value)| match value {
        Json::Array(elements) if name == "value" => Some(elements),
        _ => None,
    });
    match list {
        Some(elements) => elements.iter().filter_map(entity).collect(),
        None => entity(&Json::Object(members)).into_iter().collect(),
    }
}

fn entity(json: &Json<'_>) -> Option<(String, String)> {
    let Json::Object(members) = json else { return None };
    let id = members.iter().find_map(|(name, value)| match value {
        Json::String(id) if name == "id" => Some(id.clone().into_owned()),
        _ => None,
    })?;
    let mut text = Vec::new();
    json.write(&mut text);
    Some((id, String::from_utf8_lossy(&text).into_owned()))
}
