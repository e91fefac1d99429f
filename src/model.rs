//! The schema as flat tables: types, properties, enums, and what lies under which path.
//!
//! Microsoft Graph publishes its schema as CSDL XML, one document per version. The emulator reads documents of the same format (its
//! own are in `fixtures/model/`) into the tables here, and everything else is driven by them: routing, the checking of bodies, the
//! writing of answers, the checking of fixtures. Entities do not belong to a version, so every property has a *slot*: its place
//! among the values of its type, which is the same in all versions. Properties that share a value share a slot.

mod csdl;
mod rules;

use std::collections::HashMap;
use std::fmt;

use rules::Rule;
pub use rules::{Check, Stamp};

/// A version of the service, the first segment of every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `/v1.0`
    V1,
    /// `/beta`
    Beta,
}

impl Version {
    /// All versions, in the order of [`Schema`]'s models.
    pub const ALL: [Version; 2] = [Version::V1, Version::Beta];

    /// Returns the path segment of the version.
    pub fn segment(self) -> &'static str {
        match self {
            Version::V1 => "v1.0",
            Version::Beta => "beta",
        }
    }

    /// Returns the version of a path segment, in any case.
    pub fn from_segment(segment: &str) -> Option<Version> {
        Version::ALL.into_iter().find(|version| version.segment().eq_ignore_ascii_case(segment))
    }
}

/// A type of a [`Model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeId(usize);

/// An enum of a [`Model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnumId(usize);

/// A collection of entities, the same in all versions of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetId(usize);

impl SetId {
    /// Returns the place of the set among [`Schema::sets`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// The primitive types that the emulated resources use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// `Edm.Boolean`
    Boolean,
    /// `Edm.Int32`
    Int32,
    /// `Edm.String`
    String,
    /// `Edm.DateTimeOffset`
    DateTimeOffset,
}

impl Primitive {
    /// All primitives.
    pub const ALL: [Primitive; 4] = [Primitive::Boolean, Primitive::Int32, Primitive::String, Primitive::DateTimeOffset];

    /// Returns the qualified name.
    pub fn name(self) -> &'static str {
        match self {
            Primitive::Boolean => "Edm.Boolean",
            Primitive::Int32 => "Edm.Int32",
            Primitive::String => "Edm.String",
            Primitive::DateTimeOffset => "Edm.DateTimeOffset",
        }
    }
}

/// The type of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A primitive value.
    Primitive(Primitive),
    /// A member of an enum, or several of a flags enum.
    Enum(EnumId),
    /// A complex value.
    Complex(TypeId),
}

/// The value that a new entity gets where the request has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// A Boolean.
    Boolean(bool),
    /// The number of an enum member.
    Member(i64),
}

/// A structural property of a type, inherited ones included.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "a row of a table: each flag is a column of its own")]
pub struct Property {
    /// The name, in the declared case.
    pub name: Box<str>,
    /// The name as the beginning of a JSON member: quoted, with the colon.
    pub member: Box<[u8]>,
    /// The type.
    pub kind: Kind,
    /// Whether null is a value.
    pub nullable: bool,
    /// The place among the values of the type, the same in all versions.
    pub slot: usize,
    /// Whether the schema of this version declares it. A mirror exists on versions that do not.
    pub declared: bool,
    /// Whether requests cannot change it.
    pub read_only: bool,
    /// Whether answers show null instead of the value.
    pub write_only: bool,
    /// Whether answers leave it out while it is null.
    pub omitted_while_null: bool,
    /// The property of the same type whose value this one shows under another name.
    pub mirrors: Option<usize>,
    /// A check beyond the type.
    pub check: Option<Check>,
    /// The value in a new entity.
    pub initial: Option<Initial>,
    /// What the service sets it to.
    pub stamp: Option<Stamp>,
}

/// A property that leads to other entities.
#[derive(Debug)]
pub struct Navigation {
    /// The name, in the declared case.
    pub name: Box<str>,
    /// The type of the entities.
    pub target: TypeId,
    /// The collection that it leads to.
    pub set: SetId,
}

