//! PATCH of a file or folder with another name, or with another folder: it moves, with all that it contains
//! (learn.microsoft.com/graph/api/driveitem-move, within one drive).

use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::file_name::{self, DEPTH};
use crate::edm::patch::{NewValue, Patch};
use crate::edm::schema::{FileRules, PropertyType, Slot, StructuredType};
use crate::edm::tag;
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::graph::ops::change::{changed_response, collection_to_change, server_set_values, with_change};
use crate::graph::ops::condition::{Precondition, Unchanged};
use crate::graph::ops::{Outcome, create, folders, items};
use crate::odata::error::Error;
use crate::odata::read::Reading;
use crate::policy::refusal;
use crate::text::form::percent_decoded;
use crate::world::store::{InsertError, RECORD_BYTES, StoreFull, StoreUpdate, StoredEntity};

/// The steps that looking at an item, or moving it, costs.
const ITEM_STEPS: u64 = 16;

/// Returns the folder to which a patch moves an item, if it names another one than that which has it.
///
/// # Errors
///
/// Fails if the drive does not have the folder, or if the patch names another drive.
pub(super) fn destination(context: &OperationContext<'_>, key: &str, patch: &Patch) -> Result<Option<EntityAddress>, Error> {
    let structured = context.structured();
    let Some(rules) = structured.file else { return Ok(None) };
    let text = |name: &str| wanted(context, structured, rules, name, patch);
    let (id, drive) = (text(rules.parent.1), text(rules.drive));
    // An id counts before a path.
    let place = text(rules.parent.2).filter(|_| id.is_none());
    if id.is_none() && drive.is_none() && place.is_none() {
        return Ok(None);
    }
    let (world, model, schema) = (context.world, context.model, &context.world.schema);
    let holder = |place: &CollectionAddress| EntityAddress::parse(schema, model, place.holder.as_deref()?);
    let is_item = |address: &EntityAddress| schema.set(address.collection.set).target == structured.id;
    // The outermost folder is the root of the drive, which stays.
    let above = std::iter::successors(holder(&context.route.collection), |address| holder(&address.collection));
    let above: Vec<EntityAddress> = above.take_while(is_item).collect();
    let (Some(own), Some(root)) = (above.first(), above.last()) else { return Ok(None) };
    if let (Some(drive), Some(own)) = (drive, holder(&root.collection)) {
        let own_type = model.find_structured(schema.set(own.collection.set).target);
        let id = || own_type.zip(world.store.entity(&own)).and_then(|(own, entity)| id_of(own, &entity.properties));
        if *own.key != *drive && id().is_none_or(|id| *id != *drive) {
            return Err(Error::new(&refusal::MOVE_TO_ANOTHER_DRIVE, &[]));
        }
    }
    let item = || EntityAddress { collection: context.route.collection.clone(), key: key.into() };
    if let Some(place) = place {
        let folder = at_path(context, structured, rules, root, &place)?;
        if folder == *own {
            return Ok(None);
        }
        folders::check_no_file(context, structured, &folder)?;
        if is_within(&folder.text(schema), &item().text(schema)) {
            return Err(Error::new(&refusal::FOLDER_WITHIN_ITSELF, &[]));
        }
        return Ok(Some(folder));
    }
    let Some(wanted) = id else { return Ok(None) };
    let is_wanted = |address: &EntityAddress| {
        let id = || world.store.entity(address).and_then(|entity| id_of(structured, &entity.properties));
        *address.key == *wanted || id().is_some_and(|id| *id == *wanted)
    };
    if is_wanted(own) {
        return Ok(None);
    }
    let children = structured.navigation(rules.children).ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))?;
    let mut ahead = vec![root.clone()];
    while let Some(folder) = ahead.pop() {
        if is_wanted(&folder) {
            folders::check_no_file(context, structured, &folder)?;
            if is_within(&folder.text(schema), &item().text(schema)) {
                return Err(Error::new(&refusal::FOLDER_WITHIN_ITSELF, &[]));
            }
            return Ok(Some(folder));
        }
        let inner = folder.collection.within(schema, &folder.key, children.set);
        let items = world.store.list(&inner);
        if !context.purse.spend(ITEM_STEPS * (1 + items.len() as u64)) {
            return Err(context.too_expensive());
        }
        ahead.extend(items.into_iter().map(|item| EntityAddress { collection: inner.clone(), key: item.key.clone() }));
    }
    Err(Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[]))
}

