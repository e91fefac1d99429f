//! `delta`: all entities of a collection, then what has changed since.
//!
//! The first round lists all entities. Its last page has a link to the changes that were made after the round began.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use http::StatusCode;

use crate::edm::address::{EntityAddress, KeyForm};
use crate::edm::schema::{Navigation, OperationType, Restrictions, Slot};
use crate::graph::context::{ENTITY_LENGTH, OperationContext};
use crate::graph::navigated::{self, PurseEmpty};
use crate::graph::ops::{items, list};
use crate::graph::route::OperationCall;
use crate::graph::statuses;
use crate::graph::success::Success;
use crate::graph::window;
use crate::odata::error::{Error, Help};
use crate::odata::query::deltatoken::{self, DeltaPosition, DeltaToken};
use crate::odata::query::filter::BoundExpression;
use crate::odata::query::selection::Selected;
use crate::odata::query::skiptoken::Binding;
use crate::odata::query::{Query, QueryTarget, Scope};
use crate::odata::write::{Holder, separate, write_cached, write_selected};
use crate::policy::behavior::{CalendarViewDelta, ForeignDeltaToken};
use crate::policy::refusal;
use crate::text::form;
use crate::text::json::write_string;
use crate::world::links::{self, TooManyLinks};
use crate::world::store::{ChangePosition, Changed, Collection, CollectionAddress, StoredEntity};
use crate::world::workload::{InstanceRequest, InstanceRules};

/// The steps that finding an entity in the store costs.
const ENTITY_STEPS: u64 = 8;

/// The bytes that a step writes.
const BYTES_WRITTEN: usize = 8;

/// Whether a call asks for the changes of the collection to which it is bound.
pub(super) fn is_delta(context: &OperationContext<'_>, call: &OperationCall<'_>) -> bool {
    let is_bound_to_collection = context.route.key.is_none() && !context.route.has_links;
    is_bound_to_collection
        && !call.is_followed
        && call.operation.name.eq_ignore_ascii_case("delta")
        && matches!(call.operation.returns, Some(OperationType::Entities(id)) if context.model.is_a(context.route.type_id, id))
}

/// Whether a call asks for the changes of a file or a folder and of all that it contains.
pub(super) fn is_delta_of_item(context: &OperationContext<'_>, call: &OperationCall<'_>) -> bool {
    context.route.key.is_some()
        && context.structured().file.is_some()
        && !call.is_followed
        && call.operation.name.eq_ignore_ascii_case("delta")
        && matches!(call.operation.returns, Some(OperationType::Entities(id)) if context.model.is_a(context.route.type_id, id))
}

/// The token of a request.
enum Asked {
    /// None: a new round.
    Begin,
    /// A round that begins with what changes from now on.
    Latest,
    /// A token.
    Token(String),
}

/// One page of a round.
struct Page {
    rows: Vec<Row>,
    /// The position after it.
    next: DeltaPosition,
    /// Whether others follow.
    has_more: bool,
}

enum Row {
    /// An entity, with the links that are new or gone.
    Entity(Arc<StoredEntity>, Vec<ChangedLinks>),
    /// A time at which an entity happens, which is not stored.
    Time(Arc<StoredEntity>),
    Removed(Arc<str>),
    /// A file or a folder.
    Item(EntityAddress, Arc<StoredEntity>),
    /// A file or a folder that is gone.
    RemovedItem(Arc<str>),
}

/// A changed link: the key of the entity that has it, the name of the navigation property, and what it leads to, with whether it is gone.
type ChangedLink = (Arc<str>, Box<str>, (EntityAddress, bool));

/// The changed links of a navigation property: what they lead to, and whether they are gone.
struct ChangedLinks {
    name: Box<str>,
    targets: Vec<(EntityAddress, bool)>,
}

