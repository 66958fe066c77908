//! The head of the audit's chain, see [`audit`](crate::audit).

use sea_orm::entity::prelude::*;

/// The one row of the table.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_audit_head")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The id of the newest event; 0 if there was none yet.
    pub last_id: i64,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub last_hash: String,
    /// The id of the newest event that retention has deleted; 0 if it has deleted none.
    pub anchor_id: i64,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub anchor_hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
