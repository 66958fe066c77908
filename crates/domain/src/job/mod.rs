//! Long work: what outlives the request that asked for it.
//!
//! The front door is [`Jobs`]. Work is handed in with [`Jobs::submit`], becomes a row of `backup_jobs`, and runs as a task of
//! its own until it has ended, whoever may still be waiting. Every copy of the service has one `Jobs` and sees all jobs.
//!
//! **Signs of life.** Every [`Settings::heartbeat`], a runner writes how far its jobs have come and when that was. A job
//! without a sign of life for [`Settings::patience`] is dead: whoever notices makes it `interrupted`. A runner that comes
//! back knows its own dead at once, because it alone can hold the lock of its folder ([`Runner`]). Times are those of the
//! database's clock. One of the future was written by a clock that was set back since; such a job is dead if it gets no other
//! one for [`Settings::patience`].
//!
//! **The writer lease.** What changes the live data holds the one row of `backup_leases`, taken in the transaction that makes
//! the job, renewed with its signs of life, and free again when it ends. One whose holder is dead can be taken over.
//! A holder that is not dead but only slow or cut off does not know that. So the lease is looked at once more where it
//! counts: [`Context::finish`] gives the statements that, run in the effect's own transaction, release the lease
//! if it is still the job's and make the job succeeded with its result. If they concern no row, the transaction must not
//! commit. So effect, result, idempotency and lease are one commit: there is neither an effect of a job that is said to have
//! failed, nor two effects at once, nor one twice because its answer was lost.
//!
//! On PostgreSQL and MySQL, who wants to take the lease over waits for the lock of its row from the check on until the
//! effect's commit, and then finds it free.
//!
//! On SQLite the effect's transaction has *the* write lock from its beginning to its end, and no sign of life can be written
//! meanwhile, by nobody. They are left out (`Database::try_begin_write` waits 50 ms), and the lease seems to expire. But
//! taking it over is a write as well, as is making the job `interrupted`: neither is possible before the transaction has
//! ended. If it has committed, the job has succeeded and the lease is free. If it has not, nothing has changed and nothing
//! will, and who takes the lease over is right. Within one process nobody tries: it knows which jobs it has. A second
//! process on the same file may find other jobs of the first without a sign of life after such a change, if it looks
//! before the first has written the next one; they then end as `interrupted`.
//!
//! **Archives.** Creating and uploading an archive changes no row: its effect is a manifest in the store, which is no part of
//! any transaction. So the manifest names the job and the request. A dead job of that kind has succeeded if the store has its
//! archive, and is `interrupted` only if the store says that it has none; while the store can't be asked, the job stays as it
//! is and is looked at again later ([`Settings::published`]).
//!
//! **Order of locks.** Whatever writes to both tables writes to `backup_leases` first and then to `backup_jobs` in the order
//! of ids, so that nobody waits in a circle.
//!
//! In reading order: `progress` is what work tells of itself and by what it is told to end, `steps` a row at a time; `context` is what it gets;
//! `submit` lets it in, with `idempotency` and `lease`; `running` is a job of this process; `run` does it to its end;
//! `pulse` writes the signs of life; `recover` finds the dead; `list` and `view` show; `watch` tells what changes;
//! `close` ends them all.

mod close;
mod context;
mod idempotency;
mod lease;
mod list;
mod progress;
mod pulse;
mod recover;
mod run;
mod runner;
mod running;
mod steps;
mod submit;
mod view;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{BoxFuture, LocalBoxFuture};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, watch as channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::context::{Context, Finish, Step};
pub use self::idempotency::Idempotency;
pub use self::list::{Filter, Page};
pub use self::progress::{CancelOnDrop, Phase, Progress, State};
pub use self::runner::Runner;
use self::running::Running;
pub(crate) use self::steps::Steps;
pub use self::submit::{Needs, Origin, Submission, Submitted};
pub use self::view::{Fault, Job};
pub use self::watch::{Event, LAST_EVENT, Watch};
use crate::database::Database;
pub use crate::entity::job::{Kind, State as JobState};
use crate::error::{Error, Result};

/// The results of the jobs that have published an archive, by the id of the job.
pub type Published = BTreeMap<String, Value>;

