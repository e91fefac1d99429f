//! System query options, parsed and bound to the model.
//!
//! Option names are accepted with and without `$` and in any case (concepts/query-parameters and concepts/traverse-the-graph of
//! microsoft-graph-docs). Invalid options are refused with the texts of the gateway, which parses URLs with ODataLib, or with those of
//! the Teams workload's library; the position in the query is in the error's detail.

pub(crate) mod deltatoken;
pub(crate) mod expand;
pub(crate) mod filter;
pub(crate) mod options;
pub(crate) mod orderby;
pub(crate) mod path;
mod position;
mod scope;
pub(crate) mod select;
pub(crate) mod selection;
pub(crate) mod skiptoken;

use std::borrow::Cow;
use std::ops::RangeInclusive;

use self::expand::ExpandItem;
use self::filter::BoundExpression;
use self::options::{Name, SystemQueryOptions};
use self::orderby::OrderKey;
pub(crate) use self::scope::Scope;
use self::select::Select;
use crate::edm::schema::{PropertyList, SearchRules};
use crate::odata::error::Error;
use crate::policy::behavior::{EmptyOptions, QueryOptions};
use crate::policy::refusal;

/// The kind of resource that a query applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryTarget {
    /// A collection of entities.
    Collection,
    /// The number of entities in a collection, `/$count`, to which only `$filter` applies (OData 4.0 Part 1, 11.2.9).
    Count,
    /// One entity.
    Entity,
    /// One property, to which no option applies.
    Property,
}

/// The system query options of a request.
#[derive(Debug, Default)]
pub(crate) struct Query<'m> {
    /// `$select`
    pub select: Option<Select>,
    /// `$expand`
    pub expand: Vec<ExpandItem<'m>>,
    /// `$filter`
    pub filter: Option<BoundExpression<'m>>,
    /// `$orderby`, the most significant key first.
    pub order: Vec<OrderKey<'m>>,
    /// `$top`
    pub top: Option<usize>,
    /// `$skip`
    pub skip: usize,
    /// `$count`
    pub count: Option<bool>,
    /// `$skiptoken`
    pub token: Option<String>,
    /// The time range of a delta query that has one, in ticks.
    pub range: Option<(i64, i64)>,
    /// The texts of `$filter` and `$orderby`, to which a skip token is bound.
    pub bound_to: [String; 2],
    has_undocumented: bool,
    /// Whether the condition is one that the directory answers from another index.
    is_advanced: bool,
    /// The behavior that decided on an option of a resource that takes only some queries.
    decided: Option<&'static str>,
}

/// Options that apply only to collections.
const COLLECTION_ONLY: [Name; 5] = [Name::Filter, Name::OrderBy, Name::Count, Name::Skip, Name::Top];

/// Options that no public source documents for this collection (behavior `query-options`).
const UNDOCUMENTED: [Name; 8] =
    [Name::Filter, Name::OrderBy, Name::Skip, Name::Count, Name::Search, Name::Expand, Name::Apply, Name::Compute];

/// Options that are refused, `$search` except on types with rules for it, even where the undocumented ones are honored: no public source shows them on a sibling resource.
const UNSUPPORTED: [Name; 4] = [Name::Search, Name::Apply, Name::Compute, Name::DeltaToken];

/// The sizes of pages in the directory.
const DIRECTORY_PAGE: RangeInclusive<usize> = 1..=999;

impl<'m> Query<'m> {
    /// Returns the list of selected and expanded properties in parentheses, as context URLs have it; empty without one.
    pub(crate) fn projection(&self) -> String {
        let selected = self.select.iter().map(|select| select.list.clone());
        let items: Vec<String> = selected.chain(self.expand.iter().filter_map(ExpandItem::context_item)).collect();
        if items.is_empty() { String::new() } else { format!("({})", items.join(",")) }
    }

