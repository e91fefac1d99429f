//! Ids and random numbers of a world: a seed, and a counter for each stream. Keys are another matter: they come from the system, unless
//! the seed was chosen so that a run can be repeated byte for byte.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use uuid::{Builder, Uuid};

use crate::text::json::EXACT_LIMIT;
use crate::world::chance::mixed;

/// Returns a seed that differs from run to run. The standard library's hash keys come from the randomness of the system.
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(SystemTime::now()) & SEED_LIMIT
}

/// The largest seed.
pub(crate) const SEED_LIMIT: u64 = EXACT_LIMIT;

/// Returns the seed of a named world, which depends only on its name and the seed of the process. It is one that a world can be created with.
pub(crate) fn world_seed(name: &str, seed: u64) -> u64 {
    name.bytes().fold(mixed(seed), |seed, byte| mixed(seed ^ u64::from(byte))) & SEED_LIMIT
}

/// A source of ids and random numbers.
#[derive(Debug)]
pub(crate) struct IdSource {
    seed: u64,
    has_secrets: bool,
    entities: Counter,
    requests: Counter,
    chances: Counter,
    transactions: Counter,
    tags: Counter,
    keys: Counter,
    tokens: Counter,
    uploads: Counter,
    forks: Counter,
    /// The key of addresses that need no token.
    address_key: [u8; 32],
}

/// A counter on a cache line of its own, apart from data that all cores only read.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