/// What a job does.
pub type Work = Box<dyn FnOnce(Context) -> LocalBoxFuture<'static, Result<Value>> + Send>;

/// Makes the work of a job.
///
/// An async function is compiled with the crate that polls it, and that of the service has a profile for size. A function
/// that is not async calls this one, so that the work is compiled with this crate, whose profile is for speed.
pub(crate) fn work(run: impl AsyncFnOnce(Context) -> Result<Value> + Send + 'static) -> Work {
    Box::new(move |context| Box::pin(async move { run(context).await }))
}

/// How jobs behave.
#[derive(Clone)]
pub struct Settings {
    /// How often a runner gives a sign of life.
    pub heartbeat: Duration,
    /// How long after the last sign of life a job is dead; a few heartbeats.
    pub patience: Duration,
    /// How many jobs that hold no lease run at once; others wait for their turn.
    pub at_once: usize,
    /// Makes of an error what a job says of it, and logs what nobody outside can mend.
    pub describe: fn(Error) -> Fault,
    /// Is given the jobs that turned out to be dead, once each, to clean up what they left.
    pub interrupted: Arc<dyn Fn(Vec<Job>) + Send + Sync>,
    /// Tells which jobs have published an archive in the store. It is asked for jobs whose process is gone.
    pub published: Arc<dyn Fn() -> BoxFuture<'static, Result<Published>> + Send + Sync>,
}

impl Settings {
    /// The defaults: a sign of life every five seconds, dead after fifteen, four at once, nothing to clean up, and nothing
    /// published.
    pub fn new(describe: fn(Error) -> Fault) -> Self {
        Self {
            heartbeat: Duration::from_secs(5),
            patience: Duration::from_secs(15),
            at_once: 4,
            describe,
            interrupted: Arc::new(|_| {}),
            published: Arc::new(|| Box::pin(std::future::ready(Ok(Published::new())))),
        }
    }

    fn patience(&self) -> TimeDelta {
        TimeDelta::from_std(self.patience).unwrap_or(TimeDelta::MAX)
    }
}

/// All long work on one database. Cloning is cheap, and clones are the same.
#[derive(Clone)]
pub struct Jobs(Arc<Shared>);

struct Shared {
    database: Database,
    settings: Settings,
    runner: Runner,
    /// Those of this process, by id.
    running: Mutex<BTreeMap<String, Arc<Running>>>,
    /// How many they are.
    number: channel::Sender<usize>,
    places: Arc<Semaphore>,
    /// Jobs whose last heartbeat is of the future: which it is, and when this process saw it first.
    ahead: Mutex<BTreeMap<String, (DateTime<Utc>, Instant)>>,
    /// Asks for a sign of life before its time.
    news: Notify,
    closing: CancellationToken,
    /// Where jobs run. It is not that of a request, which may end before them.
    runtime: OnceLock<Handle>,
}

impl Jobs {
    /// The jobs of a database, done by this process under the name of `runner`. Nothing is asked or written yet.
    pub fn new(database: Database, settings: Settings, runner: Runner) -> Self {
        Self(Arc::new(Shared {
            places: Arc::new(Semaphore::new(settings.at_once)),
            database,
            settings,
            runner,
            running: Mutex::default(),
            number: channel::Sender::new(0),
            ahead: Mutex::default(),
            news: Notify::new(),
            closing: CancellationToken::new(),
            runtime: OnceLock::new(),
        }))
    }

    /// Where jobs run; with the first that asks, signs of life begin.
    fn runtime(&self) -> &Handle {
        self.0.runtime.get_or_init(|| {
            let runtime = Handle::current();
            runtime.spawn(pulse::beat_on(Arc::downgrade(&self.0)));
            // A task of its own: it may wait for the store, and signs of life must not.
            runtime.spawn(recover::look_on(Arc::downgrade(&self.0)));
            runtime
        })
    }

    /// The job of that id, if this process does it.
    fn running(&self, id: &str) -> Option<Arc<Running>> {
        self.all_running().get(id).cloned()
    }

    fn all_running(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Running>>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(shared: &Weak<Shared>) -> Option<Self> {
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

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("heartbeat", &self.heartbeat)
            .field("patience", &self.patience)
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}
