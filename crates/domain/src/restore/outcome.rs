//! What becomes of each row, found by SQL in the stage.
//!
//! For each table `x_...` gets an action for each row that does not stay as it is: `i` the archive's row is inserted, `u`
//! it takes the place of the live one, `d` the live row is removed, `c` it is removed because it hangs on one that is. What
//! stands in the way is in two more tables: `k_...` archived rows that have something which another row of the outcome
//! has and only one may have (or whose id belongs to a row that must not be touched), `o_...` archived rows that would
//! refer to nothing.

use std::collections::BTreeMap;

use campus_backup_archive::Kind;
use rust_decimal::Decimal;
use serde::Serialize;

use super::administrators::{self, Administrators};
use super::request::{Extent, Mode, Provenance, Restore, Scope};
use super::stage::{Side, Stage};
use super::users::{self, Accounts};
use crate::catalog::{LARGEST_ID, Table};
use crate::database::Database;
use crate::error::{Error, Result};

/// What becomes of one table's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableOutcome {
    /// Live rows before.
    pub rows_before: u64,
    /// Live rows afterwards.
    pub rows_after: u64,
    /// Rows of the archive that come back.
    pub inserts: u64,
    /// Live rows that become what the archive has.
    pub updates: u64,
    /// Live rows that the archive does not have and that are removed.
    pub deletes: u64,
    /// Rows of a table that is not restored, which are removed because they hang on a row that is.
    pub cascades: u64,
    /// Rows of the archive for which nothing is done: they are there as they were or, if only missing ones come back,
    /// they are there.
    pub unchanged: u64,
    /// Rows of the archive that can't come back beside another row.
    pub conflicts: u64,
    /// The id of the first of them.
    pub first_conflict: Option<i64>,
    /// Rows of the archive that would refer to nothing.
    pub orphans: u64,
    /// The id of the first of them.
    pub first_orphan: Option<i64>,
    /// Rows of the archive whose ids would leave no room for rows that come later.
    pub without_room: u64,
    /// The id of the first of them.
    pub first_without_room: Option<i64>,
    /// Administrators' accounts that are left as they are.
    pub kept: u64,
    /// Accounts of the archive that come back under another id, because theirs is kept for an administrator.
    pub renumbered: u64,
}

/// What becomes of all tables that a restore concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) tables: BTreeMap<Table, TableOutcome>,
    pub(super) accounts: Accounts,
    pub(super) administrators: Administrators,
    /// Values that would be written and that only another engine can hold.
    pub(super) foreign: BTreeMap<Table, ForeignValues>,
}

/// How many values of other engines are named; the rest are counted.
const FOREIGN_NAMED: usize = 20;

/// Values of a table that only another engine can hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ForeignValues {
    pub(super) count: u64,
    /// Row and column of the first of them.
    pub(super) first: Vec<(i64, &'static str)>,
}

impl Outcome {
    /// Finds it, for tables whose rows are in the stage. A table that is not among them is taken as one that stays.
    ///
    /// # Errors
    /// [`Error::RowNotFound`] if one row is asked for and the archive does not have it.
    pub(super) async fn find(
        stage: &mut Stage,
        database: &Database,
        request: &Restore,
        provenance: Provenance,
        acting: Option<i64>,
        tables: &[Table],
    ) -> Result<Self> {
        let mut outcome = Self::default();
        for table in tables {
            for name in ["x", "k", "o"] {
                let action = if name == "x" { ", action TEXT NOT NULL" } else { "" };
                let create = format!("CREATE TABLE {name}_{table} (id INTEGER PRIMARY KEY{action})");
                stage.run(&create).await?;
            }
        }
        reduce(stage, request, tables).await?;
        let has_users = tables.contains(&Table::Users) && request.is_target(Table::Users);
        if has_users {
            outcome.accounts = users::settle(stage, request, provenance, acting).await?;
        }
        let finder = Finder { request, tables };
        for table in tables {
            finder.actions(stage, *table).await?;
        }
        for table in tables {
            finder.conflicts(stage, *table).await?;
            finder.orphans(stage, *table).await?;
            let mut found = count(stage, *table).await?;
            (found.without_room, found.first_without_room) = without_room(stage, database, *table).await?;
            if *table == Table::Users {
                (found.kept, found.renumbered) = (outcome.accounts.kept, outcome.accounts.renumbered);
            }
            outcome.tables.insert(*table, found);
            if stage.native_of().is_some_and(|engine| engine != database.engine()) {
                let foreign = foreign_values(stage, *table).await?;
                if foreign.count > 0 {
                    outcome.foreign.insert(*table, foreign);
                }
            }
        }
        if has_users && provenance != Provenance::Undo {
            outcome.administrators = administrators::find(stage).await?;
        }
        Ok(outcome)
    }

