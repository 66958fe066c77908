//! MySQL and MariaDB: each statement inserts many rows. Schema changes would commit, so indexes and foreign keys stay.
//!
//! A table lock would end the transaction or block readers. Instead, all rows are read `FOR UPDATE`, which locks every row
//! and every gap between them: writers wait, and consistent reads continue.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use campus_backup_archive::Cell;
use rust_decimal::Decimal;
use sea_orm::sqlx::mysql::{MySqlArguments, MySqlConnection};
use sea_orm::sqlx::{self, Arguments as _, AssertSqlSafe, Executor as _, MySql, MySqlPool, Transaction};
use sea_query_sqlx::SqlxValues;

use super::{LoadMode, RowStream, all_but_the_id, column_names, row_bytes};
use crate::catalog::{FOREIGN_KIND, LARGEST_ID, Table, cells};
use crate::database::{Engine, FRESH_STATISTICS, counter_sql};
use crate::error::{Error, Result};
use crate::stats;

/// How many values one statement has. The protocol allows 65,535. The number is larger than the network buffers: the driver
/// does not set `TCP_NODELAY`, so over TLS on one machine a statement of 2,000 to 6,000 values waits 40 ms for an
/// acknowledgement.
const VALUES_A_STATEMENT: usize = 20_000;

/// How many bytes one statement has, unless one row has more. The server's `max_allowed_packet` may be less.
const BYTES_A_STATEMENT: usize = 4 << 20;

/// The bytes of a packet that are reserved for the statement's text and the headers of the protocol.
const PACKET_HEAD: usize = 2_048;

/// At a lower isolation level no gap would be locked. Other clients could then insert rows after the safety backup, which
/// the change would remove without a copy.
const BEGIN: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION";

/// How long it tries to get all locks without waiting for any.
const NOWAIT_PERIOD: Duration = Duration::from_millis(500);

/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// A transaction that has locked every row of its tables and every gap between them.
#[derive(Debug)]
pub(super) struct MysqlWriter {
    transaction: Transaction<'static, MySql>,
    /// Statements that reset id counters after the commit.
    reclaimed: Vec<String>,
    pool: MySqlPool,
    largest_row: usize,
    doing: &'static str,
}

/// The rows of one statement.
#[derive(Default)]
struct InsertBatch {
    arguments: MySqlArguments,
    rows: usize,
    bytes: usize,
}

impl MysqlWriter {
    /// Begins a change and takes its locks. Waiting for the lock of one table while holding that of another can deadlock, and
    /// InnoDB then rolls back one of the transactions. The locks are therefore first taken without waiting, all or none.
    /// Only if other clients keep writing, this waits for them.
    pub(super) async fn begin(pool: &MySqlPool, tables: &[Table], doing: &'static str) -> Result<Self> {
        let start = Instant::now();
        while start.elapsed() < NOWAIT_PERIOD {
            match Self::locked(pool, tables, "FOR UPDATE NOWAIT", doing).await {
                Err(Error::DatabaseBusy { .. }) => tokio::time::sleep(RETRY_PAUSE).await,
                begun => return begun,
            }
        }
        Self::locked(pool, tables, "FOR UPDATE", doing).await
    }

