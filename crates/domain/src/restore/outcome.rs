//! The outcome of a restore for each row, found by SQL in the staging database.
//!
//! For each table `x_...` has the [`RowAction`] of each row that does not stay unchanged. Two more tables have the obstacles.
//! `k_...` has archived rows whose unique value another row of the outcome has, or whose id belongs to a row that must not
//! change. `o_...` has archived rows that would refer to a missing row.

use std::collections::BTreeMap;
use std::fmt;

use campus_backup_archive::Kind;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::administrators::{self, Administrators};
use super::request::{Extent, Extents, Provenance, Restore, RestoreContext, RestoreMode, Scope};
use super::staging::{RowSource, Staging};
use super::users::{self, AccountDecisions};
use crate::catalog::{LARGEST_ID, Table};
use crate::change;
use crate::database::Database;
use crate::error::{Error, Result};

/// What a restore does to a row that does not stay unchanged. [`Display`](fmt::Display) writes it as SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowAction {
    /// The archive's row is inserted.
    Insert,
    /// The archive's row replaces the live row.
    Update,
    /// The live row is removed.
    Delete,
    /// The live row is removed because it refers to a removed row.
    Cascade,
}

impl RowAction {
    /// The actions that write the archive's row.
    pub(crate) const WRITE: [Self; 2] = [Self::Insert, Self::Update];

    /// The actions that remove the live row.
    pub(super) const REMOVE: [Self; 2] = [Self::Delete, Self::Cascade];

    /// Some actions as an SQL list, such as `'i', 'u'`.
    pub(crate) fn listed(actions: &[Self]) -> String {
        actions.iter().map(Self::to_string).collect::<Vec<_>>().join(", ")
    }

    /// [`Self::WRITE`] as an SQL list.
    pub(crate) fn write() -> String {
        Self::listed(&Self::WRITE)
    }

    /// [`Self::REMOVE`] as an SQL list.
    pub(crate) fn remove() -> String {
        Self::listed(&Self::REMOVE)
    }
}

impl fmt::Display for RowAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Insert => "'i'",
            Self::Update => "'u'",
            Self::Delete => "'d'",
            Self::Cascade => "'c'",
        })
    }
}

/// The outcome of a restore for one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TablePlan)]
pub struct TableOutcome {
    /// Live rows before.
    pub rows_before: u64,
    /// Live rows afterwards.
    pub rows_after: u64,
    /// Rows of the archive that are inserted.
    pub inserts: u64,
    /// Live rows that are overwritten with the archive's values.
    pub updates: u64,
    /// Live rows that the archive does not have and that are removed.
    pub deletes: u64,
    /// Rows of a table that is not restored, which are removed because they refer to a removed row.
    pub cascades: u64,
    /// Rows of the archive for which nothing is done: the live row is equal or, if only missing rows are inserted, there is
    /// a live row.
    pub unchanged: u64,
    /// Rows of the archive that are in conflict with another row.
    pub conflicts: u64,
    /// The id of the first of them.
    pub first_conflict: Option<i64>,
    /// Rows of the archive that would refer to a missing row.
    pub orphans: u64,
    /// The id of the first of them.
    pub first_orphan: Option<i64>,
    /// Rows of the archive whose ids would leave no room for later rows. Warnings and blockers name them.
    #[serde(skip)]
    pub without_room: u64,
    /// The id of the first of them.
    #[serde(skip)]
    pub first_without_room: Option<i64>,
    /// Administrators' accounts that are left unchanged.
    pub kept: u64,
    /// Accounts of the archive that are restored under another id, because theirs belongs to an administrator who stays.
    pub renumbered: u64,
}

/// The outcome for all tables that a restore concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RestoreOutcome {
    pub(crate) tables: BTreeMap<Table, TableOutcome>,
    pub(super) accounts: AccountDecisions,
    pub(super) administrators: Administrators,
    /// Values that would be written and that only another engine can hold.
    pub(super) foreign: BTreeMap<Table, ForeignValues>,
}

/// How many values of other engines are named; the rest are counted.
const MAX_FOREIGN_NAMED: usize = 20;

/// Values of a table that only another engine can hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ForeignValues {
    pub(super) count: u64,
    /// Row and column of the first of them.
    pub(super) first: Vec<(i64, &'static str)>,
}

