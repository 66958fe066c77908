//! Doing it, between the beginning of a change and its commit.

use std::collections::BTreeMap;
use std::path::Path;

use campus_backup_archive::{Keys, Summary};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::administrators::Administrators;
use super::outcome::{Outcome, TableOutcome, money, sums};
use super::plan::{demand, read_archive};
use super::request::{Extent, Mode, Provenance, Restore, Scope};
use super::stage::{Stage, Staged};
use super::written;
use crate::account::Admin;
use crate::catalog::{LARGEST_ID, Table};
use crate::change::{Change, Way};
use crate::database::Database;
use crate::error::{Error, Result, Violation};
use crate::job::Progress;
use crate::open::Archived;
use crate::open::{self, Source};

/// What is being done, for errors.
const DOING: &str = "restoring an archive";

/// How many ids one statement names.
const IDS_A_STATEMENT: usize = 1_000;

/// From how many rows on a table is loaded in bulk, if it does not keep twice as many.
const MANY: u64 = 2_000;

/// What a restore has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// For each table that it concerned.
    pub tables: BTreeMap<Table, RestoredTable>,
    /// The administrators' accounts that it has changed, for the caller to compare with the plan before the commit.
    pub administrators: Administrators,
}

/// What it has done to one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredTable {
    /// Rows inserted. If everything was replaced, all rows were removed and inserted again.
    pub inserted: u64,
    /// Rows that were there and have become what the archive has.
    pub updated: u64,
    /// Rows removed, with those that hung on them.
    pub removed: u64,
    /// Administrators' accounts that were left as they were.
    pub kept: u64,
    /// Accounts that came back under another id.
    pub renumbered: u64,
    /// Rows afterwards.
    pub rows: u64,
}

/// What must come out.
#[derive(Default)]
struct Expected {
    rows: BTreeMap<Table, u64>,
    sums: Vec<(Table, &'static str, Decimal)>,
}

/// Restores, in a change that has begun and that the caller commits.
///
/// 1. The change must have begun with [`Restore::tables`], so that nobody else writes to them.
/// 2. What the live rows are is read beside the change, which has changed nothing yet; the archive is read once more.
///    Everything replaced by everything needs neither: there only the users are compared.
/// 3. What stands in the way is refused ([`Error::Orphan`], [`Error::Conflict`], [`Error::DuplicateKey`]).
/// 4. Rows are removed, those that hang on others first; then written, those that others hang on first. Generated ids go on
///    behind the greatest that there was.
///    Where a row that is gone had an id that left no room, they continue after the greatest that left some
///    ([`Change::reclaim_ids`]).
/// 5. The archive must have been the one of `archive`, which is what its first reading said of it.
/// 6. All rows of these tables are read back within the change and must be those that should be there, value by value.
/// 7. The counts of these tables and the sums of money must be those that were foreseen, and no row may refer to nothing.
///
/// It works on the thread that polls it, which should be one that may block. `scratch` is a folder with room for the rows
/// of both sides, if not everything is replaced.
///
/// # Errors
/// [`Error::Unrestorable`] with the first row that was not read back as it should be. On any error the change must be
/// dropped, and then nothing has changed.
#[allow(
    clippy::too_many_arguments,
    reason = "each is another thing, and they meet only here"
)]
pub async fn apply(
    admin: &Admin,
    database: &Database,
    change: &mut Change,
    source: &dyn Source,
    keys: &Keys,
    archive: &Summary,
    request: &Restore,
    provenance: Provenance,
    scratch: &Path,
    progress: &Progress,
) -> Result<Restored> {
    request.check()?;
    let restoring = Restoring {
        admin,
        database,
        source,
        keys,
        archive,
        request,
        provenance,
        scratch,
        progress,
    };
    let replaced = restoring.replaced();
    let mut highest = Vec::new();
    for table in replaced {
        highest.push((table, change.highest_id_with_room(table).await?));
    }
    let everything = request.scope == Scope::All && request.mode == Mode::Replace;
    let (restored, expected) = match everything {
        true => restoring.everything(change).await?,
        false => restoring.differences(change).await?,
    };
    expected.demand(change).await?;
    for (table, highest) in highest {
        change.reclaim_ids(table, highest).await?;
    }
    change.check().await?;
    Ok(restored)
}

