//! Floating-point numbers as text: the shortest digits that give the same number, in the layout of ECMAScript.
//!
//! The layout is that of `Number::toString` in ECMA-262, which RFC 8785 (section 3.2.2.3) uses, too. Only `-0` is not
//! `0`, because an engine keeps the sign. A payload of NaN is not kept.

use std::fmt::{LowerExp, Write as _};

use crate::digits::write_integer;

/// Appends the canonical text of a number of eight bytes.
pub fn write_real(value: f64, out: &mut Vec<u8>) {
    match special(value) {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        None => Shortest::new(value).write(out),
    }
}

/// Appends the canonical text of a number of four bytes. It has fewer digits than the same number of eight bytes.
pub fn write_real32(value: f32, out: &mut Vec<u8>) {
    match special(value.into()) {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        None => Shortest::new(value).write(out),
    }
}

fn special(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

/// The number `0.digits * 10^point`, finite.
pub(crate) struct Shortest {
    is_negative: bool,
    /// Digits of the mantissa, at most 17, the first of them not zero unless the number is zero.
    digits: String,
    /// How many digits stand before the point. It may be negative, or more than there are.
    point: i32,
}

impl Shortest {
    /// The value must be finite.
    pub(crate) fn new(value: impl LowerExp) -> Self {
        let mut text = String::with_capacity(24);
        // Writing to a `String` can't fail.
        let _ = write!(text, "{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Self {
            is_negative: mantissa.starts_with('-'),
            digits: mantissa.chars().filter(char::is_ascii_digit).collect(),
            // Three digits at most.
            point: exponent.parse().unwrap_or(0) + 1,
        }
    }

    /// The digits as an integer, and the power of ten of its last digit.
    pub(crate) fn parts(&self) -> (i128, i32) {
        // At most 17 digits.
        let digits: i128 = self.digits.parse().unwrap_or_default();
        let scale = self.point - self.len();
        (if self.is_negative { -digits } else { digits }, scale)
    }

    /// At most 17.
    fn len(&self) -> i32 {
        self.digits.len() as i32
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.is_negative {
            out.push(b'-');
        }
        let digits = self.digits.as_bytes();
        let zeros = |count: i32, out: &mut Vec<u8>| out.extend((0..count).map(|_| b'0'));
        match self.point {
            point @ 1..=21 if point >= self.len() => {
                out.extend_from_slice(digits);
                zeros(point - self.len(), out);
            }
            point @ 1..=21 => {
                let (whole, fraction) = digits.split_at(point as usize);
                out.extend_from_slice(whole);
                out.push(b'.');
                out.extend_from_slice(fraction);
            }
            point @ -5..=0 => {
                out.extend_from_slice(b"0.");
                zeros(-point, out);
                out.extend_from_slice(digits);
            }
            point => {
                let (first, rest) = digits.split_at(1);
                out.extend_from_slice(first);
                if !rest.is_empty() {
                    out.push(b'.');
                    out.extend_from_slice(rest);
                }
                out.push(b'e');
                if point > 0 {
                    out.push(b'+');
                }
                write_integer(i64::from(point) - 1, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        write_real(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn text32(value: f32) -> String {
        let mut out = Vec::new();
        write_real32(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Among them the examples of RFC 8785, appendix B.
    #[test]
    fn numbers_have_the_layout_of_ecmascript() {
        for (value, written) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-1234.5, "-1234.5"),
            (f64::from_bits(0x0000_0000_0000_0001), "5e-324"),
            (f64::from_bits(0x8000_0000_0000_0001), "-5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::from_bits(0x4340_0000_0000_0000), "9007199254740992"),
            (f64::from_bits(0x4430_0000_0000_0000), "295147905179352830000"),
            (f64::from_bits(0x44b5_2d02_c7e1_4af5), "9.999999999999997e+22"),
            (f64::from_bits(0x44b5_2d02_c7e1_4af6), "1e+23"),
            (f64::from_bits(0x444b_1ae4_d6e2_ef4e), "999999999999999700000"),
            (f64::from_bits(0x444b_1ae4_d6e2_ef50), "1e+21"),
            (f64::from_bits(0x3eb0_c6f7_a0b5_ed8c), "9.999999999999997e-7"),
            (f64::from_bits(0x3eb0_c6f7_a0b5_ed8d), "0.000001"),
            (f64::from_bits(0x41b3_de43_5555_5553), "333333333.3333332"),
            (f64::from_bits(0xbecb_f647_612f_3696), "-0.0000033333333333333333"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(value), written);
        }
    }

    #[test]
    fn numbers_of_four_bytes_have_their_own_shortest_digits() {
        for (value, written) in [
            (0.1, "0.1"),
            (16_777_216.0, "16777216"),
            (f32::MAX, "3.4028235e+38"),
            (f32::from_bits(1), "1e-45"),
            (-0.0, "-0"),
        ] {
            assert_eq!(text32(value), written);
        }
        assert_eq!(text(f64::from(0.1_f32)), "0.10000000149011612");
    }

    #[test]
    fn parts_give_the_number() {
        for (value, parts) in [(0.0, (0, 0)), (12.5, (125, -1)), (-1e30, (-1, 30)), (1e-7, (1, -7))] {
            assert_eq!(Shortest::new(value).parts(), parts);
        }
    }
}