/// Answers with a page.
pub(super) fn delta(context: &OperationContext<'_>) -> Result<Success, Error> {
    let world = context.world;
    context.check_way()?;
    let set = world.schema.set(context.route.collection.set);
    let holder = context.route.ancestors.last().map(|holder| &*context.model.structured(holder.type_id).full_name);
    if holder.is_some_and(|holder| statuses::is_untracked(world, holder, &set.name)) {
        return Err(Error::new(&refusal::CHANGES_NOT_TRACKED, &[&context.structured().full_name]));
    }
    let path = context.route.collection.path(&world.schema);
    let binding = Binding::of(world.secret(), &["delta", context.version().segment(), &path]);
    let collection = world.store.to_change(&context.route.collection, 0)?;
    let mut decided = Vec::new();
    let asked = asked(context);
    if !matches!(asked, Asked::Token(_)) && statuses::has_plain_delta(world, context.structured(), context.model) {
        check_plain(context)?;
    }
    let start = || collection.change_position(|| world.next_request_id().as_u64_pair().1);
    let (position, is_listing) = position(context, asked, binding, start, &mut decided)?;
    let text = position.query.clone();
    let mut query = read_query(context, &text)?;
    query.range = context.route.window.map(|rules| window::range(rules, &text)).transpose()?;
    decided.extend(query.range.map(|_| "calendar-view-delta"));
    let page =
        if is_listing { list(context, &collection, &query, position)? } else { changes(context, &collection, &query, position)? };
    let body = write(context, &query, &page, binding)?;
    Ok(Success { preference_applied: context.enum_preference(), ..context.json(StatusCode::OK, body, decided) })
}

/// Answers with a page of a file or a folder and of all that it contains, where that has changed (learn.microsoft.com/graph/api/
/// driveitem-delta). What was in a folder that is gone is gone, too: the page says to delete a folder only once it is empty.
pub(super) fn delta_of_item(context: &OperationContext<'_>, key: &str, token: Option<&str>) -> Result<Success, Error> {
    let world = context.world;
    // The entity is there, or the single one that exists with its holder.
    context.bound_entity(key)?;
    let top = EntityAddress { collection: context.route.collection.clone(), key: key.into() };
    let text = top.text(&world.schema);
    let binding = Binding::of(world.secret(), &["delta", context.version().segment(), &text]);
    let asked = match token {
        Some(token) if token.eq_ignore_ascii_case("latest") => Asked::Latest,
        Some(token) if !token.is_empty() => Asked::Token(token.to_owned()),
        _ => asked(context),
    };
    let mut decided = Vec::new();
    let start = || world.store.nested_position(&top.collection, || world.next_request_id().as_u64_pair().1);
    let (position, is_listing) = position(context, asked, binding, start, &mut decided)?;
    let text_of_query = position.query.clone();
    let query = read_query(context, &text_of_query)?;
    let page = if is_listing {
        list_items(context, &top, &query, position)?
    } else {
        changed_items(context, &top, &text, &query, position)?
    };
    let body = write(context, &query, &page, binding)?;
    Ok(Success { preference_applied: context.enum_preference(), ..context.json(StatusCode::OK, body, decided) })
}

/// Returns the position from which a request goes on, and whether it lists all that is there. `start` returns the current one.
fn position(
    context: &OperationContext<'_>,
    asked: Asked,
    binding: Binding,
    start: impl Fn() -> ChangePosition,
    decided: &mut Vec<&'static str>,
) -> Result<(DeltaPosition, bool), Error> {
    let begin = || {
        let ChangePosition { record, number } = start();
        DeltaPosition { record, changes: number, round: number, listed: None, query: kept(context) }
    };
    match asked {
        Asked::Begin => Ok((begin(), true)),
        Asked::Latest => Ok((begin(), false)),
        Asked::Token(text) => match deltatoken::read(&text, binding) {
            DeltaToken::Position(position) => {
                let is_listing = position.listed.is_some();
                Ok((position, is_listing))
            }
            DeltaToken::Foreign if context.world.behaviors.foreign_delta_token == ForeignDeltaToken::Begin => {
                decided.push("foreign-delta-token");
                Ok((begin(), true))
            }
            DeltaToken::Foreign | DeltaToken::Elsewhere => Err(lost(context)),
        },
    }
}

