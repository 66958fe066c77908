//! Finds out whose tables a database has, without writing to it.
//!
//! [`Database::inspect`] runs before [`Database::connect`], because connecting already changes an SQLite database: it
//! creates the file and switches it to WAL mode. The rules:
//!
//! - **Empty**: the schema has no table and no view of the user (extensions of PostgreSQL don't count).
//! - **Ours**: `backup_migrations` has a migration of this program. Other programs' tables in the same schema don't
//!   matter.
//! - **Newer**: it has a migration of this program and one that this program does not know.
//! - **Interrupted**: `backup_migrations` has no row, and every other table is one of the first migration, with the
//!   same columns and without a row. MySQL leaves this state if the first start is killed.
//! - **Foreign**: anything else. An empty `backup_migrations` proves nothing: earlier versions left one in databases of
//!   other programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use campus_backup_migration::{Migrator, MigratorTrait, tables_of};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqlxSqliteConnector, Statement};

use super::session::SearchPath;
use super::{Database, DatabaseSettings, Pool, check, connect_pool, reachability, sqlite_file};
use crate::catalog::Table;
use crate::error::{Error, Result};

const DOING: &str = "reading which tables the database has";

/// The state of a database's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// No table, or no file yet.
    Empty,
    /// The schema of this version.
    Current,
    /// These migrations have not been run, or not completely.
    Pending(Vec<String>),
    /// A migration that this version does not know: a newer version was here.
    Newer(String),
    /// Tables of another program; this is one of them.
    Foreign(String),
}

impl Database {
    /// Reads the state of the database. It writes nothing: no file appears, no lock remains, and an SQLite database
    /// keeps its journal mode.
    ///
    /// # Errors
    /// [`Error::DatabaseUnavailable`] or [`Error::DatabaseDefect`] if it can't be reached; [`Error::DatabaseDefect`] if
    /// it is behind a transaction pooler or the role may not read it; and any other error of reading.
    pub async fn inspect(settings: &DatabaseSettings) -> Result<SchemaState> {
        match sqlite_file(&settings.url) {
            Some(file) => inspect_file(settings, &file).await,
            None => {
                reachability::check(settings).await?;
                let connection = connect_pool(settings, Pool::Requests, &SearchPath::default()).await?;
                let found = inspect_server(&connection).await;
                // It has only read.
                let _ = connection.close().await;
                found
            }
        }
    }
}

async fn inspect_server(connection: &DatabaseConnection) -> Result<SchemaState> {
    check::check_pooling(connection).await?;
    match schema_state(connection).await {
        Err(error) => Err(check::explain(connection, error).await),
        found => found,
    }
}

/// Another program may be using the file, or may have been killed while it did:
///
/// 1. A log or a journal in use is part of the content, so it is read together with the file.
/// 2. Everything else is read as a file that no process changes (`immutable`). Otherwise SQLite would create `-wal` and
///    `-shm` even for a reader of a database in WAL mode, and would not remove them.
/// 3. A log without its index (`-shm`) can't be read without creating one. If the file itself has no table, a copy of
///    both is read, because the log may have tables.
async fn inspect_file(settings: &DatabaseSettings, file: &Path) -> Result<SchemaState> {
    match fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(SchemaState::Empty),
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => return Ok(SchemaState::Empty),
        _ => {}
    }
    let has = |suffix: &str| beside(file, suffix).exists();
    if has("-journal") || (has("-wal") && has("-shm")) {
        // The journal of a killed program would have to be rolled back first, which is a write.
        if let Ok(state) = inspect_sqlite(settings, FileAccess::ReadOnly).await {
            return Ok(state);
        }
    }
    match inspect_sqlite(settings, FileAccess::Immutable).await? {
        SchemaState::Empty if has("-wal") => inspect_copy(settings, file).await,
        found => Ok(found),
    }
}

/// Reads a copy of a file and its log. The file has no table, so it is small.
async fn inspect_copy(settings: &DatabaseSettings, file: &Path) -> Result<SchemaState> {
    let folder = tempfile::tempdir().map_err(Error::io(DOING))?;
    let copy = folder.path().join("copy.db");
    fs::copy(file, &copy).map_err(Error::io(DOING))?;
    fs::copy(beside(file, "-wal"), beside(&copy, "-wal")).map_err(Error::io(DOING))?;
    read_schema_state(SqliteConnectOptions::new().filename(copy), settings).await
}

pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// How an SQLite file is opened without changing it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileAccess {
    /// With its log and locks.
    ReadOnly,
    /// The file alone.
    Immutable,
}

async fn inspect_sqlite(settings: &DatabaseSettings, access: FileAccess) -> Result<SchemaState> {
    let options = SqliteConnectOptions::from_str(&settings.url).map_err(Error::sqlx(DOING))?;
    let options = options.read_only(true).immutable(access == FileAccess::Immutable);
    read_schema_state(options, settings).await
}

