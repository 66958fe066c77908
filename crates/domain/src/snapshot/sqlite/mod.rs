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
use super::{HAND_ON_EVERY, Selection, SharedSink, Sink};
use crate::catalog::{Table, cells};
use crate::error::{Error, Result};
use crate::statement::{Failure, Row, Statement, Value};
use crate::stats;

const READING: &str = "reading rows";

/// A read transaction. Its moment is that of the count.
#[derive(Debug)]
pub(super) struct Reader {
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

impl Reader {
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
    pub(super) async fn read_shared(
        &mut self,
        table: Table,
        rows: u64,
        selection: Selection,
        sink: &mut impl SharedSink,
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
        for position in 1u64.. {
            let Some(row) = statement.step().map_err(failed)? else {
                break;
            };
            let mut cells = cells();
            for (index, (field, cell)) in self.fields.iter().zip(&mut cells).enumerate() {
                read_cell(row.value(index), field, cell).map_err(|problem| Error::Unexportable {
                    table: self.table,
                    row: id(&row),
                    column: field.name,
                    problem,
                })?;
            }
            sink.row(&cells[..self.fields.len()])?;
            if position.is_multiple_of(HAND_ON_EVERY) {
                sink.hand_on().await?;
            }
        }
        Ok(())
    }
}

/// Every selection begins with the id.
fn id(row: &Row<'_>) -> i64 {
    match row.value(0) {
        Value::Integer(id) => id,
        _ => 0,
    }
}

/// SQLite stores what it is given, whatever the column says, so a value of another type is possible and reported.
/// The cell is written where it stands: handing it on inside a `Result` copies it in a way that stalls the processor,
/// which took a sixth of the time of a download.
fn read_cell<'a>(value: Value<'a>, field: &Field, cell: &mut Cell<'a>) -> Result<(), String> {
    *cell = match (field.kind, value) {
        (_, Value::Null) if field.nullable => Cell::Null,
        (Kind::Integer, Value::Integer(value)) => Cell::Integer(value),
        (Kind::Boolean, Value::Integer(value)) => Cell::Boolean(value != 0),
        (Kind::Decimal, Value::Integer(value)) => Cell::Decimal(Decimal::from(value)),
        (Kind::Decimal, Value::Real(value)) => Cell::Decimal(decimal(value)?),
        (Kind::Text, Value::Text(text)) => Cell::Text(utf8(text)?),
        (Kind::Date, Value::Text(text)) => Cell::Date(date(text).ok_or_else(|| "it is not a date".to_owned())?),
        (Kind::Timestamp, Value::Text(text)) => {
            Cell::Timestamp(timestamp(text).ok_or_else(|| "it is not a timestamp".to_owned())?)
        }
        (Kind::Decimal, Value::Text(text)) => {
            Cell::Decimal(utf8(text)?.parse().map_err(|_| "it is not a decimal".to_owned())?)
        }
        (kind, value) => {
            let found = match value {
                Value::Null => "missing",
                Value::Integer(_) => "an integer",
                Value::Real(_) => "a floating-point number",
                Value::Text(_) => "a text",
                Value::Unreadable => "more than there is memory for",
                Value::Blob => "a blob",
            };
            return Err(format!("it is {found} and not of type {kind:?}"));
        }
    };
    Ok(())
}

/// SQLite keeps decimals as floating-point numbers. One of two digits is recognised by being the float that is nearest
/// to it; of any other, the fifteen digits that a float surely holds are taken.
fn decimal(value: f64) -> Result<Decimal, String> {
    let cents = (value * 100.0).round();
    if cents.abs() < 9e15 && cents / 100.0 == value {
        #[allow(clippy::cast_possible_truncation, reason = "it was rounded and is below 2^53")]
        return Ok(Decimal::new(cents as i64, 2));
    }
    Decimal::try_from(value).map_err(|_| "the number is too large".to_owned())
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    str::from_utf8(text).map_err(|_| "the text is not UTF-8".to_owned())
}

fn date(text: &[u8]) -> Option<NaiveDate> {
    match text {
        [a, b, c, d, b'-', e, f, b'-', g, h] => NaiveDate::from_ymd_opt(
            i32::try_from(digits(&[*a, *b, *c, *d])?).ok()?,
            digits(&[*e, *f])?,
            digits(&[*g, *h])?,
        ),
        _ => NaiveDate::parse_from_str(str::from_utf8(text).ok()?, "%F").ok(),
    }
}

/// The form in which SeaORM writes timestamps is read by hand; any other that SQLite's own functions know, by chrono.
fn timestamp(text: &[u8]) -> Option<DateTime<Utc>> {
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
            assert_eq!(decimal(text.parse().unwrap()).unwrap(), exact);
        }
        assert_eq!(decimal(0.125).unwrap(), "0.125".parse().unwrap());
        assert_eq!(decimal(0.1 + 0.2).unwrap(), "0.3".parse().unwrap());
        assert!(decimal(f64::INFINITY).is_err());
        assert!(decimal(1e300).is_err());
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        for (value, kind) in [
            (Value::Text(b"12"), Kind::Integer),
            (Value::Blob, Kind::Text),
            (Value::Text(b"\xff"), Kind::Text),
            (Value::Real(0.5), Kind::Boolean),
            (Value::Text(b"31-12-2024"), Kind::Date),
            (Value::Null, Kind::Integer),
        ] {
            let field = Field {
                name: "column",
                kind,
                nullable: false,
            };
            assert!(read_cell(value, &field, &mut Cell::Null).is_err(), "{kind:?}");
        }
    }
}
