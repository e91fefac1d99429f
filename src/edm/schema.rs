//! The schema as flat tables: types, properties, enums and paths.
//!
//! Microsoft Graph publishes its schema as CSDL XML, one document per version. The emulator reads documents of the same format (its
//! own are in `fixtures/model/`) into these tables, which drive routing, the validation of bodies and fixtures, and the writing of
//! responses. Entities do not belong to a version: types, enums and sets have the same numbers in all versions, and every property has
//! a *slot*, the same for the same name and type. Properties that share a value share a slot. Fixtures are read with the union of the
//! versions.

mod build;
mod contents;
mod csdl;
mod name_index;
mod names;
mod operation;
mod problems;
mod restrictions;
mod rules;
mod sets;
mod text;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use foldhash::fast::RandomState;

use crate::edm::primitive::Primitive;
use crate::policy::refusal::Refusal;
use name_index::NameIndex;

pub(crate) use csdl::PropertyList;
pub(crate) use csdl::Revision;
pub(crate) use operation::{Operation, OperationType, Parameter};
pub(crate) use restrictions::{Capability, PropertyLists, Restrictions};
pub(crate) use text::{BUILT_IN, SchemaText};

pub(crate) use rules::{
    Advance, Capabilities, CheckResult, Conflict, DEFAULT_CAPABILITIES, DEFAULT_MEDIA, DEFAULT_WORDING, DeactivationRules,
    DefaultProjection, DerivedKey, Elsewhere, EntityOptions, EnumRefusals, FileRules, FilterRules, IdForm, ImpliedId,
    ImpliedRules, JoinRules, KeyCheck, LimitHeaders, MediaRules, PropertyRule, QueryRules, RecycledRules, Required, SearchRules,
    ServerSetValue, SiteRules, TagForm, TagRules, Tolerance, TypeRules, Unique, UnknownMembers, UpdateAnswer, UpdateMethod,
    ValueCheck, View, WellKnown, WindowRules, Wording, WorkloadRules,
};
pub(crate) use sets::{Address, Set, SetKind};

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

    /// Returns the path of the schema, of which context URLs name parts.
    pub fn metadata_path(self) -> &'static str {
        match self {
            Version::V1 => "/v1.0/$metadata",
            Version::Beta => "/beta/$metadata",
        }
    }

    /// Returns the version of a path segment, in any case.
    pub fn from_segment(segment: &str) -> Option<Version> {
        Version::ALL.into_iter().find(|version| version.segment().eq_ignore_ascii_case(segment))
    }
}

/// A structured type, the same in all versions of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(u32);

/// An enum, the same in all versions of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnumId(u32);

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

/// The place of a property's value: the number of the property's name and type, the same in all types and versions. A value of a derived
/// type can therefore be read as one of its base type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// The slot of the address in a link.
    pub(crate) const LINK: Slot = Slot(u32::MAX);

    /// The slot of the tag of an entity.
    pub(crate) const TAG: Slot = Slot(u32::MAX - 1);

    /// The slot of the content of a media entity.
    pub(crate) const MEDIA: Slot = Slot(u32::MAX - 2);

    /// Returns the slot of the entities behind a navigation property, by its number in a query. No stored entity has it.
    pub(crate) fn navigated(number: u16) -> Slot {
        Slot(u32::MAX - 16 - u32::from(number))
    }

    /// Returns the slot of a number, for tests.
    #[cfg(test)]
    pub(crate) fn at(number: u32) -> Slot {
        Slot(number)
    }
}

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
    properties: Box<[bool]>,
    /// Whether answers have undeclared members.
    pub has_undeclared: bool,
}

impl Projection {
    /// Whether answers have the property with an index.
    pub fn has(&self, index: usize) -> bool {
        self.properties.get(index) != Some(&false)
    }
}

