//! Courses.

use sea_orm::entity::prelude::*;

/// A course that students enroll in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "courses")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "String(StringLen::N(255))", unique)]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub description: Option<String>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub instructor_name: Option<String>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub instructor_contact: Option<String>,
    #[sea_orm(column_type = "Decimal(Some((12, 2)))")]
    pub fee: Decimal,
    pub seats: i64,
    pub created_at: DateTimeUtc,
    #[sea_orm(has_many)]
    pub enrollments: HasMany<super::enrollment::Entity>,
    #[sea_orm(has_many)]
    pub attendance: HasMany<super::attendance::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