/// Returns a page of a file or a folder and of all that it contains. A second page is one in the order of numbers that follow from the ids, so
/// that what comes and goes meanwhile moves nothing to another page.
fn list_items(
    context: &OperationContext<'_>,
    top: &EntityAddress,
    query: &Query<'_>,
    position: DeltaPosition,
) -> Result<Page, Error> {
    let size = size(context, query);
    let mut found = items::within(context, top)?;
    if found.len() <= size && position.listed.is_none() {
        let rows = found.into_iter().map(|(address, entity)| Row::Item(address, entity)).collect();
        return Ok(Page { rows, next: position, has_more: false });
    }
    let number = |address: &EntityAddress| {
        let mut hasher = DefaultHasher::new();
        address.key.hash(&mut hasher);
        hasher.finish()
    };
    found.sort_by_cached_key(|(address, _)| number(address));
    let mut rest = found.into_iter().filter(|(address, _)| position.listed.is_none_or(|last| number(address) > last)).peekable();
    let mut listed = None;
    let mut rows = Vec::new();
    while let Some((address, entity)) = rest.next_if(|_| rows.len() < size) {
        listed = Some(number(&address));
        rows.push(Row::Item(address, entity));
    }
    let has_more = rest.peek().is_some();
    Ok(Page { rows, next: DeltaPosition { listed: listed.filter(|_| has_more), ..position }, has_more })
}

/// Returns a page of the changes of a file or a folder and of all that it contains.
fn changed_items(
    context: &OperationContext<'_>,
    top: &EntityAddress,
    text: &str,
    query: &Query<'_>,
    position: DeltaPosition,
) -> Result<Page, Error> {
    let (world, size) = (context.world, size(context, query));
    let after = ChangePosition { record: position.record, number: position.changes };
    let page = world.store.nested_changes_after(&top.collection, after, size.saturating_add(1)).ok_or_else(|| lost(context))?;
    let has_more = page.len() > size;
    let mut known = position.changes;
    // Each item once. One that has moved is gone from another place.
    let mut found: Vec<(EntityAddress, Option<Arc<StoredEntity>>)> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    for (number, changed) in page.into_iter().take(size) {
        known = number;
        if !context.purse.spend(ENTITY_STEPS) {
            return Err(context.too_expensive());
        }
        let Changed::Within(address) = changed else { continue };
        let is_item = world.schema.set(address.collection.set).target == context.route.type_id;
        let place = address.text(&world.schema);
        let is_within = place.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if !is_item || !is_within {
            continue;
        }
        let entity = world.store.entity(&address);
        match places.get(&address.key).copied() {
            Some(place) if entity.is_some() || found[place].1.is_none() => {
                found[place] = (EntityAddress::clone(&address), entity);
            }
            Some(_) => {}
            None => {
                places.insert(address.key.clone(), found.len());
                found.push((EntityAddress::clone(&address), entity));
            }
        }
    }
    // Folders come before what they contain.
    found.sort_by_cached_key(|(address, _)| address.text(&world.schema).matches('/').count());
    let row = |(address, entity): (EntityAddress, Option<Arc<StoredEntity>>)| match entity {
        Some(entity) => Row::Item(address, entity),
        None => Row::RemovedItem(address.key),
    };
    Ok(Page { rows: found.into_iter().map(row).collect(), next: position.after(known, has_more), has_more })
}

/// Returns the refusal of a token that has lost its state.
fn lost(context: &OperationContext<'_>) -> Error {
    let path = context.request.path();
    // The token of a file or a folder can be an argument in the path.
    let arguments = if path.ends_with(')') { path.rfind('(') } else { None };
    let fresh = context.absolute_path(arguments.map_or(path, |at| &path[..at]));
    let is_file = context.structured().file.is_some();
    let refusal = if is_file { &refusal::RESYNC_REQUIRED } else { &refusal::SYNC_STATE_NOT_FOUND };
    Error { help: Some(Box::new(Help::FreshAddress(fresh))), ..Error::new(refusal, &[]) }
}

