//! Invariants of the tables, for the built-in schema and for invalid documents.

use super::*;

fn shipped_types() -> (Arc<Schema>, Vec<(Version, TypeId)>) {
    let schema = crate::workloads::schema();
    let mut all = Vec::new();
    for version in Version::ALL {
        all.extend(schema.model(version).structured_types().map(|structured| (version, structured.id)));
    }
    (schema, all)
}

#[test]
fn names_differ_by_more_than_case() {
    let (schema, all) = shipped_types();
    for (version, id) in all {
        let structured = schema.model(version).structured(id);
        for (index, property) in structured.properties.iter().enumerate() {
            assert_eq!(structured.property(&property.name.to_uppercase()), Some(index), "{}/{}", structured.name, property.name);
        }
    }
}

#[test]
fn slots_are_the_same_in_all_versions_and_shared_by_aliases_alone() {
    let (schema, all) = shipped_types();
    for (version, id) in all {
        let model = schema.model(version);
        let structured = model.structured(id);
        for other in Version::ALL {
            let Some(twin) = schema.model(other).type_named(&structured.name) else { continue };
            let twin = schema.model(other).structured(twin);
            for property in &structured.properties {
                let Some(slot) = twin.slot(&property.name) else { continue };
                assert_eq!(slot, property.slot, "{}/{}", structured.name, property.name);
            }
        }
        for (index, property) in structured.properties.iter().enumerate() {
            for other in &structured.properties[..index] {
                let shares = other.slot == property.slot;
                assert!(!shares || other.alias.is_some() || property.alias.is_some(), "{}/{}", structured.name, property.name);
            }
        }
    }
}

#[test]
fn enums_have_one_member_per_number_and_flags_one_bit_each() {
    let schema = crate::workloads::schema();
    for enumeration in Version::ALL.into_iter().flat_map(|version| schema.model(version).enumerations()) {
        for (index, (name, value)) in enumeration.members.iter().enumerate() {
            let single = *value == 0 || (*value > 0 && value.count_ones() == 1);
            assert!(!enumeration.is_flags || single, "{}/{name} is not one bit", enumeration.name);
            let is_duplicate = enumeration.members[..index].iter().any(|(_, other)| other == value);
            assert!(!is_duplicate, "{}/{name} has the number of another member", enumeration.name);
        }
        assert!(enumeration.sentinel.is_some() || !enumeration.is_flags, "{} has no sentinel", enumeration.name);
    }
}

#[test]
fn versions_agree_on_the_numbers_of_enum_members() {
    let schema = crate::workloads::schema();
    let [v1, beta] = &schema.models;
    for enumeration in v1.enumerations() {
        let twin = beta.enumerations().find(|other| other.name == enumeration.name).expect("beta has every enum of v1.0");
        assert_eq!(twin.members, enumeration.members, "{}", enumeration.name);
    }
}

#[test]
fn entity_types_that_can_be_stored_have_a_key() {
    let schema = crate::workloads::schema();
    for set in schema.sets().iter().filter(|set| !set.is_single && set.kind != SetKind::References) {
        let structured = schema.widest().structured(set.target);
        let key = structured.key.expect("a stored entity has a key");
        assert!(structured.is_entity, "{}", structured.name);
        assert!(!structured.properties[key].nullable && structured.properties[key].read_only, "{}", structured.name);
    }
}

#[test]
fn root_sets_have_a_fixed_path_and_an_address_in_each_version() {
    let schema = crate::workloads::schema();
    let paths: Vec<&str> = schema.keyed_root_sets().map(|set| &*schema.set(set).path).collect();
    assert_eq!(paths[0], "teamwork/workforceIntegrations", "the first collection of a saved state without names");
    assert!(paths.contains(&"teams"));
    for set in schema.keyed_root_sets() {
        let path = &schema.set(set).path;
        assert_eq!(schema.set_named(path), Some(set));
        for version in Version::ALL {
            let address = schema.address(&format!("/{}/{path}", version.segment())).expect("both versions have every set");
            assert_eq!(address.set, set, "{path}");
        }
        let same =
            schema.keyed_root_sets().filter(|other| schema.set(*other).name.eq_ignore_ascii_case(&schema.set(set).name)).count();
        assert_eq!(same, 1, "files are named after {}", schema.set(set).name);
    }
}

