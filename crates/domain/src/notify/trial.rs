//! Test messages: an administrator tries a notification, before or after it is saved.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::event::{Event, TestMessage};
use super::manage::Notifications;
use super::messenger::OutgoingMessage;
use super::target::{AttachmentChoice, Target};
use super::values::NewNotification;
use super::webhook;
use crate::account::Admin;
use crate::entity::notification::{Column, Entity, NotificationKind};
use crate::error::{Error, Result};

/// The result of a test message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NotificationTest, example = json!({
    "delivered": false, "detail": "The server answered with 404.",
}))]
pub struct TestOutcome {
    /// Whether the server has accepted the message.
    pub delivered: bool,
    /// What the server said, or why it could not be asked.
    pub detail: String,
}

impl Notifications {
    /// Sends a test message to a target that is not saved, and returns what the server said.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub async fn try_new(&self, admin: &Admin, new: NewNotification) -> Result<TestOutcome> {
        let secret = new.checked(&self.0.messenger.settings).await?;
        let target = match (new.kind, new.url) {
            (NotificationKind::Webhook, Some(url)) => Target::Webhook {
                url,
                secret: secret.unwrap_or_else(webhook::new_secret),
            },
            (NotificationKind::Ping, Some(url)) => Target::Ping { url },
            _ => Target::Email {
                to: new.to,
                attachment: AttachmentChoice::None,
            },
        };
        Ok(self.try_target(admin, new.name, &target).await)
    }

    /// Sends a test message to the target of a notification, also if it is disabled, and returns what the server said. If it has
    /// accepted the message, the notification is no longer failing.
    ///
    /// # Errors
    /// [`Error::UnknownNotification`], and database errors.
    pub async fn try_saved(&self, admin: &Admin, id: i64) -> Result<TestOutcome> {
        let notification = self.row(id).await?;
        let outcome = match Target::of(&notification, self.0.messenger.settings.key.as_ref()) {
            Ok(target) => self.try_target(admin, notification.name, &target).await,
            Err(problem) => TestOutcome {
                delivered: false,
                detail: problem.to_owned(),
            },
        };
        if outcome.delivered && notification.failing_since.is_some() {
            mark_working(self.0.database.connection(), id).await?;
        }
        Ok(outcome)
    }

    async fn try_target(&self, admin: &Admin, name: String, target: &Target) -> TestOutcome {
        let (event_id, now) = (Uuid::now_v7().to_string(), self.0.clock.now());
        let event = Event::Test(TestMessage {
            name,
            username: admin.username().to_owned(),
        });
        let message = OutgoingMessage {
            event_id: &event_id,
            message_id: event_id.clone(),
            event: &event,
            at: now,
            delivered_to: Vec::new(),
        };
        match self.0.messenger.send(target, &message, now).await {
            Ok(()) => TestOutcome {
                delivered: true,
                detail: match target {
                    Target::Email { .. } => "The mail server has accepted the mail.",
                    Target::Webhook { .. } | Target::Ping { .. } => "The server has accepted the request.",
                }
                .to_owned(),
            },
            Err(failure) => TestOutcome {
                delivered: false,
                detail: failure.detail,
            },
        }
    }
}

/// Writes that the target of a notification works.
async fn mark_working(connection: &impl ConnectionTrait, id: i64) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::LastError, Expr::value(None::<String>))
        .col_expr(Column::FailingSince, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::Id.eq(id))
        .exec(connection)
        .await
        .map(drop)
        .map_err(Error::database("writing that a notification works"))
}
