//! Decision tables: each primitive type by each operator, lambdas, arithmetic, casts, `$search`, and the texts of refusals.

mod lambdas;

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use super::*;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::primitive::{LongNumbers, Primitive};
use crate::edm::schema::{Restrictions, Schema, StructuredType, Version};
use crate::edm::value::{Dynamic, Value};
use crate::odata::query::orderby;
use crate::odata::query::skiptoken::{self, Binding, Position};
use crate::odata::query::{Query, QueryTarget};
use crate::policy::behavior::Behaviors;
use crate::text::json;
use proptest::prelude::*;

/// Each type with two values in order: the JSON of the first one, and the literals of both.
#[rustfmt::skip]
const VALUES: &[(Primitive, &str, &str, &str)] = &[
    (Primitive::Binary, r#""AAE=""#, "binary'AAE='", "binary'AAI'"),
    (Primitive::Boolean, "false", "false", "true"),
    (Primitive::Byte, "7", "7", "8"),
    (Primitive::Date, r#""2024-02-28""#, "2024-02-28", "2024-02-29"),
    (Primitive::DateTimeOffset, r#""2024-02-29T08:30:00+01:00""#, "2024-02-29T07:30:00Z", "2024-02-29T07:30:00.0000001Z"),
    (Primitive::Decimal, r#""0.1000000000000000000000001""#, "0.1000000000000000000000001", "0.1000000000000000000000002"),
    (Primitive::Double, "0.1", "0.1", "INF"),
    (Primitive::Duration, r#""PT24H""#, "duration'P1D'", "duration'P1DT0.000000001S'"),
    (Primitive::Guid, r#""E9FD3B22-4e5c-4a0a-9d17-afe306a1e10d""#, "e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d", "e9fd3b22-4e5c-4a0a-9d17-afe306a1e10e"),
    (Primitive::Int16, "-3", "-3", "-2.5"),
    (Primitive::Int32, "-2147483648", "-2147483648", "2147483648"),
    (Primitive::Int64, "9007199254740992", "9007199254740992", "9007199254740993"),
    (Primitive::SByte, "-1", "-1", "0"),
    (Primitive::Single, "1.5", "1.5f", "1.5000001"),
    (Primitive::Stream, r#""a""#, "null", "null"),
    (Primitive::String, r#""a""#, "'a'", "'b'"),
    (Primitive::TimeOfDay, r#""08:30""#, "08:30:00", "08:30:00.000000000001"),
];

fn document() -> String {
    let properties: Vec<String> = VALUES
        .iter()
        .map(|(primitive, ..)| format!("<Property Name=\"p{}\" Type=\"{}\"/>", primitive.local_name(), primitive.name()))
        .collect();
    let properties = properties.concat();
    format!(
        "<Schema Namespace=\"n\"><EnumType Name=\"color\"><Member Name=\"red\" Value=\"0\"/><Member Name=\"blue\" Value=\"1\"/></EnumType>\
         <ComplexType Name=\"part\" OpenType=\"true\"><Property Name=\"name\" Type=\"Edm.String\"/><Property Name=\"size\" Type=\"Edm.Int32\"/>\
         <Property Name=\"color\" Type=\"n.color\"/><Property Name=\"code\" Type=\"Edm.Guid\"/><Property Name=\"parts\" Type=\"Collection(n.part)\"/></ComplexType>\
         <EntityType Name=\"thing\"><Key><PropertyRef Name=\"id\"/></Key><Property Name=\"id\" Type=\"Edm.String\"/>{properties}\
         <Property Name=\"tags\" Type=\"Collection(Edm.String)\"/><Property Name=\"days\" Type=\"Collection(Edm.Date)\"/>\
         <Property Name=\"parts\" Type=\"Collection(n.part)\"/><Property Name=\"main\" Type=\"n.part\"/><Property Name=\"color\" Type=\"n.color\"/></EntityType></Schema>"
    )
}

static RULES: SearchRules = SearchRules { by_words: &["id"], unnamed: &[], everything: None };
static UNNAMED: SearchRules = SearchRules { by_words: &["id"], unnamed: &["id", "pString"], everything: None };

fn with_things<T>(test: impl FnOnce(Scope<'_>) -> T) -> T {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read(&document(), &document(), &[]).unwrap());
    let model = SCHEMA.model(Version::V1);
    let structured = model.structured(model.type_named("thing").unwrap());
    let behaviors = Behaviors::default();
    let now = DateTimeOffset::parse("2024-02-29T12:00:00Z").unwrap();
    test(Scope {
        model,
        structured,
        behaviors: &behaviors,
        knows_hidden: false,
        now,
        search: Some(&RULES),
        rules: None,
        is_eventual: false,
        restrictions: Restrictions::NONE,
    })
}

fn set(object: &mut Complex, structured: &StructuredType, name: &str, value: Value) {
    object.set(structured.slot(name).unwrap(), value);
}

fn primitive(primitive: Primitive, text: &str) -> Value {
    primitive
        .read(
            &json::parse(text.as_bytes()).unwrap(),
            if primitive == Primitive::Decimal { LongNumbers::Strings } else { LongNumbers::Numbers },
        )
        .unwrap_or_else(|_| panic!("{primitive:?} {text}"))
        .into()
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

/// An entity with all values of the table.
fn full(scope: Scope<'_>) -> Complex {
    let mut entity = Complex::default();
    for &(kind, json, ..) in VALUES {
        set(&mut entity, scope.structured, &format!("p{}", kind.local_name()), primitive(kind, json));
    }
    let part = scope.model.structured(scope.model.type_named("part").unwrap());
    let make = |name: &str, size: i64, color: i64, parts: Vec<Value>| {
        let mut made = Complex::default();
        set(&mut made, part, "name", text(name));
        set(&mut made, part, "size", Value::Integer(size));
        set(&mut made, part, "color", Value::Enum(color));
        set(&mut made, part, "code", text(&format!("00000000-0000-0000-0000-00000000000{size}")));
        set(&mut made, part, "parts", Value::Collection(parts.into()));
        made.dynamic.push(Dynamic::new("extra", format!("{size}")));
        Value::Complex(Arc::new(made))
    };
    let inner = vec![make("x", 7, 0, Vec::new()), make("y", 8, 1, Vec::new())];
    let parts = vec![make("a", 1, 0, Vec::new()), make("b", 2, 1, inner)];
    set(&mut entity, scope.structured, "id", text("OneVideo first"));
    set(&mut entity, scope.structured, "tags", Value::Collection(vec![text("a"), text("b"), Value::Null].into()));
    set(&mut entity, scope.structured, "days", Value::Collection(vec![text("2024-02-29"), text("2023-01-01")].into()));
    set(&mut entity, scope.structured, "parts", Value::Collection(parts.into()));
    set(&mut entity, scope.structured, "main", make("m", 9, 1, vec![make("z", 5, 0, Vec::new())]));
    set(&mut entity, scope.structured, "color", Value::Enum(1));
    entity
}

fn fulfills(scope: Scope<'_>, filter: &str, entity: &Complex) -> bool {
    let expression = read(filter, scope).unwrap_or_else(|error| panic!("{filter}: {}", error.message)).bind(&scope);
    let purse = Purse::whole();
    let fulfilled = expression.is_fulfilled(entity, &purse);
    assert!(!purse.is_empty() && purse.held() == 0, "{filter}");
    fulfilled
}

fn refusal(scope: Scope<'_>, filter: &str) -> String {
    let error = read(filter, scope).err().unwrap_or_else(|| panic!("{filter} is taken"));
    error.message.strip_prefix("Invalid filter clause: ").unwrap_or_else(|| panic!("{}", error.message)).to_owned()
}

fn check(table: &[(&str, bool)]) {
    with_things(|scope| {
        let entity = full(scope);
        for (filter, expected) in table {
            assert_eq!(fulfills(scope, filter, &entity), *expected, "{filter}");
        }
    });
}

#[test]
fn every_type_has_every_comparison() {
    const OPERATORS: [&str; 6] = ["eq", "ne", "gt", "ge", "lt", "le"];
    with_things(|scope| {
        let (entity, blank) = (full(scope), Complex::default());
        let rows: Vec<Primitive> = VALUES.iter().map(|(primitive, ..)| *primitive).collect();
        assert!(Primitive::ALL.iter().all(|primitive| rows.contains(primitive) || primitive.name() == "Edm.Untyped"));
        for &(kind, _, first, second) in VALUES {
            let name = format!("p{}", kind.local_name());
            for (index, operator) in OPERATORS.iter().enumerate() {
                let is_unordered = matches!(kind, Primitive::Binary | Primitive::Stream) && index > 1;
                for (literal, when_full, when_blank) in [
                    (first, [true, false, false, true, false, true], [false, true, false, false, false, false]),
                    (second, [false, true, false, false, true, true], [false, true, false, false, false, false]),
                    ("null", [false, true, false, false, false, false], [true, false, false, false, false, false]),
                ] {
                    if kind == Primitive::Stream && literal == first && literal != "null" {
                        continue;
                    }
                    let filter = format!("{name} {operator} {literal}");
                    if is_unordered {
                        let kind_name =
                            ["Equal", "NotEqual", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"][index];
                        let other = if literal == "null" { "<null>" } else { kind.name() };
                        assert_eq!(
                            refusal(scope, &filter),
                            format!(
                                "A binary operator with incompatible types was detected. Found operand types '{}' and '{other}' for operator kind '{kind_name}'.",
                                kind.name()
                            )
                        );
                        continue;
                    }
                    // All literals of a stream are null.
                    let (when_full, when_blank) = match kind {
                        Primitive::Stream => {
                            ([false, true, false, false, false, false], [true, false, false, false, false, false])
                        }
                        _ => (when_full, when_blank),
                    };
                    let second_is_same = kind == Primitive::TimeOfDay && literal == second;
                    if !second_is_same {
                        assert_eq!(fulfills(scope, &filter, &entity), when_full[index], "{filter}");
                        // Operands in the other order.
                        let mirrored = ["eq", "ne", "lt", "le", "gt", "ge"][index];
                        assert_eq!(
                            fulfills(scope, &format!("{literal} {mirrored} {name}"), &entity),
                            when_full[index],
                            "mirrored {filter}"
                        );
                    }
                    assert_eq!(fulfills(scope, &filter, &blank), when_blank[index], "{filter} without a value");
                }
            }
            if kind != Primitive::Stream {
                for (list, expected) in [
                    (format!("({second},{first})"), true),
                    (format!("({second})"), kind == Primitive::TimeOfDay),
                    ("()".to_owned(), false),
                    ("(null)".to_owned(), false),
                ] {
                    assert_eq!(fulfills(scope, &format!("{name} in {list}"), &entity), expected, "{name} in {list}");
                }
            }
        }
    });
}

#[test]
fn types_that_do_not_go_together_are_refused_in_the_recorded_words() {
    let group = |primitive: Primitive| match primitive {
        primitive if primitive.is_number() => 0,
        Primitive::Date | Primitive::DateTimeOffset => 1,
        other => 2 + Primitive::ALL.iter().position(|known| *known == other).unwrap(),
    };
    with_things(|scope| {
        for &(left, ..) in VALUES {
            for (right, _, literal, _) in VALUES.iter().filter(|(right, ..)| *right != Primitive::Stream) {
                let filter = format!("p{} eq {literal}", left.local_name());
                if group(left) == group(*right) {
                    assert!(read(&filter, scope).is_ok(), "{filter}");
                } else {
                    let message = refusal(scope, &filter);
                    assert!(message.contains(&format!("Found operand types '{}' and 'Edm.", left.name())), "{filter}: {message}");
                    let list = refusal(scope, &format!("p{} in ({literal})", left.local_name()));
                    assert_eq!(list, message);
                }
            }
        }
        assert_eq!(
            refusal(scope, "pGuid eq 'e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d'"),
            "A binary operator with incompatible types was detected. Found operand types 'Edm.Guid' and 'Edm.String' for operator kind 'Equal'."
        );
    });
}

#[test]
fn numbers_are_compared_exactly_unless_one_is_a_double() {
    check(&[
        ("pInt64 eq 9007199254740993", false),
        ("pInt64 eq 9007199254740992.0", true),
        ("pInt64 eq 9007199254740992.5", false),
        ("pInt64 lt 9007199254740992.5", true),
        ("pInt64 eq 9007199254740993d", true),
        ("pDecimal gt 0.1", true),
        ("pDecimal eq 0.1d", true),
        ("pDouble eq 0.1", true),
        ("pDouble eq 0.10", true),
        ("pSByte eq -1e0", true),
        ("pDouble lt INF and pDouble gt -INF", true),
        ("pDouble ne NaN and not (NaN eq NaN) and not (pDouble gt NaN)", true),
        ("NaN in (NaN)", false),
        ("INF eq INF", true),
        ("-0.0 eq 0", true),
        ("pInt32 eq pDouble", false),
        ("pByte in (1.5,7.0)", true),
        ("pDouble in (0.1)", true),
        ("pDecimal in (0.1)", false),
        ("main/extra eq 9", true),
        ("main/extra eq 9.0", true),
        ("main/extra in (8,9)", true),
        ("main/extra add 0.5 eq 9.5", true),
        ("pDate eq 2024-02-28T00:00:00Z", true),
        ("pDateTimeOffset gt 2024-02-29", true),
    ]);
}

#[test]
fn arithmetic_follows_the_types() {
    check(&[
        ("1 add 2 mul 3 eq 7", true),
        ("(1 add 2) mul 3 eq 9", true),
        ("10 sub 2 sub 3 eq 5", true),
        ("7 div 2 eq 3", true),
        ("-7 div 2 eq -3", true),
        ("7 divby 2 eq 3.5", true),
        ("7 mod 2 eq 1", true),
        ("-7 mod 2 eq -1", true),
        ("7.5 mod 2 eq 1.5", true),
        ("0.1 add 0.2 eq 0.3", true),
        ("0.1d add 0.2d eq 0.3d", false),
        ("1 div 0 eq null", true),
        ("1.0 div 0 eq null", true),
        ("1d div 0 eq INF", true),
        ("9223372036854775807 add 1 eq null", true),
        ("- pByte eq -7", true),
        ("-(pByte add 1) eq -8", true),
        ("-pByte eq 0 sub pByte", true),
        ("-pDuration eq duration'-P1D'", true),
        ("pByte add null eq null", true),
        ("pDate add duration'P1D' eq 2024-02-29", true),
        ("pDate add duration'PT36H' eq 2024-02-29", true),
        ("pDateTimeOffset sub duration'PT30M' eq 2024-02-29T07:00:00Z", true),
        ("pDateTimeOffset sub pDate eq duration'P1DT7H30M'", true),
        ("pDuration mul 2 eq duration'P2D'", true),
        ("2 mul pDuration eq duration'P2D'", true),
        ("pDuration divby 1.5 eq duration'PT16H'", true),
        ("pDuration div 2 add duration'PT12H' eq duration'P1D'", true),
        ("maxdatetime() add duration'PT1S' eq null", true),
        ("length(id) add 1 eq 15", true),
        ("main/extra mul 2 eq 18", true),
    ]);
    with_things(|scope| {
        for (filter, left, right, kind) in [
            ("pString add 1 eq 2", "Edm.String", "Edm.Int32", "Add"),
            ("1 sub true eq 2", "Edm.Int32", "Edm.Boolean", "Subtract"),
            ("pGuid mul 1 eq 2", "Edm.Guid", "Edm.Int32", "Multiply"),
            ("pDate add pDate eq null", "Edm.Date", "Edm.Date", "Add"),
            ("pDuration mod 2 eq null", "Edm.Duration", "Edm.Int32", "Modulo"),
            ("parts div 2 eq null", "Collection(n.part)", "Edm.Int32", "Divide"),
        ] {
            assert_eq!(
                refusal(scope, filter),
                format!(
                    "A binary operator with incompatible types was detected. Found operand types '{left}' and '{right}' for operator kind '{kind}'."
                ),
                "{filter}"
            );
        }
        assert_eq!(
            refusal(scope, "-id eq 1"),
            "A unary operator with an incompatible type was detected. Found operand type 'Edm.String' for operator kind 'Negate'."
        );
        assert_eq!(
            refusal(scope, "not id"),
            "A unary operator with an incompatible type was detected. Found operand type 'Edm.String' for operator kind 'Not'."
        );
    });
}

#[test]
fn dates_and_times_have_parts() {
    check(&[
        // Answers show the time in UTC, not with the offset that the client wrote.
        ("hour(pDateTimeOffset) eq 7 and minute(pDateTimeOffset) eq 30 and second(pDateTimeOffset) eq 0", true),
        ("totaloffsetminutes(pDateTimeOffset) eq 0", true),
        ("hour(2024-02-29T08:30:00+01:00) eq 8 and totaloffsetminutes(2024-02-29T08:30:00+01:00) eq 60", true),
        ("year(pDate) eq 2024 and month(pDate) eq 2 and day(pDate) eq 28", true),
        ("day(2024-02-29T23:30:00-01:00) eq 29", true),
        ("hour(pTimeOfDay) eq 8 and minute(pTimeOfDay) eq 30", true),
        ("fractionalseconds(2024-02-29T08:30:00.25Z) eq 0.25", true),
        ("fractionalseconds(08:30:00.125) eq 0.125", true),
        ("date(pDateTimeOffset) eq 2024-02-29 and time(pDateTimeOffset) eq 07:30", true),
        ("now() eq 2024-02-29T12:00:00Z and pDateTimeOffset lt now()", true),
        ("pDateTimeOffset gt now() sub duration'P1D'", true),
        ("mindatetime() lt pDateTimeOffset and maxdatetime() gt pDateTimeOffset", true),
        ("totalseconds(pDuration) eq 86400", true),
        ("totalseconds(duration'-PT0.5S') eq -0.5", true),
        ("round(2.5) eq 3 and round(-2.5) eq -3 and floor(-2.5) eq -3 and ceiling(-2.5) eq -2", true),
        ("round(2.5d) eq 3 and floor(pDouble) eq 0 and ceiling(pInt64) eq pInt64", true),
        ("year(null) eq null", true),
    ]);
}

#[test]
fn casts_convert_or_give_null() {
    check(&[
        ("cast(pByte,Edm.String) eq '7'", true),
        ("cast(pGuid,'Edm.String') eq 'e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d'", true),
        ("cast('e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d',Edm.Guid) eq pGuid", true),
        ("cast('x',Edm.Int32) eq null", true),
        ("cast(pDateTimeOffset,Edm.Date) eq 2024-02-29", true),
        ("cast(pInt64,Edm.Int32) eq null", true),
        ("cast(1.9,Edm.Int32) eq 1", true),
        ("contains(cast(pDate,Edm.String),'-02-')", true),
        ("cast(color,Edm.String) eq 'blue'", true),
        ("cast('blue',n.color) eq color", true),
        ("isof(pByte,Edm.Byte)", true),
        ("isof(pByte,Edm.Int32)", false),
        ("isof(main/extra,Edm.Int32) and not isof(main/extra,Edm.String)", true),
        ("isof(main/absent,Edm.Int32)", false),
        ("isof(color,n.color)", true),
        ("isof('n.part')", false),
        ("isof(main,'n.part')", true),
        ("main/n.part/name eq 'nothing'", false),
        ("cast(main,n.part)/name eq 'nothing'", false),
        ("cast(main,n.part) ne null", true),
        ("cast(n.part) eq null", true),
        ("cast(n.part)/name eq null", true),
    ]);
    with_things(|scope| {
        for filter in ["cast(tags,n.part) eq null", "isof(main,n.nope)", "n.nope/name eq 'a'", "cast(main,Edm.String) eq 'a'"] {
            assert!(read(filter, scope).is_err(), "{filter}");
        }
    });
}

#[test]
fn syntax_is_decided_before_names_and_types() {
    with_things(|scope| {
        for (filter, message) in [
            ("zzz eq", "Expression expected at position 6 in 'zzz eq'."),
            ("zzz eq 1 x", "Syntax error at position 10 in 'zzz eq 1 x'."),
            ("pGuid eq 'a' and (id eq 'b'", "')' or operator expected at position 27 in 'pGuid eq 'a' and (id eq 'b''."),
            ("id eq 'open", "There is an unterminated string literal at position 11 in 'id eq 'open'."),
            ("id == 'a'", "Syntax error: character '=' is not valid at position 3 in 'id == 'a''."),
            ("nope(1) and pByte eq 42.", "Unrecognized 'Edm.Decimal' literal '42.' at '21' in 'nope(1) and pByte eq 42.'."),
            ("pByte eq -.5", "Syntax error: character '.' is not valid at position 10 in 'pByte eq -.5'."),
            (
                "pByte eq 2022-13-01T00:00:00Z",
                "The DateTimeOffset text '2022-13-01T00:00:00Z' should be in format 'yyyy-mm-ddThh:mm:ss('.'s+)?(zzzzzz)?' and each field value is within valid range.",
            ),
            ("pDuration eq duration'1H'", "Unrecognized 'Edm.Duration' literal '1H' at '13' in 'pDuration eq duration'1H''."),
            ("contains(id 'a')", "')' or ',' expected at position 12 in 'contains(id 'a')'."),
            (
                "nope(1)",
                "An unknown function with name 'nope' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed.",
            ),
            (
                "contains(id,1)",
                "No function signature for the function with name 'contains' matches the specified arguments. The function signatures considered are: contains(Edm.String Nullable=true, Edm.String Nullable=true).",
            ),
            (
                "now(1) eq null",
                "No function signature for the function with name 'now' matches the specified arguments. The function signatures considered are: now().",
            ),
            (
                "id and pByte eq 1",
                "A binary operator with incompatible types was detected. Found operand types 'Edm.String' and 'Edm.Boolean' for operator kind 'And'.",
            ),
            (
                "pByte eq 1 or pByte",
                "A binary operator with incompatible types was detected. Found operand types 'Edm.Boolean' and 'Edm.Byte' for operator kind 'Or'.",
            ),
            ("pByte", "The $filter expression must evaluate to a single boolean value."),
            ("color eq 'green'", "The string 'green' is not a valid enumeration type constant."),
            ("zzz eq 1 and pGuid eq 'a'", "Could not find a property named 'zzz' on type 'n.thing'."),
        ] {
            assert_eq!(refusal(scope, filter), message, "{filter}");
        }
    });
}

#[test]
fn every_type_is_an_order_and_continues_after_a_page() {
    with_things(|scope| {
        let (entity, blank, purse) = (full(scope), Complex::default(), Purse::whole());
        for &(kind, ..) in VALUES {
            let order = orderby::read(&format!("p{}", kind.local_name()), scope).unwrap();
            let (keys, null) = (orderby::keys_of(&order, None, &entity, &purse), orderby::keys_of(&order, None, &blank, &purse));
            assert_eq!(orderby::compare(&order, &null, &keys), Ordering::Less, "{kind:?}");
            let binding = Binding::of(1, &[]);
            let token = skiptoken::write(&Position { number: 1, remaining: None, keys: keys.clone() }, binding);
            let read = skiptoken::read(&token, binding, 1).unwrap_or_else(|| panic!("{kind:?}"));
            assert_eq!(orderby::compare(&order, &read.keys, &keys), Ordering::Equal, "{kind:?}");
        }
        let order = orderby::read("parts/$count desc,year(pDate),pByte mul -1", scope).unwrap();
        let (keys, null) = (orderby::keys_of(&order, None, &entity, &purse), orderby::keys_of(&order, None, &blank, &purse));
        assert_eq!(orderby::compare(&order, &keys, &null), Ordering::Less);
        let refused = |order: &str| orderby::read(order, scope).unwrap_err().message.into_string();
        assert_eq!(refused("id up"), "Syntax error at position 5 in 'id up'.");
        assert_eq!(refused("zzz,"), "Expression expected at position 4 in 'zzz,'.");
        assert_eq!(refused("zzz,main"), "Could not find a property named 'zzz' on type 'n.thing'.");
        assert_eq!(refused("tags"), "The $orderby expression must evaluate to a single value of primitive type.");
    });
}

#[test]
fn a_search_is_served_by_the_rules_of_the_type_alone() {
    let text =
        |name: &str| format!("$search={}", percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC));
    with_things(|scope| {
        let entity = full(scope);
        let found = |search: &str, scope: Scope<'_>| {
            let query = Query::read(&text(search), scope, QueryTarget::Collection)
                .map_err(|error| (error.refusal.name, error.message.into_string()))?;
            Ok::<bool, (&str, String)>(query.filter.unwrap().is_fulfilled(&entity, &Purse::whole()))
        };
        for (search, expected) in [
            (r#""id:video""#, true),
            (r#""id:first one""#, true),
            (r#""id:ideo""#, false),
            (r#""pString:A""#, true),
            (r#""tags:b""#, true),
            (r#""main/name:M""#, true),
            (r#""id:nope" OR "pString:a""#, true),
            (r#""id:nope" AND "pString:a""#, false),
            (r#""id:one" AND ("pString:x" OR "pString:a")"#, true),
            (r#""id:one"AND"pString:a""#, true),
            (r#""pString:\"""#, false),
        ] {
            assert_eq!(found(search, scope), Ok(expected), "{search}");
        }
        for (search, name, message) in [
            (
                r#""nope:a""#,
                "unknown-filter-property",
                "Invalid filter clause: Could not find a property named 'nope' on type 'n.thing'.",
            ),
            (r#""id""#, "invalid-search", "Syntax error at position 0 in '\"id\"'."),
            ("id:one", "invalid-search", "Syntax error at position 0 in 'id:one'."),
            (r#""id:one" and "id:two""#, "invalid-search", "Syntax error at position 9 in '\"id:one\" and \"id:two\"'."),
            (r#""id:one"#, "invalid-search", "There is an unterminated string literal at position 7 in '\"id:one'."),
            (r#"("id:one""#, "invalid-search", "Syntax error at position 9 in '(\"id:one\"'."),
            (r#""pByte:7""#, "invalid-search", "Syntax error at position 0 in '\"pByte:7\"'."),
            (r#""id:one" OR"#, "invalid-search", "Syntax error at position 11 in '\"id:one\" OR'."),
        ] {
            assert_eq!(found(search, scope), Err((name, message.to_owned())), "{search}");
        }
        let unnamed = Scope { search: Some(&UNNAMED), ..scope };
        for (search, expected) in [
            ("video", true),
            (r#""one video""#, true),
            (r#""a""#, true),
            ("nope", false),
            ("video AND nope", false),
            (r#""12:30""#, false),
        ] {
            assert_eq!(found(search, unnamed), Ok(expected), "{search}");
        }
        assert_eq!(found(r#""id:one""#, Scope { search: None, ..scope }).unwrap_err().0, "query-option-not-allowed");
        // With a filter, both apply, and a page belongs to both.
        let both =
            |filter: &str| Query::read(&format!("$filter={filter}&{}", text(r#""id:one""#)), scope, QueryTarget::Count).unwrap();
        assert!(both("pByte%20eq%207").filter.unwrap().is_fulfilled(&entity, &Purse::whole()));
        assert!(!both("pByte%20eq%208").filter.unwrap().is_fulfilled(&entity, &Purse::whole()));
        assert_eq!(both("true").bound_to[0], "true\n\"id:one\"");
        let deep = format!("{}\"id:a\"{}", "(".repeat(50_000), ")".repeat(50_000));
        assert!(found(&deep, scope).is_err() && found(&r#""id:a" OR "#.repeat(20_000), scope).is_err());
    });
}

#[test]
fn the_items_of_lambdas_are_paid() {
    with_things(|scope| {
        let steps = |filter: &str, items: usize| {
            let mut entity = Complex::default();
            set(&mut entity, scope.structured, "tags", Value::Collection(vec![text("a"); items].into()));
            let expression = read(filter, scope).unwrap().bind(&scope);
            let purse = Purse::whole();
            assert!(!expression.is_fulfilled(&entity, &purse));
            Purse::whole().rest() - purse.rest()
        };
        let one = "tags/any(t:t eq 'b')";
        assert_eq!(steps(one, 2_000) - steps(one, 1_000), steps(one, 1_000));
        let two = "tags/any(t:tags/any(u:t ne u))";
        let (few, many) = (steps(two, 100), steps(two, 1_000));
        assert!(many > 90 * few && many < 110 * few, "{few} {many}");
        let mut entity = Complex::default();
        set(&mut entity, scope.structured, "tags", Value::Collection(vec![text("a"); 1_000].into()));
        let expression = read("tags/any(a:tags/any(b:tags/any(c:a ne b and b ne c)))", scope).unwrap().bind(&scope);
        let purse = Purse::whole();
        expression.is_fulfilled(&entity, &purse);
        assert!(purse.is_empty(), "a thousand million items");
    });
}

/// The value of a random expression, calculated with fractions.
#[derive(Clone, Debug)]
enum Calculation {
    Number(i32, u32),
    Binary(usize, Box<Calculation>, Box<Calculation>),
}

impl Calculation {
    fn text(&self) -> String {
        match self {
            Calculation::Number(digits, 0) => digits.to_string(),
            Calculation::Number(digits, scale) => {
                let sign = if *digits < 0 { "-" } else { "" };
                let one = 10_u32.pow(*scale);
                format!(
                    "{sign}{}.{:0width$}",
                    digits.unsigned_abs() / one,
                    digits.unsigned_abs() % one,
                    width = usize::try_from(*scale).unwrap()
                )
            }
            Calculation::Binary(operator, left, right) => {
                format!("({} {} {})", left.text(), ["add", "sub", "mul"][*operator], right.text())
            }
        }
    }

    /// Numerator over a power of ten.
    fn value(&self) -> (i128, u32) {
        match self {
            Calculation::Number(digits, scale) => (i128::from(*digits), *scale),
            Calculation::Binary(operator, left, right) => {
                let ((left, left_scale), (right, right_scale)) = (left.value(), right.value());
                if *operator == 2 {
                    return (left * right, left_scale + right_scale);
                }
                let scale = left_scale.max(right_scale);
                let (left, right) = (left * 10_i128.pow(scale - left_scale), right * 10_i128.pow(scale - right_scale));
                (if *operator == 0 { left + right } else { left - right }, scale)
            }
        }
    }
}

fn calculation() -> impl Strategy<Value = Calculation> {
    let leaf = (-100_i32..100, 0_u32..3).prop_map(|(digits, scale)| Calculation::Number(digits, scale));
    leaf.prop_recursive(3, 8, 2, |inner| {
        (0_usize..3, inner.clone(), inner)
            .prop_map(|(operator, left, right)| Calculation::Binary(operator, Box::new(left), Box::new(right)))
    })
}

/// Nearly valid expressions: known words in any order.
fn expression() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "(\\(|\\)|,|:|eq|ne|gt|le|and|or|not|in|has|add|sub|mul|div|divby|mod|-|null|true|INF|NaN|\\$it)",
        "(pBinary|pDate|pDateTimeOffset|pDecimal|pDouble|pDuration|pGuid|pInt64|pTimeOfDay|main/extra|color|tags/\\$count|parts|n.part)",
        "('x'|'blue'|1|-1.5|1e400|1e30|2021-01-01|08:30|duration'PT1H'|binary'AA'|e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d|Edm.String|Edm.Guid)",
        "(tags/any\\(t:|parts/all\\(p:|p/parts/any\\(q:|t|p/name|q/size|tags/any\\(\\)|cast\\(|isof\\(|year\\(|round\\(|now\\(\\)|date\\(|length\\()",
        "\\PC{0,3}",
    ];
    proptest::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..crate::property_tests() })]

    #[test]
    fn arithmetic_agrees_with_fractions(left in calculation(), right in calculation()) {
        with_things(|scope| {
            let ((one, one_scale), (other, other_scale)) = (left.value(), right.value());
            let scale = one_scale.max(other_scale);
            let ordering = (one * 10_i128.pow(scale - one_scale)).cmp(&(other * 10_i128.pow(scale - other_scale)));
            let entity = Complex::default();
            for (operator, expected) in [("eq", ordering.is_eq()), ("ne", ordering.is_ne()), ("lt", ordering.is_lt()), ("le", ordering.is_le()), ("gt", ordering.is_gt()), ("ge", ordering.is_ge())] {
                let filter = format!("{} {operator} {}", left.text(), right.text());
                assert_eq!(fulfills(scope, &filter, &entity), expected, "{filter}");
            }
        });
    }

    #[test]
    fn no_expression_panics_when_it_is_read_or_evaluated(text in expression(), search in "[\":a-zOR AND()\\\\]{0,20}") {
        with_things(|scope| {
            let (entity, blank, purse) = (full(scope), Complex::default(), Purse::whole());
            if let Ok(expression) = read(&text, scope) {
                let expression = expression.bind(&scope);
                let _ = (expression.is_fulfilled(&blank, &purse), expression.is_fulfilled(&entity, &purse));
            }
            if let Ok(order) = orderby::read(&text, scope) {
                let (left, right) = (orderby::keys_of(&order, None, &blank, &purse), orderby::keys_of(&order, None, &entity, &purse));
                assert_eq!(orderby::compare(&order, &left, &right), orderby::compare(&order, &right, &left).reverse());
            }
            let _ = read_search(&search, scope, &RULES);
        });
    }

    #[test]
    fn sharing_within_lambdas_changes_no_result(conditions in proptest::collection::vec(0..6_usize, 1..6), is_all in any::<bool>(), joins in any::<bool>()) {
        let parts = ["toupper(p/name) eq 'B'", "length(p/name) eq 1", "toupper(p/name) ne 'A'", "contains(toupper($it/id),toupper(p/name))", "p/parts/any(q:toupper(q/name) eq 'Y' and toupper(p/name) eq 'B')", "length(id) gt p/size"];
        let joined = conditions.iter().map(|index| parts[*index]).collect::<Vec<_>>().join(if joins { " and " } else { " or " });
        with_things(|scope| {
            let entity = full(scope);
            let lambda = if is_all { "all" } else { "any" };
            let together = fulfills(scope, &format!("parts/{lambda}(p:{joined})"), &entity);
            // Item by item, each in a lambda of its own: a condition alone has nothing to share.
            let alone = |index: usize, name: &str| fulfills(scope, &format!("parts/any(p:p/name eq '{name}' and ({}))", parts[index]), &entity);
            let of_item = |name: &str| {
                let mut results = conditions.iter().map(|index| alone(*index, name));
                if joins { results.all(|result| result) } else { results.any(|result| result) }
            };
            let items = [of_item("a"), of_item("b")];
            assert_eq!(together, if is_all { items[0] && items[1] } else { items[0] || items[1] }, "{joined}");
        });
    }
}
