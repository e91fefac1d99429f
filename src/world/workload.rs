//! Hook of workloads: the behavior of one workload of Graph beyond its schema.
//!
//! [`rules`](Workload::rules) gives the capabilities and the wording of types, and the checks and server-set values of properties.
//! [`before_commit`](Workload::before_commit) is called before a change of one of its entities is stored; it may refuse the change, or
//! consult an external service first.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::time::SystemTime;

use http::HeaderMap;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::patch::{NewValue, Patch, Related, RelatedEntities};
use crate::edm::schema::{Model, Operation, PropertyType, Slot, StructuredType, Tolerance, TypeId, WorkloadRules};
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::odata::read::Argument;
use crate::policy::behavior::Behaviors;
use crate::policy::refusal::Refusal;
use crate::text::json::quoted;
use crate::world::World;
use crate::world::outbound::{CallFailure, CallOutcome, CallRecord, OutboundCall};
use crate::world::outbox::Notification;
use crate::world::store::{InsertError, LookUpUnpaid, RECORD_BYTES, StoreChange, StoreFull, StoredEntity};

/// Workload of Graph.
pub trait Workload: fmt::Debug + Sync {
    /// Returns the rules of the workload's types and properties.
    fn rules(&self) -> &'static WorkloadRules;

    /// Returns the values that follow from others in a new entity, in the order in which they are found.
    fn derived(&self) -> &'static [Derived] {
        &[]
    }

    /// Returns the values that follow from others in a new entity, also where the request has the property.
    fn imposed(&self) -> &'static [Derived] {
        &[]
    }

    /// Returns the forms of values in answers that requests can prefer.
    fn preferred_forms(&self) -> &'static [PreferredForm] {
        &[]
    }

    /// Returns the files that functions lead to.
    fn downloads(&self) -> &'static [Download] {
        &[]
    }

    /// Returns the forms of bodies other than JSON.
    fn body_forms(&self) -> &'static [BodyForm] {
        &[]
    }

    /// Returns functions for what happens at a time, or more than once: the name of a type in Graph's own namespace, and the functions.
    fn instances(&self) -> &'static [(&'static str, &'static InstanceRules)] {
        &[]
    }

    /// Completes a creation: creates what comes with the new entity. Returns the answer, if it is not the entity.
    ///
    /// # Errors
    ///
    /// Returns the refusal; then the entity is removed again.
    fn after_create(&self, _creation: &Creation<'_>) -> Result<Option<Started>, Error> {
        Ok(None)
    }

    /// Returns functions for the keys that follow from a request: the name of a type in Graph's own namespace, and the function. Without a
    /// result, the service assigns the key.
    fn keys(&self) -> &'static [(&'static str, KeyRule)] {
        &[]
    }

    /// Returns functions that check the values of new and replaced entities, and complete them: the name of a type in Graph's own namespace,
    /// and the function. They are called more than once for a write, the last time while the entity cannot change.
    fn value_rules(&self) -> &'static [(&'static str, ValueRule)] {
        &[]
    }

    /// Checks whether the caller may do something with the entities of a guarded type, before it is done.
    ///
    /// # Errors
    ///
    /// Returns the refusal.
    fn check_access(&self, _access: &Access<'_>) -> Result<(), Error> {
        Ok(())
    }

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

    /// Returns the operations that the workload implements.
    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[]
    }

    /// Returns the name of the set whose entities watch others. While it is empty, no workload is asked for notifications.
    fn watching_set(&self) -> Option<&'static str> {
        None
    }

    /// Does what the time has come for, such as the end of subscriptions, and returns the notifications of it. Sets the time of the next
    /// event in the outbox.
    fn attend(&self, _world: &World, _now: SystemTime) -> Vec<Notification> {
        Vec::new()
    }

    /// Returns the notifications of what a request has changed.
    fn notifications(&self, _commit: &Commit<'_>) -> Vec<Notification> {
        Vec::new()
    }
}

/// Access to a collection or to one of its entities.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// World of the entities.
    pub world: &'a World,
    /// Schema of the requested version.
    pub model: &'a Model,
    /// Type of the entities.
    pub structured: &'a StructuredType,
    /// Request headers.
    pub headers: &'a HeaderMap,
    /// Entities that contain the collection, outermost first.
    pub ancestors: &'a [Ancestor],
    /// Collection.
    pub collection: &'a CollectionAddress,
    /// Key of the entity; `None` for the collection.
    pub key: Option<&'a str>,
    /// Kind of access.
    pub kind: AccessKind<'a>,
}