#[test]
fn every_row_of_a_workload_is_for_a_type_and_a_property_of_the_schema() {
    let schema = crate::workloads::schema();
    for rules in crate::workloads::rules() {
        // Rows of types that the built-in schema leaves out are for schemas that have them.
        let has_type = |name: &str| schema.widest().type_named(name).is_some();
        let served = rules.types.iter().filter(|row| has_type(row.name)).count();
        let is_for_others = rules.properties.iter().all(|(type_name, ..)| !has_type(type_name));
        assert!(served > 0 || is_for_others, "no type of the built-in schema");
        let has_property = |type_name: &str, property: &str| {
            let structured = |id| schema.widest().find_structured(id).is_some_and(|found| found.property(property).is_some());
            assert!(
                schema.widest().type_named(type_name).is_none_or(structured),
                "a rule is for {type_name}/{property}, which does not exist"
            );
        };
        let has_navigation = |type_name: &str, navigation: &str| {
            let structured = |id| schema.widest().find_structured(id).is_some_and(|found| found.navigation(navigation).is_some());
            assert!(
                schema.widest().type_named(type_name).is_none_or(structured),
                "a view is for {type_name}/{navigation}, which does not exist"
            );
        };
        rules.repeated.iter().for_each(|(type_name, navigation)| has_navigation(type_name, navigation));
        for (type_name, required) in rules.required {
            required.members.iter().for_each(|name| has_property(type_name, name));
            let (relief, others) = required.relief.unzip();
            relief.iter().chain(others.into_iter().flatten()).for_each(|name| has_property(type_name, name));
        }
        for (type_name, unique) in rules.unique {
            has_property(type_name, unique.property);
            unique.among.iter().for_each(|(name, _)| has_property(type_name, name));
            unique.with.iter().for_each(|name| has_property(type_name, name));
        }
        for (type_name, projection) in rules.default_projections {
            let (DefaultProjection::Only(names) | DefaultProjection::Except(names)) = projection;
            names.iter().for_each(|name| has_property(type_name, name));
        }
        rules.well_known.iter().for_each(|(type_name, property, _)| has_property(type_name, property));
        for (type_name, navigation, view) in rules.views {
            has_navigation(type_name, navigation);
            match view {
                View::SameKey(set) | View::Owned { set, .. } => assert!(schema.set_named(set).is_some(), "no set {set}"),
                View::Tree { single, .. } => has_navigation(type_name, single),
                View::Beside(other) => has_navigation(type_name, other),
                View::Among { navigation, .. } | View::Behind { navigation, .. } | View::All { navigation, .. } => {
                    has_navigation(type_name, navigation);
                }
            }
        }
        for (type_name, navigation, others) in rules.keyed_elsewhere {
            has_navigation(type_name, navigation);
            others.iter().for_each(|other| has_navigation(type_name, other.navigation));
        }
        for (type_name, property, rule) in rules.properties.iter().filter(|(type_name, ..)| has_type(type_name)) {
            let found = Version::ALL.into_iter().any(|version| {
                let model = schema.model(version);
                model.type_named(type_name).is_some_and(|id| model.structured(id).property(property).is_some())
            });
            assert!(found, "the rule {rule:?} is for {type_name}/{property}, which does not exist");
        }
    }
}

#[test]
fn a_type_without_a_row_has_the_generic_wording() {
    let document = "<Schema Namespace=\"n\"><EntityType Name=\"t\"><Key><PropertyRef Name=\"id\"/></Key><Property Name=\"id\" Type=\"Edm.String\"/></EntityType></Schema>";
    let schema = Schema::read(document, document, &crate::workloads::rules()).unwrap();
    let model = schema.model(Version::V1);
    let structured = model.structured(model.type_named("t").unwrap());
    assert_eq!(structured.wording.unknown_entity.name, "unknown-entity");
    assert_eq!(structured.wording.enum_refusals.unknown_member.name, "invalid-enum-value");
    assert!(structured.capabilities.creates && structured.capabilities.deletes && structured.consulted.is_none());
}

#[test]
fn the_answer_order_is_that_of_the_published_example() {
    let schema = crate::workloads::schema();
    for version in Version::ALL {
        let model = schema.model(version);
        let structured = model.structured(model.type_named("workforceIntegration").unwrap());
        let names: Vec<&str> =
            structured.answer_order.iter().map(|index| &*structured.properties[usize::from(*index)].name).collect();
        assert_eq!(
            names.join(" "),
            "id createdDateTime lastModifiedDateTime displayName url apiVersion isActive supports supportedEntities \
             eligibilityFilteringEnabledEntities createdBy lastModifiedBy encryption"
        );
    }
}

