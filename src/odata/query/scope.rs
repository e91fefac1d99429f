//! The context in which a query is bound.

use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Model, PropertyList, QueryRules, Restrictions, SearchRules, StructuredType};
use crate::odata::error::Error;
use crate::odata::write::is_shown;
use crate::policy::behavior::{Behaviors, HiddenMembers};
use crate::policy::refusal;

/// The model, type and behaviors against which a query is parsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'m> {
    /// The model of the version.
    pub model: &'m Model,
    /// The type of the requested resource.
    pub structured: &'m StructuredType,
    /// The world's choices where sources disagree.
    pub behaviors: &'m Behaviors,
    /// Whether the client sent `Prefer: include-unknown-enum-members`.
    pub knows_hidden: bool,
    /// The time of the request, for `now()`.
    pub now: DateTimeOffset,
    /// The rules of `$search`, if the type has it.
    pub search: Option<&'static SearchRules>,
    /// The rules of queries, if the type takes only some.
    pub rules: Option<&'static QueryRules>,
    /// Whether the client sent `ConsistencyLevel: eventual`.
    pub is_eventual: bool,
    /// The options that the schema does not allow.
    pub restrictions: Restrictions,
}

impl Scope<'_> {
    /// Whether answers name the enum members above the sentinel, so that a query can name them too.
    pub(super) fn shows_hidden(&self) -> bool {
        self.knows_hidden || self.behaviors.hidden_members == HiddenMembers::Show
    }

    /// Whether conditions compare texts without case.
    pub(super) fn ignores_case(&self) -> bool {
        self.structured.rare().caseless.is_some_and(|(_, ignores)| ignores(self.behaviors))
    }

    /// Returns an error for the first path of which the schema says that an option cannot have it.
    pub(super) fn refuse_listed<'p>(
        &self,
        mut paths: impl Iterator<Item = (PropertyList, &'p str)>,
        option: &str,
    ) -> Result<(), Error> {
        let Some((list, path)) = paths.find(|(list, path)| self.model.lists(self.restrictions, *list, path)) else {
            return Ok(());
        };
        let (term, property) = list.statement();
        Err(Error::new(&refusal::RESTRICTED_PROPERTY, &[path, option]).with_detail(format!("{term}/{property} of the schema")))
    }

    /// Whether queries can name a property: those that answers never show do not exist for them either.
    pub(super) fn is_named(&self, structured: &StructuredType, index: usize) -> bool {
        is_shown(self.behaviors.aliases, structured, index)
    }
}
