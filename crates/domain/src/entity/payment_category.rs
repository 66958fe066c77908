//! Payment categories.

use sea_orm::entity::prelude::*;

/// What a payment is for, such as tuition or the library.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_categories")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "String(StringLen::N(255))", unique)]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub description: Option<String>,
    pub created_at: DateTimeUtc,
    #[sea_orm(has_many)]
    pub payments: HasMany<super::payment::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
