//! Events of the audit, see [`audit`](crate::audit).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One event. It is never changed. Only the retention of the audit deletes it, from the oldest on.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
#[sea_orm(table_name = "backup_audit_events")]
pub struct Model {
    /// 1, 2, 3, ... without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    #[sea_orm(indexed)]
    pub at: DateTimeUtc,
    /// The name of an [`AuditEvent`](crate::audit::AuditEvent).
    #[sea_orm(column_type = "String(StringLen::N(32))")]
    pub event: String,
    /// The name of an [`AuditResult`](crate::audit::AuditResult).
    #[sea_orm(column_type = "String(StringLen::N(16))")]
    pub result: String,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub username: Option<String>,
    pub user_id: Option<i64>,
    /// The name of an [`AuditMethod`](crate::audit::AuditMethod).
    #[sea_orm(column_type = "String(StringLen::N(16))")]
    pub method: Option<String>,
    pub token_id: Option<i64>,
    /// The address of the client.
    #[sea_orm(column_type = "String(StringLen::N(45))")]
    pub client: Option<String>,
    /// The id of the archive, the account or what else the event is about.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub subject: Option<String>,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub table_name: Option<String>,
    /// The HTTP status.
    pub status: Option<i32>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub reason: Option<String>,
    /// Counts and digests, as JSON.
    #[sea_orm(column_type = "Text")]
    pub details: Option<String>,
    /// SHA-256 over the hash of the event before it and all columns, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
