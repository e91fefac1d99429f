//! Expansions: the entities behind navigation properties, written into the answer of the entity that has them.
//!
//! What grows with the number of entities is paid from the purse of the request, and so is the memory of the answer: an expansion within
//! another one writes an entity as often as it is found.

mod nested;

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::edm::address::{EntityAddress, KeyForm};
use crate::edm::schema::StructuredType;
use crate::graph::context::{ENTITY_LENGTH, OperationContext};
use crate::graph::implied;
use crate::graph::navigated;
pub(super) use crate::graph::navigated::PurseEmpty;
use crate::graph::statuses;
use crate::odata::query::Query;
use crate::odata::query::expand::{ExpandItem, ExpandPart};
use crate::odata::query::filter::evaluate::Scalar;
use crate::odata::query::orderby;
use crate::odata::query::skiptoken::{self, Binding, Position};
use crate::odata::write::{Holder, InstanceType, separate, write_cached, write_selected};
use crate::policy::behavior::Top;
use crate::text::json::write_string;
use crate::world::links::{self, TooManyLinks};
use crate::world::store::{LookUpUnpaid, StoredEntity};

/// The steps that finding an entity in the store costs.
const ENTITY_STEPS: u64 = 8;

/// The bytes that a step writes.
const BYTES_WRITTEN: usize = 8;

/// The bytes that a step searches.
const BYTES_SEARCHED: usize = 64;

/// An expanded entity, where it lives, and its position in the collection.
struct Found {
    entity: Arc<StoredEntity>,
    address: EntityAddress,
    number: u64,
    keys: Vec<Scalar<'static>>,
}

/// The characters of an option that a link escapes.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>');

