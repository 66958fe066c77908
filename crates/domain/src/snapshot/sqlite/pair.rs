//! Two threads that read one table in turns, each on a connection of its own, both at the same moment.
//!
//! SQLite can't hand the moment of one connection to another: `sqlite3_snapshot_open` is left out of ordinary builds. So
//! it is proven that they are the same. The second connection asks for its `data_version` before the first one's moment,
//! and again in its own transaction after it; the number is the same only if nobody has committed anything in between
//! (<https://www.sqlite.org/pragma.html#pragma_data_version>). If somebody has, the first reads alone.

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

const JOINING: &str = "beginning the second half of a snapshot";

/// How many pieces of the second thread may wait, beside the one that it has in hand.
const QUEUE: usize = 2;

/// How many bytes the second thread hands over at once, if a part has that many.
const PIECE: usize = 64 * 1024;

/// A second connection, before the moment of the first.
#[derive(Debug)]
pub(super) struct Waiting {
    connection: PoolConnection<Sqlite>,
    version: i64,
    permit: OwnedSemaphorePermit,
    rows_in_a_turn: u64,
}

/// A second connection, at the moment of the first.
#[derive(Debug)]
pub(super) struct Second {
    held: TxConnection<Sqlite>,
    _permit: OwnedSemaphorePermit,
    rows_in_a_turn: u64,
}

impl Waiting {
    pub(super) async fn new(pool: &SqlitePool, permit: OwnedSemaphorePermit, rows_in_a_turn: u64) -> Result<Self> {
        let mut connection = pool.acquire().await.map_err(Error::sqlx(JOINING))?;
        let version = data_version(&mut connection).await?;
        Ok(Self {
            connection,
            version,
            permit,
            rows_in_a_turn: rows_in_a_turn.max(1),
        })
    }

    /// Whether a table of so many rows has more than one turn.
    pub(super) fn is_needed_for(&self, rows: u64) -> bool {
        rows > self.rows_in_a_turn
    }

    /// Begins its transaction; nothing if that has another moment.
    pub(super) async fn join(self) -> Result<Option<Second>> {
        let mut held = TxConnection::new(self.connection);
        let connection = held.connection()?;
        connection.execute("BEGIN").await.map_err(Error::sqlx(JOINING))?;
        if data_version(connection).await? == self.version {
            Ok(Some(Second {
                held,
                _permit: self.permit,
                rows_in_a_turn: self.rows_in_a_turn,
            }))
        } else {
            held.end(JOINING).await?;
            Ok(None)
        }
    }
}

impl Second {
    /// How many turns a table of so many rows has.
    pub(super) fn turns(&self, rows: u64) -> u64 {
        rows.div_ceil(self.rows_in_a_turn)
    }

    pub(super) async fn end(self) -> Result<()> {
        self.held.end("ending a snapshot").await
    }
}

/// Inside a transaction that has no moment yet, this is its first read, which gives it one.
async fn data_version(connection: &mut SqliteConnection) -> Result<i64> {
    let asked = sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await;
    asked.map_err(Error::sqlx(JOINING))
}

/// The parts of a table, in the order of their ids.
pub(super) trait Parts: Iterator<Item = RangeInclusive<i64>> + Clone + Send + 'static {}

impl<T: Iterator<Item = RangeInclusive<i64>> + Clone + Send + 'static> Parts for T {}

/// Reads all rows: every other part on this thread, and those between on another, which gives the second connection back.
pub(super) async fn read(
    first: &mut LockedSqliteHandle<'_>,
    second: Second,
    rows: Rows,
    parts: impl Parts,
    encoder: RowEncoder,
    sink: &mut impl ParallelSink,
) -> Result<Second> {
    let (queue, mut pieces) = mpsc::channel::<Piece>(QUEUE);
    let (empty, emptied) = mpsc::channel(QUEUE + 1);
    let ahead = Ahead {
        encoder,
        piece: Piece::default(),
        queue,
        emptied,
    };
    let of_second = parts.clone().skip(1).step_by(2);
    let runtime = Handle::current();
    let reading = priority::run(Priority::Usual, READING, {
        let rows = rows.clone();
        move || runtime.block_on(read_ahead(second, rows, of_second, ahead))
    });
    let mut statement = rows.prepare_part(first)?;
    'parts: for (turn, part) in parts.enumerate() {
        if turn % 2 == 0 {
            read_part(&mut statement, &rows, &part, sink).await?;
            continue;
        }
        loop {
            let Some(mut piece) = pieces.recv().await else {
                break 'parts;
            };
            sink.append_encoded(piece.rows, &piece.bytes);
            piece.bytes.clear();
            // It has enough of them, or has ended.
            let _ = empty.try_send(piece.bytes);
            sink.flush_if_full().await?;
            if piece.ends_part {
                break;
            }
        }
    }
    drop(pieces);
    // What ended it early is told here.
    reading.await?
}

