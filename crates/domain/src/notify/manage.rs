//! Notifications for administrators: create, list, edit, delete, and try one.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::event::{Event, EventKind, TestMessage};
use super::messenger::{AttachmentChoice, Messenger, NO_MAIL_SERVER, NotifySettings, OutgoingMessage, Target};
use super::outbox::{MessagesToDelete, delete_messages};
use super::secret::{SecretPlace, SecretsKey};
use super::smtp::MailAddress;
use super::view::{NotificationDetails, NotificationPage, addresses, details};
use super::{network, webhook};
use crate::account::{Actor, Admin};
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::notification::{ActiveModel, Column, Entity, Model, NotificationKind};
use crate::error::{Error, Result};
use crate::job::Idempotency;
use crate::operations::check_text;
use crate::store::Store;

/// How many characters a name may have.
const MAX_NAME: usize = 100;

/// How many addresses a mail may go to.
const MAX_ADDRESSES: usize = 10;

/// How many characters an address may have (RFC 5321).
const MAX_ADDRESS: usize = 254;

/// The column of secrets, to which each secret is bound.
const SECRET_COLUMN: &str = "backup_notifications.secret";

/// A notification to be created or tried.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// A name that no other notification has.
    pub name: String,
    /// How it is sent.
    pub kind: NotificationKind,
    /// The addresses of an email; empty otherwise.
    pub to: Vec<String>,
    /// The URL of a webhook or a ping.
    pub url: Option<String>,
    /// The events; none for the defaults. A ping has its own.
    pub events: Option<Vec<EventKind>>,
    /// The secret of a webhook; none for a new one.
    pub secret: Option<SecretString>,
    /// Whether mails about backups carry the archive.
    pub attach_archive: bool,
    /// Whether it is sent.
    pub enabled: bool,
}

/// New values of a notification: `None` leaves one unchanged.
#[derive(Clone, Debug, Default)]
pub struct NotificationPatch {
    /// A name that no other notification has.
    pub name: Option<String>,
    /// The addresses of an email.
    pub to: Option<Vec<String>>,
    /// The URL of a webhook or a ping.
    pub url: Option<String>,
    /// The events.
    pub events: Option<Vec<EventKind>>,
    /// The secret of a webhook.
    pub secret: Option<SecretString>,
    /// Whether mails about backups carry the archive.
    pub attach_archive: Option<bool>,
    /// Whether it is sent.
    pub enabled: Option<bool>,
}

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// Whether the server has accepted the message.
    pub delivered: bool,
    /// What the server said, as a sentence.
    pub detail: String,
}

/// Whether the key opens the stored secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretsKeyState {
    /// It opens all of them.
    Usable,
    /// It opens not all of them, or there is no key.
    Wrong,
}

/// The notifications of an installation. Cloning is cheap.
#[derive(Clone)]
pub struct Notifications(Arc<NotificationsInner>);

struct NotificationsInner {
    database: Database,
    clock: Clock,
    messenger: Messenger,
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

