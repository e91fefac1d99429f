//! Builds tables from the declarations of a document.

use std::collections::HashMap;

use super::rules::{DEFAULT_CAPABILITIES, DEFAULT_WORDING, PropertyRule, WorkloadRules};
use super::{
    Alias, EnumType, Initial, ItemType, KEY_PLACE, Model, NamedType, Navigation, Primitive, Property, PropertyType, Root,
    SchemaError, Set, SetId, StructuredType, TypeId, Version, csdl,
};

/// Builds the tables of one version, and adds its new sets to those of earlier versions.
pub(super) fn model(
    version: Version,
    xml: &str,
    rules: &[&'static WorkloadRules],
    sets: &mut Vec<Set>,
) -> Result<Model, SchemaError> {
    let document = csdl::read(xml)?;
    let error = |reason: String| SchemaError::new(0, reason);
    let enums = document.enums.iter().map(|declaration| build_enum(&document.namespace, declaration)).collect();
    let mut model = Model { version, namespace: document.namespace.as_str().into(), types: Vec::new(), enums, roots: Vec::new() };

    // Types refer to each other, so all of them are added before any property is resolved.
    for declaration in &document.types {
        if model.type_named(&declaration.name).is_some() {
            return Err(error(format!("duplicate type {}", declaration.name)));
        }
        let row = rules
            .iter()
            .zip(0..)
            .find_map(|(workload, index)| workload.types.iter().find(|row| row.name == declaration.name).map(|row| (row, index)));
        model.types.push(StructuredType {
            name: declaration.name.as_str().into(),
            full_name: format!("{}.{}", document.namespace, declaration.name).into(),
            is_entity: declaration.is_entity,
            is_open: declaration.is_open,
            wording: row.map_or(&DEFAULT_WORDING, |(row, _)| row.wording),
            capabilities: row.map_or(&DEFAULT_CAPABILITIES, |(row, _)| row.capabilities),
            consulted: row.filter(|(row, _)| row.is_consulted).map(|(_, index)| index),
            properties: Vec::new(),
            answer_order: Vec::new(),
            page_order: Vec::new(),
            navigations: Vec::new(),
            slots: 0,
            key: None,
        });
    }
    for (index, declaration) in document.types.iter().enumerate() {
        let lineage = lineage(&document, declaration).map_err(error)?;
        let mut properties = Vec::new();
        for ancestor in &lineage {
            for property in &ancestor.properties {
                properties.push(build_property(&document, &model, rules, ancestor, property).map_err(error)?);
            }
        }
        add_aliases(rules, &declaration.name, &mut properties);
        let key_name = lineage.iter().find_map(|ancestor| ancestor.key.first());
        let built = &mut model.types[index];
        built.key = key_name.and_then(|name| properties.iter().position(|property| *property.name == **name));
        built.answer_order = answer_order(&properties);
        built.page_order = page_order(rules, &declaration.name, &properties, &built.answer_order);
        built.properties = properties;
    }
    for navigation in document.types.iter().flat_map(|declaration| &declaration.navigations) {
        if !navigation.contains_target {
            return Err(error(format!("unsupported navigation property {}: ContainsTarget must be true", navigation.name)));
        }
    }
    for root in &document.roots {
        let target = entity_type(&document, &model, &root.type_name).map_err(error)?;
        let location = SetLocation { path: root.name.clone(), parent: None, is_single: false };
        let set = (!root.is_singleton).then(|| location.add(sets, &model.types[target.0].name));
        let holder = if set.is_some() { format!("{}/{KEY_PLACE}", root.name) } else { root.name.clone() };
        add_contained(&document, &mut model, sets, target, &holder, set).map_err(error)?;
        model.roots.push(Root { name: root.name.as_str().into(), target, set });
    }
    Ok(model)
}

/// Adds the sets that entities of a type contain, recursively. `holder` is the path of such an entity, `parent` its set, if it has one.
fn add_contained(
    document: &csdl::Document,
    model: &mut Model,
    sets: &mut Vec<Set>,
    id: TypeId,
    holder: &str,
    parent: Option<SetId>,
) -> Result<(), String> {
    let name = model.types[id.0].name.to_string();
    let declaration = document.types.iter().find(|declaration| *declaration.name == name);
    let lineage = declaration.map(|declaration| lineage(document, declaration)).transpose()?.unwrap_or_default();
    let navigations: Vec<_> = lineage.iter().flat_map(|ancestor| &ancestor.navigations).collect();
    if !navigations.is_empty() && !model.types[id.0].navigations.is_empty() {
        return Err(format!("unsupported containment: entities of {name} are contained in several sets and contain others"));
    }
    for navigation in navigations {
        let element = collection_element(&navigation.type_name);
        let target = entity_type(document, model, element.unwrap_or(&navigation.type_name))?;
        let path = format!("{holder}/{}", navigation.name);
        let location = SetLocation { path: path.clone(), parent, is_single: element.is_none() };
        let set = location.add(sets, &model.types[target.0].name);
        model.types[id.0].navigations.push(Navigation { name: navigation.name.as_str().into(), target, set });
        let below = if element.is_some() { format!("{path}/{KEY_PLACE}") } else { path };
        add_contained(document, model, sets, target, &below, Some(set))?;
    }
    Ok(())
}

fn build_enum(namespace: &str, declaration: &csdl::EnumDeclaration) -> EnumType {
    let mut members: Vec<(Box<str>, i64)> =
        declaration.members.iter().map(|(name, value)| (name.as_str().into(), *value)).collect();
    members.sort_by_key(|(_, value)| *value);
    let sentinel = members.iter().find(|(name, _)| &**name == "unknownFutureValue").map(|(_, value)| *value);
    EnumType {
        name: declaration.name.as_str().into(),
        full_name: format!("{namespace}.{}", declaration.name).into(),
        is_flags: declaration.is_flags,
        members,
        sentinel,
    }
}

/// Returns a type and its ancestors, the most general first.
fn lineage<'a>(
    document: &'a csdl::Document,
    declaration: &'a csdl::TypeDeclaration,
) -> Result<Vec<&'a csdl::TypeDeclaration>, String> {
    let mut lineage = vec![declaration];
    let mut current = declaration;
    while let Some(base) = current.base.as_deref() {
        let found = document.types.iter().find(|candidate| candidate.name == local_name(base));
        current = found.ok_or_else(|| format!("unknown base type {base} of type {}", current.name))?;
        if lineage.len() > document.types.len() {
            return Err(format!("circular base types of type {}", declaration.name));
        }
        lineage.push(current);
    }
    lineage.reverse();
    Ok(lineage)
}

