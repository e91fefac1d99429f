//! Laws for all bodies, on a schema of its own: nested open complex types, every kind of property.

use std::sync::Arc;

use http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wfi_emulator::internals::edm::primitive::Primitive;
use wfi_emulator::internals::edm::schema::Schema;
use wfi_emulator::internals::policy::behavior::{Behaviors, Secret};
use wfi_emulator::internals::text::exchange;
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::{World, fixture};

use crate::support::harness;

const SCHEMA: &str = r#"<Schema Namespace="test" Alias="t">
  <EnumType Name="colors" IsFlags="true"><Member Name="none" Value="0"/><Member Name="red" Value="1"/><Member Name="green" Value="2"/></EnumType>
  <ComplexType Name="inner" OpenType="true"><Property Name="count" Type="Edm.Int32"/><Property Name="note" Type="Edm.String"/></ComplexType>
  <ComplexType Name="outer" OpenType="true"><Property Name="flag" Type="Edm.Boolean"/><Property Name="inner" Type="t.inner"/></ComplexType>
  <EntityType Name="thing"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="name" Type="Edm.String"/><Property Name="count" Type="Edm.Int32"/><Property Name="flag" Type="Edm.Boolean"/>
    <Property Name="at" Type="Edm.DateTimeOffset"/><Property Name="colors" Type="t.colors"/><Property Name="outer" Type="t.outer"/>
    <Property Name="bytes" Type="Edm.Binary"/><Property Name="small" Type="Edm.Byte"/><Property Name="day" Type="Edm.Date"/>
    <Property Name="price" Type="Edm.Decimal"/><Property Name="ratio" Type="Edm.Double"/><Property Name="span" Type="Edm.Duration"/>
    <Property Name="key" Type="Edm.Guid"/><Property Name="short" Type="Edm.Int16"/><Property Name="long" Type="Edm.Int64"/>
    <Property Name="signed" Type="Edm.SByte"/><Property Name="single" Type="Edm.Single"/><Property Name="stream" Type="Edm.Stream"/>
    <Property Name="clock" Type="Edm.TimeOfDay"/><Property Name="longs" Type="Collection(Edm.Int64)"/>
    <Property Name="words" Type="Collection(Edm.String)"/><Property Name="inners" Type="Collection(t.inner)"/></EntityType>
  <EntityContainer Name="c"><EntitySet Name="things" EntityType="t.thing"/></EntityContainer>
</Schema>"#;

fn world() -> World {
    let schema = Arc::new(Schema::read(SCHEMA, SCHEMA, &wfi_emulator::internals::workloads::rules()).unwrap());
    let behaviors = Behaviors::default();
    let entities = fixture::read(&schema, &behaviors, "things.json", br#"[{"id":"1"}]"#).unwrap();
    World::new(Settings { schema, entities, behaviors, ..wfi_emulator::internals::workloads::settings() })
}

/// The definition of a merge: members of a body replace those of the base, or merge if both are objects of a declared complex type; other
/// members stay. A collection is replaced as a whole, each of its items a new value.
fn merged(base: &Value, patch: &Value, complex: &[&str]) -> Value {
    let mut result = base.as_object().unwrap().clone();
    for (name, change) in patch.as_object().unwrap() {
        let value = if name == "inners" {
            let item = |item: &Value| {
                if item.is_null() { Value::Null } else { merged(&json!({ "count": null, "note": null }), item, &[]) }
            };
            change.as_array().unwrap().iter().map(item).collect()
        } else if complex.contains(&name.as_str()) && change.is_object() {
            let blank =
                if name == "outer" { json!({ "flag": null, "inner": null }) } else { json!({ "count": null, "note": null }) };
            let current = base.get(name).filter(|value| value.is_object()).unwrap_or(&blank);
            merged(current, change, &["inner"])
        } else {
            change.clone()
        };
        result.insert(name.clone(), value);
    }
    Value::Object(result)
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), "\\PC{0,8}".prop_map(Value::String)]
}

