//! Operations of files: search and copy.

use std::sync::{Arc, PoisonError};

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::file_name::{self, DEPTH};
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::{PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::odata::conflict::Conflict;
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::policy::behavior::UnknownReference;
use crate::policy::refusal;
use crate::text::form::percent_decoded;
use crate::world::store::{LookUpUnpaid, StoredEntity};
use crate::world::workload::{OperationReply, OperationRequest, OperationRow, text_of};

/// The properties that a copy has of its own.
const OWN: [&str; 9] =
    ["id", "eTag", "cTag", "webUrl", "parentReference", "createdBy", "createdDateTime", "lastModifiedBy", "lastModifiedDateTime"];

/// The steps that looking at an item costs.
const ITEM_STEPS: u64 = 16;

/// The steps that a name costs which another item has.
const NAME_STEPS: u64 = 64;

/// The steps that copying an item costs.
const COPY_STEPS: u64 = 400;

/// Operations and the functions that answer their calls.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("search", "drive", search),
    ("search", "driveItem", search),
    ("copy", "driveItem", copy),
    ("assignSensitivityLabel", "driveItem", assign_label),
];

/// learn.microsoft.com/graph/api/driveitem-assignsensitivitylabel (medium): 202 with an address that shows the progress. No property of an item shows
/// the label, so it is not kept.
#[allow(clippy::unnecessary_wraps, reason = "a function of the table")]
fn assign_label(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    Ok(request.address().map_or(OperationReply::Nothing, OperationReply::Finished))
}

/// Finds the items whose name has a text (learn.microsoft.com/graph/api/driveitem-search, which also finds text in files).
fn search(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let wanted = match request.argument("q") {
        Argument::Value(Value::String(text)) => text.to_lowercase(),
        _ => String::new(),
    };
    let Some(above) = request.address() else { return Ok(OperationReply::Entities(Vec::new())) };
    let Some(structured) = item_type(request) else { return Ok(OperationReply::Entities(Vec::new())) };
    let mut found = items(request, &above)?;
    found.retain(|(_, item)| {
        let name = text_of(structured, &item.properties, "name").unwrap_or_default();
        !is_root(structured, &item.properties) && name.to_lowercase().contains(&wanted)
    });
    Ok(OperationReply::Entities(found.into_iter().map(|(address, _)| address).collect()))
}

/// Copies an item, with all that it contains, into the folder that the request names, or beside it.
fn copy(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (Some(source), Some(structured)) = (request.address(), item_type(request)) else { return Ok(OperationReply::Nothing) };
    let Some(item) = request.entity else { return Ok(OperationReply::Nothing) };
    Conflict::of_query(request.query, &request.world.behaviors)?;
    let folder = match request.argument("parentReference") {
        Argument::Value(Value::Complex(reference)) => match folder_of(request, &source, reference, structured)? {
            Some(folder) => folder,
            None => return Ok(OperationReply::Nothing),
        },
        _ => source.collection.clone(),
    };
    let name = match request.argument("name") {
        Argument::Value(Value::String(name)) => Some(name.clone()),
        _ => None,
    };
    if name.as_deref().is_some_and(|name| !file_name::is_allowed(name)) {
        return Err(Error::new(&refusal::INVALID_FILE_NAME, &[]));
    }
    if name.as_deref().is_some_and(|name| !file_name::is_name(name)) {
        return Err(Error::new(&refusal::NO_FILE_NAME, &[]));
    }
    let new_name = name.or_else(|| text_of(structured, &item.properties, "name")).unwrap_or_default();
    // All of it is paid for before anything is stored: a request that is interrupted begins again. It is what was there before: the copy
    // may be within the folder that is copied.
    let mut tree = Vec::new();
    collect(
        request,
        structured,
        &source,
        item,
        (None, file_name::depth(&request.world.schema, request.model, &folder)),
        &mut tree,
    )?;
    // A long search is done before others wait.
    settle(request, structured, &source, item, &folder, new_name.clone())?;
    // Held until the copy is stored: a folder has no two items of one name.
    let _alone = request.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner);
    // Another request can have moved or deleted the folder.
    check_folder(request, structured, &folder)?;
    let (name, replaced) = match settle(request, structured, &source, item, &folder, new_name)? {
        Place::Free(name) => (name, None),
        Place::Replaces(name, file) => (name, Some(file)),
        Place::Fails => return Ok(OperationReply::Failed(source)),
    };
    let made = store(request, structured, &tree, &folder, &name)?;
    let size = size_of(structured, &item.properties);
    let Some(replaced) = replaced else { return Ok(OperationReply::Started { made, items: 1, bytes: size }) };
    let world = request.world;
    let old = EntityAddress { collection: folder, key: replaced.key.clone() };
    world.store.to_remove(&old.collection).remove(&old.key);
    world.store.forget(&world.schema, &old);
    let bytes = size - size_of(structured, &replaced.properties);
    Ok(OperationReply::Started { made, items: 0, bytes })
}

