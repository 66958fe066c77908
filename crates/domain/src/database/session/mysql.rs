//! MySQL and MariaDB. Their modes decide what happens to a value that does not fit. Each has variables that the other,
//! or an older version, does not have.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::sqlx::mysql::{MySqlConnection, MySqlRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Row as _};
use sea_orm::{ConnectOptions, SqlxError};

/// Variables of every server, which are set first. The limit would omit rows from every result, including the list of
/// variables.
const FIRST: &str = "SET NAMES utf8mb4, SESSION sql_select_limit = 18446744073709551615";

/// Names and values, as in `SHOW VARIABLES`. Variables that a server does not have are skipped.
const VARIABLES: &[(&str, &str)] = &[
    // Strict, so that nothing is truncated or adjusted. An id of 0 stays 0. Dates that another program could store,
    // such as zero dates, can be restored. The driver sets `PIPES_AS_CONCAT`.
    (
        "sql_mode",
        "PIPES_AS_CONCAT,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,ERROR_FOR_DIVISION_BY_ZERO,\
         NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION",
    ),
    // A change locks the gaps between rows, which READ COMMITTED does not. Old and new name of the same variable.
    ("tx_isolation", "REPEATABLE-READ"),
    ("transaction_isolation", "REPEATABLE-READ"),
    // It refuses to update rows that changed since the transaction's first read, as the heartbeat's row has at the end
    // of a long change.
    ("innodb_snapshot_isolation", "OFF"),
    ("autocommit", "ON"),
    ("completion_type", "NO_CHAIN"),
    ("time_zone", "+00:00"),
    ("foreign_key_checks", "ON"),
    ("unique_checks", "ON"),
    ("check_constraint_checks", "ON"),
    // These would refuse to empty or to count a table.
    ("sql_safe_updates", "OFF"),
    ("sql_big_selects", "ON"),
    ("sql_auto_is_null", "OFF"),
    // 0 means no limit: in seconds on MariaDB, in milliseconds on MySQL.
    ("max_statement_time", "0.000000"),
    ("max_execution_time", "0"),
    ("idle_transaction_timeout", "0"),
    ("idle_readonly_transaction_timeout", "0"),
    ("idle_write_transaction_timeout", "0"),
    // These have no value for "no limit". A day is longer than any backup, and 8 hours are the default for idle
    // sessions.
    ("net_read_timeout", "86400"),
    ("net_write_timeout", "86400"),
    ("wait_timeout", "28800"),
];

pub(super) fn configure(options: &mut ConnectOptions, lock_timeout: Duration) {
    options.map_sqlx_mysql_pool_opts(move |pool| {
        pool.after_connect(move |connection, _| Box::pin(prepare(connection, lock_timeout)))
    });
}

async fn prepare(connection: &mut MySqlConnection, lock_timeout: Duration) -> Result<(), SqlxError> {
    // The first is for row locks, the second for table locks.
    let lock_timeout = lock_timeout.as_secs().max(1).to_string();
    let locks = ["innodb_lock_wait_timeout", "lock_wait_timeout"].map(|name| (name, lock_timeout.as_str()));
    let wanted: Vec<_> = VARIABLES.iter().copied().chain(locks).collect();
    let names: Vec<_> = wanted.iter().map(|(name, _)| format!("'{name}'")).collect();
    let shown = rows(
        connection,
        format!("{FIRST}; SHOW VARIABLES WHERE Variable_name IN ({})", names.join(", ")),
    );
    let mut found = BTreeMap::new();
    for row in shown.await? {
        found.insert(
            row.try_get_unchecked::<String, _>(0)?,
            row.try_get_unchecked::<String, _>(1)?,
        );
    }
    // A variable that already has the value is not set, because setting may need a right.
    let set: Vec<_> = wanted
        .into_iter()
        .filter(|(name, value)| found.get(*name).is_some_and(|shown| shown != value))
        .map(|(name, value)| format!("SESSION {name} = {}", literal(value)))
        .collect();
    if !set.is_empty() {
        rows(connection, format!("SET {}", set.join(", "))).await?;
    }
    Ok(())
}

async fn rows(connection: &mut MySqlConnection, sql: String) -> Result<Vec<MySqlRow>, SqlxError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await
}

/// A number unchanged, everything else as a quoted text.
fn literal(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(_) => value.to_owned(),
        Err(_) => format!("'{value}'"),
    }
}
