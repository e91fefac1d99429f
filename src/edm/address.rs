//! Addresses of collections and entities in context URLs, ids and links.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::edm::schema::{Schema, SetId};

/// The characters of a key that are percent-encoded: all but the unreserved ones of RFC 3986 (recorded in pnp/pnpcore:
/// `channels('19%3AJLUITH…%40thread.tacv2')`).
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the address of an entity of a collection, after the version.
pub(crate) fn entity_address(path: &str, is_single: bool, key: &str) -> String {
    if is_single {
        return path.to_owned();
    }
    format!("{path}('{}')", encoded_key(&key.replace('\'', "''")))
}

/// Percent-encodes a key for an address.
pub(crate) fn encoded_key(key: &str) -> String {
    utf8_percent_encode(key, KEY).to_string()
}

/// The address of a collection of entities, independent of the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionAddress {
    /// The set.
    pub set: SetId,
    /// The address of the entity that contains the collection, such as `teams('1')/schedule`; `None` for a root set.
    pub holder: Option<Arc<str>>,
}

impl From<SetId> for CollectionAddress {
    fn from(set: SetId) -> CollectionAddress {
        CollectionAddress { set, holder: None }
    }
}

impl CollectionAddress {
    /// Returns the path of the collection, after the version.
    pub fn path<'s>(&self, schema: &'s Schema) -> Cow<'s, str> {
        let set = schema.set(self.set);
        match &self.holder {
            None => Cow::Borrowed(&set.path),
            Some(holder) => Cow::Owned(format!("{holder}/{}", set.name)),
        }
    }

    /// Returns the address of an entity in the form of context URLs, after the version.
    pub fn address(&self, schema: &Schema, key: &str) -> String {
        entity_address(&self.path(schema), schema.set(self.set).is_single, key)
    }

    /// Returns the address of a collection that an entity contains.
    #[must_use]
    pub fn within(&self, schema: &Schema, key: &str, set: SetId) -> CollectionAddress {
        CollectionAddress { set, holder: Some(self.address(schema, key).into()) }
    }
}
