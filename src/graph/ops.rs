//! Operations: one file each.

mod change;
mod condition;
mod create;
mod delete;
mod delta;
pub(super) mod describe;
mod files;
mod folders;
mod get;
mod instances;
mod items;
mod list;
mod media;
pub(super) mod operation;
mod property;
mod reference;
mod relocate;
mod replace;
mod required;
mod result;
mod unique;
mod update;
mod upload;

use http::Method;

pub(super) use self::media::{check_spared, content};
pub(super) use self::upload::attachment_body;
use crate::edm::patch::{NewValue, PropertyChange};
use crate::edm::schema::{Capabilities, Capability, Restrictions, UpdateMethod};
use crate::edm::value::Value;
use crate::graph::context::OperationContext;
use crate::graph::implied;
use crate::graph::method::wrong_method;
use crate::graph::route::{PropertyTail, Route, Tail};
use crate::graph::success::Success;
use crate::graph::{forms, guard};
use crate::odata::error::Error;
use crate::odata::read::Origin;
use crate::policy::behavior::WrongMethod;
use crate::policy::permissions::OperationKind;
use crate::policy::refusal;
use crate::world::World;
use crate::world::workload::{AccessKind, Consultation, Reply};

/// The outcome of an operation.
pub(super) enum Outcome {
    /// The response. Boxed: it is large and moved often.
    Success(Box<Success>),
    /// The response to an operation that is not implemented: a stub comes before it.
    Declared(Box<Success>),
    /// The consultation of an external service, which must come first.
    Consult(Box<dyn Consultation>),
}

impl From<Success> for Outcome {
    fn from(success: Success) -> Outcome {
        Outcome::Success(Box::new(success))
    }
}

