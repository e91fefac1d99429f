//! Requests, independent of their connection.

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Method, Uri};

use crate::world::journal::Arrival;
use crate::world::name::prefix_of;

/// The beginning of the paths of upload sessions.
pub(super) const UPLOADS: &str = "/_upload/";

/// The maximum size of a body in bytes, compressed or decompressed: Graph accepts up to 4 MB
/// (learn.microsoft.com/graph/sdks/large-file-upload: larger files need an upload session).
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// The maximum size of a fragment in an upload session, in bytes (learn.microsoft.com/graph/api/driveitem-createuploadsession: less than
/// 60 MiB).
const FRAGMENT_LIMIT: usize = 60 * 1024 * 1024;

/// Returns the maximum size of the body of a request to a path, in bytes.
pub(crate) fn body_limit(path: &str) -> usize {
    let path = &path[prefix_of(path).len()..];
    if path.starts_with(UPLOADS) { FRAGMENT_LIMIT } else { BODY_LIMIT }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target: path and query, or an absolute URI.
    pub target: Uri,
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// The way it came.
    pub via: Via,
    /// Its connection and time.
    pub arrival: Arrival,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// The way by which a request comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// The client has addressed the emulator.
    #[default]
    Direct,
    /// The client has addressed a host of Graph or Entra, with the emulator as its proxy. It does not reach the control API.
    Proxy,
}

/// Memory of a header beside its name and value, in bytes.
const HEADER_COST: usize = 128;

impl Request {
    /// Returns an estimate of the memory of the head.
    pub(crate) fn head_bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        self.target.path_and_query().map_or(0, |target| target.as_str().len()) + headers.sum::<usize>() + self.copied_head_bytes()
    }

    /// Returns an estimate of the memory of head and body.
    pub(crate) fn bytes(&self) -> usize {
        self.head_bytes() + self.body.bytes().len()
    }

    /// Returns the memory of a copy of the head, which shares its texts.
    pub(crate) fn copied_head_bytes(&self) -> usize {
        self.headers.len() * HEADER_COST
    }

    /// Whether the body is packed: it can be a thousand times as large as it was sent.
    pub(crate) fn is_packed(&self) -> bool {
        !self.body.bytes().is_empty() && self.headers.contains_key(header::CONTENT_ENCODING)
    }

    /// Returns the path without the prefix that names a world.
    pub fn path(&self) -> &str {
        let path = self.target.path();
        &path[prefix_of(path).len()..]
    }

    /// Returns path and query without the prefix that names a world.
    pub fn path_and_query(&self) -> &str {
        let whole = self.target.path_and_query().map_or("/", |target| target.as_str());
        &whole[prefix_of(self.target.path()).len()..]
    }
}

/// The body of a request.
#[derive(Clone, Debug)]
pub enum Body {
    /// The whole body.
    Whole(Bytes),
    /// A body larger than its limit, mostly [`BODY_LIMIT`], which was discarded.
    TooLarge,
}

impl Body {
    /// Returns the bytes; none of a discarded body.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Body::Whole(body) => body,
            Body::TooLarge => &[],
        }
    }
}
