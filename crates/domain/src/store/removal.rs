//! Deleting archives.

use bytes::Bytes;
use campus_backup_archive::{Form, Manifest, ManifestError};
use object_store::PutMode;

use super::names::{self, DELETED, MANIFEST, UNFINISHED};
use super::{Store, blocking, id};
use crate::error::{Error, Result};

impl Store {
    /// Deletes an archive. It needs no space, so that a full disk can be freed.
    ///
    /// 1. The archive must exist and must not be protected. It may lack a readable manifest.
    /// 2. Its tombstone is written; from here on the archive is deleted. In a folder the manifest is renamed to it; in
    ///    remote storage it is a new object. Without space for it the manifest is removed instead, with the same
    ///    effect.
    /// 3. If the archive was protected concurrently, that wins: the tombstone is removed again.
    /// 4. The manifest is removed, then the archive. A failure here is only logged; [`Store::sweep`] removes the rest.
    /// 5. If there was no space for the tombstone, it is written now. If that fails too, the archive is forgotten, as
    ///    if it had never existed.
    ///
    /// Other files in the folder of the archive stay.
    ///
    /// # Errors
    /// Those of [`Store::manifest`] except [`Error::ArchiveIncomplete`], and [`Error::ArchiveProtected`]. An archive
    /// with an unreadable manifest can be deleted, unless a later version of the program wrote it: it might be
    /// protected.
    pub async fn delete(&self, id: &str) -> Result<()> {
        let backend = &self.0.backend;
        let _turn = self.0.update_lock.lock().await;
        let _lock = backend.lock().await?;
        self.ensure_unprotected(id::checked(id)?).await?;
        let is_marked = match backend.put_tombstone(id).await {
            Ok(()) => true,
            Err(Error::InsufficientStorage { .. }) => false,
            Err(error) => return Err(error),
        };
        if self.is_protected(id).await? {
            backend.remove(DELETED, id).await?;
            return Err(Error::ArchiveProtected { id: id.to_owned() });
        }
        if !is_marked {
            backend.remove(id, MANIFEST).await?;
        }
        if let Err(error) = self.remove_rest(id).await {
            tracing::warn!(id, %error, "a deleted archive still takes room; it will be swept");
        }
        if !is_marked && let Err(error) = backend.put(DELETED, id, Bytes::new(), PutMode::Overwrite).await {
            tracing::warn!(id, %error, "there is no room to note that an archive was deleted");
        }
        Ok(())
    }

    /// Removes a finished archive that will not be listed, because it is not as it should be. It leaves no tombstone.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`]. Then it is swept later.
    pub async fn discard(&self, id: &str, form: Form) -> Result<()> {
        self.within("removing an archive", self.remove_unlisted(id, form)).await
    }

    async fn remove_unlisted(&self, id: &str, form: Form) -> Result<()> {
        let removed = self.0.backend.remove(id::checked(id)?, &names::archive(form)).await;
        if let Some(folder) = self.0.backend.folder() {
            folder.release(id);
        }
        removed?;
        self.0.backend.remove(id, UNFINISHED).await?;
        self.tidy(id).await
    }

    async fn ensure_unprotected(&self, id: &str) -> Result<()> {
        match self.manifest(id).await {
            Ok(manifest) if manifest.protected => Err(Error::ArchiveProtected { id: id.to_owned() }),
            Err(Error::ArchiveIncomplete { .. }) => Ok(()),
            Err(Error::ManifestUnreadable { source, .. }) if !matches!(source, ManifestError::NewerVersion { .. }) => {
                Ok(())
            }
            read => read.map(drop),
        }
    }

    /// Whether the manifest protects the archive, deleted or not.
    pub(super) async fn is_protected(&self, id: &str) -> Result<bool> {
        let json = self.fetch(id).await?;
        let manifest = json.and_then(|(_, _, json)| Manifest::from_json(&json).ok());
        Ok(manifest.is_some_and(|manifest| manifest.protected))
    }

    /// Removes everything of an archive but the tombstone; the manifest first.
    async fn remove_rest(&self, id: &str) -> Result<()> {
        let archives = names::FORMS.map(names::archive);
        for name in [MANIFEST].into_iter().chain(archives.iter().map(String::as_str)) {
            self.0.backend.remove(id, name).await?;
        }
        self.tidy(id).await
    }

    /// Removes the folder of an archive, if it is empty.
    pub(super) async fn tidy(&self, id: &str) -> Result<()> {
        match self.0.backend.folder().cloned() {
            Some(folder) => {
                let id = id.to_owned();
                blocking(move || folder.tidy(&id)).await
            }
            None => Ok(()),
        }
    }
}
