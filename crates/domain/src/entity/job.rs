//! Long work, done or to be done, see [`job`](crate::job).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::job::Phase;

/// One piece of long work, as it was when its row was last written.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_jobs")]
pub struct Model {
    /// A UUID of version 7, so that ids are in the order of time.
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(36))")]
    pub id: String,
    pub kind: Kind,
    #[sea_orm(indexed)]
    pub state: State,
    pub phase: Phase,
    pub rows_done: i64,
    pub rows_total: Option<i64>,
    pub bytes: i64,
    /// The seconds that it is expected to take from the heartbeat on.
    pub eta_seconds: Option<i64>,
    /// Who asked; none for an administrator of an outside identity provider.
    pub user_id: Option<i64>,
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub username: String,
    pub created_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    /// When its runner was last known to be alive.
    pub heartbeat_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    /// The process that does it.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub runner: String,
    /// What was asked, as JSON.
    #[sea_orm(column_type = "Text")]
    pub parameters: String,
    /// What came of it, as JSON.
    #[sea_orm(column_type = "Text")]
    pub result: Option<String>,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub error_code: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub error_detail: Option<String>,
    /// What the caller called this request.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub idempotency_key: Option<String>,
    /// SHA-256 of operation and body, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub fingerprint: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What kind of work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Taking an archive.
    Archive,
    /// Verifying one.
    Verify,
    /// Restoring one.
    Restore,
    /// Clearing tables.
    Clear,
    /// Undoing a clear.
    Undo,
    /// Checking an archive that was uploaded.
    Upload,
}

/// How a piece of work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It is being done.
    Running,
    /// Somebody has asked for its end, and it has not ended yet.
    Cancelling,
    /// It is done.
    Succeeded,
    /// It could not be done, and nothing was changed.
    Failed,
    /// It was ended on demand, and nothing was changed.
    Cancelled,
    /// The service ended while it was being done, and nothing was changed.
    Interrupted,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Archive,
        Self::Verify,
        Self::Restore,
        Self::Clear,
        Self::Undo,
        Self::Upload,
    ];

    /// Whether its effect is an archive in the store, which no transaction of the database includes.
    pub fn publishes_archive(self) -> bool {
        matches!(self, Self::Archive | Self::Upload)
    }
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Cancelling,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// Those from which there is a way on.
    pub const ACTIVE: [Self; 3] = [Self::Queued, Self::Running, Self::Cancelling];

    /// Those that ended without an effect, so that the same may be asked again.
    pub const WITHOUT_EFFECT: [Self; 3] = [Self::Failed, Self::Cancelled, Self::Interrupted];

    /// Whether its work is over, as far as is known.
    pub fn has_ended(self) -> bool {
        !Self::ACTIVE.contains(&self)
    }
}