/// A navigation property. Types share those that they inherit.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "a row of a table: each flag is a column of its own")]
pub struct Navigation {
    /// The name, in the declared case.
    pub name: Box<str>,
    /// The declared type of the entities.
    pub target: TypeId,
    /// Whether it leads to a collection.
    pub is_collection: bool,
    /// Whether the entities live here. Others are links to entities that live elsewhere.
    pub contains_target: bool,
    /// The collections of its entities, or of its links.
    pub set: SetId,
    /// Whether it leads to a single entity that must exist (OData CSDL 4.01, 8.3).
    pub is_required: bool,
    /// Whether answers can include its entities.
    pub is_expandable: bool,
    /// Whether answers include its entities unasked.
    pub is_auto_expanded: bool,
    /// Whether the answer to a creation has the entities that the request created with it; of a single one that lives elsewhere, the key alone.
    pub is_shown_with_new: bool,
    /// The entities of other addresses that it shows.
    pub view: Option<View>,
    /// The other collections of the holder whose entities are found through it by their keys.
    pub keyed_elsewhere: &'static [Elsewhere],
    /// The restrictions of clients there.
    pub restrictions: Restrictions,
    /// The rules of the time range, if it leads to what happens in one.
    pub window: Option<&'static WindowRules>,
}

/// An entity type or a complex type.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "a row of a table: each flag is a column of its own")]
pub struct StructuredType {
    /// The number of the type.
    pub id: TypeId,
    /// The name without the namespace.
    pub name: Box<str>,
    /// The name with the namespace.
    pub full_name: Box<str>,
    /// The base type.
    pub base: Option<TypeId>,
    /// Whether it is an entity type.
    pub is_entity: bool,
    /// Whether it has no instances of its own, only those of derived types.
    pub is_abstract: bool,
    /// Whether its own instances are of a derived type that is not known.
    pub is_placeholder: bool,
    /// Whether it allows undeclared members.
    pub is_open: bool,
    /// Whether an instance, or a complex value in it, can have a derived type.
    pub is_polymorphic: bool,
    /// Whether its entities are media streams.
    pub has_stream: bool,
    /// The wording of refusals for its entities.
    pub wording: &'static Wording,
    /// The changes that clients can make to its entities.
    pub capabilities: Capabilities,
    /// The restrictions that the schema states for its entities, apart from changes that a workload has a row about.
    pub restrictions: Restrictions,
    /// The index of the workload that is consulted before a change of an entity, among those whose rules the schema was read with.
    pub consulted: Option<usize>,
    /// The index of the workload that decides who may read and write its entities, likewise.
    pub guarded: Option<usize>,
    /// All properties, inherited ones first.
    pub properties: Vec<Arc<Property>>,
    /// The order of the properties in responses: those without members of their own first, as from the service's writer.
    pub answer_order: Vec<u16>,
    /// The order of the draft page, if it differs.
    pub page_order: Option<Box<[u16]>>,
    /// The order in recorded answers, if it differs.
    pub recorded_order: Option<Box<[u16]>>,
    /// Navigation properties, inherited ones first.
    pub navigations: Vec<Arc<Navigation>>,
    /// The index of the key property, for entity types.
    pub key: Option<usize>,
    /// The indices of properties that identify an entity beside the key.
    pub alternate_keys: Vec<usize>,
    /// The members that a request must have to create an entity.
    pub required: Option<&'static Required>,
    /// The slot of the property that names the application to which an entity belongs, if others do not see it.
    pub owner: Option<Slot>,
    /// The members of answers without `$select`, where these are not all.
    pub default_projection: Option<Arc<Projection>>,
    /// The rules of `$search`, if the service has it.
    pub search: Option<&'static SearchRules>,
    /// The rules that few types have.
    rare: Option<Arc<RareRules>>,
    /// The rules of the tags of its entities, if they have tags.
    pub tag: Option<&'static TagRules>,
    /// The index of the key, if answers have it whether it is selected or not.
    pub always_selected: Option<usize>,
    /// The members of files and folders, if its entities are some.
    pub file: Option<&'static FileRules>,
    /// The index of the alternate key that a path segment can be, like a key.
    pub segment_key: Option<usize>,
    /// The index of a property, and the names of its values that a path segment can be, like a key.
    pub well_known: Option<(usize, WellKnown)>,
    /// The properties whose values no two entities of a collection can share.
    pub unique: Vec<&'static Unique>,
    /// The approximate length of the JSON text of all properties without values.
    pub blank_text: usize,
    names: NameIndex,
}

