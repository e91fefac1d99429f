//! Builds structured types: properties, navigation properties, and the rows of workloads about them.

use std::sync::Arc;

use super::{Earlier, Owner, Shared, properties};
use crate::edm::schema::csdl::{self, Document, TypeDeclaration, TypeFacts};
use crate::edm::schema::name_index::{self, NameIndex};
use crate::edm::schema::names::{collection_element, is_row_of, short};
use crate::edm::schema::rules::{Capabilities, DEFAULT_CAPABILITIES, DEFAULT_WORDING, DefaultProjection, WorkloadRules};
use crate::edm::schema::{
    EnumId, EnumType, ItemType, Model, NamedType, Navigation, Projection, Property, PropertyType, RareRules, Restrictions,
    SchemaError, SetKind, Slot, StructuredType, TypeId,
};

impl Shared<'_> {
    /// Adds a type, its base types first.
    pub(super) fn add_type(
        &mut self,
        document: &Document<'_>,
        model: &mut Model,
        by_id: &[Option<&Arc<TypeDeclaration<'_>>>],
        (id, declaration): (TypeId, &Arc<TypeDeclaration<'_>>),
        earlier: Option<&Earlier<'_>>,
    ) -> Result<(), SchemaError> {
        // From the type up to the first base that is there, then down again: the depth of inheritance costs no stack.
        let mut missing = Vec::new();
        let mut next = Some((id, declaration));
        while let Some((id, current)) = next {
            let problem = |reason| SchemaError::new(current.at, reason);
            if model.find_structured(id).is_some() {
                break;
            }
            let full_name = document.qualified(current.schema, &current.name);
            if missing.iter().any(|(other, _, _)| *other == id) || missing.len() >= crate::edm::schema::model::LINEAGE {
                return Err(problem(format!("circular base types of type {}", declaration.name)));
            }
            missing.push((id, current, full_name));
            next = match &current.base {
                None => None,
                Some(base) => {
                    let found = match self.named(document, current.schema, base) {
                        Some(NamedType::Structured(id)) => by_id[id.0 as usize].map(|declaration| (id, declaration)),
                        _ => None,
                    };
                    Some(found.ok_or_else(|| problem(format!("unknown base type {base} of type {}", current.name)))?)
                }
            };
        }
        while let Some((id, current, full_name)) = missing.pop() {
            let structured = match earlier.and_then(|earlier| self.taken_over(document, model, earlier, id, current, &full_name))
            {
                Some(same) => same,
                None => Arc::new(self.structured(document, model, id, current, &full_name)?),
            };
            model.types[id.0 as usize] = Some(structured);
        }
        Ok(())
    }

    /// Returns the type of an earlier version, if that declares it and its base types alike.
    fn taken_over(
        &self,
        document: &Document<'_>,
        model: &Model,
        earlier: &Earlier<'_>,
        id: TypeId,
        declaration: &Arc<TypeDeclaration<'_>>,
        full_name: &str,
    ) -> Option<Arc<StructuredType>> {
        let other = earlier.document;
        let same = earlier.model.types[id.0 as usize].as_ref()?;
        let twin = earlier.declarations[id.0 as usize]?;
        let has_same_base = same.base.is_none_or(|base| {
            let of = |model: &Model| model.types[base.0 as usize].clone();
            of(earlier.model).zip(of(model)).is_some_and(|(one, another)| Arc::ptr_eq(&one, &another))
        });
        let has_same_facts = document.facts(full_name) == other.facts(full_name);
        let is_alike =
            is_same_declaration(declaration, twin) && document.has_schemas_of(other) && has_same_base && has_same_facts;
        (is_alike && !self.slots.has_conflict(same)).then(|| same.clone())
    }

    #[allow(clippy::too_many_lines, reason = "one column of a type after another")]
    fn structured(
        &mut self,
        document: &Document<'_>,
        model: &Model,
        id: TypeId,
        declaration: &TypeDeclaration<'_>,
        full_name: &str,
    ) -> Result<StructuredType, SchemaError> {
        let base = declaration.base.as_ref().and_then(|base| match self.named(document, declaration.schema, base) {
            Some(NamedType::Structured(id)) => model.types[id.0 as usize].clone(),
            _ => None,
        });
        let base = base.as_deref();
        // Most types have no rows.
        let rules = if self.has_rows(full_name) { self.rules } else { &[] };
        let type_facts = document.facts(full_name);
        let rows = properties::rows_of(rules, full_name);
        let inherited = base.map_or(&[][..], |base| &base.properties);
        let mut properties: Vec<Arc<Property>> = Vec::with_capacity(inherited.len() + declaration.properties.len());
        properties.extend_from_slice(inherited);
        let mut hashes: Vec<u32> = Vec::with_capacity(properties.capacity());
        hashes.extend(base.into_iter().flat_map(|base| base.names.hashes()));
        for property in &declaration.properties {
            let hash = name_index::hash(&property.name);
            if hashes.contains(&hash) && properties.iter().any(|other| other.name.eq_ignore_ascii_case(&property.name)) {
                // A property declared again changes nothing that matters here.
                continue;
            }
            let member = |id: EnumId, name: &str| model.member(PropertyType::Enum(id), name);
            let built = properties::build(self, document, declaration, type_facts, property, &rows, member)
                .map_err(|reason| SchemaError::new(property.at, reason))?;
            properties.push(Arc::new(built));
            hashes.push(hash);
        }
        properties::add_aliases(&rows, full_name, &mut properties).map_err(|reason| SchemaError::new(declaration.at, reason))?;
        for property in &mut properties[base.map_or(0, |base| base.properties.len())..] {
            let property = Arc::make_mut(property);
            if property.alias.is_none() {
                property.slot = self.slots.number(&self.names, model.version, property);
            }
        }
        properties::share_slots(&mut properties);
        let named = |rows: fn(&WorkloadRules) -> &'static [(&'static str, &'static str)]| -> Vec<&str> {
            let rows = rules.iter().flat_map(|workload| rows(workload));
            rows.filter(|(row, _)| is_row_of(row, full_name)).map(|(_, name)| *name).collect()
        };
        let [unexpanded, expanded, shown_with_new, references, creating] = [
            named(|workload| workload.unexpanded),
            named(|workload| workload.expanded),
            named(|workload| workload.shown_with_new),
            named(|workload| workload.references),
            named(|workload| workload.created_elsewhere),
        ];
        let views = rules.iter().flat_map(|workload| workload.views).filter(|(row, _, _)| is_row_of(row, full_name));
        let views: Vec<_> = views.collect();
        let elsewhere = rules.iter().flat_map(|workload| workload.keyed_elsewhere);
        let elsewhere: Vec<_> = elsewhere.filter(|(row, _, _)| is_row_of(row, full_name)).collect();
        let windows = rules.iter().flat_map(|workload| workload.windows).filter(|((row, _), _)| is_row_of(row, full_name));
        let windows: Vec<_> = windows.collect();
        let inherited = base.map_or(&[][..], |base| &base.navigations);
        let mut navigations: Vec<Arc<Navigation>> = Vec::with_capacity(inherited.len() + declaration.navigations.len());
        navigations.extend_from_slice(inherited);
        for navigation in &declaration.navigations {
            let element = collection_element(&navigation.type_name);
            let type_name = element.unwrap_or(&navigation.type_name);
            let Some(NamedType::Structured(target)) = self.named(document, declaration.schema, type_name) else {
                let reason = format!("unknown type {type_name} of navigation property {}/{}", declaration.name, navigation.name);
                return Err(SchemaError::new(navigation.at, reason));
            };
            let facts = type_facts.and_then(|facts| facts.member(&navigation.name));
            let name = &*navigation.name;
            let contains_target = navigation.contains_target && !references.contains(&name);
            let kind = if contains_target { SetKind::Contained } else { SetKind::References };
            let path = [&declaration.name, "/", &navigation.name].concat();
            let set = self.add_set(Owner::Type(id, element.is_none()), &navigation.name, target, kind, &path);
            let is_required = element.is_none() && !navigation.nullable;
            self.sets[set.0].is_required = is_required;
            navigations.push(Arc::new(Navigation {
                name: navigation.name.as_ref().into(),
                target,
                is_collection: element.is_some(),
                contains_target,
                creates_elsewhere: creating.contains(&name),
                is_required,
                set,
                is_expandable: facts.and_then(|facts| facts.expandable) != Some(false) && !unexpanded.contains(&name),
                view: views.iter().find(|(_, viewed, _)| *viewed == name).map(|(_, _, view)| *view),
                keyed_elsewhere: elsewhere.iter().find(|(_, own, _)| *own == name).map_or(&[], |(_, _, others)| *others),
                restrictions: Restrictions::of(facts, &mut self.property_lists),
                window: windows.iter().find(|((_, own), _)| *own == name).map(|(_, window)| *window),
                is_shown_with_new: shown_with_new.contains(&name),
                is_auto_expanded: facts.is_some_and(|facts| facts.auto_expand == Some(true)) || expanded.contains(&name),
            }));
        }
        let row = rules.iter().zip(0..).find_map(|(workload, index)| {
            workload.types.iter().find(|row| is_row_of(row.name, full_name)).map(|row| (row, index))
        });
        // Words and statuses are inherited, not what clients can do.
        let inherited = base.map_or((&DEFAULT_WORDING, DEFAULT_CAPABILITIES), |base| {
            let Capabilities { creates, update, deletes, .. } = DEFAULT_CAPABILITIES;
            (base.wording, Capabilities { creates, update, deletes, ..base.capabilities })
        });
        if rules.iter().flat_map(|workload| workload.chosen_keys).any(|row| is_row_of(row, full_name)) {
            let own = declaration.key.first().and_then(|name| properties.iter().position(|property| *property.name == **name));
            if let Some(index) = own.or_else(|| base.and_then(|base| base.key)) {
                let key = Arc::make_mut(&mut properties[index]);
                (key.read_only, key.immutable) = (false, true);
            }
        }
        let answer_order = answer_order(&properties);
        let index_of = |name: &str| properties.iter().position(|property| *property.name == *name);
        let facts = type_facts.and_then(TypeFacts::own);
        let key_index = declaration.key.first().and_then(|name| index_of(name)).or_else(|| base.and_then(|base| base.key));
        let mut alternate_keys: Vec<usize> = base.map_or_else(Vec::new, |base| base.alternate_keys.clone());
        alternate_keys.extend(facts.iter().flat_map(|facts| &facts.alternate_keys).filter_map(|name| index_of(name)));
        let segment_key = rules.iter().flat_map(|workload| workload.segment_keys).find(|(row, _)| is_row_of(row, full_name));
        let segment_key = segment_key.and_then(|(_, name)| properties.iter().position(|property| *property.name == **name));
        alternate_keys.extend(segment_key);
        let restrictions = Restrictions::of(facts, &mut self.property_lists);
        Ok(StructuredType {
            id,
            name: declaration.name.as_ref().into(),
            full_name: full_name.into(),
            base: base.map(|base| base.id),
            is_entity: declaration.is_entity,
            is_abstract: declaration.is_abstract,
            is_polymorphic: false,
            is_placeholder: rules.iter().flat_map(|workload| workload.placeholders).any(|row| is_row_of(row, full_name)),
            is_open: declaration.is_open || base.is_some_and(|base| base.is_open),
            has_stream: declaration.has_stream || base.is_some_and(|base| base.has_stream),
            // A row without words of its own has those of the base type.
            wording: row
                .map(|(row, _)| row.wording)
                .filter(|wording| !std::ptr::eq(*wording, &raw const DEFAULT_WORDING))
                .unwrap_or(inherited.0),
            capabilities: row.map_or(inherited.1, |(row, _)| *row.capabilities),
            // Derived types do not inherit the restrictions: what Graph publishes of directoryObject is not so of users and groups.
            restrictions: if row.is_some() { restrictions.of_reads() } else { restrictions },
            guarded: rules.iter().position(|workload| workload.guarded.iter().any(|row| is_row_of(row, full_name))),
            consulted: row.filter(|(row, _)| row.is_consulted).map(|(_, index)| index),
            page_order: listed_order(rules, |workload| workload.page_order, full_name, &properties, &answer_order),
            recorded_order: listed_order(rules, |workload| workload.recorded_order, full_name, &properties, &answer_order),
            answer_order,
            navigations,
            key: key_index,
            alternate_keys,
            required: row_of(rules, |workload| workload.required, full_name).or_else(|| base.and_then(|base| base.required)),
            owner: {
                let name = row_of(rules, |workload| workload.owned, full_name).copied();
                name.and_then(|name| properties.iter().find(|property| *property.name == *name)).map(|property| property.slot)
            },
            default_projection: default_projection(rules, full_name, &properties),
            search: row_of(rules, |workload| workload.searches, full_name).copied().or_else(|| base.and_then(|base| base.search)),
            rare: {
                let rare = RareRules {
                    implied: row_of(rules, |workload| workload.implied, full_name).copied(),
                    deactivated: row_of(rules, |workload| workload.deactivated, full_name).copied(),
                    tolerance: row_of(rules, |workload| workload.tolerant, full_name),
                    advanced: row_of(rules, |workload| workload.advanced, full_name),
                    renamed: row_of(rules, |workload| workload.renamed, full_name),
                    key_members: row_of(rules, |workload| workload.key_members, full_name),
                    without_tenant: row_of(rules, |workload| workload.without_tenant, full_name),
                    queries: row_of(rules, |workload| workload.queries, full_name)
                        .copied()
                        .or_else(|| base.and_then(|base| base.rare().queries)),
                    limit_headers: row_of(rules, |workload| workload.limit_headers, full_name)
                        .copied()
                        .or_else(|| base.and_then(|base| base.rare().limit_headers)),
                    caseless: row_of(rules, |workload| workload.caseless, full_name)
                        .or_else(|| base.and_then(|base| base.rare().caseless)),
                    paged: row_of(rules, |workload| workload.paged, full_name)
                        .or_else(|| base.and_then(|base| base.rare().paged)),
                    has_forms: rules.iter().flat_map(|workload| workload.formed).any(|row| is_row_of(row, full_name))
                        || base.is_some_and(|base| base.rare().has_forms),
                    page_size: row_of(rules, |workload| workload.page_sizes, full_name)
                        .copied()
                        .or_else(|| base.and_then(|base| base.rare().page_size)),
                    ordered_filters: row_of(rules, |workload| workload.ordered_filters, full_name)
                        .or_else(|| base.and_then(|base| base.rare().ordered_filters)),
                    repeated: row_of(rules, |workload| workload.repeated, full_name).copied(),
                    upserted: row_of(rules, |workload| workload.upserted, full_name).copied(),
                    site: row_of(rules, |workload| workload.sites, full_name),
                    has_own_state: rules.iter().flat_map(|workload| workload.own_state).any(|row| is_row_of(row, full_name))
                        || base.is_some_and(|base| base.rare().has_own_state),
                    closed: row_of(rules, |workload| workload.closed, full_name)
                        .or_else(|| base.and_then(|base| base.rare().closed)),
                    unknown_members: row_of(rules, |workload| workload.unknown_members, full_name)
                        .or_else(|| base.and_then(|base| base.rare().unknown_members)),
                    eventual: row_of(rules, |workload| workload.eventual, full_name)
                        .or_else(|| base.and_then(|base| base.rare().eventual)),
                    derived_key: row_of(rules, |workload| workload.derived_segment_keys, full_name)
                        .or_else(|| base.and_then(|base| base.rare().derived_key)),
                    // A body need not name a type that the path names.
                    typed: row_of(rules, |workload| workload.typed_bodies, full_name),
                };
                (!rare.is_empty()).then(|| Arc::new(rare))
            },
            file: row_of(rules, |workload| workload.files, full_name).copied().or_else(|| base.and_then(|base| base.file)),
            tag: row_of(rules, |workload| workload.tags, full_name).copied().or_else(|| base.and_then(|base| base.tag)),
            always_selected: {
                let mut rows = rules.iter().flat_map(|workload| workload.always_keyed);
                let is_keyed =
                    rows.any(|row| is_row_of(row, full_name)) || base.is_some_and(|base| base.always_selected.is_some());
                key_index.filter(|_| is_keyed)
            },
            segment_key: segment_key.or_else(|| base.and_then(|base| base.segment_key)),
            well_known: {
                let mut rows = rules.iter().flat_map(|workload| workload.well_known);
                rows.find(|(row, _, _)| is_row_of(row, full_name))
                    .and_then(|(_, name, names)| Some((properties.iter().position(|property| *property.name == **name)?, *names)))
            },
            unique: {
                let rows = rules.iter().flat_map(|workload| workload.unique);
                let own = rows.filter(|(row, _)| is_row_of(row, full_name)).map(|(_, unique)| unique);
                base.iter().flat_map(|base| base.unique.iter().copied()).chain(own).collect()
            },
            blank_text: properties.iter().map(|property| property.name.len() + BLANK_MEMBER).sum(),
            names: NameIndex::of(properties.iter().map(|property| &*property.name)),
            properties,
        })
    }
}

