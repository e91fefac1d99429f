//! Addresses of collections and entities, as context URLs, ids and links show them.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::edm::schema::{Schema, SetId};

/// Keys in addresses are percent-encoded but for the unreserved characters of RFC 3986 (recorded in pnp/pnpcore:
/// `channels('19%3AJLUITH…%40thread.tacv2')`).
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the address of an entity of a collection, behind the version.
pub(crate) fn entity_address(path: &str, is_single: bool, key: &str) -> String {
    if is_single {
        return path.to_owned();
    }
    format!("{path}('{}')", encoded_key(&key.replace('\'', "''")))
}

/// Returns a key as it stands in an address.
pub(crate) fn encoded_key(key: &str) -> String {
    utf8_percent_encode(key, KEY).to_string()
}

/// A collection of entities.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionAddress {
    /// The set.
    pub set: SetId,
    /// The address of the entity that contains the collection, behind the version: `teams('1')/schedule`. Nothing where none does.
    pub holder: Option<Arc<str>>,
}

impl From<SetId> for CollectionAddress {
    fn from(set: SetId) -> CollectionAddress {
        CollectionAddress { set, holder: None }
    }
}

impl CollectionAddress {
    /// Returns the address of the collection behind the version.
    pub fn path<'s>(&self, schema: &'s Schema) -> Cow<'s, str> {
        let set = schema.set(self.set);
        match &self.holder {
            None => Cow::Borrowed(&set.path),
            Some(holder) => Cow::Owned(format!("{holder}/{}", set.name)),
        }
    }

    /// Returns the address of an entity behind the version, as context URLs show it.
    pub fn address(&self, schema: &Schema, key: &str) -> String {
        entity_address(&self.path(schema), schema.set(self.set).is_single, key)
    }

    /// Returns a collection that an entity contains.
    #[must_use]
    pub fn within(&self, schema: &Schema, key: &str, set: SetId) -> CollectionAddress {
        CollectionAddress { set, holder: Some(self.address(schema, key).into()) }
    }
}
