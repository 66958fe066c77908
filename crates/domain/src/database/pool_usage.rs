//! How many connections the pools have, for the metrics.

use sea_orm::{DatabaseConnection, DbBackend};

use super::Database;

/// The connections of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUsage {
    /// The purpose of the pool.
    pub pool: &'static str,
    /// How many connections it may have.
    pub max: u32,
    /// How many are in use.
    pub in_use: u32,
    /// How many are open and not in use.
    pub idle: u32,
}

/// The purposes of the pools, as [`PoolUsage::pool`] names them. Only SQLite has the last two.
pub const POOLS: [&str; 4] = ["requests", "readers", "changes", "heartbeats"];

impl Database {
    /// The usage of each pool.
    pub fn pool_usage(&self) -> Vec<PoolUsage> {
        let pools = [&self.requests, &self.readers, &self.changes, &self.heartbeats];
        let own = match self.requests.get_database_backend() {
            DbBackend::Sqlite => 4,
            // There the requests' pool serves the other two purposes.
            _ => 2,
        };
        POOLS.into_iter().zip(pools).take(own).map(usage).collect()
    }
}

fn usage((pool, connection): (&'static str, &DatabaseConnection)) -> PoolUsage {
    // `size` counts the idle ones, too, and the two numbers are not of one moment.
    let (max, size, idle) = match connection.get_database_backend() {
        DbBackend::Postgres => {
            let pool = connection.get_postgres_connection_pool();
            (pool.options().get_max_connections(), pool.size(), pool.num_idle())
        }
        DbBackend::MySql => {
            let pool = connection.get_mysql_connection_pool();
            (pool.options().get_max_connections(), pool.size(), pool.num_idle())
        }
        _ => {
            let pool = connection.get_sqlite_connection_pool();
            (pool.options().get_max_connections(), pool.size(), pool.num_idle())
        }
    };
    let idle = u32::try_from(idle).unwrap_or(u32::MAX);
    PoolUsage {
        pool,
        max,
        in_use: size.saturating_sub(idle),
        idle: idle.min(size),
    }
}
