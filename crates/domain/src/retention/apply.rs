//! The job that deletes the archives of a plan, one after another.

use super::manage::Retention;
use super::policy::RetentionPolicy;
use super::rules::ArchiveToDelete;
use super::stored::read_policy;
use crate::error::{Error, Result};
use crate::job::{Fault, JobResult, Phase, Progress, RetentionFailure, RetentionReport, Work, work};

/// What became of an archive of the plan.
enum Deletion {
    Done,
    /// It is needed by now, or gone, or the policy was changed.
    Skipped,
    /// It could not be deleted.
    Failed(Error),
}

impl Retention {
    /// The work of a job that deletes archives, the oldest first:
    ///
    /// 1. Before each deletion the plan is made again. An archive that stays by the new plan is skipped, and so are all if the
    ///    policy was changed or retention is held by now.
    /// 2. An archive that can't be deleted is reported, and the next one follows. If no plan can be made, the job ends.
    /// 3. A job that is cancelled after a deletion succeeds with what it has done. The rest is skipped.
    pub(super) fn deletion_work(&self, policy: RetentionPolicy, planned: Vec<ArchiveToDelete>) -> Work {
        let retention = self.clone();
        work(async move |context| {
            let report = retention.delete(&policy, &planned, context.progress()).await?;
            Ok(JobResult::Retention(report))
        })
    }

    async fn delete(
        &self,
        policy: &RetentionPolicy,
        planned: &[ArchiveToDelete],
        progress: &Progress,
    ) -> Result<RetentionReport> {
        progress.enter(Phase::Deleting, Some(planned.len() as u64))?;
        let mut report = RetentionReport::default();
        let mut left = planned.iter().rev();
        while let Some(archive) = left.next() {
            let id = archive.id.clone();
            let error = match self.delete_one(policy, &id, progress).await {
                Ok(Deletion::Done) => {
                    tracing::info!(id, reason = ?archive.reason, "retention has deleted an archive");
                    report.freed_bytes += archive.bytes;
                    report.deleted.push(id);
                    continue;
                }
                Ok(Deletion::Skipped) => {
                    report.skipped.push(id);
                    continue;
                }
                Ok(Deletion::Failed(error)) => {
                    tracing::warn!(id, %error, "retention could not delete an archive");
                    report.failed.push(failure(&id, &self.fault(error)));
                    continue;
                }
                Err(error) => error,
            };
            let is_without_effect = report.deleted.is_empty() && report.failed.is_empty();
            let rest = std::iter::once(id).chain(left.map(|archive| archive.id.clone()));
            match error {
                error if is_without_effect => return Err(error),
                Error::Cancelled => report.skipped.extend(rest),
                error => {
                    tracing::warn!(%error, "retention had to stop deleting archives");
                    let fault = self.fault(error);
                    report.failed.extend(rest.map(|id| failure(&id, &fault)));
                }
            }
            break;
        }
        Ok(report)
    }

    /// # Errors
    /// If it is not known whether the archive may be deleted, or the job was cancelled.
    async fn delete_one(&self, policy: &RetentionPolicy, id: &str, progress: &Progress) -> Result<Deletion> {
        progress.advance(1)?;
        let stored = read_policy(&self.database).await?;
        if stored.is_none_or(|stored| stored.policy != *policy) {
            return Ok(Deletion::Skipped);
        }
        let plan = self.plan(policy).await?;
        if plan.held.is_some() || !plan.delete.iter().any(|archive| archive.id == id) {
            return Ok(Deletion::Skipped);
        }
        Ok(match self.operations.delete_unkept(id).await {
            Ok(()) => Deletion::Done,
            Err(Error::ArchiveGone { .. } | Error::ArchiveNotFound { .. } | Error::ArchiveProtected { .. }) => {
                Deletion::Skipped
            }
            Err(error) => Deletion::Failed(error),
        })
    }

    fn fault(&self, error: Error) -> Fault {
        self.operations.jobs().describe(error)
    }
}

fn failure(id: &str, fault: &Fault) -> RetentionFailure {
    RetentionFailure {
        archive_id: id.to_owned(),
        code: fault.code.clone(),
        detail: fault.detail.clone(),
    }
}