/// The rules that few types have.
#[derive(Clone, Debug)]
pub struct RareRules {
    /// The value of a single entity that was never written, if it has one.
    pub implied: Option<&'static ImpliedRules>,
    /// The rule of a DELETE that marks an entity, if it does not remove it.
    pub deactivated: Option<&'static DeactivationRules>,
    /// The behavior that decides whether undeclared members of requests are ignored.
    pub tolerance: Option<&'static Tolerance>,
    /// A property, and its member that becomes another one by a read.
    pub advanced: Option<&'static Advance>,
    /// A name that requests can have for a property, and the property.
    pub renamed: Option<&'static (&'static str, &'static str)>,
    /// The behavior that decides whether identities of users have no `tenantId`.
    pub without_tenant: Option<&'static Tolerance>,
    /// The rules of queries, if only some are taken.
    pub queries: Option<&'static QueryRules>,
    /// The headers on the use of limits, if its answers have some.
    pub limit_headers: Option<LimitHeaders>,
    /// The behavior that decides whether conditions compare texts without case.
    pub caseless: Option<&'static Tolerance>,
    /// The behavior that decides whether lists have no `$skip` and pages of 1 to 999 entities.
    pub paged: Option<&'static Tolerance>,
    /// Whether its answers have forms that requests can prefer.
    pub has_forms: bool,
    /// The number of entities on a page of a list whose client asks for no other number, if that is smaller than for others.
    pub page_size: Option<usize>,
    /// The behavior that decides whether the properties of an order must be the first ones of a condition beside it.
    pub ordered_filters: Option<&'static Tolerance>,
    /// The navigation property to the times that differ from the others, where an entity can happen more than once.
    pub repeated: Option<&'static str>,
    /// The alternate key by which PATCH creates an entity.
    pub upserted: Option<&'static str>,
    /// The properties that lead from the address of a page to an entity.
    pub site: Option<&'static SiteRules>,
    /// Whether its entities come before recorded answers.
    pub has_own_state: bool,
    /// The behavior that decides whether queries cannot have unknown names, though the type is open.
    pub closed: Option<&'static Tolerance>,
    /// The rule for members of bodies that it does not declare, though it is open.
    pub unknown_members: Option<&'static UnknownMembers>,
    /// The behavior that decides whether some queries need `ConsistencyLevel: eventual`.
    pub eventual: Option<&'static Tolerance>,
    /// The property of a derived type that a path segment can be, like a key.
    pub derived_key: Option<&'static DerivedKey>,
    /// The behavior that decides whether bodies must name a derived type.
    pub typed: Option<&'static Tolerance>,
}

impl RareRules {
    /// No rules.
    const NONE: RareRules = RareRules {
        implied: None,
        deactivated: None,
        tolerance: None,
        advanced: None,
        renamed: None,
        without_tenant: None,
        queries: None,
        limit_headers: None,
        caseless: None,
        paged: None,
        has_forms: false,
        page_size: None,
        ordered_filters: None,
        repeated: None,
        upserted: None,
        site: None,
        has_own_state: false,
        closed: None,
        unknown_members: None,
        eventual: None,
        derived_key: None,
        typed: None,
    };

    /// Whether there is a rule.
    fn is_empty(&self) -> bool {
        let RareRules {
            implied,
            deactivated,
            tolerance,
            advanced,
            renamed,
            without_tenant,
            queries,
            limit_headers,
            caseless,
            paged,
            has_forms,
            page_size,
            ordered_filters,
            repeated,
            upserted,
            site,
            has_own_state,
            closed,
            unknown_members,
            eventual,
            derived_key,
            typed,
        } = self;
        implied.is_none()
            && deactivated.is_none()
            && tolerance.is_none()
            && advanced.is_none()
            && renamed.is_none()
            && without_tenant.is_none()
            && queries.is_none()
            && limit_headers.is_none()
            && caseless.is_none()
            && paged.is_none()
            && !has_forms
            && page_size.is_none()
            && ordered_filters.is_none()
            && repeated.is_none()
            && upserted.is_none()
            && site.is_none()
            && !has_own_state
            && closed.is_none()
            && unknown_members.is_none()
            && eventual.is_none()
            && derived_key.is_none()
            && typed.is_none()
    }
}

impl StructuredType {
    /// Returns the rules that few types have.
    pub fn rare(&self) -> &RareRules {
        self.rare.as_deref().unwrap_or(&RareRules::NONE)
    }

    /// Returns the index of a property by its name in any case.
    pub fn property(&self, name: &str) -> Option<usize> {
        self.names.find(name, |index| self.properties.get(index).map(|property| &*property.name))
    }

    /// Returns a navigation property by its name in any case.
    pub fn navigation(&self, name: &str) -> Option<&Arc<Navigation>> {
        self.navigations.iter().find(|navigation| navigation.name.eq_ignore_ascii_case(name))
    }

