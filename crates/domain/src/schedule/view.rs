//! Schedules as they are shown, with their next runs and the last one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde::Serialize;
use utoipa::ToSchema;

use super::cron::{Preset, Timetable};
use crate::database::Database;
use crate::entity::schedule::{Model as Schedule, Verify};
use crate::entity::schedule_run::{Column, Entity, Model as Run, RunState};
use crate::error::{Error, Result};
use crate::job::Fault;

/// How many next runs are shown.
const NEXT_RUNS: usize = 5;

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Schedule, example = json!({
    "id": 1, "name": "Every night", "cron": "0 2 * * *", "preset": "daily", "timezone": "Europe/Berlin", "label": null,
    "verify": "digest", "enabled": true, "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z",
    "created_by": "admin",
    "next_runs": [
        "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "2026-12-02T01:00:00Z", "2026-12-03T01:00:00Z",
        "2026-12-04T01:00:00Z",
    ],
    "last_run": {
        "at": "2026-11-29T01:00:00Z", "state": "succeeded", "failed_attempts": 0, "retry_at": null,
        "job_id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "verify_job_id": "0193d2f0-9b2d-7e4f-9a5c-3d0e2f6b7c81",
        "archive_id": "2026-11-29T01-00-03Z-5f1c2a9b", "error": null, "ended_at": "2026-11-29T01:00:09Z",
    },
}))]
pub struct ScheduleDetails {
    /// Its id.
    pub id: i64,
    /// Its name. No other schedule has it.
    pub name: String,
    /// The cron expression of its times: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// The preset with that expression, if there is one.
    #[schema(required = true)]
    pub preset: Option<Preset>,
    /// The IANA time zone of the expression.
    pub timezone: String,
    /// The label of its archives. If it is `null`, they have the schedule's name as their label.
    #[schema(required = true)]
    pub label: Option<String>,
    /// The verification of each new archive.
    pub verify: Verify,
    /// Whether its runs are made.
    pub enabled: bool,
    /// When it was created, UTC.
    pub created_at: DateTime<Utc>,
    /// When it was edited, or created, UTC.
    pub updated_at: DateTime<Utc>,
    /// The user that created it; `system` for the one of a demo.
    pub created_by: String,
    /// The next five runs, UTC. It is empty while the schedule is disabled.
    pub next_runs: Vec<DateTime<Utc>>,
    /// The last run that was due, if there was one.
    #[schema(required = true)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ScheduleRun)]
pub struct LastRun {
    /// When it was due, UTC.
    pub at: DateTime<Utc>,
    /// Its state.
    pub state: RunState,
    /// How many attempts have failed.
    pub failed_attempts: u64,
    /// When the next attempt begins, if the last one failed and another one follows.
    #[schema(required = true)]
    pub retry_at: Option<DateTime<Utc>>,
    /// The job of its backup.
    #[schema(required = true)]
    pub job_id: Option<String>,
    /// The job of the verification.
    #[schema(required = true)]
    pub verify_job_id: Option<String>,
    /// Its archive.
    #[schema(required = true)]
    pub archive_id: Option<String>,
    /// Why the last attempt failed, if it did.
    #[serde(rename = "error")]
    #[schema(required = true)]
    pub fault: Option<Fault>,
    /// When it ended.
    #[schema(required = true)]
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
            fault: Fault::of(run.error_code, run.error_detail),
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

/// The archives that the kept runs of a schedule have created.
///
/// # Errors
/// Database errors.
pub(crate) async fn archives_of(database: &Database, schedule_id: i64) -> Result<BTreeSet<String>> {
    let archives: Vec<String> = Entity::find()
        .select_only()
        .column(Column::ArchiveId)
        .filter(Column::ScheduleId.eq(schedule_id))
        .filter(Column::ArchiveId.is_not_null())
        .into_tuple()
        .all(database.connection())
        .await
        .map_err(Error::database("reading the archives of a schedule"))?;
    Ok(archives.into_iter().collect())
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
