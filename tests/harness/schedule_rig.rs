//! Schedules with a clock that a test sets: copies of the service with a store of archives, and a stand-in for backups.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_archive::{Keys, Recipients};
use campus_backup_domain::account::Admin;
use campus_backup_domain::automation::Automation;
use campus_backup_domain::clock::Clock;
use campus_backup_domain::entity::schedule_run;
use campus_backup_domain::health::{Health, HealthSettings};
use campus_backup_domain::job::{
    self, Context, Fault, JobParameters, Jobs, Lock, Runner, Submission, VerifyParameters,
};
use campus_backup_domain::notify::Notifications;
use campus_backup_domain::operations::{self, Operations};
use campus_backup_domain::retention::Retention;
use campus_backup_domain::schedule::{
    BackupOrder, JobOutcome, NewSchedule, RunExecutor, RunState, RunnerSettings, ScheduleRunner, Schedules,
    VerificationOrder, Verify,
};
use campus_backup_domain::store::{Store, StoreSettings};
use campus_backup_domain::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use futures_util::future::BoxFuture;
use sea_orm::{DbErr, EntityTrait as _, QueryOrder as _};
use tokio::sync::watch;

use super::copy_runtime::{CopyRuntime, administrator, connect};
use super::notify_rig::notify_settings;
use super::{Scratch, WAIT_LIMIT, until};

/// How many jobs of a copy run at the same time.
const SLOTS: usize = 4;

/// A clock that stands still until a test sets it.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    pub fn at(time: &str) -> Self {
        Self(Arc::new(Mutex::new(time.parse().unwrap())))
    }

    pub fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap() = now;
    }

    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }

    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now())
    }
}

/// What becomes of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StubAnswer {
    Succeeds,
    /// The job fails.
    Fails,
    /// The job is cancelled.
    IsCancelled,
    /// The job runs until [`StubExecutor::finish`].
    GoesOn,
    /// The job can't begin: there is no room.
    IsRefused,
    /// The job can't begin for now: the database can't be reached.
    IsUnavailable,
}

/// Stands in for backups: its jobs end at once, as the test says. As the service does, it begins no second job for an order
/// whose job has not failed.
#[derive(Default)]
pub struct StubExecutor(Mutex<StubJobs>);

#[derive(Default)]
struct StubJobs {
    answers: VecDeque<StubAnswer>,
    /// By its id: what it is for, and its outcome.
    jobs: BTreeMap<String, (String, JobOutcome)>,
    backups: Vec<BackupOrder>,
    verifications: Vec<VerificationOrder>,
}

impl StubExecutor {
    /// Says what becomes of the next orders; later ones succeed.
    pub fn answer(&self, answers: &[StubAnswer]) {
        self.0.lock().unwrap().answers.extend(answers);
    }

    /// Ends the running jobs.
    pub fn finish(&self) {
        for (id, (_, outcome)) in &mut self.0.lock().unwrap().jobs {
            if *outcome == JobOutcome::Active {
                *outcome = success(id);
            }
        }
    }

    /// Every backup whose job has begun.
    pub fn backups(&self) -> Vec<BackupOrder> {
        self.0.lock().unwrap().backups.clone()
    }

    /// Every verification whose job has begun.
    pub fn verifications(&self) -> Vec<VerificationOrder> {
        self.0.lock().unwrap().verifications.clone()
    }

    fn begin(&self, purpose: String, begun: impl FnOnce(&mut StubJobs)) -> Result<String> {
        let mut jobs = self.0.lock().unwrap();
        let earlier = jobs.jobs.iter().find(|(_, (of, outcome))| {
            *of == purpose && !matches!(outcome, JobOutcome::Failed(_) | JobOutcome::Cancelled(_))
        });
        if let Some((id, _)) = earlier {
            return Ok(id.clone());
        }
        let id = format!("job {}", jobs.jobs.len());
        let doing = "testing";
        let outcome = match jobs.answers.pop_front().unwrap_or(StubAnswer::Succeeds) {
            StubAnswer::Succeeds => success(&id),
            StubAnswer::Fails => JobOutcome::Failed(fault("failed")),
            StubAnswer::IsCancelled => JobOutcome::Cancelled(fault("cancelled")),
            StubAnswer::GoesOn => JobOutcome::Active,
            StubAnswer::IsRefused => {
                return Err(Error::InsufficientStorage {
                    doing,
                    source: "there is no room".into(),
                });
            }
            StubAnswer::IsUnavailable => {
                return Err(Error::DatabaseUnavailable {
                    doing,
                    source: DbErr::Custom("it can't be reached".to_owned()),
                });
            }
        };
        begun(&mut jobs);
        jobs.jobs.insert(id.clone(), (purpose, outcome));
        Ok(id)
    }
}

