//! Recorded exchanges that are served where the model knows no path.
//!
//! A client of workforce integrations often asks for other things first: who is signed in, which teams there are. Their answers are
//! taken from recordings, as they are.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use http::Method;
use percent_encoding::percent_decode_str;

use crate::edm::segment::segments;
use crate::text::exchange::{EntryReader, RecordedResponse, Resolver};
use crate::text::nearest::nearest;

/// How many stubs are kept at most.
const LIMIT: usize = 10_000;

/// How long a request may be that is told together with the stub that is closest to it.
const LONGEST: usize = 512;

/// What links in recordings begin with, which lead to the emulator instead.
const SERVICE: &str = "https://graph.microsoft.com/";

/// The stubs of a folder, the files in the order of their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stubs {
    rows: Vec<Stub>,
}

/// One stub: what it answers, and with what.
#[derive(Debug, PartialEq, Eq)]
pub struct Stub {
    method: Method,
    /// The path, decoded, with keys as segments of their own.
    path: String,
    /// The parameters, decoded and in order; nothing if the stub answers any.
    query: Option<Vec<(String, String)>>,
    response: RecordedResponse,
    /// File and line, for the log.
    place: String,
}

impl Stubs {
    /// Reads all files of a folder that end in `.hurl`, or one file.
    ///
    /// # Errors
    ///
    /// Fails on what cannot be read, and on templates whose value no response before tells; the text is for people.
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
            let source = File::open(&file).map_err(|error| problem(&file, &error))?;
            for entry in EntryReader::new(BufReader::new(source)) {
                let (line, entry) = entry.map_err(|error| problem(&file, &error))?;
                let place = format!("{}:{line}", file.display());
                let exchange = resolver.resolve(&entry).map_err(|name| {
                    format!("{place}: found the template {{{{{name}}}}}, but no response before tells its value")
                })?;
                let Some(response) = exchange.response else { continue };
                if stubs.rows.len() == LIMIT {
                    return Err(format!("{place}: found more than {LIMIT} exchanges, expected fewer"));
                }
                let (path, query) = taken_apart(&exchange.request.target);
                stubs.rows.push(Stub { method: exchange.request.method, path, query, response, place });
            }
        }
        if stubs.rows.is_empty() {
            return Err(problem(path, &"found no exchange with a response, expected some to serve"));
        }
        Ok(stubs)
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the stub for a request: the first with the same method, path and parameters, else the first with the same method and
    /// path that names no parameters. Paths are matched in any case.
    ///
    /// # Errors
    ///
    /// Describes the stub that comes closest, for people.
    pub fn find(&self, method: &Method, target: &str) -> Result<&Stub, String> {
        let (path, query) = taken_apart(target);
        let fits = |stub: &&Stub| stub.method == method && stub.path.eq_ignore_ascii_case(&path);
        let exact = self.rows.iter().filter(fits).find(|stub| stub.query == query);
        exact
            .or_else(|| self.rows.iter().filter(fits).find(|stub| stub.query.is_none()))
            .ok_or_else(|| self.closest(method, &path))
    }

    fn closest(&self, method: &Method, path: &str) -> String {
        let told = |stub: &Stub, what: &str| {
            let query = stub.query.as_ref().map(|query| {
                let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("?{}", pairs.join("&"))
            });
            format!(
                "no stub fits; the closest is {} {}{} ({}), {what}",
                stub.method,
                stub.path,
                query.unwrap_or_default(),
                stub.place
            )
        };
        let same_path = |stub: &&Stub| stub.path.eq_ignore_ascii_case(path);
        if let Some(stub) = self.rows.iter().filter(same_path).find(|stub| stub.method == method) {
            return told(stub, "whose parameters are others");
        }
        if let Some(stub) = self.rows.iter().find(same_path) {
            return told(stub, "whose method is another");
        }
        let paths = self.rows.iter().map(|stub| stub.path.as_str()).filter(|path| path.len() <= LONGEST);
        let near = if path.len() <= LONGEST { nearest(path, paths) } else { None };
        match near.and_then(|near| self.rows.iter().find(|stub| stub.path == near)) {
            Some(stub) => told(stub, "whose path is another"),
            None => format!("none of {} stubs comes close", self.rows.len()),
        }
    }
}

impl Stub {
    /// Returns the answer, with links that lead to `base` in the place of the service.
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

/// Splits a target into its path and its parameters, decoded and in order.
fn taken_apart(target: &str) -> (String, Option<Vec<(String, String)>>) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = segments(path.strip_suffix('/').unwrap_or(path)).collect::<Vec<_>>().join("/");
    let query = query.filter(|query| !query.is_empty()).map(|query| {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
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
    fn a_request_without_a_stub_is_told_the_closest() {
        let stubs = stubs(SOME).unwrap();
        for (method, target, told) in [
            (Method::GET, "/v1.0/users?$top=2", "whose parameters are others"),
            (Method::PUT, "/v1.0/me", "whose method is another"),
            (Method::GET, "/v1.0/user", "the closest is GET /v1.0/users?$select=id&$top=1 ("),
            (Method::GET, "/something/else/entirely", "none of 3 stubs comes close"),
        ] {
            let miss = stubs.find(&method, target).unwrap_err();
            assert!(miss.contains(told), "{target}: {miss}");
        }
        let _ = stubs.find(&Method::GET, &"/x".repeat(100_000));
    }

    #[test]
    fn what_cannot_be_served_is_refused_with_its_line() {
        for (text, found) in [
            ("GET {{base}}/a\n", "file: found no exchange with a response"),
            ("\nGET {{base}}/{{id}}\n\nHTTP 200\n", "file:2: found the template {{id}}"),
            ("GET {{base}}/a\nHTTP 2\n", "file: line 2: found the status"),
        ] {
            let problem = stubs(text).unwrap_err();
            assert!(problem.starts_with(found), "{problem}");
        }
    }
}