/// An entity type or a complex type.
#[derive(Debug)]
pub struct StructuredType {
    /// The name without the namespace.
    pub name: Box<str>,
    /// The name with the namespace.
    pub full_name: Box<str>,
    /// Whether it is an entity type.
    pub is_entity: bool,
    /// Whether it has no instances of its own.
    pub is_abstract: bool,
    /// Whether it takes members that it does not declare.
    pub is_open: bool,
    /// The type that it derives from.
    pub base: Option<TypeId>,
    /// All properties, inherited ones first.
    pub properties: Vec<Property>,
    /// The order in which answers show the properties: those without members of their own first, as the service's writer does.
    pub answer_order: Vec<usize>,
    /// Properties that lead to other entities, inherited ones first.
    pub navigations: Vec<Navigation>,
    /// How many slots an instance has.
    pub slots: usize,
    /// The index of the key property, for entity types.
    pub key: Option<usize>,
}

impl StructuredType {
    /// Returns the index of a property by its name in any case.
    pub fn property(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.name.eq_ignore_ascii_case(name))
    }

    /// Returns the slot of a property by its name.
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.property(name).map(|index| self.properties[index].slot)
    }
}

/// An enum type.
#[derive(Debug)]
pub struct EnumType {
    /// The name without the namespace.
    pub name: Box<str>,
    /// The name with the namespace.
    pub full_name: Box<str>,
    /// Whether several members can be set at once.
    pub is_flags: bool,
    /// Names and numbers, in ascending order of the numbers.
    pub members: Vec<(Box<str>, i64)>,
    /// The number of `unknownFutureValue`, the member that stands for those that clients do not know.
    pub sentinel: Option<i64>,
}

/// A singleton or an entity set: the first segment behind the version.
#[derive(Debug)]
pub struct Root {
    /// The name, in the declared case.
    pub name: Box<str>,
    /// The type of the singleton or of the set's entities.
    pub target: TypeId,
    /// The collection, unless it is a singleton.
    pub set: Option<SetId>,
}

/// The tables of one version.
#[derive(Debug)]
pub struct Model {
    /// The version.
    pub version: Version,
    /// The namespace of all types.
    pub namespace: Box<str>,
    types: Vec<StructuredType>,
    enums: Vec<EnumType>,
    roots: Vec<Root>,
}

/// What a type name in a payload can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedType {
    /// A structured type.
    Structured(TypeId),
    /// An enum.
    Enum(EnumId),
}

impl Model {
    /// Returns a structured type.
    pub fn structured(&self, id: TypeId) -> &StructuredType {
        &self.types[id.0]
    }

    /// Returns an enum.
    pub fn enumeration(&self, id: EnumId) -> &EnumType {
        &self.enums[id.0]
    }

    /// Returns a singleton or entity set by its name in any case.
    pub fn root(&self, name: &str) -> Option<&Root> {
        self.roots.iter().find(|root| root.name.eq_ignore_ascii_case(name))
    }

    /// Returns all singletons and entity sets.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Returns the structured type of a name without namespace, in any case.
    pub fn type_named(&self, name: &str) -> Option<TypeId> {
        self.types.iter().position(|candidate| candidate.name.eq_ignore_ascii_case(name)).map(TypeId)
    }

    /// Returns what a qualified name means, in any case.
    pub fn resolve(&self, full_name: &str) -> Option<NamedType> {
        if let Some(index) = self.types.iter().position(|candidate| candidate.full_name.eq_ignore_ascii_case(full_name)) {
            return Some(NamedType::Structured(TypeId(index)));
        }
        let index = self.enums.iter().position(|candidate| candidate.full_name.eq_ignore_ascii_case(full_name))?;
        Some(NamedType::Enum(EnumId(index)))
    }

