//! The changes of states: of a schedule whose run is due, and of a run. Each is one transaction that begins with a conditional
//! update, so that of several copies of the service one makes it. The event of a change belongs into its transaction.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait as _, QueryFilter,
    UpdateMany,
};

use super::due::DueRun;
use crate::database::Database;
use crate::entity::schedule::{self, Model as Schedule};
use crate::entity::schedule_run::{self, CANCELLED, Column, Entity, Model as Run, RunState};
use crate::error::{Error, Result};
use crate::job::Fault;
use crate::notify::{self, BackupFailed, BackupStarted, BackupSucceeded, Event};

/// A change of a run's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    /// The job of its backup has begun.
    BackupBegan { job_id: String },
    /// Its archive is stored, and the job of the verification has begun.
    VerificationBegan { archive_id: String, job_id: String },
    /// Its archive is stored, and verified if its schedule says so and the service can open it.
    Succeeded { archive_id: String, is_verified: bool },
    /// An attempt failed, and the next one is at `retry_at`. An archive that was stored stays the run's.
    AttemptFailed {
        archive_id: Option<String>,
        fault: Fault,
        retry_at: DateTime<Utc>,
    },
    /// The last attempt failed, or an administrator has cancelled its job.
    Failed { archive_id: Option<String>, fault: Fault },
}

/// Changes the state of a run, if it is still as it was read. Returns whether it was.
pub(super) async fn change_run(
    database: &Database,
    run: &Run,
    transition: &Transition,
    now: DateTime<Utc>,
) -> Result<bool> {
    let doing = "changing the state of a scheduled backup";
    let transaction = database.begin_write(doing).await?;
    let changed = transition
        .write(Entity::update_many(), run, now)
        .filter(Column::Id.eq(run.id))
        .filter(Column::State.eq(run.state))
        .filter(Column::Attempt.eq(run.attempt))
        .exec(&transaction)
        .await
        .map_err(Error::database(doing))?;
    if changed.rows_affected != 1 {
        return Ok(false);
    }
    if let Some(event) = transition.event(run) {
        notify::enqueue(&transaction, now, &event).await?;
    }
    transaction.commit().await.map_err(Error::database(doing))?;
    Ok(true)
}

impl Transition {
    /// The event that notifications report. The failure of an attempt is one only if it is the last.
    fn event(&self, run: &Run) -> Option<Event> {
        let label = Some(run.label.clone());
        match self {
            Self::BackupBegan { job_id } => Some(Event::BackupStarted(BackupStarted {
                label,
                job_id: job_id.clone(),
            })),
            Self::Succeeded {
                archive_id,
                is_verified,
            } => Some(Event::BackupSucceeded(BackupSucceeded {
                label,
                archive_id: archive_id.clone(),
                job_id: run.job_id.clone(),
                schedule_id: Some(run.schedule_id),
                verified: *is_verified,
            })),
            Self::Failed { fault, .. } if fault.code == CANCELLED => None,
            Self::Failed { archive_id, fault } => Some(Event::BackupFailed(BackupFailed {
                label,
                job_id: run.job_id.clone(),
                schedule_id: Some(run.schedule_id),
                attempts: (run.attempt + 1).unsigned_abs(),
                archive_id: archive_id.clone(),
                code: fault.code.clone(),
                detail: fault.detail.clone(),
            })),
            Self::VerificationBegan { .. } | Self::AttemptFailed { .. } => None,
        }
    }

    fn write(&self, update: UpdateMany<Entity>, run: &Run, now: DateTime<Utc>) -> UpdateMany<Entity> {
        match self {
            Self::BackupBegan { job_id } => update
                .col_expr(Column::State, Expr::value(RunState::Running))
                .col_expr(Column::JobId, Expr::value(job_id.as_str()))
                .col_expr(Column::RetryAt, Expr::value(None::<DateTime<Utc>>))
                .col_expr(Column::StartedAt, Expr::value(run.started_at.unwrap_or(now))),
            Self::VerificationBegan { archive_id, job_id } => update
                .col_expr(Column::State, Expr::value(RunState::Verifying))
                .col_expr(Column::VerifyJobId, Expr::value(job_id.as_str()))
                .col_expr(Column::RetryAt, Expr::value(None::<DateTime<Utc>>))
                .col_expr(Column::ArchiveId, Expr::value(archive_id.as_str())),
            Self::Succeeded { archive_id, .. } => {
                let update = update
                    .col_expr(Column::State, Expr::value(RunState::Succeeded))
                    .col_expr(Column::EndedAt, Expr::value(now));
                with_result(update, Some(archive_id), None)
            }
            Self::AttemptFailed {
                archive_id,
                fault,
                retry_at,
            } => {
                let update = update
                    .col_expr(Column::State, Expr::value(RunState::Waiting))
                    .col_expr(Column::Attempt, Expr::value(run.attempt + 1))
                    .col_expr(Column::RetryAt, Expr::value(*retry_at));
                with_result(update, archive_id.as_deref(), Some(fault))
            }
            Self::Failed { archive_id, fault } => {
                let update = update
                    .col_expr(Column::State, Expr::value(RunState::Failed))
                    .col_expr(Column::Attempt, Expr::value(run.attempt + 1))
                    .col_expr(Column::RetryAt, Expr::value(None::<DateTime<Utc>>))
                    .col_expr(Column::EndedAt, Expr::value(now));
                with_result(update, archive_id.as_deref(), Some(fault))
            }
        }
    }
}

