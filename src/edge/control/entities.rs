//! The entities of a world, collection by collection, for people who look at them; and changes to one of them.
//!
//! A change is a PATCH to Graph, with all of its checks, as if someone who may do everything had sent it. It needs no token, meets no fault
//! rules and no stubs, and is not in the journal, which shows what clients do. Subscribers are notified of it.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::edge::control::call::{ControlCall, Parameters};
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::edm::schema::{Navigation, SetId, StructuredType, Version};
use crate::graph::pipeline;
use crate::graph::request::{Body, Request, Via};
use crate::graph::step::{Answer, Step};
use crate::policy::behavior::Secret;
use crate::text::redact::mask_json;
use crate::world::World;
use crate::world::fixture;
use crate::world::store::{CollectionAddress, EntityAddress, StoredEntity};

/// The number of entities on a page, unless the request says otherwise.
const PAGE: usize = 100;

/// The largest number of entities on a page.
pub(super) const PAGE_LIMIT: usize = 1_000;

/// The largest number of links of a navigation property that are shown.
const LINKS: usize = 20;

/// Returns the root collections, or a page of a collection.
pub(super) fn browse(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let parameters = call.parameters(&["at", "after", "limit", "secrets"])?;
    let world = call.worlds.world(call.name)?;
    let world = world.current();
    match parameters.get("at") {
        None => Ok(ControlReply::ok(&roots(world))),
        Some(at) => match declared(world, at) {
            Some(address) => page(world, &address, &parameters),
            None => match entity_at(world, at) {
                Some((collection, entity)) => one(world, &collection, &entity, &parameters),
                None => page(world, &stored(world, at)?, &parameters),
            },
        },
    }
}

/// Returns one entity, in the form of a page.
fn one(
    world: &World,
    collection: &CollectionAddress,
    entity: &Arc<StoredEntity>,
    parameters: &Parameters,
) -> Result<ControlReply, ControlError> {
    let shown = entity_json(world, collection, entity, secret_of(parameters)?);
    let path = collection.path(&world.schema);
    Ok(ControlReply::ok(&json!({ "path": path, "collections": [], "entities": [shown], "next": Value::Null })))
}

fn secret_of(parameters: &Parameters) -> Result<Secret, ControlError> {
    Ok(if parameters.include_secrets()? { Secret::Echo } else { Secret::Null })
}

fn roots(world: &World) -> Value {
    let counts = |set: SetId| world.store.collection(set).len();
    let sets = world.schema.root_sets().filter(|set| world.schema.is_of_core(*set) || counts(*set) > 0);
    let collection = |set: SetId| {
        let info = world.schema.set(set);
        collection_json(&info.name, &info.path, counts(set), !info.is_single)
    };
    json!({ "path": "", "collections": sets.map(collection).collect::<Vec<Value>>(), "entities": [], "next": Value::Null })
}

fn collection_json(name: &str, path: &str, count: usize, is_collection: bool) -> Value {
    json!({ "name": name, "path": path, "count": count, "isCollection": is_collection })
}

fn page(world: &World, address: &CollectionAddress, parameters: &Parameters) -> Result<ControlReply, ControlError> {
    let limit = parameters.number("limit")?;
    let limit = limit.map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(usize::MAX).clamp(1, PAGE_LIMIT));
    let secret = secret_of(parameters)?;
    let entities = world.store.at(address).page(parameters.number("after")?, 0, limit);
    let next = entities.last().filter(|_| entities.len() == limit).map(|(number, _)| *number);
    let entities: Vec<Value> = entities.iter().map(|(_, entity)| entity_json(world, address, entity, secret)).collect();
    let path = address.path(&world.schema);
    Ok(ControlReply::ok(&json!({ "path": path, "collections": [], "entities": entities, "next": next })))
}

/// Returns the collection of the schema with a path, such as `teams` or `teams('1')/schedule/shifts`.
fn declared(world: &World, at: &str) -> Option<CollectionAddress> {
    let (schema, model) = (&world.schema, world.schema.widest());
    if let Some(root) = schema.root_sets().find(|set| *schema.set(*set).path == *at) {
        return Some(root.into());
    }
    let (holder, name) = at.rsplit_once('/')?;
    let holder = EntityAddress::parse(schema, model, holder)?;
    let navigation = structured(world, &holder)?.navigation(name)?.clone();
    Some(holder.collection.within(schema, &holder.key, navigation.set))
}

