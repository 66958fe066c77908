//! The one place that changes rows in bulk: whole tables removed and loaded in one transaction.
//!
//! [`Change`] is the transaction; [`Rows`] is whatever gives the rows that are loaded. Looking after every single row
//! for what refers to it, and putting it into every index, takes most of the time of a change of a million rows. So each
//! engine does what it can to check and index once, at the end and in the same transaction: [`sqlite`], [`postgres`],
//! [`mysql`].

mod mysql;
mod postgres;
mod sqlite;
mod text;

use std::collections::BTreeMap;

use campus_backup_archive::Cell;
use sea_orm::ActiveEnum as _;

use crate::catalog::{MOST, Table};
use crate::database::{Database, Engine};
use crate::entity::user::Role;
use crate::error::Result;
use crate::stats::{self, Stats};

/// Gives the rows of one table, one after the other.
pub(crate) trait Rows: Send {
    /// Puts the cells of the next row, in the order of the table's columns, at the beginning of `cells`; false after the
    /// last, as often as it is asked.
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MOST]) -> Result<bool>;
}

/// One transaction that changes whole tables. Dropped without [`Change::commit`], nothing has changed.
#[derive(Debug)]
pub(crate) struct Change {
    writer: Writer,
    tables: Vec<Table>,
}

#[derive(Debug)]
enum Writer {
    Sqlite(sqlite::Writer),
    Postgres(postgres::Writer),
    Mysql(mysql::Writer),
}

impl Change {
    /// Begins to change these tables. On SQLite and PostgreSQL nobody else can write to them until it ends; InnoDB keeps
    /// others from the rows that are removed and from the gaps between, and from nothing else.
    ///
    /// # Errors
    /// [`DatabaseBusy`](crate::Error::DatabaseBusy) if another writer does not let go in time.
    pub(crate) async fn begin(database: &Database, tables: Vec<Table>, doing: &'static str) -> Result<Self> {
        database.check_file(doing)?;
        let pool = database.changes();
        let writer = match database.engine() {
            Engine::Sqlite => Writer::Sqlite(sqlite::Writer::begin(pool.get_sqlite_connection_pool(), doing).await?),
            Engine::Postgres => {
                let pool = pool.get_postgres_connection_pool();
                Writer::Postgres(postgres::Writer::begin(pool, &tables, doing).await?)
            }
            Engine::Mysql => Writer::Mysql(mysql::Writer::begin(pool.get_mysql_connection_pool(), doing).await?),
        };
        Ok(Self { writer, tables })
    }

    /// Removes all rows of a table, of `users` those of everybody who is not an administrator, and says how many.
    pub(crate) async fn remove(&mut self, table: Table) -> Result<u64> {
        let sql = match table {
            Table::Users => format!("DELETE FROM users WHERE role <> '{}'", Role::Admin.to_value()),
            _ => format!("DELETE FROM {table}"),
        };
        match &mut self.writer {
            Writer::Sqlite(writer) => writer.execute(&sql).await,
            Writer::Postgres(writer) => writer.execute(&sql).await,
            Writer::Mysql(writer) => writer.execute(&sql).await,
        }
    }

    /// Counts all seven tables as they are now in this transaction.
    pub(crate) async fn count(&mut self) -> Result<Stats> {
        let generated_at = stats::now();
        let rows: BTreeMap<Table, u64> = match &mut self.writer {
            Writer::Sqlite(writer) => writer.count().await,
            Writer::Postgres(writer) => writer.count().await,
            Writer::Mysql(writer) => writer.count().await,
        }?;
        Ok(Stats { rows, generated_at })
    }

    /// Inserts rows with their ids into a table, makes the next generated id greater than all of them, and says how many
    /// there were. What the rows refer to must be there already. It works on the thread that polls it and seldom waits, so
    /// a service does it on one that may block.
    pub(crate) async fn load(&mut self, table: Table, rows: &mut impl Rows) -> Result<u64> {
        match &mut self.writer {
            Writer::Sqlite(writer) => writer.load(table, rows).await,
            Writer::Postgres(writer) => writer.load(table, rows).await,
            Writer::Mysql(writer) => writer.load(table, rows).await,
        }
    }

    /// Commits, unless a row in one of the tables, or one that hangs on them, has lost what it refers to.
    ///
    /// # Errors
    /// [`Internal`](crate::Error::Internal) if there is such a row; then nothing has changed.
    pub(crate) async fn commit(self) -> Result<()> {
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
