//! SQLite: one read transaction in WAL mode, whose statement the reading thread steps itself; or two, see [`parallel`].

mod parallel;

use std::collections::BTreeMap;

use campus_backup_archive::{Cell, Kind};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use sea_orm::sqlx::sqlite::LockedSqliteHandle;
use sea_orm::sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use self::parallel::Worker;
use super::fields::{self, Field};
use super::{ParallelSink, ROWS_PER_FLUSH_CHECK, Selection, Sink, id_of};
use crate::catalog::{Table, cells};
use crate::error::{Error, Result};
use crate::native::{self, Natives, is_common_date, is_common_time};
use crate::statement::{Statement, StatementError, StatementValue};
use crate::stats;

const READING: &str = "reading rows";

/// A read transaction. Its snapshot is taken by the count.
#[derive(Debug)]
pub(super) struct SqliteReader {
    transaction: Transaction<'static, Sqlite>,
    worker: Option<Worker>,
}

impl SqliteReader {
    /// With a permit and the rows of a range, a second connection prepares to join the snapshot.
    pub(super) async fn begin(pool: &SqlitePool, parallel: Option<(OwnedSemaphorePermit, u64)>) -> Result<Self> {
        let worker = match parallel {
            Some((permit, rows_per_range)) => or_alone(Worker::prepare(pool, permit, rows_per_range).await.map(Some)),
            None => None,
        };
        let transaction = pool.begin().await.map_err(Error::sqlx("beginning a snapshot"))?;
        Ok(Self { transaction, worker })
    }

    pub(super) async fn count(&mut self, tables: &[Table]) -> Result<BTreeMap<Table, u64>> {
        let counted = stats::count_on::<Sqlite>(&mut *self.transaction, tables).await?;
        if let Some(worker) = self.worker.take() {
            let most = counted.values().max().copied().unwrap_or_default();
            self.worker = or_alone(worker.join(most).await);
        }
        Ok(counted)
    }

    pub(super) async fn end(self) -> Result<()> {
        if let Some(worker) = self.worker
            && let Err(error) = worker.end().await
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

    /// Reads a table of this many rows with two threads, or with one if no worker has joined.
    pub(super) async fn read_parallel(
        &mut self,
        table: Table,
        rows: u64,
        selection: Selection,
        sink: &mut impl ParallelSink,
    ) -> Result<()> {
        if let Some(encoder) = sink.encoder()
            && let Some(worker) = self.worker.take()
        {
            let mut first = self.transaction.lock_handle().await.map_err(Error::sqlx(READING))?;
            let query = TableQuery::of(table, selection);
            self.worker = Some(worker.read(&mut first, query, rows, encoder, sink).await?);
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
    let query = TableQuery::of(table, selection);
    let mut handle = connection.lock_handle().await.map_err(Error::sqlx(READING))?;
    query.read(&mut query.prepare(&mut handle)?, sink).await
}

/// An error of the worker is not fatal: one thread can read alone.
fn or_alone(worker: Result<Option<Worker>>) -> Option<Worker> {
    worker.unwrap_or_else(|error| {
        tracing::debug!(%error, "a snapshot is read by one thread");
        None
    })
}

/// The statement that reads the rows of a table.
#[derive(Clone)]
struct TableQuery {
    table: Table,
    fields: Vec<Field>,
    select: String,
}

impl TableQuery {
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
    fn prepare_range<'a>(&self, handle: &'a mut LockedSqliteHandle<'_>) -> Result<Statement<'a>> {
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

/// Whether the value is of the kind, or NULL: SQLite stores any type in any column. The cell is written in place:
/// returning it in a `Result` copies it in a way that stalls the processor, which took a sixth of the time of a
/// download.
fn read_cell<'a>(value: StatementValue<'a>, kind: Kind, cell: &mut Cell<'a>) -> bool {
    *cell = match (kind, value) {
        (_, StatementValue::Null) => Cell::Null,
        (Kind::Integer, StatementValue::Integer(value)) => Cell::Integer(value),
        (Kind::Boolean, StatementValue::Integer(value @ (0 | 1))) => Cell::Boolean(value != 0),
        (Kind::Decimal, StatementValue::Integer(value)) => Cell::Decimal(Decimal::from(value)),
        (Kind::Decimal, StatementValue::Real(value)) => match decimal(value) {
            Some(value) => Cell::Decimal(value),
            None => return false,
        },
        (Kind::Text, StatementValue::Text(text)) => match str::from_utf8(text) {
            // No document has a NUL.
            Ok(text) if !text.as_bytes().contains(&0) => Cell::Text(text),
            _ => return false,
        },
        (Kind::Date, StatementValue::Text(text)) => match date(text) {
            Some(date) => Cell::Date(date),
            None => return false,
        },
        (Kind::Timestamp, StatementValue::Text(text)) => match timestamp(text) {
            Some(time) => Cell::Timestamp(time),
            None => return false,
        },
        _ => return false,
    };
    true
}

/// Whether the kind can hold the value.
pub(crate) fn is_ordinary(kind: Kind, value: StatementValue<'_>) -> bool {
    read_cell(value, kind, &mut Cell::Null)
}

/// SQLite stores decimals as floating-point numbers. A decimal with two digits is recognised as the nearest one to the
/// float. Of any other, the fifteen significant digits of a float are used.
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

/// SeaORM's format is parsed by hand, the other formats of SQLite's functions by chrono.
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

fn failed(failure: StatementError) -> Error {
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
    fn decimals_are_read_exactly() {
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
    fn value_of_another_kind_is_not_ordinary() {
        for (value, kind) in [
            (StatementValue::Text(b"12"), Kind::Integer),
            (StatementValue::Blob(b""), Kind::Text),
            (StatementValue::Text(b"\xff"), Kind::Text),
            (StatementValue::Text(b"a\0"), Kind::Text),
            (StatementValue::Real(0.5), Kind::Boolean),
            (StatementValue::Integer(2), Kind::Boolean),
            (StatementValue::Text(b"31-12-2024"), Kind::Date),
            (StatementValue::Text(b"0000-01-01"), Kind::Date),
            (StatementValue::Text(b"20140-01-01"), Kind::Date),
            (
                StatementValue::Text(b"2024-02-29T12:34:56.000000001+00:00"),
                Kind::Timestamp,
            ),
            (StatementValue::Text(b"2024-02-29 23:59:60"), Kind::Timestamp),
            (StatementValue::Real(1e300), Kind::Decimal),
        ] {
            assert!(!is_ordinary(kind, value), "{kind}");
        }
        assert!(is_ordinary(Kind::Integer, StatementValue::Null));
    }
}
