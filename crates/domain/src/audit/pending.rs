//! Events of operations on the store of archives, which no transaction includes.
//!
//! Before the operation, its event is stored in the settings, without a result. After the operation, one transaction removes it
//! there and appends it to the chain with the result. If the service ends in between, or the database fails, the stored event is
//! appended later with the result `unknown`. So no archive is deleted or changed without an event.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use super::append::{append_event, draft};
use super::deferred::DeferredEvent;
use super::{AuditEntry, AuditResult, ReceiptState};
use crate::account::System;
use crate::database::Database;
use crate::entity::setting;
use crate::error::{Error, Result};
use crate::{stats, stored_setting};

/// The beginning of the settings' names. The id of the event follows.
const PREFIX: &str = "audit_pending/";

/// An operation on the store ends long before this.
const ABANDONED_AFTER: TimeDelta = TimeDelta::hours(1);

/// The reason of an event with the result `unknown`.
const INTERRUPTED: &str = "interrupted";

/// What is being done, for errors.
const STORING: &str = "storing the event of an operation before it begins";
const COMPLETING: &str = "appending the event of an operation to the audit";

/// A stored event whose operation has not ended yet.
pub(crate) struct PendingEvent<'d> {
    database: &'d Database,
    name: String,
    entry: AuditEntry,
}

impl AuditEntry {
    /// Stores the event before its operation begins.
    ///
    /// # Errors
    /// Database errors. Then the operation must not begin.
    pub(crate) async fn store(self, database: &Database) -> Result<PendingEvent<'_>> {
        let event = DeferredEvent::from(draft(&self, stats::now()));
        let name = format!("{PREFIX}{}", event.id);
        let value = serde_json::to_string(&event).map_err(Error::internal(STORING))?;
        let row = stored_setting::row(&name, value, database.now().await?, System::NAME);
        let transaction = database.begin_write(STORING).await?;
        let stored = setting::Entity::insert(row.into_active_model())
            .exec_without_returning(&transaction)
            .await;
        stored.map_err(Error::database(STORING))?;
        transaction.commit().await.map_err(Error::database(STORING))?;
        Ok(PendingEvent {
            database,
            name,
            entry: self,
        })
    }
}

impl PendingEvent<'_> {
    /// Appends the event after its operation. If this fails, the event follows later with the result `unknown`, so the operation
    /// has not failed.
    pub(crate) async fn succeeded(self, describe: impl FnOnce(AuditEntry) -> AuditEntry) {
        let entry = describe(self.entry);
        let appended: Result<()> = async {
            let transaction = self.database.begin_write(COMPLETING).await?;
            let removed = setting::Entity::delete_by_id(&self.name).exec(&transaction).await;
            match removed.map_err(Error::database(COMPLETING))?.rows_affected {
                // It was taken for abandoned, and is in the chain.
                0 => Ok(()),
                _ => entry.commit(transaction, COMPLETING).await,
            }
        }
        .await;
        if let Err(error) = appended {
            tracing::warn!(%error, "the event of an operation is appended to the audit later, with the result `unknown`");
        }
        entry.note(ReceiptState::Written);
    }

    /// Removes the event, because its operation changed nothing. The caller's error becomes an event of its own.
    pub(crate) async fn withdraw(self) {
        let removed: Result<()> = async {
            let transaction = self.database.begin_write(COMPLETING).await?;
            let removed = setting::Entity::delete_by_id(&self.name).exec(&transaction).await;
            removed.map_err(Error::database(COMPLETING))?;
            transaction.commit().await.map_err(Error::database(COMPLETING))
        }
        .await;
        if let Err(error) = removed {
            tracing::warn!(%error, "the audit gets an event with the result `unknown` for an operation that failed");
        }
    }
}

/// Appends the events of operations that were interrupted.
pub(super) async fn append_abandoned(database: &Database) -> Result<()> {
    let before = database.now().await? - ABANDONED_AFTER;
    let abandoned = setting::Entity::find()
        .filter(setting::Column::Name.starts_with(PREFIX))
        .filter(setting::Column::UpdatedAt.lt(before))
        .all(database.connection())
        .await;
    for row in abandoned.map_err(Error::database(COMPLETING))? {
        let Ok(DeferredEvent { mut event, .. }) = serde_json::from_str::<DeferredEvent>(&row.value) else {
            tracing::error!(name = row.name, "a stored event of the audit can't be read");
            continue;
        };
        let Some(transaction) = database.try_begin_write(COMPLETING).await? else {
            return Ok(());
        };
        let removed = setting::Entity::delete_by_id(&row.name).exec(&transaction).await;
        if removed.map_err(Error::database(COMPLETING))?.rows_affected == 0 {
            // Another copy of the service has appended it.
            continue;
        }
        AuditResult::Unknown.name().clone_into(&mut event.result);
        event.reason = Some(INTERRUPTED.to_owned());
        append_event(&transaction, event, Some(row.updated_at)).await?;
        transaction.commit().await.map_err(Error::database(COMPLETING))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::Expr;

    use super::super::{Audit, AuditActor, AuditEvent, AuditFilter};
    use super::*;
    use crate::account::Admin;
    use crate::sample::School;

    #[tokio::test(flavor = "multi_thread")]
    async fn interrupted_operation_has_one_event_of_unknown_result() {
        let school = School::empty().await;
        let database = &school.database;
        let audit = Audit::new(database.clone(), None);
        let store = async || {
            let entry = AuditEntry::new(AuditActor::service(), AuditEvent::ArchiveDeletion).about("a");
            entry.store(database).await.unwrap()
        };
        let results = async || {
            let filter = AuditFilter {
                event: Some(AuditEvent::ArchiveDeletion),
                ..AuditFilter::default()
            };
            let page = audit.list(&Admin::for_tests(), &filter, 10, 0).await.unwrap();
            page.items.into_iter().map(|event| event.result).collect::<Vec<_>>()
        };
        store().await.succeeded(|entry| entry).await;
        store().await.withdraw().await;
        assert_eq!(results().await, ["succeeded"]);
        // As if the service had ended during the operation.
        drop(store().await);
        audit.step().await.unwrap();
        assert_eq!(results().await, ["succeeded"], "it may still run");
        setting::Entity::update_many()
            .col_expr(
                setting::Column::UpdatedAt,
                Expr::value(stats::now() - TimeDelta::days(1)),
            )
            .filter(setting::Column::Name.starts_with(PREFIX))
            .exec(database.connection())
            .await
            .unwrap();
        for _ in 0..2 {
            audit.step().await.unwrap();
            assert_eq!(results().await, ["unknown", "succeeded"]);
        }
        assert!(audit.verify(&Admin::for_tests(), None).await.unwrap().ok);
    }
}
