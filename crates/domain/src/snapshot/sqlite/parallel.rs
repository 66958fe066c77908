//! Strategy `Parallel`: two threads scan alternate id ranges of one table, each on a connection of its own, with the
//! same snapshot.
//!
//! SQLite can't pass the snapshot of one connection to another: ordinary builds leave out `sqlite3_snapshot_open`. So
//! the reader proves that both snapshots are equal. The worker's connection reads `data_version` before the first
//! connection's snapshot begins, and again in its own transaction afterwards. The number is the same only if nothing
//! was committed in between (<https://www.sqlite.org/pragma.html#pragma_data_version>). Otherwise the first thread
//! scans alone.

use std::ops::RangeInclusive;

use campus_backup_archive::Cell;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::sqlite::LockedSqliteHandle;
use sea_orm::sqlx::{self, Executor as _, Sqlite, SqliteConnection, SqlitePool};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{READING, Rows, failed};
use crate::catalog::Table;
use crate::database::TxConnection;
use crate::error::{Error, Result};
use crate::priority::{self, Priority};
use crate::snapshot::{ParallelSink, RowEncoder, Sink};
use crate::statement::{Bound, Statement, Value};

const JOINING: &str = "joining a snapshot with a second connection";

/// How many chunks the queue holds, besides the one that the worker fills.
const QUEUE: usize = 2;

/// The size at which the worker sends a chunk, unless its range ends before.
const CHUNK_SIZE: usize = 64 * 1024;

/// A worker's connection, before the snapshot begins.
#[derive(Debug)]
pub(super) struct PendingWorker {
    connection: PoolConnection<Sqlite>,
    version: i64,
    permit: OwnedSemaphorePermit,
    rows_per_range: u64,
}

/// A worker's connection in a transaction with the same snapshot.
#[derive(Debug)]
pub(super) struct ScanWorker {
    transaction: TxConnection<Sqlite>,
    _permit: OwnedSemaphorePermit,
    rows_per_range: u64,
}

impl PendingWorker {
    pub(super) async fn new(pool: &SqlitePool, permit: OwnedSemaphorePermit, rows_per_range: u64) -> Result<Self> {
        let mut connection = pool.acquire().await.map_err(Error::sqlx(JOINING))?;
        let version = data_version(&mut connection).await?;
        Ok(Self {
            connection,
            version,
            permit,
            rows_per_range: rows_per_range.max(1),
        })
    }

    /// Whether a table of this size has more than one range.
    pub(super) fn is_needed_for(&self, rows: u64) -> bool {
        rows > self.rows_per_range
    }

    /// Begins the worker's transaction; none if its snapshot differs.
    pub(super) async fn join(self) -> Result<Option<ScanWorker>> {
        let mut transaction = TxConnection::new(self.connection);
        let connection = transaction.connection()?;
        connection.execute("BEGIN").await.map_err(Error::sqlx(JOINING))?;
        if data_version(connection).await? == self.version {
            Ok(Some(ScanWorker {
                transaction,
                _permit: self.permit,
                rows_per_range: self.rows_per_range,
            }))
        } else {
            transaction.end(JOINING).await?;
            Ok(None)
        }
    }
}

