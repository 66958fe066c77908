//! Passwords that the service has generated and that must be changed, see `account::one_time`.

use sea_orm::entity::prelude::*;

/// A one-time password. The row stays when the password is changed, because a restore may bring the password back.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_one_time_passwords")]
pub struct Model {
    /// SHA-256 of the stored hash of the password, in lower-case hexadecimal.
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(64))")]
    pub password_digest: String,
    /// Until when it can be used to sign in.
    pub expires_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
