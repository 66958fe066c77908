//! The reaper: it ends jobs whose process has ended, and deletes old jobs.

use std::sync::Weak;
use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::Instant;

use super::context::{LeaseHolder, end_job, release_lease};
use super::heartbeat::log_failure;
use super::run::{Ending, sources};
use super::{Job, JobResult, Jobs, JobsInner, Published};
use crate::change_log;
use crate::counters;
use crate::entity::job::{self, Column, Entity, JobKind, JobState};
use crate::error::{Error, Result};
use crate::mutex::lock;
use crate::stats;

/// How many jobs are kept. Older ones are deleted when they are older than [`MIN_AGE`].
const MAX_KEPT: u64 = 1000;

/// The age at which an ended job is deleted in any case.
const MAX_AGE: TimeDelta = TimeDelta::days(90);

/// The age that an ended job reaches in any case: an idempotency key is valid for a day.
const MIN_AGE: TimeDelta = TimeDelta::days(1);

/// What is being done, for errors.
const ENDING: &str = "ending the jobs of a process that is gone";

/// The log message for jobs whose outcome is not known yet.
const UNKNOWN: &str =
    "the store can't say whether jobs of a process that is gone have published their archives; it is asked again";

/// How long the store may take to list its archives.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often old jobs and old records of the change log are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Whether a write waits for SQLite's write lock or is skipped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LockWait {
    Wait,
    Skip,
}

/// Reaps expired jobs and deletes old ones, until the last [`Jobs`] is dropped.
pub(super) async fn run_reaper(jobs: Weak<JobsInner>) {
    let Some(heartbeat_timeout) = jobs.upgrade().map(|jobs| jobs.settings.heartbeat_timeout) else {
        return;
    };
    let mut swept = None::<Instant>;
    while let Some(jobs) = Jobs::of(&jobs) {
        log_failure("expired jobs could not be reaped", jobs.reap_expired().await);
        if swept.is_none_or(|swept| swept.elapsed() >= SWEEP_INTERVAL) {
            swept = Some(Instant::now());
            log_failure("old jobs could not be deleted", jobs.sweep().await);
            let pruned = change_log::prune(&jobs.0.database).await;
            log_failure("old changes could not be deleted", pruned);
        }
        // A reference that is held while it waits would keep the jobs alive for ever.
        drop(jobs);
        tokio::time::sleep(heartbeat_timeout).await;
    }
}

impl Jobs {
    /// Starts the heartbeat and the reaper. If this process holds the lock of its runner's name, it also reaps the jobs that
    /// were left under that name.
    ///
    /// # Errors
    /// Database errors, except that the database is busy: those jobs are then reaped when they have expired.
    pub async fn start(&self) -> Result<()> {
        self.runtime();
        if !self.0.runner.holds_lock() {
            return Ok(());
        }
        let mine = Condition::all().add(Column::Runner.eq(self.0.runner.id()));
        match self.reap(mine, LockWait::Wait).await {
            Err(Error::DatabaseBusy { .. }) => {
                tracing::warn!("the database is busy; jobs that this process left before its restart are ended later");
                Ok(())
            }
            done => done,
        }
    }

    /// Reaps the jobs whose last heartbeat is too old.
    ///
    /// A heartbeat in the future was written before the clock was set back: the database's clock after a failover, or the
    /// clock of this machine. It would keep the job of an ended process alive for as long as the clock was ahead. Such a job
    /// must therefore get another heartbeat while this process waits, measured by a monotonic clock.
    async fn reap_expired(&self) -> Result<()> {
        let now = self.0.database.now().await?;
        let expired = Column::HeartbeatAt.lt(now - self.0.settings.heartbeat_timeout());
        self.reap(Condition::all().add(expired), LockWait::Skip).await?;
        let in_future = self.active(Condition::all().add(Column::HeartbeatAt.gt(now))).await?;
        let expired = self.without_new_heartbeat(in_future);
        self.reap_rows(expired, LockWait::Skip).await
    }

    /// The jobs that have had the same heartbeat for too long.
    fn without_new_heartbeat(&self, jobs: Vec<job::Model>) -> Vec<job::Model> {
        let mut seen = lock(&self.0.future_heartbeats);
        let before = std::mem::take(&mut *seen);
        let is_expired = |job: &job::Model| {
            let first = match before.get(&job.id) {
                Some((heartbeat, first)) if *heartbeat == job.heartbeat_at => *first,
                _ => Instant::now(),
            };
            seen.insert(job.id.clone(), (job.heartbeat_at, first));
            first.elapsed() >= self.0.settings.heartbeat_timeout
        };
        jobs.into_iter().filter(is_expired).collect()
    }

    /// Reaps the job that holds the lease, after the lease has expired.
    pub(super) async fn reap_holder(&self, holder: LeaseHolder) -> Result<()> {
        let row = Entity::find_by_id(&holder.job_id)
            .one(self.0.database.connection())
            .await;
        let row = row.map_err(Error::database(ENDING))?;
        // A heartbeat renews the lease: if the lease is unchanged, so is the heartbeat in the row.
        match row.filter(|row| !row.state.has_ended()) {
            Some(row) if self.lease_holder().await? == Some(holder) => {
                self.end_reaped(vec![row], &Published::new(), LockWait::Skip).await
            }
            _ => Ok(()),
        }
    }

