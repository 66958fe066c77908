//! One clock for all copies of the service.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Statement};

use super::{Database, Engine};
use crate::error::{Error, Result};
use crate::stats;

impl Database {
    /// The time in whole microseconds, by the clock of the database, because the clocks of two machines may differ. An
    /// SQLite database uses the clock of this machine.
    pub(crate) async fn now(&self) -> Result<DateTime<Utc>> {
        let doing = "asking the database for the time";
        let Some(clock) = self.clock_sql() else {
            return Ok(stats::now());
        };
        let sql = format!("SELECT {clock} AS time");
        let statement = Statement::from_string(self.requests.get_database_backend(), sql);
        let row = self
            .requests
            .query_one_raw(statement)
            .await
            .map_err(Error::database(doing))?;
        row.ok_or_else(|| Error::internal(doing)("there was no answer"))?
            .try_get("", "time")
            .map_err(Error::database(doing))
    }

    /// The SQL expression for the time of the database's clock; none for SQLite, whose clock is the one of this machine.
    pub(crate) fn clock_sql(&self) -> Option<&'static str> {
        match self.engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some("clock_timestamp()"),
            Engine::Mysql => Some("utc_timestamp(6)"),
        }
    }
}
