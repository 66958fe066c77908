//! The epoch of all sessions, see `account::session`.

use sea_orm::entity::prelude::*;

/// One row for all sessions, which exists from the start.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(16))")]
    pub name: String,
    /// How often all sessions were ended. Tokens of an earlier epoch are invalid.
    pub epoch: i64,
    /// The session of an earlier epoch whose tokens stay valid.
    #[sea_orm(column_name = "spared", column_type = "String(StringLen::N(36))")]
    pub except_session: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
