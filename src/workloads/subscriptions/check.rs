//! Decisions about new and renewed subscriptions.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;

use crate::edm::patch::Patch;
use crate::edm::value::Complex;
use crate::entra::caller::{self, Caller};
use crate::entra::check::{self, AskedOperation};
use crate::graph::watched::{Unwatched, Watched, is_of_caller};
use crate::odata::error::Error;
use crate::policy::behavior::{NotificationUrl, SubscriptionValidation};
use crate::policy::permissions::OperationKind;
use crate::policy::refusal;
use crate::workloads::subscriptions::envelope::Certificate;
use crate::workloads::subscriptions::handshake::{Handshake, HandshakeReply};
use crate::workloads::subscriptions::rules::{
    CERTIFICATE_ID_LIMIT, CLIENT_STATE_LIMIT, LIMIT, SUBSCRIPTION, WatchedRules, watched,
};
use crate::workloads::subscriptions::subscription::{Subscription, stored};
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::outbound::is_callable;
use crate::world::store::StoredEntity;
use crate::world::workload::{Change, ChangeKind, Consultation, OperationReply, OperationRequest, Reply};

type Decision = Result<Option<Box<dyn Consultation>>, Error>;

/// The members that a renewal can change.
const RENEWED: [&str; 2] = ["expirationDateTime", "notificationUrl"];

/// Decides about a new subscription.
pub(super) fn for_creation(
    change: &Change<'_>,
    values: &Complex,
    reply: Option<&Reply>,
    decided: &mut Vec<&'static str>,
) -> Decision {
    let structured = change.structured;
    let missing = || Error::new(&refusal::MISSING_SUBSCRIPTION_MEMBER, &["expirationDateTime"]);
    let subscription = Subscription::of(structured, values).ok_or_else(missing)?;
    check_texts(change, &subscription, decided)?;
    check_certificate(&subscription)?;
    let found = look_up(change.world, change.headers, &subscription)?;
    let rules = watched(&found.structured.name);
    check_changes(&subscription, rules)?;
    check_end(change, &subscription, rules)?;
    if rules.needs_lifecycle_url
        && subscription.lifecycle_url.is_none()
        && subscription.end() - unix_millis(change.now) > 60 * 60_000
    {
        return Err(Error::new(&refusal::MISSING_LIFECYCLE_URL, &[]));
    }
    if stored(change.world).is_some_and(|(collection, _)| collection.len() >= LIMIT) {
        return Err(Error::new(&refusal::TOO_MANY_SUBSCRIPTIONS, &[&LIMIT.to_string()]));
    }
    let receivers = std::iter::once(&subscription.url).chain(&subscription.lifecycle_url);
    let consultation = validate(change, receivers.cloned().collect(), reply, decided)?;
    if let (None, ChangeKind::Create { key, .. }) = (&consultation, &change.kind) {
        authorize(change.world, change.headers, change.now, &key());
        change.world.outbox.set_reports_missed(&key(), rules.reports_missed);
    }
    Ok(consultation)
}

/// Authorizes a subscription until the end of the caller's token. A token whose time is over says nothing about the clock of the world.
fn authorize(world: &World, headers: &HeaderMap, now: SystemTime, key: &Arc<str>) {
    world.outbox.authorize(key, caller::token_end(headers).filter(|end| *end > unix_millis(now)));
}

/// Authorizes a subscription for the time of a new token (learn.microsoft.com/graph/api/subscription-reauthorize: 204, graded *medium*). Its
/// end stays.
pub(super) fn reauthorize(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (Some(address), Some(entity)) = (request.address(), request.entity) else { return Ok(OperationReply::Nothing) };
    let structured = request.model.type_named(SUBSCRIPTION).map(|id| request.model.structured(id));
    // A subscription of a fixture may lack what a new one has.
    if let Some(subscription) = structured.and_then(|structured| Subscription::of(structured, &entity.properties)) {
        look_up(request.world, request.headers, &subscription)?;
    }
    authorize(request.world, request.headers, request.now, &address.key);
    request.world.outbox.wake();
    Ok(OperationReply::Nothing)
}

/// Decides about the renewal of a subscription.
pub(super) fn for_update(
    change: &Change<'_>,
    patch: &Patch,
    current: &dyn Fn() -> Result<Arc<StoredEntity>, Error>,
    reply: Option<&Reply>,
    decided: &mut Vec<&'static str>,
) -> Decision {
    let structured = change.structured;
    let current = current()?;
    let values = patch.apply(change.model, structured, &current.properties);
    let differs = |name: &str| structured.slot(name).is_some_and(|slot| values.get(slot) != current.properties.get(slot));
    let names = patch.changes.iter().map(|change| &*structured.properties[change.property].name);
    if let Some(name) = names.into_iter().find(|name| !RENEWED.contains(name) && differs(name)) {
        return Err(Error::new(&refusal::NOT_A_RENEWAL, &[name]));
    }
    // A subscription of a fixture may lack what a new one has.
    let Some(subscription) = Subscription::of(structured, &values) else { return Ok(None) };
    if differs("expirationDateTime") {
        let found = subscription.watched(change.world);
        check_end(change, &subscription, found.map_or_else(|_| watched(""), |found| watched(&found.structured.name)))?;
    }
    let consultation = if differs("notificationUrl") {
        check_texts(change, &subscription, decided)?;
        validate(change, vec![subscription.url], reply, decided)?
    } else {
        None
    };
    // A renewal authorizes too (learn.microsoft.com/graph/change-notifications-lifecycle-events).
    if consultation.is_none() {
        authorize(change.world, change.headers, change.now, &current.key);
    }
    Ok(consultation)
}