async fn read_schema_state(options: SqliteConnectOptions, settings: &DatabaseSettings) -> Result<SchemaState> {
    let options = options.create_if_missing(false).busy_timeout(settings.lock_timeout);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.map_err(Error::sqlx(DOING))?);
    let found = schema_state(&connection).await;
    // It has only read.
    let _ = connection.close().await;
    found
}

/// The state of a connected database.
pub(super) async fn schema_state(connection: &DatabaseConnection) -> Result<SchemaState> {
    find_state(connection).await.map_err(Error::database(DOING))
}

async fn find_state(connection: &DatabaseConnection) -> Result<SchemaState, DbErr> {
    let log = Migrator::migration_table_name().to_string();
    // Read before the log: another copy may be migrating, and each table is recorded after it was created.
    let mut tables = table_names(connection).await?;
    if !tables.remove(&log) {
        return Ok(tables.pop_first().map_or(SchemaState::Empty, SchemaState::Foreign));
    }
    let foreign = SchemaState::Foreign(tables.first().unwrap_or(&log).clone());
    let Some(applied) = applied_migrations(connection, &log).await? else {
        return Ok(foreign);
    };
    let known: Vec<_> = Migrator::migrations().iter().map(|one| one.name().to_owned()).collect();
    let newer = applied.iter().find(|name| !known.contains(name));
    let is_ours = applied.iter().any(|name| known.contains(name));
    let pending: Vec<_> = known.into_iter().filter(|name| !applied.contains(name)).collect();
    Ok(match (is_ours, newer) {
        (true, Some(newer)) => SchemaState::Newer(newer.clone()),
        (true, None) if pending.is_empty() => SchemaState::Current,
        (true, None) => SchemaState::Pending(pending),
        (false, None) if is_interrupted(connection, &tables).await? => SchemaState::Pending(pending),
        (false, _) => foreign,
    })
}

/// Whether these tables are the remains of an interrupted first migration. Then they have no rows.
async fn is_interrupted(connection: &DatabaseConnection, tables: &BTreeSet<String>) -> Result<bool, DbErr> {
    let first = Migrator::migrations()
        .first()
        .map_or(String::new(), |one| one.name().to_owned());
    let made = tables_of(&first);
    if !made.iter().take(tables.len()).all(|name| tables.contains(*name)) || tables.len() > made.len() {
        return Ok(false);
    }
    for table in tables.iter().filter_map(|name| Table::from_name(name)) {
        let expected = table.columns().iter().map(|column| column.name.to_owned()).collect();
        if column_names(connection, table.name()).await? != expected || has_rows(connection, table.name()).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The migrations that the log names; none if the table is not a log of migrations as this program writes it.
async fn applied_migrations(connection: &DatabaseConnection, log: &str) -> Result<Option<Vec<String>>, DbErr> {
    if !column_names(connection, log).await?.contains("version") {
        return Ok(None);
    }
    let rows = query(connection, format!("SELECT version FROM {log}")).await?;
    Ok(rows.iter().map(|row| row.try_get("", "version").ok()).collect())
}

pub(super) async fn has_rows(connection: &DatabaseConnection, table: &str) -> Result<bool, DbErr> {
    let rows = query(connection, format!("SELECT 1 FROM {table} LIMIT 1")).await?;
    Ok(!rows.is_empty())
}

/// Tables and views of the schema in which tables are made without its name.
pub(super) async fn table_names(connection: &DatabaseConnection) -> Result<BTreeSet<String>, DbErr> {
    let sql = match connection.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
             AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
             AND d.deptype = 'e')"
        }
        DbBackend::MySql => {
            "SELECT CAST(table_name AS CHAR) AS name FROM information_schema.tables WHERE table_schema = DATABASE()"
        }
        _ => {
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
    };
    names(query(connection, sql.to_owned()).await?)
}

async fn column_names(connection: &DatabaseConnection, table: &str) -> Result<BTreeSet<String>, DbErr> {
    let sql = match connection.get_database_backend() {
        DbBackend::Postgres => format!(
            "SELECT a.attname::text AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() \
             AND c.relname = '{table}' AND a.attnum > 0 AND NOT a.attisdropped"
        ),
        DbBackend::MySql => format!(
            "SELECT CAST(column_name AS CHAR) AS name FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = '{table}'"
        ),
        _ => format!("SELECT name FROM pragma_table_info('{table}')"),
    };
    names(query(connection, sql).await?)
}

fn names(rows: Vec<sea_orm::QueryResult>) -> Result<BTreeSet<String>, DbErr> {
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

async fn query(connection: &DatabaseConnection, sql: String) -> Result<Vec<sea_orm::QueryResult>, DbErr> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await
}
