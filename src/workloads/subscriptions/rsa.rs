//! RSA-OAEP under the public key of a certificate (RFC 8017, 7.1; RFC 5280). ring has no encryption with RSA.
//!
//! Nothing here is constant in time: the text is the key of one notification, and both ends belong to one test.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// Length of a SHA-1 hash.
const HASH: usize = 20;

/// Bits of the keys that the service accepts.
const BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

/// Public key of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey {
    /// The modulus, the least significant limb first.
    modulus: Vec<u64>,
    exponent: u64,
    /// The length of the modulus in bytes.
    length: usize,
}

/// Returns the contents of the next element of a DER text with a tag, and the rest.
fn element(text: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = text.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (bytes, rest) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| (1..=4).contains(&bytes.len()))?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    (*found == tag).then_some((contents, rest))
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The object identifier rsaEncryption.
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

impl PublicKey {
    /// Reads the RSA key of a certificate in DER; `None` if there is not one of 2,048 to 4,096 bits.
    pub(super) fn of_certificate(der: &[u8]) -> Option<PublicKey> {
        let (certificate, _) = element(der, SEQUENCE)?;
        let (mut signed, _) = element(certificate, SEQUENCE)?;
        if let Some((_, rest)) = element(signed, VERSION) {
            signed = rest;
        }
        // The serial number, the algorithm, the issuer, the validity, the subject.
        for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
            signed = element(signed, tag)?.1;
        }
        let (key, _) = element(signed, SEQUENCE)?;
        let (algorithm, key) = element(key, SEQUENCE)?;
        let (key, _) = element(key, BIT_STRING)?;
        let (key, _) = element(key.strip_prefix(&[0])?, SEQUENCE)?;
        let (modulus, key) = element(key, INTEGER)?;
        let (exponent, _) = element(key, INTEGER)?;
        let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
        let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
        let is_odd = modulus.last()? & 1 == 1;
        if !algorithm.starts_with(RSA) || !BITS.contains(&bits) || !is_odd || exponent.len() > 8 {
            return None;
        }
        let exponent = exponent.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        (exponent > 1).then(|| PublicKey { modulus: limbs(modulus), exponent, length: modulus.len() })
    }

    /// Encrypts a short text.
    pub(super) fn encrypt(&self, text: &[u8], seed: [u8; HASH]) -> Vec<u8> {
        let mut block = digest(&SHA1_FOR_LEGACY_USE_ONLY, b"").as_ref().to_vec();
        block.resize(self.length - HASH - 2 - text.len(), 0);
        block.push(1);
        block.extend_from_slice(text);
        mask(&mut block, &seed);
        let mut seed = seed.to_vec();
        mask(&mut seed, &block);
        let encoded = [&[0][..], &seed, &block].concat();
        let power = Montgomery::of(&self.modulus).power(&limbs(&encoded), self.exponent);
        let bytes: Vec<u8> = power.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
        bytes[bytes.len() - self.length..].to_vec()
    }
}

/// Masks a text with bytes that follow from a seed (MGF1).
fn mask(text: &mut [u8], seed: &[u8]) {
    for (chunk, counter) in text.chunks_mut(HASH).zip(0_u32..) {
        let bytes = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[seed, &counter.to_be_bytes()].concat());
        chunk.iter_mut().zip(bytes.as_ref()).for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// Reads a number, the most significant byte first.
fn limbs(bytes: &[u8]) -> Vec<u64> {
    bytes.rchunks(8).map(|chunk| chunk.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte))).collect()
}

/// Multiplication modulo an odd number (Montgomery 1985).
struct Montgomery<'m> {
    modulus: &'m [u64],
    /// The negative inverse of the modulus modulo 2^64.
    inverse: u64,
    /// 2^128n modulo the modulus of n limbs.
    square: Vec<u64>,
}

impl Montgomery<'_> {
    fn of(modulus: &[u64]) -> Montgomery<'_> {
        // Newton's method doubles the number of correct bits.
        let inverse = (0..6).fold(1_u64, |x, _| x.wrapping_mul(2_u64.wrapping_sub(modulus[0].wrapping_mul(x))));
        let mut square = vec![0; modulus.len()];
        square[0] = 1;
        for _ in 0..modulus.len() * 128 {
            let carry = square.iter_mut().fold(0, |carry, limb| {
                let next = *limb >> 63;
                *limb = *limb << 1 | carry;
                next
            });
            subtract_once(&mut square, carry, modulus);
        }
        Montgomery { modulus, inverse: inverse.wrapping_neg(), square }
    }

    fn multiply(&self, left: &[u64], right: &[u64]) -> Vec<u64> {
        let count = self.modulus.len();
        let mut sum = vec![0_u64; count + 2];
        for digit in left {
            let mut carry = 0;
            for index in 0..count {
                (sum[index], carry) = add_product(sum[index], *digit, right[index], carry);
            }
            let (top, overflow) = sum[count].overflowing_add(carry);
            (sum[count], sum[count + 1]) = (top, u64::from(overflow));
            let factor = sum[0].wrapping_mul(self.inverse);
            let (_, mut carry) = add_product(sum[0], factor, self.modulus[0], 0);
            for index in 1..count {
                (sum[index - 1], carry) = add_product(sum[index], factor, self.modulus[index], carry);
            }
            let (top, overflow) = sum[count].overflowing_add(carry);
            (sum[count - 1], sum[count]) = (top, sum[count + 1] + u64::from(overflow));
        }
        let carry = sum[count];
        sum.truncate(count);
        subtract_once(&mut sum, carry, self.modulus);
        sum
    }

    fn power(&self, base: &[u64], exponent: u64) -> Vec<u64> {
        let mut one = vec![0; self.modulus.len()];
        one[0] = 1;
        let base = self.multiply(base, &self.square);
        let mut power = self.multiply(&one, &self.square);
        for bit in (0..64 - exponent.leading_zeros()).rev() {
            power = self.multiply(&power, &power);
            if exponent >> bit & 1 == 1 {
                power = self.multiply(&power, &base);
            }
        }
        self.multiply(&power, &one)
    }
}

/// Returns `sum + left * right + carry`, low and high.
fn add_product(sum: u64, left: u64, right: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(sum) + u128::from(left) * u128::from(right) + u128::from(carry);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the number")]
    {
        (wide as u64, (wide >> 64) as u64)
    }
}

/// Subtracts the modulus from a number with a carry, if it is not less.
fn subtract_once(number: &mut [u64], carry: u64, modulus: &[u64]) {
    if carry == 0 && number.iter().rev().lt(modulus.iter().rev()) {
        return;
    }
    let mut borrow = false;
    for (limb, part) in number.iter_mut().zip(modulus) {
        let (difference, first) = limb.overflowing_sub(*part);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        (*limb, borrow) = (difference, first || second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn powers_are_those_of_small_numbers(base in any::<u64>(), exponent in 1_u64..100_000, modulus in any::<u64>()) {
            let modulus = modulus | 1;
            prop_assume!(modulus > 1);
            let wide = u128::from(modulus);
            let mut expected = 1_u128 % wide;
            for bit in (0..64).rev() {
                expected = expected * expected % wide;
                if exponent >> bit & 1 == 1 {
                    expected = expected * (u128::from(base) % wide) % wide;
                }
            }
            let found = Montgomery::of(&[modulus]).power(&[base % modulus], exponent);
            prop_assert_eq!(u128::from(found[0]), expected);
        }

        #[test]
        fn no_certificate_from_outside_causes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = PublicKey::of_certificate(&bytes);
        }
    }
}
