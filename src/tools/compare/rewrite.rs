//! The rewrite of a recording with the actual answers.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::text::exchange::{Entry, ExchangePart, RecordedResponse};
use crate::text::redact::{RedactionRules, Redactor};

/// The first number of pseudonyms in accepted answers, larger than any in a recording.
const FIRST_PSEUDONYM: u64 = 100_001;

/// A new version of a file, written next to the old one. It is removed when it is dropped unfinished.
pub(super) struct FileRewrite {
    path: PathBuf,
    new_path: PathBuf,
    out: BufWriter<File>,
    count: usize,
    has_changed: bool,
    /// Redacts the answers of other services, which may contain private data.
    redactor: Option<Redactor>,
}

impl FileRewrite {
    pub(super) fn begin(path: &Path, is_remote: bool) -> Result<FileRewrite, String> {
        let new_path = path.with_extension("hurl.new");
        let file = File::create(&new_path).map_err(|error| format!("{}: {error}", new_path.display()))?;
        let redactor = is_remote.then(|| Redactor::new(RedactionRules::default(), FIRST_PSEUDONYM));
        Ok(FileRewrite { path: path.to_owned(), new_path, out: BufWriter::new(file), count: 0, has_changed: false, redactor })
    }

    /// Writes an entry, with a new response if given.
    pub(super) fn add(&mut self, mut entry: Entry, new_response: Option<RecordedResponse>) -> Result<(), String> {
        if let Some(response) = new_response {
            self.has_changed = true;
            entry
                .templates
                .retain(|template| !matches!(template.part, ExchangePart::ResponseBody | ExchangePart::ResponseHeader(_)));
            entry.exchange.response = Some(response);
            if let Some(redactor) = &mut self.redactor {
                entry.exchange.response = redactor.redact(&entry.exchange).response;
            }
        }
        let separator = if self.count > 0 { "\n" } else { "" };
        self.count += 1;
        write!(self.out, "{separator}{entry}").map_err(|error| self.problem(&error))
    }

    fn problem(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.new_path.display())
    }

    /// Replaces the old file if any response has changed; returns whether it has.
    pub(super) fn finish(mut self) -> Result<bool, String> {
        self.out.flush().map_err(|error| self.problem(&error))?;
        if self.has_changed {
            std::fs::rename(&self.new_path, &self.path).map_err(|error| self.problem(&error))?;
        }
        Ok(self.has_changed)
    }
}

impl Drop for FileRewrite {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        let _ = std::fs::remove_file(&self.new_path);
    }
}
