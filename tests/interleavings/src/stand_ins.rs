//! Replacements in the checked copies of the emulator's sources for the standard library and two crates: a thread gives way to another one
//! before each use of a lock or an atomic.

/// A place at which another thread may run.
fn point() {
    sync::atomic::AtomicBool::new(false).load(sync::atomic::Ordering::SeqCst);
}

pub(crate) mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
    // Files are read ahead by threads of the system, which no check starts.
    pub(crate) use std::sync::mpsc;
    pub(crate) use std::sync::{Arc, PoisonError, Weak};

    pub(crate) mod atomic {
        pub(crate) use shuttle::sync::atomic::*;

        /// A fence. All that the checker runs is in one order, but another thread may run before it.
        pub(crate) fn fence(_: Ordering) {
            super::super::point();
        }
    }

    /// A cell that is written once. One that waits for the writer gives way to it.
    #[derive(Debug)]
    pub(crate) struct OnceLock<T> {
        cell: std::sync::OnceLock<T>,
        writer: Mutex<()>,
    }

    impl<T> OnceLock<T> {
        pub(crate) const fn new() -> OnceLock<T> {
            OnceLock { cell: std::sync::OnceLock::new(), writer: Mutex::new(()) }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            super::point();
            self.cell.get()
        }

        pub(crate) fn get_or_init(&self, create: impl FnOnce() -> T) -> &T {
            super::point();
            if self.cell.get().is_none() {
                let _writer = self.writer.lock();
                if self.cell.get().is_none() {
                    let created = create();
                    return self.cell.get_or_init(|| created);
                }
            }
            self.cell.get().expect("it was written")
        }
    }

    impl<T> Default for OnceLock<T> {
        fn default() -> OnceLock<T> {
            OnceLock::new()
        }
    }

    impl<T> From<T> for OnceLock<T> {
        fn from(value: T) -> OnceLock<T> {
            OnceLock { cell: value.into(), writer: Mutex::new(()) }
        }
    }
}

pub(crate) mod time {
    use std::sync::atomic::{AtomicU64, Ordering};

    pub(crate) use std::time::Duration;

    static NOW: AtomicU64 = AtomicU64::new(0);

    /// A time that passes by a millisecond each time it is asked for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) struct Instant(u64);

    impl Instant {
        pub(crate) fn now() -> Instant {
            Instant(NOW.fetch_add(1, Ordering::Relaxed))
        }

        pub(crate) fn duration_since(self, earlier: Instant) -> Duration {
            Duration::from_millis(self.0.saturating_sub(earlier.0))
        }

        pub(crate) fn saturating_duration_since(self, earlier: Instant) -> Duration {
            self.duration_since(earlier)
        }

        pub(crate) fn elapsed(self) -> Duration {
            Instant::now().duration_since(self)
        }
    }
}

/// The crate itself, whose operations are atomic, with other threads in between.
pub(crate) mod arc_swap {
    use std::sync::Arc;

    pub(crate) use arc_swap::Guard;

    #[derive(Debug)]
    pub(crate) struct ArcSwap<T>(::arc_swap::ArcSwap<T>);

    impl<T> ArcSwap<T> {
        pub(crate) fn new(value: Arc<T>) -> ArcSwap<T> {
            ArcSwap(::arc_swap::ArcSwap::new(value))
        }

        pub(crate) fn load(&self) -> Guard<Arc<T>> {
            super::point();
            self.0.load()
        }

        pub(crate) fn load_full(&self) -> Arc<T> {
            super::point();
            self.0.load_full()
        }

        pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
            super::point();
            self.0.swap(value)
        }
    }

    #[derive(Debug)]
    pub(crate) struct ArcSwapOption<T>(::arc_swap::ArcSwapOption<T>);

    impl<T> ArcSwapOption<T> {
        pub(crate) fn empty() -> ArcSwapOption<T> {
            ArcSwapOption(::arc_swap::ArcSwapOption::empty())
        }

        pub(crate) fn load_full(&self) -> Option<Arc<T>> {
            super::point();
            self.0.load_full()
        }

        pub(crate) fn store(&self, value: Option<Arc<T>>) {
            super::point();
            // The end of what was there may give way to others.
            drop(self.0.swap(value));
        }
    }
}

/// A map with the promises of the crate: shards, each under a lock for readers and writers, which a reference into it or an entry holds.
pub(crate) mod dashmap {
    use std::borrow::Borrow;
    use std::collections::HashMap;
    use std::fmt;
    use std::hash::{BuildHasher, Hash};
    use std::ops::{Deref, DerefMut};
    use std::rc::Rc;

    use shuttle::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

    use mapref::entry::{Entry, OccupiedEntry, VacantEntry};

    type Shard<K, V> = HashMap<K, V>;

    pub(crate) struct DashMap<K, V, S> {
        shards: Box<[RwLock<Shard<K, V>>]>,
        hasher: S,
    }

