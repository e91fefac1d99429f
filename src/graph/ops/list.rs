//! Lists: the pages of a collection.
//!
//! A page continues after the sort keys of the last entity, not after a number of entities. An entity that no concurrent write touches
//! is therefore on exactly one page.
//!
//! All work that grows with the collection is paid from the purse of the request, before it is done.

use std::num::NonZeroUsize;
use std::sync::Arc;

use http::StatusCode;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::schema::Tolerance;
use crate::graph::context::{ENTITY_LENGTH, OperationContext};
use crate::graph::expand::{self, PurseEmpty};
use crate::graph::explain;
use crate::graph::navigated;
use crate::graph::route::Tail;
use crate::graph::statuses;
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::prefer::Preferences;
use crate::odata::query::filter::BoundExpression;
use crate::odata::query::filter::evaluate::Scalar;
use crate::odata::query::skiptoken::{self, Binding, Position};
use crate::odata::query::{Query, QueryTarget, options, orderby};
use crate::odata::write::{Holder, separate, write_cached, write_selected};
use crate::policy::behavior::{CollectionCount, PageBytes, Top, TopMaximum};
use crate::policy::refusal;
use crate::text::json::write_string;
use crate::world::store::{Collection, StoredEntity};

/// The number of entities that a scan takes from the store at a time. It checks them without holding the store's lock.
const CHUNK: usize = 256;

/// The steps that finding an entity in the store costs.
const ENTITY_STEPS: usize = 8;

/// The steps that comparing a sort key costs.
const KEY_STEPS: usize = 3;

/// The number of links that are looked up to count them.
const LINKS_LOOKED_UP: usize = 10_000;

/// The bytes of a page that a step writes.
const BYTES_WRITTEN: usize = 8;

/// The numbers of the entities of one collection, in a list of several.
const SOURCE: u64 = 1 << 40;

/// One page of a list.
struct Page {
    found: Vec<Candidate>,
    /// The number of entities in the whole list, if the page has it.
    count: Option<usize>,
    /// Whether others follow the last entity.
    has_more: bool,
    /// The number of entities that this page and all later ones may have together.
    limit: Option<u64>,
}

impl Page {
    /// Returns the position after the first entities of the page, if others follow.
    fn position_after(&self, written: usize) -> Option<Position> {
        let last = self.found[..written].last()?;
        let is_end = written == self.found.len() && !self.has_more;
        let remaining = self.limit.map(|limit| limit.saturating_sub(u64::try_from(written).unwrap_or(u64::MAX)));
        (!is_end && remaining != Some(0)).then(|| Position { number: last.number, remaining, keys: last.keys.clone() })
    }
}

/// An entity and its position in the list.
struct Candidate {
    keys: Vec<Scalar<'static>>,
    number: u64,
    entity: Arc<StoredEntity>,
    /// The address of a linked entity.
    linked: Option<Arc<EntityAddress>>,
}

