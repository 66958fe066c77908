//! Sets every session property that the service depends on, on every connection of every pool.
//!
//! A new session has the defaults of its server, its database and its role. These decide whether a text that is too
//! long is truncated, whether rows that another program commits are visible, and how long a statement may run. So each
//! engine has one list here: [`sqlite`], [`postgres`], [`mysql`]. A property that a session can't set is checked where
//! it matters, such as MySQL's `max_allowed_packet` in [`change`](crate::change).
//!
//! The server's limits for the duration of statements and idle sessions are switched off: a backup takes as long as its
//! slowest reader, and a change is idle while its safety backup is stored. Waiting for a lock always has a limit.

mod mysql;
mod postgres;
mod sqlite;

use std::time::Duration;

use sea_orm::ConnectOptions;

pub(super) use self::postgres::SearchPath;
use super::Pool;

/// Configures the connections of a pool. `lock_timeout` limits the wait for a lock.
pub(super) fn configure(options: &mut ConnectOptions, pool: Pool, lock_timeout: Duration, search_path: &SearchPath) {
    sqlite::configure(options, pool, lock_timeout);
    postgres::configure(options, lock_timeout, search_path.clone());
    mysql::configure(options, lock_timeout);
}
