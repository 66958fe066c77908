//! Makes the runs of schedules, one step after another.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::cron::Timetable;
use super::due::{DueRun, first_without_run, is_time_to_retry, pause};
use super::executor::{BackupOrder, JobOutcome, RunExecutor, VerificationOrder};
use super::transition::{Transition, change_run, insert_due_run, move_next_run};
use crate::clock::Clock;
use crate::counters;
use crate::database::Database;
use crate::entity::schedule::{self, Model as Schedule};
use crate::entity::schedule_run::{Column, Entity, Model as Run, RunState};
use crate::error::{Error, Result};
use crate::job::Fault;
use crate::mutex::lock;

/// How many ended runs of a schedule are kept. Others are deleted when they are older than [`MIN_AGE`].
const MAX_KEPT: u64 = 1000;

/// The age at which an ended run is deleted in any case.
const MAX_AGE: TimeDelta = TimeDelta::days(400);

/// The age that a run reaches in any case: it keeps its time from being run again after the clock was set back.
const MIN_AGE: TimeDelta = TimeDelta::days(7);

/// How often old runs are deleted.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How runs are made.
#[derive(Clone, Copy, Debug)]
pub struct RunnerSettings {
    /// How old a run may be that is caught up after an outage.
    pub catch_up: TimeDelta,
    /// How many attempts a run has.
    pub attempts: u32,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            catch_up: TimeDelta::days(1),
            attempts: 5,
        }
    }
}

/// Makes the runs of schedules. Each copy of the service has one.
#[derive(Clone)]
pub struct ScheduleRunner {
    database: Database,
    executor: Arc<dyn RunExecutor>,
    clock: Clock,
    settings: RunnerSettings,
    pruned: Arc<Mutex<Option<Instant>>>,
}

impl ScheduleRunner {
    /// The runner of a copy of the service. This reads and writes nothing.
    pub fn new(database: Database, executor: Arc<dyn RunExecutor>, clock: Clock, settings: RunnerSettings) -> Self {
        Self {
            database,
            executor,
            clock,
            settings,
            pruned: Arc::default(),
        }
    }

    /// Inserts the runs that are due, starts jobs, and finds out how they ended:
    ///
    /// 1. A schedule whose time has come gets a run, and the time of the next one, in one transaction.
    /// 2. A run that waits gets its job, unless it waits for its next attempt.
    /// 3. A run whose job has ended gets the next state.
    ///
    /// A fault of one schedule or run does not keep the others from their turn.
    ///
    /// # Errors
    /// The first error. Everything that it concerned is tried again at the next call.
    pub async fn step(&self) -> Result<()> {
        let inserted = self.insert_due_runs().await;
        let advanced = self.advance_runs().await;
        let pruned = self.prune_if_time().await;
        inserted.and(advanced).and(pruned)
    }

    async fn insert_due_runs(&self) -> Result<()> {
        let doing = "looking for schedules whose time has come";
        let active = self.active_runs().await?;
        let busy: HashSet<i64> = active.iter().map(|run| run.schedule_id).collect();
        let enabled = schedule::Entity::find()
            .filter(schedule::Column::Enabled.eq(true))
            .order_by_asc(schedule::Column::Id)
            .all(self.database.connection())
            .await
            .map_err(Error::database(doing))?;
        let mut result = Ok(());
        for schedule in enabled.iter().filter(|schedule| !busy.contains(&schedule.id)) {
            result = result.and(self.insert_due_run(schedule).await);
        }
        result
    }

    async fn insert_due_run(&self, schedule: &Schedule) -> Result<()> {
        let now = self.clock.now();
        let timetable = Timetable::read(&schedule.cron, &schedule.timezone)?;
        let due = schedule
            .next_run_at
            .and_then(|next_run_at| DueRun::of(&timetable, next_run_at, now, self.settings.catch_up));
        let Some(due) = due else {
            return self.correct_next_run(schedule, &timetable, now).await;
        };
        if insert_due_run(&self.database, schedule, &due, now).await? {
            let (name, due_at) = (&schedule.name, due.due_at);
            if due.is_missed {
                counters::run_ended(RunState::Missed);
            }
            match due.is_missed {
                true => {
                    tracing::warn!(schedule = name, %due_at, "a scheduled backup was missed: the service did not run")
                }
                false => tracing::info!(schedule = name, %due_at, "a scheduled backup is due"),
            }
        }
        Ok(())
    }

