//! Sends the messages of the outbox.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use sea_orm::EntityTrait as _;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::event::{Event, EventKind};
use super::manage::target;
use super::messenger::{Messenger, NotifySettings, OutgoingMessage, Target};
use super::outbox::{self, DeliveryFailure, LONGEST_CLAIM, MessagesToDelete};
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::notification::{self, Model as Notification, NotificationKind};
use crate::entity::outbox::Model as Message;
use crate::error::{Error, Result};
use crate::store::Store;

/// How many notifications are served at the same time. A server that does not answer delays only its own messages.
const AT_ONCE: usize = 8;

/// After this time a notification with more messages gives its place to others.
const TURN_TIME: Duration = Duration::from_secs(60);

/// For how long a message is left to other copies of the service, if this copy can't read its secret.
const OTHERS_FIRST: TimeDelta = TimeDelta::hours(1);

/// How long a message is claimed: for more than its longest time, so that a second copy sends it only after the first was
/// killed.
const MAIL_CLAIM: TimeDelta = LONGEST_CLAIM;
const WEB_CLAIM: TimeDelta = TimeDelta::minutes(3);

/// After this time the start of a backup is not sent any more.
const START_EXPIRES: TimeDelta = TimeDelta::minutes(10);

/// How often old messages are deleted.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How long the database has, after a message was sent, to take the note of it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
const WRITE_PAUSE: Duration = Duration::from_millis(500);

/// Sends the messages of the outbox. Each copy of the service has one. Cloning is cheap.
#[derive(Clone)]
pub struct DeliveryRunner(Arc<DeliveryInner>);

struct DeliveryInner {
    database: Database,
    messenger: Messenger,
    clock: Clock,
    places: Semaphore,
    /// The notifications that are served now.
    served: Mutex<BTreeSet<i64>>,
    /// The messages that were sent although the database does not say so yet.
    sent: Mutex<BTreeSet<i64>>,
    pruned: Mutex<Option<Instant>>,
}

impl DeliveryRunner {
    /// The runner of a copy of the service. This reads and writes nothing.
    pub fn new(database: Database, store: Store, clock: Clock, settings: NotifySettings) -> Self {
        Self(Arc::new(DeliveryInner {
            database,
            messenger: Messenger::new(settings, store),
            clock,
            places: Semaphore::new(AT_ONCE),
            served: Mutex::default(),
            sent: Mutex::default(),
            pruned: Mutex::default(),
        }))
    }

    /// Begins to send what is due, in a task of its own. The caller waits for no server.
    pub fn begin(&self) {
        let runner = self.clone();
        tokio::spawn(async move {
            if let Err(error) = runner.0.run().await {
                tracing::warn!(
                    error = super::causes(&error),
                    "messages could not be sent and are tried again"
                );
            }
        });
    }

    /// Sends what is due, except for notifications that are served already, and returns when each message was sent or its
    /// attempt has failed.
    ///
    /// # Errors
    /// The first error of the database. What it concerned is tried again at the next call.
    pub async fn deliver_due(&self) -> Result<()> {
        self.0.run().await
    }
}

impl DeliveryInner {
    async fn run(&self) -> Result<()> {
        let mut by_notification = BTreeMap::<i64, Vec<Message>>::new();
        for message in outbox::due(&self.database, self.clock.now()).await? {
            by_notification
                .entry(message.notification_id)
                .or_default()
                .push(message);
        }
        let delivered = stream::iter(by_notification)
            .map(|(id, messages)| self.deliver_in_turn(id, messages).boxed())
            .buffer_unordered(AT_ONCE)
            .fold(
                Ok(()),
                |result: Result<()>, delivered| async move { result.and(delivered) },
            )
            .await;
        delivered.and(self.prune_if_time().await)
    }

    /// Sends the messages of one notification, unless that is done already or all places are taken: then the next round does.
    async fn deliver_in_turn(&self, notification_id: i64, messages: Vec<Message>) -> Result<()> {
        let Ok(place) = self.places.try_acquire() else {
            return Ok(());
        };
        if !lock(&self.served).insert(notification_id) {
            return Ok(());
        }
        let _turn = Turn {
            served: &self.served,
            notification_id,
            _place: place,
        };
        self.deliver(notification_id, messages).await
    }

    /// Sends the messages of one notification in their order, until an attempt fails.
    async fn deliver(&self, notification_id: i64, messages: Vec<Message>) -> Result<()> {
        let notification = notification::Entity::find_by_id(notification_id)
            .one(self.database.connection())
            .await
            .map_err(Error::database("reading a notification in order to send its messages"))?;
        let Some(notification) = notification.filter(|notification| notification.enabled) else {
            // It was deleted or disabled while the message was written.
            let connection = self.database.connection();
            return outbox::delete_messages(connection, notification_id, MessagesToDelete::Waiting).await;
        };
        let is_ping = notification.kind == NotificationKind::Ping;
        // Another copy sends a state now, which must not arrive after a newer one.
        if is_ping && outbox::is_sending(&self.database, notification_id, self.clock.now()).await? {
            return Ok(());
        }
        let can_send = target(&notification, self.messenger.settings.key.as_ref()).is_ok();
        let (now, started) = (self.clock.now(), Instant::now());
        for message in messages {
            if started.elapsed() > TURN_TIME || (!can_send && now - message.created_at < OTHERS_FIRST) {
                break;
            }
            if let Some(why) = self.outdated(&notification, &message).await? {
                outbox::mark_outdated(&self.database, &message, why).await?;
                continue;
            }
            if self.attempt(&notification, &message).await? == AttemptOutcome::Failed {
                break;
            }
        }
        Ok(())
    }

