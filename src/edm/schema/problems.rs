//! Declarations of a document that contradict others, or refer to what is not there. Each is served as far as possible, and named by a check.

use std::collections::{HashMap, HashSet};

use super::csdl::{Document, Partner, TypeDeclaration};
use super::names::collection_element;

/// Returns the problems of a document, with their places.
pub(super) fn problems(document: &Document<'_>, partners: &[Partner]) -> Vec<(usize, String)> {
    let types = Types::of(document);
    let mut found = Vec::new();
    for declaration in &document.types {
        types.members(declaration, &mut found);
        types.key(declaration, &mut found);
    }
    for declaration in &document.enums {
        let name = document.qualified(declaration.schema, &declaration.name);
        let mut seen = HashSet::new();
        let second = declaration.members.iter().filter(|(member, _)| !seen.insert(member.to_ascii_lowercase()));
        found.extend(second.map(|(member, _)| (declaration.at, format!("second member {member} of {name}"))));
    }
    let mut roots = HashSet::new();
    for root in &document.roots {
        if !roots.insert(root.name.to_ascii_lowercase()) {
            let kind = if root.is_singleton { "singleton" } else { "entity set" };
            found.push((root.at, format!("second {kind} {}", root.name)));
        }
    }
    for root in &document.roots {
        let has_key = types.lineage(root.schema, &root.type_name).any(|declaration| !declaration.key.is_empty());
        if !root.is_singleton && !has_key && types.declaration(root.schema, &root.type_name).is_some() {
            found.push((root.at, format!("entity set {}, whose type has no key", root.name)));
        }
        for (path, target) in &root.bindings {
            // Behind the name of the container, or before that of a contained collection.
            if !target.split('/').any(|segment| roots.contains(&segment.to_ascii_lowercase())) {
                found.push((root.at, format!("binding of {}/{path} to {target}, an unknown entity set or singleton", root.name)));
            }
        }
    }
    for Partner { schema, owner, type_name, name, at } in partners {
        let type_name = collection_element(type_name).unwrap_or(type_name);
        let has = |declaration: &TypeDeclaration<'_>| -> bool {
            let first = name.split('/').find(|segment| !segment.contains('.')).unwrap_or(name);
            let properties = declaration.properties.iter().map(|property| &property.name);
            properties.chain(declaration.navigations.iter().map(|navigation| &navigation.name)).any(|known| *known == first)
        };
        let mut lineage = types.lineage(*schema, type_name).peekable();
        // A path through a derived type names one that is not in this lineage.
        if lineage.peek().is_some() && !name.contains('.') && !lineage.any(has) {
            found.push((*at, format!("partner {name} of {owner}, which {type_name} does not have")));
        }
    }
    found
}

/// The types of a document by their names.
struct Types<'d> {
    document: &'d Document<'d>,
    by_name: HashMap<String, &'d TypeDeclaration<'d>>,
}

impl<'d> Types<'d> {
    fn of(document: &'d Document<'d>) -> Types<'d> {
        let named = document
            .types
            .iter()
            .map(|declaration| (document.qualified(declaration.schema, &declaration.name).to_ascii_lowercase(), &**declaration));
        Types { document, by_name: named.collect() }
    }

    fn declaration(&self, schema: usize, name: &str) -> Option<&'d TypeDeclaration<'d>> {
        self.by_name.get(&self.document.expand(schema, name).to_ascii_lowercase()).copied()
    }

    /// Returns a type and its base types.
    fn lineage(&self, schema: usize, name: &str) -> impl Iterator<Item = &'d TypeDeclaration<'d>> {
        let first = self.declaration(schema, name);
        let base = |declaration: &&'d TypeDeclaration<'d>| {
            declaration.base.as_ref().and_then(|base| self.declaration(declaration.schema, base))
        };
        std::iter::successors(first, base).take(super::model::LINEAGE)
    }

    /// Adds the members that a type declares although it has one of the same name.
    fn members(&self, declaration: &'d TypeDeclaration<'d>, found: &mut Vec<(usize, String)>) {
        if declaration.properties.is_empty() && declaration.navigations.is_empty() {
            return;
        }
        let names = |declaration: &'d TypeDeclaration<'d>| {
            let properties = declaration.properties.iter().map(|property| (&property.name, property.at, "property"));
            let navigations = declaration.navigations.iter();
            properties.chain(navigations.map(|navigation| (&navigation.name, navigation.at, "navigation property")))
        };
        let qualified = self.document.qualified(declaration.schema, &declaration.name);
        let bases = self.lineage(declaration.schema, &qualified).skip(1);
        let mut seen: HashSet<String> = bases.flat_map(names).map(|(name, ..)| name.to_ascii_lowercase()).collect();
        for (name, at, kind) in names(declaration) {
            if !seen.insert(name.to_ascii_lowercase()) {
                found.push((at, format!("second {kind} {name} of {qualified}")));
            }
        }
    }

    /// Adds the parts of a key without a property.
    fn key(&self, declaration: &'d TypeDeclaration<'d>, found: &mut Vec<(usize, String)>) {
        let qualified = self.document.qualified(declaration.schema, &declaration.name);
        for name in &declaration.key {
            if name.contains('/') {
                found.push((declaration.at, format!("key {name} of {qualified}, a path into a complex value")));
                continue;
            }
            let mut lineage = self.lineage(declaration.schema, &qualified);
            if !lineage.any(|own| own.properties.iter().any(|property| property.name == *name)) {
                found.push((declaration.at, format!("key {name} of {qualified}, which has no such property")));
            }
        }
    }
}
