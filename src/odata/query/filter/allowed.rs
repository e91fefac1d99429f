//! Filters of collections that take only some conditions.

use super::evaluate::{Function, Node};
use super::functions;
use super::scalar::Comparison;
use crate::edm::schema::FilterRules;
use crate::odata::error::Error;

/// Checks that a filter has no other conditions than a collection takes. The first problem counts.
pub(super) fn check(node: &Node<'_>, rules: &FilterRules) -> Result<(), Error> {
    check_condition(node, rules, &mut Vec::new())
}

fn check_condition<'n>(node: &'n Node<'_>, rules: &FilterRules, seen: &mut Vec<&'n str>) -> Result<(), Error> {
    match node {
        Node::And(parts) => parts.iter().try_for_each(|part| check_condition(part, rules, seen)),
        Node::Compare(comparison, left, right) if is_constant(right) => match property(left) {
            Some(path) => check_comparison(path, *comparison, rules, seen),
            None => Err(other(left, rules, "a function")),
        },
        Node::Or(_) => Err(Error::new(rules.form, &["or"])),
        Node::Not(_) => Err(Error::new(rules.form, &["not"])),
        Node::In(left, ..) => Err(other(left, rules, "in")),
        Node::Has(left, _) => Err(other(left, rules, "has")),
        node => Err(other(node, rules, "an expression without a comparison")),
    }
}

fn check_comparison<'n>(
    path: &'n str,
    comparison: Comparison,
    rules: &FilterRules,
    seen: &mut Vec<&'n str>,
) -> Result<(), Error> {
    let Some((_, operators)) = rules.comparisons.iter().find(|(known, _)| *known == path) else {
        return Err(Error::new(rules.property, &[path]));
    };
    let is_known = operators.iter().any(|word| functions::comparison(word).is_some_and(|(known, _)| known == comparison));
    if !is_known {
        return Err(Error::new(rules.operator, &[path, functions::kind(comparison)]));
    }
    if seen.contains(&path) {
        return Err(Error::new(rules.repeated, &[path]));
    }
    seen.push(path);
    Ok(())
}

/// Returns the refusal of a condition of another form: that of its property, if no condition can have it.
fn other(node: &Node<'_>, rules: &FilterRules, form: &str) -> Error {
    match property(node) {
        Some(path) if !rules.comparisons.iter().any(|(known, _)| *known == path) => Error::new(rules.property, &[path]),
        _ => Error::new(rules.form, &[form]),
    }
}

fn is_constant(node: &Node<'_>) -> bool {
    match node {
        Node::Constant(_) => true,
        Node::Masked(inner, _) => is_constant(inner),
        _ => false,
    }
}

/// Whether a condition has `ne`, `not`, `endswith` or a number of items.
pub(super) fn is_advanced(node: &Node<'_>) -> bool {
    match node {
        Node::Not(_) | Node::Count(_) | Node::Compare(Comparison::NotEqual, ..) | Node::Call(Function::EndsWith, ..) => true,
        Node::And(parts) | Node::Or(parts) | Node::Call(_, parts, _) => parts.iter().any(is_advanced),
        Node::Compare(_, left, right) => is_advanced(left) || is_advanced(right),
        Node::Masked(inner, _) | Node::In(inner, ..) => is_advanced(inner),
        Node::Lambda(lambda) => lambda.body.as_ref().is_some_and(|body| is_advanced(&body.node)),
        _ => false,
    }
}

/// Adds the paths of the properties of a condition, each once, in the order of its text.
pub(super) fn add_properties<'n>(node: &'n Node<'_>, found: &mut Vec<&'n str>) {
    let mut add = |path: &'n str| {
        if !found.contains(&path) {
            found.push(path);
        }
    };
    match node {
        Node::Property(path) | Node::Typed(path, _) => add(&path.text),
        // Other paths are those of items.
        Node::Count(source) => source.own_path().into_iter().for_each(add),
        Node::Lambda(lambda) => {
            lambda.source.own_path().into_iter().for_each(add);
            if let Some(body) = &lambda.body {
                add_properties(&body.node, found);
            }
        }
        Node::And(parts) | Node::Or(parts) | Node::Call(_, parts, _) => {
            for part in parts {
                add_properties(part, found);
            }
        }
        Node::Compare(_, left, right) => {
            add_properties(left, found);
            add_properties(right, found);
        }
        Node::Arithmetic(first, others) => {
            add_properties(first, found);
            for (_, part) in others {
                add_properties(part, found);
            }
        }
        Node::Masked(inner, _)
        | Node::Utc(inner)
        | Node::In(inner, ..)
        | Node::Has(inner, _)
        | Node::Not(inner)
        | Node::Negate(inner)
        | Node::Cast(inner, _)
        | Node::EnumText(inner, ..)
        | Node::IsOf(inner, _)
        | Node::Narrowed(inner) => add_properties(inner, found),
        Node::Constant(_) | Node::Item(..) | Node::HasType(..) | Node::Search(_) => {}
    }
}

/// Returns the path of a property.
fn property<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match node {
        Node::Property(path) | Node::Typed(path, _) => Some(&path.text),
        Node::Masked(inner, _) => property(inner),
        _ => None,
    }
}
