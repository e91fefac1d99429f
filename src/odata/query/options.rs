//! The query string, split into system query options.

use std::borrow::Cow;

use super::{QueryTarget, Scope};
use crate::edm::schema::{Capability, EntityOptions, Restrictions};
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::form::{decoded, raw_fields};

/// The name of a system query option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// `$select`
    Select,
    /// `$filter`
    Filter,
    /// `$orderby`
    OrderBy,
    /// `$top`
    Top,
    /// `$skip`
    Skip,
    /// `$count`
    Count,
    /// `$skiptoken`
    SkipToken,
    /// `$format`, which content negotiation reads.
    Format,
    /// `$search`
    Search,
    /// `$expand`
    Expand,
    /// `$apply`
    Apply,
    /// `$compute`
    Compute,
    /// `$deltatoken`
    DeltaToken,
}

/// All names in the order of their discriminants: as queries spell them, and as the Teams workload's library spells them.
static NAMES: [(Name, &str, &str); 13] = [
    (Name::Select, "select", "Select"),
    (Name::Filter, "filter", "Filter"),
    (Name::OrderBy, "orderby", "OrderBy"),
    (Name::Top, "top", "Top"),
    (Name::Skip, "skip", "Skip"),
    (Name::Count, "count", "Count"),
    (Name::SkipToken, "skiptoken", "SkipToken"),
    (Name::Format, "format", "Format"),
    (Name::Search, "search", "Search"),
    (Name::Expand, "expand", "Expand"),
    (Name::Apply, "apply", "Apply"),
    (Name::Compute, "compute", "Compute"),
    (Name::DeltaToken, "deltatoken", "DeltaToken"),
];

/// The options that a schema can forbid.
static RESTRICTABLE: [(Name, Capability); 6] = [
    (Name::Filter, Capability::Filter),
    (Name::OrderBy, Capability::Sort),
    (Name::Count, Capability::Count),
    (Name::Search, Capability::Search),
    (Name::Top, Capability::Top),
    (Name::Skip, Capability::Skip),
];

impl Name {
    /// Returns the name without `$`.
    pub(crate) fn text(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// Returns the name as the library of the Teams workload spells it.
    pub(super) fn library_text(self) -> &'static str {
        NAMES[self as usize].2
    }

    pub(super) fn parse(decoded: &str) -> Option<Name> {
        let bare = decoded.strip_prefix('$').unwrap_or(decoded);
        NAMES.iter().find(|(_, text, _)| text.eq_ignore_ascii_case(bare)).map(|(name, _, _)| *name)
    }
}

/// The system query options of a query, each at most once.
#[derive(Debug, Default)]
pub(crate) struct SystemQueryOptions<'q> {
    values: [Option<Cow<'q, str>>; NAMES.len()],
}

impl<'q> SystemQueryOptions<'q> {
    /// Splits a query string. Custom options are ignored, unless their names begin with `$`.
    pub(crate) fn split(query: &'q str) -> Result<SystemQueryOptions<'q>, Error> {
        let mut options = SystemQueryOptions::default();
        for (name, value) in raw_fields(query) {
            options.add(decoded(name).trim(), decoded(value))?;
        }
        Ok(options)
    }

    /// Sets an option of an expansion.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        self.add(name, Cow::Owned(value.to_owned()))
    }

    fn add(&mut self, name: &str, value: Cow<'q, str>) -> Result<(), Error> {
        let Some(known) = Name::parse(name) else {
            if name.starts_with('$') {
                let detail = format!("unknown query option {name:?}");
                return Err(Error::new(&refusal::UNKNOWN_QUERY_OPTION, &[name]).with_detail(detail));
            }
            return Ok(());
        };
        let option = format!("${}", known.text());
        if value.trim().is_empty() && known != Name::Format {
            return Err(Error::new(&refusal::EMPTY_QUERY_OPTION, &[&option]));
        }
        let slot = &mut self.values[known as usize];
        if slot.is_some() {
            return Err(Error::new(&refusal::DUPLICATE_QUERY_OPTION, &[&option]));
        }
        *slot = Some(value);
        Ok(())
    }

    /// Whether the query has an option.
    pub(crate) fn has(&self, name: Name) -> bool {
        self.values[name as usize].is_some()
    }

