//! PUT of an entity.

use std::sync::Arc;

use crate::edm::address::EntityAddress;
use crate::edm::patch::{Related, RelatedEntities};
use crate::edm::schema::{Property, ServerSetValue, Slot};
use crate::edm::tag;
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::graph::implied;
use crate::graph::ops::change::{
    alone_with_others, before_commit, changed_response, check_values, collection_to_change, insert, is_stated, next_key,
    server_set_values, with_change,
};
use crate::graph::ops::condition::{Precondition, Unchanged};
use crate::graph::ops::create::{self, created_response};
use crate::graph::ops::reference::{self, Relation};
use crate::graph::ops::{Outcome, delete, folders, update};
use crate::odata::error::Error;
use crate::odata::read::Reading;
use crate::policy::behavior::Replace;
use crate::policy::refusal;
use crate::world::store::{StoreUpdate, StoredEntity};
use crate::world::workload::{ChangeKind, Reply};

/// Replaces an entity, or creates it if PUT is an upsert.
pub(super) fn replace(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    reply: Option<&Reply>,
) -> Result<Outcome, Error> {
    let structured = context.structured();
    let mut decided = reading.decided.clone();
    let precondition = Precondition::of(context, key, &mut decided)?;
    // Held until the entity is stored.
    let _alone = alone_with_others(context);
    let is_upsert = structured.capabilities.is_upsert();
    if !is_upsert && context.is_single() && implied::entity(context, key).is_some() {
        update::begin_single(context, key, reading, |entity| precondition.check_replaced(entity))?;
    }
    let current = context.written_collection()?.get(key);
    if current.is_none() && !is_upsert {
        return Err(context.not_found(key));
    }
    let is_allowed = match &current {
        Some(entity) => precondition.check_replaced(entity),
        None => precondition.check_creation(),
    };
    is_allowed.map_err(Unchanged::to_error)?;
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    folders::check_annotations(context, structured)?;
    folders::check_name(structured, &reading.patch)?;
    let address = EntityAddress { collection: context.route.collection.clone(), key: key.into() };
    let relations = relations(context, reading, current.as_deref(), &address, &mut decided)?;
    decided.push("replace");
    let server_set = server_set_values(context, structured, current.is_none(), &mut decided);
    let key: Arc<str> = key.into();
    let mut proposed = replaced_values(context, reading, current.as_ref().map(|entity| &***entity), &server_set);
    if current.is_none() {
        // A single entity has another key than its id.
        let id = match reply.and_then(|reply| reply.key.clone()) {
            // An approved entity keeps the id that was sent for approval.
            Some(approved) => approved,
            None if context.world.schema.set(context.route.collection.set).is_single => {
                implied::id(context).unwrap_or_else(|| next_key(context, structured, 0))
            }
            None => key.clone(),
        };
        proposed.set_key(context.model, structured, &id);
        let actual = context.model.actual(structured, proposed.own_type);
        tag::renew(actual, &mut proposed, None, || context.world.next_tag_id());
    }
    let replaced = current.as_ref().map(|entity| &entity.properties);
    check_values(context, structured, &reading.patch, replaced, &mut proposed, &mut decided)?;
    if let (Some(rules), Some(current)) = (structured.rare().deactivated, &current)
        && structured.slot(rules.property).is_some_and(|slot| *proposed.get(slot) == Value::Boolean(false))
    {
        let collection = context.written_collection()?;
        delete::check_last(context, &collection, rules, current)?;
    }
    let kind = ChangeKind::Replace { key: &key, values: &proposed, current: current.as_ref() };
    if let Some(consultation) = before_commit(context, kind, reply, &mut decided)? {
        return Ok(Outcome::Consult(consultation));
    }
    let mut proposed = Some(proposed);
    let (before, after) = loop {
        let updated = collection_to_change(context, &key)?.update(&key, |entity| {
            precondition.check_replaced(entity)?;
            let is_unchanged = current.as_ref().is_some_and(|current| std::ptr::eq(Arc::as_ptr(current.entity()), entity));
            let checked = proposed.take().filter(|_| is_unchanged);
            let mut values = checked.unwrap_or_else(|| {
                let mut values = replaced_values(context, reading, Some(entity), &server_set);
                // The values were checked before the change; here they are only completed.
                let (patch, stored) = (&reading.patch, Some(&entity.properties));
                let _ = check_values(context, structured, patch, stored, &mut values, &mut Vec::new());
                values
            });
            let actual = context.model.actual(structured, values.own_type);
            tag::renew(actual, &mut values, Some(&entity.properties), || context.world.next_tag_id());
            let blank = actual.blank_text;
            Ok::<_, Unchanged>(Entity::of_type(entity.key.clone(), values, blank))
        });
        match updated {
            Some(Ok(StoreUpdate { before, after })) => break (Some(before), after),
            Some(Err(unchanged)) => return Err(unchanged.to_error()),
            None if !is_upsert => return Err(context.not_found(&key)),
            None => {
                // Only an update of an entity takes the values.
                let values = proposed.clone().unwrap_or_default();
                let blank = context.model.actual(structured, values.own_type).blank_text;
                let new = Arc::new(StoredEntity::of_type(key.clone(), values, blank));
                if insert(context, &new)? {
                    break (None, new);
                }
                // Another request created it in between, so the next round replaces it.
            }
        }
    };
    if let Err(error) = create::relate(context, &address, &relations) {
        if before.is_none() {
            create::undo(context, &address);
        }
        return Err(error);
    }
    let response = if before.is_none() && structured.capabilities.puts_as_posts {
        created_response(context, &after, &reading.patch, decided)
    } else {
        changed_response(context, &after, before.as_deref(), decided)
    };
    Ok(with_change(context, response, before, Some(after)))
}

