//! Sends the messages of the outbox.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use sea_orm::EntityTrait as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::event::{Event, EventKind};
use super::messenger::{Messenger, NotifySettings, OutgoingMessage};
use super::outbox::{self, DeliveryFailure, LONGEST_CLAIM, MessagesToDelete};
use super::target::Target;
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::notification::{self, Model as Notification, NotificationKind};
use crate::entity::outbox::Model as Message;
use crate::error::{Error, Result};
use crate::mutex::lock;
use crate::store::Store;

/// How many notifications are served at the same time. A server that does not answer delays only its own messages.
const AT_ONCE: u32 = 8;

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
    shutting_down: CancellationToken,
}

impl DeliveryRunner {
    /// The runner of a copy of the service. This reads and writes nothing.
    pub fn new(database: Database, store: Store, clock: Clock, settings: NotifySettings) -> Self {
        Self(Arc::new(DeliveryInner {
            database,
            messenger: Messenger::new(settings, store),
            clock,
            places: Semaphore::new(AT_ONCE as usize),
            served: Mutex::default(),
            sent: Mutex::default(),
            pruned: Mutex::default(),
            shutting_down: CancellationToken::new(),
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

    /// Begins the shutdown: no further message is sent.
    pub fn shutdown(&self) {
        self.0.shutting_down.cancel();
    }

    /// Waits up to `limit` until the messages that are being sent are marked: the next start would send them again.
    pub async fn wait_for_shutdown(&self, limit: Duration) {
        let all = self.0.places.acquire_many(AT_ONCE);
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("a notification is still being sent while the service ends; it may be sent again");
        }
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
            .buffer_unordered(AT_ONCE as usize)
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

    /// Sends the messages of one notification in their order, until an attempt fails. A message does not overtake an earlier one of
    /// the same subject, which may wait for its next attempt: that one is tried first.
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
        let target = Target::of(&notification, self.messenger.settings.key.as_ref());
        let (now, started) = (self.clock.now(), Instant::now());
        for message in messages {
            if self.shutting_down.is_cancelled() || started.elapsed() > TURN_TIME {
                break;
            }
            if target.is_err() && now - message.created_at < OTHERS_FIRST {
                break;
            }
            if let Some(why) = self.outdated(&notification, &message).await? {
                outbox::mark_outdated(&self.database, &message, why).await?;
                continue;
            }
            let mut next = outbox::earlier(&self.database, &message, in_order_with(&notification, &message)).await?;
            next.push(message);
            if self.attempt_all(&notification, target.as_ref(), next).await? == AttemptOutcome::Failed {
                break;
            }
        }
        Ok(())
    }

    /// Sends messages in their order, until one can't be sent now.
    async fn attempt_all(
        &self,
        notification: &Notification,
        target: Result<&Target, &&'static str>,
        messages: Vec<Message>,
    ) -> Result<AttemptOutcome> {
        for message in messages {
            let outcome = self.attempt(notification, target, &message).await?;
            if outcome != AttemptOutcome::Sent {
                return Ok(outcome);
            }
        }
        Ok(AttemptOutcome::Sent)
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

    /// Sends a message to the target of a notification, unless another copy of the service does. Without a target, which is
    /// then its problem, the attempt fails.
    async fn attempt(
        &self,
        notification: &Notification,
        target: Result<&Target, &&'static str>,
        message: &Message,
    ) -> Result<AttemptOutcome> {
        let claim = match notification.kind {
            NotificationKind::Email => MAIL_CLAIM,
            NotificationKind::Webhook | NotificationKind::Ping => WEB_CLAIM,
        };
        if lock(&self.sent).contains(&message.id) {
            self.write(message, Ok(())).await?;
            lock(&self.sent).remove(&message.id);
            return Ok(AttemptOutcome::Sent);
        }
        if !outbox::claim(&self.database, message, self.clock.now(), claim).await? {
            return Ok(AttemptOutcome::NotClaimed);
        }
        let kinds = in_order_with(notification, message);
        let sent = self.send(notification, target, message).await;
        let (kind, event, notification) = (notification.kind, &message.event, &notification.name);
        match sent {
            Ok(()) => {
                lock(&self.sent).insert(message.id);
                self.write(message, Ok(())).await?;
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
                self.write(message, Err((&failure, kinds))).await?;
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

    async fn send(
        &self,
        notification: &Notification,
        target: Result<&Target, &&'static str>,
        message: &Message,
    ) -> Result<(), DeliveryFailure> {
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
        let target = target.map_err(|problem| failure((*problem).to_owned()))?;
        let outgoing = OutgoingMessage {
            event_id: &message.event_id,
            message_id: format!("{}.{}", message.event_id, notification.id),
            event: &event,
            at: message.created_at,
            delivered_to: delivered_to.clone(),
        };
        self.messenger.send(target, &outgoing, self.clock.now()).await
    }

    /// Writes what became of an attempt, again and again while the database takes no writes, as SQLite does during a long
    /// change: what was sent would be sent again otherwise.
    async fn write(&self, message: &Message, sent: Result<(), (&DeliveryFailure, &[EventKind])>) -> Result<()> {
        let started = Instant::now();
        loop {
            let now = self.clock.now();
            let written = match sent {
                Ok(()) => outbox::mark_sent(&self.database, message, now).await,
                Err((failure, kinds)) => outbox::mark_failed(&self.database, message, failure, kinds, now).await,
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
            let pruned = lock(&self.pruned);
            pruned.is_none_or(|pruned| pruned.elapsed() >= PRUNE_INTERVAL)
        };
        if is_time {
            outbox::prune(&self.database, self.clock.now()).await?;
            *lock(&self.pruned) = Some(Instant::now());
        }
        Ok(())
    }
}

/// The kinds of messages that a message must not overtake. A ping has no order: it has the current state alone.
fn in_order_with(notification: &Notification, message: &Message) -> &'static [EventKind] {
    match notification.kind {
        NotificationKind::Ping => &[],
        NotificationKind::Email | NotificationKind::Webhook => {
            EventKind::from_word(&message.event).map_or(&[], EventKind::in_order_with)
        }
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
