//! A scratch database in which live rows and an archive's lie side by side, so that SQL can compare them.
//!
//! It is SQLite whatever the live engine is: the same questions have the same answers everywhere, memory does not grow with
//! the rows, and the live data is asked for nothing but its rows. For each table there is `l_...` with the live rows and
//! `a_...` with the archive's. Values are as small as they can be and equal only if they are the same: money in
//! hundredths, dates in days, times in microseconds. No column has a type, so that SQLite changes none of them.

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
use crate::change::Rows;
use crate::database::{Database, Engine};
use crate::error::{Error, Result};
use crate::export;
use crate::job::Progress;
use crate::open::{Archived, cents};
use crate::snapshot::{Selection, Sink, Snapshot};
use crate::statement::{Bound, Failure, Statement, Value};

/// What is being done, for errors.
const DOING: &str = "comparing an archive with the live data";

const PREFIX: &str = "restore-";
const SUFFIX: &str = ".db";

/// The scratch database. Its file has no name any more once it is open, so that nothing of it is left whatever happens.
pub(super) struct Stage {
    connection: SqliteConnection,
    /// The engine of the archive's native values, if it has any.
    native_of: Option<Engine>,
}

/// Whose rows a table of the stage has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Live,
    Archive,
}

impl Side {
    pub(super) fn of(self, table: Table) -> String {
        match self {
            Self::Live => format!("l_{table}"),
            Self::Archive => format!("a_{table}"),
        }
    }
}

/// A name for the file while it has one.
fn name() -> String {
    format!("{PREFIX}{}{SUFFIX}", Uuid::now_v7().simple())
}

/// Whether it is such a name. A file that has it longer than a moment was left by a process that was killed.
pub(crate) fn is_name(name: &str) -> bool {
    let id = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    id.is_some_and(|id| id.len() == 32 && Uuid::try_parse(id).is_ok())
}

impl Stage {
    /// Opens an empty one in a folder, which must have room for the rows of both sides.
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
        let mut stage = opened.map(|connection| Self {
            connection,
            native_of: None,
        });
        if let Ok(stage) = &mut stage {
            // What is never committed need not be written before there is no room for it in memory.
            stage.run("BEGIN IMMEDIATE").await?;
        }
        std::fs::remove_file(&path).map_err(Error::io(DOING))?;
        stage
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<u64> {
        let done = self
            .connection
            .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
            .await;
        Ok(done.map_err(Error::sqlx(DOING))?.rows_affected())
    }

    /// The one number that a question is answered with; 0 for NULL.
    pub(super) async fn number(&mut self, sql: &str) -> Result<i64> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.connection);
        let number: Option<i64> = number.await.map_err(Error::sqlx(DOING))?;
        Ok(number.unwrap_or_default())
    }

    /// The first number of an answer that may have none.
    pub(super) async fn first(&mut self, sql: &str) -> Result<Option<i64>> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut self.connection);
        number.await.map_err(Error::sqlx(DOING))
    }

    /// All numbers of an answer, of which there must not be many.
    pub(super) async fn numbers(&mut self, sql: &str) -> Result<Vec<i64>> {
        let numbers = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.connection);
        numbers.await.map_err(Error::sqlx(DOING))
    }

    /// Hands on each row of an answer.
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

    /// Makes both tables of a table, empty.
    pub(super) async fn make(&mut self, table: Table) -> Result<()> {
        for side in [Side::Live, Side::Archive] {
            let columns: Vec<_> = table.columns().iter().skip(1).map(|column| column.name).collect();
            let create = format!(
                "CREATE TABLE {} (id INTEGER PRIMARY KEY, {})",
                side.of(table),
                columns.join(", ")
            );
            self.run(&create).await?;
        }
        Ok(())
    }

    /// Reads live tables, all of one moment, into their places, and says what a summary of them says.
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
            let mut sink = Live {
                place: Place::prepare(&mut handle, Side::Live, *table)?,
                writer: &mut writer,
                json: &mut json,
                progress,
                untold: 0,
            };
            snapshot.read(*table, Selection::Columns, &mut sink).await?;
            progress.advance(sink.untold)?;
            writer.end_table(&mut json);
            json.clear();
        }
        snapshot.end().await?;
        Ok(writer.finish(&mut json))
    }

    /// Reads the table on which an archive's reader stands into its place; of one student's if there is one.
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
        let mut place = Place::prepare(&mut handle, Side::Archive, table)?;
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
                place.put(&cells[..table.columns().len()])?;
            }
        }
    }

    /// The engine of the archive's native values, if there are any.
    pub(super) fn native_of(&self) -> Option<Engine> {
        self.native_of
    }

    /// Who wants to read rows holds this meanwhile.
    pub(super) async fn lock(&mut self) -> Result<LockedSqliteHandle<'_>> {
        self.connection.lock_handle().await.map_err(Error::sqlx(DOING))
    }
}

