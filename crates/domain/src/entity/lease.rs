//! Leases: exclusive rights of one process at a time, see [`job`](crate::job).

use sea_orm::entity::prelude::*;

/// A lease, held or free. Its row exists from the start and is only updated.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_leases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(16))")]
    pub name: String,
    /// The job that holds it; none if it is free.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub job_id: Option<String>,
    /// The process that does the job.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub runner: Option<String>,
    pub acquired_at: Option<DateTimeUtc>,
    /// When another process may take it over.
    pub expires_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
