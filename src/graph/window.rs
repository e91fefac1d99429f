//! Collections of entities in a time range that a request names.

use std::borrow::Cow;
use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Model, StructuredType, WindowRules};
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::text::form;
use crate::world::World;
use crate::world::store::{CollectionRef, StoredEntity};
use crate::world::workload::{InstanceRequest, InstanceRules};

/// The steps that looking at an entity costs.
const ENTITY_STEPS: u64 = 8;

/// A time range, in ticks.
pub(super) type Range = (i64, i64);

/// Reads the range of a query.
///
/// # Errors
///
/// Fails if the query does not have the range.
pub(super) fn range(rules: &WindowRules, query: &str) -> Result<Range, Error> {
    let option = |wanted: &str| {
        let mut fields = form::raw_fields(query);
        let (_, value) = fields.find(|(name, _)| form::decoded(name).trim().eq_ignore_ascii_case(wanted))?;
        Some(form::decoded(value).trim().to_owned()).filter(|value| !value.is_empty())
    };
    let time = |wanted: &str| {
        let text = option(wanted).ok_or_else(|| Error::new(rules.missing, &[]))?;
        let malformed = || Error::new(rules.malformed, &[&text, wanted]);
        // A plus sign that is not escaped is decoded to a space. Without an offset, the time is in UTC.
        let text_of_time = text.replace(' ', "+");
        let of_date = || format!("{text_of_time}T00:00:00Z");
        let parsed = DateTimeOffset::parse(&text_of_time).or_else(|| DateTimeOffset::parse(&format!("{text_of_time}Z")));
        parsed.or_else(|| DateTimeOffset::parse(&of_date())).map(DateTimeOffset::ticks).ok_or_else(malformed)
    };
    // The begin is read first.
    Ok((time(rules.start)?, time(rules.end)?))
}

/// A range, and the surroundings of the entities in it.
struct View<'v> {
    world: &'v World,
    model: &'v Model,
    purse: &'v Purse,
    declared: &'v StructuredType,
    /// The collection of the entities.
    collection: &'v CollectionAddress,
    range: Range,
}

impl View<'_> {
    /// Returns what an entity is in the range, with the ticks of its begin, or only the first of it; `None` if the purse does not suffice.
    fn instances(&self, entity: &Arc<StoredEntity>, is_any: bool) -> Option<Vec<(i64, Arc<StoredEntity>)>> {
        let View { world, model, purse, declared, collection, range } = *self;
        let structured = model.actual(declared, entity.properties.own_type);
        let Some(rules) = InstanceRules::of(world, structured) else { return Some(Vec::new()) };
        let request = InstanceRequest { world, model, structured, collection, entity, purse };
        let found = purse.spend(ENTITY_STEPS).then(|| (rules.within)(&request, range, is_any))?;
        (!purse.is_empty()).then_some(found)
    }
}

/// Whether an entity of a type is in a range, itself or, if `with_series`, at one of the times that it happens; `None` if the purse does not
/// suffice.
pub(super) fn is_within(
    world: &World,
    model: &Model,
    purse: &Purse,
    (declared, collection): (&StructuredType, &CollectionAddress),
    entity: &Arc<StoredEntity>,
    range: Range,
    with_series: bool,
) -> Option<bool> {
    let held = purse.held();
    let found = View { world, model, purse, declared, collection, range }.instances(entity, true)?;
    purse.release_to(held);
    Some(found.first().is_some_and(|(_, found)| with_series || found.key == entity.key))
}

/// Returns the times in a range at which an entity of a collection happens, other than the one that it has itself, in the order of the begin;
/// `None` if the purse does not suffice.
pub(super) fn times(
    world: &World,
    model: &Model,
    purse: &Purse,
    (declared, collection): (&StructuredType, &CollectionAddress),
    entity: &Arc<StoredEntity>,
    range: Range,
) -> Option<Vec<Arc<StoredEntity>>> {
    let mut found = View { world, model, purse, declared, collection, range }.instances(entity, false)?;
    found.sort_by_key(|(begin, _)| *begin);
    Some(found.into_iter().map(|(_, found)| found).filter(|found| found.key != entity.key).collect())
}

/// Returns the collection of what happens in a range, in the order of the begin; `None` if the purse does not suffice.
pub(super) fn collection<'c>(
    world: &'c World,
    model: &Model,
    purse: &Purse,
    declared: &StructuredType,
    (rules, place): (&WindowRules, &CollectionAddress),
    range: Range,
) -> Option<CollectionRef<'c>> {
    let store = &world.store;
    let (entities, collection) = if rules.is_of_holder {
        let Some(holder) = place.holder.as_deref().and_then(|text| EntityAddress::parse(&world.schema, model, text)) else {
            return Some(store.view_of(place, Vec::new()));
        };
        (store.entity(&holder).into_iter().collect(), Cow::Owned(holder.collection))
    } else {
        (store.at(place).list(), Cow::Borrowed(place))
    };
    let view = View { world, model, purse, declared, collection: &collection, range };
    let mut found = Vec::new();
    for entity in entities {
        found.extend(view.instances(&entity, false)?);
    }
    found.sort_by_key(|(begin, _)| *begin);
    Some(store.view_of(place, found.into_iter().map(|(_, entity)| entity).collect()))
}
