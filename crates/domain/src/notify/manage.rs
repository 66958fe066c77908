//! Notifications for administrators: create, list, edit and delete.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ActiveModelTrait as _, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;

use super::messenger::{Messenger, NotifySettings};
use super::outbox::{MessagesToDelete, delete_messages};
use super::target::Target;
use super::values::{NewNotification, NotificationPatch};
use super::view::{NotificationDetails, NotificationPage, details};
use crate::account::{Actor, Admin};
use crate::audit::{AuditEntry, AuditEvent};
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::notification::{ActiveModel, Column, Entity, Model, NotificationKind};
use crate::error::{Error, Result};
use crate::job::Idempotency;
use crate::named::{self, Insertion, RowOrigin};
use crate::store::Store;

/// For how long after a creation the same request gets the secret once more. A client that lost the answer asks again within
/// minutes. Later, an idempotency key in a log must not disclose a secret that is in use.
pub const SECRET_REPLAY: TimeDelta = TimeDelta::minutes(15);

/// The notifications of an installation. Cloning is cheap.
#[derive(Clone)]
pub struct Notifications(pub(super) Arc<NotificationsInner>);

pub(super) struct NotificationsInner {
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) messenger: Messenger,
}

impl Notifications {
    /// The notifications of a database. This reads and writes nothing.
    pub fn new(database: Database, store: Store, clock: Clock, settings: NotifySettings) -> Self {
        Self(Arc::new(NotificationsInner {
            database,
            clock,
            messenger: Messenger::new(settings, store),
        }))
    }

    /// Creates a notification. The answer has the secret of a webhook, which is shown at no other time. The same request gets it
    /// once more for [`SECRET_REPLAY`], in case the first answer was lost, unless the notification was edited since.
    ///
    /// # Errors
    /// Then nothing is created: [`Error::Invalid`] with the name of the field, [`Error::NotificationNameTaken`], and
    /// [`Error::IdempotencyMismatch`].
    pub async fn create(
        &self,
        admin: &Admin,
        new: NewNotification,
        idempotency: Option<Idempotency>,
    ) -> Result<NotificationDetails> {
        let doing = "creating a notification";
        let now = self.0.clock.now();
        let origin = RowOrigin::new(&Actor::from(admin), idempotency);
        if let Some(earlier) = named::created_before::<Entity>(&self.0.database, &origin).await? {
            return self.replayed(earlier, now).await;
        }
        let secret = new.checked(&self.0.messenger.settings).await?;
        let name = new.name.clone();
        let row = ActiveModel {
            id: ActiveValue::NotSet,
            name: ActiveValue::Set(new.name.clone()),
            kind: ActiveValue::Set(new.kind),
            target: ActiveValue::Set(new.target()),
            events: ActiveValue::Set(json!(new.kind.events(new.events)).to_string()),
            secret: ActiveValue::Set(None),
            attach_archive: ActiveValue::Set(new.attach_archive),
            enabled: ActiveValue::Set(new.enabled),
            created_at: ActiveValue::Set(now),
            updated_at: ActiveValue::Set(now),
            created_by: ActiveValue::Set(origin.created_by.clone()),
            idempotency_key: ActiveValue::Set(origin.idempotency_key.clone()),
            fingerprint: ActiveValue::Set(origin.fingerprint.clone()),
            last_sent_at: ActiveValue::Set(None),
            last_error: ActiveValue::Set(None),
            failing_since: ActiveValue::Set(None),
        };
        let (transaction, id) = match named::insert::<Entity>(&self.0.database, row, &origin).await? {
            Insertion::Inserted { transaction, id } => (transaction, id),
            Insertion::Earlier(earlier) => return self.replayed(earlier, now).await,
        };
        if let Some(secret) = &secret {
            // Bound to the row, whose id is known only now.
            let stored = self.0.messenger.settings.encrypted(id, secret)?;
            let written = Entity::update_many()
                .col_expr(Column::Secret, Expr::value(stored))
                .filter(Column::Id.eq(id))
                .exec(&transaction)
                .await;
            written.map_err(Error::database(doing))?;
        }
        let event = AuditEntry::by(admin, AuditEvent::NotificationCreation)
            .about(id)
            .with("name", name);
        event.commit(transaction, doing).await?;
        self.with_secret(self.row(id).await?).await
    }

