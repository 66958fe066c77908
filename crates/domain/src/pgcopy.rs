//! PostgreSQL's binary copy, for reading and loading tables (its manual, "COPY", "Binary Format").

use campus_backup_archive::{Cell, Kind};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::native::{self, is_common_date};

/// The unread bytes of a message.
pub(crate) struct Message<'a>(&'a [u8]);

/// The first bytes of every binary copy.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The end of the copy, in the place of a row's number of columns.
pub(crate) const TRAILER: i16 = -1;

impl<'a> Message<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn header(&mut self) -> Option<()> {
        self.0 = self.0.strip_prefix(SIGNATURE)?;
        let _flags = self.int32()?;
        let extension = usize::try_from(self.int32()?).ok()?;
        self.bytes(extension).map(drop)
    }

    /// A value. The inner `None` is NULL.
    pub(crate) fn value(&mut self) -> Option<Option<&'a [u8]>> {
        match self.int32()? {
            -1 => Some(None),
            length => self.bytes(usize::try_from(length).ok()?).map(Some),
        }
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn int16(&mut self) -> Option<i16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i16::from_be_bytes(*bytes))
    }

    fn int32(&mut self) -> Option<i32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*bytes))
    }
}

/// A value as a cell. `None` if it has another type, or if only PostgreSQL can hold it ([`native`]).
#[inline(always)]
pub(crate) fn read_cell(value: Option<&[u8]>, kind: Kind) -> Option<Cell<'_>> {
    let Some(value) = value else {
        return Some(Cell::Null);
    };
    match kind {
        Kind::Integer => value
            .try_into()
            .ok()
            .map(|bytes| Cell::Integer(i64::from_be_bytes(bytes))),
        Kind::Text => str::from_utf8(value).ok().map(Cell::Text),
        Kind::Boolean => match value {
            [truth] => Some(Cell::Boolean(*truth != 0)),
            _ => None,
        },
        Kind::Date => value
            .try_into()
            .ok()
            .and_then(|bytes| date(i32::from_be_bytes(bytes)))
            .map(Cell::Date),
        Kind::Timestamp => value
            .try_into()
            .ok()
            .and_then(|bytes| timestamp(i64::from_be_bytes(bytes)))
            .map(Cell::Timestamp),
        Kind::Decimal => decimal(value).map(Cell::Decimal),
        Kind::Real | Kind::Real32 | Kind::Datetime | Kind::Bytes | Kind::Native => None,
    }
}

/// 2000-01-01, the start of PostgreSQL's days and microseconds.
const EPOCH_DAY: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();

/// The same in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// The sign of a negative NUMERIC.
const NEGATIVE: i16 = 0x4000;

/// Days since 2000-01-01. The infinities, which no other engine has, are outside of this range.
fn date(days: i32) -> Option<NaiveDate> {
    let date = EPOCH_DAY.checked_add_signed(TimeDelta::days(i64::from(days)));
    date.filter(|date| is_common_date(*date))
}

/// Microseconds since 2000-01-01 00:00 UTC.
fn timestamp(microseconds: i64) -> Option<DateTime<Utc>> {
    let time = DateTime::from_timestamp_micros(microseconds.checked_add(EPOCH)?);
    time.filter(|time| is_common_date(time.date_naive()))
}

/// NUMERIC in the binary format: digits to the base of 10,000, the weight of the first digit, a sign, and the number
/// of decimal places to show. NaN and the infinities have their own signs.
fn decimal(value: &[u8]) -> Option<Decimal> {
    let mut message = Message(value);
    let (count, weight, sign, scale) = (message.int16()?, message.int16()?, message.int16()?, message.int16()?);
    let mut unscaled = 0i128;
    for _ in 0..count {
        unscaled = unscaled
            .checked_mul(10_000)?
            .checked_add(i128::from(message.int16()?))?;
    }
    // The digits so far are in units of 10,000 to the power of `weight - count + 1`.
    let exponent = (i32::from(weight) - i32::from(count) + 1) * 4 + i32::from(scale);
    let power = 10i128.checked_pow(exponent.unsigned_abs())?;
    let unscaled = if exponent >= 0 {
        unscaled.checked_mul(power)?
    } else {
        unscaled / power
    };
    let unscaled = match sign {
        0 => unscaled,
        NEGATIVE => -unscaled,
        _ => return None,
    };
    Decimal::try_from_i128_with_scale(unscaled, u32::try_from(scale).ok()?).ok()
}

