//! Checks whether the database can be used as it is set up. A defect that would only show at a write is found before
//! the first write, with its remedy.
//!
//! [`Database::check_server`] checks the whole database, before migrations run. [`Database::check_tables`] checks the
//! tables afterwards. [`Database::check_writable`] is the part of the first that can change while the service runs; it
//! costs one statement.

mod mysql;
mod postgres;
mod sqlite;

use std::collections::BTreeSet;

use campus_backup_migration::{Migrator, MigratorTrait, tables_of};
use sea_orm::{DatabaseConnection, DbBackend};

pub(super) use self::sqlite::locking;
use super::{Database, Defect, Engine, SchemaState};
use crate::error::{Error, Result};

const DOING: &str = "checking how the database is set up";

/// With less free space in bytes, a change of the data may fail.
const LITTLE_ROOM: u64 = 64 << 20;

impl Database {
    /// Checks the encoding, the rights in the schema, and whether writes are accepted.
    ///
    /// # Errors
    /// [`Error::DatabaseDefect`] for the first defect.
    pub async fn check_server(&self, schema: &SchemaState) -> Result<()> {
        let found = match self.engine {
            Engine::Sqlite => Ok(None),
            Engine::Postgres => postgres::server(self.requests.get_postgres_connection_pool(), schema).await,
            Engine::Mysql => Ok(None),
        };
        refuse(found)?;
        self.check_writable().await
    }

    /// Checks whether the database currently accepts writes.
    ///
    /// # Errors
    /// [`Error::DatabaseDefect`] if it does not.
    pub async fn check_writable(&self) -> Result<()> {
        refuse(match self.engine {
            Engine::Sqlite => Ok(self.file.as_ref().and_then(|file| sqlite::writable(&file.path))),
            Engine::Postgres => postgres::writable(self.requests.get_postgres_connection_pool()).await,
            Engine::Mysql => mysql::writable(self.requests.get_mysql_connection_pool()).await,
        })
    }

    /// Checks the tables of the service: whether its role may use them, and whether they hold every text.
    ///
    /// # Errors
    /// [`Error::DatabaseDefect`] for the first defect.
    pub async fn check_tables(&self) -> Result<()> {
        let tables = own_tables();
        refuse(match self.engine {
            Engine::Sqlite => Ok(None),
            Engine::Postgres => postgres::tables(self.requests.get_postgres_connection_pool(), &tables).await,
            Engine::Mysql => mysql::tables(self.requests.get_mysql_connection_pool(), &tables).await,
        })
    }

    /// Whether the disk of an SQLite database is almost full. Reading still works.
    pub fn room(&self) -> Option<Defect> {
        let file = self.file.as_ref()?;
        sqlite::room(&file.path, LITTLE_ROOM)
    }
}

fn refuse(found: Result<Option<Defect>, sea_orm::SqlxError>) -> Result<()> {
    match found.map_err(Error::sqlx(DOING))? {
        Some(defect) => Err(Error::DatabaseDefect(defect)),
        None => Ok(()),
    }
}

/// Whether a pooler is in front of the server that breaks the service's use of sessions.
pub(super) async fn check_pooling(connection: &DatabaseConnection) -> Result<()> {
    match connection.get_database_backend() {
        DbBackend::Postgres => refuse(postgres::pooling(connection.get_postgres_connection_pool()).await),
        _ => Ok(()),
    }
}

/// Explains an error that only says that access was denied; returns the error itself if nothing more is known.
pub(super) async fn explain(connection: &DatabaseConnection, error: Error) -> Error {
    if !matches!(error, Error::DatabaseAccessDenied { .. }) {
        return error;
    }
    let tables = own_tables();
    let found = match connection.get_database_backend() {
        DbBackend::Postgres => postgres::tables(connection.get_postgres_connection_pool(), &tables).await,
        DbBackend::MySql => mysql::denied(connection.get_mysql_connection_pool(), &tables).await,
        _ => Ok(None),
    };
    found.ok().flatten().map_or(error, Error::DatabaseDefect)
}

/// All tables of the migrations.
fn own_tables() -> BTreeSet<&'static str> {
    let migrations = Migrator::migrations();
    let tables = migrations.iter().flat_map(|migration| tables_of(migration.name()));
    tables.copied().collect()
}

/// Names as a list of SQL. They are our own.
fn quoted(tables: &BTreeSet<&str>) -> String {
    let names: Vec<_> = tables.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}
