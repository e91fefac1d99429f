//! Folders of tests.

use std::fs;
use std::path::PathBuf;

/// A folder that is removed when the value is dropped.
pub(crate) struct TestFolder(pub(crate) PathBuf);

impl TestFolder {
    /// Creates the folder of a test.
    pub(crate) fn new(test: &str) -> TestFolder {
        let folder = TestFolder::missing(test);
        fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    /// Returns the folder of a test, which creates it.
    pub(crate) fn missing(test: &str) -> TestFolder {
        TestFolder(std::env::temp_dir().join(format!("wfi-emulator-{}-{test}", std::process::id())))
    }

    /// Returns the names of what is in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        // Leftovers are harmless.
        let _ = fs::remove_dir_all(&self.0);
    }
}
