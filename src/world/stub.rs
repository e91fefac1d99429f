//! Recorded answers for requests outside the schema.
//!
//! Clients of the emulated resources often send other requests first, such as for the signed-in user or the list of teams. These
//! are answered from recordings, unchanged except for links.

use std::fmt;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use http::Method;

use crate::edm::segment::segments;
use crate::text::exchange::{EntryReader, RecordedResponse, Resolver};
use crate::text::form;
use crate::text::nearest::nearest;
use crate::world::regular_file;

/// Maximum number of stubs.
const LIMIT: usize = 10_000;

/// Maximum length of a path that is compared with others for a suggestion.
const SUGGESTION_LIMIT: usize = 512;

/// The start of links in recordings, replaced with the address of the emulator.
const SERVICE: &str = "https://graph.microsoft.com/";

/// The stubs of a folder, its files sorted by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stubs {
    rows: Vec<Stub>,
}

/// A stub: the requests that it answers, and its response.
#[derive(Debug, PartialEq, Eq)]
pub struct Stub {
    method: Method,
    /// The decoded path; a key in parentheses is a segment.
    path: String,
    /// The decoded parameters, sorted; `None` if the stub answers requests with any.
    query: Option<Vec<(String, String)>>,
    response: RecordedResponse,
    /// File and line, for the log.
    place: String,
}

impl Stubs {
    /// Reads one file, or all files of a folder that end in `.hurl`.
    ///
    /// # Errors
    ///
    /// Fails with a message for users on files that cannot be read, and on templates without an earlier captured value.
    pub fn load(path: &Path) -> Result<Stubs, String> {
        let problem = |path: &Path, error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let mut files: Vec<PathBuf> = Vec::new();
        if path.is_dir() {
            for entry in std::fs::read_dir(path).map_err(|error| problem(path, &error))? {
                files.push(entry.map_err(|error| problem(path, &error))?.path());
            }
            files.retain(|file| file.extension().is_some_and(|extension| extension == "hurl"));
            files.sort();
        } else {
            files.push(path.to_owned());
        }
        let mut stubs = Stubs::default();
        for file in files {
            let mut resolver = Resolver::default();
            let source = regular_file::open(&file).map_err(|error| problem(&file, &error))?;
            for entry in EntryReader::new(BufReader::new(source)) {
                let (line, entry) = entry.map_err(|error| problem(&file, &error))?;
                let place = format!("{}:{line}", file.display());
                let exchange = resolver
                    .resolve(&entry)
                    .map_err(|name| format!("{place}: unknown value {{{{{name}}}}}: no earlier exchange has captured it"))?;
                let Some(response) = exchange.response else { continue };
                if stubs.rows.len() == LIMIT {
                    return Err(format!("{place}: too many stubs, expected at most {LIMIT}"));
                }
                let (path, query) = path_and_query(&exchange.request.target);
                stubs.rows.push(Stub { method: exchange.request.method, path, query, response, place });
            }
        }
        if stubs.rows.is_empty() {
            return Err(problem(path, &"no exchange with a response found"));
        }
        Ok(stubs)
    }

    /// Returns the number of stubs.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the stub for a request: the first with the same method, path and parameters, else the first with the same method and
    /// path and without parameters. The case of paths is ignored.
    ///
    /// # Errors
    ///
    /// Fails with a message for users about the closest stub.
    pub fn find(&self, method: &Method, target: &str) -> Result<&Stub, String> {
        let (path, query) = path_and_query(target);
        let fits = |stub: &&Stub| stub.method == method && stub.path.eq_ignore_ascii_case(&path);
        let exact = self.rows.iter().filter(fits).find(|stub| stub.query == query);
        exact
            .or_else(|| self.rows.iter().filter(fits).find(|stub| stub.query.is_none()))
            .ok_or_else(|| self.closest(method, &path))
    }

    fn closest(&self, method: &Method, path: &str) -> String {
        let describe = |stub: &Stub, difference: &str| {
            let query = stub.query.as_ref().map(|query| {
                let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("?{}", pairs.join("&"))
            });
            let (method, path, query) = (&stub.method, &stub.path, query.unwrap_or_default());
            format!("no matching stub; closest: {method} {path}{query} ({}), {difference}", stub.place)
        };
        let has_path = |stub: &&Stub| stub.path.eq_ignore_ascii_case(path);
        if let Some(stub) = self.rows.iter().filter(has_path).find(|stub| stub.method == method) {
            return describe(stub, "query differs");
        }
        if let Some(stub) = self.rows.iter().find(has_path) {
            return describe(stub, "method differs");
        }
        let paths = self.rows.iter().map(|stub| stub.path.as_str()).filter(|path| path.len() <= SUGGESTION_LIMIT);
        let similar = if path.len() <= SUGGESTION_LIMIT { nearest(path, paths) } else { None };
        match similar.and_then(|similar| self.rows.iter().find(|stub| stub.path == similar)) {
            Some(stub) => describe(stub, "path differs"),
            None => format!("no matching stub among {}", self.rows.len()),
        }
    }
}