/// Where rows of a table are put.
struct Place<'h> {
    statement: Statement<'h>,
    table: Table,
}

impl<'h> Place<'h> {
    fn prepare(handle: &'h mut LockedSqliteHandle<'_>, side: Side, table: Table) -> Result<Self> {
        let places = vec!["?"; table.columns().len()].join(", ");
        let insert = format!("INSERT INTO {} VALUES ({places})", side.of(table));
        let statement = Statement::prepare(handle, &insert).map_err(failed)?;
        Ok(Self { statement, table })
    }

    fn put(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        for (position, cell) in cells.iter().enumerate() {
            let bound = match cell {
                Cell::Null => Bound::Null,
                Cell::Integer(value) => Bound::Integer(*value),
                Cell::Boolean(value) => Bound::Integer((*value).into()),
                Cell::Text(text) => Bound::Text(text.as_bytes()),
                Cell::Decimal(value) => Bound::Integer(cents(*value).map_err(|problem| Error::Unexportable {
                    table: self.table,
                    row: if let Cell::Integer(id) = cells[0] { id } else { 0 },
                    column: self.table.columns()[position].name,
                    problem: problem.to_owned(),
                })?),
                Cell::Date(date) => Bound::Integer(date.num_days_from_ce().into()),
                Cell::Timestamp(time) => Bound::Integer(time.timestamp_micros()),
                // Nothing else is a blob.
                Cell::Native(text) => Bound::Blob(text.as_bytes()),
            };
            self.statement.bind(position, &bound).map_err(failed)?;
        }
        self.statement.run().map_err(failed)
    }
}

/// Puts live rows in their place, and makes a summary of them on the way.
struct Live<'a, 'h> {
    place: Place<'h>,
    writer: &'a mut Writer,
    json: &'a mut Vec<u8>,
    progress: &'a Progress,
    untold: u64,
}

impl Sink for Live<'_, '_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.writer.row(cells, self.json);
        self.json.clear();
        self.untold += 1;
        self.place.put(cells)
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        self.progress.advance(std::mem::take(&mut self.untold))
    }
}

/// Rows of the stage, by a question whose columns are those of a table.
pub(super) struct Staged<'h> {
    statement: Statement<'h>,
    table: Table,
    ended: bool,
}

impl<'h> Staged<'h> {
    pub(super) fn prepare(handle: &'h mut LockedSqliteHandle<'_>, table: Table, sql: &str) -> Result<Self> {
        let statement = Statement::prepare(handle, sql).map_err(failed)?;
        Ok(Self {
            statement,
            table,
            ended: false,
        })
    }
}

impl Rows for Staged<'_> {
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MAX_COLUMNS]) -> Result<bool> {
        // A statement that has ended would begin again.
        if self.ended {
            return Ok(false);
        }
        let Some(row) = self.statement.step().map_err(failed)? else {
            self.ended = true;
            return Ok(false);
        };
        for (position, column) in self.table.columns().iter().enumerate() {
            let cell = cell(column, row.value(position));
            cells[position] = cell.ok_or_else(|| Error::internal(DOING)("a row came back as another"))?;
        }
        Ok(true)
    }
}

fn cell<'a>(column: &Column, value: Value<'a>) -> Option<Cell<'a>> {
    Some(match (column.kind, value) {
        (_, Value::Null) => Cell::Null,
        (_, Value::Blob(text)) => Cell::Native(str::from_utf8(text).ok()?),
        (Kind::Text, Value::Text(text)) => Cell::Text(str::from_utf8(text).ok()?),
        (Kind::Integer, Value::Integer(value)) => Cell::Integer(value),
        (Kind::Boolean, Value::Integer(value)) => Cell::Boolean(value != 0),
        (Kind::Decimal, Value::Integer(value)) => Cell::Decimal(Decimal::new(value, 2)),
        (Kind::Date, Value::Integer(value)) => {
            Cell::Date(NaiveDate::from_num_days_from_ce_opt(i32::try_from(value).ok()?)?)
        }
        (Kind::Timestamp, Value::Integer(value)) => Cell::Timestamp(DateTime::from_timestamp_micros(value)?),
        _ => return None,
    })
}

fn failed(failure: Failure) -> Error {
    Error::sqlite(DOING, failure.code, failure)
}
