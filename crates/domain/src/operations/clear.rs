//! Clearing tables, with a safety backup that can undo it.

use std::collections::BTreeMap;

use super::Operations;
use super::safety_backup::SafetyBackup;
use crate::account::Admin;
use crate::catalog::Table;
use crate::change::Change;
use crate::change_log::{self, Effect, RowCounts, SafetyArchive};
use crate::clear::{self, Clear, Confirmation};
use crate::error::Result;
use crate::job::{
    ClearParameters, ClearReport, Context, Idempotency, JobParameters, JobResult, Lock, Phase, Submission, Submitted,
    Work, work,
};

impl Operations {
    /// Starts a clear: a job whose result is a [`ClearReport`]. It follows the [procedure](super) of all operations that
    /// remove rows.
    ///
    /// # Errors
    /// Then there is no job: those of [`Clear::check`]; [`Error::RowCountChanged`](crate::Error::RowCountChanged) if the
    /// expected row counts are already wrong; [`Error::InsufficientStorage`](crate::Error::InsufficientStorage), and those of
    /// [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn clear(
        &self,
        admin: &Admin,
        confirmation: Confirmation,
        request: &Clear,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted> {
        request.check(confirmation)?;
        if let Some(submitted) = self.0.jobs.submitted_before(admin, idempotency.as_ref()).await? {
            return Ok(submitted);
        }
        if request.expected.is_some() {
            clear::preview(admin, &self.0.database, request).await?;
        }
        self.ensure_room().await?;
        let submission = Submission {
            parameters: JobParameters::Clear(ClearParameters {
                table: request.scope.name(),
            }),
            idempotency,
            lock: Lock::WriterLease,
        };
        let work = self.clear_work(admin.clone(), request.clone());
        self.0.jobs.submit(admin, submission, work).await
    }

    fn clear_work(&self, by: Admin, request: Clear) -> Work {
        let operations = self.clone();
        work(async move |context| {
            let change = Change::begin(&operations.0.database, request.tables(), "clearing").await?;
            let label = format!("before clearing {}", request.scope.name());
            let safety = operations.create_safety_backup(&by, &label, context.progress()).await?;
            let (change, report) = match operations.remove(&context, change, &request, &safety).await {
                Ok(removed) => removed,
                Err(error) => {
                    safety.discard().await;
                    return Err(error);
                }
            };
            // If this fails, the change may be committed or not, so the safety backup stays.
            change.commit().await?;
            if report.archive_id.is_none() {
                safety.discard().await;
            }
            Ok(JobResult::Clear(report))
        })
    }

    /// All steps between the safety backup and the commit. On an error the change is dropped.
    async fn remove(
        &self,
        context: &Context,
        mut change: Change,
        request: &Clear,
        safety: &SafetyBackup,
    ) -> Result<(Change, ClearReport)> {
        let rows = request.tables().iter().map(|table| safety.rows_of(*table)).sum();
        context.progress().enter(Phase::Changing, Some(rows))?;
        let cleared = clear::remove(&mut change, request).await?;
        let removed_any = cleared.removed_total() > 0;
        let cleared_at = self.0.database.now().await?;
        let undo_until = removed_any.then(|| cleared_at + self.0.settings.undo_window);
        let effect = Effect {
            kind: change_log::ChangeKind::Clear,
            changed_at: cleared_at,
            tables: removed_rows(&cleared.removed),
            safety: removed_any.then(|| SafetyArchive::from(&safety.manifest)),
            undo_until,
            undoes: None,
        };
        let report = ClearReport {
            archive_id: removed_any.then(|| safety.manifest.id.clone()),
            undo_until,
            removed: cleared.removed,
            kept: cleared.kept,
            cleared_at,
        };
        if removed_any {
            self.record_in(&mut change, &safety.manifest, context).await?;
        }
        let result = JobResult::Clear(report.clone());
        context.finish_in(&mut change, &effect, &result).await?;
        Ok((change, report))
    }
}

fn removed_rows(removed: &BTreeMap<Table, u64>) -> BTreeMap<Table, RowCounts> {
    let counts = |removed| RowCounts {
        removed,
        ..RowCounts::default()
    };
    removed.iter().map(|(table, rows)| (*table, counts(*rows))).collect()
}
