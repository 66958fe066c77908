//! Reads whole numbers and amounts, as spreadsheets and people write them.

use rust_decimal::Decimal;

use super::DecimalReading;
use crate::catalog::LARGEST_ID;

/// The largest amount of a column of type decimal(12,2).
const LARGEST_AMOUNT: i64 = 999_999_999_999;

/// The largest whole number that a cell of a workbook, a 64-bit float, holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The digits that a spreadsheet keeps.
const SPREADSHEET_DIGITS: usize = 15;

/// Signs of currencies before or after an amount, the longest first.
const CURRENCIES: [&str; 12] = ["Rs.", "INR", "USD", "EUR", "GBP", "Rs", "rs", "₹", "$", "€", "£", "/-"];

/// Reads a whole number.
pub(super) fn integer(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if is_shortened(text) {
        return Err(shortened());
    }
    // Some programs write every number with a decimal point.
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => digits,
        _ => text,
    };
    let bare = digits.strip_prefix('-').unwrap_or(digits);
    if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("It must be a whole number, in digits alone.".to_owned());
    }
    digits.parse().map_err(|_| too_large())
}

/// A whole number of a cell of a workbook.
pub(super) fn integer_of_float(value: f64) -> Result<i64, String> {
    if value.fract() != 0.0 {
        return Err("It must be a whole number.".to_owned());
    }
    if value.abs() > EXACT {
        let problem =
            "A spreadsheet keeps only 15 digits of a number, so some of its digits are lost. Write it as text.";
        return Err(problem.to_owned());
    }
    // Whole and small enough.
    Ok(value as i64)
}

/// Checks an id.
pub(super) fn id(value: i64) -> Result<i64, String> {
    match value <= LARGEST_ID {
        true => Ok(value),
        false => Err(too_large()),
    }
}

fn too_large() -> String {
    format!("The number is too large; the largest is {LARGEST_ID}.")
}

