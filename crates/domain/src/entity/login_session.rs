//! Sessions that were renewed or ended, see `account::session`.

use sea_orm::entity::prelude::*;

/// A session without a row is active, and its refresh token was not replaced yet: signing in writes nothing.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_login_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(36))")]
    pub id: String,
    pub user_id: i64,
    /// How often its refresh token was replaced. The token of this generation is the current one.
    pub generation: i64,
    /// When it was last replaced.
    pub rotated_at: Option<DateTimeUtc>,
    /// When the session was ended. All of its tokens are invalid.
    pub ended_at: Option<DateTimeUtc>,
    /// When the last token of the session expires, so that the row is no longer needed.
    pub expires_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
