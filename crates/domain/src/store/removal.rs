//! Deleting archives, and sweeping what a crash left.

use std::collections::BTreeMap;

use bytes::Bytes;
use campus_backup_archive::{Form, Manifest, ManifestError};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt, PutMode};

use super::folder::{UNFINISHED, Writer};
use super::manifests::Object;
use super::{MANIFEST, Presence, Store, TOMBSTONE, archive_name, blocking, fault};
use crate::error::{Error, Result};

/// For how many days it is known that an archive was deleted. After that it never was.
pub const TOMBSTONE_DAYS: i64 = 400;

/// What was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Archives that were never listed, whole or in part.
    pub leftovers: u64,
    /// Parts of archives whose deletion was interrupted.
    pub deleted: u64,
    /// Signs of archives that were deleted long ago.
    pub tombstones: u64,
    /// The bytes of all of these.
    pub bytes: u64,
}

impl Store {
    /// Deletes an archive.
    ///
    /// 1. It must be there and must not be pinned.
    /// 2. `deleted.json` is written. From here on it is gone, whatever happens.
    /// 3. If it was pinned in the same moment, that counts: `deleted.json` is removed again.
    /// 4. The manifest is removed, then the archive. What fails here is only logged; [`Store::sweep`] does the rest.
    ///
    /// # Errors
    /// Those of [`Store::manifest`], [`Error::ArchivePinned`], [`Error::NoRoom`]. One whose manifest can't be read can be
    /// deleted, but not if a later version of the program wrote it: it might be pinned.
    pub async fn delete(&self, id: &str) -> Result<()> {
        let _turn = self.0.turns.lock().await;
        let _lock = self.lock_folder().await?;
        self.demand_unpinned(id).await?;
        let deleted_at = Utc::now().to_rfc3339();
        let tombstone = Bytes::from(format!("{{\"deleted_at\":\"{deleted_at}\"}}\n"));
        self.put(id, TOMBSTONE, tombstone, PutMode::Overwrite).await?;
        if self.is_pinned(id).await? {
            self.remove(&self.path(id, TOMBSTONE)?).await?;
            return Err(Error::ArchivePinned { id: id.to_owned() });
        }
        if let Err(error) = self.remove_rest(id).await {
            tracing::warn!(id, %error, "a deleted archive still takes room; it will be swept");
        }
        Ok(())
    }

    /// Removes an archive that was finished and is not to be listed, because it is not what it should be. Nobody will
    /// know that it was there.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`]. Then it will be swept.
    pub async fn discard(&self, id: &str, form: Form) -> Result<()> {
        let removed = self.remove(&self.path(id, &archive_name(form))?).await;
        if let Some(folder) = &self.0.folder {
            folder.release(id);
            folder.tidy(id);
        }
        removed
    }