    /// Returns the behavior that decided on an option without a clear source, if the query has one.
    pub(crate) fn doubted(&self) -> Option<&'static str> {
        self.decided.or(self.has_undocumented.then_some("query-options"))
    }

    /// Parses a query string, the part of a URL after `?`.
    pub(crate) fn read(text: &str, scope: Scope<'m>, target: QueryTarget) -> Result<Query<'m>, Error> {
        if scope.behaviors.empty_options == EmptyOptions::Refuse
            && text.strip_prefix('&').unwrap_or(text).split('&').any(str::is_empty)
            && !text.is_empty()
        {
            let detail = "an option is missing beside an ampersand".to_owned();
            return Err(Error::new(&refusal::EMPTY_OPTION, &[]).with_detail(detail));
        }
        Query::of(SystemQueryOptions::split(text)?, scope, target, 0)
    }

    /// Binds options to the model. `depth` is the number of expansions around them.
    fn of(mut options: SystemQueryOptions<'_>, scope: Scope<'m>, target: QueryTarget, depth: usize) -> Result<Query<'m>, Error> {
        let mut query = Query { has_undocumented: UNDOCUMENTED.iter().any(|name| options.has(*name)), ..Query::default() };
        match scope.behaviors.query_options {
            QueryOptions::Honor => {}
            QueryOptions::Ignore => UNDOCUMENTED.iter().for_each(|name| options.remove(*name)),
            QueryOptions::Reject => options.refuse(&UNDOCUMENTED)?,
        }
        query.decided = options.restrict(&scope, target)?;
        if !scope.restrictions.is_empty() && matches!(target, QueryTarget::Collection | QueryTarget::Count) {
            options.refuse_restricted(scope.restrictions, target)?;
        }
        let search = scope.search.and_then(|rules| Some((options.take(Name::Search)?, rules)));
        let search = search.filter(|(text, rules)| rules.everything != Some(text.trim()));
        options.refuse(&UNSUPPORTED)?;
        if target == QueryTarget::Entity && depth == 0 && scope.is_eventual && scope.structured.rare().eventual.is_some() {
            // An expansion to several levels needs `$count=true`, which has no other effect on one object (microsoft-graph-docs#18615).
            drop(options.take(Name::Count));
        }
        if matches!(target, QueryTarget::Entity | QueryTarget::Property)
            && let Some(name) = COLLECTION_ONLY.iter().find(|name| options.has(**name))
        {
            let detail = format!("${} applies only to collections", name.text());
            return Err(Error::new(&refusal::NOT_A_COLLECTION, &[]).with_detail(detail));
        }
        if target == QueryTarget::Property {
            return Ok(query);
        }
        let has_search = search.is_some();
        query.read_conditions(options.take(Name::Filter), search, scope)?;
        query.refuse_filtered(scope)?;
        let level = if depth == 0 { query.missing_level(scope) } else { None };
        if level == Some(Level::Header) && target == QueryTarget::Count {
            return Err(Error::new(&refusal::COUNT_NEEDS_LEVEL, &[]));
        }
        if level == Some(Level::Header) && has_search {
            return Err(Error::new(&refusal::SEARCH_NEEDS_LEVEL, &[]));
        }
        if target == QueryTarget::Count {
            return Ok(query);
        }
        if let Some(text) = options.take(Name::Expand) {
            query.expand = expand::read(&text, scope, depth)?;
            let is_list = target == QueryTarget::Collection && scope.structured.rare().eventual.is_some();
            if is_list && query.expand.iter().any(|item| item.levels > 1) {
                return Err(Error::new(&refusal::LEVELS_OF_LIST, &[]));
            }
        }
        if !options.has(Name::Select) {
            expand::add_unasked(scope.model, scope.structured, depth, &mut query.expand);
        }
        if let Some(text) = options.take(Name::Select) {
            query.select = Some(select::read(&text, scope)?);
        }
        if let Some(text) = options.take(Name::OrderBy) {
            query.order = orderby::read(&text, scope)?;
            query.decided = query.decided.or(orderby::decided(&query.order));
            query.bound_to[1] = text.into_owned();
        }
        query.refuse_ordered(scope)?;
        query.check_order(scope)?;
        query.top = options.take(Name::Top).map(|text| number(&text, &refusal::INVALID_TOP)).transpose()?;
        let has_skip = options.has(Name::Skip);
        query.skip = options.take(Name::Skip).map_or(Ok(0), |text| number(&text, &refusal::INVALID_SKIP))?;
        query.check_page(has_skip, scope)?;
        query.count = match options.take(Name::Count) {
            None => None,
            Some(text) => match text.trim() {
                "true" => Some(true),
                "false" => Some(false),
                other => return Err(Error::new(&refusal::INVALID_COUNT, &[other])),
            },
        };
        query.token = options.take(Name::SkipToken).map(|text| text.trim().to_owned());
        if let Some(level) = level {
            // Without the header `$count=true` has no effect.
            query.count = query.count.filter(|_| level == Level::Count);
            let is_advanced = query.is_advanced || query.filter.is_some() && !query.order.is_empty() && !has_search;
            if is_advanced && query.count != Some(true) {
                return Err(Error::new(&refusal::QUERY_NEEDS_LEVEL, &[]));
            }
        }
        Ok(query)
    }

    /// Returns an error for the first property that the schema excludes from conditions.
    fn refuse_filtered(&self, scope: Scope<'_>) -> Result<(), Error> {
        let filtered = self.filter.as_ref().map(BoundExpression::properties).unwrap_or_default();
        scope.refuse_listed(filtered.into_iter().map(|path| (PropertyList::NonFilterable, path)), "$filter")
    }

    /// Returns an error for the first property that the schema excludes from orders, or from those in its direction.
    fn refuse_ordered(&self, scope: Scope<'_>) -> Result<(), Error> {
        let ordered = orderby::directions(&self.order).flat_map(|(path, is_descending)| {
            let direction = if is_descending { PropertyList::AscendingOnly } else { PropertyList::DescendingOnly };
            [(PropertyList::NonSortable, path), (direction, path)]
        });
        scope.refuse_listed(ordered, "$orderby")
    }

    /// Checks that the properties of the order are the first ones of the condition, where the service needs that.
    fn check_order(&mut self, scope: Scope<'_>) -> Result<(), Error> {
        let (Some((behavior, is_strict)), Some(filter)) = (scope.structured.rare().ordered_filters, &self.filter) else {
            return Ok(());
        };
        let (ordered, filtered) = (orderby::properties(&self.order), filter.properties());
        if ordered.is_empty() || filtered.starts_with(&ordered) {
            return Ok(());
        }
        self.decided = self.decided.or(Some(*behavior));
        if is_strict(scope.behaviors) {
            let detail = format!("$filter must begin with {}, in this order", ordered.join(", "));
            return Err(Error::new(&refusal::INEFFICIENT_FILTER, &[]).with_detail(detail));
        }
        Ok(())
    }

    /// Checks the page that a list of the directory is asked for.
    fn check_page(&mut self, has_skip: bool, scope: Scope<'_>) -> Result<(), Error> {
        let outside = self.top.filter(|top| !DIRECTORY_PAGE.contains(top));
        let Some((behavior, is_strict)) = scope.structured.rare().paged.filter(|_| has_skip || outside.is_some()) else {
            return Ok(());
        };
        self.decided = self.decided.or(Some(*behavior));
        match outside {
            _ if !is_strict(scope.behaviors) => Ok(()),
            _ if has_skip => Err(Error::new(&refusal::SKIP_UNSUPPORTED, &[])),
            Some(top) => Err(Error::new(&refusal::INVALID_PAGE_SIZE, &[&top.to_string()])),
            None => Ok(()),
        }
    }

    /// Returns what an advanced query of the directory needs beside its options; `None` for other types, or if nothing is needed.
    fn missing_level(&mut self, scope: Scope<'_>) -> Option<Level> {
        let (behavior, needs_level) = scope.structured.rare().eventual?;
        if !needs_level(scope.behaviors) {
            return None;
        }
        self.decided = self.decided.or(self.is_advanced.then_some(*behavior));
        Some(if scope.is_eventual { Level::Count } else { Level::Header })
    }
}

