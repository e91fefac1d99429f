//! Builds tables from the declarations of two documents.

mod merge;
mod operations;
mod properties;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;

use foldhash::fast::RandomState;

use self::properties::SlotNumbers;
use super::csdl::packed::Packed;
use super::csdl::{self, Document, TypeDeclaration, TypeFacts};
use super::name_index::NameIndex;
use super::names::{self, Names, collection_element, is_row_of, short};
use super::rules::{Capabilities, DEFAULT_CAPABILITIES, DEFAULT_WORDING, DefaultProjection, WorkloadRules};
use super::{
    Address, EnumId, EnumType, Model, NamedType, Navigation, Projection, Property, PropertyLists, PropertyType, RareRules,
    Restrictions, Root, Schema, SchemaError, SchemaText, Set, SetId, SetKind, StructuredType, TypeId, Version,
};

/// Builds the tables of both versions. With what Graph publishes, the built-in documents are extended by it: types, enums, sets and slots
/// have the numbers that they have in the tables without it.
pub(super) fn schema(
    documents: &[SchemaText; 2],
    published: Option<Packed<'static>>,
    rules: &[&'static WorkloadRules],
) -> Result<Schema, SchemaError> {
    let unpacked = OnceLock::new();
    thread::scope(|scope| {
        let published = published.map(|packed| {
            let unpacked = &unpacked;
            let read = move || csdl::packed::read(unpacked.get_or_init(|| packed.text()));
            // Meanwhile the built-in documents are read here.
            let reader = thread::Builder::new().spawn_scoped(scope, read);
            move || match reader {
                Ok(reader) => reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => read(),
            }
        });
        tables(documents, published, rules)
    })
}

#[allow(clippy::too_many_lines, reason = "one table after another")]
fn tables<'x>(
    documents: &[SchemaText; 2],
    published: Option<impl FnOnce() -> Document<'x>>,
    rules: &[&'static WorkloadRules],
) -> Result<Schema, SchemaError> {
    // Declarations have places, of which only that of a problem is a line.
    let texts = documents.each_ref().map(SchemaText::text);
    let placed = |version: Version| {
        let text = &texts[usize::from(version != Version::V1)];
        move |error: SchemaError| SchemaError { line: csdl::line_at(text, error.line), version: Some(version), ..error }
    };
    let read = |version: Version| {
        let document = csdl::read(&texts[usize::from(version != Version::V1)]);
        document.map_err(|error| SchemaError { version: Some(version), ..error })
    };
    let own = thread::scope(|scope| {
        let reader = thread::Builder::new().spawn_scoped(scope, || read(Version::Beta));
        let v1 = read(Version::V1);
        let beta = match reader {
            Ok(reader) => reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => read(Version::Beta),
        };
        Ok([v1?, beta?])
    })?;
    let mut names = Names::default();
    let number = |names: &mut Names, documents: &[Document<'_>; 2]| {
        number_types(names, documents).map_err(|error| placed(error.version.unwrap_or(Version::V1))(error))
    };
    let own_numbers = number(&mut names, &own)?;
    let mut shared = Shared {
        names: Arc::new(names),
        rules,
        ruled: rules.iter().flat_map(|workload| workload.type_names()).collect(),
        slots: SlotNumbers::of(&own),
        sets: Vec::new(),
        set_numbers: HashMap::default(),
        fixed: HashMap::default(),
        property_lists: PropertyLists::default(),
    };
    // Entities of a type live where they live without the rest.
    let mut homes: HashMap<TypeId, SetId, RandomState> = HashMap::default();
    let is_extended = |document: &SchemaText| published.is_some() && matches!(document, SchemaText::BuiltIn(_));
    let extended = documents.each_ref().map(is_extended);
    let (declared, numbers) = match published {
        None => (own, own_numbers),
        Some(published) => {
            let models = shared.models(&own, &own_numbers, placed)?;
            let sets = own_homes(&shared.sets);
            for model in &models {
                let home = |known: &StructuredType| Some((known.id, super::sets::home(&sets, model, known.id)?));
                homes.extend(model.structured_types().filter_map(home));
            }
            drop(models);
            // Both versions have what Graph publishes.
            let published = published();
            let declared = [0, 1]
                .map(|index| if extended[index] { csdl::extend(&own[index], published.clone()).0 } else { own[index].clone() });
            let numbers = number(Arc::make_mut(&mut shared.names), &declared)?;
            (declared, numbers)
        }
    };
    let [v1, beta] = shared.models(&declared, &numbers, placed)?;
    let mut union = merge::union(&v1, &beta);
    let mut models = [v1, beta];
    let by_name = Arc::new(std::mem::take(&mut shared.slots).by_name());
    let property_lists = Arc::new(std::mem::take(&mut shared.property_lists));
    for model in models.iter_mut().chain([&mut union]) {
        (model.slots, model.property_lists) = (by_name.clone(), property_lists.clone());
    }
    let mut root_sets = Vec::new();
    for root in &union.roots {
        let fixed = (0..shared.sets.len()).map(SetId).filter(|set| shared.sets[set.0].kind == SetKind::Fixed(root.set));
        root_sets.extend(fixed.chain([root.set]));
    }
    for (target, home) in own_homes(&shared.sets) {
        homes.entry(target).or_insert(home);
    }
    let mut addresses = HashMap::default();
    for (index, set) in shared.sets.iter_mut().enumerate() {
        if let Some(structured) = union.find_structured(set.target) {
            set.quotes_keys = !structured.key_type().has_bare_literals();
        }
        for model in &models {
            let root = |set: SetId| model.roots.iter().find(|root| root.set == set);
            let restrictions = match set.kind {
                SetKind::EntitySet => root(SetId(index)).map(|root| root.restrictions),
                SetKind::Fixed(singleton) => {
                    let holder = root(singleton).and_then(|root| model.find_structured(root.target));
                    let navigation = holder.and_then(|holder| holder.navigation(&set.name));
                    navigation.filter(|navigation| navigation.target == set.target).map(|navigation| navigation.restrictions)
                }
                SetKind::Singleton | SetKind::Contained | SetKind::References => None,
            };
            if let Some(restrictions) = restrictions {
                let path = format!("/{}/{}", model.version.segment(), set.path).into();
                // An entity of an unknown type lives in the set of its own type.
                let is_home = !model.find_structured(set.target).is_some_and(|structured| structured.is_placeholder);
                let (version, type_id) = (model.version, set.target);
                addresses.insert(path, Address { version, set: SetId(index), type_id, is_home, restrictions });
            }
        }
    }
    let mut inverses: HashMap<SetId, Vec<(TypeId, SetId)>, RandomState> = HashMap::default();
    let mut transitive = HashMap::default();
    let mut joined = HashMap::default();
    let set_of = |(type_name, name): super::rules::Path| {
        let full_name = if type_name.contains('.') { type_name.to_owned() } else { format!("microsoft.graph.{type_name}") };
        match union.resolve(&full_name) {
            Some(NamedType::Structured(id)) => union.structured(id).navigation(name).map(|navigation| (id, navigation.set)),
            _ => None,
        }
    };
    for workload in rules {
        for (one, other) in workload.inverses {
            if let Some((one, (_, other))) = set_of(*one).zip(set_of(*other)) {
                inverses.entry(other).or_default().push(one);
            }
        }
        for (path, rules) in workload.joined {
            if let Some((_, set)) = set_of(*path) {
                joined.insert(set, (rules, set_of(rules.same_key).map(|(_, set)| set)));
            }
        }
        for (path, names) in workload.transitive {
            if let Some((_, set)) = set_of(*path) {
                transitive.insert(set, *names);
            }
        }
    }
    let inverses = inverses.into_iter().map(|(set, others)| (set, others.into())).collect();
    let Shared { sets, fixed, .. } = shared;
    let documents = [0, 1].map(|index| match &documents[index] {
        SchemaText::BuiltIn(version) if extended[index] => SchemaText::Published(*version),
        document => document.clone(),
    });
    Ok(Schema {
        models,
        union,
        documents,
        served: Default::default(),
        sets,
        root_sets,
        addresses,
        fixed,
        homes,
        inverses,
        joined,
        transitive,
        core: Weak::new(),
        rest: None,
    })
}

/// Returns the first entity set of each type that has one.
fn own_homes(sets: &[Set]) -> HashMap<TypeId, SetId, RandomState> {
    let mut homes = HashMap::default();
    for (index, set) in sets.iter().enumerate().filter(|(_, set)| set.kind == SetKind::EntitySet) {
        homes.entry(set.target).or_insert(SetId(index));
    }
    homes
}

/// The numbers of a document's types and enums, in the order of their declarations.
#[derive(Default)]
struct Numbers {
    types: Vec<TypeId>,
    enums: Vec<EnumId>,
}

/// Numbers the types and enums of both documents, after those that have a number.
fn number_types(names: &mut Names, documents: &[Document<'_>; 2]) -> Result<[Numbers; 2], SchemaError> {
    let mut numbers = [Numbers::default(), Numbers::default()];
    let (mut types, mut enums) = counts_of(names);
    let mut qualified = String::new();
    for ((document, version), numbers) in documents.iter().zip(Version::ALL).zip(&mut numbers) {
        let problem = |line, reason| SchemaError { version: Some(version), line, reason };
        let mut is_declared = [Vec::new(), Vec::new()];
        let structured = document.types.iter().map(|declaration| (declaration.schema, &declaration.name, declaration.at, true));
        let enumerations =
            document.enums.iter().map(|declaration| (declaration.schema, &declaration.name, declaration.at, false));
        for (schema, name, line, is_structured) in structured.chain(enumerations) {
            qualified.clear();
            qualified.extend([&document.schemas[schema].namespace, ".", name]);
            qualified.make_ascii_lowercase();
            let number = names.get(&*qualified).copied().unwrap_or_else(|| {
                let next = if is_structured { &mut types } else { &mut enums };
                *next += 1;
                let number =
                    if is_structured { NamedType::Structured(TypeId(*next - 1)) } else { NamedType::Enum(EnumId(*next - 1)) };
                names.insert(qualified.as_str().into(), number);
                number
            });
            let index = match number {
                NamedType::Structured(id) => {
                    numbers.types.push(id);
                    id.0
                }
                NamedType::Enum(id) => {
                    numbers.enums.push(id);
                    id.0
                }
            };
            if is_structured != matches!(number, NamedType::Structured(_)) {
                return Err(problem(line, format!("conflicting declarations of type {name}: structured and enum")));
            }
            let is_declared: &mut Vec<bool> = &mut is_declared[usize::from(is_structured)];
            is_declared.resize(is_declared.len().max(index as usize + 1), false);
            if std::mem::replace(&mut is_declared[index as usize], true) {
                return Err(problem(line, format!("duplicate type {name}")));
            }
        }
    }
    Ok(numbers)
}

/// Returns the number of types and that of enums: they are numbered without gaps.
fn counts_of(names: &Names) -> (u32, u32) {
    let (mut types, mut enums) = (0, 0);
    for named in names.values() {
        match named {
            NamedType::Structured(id) => types = types.max(id.0 + 1),
            NamedType::Enum(id) => enums = enums.max(id.0 + 1),
        }
    }
    (types, enums)
}

/// The owner of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    /// The container.
    Root,
    /// A singleton.
    Singleton(SetId),
    /// The type that declares a navigation property, and whether that leads to one entity.
    Type(TypeId, bool),
}

/// A version whose tables are there already.
struct Earlier<'e> {
    document: &'e Document<'e>,
    model: &'e Model,
    declarations: &'e [Option<&'e Arc<TypeDeclaration<'e>>>],
}