    /// Returns the navigation properties that no base type has.
    fn own_navigations<'m>(&'m self, model: &Model) -> impl Iterator<Item = &'m Arc<Navigation>> {
        let inherited = self.base.and_then(|base| model.find_structured(base)).map_or(0, |base| base.navigations.len());
        self.navigations.iter().skip(inherited)
    }

    /// Returns the slot of a property by its name.
    pub fn slot(&self, name: &str) -> Option<Slot> {
        self.property(name).map(|index| self.properties[index].slot)
    }

    /// Returns the property that holds the key.
    pub fn key_property(&self) -> Option<&Property> {
        self.key.map(|index| &*self.properties[index])
    }

    /// Returns the type of the key property.
    pub fn key_kind(&self) -> PropertyType {
        self.key_property().map_or(PropertyType::Primitive(Primitive::String), |property| property.kind)
    }

    /// Returns the type of the key.
    pub fn key_type(&self) -> Primitive {
        match self.key_property().map(|property| property.kind) {
            Some(PropertyType::Primitive(primitive)) => primitive,
            _ => Primitive::String,
        }
    }
}

/// An enum type.
#[derive(Clone, Debug)]
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
    /// The collection. That of a singleton has a single entity.
    pub set: SetId,
    /// Whether it is a singleton.
    pub is_singleton: bool,
    /// The set that has the signed-in user's entity, if the singleton represents it.
    pub caller_in: Option<SetId>,
    /// The restrictions of clients there.
    pub restrictions: Restrictions,
}

/// The tables of one version.
#[derive(Debug)]
pub struct Model {
    /// The version.
    pub version: Version,
    /// Whether the rest of what Graph publishes can be read: an unknown name may be in it.
    pub is_partial: bool,
    /// The rest, and the tables in it of this version; none for those of both. Another request may read it while this one has a world
    /// without it.
    rest: Option<(Whole, Option<Version>)>,
    names: Arc<HashMap<Box<str>, NamedType, RandomState>>,
    types: Box<[Option<Arc<StructuredType>>]>,
    /// The types with a navigation property that answers include unasked and that no base type has.
    auto_expanding: Box<[TypeId]>,
    /// The slots of all properties whose values answers hide.
    hidden: Box<[Slot]>,
    enums: Box<[Option<Arc<EnumType>>]>,
    roots: Vec<Root>,
    root_names: NameIndex,
    operations: HashMap<Box<str>, Vec<Arc<Operation>>, RandomState>,
    namespaces: Vec<Box<str>>,
    /// The aliases of namespaces, and what they are short for.
    aliases: Vec<(Box<str>, Box<str>)>,
    /// The names of imports of operations, where they are others than those of the operations, and these.
    imports: Vec<(Box<str>, Box<str>)>,
    /// The slots of all properties of a name in lower case.
    slots: Arc<HashMap<Box<str>, Vec<Slot>, RandomState>>,
    /// The deprecations of a given document.
    revisions: Option<Box<[Revision]>>,
    /// The lists of properties with restrictions, of all versions.
    property_lists: Arc<PropertyLists>,
}

/// The type of a qualified name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedType {
    /// A structured type.
    Structured(TypeId),
    /// An enum.
    Enum(EnumId),
}

/// The namespace in which names without one are looked up.
const GRAPH: &str = "microsoft.graph";

/// The depth of the deepest base types, with a wide margin: inheritance has no cycles.
const LINEAGE: usize = 64;

impl Model {
    /// Returns a structured type that this version has.
    pub fn structured(&self, id: TypeId) -> &StructuredType {
        self.find_structured(id).expect("the types that a version refers to are its own")
    }

    /// Whether restrictions list the property of a path, or one around it.
    pub(crate) fn lists(&self, restrictions: Restrictions, list: PropertyList, path: &str) -> bool {
        self.property_lists.has(restrictions, list, path)
    }

    /// Returns the tables with the rest, if that has been read since.
    #[cold]
    fn read_since(&self) -> Option<&Model> {
        let (rest, version) = self.rest.as_ref()?;
        let whole = rest.get()?;
        Some(version.map_or(&whole.union, |version| whole.model(version)))
    }

    /// Returns a structured type, if this version has it.
    pub fn find_structured(&self, id: TypeId) -> Option<&StructuredType> {
        match self.types.get(id.0 as usize) {
            Some(structured) => structured.as_deref(),
            None => self.read_since()?.find_structured(id),
        }
    }

