//! The outbox: messages of notifications, see [`notify`](crate::notify).

use sea_orm::entity::prelude::*;

/// One message: one event for one notification.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique_key = "event")]
    pub notification_id: i64,
    /// The id of the event, a UUID of version 7. It is the same in each attempt and for each notification.
    #[sea_orm(column_type = "String(StringLen::N(36))", unique_key = "event")]
    pub event_id: String,
    /// The word of the event.
    #[sea_orm(column_type = "String(StringLen::N(32))")]
    pub event: String,
    /// The event, as JSON.
    #[sea_orm(column_type = "Text")]
    pub payload: String,
    pub created_at: DateTimeUtc,
    #[sea_orm(indexed)]
    pub state: MessageState,
    /// How many attempts have begun.
    pub attempts: i64,
    pub next_attempt_at: DateTimeUtc,
    /// Until when a copy of the service has it for itself, to send it.
    pub claimed_until: Option<DateTimeUtc>,
    /// A JSON list of the addresses that have it already, if others don't.
    #[sea_orm(column_type = "Text")]
    pub delivered_to: Option<String>,
    /// Why the last attempt failed.
    #[sea_orm(column_type = "Text")]
    pub last_error: Option<String>,
    pub sent_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum MessageState {
    /// It was not sent yet.
    Waiting,
    /// It was sent.
    Sent,
    /// All attempts failed, or it came too late.
    Failed,
}