fn asked(context: &OperationContext<'_>) -> Asked {
    let query = context.request.target.query().unwrap_or_default();
    let is_token = |name: &str| {
        let name = form::decoded(name);
        let name = name.trim().trim_start_matches('$');
        ["skiptoken", "deltatoken", "token"].iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    match form::raw_fields(query).find(|(name, _)| is_token(name)).map(|(_, value)| form::decoded(value).trim().to_owned()) {
        None => Asked::Begin,
        Some(token) if token.eq_ignore_ascii_case("latest") => Asked::Latest,
        Some(token) => Asked::Token(token),
    }
}

/// Refuses the options that delta queries of the directory do not have. Those of a token were checked before.
fn check_plain(context: &OperationContext<'_>) -> Result<(), Error> {
    for (name, value) in form::raw_fields(context.request.target.query().unwrap_or_default()) {
        let name = form::decoded(name);
        let name = name.trim().trim_start_matches('$').to_ascii_lowercase();
        if ["expand", "top", "orderby", "search", "skip", "count"].contains(&&*name) {
            return Err(Error::new(&refusal::DELTA_OPTION, &[&name]));
        }
        if name != "filter" {
            continue;
        }
        let filter = form::decoded(value);
        // The first member that is not the id, in `id eq '1' or id eq '2'`.
        let words = |term: &str| term.trim().splitn(3, ' ').map(str::to_owned).collect::<Vec<_>>();
        let by_id = |term: &Vec<String>| {
            term.len() == 3
                && term[0].eq_ignore_ascii_case("id")
                && term[1].eq_ignore_ascii_case("eq")
                && term[2].starts_with('\'')
        };
        let terms = filter.split(" or ").map(words);
        if let Some(other) = terms.into_iter().find(|term| !by_id(term)) {
            let property = other.first().map_or("", String::as_str);
            return Err(Error::new(&refusal::DELTA_FILTER, &[property, &context.structured().name]));
        }
    }
    Ok(())
}

/// Returns the options of the request that its tokens carry.
fn kept(context: &OperationContext<'_>) -> String {
    let query = context.request.target.query().unwrap_or_default();
    let is_kept = |piece: &&str| {
        let name = form::decoded(piece.split('=').next().unwrap_or_default());
        let name = name.trim().trim_start_matches('$');
        let range = context.route.window.into_iter().flat_map(|rules| [rules.start, rules.end]);
        let mut names = ["select", "filter", "top", "expand"].into_iter().chain(range);
        names.any(|known| name.eq_ignore_ascii_case(known))
    };
    query.split('&').filter(is_kept).collect::<Vec<_>>().join("&")
}

fn read_query<'c>(context: &OperationContext<'c>, text: &str) -> Result<Query<'c>, Error> {
    let structured = context.structured();
    let scope = Scope {
        model: context.model,
        structured,
        behaviors: &context.world.behaviors,
        knows_hidden: context.knows_hidden,
        now: context.now.into(),
        search: None,
        rules: None,
        // Not an option of delta queries.
        is_eventual: true,
        restrictions: Restrictions::NONE,
    };
    Query::read(text, scope, QueryTarget::Collection)
}

fn size(context: &OperationContext<'_>, query: &Query<'_>) -> usize {
    query.top.unwrap_or(usize::MAX).min(list::page_size(context, query.top)).max(1)
}

fn is_match(context: &OperationContext<'_>, query: &Query<'_>, entity: &Arc<StoredEntity>) -> Result<bool, Error> {
    if let Some(range) = query.range {
        let (world, model, purse) = (context.world, context.model, context.purse);
        let with_series = world.behaviors.calendar_view_delta != CalendarViewDelta::LeaveOut;
        let place = (context.structured(), &context.route.collection);
        let is_within = window::is_within(world, model, purse, place, entity, range, with_series);
        if !is_within.ok_or_else(|| context.too_expensive())? {
            return Ok(false);
        }
    }
    let address = || EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() };
    let set = context.route.collection.set;
    let is_match = match &query.filter {
        Some(filter) => {
            navigated::is_fulfilled(context, filter, entity, set, address).map_err(|PurseEmpty| context.too_expensive())?
        }
        None => true,
    };
    let is_paid = context.purse.spend(ENTITY_STEPS + query.filter.as_ref().map_or(0, BoundExpression::steps));
    if is_paid && !context.purse.is_empty() { Ok(is_match) } else { Err(context.too_expensive()) }
}

/// Returns the times in the range of a query at which an entity happens. They are on the page of the entity (weak: microsoft-graph-docs#4501,
/// which found so, and no word of one that is gone).
fn times(context: &OperationContext<'_>, query: &Query<'_>, entity: &Arc<StoredEntity>) -> Result<Vec<Row>, Error> {
    let (world, model) = (context.world, context.model);
    let Some(range) = query.range.filter(|_| world.behaviors.calendar_view_delta == CalendarViewDelta::Expand) else {
        return Ok(Vec::new());
    };
    let place = (context.structured(), &context.route.collection);
    let found = window::times(world, model, context.purse, place, entity, range).ok_or_else(|| context.too_expensive())?;
    let request = InstanceRequest { world, model, structured: place.0, collection: place.1, entity, purse: context.purse };
    let separated = request.separated();
    let is_stored = |key: &str| separated.as_ref().is_some_and(|collection| world.store.has(collection, key));
    let row = |time: Arc<StoredEntity>| if is_stored(&time.key) { Row::Entity(time, Vec::new()) } else { Row::Time(time) };
    Ok(found.into_iter().map(row).collect())
}