impl Candidate {
    /// Returns the approximate size in memory, without the entity.
    fn size(&self) -> usize {
        let text = |key: &Scalar<'_>| if let Scalar::Text(text) = key { text.len() } else { 0 };
        size_of::<Candidate>() + self.keys.iter().map(|key| size_of::<Scalar<'_>>() + text(key)).sum::<usize>()
    }
}

/// Checks a list of linked objects of the directory behind a cast: with a condition or an order it needs `ConsistencyLevel: eventual` and
/// `$count=true`. With `$select` and `$top` alone, published programs ask without them.
fn check_cast(context: &OperationContext<'_>, query: &Query<'_>) -> Result<(), Error> {
    let has_index = query.filter.is_some() || !query.order.is_empty();
    let is_cast = context.route.cast.is_some() && context.route.has_links && has_index;
    let needs_level = |(_, needs): &Tolerance| needs(&context.world.behaviors);
    let is_advanced = is_cast && context.structured().rare().eventual.is_some_and(needs_level);
    match query.filter {
        _ if !is_advanced || context.is_eventual() && query.count == Some(true) => Ok(()),
        Some(_) => Err(Error::new(&refusal::FILTER_OF_CAST, &[])),
        None => Err(Error::new(&refusal::CAST_NEEDS_LEVEL, &[])),
    }
}

/// Whether a list is refused because its cast shows nothing.
fn is_doubted(context: &OperationContext<'_>, query: &Query<'_>) -> bool {
    let (Some(cast), Some(holder)) = (context.route.cast, context.route.ancestors.last()) else { return false };
    let needs_level = |(_, needs): &Tolerance| needs(&context.world.behaviors);
    let is_advanced = context.is_eventual() && query.count == Some(true);
    let name = |type_id| &*context.model.structured(type_id).full_name;
    let set = context.world.schema.set(context.route.collection.set);
    !is_advanced
        && context.structured().rare().eventual.is_some_and(needs_level)
        && statuses::is_doubted_cast(context.world, name(holder.type_id), &set.name, name(cast))
}

/// Answers with a page of a collection.
pub(super) fn list(context: &OperationContext<'_>) -> Result<Success, Error> {
    let query = context.query(context.structured(), QueryTarget::Collection)?.unwrap_or_default();
    check_cast(context, &query)?;
    let texts = [context.version().segment(), &context.route.fragment[1..], &query.bound_to[0], &query.bound_to[1]];
    let binding = Binding::of(context.world.secret(), &texts);
    let page = find_page(context, &query, binding)?;
    if page.found.is_empty() && is_doubted(context, &query) {
        return Err(Error::new(&refusal::CAST_NEEDS_LEVEL, &[]));
    }
    let (body, written) = page_body(context, &query, &page, binding).map_err(|PurseEmpty| context.too_expensive())?;
    let selection = query.select.as_ref().map(|select| &select.selection);
    let shown = page.found[..written].iter().map(|candidate| &**candidate.entity);
    let mut decided = explain::entities(context, shown, selection);
    if query.count.is_none() {
        decided.push("collection-count");
    }
    decided.extend(query.doubted());
    if written < page.found.len() {
        decided.push("page-bytes");
    }
    if let Some(top) = query.top {
        decided.push("top");
        if top > context.world.largest_page().get() {
            decided.push("top-maximum");
        }
    }
    let preferences = Preferences { answer: None, ..context.preferences };
    Ok(Success { preference_applied: preferences.applied(), ..context.json(StatusCode::OK, body, decided) })
}

/// Returns the largest number of entities on a page: the smaller one of that of the settings and that of the type, unless a client asks. It can
/// ask for more than it gets unasked (Power-Automate-Templates#2), by `$top` or a preference.
pub(super) fn page_size(context: &OperationContext<'_>, top: Option<usize>) -> usize {
    let own = context.structured().rare().page_size.unwrap_or(usize::MAX);
    let size = context.world.page_size.get().min(own);
    if context.route.result.as_ref().is_some_and(|result| result.is_whole) {
        return top.unwrap_or(usize::MAX);
    }
    let wanted = context.preferences.max_page_size.map_or_else(|| top.unwrap_or(size), NonZeroUsize::get);
    wanted.min(context.world.largest_page().get())
}

/// Answers with the number of entities in a collection.
pub(super) fn count(context: &OperationContext<'_>) -> Result<Success, Error> {
    let query = context.query(context.structured(), QueryTarget::Count)?.unwrap_or_default();
    let collection = context.collection()?;
    // Few links lead nowhere, as after an import of a part of the state; among many they are not looked for.
    let is_counted_by_one = !is_plain(context) && (context.hides_some() || collection.len() <= LINKS_LOOKED_UP);
    let count = if query.filter.is_some() || is_counted_by_one {
        scan(context, &collection, &query, None, 0, 0, true).map_err(|PurseEmpty| context.too_expensive())?.1
    } else {
        collection.len()
    };
    Ok(context.text("text/plain", count.to_string().into_bytes(), query.doubted().into_iter().collect()))
}

/// Finds the page that a query requests.
fn find_page(context: &OperationContext<'_>, query: &Query<'_>, binding: Binding) -> Result<Page, Error> {
    let collection = context.collection()?;
    let after = match &query.token {
        None => None,
        Some(token) => match skiptoken::read(token, binding, query.order.len()) {
            Some(position) => Some(position),
            None => return Err(Error::new(&refusal::INVALID_SKIP_TOKEN, &[token])),
        },
    };
    let maximum = context.world.largest_page().get();
    if let Some(top) = query.top.filter(|top| *top > maximum)
        && context.world.behaviors.top_maximum == TopMaximum::Reject
    {
        return Err(Error::new(&refusal::TOP_TOO_LARGE, &[&maximum.to_string(), &top.to_string()]));
    }
    let page_size = page_size(context, query.top);
    let (wanted, limit) = match (context.world.behaviors.top, query.top) {
        (_, None) => (usize::MAX, None),
        (Top::PageSize, Some(top)) => (top, None),
        (Top::Limit, Some(top)) => {
            let remaining =
                after.as_ref().and_then(|position| position.remaining).unwrap_or(u64::try_from(top).unwrap_or(u64::MAX));
            (usize::try_from(remaining).unwrap_or(usize::MAX), Some(remaining))
        }
    };
    let size = page_size.min(wanted);
    // `$skip` applies to the first page; later ones continue after it.
    let skip = if after.is_none() { query.skip } else { 0 };
    let is_always_counted = || statuses::is_counted(context.world, context.structured(), context.model);
    let is_counted = context.world.behaviors.collection_count == CollectionCount::Always;
    let is_counted = query.count.unwrap_or_else(|| is_counted || is_always_counted());
    // One entity more than the page shows whether another page follows.
    let needed = size.saturating_add(1);
    let (mut found, count) = if query.filter.is_none() && query.order.is_empty() && is_plain(context) {
        let after_number = after.as_ref().map(|position| position.number);
        // Few pages need to know the size of the collection.
        let visited = skip.saturating_add(needed);
        let visited = if visited > CHUNK { visited.min(collection.len()) } else { visited };
        if !context.purse.spend(steps(visited, ENTITY_STEPS)) {
            return Err(context.too_expensive());
        }
        let found = collection.page(after_number, skip, needed);
        let candidate = |(number, entity)| Candidate { keys: Vec::new(), number, entity, linked: None };
        (found.into_iter().map(candidate).collect(), is_counted.then(|| collection.len()))
    } else {
        let scanned = scan(context, &collection, query, after.as_ref(), skip, needed, is_counted);
        let (found, count) = scanned.map_err(|PurseEmpty| context.too_expensive())?;
        (found, is_counted.then_some(count))
    };
    // An action has no further pages.
    let is_whole = context.route.result.as_ref().is_some_and(|result| result.is_whole);
    let has_more = found.len() > size && size > 0 && !is_whole;
    found.truncate(size);
    Ok(Page { found, count, has_more, limit })
}

/// Whether the list shows the entities of the collection, all of them.
fn is_plain(context: &OperationContext<'_>) -> bool {
    !context.route.has_links && !context.hides_some() && context.route.also.is_empty()
}

/// Returns the entity that the list shows for one of the collection: that of a link, with its address, if it has the type of the path's
/// cast.
fn shown(context: &OperationContext<'_>, entity: Arc<StoredEntity>) -> Option<(Arc<StoredEntity>, Option<Arc<EntityAddress>>)> {
    if is_plain(context) {
        return Some((entity, None));
    }
    let linked = entity.linked().cloned();
    let entity = match &linked {
        Some(target) => context.world.store.entity(target)?,
        None => entity,
    };
    let set = linked.as_ref().map_or(context.route.collection.set, |target| target.collection.set);
    let has_type = context.route.cast.is_none_or(|cast| context.model.shows_as(context.own_type(&entity, set), cast));
    (has_type && context.is_callers(&entity)).then_some((entity, linked))
}

/// Returns the steps of a number of pieces of work.
fn steps(pieces: usize, each: usize) -> u64 {
    u64::try_from(pieces.saturating_mul(each)).unwrap_or(u64::MAX)
}

/// Returns the matching entities after a position, in the order of the query, and the number of all matches, those before the position
/// included.
///
/// Without an order, the scan stops at the limit unless all matches are counted.
///
/// # Errors
///
/// Fails if the purse does not suffice.
fn scan(
    context: &OperationContext<'_>,
    collection: &Collection,
    query: &Query<'_>,
    after: Option<&Position>,
    skip: usize,
    limit: usize,
    is_counted: bool,
) -> Result<(Vec<Candidate>, usize), PurseEmpty> {
    let purse = context.purse;
    let is_ordered = !query.order.is_empty();
    let needed = skip.saturating_add(limit);
    let by_position = |left: &Candidate, right: &Candidate| {
        orderby::compare(&query.order, &left.keys, &right.keys).then(left.number.cmp(&right.number))
    };
    let paid = |is_paid: bool| if is_paid { Ok(()) } else { Err(PurseEmpty) };
    // A scan that is interrupted anyway need not begin.
    let filter = query.filter.as_ref();
    let each = steps(1, ENTITY_STEPS) + filter.map_or(0, BoundExpression::steps) + orderby::steps(&query.order);
    let expected = each + filter.map_or(0, BoundExpression::expected_text_steps);
    let also: Vec<_> = context.route.also.iter().map(|address| (context.world.store.at(address), Some(address))).collect();
    let others = also.iter().map(|(collection, address)| (&**collection, *address));
    let sources: Vec<(&Collection, Option<&CollectionAddress>)> = std::iter::once((collection, None)).chain(others).collect();
    let entities = sources.iter().map(|(source, _)| source.len()).sum();
    paid(purse.expect(steps(entities, 1).saturating_mul(expected)))?;
    let key_steps = query.order.len() * KEY_STEPS;
    // Entities before the position matter only for the count, or in an order other than that of the numbers.
    let after_number = if is_ordered || is_counted { None } else { after.map(|position| position.number) };
    let (mut found, mut count): (Vec<Candidate>, usize) = (Vec::new(), 0);
    let (mut place, mut first) = (0, 0);
    let mut behind = after_number;
    while let Some((source, address)) = sources.get(place) {
        let chunk = if behind.is_some_and(|number| number >= SOURCE) { Vec::new() } else { source.page(behind, 0, CHUNK) };
        let Some((last, _)) = chunk.last() else {
            // The numbers of the next collection come after all of this one.
            (place, first) = (place + 1, first + SOURCE);
            behind = after_number.and_then(|number| number.checked_sub(first));
            continue;
        };
        behind = Some(*last);
        paid(purse.spend(steps(chunk.len(), 1).saturating_mul(each)))?;
        for (number, entity) in chunk {
            let number = first + number;
            // A copy of an entity is shown once.
            if address.is_some() && collection.get(&entity.key).is_some() {
                continue;
            }
            let own = address.map(|address| Arc::new(EntityAddress { collection: address.clone(), key: entity.key.clone() }));
            let Some((entity, linked)) = shown(context, entity) else { continue };
            let linked = linked.or(own);
            let set = linked.as_ref().map_or(context.route.collection.set, |target| target.collection.set);
            let own = || EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() };
            let address = || linked.as_deref().cloned().unwrap_or_else(own);
            let is_match = match filter {
                Some(filter) => navigated::is_fulfilled(context, filter, &entity, set, address)?,
                None => true,
            };
            if !is_match {
                continue;
            }
            count += 1;
            if !is_ordered && found.len() == needed {
                continue;
            }
            let keys = navigated::keys_of(context, &query.order, &entity, set, address)?;
            let is_after = after
                .is_none_or(|after| orderby::compare(&query.order, &keys, &after.keys).then(number.cmp(&after.number)).is_gt());
            if is_after {
                let candidate = Candidate { keys, number, entity, linked };
                paid(purse.hold(candidate.size()))?;
                found.push(candidate);
            }
        }
        if !is_ordered && !is_counted && found.len() >= needed {
            break;
        }
        // Keeps only the first entities of an order, so that a page does not take the memory of the whole collection.
        if is_ordered && found.len() >= needed.saturating_mul(2).saturating_add(CHUNK) {
            paid(purse.spend(steps(found.len(), key_steps)))?;
            found.select_nth_unstable_by(needed, by_position);
            let dropped: usize = found.drain(needed..).map(|candidate| candidate.size()).sum();
            purse.release_to(purse.held().saturating_sub(dropped));
        }
    }
    if is_ordered {
        // A sort makes about as many comparisons of each entity as the number of entities has bits.
        let comparisons = usize::try_from(usize::BITS - found.len().leading_zeros()).unwrap_or(usize::MAX);
        paid(purse.spend(steps(found.len() * comparisons, key_steps)))?;
        found.sort_unstable_by(by_position);
    }
    Ok((found.into_iter().skip(skip).take(limit).collect(), count))
}

