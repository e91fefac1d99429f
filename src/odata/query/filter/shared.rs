//! Calls that occur more than once in an expression.
//!
//! Each node gets a number such that nodes with equal numbers are equal (value numbering). Only calls are shared: all other nodes cost
//! less than looking up their result.

use std::collections::HashMap;

use super::evaluate::{Function, Node, Scalar};

/// A node in terms of the numbers of its operands.
#[derive(PartialEq, Eq, Hash)]
enum Shape {
    Constant(u8, [u64; 2], Box<[u8]>),
    Property(Box<str>),
    Item(usize, Box<str>),
    Call(Function, Vec<usize>),
    /// A node that no function takes, different from all others.
    Other(usize),
}

/// Numbers the calls that occur more than once, from 0 on. Returns the number of different ones.
pub(super) fn number(root: &mut Node<'_>) -> usize {
    let mut shapes = HashMap::new();
    let mut occurrences: HashMap<usize, usize> = HashMap::new();
    visit(root, &mut shapes, &mut |number, _| *occurrences.entry(number).or_default() += 1);
    let mut slots: HashMap<usize, usize> = HashMap::new();
    visit(root, &mut shapes, &mut |number, slot| {
        if occurrences.get(&number).is_some_and(|count| *count > 1) {
            let next = slots.len();
            *slot = Some(*slots.entry(number).or_insert(next));
        }
    });
    slots.len()
}

/// Returns the number of nodes, and how many of them are calls.
pub(super) fn size(node: &Node<'_>) -> (usize, usize) {
    let sum = |nodes: &mut dyn Iterator<Item = &Node<'_>>| {
        nodes.map(size).fold((1, 0), |(nodes, calls), (more, more_calls)| (nodes + more, calls + more_calls))
    };
    match node {
        Node::Constant(_) | Node::Property(_) | Node::Count(_) => (1, 0),
        // The items of a lambda are paid when it is evaluated.
        Node::Lambda(_) => (2, 0),
        Node::Typed(..) | Node::Item(..) | Node::Search(..) | Node::HasType(..) => (3, 0),
        Node::Masked(inner, _)
        | Node::Utc(inner)
        | Node::Not(inner)
        | Node::Negate(inner)
        | Node::In(inner, ..)
        | Node::Has(inner, _)
        | Node::Cast(inner, _)
        | Node::EnumText(inner, ..)
        | Node::Narrowed(inner)
        | Node::IsOf(inner, _) => sum(&mut std::iter::once(&**inner)),
        Node::Arithmetic(first, others) => sum(&mut std::iter::once(&**first).chain(others.iter().map(|(_, node)| node))),
        Node::Compare(_, left, right) => sum(&mut [&**left, &**right].into_iter()),
        Node::And(parts) | Node::Or(parts) => sum(&mut parts.iter()),
        Node::Call(_, arguments, _) => {
            let (nodes, calls) = sum(&mut arguments.iter());
            (nodes, calls + 1)
        }
    }
}

