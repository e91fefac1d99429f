//! Stored subscriptions.

use std::sync::Arc;

use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::StructuredType;
use crate::edm::value::{Complex, Value};
use crate::graph::watched::{self, Unwatched, Watched};
use crate::odata::purse::Purse;
use crate::workloads::subscriptions::rules::SET;
use crate::world::World;
use crate::world::outbox::LastReceiver;
use crate::world::store::CollectionRef;
use crate::world::workload::text_of;

/// Members of a subscription that decide about notifications.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) change_type: Arc<str>,
    pub(super) resource: Arc<str>,
    pub(super) url: Arc<str>,
    pub(super) lifecycle_url: Option<Arc<str>>,
    pub(super) client_state: Option<Arc<str>>,
    pub(super) expiration: DateTimeOffset,
    pub(super) creator: Option<Arc<str>>,
    pub(super) application: Option<Arc<str>>,
    /// Certificate with which the changed entity is encrypted, in base64, and its id.
    pub(super) encryption: Option<(Arc<str>, Arc<str>)>,
}

impl Subscription {
    /// Reads the members; `None` if one is missing, as in a fixture.
    pub(super) fn of(structured: &StructuredType, values: &Complex) -> Option<Subscription> {
        let text = |name: &str| text_of(structured, values, name).filter(|text| !text.is_empty());
        let Value::DateTimeOffset(expiration) = values.get(structured.slot("expirationDateTime")?) else { return None };
        let is_rich = structured.slot("includeResourceData").is_some_and(|slot| *values.get(slot) == Value::Boolean(true));
        Some(Subscription {
            change_type: text("changeType")?,
            resource: text("resource")?,
            url: text("notificationUrl")?,
            lifecycle_url: text("lifecycleNotificationUrl"),
            client_state: text("clientState"),
            expiration: *expiration,
            creator: text("creatorId"),
            application: text("applicationId"),
            encryption: is_rich.then(|| {
                (text("encryptionCertificate").unwrap_or_default(), text("encryptionCertificateId").unwrap_or_default())
            }),
        })
    }

    /// Returns the end in milliseconds since the Unix epoch.
    pub(super) fn end(&self) -> i64 {
        self.expiration.ticks().div_euclid(10_000)
    }

    /// Returns the end as notifications have it.
    pub(super) fn end_text(&self) -> String {
        let mut text = Vec::new();
        self.expiration.write_utc(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Returns the receiver of its notifications.
    pub(super) fn receiver(&self) -> LastReceiver {
        let application = self.encryption.is_some().then(|| self.application.clone().unwrap_or_default());
        LastReceiver { url: self.url.clone(), application }
    }

    /// Returns the kinds of changes.
    pub(super) fn changes(&self) -> impl Iterator<Item = &str> {
        self.change_type.split(',').map(str::trim)
    }

    /// Whether it asks for a kind of change.
    pub(super) fn wants(&self, kind: &str) -> bool {
        self.changes().any(|wanted| wanted.eq_ignore_ascii_case(kind))
    }

    /// Returns what it watches.
    pub(super) fn watched<'w>(&self, world: &'w World) -> Result<Watched<'w>, Unwatched> {
        watched::resolve(world, self.creator.as_deref(), &self.resource, false, &Purse::whole())
    }

    /// Returns what it has watched, also after the deletion of that.
    pub(super) fn has_watched<'w>(&self, world: &'w World, purse: &Purse) -> Result<Watched<'w>, Unwatched> {
        watched::resolve(world, self.creator.as_deref(), &self.resource, true, purse)
    }
}

/// Returns the collection of subscriptions, and their type.
pub(super) fn stored(world: &World) -> Option<(CollectionRef<'_>, &StructuredType)> {
    let set = world.schema.set_named(SET)?;
    let structured = world.schema.widest().find_structured(world.schema.set(set).target)?;
    Some((world.store.collection(set), structured))
}

/// Returns all subscriptions with their keys.
pub(super) fn all(world: &World) -> Vec<(Arc<str>, Subscription)> {
    let Some((collection, structured)) = stored(world) else { return Vec::new() };
    let read = |entity: Arc<crate::world::store::StoredEntity>| {
        Some((entity.key.clone(), Subscription::of(structured, &entity.properties)?))
    };
    collection.list().into_iter().filter_map(read).collect()
}

/// Returns the subscription with a key.
pub(super) fn find(world: &World, key: &str) -> Option<Subscription> {
    let (collection, structured) = stored(world)?;
    Subscription::of(structured, &collection.get(key)?.properties)
}
