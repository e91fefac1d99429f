//! The encryption of everything that Shifts sends: AES-256-CBC with an HMAC-SHA-256 tag, in Bond's `CompactBinary` version 1.
//!
//! For a plaintext, with the 64 characters of the secret as 64 bytes:
//! 1. the first 32 bytes are the key of the tag, the last 32 the key that encrypts keys;
//! 2. a new data key of 32 bytes and a new initialization vector of 16 are chosen;
//! 3. CT is the plaintext under AES-256-CBC with PKCS#7 padding, EK the data key under AES-256-ECB without padding;
//! 4. AT is the HMAC-SHA-256 of the algorithm's name, the number 1 in four bytes (little-endian), EK, IV and CT;
//! 5. EK, IV, CT and AT are the fields of one Bond struct, which is a blob in another beside the number of the key, 1.
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

/// The name of the algorithm, which the tag covers.
const ALGORITHM: &[u8] = b"AES-256-CBC-HMAC-SHA256";

/// The number of the one key that there is.
const KEY_ID: u32 = 1;

/// The length of a secret in characters.
const SECRET: usize = 64;

const KEY: usize = 32;
const BLOCK: usize = 16;
const TAG: usize = 32;

// Bond's CompactBinary: a field begins with its number and the type of its value in one byte, a list with the type of its items.
const INT32: u8 = 16;
const LIST: u8 = 11;
const INT8: u8 = 14;
const STOP: u8 = 0;

/// The secret that an integration and its connector share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; SECRET]);

impl Secret {
    /// Reads a secret: exactly 64 characters of ASCII.
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

/// What is new with each message: the data key and the initialization vector. From equal ones come equal bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageKeys {
    data_key: [u8; KEY],
    iv: [u8; BLOCK],
}

impl MessageKeys {
    /// How many bytes they are made from.
    pub const LENGTH: usize = KEY + BLOCK;

    /// Makes them from bytes: the data key, then the vector.
    pub fn from_bytes(bytes: &[u8; MessageKeys::LENGTH]) -> MessageKeys {
        let mut keys = MessageKeys { data_key: [0; KEY], iv: [0; BLOCK] };
        keys.data_key.copy_from_slice(&bytes[..KEY]);
        keys.iv.copy_from_slice(&bytes[KEY..]);
        keys
    }

    /// Makes them from the system's randomness.
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

/// Why a body cannot be read, or a message not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvelopeError {
    /// The secret is not 64 characters of ASCII.
    Secret {
        /// Whether all its characters are ASCII.
        is_ascii: bool,
        /// How many characters it has.
        found: usize,
    },
    /// The system has no randomness to give.
    NoRandomness,
    /// The body ends too early.
    Truncated {
        /// What should stand there.
        part: &'static str,
    },
    /// A byte of the framing is another than it must be.
    Framing {
        /// What begins with the byte.
        part: &'static str,
        /// Where it stands in the body.
        at: usize,
        /// What it must be.
        expected: u8,
        /// What it is.
        found: u8,
    },
    /// A number has more digits than 32 bits hold.
    Number {
        /// What the number says.
        part: &'static str,
    },
    /// The number of the key is not 1.
    KeyId {
        /// What it is.
        found: i32,
    },
    /// A field has another length than it must have.
    Length {
        /// The field.
        part: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: usize,
    },
    /// There is something behind the end.
    Trailing {
        /// Where.
        part: &'static str,
        /// How many bytes.
        count: usize,
    },
    /// The tag does not fit: another secret, or altered bytes. Nothing was decrypted.
    Tag,
    /// The tag fits, but the plaintext has no valid padding: whoever encrypted made a mistake.
    Padding,
}

