//! Links between entities: requests for `$ref`, and links in the bodies of other requests.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use http::{Method, StatusCode};

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::key;
use crate::edm::patch::{NamedEntity, Patch, Related, RelatedEntities};
use crate::edm::schema::{Navigation, SetId, StructuredType, TypeId};
use crate::edm::value::{Complex, Entity};
use crate::graph::context::OperationContext;
use crate::graph::ops::{Outcome, required, unique};
use crate::graph::success::Success;
use crate::graph::{body, statuses};
use crate::odata::error::Error;
use crate::odata::write::separate;
use crate::policy::behavior::{RequiredLinks, UnknownReference};
use crate::policy::refusal;
use crate::text::form;
use crate::text::json::{Json, write_string};
use crate::world::links;
use crate::world::store::{InsertError, LookUpUnpaid, RECORD_BYTES, StoreFull, StoredEntity};

/// Adds a link to a collection, or sets a single one.
pub(super) fn write(context: &OperationContext<'_>) -> Result<Outcome, Error> {
    let mut decided = Vec::new();
    let bytes = body::bytes(context.request, &context.world.behaviors)?;
    let address = address_in(&body::parse(&bytes)?, &name(context))?;
    check_holder(context)?;
    let place = &context.route.collection;
    let holder = &holder_type(context).full_name;
    let target = target(context, context.route.type_id, (holder, &name(context)), &address, &mut decided)?;
    if !link(context, place, &target)? {
        return Err(Error::new(&refusal::ALREADY_LINKED, &[&name(context)]));
    }
    let status = statuses::of_reference(context.world, &holder_type(context).full_name, &name(context));
    Ok(Success { status: status.unwrap_or(StatusCode::NO_CONTENT), decided, ..Success::no_content() }.into())
}

/// Answers with the address of the entity that a link leads to (OData JSON Format 4.0, 13).
pub(super) fn get(context: &OperationContext<'_>, key: &str) -> Result<Success, Error> {
    let link = context.collection()?.get(key).or_else(|| linked(context, key));
    let target = link.as_ref().and_then(|link| link.linked());
    // Links to deleted objects stay, for the time after they are restored.
    let target = target.filter(|target| context.world.store.entity(target).is_some()).ok_or_else(|| not_found(context, key))?;
    let mut out = context.begin_body("#$ref", "", 100);
    separate(&mut out);
    out.extend_from_slice(b"\"@odata.id\":");
    write_string(&mut out, &context.absolute(&target.text(&context.world.schema)));
    out.push(b'}');
    Ok(context.json(StatusCode::OK, out, Vec::new()))
}

/// Returns the link of the path, by the key of the entity that it leads to.
fn linked(context: &OperationContext<'_>, key: &str) -> Option<Arc<StoredEntity>> {
    links::link(&context.world.schema, &context.world.store, &context.route.collection, key, Some(context.purse))
}

/// Returns the refusal of a link that is not there.
fn not_found(context: &OperationContext<'_>, key: &str) -> Error {
    let wording = context.structured().wording;
    let error = Error::new(wording.unknown_entity, &[wording.noun, key, &context.structured().full_name]);
    Error { inner_code: wording.not_found_code, ..error }
}

/// Removes a link.
pub(super) fn remove(context: &OperationContext<'_>, key: Option<&str>) -> Result<Outcome, Error> {
    check_holder(context)?;
    let place = &context.route.collection;
    let set = context.world.schema.set(place.set);
    if set.is_required && context.world.behaviors.required_links == RequiredLinks::Keep {
        let target = context.model.structured(set.target);
        let error = Error::new(&refusal::NULL_VALUE, &[&set.name, &target.full_name]);
        return Err(error.with_detail(format!("{} must lead to an entity", set.name)).decided_by("required-links"));
    }
    let missing = || not_linked(context);
    let key: Arc<str> = if let Some(key) = key {
        key.into()
    } else {
        let query = context.request.target.query().unwrap_or_default();
        let id = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| {
            let name = form::decoded(name);
            name.eq_ignore_ascii_case("$id") || name.eq_ignore_ascii_case("id")
        });
        let id = id.map(|(_, value)| form::decoded(value).into_owned());
        let address = id.as_deref().and_then(|id| EntityAddress::parse(&context.world.schema, context.model, id));
        let address = address.ok_or_else(|| Error::new(&refusal::INVALID_REFERENCE, &[&name(context)]))?;
        linked_by(context, place, &address)?.ok_or_else(missing)?
    };
    let key = linked(context, &key).ok_or_else(missing)?.key.clone();
    let kept = kept(context);
    // Of links that are removed at once, a single request removes the last but one.
    let _alone = kept.map(|_| context.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(refusal) = kept.filter(|_| context.world.store.at(place).len() <= 1) {
        return Err(Error::new(refusal, &[]));
    }
    context.world.store.to_remove(place).remove(&key).ok_or_else(missing)?;
    let decided = if set.is_required { vec!["required-links"] } else { Vec::new() };
    Ok(Success { decided, ..Success::no_content() }.into())
}

