//! MySQL and MariaDB: many rows a statement. Their changes of a schema commit, so indexes and foreign keys stay.

use std::collections::BTreeMap;

use campus_backup_archive::Cell;
use sea_orm::sqlx::mysql::MySqlArguments;
use sea_orm::sqlx::{self, Arguments as _, AssertSqlSafe, Executor as _, MySql, MySqlPool, Transaction};

use super::{Rows, column_names};
use crate::catalog::{Table, cells};
use crate::error::{Error, Result};
use crate::stats;

/// How many values one statement brings. The protocol takes 65,535 and a packet has a size (16 MiB and more; of the
/// longest rows the demo has, these are below one). Many more than the wire's buffers hold: the driver does not set
/// `TCP_NODELAY`, so over TLS on one machine a statement of 2,000 to 6,000 values waits 40 ms for an acknowledgement.
const VALUES_A_STATEMENT: usize = 20_000;

/// How many bytes of text one statement brings, so that it stays below the size of a packet.
const TEXT_A_STATEMENT: usize = 4 << 20;

/// A transaction. InnoDB locks what it deletes together with the gaps between.
#[derive(Debug)]
pub(super) struct Writer {
    transaction: Transaction<'static, MySql>,
    doing: &'static str,
}

impl Writer {
    pub(super) async fn begin(pool: &MySqlPool, doing: &'static str) -> Result<Self> {
        let transaction = pool.begin().await.map_err(Error::sqlx(doing))?;
        Ok(Self { transaction, doing })
    }

    pub(super) async fn execute(&mut self, sql: &str) -> Result<u64> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = self.transaction.execute(statement).await;
        Ok(done.map_err(Error::sqlx(self.doing))?.rows_affected())
    }

    pub(super) async fn count(&mut self) -> Result<BTreeMap<Table, u64>> {
        stats::count_on::<MySql>(&mut self.transaction, &Table::ALL).await
    }

    pub(super) async fn load(&mut self, table: Table, rows: &mut impl Rows) -> Result<u64> {
        let columns = table.columns().len();
        let most = VALUES_A_STATEMENT / columns;
        let mut inserted = 0;
        loop {
            let (mut arguments, mut gathered, mut text) = (MySqlArguments::default(), 0, 0);
            while gathered < most && text < TEXT_A_STATEMENT {
                let mut row = cells();
                if !rows.next(&mut row)? {
                    break;
                }
                for cell in &row[..columns] {
                    add(cell, &mut arguments).map_err(Error::internal(self.doing))?;
                    if let Cell::Text(value) = cell {
                        text += value.len();
                    }
                }
                gathered += 1;
            }
            if gathered == 0 {
                return Ok(inserted);
            }
            let places = format!("({})", vec!["?"; columns].join(", "));
            let places = vec![places; gathered].join(", ");
            let sql = format!("INSERT INTO {table} ({}) VALUES {places}", column_names(table));
            // Keeping one prepared that is as long as no other would only cost the server.
            let insert = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(gathered == most);
            let done = self.transaction.execute(insert).await;
            inserted += done.map_err(Error::sqlx(self.doing))?.rows_affected();
        }
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.transaction.commit().await.map_err(Error::sqlx(self.doing))
    }
}

fn add(cell: &Cell<'_>, arguments: &mut MySqlArguments) -> Result<(), sqlx::error::BoxDynError> {
    match cell {
        Cell::Null => arguments.add(None::<i64>),
        Cell::Integer(value) => arguments.add(value),
        Cell::Boolean(value) => arguments.add(value),
        Cell::Text(text) => arguments.add(text),
        Cell::Decimal(value) => arguments.add(value),
        Cell::Date(date) => arguments.add(date),
        Cell::Timestamp(time) => arguments.add(time.naive_utc()),
    }
}