    /// Removes what a crash left: archives, whole or in part, that have no manifest and that nobody is writing, what is
    /// left of deletions, and signs of deletions after [`TOMBSTONE_DAYS`].
    ///
    /// In a folder locks say whether somebody is writing. Elsewhere another copy of the service may be, so what is
    /// younger than [`Settings::leftover_age`](super::Settings) stays. The manifest is looked for again before anything
    /// is removed. It may run at any time, beside anything.
    ///
    /// Parts of an upload that was never completed are no objects and can't be listed here; see the
    /// [module](super) for what removes them.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub async fn sweep(&self) -> Result<Swept> {
        let mut archives: BTreeMap<String, Vec<Object>> = BTreeMap::new();
        for object in self.objects().await? {
            archives.entry(object.id.clone()).or_default().push(object);
        }
        let mut swept = Swept::default();
        for (id, objects) in &archives {
            let has = |name: &str| objects.iter().any(|object| object.name == name);
            let (is_gone, has_manifest) = (has(TOMBSTONE), has(MANIFEST));
            if is_gone {
                self.bury(id, objects, &mut swept).await?;
            }
            for object in objects.iter().filter(|_| !is_gone) {
                let is_candidate = object.name.ends_with(UNFINISHED) || !has_manifest;
                if is_candidate && self.sweep_leftover(object).await? {
                    swept.leftovers += 1;
                    swept.bytes += object.mark.size;
                }
            }
            if let Some(folder) = &self.0.folder {
                folder.tidy(id);
            }
        }
        Ok(swept)
    }

    /// Ends a deletion that was interrupted, or forgets one.
    async fn bury(&self, id: &str, objects: &[Object], swept: &mut Swept) -> Result<()> {
        // Not while somebody finds out that it is pinned.
        let _turn = self.0.turns.lock().await;
        let _lock = self.lock_folder().await?;
        let is_gone = matches!(self.presence(id).await?, Presence::Gone);
        if !is_gone || self.is_pinned(id).await? {
            return Ok(());
        }
        if let [tombstone] = objects {
            if is_older(tombstone.mark.last_modified, TimeDelta::days(TOMBSTONE_DAYS)) {
                self.remove(&self.path(id, TOMBSTONE)?).await?;
                swept.tombstones += 1;
                swept.bytes += tombstone.mark.size;
            }
            return Ok(());
        }
        self.remove_rest(id).await?;
        for object in objects.iter().filter(|object| object.name != TOMBSTONE) {
            swept.deleted += 1;
            swept.bytes += object.mark.size;
        }
        Ok(())
    }

    /// Removes a leftover, if it is one.
    async fn sweep_leftover(&self, object: &Object) -> Result<bool> {
        let age = TimeDelta::from_std(self.0.leftover_age).unwrap_or(TimeDelta::MAX);
        let writer = match &self.0.folder {
            Some(folder) => {
                let (folder, id, name) = (folder.clone(), object.id.clone(), object.name.clone());
                match blocking(move || folder.writer_of(&id, &name)).await? {
                    Ok(writer) => writer,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
                    Err(error) => return Err(fault::io("sweeping the folder of archives")(error)),
                }
            }
            None => Writer::Unknown,
        };
        let is_left = match &writer {
            Writer::AtWork => false,
            Writer::Gone(_) => true,
            Writer::Unknown => is_older(object.mark.last_modified, age),
        };
        // Its writer may have come to the end of its work since the listing.
        let is_unfinished = object.name.ends_with(UNFINISHED);
        if !is_left || (!is_unfinished && self.fetch(&object.id).await?.is_some()) {
            return Ok(false);
        }
        self.remove(
            &self
                .0
                .prefix
                .clone()
                .join(object.id.as_str())
                .join(object.name.as_str()),
        )
        .await?;
        Ok(true)
    }

    async fn demand_unpinned(&self, id: &str) -> Result<()> {
        match self.manifest(id).await {
            Ok(manifest) if manifest.pinned => Err(Error::ArchivePinned { id: id.to_owned() }),
            Err(Error::ManifestUnreadable { source, .. }) if !is_newer(&source) => Ok(()),
            read => read.map(drop),
        }
    }

    /// What the manifest says, whether the archive is gone or not.
    async fn is_pinned(&self, id: &str) -> Result<bool> {
        let json = self.fetch(id).await?;
        let manifest = json.and_then(|(_, json)| Manifest::from_json(&json).ok());
        Ok(manifest.is_some_and(|manifest| manifest.pinned))
    }

    /// Everything of an archive but the sign that it was deleted; the manifest first.
    async fn remove_rest(&self, id: &str) -> Result<()> {
        self.remove(&self.path(id, MANIFEST)?).await?;
        let tombstone = self.path(id, TOMBSTONE)?;
        let place = self.0.prefix.clone().join(id);
        let rest: Vec<ObjectMeta> = self
            .0
            .objects
            .list(Some(&place))
            .try_collect()
            .await
            .map_err(fault::store(DELETING))?;
        for meta in rest.iter().filter(|meta| meta.location != tombstone) {
            self.remove(&meta.location).await?;
        }
        Ok(())
    }

    /// What is not there need not be removed.
    async fn remove(&self, path: &Path) -> Result<()> {
        match self.0.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(fault::store(DELETING)(error)),
        }
    }
}

const DELETING: &str = "deleting from the store of archives";

fn is_newer(error: &ManifestError) -> bool {
    matches!(error, ManifestError::NewerVersion { .. })
}

fn is_older(time: DateTime<Utc>, age: TimeDelta) -> bool {
    Utc::now().signed_duration_since(time) >= age
}
