//! A survey of the stored backups for the health: what there is, how old it is, and whether its key is here. It reads
//! manifests and, at most, the first bytes of one archive.

use std::cmp::Reverse;
use std::sync::Arc;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::{ArchiveKind, Verification, VerificationLevel, VerificationResult};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use utoipa::ToSchema;

use super::Operations;
use super::backup::TO_SPARE;
use super::inventory::Inventory;
use crate::entity::archive::{Column, Entity, RecordKind};
use crate::error::{Error, Result};
use crate::retention::ArchiveCondition;

/// A backup or a verification that is further in the future was made while the clock was wrong. It is ignored, because it
/// would hide missing backups until that time.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::days(2);

/// The backups in the store.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BackupSurvey {
    /// The newest backup that this installation has created.
    pub(crate) last_backup: Option<Arc<Manifest>>,
    /// The newest verification of a backup that found it intact.
    pub(crate) last_verified: Option<VerifiedBackup>,
    /// The newest verification of a backup, if it found damage.
    pub(crate) damaged: Option<VerifiedBackup>,
    /// The backups that look suspicious and that no administrator has accepted, the newest first.
    pub(crate) suspicious: Vec<SuspiciousBackup>,
    /// Archives and bytes by kind.
    pub(crate) usage: Vec<ArchiveUsage>,
    /// The free space in bytes, if it is known.
    pub(crate) free_bytes: Option<u64>,
    /// How many of the archives the store refuses to delete.
    pub(crate) retained: u64,
    /// Whether a verification has opened an archive that is encrypted to exactly the current keys. The reading of an archive that was
    /// encrypted again does not count, because it used a key of its own.
    pub(crate) is_identity_proven: bool,
}

/// A verification of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LastVerification)]
pub struct VerifiedBackup {
    /// Its archive.
    pub archive_id: String,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Its level.
    pub level: VerificationLevel,
}

/// A backup that waits for an administrator to accept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SuspiciousBackup {
    /// The moment of its data.
    pub(crate) at: DateTime<Utc>,
    /// What looks wrong, as sentences.
    pub(crate) findings: Vec<String>,
}

/// The archives of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveUsage {
    /// The kind.
    pub kind: ArchiveKind,
    /// How many there are.
    pub archives: u64,
    /// How many bytes they have in the store.
    pub bytes: u64,
}

impl BackupSurvey {
    /// The bytes that the next archive needs, with room for growth.
    pub(crate) fn next_archive_bytes(&self) -> u64 {
        let size = self.last_backup.as_ref().map_or(0, |last| last.object.size);
        size.saturating_mul(2).saturating_add(TO_SPARE)
    }
}

impl Operations {
    /// Looks at the stored backups of a listing, as of now.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] and other errors of the store.
    pub(crate) async fn survey(&self, inventory: &Inventory, now: DateTime<Utc>) -> Result<BackupSurvey> {
        let latest = now + CLOCK_TOLERANCE;
        let created: Vec<_> = inventory
            .created()
            .map(|archive| &archive.manifest)
            .filter(|manifest| manifest.created_at <= latest)
            .collect();
        let mut verifications: Vec<_> = created
            .iter()
            .flat_map(|manifest| manifest.verifications.iter().map(move |found| (*manifest, found)))
            .filter(|(_, found)| found.at <= latest)
            .collect();
        verifications.sort_by_key(|(_, found)| Reverse(found.at));
        let mut verifications = verifications.into_iter();
        let verified = |(manifest, found): (&Arc<Manifest>, &Verification)| {
            let verified = VerifiedBackup {
                archive_id: manifest.id.clone(),
                at: found.at,
                level: found.level,
            };
            (found.result, verified)
        };
        let (damaged, last_verified) = match verifications.next().map(verified) {
            None => (None, None),
            Some((VerificationResult::Ok, newest)) => (None, Some(newest)),
            Some((VerificationResult::Failed, newest)) => {
                let intact = verifications.find(|(_, found)| found.result == VerificationResult::Ok);
                (Some(newest), intact.map(|intact| verified(intact).1))
            }
        };
        let newest = created
            .iter()
            .max_by_key(|manifest| (manifest.created_at, &manifest.id));
        Ok(BackupSurvey {
            last_backup: newest.map(|manifest| Arc::clone(manifest)),
            last_verified,
            damaged,
            suspicious: suspicious(inventory),
            usage: usage(inventory),
            free_bytes: self.0.store.room().await?,
            retained: retained(inventory),
            is_identity_proven: self.is_identity_proven(inventory),
        })
    }

    fn is_identity_proven(&self, inventory: &Inventory) -> bool {
        let proven = inventory.archives.iter().filter(|archive| archive.record.is_some());
        let mut manifests = proven.map(|archive| &archive.manifest);
        manifests.any(|manifest| {
            let is_after_rekey = |found: &&Verification| manifest.rekeyed_at.is_none_or(|at| found.at > at);
            let mut verifications = manifest.verifications.iter().filter(is_after_rekey);
            self.has_current_keys(manifest) && verifications.any(|found| found.result == VerificationResult::Ok)
        })
    }

    /// The newest backup by the records in the database, for when the store does not answer. It may have been deleted since.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn last_recorded_backup(&self) -> Result<Option<(String, DateTime<Utc>)>> {
        let newest = Entity::find()
            .filter(Column::Kind.eq(RecordKind::Created))
            .order_by_desc(Column::RecordedAt)
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking for the last backup"))?;
        Ok(newest.map(|record| (record.archive_id, record.recorded_at)))
    }

    /// Whether archives are encrypted.
    pub(crate) fn encrypts(&self) -> bool {
        !self.0.settings.recipients.is_empty()
    }
}

fn suspicious(inventory: &Inventory) -> Vec<SuspiciousBackup> {
    let waiting = inventory
        .created()
        .filter(|archive| archive.condition() == ArchiveCondition::Suspicious);
    let mut waiting: Vec<_> = waiting
        .map(|archive| SuspiciousBackup {
            at: archive.manifest.created_at,
            findings: archive.findings(),
        })
        .collect();
    waiting.sort_by_key(|backup| Reverse(backup.at));
    waiting
}

/// How many archives the store refuses to delete.
fn retained(inventory: &Inventory) -> u64 {
    let records = inventory.archives.iter().filter_map(|archive| archive.record.as_ref());
    records.filter(|record| record.retained_since.is_some()).count() as u64
}

fn usage(inventory: &Inventory) -> Vec<ArchiveUsage> {
    let of_kind = |kind| {
        let manifests = inventory.archives.iter().map(|archive| &archive.manifest);
        manifests.filter(move |manifest| manifest.kind == kind)
    };
    [ArchiveKind::Created, ArchiveKind::Safety, ArchiveKind::Uploaded]
        .map(|kind| ArchiveUsage {
            kind,
            archives: of_kind(kind).count() as u64,
            bytes: of_kind(kind).map(|manifest| manifest.object.size).sum(),
        })
        .to_vec()
}
