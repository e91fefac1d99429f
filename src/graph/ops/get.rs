//! GET of an entity.

use std::sync::Arc;

use http::StatusCode;

use crate::edm::address::EntityAddress;
use crate::edm::schema::Advance;
use crate::edm::value::{Entity, Value};
use crate::graph::context::OperationContext;
use crate::graph::expand::{self, PurseEmpty};
use crate::graph::explain;
use crate::graph::implied;
use crate::graph::ops::condition;
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::query::{Query, QueryTarget};
use crate::world::store::{StoreFull, StoredEntity};

/// Returns an entity, or its selected members.
pub(super) fn get(context: &OperationContext<'_>, key: &str) -> Result<Box<Success>, Error> {
    let query = context.query(context.structured(), QueryTarget::Entity)?;
    if let Some(query) = query.as_ref().filter(|query| !query.expand.is_empty()) {
        return expanded(context, key, query).map(Box::new);
    }
    let known = condition::of_read(context);
    let select = query.as_ref().and_then(|query| query.select.as_ref());
    let answer = |entity: &StoredEntity| {
        if !context.is_shown(entity) {
            return None;
        }
        if let Some(unmodified) = known.as_ref().and_then(|known| condition::not_modified(context, known, entity)) {
            return Some(Box::new(unmodified));
        }
        let selection = select.map(|select| &select.selection);
        let mut decided = explain::entities(context, std::iter::once(&**entity), selection);
        decided.extend(query.iter().filter_map(Query::doubted));
        let body = match select {
            None => context.entity_body(entity, None),
            Some(select) => context.selected_body(entity, select),
        };
        let etag = context.tag_header(entity, select.is_some());
        Some(Box::new(Success { etag, ..context.json(StatusCode::OK, body, decided) }))
    };
    let found = context.collection()?.with_entity(key, answer).flatten();
    let found = match found {
        None => context.implied_entity(key)?.and_then(|entity| answer(&entity)),
        found => found,
    };
    let found = found.or_else(|| {
        let mut success = answer(&*implied::entity(context, key)?)?;
        success.decided.extend(implied::choice(context));
        Some(success)
    });
    let mut success = found.ok_or_else(|| context.not_found(key))?;
    if context.structured().rare().advanced.is_some() {
        advance(context, key);
    }
    success.preference_applied = context.enum_preference();
    Ok(success)
}

/// Changes a value that becomes another by a read.
fn advance(context: &OperationContext<'_>, key: &str) {
    let structured = context.structured();
    let Some(Advance { property, from, to }) = structured.rare().advanced else { return };
    let Some(property) = structured.property(property).map(|index| &structured.properties[index]) else { return };
    let member = |name: &str| context.model.member(property.kind, name);
    let (Some(from), Some(to), slot) = (member(from), member(to), property.slot) else { return };
    let collection = context.world.store.at(&context.route.collection);
    let is_due = |entity: &StoredEntity| *entity.properties.get(slot) == Value::Enum(from);
    if collection.with_entity(key, |entity| is_due(entity)) != Some(true) {
        return;
    }
    // Without room, the value stays as it is for the next read.
    let Ok(collection) = context.world.store.to_change(&context.route.collection, 0) else { return };
    let _ = collection.update(key, |entity| {
        let mut values = entity.properties.clone();
        values.set(slot, Value::Enum(to));
        Ok::<_, StoreFull>(Entity::of_type(Arc::clone(&entity.key), values, structured.blank_text))
    });
}

/// Returns an entity with entities that it leads to.
fn expanded(context: &OperationContext<'_>, key: &str, query: &Query<'_>) -> Result<Success, Error> {
    let (entity, choice) = match context.entity(key) {
        Ok(entity) => (entity, None),
        Err(error) => (implied::entity(context, key).ok_or(error)?, implied::choice(context)),
    };
    let address = EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() };
    let selection = query.select.as_ref().map(|select| &select.selection);
    let mut decided = explain::entities(context, std::iter::once(&**entity), selection);
    decided.extend(query.doubted());
    decided.extend(choice);
    let body = expand::body(context, &address, &entity, query).map_err(|PurseEmpty| context.too_expensive())?;
    let success = context.json(StatusCode::OK, body, decided);
    // No `If-None-Match` spares the answer: the tag of an entity says nothing about others.
    let etag = context.tag_header(&entity, query.select.is_some());
    Ok(Success { etag, preference_applied: context.enum_preference(), ..success })
}
