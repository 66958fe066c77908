//! Finds the row of the table for each row of a file, and makes the rows that the table will have. It is done by SQL in the
//! staging database, so that memory does not grow with the rows.
//!
//! The tables there, besides those of a [restore](crate::restore):
//!
//! | table | content |
//! |---|---|
//! | `f` | The rows of the file: `v0`, `v1`, ... are the values of the table's columns, `o...` second readings of ambiguous ones, `t...` the texts of references, `u...` the precision of times in microseconds. An empty cell is an empty blob. |
//! | `e`, `w` | The errors, and the rows that have one. |
//! | `m` | The id in the table for each row of the file. |
//!
//! `l_...`, `a_...` and `x_...` are live rows, new rows and actions, as in a restore.

use campus_backup_archive::Kind;
use chrono::{DateTime, Utc};

use super::plan::GeneratedIds;
use super::request::{ImportMode, ImportRequest};
use super::rows::FileLayout;
use crate::catalog::{Column, LARGEST_ID, Reference, Table};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::restore::outcome::{self, OutcomeFinder, RowAction};
use crate::restore::staging::Staging;

/// An empty cell of the file, as SQL.
const EMPTY: &str = "x''";

/// How often rows in conflict are looked for again after others were left out. A file that needs more is not applied.
const MAX_CONFLICT_ROUNDS: usize = 20;

/// Why a row is not imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusalKind {
    /// The row itself is wrong.
    Wrong,
    /// An existing row has its unique value.
    Conflict,
}

impl RefusalKind {
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::Wrong => "'wrong'",
            Self::Conflict => "'conflict'",
        }
    }
}

/// Creates the tables of errors, empty.
pub(super) async fn create_tables(staging: &mut Staging) -> Result<()> {
    for create in [
        "CREATE TABLE e (row INTEGER, heading TEXT, value TEXT, reason TEXT NOT NULL, kind TEXT NOT NULL)",
        "CREATE TABLE w (row INTEGER PRIMARY KEY)",
        "CREATE TABLE m (row INTEGER PRIMARY KEY, id INTEGER NOT NULL)",
    ] {
        staging.run(create).await?;
    }
    Ok(())
}

/// Resolves the rows of a file. The file's rows and the live rows of the concerned tables are in the staging database.
pub(super) struct Resolver<'a> {
    pub(super) staging: &'a mut Staging,
    pub(super) database: &'a Database,
    pub(super) request: &'a ImportRequest,
    pub(super) layout: &'a FileLayout,
    pub(super) now: DateTime<Utc>,
}

/// The rows that a resolver has made.
#[derive(Clone, Debug, Default)]
pub(super) struct ResolvedRows {
    /// Rows that the mode leaves out.
    pub(super) skipped: u64,
    /// The ids of new rows of the table and of a table in which missing rows are created.
    pub(super) generated: Vec<(Table, GeneratedIds)>,
}

