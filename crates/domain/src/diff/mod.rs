//! What differs between two archives, or between one and the live data.
//!
//! Rows stand in the order of their ids everywhere, and equal rows have equal bytes. So both [sides](side) are read in
//! step and [merged](merge) on the id, in memory that does not grow with the rows; only rows that differ are looked into
//! ([`row`]). [`counts`] says how many there are, [`rows`] shows them page by page, [`csv()`] as a file; each reads both
//! sides to their ends and answers only if both are whole.
//!
//! One thread that may block does all of it. The live data pushes its rows ([`live`]) and is made to take turns with the
//! merge, so that a comparison never waits for a second thread that others may have.

mod csv;
mod live;
mod merge;
mod page;
mod row;
mod side;

use std::collections::BTreeMap;
use std::sync::Arc;

use campus_backup_archive::{Keys, Manifest};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::csv::{CsvRequest, csv};
use self::merge::{Found, compare};
pub use self::page::{Page, RowsPage, rows};
pub use self::row::{Field, Row, Values};
use crate::catalog::{Scope, Table};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::job::Progress;
use crate::open::Source;

/// What is being done, for errors.
const DOING: &str = "comparing";

/// One of the two that are compared.
#[derive(Clone)]
pub enum Side {
    /// An archive, of all tables or of one.
    Archive(Archive),
    /// The live data, at the moment at which the comparison begins to read it.
    Live(Database),
}

/// An archive that is compared.
#[derive(Clone)]
pub struct Archive {
    /// Its bytes.
    pub source: Arc<dyn Source>,
    /// What opens it.
    pub keys: Keys,
    /// What is known of it. Tables that have the same digest in two manifests are not compared row by row, and if all
    /// have, no archive is read.
    pub manifest: Option<Arc<Manifest>>,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only `to` has it.
    Added,
    /// Only `from` has it.
    Removed,
    /// Both have it, with other values.
    Changed,
}

impl Change {
    /// Its name in answers and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// Rows of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// That only `to` has.
    pub added: u64,
    /// That only `from` has.
    pub removed: u64,
    /// That have other values.
    pub changed: u64,
    /// That are the same.
    pub unchanged: u64,
}

impl Counts {
    /// Rows that differ in any way.
    pub fn differing(&self) -> u64 {
        self.added + self.removed + self.changed
    }

    /// Rows that differ in one way.
    pub fn of(&self, change: Change) -> u64 {
        match change {
            Change::Added => self.added,
            Change::Removed => self.removed,
            Change::Changed => self.changed,
        }
    }
}

/// What became of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was compared.
    Compared(Counts),
    /// Only `from` has it.
    OnlyFrom,
    /// Only `to` has it.
    OnlyTo,
}

/// How two sides differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// The moment that `from` shows.
    pub from: DateTime<Utc>,
    /// The moment that `to` shows.
    pub to: DateTime<Utc>,
    /// The tables that either side has.
    pub tables: BTreeMap<Table, Outcome>,
}

impl Diff {
    /// Whether both have the same tables with the same rows.
    pub fn is_empty(&self) -> bool {
        let mut outcomes = self.tables.values();
        outcomes.all(|outcome| matches!(outcome, Outcome::Compared(counts) if counts.differing() == 0))
    }

    /// The counts of a table that both sides have.
    ///
    /// # Errors
    /// [`Error::TableNotFound`]
    fn of(&self, table: Table) -> Result<Counts> {
        match self.tables.get(&table) {
            Some(Outcome::Compared(counts)) => Ok(*counts),
            _ => Err(Error::TableNotFound(table)),
        }
    }
}

/// Counts what was added, removed and changed from one side to the other. A future that is dropped leaves the reading to
/// go on until it is cancelled.
///
/// # Errors
/// [`Error::Archive`] or [`Error::ManifestMismatch`] if a side is not whole or not what its manifest says;
/// [`Error::TooManyDownloads`] for live data if as many readers as the settings allow are at work; [`Error::Cancelled`].
pub async fn counts(from: &Side, to: &Side, progress: &Progress) -> Result<Diff> {
    struct Nothing;
    impl Found for Nothing {}
    let (from, to, progress) = (from.clone(), to.clone(), progress.clone());
    on_a_thread(async move |()| compare(&from, &to, Scope::All, &progress, &mut Nothing).await).await
}

/// Does it on a thread that may block.
async fn on_a_thread<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: AsyncFnOnce(()) -> Result<T> + Send + 'static,
{
    let runtime = tokio::runtime::Handle::current();
    let worked = tokio::task::spawn_blocking(move || runtime.block_on(work(())));
    worked.await.map_err(Error::internal(DOING))?
}

#[cfg(test)]
mod tests;