/// Returns the folder at a path from the root of a drive: `/drive/root:/a/b`, or `/drives/{id}/root:/a/b` (medium, learn.microsoft.com/graph/
/// api/resources/itemreference).
fn at_path(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    rules: &FileRules,
    root: &EntityAddress,
    path: &str,
) -> Result<EntityAddress, Error> {
    let unknown = || Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[]);
    let (begin, names) = file_name::split_at_root(path).ok_or_else(unknown)?;
    let parts: Vec<&str> = begin.split('/').filter(|part| !part.is_empty()).collect();
    if !matches!(parts[..], [] | ["drive"] | ["me", "drive"] | ["drives", _]) {
        return Err(unknown());
    }
    let (world, schema) = (context.world, &context.world.schema);
    if let ["drives", id] = parts[..] {
        let drive = root.collection.holder.as_deref().and_then(|holder| EntityAddress::parse(schema, context.model, holder));
        let id = percent_decoded(id);
        if drive.is_some_and(|drive| *drive.key != *id && world.schema.set(drive.collection.set).is_root()) {
            return Err(Error::new(&refusal::MOVE_TO_ANOTHER_DRIVE, &[]));
        }
    }
    let children = structured.navigation(rules.children).ok_or_else(unknown)?;
    let mut folder = root.clone();
    for name in names.split('/').filter(|name| !name.is_empty()) {
        if !context.purse.spend(ITEM_STEPS) {
            return Err(context.too_expensive());
        }
        if folders::is_file(context, structured, rules, &folder) {
            return Err(unknown());
        }
        let inner = folder.collection.within(schema, &folder.key, children.set);
        let found = folders::find(context, structured, &inner, rules, &percent_decoded(name))?.ok_or_else(unknown)?;
        folder = EntityAddress { collection: inner, key: found.key.clone() };
    }
    Ok(folder)
}

