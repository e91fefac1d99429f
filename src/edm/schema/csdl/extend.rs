//! A document within a larger one: the built-in declarations, and the rest of what Graph publishes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{
    Document, EnumDeclaration, NavigationDeclaration, OperationDeclaration, ParameterDeclaration, PropertyDeclaration,
    RootDeclaration, SchemaDeclaration, Text, TypeDeclaration, TypeFacts,
};
use crate::edm::schema::names::{SHORT, collection_element, lower};

/// The declarations of one document that another one lacks, apart from whole types and roots.
#[derive(Debug, Default)]
pub(crate) struct Extension<'x> {
    /// Properties, by the qualified names of their types in lower case.
    properties: Vec<(String, Vec<PropertyDeclaration<'x>>)>,
    /// Operations, with their namespaces.
    operations: Vec<(String, OperationDeclaration<'x>)>,
    /// The places of the operations in whose place they are.
    pub(super) replaced_operations: Vec<usize>,
}

impl<'x> Extension<'x> {
    /// Returns the further properties of a type.
    pub(super) fn properties_of(&self, namespace: &str, name: &str) -> Option<&[PropertyDeclaration<'x>]> {
        // There are few.
        let is_same = |owner: &str| {
            let rest = owner.get(namespace.len()..).filter(|_| owner[..namespace.len()].eq_ignore_ascii_case(namespace));
            rest.and_then(|rest| rest.strip_prefix('.')).is_some_and(|local| local.eq_ignore_ascii_case(name))
        };
        self.properties.iter().find(|(owner, _)| is_same(owner)).map(|(_, properties)| &**properties)
    }

    /// Returns the further operations of a namespace.
    pub(super) fn operations_of(&self, namespace: &str) -> impl Iterator<Item = &OperationDeclaration<'x>> {
        self.operations.iter().filter(move |(owner, _)| owner == namespace).map(|(_, operation)| operation)
    }
}

/// Returns a document with the declarations of a larger one. What the first one has stays as it is, in its order; the members that its
/// types get are marked. Also returns what the larger one lacks.
pub(crate) fn extend<'x>(inner: &Document<'x>, mut outer: Document<'x>) -> (Document<'x>, Extension<'x>) {
    let mut extension = Extension::default();
    let schemas: Vec<usize> = inner.schemas.iter().map(|schema| place_of(schema, &mut outer)).collect();
    let names = QualifiedNames { document: inner };
    let mut places: HashMap<String, Option<usize>, RandomState> = HashMap::default();
    for declaration in &inner.types {
        places.insert(inner.qualified(declaration.schema, &declaration.name).to_ascii_lowercase(), None);
    }
    let mut qualified = String::new();
    for (place, declaration) in outer.types.iter().enumerate() {
        qualified.clear();
        qualified.extend([&outer.schemas[declaration.schema].namespace, ".", &declaration.name]);
        qualified.make_ascii_lowercase();
        if let Some(known) = places.get_mut(&*qualified) {
            *known = Some(place);
        }
    }
    for declaration in &inner.types {
        let name = inner.qualified(declaration.schema, &declaration.name).to_ascii_lowercase();
        let own = TypeDeclaration { schema: schemas[declaration.schema], ..names.of_type(declaration) };
        let Some(Some(place)) = places.get(&name) else {
            outer.types.push(Arc::new(own));
            continue;
        };
        let known = &outer.types[*place];
        let mut own = own;
        let lacks =
            |property: &&PropertyDeclaration<'_>| !known.properties.iter().any(|other| is_same(&other.name, &property.name));
        let added: Vec<PropertyDeclaration<'_>> = own.properties.iter().filter(lacks).cloned().collect();
        if !added.is_empty() {
            extension.properties.push((name.clone(), added));
        }
        let facts = facts_within(inner.facts(&name), &own, outer.facts.remove(&*name).as_deref());
        for property in &known.properties {
            if !own.properties.iter().any(|other| is_same(&other.name, &property.name)) {
                own.properties.push(PropertyDeclaration { is_extension: true, ..property.clone() });
            }
        }
        for navigation in &known.navigations {
            if !own.navigations.iter().any(|other| is_same(&other.name, &navigation.name)) {
                own.navigations.push(navigation.clone());
            }
        }
        outer.types[*place] = Arc::new(own);
        outer.facts.extend(facts.map(|facts| (name.into(), facts.into())));
    }
    for root in &inner.roots {
        let Some(facts) = inner.facts(&root.container).and_then(|facts| facts.member(&root.name)) else { continue };
        *outer.facts_to_set((root.container.to_ascii_lowercase(), Some(root.name.to_string()))) = facts.clone();
    }
    for declaration in &inner.enums {
        let own = EnumDeclaration { schema: schemas[declaration.schema], ..EnumDeclaration::clone(declaration) };
        let is_known = |other: &&mut Arc<EnumDeclaration<'_>>| other.schema == own.schema && is_same(&other.name, &own.name);
        match outer.enums.iter_mut().find(is_known) {
            Some(known) => *known = Arc::new(own),
            None => outer.enums.push(Arc::new(own)),
        }
    }
    let own_roots = inner.roots.iter().map(|root| RootDeclaration {
        schema: schemas[root.schema],
        type_name: names.qualified(root.schema, &root.type_name),
        ..root.clone()
    });
    let mut roots: Vec<RootDeclaration<'_>> = own_roots.collect();
    let is_new = |root: &RootDeclaration<'_>| !inner.roots.iter().any(|other| is_same(&other.name, &root.name));
    roots.extend(std::mem::take(&mut outer.roots).into_iter().filter(is_new));
    outer.roots = roots;
    extend_operations(&names, &schemas, &mut outer, &mut extension);
    (outer, extension)
}