struct Restoring<'a> {
    admin: &'a Admin,
    database: &'a Database,
    source: &'a dyn Source,
    keys: &'a Keys,
    archive: &'a Summary,
    request: &'a Restore,
    provenance: Provenance,
    scratch: &'a Path,
    progress: &'a Progress,
}

impl Restoring<'_> {
    /// The tables of which no row stays that the archive does not have.
    fn replaced(&self) -> Vec<Table> {
        let is_whole = |table: &Table| self.request.extent(*table) == Some(Extent::Whole);
        match self.request.mode {
            Mode::Replace => self.request.tables().into_iter().filter(is_whole).collect(),
            Mode::Merge | Mode::InsertMissing => Vec::new(),
        }
    }

    /// Compares both sides and changes what differs.
    async fn differences(&self, change: &mut Change) -> Result<(Restored, Expected)> {
        let tables = self.request.tables();
        let mut stage = Stage::open(self.scratch).await?;
        for table in &tables {
            stage.make(*table).await?;
        }
        let uncounted = self.progress.uncounted();
        stage.read_live(self.database, &tables, &uncounted).await?;
        let summary = read_archive(&mut stage, self.source, self.keys, self.request, self.progress).await?;
        self.demand_the_same(&summary)?;
        let outcome = self.outcome(&mut stage, self.admin.user_id(), &tables).await?;
        self.refuse(&outcome)?;
        let mut expected = Expected::default();
        for table in &tables {
            expected.foresee(&mut stage, &outcome, *table).await?;
        }
        remove(&mut stage, change, &outcome).await?;
        write(&mut stage, change, &outcome).await?;
        for table in &tables {
            written::demand_staged(change, &mut stage, *table, self.progress).await?;
        }
        let tables = outcome.tables.iter().map(|(table, found)| (*table, found.into()));
        let restored = Restored {
            tables: tables.collect(),
            administrators: outcome.administrators,
        };
        Ok((restored, expected))
    }

    /// Puts everything in the place of everything. Only users have to be compared.
    async fn everything(&self, change: &mut Change) -> Result<(Restored, Expected)> {
        let before = change.count().await?;
        let (mut reader, tables) = open::reader(self.source.open()?, self.keys)?;
        demand(self.request, &tables)?;
        let mut stage = Stage::open(self.scratch).await?;
        stage.make(Table::Users).await?;
        let uncounted = self.progress.uncounted();
        stage.read_live(self.database, &[Table::Users], &uncounted).await?;
        // Users are the first table.
        reader.next_table()?;
        stage
            .read_archive(&mut reader, Table::Users, None, self.progress)
            .await?;
        let outcome = self.outcome(&mut stage, self.admin.user_id(), &[Table::Users]).await?;
        self.refuse(&outcome)?;
        let mut expected = Expected::default();
        expected.foresee(&mut stage, &outcome, Table::Users).await?;
        let others: Vec<_> = tables.into_iter().filter(|table| *table != Table::Users).collect();
        let mut largest_ids = BTreeMap::new();
        for table in &others {
            let largest = match self.provenance {
                Provenance::Unknown => self.database.id_counter(*table).await?.max(LARGEST_ID),
                Provenance::SafetyArchive | Provenance::Undo => i64::MAX,
            };
            largest_ids.insert(*table, largest);
        }
        change.empty(&others).await?;
        remove(&mut stage, change, &outcome).await?;
        write(&mut stage, change, &outcome).await?;
        let users = outcome
            .tables
            .iter()
            .map(|(table, found)| (*table, RestoredTable::from(found)));
        let mut restored: BTreeMap<_, _> = users.collect();
        for &table in &others {
            reader.next_table()?;
            let rows = self.archive.rows.get(table.name()).copied().unwrap_or_default();
            let largest_id = largest_ids.get(&table).copied().unwrap_or(LARGEST_ID);
            let mut archived = Archived::new(&mut reader, table, self.progress)
                .with_largest_id(largest_id)
                .into_engine(self.database.engine());
            let loaded = change.load(table, &mut archived, way(rows, 0)).await;
            let inserted = match loaded {
                Err(error) if error.violation() == Some(Violation::Reference) => return Err(self.orphan(error).await),
                loaded => loaded?,
            };
            let done = RestoredTable {
                inserted,
                removed: before.of(table),
                rows: inserted,
                ..RestoredTable::default()
            };
            restored.insert(table, done);
        }
        let summary = reader.finish()?;
        self.demand_the_same(&summary)?;
        written::demand_staged(change, &mut stage, Table::Users, self.progress).await?;
        written::demand_archived(change, &others, &summary, self.source, self.keys, self.progress).await?;
        for (table, done) in restored.iter().filter(|(table, _)| **table != Table::Users) {
            expected.rows.insert(*table, done.rows);
            for column in money(*table) {
                // A sum that no decimal can hold is none of amounts of money.
                let sum = summary
                    .totals
                    .get(&format!("{table}.{column}"))
                    .and_then(|sum| sum.parse().ok());
                expected.sums.push((*table, column, sum.unwrap_or_default()));
            }
        }
        let restored = Restored {
            tables: restored,
            administrators: outcome.administrators,
        };
        Ok((restored, expected))
    }

    async fn outcome(&self, stage: &mut Stage, acting: Option<i64>, tables: &[Table]) -> Result<Outcome> {
        Outcome::find(stage, self.database, self.request, self.provenance, acting, tables).await
    }

    fn refuse(&self, outcome: &Outcome) -> Result<()> {
        outcome.refuse(self.request)?;
        match self.provenance {
            Provenance::Unknown => outcome.refuse_unknown(),
            Provenance::SafetyArchive | Provenance::Undo => Ok(()),
        }
    }

    fn demand_the_same(&self, summary: &Summary) -> Result<()> {
        match summary == self.archive {
            true => Ok(()),
            false => Err(Error::internal(DOING)(
                "the archive is no longer the one that was checked",
            )),
        }
    }

    /// What an engine has refused because a row refers to nothing, and did not say which: looks for it in the archive.
    async fn orphan(&self, refused: Error) -> Error {
        match self.find_orphan().await {
            Ok(()) => refused,
            Err(error) => error,
        }
    }

    async fn find_orphan(&self) -> Result<()> {
        let mut stage = Stage::open(self.scratch).await?;
        for table in Table::ALL {
            stage.make(table).await?;
        }
        let uncounted = self.progress.uncounted();
        read_archive(&mut stage, self.source, self.keys, self.request, &uncounted).await?;
        let outcome = self.outcome(&mut stage, None, &Table::ALL).await?;
        outcome.refuse(self.request)
    }
}

