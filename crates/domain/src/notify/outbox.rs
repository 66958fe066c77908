//! The outbox: inserts messages, and changes their states. Each change of a state begins with a conditional update, so that of
//! several copies of the service one makes it.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::sea_query::{Func, Query};
use sea_orm::{
    ActiveEnum as _, ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use serde_json::json;
use uuid::Uuid;

use super::event::{Event, EventKind};
use crate::database::Database;
use crate::entity::notification;
use crate::entity::outbox::{Column, Entity, MessageState, Model as Message};
use crate::error::{Error, Result};

/// The pauses between the attempts, in minutes: 46 hours together.
const PAUSES: [i64; 11] = [1, 5, 15, 30, 60, 120, 240, 360, 480, 720, 720];

/// A message that is younger has a further attempt in any case. It may have had more attempts, because later messages waited for it.
const LAST_ATTEMPT_AGE: TimeDelta = TimeDelta::hours(44);

/// The longest of them. A message whose next attempt is later than that was written before the clock was set back.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(12);

/// The longest time for which a message is claimed.
pub(super) const LONGEST_CLAIM: TimeDelta = TimeDelta::minutes(10);

/// The clocks of several copies of the service may differ by this much.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// How many messages one round takes at most.
const MAX_DUE: u64 = 500;

/// How long messages are kept that were sent or have failed.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Inserts a message into the outbox for each enabled notification that wants the event, in the caller's transaction: the
/// messages exist if, and only if, the transaction commits.
///
/// # Errors
/// Database errors. The transaction must then not be committed.
pub async fn enqueue(transaction: &impl ConnectionTrait, at: DateTime<Utc>, event: &Event) -> Result<()> {
    let statement = insert_messages(transaction.get_database_backend(), at, event)?;
    let inserted = transaction.execute_raw(statement).await;
    inserted
        .map(drop)
        .map_err(Error::database("writing the messages of notifications"))
}

/// The statement of [`enqueue`], for a [`Change`](crate::change::Change). It may concern any number of rows.
///
/// # Errors
/// [`Error::Internal`] if it can't be built.
pub(crate) fn insert_messages(backend: DbBackend, at: DateTime<Utc>, event: &Event) -> Result<Statement> {
    let word = event.kind().word();
    let wanted = Query::select()
        .expr(Expr::col(notification::Column::Id))
        .expr(Expr::value(Uuid::now_v7().to_string()))
        .expr(Expr::value(word))
        .expr(Expr::value(json!(event).to_string()))
        .expr(Expr::value(at))
        .expr(Expr::value(MessageState::Waiting.to_value()))
        .expr(Expr::value(0_i64))
        .expr(Expr::value(at))
        .from(notification::Entity)
        .and_where(notification::Column::Enabled.eq(true))
        // A JSON list of words.
        .and_where(notification::Column::Events.contains(format!("\"{word}\"")))
        .to_owned();
    let mut insert = Query::insert();
    insert.into_table(Entity).columns([
        Column::NotificationId,
        Column::EventId,
        Column::Event,
        Column::Payload,
        Column::CreatedAt,
        Column::State,
        Column::Attempts,
        Column::NextAttemptAt,
    ]);
    insert
        .select_from(wanted)
        .map_err(Error::internal("writing the messages of notifications"))?;
    Ok(backend.build(&insert))
}

/// The messages whose next attempt is due and that no copy of the service is sending, in their order.
pub(super) async fn due(database: &Database, now: DateTime<Utc>) -> Result<Vec<Message>> {
    Entity::find()
        .filter(Column::State.eq(MessageState::Waiting))
        .filter(is_due(now))
        .order_by_asc(Column::Id)
        .limit(MAX_DUE)
        .all(database.connection())
        .await
        .map_err(Error::database("looking for messages to send"))
}

/// A time of the far future was written before the clock was set back, and counts as past.
fn is_due(now: DateTime<Utc>) -> Condition {
    let attempt = Condition::any()
        .add(Column::NextAttemptAt.lte(now))
        .add(Column::NextAttemptAt.gt(now + LONGEST_PAUSE + CLOCK_TOLERANCE));
    Condition::all().add(attempt).add(is_unclaimed(now))
}

fn is_unclaimed(now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(Column::ClaimedUntil.is_null())
        .add(Column::ClaimedUntil.lte(now))
        .add(Column::ClaimedUntil.gt(now + LONGEST_CLAIM + CLOCK_TOLERANCE))
}

/// Whether a copy of the service is sending a message of this notification.
pub(super) async fn is_sending(database: &Database, notification_id: i64, now: DateTime<Utc>) -> Result<bool> {
    let claimed = Entity::find()
        .filter(Column::NotificationId.eq(notification_id))
        .filter(Column::State.eq(MessageState::Waiting))
        .filter(is_unclaimed(now).not())
        .one(database.connection())
        .await;
    claimed
        .map(|claimed| claimed.is_some())
        .map_err(Error::database("looking for messages that are being sent"))
}

/// Whether no newer message of a ping replaces this one. The start of a backup replaces no end: its own end follows.
pub(super) async fn is_current(database: &Database, message: &Message) -> Result<bool> {
    let mut newer = Entity::find()
        .filter(Column::NotificationId.eq(message.notification_id))
        .filter(Column::Id.gt(message.id));
    let start = EventKind::BackupStarted.word();
    if message.event != start {
        newer = newer.filter(Column::Event.ne(start));
    }
    let newer = newer.one(database.connection()).await;
    newer
        .map(|newer| newer.is_none())
        .map_err(Error::database("looking for newer messages"))
}

/// The waiting messages of these kinds that come before a message of the same notification, in their order.
pub(super) async fn earlier(database: &Database, message: &Message, kinds: &[EventKind]) -> Result<Vec<Message>> {
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    Entity::find()
        .filter(of_kinds(message, kinds))
        .filter(Column::Id.lt(message.id))
        .order_by_asc(Column::Id)
        .limit(MAX_DUE)
        .all(database.connection())
        .await
        .map_err(Error::database("looking for earlier messages"))
}

/// The waiting messages of these kinds, of the notification that a message has.
fn of_kinds(message: &Message, kinds: &[EventKind]) -> Condition {
    Condition::all()
        .add(Column::NotificationId.eq(message.notification_id))
        .add(Column::State.eq(MessageState::Waiting))
        .add(Column::Event.is_in(kinds.iter().map(|kind| kind.word())))
}

/// Claims a message for this copy of the service, if it still waits as it was read. Returns whether it does.
pub(super) async fn claim(
    database: &Database,
    message: &Message,
    now: DateTime<Utc>,
    limit: TimeDelta,
) -> Result<bool> {
    let doing = "claiming a message";
    let transaction = database.begin_write(doing).await?;
    let claimed = Entity::update_many()
        .col_expr(Column::ClaimedUntil, Expr::value(now + limit))
        .col_expr(Column::Attempts, Expr::value(message.attempts + 1))
        .filter(Column::Id.eq(message.id))
        .filter(Column::State.eq(MessageState::Waiting))
        .filter(Column::Attempts.eq(message.attempts))
        .filter(Column::NextAttemptAt.eq(message.next_attempt_at))
        .filter(is_unclaimed(now))
        .exec(&transaction)
        .await
        .map_err(Error::database(doing))?;
    transaction.commit().await.map_err(Error::database(doing))?;
    Ok(claimed.rows_affected == 1)
}

/// Marks a message as sent, also if its claim has expired.
pub(super) async fn mark_sent(database: &Database, message: &Message, now: DateTime<Utc>) -> Result<()> {
    use notification::Column as Of;
    let doing = "marking a message as sent";
    let transaction = database.begin_write(doing).await?;
    Entity::update_many()
        .col_expr(Column::State, Expr::value(MessageState::Sent))
        .col_expr(Column::SentAt, Expr::value(now))
        .col_expr(Column::ClaimedUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::LastError, Expr::value(None::<String>))
        .filter(Column::Id.eq(message.id))
        .exec(&transaction)
        .await
        .map_err(Error::database(doing))?;
    notification::Entity::update_many()
        .col_expr(Of::LastSentAt, Expr::value(now))
        .col_expr(Of::LastError, Expr::value(None::<String>))
        .col_expr(Of::FailingSince, Expr::value(None::<DateTime<Utc>>))
        .filter(Of::Id.eq(message.notification_id))
        .exec(&transaction)
        .await
        .map_err(Error::database(doing))?;
    transaction.commit().await.map_err(Error::database(doing))
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeliveryFailure {
    /// The problem, as a sentence.
    pub(super) detail: String,
    /// The addresses that have accepted the mail.
    pub(super) delivered_to: Vec<String>,
}

/// Writes that an attempt of a claimed message failed, unless another copy has claimed it since. The next attempt is after a
/// pause, and those of later messages of `kinds` are not before it; after the last attempt, the message has failed. The start of
/// a backup has one attempt: later it would be wrong.
pub(super) async fn mark_failed(
    database: &Database,
    message: &Message,
    failure: &DeliveryFailure,
    kinds: &[EventKind],
    now: DateTime<Utc>,
) -> Result<()> {
    use notification::Column as Of;
    let doing = "writing that a message could not be sent";
    let (state, next_attempt_at) = match pause_after(message, now) {
        Some(pause) => (MessageState::Waiting, now + pause),
        None => (MessageState::Failed, now),
    };
    let delivered_to = (!failure.delivered_to.is_empty()).then(|| json!(failure.delivered_to).to_string());
    let transaction = database.begin_write(doing).await?;
    let marked = Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::NextAttemptAt, Expr::value(next_attempt_at))
        .col_expr(Column::ClaimedUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::DeliveredTo, Expr::value(delivered_to))
        .col_expr(Column::LastError, Expr::value(failure.detail.as_str()))
        .filter(Column::Id.eq(message.id))
        .filter(Column::State.eq(MessageState::Waiting))
        .filter(Column::Attempts.eq(message.attempts + 1))
        .exec(&transaction)
        .await
        .map_err(Error::database(doing))?;
    if marked.rows_affected == 1 {
        let since = Func::coalesce([Expr::col(Of::FailingSince), Expr::value(now)]);
        notification::Entity::update_many()
            .col_expr(Of::LastError, Expr::value(failure.detail.as_str()))
            .col_expr(Of::FailingSince, since.into())
            .filter(Of::Id.eq(message.notification_id))
            .exec(&transaction)
            .await
            .map_err(Error::database(doing))?;
        if state == MessageState::Waiting && !kinds.is_empty() {
            Entity::update_many()
                .col_expr(Column::NextAttemptAt, Expr::value(next_attempt_at))
                .filter(of_kinds(message, kinds))
                .filter(Column::Id.gt(message.id))
                .filter(Column::NextAttemptAt.lt(next_attempt_at))
                .filter(is_unclaimed(now))
                .exec(&transaction)
                .await
                .map_err(Error::database(doing))?;
        }
    }
    transaction.commit().await.map_err(Error::database(doing))
}

/// The pause after a failed attempt; none after the last one.
fn pause_after(message: &Message, now: DateTime<Utc>) -> Option<TimeDelta> {
    if message.event == EventKind::BackupStarted.word() {
        return None;
    }
    let pause = usize::try_from(message.attempts).ok();
    let pause = pause.and_then(|index| PAUSES.get(index)).copied();
    let is_young = now - message.created_at < LAST_ATTEMPT_AGE;
    pause.map(TimeDelta::minutes).or(is_young.then_some(LONGEST_PAUSE))
}

/// Ends a message that is not sent any more, because it comes too late.
pub(super) async fn mark_outdated(database: &Database, message: &Message, why: &str) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(MessageState::Failed))
        .col_expr(Column::LastError, Expr::value(why))
        .filter(Column::Id.eq(message.id))
        .filter(Column::State.eq(MessageState::Waiting))
        .exec(database.connection())
        .await
        .map(drop)
        .map_err(Error::database("ending a message that comes too late"))
}

