//! The cursors of both kinds of inputs: one table after the other, with a current row.

use campus_backup_archive::{Manifest, Reader};
use chrono::{DateTime, Utc};

use super::live::LiveCursor;
use super::{Archive, DOING};
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::job::ProgressBatch;
use crate::open;
use crate::verify;

/// An archive that is being read.
pub(super) struct ArchiveCursor<'p> {
    reader: Reader<'static>,
    tables: Vec<Table>,
    manifest: Option<&'p Manifest>,
    id: Option<i64>,
    json: Vec<u8>,
    progress_batch: ProgressBatch<'p>,
}

impl<'p> ArchiveCursor<'p> {
    pub(super) fn open(archive: &'p Archive, progress_batch: ProgressBatch<'p>) -> Result<Self> {
        let (reader, tables) = open::reader(archive.source.open()?, &archive.keys)?;
        Ok(Self {
            reader,
            tables,
            manifest: archive.manifest.as_deref(),
            id: None,
            json: Vec::new(),
            progress_batch,
        })
    }

    /// The tables that it has.
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The time of its data.
    pub(super) fn moment(&self) -> DateTime<Utc> {
        self.reader.header().created_at
    }

    /// How many rows it has, if its manifest is known.
    pub(super) fn rows(&self) -> Option<u64> {
        self.manifest.map(|manifest| manifest.total)
    }

    /// Begins a table. Tables before it are read and skipped.
    fn begin_table(&mut self, table: Table) -> Result<()> {
        loop {
            self.skip_rows()?;
            match self.reader.next_table()? {
                Some(found) if found.name == table.name() => return Ok(()),
                Some(_) => {}
                None => return Err(Error::internal(DOING)(format!("{table} stands in another order"))),
            }
        }
    }

    /// Reads the rest of the current table.
    fn skip_rows(&mut self) -> Result<()> {
        while self.reader.next_row()?.is_some() {
            self.progress_batch.add_row()?;
        }
        self.progress_batch.flush()
    }

    fn advance(&mut self) -> Result<()> {
        self.json.clear();
        self.id = match self.reader.next_row()? {
            None => None,
            Some(row) => {
                self.json.extend_from_slice(row.json());
                Some(row.id())
            }
        };
        match self.id {
            None => self.progress_batch.flush(),
            Some(_) => self.progress_batch.add_row(),
        }
    }

    /// Reads the rest, and ensures that the archive is complete and matches its manifest.
    fn finish(mut self) -> Result<()> {
        loop {
            self.skip_rows()?;
            if self.reader.next_table()?.is_none() {
                break;
            }
        }
        let summary = self.reader.finish()?;
        match self.manifest {
            Some(manifest) => verify::compare_summaries(&summary, manifest),
            None => Ok(()),
        }
    }
}

/// The cursor of one input.
#[allow(clippy::large_enum_variant, reason = "there are two of them")]
pub(super) enum Cursor<'p> {
    Archive(ArchiveCursor<'p>),
    Live(LiveCursor<'p>),
}

impl Cursor<'_> {
    pub(super) fn begin_table(&mut self, table: Table) -> Result<()> {
        match self {
            Self::Archive(cursor) => cursor.begin_table(table),
            // It reads only tables that are compared.
            Self::Live(_) => Ok(()),
        }
    }

    /// The id and the bytes of the current row; none at the end of the table.
    pub(super) fn head(&self) -> Option<(i64, &[u8])> {
        match self {
            Self::Archive(cursor) => cursor.id.map(|id| (id, cursor.json.as_slice())),
            Self::Live(cursor) => cursor.head(),
        }
    }

    /// Moves to the next row of the table.
    pub(super) async fn advance(&mut self) -> Result<()> {
        match self {
            Self::Archive(cursor) => cursor.advance(),
            Self::Live(cursor) => cursor.advance().await,
        }
    }

    /// Reads the input to its end and checks it. Before that its rows are not verified.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Archive(cursor) => cursor.finish(),
            // Its rows were counted.
            Self::Live(_) => Ok(()),
        }
    }
}
