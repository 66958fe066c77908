//! The one place that reads rows in bulk: one consistent moment of the whole database, in memory that does not grow
//! with the number of rows.
//!
//! [`Snapshot`] is the moment; [`Sink`] is whatever takes the rows. Each engine has its fast path, which looks at values
//! where the driver has them: [`sqlite`], [`postgres`], [`mysql`]. [`pages`] reads the same through the ORM, page by
//! page; it is the reference that the fast paths are tested against.

mod fields;
pub(crate) mod mysql;
mod pages;
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

/// How many rows are read between two looks at whether there is enough to hand on.
const ROWS_PER_FLUSH_CHECK: u64 = 64;

/// Which values of a row are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every column of the table, as an archive has them.
    Columns,
    /// What a person's copy shows, see [`Table::export_columns`].
    ExportColumns(NameColumns),
}

/// The id of a row, which is the first of its cells; 0 if even that can't be read.
fn id_of(cells: &[Cell<'_>]) -> i64 {
    match cells.first() {
        Some(Cell::Integer(id)) => *id,
        _ => 0,
    }
}

/// What takes the rows of a snapshot.
pub trait Sink: Send {
    /// Takes one row. The cells stand in the order of the selection.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()>;

    /// Takes the error of a row with a value that no cell can hold. Reading ends with it, unless the sink looks for all of them
    /// and answers that it may go on.
    fn unreadable(&mut self, error: Error) -> Result<()> {
        Err(error)
    }

    /// Called every few rows: hands on what has gathered, if it is enough, and waits while nobody takes it.
    fn flush_if_full(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// A sink whose rows may have the same bytes wherever they stand, so that two threads can share the work.
pub trait ParallelSink: Sink {
    /// What writes them on the other thread; nothing if they depend on each other after all.
    fn encoder(&self) -> Option<RowEncoder>;

    /// Takes the next rows as an [`encoder`](ParallelSink::encoder) wrote them, one after the other.
    fn append_encoded(&mut self, rows: u64, bytes: &[u8]);
}

/// Appends the bytes of one row.
pub type RowEncoder = Box<dyn FnMut(&[Cell<'_>], &mut Vec<u8>) -> Result<()> + Send>;

/// How rows are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadStrategy {
    /// As fast as the engine gives them.
    #[default]
    Native,
    /// The same by two threads, in turns of about so many rows, where the engine can and a core is left for it: see
    /// [`Snapshot::read_parallel`].
    Parallel(u64),
    /// Through the ORM: the reference.
    Paged,
}

/// One moment of the whole database, seen while others go on writing.
///
/// It holds one connection of the pool that is kept for readers, or two, and a place among them, until it is dropped.
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
    Paged(pages::PagedReader),
}

impl Snapshot {
    /// Takes a snapshot for reading these tables. Its moment is the one at which their rows were counted.
    ///
    /// # Errors
    /// [`TooManyDownloads`](crate::Error::TooManyDownloads) if as many readers as the settings allow are at work.
    pub async fn take(database: &Database, strategy: ReadStrategy, tables: &[Table]) -> Result<Self> {
        Self::begin(database, strategy, tables, database.reader_permit().await?).await
    }

    /// The same for the service's own work, which waits for its turn among its like and not among the downloads.
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
        let mut reader = match (strategy, engine) {
            (ReadStrategy::Paged, _) => SnapshotReader::Paged(pages::PagedReader::begin(database).await?),
            (ReadStrategy::Native | ReadStrategy::Parallel(_), Engine::Sqlite) => {
                let pair = match strategy {
                    ReadStrategy::Parallel(rows_in_a_turn) => {
                        database.pair_permit().map(|permit| (permit, rows_in_a_turn))
                    }
                    ReadStrategy::Native | ReadStrategy::Paged => None,
                };
                SnapshotReader::Sqlite(sqlite::SqliteReader::begin(pool.get_sqlite_connection_pool(), pair).await?)
            }
            (ReadStrategy::Native | ReadStrategy::Parallel(_), Engine::Postgres) => {
                SnapshotReader::Postgres(postgres::PostgresReader::begin(pool.get_postgres_connection_pool()).await?)
            }
            (ReadStrategy::Native | ReadStrategy::Parallel(_), Engine::Mysql) => {
                SnapshotReader::Mysql(mysql::MysqlReader::begin(pool.get_mysql_connection_pool()).await?)
            }
        };
        let generated_at = stats::now();
        let rows = match &mut reader {
            SnapshotReader::Sqlite(reader) => reader.count(tables).await?,
            SnapshotReader::Postgres(reader) => reader.count(tables).await?,
            SnapshotReader::Mysql(reader) => reader.count(tables).await?,
            SnapshotReader::Paged(reader) => reader.count().await?,
        };
        Ok(Self {
            reader,
            engine,
            stats: Stats { rows, generated_at },
            permit: Arc::new(permit),
        })
    }

    /// Its place among the readers. Whoever keeps it has it for longer than the snapshot.
    pub(crate) fn permit(&self) -> Arc<OwnedSemaphorePermit> {
        self.permit.clone()
    }

    /// The engine that it is read from.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// When it was taken.
    pub fn taken_at(&self) -> DateTime<Utc> {
        self.stats.generated_at
    }

    /// How many rows its tables have together.
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
            SnapshotReader::Paged(reader) => reader.read(table, selection, sink).await,
        }
    }

    /// The same, by two threads if it was taken for that, a second one has joined, and the sink can share the work.
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

    /// Ends it and gives its connection back. One that is dropped instead, because something failed or nobody reads
    /// any more, loses its connection where the driver could not use it again at once.
    pub async fn end(self) -> Result<()> {
        match self.reader {
            SnapshotReader::Sqlite(reader) => reader.end().await,
            SnapshotReader::Postgres(reader) => reader.end().await,
            SnapshotReader::Mysql(reader) => reader.end().await,
            SnapshotReader::Paged(reader) => reader.end().await,
        }
    }
}