fn with_result(update: UpdateMany<Entity>, archive_id: Option<&str>, fault: Option<&Fault>) -> UpdateMany<Entity> {
    update
        .col_expr(Column::ArchiveId, Expr::value(archive_id))
        .col_expr(Column::ErrorCode, Expr::value(fault.map(|fault| fault.code.as_str())))
        .col_expr(
            Column::ErrorDetail,
            Expr::value(fault.map(|fault| fault.detail.as_str())),
        )
}

/// Inserts a run that is due and sets the schedule's next one, if the schedule is enabled and still has the run as its next.
/// A time that has a run already, because the clock was set back, gets no second one. Returns whether a run was inserted.
pub(super) async fn insert_due_run(
    database: &Database,
    schedule: &Schedule,
    due: &DueRun,
    now: DateTime<Utc>,
) -> Result<bool> {
    let doing = "inserting a scheduled backup that is due";
    let transaction = database.begin_write(doing).await?;
    if !set_next_run(&transaction, schedule, due.next_run_at).await? {
        return Ok(false);
    }
    // The update before has locked the schedule, so no other copy inserts a run of it now.
    let existing = Entity::find()
        .filter(Column::ScheduleId.eq(schedule.id))
        .filter(Column::DueAt.eq(due.due_at))
        .count(&transaction)
        .await
        .map_err(Error::database(doing))?;
    if existing == 0 {
        let run = new_run(schedule, due, now);
        let inserted = Entity::insert(run).exec_without_returning(&transaction).await;
        inserted.map_err(Error::database(doing))?;
    }
    transaction.commit().await.map_err(Error::database(doing))?;
    Ok(existing == 0)
}

fn new_run(schedule: &Schedule, due: &DueRun, now: DateTime<Utc>) -> schedule_run::ActiveModel {
    let run = Run {
        id: 0,
        schedule_id: schedule.id,
        due_at: due.due_at,
        state: match due.is_missed {
            true => RunState::Missed,
            false => RunState::Waiting,
        },
        label: schedule.label.clone().unwrap_or_else(|| schedule.name.clone()),
        verify: schedule.verify,
        attempt: 0,
        retry_at: None,
        job_id: None,
        verify_job_id: None,
        archive_id: None,
        error_code: None,
        error_detail: None,
        started_at: None,
        ended_at: due.is_missed.then_some(now),
    };
    schedule_run::ActiveModel {
        id: ActiveValue::NotSet,
        ..run.into_active_model()
    }
}

/// Moves the next run of a schedule to another time, if the schedule is enabled and its next run is still as it was read.
/// Returns whether it was.
pub(super) async fn move_next_run(
    database: &Database,
    schedule: &Schedule,
    next_run_at: Option<DateTime<Utc>>,
) -> Result<bool> {
    let doing = "moving the next run of a schedule";
    let transaction = database.begin_write(doing).await?;
    if !set_next_run(&transaction, schedule, next_run_at).await? {
        return Ok(false);
    }
    transaction.commit().await.map_err(Error::database(doing))?;
    Ok(true)
}

async fn set_next_run(
    transaction: &DatabaseTransaction,
    schedule: &Schedule,
    next_run_at: Option<DateTime<Utc>>,
) -> Result<bool> {
    use schedule::Column;
    let is_unchanged = match schedule.next_run_at {
        Some(next_run_at) => Column::NextRunAt.eq(next_run_at),
        None => Column::NextRunAt.is_null(),
    };
    let set = schedule::Entity::update_many()
        .col_expr(Column::NextRunAt, Expr::value(next_run_at))
        .filter(Column::Id.eq(schedule.id))
        .filter(Column::Enabled.eq(true))
        .filter(is_unchanged)
        .exec(transaction)
        .await
        .map_err(Error::database("setting the next run of a schedule"))?;
    Ok(set.rows_affected == 1)
}

/// Ends the runs of a schedule that was switched off and whose next attempt has not begun, in the transaction that switches
/// it off.
pub(super) async fn miss_waiting_runs(
    transaction: &DatabaseTransaction,
    schedule_id: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(RunState::Missed))
        .col_expr(Column::RetryAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::ScheduleId.eq(schedule_id))
        .filter(Column::State.eq(RunState::Waiting))
        .exec(transaction)
        .await
        .map(drop)
        .map_err(Error::database("ending the waiting runs of a schedule"))
}

/// Deletes the runs of a schedule, except those whose job has begun: they end first.
pub(super) async fn delete_runs(transaction: &DatabaseTransaction, schedule_id: i64) -> Result<()> {
    Entity::delete_many()
        .filter(Column::ScheduleId.eq(schedule_id))
        .filter(Column::State.is_not_in(RunState::BEGUN))
        .exec(transaction)
        .await
        .map(drop)
        .map_err(Error::database("deleting the runs of a schedule"))
}