/// Kind of an [`Access`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind<'a> {
    /// Read of a collection, of an entity, or of a part of one.
    Read,
    /// Creation of an entity.
    Create,
    /// Update or replacement.
    Change,
    /// Deletion.
    Delete,
    /// Call of an action or a function of this name.
    Call(&'a str),
}

/// Changes that a request has made.
#[derive(Debug)]
pub struct Commit<'c> {
    /// World of the entities.
    pub world: &'c World,
    /// Time of the request.
    pub now: SystemTime,
    /// Changes, in their order.
    pub changes: &'c [StoreChange],
    /// Id of the request.
    pub cause: &'c str,
    /// Purse that pays for what follows from the changes.
    pub(crate) purse: &'c Purse,
}

/// Entity that a request has created.
pub struct Creation<'c> {
    /// World of the entity.
    pub world: &'c World,
    /// Schema of the requested version.
    pub model: &'c Model,
    /// Type of the entity.
    pub structured: &'c StructuredType,
    /// Address of the entity.
    pub address: &'c EntityAddress,
    /// Entity.
    pub entity: &'c Arc<StoredEntity>,
    /// Request headers.
    pub headers: &'c HeaderMap,
    /// Time of the request.
    pub now: SystemTime,
    /// Creates an entity in a collection, with a key or an assigned one, and what it contains.
    pub(crate) create: &'c CreateWithKey<'c>,
}

/// Creates an entity in a collection, with a key or an assigned one.
pub(crate) type CreateWithKey<'c> = dyn Fn(&CollectionAddress, Option<Arc<str>>, &Patch) -> Result<EntityAddress, Error> + 'c;

/// Behavior, and the value of a preference that it decides on.
pub(crate) type DefaultForm = (&'static str, fn(&Behaviors) -> Option<&'static str>);

/// Answer to a creation that takes a while in the service: 202 without a body.
#[derive(Debug)]
pub struct Started {
    /// Address that shows the progress.
    pub location: String,
    /// Address of the entity.
    pub content_location: String,
}

/// Form of values in answers that a request can prefer.
#[derive(Debug)]
pub struct PreferredForm {
    /// Name of the type, or of a base type, in Graph's own namespace.
    pub type_name: &'static str,
    /// Name of the preference.
    pub preference: &'static str,
    /// Root set of the entities that have a form without the preference, too.
    pub default_in: &'static str,
    /// Behavior that decides about answers without the preference, and the value that counts then.
    pub(crate) default: Option<DefaultForm>,
    /// Whether a value names a form. Other values are ignored.
    pub is_known: fn(&str) -> bool,
    /// Refusal of other values, if they are not ignored: `{0}` is the value.
    pub unknown: Option<&'static Refusal>,
    /// Names of the properties that have the form.
    pub properties: &'static [&'static str],
    /// Whether conditions and orders compare the values in the form that counts without the preference.
    pub is_compared: bool,
    /// Returns values of the type in the form; `None` if they have it already, or if the purse does not suffice.
    pub(crate) apply: fn(&FormRequest<'_>) -> Option<Complex>,
}

/// File at an address of its own, to which a function leads.
#[derive(Debug)]
pub struct Download {
    /// Name of the function.
    pub operation: &'static str,
    /// Name of the type to which it is bound, in Graph's own namespace.
    pub bound: &'static str,
    /// Text of the file.
    pub text: &'static str,
}

/// Form of bodies other than JSON, which a workload turns into JSON.
pub struct BodyForm {
    /// Media type, in lower case.
    pub media_type: &'static str,
    /// Name of the type, in Graph's own namespace, whose entities such bodies create.
    pub creates: &'static str,
    /// Operations with such bodies: their names, and those of the types to which they are bound.
    pub operations: &'static [(&'static str, &'static str)],
    /// Behavior that decides whether such bodies are read.
    pub choice: Tolerance,
    /// Returns the JSON of the new entity, or of the arguments of an operation by its name.
    pub read: fn(&[u8], Option<&str>) -> Result<String, Error>,
}