/// Whether an address is that of an entity, or of one within it.
fn is_within(address: &str, entity: &str) -> bool {
    address.strip_prefix(entity).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn id_of(structured: &StructuredType, values: &Complex) -> Option<Arc<str>> {
    match values.get(structured.key_property()?.slot) {
        Value::String(id) => Some(id.clone()),
        _ => None,
    }
}

/// Returns a text of the reference to a folder in a patch.
fn wanted(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    rules: &FileRules,
    name: &str,
    patch: &Patch,
) -> Option<Arc<str>> {
    let index = structured.property(rules.parent.0)?;
    let PropertyType::Complex(id) = structured.properties[index].kind else { return None };
    let reference = context.model.structured(id);
    let member = reference.property(name)?;
    let value = match &patch.changes.iter().find(|change| change.property == index)?.to {
        NewValue::Merge(inner) => match &inner.changes.iter().find(|change| change.property == member)?.to {
            NewValue::Set(value) => value.clone(),
            NewValue::Merge(_) => return None,
        },
        NewValue::Set(Value::Complex(value)) => value.get(reference.properties[member].slot).clone(),
        NewValue::Set(_) => return None,
    };
    if let Value::String(id) = value { Some(id) } else { None }
}

/// Returns a patch of a file or a folder without what it says of the folder, if it does.
pub(super) fn without_folder(context: &OperationContext<'_>, patch: &Patch) -> Option<Patch> {
    let parent = context.structured().file.and_then(|rules| context.structured().property(rules.parent.0))?;
    let others = || patch.changes.iter().filter(|change| change.property != parent).cloned().collect::<Vec<_>>();
    (others().len() < patch.changes.len()).then(|| Patch { changes: others(), ..patch.clone() })
}

/// Returns what an item says of the folder that has it, if it is in one: a fixture can have items beside those of the root.
pub(super) fn own_folder(context: &OperationContext<'_>, key: &str) -> Option<(Slot, Value)> {
    let structured = context.structured();
    let slot = structured.slot(structured.file?.parent.0)?;
    let (schema, holder) = (&context.world.schema, context.route.collection.holder.as_deref()?);
    let holder = EntityAddress::parse(schema, context.model, holder)?;
    if schema.set(holder.collection.set).target != structured.id {
        return None;
    }
    let mut values = context.world.store.get(&context.route.collection, key)?.properties.clone();
    create::complete(
        context,
        structured,
        key,
        &mut values,
        &Patch::default(),
        &create::ancestors(context, &context.route.collection),
    );
    Some((slot, values.get(slot).clone()))
}

/// Whether a patch gives a file or a folder a name.
pub(super) fn is_renamed(context: &OperationContext<'_>, patch: &Patch) -> bool {
    let name = context.structured().file.and_then(|rules| context.structured().property(rules.name));
    name.is_some_and(|name| patch.changes.iter().any(|change| change.property == name))
}

/// Changes an item that gets another name: all of what the patch says, or nothing. `values` are those that the service sets.
pub(super) fn rename(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    precondition: &Precondition,
    (values, decided): (&[(Slot, Value)], Vec<&'static str>),
) -> Result<Outcome, Error> {
    let (world, model) = (context.world, context.model);
    let structured = context.structured();
    let internal = || Error::new(&refusal::INTERNAL, &[]);
    let rules = structured.file.ok_or_else(internal)?;
    let name = structured.slot(rules.name).ok_or_else(internal)?;
    let place = &context.route.collection;
    let own = EntityAddress { collection: place.clone(), key: key.into() };
    let collection = collection_to_change(context, key)?;
    let patched = |entity: &Entity| reading.patch.apply(model, structured, &entity.properties);
    let settled = |entity: &Entity| {
        let mut values = patched(entity);
        let replaced = folders::settle_name(context, structured, place, rules, &mut values, key)?;
        Ok::<_, Error>((values.get(name).clone(), replaced))
    };
    // A long search is done before others wait. What it finds counts later.
    let _ = settled(&*collection.get(key).ok_or_else(|| context.not_found(key))?);
    // Held until the item is stored.
    let _alone = folders::alone(context);
    let current = collection.get(key).ok_or_else(|| context.not_found(key))?;
    precondition.check(&current).map_err(Unchanged::to_error)?;
    let (new_name, replaced) = settled(&current)?;
    // All of it is paid for before anything is stored.
    let within = if current.properties.get(name) == &new_name { Vec::new() } else { items::within(context, &own)? };
    let updated = collection.update(key, |entity| {
        precondition.check(entity)?;
        let mut properties = patched(entity);
        properties.set(name, new_name.clone());
        for (slot, value) in values {
            properties.set(*slot, value.clone());
        }
        if let Some(key) = structured.key_property() {
            properties.set(key.slot, entity.properties.get(key.slot).clone());
        }
        tag::renew(structured, &mut properties, Some(&entity.properties), || world.next_tag_id());
        Ok::<_, Unchanged>(Entity::of_type(Arc::clone(&entity.key), properties, structured.blank_text))
    });
    let StoreUpdate { before, after } = updated.ok_or_else(|| context.not_found(key))?.map_err(Unchanged::to_error)?;
    let undo = |full: StoreFull| {
        let _ = collection.update(key, |_| Ok::<_, StoreFull>(Entity::clone(&before)));
        Error::from(full)
    };
    let paths = (path_of(context, structured, rules, &before.properties), path_of(context, structured, rules, &after.properties));
    let inner: Vec<EntityAddress> = within.into_iter().map(|(address, _)| address).filter(|address| *address != own).collect();
    change_paths(context, structured, rules, &inner, &paths).map_err(undo)?;
    if let Some(replaced) = replaced {
        let address = EntityAddress { collection: place.clone(), key: replaced.key.clone() };
        folders::remove_replaced(context, &address);
        folders::account(context, place, -1, -folders::size(structured, &replaced.properties, rules));
    }
    Ok(with_change(context, changed_response(context, &after, Some(&before), decided), Some(before), Some(after)))
}

/// Changes the paths of the items within a folder: all of them, or none.
fn change_paths(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    rules: &FileRules,
    items: &[EntityAddress],
    paths: &(Option<String>, Option<String>),
) -> Result<(), StoreFull> {
    let change = |address: &EntityAddress, paths: &(Option<String>, Option<String>)| {
        let collection = context.world.store.to_change(&address.collection, 0)?;
        let updated = collection.update(&address.key, |entity| {
            let renamed = with_path(context, structured, rules, entity, paths);
            Ok::<_, StoreFull>(renamed.unwrap_or_else(|| Entity::clone(entity)))
        });
        updated.map_or(Ok(()), |updated| updated.map(drop))
    };
    for (count, address) in items.iter().enumerate() {
        if let Err(full) = change(address, paths) {
            let back = (paths.1.clone(), paths.0.clone());
            for address in &items[..count] {
                let _ = change(address, &back);
            }
            return Err(full);
        }
    }
    Ok(())
}

/// Moves an item into a folder: all of it, or nothing.
pub(super) fn relocate(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    folder: &EntityAddress,
    precondition: &Precondition,
    decided: &[&'static str],
) -> Result<Outcome, Error> {
    // A long search is done before others wait.
    let rules = context.structured().file.ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))?;
    let children = context.structured().navigation(rules.children).ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))?;
    let place = folder.collection.within(&context.world.schema, &folder.key, children.set);
    folders::find(context, context.structured(), &place, rules, "")?;
    // Held until the item is stored.
    let _alone = folders::alone(context);
    loop {
        // Another request can have moved or deleted the folder, or moved it into the item.
        let folder = destination(context, key, &reading.patch)?.ok_or_else(|| Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[]))?;
        if let Some(moved) = relocate_alone(context, key, reading, &folder, precondition, decided.to_vec())? {
            return Ok(moved);
        }
    }
}

