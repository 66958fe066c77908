//! Recorded clears, restores, imports and undos, see [`change_log`](crate::change_log).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One change of the live data. Its row is inserted by the transaction that made the change.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_changes")]
pub struct Model {
    /// The id of its job.
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(36))")]
    pub id: String,
    pub kind: ChangeKind,
    /// The user who asked for it; none for an administrator of an external identity provider.
    pub user_id: Option<i64>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub username: String,
    /// By the clock of the database.
    pub changed_at: DateTimeUtc,
    /// The request, as JSON.
    #[sea_orm(column_type = "Text")]
    pub parameters: String,
    /// Rows removed and written, as JSON.
    #[sea_orm(column_type = "Text")]
    pub rows_by_table: String,
    /// The safety backup of the data before the change; none if no rows were removed.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub safety_archive_id: Option<String>,
    /// SHA-256 of its stored bytes, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub safety_archive_sha256: Option<String>,
    /// The end of the time in which it can be undone; none if it can't.
    pub undo_until: Option<DateTimeUtc>,
    pub undone_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub undone_by: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[schema(as = ChangeKind)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Tables were cleared.
    Clear,
    /// An archive was restored.
    Restore,
    /// A clear or an import was undone.
    Undo,
    /// The plan of an import was applied.
    Import,
}