/// Question for values in a form.
pub(crate) struct FormRequest<'f> {
    /// Schema of the requested version.
    pub model: &'f Model,
    /// Type of the values.
    pub structured: &'f StructuredType,
    /// Values.
    pub values: &'f Complex,
    /// Names of the properties that have the form.
    pub properties: &'static [&'static str],
    /// Name of the form.
    pub wanted: &'f str,
    /// Purse that pays, if the work can be refused.
    pub(crate) purse: Option<&'f Purse>,
}

/// Returns the time that has a key.
type InstanceLookUp = fn(&InstanceRequest<'_>, key: &str) -> Result<Option<Arc<StoredEntity>>, LookUpUnpaid>;

/// Functions for entities that happen at a time, or more than once.
pub struct InstanceRules {
    /// Returns what an entity is in a time range, begin and end of which are in ticks: the entity itself, or each time that it happens, with
    /// the ticks of the begin. The flag says whether the first of them suffices.
    pub(crate) within: InstanceRange,
    /// Whether an entity happens more than once, and a key can be that of one of these times.
    pub(crate) has_form: fn(&StructuredType, series: &StoredEntity, key: &str) -> bool,
    /// Returns the time that has a key, if the entity happens then and the time is not stored.
    pub(crate) at: InstanceLookUp,
    /// Returns the values of a time that is to be stored.
    pub(crate) separate: fn(&Model, &StructuredType, &Complex) -> Complex,
    /// Returns the values of an entity without the time that has a key.
    pub(crate) without: fn(&StructuredType, series: &str, &Complex, key: &str) -> Complex,
    /// Forgets the times without which an entity happens, if it happens at other times than before. Returns whether the times that are
    /// stored are to be removed.
    pub(crate) renew: fn(&World, &Model, &StructuredType, before: &Complex, after: &mut Complex) -> bool,
    /// Names of the members that delta queries show of times that are not stored.
    pub delta_members: &'static [&'static str],
}

/// Reason why a time at which an entity happens is not stored.
#[derive(Debug)]
pub(crate) enum TimeProblem {
    /// The purse does not suffice to find it.
    Unpaid,
    /// The entity does not happen then.
    Unknown,
    /// There is not enough room.
    Full(StoreFull),
}

impl From<LookUpUnpaid> for TimeProblem {
    fn from(LookUpUnpaid: LookUpUnpaid) -> TimeProblem {
        TimeProblem::Unpaid
    }
}

impl From<StoreFull> for TimeProblem {
    fn from(full: StoreFull) -> TimeProblem {
        TimeProblem::Full(full)
    }
}

