//! Forms of values that requests prefer: the time zone of times, the type of texts.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, Method};

use crate::edm::schema::{Model, SetId, StructuredType};
use crate::edm::value::Entity;
use crate::graph::request::Request;
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::prefer::{PREFER, Preferences};
use crate::world::World;
use crate::world::store::StoredEntity;
use crate::world::workload::PreferredForm;

/// A form with the value of its preference, and whether the request has it.
type Chosen = (&'static PreferredForm, String, bool);

/// Returns the forms of entities of a type, in a root set or within its entities.
fn chosen(world: &World, model: &Model, structured: &StructuredType, root: SetId, request: &Request) -> Vec<Chosen> {
    let (headers, is_read) = (&request.headers, matches!(request.method, Method::GET | Method::HEAD));
    let mut found = Vec::new();
    if !structured.rare().has_forms {
        return found;
    }
    let rows = world.workloads.iter().flat_map(|workload| workload.preferred_forms());
    for row in rows {
        if !is_of(model, structured, row.type_name) {
            continue;
        }
        let wanted = headers.contains_key(PREFER).then(|| Preferences::value(headers, row.preference)).flatten();
        match wanted.filter(|wanted| (row.is_known)(wanted)) {
            Some(wanted) => found.push((row, wanted, true)),
            // A write is answered as it came (learn.microsoft.com/graph/api/group-post-events prints an answer).
            None if !is_read || *world.schema.set(root).name != *row.default_in => {}
            None => {
                let default = row.default.and_then(|(_, default)| default(&world.behaviors));
                found.extend(default.map(|default| (row, default.to_owned(), false)));
            }
        }
    }
    found
}

/// Whether a type is one of Graph's own with a name, or derived from it.
fn is_of(model: &Model, structured: &StructuredType, name: &str) -> bool {
    let mut lineage = std::iter::successors(Some(structured), |structured| model.find_structured(structured.base?));
    lineage.any(|structured| structured.full_name.strip_prefix("microsoft.graph.") == Some(name))
}

/// Returns an entity in the forms that the request prefers; `None` if it has them already.
pub(super) fn preferred(
    world: &World,
    model: &Model,
    request: &Request,
    structured: &StructuredType,
    root: SetId,
    entity: &Entity,
) -> Option<StoredEntity> {
    let mut values = Cow::Borrowed(&entity.properties);
    for (row, wanted, _) in chosen(world, model, structured, root, request) {
        if let Some(changed) = (row.apply)(model, structured, &values, &wanted) {
            values = Cow::Owned(changed);
        }
    }
    match values {
        Cow::Borrowed(_) => None,
        Cow::Owned(values) => Some(StoredEntity::of_type(Arc::clone(&entity.key), values, structured.blank_text)),
    }
}

/// Checks the forms that a request prefers for entities of a type.
///
/// # Errors
///
/// Returns the refusal of a form that the service does not know.
pub(super) fn check(world: &World, model: &Model, structured: &StructuredType, headers: &HeaderMap) -> Result<(), Error> {
    if !structured.rare().has_forms || !headers.contains_key(PREFER) {
        return Ok(());
    }
    let rows = world.workloads.iter().flat_map(|workload| workload.preferred_forms());
    for row in rows.filter(|row| is_of(model, structured, row.type_name)) {
        let wanted = Preferences::value(headers, row.preference);
        if let (Some(wanted), Some(refusal)) = (wanted.filter(|wanted| !(row.is_known)(wanted)), row.unknown) {
            return Err(Error::new(refusal, &[&wanted]));
        }
    }
    Ok(())
}

/// Adds the preferred forms to the preferences that an answer says it has applied, and the behaviors that decided others.
pub(super) fn note(
    world: &World,
    model: &Model,
    structured: &StructuredType,
    root: SetId,
    request: &Request,
    success: &mut Success,
) {
    if success.body.is_none() {
        return;
    }
    let mut texts: Vec<Cow<'static, str>> = success.preference_applied.take().into_iter().collect();
    for (row, wanted, is_wanted) in chosen(world, model, structured, root, request) {
        if is_wanted {
            texts.push(format!("{}=\"{wanted}\"", row.preference).into());
        } else {
            success.decided.extend(row.default.map(|(behavior, _)| behavior));
        }
    }
    success.preference_applied = match texts.len() {
        0 => None,
        1 => texts.pop(),
        _ => Some(texts.join(",").into()),
    };
}
