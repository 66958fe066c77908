//! MySQL and MariaDB. Their modes decide what becomes of a value that does not fit, and both have variables that the other
//! one, or an older version, does not have.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::sqlx::mysql::{MySqlConnection, MySqlRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Row as _};
use sea_orm::{ConnectOptions, SqlxError};

/// What every server has and what comes before everything else. The limit would leave rows out of each answer, also out of
/// that to the question which variables there are.
const FIRST: &str = "SET NAMES utf8mb4, SESSION sql_select_limit = 18446744073709551615";

/// Name and value, as `SHOW VARIABLES` shows them. Those that a server does not have are left out.
const VARIABLES: &[(&str, &str)] = &[
    // Strict, so that nothing is cut off or made fit. An id of 0 stays 0. Dates that another program could store, such as
    // that of zeros, can come back. `PIPES_AS_CONCAT` is what the driver sets.
    (
        "sql_mode",
        "PIPES_AS_CONCAT,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,ERROR_FOR_DIVISION_BY_ZERO,\
         NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION",
    ),
    // A change locks the gaps between rows, which READ COMMITTED leaves open. Older and newer name of the same.
    ("tx_isolation", "REPEATABLE-READ"),
    ("transaction_isolation", "REPEATABLE-READ"),
    // It refuses to update what has changed since the transaction's first read, as the heartbeat has at the end of a
    // long change.
    ("innodb_snapshot_isolation", "OFF"),
    ("autocommit", "ON"),
    ("completion_type", "NO_CHAIN"),
    ("time_zone", "+00:00"),
    ("foreign_key_checks", "ON"),
    ("unique_checks", "ON"),
    ("check_constraint_checks", "ON"),
    // They would refuse to empty a table or to count it.
    ("sql_safe_updates", "OFF"),
    ("sql_big_selects", "ON"),
    ("sql_auto_is_null", "OFF"),
    // 0 is no limit: of seconds on MariaDB, of milliseconds on MySQL.
    ("max_statement_time", "0.000000"),
    ("max_execution_time", "0"),
    ("idle_transaction_timeout", "0"),
    ("idle_readonly_transaction_timeout", "0"),
    ("idle_write_transaction_timeout", "0"),
    // There is no such value for these. A day is longer than any backup, and 8 hours are the default of an idle session.
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
    // The one is for locks of rows, the other for those of whole tables.
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
    // What has the value already needs no right to set it.
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

/// A number as it stands, everything else as a text.
fn literal(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(_) => value.to_owned(),
        Err(_) => format!("'{value}'"),
    }
}
