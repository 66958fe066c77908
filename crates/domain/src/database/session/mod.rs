//! Every session property that the service depends on, set by ourselves on every connection of every pool.
//!
//! A new session has the defaults of its server, of its database and of its role. They decide whether a text that is too
//! long is cut off, whether rows that another program commits are seen, and how long a statement may take. So each engine
//! has one list here: [`sqlite`], [`postgres`], [`mysql`]. What a session can't set is asked for where it matters, such as
//! MySQL's `max_allowed_packet` in [`change`](crate::change).
//!
//! The limits of the server for the duration of statements and of idle sessions are switched off: a backup takes as long as
//! its slowest reader, and a change is idle while its safety backup is stored. Waiting for a lock has a limit everywhere.

mod mysql;
mod postgres;
mod sqlite;

use std::time::Duration;

use sea_orm::ConnectOptions;

pub(super) use self::postgres::SearchPath;
use super::Pool;

/// Prepares the connections of a pool. `lock_timeout` is how long a statement waits for a lock.
pub(super) fn configure(options: &mut ConnectOptions, pool: Pool, lock_timeout: Duration, search_path: &SearchPath) {
    sqlite::configure(options, pool, lock_timeout);
    postgres::configure(options, lock_timeout, search_path.clone());
    mysql::configure(options, lock_timeout);
}
