//! `Edm.Decimal`: numbers that a binary fraction cannot represent, such as 0.1.

use std::cmp::Ordering;
use std::fmt;

/// The significant digits of a decimal, more than the 28 of the service's platform.
const DIGITS: u32 = 34;

const LIMIT: i128 = 10_i128.pow(DIGITS);

/// The bits that hold the number of fraction digits.
const SCALE_BITS: u32 = 8;

/// A decimal number, without trailing zeros in its fraction. Its halves are those of an `i128`, whose alignment would enlarge all values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Decimal {
    high: i64,
    low: u64,
}

impl Decimal {
    /// Returns `digits` × 10^-`scale`; `None` if it has too many digits before the point. Further digits of the fraction are truncated.
    fn new(mut digits: i128, mut scale: u32) -> Option<Decimal> {
        while scale > 0 && (scale > DIGITS || digits.abs() >= LIMIT || digits % 10 == 0) {
            digits /= 10;
            scale -= 1;
        }
        (digits.abs() < LIMIT).then(|| Decimal::packed(digits, scale))
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "splits the number into its halves")]
    fn packed(digits: i128, scale: u32) -> Decimal {
        let packed = (digits << SCALE_BITS) | i128::from(scale);
        Decimal { high: (packed >> 64) as i64, low: packed as u64 }
    }

    /// Returns the digits as a whole number, and how many of them are the fraction.
    fn parts(self) -> (i128, u32) {
        let packed = (i128::from(self.high) << 64) | i128::from(self.low);
        (packed >> SCALE_BITS, u32::try_from(packed & 0xff).unwrap_or(0))
    }

    /// Returns a decimal from its bits. `None`: not a decimal of this form.
    pub(crate) fn from_bits([high, low]: [u64; 2]) -> Option<Decimal> {
        let (digits, scale) = Decimal { high: high.cast_signed(), low }.parts();
        Decimal::new(digits, scale).filter(|decimal| decimal.bits() == [high, low])
    }

    /// Returns the bits, for hashes and tokens.
    pub(crate) fn bits(self) -> [u64; 2] {
        [self.high.cast_unsigned(), self.low]
    }

    /// Reads `[sign]digits[.digits][e[sign]digits]` (OData ABNF, decimalValue). `None`: another form, or too large.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let number = Number::split(text)?;
        let exponent = number.exponent.map_or(Some(0), |exponent| exponent.parse::<i32>().ok())?;
        let (mut digits, mut scale) = (0_i128, 0_i32);
        for (is_fraction, digit) in
            number.whole.bytes().map(|digit| (false, digit)).chain(number.fraction.bytes().map(|digit| (true, digit)))
        {
            if digits * 10 >= LIMIT {
                if is_fraction {
                    break;
                }
                return None;
            }
            digits = digits * 10 + i128::from(digit - b'0');
            scale += i32::from(is_fraction);
        }
        if number.is_negative {
            digits = -digits;
        }
        if digits == 0 {
            return Decimal::new(0, 0);
        }
        let scale = scale.checked_sub(exponent)?;
        match u32::try_from(scale) {
            Ok(scale) if scale > 2 * DIGITS => Decimal::new(0, 0),
            Ok(scale) => Decimal::new(digits, scale),
            Err(_) => Decimal::new(digits.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?, 0),
        }
    }

    /// Returns the nearest number of the type `Edm.Double`.
    #[allow(clippy::cast_precision_loss, reason = "numbers of more digits take the other way")]
    pub(crate) fn to_f64(self) -> f64 {
        let (digits, scale) = self.parts();
        // Both are exact, so the quotient is the nearest number.
        if digits.unsigned_abs() < 1 << 53 && scale <= 22 {
            return digits as f64 / 10_f64.powi(i32::try_from(scale).unwrap_or(0));
        }
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Returns a number of the type `Edm.Double` as a decimal; `None` if it is too large.
    pub(crate) fn from_f64(value: f64) -> Option<Decimal> {
        value.is_finite().then(|| Decimal::parse(&format!("{value:e}")))?
    }

    /// Returns the whole part, if it is a 64-bit integer.
    pub(crate) fn to_i64(self) -> Option<i64> {
        let (digits, scale) = self.parts();
        i64::try_from(digits / 10_i128.pow(scale)).ok()
    }

    /// Adds two numbers. `None`: too large, as for all operations.
    pub(crate) fn add(self, other: Decimal) -> Option<Decimal> {
        let ((left, left_scale), (right, right_scale)) = (self.parts(), other.parts());
        // Fewer digits of the fraction where all of them do not fit.
        let wanted = left_scale.max(right_scale);
        (0..=wanted).rev().find_map(|scale| {
            let sum = at_scale(left, left_scale, scale)?.checked_add(at_scale(right, right_scale, scale)?)?;
            Decimal::new(sum, scale)
        })
    }

    /// Returns the number with the other sign.
    pub(crate) fn negate(self) -> Decimal {
        let (digits, scale) = self.parts();
        Decimal::packed(-digits, scale)
    }

    /// Multiplies two numbers.
    pub(crate) fn multiply(self, other: Decimal) -> Option<Decimal> {
        let ((mut left, mut left_scale), (mut right, mut right_scale)) = (self.parts(), other.parts());
        loop {
            if let Some(product) = left.checked_mul(right) {
                return Decimal::new(product, left_scale + right_scale);
            }
            let (digits, scale) =
                if left_scale >= right_scale { (&mut left, &mut left_scale) } else { (&mut right, &mut right_scale) };
            *scale = scale.checked_sub(1)?;
            *digits /= 10;
        }
    }

    /// Divides two numbers; by zero: `None`.
    pub(crate) fn divide(self, other: Decimal) -> Option<Decimal> {
        let ((left, left_scale), (right, right_scale)) = (self.parts(), other.parts());
        let common = left_scale.max(right_scale);
        let (left, right) = match (at_scale(left, left_scale, common), at_scale(right, right_scale, common)) {
            (Some(left), Some(right)) if right != 0 => (left, right),
            (_, Some(0)) => return None,
            // One of them has no room for the digits of the other.
            _ => return Decimal::from_f64(self.to_f64() / other.to_f64()),
        };
        let (mut quotient, mut rest, mut scale) = (left / right, left % right, 0);
        while rest != 0 && scale < DIGITS && quotient.abs() < LIMIT / 10 {
            let Some(tenfold) = rest.checked_mul(10) else { break };
            quotient = quotient * 10 + tenfold / right;
            rest = tenfold % right;
            scale += 1;
        }
        Decimal::new(quotient, scale)
    }

    /// Returns the remainder of a division, with the sign of the dividend; by zero: `None`.
    pub(crate) fn remainder(self, other: Decimal) -> Option<Decimal> {
        let ((left, left_scale), (right, right_scale)) = (self.parts(), other.parts());
        let common = left_scale.max(right_scale);
        let rest = at_scale(left, left_scale, common)?.checked_rem(at_scale(right, right_scale, common)?)?;
        Decimal::new(rest, common)
    }

    /// Rounds to a whole number.
    pub(crate) fn rounded(self, rounding: Rounding) -> Option<Decimal> {
        let (digits, scale) = self.parts();
        let one = 10_i128.pow(scale);
        let (whole, rest) = (digits.div_euclid(one), digits.rem_euclid(one));
        let is_up = match rounding {
            Rounding::Down => false,
            Rounding::Up => rest > 0,
            Rounding::HalfAwayFromZero => rest * 2 > one || (rest * 2 == one && digits > 0),
        };
        Decimal::new(whole + i128::from(is_up), 0)
    }
}

