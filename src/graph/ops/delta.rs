//! `delta`: all entities of a collection, then what has changed since.
//!
//! The first round lists all entities. Its last page has a link to the changes that were made after the round began.

use http::StatusCode;

use crate::edm::schema::OperationType;
use crate::graph::context::{ENTITY_LENGTH, OperationContext};
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
use crate::world::store::{ChangePosition, Collection, CollectionAddress, StoredEntity};

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
    Entity(std::sync::Arc<StoredEntity>),
    Removed(std::sync::Arc<str>),
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
    };
    Query::read(text, scope, QueryTarget::Collection)
}

fn size(context: &OperationContext<'_>, query: &Query<'_>) -> usize {
    query.top.unwrap_or(usize::MAX).min(list::page_size(context, query.top)).max(1)
}

fn is_match(context: &OperationContext<'_>, query: &Query<'_>, entity: &StoredEntity) -> Result<bool, Error> {
    let is_match = query.filter.as_ref().is_none_or(|filter| filter.is_fulfilled(&entity.properties, context.purse));
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
                rows.push(Row::Entity(entity));
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
    let mut rows = Vec::new();
    let mut known = position.changes;
    for (number, key) in page.into_iter().take(size) {
        known = number;
        match collection.get(&key) {
            Some(entity) if is_match(context, query, &entity)? => rows.push(Row::Entity(entity)),
            // An entity that has ceased to match is gone for this client.
            Some(_) | None => rows.push(Row::Removed(key)),
        }
    }
    Ok(Page { rows, next: DeltaPosition { changes: known, ..position }, has_more })
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
            Row::Entity(entity) => {
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
