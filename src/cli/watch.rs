//! Fixtures, stubs and fault rules reloaded when they change.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::edge::service::Service;
use crate::text::plural::counted;
use crate::world::fixture::FOLDER_DEPTH;
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
        add_tree(path, 0, &mut snapshot);
    }
    snapshot
}

/// Adds a file, or a folder and all in it but what is hidden.
fn add_tree(path: &Path, depth: usize, snapshot: &mut Snapshot) {
    add(path, snapshot);
    if depth > FOLDER_DEPTH {
        return;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let is_hidden = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.starts_with('.'));
    let mut entries: Vec<(PathBuf, bool)> = entries.map(|entry| (entry.path(), is_hidden(&entry))).collect();
    entries.sort();
    for (path, is_hidden) in entries {
        if is_hidden { add(&path, snapshot) } else { add_tree(&path, depth + 1, snapshot) }
    }
}

fn add(path: &Path, snapshot: &mut Snapshot) {
    let metadata = fs::metadata(path).ok();
    let state = metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len(), identity(&metadata))));
    snapshot.push((path.to_owned(), state));
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