fn success(id: &str) -> JobOutcome {
    JobOutcome::Succeeded {
        archive_id: Some(format!("archive of {id}")),
    }
}

fn fault(code: &str) -> Fault {
    Fault {
        code: code.to_owned(),
        detail: format!("It {code}."),
    }
}

impl RunExecutor for StubExecutor {
    fn can_verify(&self) -> bool {
        true
    }

    fn create_backup(&self, order: BackupOrder) -> BoxFuture<'_, Result<String>> {
        let purpose = format!("backup {} {}", order.schedule_id, order.due_at);
        let begun = self.begin(purpose, |jobs| jobs.backups.push(order));
        Box::pin(std::future::ready(begun))
    }

    fn verify(&self, order: VerificationOrder) -> BoxFuture<'_, Result<String>> {
        let purpose = format!("verification {} {}", order.schedule_id, order.due_at);
        let begun = self.begin(purpose, |jobs| jobs.verifications.push(order));
        Box::pin(std::future::ready(begun))
    }

    fn outcome<'a>(&'a self, job_id: &'a str) -> BoxFuture<'a, Result<JobOutcome>> {
        let jobs = self.0.lock().unwrap();
        // A job that is not known here belongs to another process.
        let outcome = jobs
            .jobs
            .get(job_id)
            .map_or(JobOutcome::Active, |(_, outcome)| outcome.clone());
        Box::pin(std::future::ready(Ok(outcome)))
    }

    fn fault(&self, error: Error) -> Fault {
        describe(error)
    }
}

/// A copy of the service that makes backups into a folder. It has a runtime of its own, whose end is the end of the copy.
pub struct ScheduleCopy {
    /// Dropped first.
    runtime: CopyRuntime,
    pub automation: Automation,
    pub schedules: Schedules,
    pub retention: Retention,
    pub operations: Operations,
    pub jobs: Jobs,
    pub health: Health,
    pub admin: Admin,
}

impl ScheduleCopy {
    /// Starts a copy on the database of a small school, with archives in a folder.
    pub async fn on(scratch: &Scratch, clock: &TestClock) -> Self {
        let store = StoreSettings::folder(scratch.folder().join("archives"));
        Self::with(scratch, clock, store, HealthSettings::default()).await
    }

    /// Starts a copy with this store and these settings of the health.
    pub async fn with(scratch: &Scratch, clock: &TestClock, store: StoreSettings, health: HealthSettings) -> Self {
        let keys = (Recipients::none(), Keys::none());
        Self::begin(scratch, clock, store, health, keys).await
    }

    /// Starts a copy with this store, which encrypts to these public keys and has these secret keys.
    pub async fn with_keys(
        scratch: &Scratch,
        clock: &TestClock,
        store: StoreSettings,
        recipients: Recipients,
        keys: Keys,
    ) -> Self {
        Self::begin(scratch, clock, store, HealthSettings::default(), (recipients, keys)).await
    }

    async fn begin(
        scratch: &Scratch,
        clock: &TestClock,
        store: StoreSettings,
        health: HealthSettings,
        keys: (Recipients, Keys),
    ) -> Self {
        let runtime = CopyRuntime::new();
        let (url, folder, clock) = (scratch.url().to_owned(), scratch.folder().to_owned(), clock.clock());
        let (automation, schedules, retention, operations, jobs, health, admin) =
            runtime.run(build(url, folder, store, health, clock, keys)).await;
        Self {
            automation,
            schedules,
            retention,
            operations,
            jobs,
            health,
            admin,
            runtime,
        }
    }

    /// Does one step on the copy's own runtime.
    pub async fn tick(&self) -> Result<()> {
        let automation = self.automation.clone();
        self.runtime.run(async move { automation.tick().await }).await
    }

    /// Jobs that hold all slots until the sender is dropped. They fail then.
    pub async fn hold_slots(&self) -> watch::Sender<()> {
        let sender = watch::Sender::new(());
        for _ in 0..SLOTS {
            let mut released = sender.subscribe();
            let submission = Submission {
                parameters: JobParameters::Verify(VerifyParameters {
                    archive_id: "none".to_owned(),
                    level: VerificationLevel::Digest,
                }),
                idempotency: None,
                lock: Lock::None,
            };
            let work = async move |_: Context| {
                // A dropped sender is an error.
                let _ = released.changed().await;
                Err(Error::Gone)
            };
            self.jobs.submit(&self.admin, submission, work).await.unwrap();
        }
        sender
    }