fn is_same_declaration(one: &Arc<TypeDeclaration<'_>>, other: &Arc<TypeDeclaration<'_>>) -> bool {
    // Most declarations of both versions are those that Graph publishes.
    std::ptr::eq(Arc::as_ptr(one).cast::<u8>(), Arc::as_ptr(other).cast::<u8>()) || one.is_alike(other)
}

/// Marks the types whose instances, or complex values in them, can have a derived type.
pub(super) fn mark_polymorphic(model: &mut Model) {
    let mut marked = vec![false; model.types.len()];
    let mut complex = Vec::new();
    for structured in model.structured_types() {
        if let Some(base) = structured.base {
            marked[base.0 as usize] = true;
        }
        let within = structured.properties.iter().filter_map(|property| match property.kind {
            PropertyType::Complex(id) => Some((structured.id.0 as usize, id.0 as usize)),
            _ => None,
        });
        complex.extend(within);
    }
    // Each round goes one level deeper into complex values.
    loop {
        let mut has_found = false;
        for (owner, within) in &complex {
            if marked[*within] && !marked[*owner] {
                marked[*owner] = true;
                has_found = true;
            }
        }
        if !has_found {
            break;
        }
    }
    let is_new = |structured: &Arc<StructuredType>| marked[structured.id.0 as usize] && !structured.is_polymorphic;
    for structured in model.types.iter_mut().flatten().filter(|structured| is_new(structured)) {
        Arc::make_mut(structured).is_polymorphic = true;
    }
}

