//! Planner: plans, buckets and tasks. The built-in schema does not declare them; a schema of Microsoft's does.

mod rules;

use std::sync::Arc;

use crate::edm::schema::{StructuredType, WorkloadRules};
use crate::edm::tag;
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;
use crate::world::store::{InsertError, RECORD_BYTES, StoredEntity};
use crate::world::workload::{Creation, Started, Workload};

#[derive(Debug)]
pub(crate) struct Planner;

impl Workload for Planner {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    /// Creates the details and formats of a new plan or task. They have tags of their own, without which no client could change them, and the
    /// id of what they belong to (medium: learn.microsoft.com/graph/api/plannertask-get and plannertaskdetails-get).
    fn after_create(&self, creation: &Creation<'_>) -> Result<Option<Started>, Error> {
        let is_named = |structured: &StructuredType, names: &[&str]| {
            let name = structured.full_name.strip_prefix("microsoft.graph.");
            name.is_some_and(|name| names.contains(&name))
        };
        if !is_named(creation.structured, &["plannerPlan", "plannerTask"]) {
            return Ok(None);
        }
        let (world, key) = (creation.world, &creation.address.key);
        for navigation in &creation.structured.navigations {
            let structured = creation.model.structured(navigation.target);
            if navigation.is_collection || !navigation.contains_target || !is_named(structured, rules::PARTS) {
                continue;
            }
            let mut values = Complex::initial(structured);
            if let Some(property) = structured.key_property() {
                values.set(property.slot, Value::String(key.clone()));
            }
            tag::renew(structured, &mut values, None, || world.next_tag_id());
            let part = StoredEntity::of_type(navigation.name.as_ref().into(), values, structured.blank_text);
            let place = creation.address.collection.within(&world.schema, key, navigation.set);
            match world.store.to_change(&place, part.size() + RECORD_BYTES)?.insert(Arc::new(part)) {
                // The request has brought it.
                Ok(()) | Err(InsertError::DuplicateKey) => {}
                Err(InsertError::Full(full)) => return Err(full.into()),
            }
        }
        Ok(None)
    }
}
