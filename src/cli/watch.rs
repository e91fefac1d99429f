//! Fixtures, stubs and fault rules reloaded when they change.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::edge::service::Service;
use crate::text::plural::counted;
use crate::world::fixture::{FOLDER_DEPTH, is_hidden};
use crate::world::worlds::Plan;

/// The time between two checks of the files.
const INTERVAL: Duration = Duration::from_millis(250);

/// Files as far as they can be compared without reading them. A file that replaces another may be as old and as long.
type Snapshot = Vec<(PathBuf, Option<(SystemTime, u64, Identity)>)>;

/// Checks files periodically and, when they have changed, resets the default world from a new plan. Connections stay open. Without a
/// valid plan all stays as it is, and the log says why.
pub(super) fn start(service: Arc<Service>, paths: Vec<PathBuf>, plan: impl Fn() -> Result<Plan, String> + Send + 'static) {
    let mut last = snapshot(&paths);
    thread::spawn(move || {
        loop {
            thread::sleep(INTERVAL);
            let now = snapshot(&paths);
            if now == last {
                continue;
            }
            // A file that is being written changes again, and is loaded again.
            last = now;
            let reload = |plan: Plan| {
                let count = plan.settings.entities.len();
                service.worlds.reload(plan).map(|()| count).map_err(|full| full.to_string())
            };
            match plan().and_then(reload) {
                Ok(count) => tracing::info!("fixtures reloaded: {}", counted(count, "entity", "entities")),
                Err(problem) => {
                    for line in problem.lines() {
                        tracing::error!("fixtures not reloaded: {line}");
                    }
                }
            }
        }
    });
}

fn snapshot(paths: &[PathBuf]) -> Snapshot {
    let mut snapshot = Snapshot::new();
    for path in paths {
        // The part before the end of a walk is compared as well.
        let _ = add_tree(path, 0, &mut snapshot);
    }
    snapshot
}

/// Adds a file, or a folder and all in it but what is hidden. Returns whether that is all: folders too deep in each other, as links that lead in
/// circles make them, end the walk. Fixtures cannot be loaded from them either.
fn add_tree(path: &Path, depth: usize, snapshot: &mut Snapshot) -> bool {
    if !add(path, snapshot) {
        return true;
    }
    if depth > FOLDER_DEPTH {
        return false;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !is_hidden(&entry.file_name()));
    let mut paths: Vec<PathBuf> = shown.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().all(|path| add_tree(path, depth + 1, snapshot))
}

/// Adds a file or folder itself. Returns whether it is a folder.
fn add(path: &Path, snapshot: &mut Snapshot) -> bool {
    let metadata = fs::metadata(path).ok();
    let is_folder = metadata.as_ref().is_some_and(Metadata::is_dir);
    let state = metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len(), identity(&metadata))));
    snapshot.push((path.to_owned(), state));
    is_folder
}

/// Device, inode and time of the last change, renames included.
type Identity = (u64, u64, i64, i64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    Identity::default()
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn links_in_circles_end_the_walk() {
        use super::*;
        let folder = std::env::temp_dir().join(format!("wfi-emulator-watch-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("users.json"), "[]").unwrap();
        fs::write(folder.join("._users.json"), "[]").unwrap();
        let count = || snapshot(std::slice::from_ref(&folder)).len();
        let plain = count();
        std::os::unix::fs::symlink(".", folder.join("a")).unwrap();
        let one = count();
        // Each level has two ways on: all paths would be 2^32.
        std::os::unix::fs::symlink(".", folder.join("b")).unwrap();
        let two = count();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(plain, 2, "the folder and its file");
        assert_eq!((one, two), (FOLDER_DEPTH + 2, FOLDER_DEPTH + 2));
    }
}