/// Writes a page: context, count, link and value, in the order of recorded responses (pnp/pnpcore). Returns it with the number of its
/// entities: a page ends early where it gets too large.
fn page_body(
    context: &OperationContext<'_>,
    query: &Query<'_>,
    page: &Page,
    binding: Binding,
) -> Result<(Vec<u8>, usize), PurseEmpty> {
    let mut written = page.found.len();
    let limit = match context.world.behaviors.page_bytes {
        PageBytes::Large => 4 * 1024 * 1024,
        PageBytes::Small => 64 * 1024,
    };
    // As long as it will be, mostly: the journal keeps a long page.
    let length = |candidate: &Candidate| candidate.entity.text.length().map_or(ENTITY_LENGTH, |length| length + 3);
    let capacity = page.found.iter().map(length).sum::<usize>().min(limit);
    let mut out = begin_page(context, query, page, written, binding, capacity);
    let begin = out.len();
    let (representation, home) = (context.representation, context.holder());
    for (index, Candidate { entity, linked, .. }) in page.found.iter().enumerate() {
        let end = out.len();
        out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        let begin_of_entity = out.len() - 1;
        if context.route.tail == Tail::References {
            let own = || EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() };
            let address = linked.as_deref().cloned().unwrap_or_else(own);
            out.extend_from_slice(b"\"@odata.id\":");
            write_string(&mut out, &context.absolute(&address.text(&context.world.schema)));
            out.push(b'}');
            continue;
        }
        let types = match linked {
            None => context.types(entity),
            Some(target) => context.types_of(entity, target.collection.set),
        };
        // An entity of another collection has the address of that one.
        let own = linked
            .as_ref()
            .filter(|_| !context.route.also.is_empty() || context.route.result.is_some())
            .map(|own| own.collection.path(&context.world.schema));
        let holder = own.as_deref().map_or(home, Holder::collection);
        let preferred = context.preferred(types.actual, entity, query.select.as_ref());
        let entity = preferred.as_ref().unwrap_or(entity);
        if query.select.is_none() {
            let collection = linked.as_ref().map_or(&context.route.collection, |own| &own.collection);
            context.write_download(collection, entity, &mut out);
        }
        match &query.select {
            None => write_cached(&representation, types, holder, &entity.with_text(), None, &mut out),
            Some(select) => write_selected(&representation, types, holder, entity, &select.selection, &mut out),
        }
        if !query.expand.is_empty() {
            let own = || Arc::new(EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() });
            let address = linked.clone().unwrap_or_else(own);
            expand::write(context, (&address, entity), types.actual, &query.expand, begin_of_entity, &mut out)?;
        }
        out.push(b'}');
        if !context.purse.spend_on(out.len() - end, BYTES_WRITTEN) {
            return Err(PurseEmpty);
        }
        if out.len() - begin > limit && index > 0 {
            // Few pages are that large; only these have another beginning, with the link to the entities that are left.
            let mut shortened = begin_page(context, query, page, index, binding, end - begin);
            shortened.extend_from_slice(&out[begin..end]);
            (out, written) = (shortened, index);
            break;
        }
    }
    out.extend_from_slice(b"]}");
    Ok((out, written))
}

