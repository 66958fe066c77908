//! A survey of the stored backups for the health: what there is, how old it is, and whether its key is here. It reads
//! manifests and, at most, the first bytes of one archive.

use std::sync::Arc;

use campus_backup_archive::manifest::{ArchiveKind, VerificationLevel, VerificationResult};
use campus_backup_archive::{Encryption, Limits, Manifest, Reader};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::backup::TO_SPARE;
use super::{ArchiveOrigin, Operations};
use crate::entity::archive::{Column, Entity, RecordKind};
use crate::error::{Error, Result};
use crate::priority::{self, Priority};

/// How many manifests are compared with their records at a time. The newest one is usually the one that is looked for.
const BATCH: usize = 50;

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
    /// Archives and bytes by kind.
    pub(crate) usage: Vec<ArchiveUsage>,
    /// The free space in bytes, if it is known.
    pub(crate) free_bytes: Option<u64>,
}

/// A verification of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBackup {
    /// The archive.
    pub archive_id: String,
    /// When the verification ended.
    pub at: DateTime<Utc>,
    /// Its level.
    pub level: VerificationLevel,
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
    /// Looks at the stored backups, as of now.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] and other errors of the store, and database errors.
    pub(crate) async fn survey(&self, now: DateTime<Utc>) -> Result<BackupSurvey> {
        let latest = now + CLOCK_TOLERANCE;
        let archives = self.0.store.list().await?.archives;
        let free_bytes = self.0.store.room().await?;
        let created: Vec<_> = of_kind(&archives, ArchiveKind::Created)
            .filter(|manifest| manifest.created_at <= latest)
            .cloned()
            .collect();
        let key = self.manifest_key().await?;
        let mut verifications: Vec<_> = created
            .iter()
            .flat_map(|manifest| manifest.verifications.iter().map(move |found| (manifest, found)))
            .filter(|(_, found)| found.at <= latest)
            .collect();
        verifications.sort_by_key(|(_, found)| std::cmp::Reverse(found.at));
        let mut proven = verifications
            .into_iter()
            .filter(|(manifest, _)| key.has_signed(manifest));
        let verified = |(manifest, found): (&Arc<Manifest>, &campus_backup_archive::manifest::Verification)| {
            let verified = VerifiedBackup {
                archive_id: manifest.id.clone(),
                at: found.at,
                level: found.level,
            };
            (found.result, verified)
        };
        let (damaged, last_verified) = match proven.next().map(verified) {
            None => (None, None),
            Some((VerificationResult::Ok, newest)) => (None, Some(newest)),
            Some((VerificationResult::Failed, newest)) => {
                let intact = proven.find(|(_, found)| found.result == VerificationResult::Ok);
                (Some(newest), intact.map(|intact| verified(intact).1))
            }
        };
        Ok(BackupSurvey {
            last_backup: self.newest_made_here(&created).await?,
            last_verified,
            damaged,
            usage: usage(&archives),
            free_bytes,
        })
    }

    /// The first of these manifests whose archive this installation has created.
    async fn newest_made_here(&self, newest_first: &[Arc<Manifest>]) -> Result<Option<Arc<Manifest>>> {
        for batch in newest_first.chunks(BATCH) {
            let described = self.describe(batch.to_vec()).await?;
            let is_ours = |archive: &&super::ListedArchive| archive.origin == Some(ArchiveOrigin::MadeHere);
            if let Some(newest) = described.iter().find(is_ours) {
                return Ok(Some(newest.manifest.clone()));
            }
        }
        Ok(None)
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

    /// Whether one of the keys of the settings opens an archive. Only its first bytes are read.
    ///
    /// # Errors
    /// Errors of the store.
    pub(crate) async fn has_key_for(&self, manifest: &Manifest) -> Result<bool> {
        if manifest.object.encryption == Encryption::None {
            return Ok(true);
        }
        let (source, keys) = (self.source(manifest), self.0.settings.keys.clone());
        let opened = priority::run(Priority::Low, "testing a key", move || {
            let bytes = source.open()?;
            Reader::open(bytes, &keys, Limits::default())
                .map(drop)
                .map_err(Error::from)
        });
        match opened.await? {
            Err(Error::Archive(error)) if is_about_keys(&error) => Ok(false),
            // Damage is found by a verification.
            Ok(()) | Err(Error::Archive(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

fn is_about_keys(error: &campus_backup_archive::Error) -> bool {
    use campus_backup_archive::Error;
    matches!(error, Error::WrongKey | Error::KeyRequired { .. })
}

fn of_kind(archives: &[Arc<Manifest>], kind: ArchiveKind) -> impl Iterator<Item = &Arc<Manifest>> {
    archives.iter().filter(move |manifest| manifest.kind == kind)
}

fn usage(archives: &[Arc<Manifest>]) -> Vec<ArchiveUsage> {
    [ArchiveKind::Created, ArchiveKind::Safety, ArchiveKind::Uploaded]
        .map(|kind| ArchiveUsage {
            kind,
            archives: of_kind(archives, kind).count() as u64,
            bytes: of_kind(archives, kind).map(|manifest| manifest.object.size).sum(),
        })
        .to_vec()
}
