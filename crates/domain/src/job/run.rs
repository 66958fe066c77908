//! A job of this process: its state while it runs, from the free slot to its end, its cancellation, and the shutdown of all
//! jobs.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, UpdateMany};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::context::{end_job, release_lease};
use super::{Context, Fault, Job, JobResult, Jobs, Lock, Phase, Progress};
use crate::account::{Admin, TokenScope};
use crate::audit::AuditEntry;
use crate::blocking;
use crate::counters;
use crate::entity::job::{self, Column, Entity, JobKind, JobState};
use crate::error::{Error, Result};
use crate::operations::suspicion_event;
use crate::{notify, stats};

/// Why a job of this process must stop before its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopCause {
    /// An administrator has cancelled it.
    CancelRequested,
    /// The service shuts down.
    Shutdown,
    /// Another process has reaped it.
    Reaped,
}

/// A job that this process runs, which is newer than the job's row.
#[derive(Debug)]
pub(super) struct RunningJob {
    /// The row as it was inserted.
    row: job::Model,
    pub(super) lock: Lock,
    /// Whether an earlier job of the same request ended without success.
    pub(super) is_repeat: bool,
    pub(super) progress: Progress,
    started_at: OnceLock<DateTime<Utc>>,
    stop_cause: OnceLock<StopCause>,
    pub(super) end: watch::Sender<JobEnd>,
}

/// Whether a job of this process has ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JobEnd {
    /// It still runs.
    Pending,
    /// Its work is over, but the database can't be reached, so its row does not show it yet.
    Unwritten,
    /// The ended job, as the database has it.
    Written(Box<Job>),
}

impl JobEnd {
    pub(super) fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }
}

impl RunningJob {
    pub(super) fn new(row: job::Model, lock: Lock, is_repeat: bool) -> Self {
        Self {
            started_at: row.started_at.map_or_else(OnceLock::new, OnceLock::from),
            row,
            lock,
            is_repeat,
            progress: Progress::default(),
            stop_cause: OnceLock::new(),
            end: watch::Sender::new(JobEnd::Pending),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.row.id
    }

    /// Its row as it was inserted.
    pub(super) fn as_inserted(&self) -> &job::Model {
        &self.row
    }

    /// Marks the start of its work.
    fn start(&self) {
        let _ = self.started_at.set(stats::now());
    }

    /// Asks the job to stop, and returns whether it can. Of several causes the first one counts.
    pub(super) fn stop(&self, cause: StopCause) -> bool {
        if self.end.borrow().is_written() {
            return false;
        }
        // Set before the work can notice the cancellation.
        let _ = self.stop_cause.set(cause);
        self.progress.cancel()
    }

    /// Why the job was asked to stop, if it was.
    fn stop_cause(&self) -> Option<StopCause> {
        self.stop_cause.get().copied().filter(|_| self.progress.is_cancelled())
    }

    /// The states from which the job may enter `state`. An archive that was published or encrypted again stays so, even if another
    /// process has reaped the job; a change of the live data ends only in its own transaction.
    fn may_end_from(&self, state: JobState) -> &'static [JobState] {
        const PUBLISHED: [JobState; 4] = [
            JobState::Queued,
            JobState::Running,
            JobState::Cancelling,
            JobState::Interrupted,
        ];
        let changes_store = self.row.kind.publishes_archive() || self.row.kind == JobKind::Rekey;
        match state == JobState::Succeeded && changes_store {
            true => &PUBLISHED,
            false => &JobState::ACTIVE,
        }
    }

    /// Its row with the current values.
    pub(super) fn row(&self) -> job::Model {
        self.row_at(self.progress.state())
    }

    /// Its row if the job ends in this way.
    fn row_ending(&self, ending: &Ending) -> job::Model {
        let progress = self.progress.state();
        self.row_at(match ending.state {
            JobState::Succeeded => progress.completed(ending.rows_published()),
            _ => progress,
        })
    }

