//! Addresses of entities, as context URLs, ids and links show them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Keys in addresses are percent-encoded but for the unreserved characters of RFC 3986 (recorded in pnp/pnpcore:
/// `channels('19%3AJLUITH…%40thread.tacv2')`).
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the address of an entity of a collection, behind the version.
pub fn entity_address(path: &str, is_single: bool, key: &str) -> String {
    if is_single {
        return path.to_owned();
    }
    format!("{path}('{}')", encoded_key(&key.replace('\'', "''")))
}

/// Returns a key as it stands in an address.
pub fn encoded_key(key: &str) -> String {
    utf8_percent_encode(key, KEY).to_string()
}
