//! PostgreSQL: rows are loaded by `COPY`, while the table has no foreign keys, and only the indexes of keys that other tables
//! refer to.
//!
//! PostgreSQL changes schemas within a transaction, so other clients never see the table without its indexes. But it takes
//! the table's exclusive lock for that, and then readers and the change wait for each other. The lock is therefore only
//! tried, and only before the first rows are removed or loaded in bulk ([`PostgresWriter::try_lock_exclusive`]). While a client
//! reads, foreign keys and indexes stay in place, which is slower and blocks no reader. Otherwise new readers wait until the
//! change ends, at most as long as the `lock_timeout` of their connection.
//!
//! Under that lock a table is emptied by `TRUNCATE`, in a thirtieth of the time of a `DELETE`. It is not MVCC-safe: a
//! `REPEATABLE READ` transaction of another program that is older than the change, and has not yet used the table, would
//! find it empty. Our own snapshots and those of `pg_dump` lock all their tables when they begin, so none of them exists
//! under our lock. `READ COMMITTED`, the default, sees the new rows. Only long transactions of other programs without such a
//! lock remain, and for these any schema change, such as dropping foreign keys, is just as visible. Without the lock, and
//! in a clear, rows are deleted.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Executor as _, PgPool, Postgres};
use sea_query_sqlx::SqlxValues;

use super::{LoadMode, RowStream, all_but_the_id, column_names};
use crate::catalog::{LARGEST_ID, Table, cells};
use crate::database::TxConnection;
use crate::error::{Error, Result};
use crate::{pgcopy, stats};

/// How many bytes are collected before they are sent.
const CHUNK_BYTES: usize = 256 * 1024;

/// A transaction that has locked its tables against other writers. If it is not committed, its connection is closed, because
/// an interrupted copy would leave an unread answer for the next user.
#[derive(Debug)]
pub(super) struct PostgresWriter {
    held: TxConnection<Postgres>,
    tables: Vec<Table>,
    exclusive_lock: ExclusiveLock,
    doing: &'static str,
}

/// Whether the transaction holds the exclusive lock of its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExclusiveLock {
    NotTried,
    Refused,
    Held,
}

/// How long to wait for the exclusive lock, in milliseconds: long enough for a count to end. Clients that begin to read in that
/// time wait, too.
const EXCLUSIVE_LOCK_MILLISECONDS: u32 = 100;

/// A foreign key or an index of a table, with the SQL that drops it and creates it again.
struct Part {
    drop: String,
    create: String,
}

