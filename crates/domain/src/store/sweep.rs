//! Sweeping: removes the remains of a crash, and nothing else.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};

use super::folder::WriterState;
use super::names::{self, DELETED, MANIFEST, OLD_TOMBSTONE, UNFINISHED};
use super::object::{Object, ObjectVersion, StoreContents};
use super::{Store, blocking, fault};
use crate::error::Result;

/// For how many days a deletion is remembered. After that the archive counts as never having existed.
pub const TOMBSTONE_DAYS: i64 = 400;

/// How many deletions are remembered: the latest ones.
pub const TOMBSTONES: usize = 1_000;

/// The minimum age of an unfinished file in a folder without support for locks.
const AGE_WITHOUT_LOCKS: TimeDelta = TimeDelta::days(1);

/// How many tombstones are removed at once.
const REMOVALS: usize = 16;

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Unfinished files, and archives that were not listed yet.
    pub leftovers: u64,
    /// Parts of archives whose deletion was interrupted.
    pub deleted: u64,
    /// Tombstones of archives that were deleted long ago.
    pub tombstones: u64,
    /// The bytes of all of these.
    pub bytes: u64,
}

impl Store {
    /// Removes the remains of a crash of the service:
    ///
    /// - files of archives that were encrypted again, if the manifest does not name them;
    /// - unfinished files: those with a name of [`names::unfinished`], and an archive with a file `unfinished` and
    ///   without a manifest;
    /// - the rest of deletions;
    /// - tombstones that are older than [`TOMBSTONE_DAYS`] or are not among the newest [`TOMBSTONES`];
    /// - empty folders of archives.
    ///
    /// A leftover must be as old as [`StoreSettings::leftover_age`](super::StoreSettings) says. In a folder its lock
    /// must be free too; elsewhere only the age shows that no other copy of the service is writing it. The manifest is
    /// looked up again before anything is removed. Every other file stays, including an archive without a manifest,
    /// which a person may be copying in. A sweep may run at any time, concurrently with anything.
    ///
    /// Parts of an upload that was never completed are not objects and can't be listed; see the [module](super) for how
    /// to remove them.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`](crate::Error::StoreUnavailable) if the store can't be listed. A failure for one
    /// archive is logged.
    pub async fn sweep(&self) -> Result<SweepReport> {
        let contents = self.0.backend.contents().await?;
        let mut swept = SweepReport::default();
        for (id, objects) in &contents.archives {
            match self.sweep_one(id, objects, &contents, &mut swept).await {
                // An immutable bucket refuses it for weeks.
                Err(error) if fault::is_refusal(&error) => {
                    tracing::debug!(id, %error, "the store keeps what may be left of an archive");
                }
                Err(error) => tracing::warn!(id, %error, "what may be left of an archive was not removed"),
                Ok(()) => {}
            }
        }
        self.prune_tombstones(&contents, &mut swept).await?;
        Ok(swept)
    }

    async fn sweep_one(
        &self,
        id: &str,
        objects: &[Object],
        contents: &StoreContents,
        swept: &mut SweepReport,
    ) -> Result<()> {
        let find = |name: &str| objects.iter().find(|object| object.name == name);
        let manifest = find(MANIFEST).map(|manifest| &manifest.version);
        if contents.tombstones.contains_key(id) && objects.iter().any(|object| object.is_of_archive()) {
            match contents.is_deleted(id) {
                true => self.end_deletion(id, objects, contents, swept).await?,
                false => self.forget_deletion(id).await?,
            }
        }
        let unfinished = find(UNFINISHED);
        let mut is_in_use = false;
        for object in objects {
            let is_whole = object.file().is_some();
            let is_candidate =
                names::is_unfinished(&object.name) || (is_whole && unfinished.is_some() && manifest.is_none());
            if is_candidate {
                match self.sweep_leftover(id, object).await? {
                    true => swept.add_leftover(object),
                    false => is_in_use = true,
                }
            }
        }
        if manifest.is_some()
            && objects
                .iter()
                .any(|object| object.file().is_some_and(|file| file.number > 0))
        {
            self.sweep_superseded(id, objects, swept).await?;
        }
        // Removed last: without it, the archive would look like a foreign one.
        if let Some(unfinished) = unfinished.filter(|unfinished| !is_in_use && self.is_old(&unfinished.version)) {
            self.0.backend.remove(id, UNFINISHED).await?;
            swept.bytes += unfinished.version.size;
        }
        if let Some(folder) = self.0.backend.folder().cloned() {
            let (id, moment) = (id.to_owned(), Utc::now() - self.leftover_age());
            blocking(move || folder.tidy_before(&id, moment)).await?;
        }
        Ok(())
    }

    /// Removes the files of an archive that was encrypted again, except for the one that its manifest names: the former one, and
    /// one whose writer was interrupted.
    async fn sweep_superseded(&self, id: &str, objects: &[Object], swept: &mut SweepReport) -> Result<()> {
        // Serialised with changes of the manifest.
        let _turn = self.0.update_lock.lock().await;
        let _lock = self.0.backend.lock().await?;
        let Ok(manifest) = self.manifest(id).await else {
            return Ok(());
        };
        if !self.has_file_of(&manifest).await? {
            tracing::warn!(
                id,
                "the file that a manifest names is not there, so no other file of the archive is removed"
            );
            return Ok(());
        }
        let is_other = |object: &&Object| object.file().is_some_and(|file| file.number != manifest.file_number);
        for object in objects.iter().filter(is_other) {
            // The lock is held until the file is removed.
            if let Some(_writer) = self.ended_writer_of(id, object).await? {
                self.0.backend.remove(id, &object.name).await?;
                swept.add_leftover(object);
            }
        }
        Ok(())
    }

