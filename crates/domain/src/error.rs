//! The one error type of the domain.
//!
//! A service returns [`Error`]; the variant says what the caller can do about it, and its fields say what was being
//! done to what. `api` maps each variant to one documented problem code. What nobody outside can act on is
//! [`Error::Internal`]: answered plainly, logged once with its whole chain of sources at the edge.

use std::error::Error as StdError;
use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr};

use crate::catalog::Table;

/// The result of a service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no valid token, or its bearer is no longer an active user.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The bearer is known and is not an administrator.
    #[error("this needs an administrator's account")]
    Forbidden,
    /// User name and password do not belong together.
    #[error("the user name or the password is wrong")]
    WrongCredentials,
    /// Too many attempts to sign in.
    #[error("too many attempts to sign in")]
    TooManyLogins {
        /// When the next attempt is admitted.
        retry_after: Duration,
    },
    /// As many downloads as the settings allow are running.
    #[error("too many downloads are running")]
    TooManyDownloads {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// A download link that was never made.
    #[error("this download link is not valid")]
    LinkInvalid,
    /// A download link that was used or whose five minutes are over.
    #[error("this download link was used already or has expired")]
    LinkSpent,
    /// A field of the request has a value that can't be accepted.
    #[error("{field}: {problem}")]
    Invalid {
        /// The name of the field as the caller wrote it.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A confirmation was demanded and is missing, or it names something else.
    #[error("the confirmation must be `{expected}`")]
    WrongConfirmation {
        /// What `confirm` has to be.
        expected: &'static str,
    },
    /// The rows are no longer as many as the caller expected.
    #[error("the data has changed since it was counted")]
    RowsMoved {
        /// Table (or `total`), expected, found.
        differences: Vec<(&'static str, u64, u64)>,
    },
    /// The database has rows where an empty one is needed.
    #[error("the database is not empty: {table} has rows")]
    NotEmpty {
        /// The first table with rows.
        table: Table,
    },
    /// Another writer holds the database.
    #[error("the database is busy while {doing}")]
    DatabaseBusy {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DbErr,
    },
    /// The database can't be reached.
    #[error("the database can't be reached while {doing}")]
    DatabaseUnavailable {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DbErr,
    },
    /// The disk of the database or of the service is full.
    #[error("there is no room left while {doing}")]
    NoRoom {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A stored value that can't be exported as asked.
    #[error("row {row} of {table}, column {column}: {problem}")]
    Unexportable {
        /// The table.
        table: Table,
        /// The id of the row, or 0 if even that can't be read.
        row: i64,
        /// The column.
        column: &'static str,
        /// What is wrong with the value; never the value itself.
        problem: String,
    },
    /// The reader of a download did not take anything for too long.
    #[error("the reader took nothing for {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// Nobody is reading any more.
    #[error("the reader went away")]
    Gone,
    /// Anything else. The caller can't mend it.
    #[error("{doing} failed")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl Error {
    /// Sorts what the driver says while `doing` something.
    pub fn database(doing: &'static str) -> impl FnOnce(DbErr) -> Self {
        move |source| match classify(&source) {
            Trouble::Busy => Self::DatabaseBusy { doing, source },
            Trouble::Unavailable => Self::DatabaseUnavailable { doing, source },
            Trouble::Full => Self::NoRoom {
                doing,
                source: Box::new(source),
            },
            Trouble::Other => Self::Internal {
                doing,
                source: Box::new(source),
            },
        }
    }

    /// The same for what was said to sqlx without SeaORM in between.
    pub(crate) fn sqlx(doing: &'static str) -> impl FnOnce(sea_orm::SqlxError) -> Self {
        move |source| Self::database(doing)(DbErr::Query(RuntimeErr::SqlxError(source.into())))
    }

    /// The same for what SQLite itself said, by its extended result code.
    pub(crate) fn sqlite<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str, code: i32, source: E) -> Self {
        match classify_sqlite(code) {
            Trouble::Full => Self::NoRoom {
                doing,
                source: source.into(),
            },
            _ => Self::Internal {
                doing,
                source: source.into(),
            },
        }
    }

    /// Sorts what the operating system says while `doing` something.
    pub fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        move |source| match source.kind() {
            StorageFull | FileTooLarge | QuotaExceeded => Self::NoRoom {
                doing,
                source: Box::new(source),
            },
            _ => Self::Internal {
                doing,
                source: Box::new(source),
            },
        }
    }

    /// Anything that nobody outside can mend.
    pub fn internal<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Internal {
            doing,
            source: source.into(),
        }
    }
}

enum Trouble {
    Busy,
    Unavailable,
    Full,
    Other,
}

/// The codes are those of SQLite's result codes, PostgreSQL's SQLSTATE (appendix A) and MySQL's error numbers.
fn classify(error: &DbErr) -> Trouble {
    let runtime = match error {
        DbErr::ConnectionAcquire(_) => return Trouble::Unavailable,
        DbErr::Conn(inner) | DbErr::Exec(inner) | DbErr::Query(inner) => inner,
        _ => return Trouble::Other,
    };
    let RuntimeErr::SqlxError(error) = runtime else {
        return Trouble::Other;
    };
    let Some(database) = error.as_database_error() else {
        return match error.as_ref() {
            sea_orm::SqlxError::Io(_)
            | sea_orm::SqlxError::Tls(_)
            | sea_orm::SqlxError::Protocol(_)
            | sea_orm::SqlxError::PoolTimedOut
            | sea_orm::SqlxError::PoolClosed
            | sea_orm::SqlxError::WorkerCrashed => Trouble::Unavailable,
            _ => Trouble::Other,
        };
    };
    if let Some(mysql) = database.try_downcast_ref::<sea_orm::sqlx::mysql::MySqlDatabaseError>() {
        return match mysql.number() {
            1205 | 1213 => Trouble::Busy,
            1021 | 1114 | 3675 => Trouble::Full,
            1040 | 1053 | 1927 | 2006 | 2013 => Trouble::Unavailable,
            _ => Trouble::Other,
        };
    }
    let code = database.code().unwrap_or_default();
    if database
        .try_downcast_ref::<sea_orm::sqlx::sqlite::SqliteError>()
        .is_some()
    {
        return code.parse().map_or(Trouble::Other, classify_sqlite);
    }
    match &*code {
        "40001" | "40P01" | "55P03" => Trouble::Busy,
        "53100" => Trouble::Full,
        code if code.starts_with("08") || code.starts_with("57P") || code == "53300" => Trouble::Unavailable,
        _ => Trouble::Other,
    }
}

/// The primary code is the low byte of the extended one.
fn classify_sqlite(code: i32) -> Trouble {
    match code & 0xff {
        5 | 6 => Trouble::Busy,
        13 => Trouble::Full,
        // The file can't be read, written or opened: its disk fails, or it may not grow.
        10 | 14 => Trouble::Unavailable,
        _ => Trouble::Other,
    }
}
