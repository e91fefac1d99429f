//! Sets: the collections of a schema, the same in all versions.
//!
//! A root set has a fixed path, and exists once: an entity set, a singleton, or a collection that a singleton contains. All others belong
//! to a navigation property, and exist once for each entity that has it.

use std::collections::{HashMap, HashSet, VecDeque};

use foldhash::fast::RandomState;

use super::{JoinRules, Model, Navigation, Restrictions, Schema, SetId, StructuredType, TypeId, Version};

/// The kind of a [`Set`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetKind {
    /// An entity set.
    EntitySet,
    /// A singleton, whose collection has one entity.
    Singleton,
    /// A collection that a singleton contains.
    Fixed(SetId),
    /// Contained entities.
    Contained,
    /// Links to entities that live elsewhere.
    References,
}

/// A collection of entities, or of links to them.
#[derive(Debug)]
pub struct Set {
    /// The last segment of the path, in the declared case.
    pub name: Box<str>,
    /// The path after the version of a root set; the type and the name of a navigation property of others.
    pub path: Box<str>,
    /// The path as the fragment of context URLs.
    pub fragment: Box<str>,
    /// The declared type of the entities.
    pub target: TypeId,
    /// The kind.
    pub kind: SetKind,
    /// Whether it holds at most one entity, which has no key in its path.
    pub is_single: bool,
    /// Whether its single entity must exist.
    pub is_required: bool,
    /// Whether keys are in quotes.
    pub quotes_keys: bool,
}

impl Set {
    /// Whether it has a fixed path.
    pub fn is_root(&self) -> bool {
        matches!(self.kind, SetKind::EntitySet | SetKind::Singleton | SetKind::Fixed(_))
    }

    /// Whether it is that of a singleton, which always exists.
    pub fn is_root_single(&self) -> bool {
        self.kind == SetKind::Singleton
    }
}

/// The path of a root set in one version.
#[derive(Debug)]
pub struct Address {
    /// The version.
    pub version: Version,
    /// The collection.
    pub set: SetId,
    /// The type of its entities.
    pub type_id: TypeId,
    /// Whether all its entities live here.
    pub is_home: bool,
    /// The restrictions of its set or navigation property.
    pub restrictions: Restrictions,
}

impl Schema {
    /// Returns all sets, in the order of their ids.
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// Returns a set.
    pub fn set(&self, id: SetId) -> &Set {
        self.sets.get(id.0).unwrap_or_else(|| self.set_read_since(id))
    }

    /// Returns a set of the rest, which another request has read since.
    #[cold]
    fn set_read_since(&self, id: SetId) -> &Set {
        let whole = self.rest.as_ref().and_then(|rest| rest.whole.get());
        &whole.expect("the sets that a store refers to are read").sets[id.0]
    }

    /// Returns the ids of all sets.
    pub fn set_ids(&self) -> impl Iterator<Item = SetId> + use<> {
        (0..self.sets.len()).map(SetId)
    }

    /// Returns the address at a path with the version, in the declared case, without a trailing slash.
    pub fn address(&self, path: &str) -> Option<&Address> {
        self.addresses.get(path)
    }

