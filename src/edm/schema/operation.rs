//! Actions and functions, and the types of their parameters and results.

use std::sync::Arc;

use super::{Model, PropertyType, TypeId};

/// An action or a function.
#[derive(Debug)]
pub struct Operation {
    /// The name without the namespace.
    pub name: Box<str>,
    /// Whether it is an action.
    pub is_action: bool,
    /// The type to which it is bound, and whether to a collection of it.
    pub binding: Option<(TypeId, bool)>,
    /// The parameters, without the binding parameter.
    pub parameters: Box<[Parameter]>,
    /// The type of the result, if there is one.
    pub returns: Option<OperationType>,
}

/// A parameter of an operation.
#[derive(Debug)]
pub struct Parameter {
    /// The name, in the declared case.
    pub name: Box<str>,
    /// The type.
    pub kind: OperationType,
    /// Whether null is valid.
    pub nullable: bool,
    /// Whether the parameter can be left out.
    pub optional: bool,
}

/// The type of a parameter or of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationType {
    /// A value, or a collection of values.
    Value(PropertyType),
    /// An entity.
    Entity(TypeId),
    /// A collection of entities.
    Entities(TypeId),
}

impl Operation {
    /// Returns the index of a parameter by its name in any case.
    pub fn parameter(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// Whether these arguments, by name, are those of this overload.
    fn takes(&self, arguments: &[&str]) -> bool {
        let is_given = |parameter: &Parameter| arguments.iter().any(|name| parameter.name.eq_ignore_ascii_case(name));
        arguments.iter().all(|name| self.parameter(name).is_some())
            && self.parameters.iter().all(|parameter| parameter.optional || is_given(parameter))
    }
}

impl Model {
    /// Returns the operation of a name, qualified or not and in any case, that is bound to instances or to collections of a type. Of
    /// several overloads it is the one with these arguments whose type is nearest, or else the nearest.
    pub fn bound_operation(&self, name: &str, to: TypeId, is_collection: bool, arguments: &[&str]) -> Option<&Operation> {
        let fits =
            |operation: &Operation| operation.binding.is_some_and(|(bound, many)| many == is_collection && self.is_a(to, bound));
        self.operation(name, arguments, fits)
    }

    /// Returns the unbound operation of a name, or of an import of it, in any case. Of several overloads it is the one with these
    /// arguments, or else the first.
    pub fn unbound_operation(&self, name: &str, arguments: &[&str]) -> Option<&Operation> {
        let import = self.imports.iter().find(|(import, _)| import.eq_ignore_ascii_case(name));
        let name = import.map_or(name, |(_, operation)| operation);
        self.operation(name, arguments, |operation| operation.binding.is_none())
    }

    /// Whether an operation of a name, or of an import of it, has a parameter, in any of its overloads.
    pub fn has_parameter(&self, name: &str, parameter: &str) -> bool {
        let import = self.imports.iter().find(|(import, _)| import.eq_ignore_ascii_case(name));
        let local = import.map_or_else(|| name.rsplit('.').next().unwrap_or(name), |(_, operation)| operation);
        self.overloads(local).iter().any(|operation| operation.parameter(parameter).is_some())
    }

    /// Whether there is an operation of a name, without its namespace.
    pub fn has_operation(&self, local: &str) -> bool {
        !self.overloads(local).is_empty()
    }

    /// Returns the operations of a name, in any case.
    fn overloads(&self, local: &str) -> &[Arc<Operation>] {
        let named = self.operations.get(local).or_else(|| self.operations.get(&*local.to_ascii_lowercase()));
        named.map_or(&[], Vec::as_slice)
    }

    fn operation(&self, name: &str, arguments: &[&str], fits: impl Fn(&Operation) -> bool) -> Option<&Operation> {
        // Nearly all names are keys, with characters that names of operations do not have.
        if name.bytes().any(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'.')) {
            return None;
        }
        // The others are mostly those of no operation, or of a single one.
        let (namespace, local) = name.rsplit_once('.').map_or((None, name), |(namespace, local)| (Some(namespace), local));
        if namespace.is_some_and(|namespace| !self.may_have_namespace(namespace)) {
            return None;
        }
        let named = self.overloads(local);
        let among = |wanted: &dyn Fn(&Operation) -> bool| {
            let fitting = named.iter().map(|operation| &**operation).filter(|operation| fits(operation) && wanted(operation));
            fitting.reduce(|best, next| if self.is_nearer(next, best) { next } else { best })
        };
        let nearest = among(&|_| true)?;
        // Actions have their parameters in the body, so the type alone decides.
        if nearest.is_action {
            return Some(nearest);
        }
        let is_exact = |operation: &Operation| operation.parameters.len() == arguments.len() && operation.takes(arguments);
        among(&is_exact).or_else(|| among(&|operation| operation.takes(arguments))).or(Some(nearest))
    }

    /// Whether an operation is bound to a type derived from that of another one.
    fn is_nearer(&self, operation: &Operation, other: &Operation) -> bool {
        operation.binding.zip(other.binding).is_some_and(|((id, _), (base, _))| id != base && self.is_a(id, base))
    }
}
