//! The greatest id that a table ever had.

use sea_orm::{ConnectionTrait, Statement, TransactionTrait};

use super::{Database, Engine};
use crate::catalog::Table;
use crate::error::{Error, Result};

impl Database {
    /// The greatest id that a table ever had, as far as the engine remembers and the current rows show. 0 if there was
    /// none.
    pub(crate) async fn id_counter(&self, table: Table) -> Result<i64> {
        let doing = "reading how far the ids of a table have come";
        // One connection for all statements.
        let transaction = self.requests.begin().await.map_err(Error::database(doing))?;
        if self.engine == Engine::Mysql {
            let set = transaction.execute_unprepared(FRESH_STATISTICS).await;
            set.map_err(Error::database(doing))?;
        }
        let mut greatest = 0;
        for sql in [
            counter_sql(self.engine, table),
            format!("SELECT MAX(id) AS counter FROM {table}"),
        ] {
            let statement = Statement::from_string(self.requests.get_database_backend(), sql);
            let row = transaction.query_one_raw(statement).await;
            if let Some(row) = row.map_err(Error::database(doing))? {
                let found: Option<i64> = row.try_get("", "counter").map_err(Error::database(doing))?;
                greatest = greatest.max(found.unwrap_or_default());
            }
        }
        transaction.rollback().await.map_err(Error::database(doing))?;
        Ok(greatest)
    }
}

/// Without it MySQL 8 shows a counter that may be a day old. For MariaDB the second half is a comment.
pub(crate) const FRESH_STATISTICS: &str = "SET @fresh = 1 /*!80000 , SESSION information_schema_stats_expiry = 0 */";

/// The query for the `counter` of a table.
pub(crate) fn counter_sql(engine: Engine, table: Table) -> String {
    match engine {
        Engine::Sqlite => format!("SELECT seq AS counter FROM sqlite_sequence WHERE name = '{table}'"),
        Engine::Postgres => {
            format!("SELECT pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id')::regclass) AS counter")
        }
        // The next id. If no id is left, it is the last one, or one that no column of ours can hold.
        Engine::Mysql => format!(
            "SELECT CAST(LEAST(auto_increment, {}) AS SIGNED) AS counter FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = '{table}'",
            i64::MAX
        ),
    }
}
