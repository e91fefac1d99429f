//! The files of a comparison.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Returns the files with exchanges below a path, sorted by name; the path itself if it is a file.
pub(super) fn hurl_files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if std::fs::metadata(path).map_err(|error| problem(path, &error))?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| problem(&folder, &error))? {
            let entry = entry.map_err(|error| problem(&folder, &error))?;
            // Links are not followed, since one to a parent folder would never end.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "hurl") {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: no .hurl files found", path.display()));
    }
    Ok(files)
}

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| problem(path, &error))
}

fn problem(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