    /// Returns the qualified name of a property's type.
    pub fn kind_name(&self, kind: Kind) -> &str {
        match kind {
            Kind::Primitive(primitive) => primitive.name(),
            Kind::Enum(id) => &self.enumeration(id).full_name,
            Kind::Complex(id) => &self.structured(id).full_name,
        }
    }
}

/// A collection that a path can name.
#[derive(Debug)]
pub struct Set {
    /// The path behind the version, in the declared case.
    pub path: Box<str>,
    /// The last segment of the path.
    pub name: Box<str>,
    /// The name of the entity type, without namespace.
    pub type_name: Box<str>,
}

/// All versions of the schema, with what they have in common.
#[derive(Debug)]
pub struct Schema {
    models: [Model; 2],
    sets: Vec<Set>,
}

impl Schema {
    /// Reads the schema that is built in.
    pub fn shipped() -> Schema {
        let [v1, beta] = SHIPPED;
        Schema::read(v1, beta).expect("the built-in schema is read by a test")
    }

    /// Reads the documents of both versions.
    pub fn read(v1: &str, beta: &str) -> Result<Schema, SchemaError> {
        let mut sets = Vec::new();
        let mut models = [build(Version::V1, v1, &mut sets)?, build(Version::Beta, beta, &mut sets)?];
        assign_slots(&mut models);
        Ok(Schema { models, sets })
    }

    /// Returns the tables of a version.
    pub fn model(&self, version: Version) -> &Model {
        match version {
            Version::V1 => &self.models[0],
            Version::Beta => &self.models[1],
        }
    }

    /// Returns the tables that fixtures are read with: those of the version that declares the most.
    pub fn widest(&self) -> &Model {
        self.model(Version::Beta)
    }

    /// Returns all collections; their places are those of their [`SetId`]s.
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// Returns one collection.
    pub fn set(&self, id: SetId) -> &Set {
        &self.sets[id.0]
    }

    /// Returns a collection by the last segment of its path, in any case.
    pub fn set_named(&self, name: &str) -> Option<SetId> {
        self.sets.iter().position(|set| set.name.eq_ignore_ascii_case(name)).map(SetId)
    }

    /// Returns all collections' ids.
    pub fn set_ids(&self) -> impl Iterator<Item = SetId> + use<> {
        (0..self.sets.len()).map(SetId)
    }

    /// Returns the type of a collection's entities in a version, if that version has the collection.
    pub fn entity_type<'a>(&self, model: &'a Model, set: SetId) -> Option<(TypeId, &'a StructuredType)> {
        let id = model.type_named(&self.sets[set.0].type_name)?;
        Some((id, model.structured(id)))
    }
}

/// The built-in documents, in the order of [`Version::ALL`].
pub const SHIPPED: [&str; 2] = [include_str!("../fixtures/model/v1.0.xml"), include_str!("../fixtures/model/beta.xml")];

/// A schema document that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The line in the document, counted from 1; 0 where the whole document is meant.
    pub line: usize,
    /// What is wrong, for people.
    pub reason: String,
}