/// Visits all calls with their numbers. Returns the number of the node.
fn visit(
    node: &mut Node<'_>,
    shapes: &mut HashMap<Shape, usize>,
    visit_call: &mut impl FnMut(usize, &mut Option<usize>),
) -> usize {
    let mut all = |nodes: &mut [Node<'_>]| nodes.iter_mut().map(|node| visit(node, shapes, visit_call)).collect::<Vec<usize>>();
    let shape = match node {
        Node::Constant(scalar) => Some(constant(scalar)),
        Node::Property(path) | Node::Typed(path, _) => Some(Shape::Property(path.text.as_str().into())),
        Node::Item(variable, path, _) => {
            Some(Shape::Item(*variable, path.as_ref().map(|path| path.text.as_str()).unwrap_or_default().into()))
        }
        // The calls in a lambda are numbered there.
        Node::Count(_) | Node::Lambda(_) | Node::Search(..) | Node::HasType(..) => None,
        Node::Call(function, arguments, _) => Some(Shape::Call(*function, all(arguments))),
        Node::Masked(inner, _)
        | Node::Utc(inner)
        | Node::Not(inner)
        | Node::Negate(inner)
        | Node::In(inner, ..)
        | Node::Has(inner, _)
        | Node::Cast(inner, _)
        | Node::EnumText(inner, ..)
        | Node::Narrowed(inner)
        | Node::IsOf(inner, _) => {
            all(std::slice::from_mut(inner));
            None
        }
        Node::Arithmetic(first, others) => {
            all(std::slice::from_mut(first));
            for (_, node) in others {
                all(std::slice::from_mut(node));
            }
            None
        }
        Node::Compare(_, left, right) => {
            all(std::slice::from_mut(left));
            all(std::slice::from_mut(right));
            None
        }
        Node::And(parts) | Node::Or(parts) => {
            all(parts);
            None
        }
    };
    let shape = shape.unwrap_or(Shape::Other(shapes.len()));
    let next = shapes.len();
    let number = *shapes.entry(shape).or_insert(next);
    if let Node::Call(_, _, slot) = node {
        visit_call(number, slot);
    }
    number
}

fn constant(scalar: &Scalar<'_>) -> Shape {
    let number = |kind, value: i64| Shape::Constant(kind, [0, value.cast_unsigned()], Box::default());
    match scalar {
        Scalar::Null => number(0, 0),
        Scalar::Boolean(value) => number(1, i64::from(*value)),
        Scalar::Float(value) => Shape::Constant(2, [0, value.to_bits()], Box::default()),
        Scalar::Text(text) => Shape::Constant(3, [0; 2], text.as_bytes().into()),
        Scalar::Time(time) => {
            Shape::Constant(4, [u64::from(time.offset_minutes.cast_unsigned()), time.ticks.cast_unsigned()], Box::default())
        }
        Scalar::Enum(value) => number(5, *value),
        Scalar::Object => number(6, 0),
        Scalar::Integer(value) => number(7, *value),
        Scalar::Decimal(value) => Shape::Constant(8, value.bits(), Box::default()),
        Scalar::Date(value) => number(9, *value),
        Scalar::TimeOfDay(value) => number(10, *value),
        Scalar::Duration(value) => number(11, *value),
        Scalar::Guid(halves) => Shape::Constant(12, *halves, Box::default()),
        Scalar::Binary(bytes) => Shape::Constant(13, [0; 2], bytes.to_vec().into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::edm::value::{Complex, Value};
    use crate::odata::purse::Purse;
    use crate::odata::query::filter::evaluate::Scalar;
    use crate::odata::query::filter::parser::Parser;
    use crate::odata::query::filter::{BoundExpression, Expression};
    use crate::odata::query::tests::with_scope;

    /// Evaluates a filter for an entity with this name. Returns the result, the steps, and the number of shared calls; the result is `None`
    /// if the purse did not suffice.
    fn evaluate(
        filter: &str,
        name: &str,
        bind: impl FnOnce(Expression<'_>) -> BoundExpression<'_>,
    ) -> (Option<bool>, u64, usize) {
        with_scope(|scope| {
            let mut entity = Complex::default();
            let index = scope.structured.property("displayName").unwrap();
            entity.set(scope.structured.properties[index].slot, Value::String(name.into()));
            let filter = bind(Parser::new(filter, scope).filter().unwrap());
            let purse = Purse::whole();
            assert!(purse.spend(filter.steps()));
            let fulfilled = filter.is_fulfilled(&entity, &purse);
            assert_eq!(purse.held(), 0, "no text outlives the evaluation");
            ((!purse.is_empty()).then_some(fulfilled), Purse::whole().rest() - purse.rest(), filter.shared)
        })
    }

    fn bound(filter: &str, name: &str) -> (Option<bool>, u64, usize) {
        evaluate(filter, name, bind)
    }

    fn bind(expression: Expression<'_>) -> BoundExpression<'_> {
        expression.bind()
    }

    fn unshared(expression: Expression<'_>) -> BoundExpression<'_> {
        BoundExpression { node: expression.node, nodes: 0, calls: 0, shared: 0, navigations: Vec::new(), ignores_case: false }
    }

    #[test]
    fn equal_calls_are_evaluated_once() {
        let equal = vec!["contains(toupper(displayName),'Z')"; 60].join(" or ");
        let different: Vec<String> = (0..60).map(|index| format!("contains(toupper(displayName),'Z{index}')")).collect();
        let name = "a".repeat(10_000);
        let (once, ..) = (bound("contains(toupper(displayName),'Z')", &name),);
        let sixty = bound(&equal, &name);
        assert_eq!((sixty.0, sixty.2), (Some(false), 2), "the outer call and the inner one");
        assert!(sixty.1 < once.1 + 300, "{sixty:?} {once:?}");
        assert_eq!(bound(&different.join(" or "), &name).2, 1, "the name in upper case");
        for (filter, shared) in [
            ("isActive or isActive or length(displayName) eq 1", 0),
            ("length(displayName) eq 1 or length(displayName) eq 2", 1),
            ("length(displayName) eq 1 or length(DISPLAYNAME) eq 2", 1),
            ("length(displayName) eq 1 or length(id) eq 2", 0),
            ("length(displayName) eq 1 or length('displayName') eq 2", 0),
            ("indexof(displayName,'1') eq 1 or indexof(displayName,id) eq 1", 0),
            ("substring(displayName,1) eq '1' or substring(displayName,1,1) eq '1'", 0),
            ("concat('a','bc') eq concat('ab','c')", 0),
            ("length(displayName) in (1,2) or not (length(displayName) in (1,2))", 1),
        ] {
            assert_eq!(bound(filter, &name).2, shared, "{filter}");
        }
    }

    #[test]
    fn steps_are_in_proportion_to_operators_and_to_the_length_of_texts() {
        let steps = |filter: &str, length: usize| bound(filter, &"a".repeat(length)).1;
        for filter in
            ["contains(displayName,'z')", "tolower(displayName) eq 'b'", "length(displayName) eq 0", "trim(displayName) eq ''"]
        {
            let (few, many) = (steps(filter, 100_000), steps(filter, 1_000_000));
            assert!(many > 9 * few && many < 11 * few, "{filter}: {few} {many}");
            assert_eq!(steps(filter, 100_000), few, "{filter}");
        }
        let of = |operators: usize| steps(&vec!["apiVersion eq 5"; operators].join(" or "), 1);
        assert_eq!((of(11) - of(1), of(101) - of(1)), (31, 301), "three nodes each, and the first disjunction");
        // Letters beyond ASCII are slower.
        let (latin, ascii) =
            (bound("tolower(displayName) eq ''", &"é".repeat(100)).1, bound("tolower(displayName) eq ''", &"e".repeat(200)).1);
        assert_eq!(latin - ascii, 600 - 50);
        // Ordinary names cost little: a hundred thousand of them are a few percent of a purse.
        assert!(steps("contains(tolower(displayName),'shift')", 40) < 100);
    }

    #[test]
    fn large_texts_end_the_evaluation() {
        let name = "a".repeat(4_000_000);
        let nested = |depth: usize| format!("length({}displayName{}) eq 4000000", "tolower(".repeat(depth), ")".repeat(depth));
        assert_eq!(bound(&nested(1), &name).0, Some(true));
        assert_eq!(bound(&nested(95), &name).0, None);
        let sums = (0..60).map(|index| format!("contains(toupper(concat(displayName,'{index}')),'b')")).collect::<Vec<_>>();
        assert_eq!(bound(&sums.join(" or "), &"a".repeat(1_000_000)).0, None);
        assert_eq!(bound(&sums.join(" or "), &"a".repeat(1_000)).0, Some(false));
    }

    #[test]
    fn only_the_purse_ends_an_evaluation() {
        with_scope(|scope| {
            let filter = Parser::new("tolower('aaaaaaaaaaaaaaaaaaaa') eq 'b'", scope).filter().unwrap().bind();
            let entity = Complex::default();
            let empty = |steps| {
                let purse = Purse::of(steps, 0);
                filter
                    .evaluate_as(None, &entity, &purse, |value| assert!(matches!(value, Scalar::Boolean(false) | Scalar::Null)));
                purse.is_empty()
            };
            // Twenty letters.
            assert!(empty(4) && !empty(5));
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..crate::property_tests() })]

        #[test]
        fn sharing_changes_no_result(parts in proptest::collection::vec((0..9_usize, 0..6_usize), 1..8), name in "[aA ]{0,6}") {
            let texts = ["displayName", "tolower(displayName)", "trim(tolower(displayName))", "concat(displayName,tolower(displayName))", "id", "'a'"];
            let condition = |(function, text): &(usize, usize)| {
                let text = texts[*text];
                match function {
                    0 => format!("contains({text},'a')"),
                    1 => format!("length({text}) gt 2"),
                    2 => format!("indexof({text},'A') eq length(tolower(displayName))"),
                    3 => format!("not startswith({text},tolower(displayName))"),
                    4 => format!("substring({text},1) eq 'a'"),
                    5 => format!("{text} in ('a','aa')"),
                    6 => format!("{text} eq trim({text})"),
                    7 => format!("toupper({text}) ne {text}"),
                    _ => format!("endswith({text},' ')"),
                }
            };
            let conditions: Vec<String> = parts.iter().map(condition).collect();
            for word in [" and ", " or "] {
                let filter = conditions.join(word);
                prop_assert_eq!(bound(&filter, &name).0, evaluate(&filter, &name, unshared).0, "{}", filter);
            }
        }
    }
}
