//! Notifications of changes, and of what happens to subscriptions.

use std::cell::{LazyCell, OnceCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use percent_encoding::percent_decode_str;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::schema::StructuredType;
use crate::edm::segment::{KeyPredicate, Segment};
use crate::edm::tag;
use crate::graph::watched::{Place, Watched, is_below};
use crate::odata::purse::Purse;
use crate::policy::behavior::{Secret, SubscriptionAuthorization};
use crate::text::json::quoted;
use crate::text::word::capitalized;
use crate::workloads::subscriptions::envelope::Certificate;
use crate::workloads::subscriptions::rules::{NameForm, WatchedRules, watched};
use crate::workloads::subscriptions::subscription::{self, Subscription};
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::fixture::write_entity_with;
use crate::world::outbox::{Ending, Notification, Parcel, notification_bytes};
use crate::world::store::StoreChange;
use crate::world::workload::{Commit, text_of};

/// Time before the end of a subscription at which its receiver is reminded, in milliseconds. No public source has it.
const REMINDER: i64 = 15 * 60_000;

/// The bytes of encrypted content beside its data: keys of up to 4,096 bits, a signature, and names.
const ENVELOPE_BYTES: usize = 2048;

/// The steps of finding what a subscription watches.
const RESOLUTION_STEPS: u64 = 1_000;

/// The steps of comparing a change with what a subscription watches.
const COMPARISON_STEPS: u64 = 50;

/// The steps of encrypting the key of a notification's content.
const ENCRYPTION_STEPS: u64 = 10_000;

/// The bytes of a notification that a step writes.
const BYTES_WRITTEN: u64 = 4;

/// A subscription that may report changes.
struct Watching<'w> {
    key: &'w Arc<str>,
    subscription: &'w Subscription,
    found: Watched<'w>,
    certificate: OnceCell<Option<Certificate>>,
    /// The number of notifications that its receiver has room for.
    room: usize,
    /// Whether one was dropped.
    has_missed: bool,
}

