//! Runs of schedules, see [`schedule`](crate::schedule).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schedule::Verify;

/// One run. It has copies of its schedule's values, because the schedule may be edited or deleted before it ends.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_schedule_runs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique_key = "due")]
    pub schedule_id: i64,
    /// The time of the schedule at which it is due. No schedule has two runs of one time.
    #[sea_orm(unique_key = "due")]
    pub due_at: DateTimeUtc,
    #[sea_orm(indexed)]
    pub state: RunState,
    /// The label of its archive.
    #[sea_orm(column_type = "String(StringLen::N(100))")]
    pub label: String,
    pub verify: Verify,
    /// How many attempts have failed.
    pub attempt: i64,
    /// When the next attempt begins; none if it begins at once.
    pub retry_at: Option<DateTimeUtc>,
    /// The job of the last backup.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub job_id: Option<String>,
    /// The job of the last verification.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub verify_job_id: Option<String>,
    /// The archive that the backup created.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub archive_id: Option<String>,
    /// The fault of the last attempt, if it failed.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub error_code: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub error_detail: Option<String>,
    pub started_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The error code of a run whose job an administrator has cancelled. Administrators know of it, so it is not reported as a failure.
pub const CANCELLED: &str = "cancelled";

/// The state of a run. `waiting`: its next attempt has not begun. `running`: its backup is created. `verifying`: its
/// archive is verified. `succeeded`: its archive is stored, and verified if the schedule says so. `failed`: its last attempt
/// failed, or an administrator has cancelled its job. `missed`: it was not made, because the service was stopped for too long
/// or the schedule was disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[schema(as = ScheduleRunState)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its next attempt has not begun.
    Waiting,
    /// The job of its backup runs.
    Running,
    /// The job of its verification runs.
    Verifying,
    /// Its archive is stored, and verified if the schedule says so.
    Succeeded,
    /// Its last attempt failed, or an administrator cancelled its job.
    Failed,
    /// It was not run: the service was stopped for too long, or the schedule was switched off.
    Missed,
}

impl RunState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Running,
        Self::Verifying,
        Self::Succeeded,
        Self::Failed,
        Self::Missed,
    ];

    /// The states of runs that have not ended.
    pub const ACTIVE: [Self; 3] = [Self::Waiting, Self::Running, Self::Verifying];

    /// The states of runs whose job has begun.
    pub const BEGUN: [Self; 2] = [Self::Running, Self::Verifying];

    /// Whether the run has ended.
    pub fn has_ended(self) -> bool {
        !Self::ACTIVE.contains(&self)
    }
}