#[test]
fn the_older_name_is_declared_on_beta_alone() {
    let schema = crate::workloads::schema();
    for (version, declared) in [(Version::V1, false), (Version::Beta, true)] {
        let model = schema.model(version);
        let structured = model.structured(model.type_named("workforceIntegration").unwrap());
        let supports = &structured.properties[structured.property("supports").unwrap()];
        assert_eq!(supports.declared, declared);
        assert_eq!(supports.alias.map(|alias| Some(alias.target)), Some(structured.property("supportedEntities")));
    }
}

/// A document of several schemas: types of the same local name, aliases, bases after what is derived from them, and cycles.
const NAMESPACES: &str = r#"<edmx:Edmx xmlns:edmx="e"><edmx:DataServices>
<Schema Namespace="shop" Alias="s">
  <EntityType Name="book" BaseType="s.item"><Property Name="pages" Type="Edm.Int16"/><Property Name="cover" Type="parts.picture"/></EntityType>
  <EntityType Name="item" Abstract="true" OpenType="true">
    <Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="label" Type="self.label"/>
    <NavigationProperty Name="similar" Type="Collection(s.item)"/>
    <NavigationProperty Name="parts" Type="Collection(s.item)" ContainsTarget="true"/>
    <Annotation Term="Org.OData.Core.V1.AlternateKeys"><Collection><Record><PropertyValue Property="Key"><Collection><Record>
      <PropertyValue Property="Name" PropertyPath="label"/>
    </Record></Collection></PropertyValue></Record></Collection></Annotation>
  </EntityType>
  <ComplexType Name="label"><Property Name="text" Type="Edm.String" MaxLength="5" DefaultValue="new"/></ComplexType>
  <EntityContainer Name="c"><EntitySet Name="items" EntityType="s.item"/><Singleton Name="window" Type="s.book"/></EntityContainer>
  <Annotations Target="s.item/label"><Annotation Term="Org.OData.Core.V1.Computed"/></Annotations>
  <Annotations Target="s.book"><Annotation Term="Org.OData.Capabilities.V1.DeleteRestrictions"><Record>
    <PropertyValue Property="Deletable" Bool="false"/></Record></Annotation></Annotations>
</Schema>
<Schema Namespace="shop.parts" Alias="parts">
  <ComplexType Name="label"><Property Name="colour" Type="Edm.String"/></ComplexType>
  <ComplexType Name="picture"><Property Name="label" Type="parts.label"/><Property Name="size" Type="parts.size" DefaultValue="small"/></ComplexType>
  <EnumType Name="size"><Member Name="small" Value="-1"/><Member Name="large"/></EnumType>
</Schema></edmx:DataServices></edmx:Edmx>"#;

#[test]
fn several_schemas_with_aliases_are_one_model() {
    let document = NAMESPACES.replace("self.label", "s.label");
    let schema = Schema::read(&document, &document, &[]).unwrap();
    let model = schema.model(Version::V1);
    let structured = |name: &str| match model.resolve(name) {
        Some(NamedType::Structured(id)) => model.structured(id),
        other => panic!("{name}: {other:?}"),
    };
    let book = structured("SHOP.book");
    let names: Vec<&str> = book.properties.iter().map(|property| &*property.name).collect();
    assert_eq!(names, ["id", "label", "pages", "cover"], "inherited ones first, though the base is declared later");
    assert!(book.is_open && !book.is_abstract && model.is_a(book.id, structured("shop.item").id));
    assert!(!model.is_a(structured("shop.item").id, book.id));
    assert_ne!(structured("shop.label").id, structured("shop.parts.label").id, "two types of one local name");
    let label = &book.properties[book.property("LABEL").unwrap()];
    assert_eq!(model.kind_name(label.kind), "shop.label");
    assert!(label.read_only);
    let picture = structured("shop.parts.picture");
    assert_eq!(model.kind_name(picture.properties[0].kind), "shop.parts.label");
    assert_eq!(picture.properties[1].initial, Some(Initial::Member(-1)));
    let text = &structured("shop.label").properties[0];
    assert_eq!((text.max_length, &text.initial), (Some(5), &Some(Initial::Text("new".into()))));
    let forbids = |name: &str, capability| structured(name).restrictions.forbids(capability);
    assert!(!forbids("shop.book", Capability::Insert) && forbids("shop.book", Capability::Delete));
    assert!(!forbids("shop.item", Capability::Delete));
    assert_eq!(book.alternate_keys, [1], "inherited");
    assert_eq!(structured("S.Book").id, book.id, "by the alias of the namespace");
    assert_eq!(model.resolve("t.book"), None);
    let Some(NamedType::Enum(size)) = model.resolve("shop.parts.Size") else { panic!("an enum") };
    let members: Vec<(&str, i64)> = model.enumeration(size).members.iter().map(|(name, number)| (&**name, *number)).collect();
    assert_eq!(members, [("small", -1), ("large", 0)]);
    let paths: Vec<(&str, bool)> = book.navigations.iter().map(|path| (&*path.name, path.contains_target)).collect();
    assert_eq!(paths, [("similar", false), ("parts", true)]);
    assert_eq!(schema.set(schema.set_named("window/parts").unwrap()).kind, SetKind::Fixed(model.root("window").unwrap().set));
    assert_eq!(schema.home(model, book.id), schema.set_named("items"), "the set of the base type");
}

