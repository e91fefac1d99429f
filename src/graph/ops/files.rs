//! New files and folders at the end of names.

use std::sync::Arc;

use http::StatusCode;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::file_name::{self, DEPTH};
use crate::edm::media::Media;
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::{FileRules, StructuredType};
use crate::edm::value::Value;
use crate::graph::body;
use crate::graph::context::OperationContext;
use crate::graph::ops::folders::{account, alone, find, free_name};
use crate::graph::ops::{Outcome, change, create, folders};
use crate::graph::route::NewFile;
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::json::quoted;

/// The content that a request stores.
pub(super) struct NewContent<'n> {
    pub(super) media: &'n Arc<Media>,
    /// The members of the entity that follow from it, as JSON.
    pub(super) members: &'n str,
}

/// Creates a file, and the folders on the way to it. If another request has created it meanwhile, the result is `None`.
pub(super) fn create(
    context: &OperationContext<'_>,
    new: &NewFile,
    rules: &FileRules,
    stored: &NewContent<'_>,
) -> Result<Option<Outcome>, Error> {
    check_folder(context)?;
    check_depth(context, new)?;
    let structured = context.structured();
    let Some(children) = structured.navigation(rules.children) else { return Err(context.not_found(&new.name)) };
    // A long search is done before others wait.
    find(context, structured, &new.folder, rules, &new.name)?;
    // Held until the file is stored: a folder has no two items of one name.
    let _alone = alone(context);
    // Another request can have moved the folder.
    check_folder(context)?;
    let mut folder = new.folder.clone();
    for name in &new.folders {
        let key = if let Some(found) = find(context, structured, &folder, rules, name)? {
            folders::check_no_file(context, structured, &EntityAddress { collection: folder.clone(), key: found.key.clone() })?;
            found.key.clone()
        } else {
            let members = format!("{}:{},{}:{{}}", quoted(rules.name), quoted(name), quoted(rules.folder.0));
            let made = create::create_within(context, &folder, &patch(context, structured, &members)?)?;
            account(context, &folder, 1, 0);
            made.key
        };
        folder = folder.within(&context.world.schema, &key, children.set);
    }
    if find(context, structured, &folder, rules, &new.name)?.is_some() {
        return Ok(None);
    }
    let address = insert(context, &folder, &new.name, rules, stored)?;
    created(context, &address).map(Some)
}

/// Creates a file of a similar name beside one that is there.
pub(super) fn create_beside(
    context: &OperationContext<'_>,
    name: &str,
    rules: &FileRules,
    stored: &NewContent<'_>,
) -> Result<Outcome, Error> {
    let folder = &context.route.collection;
    // A long search is done before others wait.
    free_name(context, context.structured(), folder, rules, name)?;
    let _alone = alone(context);
    folders::check_holder(context, context.structured())?;
    let name = free_name(context, context.structured(), folder, rules, name)?;
    let address = insert(context, folder, &name, rules, stored)?;
    created(context, &address)
}

fn created(context: &OperationContext<'_>, address: &EntityAddress) -> Result<Outcome, Error> {
    let entity = context.world.store.entity(address).ok_or_else(|| context.not_found(&address.key))?;
    let success = context.json(StatusCode::CREATED, context.file_body(address, &entity), vec!["location"]);
    let location = Some(context.absolute(&address.text(&context.world.schema)).into_bytes());
    let success = Success { location, ..success };
    Ok(change::with_change(context, success, None, Some(entity)))
}

fn insert(
    context: &OperationContext<'_>,
    folder: &CollectionAddress,
    name: &str,
    rules: &FileRules,
    new: &NewContent<'_>,
) -> Result<EntityAddress, Error> {
    let structured = context.structured();
    let mut members = format!("{}:{}", quoted(rules.name), quoted(name));
    if !new.members.is_empty() {
        members.push(',');
        members.push_str(new.members);
    }
    let mut patch = patch(context, structured, &members)?;
    if let Some(content) = structured.property(rules.content) {
        patch.changes.push(PropertyChange { property: content, to: NewValue::Set(Value::Media(new.media.clone())) });
    }
    let address = create::create_within(context, folder, &patch)?;
    account(context, folder, 1, length(new.media));
    Ok(address)
}

fn patch(context: &OperationContext<'_>, structured: &StructuredType, members: &str) -> Result<Patch, Error> {
    let patch = body::read_own(context.model, &context.world.behaviors, structured, &format!("{{{members}}}"));
    patch.map(|patch| Patch { read_as: None, ..patch }).ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))
}

/// Checks that the folder in which names begin is there, and no file.
pub(super) fn check_folder(context: &OperationContext<'_>) -> Result<(), Error> {
    context.check_ancestors()?;
    let (route, key) = (context.route, context.route.key.as_deref().unwrap_or_default());
    let is_implied = context.world.schema.set(route.collection.set).is_single;
    if !is_implied && !context.world.store.has(&route.collection, key) {
        return Err(context.not_found(key));
    }
    let address = EntityAddress { collection: route.collection.clone(), key: key.into() };
    folders::check_no_file(context, context.structured(), &address)
}

/// Checks that there are not too many folders around a new file.
pub(super) fn check_depth(context: &OperationContext<'_>, new: &NewFile) -> Result<(), Error> {
    let is_deep = new.folders.len() + file_name::depth(&context.world.schema, context.model, &new.folder) > DEPTH;
    if is_deep { Err(Error::new(&refusal::PATH_TOO_DEEP, &[])) } else { Ok(()) }
}

/// Returns the length of content.
pub(super) fn length(media: &Media) -> i64 {
    i64::try_from(media.bytes().len()).unwrap_or(i64::MAX)
}