impl Stub {
    /// Returns the response, with the service replaced by `base` in its links.
    pub fn answer(&self, base: &str) -> RecordedResponse {
        let mut response = self.response.clone();
        let relocated = |text: &str| text.replace(SERVICE, &format!("{base}/"));
        for (_, value) in &mut response.headers {
            if value.contains(SERVICE) {
                *value = relocated(value);
            }
        }
        if let Ok(text) = std::str::from_utf8(&response.body)
            && text.contains(SERVICE)
        {
            response.body = relocated(text).into();
        }
        response
    }
}

/// Splits a target into its decoded path and its decoded, sorted parameters.
fn path_and_query(target: &str) -> (String, Option<Vec<(String, String)>>) {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = segments(path.strip_suffix('/').unwrap_or(path)).collect::<Vec<_>>().join("/");
    let query = query.filter(|query| !query.is_empty()).map(|query| {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form::decoded(name).into_owned(), form::decoded(value).into_owned())
        };
        let mut pairs: Vec<(String, String)> = query.split('&').map(pair).collect();
        pairs.sort();
        pairs
    });
    (path, query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stubs(text: &str) -> Result<Stubs, String> {
        let path =
            std::env::temp_dir().join(format!("wfi-emulator-stub-{}-{:?}.hurl", std::process::id(), std::thread::current().id()));
        std::fs::write(&path, text).unwrap();
        let stubs = Stubs::load(&path).map_err(|problem| problem.replace(&*path.to_string_lossy(), "file"));
        std::fs::remove_file(&path).unwrap();
        stubs
    }

    const SOME: &str = "GET {{base}}/v1.0/me\n\nHTTP 200\nlink: <https://graph.microsoft.com/v1.0/a>\n`https://graph.microsoft.com/v1.0/b`\n\n\
        GET {{base}}/v1.0/users?$select=id&$top=1\n\nHTTP 201\n\nGET {{base}}/v1.0/me?$select=id\n\nHTTP 202\n\nPOST {{base}}/v1.0/users\n";

    #[test]
    fn a_key_in_parentheses_is_a_segment_of_its_own() {
        let stubs =
            stubs("GET {{base}}/v1.0/teams/team-x/schedule\n\nHTTP 200\n\nGET {{base}}/v1.0/users('a')\n\nHTTP 202\n").unwrap();
        for (target, status) in [("/v1.0/teams('team-x')/schedule", 200), ("/v1.0/users/a", 202), ("/v1.0/users(id='a')", 202)] {
            assert_eq!(stubs.find(&Method::GET, target).unwrap().response.status, status, "{target}");
        }
        assert!(stubs.find(&Method::GET, "/v1.0/teams/schedule").is_err());
    }

    #[test]
    fn a_request_finds_its_stub() {
        let stubs = stubs(SOME).unwrap();
        assert_eq!(stubs.len(), 3);
        for (target, status) in [
            ("/v1.0/me", 200),
            ("/v1.0/ME/", 200),
            ("/v1.0/m%65?x=1", 200),
            ("/v1.0/me?%24select=id", 202),
            ("/v1.0/users?$top=1&$select=id", 201),
        ] {
            assert_eq!(stubs.find(&Method::GET, target).unwrap().response.status, status, "{target}");
        }
        let answer = stubs.find(&Method::GET, "/v1.0/me").unwrap().answer("http://localhost:1");
        assert_eq!(
            (answer.header("link"), &answer.body[..]),
            (Some("<http://localhost:1/v1.0/a>"), &b"http://localhost:1/v1.0/b"[..])
        );
    }

    #[test]
    fn a_request_without_a_stub_has_the_closest_in_its_message() {
        let stubs = stubs(SOME).unwrap();
        for (method, target, message) in [
            (Method::GET, "/v1.0/users?$top=2", "query differs"),
            (Method::PUT, "/v1.0/me", "method differs"),
            (Method::GET, "/v1.0/user", "no matching stub; closest: GET /v1.0/users?$select=id&$top=1 ("),
            (Method::GET, "/something/else/entirely", "no matching stub among 3"),
        ] {
            let miss = stubs.find(&method, target).unwrap_err();
            assert!(miss.contains(message), "{target}: {miss}");
        }
        let _ = stubs.find(&Method::GET, &"/x".repeat(100_000));
    }

    #[test]
    fn invalid_stubs_are_rejected_with_their_line() {
        for (text, message) in [
            ("GET {{base}}/a\n", "file: no exchange with a response found"),
            ("\nGET {{base}}/{{id}}\n\nHTTP 200\n", "file:2: unknown value {{id}}"),
            ("GET {{base}}/a\nHTTP 2\n", "file: line 2: invalid status"),
        ] {
            let problem = stubs(text).unwrap_err();
            assert!(problem.starts_with(message), "{problem}");
        }
    }
}
