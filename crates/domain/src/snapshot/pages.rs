//! Any engine, through the ORM: the reference that the fast paths are tested against.
//!
//! A table is read in pages, each beginning after the last id of the one before.

use std::collections::BTreeMap;

use campus_backup_archive::{Cell, Kind};
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sea_orm::sqlx::{Decode, MySql, Row as _, Sqlite, TypeInfo as _, Value as _};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Statement, TryGetable};

use super::sqlite::is_ordinary;
use super::{Selection, Sink, fields};
use crate::catalog::{Table, cells};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::native::{self, Natives};
use crate::statement::Value;
use crate::stats;

/// Rows in a page: enough that the statement's own cost is lost among the rows, few enough that the longest texts
/// which the schema admits stay within some tens of megabytes.
const PAGE: usize = 500;

/// A read transaction. Its moment is that of the count.
#[derive(Debug)]
pub(super) struct PagedReader(DatabaseTransaction);

impl PagedReader {
    pub(super) async fn begin(database: &Database) -> Result<Self> {
        database.begin_snapshot().await.map(Self)
    }

    pub(super) async fn count(&mut self) -> Result<BTreeMap<Table, u64>> {
        Ok(stats::count(&self.0).await?.rows)
    }

    pub(super) async fn end(self) -> Result<()> {
        self.0.commit().await.map_err(Error::database("ending a snapshot"))
    }

    pub(super) async fn read(&mut self, table: Table, selection: Selection, sink: &mut impl Sink) -> Result<()> {
        let doing = "reading rows";
        let transaction = &self.0;
        let fields = fields::of(table, selection);
        let sql = fields::select(table, selection);
        let backend = transaction.get_database_backend();
        let placeholder = match backend {
            sea_orm::DbBackend::Postgres => "$1",
            _ => "?",
        };
        let first = format!("{sql} ORDER BY t.id LIMIT {PAGE}");
        let next = format!("{sql} WHERE t.id > {placeholder} ORDER BY t.id LIMIT {PAGE}");
        let mut last: Option<i64> = None;
        loop {
            let statement = match last {
                None => Statement::from_string(backend, &first),
                Some(id) => Statement::from_sql_and_values(backend, &next, [id.into()]),
            };
            let rows = transaction
                .query_all_raw(statement)
                .await
                .map_err(Error::database(doing))?;
            for row in &rows {
                let id: i64 = row
                    .try_get_by_index(0)
                    .map_err(|_| fields[0].unreadable(table, 0, fields::problem(Kind::Integer)))?;
                last = Some(id);
                // The ORM gives texts away, and cells only borrow them.
                let mut texts = vec![String::new(); fields.len()];
                let natives = Natives::default();
                let mut cells = cells();
                let mut unreadable = None;
                for (position, ((field, cell), text)) in fields.iter().zip(&mut cells).zip(&mut texts).enumerate() {
                    let read = match native_text(row, position, field.kind) {
                        Some(native) => field.native(&natives, position, Some(native)),
                        None => match read_cell(row, position, field.kind, text) {
                            Ok(read) if field.admits(&read) => Ok(read),
                            _ => Err(fields::problem(field.kind)),
                        },
                    };
                    match read {
                        Ok(read) => *cell = read,
                        Err(problem) => unreadable = unreadable.or(Some((field, problem))),
                    }
                }
                match unreadable {
                    None => sink.row(&cells[..fields.len()])?,
                    Some((field, problem)) => sink.unreadable(field.unreadable(table, id, problem))?,
                }
                sink.flush_if_full().await?;
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }
}

fn read_cell<'a>(row: &QueryResult, position: usize, kind: Kind, text: &'a mut String) -> Result<Cell<'a>, DbErr> {
    fn get<'a, T: TryGetable>(
        row: &QueryResult,
        position: usize,
        cell: impl FnOnce(T) -> Cell<'a>,
    ) -> Result<Cell<'a>, DbErr> {
        Ok(row.try_get_by_index::<Option<T>>(position)?.map_or(Cell::Null, cell))
    }
    match kind {
        Kind::Integer => get::<i64>(row, position, Cell::Integer),
        Kind::Text => get::<String>(row, position, |read| {
            *text = read;
            Cell::Text(text)
        }),
        Kind::Decimal => get::<Decimal>(row, position, Cell::Decimal),
        Kind::Date => get::<NaiveDate>(row, position, Cell::Date),
        Kind::Timestamp => get::<DateTime<Utc>>(row, position, Cell::Timestamp),
        Kind::Boolean => get::<bool>(row, position, Cell::Boolean),
    }
}

/// The text of a value that its kind can't hold, asked of the driver: the ORM has no types for such values, takes some of
/// them for NULL, and fails on others.
fn native_text(row: &QueryResult, position: usize, kind: Kind) -> Option<String> {
    if let Some(row) = row.try_as_mysql_row() {
        let bytes = <&[u8] as Decode<MySql>>::decode(row.try_get_raw(position).ok()?);
        return native::mysql::text(kind, bytes.ok()?);
    }
    if let Some(row) = row.try_as_pg_row() {
        return native::postgres::text(kind, row.try_get_raw(position).ok()?.as_bytes().ok()?);
    }
    // Looking at bytes keeps the driver from looking at the same value as anything else.
    let value = row
        .try_as_sqlite_row()?
        .try_get_raw(position)
        .ok()?
        .try_to_owned()
        .ok()?;
    if value.is_null() {
        // The driver would tell the type of the column.
        return None;
    }
    let reference = value.as_ref();
    match value.type_info().name() {
        "INTEGER" => odd(kind, Value::Integer(Decode::<Sqlite>::decode(reference).ok()?)),
        "REAL" => odd(kind, Value::Real(Decode::<Sqlite>::decode(reference).ok()?)),
        "TEXT" => odd(kind, Value::Text(Decode::<Sqlite>::decode(reference).ok()?)),
        "BLOB" => odd(kind, Value::Blob(Decode::<Sqlite>::decode(reference).ok()?)),
        _ => None,
    }
}

fn odd(kind: Kind, value: Value<'_>) -> Option<String> {
    let text = native::sqlite::text(&value);
    text.filter(|_| !is_ordinary(kind, value))
}
