//! The state file: one process at a time owns it, and saves the entities of the default world to it.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use super::private_file;
use crate::edge::file_lock::{self, FileLock};
use crate::edge::private_file::remove_leftovers;
use crate::edge::service::Service;
use crate::policy::behavior::Secret;
use crate::text::plural::counted;
use crate::world::{World, fixture};

/// A state file that no other process saves to.
pub(super) struct StateFile {
    path: PathBuf,
    /// Digest of the state at the last save, or at the start.
    known: Option<u64>,
    /// The world whose state that is.
    world: Weak<World>,
    is_saved: bool,
    _lock: FileLock,
}

impl StateFile {
    /// Locks the file, and checks that it can be saved to: at the end it would be too late to refuse.
    ///
    /// # Errors
    ///
    /// Fails with a message for people.
    pub(super) fn open(path: &Path) -> Result<StateFile, String> {
        let name = path.display();
        let target = private_file::target(path)?;
        let lock = file_lock::take(&target).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => {
                let lock = file_lock::path_of(&target);
                format!("{name}: in use by another process that saves to it (lock: {})", lock.display())
            }
            _ => format!("{name}: cannot be locked: {error}"),
        })?;
        if lock.is_exclusive() {
            remove_leftovers(&target);
        }
        private_file::check_writable(path)?;
        Ok(StateFile { path: path.to_owned(), known: None, world: Weak::new(), is_saved: false, _lock: lock })
    }

    /// Takes the state of now as known: [`StateFile::save_changes`] saves later ones.
    pub(super) fn begin(&mut self, service: &Service) {
        let state = self.read(service);
        self.known = Some(state.digest());
    }

    /// Whether there was no change since the state was last read. The state is not read for that.
    fn is_current(&self, service: &Service) -> bool {
        let world = service.worlds.default_world();
        self.known.is_some() && std::ptr::eq(self.world.as_ptr(), Arc::as_ptr(&world)) && !world.store.is_unsaved()
    }

    /// Returns the state, which is read from now on.
    fn read(&mut self, service: &Service) -> State {
        let state = State::of(service);
        state.world.store.begin_saving();
        self.world = Arc::downgrade(&state.world);
        state
    }

    /// Saves the state if it has changed since the last time, or since the start.
    pub(super) fn save_changes(&mut self, service: &Service) -> Result<(), String> {
        if self.is_current(service) {
            return Ok(());
        }
        let state = self.read(service);
        if self.known == Some(state.digest()) { Ok(()) } else { self.write(&state) }
    }

    /// Saves the state unless this run has saved the same.
    pub(super) fn save(&mut self, service: &Service) -> Result<(), String> {
        if self.is_saved {
            return self.save_changes(service);
        }
        let state = self.read(service);
        self.write(&state)
    }

    /// Saves the state for the last time; on failure to the folder for temporary files, which the message names.
    pub(super) fn finish(&mut self, service: &Service) -> Result<(), String> {
        let Err(problem) = self.save(service) else { return Ok(()) };
        match private_file::write_copy("wfi-emulator-state", &mut |file| State::of(service).write(file)) {
            Ok(copy) => Err(format!("{problem}\nstate saved to {} instead", copy.display())),
            Err(error) => Err(format!("{problem}\nstate lost: {error}")),
        }
    }

    fn write(&mut self, state: &State) -> Result<(), String> {
        let mut digest = Digest::default();
        let written = private_file::write_by(&self.path, &mut |file| {
            digest = Digest::default();
            state.write(&mut Digested { file, digest: &mut digest })
        });
        if let Err(error) = written {
            // Another attempt writes it, also if nothing has changed since.
            self.known = None;
            return Err(format!("{}: {error}", self.path.display()));
        }
        (self.known, self.is_saved) = (Some(digest.finish()), true);
        let count = counted(state.world.store.entities().len(), "entity", "entities");
        tracing::info!("state saved: {count} of the default world to {}", self.path.display());
        Ok(())
    }
}

/// The entities of the default world, secrets included: the next run goes on with them. Their text is never in memory as a whole.
struct State {
    world: Arc<World>,
}

impl State {
    fn of(service: &Service) -> State {
        State { world: service.worlds.default_world() }
    }

    fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        fixture::write_to(&self.world.schema, &self.world.store, Secret::Echo, file)
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        // Nothing is written that could fail.
        let _ = self.write(&mut Digested { file: &mut io::sink(), digest: &mut digest });
        digest.finish()
    }
}

type Digest = DefaultHasher;

/// A file, and the digest of what is written to it.
struct Digested<'d> {
    file: &'d mut dyn Write,
    digest: &'d mut Digest,
}

impl Write for Digested<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.digest.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::test_folder::TestFolder;
    use crate::edm::address::CollectionAddress;
    use crate::workloads;

    /// Removes an entity of the default world; `false` if the collection is empty.
    fn remove_one(service: &Service) -> bool {
        let world = service.worlds.default_world();
        let address = CollectionAddress::from(world.schema.set_named("workforceIntegrations").unwrap());
        let Some(entity) = world.store.list(&address).into_iter().next() else { return false };
        world.store.to_change(&address, 0).unwrap().remove(&entity.key).is_some()
    }

    #[test]
    fn a_state_that_has_not_changed_is_not_read_again() {
        let mut settings = workloads::settings();
        settings.entities = fixture::shipped(&settings.schema, &settings.behaviors).unwrap();
        let service = Service::of(settings);
        let folder = TestFolder::new("state-unchanged");
        let path = folder.0.join("state.json");
        let mut state = StateFile::open(&path).unwrap();
        assert!(!state.is_current(&service), "nothing was read yet");
        state.save(&service).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(state.is_current(&service));
        state.save(&service).unwrap();
        // A change, also behind one that was saved, and another world.
        for _ in 0..2 {
            assert!(remove_one(&service));
            assert!(!state.is_current(&service));
            state.save(&service).unwrap();
            assert!(state.is_current(&service));
        }
        assert!(std::fs::read_to_string(&path).unwrap().len() < text.len());
        service.worlds.reset("default").unwrap();
        assert!(!state.is_current(&service));
        state.finish(&service).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        // A failed save leaves nothing known.
        assert!(remove_one(&service));
        std::fs::remove_dir_all(&folder.0).unwrap();
        assert!(state.save(&service).is_err() && !state.is_current(&service));
        std::fs::create_dir_all(&folder.0).unwrap();
        state.save(&service).unwrap();
        assert!(state.is_current(&service) && path.exists());
    }
}
