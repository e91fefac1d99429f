//! Builds actions and functions.

use std::sync::Arc;

use super::{Earlier, Shared};
use crate::edm::schema::csdl::{Document, OperationDeclaration, ParameterDeclaration};
use crate::edm::schema::names::collection_element;
use crate::edm::schema::{ItemType, Model, Operation, OperationType, Parameter, PropertyType, TypeId};

/// Builds an operation; `None` if it is bound to, or takes or returns, a type that is not declared.
pub(super) fn build(
    shared: &Shared<'_>,
    document: &Document<'_>,
    model: &Model,
    declaration: &OperationDeclaration<'_>,
) -> Option<Operation> {
    let kind = |type_name: &str| kind(shared, document, model, declaration.schema, type_name);
    let (binding, parameters) = match declaration.parameters.split_first() {
        Some((first, others)) if declaration.is_bound => (Some(binding(kind(&first.type_name)?)?), others),
        _ if declaration.is_bound => return None,
        _ => (None, &declaration.parameters[..]),
    };
    let parameter = |parameter: &ParameterDeclaration<'_>| {
        let ParameterDeclaration { name, type_name, nullable, is_optional } = parameter;
        let optional = *nullable || *is_optional;
        Some(Parameter { name: name.as_ref().into(), kind: kind(type_name)?, nullable: *nullable, optional })
    };
    Some(Operation {
        name: declaration.name.as_ref().into(),
        is_action: declaration.is_action,
        binding,
        parameters: parameters.iter().map(parameter).collect::<Option<_>>()?,
        returns: match &declaration.return_type {
            Some(type_name) => Some(kind(type_name)?),
            None => None,
        },
    })
}

/// Returns the place of a declaration in memory, which is the same for one that two documents share.
pub(super) fn place(declaration: &Arc<OperationDeclaration<'_>>) -> usize {
    Arc::as_ptr(declaration).addr()
}

/// Whether a version has the types of an operation of an earlier one, and has entities where that has entities.
pub(super) fn has_types_of(model: &Model, operation: &Operation, earlier: Option<&Earlier<'_>>) -> bool {
    let Some(earlier) = earlier else { return false };
    let has_type = |id: TypeId| {
        let [here, there] = [model, earlier.model].map(|model| model.find_structured(id).map(|structured| structured.is_entity));
        here.is_some() && here == there
    };
    let has_kind = |kind: OperationType| match kind {
        OperationType::Entity(id)
        | OperationType::Entities(id)
        | OperationType::Value(PropertyType::Complex(id) | PropertyType::Collection(ItemType::Complex(id))) => has_type(id),
        OperationType::Value(_) => true,
    };
    let kinds = operation.parameters.iter().map(|parameter| parameter.kind).chain(operation.returns);
    operation.binding.is_none_or(|(id, _)| has_type(id)) && kinds.into_iter().all(has_kind)
}

/// Returns the type of a binding parameter, and whether it is a collection.
fn binding(kind: OperationType) -> Option<(TypeId, bool)> {
    match kind {
        OperationType::Entity(id) | OperationType::Value(PropertyType::Complex(id)) => Some((id, false)),
        OperationType::Entities(id) | OperationType::Value(PropertyType::Collection(ItemType::Complex(id))) => Some((id, true)),
        OperationType::Value(_) => None,
    }
}

/// Returns the type of a name as written in a schema.
fn kind(shared: &Shared<'_>, document: &Document<'_>, model: &Model, schema: usize, type_name: &str) -> Option<OperationType> {
    let element = collection_element(type_name);
    let item = shared.item(document, schema, element.unwrap_or(type_name))?;
    if let ItemType::Complex(id) = item
        && model.find_structured(id)?.is_entity
    {
        return Some(if element.is_some() { OperationType::Entities(id) } else { OperationType::Entity(id) });
    }
    Some(OperationType::Value(if element.is_some() { PropertyType::Collection(item) } else { item.kind() }))
}
