//! PostgreSQL: one repeatable-read transaction, its rows by `COPY ... (FORMAT binary)`.

use std::collections::BTreeMap;

use campus_backup_archive::{Cell, Kind};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;
use sea_orm::sqlx::{self, AssertSqlSafe, Executor as _, PgPool, Postgres};

use super::fields;
use super::{HAND_ON_EVERY, Selection, Sink};
use crate::catalog::{Table, cells};
use crate::database::Held;
use crate::error::{Error, Result};
use crate::stats;

const READING: &str = "reading rows";

/// A read transaction. Its moment is that of the count.
#[derive(Debug)]
pub(super) struct Reader(Held<Postgres>);

impl Reader {
    pub(super) async fn begin(pool: &PgPool) -> Result<Self> {
        let doing = "beginning a snapshot";
        let mut held = Held::new(pool.acquire().await.map_err(Error::sqlx(doing))?);
        // TRUNCATE is not MVCC-safe: a snapshot that has not touched a table yet would see it empty. The lock holds it
        // off, as pg_dump's does, and lets everything else go on.
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE {} IN ACCESS SHARE MODE",
            Table::ALL.map(Table::name).join(", "),
        );
        let begun = held.connection()?.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await;
        begun.map_err(Error::sqlx(doing))?;
        Ok(Self(held))
    }

    pub(super) async fn count(&mut self, tables: &[Table]) -> Result<BTreeMap<Table, u64>> {
        stats::count_on::<Postgres>(self.0.connection()?, tables).await
    }

    pub(super) async fn read(&mut self, table: Table, selection: Selection, sink: &mut impl Sink) -> Result<()> {
        let fields = fields::of(table, selection);
        let select = fields::select(table, selection);
        let copy = format!("COPY ({select} ORDER BY t.id) TO STDOUT (FORMAT binary)");
        let mut stream = self
            .0
            .connection()?
            .copy_out_raw(&copy)
            .await
            .map_err(Error::sqlx(READING))?;
        let mut position = 0u64;
        // The server sends one message a row; the header comes with the first one and the trailer as the last.
        let mut first = true;
        let mut whole = false;
        while let Some(message) = stream.try_next().await.map_err(Error::sqlx(READING))? {
            let mut rest = Message(&message);
            if std::mem::take(&mut first) {
                rest.header().ok_or_else(malformed)?;
            }
            while !rest.0.is_empty() {
                let columns = rest.int16().ok_or_else(malformed)?;
                if columns == TRAILER {
                    whole = true;
                    break;
                }
                if usize::try_from(columns) != Ok(fields.len()) {
                    return Err(malformed());
                }
                let mut cells = cells();
                let mut id = 0;
                for (field, cell) in fields.iter().zip(&mut cells) {
                    let value = rest.value().ok_or_else(malformed)?;
                    *cell = read_cell(value, field.kind)
                        .and_then(|cell| field.admit(cell))
                        .map_err(|problem| Error::Unexportable {
                            table,
                            row: id,
                            column: field.name,
                            problem,
                        })?;
                    if let (0, Cell::Integer(first)) = (id, &*cell) {
                        id = *first;
                    }
                }
                sink.row(&cells[..fields.len()])?;
                position += 1;
                if position.is_multiple_of(HAND_ON_EVERY) {
                    sink.hand_on().await?;
                }
            }
        }
        if whole { Ok(()) } else { Err(malformed()) }
    }
}

/// The bytes of a message that have not been read (PostgreSQL's manual, "COPY", "Binary Format").
struct Message<'a>(&'a [u8]);

/// What every binary copy begins with.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Stands where a row's number of columns would.
const TRAILER: i16 = -1;

impl<'a> Message<'a> {
    fn header(&mut self) -> Option<()> {
        self.0 = self.0.strip_prefix(SIGNATURE)?;
        let _flags = self.int32()?;
        let extension = usize::try_from(self.int32()?).ok()?;
        self.bytes(extension).map(drop)
    }

    /// A value, or `None` inside for NULL.
    fn value(&mut self) -> Option<Option<&'a [u8]>> {
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

    fn int16(&mut self) -> Option<i16> {
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

#[inline(always)]
fn read_cell(value: Option<&[u8]>, kind: Kind) -> Result<Cell<'_>, String> {
    let Some(value) = value else {
        return Ok(Cell::Null);
    };
    let cell = match kind {
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
    };
    cell.ok_or_else(|| fields::problem(kind))
}

/// Days since 2000-01-01. The infinities, which no other engine has, are outside of what a date can be.
fn date(days: i32) -> Option<NaiveDate> {
    let epoch = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    epoch.checked_add_signed(TimeDelta::days(i64::from(days)))
}

/// Microseconds since 2000-01-01 00:00 UTC.
fn timestamp(microseconds: i64) -> Option<DateTime<Utc>> {
    const EPOCH: i64 = 946_684_800_000_000;
    DateTime::from_timestamp_micros(microseconds.checked_add(EPOCH)?)
}

/// NUMERIC on the wire: digits to the base of 10,000, the power of the first, a sign, and how many decimal digits to
/// show. NaN and the infinities have signs of their own.
fn decimal(value: &[u8]) -> Option<Decimal> {
    const NEGATIVE: i16 = 0x4000;
    let mut message = Message(value);
    let (count, weight, sign, scale) = (message.int16()?, message.int16()?, message.int16()?, message.int16()?);
    let mut unscaled = 0i128;
    for _ in 0..count {
        unscaled = unscaled
            .checked_mul(10_000)?
            .checked_add(i128::from(message.int16()?))?;
    }
    // What has been read counts units of 10,000 to the power of `weight - count + 1`.
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

fn malformed() -> Error {
    Error::internal(READING)("the server's copy is not in the format that its manual describes")
}

impl Reader {
    /// Ends the transaction and gives the connection back.
    pub(super) async fn end(self) -> Result<()> {
        self.0.end("ending a snapshot").await
    }
}

#[cfg(test)]
mod tests {
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
        }
    }

    #[test]
    fn what_no_other_engine_has_is_refused() {
        assert_eq!(decimal(&numeric(&[], 0, -0x4000, 0)), None, "NaN");
        assert_eq!(date(i32::MAX), None, "infinity");
        assert_eq!(timestamp(i64::MAX), None, "infinity");
    }

    #[test]
    fn a_cut_message_is_refused_and_never_read_beyond() {
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
}
