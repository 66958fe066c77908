//! Reading an archive from its bytes, without a server, a database or an account.
//!
//! [`check`] reads a whole archive and returns its content; [`extract`] writes one table of it. [`references`] checks that
//! rows refer to existing rows, [`rows`] gives rows for a table, and [`sheet`] makes the export columns of a row. Everything
//! here blocks while it reads.

mod admission;
mod references;
mod rows;
mod sheet;

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use campus_backup_archive::manifest::Object;
use campus_backup_archive::{ArchiveHeader, Cell, DigestStream, Form, Keys, Limits, Measurement, Reader, Summary};
use chrono_tz::Tz;

pub(crate) use self::admission::{Admission, cents};
pub(crate) use self::references::References;
pub(crate) use self::rows::Archived;
use self::sheet::Sheet;
use crate::catalog::{NameColumns, Table};
use crate::error::{Error, Result};
use crate::export::{ArchivedFormat, CsvOptions, archived, header};
use crate::job::{Progress, ProgressBatch};

/// How many bytes are collected before they are written.
const CHUNK_BYTES: usize = 64 * 1024;

/// What is being done, for errors.
const WRITING: &str = "writing a table of an archive";

/// The bytes of an archive, which can be read several times.
pub trait ArchiveSource: Send + Sync {
    /// Opens the bytes from the beginning. Reading them may block.
    ///
    /// # Errors
    /// Errors of the file or the store.
    fn open(&self) -> Result<Box<dyn Read + Send>>;
}

impl ArchiveSource for Path {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let file = File::open(self).map_err(Error::io("opening an archive"))?;
        Ok(Box::new(BufReader::new(file)))
    }
}

impl ArchiveSource for PathBuf {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        self.as_path().open()
    }
}

/// The content of a complete archive that was read to its end.
#[derive(Debug)]
pub struct Checked {
    /// Its header.
    pub header: ArchiveHeader,
    /// How it was compressed and encrypted.
    pub form: Form,
    /// Its counts, digests and totals, which are those of its rows.
    pub summary: Summary,
    /// Size and digest of the stored object, as a manifest has them.
    pub object: Object,
    /// How many bytes its rows have, uncompressed.
    pub row_bytes: u64,
    /// Whether it has native values, which only the engine of its rows can hold.
    pub has_native: bool,
}

/// Reads a whole archive, of all tables or of one, and checks it: its schema is that of this program, its counts, digests and
/// totals are those of its rows, a restore would accept every value, and every reference has its row. The references
/// of an archive of one table are not checked, because it does not have the other rows.
///
/// It reports progress in the phase that the caller has entered. It does not find two rows with the same unique value, which
/// would need an index; a test restore does.
///
/// # Errors
/// [`Error::Archive`], [`Error::Inadmissible`] or [`Error::Orphan`] with the first fault; [`Error::Cancelled`].
pub fn check(source: impl Read + Send, keys: &Keys, progress: &Progress) -> Result<Checked> {
    let mut source = Watched {
        source: DigestStream::new(source),
        progress,
    };
    let (mut reader, tables) = reader(&mut source, keys)?;
    let (header, form) = (reader.header().clone(), reader.form());
    let mut references = References::between(&tables);
    let mut progress_batch = ProgressBatch::new(progress);
    let mut row_bytes = 0;
    let mut has_native = false;
    let mut refused = None;
    for table in tables {
        reader.next_table()?;
        references.begin_table(table);
        let admission = Admission::of(table, &header.engine);
        while let Some(row) = reader.next_row()? {
            let admitted = admission.ensure(row.id(), row.cells());
            match admitted.and(references.row(row.id(), row.cells())) {
                // Reading continues, because damage of the archive is the more important error.
                Err(error @ (Error::Orphan { .. } | Error::Inadmissible { .. })) => refused = refused.or(Some(error)),
                other => other?,
            }
            has_native |= row.cells().iter().any(|cell| matches!(cell, Cell::Native(_)));
            row_bytes += row.json().len() as u64;
            progress_batch.add_row()?;
        }
    }
    let summary = reader.finish()?;
    progress_batch.flush()?;
    if let Some(refused) = refused {
        return Err(refused);
    }
    let object = Object::new(source.source.measurement(), form);
    Ok(Checked {
        header,
        form,
        summary,
        object,
        row_bytes,
        has_native,
    })
}