impl RestoreOutcome {
    /// Finds the outcome for tables whose rows are in the staging database. Other tables count as unchanged.
    ///
    /// # Errors
    /// [`Error::RowNotFound`] if one row is requested and the archive does not have it.
    pub(super) async fn find(
        staging: &mut Staging,
        context: &RestoreContext<'_>,
        acting: Option<i64>,
        tables: &[Table],
    ) -> Result<Self> {
        let RestoreContext {
            database,
            request,
            provenance,
            ..
        } = *context;
        let mut outcome = Self::default();
        create_tables(staging, tables).await?;
        reduce(staging, request, tables).await?;
        let has_users = tables.contains(&Table::Users) && request.is_target(Table::Users);
        if has_users {
            outcome.accounts = users::settle(staging, request, provenance, acting).await?;
        }
        let extents = request.extents();
        let finder = OutcomeFinder {
            extents: &extents,
            tables,
        };
        for table in tables {
            finder.actions(staging, *table).await?;
        }
        for table in tables {
            finder.conflicts(staging, *table).await?;
            finder.orphans(staging, *table).await?;
            let mut found = count(staging, *table).await?;
            (found.without_room, found.first_without_room) = without_room(staging, database, *table).await?;
            if *table == Table::Users {
                (found.kept, found.renumbered) = (outcome.accounts.kept, outcome.accounts.renumbered);
            }
            outcome.tables.insert(*table, found);
            if staging.native_of().is_some_and(|engine| engine != database.engine()) {
                let foreign = foreign_values(staging, *table).await?;
                if foreign.count > 0 {
                    outcome.foreign.insert(*table, foreign);
                }
            }
        }
        if has_users && provenance != Provenance::Undo {
            outcome.administrators = administrators::find(staging).await?;
        }
        Ok(outcome)
    }

    /// Refuses the first obstacle.
    pub(super) fn refuse(&self, request: &Restore) -> Result<()> {
        for (table, found) in &self.tables {
            let table = *table;
            if let Some(row) = found.first_orphan {
                return Err(Error::Orphan { table, row });
            }
            if let Some(row) = found.first_conflict {
                return Err(match (request.mode, request.extent(table)) {
                    // No other row stays, so the archive has the value twice.
                    (RestoreMode::Replace, Some(Extent::Whole)) => Error::DuplicateKey { table },
                    _ => Error::Conflict { table, row },
                });
            }
        }
        for (table, foreign) in &self.foreign {
            if let [(row, column), ..] = *foreign.first {
                return Err(Error::Inadmissible {
                    table: *table,
                    row,
                    column,
                    problem: "it is a value that only the database engine of the backup can hold",
                });
            }
        }
        Ok(())
    }

    /// Refuses what rows of unknown origin must not have: an id that leaves no room, an invalid user name.
    pub(super) fn refuse_unknown(&self) -> Result<()> {
        let mut tables = self.tables.iter();
        if let Some((table, row)) = tables.find_map(|(table, found)| Some((*table, found.first_without_room?))) {
            return Err(Error::id_without_room(table, row));
        }
        match self.accounts.misnamed.first.first() {
            None => Ok(()),
            Some(problem) => Err(Error::Unrestorable {
                table: Table::Users,
                problem: problem.clone(),
            }),
        }
    }
}

/// Creates the tables of the outcome, empty.
pub(crate) async fn create_tables(staging: &mut Staging, tables: &[Table]) -> Result<()> {
    for table in tables {
        for name in ["x", "k", "o"] {
            let action = if name == "x" { ", action TEXT NOT NULL" } else { "" };
            let create = format!("CREATE TABLE {name}_{table} (id INTEGER PRIMARY KEY{action})");
            staging.run(&create).await?;
        }
    }
    Ok(())
}

