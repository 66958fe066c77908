//! Attendance.

use sea_orm::entity::prelude::*;

/// Whether a student was there on a day of a course.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attendance")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique_key = "student_course_date")]
    pub student_id: i64,
    #[sea_orm(unique_key = "student_course_date", indexed)]
    pub course_id: i64,
    #[sea_orm(unique_key = "student_course_date")]
    pub date: Date,
    pub status: AttendanceStatus,
    #[sea_orm(belongs_to, from = "student_id", to = "id")]
    pub student: BelongsTo<super::student::Entity>,
    #[sea_orm(belongs_to, from = "course_id", to = "id")]
    pub course: BelongsTo<super::course::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Whether the student was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum AttendanceStatus {
    #[sea_orm(string_value = "present")]
    Present,
    #[sea_orm(string_value = "absent")]
    Absent,
    #[sea_orm(string_value = "leave")]
    Leave,
}
