//! Both kinds of sides as the merge sees them: tables one after the other, and a current row.

use campus_backup_archive::{Manifest, Reader};
use chrono::{DateTime, Utc};

use super::live::LiveSide;
use super::{Archive, DOING};
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::job::Steps;
use crate::open;
use crate::verify;

/// An archive that is being read.
pub(super) struct ArchiveSide<'p> {
    reader: Reader<'static>,
    tables: Vec<Table>,
    manifest: Option<&'p Manifest>,
    id: Option<i64>,
    json: Vec<u8>,
    steps: Steps<'p>,
}

impl<'p> ArchiveSide<'p> {
    pub(super) fn open(archive: &'p Archive, steps: Steps<'p>) -> Result<Self> {
        let (reader, tables) = open::reader(archive.source.open()?, &archive.keys)?;
        Ok(Self {
            reader,
            tables,
            manifest: archive.manifest.as_deref(),
            id: None,
            json: Vec::new(),
            steps,
        })
    }

    /// The tables that it has.
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The moment that it shows.
    pub(super) fn moment(&self) -> DateTime<Utc> {
        self.reader.header().created_at
    }

    /// How many rows it has, if its manifest is known.
    pub(super) fn rows(&self) -> Option<u64> {
        self.manifest.map(|manifest| manifest.total)
    }

    /// Begins a table; what stands before it is read and passed over.
    fn begin_table(&mut self, table: Table) -> Result<()> {
        loop {
            self.pass_over()?;
            match self.reader.next_table()? {
                Some(found) if found.name == table.name() => return Ok(()),
                Some(_) => {}
                None => return Err(Error::internal(DOING)(format!("{table} stands in another order"))),
            }
        }
    }

    /// Reads what is left of the current table.
    fn pass_over(&mut self) -> Result<()> {
        while self.reader.next_row()?.is_some() {
            self.steps.step()?;
        }
        self.steps.tell()
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
            None => self.steps.tell(),
            Some(_) => self.steps.step(),
        }
    }

    /// Reads the rest, and demands that it is whole and what its manifest says.
    fn finish(mut self) -> Result<()> {
        loop {
            self.pass_over()?;
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

/// One of the two that are merged.
#[allow(clippy::large_enum_variant, reason = "there are two of them")]
pub(super) enum Opened<'p> {
    Archive(ArchiveSide<'p>),
    Live(LiveSide<'p>),
}

impl Opened<'_> {
    pub(super) fn begin_table(&mut self, table: Table) -> Result<()> {
        match self {
            Self::Archive(side) => side.begin_table(table),
            // It reads only what is compared.
            Self::Live(_) => Ok(()),
        }
    }

    /// The id and the bytes of the current row; none at the end of the table.
    pub(super) fn head(&self) -> Option<(i64, &[u8])> {
        match self {
            Self::Archive(side) => side.id.map(|id| (id, side.json.as_slice())),
            Self::Live(side) => side.head(),
        }
    }

    /// Goes on to the next row of the table.
    pub(super) async fn advance(&mut self) -> Result<()> {
        match self {
            Self::Archive(side) => side.advance(),
            Self::Live(side) => side.advance().await,
        }
    }

    /// Reads it to its end, without which nothing of it may be believed.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Archive(side) => side.finish(),
            // Its rows were counted.
            Self::Live(_) => Ok(()),
        }
    }
}
