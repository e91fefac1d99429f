//! The rewrite of a recording with the actual answers.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use http::header::{HeaderName, HeaderValue};

use crate::edge::private_file::Replacement;
use crate::text::exchange::{Entry, ExchangePart, RecordedResponse};
use crate::text::redact::{RedactionRules, Redactor};

/// The first number of pseudonyms in accepted answers, larger than any in a recording.
const FIRST_PSEUDONYM: u64 = 100_001;

/// A new version of a file, written next to the old one. It is removed when it is dropped unfinished.
pub(super) struct FileRewrite {
    path: PathBuf,
    out: BufWriter<Replacement>,
    count: usize,
    has_changed: bool,
    /// Redacts answers: of other services all private data, of the emulator in this process secrets.
    redactor: Redactor,
}

impl FileRewrite {
    /// Begins a rewrite. The values of `headers` are sent, so that a service may repeat them.
    pub(super) fn begin(path: &Path, is_remote: bool, headers: &[(HeaderName, HeaderValue)]) -> Result<FileRewrite, String> {
        let file = Replacement::new(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut redactor = if is_remote {
            Redactor::new(RedactionRules::default(), FIRST_PSEUDONYM)
        } else {
            Redactor::of_secrets(FIRST_PSEUDONYM)
        };
        for (name, value) in headers {
            redactor.learn_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
        Ok(FileRewrite { path: path.to_owned(), out: BufWriter::new(file), count: 0, has_changed: false, redactor })
    }

    /// Writes an entry, with a new response if given.
    pub(super) fn add(&mut self, mut entry: Entry, new_response: Option<RecordedResponse>) -> Result<(), String> {
        if let Some(response) = new_response {
            self.has_changed = true;
            entry
                .templates
                .retain(|template| !matches!(template.part, ExchangePart::ResponseBody | ExchangePart::ResponseHeader(_)));
            entry.exchange.response = Some(response);
            entry.exchange.response = self.redactor.redact(&entry.exchange).response;
        }
        let separator = if self.count > 0 { "\n" } else { "" };
        self.count += 1;
        write!(self.out, "{separator}{entry}").map_err(|error| self.problem(&error))
    }

    fn problem(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.path.display())
    }

    /// Replaces the old file if any response has changed; returns whether it has.
    pub(super) fn finish(self) -> Result<bool, String> {
        let FileRewrite { path, out, has_changed, .. } = self;
        let problem = |error: io::Error| format!("{}: {error}", path.display());
        let replacement = out.into_inner().map_err(|error| problem(error.into_error()))?;
        if has_changed {
            replacement.commit().map_err(problem)?;
        }
        Ok(has_changed)
    }
}
