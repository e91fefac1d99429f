//! Addresses of content that need no token: they are signed, and valid for a time.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderMap, HeaderValue};
use ring::hmac;

use crate::edm::address::EntityAddress;
use crate::entra::caller;
use crate::graph::base_url::write_base_url;
use crate::graph::request::Request;
use crate::text::constant_time;
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::name;
use crate::world::workload::Download;

/// The beginning of the paths of content.
pub(super) const CONTENT: &str = "/_content/";

/// The beginning of the paths that show the progress of a copy.
pub(super) const MONITORS: &str = "/_monitor/";

/// The time for which an address of content is valid: "short-lived", as the page on driveItem says.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The name in tickets for the progress of a copy; no property has it.
pub(super) const COPY: &str = "*";

/// The name in tickets for a copy that has failed.
pub(super) const FAILED_COPY: &str = "!";

/// The name in tickets for other work on a file that is done.
pub(super) const WORK: &str = "+";

/// The name in tickets for the file of a function, whose type and name are in the place of the entity.
pub(super) const DOWNLOAD: &str = "?";

/// The length of a signature, in bytes.
const SIGNATURE: usize = 16;

/// Content that an address leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// The text of the entity's address.
    pub(super) entity: String,
    /// The stream property.
    pub(super) property: String,
}

/// Returns the address of the emulator for a path of its own, in the world of a request.
pub(super) fn own_address(world: &World, request: &Request, host: Option<&HeaderValue>, path: &str) -> String {
    let mut url = Vec::new();
    match &world.behaviors.base_url {
        Some(fixed) => url.extend_from_slice(fixed.as_bytes()),
        None => write_base_url(request, host, &mut url),
    }
    let mut url = String::from_utf8_lossy(&url).into_owned();
    url.push_str(&world_of(world, &request.headers, request.target.path()));
    url.push_str(path);
    url
}

/// Returns the prefix of a world that a header or a token names: the client of the address has neither.
fn world_of(world: &World, headers: &HeaderMap, path: &str) -> String {
    let token_tenant = || world.settings.is_named_by_token.then(|| caller::tenant_id(headers)).flatten();
    match name::requested(path, headers, token_tenant) {
        Some(name) if name::prefix_of(path).is_empty() && name::is_valid(&name) => format!("/_world/{name}"),
        _ => String::new(),
    }
}

/// Returns the path of an entity's content.
pub(super) fn content_path(world: &World, now: SystemTime, address: &EntityAddress, property: &str) -> String {
    format!("{CONTENT}{}", token(world, now, address, property))
}

/// Returns the path that shows the progress of a copy.
pub(super) fn monitor_path(world: &World, now: SystemTime, address: &EntityAddress) -> String {
    format!("{MONITORS}{}", token(world, now, address, COPY))
}

/// Returns the path that shows the failure of a copy.
pub(super) fn failure_path(world: &World, now: SystemTime, source: &EntityAddress) -> String {
    format!("{MONITORS}{}", token(world, now, source, FAILED_COPY))
}

/// Returns the path that shows that work on a file is done.
pub(super) fn work_path(world: &World, now: SystemTime, address: &EntityAddress) -> String {
    format!("{MONITORS}{}", token(world, now, address, WORK))
}

/// Returns the path of the file of a function.
pub(super) fn download_path(world: &World, now: SystemTime, download: &Download) -> String {
    let name = format!("{}/{}", download.bound, download.operation);
    format!("{CONTENT}{}", signed(world, now, &name, DOWNLOAD))
}

fn token(world: &World, now: SystemTime, address: &EntityAddress, property: &str) -> String {
    signed(world, now, &address.text(&world.schema), property)
}

fn signed(world: &World, now: SystemTime, text: &str, property: &str) -> String {
    let until = unix_seconds(now) + i64::try_from(LIFETIME.as_secs()).unwrap_or_default();
    let payload = format!("{until} {property} {text}");
    let mut token = signature(world, payload.as_bytes()).to_vec();
    token.extend_from_slice(payload.as_bytes());
    URL_SAFE_NO_PAD.encode(token)
}

fn unix_seconds(time: SystemTime) -> i64 {
    unix_millis(time) / 1000
}

/// Reads the end of a path of content; `None` if it is not of this world, or not valid any more.
pub(super) fn read(world: &World, now: SystemTime, token: &str) -> Option<Ticket> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signed, payload) = bytes.split_first_chunk::<SIGNATURE>()?;
    if !constant_time::is_equal(signed, &signature(world, payload)) {
        return None;
    }
    let mut parts = std::str::from_utf8(payload).ok()?.splitn(3, ' ');
    let until: i64 = parts.next()?.parse().ok()?;
    let (property, entity) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    (unix_seconds(now) < until).then_some(Ticket { entity, property })
}

fn signature(world: &World, payload: &[u8]) -> [u8; SIGNATURE] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, world.address_key());
    let tag = hmac::sign(&key, payload);
    let mut signature = [0; SIGNATURE];
    signature.copy_from_slice(&tag.as_ref()[..SIGNATURE]);
    signature
}