/// Returns the key of the link to the entity of an address.
fn linked_by(
    context: &OperationContext<'_>,
    place: &CollectionAddress,
    address: &EntityAddress,
) -> Result<Option<Arc<str>>, Error> {
    if let Some(found) = find(context, address)? {
        return Ok(links::key_of(&context.world.store, place, &found));
    }
    // The entity has been deleted, and can be restored.
    let former = candidates(context, &address.collection).into_iter();
    let mut former = former.map(|collection| EntityAddress { collection, key: address.key.clone() });
    Ok(former.find_map(|former| links::key_of(&context.world.store, place, &former)))
}

/// Returns the methods of a navigation property's links, or of one of them.
pub(super) fn methods(context_is_single: bool, has_key: bool) -> Vec<Method> {
    match (context_is_single, has_key) {
        (true, _) => vec![Method::GET, Method::PUT, Method::DELETE],
        (false, true) => vec![Method::GET, Method::DELETE],
        (false, false) => vec![Method::GET, Method::POST, Method::DELETE],
    }
}

/// Returns the name of the navigation property.
fn name(context: &OperationContext<'_>) -> String {
    context.world.schema.set(context.route.collection.set).name.to_string()
}

/// Returns the type of the entity that has the links.
fn holder_type<'c>(context: &OperationContext<'c>) -> &'c StructuredType {
    context.route.ancestors.last().map_or_else(|| context.structured(), |holder| context.model.structured(holder.type_id))
}

/// Checks that the entity that has the links exists, and that they do not follow from others.
fn check_holder(context: &OperationContext<'_>) -> Result<(), Error> {
    context.check_way()?;
    if context.world.schema.is_derived(context.route.collection.set) {
        return Err(Error::new(&refusal::DERIVED_LINK, &[]));
    }
    Ok(())
}

/// Returns the refusal of the removal of a link that is not there: it names the entity that has the links.
fn not_linked(context: &OperationContext<'_>) -> Error {
    let holder = context.route.ancestors.last();
    let (structured, key) = (holder_type(context), holder.map_or("", |holder| &*holder.key));
    let wording = structured.wording;
    let error = Error::new(wording.unknown_entity, &[wording.noun, key, &structured.full_name]);
    Error { inner_code: wording.not_found_code, ..error }.with_detail(format!("no such link in {}", name(context)))
}

/// Returns the refusal of the removal of the last link, if one must stay.
fn kept(context: &OperationContext<'_>) -> Option<&'static refusal::Refusal> {
    statuses::kept_links(context.world, &holder_type(context).full_name, &name(context))
}

/// Returns the address in the body of a request for a link.
fn address_in(json: &Json<'_>, name: &str) -> Result<String, Error> {
    let Json::Object(members) = json else { return Err(Error::new(&refusal::NOT_AN_OBJECT, &[])) };
    let id = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("@odata.id") || name.eq_ignore_ascii_case("@id"));
    match id {
        Some((_, Json::String(address))) => Ok(address.to_string()),
        Some(_) => Err(Error::new(&refusal::INVALID_REFERENCE, &[name])),
        None => Err(Error::new(&refusal::MISSING_REFERENCE, &[name])),
    }
}

