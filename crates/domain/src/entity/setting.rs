//! Settings that administrators change by the API, such as the [retention](crate::retention) policy.

use sea_orm::entity::prelude::*;

/// One setting.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_settings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(64))")]
    pub name: String,
    /// The value, as JSON.
    #[sea_orm(column_type = "Text")]
    pub value: String,
    pub updated_at: DateTimeUtc,
    /// The name of the user who changed it.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub updated_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