impl SchemaError {
    fn new(line: usize, reason: String) -> SchemaError {
        SchemaError { line, reason }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "schema: {}", self.reason);
        }
        write!(f, "schema, line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for SchemaError {}

/// Builds the tables of one version, and adds the collections that earlier versions did not have.
fn build(version: Version, xml: &str, sets: &mut Vec<Set>) -> Result<Model, SchemaError> {
    let document = csdl::read(xml)?;
    let error = |reason: String| SchemaError::new(0, reason);
    let enums = document.enums.iter().map(|declaration| build_enum(&document.namespace, declaration)).collect();
    let mut model = Model { version, namespace: document.namespace.as_str().into(), types: Vec::new(), enums, roots: Vec::new() };

    // Types refer to each other, so all of them get their place before any property is resolved.
    for declaration in &document.types {
        if model.type_named(&declaration.name).is_some() {
            return Err(error(format!("type {} is declared twice", declaration.name)));
        }
        model.types.push(StructuredType {
            name: declaration.name.as_str().into(),
            full_name: format!("{}.{}", document.namespace, declaration.name).into(),
            is_entity: declaration.is_entity,
            is_abstract: declaration.is_abstract,
            is_open: declaration.is_open,
            base: None,
            properties: Vec::new(),
            answer_order: Vec::new(),
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
                properties.push(build_property(&document, &model, ancestor, property).map_err(error)?);
            }
        }
        add_mirrors(&declaration.name, &mut properties);
        let base = declaration.base.as_deref().and_then(|base| model.type_named(local_name(base)));
        let key_name = lineage.iter().find_map(|ancestor| ancestor.key.first());
        let built = &mut model.types[index];
        built.base = base;
        built.key = key_name.and_then(|name| properties.iter().position(|property| *property.name == **name));
        built.answer_order = answer_order(&properties);
        built.properties = properties;
    }
    for (index, declaration) in document.types.iter().enumerate() {
        let lineage = lineage(&document, declaration).map_err(error)?;
        for navigation in lineage.iter().flat_map(|ancestor| &ancestor.navigations) {
            let Some(element) = collection_element(&navigation.type_name).filter(|_| navigation.contains_target) else {
                return Err(error(format!(
                    "navigation property {}/{} is not a contained collection, which is what is emulated",
                    declaration.name, navigation.name
                )));
            };
            let target = entity_type(&model, element).map_err(error)?;
            let owner = document.roots.iter().find(|root| local_name(&root.type_name) == declaration.name);
            let Some(owner) = owner else { continue };
            let path = format!("{}/{}", owner.name, navigation.name);
            let set = set_at(sets, &path, &model.types[target.0].name);
            model.types[index].navigations.push(Navigation { name: navigation.name.as_str().into(), target, set });
        }
    }
    for root in &document.roots {
        let target = entity_type(&model, &root.type_name).map_err(error)?;
        let set = (!root.is_singleton).then(|| set_at(sets, &root.name, &model.types[target.0].name));
        model.roots.push(Root { name: root.name.as_str().into(), target, set });
    }
    Ok(model)
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
        current = found.ok_or_else(|| format!("type {} derives from {base}, which is not declared", current.name))?;
        if lineage.len() > document.types.len() {
            return Err(format!("type {} derives from itself", declaration.name));
        }
        lineage.push(current);
    }
    lineage.reverse();
    Ok(lineage)
}

fn build_property(
    document: &csdl::Document,
    model: &Model,
    owner: &csdl::TypeDeclaration,
    declaration: &csdl::PropertyDeclaration,
) -> Result<Property, String> {
    let place = format!("{}/{}", owner.name, declaration.name);
    let kind = match Primitive::ALL.into_iter().find(|primitive| primitive.name() == declaration.type_name) {
        Some(primitive) => Kind::Primitive(primitive),
        None => match model.resolve(&expanded(document, &declaration.type_name)) {
            Some(NamedType::Enum(id)) => Kind::Enum(id),
            Some(NamedType::Structured(id)) => Kind::Complex(id),
            None => {
                let known: Vec<&str> = Primitive::ALL.iter().map(|primitive| primitive.name()).collect();
                return Err(format!(
                    "property {place} has the type {}; expected {}, or a declared enum or complex type",
                    declaration.type_name,
                    known.join(", ")
                ));
            }
        },
    };
    let mut property = new_property(&declaration.name, kind, declaration.nullable);
    property.read_only = document.computed.contains(&place);
    for rule in rules::of(&owner.name, &declaration.name) {
        match rule {
            Rule::WriteOnly => property.write_only = true,
            Rule::ReadOnly => property.read_only = true,
            Rule::OmittedWhileNull => property.omitted_while_null = true,
            Rule::Checked(check) => property.check = Some(check),
            Rule::Stamped(stamp) => property.stamp = Some(stamp),
            Rule::StartsAs(json) => {
                property.initial =
                    Some(initial(model, kind, json).ok_or_else(|| {
                        format!("property {place} cannot start as {json}: it is of type {}", declaration.type_name)
                    })?)
            }
            // Mirrors need the properties that they mirror, so they are resolved when all are there.
            Rule::Mirrors(_) => {}
        }
    }
    Ok(property)
}

