//! The archives that jobs have published, found by the job or by the request.

use campus_backup_archive::Manifest;

use super::Operations;
use super::backup::report;
use super::records::manifest_key;
use crate::database::Database;
use crate::error::Result;
use crate::job::{BackupReport, Context, Published};
use crate::store::Store;

/// The archives that jobs of a database have published in a store, for [`job::JobSettings`](crate::job::JobSettings). Manifests
/// that this installation has not signed are ignored.
///
/// # Errors
/// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable), and database errors.
pub async fn published(database: &Database, store: &Store) -> Result<Published> {
    let (listing, key) = (store.list().await?, manifest_key(database).await?);
    Ok(listing
        .archives
        .into_iter()
        .filter(|manifest| key.has_signed(manifest))
        .filter_map(|manifest| Some((manifest.job_id.clone()?, report(&manifest))))
        .collect())
}

/// Adds job and request to the manifest of an archive that the job is about to publish.
pub(super) fn attribute(manifest: &mut Manifest, context: &Context) {
    manifest.job_id = Some(context.job_id().to_owned());
    manifest.request_digest = context.request_digest();
}

impl Operations {
    /// The id of the archive that a job has published, if it did.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable), and database errors.
    pub(crate) async fn archive_of_job(&self, job_id: &str) -> Result<Option<String>> {
        let (listing, key) = (self.0.store.list().await?, self.manifest_key().await?);
        let is_it = |manifest: &&std::sync::Arc<Manifest>| {
            manifest.job_id.as_deref() == Some(job_id) && key.has_signed(manifest)
        };
        Ok(listing.archives.iter().find(is_it).map(|manifest| manifest.id.clone()))
    }

    /// The archive that an earlier job of the same request has published, although that job did not succeed: the store's answer
    /// was lost, or the job was reaped. It is the result of the repeated request.
    pub(super) async fn published_before(&self, context: &Context) -> Result<Option<BackupReport>> {
        let Some(digest) = context.request_digest().filter(|_| context.is_repeat()) else {
            return Ok(None);
        };
        let (listing, key) = (self.0.store.list().await?, self.manifest_key().await?);
        let is_it = |manifest: &&std::sync::Arc<Manifest>| {
            manifest.request_digest.as_ref() == Some(&digest) && key.has_signed(manifest)
        };
        Ok(listing.archives.iter().find(is_it).map(|manifest| report(manifest)))
    }
}
