//! Any engine, through the ORM: the reference that the fast paths are tested against.
//!
//! A table is read in pages, each beginning after the last id of the one before.

use std::collections::BTreeMap;

use campus_backup_archive::{Cell, Kind};
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Statement, TryGetable};

use super::{Selection, Sink, fields};
use crate::catalog::{Table, cells};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::stats;

/// Rows in a page: enough that the statement's own cost is lost among the rows, few enough that the longest texts
/// which the schema admits stay within some tens of megabytes.
const PAGE: usize = 500;

/// A read transaction. Its moment is that of the count.
#[derive(Debug)]
pub(super) struct Reader(DatabaseTransaction);

impl Reader {
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
                    .map_err(|_| unreadable(table, 0, "id")(fields::problem(Kind::Integer)))?;
                last = Some(id);
                // The ORM gives texts away, and cells only borrow them.
                let mut texts = vec![String::new(); fields.len()];
                let mut cells = cells();
                for (position, ((field, cell), text)) in fields.iter().zip(&mut cells).zip(&mut texts).enumerate() {
                    let read = read_cell(row, position, field.kind, text).map_err(|_| fields::problem(field.kind));
                    *cell = read
                        .and_then(|cell| field.admit(cell))
                        .map_err(unreadable(table, id, field.name))?;
                }
                sink.row(&cells[..fields.len()])?;
                sink.hand_on().await?;
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

fn unreadable(table: Table, row: i64, column: &'static str) -> impl FnOnce(String) -> Error {
    move |problem| Error::Unexportable {
        table,
        row,
        column,
        problem,
    }
}
