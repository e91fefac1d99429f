//! Expansions: the entities behind navigation properties, written into the answer of the entity that has them.
//!
//! What grows with the number of entities is paid from the purse of the request.

mod nested;

use std::cmp::Ordering;
use std::sync::Arc;

use crate::edm::address::{EntityAddress, KeyForm};
use crate::edm::schema::StructuredType;
use crate::graph::context::{ENTITY_LENGTH, OperationContext};
use crate::graph::navigated;
pub(super) use crate::graph::navigated::PurseEmpty;
use crate::graph::statuses;
use crate::odata::query::Query;
use crate::odata::query::expand::{ExpandItem, ExpandPart};
use crate::odata::query::orderby;
use crate::odata::write::{Holder, InstanceType, separate, write_cached, write_selected};
use crate::text::json::write_string;
use crate::world::links::{self, TooManyLinks};
use crate::world::store::StoredEntity;

/// The steps that finding an entity in the store costs.
const ENTITY_STEPS: u64 = 8;

/// The bytes that a step writes.
const BYTES_WRITTEN: usize = 8;

/// The bytes that a step searches.
const BYTES_SEARCHED: usize = 64;

/// An expanded entity, where it lives.
struct Found {
    entity: Arc<StoredEntity>,
    address: EntityAddress,
}

/// Returns the body of an entity as a query selects and expands it.
pub(super) fn body(
    context: &OperationContext<'_>,
    address: &EntityAddress,
    entity: &StoredEntity,
    query: &Query<'_>,
) -> Result<Vec<u8>, PurseEmpty> {
    let mut out = context.begin_collection_body(&format!("{}/$entity", query.projection()), ENTITY_LENGTH);
    let types = context.types_of(entity, address.collection.set);
    match &query.select {
        None => write_cached(&context.representation, types, context.holder(), entity, &entity.text, &mut out),
        Some(select) => write_selected(&context.representation, types, context.holder(), entity, &select.selection, &mut out),
    }
    write(context, (address, entity), types.actual, &query.expand, 0, &mut out)?;
    out.push(b'}');
    Ok(out)
}