/// The need of an advanced query of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// `ConsistencyLevel: eventual`, and mostly `$count=true`.
    Header,
    /// `$count=true`: the header is there.
    Count,
}

impl<'m> Query<'m> {
    /// Parses `$filter` and `$search`: an entity must fulfill both.
    fn read_conditions(
        &mut self,
        filter: Option<Cow<'_, str>>,
        search: Option<(Cow<'_, str>, &SearchRules)>,
        scope: Scope<'m>,
    ) -> Result<(), Error> {
        let mut condition = filter.as_ref().map(|text| filter::read(text, scope)).transpose()?;
        if let Some((condition, rules)) = condition.as_ref().zip(scope.rules.and_then(|rules| rules.filter)) {
            self.decided = Some(rules.strict.0);
            condition.expression.check(rules, scope.behaviors)?;
        }
        self.bound_to[0] = filter.map(Cow::into_owned).unwrap_or_default();
        if let Some((text, rules)) = search {
            let search = filter::read_search(&text, scope, rules)?;
            condition = Some(match condition {
                Some(filter) => filter.and(search),
                None => search.into(),
            });
            // No filter has a line feed outside of its texts.
            self.bound_to[0].push('\n');
            self.bound_to[0].push_str(&text);
        }
        self.decided = self.decided.or(condition.as_ref().and_then(|condition| condition.decided));
        self.is_advanced = condition.as_ref().is_some_and(|condition| condition.expression.is_advanced());
        self.filter = condition.map(|condition| condition.bind(&scope));
        Ok(())
    }
}

/// Parses a non-negative signed 64-bit integer, as ODataLib does.
fn number(text: &str, refusal: &'static refusal::Refusal) -> Result<usize, Error> {
    let parsed = text.trim().parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
    let number = parsed.ok_or_else(|| Error::new(refusal, &[text]))?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;
