//! Looking into an archive that is a file in the hand: no server, no database, no account.
//!
//! [`check`] reads a whole archive and says what is in it; [`extract`] takes one table out of it. [`references`] tells
//! whether rows refer to rows that are there, [`rows`] hands them to a table, [`sheet`] makes a person's copy of a row as the archive has it. Everything
//! here blocks on its file.

mod admission;
mod references;
mod rows;
mod sheet;

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use campus_backup_archive::manifest::Object;
use campus_backup_archive::{ArchiveHeader, Cell, Form, Keys, Limits, Measured, Measurement, Reader, Summary};
use chrono_tz::Tz;

pub(crate) use self::admission::{Admission, cents};
pub(crate) use self::references::References;
pub(crate) use self::rows::Archived;
use self::sheet::Sheet;
use crate::catalog::{NameColumns, Table};
use crate::error::{Error, Result};
use crate::export::{ArchivedFormat, CsvOptions, archived, header};
use crate::job::{Progress, Steps};

/// How much is gathered before it is written.
const PIECE: usize = 64 * 1024;

/// What is being done, for errors.
const WRITING: &str = "writing what was taken out of an archive";

/// Where the bytes of an archive come from, as often as they have to be read.
pub trait Source: Send + Sync {
    /// The bytes from the first one on. Reading them may block.
    ///
    /// # Errors
    /// Whatever the place says in which they lie.
    fn open(&self) -> Result<Box<dyn Read + Send>>;
}

impl Source for Path {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        let file = File::open(self).map_err(Error::io("opening an archive"))?;
        Ok(Box::new(BufReader::new(file)))
    }
}

impl Source for PathBuf {
    fn open(&self) -> Result<Box<dyn Read + Send>> {
        self.as_path().open()
    }
}

/// What is in an archive that was read to its end and is whole.
#[derive(Debug)]
pub struct Checked {
    /// What it says of itself.
    pub header: ArchiveHeader,
    /// What lay around it.
    pub form: Form,
    /// Its counts, digests and totals, which are those of its rows.
    pub summary: Summary,
    /// The bytes that it was read from, as a manifest has them.
    pub object: Object,
    /// How many bytes its rows have, unpacked.
    pub row_bytes: u64,
    /// Whether it has a value that only the engine of its rows can hold.
    pub has_native: bool,
}

/// Reads a whole archive, of all tables or of one, and compares everything that can be compared: its schema with this
/// program's, its counts, digests and totals with its rows, every value with what a restore admits, and what its rows refer
/// to with the rows that there are. In
/// an archive of one table they refer to rows that it does not have, and so that is not looked at.
///
/// It advances in whichever phase the caller has entered. Whether two rows have the same key is not told, since that
/// would need an index: a test restore does it.
///
/// # Errors
/// [`Error::Archive`], [`Error::Inadmissible`] or [`Error::Orphan`] with the first thing that is wrong; [`Error::Cancelled`].
pub fn check(source: impl Read + Send, keys: &Keys, progress: &Progress) -> Result<Checked> {
    let mut source = Watched {
        source: Measured::new(source),
        progress,
    };
    let (mut reader, tables) = reader(&mut source, keys)?;
    let (header, form) = (reader.header().clone(), reader.form());
    let mut references = References::between(&tables);
    let mut steps = Steps::of(progress);
    let mut row_bytes = 0;
    let mut has_native = false;
    let mut refused = None;
    for table in tables {
        reader.next_table()?;
        references.begin_table(table);
        let admission = Admission::of(table, &header.engine);
        while let Some(row) = reader.next_row()? {
            let admitted = admission.demand(row.id(), row.cells());
            match admitted.and(references.row(row.id(), row.cells())) {
                // If the archive is damaged, that is what is wrong with it.
                Err(error @ (Error::Orphan { .. } | Error::Inadmissible { .. })) => refused = refused.or(Some(error)),
                other => other?,
            }
            has_native |= row.cells().iter().any(|cell| matches!(cell, Cell::Native(_)));
            row_bytes += row.json().len() as u64;
            steps.step()?;
        }
    }
    let summary = reader.finish()?;
    steps.tell()?;
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

/// Reads a source to its end, whatever it has, and measures it. It should have `size` bytes with `rows` rows in them, which are
/// told of in proportion to the bytes.
///
/// # Errors
/// What the source says; [`Error::Cancelled`].
pub(crate) fn measure(source: impl Read, size: u64, rows: u64, progress: &Progress) -> Result<Measurement> {
    let mut source = Watched {
        source: Measured::new(source),
        progress,
    };
    let mut buffer = vec![0; 64 * 1024];
    let (mut read, mut told) = (0, 0);
    loop {
        match source.read(&mut buffer).map_err(Error::io("reading an archive"))? {
            0 => break,
            more => read += more as u64,
        }
        let share = u128::from(rows) * u128::from(read.min(size)) / u128::from(size.max(1));
        let share = u64::try_from(share).unwrap_or(rows);
        progress.advance(share - told)?;
        told = share;
    }
    Ok(source.source.measurement())
}

/// A source whose bytes are measured and told of.
struct Watched<'p, R> {
    source: Measured<R>,
    progress: &'p Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.progress.add_bytes(read as u64);
        Ok(read)
    }
}

/// What [`extract`] takes out, and how it is written.
#[derive(Clone, Copy, Debug)]
pub struct Extraction {
    /// The table.
    pub table: Table,
    /// As what.
    pub format: ArchivedFormat,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// Whether CSV has names beside ids.
    pub names: NameColumns,
    /// In which time zone CSV shows timestamps.
    pub time_zone: Tz,
}

/// Writes one table of an archive as the live download of its moment was, byte for byte, and says how many rows it has.
/// Memory grows with the names that the copy takes from other tables, which have a limit, and with nothing else.
///
/// # Errors
/// What was written before an error must not be kept: only at the end of the archive is it known to be whole.
pub fn extract(source: impl Read + Send, keys: &Keys, wanted: Extraction, out: &mut impl Write) -> Result<u64> {
    let (mut reader, tables) = reader(source, keys)?;
    let Extraction {
        table: wanted_table, ..
    } = wanted;
    if !tables.contains(&wanted_table) {
        return Err(Error::TableNotFound(wanted_table));
    }
    let mut buffer = Vec::with_capacity(2 * PIECE);
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
        // How many rows follow is of use to no format that an archive's table is written in.
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
            if buffer.len() >= PIECE {
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

/// The reader of an archive whose tables are this program's: all seven, or one as its download has it.
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