/// Checks the certificate of a subscription that asks for the changed entities.
fn check_certificate(subscription: &Subscription) -> Result<(), Error> {
    let Some((certificate, id)) = &subscription.encryption else { return Ok(()) };
    if id.is_empty() || id.chars().count() > CERTIFICATE_ID_LIMIT {
        return Err(Error::new(&refusal::ENCRYPTION_CERTIFICATE, &["encryptionCertificateId"]));
    }
    if Certificate::of(certificate, id).is_none() {
        return Err(Error::new(&refusal::ENCRYPTION_CERTIFICATE, &["encryptionCertificate"]));
    }
    Ok(())
}

/// Checks the addresses of the receivers, and the text for them.
fn check_texts(change: &Change<'_>, subscription: &Subscription, decided: &mut Vec<&'static str>) -> Result<(), Error> {
    if subscription.client_state.as_ref().is_some_and(|text| text.chars().count() > CLIENT_STATE_LIMIT) {
        return Err(Error::new(&refusal::CLIENT_STATE_TOO_LONG, &[]));
    }
    if subscription.url.get(..9).is_some_and(|scheme| scheme.eq_ignore_ascii_case("EventHub:")) {
        return Err(Error::new(&refusal::EVENT_HUB, &[&subscription.url]));
    }
    decided.push("notification-url");
    let receivers =
        [("notificationUrl", Some(&subscription.url)), ("lifecycleNotificationUrl", subscription.lifecycle_url.as_ref())];
    for (name, url) in receivers {
        if let Some(url) = url.filter(|url| !is_receiver(url, change.world.behaviors.notification_url)) {
            return Err(Error::new(&refusal::INVALID_NOTIFICATION_URL, &[name, url]));
        }
    }
    Ok(())
}

/// Whether notifications can be sent to an address.
fn is_receiver(url: &str, schemes: NotificationUrl) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let has_scheme = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => schemes == NotificationUrl::Absolute,
        _ => false,
    };
    has_scheme && uri.authority().is_some_and(is_callable)
}

/// Returns what a subscription is to watch, if the caller may read it.
fn look_up<'w>(world: &'w World, headers: &HeaderMap, subscription: &Subscription) -> Result<Watched<'w>, Error> {
    let unknown = || Error::new(&refusal::UNKNOWN_WATCHED_RESOURCE, &[]);
    let is_own = is_of_caller(&subscription.resource);
    if is_own && matches!(caller::caller(headers), Caller::Application(_)) {
        return Err(unknown().with_detail("the resource begins with `me`, but the token has no user".to_owned()));
    }
    let found = subscription.watched(world).map_err(|unwatched| match unwatched {
        Unwatched::Unknown(error) => unknown().with_detail(error.message.into()),
        Unwatched::Missing => Error::new(&refusal::MISSING_WATCHED_RESOURCE, &[]),
    })?;
    let claims = check::authenticate(world, headers)?;
    // The permissions of a subscription are those of reading the resource.
    let asked = AskedOperation {
        resource: Some((found.model, found.structured)),
        kind: OperationKind::List,
        addresses: &|| found.addresses.clone(),
        method: "GET",
    };
    match check::authorize(world, headers, claims.as_ref(), asked) {
        Ok(_) => Ok(found),
        Err(error) => Err(Error::new(&refusal::FORBIDDEN_WATCHED_RESOURCE, &[]).with_detail(error.message.into())),
    }
}

fn check_changes(subscription: &Subscription, rules: &WatchedRules) -> Result<(), Error> {
    let known = rules.only.unwrap_or(&["created", "updated", "deleted"]);
    let is_known = |kind: &str| known.iter().any(|known| known.eq_ignore_ascii_case(kind));
    if subscription.changes().all(is_known) {
        return Ok(());
    }
    Err(Error::new(&refusal::INVALID_CHANGE_TYPE, &[&subscription.change_type]))
}

/// Checks the end of a subscription.
fn check_end(change: &Change<'_>, subscription: &Subscription, rules: &WatchedRules) -> Result<(), Error> {
    let left = subscription.end() - unix_millis(change.now);
    if left <= 0 {
        return Err(Error::new(&refusal::SUBSCRIPTION_IN_THE_PAST, &[]));
    }
    let minutes = if subscription.encryption.is_some() { rules.rich_minutes } else { rules.minutes };
    if left > minutes * 60_000 {
        return Err(Error::new(&refusal::SUBSCRIPTION_TOO_LONG, &[&minutes.to_string()]));
    }
    Ok(())
}

/// Has the receivers validated (behavior `subscription-validation`).
fn validate(change: &Change<'_>, receivers: Vec<Arc<str>>, reply: Option<&Reply>, decided: &mut Vec<&'static str>) -> Decision {
    decided.push("subscription-validation");
    if change.world.behaviors.subscription_validation == SubscriptionValidation::Off {
        return Ok(None);
    }
    match reply.and_then(HandshakeReply::of) {
        Some(reply) => reply.check().map(|()| None),
        None => Ok(Some(Box::new(Handshake::with(change.world, receivers)))),
    }
}
