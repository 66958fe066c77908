//! Reads rows in bulk: a consistent snapshot of the whole database, in memory that does not grow with the number of
//! rows.
//!
//! [`Snapshot`] is the snapshot; a [`Sink`] receives the rows. Each engine has a native reader, which reads values in
//! the driver's representation: [`sqlite`], [`postgres`], [`mysql`]. The tests compare them with a reader that parses
//! the engine's own texts.

mod fields;
pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::sync::Arc;

use campus_backup_archive::Cell;
use chrono::{DateTime, Utc};
use tokio::sync::OwnedSemaphorePermit;

use crate::catalog::{NameColumns, Table};
use crate::database::{Database, Engine};
use crate::error::{Error, Result};
use crate::stats::{self, Stats};

/// How many rows are read between two checks whether a chunk is full.
const ROWS_PER_FLUSH_CHECK: u64 = 64;

/// Which values of a row are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every column of the table, as an archive has them.
    Columns,
    /// The columns of a CSV or XLSX file, see [`Table::export_columns`].
    ExportColumns(NameColumns),
}

/// The id of a row, which is its first cell; 0 if it can't be read.
fn id_of(cells: &[Cell<'_>]) -> i64 {
    match cells.first() {
        Some(Cell::Integer(id)) => *id,
        _ => 0,
    }
}

/// Receives the rows of a snapshot.
pub trait Sink: Send {
    /// Receives one row. The cells have the order of the selection.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()>;

    /// Receives the error of a row with a value that no cell can hold. By default reading ends with it; a sink that
    /// collects such rows returns `Ok` to continue.
    fn unreadable(&mut self, error: Error) -> Result<()> {
        Err(error)
    }

    /// Called every few rows: sends the buffer if it is full, and waits while the receiver is slow.
    fn flush_if_full(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// A sink that two threads can fill, because a row has the same bytes wherever it is.
pub trait ParallelSink: Sink {
    /// The encoder for the other thread; none if rows depend on each other.
    fn encoder(&self) -> Option<RowEncoder>;

    /// Receives the next rows, as an [`encoder`](ParallelSink::encoder) wrote them.
    fn append_encoded(&mut self, rows: u64, bytes: &[u8]);
}

/// Appends the bytes of one row.
pub type RowEncoder = Box<dyn FnMut(&[Cell<'_>], &mut Vec<u8>) -> Result<()> + Send>;

/// How rows are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadStrategy {
    /// With the native reader of the engine.
    #[default]
    Native,
    /// With two threads, in alternate ranges of about this many rows, where the engine supports it and a core is free:
    /// see [`Snapshot::read_parallel`].
    Parallel(u64),
}

/// A consistent snapshot of the whole database; other transactions continue to write.
///
/// It holds one or two connections of the pool for readers, and a permit, until it is dropped.
#[derive(Debug)]
pub struct Snapshot {
    reader: SnapshotReader,
    engine: Engine,
    stats: Stats,
    permit: Arc<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum SnapshotReader {
    Sqlite(sqlite::SqliteReader),
    Postgres(postgres::PostgresReader),
    Mysql(mysql::MysqlReader),
}

impl Snapshot {
    /// Takes a snapshot for reading these tables, as of the time when their rows are counted.
    ///
    /// # Errors
    /// [`TooManyDownloads`](crate::Error::TooManyDownloads) if as many readers as the settings allow are active.
    pub async fn take(database: &Database, strategy: ReadStrategy, tables: &[Table]) -> Result<Self> {
        Self::begin(database, strategy, tables, database.reader_permit().await?).await
    }

    /// Takes a snapshot for a job, which waits for other jobs and not for downloads.
    pub async fn take_for_work(database: &Database, tables: &[Table]) -> Result<Self> {
        Self::begin(database, ReadStrategy::Native, tables, database.worker_permit().await?).await
    }

    async fn begin(
        database: &Database,
        strategy: ReadStrategy,
        tables: &[Table],
        permit: OwnedSemaphorePermit,
    ) -> Result<Self> {
        let pool = database.readers();
        let engine = database.engine();
        let mut reader = match engine {
            Engine::Sqlite => {
                let parallel = match strategy {
                    ReadStrategy::Parallel(rows_per_range) => {
                        database.parallel_permit().map(|permit| (permit, rows_per_range))
                    }
                    ReadStrategy::Native => None,
                };
                SnapshotReader::Sqlite(sqlite::SqliteReader::begin(pool.get_sqlite_connection_pool(), parallel).await?)
            }
            Engine::Postgres => {
                SnapshotReader::Postgres(postgres::PostgresReader::begin(pool.get_postgres_connection_pool()).await?)
            }
            Engine::Mysql => SnapshotReader::Mysql(mysql::MysqlReader::begin(pool.get_mysql_connection_pool()).await?),
        };
        let generated_at = stats::now();
        let rows = match &mut reader {
            SnapshotReader::Sqlite(reader) => reader.count(tables).await?,
            SnapshotReader::Postgres(reader) => reader.count(tables).await?,
            SnapshotReader::Mysql(reader) => reader.count(tables).await?,
        };
        Ok(Self {
            reader,
            engine,
            stats: Stats { rows, generated_at },
            permit: Arc::new(permit),
        })
    }

    /// Its permit. A clone keeps it beyond the end of the snapshot.
    pub(crate) fn permit(&self) -> Arc<OwnedSemaphorePermit> {
        self.permit.clone()
    }

    /// The engine of the database.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// When it was taken.
    pub fn taken_at(&self) -> DateTime<Utc> {
        self.stats.generated_at
    }

    /// The number of rows of its tables.
    pub fn total(&self) -> u64 {
        self.stats.total()
    }

    /// How many rows one of its tables has.
    pub fn rows_of(&self, table: Table) -> u64 {
        self.stats.of(table)
    }

    /// Reads all rows of a table, in the order of their ids.
    pub async fn read(&mut self, table: Table, selection: Selection, sink: &mut impl Sink) -> Result<()> {
        match &mut self.reader {
            SnapshotReader::Sqlite(reader) => reader.read(table, selection, sink).await,
            SnapshotReader::Postgres(reader) => reader.read(table, selection, sink).await,
            SnapshotReader::Mysql(reader) => reader.read(table, selection, sink).await,
        }
    }

    /// Reads all rows of a table with two threads. It uses one if the snapshot has no second connection, or if the
    /// sink's rows depend on each other.
    pub async fn read_parallel(
        &mut self,
        table: Table,
        selection: Selection,
        sink: &mut impl ParallelSink,
    ) -> Result<()> {
        let rows = self.rows_of(table);
        match &mut self.reader {
            SnapshotReader::Sqlite(reader) => reader.read_parallel(table, rows, selection, sink).await,
            _ => self.read(table, selection, sink).await,
        }
    }

    /// Ends the snapshot and returns its connection. If it is dropped instead, a connection that the driver can't reuse
    /// at once is closed.
    pub async fn end(self) -> Result<()> {
        match self.reader {
            SnapshotReader::Sqlite(reader) => reader.end().await,
            SnapshotReader::Postgres(reader) => reader.end().await,
            SnapshotReader::Mysql(reader) => reader.end().await,
        }
    }
}
