//! Single entities that have a value before the first write.

use std::sync::Arc;

use crate::edm::patch::Patch;
use crate::edm::schema::{ImpliedId, ImpliedRules, SetKind};
use crate::edm::value::{Complex, Value};
use crate::graph::context::OperationContext;
use crate::graph::ops::change::set_key;
use crate::graph::ops::create::read_own;
use crate::graph::route::Lookup;
use crate::policy::behavior::InitialEntities;
use crate::world::store::StoredEntity;

/// The singleton with the signed-in user's entity.
const ME: &str = "me";

/// An entity that only leads to others, such as `admin/sharepoint`: it has no values that could be missing.
static CONTAINER: ImpliedRules = ImpliedRules {
    choice: Some(("initial-entities", |behaviors| behaviors.initial_entities == InitialEntities::Defaults)),
    id: ImpliedId::Owner(""),
    members: "",
};

/// Returns the entity of a key as it is before the first write, if it has a value then. The caller checks that the entities around it are
/// there.
pub(super) fn entity(context: &OperationContext<'_>, key: &str) -> Option<Arc<StoredEntity>> {
    let structured = context.structured();
    let rules = rules(context)?;
    if rules.choice.is_some_and(|(_, is_shown)| !is_shown(&context.world.behaviors)) {
        return None;
    }
    let initial = Complex::initial(structured);
    let mut values = match read_own(context, structured, &format!("{{{}}}", rules.members)) {
        Some(patch) => Patch { read_as: None, ..patch }.apply(context.model, structured, &initial),
        None => initial,
    };
    let id = id(context)?;
    if matches!(rules.id, ImpliedId::Caller) {
        follow_user(context, &id, &mut values);
    }
    set_key(context.model, structured, &mut values, &id);
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
    rules(context).is_some_and(|rules| matches!(rules.id, ImpliedId::Caller))
}

/// Returns the behavior that decided whether an entity has a value before the first write.
pub(super) fn choice(context: &OperationContext<'_>) -> Option<&'static str> {
    rules(context)?.choice.map(|(behavior, _)| behavior)
}

/// Returns the id of a single entity, if it follows from its rules.
pub(super) fn id(context: &OperationContext<'_>) -> Option<Arc<str>> {
    match rules(context)?.id {
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

fn rules(context: &OperationContext<'_>) -> Option<&'static ImpliedRules> {
    let structured = context.structured();
    if !context.is_single() {
        return None;
    }
    if let Some(rules) = structured.rare().implied {
        return Some(rules);
    }
    let (schema, route) = (&context.world.schema, context.route);
    let has_values = structured.has_stream || structured.is_open || structured.is_abstract || structured.properties.len() > 1;
    let is_of_tenant = || route.ancestors.iter().all(|ancestor| schema.set(ancestor.collection.set).is_single);
    let is_contained = || matches!(schema.set(route.collection.set).kind, SetKind::Contained | SetKind::Fixed(_));
    (!has_values && !structured.navigations.is_empty() && is_contained() && is_of_tenant()).then_some(&CONTAINER)
}