/// Deletes the messages of a notification that wait, or all of them.
pub(super) async fn delete_messages(
    connection: &impl ConnectionTrait,
    notification_id: i64,
    which: MessagesToDelete,
) -> Result<()> {
    let mut delete = Entity::delete_many().filter(Column::NotificationId.eq(notification_id));
    if which == MessagesToDelete::Waiting {
        delete = delete.filter(Column::State.eq(MessageState::Waiting));
    }
    delete
        .exec(connection)
        .await
        .map(drop)
        .map_err(Error::database("deleting the messages of a notification"))
}

/// Which messages of a notification are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessagesToDelete {
    /// Those that wait.
    Waiting,
    /// All.
    All,
}

/// Deletes old messages that were sent or have failed.
pub(super) async fn prune(database: &Database, now: DateTime<Utc>) -> Result<()> {
    let doing = "deleting old messages";
    let old = Condition::all()
        .add(Column::State.ne(MessageState::Waiting))
        .add(Column::CreatedAt.lt(now - KEPT));
    let found = Entity::find().filter(old.clone()).one(database.connection()).await;
    // Without old messages nothing is written, so that a database that takes no writes now is no fault.
    if found.map_err(Error::database(doing))?.is_none() {
        return Ok(());
    }
    let deleted = Entity::delete_many().filter(old).exec(database.connection()).await;
    deleted.map(drop).map_err(Error::database(doing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_continue_for_about_two_days() {
        let all: TimeDelta = PAUSES.iter().map(|minutes| TimeDelta::minutes(*minutes)).sum();
        assert!((44..=52).contains(&all.num_hours()), "{all}");
        assert!(all >= LAST_ATTEMPT_AGE);
        assert!(PAUSES.is_sorted());
        assert_eq!(PAUSES.last().copied().map(TimeDelta::minutes), Some(LONGEST_PAUSE));
    }
}