async fn read_ahead(mut second: Second, rows: Rows, parts: impl Parts, mut ahead: Ahead) -> Result<Second> {
    {
        let connection = second.held.connection()?;
        let mut handle = connection.lock_handle().await.map_err(Error::sqlx(READING))?;
        let mut statement = rows.prepare_part(&mut handle)?;
        for part in parts {
            read_part(&mut statement, &rows, &part, &mut ahead).await?;
            ahead.end_part().await?;
        }
    }
    Ok(second)
}

async fn read_part(
    statement: &mut Statement<'_>,
    rows: &Rows,
    part: &RangeInclusive<i64>,
    sink: &mut impl Sink,
) -> Result<()> {
    statement.reset();
    for (position, id) in [part.start(), part.end()].into_iter().enumerate() {
        statement.bind(position, &Bound::Integer(*id)).map_err(failed)?;
    }
    rows.read(statement, sink).await
}

/// What the second thread hands over.
#[derive(Default)]
struct Piece {
    rows: u64,
    bytes: Vec<u8>,
    ends_part: bool,
}

/// Where the second thread puts its rows.
struct Ahead {
    encoder: RowEncoder,
    piece: Piece,
    queue: mpsc::Sender<Piece>,
    /// Buffers that come back: memory that one thread takes and another gives up is slow to be used again.
    emptied: mpsc::Receiver<Vec<u8>>,
}

impl Ahead {
    async fn end_part(&mut self) -> Result<()> {
        self.piece.ends_part = true;
        self.send().await
    }

    async fn send(&mut self) -> Result<()> {
        let next = Piece {
            bytes: self.emptied.try_recv().unwrap_or_default(),
            ..Piece::default()
        };
        let piece = std::mem::replace(&mut self.piece, next);
        self.queue.send(piece).await.map_err(|_| Error::Gone)
    }
}

impl Sink for Ahead {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.piece.rows += 1;
        (self.encoder)(cells, &mut self.piece.bytes)
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        match self.piece.bytes.len() >= PIECE {
            true => self.send().await,
            false => Ok(()),
        }
    }
}

/// Divides a table into no more than so many parts: ranges of ids that are equally wide. Where ids are missing, parts
/// have fewer rows, and the threads have less to do at the same time.
pub(super) fn parts(handle: &mut LockedSqliteHandle<'_>, table: Table, number: u64) -> Result<impl Parts + use<>> {
    let sql = format!("SELECT (SELECT min(id) FROM {table}), (SELECT max(id) FROM {table})");
    let mut statement = Statement::prepare(handle, &sql).map_err(failed)?;
    let row = statement.step().map_err(failed)?;
    let ranges = match row.map(|row| (row.value(0), row.value(1))) {
        Some((Value::Integer(least), Value::Integer(most))) => Some(ranges(least, most, number)),
        _ => None,
    };
    Ok(ranges.into_iter().flatten())
}

fn ranges(least: i64, most: i64, number: u64) -> impl Parts + use<> {
    let most = i128::from(most);
    let width = (most - i128::from(least)) / i128::from(number.max(1)) + 1;
    // All of them lie between two ids.
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
    async fn nobody_joins_once_somebody_has_committed() {
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
            Waiting::new(&pool, permit, 1).await.unwrap()
        };

        let second = waiting().await;
        let mut first = pool.begin().await.unwrap();
        first.fetch_one("SELECT n FROM t").await.unwrap();
        second
            .join()
            .await
            .unwrap()
            .expect("nothing has happened")
            .end()
            .await
            .unwrap();

        for update_after_the_first in [false, true] {
            let second = waiting().await;
            let mut first = pool.begin().await.unwrap();
            if update_after_the_first {
                first.fetch_one("SELECT n FROM t").await.unwrap();
            }
            pool.execute("UPDATE t SET n = n + 1").await.unwrap();
            first.fetch_one("SELECT n FROM t").await.unwrap();
            assert!(second.join().await.unwrap().is_none(), "{update_after_the_first}");
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