/// Moves an item. The result is `None`, and nothing has changed, if another request has changed the item meanwhile.
fn relocate_alone(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    folder: &EntityAddress,
    precondition: &Precondition,
    mut decided: Vec<&'static str>,
) -> Result<Option<Outcome>, Error> {
    let (world, model, schema) = (context.world, context.model, &context.world.schema);
    let structured = context.structured();
    let internal = || Error::new(&refusal::INTERNAL, &[]);
    let rules = structured.file.ok_or_else(internal)?;
    let children = structured.navigation(rules.children).ok_or_else(internal)?;
    let from = EntityAddress { collection: context.route.collection.clone(), key: key.into() };
    let to = EntityAddress { collection: folder.collection.within(schema, &folder.key, children.set), key: key.into() };
    let before = world.store.entity(&from).ok_or_else(|| context.not_found(key))?;
    precondition.check(&before).map_err(Unchanged::to_error)?;
    if world.store.entity(&to).is_some() {
        // A fixture can have one id in two folders.
        return Err(Error::new(&refusal::FILE_EXISTS, &[]).with_detail(format!("{key:?} is in the folder")));
    }
    let patch = without_folder(context, &reading.patch).unwrap_or_else(|| reading.patch.clone());
    let mut values = patch.apply(model, structured, &before.properties);
    for (slot, value) in server_set_values(context, structured, false, &mut decided) {
        values.set(slot, value);
    }
    let replaced = folders::settle_name(context, structured, &to.collection, rules, &mut values, key)?;
    create::complete(context, structured, key, &mut values, &Patch::default(), &create::ancestors(context, &to.collection));
    // The content is the same.
    if let Some(slot) = structured.slot(rules.content_tag) {
        values.set(slot, before.properties.get(slot).clone());
    }
    tag::renew(structured, &mut values, Some(&before.properties), || world.next_tag_id());
    let paths = (path_of(context, structured, rules, &before.properties), path_of(context, structured, rules, &values));
    let after = Arc::new(StoredEntity::of_type(from.key.clone(), values, structured.blank_text));
    let mut within = Vec::new();
    collect(context, structured, rules, (&from, &to), &paths, &mut within)?;
    let insert = |place: &CollectionAddress, entity: Arc<StoredEntity>| {
        let collection = world.store.to_change(place, entity.size() + RECORD_BYTES)?;
        match collection.insert(entity) {
            Ok(()) | Err(InsertError::DuplicateKey) => Ok(()),
            Err(InsertError::Full(full)) => Err(full),
        }
    };
    let undo = || {
        world.store.to_remove(&to.collection).remove(&to.key);
        world.store.empty_within(to.collection.root, &to.text(schema));
    };
    let inserted = insert(&to.collection, after.clone())
        .and_then(|()| within.iter().try_for_each(|item| insert(&item.place, item.entity.clone())));
    if let Err(full) = inserted {
        undo();
        return Err(full.into());
    }
    if !leave(context, structured, rules, (&from, &before), &within, &paths) {
        undo();
        return Ok(None);
    }
    if let Some(replaced) = &replaced {
        folders::remove_replaced(context, &EntityAddress { collection: to.collection.clone(), key: replaced.key.clone() });
    }
    let lead = |from: &EntityAddress, to: &EntityAddress| {
        for (place, link) in world.store.links_to(from) {
            // All links follow, beyond the limit if need be: the item has left its place already.
            let links = world.store.to_remove(&place);
            // A link that has the address as its key gets another key, and keeps the old one in a full store.
            let renews = || {
                let renewed = Entity::link(to.text(&world.schema).into(), to.clone());
                links.insert(Arc::new(StoredEntity::from(renewed))).is_ok()
            };
            if *link == *from.text(&world.schema) && renews() {
                links.remove(&link);
            } else {
                let _ = links.update_beyond(&link, |_| Ok::<_, StoreFull>(Entity::link(link.clone(), to.clone())));
            }
        }
    };
    lead(&from, &to);
    for item in &within {
        lead(&item.before, &EntityAddress { collection: item.place.clone(), key: item.before.key.clone() });
    }
    let size = folders::size(structured, &after.properties, rules);
    folders::account(context, &from.collection, -1, -size);
    let (items, bytes) = replaced.map_or((0, 0), |replaced| (1, folders::size(structured, &replaced.properties, rules)));
    folders::account(context, &to.collection, 1 - items, size - bytes);
    Ok(Some(with_change(context, changed_response(context, &after, Some(&before), decided), Some(before), Some(after))))
}

