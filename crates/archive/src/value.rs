//! Values, and the one canonical form of each.
//!
//! The same data has the same bytes on every engine. Digests and comparisons depend on that.

use std::fmt;
use std::io::Write as _;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::digits::{write_integer, write_iso_date, write_microseconds, write_time, write_two};
use crate::real::{write_real, write_real32};
use crate::version::Version;

/// The kind of the values of a column, the same on every engine. Version 1 has the kinds up to [`Kind::Boolean`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 64-bit integer.
    Integer,
    /// Text.
    Text,
    /// Decimal with at least two digits after the point.
    Decimal,
    /// Calendar date of one of the [`YEARS`].
    Date,
    /// Point in time of one of the [`YEARS`], UTC, microseconds.
    Timestamp,
    /// Truth value.
    Boolean,
    /// Floating-point number of eight bytes (IEEE 754 binary64).
    Real,
    /// Floating-point number of four bytes (IEEE 754 binary32).
    Real32,
    /// Date of one of the [`YEARS`] and time of day, microseconds, without a time zone.
    Datetime,
    /// Bytes.
    Bytes,
    /// A value of another type, as its engine's own text, which only the same engine can read.
    Native,
}

impl Kind {
    /// The oldest version that has this kind.
    pub const fn since(self) -> Version {
        match self {
            Self::Integer | Self::Text | Self::Decimal | Self::Date | Self::Timestamp | Self::Boolean => Version::One,
            Self::Real | Self::Real32 | Self::Datetime | Self::Bytes | Self::Native => Version::Two,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Decimal => "decimal",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Boolean => "boolean",
            Self::Real => "real",
            Self::Real32 => "real32",
            Self::Datetime => "datetime",
            Self::Bytes => "bytes",
            Self::Native => "native",
        })
    }
}

/// One value of one row, borrowed from its source: a million rows need no copy and no allocation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// SQL's NULL.
    Null,
    /// See [`Kind::Integer`].
    Integer(i64),
    /// See [`Kind::Text`] and [`Kind::Native`].
    Text(&'a str),
    /// See [`Kind::Decimal`].
    Decimal(Decimal),
    /// See [`Kind::Date`].
    Date(NaiveDate),
    /// See [`Kind::Timestamp`].
    Timestamp(DateTime<Utc>),
    /// See [`Kind::Boolean`].
    Boolean(bool),
    /// See [`Kind::Real`].
    Real(f64),
    /// See [`Kind::Real32`].
    Real32(f32),
    /// See [`Kind::Datetime`].
    Datetime(NaiveDateTime),
    /// See [`Kind::Bytes`].
    Bytes(&'a [u8]),
    /// An escape: a value that the column's kind can't hold, as its engine's own text.
    Native(&'a str),
    /// An escape: a value of another storage class than the column's kind. SQLite stores each class in each column.
    Stored(StoredValue<'a>),
}

/// A value of one of the storage classes of SQLite. Version 1 has no such values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StoredValue<'a> {
    /// Storage class INTEGER.
    Integer(i64),
    /// Storage class REAL.
    Real(f64),
    /// Storage class TEXT, valid UTF-8 without a NUL.
    Text(&'a str),
    /// Storage class BLOB.
    Bytes(&'a [u8]),
    /// Storage class TEXT, with a NUL or not valid UTF-8.
    TextBytes(&'a [u8]),
}

/// The years of dates and timestamps that every engine can hold.
pub const YEARS: RangeInclusive<i32> = 1..=9999;

/// The JSON before and after the text of a [`Cell::Native`].
pub(crate) const NATIVE: (&[u8], &[u8]) = (b"{\"native\":", b"}");

impl Cell<'_> {
    /// Whether it is a value that the column's kind can't hold.
    pub const fn is_escape(&self) -> bool {
        matches!(self, Self::Native(_) | Self::Stored(_))
    }

    /// Appends the canonical JSON of the value: decimals as strings with their scale, dates `YYYY-MM-DD`, timestamps
    /// RFC 3339 in UTC with microseconds only where they are not zero.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Integer(value) => write_integer(*value, out),
            Self::Text(text) => write_json_text(text, out),
            Self::Decimal(value) => {
                out.push(b'"');
                write_decimal(*value, out);
                out.push(b'"');
            }
            Self::Date(date) => {
                out.push(b'"');
                write_iso_date(*date, out);
                out.push(b'"');
            }
            Self::Timestamp(time) => {
                write_datetime(time.naive_utc(), out);
                out.extend_from_slice(b"Z\"");
            }
            Self::Boolean(true) => out.extend_from_slice(b"true"),
            Self::Boolean(false) => out.extend_from_slice(b"false"),
            Self::Real(value) => {
                out.push(b'"');
                write_real(*value, out);
                out.push(b'"');
            }
            Self::Real32(value) => {
                out.push(b'"');
                write_real32(*value, out);
                out.push(b'"');
            }
            Self::Datetime(time) => {
                write_datetime(*time, out);
                out.push(b'"');
            }
            Self::Bytes(bytes) => write_base64(bytes, out),
            Self::Native(text) => {
                out.extend_from_slice(NATIVE.0);
                write_json_text(text, out);
                out.extend_from_slice(NATIVE.1);
            }
            Self::Stored(value) => value.write_json(out),
        }
    }
}

impl StoredValue<'_> {
    /// The storage class, the name of the one member of the JSON.
    pub(crate) const fn class(&self) -> &'static str {
        match self {
            Self::Integer(_) => "integer",
            Self::Real(_) => "real",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::TextBytes(_) => "text_bytes",
        }
    }

    #[cold]
    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(self.class().as_bytes());
        out.extend_from_slice(b"\":");
        match *self {
            Self::Integer(value) => Cell::Integer(value),
            Self::Real(value) => Cell::Real(value),
            Self::Text(text) => Cell::Text(text),
            Self::Bytes(bytes) | Self::TextBytes(bytes) => Cell::Bytes(bytes),
        }
        .write_json(out);
        out.push(b'}');
    }
}

