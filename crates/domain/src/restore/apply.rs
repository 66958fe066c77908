//! The restore itself, between the begin of a change and its commit.

use std::collections::BTreeMap;

use campus_backup_archive::Summary;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrators::Administrators;
use super::outcome::{RestoreOutcome, RowAction, TableOutcome, money, sums};
use super::plan::{ensure_tables, read_archive};
use super::request::{Extents, Provenance, RestoreContext, RestoreMode, Scope};
use super::staging::{StagedRows, Staging};
use super::written::{self, RowSummary};
use crate::catalog::{LARGEST_ID, Table};
use crate::change::{Change, LoadMode};
use crate::error::{Error, Result, Violation};
use crate::job::Progress;
use crate::open::{self, Archived};

/// What is being done, for errors.
const DOING: &str = "restoring an archive";

/// How many ids one statement names.
const IDS_PER_STATEMENT: usize = 1_000;

/// From how many rows on a table is loaded in bulk, if it does not keep twice as many.
const MIN_BULK_ROWS: u64 = 2_000;

/// What a restore has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The result for each table that the restore concerned.
    pub tables: BTreeMap<Table, RestoredTable>,
    /// The administrators' accounts that it has changed. The caller compares them with the plan before the commit.
    pub administrators: Administrators,
}

/// What a restore or an undo has done to one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RestoredRows)]
pub struct RestoredTable {
    /// Rows inserted. If everything was replaced, all rows were removed and inserted again.
    pub inserted: u64,
    /// Live rows that were overwritten with the archive's values.
    pub updated: u64,
    /// Rows removed, with the rows that refer to them.
    pub removed: u64,
    /// Administrators' accounts that were left unchanged.
    pub kept: u64,
    /// Accounts that were restored under another id.
    pub renumbered: u64,
    /// Rows afterwards.
    pub rows: u64,
}

/// The counts and sums that must hold before the commit.
#[derive(Default)]
struct ExpectedContent {
    rows: BTreeMap<Table, u64>,
    sums: Vec<(Table, &'static str, Decimal)>,
}

/// Restores an archive in a change that has begun and that the caller commits.
///
/// 1. The change must have begun with [`Restore::tables`](super::Restore::tables), so that no other client writes to them.
/// 2. The live rows are read beside the change, which has changed nothing yet, and the archive is read once more. A
///    restore that replaces all tables needs neither: it compares only the users.
/// 3. Obstacles are refused ([`Error::Orphan`], [`Error::Conflict`], [`Error::DuplicateKey`]).
/// 4. Rows are removed, referring tables first, and then written, referred tables first. Generated ids continue after the
///    greatest that there ever was. If a removed row had an id that left no room, they continue after the greatest id that
///    leaves some ([`Change::reclaim_ids`]).
/// 5. The archive must have the same summary as `archive`, which is the summary of its first reading.
/// 6. All rows of these tables are read back within the change and compared, value by value, with the expected rows.
/// 7. The counts of these tables and the sums of money must be the expected ones, and every reference must have its row.
///
/// It blocks the thread that polls it. The scratch folder must have room for the live rows and the archive's, unless
/// all tables are replaced.
///
/// # Errors
/// [`Error::Unrestorable`] with the first row that was not read back as expected. On any error the change must be
/// dropped, and then nothing has changed.
pub async fn apply(context: &RestoreContext<'_>, change: &mut Change, archive: &Summary) -> Result<Restored> {
    context.request.check()?;
    let applier = Applier { context, archive };
    let mut highest = Vec::new();
    for table in context.request.extents().replaced_tables() {
        highest.push((table, change.highest_id_with_room(table).await?));
    }
    let is_everything = context.request.scope == Scope::All && context.request.mode == RestoreMode::Replace;
    let (restored, expected) = match is_everything {
        true => applier.replace_everything(change).await?,
        false => applier.apply_differences(change).await?,
    };
    finish(change, &expected, highest).await?;
    Ok(restored)
}

struct Applier<'a> {
    context: &'a RestoreContext<'a>,
    archive: &'a Summary,
}

