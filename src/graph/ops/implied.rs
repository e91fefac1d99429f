//! Single entities that have a value before the first write.

use std::sync::Arc;

use crate::edm::patch::Patch;
use crate::edm::value::Complex;
use crate::graph::context::OperationContext;
use crate::graph::ops::change::set_key;
use crate::graph::ops::create::read_own;
use crate::world::store::StoredEntity;

/// Returns the entity of a key as it is before the first write, if it has a value then.
pub(super) fn entity(context: &OperationContext<'_>, key: &str) -> Option<Arc<StoredEntity>> {
    let structured = context.structured();
    let rules = structured.rare().implied.filter(|_| context.is_single())?;
    if rules.choice.is_some_and(|(_, is_shown)| !is_shown(&context.world.behaviors)) {
        return None;
    }
    let initial = Complex::initial(structured);
    let mut values = match read_own(context, structured, &format!("{{{}}}", rules.members)) {
        Some(patch) => Patch { read_as: None, ..patch }.apply(context.model, structured, &initial),
        None => initial,
    };
    set_key(context.model, structured, &mut values, &id(context)?);
    Some(Arc::new(StoredEntity::of_type(key.into(), values, structured.blank_text)))
}

/// Returns the behavior that decided whether an entity has a value before the first write.
pub(super) fn choice(context: &OperationContext<'_>) -> Option<&'static str> {
    context.structured().rare().implied?.choice.map(|(behavior, _)| behavior)
}

/// Returns the id of a single entity, if it follows from the entity that it belongs to.
pub(super) fn id(context: &OperationContext<'_>) -> Option<Arc<str>> {
    let rules = context.structured().rare().implied?;
    let is_owner = |set| !context.world.schema.set(set).is_single;
    let owner = context.route.ancestors.iter().rev().find(|ancestor| is_owner(ancestor.collection.set))?;
    Some(format!("{}{}", rules.id_prefix, owner.key).into())
}