/// Returns a collection of a complex value, which is found only if it has entities.
fn stored(world: &World, at: &str) -> Result<CollectionAddress, ControlError> {
    let found = world.store.addresses().into_iter().find(|address| *address.path(&world.schema) == *at);
    found.ok_or_else(|| {
        let message = format!("unknown collection or entity '{}'", at.escape_debug());
        ControlError::new(StatusCode::NOT_FOUND, "unknown-collection", message)
    })
}

/// Returns the entity with an address, and its collection.
fn entity_at(world: &World, at: &str) -> Option<(CollectionAddress, Arc<StoredEntity>)> {
    let address = EntityAddress::parse(&world.schema, world.schema.widest(), at)?;
    let entity = world.store.entity(&address)?;
    Some((address.collection, entity))
}

/// Returns the type of the entity at an address; of a missing entity, the declared one.
fn structured<'w>(world: &'w World, address: &EntityAddress) -> Option<&'w StructuredType> {
    let model = world.schema.widest();
    let declared = model.find_structured(world.schema.set(address.collection.set).target)?;
    Some(match world.store.entity(address) {
        Some(entity) => model.actual(declared, entity.properties.own_type),
        None => declared,
    })
}

fn entity_json(world: &World, address: &CollectionAddress, entity: &Arc<StoredEntity>, secret: Secret) -> Value {
    let schema = &world.schema;
    if let Some(target) = entity.linked() {
        let address = target.text(schema);
        return json!({
            "key": &*entity.key, "path": address, "isLink": true, "entity": Value::Null, "masked": [], "contains": [], "links": [],
        });
    }
    let whole = fixture::write_entity_with(schema, address.set, entity, Secret::Echo);
    let whole = serde_json::from_str::<Value>(&whole).unwrap_or_default();
    let (shown, masked) = if secret == Secret::Null {
        let text = fixture::write_entity_with(schema, address.set, entity, secret);
        // Other properties may contain secrets too, such as a URL with a key in its query.
        let text = mask_json(&text).unwrap_or(text);
        let shown = serde_json::from_str::<Value>(&text).unwrap_or_default();
        let mut masked = Vec::new();
        add_masked(&shown, &whole, &mut String::new(), &mut masked);
        (shown, masked)
    } else {
        (whole, Vec::new())
    };
    let own = EntityAddress { collection: address.clone(), key: entity.key.clone() };
    let navigations = structured(world, &own).map(|structured| &structured.navigations[..]).unwrap_or_default();
    let (mut contains, mut links) = (Vec::new(), Vec::new());
    for navigation in navigations {
        add_navigation(world, &own, navigation, &mut contains, &mut links);
    }
    json!({
        "key": &*entity.key,
        "path": own.text(schema),
        "isLink": false,
        "entity": shown,
        "masked": masked,
        "contains": contains,
        "links": links,
    })
}

/// Adds the JSON pointers of the values that are shown otherwise than they are.
fn add_masked(shown: &Value, whole: &Value, pointer: &mut String, masked: &mut Vec<String>) {
    let length = pointer.len();
    let mut visit = |name: &str, shown: &Value, whole: &Value| {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        add_masked(shown, whole, pointer, masked);
        pointer.truncate(length);
    };
    match (shown, whole) {
        (Value::Object(shown), Value::Object(whole)) => {
            for (name, value) in whole {
                visit(name, shown.get(name).unwrap_or(&Value::Null), value);
            }
        }
        (Value::Array(shown), Value::Array(whole)) if shown.len() == whole.len() => {
            for (index, (shown, whole)) in shown.iter().zip(whole).enumerate() {
                visit(&index.to_string(), shown, whole);
            }
        }
        (shown, whole) if shown == whole => {}
        _ => masked.push(pointer.clone()),
    }
}

