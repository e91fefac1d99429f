//! Encryption of requests by Shifts: AES-256-CBC with an HMAC-SHA-256 tag, in Bond's `CompactBinary` version 1.
//!
//! The 64 ASCII characters of the secret are 64 bytes of key material:
//! 1. the first 32 bytes are the tag key, the last 32 the key-encryption key;
//! 2. each message has a new data key of 32 bytes and a new initialization vector (IV) of 16 bytes;
//! 3. CT is the plaintext under AES-256-CBC with PKCS#7 padding, EK the data key under AES-256-ECB without padding;
//! 4. AT is the HMAC-SHA-256 of the algorithm name, the number 1 in four bytes (little-endian), EK, IV and CT;
//! 5. EK, IV, CT and AT are the fields of a Bond struct, which is a blob in an outer struct, after the key id 1.
//!
//! Source: learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration (Encryption);
//! OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors `Aes256CbcHmacSha256Encryptor.cs` with its two `.bond` schemas.

use std::fmt;

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{Array, BlockCipherDecrypt as _, BlockCipherEncrypt as _, BlockModeDecrypt as _, BlockModeEncrypt as _};
use aes::cipher::{KeyInit as _, KeyIvInit as _};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::text::constant_time::is_equal;

/// Name of the algorithm, authenticated by the tag.
const ALGORITHM: &[u8] = b"AES-256-CBC-HMAC-SHA256";

/// The only key id in use.
const KEY_ID: u32 = 1;

/// Length of a secret in characters.
const SECRET_LENGTH: usize = 64;

const KEY: usize = 32;
const BLOCK: usize = 16;
const TAG: usize = 32;

// Bond's CompactBinary: a field begins with its id and the type of its value in one byte, a list with the type of its items.
const INT32: u8 = 16;
const LIST: u8 = 11;
const INT8: u8 = 14;
const STOP: u8 = 0;

/// Shared secret of an integration and its connector.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; SECRET_LENGTH]);

impl Secret {
    /// Parses a secret of exactly 64 ASCII characters.
    pub fn new(text: &str) -> Result<Secret, EnvelopeError> {
        let bytes = text.as_bytes().try_into().ok().filter(|_| text.is_ascii());
        bytes.map(Secret).ok_or_else(|| EnvelopeError::Secret { is_ascii: text.is_ascii(), found: text.chars().count() })
    }

    fn tag_key(&self) -> &[u8] {
        &self.0[..KEY]
    }

    fn key_cipher(&self) -> Aes256 {
        let mut key = [0; KEY];
        key.copy_from_slice(&self.0[KEY..]);
        Aes256::new(&Array(key))
    }

    fn tag(&self, encrypted_key: &[u8], iv: &[u8], ciphertext: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.tag_key()));
        for part in [ALGORITHM, &KEY_ID.to_le_bytes(), encrypted_key, iv, ciphertext] {
            context.update(part);
        }
        let mut tag = [0; TAG];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Data key and initialization vector of one message. Encryption is deterministic: equal keys and plaintexts give equal bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageKeys {
    data_key: [u8; KEY],
    iv: [u8; BLOCK],
}

impl MessageKeys {
    /// Total length in bytes.
    pub const LENGTH: usize = KEY + BLOCK;

    /// Splits bytes into the data key and the initialization vector, in this order.
    pub fn from_bytes(bytes: &[u8; MessageKeys::LENGTH]) -> MessageKeys {
        let mut keys = MessageKeys { data_key: [0; KEY], iv: [0; BLOCK] };
        keys.data_key.copy_from_slice(&bytes[..KEY]);
        keys.iv.copy_from_slice(&bytes[KEY..]);
        keys
    }

    /// Draws keys from the system's random number generator.
    pub fn random() -> Result<MessageKeys, EnvelopeError> {
        let mut bytes = [0; MessageKeys::LENGTH];
        SystemRandom::new().fill(&mut bytes).map_err(|_| EnvelopeError::NoRandomness)?;
        Ok(MessageKeys::from_bytes(&bytes))
    }
}

impl fmt::Debug for MessageKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageKeys(…)")
    }
}

/// Error of encryption or decryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvelopeError {
    /// The secret is not 64 ASCII characters.
    Secret {
        /// Whether all its characters are ASCII.
        is_ascii: bool,
        /// Number of characters.
        found: usize,
    },
    /// The system's random number generator failed.
    NoRandomness,
    /// The body ends too early.
    Truncated {
        /// Incomplete part.
        part: &'static str,
    },
    /// Unexpected byte in the framing.
    Framing {
        /// Part that begins with the byte.
        part: &'static str,
        /// Offset in the body.
        at: usize,
        /// Expected byte.
        expected: u8,
        /// Actual byte.
        found: u8,
    },
    /// A number is larger than 32 bits.
    Number {
        /// Part that the number belongs to.
        part: &'static str,
    },
    /// The key id is not 1.
    KeyId {
        /// Actual key id.
        found: i32,
    },
    /// A field has an invalid length.
    Length {
        /// Name of the field.
        part: &'static str,
        /// Expected length.
        expected: &'static str,
        /// Actual length in bytes.
        found: usize,
    },
    /// Bytes follow the end of a struct.
    Trailing {
        /// Name of the struct.
        part: &'static str,
        /// Number of trailing bytes.
        count: usize,
    },
    /// Tag mismatch: wrong secret or altered bytes. Nothing was decrypted.
    Tag,
    /// Invalid padding despite a matching tag: an error of the encrypting side.
    Padding,
}

