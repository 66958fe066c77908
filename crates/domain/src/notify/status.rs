//! What the health needs to know about notifications: which are not delivered, and whose secret can't be read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::manage::Notifications;
use super::target::Target;
use crate::entity::notification;
use crate::entity::outbox::{Column, Entity, MessageState};
use crate::error::{Error, Result};

/// What is being done, for errors.
const DOING: &str = "reading the notifications for the health";

/// An enabled notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationStatus {
    /// Its name.
    pub name: String,
    /// Since when it has messages that are not delivered; none while all are.
    pub undelivered_since: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// The secret of a webhook.
    pub secret: SecretState,
}

/// Whether the key of this program opens the secret of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretState {
    /// It does, or the notification has no secret.
    Readable,
    /// It does not.
    Unreadable,
    /// This program has no key. The service always has one, and a command may not be allowed to read it.
    Unknown,
}

impl Notifications {
    /// The enabled notifications, by name. It is for the health.
    ///
    /// # Errors
    /// Database errors.
    pub async fn statuses(&self) -> Result<Vec<NotificationStatus>> {
        let connection = self.0.database.connection();
        let enabled = notification::Entity::find()
            .filter(notification::Column::Enabled.eq(true))
            .order_by_asc(notification::Column::Name)
            .all(connection)
            .await
            .map_err(Error::database(DOING))?;
        let oldest: Vec<(i64, DateTime<Utc>)> = Entity::find()
            .select_only()
            .column(Column::NotificationId)
            .column_as(Column::CreatedAt.min(), "oldest")
            .filter(Column::State.eq(MessageState::Waiting))
            .group_by(Column::NotificationId)
            .into_tuple()
            .all(connection)
            .await
            .map_err(Error::database(DOING))?;
        let oldest: BTreeMap<_, _> = oldest.into_iter().collect();
        let key = self.0.messenger.settings.key.as_ref();
        let status = |notification: notification::Model| NotificationStatus {
            secret: match (notification.secret.is_some(), key) {
                (false, _) => SecretState::Readable,
                (true, None) => SecretState::Unknown,
                (true, key) => match Target::of(&notification, key) {
                    Ok(_) => SecretState::Readable,
                    Err(_) => SecretState::Unreadable,
                },
            },
            undelivered_since: [notification.failing_since, oldest.get(&notification.id).copied()]
                .into_iter()
                .flatten()
                .min(),
            name: notification.name,
            last_error: notification.last_error,
        };
        Ok(enabled.into_iter().map(status).collect())
    }
}