impl Resolver<'_> {
    /// Resolves all rows, and finds what happens to each: afterwards `x_...` has the actions.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the file has neither ids nor the columns that identify a row.
    pub(super) async fn resolve(mut self) -> Result<ResolvedRows> {
        self.ensure_identified()?;
        self.refuse_faulty().await?;
        let mut resolved = ResolvedRows::default();
        let (creatable, others): (Vec<_>, Vec<_>) = self.table().references().iter().partition(|reference| {
            self.request.create_missing.contains(&reference.table)
                && self.layout.referenced_by(reference.position).is_some()
        });
        for reference in others {
            self.refuse_unknown(reference).await?;
        }
        for reference in creatable {
            let created = self.create_referenced(reference).await?;
            resolved.generated.extend(created.map(|ids| (reference.table, ids)));
        }
        self.match_by_id().await?;
        self.match_by_key().await?;
        self.refuse_unidentified().await?;
        self.refuse_incomplete().await?;
        let ids = self.number_new_rows().await?;
        resolved.generated.extend(ids.map(|ids| (self.table(), ids)));
        self.refuse_repeated_ids().await?;
        resolved.skipped = self.write_rows().await?;
        self.find_actions().await?;
        Ok(resolved)
    }

    fn table(&self) -> Table {
        self.request.table
    }

    /// The columns that identify a row without an id.
    fn key(&self) -> &'static [&'static str] {
        match self.table() {
            Table::Payments => &["transaction_id"],
            table => table.unique_key(),
        }
    }

    /// The places of the key's columns, if the file has them all.
    fn key_positions(&self) -> Option<Vec<usize>> {
        let places = self.key().iter().map(|key| position(self.table(), key));
        let places: Vec<_> = places.collect();
        places.iter().all(|place| self.layout.has(*place)).then_some(places)
    }

    fn ensure_identified(&self) -> Result<()> {
        let is_identified = self.layout.has(0) || self.key_positions().is_some();
        // Nothing identifies a payment without its transaction id, and each such row is a new payment.
        let is_only_new = self.table() == Table::Payments && self.request.mode == ImportMode::Insert;
        if is_identified || is_only_new {
            return Ok(());
        }
        let key = self.key().join(" and ");
        let problem = match self.table() {
            Table::Payments => format!(
                "has neither a column for the ID nor one for {key}, so no row of it can be found in payments. Add one of them, or \
                 use the mode `insert` to add every row as a new payment"
            ),
            table => {
                format!("has neither a column for the ID nor one for {key}, so no row of it can be found in {table}")
            }
        };
        Err(Error::Invalid { field: "file", problem })
    }

    /// Records errors, by a query whose columns are row, heading, value and reason.
    async fn refuse(&mut self, kind: RefusalKind, rows: &str) -> Result<u64> {
        let before = self.staging.number("SELECT max(rowid) FROM e").await?;
        let kind = kind.sql();
        let insert = format!("INSERT INTO e SELECT row, heading, value, reason, {kind} FROM ({rows})");
        let refused = self.staging.run(&insert).await?;
        if refused > 0 {
            let wrong = format!("INSERT OR IGNORE INTO w SELECT row FROM e WHERE rowid > {before}");
            self.staging.run(&wrong).await?;
        }
        Ok(refused)
    }

    /// Moves the rows that could not be read to the errors.
    async fn refuse_faulty(&mut self) -> Result<()> {
        let rows =
            "SELECT f.row, value ->> 0 heading, value ->> 1 value, value ->> 2 reason FROM f, json_each(f.faults)";
        if self.refuse(RefusalKind::Wrong, rows).await? > 0 {
            self.staging.run("DELETE FROM f WHERE faults IS NOT NULL").await?;
        }
        Ok(())
    }

    /// The heading of a column as an SQL text.
    fn heading(&self, position: usize) -> String {
        quoted(self.layout.heading(position))
    }

    /// Refuses rows that refer to a missing row.
    async fn refuse_unknown(&mut self, reference: &Reference) -> Result<()> {
        let place = reference.position;
        if !self.layout.has(place) {
            return Ok(());
        }
        let (heading, what) = (self.heading(place), singular(reference.table));
        let rows = match self.layout.referenced_by(place) {
            Some(column) => format!(
                "SELECT row, {heading} heading, t{place} value, {reason} reason FROM f WHERE v{place} IS NULL",
                reason = quoted(&format!("There is no {what} with this {}.", said(column))),
            ),
            None => format!(
                "SELECT row, {heading} heading, CAST(v{place} AS TEXT) value, {reason} reason FROM f \
                 WHERE NOT EXISTS (SELECT 1 FROM l_{target} l WHERE l.id = f.v{place})",
                reason = quoted(&format!("There is no {what} with this ID.")),
                target = reference.table,
            ),
        };
        self.refuse(RefusalKind::Wrong, &rows).await.map(drop)
    }

    /// Creates the missing rows that are referred to by name, and returns their ids.
    async fn create_referenced(&mut self, reference: &Reference) -> Result<Option<GeneratedIds>> {
        let (table, place) = (reference.table, reference.position);
        let Some(column) = self.layout.referenced_by(place) else {
            return Ok(None);
        };
        let after = self.greatest_id(table).await?;
        let names = format!(
            "SELECT t{place} name, min(row) row FROM f WHERE v{place} IS NULL AND row NOT IN (SELECT row FROM w) \
             GROUP BY t{place}"
        );
        let values = table.columns().iter().skip(1).map(|of| match of.name {
            name if name == column => "name".to_owned(),
            _ => self.default_of(of).to_owned(),
        });
        let values: Vec<_> = values.collect();
        let create = format!(
            "INSERT INTO a_{table} SELECT {after} + row_number() OVER (ORDER BY row), {} FROM ({names})",
            values.join(", ")
        );
        let count = self.staging.run(&create).await?;
        self.ensure_room(table, after, count)?;
        if count == 0 {
            return Ok(None);
        }
        let refer = format!(
            "UPDATE f SET v{place} = (SELECT id FROM a_{table} a WHERE a.{column} = f.t{place}) WHERE v{place} IS NULL"
        );
        self.staging
            .run(&format!("CREATE INDEX name_a_{table} ON a_{table} ({column})"))
            .await?;
        self.staging.run(&refer).await?;
        Ok(Some(GeneratedIds { after, given: 0, count }))
    }

    async fn match_by_id(&mut self) -> Result<()> {
        if !self.layout.has(0) {
            return Ok(());
        }
        let sql = "INSERT INTO m SELECT row, v0 FROM f WHERE v0 IS NOT NULL AND row NOT IN (SELECT row FROM w)";
        self.staging.run(sql).await.map(drop)
    }

    async fn match_by_key(&mut self) -> Result<()> {
        let (table, key) = (self.table(), self.key());
        let Some(places) = self.key_positions() else {
            return Ok(());
        };
        let without_id = match self.layout.has(0) {
            true => "f.v0 IS NULL AND ",
            false => "",
        };
        let index = format!(
            "CREATE INDEX IF NOT EXISTS key_l_{table} ON l_{table} ({})",
            key.join(", ")
        );
        self.staging.run(&index).await?;
        let same = key
            .iter()
            .zip(&places)
            .map(|(column, place)| format!("l.{column} = f.v{place}"));
        let same = same.collect::<Vec<_>>().join(" AND ");
        if table.unique_key().is_empty() {
            // Nothing ensures that only one row has the value.
            let place = places.first().copied().unwrap_or_default();
            let rows = format!(
                "SELECT f.row, {heading} heading, f.v{place} value, {reason} reason FROM f WHERE {without_id} \
                 (SELECT count(*) FROM l_{table} l WHERE {same}) > 1",
                heading = self.heading(place),
                reason = quoted(&format!(
                    "Several rows of {table} have this value, so it does not say which one is meant. Add the column ID."
                )),
            );
            self.refuse(RefusalKind::Wrong, &rows).await?;
        }
        let found = format!(
            "INSERT INTO m SELECT f.row, l.id FROM f CROSS JOIN l_{table} l ON {same} \
             WHERE {without_id} f.row NOT IN (SELECT row FROM w)"
        );
        self.staging.run(&found).await.map(drop)
    }

    /// Refuses rows for which nothing says whether the table has them.
    async fn refuse_unidentified(&mut self) -> Result<()> {
        let unmatched = "row NOT IN (SELECT row FROM m) AND row NOT IN (SELECT row FROM w)";
        let (condition, reason) = match (self.key_positions().as_deref(), self.table()) {
            (_, Table::Payments) if self.request.mode == ImportMode::Insert => return Ok(()),
            (Some([place]), Table::Payments) => (
                format!("(v{place} IS NULL OR v{place} = {EMPTY})"),
                "Neither an ID nor a transaction ID says which payment this is. The mode `insert` adds it as a new one.",
            ),
            (Some(_), _) => return Ok(()),
            (None, Table::Payments) => (
                "TRUE".to_owned(),
                "No ID says which payment this is. The mode `insert` adds it as a new one.",
            ),
            (None, _) => (
                "TRUE".to_owned(),
                "The row has no ID, and the file has no other column that identifies it.",
            ),
        };
        let rows = format!(
            "SELECT row, NULL heading, NULL value, {} reason FROM f WHERE {condition} AND {unmatched}",
            quoted(reason)
        );
        self.refuse(RefusalKind::Wrong, &rows).await.map(drop)
    }

    /// The condition for a row of the file that the table does not have.
    fn is_new(&self) -> String {
        let table = self.table();
        format!(
            "f.row NOT IN (SELECT row FROM w) \
             AND NOT EXISTS (SELECT 1 FROM m JOIN l_{table} l ON l.id = m.id WHERE m.row = f.row)"
        )
    }

    /// Refuses new rows that lack a required column.
    async fn refuse_incomplete(&mut self) -> Result<()> {
        if !self.request.mode.inserts() {
            return Ok(());
        }
        let columns = self.table().columns().iter().enumerate().skip(1);
        let required = columns.filter(|(_, column)| !column.nullable && !has_default(column));
        let missing: Vec<_> = required
            .filter(|(place, _)| !self.layout.has(*place))
            .map(|(_, column)| column.name)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "This {} is new, and the file has no column for {}.",
            singular(self.table()),
            missing.join(" and ")
        );
        let rows = format!(
            "SELECT f.row, NULL heading, NULL value, {} reason FROM f WHERE {}",
            quoted(&reason),
            self.is_new()
        );
        self.refuse(RefusalKind::Wrong, &rows).await.map(drop)
    }

    /// The greatest id that a table ever had, or that the file gives to a row.
    async fn greatest_id(&mut self, table: Table) -> Result<i64> {
        let live = self.database.id_counter(table).await?;
        let in_file = match table == self.table() && self.layout.has(0) {
            true => self.staging.number("SELECT max(id) FROM m").await?,
            false => 0,
        };
        Ok(live.max(in_file))
    }

    fn ensure_room(&self, table: Table, after: i64, count: u64) -> Result<()> {
        let last = after.checked_add_unsigned(count);
        match count == 0 || last.is_some_and(|last| last <= LARGEST_ID) {
            true => Ok(()),
            false => Err(Error::id_without_room(table, after)),
        }
    }

    /// Gives ids to new rows without one.
    async fn number_new_rows(&mut self) -> Result<Option<GeneratedIds>> {
        if !self.request.mode.inserts() {
            return Ok(None);
        }
        let table = self.table();
        let after = self.greatest_id(table).await?;
        let given = match self.layout.has(0) {
            true => self.staging.number("SELECT max(id) FROM m").await?,
            false => 0,
        };
        let number = format!(
            "INSERT INTO m SELECT row, {after} + row_number() OVER (ORDER BY row) FROM f \
             WHERE row NOT IN (SELECT row FROM m) AND row NOT IN (SELECT row FROM w)"
        );
        let count = self.staging.run(&number).await?;
        self.ensure_room(table, after, count)?;
        Ok((count > 0).then_some(GeneratedIds { after, given, count }))
    }

    /// Refuses rows of the file that are the same row of the table.
    async fn refuse_repeated_ids(&mut self) -> Result<()> {
        let distinct = "SELECT count(*) - count(DISTINCT id) FROM m WHERE row NOT IN (SELECT row FROM w)";
        if self.staging.number(distinct).await? == 0 {
            return Ok(());
        }
        let (place, value) = match (self.layout.has(0), self.key_positions()) {
            (true, _) => (0, "CAST(d.id AS TEXT)".to_owned()),
            (false, places) => {
                let place = places.and_then(|places| places.first().copied()).unwrap_or_default();
                (
                    place,
                    format!("CAST((SELECT v{place} FROM f WHERE f.row = m.row) AS TEXT)"),
                )
            }
        };
        let rows = format!(
            "SELECT m.row, {heading} heading, {value} value, 'Rows ' || d.first || ' and ' || d.last || {same} reason \
             FROM (SELECT id, min(row) first, max(row) last FROM m WHERE row NOT IN (SELECT row FROM w) \
             GROUP BY id HAVING count(*) > 1) d JOIN m ON m.id = d.id WHERE m.row NOT IN (SELECT row FROM w)",
            heading = self.heading(place),
            same = quoted(&format!(" of the file are the same {}.", singular(self.table()))),
        );
        self.refuse(RefusalKind::Wrong, &rows).await.map(drop)
    }

    /// Writes the rows that the table will have, and returns how many rows of the file are left out.
    async fn write_rows(&mut self) -> Result<u64> {
        let table = self.table();
        let columns = || table.columns().iter().enumerate().skip(1);
        let used = "m.row NOT IN (SELECT row FROM w)";
        let existing: Vec<_> = columns()
            .map(|(place, column)| self.changed_value(place, column))
            .collect();
        let new: Vec<_> = columns().map(|(place, column)| self.new_value(place, column)).collect();
        if self.request.mode.updates() {
            let update = format!(
                "INSERT INTO a_{table} SELECT m.id, {} FROM m CROSS JOIN f ON f.row = m.row CROSS JOIN l_{table} l ON l.id = m.id \
                 WHERE {used}",
                existing.join(", ")
            );
            self.staging.run(&update).await?;
        }
        if self.request.mode.inserts() {
            let insert = format!(
                "INSERT INTO a_{table} SELECT m.id, {} FROM m CROSS JOIN f ON f.row = m.row \
                 WHERE {used} AND NOT EXISTS (SELECT 1 FROM l_{table} l WHERE l.id = m.id)",
                new.join(", ")
            );
            self.staging.run(&insert).await?;
        }
        let left_out = match self.request.mode {
            ImportMode::Insert => format!("SELECT count(*) FROM m JOIN l_{table} l ON l.id = m.id WHERE {used}"),
            ImportMode::Update => format!("SELECT count(*) FROM f WHERE {}", self.is_new()),
            ImportMode::Upsert | ImportMode::Replace => return Ok(0),
        };
        self.staging.number(&left_out).await.map(i64::unsigned_abs)
    }

    /// The value of an existing row, as SQL. A value that the file can't express exactly stays as it is.
    fn changed_value(&self, place: usize, column: &Column) -> String {
        let live = format!("l.{}", column.name);
        if !self.layout.has(place) {
            return live;
        }
        let file = format!("f.v{place}");
        let mut cases = Vec::new();
        match column.kind {
            // Most files can't tell an empty text from none.
            Kind::Text if column.nullable => {
                cases.push(format!("WHEN {file} = {EMPTY} THEN CASE {live} WHEN '' THEN '' END"));
            }
            _ if has_default(column) => cases.push(format!("WHEN {file} = {EMPTY} THEN {live}")),
            _ if column.nullable => cases.push(format!("WHEN {file} = {EMPTY} THEN NULL")),
            _ => {}
        }
        if column.kind == Kind::Text {
            // A workbook has one kind of line break.
            let lines = format!("replace(replace({live}, char(13, 10), char(10)), char(13), char(10))");
            cases.push(format!(
                "WHEN instr({file}, char(10)) > 0 AND {lines} = {file} THEN {live}"
            ));
        }
        let unit = format!("f.u{place}");
        if column.kind == Kind::Timestamp {
            cases.push(format!(
                "WHEN {live} >= {file} AND {live} < {file} + {unit} THEN {live}"
            ));
        }
        if self.layout.is_ambiguous(place) {
            let other = format!("f.o{place}");
            cases.push(match column.kind {
                Kind::Timestamp => format!("WHEN {live} >= {other} AND {live} < {other} + {unit} THEN {live}"),
                _ => format!("WHEN {live} = {other} THEN {live}"),
            });
        }
        match cases.is_empty() {
            true => file,
            false => format!("CASE {} ELSE {file} END", cases.join(" ")),
        }
    }

    /// The value of a new row, as SQL.
    fn new_value(&self, place: usize, column: &Column) -> String {
        let default = self.default_of(column);
        match self.layout.has(place) {
            false => default,
            true if column.nullable || has_default(column) => {
                format!("CASE WHEN f.v{place} = {EMPTY} THEN {default} ELSE f.v{place} END")
            }
            true => format!("f.v{place}"),
        }
    }

    fn default_of(&self, column: &Column) -> String {
        match has_default(column) {
            true => self.now.timestamp_micros().to_string(),
            false => "NULL".to_owned(),
        }
    }

    /// Finds the actions. Rows in conflict get none. The existing row of such a row stays, and may be in conflict with a further
    /// one, so this is done again if wrong rows are left out. Rows that are still in conflict at the end stay in `k_...`.
    async fn find_actions(&mut self) -> Result<()> {
        let (extents, table) = (self.request.extents(), self.table());
        let tables: Vec<_> = extents.tables.keys().copied().collect();
        outcome::create_tables(self.staging, &tables).await?;
        let finder = OutcomeFinder {
            extents: &extents,
            tables: &tables,
        };
        for table in &tables {
            finder.actions(self.staging, *table).await?;
        }
        let rounds = if self.request.skip_wrong {
            MAX_CONFLICT_ROUNDS
        } else {
            1
        };
        for _ in 0..rounds {
            finder.conflicts(self.staging, table).await?;
            if self.refuse_conflicts().await? == 0 {
                return Ok(());
            }
            for sql in [
                format!("DELETE FROM x_{table} WHERE id IN (SELECT id FROM k_{table})"),
                format!("DELETE FROM a_{table} WHERE id IN (SELECT id FROM k_{table})"),
                format!("DELETE FROM k_{table}"),
            ] {
                self.staging.run(&sql).await?;
            }
        }
        match self.request.skip_wrong {
            true => finder.conflicts(self.staging, table).await,
            false => Ok(()),
        }
    }

    /// Records the errors of rows whose unique value another row of the file or of the table has.
    async fn refuse_conflicts(&mut self) -> Result<u64> {
        let table = self.table();
        if self.staging.number(&format!("SELECT count(*) FROM k_{table}")).await? == 0 {
            return Ok(0);
        }
        let key = table.unique_key();
        let heading = match key.first().map(|key| position(table, key)) {
            Some(place) if self.layout.has(place) => self.heading(place),
            _ => "NULL".to_owned(),
        };
        let value = match key {
            [key] => format!("a.{key}"),
            _ => "NULL".to_owned(),
        };
        let same = |other: &str| {
            let columns = key.iter().map(|column| format!("{other}.{column} = a.{column}"));
            columns.collect::<Vec<_>>().join(" AND ")
        };
        let (what, written) = (singular(table), RowAction::write());
        let key = key.join(", ");
        let twice = format!(
            "SELECT m.row row, {heading} heading, {value} value, 'Rows ' || min(m.row, o.row) || ' and ' || max(m.row, o.row) || {said} reason \
             FROM m CROSS JOIN k_{table} k ON k.id = m.id CROSS JOIN a_{table} a ON a.id = k.id \
             CROSS JOIN a_{table} b ON {} AND b.id <> a.id CROSS JOIN m o ON o.id = b.id \
             WHERE m.row NOT IN (SELECT row FROM w) AND b.id IN (SELECT id FROM x_{table} WHERE action IN ({written})) \
             GROUP BY m.row",
            same("b"),
            said = quoted(&format!(" of the file have the same {key}.")),
        );
        // To name the other row, its row of the file must be found by its id.
        self.staging.run("CREATE INDEX IF NOT EXISTS m_id ON m (id)").await?;
        let refused = self.refuse(RefusalKind::Wrong, &twice).await?;
        let taken = format!(
            "SELECT m.row row, {heading} heading, {value} value, {said} || coalesce(min(l.id), 0) || {end} reason \
             FROM m CROSS JOIN k_{table} k ON k.id = m.id CROSS JOIN a_{table} a ON a.id = k.id \
             LEFT JOIN l_{table} l ON {} AND l.id <> a.id WHERE m.row NOT IN (SELECT row FROM w) GROUP BY m.row",
            same("l"),
            said = quoted(&format!("The {what} with the ID ")),
            end = quoted(&format!(
                " has the same {key}. Correct one of them, or leave the ID of this row empty if it is the same {what}."
            )),
        );
        Ok(refused + self.refuse(RefusalKind::Conflict, &taken).await?)
    }
}

/// Whether the database gives a value to a new row without one: the time of its insertion.
fn has_default(column: &Column) -> bool {
    column.kind == Kind::Timestamp && !column.nullable
}

/// The place of a column among those of its table.
fn position(table: Table, name: &str) -> usize {
    let found = table.columns().iter().position(|column| column.name == name);
    found.unwrap_or_default()
}

/// A text as an SQL literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A column in a sentence.
fn said(column: &str) -> String {
    column.replace('_', " ")
}

/// One row of a table in a sentence.
fn singular(table: Table) -> &'static str {
    match table {
        Table::Users => "user",
        Table::Students => "student",
        Table::Courses => "course",
        Table::PaymentCategories => "payment category",
        Table::Enrollments => "enrollment",
        Table::Payments => "payment",
        Table::Attendance => "attendance record",
    }
}