/// Finds the types with a navigation property that answers include unasked, and the properties whose values answers hide.
pub(super) fn find_special_members(model: &mut Model) {
    let expands = |structured: &&StructuredType| model.own_navigations(structured).any(|navigation| navigation.is_auto_expanded);
    model.auto_expanding = model.structured_types().filter(expands).map(|structured| structured.id).collect();
    let properties = model.structured_types().flat_map(|structured| &structured.properties);
    let mut hidden: Vec<Slot> = properties.filter(|property| property.write_only).map(|property| property.slot).collect();
    hidden.sort_unstable();
    hidden.dedup();
    model.hidden = hidden.into();
}

/// The length of a member without a value beside its name: quotes, colon, null and comma.
const BLANK_MEMBER: usize = 8;

pub(super) fn enumeration(full_name: &str, declaration: &csdl::EnumDeclaration<'_>) -> EnumType {
    let mut members: Vec<(Box<str>, i64)> =
        declaration.members.iter().map(|(name, value)| (name.as_ref().into(), *value)).collect();
    members.sort_by_key(|(_, value)| *value);
    let sentinel = members.iter().find(|(name, _)| &**name == "unknownFutureValue").map(|(_, value)| *value);
    EnumType {
        name: declaration.name.as_ref().into(),
        full_name: full_name.into(),
        is_flags: declaration.is_flags,
        members,
        sentinel,
    }
}

