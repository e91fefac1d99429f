//! The changed entity in a notification, encrypted for its receiver.
//!
//! learn.microsoft.com/graph/change-notifications-with-resource-data: each item has a key of its own, encrypted with RSA-OAEP (SHA-1) under the
//! certificate of the subscription. The data is encrypted with AES-256-CBC and PKCS#7 padding, with the first 16 bytes of the key as the
//! initialization vector, and signed with HMAC-SHA-256 under the same key.

use std::fmt::Write as _;

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{Array, BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::hmac;
use serde_json::json;

use crate::entra::token;
use crate::text::json::quoted;
use crate::workloads::subscriptions::rsa::PublicKey;
use crate::world::World;

/// The application that signs the tokens of rich notifications: that of the service (the same page).
const PUBLISHER: &str = "0bf30f3b-4a52-48df-9a82-234910c4a086";

/// Length of a block in bytes.
const BLOCK: usize = 16;

/// Certificate of a receiver.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    key: PublicKey,
    id: String,
    thumbprint: String,
}

impl Certificate {
    /// Reads a certificate in base64, with its id; `None` if it cannot be used.
    pub(super) fn of(text: &str, id: &str) -> Option<Certificate> {
        let text: String = text.split_ascii_whitespace().collect();
        let der = STANDARD.decode(text).ok()?;
        let key = PublicKey::of_certificate(&der)?;
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &der);
        let mut thumbprint = String::new();
        for byte in hash.as_ref() {
            let _ = write!(thumbprint, "{byte:02X}");
        }
        Some(Certificate { key, id: id.to_owned(), thumbprint })
    }

    /// Encrypts a text, and returns the value of `encryptedContent`.
    pub(super) fn encrypted(&self, world: &World, text: &str) -> String {
        let (mut key, mut iv, mut seed) = ([0; 32], [0; 16], [0; 20]);
        key.copy_from_slice(&world.next_message_bytes()[..32]);
        iv.copy_from_slice(&key[..16]);
        seed.copy_from_slice(&world.next_message_bytes()[..20]);
        let mut data = text.as_bytes().to_vec();
        data.resize((text.len() / BLOCK + 1) * BLOCK, 0);
        let cipher = cbc::Encryptor::<Aes256>::new(&Array(key), &Array(iv));
        cipher.encrypt_padded::<Pkcs7>(&mut data, text.len()).expect("the buffer has room for the padding");
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &data);
        format!(
            "{{\"data\":\"{}\",\"dataSignature\":\"{}\",\"dataKey\":\"{}\",\"encryptionCertificateId\":{},\"encryptionCertificateThumbprint\":\"{}\"}}",
            STANDARD.encode(&data),
            STANDARD.encode(signature),
            STANDARD.encode(self.key.encrypt(&key, seed)),
            quoted(&self.id),
            self.thumbprint
        )
    }
}

/// Returns the token with which a receiver knows that a message is of the service.
pub(super) fn validation_token(world: &World, application: &str) -> String {
    let tenant = &world.directory.tenant_id;
    let now = token::unix_seconds(world.clock.now());
    token::signed(&json!({
        "aud": application, "iss": token::issuer(tenant), "iat": now, "nbf": now, "exp": now + 3_600,
        "appid": PUBLISHER, "azp": PUBLISHER, "tid": tenant, "ver": "1.0",
    }))
}