/// Checks that the folder of a collection is there, and no file. A single one is there with its drive.
fn check_folder(request: &OperationRequest<'_>, structured: &StructuredType, folder: &CollectionAddress) -> Result<(), Error> {
    let schema = &request.world.schema;
    let holder = folder.holder.as_deref().and_then(|holder| EntityAddress::parse(schema, request.model, holder));
    let Some(holder) = holder.filter(|holder| !schema.set(holder.collection.set).is_single) else { return Ok(()) };
    let item = request.world.store.entity(&holder).ok_or_else(|| Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[]))?;
    let has = |name: &str| structured.slot(name).is_some_and(|slot| *item.properties.get(slot) != Value::Null);
    let is_file = !has("folder") && (has("content") || has("file"));
    if is_file { Err(Error::new(&refusal::ITEM_IN_FILE, &[])) } else { Ok(()) }
}

/// The place of a copy in its folder.
enum Place {
    /// No item has the name.
    Free(Arc<str>),
    /// The copy has the name of a file, which it replaces.
    Replaces(Arc<str>, Arc<StoredEntity>),
    /// The copy fails after it was accepted.
    Fails,
}

/// Returns the place of a copy, by the wish of the request where an item has its name (learn.microsoft.com/graph/api/driveitem-copy, *medium*:
/// an option of the query; only files are replaced, and a folder is accepted before that is reported). In the body it has no effect (strong:
/// OneDrive/onedrive-api-docs#981, msgraph-sdk-php#1555). That no file replaces itself, or a
/// folder, is a guess (none).
fn settle(
    request: &OperationRequest<'_>,
    structured: &StructuredType,
    source: &EntityAddress,
    item: &StoredEntity,
    folder: &CollectionAddress,
    name: Arc<str>,
) -> Result<Place, Error> {
    let Some(found) = with_name(request, structured, folder, &name)? else { return Ok(Place::Free(name)) };
    let exists = || Error::new(&refusal::FILE_EXISTS, &[]);
    match Conflict::of_query(request.query, &request.world.behaviors)? {
        Some(Conflict::Rename) => {
            for name in file_name::similar(&name) {
                pay(request, NAME_STEPS)?;
                if with_name(request, structured, folder, &name)?.is_none() {
                    return Ok(Place::Free(name.into()));
                }
            }
            Err(exists())
        }
        Some(Conflict::Replace) if is_folder(structured, &item.properties) => Ok(Place::Fails),
        Some(Conflict::Replace)
            if !is_folder(structured, &found.properties) && (*folder != source.collection || found.key != source.key) =>
        {
            Ok(Place::Replaces(name, found))
        }
        Some(Conflict::Replace | Conflict::Fail) | None => Err(exists()),
    }
}