    /// Whether a type is in the part that is read.
    pub fn has_read(&self, id: TypeId) -> bool {
        self.types.get(id.0 as usize).is_some_and(Option::is_some)
    }

    /// Returns the type of an instance: its own, if this version has that and it differs from the declared one.
    pub fn actual<'m>(&'m self, declared: &'m StructuredType, own: Option<TypeId>) -> &'m StructuredType {
        own.and_then(|id| self.find_structured(id)).unwrap_or(declared)
    }

    /// Whether a type is another one or derived from it.
    pub fn is_a(&self, id: TypeId, ancestor: TypeId) -> bool {
        let lineage = std::iter::successors(Some(id), |id| self.find_structured(*id)?.base);
        lineage.take(LINEAGE).any(|id| id == ancestor)
    }

    /// Whether an instance of a type can be shown as one of another type.
    pub fn shows_as(&self, id: TypeId, other: TypeId) -> bool {
        self.is_a(id, other)
            || self.find_structured(id).is_some_and(|structured| structured.is_placeholder && self.is_a(other, id))
    }

    /// Returns the navigation properties that answers with instances of a type include unasked. Those that a derived type declares come with
    /// that type.
    pub fn auto_expanded<'m>(&'m self, structured: &'m StructuredType) -> impl Iterator<Item = (Option<TypeId>, &'m Navigation)> {
        let own = structured.navigations.iter().filter(|navigation| navigation.is_auto_expanded);
        let derived = if structured.is_polymorphic { &self.auto_expanding[..] } else { &[] };
        let is_derived = |id: &&TypeId| **id != structured.id && self.is_a(**id, structured.id);
        let of_derived = derived.iter().filter(is_derived).flat_map(|id| {
            let declared = self.structured(*id).own_navigations(self).filter(|navigation| navigation.is_auto_expanded);
            declared.map(|navigation| (Some(*id), &**navigation))
        });
        own.map(|navigation| (None, &**navigation)).chain(of_derived)
    }

    /// Returns all structured types.
    pub fn structured_types(&self) -> impl Iterator<Item = &StructuredType> {
        self.types.iter().filter_map(|structured| structured.as_deref())
    }

    /// Returns all enums.
    pub fn enumerations(&self) -> impl Iterator<Item = &EnumType> {
        self.enums.iter().filter_map(|enumeration| enumeration.as_deref())
    }

    /// Returns an enum that this version has.
    pub fn enumeration(&self, id: EnumId) -> &EnumType {
        let enumeration = match self.enums.get(id.0 as usize) {
            Some(enumeration) => enumeration.as_deref(),
            None => self.read_since().map(|model| model.enumeration(id)),
        };
        enumeration.expect("the enums that a version refers to are its own")
    }

    /// Returns a singleton or entity set by its name in any case.
    pub fn root(&self, name: &str) -> Option<&Root> {
        let name_at = |index: usize| self.roots.get(index).map(|root| &*root.name);
        self.root_names.find(name, name_at).map(|index| &self.roots[index])
    }

    /// Returns all singletons and entity sets.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Returns the deprecations that the document of this version states, if it was given: those of the published schema are known otherwise.
    pub(crate) fn revisions(&self) -> Option<&[Revision]> {
        self.revisions.as_deref()
    }

    /// Returns the namespaces of the schema.
    pub fn namespaces(&self) -> &[Box<str>] {
        &self.namespaces
    }

    /// Returns the structured type of a name without namespace, in any case.
    pub fn type_named(&self, name: &str) -> Option<TypeId> {
        let named = |namespace: &str| match self.resolve(&format!("{namespace}.{name}")) {
            Some(NamedType::Structured(id)) => Some(id),
            _ => None,
        };
        named(GRAPH).or_else(|| self.namespaces.iter().find_map(|namespace| named(namespace)))
    }

    /// Returns the type of a name with a namespace or its alias, in any case.
    pub fn resolve(&self, full_name: &str) -> Option<NamedType> {
        let find = |name: &str| self.names.get(name).or_else(|| self.names.get(&*name.to_ascii_lowercase())).copied();
        let by_alias = || {
            let (prefix, local) = full_name.rsplit_once('.')?;
            let (_, namespace) = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(prefix))?;
            find(&format!("{namespace}.{local}"))
        };
        let named = find(full_name).or_else(by_alias)?;
        let is_here = match named {
            NamedType::Structured(id) => self.types.get(id.0 as usize).is_some_and(Option::is_some),
            NamedType::Enum(id) => self.enums.get(id.0 as usize).is_some_and(Option::is_some),
        };
        is_here.then_some(named)
    }

    /// Whether a qualified name may be that of a type in the part that is not read.
    pub fn may_have_unread_type(&self, name: &str) -> bool {
        let Some((namespace, _)) = name.rsplit_once('.').filter(|_| self.is_partial) else { return false };
        self.may_have_namespace(namespace) && self.resolve(name).is_none()
    }

    /// Whether a text is a namespace or an alias, or that of a part that is not read.
    fn may_have_namespace(&self, namespace: &str) -> bool {
        let is_same = |known: &str| known.eq_ignore_ascii_case(namespace);
        let is_of_graph = self.is_partial
            && namespace.len() > GRAPH.len()
            && namespace.as_bytes()[GRAPH.len()] == b'.'
            && namespace.as_bytes()[..GRAPH.len()].eq_ignore_ascii_case(GRAPH.as_bytes());
        is_of_graph || self.namespaces.iter().any(|known| is_same(known)) || self.aliases.iter().any(|(alias, _)| is_same(alias))
    }

    /// Whether a name may be that of an operation in the part that is not read.
    pub fn may_have_unread_operation(&self, name: &str) -> bool {
        // Nearly all keys have other characters.
        let is_identifier = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.is_partial && is_identifier && csdl::packed::V1.may_have_operation(name)
    }

    /// Whether instances of a type can be of a type that is not abstract. While a part is not read, that may have one.
    pub fn has_concrete_type(&self, id: TypeId) -> bool {
        let is_concrete = |structured: &StructuredType| !structured.is_abstract && self.is_a(structured.id, id);
        self.is_partial || self.structured_types().any(is_concrete)
    }

    /// Whether a type may have a member of this name, in any case, in the part that is not read.
    pub fn may_have_unread_member(&self, structured: &StructuredType, name: &str) -> bool {
        let lineage = std::iter::successors(Some(structured), |derived| self.find_structured(derived.base?));
        let declares = |owner: &StructuredType| csdl::packed::V1.may_have_member(&owner.full_name, name);
        self.is_partial && lineage.take(LINEAGE).any(declares)
    }

    /// Returns the slots of all properties of a name, in any case.
    pub fn slots_named(&self, name: &str) -> &[Slot] {
        self.slots.get(&*name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// Whether answers hide the value of a property with one of these slots.
    pub fn hides_any(&self, slots: &[Slot]) -> bool {
        slots.iter().any(|slot| self.hidden.contains(slot))
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

/// The tables of all versions, and the sets that they share.
#[derive(Debug)]
pub struct Schema {
    models: [Model; 2],
    union: Model,
    documents: [SchemaText; 2],
    /// The documents as clients get them.
    served: [OnceLock<Bytes>; 2],
    sets: Vec<Set>,
    root_sets: Vec<SetId>,
    /// Root sets by their paths with the version.
    addresses: HashMap<Box<str>, Address, RandomState>,
    /// The collections with a fixed path, by the singleton and the navigation property's set.
    fixed: HashMap<(SetId, SetId), SetId, RandomState>,
    /// The entity sets of types.
    homes: HashMap<TypeId, SetId, RandomState>,
    /// The navigation properties whose links lead back along another one: the types that declare them, and their sets.
    inverses: HashMap<SetId, Box<[(TypeId, SetId)]>, RandomState>,
    /// The navigation properties to entities that have a person among their members, with the set of the other links to persons.
    joined: HashMap<SetId, (&'static JoinRules, Option<SetId>), RandomState>,
    /// The navigation properties that lead to all that others of these names lead to.
    transitive: HashMap<SetId, &'static [&'static str], RandomState>,
    /// The schema whose rest this one has, too.
    core: Weak<Schema>,
    /// The rest, which is read when it is needed.
    rest: Option<Box<Rest>>,
}

/// A schema with its rest, once that is read.
type Whole = Arc<OnceLock<Arc<Schema>>>;

/// The part of a schema that is not read at the start.
#[derive(Debug)]
struct Rest {
    rules: Box<[&'static WorkloadRules]>,
    whole: Whole,
}

impl Schema {
    /// Reads the documents of both versions, with the rules of workloads.
    ///
    /// # Errors
    ///
    /// Fails if a document is not CSDL, or declares what cannot be.
    pub fn read(v1: &str, beta: &str, rules: &[&'static WorkloadRules]) -> Result<Schema, SchemaError> {
        Schema::of([v1, beta].map(|text| SchemaText::Given(text.into())), rules)
    }

    /// Reads the documents of both versions, in the order of [`Version::ALL`], with the rules of workloads.
    ///
    /// # Errors
    ///
    /// Fails if a document is not CSDL, or declares what cannot be.
    #[allow(clippy::needless_pass_by_value, reason = "most callers have no other use for them")]
    pub fn of(documents: [SchemaText; 2], rules: &[&'static WorkloadRules]) -> Result<Schema, SchemaError> {
        build::schema(&documents, None, rules)
    }

    /// Reads documents like [`Schema::of`]. Of the built-in ones, this is only the core: the rest of what Graph publishes can be read later.
    ///
    /// # Errors
    ///
    /// Fails as [`Schema::of`] does.
    pub fn with_rest(documents: [SchemaText; 2], rules: &[&'static WorkloadRules]) -> Result<Schema, SchemaError> {
        let mut schema = Schema::of(documents, rules)?;
        for (model, text) in schema.models.iter_mut().zip(&schema.documents) {
            model.is_partial = matches!(text, SchemaText::BuiltIn(_));
        }
        schema.union.is_partial = schema.models.iter().any(|model| model.is_partial);
        if schema.union.is_partial {
            // The published schema fits itself, as a test shows. Beside a given document, names may have two meanings.
            let conflicts =
                |name: &str, named: &NamedType| csdl::packed::V1.may_conflict(name, matches!(named, NamedType::Enum(_)));
            if schema.union.names.iter().any(|(name, named)| conflicts(name, named)) {
                build::schema(&schema.documents, Some(csdl::packed::V1), rules)?;
            }
            let whole = Arc::new(OnceLock::new());
            schema.union.rest = Some((whole.clone(), None));
            for model in &mut schema.models {
                model.rest = Some((whole.clone(), Some(model.version)));
            }
            schema.rest = Some(Box::new(Rest { rules: rules.into(), whole }));
        }
        Ok(schema)
    }

    /// Whether a part is not read yet: [`Schema::whole`] takes a moment.
    pub fn is_whole_unread(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.whole.get().is_none())
    }

    /// Returns the schema with its rest, if it has one. It is read once. Types, sets and slots of this schema have the same numbers there.
    pub fn whole(self: &Arc<Schema>) -> Option<&Arc<Schema>> {
        let rest = self.rest.as_ref()?;
        Some(rest.whole.get_or_init(|| {
            let whole = build::schema(&self.documents, Some(csdl::packed::V1), &rest.rules);
            Arc::new(Schema { core: Arc::downgrade(self), ..whole.expect("it was read at the start, or by a test") })
        }))
    }

    /// Returns the schema whose rest this one has, too.
    pub fn core(&self) -> Option<Arc<Schema>> {
        self.core.upgrade()
    }

    /// Returns the tables of a version.
    pub fn model(&self, version: Version) -> &Model {
        match version {
            Version::V1 => &self.models[0],
            Version::Beta => &self.models[1],
        }
    }

    /// Returns the document of a version. That of the published schema is put together once.
    pub fn document(&self, version: Version) -> &Bytes {
        let index = usize::from(version != Version::V1);
        self.served[index].get_or_init(|| self.documents[index].bytes())
    }

    /// Whether the document of a version must be put together first: [`Schema::document`] takes a moment.
    pub fn is_document_unread(&self, version: Version) -> bool {
        let index = usize::from(version != Version::V1);
        matches!(self.documents[index], SchemaText::Published(_)) && self.served[index].get().is_none()
    }

    /// Returns the text of a version's document.
    fn text(&self, version: Version) -> Cow<'_, str> {
        self.documents[usize::from(version != Version::V1)].text()
    }

    /// Returns the union of the versions, which fixtures are read with.
    pub fn widest(&self) -> &Model {
        &self.union
    }
}

/// A schema document that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The version of the document.
    pub version: Option<Version>,
    /// The line in the document, from 1; 0 for the document as a whole.
    pub line: usize,
    /// The problem, for people.
    pub reason: String,
}

impl SchemaError {
    fn new(line: usize, reason: String) -> SchemaError {
        SchemaError { version: None, line, reason }
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