    /// Creates a notification. The answer has the secret of a webhook, which is shown at no other time.
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
        let actor = Actor::from(admin);
        let now = self.0.clock.now();
        let (idempotency_key, fingerprint) = idempotency.map(|idempotency| idempotency.stored(&actor)).unzip();
        let created_by = actor.username().to_owned();
        let earlier = async || match &idempotency_key {
            Some(key) => self.created_with(&created_by, key, fingerprint.as_deref()).await,
            None => Ok(None),
        };
        if let Some(earlier) = earlier().await? {
            return self.with_secret(earlier).await;
        }
        let secret = self.checked(&new).await?;
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
            created_by: ActiveValue::Set(created_by.clone()),
            idempotency_key: ActiveValue::Set(idempotency_key.clone()),
            fingerprint: ActiveValue::Set(fingerprint.clone()),
            last_sent_at: ActiveValue::Set(None),
            last_error: ActiveValue::Set(None),
            failing_since: ActiveValue::Set(None),
        };
        let transaction = self.0.database.begin_write(doing).await?;
        let id = match Entity::insert(row).exec(&transaction).await {
            Ok(inserted) => inserted.last_insert_id,
            Err(error) if is_taken(&error) => {
                transaction.rollback().await.map_err(Error::database(doing))?;
                // The same request may have been faster, or another notification has the name.
                let earlier = earlier().await?.ok_or(Error::NotificationNameTaken)?;
                return self.with_secret(earlier).await;
            }
            Err(error) => return Err(Error::database(doing)(error)),
        };
        if let Some(secret) = &secret {
            // Bound to the row, whose id is known only now.
            let stored = self.encrypted(id, secret)?;
            let written = Entity::update_many()
                .col_expr(Column::Secret, Expr::value(stored))
                .filter(Column::Id.eq(id))
                .exec(&transaction)
                .await;
            written.map_err(Error::database(doing))?;
        }
        transaction.commit().await.map_err(Error::database(doing))?;
        self.with_secret(self.row(id).await?).await
    }

    /// The notification that the same request has created before.
    async fn created_with(&self, created_by: &str, key: &str, fingerprint: Option<&str>) -> Result<Option<Model>> {
        let found = Entity::find()
            .filter(Column::CreatedBy.eq(created_by))
            .filter(Column::IdempotencyKey.eq(key))
            .one(self.0.database.connection())
            .await
            .map_err(Error::database(
                "looking for an earlier notification of the same request",
            ))?;
        match found {
            Some(found) if found.fingerprint.as_deref() != fingerprint => Err(Error::IdempotencyMismatch),
            found => Ok(found),
        }
    }

    /// Lists notifications by name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(&self, _: &Admin, limit: u64, offset: u64) -> Result<NotificationPage> {
        let doing = "listing notifications";
        let connection = self.0.database.connection();
        let total = Entity::find().count(connection).await.map_err(Error::database(doing))?;
        let rows = Entity::find()
            .order_by_asc(Column::Name)
            .limit(limit)
            .offset(offset)
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        Ok(NotificationPage {
            items: details(connection, rows).await?,
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
    pub async fn find(&self, admin: &Admin, name_or_id: &str) -> Result<NotificationDetails> {
        let doing = "looking for a notification by its name";
        // PostgreSQL would not accept every text.
        check_name(name_or_id).map_err(|_| Error::UnknownNotification)?;
        let named = Entity::find().filter(Column::Name.eq(name_or_id));
        let named = named.one(self.0.database.connection()).await;
        match named.map_err(Error::database(doing))? {
            Some(named) => self.details(named).await,
            None => {
                let id = name_or_id.parse().map_err(|_| Error::UnknownNotification)?;
                self.get(admin, id).await
            }
        }
    }

    /// Edits a notification. When it is disabled, its messages that wait are not sent.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::UnknownNotification`], [`Error::Invalid`] with the name of the field, and
    /// [`Error::NotificationNameTaken`].
    pub async fn update(&self, _: &Admin, id: i64, patch: NotificationPatch) -> Result<NotificationDetails> {
        let doing = "editing a notification";
        let now = self.0.clock.now();
        // Checked before the transaction, because a name may have to be resolved. The kind of a notification never changes.
        self.check_patch(&self.row(id).await?, &patch).await?;
        let transaction = self.0.database.begin_write(doing).await?;
        let before = lock(&transaction, id, now).await?;
        let secret = match &patch.secret {
            Some(secret) => Some(self.encrypted(id, secret)?),
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
            ..before
        };
        let updated = after.into_active_model().reset_all().update(&transaction).await;
        let updated = match updated {
            Ok(updated) => updated,
            Err(error) if is_taken(&error) => return Err(Error::NotificationNameTaken),
            Err(error) => return Err(Error::database(doing)(error)),
        };
        if !enabled {
            delete_messages(&transaction, id, MessagesToDelete::Waiting).await?;
        }
        transaction.commit().await.map_err(Error::database(doing))?;
        self.details(updated).await
    }

    /// Deletes a notification and its messages.
    ///
    /// # Errors
    /// [`Error::UnknownNotification`].
    pub async fn delete(&self, _: &Admin, id: i64) -> Result<()> {
        let doing = "deleting a notification";
        let transaction = self.0.database.begin_write(doing).await?;
        let deleted = Entity::delete_by_id(id).exec(&transaction).await;
        if deleted.map_err(Error::database(doing))?.rows_affected == 0 {
            return Err(Error::UnknownNotification);
        }
        delete_messages(&transaction, id, MessagesToDelete::All).await?;
        transaction.commit().await.map_err(Error::database(doing))
    }

    /// Sends a test message to a target that is not saved, and returns what the server said.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub async fn try_new(&self, admin: &Admin, new: NewNotification) -> Result<TestOutcome> {
        let secret = self.checked(&new).await?;
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

    /// Sends a test message to the target of a notification, also if it is disabled, and returns what the server said.
    ///
    /// # Errors
    /// [`Error::UnknownNotification`].
    pub async fn try_saved(&self, admin: &Admin, id: i64) -> Result<TestOutcome> {
        let notification = self.row(id).await?;
        match target(&notification, self.0.messenger.settings.key.as_ref()) {
            Ok(target) => Ok(self.try_target(admin, notification.name, &target).await),
            Err(problem) => Ok(TestOutcome {
                delivered: false,
                detail: problem.to_owned(),
            }),
        }
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

    /// Whether the key opens all stored secrets. It is for health checks.
    ///
    /// # Errors
    /// Database errors.
    pub async fn check_secrets_key(&self) -> Result<SecretsKeyState> {
        let rows = Entity::find()
            .filter(Column::Secret.is_not_null())
            .all(self.0.database.connection())
            .await
            .map_err(Error::database("reading the secrets of notifications"))?;
        let key = self.0.messenger.settings.key.as_ref();
        match rows.iter().all(|row| target(row, key).is_ok()) {
            true => Ok(SecretsKeyState::Usable),
            false => Ok(SecretsKeyState::Wrong),
        }
    }

    /// Checks a new notification, and returns the secret that it gets.
    async fn checked(&self, new: &NewNotification) -> Result<Option<SecretString>> {
        check_name(&new.name)?;
        let patch = NotificationPatch {
            to: (!new.to.is_empty()).then(|| new.to.clone()),
            url: new.url.clone(),
            events: new.events.clone(),
            secret: new.secret.clone(),
            attach_archive: new.attach_archive.then_some(true),
            ..NotificationPatch::default()
        };
        match new.kind {
            NotificationKind::Email if new.to.is_empty() => {
                return Err(invalid("to", "is missing: an email needs an address"));
            }
            NotificationKind::Webhook | NotificationKind::Ping if new.url.is_none() => {
                return Err(invalid("url", "is missing: a webhook or a ping needs a URL"));
            }
            _ => {}
        }
        if new.kind == NotificationKind::Email && self.0.messenger.settings.smtp.is_none() {
            return Err(invalid(
                "kind",
                format!("can't be email. {}", NO_MAIL_SERVER.trim_end_matches('.')),
            ));
        }
        self.check_values(new.kind, &patch).await?;
        if new.kind != NotificationKind::Webhook {
            return Ok(None);
        }
        self.key()?;
        Ok(Some(new.secret.clone().unwrap_or_else(webhook::new_secret)))
    }

    async fn check_patch(&self, before: &Model, patch: &NotificationPatch) -> Result<()> {
        patch.name.as_deref().map_or(Ok(()), check_name)?;
        if patch.to.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid("to", "must not be empty"));
        }
        self.check_values(before.kind, patch).await
    }

    async fn check_values(&self, kind: NotificationKind, values: &NotificationPatch) -> Result<()> {
        let is_email = kind == NotificationKind::Email;
        if let Some(to) = &values.to {
            if !is_email {
                return Err(invalid("to", "is for an email only"));
            }
            check_addresses(to)?;
        }
        if let Some(url) = &values.url {
            if is_email {
                return Err(invalid("url", "is for a webhook or a ping only"));
            }
            let parsed = network::parse(url)?;
            let checked = network::check(&parsed, self.0.messenger.settings.local_targets).await;
            checked.map_err(|problem| invalid("url", format!("can't be used: {}", problem.trim_end_matches('.'))))?;
        }
        match (&values.events, kind) {
            (Some(_), NotificationKind::Ping) => {
                return Err(invalid(
                    "events",
                    "is not for a ping, which reports the start and the end of backups",
                ));
            }
            (Some(events), _) if events.is_empty() => return Err(invalid("events", "must not be empty")),
            (Some(events), _) if !events.iter().all(|event| EventKind::CHOICES.contains(event)) => {
                return Err(invalid("events", "has an event that can't be chosen"));
            }
            _ => {}
        }
        if let Some(secret) = &values.secret {
            if kind != NotificationKind::Webhook {
                return Err(invalid("secret", "is for a webhook only"));
            }
            webhook::check_secret(secret)?;
            self.key()?;
        }
        match values.attach_archive {
            Some(true) if !is_email => Err(invalid("attach_archive", "is for an email only")),
            _ => Ok(()),
        }
    }

    fn key(&self) -> Result<&SecretsKey> {
        let missing = || {
            invalid(
                "secret",
                "can't be stored: this program has no key for secrets. Start the service once, which makes one in the data folder",
            )
        };
        self.0.messenger.settings.key.as_ref().ok_or_else(missing)
    }

    fn encrypted(&self, id: i64, secret: &SecretString) -> Result<String> {
        let place = place(id);
        let encrypted = self.key()?.encrypt(place, secret);
        encrypted.map_err(|_| Error::internal("encrypting a secret")("the library refuses the key"))
    }

    async fn row(&self, id: i64) -> Result<Model> {
        let row = Entity::find_by_id(id).one(self.0.database.connection()).await;
        row.map_err(Error::database("reading a notification"))?
            .ok_or(Error::UnknownNotification)
    }

    async fn details(&self, notification: Model) -> Result<NotificationDetails> {
        let details = details(self.0.database.connection(), vec![notification]).await?;
        details.into_iter().next().ok_or(Error::UnknownNotification)
    }

    /// The answer to a creation, also if the same request is sent again because the first answer was lost.
    async fn with_secret(&self, notification: Model) -> Result<NotificationDetails> {
        let target = target(&notification, self.0.messenger.settings.key.as_ref());
        let secret = match target {
            Ok(Target::Webhook { secret, .. }) => Some(secret),
            _ => None,
        };
        Ok(NotificationDetails {
            secret,
            ..self.details(notification).await?
        })
    }
}

