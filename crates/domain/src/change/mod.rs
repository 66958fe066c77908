//! The one place that changes rows in bulk: whole tables or many rows removed and loaded in one transaction.
//!
//! [`Change`] is the transaction; `Rows` is whatever gives the rows that are loaded. Looking after every single row
//! for what refers to it, and putting it into every index, takes most of the time of a change of a million rows. So each
//! engine does what it can to check and index once, at the end and in the same transaction: `sqlite`, `postgres`,
//! `mysql`. Others go on reading what was there before.

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
pub(crate) trait Rows: Send {
    /// Puts the cells of the next row, in the order of the table's columns, at the beginning of `cells`; false after the
    /// last, as often as it is asked.
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MAX_COLUMNS]) -> Result<bool>;
}

/// How rows are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Many, compared with those that the table has: the table loses its indexes and foreign keys, where the engine can do
    /// that in a transaction, and gets them back afterwards.
    Bulk,
    /// Few: they are put into the table as it is.
    InPlace,
}

/// The bytes of a value beside those of a text, at the most: a decimal is sent as its digits.
pub(crate) const VALUE_BYTES: usize = 32;

/// The bytes of a row on the wire, at the most.
fn row_bytes(row: &[Cell<'_>]) -> usize {
    let value = |cell: &Cell<'_>| match cell {
        Cell::Text(text) | Cell::Native(text) => text.len() + VALUE_BYTES,
        _ => VALUE_BYTES,
    };
    row.iter().map(value).sum()
}

/// How many bytes a row may have that the database takes: those of its texts, and [`VALUE_BYTES`] for each value. None where
/// there is no such limit.
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
    writer: Writer,
    tables: Vec<Table>,
}

#[derive(Debug)]
enum Writer {
    Sqlite(sqlite::Writer),
    Postgres(postgres::Writer),
    Mysql(mysql::Writer),
}

/// The same call for each engine's writer.
macro_rules! on {
    ($change:expr, $writer:ident => $call:expr) => {
        match &mut $change.writer {
            Writer::Sqlite($writer) => $call,
            Writer::Postgres($writer) => $call,
            Writer::Mysql($writer) => $call,
        }
    };
}

impl Change {
    /// Begins to change these tables. Nobody else can write to them until it ends, and everybody can read them: what they
    /// see is what was there before. So what a [`Snapshot`](crate::snapshot::Snapshot) shows that is taken now, is exactly
    /// what this change finds.
    ///
    /// # Errors
    /// [`DatabaseBusy`](crate::Error::DatabaseBusy) if another writer does not let go in time.
    pub async fn begin(database: &Database, tables: Vec<Table>, doing: &'static str) -> Result<Self> {
        database.check_file(doing)?;
        let pool = database.changes();
        let writer = match database.engine() {
            Engine::Sqlite => Writer::Sqlite(sqlite::Writer::begin(pool.get_sqlite_connection_pool(), doing).await?),
            Engine::Postgres => {
                let pool = pool.get_postgres_connection_pool();
                Writer::Postgres(postgres::Writer::begin(pool, &tables, doing).await?)
            }
            Engine::Mysql => {
                Writer::Mysql(mysql::Writer::begin(pool.get_mysql_connection_pool(), &tables, doing).await?)
            }
        };
        Ok(Self { writer, tables })
    }

    /// Removes every user who is not an administrator, and says how many.
    pub(crate) async fn remove_accounts(&mut self) -> Result<u64> {
        let sql = format!("DELETE FROM users WHERE role <> '{}'", Role::Admin.to_value());
        on!(self, writer => writer.run(&sql).await)
    }

    /// Removes all rows of these tables, which nothing else may refer to.
    pub(crate) async fn empty(&mut self, tables: &[Table]) -> Result<()> {
        if let Writer::Postgres(writer) = &mut self.writer
            && writer.seize().await?
        {
            return writer.truncate(tables).await;
        }
        for table in Table::ALL.iter().rev().filter(|table| tables.contains(table)) {
            on!(self, writer => writer.run(&format!("DELETE FROM {table}")).await)?;
        }
        Ok(())
    }

    /// Removes the rows of these ids, a few thousand at the most, and says how many there were.
    pub(crate) async fn delete(&mut self, table: Table, ids: &[i64]) -> Result<u64> {
        let sql = format!("DELETE FROM {table} WHERE id IN ({})", listed(ids));
        on!(self, writer => writer.run(&sql).await)
    }

    /// Gives these rows, a few thousand at the most, a text in a column that no other row has there, so that what they had
    /// is free for others. It is for rows that are about to get another text.
    pub(crate) async fn park(&mut self, table: Table, column: &str, ids: &[i64]) -> Result<()> {
        // A backspace is in no name that a person has typed. Should it be there all the same, the change fails whole.
        let parked = match &self.writer {
            Writer::Mysql(_) => "CONCAT(CHAR(8), id)",
            Writer::Postgres(_) => "CHR(8) || id",
            Writer::Sqlite(_) => "CHAR(8) || id",
        };
        let sql = format!("UPDATE {table} SET {column} = {parked} WHERE id IN ({})", listed(ids));
        on!(self, writer => writer.run(&sql).await).map(drop)
    }