/// Removes an item that is stored in another folder already, and what it contains, from its former one. Returns whether it was still as it
/// has been stored there; else nothing is removed.
fn leave(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    rules: &FileRules,
    (from, before): (&EntityAddress, &StoredEntity),
    within: &[MovedItem],
    paths: &(Option<String>, Option<String>),
) -> bool {
    let store = &context.world.store;
    let is_same = |entity: &Entity| if std::ptr::eq(entity, Arc::as_ptr(before.entity())) { Ok(()) } else { Err(()) };
    if !matches!(store.to_remove(&from.collection).remove_if(&from.key, is_same), Ok(Some(_))) {
        return false;
    }
    for item in within {
        // Another request can have changed it meanwhile: its change is not lost.
        let Some(last) = store.to_remove(&item.before.collection).remove(&item.before.key) else { continue };
        if !Arc::ptr_eq(&last, &item.original) {
            let last = item.renamed(context, structured, rules, &last, paths);
            if let Ok(collection) = store.to_change(&item.place, 0) {
                let _ = collection.update(&item.before.key, |_| Ok::<_, StoreFull>(last));
            }
        }
    }
    store.empty_within(from.collection.root, &from.text(&context.world.schema));
    true
}

/// An entity that moves with the item that contains it.
struct MovedItem {
    before: EntityAddress,
    original: Arc<StoredEntity>,
    /// The collection at the new place.
    place: CollectionAddress,
    entity: Arc<StoredEntity>,
    /// Whether it is a file or a folder, with a path of its own.
    is_item: bool,
}