    fn row_at(&self, progress: super::ProgressState) -> job::Model {
        let started_at = self.started_at.get().copied();
        job::Model {
            state: match (self.stop_cause(), started_at) {
                (Some(_), _) => JobState::Cancelling,
                (None, Some(_)) => JobState::Running,
                (None, None) => JobState::Queued,
            },
            phase: progress.phase,
            rows_done: progress.rows_done.cast_signed(),
            rows_total: progress.rows_total.map(u64::cast_signed),
            bytes: progress.bytes.cast_signed(),
            eta_seconds: self.progress.remaining().map(|rest| rest.as_secs().cast_signed()),
            started_at,
            heartbeat_at: stats::now(),
            ..self.row.clone()
        }
    }
}

/// How a job ends, if it has not ended in the transaction of its effect.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) state: JobState,
    pub(super) result: Option<JobResult>,
    pub(super) fault: Option<Fault>,
}

impl Ending {
    /// How many rows the published archive has, if the job has published one.
    pub(super) fn rows_published(&self) -> Option<u64> {
        Some(self.result.as_ref()?.published()?.total)
    }

    /// Adds result and fault to the update that ends the job.
    pub(super) fn write(&self, update: UpdateMany<job::Entity>) -> UpdateMany<job::Entity> {
        let fault = self.fault.as_ref();
        update
            .col_expr(
                Column::Result,
                Expr::value(self.result.as_ref().map(JobResult::to_json)),
            )
            .col_expr(Column::ErrorCode, Expr::value(fault.map(|fault| fault.code.as_str())))
            .col_expr(
                Column::ErrorDetail,
                Expr::value(fault.map(|fault| fault.detail.as_str())),
            )
    }
}

impl Ending {
    /// Writes the messages of notifications about the end of a job, in the transaction that ends it.
    pub(super) async fn notify(&self, transaction: &DatabaseTransaction, job: &job::Model) -> Result<()> {
        let now = stats::now();
        if let Some(archive) = self.result.as_ref().and_then(JobResult::published)
            && let Some(event) = suspicion_event(transaction, &archive.archive_id).await?
        {
            notify::enqueue(transaction, now, &event).await?;
        }
        match notify::Event::of_ended_job(job, self.result.as_ref(), self.fault.as_ref()) {
            Some(event) => notify::enqueue(transaction, now, &event).await,
            None => Ok(()),
        }
    }

    /// Appends the event of the job to the audit, as the last thing in the transaction that ends it.
    pub(super) async fn audit(&self, transaction: &DatabaseTransaction, job: &job::Model) -> Result<()> {
        let reason = self.fault.as_ref().map(|fault| fault.code.as_str());
        let event = AuditEntry::job_event(job, self.state, self.result.as_ref(), reason);
        let event = match &self.result {
            Some(result) => event.with_digests(transaction, result).await?,
            None => event,
        };
        event.append(transaction).await
    }
}

/// Starts a job that was accepted.
pub(super) fn start<W, F>(jobs: Jobs, running: Arc<RunningJob>, slot: Option<OwnedSemaphorePermit>, work: W)
where
    W: FnOnce(Context) -> F + Send + 'static,
    F: Future<Output = Result<JobResult>>,
{
    let running_count = {
        let mut all = jobs.all_running();
        all.insert(running.id().to_owned(), running.clone());
        all.len()
    };
    jobs.0.running_count.send_replace(running_count);
    // The shutdown may have begun since the job was accepted.
    if jobs.0.shutting_down.is_cancelled() {
        running.stop(StopCause::Shutdown);
    }
    let runtime = jobs.runtime().clone();
    runtime.spawn(async move {
        tracing::info!(job = running.id(), kind = ?running.row().kind, "a job begins");
        let outcome = run_work(&jobs, &running, slot, work).await;
        let job = jobs.end(&running, outcome).await;
        tracing::info!(job = running.id(), state = ?job.as_ref().map(|job| job.state), "a job has ended");
        let running_count = {
            let mut all = jobs.all_running();
            all.remove(running.id());
            all.len()
        };
        if let Some(job) = job {
            // The process that has reaped it has counted it.
            if running.stop_cause() != Some(StopCause::Reaped) {
                counters::job_ended(job.kind, job.state);
            }
            running.end.send_replace(JobEnd::Written(Box::new(job)));
        }
        jobs.0.running_count.send_replace(running_count);
    });
}

