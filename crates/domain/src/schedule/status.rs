//! What the health needs to know about schedules: what should have happened, and what has.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::cron::Timetable;
use super::view::LastRun;
use crate::entity::schedule::{self, Model as Schedule};
use crate::entity::schedule_run::{Column, Entity, Model as Run, RunState};
use crate::error::{Error, Result};

/// What is being done, for errors.
const DOING: &str = "reading the schedules for the health";

/// An enabled schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScheduleStatus {
    /// Its name.
    pub(crate) name: String,
    /// Since when it is as it is.
    pub(crate) changed_at: DateTime<Utc>,
    /// The time of its next run. It is in the past until a copy of the service makes the run.
    pub(crate) next_run_at: Option<DateTime<Utc>>,
    /// Its last time for which a backup should be there by now.
    pub(crate) expected: Option<DateTime<Utc>>,
    /// The run in progress, if there is one.
    pub(crate) active: Option<LastRun>,
    /// The last run that has ended.
    pub(crate) ended: Option<LastRun>,
}

/// All schedules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScheduleStatuses {
    /// The enabled ones, by id.
    pub(crate) enabled: Vec<ScheduleStatus>,
    /// How many are disabled.
    pub(crate) disabled: usize,
}

impl ScheduleStatuses {
    /// Reads the schedules. A run has `grace` until its backup is expected.
    pub(crate) async fn read(connection: &impl ConnectionTrait, now: DateTime<Utc>, grace: TimeDelta) -> Result<Self> {
        let schedules = schedule::Entity::find()
            .order_by_asc(schedule::Column::Id)
            .all(connection)
            .await
            .map_err(Error::database(DOING))?;
        let all = schedules.len();
        let enabled: Vec<_> = schedules.into_iter().filter(|schedule| schedule.enabled).collect();
        let ids: Vec<i64> = enabled.iter().map(|schedule| schedule.id).collect();
        let mut active = newest_runs(connection, &ids, Column::State.is_in(RunState::ACTIVE)).await?;
        let mut ended = newest_runs(connection, &ids, Column::State.is_not_in(RunState::ACTIVE)).await?;
        let status = |schedule: Schedule| ScheduleStatus {
            expected: expected(&schedule, now, grace),
            active: active.remove(&schedule.id).map(LastRun::from),
            ended: ended.remove(&schedule.id).map(LastRun::from),
            name: schedule.name,
            changed_at: schedule.updated_at,
            next_run_at: schedule.next_run_at,
        };
        Ok(Self {
            disabled: all - enabled.len(),
            enabled: enabled.into_iter().map(status).collect(),
        })
    }
}

/// The last time of a schedule that is at least `grace` ago, if the schedule was then as it is now.
fn expected(schedule: &Schedule, now: DateTime<Utc>, grace: TimeDelta) -> Option<DateTime<Utc>> {
    let until = now - grace;
    let timetable = Timetable::new(&schedule.cron, &schedule.timezone, now).ok()?;
    (schedule.updated_at <= until)
        .then(|| timetable.last_within(schedule.updated_at, until))
        .flatten()
}

/// The newest run of each schedule among those that fit.
async fn newest_runs(connection: &impl ConnectionTrait, schedules: &[i64], which: Expr) -> Result<BTreeMap<i64, Run>> {
    let which = Condition::all()
        .add(Column::ScheduleId.is_in(schedules.iter().copied()))
        .add(which);
    let newest: Vec<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Id.max(), "newest")
        .filter(which)
        .group_by(Column::ScheduleId)
        .into_tuple()
        .all(connection)
        .await
        .map_err(Error::database(DOING))?;
    let runs = Entity::find()
        .filter(Column::Id.is_in(newest.into_iter().flatten()))
        .all(connection)
        .await
        .map_err(Error::database(DOING))?;
    Ok(runs.into_iter().map(|run| (run.schedule_id, run)).collect())
}