    impl<K, V, S> fmt::Debug for DashMap<K, V, S> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("DashMap")
        }
    }

    impl<K: Clone + Eq + Hash, V, S: BuildHasher + Default> Default for DashMap<K, V, S> {
        fn default() -> DashMap<K, V, S> {
            DashMap::with_hasher_and_shard_amount(S::default(), 4)
        }
    }

    impl<K: Clone + Eq + Hash, V, S: BuildHasher> DashMap<K, V, S> {
        pub(crate) fn with_hasher_and_shard_amount(hasher: S, shards: usize) -> DashMap<K, V, S> {
            DashMap { shards: (0..shards).map(|_| RwLock::default()).collect(), hasher }
        }

        fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &RwLock<Shard<K, V>> {
            let shards = u64::try_from(self.shards.len()).expect("it is small");
            &self.shards[usize::try_from(self.hasher.hash_one(key) % shards).expect("it is small")]
        }

        pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Ref<'_, K, V>>
        where
            K: Borrow<Q>,
        {
            let shard = self.shard(key).read().expect("no thread panics with it");
            let key = shard.get_key_value(key)?.0.clone();
            Some(Ref { shard: Rc::new(shard), key })
        }

        pub(crate) fn get_mut<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<RefMut<'_, K, V>>
        where
            K: Borrow<Q>,
        {
            let shard = self.shard(key).write().expect("no thread panics with it");
            let key = shard.get_key_value(key)?.0.clone();
            Some(RefMut { shard, key })
        }

        pub(crate) fn entry(&self, key: K) -> Entry<'_, K, V> {
            let shard = self.shard(&key).write().expect("no thread panics with it");
            let is_there = shard.contains_key(&key);
            let place = RefMut { shard, key };
            if is_there { Entry::Occupied(OccupiedEntry(place)) } else { Entry::Vacant(VacantEntry(place)) }
        }

        pub(crate) fn remove_if<Q: Eq + Hash + ?Sized>(&self, key: &Q, check: impl FnOnce(&K, &V) -> bool) -> Option<(K, V)>
        where
            K: Borrow<Q>,
        {
            let mut shard = self.shard(key).write().expect("no thread panics with it");
            let (found, value) = shard.get_key_value(key)?;
            if check(found, value) { shard.remove_entry(key) } else { None }
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.shards.iter().all(|shard| shard.read().expect("no thread panics with it").is_empty())
        }

        pub(crate) fn iter(&self) -> impl Iterator<Item = Ref<'_, K, V>> {
            self.shards.iter().flat_map(|shard| {
                let shard = Rc::new(shard.read().expect("no thread panics with it"));
                let keys: Vec<K> = shard.keys().cloned().collect();
                keys.into_iter().map(move |key| Ref { shard: shard.clone(), key })
            })
        }
    }

    pub(crate) struct Ref<'m, K, V> {
        shard: Rc<RwLockReadGuard<'m, Shard<K, V>>>,
        key: K,
    }

    impl<K: Eq + Hash, V> Deref for Ref<'_, K, V> {
        type Target = V;

        fn deref(&self) -> &V {
            &self.shard[&self.key]
        }
    }

    pub(crate) struct RefMut<'m, K, V> {
        shard: RwLockWriteGuard<'m, Shard<K, V>>,
        key: K,
    }

    impl<K: Eq + Hash, V> Deref for RefMut<'_, K, V> {
        type Target = V;

        fn deref(&self) -> &V {
            &self.shard[&self.key]
        }
    }

    impl<K: Eq + Hash, V> DerefMut for RefMut<'_, K, V> {
        fn deref_mut(&mut self) -> &mut V {
            self.shard.get_mut(&self.key).expect("it is there as long as it is referred to")
        }
    }

    pub(crate) mod mapref {
        pub(crate) mod one {
            pub(crate) use super::super::Ref;
        }

        pub(crate) mod entry {
            use std::hash::Hash;

            use super::super::RefMut;

            pub(crate) enum Entry<'m, K, V> {
                Occupied(OccupiedEntry<'m, K, V>),
                Vacant(VacantEntry<'m, K, V>),
            }

            pub(crate) struct OccupiedEntry<'m, K, V>(pub(in super::super) RefMut<'m, K, V>);

            pub(crate) struct VacantEntry<'m, K, V>(pub(in super::super) RefMut<'m, K, V>);

            impl<'m, K: Clone + Eq + Hash, V> Entry<'m, K, V> {
                pub(crate) fn insert(self, value: V) -> RefMut<'m, K, V> {
                    match self {
                        Entry::Occupied(OccupiedEntry(place)) | Entry::Vacant(VacantEntry(place)) => {
                            VacantEntry(place).insert(value)
                        }
                    }
                }
            }

            impl<K: Eq + Hash, V> OccupiedEntry<'_, K, V> {
                pub(crate) fn get(&self) -> &V {
                    &self.0
                }

                pub(crate) fn get_mut(&mut self) -> &mut V {
                    &mut self.0
                }
            }

            impl<'m, K: Clone + Eq + Hash, V> VacantEntry<'m, K, V> {
                pub(crate) fn insert(mut self, value: V) -> RefMut<'m, K, V> {
                    self.0.shard.insert(self.0.key.clone(), value);
                    self.0
                }
            }
        }
    }
}
