//! The proof of an archive's origin. It is in the database, where an attacker with write access to the store can't change it.
//!
//! - A *record* has the digests of one archive. The record of a backup or an upload is written before the archive is listed;
//!   that of a safety backup in the transaction of its change. An archive that differs from its record is neither
//!   verified nor restored.
//! - The *key* signs manifests. The verifications in a manifest count only if its signature is valid. The key is in the
//!   database, so that all copies of the service share it, and a new signing secret for tokens does not change it.
//!
//! Both are lost with the database. The archives are then [`Found`](ArchiveOrigin::Found), and verifying signs them again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::manifest::{ArchiveKind, Object, Verification};
use campus_backup_archive::{Manifest, ManifestKey};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, QueryTrait};
use serde::Serialize;
use utoipa::ToSchema;

use super::Operations;
use super::facts::Records;
use super::published::attribute;
use super::suspicion::suspicion_of;
use crate::change::Change;
use crate::database::Database;
use crate::entity::archive::{Column, Entity, Model, RecordKind};
use crate::error::{Error, Result};
use crate::installation_key;
use crate::job::{Context, Progress};
use crate::open::Checked;
use crate::restore::Provenance;
use crate::stats;
use crate::store::TOMBSTONE_DAYS;
use crate::suspicion::Suspicion;

/// The name of the key that signs manifests.
const MANIFESTS: &str = "manifests";

/// How many records one query reads or deletes.
const BATCH: usize = 500;

/// How long a job waits before it tries again to write a record, while another change holds SQLite's write lock.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// The origin of an archive, as far as this installation can prove it: `made_here` and `uploaded` archives match a record in
/// the database; a `found` archive has no such record and may come from anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveOrigin {
    /// This installation created it, and it is unchanged.
    MadeHere,
    /// An administrator uploaded it here, and it is unchanged.
    Uploaded,
    /// It was found in the store. Nothing proves its origin.
    Found,
}

impl ArchiveOrigin {
    /// Its name in the API and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MadeHere => "made_here",
            Self::Uploaded => "uploaded",
            Self::Found => "found",
        }
    }

    /// The origin by a record that matches the archive.
    fn of(record: Option<&Model>) -> Self {
        match record.map(|record| record.kind) {
            Some(RecordKind::Created | RecordKind::Safety) => Self::MadeHere,
            Some(RecordKind::Uploaded) => Self::Uploaded,
            None => Self::Found,
        }
    }
}

/// An archive with its proven origin and verifications.
#[derive(Clone, Debug)]
pub struct ListedArchive {
    /// Its manifest.
    pub manifest: Arc<Manifest>,
    /// Its origin; none without a database.
    pub origin: Option<ArchiveOrigin>,
    /// What looks wrong about it; none without a database.
    pub suspicion: Option<Suspicion>,
    is_signed: bool,
}

impl ListedArchive {
    /// An archive without a database: nothing is proven, and its verifications are those of the manifest.
    pub(super) fn unproven(manifest: Arc<Manifest>) -> Self {
        Self {
            manifest,
            origin: None,
            suspicion: None,
            is_signed: true,
        }
    }

    /// The verifications by this installation, oldest first. Verifications in an unsigned manifest are ignored.
    pub fn verifications(&self) -> &[Verification] {
        match self.is_signed {
            true => &self.manifest.verifications,
            false => &[],
        }
    }
}

/// The proof that an archive is verified with.
pub(super) struct Proof<'a> {
    /// The key that signs its manifest.
    pub(super) key: &'a ManifestKey,
    /// Its record, if there is one.
    pub(super) record: Option<Model>,
}

