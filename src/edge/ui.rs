//! The page under `/_emulator/ui/`, for people: static files, served as they are, and the token that its requests carry.
//!
//! The files are parts of the program and are not copied. Only the document itself is written for each reader, because the token is in it.
//! Who may read the document, and use the control API with its token, is decided by the guard of the control API.

use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use ring::rand::{SecureRandom as _, SystemRandom};

/// The path of the page.
pub(crate) const PATH: &str = "/_emulator/ui/";

/// The header with the token of the page.
pub(crate) const TOKEN: HeaderName = HeaderName::from_static("x-wfi-emulator-ui-token");

/// A token that the page proves its origin with, and that no other page can read.
pub struct UiToken(String);

impl fmt::Debug for UiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UiToken")
    }
}

impl UiToken {
    /// Draws a token: 32 random bytes of the system, which do not follow from the seed.
    ///
    /// # Errors
    ///
    /// Fails if the system has no random bytes.
    pub fn draw() -> Result<UiToken, String> {
        let mut bytes = [0; 32];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| "no random bytes from the system for the token of the page".to_owned())?;
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Ok(UiToken(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()))
    }

    /// Returns the text of the token.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// One file of the page.
struct File {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

macro_rules! files {
    ($( $name:literal $media_type:literal; )+) => {
        /// All files of the page but the document.
        static FILES: &[File] = &[$( File {
            name: $name,
            media_type: $media_type,
            content: include_bytes!(concat!("ui/page/", $name)),
        }, )+];
    };
}

files! {
    "style.css" "text/css; charset=utf-8";
    "icon.svg" "image/svg+xml";
    "main.js" "text/javascript; charset=utf-8";
    "api.js" "text/javascript; charset=utf-8";
    "behaviors.js" "text/javascript; charset=utf-8";
    "copy.js" "text/javascript; charset=utf-8";
    "detail.js" "text/javascript; charset=utf-8";
    "diff.js" "text/javascript; charset=utf-8";
    "dom.js" "text/javascript; charset=utf-8";
    "entities.js" "text/javascript; charset=utf-8";
    "faults.js" "text/javascript; charset=utf-8";
    "feed.js" "text/javascript; charset=utf-8";
    "clock.js" "text/javascript; charset=utf-8";
    "json.js" "text/javascript; charset=utf-8";
    "list.js" "text/javascript; charset=utf-8";
    "report.js" "text/javascript; charset=utf-8";
    "requests.js" "text/javascript; charset=utf-8";
    "state.js" "text/javascript; charset=utf-8";
}

/// The document, with a place for the token.
const DOCUMENT: &str = include_str!("ui/page/index.html");

/// The place of the token in the document.
const TOKEN_PLACE: &str = "{token}";

/// The page for a reader who has followed a link of another page: a click leads on, so that no other page opens the document by itself.
const DOOR: &str = include_str!("ui/page/door.html");

/// The reader of the document, which decides its content.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reader<'t> {
    /// Someone of this machine: the document, with the token.
    Local(&'t UiToken),
    /// Someone who must know the token of the control API: the document, which asks for it.
    Remote,
    /// Someone who comes from another page: the link to the document.
    Visitor,
}

/// Whether a path is one of the page.
pub(crate) fn is_page(path: &str) -> bool {
    path.strip_prefix(PATH.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path is that of the document.
pub(crate) fn is_document(path: &str) -> bool {
    path == PATH
}

/// Returns the document.
pub(crate) fn document(reader: Reader<'_>) -> Response<Bytes> {
    let body = match reader {
        Reader::Local(token) => Bytes::from(DOCUMENT.replacen(TOKEN_PLACE, token.text(), 1)),
        Reader::Remote => Bytes::from(DOCUMENT.replacen(TOKEN_PLACE, "", 1)),
        Reader::Visitor => Bytes::from_static(DOOR.as_bytes()),
    };
    response(StatusCode::OK, "text/html; charset=utf-8", body)
}

/// Returns another file of the page, if a path has one.
pub(crate) fn file(path: &str) -> Option<Response<Bytes>> {
    let name = path.strip_prefix(PATH)?;
    let file = FILES.iter().find(|file| file.name == name)?;
    Some(response(StatusCode::OK, file.media_type, Bytes::from_static(file.content)))
}

/// Returns the answer that leads a browser to the page.
pub(crate) fn redirect() -> Response<Bytes> {
    let mut response = response(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Bytes::new());
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(PATH));
    response
}

/// The headers of all files. No other page can show, embed or open one with a reference to it; scripts and styles are files of the page;
/// and texts never become markup, which browsers with trusted types refuse.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

fn response(status: StatusCode, media_type: &'static str, body: Bytes) -> Response<Bytes> {
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let files = FILES.iter().map(|file| file.content.len());
        let size = files.sum::<usize>() + DOCUMENT.len() + DOOR.len();
        assert!(size <= 80 * 1024, "{size} bytes");
    }

    #[test]
    fn every_file_of_the_folder_is_served_and_needs_no_other_server() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/edge/ui/page");
        let mut names: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let mut known: Vec<&str> = FILES.iter().map(|file| file.name).chain(["index.html", "door.html"]).collect();
        known.sort_unstable();
        assert_eq!(names, known);
        for (name, content) in FILES.iter().map(|file| (file.name, file.content)).chain([("index.html", DOCUMENT.as_bytes())]) {
            let text = std::str::from_utf8(content).unwrap();
            for other in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "style=\"", "onclick="]
            {
                assert!(!text.contains(other), "{name} has {other}");
            }
            let addresses = text
                .match_indices("://")
                .filter(|(at, _)| !text[..*at].ends_with("http") || !text[*at..].starts_with("://www.w3.org/2000/svg"));
            assert_eq!(addresses.count(), 0, "{name} names another server");
        }
    }

    #[test]
    fn the_token_is_in_the_document_of_local_readers_only() {
        let token = UiToken::draw().unwrap();
        assert_eq!((token.text().len(), DOCUMENT.matches(TOKEN_PLACE).count()), (64, 1));
        assert_ne!(token.text(), UiToken::draw().unwrap().text());
        assert!(!format!("{token:?}").contains(token.text()));
        for (reader, expected) in [(Reader::Local(&token), 1), (Reader::Remote, 0), (Reader::Visitor, 0)] {
            let document = document(reader);
            let text = std::str::from_utf8(document.body()).unwrap();
            assert_eq!(text.matches(token.text()).count(), expected, "{reader:?}");
            assert!(!text.contains(TOKEN_PLACE) && !text.contains("<script>"), "{reader:?}");
        }
    }

    #[test]
    fn no_file_can_be_framed_or_run_the_scripts_of_others() {
        let token = UiToken::draw().unwrap();
        let answers = FILES.iter().map(|file| super::file(&format!("{PATH}{}", file.name)).unwrap());
        for answer in
            answers.chain([document(Reader::Local(&token)), document(Reader::Remote), document(Reader::Visitor), redirect()])
        {
            let header = |name: &str| answer.headers()[name].to_str().unwrap();
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self';") && policy.contains("frame-ancestors 'none'"));
            assert!(!policy.contains("unsafe") && policy.contains("trusted-types 'none'"), "{policy}");
            assert_eq!(
                (header("x-content-type-options"), header("cross-origin-resource-policy"), header("cross-origin-opener-policy")),
                ("nosniff", "same-origin", "same-origin")
            );
        }
        assert!(super::file("/_emulator/ui/none.js").is_none() && super::file("/_emulator/ui/").is_none());
    }
}