/// Reads a source to its end and measures it. It should have `size` bytes with `rows` rows; rows are reported in proportion
/// to the bytes.
///
/// # Errors
/// Errors of the source; [`Error::Cancelled`].
pub(crate) fn measure(source: impl Read, size: u64, rows: u64, progress: &Progress) -> Result<Measurement> {
    let mut source = Watched {
        source: DigestStream::new(source),
        progress,
    };
    let mut buffer = vec![0; 64 * 1024];
    let (mut read, mut reported) = (0, 0);
    loop {
        match source.read(&mut buffer).map_err(Error::io("reading an archive"))? {
            0 => break,
            more => read += more as u64,
        }
        let share = u128::from(rows) * u128::from(read.min(size)) / u128::from(size.max(1));
        let share = u64::try_from(share).unwrap_or(rows);
        progress.advance(share - reported)?;
        reported = share;
    }
    Ok(source.source.measurement())
}

/// A source whose bytes are measured and reported.
struct Watched<'p, R> {
    source: DigestStream<R>,
    progress: &'p Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.progress.add_bytes(read as u64);
        Ok(read)
    }
}

/// What [`extract`] writes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Extraction {
    /// The table.
    pub table: Table,
    /// The format.
    pub format: ArchivedFormat,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// Whether CSV has names beside ids.
    pub names: NameColumns,
    /// The time zone of timestamps in CSV.
    pub time_zone: Tz,
}

/// Writes one table of an archive, byte for byte as the live download at the time of the backup, and returns the number of its
/// rows. Memory grows only with the names from other tables, up to a limit.
///
/// # Errors
/// The output before an error must be discarded: only at the end the archive is known to be complete.
pub fn extract(source: impl Read + Send, keys: &Keys, wanted: Extraction, out: &mut impl Write) -> Result<u64> {
    let (mut reader, tables) = reader(source, keys)?;
    let Extraction {
        table: wanted_table, ..
    } = wanted;
    if !tables.contains(&wanted_table) {
        return Err(Error::TableNotFound(wanted_table));
    }
    let mut buffer = Vec::with_capacity(2 * CHUNK_BYTES);
    let said = reader.header();
    let header = header(said.created_at, &said.app_version, &said.engine, &[wanted_table]);
    let mut encoder = archived(
        wanted.format,
        &header,
        wanted.csv,
        wanted.names,
        wanted.time_zone,
        &mut buffer,
    );
    let columns = wanted_table.export_columns(wanted.names);
    let mut sheet = Sheet::of(columns, wanted_table);
    let mut written = 0;
    for table in tables {
        reader.next_table()?;
        if table != wanted_table {
            if sheet.takes_names_from(table) {
                while let Some(row) = reader.next_row()? {
                    sheet.learn(table, row.id(), row.cells())?;
                }
            }
            continue;
        }
        // The formats of an archive's table do not use the number of rows.
        encoder.begin_table(table, 0, &mut buffer)?;
        while let Some(row) = reader.next_row()? {
            match wanted.format {
                ArchivedFormat::Json => encoder.row(row.cells(), &mut buffer)?,
                ArchivedFormat::Csv => {
                    let cells = sheet.row(row.cells()).ok_or(Error::Orphan { table, row: row.id() })?;
                    encoder.row(&cells[..columns.len()], &mut buffer)?;
                }
            }
            written += 1;
            if buffer.len() >= CHUNK_BYTES {
                out.write_all(&buffer).map_err(Error::io(WRITING))?;
                buffer.clear();
            }
        }
        encoder.end_table(&mut buffer)?;
    }
    reader.finish()?;
    encoder.finish(&mut buffer)?;
    out.write_all(&buffer)
        .and_then(|()| out.flush())
        .map_err(Error::io(WRITING))?;
    Ok(written)
}

/// Opens the reader of an archive with the tables of this program: all seven, or the one of a download.
pub(crate) fn reader<'s>(source: impl Read + Send + 's, keys: &Keys) -> Result<(Reader<'s>, Vec<Table>)> {
    let reader = Reader::open(source, keys, Limits::default())?;
    let schema = &reader.header().schema;
    let tables = match schema.tables.as_slice() {
        [only] => Table::from_name(&only.name).map_or(Table::ALL.to_vec(), |table| vec![table]),
        _ => Table::ALL.to_vec(),
    };
    schema.demand(&header(reader.header().created_at, "", "", &tables).tables)?;
    Ok((reader, tables))
}

#[cfg(test)]
mod tests;