/// Function that returns what an entity is in a time range.
pub(crate) type InstanceRange = fn(&InstanceRequest<'_>, (i64, i64), bool) -> Vec<(i64, Arc<StoredEntity>)>;

impl InstanceRules {
    /// Returns the functions for a type.
    pub(crate) fn of(world: &World, structured: &StructuredType) -> Option<&'static InstanceRules> {
        let name = structured.full_name.strip_prefix("microsoft.graph.").unwrap_or_default();
        let rows = world.workloads.iter().flat_map(|workload| workload.instances());
        rows.into_iter().find(|(row, _)| *row == name).map(|(_, rules)| *rules)
    }

    /// Returns the key of the entity of a collection that may happen at the time with a key.
    ///
    /// # Errors
    ///
    /// Fails if the purse does not suffice.
    pub(crate) fn series_of(
        world: &World,
        purse: &Purse,
        structured: &StructuredType,
        collection: &CollectionAddress,
        key: &str,
    ) -> Result<Option<Arc<str>>, LookUpUnpaid> {
        let Some(rules) = InstanceRules::of(world, structured) else { return Ok(None) };
        let found = world.store.at(collection).first_where(purse, |entity| (rules.has_form)(structured, entity, key))?;
        Ok(found.map(|entity| entity.key.clone()))
    }

    /// Returns the time with a key at which an entity happens, if it is not stored.
    ///
    /// # Errors
    ///
    /// Fails if the purse does not suffice.
    pub(crate) fn time_of(
        world: &World,
        model: &Model,
        purse: &Purse,
        series: &Ancestor,
        key: &str,
    ) -> Result<Option<Arc<StoredEntity>>, LookUpUnpaid> {
        let Some(entity) = &world.store.get(&series.collection, &series.key) else { return Ok(None) };
        let structured = model.actual(model.structured(series.type_id), entity.properties.own_type);
        let request = InstanceRequest { world, model, structured, collection: &series.collection, entity, purse };
        InstanceRules::of(world, structured).map_or(Ok(None), |rules| (rules.at)(&request, key))
    }

    /// Stores the time with a key at which an entity happens, unless it is stored.
    ///
    /// # Errors
    ///
    /// Fails if the entity does not happen then, or if there is not enough room or not enough in the purse.
    pub(crate) fn store_time(
        world: &World,
        model: &Model,
        purse: &Purse,
        series: &Ancestor,
        place: &CollectionAddress,
        key: &str,
    ) -> Result<(), TimeProblem> {
        if world.store.has(place, key) {
            return Ok(());
        }
        let declared = model.structured(series.type_id);
        let time = InstanceRules::time_of(world, model, purse, series, key)?;
        let (time, rules) = time.zip(InstanceRules::of(world, declared)).ok_or(TimeProblem::Unknown)?;
        let values = (rules.separate)(model, declared, &time.properties);
        let entity = Arc::new(StoredEntity::of_type(time.key.clone(), values, declared.blank_text));
        match world.store.to_change(place, entity.size() + RECORD_BYTES)?.insert(entity) {
            Ok(()) | Err(InsertError::DuplicateKey) => Ok(()),
            Err(InsertError::Full(full)) => Err(TimeProblem::Full(full)),
        }
    }
}

/// Entity that happens at a time, or more than once.
pub(crate) struct InstanceRequest<'i> {
    /// World of the entity.
    pub(crate) world: &'i World,
    /// Schema of the requested version.
    pub(crate) model: &'i Model,
    /// Type of the entity.
    pub(crate) structured: &'i StructuredType,
    /// Collection of the entity.
    pub(crate) collection: &'i CollectionAddress,
    /// Entity.
    pub(crate) entity: &'i Arc<StoredEntity>,
    /// Purse that pays for each time.
    pub(crate) purse: &'i Purse,
}

impl InstanceRequest<'_> {
    /// Returns the collection of the times that are stored.
    pub(crate) fn separated(&self) -> Option<CollectionAddress> {
        let navigation = self.structured.navigation(self.structured.rare().repeated?)?;
        Some(self.collection.within(&self.world.schema, &self.entity.key, navigation.set))
    }
}

/// Function that checks and completes the values of an entity.
pub(crate) type ValueRule = fn(&mut WrittenValues<'_>) -> Result<(), Error>;

/// Values of an entity that a request creates or replaces.
pub struct WrittenValues<'w> {
    /// World of the entity.
    pub world: &'w World,
    /// Schema of the requested version.
    pub model: &'w Model,
    /// Type of the entity.
    pub structured: &'w StructuredType,
    /// Members of the request.
    pub patch: &'w Patch,
    /// Values that are replaced.
    pub current: Option<&'w Complex>,
    /// New values.
    pub values: &'w mut Complex,
    /// Names of behaviors that decided.
    pub decided: &'w mut Vec<&'static str>,
}

impl WrittenValues<'_> {
    /// Whether the request has a value for a property.
    pub fn has(&self, property: &str) -> bool {
        let index = self.structured.property(property);
        let mut changes = self.patch.changes.iter();
        changes.any(|change| Some(change.property) == index && change.to != NewValue::Set(Value::Null))
    }
}