/// Rows that hang on others go first. A row that refers to others and is to be another is removed, too, and comes back:
/// what it referred to may go, and what it takes from another such row is free.
async fn remove(stage: &mut Stage, change: &mut Change, outcome: &Outcome) -> Result<()> {
    for (&table, found) in outcome.tables.iter().rev() {
        let actions = match table.references() {
            [] => "'d', 'c'",
            _ => "'d', 'c', 'u'",
        };
        if found.deletes + found.cascades + found.updates == 0 {
            continue;
        }
        let mut after = None;
        loop {
            let ids = ids(stage, table, actions, after).await?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            change.delete(table, &ids).await?;
        }
    }
    Ok(())
}

/// Rows that others hang on are written first.
async fn write(stage: &mut Stage, change: &mut Change, outcome: &Outcome) -> Result<()> {
    for (&table, found) in &outcome.tables {
        let mut come = found.inserts;
        let mut actions = "'i'";
        match (table.references(), table.unique_key()) {
            ([], [key]) if found.updates > 0 => {
                park(stage, change, table, key).await?;
                let sql = rows_of(table, "'u'");
                let mut handle = stage.lock().await?;
                let mut rows = Staged::prepare(&mut handle, table, &sql)?;
                change.overwrite(table, &mut rows).await?;
            }
            ([], _) => {}
            _ => {
                actions = "'i', 'u'";
                come += found.updates;
            }
        }
        if come > 0 {
            let sql = rows_of(table, actions);
            let mut handle = stage.lock().await?;
            let mut rows = Staged::prepare(&mut handle, table, &sql)?;
            change
                .load(table, &mut rows, way(come, found.rows_after - come))
                .await?;
        }
    }
    Ok(())
}

