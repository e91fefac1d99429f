//! The end of sessions: what becomes of a user that its tokens do not survive
//! (learn.microsoft.com/entra/identity/conditional-access/concept-continuous-access-evaluation: deleted, disabled, another password).

use crate::edm::patch::NewValue;
use crate::edm::schema::StructuredType;
use crate::edm::value::Value;
use crate::world::clock::unix_millis;
use crate::world::workload::{Change, ChangeKind};

/// Revokes the tokens of a user who is deleted or disabled, or whose password changes.
pub(super) fn end_with(change: &Change<'_>) {
    let key = match &change.kind {
        ChangeKind::Delete { key } => Some((*key).clone()),
        ChangeKind::Update { patch, current } => {
            let ends = |name: &str, to: &NewValue| match name {
                "accountEnabled" => *to == NewValue::Set(Value::Boolean(false)),
                "passwordProfile" => *to != NewValue::Set(Value::Null),
                _ => false,
            };
            let is_end = patch.changes.iter().any(|one| ends(name_of(change.structured, one.property), &one.to));
            if is_end { current().ok().map(|entity| entity.key.clone()) } else { None }
        }
        ChangeKind::Create { .. } | ChangeKind::Replace { .. } => None,
    };
    if let Some(key) = key {
        change.world.sign_ins.revoke(&key, unix_millis(change.now).div_euclid(1000));
    }
}

fn name_of(structured: &StructuredType, property: usize) -> &str {
    structured.properties.get(property).map_or("", |property| &property.name)
}