/// Removes from the referred tables all rows but those that are missing and needed.
async fn reduce(staging: &mut Staging, request: &Restore, tables: &[Table]) -> Result<()> {
    if let Scope::Entity { table, id } = request.scope
        && staging.number(&format!("SELECT count(*) FROM a_{table}")).await? == 0
    {
        return Err(Error::RowNotFound { table, row: id });
    }
    let referred = tables
        .iter()
        .filter(|table| request.extent(**table) == Some(Extent::Referred));
    for table in referred {
        let mut needed = Vec::new();
        for dependent in tables.iter().filter(|other| table.dependents().contains(other)) {
            let references = dependent
                .references()
                .iter()
                .filter(|reference| reference.table == *table);
            needed.extend(references.map(|key| format!("id NOT IN (SELECT {} FROM a_{dependent})", key.column)));
        }
        let delete = format!(
            "DELETE FROM a_{table} WHERE id IN (SELECT id FROM l_{table}) OR ({})",
            needed.join(" AND ")
        );
        staging.run(&delete).await?;
    }
    Ok(())
}

/// Finds the outcome for tables whose live and new rows are in the staging database.
pub(crate) struct OutcomeFinder<'a> {
    pub(crate) extents: &'a Extents,
    pub(crate) tables: &'a [Table],
}

impl OutcomeFinder<'_> {
    /// The condition for live rows, as `l`, that may change.
    fn scope(&self, table: Table) -> String {
        match self.extents.extent(table) {
            Some(Extent::Whole) if table == Table::Users => "l.id NOT IN (SELECT id FROM kept)".to_owned(),
            Some(Extent::Whole) => "TRUE".to_owned(),
            Some(Extent::OfStudent(id)) if table == Table::Students => format!("l.id = {id}"),
            Some(Extent::OfStudent(id)) => format!("l.student_id = {id}"),
            Some(Extent::Referred | Extent::Cascade) | None => "FALSE".to_owned(),
        }
    }

    /// Finds the actions of a table. Those of the tables that it refers to must be found first.
    pub(crate) async fn actions(&self, staging: &mut Staging, table: Table) -> Result<()> {
        if self.extents.extent(table) == Some(Extent::Cascade) {
            for (key, target) in self.staged_references(table) {
                let cascade = format!(
                    "INSERT OR IGNORE INTO x_{table} SELECT l.id, {action} FROM l_{table} l \
                     WHERE l.{key} IN (SELECT id FROM x_{target} WHERE action IN ({removed}))",
                    action = RowAction::Cascade,
                    removed = RowAction::remove(),
                );
                staging.run(&cascade).await?;
            }
            return Ok(());
        }
        if !self.extents.is_target(table) {
            return Ok(());
        }
        let insert = format!(
            "INSERT INTO x_{table} SELECT a.id, {} FROM a_{table} a \
             WHERE NOT EXISTS (SELECT 1 FROM l_{table} l WHERE l.id = a.id)",
            RowAction::Insert
        );
        staging.run(&insert).await?;
        let scope = self.scope(table);
        if self.extents.mode != RestoreMode::InsertMissing {
            let columns = table.columns().iter().skip(1);
            let differs: Vec<_> = columns
                .map(|column| format!("l.{0} IS NOT a.{0}", column.name))
                .collect();
            let update = format!(
                "INSERT INTO x_{table} SELECT a.id, {} FROM a_{table} a JOIN l_{table} l ON l.id = a.id \
                 WHERE ({scope}) AND ({})",
                RowAction::Update,
                differs.join(" OR ")
            );
            staging.run(&update).await?;
        }
        if self.extents.mode == RestoreMode::Replace {
            let delete = format!(
                "INSERT INTO x_{table} SELECT l.id, {} FROM l_{table} l \
                 WHERE ({scope}) AND NOT EXISTS (SELECT 1 FROM a_{table} a WHERE a.id = l.id)",
                RowAction::Delete
            );
            staging.run(&delete).await?;
        }
        Ok(())
    }

    /// Finds new rows whose unique value another row of the outcome has.
    pub(crate) async fn conflicts(&self, staging: &mut Staging, table: Table) -> Result<()> {
        if !self.extents.is_target(table) {
            return Ok(());
        }
        let scope = self.scope(table);
        let ids = format!(
            "INSERT INTO k_{table} SELECT a.id FROM a_{table} a JOIN l_{table} l ON l.id = a.id WHERE NOT ({scope})"
        );
        staging.run(&ids).await?;
        let key = table.unique_key();
        let written = RowAction::write();
        let count = format!("SELECT count(*) FROM x_{table} WHERE action IN ({written})");
        if key.is_empty() || staging.number(&count).await? == 0 {
            return Ok(());
        }
        for source in [RowSource::Live, RowSource::Archive] {
            let name = source.table(table);
            staging
                .run(&format!(
                    "CREATE INDEX IF NOT EXISTS key_{name} ON {name} ({})",
                    key.join(", ")
                ))
                .await?;
        }
        let same = |other: &str| {
            let columns = key.iter().map(|column| format!("{other}.{column} = a.{column}"));
            columns.collect::<Vec<_>>().join(" AND ")
        };
        let keys = format!(
            "INSERT OR IGNORE INTO k_{table} SELECT a.id FROM x_{table} x JOIN a_{table} a ON a.id = x.id \
             WHERE x.action IN ({written}) AND (\
             EXISTS (SELECT 1 FROM l_{table} l WHERE {} AND l.id <> a.id \
             AND NOT EXISTS (SELECT 1 FROM x_{table} y WHERE y.id = l.id)) \
             OR EXISTS (SELECT 1 FROM a_{table} b JOIN x_{table} y ON y.id = b.id WHERE {} AND b.id <> a.id \
             AND y.action IN ({written})))",
            same("l"),
            same("b"),
        );
        staging.run(&keys).await.map(drop)
    }

    async fn orphans(&self, staging: &mut Staging, table: Table) -> Result<()> {
        if !self.extents.is_target(table) {
            return Ok(());
        }
        let written = match self.extents.mode {
            // Live rows may lose the rows that they refer to.
            RestoreMode::Replace => "TRUE".to_owned(),
            RestoreMode::Merge | RestoreMode::InsertMissing => {
                format!(
                    "a.id IN (SELECT id FROM x_{table} WHERE action IN ({}))",
                    RowAction::write()
                )
            }
        };
        for (key, target) in self.staged_references(table) {
            let orphans = format!(
                "INSERT OR IGNORE INTO o_{table} SELECT a.id FROM a_{table} a WHERE {written} \
                 AND NOT EXISTS (SELECT 1 FROM l_{target} l WHERE l.id = a.{key} \
                 AND NOT EXISTS (SELECT 1 FROM x_{target} x WHERE x.id = l.id AND x.action IN ({removed}))) \
                 AND NOT EXISTS (SELECT 1 FROM x_{target} x WHERE x.id = a.{key} AND x.action = {inserted})",
                removed = RowAction::remove(),
                inserted = RowAction::Insert,
            );
            staging.run(&orphans).await?;
        }
        Ok(())
    }

    fn staged_references(&self, table: Table) -> impl Iterator<Item = (&'static str, Table)> {
        let references = table
            .references()
            .iter()
            .map(|reference| (reference.column, reference.table));
        references.filter(|(_, target)| self.tables.contains(target))
    }
}

