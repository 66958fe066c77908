//! Schedules as they are shown, with their next runs and the last one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::cron::{Preset, Timetable};
use crate::entity::schedule::{Model as Schedule, Verify};
use crate::entity::schedule_run::{Column, Entity, Model as Run, RunState};
use crate::error::{Error, Result};
use crate::job::Fault;

/// How many next runs are shown.
const NEXT_RUNS: usize = 5;

/// A schedule, as it is at one moment. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleDetails {
    /// Its id.
    pub id: i64,
    /// Its name, which no other schedule has.
    pub name: String,
    /// The cron expression.
    pub cron: String,
    /// The preset with that expression, if there is one.
    pub preset: Option<Preset>,
    /// The IANA time zone of the expression.
    pub timezone: String,
    /// The label of its archives; none if it is the name.
    pub label: Option<String>,
    /// The verification of each new archive.
    pub verify: Verify,
    /// Whether its runs are made.
    pub enabled: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was edited, or created.
    pub updated_at: DateTime<Utc>,
    /// The name of the user who created it.
    pub created_by: String,
    /// The next runs; none while it is disabled.
    pub next_runs: Vec<DateTime<Utc>>,
    /// The last run that was due.
    pub last_run: Option<LastRun>,
}

/// A page of a list of schedules, by name.
#[derive(Clone, Debug)]
pub struct SchedulePage {
    /// The schedules of the page.
    pub items: Vec<ScheduleDetails>,
    /// How many schedules there are.
    pub total: u64,
}

/// The last run of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// When it was due.
    pub at: DateTime<Utc>,
    /// Its state.
    pub state: RunState,
    /// How many attempts have failed.
    pub failed_attempts: u64,
    /// When the next attempt begins, if it waits for one.
    pub retry_at: Option<DateTime<Utc>>,
    /// The job of its backup.
    pub job_id: Option<String>,
    /// The job of the verification.
    pub verify_job_id: Option<String>,
    /// Its archive.
    pub archive_id: Option<String>,
    /// The fault of the last attempt, if it failed.
    pub fault: Option<Fault>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<Run> for LastRun {
    fn from(run: Run) -> Self {
        Self {
            at: run.due_at,
            state: run.state,
            failed_attempts: run.attempt.try_into().unwrap_or_default(),
            retry_at: run.retry_at,
            job_id: run.job_id,
            verify_job_id: run.verify_job_id,
            archive_id: run.archive_id,
            fault: run.error_code.map(|code| Fault {
                code,
                detail: run.error_detail.unwrap_or_default(),
            }),
            ended_at: run.ended_at,
        }
    }
}

/// Adds the next runs and the last one to schedules.
pub(super) async fn details(
    connection: &impl ConnectionTrait,
    schedules: Vec<Schedule>,
    now: DateTime<Utc>,
) -> Result<Vec<ScheduleDetails>> {
    let mut last_runs = last_runs(connection, &schedules).await?;
    let details = schedules.into_iter().map(|schedule| ScheduleDetails {
        last_run: last_runs.remove(&schedule.id).map(LastRun::from),
        next_runs: next_runs(&schedule, now),
        preset: Preset::of_expression(&schedule.cron),
        id: schedule.id,
        name: schedule.name,
        cron: schedule.cron,
        timezone: schedule.timezone,
        label: schedule.label,
        verify: schedule.verify,
        enabled: schedule.enabled,
        created_at: schedule.created_at,
        updated_at: schedule.updated_at,
        created_by: schedule.created_by,
    });
    Ok(details.collect())
}

/// The last runs by schedule.
async fn last_runs(connection: &impl ConnectionTrait, schedules: &[Schedule]) -> Result<BTreeMap<i64, Run>> {
    let doing = "reading the last runs of schedules";
    let schedules = schedules.iter().map(|schedule| schedule.id);
    let newest: Vec<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Id.max(), "newest")
        .filter(Column::ScheduleId.is_in(schedules))
        .group_by(Column::ScheduleId)
        .into_tuple()
        .all(connection)
        .await
        .map_err(Error::database(doing))?;
    let runs = Entity::find()
        .filter(Column::Id.is_in(newest.into_iter().flatten()))
        .all(connection)
        .await
        .map_err(Error::database(doing))?;
    Ok(runs.into_iter().map(|run| (run.schedule_id, run)).collect())
}

/// The next runs of a schedule. One whose time has come is still among them until it is made.
fn next_runs(schedule: &Schedule, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let timetable = Timetable::new(&schedule.cron, &schedule.timezone, now);
    let (Some(first), Ok(timetable)) = (schedule.next_run_at, timetable) else {
        return Vec::new();
    };
    let following = timetable.upcoming(first.max(now), NEXT_RUNS - 1);
    std::iter::once(first).chain(following).collect()
}
