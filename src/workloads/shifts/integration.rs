//! Stored integrations.

use std::sync::Arc;

use crate::edm::schema::{Model, StructuredType, Version};
use crate::edm::value::Value;
use crate::workloads::shifts::calls::CallKind;
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::rules::COLLECTION;
use crate::world::World;
use crate::world::store::StoredEntity;

pub(super) struct Integration<'w> {
    model: &'w Model,
    structured: &'w StructuredType,
    entity: Arc<StoredEntity>,
}

/// Finds the stored integration with this id.
pub(super) fn find<'w>(world: &'w World, id: &str) -> Option<Integration<'w>> {
    let address =
        Version::ALL.into_iter().find_map(|version| world.schema.address(&format!("/{}/{COLLECTION}", version.segment())))?;
    let model = world.schema.model(address.version);
    let entity = world.store.collection(address.set).get(id)?;
    Some(Integration { model, structured: model.structured(address.type_id), entity })
}

/// Returns the connector's endpoint of the stored integration with this id.
pub(crate) fn endpoint(world: &World, id: &str) -> Option<ConnectorEndpoint> {
    find(world, id).map(|integration| integration.endpoint())
}

impl Integration<'_> {
    pub(super) fn id(&self) -> &Arc<str> {
        &self.entity.key
    }

    pub(super) fn is_active(&self) -> bool {
        *self.value("isActive") != Value::Boolean(false)
    }

    /// Whether its connector approves changes of a kind of entity.
    pub(super) fn supports(&self, kind: &CallKind) -> bool {
        self.has_flag("supportedEntities", kind.supported)
    }

    /// Whether its connector knows which entities of a kind may be chosen.
    pub(super) fn filters(&self, entities: &str) -> bool {
        self.has_flag("eligibilityFilteringEnabledEntities", entities)
    }

    fn has_flag(&self, name: &str, member: &str) -> bool {
        let property = self.structured.property(name).map(|index| &self.structured.properties[index]);
        let member = property.and_then(|property| self.model.member(property.kind, member));
        matches!((self.value(name), member), (Value::Enum(number), Some(member)) if number & member != 0)
    }

    pub(super) fn endpoint(&self) -> ConnectorEndpoint {
        ConnectorEndpoint::of(self.model, self.structured, &self.entity.properties)
    }

    fn value(&self, property: &str) -> &Value {
        self.structured.slot(property).map_or(&Value::Null, |slot| self.entity.properties.get(slot))
    }
}
