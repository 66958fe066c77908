//! Alarms about backups, see [`health`](crate::health).

use sea_orm::entity::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

/// A reason of the health that is reported to administrators. The row is deleted when it no longer holds.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_alarms")]
pub struct Model {
    /// The code of the reason.
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(64))")]
    pub code: String,
    pub severity: Severity,
    /// What is wrong, as it was last reported.
    #[sea_orm(column_type = "Text")]
    pub detail: String,
    /// Since when it holds.
    pub raised_at: DateTimeUtc,
    /// When it was last reported; none before the first time.
    pub told_at: Option<DateTimeUtc>,
    /// Since when it does not hold; none while it does.
    pub absent_since: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How bad a reason is. `warning`: backups are made, and something should be corrected. `failing`: there may be no usable
/// backup to restore from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum, Serialize, ToSchema)]
#[schema(as = BackupHealthSeverity)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Backups are made, and something should be corrected.
    Warning,
    /// There may be no usable backup to restore from.
    Failing,
}
