//! The content of media entities and of stream properties.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use ring::digest;

/// The bytes of the digest that a tag has.
const TAG_BYTES: usize = 12;

/// Content of a type, with a tag that follows from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Media {
    content_type: Box<str>,
    bytes: Bytes,
    tag: Box<str>,
}

impl Media {
    /// Returns content of a type. The bytes are those of a larger message, of which nothing else is kept.
    pub fn new(content_type: &str, bytes: &[u8]) -> Media {
        let digest = digest::digest(&digest::SHA256, bytes);
        let tag = format!("\"{}\"", STANDARD_NO_PAD.encode(&digest.as_ref()[..TAG_BYTES]));
        Media { content_type: content_type.into(), bytes: Bytes::copy_from_slice(bytes), tag: tag.into() }
    }

    /// Returns the type of the content.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Returns the content.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the tag of the content, in quotes.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Returns the size in memory, in bytes.
    pub fn size(&self) -> usize {
        size_of::<Media>() + self.content_type.len() + self.bytes.len() + self.tag.len()
    }
}
