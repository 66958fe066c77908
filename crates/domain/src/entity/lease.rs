//! The writer lease: one job at a time changes the live data, see [`job`](crate::job).

use sea_orm::entity::prelude::*;

/// A lease, held or free. A migration inserts its row, which is only updated afterwards.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_leases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(16))")]
    pub name: String,
    /// The job that holds it; none if it is free.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub job_id: Option<String>,
    /// The process that runs the job.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub runner: Option<String>,
    pub acquired_at: Option<DateTimeUtc>,
    /// When another job may take it over.
    pub expires_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
