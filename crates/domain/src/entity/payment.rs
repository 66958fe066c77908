//! Payments.

use sea_orm::entity::prelude::*;

/// Money that a student paid or owes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payments")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(indexed)]
    pub student_id: i64,
    #[sea_orm(indexed)]
    pub category_id: i64,
    #[sea_orm(column_type = "Decimal(Some((12, 2)))")]
    pub amount_paid: Decimal,
    pub payment_date: DateTimeUtc,
    pub status: PaymentStatus,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub transaction_id: Option<String>,
    #[sea_orm(belongs_to, from = "student_id", to = "id")]
    pub student: BelongsTo<super::student::Entity>,
    #[sea_orm(belongs_to, from = "category_id", to = "id")]
    pub category: BelongsTo<super::payment_category::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Whether the money has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum PaymentStatus {
    #[sea_orm(string_value = "paid")]
    Paid,
    #[sea_orm(string_value = "pending")]
    Pending,
    #[sea_orm(string_value = "partial_paid")]
    PartialPaid,
}
