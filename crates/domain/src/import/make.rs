//! Makes the plan of an import: reads the live rows and the file into the staging database, resolves the rows, and counts.

use std::collections::BTreeMap;

use campus_backup_archive::Summary;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;

use super::folder::ImportFolder;
use super::plan::{
    IgnoredColumn, ImportCounts, ImportMoney, ImportPlan, ImportTable, ImportedFile, MAX_NAMED, StoredImport,
};
use super::read::{self, FileSource};
use super::request::{ImportRequest, hash};
use super::resolve::{self, RefusalKind, Resolver};
use super::rows::FileRows;
use super::samples;
use crate::catalog::Table;
use crate::change;
use crate::database::Database;
use crate::error::Result;
use crate::job::Progress;
use crate::restore::outcome::{self, TableOutcome};
use crate::restore::plan::written;
use crate::restore::staging::Staging;

/// A file that was received, and what is done with it.
pub(crate) struct NewPlan<'a> {
    pub(crate) database: &'a Database,
    pub(crate) folder: &'a ImportFolder,
    pub(crate) request: &'a ImportRequest,
    /// The name of the file, if the client sent one.
    pub(crate) name: Option<String>,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// The name of the user who sent it.
    pub(crate) created_by: String,
    /// The time zone of times in the file.
    pub(crate) time_zone: Tz,
    pub(crate) now: DateTime<Utc>,
    /// Whether the service can't open the safety backup that it would create.
    pub(crate) undo_needs_identity: bool,
    pub(crate) progress: &'a Progress,
}

impl NewPlan<'_> {
    /// Makes the plan, and changes nothing. Other clients keep writing: the live rows are read in one snapshot. It blocks the
    /// thread that polls it. The staging database stays in the folder.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid), [`Error::ImportUnreadable`](crate::Error::ImportUnreadable). Errors of rows are
    /// in the plan.
    pub(crate) async fn make(self) -> Result<StoredImport> {
        let (request, table) = (self.request, self.request.table);
        let mut staging = Staging::create(&self.folder.staging()).await?;
        let live = self.read_live(&mut staging).await?;
        resolve::create_tables(&mut staging).await?;
        let path = self.folder.file();
        let source = FileSource {
            path: &path,
            table,
            zone: self.time_zone,
            options: &request.reading,
        };
        let (facts, layout) = {
            let mut handle = staging.lock().await?;
            let mut rows = FileRows::new(&mut handle, table, self.progress);
            let facts = read::read(&source, &mut rows)?;
            (facts, rows.finish())
        };
        let resolver = Resolver {
            staging: &mut staging,
            database: self.database,
            request,
            layout: &layout,
            now: self.now,
        };
        let resolved = resolver.resolve().await?;
        self.refuse_large_rows(&mut staging).await?;
        let mut outcomes = BTreeMap::new();
        for table in request.extents().tables.into_keys() {
            outcomes.insert(table, outcome::count(&mut staging, table).await?);
        }
        let rows = counts(&mut staging, resolved.skipped, outcomes.get(&table)).await?;
        let generated: BTreeMap<_, _> = resolved.generated.into_iter().collect();
        let changes = samples::changes(&mut staging, table, request.mode, generated.get(&table)).await?;
        let errors = samples::errors(&mut staging, MAX_NAMED).await?;
        let money = money(&mut staging, &outcomes).await?;
        let unresolved = staging.number(&format!("SELECT count(*) FROM k_{table}")).await?;
        let refused = rows.wrong + rows.conflicting;
        staging.save().await?;
        let ignored = facts.ignored.into_iter();
        let plan = ImportPlan {
            id: self.folder.id(),
            table,
            mode: request.mode,
            skip_wrong: request.skip_wrong,
            create_missing: request.create_missing.clone(),
            hash: hash(request, &self.sha256, &live.sha256),
            file: ImportedFile {
                name: self.name,
                bytes: self.bytes,
                sha256: self.sha256,
                format: facts.format.to_owned(),
                encoding: facts.encoding.map(str::to_owned),
                sheet: facts.sheet,
            },
            columns: layout.matched(),
            ignored: ignored
                .map(|(heading, reason)| IgnoredColumn { heading, reason })
                .collect(),
            notes: facts.notes,
            rows,
            tables: outcomes
                .iter()
                .map(|(table, found)| (*table, ImportTable::from(found)))
                .collect(),
            money,
            changes,
            errors,
            undo_needs_identity: self.undo_needs_identity,
            can_apply: unresolved == 0 && (refused == 0 || request.skip_wrong),
            created_by: self.created_by,
            created_at: self.now,
            expires_at: self.folder.expires_at(),
        };
        Ok(StoredImport {
            plan,
            request: request.clone(),
            time_zone: self.time_zone.name().to_owned(),
            headings: facts.headings,
            generated,
        })
    }

    async fn read_live(&self, staging: &mut Staging) -> Result<Summary> {
        let tables = self.request.tables();
        for table in &tables {
            staging.create_tables(*table).await?;
        }
        staging.read_live(self.database, &tables, self.progress).await
    }

    /// Refuses rows that are larger than the database accepts at once.
    async fn refuse_large_rows(&self, staging: &mut Staging) -> Result<()> {
        let Some(largest) = change::largest_row(self.database).await? else {
            return Ok(());
        };
        let table = self.request.table;
        let large = outcome::larger_than(table, largest);
        let reason = resolve::quoted(&format!(
            "The row is larger than the {largest} bytes that the database server takes at once (max_allowed_packet)."
        ));
        let kind = RefusalKind::Wrong.sql();
        for sql in [
            format!(
                "INSERT INTO e SELECT m.row, NULL, NULL, {reason}, {kind} FROM m WHERE m.id IN (SELECT x.id {large})"
            ),
            format!("INSERT OR IGNORE INTO w SELECT m.row FROM m WHERE m.id IN (SELECT x.id {large})"),
            format!("DELETE FROM x_{table} WHERE id IN (SELECT x.id {large})"),
        ] {
            staging.run(&sql).await?;
        }
        Ok(())
    }
}