/// An entity that a link is to lead to.
struct Target {
    address: EntityAddress,
    /// Whether it is created with the link.
    is_new: bool,
    /// The values that it has then, beside its key.
    values: Option<Box<Patch>>,
}

/// Returns the entity that an address in a request names. Nothing is stored: the request may be refused yet.
///
/// # Errors
///
/// Fails if it is not the address of an entity, if the entity does not exist, or if the navigation property does not lead to its type.
fn target(
    context: &OperationContext<'_>,
    declared: TypeId,
    (holder, name): (&str, &str),
    address: &str,
    decided: &mut Vec<&'static str>,
) -> Result<Target, Error> {
    let (world, model) = (context.world, context.model);
    let parsed = EntityAddress::parse(&world.schema, model, address)
        .ok_or_else(|| Error::new(&refusal::INVALID_REFERENCE, &[name]).with_detail(format!("not an address: {address:?}")))?;
    if let Some(found) = find(context, &parsed)? {
        return existing(context, declared, (holder, name), found, address);
    }
    let is_created = is_created_by_link(context, &candidates(context, &parsed.collection), decided);
    let structured = model.find_structured(world.schema.set(parsed.collection.set).target);
    if !is_created || structured.is_none() || parsed.collection.holder.is_some() {
        let structured = structured.unwrap_or_else(|| model.structured(declared));
        let wording = structured.wording;
        if let Some(error) = context.malformed(structured, &parsed.collection, &parsed.key) {
            return Err(error.with_detail(format!("{address} does not exist")));
        }
        let error = Error::new(wording.unknown_entity, &[wording.noun, &parsed.key, &structured.full_name]);
        return Err(Error { inner_code: wording.not_found_code, ..error }.with_detail(format!("{address} does not exist")));
    }
    Ok(Target { address: parsed, is_new: true, values: None })
}

/// Returns an entity that exists as the target of a link, if it has a type to which the navigation property leads.
fn existing(
    context: &OperationContext<'_>,
    declared: TypeId,
    (holder, name): (&str, &str),
    found: EntityAddress,
    address: &str,
) -> Result<Target, Error> {
    let (world, model) = (context.world, context.model);
    let own = world.store.entity(&found).map_or(declared, |entity| context.own_type(&entity, found.collection.set));
    let is_linked = |types: &[&str]| {
        let is_one = |name: &&str| model.type_named(name).is_some_and(|wanted| model.is_a(own, wanted));
        model.structured(own).is_placeholder || types.iter().any(is_one)
    };
    let is_taken = statuses::linked_types(world, holder, name).is_none_or(is_linked);
    if is_taken && model.shows_as(own, declared) {
        return Ok(Target { address: found, is_new: false, values: None });
    }
    let detail = format!("{address} is of type {}", model.structured(own).full_name);
    Err(Error::new(&refusal::WRONG_REFERENCE, &[name]).with_detail(detail))
}

/// Whether an entity that none of the collections has begins to exist with the link to it.
fn is_created_by_link(
    context: &OperationContext<'_>,
    collections: &[CollectionAddress],
    decided: &mut Vec<&'static str>,
) -> bool {
    let world = context.world;
    decided.push("unknown-reference");
    let is_path = |collection: &CollectionAddress| context.route.ancestors.iter().any(|above| above.collection == *collection);
    // Sets that an import left out are silent about the entities to which its own lead.
    let is_import = world.store.is_imported(context.route.collection.root);
    let is_blank = |collection: &CollectionAddress| {
        (is_import && !world.store.is_imported(collection.root))
            || world.store.at(collection).len() <= usize::from(is_path(collection))
    };
    match world.behaviors.unknown_reference {
        UnknownReference::Refuse => false,
        UnknownReference::Create => true,
        UnknownReference::Known => collections.iter().all(is_blank),
    }
}