impl NewNotification {
    fn target(&self) -> String {
        match self.kind {
            NotificationKind::Email => json!(self.to).to_string(),
            NotificationKind::Webhook | NotificationKind::Ping => self.url.clone().unwrap_or_default(),
        }
    }
}

impl NotificationKind {
    /// The events of a notification, by those that its creator has named.
    fn events(self, named: Option<Vec<EventKind>>) -> Vec<EventKind> {
        let mut events = match self {
            Self::Ping => EventKind::OF_PINGS.to_vec(),
            Self::Email | Self::Webhook => named.unwrap_or_else(EventKind::defaults),
        };
        events.sort();
        events.dedup();
        events
    }
}

/// What the messages of a notification are sent to.
///
/// # Errors
/// The problem, as a sentence: the key does not open the secret.
pub(super) fn target(notification: &Model, key: Option<&SecretsKey>) -> Result<Target, &'static str> {
    const WRONG_KEY: &str = "The secret of this webhook can't be read with the key of this service. Give the service the key that \
                             it had (--secrets-key-file), or enter the secret again.";
    let url = notification.target.clone();
    match notification.kind {
        NotificationKind::Email => Ok(Target::Email {
            to: addresses(notification),
            attachment: match notification.attach_archive {
                true => AttachmentChoice::Archive,
                false => AttachmentChoice::None,
            },
        }),
        NotificationKind::Ping => Ok(Target::Ping { url }),
        NotificationKind::Webhook => {
            let stored = notification.secret.as_deref().ok_or(WRONG_KEY)?;
            let secret = key.ok_or(WRONG_KEY)?.decrypt(place(notification.id), stored);
            let secret = secret.map_err(|_| WRONG_KEY)?;
            Ok(Target::Webhook { url, secret })
        }
    }
}

