//! Schemas from files: `--schema` and `check --schema`.

use std::path::Path;

use crate::program::process::Program;
use crate::program::process::{Folder, Outcome, Served, command, outcome, refused};
use crate::support::museum;

/// The path of a file of `tests/schemas/`.
fn museum_file(extension: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/museum.{extension}")).to_str().unwrap().to_owned()
}

/// A document with an error in a line.
fn broken(line: &str) -> String {
    format!("<Schema Namespace=\"x\">\n  <EntityType Name=\"a\">\n    {line}\n  </EntityType>\n</Schema>\n")
}

#[test]
fn a_schema_is_served_in_the_version_that_it_is_for() {
    let (csdl, json) = (museum_file("csdl"), museum_file("json"));
    let served = Served::start(&["--schema", &csdl, "--fixtures", &json]);
    assert!(served.exchange("GET", "/v1.0/exhibits/p1/parts/frame/parts/nail/report", "").contains(r#""text":"Rust""#));
    assert!(served.exchange("GET", "/v1.0/$metadata", "").ends_with(museum::CSDL));
    // The other version is the built-in one.
    assert_eq!(served.status("GET", "/beta/exhibits", ""), 400);
    assert!(served.exchange("GET", "/beta/$metadata", "").contains("workforceIntegration"));
    let served = Served::start(&["--schema", &format!("beta={csdl}"), "--schema", &format!("v1.0={csdl}"), "--fixtures", &json]);
    for version in ["v1.0", "beta"] {
        assert_eq!(served.status("GET", &format!("/{version}/exhibits/p1"), ""), 200);
    }
    // Several files in one value, as in a variable.
    let files = format!("{csdl},beta={csdl}");
    let served = Served::start_with(&["--fixtures", &json], &[("WFI_EMULATOR_SCHEMA", files.as_str())]);
    assert_eq!(served.status("GET", "/beta/exhibits/p1/keeper", ""), 200);
}

#[test]
fn all_of_graph_is_served_with_no_flag_and_the_core_alone_with_one() {
    let served = Served::start(&[]);
    for path in ["/v1.0/drives", "/v1.0/deviceManagement/managedDevices", "/beta/drives", "/beta/sites"] {
        assert_eq!(served.status("GET", path, ""), 200, "{path}");
    }
    assert!(served.exchange("GET", "/v1.0/$metadata", "").contains("<EntityType Name=\"managedDevice\""));
    assert!(served.exchange("GET", "/beta/$metadata", "").contains("Name=\"atApprovedLocation\""));
    let served = Served::start(&["--schema", "core"]);
    assert_eq!(served.status("GET", "/v1.0/drives", ""), 200);
    assert_eq!(served.status("GET", "/v1.0/deviceManagement/managedDevices", ""), 400);
    assert!(!served.exchange("GET", "/v1.0/$metadata", "").contains("managedDevice"));
}

#[test]
fn fixtures_and_states_of_all_of_graph_need_no_flag() {
    let folder = Folder::new("fixtures-of-the-rest");
    let fixtures = folder.file(
        "all.json",
        r#"{"devices": [{"id": "1", "displayName": "Oven"}], "users": [{"id": "a", "userPrincipalName": "a@b.c"}]}"#,
    );
    let served = Served::start(&["--fixtures", &fixtures]);
    assert!(served.exchange("GET", "/v1.0/devices/1", "").contains("Oven"));
    let served = Served::start(&[]);
    assert_eq!(served.status("PUT", "/_emulator/worlds/default/state?collection=devices", r#"[{"id": "2"}]"#), 200);
    assert_eq!(served.status("GET", "/v1.0/devices/2", ""), 200);
    assert!(served.exchange("GET", "/_emulator/worlds/default/state?collection=devices", "").contains("\"2\""));
    assert_eq!(served.status("GET", "/_emulator/worlds/default/state?collection=bakeries", ""), 400);
}

#[test]
fn a_schema_without_fixtures_starts_empty() {
    let served = Served::start(&["--schema", &museum_file("csdl")]);
    assert!(served.exchange("GET", "/v1.0/exhibits", "").ends_with(r#""value":[]}"#));
    assert!(served.exchange("POST", "/v1.0/suppliers", r#"{"code":"A"}"#).starts_with("HTTP/1.1 201"));
}

#[test]
fn a_broken_schema_ends_the_program_with_file_and_line() {
    let folder = Folder::new("broken-schema");
    for (text, reason) in [
        (
            broken(r#"<Property Name="b" Type="x.none"/>"#),
            "3: unknown type x.none of property a/b: expected a primitive type or a declared enum or complex type",
        ),
        (broken(r#"<Property Name="b"/>"#), "3: missing attribute Type of <Property>"),
        (broken(r#"<Property Name="b c" Type="Edm.String"/>"#), "3: invalid Name 'b c': use letters, digits and underscores"),
        (
            broken(r#"<Property Name="b" Type="Edm.String" Nullable="no"/>"#),
            "3: invalid value 'no' of attribute Nullable: expected true or false",
        ),
        (
            broken(r#"<Property Name="b" Type="Edm.Int32" DefaultValue="many"/>"#),
            "3: invalid default value 'many' of property a/b",
        ),
        (broken(r#"<NavigationProperty Name="b" Type="x.none"/>"#), "3: unknown type x.none of navigation property a/b"),
        (broken("</EntityType><EntityType Name=\"a\" BaseType=\"x.a\">"), "3: duplicate type a"),
        (broken("</EntityType><EntityType Name=\"b\" BaseType=\"x.b\">"), "3: circular base types of type b"),
        (broken("</EntityType><EntityType Name=\"b\" BaseType=\"x.c\">"), "3: unknown base type x.c of type b"),
        (
            broken(
                "</EntityType><EntityContainer><EntitySet Name=\"s\" EntityType=\"x.c\"/></EntityContainer><EntityType Name=\"b\">",
            ),
            "3: unknown entity type x.c",
        ),
        ("<Edmx/>".to_owned(), "1: missing element <Schema Namespace=\"…\">"),
    ] {
        let file = folder.file("broken.csdl", &text);
        let expected = refused(&format!("wfi-emulator: {file}:{reason}\n"));
        assert_eq!(outcome(&["--port", "0", "--schema", &file]), expected, "{text}");
        assert_eq!(outcome(&["check", "--schema", &format!("beta={file}")]), expected, "{text}");
    }
}

#[test]
fn an_unreadable_schema_ends_the_program() {
    let folder = Folder::new("unreadable-schema");
    let missing = folder.0.join("none.csdl");
    let missing = missing.to_str().unwrap();
    let started = outcome(&["--port", "0", "--schema", missing]);
    assert_eq!((started.status, started.stdout.as_str()), (Some(2), ""));
    assert!(started.stderr.starts_with(&format!("wfi-emulator: {missing}: ")), "{}", started.stderr);
    assert_eq!(outcome(&["check", "--schema", missing]), started);
    let csdl = museum_file("csdl");
    let twice = refused(&format!("wfi-emulator: duplicate schema of v1.0: {csdl}\n"));
    assert_eq!(outcome(&["--port", "0", "--schema", &csdl, "--schema", &csdl]), twice);
    let nothing = outcome(&["check"]);
    assert!(nothing.status == Some(2) && nothing.stderr.contains("<PATH>"), "{}", nothing.stderr);
}

/// The report on the file, with the path that its lines begin with.
fn report(path: &str, version: &str) -> String {
    format!(
        "{path}: {version}, 2 namespaces, 19 entity types, 9 complex types, 2 enums, 8 entity sets, 3 singletons, 7 operations\n"
    )
}

#[test]
fn check_reports_the_contents_of_a_schema_and_the_parts_that_are_not_served() {
    let (csdl, json) = (museum_file("csdl"), museum_file("json"));
    let passed = |stdout: String| Outcome { status: Some(0), stdout, stderr: String::new() };
    assert_eq!(outcome(&["check", "--schema", &csdl]), passed(report(&csdl, "v1.0")));
    let both = report(&csdl, "v1.0") + &report(&csdl, "beta");
    assert_eq!(outcome(&["check", "--schema", &csdl, "--schema", &format!("beta={csdl}")]), passed(both));
    // Fixtures are checked with the schema, before and after the command.
    let checked = passed(report(&csdl, "v1.0") + &format!("{json}: 27 entities, no problems\n"));
    assert_eq!(outcome(&["check", &json, "--schema", &csdl]), checked);
    assert_eq!(outcome(&["--schema", &csdl, "check", &json]), checked);
    assert_eq!(Program::start(command(&["check", &json], &[("WFI_EMULATOR_SCHEMA", csdl.as_str())])).outcome(), checked);
    let folder = Folder::new("check-schema");
    let wrong = folder.file("seats.json", r#"[{"number":1,"row":2}]"#);
    let problem = format!("wfi-emulator: {wrong}: $[0].row: found the number 2, expected a string\n");
    assert_eq!(outcome(&["check", &wrong, "--schema", &csdl]), refused(&problem));
}

#[test]
fn check_names_each_restriction_that_is_not_followed_once() {
    let folder = Folder::new("check-restrictions");
    let record = |term: &str, values: &str| {
        format!("<Annotation Term=\"Org.OData.Capabilities.V1.{term}\"><Record>{values}</Record></Annotation>")
    };
    let value = |name: &str, value: bool| format!("<PropertyValue Property=\"{name}\" Bool=\"{value}\"/>");
    let of_type = [
        record("InsertRestrictions", &(value("Insertable", false) + "<PropertyValue Property=\"Description\" String=\"No.\"/>")),
        record(
            "ReadRestrictions",
            &format!(
                "<PropertyValue Property=\"ReadByKeyRestrictions\"><Record>{}</Record></PropertyValue>",
                value("Readable", false)
            ),
        ),
        record("UpdateRestrictions", &value("Upsertable", true)),
        "<Annotation Term=\"Org.OData.Capabilities.V1.TopSupported\" Bool=\"false\"/>".to_owned(),
        record("SelectSupport", &value("Supported", true)),
    ];
    let of_navigation =
        [record("ExpandRestrictions", &value("Expandable", false)), record("SelectSupport", &value("Supported", false))];
    let of_set = [
        record("ExpandRestrictions", &value("Expandable", false)),
        record("SelectSupport", &value("Supported", false)),
        record(
            "SortRestrictions",
            "<PropertyValue Property=\"NonSortableProperties\"><Collection><PropertyPath>id</PropertyPath></Collection></PropertyValue>",
        ),
        record(
            "FilterRestrictions",
            "<PropertyValue Property=\"RequiredProperties\"><Collection><PropertyPath>id</PropertyPath></Collection></PropertyValue>",
        ),
    ];
    let text = format!(
        "<Schema Namespace=\"x\">\n<EntityType Name=\"a\"><Key><PropertyRef Name=\"id\"/></Key><Property Name=\"id\" Type=\"Edm.String\"/>\n\
         {}<NavigationProperty Name=\"n\" Type=\"x.a\" ContainsTarget=\"true\">\n{}</NavigationProperty></EntityType>\n\
         <EntityContainer Name=\"c\"><EntitySet Name=\"s\" EntityType=\"x.a\">\n{}</EntitySet></EntityContainer></Schema>",
        of_type.concat(),
        of_navigation.concat(),
        of_set.concat()
    );
    let file = folder.file("restricted.csdl", &text);
    let checked = outcome(&["check", "--schema", &file]);
    let lines: Vec<&str> = checked.stdout.lines().skip(1).map(|line| line.strip_prefix(&*file).unwrap()).collect();
    assert_eq!(
        lines,
        [
            ":4: not served: annotation SelectSupport/Supported, and 1 more of it",
            ":6: not served: annotation ExpandRestrictions/Expandable",
            ":6: not served: annotation FilterRestrictions/RequiredProperties",
        ],
        "{checked:?}"
    );
}

#[test]
fn check_names_declarations_that_contradict_others() {
    let folder = Folder::new("check-contradictions");
    let text = r#"<Schema Namespace="x">
<EntityType Name="a"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String"/>
<Property Name="name" Type="Edm.String"/><Property Name="Name" Type="Edm.Int32"/>
<NavigationProperty Name="many" Type="Collection(x.b)" Partner="one"/>
<NavigationProperty Name="few" Type="Collection(x.b)" Partner="none"/>
<NavigationProperty Name="name" Type="x.b"/></EntityType>
<EntityType Name="b"><Key><PropertyRef Name="key"/></Key><Property Name="id" Type="Edm.String"/>
<NavigationProperty Name="one" Type="x.a" Partner="many"/></EntityType>
<EntityType Name="c" BaseType="x.a">
<Property Name="id" Type="Edm.String"/></EntityType>
<EntityType Name="d"><Property Name="id" Type="Edm.String"/></EntityType>
<EntityType Name="g"><Key><PropertyRef Name="dim/w" Alias="w"/></Key><Property Name="dim" Type="x.c"/></EntityType>
<EnumType Name="e"><Member Name="first"/><Member Name="second"/><Member Name="First"/></EnumType>
<EntityContainer Name="f"><EntitySet Name="as" EntityType="x.a">
<NavigationPropertyBinding Path="many" Target="bs"/><NavigationPropertyBinding Path="few" Target="x.f/bs"/>
<NavigationPropertyBinding Path="name" Target="nowhere"/></EntitySet>
<EntitySet Name="bs" EntityType="x.b"/>
<EntitySet Name="As" EntityType="x.b"/>
<EntitySet Name="ds" EntityType="x.d"/>
<EntitySet Name="gs" EntityType="x.g"/>
<Singleton Name="one" Type="x.d"/></EntityContainer></Schema>"#;
    let file = folder.file("contradictions.csdl", text);
    let checked = outcome(&["check", "--schema", &file]);
    let lines: Vec<&str> = checked.stdout.lines().skip(1).map(|line| line.strip_prefix(&*file).unwrap()).collect();
    assert_eq!(
        lines,
        [
            ":3: not served: second property Name of x.a",
            ":5: not served: partner none of a/few, which x.b does not have",
            ":6: not served: second navigation property name of x.a",
            ":7: not served: key key of x.b, which has no such property",
            ":10: not served: second property id of x.c",
            ":12: not served: key dim/w of x.g, a path into a complex value",
            ":13: not served: second member First of x.e",
            ":14: not served: binding of as/name to nowhere, an unknown entity set or singleton",
            ":18: not served: second entity set As",
            ":19: not served: entity set ds, whose type has no key",
        ],
        "{checked:?}"
    );
}

#[test]
fn an_element_without_an_end_is_named() {
    let folder = Folder::new("check-unclosed");
    let type_of = |end: &str| {
        format!("<Schema Namespace=\"x\">\n<ComplexType Name=\"a\">\n<Property Name=\"b\" Type=\"Edm.String\"/>{end}")
    };
    for (end, problem) in [
        ("</ComplexType>", "1: unclosed element <Schema>"),
        ("", "2: unclosed element <ComplexType>"),
        ("<Property Name=\"c\" Type=\"Edm.String\">", "3: unclosed element <Property>"),
    ] {
        let file = folder.file("unclosed.csdl", &type_of(end));
        assert_eq!(outcome(&["check", "--schema", &file]), refused(&format!("wfi-emulator: {file}:{problem}\n")), "{end}");
    }
}

#[test]
fn a_key_that_cannot_be_served_is_named() {
    let folder = Folder::new("schema-keys");
    let text = |kind: &str| {
        format!(
            "<Schema Namespace=\"x\">\n<EntityType Name=\"a\"><Key><PropertyRef Name=\"id\"/></Key>\
             <Property Name=\"id\" Type=\"{kind}\"/></EntityType>\n\
             <EntityType Name=\"b\"><Key><PropertyRef Name=\"id\"/></Key><Property Name=\"id\" Type=\"Edm.Stream\"/></EntityType>\n\
             <EntityContainer Name=\"c\"><EntitySet Name=\"s\" EntityType=\"x.a\"/></EntityContainer></Schema>"
        )
    };
    let (first, second) = (folder.file("first.csdl", &text("Edm.String")), folder.file("second.csdl", &text("Edm.Int32")));
    let unserved = |arguments: &[&str]| {
        let checked = outcome(&[&["check"], arguments].concat());
        let lines = checked.stdout.lines().filter(|line| line.contains("not served"));
        lines.map(|line| line.rsplit_once(".csdl:").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let stream = "3: not served: key of x.b, whose type is Edm.Stream";
    assert_eq!(unserved(&["--schema", &first]), [stream]);
    let reason = "2: different keys of type a: id (Edm.String) in v1.0, id (Edm.Int32) in beta";
    let checked = outcome(&["check", "--schema", &first, "--schema", &format!("beta={second}")]);
    assert_eq!(checked, refused(&format!("wfi-emulator: {second}:{reason}\n")));
}

#[test]
fn statements_that_are_not_followed_are_named_in_each_form() {
    let folder = Folder::new("schema-statements");
    let permissions = |member: &str| format!("Org.OData.Core.V1.Permission/{member}");
    let property =
        |name: &str, annotation: &str| format!("<Property Name=\"{name}\" Type=\"Edm.String\">{annotation}</Property>\n");
    let attribute =
        |member: &str| format!("<Annotation Term=\"Org.OData.Core.V1.Permissions\" EnumMember=\"{}\"/>", permissions(member));
    let element = |member: &str| {
        format!(
            "<Annotation Term=\"Org.OData.Core.V1.Permissions\"><EnumMember>{}</EnumMember></Annotation>",
            permissions(member)
        )
    };
    let text = format!(
        "<Schema Namespace=\"x\"><EntityType Name=\"a\"><Key><PropertyRef Name=\"id\"/></Key><Property Name=\"id\" Type=\"Edm.String\"/>\n\
         {}{}{}{}{}</EntityType><EntityContainer Name=\"c\"><EntitySet Name=\"s\" EntityType=\"x.a\">\n\
         <Annotation Term=\"Org.OData.Capabilities.V1.FilterRestrictions\"><Record>\
         <PropertyValue Property=\"RequiresFilter\" Bool=\"true\"/></Record></Annotation></EntitySet></EntityContainer></Schema>",
        property("b", &attribute("Read")),
        property("c", &element("Read")),
        property("d", &attribute("ReadWrite")),
        property("e", &attribute("None")),
        property("f", &element("Write")),
    );
    let file = folder.file("statements.csdl", &text);
    let checked = outcome(&["check", "--schema", &file]);
    let lines: Vec<&str> = checked.stdout.lines().skip(1).map(|line| line.strip_prefix(&*file).unwrap()).collect();
    assert_eq!(
        lines,
        [
            ":5: not served: annotation Permissions Org.OData.Core.V1.Permission/None",
            ":8: not served: annotation FilterRestrictions/RequiresFilter",
        ],
        "{checked:?}"
    );
}
