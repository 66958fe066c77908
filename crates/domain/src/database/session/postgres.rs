//! PostgreSQL. `ALTER DATABASE ... SET` and `ALTER ROLE ... SET` change the defaults of a session without a restart.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnection, PgRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Row as _};
use sea_orm::{ConnectOptions, SqlxError};

/// Names and values, as in `pg_settings`. Settings that a version of the server does not have are skipped.
const SETTINGS: &[(&str, &str)] = &[
    // Transactions that need another level say so when they begin. At a higher level a long change could not end its
    // job, because the heartbeat has updated the job's row meanwhile.
    ("default_transaction_isolation", "read committed"),
    ("statement_timeout", "0"),
    ("transaction_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    // Instead, the server notices within two minutes that this machine is gone, and releases its locks.
    ("tcp_keepalives_idle", "60"),
    ("tcp_keepalives_interval", "15"),
    ("tcp_keepalives_count", "4"),
    // A policy that hides rows must fail a backup, and not omit the rows from it.
    ("row_security", "off"),
    // `replica` checks no foreign key.
    ("session_replication_role", "origin"),
    ("client_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "3"),
];

/// The schemas in which tables are searched. The first connection reads them, and all others use the same. Otherwise a
/// default that changes while the service runs could make one connection back up other tables than the next one clears.
#[derive(Clone, Debug, Default)]
pub(in crate::database) struct SearchPath(Arc<OnceLock<String>>);

pub(super) fn configure(options: &mut ConnectOptions, lock_timeout: Duration, search_path: SearchPath) {
    let settings = set_all(lock_timeout);
    options
        .map_sqlx_postgres_opts(|postgres| postgres.application_name("campus-backup"))
        .map_sqlx_postgres_pool_opts(move |pool| {
            let (settings, search_path) = (settings.clone(), search_path.clone());
            pool.after_connect(move |connection, _| {
                Box::pin(prepare(connection, settings.clone(), search_path.clone()))
            })
        });
}

async fn prepare(connection: &mut PgConnection, settings: String, search_path: SearchPath) -> Result<(), SqlxError> {
    rows(connection, settings).await?;
    let found = rows(
        connection,
        "SELECT string_agg(quote_ident(name), ', ' ORDER BY place) \
         FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (name, place)"
            .to_owned(),
    );
    let found = found.await?.first().map(|row| row.try_get::<Option<String>, _>(0));
    // Without a schema there are no tables, and the first statement that needs one fails.
    let Some(found) = found.transpose()?.flatten() else {
        return Ok(());
    };
    let path = search_path.0.get_or_init(|| found);
    rows(connection, format!("SET search_path = {path}")).await.map(drop)
}

async fn rows(connection: &mut PgConnection, sql: String) -> Result<Vec<PgRow>, SqlxError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await
}

/// Sets only values that differ, so that no unneeded right is required.
fn set_all(lock_timeout: Duration) -> String {
    let lock_timeout = lock_timeout.as_millis().to_string();
    let settings = SETTINGS
        .iter()
        .copied()
        .chain([("lock_timeout", lock_timeout.as_str())]);
    let values: Vec<_> = settings.map(|(name, value)| format!("('{name}', '{value}')")).collect();
    // Acknowledged commits must be durable. If the server has another value that ensures this, it stays.
    format!(
        "SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES {}, ('synchronous_commit', 'on')) \
         AS session (name, value) USING (name) \
         WHERE setting <> value AND (name <> 'synchronous_commit' OR setting = 'off')",
        values.join(", ")
    )
}
