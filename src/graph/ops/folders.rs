//! Folders: what they say about their items.

use std::sync::{Arc, MutexGuard, PoisonError};

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::file_name;
use crate::edm::patch::{NewValue, Patch};
use crate::edm::schema::{FileRules, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::body;
use crate::graph::context::OperationContext;
use crate::odata::conflict::{self, Conflict};
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::json::{self, Json};
use crate::world::store::{LookUpUnpaid, StoreFull, StoredEntity};

/// The steps that a name costs which another item has.
const NAME_STEPS: u64 = 64;

/// Checks the name that a body gives a file or a folder.
///
/// # Errors
///
/// Fails if no file can have the name.
pub(super) fn check_name(structured: &StructuredType, patch: &Patch) -> Result<(), Error> {
    let property = structured.file.and_then(|rules| structured.property(rules.name));
    let names = patch.changes.iter().filter(|change| Some(change.property) == property).map(|change| &change.to);
    for to in names {
        match to {
            NewValue::Set(Value::String(name)) => check_text(name)?,
            NewValue::Set(Value::Null) => return Err(Error::new(&refusal::NO_FILE_NAME, &[])),
            NewValue::Set(_) | NewValue::Merge(_) => {}
        }
    }
    Ok(())
}

fn check_text(name: &str) -> Result<(), Error> {
    match (file_name::is_allowed(name), file_name::is_name(name)) {
        (true, true) => Ok(()),
        (true, false) => Err(Error::new(&refusal::NO_FILE_NAME, &[])),
        (false, _) => Err(Error::new(&refusal::INVALID_FILE_NAME, &[])),
    }
}

/// Returns a name that no item of a folder has: `a 1.txt` for `a.txt`.
///
/// # Errors
///
/// Fails if the purse does not suffice.
pub(super) fn free_name(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    folder: &CollectionAddress,
    rules: &FileRules,
    name: &str,
) -> Result<String, Error> {
    free_name_for(context, structured, folder, rules, name, None)
}

/// Returns a name that no other item of a folder than that of a key has.
fn free_name_for(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    folder: &CollectionAddress,
    rules: &FileRules,
    name: &str,
    own_key: Option<&str>,
) -> Result<String, Error> {
    let mut names = file_name::similar(name);
    loop {
        let name = names.next().unwrap_or_default();
        if find_other(context, structured, folder, rules, &name, own_key)?.is_none() {
            return Ok(name);
        }
        if !context.purse.spend(NAME_STEPS) {
            return Err(context.too_expensive());
        }
    }
}

/// Returns what the client wants where there is an item of the name: by an option of the query, or by an annotation in the body.
///
/// # Errors
///
/// Fails if the wish is unknown.
pub(super) fn wish(context: &OperationContext<'_>) -> Result<Option<Conflict>, Error> {
    let behaviors = &context.world.behaviors;
    if let Some(wish) = Conflict::of_query(context.request.target.query(), behaviors)? {
        return Ok(Some(wish));
    }
    let Ok(bytes) = body::bytes(context.request, behaviors) else { return Ok(None) };
    json::parse(&bytes).map_or(Ok(None), |item| Conflict::of_item(&item, behaviors))
}

/// Checks the annotations that say how an item is stored, whether they count or not.
///
/// # Errors
///
/// Fails if one is unknown, or not served.
pub(super) fn check_annotations(context: &OperationContext<'_>, structured: &StructuredType) -> Result<(), Error> {
    if structured.file.is_none() {
        return Ok(());
    }
    let behaviors = &context.world.behaviors;
    Conflict::of_query(context.request.target.query(), behaviors)?;
    let Ok(bytes) = body::bytes(context.request, behaviors) else { return Ok(()) };
    let Ok(item) = json::parse(&bytes) else { return Ok(()) };
    Conflict::of_item(&item, behaviors)?;
    check_source(&item)
}

/// Checks that the content of an item is not to be fetched from an address.
pub(super) fn check_source(item: &Json<'_>) -> Result<(), Error> {
    match conflict::annotation(item, "@microsoft.graph.sourceurl") {
        Some(_) => Err(Error::new(&refusal::SOURCE_URL, &[]).with_detail("no content is fetched for files".to_owned())),
        None => Ok(()),
    }
}

/// Checks that an item can have others.
///
/// # Errors
///
/// Fails if it is a file.
pub(super) fn check_no_file(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    address: &EntityAddress,
) -> Result<(), Error> {
    let is_file = structured.file.is_some_and(|rules| is_file(context, structured, rules, address));
    if is_file { Err(Error::new(&refusal::ITEM_IN_FILE, &[])) } else { Ok(()) }
}

/// Whether an item is a file: it has content, or says so. One that says nothing may have items.
pub(super) fn is_file(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    rules: &FileRules,
    address: &EntityAddress,
) -> bool {
    let Some(item) = context.world.store.entity(address) else { return false };
    let has = |name: &str| structured.slot(name).is_some_and(|slot| *item.properties.get(slot) != Value::Null);
    !has(rules.folder.0) && (has(rules.content) || has("file"))
}

/// Checks that the folder is there in which a new item is created: another request can have moved it since the path was followed.
///
/// # Errors
///
/// Fails if it is not there, or is a file.
pub(super) fn check_holder(context: &OperationContext<'_>, structured: &StructuredType) -> Result<(), Error> {
    if structured.file.is_none() {
        return Ok(());
    }
    context.check_ancestors()?;
    let Some(holder) = context.route.ancestors.last().filter(|holder| holder.type_id == structured.id) else { return Ok(()) };
    let address = EntityAddress { collection: holder.collection.clone(), key: holder.key.clone() };
    check_no_file(context, structured, &address)
}

/// Keeps others from giving names to items until the guard is dropped: a folder has no two items of one name.
pub(super) fn alone<'c>(context: &OperationContext<'c>) -> MutexGuard<'c, ()> {
    context.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives an item that changes its name or its folder another name, if its own is in use there and the client wants that. Returns the file that
