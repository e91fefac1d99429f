//! Members of files that follow from their content.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::edm::media::Media;
use crate::text::json::quoted;

/// Returns the size and the facet of a file, as JSON members.
pub(super) fn members(media: &Media) -> String {
    let hash = STANDARD.encode(quick_xor_hash(media.bytes()));
    let mime_type = media.content_type().split(';').next().unwrap_or_default().trim();
    format!(r#""size":{},"file":{{"mimeType":{},"hashes":{{"quickXorHash":"{hash}"}}}}"#, media.bytes().len(), quoted(mime_type))
}

/// Returns the hash that drives for business have (learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash): the bytes, each
/// shifted by 11 bits more than the one before in a ring of 160 bits, and the length in the last eight bytes.
fn quick_xor_hash(bytes: &[u8]) -> [u8; 20] {
    // Bytes at a distance of 160 are shifted by the same number of bits, so they are combined first, many at a time.
    let mut combined = [0_u8; 160];
    for block in bytes.chunks(combined.len()) {
        for (sum, byte) in combined.iter_mut().zip(block) {
            *sum ^= byte;
        }
    }
    let mut hash = [0_u8; 20];
    let mut bit = 0;
    for byte in &combined {
        let (index, shift) = (bit / 8, bit % 8);
        hash[index] ^= byte << shift;
        if shift > 0 {
            hash[(index + 1) % 20] ^= byte >> (8 - shift);
        }
        bit = (bit + 11) % 160;
    }
    for (place, byte) in hash[12..].iter_mut().zip(u64::try_from(bytes.len()).unwrap_or_default().to_le_bytes()) {
        *place ^= byte;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_service() {
        // Published test vectors of rclone/rclone (backend/onedrive/quickxorhash).
        let hash = |text: &str| STANDARD.encode(quick_xor_hash(&STANDARD.decode(text).unwrap()));
        assert_eq!(hash(""), "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert_eq!(hash("Sg=="), "SgAAAAAAAAAAAAAAAQAAAAAAAAA=");
    }

    #[test]
    fn long_content_has_the_hash_of_its_bits_in_the_ring() {
        // As the page describes it: each bit at its place in the ring.
        let slow = |bytes: &[u8]| {
            let mut hash = [0_u8; 20];
            for (index, byte) in bytes.iter().enumerate() {
                for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
                    let place = (index * 11 + bit) % 160;
                    hash[place / 8] ^= 1 << (place % 8);
                }
            }
            for (place, byte) in hash[12..].iter_mut().zip((bytes.len() as u64).to_le_bytes()) {
                *place ^= byte;
            }
            hash
        };
        let content: Vec<u8> = (0..1_000_u32).map(|index| (index * index / 7 + index * 31).to_le_bytes()[0]).collect();
        for length in [2, 19, 20, 21, 159, 160, 161, 320, 999, 1_000] {
            assert_eq!(quick_xor_hash(&content[..length]), slow(&content[..length]), "{length}");
        }
    }
}