/// Begins a copy.
pub(crate) fn write_header(out: &mut Vec<u8>) {
    out.extend_from_slice(SIGNATURE);
    // No flags and no extension.
    out.extend_from_slice(&[0; 8]);
}

/// Ends a copy.
pub(crate) fn write_trailer(out: &mut Vec<u8>) {
    out.extend_from_slice(&TRAILER.to_be_bytes());
}

/// Appends a row, and returns whether that was possible: a native value must be one of PostgreSQL. The columns must
/// have the types of this project's schema for each [`Kind`], because the server accepts no other.
#[must_use]
pub(crate) fn write_row<'c>(cells: impl ExactSizeIterator<Item = (&'c Cell<'c>, Kind)>, out: &mut Vec<u8>) -> bool {
    // No table has more columns.
    let columns = i16::try_from(cells.len()).unwrap_or(i16::MAX);
    out.extend_from_slice(&columns.to_be_bytes());
    for (cell, kind) in cells {
        match cell {
            Cell::Native(text) => match native::postgres::binary(kind, text) {
                Some(value) => write_value(&value, out),
                None => return false,
            },
            Cell::Null => out.extend_from_slice(&(-1i32).to_be_bytes()),
            Cell::Integer(value) => write_value(&value.to_be_bytes(), out),
            Cell::Boolean(value) => write_value(&[u8::from(*value)], out),
            Cell::Text(text) => write_value(text.as_bytes(), out),
            Cell::Date(date) => write_value(&days(*date).to_be_bytes(), out),
            Cell::Timestamp(time) => write_value(&(time.timestamp_micros() - EPOCH).to_be_bytes(), out),
            Cell::Decimal(value) => write_decimal(*value, out),
            Cell::Real(_) | Cell::Real32(_) | Cell::Datetime(_) | Cell::Bytes(_) | Cell::Stored(_) => return false,
        }
    }
    true
}

fn write_value(value: &[u8], out: &mut Vec<u8>) {
    // The server refuses a longer message.
    let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
}

fn days(date: NaiveDate) -> i32 {
    // All dates of chrono are in this range.
    i32::try_from(date.signed_duration_since(EPOCH_DAY).num_days()).unwrap_or(i32::MAX)
}

