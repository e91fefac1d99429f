//! `delta`: all entities of a collection, then what has changed since.
//!
//! The first round lists all entities. Its last page has a link to the changes that were made after the round began.

use std::collections::HashMap;
use std::sync::Arc;

use http::StatusCode;

use crate::edm::address::EntityAddress;
use crate::edm::schema::{Navigation, OperationType, Restrictions};
use crate::graph::context::{ENTITY_LENGTH, OperationContext};
use crate::graph::navigated::{self, PurseEmpty};
use crate::graph::ops::list;
use crate::graph::route::OperationCall;
use crate::graph::statuses;
use crate::graph::success::Success;
use crate::odata::error::{Error, Help};
use crate::odata::query::deltatoken::{self, DeltaPosition, DeltaToken};
use crate::odata::query::filter::BoundExpression;
use crate::odata::query::selection::Selected;
use crate::odata::query::skiptoken::Binding;
use crate::odata::query::{Query, QueryTarget, Scope};
use crate::odata::write::{separate, write_cached, write_selected};
use crate::policy::behavior::ForeignDeltaToken;
use crate::policy::refusal;
use crate::text::form;
use crate::text::json::write_string;
use crate::world::links::{self, TooManyLinks};
use crate::world::store::{ChangePosition, Changed, Collection, CollectionAddress, StoredEntity};

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
    Removed(Arc<str>),
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
    let path = context.route.collection.path(&world.schema);
    let binding = Binding::of(world.secret(), &["delta", context.version().segment(), &path]);
    let collection = world.store.to_change(&context.route.collection, 0)?;
    let start = || collection.change_position(|| world.next_request_id().as_u64_pair().1);
    let begin = |query: String| {
        let ChangePosition { record, number } = start();
        (DeltaPosition { record, changes: number, listed: None, query }, true)
    };
    let mut decided = Vec::new();
    let asked = asked(context);
    if !matches!(asked, Asked::Token(_)) && statuses::has_plain_delta(world, context.structured(), context.model) {
        check_plain(context)?;
    }
    let (position, is_listing) = match asked {
        Asked::Begin => begin(kept(context)),
        Asked::Latest => (begin(kept(context)).0, false),
        Asked::Token(text) => match deltatoken::read(&text, binding) {
            DeltaToken::Position(position) => {
                let is_listing = position.listed.is_some();
                (position, is_listing)
            }
            DeltaToken::Foreign if world.behaviors.foreign_delta_token == ForeignDeltaToken::Begin => {
                decided.push("foreign-delta-token");
                begin(kept(context))
            }
            DeltaToken::Foreign | DeltaToken::Elsewhere => return Err(lost(context)),
        },
    };
    let text = position.query.clone();
    let query = read_query(context, &text)?;
    let page =
        if is_listing { list(context, &collection, &query, position)? } else { changes(context, &collection, &query, position)? };
    let body = write(context, &query, &page, binding)?;
    Ok(Success { preference_applied: context.enum_preference(), ..context.json(StatusCode::OK, body, decided) })
}

/// Returns the refusal of a token that has lost its state.
fn lost(context: &OperationContext<'_>) -> Error {
    let fresh = context.absolute_path(context.request.path());
    Error { help: Some(Box::new(Help::FreshAddress(fresh))), ..Error::new(&refusal::SYNC_STATE_NOT_FOUND, &[]) }
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
        ["select", "filter", "top", "expand"].iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    query.split('&').filter(is_kept).collect::<Vec<_>>().join("&")
}

fn read_query<'c>(context: &OperationContext<'c>, text: &str) -> Result<Query<'c>, Error> {
    let structured = context.structured();
    let scope = Scope {
        model: context.model,
        structured,
        behaviors: &context.world.behaviors,
        knows_hidden: context.preferences.include_unknown_enum_members,
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

fn is_match(context: &OperationContext<'_>, query: &Query<'_>, entity: &StoredEntity) -> Result<bool, Error> {
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
        let wanted = size - rows.len();
        let chunk = collection.page(listed, 0, wanted.saturating_add(1));
        let has_more = chunk.len() > wanted;
        for (number, entity) in chunk.into_iter().take(wanted) {
            listed = Some(number);
            if is_match(context, query, &entity)? {
                let links = all_links(context, query, &entity)?;
                rows.push(Row::Entity(entity, links));
            }
        }
        if !has_more || rows.len() == size {
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
            Some(entity) if is_match(context, query, &entity)? => rows.push(Row::Entity(entity, links)),
            // An entity that has ceased to match is gone for this client.
            Some(_) | None => rows.push(Row::Removed(key)),
        }
    }
    Ok(Page { rows, next: DeltaPosition { changes: known, ..position }, has_more })
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
    (links, target): &(CollectionAddress, EntityAddress),
) -> Option<ChangedLink> {
    let navigation = shown.iter().find(|navigation| navigation.set == links.set)?;
    let holder = EntityAddress::parse(&context.world.schema, context.model, links.holder.as_deref()?)?;
    if holder.collection != context.route.collection {
        return None;
    }
    let stored = context.world.store.at(links);
    let link_key = if navigation.is_collection { &*target.key } else { &*navigation.name };
    let is_there = stored.with_entity(link_key, |link| link.linked().is_some_and(|linked| **linked == *target)) == Some(true);
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
    let structured = context.structured();
    let fragment = match context.route.collection.holder {
        None => format!("{}{}", context.route.fragment, query.projection()),
        Some(_) => format!("#Collection({})", structured.name),
    };
    let mut out = context.begin_body(&fragment, "", page.rows.len() * ENTITY_LENGTH);
    let token = deltatoken::write(&page.next, binding);
    let (member, option) = if page.has_more { ("nextLink", "$skiptoken") } else { ("deltaLink", "$deltatoken") };
    separate(&mut out);
    write_string(&mut out, &format!("@odata.{member}"));
    out.push(b':');
    write_string(&mut out, &format!("{}?{option}={token}", context.absolute_path(context.request.path())));
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
            Row::Entity(entity, links) => {
                let types = context.types(entity);
                match &query.select {
                    None => write_cached(&context.representation, types, context.holder(), entity, &entity.text, &mut out),
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
