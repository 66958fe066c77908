//! The audit: a chain of events. Each operation that changes or discloses something leaves one event, with its actor, the address
//! of the client, and the result.
//!
//! **Chain.** Events have the ids 1, 2, 3, ... Each has a hash over the hash of the event before it and all of its own fields
//! ([`chain`]), so that [`verify`] finds a changed, deleted, added or reordered event. One row, the head, has the id and the hash of
//! the newest event, and those of the newest event that [`retention`] has deleted.
//!
//! **One commit.** An [`AuditEntry`] is appended in the transaction of what it records, as the last thing before the commit
//! ([`AuditEntry::commit`], and for a [`Change`](crate::change::Change) [`AuditEntry::append_to`]). An operation without a
//! transaction, such as a download, gets one before the first byte is sent ([`Audit::record`]).
//!
//! **Locks.** An append first updates the head, and so locks it until the commit. Nothing else is locked after it. So appends
//! never deadlock, and the lock is held only for the last statements of a transaction. The update sees the newest head on every
//! engine: transactions that write are `READ COMMITTED` on PostgreSQL, and an update is a locking read on MySQL.
//!
//! **Each request has its event.** The administrator of a request has a [`Receipt`], which says whether the domain has written its
//! event. If not, the API writes one when the answer begins.
//!
//! In reading order: `event` has the names, `actor` the actor of an event, `entry` one event before it is written. `append` writes
//! it, `chain` computes hashes, `list` reads events, `csv` writes them as CSV and JSON Lines, and `verify` checks the chain.
//! `retention` deletes old events, `deferred` has events that wait for SQLite's write lock, `unwritten` those that wait
//! for a disk with room, `pending` those of operations on the store, `job_event` describes the end of a job, and `limit` limits the events of refused requests.

mod actor;
mod append;
mod chain;
mod csv;
mod deferred;
mod entry;
mod event;
mod job_event;
mod limit;
mod list;
mod pending;
mod retention;
#[cfg(test)]
mod tests;
mod unwritten;
mod verify;

use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::EntityTrait as _;

pub(crate) use self::actor::COMMAND_LINE;
pub use self::actor::{AuditActor, Receipt, ReceiptState};
pub use self::csv::{AuditFormat, CSV_COLUMNS};
pub use self::entry::AuditEntry;
pub use self::event::{AuditEvent, AuditMethod, AuditResult};
pub(crate) use self::limit::RefusalLimiter;
pub use self::list::{AuditFilter, AuditPage, AuditPages, AuditRecord};
pub use self::verify::{AuditFault, AuditHead, AuditReport};
use crate::database::{Database, Engine};
use crate::entity::audit_event;
use crate::error::{Error, Result};

/// The audit of a database. Cloning is cheap.
#[derive(Clone)]
pub struct Audit(Arc<AuditInner>);

struct AuditInner {
    database: Database,
    /// How long events are kept; none to keep all.
    keep: Option<TimeDelta>,
    limiter: RefusalLimiter,
    turns: retention::Turns,
}

impl Audit {
    /// The audit of a database. `keep` is how long events are kept; none to keep all. This reads and writes nothing.
    pub fn new(database: Database, keep: Option<TimeDelta>) -> Self {
        Self(Arc::new(AuditInner {
            database,
            keep,
            limiter: RefusalLimiter::default(),
            turns: retention::Turns::default(),
        }))
    }

    /// Writes an event in a transaction of its own, for an operation without one.
    ///
    /// # Errors
    /// Database errors. Then the event is not written, and the operation must not happen.
    pub async fn record(&self, entry: AuditEntry) -> Result<()> {
        entry.write(&self.0.database).await
    }

    /// Whether the event with this id has this hash, after the reply to its commit was lost. None if it is not known: the commit
    /// may still happen.
    ///
    /// # Errors
    /// Database errors.
    pub async fn is_written(&self, appended: &AuditHead) -> Result<Option<bool>> {
        let found = audit_event::Entity::find_by_id(appended.id)
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking for an event of the audit"))?;
        Ok(match found {
            Some(event) => Some(event.hash == appended.hash),
            // SQLite commits before it replies, or not at all.
            None if self.0.database.engine() == Engine::Sqlite => Some(false),
            None => None,
        })
    }

    /// Writes the event of a request that was refused before its operation began. A client can repeat it without a limit, so at
    /// most one event a minute is written for each user, event and reason. Without a user it writes none. The answer is a refusal
    /// anyway, so a failure is only logged.
    pub async fn record_refusal(&self, entry: AuditEntry) {
        if !entry.has_user() || !self.0.limiter.admits(&entry) {
            return;
        }
        if let Err(error) = self.record(entry).await {
            tracing::warn!(%error, "the event of a refusal could not be written to the audit");
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("keep", &self.0.keep)
            .finish_non_exhaustive()
    }
}
