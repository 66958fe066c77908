//! Jobs: long work that outlives the request that asked for it.
//!
//! The front door is [`Jobs`]. [`Jobs::submit`] makes work a row of `backup_jobs` and runs it as a task of its own until it
//! ends, whether or not a client still waits. Each copy of the service has one `Jobs` and sees the jobs of all copies.
//!
//! **Heartbeats.** Every [`JobSettings::heartbeat`] a runner writes the progress of its jobs and the time. A job whose last
//! heartbeat is older than [`JobSettings::heartbeat_timeout`] has expired: any copy may reap it, which makes it `interrupted`.
//! A runner that restarts knows its own abandoned jobs at once, because only one process can hold the lock on its data
//! directory ([`Runner`]). Times are those of the database's clock. A heartbeat in the future was written before that clock
//! was set back; such a job expires if it gets no other heartbeat for [`JobSettings::heartbeat_timeout`].
//!
//! **The writer lease.** A job that changes the live data holds the one row of `backup_leases`. It takes the lease in the
//! transaction that creates the job, renews it with its heartbeats, and releases it when it ends. Another job can take over
//! a lease that has expired. A holder that is only slow or cut off from the database does not notice that, so the lease is
//! checked once more before the commit: [`Context::finish`] gives the statements that release the lease, if it is still the
//! job's, and mark the job as succeeded with its result. They run in the effect's own transaction, which must not commit if
//! they concern no row. Effect, result, idempotency key and lease are therefore one commit. A failed job has no effect, two
//! jobs never change data at once, and a lost answer does not repeat an effect.
//!
//! On PostgreSQL and MySQL a job that wants to take over the lease waits for the lock of its row, from the holder's check
//! until the effect's commit, and then finds the lease free.
//!
//! On SQLite the effect's transaction holds the only write lock from begin to end, and no process can write a heartbeat in
//! that time. Heartbeats are skipped (`Database::try_begin_write` waits 50 ms), and the lease seems to expire. Taking
//! over the lease and reaping the job are writes as well, so neither is possible before the transaction ends. If it has
//! committed, the job has succeeded and the lease is free. If it has not, nothing has changed and nothing will, so taking
//! the lease over is right. Within one process no take-over is tried, because the process knows its own jobs. A second process on
//! the same file may find other jobs of the first without a recent heartbeat after such a change, if it looks before the
//! first has written the next one; those jobs end as `interrupted`.
//!
//! **Archives.** Creating or uploading an archive changes no row: its effect is a manifest in the store, which no
//! transaction includes. The manifest therefore names the job and the request. An expired job of that kind has succeeded if
//! the store has its archive, and is `interrupted` only if the store says that it has none. While the store does not
//! answer, the job stays as it is, and the reaper asks again later ([`JobSettings::published`]).
//!
//! **Order of locks.** A transaction that writes to both tables writes to `backup_leases` first, and then to `backup_jobs` in the
//! order of ids. This avoids deadlocks.
//!
//! In reading order: `kinds` has the request and the result of each kind of job; `progress` is what work reports and how it is cancelled; `context` is what work gets, and the writer
//! lease; `submit` accepts work, with `idempotency`; `run` runs a job of this process to its end, cancels it and shuts down;
//! `heartbeat` writes heartbeats and names the runner; `reaper` ends expired jobs and deletes old ones; `view` shows, lists
//! and watches jobs.

mod context;
mod heartbeat;
mod idempotency;
mod kinds;
mod progress;
mod reaper;
mod run;
mod submit;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, LocalBoxFuture};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, watch as channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::context::{Context, Finish, Step};
pub use self::heartbeat::Runner;
pub use self::idempotency::Idempotency;
pub use self::kinds::{
    BackupReport, ClearParameters, ClearReport, ImportParameters, ImportReport, JobParameters, JobResult,
    RekeyParameters, RekeyReport, RestoreParameters, RestoreReport, RetentionFailure, RetentionParameters,
    RetentionReport, UndoParameters, UndoReport, UploadParameters, VerifyParameters, VerifyReport,
};
pub(crate) use self::progress::ProgressBatch;
pub use self::progress::{CancelOnDrop, Progress, ProgressState};
use self::run::RunningJob;
pub use self::submit::{Lock, Submission, SubmissionOrigin, Submitted};
pub(crate) use self::view::newest_ended;
pub use self::view::{Event, Fault, Job, JobFilter, JobPage, LAST_EVENT, Watch};
use crate::database::Database;
pub use crate::entity::job::{JobKind, JobState, Phase};
use crate::error::{Error, Result};
use crate::mutex::lock;

/// The archives that jobs have published, by the id of the job.
pub type Published = BTreeMap<String, BackupReport>;

/// The work of a job.
pub type Work = Box<dyn FnOnce(Context) -> LocalBoxFuture<'static, Result<JobResult>> + Send>;

