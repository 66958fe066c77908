//! Bulk changes of rows: whole tables or many rows are removed and loaded in one transaction.
//!
//! [`Change`] is the transaction; `RowStream` gives the rows that are loaded. Checking the references of every single row
//! and adding it to every index takes most of the time of a change of a million rows. Each engine therefore checks and
//! indexes once, as far as it can, at the end of the same transaction: `sqlite`, `postgres`, `mysql`. Other clients keep
//! reading the old rows until the commit.

mod mysql;
mod postgres;
mod sqlite;
mod text;

use std::collections::BTreeMap;

use campus_backup_archive::Cell;
use rust_decimal::Decimal;
use sea_orm::{ActiveEnum as _, Statement};
use sea_query_sqlx::SqlxValues;

use crate::catalog::{LARGEST_ID, MAX_COLUMNS, Table};
use crate::database::{Database, Engine};
use crate::entity::user::Role;
use crate::error::{Error, Result};
use crate::snapshot::{self, Selection, Sink};
use crate::stats::{self, Stats};

/// Gives the rows of one table, one after the other.
pub(crate) trait RowStream: Send {
    /// Writes the cells of the next row, in the order of the table's columns, to the beginning of `cells`. After the last row
    /// every call returns false.
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MAX_COLUMNS]) -> Result<bool>;
}

/// How rows are loaded into a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadMode {
    /// For many rows, compared with the rows of the table: indexes and foreign keys are dropped, where the engine can do
    /// that in a transaction, and created again afterwards.
    Bulk,
    /// For few rows: indexes and foreign keys stay.
    InPlace,
}

/// The maximum bytes of a value, in addition to the bytes of a text. A decimal is sent as its digits.
pub(crate) const VALUE_BYTES: usize = 32;

/// The maximum bytes of a row in the protocol.
fn row_bytes(row: &[Cell<'_>]) -> usize {
    let value = |cell: &Cell<'_>| match cell {
        Cell::Text(text) | Cell::Native(text) => text.len() + VALUE_BYTES,
        _ => VALUE_BYTES,
    };
    row.iter().map(value).sum()
}

/// How many bytes a row may have: those of its texts, and [`VALUE_BYTES`] for each value. None if the engine has no such
/// limit.
pub(crate) async fn largest_row(database: &Database) -> Result<Option<usize>> {
    if database.engine() != Engine::Mysql {
        return Ok(None);
    }
    let pool = database.connection().get_mysql_connection_pool();
    let connection = pool.acquire().await;
    let mut connection = connection.map_err(Error::sqlx("asking the database for its largest packet"))?;
    mysql::largest_row(&mut connection).await.map(Some)
}

/// One transaction that changes many rows. Dropped without [`Change::commit`], nothing has changed.
#[derive(Debug)]
pub struct Change {
    writer: ChangeWriter,
    tables: Vec<Table>,
}

#[derive(Debug)]
enum ChangeWriter {
    Sqlite(sqlite::SqliteWriter),
    Postgres(postgres::PostgresWriter),
    Mysql(mysql::MysqlWriter),
}

/// The same call for each engine's writer.
macro_rules! on {
    ($change:expr, $writer:ident => $call:expr) => {
        match &mut $change.writer {
            ChangeWriter::Sqlite($writer) => $call,
            ChangeWriter::Postgres($writer) => $call,
            ChangeWriter::Mysql($writer) => $call,
        }
    };
}

impl Change {
    /// Begins to change these tables. Until it ends, other clients can't write to them, and read the old rows. A
    /// [`Snapshot`](crate::snapshot::Snapshot) that begins now therefore has exactly the rows that this change finds.
    ///
    /// # Errors
    /// [`DatabaseBusy`](crate::Error::DatabaseBusy) if another writer holds its locks longer than the lock timeout.
    pub async fn begin(database: &Database, tables: Vec<Table>, doing: &'static str) -> Result<Self> {
        database.check_file(doing)?;
        let pool = database.changes();
        let writer = match database.engine() {
            Engine::Sqlite => {
                ChangeWriter::Sqlite(sqlite::SqliteWriter::begin(pool.get_sqlite_connection_pool(), doing).await?)
            }
            Engine::Postgres => {
                let pool = pool.get_postgres_connection_pool();
                ChangeWriter::Postgres(postgres::PostgresWriter::begin(pool, &tables, doing).await?)
            }
            Engine::Mysql => {
                ChangeWriter::Mysql(mysql::MysqlWriter::begin(pool.get_mysql_connection_pool(), &tables, doing).await?)
            }
        };
        Ok(Self { writer, tables })
    }