#[test]
fn versions_that_give_a_property_different_types_keep_a_value_for_each() {
    let schema = |type_name: &str| {
        format!(
            "<Schema Namespace=\"n\"><ComplexType Name=\"t\"><Property Name=\"p\" Type=\"{type_name}\"/><Property Name=\"q\" Type=\"Edm.String\"/></ComplexType></Schema>"
        )
    };
    let read = Schema::read(&schema("n.t"), &schema("Edm.String"), &[]).unwrap();
    let slots = |version: Version| {
        let model = read.model(version);
        let structured = model.structured(model.type_named("t").unwrap());
        (structured.slot("p").unwrap(), structured.slot("q").unwrap())
    };
    let (v1, beta) = (slots(Version::V1), slots(Version::Beta));
    assert!(v1.0 != beta.0 && v1.1 == beta.1);
    assert_eq!(read.widest().slots_named("P").len(), 2);
    let [_, beta] = BUILT_IN;
    let other = beta.text().replace(
        "Name=\"supports\" Type=\"graph.workforceIntegrationSupportedEntities\"",
        "Name=\"supports\" Type=\"Edm.String\"",
    );
    let refused = Schema::read(&other, &other, &crate::workloads::rules()).unwrap_err();
    assert_eq!(
        refused.reason,
        "conflicting types of property microsoft.graph.workforceIntegration/supports and its alias target"
    );
}

#[test]
fn an_invalid_document_is_refused_with_its_line_or_its_declaration() {
    let read = |body: &str| {
        let xml = format!("<Schema Namespace=\"n\" Alias=\"a\">\n{body}\n</Schema>");
        Schema::read(&xml, &xml, &[]).unwrap_err().to_string()
    };
    insta::assert_snapshot!(read("<EntityType></ComplexType>"), @"schema, line 2: missing attribute Name of <EntityType>");
    insta::assert_snapshot!(read("<EnumType Name=\"e\"><Member Name=\"m\" Value=\"x\"/></EnumType>"), @"schema, line 2: invalid value 'x' of member m: expected an integer");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\"><Property Name=\"p\" Type=\"Edm.Geometry\"/></ComplexType>"), @"schema, line 2: unknown type Edm.Geometry of property t/p: expected a primitive type or a declared enum or complex type");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\" BaseType=\"n.u\"/>"), @"schema, line 2: unknown base type n.u of type t");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\" BaseType=\"n.t\"/>"), @"schema, line 2: circular base types of type t");
    insta::assert_snapshot!(read("<Singleton Name=\"s\" Type=\"n.u\"/>"), @"schema, line 2: unknown entity type n.u");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\"><NavigationProperty Name=\"u\" Type=\"n.u\"/></ComplexType>"), @"schema, line 2: unknown type n.u of navigation property t/u");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\"><Property Name=\"p\" Type=\"Edm.Int32\" DefaultValue=\"x\"/></ComplexType>"), @"schema, line 2: invalid default value 'x' of property t/p");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\"><Property Name=\"a&#1;&quot;b\" Type=\"Edm.String\"/></ComplexType>"), @r#"schema, line 2: invalid Name 'a\u{1}\"b': use letters, digits and underscores"#);
    insta::assert_snapshot!(read("<EnumType Name=\"1st\"/>"), @"schema, line 2: invalid Name '1st': use letters, digits and underscores");
    insta::assert_snapshot!(Schema::read("<Schema Namespace=\"a..b\"/>", "", &[]).unwrap_err().to_string(), @"schema, line 1: invalid Namespace 'a..b': use letters, digits and underscores");
    insta::assert_snapshot!(Schema::read("<x/>", "<x/>", &[]).unwrap_err().to_string(), @r#"schema, line 1: missing element <Schema Namespace="…">"#);
}