/// Operation that a workload implements: its name, the name of the type to which it is bound in Graph's own namespace, and the function.
pub(crate) type OperationRow = (&'static str, &'static str, OperationHandler);

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
    /// Query of the request.
    pub query: Option<&'c str>,
    /// Request headers.
    pub headers: &'c HeaderMap,
    /// Time of the request.
    pub now: SystemTime,
    /// Result of the consultation that an earlier call returned.
    pub reply: Option<&'c Reply>,
    /// Names of the behaviors that decided.
    pub decided: &'c RefCell<Vec<&'static str>>,
    /// Purse that pays for the call.
    pub(crate) purse: &'c Purse,
    /// Creates an entity in a collection, and what it contains.
    pub create: &'c dyn Fn(&CollectionAddress, &Patch) -> Result<EntityAddress, Error>,
    /// Creates an entity in a collection, with a key or an assigned one, and what it contains.
    pub(crate) create_as: &'c CreateWithKey<'c>,
    /// Returns the values that the service sets on a write, for an entity of a type that exists.
    pub server_set: &'c dyn Fn(&StructuredType) -> Vec<(Slot, Value)>,
    /// Checks the condition of the request on the entity to which it is bound, while that cannot change.
    pub(crate) check_condition: &'c ConditionCheck<'c>,
    /// Checks that no entity of a collection has one of the unique values; none is stored until the guard is dropped.
    pub(crate) check_unique: &'c UniqueCheck<'c>,
}

/// Check of the condition of a request on an entity.
pub(crate) type ConditionCheck<'c> = dyn Fn(&Entity) -> Result<(), Error> + 'c;

/// Reason why an operation has not changed an entity.
#[derive(Debug)]
pub(crate) enum OperationProblem {
    /// There is not enough room.
    Full(StoreFull),
    /// The request is refused.
    Refused(Error),
}

impl From<StoreFull> for OperationProblem {
    fn from(full: StoreFull) -> OperationProblem {
        OperationProblem::Full(full)
    }
}

impl From<OperationProblem> for Error {
    fn from(problem: OperationProblem) -> Error {
        match problem {
            OperationProblem::Full(full) => full.into(),
            OperationProblem::Refused(error) => error,
        }
    }
}

/// Check of the unique values of an entity of a type that is to be stored in a collection.
pub(crate) type UniqueCheck<'c> =
    dyn Fn(&CollectionAddress, &StructuredType, &Complex) -> Result<Option<MutexGuard<'c, ()>>, Error> + 'c;

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
    /// Entity that is stored, with the context of its type instead of that of its address.
    Typed(EntityAddress),
    /// Entity that is created, by an operation that can find one instead.
    Created(EntityAddress),
    /// Entities that are stored.
    Entities(Vec<EntityAddress>),
    /// Work that is done, at the address that shows its progress.
    Accepted(String),
    /// Files and folders that come of it meanwhile. The answer leads to an address that shows the progress.
    Started {
        /// The new file or folder.
        made: EntityAddress,
        /// The number by which there are more items in its folder.
        items: i64,
        /// The number by which there are more bytes in its folder.
        bytes: i64,
    },
    /// Work that has failed meanwhile, on an item. The answer leads to an address that shows it.
    Failed(EntityAddress),
    /// Work that is done, with the operation that shows its progress, and a value.
    AcceptedAt(EntityAddress, Option<Value>),
    /// Work on a file that is done. The answer leads to an address that shows it.
    Finished(EntityAddress),
    /// Consultation that must take place first.
    Consult(Box<dyn Consultation>),
}

