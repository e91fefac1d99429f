use super::*;
use proptest::prelude::*;

/// Computed with the documented algorithm, not captured from the service.
const VECTOR: &str = include_str!("../../../../tests/data/encryption-vector.json");

struct Vector {
    secret: Secret,
    keys: MessageKeys,
    plaintext: Vec<u8>,
    body: Vec<u8>,
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn vector() -> Vector {
    let vector: serde_json::Value = serde_json::from_str(VECTOR).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let keys = [unhex(text("dek_hex")), unhex(text("iv_hex"))].concat();
    Vector {
        secret: Secret::new(text("secret")).unwrap(),
        keys: MessageKeys::from_bytes(&keys.try_into().unwrap()),
        plaintext: text("plaintext").as_bytes().to_vec(),
        body: unhex(text("body_hex")),
    }
}

/// Returns a body with changed parts.
fn with_parts(body: &[u8], change: impl FnOnce(&mut Envelope<'_>)) -> Vec<u8> {
    let mut envelope = Envelope::read(body).unwrap();
    change(&mut envelope);
    envelope.write()
}

#[test]
fn encryption_gives_the_bytes_of_the_vector() {
    let Vector { secret, keys, plaintext, body } = vector();
    assert_eq!(encrypt(&secret, &keys, &plaintext), body);
    assert_eq!(decrypt(&secret, &body).unwrap(), plaintext);
}

#[test]
fn another_secret_is_a_tag_mismatch() {
    let Vector { body, .. } = vector();
    for other in ["0".repeat(64), "a1".repeat(32)] {
        assert_eq!(decrypt(&Secret::new(&other).unwrap(), &body), Err(EnvelopeError::Tag));
    }
}

#[test]
fn invalid_padding_is_detected_despite_a_matching_tag() {
    let Vector { secret, keys, .. } = vector();
    let body = encrypt(&secret, &keys, b"0123456789abcdef");
    // Without its second block, the plaintext ends without padding.
    let parts = Envelope::read(&body).unwrap();
    let short = &parts.ciphertext[..BLOCK];
    let tag = secret.tag(parts.encrypted_key, parts.iv, short);
    let body = Envelope { ciphertext: short, tag: &tag, ..parts }.write();
    assert_eq!(decrypt(&secret, &body), Err(EnvelopeError::Padding));
}

#[test]
fn each_malformed_body_has_its_own_error() {
    let Vector { secret, body, .. } = vector();
    let error = |body: &[u8]| decrypt(&secret, body).unwrap_err().to_string();
    let replaced = |at: usize, byte: u8| {
        let mut body = body.clone();
        body[at] = byte;
        body
    };
    insta::assert_snapshot!(error(b""), @"truncated body: KeyID is incomplete");
    insta::assert_snapshot!(error(br#"{"tenantId":""}"#), @"KeyID: found 0x7b at byte 0, expected 0x10");
    insta::assert_snapshot!(error(&replaced(1, 3)), @"KeyID: found -2, expected 1");
    insta::assert_snapshot!(error(&[0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]), @"KeyID: number larger than 32 bits");
    insta::assert_snapshot!(error(&[0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), @"KeyID: number larger than 32 bits");
    insta::assert_snapshot!(error(&replaced(2, 0x0b)), @"Ciphertext: found 0x0b at byte 2, expected 0x2b");
    insta::assert_snapshot!(error(&replaced(3, 0x10)), @"Ciphertext: found 0x10 at byte 3, expected 0x0e");
    insta::assert_snapshot!(error(&body[..200]), @"truncated body: Ciphertext is incomplete");
    insta::assert_snapshot!(error(&body[..body.len() - 1]), @"truncated body: EncryptionManagerPayload is incomplete");
    insta::assert_snapshot!(error(&[&body[..], b"\n"].concat()), @"trailing data: 1 bytes after EncryptionManagerPayload");
    insta::assert_snapshot!(error(&with_parts(&body, |parts| parts.encrypted_key = b"short")), @"EK: found 5 bytes, expected 32");
    insta::assert_snapshot!(error(&with_parts(&body, |parts| parts.iv = &[0; 17])), @"IV: found 17 bytes, expected 16");
    insta::assert_snapshot!(error(&with_parts(&body, |parts| parts.ciphertext = &[0; 17])), @"CT: found 17 bytes, expected blocks of 16, at least one");
    insta::assert_snapshot!(error(&with_parts(&body, |parts| parts.ciphertext = &[])), @"CT: found 0 bytes, expected blocks of 16, at least one");
    insta::assert_snapshot!(error(&with_parts(&body, |parts| parts.tag = &[])), @"AT: found 0 bytes, expected 32");
    insta::assert_snapshot!(error(&with_parts(&body, |parts| parts.tag = &[0; 32])), @"tag mismatch: wrong secret or altered bytes");
}

#[test]
fn a_secret_has_exactly_64_ascii_characters() {
    let error = |text: &str| Secret::new(text).unwrap_err().to_string();
    insta::assert_snapshot!(error("My Secret"), @"invalid secret: 9 characters, expected 64");
    insta::assert_snapshot!(error(&"0".repeat(65)), @"invalid secret: 65 characters, expected 64");
    insta::assert_snapshot!(error(&"é".repeat(32)), @"invalid secret: non-ASCII characters, expected 64 ASCII characters");
    assert_eq!(format!("{:?}", Secret::new(&"x".repeat(64)).unwrap()), "Secret(…)", "secrets are not printed");
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn decryption_reverses_encryption(
        secret in "[ -~]{64}",
        keys in proptest::collection::vec(any::<u8>(), MessageKeys::LENGTH),
        plaintext in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let secret = Secret::new(&secret).unwrap();
        let keys = MessageKeys::from_bytes(&keys.try_into().unwrap());
        let body = encrypt(&secret, &keys, &plaintext);
        prop_assert_eq!(&body, &encrypt(&secret, &keys, &plaintext));
        prop_assert_eq!(decrypt(&secret, &body), Ok(plaintext));
    }

    #[test]
    fn every_altered_bit_is_detected(at in 0..212_usize, bit in 0..8) {
        let Vector { secret, mut body, .. } = vector();
        body[at] ^= 1_u8 << bit;
        prop_assert!(decrypt(&secret, &body).is_err());
    }

    #[test]
    fn every_truncated_body_is_refused(end in 0..212_usize) {
        let Vector { secret, body, .. } = vector();
        prop_assert!(decrypt(&secret, &body[..end]).is_err());
    }

    #[test]
    fn no_body_causes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0..212_usize, length in 0..20_usize) {
        let Vector { secret, mut body, .. } = vector();
        let _ = decrypt(&secret, &bytes);
        let end = (at + length).min(body.len());
        body.splice(at..end, bytes);
        let _ = decrypt(&secret, &body);
    }
}

#[test]
fn the_vector_has_the_length_that_the_properties_assume() {
    assert_eq!(vector().body.len(), 212);
}

#[test]
fn random_keys_differ() {
    assert_ne!(MessageKeys::random().unwrap(), MessageKeys::random().unwrap());
}