/// Returns the item of a folder with a name.
fn with_name(
    request: &OperationRequest<'_>,
    structured: &StructuredType,
    folder: &CollectionAddress,
    name: &str,
) -> Result<Option<Arc<StoredEntity>>, Error> {
    let Some(slot) = structured.slot("name") else { return Ok(None) };
    let found = request.world.store.at(folder).with_text(slot, name, request.purse);
    let found = found.map_err(|LookUpUnpaid| Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[]))?;
    Ok(found.into_iter().next().map(|(_, item)| item))
}

fn size_of(structured: &StructuredType, values: &Complex) -> i64 {
    match structured.slot("size").map(|slot| values.get(slot)) {
        Some(Value::Integer(size)) => *size,
        _ => 0,
    }
}

/// Removes an item that was stored in vain, and what it contains.
fn remove(request: &OperationRequest<'_>, made: &EntityAddress) {
    let world = request.world;
    world.store.empty_within(made.collection.root, &made.text(&world.schema));
    world.store.to_remove(&made.collection).remove(&made.key);
}

/// An item that is copied, behind the folder that has it.
struct Copied {
    /// The index of the folder; `None` for the outermost item.
    folder: Option<usize>,
    item: Arc<StoredEntity>,
}

/// Collects an item and all that it contains, and pays for the copy. `folder` is the index of its folder, and the depth of its copy.
fn collect(
    request: &OperationRequest<'_>,
    structured: &StructuredType,
    source: &EntityAddress,
    item: &Arc<StoredEntity>,
    (folder, depth): (Option<usize>, usize),
    tree: &mut Vec<Copied>,
) -> Result<(), Error> {
    pay(request, COPY_STEPS)?;
    if depth > DEPTH {
        return Err(Error::new(&refusal::PATH_TOO_DEEP, &[]));
    }
    let index = tree.len();
    tree.push(Copied { folder, item: item.clone() });
    let Some(children) = structured.navigation("children") else { return Ok(()) };
    let inner = source.collection.within(&request.world.schema, &source.key, children.set);
    for child in request.world.store.list(&inner) {
        let address = EntityAddress { collection: inner.clone(), key: child.key.clone() };
        collect(request, structured, &address, &child, (Some(index), depth + 1), tree)?;
    }
    Ok(())
}

/// Stores the copies of collected items, all of them or none.
fn store(
    request: &OperationRequest<'_>,
    structured: &StructuredType,
    tree: &[Copied],
    folder: &CollectionAddress,
    name: &Arc<str>,
) -> Result<EntityAddress, Error> {
    let world = request.world;
    let children = structured.navigation("children").map_or(folder.set, |children| children.set);
    let mut places: Vec<EntityAddress> = Vec::with_capacity(tree.len());
    for Copied { folder: holder, item } in tree {
        let holder = holder.and_then(|index| places.get(index));
        let place =
            holder.map_or_else(|| folder.clone(), |holder| holder.collection.within(&world.schema, &holder.key, children));
        let new_name = holder.is_none().then_some(name);
        let patch = Patch { changes: changes(structured, item, new_name), ..Patch::default() };
        match (request.create)(&place, &patch) {
            Ok(made) => places.push(made),
            Err(error) => {
                if let Some(outermost) = places.first() {
                    remove(request, outermost);
                }
                return Err(error);
            }
        }
    }
    places.into_iter().next().ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))
}

/// Returns the values of a copy.
fn changes(structured: &StructuredType, item: &StoredEntity, name: Option<&Arc<str>>) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    for (index, property) in structured.properties.iter().enumerate() {
        let value = item.properties.get(property.slot);
        if *value == Value::Null || OWN.contains(&&*property.name) {
            continue;
        }
        let value = match (name, &*property.name) {
            (Some(name), "name") => Value::String(name.clone()),
            _ => value.clone(),
        };
        changes.push(PropertyChange { property: index, to: NewValue::Set(value) });
    }
    changes
}