/// Function that returns the key of a new entity, whose own is empty.
pub(crate) type KeyRule = fn(&NewEntity<'_>) -> Option<String>;

/// Value that follows from others in a new entity, unless the request has the property.
#[derive(Debug)]
pub struct Derived {
    /// Name of the type, or of a base type, in Graph's own namespace.
    pub type_name: &'static str,
    /// Property.
    pub property: &'static str,
    /// Returns the value; `None` leaves the property as it is.
    pub value: fn(&NewEntity<'_>) -> Option<DerivedValue>,
}

/// Form of a [`Derived`] value.
#[derive(Debug)]
pub enum DerivedValue {
    /// JSON text.
    Json(String),
    /// Value of a property of the same name and type.
    Copied(Value),
}

impl DerivedValue {
    /// Returns a text.
    pub fn text(text: &str) -> DerivedValue {
        DerivedValue::Json(quoted(text))
    }
}

/// Entity that a request creates.
#[derive(Debug)]
pub struct NewEntity<'n> {
    /// World of the entity.
    pub world: &'n World,
    /// Schema of the requested version.
    pub model: &'n Model,
    /// Type of the entity.
    pub structured: &'n StructuredType,
    /// Key.
    pub key: &'n str,
    /// Values so far.
    pub values: &'n Complex,
    /// Entities that contain it, outermost first.
    pub ancestors: &'n [Ancestor],
    /// Request headers.
    pub headers: &'n HeaderMap,
    /// Time of the request.
    pub now: SystemTime,
    /// Entities that the request links to it, or creates within it.
    pub related: &'n [Related],
}

impl NewEntity<'_> {
    /// Returns the address that the request gives a single navigation property.
    pub fn bound(&self, navigation: &str) -> Option<EntityAddress> {
        let is_named = |related: &&Related| {
            self.structured.navigations.get(related.navigation).is_some_and(|known| *known.name == *navigation)
        };
        match &self.related.iter().find(is_named)?.entities {
            RelatedEntities::Bound(addresses) => EntityAddress::parse(&self.world.schema, self.model, addresses.first()?),
            RelatedEntities::Unbound | RelatedEntities::New(_) | RelatedEntities::Named(_) => None,
        }
    }

    /// Returns a text of the entity.
    pub fn text(&self, property: &str) -> Option<Arc<str>> {
        text_of(self.structured, self.values, property)
    }

    /// Returns a complex value of the entity, with its type.
    pub fn complex(&self, property: &str) -> Option<(&StructuredType, &Complex)> {
        let property = &self.structured.properties[self.structured.property(property)?];
        match (property.kind, self.values.get(property.slot)) {
            (PropertyType::Complex(id), Value::Complex(value)) => {
                Some((self.model.actual(self.model.structured(id), value.own_type), value))
            }
            _ => None,
        }
    }

    /// Returns the items of a collection of the entity.
    pub fn items(&self, property: &str) -> &[Value] {
        match self.structured.slot(property).map(|slot| self.values.get(slot)) {
            Some(Value::Collection(items)) => items,
            _ => &[],
        }
    }

    /// Returns the innermost entity of a type that contains it, with the type.
    pub fn holder(&self, type_name: &str) -> Option<(Arc<StoredEntity>, &StructuredType)> {
        let ancestor = self.ancestors.iter().rev().find(|ancestor| self.is_named(ancestor.type_id, type_name))?;
        let structured = self.model.structured(ancestor.type_id);
        self.world.store.get(&ancestor.collection, &ancestor.key).map(|entity| (entity, structured))
    }

    /// Returns the id of the innermost entity of a type that contains it. A single entity is stored under another key.
    pub fn holder_id(&self, type_name: &str) -> Option<Arc<str>> {
        let (holder, structured) = self.holder(type_name)?;
        Some(text_of(structured, &holder.properties, "id").unwrap_or_else(|| holder.key.clone()))
    }

    /// Returns the entity of a root set with a text, compared without case, and its type. The property is indexed once.
    pub fn find(&self, set: &str, property: &str, text: &str) -> Option<(Arc<StoredEntity>, &StructuredType)> {
        let root = self.model.root(set)?;
        let structured = self.model.structured(root.target);
        let found = self.world.store.collection(root.set).with_text(structured.slot(property)?, text, &Purse::whole()).ok()?;
        found.into_iter().next().map(|(_, entity)| (entity, structured))
    }

    /// Returns the first entity of a root set, and its type.
    pub fn first(&self, set: &str) -> Option<(Arc<StoredEntity>, &StructuredType)> {
        let root = self.model.root(set)?;
        let (_, entity) = self.world.store.collection(root.set).page(None, 0, 1).into_iter().next()?;
        Some((entity, self.model.structured(root.target)))
    }

    fn is_named(&self, id: TypeId, type_name: &str) -> bool {
        self.model.type_named(type_name).is_some_and(|wanted| self.model.is_a(id, wanted))
    }
}

/// Returns a text of an instance.
pub(crate) fn text_of(structured: &StructuredType, values: &Complex, property: &str) -> Option<Arc<str>> {
    match values.get(structured.slot(property)?) {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
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
    /// Collection of the entity.
    pub collection: &'c CollectionAddress,
    /// Kind of change.
    pub kind: ChangeKind<'c>,
    /// Purse that pays for the decision about it.
    pub(crate) purse: &'c Purse,
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
        /// Entity that is replaced; `None` if the request creates it.
        current: Option<&'c Arc<StoredEntity>>,
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
    pub key: Arc<str>,
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
    fn conclude(&mut self, world: &World, outcome: CallOutcome) -> bool;

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
