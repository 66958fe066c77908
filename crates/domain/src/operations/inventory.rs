//! The archives of one listing of the store, with what this installation can prove about each of them.

use std::cmp::Reverse;
use std::sync::Arc;

use campus_backup_archive::manifest::VerificationResult;
use campus_backup_archive::{Manifest, ManifestKey};

use super::Operations;
use super::records::ensure_same;
use super::suspicion::{is_suspicious, suspicion_of};
use crate::entity::archive::{Model, RecordKind};
use crate::error::{Error, Result};
use crate::retention::{ArchiveClass, ArchiveCondition, is_good};

/// The archives of one listing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inventory {
    /// The archives, the newest first.
    pub(super) archives: Vec<ProvenArchive>,
    /// The ids of entries that can't be read.
    pub(super) unreadable: Vec<String>,
}

/// A stored archive, as far as this installation can prove it.
#[derive(Clone, Debug)]
pub(super) struct ProvenArchive {
    pub(super) manifest: Arc<Manifest>,
    /// Its record, if the archive is what it says and the manifest is signed.
    pub(super) record: Option<Model>,
}

/// What became of an archive since the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SinceListing {
    /// It is as it was.
    Unchanged,
    /// Its manifest is another one, or is new.
    Changed,
    /// It is not there.
    Gone,
}

impl ProvenArchive {
    pub(super) fn class(&self) -> ArchiveClass {
        match self.record.as_ref().map(|record| record.kind) {
            Some(RecordKind::Created) => ArchiveClass::Created,
            Some(RecordKind::Safety) => ArchiveClass::Safety,
            Some(RecordKind::Uploaded) => ArchiveClass::Uploaded,
            None => ArchiveClass::Found,
        }
    }

    pub(super) fn condition(&self) -> ArchiveCondition {
        if self.record.as_ref().is_some_and(is_suspicious) {
            return ArchiveCondition::Suspicious;
        }
        match self.manifest.verifications.last().map(|last| last.result) {
            Some(VerificationResult::Failed) => ArchiveCondition::Damaged,
            Some(VerificationResult::Ok) => ArchiveCondition::Verified,
            None => ArchiveCondition::Good,
        }
    }

    /// What looks wrong about it, as sentences.
    pub(super) fn findings(&self) -> Vec<String> {
        let suspicion = self.record.as_ref().and_then(suspicion_of);
        let findings = suspicion.into_iter().flat_map(|suspicion| suspicion.findings);
        findings.map(|finding| finding.to_string()).collect()
    }
}

impl Inventory {
    /// The backups that this installation has created, whatever their condition.
    pub(super) fn created(&self) -> impl Iterator<Item = &ProvenArchive> {
        self.archives
            .iter()
            .filter(|archive| archive.class() == ArchiveClass::Created)
    }

    /// The good ones among them, the newest first.
    pub(super) fn good(&self) -> Vec<&ProvenArchive> {
        let mut good: Vec<_> = self
            .created()
            .filter(|archive| is_good(archive.class(), archive.condition()))
            .collect();
        good.sort_by_key(|archive| Reverse((archive.manifest.created_at, &archive.manifest.id)));
        good
    }

    /// Removes an archive that was deleted since.
    pub(crate) fn remove(&mut self, id: &str) {
        self.archives.retain(|archive| archive.manifest.id != id);
    }

    fn manifest(&self, id: &str) -> Option<&Manifest> {
        let found = self.archives.iter().find(|archive| archive.manifest.id == id);
        found.map(|archive| &*archive.manifest)
    }
}

impl Operations {
    /// Lists the store.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`], and database errors.
    pub(crate) async fn inventory(&self) -> Result<Inventory> {
        let (listing, key) = (self.0.store.list().await?, self.manifest_key().await?);
        let mut records = self.records_of(&listing.archives).await?;
        let archives = listing.archives.into_iter().map(|manifest| ProvenArchive {
            record: records
                .remove(&manifest.id)
                .filter(|record| is_proven(record, &manifest, key)),
            manifest,
        });
        Ok(Inventory {
            archives: archives.collect(),
            unreadable: listing.unreadable.into_iter().map(|entry| entry.id).collect(),
        })
    }

    /// What became of an archive since a listing. This reads its manifest alone.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub(crate) async fn since_listing(&self, inventory: &Inventory, id: &str) -> Result<SinceListing> {
        match self.0.store.manifest(id).await {
            Ok(manifest) if inventory.manifest(id) == Some(&*manifest) => Ok(SinceListing::Unchanged),
            Ok(_) | Err(Error::ManifestUnreadable { .. } | Error::ArchiveIncomplete { .. }) => {
                Ok(SinceListing::Changed)
            }
            Err(Error::ArchiveGone { .. } | Error::ArchiveNotFound { .. }) => Ok(SinceListing::Gone),
            Err(error) => Err(error),
        }
    }
}

/// Whether a record proves its archive: the archive is what it says, and the manifest is signed.
fn is_proven(record: &Model, manifest: &Manifest, key: &ManifestKey) -> bool {
    key.has_signed(manifest) && ensure_same(record, manifest, key).is_ok()
}
