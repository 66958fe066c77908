//! SQLite: one read transaction in WAL mode, its statement stepped by the reading thread itself; or two of them,
//! see [`pair`].

mod pair;

use std::collections::BTreeMap;

use campus_backup_archive::{Cell, Kind};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use sea_orm::sqlx::sqlite::LockedSqliteHandle;
use sea_orm::sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use self::pair::{Second, Waiting};
use super::fields::{self, Field};
use super::{ParallelSink, ROWS_PER_FLUSH_CHECK, Selection, Sink, id_of};
use crate::catalog::{Table, cells};
use crate::error::{Error, Result};
use crate::native::{self, Natives, is_common_date, is_common_time};
use crate::statement::{Failure, Statement, Value};
use crate::stats;

const READING: &str = "reading rows";

/// A read transaction. Its moment is that of the count.
#[derive(Debug)]
pub(super) struct SqliteReader {
    transaction: Transaction<'static, Sqlite>,
    partner: Partner,
}

/// Whoever reads beside it.
#[derive(Debug)]
enum Partner {
    Nobody,
    Waiting(Waiting),
    Joined(Second),
}

impl Partner {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Nobody)
    }
}

impl SqliteReader {
    /// With a permit for a pair, and how many rows are in a turn of it, a second connection waits to join at the moment of
    /// the count.
    pub(super) async fn begin(pool: &SqlitePool, pair: Option<(OwnedSemaphorePermit, u64)>) -> Result<Self> {
        let partner = match pair {
            Some((permit, rows_in_a_turn)) => {
                let waiting = Waiting::new(pool, permit, rows_in_a_turn).await;
                waiting.map_or_else(alone, Partner::Waiting)
            }
            None => Partner::Nobody,
        };
        let transaction = pool.begin().await.map_err(Error::sqlx("beginning a snapshot"))?;
        Ok(Self { transaction, partner })
    }

    pub(super) async fn count(&mut self, tables: &[Table]) -> Result<BTreeMap<Table, u64>> {
        let counted = stats::count_on::<Sqlite>(&mut *self.transaction, tables).await?;
        self.partner = match self.partner.take() {
            Partner::Waiting(waiting) if counted.values().any(|rows| waiting.is_needed_for(*rows)) => {
                let joined = waiting.join().await;
                joined.map_or_else(alone, |second| second.map_or(Partner::Nobody, Partner::Joined))
            }
            _ => Partner::Nobody,
        };
        Ok(counted)
    }

    pub(super) async fn end(self) -> Result<()> {
        if let Partner::Joined(second) = self.partner
            && let Err(error) = second.end().await
        {
            tracing::debug!(%error, "the second connection of a snapshot was closed");
        }
        self.transaction
            .commit()
            .await
            .map_err(Error::sqlx("ending a snapshot"))
    }

    pub(super) async fn read(&mut self, table: Table, selection: Selection, sink: &mut impl Sink) -> Result<()> {
        read(&mut self.transaction, table, selection, sink).await
    }

    /// Reads a table of so many rows by two threads in turns, or alone if nobody has joined.
    pub(super) async fn read_parallel(
        &mut self,
        table: Table,
        rows: u64,
        selection: Selection,
        sink: &mut impl ParallelSink,
    ) -> Result<()> {
        if let Some(encoder) = sink.encoder()
            && let Partner::Joined(second) = self.partner.take()
        {
            let turns = second.turns(rows);
            let mut handle = self.transaction.lock_handle().await.map_err(Error::sqlx(READING))?;
            let parts = pair::parts(&mut handle, table, turns)?;
            let rows = Rows::of(table, selection);
            self.partner = Partner::Joined(pair::read(&mut handle, second, rows, parts, encoder, sink).await?);
            return Ok(());
        }
        self.read(table, selection, sink).await
    }
}

/// Reads a table in the transaction that the connection is in.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    table: Table,
    selection: Selection,
    sink: &mut impl Sink,
) -> Result<()> {
    let rows = Rows::of(table, selection);
    let mut handle = connection.lock_handle().await.map_err(Error::sqlx(READING))?;
    rows.read(&mut rows.prepare(&mut handle)?, sink).await
}

/// What the second of a pair meets is no reason to fail: the first can read alone.
fn alone(error: Error) -> Partner {
    tracing::debug!(%error, "a snapshot is read by one thread");
    Partner::Nobody
}

/// The rows of a table, as a statement gives them.
#[derive(Clone)]
struct Rows {
    table: Table,
    fields: Vec<Field>,
    select: String,
}

impl Rows {
    fn of(table: Table, selection: Selection) -> Self {
        Self {
            table,
            fields: fields::of(table, selection),
            select: fields::select(table, selection),
        }
    }