    /// Moves the next run to an earlier time, if the clock was set back since it was set.
    async fn correct_next_run(&self, schedule: &Schedule, timetable: &Timetable, now: DateTime<Utc>) -> Result<()> {
        let is_later = |time: DateTime<Utc>| schedule.next_run_at.is_none_or(|next_run_at| next_run_at > time);
        if !timetable.next_after(now).is_some_and(is_later) {
            return Ok(());
        }
        let runs: Vec<DateTime<Utc>> = Entity::find()
            .select_only()
            .column(Column::DueAt)
            .filter(Column::ScheduleId.eq(schedule.id))
            .filter(Column::DueAt.gt(now))
            .into_tuple()
            .all(self.database.connection())
            .await
            .map_err(Error::database("reading the runs of a schedule"))?;
        let runs: BTreeSet<_> = runs.into_iter().collect();
        let earlier = first_without_run(timetable, now, &runs).filter(|time| is_later(*time));
        if earlier.is_some() && move_next_run(&self.database, schedule, earlier).await? {
            tracing::warn!(schedule = schedule.name, next = ?earlier, "the next run of a schedule was too late and was corrected");
        }
        Ok(())
    }

    async fn active_runs(&self) -> Result<Vec<Run>> {
        Entity::find()
            .filter(Column::State.is_in(RunState::ACTIVE))
            .order_by_asc(Column::Id)
            .all(self.database.connection())
            .await
            .map_err(Error::database("reading the scheduled backups that have not ended"))
    }

    async fn advance_runs(&self) -> Result<()> {
        let mut result = Ok(());
        for run in self.active_runs().await? {
            result = result.and(self.advance(&run).await);
        }
        result
    }

    async fn advance(&self, run: &Run) -> Result<()> {
        let now = self.clock.now();
        let transition = match run.state {
            RunState::Waiting if !is_time_to_retry(run.retry_at, now) => return Ok(()),
            RunState::Waiting => self.begin(run).await?,
            RunState::Running => match self.outcome(run.job_id.as_deref()).await? {
                JobOutcome::Active => return Ok(()),
                JobOutcome::Succeeded {
                    archive_id: Some(archive_id),
                } => self.backed_up(run, archive_id).await?,
                JobOutcome::Succeeded { archive_id: None } => {
                    let doing = "reading the result of a scheduled backup";
                    let error = Error::internal(doing)("the job names no archive");
                    self.attempt_failed(run, None, self.executor.fault(error))
                }
                JobOutcome::Failed(fault) => self.attempt_failed(run, None, fault),
                JobOutcome::Cancelled(fault) => Transition::Failed {
                    archive_id: None,
                    fault,
                },
            },
            RunState::Verifying => {
                let archive_id = run.archive_id.clone();
                match self.outcome(run.verify_job_id.as_deref()).await? {
                    JobOutcome::Active => return Ok(()),
                    JobOutcome::Succeeded { .. } => Transition::Succeeded {
                        archive_id: archive_id.unwrap_or_default(),
                        is_verified: true,
                    },
                    JobOutcome::Failed(fault) => self.attempt_failed(run, archive_id, fault),
                    JobOutcome::Cancelled(fault) => Transition::Failed { archive_id, fault },
                }
            }
            RunState::Succeeded | RunState::Failed | RunState::Missed => return Ok(()),
        };
        if change_run(&self.database, run, &transition, self.clock.now()).await? {
            log(run, &transition);
            match transition {
                Transition::Succeeded { .. } => counters::run_ended(RunState::Succeeded),
                Transition::Failed { .. } => counters::run_ended(RunState::Failed),
                _ => {}
            }
        }
        Ok(())
    }

    /// Starts the job of a run that waits: the backup, or the verification of the archive that it has already.
    async fn begin(&self, run: &Run) -> Result<Transition> {
        if let Some(archive_id) = run.archive_id.clone() {
            return self.backed_up(run, archive_id).await;
        }
        match self.executor.create_backup(BackupOrder::from(run)).await {
            Ok(job_id) => Ok(Transition::BackupBegan { job_id }),
            Err(error) => Ok(self.attempt_failed(run, None, self.fault(error)?)),
        }
    }

    /// What comes after the backup of a run.
    async fn backed_up(&self, run: &Run, archive_id: String) -> Result<Transition> {
        let Some(order) = VerificationOrder::of(run, &archive_id) else {
            return Ok(Transition::Succeeded {
                archive_id,
                is_verified: false,
            });
        };
        if !self.executor.can_verify() {
            // The settings have changed since the schedule was created. Unattended work does not fail because of that.
            let (schedule_id, due_at) = (run.schedule_id, run.due_at);
            tracing::warn!(
                schedule_id,
                %due_at,
                archive_id,
                "a scheduled backup is not verified: archives are encrypted to public keys alone, and the service has no key"
            );
            return Ok(Transition::Succeeded {
                archive_id,
                is_verified: false,
            });
        }
        match self.executor.verify(order).await {
            Ok(job_id) => Ok(Transition::VerificationBegan { archive_id, job_id }),
            Err(error) => Ok(self.attempt_failed(run, Some(archive_id), self.fault(error)?)),
        }
    }