/// Returns the notifications of what a request has changed. Those without room, memory or steps in the purse are not put together.
pub(super) fn of_commit(commit: &Commit<'_>) -> Vec<Notification> {
    let world = commit.world;
    let changes = merged(world, commit.changes);
    if changes.is_empty() {
        return Vec::new();
    }
    let subscriptions = subscription::all(world);
    let purse = commit.purse;
    // The subscriptions that may have missed a change.
    let mut unpaid = Vec::new();
    let mut watching: Vec<_> = subscriptions
        .iter()
        .filter(|(key, subscription)| subscription.end() > unix_millis(commit.now) && !is_paused(world, key, commit.now))
        .filter_map(|(key, subscription)| {
            let found = purse.spend(RESOLUTION_STEPS).then(|| subscription.has_watched(world, purse));
            if purse.is_empty() || found.is_none() {
                unpaid.push((key, subscription));
                return None;
            }
            let (found, room) = (found?.ok()?, world.outbox.room(key));
            Some(Watching { key, subscription, found, certificate: OnceCell::new(), room, has_missed: false })
        })
        .collect();
    let moved = moved(&changes);
    let (mut notifications, mut dropped) = (Vec::new(), 0);
    for change in &changes {
        // The entity is written once, for the first subscription that asks for it.
        let text = LazyCell::new(|| {
            let entity = change.after.as_ref()?;
            Some(write_entity_with(&world.schema, change.collection.set, entity, Secret::Null))
        });
        for watching in &mut watching {
            let subscription = watching.subscription;
            let reported = reported(world, &watching.found, subscription, change, (&moved, purse));
            if !purse.spend(COMPARISON_STEPS) {
                // Whether it would be reported is not known.
                watching.has_missed = true;
                continue;
            }
            let Some((kind, resource, data)) = reported else { continue };
            let is_rich = subscription.encryption.is_some() && change.after.is_some();
            let content = if is_rich && watching.room > 0 { text.as_deref() } else { None };
            // Base64 has four characters for three bytes.
            let expected = content.map_or(0, |text| text.len() / 3 * 4 + ENVELOPE_BYTES) + data.len() + resource.len() + 512;
            let writing = u64::try_from(expected).unwrap_or(u64::MAX) / BYTES_WRITTEN;
            let steps = writing.saturating_add(if content.is_some() { ENCRYPTION_STEPS } else { 0 });
            let memory =
                (watching.room > 0 && purse.spend(steps)).then(|| world.stores.take(notification_bytes(expected))).flatten();
            let Some(mut memory) = memory else {
                dropped += 1;
                watching.has_missed = true;
                continue;
            };
            let certificate = || subscription.encryption.as_ref().and_then(|(text, id)| Certificate::of(text, id));
            let data = match (content, content.and_then(|_| watching.certificate.get_or_init(certificate).as_ref())) {
                (Some(text), Some(certificate)) => {
                    format!("{data},\"encryptedContent\":{}", certificate.encrypted(world, text))
                }
                _ => data,
            };
            let mut item = item(world, watching.key, subscription, kind, &resource, &data);
            // The text takes as much as is counted.
            item.shrink_to_fit();
            memory.shrink_to(notification_bytes(item.capacity()));
            watching.room -= 1;
            notifications.push(Notification {
                subscription: watching.key.clone(),
                lifecycle_url: None,
                item,
                cause: Some(commit.cause.into()),
                memory: Some(memory),
            });
        }
    }
    world.outbox.count_dropped(dropped);
    let missed =
        watching.iter().filter(|watching| watching.has_missed && watched(&watching.found.structured.name).reports_missed);
    let missed = missed.map(|watching| (watching.key, watching.subscription));
    let unpaid = unpaid.into_iter().filter(|(key, _)| world.outbox.reports_missed(key) == Some(true));
    notifications.extend(missed.chain(unpaid).filter_map(|(key, subscription)| lifecycle(world, key, subscription, "missed")));
    notifications
}

/// Whether the authorization of a subscription has ended (behavior `subscription-authorization`).
fn is_paused(world: &World, key: &str, now: SystemTime) -> bool {
    world.behaviors.subscription_authorization == SubscriptionAuthorization::Pauses
        && world.outbox.authorized_until(key).is_some_and(|until| until <= unix_millis(now))
}

/// Returns the update of the group whose members or owners a link is one of.
fn changed_by_link(world: &World, change: &StoreChange) -> Option<StoreChange> {
    change.after.as_ref().or(change.before.as_ref())?.linked()?;
    let (schema, model) = (&world.schema, world.schema.widest());
    let holder = EntityAddress::parse(schema, model, change.collection.holder.as_deref()?)?;
    let holder_type = model.find_structured(schema.set(holder.collection.set).target)?;
    let name = &*schema.set(change.collection.set).name;
    watched(&holder_type.name).links.iter().find(|link| ***link == *name)?;
    let entity = world.store.entity(&holder)?;
    Some(StoreChange { collection: holder.collection, before: Some(entity.clone()), after: Some(entity) })
}

/// Returns one change for each entity, in the order of the first. Other links and subscriptions are not watched.
fn merged(world: &World, changes: &[StoreChange]) -> Vec<StoreChange> {
    let mut merged: Vec<StoreChange> = Vec::new();
    let mut places: HashMap<(CollectionAddress, Option<Arc<str>>), usize> = HashMap::new();
    let is_watchable = |change: &&StoreChange| {
        let is_link = change.after.as_ref().or(change.before.as_ref()).is_none_or(|entity| entity.linked().is_some());
        !is_link && !world.outbox.is_woken_by(change.collection.set)
    };
    for change in changes {
        if let Some(holder) = changed_by_link(world, change) {
            if let Entry::Vacant(vacant) = places.entry((holder.collection.clone(), key(&holder).cloned())) {
                vacant.insert(merged.len());
                merged.push(holder);
            }
            continue;
        }
        if !is_watchable(&change) {
            continue;
        }
        let place = *places.entry((change.collection.clone(), key(change).cloned())).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(first) => first.after.clone_from(&change.after),
            None => merged.push(change.clone()),
        }
    }
    merged.retain(|change| change.before.is_some() || change.after.is_some());
    merged
}

