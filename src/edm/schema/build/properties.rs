//! Builds properties, and numbers their slots.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Shared;
use crate::edm::primitive::Primitive;
use crate::edm::schema::csdl::{Document, EnumDeclaration, PropertyDeclaration, TypeDeclaration, TypeFacts};
use crate::edm::schema::names::{Names, collection_element, is_row_of};
use crate::edm::schema::rules::{PropertyRule, ServerSetValue, WorkloadRules};
use crate::edm::schema::{Alias, EnumId, Initial, ItemType, NamedType, Property, PropertyType, Slot, StructuredType, Version};

/// The numbers of slots.
#[derive(Default)]
pub(super) struct SlotNumbers {
    /// The slots of each name. Few names have many types.
    numbers: HashMap<Box<str>, Vec<(Kind, Slot)>, RandomState>,
    count: u32,
    /// The enums, by lower-case names, whose members have different numbers in the versions: their values cannot be shared.
    conflicting: Vec<String>,
}

/// The type of a slot: properties of one name share a value if their types agree.
type Kind = (PropertyType, Option<Version>);

impl SlotNumbers {
    pub(super) fn of(documents: &[Document<'_>; 2]) -> SlotNumbers {
        let enums = |document: &Document<'_>| -> HashMap<String, usize, RandomState> {
            let name = |declaration: &EnumDeclaration<'_>| document.qualified(declaration.schema, &declaration.name);
            document.enums.iter().zip(0..).map(|(declaration, place)| (name(declaration).to_ascii_lowercase(), place)).collect()
        };
        let known = enums(&documents[0]);
        let differs = |(name, place): &(String, usize)| {
            let Some(other) = known.get(name).map(|place| &documents[0].enums[*place]) else { return false };
            let numbers: HashMap<&str, i64, RandomState> = other.members.iter().map(|(name, value)| (&**name, *value)).collect();
            let mut members = documents[1].enums[*place].members.iter();
            members.any(|(name, value)| numbers.get(&**name).is_some_and(|known| known != value))
        };
        let conflicting = enums(&documents[1]).into_iter().filter(differs).map(|(name, _)| name).collect();
        SlotNumbers { numbers: HashMap::default(), count: 0, conflicting }
    }

    /// Returns the slot of a property.
    pub(super) fn number(&mut self, names: &Names, version: Version, property: &Property) -> Slot {
        let item = match property.kind {
            PropertyType::Enum(id) | PropertyType::Collection(ItemType::Enum(id)) => Some(id),
            _ => None,
        };
        let conflicts = |id: EnumId| self.conflicting.iter().any(|name| names.get(&**name) == Some(&NamedType::Enum(id)));
        let kind = (property.kind, item.filter(|id| conflicts(*id)).map(|_| version));
        let known = self.numbers.get(&property.name).and_then(|known| known.iter().find(|(other, _)| *other == kind));
        if let Some((_, slot)) = known {
            return *slot;
        }
        let slot = Slot(self.count);
        self.count += 1;
        self.numbers.entry(property.name.clone()).or_default().push((kind, slot));
        slot
    }

    /// Whether versions have different slots for a property of a type.
    pub(super) fn has_conflict(&self, structured: &StructuredType) -> bool {
        // Names of conflicting enums are few, mostly none.
        !self.conflicting.is_empty()
            && structured
                .properties
                .iter()
                .any(|property| matches!(property.kind, PropertyType::Enum(_) | PropertyType::Collection(ItemType::Enum(_))))
    }

    /// Returns the slots of all properties of a name in lower case.
    pub(super) fn by_name(self) -> HashMap<Box<str>, Vec<Slot>, RandomState> {
        let mut by_name: HashMap<Box<str>, Vec<Slot>, RandomState> = HashMap::default();
        by_name.reserve(self.numbers.len());
        for (mut name, slots) in self.numbers {
            name.make_ascii_lowercase();
            by_name.entry(name).or_default().extend(slots.iter().map(|(_, slot)| *slot));
        }
        // Names in several cases are few.
        for slots in by_name.values_mut() {
            slots.sort_unstable();
        }
        by_name
    }
}

