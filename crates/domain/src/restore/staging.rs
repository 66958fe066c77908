//! The staging database: a temporary database with the live rows and an archive's rows, so that SQL can compare them.
//!
//! It is SQLite for every live engine: queries have the same results everywhere, memory does not grow with the rows, and the
//! live database only has to give its rows. For each table `l_...` has the live rows and `a_...` the archive's. Values are
//! stored in a small form in which equal values are identical: money in hundredths, dates in days, times in microseconds. No
//! column has a type, so that SQLite converts no value.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use campus_backup_archive::{Cell, Kind, Reader, Summary, Writer};
use chrono::{DateTime, Datelike as _, NaiveDate};
use futures_util::TryStreamExt as _;
use rust_decimal::Decimal;
use sea_orm::sqlx::sqlite::{
    LockedSqliteHandle, SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteRow, SqliteSynchronous,
};
use sea_orm::sqlx::{
    self, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, FromRow, SqliteConnection,
};
use uuid::Uuid;

use crate::catalog::{Column, FOREIGN_KIND, MAX_COLUMNS, Table, cells};
use crate::change::RowStream;
use crate::database::{Database, Engine};
use crate::error::{Error, Result};
use crate::export;
use crate::job::Progress;
use crate::open::{Archived, cents};
use crate::snapshot::{Selection, Sink, Snapshot};
use crate::statement::{BoundValue, Statement, StatementError, StatementValue};

/// What is being done, for errors.
const DOING: &str = "comparing an archive with the live data";

const PREFIX: &str = "restore-";
const SUFFIX: &str = ".db";

/// The staging database. Its file is unlinked as soon as it is open, so that nothing is left after a crash.
pub(crate) struct Staging {
    connection: SqliteConnection,
    /// The engine of the archive's native values, if it has any.
    native_of: Option<Engine>,
}

/// Which rows a table of the staging database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowSource {
    Live,
    Archive,
}

impl RowSource {
    pub(crate) fn table(self, table: Table) -> String {
        match self {
            Self::Live => format!("l_{table}"),
            Self::Archive => format!("a_{table}"),
        }
    }
}

/// A name for the file before it is unlinked.
fn name() -> String {
    format!("{PREFIX}{}{SUFFIX}", Uuid::now_v7().simple())
}

/// Whether a file name is one of [`name`]. A file that keeps it longer than a moment was left by a killed process.
pub(crate) fn is_name(name: &str) -> bool {
    let id = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    id.is_some_and(|id| id.len() == 32 && Uuid::try_parse(id).is_ok())
}

impl Staging {
    /// Opens an empty staging database in a folder, which must have room for the live rows and the archive's. Its file is
    /// removed when it is closed.
    pub(crate) async fn open(folder: &Path) -> Result<Self> {
        Self::unlinked(folder, None).await
    }

    /// Opens an empty staging database that can also read the tables of a [saved](Self::save) one. A table of this one hides a
    /// table of the other with the same name.
    pub(crate) async fn beside(folder: &Path, saved: &Path) -> Result<Self> {
        Self::unlinked(folder, Some(saved)).await
    }

    /// Creates an empty staging database in a new file, which stays.
    pub(crate) async fn create(path: &Path) -> Result<Self> {
        Self::at(path, None).await
    }

    /// Closes a staging database that was [created](Self::create), so that another one can [read](Self::beside) its tables.
    pub(crate) async fn save(mut self) -> Result<()> {
        self.run("COMMIT").await?;
        self.connection.close().await.map_err(Error::sqlx(DOING))
    }

    async fn unlinked(folder: &Path, saved: Option<&Path>) -> Result<Self> {
        let path = folder.join(name());
        let staging = Self::at(&path, saved).await;
        std::fs::remove_file(&path).map_err(Error::io(DOING))?;
        staging
    }

