//! The rewrite of a recording with the actual answers.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use http::header::{HeaderName, HeaderValue};

use crate::edge::private_file::Replacement;
use crate::text::exchange::{Entry, Exchange, RecordedResponse, SourceKind, SourceText, body_text, header_line};
use crate::text::redact::{RedactionRules, Redactor};

/// The first number of pseudonyms in accepted answers, larger than any in a recording.
const FIRST_PSEUDONYM: u64 = 100_001;

/// A recorded response, its templates filled, and the one that replaces it.
pub(super) struct AcceptedResponse {
    pub(super) recorded: RecordedResponse,
    pub(super) new: RecordedResponse,
}

/// A new version of a file, written next to the old one. It is removed when it is dropped unfinished.
pub(super) struct FileRewrite {
    path: PathBuf,
    out: BufWriter<Replacement>,
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
        Ok(FileRewrite { path: path.to_owned(), out: BufWriter::new(file), has_changed: false, redactor })
    }

    /// Writes an entry as it is in the file, with a new response in place of the recorded one, if given.
    pub(super) fn add(&mut self, entry: &Entry, source: &SourceText, accepted: Option<AcceptedResponse>) -> Result<(), String> {
        let text = match accepted {
            None => Cow::Borrowed(&*source.text),
            Some(AcceptedResponse { recorded, new }) => {
                self.has_changed = true;
                let exchange = Exchange { response: Some(new), ..entry.exchange.clone() };
                let new = self.redactor.redact(&exchange).response;
                Cow::Owned(new.map_or_else(|| source.text.clone(), |new| with_response(source, &recorded, &new)))
            }
        };
        self.out.write_all(text.as_bytes()).map_err(|error| self.problem(&error))
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

/// Returns the source of an entry with those parts of its response replaced that are others now. Every other byte stays.
fn with_response(source: &SourceText, recorded: &RecordedResponse, new: &RecordedResponse) -> String {
    let mut text = String::with_capacity(source.text.len());
    let mut at = 0;
    let has_breaks = |element: &str| element.ends_with("\r\n");
    let is_windows = source.elements.first().is_some_and(|status| has_breaks(&source.text[status.start..status.end]));
    // Within fences a line break is a part of the body.
    let broken = |lines: String| if is_windows && !lines.starts_with("```") { lines.replace('\n', "\r\n") } else { lines };
    let mut old_headers = recorded.headers.iter();
    let mut new_headers: Vec<Option<&(String, String)>> = new.headers.iter().map(Some).collect();
    let mut take = |fits: &dyn Fn(&(String, String)) -> bool| {
        new_headers.iter_mut().find(|header| header.is_some_and(fits)).and_then(Option::take)
    };
    // A header that stays keeps its line; one with another value gets it at its place.
    let kept: Vec<Option<&(String, String)>> = recorded.headers.iter().map(|old| take(&|header| header == old)).collect();
    let mut replaced = Vec::new();
    for (old, kept) in recorded.headers.iter().zip(&kept) {
        let same_name = |header: &(String, String)| header.0.eq_ignore_ascii_case(&old.0);
        replaced.push(if kept.is_some() { None } else { take(&same_name) });
    }
    let mut added: String = new_headers.iter().flatten().map(|(name, value)| header_line(name, value)).collect();
    let body = body_text(&new.headers, &new.body);
    let is_same_body = body == body_text(&recorded.headers, &recorded.body);
    let last_header = source.elements.iter().rposition(|element| matches!(element.kind, SourceKind::Status | SourceKind::Header));
    let mut number = 0;
    let mut has_body = false;
    for (index, element) in source.elements.iter().enumerate() {
        let own = &source.text[element.start..element.end];
        text.push_str(&source.text[at..element.start]);
        at = element.end;
        match element.kind {
            SourceKind::Status => text.push_str(&own.replacen(recorded.status.as_str(), new.status.as_str(), 1)),
            SourceKind::Header => {
                let old = old_headers.next();
                match (kept.get(number).copied().flatten(), replaced.get(number).copied().flatten(), old) {
                    (Some(_), ..) | (_, _, None) => text.push_str(own),
                    (None, Some((name, value)), _) => text.push_str(&broken(header_line(name, value))),
                    (None, None, _) => {}
                }
                number += 1;
            }
            SourceKind::Captures => text.push_str(own),
            SourceKind::Body => {
                has_body = true;
                text.push_str(&if is_same_body { own.to_owned() } else { broken(body.clone()) });
            }
        }
        if Some(index) == last_header && !added.is_empty() {
            end_line(&mut text);
            text.push_str(&broken(std::mem::take(&mut added)));
        }
    }
    if !has_body && !body.is_empty() {
        end_line(&mut text);
        text.push_str(&broken(body));
    }
    text.push_str(&source.text[at..]);
    text
}

/// Ends the last line of a text, which the last line of a file need not do.
fn end_line(text: &mut String) {
    if !text.ends_with('\n') {
        text.push('\n');
    }
}
