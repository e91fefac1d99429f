//! Rows of workloads that requests look up: statuses of operations, links, deleted entities.

use http::StatusCode;

use crate::edm::schema::{DEFAULT_MEDIA, MediaRules, Model, Navigation, Operation, RecycledRules, SetId, StructuredType};
use crate::policy::refusal::Refusal;
use crate::world::World;
use crate::world::workload::Download;

/// Whether a row is about a type. Names without a namespace are in that of Graph; a star at the end means the rest of a name.
fn is_row_of(row: &str, full_name: &str) -> bool {
    if let (Some(beginning), Some(name)) = (row.strip_suffix('*'), full_name.strip_prefix("microsoft.graph.")) {
        return name.starts_with(beginning);
    }
    row == full_name || full_name.strip_prefix("microsoft.graph.") == Some(row)
}

/// Returns the status of a successful call of an operation.
pub(super) fn of_operation(world: &World, model: &Model, operation: &Operation) -> StatusCode {
    let bound = operation.binding.map_or("", |(id, _)| &model.structured(id).full_name);
    let default = if operation.returns.is_some() { StatusCode::OK } else { StatusCode::NO_CONTENT };
    status(world, bound, &operation.name).unwrap_or(default)
}

/// Whether an action is answered with another entity than that to which it is bound, though the types are the same.
pub(super) fn returns_another(world: &World, bound: &str, name: &str) -> bool {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().new_results);
    rows.any(|(row, operation)| is_row_of(row, bound) && operation.eq_ignore_ascii_case(name))
}

/// Returns the status of a request that adds or sets a link, if it is not 204.
pub(super) fn of_reference(world: &World, holder: &str, name: &str) -> Option<StatusCode> {
    status(world, holder, &format!("{name}/$ref"))
}

/// Returns the status of a creation behind a navigation property, if it is not that of its type, and whether the answer has a body.
pub(super) fn of_creation(world: &World, holder: &str, name: &str) -> Option<(StatusCode, bool)> {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().creation_statuses);
    let (_, _, row) = rows.find(|(row, holder_row, _)| **row == *name && is_row_of(holder_row, holder))?;
    Some((StatusCode::from_u16(row.status).ok()?, row.has_body))
}

fn status(world: &World, bound: &str, name: &str) -> Option<StatusCode> {
    let rows = || world.workloads.iter().flat_map(|workload| workload.rules().operation_statuses);
    let of_type = || rows().filter(|(_, row, _)| is_row_of(row, bound));
    let named =
        of_type().find(|(row, _, _)| row.eq_ignore_ascii_case(name)).or_else(|| of_type().find(|(row, _, _)| *row == "*"));
    named.and_then(|(_, _, status)| StatusCode::from_u16(*status).ok())
}

/// Returns the refusal of the removal of a navigation property's last link, if one must stay.
pub(super) fn kept_links(world: &World, holder: &str, name: &str) -> Option<&'static Refusal> {
    let rows = world.workloads.iter().flat_map(|workload| workload.rules().kept_links);
    rows.into_iter().find(|((row, link), _)| *link == name && is_row_of(row, holder)).map(|(_, refusal)| *refusal)
}

/// Returns the rules of a stream property of a type, or of the content of a media entity.
pub(super) fn media(world: &World, model: &Model, structured: &StructuredType, property: &str) -> &'static MediaRules {
    let rows = || world.workloads.iter().flat_map(|workload| workload.rules().media);
    let of_type = |full_name: &str| rows().find(|(row, name, _)| *name == property && is_row_of(row, full_name));
    let mut lineage = std::iter::successors(Some(structured), |structured| model.find_structured(structured.base?));
    lineage.find_map(|structured| of_type(&structured.full_name)).map_or(&DEFAULT_MEDIA, |(_, _, rules)| rules)
}

/// The collection that keeps deleted entities of a type.
pub(super) struct Bin {
    pub(super) set: SetId,
    pub(super) rules: &'static RecycledRules,
}

/// Returns the collection that keeps deleted entities of a type, if there is one.
pub(super) fn bin(world: &World, full_name: &str) -> Option<Bin> {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().recycled);
    let rules = rows.find(|rules| is_row_of(rules.name, full_name))?;
    Some(Bin { set: world.schema.set_named(rules.bin)?, rules })
}