impl Outcome {
    /// Returns the outcome with behaviors that decided beside others.
    #[must_use]
    pub(super) fn with_decided(mut self, decided: &[&'static str]) -> Outcome {
        if let Outcome::Success(success) | Outcome::Declared(success) = &mut self {
            success.decided.extend(decided);
        }
        self
    }
}

/// An operation on the resource that a path addresses.
pub(super) enum Operation<'r> {
    List,
    Count,
    Create,
    /// Creates an entity with an alternate key.
    CreateBy(usize, &'r str),
    Get(&'r str),
    Property(&'r str, &'r PropertyTail),
    Update(&'r str),
    UpdateProperty(&'r str, &'r PropertyTail),
    Replace(&'r str),
    /// Content of an entity.
    Media(&'r str),
    /// Stores content of an entity.
    PutMedia(&'r str),
    /// Removes content of an entity.
    DeleteMedia(&'r str),
    Delete(&'r str),
    /// The links of a navigation property, or one of them.
    References(Option<&'r str>),
    /// Adds or sets a link.
    AddReference,
    /// Removes a link.
    RemoveReference(Option<&'r str>),
    /// Calls an action or a function.
    Call {
        is_change: bool,
    },
}

impl Operation<'_> {
    /// Returns the operation of a method.
    ///
    /// # Errors
    ///
    /// Fails if the resource does not have the method.
    pub(super) fn of<'r>(world: &World, route: &'r Route<'_>, method: &Method) -> Result<Operation<'r>, Error> {
        let restrictions = route.restrictions(world);
        let capabilities = within(route.structured().capabilities, restrictions);
        let is_kept = world.schema.set(route.collection.set).is_root_single() || implied::is_kept(world, route);
        if let Some(key) = route.key.as_deref().filter(|_| media::is_media(route)) {
            return match method.as_str() {
                "GET" => Ok(Operation::Media(key)),
                "PUT" | "PATCH" => Ok(Operation::PutMedia(key)),
                "DELETE" => Ok(Operation::DeleteMedia(key)),
                _ => Err(wrong_method(world, method, &media::METHODS)),
            };
        }
        if let Some((property, key)) = route.upsert.as_ref().filter(|_| route.key.is_none() && capabilities.creates) {
            return Ok(Operation::CreateBy(*property, key));
        }
        let read = if route.key.is_some() && !world.schema.set(route.collection.set).is_single {
            Capability::ReadByKey
        } else {
            Capability::Read
        };
        let is_readable = !restrictions.forbids(read) || matches!(route.tail, Tail::References | Tail::Operation);
        match (&route.tail, route.key.as_deref(), method.as_str()) {
            (_, key, "GET") if !is_readable => {
                let expected = capabilities.methods(key.is_some());
                let others: Vec<Method> = expected.into_iter().filter(|method| method != Method::GET).collect();
                Err(wrong_method(world, method, &others))
            }
            (Tail::Whole, None, "GET") => Ok(Operation::List),
            (Tail::Whole, None, "POST") if capabilities.creates => Ok(Operation::Create),
            (Tail::Whole, Some(key), "GET") => Ok(Operation::Get(key)),
            (Tail::Whole, Some(key), "PATCH") if capabilities.update.is_some_and(UpdateMethod::is_patch) => {
                Ok(Operation::Update(key))
            }
            (Tail::Whole, Some(key), "PUT") if capabilities.update.is_some_and(UpdateMethod::is_put) => {
                Ok(Operation::Replace(key))
            }
            (Tail::Whole, Some(key), "DELETE") if capabilities.deletes && !is_kept => Ok(Operation::Delete(key)),
            (Tail::Count, None, "GET") => Ok(Operation::Count),
            (Tail::Property(path), Some(key), "GET") => Ok(Operation::Property(key, path)),
            (Tail::Property(path), Some(key), "PATCH")
                if path.undeclared.is_none() && capabilities.update.is_some_and(UpdateMethod::is_patch) =>
            {
                Ok(Operation::UpdateProperty(key, path))
            }
            (Tail::Whole, _, "POST" | "PATCH" | "PUT" | "DELETE") if route.has_links || route.is_linked => {
                Err(Error::new(&refusal::WRITE_THROUGH_LINK, &[]))
            }
            (Tail::Whole, None, "PATCH") if world.behaviors.wrong_method == WrongMethod::UnknownError => {
                Err(Error::new(&refusal::WRITE_THROUGH_LINK, &[]))
            }
            (Tail::Whole, key, _) => {
                let mut expected = capabilities.methods(key.is_some());
                expected.retain(|method| method != Method::DELETE || !is_kept);
                Err(wrong_method(world, method, &expected))
            }
            (Tail::References, key, "GET") => Ok(Operation::References(key)),
            (Tail::References, None, "POST") => Ok(Operation::AddReference),
            (Tail::References, Some(_), "PUT") if route.is_single_link(world) => Ok(Operation::AddReference),
            (Tail::References, key, "DELETE") => Ok(Operation::RemoveReference(key)),
            (Tail::References, _, "PATCH") => Err(Error::new(&refusal::CHANGE_OF_LINKS, &[])),
            (Tail::References, key, _) => {
                Err(wrong_method(world, method, &reference::methods(route.is_single_link(world), key.is_some())))
            }
            (Tail::Operation, _, _) => {
                operation::check_method(world, route, method)?;
                let is_action = route.operation.as_ref().is_some_and(|call| call.operation.is_action);
                Ok(Operation::Call { is_change: is_action || method == Method::PATCH })
            }
            (Tail::Count | Tail::Property(_) | Tail::Media, _, _) => Err(wrong_method(world, method, &[Method::GET])),
        }
    }

    /// Returns the kind of the operation in the table of permissions.
    pub(super) fn kind(&self) -> OperationKind {
        match self {
            Operation::List | Operation::Count | Operation::References(_) => OperationKind::List,
            Operation::AddReference | Operation::RemoveReference(_) | Operation::Call { is_change: true } => {
                OperationKind::Update
            }
            Operation::Create | Operation::CreateBy(..) => OperationKind::Create,
            Operation::Get(_) | Operation::Property(..) | Operation::Media(_) | Operation::Call { is_change: false } => {
                OperationKind::Get
            }
            Operation::Update(_)
            | Operation::UpdateProperty(..)
            | Operation::Replace(_)
            | Operation::PutMedia(_)
            | Operation::DeleteMedia(_) => OperationKind::Update,
            Operation::Delete(_) => OperationKind::Delete,
        }
    }

    /// Returns the kind of access that the operation is to entities of the path.
    fn access<'k>(&self, route: &'k Route<'_>) -> AccessKind<'k> {
        match self {
            Operation::List
            | Operation::Count
            | Operation::Get(_)
            | Operation::Property(..)
            | Operation::Media(_)
            | Operation::References(_) => AccessKind::Read,
            Operation::Create | Operation::CreateBy(..) => AccessKind::Create,
            Operation::Update(_)
            | Operation::UpdateProperty(..)
            | Operation::Replace(_)
            | Operation::PutMedia(_)
            | Operation::DeleteMedia(_)
            | Operation::AddReference
            | Operation::RemoveReference(_) => AccessKind::Change,
            Operation::Delete(_) => AccessKind::Delete,
            Operation::Call { .. } => AccessKind::Call(route.operation.as_deref().map_or("", |call| &*call.operation.name)),
        }
    }

    /// Whether the response to a success can have a JSON body.
    pub(super) fn has_json(&self) -> bool {
        !matches!(
            self,
            Operation::Delete(_)
                | Operation::Count
                | Operation::Media(_)
                | Operation::PutMedia(_)
                | Operation::DeleteMedia(_)
                | Operation::AddReference
                | Operation::RemoveReference(_)
                | Operation::Property(_, PropertyTail { is_raw: true, .. } | PropertyTail { is_counted: true, .. })
        )
    }
}

/// Returns capabilities within the restrictions of the schema.
fn within(capabilities: Capabilities, restrictions: Restrictions) -> Capabilities {
    let allows = |capability| !restrictions.forbids(capability);
    Capabilities {
        creates: capabilities.creates && allows(Capability::Insert),
        update: capabilities.update.filter(|_| allows(Capability::Update)),
        deletes: capabilities.deletes && allows(Capability::Delete),
        ..capabilities
    }
}

/// Runs an operation. `reply` is the result of a consultation, on the second run.
///
/// # Errors
///
/// Returns the refusal.
pub(super) fn run(
    operation: &Operation<'_>,
    context: &OperationContext<'_>,
    reply: Option<&Reply>,
    skipped: &mut Vec<String>,
) -> Result<Outcome, Error> {
    let (world, model, headers) = (context.world, context.model, &context.request.headers);
    forms::check(world, model, context.structured(), headers)?;
    let held = context.purse.held();
    let outcome = run_checked(operation, context, reply, skipped);
    context.purse.release_to(held);
    let mut outcome = outcome?;
    if context.structured().rare().has_forms && forms::is_read(context.request) && context.purse.is_empty() {
        return Err(context.too_expensive());
    }
    if let Outcome::Success(success) = &mut outcome {
        forms::note(world, model, context.structured(), context.route.collection.root, context.request, success);
    }
    Ok(outcome)
}

fn run_checked(
    operation: &Operation<'_>,
    context: &OperationContext<'_>,
    reply: Option<&Reply>,
    skipped: &mut Vec<String>,
) -> Result<Outcome, Error> {
    let access = operation.access(context.route);
    // The service checks the names and types of a body first.
    let read_body = |origin, skipped: &mut Vec<String>| {
        let reading = change::read_body(context, origin, skipped)?;
        guard::check(context, access)?;
        Ok::<_, Error>(reading)
    };
    if !matches!(operation, Operation::Create | Operation::CreateBy(..) | Operation::Update(_) | Operation::Replace(_)) {
        guard::check(context, access)?;
    }
    match operation {
        Operation::List | Operation::References(None) => list::list(context).map(Outcome::from),
        Operation::Count => list::count(context).map(Outcome::from),
        Operation::Get(key) => get::get(context, key).map(Outcome::Success),
        Operation::Property(key, path) => property::get(context, key, path).map(Outcome::from),
        Operation::Create => create::create(context, &read_body(Origin::Create, skipped)?, reply),
        Operation::CreateBy(property, key) => {
            let mut reading = read_body(Origin::Create, skipped)?;
            // The key of the path counts, so that the same request finds the entity again.
            let changes = &mut reading.patch.changes;
            changes.retain(|change| change.property != *property);
            changes.push(PropertyChange { property: *property, to: NewValue::Set(Value::String((*key).into())) });
            create::create(context, &reading, reply)
        }
        Operation::Update(key) => update::update(context, key, &read_body(Origin::Update, skipped)?, reply),
        Operation::UpdateProperty(key, path) => update::update_property(context, key, path, reply, skipped),
        Operation::Replace(key) => replace::replace(context, key, &read_body(Origin::Create, skipped)?, reply),
        Operation::Delete(key) => delete::delete(context, key, reply),
        Operation::Media(key) => media::get(context, key).map(Outcome::from),
        Operation::PutMedia(key) => media::put(context, key),
        Operation::DeleteMedia(key) => media::delete(context, key),
        Operation::References(Some(key)) => reference::get(context, key).map(Outcome::from),
        Operation::AddReference => reference::write(context),
        Operation::RemoveReference(key) => reference::remove(context, *key),
        Operation::Call { .. } => operation::call(context, reply, skipped),
    }
}