/// Returns the entity that an object in a body names by its key, or the place where it begins to exist.
fn named_target(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    navigation: &Navigation,
    NamedEntity { key, values, begins }: &NamedEntity,
    decided: &mut Vec<&'static str>,
) -> Result<Target, Error> {
    let path = (&*structured.full_name, &*navigation.name);
    let collections = collections_of(context, navigation.target);
    for collection in &collections {
        let named = EntityAddress { collection: collection.clone(), key: key.clone() };
        if let Some(found) = find(context, &named)? {
            return existing(context, navigation.target, path, found, key);
        }
    }
    let is_created = *begins || is_created_by_link(context, &collections, decided);
    if let Some(collection) = collections.into_iter().next().filter(|_| is_created) {
        let address = EntityAddress { collection, key: key.clone() };
        return Ok(Target { address, is_new: true, values: Some(Box::new(values.clone())) });
    }
    let target = context.model.structured(navigation.target);
    let wording = target.wording;
    let error = Error::new(wording.unknown_entity, &[wording.noun, key, &target.full_name]);
    Err(Error { inner_code: wording.not_found_code, ..error }.with_detail(format!("{} {key:?} does not exist", navigation.name)))
}

/// Returns the collections in which an entity can live that a new one names by its key: that of the request, those of the entities above it, the
/// innermost first, and the sets of the type.
fn collections_of(context: &OperationContext<'_>, target: TypeId) -> Vec<CollectionAddress> {
    let (schema, model, route) = (&context.world.schema, context.model, context.route);
    let mut found: Vec<CollectionAddress> = Vec::new();
    let mut add = |collection: CollectionAddress| {
        let set = schema.set(collection.set);
        if !set.is_single && model.is_a(set.target, target) && !found.contains(&collection) {
            found.push(collection);
        }
    };
    add(route.collection.clone());
    for above in route.ancestors.iter().rev() {
        let navigations = model.structured(above.type_id).navigations.iter();
        for navigation in navigations.filter(|navigation| navigation.contains_target && navigation.is_collection) {
            add(above.collection.within(schema, &above.key, navigation.set));
        }
    }
    for set in schema.root_sets() {
        add(set.into());
    }
    found
}

/// Returns the entity of an address, which may be in the set of a derived type or have another key.
fn find(context: &OperationContext<'_>, named: &EntityAddress) -> Result<Option<EntityAddress>, Error> {
    for collection in candidates(context, &named.collection) {
        let key = match context.world.store.get(&collection, &named.key) {
            Some(entity) => Some(entity.key.clone()),
            None => by_other_key(context, &collection, &named.key)?,
        };
        if let Some(key) = key {
            return Ok(Some(EntityAddress { collection, key }));
        }
    }
    Ok(None)
}

/// Stores an entity that a link is the first to name.
fn create_named(context: &OperationContext<'_>, address: &EntityAddress, values: Option<&Patch>) -> Result<(), Error> {
    let world = context.world;
    let Some(structured) = context.model.find_structured(world.schema.set(address.collection.set).target) else { return Ok(()) };
    let mut properties = Complex::initial(structured);
    if let Some(values) = values.filter(|values| values.read_as.is_none()) {
        properties = values.apply(context.model, structured, &properties);
    }
    properties.set_key(context.model, structured, &address.key);
    let entity = Arc::new(StoredEntity::of_type(address.key.clone(), properties, structured.blank_text));
    let collection = world.store.to_change(&address.collection, entity.size() + RECORD_BYTES)?;
    match collection.insert(entity) {
        Ok(()) | Err(InsertError::DuplicateKey) => Ok(()),
        Err(InsertError::Full(full)) => Err(full.into()),
    }
}

/// Returns the collections in which the entity of an address can live: that of the address, and those of derived types.
fn candidates(context: &OperationContext<'_>, named: &CollectionAddress) -> Vec<CollectionAddress> {
    let schema = &context.world.schema;
    let declared = schema.set(named.set).target;
    let derives =
        |set: &SetId| *set != named.set && !schema.set(*set).is_single && context.model.is_a(schema.set(*set).target, declared);
    let others = schema.root_sets().filter(|set| named.holder.is_none() && derives(set));
    std::iter::once(named.clone()).chain(others.map(CollectionAddress::from)).collect()
}