/// Whether delta queries of a type have `$select`, and `$filter` by ids, alone.
pub(super) fn has_plain_delta(world: &World, structured: &StructuredType, model: &Model) -> bool {
    let rows = || world.workloads.iter().flat_map(|workload| workload.rules().plain_deltas);
    let mut lineage = std::iter::successors(Some(structured), |structured| model.find_structured(structured.base?));
    lineage.any(|structured| rows().any(|row| is_row_of(row, &structured.full_name)))
}

/// Whether answers of delta queries of a type have the links of a navigation property.
pub(super) fn has_delta_links(world: &World, structured: &StructuredType, navigation: &Navigation) -> bool {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().delta_links);
    rows.any(|(row, name)| is_row_of(row, &structured.full_name) && **name == *navigation.name)
}

/// Whether the service does not record the changes behind a navigation property.
pub(super) fn is_untracked(world: &World, holder: &str, name: &str) -> bool {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().untracked);
    rows.any(|(row, untracked)| *untracked == name && is_row_of(row, holder))
}

/// Returns the types of the entities to which clients can link through a navigation property, if these are fewer than the declared ones.
pub(super) fn linked_types(world: &World, holder: &str, name: &str) -> Option<&'static [&'static str]> {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().linked_types);
    rows.find(|((row, navigation), _)| *navigation == name && is_row_of(row, holder)).map(|(_, types)| *types)
}

/// Whether a cast of a navigation property to a type is refused if it shows nothing.
pub(super) fn is_doubted_cast(world: &World, holder: &str, name: &str, cast: &str) -> bool {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().doubted_casts);
    rows.any(|((row, navigation), target)| *navigation == name && is_row_of(row, holder) && is_row_of(target, cast))
}

/// Returns the number of entities behind a navigation property that an expansion shows, if it is limited.
pub(super) fn expand_limit(world: &World, structured: &StructuredType, model: &Model) -> Option<usize> {
    let rows = || world.workloads.iter().flat_map(|workload| workload.rules().expand_limits);
    let mut lineage = std::iter::successors(Some(structured), |structured| model.find_structured(structured.base?));
    lineage.find_map(|structured| rows().find(|(row, _)| is_row_of(row, &structured.full_name)).map(|(_, limit)| *limit))
}

/// Whether lists of a type have the number of entities unasked.
pub(super) fn is_counted(world: &World, structured: &StructuredType, model: &Model) -> bool {
    let rows = || world.workloads.iter().flat_map(|workload| workload.rules().counted);
    let mut lineage = std::iter::successors(Some(structured), |structured| model.find_structured(structured.base?));
    lineage.any(|structured| rows().any(|row| is_row_of(row, &structured.full_name)))
}

/// Whether lists of a navigation property have all members of enums unasked.
pub(super) fn has_whole_enums(world: &World, holder: &str, name: &str) -> bool {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().whole_enums);
    rows.any(|(row, navigation)| *navigation == name && is_row_of(row, holder))
}

/// Whether lists of a navigation property have the type in their context.
pub(super) fn has_typed_context(world: &World, holder: &str, name: &str) -> bool {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().typed_contexts);
    rows.any(|(row, navigation)| *navigation == name && is_row_of(row, holder))
}

/// Returns the singleton and the rest of a path within a service of its own.
pub(super) fn service_path<'p>(world: &World, path: &'p str) -> Option<(&'p str, &'p str)> {
    let (singleton, rest) = path.split_once('/')?;
    let name = rest.split(['/', '(']).next()?;
    let mut rows = world.workloads.iter().flat_map(|workload| workload.rules().services);
    rows.any(|row| *row == (singleton, name)).then_some((singleton, rest))
}

/// Returns the file that an operation leads to.
pub(super) fn download<'w>(world: &'w World, bound: &str, name: &str) -> Option<&'w Download> {
    let mut rows = world.workloads.iter().flat_map(|workload| workload.downloads());
    rows.find(|row| row.operation.eq_ignore_ascii_case(name) && is_row_of(row.bound, bound))
}

/// Returns the number of links that one request can give an entity, if it is limited.
pub(super) fn link_limit(world: &World, structured: &StructuredType, model: &Model) -> Option<usize> {
    let rows = || world.workloads.iter().flat_map(|workload| workload.rules().link_limits);
    let mut lineage = std::iter::successors(Some(structured), |structured| model.find_structured(structured.base?));
    lineage.find_map(|structured| rows().find(|(row, _)| is_row_of(row, &structured.full_name)).map(|(_, limit)| *limit))
}
