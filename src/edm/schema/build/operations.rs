//! Builds actions and functions.

use super::Shared;
use crate::edm::schema::csdl::{Document, OperationDeclaration, ParameterDeclaration};
use crate::edm::schema::names::{collection_element, primitive};
use crate::edm::schema::{ItemType, Model, NamedType, Operation, OperationType, Parameter, PropertyType, TypeId};

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
    let name = document.expand(schema, element.unwrap_or(type_name));
    let item = match primitive(&name) {
        Some(primitive) => ItemType::Primitive(primitive),
        None => match shared.named(&name)? {
            NamedType::Enum(id) => ItemType::Enum(id),
            NamedType::Structured(id) if model.find_structured(id)?.is_entity => {
                return Some(if element.is_some() { OperationType::Entities(id) } else { OperationType::Entity(id) });
            }
            NamedType::Structured(id) => ItemType::Complex(id),
        },
    };
    Some(OperationType::Value(if element.is_some() { PropertyType::Collection(item) } else { item.kind() }))
}
