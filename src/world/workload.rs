//! The hook of workloads: what one workload of Graph does beyond its schema.
//!
//! A workload is asked at three points. Its [`rules`](Workload::rules) give the capabilities and the wording of types, and the checks and
//! server-set values of properties. [`before_commit`](Workload::before_commit) is called before a change of one of its entities is
//! stored; it may refuse the change, or first consult a service outside.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;

use crate::edm::address::CollectionAddress;
use crate::edm::patch::Patch;
use crate::edm::schema::{Model, StructuredType, TypeId, WorkloadRules};
use crate::edm::value::Complex;
use crate::odata::error::Error;
use crate::odata::write::Holder;
use crate::world::World;
use crate::world::outbound::{CallFailure, CallOutcome, CallRecord, OutboundCall};
use crate::world::store::StoredEntity;

/// A workload of Graph.
pub trait Workload: fmt::Debug + Sync {
    /// Returns the rules of its types and properties.
    fn rules(&self) -> &'static WorkloadRules;

    /// Decides about a change before it is stored: nothing, if it may be stored, else whom to consult first. `reply` is the result of the
    /// consultation that an earlier call has asked for. `decided` collects the behaviors that decided.
    ///
    /// The state may change while a service is consulted, so the change is read, checked and merged again before the second call.
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
}

/// A change that is about to be stored.
pub struct Change<'c> {
    /// The world.
    pub world: &'c World,
    /// The tables of the version.
    pub model: &'c Model,
    /// The type of the entity.
    pub structured: &'c StructuredType,
    /// The headers of the request.
    pub headers: &'c HeaderMap,
    /// The time of the request.
    pub now: SystemTime,
    /// The entities that contain it, the outermost first.
    pub ancestors: &'c [Ancestor],
    /// The address that its links show.
    pub holder: Holder<'c>,
    /// The kind of change.
    pub kind: ChangeKind<'c>,
}

/// The kind of a [`Change`]. Values that cost something are made when the workload asks for them.
pub enum ChangeKind<'c> {
    /// A new entity.
    Create {
        /// Returns the key, which is drawn at the first call.
        key: &'c dyn Fn() -> Arc<str>,
        /// The values, without the key.
        values: &'c Complex,
        /// Returns the values, with the key.
        keyed_values: &'c dyn Fn() -> Complex,
    },
    /// A changed entity.
    Update {
        /// The changes.
        patch: &'c Patch,
        /// Returns the stored entity.
        current: &'c dyn Fn() -> Result<Arc<StoredEntity>, Error>,
    },
    /// A replaced entity.
    Replace {
        /// The key.
        key: &'c Arc<str>,
        /// The values.
        values: &'c Complex,
    },
    /// A deleted entity.
    Delete {
        /// The key.
        key: &'c Arc<str>,
    },
}

/// An entity on the way of a path, which contains the rest.
#[derive(Debug)]
pub struct Ancestor {
    /// The collection of the entity.
    pub collection: CollectionAddress,
    /// The type of the entity.
    pub type_id: TypeId,
    /// The key of the entity.
    pub key: String,
}

/// A conversation with a service outside, on which a change depends.
pub trait Consultation: fmt::Debug + Send {
    /// Returns the next call, or why it cannot be made.
    ///
    /// # Errors
    ///
    /// Returns the reason, which [`conclude`](Consultation::conclude) takes as the outcome.
    fn call(&self, world: &World) -> Result<OutboundCall, CallFailure>;

    /// Takes the outcome of the call. Returns true if the call is to be repeated.
    fn conclude(&mut self, outcome: CallOutcome) -> bool;

    /// Returns the result, for the workload's next decision about the change.
    fn reply(self: Box<Self>) -> Reply;
}

/// The result of a [`Consultation`].
#[derive(Debug)]
pub struct Reply {
    /// The calls, for the journal.
    pub calls: Vec<CallRecord>,
    /// The key that the service was given for a new entity.
    pub key: Option<Arc<str>>,
    /// The workload's own view of the result.
    pub opinion: Box<dyn Any + Send>,
}
