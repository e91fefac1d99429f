//! The restrictions of the vocabulary of capabilities: each statement, wherever it can be, and which of several counts.

use std::sync::Arc;

use http::{Method, StatusCode};
use wfi_emulator::internals::edm::schema::Schema;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::{World, fixture};

use crate::support::{harness, museum};

/// The declarations that can have annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Type,
    /// The type that is derived from it.
    Derived,
    Set,
    Navigation,
}

/// The forms in which they can have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Inline,
    OutOfLine,
}

/// A statement of a vocabulary.
#[derive(Clone, Copy, Debug)]
struct Statement {
    term: &'static str,
    /// The property of its record; none if it has a value of its own.
    property: Option<&'static str>,
}

impl Statement {
    fn text(self, value: bool) -> String {
        let term = format!("Org.OData.Capabilities.V1.{}", self.term);
        let Some(property) = self.property else { return format!("<Annotation Term=\"{term}\" Bool=\"{value}\"/>") };
        let inner = |property: &str, text: String| match property {
            "ReadByKeyRestrictions/Readable" => format!(
                "<PropertyValue Property=\"ReadByKeyRestrictions\"><Record>\
                 <PropertyValue Property=\"Description\" String=\"Not one.\"/>{text}</Record></PropertyValue>"
            ),
            _ => text,
        };
        let name = property.rsplit('/').next().unwrap();
        if let Some((element, path)) = self.listed() {
            // A list without the property restricts nothing, and counts like any other statement.
            let paths = if value { String::new() } else { format!("<{element}>{path}</{element}>") };
            return format!(
                "<Annotation Term=\"{term}\"><Record><PropertyValue Property=\"{name}\"><Collection>{paths}</Collection>\
                 </PropertyValue></Record></Annotation>"
            );
        }
        let value = inner(property, format!("<PropertyValue Property=\"{name}\" Bool=\"{value}\"/>"));
        format!("<Annotation Term=\"{term}\"><Record>{value}</Record></Annotation>")
    }

    /// Returns the element and the path of a property in a list; `None` if the statement has no list.
    fn listed(self) -> Option<(&'static str, &'static str)> {
        match self.property?.strip_suffix("Properties")? {
            "NonExpandable" => Some(("NavigationPropertyPath", "parts")),
            _ => Some(("PropertyPath", "name")),
        }
    }
}

