//! Invitations: each adds the invited person as a user, or finds the one who has the address already.
//!
//! Medium: learn.microsoft.com/graph/api/invitation-post (the user, and its id in the answer), user-list (names and addresses of a guest) and
//! MicrosoftDocs/entra-docs docs/external-id/user-properties.md (the state). Weak: without a name in the invitation, it is the beginning
//! of the address (user-list prints such a guest), and a second invitation is for the same user. None: the account is enabled.

use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::StructuredType;
use crate::edm::value::{Entity, Value};
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::policy::refusal;
use crate::workloads::directory::derived::initial_domain;
use crate::world::clock::unix_millis;
use crate::world::store::{InsertError, LookUpUnpaid, RECORD_BYTES, StoredEntity};
use crate::world::workload::{Creation, text_of};

/// Adds the user of a new invitation, and the link to it.
pub(super) fn complete(creation: &Creation<'_>) -> Result<(), Error> {
    let (world, model) = (creation.world, creation.model);
    let users = model.root("users").filter(|_| &*creation.structured.full_name == "microsoft.graph.invitation");
    let (Some(users), Some(navigation)) = (users, creation.structured.navigation("invitedUser")) else { return Ok(()) };
    let place = creation.address.collection.within(&world.schema, &creation.address.key, navigation.set);
    let own = |name: &str| text_of(creation.structured, &creation.entity.properties, name);
    let Some(mail) = own("invitedUserEmailAddress").filter(|_| world.store.at(&place).is_empty()) else { return Ok(()) };
    let (collection, structured) = (CollectionAddress::from(users.set), model.structured(users.target));
    let known = match structured.slot("mail") {
        Some(slot) => world.store.at(&collection).with_text(slot, &mail, &Purse::whole()),
        None => Ok(Vec::new()),
    };
    let known = known.map_err(|LookUpUnpaid| Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[]))?;
    let known =
        known.into_iter().next().map(|(_, entity)| EntityAddress { collection: collection.clone(), key: entity.key.clone() });
    let is_new = known.is_none();
    let user = if let Some(user) = known {
        user
    } else {
        let name = own("invitedUserDisplayName").unwrap_or_else(|| mail.split('@').next().unwrap_or_default().into());
        let changes = guest(creation, structured, &mail, name, own("invitedUserType"));
        (creation.create)(&collection, None, &Patch { changes, ..Patch::default() })?
    };
    let link = Arc::new(StoredEntity::from(Entity::link(navigation.name.as_ref().into(), user.clone())));
    let links = world.store.to_change(&place, link.size() + RECORD_BYTES).map_err(InsertError::Full);
    match links.and_then(|links| links.insert(link)) {
        Ok(()) | Err(InsertError::DuplicateKey) => Ok(()),
        Err(InsertError::Full(full)) => {
            if is_new {
                world.store.to_remove(&user.collection).remove(&user.key);
            }
            Err(full.into())
        }
    }
}

/// Returns the values of an invited user.
fn guest(
    creation: &Creation<'_>,
    structured: &StructuredType,
    mail: &Arc<str>,
    name: Arc<str>,
    user_type: Option<Arc<str>>,
) -> Vec<PropertyChange> {
    let text = |text: &str| Value::String(text.into());
    let nickname = format!("{}#EXT#", mail.replace('@', "_"));
    let now = DateTimeOffset::from_unix_millis(unix_millis(creation.now) / 1000 * 1000);
    let values = [
        ("accountEnabled", Value::Boolean(true)),
        ("creationType", text("Invitation")),
        ("displayName", Value::String(name)),
        ("externalUserState", text("PendingAcceptance")),
        ("externalUserStateChangeDateTime", Value::DateTimeOffset(now)),
        ("mail", Value::String(mail.clone())),
        ("mailNickname", text(&nickname)),
        ("otherMails", Value::Collection([Value::String(mail.clone())].into())),
        ("proxyAddresses", Value::Collection([text(&format!("SMTP:{mail}"))].into())),
        ("userPrincipalName", text(&format!("{nickname}@{}", initial_domain(creation.world, creation.model)))),
        ("userType", user_type.map_or_else(|| text("Guest"), Value::String)),
    ];
    let change = |(name, value)| Some(PropertyChange { property: structured.property(name)?, to: NewValue::Set(value) });
    values.into_iter().filter_map(change).collect()
}