async fn run_work<W, F>(
    jobs: &Jobs,
    running: &Arc<RunningJob>,
    slot: Option<OwnedSemaphorePermit>,
    work: W,
) -> Result<JobResult>
where
    W: FnOnce(Context) -> F + Send + 'static,
    F: Future<Output = Result<JobResult>>,
{
    let doing = "working on a job";
    let _slot = match (running.lock, slot) {
        (Lock::None, None) => tokio::select! {
            slot = jobs.0.slots.clone().acquire_owned() => Some(slot.map_err(Error::internal(doing))?),
            () = running.progress.cancelled() => return Err(Error::Cancelled),
        },
        (_, slot) => slot,
    };
    running.start();
    jobs.0.heartbeat_now.notify_one();
    let context = Context {
        running: running.clone(),
        backend: jobs.0.database.connection().get_database_backend(),
    };
    blocking::run(doing, move || work(context)).await
}

/// The scope with which a named token starts and cancels jobs of a kind.
fn scope_of(kind: JobKind) -> TokenScope {
    match kind {
        JobKind::Archive | JobKind::Verify | JobKind::Upload => TokenScope::Backup,
        JobKind::Restore | JobKind::Clear | JobKind::Undo | JobKind::Retention | JobKind::Rekey | JobKind::Import => {
            TokenScope::Restore
        }
    }
}

impl Jobs {
    /// Writes how a job has ended, and tries again until it succeeds. While the database can't be reached, the row stays as
    /// it is, this process keeps the job, and clients that wait for it get an error. None if the service shuts down first.
    async fn end(&self, running: &RunningJob, outcome: Result<JobResult>) -> Option<Job> {
        if matches!(outcome, Err(Error::DatabaseUnavailable { .. })) {
            running.end.send_replace(JobEnd::Unwritten);
        }
        let ending = self.ending(running, outcome);
        let mut is_logged = false;
        loop {
            let error = match self.write_end(running, &ending).await {
                Ok(job) => return Some(job),
                Err(error) => error,
            };
            // On SQLite the database is busy while another job commits.
            if !is_logged && !matches!(error, Error::DatabaseBusy { .. }) {
                tracing::warn!(job = running.id(), error = %sources(&error), "the end of a job could not be written yet");
                is_logged = true;
                running.end.send_replace(JobEnd::Unwritten);
            }
            if self.0.shutting_down.is_cancelled() {
                return None;
            }
            tokio::select! {
                () = tokio::time::sleep(self.0.settings.heartbeat) => {}
                () = self.0.shutting_down.cancelled() => {}
            }
        }
    }

    fn ending(&self, running: &RunningJob, outcome: Result<JobResult>) -> Ending {
        let (state, result, fault) = match (outcome, running.stop_cause()) {
            (Ok(result), _) => (JobState::Succeeded, Some(result), None),
            (Err(Error::LeaseLost), _) | (Err(_), Some(StopCause::Shutdown | StopCause::Reaped)) => {
                return self.interrupted(Error::Interrupted);
            }
            (Err(_), Some(StopCause::CancelRequested)) | (Err(Error::Cancelled), None) => {
                (JobState::Cancelled, None, None)
            }
            (Err(error), None) => (JobState::Failed, None, Some((self.0.settings.describe)(error))),
        };
        Ending { state, result, fault }
    }

    /// The ending of a job that was interrupted, with what is known of its effect.
    pub(super) fn interrupted(&self, error: Error) -> Ending {
        Ending {
            state: JobState::Interrupted,
            result: None,
            fault: Some((self.0.settings.describe)(error)),
        }
    }