#[test]
fn the_built_in_documents_differ_in_the_lines_that_beta_alone_has() {
    let [v1, beta] = BUILT_IN;
    let (v1, beta) = (v1.text(), beta.text());
    let lines: Vec<&str> = v1.lines().collect();
    let own: Vec<&str> = beta.lines().filter(|line| !lines.contains(line)).map(str::trim).collect();
    let operations =
        ["approveForUser", "confirmForUser", "declineForUser"].map(|name| format!("<Action Name=\"{name}\" IsBound=\"true\">"));
    assert_eq!(
        own[3..].iter().filter(|line| line.starts_with("<Action ")).collect::<Vec<_>>(),
        operations.iter().collect::<Vec<_>>()
    );
    assert!(own[0].starts_with("<!-- The part of Microsoft Graph (beta)"));
    assert_eq!(own[1], "<Property Name=\"atApprovedLocation\" Type=\"Edm.Boolean\" />");
    assert_eq!(own[2], "<Property Name=\"supports\" Type=\"graph.workforceIntegrationSupportedEntities\" />");
    let parameters = own.iter().filter(|line| **line == "<Parameter Name=\"atApprovedLocation\" Type=\"Edm.Boolean\" />");
    assert_eq!(parameters.count(), 4, "the steps of a time card");
    assert_eq!((beta.lines().count(), beta.matches("(v1.0)").count()), (lines.len() + 21, 0));
}

/// Returns the built-in schema, and the same with the rest of what Graph publishes.
fn core_and_whole() -> (Arc<Schema>, Arc<Schema>) {
    static CORE: OnceLock<Arc<Schema>> = OnceLock::new();
    let read = || Arc::new(Schema::with_rest(BUILT_IN, &crate::workloads::rules()).unwrap());
    let core = CORE.get_or_init(read).clone();
    let whole = core.whole().unwrap().clone();
    (core, whole)
}

#[test]
fn the_core_knows_the_types_and_sets_that_have_been_read_since() {
    let (core, whole) = core_and_whole();
    // A request that has begun with the core may come upon entities of the rest.
    let root = whole.model(Version::V1).root("deviceManagement").unwrap();
    assert_eq!(&*core.set(root.set).name, "deviceManagement");
    for version in Version::ALL {
        let (model, whole) = (core.model(version), whole.model(version));
        assert_eq!(&*model.structured(root.target).full_name, "microsoft.graph.deviceManagement");
        let enumerations = whole.enums.iter().flatten().zip(0..).map(|(_, id)| EnumId(id));
        assert!(enumerations.into_iter().all(|id| model.enumeration(id).full_name == whole.enumeration(id).full_name));
    }
}

#[test]
fn the_whole_document_is_put_together_once() {
    let whole = Schema::with_rest(BUILT_IN, &crate::workloads::rules()).map(Arc::new).unwrap().whole().unwrap().clone();
    for version in Version::ALL {
        assert!(whole.is_document_unread(version));
        let document = whole.document(version).clone();
        assert!(!whole.is_document_unread(version) && document.starts_with(b"<?xml"));
        assert_eq!(document.as_ptr(), whole.document(version).as_ptr());
    }
    let text: Arc<str> = NAMESPACES.replace("self.label", "s.label").into();
    let given = Schema::of([SchemaText::Given(text.clone()), SchemaText::BuiltIn(Version::Beta)], &[]).unwrap();
    assert!(!given.is_document_unread(Version::V1));
    assert_eq!(given.document(Version::V1).as_ptr(), text.as_ptr(), "there is one copy of a file");
}

/// Returns an order of answers.
type Order = fn(&StructuredType) -> Option<Vec<u16>>;

/// Returns a text with the lists of properties in place of their rows, which each schema numbers by itself.
fn with_lists(text: &str, model: &Model, restrictions: Restrictions) -> String {
    let without = format!("{:?}", restrictions.without_lists());
    let lists = model.property_lists.paths(restrictions);
    text.replace(&format!("{restrictions:?}"), &format!("{without} {lists:?}"))
}