    /// Removes the tombstone of an archive that was copied back after its deletion. Otherwise it would look deleted
    /// again once the times of all files are reset, as by `chown -R` or a copy of the whole store.
    async fn forget_deletion(&self, id: &str) -> Result<()> {
        let _turn = self.0.update_lock.lock().await;
        let _lock = self.0.backend.lock().await?;
        // Another process may have deleted it again since the listing.
        let tombstone = self.0.backend.tombstone(id).await?;
        let manifest = self.0.backend.object_version(id, MANIFEST).await?;
        match (tombstone, manifest) {
            (Some(tombstone), Some(manifest)) if manifest.changed > tombstone.changed => {
                self.remove_tombstone(id).await
            }
            _ => Ok(()),
        }
    }

    /// Completes an interrupted deletion. Files that are newer than the deletion belong to a later copy and stay.
    async fn end_deletion(
        &self,
        id: &str,
        objects: &[Object],
        contents: &StoreContents,
        swept: &mut SweepReport,
    ) -> Result<()> {
        // Serialised with requests that protect the archive.
        let _turn = self.0.update_lock.lock().await;
        let _lock = self.0.backend.lock().await?;
        let Some(tombstone) = contents.tombstones.get(id) else {
            return Ok(());
        };
        let is_marked = self.0.backend.tombstone(id).await?.is_some();
        let is_there = is_marked || objects.iter().any(|one| one.name == OLD_TOMBSTONE);
        if !is_there || self.is_protected(id).await? {
            return Ok(());
        }
        if is_marked && self.is_back(id).await? {
            return Ok(());
        }
        let is_earlier = |object: &&Object| object.version.changed <= tombstone.changed;
        let left = objects
            .iter()
            .filter(is_earlier)
            .filter(|object| object.is_of_archive());
        let mut left: Vec<_> = left.collect();
        // The manifest first, so that the archive is no longer listed.
        left.sort_by_key(|object| object.name != MANIFEST);
        for object in left {
            self.0.backend.remove(id, &object.name).await?;
            swept.deleted += 1;
            swept.bytes += object.version.size;
        }
        Ok(())
    }

    /// Removes an unfinished file, if it is a leftover.
    async fn sweep_leftover(&self, id: &str, object: &Object) -> Result<bool> {
        let Some(_writer) = self.ended_writer_of(id, object).await? else {
            return Ok(false);
        };
        // Its writer may have finished since the listing.
        if !names::is_unfinished(&object.name) && self.fetch(id).await?.is_some() {
            return Ok(false);
        }
        self.0.backend.remove(id, &object.name).await?;
        Ok(true)
    }

    /// The writer of a file, if its lock and the age of the file say that it has ended. Where there are no locks, the age alone does.
    async fn ended_writer_of(&self, id: &str, object: &Object) -> Result<Option<WriterState>> {
        let is_old = self.is_old(&object.version);
        let Some(folder) = self.0.backend.folder().cloned() else {
            return Ok(is_old.then_some(WriterState::Unknown));
        };
        let (owned, name) = (id.to_owned(), object.name.clone());
        let writer = match blocking(move || folder.writer_of(&owned, &name)).await? {
            Ok(writer) => writer,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault::entry(id, "sweeping the folder of archives")(error)),
        };
        let has_ended = match &writer {
            WriterState::AtWork => false,
            WriterState::Gone(_) => is_old,
            WriterState::Unknown => is_old && is_older(object.version.changed, AGE_WITHOUT_LOCKS),
        };
        Ok(has_ended.then_some(writer))
    }

    /// Removes the oldest tombstones.
    async fn prune_tombstones(&self, contents: &StoreContents, swept: &mut SweepReport) -> Result<()> {
        let tombstones = self.0.backend.tombstones(contents).await?;
        let mut tombstones: Vec<(String, ObjectVersion)> = tombstones.into_iter().collect();
        tombstones.sort_by_cached_key(|(id, version)| (Reverse(version.last_modified), id.clone()));
        let too_many = tombstones.split_off(tombstones.len().min(TOMBSTONES));
        let is_too_old = |version: &ObjectVersion| is_older(version.last_modified, TimeDelta::days(TOMBSTONE_DAYS));
        let too_old = tombstones.into_iter().filter(|(_, version)| is_too_old(version));
        let removed = stream::iter(too_old.chain(too_many))
            .map(|(id, version)| async move { (self.remove_tombstone(&id).await, version) })
            .buffer_unordered(REMOVALS);
        let removed: Vec<_> = removed.collect().await;
        for (removed, version) in removed {
            if removed.as_ref().is_err_and(fault::is_refusal) {
                continue;
            }
            removed?;
            swept.tombstones += 1;
            swept.bytes += version.size;
        }
        Ok(())
    }

    async fn remove_tombstone(&self, id: &str) -> Result<()> {
        self.0.backend.remove(DELETED, id).await?;
        self.0.backend.remove(id, OLD_TOMBSTONE).await?;
        if let Some(folder) = self.0.backend.folder().cloned() {
            let id = id.to_owned();
            blocking(move || folder.tidy(&id)).await?;
        }
        Ok(())
    }

    fn is_old(&self, version: &ObjectVersion) -> bool {
        is_older(version.changed, self.leftover_age())
    }

    fn leftover_age(&self) -> TimeDelta {
        TimeDelta::from_std(self.0.leftover_age).unwrap_or(TimeDelta::days(1))
    }
}

impl SweepReport {
    fn add_leftover(&mut self, object: &Object) {
        self.leftovers += 1;
        self.bytes += object.version.size;
    }
}

fn is_older(time: DateTime<Utc>, age: TimeDelta) -> bool {
    Utc::now().signed_duration_since(time) >= age
}