fn place(id: i64) -> SecretPlace {
    SecretPlace {
        column: SECRET_COLUMN,
        row: id,
    }
}

/// Reads a notification that no other transaction changes until the end of this one.
async fn lock(transaction: &DatabaseTransaction, id: i64, now: DateTime<Utc>) -> Result<Model> {
    let doing = "reading a notification in order to edit it";
    // The update takes the lock on every engine.
    let touched = Entity::update_many()
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(transaction)
        .await;
    if touched.map_err(Error::database(doing))?.rows_affected == 0 {
        return Err(Error::UnknownNotification);
    }
    let row = Entity::find_by_id(id).one(transaction).await;
    row.map_err(Error::database(doing))?.ok_or(Error::UnknownNotification)
}

fn check_name(name: &str) -> Result<()> {
    check_text("name", name, MAX_NAME, |_| false)
}

fn check_addresses(to: &[String]) -> Result<()> {
    if to.len() > MAX_ADDRESSES {
        return Err(invalid("to", format!("has more than {MAX_ADDRESSES} addresses")));
    }
    for (position, address) in to.iter().enumerate() {
        if address.len() > MAX_ADDRESS {
            return Err(invalid("to", "has an address that is too long"));
        }
        MailAddress::parse(address).map_err(|problem| invalid("to", problem))?;
        if to[..position].contains(address) {
            return Err(invalid("to", "has an address twice"));
        }
    }
    Ok(())
}

fn invalid(field: &'static str, problem: impl Into<String>) -> Error {
    Error::Invalid {
        field,
        problem: problem.into(),
    }
}

fn is_taken(error: &sea_orm::DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications")
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
