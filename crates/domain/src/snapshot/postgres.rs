//! PostgreSQL: one repeatable-read transaction, its rows by `COPY ... (FORMAT binary)`.

use std::collections::BTreeMap;

use campus_backup_archive::Cell;
use futures_util::TryStreamExt as _;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Executor as _, PgPool, Postgres};

use super::fields::{self, Field};
use super::{ROWS_PER_FLUSH_CHECK, Selection, Sink, id_of};
use crate::catalog::{Table, cells};
use crate::database::TxConnection;
use crate::error::{Error, Result};
use crate::native::{self, Natives};
use crate::pgcopy::{Message, TRAILER, read_cell};
use crate::stats;

const READING: &str = "reading rows";

/// A read transaction. Its snapshot is taken by the count.
#[derive(Debug)]
pub(super) struct PostgresReader(TxConnection<Postgres>);

impl PostgresReader {
    pub(super) async fn begin(pool: &PgPool) -> Result<Self> {
        let doing = "beginning a snapshot";
        let mut held = TxConnection::new(pool.acquire().await.map_err(Error::sqlx(doing))?);
        // TRUNCATE is not MVCC-safe: a snapshot that has not read a table yet would see it empty. The lock prevents it,
        // as in pg_dump, and blocks nothing else.
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
        read(self.0.connection()?, table, selection, sink).await
    }
}

/// Reads a table in the transaction that the connection is in.
pub(crate) async fn read(
    connection: &mut PgConnection,
    table: Table,
    selection: Selection,
    sink: &mut impl Sink,
) -> Result<()> {
    let fields = fields::of(table, selection);
    let select = fields::select(table, selection);
    let copy = format!("COPY ({select} ORDER BY t.id) TO STDOUT (FORMAT binary)");
    let mut stream = connection.copy_out_raw(&copy).await.map_err(Error::sqlx(READING))?;
    let mut position = 0u64;
    let mut natives = Natives::default();
    // The server sends one message per row. The header is in the first message, and the trailer is the last.
    let mut first = true;
    let mut whole = false;
    while let Some(message) = stream.try_next().await.map_err(Error::sqlx(READING))? {
        let mut rest = Message::new(&message);
        if std::mem::take(&mut first) {
            rest.header().ok_or_else(malformed)?;
        }
        while !rest.is_empty() {
            let columns = rest.int16().ok_or_else(malformed)?;
            if columns == TRAILER {
                whole = true;
                break;
            }
            if usize::try_from(columns) != Ok(fields.len()) {
                return Err(malformed());
            }
            natives.clear();
            let mut cells = cells();
            let mut unreadable = None;
            for (index, (field, cell)) in fields.iter().zip(&mut cells).enumerate() {
                let value = rest.value().ok_or_else(malformed)?;
                match read_cell(value, field.kind) {
                    Some(read) if field.admits(&read) => *cell = read,
                    _ => match odd(field, index, value, &natives) {
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
    }
    if whole { Ok(()) } else { Err(malformed()) }
}

/// A value that [`read_cell`] can't read.
#[cold]
fn odd<'a>(field: &Field, position: usize, value: Option<&[u8]>, natives: &'a Natives) -> Result<Cell<'a>, String> {
    field.native(
        natives,
        position,
        native::postgres::text(field.kind, value.unwrap_or_default()),
    )
}

fn malformed() -> Error {
    Error::internal(READING)("the server's copy is not in the format that its manual describes")
}

impl PostgresReader {
    /// Ends the transaction and returns the connection.
    pub(super) async fn end(self) -> Result<()> {
        self.0.end("ending a snapshot").await
    }
}
