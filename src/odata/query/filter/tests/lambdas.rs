//! Conditions on the items of collections.

use super::*;

#[test]
fn lambdas_look_at_the_items_of_collections() {
    check(&[
        ("tags/any()", true),
        ("main/parts/any()", true),
        ("tags/any(t:t eq 'a')", true),
        ("tags/any(t: t eq 'c')", false),
        ("tags/any(t:t eq null)", true),
        ("tags/all(t:t ne 'c')", true),
        ("tags/all(t:t eq 'a')", false),
        ("tags/all(t:t lt 'z')", false),
        ("not tags/any(t:t eq 'c')", true),
        ("days/any(d:d eq 2024-02-29)", true),
        ("days/any(d:year(d) eq 2023)", true),
        ("days/any(d:d gt 2024-02-29)", false),
        ("parts/any(p:p/name eq 'b' and p/size eq 2)", true),
        ("parts/any(p:p/name eq 'a' and p/size eq 2)", false),
        ("parts/any(p:p/color eq 'blue')", true),
        ("parts/any(p:p/code eq 00000000-0000-0000-0000-000000000002)", true),
        ("parts/any(p:p/extra eq 2)", true),
        ("parts/all(p:p/size mul 2 lt 5)", true),
        ("parts/any(p:p/parts/any(q:q/name eq 'y' and p/name eq 'b'))", true),
        ("parts/any(p:p/parts/any(q:q/name eq 'y' and p/name eq 'a'))", false),
        ("parts/any(p:p/parts/all(q:q/size gt 6) and p/parts/any())", true),
        ("parts/any(p:p/parts/$count eq 2)", true),
        ("parts/any(p:tags/any(t:t eq p/name))", true),
        ("parts/any(p:$it/pByte eq p/size add 5)", true),
        ("parts/any(p:pByte eq p/size add 5)", true),
        ("$it/tags/any(t:t eq 'a') and $it/id eq id", true),
        ("parts/any(name:name/name eq 'a')", true),
        ("tags/$count eq 3 and parts/$count gt 1 and $it/days/$count eq 2", true),
        ("main/parts/$count eq 1", true),
        ("'a' in tags and not ('c' in tags)", true),
        ("parts/any(p:p/name in tags)", true),
        ("parts/any(p:p/name in ('b','c'))", true),
        // A call within a lambda may have another result for each item.
        ("parts/any(p:toupper(p/name) eq 'B' and toupper(p/name) ne 'A')", true),
        ("parts/all(p:length(p/name) eq 1 and length(p/name) lt 2)", true),
        ("tags/any(t:toupper(t) eq 'B') and toupper(id) ne 'B' and tags/any(t:toupper(t) eq 'A')", true),
        ("(tags/any(t:t eq 'a')) eq true", true),
    ]);
    with_things(|scope| {
        let blank = Complex::default();
        for (filter, expected) in [
            ("tags/any()", false),
            ("tags/any(t:t eq 'a')", false),
            ("tags/all(t:t eq 'a')", true),
            ("tags/$count eq 0", true),
            ("main/parts/$count eq null", true),
            ("main/parts/any()", false),
        ] {
            assert_eq!(fulfills(scope, filter, &blank), expected, "{filter}");
        }
        assert!(read("tags/any(a:tags/any(b:tags/any(c:tags/any(d:d eq a))))", scope).is_ok());
        for (filter, message) in [
            ("id/any(t:t eq 'a')", "Any/All may only be used following a collection."),
            ("id/$count eq 1", "Any/All may only be used following a collection."),
            ("main/name/any(t:t eq 'a')", "Any/All may only be used following a collection."),
            ("tags/any(t:length(t))", "The Any/All query expression must evaluate to a single boolean value."),
            ("tags/any(t:parts/any(t:t/size eq 1))", "The range variable 't' has already been declared."),
            ("tags/any(t eq 'a')", "':' expected at position 11 in 'tags/any(t eq 'a')'."),
            ("tags/all()", "Expression expected at position 9 in 'tags/all()'."),
            ("tags/any(t:t/x eq 'a')", "Could not find a property named 'x' on type 'Edm.String'."),
            ("tags/any(t:u eq 'a')", "Could not find a property named 'u' on type 'n.thing'."),
            ("tags/any(t:t eq 'a') and t eq 'a'", "Could not find a property named 't' on type 'n.thing'."),
            ("nope/any(t:t/x eq )", "Expression expected at position 18 in 'nope/any(t:t/x eq )'."),
            ("nope/any(t:t/x eq 'a')", "Could not find a property named 'nope' on type 'n.thing'."),
            ("tags/any(a:tags/any(b:tags/any(c:tags/any(d:tags/any(e:e eq a)))))", "Recursion depth exceeded allowed limit."),
        ] {
            assert_eq!(refusal(scope, filter), message, "{filter}");
        }
    });
}

#[test]
fn items_of_undeclared_collections_are_read_one_by_one_and_paid() {
    with_things(|scope| {
        let part = scope.model.structured(scope.model.type_named("part").unwrap());
        let with_extra = |json: &str| {
            let mut main = Complex::default();
            set(&mut main, part, "name", text("m"));
            main.dynamic.push(Dynamic::new("extra", json));
            let mut entity = Complex::default();
            set(&mut entity, scope.structured, "main", Value::Complex(Arc::new(main)));
            entity
        };
        for (json, any, all) in [
            ("[]", false, true),
            ("[1,2]", true, false),
            ("[2]", true, true),
            ("[[2]]", false, false),
            ("2", false, true),
            ("null", false, true),
            ("{\"0\":2}", false, true),
        ] {
            let entity = with_extra(json);
            assert_eq!(fulfills(scope, "main/extra/any(t:t eq 2)", &entity), any, "{json}");
            assert_eq!(fulfills(scope, "main/extra/all(t:t eq 2)", &entity), all, "{json}");
        }
        let nested = with_extra(r#"[{"a":[{"b":1},{"b":2}]},{"a":3},4]"#);
        for (filter, expected) in [
            ("main/extra/any(t:t/a/any(u:u/b eq 2))", true),
            ("main/extra/any(t:t/a/all(u:u/b eq 2))", true),
            ("main/extra/any(t:t/a/$count eq 2 and t/a/any(u:u/b add 1 eq 3))", true),
            ("main/extra/any(t:t/a eq 3)", true),
            ("main/extra/$count eq 3 and 4 in main/extra", true),
            ("main/name/extra eq null", false),
        ] {
            if expected {
                assert!(fulfills(scope, filter, &nested), "{filter}");
            } else {
                assert!(read(filter, scope).is_err(), "{filter}");
            }
        }
        let steps = |count: usize| {
            let entity = with_extra(&format!("[{}]", vec!["1"; count].join(",")));
            let expression = read("main/extra/any(t:t eq 2)", scope).unwrap().bind(&scope);
            let purse = Purse::whole();
            assert!(!expression.is_fulfilled(&entity, &purse) && !purse.is_empty() && purse.held() == 0);
            Purse::whole().rest() - purse.rest()
        };
        let (few, many) = (steps(1_000), steps(10_000));
        assert!(few > 10_000 && many > 9 * few && many < 11 * few, "{few} {many}");
        let entity = with_extra(&format!("[{}]", vec!["1"; 1_000].join(",")));
        let expression = read("main/extra/all(t:t eq 1)", scope).unwrap().bind(&scope);
        let purse = Purse::of(600, 1 << 20);
        expression.is_fulfilled(&entity, &purse);
        assert!(purse.is_empty());
    });
}
