//! Downloads: the rows of a snapshot as the bytes of a file.
//!
//! [`download`] is the entry point. A blocking thread reads the [snapshot](crate::snapshot), encodes its rows ([`csv`],
//! [`json`], [`xlsx`]), and puts the bytes into a short [`chunk`] queue, which the response empties. Another thread
//! compresses them if requested ([`coding`]). So a slow client slows the query, and a client that disconnects ends it.
//! [`delivery`] decides how many bytes are gathered in a [`spool`] before the [`body`] is sent. A second thread may
//! read in parallel, see [`Snapshot::read_parallel`].

mod body;
mod chunk;
mod coding;
mod csv;
mod delivery;
mod json;
mod spool;
mod style;
pub(crate) mod text;
mod xlsx;

use std::time::Duration;

use campus_backup_archive::{Cell, ColumnSchema, Header, Limits};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

pub use self::body::{Body, BodyDigest};
pub(crate) use self::chunk::{ChunkSender, channel as chunk_channel};
pub(crate) use self::coding::Coder;
pub use self::coding::Coding;
pub(crate) use self::csv::{write_safe_text, write_text};
pub use self::delivery::{LengthPolicy, Transfer};
pub use self::spool::SpoolSpace;
pub use self::style::{CsvOptions, CsvStyle, DateStyle, DecimalMark, Delimiter};
use crate::account::{Admin, TokenScope};
use crate::blocking;
use crate::catalog::{ExportColumn, NameColumns, Table, TableScope};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::snapshot::{ParallelSink, ReadStrategy, RowEncoder, Selection, Sink, Snapshot};

/// How many rows one of two threads reads before the other one's range: few enough that the queue stays small, enough
/// that the cost of waking threads is negligible.
const ROWS_PER_RANGE: u64 = 1024;

/// What to download, and how.
#[derive(Clone, Copy, Debug)]
pub struct ExportRequest {
    /// One table, or all; all tables only as JSON.
    pub scope: TableScope,
    /// The format.
    pub format: Format,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// Whether CSV and XLSX have names beside ids.
    pub names: NameColumns,
    /// How the bytes are sent.
    pub transfer: Transfer,
}

impl ExportRequest {
    /// How the bytes are sent. A workbook is compressed already. It is completed before it is sent: not every text fits
    /// into a cell, and the caller must learn which one does not.
    fn transfer(&self) -> Transfer {
        match (self.format, self.transfer.length) {
            (Format::Csv | Format::Json, _) => self.transfer,
            (Format::Xlsx, length) => Transfer {
                coding: Coding::Identity,
                length: match length {
                    LengthPolicy::IfShort => LengthPolicy::IfRoom,
                    other => other,
                },
            },
        }
    }

    /// Checks that the format can hold the scope.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it can't.
    pub fn check(&self) -> Result<()> {
        if self.scope == TableScope::All && self.format != Format::Json {
            return Err(Error::Invalid {
                field: "format",
                problem: "must be json for the complete backup; CSV and XLSX hold one table".to_owned(),
            });
        }
        Ok(())
    }

    /// Ensures that a named token may download what the file has. The hashes of the passwords are only in JSON, and for `backup`.
    ///
    /// # Errors
    /// [`Error::ScopeMissing`]
    pub fn ensure_scope(&self, admin: &Admin) -> Result<()> {
        ensure_scope(admin, self.scope, self.format)
    }
}

/// The format of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, for people and spreadsheets.
    Csv,
    /// The archive format, for restoring and for programs.
    Json,
    /// An Excel workbook.
    Xlsx,
}

impl Format {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// How its rows are read: CSV rows don't depend on each other.
    const fn read_strategy(self) -> ReadStrategy {
        match self {
            Self::Csv => ReadStrategy::Parallel(ROWS_PER_RANGE),
            Self::Json | Self::Xlsx => ReadStrategy::Native,
        }
    }

    /// Its file name extension, which is also its name in the API.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Xlsx => "xlsx",
        }
    }
}

/// Settings of all downloads.
#[derive(Clone, Debug)]
pub struct ExportSettings {
    /// The school's time zone, for the timestamps in CSV and XLSX and for file names.
    pub time_zone: Tz,
    /// The size of a chunk, in bytes.
    pub chunk_size: usize,
    /// How long a client may read nothing before the download is ended.
    pub stall_timeout: Duration,
    /// The version of the program, for the archive's header.
    pub app_version: &'static str,
    /// Where downloads are stored until their length is known.
    pub spool: SpoolSpace,
}

/// A download whose first bytes are ready, or all of them.
#[derive(Debug)]
pub struct Download {
    /// The file name.
    pub file_name: String,
    /// The media type.
    pub media_type: &'static str,
    /// The content coding.
    pub coding: Coding,
    /// The number of rows, counted in the snapshot.
    pub total_rows: u64,
    /// The bytes.
    pub body: Body,
}

