//! `$skiptoken`: the position after the last entity of a page, opaque to clients.
//!
//! A token holds the sort keys of that entity, not the number of entities before it, so that concurrent creations and deletions
//! neither repeat nor omit an entity. It is bound to the world, the collection and the options that decide the order, and refused
//! elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::filter::decimal::Decimal;
use super::filter::scalar::{Moment, Scalar};

/// A position in a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Position {
    /// The number of the entity before the position, in the order of creation.
    pub number: u64,
    /// The number of entities that may follow, where `$top` limits it.
    pub remaining: Option<u64>,
    /// The sort keys of the entity before the position.
    pub keys: Vec<Scalar<'static>>,
}

/// The hash of the list that a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding(u64);

impl Binding {
    /// Hashes a secret and the texts that identify the list.
    pub(crate) fn of(secret: u64, texts: &[&str]) -> Binding {
        let mut hash = fnv1a(0xcbf2_9ce4_8422_2325, &secret.to_be_bytes());
        for text in texts {
            // The length prefix keeps the boundaries of the texts significant.
            hash = fnv1a(hash, &u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash = fnv1a(hash, text.as_bytes());
        }
        Binding(hash)
    }

    /// Returns a check of a token's payload.
    pub(super) fn check(self, payload: &[u8]) -> [u8; 8] {
        let hash = fnv1a(self.0, payload);
        // The last input bytes of FNV barely spread; the finalizer mixes them in.
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed ^ (mixed >> 32)).to_be_bytes()
    }
}

/// FNV-1a, which detects tokens of other lists. It does not protect against forgery.
fn fnv1a(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Encodes a token.
pub(crate) fn write(position: &Position, binding: Binding) -> String {
    let mut bytes = Vec::with_capacity(32);
    bytes.extend_from_slice(&position.number.to_be_bytes());
    match position.remaining {
        None => bytes.push(0),
        Some(remaining) => {
            bytes.push(1);
            bytes.extend_from_slice(&remaining.to_be_bytes());
        }
    }
    for key in &position.keys {
        write_key(key, &mut bytes);
    }
    let check = binding.check(&bytes);
    bytes.extend_from_slice(&check);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn write_key(key: &Scalar<'_>, out: &mut Vec<u8>) {
    match key {
        Scalar::Null | Scalar::Object => out.push(0),
        Scalar::Boolean(value) => out.extend_from_slice(&[1, u8::from(*value)]),
        Scalar::Float(value) => write_number(2, value.to_bits(), out),
        Scalar::Time(time) => write_number(3, time.ticks.cast_unsigned(), out),
        Scalar::Enum(value) => write_number(4, value.cast_unsigned(), out),
        Scalar::Text(text) => write_bytes(5, text.as_bytes(), out),
        Scalar::Integer(value) => write_number(6, value.cast_unsigned(), out),
        Scalar::Decimal(value) => write_pair(7, value.bits(), out),
        Scalar::Date(value) => write_number(8, value.cast_unsigned(), out),
        Scalar::TimeOfDay(value) => write_number(9, value.cast_unsigned(), out),
        Scalar::Duration(value) => write_number(10, value.cast_unsigned(), out),
        Scalar::Guid(halves) => write_pair(11, *halves, out),
        Scalar::Binary(bytes) => write_bytes(12, bytes, out),
    }
}

fn write_number(kind: u8, number: u64, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&number.to_be_bytes());
}

fn write_pair(kind: u8, [high, low]: [u64; 2], out: &mut Vec<u8>) {
    write_number(kind, high, out);
    out.extend_from_slice(&low.to_be_bytes());
}

fn write_bytes(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Decodes a token with `keys` keys. `None`: the token is malformed or belongs to another list.
pub(crate) fn read(text: &str, binding: Binding, keys: usize) -> Option<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (payload, check) = bytes.split_last_chunk::<8>()?;
    if binding.check(payload) != *check {
        return None;
    }
    let mut rest = payload;
    let number = u64::from_be_bytes(take(&mut rest)?);
    let remaining = match take::<1>(&mut rest)? {
        [0] => None,
        _ => Some(u64::from_be_bytes(take(&mut rest)?)),
    };
    let keys: Option<Vec<Scalar<'static>>> = (0..keys).map(|_| read_key(&mut rest)).collect();
    rest.is_empty().then_some(Position { number, remaining, keys: keys? })
}

fn read_key(rest: &mut &[u8]) -> Option<Scalar<'static>> {
    Some(match take::<1>(rest)? {
        [0] => Scalar::Null,
        [1] => Scalar::Boolean(take::<1>(rest)? != [0]),
        [2] => Scalar::Float(f64::from_bits(take_number(rest)?)),
        [3] => Scalar::Time(Moment::utc(take_number(rest)?.cast_signed())),
        [4] => Scalar::Enum(take_number(rest)?.cast_signed()),
        [5] => Scalar::Text(String::from_utf8(take_bytes(rest)?.to_vec()).ok()?.into()),
        [6] => Scalar::Integer(take_number(rest)?.cast_signed()),
        [7] => Scalar::Decimal(Decimal::from_bits([take_number(rest)?, take_number(rest)?])?),
        [8] => Scalar::Date(take_number(rest)?.cast_signed()),
        [9] => Scalar::TimeOfDay(take_number(rest)?.cast_signed()),
        [10] => Scalar::Duration(take_number(rest)?.cast_signed()),
        [11] => Scalar::Guid([take_number(rest)?, take_number(rest)?]),
        [12] => Scalar::Binary(take_bytes(rest)?.into()),
        _ => return None,
    })
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_be_bytes)
}

fn take_bytes<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(u32::from_be_bytes(take(rest)?)).ok()?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_belongs_to_one_list() {
        let binding = Binding::of(1, &["things", "a eq 1", ""]);
        let keys = vec![
            Scalar::Null,
            Scalar::Boolean(true),
            Scalar::Float(-1.5),
            Scalar::Time(Moment::utc(-7)),
            Scalar::Enum(3),
            Scalar::Text("é".into()),
            Scalar::Integer(i64::MAX),
            Scalar::Decimal(Decimal::parse("-0.1").unwrap()),
            Scalar::Date(1),
            Scalar::TimeOfDay(2),
            Scalar::Duration(-3),
            Scalar::Guid([1, u64::MAX]),
            Scalar::Binary([0, 255].as_slice().into()),
        ];
        let position = Position { number: 7, remaining: Some(3), keys };
        let token = write(&position, binding);
        assert_eq!(read(&token, binding, 13), Some(position));
        assert_eq!(read(&token, binding, 12), None);
        for other in [
            Binding::of(2, &["things", "a eq 1", ""]),
            Binding::of(1, &["thing", "sa eq 1", ""]),
            Binding::of(1, &["things", "", "a eq 1"]),
        ] {
            assert_eq!(read(&token, other, 13), None);
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60), keys in 0_usize..4) {
            let binding = Binding::of(1, &[]);
            prop_assert_eq!(read(&URL_SAFE_NO_PAD.encode(&bytes), binding, keys), None);
            // With a valid check the payload is parsed.
            let checked = [&bytes[..], &binding.check(&bytes)].concat();
            let _ = read(&URL_SAFE_NO_PAD.encode(checked), binding, keys);
            let _ = read(&String::from_utf8_lossy(&bytes), binding, keys);
        }
    }
}
