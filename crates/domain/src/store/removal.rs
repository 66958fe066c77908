//! Deleting archives.

use std::collections::BTreeMap;

use bytes::Bytes;
use campus_backup_archive::{Manifest, ManifestError, ObjectFile};
use chrono::{DateTime, Utc};
use object_store::PutMode;

use super::names::{self, DELETED, MANIFEST, UNFINISHED};
use super::object::Object;
use super::{Store, blocking, fault, id};
use crate::error::{Error, Result};

/// Whether the protection of an archive keeps it from being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    Respected,
    Ignored,
}

impl Store {
    /// Deletes an archive. It needs no space, so that a full disk can be freed.
    ///
    /// 1. The archive must exist and must not be protected. It may lack a readable manifest. Remote storage is asked whether it
    ///    lets this client delete.
    /// 2. Its tombstone is written; from here on the archive is deleted. In a folder the manifest is renamed to it; in
    ///    remote storage it is a new object. Without space for it the manifest is removed instead, with the same
    ///    effect.
    /// 3. If the archive was protected concurrently, that wins: the tombstone is removed again.
    /// 4. The archive is removed. If the store refuses that, the tombstone is removed again.
    /// 5. The manifest is removed. A failure here, and an outage during step 4, is only logged; [`Store::sweep`] removes the
    ///    rest.
    /// 6. If there was no space for the tombstone, it is written now. If that fails too, the archive is forgotten, as
    ///    if it had never existed.
    ///
    /// Other files in the folder of the archive stay.
    ///
    /// # Errors
    /// Those of [`Store::manifest`] except [`Error::ArchiveIncomplete`], [`Error::ArchiveProtected`], and
    /// [`Error::ArchiveRetained`] if the store refuses it. An archive with an unreadable manifest can be deleted, unless a
    /// later version of the program wrote it: it might be protected.
    pub async fn delete(&self, id: &str) -> Result<()> {
        self.delete_with(id, Protection::Respected).await
    }

    /// Deletes the copy of an archive that was deleted in the store that it is a copy of. The protection of the copy may be
    /// outdated, so it does not count.
    ///
    /// # Errors
    /// Those of [`Store::delete`].
    pub async fn delete_copy(&self, id: &str) -> Result<()> {
        self.delete_with(id, Protection::Ignored).await
    }

    async fn delete_with(&self, id: &str, protection: Protection) -> Result<()> {
        let backend = &self.0.backend;
        let _turn = self.0.update_lock.lock().await;
        let _lock = backend.lock().await?;
        match self.ensure_there(id::checked(id)?, protection).await {
            Err(Error::ArchiveGone { .. }) => {
                self.remove_left(id, protection).await?;
                return Err(Error::ArchiveGone { id: id.to_owned() });
            }
            there => there?,
        }
        if backend.folder().is_none() {
            // There is no such object. A client that may not delete is refused all the same.
            backend.remove(id, UNFINISHED).await.map_err(retained(id, true))?;
        }
        let is_marked = match backend.put_tombstone(id).await {
            Ok(()) => true,
            Err(Error::InsufficientStorage { .. }) => false,
            Err(error) => return Err(retained(id, true)(error)),
        };
        if protection == Protection::Respected && self.is_protected(id).await? {
            backend.remove(DELETED, id).await?;
            return Err(Error::ArchiveProtected { id: id.to_owned() });
        }
        if !is_marked {
            backend.remove(id, MANIFEST).await.map_err(retained(id, true))?;
        }
        match self.remove_archive(id).await {
            Err(error) if is_marked && fault::is_refusal(&error) => {
                let is_listed = backend.remove_tombstone(id).await.is_ok();
                return Err(retained(id, is_listed)(error));
            }
            removed => {
                if let Err(error) = self.remove_rest(id, removed).await {
                    tracing::warn!(id, %error, "a deleted archive still takes room; it will be swept");
                }
            }
        }
        if !is_marked && let Err(error) = backend.put(DELETED, id, Bytes::new(), PutMode::Overwrite).await {
            tracing::warn!(id, %error, "there is no room to note that an archive was deleted");
        }
        Ok(())
    }

    /// The archives whose deletion is remembered, with its time, except for those that were copied back since.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if the store can't be read.
    pub async fn deleted(&self) -> Result<BTreeMap<String, DateTime<Utc>>> {
        let contents = self.0.backend.contents().await?;
        let tombstones = self.0.backend.tombstones(&contents).await?;
        let is_folder = self.0.backend.folder().is_some();
        let is_there = |id: &String| {
            let objects = || contents.archives.get(id).into_iter().flatten();
            // As in `Store::is_back`.
            let is_back = is_folder && objects().any(|object| object.name == MANIFEST);
            is_back || (objects().any(Object::is_of_archive) && !contents.is_deleted(id))
        };
        let deleted = tombstones.into_iter().filter(|(id, _)| !is_there(id));
        Ok(deleted.map(|(id, tombstone)| (id, tombstone.last_modified)).collect())
    }

    /// Whether an archive that has a tombstone was copied back, whatever the times of its files say: in a folder the manifest is
    /// renamed to the tombstone, so that no deleted archive has both.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if the store can't be read.
    pub(crate) async fn is_back(&self, id: &str) -> Result<bool> {
        let backend = &self.0.backend;
        Ok(backend.folder().is_some() && backend.object_version(id, MANIFEST).await?.is_some())
    }