    async fn locked(pool: &MySqlPool, tables: &[Table], how: &str, doing: &'static str) -> Result<Self> {
        let mut transaction = pool.begin_with(BEGIN).await.map_err(Error::sqlx(doing))?;
        for table in Table::ALL.iter().filter(|table| tables.contains(table)) {
            // The read locks the gaps of the index that it uses, and a new row needs a gap in every index.
            let sql = format!("SELECT COUNT(*) FROM {table} FORCE INDEX (PRIMARY) {how}");
            let locked = transaction.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
            locked.map_err(Error::sqlx(doing))?;
        }
        let largest_row = largest_row(&mut transaction).await?;
        Ok(Self {
            transaction,
            reclaimed: Vec::new(),
            pool: pool.clone(),
            largest_row,
            doing,
        })
    }

    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        &mut self.transaction
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<u64> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = self.transaction.execute(statement).await;
        Ok(done.map_err(Error::sqlx(self.doing))?.rows_affected())
    }

    pub(super) async fn execute(&mut self, sql: &str, values: SqlxValues) -> Result<u64> {
        let statement = sqlx::query_with(AssertSqlSafe(sql.to_owned()), values);
        let done = self.transaction.execute(statement).await;
        Ok(done.map_err(Error::sqlx(self.doing))?.rows_affected())
    }

    pub(super) async fn sum(&mut self, table: Table, column: &str) -> Result<Decimal> {
        let sql = format!("SELECT COALESCE(SUM({column}), 0) FROM {table}");
        let sum = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.transaction);
        sum.await.map_err(Error::sqlx(self.doing))
    }

    /// The one number that a query returns; none for NULL and for no row.
    pub(super) async fn number(&mut self, sql: &str) -> Result<Option<i64>> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut *self.transaction);
        let number: Option<Option<i64>> = number.await.map_err(Error::sqlx(self.doing))?;
        Ok(number.flatten())
    }

    /// The one text that a query returns; none for NULL and for no row.
    pub(super) async fn text(&mut self, sql: &str) -> Result<Option<String>> {
        let text = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut *self.transaction);
        let text: Option<Option<String>> = text.await.map_err(Error::sqlx(self.doing))?;
        Ok(text.flatten())
    }

    /// A statement that sets a counter would commit the transaction, so it runs after the commit.
    pub(super) async fn reclaim_ids(&mut self, table: Table, highest: i64) -> Result<()> {
        self.run(FRESH_STATISTICS).await?;
        let counter = self.number(&counter_sql(Engine::Mysql, table)).await?;
        if counter.is_some_and(|counter| counter > LARGEST_ID) {
            self.reclaimed
                .push(format!("ALTER TABLE {table} AUTO_INCREMENT = {}", highest + 1));
        }
        Ok(())
    }

    pub(super) async fn count(&mut self) -> Result<BTreeMap<Table, u64>> {
        stats::count_on::<MySql>(&mut self.transaction, &Table::ALL).await
    }

    pub(super) async fn load(&mut self, table: Table, rows: &mut impl RowStream, _: LoadMode) -> Result<u64> {
        self.insert(table, rows, "").await
    }

    pub(super) async fn overwrite(&mut self, table: Table, rows: &mut impl RowStream) -> Result<u64> {
        let values = all_but_the_id(table, |_, name| format!("{name} = VALUES({name})"));
        self.insert(table, rows, &format!(" ON DUPLICATE KEY UPDATE {values}"))
            .await
    }

    async fn insert(&mut self, table: Table, rows: &mut impl RowStream, end: &str) -> Result<u64> {
        let columns = table.columns().len();
        let most = VALUES_A_STATEMENT / columns;
        let (mut batch, mut inserted) = (InsertBatch::default(), 0);
        loop {
            let mut row = cells();
            if !rows.next(&mut row)? {
                return Ok(inserted + self.send(table, batch, most, end).await?);
            }
            let row = &row[..columns];
            let bytes = row_bytes(row);
            if bytes > self.largest_row {
                return Err(self.too_large(table, row, bytes));
            }
            if batch.rows == most || batch.bytes + bytes > self.largest_row.min(BYTES_A_STATEMENT) {
                inserted += self.send(table, std::mem::take(&mut batch), most, end).await?;
            }
            for cell in row {
                add(cell, &mut batch.arguments).map_err(Error::internal(self.doing))?;
            }
            batch.rows += 1;
            batch.bytes += bytes;
        }
    }

    async fn send(&mut self, table: Table, batch: InsertBatch, most: usize, end: &str) -> Result<u64> {
        if batch.rows == 0 {
            return Ok(0);
        }
        let places = format!("({})", vec!["?"; table.columns().len()].join(", "));
        let places = vec![places; batch.rows].join(", ");
        let sql = format!("INSERT INTO {table} ({}) VALUES {places}{end}", column_names(table));
        // A statement with another number of rows is not used again, so it is not kept prepared.
        let insert = sqlx::query_with(AssertSqlSafe(sql), batch.arguments).persistent(batch.rows == most);
        let inserted = self.transaction.execute(insert).await;
        inserted.map_err(Error::sqlx(self.doing))?;
        // The server counts 2 for an overwritten row, so its count is not used.
        Ok(batch.rows as u64)
    }

    fn too_large(&self, table: Table, row: &[Cell<'_>], bytes: usize) -> Error {
        let id = if let Some(Cell::Integer(id)) = row.first() {
            *id
        } else {
            0
        };
        let problem = format!(
            "row {id} has about {bytes} bytes, and the server takes {} at once (max_allowed_packet)",
            self.largest_row
        );
        Error::Unrestorable { table, problem }
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.transaction.commit().await.map_err(Error::sqlx(self.doing))?;
        for back in self.reclaimed {
            // The rows are committed even if this fails. InnoDB never sets a counter to an existing id.
            if let Err(error) = self.pool.execute(sqlx::raw_sql(AssertSqlSafe(back))).await {
                tracing::warn!(%error, "the id counter of a table could not be reset; the next restore tries again");
            }
        }
        Ok(())
    }
}

/// How many bytes a row may have, counted by [`row_bytes`]. The server closes the connection of a client that sends more than
/// its `max_allowed_packet`, and a session can't change that limit.
pub(super) async fn largest_row(connection: &mut MySqlConnection) -> Result<usize> {
    let asked = sqlx::query_scalar("SELECT @@max_allowed_packet").fetch_one(connection);
    let packet: u64 = asked
        .await
        .map_err(Error::sqlx("asking the database for its largest packet"))?;
    Ok(usize::try_from(packet)
        .unwrap_or(usize::MAX)
        .saturating_sub(PACKET_HEAD))
}

fn add(cell: &Cell<'_>, arguments: &mut MySqlArguments) -> Result<(), sqlx::error::BoxDynError> {
    match cell {
        Cell::Null => arguments.add(None::<i64>),
        Cell::Integer(value) => arguments.add(value),
        Cell::Boolean(value) => arguments.add(value),
        // The server parses a native value from its text, without loss in the modes of this session.
        Cell::Text(text) | Cell::Native(text) => arguments.add(text),
        Cell::Decimal(value) => arguments.add(value),
        Cell::Date(date) => arguments.add(date),
        Cell::Timestamp(time) => arguments.add(time.naive_utc()),
        Cell::Real(_) | Cell::Real32(_) | Cell::Datetime(_) | Cell::Bytes(_) | Cell::Stored(_) => {
            Err(FOREIGN_KIND.into())
        }
    }
}
