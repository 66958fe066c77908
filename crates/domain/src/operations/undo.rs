//! Undoing a clear or an import.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use campus_backup_archive::Manifest;

use super::Operations;
use super::records::ensure_is_recorded;
use super::restore::ensure_is_content;
use crate::account::Admin;
use crate::catalog::Table;
use crate::change::Change;
use crate::change_log::{self, ChangeKind, Effect};
use crate::entity::archive::{Model as Record, RecordKind};
use crate::error::{Error, Result};
use crate::job::{
    Context, Idempotency, JobKind, JobParameters, JobResult, Lock, Phase, Submission, Submitted, UndoParameters,
    UndoReport, Work, work,
};
use crate::restore::{self, Plan, Provenance, Restore, RestoreMode, RestoredTable, Scope};
use crate::verify::digest;

/// What is being done, for errors.
const DOING: &str = "undoing a change";

/// A clear or an import that can be undone.
struct Undoable {
    manifest: Arc<Manifest>,
    record: Record,
    tables: BTreeSet<Table>,
    kind: UndoKind,
}

/// How a change is undone.
enum UndoKind {
    /// The rows that a clear has removed are inserted again.
    Clear,
    /// The tables of an import get the rows that they had, if they still have those of the import: these digests.
    Import { digests: BTreeMap<Table, String> },
}

impl Undoable {
    fn restore(&self, mode: RestoreMode) -> Restore {
        Restore {
            scope: Scope::Tables(self.tables.clone()),
            mode,
            disable_administrators: false,
        }
    }

    /// The restore of the safety backup that undoes the change.
    fn undo(&self) -> Restore {
        self.restore(match self.kind {
            UndoKind::Clear => RestoreMode::InsertMissing,
            UndoKind::Import { .. } => RestoreMode::Replace,
        })
    }
}

impl Operations {
    /// Starts to undo a clear or an import: a job whose result is an [`UndoReport`].
    ///
    /// - Of a clear, it inserts the missing rows in one transaction, and does not change rows that were written since. If these
    ///   are an obstacle, nothing is changed.
    /// - Of an import, it gives the tables exactly the rows that they had. If a row of these tables, or one that refers to a
    ///   row of the import, has changed since, nothing is changed.
    ///
    /// # Errors
    /// Then there is no job: [`Error::UnknownClear`], [`Error::NothingToUndo`], [`Error::AlreadyUndone`],
    /// [`Error::UndoExpired`], [`Error::ArchiveGone`], [`Error::SafetyUnproven`], [`Error::RecordMismatch`], a key that is missing
    /// or wrong, and those of
    /// [`Jobs::submit`](crate::job::Jobs::submit). The job fails with [`Error::UndoBlocked`] if there are obstacles;
    /// [`Operations::undo_plan`] lists them.
    pub async fn undo(&self, admin: &Admin, clear_id: &str, idempotency: Option<Idempotency>) -> Result<Submitted> {
        if let Some(submitted) = self.0.jobs.submitted_before(admin, idempotency.as_ref()).await? {
            return Ok(submitted);
        }
        let undoable = self.undoable(clear_id).await?;
        let manifest = &undoable.manifest;
        self.ensure_opens_file(&manifest.id, manifest.file()).await?;
        let submission = Submission {
            parameters: JobParameters::Undo(UndoParameters {
                clear_id: clear_id.to_owned(),
            }),
            idempotency,
            lock: Lock::WriterLease,
        };
        let work = self.undo_work(admin.clone(), clear_id.to_owned());
        self.0.jobs.submit(admin, submission, work).await
    }

    fn undo_work(&self, by: Admin, clear_id: String) -> Work {
        let operations = self.clone();
        work(async move |context| operations.run_undo(&by, &clear_id, &context).await)
    }

    /// Plans the undo of a clear or an import: the plan of a restore of the safety backup, with all obstacles.
    ///
    /// # Errors
    /// As [`Operations::undo`], and those of [`Operations::plan`].
    pub async fn undo_plan(&self, admin: &Admin, clear_id: &str) -> Result<Plan> {
        let undoable = self.undoable(clear_id).await?;
        let request = undoable.restore(match undoable.kind {
            UndoKind::Clear => RestoreMode::Merge,
            UndoKind::Import { .. } => RestoreMode::Replace,
        });
        let source = self.source(&undoable.manifest);
        let plan = self.plan_of(admin, source, &request, Provenance::Undo).await?;
        ensure_is_content(&plan.archive_digest, &undoable.manifest, Some(&undoable.record))?;
        Ok(plan)
    }

    /// Ensures that a clear or an import can be undone, by the [change log](crate::change_log).
    async fn undoable(&self, clear_id: &str) -> Result<Undoable> {
        let shared = &self.0;
        let found = change_log::find_undoable(&shared.database, clear_id).await?;
        let Some((clear, now)) = found else {
            return Err(self.without_effect(clear_id).await?);
        };
        let (Some(archive_id), Some(until)) = (clear.safety_archive_id, clear.undo_until) else {
            return Err(Error::NothingToUndo);
        };
        if clear.undone_at.is_some() {
            return Err(Error::AlreadyUndone);
        }
        if until < now {
            return Err(Error::UndoExpired { archive_id });
        }
        let manifest = shared.store.manifest(&archive_id).await?;
        let record = self.ensure_recorded(&manifest).await?;
        let is_of_clear = |record: &Record| record.kind == RecordKind::Safety && record.job_id == clear.id;
        let Some(record) = record.filter(is_of_clear) else {
            return Err(Error::SafetyUnproven { archive_id });
        };
        let tables = clear.rows.keys().copied().collect();
        let kind = match clear.kind {
            ChangeKind::Import => UndoKind::Import {
                digests: clear
                    .rows
                    .into_iter()
                    .map(|(table, rows)| (table, rows.digest.unwrap_or_default()))
                    .collect(),
            },
            ChangeKind::Clear | ChangeKind::Restore | ChangeKind::Undo => UndoKind::Clear,
        };
        Ok(Undoable {
            manifest,
            record,
            tables,
            kind,
        })
    }