    /// Ends a job that has not ended, and returns it as the database then has it.
    async fn write_end(&self, running: &RunningJob, ending: &Ending) -> Result<Job> {
        let doing = "writing how a job ended";
        let id = running.id();
        let row = running.row_ending(ending);
        let transaction = self.0.database.begin_write(doing).await?;
        let released = release_lease(id).exec(&transaction).await;
        released.map_err(Error::database(doing))?;
        let from = running.may_end_from(ending.state);
        let written = ending
            .write(end_job(id, from, ending.state, stats::now()))
            .col_expr(Column::Phase, Expr::value(row.phase))
            .col_expr(Column::RowsDone, Expr::value(row.rows_done))
            .col_expr(Column::RowsTotal, Expr::value(row.rows_total))
            .col_expr(Column::Bytes, Expr::value(row.bytes))
            .col_expr(Column::StartedAt, Expr::value(row.started_at))
            .exec(&transaction)
            .await;
        let has_ended = written.map_err(Error::database(doing))?.rows_affected == 1;
        if has_ended {
            ending.notify(&transaction, &row).await?;
        }
        let ended = Entity::find_by_id(id).one(&transaction).await;
        let ended = ended.map_err(Error::database(doing))?.ok_or(Error::UnknownJob)?;
        if has_ended {
            ending.audit(&transaction, &row).await?;
        }
        transaction.commit().await.map_err(Error::database(doing))?;
        Ok(ended.into())
    }

    /// Cancels a job, and returns it as `cancelling`. It ends soon without having changed anything; a job of another process
    /// ends at the next heartbeat of that process. A cancelled backup leaves no archive.
    ///
    /// # Errors
    /// [`Error::UnknownJob`]; [`Error::ScopeMissing`] for a named token that could not start a job of that kind;
    /// [`Error::NotCancellable`] if it has ended or has begun to commit.
    pub async fn cancel(&self, admin: &Admin, id: &str) -> Result<Job> {
        if let Some(running) = self.running(id) {
            admin.ensure_scope(scope_of(running.row.kind))?;
            if !running.stop(StopCause::CancelRequested) {
                return Err(Error::NotCancellable);
            }
            // The next heartbeat shows it to other copies. On SQLite it may have to wait for a commit.
            self.0.heartbeat_now.notify_one();
            return Ok(running.row().into());
        }
        let job = self.get(id).await?;
        admin.ensure_scope(scope_of(job.kind))?;
        let marked = Entity::update_many()
            .col_expr(Column::State, Expr::value(JobState::Cancelling))
            .filter(Column::Id.eq(&job.id))
            .filter(Column::State.is_in(JobState::ACTIVE))
            .exec(self.0.database.connection())
            .await
            .map_err(Error::database("cancelling a job"))?;
        match marked.rows_affected {
            0 => Err(Error::NotCancellable),
            // Not the row as it is by now: its runner may have ended the job already.
            _ => Ok(Job {
                state: JobState::Cancelling,
                ..job
            }),
        }
    }

    /// Begins the shutdown: no more jobs are accepted, and jobs of this process that don't commit are asked to stop; they
    /// end as `interrupted`. Watches of jobs end.
    pub fn shutdown(&self) {
        self.0.shutting_down.cancel();
        for running in self.all_running().values() {
            running.stop(StopCause::Shutdown);
        }
    }

    /// Waits up to `limit` until all jobs of this process have ended. Jobs that still run then and don't commit are marked
    /// as `interrupted`: they can't commit any more. Clients that wait for them get that result.
    pub async fn wait_for_shutdown(&self, limit: Duration) {
        let mut running_count = self.0.running_count.subscribe();
        let ended = running_count.wait_for(|running_count| *running_count == 0);
        // The sender is in `self`, so an error is not possible.
        if tokio::time::timeout(limit, ended).await.is_ok() {
            return;
        }
        let left: Vec<Arc<RunningJob>> = self.all_running().values().cloned().collect();
        for running in left {
            if running.progress.state().phase == Phase::Committing {
                tracing::warn!(job = running.id(), "a job still commits while the service ends");
                continue;
            }
            match self.write_end(&running, &self.interrupted(Error::Interrupted)).await {
                Ok(job) => {
                    running.end.send_replace(JobEnd::Written(Box::new(job)));
                }
                Err(error) => {
                    tracing::warn!(job = running.id(), error = %sources(&error), "a job's end could not be written");
                }
            }
        }
    }
}

/// An error with its sources, in one line.
pub(super) fn sources(error: &Error) -> String {
    let first: &dyn std::error::Error = error;
    let chain = std::iter::successors(Some(first), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