    /// All of them.
    fn prepare<'a>(&self, handle: &'a mut LockedSqliteHandle<'_>) -> Result<Statement<'a>> {
        let sql = format!("{} ORDER BY t.id", self.select);
        Statement::prepare(handle, &sql).map_err(failed)
    }

    /// Those from one id to another, which are the statement's two parameters.
    fn prepare_part<'a>(&self, handle: &'a mut LockedSqliteHandle<'_>) -> Result<Statement<'a>> {
        let sql = format!("{} WHERE t.id BETWEEN ? AND ? ORDER BY t.id", self.select);
        Statement::prepare(handle, &sql).map_err(failed)
    }

    async fn read(&self, statement: &mut Statement<'_>, sink: &mut impl Sink) -> Result<()> {
        let mut natives = Natives::default();
        for position in 1u64.. {
            let Some(row) = statement.step().map_err(failed)? else {
                break;
            };
            natives.clear();
            let mut cells = cells();
            let mut unreadable = None;
            for (index, (field, cell)) in self.fields.iter().zip(&mut cells).enumerate() {
                if !read_cell(row.value(index), field.kind, cell) || !field.admits(cell) {
                    match field.native(&natives, index, native::sqlite::text(&row.value(index))) {
                        Ok(read) => *cell = read,
                        Err(problem) => unreadable = unreadable.or(Some((field, problem))),
                    }
                }
            }
            match unreadable {
                None => sink.row(&cells[..self.fields.len()])?,
                Some((field, problem)) => {
                    sink.unreadable(field.unreadable(self.table, id_of(&cells), problem))?;
                }
            }
            if position.is_multiple_of(ROWS_PER_FLUSH_CHECK) {
                sink.flush_if_full().await?;
            }
        }
        Ok(())
    }
}

/// SQLite stores what it is given, whatever the column says. This says whether the value is one of the kind, or NULL.
/// The cell is written where it stands: handing it on inside a `Result` copies it in a way that stalls the processor,
/// which took a sixth of the time of a download.
fn read_cell<'a>(value: Value<'a>, kind: Kind, cell: &mut Cell<'a>) -> bool {
    *cell = match (kind, value) {
        (_, Value::Null) => Cell::Null,
        (Kind::Integer, Value::Integer(value)) => Cell::Integer(value),
        (Kind::Boolean, Value::Integer(value @ (0 | 1))) => Cell::Boolean(value != 0),
        (Kind::Decimal, Value::Integer(value)) => Cell::Decimal(Decimal::from(value)),
        (Kind::Decimal, Value::Real(value)) => match decimal(value) {
            Some(value) => Cell::Decimal(value),
            None => return false,
        },
        (Kind::Text, Value::Text(text)) => match str::from_utf8(text) {
            // No document has a NUL.
            Ok(text) if !text.as_bytes().contains(&0) => Cell::Text(text),
            _ => return false,
        },
        (Kind::Date, Value::Text(text)) => match date(text) {
            Some(date) => Cell::Date(date),
            None => return false,
        },
        (Kind::Timestamp, Value::Text(text)) => match timestamp(text) {
            Some(time) => Cell::Timestamp(time),
            None => return false,
        },
        _ => return false,
    };
    true
}

/// Whether a value is one that the kind can hold.
pub(crate) fn is_ordinary(kind: Kind, value: Value<'_>) -> bool {
    read_cell(value, kind, &mut Cell::Null)
}

/// SQLite keeps decimals as floating-point numbers. One of two digits is recognised by being the float that is nearest
/// to it; of any other, the fifteen digits that a float surely holds are taken.
fn decimal(value: f64) -> Option<Decimal> {
    let cents = (value * 100.0).round();
    if cents.abs() < 9e15 && cents / 100.0 == value {
        #[allow(clippy::cast_possible_truncation, reason = "it was rounded and is below 2^53")]
        return Some(Decimal::new(cents as i64, 2));
    }
    Decimal::try_from(value).ok()
}

fn date(text: &[u8]) -> Option<NaiveDate> {
    let date = match text {
        [a, b, c, d, b'-', e, f, b'-', g, h] => NaiveDate::from_ymd_opt(
            i32::try_from(digits(&[*a, *b, *c, *d])?).ok()?,
            digits(&[*e, *f])?,
            digits(&[*g, *h])?,
        ),
        _ => NaiveDate::parse_from_str(str::from_utf8(text).ok()?, "%F").ok(),
    };
    date.filter(|date| is_common_date(*date))
}

/// A timestamp, to the microsecond.
fn timestamp(text: &[u8]) -> Option<DateTime<Utc>> {
    any_timestamp(text).filter(|time| is_common_time(*time))
}

