//! Properties of structured types.

use super::{EnumId, ServerSetValue, Slot, TypeId, ValueCheck};
use crate::edm::primitive::Primitive;
use crate::policy::refusal::Refusal;

/// The type of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Initial {
    /// A Boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// The number of an enum member.
    Member(i64),
    /// A text.
    Text(Box<str>),
}

/// A structural property of a type. Types share the properties that they inherit.
#[derive(Clone, Debug)]
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
    /// The place of the value.
    pub slot: Slot,
    /// Whether the schema of this version declares it. An alias exists in versions that do not.
    pub declared: bool,
    /// Whether requests cannot change it.
    pub read_only: bool,
    /// The refusal of a change that names it, if it is not ignored.
    pub unchangeable: Option<&'static Refusal>,
    /// Whether only a create can set it.
    pub immutable: bool,
    /// Whether responses have null instead of the value.
    pub write_only: bool,
    /// Whether responses omit it while it is null.
    pub omitted_while_null: bool,
    /// Whether the core of the schema does not have it, though it has the type. Responses omit it while it has no value, as they do before
    /// the rest of the schema is read.
    pub is_extension: bool,
    /// The maximum length of a text, in characters.
    pub max_length: Option<usize>,
    /// The target, if the property is an alias.
    pub alias: Option<Alias>,
    /// A check beyond the type.
    pub check: Option<ValueCheck>,
    /// The value in a new entity.
    pub initial: Option<Initial>,
    /// The value in an entity that a request creates, as JSON.
    pub created_with: Option<&'static str>,
    /// The value that the service sets on a write.
    pub server_set: Option<ServerSetValue>,
    /// Whether a time that the service sets has no fraction of a second.
    pub has_whole_seconds: bool,
    /// Whether the identity of a caller has id and name only.
    pub has_plain_identity: bool,
    /// The form in which the service stores a text of a request.
    pub rewrite: Option<fn(&str) -> Option<String>>,
}

impl Property {
    /// Returns a property without rules. Its slot is not yet numbered.
    pub(crate) fn new(name: &str, kind: PropertyType, nullable: bool) -> Property {
        Property {
            name: name.into(),
            member: ["\"", name, "\":"].concat().into_bytes().into(),
            kind,
            nullable,
            slot: Slot(0),
            declared: true,
            read_only: false,
            unchangeable: None,
            immutable: false,
            write_only: false,
            omitted_while_null: false,
            is_extension: false,
            max_length: None,
            alias: None,
            check: None,
            initial: None,
            created_with: None,
            server_set: None,
            has_whole_seconds: false,
            has_plain_identity: false,
            rewrite: None,
        }
    }
}

/// The target of an alias: a property of the same type that shares its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The index of the property in its type.
    pub target: usize,
    /// The behavior that decides whether requests and responses may have the alias; `None` if they have it where the schema declares it.
    pub behavior: Option<&'static str>,
}

/// The members of answers without `$select`.
#[derive(Debug, PartialEq, Eq)]
pub struct Projection {
    /// Whether answers have each property of the type.
    pub(super) properties: Box<[bool]>,
    /// Whether answers have undeclared members.
    pub has_undeclared: bool,
}

impl Projection {
    /// Whether answers have the property with an index.
    pub fn has(&self, index: usize) -> bool {
        self.properties.get(index) != Some(&false)
    }
}