/// Returns a page of all entities.
fn list(
    context: &OperationContext<'_>,
    collection: &Collection,
    query: &Query<'_>,
    position: DeltaPosition,
) -> Result<Page, Error> {
    let size = size(context, query);
    let mut rows = Vec::new();
    let mut listed = position.listed;
    loop {
        let wanted = size.saturating_sub(rows.len());
        let chunk = collection.page(listed, 0, wanted.saturating_add(1));
        let has_more = chunk.len() > wanted;
        for (number, entity) in chunk.into_iter().take(wanted) {
            listed = Some(number);
            if is_match(context, query, &entity)? {
                let links = all_links(context, query, &entity)?;
                let times = times(context, query, &entity)?;
                rows.push(Row::Entity(entity, links));
                rows.extend(times);
            }
        }
        if !has_more || rows.len() >= size {
            let listed = listed.filter(|_| has_more);
            return Ok(Page { rows, next: DeltaPosition { listed, ..position }, has_more });
        }
    }
}

/// Returns a page of changes.
fn changes(
    context: &OperationContext<'_>,
    collection: &Collection,
    query: &Query<'_>,
    position: DeltaPosition,
) -> Result<Page, Error> {
    let size = size(context, query);
    let after = ChangePosition { record: position.record, number: position.changes };
    let page = collection.changes_after(after, size.saturating_add(1)).ok_or_else(|| lost(context))?;
    let has_more = page.len() > size;
    let shown = delta_navigations(context, query);
    let mut known = position.changes;
    // Each entity once, in the order of its first change on the page.
    let mut keys: Vec<(Arc<str>, Vec<ChangedLinks>)> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    for (number, changed) in page.into_iter().take(size) {
        known = number;
        if !context.purse.spend(ENTITY_STEPS) {
            return Err(context.too_expensive());
        }
        let (key, link) = match changed {
            Changed::Entity(key) => (key, None),
            Changed::Within(_) => continue,
            Changed::Link(link) => match changed_link(context, &shown, &link) {
                Some((key, name, target)) => (key, Some((name, target))),
                None => continue,
            },
        };
        let place = *places.entry(key.clone()).or_insert_with(|| {
            keys.push((key, Vec::new()));
            keys.len() - 1
        });
        let Some((name, target)) = link else { continue };
        let links = &mut keys[place].1;
        match links.iter_mut().find(|links| links.name == name) {
            Some(links) => links.targets.push(target),
            None => links.push(ChangedLinks { name, targets: vec![target] }),
        }
    }
    let mut rows = Vec::new();
    for (key, links) in keys {
        match collection.get(&key) {
            Some(entity) if is_match(context, query, &entity)? => {
                let slots = selected_slots(context, query, &entity);
                let is_shown = |slots: Vec<Slot>| collection.has_property_changed(&key, position.round, &slots);
                if !links.is_empty() || slots.is_none_or(is_shown) {
                    let times = times(context, query, &entity)?;
                    rows.push(Row::Entity(entity, links));
                    rows.extend(times);
                }
            }
            // An entity that has ceased to match is gone for this client.
            Some(_) | None => rows.push(Row::Removed(key)),
        }
    }
    Ok(Page { rows, next: position.after(known, has_more), has_more })
}

/// Returns the slots of the members that a query selects; `None` if any change counts: all are shown, or a condition depends on others.
fn selected_slots(context: &OperationContext<'_>, query: &Query<'_>, entity: &StoredEntity) -> Option<Vec<Slot>> {
    let select = query.select.as_ref().filter(|_| query.filter.is_none() && query.range.is_none())?;
    let properties = context.types(entity).actual.properties.iter().enumerate();
    let is_selected = |index: usize, slot: Slot| select.selection.of(index, slot) != Selected::Nothing;
    Some(properties.filter(|(index, property)| is_selected(*index, property.slot)).map(|(_, property)| property.slot).collect())
}

