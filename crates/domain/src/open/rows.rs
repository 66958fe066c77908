//! Rows of an archive on their way into a table.

use campus_backup_archive::{Cell, Reader};

use super::Admission;
use crate::catalog::{MAX_COLUMNS, Table};
use crate::change::Rows;
use crate::database::Engine;
use crate::error::{Error, Result};
use crate::job::{Progress, Steps};

/// The rows of the table on which an archive's reader stands. Each is looked at: an archive may say what no engine of
/// ours admits, or what one of them would round or cut.
pub(crate) struct Archived<'r, 's> {
    reader: &'r mut Reader<'s>,
    table: Table,
    admission: Admission,
    largest_id: i64,
    steps: Steps<'r>,
}

impl<'r, 's> Archived<'r, 's> {
    pub(crate) fn new(reader: &'r mut Reader<'s>, table: Table, progress: &'r Progress) -> Self {
        Self {
            admission: Admission::of(table, &reader.header().engine),
            reader,
            table,
            largest_id: i64::MAX,
            steps: Steps::of(progress),
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

impl Rows for Archived<'_, '_> {
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MAX_COLUMNS]) -> Result<bool> {
        let Some(row) = self.reader.next_row()? else {
            self.steps.tell()?;
            return Ok(false);
        };
        self.steps.step()?;
        if row.id() > self.largest_id {
            return Err(Error::id_without_room(self.table, row.id()));
        }
        self.admission.demand(row.id(), row.cells())?;
        for (cell, read) in cells.iter_mut().zip(row.cells()) {
            *cell = *read;
        }
        Ok(true)
    }
}
