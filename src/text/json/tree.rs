//! Builds the tree of a JSON text.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Json, MEMBERS, number, plain};
use crate::text::bom;

/// Parses a JSON text. A byte order mark in front is skipped, as .NET's readers do.
///
/// The parser rejects more than 128 levels of nesting, so code that walks the tree needs no limit of its own.
pub(crate) fn parse(text: &[u8]) -> Result<Json<'_>, serde_json::Error> {
    parse_limited(text, usize::MAX)
}

/// Parses a JSON text; fails if it has more values than the limit.
pub(crate) fn parse_limited(text: &[u8], limit: usize) -> Result<Json<'_>, serde_json::Error> {
    let text = bom::strip_bytes(text);
    let counts = Counts::up_to(limit);
    let mut json = match std::str::from_utf8(text) {
        // Nearly all texts. Checked as a whole, they cost less than string by string.
        Ok(text) => match plain::parse(text, limit) {
            Some(json) => return Ok(json),
            None => build(&mut serde_json::Deserializer::from_str(text), &counts)?,
        },
        Err(_) => build(&mut serde_json::Deserializer::from_slice(text), &counts)?,
    };
    // Few texts have numbers with a fraction.
    if counts.floats.get() > 0 {
        number::keep_digits(text, &mut json, counts.floats.get());
    }
    Ok(json)
}

pub(super) fn build<'de, R: serde_json::de::Read<'de>>(
    deserializer: &mut serde_json::Deserializer<R>,
    counts: &Counts,
) -> Result<Json<'de>, serde_json::Error> {
    let json = TreeBuilder(counts).deserialize(&mut *deserializer)?;
    deserializer.end()?;
    Ok(json)
}

/// The numbers of values of a text.
pub(super) struct Counts {
    /// Those that are allowed further.
    remaining: Cell<usize>,
    /// Those that are numbers other than integers.
    floats: Cell<usize>,
}

impl Counts {
    pub(super) fn up_to(limit: usize) -> Counts {
        Counts { remaining: Cell::new(limit), floats: Cell::new(0) }
    }
}

/// Builds the tree.
#[derive(Clone, Copy)]
struct TreeBuilder<'l>(&'l Counts);

impl<'de> DeserializeSeed<'de> for TreeBuilder<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        match self.0.remaining.get().checked_sub(1) {
            Some(remaining) => self.0.remaining.set(remaining),
            None => return Err(D::Error::custom("too many values")),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TreeBuilder<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(serde_json::Number::from(value).into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(serde_json::Number::from(value).into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json<'de>, E> {
        self.0.floats.set(self.0.floats.get() + 1);
        let number = serde_json::Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Json::Number(number.into()))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = access.next_key_seed(NameSeed)? {
            if members.len() == MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            members.push((name, access.next_value_seed(self)?));
        }
        Ok(Json::Object(members))
    }
}

/// Reads the name of a member; borrows it if it has no escapes, unlike serde's own `Cow`.
pub(super) struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}
