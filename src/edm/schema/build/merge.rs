//! The union of two versions, which fixtures are read with.

use std::sync::Arc;

use crate::edm::schema::name_index::NameIndex;
use crate::edm::schema::{EnumType, Model, Root, StructuredType, Version};

/// Returns the union of two versions. Where both have a type, the second one's properties come first. Of two sets or properties of one name
/// that are not the same, that of the second has the version in its name: `beta/label`.
pub(super) fn union(first: &Model, second: &Model) -> Model {
    let types = first.types.iter().zip(&second.types).map(|(one, other)| match (one, other) {
        (Some(one), Some(other)) => Some(merged_type(one, other, second.version)),
        (one, other) => other.clone().or_else(|| one.clone()),
    });
    let enums = first.enums.iter().zip(&second.enums).map(|(one, other)| match (one, other) {
        (Some(one), Some(other)) => Some(merged_enum(one, other)),
        (one, other) => other.clone().or_else(|| one.clone()),
    });
    let mut roots: Vec<Root> = Vec::new();
    for root in second.roots.iter().chain(&first.roots) {
        if !roots.iter().any(|other| other.set == root.set) {
            let is_other = |other: &Root| other.name.eq_ignore_ascii_case(&root.name) && other.set != root.set;
            let is_second = second.roots.iter().any(|other| other.set == root.set);
            let name = if is_second && first.roots.iter().any(is_other) {
                qualified(second.version, &root.name)
            } else {
                root.name.clone()
            };
            roots.push(Root { name, ..*root });
        }
    }
    let mut namespaces = second.namespaces.clone();
    namespaces.extend(first.namespaces.iter().filter(|name| !second.namespaces.contains(name)).cloned());
    let mut aliases = second.aliases.clone();
    aliases.extend(first.aliases.iter().filter(|(alias, _)| !second.aliases.iter().any(|(known, _)| known == alias)).cloned());
    let mut auto_expanding = second.auto_expanding.to_vec();
    auto_expanding.extend(first.auto_expanding.iter().filter(|id| !second.auto_expanding.contains(id)));
    let mut hidden = second.hidden.to_vec();
    hidden.extend(first.hidden.iter().filter(|slot| !second.hidden.contains(slot)));
    Model {
        version: second.version,
        rest: None,
        is_partial: first.is_partial || second.is_partial,
        names: second.names.clone(),
        types: types.collect(),
        auto_expanding: auto_expanding.into(),
        hidden: hidden.into(),
        enums: enums.collect(),
        root_names: NameIndex::of(roots.iter().map(|root| &*root.name)),
        roots,
        slots: second.slots.clone(),
        property_lists: second.property_lists.clone(),
        operations: std::collections::HashMap::default(),
        imports: Vec::new(),
        revisions: None,
        namespaces,
        aliases,
    }
}

/// Returns a name with its version.
fn qualified(version: Version, name: &str) -> Box<str> {
    format!("{}/{name}", version.segment()).into()
}

fn merged_type(one: &Arc<StructuredType>, other: &Arc<StructuredType>, version: Version) -> Arc<StructuredType> {
    if Arc::ptr_eq(one, other) {
        return other.clone();
    }
    let lacks = |slot| !other.properties.iter().any(|property| property.slot == slot);
    let missing: Vec<_> = one.properties.iter().filter(|property| property.alias.is_none() && lacks(property.slot)).collect();
    let has_navigation = |set| other.navigations.iter().any(|navigation| navigation.set == set);
    let paths: Vec<_> = one.navigations.iter().filter(|navigation| !has_navigation(navigation.set)).collect();
    if missing.is_empty() && paths.is_empty() && (other.is_open || !one.is_open) {
        return other.clone();
    }
    let mut merged = StructuredType::clone(other);
    merged.is_open |= one.is_open;
    for property in &mut merged.properties {
        if missing.iter().any(|other| other.name.eq_ignore_ascii_case(&property.name)) {
            let property = Arc::make_mut(property);
            property.name = qualified(version, &property.name);
            property.member = format!("\"{}\":", property.name).into_bytes().into();
        }
    }
    for property in missing {
        merged.answer_order.push(crate::edm::schema::names::short(merged.properties.len()));
        merged.properties.push(property.clone());
    }
    merged.navigations.extend(paths.into_iter().cloned());
    merged.names = NameIndex::of(merged.properties.iter().map(|property| &*property.name));
    Arc::new(merged)
}

fn merged_enum(one: &Arc<EnumType>, other: &Arc<EnumType>) -> Arc<EnumType> {
    let missing: Vec<_> = one.members.iter().filter(|(name, _)| !other.members.iter().any(|(known, _)| known == name)).collect();
    if missing.is_empty() {
        return other.clone();
    }
    let mut merged = EnumType::clone(other);
    merged.members.extend(missing.into_iter().cloned());
    merged.members.sort_by_key(|(_, number)| *number);
    Arc::new(merged)
}