    /// Begins one step, and does not wait for it.
    pub fn begin_tick(&self) {
        let automation = self.automation.clone();
        self.runtime.begin(async move { automation.tick().await });
    }
}

async fn build(
    url: String,
    folder: PathBuf,
    store: StoreSettings,
    health: HealthSettings,
    clock: Clock,
    (recipients, keys): (Recipients, Keys),
) -> (Automation, Schedules, Retention, Operations, Jobs, Health, Admin) {
    let database = connect(url, Duration::from_secs(10)).await;
    let store = Store::open(&store).unwrap();
    let asked = (database.clone(), store.clone());
    let settings = job::JobSettings {
        heartbeat: Duration::from_millis(100),
        heartbeat_timeout: Duration::from_millis(1500),
        published: Arc::new(move || {
            let (database, store) = asked.clone();
            Box::pin(async move { operations::published(&database, &store).await })
        }),
        max_concurrent: SLOTS,
        ..job::JobSettings::new(describe)
    };
    let jobs = Jobs::new(database.clone(), settings, Runner::ephemeral());
    jobs.start().await.unwrap();
    let settings = operations::OperationSettings {
        app_version: "1.2.3",
        recipients,
        keys,
        scratch: folder,
        undo_window: TimeDelta::days(1),
        upload_limit: 1 << 30,
        import_limit: 1 << 30,
        suspicion_threshold: Some(30),
    };
    let operations = Operations::new(database.clone(), store.clone(), jobs.clone(), settings);
    let executor = Arc::new(operations.clone());
    let runner = ScheduleRunner::new(database.clone(), executor, clock.clone(), RunnerSettings::default());
    let schedules = Schedules::new(database.clone(), operations.clone(), clock.clone());
    let retention = Retention::new(database.clone(), operations.clone(), clock.clone(), Tz::UTC);
    let notifications = Notifications::new(database.clone(), store, clock.clone(), notify_settings());
    let health = Health::new(
        database.clone(),
        operations.clone(),
        retention.clone(),
        notifications,
        clock,
        health,
    );
    let admin = administrator(&database).await;
    let automation = Automation::new(runner).with_retention(retention.clone());
    (automation, schedules, retention, operations, jobs, health, admin)
}

/// The automation of a copy that stands in for backups.
pub async fn stubbed(scratch: &Scratch, clock: &TestClock, executor: &Arc<StubExecutor>) -> Automation {
    stubbed_with(scratch, clock, executor, RunnerSettings::default()).await
}

pub async fn stubbed_with(
    scratch: &Scratch,
    clock: &TestClock,
    executor: &Arc<StubExecutor>,
    settings: RunnerSettings,
) -> Automation {
    let database = scratch.database().await;
    Automation::new(ScheduleRunner::new(database, executor.clone(), clock.clock(), settings))
}

/// A schedule with this name, at those times, in UTC.
pub fn schedule(name: &str, cron: &str) -> NewSchedule {
    NewSchedule {
        name: name.to_owned(),
        cron: cron.to_owned(),
        timezone: "UTC".to_owned(),
        label: None,
        verify: Verify::None,
        enabled: true,
    }
}

/// All runs of all schedules, by schedule and time.
pub async fn runs(scratch: &Scratch) -> Vec<schedule_run::Model> {
    schedule_run::Entity::find()
        .order_by_asc(schedule_run::Column::ScheduleId)
        .order_by_asc(schedule_run::Column::DueAt)
        .all(scratch.connection())
        .await
        .unwrap()
}

/// The states of all runs.
pub async fn states(scratch: &Scratch) -> Vec<RunState> {
    runs(scratch).await.into_iter().map(|run| run.state).collect()
}

/// Does steps of all copies at the same time, until all runs have ended.
pub async fn until_all_ended(scratch: &Scratch, copies: &[ScheduleCopy]) {
    until("all runs have ended", WAIT_LIMIT * 4, async || {
        for done in futures_util::future::join_all(copies.iter().map(ScheduleCopy::tick)).await {
            // On SQLite another copy may hold the lock for long.
            assert!(matches!(done, Ok(()) | Err(Error::DatabaseBusy { .. })), "{done:?}");
        }
        states(scratch).await.iter().all(|state| state.has_ended())
    })
    .await;
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
