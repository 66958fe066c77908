//! A copy of the service in the test's own process, which only runs jobs.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campus_backup_domain::account::Admin;
use campus_backup_domain::job::{
    BackupReport, ClearParameters, ClearReport, Context, Fault, Idempotency, Job, JobParameters, JobResult,
    JobSettings, Jobs, Lock, Published, Runner, Submission,
};
use campus_backup_domain::operations::Annotations;
use campus_backup_domain::{Database, Error, Table};
use chrono::DateTime;
use sea_orm::ConnectionTrait;
use serde_json::Value;

use super::copy_runtime::{CopyRuntime, administrator, connect};
use super::{Scratch, WAIT_LIMIT, until};

/// How a copy runs its jobs.
#[derive(Clone, Copy)]
pub struct HeartbeatMode {
    pub heartbeat: Duration,
    pub heartbeat_timeout: Duration,
    pub max_concurrent: usize,
}

impl HeartbeatMode {
    /// Writes heartbeats all the time, and soon reaps the jobs of others.
    pub const ACTIVE: Self = Self {
        heartbeat: Duration::from_millis(50),
        heartbeat_timeout: Duration::from_millis(1500),
        max_concurrent: 4,
    };

    /// Writes no heartbeats, as if it were cut off from the database. Its jobs expire after a moment.
    pub const CUT_OFF: Self = Self {
        heartbeat: Duration::from_secs(3600),
        heartbeat_timeout: Duration::from_millis(300),
        max_concurrent: 4,
    };

    /// Writes no heartbeats, and its jobs do not expire.
    pub const SILENT: Self = Self {
        heartbeat: Duration::from_secs(3600),
        heartbeat_timeout: Duration::from_secs(3600),
        max_concurrent: 4,
    };
}

/// A store of archives that jobs have published.
pub struct Store {
    /// `None` while the store can't be reached.
    pub archives: Option<Published>,
    /// The number of requests.
    pub asked: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            archives: Some(Published::new()),
            asked: 0,
        }
    }
}

/// A copy of the service. It has a runtime of its own, and stops when the runtime is dropped.
pub struct Copy {
    /// Dropped first.
    _runtime: CopyRuntime,
    pub jobs: Jobs,
    pub database: Database,
    pub admin: Admin,
    /// The jobs that this copy has reaped.
    interrupted: Arc<Mutex<Vec<Job>>>,
}

impl Copy {
    /// Starts a copy on the database of a small school.
    pub async fn on(scratch: &Scratch, mode: HeartbeatMode) -> Self {
        Self::with(scratch, mode, Runner::ephemeral()).await
    }

    /// Starts a copy with a runner.
    pub async fn with(scratch: &Scratch, mode: HeartbeatMode, runner: Runner) -> Self {
        Self::beside(scratch, mode, runner, Arc::default()).await
    }

    /// Starts a copy with a runner and a store of published archives.
    pub async fn beside(scratch: &Scratch, mode: HeartbeatMode, runner: Runner, store: Arc<Mutex<Store>>) -> Self {
        let runtime = CopyRuntime::new();
        let interrupted = Arc::new(Mutex::new(Vec::<Job>::new()));
        let settings = JobSettings {
            heartbeat: mode.heartbeat,
            heartbeat_timeout: mode.heartbeat_timeout,
            max_concurrent: mode.max_concurrent,
            interrupted: {
                let interrupted = interrupted.clone();
                Arc::new(move |jobs| interrupted.lock().unwrap().extend(jobs))
            },
            published: Arc::new(move || {
                let mut store = store.lock().unwrap();
                store.asked += 1;
                let unreachable = || Error::StoreUnavailable {
                    doing: "testing",
                    source: "it can't be reached".into(),
                };
                Box::pin(std::future::ready(store.archives.clone().ok_or_else(unreachable)))
            }),
            ..JobSettings::new(describe)
        };
        let url = scratch.url().to_owned();
        let built = runtime.run(async move {
            let database = connect(url, Duration::from_secs(2)).await;
            let jobs = Jobs::new(database.clone(), settings, runner);
            jobs.start().await.unwrap();
            let admin = administrator(&database).await;
            (database, jobs, admin)
        });
        let (database, jobs, admin) = built.await;
        Self {
            jobs,
            database,
            admin,
            interrupted,
            _runtime: runtime,
        }
    }

    /// The ids of the jobs that this copy has reaped.
    pub fn interrupted_ids(&self) -> Vec<String> {
        let interrupted = self.interrupted.lock().unwrap();
        interrupted.iter().map(|job| job.id.clone()).collect()
    }