/// Returns the collection of the folder that a reference names by its id or path: in the drive of the item, or in another one. It is `None` in a
/// drive that is not there, in a state without other drives, unless links to unknown entities are refused.
fn folder_of(
    request: &OperationRequest<'_>,
    source: &EntityAddress,
    reference: &Complex,
    structured: &StructuredType,
) -> Result<Option<CollectionAddress>, Error> {
    let schema = &request.world.schema;
    let unknown = || Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[]);
    let property = structured.property("parentReference").map(|index| structured.properties[index].kind);
    let Some(PropertyType::Complex(id)) = property else { return Err(unknown()) };
    let reference_type = request.model.structured(id);
    let (named, own) = (text_of(reference_type, reference, "driveId"), drive_above(request, source));
    let (drive, is_own) = match (named, own.clone()) {
        (None, own) => (own.ok_or_else(unknown)?, true),
        (Some(id), Some(own)) if is_drive(request, &own, &id) => (own, true),
        (Some(id), _) => match drive_named(request, &id)? {
            Some(drive) => (drive, false),
            None if has_others(request, own.as_ref())
                || request.world.behaviors.unknown_reference == UnknownReference::Refuse =>
            {
                return Err(unknown());
            }
            None => return Ok(None),
        },
    };
    let wanted = text_of(reference_type, reference, "id");
    // An id counts before a path.
    if let Some(path) = text_of(reference_type, reference, "path").filter(|_| wanted.is_none()) {
        return at_path(request, structured, drive, &path).map(Some);
    }
    if wanted.is_none() && is_own {
        return Ok(Some(source.collection.clone()));
    }
    let is_wanted = |item: &StoredEntity| match &wanted {
        Some(wanted) => text_of(structured, &item.properties, "id").as_deref() == Some(&**wanted),
        // Another drive alone means its root.
        None => is_root(structured, &item.properties),
    };
    let mut found = items(request, &drive)?.into_iter();
    let (folder, _) = found.find(|(_, item)| is_wanted(item)).ok_or_else(unknown)?;
    let children = structured.navigation("children").ok_or_else(unknown)?;
    Ok(Some(folder.collection.within(schema, &folder.key, children.set)))
}

/// Returns the collection of the folder at a path: `/drive/root:/a/b` in a drive, or `/drives/{id}/root:/a/b` in another one (medium,
/// learn.microsoft.com/graph/api/resources/itemreference).
fn at_path(
    request: &OperationRequest<'_>,
    structured: &StructuredType,
    drive: EntityAddress,
    path: &str,
) -> Result<CollectionAddress, Error> {
    let unknown = || Error::new(&refusal::UNKNOWN_DRIVE_ITEM, &[]);
    let (begin, names) = file_name::split_at_root(path).ok_or_else(unknown)?;
    let parts: Vec<&str> = begin.split('/').filter(|part| !part.is_empty()).collect();
    let drive = match parts[..] {
        [] | ["drive"] | ["me", "drive"] => drive,
        ["drives", id] => {
            let id = percent_decoded(id);
            if is_drive(request, &drive, &id) { drive } else { drive_named(request, &id)?.ok_or_else(unknown)? }
        }
        _ => return Err(unknown()),
    };
    let (schema, children) = (&request.world.schema, structured.navigation("children").ok_or_else(unknown)?);
    let mut found = items(request, &drive)?.into_iter();
    let (root, _) = found.find(|(_, item)| is_root(structured, &item.properties)).ok_or_else(unknown)?;
    let mut folder = root.collection.within(schema, &root.key, children.set);
    for name in names.split('/').filter(|name| !name.is_empty()) {
        let name = percent_decoded(name);
        let list = request.world.store.list(&folder);
        pay(request, ITEM_STEPS.saturating_mul(1 + u64::try_from(list.len()).unwrap_or(u64::MAX)))?;
        let has_name = |item: &&Arc<StoredEntity>| {
            text_of(structured, &item.properties, "name").is_some_and(|own| file_name::is_same(&own, &name))
        };
        let next = list.iter().find(has_name).filter(|item| is_folder(structured, &item.properties)).ok_or_else(unknown)?;
        folder = folder.within(schema, &next.key, children.set);
    }
    Ok(folder)
}