    async fn at(path: &Path, saved: Option<&Path>) -> Result<Self> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        made.map_err(Error::io(DOING))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .locking_mode(SqliteLockingMode::Exclusive)
            .foreign_keys(false)
            .pragma("cache_size", "-8000")
            .disable_statement_logging();
        let mut staging = Self {
            connection: options.connect().await.map_err(Error::sqlx(DOING))?,
            native_of: None,
        };
        if let Some(saved) = saved {
            let attach = sqlx::query("ATTACH ? AS saved").bind(saved.to_string_lossy().into_owned());
            attach
                .execute(&mut staging.connection)
                .await
                .map_err(Error::sqlx(DOING))?;
        }
        // A transaction that is never committed is written to disk only when memory is full. If it began with a lock, it would lock
        // the saved database, too.
        staging
            .run(if saved.is_none() { "BEGIN IMMEDIATE" } else { "BEGIN" })
            .await?;
        Ok(staging)
    }

    pub(crate) async fn run(&mut self, sql: &str) -> Result<u64> {
        let done = self
            .connection
            .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .await;
        Ok(done.map_err(Error::sqlx(DOING))?.rows_affected())
    }

    /// The one number that a query returns; 0 for NULL.
    pub(crate) async fn number(&mut self, sql: &str) -> Result<i64> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.connection);
        let number: Option<i64> = number.await.map_err(Error::sqlx(DOING))?;
        Ok(number.unwrap_or_default())
    }

    /// The first number that a query returns, if there is one.
    pub(crate) async fn first(&mut self, sql: &str) -> Result<Option<i64>> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut self.connection);
        number.await.map_err(Error::sqlx(DOING))
    }

    /// All numbers that a query returns. There must not be many.
    pub(crate) async fn numbers(&mut self, sql: &str) -> Result<Vec<i64>> {
        let numbers = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.connection);
        numbers.await.map_err(Error::sqlx(DOING))
    }

    /// Calls `row` with each row that a query returns.
    pub(crate) async fn each<R>(&mut self, sql: &str, mut row: impl FnMut(R)) -> Result<()>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let mut rows = sqlx::query_as(AssertSqlSafe(sql.to_owned())).fetch(&mut self.connection);
        while let Some(found) = rows.try_next().await.map_err(Error::sqlx(DOING))? {
            row(found);
        }
        Ok(())
    }

    /// Creates both tables of a table, empty.
    pub(crate) async fn create_tables(&mut self, table: Table) -> Result<()> {
        for source in [RowSource::Live, RowSource::Archive] {
            let columns: Vec<_> = table.columns().iter().skip(1).map(|column| column.name).collect();
            let create = format!(
                "CREATE TABLE {} (id INTEGER PRIMARY KEY, {})",
                source.table(table),
                columns.join(", ")
            );
            self.run(&create).await?;
        }
        Ok(())
    }

    /// Reads live tables, all in one snapshot, into their staging tables, and returns their summary.
    pub(crate) async fn read_live(
        &mut self,
        database: &Database,
        tables: &[Table],
        progress: &Progress,
    ) -> Result<Summary> {
        let mut snapshot = Snapshot::take_for_work(database, tables).await?;
        let header = export::header(snapshot.taken_at(), "", "", tables);
        let mut json = Vec::new();
        let mut writer = Writer::begin(&header, &mut json);
        for table in tables {
            let mut handle = self.connection.lock_handle().await.map_err(Error::sqlx(DOING))?;
            writer.begin_table(&mut json);
            let mut sink = StagingSink {
                inserter: RowInserter::prepare(&mut handle, RowSource::Live, *table)?,
                writer: &mut writer,
                json: &mut json,
                progress,
                unreported: 0,
            };
            snapshot.read(*table, Selection::Columns, &mut sink).await?;
            progress.advance(sink.unreported)?;
            writer.end_table(&mut json);
            json.clear();
        }
        snapshot.end().await?;
        Ok(writer.finish(&mut json))
    }

    /// Reads the current table of an archive's reader into its staging table; only one student's rows if `student` is set.
    pub(crate) async fn read_archive(
        &mut self,
        reader: &mut Reader<'_>,
        table: Table,
        student: Option<i64>,
        progress: &Progress,
    ) -> Result<()> {
        let key = match table {
            Table::Students => Some(0),
            _ => table.columns().iter().position(|column| column.name == "student_id"),
        };
        let only = student.zip(key);
        let mut handle = self.connection.lock_handle().await.map_err(Error::sqlx(DOING))?;
        let mut inserter = RowInserter::prepare(&mut handle, RowSource::Archive, table)?;
        let mut rows = Archived::new(reader, table, progress);
        let engine = rows.engine();
        loop {
            let mut cells = cells();
            if !rows.next(&mut cells)? {
                return Ok(());
            }
            if cells.iter().any(|cell| matches!(cell, Cell::Native(_))) {
                self.native_of = engine;
            }
            if only.is_none_or(|(student, key)| cells[key] == Cell::Integer(student)) {
                inserter.insert(&cells[..table.columns().len()])?;
            }
        }
    }

    /// The engine of the archive's native values, if there are any.
    pub(crate) fn native_of(&self) -> Option<Engine> {
        self.native_of
    }

    /// Locks the connection while a statement reads rows.
    ///
    /// It first waits until the driver's thread has the connection back from the lock before. Each lock sends a command to that
    /// thread. On a busy machine many locks in succession would fill the queue of commands, and the one that waits for room
    /// in it would already hold the lock that the thread waits for.
    pub(crate) async fn lock(&mut self) -> Result<LockedSqliteHandle<'_>> {
        self.connection.ping().await.map_err(Error::sqlx(DOING))?;
        self.connection.lock_handle().await.map_err(Error::sqlx(DOING))
    }
}

