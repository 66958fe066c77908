//! Creating a backup: the check for free space, and its publication.

use campus_backup_archive::manifest::ArchiveKind;
use campus_backup_archive::{Manifest, ObjectFile};

use super::{Annotations, Operations};
use crate::account::Actor;
use crate::error::{Error, Result};
use crate::job::{BackupReport, Idempotency, JobParameters, JobResult, Lock, Phase, Submission, Submitted, Work, work};
use crate::stats;
use crate::store::Listing;

/// The assumed size of a row in the store before the first backup. Compressed rows of the demo school take a tenth of it.
const BYTES_OF_A_ROW: u64 = 100;

/// With room for so many archives of the last size there is enough, and the rows need not be counted.
const PLENTY: u64 = 100;

/// The bytes that must stay free beside an archive.
pub(super) const TO_SPARE: u64 = 4 << 20;

impl Operations {
    /// Starts to create a backup of the live data: a job whose result is a [`BackupReport`].
    ///
    /// 1. The store must have room for it, if the free space is known.
    /// 2. One snapshot of all tables is written into the store while it is read and counted.
    /// 3. The written bytes are opened again, to their end: digests, counts and sums must be those of the rows. The stored
    ///    object is read back and must be what was written.
    /// 4. Its digests are recorded in the database, and it is listed; then the job has succeeded. A failure before that
    ///    leaves no archive.
    ///
    /// If an earlier job of the same request has published its archive, that archive is the result.
    ///
    /// # Errors
    /// Then there is no job: [`Error::Invalid`], [`Error::InsufficientStorage`], and those of
    /// [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn create_backup(
        &self,
        actor: impl Into<Actor>,
        annotations: Annotations,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted> {
        let actor = actor.into();
        annotations.check()?;
        self.ensure_room().await?;
        let submission = Submission {
            parameters: JobParameters::Archive(annotations.clone()),
            idempotency,
            lock: Lock::None,
        };
        let work = self.backup_work(actor.username().to_owned(), annotations);
        self.0.jobs.submit(actor, submission, work).await
    }

    fn backup_work(&self, by: String, annotations: Annotations) -> Work {
        let operations = self.clone();
        work(async move |context| {
            if let Some(published) = operations.published_before(&context).await? {
                return Ok(JobResult::Archive(published));
            }
            let progress = context.progress();
            let mut manifest = operations
                .write(&by, &annotations, ArchiveKind::Created, Phase::BackingUp, progress)
                .await?;
            operations.record_and_publish(&mut manifest, &context).await?;
            Ok(JobResult::Archive(report(&manifest)))
        })
    }

    /// Ensures that the store has room for a backup of the live data, if the free space is known.
    ///
    /// # Errors
    /// [`Error::InsufficientStorage`]
    pub(super) async fn ensure_room(&self) -> Result<()> {
        let Some(free) = self.0.store.room().await? else {
            return Ok(());
        };
        let listing = self.0.store.list().await?;
        let last = last_archive(&listing);
        if last.is_some_and(|(size, _)| free / PLENTY > size.saturating_add(TO_SPARE)) {
            return Ok(());
        }
        let rows = stats::stats(&self.0.database).await?.total();
        ensure_free_bytes(free, room_for(rows, last))
    }

    /// Checks that the store answers and has room for an archive of the last size. It counts no rows.
    ///
    /// # Errors
    /// [`Error::InsufficientStorage`], and those of [`Store::list`](crate::store::Store::list).
    pub async fn check_room(&self) -> Result<()> {
        let listing = self.0.store.list().await?;
        let Some(free) = self.0.store.room().await? else {
            return Ok(());
        };
        let size = last_archive(&listing).map_or(0, |(size, _)| size);
        ensure_free_bytes(free, size.saturating_mul(2).saturating_add(TO_SPARE))
    }

    /// Lists an archive that was stored and checked, unless `may` is an error. In that case, and if it can't be listed, the
    /// archive is removed.
    pub(super) async fn publish(&self, manifest: &Manifest, may: Result<()>) -> Result<()> {
        if let Err(error) = may {
            self.discard(manifest).await;
            return Err(error);
        }
        let Err(error) = self.0.store.put_manifest(manifest).await else {
            return Ok(());
        };
        // The manifest may be stored although the answer was lost.
        match self.0.store.manifest(&manifest.id).await {
            Ok(there) if there.object == manifest.object => Ok(()),
            Err(Error::ArchiveNotFound { .. }) => {
                self.discard(manifest).await;
                Err(error)
            }
            // It may be listed or not, so it stays. If it is not listed, a sweep removes it later.
            Ok(_) | Err(_) => Err(error),
        }
    }

    /// Removes an archive that is not listed. If that fails, a sweep removes it later.
    pub(super) async fn discard(&self, manifest: &Manifest) {
        self.discard_file(&manifest.id, manifest.file()).await;
    }

    /// Removes a file that no manifest names.
    pub(super) async fn discard_file(&self, id: &str, file: impl Into<ObjectFile>) {
        if let Err(error) = self.0.store.discard(id, file).await {
            tracing::warn!(id, %error, "an archive that is not listed could not be removed; it will be removed later");
        }
    }
}

/// Size and rows of the last archive with rows.
fn last_archive(listing: &Listing) -> Option<(u64, u64)> {
    let last = listing.archives.iter().find(|manifest| manifest.total > 0)?;
    Some((last.object.size, last.total))
}

/// The report of a job that has created or uploaded this archive.
pub(super) fn report(manifest: &Manifest) -> BackupReport {
    BackupReport {
        archive_id: manifest.id.clone(),
        rows: manifest.rows.clone(),
        total: manifest.total,
        size: manifest.object.size,
    }
}

/// Ensures that enough bytes are free.
///
/// # Errors
/// [`Error::InsufficientStorage`]
pub(super) fn ensure_free_bytes(free: u64, needed: u64) -> Result<()> {
    match free < needed {
        true => Err(Error::InsufficientStorage {
            doing: "looking for room for an archive",
            source: format!("about {needed} bytes are needed and {free} are free").into(),
        }),
        false => Ok(()),
    }
}

/// How many bytes should be free for an archive of so many rows, by size and rows of the last archive.
fn room_for(rows: u64, last: Option<(u64, u64)>) -> u64 {
    let needed = match last {
        // The number of rows may have grown since the last archive.
        Some((size, total)) => (u128::from(rows) * u128::from(size)).div_ceil(u128::from(total.max(1))),
        None => u128::from(rows) * u128::from(BYTES_OF_A_ROW),
    };
    u64::try_from(needed.saturating_mul(2))
        .unwrap_or(u64::MAX)
        .saturating_add(TO_SPARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needed_room_follows_the_last_archive() {
        assert_eq!(room_for(0, None), TO_SPARE);
        assert_eq!(room_for(10, None), 2_000 + TO_SPARE);
        assert_eq!(room_for(10, Some((50, 5))), 200 + TO_SPARE);
        assert_eq!(room_for(10, Some((50, 0))), 1_000 + TO_SPARE);
        assert_eq!(room_for(u64::MAX, Some((u64::MAX, 1))), u64::MAX);
    }
}