impl MovedItem {
    /// Returns a version of it as it is at the new place.
    fn renamed(
        &self,
        context: &OperationContext<'_>,
        structured: &StructuredType,
        rules: &FileRules,
        entity: &StoredEntity,
        paths: &(Option<String>, Option<String>),
    ) -> Entity {
        let renamed = if self.is_item { with_path(context, structured, rules, entity, paths) } else { None };
        renamed.unwrap_or_else(|| Entity::clone(entity))
    }
}

/// Returns the path of an item, as the references of its own items have it.
fn path_of(context: &OperationContext<'_>, structured: &StructuredType, rules: &FileRules, values: &Complex) -> Option<String> {
    let property = &structured.properties[structured.property(rules.parent.0)?];
    let (PropertyType::Complex(id), Value::Complex(reference)) = (property.kind, values.get(property.slot)) else { return None };
    let path = reference.get(context.model.structured(id).slot(rules.parent.2)?);
    let (Value::String(path), Value::String(name)) = (path, values.get(structured.slot(rules.name)?)) else { return None };
    Some(format!("{path}/{name}"))
}

/// Collects what an item contains, with its new places and paths.
fn collect(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    rules: &FileRules,
    (from, to): (&EntityAddress, &EntityAddress),
    paths: &(Option<String>, Option<String>),
    moved: &mut Vec<MovedItem>,
) -> Result<(), Error> {
    let (world, model, schema) = (context.world, context.model, &context.world.schema);
    let (old, new) = (from.text(schema), to.text(schema));
    for address in world.store.addresses() {
        if !context.purse.spend(1) {
            return Err(context.too_expensive());
        }
        let Some(rest) = address.holder.as_deref().filter(|holder| is_within(holder, &old)).map(|holder| &holder[old.len()..])
        else {
            continue;
        };
        let place = CollectionAddress { holder: Some(format!("{new}{rest}").into()), ..address.clone() };
        let is_item = schema.set(address.set).target == structured.id;
        if is_item && file_name::depth(schema, model, &place) > DEPTH {
            return Err(Error::new(&refusal::PATH_TOO_DEEP, &[]));
        }
        for entity in world.store.list(&address) {
            if !context.purse.spend(ITEM_STEPS) {
                return Err(context.too_expensive());
            }
            let before = EntityAddress { collection: address.clone(), key: entity.key.clone() };
            let mut item = MovedItem { before, original: entity.clone(), place: place.clone(), entity, is_item };
            if is_item {
                item.entity = Arc::new(item.renamed(context, structured, rules, &item.original, paths).into());
            }
            moved.push(item);
        }
    }
    if file_name::depth(schema, model, &to.collection) > DEPTH {
        return Err(Error::new(&refusal::PATH_TOO_DEEP, &[]));
    }
    Ok(())
}

/// Returns an item within a moved folder with its new path.
fn with_path(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    rules: &FileRules,
    entity: &Entity,
    (old, new): &(Option<String>, Option<String>),
) -> Option<Entity> {
    let property = &structured.properties[structured.property(rules.parent.0)?];
    let (PropertyType::Complex(id), Value::Complex(reference)) = (property.kind, entity.properties.get(property.slot)) else {
        return None;
    };
    let slot = context.model.structured(id).slot(rules.parent.2)?;
    let Value::String(path) = reference.get(slot) else { return None };
    let rest = path.strip_prefix(old.as_deref()?).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    let mut reference = Complex::clone(reference);
    reference.set(slot, Value::String(format!("{}{rest}", new.as_deref()?).into()));
    let mut values = entity.properties.clone();
    values.set(property.slot, Value::Complex(Arc::new(reference)));
    Some(Entity::of_type(entity.key.clone(), values, structured.blank_text))
}
