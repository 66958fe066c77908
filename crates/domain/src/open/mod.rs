//! Looking into an archive that is a file in the hand: no server, no database, no account.
//!
//! [`check`] reads a whole archive and says what is in it; [`extract`] takes one table out of it. [`sheet`] makes a
//! person's copy of a row as the archive has it. Everything here blocks on its file.

mod sheet;

use std::io::{self, Read, Write};

use campus_backup_archive::{self as archive, ArchiveHeader, Form, Keys, Limits, Reader, Summary};
use chrono_tz::Tz;

use self::sheet::Sheet;
use crate::catalog::Table;
use crate::export::{ArchivedFormat, CsvOptions, archived, header};

/// How much is gathered before it is written.
const PIECE: usize = 64 * 1024;

/// Why an archive could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive is not whole, not an archive, or not of this program.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// It is an archive of other tables.
    #[error("the archive has no table {0}")]
    NoTable(Table),
    /// A row refers to one that is not in the archive.
    #[error("row {row} of {table} refers to a row that is not in the archive")]
    Orphan {
        /// The table.
        table: Table,
        /// The id of the row.
        row: i64,
    },
    /// A value that can't be written as asked.
    #[error(transparent)]
    Unexportable(#[from] crate::Error),
    /// What was taken out could not be written.
    #[error("writing what was taken out failed")]
    Write(#[source] io::Error),
}

impl Error {
    /// A stable word for programs; those of [`archive::Error::code`] among them.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Archive(error) => error.code(),
            Self::NoTable(_) => "no_table",
            Self::Orphan { .. } => "orphan",
            Self::Unexportable(_) => "unexportable",
            Self::Write(_) => "not_written",
        }
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
}

/// Reads a whole archive, of all tables or of one, and compares everything that can be compared: its schema with this
/// program's, its counts, digests and totals with its rows.
///
/// # Errors
/// [`Error::Archive`] with the first thing that is wrong.
pub fn check(source: impl Read + Send, keys: &Keys) -> Result<Checked, Error> {
    let (reader, _) = open(source, keys)?;
    let (header, form) = (reader.header().clone(), reader.form());
    let summary = reader.finish()?;
    Ok(Checked { header, form, summary })
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
    /// In which time zone CSV shows timestamps.
    pub time_zone: Tz,
}

/// Writes one table of an archive as the live download of its moment was, byte for byte, and says how many rows it has.
/// Memory grows with the tables that the copy takes names from (the payment categories) and with no other.
///
/// # Errors
/// What was written before an error must not be kept: only at the end of the archive is it known to be whole.
pub fn extract(source: impl Read + Send, keys: &Keys, wanted: Extraction, out: &mut impl Write) -> Result<u64, Error> {
    let (mut reader, tables) = open(source, keys)?;
    let Extraction {
        table: wanted_table, ..
    } = wanted;
    if !tables.contains(&wanted_table) {
        return Err(Error::NoTable(wanted_table));
    }
    let mut buffer = Vec::with_capacity(2 * PIECE);
    let said = reader.header();
    let header = header(said.created_at, &said.app_version, &said.engine, &[wanted_table]);
    let mut encoder = archived(wanted.format, &header, wanted.csv, wanted.time_zone, &mut buffer);
    let mut sheet = Sheet::of(wanted_table);
    let mut written = 0;
    for table in tables {
        reader.next_table()?;
        if table != wanted_table {
            if sheet.takes_names_from(table) {
                while let Some(row) = reader.next_row()? {
                    sheet.learn(table, row.id(), row.cells());
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
                    encoder.row(&cells[..table.sheet().len()], &mut buffer)?;
                }
            }
            written += 1;
            if buffer.len() >= PIECE {
                out.write_all(&buffer).map_err(Error::Write)?;
                buffer.clear();
            }
        }
        encoder.end_table(&mut buffer)?;
    }
    reader.finish()?;
    encoder.finish(&mut buffer)?;
    out.write_all(&buffer)
        .and_then(|()| out.flush())
        .map_err(Error::Write)?;
    Ok(written)
}

/// The reader of an archive whose tables are this program's: all seven, or one as its download has it.
fn open<'s>(source: impl Read + Send + 's, keys: &Keys) -> Result<(Reader<'s>, Vec<Table>), Error> {
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
