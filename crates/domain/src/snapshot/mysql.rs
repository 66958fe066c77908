//! MySQL and MariaDB: one repeatable-read transaction, its rows by the binary protocol as the driver has them.

use std::collections::BTreeMap;

use campus_backup_archive::{Cell, Kind};
use chrono::{NaiveDate, NaiveDateTime};
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;
use sea_orm::sqlx::mysql::{MySqlConnection, MySqlRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Decode, Executor as _, MySql, MySqlPool, Row as _};

use super::fields;
use super::{HAND_ON_EVERY, Selection, Sink};
use crate::catalog::{Table, cells};
use crate::database::Held;
use crate::error::{Error, Result};
use crate::stats;

const READING: &str = "reading rows";

/// A read transaction. Its moment is that of its beginning.
#[derive(Debug)]
pub(super) struct Reader(Held<MySql>);

impl Reader {
    pub(super) async fn begin(pool: &MySqlPool) -> Result<Self> {
        let doing = "beginning a snapshot";
        let mut held = Held::new(pool.acquire().await.map_err(Error::sqlx(doing))?);
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

    /// Ends the transaction and gives the connection back.
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
    while let Some(row) = rows.try_next().await.map_err(Error::sqlx(READING))? {
        let mut cells = cells();
        for (index, (field, cell)) in fields.iter().zip(&mut cells).enumerate() {
            let read = read_cell(&row, index, field.kind).map_err(|_| fields::problem(field.kind));
            *cell = read
                .and_then(|cell| field.admit(cell))
                .map_err(|problem| Error::Unexportable {
                    table,
                    row: get(&row, 0).ok().flatten().unwrap_or_default(),
                    column: field.name,
                    problem,
                })?;
        }
        sink.row(&cells[..fields.len()])?;
        position += 1;
        if position.is_multiple_of(HAND_ON_EVERY) {
            sink.hand_on().await?;
        }
    }
    Ok(())
}

/// The schema says what each column is, so the driver's own check of every value's type is left out.
fn get<'r, T: Decode<'r, MySql>>(row: &'r MySqlRow, index: usize) -> Result<Option<T>, sqlx::Error> {
    row.try_get_unchecked(index)
}

fn read_cell(row: &MySqlRow, index: usize, kind: Kind) -> Result<Cell<'_>, sqlx::Error> {
    Ok(match kind {
        Kind::Integer => get(row, index)?.map(Cell::Integer),
        Kind::Text => get(row, index)?.map(Cell::Text),
        Kind::Decimal => get::<Decimal>(row, index)?.map(Cell::Decimal),
        Kind::Date => get::<NaiveDate>(row, index)?.map(Cell::Date),
        Kind::Timestamp => get::<NaiveDateTime>(row, index)?.map(|time| Cell::Timestamp(time.and_utc())),
        Kind::Boolean => get(row, index)?.map(Cell::Boolean),
    }
    .unwrap_or(Cell::Null))
}