/// The opposite of [`decimal`].
fn write_decimal(value: Decimal, out: &mut Vec<u8>) {
    let scale = value.scale();
    let behind_the_point = scale.div_ceil(4);
    // A decimal has 96 bits, and this adds at most ten.
    let mut rest = value.mantissa().unsigned_abs() * 10u128.pow(behind_the_point * 4 - scale);
    // From the last digit to the first.
    let mut digits = [0u16; 16];
    let mut count = 0;
    while rest > 0 {
        digits[count] = (rest % 10_000) as u16;
        rest /= 10_000;
        count += 1;
    }
    let zeros = digits[..count].iter().take_while(|digit| **digit == 0).count();
    let digits = &digits[zeros..count];
    let weight = match digits {
        [] => 0,
        _ => count as i16 - behind_the_point as i16 - 1,
    };
    let sign = if value.is_sign_negative() && !digits.is_empty() {
        NEGATIVE
    } else {
        0
    };
    let length = 8 + 2 * digits.len() as i32;
    out.extend_from_slice(&length.to_be_bytes());
    for part in [digits.len() as i16, weight, sign, scale as i16] {
        out.extend_from_slice(&part.to_be_bytes());
    }
    for digit in digits.iter().rev() {
        out.extend_from_slice(&digit.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numeric(digits: &[i16], weight: i16, sign: i16, scale: i16) -> Vec<u8> {
        let count = i16::try_from(digits.len()).unwrap();
        [count, weight, sign, scale]
            .iter()
            .chain(digits)
            .flat_map(|value| value.to_be_bytes())
            .collect()
    }

    #[test]
    fn numerics_are_read_to_the_last_digit() {
        for (wire, text) in [
            (numeric(&[], 0, 0, 2), "0.00"),
            (numeric(&[1], -1, 0, 4), "0.0001"),
            (numeric(&[12, 5000], 0, 0, 2), "12.50"),
            (numeric(&[1], 1, 0, 2), "10000.00"),
            (numeric(&[99, 9999, 9999, 9900], 2, 0x4000, 2), "-9999999999.99"),
        ] {
            assert_eq!(decimal(&wire).unwrap().to_string(), text);
            let mut written = Vec::new();
            write_decimal(text.parse().unwrap(), &mut written);
            assert_eq!(written[4..], wire, "{text}");
        }
    }

    #[test]
    fn values_of_postgres_only_are_refused() {
        assert_eq!(decimal(&numeric(&[], 0, -0x4000, 0)), None, "NaN");
        assert_eq!(date(i32::MAX), None, "infinity");
        assert_eq!(timestamp(i64::MAX), None, "infinity");
    }

    #[test]
    fn truncated_message_is_refused() {
        let whole = [SIGNATURE, &[0; 8], &3i16.to_be_bytes()].concat();
        for end in 0..whole.len() - 2 {
            assert!(Message(&whole[..end]).header().is_none());
        }
        assert_eq!(Message(&[0, 0, 0, 5, 1]).value(), None);
    }

    #[test]
    fn days_and_microseconds_count_from_2000() {
        assert_eq!(date(-1).unwrap().to_string(), "1999-12-31");
        assert_eq!(timestamp(1).unwrap().to_rfc3339(), "2000-01-01T00:00:00.000001+00:00");
    }

    proptest! {
        #[test]
        fn written_values_are_read_back(
            number in any::<i64>(),
            mantissa in -79_228_162_514_264_337_593_543_950_335i128..=79_228_162_514_264_337_593_543_950_335,
            scale in 0u32..=28,
            day in -700_000i32..2_900_000,
            microseconds in -60_000_000_000_000_000i64..200_000_000_000_000_000,
            native in prop::sample::select(vec!["infinity", "20140-01-01", "0044-03-15 BC"]),
            text in "\\PC*",
            truth: bool,
        ) {
            let decimal = Decimal::from_i128_with_scale(mantissa, scale);
            let row = [
                Cell::Integer(number), Cell::Decimal(decimal), Cell::Date(date(day).unwrap()),
                Cell::Timestamp(timestamp(microseconds).unwrap()), Cell::Text(&text), Cell::Boolean(truth), Cell::Null,
                Cell::Native(native),
            ];
            let kinds = [
                Kind::Integer, Kind::Decimal, Kind::Date, Kind::Timestamp, Kind::Text, Kind::Boolean, Kind::Text,
                Kind::Date,
            ];
            let mut written = Vec::new();
            write_header(&mut written);
            prop_assert!(write_row(row.iter().zip(kinds), &mut written));
            write_trailer(&mut written);
            let mut message = Message::new(&written);
            message.header().unwrap();
            prop_assert_eq!(message.int16(), Some(8));
            for (cell, kind) in row.iter().zip(kinds) {
                let value = message.value().unwrap();
                let odd = value.and_then(|value| native::postgres::text(kind, value));
                let read = odd.as_deref().map(Cell::Native).or_else(|| read_cell(value, kind));
                prop_assert_eq!(read.as_ref(), Some(cell));
            }
            prop_assert_eq!(message.int16(), Some(TRAILER));
            prop_assert!(message.is_empty());
        }
    }
}