impl EnvelopeError {
    /// Returns the name in logs and reports.
    pub fn name(&self) -> &'static str {
        match self {
            EnvelopeError::Secret { .. } => "secret",
            EnvelopeError::NoRandomness => "no-randomness",
            EnvelopeError::Truncated { .. } => "truncated",
            EnvelopeError::Framing { .. } => "framing",
            EnvelopeError::Number { .. } => "number",
            EnvelopeError::KeyId { .. } => "key-id",
            EnvelopeError::Length { .. } => "length",
            EnvelopeError::Trailing { .. } => "trailing",
            EnvelopeError::Tag => "tag",
            EnvelopeError::Padding => "padding",
        }
    }
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnvelopeError::Secret { is_ascii: true, found } => {
                write!(f, "invalid secret: {found} characters, expected {SECRET_LENGTH}")
            }
            EnvelopeError::Secret { is_ascii: false, .. } => {
                write!(f, "invalid secret: non-ASCII characters, expected {SECRET_LENGTH} ASCII characters")
            }
            EnvelopeError::NoRandomness => f.write_str("no random bytes from the system"),
            EnvelopeError::Truncated { part } => write!(f, "truncated body: {part} is incomplete"),
            EnvelopeError::Framing { part, at, expected, found } => {
                write!(f, "{part}: found {found:#04x} at byte {at}, expected {expected:#04x}")
            }
            EnvelopeError::Number { part } => write!(f, "{part}: number larger than 32 bits"),
            EnvelopeError::KeyId { found } => write!(f, "KeyID: found {found}, expected {KEY_ID}"),
            EnvelopeError::Length { part, expected, found } => write!(f, "{part}: found {found} bytes, expected {expected}"),
            EnvelopeError::Trailing { part, count } => write!(f, "trailing data: {count} bytes after {part}"),
            EnvelopeError::Tag => f.write_str("tag mismatch: wrong secret or altered bytes"),
            EnvelopeError::Padding => f.write_str("invalid PKCS#7 padding in the plaintext, although the tag matches"),
        }
    }
}

impl std::error::Error for EnvelopeError {}

/// Fields of an encrypted body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'b> {
    /// EK: encrypted data key; 32 bytes.
    pub encrypted_key: &'b [u8],
    /// IV: initialization vector; 16 bytes.
    pub iv: &'b [u8],
    /// CT: ciphertext; one or more blocks of 16 bytes.
    pub ciphertext: &'b [u8],
    /// AT: tag; 32 bytes.
    pub tag: &'b [u8],
}

/// Encrypts a plaintext and returns the request body that Shifts would send.
pub fn encrypt(secret: &Secret, keys: &MessageKeys, plaintext: &[u8]) -> Vec<u8> {
    let mut data_key = Array(keys.data_key);
    let cipher = cbc::Encryptor::<Aes256>::new(&data_key, &Array(keys.iv));
    let mut ciphertext = plaintext.to_vec();
    ciphertext.resize((plaintext.len() / BLOCK + 1) * BLOCK, 0);
    cipher.encrypt_padded::<Pkcs7>(&mut ciphertext, plaintext.len()).expect("the buffer has room for the padding");
    let encrypted_key = {
        let (block, _) = Array::slice_as_chunks_mut(data_key.as_mut_slice());
        secret.key_cipher().encrypt_blocks(block);
        data_key.0
    };
    let tag = secret.tag(&encrypted_key, &keys.iv, &ciphertext);
    Envelope { encrypted_key: &encrypted_key, iv: &keys.iv, ciphertext: &ciphertext, tag: &tag }.write()
}

/// Decrypts a body. The tag is verified first, in constant time.
pub fn decrypt(secret: &Secret, body: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let envelope = Envelope::read(body)?;
    let expected = secret.tag(envelope.encrypted_key, envelope.iv, envelope.ciphertext);
    if !is_equal(&expected, envelope.tag) {
        return Err(EnvelopeError::Tag);
    }
    let mut data_key = [0; KEY];
    data_key.copy_from_slice(envelope.encrypted_key);
    let (blocks, _) = Array::slice_as_chunks_mut(&mut data_key);
    secret.key_cipher().decrypt_blocks(blocks);
    let mut iv = [0; BLOCK];
    iv.copy_from_slice(envelope.iv);
    let mut plaintext = envelope.ciphertext.to_vec();
    let cipher = cbc::Decryptor::<Aes256>::new(&Array(data_key), &Array(iv));
    let length = cipher.decrypt_padded::<Pkcs7>(&mut plaintext).map_err(|_| EnvelopeError::Padding)?.len();
    plaintext.truncate(length);
    Ok(plaintext)
}