    /// Returns the root sets, those with a fixed path, in the order of the documents: collections of a singleton before it.
    pub fn root_sets(&self) -> impl Iterator<Item = SetId> + '_ {
        self.root_sets.iter().copied()
    }

    /// Whether a set is in the core of the schema. Without a core, all sets are.
    pub fn is_of_core(&self, set: SetId) -> bool {
        self.core().is_none_or(|core| set.0 < core.sets.len())
    }

    /// Returns the collections with a fixed path that a singleton contains.
    pub fn fixed_of(&self, singleton: SetId) -> impl Iterator<Item = SetId> + '_ {
        self.root_sets().filter(move |set| self.set(*set).kind == SetKind::Fixed(singleton))
    }

    /// Returns the root sets whose entities have keys.
    pub fn keyed_root_sets(&self) -> impl Iterator<Item = SetId> + '_ {
        self.root_sets().filter(|set| !self.set(*set).is_single)
    }

    /// Returns a root set by its path or by the last segment of it, in any case. The second of two sets of one name has its version before it.
    pub fn set_named(&self, name: &str) -> Option<SetId> {
        if let Some(root) = self.union.root(name) {
            return Some(root.set);
        }
        let by_path = self.root_sets().find(|set| self.set(*set).path.eq_ignore_ascii_case(name));
        by_path.or_else(|| self.root_sets().find(|set| self.set(*set).name.eq_ignore_ascii_case(name)))
    }

    /// Returns the root set whose entities have a navigation property of a name.
    pub(crate) fn root_above(&self, navigation: &str) -> Option<SetId> {
        let has =
            |id: TypeId| self.union.find_structured(id).is_some_and(|structured| structured.navigation(navigation).is_some());
        self.union.roots.iter().find(|root| has(root.target)).map(|root| root.set)
    }

    /// Returns the names on the shortest way to a contained collection of a name, in any case: `teams`, `schedule`, `shifts`.
    pub(crate) fn way_to(&self, name: &str) -> Option<Vec<&Navigation>> {
        let mut seen: HashSet<TypeId> = HashSet::new();
        let mut ways: VecDeque<(TypeId, Vec<&Navigation>)> = VecDeque::new();
        ways.extend(self.union.roots.iter().map(|root| (root.target, Vec::new())));
        while let Some((id, way)) = ways.pop_front() {
            if !seen.insert(id) {
                continue;
            }
            let navigations = self.union.find_structured(id).map_or(&[][..], |structured| &structured.navigations);
            for navigation in navigations.iter().filter(|navigation| navigation.contains_target) {
                let way = [&way[..], &[&**navigation]].concat();
                if navigation.name.eq_ignore_ascii_case(name) {
                    return Some(way);
                }
                ways.push_back((navigation.target, way));
            }
        }
        None
    }

    /// Returns the set of a collection that a singleton contains, if its path is fixed.
    pub(crate) fn fixed(&self, singleton: SetId, navigation: SetId) -> Option<SetId> {
        self.fixed.get(&(singleton, navigation)).copied()
    }

    /// Returns the navigation properties whose links lead back along one: the types that declare them, and their sets.
    pub fn inverses(&self, set: SetId) -> &[(TypeId, SetId)] {
        self.inverses.get(&set).map_or(&[], |inverses| inverses)
    }

    /// Returns the rules of a navigation property to entities that have a person among their members, and the set of the other links to
    /// persons.
    pub fn joined(&self, set: SetId) -> Option<(&'static JoinRules, Option<SetId>)> {
        self.joined.get(&set).copied()
    }

    /// Returns the names of the navigation properties that one follows at any distance, if it does.
    pub fn transitive(&self, set: SetId) -> Option<&'static [&'static str]> {
        self.transitive.get(&set).copied()
    }

    /// Whether the links of a navigation property follow from those of others.
    pub fn is_derived(&self, set: SetId) -> bool {
        self.inverses.contains_key(&set) || self.transitive.contains_key(&set) || self.joined.contains_key(&set)
    }

    /// Returns the entity set in which entities of a type live: its own, or that of the nearest base type.
    pub fn home(&self, model: &Model, id: TypeId) -> Option<SetId> {
        home(&self.homes, model, id)
    }

    /// Returns the type of a set's entities in a version, if that version has it.
    pub fn entity_type<'a>(&self, model: &'a Model, set: SetId) -> Option<(TypeId, &'a StructuredType)> {
        let id = self.sets[set.0].target;
        model.find_structured(id).map(|structured| (id, structured))
    }
}

/// Returns the entity set of a type or of its nearest base type that has one.
pub(super) fn home(homes: &HashMap<TypeId, SetId, RandomState>, model: &Model, id: TypeId) -> Option<SetId> {
    let lineage = std::iter::successors(Some(id), |id| model.find_structured(*id)?.base);
    lineage.take(super::model::LINEAGE).find_map(|id| homes.get(&id).copied())
}