/// Looks up what a body links to and contains. An entity that exists takes no new ones: OData 4.0 has no deep updates.
fn relations<'m>(
    context: &OperationContext<'m>,
    reading: &Reading,
    current: Option<&StoredEntity>,
    address: &EntityAddress,
    decided: &mut Vec<&'static str>,
) -> Result<Vec<Relation<'m>>, Error> {
    let structured = context.model.actual(context.structured(), reading.patch.read_as);
    let is_new = |related: &&Related| matches!(related.entities, RelatedEntities::New(_));
    if let Some(related) = reading.patch.related.iter().find(is_new).filter(|_| current.is_some()) {
        let name = &structured.navigations[related.navigation].name;
        return Err(Error::new(&refusal::UNKNOWN_PROPERTY, &[name, &structured.full_name])
            .with_detail(format!("{name} in the body of a PUT that replaces an entity")));
    }
    reference::look_up(context, structured, &reading.patch.related, current.map(|_| address), decided)
}

/// Returns the values of an entity that a body replaces. Read-only members keep their values.
fn replaced_values(
    context: &OperationContext<'_>,
    reading: &Reading,
    current: Option<&Entity>,
    server_set: &[(Slot, Value)],
) -> Complex {
    let structured = context.structured();
    let base = match current {
        Some(entity) if context.world.behaviors.replace == Replace::Keep => entity.properties.clone(),
        _ => Complex::initial(structured),
    };
    let mut properties = reading.patch.apply(context.model, structured, &base);
    let key = structured.key_property().map(|property| property.slot);
    let read_as = context.model.actual(structured, reading.patch.read_as);
    // A replacement creates nothing.
    let is_creation = |property: &Property| {
        property.server_set.is_some_and(ServerSetValue::is_of_creation) && !is_stated(read_as, &reading.patch, property.slot)
    };
    let is_kept = |property: &Property| property.read_only || Some(property.slot) == key || is_creation(property);
    for property in read_as.properties.iter().filter(|property| is_kept(property)) {
        if let Some(entity) = current {
            properties.set(property.slot, entity.properties.get(property.slot).clone());
        }
    }
    if let Some(entity) = current {
        // Content has an address of its own.
        for slot in std::iter::once(Slot::MEDIA).chain(structured.properties.iter().map(|property| property.slot)) {
            if let content @ Value::Media(_) = entity.properties.get(slot) {
                properties.set(slot, content.clone());
            }
        }
    }
    for (slot, value) in server_set.iter().filter(|(slot, _)| !is_stated(read_as, &reading.patch, *slot)) {
        properties.set(*slot, value.clone());
    }
    properties
}
