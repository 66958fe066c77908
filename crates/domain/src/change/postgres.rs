//! PostgreSQL: rows come by `COPY`, while the table has neither foreign keys nor any index but those of keys that other tables
//! refer to.
//!
//! PostgreSQL changes schemas within a transaction, so nobody else ever sees the table without them. But for that it takes
//! the table's exclusive lock, and with that lock readers wait for the change and the change for readers. So the lock
//! is only tried for, and only when the first rows are to be removed or loaded in bulk ([`Writer::seize`]). If somebody is
//! reading, everything stays in place, which is slower and hinders no reader. If nobody is, those who begin to read wait
//! until the change ends, and longer than a connection's `lock_timeout` nobody waits.
//!
//! Under that lock a table is emptied by `TRUNCATE`, in a thirtieth of the time of a `DELETE`. It is not MVCC-safe: a
//! transaction of another program that is older than the change, sees one moment throughout (`REPEATABLE READ`) and has
//! not yet touched the table, would find it empty. Our own snapshots, and those of `pg_dump`, lock all their tables when
//! they begin, so there are none while we hold ours; `READ COMMITTED`, which is the default, sees the new rows. What is
//! left are other programs' long transactions without such a lock, and for those any change of the schema, such as taking
//! foreign keys away, has always been as visible. Without the lock, and in a clear, rows are deleted.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Executor as _, PgPool, Postgres};
use sea_query_sqlx::SqlxValues;

use super::{Rows, Way, all_but_the_id, column_names};
use crate::catalog::{LARGEST_ID, Table, cells};
use crate::database::TxConnection;
use crate::error::{Error, Result};
use crate::{pgcopy, stats};

/// How much is gathered before it is sent.
const PIECE: usize = 256 * 1024;

/// A transaction with the tables locked against other writers. One that is not committed loses its connection, because an
/// interrupted copy would leave the next user one answer behind.
#[derive(Debug)]
pub(super) struct Writer {
    held: TxConnection<Postgres>,
    tables: Vec<Table>,
    seized: Seized,
    doing: &'static str,
}

/// Whether the tables are ours alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seized {
    NotTried,
    No,
    Yes,
}

/// How long the exclusive lock is waited for, in milliseconds. Long enough for a count, and whoever begins to read
/// meanwhile waits as well.
const PATIENCE: u32 = 100;

/// Something that a table has, and how it is taken away and made again.
struct Part {
    drop: String,
    create: String,
}

impl Writer {
    pub(super) async fn begin(pool: &PgPool, tables: &[Table], doing: &'static str) -> Result<Self> {
        let held = TxConnection::new(pool.acquire().await.map_err(Error::sqlx(doing))?);
        let mut writer = Self {
            held,
            tables: tables.to_vec(),
            seized: Seized::NotTried,
            doing,
        };
        // Each statement sees what is committed: the heartbeat keeps updating the row with which this ends its job.
        writer.run("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        let names: Vec<_> = tables.iter().map(|table| table.name()).collect();
        // Otherwise others could insert rows behind the back of a delete.
        let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", names.join(", "));
        writer.run(&lock).await?;
        Ok(writer)
    }

    /// Tries to get the tables for itself alone, and says whether it has them. It is tried once.
    pub(super) async fn seize(&mut self) -> Result<bool> {
        if self.seized == Seized::NotTried {
            // Taking a foreign key away takes the lock of the table that it points to, too.
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
                "SAVEPOINT seizing; SET LOCAL lock_timeout = {PATIENCE}; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; \
                 SET LOCAL lock_timeout = '{limit}'; RELEASE SAVEPOINT seizing",
                names.join(", ")
            );
            self.seized = match self.run(&lock).await {
                Ok(_) => Seized::Yes,
                Err(Error::DatabaseBusy { .. }) => {
                    self.run("ROLLBACK TO SAVEPOINT seizing; RELEASE SAVEPOINT seizing")
                        .await?;
                    Seized::No
                }
                Err(error) => return Err(error),
            };
        }
        Ok(self.seized == Seized::Yes)
    }

    /// Removes all rows of these tables, for which they must have been seized.
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
        // What is no number is in no sum.
        let sql = format!("SELECT COALESCE(SUM({column}) FILTER (WHERE {column} <> 'NaN'), 0) FROM {table}");
        let sum = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(self.held.connection()?);
        sum.await.map_err(Error::sqlx(self.doing))
    }

    /// The one number that a question is answered with; none for NULL and for no row.
    pub(super) async fn number(&mut self, sql: &str) -> Result<Option<i64>> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(self.held.connection()?);
        let number: Option<Option<i64>> = number.await.map_err(Error::sqlx(self.doing))?;
        Ok(number.flatten())
    }

    /// Not taken back with the transaction either; the rows that are there then leave these ids free as well.
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

    pub(super) async fn load(&mut self, table: Table, rows: &mut impl Rows, way: Way) -> Result<u64> {
        let parts = match way {
            Way::Bulk if self.seize().await? => self.parts(table).await?,
            _ => Vec::new(),
        };
        for part in &parts {
            self.run(&part.drop).await?;
        }
        let inserted = self.copy(table, table.name(), rows).await?;
        // What was taken away last is made first: foreign keys need no index, but are checked faster with one.
        for part in parts.iter().rev() {
            self.run(&part.create).await?;
        }
        self.advance_ids(table).await?;
        Ok(inserted)
    }

    pub(super) async fn overwrite(&mut self, table: Table, rows: &mut impl Rows) -> Result<u64> {
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

    /// The table's foreign keys, then the keys that no table refers to, and then every other index that no constraint brought.
    async fn parts(&mut self, table: Table) -> Result<Vec<Part>> {
        // An index that tells a replica which row is meant would not tell it any more, were it made again.
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

    /// Copies rows of a table into it, or into one that is like it.
    async fn copy(&mut self, table: Table, into: &str, rows: &mut impl Rows) -> Result<u64> {
        let doing = self.doing;
        let sql = format!("COPY {into} ({}) FROM STDIN (FORMAT binary)", column_names(table));
        let mut copy = self
            .held
            .connection()?
            .copy_in_raw(&sql)
            .await
            .map_err(Error::sqlx(doing))?;
        let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
        pgcopy::write_header(&mut piece);
        loop {
            let more = write_row(table, rows, &mut piece);
            if piece.len() >= PIECE || matches!(more, Ok(false)) {
                copy.send(piece.as_slice()).await.map_err(Error::sqlx(doing))?;
                piece.clear();
            }
            match more {
                Ok(true) => {}
                Ok(false) => return copy.finish().await.map_err(Error::sqlx(doing)),
                Err(error) => {
                    // The connection is closed, so that how the copy ends is no matter.
                    drop(copy.abort("the rows could not be read").await);
                    return Err(error);
                }
            }
        }
    }

    /// Makes the next generated id greater than every id in the table that leaves room for more, for a sequence knows nothing of rows that brought
    /// theirs. It is only ever moved forward, so that an id that was once given out is not given out again, and it is not
    /// taken back when the transaction is: then some ids are left out, which harms nobody.
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
fn write_row(table: Table, rows: &mut impl Rows, out: &mut Vec<u8>) -> Result<bool> {
    let mut row = cells();
    let more = rows.next(&mut row)?;
    if more {
        let kinds = table.columns().iter().map(|column| column.kind);
        if !pgcopy::write_row(row.iter().zip(kinds), out) {
            // Whoever gives the rows has looked at them.
            return Err(Error::internal("loading rows")("a native value is another engine's"));
        }
    } else {
        pgcopy::write_trailer(out);
    }
    Ok(more)
}
