//! The order of the rows of version 2, which each engine can give.
//!
//! Rows are in the order of their key, or of all their columns if the table has none. [`write_sort_key`] turns a value
//! into bytes that are in that order, so that rows of any columns compare as bytes.

use chrono::{Datelike as _, NaiveDateTime};
use rust_decimal::Decimal;

use crate::value::Cell;

const NULL: u8 = 0;
const VALUE: u8 = 1;
const ESCAPE: u8 = 2;

/// Appends bytes that compare like the value. Those of several columns compare like the columns, one after another.
///
/// NULL comes first. Then come the values of the column's kind: numbers by value (`-0` before `0`, NaN last), dates and
/// times by time, `false` before `true`, texts by their UTF-8, bytes by themselves. Escapes come last, those with
/// shorter JSON first, and otherwise by the bytes of their JSON: whole numbers beyond 64 bits are then in their order.
pub fn write_sort_key(cell: &Cell<'_>, out: &mut Vec<u8>) {
    out.push(match cell {
        Cell::Null => NULL,
        Cell::Native(_) | Cell::Stored(_) => ESCAPE,
        _ => VALUE,
    });
    match *cell {
        Cell::Null => {}
        Cell::Integer(value) => write_signed(value, out),
        Cell::Text(text) => {
            out.extend_from_slice(text.as_bytes());
            // No text has a NUL.
            out.push(0);
        }
        Cell::Decimal(value) => write_decimal_key(value, out),
        Cell::Date(date) => write_signed(date.num_days_from_ce().into(), out),
        Cell::Timestamp(time) => write_time_key(time.naive_utc(), out),
        Cell::Datetime(time) => write_time_key(time, out),
        Cell::Boolean(value) => out.push(value.into()),
        Cell::Real(value) => write_real_key(value, out),
        // Each number of four bytes is one of eight.
        Cell::Real32(value) => write_real_key(value.into(), out),
        Cell::Bytes(bytes) => write_bytes_key(bytes, out),
        Cell::Native(_) | Cell::Stored(_) => {
            let start = out.len();
            out.extend_from_slice(&[0; 8]);
            cell.write_json(out);
            let length = (out.len() - start - 8) as u64;
            out[start..start + 8].copy_from_slice(&length.to_be_bytes());
        }
    }
}

/// Negative numbers first.
fn write_signed(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
}

fn write_time_key(time: NaiveDateTime, out: &mut Vec<u8>) {
    write_signed(time.and_utc().timestamp_micros(), out);
}

/// The bits of a positive number rise with it, those of a negative one fall.
fn write_real_key(value: f64, out: &mut Vec<u8>) {
    let bits = match value.is_nan() {
        // One NaN behind everything, whatever its sign and payload are.
        true => u64::MAX,
        false if value.is_sign_negative() => !value.to_bits(),
        false => value.to_bits() | 1 << 63,
    };
    out.extend_from_slice(&bits.to_be_bytes());
}