/// Whether an address is that of the drive with an id. A single drive is stored under another key.
fn is_drive(request: &OperationRequest<'_>, address: &EntityAddress, id: &str) -> bool {
    let structured = request.model.type_named("drive").map(|drive| request.model.structured(drive));
    let stored = || text_of(structured?, &request.world.store.entity(address)?.properties, "id");
    *address.key == *id || stored().as_deref() == Some(id)
}

/// Returns the drive with an id, wherever it lives.
fn drive_named(request: &OperationRequest<'_>, id: &str) -> Result<Option<EntityAddress>, Error> {
    let (store, schema) = (&request.world.store, &request.world.schema);
    if let Some(root) = request.model.root("drives") {
        let address = EntityAddress { collection: root.set.into(), key: id.into() };
        if store.entity(&address).is_some() {
            return Ok(Some(address));
        }
    }
    let drive = request.model.type_named("drive");
    for collection in store.addresses() {
        if collection.holder.is_none() || Some(schema.set(collection.set).target) != drive {
            continue;
        }
        for entity in store.list(&collection) {
            pay(request, ITEM_STEPS)?;
            let address = EntityAddress { collection: collection.clone(), key: entity.key.clone() };
            if entity.linked().is_none() && is_drive(request, &address, id) {
                return Ok(Some(address));
            }
        }
    }
    Ok(None)
}

/// Whether the state has other drives than that of an item: then it says which there are.
fn has_others(request: &OperationRequest<'_>, own: Option<&EntityAddress>) -> bool {
    let Some(root) = request.model.root("drives") else { return false };
    let first = request.world.store.collection(root.set).page(None, 0, 2);
    first.iter().any(|(_, drive)| own.is_none_or(|own| own.key != drive.key))
}

/// Returns the drive that has an item.
fn drive_above(request: &OperationRequest<'_>, item: &EntityAddress) -> Option<EntityAddress> {
    let (schema, drive) = (&request.world.schema, request.model.type_named("drive")?);
    let holder = |collection: &CollectionAddress| EntityAddress::parse(schema, request.model, collection.holder.as_deref()?);
    let mut above = holder(&item.collection);
    while let Some(address) = above {
        if schema.set(address.collection.set).target == drive {
            return Some(address);
        }
        above = holder(&address.collection);
    }
    None
}

/// Returns the items within a drive or a folder, at any depth.
fn items(request: &OperationRequest<'_>, above: &EntityAddress) -> Result<Vec<(EntityAddress, Arc<StoredEntity>)>, Error> {
    let (world, beginning) = (request.world, above.text(&request.world.schema));
    let item = item_type(request).map(|structured| structured.id);
    let is_within = |holder: &str| holder.strip_prefix(&beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut found = Vec::new();
    for collection in world.store.addresses() {
        if Some(world.schema.set(collection.set).target) != item || !collection.holder.as_deref().is_some_and(is_within) {
            continue;
        }
        for entity in world.store.list(&collection) {
            pay(request, ITEM_STEPS)?;
            found.push((EntityAddress { collection: collection.clone(), key: entity.key.clone() }, entity));
        }
    }
    Ok(found)
}

fn pay(request: &OperationRequest<'_>, steps: u64) -> Result<(), Error> {
    if request.purse.spend(steps) { Ok(()) } else { Err(Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[])) }
}

fn item_type<'c>(request: &OperationRequest<'c>) -> Option<&'c StructuredType> {
    request.model.type_named("driveItem").map(|id| request.model.structured(id))
}

fn is_folder(structured: &StructuredType, values: &Complex) -> bool {
    is_root(structured, values) || structured.slot("folder").is_some_and(|slot| *values.get(slot) != Value::Null)
}

fn is_root(structured: &StructuredType, values: &Complex) -> bool {
    structured.slot("root").is_some_and(|slot| *values.get(slot) != Value::Null)
}
