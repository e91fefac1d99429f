//! PATCH of a file or folder with another folder: it moves, with all that it contains
//! (learn.microsoft.com/graph/api/driveitem-move, within one drive).

use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::file_name::{self, DEPTH};
use crate::edm::patch::{NewValue, Patch};
use crate::edm::schema::{FileRules, PropertyType, StructuredType};
use crate::edm::tag;
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::graph::ops::change::{changed_response, server_set_values, with_change};
use crate::graph::ops::condition::{Precondition, Unchanged};
use crate::graph::ops::{Outcome, create, folders, unique};
use crate::odata::error::Error;
use crate::odata::read::Reading;
use crate::policy::refusal;
use crate::text::form::percent_decoded;
use crate::world::store::{InsertError, RECORD_BYTES, StoreFull, StoredEntity};

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
        check_folder(context, structured, rules, &folder)?;
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
            check_folder(context, structured, rules, &folder)?;
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
        if is_file(context, structured, rules, &folder) {
            return Err(unknown());
        }
        let inner = folder.collection.within(schema, &folder.key, children.set);
        let found = folders::find(context, structured, &inner, rules, &percent_decoded(name))?.ok_or_else(unknown)?;
        folder = EntityAddress { collection: inner, key: found.key.clone() };
    }
    Ok(folder)
}

/// Checks that an item can have others. That the refusal is the one of an item that is not there is a guess (none): no public source shows it.
fn check_folder(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    rules: &FileRules,
    address: &EntityAddress,
) -> Result<(), Error> {
    let is_file = is_file(context, structured, rules, address);
    if is_file { Err(Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[])) } else { Ok(()) }
}

/// Whether an item is a file: it has content, or says so. One that says nothing may have items.
fn is_file(context: &OperationContext<'_>, structured: &StructuredType, rules: &FileRules, address: &EntityAddress) -> bool {
    let Some(item) = context.world.store.entity(address) else { return false };
    let has = |name: &str| structured.slot(name).is_some_and(|slot| *item.properties.get(slot) != Value::Null);
    !has(rules.folder.0) && (has(rules.content) || has("file"))
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

/// Moves an item into a folder: all of it, or nothing.
pub(super) fn relocate(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    folder: &EntityAddress,
    precondition: &Precondition,
    mut decided: Vec<&'static str>,
) -> Result<Outcome, Error> {
    let (world, model, schema) = (context.world, context.model, &context.world.schema);
    let structured = context.structured();
    let internal = || Error::new(&refusal::INTERNAL, &[]);
    let rules = structured.file.ok_or_else(internal)?;
    let children = structured.navigation(rules.children).ok_or_else(internal)?;
    let from = EntityAddress { collection: context.route.collection.clone(), key: key.into() };
    let to = EntityAddress { collection: folder.collection.within(schema, &folder.key, children.set), key: key.into() };
    let before = world.store.entity(&from).ok_or_else(|| context.not_found(key))?;
    precondition.check(&before).map_err(Unchanged::to_error)?;
    let parent = structured.property(rules.parent.0);
    let changes = reading.patch.changes.iter().filter(|change| Some(change.property) != parent).cloned().collect();
    let patch = Patch { changes, ..reading.patch.clone() };
    let mut values = patch.apply(model, structured, &before.properties);
    for (slot, value) in server_set_values(context, structured, false, &mut decided) {
        values.set(slot, value);
    }
    create::complete(context, structured, key, &mut values, &Patch::default(), &create::ancestors(context, &to.collection));
    // The content is the same.
    if let Some(slot) = structured.slot(rules.content_tag) {
        values.set(slot, before.properties.get(slot).clone());
    }
    tag::renew(structured, &mut values, Some(&before.properties), || world.next_tag_id());
    // Held until the item is stored.
    let _alone = unique::check(context, structured, &to.collection, &values, Some(key))?;
    let paths = (path_of(context, structured, rules, &before.properties), path_of(context, structured, rules, &values));
    let after = Arc::new(StoredEntity::of_type(from.key.clone(), values, structured.blank_text));
    let mut moved = vec![(to.collection.clone(), after.clone())];
    collect(context, structured, rules, (&from, &to), &paths, &mut moved)?;
    let insert = |(place, entity): &(CollectionAddress, Arc<StoredEntity>)| {
        let collection = world.store.to_change(place, entity.size() + RECORD_BYTES)?;
        match collection.insert(entity.clone()) {
            Ok(()) | Err(InsertError::DuplicateKey) => Ok(()),
            Err(InsertError::Full(full)) => Err(full),
        }
    };
    let remove = |address: &EntityAddress| -> Result<(), StoreFull> {
        world.store.to_change(&address.collection, 0)?.remove(&address.key)?;
        world.store.empty_within(address.collection.root, &address.text(schema));
        Ok(())
    };
    if let Err(full) = moved.iter().try_for_each(insert).and_then(|()| remove(&from)) {
        let _ = remove(&to);
        return Err(full.into());
    }
    for (place, link) in world.store.links_to(&from) {
        if let Ok(links) = world.store.to_change(&place, 0) {
            let _ = links.update(&link, |_| Ok::<_, StoreFull>(Entity::link(link.clone(), to.clone())));
        }
    }
    let size = folders::size(structured, &after.properties, rules);
    folders::account(context, &from.collection, -1, -size);
    folders::account(context, &to.collection, 1, size);
    Ok(with_change(context, changed_response(context, &after, decided), Some(before), Some(after)))
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
    moved: &mut Vec<(CollectionAddress, Arc<StoredEntity>)>,
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
            let renamed = if is_item { with_path(context, structured, rules, &entity, paths) } else { None };
            moved.push((place.clone(), renamed.unwrap_or(entity)));
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
    entity: &StoredEntity,
    (old, new): &(Option<String>, Option<String>),
) -> Option<Arc<StoredEntity>> {
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
    Some(Arc::new(StoredEntity::of_type(entity.key.clone(), values, structured.blank_text)))
}
