//! MySQL and MariaDB: one repeatable-read transaction. Rows come by the binary protocol, in the driver's
//! representation.

use std::collections::BTreeMap;

use campus_backup_archive::{Cell, Kind};
use chrono::{NaiveDate, NaiveDateTime};
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;
use sea_orm::sqlx::mysql::{MySqlConnection, MySqlRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Decode, Executor as _, MySql, MySqlPool, Row as _};

use super::fields::{self, Field};
use super::{ROWS_PER_FLUSH_CHECK, Selection, Sink, id_of};
use crate::catalog::{Table, cells};
use crate::database::TxConnection;
use crate::error::{Error, Result};
use crate::native::{self, Natives, is_common_date};
use crate::stats;

const READING: &str = "reading rows";

/// A read transaction. Its snapshot is taken when it begins.
#[derive(Debug)]
pub(super) struct MysqlReader(TxConnection<MySql>);

impl MysqlReader {
    pub(super) async fn begin(pool: &MySqlPool) -> Result<Self> {
        let doing = "beginning a snapshot";
        let mut held = TxConnection::new(pool.acquire().await.map_err(Error::sqlx(doing))?);
        let begin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
                     START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        let begun = held.connection()?.execute(sqlx::raw_sql(begin)).await;
        begun.map_err(Error::sqlx(doing))?;
        Ok(Self(held))
    }

    pub(super) async fn count(&mut self, tables: &[Table]) -> Result<BTreeMap<Table, u64>> {
        stats::count_on::<MySql>(self.0.connection()?, tables).await
    }

    pub(super) async fn read(&mut self, table: Table, selection: Selection, sink: &mut impl Sink) -> Result<()> {
        read(self.0.connection()?, table, selection, sink).await
    }

    /// Ends the transaction and returns the connection.
    pub(super) async fn end(self) -> Result<()> {
        self.0.end("ending a snapshot").await
    }
}

/// Reads a table in the transaction that the connection is in.
pub(crate) async fn read(
    connection: &mut MySqlConnection,
    table: Table,
    selection: Selection,
    sink: &mut impl Sink,
) -> Result<()> {
    let fields = fields::of(table, selection);
    let sql = format!("{} ORDER BY t.id", fields::select(table, selection));
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
    let mut position = 0u64;
    let mut natives = Natives::default();
    while let Some(row) = rows.try_next().await.map_err(Error::sqlx(READING))? {
        natives.clear();
        let mut cells = cells();
        let mut unreadable = None;
        for (index, (field, cell)) in fields.iter().zip(&mut cells).enumerate() {
            match read_cell(&row, index, field.kind) {
                Ok(Some(read)) => *cell = read,
                // The driver reads a zero date as NULL.
                read => match odd(&row, index, field, read.is_ok(), &natives) {
                    Ok(read) => *cell = read,
                    Err(problem) => unreadable = unreadable.or(Some((field, problem))),
                },
            }
        }
        match unreadable {
            None => sink.row(&cells[..fields.len()])?,
            Some((field, problem)) => sink.unreadable(field.unreadable(table, id_of(&cells), problem))?,
        }
        position += 1;
        if position.is_multiple_of(ROWS_PER_FLUSH_CHECK) {
            sink.flush_if_full().await?;
        }
    }
    Ok(())
}

/// The types are those of the schema, so the driver's check of each value's type is skipped.
fn get<'r, T: Decode<'r, MySql>>(row: &'r MySqlRow, index: usize) -> Result<Option<T>, sqlx::Error> {
    row.try_get_unchecked(index)
}

/// None for NULL and for values that the driver reads as NULL.
fn read_cell(row: &MySqlRow, index: usize, kind: Kind) -> Result<Option<Cell<'_>>, sqlx::Error> {
    let no_cell = || sqlx::Error::Decode("a value that its kind can't hold".into());
    Ok(match kind {
        Kind::Integer => get(row, index)?.map(Cell::Integer),
        Kind::Text => get(row, index)?.map(Cell::Text),
        Kind::Decimal => get::<Decimal>(row, index)?.map(Cell::Decimal),
        Kind::Date => match get::<NaiveDate>(row, index)? {
            Some(date) if !is_common_date(date) => return Err(no_cell()),
            date => date.map(Cell::Date),
        },
        Kind::Timestamp => match get::<NaiveDateTime>(row, index)? {
            Some(time) if !is_common_date(time.date()) => return Err(no_cell()),
            time => time.map(|time| Cell::Timestamp(time.and_utc())),
        },
        Kind::Boolean => match get::<i8>(row, index)? {
            Some(0) => Some(Cell::Boolean(false)),
            Some(1) => Some(Cell::Boolean(true)),
            Some(_) => return Err(no_cell()),
            None => None,
        },
        Kind::Real | Kind::Real32 | Kind::Datetime | Kind::Bytes | Kind::Native => return Err(no_cell()),
    })
}

/// A value that [`read_cell`] can't read.
#[inline]
fn odd<'a>(
    row: &MySqlRow,
    index: usize,
    field: &Field,
    may_be_null: bool,
    natives: &'a Natives,
) -> Result<Cell<'a>, String> {
    let problem = |_| fields::problem(field.kind);
    let value = row.try_get_raw(index).map_err(problem)?;
    match <&[u8] as Decode<MySql>>::decode(value) {
        Ok(bytes) => field.native(natives, index, native::mysql::text(field.kind, bytes)),
        // A NULL has no bytes.
        Err(_) if may_be_null && field.nullable => Ok(Cell::Null),
        Err(_) => Err(fields::problem(field.kind)),
    }
}
