//! The tables of one version.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::name_index::NameIndex;
use super::{
    EnumId, EnumType, Navigation, Operation, PropertyList, PropertyLists, PropertyType, Restrictions, Revision, SetId, Slot,
    StructuredType, TypeId, Version, Whole, csdl,
};

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
    pub(super) rest: Option<(Whole, Option<Version>)>,
    pub(super) names: Arc<HashMap<Box<str>, NamedType, RandomState>>,
    pub(super) types: Box<[Option<Arc<StructuredType>>]>,
    /// The types with a navigation property that answers include unasked and that no base type has.
    pub(super) auto_expanding: Box<[TypeId]>,
    /// The slots of all properties whose values answers hide.
    pub(super) hidden: Box<[Slot]>,
    pub(super) enums: Box<[Option<Arc<EnumType>>]>,
    pub(super) roots: Vec<Root>,
    pub(super) root_names: NameIndex,
    pub(super) operations: HashMap<Box<str>, Vec<Arc<Operation>>, RandomState>,
    pub(super) namespaces: Vec<Box<str>>,
    /// The aliases of namespaces, and what they are short for.
    pub(super) aliases: Vec<(Box<str>, Box<str>)>,
    /// The names of imports of operations, where they are others than those of the operations, and these.
    pub(super) imports: Vec<(Box<str>, Box<str>)>,
    /// The slots of all properties of a name in lower case.
    pub(super) slots: Arc<HashMap<Box<str>, Vec<Slot>, RandomState>>,
    /// The deprecations of a given document.
    pub(super) revisions: Option<Box<[Revision]>>,
    /// The lists of properties with restrictions, of all versions.
    pub(super) property_lists: Arc<PropertyLists>,
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
pub(super) const LINEAGE: usize = 64;

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
            let declared = self.own_navigations(self.structured(*id)).filter(|navigation| navigation.is_auto_expanded);
            declared.map(|navigation| (Some(*id), &**navigation))
        });
        own.map(|navigation| (None, &**navigation)).chain(of_derived)
    }

    /// Returns the navigation properties of a type that its base types do not have.
    pub(super) fn own_navigations<'m>(
        &self,
        structured: &'m StructuredType,
    ) -> impl Iterator<Item = &'m Arc<Navigation>> + use<'m> {
        let inherited = structured.base.and_then(|base| self.find_structured(base)).map_or(0, |base| base.navigations.len());
        structured.navigations.iter().skip(inherited)
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
    pub(super) fn may_have_namespace(&self, namespace: &str) -> bool {
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