    /// The first thing that stands in the way.
    pub(super) fn refuse(&self, request: &Restore) -> Result<()> {
        for (table, found) in &self.tables {
            let table = *table;
            if let Some(row) = found.first_orphan {
                return Err(Error::Orphan { table, row });
            }
            if let Some(row) = found.first_conflict {
                return Err(match (request.mode, request.extent(table)) {
                    // Nothing else stays, so it is the archive that has it twice.
                    (Mode::Replace, Some(Extent::Whole)) => Error::DuplicateKey { table },
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

    /// What is refused of rows that may come from anywhere: an id that leaves no room, the name of a user.
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

/// Of the tables that are only referred to, leaves what is missing and needed.
async fn reduce(stage: &mut Stage, request: &Restore, tables: &[Table]) -> Result<()> {
    if let Scope::Entity { table, id } = request.scope
        && stage.number(&format!("SELECT count(*) FROM a_{table}")).await? == 0
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
        stage.run(&delete).await?;
    }
    Ok(())
}

struct Finder<'a> {
    request: &'a Restore,
    tables: &'a [Table],
}

impl Finder<'_> {
    /// Which live rows, as `l`, may be touched.
    fn scope(&self, table: Table) -> String {
        match self.request.extent(table) {
            Some(Extent::Whole) if table == Table::Users => "l.id NOT IN (SELECT id FROM kept)".to_owned(),
            Some(Extent::Whole) => "TRUE".to_owned(),
            Some(Extent::OfStudent(id)) if table == Table::Students => format!("l.id = {id}"),
            Some(Extent::OfStudent(id)) => format!("l.student_id = {id}"),
            Some(Extent::Referred | Extent::Cascade) | None => "FALSE".to_owned(),
        }
    }

    /// Parents must have theirs first.
    async fn actions(&self, stage: &mut Stage, table: Table) -> Result<()> {
        if self.request.extent(table) == Some(Extent::Cascade) {
            for (key, target) in self.staged_references(table) {
                let cascade = format!(
                    "INSERT OR IGNORE INTO x_{table} SELECT l.id, 'c' FROM l_{table} l \
                     WHERE l.{key} IN (SELECT id FROM x_{target} WHERE action IN ('d', 'c'))"
                );
                stage.run(&cascade).await?;
            }
            return Ok(());
        }
        if !self.request.is_target(table) {
            return Ok(());
        }
        let insert = format!(
            "INSERT INTO x_{table} SELECT a.id, 'i' FROM a_{table} a \
             WHERE NOT EXISTS (SELECT 1 FROM l_{table} l WHERE l.id = a.id)"
        );
        stage.run(&insert).await?;
        let scope = self.scope(table);
        if self.request.mode != Mode::InsertMissing {
            let columns = table.columns().iter().skip(1);
            let differs: Vec<_> = columns
                .map(|column| format!("l.{0} IS NOT a.{0}", column.name))
                .collect();
            let update = format!(
                "INSERT INTO x_{table} SELECT a.id, 'u' FROM a_{table} a JOIN l_{table} l ON l.id = a.id \
                 WHERE ({scope}) AND ({})",
                differs.join(" OR ")
            );
            stage.run(&update).await?;
        }
        if self.request.mode == Mode::Replace {
            let delete = format!(
                "INSERT INTO x_{table} SELECT l.id, 'd' FROM l_{table} l \
                 WHERE ({scope}) AND NOT EXISTS (SELECT 1 FROM a_{table} a WHERE a.id = l.id)"
            );
            stage.run(&delete).await?;
        }
        Ok(())
    }

    async fn conflicts(&self, stage: &mut Stage, table: Table) -> Result<()> {
        if !self.request.is_target(table) {
            return Ok(());
        }
        let scope = self.scope(table);
        let ids = format!(
            "INSERT INTO k_{table} SELECT a.id FROM a_{table} a JOIN l_{table} l ON l.id = a.id WHERE NOT ({scope})"
        );
        stage.run(&ids).await?;
        let key = table.unique_key();
        let written = format!("SELECT count(*) FROM x_{table} WHERE action IN ('i', 'u')");
        if key.is_empty() || stage.number(&written).await? == 0 {
            return Ok(());
        }
        for side in [Side::Live, Side::Archive] {
            let name = side.of(table);
            stage
                .run(&format!("CREATE INDEX key_{name} ON {name} ({})", key.join(", ")))
                .await?;
        }
        let same = |other: &str| {
            let columns = key.iter().map(|column| format!("{other}.{column} = a.{column}"));
            columns.collect::<Vec<_>>().join(" AND ")
        };
        let keys = format!(
            "INSERT OR IGNORE INTO k_{table} SELECT a.id FROM x_{table} x JOIN a_{table} a ON a.id = x.id \
             WHERE x.action IN ('i', 'u') AND (\
             EXISTS (SELECT 1 FROM l_{table} l WHERE {} AND l.id <> a.id \
             AND NOT EXISTS (SELECT 1 FROM x_{table} y WHERE y.id = l.id)) \
             OR EXISTS (SELECT 1 FROM a_{table} b JOIN x_{table} y ON y.id = b.id WHERE {} AND b.id <> a.id \
             AND y.action IN ('i', 'u')))",
            same("l"),
            same("b"),
        );
        stage.run(&keys).await.map(drop)
    }

    async fn orphans(&self, stage: &mut Stage, table: Table) -> Result<()> {
        if !self.request.is_target(table) {
            return Ok(());
        }
        let written = match self.request.mode {
            // Rows that are there already may lose what they refer to.
            Mode::Replace => "TRUE".to_owned(),
            Mode::Merge | Mode::InsertMissing => {
                format!("a.id IN (SELECT id FROM x_{table} WHERE action IN ('i', 'u'))")
            }
        };
        for (key, target) in self.staged_references(table) {
            let orphans = format!(
                "INSERT OR IGNORE INTO o_{table} SELECT a.id FROM a_{table} a WHERE {written} \
                 AND NOT EXISTS (SELECT 1 FROM l_{target} l WHERE l.id = a.{key} \
                 AND NOT EXISTS (SELECT 1 FROM x_{target} x WHERE x.id = l.id AND x.action IN ('d', 'c'))) \
                 AND NOT EXISTS (SELECT 1 FROM x_{target} x WHERE x.id = a.{key} AND x.action = 'i')"
            );
            stage.run(&orphans).await?;
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

async fn count(stage: &mut Stage, table: Table) -> Result<TableOutcome> {
    let mut number = async |sql: String| stage.number(&sql).await.map(i64::unsigned_abs);
    let mut found = TableOutcome {
        rows_before: number(format!("SELECT count(*) FROM l_{table}")).await?,
        conflicts: number(format!("SELECT count(*) FROM k_{table}")).await?,
        orphans: number(format!("SELECT count(*) FROM o_{table}")).await?,
        ..TableOutcome::default()
    };
    for (action, count) in [
        ("i", &mut found.inserts),
        ("u", &mut found.updates),
        ("d", &mut found.deletes),
        ("c", &mut found.cascades),
    ] {
        *count = number(format!("SELECT count(*) FROM x_{table} WHERE action = '{action}'")).await?;
    }
    // Of the archive's rows, those that get no action because their id is another's are conflicts and not unchanged.
    found.unchanged = number(format!(
        "SELECT count(*) FROM a_{table} a WHERE NOT EXISTS (SELECT 1 FROM x_{table} x WHERE x.id = a.id) \
         AND NOT EXISTS (SELECT 1 FROM k_{table} k WHERE k.id = a.id)"
    ))
    .await?;
    found.rows_after = (found.rows_before + found.inserts).saturating_sub(found.deletes + found.cascades);
    found.first_conflict = stage
        .first(&format!("SELECT id FROM k_{table} ORDER BY id LIMIT 1"))
        .await?;
    found.first_orphan = stage
        .first(&format!("SELECT id FROM o_{table} ORDER BY id LIMIT 1"))
        .await?;
    Ok(found)
}

/// Rows that come and whose ids leave no room, and the first of them. An id up to the greatest that the table ever had takes
/// no room that there still is.
async fn without_room(stage: &mut Stage, database: &Database, table: Table) -> Result<(u64, Option<i64>)> {
    let beyond = |limit: i64| format!("FROM x_{table} WHERE action = 'i' AND id > {limit}");
    let highest = stage.number(&format!("SELECT max(id) {}", beyond(LARGEST_ID))).await?;
    if highest <= LARGEST_ID {
        return Ok((0, None));
    }
    let beyond = beyond(database.id_counter(table).await?.max(LARGEST_ID));
    let number = stage.number(&format!("SELECT count(*) {beyond}")).await?;
    let first = stage
        .first(&format!("SELECT min(id) {beyond} HAVING count(*) > 0"))
        .await?;
    Ok((number.unsigned_abs(), first))
}

/// Native values in rows that come.
async fn foreign_values(stage: &mut Stage, table: Table) -> Result<ForeignValues> {
    let mut foreign = ForeignValues::default();
    for column in table.columns().iter().skip(1) {
        let rows = format!(
            "FROM x_{table} x JOIN a_{table} a ON a.id = x.id WHERE x.action IN ('i', 'u') AND typeof(a.{}) = 'blob'",
            column.name
        );
        foreign.count += stage.number(&format!("SELECT count(*) {rows}")).await?.unsigned_abs();
        let first = format!("SELECT x.id {rows} ORDER BY x.id LIMIT {FOREIGN_NAMED}");
        let ids = stage.numbers(&first).await?;
        foreign.first.extend(ids.into_iter().map(|id| (id, column.name)));
    }
    foreign.first.sort_unstable();
    foreign.first.truncate(FOREIGN_NAMED);
    Ok(foreign)
}

/// The columns of a table that hold money.
pub(super) fn money(table: Table) -> impl Iterator<Item = &'static str> {
    let columns = table.columns().iter().filter(|column| column.kind == Kind::Decimal);
    columns.map(|column| column.name)
}

/// The sums of a column of money before and afterwards.
pub(super) async fn sums(stage: &mut Stage, table: Table, column: &str) -> Result<(Decimal, Decimal)> {
    // What is no number is in no sum.
    let sum = |of: &str| format!("SELECT sum(CASE typeof({of}.{column}) WHEN 'integer' THEN {of}.{column} END)");
    let before = stage.number(&format!("{} FROM l_{table} l", sum("l"))).await?;
    let gone = stage
        .number(&format!(
            "{} FROM l_{table} l JOIN x_{table} x ON x.id = l.id",
            sum("l")
        ))
        .await?;
    let come = stage
        .number(&format!(
            "{} FROM a_{table} a JOIN x_{table} x ON x.id = a.id WHERE x.action IN ('i', 'u')",
            sum("a")
        ))
        .await?;
    Ok((Decimal::new(before, 2), Decimal::new(before - gone + come, 2)))
}
