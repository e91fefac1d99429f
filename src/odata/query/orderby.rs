//! `$orderby`: the sort keys of a list.

use std::cmp::Ordering;

use super::Scope;
use super::filter::BoundExpression;
use super::filter::evaluate::{self, Scalar};
use super::filter::navigation::NavigationUse;
use super::filter::parser::Parser;
use super::filter::problem::Refusals;
use super::position::located_detail;
use crate::edm::schema::TypeId;
use crate::edm::value::Complex;
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::policy::refusal;

/// The maximum number of keys.
const MAX_KEYS: usize = 16;

/// The number of significant characters of a text key, or of bytes, which the next link carries. Entities whose keys begin alike are in the order
/// of creation.
const SIGNIFICANT: usize = 128;

/// One sort key.
#[derive(Debug)]
pub(crate) struct OrderKey<'m> {
    expression: BoundExpression<'m>,
    is_descending: bool,
    /// The behavior that decided on a part of it, or of a key before.
    decided: Option<&'static str>,
}

/// Returns the paths of the properties of the keys, in their order.
pub(super) fn properties<'o>(order: &'o [OrderKey<'_>]) -> Vec<&'o str> {
    order.iter().flat_map(|key| key.expression.properties()).collect()
}

/// Returns the paths of the properties of the keys, and whether their order is descending.
pub(super) fn directions<'o>(order: &'o [OrderKey<'_>]) -> impl Iterator<Item = (&'o str, bool)> {
    order.iter().flat_map(|key| key.expression.properties().into_iter().map(|path| (path, key.is_descending)))
}

static REFUSALS: Refusals = Refusals { write_only: &refusal::ORDER_BY_SECRET, unknown_property: None };

/// Parses an `$orderby`.
pub(super) fn read<'m>(text: &str, scope: Scope<'m>) -> Result<Vec<OrderKey<'m>>, Error> {
    let mut parser = Parser::new(text, scope).with_navigations();
    let mut keys = Vec::new();
    let mut has_object = false;
    let parsed = loop {
        match parser.order_key() {
            Ok((expression, is_descending, has_more)) => {
                has_object |= expression.is_object();
                keys.push(OrderKey { expression: expression.bind(), is_descending, decided: parser.decided() });
                if !has_more {
                    break parser.finish().map(|()| keys);
                }
                if keys.len() == MAX_KEYS {
                    break Err(parser.problem(format!("too many keys (limit {MAX_KEYS})")));
                }
            }
            Err(problem) => break Err(problem),
        }
    };
    let mut keys = parsed.map_err(|problem| {
        let error = problem.into_error(text, &REFUSALS, |at, detail, message| {
            Error::new(&refusal::INVALID_ORDER, &[message]).with_detail(located_detail(text, at, detail))
        });
        Error { behavior: parser.decided(), ..error }
    })?;
    // The numbers of navigation properties are those of the whole text.
    if let Some(first) = keys.first_mut() {
        first.expression.set_navigations(parser.navigations());
    }
    if has_object { Err(Error::new(&refusal::ORDER_BY_OBJECT, &[])) } else { Ok(keys) }
}

/// Returns the behavior that decided on a part of the keys.
pub(super) fn decided(order: &[OrderKey<'_>]) -> Option<&'static str> {
    order.last().and_then(|key| key.decided)
}

/// Returns the navigation properties in the keys, those that have others before these.
pub(crate) fn navigations<'o, 'm>(order: &'o [OrderKey<'m>]) -> &'o [NavigationUse<'m>] {
    order.first().map_or(&[], |key| key.expression.navigations())
}

/// Returns the sort keys of an entity of a type; `None` is that of the path. If the purse is empty afterwards, they mean nothing.
pub(crate) fn keys_of(order: &[OrderKey<'_>], own_type: Option<TypeId>, object: &Complex, purse: &Purse) -> Vec<Scalar<'static>> {
    order.iter().map(|key| key.expression.evaluate_as(own_type, object, purse, truncate)).collect()
}

/// Returns the steps of the keys of an entity without those for texts. Their caller pays them, for many entities at a time.
pub(crate) fn steps(order: &[OrderKey<'_>]) -> u64 {
    order.iter().map(|key| key.expression.steps()).sum()
}

/// Compares the sort keys of two entities. Null sorts first in ascending order, last in descending order (OData 4.0 Part 2, 5.1.4).
pub(crate) fn compare(order: &[OrderKey<'_>], left: &[Scalar<'_>], right: &[Scalar<'_>]) -> Ordering {
    for ((key, left), right) in order.iter().zip(left).zip(right) {
        let ordering = evaluate::total_order(left, right);
        if ordering != Ordering::Equal {
            return if key.is_descending { ordering.reverse() } else { ordering };
        }
    }
    Ordering::Equal
}

fn truncate(scalar: Scalar<'_>) -> Scalar<'static> {
    match scalar {
        Scalar::Text(text) if text.len() > SIGNIFICANT => Scalar::Text(text.chars().take(SIGNIFICANT).collect::<String>().into()),
        Scalar::Binary(bytes) if bytes.len() > SIGNIFICANT => Scalar::Binary(bytes[..SIGNIFICANT].into()),
        other => other.into_owned(),
    }
}
