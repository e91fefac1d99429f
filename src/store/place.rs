//! Where entities are kept: in the one collection of a set, or in that which another entity contains.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{Schema, SetId};
use crate::odata::address::entity_address;

/// A collection of entities.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The set.
    pub set: SetId,
    /// The address of the entity that contains the collection, behind the version: `teams('1')/schedule`. Nothing where none does.
    pub holder: Option<Arc<str>>,
}

impl From<SetId> for Place {
    fn from(set: SetId) -> Place {
        Place { set, holder: None }
    }
}

impl Place {
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
    pub fn within(&self, schema: &Schema, key: &str, set: SetId) -> Place {
        Place { set, holder: Some(self.address(schema, key).into()) }
    }
}
