//! Strategy `Parallel`: two threads scan alternate id ranges of one table, each on a connection of its own, with the
//! same snapshot.
//!
//! SQLite can't pass the snapshot of one connection to another: ordinary builds leave out `sqlite3_snapshot_open`. So
//! the worker proves that both snapshots are equal. Its connection reads `data_version` before the first connection's
//! snapshot begins, and again in its own transaction afterwards. The number is the same only if nothing was committed
//! in between (<https://www.sqlite.org/pragma.html#pragma_data_version>). Otherwise the first thread scans alone.

use std::iter::successors;
use std::ops::RangeInclusive;

use campus_backup_archive::Cell;
use sea_orm::sqlx::sqlite::LockedSqliteHandle;
use sea_orm::sqlx::{self, Executor as _, Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{READING, TableQuery, failed};
use crate::blocking;
use crate::catalog::Table;
use crate::database::TxConnection;
use crate::error::{Error, Result};
use crate::snapshot::{ParallelSink, RowEncoder, Sink};
use crate::statement::{BoundValue, Statement, StatementValue};

const JOINING: &str = "joining a snapshot with a second connection";

/// How many chunks the queue holds, besides the one that the worker fills.
const QUEUE: usize = 2;

/// The size at which the worker sends a chunk, unless its range ends before.
const CHUNK_SIZE: usize = 64 * 1024;

/// The second connection of a snapshot, in a transaction that reads nothing before [`join`](Self::join).
#[derive(Debug)]
pub(super) struct Worker {
    transaction: TxConnection<Sqlite>,
    data_version: i64,
    rows_per_range: u64,
    _permit: OwnedSemaphorePermit,
}

impl Worker {
    /// Connects, before the snapshot of the first connection begins.
    pub(super) async fn prepare(pool: &SqlitePool, permit: OwnedSemaphorePermit, rows_per_range: u64) -> Result<Self> {
        let mut transaction = TxConnection::new(pool.acquire().await.map_err(Error::sqlx(JOINING))?);
        let connection = transaction.connection()?;
        let data_version = data_version(connection).await?;
        connection.execute("BEGIN").await.map_err(Error::sqlx(JOINING))?;
        Ok(Self {
            transaction,
            data_version,
            rows_per_range: rows_per_range.max(1),
            _permit: permit,
        })
    }

    /// Joins the snapshot of the first connection. None if it differs, or if a table of `rows` rows has only one range.
    pub(super) async fn join(mut self, rows: u64) -> Result<Option<Self>> {
        if rows > self.rows_per_range && data_version(self.transaction.connection()?).await? == self.data_version {
            return Ok(Some(self));
        }
        self.end().await.map(|()| None)
    }

    /// Reads all rows in order: the even ranges on the first connection and this thread, the odd ones on the
    /// worker's. Returns the worker for the next table.
    pub(super) async fn read(
        self,
        first: &mut LockedSqliteHandle<'_>,
        query: TableQuery,
        rows: u64,
        encoder: RowEncoder,
        sink: &mut impl ParallelSink,
    ) -> Result<Self> {
        let ranges = id_ranges(first, query.table, rows.div_ceil(self.rows_per_range))?;
        let (queue, mut chunks) = mpsc::channel::<ScanChunk>(QUEUE);
        let (recycle, recycled) = mpsc::channel(QUEUE + 1);
        let chunk = ScanChunk::default();
        let worker_sink = WorkerSink {
            encoder,
            chunk,
            queue,
            recycled,
        };
        let (worker_query, worker_ranges) = (query.clone(), ranges.clone().skip(1).step_by(2));
        let worker = blocking::run(READING, move || self.scan(worker_query, worker_ranges, worker_sink));
        let mut statement = query.prepare_range(first)?;
        for (index, range) in ranges.enumerate() {
            if index % 2 == 0 {
                scan_range(&mut statement, &query, &range, sink).await?;
                continue;
            }
            loop {
                let Some(mut chunk) = chunks.recv().await else {
                    // The worker has failed.
                    return worker.await;
                };
                sink.append_encoded(chunk.rows, &chunk.bytes);
                chunk.bytes.clear();
                // The worker may have enough buffers, or may have ended.
                let _ = recycle.try_send(chunk.bytes);
                sink.flush_if_full().await?;
                if chunk.ends_range {
                    break;
                }
            }
        }
        worker.await
    }

    async fn scan(
        mut self,
        query: TableQuery,
        ranges: impl Iterator<Item = RangeInclusive<i64>>,
        mut sink: WorkerSink,
    ) -> Result<Self> {
        let connection = self.transaction.connection()?;
        let mut handle = connection.lock_handle().await.map_err(Error::sqlx(READING))?;
        let mut statement = query.prepare_range(&mut handle)?;
        for range in ranges {
            scan_range(&mut statement, &query, &range, &mut sink).await?;
            sink.chunk.ends_range = true;
            sink.send().await?;
        }
        drop(statement);
        drop(handle);
        Ok(self)
    }

    pub(super) async fn end(self) -> Result<()> {
        self.transaction.end("ending a snapshot").await
    }
}

/// As the first read of a transaction, this begins its snapshot.
async fn data_version(connection: &mut SqliteConnection) -> Result<i64> {
    let asked = sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await;
    asked.map_err(Error::sqlx(JOINING))
}

async fn scan_range(
    statement: &mut Statement<'_>,
    query: &TableQuery,
    range: &RangeInclusive<i64>,
    sink: &mut impl Sink,
) -> Result<()> {
    statement.reset();
    for (position, id) in [range.start(), range.end()].into_iter().enumerate() {
        statement.bind(position, &BoundValue::Integer(*id)).map_err(failed)?;
    }
    query.read(statement, sink).await
}

/// A message of the worker: encoded rows.
#[derive(Default)]
struct ScanChunk {
    rows: u64,
    bytes: Vec<u8>,
    ends_range: bool,
}

/// Collects the worker's rows into chunks.
struct WorkerSink {
    encoder: RowEncoder,
    chunk: ScanChunk,
    queue: mpsc::Sender<ScanChunk>,
    /// Reused buffers: memory that one thread allocates and another frees is slow to allocate again.
    recycled: mpsc::Receiver<Vec<u8>>,
}

impl WorkerSink {
    async fn send(&mut self) -> Result<()> {
        let chunk = std::mem::take(&mut self.chunk);
        self.chunk.bytes = self.recycled.try_recv().unwrap_or_default();
        self.queue.send(chunk).await.map_err(|_| Error::Gone)
    }
}

impl Sink for WorkerSink {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.chunk.rows += 1;
        (self.encoder)(cells, &mut self.chunk.bytes)
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        match self.chunk.bytes.len() >= CHUNK_SIZE {
            true => self.send().await,
            false => Ok(()),
        }
    }
}