impl ScanWorker {
    /// The number of ranges of a table of this size.
    pub(super) fn range_count(&self, rows: u64) -> u64 {
        rows.div_ceil(self.rows_per_range)
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

/// Ranges of ids, in ascending order.
pub(super) trait IdRanges: Iterator<Item = RangeInclusive<i64>> + Clone + Send + 'static {}

impl<T: Iterator<Item = RangeInclusive<i64>> + Clone + Send + 'static> IdRanges for T {}

/// Scans all rows in order: the even ranges on this thread, the odd ones on the worker. Returns the worker for the next
/// table.
pub(super) async fn scan(
    first: &mut LockedSqliteHandle<'_>,
    worker: ScanWorker,
    rows: Rows,
    ranges: impl IdRanges,
    encoder: RowEncoder,
    sink: &mut impl ParallelSink,
) -> Result<ScanWorker> {
    let (queue, mut chunks) = mpsc::channel::<ScanChunk>(QUEUE);
    let (recycle, recycled) = mpsc::channel(QUEUE + 1);
    let worker_sink = WorkerSink {
        encoder,
        chunk: ScanChunk::default(),
        queue,
        recycled,
    };
    let worker_ranges = ranges.clone().skip(1).step_by(2);
    let runtime = Handle::current();
    let reading = priority::run(Priority::Usual, READING, {
        let rows = rows.clone();
        move || runtime.block_on(run_worker(worker, rows, worker_ranges, worker_sink))
    });
    let mut statement = rows.prepare_range(first)?;
    'ranges: for (index, range) in ranges.enumerate() {
        if index % 2 == 0 {
            scan_range(&mut statement, &rows, &range, sink).await?;
            continue;
        }
        loop {
            let Some(mut chunk) = chunks.recv().await else {
                break 'ranges;
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
    drop(chunks);
    // The worker's error, if it ended early.
    reading.await?
}

async fn run_worker(
    mut worker: ScanWorker,
    rows: Rows,
    ranges: impl IdRanges,
    mut sink: WorkerSink,
) -> Result<ScanWorker> {
    {
        let connection = worker.transaction.connection()?;
        let mut handle = connection.lock_handle().await.map_err(Error::sqlx(READING))?;
        let mut statement = rows.prepare_range(&mut handle)?;
        for range in ranges {
            scan_range(&mut statement, &rows, &range, &mut sink).await?;
            sink.end_range().await?;
        }
    }
    Ok(worker)
}

async fn scan_range(
    statement: &mut Statement<'_>,
    rows: &Rows,
    range: &RangeInclusive<i64>,
    sink: &mut impl Sink,
) -> Result<()> {
    statement.reset();
    for (position, id) in [range.start(), range.end()].into_iter().enumerate() {
        statement.bind(position, &Bound::Integer(*id)).map_err(failed)?;
    }
    rows.read(statement, sink).await
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
    async fn end_range(&mut self) -> Result<()> {
        self.chunk.ends_range = true;
        self.send().await
    }

    async fn send(&mut self) -> Result<()> {
        let next = ScanChunk {
            bytes: self.recycled.try_recv().unwrap_or_default(),
            ..ScanChunk::default()
        };
        let chunk = std::mem::replace(&mut self.chunk, next);
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

/// Divides a table into at most `number` id ranges of equal width. Where ids are missing, ranges have fewer rows.
pub(super) fn id_ranges(
    handle: &mut LockedSqliteHandle<'_>,
    table: Table,
    number: u64,
) -> Result<impl IdRanges + use<>> {
    let sql = format!("SELECT (SELECT min(id) FROM {table}), (SELECT max(id) FROM {table})");
    let mut statement = Statement::prepare(handle, &sql).map_err(failed)?;
    let row = statement.step().map_err(failed)?;
    let ranges = match row.map(|row| (row.value(0), row.value(1))) {
        Some((Value::Integer(least), Value::Integer(most))) => Some(ranges(least, most, number)),
        _ => None,
    };
    Ok(ranges.into_iter().flatten())
}

fn ranges(least: i64, most: i64, number: u64) -> impl IdRanges + use<> {
    let most = i128::from(most);
    let width = (most - i128::from(least)) / i128::from(number.max(1)) + 1;
    // All numbers lie between two ids.
    let id = |number: i128| i64::try_from(number).unwrap_or(i64::MAX);
    let starts = std::iter::successors(Some(i128::from(least)), move |start| Some(start + width));
    starts
        .take_while(move |start| *start <= most)
        .map(move |start| id(start)..=id(most.min(start + width - 1)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use sea_orm::sqlx::sqlite::SqliteConnectOptions;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn worker_does_not_join_after_a_commit() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("school.db"))
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        pool.execute("CREATE TABLE t (n); INSERT INTO t VALUES (1)")
            .await
            .unwrap();
        let permits = Arc::new(Semaphore::new(1));
        let waiting = async || {
            let permit = permits.clone().try_acquire_owned().unwrap();
            PendingWorker::new(&pool, permit, 1).await.unwrap()
        };

        let worker = waiting().await;
        let mut first = pool.begin().await.unwrap();
        first.fetch_one("SELECT n FROM t").await.unwrap();
        worker
            .join()
            .await
            .unwrap()
            .expect("nothing has happened")
            .end()
            .await
            .unwrap();

        for update_after_the_first in [false, true] {
            let worker = waiting().await;
            let mut first = pool.begin().await.unwrap();
            if update_after_the_first {
                first.fetch_one("SELECT n FROM t").await.unwrap();
            }
            pool.execute("UPDATE t SET n = n + 1").await.unwrap();
            first.fetch_one("SELECT n FROM t").await.unwrap();
            assert!(worker.join().await.unwrap().is_none(), "{update_after_the_first}");
        }
        assert_eq!(permits.available_permits(), 1);
    }

    proptest! {
        #[test]
        fn every_id_is_in_exactly_one_range(
            one: i64,
            other: i64,
            near in 0u64..100,
            number in 1u64..50,
        ) {
            for (least, most) in [
                (one.min(other), one.max(other)),
                (one, one.saturating_add_unsigned(near)),
                (i64::MIN, i64::MAX),
            ] {
                let ranges: Vec<_> = ranges(least, most, number).collect();
                prop_assert!(ranges.len() as u64 <= number);
                prop_assert_eq!(ranges.first().map(|range| *range.start()), Some(least));
                prop_assert_eq!(ranges.last().map(|range| *range.end()), Some(most));
                for range in &ranges {
                    prop_assert!(!range.is_empty());
                }
                for pair in ranges.windows(2) {
                    prop_assert_eq!(pair[0].end().checked_add(1), Some(*pair[1].start()));
                }
            }
        }
    }
}
