//! Properties of the query parser; the exchanges in `tests/` show each option.

use std::time::{Duration, Instant};

use super::*;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Restrictions, Version};
use crate::edm::value::Complex;
use crate::odata::purse::Purse;
use crate::policy::behavior::Behaviors;
use proptest::prelude::*;

/// Parses a query of a collection. The error is the name of the refusal.
fn read(query: &str) -> Result<(), &'static str> {
    with_scope(|scope| Query::read(query, scope, QueryTarget::Collection).map(|_| ()).map_err(|error| error.refusal.name))
}

pub(super) fn with_scope<T>(test: impl FnOnce(Scope<'_>) -> T) -> T {
    let schema = crate::workloads::schema();
    let model = schema.model(Version::V1);
    let structured = model.structured(model.type_named("workforceIntegration").unwrap());
    let behaviors = Behaviors::default();
    let now = DateTimeOffset::from_unix_millis(1_700_000_000_000);
    test(Scope {
        model,
        structured,
        behaviors: &behaviors,
        knows_hidden: false,
        now,
        search: None,
        rules: None,
        is_eventual: false,
        restrictions: Restrictions::NONE,
    })
}

#[test]
fn long_and_deep_queries_are_parsed_in_linear_time() {
    let many = |text: &str| text.repeat(200_000 / text.len());
    let started = Instant::now();
    for (query, refusal) in [
        (format!("$filter={}isActive{}", "(".repeat(100_000), ")".repeat(100_000)), "invalid-filter"),
        (format!("$filter={}isActive", many("not ")), "invalid-filter"),
        (format!("$filter={}", many("tolower(")), "invalid-filter"),
        (format!("$filter={}isActive", many("isActive or ")), "invalid-filter"),
        (format!("$filter={}isActive", many("isActive and (")), "invalid-filter"),
        (format!("$filter=id eq '{}", many("''")), "invalid-filter"),
        (format!("$filter={}", many("a")), "unknown-filter-property"),
        (format!("$filter={}id", many("id/")), "invalid-filter"),
        (format!("$filter=apiVersion eq {}", many("1")), "invalid-filter"),
        (format!("$filter=apiVersion eq 1{}", many(" ")), ""),
        (format!("$filter=apiVersion in (1{})", many(",1")), ""),
        (format!("$filter={}1 eq 1", many("1 add ")), "invalid-filter"),
        (format!("$filter={}1 eq 1", many("-(")), "invalid-filter"),
        (format!("$filter={}", many("a/any(x:")), "invalid-filter"),
        (format!("$filter={}", many("cast(")), "invalid-filter"),
        (format!("$filter=apiVersion eq 0.{}", many("1")), ""),
        (format!("$orderby={}id", many("id,")), "invalid-order"),
        (format!("$select={}id", many("id,")), ""),
        (format!("$select={}id", many("lastModifiedBy/")), "invalid-select"),
        (format!("$select={}", (0..20_000).map(|n| format!("lastModifiedBy/x{n}")).collect::<Vec<_>>().join(",")), ""),
        (format!("$expand={}id", many("*,")), "invalid-select"),
        (format!("{}x=1", many("x=1&")), ""),
        (many("x=1&"), "empty-option"),
        (many("%24x"), "unknown-query-option"),
        (format!("$skiptoken={}", many("A")), ""),
    ] {
        let start: String = query.chars().take(40).collect();
        assert_eq!(read(&query).err().unwrap_or_default(), refusal, "{start}");
    }
    // Quadratic time would be hours.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn only_the_filter_applies_to_a_count() {
    with_scope(|scope| {
        let query = Query::read("$filter=isActive&$top=x&$orderby=nope&$select=,", scope, QueryTarget::Count).unwrap();
        assert!(query.filter.is_some() && query.top.is_none());
        let refused = |text, target| Query::read(text, scope, target).unwrap_err().refusal.name;
        assert_eq!(refused("$filter=nope", QueryTarget::Count), "unknown-filter-property");
        assert_eq!(refused("$filter=isActive", QueryTarget::Property), "not-a-collection");
        assert!(Query::read("$format=json&x=1", scope, QueryTarget::Property).is_ok());
    });
}

/// Nearly valid expressions: known words in any order.
fn expression() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "(\\(|\\)|,|eq|ne|gt|and|or|not|in|has|null|true|asc|desc|\\*)",
        "(id|isActive|apiVersion|supportedEntities|encryption|encryption/secret|lastModifiedBy/user/x|createdDateTime|nope)",
        "('x'|'it''s'|'shift'|'|1|-1.5|1e400|2021-01-01T00:00:00Z|microsoft.graph.workforceIntegrationSupportedEntities'none')",
        "(contains\\(|length\\(|substring\\(|concat\\()",
        "\\PC{0,3}",
    ];
    proptest::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..crate::property_tests() })]

    #[test]
    fn no_expression_panics_when_it_is_read_or_evaluated(text in expression()) {
        with_scope(|scope| {
            let blank = Complex::default();
            let (initial, purse) = (Complex::initial(scope.structured), Purse::whole());
            if let Ok(expression) = filter::read(&text, scope).map(|condition| condition.bind(&scope)) {
                let _ = (expression.is_fulfilled(&blank, &purse), expression.is_fulfilled(&initial, &purse));
            }
            if let Ok(order) = orderby::read(&text, scope) {
                let (left, right) = (orderby::keys_of(&order, None, &blank, &purse), orderby::keys_of(&order, None, &initial, &purse));
                let ordering = orderby::compare(&order, &left, &right);
                assert_eq!(ordering, orderby::compare(&order, &right, &left).reverse());
            }
            let _ = select::read(&text, scope);
            let _ = expand::read(&text, scope, 0);
        });
    }

    #[test]
    fn no_query_panics(query in "([$%24]{0,3}(select|filter|orderby|top|skip|count|skiptoken|x)?(=[a-zA-Z0-9%'(),/+-]{0,8})?&?){0,4}|\\PC{0,60}") {
        for target in [QueryTarget::Collection, QueryTarget::Count, QueryTarget::Entity, QueryTarget::Property] {
            with_scope(|scope| Query::read(&query, scope, target).map(|_| ()).ok());
        }
        let _ = options::kept(&query).count();
    }
}
