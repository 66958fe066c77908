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
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions as _, Executor as _, FromRow, SqliteConnection};
use uuid::Uuid;

use crate::catalog::{Column, MAX_COLUMNS, Table, cells};
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
pub(super) struct Staging {
    connection: SqliteConnection,
    /// The engine of the archive's native values, if it has any.
    native_of: Option<Engine>,
}

/// Which rows a table of the staging database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowSource {
    Live,
    Archive,
}

impl RowSource {
    pub(super) fn table(self, table: Table) -> String {
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
    /// Opens an empty staging database in a folder, which must have room for the live rows and the archive's.
    pub(super) async fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(name());
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        made.map_err(Error::io(DOING))?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .locking_mode(SqliteLockingMode::Exclusive)
            .foreign_keys(false)
            .pragma("cache_size", "-8000")
            .disable_statement_logging();
        let opened = options.connect().await.map_err(Error::sqlx(DOING));
        let mut staging = opened.map(|connection| Self {
            connection,
            native_of: None,
        });
        if let Ok(staging) = &mut staging {
            // A transaction that is never committed is written to disk only when memory is full.
            staging.run("BEGIN IMMEDIATE").await?;
        }
        std::fs::remove_file(&path).map_err(Error::io(DOING))?;
        staging
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<u64> {
        let done = self
            .connection
            .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .await;
        Ok(done.map_err(Error::sqlx(DOING))?.rows_affected())
    }

    /// The one number that a query returns; 0 for NULL.
    pub(super) async fn number(&mut self, sql: &str) -> Result<i64> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.connection);
        let number: Option<i64> = number.await.map_err(Error::sqlx(DOING))?;
        Ok(number.unwrap_or_default())
    }

    /// The first number that a query returns, if there is one.
    pub(super) async fn first(&mut self, sql: &str) -> Result<Option<i64>> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut self.connection);
        number.await.map_err(Error::sqlx(DOING))
    }

    /// All numbers that a query returns. There must not be many.
    pub(super) async fn numbers(&mut self, sql: &str) -> Result<Vec<i64>> {
        let numbers = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.connection);
        numbers.await.map_err(Error::sqlx(DOING))
    }

    /// Calls `row` with each row that a query returns.
    pub(super) async fn each<R>(&mut self, sql: &str, mut row: impl FnMut(R)) -> Result<()>
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
    pub(super) async fn create_tables(&mut self, table: Table) -> Result<()> {
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
    pub(super) async fn read_live(
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
    pub(super) async fn read_archive(
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
    pub(super) fn native_of(&self) -> Option<Engine> {
        self.native_of
    }

    /// Locks the connection while a statement reads rows.
    pub(super) async fn lock(&mut self) -> Result<LockedSqliteHandle<'_>> {
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
            let bound = match cell {
                Cell::Null => BoundValue::Null,
                Cell::Integer(value) => BoundValue::Integer(*value),
                Cell::Boolean(value) => BoundValue::Integer((*value).into()),
                Cell::Text(text) => BoundValue::Text(text.as_bytes()),
                Cell::Decimal(value) => BoundValue::Integer(cents(*value).map_err(|problem| Error::Unexportable {
                    table: self.table,
                    row: if let Cell::Integer(id) = cells[0] { id } else { 0 },
                    column: self.table.columns()[position].name,
                    problem: problem.to_owned(),
                })?),
                Cell::Date(date) => BoundValue::Integer(date.num_days_from_ce().into()),
                Cell::Timestamp(time) => BoundValue::Integer(time.timestamp_micros()),
                // Only native values are blobs.
                Cell::Native(text) => BoundValue::Blob(text.as_bytes()),
            };
            self.statement.bind(position, &bound).map_err(failed)?;
        }
        self.statement.run().map_err(failed)
    }
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
pub(super) struct StagedRows<'h> {
    statement: Statement<'h>,
    table: Table,
    has_ended: bool,
}

impl<'h> StagedRows<'h> {
    pub(super) fn prepare(handle: &'h mut LockedSqliteHandle<'_>, table: Table, sql: &str) -> Result<Self> {
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

fn cell<'a>(column: &Column, value: StatementValue<'a>) -> Option<Cell<'a>> {
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

fn failed(failure: StatementError) -> Error {
    Error::sqlite(DOING, failure.code, failure)
}