impl<'b> Envelope<'b> {
    /// Parses a body. The tag is not verified.
    pub(crate) fn read(body: &'b [u8]) -> Result<Envelope<'b>, EnvelopeError> {
        let mut outer = Reader { body, at: 0 };
        outer.expect(field(0, INT32), "KeyID")?;
        let zigzag = outer.number("KeyID")?;
        // Zigzag encoding: the lowest bit is the sign.
        let key_id = (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed());
        if key_id != KEY_ID.cast_signed() {
            return Err(EnvelopeError::KeyId { found: key_id });
        }
        let inner = outer.blob(1, "Ciphertext")?;
        outer.end("EncryptionManagerPayload")?;
        let mut inner = Reader { body: &body[..outer.at - 1], at: outer.at - 1 - inner.len() };
        let encrypted_key = exact_length(inner.blob(0, "EK")?, KEY, "EK", "32")?;
        let iv = exact_length(inner.blob(1, "IV")?, BLOCK, "IV", "16")?;
        let ciphertext = inner.blob(2, "CT")?;
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
            let (part, expected, found) = ("CT", "blocks of 16, at least one", ciphertext.len());
            return Err(EnvelopeError::Length { part, expected, found });
        }
        let tag = exact_length(inner.blob(3, "AT")?, TAG, "AT", "32")?;
        inner.end("AesCbcHmacEncryptorPayload")?;
        Ok(Envelope { encrypted_key, iv, ciphertext, tag })
    }

    /// Serializes the body.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut inner = Vec::with_capacity(self.ciphertext.len() + 128);
        for (number, bytes) in (0..).zip([self.encrypted_key, self.iv, self.ciphertext, self.tag]) {
            write_blob(&mut inner, number, bytes);
        }
        inner.push(STOP);
        let mut body = Vec::with_capacity(inner.len() + 16);
        body.push(field(0, INT32));
        write_number(&mut body, u64::from(KEY_ID) << 1);
        write_blob(&mut body, 1, &inner);
        body.push(STOP);
        body
    }
}

fn exact_length<'b>(
    bytes: &'b [u8],
    length: usize,
    part: &'static str,
    expected: &'static str,
) -> Result<&'b [u8], EnvelopeError> {
    if bytes.len() == length { Ok(bytes) } else { Err(EnvelopeError::Length { part, expected, found: bytes.len() }) }
}

const fn field(number: u8, kind: u8) -> u8 {
    number << 5 | kind
}

fn write_blob(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.extend_from_slice(&[field(number, LIST), INT8]);
    write_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a number in LEB128: groups of seven bits, lowest first.
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Cursor over a body.
struct Reader<'b> {
    body: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn byte(&mut self, part: &'static str) -> Result<u8, EnvelopeError> {
        let byte = *self.body.get(self.at).ok_or(EnvelopeError::Truncated { part })?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, expected: u8, part: &'static str) -> Result<(), EnvelopeError> {
        let found = self.byte(part)?;
        if found == expected { Ok(()) } else { Err(EnvelopeError::Framing { part, at: self.at - 1, expected, found }) }
    }

    fn number(&mut self, part: &'static str) -> Result<u32, EnvelopeError> {
        let mut number = 0_u64;
        for group in 0..5 {
            let byte = self.byte(part)?;
            number |= u64::from(byte & 0x7f) << (7 * group);
            if byte < 0x80 {
                return u32::try_from(number).map_err(|_| EnvelopeError::Number { part });
            }
        }
        Err(EnvelopeError::Number { part })
    }

    fn blob(&mut self, number: u8, part: &'static str) -> Result<&'b [u8], EnvelopeError> {
        self.expect(field(number, LIST), part)?;
        self.expect(INT8, part)?;
        let length = usize::try_from(self.number(part)?).map_err(|_| EnvelopeError::Number { part })?;
        let rest = &self.body[self.at..];
        let bytes = rest.get(..length).ok_or(EnvelopeError::Truncated { part })?;
        self.at += length;
        Ok(bytes)
    }

    fn end(&mut self, part: &'static str) -> Result<(), EnvelopeError> {
        self.expect(STOP, part)?;
        match self.body.len() - self.at {
            0 => Ok(()),
            count => Err(EnvelopeError::Trailing { part, count }),
        }
    }
}

#[cfg(test)]
mod tests;