fn build_property(
    document: &csdl::Document,
    model: &Model,
    rules: &[&'static WorkloadRules],
    owner: &csdl::TypeDeclaration,
    declaration: &csdl::PropertyDeclaration,
) -> Result<Property, String> {
    let place = format!("{}/{}", owner.name, declaration.name);
    let element = collection_element(&declaration.type_name);
    let type_name = element.unwrap_or(&declaration.type_name);
    let item = match Primitive::ALL.into_iter().find(|primitive| primitive.name() == type_name) {
        Some(primitive) => ItemType::Primitive(primitive),
        None => match model.resolve(&expand_alias(document, type_name)) {
            Some(NamedType::Enum(id)) => ItemType::Enum(id),
            Some(NamedType::Structured(id)) => ItemType::Complex(id),
            None => {
                let known: Vec<&str> = Primitive::ALL.iter().map(|primitive| primitive.name()).collect();
                return Err(format!(
                    "unsupported type {} of property {place}: expected {}, or a declared enum or complex type",
                    declaration.type_name,
                    known.join(", ")
                ));
            }
        },
    };
    let kind = if element.is_some() { PropertyType::Collection(item) } else { item.kind() };
    let mut property = new_property(&declaration.name, kind, declaration.nullable);
    property.read_only = document.computed.contains(&place);
    for rule in rules_of(rules, &owner.name, &declaration.name) {
        match rule {
            PropertyRule::WriteOnly => property.write_only = true,
            PropertyRule::ReadOnly => property.read_only = true,
            PropertyRule::OmittedWhileNull => property.omitted_while_null = true,
            PropertyRule::Checked(check) => property.check = Some(check),
            PropertyRule::ServerSet(value) => property.server_set = Some(value),
            PropertyRule::InitialValue(json) => {
                let value = initial(model, kind, json);
                let mismatch = || format!("invalid initial value {json} of property {place}: expected {}", declaration.type_name);
                property.initial = Some(value.ok_or_else(mismatch)?);
            }
            // Aliases need their targets, so they are resolved after all properties.
            PropertyRule::AliasOf { .. } => {}
        }
    }
    Ok(property)
}

fn new_property(name: &str, kind: PropertyType, nullable: bool) -> Property {
    Property {
        name: name.into(),
        member: format!("\"{name}\":").into_bytes().into(),
        kind,
        nullable,
        slot: 0,
        declared: true,
        read_only: false,
        write_only: false,
        omitted_while_null: false,
        alias: None,
        check: None,
        initial: None,
        server_set: None,
    }
}

fn initial(model: &Model, kind: PropertyType, json: &str) -> Option<Initial> {
    match kind {
        PropertyType::Primitive(Primitive::Boolean) => json.parse().ok().map(Initial::Boolean),
        PropertyType::Primitive(Primitive::Int32) => json.parse().ok().map(Initial::Int32),
        PropertyType::Enum(id) => {
            let name = json.trim_matches('"');
            let member = model.enumeration(id).members.iter().find(|(member, _)| **member == *name)?;
            Some(Initial::Member(member.1))
        }
        _ => None,
    }
}

/// Adds the aliases that the schema of a type does not declare, and links all aliases to their targets.
fn add_aliases(rules: &[&'static WorkloadRules], type_name: &str, properties: &mut Vec<Property>) {
    let rows = rules.iter().flat_map(|workload| workload.properties).filter(|(owner, _, _)| *owner == type_name);
    for (name, target, behavior) in rows.filter_map(|(_, name, rule)| match rule {
        PropertyRule::AliasOf { target, behavior } => Some((*name, *target, *behavior)),
        _ => None,
    }) {
        let Some(place) = properties.iter().position(|property| *property.name == *target) else { continue };
        if !properties.iter().any(|property| *property.name == *name) {
            let mut added = new_property(name, properties[place].kind, properties[place].nullable);
            added.declared = false;
            // The older name comes before the newer one, as in the published example.
            properties.insert(place, added);
        }
        let target = properties.iter().position(|property| *property.name == *target);
        for property in properties.iter_mut().filter(|property| *property.name == *name) {
            property.alias = target.map(|target| Alias { target, behavior });
        }
    }
}

/// Returns the rules of a property.
fn rules_of(rules: &[&'static WorkloadRules], type_name: &str, property: &str) -> impl Iterator<Item = PropertyRule> {
    let rows = rules.iter().flat_map(|workload| workload.properties);
    rows.filter(move |(owner, name, _)| *owner == type_name && *name == property).map(|(_, _, rule)| *rule)
}

/// Returns the order of responses: as declared, but with complex values and collections of them last, since the service's writer treats
/// them as nested resources.
fn answer_order(properties: &[Property]) -> Vec<usize> {
    let is_complex = |index: &usize| {
        matches!(properties[*index].kind, PropertyType::Complex(_) | PropertyType::Collection(ItemType::Complex(_)))
    };
    let simple = (0..properties.len()).filter(|index| !is_complex(index));
    simple.chain((0..properties.len()).filter(is_complex)).collect()
}

/// Returns the order of the draft page: the properties that it lists, then the others.
fn page_order(rules: &[&'static WorkloadRules], type_name: &str, properties: &[Property], answer_order: &[usize]) -> Vec<usize> {
    let mut listed = rules.iter().flat_map(|workload| workload.page_order).filter(|(owner, _)| *owner == type_name);
    let listed = listed.next().map_or(&[][..], |(_, names)| names);
    let place = |name: &&str| properties.iter().position(|property| *property.name == **name);
    let mut order: Vec<usize> = listed.iter().filter_map(place).collect();
    order.extend(answer_order.iter().filter(|index| !listed.contains(&&*properties[**index].name)));
    order
}

/// The location of a set.
struct SetLocation {
    path: String,
    parent: Option<SetId>,
    is_single: bool,
}

impl SetLocation {
    /// Adds the set, unless another version has it already.
    fn add(self, sets: &mut Vec<Set>, type_name: &str) -> SetId {
        let SetLocation { path, parent, is_single } = self;
        if let Some(index) = sets.iter().position(|set| *set.path == *path) {
            return SetId(index);
        }
        let name = path.rsplit('/').next().unwrap_or(&path).into();
        let fragment = format!("#{path}").into();
        sets.push(Set { path: path.into(), fragment, name, type_name: type_name.into(), parent, is_single });
        SetId(sets.len() - 1)
    }
}

fn entity_type(document: &csdl::Document, model: &Model, type_name: &str) -> Result<TypeId, String> {
    let declaration = document.types.iter().find(|declaration| declaration.name == local_name(type_name));
    if declaration.is_some_and(|declaration| declaration.is_abstract) {
        return Err(format!("abstract entity type {type_name}: a set needs a concrete one"));
    }
    model
        .type_named(local_name(type_name))
        .filter(|id| model.structured(*id).is_entity)
        .ok_or_else(|| format!("unknown entity type {type_name}"))
}

fn collection_element(type_name: &str) -> Option<&str> {
    type_name.strip_prefix("Collection(")?.strip_suffix(')')
}

fn local_name(qualified: &str) -> &str {
    qualified.rsplit('.').next().unwrap_or(qualified)
}

/// Replaces the schema's alias with its namespace.
fn expand_alias(document: &csdl::Document, qualified: &str) -> String {
    match qualified.strip_prefix(document.alias.as_str()).and_then(|rest| rest.strip_prefix('.')) {
        Some(local) => format!("{}.{local}", document.namespace),
        None => qualified.to_owned(),
    }
}

/// Checks that a property has the same type in all versions, which share its value, and that an alias has the type of its target.
pub(super) fn check_kinds(models: &[Model; 2]) -> Result<(), SchemaError> {
    let [v1, beta] = models;
    for structured in &v1.types {
        let Some(twin) = beta.type_named(&structured.name).map(|id| beta.structured(id)) else { continue };
        for property in &structured.properties {
            let Some(other) = twin.property(&property.name).map(|index| &twin.properties[index]) else { continue };
            let (here, there) = (v1.kind_name(property.kind), beta.kind_name(other.kind));
            if here != there {
                let path = format!("{}/{}", structured.name, property.name);
                return Err(SchemaError::new(
                    0,
                    format!("conflicting types of property {path}: {here} in v1.0, {there} in beta"),
                ));
            }
        }
    }
    for structured in models.iter().flat_map(|model| &model.types) {
        let differs =
            |property: &&Property| property.alias.is_some_and(|alias| structured.properties[alias.target].kind != property.kind);
        if let Some(alias) = structured.properties.iter().find(differs) {
            let path = format!("{}/{}", structured.name, alias.name);
            return Err(SchemaError::new(0, format!("conflicting types of property {path} and its alias target")));
        }
    }
    Ok(())
}

/// Assigns the slot of every property: the same for the same type and name in all versions, shared by aliases.
pub(super) fn assign_slots(models: &mut [Model; 2]) {
    let mut slots: HashMap<(Box<str>, Box<str>), usize> = HashMap::new();
    let mut counts: HashMap<Box<str>, usize> = HashMap::new();
    for model in models.iter() {
        for structured in &model.types {
            for property in structured.properties.iter().filter(|property| property.alias.is_none()) {
                let count = counts.entry(structured.name.clone()).or_default();
                slots.entry((structured.name.clone(), property.name.clone())).or_insert_with(|| {
                    *count += 1;
                    *count - 1
                });
            }
        }
    }
    for structured in models.iter_mut().flat_map(|model| &mut model.types) {
        structured.slots = counts.get(&structured.name).copied().unwrap_or(0);
        for index in 0..structured.properties.len() {
            let target = structured.properties[index].alias.map_or(index, |alias| alias.target);
            let key = (structured.name.clone(), structured.properties[target].name.clone());
            structured.properties[index].slot = slots[&key];
        }
    }
}