/// The collections in which entities are after a request, by key.
type Moved<'c> = HashMap<&'c Arc<str>, Vec<&'c CollectionAddress>>;

fn moved(changes: &[StoreChange]) -> Moved<'_> {
    let mut moved = Moved::new();
    for change in changes.iter().filter(|change| change.after.is_some()) {
        if let Some(key) = key(change) {
            moved.entry(key).or_default().push(&change.collection);
        }
    }
    moved
}

fn key(change: &StoreChange) -> Option<&Arc<str>> {
    change.after.as_ref().or(change.before.as_ref()).map(|entity| &entity.key)
}

/// Returns the kind of a change, the name of what has changed and its data, if a subscription asks for it.
fn reported(
    world: &World,
    found: &Watched<'_>,
    subscription: &Subscription,
    change: &StoreChange,
    (moved, purse): (&Moved<'_>, &Purse),
) -> Option<(&'static str, String, String)> {
    let rules = watched(&found.structured.name);
    if let (true, Place::Entity(address)) = (rules.is_container(), &found.place) {
        // A single entity is there, though nothing may be stored of it.
        let stored = world.store.entity(address);
        let is_within = match &found.structured.name[..] {
            // The whole drive is watched with its root.
            "driveItem" => is_below(&change.collection, address.collection.holder.as_deref()),
            _ => is_below(&change.collection, Some(&address.text(&world.schema))),
        };
        let is_itself = address.collection == change.collection && Some(&address.key) == key(change);
        let is_reported = (is_within || is_itself) && subscription.wants("updated");
        let tag = stored.as_ref().and_then(|entity| tag::of(&entity.properties));
        let id = stored.as_ref().and_then(|entity| text_of(found.structured, &entity.properties, "id"));
        let id = id.as_ref().unwrap_or(&address.key);
        let data = data(found.structured, rules, &address.text(&world.schema), id, tag);
        return is_reported.then(|| ("updated", subscription.resource.trim_matches('/').to_owned(), data));
    }
    let entity = change.after.as_ref().or(change.before.as_ref())?;
    let own = entity.properties.own_type.unwrap_or(world.schema.set(change.collection.set).target);
    let actual = found.model.find_structured(own)?;
    let own_rules = watched(&actual.name);
    let mut place = change.collection.clone();
    let mut kind = match (&change.before, &change.after) {
        (None, Some(_)) if world.schema.set(place.set).is_single => "updated",
        (None, _) => "created",
        (Some(_), Some(_)) => "updated",
        (Some(_), None) => "deleted",
    };
    if own_rules.is_directory() {
        let home = CollectionAddress::from(world.schema.home(found.model, own)?);
        let others = key(change).and_then(|key| moved.get(key));
        let was_elsewhere = others.is_some_and(|others| others.iter().any(|other| **other != change.collection));
        kind = match kind {
            // A deleted object is kept where it can be restored, and goes from there for good.
            "created" if place != home => return None,
            "deleted" if place != home && was_elsewhere => return None,
            "deleted" if !was_elsewhere => "deleted",
            _ => "updated",
        };
        place = home;
    }
    if !subscription.wants(kind) || !found.shows(world, &place, change, purse) {
        return None;
    }
    let name = name(world, own_rules, &place, &entity.key);
    let tag = tag::of(&entity.properties).filter(|_| kind != "deleted");
    let data = data(actual, own_rules, &name, &entity.key, tag);
    Some((kind, name, data))
}

/// Returns the name of an entity in notifications.
fn name(world: &World, rules: &WatchedRules, place: &CollectionAddress, key: &Arc<str>) -> String {
    let address = EntityAddress { collection: place.clone(), key: key.clone() }.text(&world.schema);
    let first = address.split('/').next().unwrap_or_default();
    let Segment { name, predicate } = Segment::of(first);
    let root = capitalized(name);
    match rules.name_form {
        NameForm::Root => format!("{root}/{key}"),
        NameForm::Mailbox(collection) => match predicate.and_then(KeyPredicate::of) {
            Some(holder) => {
                let holder = percent_decode_str(&holder.key).decode_utf8_lossy();
                format!("{root}/{holder}/{collection}/{key}")
            }
            None => address,
        },
        NameForm::Address => address,
    }
}

/// Returns the data about an entity: its type, address, tag and id.
fn data(structured: &StructuredType, rules: &WatchedRules, name: &str, id: &str, tag: Option<&str>) -> String {
    let type_name = match rules.name_form {
        NameForm::Root | NameForm::Mailbox(_) => capitalized(&structured.name),
        NameForm::Address => structured.name.to_string(),
    };
    let mut data = format!("{{\"@odata.type\":\"#Microsoft.Graph.{type_name}\",\"@odata.id\":{}", quoted(name));
    if let Some(tag) = tag {
        let _ = write!(data, ",\"@odata.etag\":{}", quoted(tag));
    }
    let _ = write!(data, ",\"id\":{}}}", quoted(id));
    data
}

/// Returns the item of a message about a change. The data may have further members after it.
fn item(world: &World, key: &str, subscription: &Subscription, kind: &str, resource: &str, data: &str) -> String {
    format!(
        "{{{},\"changeType\":\"{kind}\",\"resource\":{},\"tenantId\":{},\"resourceData\":{data}}}",
        common(key, subscription),
        quoted(resource),
        quoted(&world.directory.tenant_id),
    )
}

/// Returns the members that all items of messages begin with.
fn common(key: &str, subscription: &Subscription) -> String {
    format!(
        "\"subscriptionId\":{},\"subscriptionExpirationDateTime\":\"{}\",\"clientState\":{}",
        quoted(key),
        subscription.end_text(),
        subscription.client_state.as_ref().map_or_else(|| "null".to_owned(), |text| quoted(text)),
    )
}

/// Removes subscriptions that have ended, and reminds the receivers of others. Returns the notifications of it.
pub(super) fn attend(world: &World, now: SystemTime) -> Vec<Notification> {
    let outbox = &world.outbox;
    let Some((collection, _)) = subscription::stored(world) else { return Vec::new() };
    let _alone = outbox.begin_scheduling();
    let now = unix_millis(now);
    let mut next = i64::MAX;
    let mut notifications = Vec::new();
    for (key, subscription) in subscription::all(world) {
        let end = subscription.end();
        if end <= now {
            // A change from before the end is sent after it.
            outbox.keep_receiver(&key, subscription.receiver());
            // Of several that see the end, one removes it.
            if collection.remove(&key).is_some()
                && subscription
                    .has_watched(world, &Purse::whole())
                    .is_ok_and(|found| watched(&found.structured.name).reports_removal)
            {
                notifications.extend(lifecycle(world, &key, &subscription, "subscriptionRemoved"));
            }
            continue;
        }
        next = next.min(end);
        if subscription.lifecycle_url.is_none() {
            continue;
        }
        // Those of a fixture were not created by a request, which records it.
        if outbox.reports_missed(&key).is_none()
            && let Ok(found) = subscription.has_watched(world, &Purse::whole())
        {
            outbox.set_reports_missed(&key, watched(&found.structured.name).reports_missed);
        }
        let authorization = outbox.authorized_until(&key).map(|until| (Ending::Authorization, until));
        for (ending, end) in std::iter::once((Ending::Subscription, end)).chain(authorization) {
            match outbox.reminder(&key, ending, end, || end - REMINDER.min((end - now).max(0) / 2)) {
                Some(time) if time <= now && outbox.remind(&key, ending, end) => {
                    notifications.extend(lifecycle(world, &key, &subscription, "reauthorizationRequired"));
                }
                Some(time) => next = next.min(time),
                None => {}
            }
        }
    }
    outbox.retain_reminders(|key| collection.get(key).is_some());
    outbox.end_scheduling((!collection.is_empty()).then_some(next));
    notifications
}

/// Returns the notification that those of a parcel were given up, if the subscription's receiver gets such messages.
pub(super) fn of_given_up(world: &World, parcel: &Parcel) -> Option<Notification> {
    let (key, is_lifecycle) = &parcel.queue;
    let subscription = subscription::find(world, key).filter(|_| !is_lifecycle)?;
    let found = subscription.has_watched(world, &Purse::whole()).ok()?;
    if watched(&found.structured.name).reports_missed { lifecycle(world, key, &subscription, "missed") } else { None }
}

/// Returns the notification of an event of a subscription, if it has a receiver.
fn lifecycle(world: &World, key: &Arc<str>, subscription: &Subscription, event: &str) -> Option<Notification> {
    let item = format!(
        "{{{},\"tenantId\":{},\"lifecycleEvent\":\"{event}\"}}",
        common(key, subscription),
        quoted(&world.directory.tenant_id)
    );
    let url = subscription.lifecycle_url.clone()?;
    Some(Notification { subscription: key.clone(), lifecycle_url: Some(url), item, cause: None, memory: None })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method, header};
    use serde_json::{Value, json};

    use super::*;
    use crate::graph::pipeline;
    use crate::graph::request::{Body, Request, Via};
    use crate::graph::step::Step;
    use crate::world::clock::Clock;
    use crate::world::fixture;
    use crate::world::outbox::QUEUE_LIMIT;
    use crate::world::settings::Settings;

    const USER: &str = "00000000-0000-4000-8000-000000000001";

    fn world() -> World {
        let mut settings = Settings { clock: Clock::Fixed(SystemTime::UNIX_EPOCH), ..crate::workloads::settings() };
        settings.stores = Arc::new(crate::world::budget::Budget::new(4 << 20));
        let subscription = |number| {
            json!({ "id": format!("s{number:02}"), "changeType": "created", "resource": format!("users/{USER}/contacts"),
                "notificationUrl": "https://receiver.example/", "expirationDateTime": "1970-01-01T01:00:00Z", "clientState": "mine" })
        };
        let subscriptions: Vec<Value> = (0..20).map(subscription).collect();
        let text = json!({ "users": [{ "id": USER, "displayName": "A" }], "subscriptions": subscriptions }).to_string();
        settings.entities = fixture::read(&settings.schema, &settings.behaviors, "fixtures.json", text.as_bytes()).unwrap();
        World::new(settings)
    }

    /// Adds a contact, and returns the notifications of it.
    fn notified(world: &World) -> Vec<Notification> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let (target, body) = (format!("/v1.0/users/{USER}/contacts"), Bytes::from_static(b"{\"givenName\":\"A\"}"));
        let request = Request {
            method: Method::POST,
            target: target.parse().unwrap(),
            is_secure: false,
            via: Via::Direct,
            arrival: crate::world::journal::Arrival::default(),
            headers,
            body: Body::Whole(body),
        };
        let Step::Done(mut answer) = pipeline::answer(world, &request) else { panic!("it is answered at once") };
        assert_eq!(answer.response.status(), 201);
        answer.notifications.take().unwrap_or_default()
    }

    const LIFECYCLE: &str = "https://receiver.example/lifecycle";

    fn set_lifecycle_url(world: &World, key: &str) {
        let (collection, structured) = subscription::stored(world).unwrap();
        let slot = structured.slot("lifecycleNotificationUrl").unwrap();
        let set = |entity: &crate::edm::value::Entity| {
            let mut values = entity.properties.clone();
            values.set(slot, crate::edm::value::Value::String(LIFECYCLE.into()));
            Ok::<_, crate::world::store::StoreFull>(crate::edm::value::Entity::of_type(entity.key.clone(), values, 0))
        };
        assert!(collection.update(key, set).unwrap().is_ok());
    }

    #[test]
    fn dropped_notifications_are_a_lifecycle_event_of_mailboxes() {
        let world = world();
        set_lifecycle_url(&world, "s00");
        let lifecycle = |found: &[Notification]| -> Vec<String> {
            found.iter().filter(|one| one.lifecycle_url.as_deref() == Some(LIFECYCLE)).map(|one| one.item.clone()).collect()
        };
        assert_eq!(lifecycle(&notified(&world)), Vec::<String>::new());
        let waiting =
            |_| Notification { subscription: "s00".into(), lifecycle_url: None, item: String::new(), cause: None, memory: None };
        world.outbox.push(&world.stores, (0..QUEUE_LIMIT).map(waiting).collect());
        let found = lifecycle(&notified(&world));
        assert!(found.len() == 1 && found[0].contains(r#""lifecycleEvent":"missed""#), "{found:?}");
        // Those of the directory get no such message.
        assert!(!watched("user").reports_missed && watched("message").reports_missed);
    }

    #[test]
    fn notifications_take_memory_when_they_are_put_together_and_only_where_there_is_room() {
        let world = world();
        let found = notified(&world);
        let bytes: usize = found.iter().map(|one| notification_bytes(one.item.capacity())).sum();
        let used = world.stores.used();
        assert_eq!(found.len(), 20);
        drop(found);
        assert_eq!(used - world.stores.used(), bytes);
        // The queue of one receiver is full.
        let waiting =
            |_| Notification { subscription: "s00".into(), lifecycle_url: None, item: String::new(), cause: None, memory: None };
        world.outbox.push(&world.stores, (0..QUEUE_LIMIT).map(waiting).collect());
        let found = notified(&world);
        assert_eq!((found.len(), world.outbox.dropped()), (19, 1));
        assert!(found.iter().all(|one| &*one.subscription != "s00"));
        drop(found);
        let rest = world.stores.take(world.stores.limit() - world.stores.used() - 10_000).unwrap();
        let found = notified(&world);
        assert!(!found.is_empty() && found.len() < 19, "{}", found.len());
        assert_eq!(usize::try_from(world.outbox.dropped()).unwrap(), 1 + 20 - found.len());
        assert!(world.stores.used() <= world.stores.limit());
        drop(rest);
    }

    #[test]
    fn notifications_are_put_together_as_far_as_the_purse_pays() {
        let world = world();
        let contacts = world.schema.set_named("users").unwrap();
        let model = world.schema.widest();
        let navigation = model.structured(world.schema.set(contacts).target).navigation("contacts").unwrap();
        let collection = CollectionAddress::from(contacts).within(&world.schema, USER, navigation.set);
        let after = Arc::new(crate::world::store::StoredEntity::new("c".into(), crate::edm::value::Complex::default()));
        let changes = [StoreChange { collection, before: None, after: Some(after) }];
        let put_together = |steps: u64| {
            let purse = Purse::of(steps, 0);
            let commit = Commit { world: &world, now: SystemTime::UNIX_EPOCH, changes: &changes, cause: "", purse: &purse };
            of_commit(&commit).len()
        };
        assert_eq!(put_together(1_000_000), 20);
        assert_eq!(put_together(0), 0);
        // A receiver of a mailbox's notifications learns that some may be missing.
        set_lifecycle_url(&world, "s00");
        set_lifecycle_url(&world, "s19");
        attend(&world, SystemTime::UNIX_EPOCH);
        assert_eq!((put_together(0), put_together(RESOLUTION_STEPS + 500)), (2, 2));
        assert_eq!(put_together(1_000_000), 20);
        let some = put_together(20 * (RESOLUTION_STEPS + COMPARISON_STEPS) + 1_000);
        assert!(some > 0 && some < 20, "{some}");
    }
}
