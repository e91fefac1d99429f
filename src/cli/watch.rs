//! Fixtures loaded again when they change.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::edge::service::Service;
use crate::world::worlds::Plan;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(250);

/// What is seen of files without reading them. A file that took the place of another may be as old and as long.
type Seen = Vec<(PathBuf, Option<(SystemTime, u64, Identity)>)>;

/// Looks at files, and where they have changed makes another plan, from which the default tenant is made anew. Connections stay, and
/// so does everything if there is no other plan: then the log says why.
pub(super) fn start(service: Arc<Service>, paths: Vec<PathBuf>, plan: impl Fn() -> Result<Plan, String> + Send + 'static) {
    let mut last = seen(&paths);
    thread::spawn(move || {
        loop {
            thread::sleep(EVERY);
            let now = seen(&paths);
            if now == last {
                continue;
            }
            // A file that is being written changes again, and is loaded again.
            last = now;
            match plan() {
                Ok(plan) => {
                    let count = plan.settings.entities.len();
                    service.worlds.reload(plan);
                    tracing::info!("fixtures have changed: {count} entities are loaded");
                }
                Err(problem) => {
                    for line in problem.lines() {
                        tracing::error!("fixtures have changed and are not loaded: {line}");
                    }
                }
            }
        }
    });
}

fn seen(paths: &[PathBuf]) -> Seen {
    let mut seen = Seen::new();
    for path in paths {
        look(path, &mut seen);
        let inside = fs::read_dir(path).into_iter().flatten().flatten();
        let mut inside: Vec<PathBuf> = inside.map(|entry| entry.path()).collect();
        inside.sort();
        for path in inside {
            look(&path, &mut seen);
        }
    }
    seen
}

fn look(path: &Path, seen: &mut Seen) {
    let metadata = fs::metadata(path).ok();
    let stamp = metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len(), identity(&metadata))));
    seen.push((path.to_owned(), stamp));
}

/// Which file it is, and when anything of it changed last, its name included.
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