/// Whether a spreadsheet has replaced the digits of a long number by an exponent, as in `1.23E+10`.
pub(super) fn is_shortened(text: &str) -> bool {
    let Some((digits, exponent)) = text.split_once("E+") else {
        return false;
    };
    let digits = digits.strip_prefix('-').unwrap_or(digits).as_bytes();
    let is_mantissa = match digits {
        [first] => first.is_ascii_digit(),
        [first, b'.' | b',', rest @ ..] => {
            first.is_ascii_digit() && !rest.is_empty() && rest.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    is_mantissa && (1..=3).contains(&exponent.len()) && exponent.bytes().all(|byte| byte.is_ascii_digit())
}

/// Why such a text is refused.
pub(super) fn shortened() -> String {
    "A spreadsheet has replaced the digits by an exponent, so they are lost. Format the column as text and enter the number again."
        .to_owned()
}

/// The text of a number of a workbook in a column of texts, such as a phone number.
pub(super) fn text_of_float(value: f64) -> Result<String, String> {
    if value.fract() == 0.0 && value.abs() >= 1e15 {
        return Err(
            "A spreadsheet keeps only 15 digits of a number, so some of its digits are lost. Write it as text."
                .to_owned(),
        );
    }
    Ok(value.to_string())
}

/// Reads an amount of a cell of a workbook.
pub(super) fn amount_of_float(value: f64) -> Result<Decimal, String> {
    // A computed amount such as 0.1 + 0.2 differs from what the spreadsheet shows in the digits beyond these.
    let shown = format!("{value:.*e}", SPREADSHEET_DIGITS - 1);
    let amount = Decimal::from_scientific(&shown).map_err(|_| no_amount())?;
    checked(amount)
}

/// Reads an amount with a currency, groups of digits and a decimal mark.
pub(super) fn amount(text: &str, reading: DecimalReading) -> Result<Decimal, String> {
    let mut bare = text.trim();
    if is_shortened(bare) {
        return Err(shortened());
    }
    // This is true for our own files, and is fast.
    if reading != DecimalReading::Comma
        && let Some(amount) = plain(bare)
    {
        return checked(amount);
    }
    let mut is_negative = false;
    if let Some(inner) = bare.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        (is_negative, bare) = (true, inner);
    }
    loop {
        let before = bare;
        bare = bare.trim();
        if let Some(rest) = bare.strip_prefix(['-', '\u{2212}']).filter(|_| !is_negative) {
            (is_negative, bare) = (true, rest);
        }
        for currency in CURRENCIES {
            bare = bare.strip_prefix(currency).unwrap_or(bare);
            bare = bare.strip_suffix(currency).unwrap_or(bare);
        }
        if bare == before {
            break;
        }
    }
    let (whole, fraction) = split(bare, reading)?;
    let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() || digits.len() > 20 || !is_grouped(whole) {
        return Err(no_amount());
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || fraction.len() > 6 {
        return Err(no_amount());
    }
    let amount: Decimal = format!("{digits}.{fraction}0").parse().map_err(|_| no_amount())?;
    checked(if is_negative { -amount } else { amount })
}

/// An amount as our own files have it: digits, a point and two digits.
fn plain(text: &str) -> Option<Decimal> {
    let bytes = text.as_bytes();
    let point = bytes.len().checked_sub(3)?;
    let (sign, digits) = match bytes.first()? {
        b'-' => (-1, bytes.get(1..point)?),
        _ => (1, bytes.get(..point)?),
    };
    if bytes[point] != b'.' || digits.is_empty() || digits.len() > 15 {
        return None;
    }
    let mut cents = 0_i64;
    for byte in digits.iter().chain(&bytes[point + 1..]) {
        if !byte.is_ascii_digit() {
            return None;
        }
        cents = 10 * cents + i64::from(byte - b'0');
    }
    Some(Decimal::new(sign * cents, 2))
}

/// The part before and after the decimal mark.
fn split(text: &str, reading: DecimalReading) -> Result<(&str, &str), String> {
    let count = |mark: char| text.matches(mark).count();
    let mark = match reading {
        DecimalReading::Point => Some('.'),
        DecimalReading::Comma => Some(','),
        DecimalReading::Auto => match (count('.'), count(',')) {
            (0, 0) => None,
            (1, 0) => single(text, '.')?,
            (0, 1) => single(text, ',')?,
            (_, 0) | (0, _) => None,
            _ => text.rfind(['.', ',']).and_then(|place| text[place..].chars().next()),
        },
    };
    let (whole, fraction) = mark.and_then(|mark| text.split_once(mark)).unwrap_or((text, ""));
    // The other mark separates groups, so it comes before.
    match fraction.contains(['.', ',']) || (mark.is_some_and(|mark| count(mark) > 1)) {
        true => Err(no_amount()),
        false => Ok((whole, fraction)),
    }
}

/// The meaning of the only mark of an amount. `1,234` may be a thousand, or one with three decimals.
fn single(text: &str, mark: char) -> Result<Option<char>, String> {
    let (whole, fraction) = text.split_once(mark).unwrap_or((text, ""));
    match fraction.len() == 3 && (1..=3).contains(&whole.len()) && whole != "0" {
        true => Err(format!(
            "`{mark}` may be a decimal mark or separate thousands. Say which with `decimals=point` or `decimals=comma`, or write two \
             decimals."
        )),
        false => Ok(Some(mark)),
    }
}

/// Whether the digits are ungrouped, or in groups of three, or in groups as in India (`1,23,456`).
fn is_grouped(whole: &str) -> bool {
    let separators: Vec<char> = whole.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let Some(separator) = separators.first() else {
        return true;
    };
    let is_separator = matches!(separator, ',' | '.' | ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’');
    if !is_separator || separators.iter().any(|other| other != separator) {
        return false;
    }
    let groups: Vec<usize> = whole.split(*separator).map(str::len).collect();
    let [first, middle @ .., last] = groups.as_slice() else {
        return false;
    };
    let of_three = (1..=3).contains(first) && middle.iter().all(|group| *group == 3);
    let of_two = (1..=2).contains(first) && middle.iter().all(|group| *group == 2);
    *last == 3 && (of_three || of_two)
}

fn checked(amount: Decimal) -> Result<Decimal, String> {
    let mut amount = amount.normalize();
    if amount.scale() > 2 {
        return Err("An amount has at most two decimals.".to_owned());
    }
    amount.rescale(2);
    match amount.mantissa().unsigned_abs() <= LARGEST_AMOUNT.unsigned_abs().into() {
        true => Ok(amount),
        false => Err("The amount is too large; the largest is 9999999999.99.".to_owned()),
    }
}

fn no_amount() -> String {
    "It must be an amount, such as 1234.50.".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        use DecimalReading::{Auto, Comma, Point};
        for (text, reading, expected) in [
            ("1234.50", Auto, "1234.50"),
            ("-1234.50", Auto, "-1234.50"),
            ("1234", Auto, "1234.00"),
            ("1234.5", Auto, "1234.50"),
            ("1,234.50", Auto, "1234.50"),
            ("₹ 1,234.50", Auto, "1234.50"),
            ("₹1,23,456.00", Auto, "123456.00"),
            ("Rs. 1,23,456/-", Auto, "123456.00"),
            ("12,34,56,789", Auto, "123456789.00"),
            ("1.234,50", Auto, "1234.50"),
            ("1.234,50 €", Auto, "1234.50"),
            ("1234,50", Auto, "1234.50"),
            ("1 234,50", Auto, "1234.50"),
            ("1\u{a0}234,50", Auto, "1234.50"),
            ("(12.00)", Auto, "-12.00"),
            ("-₹12", Auto, "-12.00"),
            ("$-12", Auto, "-12.00"),
            ("0,5", Auto, "0.50"),
            ("1,234,567", Auto, "1234567.00"),
            ("1,234", Point, "1234.00"),
            ("1.234", Comma, "1234.00"),
            ("1,50", Comma, "1.50"),
            ("12.500", Point, "12.50"),
            ("9999999999.99", Auto, "9999999999.99"),
            ("-9999999999.99", Auto, "-9999999999.99"),
        ] {
            assert_eq!(
                amount(text, reading).map(|amount| amount.to_string()).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn other_amounts_are_refused() {
        use DecimalReading::{Auto, Comma, Point};
        for (text, reading, said) in [
            ("1,234", Auto, "decimals=point"),
            ("1.234", Auto, "decimals=comma"),
            ("12.345", Point, "two decimals"),
            ("0.001", Auto, "two decimals"),
            ("10000000000", Auto, "too large"),
            ("10000000000.00", Auto, "too large"),
            ("1.2E+10", Auto, "exponent"),
            ("1,234.50", Comma, "must be an amount"),
            ("1,50", Point, "must be an amount"),
            ("12,3456.00", Auto, "must be an amount"),
            ("1.2.3,4", Auto, "must be an amount"),
            ("", Auto, "must be an amount"),
            ("-", Auto, "must be an amount"),
            ("ten", Auto, "must be an amount"),
            ("--5", Auto, "must be an amount"),
            ("١٢", Auto, "must be an amount"),
        ] {
            let refused = amount(text, reading).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn amounts_of_workbooks_are_what_they_show() {
        assert_eq!(amount_of_float(0.1 + 0.2).unwrap().to_string(), "0.30");
        assert_eq!(amount_of_float(9_999_999_999.99).unwrap().to_string(), "9999999999.99");
        assert_eq!(amount_of_float(-1234.5).unwrap().to_string(), "-1234.50");
        assert!(amount_of_float(1.005).is_err());
        assert!(amount_of_float(1e300).is_err());
        assert!(amount_of_float(f64::NAN).is_err());
    }

    #[test]
    fn whole_numbers_lose_no_digit() {
        assert_eq!(integer(" 42 "), Ok(42));
        assert_eq!(integer("42.0"), Ok(42));
        assert_eq!(integer("-3"), Ok(-3));
        assert_eq!(integer("9007199254740993"), Ok(9_007_199_254_740_993));
        for text in [
            "",
            "4.5",
            "1,000",
            "S-1",
            "1E5",
            "99999999999999999999",
            "1.23E+10",
            "+",
        ] {
            assert!(integer(text).is_err(), "{text}");
        }
        assert_eq!(integer_of_float(42.0), Ok(42));
        assert!(integer_of_float(1e17).is_err());
        assert!(integer_of_float(0.5).is_err());
        assert!(id(i64::MAX).is_err());
    }

    #[test]
    fn exponents_of_spreadsheets_are_recognized() {
        for text in ["1.23E+10", "9.2E+11", "9E+11", "-1.2E+10", "9,19E+11"] {
            assert!(is_shortened(text), "{text}");
        }
        for text in [
            "1E10", "E+10", "12.3E+10", "1.E+10", "ME+10", "1.23E+", "1.23e+10", "98765",
        ] {
            assert!(!is_shortened(text), "{text}");
        }
        assert_eq!(text_of_float(9_845_012_345.0).as_deref(), Ok("9845012345"));
        assert!(text_of_float(1e15).is_err());
    }
}
