//! Recorded answers, unchanged except for links, for requests other than those for integrations and schedules (behavior `stubs`).
//!
//! Clients of these often send other requests first, such as for the signed-in user or the list of teams.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::Method;

use crate::edm::pattern::Pattern;
use crate::edm::segment::segments;
use crate::text::exchange::{EntryReader, RecordedRequest, RecordedResponse, Resolver};
use crate::text::form;
use crate::text::like::is_like;
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

/// A stub: the requests that it answers, and its answers in turn.
#[derive(Debug, PartialEq, Eq)]
struct Stub {
    method: Method,
    /// The decoded path; a key in parentheses is a segment.
    path: String,
    /// The path as a pattern, if it has a star.
    pattern: Option<Pattern>,
    /// The decoded parameters, sorted; `None` if the stub answers requests with any. A star in a value is any number of characters.
    query: Option<Vec<(String, String)>>,
    body: Bytes,
    answers: Vec<StubAnswer>,
}

/// An answer of a stub.
#[derive(Debug, PartialEq, Eq)]
pub struct StubAnswer {
    /// The recorded response.
    pub response: RecordedResponse,
    /// File and line, for the log.
    pub place: String,
}

/// The number of answers that each stub of a world has given.
#[derive(Debug, Default)]
pub struct StubTurns(Mutex<HashMap<usize, usize>>);

/// The requests of a stub, by which repeated exchanges are found while stubs are loaded.
type Request = (Method, String, Option<Vec<(String, String)>>, Bytes);

