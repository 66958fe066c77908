//! Reads a database that this service did not make, and leaves nothing in it.

use std::path::Path;
use std::str::FromStr as _;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, IsolationLevel, SqlxSqliteConnector, TransactionTrait,
};

use super::inspection::beside;
use super::session::SearchPath;
use super::{DatabaseSettings, Defect, DefectReason, Pool, connect_pool, reachability, sqlite_file};
use crate::error::{Error, Result};

const DOING: &str = "opening the database for reading";

/// A connected database that can't be written to by this connection.
#[derive(Debug)]
pub enum ReadOnlyDatabase {
    /// A transaction that reads one moment and refuses every write.
    Server(DatabaseTransaction),
    /// An SQLite file, opened for reading. Each statement is a transaction of its own: in a file with a rollback journal
    /// an open transaction would make the commits of the application fail.
    File(DatabaseConnection),
}

impl ReadOnlyDatabase {
    /// Opens the database. Of an SQLite file neither the journal mode nor anything else changes, and no file appears
    /// beside it.
    ///
    /// # Errors
    /// [`Error::DatabaseUnavailable`] or [`Error::DatabaseDefect`] if it can't be reached, or if an SQLite file can't be
    /// read without changing it.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self> {
        if let Some(file) = sqlite_file(&settings.url) {
            return open_file(settings, &file).await.map(Self::File);
        }
        reachability::check(settings).await?;
        let connection = connect_pool(settings, Pool::Requests, &SearchPath::default()).await?;
        let transaction = connection
            .begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly))
            .await
            .map_err(Error::database(DOING))?;
        Ok(Self::Server(transaction))
    }
}

async fn open_file(settings: &DatabaseSettings, file: &Path) -> Result<DatabaseConnection> {
    let is_immutable = match log_of(file)? {
        Log::Journal | Log::InUse => false,
        // SQLite would create the log even for a reader.
        Log::Absent => true,
        Log::WithoutIndex => {
            let detail = "its write-ahead log (`-wal`) has no index (`-shm`), which only its own program may make. Start that \
                          program, or copy the file while it is stopped, and use the copy";
            return Err(defect(detail));
        }
    };
    let options = SqliteConnectOptions::from_str(&settings.url).map_err(Error::sqlx(DOING))?;
    let options = options
        .read_only(true)
        .create_if_missing(false)
        .immutable(is_immutable)
        .busy_timeout(settings.lock_timeout);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(
        pool.map_err(Error::sqlx(DOING))?,
    ))
}

/// How the changes of an SQLite file are logged.
enum Log {
    /// By a rollback journal.
    Journal,
    /// By a write-ahead log that a program uses or has left.
    InUse,
    /// By a write-ahead log, which is not there: all changes are in the file.
    Absent,
    /// By a write-ahead log without its index.
    WithoutIndex,
}

fn log_of(file: &Path) -> Result<Log> {
    use std::io::Read as _;
    // https://www.sqlite.org/fileformat2.html: the format for readers is the byte 19.
    let mut header = [0; 20];
    match std::fs::File::open(file).and_then(|mut opened| opened.read_exact(&mut header)) {
        Ok(()) if header.starts_with(b"SQLite format 3\0") => {}
        Ok(()) => return Err(defect("the file is no SQLite database")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(defect("the file is no SQLite database, or has no table"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(defect("there is no such file")),
        Err(error) => return Err(Error::io(DOING)(error)),
    }
    let has = |suffix| beside(file, suffix).exists();
    Ok(match (header[19] == 2, has("-wal"), has("-shm")) {
        (false, ..) => Log::Journal,
        (true, false, _) => Log::Absent,
        (true, true, true) => Log::InUse,
        (true, true, false) => Log::WithoutIndex,
    })
}

fn defect(detail: &str) -> Error {
    Error::DatabaseDefect(Defect::new(DefectReason::Unreachable, detail))
}