    /// Why a clear or an import is not in the change log: it still runs, it has not succeeded, or it does not exist.
    async fn without_effect(&self, clear_id: &str) -> Result<Error> {
        let is_undoable = |kind| matches!(kind, JobKind::Clear | JobKind::Import);
        match self.0.jobs.get(clear_id).await {
            Ok(job) if is_undoable(job.kind) && !job.state.has_ended() => Ok(Error::Busy { job_id: job.id }),
            Ok(job) if is_undoable(job.kind) => Ok(Error::NothingToUndo),
            Ok(_) | Err(Error::UnknownJob) => Ok(Error::UnknownClear),
            Err(error) => Err(error),
        }
    }

    async fn run_undo(&self, admin: &Admin, clear_id: &str, context: &Context) -> Result<JobResult> {
        // Another undo may have finished since the request.
        let undoable = self.undoable(clear_id).await?;
        let (progress, shared) = (context.progress(), &self.0);
        let source = self.source(&undoable.manifest);
        let checked = digest(&source, &shared.settings.keys, Some(&undoable.manifest), progress).await?;
        let key = self.manifest_key().await?;
        ensure_is_recorded(&undoable.record, Some(&undoable.manifest), key, &checked)?;
        let request = undoable.undo();
        let mut change = Change::begin(&shared.database, request.tables(), DOING).await?;
        match &undoable.kind {
            UndoKind::Clear => self.ensure_ids_free(admin, &undoable, &mut change, context).await?,
            UndoKind::Import { digests } => ensure_as_imported(&mut change, digests, context).await?,
        }
        progress.enter(Phase::Changing, Some(request.rows_in(&checked.summary)))?;
        let restore_context = self.restore_context(admin, &*source, &request, Provenance::Undo, progress);
        let restored = restore::apply(&restore_context, &mut change, &checked.summary).await;
        let restored = restored.map_err(|error| match error {
            Error::Orphan { .. } | Error::Conflict { .. } | Error::DuplicateKey { .. } => Error::UndoBlocked,
            error => error,
        })?;
        let is_further = |(table, done): (&Table, &RestoredTable)| !undoable.tables.contains(table) && done.removed > 0;
        if restored.tables.iter().any(is_further) {
            // Rows that refer to rows of the import would be removed without a copy.
            return Err(Error::UndoBlocked);
        }
        let tables: BTreeMap<_, _> = restored
            .tables
            .into_iter()
            .filter(|(table, _)| undoable.tables.contains(table))
            .collect();
        let undone_at = shared.database.now().await?;
        let effect = Effect {
            kind: ChangeKind::Undo,
            changed_at: undone_at,
            tables: change_log::row_counts(&tables),
            safety: None,
            undo_until: None,
            undoes: Some(clear_id.to_owned()),
        };
        let result = JobResult::Undo(UndoReport {
            clear_id: clear_id.to_owned(),
            archive_id: undoable.manifest.id.clone(),
            tables,
            undone_at,
        });
        context.finish_in(&mut change, &effect, &result).await?;
        change.commit().await?;
        Ok(result)
    }

    /// Ensures that no row that was written since the clear has the id of a restored row. Empty tables need no comparison,
    /// and accounts that stayed are not an obstacle.
    async fn ensure_ids_free(
        &self,
        admin: &Admin,
        undoable: &Undoable,
        change: &mut Change,
        context: &Context,
    ) -> Result<()> {
        let others: Vec<_> = undoable.tables.iter().filter(|table| **table != Table::Users).collect();
        let counted = change.count().await?;
        if others.iter().all(|table| counted.of(**table) == 0) {
            return Ok(());
        }
        let request = undoable.restore(RestoreMode::Merge);
        let (source, progress) = (self.source(&undoable.manifest), context.progress());
        progress.enter(Phase::Comparing, None)?;
        let plan = restore::plan(&self.restore_context(admin, &*source, &request, Provenance::Undo, progress)).await?;
        let is_taken = |table: &Table| plan.tables.get(table).is_some_and(|found| found.updates > 0);
        match !plan.blockers.is_empty() || others.into_iter().any(is_taken) {
            true => Err(Error::UndoBlocked),
            false => Ok(()),
        }
    }
}

/// Ensures that the tables of an import have exactly the rows that it has left.
///
/// # Errors
/// [`Error::UndoBlocked`]
async fn ensure_as_imported(change: &mut Change, digests: &BTreeMap<Table, String>, context: &Context) -> Result<()> {
    context.progress().enter(Phase::Comparing, None)?;
    let tables: Vec<_> = digests.keys().copied().collect();
    let found = restore::written::summary(change, &tables, context.progress()).await?;
    let is_same = |(table, digest): (&Table, &String)| found.sha256.get(table.name()) == Some(digest);
    match digests.iter().all(is_same) {
        true => Ok(()),
        false => Err(Error::UndoBlocked),
    }
}