/// A request that a statement forbids: method, path behind the collection, body, refusal.
type Forbidden = (Method, &'static str, Option<&'static str>, &'static str);

/// Each statement, and the requests that it forbids.
const STATEMENTS: [(Statement, &[Forbidden]); 16] = [
    (of("InsertRestrictions", "Insertable"), &[(Method::POST, "", Some(r#"{"name":"n"}"#), "unrouted-method")]),
    (
        of("UpdateRestrictions", "Updatable"),
        &[
            (Method::PATCH, "/i1", Some(r#"{"name":"n"}"#), "unrouted-method"),
            (Method::PATCH, "/i1/size", Some(r#"{"unit":"m"}"#), "unrouted-method"),
        ],
    ),
    (of("DeleteRestrictions", "Deletable"), &[(Method::DELETE, "/i1", None, "unrouted-method")]),
    (
        of("ReadRestrictions", "Readable"),
        &[
            (Method::GET, "", None, "unrouted-method"),
            (Method::GET, "/$count", None, "unrouted-method"),
            (Method::GET, "/i1", None, "unrouted-method"),
            (Method::GET, "/i1/name", None, "unrouted-method"),
        ],
    ),
    (
        of("ReadRestrictions", "ReadByKeyRestrictions/Readable"),
        &[(Method::GET, "/i1", None, "unrouted-method"), (Method::GET, "/i1/name", None, "unrouted-method")],
    ),
    (of("FilterRestrictions", "Filterable"), &[(Method::GET, "?$filter=name%20eq%20'a'", None, "restricted-option")]),
    (of("SortRestrictions", "Sortable"), &[(Method::GET, "?$orderby=name", None, "restricted-option")]),
    (
        of("CountRestrictions", "Countable"),
        &[(Method::GET, "?$count=true", None, "restricted-option"), (Method::GET, "/$count", None, "restricted-option")],
    ),
    // Without a row of a workload no type has `$search`: another refusal takes the place of this one.
    (of("SearchRestrictions", "Searchable"), &[(Method::GET, "?$search=a", None, "restricted-option")]),
    (Statement { term: "TopSupported", property: None }, &[(Method::GET, "?$top=1", None, "restricted-option")]),
    (Statement { term: "SkipSupported", property: None }, &[(Method::GET, "?$skip=1", None, "restricted-option")]),
    (
        of("FilterRestrictions", "NonFilterableProperties"),
        &[
            (Method::GET, "?$filter=name%20eq%20'a'", None, "restricted-property"),
            (Method::GET, "?$filter=id%20eq%20'b'%20or%20not%20contains(name,'a')", None, "restricted-property"),
            (Method::GET, "?$filter=parts/any(part:part/id%20eq%20name)", None, "restricted-property"),
            (Method::GET, "/$count?$filter=name%20eq%20'a'", None, "restricted-property"),
        ],
    ),
    (
        of("SortRestrictions", "NonSortableProperties"),
        &[
            (Method::GET, "?$orderby=name", None, "restricted-property"),
            (Method::GET, "?$orderby=id,tolower(name)%20desc", None, "restricted-property"),
        ],
    ),
    (
        of("SortRestrictions", "AscendingOnlyProperties"),
        &[(Method::GET, "?$orderby=id,name%20desc", None, "restricted-property")],
    ),
    (of("SortRestrictions", "DescendingOnlyProperties"), &[(Method::GET, "?$orderby=name", None, "restricted-property")]),
    (
        of("ExpandRestrictions", "NonExpandableProperties"),
        &[
            (Method::GET, "?$expand=parts", None, "restricted-option"),
            (Method::GET, "/i1?$expand=parts($select=id)", None, "restricted-option"),
        ],
    ),
];

const fn of(term: &'static str, property: &'static str) -> Statement {
    Statement { term, property: Some(property) }
}

/// A world whose schema has annotations at places, in a form.
fn world(annotations: &[(Place, String)], form: Form, behavior: &str) -> World {
    World::new(settings(annotations, form, behavior))
}

fn settings(annotations: &[(Place, String)], form: Form, behavior: &str) -> Settings {
    let at = |place: Place| -> String {
        annotations.iter().filter(|(other, _)| *other == place).map(|(_, text)| text.as_str()).collect()
    };
    let inline = |place: Place| if form == Form::Inline { at(place) } else { String::new() };
    let apart = |place: Place, target: &str| match at(place) {
        text if form == Form::OutOfLine && !text.is_empty() => format!("<Annotations Target=\"{target}\">{text}</Annotations>"),
        _ => String::new(),
    };
    let (of_type, of_set, of_navigation) = (inline(Place::Type), inline(Place::Set), inline(Place::Navigation));
    let of_derived = inline(Place::Derived);
    let others = [
        apart(Place::Type, "s.item"),
        apart(Place::Derived, "s.special"),
        apart(Place::Set, "s.service/items"),
        apart(Place::Navigation, "shop.box/items"),
    ]
    .concat();
    let text = format!(
        r#"<Schema Namespace="shop" Alias="s">
        <EntityType Name="item"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String"/>
            <Property Name="name" Type="Edm.String"/><Property Name="size" Type="s.size"/>
            <NavigationProperty Name="parts" Type="Collection(s.item)" ContainsTarget="true"/>{of_type}</EntityType>
        <EntityType Name="special" BaseType="s.item">{of_derived}</EntityType>
        <ComplexType Name="size"><Property Name="unit" Type="Edm.String"/></ComplexType>
        <EntityType Name="box"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String"/>
            <NavigationProperty Name="items" Type="Collection(s.item)" ContainsTarget="true">{of_navigation}</NavigationProperty>
        </EntityType>
        <EntityContainer Name="service"><EntitySet Name="items" EntityType="s.item">{of_set}</EntitySet>
            <EntitySet Name="specials" EntityType="s.special"/>
            <EntitySet Name="boxes" EntityType="s.box"/><Singleton Name="hub" Type="s.box"/></EntityContainer>{others}</Schema>"#
    );
    let schema = Arc::new(Schema::read(&text, &text, &wfi_emulator::internals::workloads::rules()).unwrap());
    let item = r#"{"id":"i1","name":"a"}"#;
    let special = r##"{"@odata.type":"#shop.special","id":"i2","name":"b"}"##;
    let state = format!(
        r#"{{"items":[{item},{special}],"specials":[{item}],"boxes":[{{"id":"b1","items":[{item}]}}],"hub":{{"id":"h","items":[{item}]}}}}"#
    );
    let mut behaviors = Behaviors::default();
    behaviors.set("schema-restrictions", behavior).unwrap();
    let entities = fixture::read(&schema, &behaviors, "state.json", state.as_bytes()).unwrap();
    Settings { schema, entities, explains: true, ..harness::settings(behaviors) }
}

const ENFORCE: &str = "enforce";

/// The collections of items, and the places whose annotations are about each.
const COLLECTIONS: [(&str, &[Place]); 3] = [
    ("items", &[Place::Type, Place::Set]),
    ("boxes/b1/items", &[Place::Type, Place::Navigation]),
    ("hub/items", &[Place::Type, Place::Navigation]),
];

#[test]
fn each_statement_counts_where_it_is_made_and_nowhere_else() {
    let mut checked = 0;
    for (statement, requests) in STATEMENTS {
        for place in [Place::Type, Place::Set, Place::Navigation] {
            for form in [Form::Inline, Form::OutOfLine] {
                let settings = settings(&[(place, statement.text(false))], form, ENFORCE);
                for (collection, places) in COLLECTIONS {
                    for (method, path, body, refusal) in requests {
                        let world = World::new(settings.clone());
                        let target = format!("{collection}{path}");
                        let answered = museum::send(&world, method, &target, *body);
                        let row = format!("{statement:?} of {place:?} {form:?}: {method} {target}: {answered:?}");
                        let expected = if places.contains(&place) {
                            Some(*refusal)
                        } else {
                            (statement.term == "SearchRestrictions").then_some("query-option-not-allowed")
                        };
                        assert_eq!(answered.refusal.as_deref(), expected, "{row}");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(checked, (17 + 10) * 6 * 3);
}

#[test]
fn statements_have_no_effect_where_a_world_ignores_them() {
    for (statement, requests) in STATEMENTS.iter().filter(|(statement, _)| statement.term != "SearchRestrictions") {
        for place in [Place::Type, Place::Set, Place::Navigation] {
            let settings = settings(&[(place, statement.text(false))], Form::Inline, "ignore");
            for (collection, _) in COLLECTIONS {
                for (method, path, body, _) in *requests {
                    let world = World::new(settings.clone());
                    let answered = museum::send(&world, method, &format!("{collection}{path}"), *body);
                    assert!(
                        answered.status.is_success(),
                        "{statement:?} of {place:?}: {method} {collection}{path}: {answered:?}"
                    );
                }
            }
        }
    }
}

/// Which statement counts, if a type and its set, or a navigation property to it, make two: the nearer one.
const DECISIONS: [(Option<bool>, Option<bool>, bool); 9] = [
    // Of the type, of the set or the navigation property, whether clients may.
    (None, None, true),
    (None, Some(true), true),
    (None, Some(false), false),
    (Some(true), None, true),
    (Some(true), Some(true), true),
    (Some(true), Some(false), false),
    (Some(false), None, false),
    (Some(false), Some(true), true),
    (Some(false), Some(false), false),
];

#[test]
fn the_statement_of_a_set_or_navigation_property_comes_before_that_of_the_type() {
    let statements = STATEMENTS.iter().filter(|(statement, _)| statement.term != "SearchRestrictions");
    for (statement, requests) in statements {
        for (of_type, of_member, is_allowed) in DECISIONS {
            for (collection, member) in
                [("items", Place::Set), ("boxes/b1/items", Place::Navigation), ("hub/items", Place::Navigation)]
            {
                let made = [(Place::Type, of_type), (member, of_member)];
                let made = made.map(|(place, value)| (place, value.map_or_else(String::new, |value| statement.text(value))));
                let world = world(&made, Form::OutOfLine, ENFORCE);
                let (method, path, body, _) = &requests[0];
                let answered = museum::send(&world, method, &format!("{collection}{path}"), *body);
                let row = format!("{statement:?}: {of_type:?}, {of_member:?} at {collection}: {answered:?}");
                assert_eq!(answered.refusal.is_none(), is_allowed, "{row}");
                assert_eq!(answered.status.is_success(), is_allowed, "{row}");
            }
        }
    }
}

#[test]
fn the_statement_of_a_set_comes_before_that_of_a_derived_type() {
    let delete = of("DeleteRestrictions", "Deletable");
    for (of_derived, of_set, is_allowed) in DECISIONS {
        let made = [(Place::Derived, of_derived), (Place::Set, of_set)];
        let made = made.map(|(place, value)| (place, value.map_or_else(String::new, |value| delete.text(value))));
        let world = world(&made, Form::OutOfLine, ENFORCE);
        let answered = museum::send(&world, &Method::DELETE, "items/i2/shop.special", None);
        assert_eq!(answered.refusal.is_none(), is_allowed, "{of_derived:?}, {of_set:?}: {answered:?}");
        assert_eq!(answered.status.is_success(), is_allowed, "{of_derived:?}, {of_set:?}: {answered:?}");
    }
}

#[test]
fn a_derived_type_does_not_inherit_statements() {
    let world = world(&[(Place::Type, STATEMENTS[0].0.text(false))], Form::Inline, ENFORCE);
    let body = Some(r#"{"name":"n"}"#);
    assert_eq!(museum::send(&world, &Method::POST, "specials", body).status, StatusCode::CREATED);
    assert_eq!(museum::send(&world, &Method::POST, "items", body).status, StatusCode::NOT_FOUND);
}

#[test]
fn a_list_can_be_read_though_its_entities_cannot() {
    let by_key = of("ReadRestrictions", "ReadByKeyRestrictions/Readable");
    let world = world(&[(Place::Type, by_key.text(false))], Form::OutOfLine, ENFORCE);
    assert_eq!(museum::get(&world, "items")["value"][0]["name"], "a");
    assert_eq!(museum::send(&world, &Method::GET, "items/i1", None).status, StatusCode::NOT_FOUND);
    // The singleton itself has no key.
    assert_eq!(museum::get(&world, "hub")["id"], "h");
}

#[test]
fn options_of_an_expansion_are_restricted_like_those_of_its_collection() {
    for (place, expected) in
        [(Place::Type, Some("restricted-option")), (Place::Navigation, Some("restricted-option")), (Place::Set, None)]
    {
        let world = world(&[(place, of("FilterRestrictions", "Filterable").text(false))], Form::Inline, ENFORCE);
        let target = "boxes?$expand=items($filter=name%20eq%20'a')";
        let answered = museum::send(&world, &Method::GET, target, None);
        assert_eq!(answered.refusal.as_deref(), expected, "{place:?}: {answered:?}");
        assert_eq!(museum::get(&world, "boxes?$expand=items")["value"][0]["items"][0]["name"], "a");
    }
}

#[test]
fn the_refusal_of_an_option_names_it_and_the_log_the_term() {
    let world = world(&[(Place::Set, of("SortRestrictions", "Sortable").text(false))], Form::Inline, ENFORCE);
    let answered = museum::send(&world, &Method::GET, "items?$orderby=name", None);
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answered.body["error"]["message"],
        "The query specified in the URI is not valid. Query option 'OrderBy' is not allowed. To allow it, set the \
         'AllowedQueryOptions' property on EnableQueryAttribute or QueryValidationSettings."
    );
}

#[test]
fn lists_of_properties_have_no_effect_on_others() {
    let made = ["NonFilterableProperties", "NonSortableProperties", "AscendingOnlyProperties", "NonExpandableProperties"];
    let term = |property: &str| match property {
        "NonFilterableProperties" => "FilterRestrictions",
        "NonExpandableProperties" => "ExpandRestrictions",
        _ => "SortRestrictions",
    };
    let made = made.map(|property| (Place::Type, of(term(property), property).text(false)));
    let world = world(&made[..2], Form::OutOfLine, ENFORCE);
    for query in [
        "$filter=id eq 'i1'&$orderby=size/unit desc",
        "$filter=size/unit ne 'name'",
        "$filter=parts/any(part:part/name eq 'a' or part/parts/any(other:other/name eq 'a'))",
        "$filter=parts/$count eq 0",
        "$expand=parts",
        "$select=name",
        "$expand=*",
    ] {
        let answered = museum::send(&world, &Method::GET, &format!("items?{}", query.replace(' ', "%20")), None);
        assert_eq!(answered.status, StatusCode::OK, "{query}: {answered:?}");
    }
    let world = self::world(&made[2..], Form::OutOfLine, ENFORCE);
    assert_eq!(museum::get(&world, "items?$orderby=name")["value"][0]["name"], "a");
    // A star names what can be expanded.
    assert!(museum::get(&world, "items?$expand=*")["value"][0].get("parts").is_none());
    assert_eq!(museum::get(&world, "boxes?$expand=*($expand=*)")["value"][0]["items"][0].get("parts"), None);
    let nested = museum::send(&world, &Method::GET, "boxes?$expand=items($expand=parts)", None);
    assert_eq!(nested.refusal.as_deref(), Some("restricted-option"), "{nested:?}");
}

#[test]
fn the_refusal_of_a_property_names_it_and_the_option() {
    let world = world(&[(Place::Set, of("FilterRestrictions", "NonFilterableProperties").text(false))], Form::Inline, ENFORCE);
    let answered = museum::send(&world, &Method::GET, "items?$filter=name%20eq%20'a'", None);
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answered.body["error"]["message"],
        "The query specified in the URI is not valid. The property 'name' cannot be used in the $filter query option."
    );
}

#[test]
fn a_value_that_clients_can_only_write_is_never_answered() {
    let permission = |member: &str| {
        format!(
            "<Annotations Target=\"s.item/mode\"><Annotation Term=\"Org.OData.Core.V1.Permissions\">\
             <EnumMember>Org.OData.Core.V1.Permission/{member}</EnumMember></Annotation></Annotations>"
        )
    };
    let text = |member: &str| {
        format!(
            r#"<Schema Namespace="shop" Alias="s">
            <EntityType Name="item"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String"/>
                <Property Name="mode" Type="Edm.String"/></EntityType>
            <EntityContainer Name="service"><EntitySet Name="items" EntityType="s.item"/></EntityContainer>{}</Schema>"#,
            permission(member)
        )
    };
    for (member, is_shown) in [("Write", false), ("ReadWrite", true)] {
        let text = text(member);
        let schema = Arc::new(Schema::read(&text, &text, &wfi_emulator::internals::workloads::rules()).unwrap());
        let world =
            World::new(Settings { schema, entities: Vec::new(), explains: true, ..harness::settings(Behaviors::default()) });
        let created = museum::send(&world, &Method::POST, "items", Some(r#"{"mode":"s1"}"#));
        assert_eq!((created.status, created.body["mode"] == "s1"), (StatusCode::CREATED, is_shown), "{member}: {created:?}");
        let id = created.body["id"].as_str().unwrap();
        assert_eq!(museum::get(&world, &format!("items/{id}"))["mode"] == "s1", is_shown, "{member}");
        let filtered = museum::send(&world, &Method::GET, "items?$filter=mode%20eq%20's1'", None);
        assert_eq!(filtered.refusal.as_deref(), (!is_shown).then_some("filter-by-secret"), "{member}: {filtered:?}");
    }
}

#[test]
fn entities_that_must_exist_are_taken_away_if_the_behavior_says_so() {
    let world = |value: &str| {
        let schema = museum::schema();
        let mut behaviors = Behaviors::default();
        behaviors.set("required-links", value).unwrap();
        let entities = fixture::read(&schema, &behaviors, "museum.json", museum::ENTITIES.as_bytes()).unwrap();
        World::new(Settings { schema, entities, ..harness::settings(behaviors) })
    };
    let unbound = Some(r#"{"supplier@odata.bind":null}"#);
    for (method, target, body) in [
        (Method::DELETE, "contracts/c1/supplier/$ref", None),
        (Method::DELETE, "contracts/c1/terms", None),
        (Method::PATCH, "contracts/c1", unbound),
    ] {
        let [kept, released] = ["keep", "release"].map(|value| museum::send(&world(value), &method, target, body).status);
        assert!(kept.is_client_error() && released.is_success(), "{method} {target}: {kept} {released}");
    }
}