/// A zero is `0 255`, and the end `0 0`: the shorter of two comes first.
fn write_bytes_key(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            0 => out.extend_from_slice(&[0, u8::MAX]),
            byte => out.push(*byte),
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// The sign, the number of digits before the point, all digits, and an end; all but the sign inverted if it is
/// negative.
fn write_decimal_key(value: Decimal, out: &mut Vec<u8>) {
    let value = value.normalize();
    let digits = value.mantissa().unsigned_abs().to_string();
    let scale = value.scale() as usize;
    // At most 29 digits.
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
    let whole = whole.trim_start_matches('0');
    let is_negative = value.is_sign_negative() && !value.is_zero();
    out.push((!is_negative).into());
    let start = out.len();
    out.push(whole.len() as u8);
    out.extend_from_slice(whole.as_bytes());
    out.extend(std::iter::repeat_n(b'0', scale.saturating_sub(digits.len())));
    if value.scale() > 0 {
        out.extend_from_slice(fraction.as_bytes());
    }
    out.push(0);
    if is_negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::StoredValue;

    fn key(cells: &[Cell<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        cells.iter().for_each(|cell| write_sort_key(cell, &mut out));
        out
    }

    #[track_caller]
    fn assert_rising(cells: &[Cell<'_>]) {
        for pair in cells.windows(2) {
            assert!(key(&pair[..1]) < key(&pair[1..]), "{pair:?}");
        }
    }

    #[test]
    fn values_of_each_kind_are_in_order() {
        let decimal = |text: &str| Cell::Decimal(text.parse().unwrap());
        let native = Cell::Native;
        assert_rising(&[
            Cell::Null,
            Cell::Integer(i64::MIN),
            Cell::Integer(-1),
            Cell::Integer(0),
            Cell::Integer(i64::MAX),
            native("9223372036854775808"),
            native("9223372036854775809"),
            native("18446744073709551615"),
        ]);
        assert_rising(&[
            Cell::Null,
            decimal("-79228162514264337593543950335"),
            decimal("-100.00"),
            decimal("-10.01"),
            decimal("-10.00"),
            decimal("-0.002"),
            decimal("-0.001"),
            decimal("0"),
            decimal("0.0000000000000000000000000001"),
            decimal("0.01"),
            decimal("0.1"),
            decimal("0.10001"),
            decimal("9.99"),
            decimal("10.00"),
            decimal("10.01"),
            decimal("100.00"),
            decimal("79228162514264337593543950335"),
            native("NaN"),
        ]);
        assert_rising(&[
            Cell::Real(f64::NEG_INFINITY),
            Cell::Real(-1.5),
            Cell::Real(-5e-324),
            Cell::Real(-0.0),
            Cell::Real(0.0),
            Cell::Real32(1e-45),
            Cell::Real(1.0),
            Cell::Real(f64::MAX),
            Cell::Real(f64::INFINITY),
            Cell::Real(f64::NAN),
        ]);
        assert_rising(&["", "\u{1}", "A", "a", "a\u{1}", "ab", "ä", "日", "😀"].map(Cell::Text));
        assert_rising(
            &[
                &b""[..],
                b"\0",
                b"\0\0",
                b"\0\x01",
                b"\x01",
                b"\x01\0",
                b"\xff",
                b"\xff\xff",
            ]
            .map(Cell::Bytes),
        );
        assert_rising(
            &["0001-01-01", "1969-12-31", "1970-01-01", "9999-12-31"].map(|day| Cell::Date(day.parse().unwrap())),
        );
        assert_rising(
            &[
                "0001-01-01T00:00:00",
                "1969-12-31T23:59:59.999999",
                "1970-01-01T00:00:00",
            ]
            .map(|time| Cell::Datetime(time.parse().unwrap())),
        );
        assert_rising(&[
            Cell::Boolean(false),
            Cell::Boolean(true),
            Cell::Stored(StoredValue::Text("")),
            Cell::Stored(StoredValue::Text("a")),
            Cell::Stored(StoredValue::Integer(2)),
        ]);
    }

    #[test]
    fn equal_decimals_have_the_same_key() {
        assert_eq!(
            key(&[Cell::Decimal("1.50".parse().unwrap())]),
            key(&[Cell::Decimal("1.5".parse().unwrap())])
        );
        assert_eq!(
            key(&[Cell::Decimal("-0".parse().unwrap())]),
            key(&[Cell::Decimal("0.00".parse().unwrap())])
        );
    }

    proptest! {
        #[test]
        fn several_columns_compare_one_after_another(
            one in (any::<Option<i64>>(), "[a-c\u{1}]{0,3}", any::<Vec<u8>>(), any::<i64>(), 0..20_u32),
            other in (any::<Option<i64>>(), "[a-c\u{1}]{0,3}", any::<Vec<u8>>(), any::<i64>(), 0..20_u32),
        ) {
            type Values = (Option<i64>, String, Vec<u8>, i64, u32);
            let keys = [&one, &other].map(|(number, text, bytes, digits, scale): &Values| {
                key(&[
                    Cell::Text(text),
                    number.map_or(Cell::Null, Cell::Integer),
                    Cell::Decimal(Decimal::new(*digits, *scale)),
                    Cell::Bytes(bytes),
                ])
            });
            let values = [&one, &other].map(|(number, text, bytes, digits, scale): &Values| {
                (text.clone(), *number, Decimal::new(*digits, *scale), bytes.clone())
            });
            prop_assert_eq!(keys[0].cmp(&keys[1]), values[0].cmp(&values[1]));
        }
    }
}
