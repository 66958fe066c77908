//! Enrollments.

use sea_orm::entity::prelude::*;

/// A student's place in a course.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "enrollments")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique_key = "student_course")]
    pub student_id: i64,
    #[sea_orm(unique_key = "student_course", indexed)]
    pub course_id: i64,
    pub enrolled_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "student_id", to = "id")]
    pub student: BelongsTo<super::student::Entity>,
    #[sea_orm(belongs_to, from = "course_id", to = "id")]
    pub course: BelongsTo<super::course::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