/// Appends a quote, and the date and time, with microseconds only where they are not zero.
fn write_datetime(time: NaiveDateTime, out: &mut Vec<u8>) {
    out.push(b'"');
    write_iso_date(time.date(), out);
    out.push(b'T');
    write_time(time.time(), out);
    let microseconds = time.and_utc().timestamp_subsec_micros();
    if microseconds != 0 {
        out.push(b'.');
        write_microseconds(microseconds, out);
    }
}

/// Appends a JSON string of base64 (RFC 4648, section 4) with padding.
fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    // Three bytes are four characters, so each part but the last has no padding. The part stays in the cache.
    out.reserve(bytes.len().div_ceil(3) * 4 + 2);
    out.push(b'"');
    let mut encoded = [0; 4 * 1024];
    for part in bytes.chunks(3 * 1024) {
        // The part always fits.
        let length = STANDARD.encode_slice(part, &mut encoded).unwrap_or_default();
        out.extend_from_slice(&encoded[..length]);
    }
    out.push(b'"');
}

/// Appends a decimal with two digits after the point, or with more if it has more.
pub fn write_decimal(mut value: Decimal, out: &mut Vec<u8>) {
    if value.scale() > 2 {
        value.normalize_assign();
    }
    if value.scale() < 2 {
        value.rescale(2);
    }
    match i64::try_from(value.mantissa()) {
        Ok(cents) if value.scale() == 2 => {
            if cents < 0 {
                out.push(b'-');
            }
            let cents = cents.unsigned_abs();
            out.extend_from_slice(itoa::Buffer::new().format(cents / 100).as_bytes());
            out.push(b'.');
            // Less than a hundred.
            write_two((cents % 100) as u32, out);
        }
        _ => push(out, format_args!("{value}")),
    }
}

/// Appends a JSON string with only the escapes that RFC 8259 (section 7) demands.
pub fn write_json_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(position) = rest
        .iter()
        .position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))
    {
        out.extend_from_slice(&rest[..position]);
        match rest[position] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => push(out, format_args!("\\u{control:04x}")),
        }
        rest = &rest[position + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends formatted text. Writing to a `Vec` can't fail.
fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cell: Cell<'_>) -> String {
        let mut out = Vec::new();
        cell.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_keep_two_digits_and_never_lose_one() {
        for (given, written) in [
            ("0", "\"0.00\""),
            ("-0", "\"0.00\""),
            ("12.5", "\"12.50\""),
            ("9999999999.99", "\"9999999999.99\""),
            ("-12.500", "\"-12.50\""),
            ("0.125", "\"0.125\""),
            ("0.1000", "\"0.10\""),
            ("-0.05", "\"-0.05\""),
            ("79228162514264337593543950335", "\"79228162514264337593543950335\""),
        ] {
            assert_eq!(json(Cell::Decimal(given.parse().unwrap())), written, "{given}");
        }
    }

    #[test]
    fn timestamps_have_microseconds_only_where_they_are_not_zero() {
        for (given, written) in [
            ("2024-02-29T12:00:00Z", "\"2024-02-29T12:00:00Z\""),
            ("1931-01-02T03:04:05.000100Z", "\"1931-01-02T03:04:05.000100Z\""),
            ("2099-12-31T23:59:59.999999Z", "\"2099-12-31T23:59:59.999999Z\""),
        ] {
            let time = DateTime::parse_from_rfc3339(given).unwrap().to_utc();
            assert_eq!(json(Cell::Timestamp(time)), written);
        }
    }

    /// A larger cell makes each row slower.
    #[test]
    fn cell_has_three_words() {
        assert_eq!(size_of::<Cell<'_>>(), 3 * size_of::<usize>());
    }

    #[test]
    fn bytes_are_written_as_base64_with_padding() {
        for (bytes, written) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\xff\xfe", "//4="),
        ] {
            assert_eq!(json(Cell::Bytes(bytes)), format!("\"{written}\""));
        }
        let long: Vec<u8> = (0..10_000_u32).map(|byte| (byte % 251) as u8).collect();
        assert_eq!(json(Cell::Bytes(&long)), format!("\"{}\"", STANDARD.encode(&long)));
    }

    #[test]
    fn escapes_have_one_member() {
        for (value, written) in [
            (StoredValue::Integer(-1), r#"{"integer":-1}"#),
            (StoredValue::Real(0.5), r#"{"real":"0.5"}"#),
            (StoredValue::Text("a\"b"), r#"{"text":"a\"b"}"#),
            (StoredValue::Bytes(b"f"), r#"{"bytes":"Zg=="}"#),
            (StoredValue::TextBytes(b"\0"), r#"{"text_bytes":"AA=="}"#),
        ] {
            assert_eq!(json(Cell::Stored(value)), written);
        }
        assert_eq!(json(Cell::Native("0000-00-00")), r#"{"native":"0000-00-00"}"#);
    }

    #[test]
    fn texts_are_read_back_by_any_json_reader() {
        let awkward: String = (0..0x250)
            .filter_map(char::from_u32)
            .chain("😀\u{2028}שלום".chars())
            .collect();
        let written = json(Cell::Text(&awkward));
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), awkward);
    }
}