    /// Removes all users except administrators, and returns how many.
    pub(crate) async fn remove_accounts(&mut self) -> Result<u64> {
        let sql = format!("DELETE FROM users WHERE role <> '{}'", Role::Admin.to_value());
        on!(self, writer => writer.run(&sql).await)
    }

    /// Removes all rows of these tables. No row of another table may refer to them.
    pub(crate) async fn empty(&mut self, tables: &[Table]) -> Result<()> {
        if let ChangeWriter::Postgres(writer) = &mut self.writer
            && writer.try_lock_exclusive().await?
        {
            return writer.truncate(tables).await;
        }
        for table in Table::ALL.iter().rev().filter(|table| tables.contains(table)) {
            on!(self, writer => writer.run(&format!("DELETE FROM {table}")).await)?;
        }
        Ok(())
    }

    /// Removes the rows with these ids, at most a few thousand, and returns how many there were.
    pub(crate) async fn delete(&mut self, table: Table, ids: &[i64]) -> Result<u64> {
        let sql = format!("DELETE FROM {table} WHERE id IN ({})", listed(ids));
        on!(self, writer => writer.run(&sql).await)
    }

    /// Sets a unique column of these rows, at most a few thousand, to placeholders, so that their values are free for other
    /// rows. It is for rows that get another value in the same change.
    pub(crate) async fn free_unique_keys(&mut self, table: Table, column: &str, ids: &[i64]) -> Result<()> {
        // A typed name has no backspace. If one has, the whole change fails.
        let placeholder = match &self.writer {
            ChangeWriter::Mysql(_) => "CONCAT(CHAR(8), id)",
            ChangeWriter::Postgres(_) => "CHR(8) || id",
            ChangeWriter::Sqlite(_) => "CHAR(8) || id",
        };
        let sql = format!(
            "UPDATE {table} SET {column} = {placeholder} WHERE id IN ({})",
            listed(ids)
        );
        on!(self, writer => writer.run(&sql).await).map(drop)
    }

    /// Counts the rows of all seven tables in this transaction.
    pub(crate) async fn count(&mut self) -> Result<Stats> {
        let generated_at = stats::now();
        let rows: BTreeMap<Table, u64> = on!(self, writer => writer.count().await)?;
        Ok(Stats { rows, generated_at })
    }

    /// The exact sum of a column of money in this transaction.
    pub(crate) async fn sum(&mut self, table: Table, column: &str) -> Result<Decimal> {
        on!(self, writer => writer.sum(table, column).await)
    }

    /// Inserts rows with their ids into a table, makes the next generated id greater than all of them, and returns how many
    /// there were. The rows that they refer to must exist. It blocks the thread that polls it.
    ///
    /// # Errors
    /// [`DuplicateKey`](crate::Error::DuplicateKey) if two rows have the same unique value.
    pub(crate) async fn load(&mut self, table: Table, rows: &mut impl RowStream, mode: LoadMode) -> Result<u64> {
        let loaded = on!(self, writer => writer.load(table, rows, mode).await);
        loaded.map_err(|error| error.of_rows(table))
    }

    /// Overwrites existing rows, found by their ids, and returns how many there were.
    ///
    /// # Errors
    /// [`DuplicateKey`](crate::Error::DuplicateKey) as above.
    pub(crate) async fn overwrite(&mut self, table: Table, rows: &mut impl RowStream) -> Result<u64> {
        let written = on!(self, writer => writer.overwrite(table, rows).await);
        written.map_err(|error| error.of_rows(table))
    }

