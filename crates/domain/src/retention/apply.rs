//! The job that deletes the archives of a plan, one after another.
//!
//! **One listing.** The job lists the store once. Before each deletion it asks for what may have changed since and matters:
//!
//! - from the database: the policy, whether the latest backup failed, and which archives are in use or needed for an undo;
//! - whether a backup has succeeded since, which may look suspicious;
//! - from the store: the manifest of the archive itself, and of each archive that must stay whatever the counts say: the newest
//!   good one, the newest verified one and those of `min_keep`. One of them may have been deleted by hand, verified, or found
//!   damaged.
//!
//! If one of these manifests, or the newest backup, is another one by now, the job lists the store again. Archives that only a
//! count keeps are not looked at again: if one of them is deleted by hand meanwhile, no other one stays in its place.

use super::manage::{BackupMark, Retention};
use super::policy::RetentionPolicy;
use super::rules::{ArchiveToDelete, KeepReason, RetentionPlan};
use super::stored::read_policy;
use crate::destination;
use crate::error::{Error, Result};
use crate::job::{Fault, JobResult, Phase, Progress, RetentionFailure, RetentionReport, Work, work};
use crate::operations::{Inventory, SinceListing};

/// More manifests than this are not read one by one: a listing is cheaper.
const MAX_WATCHED: usize = 8;

/// The archives as the job has listed them.
struct ListedArchives {
    inventory: Inventory,
    /// From before the listing.
    newest_backup: BackupMark,
    /// The archives that must stay whatever the counts say.
    watched: Vec<String>,
}

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
    /// 1. Before each deletion the plan is made again, from one listing and from what may have changed since. An archive that
    ///    stays by the new plan is skipped, and so are all if the policy was changed or retention is held by now.
    /// 2. An archive that can't be deleted, also because the store is immutable, is reported, and the next one follows. If no
    ///    plan can be made, the job ends.
    /// 3. A job that is cancelled after a deletion succeeds with what it has done. The rest is skipped.
    pub(super) fn deletion_work(&self, policy: RetentionPolicy, planned: Vec<ArchiveToDelete>) -> Work {
        let retention = self.clone();
        work(async move |context| {
            let report = retention.delete(&policy, &planned, context.progress()).await?;
            Ok(JobResult::Retention(RetentionReport {
                retained_copies: destination::retained_copies(&retention.database)
                    .await
                    .unwrap_or_default(),
                ..report
            }))
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
        let mut listed = None;
        let mut left = planned.iter().rev();
        while let Some(archive) = left.next() {
            let id = archive.id.clone();
            let error = match self.delete_one(policy, &id, &mut listed, progress).await {
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
    async fn delete_one(
        &self,
        policy: &RetentionPolicy,
        id: &str,
        listed: &mut Option<ListedArchives>,
        progress: &Progress,
    ) -> Result<Deletion> {
        progress.advance(1)?;
        let stored = read_policy(&self.database).await?;
        if stored.is_none_or(|stored| stored.policy != *policy) {
            return Ok(Deletion::Skipped);
        }
        let archives = match listed.take() {
            Some(known) if self.is_current(&known, id).await? => known,
            _ => self.list_archives().await?,
        };
        let archives = listed.insert(archives);
        // Last, so that what the database says is as new as possible.
        let plan = self.plan_of(policy, &archives.inventory).await?;
        archives.watched = watched(&plan);
        if plan.held.is_some() || !plan.delete.iter().any(|archive| archive.id == id) {
            return Ok(Deletion::Skipped);
        }
        Ok(match self.operations.delete_unkept(id).await {
            Ok(()) => {
                archives.inventory.remove(id);
                Deletion::Done
            }
            Err(Error::ArchiveGone { .. } | Error::ArchiveNotFound { .. } | Error::ArchiveProtected { .. }) => {
                Deletion::Skipped
            }
            Err(error) => Deletion::Failed(error),
        })
    }

    async fn list_archives(&self) -> Result<ListedArchives> {
        // What succeeds from here on is noticed before the next deletion.
        let newest_backup = self.backup_mark().await?;
        Ok(ListedArchives {
            inventory: self.operations.inventory().await?,
            newest_backup,
            watched: Vec::new(),
        })
    }

    /// Whether the listing still says whether this archive may be deleted.
    async fn is_current(&self, listed: &ListedArchives, id: &str) -> Result<bool> {
        if listed.watched.len() > MAX_WATCHED || self.backup_mark().await? != listed.newest_backup {
            return Ok(false);
        }
        for watched in &listed.watched {
            let since = self.operations.since_listing(&listed.inventory, watched).await?;
            if since != SinceListing::Unchanged {
                return Ok(false);
            }
        }
        // Another copy of the service may have deleted it.
        Ok(self.operations.since_listing(&listed.inventory, id).await? != SinceListing::Changed)
    }

    fn fault(&self, error: Error) -> Fault {
        self.operations.jobs().describe(error)
    }
}

/// The archives that must stay whatever the counts say, as long as they are there and good.
fn watched(plan: &RetentionPlan) -> Vec<String> {
    const ALWAYS: [KeepReason; 3] = [KeepReason::Newest, KeepReason::NewestVerified, KeepReason::Minimum];
    let kept = plan.keep.iter();
    kept.filter(|archive| archive.reasons.iter().any(|reason| ALWAYS.contains(reason)))
        .map(|archive| archive.id.clone())
        .collect()
}

fn failure(id: &str, fault: &Fault) -> RetentionFailure {
    RetentionFailure {
        archive_id: id.to_owned(),
        code: fault.code.clone(),
        detail: fault.detail.clone(),
    }
}