fn undeclared() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text(),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            proptest::collection::btree_map("[a-z]{1,3}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn some_of(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let strategies: Vec<_> = members
        .into_iter()
        .map(|(name, value)| proptest::option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value))))
        .collect();
    strategies.prop_map(|members| Value::Object(members.into_iter().flatten().collect::<Map<String, Value>>())).boxed()
}

fn body() -> BoxedStrategy<Value> {
    let count = || prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from)].boxed();
    let flag = || prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from)].boxed();
    let colors = prop_oneof![Just(json!("none")), Just(json!("red,green")), Just(json!(null))].boxed();
    let at = prop_oneof![Just(json!("2021-03-12T17:37:05.84Z")), Just(json!(null))].boxed();
    let inner = some_of(vec![
        ("count", count()),
        ("note", text().boxed()),
        ("extra", undeclared().boxed()),
        ("other", undeclared().boxed()),
    ]);
    let inner = prop_oneof![1 => Just(Value::Null), 4 => inner].boxed();
    let inners = proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array).boxed();
    let words = proptest::collection::vec(text(), 0..4).prop_map(Value::Array).boxed();
    let outer = some_of(vec![("flag", flag()), ("inner", inner), ("extra", undeclared().boxed())]);
    let outer = prop_oneof![1 => Just(Value::Null), 4 => outer].boxed();
    let one_of = |values: [Value; 3]| proptest::sample::select(values.to_vec()).boxed();
    let eighths = any::<i16>().prop_map(|number| json!(f64::from(number) / 8.0)).boxed();
    let longs = proptest::collection::vec(any::<i64>(), 0..3).prop_map(|numbers| json!(numbers)).boxed();
    some_of(vec![
        ("bytes", one_of([json!("AAE="), json!(""), Value::Null])),
        ("small", any::<u8>().prop_map(Value::from).boxed()),
        ("day", one_of([json!("2024-02-29"), json!("0001-01-01"), Value::Null])),
        ("price", one_of([json!(12), json!(-0.5), Value::Null])),
        ("ratio", eighths.clone()),
        ("span", one_of([json!("PT1H30M"), json!("-P1DT0.5S"), Value::Null])),
        (
            "key",
            one_of([json!("e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d"), json!("00000000-0000-0000-0000-000000000000"), Value::Null]),
        ),
        ("short", any::<i16>().prop_map(Value::from).boxed()),
        ("long", any::<i64>().prop_map(Value::from).boxed()),
        ("signed", any::<i8>().prop_map(Value::from).boxed()),
        ("single", eighths),
        ("stream", text().boxed()),
        ("clock", one_of([json!("08:30:00"), json!("23:59:59.123"), Value::Null])),
        ("longs", longs),
        ("name", text().boxed()),
        ("count", count()),
        ("flag", flag()),
        ("at", at),
        ("colors", colors),
        ("outer", outer),
        ("words", words),
        ("inners", inners),
    ])
}