    /// The greatest id of a table that leaves room for more ids, in this transaction; 0 if there is none.
    pub(crate) async fn highest_id_with_room(&mut self, table: Table) -> Result<i64> {
        let sql = format!("SELECT MAX(id) FROM {table} WHERE id BETWEEN 1 AND {LARGEST_ID}");
        let highest: Option<i64> = on!(self, writer => writer.number(&sql).await)?;
        Ok(highest.unwrap_or_default())
    }

    /// Resets generated ids if a removed row had an id that left no room for more. They continue after the greatest id
    /// that leaves room, of the table's ids and `before`. Ids of rows that were removed earlier may then be generated again;
    /// otherwise the table could have no new row. If the engine can't do this in the transaction, it follows the commit.
    pub(crate) async fn reclaim_ids(&mut self, table: Table, before: i64) -> Result<()> {
        let sql = format!("SELECT MAX(id) FROM {table}");
        let highest: Option<i64> = on!(self, writer => writer.number(&sql).await)?;
        let highest = highest.unwrap_or_default();
        if highest > LARGEST_ID {
            return Ok(());
        }
        on!(self, writer => writer.reclaim_ids(table, highest.max(before)).await)
    }

    /// Reads all rows of a table in this transaction, in the order of their ids.
    pub(crate) async fn read(&mut self, table: Table, sink: &mut impl Sink) -> Result<()> {
        match &mut self.writer {
            ChangeWriter::Sqlite(writer) => {
                snapshot::sqlite::read(writer.connection(), table, Selection::Columns, sink).await
            }
            ChangeWriter::Postgres(writer) => {
                snapshot::postgres::read(writer.connection()?, table, Selection::Columns, sink).await
            }
            ChangeWriter::Mysql(writer) => {
                snapshot::mysql::read(writer.connection(), table, Selection::Columns, sink).await
            }
        }
    }

    /// Runs one statement with its values in the same transaction, and returns how many rows it concerned. It is for the
    /// service's own tables, not for the seven tables of the school.
    pub async fn execute(&mut self, statement: &Statement) -> Result<u64> {
        let values = || SqlxValues(statement.values.clone().unwrap_or(sea_orm::Values(Vec::new())));
        on!(self, writer => writer.execute(&statement.sql, values()).await)
    }

    /// The one text that a query of the service's own tables returns, in the same transaction; none for NULL and for no row.
    pub(crate) async fn text(&mut self, sql: &str) -> Result<Option<String>> {
        on!(self, writer => writer.text(sql).await)
    }

    /// Checks the references of all rows in the tables and in the tables that refer to them. PostgreSQL and MySQL have
    /// already checked each row; SQLite does it here.
    ///
    /// # Errors
    /// [`Orphan`](crate::Error::Orphan) with the first row that refers to a missing row.
    pub(crate) async fn check(&mut self) -> Result<()> {
        match &mut self.writer {
            ChangeWriter::Sqlite(writer) => writer.check(&self.tables).await,
            ChangeWriter::Postgres(_) | ChangeWriter::Mysql(_) => Ok(()),
        }
    }

    /// Commits, unless a row in the tables or in the tables that refer to them refers to a missing row.
    ///
    /// # Errors
    /// [`Internal`](crate::Error::Internal) if there is such a row; then nothing has changed.
    pub async fn commit(self) -> Result<()> {
        match self.writer {
            ChangeWriter::Sqlite(writer) => writer.commit(&self.tables).await,
            ChangeWriter::Postgres(writer) => writer.commit().await,
            ChangeWriter::Mysql(writer) => writer.commit().await,
        }
    }
}

/// `id, full_name, ...`
fn column_names(table: Table) -> String {
    let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
    names.join(", ")
}

/// A piece of SQL for every column except the id.
fn all_but_the_id(table: Table, piece: impl Fn(usize, &str) -> String) -> String {
    let columns = table.columns().iter().enumerate().skip(1);
    let pieces: Vec<_> = columns.map(|(position, column)| piece(position, column.name)).collect();
    pieces.join(", ")
}

/// `1, 2, 3`, or `NULL` for no ids.
fn listed(ids: &[i64]) -> String {
    match ids {
        [] => "NULL".to_owned(),
        ids => ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", "),
    }
}
