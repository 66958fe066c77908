//! Deletes events that are older than the audit keeps them, from the oldest on.
//!
//! The head remembers the newest deleted event with its hash, so the rest of the chain can still be verified. Each batch is one
//! transaction with one event of its own. Several copies of the service may do this at once: each batch begins with the lock of
//! the head.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use tokio::time::Instant;

use super::append::HEAD;
use super::deferred::append_deferred;
use super::list::read_head;
use super::pending::append_abandoned;
use super::unwritten::append_unwritten;
use super::{Audit, AuditActor, AuditEntry, AuditEvent};
use crate::entity::audit_event::{self, Column, Entity};
use crate::entity::audit_head;
use crate::error::{Error, Result};
use crate::mutex::lock;

/// How many events one transaction deletes.
const BATCH: i64 = 10_000;

/// How many transactions one step makes, because other work waits for its end. The next step continues.
const MAX_BATCHES: usize = 10;

/// The detail of the event with the id of the newest deleted event. The verification reads it.
pub(super) const DELETED_UNTIL: &str = "deleted_until";

/// How often old events are deleted.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How often the head of the chain is written to the log.
const LOG_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The target of the head's line in the log.
const LOG_TARGET: &str = "campus_backup::audit";

/// What is being done, for errors.
const DELETING: &str = "deleting old events of the audit";

/// When this process last deleted old events, and last wrote the head to the log.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<(Option<Instant>, Option<Instant>)>);

impl Turns {
    /// Whether it is time to delete, and to write the head to the log.
    fn due(&self) -> (bool, bool) {
        let now = Instant::now();
        let is_due = |last: Option<Instant>, interval| last.is_none_or(|last| now.duration_since(last) >= interval);
        let mut turns = lock(&self.0);
        let due = (is_due(turns.0, INTERVAL), is_due(turns.1, LOG_INTERVAL));
        if due.0 {
            turns.0 = Some(now);
        }
        if due.1 {
            turns.1 = Some(now);
        }
        due
    }

    /// Makes the next step delete again.
    fn delete_again(&self) {
        lock(&self.0).0 = None;
    }
}

/// The result of one batch.
enum Batch {
    /// Events were deleted, and more may be old.
    Full,
    /// No more events are old.
    Last,
    /// Another client has the lock.
    Skipped,
}

impl Audit {
    /// Appends deferred and abandoned events, deletes old events once an hour, and writes the head of the chain to the log once a day.
    ///
    /// # Errors
    /// Database errors. The remaining old events are deleted an hour later.
    pub async fn step(&self) -> Result<()> {
        append_deferred(&self.0.database).await?;
        append_unwritten(&self.0.database).await?;
        append_abandoned(&self.0.database).await?;
        let (is_time_to_delete, is_time_to_log) = self.0.turns.due();
        if is_time_to_log {
            let head = read_head(&self.0.database).await?;
            tracing::info!(target: LOG_TARGET, event = "audit_head", id = head.last_id, hash = head.last_hash, "head of the audit");
        }
        if is_time_to_delete && !self.delete_old().await? {
            self.0.turns.delete_again();
        }
        Ok(())
    }

    /// Deletes events that are older than the audit keeps them, by the clock of the database, in at most [`MAX_BATCHES`]
    /// transactions. Returns whether it has deleted all of them.
    ///
    /// # Errors
    /// Database errors. The batches before are committed.
    pub async fn delete_old(&self) -> Result<bool> {
        let Some(keep) = self.0.keep else { return Ok(true) };
        let now = self.0.database.now().await?;
        let Some(before) = now.checked_sub_signed(keep) else {
            return Ok(true);
        };
        for _ in 0..MAX_BATCHES {
            match self.delete_batch(before).await? {
                Batch::Full => {}
                Batch::Last | Batch::Skipped => return Ok(true),
            }
        }
        Ok(false)
    }

    async fn delete_batch(&self, before: DateTime<Utc>) -> Result<Batch> {
        let Some(transaction) = self.0.database.try_begin_write(DELETING).await? else {
            return Ok(Batch::Skipped);
        };
        let head = lock_head(&transaction).await?;
        let Some(newest) = newest_old(&transaction, &head, before).await? else {
            return Ok(Batch::Last);
        };
        let deleted = Entity::delete_many()
            .filter(Column::Id.gt(head.anchor_id))
            .filter(Column::Id.lte(newest.id))
            .exec(&transaction)
            .await
            .map_err(Error::database(DELETING))?
            .rows_affected;
        let expected = newest.id - head.anchor_id;
        if i64::try_from(deleted).ok() != Some(expected) {
            // Another program has deleted some of them. The rest stays as evidence.
            tracing::error!("the audit has gaps, so its old events are not deleted; run `campus-backup audit verify`");
            return Ok(Batch::Last);
        }
        let moved = audit_head::Entity::update_many()
            .col_expr(audit_head::Column::AnchorId, Expr::value(newest.id))
            .col_expr(audit_head::Column::AnchorHash, Expr::value(newest.hash))
            .filter(audit_head::Column::Id.eq(HEAD))
            .exec(&transaction)
            .await;
        moved.map_err(Error::database(DELETING))?;
        AuditEntry::new(AuditActor::service(), AuditEvent::AuditRetention)
            .with("deleted", deleted)
            .with(DELETED_UNTIL, newest.id)
            .commit(transaction, DELETING)
            .await?;
        Ok(match expected == BATCH {
            true => Batch::Full,
            false => Batch::Last,
        })
    }
}

/// Locks the head until the end of the transaction, and reads it.
async fn lock_head(transaction: &DatabaseTransaction) -> Result<audit_head::Model> {
    // The update takes the lock on every engine, although it changes nothing.
    let touched = audit_head::Entity::update_many()
        .col_expr(audit_head::Column::LastId, Expr::col(audit_head::Column::LastId))
        .filter(audit_head::Column::Id.eq(HEAD))
        .exec(transaction)
        .await;
    touched.map_err(Error::database(DELETING))?;
    // Locking, because on MySQL a plain read would not see a head that this transaction has not changed.
    let head = audit_head::Entity::find_by_id(HEAD)
        .lock_exclusive()
        .one(transaction)
        .await;
    head.map_err(Error::database(DELETING))?
        .ok_or_else(|| Error::internal(DELETING)("the table backup_audit_head does not have its row"))
}

/// The newest event of the next batch, all of whose events are old; none if the oldest event is not old.
async fn newest_old(
    transaction: &DatabaseTransaction,
    head: &audit_head::Model,
    before: DateTime<Utc>,
) -> Result<Option<audit_event::Model>> {
    let end = head.last_id.min(head.anchor_id + BATCH);
    let first_kept: Option<i64> = Entity::find()
        .select_only()
        .column_as(Column::Id.min(), "id")
        .filter(Column::Id.gt(head.anchor_id))
        .filter(Column::Id.lte(end))
        .filter(Column::At.gte(before))
        .into_tuple::<Option<i64>>()
        .one(transaction)
        .await
        .map_err(Error::database(DELETING))?
        .flatten();
    let newest = first_kept.map_or(end, |kept| kept - 1);
    if newest <= head.anchor_id {
        return Ok(None);
    }
    let newest = Entity::find_by_id(newest).one(transaction).await;
    newest.map_err(Error::database(DELETING))
}
