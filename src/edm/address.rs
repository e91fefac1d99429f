//! Addresses of collections and entities in context URLs, ids and links.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::edm::key;
use crate::edm::schema::{Model, Schema, Set, SetId, Version};
use crate::edm::segment::segments;

/// The characters of a key that are percent-encoded: all but the unreserved ones of RFC 3986 (recorded in pnp/pnpcore:
/// `channels('19%3AJLUITH…%40thread.tacv2')`).
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the address of an entity of a collection, after the version.
pub(crate) fn entity_address(path: &str, form: KeyForm, key: &str) -> String {
    match form {
        KeyForm::Single => path.to_owned(),
        KeyForm::Quoted if key.contains('\'') => [path, "('", &encoded_key(&key.replace('\'', "''")), "')"].concat(),
        KeyForm::Quoted => [path, "('", &encoded_key(key), "')"].concat(),
        KeyForm::Bare => [path, "(", &encoded_key(key), ")"].concat(),
    }
}

/// The form of keys in the addresses of a collection's entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// A single entity has no key.
    Single,
    /// A string in quotes.
    Quoted,
    /// A literal without quotes, such as a number.
    Bare,
}

impl KeyForm {
    /// Returns the form of a set.
    pub(crate) fn of(set: &Set) -> KeyForm {
        match (set.is_single, set.quotes_keys) {
            (true, _) => KeyForm::Single,
            (false, true) => KeyForm::Quoted,
            (false, false) => KeyForm::Bare,
        }
    }
}

/// The characters that a path segment cannot have (RFC 3986, 3.3), and the percent sign.
const OUTSIDE_SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Percent-encodes those characters of a key that a `Location` cannot have; the others are as the service writes them.
pub(crate) fn located_key(key: &str) -> Cow<'_, str> {
    utf8_percent_encode(key, OUTSIDE_SEGMENT).into()
}

/// Percent-encodes a key for an address.
pub(crate) fn encoded_key(key: &str) -> Cow<'_, str> {
    utf8_percent_encode(key, KEY).into()
}

/// The address of a collection of entities, independent of the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionAddress {
    /// The root set above it, or itself.
    pub root: SetId,
    /// The set.
    pub set: SetId,
    /// The address of what contains the collection, such as `teams('1')/schedule`; `None` for a root set.
    pub holder: Option<Arc<str>>,
}

impl From<SetId> for CollectionAddress {
    fn from(set: SetId) -> CollectionAddress {
        CollectionAddress { root: set, set, holder: None }
    }
}

impl CollectionAddress {
    /// Returns the path of the collection, after the version.
    pub fn path<'s>(&self, schema: &'s Schema) -> Cow<'s, str> {
        let set = schema.set(self.set);
        match &self.holder {
            None => Cow::Borrowed(&set.path),
            Some(holder) => Cow::Owned([holder, "/", &*set.name].concat()),
        }
    }

    /// Returns the address of an entity in the form of context URLs, after the version.
    pub fn address(&self, schema: &Schema, key: &str) -> String {
        entity_address(&self.path(schema), KeyForm::of(schema.set(self.set)), key)
    }

    /// Returns the address of another collection of the entity that contains this one.
    #[must_use]
    pub fn sibling(&self, set: SetId) -> CollectionAddress {
        CollectionAddress { set, ..self.clone() }
    }

    /// Returns the address of a collection of a navigation property of an entity.
    #[must_use]
    pub fn within(&self, schema: &Schema, key: &str, set: SetId) -> CollectionAddress {
        self.within_member(schema, key, "", set)
    }

    /// Returns the address of a collection of a navigation property of a complex value in an entity. `member` is the path of the value,
    /// with a slash before each name.
    #[must_use]
    pub fn within_member(&self, schema: &Schema, key: &str, member: &str, set: SetId) -> CollectionAddress {
        if self.holder.is_none()
            && member.is_empty()
            && let Some(fixed) = schema.fixed(self.set, set)
        {
            return fixed.into();
        }
        let mut holder = self.address(schema, key);
        holder.push_str(member);
        CollectionAddress { root: self.root, set, holder: Some(holder.into()) }
    }
}

/// The address of an entity, independent of the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityAddress {
    /// The collection.
    pub collection: CollectionAddress,
    /// The key.
    pub key: Arc<str>,
}

impl EntityAddress {
    /// Parses the address of an entity: `users('1')`, `users/1`, or a URL of one. Casts in it change nothing.
    pub fn parse(schema: &Schema, model: &Model, text: &str) -> Option<EntityAddress> {
        let path = match text.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?.1,
            None => text.strip_prefix('/').unwrap_or(text),
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut segments = segments(path).peekable();
        if segments.peek().is_some_and(|segment| Version::from_segment(segment).is_some()) {
            segments.next();
        }
        let root = model.root(&segments.next()?)?;
        let (mut collection, mut id) = (CollectionAddress::from(root.set), root.target);
        let mut key: Option<Arc<str>> = root.is_singleton.then(|| root.name.as_ref().into());
        for segment in segments {
            if segment.contains('.') && model.resolve(&segment).is_some() {
                continue;
            }
            match key.take() {
                None => {
                    let kind = model.structured(id).key_kind();
                    let canonical = key::canonical(model, kind, Cow::Borrowed(&segment));
                    key = Some(canonical.as_deref().unwrap_or(&segment).into());
                }
                Some(outer) => {
                    let navigation = model.structured(id).navigation(&segment).filter(|navigation| navigation.contains_target)?;
                    collection = collection.within(schema, &outer, navigation.set);
                    id = navigation.target;
                    key = (!navigation.is_collection).then(|| navigation.name.as_ref().into());
                }
            }
        }
        key.map(|key| EntityAddress { collection, key })
    }

    /// Returns the address in the form of context URLs, after the version.
    pub fn text(&self, schema: &Schema) -> String {
        self.collection.address(schema, &self.key)
    }

    /// Returns the length of its texts in bytes.
    pub fn text_bytes(&self) -> usize {
        self.key.len() + self.collection.holder.as_ref().map_or(0, |holder| holder.len())
    }
}
