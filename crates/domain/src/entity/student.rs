//! Students.

use sea_orm::entity::prelude::*;

/// A student, present or past.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "students")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub full_name: String,
    #[sea_orm(column_type = "String(StringLen::N(255))", unique)]
    pub registration_number: String,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub email: Option<String>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub phone: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub address: Option<String>,
    pub date_of_birth: Option<Date>,
    pub created_at: DateTimeUtc,
    #[sea_orm(has_many)]
    pub enrollments: HasMany<super::enrollment::Entity>,
    #[sea_orm(has_many)]
    pub payments: HasMany<super::payment::Entity>,
    #[sea_orm(has_many)]
    pub attendance: HasMany<super::attendance::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
