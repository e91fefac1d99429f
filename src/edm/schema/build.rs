//! Builds tables from the declarations of two documents.

mod merge;
mod operations;
mod properties;
mod types;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, OnceLock, Weak};
use std::thread;

use foldhash::fast::RandomState;

use self::properties::SlotNumbers;
use super::csdl::packed::Packed;
use super::csdl::{self, Document, TypeDeclaration};
use super::name_index::NameIndex;
use super::names::{self, Names};
use super::rules::WorkloadRules;
use super::{
    Address, EnumId, ItemType, Model, NamedType, Operation, Property, PropertyLists, Restrictions, Root, Schema, SchemaError,
    SchemaText, Set, SetId, SetKind, StructuredType, TypeId, Version,
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
    let is_built_in = matches!(documents, [SchemaText::BuiltIn(Version::V1), SchemaText::BuiltIn(Version::Beta)]);
    // Of two built-in documents, the second is read where it differs from the first.
    let changes = if is_built_in { super::text::changed_in_beta() } else { Vec::new() };
    // Declarations have places, of which only that of a problem is a line.
    let texts = [OnceLock::new(), OnceLock::new()];
    let text = |version: Version| &**texts[index_of(version)].get_or_init(|| documents[index_of(version)].text());
    let placed = |version: Version| {
        move |error: SchemaError| SchemaError { line: csdl::line_at(text(version), error.line), version: Some(version), ..error }
    };
    let read = |version: Version| csdl::read(text(version)).map_err(|error| SchemaError { version: Some(version), ..error });
    let own = thread::scope(|scope| {
        if is_built_in {
            let v1 = read(Version::V1)?;
            let beta = csdl::changed(&v1, &changes, |text| csdl::read(text).ok()).map_or_else(|| read(Version::Beta), Ok)?;
            return Ok([v1, beta]);
        }
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
        operations: HashMap::default(),
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
    check_keys([&v1, &beta], &declared, &numbers, |version| matches!(documents[index_of(version)], SchemaText::Given(_)))
        .map_err(|error| placed(error.version.unwrap_or(Version::V1))(error))?;
    let mut union = merge::union(&v1, &beta);
    let mut models = [v1, beta];
    let by_name = Arc::new(std::mem::take(&mut shared.slots).by_name());
    let property_lists = Arc::new(std::mem::take(&mut shared.property_lists));
    for model in models.iter_mut().chain([&mut union]) {
        (model.slots, model.property_lists) = (by_name.clone(), property_lists.clone());
    }
    for ((model, document), text) in models.iter_mut().zip(&declared).zip(documents) {
        model.revisions = matches!(text, SchemaText::Given(_)).then(|| document.revisions.clone().into());
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

fn index_of(version: Version) -> usize {
    usize::from(version != Version::V1)
}

/// Checks that the types of both versions have the same keys: an entity has one key, by which both versions find it.
fn check_keys(
    models: [&Model; 2],
    declared: &[Document<'_>; 2],
    numbers: &[Numbers; 2],
    is_given: impl Fn(Version) -> bool,
) -> Result<(), SchemaError> {
    let version = if is_given(Version::Beta) { Version::Beta } else { Version::V1 };
    let index = index_of(version);
    for (declaration, id) in declared[index].types.iter().zip(&numbers[index].types) {
        let [Some(v1), Some(beta)] = models.map(|model| model.find_structured(*id)) else { continue };
        let (Some(one), Some(other)) = (v1.key_property(), beta.key_property()) else { continue };
        if one.slot != other.slot {
            let key = |model: &Model, property: &Property| format!("{} ({})", property.name, model.kind_name(property.kind));
            let keys = (key(models[0], one), key(models[1], other));
            let reason = format!("different keys of type {}: {} in v1.0, {} in beta", declaration.name, keys.0, keys.1);
            return Err(SchemaError { version: Some(version), ..SchemaError::new(declaration.at, reason) });
        }
    }
    Ok(())
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

/// Returns declarations by their numbers.
fn by_number<'d, I: Copy + Eq + Hash, D>(numbers: &[I], declarations: &'d [Arc<D>]) -> HashMap<I, &'d Arc<D>, RandomState> {
    numbers.iter().copied().zip(declarations).collect()
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
    /// The operations of the last version, by the places of their declarations in memory.
    operations: HashMap<usize, Arc<Operation>, RandomState>,
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
            auto_expanding: Box::default(),
            hidden: Box::default(),
            enums: vec![None; enums as usize].into(),
            roots: Vec::new(),
            root_names: NameIndex::default(),
            operations: HashMap::default(),
            slots: Arc::default(),
            revisions: None,
            property_lists: Arc::default(),
            namespaces: document.schemas.iter().map(|schema| schema.namespace.as_str().into()).collect(),
            aliases: document.aliases().map(|(alias, namespace)| (alias.into(), namespace.into())).collect(),
            imports: document.imports.iter().map(|(name, operation)| (name.as_ref().into(), operation.as_ref().into())).collect(),
        };
        let by_id = declarations(document, numbers, types);
        let earlier_by_id = earlier.map(|(document, numbers, _)| declarations(document, numbers, types)).unwrap_or_default();
        let earlier_enums = earlier.map(|(document, numbers, _)| by_number(&numbers.enums, &document.enums)).unwrap_or_default();
        let earlier = earlier.map(|(document, _, model)| Earlier { document, model, declarations: &earlier_by_id });
        let has_same_schemas = earlier.as_ref().is_some_and(|earlier| document.has_schemas_of(earlier.document));
        for (id, declaration) in numbers.enums.iter().zip(&document.enums) {
            let twin = earlier_enums.get(id).filter(|twin| has_same_schemas && declaration.is_alike(twin));
            let same = twin.zip(earlier.as_ref()).and_then(|(_, earlier)| earlier.model.enums[id.0 as usize].clone());
            model.enums[id.0 as usize] = Some(same.unwrap_or_else(|| {
                let full_name = document.qualified(declaration.schema, &declaration.name);
                Arc::new(types::enumeration(&full_name, declaration))
            }));
        }
        for (id, declaration) in numbers.types.iter().zip(&document.types) {
            self.add_type(document, &mut model, &by_id, (*id, declaration), earlier.as_ref())?;
        }
        types::mark_polymorphic(&mut model);
        types::find_special_members(&mut model);
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
        let earlier_operations = earlier.as_ref().filter(|_| has_same_schemas).map(|_| &self.operations);
        let mut built = Vec::with_capacity(document.operations.len());
        for declaration in &document.operations {
            let twin = earlier_operations.and_then(|known| known.get(&operations::place(declaration)));
            let operation = match twin.filter(|twin| operations::has_types_of(&model, twin, earlier.as_ref())) {
                Some(twin) => twin.clone(),
                None => match operations::build(self, document, &model, declaration) {
                    Some(operation) => Arc::new(operation),
                    None => continue,
                },
            };
            built.push((operations::place(declaration), operation));
        }
        for (_, operation) in &built {
            let name = names::lower(&operation.name, &mut [0; names::SHORT]).into();
            model.operations.entry(name).or_default().push(operation.clone());
        }
        self.operations = built.into_iter().collect();
        Ok(model)
    }

    /// Returns the declared type of a name as written in a schema of a document.
    fn named(&self, document: &Document<'_>, schema: usize, name: &str) -> Option<NamedType> {
        let (namespace, local) = document.resolve(schema, name);
        self.named_in(namespace, local)
    }

    /// Returns the declared type of a name in a namespace.
    fn named_in(&self, namespace: &str, local: &str) -> Option<NamedType> {
        // This is asked for each property: the qualified name is mostly put together on the stack.
        let (mut room, length) = ([0; names::SHORT], namespace.len() + 1 + local.len());
        let Some(qualified) = room.get_mut(..length) else {
            return self.names.get(&*[namespace, ".", local].concat().to_ascii_lowercase()).copied();
        };
        qualified[..namespace.len()].copy_from_slice(namespace.as_bytes());
        qualified[namespace.len()] = b'.';
        qualified[namespace.len() + 1..].copy_from_slice(local.as_bytes());
        qualified.make_ascii_lowercase();
        self.names.get(std::str::from_utf8(qualified).ok()?).copied()
    }

    /// Returns the type of a value with a name as written in a schema of a document, if it is primitive or declared.
    fn item(&self, document: &Document<'_>, schema: usize, name: &str) -> Option<ItemType> {
        let (namespace, local) = document.resolve(schema, name);
        if let Some(primitive) = names::primitive(namespace, local) {
            return Some(ItemType::Primitive(primitive));
        }
        Some(match self.named_in(namespace, local)? {
            NamedType::Enum(id) => ItemType::Enum(id),
            NamedType::Structured(id) => ItemType::Complex(id),
        })
    }

    /// Whether rows can be about a type.
    fn has_rows(&self, full_name: &str) -> bool {
        let local = full_name.strip_prefix(names::GRAPH).unwrap_or(full_name);
        self.ruled.contains(local) || self.ruled.contains(full_name)
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
                fragment: ["#", path].concat().into(),
                target,
                kind,
                is_single: kind == SetKind::Singleton || matches!(owner, Owner::Type(_, true)),
                is_required: false,
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
        match self.named(document, schema, type_name) {
            Some(NamedType::Structured(id)) if model.find_structured(id).is_some_and(|structured| structured.is_entity) => Ok(id),
            _ => Err(format!("unknown entity type {type_name}")),
        }
    }
}
