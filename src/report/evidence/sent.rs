//! The parts of a request's body that rules read.

use http::Method;
use serde_json::{Map, Value};

use crate::edm::enums::{self, FlagSyntax};
use crate::edm::schema::{ItemType, PropertyType, StructuredType};
use crate::edm::value::{Entity, Value as Stored};
use crate::graph::used::UsedOperation;
use crate::world::journal::RecordedEntry;

/// The parts of a request's body that rules read.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// The members, without annotations.
    pub(crate) members: Vec<String>,
    /// The members that only the service sets.
    pub(crate) read_only: Vec<String>,
    /// The former names of members.
    pub(crate) former: Vec<String>,
    /// The members whose values are not those of their enum.
    pub(crate) unknown_values: Vec<String>,
    /// The members with `unknownFutureValue`.
    pub(crate) sentinels: Vec<String>,
    /// The values that a PUT has dropped, because it does not name them.
    pub(crate) dropped: Vec<String>,
    /// Whether the service recognizes a repetition.
    pub(crate) is_idempotent: bool,
    /// The parts about an integration.
    pub(crate) integration: Option<Integration>,
    /// The number of integrations that it binds to a schedule.
    pub(crate) bound_integrations: usize,
}

/// The parts of a body about a workforce integration.
#[derive(Debug, Default)]
pub(crate) struct Integration {
    /// The length of the secret.
    pub(crate) secret_length: Option<usize>,
    /// Whether the address is without TLS, and of another machine.
    pub(crate) is_plain: bool,
    /// Whether it has the key of encryption.
    pub(crate) has_encryption: bool,
}

/// The full name of the type of integrations.
const INTEGRATION: &str = "microsoft.graph.workforceIntegration";

/// The member in place of those unknown to a client.
const SENTINEL: &str = "unknownFutureValue";

impl Sent {
    pub(super) fn of(entry: &RecordedEntry, used: &UsedOperation<'_>) -> Option<Sent> {
        let body = entry.request_body();
        if body.is_empty() || used.called.is_some() {
            return None;
        }
        let value: Value = serde_json::from_slice(body).ok()?;
        let (members, structured) = (value.as_object()?, used.structured?);
        let mut sent = Sent {
            integration: (*structured.full_name == *INTEGRATION).then(|| integration(members)),
            is_idempotent: members.contains_key("transactionId"),
            bound_integrations: members.get("workforceIntegrationIds").and_then(Value::as_array).map_or(0, Vec::len),
            ..Sent::default()
        };
        let is_create = *entry.method() == Method::POST;
        for (name, value) in members.iter().filter(|(name, _)| !name.contains('@')) {
            sent.members.push(name.clone());
            let Some(property) = structured.property(name).map(|index| &structured.properties[index]) else { continue };
            let is_fixed = property.read_only || property.immutable && !is_create;
            if is_fixed && !property.name.eq_ignore_ascii_case("id") {
                sent.read_only.push(name.clone());
            }
            if property.alias.is_some() {
                sent.former.push(name.clone());
            }
            sent.add_values(used, name, property.kind, value);
        }
        if *entry.method() == Method::PUT {
            sent.dropped = dropped(entry, structured, &sent.members);
        }
        Some(sent)
    }

    /// Adds a member whose values are not those of its enum.
    fn add_values(&mut self, used: &UsedOperation<'_>, name: &str, kind: PropertyType, value: &Value) {
        let (PropertyType::Enum(id) | PropertyType::Collection(ItemType::Enum(id))) = kind else { return };
        let enumeration = used.model.enumeration(id);
        let items = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        let has_sentinel = |text: &&str| text.split(',').any(|member| member.trim().eq_ignore_ascii_case(SENTINEL));
        if texts.iter().any(has_sentinel) {
            self.sentinels.push(name.to_owned());
        } else if texts.iter().any(|text| enums::parse(enumeration, text, FlagSyntax::LENIENT).is_none()) {
            self.unknown_values.push(name.to_owned());
        }
    }
}

fn integration(members: &Map<String, Value>) -> Integration {
    let encryption = members.get("encryption");
    let secret = encryption.and_then(|encryption| encryption["secret"].as_str());
    let url = members.get("url").and_then(Value::as_str).unwrap_or_default();
    let host = url.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).map(|_| &url[7..]);
    // A name without a dot, or one that is reserved for local use, is that of a container or of a machine nearby.
    let is_local = |host: &str| {
        let name = host.split([':', '/', '?']).next().unwrap_or_default().to_ascii_lowercase();
        let is_reserved = [".internal", ".local", ".localhost", ".test"].iter().any(|ending| name.ends_with(ending));
        host.starts_with("127.") || host.starts_with("[::1]") || !host.starts_with('[') && !name.contains('.') || is_reserved
    };
    Integration {
        secret_length: secret.map(|secret| secret.chars().count()),
        is_plain: host.is_some_and(|host| !is_local(host)),
        has_encryption: encryption.is_some_and(Value::is_object),
    }
}

/// Returns the members that had a value before a PUT, and have none behind it, because the request does not name them.
fn dropped(entry: &RecordedEntry, structured: &StructuredType, named: &[String]) -> Vec<String> {
    let changed = entry.changed();
    let both = changed.and_then(|changed| Some((changed.before.as_ref()?, changed.after.as_ref()?)));
    let Some((before, after)) = both else { return Vec::new() };
    let mut found = Vec::new();
    for property in structured.properties.iter().filter(|property| !property.read_only && property.alias.is_none()) {
        let is_empty = |entity: &Entity| *entity.properties.value(property) == Stored::Null;
        let is_named = named.iter().any(|name| name.eq_ignore_ascii_case(&property.name));
        if !is_named && !is_empty(before) && is_empty(after) {
            found.push(property.name.to_string());
        }
    }
    found
}