impl Found {
    /// Returns the approximate size in memory, without the entity.
    fn size(&self) -> usize {
        let text = |key: &Scalar<'_>| if let Scalar::Text(text) = key { text.len() } else { 0 };
        size_of::<Found>() + self.keys.iter().map(|key| size_of::<Scalar<'_>>() + text(key)).sum::<usize>()
    }
}

/// Takes the memory by which an answer has grown.
fn hold_growth(context: &OperationContext<'_>, capacity: usize, out: &Vec<u8>) -> Result<(), PurseEmpty> {
    if context.purse.hold(out.capacity().saturating_sub(capacity)) { Ok(()) } else { Err(PurseEmpty) }
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
    let preferred = context.preferred(types.actual, entity, query.select.as_ref());
    let shown = preferred.as_ref().unwrap_or(entity);
    match &query.select {
        None => {
            context.write_download(&address.collection, entity, &mut out);
            write_cached(&context.representation, types, context.holder(), &shown.with_text(), None, &mut out);
        }
        Some(select) => write_selected(&context.representation, types, context.holder(), shown, &select.selection, &mut out),
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
        let capacity = out.capacity();
        nested::insert(out, begin, &item.member, &members[1..]);
        hold_growth(context, capacity, out)?;
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
    let (own, capacity) = (found.iter().map(Found::size).sum::<usize>(), out.capacity());
    let name = &navigation.name;
    if item.part == ExpandPart::Count {
        begin_member(&format!("{name}@odata.count"), out);
        out.extend_from_slice(found.len().to_string().as_bytes());
        context.purse.release_to(context.purse.held().saturating_sub(own));
        return Ok(());
    }
    // An absent single entity has no member (recorded in pnp/pnpcore).
    if !navigation.is_collection && found.is_empty() {
        return Ok(());
    }
    let cast = item.cast.map(|id| format!("/{}", context.model.structured(id).full_name)).unwrap_or_default();
    let path = || format!("{}{cast}{}/{}", address.text(schema), item.member, navigation.name);
    if navigation.contains_target && context.representation.has_context() {
        let suffix = if navigation.is_collection { "" } else { "/$entity" };
        begin_member(&format!("{name}@odata.context"), out);
        out.push(b'"');
        context.write_context(&format!("#{}{}{suffix}", path(), item.query.projection()), out);
        out.push(b'"');
    }
    if item.query.count == Some(true) {
        begin_member(&format!("{name}@odata.count"), out);
        out.extend_from_slice(found.len().to_string().as_bytes());
    }
    let (skip, shown) = (item.query.skip.min(found.len()), shown(context, structured, item));
    let end = skip.saturating_add(shown.entities).min(found.len());
    if let (true, Some(last)) = (shown.has_link && end < found.len(), found[skip..end].last()) {
        begin_member(&format!("{name}@odata.nextLink"), out);
        write_string(out, &next_link(context, item, &path(), last, shown.remaining));
    }
    begin_member(name, out);
    if navigation.is_collection {
        out.push(b'[');
    }
    hold_growth(context, capacity, out)?;
    for (index, found) in found[skip..end].iter().enumerate() {
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
    context.purse.release_to(context.purse.held().saturating_sub(own));
    Ok(())
}

/// The part of an expanded collection that an answer shows.
struct Shown {
    /// The largest number of entities.
    entities: usize,
    /// Whether a link leads to others.
    has_link: bool,
    /// The number of entities behind the link, where `$top` limits it.
    remaining: Option<u64>,
}

/// Returns the part of an expanded collection that an answer shows. What is contained has pages (learn.microsoft.com/graph/api/
/// callrecords-callrecord-get, recorded in pnp/pnpcore for `$top`); no answer is known that leads to further linked entities.
fn shown(context: &OperationContext<'_>, structured: &StructuredType, item: &ExpandItem<'_>) -> Shown {
    let (world, top) = (context.world, item.query.top);
    if !item.navigation.contains_target {
        let limit = statuses::expand_limit(world, structured, context.model).unwrap_or(usize::MAX);
        return Shown { entities: limit.min(top.unwrap_or(usize::MAX)), has_link: false, remaining: None };
    }
    let own = structured.rare().page_size.unwrap_or(usize::MAX);
    let page = top.unwrap_or(world.page_size.get().min(own)).min(world.largest_page().get());
    let remaining = match (world.behaviors.top, top) {
        (Top::Limit, Some(top)) => Some(u64::try_from(top - page).unwrap_or(u64::MAX)),
        _ => None,
    };
    Shown { entities: page, has_link: remaining != Some(0), remaining }
}

/// Returns the link to the entities behind the last one that is shown.
fn next_link(context: &OperationContext<'_>, item: &ExpandItem<'_>, path: &str, last: &Found, remaining: Option<u64>) -> String {
    let query = &item.query;
    let texts = [context.version().segment(), path, &query.bound_to[0], &query.bound_to[1]];
    let binding = Binding::of(context.world.secret(), &texts);
    let position = Position { number: last.number, remaining, keys: last.keys.clone() };
    let mut link = context.absolute(path);
    let mut separator = '?';
    for (name, value) in &item.options {
        let _ = write!(link, "{separator}{name}={}", utf8_percent_encode(value, ESCAPED));
        separator = '&';
    }
    let _ = write!(link, "{separator}$skiptoken={}", skiptoken::write(&position, binding));
    link
}

fn write_found(
    context: &OperationContext<'_>,
    found: &Found,
    item: &ExpandItem<'_>,
    levels: usize,
    out: &mut Vec<u8>,
) -> Result<(), PurseEmpty> {
    let Found { entity, address, .. } = found;
    let (begin, capacity) = (out.len() - 1, out.capacity());
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
    let preferred = context.preferred(types.actual, entity, item.query.select.as_ref());
    let shown = preferred.as_ref().unwrap_or(entity);
    match &item.query.select {
        None => write_cached(&context.representation, types, holder, &shown.with_text(), None, out),
        Some(select) => write_selected(&context.representation, types, holder, shown, &select.selection, out),
    }
    hold_growth(context, capacity, out)?;
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
    let collection = stored.map_err(|TooManyLinks| PurseEmpty)?;
    if !item.navigation.is_collection && collection.is_empty() {
        return single(context, address, item);
    }
    let query = &item.query;
    let each = ENTITY_STEPS
        + query.filter.as_ref().map_or(0, super::super::odata::query::filter::BoundExpression::steps)
        + orderby::steps(&query.order);
    let number = collection.len();
    let is_paid = context.purse.spend(each.saturating_mul(u64::try_from(number).unwrap_or(u64::MAX).saturating_add(1)));
    let listed = number.saturating_mul(size_of::<(u64, Arc<StoredEntity>)>());
    if !is_paid || !context.purse.hold(listed) {
        return Err(PurseEmpty);
    }
    let mut found = Vec::new();
    for (number, entity) in collection.page(None, 0, number) {
        let (entity, address) = if let Some(target) = entity.linked().cloned() {
            let Some(entity) = store.entity(&target) else { continue };
            (entity, (*target).clone())
        } else {
            let address = EntityAddress { collection: inner.clone(), key: entity.key.clone() };
            (entity, address)
        };
        let set = address.collection.set;
        if item.of.is_some_and(|cast| !context.model.shows_as(context.own_type(&entity, set), cast)) {
            continue;
        }
        let is_match = match &query.filter {
            Some(filter) => navigated::is_fulfilled(context, filter, &entity, set, || address.clone())?,
            None => true,
        };
        if is_match {
            let keys = navigated::keys_of(context, &query.order, &entity, set, || address.clone())?;
            let candidate = Found { entity, address, number, keys };
            if !context.purse.hold(candidate.size()) {
                return Err(PurseEmpty);
            }
            found.push(candidate);
        }
    }
    context.purse.release_to(context.purse.held().saturating_sub(listed));
    if !query.order.is_empty() {
        found.sort_by(|left, right| -> Ordering { orderby::compare(&query.order, &left.keys, &right.keys) });
    }
    Ok(found)
}

/// Returns the single entity of a navigation property that is not stored there.
fn single(context: &OperationContext<'_>, address: &EntityAddress, item: &ExpandItem<'_>) -> Result<Vec<Found>, PurseEmpty> {
    let found = implied::behind(context, address, &item.member, item.navigation).map_err(|LookUpUnpaid| PurseEmpty)?;
    let Some((entity, address)) = found else { return Ok(Vec::new()) };
    if item.of.is_some_and(|cast| !context.model.shows_as(context.own_type(&entity, address.collection.set), cast)) {
        return Ok(Vec::new());
    }
    let found = Found { entity, address, number: 0, keys: Vec::new() };
    if context.purse.hold(found.size()) { Ok(vec![found]) } else { Err(PurseEmpty) }
}

fn begin_member(name: &str, out: &mut Vec<u8>) {
    separate(out);
    write_string(out, name);
    out.push(b':');
}