/// See [`ExportRequest::ensure_scope`].
pub(crate) fn ensure_scope(admin: &Admin, scope: TableScope, format: Format) -> Result<()> {
    match format == Format::Json && scope.tables().contains(&Table::Users) {
        true => admin.ensure_scope(TokenScope::Backup),
        false => Ok(()),
    }
}

/// Begins a download.
///
/// It returns once the length is known or not needed (see [`LengthPolicy`]), so an early failure is an error of this
/// function. A later failure is an error of the [`Body`], which never ends cleanly unless everything was written.
/// Dropping the body ends the reading and returns the connection. So does `abandoned`, if it completes first. Don't
/// drop the future itself: it may be waiting for the database.
///
/// A body keeps its permit until it is dropped, but no connection once everything was read.
///
/// # Errors
/// [`Error::Invalid`] if the format can't hold the scope; [`Error::ScopeMissing`], see [`ExportRequest::ensure_scope`];
/// [`Error::TooManyDownloads`]; [`Error::Unexportable`];
/// [`Error::SpoolFull`]; those of the database.
pub async fn download(
    admin: &Admin,
    database: &Database,
    settings: &ExportSettings,
    request: ExportRequest,
    abandoned: impl Future<Output = ()>,
) -> Result<Download> {
    request.check()?;
    request.ensure_scope(admin)?;
    let snapshot = Snapshot::take(database, request.format.read_strategy(), request.scope.tables()).await?;
    let total_rows = request
        .scope
        .tables()
        .iter()
        .map(|table| snapshot.rows_of(*table))
        .sum();
    let file_name = file_name(request.scope, request.format, snapshot.taken_at(), settings.time_zone);
    let transfer = request.transfer();
    let coder = Coder::new(transfer.coding)?;
    let (sender, receiver) = chunk::channel(settings.chunk_size, settings.stall_timeout, coder);
    let permit = snapshot.permit();
    begin(snapshot, settings.clone(), request, sender);
    let body = receiver
        .into_body(&settings.spool, transfer.length, abandoned)
        .await?
        .with_permit(permit);
    Ok(Download {
        file_name,
        media_type: request.format.media_type(),
        coding: transfer.coding,
        total_rows,
        body,
    })
}

/// Starts reading and encoding, on a thread of its own, because encoding uses more time than waiting.
///
/// An async function is compiled with the crate that polls it. This function is not async, so that everything it calls
/// is compiled with this crate, whose profile optimises for speed.
#[inline(never)]
fn begin(snapshot: Snapshot, settings: ExportSettings, request: ExportRequest, sender: ChunkSender) {
    blocking::spawn(move || produce(snapshot, settings, request, sender));
}

/// The file name of a download.
pub(crate) fn file_name(scope: TableScope, format: Format, taken_at: DateTime<Utc>, zone: Tz) -> String {
    let name = match scope {
        TableScope::All => "complete",
        TableScope::One(table) => table.name(),
    };
    let time = taken_at.with_timezone(&zone).format("%d_%m_%Y_%H_%M_%S");
    format!("{name}_backup_{time}.{}", format.extension())
}

/// The error of a value in an export column. The row is identified by its id, which is the first cell.
fn unexportable(table: Table, columns: &[ExportColumn], cells: &[Cell<'_>], column: usize, problem: String) -> Error {
    let row = match cells.first() {
        Some(Cell::Integer(id)) => *id,
        _ => 0,
    };
    let column = columns.get(column).map_or("", |column| column.source.key());
    Error::Unexportable {
        table,
        row,
        column,
        problem,
    }
}

/// Fails if no reader of archives accepts a row with so many bytes of JSON. The error names the longest text.
pub(crate) fn demand_archivable(table: Table, cells: &[Cell<'_>], json_bytes: usize) -> Result<()> {
    let limits = Limits::default();
    if limits.holds_row(json_bytes) {
        return Ok(());
    }
    let length = |cell: &Cell<'_>| match cell {
        Cell::Text(text) | Cell::Native(text) => text.len(),
        _ => 0,
    };
    let longest = table.columns().iter().zip(cells).max_by_key(|(_, cell)| length(cell));
    Err(Error::Unexportable {
        table,
        row: match cells.first() {
            Some(Cell::Integer(id)) => *id,
            _ => 0,
        },
        column: longest.map_or("", |(column, _)| column.name),
        problem: format!(
            "the row has {json_bytes} bytes as JSON, and a backup holds rows of less than {}",
            limits.line_bytes
        ),
    })
}

/// The header of an archive of these tables.
pub(crate) fn header<'a>(
    created_at: DateTime<Utc>,
    app_version: &'a str,
    engine: &'a str,
    tables: &[Table],
) -> Header<'a> {
    let schema = |table: &Table| {
        let columns = table.columns().iter().map(|column| ColumnSchema {
            name: column.name,
            kind: column.kind,
            nullable: column.nullable,
        });
        (table.name(), columns.collect())
    };
    Header {
        created_at,
        app_version,
        engine,
        tables: tables.iter().map(schema).collect(),
    }
}