/// Adds the operations that a document lacks. One with fewer parameters gives way.
fn extend_operations<'x>(
    names: &QualifiedNames<'_, 'x>,
    schemas: &[usize],
    outer: &mut Document<'x>,
    extension: &mut Extension<'x>,
) {
    let signature = |document: &Document<'_>, operation: &OperationDeclaration<'_>| {
        let bound = operation.parameters.first().filter(|_| operation.is_bound);
        let bound = bound.map(|first| document_name(document, operation.schema, &first.type_name).to_ascii_lowercase());
        (operation.name.to_ascii_lowercase(), operation.is_action, bound)
    };
    let others = |operation: &OperationDeclaration<'_>| {
        let parameters = operation.parameters.iter().skip(usize::from(operation.is_bound));
        let mut found: Vec<String> = parameters.map(|parameter| parameter.name.to_ascii_lowercase()).collect();
        found.sort_unstable();
        found
    };
    let mut by_signature: HashMap<_, Vec<usize>, RandomState> = HashMap::default();
    let inner = names.document;
    let own: HashSet<String, RandomState> = inner.operations.iter().map(|own| own.name.to_ascii_lowercase()).collect();
    let is_of_both = |name: &str| own.contains(&*lower(name, &mut [0; SHORT]));
    for (place, operation) in outer.operations.iter().enumerate().filter(|(_, operation)| is_of_both(&operation.name)) {
        by_signature.entry(signature(outer, operation)).or_default().push(place);
    }
    let known_within =
        |operation: &OperationDeclaration<'_>| by_signature.get(&signature(inner, operation)).map_or(&[][..], Vec::as_slice);
    // Overloads that both have stay, though others have more parameters.
    let is_in_both = |place: usize| {
        inner.operations.iter().any(|own| known_within(own).contains(&place) && others(own) == others(&outer.operations[place]))
    };
    let mut added = Vec::new();
    for own in &inner.operations {
        let (known, wanted) = (known_within(own), others(own));
        if known.iter().any(|place| others(&outer.operations[*place]) == wanted) {
            continue;
        }
        let is_less = |place: &usize| others(&outer.operations[*place]).iter().all(|name| wanted.contains(name));
        extension.replaced_operations.extend(known.iter().copied().filter(|place| is_less(place) && !is_in_both(*place)));
        let operation = names.of_operation(own, schemas[own.schema]);
        extension.operations.push((inner.schemas[own.schema].namespace.clone(), operation.clone()));
        added.push(Arc::new(operation));
    }
    let mut place = 0;
    outer.operations.retain(|_| {
        place += 1;
        !extension.replaced_operations.contains(&(place - 1))
    });
    outer.operations.extend(added);
}

/// Returns the facts of a type: those of the inner document, and of the outer one for the members that only it has.
fn facts_within(inner: Option<&TypeFacts>, own: &TypeDeclaration<'_>, outer: Option<&TypeFacts>) -> Option<TypeFacts> {
    let mut facts = inner.cloned().unwrap_or_default();
    let is_own = |name: &str| {
        own.properties.iter().any(|property| is_same(&property.name, name))
            || own.navigations.iter().any(|navigation| is_same(&navigation.name, name))
    };
    let others = outer.into_iter().flat_map(|outer| &outer.members).filter(|(name, _)| !is_own(name));
    facts.members.extend(others.cloned());
    (facts != TypeFacts::default()).then_some(facts)
}

/// Returns the place of a namespace in a document, in which it is from now on.
fn place_of(schema: &SchemaDeclaration, document: &mut Document<'_>) -> usize {
    let known = document.schemas.iter().position(|other| other.namespace == schema.namespace);
    known.unwrap_or_else(|| {
        document.schemas.push(schema.clone());
        document.schemas.len() - 1
    })
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Returns the name of a type or of a collection of it, with its alias resolved.
fn document_name(document: &Document<'_>, schema: usize, type_name: &str) -> String {
    match collection_element(type_name) {
        Some(element) => format!("Collection({})", document.expand(schema, element)),
        None => document.expand(schema, type_name).into_owned(),
    }
}

/// The declarations of a document with qualified names, which mean the same in another one.
struct QualifiedNames<'d, 'x> {
    document: &'d Document<'x>,
}

impl<'x> QualifiedNames<'_, 'x> {
    fn qualified(&self, schema: usize, type_name: &str) -> Text<'x> {
        document_name(self.document, schema, type_name).into()
    }

    fn of_type(&self, declaration: &TypeDeclaration<'x>) -> TypeDeclaration<'x> {
        let qualified = |type_name: &str| self.qualified(declaration.schema, type_name);
        let property = |property: &PropertyDeclaration<'x>| PropertyDeclaration {
            type_name: qualified(&property.type_name),
            ..property.clone()
        };
        let navigation = |navigation: &NavigationDeclaration<'x>| NavigationDeclaration {
            type_name: qualified(&navigation.type_name),
            ..navigation.clone()
        };
        TypeDeclaration {
            base: declaration.base.as_deref().map(qualified),
            properties: declaration.properties.iter().map(property).collect(),
            navigations: declaration.navigations.iter().map(navigation).collect(),
            ..declaration.clone()
        }
    }

    fn of_operation(&self, operation: &OperationDeclaration<'x>, schema: usize) -> OperationDeclaration<'x> {
        let qualified = |type_name: &str| self.qualified(operation.schema, type_name);
        let parameter = |parameter: &ParameterDeclaration<'x>| ParameterDeclaration {
            type_name: qualified(&parameter.type_name),
            ..parameter.clone()
        };
        OperationDeclaration {
            schema,
            parameters: operation.parameters.iter().map(parameter).collect(),
            return_type: operation.return_type.as_deref().map(qualified),
            ..operation.clone()
        }
    }
}
