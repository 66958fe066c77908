//! Jobs: long work, see [`job`](crate::job).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One job, as it was when its row was last written.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_jobs")]
pub struct Model {
    /// A UUID of version 7, so that ids sort by time.
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(36))")]
    pub id: String,
    pub kind: JobKind,
    #[sea_orm(indexed)]
    pub state: JobState,
    pub phase: Phase,
    pub rows_done: i64,
    pub rows_total: Option<i64>,
    pub bytes: i64,
    /// Expected seconds until the end of the phase, counted from the heartbeat.
    pub eta_seconds: Option<i64>,
    /// The user who asked for it; none for an administrator of an external identity provider.
    pub user_id: Option<i64>,
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub username: String,
    pub created_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    /// The last heartbeat of its runner.
    pub heartbeat_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    /// The process that runs it.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub runner: String,
    /// The request, as JSON.
    #[sea_orm(column_type = "Text")]
    pub parameters: String,
    /// The result, as JSON.
    #[sea_orm(column_type = "Text")]
    pub result: Option<String>,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub error_code: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub error_detail: Option<String>,
    /// The idempotency key of the request.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub idempotency_key: Option<String>,
    /// SHA-256 of operation and body of the request, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub fingerprint: Option<String>,
    /// How its user was authenticated, for the audit.
    #[sea_orm(column_type = "String(StringLen::N(16))")]
    pub method: Option<String>,
    /// The address of the client that asked for it, for the audit.
    #[sea_orm(column_type = "String(StringLen::N(45))")]
    pub client: Option<String>,
    /// The named token of the request, for the audit.
    pub token_id: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The kind of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[schema(as = JobKind)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Creating a backup.
    Archive,
    /// Verifying an archive.
    Verify,
    /// Restoring an archive.
    Restore,
    /// Clearing tables.
    Clear,
    /// Undoing a clear.
    Undo,
    /// Checking an archive that was uploaded.
    Upload,
    /// Deleting the archives that the retention policy does not keep.
    Retention,
    /// Encrypting an archive again.
    Rekey,
    /// Applying the plan of an import.
    Import,
}

/// The current step of the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[schema(as = JobPhase)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing yet: the job is queued.
    #[default]
    Waiting,
    /// Rows of the live data are read and stored.
    BackingUp,
    /// A stored archive is read to its end and checked.
    Checking,
    /// The archive is restored into a database of its own.
    TestRestore,
    /// The live data is compared with the archive.
    Comparing,
    /// The safety backup is created, which can undo what follows.
    SafetyBackup,
    /// Rows of the live data are removed or written, in a transaction.
    Changing,
    /// The commit: from here on the job can't be cancelled.
    Committing,
    /// Archives are deleted, one after another.
    Deleting,
    /// A stored archive is written with other keys.
    Encrypting,
}

/// The state of a job. `succeeded`, `failed`, `cancelled` and `interrupted` are final; after the last three nothing was
/// changed. One exception: a job that creates or uploads a backup becomes `succeeded` if its process was only paused and has
/// published the backup since. A retention job that was interrupted may have deleted some archives of its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[schema(as = JobState)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits until a slot is free.
    Queued,
    /// Its work runs.
    Running,
    /// Its cancellation was requested, and it has not ended yet.
    Cancelling,
    /// Its work is done.
    Succeeded,
    /// Its work failed, and nothing was changed.
    Failed,
    /// It was cancelled, and nothing was changed.
    Cancelled,
    /// The service ended while it ran, and nothing was changed.
    Interrupted,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Archive,
        Self::Verify,
        Self::Restore,
        Self::Clear,
        Self::Undo,
        Self::Upload,
        Self::Retention,
        Self::Rekey,
        Self::Import,
    ];

    /// Whether its effect is an archive in the store, which no database transaction includes.
    pub fn publishes_archive(self) -> bool {
        matches!(self, Self::Archive | Self::Upload)
    }
}

impl JobState {
    /// The states of jobs that have not ended.
    pub const ACTIVE: [Self; 3] = [Self::Queued, Self::Running, Self::Cancelling];

    /// The states of jobs that ended without an effect, so that the same request may be sent again.
    pub const WITHOUT_EFFECT: [Self; 3] = [Self::Failed, Self::Cancelled, Self::Interrupted];

    /// Whether the job has ended, as far as is known.
    pub fn has_ended(self) -> bool {
        !Self::ACTIVE.contains(&self)
    }
}