/// Writes a page up to its first entity, with room for more bytes. `written` is the number of its entities.
fn begin_page(
    context: &OperationContext<'_>,
    query: &Query<'_>,
    page: &Page,
    written: usize,
    binding: Binding,
    capacity: usize,
) -> Vec<u8> {
    let list = query.projection();
    let mut out = match context.route.tail {
        Tail::References => context.begin_body("#Collection($ref)", "", capacity),
        _ => context.begin_list_body(&list, capacity),
    };
    if let Some(count) = page.count {
        separate(&mut out);
        let quote = if context.format.is_ieee754_compatible { "\"" } else { "" };
        out.extend_from_slice(format!("\"@odata.count\":{quote}{count}{quote}").as_bytes());
    }
    if let Some(position) = page.position_after(written) {
        separate(&mut out);
        out.extend_from_slice(b"\"@odata.nextLink\":");
        write_string(&mut out, &next_link(context, &skiptoken::write(&position, binding)));
    }
    separate(&mut out);
    out.extend_from_slice(b"\"value\":[");
    out
}

/// Returns the path of the collection with keys as segments, the form of links of Teams (recorded in pnp/pnpcore).
fn path_of_segments<'c>(context: &OperationContext<'c>) -> &'c str {
    context.route.link_path.as_deref().unwrap_or_else(|| context.collection_path())
}

/// Returns the URL of the next page: its token, and the client's other options as written.
fn next_link(context: &OperationContext<'_>, token: &str) -> String {
    let mut base = Vec::new();
    context.write_base_url(&mut base);
    let mut link = String::from_utf8_lossy(&base).into_owned();
    // The next page has links, too.
    let tail = if context.route.tail == Tail::References { "/$ref" } else { "" };
    for part in ["/", context.version().segment(), "/", path_of_segments(context), tail, "?"] {
        link.push_str(part);
    }
    for piece in options::kept(context.request.target.query().unwrap_or_default()) {
        link.push_str(piece);
        link.push('&');
    }
    link.push_str("$skiptoken=");
    link.push_str(token);
    link
}