/// A direction of rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rounding {
    /// `floor`
    Down,
    /// `ceiling`
    Up,
    /// `round`
    HalfAwayFromZero,
}

/// Returns digits with another number of them in the fraction, truncated where it is less.
fn at_scale(digits: i128, from: u32, to: u32) -> Option<i128> {
    if to >= from { digits.checked_mul(10_i128.checked_pow(to - from)?) } else { Some(digits / 10_i128.pow(from - to)) }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Decimal {
        Decimal::packed(i128::from(value), 0)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        // Whole part and fraction apart, so that numbers of different scales have room.
        let split = |decimal: &Decimal| {
            let (digits, scale) = decimal.parts();
            let one = 10_i128.pow(scale);
            (digits / one, digits % one * 10_i128.pow(DIGITS - scale))
        };
        split(self).cmp(&split(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, scale) = self.parts();
        let scale = usize::try_from(scale).unwrap_or(0);
        let text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = text.split_at(text.len() - scale);
        write!(f, "{}{whole}", if digits < 0 { "-" } else { "" })?;
        if fraction.is_empty() { Ok(()) } else { write!(f, ".{fraction}") }
    }
}

/// The parts of a number's text.
pub(crate) struct Number<'t> {
    is_negative: bool,
    whole: &'t str,
    /// The digits after the point; empty without one.
    pub(crate) fraction: &'t str,
    /// The digits and sign after `e`.
    pub(crate) exponent: Option<&'t str>,
}

