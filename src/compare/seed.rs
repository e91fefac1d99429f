//! The entities that were there when a recording began, as far as it shows them.

use std::collections::HashSet;
use std::sync::Arc;

use http::{Method, StatusCode};

use crate::behavior::Behaviors;
use crate::exchange::{Entry, Part, Request, Response};
use crate::fixture::{self, Entities};
use crate::model::{Schema, Version};
use crate::odata::json::{self, Json};

/// How many entities are taken from a recording.
const LIMIT: usize = 10_000;

/// Collects entities from the answers of a recording, in the order in which it shows them.
pub(super) struct Seeds {
    schema: Arc<Schema>,
    /// Ids of entities that the recording has created or shown.
    seen: HashSet<String>,
    entities: Vec<(usize, String)>,
}

impl Seeds {
    pub(super) fn new(schema: Arc<Schema>) -> Seeds {
        Seeds { schema, seen: HashSet::new(), entities: Vec::new() }
    }

    /// Looks at one entry.
    pub(super) fn look(&mut self, entry: &Entry) {
        let request = &entry.exchange.request;
        let Some(response) = &entry.exchange.response else { return };
        // What a template names was created before.
        if entry.templates.iter().any(|template| template.part == Part::Target) {
            return;
        }
        let Some((set, key)) = self.place(request) else { return };
        if self.entities.len() >= LIMIT || !response.status.is_success() {
            return;
        }
        let is_created = request.method == Method::POST && response.status == StatusCode::CREATED;
        let shown = shown(response);
        if shown.is_empty()
            && let Some(key) = key.filter(|_| matches!(request.method, Method::PATCH | Method::DELETE))
        {
            // What was changed or deleted was there, even if nothing more is known of it.
            self.add(set, &key, format!("{{\"id\":{}}}", json::quoted(&key)));
        }
        for (id, text) in shown {
            if is_created {
                self.seen.insert(id);
            } else {
                self.add(set, &id, text);
            }
        }
    }

    fn add(&mut self, set: usize, id: &str, text: String) {
        if self.seen.insert(id.to_owned()) && self.entities.len() < LIMIT {
            self.entities.push((set, text));
        }
    }

    /// Returns the collection that a target names, by its place in the schema, and the key behind it.
    fn place(&self, request: &Request) -> Option<(usize, Option<String>)> {
        let path = request.target.split('?').next().unwrap_or_default();
        let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
        let path = path.trim_matches('/');
        let (version, path) = path.split_once('/')?;
        Version::from_segment(version)?;
        self.schema.sets().iter().enumerate().find_map(|(index, set)| {
            let rest = path.get(set.path.len()..).filter(|_| path[..set.path.len()].eq_ignore_ascii_case(&set.path))?;
            let key = rest.strip_prefix('/').or_else(|| rest.strip_prefix("('").and_then(|key| key.strip_suffix("')")));
            (rest.is_empty() || key.is_some_and(|key| !key.contains('/'))).then(|| (index, key.map(str::to_owned)))
        })
    }

    /// Returns the entities, and what is wrong with those that do not fit the schema.
    pub(super) fn finish(self, behaviors: &Behaviors) -> (Entities, Vec<String>) {
        let (mut entities, mut problems) = (Entities::new(), Vec::new());
        for (set, text) in self.entities {
            let name = format!("{}.json", self.schema.sets()[set].name);
            // One at a time, so that one that does not fit costs no other.
            match fixture::read(&self.schema, behaviors, &name, format!("[{text}]").as_bytes()) {
                Ok(read) => entities.extend(read),
                Err(error) => problems.extend(error.problems),
            }
        }
        (entities, problems)
    }
}

/// Returns the entities in an answer, each with its id.
fn shown(response: &Response) -> Vec<(String, String)> {
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
