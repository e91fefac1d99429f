//! Worlds that are built when they are first used.

use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Worlds;

type Build = Box<dyn FnOnce() -> Worlds + Send>;

/// All worlds of a process, or the way to build them: entities of a fixture take memory that a server without requests does not need.
pub struct DeferredWorlds {
    worlds: OnceLock<Worlds>,
    build: Mutex<Option<Build>>,
}

impl DeferredWorlds {
    /// Returns worlds that are built by the first use.
    pub fn new(build: impl FnOnce() -> Worlds + Send + 'static) -> DeferredWorlds {
        DeferredWorlds { worlds: OnceLock::new(), build: Mutex::new(Some(Box::new(build))) }
    }

    /// Builds the worlds, unless they are built.
    pub fn build(&self) {
        let _: &Worlds = self;
    }

    /// Returns the worlds if they are built.
    pub fn built(&self) -> Option<&Worlds> {
        self.worlds.get()
    }
}

impl From<Worlds> for DeferredWorlds {
    fn from(worlds: Worlds) -> DeferredWorlds {
        DeferredWorlds { worlds: OnceLock::from(worlds), build: Mutex::new(None) }
    }
}

impl Deref for DeferredWorlds {
    type Target = Worlds;

    fn deref(&self) -> &Worlds {
        self.worlds.get_or_init(|| {
            let build = self.build.lock().unwrap_or_else(PoisonError::into_inner).take();
            build.expect("only one use builds the worlds")()
        })
    }
}

impl fmt::Debug for DeferredWorlds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeferredWorlds").field(&self.worlds.get()).finish()
    }
}
