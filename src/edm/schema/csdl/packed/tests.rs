//! The compact form says what the published document says.

use std::fs;
use std::path::Path;

use super::super::super::{BUILT_IN, SchemaText, Version};
use super::super::{changed, extend, read, read_any};
use super::write::{changes, packed};
use super::*;

const MUSEUM: &str = include_str!("../../../../../tests/schemas/museum.csdl");

/// Returns the declarations, with those places that only documents have left out.
fn declarations(document: &Document<'_>) -> String {
    let text = format!("{document:#?}");
    let is_place = |line: &&str| !line.trim_start().starts_with("at: ");
    let mut lines: Vec<&str> = text.lines().filter(is_place).collect();
    // The order of a map's entries is not that of the document.
    let facts = lines.iter().rposition(|line| line.starts_with("    facts: ")).unwrap();
    lines.truncate(facts);
    lines.join("\n")
}

fn is_same(one: &Document<'_>, other: &Document<'_>) -> bool {
    declarations(one) == declarations(other) && one.facts == other.facts
}

#[test]
fn the_form_is_read_as_the_document_from_which_it_is_written() {
    let built_in = BUILT_IN.map(|text| text.text().into_owned());
    let with_everything = r#"<edmx:Edmx Version="4.0" xmlns:edmx="e"><edmx:DataServices><Schema Namespace="a.b" Alias="x">
        <Term Name="no" Type="Edm.String"/>
        <EntityType Name="e" Abstract="true" OpenType="true" HasStream="true"><Key><PropertyRef Name="id"/></Key>
            <Property Name="id" Type="Edm.String" Nullable="false" MaxLength="5" DefaultValue="a &amp; &quot;b&quot;"/>
            <Annotation Term="Org.OData.Core.V1.Description" String="Says what it is."/>
            <NavigationProperty Name="n" Type="Collection(x.e)" ContainsTarget="true"/></EntityType>
        <EnumType Name="m" IsFlags="true"><Member Name="one" Value="1"/><Member Name="two"/></EnumType>
        <Function Name="f" IsBound="true" IsComposable="true"><Parameter Name="b" Type="x.e"/><ReturnType Type="Edm.String"/></Function>
        <EntityContainer Name="c"><EntitySet Name="es" EntityType="x.e"><NavigationPropertyBinding Path="n" Target="es"/></EntitySet></EntityContainer>
        <Annotations Target="x.e/id"><Annotation Term="Org.OData.Core.V1.Permissions"><EnumMember>Org.OData.Core.V1.Permission/Read</EnumMember></Annotation></Annotations>
        <Annotations Target="x.e"><Annotation Term="Org.OData.Capabilities.V1.InsertRestrictions"><Record>
            <PropertyValue Property="Description" String="Says why."/><PropertyValue Property="Insertable" Bool="false"/></Record></Annotation></Annotations>
        <Annotations Target="x.e/n"><Annotation Term="Org.OData.Core.V1.LongDescription" String="Says more."/></Annotations>
        </Schema></edmx:DataServices></edmx:Edmx>"#;
    for document in [MUSEUM, &built_in[0], &built_in[1], with_everything] {
        let bytes = packed(document, &read_any(document).unwrap()).unwrap();
        let form = Packed(&bytes);
        let text = form.text();
        let (expected, found) = (read_any(document).unwrap(), super::read(&text));
        assert!(is_same(&expected, &found), "{}\n{}", declarations(&expected), declarations(&found));
        let xml = xml(&text, &Extension::default());
        assert!(is_same(&expected, &read(&xml).unwrap()), "{xml}");
        for text in ["Says", "V1.Description", "V1.LongDescription", "<Term "] {
            assert!(!form.text().contains(text) && !xml.contains(text), "{text}: {xml}");
        }
        for operation in &expected.operations {
            assert!(form.may_have_operation(&operation.name.to_uppercase()), "{}", operation.name);
        }
        assert!(!form.may_have_operation("8dbddbb0-6cba-4861-a541-192320cc0e88") && !form.may_have_operation(""));
        for declaration in &expected.types {
            let owner = expected.qualified(declaration.schema, &declaration.name);
            let properties = declaration.properties.iter().map(|member| &member.name);
            for member in properties.chain(declaration.navigations.iter().map(|member| &member.name)) {
                assert!(form.may_have_member(&owner, &member.to_uppercase()), "{owner}/{member}");
            }
            assert!(form.may_conflict(&owner.to_uppercase(), true) && !form.may_conflict(&owner, false), "{owner}");
            assert!(!form.may_have_member(&owner, "tenantIdOfNobody") && !form.may_have_member(&owner, ""));
        }
        for declaration in &expected.enums {
            let name = expected.qualified(declaration.schema, &declaration.name);
            assert!(form.may_conflict(&name.to_uppercase(), false) && !form.may_conflict(&name, true), "{name}");
        }
        assert_eq!(changes(&bytes, &bytes), "");
    }
}

#[test]
fn the_built_in_document_of_beta_is_that_of_v1_with_its_changes() {
    let texts = BUILT_IN.map(|text| text.text().into_owned());
    let elements = crate::edm::schema::text::changed_in_beta();
    let v1 = read(&texts[0]).unwrap();
    let (beta, expected) = (changed(&v1, &elements, |text| read(text).ok()).unwrap(), read(&texts[1]).unwrap());
    assert!(is_same(&expected, &beta), "{}\n{}", declarations(&expected), declarations(&beta));
    assert!(!is_same(&v1, &beta));
    // Types that are alike are not read again.
    let shared = v1.types.iter().filter(|one| beta.types.iter().any(|other| std::sync::Arc::ptr_eq(one, other))).count();
    assert!(shared >= v1.types.len() - elements.len(), "{shared} of {}", v1.types.len());
}