/// Divides a table into at most `number` id ranges. Where ids are missing, ranges have fewer rows.
fn id_ranges(
    handle: &mut LockedSqliteHandle<'_>,
    table: Table,
    number: u64,
) -> Result<impl Iterator<Item = RangeInclusive<i64>> + Clone + Send + use<>> {
    let sql = format!("SELECT (SELECT min(id) FROM {table}), (SELECT max(id) FROM {table})");
    let mut statement = Statement::prepare(handle, &sql).map_err(failed)?;
    let row = statement.step().map_err(failed)?;
    let ids = match row.map(|row| (row.value(0), row.value(1))) {
        Some((StatementValue::Integer(least), StatementValue::Integer(most))) => least..=most,
        _ => RangeInclusive::new(1, 0),
    };
    Ok(split(&ids, number))
}

/// Splits ids into at most `number` ranges of equal width, in ascending order.
fn split(ids: &RangeInclusive<i64>, number: u64) -> impl Iterator<Item = RangeInclusive<i64>> + Clone + Send + use<> {
    let (least, most) = (*ids.start(), *ids.end());
    let span = most.abs_diff(least) / number.max(1);
    let next = move |start: &i64| start.checked_add_unsigned(span)?.checked_add(1);
    let starts = successors(Some(least), next).take_while(move |start| *start <= most);
    starts.map(move |start| start..=start.saturating_add_unsigned(span).min(most))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn worker_does_not_join_after_a_commit() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join("school.db"));
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let create = "CREATE TABLE t (n); INSERT INTO t VALUES (1)";
        pool.execute(create).await.unwrap();
        let permits = Arc::new(Semaphore::new(1));
        let prepare = async || {
            let permit = permits.clone().try_acquire_owned().unwrap();
            Worker::prepare(&pool, permit, 1).await.unwrap()
        };

        let worker = prepare().await;
        let mut first = pool.begin().await.unwrap();
        first.fetch_one("SELECT n FROM t").await.unwrap();
        let joined = worker.join(2).await.unwrap().expect("nothing was committed");
        joined.end().await.unwrap();
        assert!(prepare().await.join(1).await.unwrap().is_none(), "there is one range");

        for update_after_the_first in [false, true] {
            let worker = prepare().await;
            let mut first = pool.begin().await.unwrap();
            if update_after_the_first {
                first.fetch_one("SELECT n FROM t").await.unwrap();
            }
            pool.execute("UPDATE t SET n = n + 1").await.unwrap();
            first.fetch_one("SELECT n FROM t").await.unwrap();
            assert!(worker.join(2).await.unwrap().is_none(), "{update_after_the_first}");
        }
        assert_eq!(permits.available_permits(), 1);
    }

    proptest! {
        #[test]
        fn every_id_is_in_exactly_one_range(one: i64, other: i64, near in 0u64..100, number in 1u64..50) {
            for ids in [
                one.min(other)..=one.max(other),
                one..=one.saturating_add_unsigned(near),
                i64::MIN..=i64::MAX,
            ] {
                let ranges: Vec<_> = split(&ids, number).collect();
                prop_assert!(ranges.len() as u64 <= number);
                prop_assert_eq!(ranges.first().map(RangeInclusive::start), Some(ids.start()));
                prop_assert_eq!(ranges.last().map(RangeInclusive::end), Some(ids.end()));
                prop_assert!(ranges.iter().all(|range| !range.is_empty()));
                for pair in ranges.windows(2) {
                    prop_assert_eq!(pair[0].end().checked_add(1), Some(*pair[1].start()));
                }
            }
        }
    }
}