impl PostgresWriter {
    pub(super) async fn begin(pool: &PgPool, tables: &[Table], doing: &'static str) -> Result<Self> {
        let held = TxConnection::new(pool.acquire().await.map_err(Error::sqlx(doing))?);
        let mut writer = Self {
            held,
            tables: tables.to_vec(),
            exclusive_lock: ExclusiveLock::NotTried,
            doing,
        };
        // Each statement sees committed rows: heartbeats keep updating the row that ends the job in this transaction.
        writer.run("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        let names: Vec<_> = tables.iter().map(|table| table.name()).collect();
        // Otherwise other clients could insert rows that a delete does not see.
        let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", names.join(", "));
        writer.run(&lock).await?;
        Ok(writer)
    }

    /// Tries once to get the exclusive lock of the tables, and returns whether it is held.
    pub(super) async fn try_lock_exclusive(&mut self) -> Result<bool> {
        if self.exclusive_lock == ExclusiveLock::NotTried {
            // Dropping a foreign key also locks the table that it refers to.
            let targets = self.tables.iter().flat_map(|table| table.references());
            let mut tables: Vec<_> = self
                .tables
                .iter()
                .copied()
                .chain(targets.map(|reference| reference.table))
                .collect();
            tables.sort_unstable();
            tables.dedup();
            let names: Vec<_> = tables.iter().map(|table| table.name()).collect();
            let limit = sqlx::query_scalar("SELECT current_setting('lock_timeout')").fetch_one(self.held.connection()?);
            let limit: String = limit.await.map_err(Error::sqlx(self.doing))?;
            let lock = format!(
                "SAVEPOINT exclusive_lock; SET LOCAL lock_timeout = {EXCLUSIVE_LOCK_MILLISECONDS}; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; \
                 SET LOCAL lock_timeout = '{limit}'; RELEASE SAVEPOINT exclusive_lock",
                names.join(", ")
            );
            self.exclusive_lock = match self.run(&lock).await {
                Ok(_) => ExclusiveLock::Held,
                Err(Error::DatabaseBusy { .. }) => {
                    self.run("ROLLBACK TO SAVEPOINT exclusive_lock; RELEASE SAVEPOINT exclusive_lock")
                        .await?;
                    ExclusiveLock::Refused
                }
                Err(error) => return Err(error),
            };
        }
        Ok(self.exclusive_lock == ExclusiveLock::Held)
    }

    /// Removes all rows of these tables. The exclusive lock must be held.
    pub(super) async fn truncate(&mut self, tables: &[Table]) -> Result<()> {
        let names: Vec<_> = tables.iter().map(|table| table.name()).collect();
        self.run(&format!("TRUNCATE {}", names.join(", "))).await.map(drop)
    }

    pub(super) fn connection(&mut self) -> Result<&mut PgConnection> {
        self.held.connection()
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<u64> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = self.held.connection()?.execute(statement).await;
        Ok(done.map_err(Error::sqlx(self.doing))?.rows_affected())
    }

    pub(super) async fn execute(&mut self, sql: &str, values: SqlxValues) -> Result<u64> {
        let statement = sqlx::query_with(AssertSqlSafe(sql.to_owned()), values);
        let done = self.held.connection()?.execute(statement).await;
        Ok(done.map_err(Error::sqlx(self.doing))?.rows_affected())
    }

    pub(super) async fn sum(&mut self, table: Table, column: &str) -> Result<Decimal> {
        // Values that are not numbers are left out of sums.
        let sql = format!("SELECT COALESCE(SUM({column}) FILTER (WHERE {column} <> 'NaN'), 0) FROM {table}");
        let sum = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(self.held.connection()?);
        sum.await.map_err(Error::sqlx(self.doing))
    }

    /// The one number that a query returns; none for NULL and for no row.
    pub(super) async fn number(&mut self, sql: &str) -> Result<Option<i64>> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(self.held.connection()?);
        let number: Option<Option<i64>> = number.await.map_err(Error::sqlx(self.doing))?;
        Ok(number.flatten())
    }

    /// The one text that a query returns; none for NULL and for no row.
    pub(super) async fn text(&mut self, sql: &str) -> Result<Option<String>> {
        let text = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(self.held.connection()?);
        let text: Option<Option<String>> = text.await.map_err(Error::sqlx(self.doing))?;
        Ok(text.flatten())
    }

    /// A rollback does not undo this; the ids are then free anyway.
    pub(super) async fn reclaim_ids(&mut self, table: Table, highest: i64) -> Result<()> {
        let back = format!(
            "SELECT setval(sequence, greatest({highest}, 1), {highest} > 0) \
             FROM (SELECT pg_get_serial_sequence('{table}', 'id')::regclass AS sequence) AS ids \
             WHERE pg_sequence_last_value(sequence) > {LARGEST_ID}"
        );
        self.run(&back).await.map(drop)
    }

    pub(super) async fn count(&mut self) -> Result<BTreeMap<Table, u64>> {
        stats::count_on::<Postgres>(self.held.connection()?, &Table::ALL).await
    }

    pub(super) async fn load(&mut self, table: Table, rows: &mut impl RowStream, mode: LoadMode) -> Result<u64> {
        let parts = match mode {
            LoadMode::Bulk if self.try_lock_exclusive().await? => self.parts(table).await?,
            _ => Vec::new(),
        };
        for part in &parts {
            self.run(&part.drop).await?;
        }
        let inserted = self.copy(table, table.name(), rows).await?;
        // Created in reverse order: foreign keys need no index, but are checked faster with one.
        for part in parts.iter().rev() {
            self.run(&part.create).await?;
        }
        self.advance_ids(table).await?;
        Ok(inserted)
    }

