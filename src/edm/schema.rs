//! The schema as flat tables: types, properties, enums and paths.
//!
//! Microsoft Graph publishes its schema as CSDL XML, one document per version. The emulator reads documents of the same format (its
//! own are in `fixtures/model/`) into these tables, which drive routing, the validation of bodies and fixtures, and the writing of
//! responses. Entities do not belong to a version, so every property has a *slot*: its index among the values of its type, the same in
//! all versions. Properties that share a value share a slot.

mod build;
mod csdl;
mod rules;

use std::borrow::Cow;
use std::fmt;

pub(crate) use rules::{
    Capabilities, CheckResult, DEFAULT_CAPABILITIES, EnumRefusals, PropertyRule, ServerSetValue, TypeRules, UpdateMethod,
    ValueCheck, Wording, WorkloadRules,
};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(usize);

impl SetId {
    /// Returns the set at an index of [`Schema::sets`].
    pub fn at(index: usize) -> SetId {
        SetId(index)
    }

    /// Returns the index of the set in [`Schema::sets`].
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
pub enum PropertyType {
    /// A primitive value.
    Primitive(Primitive),
    /// A member of an enum, or several of a flags enum.
    Enum(EnumId),
    /// A complex value.
    Complex(TypeId),
    /// An ordered list of values of one type.
    Collection(ItemType),
}

/// The type of a collection's items. Collections of collections do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemType {
    /// Primitive values.
    Primitive(Primitive),
    /// Members of an enum.
    Enum(EnumId),
    /// Complex values.
    Complex(TypeId),
}

impl ItemType {
    /// Returns the type of one item.
    pub fn kind(self) -> PropertyType {
        match self {
            ItemType::Primitive(primitive) => PropertyType::Primitive(primitive),
            ItemType::Enum(id) => PropertyType::Enum(id),
            ItemType::Complex(id) => PropertyType::Complex(id),
        }
    }
}

/// The value of a property in a new entity, if the request omits the property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// A Boolean.
    Boolean(bool),
    /// An integer.
    Int32(i32),
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
    pub kind: PropertyType,
    /// Whether null is valid; for a collection, whether its items may be null, as the collection itself never is (CSDL 4.0, 6.2.1).
    pub nullable: bool,
    /// The index among the values of the type, the same in all versions.
    pub slot: usize,
    /// Whether the schema of this version declares it. An alias exists in versions that do not.
    pub declared: bool,
    /// Whether requests cannot change it.
    pub read_only: bool,
    /// Whether responses have null instead of the value.
    pub write_only: bool,
    /// Whether responses omit it while it is null.
    pub omitted_while_null: bool,
    /// The target, if the property is an alias.
    pub alias: Option<Alias>,
    /// A check beyond the type.
    pub check: Option<ValueCheck>,
    /// The value in a new entity.
    pub initial: Option<Initial>,
    /// The value that the service sets on a write.
    pub server_set: Option<ServerSetValue>,
}

/// The target of an alias: a property of the same type that shares its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The index of the property in its type.
    pub target: usize,
    /// The behavior that decides whether requests and responses may have the alias.
    pub behavior: &'static str,
}

/// A navigation property to contained entities.
#[derive(Debug)]
pub struct Navigation {
    /// The name, in the declared case.
    pub name: Box<str>,
    /// The type of the entities.
    pub target: TypeId,
    /// The collection of the entities.
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
    /// Whether it allows undeclared members.
    pub is_open: bool,
    /// The wording of refusals for its entities.
    pub wording: &'static Wording,
    /// The changes that clients can make to its entities.
    pub capabilities: &'static Capabilities,
    /// The index of the workload that is consulted before a change of an entity, among those whose rules the schema was read with.
    pub consulted: Option<usize>,
    /// All properties, inherited ones first.
    pub properties: Vec<Property>,
    /// The order of the properties in responses: those without members of their own first, as from the service's writer.
    pub answer_order: Vec<usize>,
    /// The order of the draft page.
    pub page_order: Vec<usize>,
    /// Navigation properties, inherited ones first.
    pub navigations: Vec<Navigation>,
    /// The number of slots of an instance.
    pub slots: usize,
    /// The index of the key property, for entity types.
    pub key: Option<usize>,
}

impl StructuredType {
    /// Returns the index of a property by its name in any case.
    pub fn property(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.name.eq_ignore_ascii_case(name))
    }

    /// Returns a navigation property by its name in any case.
    pub fn navigation(&self, name: &str) -> Option<&Navigation> {
        self.navigations.iter().find(|navigation| navigation.name.eq_ignore_ascii_case(name))
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
    /// The number of `unknownFutureValue`, the member that represents those unknown to a client.
    pub sentinel: Option<i64>,
}

/// A singleton or an entity set: the first segment after the version.
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

/// The type of a qualified name.
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

    /// Returns the type of a qualified name, in any case.
    pub fn resolve(&self, full_name: &str) -> Option<NamedType> {
        if let Some(index) = self.types.iter().position(|candidate| candidate.full_name.eq_ignore_ascii_case(full_name)) {
            return Some(NamedType::Structured(TypeId(index)));
        }
        let index = self.enums.iter().position(|candidate| candidate.full_name.eq_ignore_ascii_case(full_name))?;
        Some(NamedType::Enum(EnumId(index)))
    }

    /// Returns the number of an enum's member, if the type is an enum that has it.
    pub fn member(&self, kind: PropertyType, name: &str) -> Option<i64> {
        let PropertyType::Enum(id) = kind else { return None };
        self.enumeration(id).members.iter().find(|(member, _)| **member == *name).map(|(_, number)| *number)
    }

    /// Returns the qualified name of a property's type.
    pub fn kind_name(&self, kind: PropertyType) -> Cow<'_, str> {
        match kind {
            PropertyType::Primitive(primitive) => Cow::Borrowed(primitive.name()),
            PropertyType::Enum(id) => Cow::Borrowed(&self.enumeration(id).full_name),
            PropertyType::Complex(id) => Cow::Borrowed(&self.structured(id).full_name),
            PropertyType::Collection(item) => Cow::Owned(format!("Collection({})", self.kind_name(item.kind()))),
        }
    }
}