/// Returns the key of the entity that has another key of this value.
fn by_other_key(context: &OperationContext<'_>, collection: &CollectionAddress, wanted: &str) -> Result<Option<Arc<str>>, Error> {
    let stored = context.world.store.at(collection);
    if let Some(entity) = key::guid_in_lower_case(wanted).and_then(|key| stored.get(&key)) {
        return Ok(Some(entity.key.clone()));
    }
    let structured = context.model.find_structured(context.world.schema.set(collection.set).target);
    let properties = structured.iter().flat_map(|own| own.alternate_keys.iter().map(|index| &own.properties[*index]));
    for property in properties {
        let found = stored.with_text(property.slot, wanted, context.purse);
        let found = found.map_err(|LookUpUnpaid| context.too_expensive())?;
        if let Some((_, entity)) = found.first() {
            return Ok(Some(entity.key.clone()));
        }
    }
    Ok(None)
}

/// Links an entity: adds it to a collection, or sets a single link. Returns whether it was not in the collection before.
fn link(context: &OperationContext<'_>, place: &CollectionAddress, target: &Target) -> Result<bool, Error> {
    if target.is_new {
        create_named(context, &target.address, target.values.as_deref())?;
    }
    let (schema, store) = (&*context.world.schema, &*context.world.store);
    let set = schema.set(place.set);
    let mut keys = links::keys(schema, &target.address);
    let mut next = || if set.is_single { set.name.as_ref().into() } else { keys.next().unwrap_or_default() };
    let mut key: Arc<str> = next();
    let mut link = Entity::link(key.clone(), target.address.clone());
    let mut stored = Arc::new(StoredEntity::from(link.clone()));
    loop {
        let collection = context.world.store.to_change(place, stored.size() + RECORD_BYTES)?;
        match collection.insert(stored.clone()) {
            Ok(()) => return Ok(true),
            Err(InsertError::Full(full)) => return Err(full.into()),
            Err(InsertError::DuplicateKey) if !set.is_single => {
                if links::key_of(store, place, &target.address).is_some() {
                    return Ok(false);
                }
                // The link to another entity has it.
                key = next();
                link = Entity::link(key.clone(), target.address.clone());
                stored = Arc::new(StoredEntity::from(link.clone()));
            }
            // The former link stays without room for the new one. If it was removed meanwhile, the next round adds it.
            Err(InsertError::DuplicateKey) => match collection.update(&key, |_| Ok::<_, StoreFull>(link.clone())) {
                Some(Ok(_)) => return Ok(true),
                Some(Err(full)) => return Err(full.into()),
                None => {}
            },
        }
    }
}

/// The entities that a body gives a navigation property, looked up.
pub(super) struct Relation<'m> {
    navigation: &'m Navigation,
    entities: RelationEntities<'m>,
}

enum RelationEntities<'m> {
    Linked(Vec<Target>),
    Unlinked,
    New(Vec<NewEntity<'m>>),
}

/// An entity that a body contains, with what it contains and links to itself.
pub(super) struct NewEntity<'m> {
    pub(super) structured: &'m StructuredType,
    pub(super) patch: Patch,
    relations: Vec<Relation<'m>>,
}