fn get(world: &World) -> Value {
    let (status, mut value) = harness::json(world, Method::GET, "/v1.0/things/1", None);
    assert_eq!(status, StatusCode::OK);
    let members = value.as_object_mut().unwrap();
    members.remove("@odata.context");
    // A stream without a value is not in answers.
    members.entry("stream").or_insert(Value::Null);
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn successive_updates_merge_as_defined(bodies in proptest::collection::vec(body(), 1..5)) {
        let world = world();
        let mut expected = get(&world);
        for body in bodies {
            let (status, answer) = harness::json(&world, Method::PATCH, "/v1.0/things/1", Some(&body.to_string()));
            prop_assert_eq!(status, StatusCode::OK, "{}", answer);
            expected = merged(&expected, &body, &["outer"]);
            prop_assert_eq!(&get(&world), &expected);
        }
    }

    #[test]
    fn an_entity_survives_writing_and_reading(body in body()) {
        let world = world();
        harness::json(&world, Method::PATCH, "/v1.0/things/1", Some(&body.to_string()));
        let set = world.schema.set_named("things").unwrap();
        let entities = world.store.collection(set).list();
        let text = fixture::write(&world.schema, &world.store, Secret::Echo);
        let read = fixture::read(&world.schema, &world.behaviors, "things.json", text.as_bytes()).unwrap();
        prop_assert_eq!(&read[0].1.properties, &entities[0].properties);
    }

    #[test]
    fn no_body_panics_or_breaks_an_answer(body in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        json_like().prop_map(String::into_bytes),
    ]) {
        let world = harness::world(&[]);
        for (method, target) in [
            (Method::PATCH, "/v1.0/teamwork/workforceIntegrations/0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c"),
            (Method::POST, "/beta/teamwork/workforceIntegrations"),
            (Method::PUT, "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule"),
            (Method::POST, "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule/shifts"),
        ] {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            // The harness checks every answer.
            harness::send(&world, &exchange::RecordedRequest { method, target: target.to_owned(), headers, body: body.clone().into() });
        }
    }

    #[test]
    fn no_path_panics_or_breaks_an_answer(path in "(/(v1\\.0|beta|teamwork|workforceIntegrations|teams|schedule|shifts|[a-zA-Z0-9$%'()=.~!*+,;:@&_-]{0,12})){1,6}/?") {
        let world = harness::world(&[]);
        let request = exchange::RecordedRequest { method: Method::GET, target: path, headers: Vec::new(), body: bytes::Bytes::new() };
        harness::send(&world, &request);
    }
}

/// Returns the entities of a list, page by page, and the number of pages.
fn paged(world: &World, query: &str) -> (Vec<Value>, usize) {
    let (mut seen, mut pages) = (Vec::new(), 0);
    let mut target = format!("/v1.0/things?{query}");
    loop {
        let (status, page) = harness::json(world, Method::GET, &target, None);
        assert_eq!(status, StatusCode::OK, "{target}: {page}");
        assert!(pages < 100, "{query}: the links lead nowhere");
        seen.extend(page["value"].as_array().unwrap().iter().cloned());
        pages += 1;
        match page["@odata.nextLink"].as_str() {
            Some(link) => link.strip_prefix("http://localhost:9340").unwrap().clone_into(&mut target),
            None => return (seen, pages),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn all_pages_together_are_the_list(
        bodies in proptest::collection::vec(body(), 0..12),
        size in 1_usize..5,
        keys in proptest::collection::vec(("(name|count|flag|at|colors|outer/inner/note|id)", "( asc| desc|)"), 0..4),
        filter in "(|count ne null|contains\\(name,'a'\\) or not flag|colors has 'red')",
        skip in 0_usize..4,
    ) {
        let world = world();
        for body in bodies {
            harness::json(&world, Method::POST, "/v1.0/things", Some(&body.to_string()));
        }
        let keys: Vec<String> = keys.into_iter().map(|(name, direction)| name + &direction).collect();
        let mut query = format!("$skip={skip}");
        for (name, value) in [("$orderby", keys.join(",")), ("$filter", filter)] {
            if !value.is_empty() {
                query += &format!("&{name}={}", value.replace(' ', "+"));
            }
        }
        let (whole, pages) = paged(&world, &query);
        prop_assert_eq!(pages, 1);
        let (parts, pages) = paged(&world, &format!("{query}&$top={size}"));
        prop_assert_eq!(&parts, &whole);
        prop_assert_eq!(pages, whole.len().div_ceil(size).max(1));
    }
}

/// Nearly valid bodies: known names, values and annotations in any combination.
fn json_like() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("displayName"),
        Just("apiVersion"),
        Just("supportedEntities"),
        Just("supports"),
        Just("encryption"),
        Just("isActive"),
        Just("lastModifiedBy"),
        Just("id"),
        Just("@odata.type"),
        Just("supportedEntities@odata.type"),
        Just("secret"),
        Just("unknown"),
        Just(""),
        Just("@"),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1".to_owned()),
        Just("1e99".to_owned()),
        Just("\"shift,x\"".to_owned()),
        Just("\"#microsoft.graph.workforceIntegration\"".to_owned()),
        Just("\"\"".to_owned()),
        Just("[[]]".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        proptest::collection::vec((name.clone(), inner), 0..5).prop_map(|members| {
            let members: Vec<String> = members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        })
    })
}