impl Stubs {
    /// Reads one file, or all files of a folder that end in `.hurl`.
    ///
    /// # Errors
    ///
    /// Fails with a message for users on files that cannot be read, on templates without an earlier captured value, and on statuses that no
    /// answer has.
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
        let mut numbers: HashMap<Request, usize> = HashMap::new();
        let mut count = 0;
        for file in files {
            let mut resolver = Resolver::default();
            let source = regular_file::open(&file).map_err(|error| problem(&file, &error))?;
            for entry in EntryReader::new(BufReader::new(source)) {
                let (line, entry) = entry.map_err(|error| problem(&file, &error))?;
                let place = format!("{}:{line}", file.display());
                let exchange = resolver
                    .resolve(&entry)
                    .map_err(|name| format!("{place}: unknown value {{{{{name}}}}}: no earlier exchange has captured it"))?;
                // An empty body would be a wrong answer.
                let is_whole = !exchange.has_unrecorded_body();
                let Some(response) = exchange.response.filter(|_| is_whole) else { continue };
                let status = response.status.as_u16();
                if !(200..600).contains(&status) {
                    return Err(format!("{place}: invalid status {status} of a stub, expected 200 to 599"));
                }
                if count == LIMIT {
                    return Err(format!("{place}: too many stubs, expected at most {LIMIT}"));
                }
                count += 1;
                stubs.add(&mut numbers, exchange.request, StubAnswer { response, place });
            }
        }
        if stubs.rows.is_empty() {
            return Err(problem(path, &"no exchange with a response found"));
        }
        Ok(stubs)
    }

    /// Adds an exchange: another answer, if its request is that of a stub.
    fn add(&mut self, numbers: &mut HashMap<Request, usize>, request: RecordedRequest, answer: StubAnswer) {
        let (path, query) = path_and_query(&request.target);
        let key = (request.method.clone(), path.to_ascii_lowercase(), query.clone(), request.body.clone());
        match numbers.entry(key) {
            Entry::Occupied(number) => self.rows[*number.get()].answers.push(answer),
            Entry::Vacant(number) => {
                number.insert(self.rows.len());
                let raw_path = request.target.split('?').next().unwrap_or_default();
                let pattern = raw_path.contains('*').then(|| raw_path.parse().ok()).flatten();
                let (method, body) = (request.method, request.body);
                self.rows.push(Stub { method, path, pattern, query, body, answers: vec![answer] });
            }
        }
    }

    /// Returns the number of recorded answers.
    pub fn len(&self) -> usize {
        self.rows.iter().map(|stub| stub.answers.len()).sum()
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the number of the stub for a request: one with the same method, path and parameters, else one with parameters that are like
    /// these, else one without parameters; then those whose path is a pattern, likewise. The case of paths is ignored. If bodies are all
    /// that makes stubs differ, that of the request decides among them.
    ///
    /// # Errors
    ///
    /// Fails with a message for users about the closest stub.
    pub fn find(&self, method: &Method, target: &str, body: &[u8]) -> Result<usize, String> {
        let (path, query) = path_and_query(target);
        let raw_path = target.split('?').next().unwrap_or_default();
        let has_path: [&dyn Fn(&Stub) -> bool; 2] = [&|stub| stub.path.eq_ignore_ascii_case(&path), &|stub| {
            stub.pattern.as_ref().is_some_and(|pattern| pattern.matches(raw_path))
        }];
        let has_query: [&dyn Fn(&Stub) -> bool; 3] =
            [&|stub| stub.query == query, &|stub| stub.has_query_like(query.as_deref()), &|stub| stub.query.is_none()];
        let mut has_other_body = false;
        for has_path in has_path {
            let of_path: Vec<usize> =
                (0..self.rows.len()).filter(|at| self.rows[*at].method == method && has_path(&self.rows[*at])).collect();
            for has_query in has_query {
                let fitting = of_path.iter().copied().filter(|at| has_query(&self.rows[*at]));
                match self.of_body(&fitting.collect::<Vec<usize>>(), body) {
                    Ok(Some(found)) => return Ok(found),
                    Ok(None) => {}
                    Err(()) => has_other_body = true,
                }
            }
        }
        Err(self.closest(method, &path, has_other_body))
    }

    /// Returns the stub whose body is that of a request, else one without a body. The body of a single one does not count.
    fn of_body(&self, fitting: &[usize], body: &[u8]) -> Result<Option<usize>, ()> {
        match fitting {
            [] => Ok(None),
            [single] => Ok(Some(*single)),
            several => {
                let of = |is_fit: &dyn Fn(&Bytes) -> bool| several.iter().copied().find(|at| is_fit(&self.rows[*at].body));
                of(&|other| is_same_body(other, body)).or_else(|| of(&|other| other.is_empty())).map(Some).ok_or(())
            }
        }
    }

    /// Returns the next answer of a stub in a world: one after another, the last one again and again.
    pub fn answer(&self, number: usize, turns: &StubTurns) -> Option<&StubAnswer> {
        let answers = &self.rows.get(number)?.answers;
        if answers.len() == 1 {
            return answers.first();
        }
        let mut turns = turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(number).or_default();
        let answer = answers.get(*turn).or(answers.last());
        *turn = (*turn + 1).min(answers.len() - 1);
        answer
    }

    fn closest(&self, method: &Method, path: &str, has_other_body: bool) -> String {
        let describe = |stub: &Stub, difference: &str| {
            let query = stub.query.as_ref().map(|query| {
                let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("?{}", pairs.join("&"))
            });
            let (method, path, query) = (&stub.method, &stub.path, query.unwrap_or_default());
            let place = stub.answers.first().map_or("", |answer| &answer.place);
            format!("no matching stub; closest: {method} {path}{query} ({place}), {difference}")
        };
        let has_path = |stub: &&Stub| stub.path.eq_ignore_ascii_case(path);
        if let Some(stub) = self.rows.iter().filter(has_path).find(|stub| stub.method == method) {
            return describe(stub, if has_other_body { "body differs" } else { "query differs" });
        }
        if let Some(stub) = self.rows.iter().find(has_path) {
            return describe(stub, "method differs");
        }
        let paths = self.rows.iter().map(|stub| stub.path.as_str()).filter(|path| path.len() <= SUGGESTION_LIMIT);
        let similar = if path.len() <= SUGGESTION_LIMIT { nearest(path, paths) } else { None };
        match similar.and_then(|similar| self.rows.iter().find(|stub| stub.path == similar)) {
            Some(stub) => describe(stub, "path differs"),
            None => format!("no matching stub among {}", self.len()),
        }
    }
}