/// Returns the navigation properties whose links a query shows: all that have them in delta queries, or those of them that it selects.
fn delta_navigations<'c>(context: &OperationContext<'c>, query: &Query<'_>) -> Vec<&'c Navigation> {
    let structured = context.structured();
    let selected: Option<Vec<&str>> = query.select.as_ref().map(|select| select.list.split(',').collect());
    let is_shown = |name: &str| selected.as_ref().is_none_or(|names| names.iter().any(|other| other.eq_ignore_ascii_case(name)));
    let navigations = structured.navigations.iter().map(|navigation| &**navigation);
    navigations
        .filter(|navigation| is_shown(&navigation.name) && statuses::has_delta_links(context.world, structured, navigation))
        .collect()
}

/// Returns the key of the entity whose link has changed, the name of the navigation property, and where the link leads, with whether it is
/// gone; `None` if the query does not show it.
fn changed_link(
    context: &OperationContext<'_>,
    shown: &[&Navigation],
    (place, target): &(CollectionAddress, EntityAddress),
) -> Option<ChangedLink> {
    let navigation = shown.iter().find(|navigation| navigation.set == place.set)?;
    let holder = EntityAddress::parse(&context.world.schema, context.model, place.holder.as_deref()?)?;
    if holder.collection != context.route.collection {
        return None;
    }
    let store = &*context.world.store;
    let leads_there = |link: &StoredEntity| link.linked().is_some_and(|linked| **linked == *target);
    let is_there = if navigation.is_collection {
        links::key_of(store, place, target).is_some()
    } else {
        store.at(place).with_entity(&navigation.name, leads_there) == Some(true)
    };
    Some((holder.key.clone(), navigation.name.clone(), (target.clone(), !is_there)))
}

/// Returns all links of an entity that a query shows.
fn all_links(context: &OperationContext<'_>, query: &Query<'_>, entity: &StoredEntity) -> Result<Vec<ChangedLinks>, Error> {
    let mut found = Vec::new();
    for navigation in delta_navigations(context, query) {
        let address = context.route.collection.within(&context.world.schema, &entity.key, navigation.set);
        let links = links::collection(&context.world.schema, &context.world.store, &address, Some(context.purse));
        let links = links.map_err(|TooManyLinks| context.too_expensive())?.list();
        if !context.purse.spend(ENTITY_STEPS.saturating_mul(u64::try_from(links.len()).unwrap_or(u64::MAX))) {
            return Err(context.too_expensive());
        }
        let targets: Vec<_> = links.iter().filter_map(|link| Some(((**link.linked()?).clone(), false))).collect();
        if !targets.is_empty() {
            found.push(ChangedLinks { name: navigation.name.clone(), targets });
        }
    }
    Ok(found)
}

/// Writes the changed links of an entity as further members.
fn write_links(context: &OperationContext<'_>, links: &[ChangedLinks], out: &mut Vec<u8>) {
    for ChangedLinks { name, targets } in links {
        separate(out);
        write_string(out, &format!("{name}@delta"));
        out.extend_from_slice(b":[");
        for (index, (target, is_gone)) in targets.iter().enumerate() {
            let declared = context.world.schema.set(target.collection.set).target;
            let own = context.world.store.entity(target).and_then(|entity| entity.properties.own_type).unwrap_or(declared);
            let structured = context.model.find_structured(own).unwrap_or_else(|| context.structured());
            out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
            out.extend_from_slice(b"\"@odata.type\":");
            write_string(out, &format!("#{}", structured.full_name));
            out.extend_from_slice(b",\"id\":");
            write_string(out, &target.key);
            if *is_gone {
                out.extend_from_slice(b",\"@removed\":{\"reason\":\"deleted\"}");
            }
            out.push(b'}');
        }
        out.push(b']');
    }
}

