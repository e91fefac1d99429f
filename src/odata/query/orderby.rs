//! `$orderby`: the order of a list.

use std::cmp::Ordering;

use super::Scope;
use super::filter::evaluate::{self, Scalar};
use super::filter::parser::{Parser, What};
use super::filter::{Expression, located, placed, position};
use crate::edm::value::Complex;
use crate::odata::error::Error;
use crate::policy::refusal;

/// The most keys of an order.
const MAX_KEYS: usize = 16;

/// How many characters of a text order a list: the address of the next page carries them. Texts that begin with the same ones are in
/// the order of their creation.
const SIGNIFICANT: usize = 128;

/// One key of an order.
#[derive(Debug)]
pub struct OrderKey<'m> {
    expression: Expression<'m>,
    is_descending: bool,
}

/// Reads an `$orderby`.
pub(super) fn read<'m>(text: &str, scope: Scope<'m>) -> Result<Vec<OrderKey<'m>>, Error> {
    let mut parser = Parser::new(text, scope);
    let mut keys = Vec::new();
    let read = loop {
        match parser.order_key() {
            Ok((expression, ..)) if expression.is_object() => return Err(Error::new(&refusal::ORDER_BY_OBJECT, &[])),
            Ok((expression, is_descending, has_more)) => {
                keys.push(OrderKey { expression, is_descending });
                if !has_more {
                    break Ok(keys);
                }
                if keys.len() == MAX_KEYS {
                    break Err(parser.problem(What::Syntax(format!("expected at most {MAX_KEYS} keys"))));
                }
            }
            Err(problem) => break Err(problem),
        }
    };
    read.map_err(|problem| match problem.what {
        What::Unknown(error) => placed(*error, text, problem.at),
        What::Secret(path) => placed(Error::new(&refusal::ORDER_BY_SECRET, &[&path]), text, problem.at),
        What::Syntax(detail) => {
            let at = position(text, problem.at).to_string();
            Error::new(&refusal::INVALID_ORDER, &[&at, text]).with_detail(located(text, problem.at, &detail))
        }
    })
}

/// Returns the values of the keys for an entity.
pub fn keys_of(order: &[OrderKey<'_>], object: &Complex) -> Vec<Scalar<'static>> {
    order.iter().map(|key| significant(key.expression.evaluate(object))).collect()
}

/// Compares the keys of two entities. Null comes first where the order ascends, last where it descends (OData 4.0 Part 2, 5.1.4).
pub fn compare(order: &[OrderKey<'_>], left: &[Scalar<'_>], right: &[Scalar<'_>]) -> Ordering {
    for ((key, left), right) in order.iter().zip(left).zip(right) {
        let ordering = evaluate::total_order(left, right);
        if ordering != Ordering::Equal {
            return if key.is_descending { ordering.reverse() } else { ordering };
        }
    }
    Ordering::Equal
}

fn significant(scalar: Scalar<'_>) -> Scalar<'static> {
    match scalar {
        Scalar::Text(text) => Scalar::Text(text.chars().take(SIGNIFICANT).collect::<String>().into()),
        Scalar::Null => Scalar::Null,
        Scalar::Boolean(value) => Scalar::Boolean(value),
        Scalar::Number(value) => Scalar::Number(value),
        Scalar::Time(value) => Scalar::Time(value),
        Scalar::Enum(value) => Scalar::Enum(value),
        Scalar::Object => Scalar::Object,
    }
}