/// Inserts rows into one staging table.
struct RowInserter<'h> {
    statement: Statement<'h>,
    table: Table,
}

impl<'h> RowInserter<'h> {
    fn prepare(handle: &'h mut LockedSqliteHandle<'_>, source: RowSource, table: Table) -> Result<Self> {
        let places = vec!["?"; table.columns().len()].join(", ");
        let insert = format!("INSERT INTO {} VALUES ({places})", source.table(table));
        let statement = Statement::prepare(handle, &insert).map_err(failed)?;
        Ok(Self { statement, table })
    }

    fn insert(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        for (position, cell) in cells.iter().enumerate() {
            let bound = staged(cell).map_err(|problem| Error::Unexportable {
                table: self.table,
                row: if let Cell::Integer(id) = cells[0] { id } else { 0 },
                column: self.table.columns()[position].name,
                problem: problem.to_owned(),
            })?;
            self.statement.bind(position, &bound).map_err(failed)?;
        }
        self.statement.run().map_err(failed)
    }
}

/// A value as it is in a staging table.
///
/// # Errors
/// Why an amount has no such form.
pub(crate) fn staged<'a>(cell: &Cell<'a>) -> Result<BoundValue<'a>, &'static str> {
    Ok(match cell {
        Cell::Null => BoundValue::Null,
        Cell::Integer(value) => BoundValue::Integer(*value),
        Cell::Boolean(value) => BoundValue::Integer((*value).into()),
        Cell::Text(text) => BoundValue::Text(text.as_bytes()),
        Cell::Decimal(value) => BoundValue::Integer(cents(*value)?),
        Cell::Date(date) => BoundValue::Integer(date.num_days_from_ce().into()),
        Cell::Timestamp(time) => BoundValue::Integer(time.timestamp_micros()),
        // Only native values are blobs.
        Cell::Native(text) => BoundValue::Blob(text.as_bytes()),
        Cell::Real(_) | Cell::Real32(_) | Cell::Datetime(_) | Cell::Bytes(_) | Cell::Stored(_) => {
            return Err(FOREIGN_KIND);
        }
    })
}

