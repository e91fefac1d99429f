//! The texts of an exchange in one buffer.

use http::header::HeaderMap;

use super::Record;

/// Target, headers and bodies of an exchange, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each part ends: target, request headers, request body, response headers, response body.
    ends: [usize; 5],
    /// The lengths of bodies that are kept only in part.
    cut: (Option<usize>, Option<usize>),
}

/// A buffer that has become larger than this, for one large body, is not kept for small ones.
const SPARE_LIMIT: usize = 16 * 1024;

impl Texts {
    /// Replaces the texts.
    pub(super) fn fill(&mut self, record: &Record<'_>, body_limit: usize) {
        let out = &mut self.bytes;
        out.clear();
        let kept = |body: &[u8]| body.len().min(body_limit);
        let (request_body, response_body) = (kept(record.request_body), kept(record.response_body));
        if out.capacity() > SPARE_LIMIT && out.capacity() / 4 > request_body + response_body {
            *out = Vec::new();
        }
        // Headers are mostly shorter than this; a buffer that is used again has the room already.
        out.reserve(record.target.len() + request_body + response_body + 1_200);
        out.extend_from_slice(record.target.as_bytes());
        self.ends[0] = out.len();
        write_headers(record.request_headers, out);
        self.ends[1] = out.len();
        out.extend_from_slice(&record.request_body[..request_body]);
        self.ends[2] = out.len();
        write_headers(record.response_headers, out);
        self.ends[3] = out.len();
        out.extend_from_slice(&record.response_body[..response_body]);
        self.ends[4] = out.len();
        let cut = |body: &[u8], kept: usize| (kept < body.len()).then_some(body.len());
        self.cut = (cut(record.request_body, request_body), cut(record.response_body, response_body));
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Returns the lengths of the two bodies where they are kept only in part.
    pub(super) fn cut(&self) -> (Option<usize>, Option<usize>) {
        self.cut
    }

    pub(super) fn target(&self) -> &str {
        // It was written from text.
        std::str::from_utf8(self.part(0)).unwrap_or_default()
    }

    pub(super) fn request_headers(&self) -> Vec<(String, String)> {
        read_headers(self.part(1))
    }

    pub(super) fn request_body(&self) -> &[u8] {
        self.part(2)
    }

    pub(super) fn response_headers(&self) -> Vec<(String, String)> {
        read_headers(self.part(3))
    }

    pub(super) fn response_body(&self) -> &[u8] {
        self.part(4)
    }

    fn part(&self, index: usize) -> &[u8] {
        let begin = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[begin..self.ends[index]]
    }
}

/// Writes headers, each as the lengths of its name and its value, and both.
fn write_headers(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        // The HTTP library limits the head of a message to far less than this holds.
        let length = |text: &[u8]| u64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        out.extend_from_slice(&(length(name) << 32 | length(value)).to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(value);
    }
}

fn read_headers(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    while let Some((lengths, rest)) = bytes.split_first_chunk::<8>() {
        let lengths = u64::from_le_bytes(*lengths);
        let length = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let Some((name, rest)) = rest.split_at_checked(length(lengths >> 32)) else { break };
        let Some((value, rest)) = rest.split_at_checked(length(lengths & u64::from(u32::MAX))) else { break };
        headers.push((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()));
        bytes = rest;
    }
    headers
}
