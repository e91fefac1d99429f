//! Locks on files that only one process may write.
//!
//! The lock is on a file beside the one to protect, since that one is replaced by a rename, and on the file itself, which is the only
//! one that two containers share when it is mounted into them. The system releases a lock when its process ends, so a file that a killed
//! process has left behind locks nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::edge::private_file;

/// A lock, released when the value is dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    beside: Option<(PathBuf, File)>,
    /// Holds the lock on the file itself.
    _itself: Option<File>,
}

impl FileLock {
    /// Returns whether no other process can have the lock; otherwise it could not be kept, and nothing is known of others.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.beside.is_some()
    }
}

/// Returns the name of the lock of a file.
pub(crate) fn path_of(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.lock"))
}

/// Takes the lock of a file, which need not exist. Where a lock cannot be kept, such as in a folder that cannot be written, it does
/// without.
///
/// # Errors
///
/// Fails with [`ErrorKind::WouldBlock`] if another process has the lock, and if something else has its name.
pub(crate) fn take(target: &Path) -> io::Result<FileLock> {
    let beside = lock_beside(&path_of(target))?;
    // On Windows a lock keeps other handles of this process out too.
    let itself = if cfg!(unix) && fs::symlink_metadata(target).is_ok_and(|metadata| metadata.is_file()) {
        File::open(target).ok().map(try_lock).transpose()?.flatten()
    } else {
        None
    };
    Ok(FileLock { beside, _itself: itself })
}

fn lock_beside(path: &Path) -> io::Result<Option<(PathBuf, File)>> {
    loop {
        let file = match private_file::create_new(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => match open_existing(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                file => file?,
            },
            Err(error) => {
                tracing::debug!("{}: cannot be created: {error}", path.display());
                return Ok(None);
            }
        };
        let Some(file) = try_lock(file)? else { return Ok(None) };
        // Its last holder may have removed it between the opening and the lock.
        match private_file::is_same_file(path, &file) {
            Ok(true) => return Ok(Some((path.to_owned(), file))),
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens a lock file, but nothing else that has its name: a link may lead elsewhere, and opening a pipe blocks.
fn open_existing(path: &Path) -> io::Result<File> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("{} is not a regular file", path.display())));
    }
    OpenOptions::new().read(true).write(true).open(path)
}

/// Locks a file; `None` if its file system has no locks.
fn try_lock(file: File) -> io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => {
            tracing::debug!("cannot lock a file: {error}");
            Ok(None)
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.beside {
            // Still locked here, so it is that of this process. A leftover locks nothing.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use crate::edge::test_folder::TestFolder;

    #[test]
    fn a_lock_is_held_once_and_leaves_nothing_behind() {
        let folder = TestFolder::new("lock-once");
        let target = folder.0.join("state.json");
        let first = take(&target).unwrap();
        assert_eq!(take(&target).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(first);
        assert_eq!(folder.names(), [""; 0]);
        // A leftover of a killed process.
        fs::write(path_of(&target), "").unwrap();
        drop(take(&target).unwrap());
        assert_eq!(folder.names(), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_two_folders_share_is_locked_itself() {
        let folder = TestFolder::new("lock-shared");
        let (one, other) = (folder.0.join("one.json"), folder.0.join("other.json"));
        fs::write(&one, "{}").unwrap();
        fs::hard_link(&one, &other).unwrap();
        let first = take(&one).unwrap();
        assert_eq!(take(&other).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(first);
        take(&other).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_a_lock_is_not_followed() {
        let folder = TestFolder::new("lock-link");
        let target = folder.0.join("state.json");
        std::os::unix::fs::symlink(folder.0.join("elsewhere"), path_of(&target)).unwrap();
        assert_eq!(take(&target).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(!folder.0.join("elsewhere").exists());
    }

    #[test]
    fn a_folder_that_is_missing_has_no_locks() {
        take(&std::env::temp_dir().join("wfi-emulator-no-such-folder/state.json")).unwrap();
    }

    #[test]
    fn of_many_threads_one_at_a_time_has_the_lock() {
        let folder = TestFolder::new("lock-race");
        let target = folder.0.join("state.json");
        let holders = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Ok(lock) = take(&target) {
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two have the lock");
                            holders.fetch_sub(1, Ordering::SeqCst);
                            drop(lock);
                        }
                    }
                });
            }
        });
    }
}