/// Inserts live rows, and makes a summary of them at the same time.
struct StagingSink<'a, 'h> {
    inserter: RowInserter<'h>,
    writer: &'a mut Writer,
    json: &'a mut Vec<u8>,
    progress: &'a Progress,
    unreported: u64,
}

impl Sink for StagingSink<'_, '_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.writer.row(cells, self.json);
        self.json.clear();
        self.unreported += 1;
        self.inserter.insert(cells)
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        self.progress.advance(std::mem::take(&mut self.unreported))
    }
}

/// Rows of the staging database, by a query whose columns are those of a table.
pub(crate) struct StagedRows<'h> {
    statement: Statement<'h>,
    table: Table,
    has_ended: bool,
}

impl<'h> StagedRows<'h> {
    pub(crate) fn prepare(handle: &'h mut LockedSqliteHandle<'_>, table: Table, sql: &str) -> Result<Self> {
        let statement = Statement::prepare(handle, sql).map_err(failed)?;
        Ok(Self {
            statement,
            table,
            has_ended: false,
        })
    }
}

impl RowStream for StagedRows<'_> {
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MAX_COLUMNS]) -> Result<bool> {
        // Another step of a statement that has ended would begin again.
        if self.has_ended {
            return Ok(false);
        }
        let Some(row) = self.statement.step().map_err(failed)? else {
            self.has_ended = true;
            return Ok(false);
        };
        for (position, column) in self.table.columns().iter().enumerate() {
            let cell = cell(column, row.value(position));
            cells[position] = cell.ok_or_else(|| Error::internal(DOING)("a row was read back with other types"))?;
        }
        Ok(true)
    }
}

/// A value of a staging table as the value of a column; none if it is of another kind.
pub(crate) fn cell<'a>(column: &Column, value: StatementValue<'a>) -> Option<Cell<'a>> {
    Some(match (column.kind, value) {
        (_, StatementValue::Null) => Cell::Null,
        (_, StatementValue::Blob(text)) => Cell::Native(str::from_utf8(text).ok()?),
        (Kind::Text, StatementValue::Text(text)) => Cell::Text(str::from_utf8(text).ok()?),
        (Kind::Integer, StatementValue::Integer(value)) => Cell::Integer(value),
        (Kind::Boolean, StatementValue::Integer(value)) => Cell::Boolean(value != 0),
        (Kind::Decimal, StatementValue::Integer(value)) => Cell::Decimal(Decimal::new(value, 2)),
        (Kind::Date, StatementValue::Integer(value)) => {
            Cell::Date(NaiveDate::from_num_days_from_ce_opt(i32::try_from(value).ok()?)?)
        }
        (Kind::Timestamp, StatementValue::Integer(value)) => Cell::Timestamp(DateTime::from_timestamp_micros(value)?),
        _ => return None,
    })
}

/// The error of a statement on a staging table.
pub(crate) fn failed(failure: StatementError) -> Error {
    Error::sqlite(DOING, failure.code, failure)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    /// Sets a flag when it is dropped, also by a failure.
    struct StopOnDrop<'a>(&'a AtomicBool);

    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn many_locks_in_succession_do_not_wait_for_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let has_ended = AtomicBool::new(false);
        let cores = std::thread::available_parallelism().unwrap().get();
        std::thread::scope(|scope| {
            let _stop = StopOnDrop(&has_ended);
            // The driver's thread has to wait for its turn.
            for _ in 0..4 * cores {
                scope.spawn(|| {
                    while !has_ended.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let locked = runtime.block_on(async {
                let mut staging = Staging::open(folder.path()).await.unwrap();
                tokio::time::timeout(Duration::from_secs(60), async {
                    for _ in 0..200 {
                        drop(staging.lock().await.unwrap());
                    }
                })
                .await
            });
            assert!(locked.is_ok(), "a lock waits for itself");
        });
    }
}
