//! Tokens of delta queries: the position of a client in a round, opaque to it.
//!
//! A token carries the options of the first request, and is bound to the world and the collection.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::skiptoken::Binding;

/// The first bytes of all tokens of this emulator.
const MARK: [u8; 3] = [0xd7, 0xa1, 0x01];

/// The position of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeltaPosition {
    /// The number of the record of changes.
    pub record: u64,
    /// The number of changes that the client knows, or that were made before the round.
    pub changes: u64,
    /// The number of changes at the beginning of the round.
    pub round: u64,
    /// The number of the last entity of a page, in a round that lists all entities.
    pub listed: Option<u64>,
    /// The options of the first request.
    pub query: String,
}

impl DeltaPosition {
    /// Returns the position after a page of changes up to a number. The last page of a round begins another one.
    pub(crate) fn after(self, changes: u64, has_more: bool) -> DeltaPosition {
        DeltaPosition { changes, round: if has_more { self.round } else { changes }, ..self }
    }
}

/// A token of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeltaToken {
    /// A position.
    Position(DeltaPosition),
    /// A token of this emulator for another world or collection.
    Elsewhere,
    /// A token that this emulator has not made.
    Foreign,
}

/// Encodes a token.
pub(crate) fn write(position: &DeltaPosition, binding: Binding) -> String {
    let mut bytes = MARK.to_vec();
    bytes.extend_from_slice(&position.record.to_be_bytes());
    bytes.extend_from_slice(&position.changes.to_be_bytes());
    bytes.extend_from_slice(&position.round.to_be_bytes());
    bytes.push(u8::from(position.listed.is_some()));
    bytes.extend_from_slice(&position.listed.unwrap_or_default().to_be_bytes());
    bytes.extend_from_slice(position.query.as_bytes());
    let check = binding.check(&bytes);
    bytes.extend_from_slice(&check);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a token.
pub(crate) fn read(text: &str, binding: Binding) -> DeltaToken {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else { return DeltaToken::Foreign };
    if !bytes.starts_with(&MARK) {
        return DeltaToken::Foreign;
    }
    read_own(&bytes, binding).map_or(DeltaToken::Elsewhere, DeltaToken::Position)
}

fn read_own(bytes: &[u8], binding: Binding) -> Option<DeltaPosition> {
    let (payload, check) = bytes.split_last_chunk::<8>()?;
    if binding.check(payload) != *check {
        return None;
    }
    let rest = payload.strip_prefix(&MARK)?;
    let (record, rest) = rest.split_first_chunk::<8>()?;
    let (changes, rest) = rest.split_first_chunk::<8>()?;
    let (round, rest) = rest.split_first_chunk::<8>()?;
    let ([is_listing], rest) = rest.split_first_chunk::<1>()?;
    let (listed, rest) = rest.split_first_chunk::<8>()?;
    Some(DeltaPosition {
        record: u64::from_be_bytes(*record),
        changes: u64::from_be_bytes(*changes),
        round: u64::from_be_bytes(*round),
        listed: (*is_listing == 1).then(|| u64::from_be_bytes(*listed)),
        query: std::str::from_utf8(rest).ok()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_where_it_was_written() {
        let binding = Binding::of(1, &["users"]);
        for listed in [None, Some(7)] {
            let position = DeltaPosition { record: 3, changes: 9, round: 5, listed, query: "$select=id".to_owned() };
            let text = write(&position, binding);
            assert_eq!(read(&text, binding), DeltaToken::Position(position));
            assert_eq!(read(&text, Binding::of(1, &["groups"])), DeltaToken::Elsewhere);
            // Whole bytes of it.
            assert_eq!(read(&text[..text.len() / 4 * 4 - 4], binding), DeltaToken::Elsewhere);
        }
        for foreign in ["", "latest", "aQdvS1VwGCSRxVmZJqykmDik", "%%"] {
            assert_eq!(read(foreign, binding), DeltaToken::Foreign, "{foreign}");
        }
    }
}
