//! Archives as what jobs have published: found again by the job and by the request.

use campus_backup_archive::Manifest;
use serde_json::Value;

use super::Operations;
use super::backup::job_result;
use super::records::manifest_key;
use crate::database::Database;
use crate::error::Result;
use crate::job::{Context, Published};
use crate::store::Store;

/// What jobs on that database have published in that store, for [`job::Settings`](crate::job::Settings). A manifest that the
/// installation has not signed is not believed.
///
/// # Errors
/// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable), and what the database says.
pub async fn published(database: &Database, store: &Store) -> Result<Published> {
    let (listing, key) = (store.list().await?, manifest_key(database).await?);
    Ok(listing
        .archives
        .into_iter()
        .filter(|manifest| key.has_signed(manifest))
        .filter_map(|manifest| Some((manifest.job_id.clone()?, job_result(&manifest))))
        .collect())
}

/// Names job and request in the manifest of an archive that the job is about to publish.
pub(super) fn attribute(manifest: &mut Manifest, context: &Context) {
    manifest.job_id = Some(context.job_id().to_owned());
    manifest.request_digest = context.request_digest();
}

impl Operations {
    /// What an earlier job of the same request has published although it did not succeed as far as it is known: its answer
    /// from the store was lost, or it was taken for dead. It is the answer to the request that is made again.
    pub(super) async fn published_before(&self, context: &Context) -> Result<Option<Value>> {
        let Some(digest) = context.request_digest().filter(|_| context.is_repeat()) else {
            return Ok(None);
        };
        let (listing, key) = (self.0.store.list().await?, self.manifest_key().await?);
        let is_it = |manifest: &&std::sync::Arc<Manifest>| {
            manifest.request_digest.as_ref() == Some(&digest) && key.has_signed(manifest)
        };
        Ok(listing.archives.iter().find(is_it).map(|manifest| job_result(manifest)))
    }
}
