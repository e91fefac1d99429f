//! Hook of workloads: the behavior of one workload of Graph beyond its schema.
//!
//! [`rules`](Workload::rules) gives the capabilities and the wording of types, and the checks and server-set values of properties.
//! [`before_commit`](Workload::before_commit) is called before a change of one of its entities is stored; it may refuse the change, or
//! consult an external service first.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::patch::Patch;
use crate::edm::schema::{Model, Operation, StructuredType, TypeId, WorkloadRules};
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::odata::read::Argument;
use crate::odata::write::Holder;
use crate::world::World;
use crate::world::outbound::{CallFailure, CallOutcome, CallRecord, OutboundCall};
use crate::world::store::StoredEntity;

/// Workload of Graph.
pub trait Workload: fmt::Debug + Sync {
    /// Returns the rules of the workload's types and properties.
    fn rules(&self) -> &'static WorkloadRules;

    /// Decides about a change before it is stored. Returns `None` to accept it, or the consultation that must take place first.
    ///
    /// `reply` is the result of the consultation that an earlier call returned. The names of the behaviors that decided are appended to
    /// `decided`. The state may change during a consultation, so the change is read, checked and merged again before the second call.
    ///
    /// # Errors
    ///
    /// Returns the refusal of the change.
    fn before_commit(
        &self,
        _change: &Change<'_>,
        _reply: Option<&Reply>,
        _decided: &mut Vec<&'static str>,
    ) -> Result<Option<Box<dyn Consultation>>, Error> {
        Ok(None)
    }

    /// Returns the function that answers calls of an operation: its name, and that of the type to which it is bound.
    fn operation(&self, _name: &str, _bound: &str) -> Option<OperationHandler> {
        None
    }
}

/// Function that answers calls of an operation.
pub(crate) type OperationHandler = fn(&OperationRequest<'_>) -> Result<OperationReply, Error>;

/// Call of an operation.
pub struct OperationRequest<'c> {
    /// World of the call.
    pub world: &'c World,
    /// Schema of the requested version.
    pub model: &'c Model,
    /// Operation.
    pub operation: &'c Operation,
    /// Collection to which it is bound, or which has the entity to which it is bound.
    pub collection: &'c CollectionAddress,
    /// Entity to which it is bound.
    pub entity: Option<&'c Arc<StoredEntity>>,
    /// Arguments, in the order of the parameters.
    pub(crate) arguments: &'c [Argument],
    /// Request headers.
    pub headers: &'c HeaderMap,
    /// Time of the request.
    pub now: SystemTime,
    /// Purse that pays for the call.
    pub(crate) purse: &'c Purse,
    /// Creates an entity in a collection, and what it contains.
    pub create: &'c dyn Fn(&CollectionAddress, &Patch) -> Result<EntityAddress, Error>,
}

impl OperationRequest<'_> {
    /// Returns the argument of a parameter.
    pub(crate) fn argument(&self, name: &str) -> &Argument {
        let index = self.operation.parameter(name);
        index.and_then(|index| self.arguments.get(index)).unwrap_or(&Argument::Absent)
    }

    /// Returns the address of the entity to which the operation is bound.
    pub(crate) fn address(&self) -> Option<EntityAddress> {
        let entity = self.entity?;
        Some(EntityAddress { collection: self.collection.clone(), key: entity.key.clone() })
    }
}

/// Result of an operation.
#[derive(Debug)]
pub enum OperationReply {
    /// Nothing.
    Nothing,
    /// Value.
    Value(Value),
    /// Value that is shown with its secrets, this once.
    Secret(Value),
    /// Entity that is stored.
    Entity(EntityAddress),
    /// Entities that are stored.
    Entities(Vec<EntityAddress>),
}

/// Change before it is stored.
pub struct Change<'c> {
    /// World of the entity.
    pub world: &'c World,
    /// Schema of the requested version.
    pub model: &'c Model,
    /// Type of the entity.
    pub structured: &'c StructuredType,
    /// Request headers.
    pub headers: &'c HeaderMap,
    /// Time of the request.
    pub now: SystemTime,
    /// Entities that contain it, outermost first.
    pub ancestors: &'c [Ancestor],
    /// Position of the entity, for its links.
    pub holder: Holder<'c>,
    /// Kind of change.
    pub kind: ChangeKind<'c>,
}

/// Kind of a [`Change`]. Costly values are closures, called only if needed.
pub enum ChangeKind<'c> {
    /// New entity.
    Create {
        /// Returns the key. The first call generates it.
        key: &'c dyn Fn() -> Arc<str>,
        /// Values without the key.
        values: &'c Complex,
        /// Returns the values with the key.
        keyed_values: &'c dyn Fn() -> Complex,
    },
    /// Update of an entity.
    Update {
        /// Changes to merge.
        patch: &'c Patch,
        /// Returns the stored entity.
        current: &'c dyn Fn() -> Result<Arc<StoredEntity>, Error>,
    },
    /// Replacement of an entity.
    Replace {
        /// Key of the entity.
        key: &'c Arc<str>,
        /// New values.
        values: &'c Complex,
    },
    /// Deletion of an entity.
    Delete {
        /// Key of the entity.
        key: &'c Arc<str>,
    },
}

/// Entity in a path that contains the rest of the path.
#[derive(Clone, Debug)]
pub struct Ancestor {
    /// Collection of the entity.
    pub collection: CollectionAddress,
    /// Type of the entity.
    pub type_id: TypeId,
    /// Key of the entity.
    pub key: String,
}

/// Dialog with an external service, on which a change depends.
pub trait Consultation: fmt::Debug + Send {
    /// Returns the next call.
    ///
    /// # Errors
    ///
    /// Returns the reason if no call can be made; it must be passed to [`conclude`](Consultation::conclude) as the outcome.
    fn call(&self, world: &World) -> Result<OutboundCall, CallFailure>;

    /// Returns an estimate of the bytes that it holds beside the call: texts of the change, and earlier calls.
    fn held_bytes(&self) -> usize;

    /// Records the outcome of the call. Returns true if the call must be repeated.
    fn conclude(&mut self, outcome: CallOutcome) -> bool;

    /// Returns the result for the next decision about the change.
    fn reply(self: Box<Self>) -> Reply;
}

/// Result of a [`Consultation`].
#[derive(Debug)]
pub struct Reply {
    /// Calls, for the journal.
    pub calls: Vec<CallRecord>,
    /// Key of the new entity that was sent to the service.
    pub key: Option<Arc<str>>,
    /// Workload-specific result.
    pub result: Box<dyn Any + Send>,
}