/// The format in which a table of an archive is extracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchivedFormat {
    /// See [`Format::Csv`].
    Csv,
    /// See [`Format::Json`].
    Json,
}

/// The encoder of a table that is extracted from an archive.
pub(crate) fn archived(
    format: ArchivedFormat,
    header: &Header<'_>,
    options: CsvOptions,
    names: NameColumns,
    zone: Tz,
    out: &mut Vec<u8>,
) -> Box<dyn Encoder> {
    match format {
        ArchivedFormat::Csv => Box::new(csv::Csv::new(options, names, zone)),
        ArchivedFormat::Json => Box::new(json::Json::begin(header, out)),
    }
}

/// Turns rows into bytes.
pub(crate) trait Encoder: Send {
    /// The values of a row that it writes.
    fn selection(&self) -> Selection;
    /// Begins a table with this number of rows.
    fn begin_table(&mut self, table: Table, rows: u64, out: &mut Vec<u8>) -> Result<()>;
    /// Writes a row of the table.
    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<()>;
    /// An encoder for another thread, if a row is written in the same way wherever it is.
    fn of_rows(&self) -> Option<RowEncoder> {
        None
    }
    /// Ends the table.
    fn end_table(&mut self, out: &mut Vec<u8>) -> Result<()>;
    /// Ends the file.
    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()>;
}

async fn produce(snapshot: Snapshot, settings: ExportSettings, request: ExportRequest, mut sender: ChunkSender) {
    match write(snapshot, &settings, request, &mut sender).await {
        Ok(()) => sender.end().await,
        Err(error) => sender.fail(error).await,
    }
}

async fn write(
    mut snapshot: Snapshot,
    settings: &ExportSettings,
    request: ExportRequest,
    sender: &mut ChunkSender,
) -> Result<()> {
    let tables = request.scope.tables();
    let encoder: Box<dyn Encoder> = match request.format {
        Format::Csv => Box::new(csv::Csv::new(request.csv, request.names, settings.time_zone)),
        Format::Json => {
            let engine = snapshot.engine().name();
            let header = header(snapshot.taken_at(), settings.app_version, engine, tables);
            Box::new(json::Json::begin(&header, sender.buffer()))
        }
        Format::Xlsx => Box::new(xlsx::Xlsx::new(request.names, settings.time_zone)),
    };
    let mut writing = EncodingSink {
        encoder,
        sender,
        rows: 0,
    };
    for table in tables {
        writing.rows = 0;
        let rows = snapshot.rows_of(*table);
        writing.encoder.begin_table(*table, rows, writing.sender.buffer())?;
        let selection = writing.encoder.selection();
        snapshot.read_parallel(*table, selection, &mut writing).await?;
        if writing.rows != rows {
            return Err(Error::internal("comparing the rows read with those counted")(format!(
                "{table} has {rows} rows and {} were read",
                writing.rows
            )));
        }
        writing.encoder.end_table(writing.sender.buffer())?;
    }
    // The connection is free for the next reader while the rest is sent.
    snapshot.end().await?;
    let EncodingSink { encoder, sender, .. } = writing;
    encoder.finish(sender.buffer())
}

struct EncodingSink<'a> {
    encoder: Box<dyn Encoder>,
    sender: &'a mut ChunkSender,
    rows: u64,
}

impl Sink for EncodingSink<'_> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        self.rows += 1;
        self.encoder.row(cells, self.sender.buffer())
    }

    async fn flush_if_full(&mut self) -> Result<()> {
        self.sender.flush_if_full().await
    }
}

impl ParallelSink for EncodingSink<'_> {
    fn encoder(&self) -> Option<RowEncoder> {
        self.encoder.of_rows()
    }

    fn append_encoded(&mut self, rows: u64, bytes: &[u8]) {
        self.rows += rows;
        self.sender.buffer().extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_in_the_schools_time() {
        let taken_at = DateTime::parse_from_rfc3339("2026-12-31T23:30:05Z").unwrap().to_utc();
        assert_eq!(
            file_name(TableScope::One(Table::Students), Format::Csv, taken_at, Tz::UTC),
            "students_backup_31_12_2026_23_30_05.csv"
        );
        assert_eq!(
            file_name(TableScope::All, Format::Json, taken_at, chrono_tz::Asia::Kolkata),
            "complete_backup_01_01_2027_05_00_05.json"
        );
    }
}