    /// Why a message is not sent any more: a ping has the current state, and not those before it.
    async fn outdated(&self, notification: &Notification, message: &Message) -> Result<Option<&'static str>> {
        let is_start = message.event == EventKind::BackupStarted.word();
        if is_start && message.created_at + START_EXPIRES < self.clock.now() {
            return Ok(Some("It could not be sent in time."));
        }
        if notification.kind == NotificationKind::Ping && !outbox::is_current(&self.database, message).await? {
            return Ok(Some("A newer state was sent in its place."));
        }
        Ok(None)
    }

    async fn attempt(&self, notification: &Notification, message: &Message) -> Result<AttemptOutcome> {
        let claim = match notification.kind {
            NotificationKind::Email => MAIL_CLAIM,
            NotificationKind::Webhook | NotificationKind::Ping => WEB_CLAIM,
        };
        if lock(&self.sent).contains(&message.id) {
            self.write(message, None).await?;
            lock(&self.sent).remove(&message.id);
            return Ok(AttemptOutcome::Sent);
        }
        if !outbox::claim(&self.database, message, self.clock.now(), claim).await? {
            return Ok(AttemptOutcome::NotClaimed);
        }
        let sent = self.send(notification, message).await;
        let (kind, event, notification) = (notification.kind, &message.event, &notification.name);
        match sent {
            Ok(()) => {
                lock(&self.sent).insert(message.id);
                self.write(message, None).await?;
                lock(&self.sent).remove(&message.id);
                tracing::info!(
                    notification,
                    event,
                    event_id = message.event_id,
                    ?kind,
                    "a notification was sent"
                );
                Ok(AttemptOutcome::Sent)
            }
            Err(failure) => {
                self.write(message, Some(&failure)).await?;
                tracing::warn!(
                    notification,
                    event,
                    event_id = message.event_id,
                    ?kind,
                    attempt = message.attempts + 1,
                    "a notification could not be sent; GET /backup/notifications says why"
                );
                Ok(AttemptOutcome::Failed)
            }
        }
    }

    async fn send(&self, notification: &Notification, message: &Message) -> Result<(), DeliveryFailure> {
        // This program has written both texts.
        let delivered_to: Vec<String> = message
            .delivered_to
            .as_deref()
            .and_then(|list| serde_json::from_str(list).ok())
            .unwrap_or_default();
        let failure = |detail: String| DeliveryFailure {
            detail,
            delivered_to: delivered_to.clone(),
        };
        let event: Event = serde_json::from_str(&message.payload)
            .map_err(|_| failure("Another version of the program has written this message.".to_owned()))?;
        let target: Target = target(notification, self.messenger.settings.key.as_ref())
            .map_err(|problem| failure(problem.to_owned()))?;
        let outgoing = OutgoingMessage {
            event_id: &message.event_id,
            message_id: format!("{}.{}", message.event_id, notification.id),
            event: &event,
            at: message.created_at,
            delivered_to: delivered_to.clone(),
        };
        self.messenger.send(&target, &outgoing, self.clock.now()).await
    }

    /// Writes what became of an attempt, again and again while the database takes no writes, as SQLite does during a long
    /// change: what was sent would be sent again otherwise.
    async fn write(&self, message: &Message, failure: Option<&DeliveryFailure>) -> Result<()> {
        let started = Instant::now();
        loop {
            let now = self.clock.now();
            let written = match failure {
                None => outbox::mark_sent(&self.database, message, now).await,
                Some(failure) => outbox::mark_failed(&self.database, message, failure, now).await,
            };
            match written {
                Err(Error::DatabaseBusy { .. } | Error::DatabaseUnavailable { .. })
                    if started.elapsed() < WRITE_TIMEOUT =>
                {
                    tokio::time::sleep(WRITE_PAUSE).await;
                }
                written => return written,
            }
        }
    }

    async fn prune_if_time(&self) -> Result<()> {
        let is_time = {
            let pruned = self.pruned.lock().unwrap_or_else(PoisonError::into_inner);
            pruned.is_none_or(|pruned| pruned.elapsed() >= PRUNE_INTERVAL)
        };
        if is_time {
            outbox::prune(&self.database, self.clock.now()).await?;
            *self.pruned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        Ok(())
    }
}

/// A notification that is served. When this is dropped, its place is free again.
struct Turn<'a> {
    served: &'a Mutex<BTreeSet<i64>>,
    notification_id: i64,
    _place: SemaphorePermit<'a>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.served).remove(&self.notification_id);
    }
}

fn lock(ids: &Mutex<BTreeSet<i64>>) -> MutexGuard<'_, BTreeSet<i64>> {
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttemptOutcome {
    /// Another copy of the service has claimed the message.
    NotClaimed,
    Sent,
    Failed,
}

impl fmt::Debug for DeliveryRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryRunner")
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
