//! The operation that a recorded request has asked for, by its path alone: the state may be another one by now.

use http::Method;

use crate::edm::schema::{ItemType, Model, PropertyType, StructuredType, TypeId, Version};
use crate::edm::segment::segments;
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
    /// The name of the action or function that it calls, and the type to which that is bound.
    pub(crate) called: Option<(String, Option<TypeId>)>,
    /// The sets, singletons, navigation properties and properties on its path.
    pub(crate) parts: Vec<PathPart<'w>>,
}

/// A set, a singleton or a property on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathPart<'w> {
    /// The type with the property; `None` for a set or a singleton.
    pub(crate) owner: Option<TypeId>,
    /// The declared name.
    pub(crate) name: &'w str,
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
                called: Some((called, None)),
                parts: Vec::new(),
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
                called: route
                    .operation
                    .as_ref()
                    .map(|call| (call.operation.name.to_string(), call.operation.binding.map(|(bound, _)| bound))),
                parts: parts(model, path),
            })
        }
        Resource::Service(_) | Resource::Metadata(_) => None,
    }
}

/// Returns the operation of v1.0 that a request to beta could have asked for.
pub(crate) fn in_v1<'w>(world: &'w World, method: &Method, path: &str) -> Option<UsedOperation<'w>> {
    let (_, rest) = path.get(1..)?.split_once('/')?;
    operation(world, method, &format!("/{}/{rest}", Version::V1.segment()))
}

/// Returns the sets, singletons, navigation properties and properties on a path.
fn parts<'w>(model: &'w Model, path: &str) -> Vec<PathPart<'w>> {
    let mut segments = segments(path.trim_matches('/')).skip(1);
    let Some(root) = segments.next().and_then(|name| model.root(&name)) else { return Vec::new() };
    let mut parts = vec![PathPart { owner: None, name: &root.name }];
    let (mut at, mut is_collection) = (root.target, !root.is_singleton);
    let is_known_name = |segment: &str| {
        let name = segment.split('(').next().unwrap_or(segment);
        model.resolve(name).is_some() || model.has_operation(name.rsplit('.').next().unwrap_or(name))
    };
    for segment in segments {
        let Some(structured) = model.find_structured(at) else { break };
        // The name of a type or of an operation, or `$count` and the like. Keys can have dots too.
        let is_name = segment.contains('.') && (!is_collection || is_known_name(&segment));
        if is_name || segment.starts_with('$') {
            continue;
        }
        if is_collection {
            is_collection = false;
            continue;
        }
        if let Some(navigation) = structured.navigation(&segment) {
            parts.push(PathPart { owner: Some(at), name: &navigation.name });
            (at, is_collection) = (navigation.target, navigation.is_collection);
        } else if let Some(property) = structured.property(&segment).map(|index| &structured.properties[index]) {
            parts.push(PathPart { owner: Some(at), name: &property.name });
            let (PropertyType::Complex(id) | PropertyType::Collection(ItemType::Complex(id))) = property.kind else { break };
            at = id;
        } else {
            break;
        }
    }
    parts
}
