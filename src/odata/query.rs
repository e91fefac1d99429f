//! Query options: what a client asks of a collection or an entity, read against the model.
//!
//! Option names are taken with and without `$` and in any case (concepts/query-parameters and concepts/traverse-the-graph of
//! microsoft-graph-docs). What cannot be read is refused in the words of the gateway, which parses addresses with ODataLib, or in
//! those of the library of the Teams workload; the position in the query goes to the log.

pub mod filter;
pub mod options;
pub mod orderby;
pub mod path;
pub mod select;
pub mod skiptoken;

use self::filter::Expression;
use self::options::{Name, SystemQueryOptions};
use self::orderby::OrderKey;
use self::select::Select;
use super::write::is_shown;
use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::odata::error::Error;
use crate::policy::behavior::{Behaviors, HiddenMembers, QueryOptions};
use crate::policy::refusal;

/// What a query is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryTarget {
    /// A collection of entities.
    Collection,
    /// The number of entities in a collection, `/$count`: only which of them are counted can be chosen (OData 4.0 Part 1, 11.2.9).
    Count,
    /// One entity.
    Entity,
    /// One property: nothing of it can be chosen.
    Property,
}

/// What decides how a query is read.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'m> {
    /// The tables.
    pub model: &'m Model,
    /// The type of what is asked.
    pub structured: &'m StructuredType,
    /// What the tenant does where sources disagree.
    pub behaviors: &'m Behaviors,
    /// Whether the client knows the enum members above the sentinel.
    pub knows_hidden: bool,
}

impl Scope<'_> {
    /// Whether answers name the enum members above the sentinel, so that a query can too.
    fn shows_hidden(&self) -> bool {
        self.knows_hidden || self.behaviors.hidden_members == HiddenMembers::Show
    }

    /// Whether a property of the tables has a name in this version: an older name has one only where it is shown.
    fn is_named(&self, structured: &StructuredType, index: usize) -> bool {
        is_shown(self.behaviors.aliases, structured, index)
    }
}

/// A query that was read.
#[derive(Debug, Default)]
pub struct Query<'m> {
    /// `$select`
    pub select: Option<Select>,
    /// `$filter`
    pub filter: Option<Expression<'m>>,
    /// `$orderby`, the first key first.
    pub order: Vec<OrderKey<'m>>,
    /// `$top`
    pub top: Option<usize>,
    /// `$skip`
    pub skip: usize,
    /// `$count`
    pub count: Option<bool>,
    /// `$skiptoken`
    pub token: Option<String>,
    /// The texts of `$filter` and `$orderby`, which a token belongs to.
    pub bound_to: [String; 2],
    is_doubted: bool,
}

/// Options that only a collection has.
const OF_COLLECTIONS: [Name; 5] = [Name::Filter, Name::OrderBy, Name::Count, Name::Skip, Name::Top];

/// Options of which public sources do not say that this collection has them (row `query-options`).
const DOUBTED: [Name; 8] =
    [Name::Filter, Name::OrderBy, Name::Skip, Name::Count, Name::Search, Name::Expand, Name::Apply, Name::Compute];

/// Options that are refused even where those in doubt are honored: nothing public shows them on a resource of this family.
const UNSUPPORTED: [Name; 4] = [Name::Search, Name::Apply, Name::Compute, Name::DeltaToken];

impl<'m> Query<'m> {
    /// Returns the row that decided about an option, if there was one.
    pub fn doubted(&self) -> Option<&'static str> {
        self.is_doubted.then_some("query-options")
    }

    /// Reads a query string, the part of an address behind `?`.
    pub fn read(text: &str, scope: Scope<'m>, target: QueryTarget) -> Result<Query<'m>, Error> {
        let mut options = SystemQueryOptions::split(text)?;
        let mut query = Query { is_doubted: DOUBTED.iter().any(|name| options.has(*name)), ..Query::default() };
        match scope.behaviors.query_options {
            QueryOptions::Honor => {}
            QueryOptions::Ignore => DOUBTED.iter().for_each(|name| options.forget(*name)),
            QueryOptions::Reject => options.refuse(&DOUBTED)?,
        }
        options.refuse(&UNSUPPORTED)?;
        if matches!(target, QueryTarget::Entity | QueryTarget::Property)
            && let Some(name) = OF_COLLECTIONS.iter().find(|name| options.has(**name))
        {
            let detail = format!("found ${}, which only a collection has", name.text());
            return Err(Error::new(&refusal::NOT_A_COLLECTION, &[]).with_detail(detail));
        }
        if target == QueryTarget::Property {
            return Ok(query);
        }
        if let Some(text) = options.take(Name::Filter) {
            query.filter = Some(filter::read(&text, scope)?);
            query.bound_to[0] = text.into_owned();
        }
        if target == QueryTarget::Count {
            return Ok(query);
        }
        if let Some(text) = options.take(Name::Expand) {
            expand(&text, scope)?;
        }
        if let Some(text) = options.take(Name::Select) {
            query.select = Some(select::read(&text, scope)?);
        }
        if let Some(text) = options.take(Name::OrderBy) {
            query.order = orderby::read(&text, scope)?;
            query.bound_to[1] = text.into_owned();
        }
        query.top = options.take(Name::Top).map(|text| number(&text, &refusal::INVALID_TOP)).transpose()?;
        query.skip = options.take(Name::Skip).map_or(Ok(0), |text| number(&text, &refusal::INVALID_SKIP))?;
        query.count = match options.take(Name::Count) {
            None => None,
            Some(text) => match text.trim() {
                "true" => Some(true),
                "false" => Some(false),
                other => return Err(Error::new(&refusal::INVALID_COUNT, &[other])),
            },
        };
        query.token = options.take(Name::SkipToken).map(|text| text.trim().to_owned());
        Ok(query)
    }
}

/// Reads a non-negative whole number of 64 bits with a sign, as ODataLib does.
fn number(text: &str, refusal: &'static refusal::Refusal) -> Result<usize, Error> {
    let read = text.trim().parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
    let number = read.ok_or_else(|| Error::new(refusal, &[text]))?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

/// Refuses `$expand`, unless it asks for all of the none that there are to expand.
fn expand(text: &str, scope: Scope<'_>) -> Result<(), Error> {
    for item in text.split(',').map(str::trim) {
        // Options in parentheses do not matter for a refusal.
        let name = item.split(['(', '/']).next().unwrap_or_default().trim();
        if name == "*" {
            continue;
        }
        if name.is_empty() {
            return Err(Error::new(&refusal::INVALID_SELECT, &[item]));
        }
        if let Some(navigation) =
            scope.structured.navigations.iter().find(|navigation| navigation.name.eq_ignore_ascii_case(name))
        {
            return Err(Error::new(&refusal::EXPAND_NOT_SUPPORTED, &[&navigation.name]));
        }
        let found = scope.structured.property(name).filter(|index| scope.is_named(scope.structured, *index));
        let Some(index) = found else {
            return Err(path::unknown(scope, name, scope.structured));
        };
        let property = &scope.structured.properties[index];
        return Err(match property.kind {
            PropertyType::Complex(_) => Error::new(&refusal::EXPAND_NOT_SUPPORTED, &[&property.name]),
            _ => Error::new(&refusal::EXPAND_OF_A_VALUE, &[&property.name, &scope.structured.full_name]),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