/// Makes the work of a job.
///
/// An async function is compiled with the crate that polls it, and the service's crate is optimized for size. A function
/// that is not async calls this one, so the work is compiled with this crate, which is optimized for speed.
pub(crate) fn work(run: impl AsyncFnOnce(Context) -> Result<JobResult> + Send + 'static) -> Work {
    Box::new(move |context| Box::pin(async move { run(context).await }))
}

/// How jobs behave.
#[derive(Clone)]
pub struct JobSettings {
    /// How often a runner writes heartbeats.
    pub heartbeat: Duration,
    /// How long after its last heartbeat a job has expired; a few heartbeats.
    pub heartbeat_timeout: Duration,
    /// How many jobs without the lease run at the same time; others are queued.
    pub max_concurrent: usize,
    /// Turns an error into the fault that a job shows, and logs errors that users can't solve.
    pub describe: fn(Error) -> Fault,
    /// Receives each reaped job once, to clean up what it left.
    pub interrupted: Arc<dyn Fn(Vec<Job>) + Send + Sync>,
    /// Finds the jobs that have published an archive in the store. The reaper calls it for jobs whose process has ended.
    pub published: Arc<dyn Fn() -> BoxFuture<'static, Result<Published>> + Send + Sync>,
}

impl JobSettings {
    /// The defaults: a heartbeat every 5 seconds, expired after 15, 4 jobs at the same time, nothing to clean up, and
    /// nothing published.
    pub fn new(describe: fn(Error) -> Fault) -> Self {
        Self {
            heartbeat: Duration::from_secs(5),
            heartbeat_timeout: Duration::from_secs(15),
            max_concurrent: 4,
            describe,
            interrupted: Arc::new(|_| {}),
            published: Arc::new(|| Box::pin(std::future::ready(Ok(Published::new())))),
        }
    }

    fn heartbeat_timeout(&self) -> TimeDelta {
        TimeDelta::from_std(self.heartbeat_timeout).unwrap_or(TimeDelta::MAX)
    }
}

/// All jobs of one database. Cloning is cheap; clones share the same state.
#[derive(Clone)]
pub struct Jobs(Arc<JobsInner>);

struct JobsInner {
    database: Database,
    settings: JobSettings,
    runner: Runner,
    /// The running jobs of this process, by id.
    running: Mutex<BTreeMap<String, Arc<RunningJob>>>,
    /// How many jobs of this process are running.
    running_count: channel::Sender<usize>,
    slots: Arc<Semaphore>,
    /// Jobs whose last heartbeat is in the future: that heartbeat, and when this process saw it first.
    future_heartbeats: Mutex<BTreeMap<String, (DateTime<Utc>, Instant)>>,
    /// Asks for the next heartbeat before its time.
    heartbeat_now: Notify,
    shutting_down: CancellationToken,
    /// Where jobs run: not the runtime of a request, which may end before them.
    runtime: OnceLock<Handle>,
}

impl Jobs {
    /// The jobs of a database, run by this process under the name of `runner`. This queries and writes nothing.
    pub fn new(database: Database, settings: JobSettings, runner: Runner) -> Self {
        Self(Arc::new(JobsInner {
            slots: Arc::new(Semaphore::new(settings.max_concurrent)),
            database,
            settings,
            runner,
            running: Mutex::default(),
            running_count: channel::Sender::new(0),
            future_heartbeats: Mutex::default(),
            heartbeat_now: Notify::new(),
            shutting_down: CancellationToken::new(),
            runtime: OnceLock::new(),
        }))
    }

    /// The runtime of jobs. The first call starts the heartbeat and the reaper.
    fn runtime(&self) -> &Handle {
        self.0.runtime.get_or_init(|| {
            let runtime = Handle::current();
            runtime.spawn(heartbeat::run_heartbeat(Arc::downgrade(&self.0)));
            // A task of its own: the reaper may wait for the store, and heartbeats must not.
            runtime.spawn(reaper::run_reaper(Arc::downgrade(&self.0)));
            runtime
        })
    }

    /// The fault that an error is, as a job shows it.
    pub(crate) fn describe(&self, error: Error) -> Fault {
        (self.0.settings.describe)(error)
    }

    /// Ready when the shutdown has begun.
    pub async fn shutdown_begun(&self) {
        self.0.shutting_down.cancelled().await;
    }

    /// The job with this id, if this process runs it.
    fn running(&self, id: &str) -> Option<Arc<RunningJob>> {
        self.all_running().get(id).cloned()
    }

    fn all_running(&self) -> MutexGuard<'_, BTreeMap<String, Arc<RunningJob>>> {
        lock(&self.0.running)
    }

    fn of(shared: &Weak<JobsInner>) -> Option<Self> {
        shared.upgrade().map(Self)
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs")
            .field("runner", &self.0.runner)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for JobSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSettings")
            .field("heartbeat", &self.heartbeat)
            .field("heartbeat_timeout", &self.heartbeat_timeout)
            .field("max_concurrent", &self.max_concurrent)
            .finish_non_exhaustive()
    }
}