    /// Counts all seven tables as they are now in this transaction.
    pub(crate) async fn count(&mut self) -> Result<Stats> {
        let generated_at = stats::now();
        let rows: BTreeMap<Table, u64> = on!(self, writer => writer.count().await)?;
        Ok(Stats { rows, generated_at })
    }

    /// The exact sum of a column of money as it is now in this transaction.
    pub(crate) async fn sum(&mut self, table: Table, column: &str) -> Result<Decimal> {
        on!(self, writer => writer.sum(table, column).await)
    }

    /// Inserts rows with their ids into a table, makes the next generated id greater than all of them, and says how many
    /// there were. What the rows refer to must be there already. It works on the thread that polls it and seldom waits, so
    /// a service does it on one that may block.
    ///
    /// # Errors
    /// [`DuplicateKey`](crate::Error::DuplicateKey) if two rows would have the same where each must have its own.
    pub(crate) async fn load(&mut self, table: Table, rows: &mut impl Rows, way: Way) -> Result<u64> {
        let loaded = on!(self, writer => writer.load(table, rows, way).await);
        loaded.map_err(|error| error.of_rows(table))
    }

    /// Gives rows that are there, by their ids, the values that they are to have, and says how many they were.
    ///
    /// # Errors
    /// [`DuplicateKey`](crate::Error::DuplicateKey) as above.
    pub(crate) async fn overwrite(&mut self, table: Table, rows: &mut impl Rows) -> Result<u64> {
        let written = on!(self, writer => writer.overwrite(table, rows).await);
        written.map_err(|error| error.of_rows(table))
    }

    /// The greatest id of a table that leaves room for more, as it is now in this transaction; 0 if there is none.
    pub(crate) async fn highest_id_with_room(&mut self, table: Table) -> Result<i64> {
        let sql = format!("SELECT MAX(id) FROM {table} WHERE id BETWEEN 1 AND {LARGEST_ID}");
        let highest: Option<i64> = on!(self, writer => writer.number(&sql).await)?;
        Ok(highest.unwrap_or_default())
    }

    /// Lets generated ids continue after the greatest one that leaves room, of those that are there and `before`, if an id that
    /// left none has exhausted them and its row is gone. Ids of rows that were removed earlier may then be given out again;
    /// otherwise the table could have no new row at all. Where this can't be part of the transaction it follows the commit.
    pub(crate) async fn reclaim_ids(&mut self, table: Table, before: i64) -> Result<()> {
        let sql = format!("SELECT MAX(id) FROM {table}");
        let highest: Option<i64> = on!(self, writer => writer.number(&sql).await)?;
        let highest = highest.unwrap_or_default();
        if highest > LARGEST_ID {
            return Ok(());
        }
        on!(self, writer => writer.reclaim_ids(table, highest.max(before)).await)
    }

    /// Reads all rows of a table as they are now in this transaction, in the order of their ids.
    pub(crate) async fn read(&mut self, table: Table, sink: &mut impl Sink) -> Result<()> {
        match &mut self.writer {
            Writer::Sqlite(writer) => {
                snapshot::sqlite::read(writer.connection(), table, Selection::Columns, sink).await
            }
            Writer::Postgres(writer) => {
                snapshot::postgres::read(writer.connection()?, table, Selection::Columns, sink).await
            }
            Writer::Mysql(writer) => snapshot::mysql::read(writer.connection(), table, Selection::Columns, sink).await,
        }
    }

    /// Runs one statement with its values in the same transaction, and says how many rows it concerned. It is for what the
    /// service itself remembers, not for the seven tables.
    pub async fn execute(&mut self, statement: &Statement) -> Result<u64> {
        let values = || SqlxValues(statement.values.clone().unwrap_or(sea_orm::Values(Vec::new())));
        on!(self, writer => writer.execute(&statement.sql, values()).await)
    }

    /// Looks whether every row in the tables, and every one that hangs on them, has what it refers to. PostgreSQL and MySQL
    /// have seen to that already, row by row; SQLite does it here.
    ///
    /// # Errors
    /// [`Orphan`](crate::Error::Orphan) with the first that has not.
    pub(crate) async fn check(&mut self) -> Result<()> {
        match &mut self.writer {
            Writer::Sqlite(writer) => writer.check(&self.tables).await,
            Writer::Postgres(_) | Writer::Mysql(_) => Ok(()),
        }
    }

    /// Commits, unless a row in one of the tables, or one that hangs on them, has lost what it refers to.
    ///
    /// # Errors
    /// [`Internal`](crate::Error::Internal) if there is such a row; then nothing has changed.
    pub async fn commit(self) -> Result<()> {
        match self.writer {
            Writer::Sqlite(writer) => writer.commit(&self.tables).await,
            Writer::Postgres(writer) => writer.commit().await,
            Writer::Mysql(writer) => writer.commit().await,
        }
    }
}

/// `id, full_name, ...`
fn column_names(table: Table) -> String {
    let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
    names.join(", ")
}

/// Every column but the id, each made into a piece of SQL.
fn all_but_the_id(table: Table, piece: impl Fn(usize, &str) -> String) -> String {
    let columns = table.columns().iter().enumerate().skip(1);
    let pieces: Vec<_> = columns.map(|(position, column)| piece(position, column.name)).collect();
    pieces.join(", ")
}

/// `1, 2, 3`; of none, what no id is.
fn listed(ids: &[i64]) -> String {
    match ids {
        [] => "NULL".to_owned(),
        ids => ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", "),
    }
}
