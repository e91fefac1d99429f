//! The entities that were there when a recording began, as far as it shows them.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use http::{Method, StatusCode};

use crate::edm::schema::Schema;
use crate::graph::route::EntityPath;
use crate::policy::behavior::Behaviors;
use crate::text::exchange::{Entry, ExchangePart, RecordedResponse};
use crate::text::json::{self, Json};
use crate::world::fixture::{self, Entities};
use crate::world::store::CollectionAddress;

/// How many entities are taken from a recording.
const LIMIT: usize = 10_000;

/// Collects entities from the answers of a recording, in the order in which it shows them.
pub(super) struct Seeds {
    schema: Arc<Schema>,
    /// Entities that the recording has created or shown, by their keys.
    seen: HashSet<(CollectionAddress, String)>,
    entities: Vec<(CollectionAddress, String)>,
    /// Entities that were there, whether the recording shows them or not: what was changed or deleted, what contains something.
    named: BTreeSet<(CollectionAddress, String)>,
}

impl Seeds {
    pub(super) fn new(schema: Arc<Schema>) -> Seeds {
        Seeds { schema, seen: HashSet::new(), entities: Vec::new(), named: BTreeSet::new() }
    }

    /// Looks at one entry.
    pub(super) fn look(&mut self, entry: &Entry) {
        let request = &entry.exchange.request;
        let Some(response) = &entry.exchange.response else { return };
        // What a template names was created before.
        if entry.templates.iter().any(|template| template.part == ExchangePart::Target) {
            return;
        }
        let path = request.target.split('?').next().unwrap_or_default();
        let Some(EntityPath { collection: place, key, ancestors }) = EntityPath::of(&self.schema, path) else { return };
        if self.entities.len() >= LIMIT || !response.status.is_success() {
            return;
        }
        let is_created = request.method == Method::POST && response.status == StatusCode::CREATED;
        let is_changed = matches!(request.method, Method::PATCH | Method::PUT | Method::DELETE);
        let changed = key.clone().filter(|_| is_changed).map(|key| (place.clone(), key));
        if self.named.len() < LIMIT {
            self.named.extend(ancestors.into_iter().chain(changed));
        }
        for (id, text) in shown(response) {
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

    /// Returns the entities, and what is wrong with those that do not fit the schema.
    pub(super) fn finish(mut self, behaviors: &Behaviors) -> (Entities, Vec<String>) {
        // Nothing more is known of these than their keys.
        for (place, key) in std::mem::take(&mut self.named) {
            let text = format!("{{\"id\":{}}}", json::quoted(&key));
            self.add(&place, key, text);
        }
        let (mut entities, mut problems) = (Entities::new(), Vec::new());
        for (place, text) in self.entities {
            // One at a time, so that one that does not fit costs no other.
            match fixture::read_one(&self.schema, behaviors, &place.path(&self.schema), &place, &text) {
                Ok(read) => entities.extend(read),
                Err(error) => problems.extend(error.problems),
            }
        }
        (entities, problems)
    }
}

/// Returns the entities in an answer, each with its id.
fn shown(response: &RecordedResponse) -> Vec<(String, String)> {
    let Ok(Json::Object(members)) = json::parse(&response.body) else { return Vec::new() };
    let list = members.iter().find_map(|(name, value)| match value {
        Json::Array(elements) if name == "value" => Some(elements),
        _ => None,
    });
    match list {
        Some(elements) => elements.iter().filter_map(one).collect(),
        None => one(&Json::Object(members)).into_iter().collect(),
    }
}

fn one(json: &Json<'_>) -> Option<(String, String)> {
    let Json::Object(members) = json else { return None };
    let id = members.iter().find_map(|(name, value)| match value {
        Json::String(id) if name == "id" => Some(id.clone().into_owned()),
        _ => None,
    })?;
    let mut text = Vec::new();
    json.write(&mut text);
    Some((id, String::from_utf8_lossy(&text).into_owned()))
}