impl Applier<'_> {
    /// Compares the live rows with the archive's and changes those that differ.
    async fn apply_differences(&self, change: &mut Change) -> Result<(Restored, ExpectedContent)> {
        let RestoreContext { database, progress, .. } = *self.context;
        let tables = self.context.request.tables();
        let mut staging = Staging::open(self.context.scratch).await?;
        for table in &tables {
            staging.create_tables(*table).await?;
        }
        staging.read_live(database, &tables, &progress.uncounted()).await?;
        let summary = read_archive(&mut staging, self.context, progress).await?;
        self.ensure_same_summary(&summary)?;
        let outcome = self
            .outcome(&mut staging, self.context.admin.user_id(), &tables)
            .await?;
        self.refuse_obstacles(&outcome)?;
        let expected = carry_out(&mut staging, change, &outcome, None, progress).await?;
        let tables = outcome.tables.iter().map(|(table, found)| (*table, found.into()));
        let restored = Restored {
            tables: tables.collect(),
            administrators: outcome.administrators,
        };
        Ok((restored, expected))
    }

    /// Replaces all tables. Only users have to be compared.
    async fn replace_everything(&self, change: &mut Change) -> Result<(Restored, ExpectedContent)> {
        let RestoreContext {
            database,
            source,
            keys,
            progress,
            ..
        } = *self.context;
        let before = change.count().await?;
        let (mut reader, tables) = open::reader(source.open()?, keys)?;
        ensure_tables(self.context.request, &tables)?;
        let mut staging = Staging::open(self.context.scratch).await?;
        staging.create_tables(Table::Users).await?;
        staging
            .read_live(database, &[Table::Users], &progress.uncounted())
            .await?;
        // Users are the first table of an archive.
        reader.next_table()?;
        staging.read_archive(&mut reader, Table::Users, None, progress).await?;
        let acting = self.context.admin.user_id();
        let outcome = self.outcome(&mut staging, acting, &[Table::Users]).await?;
        self.refuse_obstacles(&outcome)?;
        let mut expected = ExpectedContent::default();
        expected.add_table(&mut staging, &outcome, Table::Users).await?;
        let others: Vec<_> = tables.into_iter().filter(|table| *table != Table::Users).collect();
        let mut largest_ids = BTreeMap::new();
        for table in &others {
            let largest = match self.context.provenance {
                Provenance::Unknown => database.id_counter(*table).await?.max(LARGEST_ID),
                Provenance::SafetyArchive | Provenance::Undo => i64::MAX,
            };
            largest_ids.insert(*table, largest);
        }
        change.empty(&others).await?;
        remove(&mut staging, change, &outcome).await?;
        write(&mut staging, change, &outcome).await?;
        let users = outcome
            .tables
            .iter()
            .map(|(table, found)| (*table, RestoredTable::from(found)));
        let mut restored: BTreeMap<_, _> = users.collect();
        for &table in &others {
            reader.next_table()?;
            let rows = self.archive.rows.get(table.name()).copied().unwrap_or_default();
            let largest_id = largest_ids.get(&table).copied().unwrap_or(LARGEST_ID);
            let mut archived = Archived::new(&mut reader, table, progress)
                .with_largest_id(largest_id)
                .into_engine(database.engine());
            let loaded = change.load(table, &mut archived, load_mode(rows, 0)).await;
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
        self.ensure_same_summary(&summary)?;
        written::ensure_staged(change, &mut staging, Table::Users, None, progress).await?;
        written::ensure_archived(change, &others, &summary, source, keys, progress).await?;
        for (table, done) in restored.iter().filter(|(table, _)| **table != Table::Users) {
            expected.rows.insert(*table, done.rows);
            for column in money(*table) {
                // A sum that no decimal can hold is not a sum of money.
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

    async fn outcome(&self, staging: &mut Staging, acting: Option<i64>, tables: &[Table]) -> Result<RestoreOutcome> {
        RestoreOutcome::find(staging, self.context, acting, tables).await
    }

    fn refuse_obstacles(&self, outcome: &RestoreOutcome) -> Result<()> {
        outcome.refuse(self.context.request)?;
        match self.context.provenance {
            Provenance::Unknown => outcome.refuse_unknown(),
            Provenance::SafetyArchive | Provenance::Undo => Ok(()),
        }
    }

    fn ensure_same_summary(&self, summary: &Summary) -> Result<()> {
        match summary == self.archive {
            true => Ok(()),
            false => Err(Error::internal(DOING)(
                "the archive is no longer the one that was checked",
            )),
        }
    }

    /// Finds the row in the archive when an engine has refused a reference and did not name the row.
    async fn orphan(&self, refused: Error) -> Error {
        match self.find_orphan().await {
            Ok(()) => refused,
            Err(error) => error,
        }
    }

    async fn find_orphan(&self) -> Result<()> {
        let mut staging = Staging::open(self.context.scratch).await?;
        for table in Table::ALL {
            staging.create_tables(table).await?;
        }
        let uncounted = self.context.progress.uncounted();
        read_archive(&mut staging, self.context, &uncounted).await?;
        let outcome = self.outcome(&mut staging, None, &Table::ALL).await?;
        outcome.refuse(self.context.request)
    }
}

/// Removes and writes rows by an outcome that was found in a staging database and has no obstacle, and reads the tables
/// back. If `summary` is wanted, the tables' rows as they are afterwards are added to it.
///
/// # Errors
/// [`Error::Unrestorable`] with the first row that was not read back as expected.
async fn carry_out(
    staging: &mut Staging,
    change: &mut Change,
    outcome: &RestoreOutcome,
    mut summary: Option<&mut RowSummary>,
    progress: &Progress,
) -> Result<ExpectedContent> {
    let mut expected = ExpectedContent::default();
    for table in outcome.tables.keys() {
        expected.add_table(staging, outcome, *table).await?;
    }
    remove(staging, change, outcome).await?;
    write(staging, change, outcome).await?;
    for table in outcome.tables.keys() {
        if let Some(summary) = &mut summary {
            summary.begin_table();
        }
        written::ensure_staged(change, staging, *table, summary.as_deref_mut(), progress).await?;
        if let Some(summary) = &mut summary {
            summary.end_table();
        }
    }
    Ok(expected)
}

/// Applies the outcome of an import, whose staging database has the new rows where that of a restore has the archive's. All
/// steps of [`apply`] follow. Returns the counts, and the digests of the tables afterwards.
///
/// # Errors
/// As [`apply`].
pub(crate) async fn apply_staged(
    staging: &mut Staging,
    change: &mut Change,
    extents: &Extents,
    tables: BTreeMap<Table, TableOutcome>,
    progress: &Progress,
) -> Result<(BTreeMap<Table, RestoredTable>, BTreeMap<String, String>)> {
    let outcome = RestoreOutcome {
        tables,
        ..RestoreOutcome::default()
    };
    let mut highest = Vec::new();
    for table in extents.replaced_tables() {
        highest.push((table, change.highest_id_with_room(table).await?));
    }
    let names: Vec<_> = outcome.tables.keys().copied().collect();
    let mut summary = RowSummary::of(&names);
    let expected = carry_out(staging, change, &outcome, Some(&mut summary), progress).await?;
    finish(change, &expected, highest).await?;
    let restored = outcome.tables.iter().map(|(table, found)| (*table, found.into()));
    Ok((restored.collect(), summary.finish().sha256))
}

/// The last checks, and the ids that are free again.
async fn finish(change: &mut Change, expected: &ExpectedContent, highest: Vec<(Table, i64)>) -> Result<()> {
    expected.ensure(change).await?;
    for (table, highest) in highest {
        change.reclaim_ids(table, highest).await?;
    }
    change.check().await
}

/// Removes rows, referring tables first. A changed row of a table with references is removed, too, and inserted again: the
/// row that it referred to may go, and the unique values that it had are free for other rows.
async fn remove(staging: &mut Staging, change: &mut Change, outcome: &RestoreOutcome) -> Result<()> {
    for (&table, found) in outcome.tables.iter().rev() {
        let actions: &[_] = match table.references() {
            [] => &RowAction::REMOVE,
            _ => &[RowAction::Delete, RowAction::Cascade, RowAction::Update],
        };
        if found.deletes + found.cascades + found.updates == 0 {
            continue;
        }
        let mut after = None;
        loop {
            let ids = ids(staging, table, actions, after).await?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            change.delete(table, &ids).await?;
        }
    }
    Ok(())
}

/// Writes rows, referred tables first.
async fn write(staging: &mut Staging, change: &mut Change, outcome: &RestoreOutcome) -> Result<()> {
    for (&table, found) in &outcome.tables {
        let mut loaded = found.inserts;
        let mut actions = &[RowAction::Insert][..];
        match (table.references(), table.unique_key()) {
            ([], [key]) if found.updates > 0 => {
                free_unique_keys(staging, change, table, key).await?;
                let sql = rows_with(table, &[RowAction::Update]);
                let mut handle = staging.lock().await?;
                let mut rows = StagedRows::prepare(&mut handle, table, &sql)?;
                change.overwrite(table, &mut rows).await?;
            }
            ([], _) => {}
            _ => {
                actions = &RowAction::WRITE;
                loaded += found.updates;
            }
        }
        if loaded > 0 {
            let sql = rows_with(table, actions);
            let mut handle = staging.lock().await?;
            let mut rows = StagedRows::prepare(&mut handle, table, &sql)?;
            change
                .load(table, &mut rows, load_mode(loaded, found.rows_after - loaded))
                .await?;
        }
    }
    Ok(())
}

/// Gives up the unique values of rows that get other ones, before any row gets the value of another row.
async fn free_unique_keys(staging: &mut Staging, change: &mut Change, table: Table, key: &str) -> Result<()> {
    let condition = format!(
        "x.action = {} AND (SELECT l.{key} FROM l_{table} l WHERE l.id = x.id) \
         <> (SELECT a.{key} FROM a_{table} a WHERE a.id = x.id)",
        RowAction::Update
    );
    let mut after = i64::MIN;
    loop {
        let sql = format!(
            "SELECT x.id FROM x_{table} x WHERE {condition} AND x.id > {after} ORDER BY x.id LIMIT {IDS_PER_STATEMENT}"
        );
        let ids = staging.numbers(&sql).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        change.free_unique_keys(table, key, &ids).await?;
    }
}

/// The next ids of rows with these actions, after one id.
async fn ids(staging: &mut Staging, table: Table, actions: &[RowAction], after: Option<i64>) -> Result<Vec<i64>> {
    let after = after.map_or(String::new(), |id| format!("AND id > {id}"));
    let actions = RowAction::listed(actions);
    let sql =
        format!("SELECT id FROM x_{table} WHERE action IN ({actions}) {after} ORDER BY id LIMIT {IDS_PER_STATEMENT}");
    staging.numbers(&sql).await
}

/// Selects the archive's rows with these actions.
fn rows_with(table: Table, actions: &[RowAction]) -> String {
    let actions = RowAction::listed(actions);
    format!("SELECT a.* FROM x_{table} x JOIN a_{table} a ON a.id = x.id WHERE x.action IN ({actions}) ORDER BY x.id")
}

/// How to load rows into a table that has `others` more rows.
fn load_mode(rows: u64, others: u64) -> LoadMode {
    if rows >= MIN_BULK_ROWS && rows >= others / 2 {
        LoadMode::Bulk
    } else {
        LoadMode::InPlace
    }
}

impl ExpectedContent {
    async fn add_table(&mut self, staging: &mut Staging, outcome: &RestoreOutcome, table: Table) -> Result<()> {
        if let Some(found) = outcome.tables.get(&table) {
            self.rows.insert(table, found.rows_after);
        }
        for column in money(table) {
            let (_, after) = sums(staging, table, column).await?;
            self.sums.push((table, column, after));
        }
        Ok(())
    }

    async fn ensure(&self, change: &mut Change) -> Result<()> {
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