impl Counter {
    fn fork(&self) -> Counter {
        Counter(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

/// Streams of ids. Each has its own counter, so that one kind of request does not shift the ids of another.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Stream {
    Entity = 1,
    Request = 2,
    Chance = 3,
    Transaction = 4,
    Token = 5,
    // The others take a number of four each time, and never come so far.
    Tag = 1 << 63,
}

impl IdSource {
    /// Returns a source whose ids follow from the seed; with `has_secrets` its keys do not.
    pub(crate) fn new(seed: u64, has_secrets: bool) -> IdSource {
        let mut address_key = derived(&seed.to_be_bytes(), b"key of addresses", 0);
        if has_secrets {
            fill(&mut address_key);
        }
        IdSource {
            seed,
            has_secrets,
            entities: Counter::default(),
            requests: Counter::default(),
            chances: Counter::default(),
            transactions: Counter::default(),
            tags: Counter::default(),
            keys: Counter::default(),
            tokens: Counter::default(),
            uploads: Counter::default(),
            forks: Counter::default(),
            address_key,
        }
    }

    /// Returns an independent source that continues from the same state, with a key of addresses of its own.
    pub(crate) fn fork(&self) -> IdSource {
        let count = self.forks.0.fetch_add(1, Ordering::Relaxed);
        IdSource {
            seed: self.seed,
            has_secrets: self.has_secrets,
            entities: self.entities.fork(),
            requests: self.requests.fork(),
            chances: self.chances.fork(),
            transactions: self.transactions.fork(),
            tags: self.tags.fork(),
            keys: self.keys.fork(),
            tokens: self.tokens.fork(),
            uploads: self.uploads.fork(),
            forks: Counter::default(),
            address_key: derived(&self.address_key, b"key of addresses of a fork", count),
        }
    }

    /// Returns whether all streams but those of requests and tokens are at their beginning.
    pub(crate) fn are_unused(&self) -> bool {
        [&self.entities, &self.chances, &self.transactions, &self.tags, &self.keys, &self.uploads]
            .iter()
            .all(|counter| counter.0.load(Ordering::Relaxed) == 0)
    }

    pub(crate) fn next_entity_id(&self) -> Uuid {
        self.next_uuid(Stream::Entity)
    }

    pub(crate) fn next_request_id(&self) -> Uuid {
        self.next_uuid(Stream::Request)
    }

    pub(crate) fn next_transaction_id(&self) -> Uuid {
        self.next_uuid(Stream::Transaction)
    }

    pub(crate) fn next_token_id(&self) -> Uuid {
        self.next_uuid(Stream::Token)
    }

    pub(crate) fn next_tag_id(&self) -> Uuid {
        self.next_uuid(Stream::Tag)
    }

    /// Returns a number below the bound.
    pub(crate) fn next_chance(&self, bound: usize) -> usize {
        let number = self.next_uuid(Stream::Chance).as_u128();
        // The lower half contains the version bits of the id; the quotient of so many others is close to uniform.
        let high = (number >> 80) * bound as u128;
        usize::try_from(high >> 48).unwrap_or_default()
    }

    /// Returns the data key (32 bytes) and the initialization vector (16 bytes) of the next encrypted message: random bytes of the system,
    /// or bytes derived from the seed, each part under a label of its own. The vector, which is sent in the clear, says nothing about the
    /// key, but the seed says all.
    pub(crate) fn next_message_bytes(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        if self.has_secrets {
            fill(&mut bytes);
            return bytes;
        }
        let count = self.keys.0.fetch_add(1, Ordering::Relaxed);
        let seed = self.seed.to_be_bytes();
        bytes[..32].copy_from_slice(&derived(&seed, b"data key of a message", count));
        bytes[32..].copy_from_slice(&derived(&seed, b"initialization vector of a message", count)[..16]);
        bytes
    }

    /// Returns the key that signs addresses that need no token, of this source and none of its forks: no id says anything about it, unless
    /// the seed was chosen.
    pub(crate) fn address_key(&self) -> &[u8; 32] {
        &self.address_key
    }

    /// Returns the id of the next upload session, which grants access to it: it follows from the key of addresses.
    pub(crate) fn next_upload_id(&self) -> u128 {
        let count = self.uploads.0.fetch_add(1, Ordering::Relaxed);
        let bytes = derived(&self.address_key, b"id of an upload session", count);
        bytes[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    /// Returns a number that identifies the seed. The seed can be computed from it, as from any id.
    pub(crate) fn fingerprint(&self) -> u64 {
        mixed(self.seed ^ u64::from_be_bytes(*b"skiptokn"))
    }

    fn next_uuid(&self, stream: Stream) -> Uuid {
        Builder::from_random_bytes(self.next_bits(stream)).into_uuid()
    }

    fn next_bits(&self, stream: Stream) -> [u8; 16] {
        let counter = match stream {
            Stream::Entity => &self.entities,
            Stream::Request => &self.requests,
            Stream::Chance => &self.chances,
            Stream::Transaction => &self.transactions,
            Stream::Token => &self.tokens,
            Stream::Tag => &self.tags,
        };
        let count = counter.0.fetch_add(1, Ordering::Relaxed);
        // Four streams alternate; that of tokens is as far away as possible.
        let number = match stream {
            Stream::Token => u64::MAX / 2 - count,
            _ => count.wrapping_mul(4).wrapping_add(stream as u64),
        };
        let high = mixed(self.seed ^ mixed(number));
        let low = mixed(high ^ self.seed.rotate_left(32));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..].copy_from_slice(&low.to_be_bytes());
        bytes
    }
}

/// Derives bytes from a key, by HMAC-SHA-256. No other bytes that are derived from it say anything about them.
fn derived(key: &[u8], label: &[u8], count: u64) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(label);
    context.update(&count.to_be_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref());
    bytes
}

fn fill(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("the system has random bytes; nothing is sent with a weaker key");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inverse of `mixed`.
    fn unmixed(number: u64) -> u64 {
        let unshifted = |z: u64, by: u32| {
            let mut before = z;
            for _ in 0..64 / by {
                before = z ^ (before >> by);
            }
            before
        };
        let z = unshifted(number, 31).wrapping_mul(0x3196_42b2_d24d_8ec3);
        let z = unshifted(z, 27).wrapping_mul(0x96de_1b17_3f11_9089);
        unshifted(z, 30).wrapping_sub(0x9e37_79b9_7f4a_7c15)
    }

    /// The seed of a source whose ids come from SplitMix64, computed from any one of its blocks.
    fn seed_behind(block: &[u8]) -> u64 {
        let half = |at: usize| u64::from_be_bytes(block[at..at + 8].try_into().unwrap());
        (unmixed(half(8)) ^ half(0)).rotate_right(32)
    }

    #[test]
    fn the_seed_of_a_world_is_one_that_it_can_be_created_with() {
        let seeds: Vec<u64> = (0..1000).map(|number| world_seed(&format!("world-{number}"), 1)).collect();
        assert!(seeds.iter().all(|seed| *seed <= SEED_LIMIT));
        let distinct: std::collections::BTreeSet<&u64> = seeds.iter().collect();
        assert_eq!(distinct.len(), seeds.len());
        assert!(seeds.iter().any(|seed| *seed > SEED_LIMIT / 2), "the whole range is used");
    }

    #[test]
    fn the_data_key_does_not_follow_from_the_initialization_vector() {
        for number in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(unmixed(mixed(number)), number);
        }
        let source = IdSource::new(0xfeed_5eed, false);
        assert_eq!(seed_behind(source.next_bits(Stream::Chance).as_slice()), 0xfeed_5eed, "the attack works on ids");
        for _ in 0..4 {
            let bytes = source.next_message_bytes();
            let guessed = IdSource::new(seed_behind(&bytes[32..]), false);
            assert_ne!(guessed.seed, 0xfeed_5eed);
            for _ in 0..100 {
                assert_ne!(guessed.next_bits(Stream::Transaction), bytes[..16]);
                assert_ne!(guessed.next_message_bytes()[..32], bytes[..32]);
            }
        }
    }

    #[test]
    fn keys_follow_from_a_chosen_seed_only() {
        let keys = |has_secrets| {
            let source = IdSource::new(7, has_secrets);
            [source.next_message_bytes(), source.next_message_bytes(), source.fork().next_message_bytes()]
        };
        let chosen = keys(false);
        assert_eq!(chosen, keys(false));
        assert!(chosen[0] != chosen[1] && chosen[1] != chosen[2]);
        assert_ne!(chosen[0][..16], chosen[0][32..], "each part has a label of its own");
        // Of a seed that was drawn, ids and the control API say what it is.
        let drawn = [keys(true), keys(true)].concat();
        for (index, bytes) in drawn.iter().enumerate() {
            assert!(!drawn[..index].contains(bytes) && !chosen.contains(bytes) && *bytes != [0; 48]);
        }
    }

    #[test]
    fn addresses_have_a_key_that_no_id_and_no_fork_has() {
        let addresses = |source: &IdSource| (*source.address_key(), source.next_upload_id());
        let all = |has_secrets| {
            let source = IdSource::new(7, has_secrets);
            let (fork, other) = (source.fork(), source.fork());
            [addresses(&source), addresses(&fork), addresses(&fork.fork()), addresses(&other)]
        };
        assert_eq!(all(false), all(false), "a run with a chosen seed can be repeated");
        let found = [all(false), all(true), all(true)].concat();
        for (index, (key, id)) in found.iter().enumerate() {
            assert!(found[..index].iter().all(|(other_key, other_id)| other_key != key && other_id != id), "{index}");
        }
        // An id says the seed, but not the key.
        let source = IdSource::new(7, true);
        let guessed = IdSource::new(seed_behind(source.next_entity_id().as_bytes()), false);
        assert_ne!(addresses(&guessed), addresses(&source));
        assert!(!source.are_unused());
        let source = IdSource::new(7, true);
        source.next_upload_id();
        assert!(!source.are_unused(), "a session is a change");
    }
}