#[test]
fn what_the_core_has_is_the_same_in_the_whole() {
    let (core, whole) = core_and_whole();
    for (set, other) in core.sets().iter().zip(whole.sets()) {
        assert_eq!(format!("{set:?}"), format!("{other:?}"));
    }
    let known = whole.root_sets().filter(|set| set.index() < core.sets().len());
    assert_eq!(core.root_sets().collect::<Vec<_>>(), known.collect::<Vec<_>>());
    for version in Version::ALL {
        let (model, other) = (core.model(version), whole.model(version));
        assert!(model.is_partial && !other.is_partial);
        for (root, known) in model.roots().iter().zip(other.roots()) {
            let (one, another) = (format!("{root:?}"), format!("{known:?}"));
            assert_eq!(with_lists(&one, model, root.restrictions), with_lists(&another, other, known.restrictions));
        }
        for enumeration in model.enumerations() {
            let Some(NamedType::Enum(id)) = other.resolve(&enumeration.full_name) else { panic!("{}", enumeration.full_name) };
            assert_eq!(format!("{enumeration:?}"), format!("{:?}", other.enumeration(id)));
        }
        for structured in model.structured_types() {
            let twin = other.structured(structured.id);
            let name = &structured.full_name;
            assert_eq!(*name, twin.full_name);
            for property in &structured.properties {
                let place = twin.property(&property.name).unwrap_or_else(|| panic!("{name}/{} is missing", property.name));
                let same = &twin.properties[place];
                let without_target = |property: &Property| Property { alias: None, ..property.clone() };
                assert_eq!(format!("{:?}", without_target(property)), format!("{:?}", without_target(same)), "{name}");
                let target = |of: &StructuredType, alias: Alias| of.properties[alias.target].name.clone();
                assert_eq!(
                    property.alias.map(|alias| target(structured, alias)),
                    same.alias.map(|alias| target(twin, alias)),
                    "{name}/{}",
                    property.name
                );
            }
            // The order of answers, in which the others are left out while they have no value.
            let orders: [Order; 3] = [
                |of| Some(of.answer_order.clone()),
                |of| of.page_order.as_ref().map(|order| order.to_vec()),
                |of| of.recorded_order.as_ref().map(|order| order.to_vec()),
            ];
            for order in orders {
                let names = |of: &StructuredType| -> Option<Vec<Box<str>>> {
                    let known = order(of)?.into_iter().map(|index| of.properties[usize::from(index)].name.clone());
                    Some(known.filter(|name| structured.property(name).is_some()).collect())
                };
                assert_eq!(names(structured), names(twin), "{name}");
            }
            for property in twin.properties.iter().filter(|property| structured.property(&property.name).is_none()) {
                assert!(property.is_extension, "{name}/{}", property.name);
                assert!(property.initial.is_none() && property.created_with.is_none(), "{name}/{}", property.name);
            }
            for navigation in &structured.navigations {
                let same = twin.navigation(&navigation.name).unwrap_or_else(|| panic!("{name}/{}", navigation.name));
                let (one, another) = (format!("{navigation:?}"), format!("{same:?}"));
                let one = with_lists(&one, model, navigation.restrictions);
                assert_eq!(one, with_lists(&another, other, same.restrictions), "{name}");
            }
            for navigation in twin.navigations.iter().filter(|navigation| structured.navigation(&navigation.name).is_none()) {
                assert!(!navigation.is_auto_expanded, "{name}/{} would be in answers", navigation.name);
                assert!(structured.property(&navigation.name).is_none(), "{name}/{}", navigation.name);
            }
            let facts = |of: &StructuredType| {
                let parts = (of.base, of.is_entity, of.is_abstract, of.is_placeholder, of.is_open, of.has_stream, of.consulted);
                let names =
                    |indexes: &[usize]| indexes.iter().map(|index| of.properties[*index].name.clone()).collect::<Vec<_>>();
                let keys = names(&of.alternate_keys);
                let key = names(&of.key.into_iter().chain(of.always_selected).chain(of.segment_key).collect::<Vec<_>>());
                let projected: Option<Vec<Box<str>>> = of.default_projection.as_ref().map(|projection| {
                    let shown = of.properties.iter().enumerate().filter(|(index, _)| projection.has(*index));
                    shown.map(|(_, property)| property.name.clone()).filter(|name| structured.property(name).is_some()).collect()
                });
                format!("{parts:?} {:?} {keys:?} {key:?} {projected:?} {:?} {:?}", of.capabilities, of.owner, of.unique.len())
            };
            assert_eq!(facts(structured), facts(twin), "{name}");
            assert!(std::ptr::eq(structured.wording, twin.wording) && structured.blank_text <= twin.blank_text, "{name}");
            assert_eq!(core.home(model, structured.id), whole.home(other, structured.id), "{name}");
        }
    }
}

