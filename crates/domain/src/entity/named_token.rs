//! Named tokens for scripts, see `account::named_token`.

use sea_orm::entity::prelude::*;

/// A named token. The token itself is never stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_named_tokens")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The account that it belongs to.
    #[sea_orm(unique_key = "name")]
    pub user_id: i64,
    /// The name of that account. After a restore, another account may have its id.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "name")]
    pub username: String,
    /// The name of the token. No other token of the account has it.
    #[sea_orm(column_type = "String(StringLen::N(100))", unique_key = "name")]
    pub name: String,
    /// SHA-256 of the token, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))", unique)]
    pub token_digest: String,
    /// The words of its scopes, with spaces between them.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub scopes: String,
    pub created_at: DateTimeUtc,
    /// When it ends; none if it does not end by itself.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTimeUtc>,
    /// The address of the client that used it then.
    #[sea_orm(column_type = "String(StringLen::N(45))")]
    pub last_used_from: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
