//! Structured types, their navigation properties, and enums.

use std::sync::Arc;

use super::name_index::NameIndex;
use super::{
    Advance, Capabilities, DeactivationRules, DerivedKey, Elsewhere, FileRules, ImpliedRules, KeyMember, LimitHeaders,
    Projection, Property, PropertyType, QueryRules, Required, Restrictions, SearchRules, SetId, SiteRules, Slot, TagRules,
    Tolerance, TypeId, Unique, UnknownMembers, View, WellKnown, WindowRules, Wording,
};
use crate::edm::primitive::Primitive;

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
    /// Whether an object without a key in a create is a new entity, though the entities live elsewhere.
    pub creates_elsewhere: bool,
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
    pub(super) rare: Option<Arc<RareRules>>,
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
    pub(super) names: NameIndex,
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
    /// The members of a create with keys of entities to which navigation properties lead.
    pub key_members: Option<&'static &'static [KeyMember]>,
}

impl RareRules {
    /// No rules.
    pub(super) const NONE: RareRules = RareRules {
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
        key_members: None,
    };

    /// Whether there is a rule.
    pub(super) fn is_empty(&self) -> bool {
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
            key_members,
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
            && key_members.is_none()
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