/// The form in which SeaORM writes timestamps is read by hand; any other that SQLite's own functions know, by chrono.
fn any_timestamp(text: &[u8]) -> Option<DateTime<Utc>> {
    if let Some((day, [b'T' | b' ', h, i, b':', m, n, b':', s, t, rest @ ..])) = text.split_at_checked(10)
        && let Some(nanoseconds) = fraction_and_utc(rest)
    {
        let seconds = digits(&[*s, *t])?;
        return Some(
            date(day)?
                .and_hms_nano_opt(digits(&[*h, *i])?, digits(&[*m, *n])?, seconds, nanoseconds)?
                .and_utc(),
        );
    }
    let text = str::from_utf8(text).ok()?;
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    ["%F %T%.f%:z", "%F %R%:z", "%FT%R%:z"]
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok().map(|time| time.to_utc()))
        .or_else(|| {
            [
                "%F %T%.f",
                "%FT%T%.f",
                "%F %T%.fZ",
                "%F %R",
                "%FT%R",
                "%F %RZ",
                "%FT%RZ",
            ]
            .iter()
            .find_map(|format| {
                NaiveDateTime::parse_from_str(text, format)
                    .ok()
                    .map(|time| time.and_utc())
            })
        })
}

/// `.123456+00:00` with or without either part, as nanoseconds.
fn fraction_and_utc(rest: &[u8]) -> Option<u32> {
    let rest = rest
        .strip_suffix(b"+00:00")
        .or_else(|| rest.strip_suffix(b"Z"))
        .unwrap_or(rest);
    match rest {
        [] => Some(0),
        [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
            let missing = u32::try_from(9 - fraction.len()).ok()?;
            Some(digits(fraction)? * 10u32.pow(missing))
        }
        _ => None,
    }
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0u32, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    })
}

fn failed(failure: Failure) -> Error {
    Error::sqlite(READING, failure.code, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_in_every_form_that_sqlite_knows() {
        for (text, read) in [
            ("2024-02-29T12:34:56+00:00", "2024-02-29T12:34:56Z"),
            ("2024-02-29 12:34:56", "2024-02-29T12:34:56Z"),
            ("2024-02-29T12:34:56.000001+00:00", "2024-02-29T12:34:56.000001Z"),
            ("2024-02-29 12:34:56.5", "2024-02-29T12:34:56.500Z"),
            ("1901-01-01T00:00:00Z", "1901-01-01T00:00:00Z"),
            ("2024-02-29T12:34:56+05:30", "2024-02-29T07:04:56Z"),
            ("2024-02-29 12:34", "2024-02-29T12:34:00Z"),
        ] {
            let expected = DateTime::parse_from_rfc3339(read).unwrap().to_utc();
            assert_eq!(timestamp(text.as_bytes()), Some(expected), "{text}");
        }
        for text in [
            "",
            "today",
            "2024-02-30T00:00:00Z",
            "2024-02-29T25:00:00Z",
            "2024-02-29T12:34:56.",
            "ééééé",
        ] {
            assert_eq!(timestamp(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn decimals_come_back_to_the_last_digit() {
        for text in [
            "0.01",
            "12.50",
            "9999999999.99",
            "-9999999999.99",
            "0.30",
            "1234567890.07",
        ] {
            let exact: Decimal = text.parse().unwrap();
            assert_eq!(decimal(text.parse().unwrap()), Some(exact));
        }
        assert_eq!(decimal(0.125).unwrap(), "0.125".parse().unwrap());
        assert_eq!(decimal(0.1 + 0.2).unwrap(), "0.3".parse().unwrap());
        assert_eq!(decimal(f64::INFINITY), None);
        assert_eq!(decimal(1e300), None);
    }

    #[test]
    fn a_value_that_its_kind_can_not_hold_is_not_ordinary() {
        for (value, kind) in [
            (Value::Text(b"12"), Kind::Integer),
            (Value::Blob(b""), Kind::Text),
            (Value::Text(b"\xff"), Kind::Text),
            (Value::Text(b"a\0"), Kind::Text),
            (Value::Real(0.5), Kind::Boolean),
            (Value::Integer(2), Kind::Boolean),
            (Value::Text(b"31-12-2024"), Kind::Date),
            (Value::Text(b"0000-01-01"), Kind::Date),
            (Value::Text(b"20140-01-01"), Kind::Date),
            (Value::Text(b"2024-02-29T12:34:56.000000001+00:00"), Kind::Timestamp),
            (Value::Text(b"2024-02-29 23:59:60"), Kind::Timestamp),
            (Value::Real(1e300), Kind::Decimal),
        ] {
            assert!(!is_ordinary(kind, value), "{kind}");
        }
        assert!(is_ordinary(Kind::Integer, Value::Null));
    }
}