impl Operations {
    /// The proof for the archive with this id.
    pub(super) async fn proof(&self, id: &str) -> Result<Proof<'_>> {
        Ok(Proof {
            key: self.manifest_key().await?,
            record: self.record(id).await?,
        })
    }

    /// The key that signs manifests.
    pub(super) async fn manifest_key(&self) -> Result<&ManifestKey> {
        let read = || manifest_key(&self.0.database);
        self.0.manifest_key.get_or_try_init(read).await
    }

    /// Adds proven origins and verifications to manifests.
    pub(super) async fn describe(&self, manifests: Vec<Arc<Manifest>>) -> Result<Vec<ListedArchive>> {
        let key = self.manifest_key().await?;
        let records = self.records_of(&manifests).await?;
        let describe = |manifest: Arc<Manifest>| {
            let is_same = |record: &&Model| ensure_same(record, &manifest.digest, &manifest.object).is_ok();
            let record = records.get(&manifest.id).filter(is_same);
            ListedArchive {
                origin: Some(ArchiveOrigin::of(record)),
                suspicion: record.and_then(suspicion_of),
                is_signed: key.has_signed(&manifest),
                manifest,
            }
        };
        Ok(manifests.into_iter().map(describe).collect())
    }

    /// The records of archives that have one.
    pub(super) async fn records_of(&self, manifests: &[Arc<Manifest>]) -> Result<Records> {
        let mut records = Records::new();
        for batch in manifests.chunks(BATCH) {
            let ids = batch.iter().map(|manifest| manifest.id.as_str());
            let found = Entity::find()
                .filter(Column::ArchiveId.is_in(ids))
                .all(self.0.database.connection())
                .await;
            let found = found.map_err(Error::database("reading the records of archives"))?;
            records.extend(found.into_iter().map(|record| (record.archive_id.clone(), record)));
        }
        Ok(records)
    }

    /// Adds the proven origin and verifications to one manifest.
    pub(super) async fn describe_one(&self, manifest: Arc<Manifest>) -> Result<ListedArchive> {
        let described = self.describe(vec![manifest]).await?;
        let one = described.into_iter().next();
        one.ok_or_else(|| Error::internal("reading the record of an archive")("there is none"))
    }

    /// The record of an archive, if this installation has one.
    pub(super) async fn record(&self, id: &str) -> Result<Option<Model>> {
        let record = Entity::find_by_id(id).one(self.0.database.connection()).await;
        record.map_err(Error::database("reading the record of an archive"))
    }

    /// The record of an archive, which must match its manifest.
    ///
    /// # Errors
    /// [`Error::RecordMismatch`]
    pub(super) async fn ensure_recorded(&self, manifest: &Manifest) -> Result<Option<Model>> {
        let record = self.record(&manifest.id).await?;
        if let Some(record) = &record {
            ensure_same(record, &manifest.digest, &manifest.object)?;
        }
        Ok(record)
    }

    /// Signs the manifest of a new archive, records the archive with what looks wrong about it, and lists it. A record without
    /// its archive proves nothing, so it stays if a later step fails.
    pub(super) async fn record_and_publish(&self, manifest: &mut Manifest, context: &Context) -> Result<()> {
        attribute(manifest, context);
        let may = self.sign_and_record(manifest, context).await;
        let may = may.and_then(|()| context.progress().commit());
        self.publish(manifest, may).await
    }

    async fn sign_and_record(&self, manifest: &mut Manifest, context: &Context) -> Result<()> {
        self.manifest_key().await?.sign(manifest);
        let record = Model {
            suspicion: self.suspicion_of_new(manifest).await,
            ..record_of(manifest, context.job_id())
        };
        self.write_record(&record, context.progress()).await
    }

    /// Writes the record of an archive. On SQLite another change may hold the write lock for minutes; the job waits for it,
    /// because the archive is already stored.
    async fn write_record(&self, record: &Model, progress: &Progress) -> Result<()> {
        loop {
            match self.insert_record(record.clone()).await {
                Err(Error::DatabaseBusy { .. }) => {
                    progress.advance(0)?;
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                written => return written,
            }
        }
    }

    async fn insert_record(&self, record: Model) -> Result<()> {
        let doing = "recording an archive";
        let transaction = self.0.database.begin_write(doing).await?;
        Entity::insert(record.into_active_model())
            .exec_without_returning(&transaction)
            .await
            .map_err(Error::database(doing))?;
        transaction.commit().await.map_err(Error::database(doing))
    }

    /// Records the safety backup of a change, in the transaction of the change.
    pub(super) async fn record_in(&self, change: &mut Change, manifest: &Manifest, context: &Context) -> Result<()> {
        let record = record_of(manifest, context.job_id()).into_active_model();
        let insert = Entity::insert(record).build(self.0.database.connection().get_database_backend());
        change.execute(&insert).await.map(drop)
    }

    /// Deletes the records of archives that are not in the store, after the store has forgotten their deletion.
    pub(super) async fn prune_records(&self) -> Result<()> {
        let doing = "removing the records of archives that are gone";
        let connection = self.0.database.connection();
        let before = stats::now() - TimeDelta::days(TOMBSTONE_DAYS);
        let old: Vec<String> = Entity::find()
            .select_only()
            .column(Column::ArchiveId)
            .filter(Column::RecordedAt.lt(before))
            .into_tuple()
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        if old.is_empty() {
            return Ok(());
        }
        let listing = self.0.store.list().await?;
        let listed = listing.archives.iter().map(|manifest| &manifest.id);
        let there: BTreeSet<_> = listed.chain(listing.unreadable.iter().map(|entry| &entry.id)).collect();
        let gone: Vec<_> = old.iter().filter(|id| !there.contains(id)).collect();
        for batch in gone.chunks(BATCH) {
            let ids = batch.iter().map(|id| id.as_str());
            let removed = Entity::delete_many()
                .filter(Column::ArchiveId.is_in(ids))
                .exec(connection)
                .await;
            removed.map_err(Error::database(doing))?;
        }
        Ok(())
    }
}