#[test]
fn undeclared_members_follow_the_rules_for_names_and_types() {
    for (body, refusal) in [
        (r#"{"outer":{"extra":1,"extra":2}}"#, "Multiple properties with the name 'extra'"),
        (r#"{"outer":{"extra":{"a":1,"a":2}}}"#, "Multiple properties with the name 'a'"),
        (r##"{"outer":{"extra":[{"@odata.type":"#x","@odata.type":"#x"}]}}"##, "A type named 'x'"),
        (
            r##"{"outer":{"extra":{"x@odata.type":"#Int64","x@ODATA.type":"#Int64","x":1}}}"##,
            "Multiple annotations with the name 'ODATA.type' were detected for the property with name 'x'",
        ),
        (
            r##"{"outer":{"extra@odata.type":"#Int64","extra@ODATA.type":"#Int64","extra":1}}"##,
            "Multiple annotations with the name 'ODATA.type' were detected for the property with name 'extra'",
        ),
        (r##"{"outer":{"extra":{"@odata.type":"#nope"}}}"##, "A type named 'nope'"),
        (r##"{"outer":{"extra@odata.type":"#nope","extra":{}}}"##, "A type named 'nope'"),
    ] {
        let world = world();
        let before = get(&world);
        let (status, answer) = harness::json(&world, Method::PATCH, "/v1.0/things/1", Some(body));
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer["error"]["message"].as_str().unwrap().starts_with(refusal), "{body}: {answer}");
        assert_eq!(get(&world), before);
    }
    let world = world();
    let body = r##"{"outer":{"extra":{"@odata.type":"#test.inner","a@x.y":1,"a":1,"b":[{"@c.d":2}]}}}"##;
    harness::json(&world, Method::PATCH, "/v1.0/things/1", Some(body));
    let stored = json!({"@odata.type": "#test.inner", "a@x.y": 1, "a": 1, "b": [{"@c.d": 2}]});
    assert_eq!(get(&world)["outer"]["extra"], stored, "undeclared members come back as they were");
}

#[test]
fn annotations_with_and_without_their_prefix_are_one() {
    for (body, is_twice_in_4_01) in [
        (r##"{"outer":{"extra":{"x@odata.type":"#Int64","x@type":"#Int64","x":1}}}"##, true),
        (r##"{"outer":{"extra@odata.type":"#Int64","extra@type":"#Int64","extra":1}}"##, true),
        (r##"{"outer":{"extra":{"x@odata.type":"#Int64","y@type":"#Int64","x":1,"y":1}}}"##, false),
    ] {
        for (version, is_twice) in [("4.01", is_twice_in_4_01), ("4.0", false)] {
            let headers = [("content-type", "application/json"), ("odata-version", version)];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let (target, body) = ("/v1.0/things/1".to_owned(), body.to_owned().into());
            let request = exchange::RecordedRequest { method: Method::PATCH, target, headers, body };
            let answered = harness::send(&world(), &request);
            let text = String::from_utf8_lossy(&answered.body);
            assert_eq!(text.contains("Multiple annotations with the name 'type'"), is_twice, "{version}: {request:?}: {text}");
            assert_eq!(answered.status.is_success(), !is_twice, "{version}: {request:?}: {text}");
        }
    }
}

#[test]
fn messages_name_the_resource_of_the_schema() {
    let world = world();
    let (_, created) = harness::json(&world, Method::POST, "/v1.0/things", Some("{}"));
    assert_eq!(created["id"].as_str().unwrap().len(), 36);
    let (_, missing) = harness::json(&world, Method::GET, "/v1.0/things/nope", None);
    assert!(missing["error"]["message"].as_str().unwrap().starts_with("Resource 'nope' does not exist"), "{missing}");
}

#[test]
fn the_schema_of_the_laws_has_every_kind_of_property() {
    // Values of undeclared types are replaced as a whole, and come back as they were: the laws say nothing more of them.
    for primitive in Primitive::ALL.into_iter().filter(|primitive| *primitive != Primitive::Untyped) {
        assert!(SCHEMA.contains(primitive.name()), "{}", primitive.name());
    }
    assert!(SCHEMA.contains("t.colors") && SCHEMA.contains("OpenType"));
}

/// A request of a batch, nearly always a readable one.
fn batch_request() -> impl Strategy<Value = Value> {
    let id = prop_oneof![9 => "[1-9][0-9]{0,2}|[a-c]".prop_map(Value::String), 1 => undeclared()];
    let method =
        prop_oneof![9 => prop_oneof!["GET|PATCH|DELETE|POST|get", "\\PC{1,4}"].prop_map(Value::String), 1 => undeclared()];
    let url = prop_oneof![
        4 => "(/|/v1\\.0/|http://h/v1\\.0/|)things(/1|/2|\\('1'\\)|)(\\?\\$select=name|)",
        2 => "\\PC{1,20}",
        1 => Just("/$batch".to_owned()),
    ];
    let url = prop_oneof![20 => url.prop_map(Value::String), 1 => undeclared()];
    let headers = prop_oneof![
        6 => Just(json!({ "Content-Type": "application/json" })),
        2 => proptest::collection::btree_map("\\PC{1,8}|accept|prefer|content-type|content-encoding", "\\PC{0,12}|gzip", 0..3).prop_map(|map| json!(map)),
        1 => undeclared(),
    ];
    let wrapped = "[A-Za-z0-9+/]{0,8}={0,2}".prop_map(Value::String);
    let body = prop_oneof![3 => body(), 1 => wrapped, 1 => undeclared()];
    let depends_on = prop_oneof![9 => Just(json!([])), 1 => Just(json!(["a"])), 1 => undeclared()];
    some_of(vec![("headers", headers.boxed()), ("body", body.boxed()), ("dependsOn", depends_on.boxed())]).prop_flat_map(
        move |rest| {
            (id.clone(), method.clone(), url.clone()).prop_map(move |(id, method, url)| {
                let mut request = rest.clone();
                request.as_object_mut().unwrap().extend([
                    ("id".to_owned(), id),
                    ("method".to_owned(), method),
                    ("url".to_owned(), url),
                ]);
                request
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The harness checks that each id is answered once and each item is complete.
    #[test]
    fn a_batch_is_answered_or_refused_as_a_whole(requests in proptest::collection::vec(batch_request(), 0..6)) {
        let batch = json!({ "requests": requests }).to_string();
        let (status, answer) = harness::json(&world(), Method::POST, "/v1.0/$batch", Some(&batch));
        prop_assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST, "{} {}", status, answer);
    }

    #[test]
    fn every_body_sent_as_a_batch_gets_an_answer(envelope in undeclared(), text in "\\PC{0,30}") {
        for body in [envelope.to_string(), json!({ "requests": envelope }).to_string(), json!({ "requests": [envelope] }).to_string(), text] {
            let (status, _) = harness::json(&world(), Method::POST, "/beta/$batch", Some(&body));
            prop_assert_eq!(status, StatusCode::BAD_REQUEST);
        }
    }
}

/// Most batches must be readable, or the law above proves nothing.
#[test]
fn the_batches_of_the_law_are_mostly_readable() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let readable = (0..100).filter(|_| {
        let request = batch_request().new_tree(&mut runner).unwrap().current();
        let batch = json!({ "requests": [request] }).to_string();
        harness::json(&world(), Method::POST, "/v1.0/$batch", Some(&batch)).0 == StatusCode::OK
    });
    assert!(readable.count() > 40);
}