    /// Removes the rest of an archive that was deleted, if a refusal or a crash has left it.
    ///
    /// # Errors
    /// [`Error::ArchiveRetained`] if the store still refuses it.
    async fn remove_left(&self, id: &str, protection: Protection) -> Result<()> {
        let is_kept = protection == Protection::Respected && self.is_protected(id).await?;
        if is_kept || self.is_back(id).await? || self.stored(id).await?.is_none() {
            return Ok(());
        }
        let removed = self.remove_archive(id).await.map_err(retained(id, false));
        match removed {
            Err(Error::ArchiveRetained { .. }) => removed,
            removed => self.remove_rest(id, removed).await,
        }
    }

    /// Removes what an interrupted writer has left of an archive that is not listed, so that the archive can be written again.
    /// Remote storage needs nothing: the archive is overwritten there.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub async fn remove_remains(&self, id: &str) -> Result<()> {
        let Some(folder) = self.0.backend.folder() else {
            return Ok(());
        };
        match self.manifest(id).await {
            Err(Error::ArchiveNotFound { .. } | Error::ArchiveGone { .. }) => {}
            _ => return Ok(()),
        }
        folder.release(id);
        self.remove_archive(id).await?;
        self.0.backend.remove(id, UNFINISHED).await
    }

    /// Removes a finished file that no manifest will name, because it is not as it should be. It leaves no tombstone.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`]. Then it is swept later.
    pub async fn discard(&self, id: &str, file: impl Into<ObjectFile>) -> Result<()> {
        self.within("removing an archive", self.remove_unlisted(id, file.into()))
            .await
    }

    async fn remove_unlisted(&self, id: &str, file: ObjectFile) -> Result<()> {
        let removed = self.0.backend.remove(id::checked(id)?, &file.name()).await;
        if let Some(folder) = self.0.backend.folder() {
            folder.release(id);
        }
        removed?;
        self.0.backend.remove(id, UNFINISHED).await?;
        self.tidy(id).await
    }

    /// Ensures that an archive exists and can be deleted as far as its protection says.
    async fn ensure_there(&self, id: &str, protection: Protection) -> Result<()> {
        match self.manifest(id).await {
            Ok(manifest) if manifest.protected && protection == Protection::Respected => {
                Err(Error::ArchiveProtected { id: id.to_owned() })
            }
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

    /// Removes the archive file, whatever its layers are.
    async fn remove_archive(&self, id: &str) -> Result<()> {
        for file in names::first_files() {
            self.0.backend.remove(id, &file.name()).await?;
        }
        // Remote storage charges for listings, and only an archive that was encrypted again has another file. One that its manifest
        // does not name is swept later.
        if self.0.backend.folder().is_some() || self.may_be_encrypted_again(id).await? {
            for file in self.files_encrypted_again(id).await? {
                self.0.backend.remove(id, &file.name()).await?;
            }
        }
        Ok(())
    }

    /// Whether the manifest names a file with a number, or can't be read.
    async fn may_be_encrypted_again(&self, id: &str) -> Result<bool> {
        let Some((_, _, json)) = self.fetch(id).await? else {
            return Ok(true);
        };
        Ok(Manifest::from_json(&json).map_or(true, |manifest| manifest.file_number > 0))
    }

    /// Removes the files of an archive that its manifest does not name any more, because the archive was encrypted again. Nothing is
    /// removed if the file that the manifest names is not there.
    ///
    /// # Errors
    /// Those of [`Store::manifest`], and errors of the store; an immutable one keeps the files.
    pub async fn remove_superseded(&self, id: &str) -> Result<()> {
        let _turn = self.0.update_lock.lock().await;
        let _lock = self.0.backend.lock().await?;
        let manifest = self.manifest(id).await?;
        if !self.has_file_of(&manifest).await? {
            return Ok(());
        }
        let number = manifest.file_number;
        for name in self.0.backend.names(id).await? {
            if ObjectFile::from_name(&name).is_some_and(|file| file.number != number) {
                self.0.backend.remove(id, &name).await?;
            }
        }
        Ok(())
    }

    /// Whether the file that a manifest names is there with its size. Otherwise another file may be all that is left of the archive,
    /// whatever the manifest says.
    pub(super) async fn has_file_of(&self, manifest: &Manifest) -> Result<bool> {
        let name = manifest.file().name();
        let found = self.0.backend.object_version(&manifest.id, &name).await?;
        Ok(found.is_some_and(|version| version.size == manifest.object.size))
    }

    /// Removes what is beside the archive file but for the tombstone, also if the archive file could not be removed.
    async fn remove_rest(&self, id: &str, removed: Result<()>) -> Result<()> {
        let manifest = self.0.backend.remove(id, MANIFEST).await;
        removed.and(manifest)?;
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

/// Converts an error of deleting an archive, if the store refuses it.
fn retained(id: &str, is_listed: bool) -> impl FnOnce(Error) -> Error {
    move |error| match fault::is_refusal(&error) {
        true => Error::ArchiveRetained {
            id: id.to_owned(),
            is_listed,
            source: Box::new(error),
        },
        false => error,
    }
}
