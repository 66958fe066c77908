//! How often all sessions of an account were ended, see `account::session`.

use sea_orm::entity::prelude::*;

/// An account without a row is at epoch 0: its sessions were never ended.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_account_epochs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    pub epoch: i64,
}

impl ActiveModelBehavior for ActiveModel {}
