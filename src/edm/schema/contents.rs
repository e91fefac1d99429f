//! The contents of a document: the numbers of its declarations, and those that are not served.

use std::collections::HashSet;

use super::csdl::{self, Document};
use super::names::{collection_element, primitive};
use super::problems;
use super::{Schema, Version};

/// The contents of a document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The number of each kind of declaration, with its name.
    pub(crate) counts: [(usize, &'static str); 7],
    /// The declarations that are not served, in the order of the document.
    pub(crate) unserved: Vec<Unserved>,
}

/// A declaration that is not served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unserved {
    /// The line in the document, from 1.
    pub(crate) line: usize,
    /// The declaration, for people.
    pub(crate) what: String,
}

impl Schema {
    /// Returns the contents of a version's document, which is read for it once more: servers do not need them.
    pub(crate) fn contents(&self, version: Version) -> Contents {
        let text = self.text(version);
        let Ok(document) = csdl::read(&text) else { return Contents::default() };
        let mut contents = contents(&text, &document);
        contents.unserved.sort_by_key(|unserved| unserved.line);
        contents
    }
}

fn contents(text: &str, document: &Document<'_>) -> Contents {
    let line = |at| csdl::line_at(text, at);
    let entity_types = document.types.iter().filter(|declaration| declaration.is_entity).count();
    let singletons = document.roots.iter().filter(|root| root.is_singleton).count();
    let mut unserved = Vec::new();
    for declaration in &document.types {
        let name = document.qualified(declaration.schema, &declaration.name);
        if declaration.key.len() > 1 {
            unserved.push(Unserved { line: line(declaration.at), what: format!("key of {name} beyond its first property") });
        }
        // Values without a form in addresses.
        let key = declaration.key.first().and_then(|key| declaration.properties.iter().find(|property| property.name == *key));
        if let Some(property) = key.filter(|property| matches!(&*property.type_name, "Edm.Stream" | "Edm.Untyped")) {
            let what = format!("key of {name}, whose type is {}", property.type_name);
            unserved.push(Unserved { line: line(declaration.at), what });
        }
    }
    let types = document.types.iter().map(|declaration| document.qualified(declaration.schema, &declaration.name));
    let enums = document.enums.iter().map(|declaration| document.qualified(declaration.schema, &declaration.name));
    let known: HashSet<String> = types.chain(enums).map(|name| name.to_ascii_lowercase()).collect();
    for operation in &document.operations {
        let kind = if operation.is_action { "action" } else { "function" };
        let used = operation.parameters.iter().map(|parameter| &parameter.type_name).chain(&operation.return_type);
        let is_unknown = |type_name: &&csdl::Text<'_>| {
            let name = collection_element(type_name).unwrap_or(type_name);
            let (namespace, local) = document.resolve(operation.schema, name);
            let expanded = document.expand(operation.schema, name);
            primitive(namespace, local).is_none() && !known.contains(&expanded.to_ascii_lowercase())
        };
        if let Some(unknown) = used.into_iter().find(is_unknown) {
            let name = document.qualified(operation.schema, &operation.name);
            unserved.push(Unserved {
                line: line(operation.at),
                what: format!("{kind} {name}, which uses the unknown type {unknown}"),
            });
        }
    }
    // Annotations are many: each capability is named once, where it is first restricted.
    let mut capabilities: Vec<(String, usize, usize)> = Vec::new();
    let checked = csdl::checked(text);
    unserved
        .extend(problems::problems(document, &checked.partners).into_iter().map(|(at, what)| Unserved { line: line(at), what }));
    for (name, at) in checked.capabilities {
        match capabilities.iter_mut().find(|(known, _, _)| *known == name) {
            Some((_, count, _)) => *count += 1,
            None => capabilities.push((name, 1, at)),
        }
    }
    for (name, count, at) in capabilities {
        let times = if count == 1 { String::new() } else { format!(", and {} more of it", count - 1) };
        unserved.push(Unserved { line: line(at), what: format!("annotation {name}{times}") });
    }
    Contents {
        counts: [
            (document.schemas.len(), "namespaces"),
            (entity_types, "entity types"),
            (document.types.len() - entity_types, "complex types"),
            (document.enums.len(), "enums"),
            (document.roots.len() - singletons, "entity sets"),
            (singletons, "singletons"),
            (document.operations.len(), "operations"),
        ],
        unserved,
    }
}
