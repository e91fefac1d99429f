//! The operation that a recorded request has asked for, by its path alone: the state may be another one by now.

use http::Method;

use crate::edm::schema::{Model, StructuredType, Version};
use crate::graph::ops::Operation;
use crate::graph::route::{self, Lookup, Resource, Tail};
use crate::policy::permissions::OperationKind;
use crate::world::World;

/// An operation that a request has asked for.
#[derive(Debug)]
pub(crate) struct UsedOperation<'w> {
    /// The schema of the version.
    pub(crate) model: &'w Model,
    /// The type that the path leads to; `None` for an operation that is bound to nothing.
    pub(crate) structured: Option<&'w StructuredType>,
    /// The kind of the operation.
    pub(crate) kind: OperationKind,
    /// The path with `{id}` for each key.
    pub(crate) template: String,
    /// The addresses under which its permissions may be published.
    pub(crate) addresses: Vec<Vec<String>>,
    /// Whether it reads a collection.
    pub(crate) is_list: bool,
    /// Whether it is about one entity as a whole.
    pub(crate) is_entity: bool,
    /// The name of the action or function that it calls.
    pub(crate) called: Option<String>,
}

/// Returns the operation of a request, if the schema has its path.
pub(crate) fn operation<'w>(world: &'w World, method: &Method, path: &str) -> Option<UsedOperation<'w>> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let resource = route::resolve(&world.schema, &Lookup::of_parts(), path).ok()?;
    match resource {
        Resource::Operation(model, call) => {
            let version = model.version;
            let called = call.operation.name.to_string();
            Some(UsedOperation {
                model: world.schema.model(version),
                structured: None,
                kind: if *method == Method::GET { OperationKind::Get } else { OperationKind::Create },
                template: format!("/{}/{called}", version.segment()),
                addresses: vec![call.segments.clone()],
                is_list: false,
                is_entity: false,
                called: Some(called),
            })
        }
        Resource::Entities(route) => {
            let operation = Operation::of(world, &route, method).ok()?;
            let (model, type_id) = (world.schema.model(route.model.version), route.type_id);
            Some(UsedOperation {
                model,
                structured: model.find_structured(type_id),
                kind: operation.kind(),
                template: route.template(),
                addresses: route.published_addresses(world),
                is_list: matches!(operation, Operation::List),
                is_entity: route.tail == Tail::Whole && route.key.is_some() && route.operation.is_none(),
                called: route.operation.as_ref().map(|call| call.operation.name.to_string()),
            })
        }
        Resource::Service(_) | Resource::Metadata(_) => None,
    }
}

/// Whether v1.0 has the operation of a request to beta.
pub(crate) fn is_in_v1(world: &World, method: &Method, path: &str) -> bool {
    let Some(rest) = path.get(1..).and_then(|path| path.split_once('/')).map(|(_, rest)| rest) else { return false };
    operation(world, method, &format!("/{}/{rest}", Version::V1.segment())).is_some()
}
