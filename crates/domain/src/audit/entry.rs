//! One event before it is written.

use std::path::Path;

use sea_orm::{DatabaseTransaction, DbBackend};
use serde_json::{Map, Value};

use super::{AuditActor, AuditEvent, AuditResult, Receipt, ReceiptState};
use super::{append, deferred, unwritten};
use crate::account::{Actor, Admin};
use crate::change::Change;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::stats;

/// One event before it is written. No field may have a secret, an e-mail address or SQL.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    pub(super) actor: AuditActor,
    pub(super) event: AuditEvent,
    pub(super) result: AuditResult,
    pub(super) subject: Option<String>,
    pub(super) table: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) reason: Option<String>,
    pub(super) details: Map<String, Value>,
    receipt: Option<Receipt>,
}

impl AuditEntry {
    /// Something that an actor has done.
    pub fn new(actor: AuditActor, event: AuditEvent) -> Self {
        Self {
            actor,
            event,
            result: AuditResult::Succeeded,
            subject: None,
            table: None,
            status: None,
            reason: None,
            details: Map::new(),
            receipt: None,
        }
    }

    /// Something that an administrator has done. The receipt of their request is set with the commit.
    pub fn by(admin: &Admin, event: AuditEvent) -> Self {
        Self {
            receipt: Some(admin.receipt().clone()),
            ..Self::new(admin.audit_actor(), event)
        }
    }

    /// Something that an administrator or the service has done.
    pub fn by_actor(actor: &Actor, event: AuditEvent) -> Self {
        match actor {
            Actor::Admin(admin) => Self::by(admin, event),
            Actor::System(_) => Self::new(AuditActor::service(), event),
        }
    }

    /// The id of what it is about.
    #[must_use]
    pub fn about(self, subject: impl ToString) -> Self {
        Self {
            subject: Some(subject.to_string()),
            ..self
        }
    }

    /// The table, or `all`.
    #[must_use]
    pub fn of_table(self, table: Option<impl Into<String>>) -> Self {
        Self {
            table: table.map(Into::into),
            ..self
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn answered(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// How it ended, and why, if it did not succeed.
    #[must_use]
    pub fn ended(self, result: AuditResult, reason: Option<impl Into<String>>) -> Self {
        Self {
            result,
            reason: reason.map(Into::into),
            ..self
        }
    }

    /// That it was refused, and why.
    #[must_use]
    pub fn refused(self, reason: impl Into<String>) -> Self {
        self.ended(AuditResult::Refused, Some(reason))
    }

    /// One more detail: a count, a digest or the name of a setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The names of the fields that a request has changed. Their values may be secret.
    #[must_use]
    pub(crate) fn changing<const N: usize>(self, fields: [(&'static str, bool); N]) -> Self {
        let changed = fields.into_iter().filter(|(_, is_changed)| *is_changed);
        self.with("changed", changed.map(|(name, _)| name).collect::<Vec<_>>())
    }

    /// Whether its user is known. A user of an identity provider has only a name.
    pub(super) fn has_user(&self) -> bool {
        self.actor.user_id.is_some() || self.actor.username.is_some()
    }

    /// Appends the event, and commits the transaction. So the event exists if, and only if, what it records was done.
    ///
    /// # Errors
    /// Database errors, as errors of `doing`. Unless the commit's answer was lost, nothing is committed. The receipt then says
    /// that it is not known.
    pub(crate) async fn commit(&self, transaction: DatabaseTransaction, doing: &'static str) -> Result<()> {
        let appended = append::append(&transaction, self).await?;
        if let Err(error) = transaction.commit().await {
            self.note(ReceiptState::Unknown(appended));
            return Err(Error::database(doing)(error));
        }
        self.note(ReceiptState::Written);
        Ok(())
    }

    /// Appends the event as the last thing in a transaction that the caller commits at once.
    ///
    /// # Errors
    /// Database errors. Then the transaction must not be committed.
    pub(crate) async fn append(&self, transaction: &DatabaseTransaction) -> Result<()> {
        append::append(transaction, self).await.map(drop)
    }

    /// The same for a [`Change`].
    ///
    /// # Errors
    /// Database errors. Then the change must not be committed.
    pub(crate) async fn append_to(&self, change: &mut Change, backend: DbBackend) -> Result<()> {
        append::append_to(change, backend, self).await
    }

    /// Writes the event in a transaction of its own. While another writer has locked an SQLite database, the event is written to
    /// a file beside it, see [`deferred`]. While nothing can be written, it waits in the memory, see [`unwritten`].
    ///
    /// # Errors
    /// Database errors, and those of the file.
    pub(crate) async fn write(self, database: &Database) -> Result<()> {
        let Err(error) = self.write_to_disk(database).await else {
            return Ok(());
        };
        unwritten::hold(database, append::draft(&self, stats::now()), error)?;
        self.note(ReceiptState::Written);
        Ok(())
    }

    async fn write_to_disk(&self, database: &Database) -> Result<()> {
        let doing = "writing an event of the audit";
        let Some(path) = database.audit_file() else {
            let transaction = database.begin_write(doing).await?;
            return self.commit(transaction, doing).await;
        };
        if let Some(transaction) = try_begin(database, &path, doing).await? {
            return self.commit(transaction, doing).await;
        }
        deferred::defer(path, self).await?;
        self.note(ReceiptState::Written);
        Ok(())
    }

    pub(super) fn note(&self, state: ReceiptState) {
        if let Some(receipt) = &self.receipt {
            receipt.set(state);
        }
    }
}

/// Begins a transaction on SQLite; none if another writer holds the write lock.
///
/// Events that are already deferred show that a writer has held the lock for a while. Then one event at a time tries, and only
/// once: all of them would wait for the one connection that heartbeats of jobs need, too.
async fn try_begin(database: &Database, path: &Path, doing: &'static str) -> Result<Option<DatabaseTransaction>> {
    const ATTEMPTS: usize = 5;
    if deferred::has_events(path) {
        let Some(_permit) = database.try_audit_permit() else {
            return Ok(None);
        };
        return database.try_begin_write(doing).await;
    }
    for _ in 0..ATTEMPTS {
        if let Some(transaction) = database.try_begin_write(doing).await? {
            return Ok(Some(transaction));
        }
        if deferred::has_events(path) {
            break;
        }
    }
    Ok(None)
}