    async fn outcome(&self, job_id: Option<&str>) -> Result<JobOutcome> {
        // A run in one of these states has its job.
        self.executor.outcome(job_id.unwrap_or_default()).await
    }

    /// The fault of a job that could not begin.
    ///
    /// # Errors
    /// An error that says nothing about the backup: the database can't be used now, or the service shuts down. The job is
    /// started at the next step, or by another copy.
    fn fault(&self, error: Error) -> Result<Fault> {
        match error {
            Error::DatabaseBusy { .. } | Error::DatabaseUnavailable { .. } | Error::Stopping => Err(error),
            error => Ok(self.executor.fault(error)),
        }
    }

    fn attempt_failed(&self, run: &Run, archive_id: Option<String>, fault: Fault) -> Transition {
        match run.attempt + 1 < i64::from(self.settings.attempts) {
            true => Transition::AttemptFailed {
                archive_id,
                fault,
                retry_at: self.clock.now() + pause(run.attempt),
            },
            false => Transition::Failed { archive_id, fault },
        }
    }

    async fn prune_if_time(&self) -> Result<()> {
        let is_time = {
            let pruned = lock(&self.pruned);
            pruned.is_none_or(|pruned| pruned.elapsed() >= PRUNE_INTERVAL)
        };
        if is_time {
            self.prune().await?;
            *lock(&self.pruned) = Some(Instant::now());
        }
        Ok(())
    }

    /// Deletes old runs, and ended runs of deleted schedules.
    async fn prune(&self) -> Result<()> {
        let doing = "deleting old runs of schedules";
        let (now, connection) = (self.clock.now(), self.database.connection());
        let schedules: Vec<i64> = schedule::Entity::find()
            .select_only()
            .column(schedule::Column::Id)
            .into_tuple()
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        let mut old = Condition::any().add(Column::DueAt.lt(now - MAX_AGE));
        for schedule_id in &schedules {
            let beyond: Option<i64> = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::ScheduleId.eq(*schedule_id))
                .order_by_desc(Column::Id)
                .offset(MAX_KEPT)
                .limit(1)
                .into_tuple()
                .one(connection)
                .await
                .map_err(Error::database(doing))?;
            if let Some(beyond) = beyond {
                let beyond = Condition::all()
                    .add(Column::ScheduleId.eq(*schedule_id))
                    .add(Column::Id.lte(beyond))
                    .add(Column::DueAt.lt(now - MIN_AGE));
                old = old.add(beyond);
            }
        }
        let old = old.add(Column::ScheduleId.is_not_in(schedules));
        let ended = Entity::find().filter(Column::State.is_not_in(RunState::ACTIVE));
        let found = ended.filter(old.clone()).one(connection).await;
        // Without old runs nothing is written, so that a database that takes no writes now is no fault.
        if found.map_err(Error::database(doing))?.is_none() {
            return Ok(());
        }
        Entity::delete_many()
            .filter(Column::State.is_not_in(RunState::ACTIVE))
            .filter(old)
            .exec(connection)
            .await
            .map(drop)
            .map_err(Error::database(doing))
    }
}

fn log(run: &Run, transition: &Transition) {
    let (schedule_id, due_at) = (run.schedule_id, run.due_at);
    match transition {
        Transition::BackupBegan { job_id } => {
            tracing::info!(schedule_id, %due_at, job = job_id, "a scheduled backup begins");
        }
        Transition::VerificationBegan { archive_id, job_id } => {
            tracing::info!(schedule_id, %due_at, archive_id, job = job_id, "a scheduled backup is verified");
        }
        Transition::Succeeded { archive_id, .. } => {
            tracing::info!(schedule_id, %due_at, archive_id, "a scheduled backup has succeeded");
        }
        Transition::AttemptFailed { fault, retry_at, .. } => {
            tracing::warn!(schedule_id, %due_at, code = fault.code, %retry_at, "a scheduled backup failed and is tried again");
        }
        Transition::Failed { fault, .. } => {
            tracing::error!(schedule_id, %due_at, code = fault.code, "a scheduled backup has failed");
        }
    }
}

impl fmt::Debug for ScheduleRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduleRunner")
            .field("clock", &self.clock)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
