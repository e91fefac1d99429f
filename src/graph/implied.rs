//! Single entities that are there before the first write, and those that an address shows from another one.

use std::sync::Arc;

use crate::edm::address::{EntityAddress, KeyForm};
use crate::edm::patch::Patch;
use crate::edm::schema::{Capability, ImpliedId, ImpliedRules, Navigation, SetKind, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::graph::body;
use crate::graph::context::OperationContext;
use crate::graph::route::{self, Lookup, Resource, Route};
use crate::policy::behavior::{InitialEntities, InitialEntityDeletion, RequiredLinks};
use crate::world::World;
use crate::world::store::{LookUpUnpaid, StoredEntity};

/// The steps that finding an entity by a path costs.
const PATH_STEPS: u64 = 1_000;

/// The behavior that decides on most of these entities.
const INITIAL: &str = "initial-entities";

/// The singleton with the signed-in user's entity.
const ME: &str = "me";

/// An entity of the organization that only leads to others, such as `admin/sharepoint`: it has no values that could be missing. Or one that
/// must exist, since its navigation property cannot be null.
static CONTAINER: ImpliedRules = ImpliedRules {
    choice: Some((INITIAL, |behaviors| behaviors.initial_entities == InitialEntities::Defaults)),
    id: ImpliedId::Owner(""),
    members: "",
};

/// Returns the entity of a key as it is before the first write, if it has a value then. The caller checks that the entities around it are
/// there.
pub(super) fn entity(context: &OperationContext<'_>, key: &str) -> Option<Arc<StoredEntity>> {
    let structured = context.structured();
    let rules = shown_rules(context.world, context.route)?;
    let initial = Complex::initial(structured);
    let mut values = match body::read_own(context.model, &context.world.behaviors, structured, &format!("{{{}}}", rules.members))
    {
        Some(patch) => Patch { read_as: None, ..patch }.apply(context.model, structured, &initial),
        None => initial,
    };
    let id = id(context)?;
    if matches!(rules.id, ImpliedId::Caller) {
        follow_user(context, &id, &mut values);
    }
    values.set_key(context.model, structured, &id);
    Some(Arc::new(StoredEntity::of_type(key.into(), values, structured.blank_text)))
}

/// Sets the values that a user has under the same names and types.
fn follow_user(context: &OperationContext<'_>, id: &str, values: &mut Complex) {
    let (world, model) = (context.world, context.model);
    let Some(root) = model.root(ME) else { return };
    let home = world.schema.home(model, root.target);
    let Some(user) = home.and_then(|home| world.store.at(&home.into()).get(id)) else { return };
    let of_user = &model.structured(root.target).properties;
    let is_secret = |slot| of_user.iter().any(|property| property.slot == slot && property.write_only);
    for property in &context.structured().properties {
        let value = user.properties.get(property.slot);
        if *value != Value::Null && !is_secret(property.slot) {
            values.set(property.slot, value.clone());
        }
    }
}

/// Whether an entity is another one for each user. It is that of the user's own, and cannot be stored for all of them.
pub(super) fn is_of_caller(context: &OperationContext<'_>) -> bool {
    rules(context.world, context.route).is_some_and(|rules| matches!(rules.id, ImpliedId::Caller))
}

/// Returns the behavior that decided whether an entity has a value before the first write.
pub(super) fn choice(context: &OperationContext<'_>) -> Option<&'static str> {
    rules(context.world, context.route)?.choice.map(|(behavior, _)| behavior)
}

/// Returns the id of a single entity, if it follows from its rules.
pub(super) fn id(context: &OperationContext<'_>) -> Option<Arc<str>> {
    match rules(context.world, context.route)?.id {
        ImpliedId::Fixed(id) => Some(id.into()),
        ImpliedId::Caller => {
            let lookup = Lookup::of(context.world, &context.request.headers, context.purse);
            lookup.caller_key(context.model.root(ME)?.set).ok().map(Arc::from)
        }
        ImpliedId::Owner(prefix) => {
            let is_owner = |set| !context.world.schema.set(set).is_single;
            let owner = context.route.ancestors.iter().rev().find(|ancestor| is_owner(ancestor.collection.set));
            // One of the organization has no owner with an id.
            let key = owner.map_or(&*context.world.schema.set(context.route.collection.set).name, |owner| &*owner.key);
            Some(format!("{prefix}{key}").into())
        }
    }
}

/// Returns the single entity behind a navigation property that is not stored there, and where it lives, as a GET of its path finds it.
///
/// # Errors
///
/// Fails if the purse does not suffice.
pub(super) fn behind(
    context: &OperationContext<'_>,
    holder: &EntityAddress,
    member: &str,
    navigation: &Navigation,
) -> Result<Option<(Arc<StoredEntity>, EntityAddress)>, LookUpUnpaid> {
    let (world, purse) = (context.world, context.purse);
    let may_be = || {
        let target = context.model.structured(navigation.target);
        navigation.view.is_some() || navigation.is_required || may_be_implied(target)
    };
    if navigation.is_collection || !may_be() {
        return Ok(None);
    }
    if !purse.spend(PATH_STEPS) {
        return Err(LookUpUnpaid);
    }
    let path = format!("/{}/{}{member}/{}", context.version().segment(), holder.text(&world.schema), navigation.name);
    let lookup = Lookup::of(world, &context.request.headers, purse);
    let resolved = route::resolve(&world.schema, &lookup, &path);
    if purse.is_empty() {
        return Err(LookUpUnpaid);
    }
    let Ok(Resource::Entities(route @ Route { missing: None, .. })) = &resolved else { return Ok(None) };
    let Some(key) = &route.key else { return Ok(None) };
    let address = EntityAddress { collection: route.collection.clone(), key: key.as_ref().into() };
    // One that its own address does not show is not made up.
    let is_read = || !route.restrictions(world).forbids(Capability::Read);
    let initial = || if is_read() { entity(&context.with_route(route), key) } else { None };
    let found = world.store.entity(&address).or_else(initial);
    Ok(found.map(|entity| (entity, address)))
}

/// Whether clients cannot delete an entity since it is always there, or must be.
pub(super) fn is_kept(world: &World, route: &Route<'_>) -> bool {
    let is_required = world.schema.set(route.collection.set).is_required && !route.has_links;
    is_required && world.behaviors.required_links == RequiredLinks::Keep
        || world.behaviors.initial_entity_deletion == InitialEntityDeletion::Refuse && is_initial_at(world, route)
}

/// Whether the entity of the path is one that the service always has.
pub(super) fn is_initial(context: &OperationContext<'_>) -> bool {
    is_initial_at(context.world, context.route)
}

fn is_initial_at(world: &World, route: &Route<'_>) -> bool {
    shown_rules(world, route).is_some_and(|rules| rules.choice.is_some_and(|(behavior, _)| behavior == INITIAL))
}

/// Returns the rules of the entity of a path, if it is there before the first write.
fn shown_rules(world: &World, route: &Route<'_>) -> Option<&'static ImpliedRules> {
    rules(world, route).filter(|rules| rules.choice.is_none_or(|(_, is_shown)| is_shown(&world.behaviors)))
}

/// Whether single entities of a type can have rules.
fn may_be_implied(structured: &StructuredType) -> bool {
    structured.rare().implied.is_some() || only_leads_to_others(structured)
}

/// Whether entities of a type have no values.
fn only_leads_to_others(structured: &StructuredType) -> bool {
    let has_values = structured.has_stream || structured.is_open || structured.is_abstract || structured.properties.len() > 1;
    !has_values && !structured.navigations.is_empty()
}

fn rules(world: &World, route: &Route<'_>) -> Option<&'static ImpliedRules> {
    let structured = route.structured();
    if route.key_form != KeyForm::Single {
        return None;
    }
    if let Some(rules) = structured.rare().implied {
        return Some(rules);
    }
    let schema = &world.schema;
    let is_of_tenant = || route.ancestors.iter().all(|ancestor| schema.set(ancestor.collection.set).is_single);
    let is_contained = || matches!(schema.set(route.collection.set).kind, SetKind::Contained | SetKind::Fixed(_));
    let is_there = only_leads_to_others(structured) || schema.set(route.collection.set).is_required;
    (is_there && is_contained() && is_of_tenant()).then_some(&CONTAINER)
}
