//! Ids and random numbers of a world: a seed, and a counter for each stream.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use uuid::{Builder, Uuid};

use crate::world::chance::mixed;

/// Returns a seed that differs from run to run. The standard library's hash keys come from the randomness of the system.
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(SystemTime::now())
}

/// Returns the seed of a named world, which depends only on its name and the seed of the process.
pub(crate) fn world_seed(name: &str, seed: u64) -> u64 {
    name.bytes().fold(mixed(seed), |seed, byte| mixed(seed ^ u64::from(byte)))
}

/// A source of ids and random numbers.
#[derive(Debug)]
pub(crate) struct IdSource {
    seed: u64,
    entities: Counter,
    requests: Counter,
    chances: Counter,
    messages: Counter,
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
enum Stream {
    Entity = 1,
    Request = 2,
    Chance = 3,
    Message = 4,
}

impl IdSource {
    pub(crate) fn new(seed: u64) -> IdSource {
        IdSource {
            seed,
            entities: Counter::default(),
            requests: Counter::default(),
            chances: Counter::default(),
            messages: Counter::default(),
        }
    }

    /// Returns an independent source that continues from the same state.
    pub(crate) fn fork(&self) -> IdSource {
        IdSource {
            seed: self.seed,
            entities: self.entities.fork(),
            requests: self.requests.fork(),
            chances: self.chances.fork(),
            messages: self.messages.fork(),
        }
    }

    pub(crate) fn next_entity_id(&self) -> Uuid {
        self.next_uuid(Stream::Entity)
    }

    pub(crate) fn next_request_id(&self) -> Uuid {
        self.next_uuid(Stream::Request)
    }

    pub(crate) fn next_transaction_id(&self) -> Uuid {
        self.next_uuid(Stream::Message)
    }

    /// Returns a number below the bound.
    pub(crate) fn next_chance(&self, bound: usize) -> usize {
        let number = self.next_uuid(Stream::Chance).as_u128();
        // The lower half contains the version bits of the id; the quotient of so many others is close to uniform.
        let high = (number >> 80) * bound as u128;
        usize::try_from(high >> 48).unwrap_or_default()
    }

    /// Returns the next bytes for the key of an encrypted message.
    pub(crate) fn next_message_bytes(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        for part in bytes.chunks_exact_mut(16) {
            part.copy_from_slice(&self.next_bits(Stream::Message));
        }
        bytes
    }

    /// Returns a number that identifies the seed without revealing it.
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
            Stream::Message => &self.messages,
        };
        let count = counter.0.fetch_add(1, Ordering::Relaxed);
        let high = mixed(self.seed ^ mixed(count.wrapping_mul(4).wrapping_add(stream as u64)));
        let low = mixed(high ^ self.seed.rotate_left(32));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..].copy_from_slice(&low.to_be_bytes());
        bytes
    }
}