/// it replaces, if the client wants that. The caller is alone.
///
/// Strong: a file replaces a file (OneDrive/onedrive-api-docs#820), and a folder replaces nothing (OneDrive/onedrive-api-docs#1383). That no
/// file replaces a folder is a guess (none).
///
/// # Errors
///
/// Fails if the name is in use and the client wants nothing else, or if the purse does not suffice.
pub(super) fn settle_name(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    folder: &CollectionAddress,
    rules: &FileRules,
    values: &mut Complex,
    key: &str,
) -> Result<Option<Arc<StoredEntity>>, Error> {
    let Some(slot) = structured.slot(rules.name) else { return Ok(None) };
    let Value::String(name) = values.get(slot).clone() else { return Ok(None) };
    let Some(found) = find_other(context, structured, folder, rules, &name, Some(key))? else { return Ok(None) };
    let facet = structured.slot(rules.folder.0);
    let is_folder = |values: &Complex| facet.is_some_and(|slot| *values.get(slot) != Value::Null);
    match wish(context)? {
        Some(Conflict::Rename) => {
            let name = free_name_for(context, structured, folder, rules, &name, Some(key))?;
            values.set(slot, Value::String(name.into()));
            Ok(None)
        }
        Some(Conflict::Replace) if !is_folder(values) && !is_folder(&found.properties) => Ok(Some(found)),
        Some(Conflict::Replace | Conflict::Fail) | None => {
            let detail = format!("{:?} has this {}", found.key, rules.name);
            Err(Error::new(&refusal::FILE_EXISTS, &[]).with_detail(detail))
        }
    }
}

/// Removes a file that another one replaces. What the folder says of its items is for the caller.
pub(super) fn remove_replaced(context: &OperationContext<'_>, address: &EntityAddress) {
    let store = &context.world.store;
    store.to_remove(&address.collection).remove(&address.key);
    store.forget(&context.world.schema, address);
}

/// Returns the item of a folder with a name, in any case.
///
/// # Errors
///
/// Fails if the purse does not suffice.
pub(super) fn find(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    folder: &CollectionAddress,
    rules: &FileRules,
    name: &str,
) -> Result<Option<Arc<StoredEntity>>, Error> {
    find_other(context, structured, folder, rules, name, None)
}

/// Returns the item of a folder with a name and another key.
fn find_other(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    folder: &CollectionAddress,
    rules: &FileRules,
    name: &str,
    own_key: Option<&str>,
) -> Result<Option<Arc<StoredEntity>>, Error> {
    let Some(slot) = structured.slot(rules.name) else { return Ok(None) };
    let found = context.world.store.at(folder).with_text(slot, name, context.purse);
    let found = found.map_err(|LookUpUnpaid| context.too_expensive())?;
    Ok(found.into_iter().map(|(_, entity)| entity).find(|entity| own_key.is_none_or(|own| *entity.key != *own)))
}

/// Returns the size that an item says it has.
pub(super) fn size(structured: &StructuredType, values: &Complex, rules: &FileRules) -> i64 {
    match structured.slot(rules.size).map(|slot| values.get(slot)) {
        Some(Value::Integer(size)) => *size,
        _ => 0,
    }
}

/// Adds items and bytes to what the folder of a collection, and those above it, say about their items. Folders that nothing is stored of say
/// nothing.
pub(super) fn account(context: &OperationContext<'_>, folder: &CollectionAddress, items: i64, bytes: i64) {
    let (world, model) = (context.world, context.model);
    let is_removal = items <= 0 && bytes <= 0;
    let mut place = folder.clone();
    let mut items = items;
    while let Some(EntityAddress { collection, key }) =
        place.holder.as_deref().and_then(|holder| EntityAddress::parse(&world.schema, model, holder))
    {
        let Some(structured) = model.find_structured(world.schema.set(collection.set).target) else { return };
        let Some(rules) = structured.file else { return };
        let change = |entity: &Entity| {
            let mut values = entity.properties.clone();
            add(structured, &mut values, rules, context, items, bytes);
            Ok::<_, StoreFull>(Entity::of_type(entity.key.clone(), values, structured.blank_text))
        };
        if is_removal {
            let _ = world.store.to_remove(&collection).update_beyond(&key, change);
        } else if let Ok(stored) = world.store.to_change(&collection, 0) {
            // Without room for a longer number, the folder keeps the old one.
            let _ = stored.update(&key, change);
        }
        (place, items) = (collection, 0);
    }
}

fn add(
    structured: &StructuredType,
    values: &mut Complex,
    rules: &FileRules,
    context: &OperationContext<'_>,
    items: i64,
    bytes: i64,
) {
    if let Some(slot) = structured.slot(rules.size) {
        let sum = size(structured, values, rules).saturating_add(bytes);
        values.set(slot, Value::Integer(sum.max(0)));
    }
    let Some(index) = structured.property(rules.folder.0) else { return };
    let property = &structured.properties[index];
    let (Value::Complex(facet), PropertyType::Complex(id)) = (values.get(property.slot), property.kind) else { return };
    let Some(slot) = context.model.structured(id).slot(rules.folder.1) else { return };
    let mut facet = Complex::clone(facet);
    let count = match facet.get(slot) {
        Value::Integer(count) => *count,
        _ => 0,
    };
    facet.set(slot, Value::Integer(count.saturating_add(items).max(0)));
    values.set(property.slot, Value::Complex(Arc::new(facet)));
}
