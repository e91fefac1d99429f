//! POST to a collection.

use std::cell::OnceCell;
use std::sync::Arc;

use http::StatusCode;

use crate::edm::value::Complex;
use crate::graph::context::OperationContext;
use crate::graph::explain;
use crate::graph::ops::Outcome;
use crate::graph::ops::change::{before_commit, next_key, server_set_values, set_key, store_full, with_change};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::prefer::Return;
use crate::odata::read::Reading;
use crate::policy::behavior::Location;
use crate::world::store::{Collection, InsertError, StoredEntity};
use crate::world::workload::{ChangeKind, Reply};

/// Creates an entity.
pub(super) fn create(context: &OperationContext<'_>, reading: &Reading, reply: Option<&Reply>) -> Result<Outcome, Error> {
    // The service looks up the entities that contain the collection before it checks values.
    let collection = context.collection()?;
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    let (model, structured) = (context.route.model, context.structured());
    let mut properties = reading.patch.apply(model, structured, &Complex::initial(structured));
    let mut decided = reading.decided.clone();
    for (slot, value) in server_set_values(context, true, &mut decided) {
        properties.values[slot] = value;
    }
    // An approved entity keeps the id that was sent for approval.
    let (mut approved, mut reply) = (reply.and_then(|reply| reply.key.clone()), reply);
    loop {
        let new_key = approved.take().map_or_else(OnceCell::new, OnceCell::from);
        let key = || new_key.get_or_init(|| free_key(context, &collection)).clone();
        let keyed_values = || {
            let mut values = properties.clone();
            set_key(structured, &mut values, &key());
            values
        };
        let kind = ChangeKind::Create { key: &key, values: &properties, keyed_values: &keyed_values };
        if let Some(consultation) = before_commit(context, kind, reply, &mut decided)? {
            return Ok(Outcome::Consult(consultation));
        }
        let entity = Arc::new(StoredEntity::new(key(), keyed_values()));
        match collection.insert(entity.clone()) {
            Ok(()) => {
                decided.extend(["id-format", "location"]);
                return Ok(with_change(context, created_response(context, &entity, decided), None, Some(entity)));
            }
            Err(InsertError::Full(full)) => return Err(store_full(full)),
            Err(InsertError::DuplicateKey) => {}
        }
        // Another request took the key in the meantime. An approval is for its key alone.
        reply = reply.filter(|reply| reply.key.is_none());
    }
}

/// Returns an unused key. Fixtures can hold keys of the world's own sequence, such as those saved by an earlier run with the same seed.
fn free_key(context: &OperationContext<'_>, collection: &Collection) -> Arc<str> {
    loop {
        let key = next_key(context);
        if collection.get(&key).is_none() {
            return key;
        }
    }
}

fn created_response(context: &OperationContext<'_>, entity: &StoredEntity, mut decided: Vec<&'static str>) -> Success {
    let mut location = Vec::new();
    match context.world.behaviors.location {
        Location::Itself => context.write_base_url(&mut location),
        Location::Backend => location.extend_from_slice(context.structured().wording.backend_url.as_bytes()),
    }
    let key = entity.key.replace('\'', "''");
    location.extend_from_slice(format!("/{}/{}('{key}')", context.version().segment(), context.collection_path()).as_bytes());
    let success = if context.preferences.answer == Some(Return::Minimal) {
        Success { decided, ..Success::no_content() }
    } else {
        decided.extend(explain::entities(context, std::iter::once(&**entity), None));
        context.json(StatusCode::CREATED, context.entity_body(entity), decided)
    };
    Success { location: Some(location), preference_applied: context.write_preference(), ..success }
}
