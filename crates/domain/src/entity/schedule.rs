//! Schedules of backups, see [`schedule`](crate::schedule).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One schedule.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_schedules")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "String(StringLen::N(100))", unique)]
    pub name: String,
    /// A cron expression of five fields.
    #[sea_orm(column_type = "String(StringLen::N(100))")]
    pub cron: String,
    /// The name of an IANA time zone.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub timezone: String,
    /// The label of its archives; none if it is the name.
    #[sea_orm(column_type = "String(StringLen::N(100))")]
    pub label: Option<String>,
    pub verify: Verify,
    pub enabled: bool,
    /// The next time at which a run is due; none while it is disabled.
    pub next_run_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    /// The name of the user who created it.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub created_by: String,
    /// The idempotency key of the request that created it.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub idempotency_key: Option<String>,
    /// SHA-256 of operation and body of that request, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub fingerprint: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The verification of each new archive of a schedule. `none`: only the check that every new archive gets. `digest`: it is
/// read once more. `test_restore`: it is also restored into a temporary database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[schema(as = ScheduleVerification)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// None beyond the check of each new archive.
    #[default]
    None,
    /// It is read once more to its end.
    Digest,
    /// It is also restored into a temporary database.
    TestRestore,
}

impl Verify {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Digest, Self::TestRestore];
}
