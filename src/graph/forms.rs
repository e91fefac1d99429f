//! Forms of values that requests prefer: the time zone of times, the type of texts.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, Method};

use crate::edm::schema::{Model, SetId, StructuredType};
use crate::edm::value::{Complex, Entity};
use crate::graph::request::Request;
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::prefer::{PREFER, Preferences};
use crate::odata::purse::Purse;
use crate::odata::query::selection::{Selected, Selection};
use crate::world::World;
use crate::world::store::StoredEntity;
use crate::world::workload::{FormRequest, PreferredForm};

/// A form with the value of its preference, and whether the request has it.
type Chosen = (&'static PreferredForm, String, bool);

/// The surroundings of entities whose forms are wanted.
pub(super) struct Place<'p> {
    pub world: &'p World,
    pub model: &'p Model,
    pub request: &'p Request,
    pub purse: &'p Purse,
    /// The root set of the entities.
    pub root: SetId,
}

/// Returns the forms of entities of a type, in a root set or within its entities.
fn chosen(world: &World, model: &Model, structured: &StructuredType, root: SetId, request: &Request) -> Vec<Chosen> {
    let (headers, is_read) = (&request.headers, is_read(request));
    let mut found = Vec::new();
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

/// Whether a request only reads.
pub(super) fn is_read(request: &Request) -> bool {
    matches!(request.method, Method::GET | Method::HEAD)
}

/// Whether a type is one of Graph's own with a name, or derived from it.
fn is_of(model: &Model, structured: &StructuredType, name: &str) -> bool {
    let mut lineage = std::iter::successors(Some(structured), |structured| model.find_structured(structured.base?));
    lineage.any(|structured| structured.full_name.strip_prefix("microsoft.graph.") == Some(name))
}

/// Returns an entity in the forms that the request prefers; `None` if it has them already, if none of its selected properties has one, or if
/// the purse does not suffice.
pub(super) fn preferred(
    place: &Place<'_>,
    structured: &StructuredType,
    entity: &Entity,
    select: Option<&Selection>,
) -> Option<StoredEntity> {
    if !structured.rare().has_forms {
        return None;
    }
    let Place { world, model, request, purse, root } = *place;
    // A write is already done, and cannot be refused.
    let purse = is_read(request).then_some(purse);
    let mut values = Cow::Borrowed(&entity.properties);
    for (row, wanted, _) in chosen(world, model, structured, root, request) {
        let is_selected = |name: &&str| {
            let place = structured.property(name).map(|index| (index, structured.properties[index].slot));
            place.is_some_and(|(index, slot)| select.is_none_or(|select| select.of(index, slot) != Selected::Nothing))
        };
        if !row.properties.iter().any(is_selected) {
            continue;
        }
        let request = FormRequest { model, structured, values: &values, properties: row.properties, wanted: &wanted, purse };
        if let Some(changed) = (row.apply)(&request) {
            values = Cow::Owned(changed);
        }
    }
    match values {
        Cow::Borrowed(_) => None,
        Cow::Owned(values) => Some(StoredEntity::of_type(Arc::clone(&entity.key), values, structured.blank_text)),
    }
}

/// Returns the values of an entity as conditions and orders compare them: in the forms that count without a preference. `None` if the entity
/// has them already, or if the purse does not suffice.
pub(super) fn compared(place: &Place<'_>, structured: &StructuredType, entity: &Entity) -> Option<Complex> {
    if !structured.rare().has_forms {
        return None;
    }
    let Place { world, model, purse, root, .. } = *place;
    let mut compared = None;
    let rows = world.workloads.iter().flat_map(|workload| workload.preferred_forms());
    for row in rows.filter(|row| row.is_compared && *world.schema.set(root).name == *row.default_in) {
        let default = row.default.and_then(|(_, default)| default(&world.behaviors));
        let Some(wanted) = default.filter(|_| is_of(model, structured, row.type_name)) else { continue };
        let values = compared.as_ref().unwrap_or(&entity.properties);
        let request = FormRequest { model, structured, values, properties: row.properties, wanted, purse: Some(purse) };
        compared = (row.apply)(&request).or(compared);
    }
    compared
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
    if success.body.is_none() || !structured.rare().has_forms {
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