/// Reads the key that signs manifests.
pub(super) async fn manifest_key(database: &Database) -> Result<ManifestKey> {
    let doing = "reading the key that signs manifests";
    let value = installation_key::read(database, MANIFESTS, doing).await?;
    ManifestKey::from_hexadecimal(&value).ok_or_else(|| Error::internal(doing)("it is not in hexadecimal"))
}

/// Ensures that an archive that was read to its end matches its record.
///
/// # Errors
/// [`Error::RecordMismatch`]
pub(super) fn ensure_is_recorded(record: Option<&Model>, checked: &Checked) -> Result<()> {
    record.map_or(Ok(()), |record| {
        ensure_same(record, &checked.summary.digest, &checked.object)
    })
}

/// Ensures that the digest of a summary and an object match a record.
///
/// # Errors
/// [`Error::RecordMismatch`]
pub(super) fn ensure_same(record: &Model, digest: &str, object: &Object) -> Result<()> {
    let what = if record.summary_digest != digest {
        "the digest of its content"
    } else if record.object_sha256 != object.sha256 {
        "the digest of the stored object"
    } else if record.object_size.cast_unsigned() != object.size {
        "the size of the stored object"
    } else {
        return Ok(());
    };
    Err(Error::RecordMismatch { what })
}

/// The origin that a restore may assume for an archive with this record. Its manifest alone does not make it a safety backup.
pub(super) fn provenance_of(record: Option<&Model>) -> Provenance {
    match record.map(|record| record.kind) {
        Some(RecordKind::Safety) => Provenance::SafetyArchive,
        Some(RecordKind::Created | RecordKind::Uploaded) | None => Provenance::Unknown,
    }
}

/// The kind of an archive with this record.
pub(super) fn kind_of(record: &Model) -> ArchiveKind {
    match record.kind {
        RecordKind::Created => ArchiveKind::Created,
        RecordKind::Safety => ArchiveKind::Safety,
        RecordKind::Uploaded => ArchiveKind::Uploaded,
    }
}

fn record_of(manifest: &Manifest, job_id: &str) -> Model {
    Model {
        archive_id: manifest.id.clone(),
        kind: match manifest.kind {
            ArchiveKind::Created => RecordKind::Created,
            ArchiveKind::Safety => RecordKind::Safety,
            ArchiveKind::Uploaded => RecordKind::Uploaded,
        },
        job_id: job_id.to_owned(),
        summary_digest: manifest.digest.clone(),
        object_sha256: manifest.object.sha256.clone(),
        object_size: manifest.object.size.cast_signed(),
        recorded_at: stats::now(),
        suspicion: None,
        accepted_at: None,
        accepted_by: None,
    }
}