/// Counts the outcome of a table.
pub(crate) async fn count(staging: &mut Staging, table: Table) -> Result<TableOutcome> {
    let mut number = async |sql: String| staging.number(&sql).await.map(i64::unsigned_abs);
    let mut found = TableOutcome {
        rows_before: number(format!("SELECT count(*) FROM l_{table}")).await?,
        conflicts: number(format!("SELECT count(*) FROM k_{table}")).await?,
        orphans: number(format!("SELECT count(*) FROM o_{table}")).await?,
        ..TableOutcome::default()
    };
    for (action, count) in [
        (RowAction::Insert, &mut found.inserts),
        (RowAction::Update, &mut found.updates),
        (RowAction::Delete, &mut found.deletes),
        (RowAction::Cascade, &mut found.cascades),
    ] {
        *count = number(format!("SELECT count(*) FROM x_{table} WHERE action = {action}")).await?;
    }
    // Archived rows without an action because their id belongs to another row are conflicts, not unchanged rows.
    found.unchanged = number(format!(
        "SELECT count(*) FROM a_{table} a WHERE NOT EXISTS (SELECT 1 FROM x_{table} x WHERE x.id = a.id) \
         AND NOT EXISTS (SELECT 1 FROM k_{table} k WHERE k.id = a.id)"
    ))
    .await?;
    found.rows_after = (found.rows_before + found.inserts).saturating_sub(found.deletes + found.cascades);
    found.first_conflict = staging
        .first(&format!("SELECT id FROM k_{table} ORDER BY id LIMIT 1"))
        .await?;
    found.first_orphan = staging
        .first(&format!("SELECT id FROM o_{table} ORDER BY id LIMIT 1"))
        .await?;
    Ok(found)
}