/// Rows whose unique texts change give up what they have before any of them gets another's.
async fn park(stage: &mut Stage, change: &mut Change, table: Table, key: &str) -> Result<()> {
    let condition = format!(
        "x.action = 'u' AND (SELECT l.{key} FROM l_{table} l WHERE l.id = x.id) \
         <> (SELECT a.{key} FROM a_{table} a WHERE a.id = x.id)"
    );
    let mut after = i64::MIN;
    loop {
        let sql = format!(
            "SELECT x.id FROM x_{table} x WHERE {condition} AND x.id > {after} ORDER BY x.id LIMIT {IDS_A_STATEMENT}"
        );
        let ids = stage.numbers(&sql).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        change.park(table, key, &ids).await?;
    }
}

/// Ids of rows with these actions, the next ones after one.
async fn ids(stage: &mut Stage, table: Table, actions: &str, after: Option<i64>) -> Result<Vec<i64>> {
    let after = after.map_or(String::new(), |id| format!("AND id > {id}"));
    let sql =
        format!("SELECT id FROM x_{table} WHERE action IN ({actions}) {after} ORDER BY id LIMIT {IDS_A_STATEMENT}");
    stage.numbers(&sql).await
}

fn rows_of(table: Table, actions: &str) -> String {
    format!("SELECT a.* FROM x_{table} x JOIN a_{table} a ON a.id = x.id WHERE x.action IN ({actions}) ORDER BY x.id")
}

/// How so many rows are loaded into a table that has so many others.
fn way(come: u64, others: u64) -> Way {
    if come >= MANY && come >= others / 2 {
        Way::Bulk
    } else {
        Way::InPlace
    }
}

impl Expected {
    async fn foresee(&mut self, stage: &mut Stage, outcome: &Outcome, table: Table) -> Result<()> {
        if let Some(found) = outcome.tables.get(&table) {
            self.rows.insert(table, found.rows_after);
        }
        for column in money(table) {
            let (_, after) = sums(stage, table, column).await?;
            self.sums.push((table, column, after));
        }
        Ok(())
    }

    async fn demand(&self, change: &mut Change) -> Result<()> {
        let found = change.count().await?.rows;
        if let Some((table, _)) = self.rows.iter().find(|(table, rows)| found.get(table) != Some(rows)) {
            return Err(Error::internal(DOING)(format!(
                "{table} did not get the rows that it should have"
            )));
        }
        for (table, column, expected) in &self.sums {
            if change.sum(*table, column).await? != *expected {
                return Err(Error::internal(DOING)(format!(
                    "the sum of {table}.{column} is not what it should be"
                )));
            }
        }
        Ok(())
    }
}

impl From<&TableOutcome> for RestoredTable {
    fn from(found: &TableOutcome) -> Self {
        Self {
            inserted: found.inserts,
            updated: found.updates,
            removed: found.deletes + found.cascades,
            kept: found.kept,
            renumbered: found.renumbered,
            rows: found.rows_after,
        }
    }
}
