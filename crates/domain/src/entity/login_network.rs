//! The networks that accounts have signed in from recently, see `account::network`.

use sea_orm::entity::prelude::*;

/// An account and a network.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_login_networks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    /// An IPv4 address, or the first address of an IPv6 network of 64 bits.
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(45))")]
    pub network: String,
    /// When the account last signed in from there, to the day.
    pub last_login_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
