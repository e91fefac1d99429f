//! The development key, which signs tokens and verifies them.
//!
//! It is embedded, so that tokens survive a restart, and published with the sources: its signatures prove nothing, as its file says.
//!
//! # Implementation rationale
//!
//! Signatures are made by ring, as is the cryptography of TLS. The maintained JWT crates depend on a second library for them, or on the
//! `rsa` crate with its open advisory (RUSTSEC-2023-0071), and compare lifetimes with the system clock instead of the world's. The
//! remainder of JWT is small: three texts in base64url between dots, and one algorithm.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

const PEM: &str = include_str!("../../fixtures/identity/development-key.pem");

/// The self-signed certificate of the key, as Entra publishes one with each of its keys.
const CERTIFICATE: &str = include_str!("../../fixtures/identity/development-certificate.pem");

/// A cached constant: parsing the key takes longer than answering a request.
pub(super) static KEY: LazyLock<Key> = LazyLock::new(Key::embedded);

/// A key pair, and the published form of its public half.
pub(super) struct Key {
    pair: RsaKeyPair,
    public: RsaPublicKeyComponents<Vec<u8>>,
    /// The id of the key: the SHA-1 thumbprint of its certificate, as in published keys of Entra (AzureAD/MSIdentityTools).
    pub(super) id: String,
    /// The certificate, in base64.
    pub(super) certificate: String,
    /// The modulus, in base64url.
    pub(super) modulus: String,
    /// The exponent, in base64url.
    pub(super) exponent: String,
}

impl Key {
    fn embedded() -> Key {
        let der = PrivatePkcs8KeyDer::from_pem_slice(PEM.as_bytes()).expect("the embedded file holds a key");
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("the embedded key is one of RSA");
        let public: RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
        let (modulus, exponent) = (URL_SAFE_NO_PAD.encode(&public.n), URL_SAFE_NO_PAD.encode(&public.e));
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("the embedded file holds a certificate");
        let id = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate));
        let certificate = STANDARD.encode(&certificate);
        Key { pair, public, id, certificate, modulus, exponent }
    }

    /// Signs a text (RS256), deterministically.
    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .expect("signing fails only if the system has no randomness, with which ring hides the key from its neighbors");
        signature
    }

    /// Returns whether a signature of a text is valid.
    pub(super) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        self.public.verify(&RSA_PKCS1_2048_8192_SHA256, text, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_verified() {
        let signature = KEY.sign(b"text");
        assert_eq!(signature, KEY.sign(b"text"));
        assert!(KEY.has_signed(b"text", &signature));
        assert!(!KEY.has_signed(b"texts", &signature));
        assert!(!KEY.has_signed(b"text", &signature[1..]));
        assert!(!KEY.has_signed(b"text", b""));
    }

    #[test]
    fn the_file_of_the_key_says_that_it_is_worthless() {
        assert!(PEM.starts_with("DEVELOPMENT KEY OF wfi-emulator: PUBLIC AND WORTHLESS."));
        assert!(CERTIFICATE.starts_with("CERTIFICATE OF THE DEVELOPMENT KEY OF wfi-emulator: PUBLIC AND WORTHLESS."));
    }

    #[test]
    fn the_certificate_is_that_of_the_key() {
        use crate::world::fixture::directory::Certificate;
        let certificate = Certificate::read(&STANDARD.decode(&KEY.certificate).unwrap()).unwrap();
        assert_eq!(certificate.public_key, KEY.pair.public().as_ref());
        assert_eq!((URL_SAFE_NO_PAD.encode(certificate.sha1), KEY.id.len()), (KEY.id.clone(), 27));
    }
}
