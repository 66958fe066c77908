//! Drivers' errors, sorted by their codes into what an administrator can do about them. The codes are SQLite's result codes,
//! PostgreSQL's SQLSTATE (appendix A) and the error numbers of MySQL and MariaDB.

use std::fmt;

use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// What an error of the database means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Another writer holds what is needed.
    Busy,
    /// The database can't be reached.
    Unavailable,
    /// A disk is full.
    Full,
    /// The server takes no writes.
    ReadOnly,
    /// The role may not do this.
    AccessDenied,
    /// The server has stopped the work because of a limit.
    Limit(DatabaseLimit),
    /// Everything else.
    Other,
}

/// A limit of the database server because of which it stops work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseLimit {
    /// PostgreSQL's time limit of a statement, or somebody who has cancelled it.
    PostgresStatement,
    /// PostgreSQL's time limits of transactions and idle sessions.
    PostgresTransaction,
    /// PostgreSQL's memory, locks or temporary files.
    PostgresResources,
    /// The time limit of a statement of MySQL or MariaDB, or somebody who has cancelled it.
    MysqlStatement,
    /// The time limit of an idle session of MySQL or MariaDB.
    MysqlIdle,
    /// The largest packet of MySQL or MariaDB.
    MysqlPacket,
    /// The memory for locks or for the binary log of MySQL or MariaDB.
    MysqlResources,
}

/// The setting's name, with what else it may be, as the end of a sentence.
impl fmt::Display for DatabaseLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostgresStatement => "`statement_timeout`, unless somebody has cancelled the statement",
            Self::PostgresTransaction => {
                "`idle_in_transaction_session_timeout`, `idle_session_timeout` or `transaction_timeout`"
            }
            Self::PostgresResources => {
                "its memory, `max_locks_per_transaction` or `temp_file_limit`; the server's log has the details"
            }
            Self::MysqlStatement => {
                "`max_statement_time` or `max_execution_time`, unless somebody has cancelled the statement"
            }
            Self::MysqlIdle => "`wait_timeout`",
            Self::MysqlPacket => "`max_allowed_packet`",
            Self::MysqlResources => "`innodb_buffer_pool_size` or `max_binlog_cache_size`",
        })
    }
}

/// What an error of the ORM or of a driver means.
pub(super) fn classify(error: &DbErr) -> Trouble {
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
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed => Trouble::Unavailable,
            _ => Trouble::Other,
        };
    };
    if let Some(mysql) = database.try_downcast_ref::<MySqlDatabaseError>() {
        return classify_mysql(mysql.number());
    }
    let code = database.code().unwrap_or_default();
    match database.try_downcast_ref::<SqliteError>() {
        Some(_) => code.parse().map_or(Trouble::Other, classify_sqlite),
        None => classify_postgres(&code),
    }
}

/// Of `57P`, two are no signs that the server is gone: the one is a limit, the other a database that was dropped.
fn classify_postgres(code: &str) -> Trouble {
    match code {
        "40001" | "40P01" | "55P03" => Trouble::Busy,
        "53100" => Trouble::Full,
        "25006" => Trouble::ReadOnly,
        "57014" => Trouble::Limit(DatabaseLimit::PostgresStatement),
        "25P03" | "25P04" | "57P05" => Trouble::Limit(DatabaseLimit::PostgresTransaction),
        "53200" | "53400" => Trouble::Limit(DatabaseLimit::PostgresResources),
        "42501" => Trouble::AccessDenied,
        "53300" | "3D000" => Trouble::Unavailable,
        code if code.starts_with("28") => Trouble::AccessDenied,
        code if code.starts_with("08") || code.starts_with("57P") => Trouble::Unavailable,
        _ => Trouble::Other,
    }
}

fn classify_mysql(number: u16) -> Trouble {
    match number {
        1205 | 1213 | 3572 => Trouble::Busy,
        1021 | 1114 | 3675 => Trouble::Full,
        1290 | 1792 | 1836 | 1874 | 3989 => Trouble::ReadOnly,
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => Trouble::AccessDenied,
        1317 | 1969 | 3024 => Trouble::Limit(DatabaseLimit::MysqlStatement),
        4031 => Trouble::Limit(DatabaseLimit::MysqlIdle),
        1153 | 1301 => Trouble::Limit(DatabaseLimit::MysqlPacket),
        1197 | 1206 => Trouble::Limit(DatabaseLimit::MysqlResources),
        1040 | 1049 | 1053 | 1203 | 1226 | 1927 | 2006 | 2013 => Trouble::Unavailable,
        _ => Trouble::Other,
    }
}

/// The primary code is the low byte of the extended one.
pub(super) fn classify_sqlite(code: i32) -> Trouble {
    match code & 0xff {
        5 | 6 => Trouble::Busy,
        8 => Trouble::ReadOnly,
        13 => Trouble::Full,
        // The file can't be read, written or opened: its disk fails, or it may not grow.
        10 | 14 => Trouble::Unavailable,
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_stopped_by_a_limit_is_no_outage() {
        for code in ["57014", "25P03", "25P04", "57P05", "53200", "53400"] {
            assert!(matches!(classify_postgres(code), Trouble::Limit(_)), "{code}");
        }
        for number in [1317, 1969, 3024, 1153, 1301, 4031] {
            assert!(matches!(classify_mysql(number), Trouble::Limit(_)), "{number}");
        }
        for code in ["57P01", "57P02", "57P03", "08006", "53300"] {
            assert_eq!(classify_postgres(code), Trouble::Unavailable, "{code}");
        }
    }

    #[test]
    fn read_only_servers_and_missing_rights_have_classes_of_their_own() {
        assert_eq!(classify_postgres("25006"), Trouble::ReadOnly);
        assert_eq!(classify_postgres("42501"), Trouble::AccessDenied);
        assert_eq!(classify_postgres("28P01"), Trouble::AccessDenied);
        for number in [1290, 1792, 1836] {
            assert_eq!(classify_mysql(number), Trouble::ReadOnly, "{number}");
        }
        for number in [1044, 1045, 1142, 1143] {
            assert_eq!(classify_mysql(number), Trouble::AccessDenied, "{number}");
        }
        // SQLITE_READONLY_DBMOVED too.
        assert_eq!(classify_sqlite(1032), Trouble::ReadOnly);
    }
}