/// Counts the rows of the file by what is done with them.
async fn counts(staging: &mut Staging, skipped: u64, found: Option<&TableOutcome>) -> Result<ImportCounts> {
    let found = found.copied().unwrap_or_default();
    let conflict = RefusalKind::Conflict.sql();
    let mut number = async |sql: &str| staging.number(sql).await.map(i64::unsigned_abs);
    let refused = number("SELECT count(*) FROM w").await?;
    // A row that is wrong in another way, too, counts as wrong.
    let conflicting = format!(
        "SELECT count(DISTINCT row) FROM e WHERE kind = {conflict} \
         AND row NOT IN (SELECT row FROM e WHERE kind <> {conflict})"
    );
    let conflicting = number(&conflicting).await?;
    let used = number("SELECT count(*) FROM f WHERE row NOT IN (SELECT row FROM w)").await?;
    Ok(ImportCounts {
        read: used + refused,
        new: found.inserts,
        changed: found.updates,
        unchanged: used.saturating_sub(found.inserts + found.updates + skipped),
        skipped,
        conflicting,
        wrong: refused - conflicting,
        removed: found.deletes,
    })
}

/// The sum of all payments before and afterwards.
async fn money(staging: &mut Staging, outcomes: &BTreeMap<Table, TableOutcome>) -> Result<Option<ImportMoney>> {
    if !outcomes.contains_key(&Table::Payments) {
        return Ok(None);
    }
    let (before, after): (Decimal, Decimal) = outcome::sums(staging, Table::Payments, "amount_paid").await?;
    Ok(Some(ImportMoney {
        before: written(before),
        after: written(after),
    }))
}

impl From<&TableOutcome> for ImportTable {
    fn from(found: &TableOutcome) -> Self {
        Self {
            rows_before: found.rows_before,
            rows_after: found.rows_after,
            inserted: found.inserts,
            updated: found.updates,
            removed: found.deletes + found.cascades,
        }
    }
}