#[test]
fn operations_of_the_core_are_the_same_in_the_whole() {
    let (core, whole) = core_and_whole();
    for version in Version::ALL {
        let (model, other) = (core.model(version), whole.model(version));
        let all = |model: &Model, name: &str, to: TypeId, many: bool| -> Vec<String> {
            let overloads = model.operations.get(name).map_or(&[][..], Vec::as_slice).iter();
            let fitting = overloads.filter(|known| known.binding.is_some_and(|(bound, is)| is == many && model.is_a(to, bound)));
            let mut found: Vec<String> = fitting.map(|operation| format!("{operation:?}")).collect();
            found.sort_unstable();
            found
        };
        for name in model.operations.keys() {
            for structured in model.structured_types() {
                for many in [false, true] {
                    let known = all(model, name, structured.id, many);
                    if !known.is_empty() {
                        assert_eq!(known, all(other, name, structured.id, many), "{name} of {}", structured.full_name);
                    }
                    if let Some(first) = model.bound_operation(name, structured.id, many, &[]) {
                        let same = other.bound_operation(name, structured.id, many, &[]);
                        assert_eq!(Some(format!("{first:?}")), same.map(|same| format!("{same:?}")), "{name}");
                    }
                }
            }
        }
        // A path that ends with the name of an operation of the rest is not taken for that of an entity or a property.
        for (name, operations) in
            other.operations.iter().filter(|(name, _)| whole.model(Version::V1).operations.contains_key(*name))
        {
            assert!(core.model(version).may_have_unread_operation(name), "{name}");
            for (bound, _) in operations.iter().filter_map(|operation| operation.binding) {
                if let Some(structured) = model.find_structured(bound)
                    && model.bound_operation(name, bound, false, &[]).is_none()
                {
                    assert!(structured.property(name).is_none() && structured.navigation(name).is_none(), "{name}");
                }
            }
        }
        assert!(!core.model(version).may_have_unread_operation("8dbddbb0-6cba-4861-a541-192320cc0e88"));
        assert!(!whole.model(version).may_have_unread_operation("delta"));
    }
}

#[test]
fn a_file_that_does_not_fit_what_graph_publishes_is_refused_at_the_start() {
    // An enum there, outside of the core.
    let document = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="microsoft.graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<ComplexType Name="accessPackageAssignmentState"><Property Name="a" Type="Edm.String"/></ComplexType>
</Schema></edmx:DataServices></edmx:Edmx>"#;
    let documents = [SchemaText::BuiltIn(Version::V1), SchemaText::Given(document.into())];
    assert!(Schema::of(documents.clone(), &crate::workloads::rules()).is_ok(), "it fits the core");
    let error = Schema::with_rest(documents, &crate::workloads::rules()).unwrap_err();
    assert!(error.to_string().contains("accessPackageAssignmentState"), "{error}");
}

#[test]
fn a_schema_of_two_files_has_no_rest() {
    let document = NAMESPACES.replace("self.label", "s.label");
    let given = || SchemaText::Given(document.as_str().into());
    let of = |documents| Arc::new(Schema::with_rest(documents, &crate::workloads::rules()).unwrap());
    assert!(of([given(), given()]).whole().is_none());
    let mixed = of([given(), SchemaText::BuiltIn(Version::Beta)]);
    assert!(!mixed.model(Version::V1).is_partial && mixed.model(Version::Beta).is_partial && mixed.is_whole_unread());
    let whole = mixed.whole().unwrap().clone();
    assert!(!mixed.is_whole_unread() && whole.whole().is_none());
    assert!(
        whole.model(Version::V1).type_named("drive").is_none() && whole.model(Version::Beta).root("deviceManagement").is_some()
    );
    assert_eq!(mixed.model(Version::V1).resolve("shop.book"), whole.model(Version::V1).resolve("shop.book"));
    assert!(whole.core().is_some_and(|core| Arc::ptr_eq(&core, &mixed)));
}
