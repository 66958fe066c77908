//! Notifications, see [`notify`](crate::notify).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One notification: a target, and the events that are sent to it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_notifications")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "String(StringLen::N(100))", unique)]
    pub name: String,
    pub kind: NotificationKind,
    /// A JSON list of e-mail addresses, or the URL of a server.
    #[sea_orm(column_type = "Text")]
    pub target: String,
    /// A JSON list of the words of its events.
    #[sea_orm(column_type = "Text")]
    pub events: String,
    /// The secret that signs a webhook, encrypted, see `notify::secret`.
    #[sea_orm(column_type = "Text")]
    pub secret: Option<String>,
    /// Whether a mail about a backup has the archive as an attachment.
    pub attach_archive: bool,
    pub enabled: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    /// The name of the user who created it.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub created_by: String,
    /// The idempotency key of the request that created it.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub idempotency_key: Option<String>,
    /// SHA-256 of operation and body of that request, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub fingerprint: Option<String>,
    /// When its last message was sent.
    pub last_sent_at: Option<DateTimeUtc>,
    /// Why the last attempt failed; none after a success.
    #[sea_orm(column_type = "Text")]
    pub last_error: Option<String>,
    /// Since when all attempts have failed; none after a success.
    pub failing_since: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How a notification is sent. `email`: a mail to people. `webhook`: a signed JSON request (Standard Webhooks). `ping`: a
/// request to a service that monitors backups, such as healthchecks.io.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// A mail to people.
    Email,
    /// A signed request to a server.
    Webhook,
    /// A request to a service that monitors backups, such as healthchecks.io.
    Ping,
}
