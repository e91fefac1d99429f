//! Invariants of the tables, for the built-in schema and for invalid documents.

use super::*;

fn shipped_types() -> (Schema, Vec<(Version, TypeId)>) {
    let schema = crate::workloads::schema();
    let mut all = Vec::new();
    for version in Version::ALL {
        all.extend((0..schema.model(version).types.len()).map(|index| (version, TypeId(index))));
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
            assert_eq!(twin.slots, structured.slots, "{}", structured.name);
            for property in &structured.properties {
                let Some(slot) = twin.slot(&property.name) else { continue };
                assert_eq!(slot, property.slot, "{}/{}", structured.name, property.name);
            }
        }
        for (index, property) in structured.properties.iter().enumerate() {
            assert!(property.slot < structured.slots, "{}/{}", structured.name, property.name);
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
    for enumeration in Version::ALL.into_iter().flat_map(|version| &schema.model(version).enums) {
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
    for enumeration in &v1.enums {
        let twin = beta.enums.iter().find(|other| other.name == enumeration.name).expect("beta has every enum of v1.0");
        assert_eq!(twin.members, enumeration.members, "{}", enumeration.name);
    }
}

#[test]
fn entity_types_that_can_be_stored_have_a_key() {
    let schema = crate::workloads::schema();
    for set in schema.set_ids() {
        for version in Version::ALL {
            let (_, structured) = schema.entity_type(schema.model(version), set).expect("both versions have every set");
            let key = structured.key.expect("a stored entity has a key");
            assert!(structured.is_entity, "{}", structured.name);
            assert!(!structured.properties[key].nullable && structured.properties[key].read_only, "{}", structured.name);
        }
    }
}

#[test]
fn contained_sets_have_a_parent_and_a_path_with_its_key() {
    let schema = crate::workloads::schema();
    for set in schema.sets() {
        let parent = set.parent.map(|parent| schema.set(parent));
        let keys = parent.map_or(0, |parent| parent.path.matches(KEY_PLACE).count() + usize::from(!parent.is_single));
        assert_eq!(set.path.matches(KEY_PLACE).count(), keys, "{}", set.path);
        assert!(parent.is_none_or(|parent| set.path.starts_with(&*parent.path)), "{}", set.path);
        let same = schema.sets().iter().filter(|other| other.name.eq_ignore_ascii_case(&set.name)).count();
        assert_eq!(same, 1, "files are named after {}", set.name);
    }
    let paths: Vec<&str> = schema.sets().iter().map(|set| &*set.path).collect();
    assert_eq!(paths[..4], ["teamwork/workforceIntegrations", "teams", "teams/{id}/schedule", "teams/{id}/schedule/shifts"]);
}

#[test]
fn every_row_of_a_workload_is_for_a_type_and_a_property_of_the_schema() {
    let schema = crate::workloads::schema();
    for rules in crate::workloads::rules() {
        for row in rules.types {
            assert!(schema.widest().type_named(row.name).is_some(), "{}", row.name);
        }
        for (type_name, property, rule) in rules.properties {
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
        let names: Vec<&str> = structured.answer_order.iter().map(|index| &*structured.properties[*index].name).collect();
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

#[test]
fn versions_that_give_a_property_different_types_are_refused() {
    let schema = |type_name: &str| {
        format!(
            "<Schema Namespace=\"n\"><ComplexType Name=\"t\"><Property Name=\"p\" Type=\"{type_name}\"/></ComplexType></Schema>"
        )
    };
    let refused = Schema::read(&schema("n.t"), &schema("Edm.String"), &[]).unwrap_err().to_string();
    insta::assert_snapshot!(refused, @"schema: conflicting types of property t/p: n.t in v1.0, Edm.String in beta");
    let [v1, beta] = BUILT_IN;
    let other = beta.replace(
        "Name=\"supports\" Type=\"graph.workforceIntegrationSupportedEntities\"",
        "Name=\"supports\" Type=\"Edm.String\"",
    );
    let refused = Schema::read(v1, &other, &crate::workloads::rules()).unwrap_err().to_string();
    insta::assert_snapshot!(refused, @"schema: conflicting types of property workforceIntegration/supports: microsoft.graph.workforceIntegrationSupportedEntities in v1.0, Edm.String in beta");
    let refused = Schema::read(&other, &other, &crate::workloads::rules()).unwrap_err().to_string();
    insta::assert_snapshot!(refused, @"schema: conflicting types of property workforceIntegration/supports and its alias target");
}

#[test]
fn an_invalid_document_is_refused_with_its_line_or_its_declaration() {
    let read = |body: &str| {
        let xml = format!("<Schema Namespace=\"n\" Alias=\"a\">\n{body}\n</Schema>");
        Schema::read(&xml, &xml, &[]).unwrap_err().to_string()
    };
    insta::assert_snapshot!(read("<EntityType></ComplexType>"), @"schema, line 2: missing attribute Name of <EntityType>");
    insta::assert_snapshot!(read("<EnumType Name=\"e\"><Member Name=\"m\" Value=\"x\"/></EnumType>"), @"schema, line 2: invalid value 'x' of member m: expected an integer");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\"><Property Name=\"p\" Type=\"Edm.Decimal\"/></ComplexType>"), @"schema: unsupported type Edm.Decimal of property t/p: expected Edm.Boolean, Edm.Int32, Edm.String, Edm.DateTimeOffset, or a declared enum or complex type");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\" BaseType=\"n.u\"/>"), @"schema: unknown base type n.u of type t");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\" BaseType=\"n.t\"/>"), @"schema: circular base types of type t");
    insta::assert_snapshot!(read("<Singleton Name=\"s\" Type=\"n.u\"/>"), @"schema: unknown entity type n.u");
    insta::assert_snapshot!(read("<EntityType Name=\"t\" Abstract=\"true\"/><EntitySet Name=\"s\" EntityType=\"n.t\"/>"), @"schema: abstract entity type n.t: a set needs a concrete one");
    let entity = |name: &str, inside: &str| {
        format!(
            "<EntityType Name=\"{name}\"><Key><PropertyRef Name=\"id\"/></Key><Property Name=\"id\" Type=\"Edm.String\"/>{inside}</EntityType>"
        )
    };
    let set = "<EntitySet Name=\"s\" EntityType=\"n.t\"/><EntitySet Name=\"other\" EntityType=\"n.t\"/>";
    let to_itself = entity("t", "<NavigationProperty Name=\"u\" Type=\"n.t\" ContainsTarget=\"true\"/>");
    insta::assert_snapshot!(read(&format!("{to_itself}{set}")), @"schema: unsupported containment: entities of t are contained in several sets and contain others");
    let to_another = entity("t", "<NavigationProperty Name=\"u\" Type=\"Collection(n.u)\"/>") + &entity("u", "");
    insta::assert_snapshot!(read(&format!("{to_another}{set}")), @"schema: unsupported navigation property u: ContainsTarget must be true");
    insta::assert_snapshot!(read("<ComplexType Name=\"t\"><Property Name=\"a&#1;&quot;b\" Type=\"Edm.String\"/></ComplexType>"), @r#"schema, line 2: invalid Name 'a\u{1}\"b': use letters, digits and underscores"#);
    insta::assert_snapshot!(read("<EnumType Name=\"1st\"/>"), @"schema, line 2: invalid Name '1st': use letters, digits and underscores");
    insta::assert_snapshot!(Schema::read("<Schema Namespace=\"a..b\"/>", "", &[]).unwrap_err().to_string(), @"schema, line 1: invalid Namespace 'a..b': use letters, digits and underscores");
    insta::assert_snapshot!(Schema::read("<x/>", "<x/>", &[]).unwrap_err().to_string(), @r#"schema, line 1: missing element <Schema Namespace="…">"#);
}