/// The placeholder of a key in the path of a [`Set`].
pub(crate) const KEY_PLACE: &str = "{id}";

/// A collection of entities. A contained one exists once per entity of its parent.
#[derive(Debug)]
pub struct Set {
    /// The path after the version, in the declared case, with [`KEY_PLACE`] for the keys of the entities that contain it.
    pub path: Box<str>,
    /// The path as the fragment of context URLs.
    pub fragment: Box<str>,
    /// The last segment of the path.
    pub name: Box<str>,
    /// The name of the entity type, without namespace.
    pub type_name: Box<str>,
    /// The set of the entities that contain it; `None` for a root set.
    pub parent: Option<SetId>,
    /// Whether it holds at most one entity, which has no key in its path.
    pub is_single: bool,
}

/// The path of a root set in one version.
#[derive(Debug)]
pub struct Address {
    /// The path with the version, in the declared case, without a trailing slash.
    pub path: Box<str>,
    /// The version.
    pub version: Version,
    /// The collection.
    pub set: SetId,
    /// The type of its entities.
    pub type_id: TypeId,
}

/// The tables of all versions, and the sets that they share.
#[derive(Debug)]
pub struct Schema {
    models: [Model; 2],
    documents: [Box<str>; 2],
    sets: Vec<Set>,
    addresses: Vec<Address>,
}

impl Schema {
    /// Reads the documents of both versions, with the rules of workloads.
    ///
    /// # Errors
    ///
    /// Fails if a document is not CSDL, declares unsupported elements, or conflicts with the other one.
    pub fn read(v1: &str, beta: &str, rules: &[&'static WorkloadRules]) -> Result<Schema, SchemaError> {
        let mut sets = Vec::new();
        let mut models = [build::model(Version::V1, v1, rules, &mut sets)?, build::model(Version::Beta, beta, rules, &mut sets)?];
        build::check_kinds(&models)?;
        build::assign_slots(&mut models);
        let schema = Schema { models, documents: [v1.into(), beta.into()], sets, addresses: Vec::new() };
        let mut addresses = Vec::new();
        for set in schema.root_sets() {
            for model in &schema.models {
                let Some((type_id, _)) = schema.entity_type(model, set) else { continue };
                let path = format!("/{}/{}", model.version.segment(), schema.set(set).path).into();
                addresses.push(Address { path, version: model.version, set, type_id });
            }
        }
        Ok(Schema { addresses, ..schema })
    }

    /// Returns the tables of a version.
    pub fn model(&self, version: Version) -> &Model {
        match version {
            Version::V1 => &self.models[0],
            Version::Beta => &self.models[1],
        }
    }

    /// Returns the document of a version.
    pub fn document(&self, version: Version) -> &str {
        match version {
            Version::V1 => &self.documents[0],
            Version::Beta => &self.documents[1],
        }
    }

    /// Returns the tables of the version that declares the most, which fixtures are read with.
    pub fn widest(&self) -> &Model {
        self.model(Version::Beta)
    }

    /// Returns all sets, in the order of their ids.
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// Returns the addresses of all root sets in all versions.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Returns a set.
    pub fn set(&self, id: SetId) -> &Set {
        &self.sets[id.0]
    }

    /// Returns a set by the last segment of its path, in any case.
    pub fn set_named(&self, name: &str) -> Option<SetId> {
        self.sets.iter().position(|set| set.name.eq_ignore_ascii_case(name)).map(SetId)
    }

    /// Returns the root sets: those that no entity contains.
    pub fn root_sets(&self) -> impl Iterator<Item = SetId> + '_ {
        self.set_ids().filter(|set| self.set(*set).parent.is_none())
    }

    /// Returns the root set above a set, or the set itself.
    pub fn root_of(&self, set: SetId) -> SetId {
        std::iter::successors(Some(set), |set| self.set(*set).parent).last().unwrap_or(set)
    }

    /// Returns the sets that the entities of a set contain.
    pub fn contained(&self, parent: SetId) -> impl Iterator<Item = SetId> + '_ {
        self.set_ids().filter(move |set| self.set(*set).parent == Some(parent))
    }

    /// Returns the ids of all sets.
    pub fn set_ids(&self) -> impl Iterator<Item = SetId> + use<> {
        (0..self.sets.len()).map(SetId)
    }

    /// Returns the type of a set's entities in a version, if that version has it.
    pub fn entity_type<'a>(&self, model: &'a Model, set: SetId) -> Option<(TypeId, &'a StructuredType)> {
        let id = model.type_named(&self.sets[set.0].type_name)?;
        Some((id, model.structured(id)))
    }
}

/// The built-in documents, in the order of [`Version::ALL`].
pub(crate) const BUILT_IN: [&str; 2] =
    [include_str!("../../fixtures/model/v1.0.xml"), include_str!("../../fixtures/model/beta.xml")];

/// A schema document that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The line in the document, from 1; 0 for the document as a whole.
    pub line: usize,
    /// The problem, for people.
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

#[cfg(test)]
mod tests;