    pub(super) async fn overwrite(&mut self, table: Table, rows: &mut impl RowStream) -> Result<u64> {
        let beside = format!("pg_temp.new_{table}");
        self.run(&format!(
            "CREATE TEMPORARY TABLE new_{table} (LIKE {table}) ON COMMIT DROP"
        ))
        .await?;
        self.copy(table, &beside, rows).await?;
        let values = all_but_the_id(table, |_, name| format!("{name} = new.{name}"));
        let update = format!("UPDATE {table} SET {values} FROM {beside} AS new WHERE new.id = {table}.id");
        let written = self.run(&update).await?;
        self.run(&format!("DROP TABLE {beside}")).await?;
        Ok(written)
    }

    /// The foreign keys of a table, then its keys that no table refers to, and then its indexes without a constraint.
    async fn parts(&mut self, table: Table) -> Result<Vec<Part>> {
        // An index that identifies rows for replication would lose that role if it was created again.
        let sql = format!(
            "SELECT format('ALTER TABLE {table} DROP CONSTRAINT %I', conname), \
             format('ALTER TABLE {table} ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(c.oid)) \
             FROM pg_constraint c LEFT JOIN pg_index ON indexrelid = conindid AND contype <> 'f' \
             WHERE conrelid = '{table}'::regclass AND (contype = 'f' OR contype IN ('p', 'u') AND NOT indisreplident \
             AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.contype = 'f' AND r.confrelid = c.conrelid)) \
             ORDER BY contype = 'f' DESC"
        );
        let indexes = format!(
            "SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid) \
             FROM pg_index WHERE indrelid = '{table}'::regclass AND NOT indisreplident \
             AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"
        );
        let mut parts = Vec::new();
        for sql in [sql, indexes] {
            let found = sqlx::query_as(AssertSqlSafe(sql))
                .fetch_all(self.held.connection()?)
                .await;
            let found: Vec<(String, String)> = found.map_err(Error::sqlx(self.doing))?;
            parts.extend(found.into_iter().map(|(drop, create)| Part { drop, create }));
        }
        Ok(parts)
    }

    /// Copies rows into a table, or into a temporary table with the same columns.
    async fn copy(&mut self, table: Table, into: &str, rows: &mut impl RowStream) -> Result<u64> {
        let doing = self.doing;
        let sql = format!("COPY {into} ({}) FROM STDIN (FORMAT binary)", column_names(table));
        let mut copy = self
            .held
            .connection()?
            .copy_in_raw(&sql)
            .await
            .map_err(Error::sqlx(doing))?;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4);
        pgcopy::write_header(&mut chunk);
        loop {
            let more = write_row(table, rows, &mut chunk);
            if chunk.len() >= CHUNK_BYTES || matches!(more, Ok(false)) {
                copy.send(chunk.as_slice()).await.map_err(Error::sqlx(doing))?;
                chunk.clear();
            }
            match more {
                Ok(true) => {}
                Ok(false) => return copy.finish().await.map_err(Error::sqlx(doing)),
                Err(error) => {
                    // The connection is closed, so the result of the abort does not matter.
                    drop(copy.abort("the rows could not be read").await);
                    return Err(error);
                }
            }
        }
    }

    /// Makes the next generated id greater than every id in the table that leaves room for more, because a sequence ignores
    /// rows that are inserted with their ids. The sequence only moves forward, so that no id is generated twice. A
    /// rollback does not undo this; some ids are then skipped, which is harmless.
    async fn advance_ids(&mut self, table: Table) -> Result<()> {
        let sql = format!(
            "SELECT setval(sequence, greatest(highest, pg_sequence_last_value(sequence))) \
             FROM (SELECT pg_get_serial_sequence('{table}', 'id')::regclass AS sequence, max(id) AS highest \
             FROM {table} WHERE id <= {LARGEST_ID}) AS ids WHERE highest > 0"
        );
        self.run(&sql).await.map(drop)
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.held.end(self.doing).await
    }
}

/// Appends the next row, or the end.
fn write_row(table: Table, rows: &mut impl RowStream, out: &mut Vec<u8>) -> Result<bool> {
    let mut row = cells();
    let more = rows.next(&mut row)?;
    if more {
        let kinds = table.columns().iter().map(|column| column.kind);
        if !pgcopy::write_row(row.iter().zip(kinds), out) {
            // The source of the rows has checked them.
            return Err(Error::internal("loading rows")("a native value is another engine's"));
        }
    } else {
        pgcopy::write_trailer(out);
    }
    Ok(more)
}