/// Returns the order of responses: as declared, but with complex values and collections of them last, since the service's writer treats
/// them as nested resources.
fn answer_order(properties: &[Arc<Property>]) -> Vec<u16> {
    let is_complex = |index: &usize| {
        matches!(properties[*index].kind, PropertyType::Complex(_) | PropertyType::Collection(ItemType::Complex(_)))
    };
    let simple = (0..properties.len()).filter(|index| !is_complex(index));
    let mut order = Vec::with_capacity(properties.len());
    order.extend(simple.chain((0..properties.len()).filter(is_complex)).map(short));
    order
}

/// Returns the first row of a column that is about a type.
fn row_of<T>(
    rules: &[&'static WorkloadRules],
    column: impl Fn(&'static WorkloadRules) -> &'static [(&'static str, T)],
    full_name: &str,
) -> Option<&'static T> {
    rules.iter().flat_map(|workload| column(workload)).find(|(row, _)| is_row_of(row, full_name)).map(|(_, value)| value)
}

/// Returns the members of answers without `$select`. A derived type has a row of its own, or all members.
fn default_projection(
    rules: &[&'static WorkloadRules],
    full_name: &str,
    properties: &[Arc<Property>],
) -> Option<Arc<Projection>> {
    let (names, has_undeclared) = match row_of(rules, |workload| workload.default_projections, full_name)? {
        DefaultProjection::Only(names) => (names, false),
        DefaultProjection::Except(names) => (names, true),
    };
    let properties = properties.iter().map(|property| names.contains(&&*property.name) != has_undeclared).collect();
    Some(Arc::new(Projection { properties, has_undeclared }))
}

/// Returns the order of a row: the properties that it lists, then the others.
fn listed_order(
    rules: &[&'static WorkloadRules],
    rows: impl Fn(&'static WorkloadRules) -> &'static [(&'static str, &'static [&'static str])],
    full_name: &str,
    properties: &[Arc<Property>],
    answer_order: &[u16],
) -> Option<Box<[u16]>> {
    let mut listed = rules.iter().flat_map(|workload| rows(workload)).filter(|(owner, _)| is_row_of(owner, full_name));
    let (_, listed) = listed.next()?;
    let place = |name: &&str| properties.iter().position(|property| *property.name == **name);
    let mut order: Vec<u16> = listed.iter().filter_map(place).map(short).collect();
    order.extend(answer_order.iter().filter(|index| !listed.contains(&&*properties[usize::from(**index)].name)));
    Some(order.into_boxed_slice())
}