fn add_navigation(
    world: &World,
    own: &EntityAddress,
    navigation: &Navigation,
    contains: &mut Vec<Value>,
    links: &mut Vec<Value>,
) {
    let inner = own.collection.within(&world.schema, &own.key, navigation.set);
    let collection = world.store.at(&inner);
    if collection.is_empty() {
        return;
    }
    let first = collection.page(None, 0, LINKS);
    let targets: Vec<String> =
        first.iter().filter_map(|(_, entity)| entity.linked()).map(|target| target.text(&world.schema)).collect();
    if targets.is_empty() {
        contains.push(collection_json(&navigation.name, &inner.path(&world.schema), collection.len(), navigation.is_collection));
    } else {
        links.push(json!({ "name": &*navigation.name, "count": collection.len(), "targets": targets }));
    }
}

/// Changes an entity as a PATCH to Graph does.
pub(super) fn edit(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let parameters = call.parameters(&["at"])?;
    let at =
        parameters.get("at").ok_or_else(|| ControlError::unusable("missing parameter 'at': expected the path of an entity"))?;
    let changes = call.read::<Map<String, Value>>()?;
    let world = Arc::new(call.worlds.world(call.name)?.current().for_edits());
    let request = patch(&world, at, &changes, call.request)?;
    let step = match pipeline::answer(&world, &request) {
        Step::Compute(computation) => computation.run(&world),
        step => step,
    };
    match step {
        Step::Done(mut answer) => {
            let notified = answer.notifications.take().map(|notifications| (world, notifications));
            match result(&answer) {
                Ok(reply) => Ok(ControlReply { notified, ..reply }),
                Err(error) => Err(ControlError { notified, ..error }),
            }
        }
        Step::Call(pending) => {
            let pending = pending.then(in_own_form);
            Ok(ControlReply::pending(world, pending))
        }
        Step::Compute(_) => Err(ControlError::unusable("unfinished computation")),
    }
}

/// Returns the request to Graph.
fn patch(world: &World, at: &str, changes: &Map<String, Value>, asked: &Request) -> Result<Request, ControlError> {
    let unknown = || {
        let message = format!("unknown entity '{}'", at.escape_debug());
        ControlError::new(StatusCode::NOT_FOUND, "unknown-entity", message)
    };
    let address = EntityAddress::parse(&world.schema, world.schema.widest(), at).ok_or_else(unknown)?;
    let is_in_first = world.schema.entity_type(world.schema.model(Version::V1), address.collection.set).is_some();
    let version = if is_in_first { Version::V1 } else { Version::Beta };
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    headers.extend(asked.headers.get(header::HOST).cloned().map(|host| (header::HOST, host)));
    headers.extend(asked.headers.get(header::IF_MATCH).cloned().map(|tag| (header::IF_MATCH, tag)));
    Ok(Request {
        method: Method::PATCH,
        target: format!("/{}/{}", version.segment(), address.text(&world.schema)).parse().map_err(|_| unknown())?,
        is_secure: asked.is_secure,
        via: Via::Direct,
        arrival: asked.arrival,
        headers,
        body: Body::Whole(serde_json::to_vec(changes).unwrap_or_default().into()),
    })
}

/// Returns the step of a change that waits for a connector, with a reply of the control API at its end.
fn in_own_form(_: &World, step: Step) -> Step {
    match step {
        Step::Done(answer) => {
            let mut own = result(&answer).unwrap_or_else(|error| error.reply()).answer();
            (own.notifications, own.calls) = (answer.notifications, answer.calls);
            Step::Done(Box::new(own))
        }
        Step::Call(pending) => Step::Call(pending.then(in_own_form)),
        Step::Compute(computation) => Step::Compute(computation),
    }
}

/// Returns the reply to a change, with the words of Graph if it was refused.
fn result(answer: &Answer) -> Result<ControlReply, ControlError> {
    let (status, body) = (answer.response.status(), answer.response.body());
    if status.is_success() {
        return Ok(ControlReply::no_content());
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    let detail = answer.refused.as_ref().and_then(|error| error.detail.as_deref()).map(|detail| format!(" ({detail})"));
    let message = format!("{} {}: {}{}", status.as_u16(), text("code"), text("message"), detail.unwrap_or_default());
    let status = if status.is_client_error() { status } else { StatusCode::CONFLICT };
    Err(ControlError::new(status, "refused-by-graph", message))
}