    /// Lists notifications by name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(&self, _: &Admin, limit: u64, offset: u64) -> Result<NotificationPage> {
        let (rows, total) = named::list::<Entity>(&self.0.database, limit, offset).await?;
        Ok(NotificationPage {
            items: details(self.0.database.connection(), rows).await?,
            total,
        })
    }

    /// One notification.
    ///
    /// # Errors
    /// [`Error::UnknownNotification`].
    pub async fn get(&self, _: &Admin, id: i64) -> Result<NotificationDetails> {
        self.details(self.row(id).await?).await
    }

    /// The notification with this name, or else with this id.
    ///
    /// # Errors
    /// [`Error::UnknownNotification`].
    pub async fn find(&self, _: &Admin, name_or_id: &str) -> Result<NotificationDetails> {
        self.details(named::find::<Entity>(&self.0.database, name_or_id).await?)
            .await
    }

    /// Edits a notification. When it is disabled, its messages that wait are not sent.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::UnknownNotification`], [`Error::Invalid`] with the name of the field, and
    /// [`Error::NotificationNameTaken`].
    pub async fn update(&self, admin: &Admin, id: i64, patch: NotificationPatch) -> Result<NotificationDetails> {
        let doing = "editing a notification";
        let now = self.0.clock.now();
        // Checked before the transaction, because a name may have to be resolved. The kind of a notification never changes.
        let kind = self.row(id).await?.kind;
        patch.check(kind, &self.0.messenger.settings).await?;
        let transaction = self.0.database.begin_write(doing).await?;
        let before = named::lock::<Entity>(&transaction, id).await?;
        let changed = [
            ("name", patch.name.is_some()),
            ("to", patch.to.is_some()),
            ("url", patch.url.is_some()),
            ("events", patch.events.is_some()),
            ("secret", patch.secret.is_some()),
            ("attach_archive", patch.attach_archive.is_some()),
            ("enabled", patch.enabled.is_some()),
        ];
        let secret = match &patch.secret {
            Some(secret) => Some(self.0.messenger.settings.encrypted(id, secret)?),
            None => before.secret.clone(),
        };
        let target = match (before.kind, patch.to, patch.url) {
            (NotificationKind::Email, Some(to), _) => json!(to).to_string(),
            (NotificationKind::Webhook | NotificationKind::Ping, _, Some(url)) => url,
            _ => before.target.clone(),
        };
        let enabled = patch.enabled.unwrap_or(before.enabled);
        let after = Model {
            name: patch.name.unwrap_or_else(|| before.name.clone()),
            target,
            events: match patch.events {
                Some(events) => json!(before.kind.events(Some(events))).to_string(),
                None => before.events.clone(),
            },
            secret,
            attach_archive: patch.attach_archive.unwrap_or(before.attach_archive),
            enabled,
            updated_at: now,
            ..before
        };
        let updated = after.into_active_model().reset_all().update(&transaction).await;
        let updated = updated.map_err(named::update_error::<Entity>(doing))?;
        if !enabled {
            delete_messages(&transaction, id, MessagesToDelete::Waiting).await?;
        }
        let event = AuditEntry::by(admin, AuditEvent::NotificationChange)
            .about(id)
            .with("name", updated.name.as_str())
            .changing(changed);
        event.commit(transaction, doing).await?;
        self.details(updated).await
    }

    /// Deletes a notification and its messages.
    ///
    /// # Errors
    /// [`Error::UnknownNotification`].
    pub async fn delete(&self, admin: &Admin, id: i64) -> Result<()> {
        let doing = "deleting a notification";
        let transaction = self.0.database.begin_write(doing).await?;
        let name = named::lock::<Entity>(&transaction, id).await?.name;
        named::delete::<Entity>(&transaction, id).await?;
        delete_messages(&transaction, id, MessagesToDelete::All).await?;
        let event = AuditEntry::by(admin, AuditEvent::NotificationDeletion)
            .about(id)
            .with("name", name);
        event.commit(transaction, doing).await
    }

    pub(super) async fn row(&self, id: i64) -> Result<Model> {
        named::get::<Entity>(&self.0.database, id).await
    }

    async fn details(&self, notification: Model) -> Result<NotificationDetails> {
        let details = details(self.0.database.connection(), vec![notification]).await?;
        details.into_iter().next().ok_or(Error::UnknownNotification)
    }

    /// The answer to a creation that is sent again.
    async fn replayed(&self, notification: Model, now: DateTime<Utc>) -> Result<NotificationDetails> {
        let is_new = notification.updated_at == notification.created_at
            && (now - notification.created_at).abs() <= SECRET_REPLAY;
        match is_new {
            true => self.with_secret(notification).await,
            false => self.details(notification).await,
        }
    }

    /// The answer to a creation.
    async fn with_secret(&self, notification: Model) -> Result<NotificationDetails> {
        let secret = match Target::of(&notification, self.0.messenger.settings.key.as_ref()) {
            Ok(Target::Webhook { secret, .. }) => Some(secret),
            _ => None,
        };
        Ok(NotificationDetails {
            secret,
            ..self.details(notification).await?
        })
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications")
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
