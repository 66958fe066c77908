//! SQLite. It has no server, so the only defaults are those of the library that is linked.

use std::time::Duration;

use sea_orm::ConnectOptions;
use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

use super::super::Pool;

pub(super) fn configure(options: &mut ConnectOptions, pool: Pool, lock_timeout: Duration) {
    // A connection that reads every page once does not need them again. SQLite's default is 2 MB per connection.
    let cache_size = match pool {
        Pool::Readers { .. } | Pool::Heartbeat => "-256",
        Pool::Requests | Pool::Changes => "-2000",
    };
    let busy_timeout = match pool {
        Pool::Heartbeat => Duration::from_millis(50),
        Pool::Requests | Pool::Readers { .. } | Pool::Changes => lock_timeout,
    };
    options
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .create_if_missing(true)
                // A change of whole tables checks foreign keys once, at its commit.
                .foreign_keys(pool != Pool::Changes)
                .pragma("cache_size", cache_size)
                .journal_mode(SqliteJournalMode::Wal)
                // In WAL mode NORMAL may lose the last commits at a power failure, but acknowledged commits must be
                // durable.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(busy_timeout)
                // A long reader makes the log grow; without a limit its file would keep that size.
                .pragma("journal_size_limit", "67108864")
        })
        // After some errors SQLite rolls back a transaction by itself, but the driver considers the connection still in
        // it. The next transaction would only be a savepoint, and a snapshot of it would never end.
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection, _| {
                Box::pin(async move {
                    // The worker first completes the rollback that was queued when the transaction was dropped.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
        });
}