/// Writes a page.
fn write(context: &OperationContext<'_>, query: &Query<'_>, page: &Page, binding: Binding) -> Result<Vec<u8>, Error> {
    let (structured, world) = (context.structured(), context.world);
    // Collections in singletons, too, have the type alone (learn.microsoft.com/graph/api/educationclass-delta and educationuser-delta, medium).
    let is_root = !world.schema.set(context.route.collection.set).path.contains('/');
    let fragment = match context.route.collection.holder {
        None if is_root => format!("{}{}", context.route.fragment, query.projection()),
        _ => format!("#Collection({})", structured.name),
    };
    let mut out = context.begin_body(&fragment, "", page.rows.len() * ENTITY_LENGTH);
    let members = InstanceRules::of(world, structured).map(|rules| format!("$select={}", rules.delta_members.join(",")));
    let of_times = members.as_deref().map(|members| read_query(context, members)).transpose()?;
    let token = deltatoken::write(&page.next, binding);
    let (member, option) = if page.has_more { ("nextLink", "$skiptoken") } else { ("deltaLink", "$deltatoken") };
    separate(&mut out);
    write_string(&mut out, &format!("@odata.{member}"));
    out.push(b':');
    let path = context.absolute_path(context.request.path());
    let link = match path.rsplit_once('/') {
        // The links of OneDrive have the token as an argument (learn.microsoft.com/graph/api/driveitem-delta).
        Some((begin, call)) if context.route.key.is_some() => {
            format!("{begin}/{}(token='{token}')", call.split('(').next().unwrap_or_default())
        }
        _ => format!("{path}?{option}={token}"),
    };
    write_string(&mut out, &link);
    out.extend_from_slice(b",\"value\":[");
    for (index, row) in page.rows.iter().enumerate() {
        let begin = out.len();
        out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        match row {
            Row::Removed(key) => {
                let reason = if is_recoverable(context, key) { "changed" } else { "deleted" };
                out.extend_from_slice(format!("\"@removed\":{{\"reason\":\"{reason}\"}},\"id\":").as_bytes());
                write_string(&mut out, key);
            }
            // Medium: learn.microsoft.com/graph/api/driveitem-delta (the facet) and resources/deleted.
            Row::RemovedItem(key) => {
                out.extend_from_slice(b"\"id\":");
                write_string(&mut out, key);
                out.extend_from_slice(b",\"deleted\":{\"state\":\"deleted\"}");
            }
            Row::Item(address, entity) => {
                let types = context.types_of(entity, address.collection.set);
                let (set, path) = (world.schema.set(address.collection.set), address.collection.path(&world.schema));
                let holder = Holder { path: &path, form: KeyForm::of(set) };
                match &query.select {
                    None => write_cached(&context.representation, types, holder, &entity.with_text(), None, &mut out),
                    Some(select) => {
                        write_selected(&context.representation, types, holder, entity, &select.selection, &mut out);
                    }
                }
            }
            Row::Time(entity) => {
                let select = of_times.as_ref().and_then(|query| query.select.as_ref());
                let preferred = context.preferred(structured, entity, select);
                let entity = preferred.as_ref().unwrap_or(entity);
                if let Some(select) = select {
                    write_selected(
                        &context.representation,
                        context.types(entity),
                        context.holder(),
                        entity,
                        &select.selection,
                        &mut out,
                    );
                }
            }
            Row::Entity(entity, links) => {
                let types = context.types(entity);
                let preferred = context.preferred(types.actual, entity, query.select.as_ref());
                let entity = preferred.as_ref().unwrap_or(entity);
                match &query.select {
                    None => write_cached(&context.representation, types, context.holder(), &entity.with_text(), None, &mut out),
                    Some(select) => {
                        let is_selected =
                            |index: usize| select.selection.of(index, types.actual.properties[index].slot) != Selected::Nothing;
                        let has_key = types.actual.key.is_some_and(is_selected);
                        if !has_key {
                            out.extend_from_slice(b"\"id\":");
                            write_string(&mut out, &entity.key);
                        }
                        write_selected(&context.representation, types, context.holder(), entity, &select.selection, &mut out);
                    }
                }
                write_links(context, links, &mut out);
            }
        }
        out.push(b'}');
        if !context.purse.spend_on(out.len() - begin, BYTES_WRITTEN) {
            return Err(context.too_expensive());
        }
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

/// Whether a removed entity can be restored.
fn is_recoverable(context: &OperationContext<'_>, key: &str) -> bool {
    let bin = statuses::bin(context.world, &context.structured().full_name);
    bin.is_some_and(|bin| context.world.store.at(&CollectionAddress::from(bin.set)).get(key).is_some())
}
