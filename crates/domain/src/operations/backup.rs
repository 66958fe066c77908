//! Taking an archive: whether there is room for one, and how it gets into the list.

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::Origin;
use serde_json::json;

use super::{Annotations, Operations};
use crate::account::Admin;
use crate::error::{Error, Result};
use crate::job::{Idempotency, Kind, Needs, Phase, Submission, Submitted, Work, work};
use crate::stats;
use crate::store::Listing;

/// How many bytes a row takes in the store while nothing is known of this school's; the demo school's take a tenth of it
/// when they are compressed.
const BYTES_OF_A_ROW: u64 = 100;

/// Where there is room for so many archives like the last one, the rows need not be counted to know that there is enough.
const PLENTY: u64 = 100;

/// What there must be to spare beside an archive.
pub(super) const TO_SPARE: u64 = 4 << 20;

impl Operations {
    /// Begins to take an archive of the live data: a job whose result is `{"archive_id"}` and the archive's numbers.
    ///
    /// 1. There must be room for it, as far as anybody can say.
    /// 2. One snapshot of all tables is written into the store while it is read, and counted.
    /// 3. What was written is opened again, to its end: digests, counts and sums must be those of the rows. What is stored is
    ///    read back: it must be what was written.
    /// 4. Its digests are recorded in the database. It is listed, and the job has succeeded. Whatever fails before that leaves nothing.
    ///
    /// If an earlier job of the same request has published its archive, that one is the answer.
    ///
    /// # Errors
    /// Then there is no job: [`Error::Invalid`], [`Error::InsufficientStorage`], and those of [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn create_backup(
        &self,
        admin: &Admin,
        annotations: Annotations,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted> {
        annotations.check()?;
        self.ensure_room().await?;
        let submission = Submission {
            kind: Kind::Archive,
            parameters: json!(annotations),
            idempotency,
            needs: Needs::Nothing,
        };
        let work = self.backup_work(admin.clone(), annotations);
        self.0.jobs.submit(admin, submission, work).await
    }

    fn backup_work(&self, by: Admin, annotations: Annotations) -> Work {
        let operations = self.clone();
        work(async move |context| {
            if let Some(published) = operations.published_before(&context).await? {
                return Ok(published);
            }
            let progress = context.progress();
            let mut manifest = operations
                .write(&by, &annotations, Origin::Taken, Phase::BackingUp, progress)
                .await?;
            operations.record_and_publish(&mut manifest, &context).await?;
            Ok(job_result(&manifest))
        })
    }

    /// Demands room for an archive of the live data, if anybody can say how much there is.
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

    /// Checks that the store answers and has room for an archive like the last one. No row is counted.
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

    /// Lists an archive that was stored and looked at, if it may be. Otherwise, and if it can't be listed, nothing is left of
    /// it.
    pub(super) async fn publish(&self, manifest: &Manifest, may: Result<()>) -> Result<()> {
        if let Err(error) = may {
            self.discard(manifest).await;
            return Err(error);
        }
        let Err(error) = self.0.store.put_manifest(manifest).await else {
            return Ok(());
        };
        // The manifest may be there and only the answer be lost.
        match self.0.store.manifest(&manifest.id).await {
            Ok(there) if there.object == manifest.object => Ok(()),
            Err(Error::ArchiveNotFound { .. }) => {
                self.discard(manifest).await;
                Err(error)
            }
            // Nobody can say whether it is listed, so it stays. If it is not, it is swept later.
            Ok(_) | Err(_) => Err(error),
        }
    }

    /// Removes an archive that is in no list. What fails is swept later.
    pub(super) async fn discard(&self, manifest: &Manifest) {
        self.discard_form(&manifest.id, manifest.object.form()).await;
    }

    pub(super) async fn discard_form(&self, id: &str, form: campus_backup_archive::Form) {
        if let Err(error) = self.0.store.discard(id, form).await {
            tracing::warn!(id, %error, "an archive that is in no list could not be removed; it will be swept");
        }
    }
}

/// Size and rows of the last archive that has rows.
fn last_archive(listing: &Listing) -> Option<(u64, u64)> {
    let last = listing.archives.iter().find(|manifest| manifest.total > 0)?;
    Some((last.object.size, last.total))
}

/// What a job says of the archive that came of it.
pub(super) fn job_result(manifest: &Manifest) -> serde_json::Value {
    json!({
        "archive_id": manifest.id,
        "rows": manifest.rows,
        "total": manifest.total,
        "size": manifest.object.size,
    })
}

/// Demands so many bytes of those that are free.
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

/// How many bytes should be free before an archive of so many rows is begun, by the size and the rows of one before.
fn room_for(rows: u64, last: Option<(u64, u64)>) -> u64 {
    let needed = match last {
        // A few more rows than it had should not take it for too small.
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
    fn room_is_asked_for_by_what_the_last_one_took() {
        assert_eq!(room_for(0, None), TO_SPARE);
        assert_eq!(room_for(10, None), 2_000 + TO_SPARE);
        assert_eq!(room_for(10, Some((50, 5))), 200 + TO_SPARE);
        assert_eq!(room_for(10, Some((50, 0))), 1_000 + TO_SPARE);
        assert_eq!(room_for(u64::MAX, Some((u64::MAX, 1))), u64::MAX);
    }
}
