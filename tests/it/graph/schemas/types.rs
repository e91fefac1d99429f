//! The decision table of typed instances: derived, abstract and open types, enums, collections. Each row is run against the first
//! entities of `tests/schemas/museum.json`.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::policy::refusal::{self, Refusal};
use wfi_emulator::internals::world::World;

use crate::support::museum;

/// The effect of a request.
enum Then {
    /// Success; the answer and a later GET of the entity have these members.
    Has(&'static str),
    /// A refusal with these words; nothing changes.
    Refused(&'static Refusal, &'static [&'static str]),
}

use Then::{Has, Refused};

struct Row {
    what: &'static str,
    state: &'static str,
    /// The path of a POST to a collection, or of a PATCH to an entity.
    path: &'static str,
    body: &'static str,
    then: Then,
}

const fn row(what: &'static str, state: &'static str, path: &'static str, body: &'static str, then: Then) -> Row {
    Row { what, state, path, body, then }
}

const SET: &str = "exhibits";
const PAINTING: &str = "exhibits/p1";
const BUST: &str = "exhibits/b1";

const fn incompatible(words: &'static [&'static str]) -> Then {
    Refused(&refusal::NOT_ASSIGNABLE, words)
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Entities.
    row("derived entity", "named", SET, r##"{"@odata.type":"#museum.painting","title":"A","strokes":1}"##, Has(r##"{"@odata.type":"#museum.painting","title":"A","strokes":1}"##)),
    row("derived entity", "named without #", SET, r#"{"@odata.type":"museum.painting","title":"A","strokes":1}"#, Has(r##"{"@odata.type":"#museum.painting","strokes":1}"##)),
    row("derived entity", "named in another case", SET, r##"{"@odata.type":"#Museum.Painting","title":"A","strokes":1}"##, Has(r##"{"@odata.type":"#museum.painting","strokes":1}"##)),
    row("derived entity", "named after its members", SET, r##"{"title":"A","strokes":1,"@odata.type":"#museum.painting"}"##, Has(r##"{"@odata.type":"#museum.painting","strokes":1}"##)),
    row("derived entity", "two levels below", SET, r##"{"@odata.type":"#museum.bust","title":"A","weight":1.5,"portrays":"B"}"##, Has(r##"{"@odata.type":"#museum.bust","weight":1.5,"portrays":"B"}"##)),
    row("derived entity", "not derived from the declared type", SET, r##"{"@odata.type":"#museum.user","title":"A"}"##, incompatible(&["museum.user", "museum.exhibit"])),
    row("derived entity", "unknown", SET, r##"{"@odata.type":"#museum.fresco","title":"A"}"##, Refused(&refusal::UNKNOWN_TYPE, &["museum.fresco"])),
    row("derived entity", "no text", SET, r#"{"@odata.type":7,"title":"A"}"#, Refused(&refusal::NOT_A_STRING, &["7"])),
    row("derived entity", "null", SET, r#"{"@odata.type":null,"title":"A"}"#, Refused(&refusal::TYPE_NAME, &[""])),
    row("derived entity", "a member of a sibling", SET, r##"{"@odata.type":"#museum.painting","title":"A","weight":1}"##, Refused(&refusal::UNKNOWN_PROPERTY, &["weight", "museum.painting"])),
    row("abstract entity", "without a name", SET, r#"{"title":"A"}"#, Refused(&refusal::ABSTRACT_TYPE, &["museum.exhibit"])),
    row("abstract entity", "named", SET, r##"{"@odata.type":"#museum.exhibit","title":"A"}"##, Refused(&refusal::ABSTRACT_TYPE, &["museum.exhibit"])),
    row("entity", "changed without a name", PAINTING, r#"{"strokes":2}"#, Has(r##"{"@odata.type":"#museum.painting","strokes":2}"##)),
    row("entity", "changed with its own name", PAINTING, r##"{"@odata.type":"#museum.painting","strokes":2}"##, Has(r##"{"@odata.type":"#museum.painting","strokes":2}"##)),
    row("entity", "changed with another name", PAINTING, r##"{"@odata.type":"#museum.sculpture","title":"B"}"##, incompatible(&["museum.sculpture", "museum.painting"])),
    row("entity", "changed with the name of a base type", BUST, r##"{"@odata.type":"#museum.sculpture","weight":2.5}"##, incompatible(&["museum.sculpture", "museum.bust"])),
    row("entity", "changed with the name of a derived type", PAINTING, r##"{"@odata.type":"#museum.triptych","strokes":2}"##, incompatible(&["museum.triptych", "museum.painting"])),
    row("entity", "changed with a member of a sibling", PAINTING, r#"{"weight":2.5}"#, Refused(&refusal::UNKNOWN_PROPERTY, &["weight", "museum.painting"])),
    // Complex values.
    row("derived complex value", "named", PAINTING, r##"{"size":{"@odata.type":"#museum.solid","unit":"m","volume":2}}"##, Has(r##"{"size":{"@odata.type":"#museum.solid","unit":"m","volume":2.0}}"##)),
    row("derived complex value", "keeps its type", PAINTING, r#"{"size":{"width":41}}"#, Has(r##"{"size":{"@odata.type":"#museum.flat","unit":"cm","width":41,"height":30}}"##)),
    row("derived complex value", "not derived from the declared type", PAINTING, r##"{"size":{"@odata.type":"#museum.note","text":"x"}}"##, incompatible(&["museum.note", "museum.size"])),
    row("derived complex value", "unknown", PAINTING, r##"{"size":{"@odata.type":"#museum.round","radius":1}}"##, Refused(&refusal::UNKNOWN_TYPE, &["museum.round"])),
    row("abstract complex value", "without a name", BUST, r#"{"size":{"unit":"m"}}"#, Refused(&refusal::ABSTRACT_TYPE, &["museum.size"])),
    row("abstract complex value", "null", PAINTING, r#"{"size":null}"#, Has(r#"{"size":null}"#)),
    row("complex value", "of the declared type, not abstract", PAINTING, r#"{"note":{"text":"x"}}"#, Has(r#"{"note":{"text":"x"}}"#)),
    row("complex value", "of a derived type", PAINTING, r##"{"note":{"@odata.type":"#museum.warning","level":1}}"##, Has(r##"{"note":{"@odata.type":"#museum.warning","text":null,"level":1}}"##)),
    row("complex value", "of its own type in another namespace", "suppliers/1", r##"{"note":{"@odata.type":"#museum.shop.note","author":"C"}}"##, Has(r#"{"note":{"author":"C"}}"#)),
    row("complex value", "of the same local name in another namespace", "suppliers/1", r##"{"note":{"@odata.type":"#museum.note","text":"x"}}"##, incompatible(&["museum.note", "museum.shop.note"])),
    row("complex value", "no object", PAINTING, r#"{"note":"x"}"#, Refused(&refusal::SCHEMA_MISMATCH, &["note"])),
    row("complex value", "an unknown member", PAINTING, r#"{"place":{"hall":"x"}}"#, Refused(&refusal::UNKNOWN_PROPERTY, &["hall", "museum.place"])),
    // Items.
    row("items", "of derived types", PAINTING, r##"{"sizes":[{"@odata.type":"#museum.flat","width":1},{"@odata.type":"#museum.solid","volume":2,"hollow":true}]}"##, Has(r##"{"sizes":[{"@odata.type":"#museum.flat","unit":null,"width":1,"height":null},{"@odata.type":"#museum.solid","unit":null,"volume":2.0,"hollow":true}]}"##)),
    row("items", "of an abstract type, one without a name", PAINTING, r##"{"sizes":[{"@odata.type":"#museum.flat","width":1},{"unit":"m"}]}"##, Refused(&refusal::ABSTRACT_TYPE, &["museum.size"])),
    row("items", "one of a wrong type", PAINTING, r##"{"notes":[{"text":"x"},{"@odata.type":"#museum.flat"}]}"##, incompatible(&["museum.flat", "museum.note"])),
    row("items", "null where they may be", PAINTING, r#"{"notes":[null,{"text":"x"}]}"#, Has(r#"{"notes":[null,{"text":"x","inner":null}]}"#)),
    row("items", "replaced as a whole", BUST, r#"{"notes":[{"text":"x"}]}"#, Has(r#"{"notes":[{"text":"x","inner":null}]}"#)),
    row("items", "none", BUST, r#"{"notes":[]}"#, Has(r#"{"notes":[]}"#)),
    row("items", "null instead of an array", BUST, r#"{"notes":null}"#, Refused(&refusal::NULL_VALUE, &["notes", "Collection(museum.note)"])),
    row("items", "an object instead of an array", BUST, r#"{"notes":{}}"#, Refused(&refusal::SCHEMA_MISMATCH, &["notes"])),
    // Open types.
    row("open entity", "an undeclared member", BUST, r#"{"colour":"white","history":[{"year":1900}]}"#, Has(r#"{"colour":"white","history":[{"year":1900}],"material":{"name":"marble","grams":12500}}"#)),
    row("open entity", "an undeclared member of another kind", BUST, r#"{"material":7}"#, Has(r#"{"material":7}"#)),
    row("open entity", "created", SET, r##"{"@odata.type":"#museum.sculpture","title":"A","colour":null}"##, Has(r#"{"title":"A","colour":null}"#)),
    row("open complex value", "an undeclared member", PAINTING, r#"{"note":{"text":"x","by":{"name":"Ada"}}}"#, Has(r#"{"note":{"text":"x","by":{"name":"Ada"}}}"#)),
    row("open complex value", "within itself", PAINTING, r#"{"note":{"inner":{"inner":{"text":"deep","by":1}}}}"#, Has(r#"{"note":{"text":null,"inner":{"text":null,"inner":{"text":"deep","inner":null,"by":1}}}}"#)),
    row("closed derived type of an open one", "stays open", PAINTING, r##"{"note":{"@odata.type":"#museum.warning","level":1,"by":"Ada"}}"##, Has(r##"{"note":{"@odata.type":"#museum.warning","level":1,"by":"Ada"}}"##)),
    row("closed entity", "an undeclared member", PAINTING, r#"{"colour":"white"}"#, Refused(&refusal::UNKNOWN_PROPERTY, &["colour", "museum.painting"])),
    // Enums.
    row("enum", "a member", PAINTING, r#"{"floor":"upper"}"#, Has(r#"{"floor":"upper"}"#)),
    row("enum", "a negative member", PAINTING, r#"{"floor":"vault"}"#, Has(r#"{"floor":"vault"}"#)),
    row("enum", "no member", PAINTING, r#"{"floor":"attic"}"#, Refused(&refusal::INVALID_ENUM_VALUE, &[])),
    row("enum", "several members", PAINTING, r#"{"floor":"upper,ground"}"#, Refused(&refusal::INVALID_ENUM_VALUE, &[])),
    row("enum", "the sentinel in an update", PAINTING, r#"{"floor":"unknownFutureValue"}"#, Has(r#"{"floor":"ground"}"#)),
    row("enum", "the sentinel in a new entity", SET, r##"{"@odata.type":"#museum.painting","title":"A","floor":"unknownFutureValue"}"##, Refused(&refusal::INVALID_ENUM_VALUE, &[])),
    row("enum", "a number", PAINTING, r#"{"floor":1}"#, Refused(&refusal::SCHEMA_MISMATCH, &["floor"])),
    row("enum", "null where it may not be", PAINTING, r#"{"floor":null}"#, Refused(&refusal::NULL_VALUE, &["floor", "museum.floor"])),
    row("flags", "several", PAINTING, r#"{"traits":"loaned,rare"}"#, Has(r#"{"traits":"rare,loaned"}"#)),
    row("flags", "none", PAINTING, r#"{"traits":"none"}"#, Has(r#"{"traits":"none"}"#)),
    row("flags", "one unknown", PAINTING, r#"{"traits":"rare,cheap"}"#, Refused(&refusal::INVALID_ENUM_VALUE, &[])),
    row("flags", "null where it may be", BUST, r#"{"traits":null}"#, Has(r#"{"traits":null}"#)),
    // Texts and navigation properties.
    row("text", "as long as it may be", PAINTING, r#"{"title":"A title of 20 letter"}"#, Has(r#"{"title":"A title of 20 letter"}"#)),
    row("text", "counted in characters", PAINTING, r#"{"title":"éééééééééééééééééééé"}"#, Has(r#"{"title":"éééééééééééééééééééé"}"#)),
    row("text", "longer", PAINTING, r#"{"title":"A title of 21 letters"}"#, Refused(&refusal::TEXT_TOO_LONG, &["title", "20"])),
    row("default value", "null instead", SET, r##"{"@odata.type":"#museum.painting","title":"A","copies":null}"##, Has(r#"{"copies":null,"floor":"ground"}"#)),
    row("navigation property", "contained, in a body", PAINTING, r#"{"parts":[{"name":"x"}]}"#, Refused(&refusal::UNKNOWN_PROPERTY, &["parts", "museum.painting"])),
];

/// Whether a value has the members of a pattern, at every depth. Arrays are compared item by item.
fn shows(value: &Value, pattern: &Value) -> bool {
    match (value, pattern) {
        (Value::Object(value), Value::Object(members)) => {
            members.iter().all(|(name, member)| value.get(name).is_some_and(|value| shows(value, member)))
        }
        (Value::Array(value), Value::Array(items)) => {
            value.len() == items.len() && value.iter().zip(items).all(|(a, b)| shows(a, b))
        }
        (value, pattern) => value == pattern,
    }
}

fn run(row: &Row) -> Result<(), String> {
    let world = museum::world();
    let is_new = !row.path.contains('/');
    let before = museum::get(&world, row.path);
    let method = if is_new { Method::POST } else { Method::PATCH };
    let answer = museum::send(&world, &method, row.path, Some(row.body));
    match &row.then {
        Has(pattern) => {
            let pattern: Value = serde_json::from_str(pattern).unwrap();
            let expected = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            if answer.status != expected || !shows(&answer.body, &pattern) {
                return Err(format!("answered {} {}", answer.status, answer.body));
            }
            let path = if is_new { format!("{}/{}", row.path, answer.body["id"].as_str().unwrap()) } else { row.path.to_owned() };
            let stored = museum::get(&world, &path);
            if stored == answer.body { Ok(()) } else { Err(format!("stored {stored}")) }
        }
        Refused(refusal, words) => {
            let text = words
                .iter()
                .enumerate()
                .fold(refusal.text.to_owned(), |text, (index, word)| text.replace(&format!("{{{index}}}"), word));
            let error = &answer.body["error"];
            let is_refused = answer.status.as_u16() == refusal.status
                && error["message"] == text.as_str()
                && error["code"] == refusal.code.name();
            if !is_refused || answer.refusal.as_deref() != Some(refusal.name) {
                return Err(format!("answered {} {} instead of {}: {text}", answer.status, answer.body, refusal.name));
            }
            let after = museum::get(&world, row.path);
            if after == before { Ok(()) } else { Err(format!("changed to {after}")) }
        }
    }
}

#[test]
fn every_row_of_the_table_of_types_holds() {
    let failures: Vec<String> =
        ROWS.iter().filter_map(|row| run(row).err().map(|problem| format!("{}, {}: {problem}", row.what, row.state))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn no_two_rows_have_the_same_name() {
    for (index, row) in ROWS.iter().enumerate() {
        assert!(
            !ROWS[..index].iter().any(|other| (other.what, other.state) == (row.what, row.state)),
            "{}, {}",
            row.what,
            row.state
        );
    }
}

#[test]
fn filters_know_the_types_of_instances() {
    let world = museum::world();
    let found = |filter: &str| {
        let answer = museum::get(&world, &format!("exhibits?$select=id&$filter={}", filter.replace(' ', "%20")));
        answer["value"].as_array().unwrap().iter().map(|entity| entity["id"].clone()).collect::<Value>()
    };
    for (filter, ids) in [
        ("isof('museum.painting')", json!(["p1"])),
        ("isof('museum.sculpture')", json!(["b1"])),
        ("isof('museum.exhibit')", json!(["p1", "b1"])),
        ("isof(size,'museum.flat')", json!(["p1"])),
        ("museum.painting/strokes gt 1000", json!(["p1"])),
        ("museum.sculpture/weight eq 12.5", json!(["b1"])),
        ("size/museum.flat/width eq 40", json!(["p1"])),
        ("floor lt 'ground'", json!(["b1"])),
        ("traits has 'rare'", json!(["b1"])),
        ("notes/any(n:n/text eq 'Heavy')", json!(["b1"])),
        ("notes/any(n:n/museum.warning/level eq 2)", json!(["b1"])),
        ("place/shelf/label eq 'top'", json!(["p1"])),
        ("copies add 1 eq 2", json!(["p1", "b1"])),
    ] {
        assert_eq!(found(filter), ids, "{filter}");
    }
}

#[test]
fn types_named_in_undeclared_members_come_back_as_they_were() {
    let world = museum::world();
    let member =
        r##"{"@odata.type":"#museum.flat","unit":"m","deep":[{"@odata.type":"#museum.warning","n@odata.type":"#Int64","n":1}]}"##;
    let body = format!(
        r##"{{"marks@odata.type":"#Collection(String)","marks":["a"],"w":{member},"note":{{"z@odata.type":"#Int64","z":5}}}}"##
    );
    assert!(museum::send(&world, &Method::PATCH, BUST, Some(&body)).status.is_success());
    let get = |target: &str| museum::get(&world, target);
    let bust = get(BUST);
    assert_eq!(bust["marks@odata.type"], "#Collection(String)");
    assert_eq!(bust["w"], serde_json::from_str::<Value>(member).unwrap());
    assert_eq!((&bust["note"]["z@odata.type"], &bust["note"]["z"]), (&json!("#Int64"), &json!(5)));
    // State has them, too.
    let set = world.schema.set_named("exhibits").unwrap();
    let entity = world.store.collection(set).get("b1").unwrap();
    let text = wfi_emulator::internals::world::fixture::write_entity_with(
        &world.schema,
        set,
        &entity,
        wfi_emulator::internals::policy::behavior::Secret::Echo,
    );
    // Each comes before the value that it is about.
    assert!(text.contains(r##""marks@odata.type":"#Collection(String)","marks":["a"]"##), "{text}");
    let stored: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&stored["marks@odata.type"], &stored["w"]), (&bust["marks@odata.type"], &bust["w"]));
    // A list, and a selection.
    assert_eq!(
        get("exhibits/museum.bust?$select=id,marks")["value"].as_array().unwrap().iter().find(|item| item["id"] == "b1").unwrap()
            ["marks@odata.type"],
        "#Collection(String)"
    );
    assert!(get("exhibits/b1/museum.bust?$select=w").get("marks@odata.type").is_none());
    // Metadata level none omits them, at any depth.
    let plain = get("exhibits/b1?$format=application/json;odata.metadata=none");
    assert_eq!((plain.get("marks@odata.type"), &plain["w"]), (None, &json!({ "unit": "m", "deep": [{ "n": 1 }] })));
    // A value without a type replaces the one with it.
    assert!(museum::send(&world, &Method::PATCH, BUST, Some(r#"{"marks":["b"]}"#)).status.is_success());
    let bust = get(BUST);
    assert_eq!((&bust["marks"], bust.get("marks@odata.type")), (&json!(["b"]), None));
    // An unknown type is refused, as it is elsewhere.
    for body in [r##"{"marks@odata.type":"#museum.none","marks":[]}"##, r##"{"w":{"@odata.type":"#museum.none"}}"##] {
        let answered = museum::send(&world, &Method::PATCH, BUST, Some(body));
        assert_eq!((answered.status, answered.refusal.as_deref()), (StatusCode::BAD_REQUEST, Some("unknown-type")), "{body}");
    }
}

#[test]
fn annotations_in_undeclared_members_come_back_as_they_were() {
    let world = museum::world();
    let member = r#"{"a":[{"@x.y":{"b":1},"z":1.0,"z@x.y":null}]}"#;
    let sent = r#"{"a":[{"@x.y":{"b":1},"@odata.id":"1","z":1.0,"z@x.y":null,"z@odata.context":"c"}]}"#;
    assert!(museum::send(&world, &Method::PATCH, BUST, Some(&format!("{{\"w\":{sent}}}"))).status.is_success());
    assert_eq!(museum::get(&world, BUST)["w"], serde_json::from_str::<Value>(member).unwrap(), "control information is not kept");
    let twice = r#"{"w":{"@x.y":1,"@x.y":2}}"#;
    assert_eq!(museum::send(&world, &Method::PATCH, BUST, Some(twice)).status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_complex_value_is_read_and_changed_as_what_it_is() {
    let world = museum::world();
    let painting = PAINTING;
    let width = |world: &World| museum::get(world, &format!("{painting}/size/museum.flat/width"))["value"].clone();
    assert_eq!(width(&world), 40);
    let flat = museum::get(&world, &format!("{painting}/size/museum.flat"));
    assert_eq!((&flat["width"], flat.get("@odata.type")), (&json!(40), None), "{flat}");
    assert!(flat["@odata.context"].as_str().unwrap().ends_with("/size/museum.flat"), "{flat}");
    for (path, refusal) in [("size/museum.solid/volume", "unknown-segment"), ("size/museum.note", "unknown-segment")] {
        let answered = museum::send(&world, &Method::GET, &format!("{painting}/{path}"), None);
        assert_eq!(answered.refusal.as_deref(), Some(refusal), "{path}: {answered:?}");
    }
    // The stored value has a type, which a change keeps.
    for (path, body, expected) in [
        ("size", r#"{"width":41}"#, 41),
        ("size/museum.flat", r#"{"width":42}"#, 42),
        ("size", r##"{"@odata.type":"#museum.flat","width":43}"##, 43),
    ] {
        let answered = museum::send(&world, &Method::PATCH, &format!("{painting}/{path}"), Some(body));
        assert!(answered.status.is_success(), "{path} {body}: {answered:?}");
        assert_eq!(width(&world), expected);
        let whole = museum::get(&world, painting);
        assert_eq!((&whole["size"]["@odata.type"], &whole["size"]["height"]), (&json!("#museum.flat"), &json!(30)));
    }
    let other = museum::send(&world, &Method::PATCH, &format!("{painting}/size/museum.solid"), Some(r#"{"volume":1}"#));
    assert_eq!(other.refusal.as_deref(), Some("unknown-segment"), "{other:?}");
    // A value becomes one of another type as in the body of the entity.
    let body = r##"{"@odata.type":"#museum.solid","volume":2}"##;
    let changed = museum::send(&world, &Method::PATCH, &format!("{painting}/size"), Some(body));
    assert!(changed.status.is_success(), "{changed:?}");
    let size = &museum::get(&world, painting)["size"];
    assert_eq!((&size["@odata.type"], &size["volume"], size.get("width")), (&json!("#museum.solid"), &json!(2.0), None));
}

#[test]
fn a_collection_is_narrowed_in_conditions() {
    let text = r#"<Schema Namespace="x"><EntityType Name="a"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String"/>
        <NavigationProperty Name="friends" Type="Collection(x.a)" ContainsTarget="true"/>
        <Property Name="values" Type="Collection(x.v)"/></EntityType>
        <EntityType Name="b" BaseType="x.a"><Property Name="extra" Type="Edm.Int32"/></EntityType>
        <ComplexType Name="v"/><ComplexType Name="w" BaseType="x.v"><Property Name="n" Type="Edm.Int32"/></ComplexType>
        <EntityContainer Name="c"><EntitySet Name="s" EntityType="x.a"/></EntityContainer></Schema>"#;
    let state = r##"{"s":[{"id":"0"},
        {"id":"1","friends":[{"id":"f"},{"@odata.type":"#x.b","id":"g","extra":1}],"values":[{},{"@odata.type":"#x.w","n":1}]},
        {"id":"2","friends":[{"@odata.type":"#x.b","id":"h","extra":2}],"values":[{"@odata.type":"#x.w","n":2}]},
        {"id":"3","friends":[{"id":"i"}],"values":[{}]}]}"##;
    let builder = wfi_emulator::emulator::Emulator::builder();
    let builder = builder.schema_csdl(wfi_emulator::emulator::Version::V1, text).unwrap().fixtures_json(state).unwrap();
    let world = builder.build().world();
    for (filter, expected) in [
        ("friends/x.b/any()", json!(["1", "2"])),
        ("friends/x.b/any(f:f/extra eq 1)", json!(["1"])),
        ("friends/x.b/all(f:f/extra eq 1)", json!(["0", "1", "3"])),
        ("not friends/x.b/any()", json!(["0", "3"])),
        ("values/x.w/any(v:v/n eq 2)", json!(["2"])),
        ("values/x.w/all(v:v/n eq 2)", json!(["0", "2", "3"])),
        ("friends/x.a/any()", json!(["1", "2", "3"])),
        ("friends/x.b/$count eq 1", json!(["1", "2"])),
        ("friends/x.a/$count eq 2", json!(["1"])),
        ("friends/$count sub friends/x.b/$count eq 1", json!(["1", "3"])),
        ("values/x.w/$count gt 0", json!(["1", "2"])),
    ] {
        let answer = museum::get(&world, &format!("s?$select=id&$filter={}", filter.replace(' ', "%20")));
        let found: Value = answer["value"].as_array().unwrap().iter().map(|entity| entity["id"].clone()).collect();
        assert_eq!(found, expected, "{filter}");
    }
    for filter in [
        "friends/x.w/$count%20eq%201",
        "id/x.b/$count%20eq%201",
        "friends/x.w/any()",
        "friends/x.none/any()",
        "id/x.b/any()",
        "friends/x.b/any(f:f/none%20eq%201)",
    ] {
        let answered = museum::send(&world, &Method::GET, &format!("s?$filter={filter}"), None);
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{filter}");
    }
    let expanded = museum::get(&world, "s/1?$select=id&$expand=friends/x.b($select=extra)");
    assert_eq!(expanded["friends"].as_array().unwrap().len(), 1, "{expanded}");
    assert_eq!(expanded["friends"][0]["extra"], 1);
}