impl EnvelopeError {
    /// Returns the name that logs and reports use.
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
                write!(f, "the secret has {found} characters, expected exactly {SECRET}")
            }
            EnvelopeError::Secret { is_ascii: false, .. } => {
                write!(f, "the secret has characters that are not ASCII, expected exactly {SECRET} that are")
            }
            EnvelopeError::NoRandomness => f.write_str("the system has no random bytes for a new key"),
            EnvelopeError::Truncated { part } => write!(f, "the body ends before {part} is complete"),
            EnvelopeError::Framing { part, at, expected, found } => {
                write!(f, "{part}: found {found:#04x} at byte {at}, expected {expected:#04x}")
            }
            EnvelopeError::Number { part } => write!(f, "{part}: the number does not fit into 32 bits"),
            EnvelopeError::KeyId { found } => write!(f, "KeyID: found {found}, expected {KEY_ID}"),
            EnvelopeError::Length { part, expected, found } => write!(f, "{part}: found {found} bytes, expected {expected}"),
            EnvelopeError::Trailing { part, count } => write!(f, "{count} bytes follow behind the end of {part}"),
            EnvelopeError::Tag => f.write_str("the tag does not fit: it was made with another secret, or bytes were altered"),
            EnvelopeError::Padding => f.write_str("the tag fits, but what was encrypted has no valid PKCS#7 padding"),
        }
    }
}

impl std::error::Error for EnvelopeError {}

/// An encrypted body, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'b> {
    /// EK: the data key, encrypted; 32 bytes.
    pub encrypted_key: &'b [u8],
    /// IV: the initialization vector; 16 bytes.
    pub iv: &'b [u8],
    /// CT: what is said; at least 16 bytes, in blocks of 16.
    pub ciphertext: &'b [u8],
    /// AT: the tag; 32 bytes.
    pub tag: &'b [u8],
}

/// Encrypts a plaintext and returns the body that Shifts would send.
pub fn encrypt(secret: &Secret, keys: &MessageKeys, plaintext: &[u8]) -> Vec<u8> {
    let mut data_key = Array(keys.data_key);
    let cipher = cbc::Encryptor::<Aes256>::new(&data_key, &Array(keys.iv));
    let mut ciphertext = plaintext.to_vec();
    ciphertext.resize((plaintext.len() / BLOCK + 1) * BLOCK, 0);
    cipher.encrypt_padded::<Pkcs7>(&mut ciphertext, plaintext.len()).expect("there is room for the padding");
    let encrypted_key = {
        let (block, _) = Array::slice_as_chunks_mut(data_key.as_mut_slice());
        secret.key_cipher().encrypt_blocks(block);
        data_key.0
    };
    let tag = secret.tag(&encrypted_key, &keys.iv, &ciphertext);
    Envelope { encrypted_key: &encrypted_key, iv: &keys.iv, ciphertext: &ciphertext, tag: &tag }.write()
}

/// Decrypts a body. Nothing is decrypted before the tag fits, which is compared in constant time.
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
    /// Takes a body apart. Nothing in it is trusted yet.
    pub(crate) fn read(body: &'b [u8]) -> Result<Envelope<'b>, EnvelopeError> {
        let mut outer = Reader { body, at: 0 };
        outer.expect(field(0, INT32), "KeyID")?;
        let number = outer.number("KeyID")?;
        // Zigzag: the sign is the lowest bit.
        let key_id = (number >> 1).cast_signed() ^ -((number & 1).cast_signed());
        if key_id != KEY_ID.cast_signed() {
            return Err(EnvelopeError::KeyId { found: key_id });
        }
        let inner = outer.blob(1, "Ciphertext")?;
        outer.end("EncryptionManagerPayload")?;
        let mut inner = Reader { body: &body[..outer.at - 1], at: outer.at - 1 - inner.len() };
        let encrypted_key = sized(inner.blob(0, "EK")?, KEY, "EK", "32")?;
        let iv = sized(inner.blob(1, "IV")?, BLOCK, "IV", "16")?;
        let ciphertext = inner.blob(2, "CT")?;
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
            let (part, expected, found) = ("CT", "blocks of 16, at least one", ciphertext.len());
            return Err(EnvelopeError::Length { part, expected, found });
        }
        let tag = sized(inner.blob(3, "AT")?, TAG, "AT", "32")?;
        inner.end("AesCbcHmacEncryptorPayload")?;
        Ok(Envelope { encrypted_key, iv, ciphertext, tag })
    }

    /// Puts the body together.
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

fn sized<'b>(bytes: &'b [u8], length: usize, part: &'static str, expected: &'static str) -> Result<&'b [u8], EnvelopeError> {
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

/// Writes a number in groups of seven bits, the lowest first (LEB128).
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// What of a body was read.
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