#[test]
fn changes_between_two_forms_are_stated() {
    let inner = Document::default();
    let of = |name: &str| packed(&MUSEUM.replace("Name=\"title\"", &format!("Name=\"{name}\"")), &inner).unwrap();
    assert!(MUSEUM.contains("Name=\"title\""));
    let stated = changes(&of("title"), &of("heading"));
    let signs: Vec<char> = stated.lines().filter_map(|line| line.chars().next()).collect();
    assert!(signs.contains(&'+') && signs.contains(&'-'), "{stated}");
    assert!(stated.lines().all(|line| line.contains("title") || line.contains("heading")), "{stated}");
}

#[test]
fn what_is_not_the_form_has_no_declarations() {
    for bytes in [&b""[..], b"\xff\xff\xff\xff", b"\0\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0text", &[0; 20]] {
        assert!(super::read(&Packed(bytes).text()).types.is_empty() && !Packed(bytes).may_have_operation("a"));
    }
}

/// The numbers of declarations in the published document at f54f11b6, counted there.
#[test]
fn the_built_in_form_has_all_declarations() {
    let text = V1.text();
    let document = super::read(&text);
    let entity_types = document.types.iter().filter(|declaration| declaration.is_entity).count();
    let singletons = document.roots.iter().filter(|root| root.is_singleton).count();
    let members: usize = document.enums.iter().map(|declaration| declaration.members.len()).sum();
    let properties: usize = document.types.iter().map(|declaration| declaration.properties.len()).sum();
    let navigations: usize = document.types.iter().map(|declaration| declaration.navigations.len()).sum();
    let actions = document.operations.iter().filter(|operation| operation.is_action).count();
    let counts = [
        document.schemas.len(),
        entity_types,
        document.types.len() - entity_types,
        document.enums.len(),
        members,
        properties,
        navigations,
        document.roots.len() - singletons,
        singletons,
        actions,
        document.operations.len() - actions,
    ];
    assert_eq!(counts, [11, 1182, 1779, 861, 6347, 10525, 1432, 41, 31, 857, 326]);
    let xml = xml(&text, &Extension::default());
    assert!(is_same(&document, &read(&xml).unwrap()), "the served document says the same");
    assert!(!xml.contains("V1.Description") && !xml.contains(" String=\""));
}

#[test]
fn the_core_is_a_part_of_what_is_published() {
    let published_text = V1.text();
    let published = super::read(&published_text);
    for text in BUILT_IN {
        let core_text = text.text();
        let core = read(&core_text).unwrap();
        let (whole, extension) = extend(&core, published.clone());
        assert_eq!(whole.types.len(), published.types.len(), "the core has no types of its own");
        for declaration in &published.types {
            let owner = published.qualified(declaration.schema, &declaration.name);
            let is_known = core.types.iter().any(|known| core.qualified(known.schema, &known.name) == owner);
            let properties = declaration.properties.iter().map(|member| &member.name);
            for member in properties.chain(declaration.navigations.iter().map(|member| &member.name)) {
                assert!(
                    !is_known || V1.may_have_member(&owner, member),
                    "{owner}/{member} is not in the index: write the form again"
                );
            }
        }
        assert_eq!((whole.enums.len(), whole.roots.len()), (published.enums.len(), published.roots.len()));
        let is_beta = matches!(text, SchemaText::BuiltIn(Version::Beta));
        assert_eq!(format!("{extension:?}") == format!("{:?}", Extension::default()), !is_beta, "{extension:?}");
        assert!(
            is_same_set(&whole, &read(&super::xml(&published_text, &extension)).unwrap()),
            "the served document says the same"
        );
    }
}

/// Whether two documents have the same declarations in any order.
fn is_same_set(one: &Document<'_>, other: &Document<'_>) -> bool {
    let statements = |document: &Document<'_>| {
        let mut found = Vec::new();
        for declaration in &document.types {
            let name = document.qualified(declaration.schema, &declaration.name);
            let of = |type_name: &str| document.expand(declaration.schema, type_name).into_owned();
            let properties =
                declaration.properties.iter().map(|property| (&property.name, &property.type_name, property.nullable));
            found.extend(properties.map(|(member, kind, nullable)| {
                let element = crate::edm::schema::names::collection_element(kind);
                format!("{name}/{member} {} {} {nullable}", element.is_some(), of(element.unwrap_or(kind)))
            }));
            found.extend(
                declaration.navigations.iter().map(|member| format!("{name}/{} {}", member.name, member.contains_target)),
            );
        }
        for operation in &document.operations {
            let parameters: Vec<&str> = operation.parameters.iter().map(|parameter| &*parameter.name).collect();
            let kinds: Vec<String> = operation
                .parameters
                .iter()
                .map(|parameter| {
                    let element = crate::edm::schema::names::collection_element(&parameter.type_name);
                    document.expand(operation.schema, element.unwrap_or(&parameter.type_name)).into_owned()
                })
                .collect();
            found.push(format!("{} {parameters:?} {kinds:?}", operation.name));
        }
        found.sort_unstable();
        found
    };
    statements(one) == statements(other)
}

/// With a variable that names a published document, writes the form again, and prints what has changed.
#[test]
fn the_form_is_written_on_demand() {
    let Some(source) = std::env::var_os("WFI_EMULATOR_WRITE_SCHEMA") else { return };
    let published = fs::read_to_string(&source).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/model/published-v1.0.bin");
    let new = packed(&published, &read(&BUILT_IN[0].text()).unwrap()).unwrap();
    assert!(
        is_same(&read_any(&published).unwrap(), &super::read(&Packed(&new).text())),
        "the form does not say what the document says"
    );
    let stated = changes(&fs::read(&path).unwrap(), &new);
    print!("{stated}");
    fs::write(&path, new).unwrap();
}