/// Writes the expanded navigation properties of an entity as further members. Its object begins at an offset.
pub(super) fn write(
    context: &OperationContext<'_>,
    (address, entity): (&EntityAddress, &StoredEntity),
    structured: &StructuredType,
    items: &[ExpandItem<'_>],
    begin: usize,
    out: &mut Vec<u8>,
) -> Result<(), PurseEmpty> {
    for item in items.iter().filter(|item| item.cast.is_none_or(|cast| context.model.is_a(structured.id, cast))) {
        if item.member.is_empty() {
            write_item(context, address, structured, item, item.levels, out)?;
            continue;
        }
        // Those of a complex value are members of it, unless it is null.
        if entity.properties.has_complex(context.model, structured, &item.member) == Some(false) {
            continue;
        }
        let mut members = vec![b'{'];
        write_item(context, address, structured, item, item.levels, &mut members)?;
        if !context.purse.spend_on(out.len() - begin, BYTES_SEARCHED) {
            return Err(PurseEmpty);
        }
        nested::insert(out, begin, &item.member, &members[1..]);
    }
    Ok(())
}

fn write_item(
    context: &OperationContext<'_>,
    address: &EntityAddress,
    structured: &StructuredType,
    item: &ExpandItem<'_>,
    levels: usize,
    out: &mut Vec<u8>,
) -> Result<(), PurseEmpty> {
    let (schema, navigation) = (&*context.world.schema, item.navigation);
    let found = find(context, address, item)?;
    let name = &navigation.name;
    if item.part == ExpandPart::Count {
        begin_member(&format!("{name}@odata.count"), out);
        out.extend_from_slice(found.len().to_string().as_bytes());
        return Ok(());
    }
    // An absent single entity has no member (recorded in pnp/pnpcore).
    if !navigation.is_collection && found.is_empty() {
        return Ok(());
    }
    if navigation.contains_target && context.representation.has_context() {
        let path = address.text(schema);
        let cast = item.cast.map(|id| format!("/{}", context.model.structured(id).full_name)).unwrap_or_default();
        let suffix = if navigation.is_collection { "" } else { "/$entity" };
        begin_member(&format!("{name}@odata.context"), out);
        out.push(b'"');
        context.write_base_url(out);
        let fragment = format!("{path}{cast}{}/{}{}{suffix}", item.member, navigation.name, item.query.projection());
        for part in ["/", context.version().segment(), "/$metadata#", &fragment, "\""] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    if item.query.count == Some(true) {
        begin_member(&format!("{name}@odata.count"), out);
        out.extend_from_slice(found.len().to_string().as_bytes());
    }
    let skip = item.query.skip;
    let limit = if navigation.contains_target { None } else { statuses::expand_limit(context.world, structured, context.model) };
    let limit = limit.unwrap_or(usize::MAX).min(item.query.top.unwrap_or(usize::MAX));
    let shown = found.iter().skip(skip).take(limit);
    begin_member(name, out);
    if navigation.is_collection {
        out.push(b'[');
    }
    for (index, found) in shown.enumerate() {
        out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        let begin = out.len();
        write_found(context, found, item, levels, out)?;
        out.push(b'}');
        if !context.purse.spend_on(out.len() - begin, BYTES_WRITTEN) {
            return Err(PurseEmpty);
        }
    }
    if navigation.is_collection {
        out.push(b']');
    }
    Ok(())
}

fn write_found(
    context: &OperationContext<'_>,
    found: &Found,
    item: &ExpandItem<'_>,
    levels: usize,
    out: &mut Vec<u8>,
) -> Result<(), PurseEmpty> {
    let Found { entity, address } = found;
    let begin = out.len() - 1;
    let path = address.collection.path(&context.world.schema);
    if item.part == ExpandPart::References {
        begin_member("@odata.id", out);
        write_string(out, &address.text(&context.world.schema));
        return Ok(());
    }
    let set = context.world.schema.set(address.collection.set);
    let declared = context.model.structured(item.navigation.target);
    let own = context.own_type(entity, address.collection.set);
    let types = InstanceType { declared, actual: context.model.actual(declared, Some(own)) };
    let holder = Holder { path: &path, form: KeyForm::of(set) };
    match &item.query.select {
        None => write_cached(&context.representation, types, holder, entity, &entity.text, out),
        Some(select) => write_selected(&context.representation, types, holder, entity, &select.selection, out),
    }
    write(context, (address, entity), types.actual, &item.query.expand, begin, out)?;
    if levels > 1 {
        write_item(context, address, types.actual, item, levels - 1, out)?;
    }
    Ok(())
}

/// Returns the entities of an expansion, filtered and in order.
fn find(context: &OperationContext<'_>, address: &EntityAddress, item: &ExpandItem<'_>) -> Result<Vec<Found>, PurseEmpty> {
    let store = &context.world.store;
    let inner = address.collection.within_member(&context.world.schema, &address.key, &item.member, item.navigation.set);
    let stored = links::collection(&context.world.schema, store, &inner, Some(context.purse));
    let stored = stored.map_err(|TooManyLinks| PurseEmpty)?.list();
    let query = &item.query;
    let each = ENTITY_STEPS
        + query.filter.as_ref().map_or(0, super::super::odata::query::filter::BoundExpression::steps)
        + orderby::steps(&query.order);
    if !context.purse.spend(each.saturating_mul(u64::try_from(stored.len()).unwrap_or(u64::MAX).saturating_add(1))) {
        return Err(PurseEmpty);
    }
    let mut found = Vec::new();
    for entity in stored {
        let target = match entity.linked().cloned() {
            Some(target) => match store.entity(&target) {
                Some(entity) => Found { entity, address: (*target).clone() },
                None => continue,
            },
            None => Found { address: EntityAddress { collection: inner.clone(), key: entity.key.clone() }, entity },
        };
        let is_match = match &query.filter {
            Some(filter) => {
                let Found { entity, address } = &target;
                navigated::is_fulfilled(context, filter, entity, address.collection.set, || address.clone())?
            }
            None => true,
        };
        if is_match {
            found.push((orderby::keys_of(&query.order, &target.entity.properties, context.purse), target));
        }
    }
    if !query.order.is_empty() {
        found.sort_by(|(left, _), (right, _)| -> Ordering { orderby::compare(&query.order, left, right) });
    }
    Ok(found.into_iter().map(|(_, found)| found).collect())
}

fn begin_member(name: &str, out: &mut Vec<u8>) {
    separate(out);
    write_string(out, name);
    out.push(b':');
}