    /// Waits until it has reaped this many jobs, and returns their ids in their order. The database shows the end of a job
    /// before the copy reports it.
    pub async fn reaped(&self, count: usize) -> Vec<String> {
        until("the reaped jobs are reported", WAIT_LIMIT, async || {
            self.interrupted_ids().len() >= count
        })
        .await;
        let mut ids = self.interrupted_ids();
        ids.sort();
        ids
    }

    /// Submits a job on the copy's own runtime.
    pub async fn submit<W, F>(&self, submission: Submission, work: W) -> Result<SubmittedJob, Error>
    where
        W: FnOnce(Context) -> F + Send + 'static,
        F: Future<Output = Result<JobResult, Error>>,
    {
        let submitted = self.jobs.submit(&self.admin, submission, work).await?;
        Ok(SubmittedJob {
            id: submitted.job().id.clone(),
            submitted,
        })
    }

    /// A job that only waits for its cancellation.
    pub async fn idle(&self, lock: Lock) -> Result<SubmittedJob, Error> {
        self.submit(submission(lock), idle).await
    }

    /// A job that removes all attendance after `go`, and ignores its cancellation.
    pub async fn change(&self, go: tokio::sync::oneshot::Receiver<()>) -> Result<SubmittedJob, Error> {
        let database = self.database.clone();
        self.submit(submission(Lock::WriterLease), async move |context: Context| {
            let _ = go.await;
            let transaction = database.begin_write("testing").await?;
            let removed = transaction.execute_unprepared("delete from attendance").await;
            let removed = removed.map_err(Error::database("testing"))?.rows_affected();
            finish_on(&context, &transaction, &cleared(removed)).await?;
            transaction.commit().await.map_err(Error::database("testing"))?;
            // The return value after the commit has no effect.
            Err(Error::Cancelled)
        })
        .await
    }
}

/// A job that was submitted.
pub struct SubmittedJob {
    pub id: String,
    pub submitted: campus_backup_domain::job::Submitted,
}

impl SubmittedJob {
    pub async fn ended(self) -> Job {
        self.submitted.ended().await.unwrap()
    }
}

/// The result of a job without the lease.
pub fn backup(total: u64) -> JobResult {
    JobResult::Archive(archive(total))
}

/// An archive of so many rows.
pub fn archive(total: u64) -> BackupReport {
    BackupReport {
        archive_id: "2026-11-25T03-53-08Z-5f1c2a9b".to_owned(),
        rows: [("attendance".to_owned(), total)].into(),
        total,
        size: 4096,
    }
}

/// The result of a job with the lease that has removed so many rows of attendance.
pub fn cleared(removed: u64) -> JobResult {
    JobResult::Clear(ClearReport {
        removed: [(Table::Attendance, removed)].into(),
        kept: [(Table::Attendance, 0)].into(),
        cleared_at: DateTime::UNIX_EPOCH,
        archive_id: None,
        undo_until: None,
    })
}

/// A backup, or with the lease a clear.
pub fn submission(lock: Lock) -> Submission {
    Submission {
        parameters: match lock {
            Lock::None => JobParameters::Archive(Annotations {
                label: Some("a test".to_owned()),
                ..Annotations::default()
            }),
            Lock::WriterLease => JobParameters::Clear(ClearParameters { table: "attendance" }),
        },
        idempotency: None,
        lock,
    }
}

/// The same with an idempotency key, for a request with this body.
pub fn keyed(lock: Lock, key: &str, body: &Value) -> Submission {
    Submission {
        idempotency: Some(Idempotency::new(key, "test", body).unwrap()),
        ..submission(lock)
    }
}

pub async fn idle(context: Context) -> Result<JobResult, Error> {
    context.progress().cancelled().await;
    Err(Error::Cancelled)
}

/// Ends the job in a transaction of the ORM, as a [`Change`](campus_backup_domain::change::Change) does in its own.
///
/// # Errors
/// Then the transaction must not be committed.
pub async fn finish_on(context: &Context, transaction: &impl ConnectionTrait, result: &JobResult) -> Result<(), Error> {
    for step in context.finish(result)? {
        let done = transaction.execute_raw(step.statement.clone()).await;
        let done = done.map_err(Error::database("ending a job with its effect"))?;
        step.check(done.rows_affected())?;
    }
    Ok(())
}

fn describe(error: Error) -> Fault {
    let name = format!("{error:?}");
    let end = name
        .find(|character: char| !character.is_alphanumeric())
        .unwrap_or(name.len());
    Fault {
        code: name[..end].to_lowercase(),
        detail: error.to_string(),
    }
}
