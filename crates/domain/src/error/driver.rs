//! Classifies the errors of drivers by their codes into what an administrator can do. The codes are SQLite's result
//! codes, PostgreSQL's SQLSTATE (appendix A) and the error numbers of MySQL and MariaDB.

use std::fmt;

use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// The class of an error of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DriverErrorKind {
    /// Another transaction holds the lock.
    Busy,
    /// The database can't be reached.
    Unavailable,
    /// A disk is full.
    Full,
    /// The server takes no writes.
    ReadOnly,
    /// The role may not do this.
    AccessDenied,
    /// The server stopped the work because of a limit.
    Limit(DatabaseLimit),
    /// Everything else.
    Other,
}

/// A limit of the database server that stops work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseLimit {
    /// PostgreSQL's statement timeout, or a cancelled statement.
    PostgresStatement,
    /// PostgreSQL's time limits of transactions and idle sessions.
    PostgresTransaction,
    /// PostgreSQL's memory, locks or temporary files.
    PostgresResources,
    /// The statement timeout of MySQL or MariaDB, or a cancelled statement.
    MysqlStatement,
    /// The time limit of an idle session of MySQL or MariaDB.
    MysqlIdle,
    /// The largest packet of MySQL or MariaDB.
    MysqlPacket,
    /// The memory for locks or for the binary log of MySQL or MariaDB.
    MysqlResources,
}

/// The name of the setting, with other possible causes, as the end of a sentence.
impl fmt::Display for DatabaseLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostgresStatement => "`statement_timeout`, unless the statement was cancelled",
            Self::PostgresTransaction => {
                "`idle_in_transaction_session_timeout`, `idle_session_timeout` or `transaction_timeout`"
            }
            Self::PostgresResources => {
                "its memory, `max_locks_per_transaction` or `temp_file_limit`; the server's log has the details"
            }
            Self::MysqlStatement => "`max_statement_time` or `max_execution_time`, unless the statement was cancelled",
            Self::MysqlIdle => "`wait_timeout`",
            Self::MysqlPacket => "`max_allowed_packet`",
            Self::MysqlResources => "`innodb_buffer_pool_size` or `max_binlog_cache_size`",
        })
    }
}

/// Classifies an error of the ORM or of a driver.
pub(super) fn classify(error: &DbErr) -> DriverErrorKind {
    let runtime = match error {
        DbErr::ConnectionAcquire(_) => return DriverErrorKind::Unavailable,
        DbErr::Conn(inner) | DbErr::Exec(inner) | DbErr::Query(inner) => inner,
        _ => return DriverErrorKind::Other,
    };
    let RuntimeErr::SqlxError(error) = runtime else {
        return DriverErrorKind::Other;
    };
    let Some(database) = error.as_database_error() else {
        return match error.as_ref() {
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed => DriverErrorKind::Unavailable,
            _ => DriverErrorKind::Other,
        };
    };
    if let Some(mysql) = database.try_downcast_ref::<MySqlDatabaseError>() {
        return classify_mysql(mysql.number());
    }
    let code = database.code().unwrap_or_default();
    match database.try_downcast_ref::<SqliteError>() {
        Some(_) => code.parse().map_or(DriverErrorKind::Other, classify_sqlite),
        None => classify_postgres(&code),
    }
}

/// Of class `57P`, two codes don't mean that the server is gone: one is a limit, the other a dropped database.
fn classify_postgres(code: &str) -> DriverErrorKind {
    match code {
        "40001" | "40P01" | "55P03" => DriverErrorKind::Busy,
        "53100" => DriverErrorKind::Full,
        "25006" => DriverErrorKind::ReadOnly,
        "57014" => DriverErrorKind::Limit(DatabaseLimit::PostgresStatement),
        "25P03" | "25P04" | "57P05" => DriverErrorKind::Limit(DatabaseLimit::PostgresTransaction),
        "53200" | "53400" => DriverErrorKind::Limit(DatabaseLimit::PostgresResources),
        "42501" => DriverErrorKind::AccessDenied,
        "53300" | "3D000" => DriverErrorKind::Unavailable,
        code if code.starts_with("28") => DriverErrorKind::AccessDenied,
        code if code.starts_with("08") || code.starts_with("57P") => DriverErrorKind::Unavailable,
        _ => DriverErrorKind::Other,
    }
}

fn classify_mysql(number: u16) -> DriverErrorKind {
    match number {
        1205 | 1213 | 3572 => DriverErrorKind::Busy,
        1021 | 1114 | 3675 => DriverErrorKind::Full,
        1290 | 1792 | 1836 | 1874 | 3989 => DriverErrorKind::ReadOnly,
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => DriverErrorKind::AccessDenied,
        1317 | 1969 | 3024 => DriverErrorKind::Limit(DatabaseLimit::MysqlStatement),
        4031 => DriverErrorKind::Limit(DatabaseLimit::MysqlIdle),
        1153 | 1301 => DriverErrorKind::Limit(DatabaseLimit::MysqlPacket),
        1197 | 1206 => DriverErrorKind::Limit(DatabaseLimit::MysqlResources),
        1040 | 1049 | 1053 | 1203 | 1226 | 1927 | 2006 | 2013 => DriverErrorKind::Unavailable,
        _ => DriverErrorKind::Other,
    }
}

/// The primary code is the low byte of the extended one.
pub(super) fn classify_sqlite(code: i32) -> DriverErrorKind {
    match code & 0xff {
        5 | 6 => DriverErrorKind::Busy,
        8 => DriverErrorKind::ReadOnly,
        13 => DriverErrorKind::Full,
        // The file can't be read, written or opened: its disk fails, or it may not grow.
        10 | 14 => DriverErrorKind::Unavailable,
        _ => DriverErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_stopped_by_a_limit_is_no_outage() {
        for code in ["57014", "25P03", "25P04", "57P05", "53200", "53400"] {
            assert!(matches!(classify_postgres(code), DriverErrorKind::Limit(_)), "{code}");
        }
        for number in [1317, 1969, 3024, 1153, 1301, 4031] {
            assert!(matches!(classify_mysql(number), DriverErrorKind::Limit(_)), "{number}");
        }
        for code in ["57P01", "57P02", "57P03", "08006", "53300"] {
            assert_eq!(classify_postgres(code), DriverErrorKind::Unavailable, "{code}");
        }
    }

    #[test]
    fn read_only_servers_and_missing_rights_have_classes_of_their_own() {
        assert_eq!(classify_postgres("25006"), DriverErrorKind::ReadOnly);
        assert_eq!(classify_postgres("42501"), DriverErrorKind::AccessDenied);
        assert_eq!(classify_postgres("28P01"), DriverErrorKind::AccessDenied);
        for number in [1290, 1792, 1836] {
            assert_eq!(classify_mysql(number), DriverErrorKind::ReadOnly, "{number}");
        }
        for number in [1044, 1045, 1142, 1143] {
            assert_eq!(classify_mysql(number), DriverErrorKind::AccessDenied, "{number}");
        }
        // SQLITE_READONLY_DBMOVED too.
        assert_eq!(classify_sqlite(1032), DriverErrorKind::ReadOnly);
    }
}
