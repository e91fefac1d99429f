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
mod model;
mod name_index;
mod names;
mod operation;
mod problems;
mod property;
mod restrictions;
mod rules;
mod sets;
mod text;
mod types;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use foldhash::fast::RandomState;

pub(crate) use csdl::PropertyList;
pub(crate) use csdl::Revision;
pub(crate) use operation::{Operation, OperationType, Parameter};
pub(crate) use restrictions::{Capability, PropertyLists, Restrictions};
pub(crate) use text::{BUILT_IN, SchemaText};

pub(crate) use rules::{
    Advance, Capabilities, CheckResult, Conflict, CreationStatus, DEFAULT_CAPABILITIES, DEFAULT_MEDIA, DEFAULT_WORDING,
    DeactivationRules, DefaultProjection, DerivedKey, Elsewhere, EntityOptions, EnumRefusals, FileRules, FilterRules, IdForm,
    ImpliedId, ImpliedRules, JoinRules, KeyCheck, KeyMember, LimitHeaders, MediaRules, PropertyRule, QueryRules, RecycledRules,
    Required, SearchRules, SecretAnswers, ServerSetValue, SiteRules, TagForm, TagRules, Tolerance, TypeRules, Unique,
    UnknownMembers, UpdateAnswer, UpdateMethod, ValueCheck, View, WellKnown, WindowRules, Wording, WorkloadRules,
};
pub(crate) use sets::{Address, Set, SetKind};

pub(crate) use model::{Model, NamedType, Root};
pub(crate) use property::{Alias, Initial, ItemType, Projection, Property, PropertyType};
pub(crate) use types::{EnumType, Navigation, RareRules, StructuredType};

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
