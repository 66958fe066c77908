//! The rows of an archive, for loading into a table.

use campus_backup_archive::{Cell, Reader};

use super::Admission;
use crate::catalog::{MAX_COLUMNS, Table};
use crate::change::RowStream;
use crate::database::Engine;
use crate::error::{Error, Result};
use crate::job::{Progress, ProgressBatch};

/// The rows of the current table of an archive's reader. Each row is checked, because an archive may have values that no engine
/// accepts, or that an engine would round or truncate.
pub(crate) struct Archived<'r, 's> {
    reader: &'r mut Reader<'s>,
    table: Table,
    admission: Admission,
    largest_id: i64,
    progress_batch: ProgressBatch<'r>,
}

impl<'r, 's> Archived<'r, 's> {
    pub(crate) fn new(reader: &'r mut Reader<'s>, table: Table, progress: &'r Progress) -> Self {
        Self {
            admission: Admission::of(table, &reader.header().engine),
            reader,
            table,
            largest_id: i64::MAX,
            progress_batch: ProgressBatch::new(progress),
        }
    }
}

impl Archived<'_, '_> {
    /// Refuses rows with a larger id, as [`Error::id_without_room`].
    pub(crate) fn with_largest_id(self, largest_id: i64) -> Self {
        Self { largest_id, ..self }
    }

    /// Refuses native values of another engine, as [`Error::Inadmissible`].
    pub(crate) fn into_engine(self, engine: Engine) -> Self {
        Self {
            admission: self.admission.only_native_of(engine),
            ..self
        }
    }

    /// The engine that the rows came from, if it is one that this program knows.
    pub(crate) fn engine(&self) -> Option<Engine> {
        self.admission.engine()
    }
}

impl RowStream for Archived<'_, '_> {
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MAX_COLUMNS]) -> Result<bool> {
        let Some(row) = self.reader.next_row()? else {
            self.progress_batch.flush()?;
            return Ok(false);
        };
        self.progress_batch.add_row()?;
        if row.id() > self.largest_id {
            return Err(Error::id_without_room(self.table, row.id()));
        }
        self.admission.ensure(row.id(), row.cells())?;
        for (cell, read) in cells.iter_mut().zip(row.cells()) {
            *cell = *read;
        }
        Ok(true)
    }
}
