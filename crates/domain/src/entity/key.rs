//! Keys of the installation, see `installation_key`.

use sea_orm::entity::prelude::*;

/// A key, which is there from the beginning and stays the same.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(16))")]
    pub name: String,
    /// In hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