impl Stub {
    /// Whether the stub has parameters with stars, and those of a request are like them.
    fn has_query_like(&self, query: Option<&[(String, String)]>) -> bool {
        let (Some(patterns), Some(query)) = (&self.query, query) else { return false };
        let is_like =
            |((name, pattern), (other, value)): (&(String, String), &(String, String))| name == other && is_like(value, pattern);
        patterns.iter().any(|(_, value)| value.contains('*'))
            && patterns.len() == query.len()
            && patterns.iter().zip(query).all(is_like)
    }
}

/// Whether two bodies are the same, as JSON if they are.
fn is_same_body(one: &[u8], other: &[u8]) -> bool {
    let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok();
    one == other || json(one).is_some_and(|one| Some(one) == json(other))
}

impl StubAnswer {
    /// Returns the response, with the service replaced by `base` in its links.
    pub fn relocated(&self, base: &str) -> RecordedResponse {
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
    // The recorded service may have been any: only the path counts.
    let target = target
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .map_or(target, |(_, rest)| rest.find('/').map_or("/", |path| &rest[path..]));
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

    /// Returns the status of the first answer to a GET, or to a POST with a body.
    fn status_of(stubs: &Stubs, target: &str, body: &str) -> Result<u16, String> {
        let method = if body.is_empty() { Method::GET } else { Method::POST };
        let number = stubs.find(&method, target, body.as_bytes())?;
        Ok(stubs.answer(number, &StubTurns::default()).unwrap().response.status.as_u16())
    }

    const SOME: &str = "GET {{base}}/v1.0/me\n\nHTTP 200\nlink: <https://graph.microsoft.com/v1.0/a>\n`https://graph.microsoft.com/v1.0/b`\n\n\
        GET {{base}}/v1.0/users?$select=id&$top=1\n\nHTTP 201\n\nGET {{base}}/v1.0/me?$select=id\n\nHTTP 202\n\nPOST {{base}}/v1.0/users\n";

    #[test]
    fn a_key_in_parentheses_is_a_segment_of_its_own() {
        let stubs =
            stubs("GET {{base}}/v1.0/teams/team-x/schedule\n\nHTTP 200\n\nGET {{base}}/v1.0/users('a')\n\nHTTP 202\n").unwrap();
        for (target, status) in [("/v1.0/teams('team-x')/schedule", 200), ("/v1.0/users/a", 202), ("/v1.0/users(id='a')", 202)] {
            assert_eq!(status_of(&stubs, target, ""), Ok(status), "{target}");
        }
        assert!(status_of(&stubs, "/v1.0/teams/schedule", "").is_err());
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
            assert_eq!(status_of(&stubs, target, ""), Ok(status), "{target}");
        }
        let number = stubs.find(&Method::GET, "/v1.0/me", b"").unwrap();
        let answer = stubs.answer(number, &StubTurns::default()).unwrap().relocated("http://localhost:1");
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
            let miss = stubs.find(&method, target, b"").unwrap_err();
            assert!(miss.contains(message), "{target}: {miss}");
        }
        let _ = stubs.find(&Method::GET, &"/x".repeat(100_000), b"");
    }

    #[test]
    fn patterns_answer_what_no_exact_stub_does() {
        let text = "GET {{base}}/v1.0/users/*/photo\n\nHTTP 200\n\nGET {{base}}/v1.0/users/me/photo\n\nHTTP 201\n\n\
            GET {{base}}/v1.0/sites/**\n\nHTTP 202\n\nGET {{base}}/v1.0/chats?$filter=topic%20eq%20'*'&$top=*\n\nHTTP 203\n\n\
            GET {{base}}/v1.0/chats?$filter=topic%20eq%20'a'&$top=1\n\nHTTP 206\n";
        let stubs = stubs(text).unwrap();
        for (target, status) in [
            ("/v1.0/users/a/photo", 200),
            ("/v1.0/Users('a')/photo", 200),
            ("/v1.0/users/me/photo", 201),
            ("/v1.0/sites/a/b/c?x=1", 202),
            ("/v1.0/chats?$top=5&$filter=topic+eq+'b'", 203),
            ("/v1.0/chats?$top=1&$filter=topic+eq+'a'", 206),
        ] {
            assert_eq!(status_of(&stubs, target, ""), Ok(status), "{target}");
        }
        for target in ["/v1.0/users/a/b/photo", "/v1.0/chats?$top=5", "/v1.0/chats?$top=5&$filter=topic+ne+'b'"] {
            assert!(status_of(&stubs, target, "").is_err(), "{target}");
        }
    }

    #[test]
    fn bodies_decide_where_they_are_all_that_differs() {
        let post = |body: &str, status: u16| format!("POST {{{{base}}}}/v1.0/search\n{body}\n\nHTTP {status}\n\n");
        let two = stubs(&format!("{}{}", post(r#"{"q":"a","n":1}"#, 200), post(r#"{"q":"b"}"#, 201))).unwrap();
        assert_eq!(status_of(&two, "/v1.0/search", r#"{"n": 1, "q": "a"}"#), Ok(200));
        assert_eq!(status_of(&two, "/v1.0/search", r#"{"q":"b"}"#), Ok(201));
        assert!(status_of(&two, "/v1.0/search", r#"{"q":"c"}"#).unwrap_err().ends_with("body differs"));
        let with_plain = stubs(&format!("{}{}", post(r#"{"q":"a"}"#, 200), post("", 202))).unwrap();
        assert_eq!(status_of(&with_plain, "/v1.0/search", r#"{"q":"c"}"#), Ok(202));
        let single = stubs(&post(r#"{"q":"a"}"#, 200)).unwrap();
        assert_eq!(status_of(&single, "/v1.0/search", r#"{"q":"c"}"#), Ok(200));
    }

    #[test]
    fn repeated_exchanges_are_served_in_turn_and_the_last_one_again() {
        let text = ["inProgress", "inProgress", "succeeded"]
            .map(|status| format!("GET {{{{base}}}}/v1.0/x/operations/1\n\nHTTP 200\n`{status}`\n\n"));
        let stubs = stubs(&text.concat()).unwrap();
        let turns = StubTurns::default();
        let next = || {
            let number = stubs.find(&Method::GET, "/v1.0/x/operations/1", b"").unwrap();
            String::from_utf8(stubs.answer(number, &turns).unwrap().response.body.to_vec()).unwrap()
        };
        assert_eq!(stubs.len(), 3);
        assert_eq!([next(), next(), next(), next()], ["inProgress", "inProgress", "succeeded", "succeeded"]);
        let other = StubTurns::default();
        assert_eq!(stubs.answer(0, &other).unwrap().response.body, "inProgress", "each world has turns of its own");
    }

    #[test]
    fn invalid_stubs_are_rejected_with_their_line() {
        for (text, message) in [
            ("GET {{base}}/a\n", "file: no exchange with a response found"),
            ("\nGET {{base}}/{{id}}\n\nHTTP 200\n", "file:2: unknown value {{id}}"),
            ("GET {{base}}/a\nHTTP 2\n", "file: line 2: invalid status"),
            ("GET {{base}}/a\n\nHTTP 103\n", "file:1: invalid status 103 of a stub, expected 200 to 599"),
            ("GET {{base}}/a\n\nHTTP 999\n", "file:1: invalid status 999 of a stub, expected 200 to 599"),
        ] {
            let problem = stubs(text).unwrap_err();
            assert!(problem.starts_with(message), "{problem}");
        }
    }
}