    async fn reap(&self, which: Condition, lock_wait: LockWait) -> Result<()> {
        self.reap_rows(self.active(which).await?, lock_wait).await
    }

    async fn active(&self, which: Condition) -> Result<Vec<job::Model>> {
        let found = Entity::find()
            .filter(Column::State.is_in(JobState::ACTIVE))
            .filter(which)
            .order_by_asc(Column::Id)
            .all(self.0.database.connection())
            .await;
        found.map_err(Error::database(ENDING))
    }

    /// Reaps these jobs, except jobs that this process runs.
    async fn reap_rows(&self, expired: Vec<job::Model>, lock_wait: LockWait) -> Result<()> {
        let expired = expired.into_iter().filter(|row| self.running(&row.id).is_none());
        let (publishing, others): (Vec<_>, Vec<_>) = expired.partition(|row| row.kind.publishes_archive());
        self.end_reaped(others, &Published::new(), lock_wait).await?;
        if publishing.is_empty() {
            return Ok(());
        }
        // Asked after the rows were read: a job that publishes later has a newer heartbeat.
        match tokio::time::timeout(STORE_TIMEOUT, (self.0.settings.published)()).await {
            Ok(Ok(published)) => self.end_reaped(publishing, &published, lock_wait).await,
            Ok(Err(error)) => {
                tracing::warn!(jobs = publishing.len(), error = %sources(&error), "{UNKNOWN}");
                Ok(())
            }
            Err(_) => {
                tracing::warn!(jobs = publishing.len(), "{UNKNOWN}");
                Ok(())
            }
        }
    }

    /// Ends expired jobs: as succeeded if they have published an archive, and otherwise as interrupted.
    async fn end_reaped(&self, expired: Vec<job::Model>, published: &Published, lock_wait: LockWait) -> Result<()> {
        let mut interrupted = Vec::new();
        for row in expired {
            let archive = published.get(&row.id).cloned();
            let ending = match archive.and_then(|archive| JobResult::of_published(row.kind, archive)) {
                Some(result) => Ending {
                    state: JobState::Succeeded,
                    result: Some(result),
                    fault: None,
                },
                // The manifest of the archive, and not the job, says whether it was encrypted again.
                None if row.kind == JobKind::Rekey => self.interrupted(Error::RekeyUnknown {
                    source: Box::new(Error::Interrupted),
                }),
                None => self.interrupted(Error::Interrupted),
            };
            if !self.end_row(&row, &ending, lock_wait).await? {
                continue;
            }
            counters::job_ended(row.kind, ending.state);
            if ending.state == JobState::Succeeded {
                tracing::info!(job = row.id, "a job had published its archive before its process ended");
                continue;
            }
            let job = Entity::find_by_id(row.id).one(self.0.database.connection()).await;
            interrupted.extend(job.map_err(Error::database(ENDING))?.map(Job::from));
        }
        if !interrupted.is_empty() {
            tracing::warn!(
                jobs = interrupted.len(),
                "jobs were interrupted: their process ended while they ran"
            );
            (self.0.settings.interrupted)(interrupted);
        }
        Ok(())
    }

    /// Ends one job, and returns whether it did: not if the job has a newer heartbeat.
    async fn end_row(&self, row: &job::Model, ending: &Ending, lock_wait: LockWait) -> Result<bool> {
        let doing = ENDING;
        let transaction = match lock_wait {
            LockWait::Wait => Some(self.0.database.begin_write(doing).await?),
            LockWait::Skip => self.0.database.try_begin_write(doing).await?,
        };
        let Some(transaction) = transaction else {
            return Ok(false);
        };
        let released = release_lease(&row.id).exec(&transaction).await;
        released.map_err(Error::database(doing))?;
        let mut written = ending.write(end_job(&row.id, &JobState::ACTIVE, ending.state, stats::now()));
        if let Some(rows) = ending.rows_published() {
            let rows = rows.cast_signed();
            written = written
                .col_expr(Column::RowsDone, Expr::value(rows))
                .col_expr(Column::RowsTotal, Expr::value(Some(rows)));
        }
        let written = written
            .filter(Column::HeartbeatAt.eq(row.heartbeat_at))
            .exec(&transaction)
            .await
            .map_err(Error::database(doing))?;
        if written.rows_affected != 1 {
            return Ok(false);
        }
        ending.notify(&transaction, row).await?;
        ending.audit(&transaction, row).await?;
        transaction.commit().await.map_err(Error::database(doing))?;
        Ok(true)
    }

    /// Deletes jobs that ended long ago, or before many others.
    pub(super) async fn sweep(&self) -> Result<()> {
        let doing = "deleting old jobs";
        let now = self.0.database.now().await?;
        let connection = self.0.database.connection();
        let beyond: Option<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .order_by_desc(Column::Id)
            .offset(MAX_KEPT)
            .limit(1)
            .into_tuple()
            .one(connection)
            .await
            .map_err(Error::database(doing))?;
        let mut old = Condition::any().add(Column::EndedAt.lt(now - MAX_AGE));
        if let Some(id) = beyond {
            old = old.add(Column::Id.lte(id));
        }
        let deleted = Entity::delete_many()
            .filter(Column::EndedAt.lt(now - MIN_AGE))
            .filter(old)
            .exec(connection)
            .await;
        deleted.map(drop).map_err(Error::database(doing))
    }
}
