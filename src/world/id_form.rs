//! The forms of ids that the service assigns, written from the world's own ids: the same seed gives the same ids.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::edm::schema::IdForm;
use crate::world::chance::mixed;

/// The alphabet of base32 (RFC 4648, 6).
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The bytes with which ids of items in a mailbox begin, so that their text begins with `AAMk`.
const MAILBOX: [u8; 3] = [0, 3, 36];

/// Returns an id of a form. `now` is the time of creation in milliseconds since 1970.
pub(crate) fn id_of(form: IdForm, id: Uuid, now: u64) -> String {
    match form {
        IdForm::Guid(prefix) => format!("{prefix}{id}"),
        IdForm::Base64 { prefix, bytes } => format!("{prefix}{}", URL_SAFE_NO_PAD.encode(stretched(id, bytes))),
        IdForm::Mailbox { bytes } => {
            let middle = bytes.saturating_sub(2 * MAILBOX.len());
            let bytes = [&MAILBOX[..], &stretched(id, middle), &[0; 3]].concat();
            URL_SAFE.encode(bytes)
        }
        IdForm::Base32 { prefix, characters } => {
            let character = |byte: u8| char::from(BASE32[usize::from(byte % 32)]);
            stretched(id, characters).into_iter().fold(prefix.to_owned(), |mut text, byte| {
                text.push(character(byte));
                text
            })
        }
        IdForm::Hex(before, after) => format!("{before}{}{after}", id.simple()),
        // Without a collection, a number has no other beginning.
        IdForm::Milliseconds | IdForm::Number => now.to_string(),
    }
}

/// Returns a key of the state of an item: 22 bytes in base64, as recorded in pnp/pnpcore.
pub(crate) fn change_key(id: Uuid) -> String {
    STANDARD.encode(stretched(id, 22))
}

/// Returns the id of a conversation (learn.microsoft.com/graph/api/user-post-messages: it begins with `AAQk`).
pub(crate) fn conversation_id(id: Uuid) -> String {
    URL_SAFE.encode([&[0, 4, 36][..], &stretched(id, 43)].concat())
}

/// Returns bytes that follow from an id. Ids that differ give bytes that differ, if there are at least as many.
fn stretched(id: Uuid, length: usize) -> Vec<u8> {
    let (high, low) = id.as_u64_pair();
    let mut bytes = id.as_bytes().to_vec();
    let mut count = 0;
    while bytes.len() < length {
        count += 1;
        bytes.extend_from_slice(&mixed(high ^ mixed(low ^ count)).to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_its_length_and_alphabet() {
        let id = Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
        let of = |form| id_of(form, id, 1_700_000_000_123);
        assert_eq!(of(IdForm::Guid("WFI_")), "WFI_01234567-89ab-4def-8123-456789abcdef");
        assert_eq!(of(IdForm::Hex("19:", "@thread.tacv2")), "19:0123456789ab4def8123456789abcdef@thread.tacv2");
        assert_eq!(of(IdForm::Milliseconds), "1700000000123");
        let item = of(IdForm::Mailbox { bytes: 113 });
        assert!(item.len() == 152 && item.starts_with("AAMk") && item.ends_with("AAA="), "{item}");
        assert_eq!(of(IdForm::Mailbox { bytes: 89 }).len(), 120);
        assert_eq!(of(IdForm::Base64 { prefix: "", bytes: 32 }).len(), 43);
        assert_eq!(of(IdForm::Base64 { prefix: "", bytes: 21 }).len(), 28);
        assert_eq!(of(IdForm::Base64 { prefix: "b!", bytes: 48 }).len(), 66);
        let file = of(IdForm::Base32 { prefix: "01", characters: 32 });
        assert!(file.len() == 34 && file[2..].bytes().all(|byte| BASE32.contains(&byte)), "{file}");
    }

    #[test]
    fn ids_that_differ_stay_different() {
        let forms = [
            IdForm::Base64 { prefix: "", bytes: 21 },
            IdForm::Mailbox { bytes: 89 },
            IdForm::Base32 { prefix: "01", characters: 32 },
            IdForm::Hex("", ""),
        ];
        for form in forms {
            let ids: std::collections::HashSet<String> =
                (0..2_000).map(|number| id_of(form, Uuid::from_u128(mixed(number).into()), 0)).collect();
            assert_eq!(ids.len(), 2_000, "{form:?}");
        }
    }
}
