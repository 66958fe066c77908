//! Marking a backup that has far fewer rows or less money than the last good ones, and accepting it.

use std::time::Duration;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::ArchiveKind;
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::inventory::{Inventory, ProvenArchive};
use super::{ListedArchive, Operations};
use crate::account::Admin;
use crate::audit::{AuditEntry, AuditEvent};
use crate::entity::archive::{Column, Entity, Model};
use crate::error::{Error, Result};
use crate::job::Progress;
use crate::notify::{ArchiveSuspicious, Event};
use crate::stats;
use crate::suspicion::{Figures, NotCompared, Suspicion, SuspicionFinding, findings};

/// How many of the last good backups a new one is compared with.
const COMPARED: usize = 3;

/// How often the service tries to read the last backups, and how long it waits in between.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_secs(1);

impl Operations {
    /// The findings about a new backup, as they are stored with its record; none if nothing looks wrong. A backup that an
    /// administrator has accepted is the oldest one that counts. No backup fails because it can't be compared: then that is the
    /// finding, and an administrator has to look at it.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the job was cancelled.
    pub(super) async fn suspicion_of_new(&self, manifest: &Manifest, progress: &Progress) -> Result<Option<String>> {
        let Some(threshold) = self.0.settings.suspicion_threshold else {
            return Ok(None);
        };
        if manifest.kind != ArchiveKind::Created {
            return Ok(None);
        }
        let found = match attempted(progress, async || self.inventory().await).await? {
            Ok(inventory) => compared(manifest, &inventory, threshold),
            Err(error) => vec![SuspicionFinding::NotCompared(NotCompared {
                not_compared: error.to_string(),
            })],
        };
        if found.is_empty() {
            return Ok(None);
        }
        tracing::warn!(
            id = manifest.id,
            findings = ?found,
            "a new backup looks suspicious: it has far fewer rows or less money than the last ones, or can't be compared with them"
        );
        // Texts and numbers always have a JSON form.
        Ok(serde_json::to_string(&found).ok())
    }

    /// Accepts an archive that looks suspicious: an administrator says that it is right. It is then a good backup. An archive
    /// that is accepted already, or does not look suspicious, stays as it is.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest), and database errors.
    pub async fn accept(&self, admin: &Admin, id: &str) -> Result<ListedArchive> {
        let manifest = self.0.store.manifest(id).await?;
        let doing = "accepting an archive";
        let transaction = self.0.database.begin_write(doing).await?;
        Entity::update_many()
            .col_expr(Column::AcceptedAt, Expr::value(stats::now()))
            .col_expr(Column::AcceptedBy, Expr::value(admin.username()))
            .filter(Column::ArchiveId.eq(id))
            .filter(Column::Suspicion.is_not_null())
            .filter(Column::AcceptedAt.is_null())
            .exec(&transaction)
            .await
            .map_err(Error::database(doing))?;
        let event = AuditEntry::by(admin, AuditEvent::ArchiveAcceptance).about(id);
        event.commit(transaction, doing).await?;
        self.describe_one(manifest).await
    }
}

/// The findings about a new backup, compared with the last good ones of a listing.
fn compared(manifest: &Manifest, inventory: &Inventory, threshold: u8) -> Vec<SuspicionFinding> {
    let good = inventory.good();
    let is_accepted = |archive: &&ProvenArchive| {
        let record = archive.record.as_ref();
        record.is_some_and(|record| record.accepted_at.is_some())
    };
    let accepted = good.iter().position(is_accepted);
    let count = accepted.map_or(COMPARED, |position| COMPARED.min(position + 1));
    let before: Vec<_> = good
        .iter()
        .take(count)
        .map(|before| Figures::from(&*before.manifest))
        .collect();
    findings(Figures::from(manifest), &before, threshold)
}

/// The result of several attempts, with a pause after each that failed: the store or the database may be busy for a moment.
///
/// # Errors
/// [`Error::Cancelled`] if the job was cancelled.
async fn attempted<T>(progress: &Progress, attempt: impl AsyncFn() -> Result<T>) -> Result<Result<T>> {
    for _ in 1..ATTEMPTS {
        if let Ok(done) = attempt().await {
            return Ok(Ok(done));
        }
        progress.advance(0)?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(attempt().await)
}

/// The event of an archive that looks suspicious; none if it does not. It is reported when the archive's job has succeeded, because
/// an archive that is recorded may still be discarded.
pub(crate) async fn suspicion_event(connection: &impl ConnectionTrait, archive_id: &str) -> Result<Option<Event>> {
    let record = Entity::find_by_id(archive_id).one(connection).await;
    let record = record.map_err(Error::database("reading what looks wrong about an archive"))?;
    let suspicion = record.as_ref().and_then(suspicion_of);
    Ok(suspicion.map(|suspicion| {
        Event::ArchiveSuspicious(ArchiveSuspicious {
            archive_id: archive_id.to_owned(),
            findings: suspicion.findings.iter().map(ToString::to_string).collect(),
        })
    }))
}

/// What looks wrong about the archive of a record.
pub(super) fn suspicion_of(record: &Model) -> Option<Suspicion> {
    // This program has written the text.
    let findings = serde_json::from_str(record.suspicion.as_deref()?).unwrap_or_default();
    Some(Suspicion {
        findings,
        accepted_at: record.accepted_at,
        accepted_by: record.accepted_by.clone(),
    })
}

/// Whether something looks wrong about the archive of a record, and no administrator has accepted it.
pub(super) fn is_suspicious(record: &Model) -> bool {
    record.suspicion.is_some() && record.accepted_at.is_none()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn tried(progress: &Progress, failures: usize) -> (Result<Result<()>>, usize) {
        let attempts = Cell::new(0);
        let result = attempted(progress, async || {
            attempts.set(attempts.get() + 1);
            match attempts.get() > failures {
                true => Ok(()),
                false => Err(Error::Gone),
            }
        });
        let result = result.await;
        (result, attempts.get())
    }

    #[tokio::test(start_paused = true)]
    async fn short_fault_is_tried_again_and_a_long_one_is_an_error() {
        let progress = Progress::default();
        for failures in [0, 1, ATTEMPTS - 1] {
            let (result, attempts) = tried(&progress, failures).await;
            assert!(matches!(result, Ok(Ok(()))), "{result:?}");
            assert_eq!(attempts, failures + 1);
        }
        let (result, attempts) = tried(&progress, ATTEMPTS).await;
        assert!(matches!(result, Ok(Err(Error::Gone))), "{result:?}");
        assert_eq!(attempts, ATTEMPTS);
        progress.cancel();
        let (result, attempts) = tried(&progress, ATTEMPTS).await;
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        assert_eq!(attempts, 1);
    }
}