impl Number<'_> {
    /// Splits a number of OData's grammar; `None` if the text is not one: digits are on both sides of a point.
    pub(crate) fn split(text: &str) -> Option<Number<'_>> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if exponent.is_some_and(|exponent| !is_number(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))) {
            return None;
        }
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_number(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        is_number(whole).then_some(Number { is_negative: text.starts_with('-'), whole, fraction, exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_have_one_form() {
        for (text, expected) in [
            ("1", "1"),
            ("1.50", "1.5"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("-12.5e-3", "-0.0125"),
            ("+7", "7"),
            ("0.1234567890123456789012345678901234567", "0.1234567890123456789012345678901234"),
            ("1e-100", "0"),
            ("12345678901234567890.5", "12345678901234567890.5"),
        ] {
            assert_eq!(decimal(text).to_string(), expected, "{text}");
            assert_eq!(Decimal::from_bits(decimal(text).bits()), Some(decimal(text)));
        }
        for text in ["", "-", "42.", ".5", "1e", "1e+", "1.e3", "0x1", "1 ", "--1", "1e40", "12345678901234567890123456789012345"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::from_bits([u64::MAX, u64::MAX]), None);
    }

    #[test]
    fn operations_are_exact() {
        let text = |decimal: Option<Decimal>| decimal.map_or("none".to_owned(), |decimal| decimal.to_string());
        assert_eq!(text(decimal("0.1").add(decimal("0.2"))), "0.3");
        assert_eq!(text(decimal("1.5").multiply(decimal("-2.25"))), "-3.375");
        assert_eq!(text(decimal("1").divide(decimal("8"))), "0.125");
        assert_eq!(text(decimal("2").divide(decimal("3"))), "0.6666666666666666666666666666666666");
        assert_eq!(text(decimal("-7.5").remainder(decimal("2"))), "-1.5");
        assert_eq!(text(decimal("1").divide(decimal("0.0"))), "none");
        assert_eq!(text(decimal("1").remainder(decimal("0"))), "none");
        let large = decimal("9999999999999999999999999999999999");
        assert_eq!(text(large.add(decimal("0.5"))), large.to_string(), "digits of the fraction that have no room");
        assert_eq!(text(large.multiply(large)), "none");
        for (number, floor, ceiling, round) in
            [("2.5", "2", "3", "3"), ("-2.5", "-3", "-2", "-3"), ("-2.4", "-3", "-2", "-2"), ("7", "7", "7", "7")]
        {
            let rounded = |rounding| text(decimal(number).rounded(rounding));
            assert_eq!(
                [rounded(Rounding::Down), rounded(Rounding::Up), rounded(Rounding::HalfAwayFromZero)],
                [floor, ceiling, round],
                "{number}"
            );
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn the_order_is_that_of_the_numbers(left in -1_000_000_i64..1_000_000, left_scale in 0_u32..6, right in -1_000_000_i64..1_000_000, right_scale in 0_u32..6) {
            let at = |digits: i64, scale| i128::from(digits) * 10_i128.pow(6 - scale);
            let [one, other] = [(left, left_scale), (right, right_scale)].map(|(digits, scale)| Decimal::new(i128::from(digits), scale).unwrap());
            prop_assert_eq!(one.cmp(&other), at(left, left_scale).cmp(&at(right, right_scale)));
            prop_assert_eq!(one == other, one.cmp(&other) == Ordering::Equal);
            prop_assert_eq!(decimal(&one.to_string()), one);
            let sum = at(left, left_scale) + at(right, right_scale);
            prop_assert_eq!(one.add(other), Decimal::new(sum, 6));
        }

        #[test]
        fn nothing_panics(left in "[-+]?[0-9]{0,40}(\\.[0-9]{0,40})?(e[-+]?[0-9]{0,12})?", right in "[0-9]{1,34}(\\.[0-9]{1,34})?") {
            if let (Some(one), Some(other)) = (Decimal::parse(&left), Decimal::parse(&right)) {
                let _ = (one.add(other), one.multiply(other), one.divide(other), other.divide(one), one.remainder(other), one.cmp(&other));
                let _ = (one.rounded(Rounding::HalfAwayFromZero), one.to_f64(), one.to_i64());
                prop_assert_eq!(one.to_f64().to_bits(), (one.to_string().parse::<f64>().unwrap() + 0.0).to_bits());
            }
        }
    }
}