/// Builds a property of a type. Its slot is not yet numbered.
pub(super) fn build(
    shared: &Shared<'_>,
    document: &Document<'_>,
    owner: &TypeDeclaration<'_>,
    facts: Option<&TypeFacts>,
    declaration: &PropertyDeclaration<'_>,
    rows: &[&'static PropertyRow],
    enum_member: impl Fn(EnumId, &str) -> Option<i64>,
) -> Result<Property, String> {
    let place = || format!("{}/{}", owner.name, declaration.name);
    let element = collection_element(&declaration.type_name);
    let item = shared.item(document, owner.schema, element.unwrap_or(&declaration.type_name)).ok_or_else(|| {
        format!(
            "unknown type {} of property {}: expected a primitive type or a declared enum or complex type",
            declaration.type_name,
            place()
        )
    })?;
    let kind = if element.is_some() { PropertyType::Collection(item) } else { item.kind() };
    let mut property = Property::new(&declaration.name, kind, declaration.nullable);
    property.max_length = declaration.max_length;
    property.is_extension = declaration.is_extension;
    // The service does not write streams into JSON.
    property.omitted_while_null = kind == PropertyType::Primitive(Primitive::Stream);
    if let Some(facts) = facts.and_then(|facts| facts.member(&declaration.name)) {
        property.read_only = facts.computed == Some(true) || facts.read_only == Some(true);
        property.immutable = facts.immutable == Some(true);
        property.write_only = facts.write_only == Some(true);
    }
    if let Some(text) = &declaration.default {
        let quoted = format!("\"{text}\"");
        let value = initial(kind, text, &enum_member).or_else(|| initial(kind, &quoted, &enum_member));
        property.initial = Some(value.ok_or_else(|| format!("invalid default value '{text}' of property {}", place()))?);
    }
    if owner.is_entity {
        property.server_set = ServerSetValue::of_name(&declaration.name, document.resolve(owner.schema, &declaration.type_name));
    }
    for rule in rows.iter().filter(|(_, name, _)| *name == declaration.name).map(|(_, _, rule)| *rule) {
        match rule {
            PropertyRule::WriteOnly => property.write_only = true,
            PropertyRule::ReadOnly => property.read_only = true,
            PropertyRule::Unchangeable(refusal) => {
                (property.read_only, property.unchangeable) = (true, Some(refusal));
            }
            PropertyRule::Immutable => property.immutable = true,
            PropertyRule::Writable => property.read_only = false,
            PropertyRule::OmittedWhileNull => property.omitted_while_null = true,
            PropertyRule::CreatedWith(json) => property.created_with = Some(json),
            PropertyRule::WholeSeconds => property.has_whole_seconds = true,
            PropertyRule::PlainIdentity => property.has_plain_identity = true,
            PropertyRule::Rewritten(rewrite) => property.rewrite = Some(rewrite),
            PropertyRule::Checked(check) => property.check = Some(check),
            PropertyRule::ServerSet(value) => property.server_set = Some(value),
            PropertyRule::NotServerSet => property.server_set = None,
            PropertyRule::InitialValue(json) => {
                let value = initial(kind, json, &enum_member);
                let mismatch =
                    || format!("invalid initial value {json} of property {}: expected {}", place(), declaration.type_name);
                property.initial = Some(value.ok_or_else(mismatch)?);
            }
            // Aliases need their targets, so they are resolved after all properties.
            PropertyRule::AliasOf { .. } | PropertyRule::SynonymOf(_) => {}
        }
    }
    Ok(property)
}

/// Reads an initial value, which is JSON text.
fn initial(kind: PropertyType, json: &str, enum_member: &impl Fn(EnumId, &str) -> Option<i64>) -> Option<Initial> {
    let unquoted = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match kind {
        PropertyType::Primitive(Primitive::Boolean) => json.parse().ok().map(Initial::Boolean),
        PropertyType::Primitive(primitive) if primitive.is_integer() => json.parse().ok().map(Initial::Integer),
        PropertyType::Primitive(Primitive::String) => unquoted.map(|text| Initial::Text(text.into())),
        PropertyType::Enum(id) => enum_member(id, unquoted?).map(Initial::Member),
        _ => None,
    }
}

/// Adds the aliases that the schema of a type does not declare, and links all aliases to their targets.
///
/// # Errors
///
/// Fails if an alias has another type than its target.
pub(super) fn add_aliases(
    rows: &[&'static PropertyRow],
    full_name: &str,
    properties: &mut Vec<Arc<Property>>,
) -> Result<(), String> {
    for (name, target, behavior) in rows.iter().filter_map(|(_, name, rule)| match rule {
        PropertyRule::AliasOf { target, behavior } => Some((*name, *target, Some(*behavior))),
        PropertyRule::SynonymOf(target) => Some((*name, *target, None)),
        _ => None,
    }) {
        let Some(place) = properties.iter().position(|property| *property.name == *target) else { continue };
        if behavior.is_some() && !properties.iter().any(|property| *property.name == *name) {
            let mut added = Property::new(name, properties[place].kind, properties[place].nullable);
            added.declared = false;
            // The older name comes before the newer one, as in the published example.
            properties.insert(place, Arc::new(added));
        }
        let Some(target) = properties.iter().position(|property| *property.name == *target) else { continue };
        let kind = properties[target].kind;
        for property in properties.iter_mut().filter(|property| *property.name == *name) {
            if property.kind != kind {
                return Err(format!("conflicting types of property {full_name}/{name} and its alias target"));
            }
            Arc::make_mut(property).alias = Some(Alias { target, behavior });
        }
    }
    Ok(())
}

/// Gives each alias the slot of its target.
pub(super) fn share_slots(properties: &mut [Arc<Property>]) {
    for index in 0..properties.len() {
        if let Some(alias) = properties[index].alias {
            let slot = properties[alias.target].slot;
            Arc::make_mut(&mut properties[index]).slot = slot;
        }
    }
}

/// A row of a workload: type, property, rule.
type PropertyRow = (&'static str, &'static str, PropertyRule);

/// Returns the rows about the properties of a type.
pub(super) fn rows_of(rules: &[&'static WorkloadRules], full_name: &str) -> Vec<&'static PropertyRow> {
    rules.iter().flat_map(|workload| workload.properties).filter(|(owner, _, _)| is_row_of(owner, full_name)).collect()
}