/// Counts inserted rows whose ids leave no room for later rows, and finds the first of them. An id up to the greatest that
/// the table ever had takes no more room.
async fn without_room(staging: &mut Staging, database: &Database, table: Table) -> Result<(u64, Option<i64>)> {
    let beyond = |limit: i64| format!("FROM x_{table} WHERE action = {} AND id > {limit}", RowAction::Insert);
    let highest = staging
        .number(&format!("SELECT max(id) {}", beyond(LARGEST_ID)))
        .await?;
    if highest <= LARGEST_ID {
        return Ok((0, None));
    }
    let beyond = beyond(database.id_counter(table).await?.max(LARGEST_ID));
    let number = staging.number(&format!("SELECT count(*) {beyond}")).await?;
    let first = staging
        .first(&format!("SELECT min(id) {beyond} HAVING count(*) > 0"))
        .await?;
    Ok((number.unsigned_abs(), first))
}

/// Native values in rows that are written.
async fn foreign_values(staging: &mut Staging, table: Table) -> Result<ForeignValues> {
    let mut foreign = ForeignValues::default();
    for column in table.columns().iter().skip(1) {
        let rows = format!(
            "FROM x_{table} x JOIN a_{table} a ON a.id = x.id WHERE x.action IN ({}) AND typeof(a.{}) = 'blob'",
            RowAction::write(),
            column.name
        );
        foreign.count += staging.number(&format!("SELECT count(*) {rows}")).await?.unsigned_abs();
        let first = format!("SELECT x.id {rows} ORDER BY x.id LIMIT {MAX_FOREIGN_NAMED}");
        let ids = staging.numbers(&first).await?;
        foreign.first.extend(ids.into_iter().map(|id| (id, column.name)));
    }
    foreign.first.sort_unstable();
    foreign.first.truncate(MAX_FOREIGN_NAMED);
    Ok(foreign)
}

/// Selects the written rows of a table that are larger than a number of bytes, as `x` and `a`.
pub(crate) fn larger_than(table: Table, largest: usize) -> String {
    let columns = table.columns();
    let texts = columns.iter().filter(|column| column.kind == Kind::Text);
    let texts = texts.map(|column| format!("+ coalesce(length(CAST(a.{} AS BLOB)), 0)", column.name));
    let bytes = format!(
        "{} {}",
        columns.len() * change::VALUE_BYTES,
        texts.collect::<Vec<_>>().join(" ")
    );
    format!(
        "FROM x_{table} x JOIN a_{table} a ON a.id = x.id WHERE x.action IN ({}) AND {bytes} > {largest}",
        RowAction::write()
    )
}

/// The columns of a table that hold money.
pub(super) fn money(table: Table) -> impl Iterator<Item = &'static str> {
    let columns = table.columns().iter().filter(|column| column.kind == Kind::Decimal);
    columns.map(|column| column.name)
}

/// The sums of a column of money before and afterwards.
pub(crate) async fn sums(staging: &mut Staging, table: Table, column: &str) -> Result<(Decimal, Decimal)> {
    // Values that are not numbers are left out of sums.
    let sum = |of: &str| format!("SELECT sum(CASE typeof({of}.{column}) WHEN 'integer' THEN {of}.{column} END)");
    let before = staging.number(&format!("{} FROM l_{table} l", sum("l"))).await?;
    let removed = staging
        .number(&format!(
            "{} FROM l_{table} l JOIN x_{table} x ON x.id = l.id",
            sum("l")
        ))
        .await?;
    let written = staging
        .number(&format!(
            "{} FROM a_{table} a JOIN x_{table} x ON x.id = a.id WHERE x.action IN ({})",
            sum("a"),
            RowAction::write()
        ))
        .await?;
    Ok((Decimal::new(before, 2), Decimal::new(before - removed + written, 2)))
}