    /// Removes an option and returns its value.
    pub(crate) fn take(&mut self, name: Name) -> Option<Cow<'q, str>> {
        self.values[name as usize].take()
    }

    /// Removes an option.
    pub(crate) fn remove(&mut self, name: Name) {
        self.values[name as usize] = None;
    }

    /// Removes the options without an effect on a resource that takes only some queries. Returns the behavior that decided so.
    pub(super) fn restrict(&mut self, scope: &Scope<'_>, target: QueryTarget) -> Result<Option<&'static str>, Error> {
        let Some(rules) = scope.rules else { return Ok(None) };
        if let (QueryTarget::Entity, Some((behavior, choice))) = (target, rules.entity) {
            let others = NAMES.iter().filter(|(name, ..)| !matches!(name, Name::Format | Name::Expand));
            let Some((first, ..)) = others.clone().find(|(name, ..)| self.has(*name)) else { return Ok(None) };
            match choice(scope.behaviors) {
                EntityOptions::Honored => {}
                EntityOptions::Ignored => others.for_each(|(name, ..)| self.remove(*name)),
                EntityOptions::Refused(refusal) => return Err(Error::new(refusal, &[first.text()])),
            }
            return Ok(Some(behavior));
        }
        let ignored = rules.search.filter(|(_, is_ignored)| self.has(Name::Search) && is_ignored(scope.behaviors));
        Ok(ignored.map(|(behavior, _)| {
            self.remove(Name::Search);
            behavior
        }))
    }

    /// Returns an error for the first option that the schema does not allow. `/$count` counts, too.
    pub(super) fn refuse_restricted(&self, restrictions: Restrictions, target: QueryTarget) -> Result<(), Error> {
        let counts =
            || target == QueryTarget::Count || self.values[Name::Count as usize].as_deref().map(str::trim) == Some("true");
        let restricted = RESTRICTABLE.iter().find(|(name, capability)| {
            restrictions.forbids(*capability) && if *name == Name::Count { counts() } else { self.has(*name) }
        });
        let Some((name, capability)) = restricted else { return Ok(()) };
        let detail = format!("{} of the schema", capability.term());
        Err(Error::new(&refusal::RESTRICTED_OPTION, &[NAMES[*name as usize].2]).with_detail(detail))
    }

    /// Returns an error for the first of the given options that the query has.
    pub(crate) fn refuse(&self, names: &[Name]) -> Result<(), Error> {
        match names.iter().find(|name| self.has(**name)) {
            Some(name) => Err(Error::new(&refusal::QUERY_OPTION_NOT_ALLOWED, &[NAMES[*name as usize].2])),
            None => Ok(()),
        }
    }
}

/// Returns the options that a next link repeats, as the client wrote them: all except `$skip` and `$skiptoken`.
pub(crate) fn kept(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|piece| {
        let name = decoded(piece.split('=').next().unwrap_or_default());
        !piece.is_empty() && !matches!(Name::parse(name.trim()), Some(Name::Skip | Name::SkipToken))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_at_the_index_of_its_discriminant() {
        for (index, (name, text, _)) in NAMES.iter().enumerate() {
            assert_eq!(*name as usize, index, "{text}");
            assert_eq!(Name::parse(&format!("${}", text.to_uppercase())), Some(*name));
        }
    }

    #[test]
    fn names_are_accepted_with_and_without_sign_in_any_case() {
        let mut options = SystemQueryOptions::split("%24Select=id%2Curl&TOP=1&&x=y&filter=a+eq+%27%2B%27&api-version").unwrap();
        assert_eq!(options.take(Name::Select).as_deref(), Some("id,url"));
        assert_eq!(options.take(Name::Top).as_deref(), Some("1"));
        assert_eq!(options.take(Name::Filter).as_deref(), Some("a eq '+'"));
        assert!(!options.has(Name::Top));
    }

    #[test]
    fn the_next_page_repeats_all_options_but_skip_and_skip_token() {
        let pieces: Vec<&str> = kept("%24top=2&x=1&$skip=4&&SKIPTOKEN=abc&$filter=a%20eq%201").collect();
        assert_eq!(pieces, ["%24top=2", "x=1", "$filter=a%20eq%201"]);
    }
}
