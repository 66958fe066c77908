//! The application of a plan, between the begin of a change and its commit.

use std::collections::BTreeMap;
use std::path::Path;

use super::folder::ImportFolder;
use super::plan::{GeneratedIds, StoredImport};
use crate::catalog::Table;
use crate::change::Change;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::job::Progress;
use crate::restore::staging::Staging;
use crate::restore::{RestoredTable, apply_staged, outcome};

/// What an import has done.
pub(crate) struct Applied {
    /// The result for each table that it concerned.
    pub(crate) tables: BTreeMap<Table, RestoredTable>,
    /// SHA-256 of the rows of each of these tables afterwards, as in the summary of an archive.
    pub(crate) digests: BTreeMap<String, String>,
}

/// Applies a plan in a change that has begun and that the caller commits. The live rows must be those of the plan, so that its
/// staging database still has the outcome. It blocks the thread that polls it.
///
/// # Errors
/// As [`restore::apply`](crate::restore::apply); [`Error::ImportGone`] if the staging database is no longer there. On any error the
/// change must be dropped, and then nothing has changed.
pub(crate) async fn apply(
    database: &Database,
    folder: &ImportFolder,
    stored: &StoredImport,
    scratch: &Path,
    change: &mut Change,
    progress: &Progress,
) -> Result<Applied> {
    let saved = folder.staging();
    if !saved.is_file() {
        return Err(Error::ImportGone);
    }
    let mut staging = Staging::beside(scratch, &saved).await?;
    let shifts = shifts(database, stored).await?;
    if shifts.values().any(|shift| shift.by != 0) {
        shift_ids(&mut staging, stored, &shifts).await?;
    }
    let extents = stored.request.extents();
    let mut outcomes = BTreeMap::new();
    for table in extents.tables.keys() {
        outcomes.insert(*table, outcome::count(&mut staging, *table).await?);
    }
    let (tables, digests) = apply_staged(&mut staging, change, &extents, outcomes, progress).await?;
    Ok(Applied { tables, digests })
}

/// How far generated ids have to be shifted.
struct IdShift {
    /// Ids after this one.
    after: i64,
    by: i64,
}

impl IdShift {
    /// The id of a row, as SQL.
    fn of(&self, id: &str) -> String {
        format!("CASE WHEN {id} > {} THEN {id} + {} ELSE {id} END", self.after, self.by)
    }
}

/// Compares the ids that the database has generated until now with those of the plan. Rows that were inserted and removed
/// since, and insertions that failed, have used ids.
async fn shifts(database: &Database, stored: &StoredImport) -> Result<BTreeMap<Table, IdShift>> {
    let mut shifts = BTreeMap::new();
    for (&table, &GeneratedIds { after, given, count }) in &stored.generated {
        let now = database.id_counter(table).await?.max(given);
        if now
            .checked_add_unsigned(count)
            .is_none_or(|last| last > crate::catalog::LARGEST_ID)
        {
            return Err(Error::id_without_room(table, now));
        }
        shifts.insert(table, IdShift { after, by: now - after });
    }
    Ok(shifts)
}

/// Makes new rows and their actions again, with other ids and references. They hide those of the plan.
async fn shift_ids(staging: &mut Staging, stored: &StoredImport, shifts: &BTreeMap<Table, IdShift>) -> Result<()> {
    for table in stored.request.extents().tables.into_keys() {
        let id = shifts.get(&table).map_or("id".to_owned(), |shift| shift.of("id"));
        let values = table.columns().iter().skip(1).map(|column| {
            let references = table.references().iter();
            let reference = references.filter(|reference| reference.column == column.name);
            let mut shift = reference.filter_map(|reference| shifts.get(&reference.table));
            shift
                .next()
                .map_or(column.name.to_owned(), |shift| shift.of(column.name))
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let columns: Vec<_> = table.columns().iter().skip(1).map(|column| column.name).collect();
        for sql in [
            format!(
                "CREATE TABLE main.a_{table} (id INTEGER PRIMARY KEY, {})",
                columns.join(", ")
            ),
            format!("INSERT INTO main.a_{table} SELECT {id}, {values} FROM saved.a_{table}"),
            format!("CREATE TABLE main.x_{table} (id INTEGER PRIMARY KEY, action TEXT NOT NULL)"),
            format!("INSERT INTO main.x_{table} SELECT {id}, action FROM saved.x_{table}"),
        ] {
            staging.run(&sql).await?;
        }
    }
    Ok(())
}
