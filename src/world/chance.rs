//! Random numbers derived from a seed.

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): spreads neighboring numbers over all 64 bits, one to one.
pub fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns a number from 0 (inclusive) to 1 (exclusive), derived from a seed, a stream and an index in it.
#[allow(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
pub(crate) fn fraction(seed: u64, stream: u64, index: u64) -> f64 {
    let bits = mixed(seed ^ mixed(mixed(stream) ^ index)) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_uniform_and_reproducible() {
        let mut counts = [0; 10];
        for index in 0..10_000 {
            let fraction = fraction(7, 3, index);
            assert!((0.0..1.0).contains(&fraction));
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 9")]
            {
                counts[(fraction * 10.0) as usize] += 1;
            }
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!(fraction(7, 3, 5).to_bits(), fraction(7, 3, 5).to_bits());
        assert_ne!(fraction(7, 3, 5).to_bits(), fraction(8, 3, 5).to_bits());
        assert_ne!(fraction(7, 3, 5).to_bits(), fraction(7, 4, 5).to_bits());
    }
}