fn new_property(name: &str, kind: Kind, nullable: bool) -> Property {
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
        mirrors: None,
        check: None,
        initial: None,
        stamp: None,
    }
}

fn initial(model: &Model, kind: Kind, json: &str) -> Option<Initial> {
    match kind {
        Kind::Primitive(Primitive::Boolean) => json.parse().ok().map(Initial::Boolean),
        Kind::Enum(id) => {
            let name = json.trim_matches('"');
            let member = model.enumeration(id).members.iter().find(|(member, _)| **member == *name)?;
            Some(Initial::Member(member.1))
        }
        _ => None,
    }
}

/// Adds the mirrors of a type that its schema does not declare, and ties all of them to what they mirror.
fn add_mirrors(type_name: &str, properties: &mut Vec<Property>) {
    for (mirror, target) in rules::mirrors_of(type_name) {
        let Some(place) = properties.iter().position(|property| *property.name == *target) else { continue };
        if !properties.iter().any(|property| *property.name == *mirror) {
            let mut added = new_property(mirror, properties[place].kind, properties[place].nullable);
            added.declared = false;
            // The older name stands before the newer one, as in the published example.
            properties.insert(place, added);
        }
        let target = properties.iter().position(|property| *property.name == *target);
        for property in properties.iter_mut().filter(|property| *property.name == *mirror) {
            property.mirrors = target;
        }
    }
}

/// Returns the order of answers: as declared, but complex values behind all others, since the service's writer treats them as
/// nested resources.
fn answer_order(properties: &[Property]) -> Vec<usize> {
    let is_complex = |index: &usize| matches!(properties[*index].kind, Kind::Complex(_));
    let simple = (0..properties.len()).filter(|index| !is_complex(index));
    simple.chain((0..properties.len()).filter(is_complex)).collect()
}

fn set_at(sets: &mut Vec<Set>, path: &str, type_name: &str) -> SetId {
    if let Some(index) = sets.iter().position(|set| *set.path == *path) {
        return SetId(index);
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    sets.push(Set { path: path.into(), name: name.into(), type_name: type_name.into() });
    SetId(sets.len() - 1)
}

fn entity_type(model: &Model, type_name: &str) -> Result<TypeId, String> {
    model
        .type_named(local_name(type_name))
        .filter(|id| model.structured(*id).is_entity)
        .ok_or_else(|| format!("{type_name} is not a declared entity type"))
}

fn collection_element(type_name: &str) -> Option<&str> {
    type_name.strip_prefix("Collection(")?.strip_suffix(')')
}

fn local_name(qualified: &str) -> &str {
    qualified.rsplit('.').next().unwrap_or(qualified)
}

/// Replaces the schema's alias by its namespace.
fn expanded(document: &csdl::Document, qualified: &str) -> String {
    match qualified.strip_prefix(document.alias.as_str()).and_then(|rest| rest.strip_prefix('.')) {
        Some(local) => format!("{}.{local}", document.namespace),
        None => qualified.to_owned(),
    }
}

/// Gives every property its slot: the same for the same type and name in all versions, shared by mirrors.
fn assign_slots(models: &mut [Model; 2]) {
    let mut slots: HashMap<(Box<str>, Box<str>), usize> = HashMap::new();
    let mut counts: HashMap<Box<str>, usize> = HashMap::new();
    for model in models.iter() {
        for structured in &model.types {
            for property in structured.properties.iter().filter(|property| property.mirrors.is_none()) {
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
            let named = structured.properties[index].mirrors.unwrap_or(index);
            let key = (structured.name.clone(), structured.properties[named].name.clone());
            structured.properties[index].slot = slots[&key];
        }
    }
}

#[cfg(test)]
mod tests;