/// Looks up the entities that a body links to. `holder` is the entity that has the navigation properties, if it exists.
///
/// # Errors
///
/// Returns the refusal of the first address that does not lead to an entity, or to one that is linked already.
pub(super) fn look_up<'m>(
    context: &OperationContext<'m>,
    structured: &'m StructuredType,
    related: &[Related],
    holder: Option<&EntityAddress>,
    decided: &mut Vec<&'static str>,
) -> Result<Vec<Relation<'m>>, Error> {
    let links = |related: &Related| match &related.entities {
        RelatedEntities::Bound(addresses) => addresses.len(),
        RelatedEntities::Named(_) => 1,
        RelatedEntities::Unbound | RelatedEntities::New(_) => 0,
    };
    let limit = statuses::link_limit(context.world, structured, context.model);
    if limit.is_some_and(|limit| related.iter().map(links).sum::<usize>() > limit) {
        return Err(Error::new(&refusal::TOO_MANY_LINKS, &[]));
    }
    let mut relations = Vec::with_capacity(related.len());
    for Related { navigation, entities } in related {
        let navigation = &*structured.navigations[*navigation];
        let entities = match entities {
            RelatedEntities::Unbound => RelationEntities::Unlinked,
            RelatedEntities::Bound(addresses) => {
                if context.world.schema.is_derived(navigation.set) {
                    return Err(Error::new(&refusal::DERIVED_LINK, &[]));
                }
                let mut targets: Vec<Target> = Vec::with_capacity(addresses.len());
                let mut known = HashSet::new();
                for address in addresses {
                    let path = (&*structured.full_name, &*navigation.name);
                    let target = target(context, navigation.target, path, address, decided)?;
                    let is_there = holder.filter(|_| navigation.is_collection).is_some_and(|holder| {
                        let place = holder.collection.within(&context.world.schema, &holder.key, navigation.set);
                        links::key_of(&context.world.store, &place, &target.address).is_some()
                    });
                    if is_there || !known.insert(target.address.clone()) {
                        return Err(Error::new(&refusal::ALREADY_LINKED, &[&navigation.name]));
                    }
                    targets.push(target);
                }
                RelationEntities::Linked(targets)
            }
            RelatedEntities::Named(named) => {
                if context.world.schema.is_derived(navigation.set) {
                    return Err(Error::new(&refusal::DERIVED_LINK, &[]));
                }
                RelationEntities::Linked(vec![named_target(context, structured, navigation, named, decided)?])
            }
            RelatedEntities::New(patches) => {
                let declared = context.model.structured(navigation.target);
                let values = |patch: &Patch| {
                    let structured = context.model.actual(declared, patch.read_as);
                    (structured, patch.apply(context.model, declared, &Complex::initial(structured)))
                };
                unique::check_together(context, &patches.iter().map(values).collect::<Vec<_>>())?;
                let new = |patch: &Patch| {
                    let structured = context.model.actual(declared, patch.read_as);
                    required::check(structured, patch)?;
                    let relations = look_up(context, structured, &patch.related, None, decided)?;
                    Ok(NewEntity { structured, patch: patch.clone(), relations })
                };
                RelationEntities::New(patches.iter().map(new).collect::<Result<_, Error>>()?)
            }
        };
        relations.push(Relation { navigation, entities });
    }
    Ok(relations)
}

/// Stores a new entity in a collection, and returns its key.
type CreateNested<'c, 'm> = dyn FnMut(&CollectionAddress, &NewEntity<'m>) -> Result<Arc<str>, Error> + 'c;

/// Stores what a body links to and contains. `create` stores a new entity in a collection, and returns its key.
pub(super) fn relate<'m>(
    context: &OperationContext<'m>,
    holder: &EntityAddress,
    relations: &[Relation<'m>],
    create: &mut CreateNested<'_, 'm>,
) -> Result<(), Error> {
    for Relation { navigation, entities } in relations {
        let place = holder.collection.within(&context.world.schema, &holder.key, navigation.set);
        match entities {
            // A link that another request has added meanwhile is the same one.
            RelationEntities::Linked(targets) => targets.iter().try_for_each(|target| link(context, &place, target).map(drop))?,
            RelationEntities::Unlinked => {
                context.world.store.to_remove(&place).remove(&navigation.name);
            }
            RelationEntities::New(entities) => {
                // An entity that lives elsewhere is created there, and linked.
                let elsewhere = if navigation.contains_target { None } else { Some(collections_of(context, navigation.target)) };
                let home = elsewhere.map(|homes| homes.into_iter().next());
                let home = home.map(|home| home.ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))).transpose()?;
                for entity in entities {
                    let key = create(home.as_ref().unwrap_or(&place), entity)?;
                    let address = EntityAddress { collection: home.clone().unwrap_or_else(|| place.clone()), key };
                    let mut related = relate(context, &address, &entity.relations, create);
                    if home.is_some() && related.is_ok() {
                        let target = Target { address: address.clone(), is_new: false, values: None };
                        related = link(context, &place, &target).map(drop);
                    }
                    if let (true, Err(_)) = (home.is_some(), &related) {
                        // The entity that names it is undone, too.
                        let collection = context.world.store.to_change(&address.collection, 0)?;
                        let _ = collection.remove(&address.key);
                    }
                    related?;
                }
            }
        }
    }
    Ok(())
}