/// Returns the declarations of a document by the numbers of their types.
fn declarations<'d>(document: &'d Document<'d>, numbers: &Numbers, count: u32) -> Vec<Option<&'d Arc<TypeDeclaration<'d>>>> {
    let mut by_id = vec![None; count as usize];
    for (id, declaration) in numbers.types.iter().zip(&document.types) {
        by_id[id.0 as usize] = Some(declaration);
    }
    by_id
}

/// The parts of the tables that the versions share.
struct Shared<'r> {
    names: Arc<Names>,
    rules: &'r [&'static WorkloadRules],
    /// The types that rows are about, as the rows name them.
    ruled: HashSet<&'static str, RandomState>,
    slots: SlotNumbers,
    sets: Vec<Set>,
    /// The numbers of sets by owner, name, kind and type.
    set_numbers: HashMap<(Owner, Box<str>, bool, TypeId), SetId, RandomState>,
    fixed: HashMap<(SetId, SetId), SetId, RandomState>,
    property_lists: PropertyLists,
}

impl Shared<'_> {
    /// Builds the tables of both versions.
    fn models<E: FnOnce(SchemaError) -> SchemaError>(
        &mut self,
        declared: &[Document<'_>; 2],
        numbers: &[Numbers; 2],
        placed: impl Fn(Version) -> E,
    ) -> Result<[Model; 2], SchemaError> {
        let v1 = self.model(Version::V1, (&declared[0], &numbers[0]), None).map_err(placed(Version::V1))?;
        let earlier = Some((&declared[0], &numbers[0], &v1));
        let beta = self.model(Version::Beta, (&declared[1], &numbers[1]), earlier).map_err(placed(Version::Beta))?;
        Ok([v1, beta])
    }

    /// Builds the tables of a version. Types that an earlier version declares alike are taken over.
    fn model(
        &mut self,
        version: Version,
        (document, numbers): (&Document<'_>, &Numbers),
        earlier: Option<(&Document<'_>, &Numbers, &Model)>,
    ) -> Result<Model, SchemaError> {
        let (types, enums) = counts_of(&self.names);
        let mut model = Model {
            version,
            is_partial: false,
            rest: None,
            names: self.names.clone(),
            types: vec![None; types as usize].into(),
            enums: vec![None; enums as usize].into(),
            roots: Vec::new(),
            root_names: NameIndex::default(),
            operations: HashMap::default(),
            slots: Arc::default(),
            property_lists: Arc::default(),
            namespaces: document.schemas.iter().map(|schema| schema.namespace.as_str().into()).collect(),
            aliases: document.aliases().map(|(alias, namespace)| (alias.into(), namespace.into())).collect(),
        };
        for (id, declaration) in numbers.enums.iter().zip(&document.enums) {
            let full_name = document.qualified(declaration.schema, &declaration.name);
            model.enums[id.0 as usize] = Some(Arc::new(enumeration(&full_name, declaration)));
        }
        let by_id = declarations(document, numbers, types);
        let earlier_by_id = earlier.map(|(document, numbers, _)| declarations(document, numbers, types)).unwrap_or_default();
        let earlier = earlier.map(|(document, _, model)| Earlier { document, model, declarations: &earlier_by_id });
        for (id, declaration) in numbers.types.iter().zip(&document.types) {
            self.add_type(document, &mut model, &by_id, (*id, declaration), earlier.as_ref())?;
        }
        mark_polymorphic(&mut model);
        for declaration in &document.roots {
            let problem = |reason| SchemaError::new(declaration.at, reason);
            let target = self.entity_type(document, &model, declaration.schema, &declaration.type_name).map_err(problem)?;
            let kind = if declaration.is_singleton { SetKind::Singleton } else { SetKind::EntitySet };
            let set = self.add_set(Owner::Root, &declaration.name, target, kind, &declaration.name);
            model.roots.push(Root {
                name: declaration.name.as_ref().into(),
                target,
                set,
                is_singleton: declaration.is_singleton,
                caller_in: None,
                restrictions: Restrictions::of(
                    document.facts(&declaration.container).and_then(|facts| facts.member(&declaration.name)),
                    &mut self.property_lists,
                ),
            });
        }
        let callers = self.rules.iter().flat_map(|workload| workload.caller_singletons);
        for (singleton, set) in callers {
            let home =
                model.roots.iter().find(|root| !root.is_singleton && *root.name == **set).map(|root| (root.set, root.target));
            for root in model.roots.iter_mut().filter(|root| root.is_singleton && *root.name == **singleton) {
                root.caller_in = home.filter(|(_, target)| *target == root.target).map(|(set, _)| set);
            }
        }
        self.add_fixed(&model);
        model.root_names = NameIndex::of(model.roots.iter().map(|root| &*root.name));
        for declaration in &document.operations {
            if let Some(operation) = operations::build(self, document, &model, declaration) {
                model.operations.entry(declaration.name.to_ascii_lowercase().into()).or_default().push(operation);
            }
        }
        Ok(model)
    }

    fn named(&self, full_name: &str) -> Option<NamedType> {
        self.names.get(&*names::lower(full_name, &mut [0; names::SHORT])).copied()
    }

    /// Whether rows can be about a type.
    fn has_rows(&self, full_name: &str) -> bool {
        let local = full_name.strip_prefix(names::GRAPH).unwrap_or(full_name);
        self.ruled.contains(local) || self.ruled.contains(full_name)
    }

    /// Adds a type, its base types first.
    fn add_type(
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
            if missing.iter().any(|(other, _, _)| *other == id) || missing.len() >= super::LINEAGE {
                return Err(problem(format!("circular base types of type {}", declaration.name)));
            }
            missing.push((id, current, full_name));
            next = match &current.base {
                None => None,
                Some(base) => {
                    let found = match self.named(&document.expand(current.schema, base)) {
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
        let base = declaration.base.as_ref().and_then(|base| match self.named(&document.expand(declaration.schema, base)) {
            Some(NamedType::Structured(id)) => model.types[id.0 as usize].clone(),
            _ => None,
        });
        let base = base.as_deref();
        // Most types have no rows.
        let rules = if self.has_rows(full_name) { self.rules } else { &[] };
        let type_facts = document.facts(full_name);
        let rows = properties::rows_of(rules, full_name);
        let mut properties: Vec<Arc<Property>> = base.map_or_else(Vec::new, |base| base.properties.clone());
        for property in &declaration.properties {
            if properties.iter().any(|other| other.name.eq_ignore_ascii_case(&property.name)) {
                // A property declared again changes nothing that matters here.
                continue;
            }
            let member = |id: EnumId, name: &str| model.member(PropertyType::Enum(id), name);
            let built = properties::build(self, document, declaration, type_facts, property, &rows, member)
                .map_err(|reason| SchemaError::new(property.at, reason))?;
            properties.push(Arc::new(built));
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
        let [unexpanded, expanded, references] =
            [named(|workload| workload.unexpanded), named(|workload| workload.expanded), named(|workload| workload.references)];
        let views = rules.iter().flat_map(|workload| workload.views).filter(|(row, _, _)| is_row_of(row, full_name));
        let views: Vec<_> = views.collect();
        let windows = rules.iter().flat_map(|workload| workload.windows).filter(|((row, _), _)| is_row_of(row, full_name));
        let windows: Vec<_> = windows.collect();
        let mut navigations: Vec<Arc<Navigation>> = base.map_or_else(Vec::new, |base| base.navigations.clone());
        for navigation in &declaration.navigations {
            let element = collection_element(&navigation.type_name);
            let type_name = element.unwrap_or(&navigation.type_name);
            let Some(NamedType::Structured(target)) = self.named(&document.expand(declaration.schema, type_name)) else {
                let reason = format!("unknown type {type_name} of navigation property {}/{}", declaration.name, navigation.name);
                return Err(SchemaError::new(navigation.at, reason));
            };
            let facts = type_facts.and_then(|facts| facts.member(&navigation.name));
            let name = &*navigation.name;
            let contains_target = navigation.contains_target && !references.contains(&name);
            let kind = if contains_target { SetKind::Contained } else { SetKind::References };
            let path = format!("{}/{}", declaration.name, navigation.name);
            let set = self.add_set(Owner::Type(id, element.is_none()), &navigation.name, target, kind, &path);
            navigations.push(Arc::new(Navigation {
                name: navigation.name.as_ref().into(),
                target,
                is_collection: element.is_some(),
                contains_target,
                set,
                is_expandable: facts.and_then(|facts| facts.expandable) != Some(false) && !unexpanded.contains(&name),
                view: views.iter().find(|(_, viewed, _)| *viewed == name).map(|(_, _, view)| *view),
                restrictions: Restrictions::of(facts, &mut self.property_lists),
                window: windows.iter().find(|((_, own), _)| *own == name).map(|(_, window)| *window),
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
                    eventual: row_of(rules, |workload| workload.eventual, full_name)
                        .or_else(|| base.and_then(|base| base.rare().eventual)),
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

    /// Adds a set, unless it is there already.
    fn add_set(&mut self, owner: Owner, name: &str, target: TypeId, kind: SetKind, path: &str) -> SetId {
        let next = SetId(self.sets.len());
        let key = (owner, Box::from(name), kind == SetKind::Singleton, target);
        let set = *self.set_numbers.entry(key).or_insert(next);
        if set == next {
            self.sets.push(Set {
                name: name.into(),
                path: path.into(),
                fragment: format!("#{path}").into(),
                target,
                kind,
                is_single: kind == SetKind::Singleton || matches!(owner, Owner::Type(_, true)),
                quotes_keys: true,
            });
        }
        set
    }

    /// Adds the collections that singletons contain.
    fn add_fixed(&mut self, model: &Model) {
        for root in model.roots.iter().filter(|root| root.is_singleton && root.caller_in.is_none()) {
            let navigations = model.find_structured(root.target).map_or(&[][..], |structured| &structured.navigations);
            for navigation in navigations.iter().filter(|navigation| navigation.is_collection && navigation.contains_target) {
                let path = format!("{}/{}", root.name, navigation.name);
                let owner = Owner::Singleton(root.set);
                let set = self.add_set(owner, &navigation.name, navigation.target, SetKind::Fixed(root.set), &path);
                self.fixed.insert((root.set, navigation.set), set);
            }
        }
    }

    fn entity_type(&self, document: &Document<'_>, model: &Model, schema: usize, type_name: &str) -> Result<TypeId, String> {
        match self.named(&document.expand(schema, type_name)) {
            Some(NamedType::Structured(id)) if model.find_structured(id).is_some_and(|structured| structured.is_entity) => Ok(id),
            _ => Err(format!("unknown entity type {type_name}")),
        }
    }
}

fn is_same_declaration(one: &Arc<TypeDeclaration<'_>>, other: &Arc<TypeDeclaration<'_>>) -> bool {
    // Most declarations of both versions are those that Graph publishes.
    std::ptr::eq(Arc::as_ptr(one).cast::<u8>(), Arc::as_ptr(other).cast::<u8>()) || one.is_alike(other)
}

/// Marks the types whose instances, or complex values in them, can have a derived type.
fn mark_polymorphic(model: &mut Model) {
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

/// The length of a member without a value beside its name: quotes, colon, null and comma.
const BLANK_MEMBER: usize = 8;

fn enumeration(full_name: &str, declaration: &csdl::EnumDeclaration<'_>) -> EnumType {
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
        matches!(properties[*index].kind, PropertyType::Complex(_) | PropertyType::Collection(super::ItemType::Complex(_)))
    };
    let simple = (0..properties.len()).filter(|index| !is_complex(index));
    simple.chain((0..properties.len()).filter(is_complex)).map(short).collect()
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
