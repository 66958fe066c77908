//! Comparing two archives, or an archive and the live data.
//!
//! Both inputs have their rows in the order of their ids, and equal rows have equal bytes. Two [cursors](cursor) therefore
//! read both inputs at the same pace and are [merged](merge) by id, in memory that does not grow with the rows. Only
//! differing rows are parsed ([`row`]). [`counts`] counts the differences, [`rows`] shows them page by page, [`csv()`] as a
//! file. Each reads both inputs to their ends, and has a result only if both are complete.
//!
//! One blocking thread does all of it. The live data pushes its rows ([`live`]) and takes turns with the merge, so a
//! comparison never waits for a second thread.

mod csv;
mod cursor;
mod live;
mod merge;
mod page;
mod row;

use std::collections::BTreeMap;
use std::sync::Arc;

use campus_backup_archive::{Keys, Manifest};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::csv::{CsvRequest, csv};
use self::merge::{DifferenceSink, compare};
pub use self::page::{DiffPage, RowsPage, rows};
pub use self::row::{DifferingField, DifferingRow};
use crate::blocking;
use crate::catalog::{Table, TableScope};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::job::Progress;
use crate::open::ArchiveSource;

/// What is being done, for errors.
const DOING: &str = "comparing";

/// One of the two inputs of a comparison.
#[derive(Clone)]
pub enum DiffInput {
    /// An archive, of all tables or of one.
    Archive(Archive),
    /// The live data, at the moment at which the comparison begins to read it.
    Live(Database),
}

/// An archive that is compared.
#[derive(Clone)]
pub struct Archive {
    /// Its bytes.
    pub source: Arc<dyn ArchiveSource>,
    /// The keys that open it.
    pub keys: Keys,
    /// Its manifest, if there is one. Tables with the same digest in both manifests are not compared row by row. If all
    /// tables have, no archive is read.
    pub manifest: Option<Arc<Manifest>>,
}

/// How a row differs: only `to` has it (`added`), only `from` has it (`removed`), or both have it with other values
/// (`changed`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DiffChange)]
pub enum DifferenceKind {
    /// Only `to` has it.
    Added,
    /// Only `from` has it.
    Removed,
    /// Both have it, with other values.
    Changed,
}

impl DifferenceKind {
    /// Its name in answers and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// The number of rows of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DiffTable)]
pub struct Counts {
    /// Rows that only `to` has.
    pub added: u64,
    /// Rows that only `from` has.
    pub removed: u64,
    /// Rows with other values.
    pub changed: u64,
    /// Equal rows.
    pub unchanged: u64,
}

impl Counts {
    /// Rows that differ in any way.
    pub fn differing(&self) -> u64 {
        self.added + self.removed + self.changed
    }

    /// Rows that differ in one way.
    pub fn of(&self, change: DifferenceKind) -> u64 {
        match change {
            DifferenceKind::Added => self.added,
            DifferenceKind::Removed => self.removed,
            DifferenceKind::Changed => self.changed,
        }
    }
}

/// The result for one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableComparison {
    /// It was compared.
    Compared(Counts),
    /// Only `from` has it.
    OnlyFrom,
    /// Only `to` has it.
    OnlyTo,
}

/// The differences of two inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// The time of the data in `from`.
    pub from: DateTime<Utc>,
    /// The time of the data in `to`.
    pub to: DateTime<Utc>,
    /// The tables that either input has.
    pub tables: BTreeMap<Table, TableComparison>,
}

impl Diff {
    /// Whether both have the same tables with the same rows.
    pub fn is_empty(&self) -> bool {
        let mut outcomes = self.tables.values();
        outcomes.all(|outcome| matches!(outcome, TableComparison::Compared(counts) if counts.differing() == 0))
    }

    /// The counts of a table that both inputs have.
    ///
    /// # Errors
    /// [`Error::TableNotFound`]
    fn of(&self, table: Table) -> Result<Counts> {
        match self.tables.get(&table) {
            Some(TableComparison::Compared(counts)) => Ok(*counts),
            _ => Err(Error::TableNotFound(table)),
        }
    }
}

/// Counts added, removed and changed rows. Dropping the future does not stop the reading; cancelling the progress does.
///
/// # Errors
/// [`Error::Archive`] or [`Error::ManifestMismatch`] if an input is incomplete or does not match its manifest;
/// [`Error::TooManyDownloads`] for live data if too many other readers are active; [`Error::Cancelled`].
pub async fn counts(from: &DiffInput, to: &DiffInput, progress: &Progress) -> Result<Diff> {
    struct Nothing;
    impl DifferenceSink for Nothing {}
    let (from, to, progress) = (from.clone(), to.clone(), progress.clone());
    blocking::run(DOING, move || async move {
        compare(&from, &to, TableScope::All, &progress, &mut Nothing).await
    })
    .await
}

#[cfg(test)]
mod tests;
