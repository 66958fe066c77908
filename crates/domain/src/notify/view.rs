//! Notifications as they are shown. No secret is among it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::event::EventKind;
use crate::entity::notification::{Model as Notification, NotificationKind};
use crate::entity::outbox::{Column, Entity, MessageState};
use crate::error::{Error, Result};
use crate::secret::expose;

/// A notification.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Notification, example = json!({
    "id": 1, "name": "Office", "kind": "email", "to": ["office@school.example"], "url": null,
    "events": ["backup_failed", "backup_stale", "backup_well_again", "archive_suspicious"], "attach_archive": false,
    "enabled": true, "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z", "created_by": "admin",
    "last_sent_at": "2026-11-29T01:00:09Z", "last_error": null, "failing_since": null, "waiting": 0, "secret": null,
}))]
pub struct NotificationDetails {
    /// Its id.
    pub id: i64,
    /// Its name. No other notification has it.
    pub name: String,
    /// How it is sent.
    pub kind: NotificationKind,
    /// The mail addresses of an email. It is empty for a webhook and a ping.
    pub to: Vec<String>,
    /// The URL of a webhook or a ping.
    #[schema(required = true)]
    pub url: Option<String>,
    /// The events that it is about.
    pub events: Vec<EventKind>,
    /// Whether mails about backups carry the archive.
    pub attach_archive: bool,
    /// Whether it is sent.
    pub enabled: bool,
    /// When it was created, UTC.
    pub created_at: DateTime<Utc>,
    /// When it was edited, or created, UTC.
    pub updated_at: DateTime<Utc>,
    /// The user that created it.
    pub created_by: String,
    /// When its last message was sent, UTC.
    #[schema(required = true)]
    pub last_sent_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed. It is `null` after a success.
    #[schema(required = true)]
    pub last_error: Option<String>,
    /// Since when all attempts have failed, UTC. It is `null` after a success.
    #[schema(required = true)]
    pub failing_since: Option<DateTime<Utc>>,
    /// How many messages wait to be sent.
    pub waiting: u64,
    /// The secret that signs a webhook, in the answer to its creation. Other answers have `null`: store it now.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = Option<String>, required = true)]
    pub secret: Option<SecretString>,
}

/// A page of a list of notifications, by name.
#[derive(Clone, Debug)]
pub struct NotificationPage {
    /// The notifications of the page.
    pub items: Vec<NotificationDetails>,
    /// How many notifications there are.
    pub total: u64,
}

/// The addresses of an email notification.
pub(super) fn addresses(notification: &Notification) -> Vec<String> {
    match notification.kind {
        // This program has written the list.
        NotificationKind::Email => serde_json::from_str(&notification.target).unwrap_or_default(),
        NotificationKind::Webhook | NotificationKind::Ping => Vec::new(),
    }
}

/// Adds the number of waiting messages to notifications.
pub(super) async fn details(
    connection: &impl ConnectionTrait,
    notifications: Vec<Notification>,
) -> Result<Vec<NotificationDetails>> {
    let ids = notifications.iter().map(|notification| notification.id);
    let waiting: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::NotificationId)
        .column_as(Column::Id.count(), "waiting")
        .filter(Column::NotificationId.is_in(ids))
        .filter(Column::State.eq(MessageState::Waiting))
        .group_by(Column::NotificationId)
        .into_tuple()
        .all(connection)
        .await
        .map_err(Error::database("counting the messages of notifications"))?;
    let waiting: BTreeMap<i64, i64> = waiting.into_iter().collect();
    let details = notifications.into_iter().map(|notification| {
        let words: Vec<String> = serde_json::from_str(&notification.events).unwrap_or_default();
        NotificationDetails {
            to: addresses(&notification),
            url: match notification.kind {
                NotificationKind::Email => None,
                NotificationKind::Webhook | NotificationKind::Ping => Some(notification.target),
            },
            events: words.iter().filter_map(|word| EventKind::from_word(word)).collect(),
            waiting: waiting.get(&notification.id).map_or(0, |count| count.unsigned_abs()),
            id: notification.id,
            name: notification.name,
            kind: notification.kind,
            attach_archive: notification.attach_archive,
            enabled: notification.enabled,
            created_at: notification.created_at,
            updated_at: notification.updated_at,
            created_by: notification.created_by,
            last_sent_at: notification.last_sent_at,
            last_error: notification.last_error,
            failing_since: notification.failing_since,
            secret: None,
        }
    });
    Ok(details.collect())
}
