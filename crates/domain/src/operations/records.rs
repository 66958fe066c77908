//! The proof of an archive's origin. It is in the database, where an attacker with write access to the store can't change it.
//!
//! - A *record* has the digests of one archive. The record of a backup or an upload is written before the archive is listed;
//!   that of a safety backup in the transaction of its change. An archive that differs from its record is neither
//!   verified nor restored.
//! - The *key* signs manifests. The verifications in a manifest count only if its signature is valid. The key is in the
//!   database, so that all copies of the service share it, and a new signing secret for tokens does not change it.
//!
//! Both are lost with the database. The archives are then [`Found`](ArchiveOrigin::Found), and verifying signs them again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive::manifest::{ArchiveKind, Object, Verification};
use campus_backup_archive::{Manifest, ManifestKey};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::sea_query::Func;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, QueryTrait};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Operations;
use super::published::attribute;
use super::suspicion::suspicion_of;
use crate::change::Change;
use crate::database::{self, Database};
use crate::destination::{self, ArchiveCopy};
use crate::entity::archive::{Column, Entity, Model, RecordKind};
use crate::error::{Error, Result};
use crate::installation_key;
use crate::job::{Context, Progress};
use crate::notify::causes;
use crate::open::Checked;
use crate::restore::Provenance;
use crate::stats;
use crate::store::TOMBSTONE_DAYS;
use crate::suspicion::Suspicion;

/// The name of the key that signs manifests.
const MANIFESTS: &str = "manifests";

/// How many records one query reads or deletes.
const BATCH: usize = 500;

/// Records by the id of their archive.
type Records = BTreeMap<String, Model>;

/// How long a job waits before it tries again to write a record, while another change holds SQLite's write lock.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// The origin of an archive, as far as this installation can prove it: `made_here` and `uploaded` archives match a record in
/// the database; a `found` archive has no such record and may come from anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// Its copies in destinations, by the name of the destination; none without a database.
    pub copies: Option<Vec<ArchiveCopy>>,
    /// That the store refuses to delete it, if it does; none without a database.
    pub retained: Option<ArchiveRetention>,
    is_signed: bool,
}

/// That the store refuses to delete an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ArchiveRetention {
    /// Since when it refuses, UTC.
    pub since: DateTime<Utc>,
    /// When it was last tried, UTC.
    pub checked_at: DateTime<Utc>,
    /// Why it refuses.
    #[schema(example = "The credentials lack a right on the bucket.")]
    pub detail: String,
}

impl ArchiveRetention {
    fn of(record: &Model) -> Option<Self> {
        Some(Self {
            since: record.retained_since?,
            checked_at: record.retained_checked_at?,
            detail: record.retained_detail.clone().unwrap_or_default(),
        })
    }
}

impl ListedArchive {
    /// An archive without a database: nothing is proven, and its verifications are those of the manifest.
    pub(super) fn unproven(manifest: Arc<Manifest>) -> Self {
        Self {
            manifest,
            origin: None,
            suspicion: None,
            copies: None,
            retained: None,
            is_signed: true,
        }
    }

    /// Whether something looks wrong about it, and no administrator has accepted it.
    pub fn is_suspicious(&self) -> bool {
        let suspicion = self.suspicion.as_ref();
        suspicion.is_some_and(|suspicion| suspicion.accepted_at.is_none())
    }

    /// Whether this installation has signed its manifest as it is.
    pub(super) fn is_signed(&self) -> bool {
        self.is_signed
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
        let ids: Vec<_> = manifests.iter().map(|manifest| manifest.id.as_str()).collect();
        let mut copies = destination::copies_of(&self.0.database, &ids).await?;
        let describe = |manifest: Arc<Manifest>| {
            let is_same = |record: &&Model| ensure_same(record, &manifest, key).is_ok();
            let record = records.get(&manifest.id).filter(is_same);
            ListedArchive {
                origin: Some(ArchiveOrigin::of(record)),
                suspicion: record.and_then(suspicion_of),
                copies: Some(copies.remove(&manifest.id).unwrap_or_default()),
                retained: record.and_then(ArchiveRetention::of),
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
            ensure_same(record, manifest, self.manifest_key().await?)?;
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
            suspicion: self.suspicion_of_new(manifest, context.progress()).await?,
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

    /// Records the object that an archive gets by being encrypted again, beside the current one. Until the manifest names one of
    /// them, both are the archive's. `record` is the record as it was read before; without one nothing is recorded.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if another job has changed the record since. Then nothing is recorded.
    pub(super) async fn record_rekeying(
        &self,
        record: Option<&Model>,
        manifest: &Manifest,
        next: &Object,
    ) -> Result<Option<Model>> {
        let Some(record) = record else { return Ok(None) };
        let written = Model {
            object_sha256: manifest.object.sha256.clone(),
            object_size: manifest.object.size.cast_signed(),
            rekeyed_sha256: Some(next.sha256.clone()),
            rekeyed_size: Some(next.size.cast_signed()),
            ..record.clone()
        };
        self.replace_objects(record, &written).await?;
        Ok(Some(written))
    }

    /// Records that an archive has this object, and no other one.
    ///
    /// # Errors
    /// As [`Operations::record_rekeying`].
    pub(super) async fn record_object(&self, record: Option<&Model>, object: &Object) -> Result<()> {
        let Some(record) = record else { return Ok(()) };
        let written = Model {
            object_sha256: object.sha256.clone(),
            object_size: object.size.cast_signed(),
            rekeyed_sha256: None,
            rekeyed_size: None,
            ..record.clone()
        };
        self.replace_objects(record, &written).await
    }

    /// Writes the objects of a record, if the record still has those that were read.
    async fn replace_objects(&self, read: &Model, written: &Model) -> Result<()> {
        let is_same_next = match &read.rekeyed_sha256 {
            Some(sha256) => Column::RekeyedSha256.eq(sha256.as_str()),
            None => Column::RekeyedSha256.is_null(),
        };
        let replaced = Entity::update_many()
            .col_expr(Column::ObjectSha256, Expr::value(written.object_sha256.as_str()))
            .col_expr(Column::ObjectSize, Expr::value(written.object_size))
            .col_expr(Column::RekeyedSha256, Expr::value(written.rekeyed_sha256.clone()))
            .col_expr(Column::RekeyedSize, Expr::value(written.rekeyed_size))
            .filter(Column::ArchiveId.eq(read.archive_id.as_str()))
            .filter(Column::ObjectSha256.eq(read.object_sha256.as_str()))
            .filter(is_same_next)
            .exec(self.0.database.connection())
            .await
            .map_err(Error::database("recording the object of an archive"))?;
        match replaced.rows_affected {
            1 => Ok(()),
            _ => Err(Error::LeaseLost),
        }
    }

    /// Records the safety backup of a change, in the transaction of the change.
    pub(super) async fn record_in(&self, change: &mut Change, manifest: &Manifest, context: &Context) -> Result<()> {
        let record = record_of(manifest, context.job_id()).into_active_model();
        let insert = Entity::insert(record).build(self.0.database.connection().get_database_backend());
        change.execute(&insert).await.map(drop)
    }

    /// Deletes an archive from the store. If the store refuses it, the record says so.
    ///
    /// # Errors
    /// Those of [`Store::delete`](crate::store::Store::delete), and database errors.
    pub(super) async fn delete_stored(&self, id: &str) -> Result<()> {
        match self.0.store.delete(id).await {
            Err(error @ Error::ArchiveRetained { .. }) => {
                self.record_retention(id, Some(&error)).await?;
                Err(error)
            }
            Ok(()) => {
                // The archive is deleted, whether this can be written or not.
                if let Err(error) = self.record_retention(id, None).await {
                    tracing::debug!(id, %error, "the record still says that the store refuses to delete the archive");
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Records whether the store refuses to delete an archive.
    async fn record_retention(&self, id: &str, refusal: Option<&Error>) -> Result<()> {
        let (now, of_archive) = (stats::now(), Column::ArchiveId.eq(id));
        let update = match refusal {
            Some(error) => {
                let since = Func::coalesce([Expr::col(Column::RetainedSince), Expr::value(now)]);
                let detail: String = causes(error).chars().filter(|letter| !letter.is_control()).collect();
                Entity::update_many()
                    .col_expr(Column::RetainedSince, since.into())
                    .col_expr(Column::RetainedCheckedAt, Expr::value(now))
                    .col_expr(Column::RetainedDetail, Expr::value(detail))
                    .filter(of_archive)
            }
            None => Entity::update_many()
                .col_expr(Column::RetainedSince, Expr::value(None::<DateTime<Utc>>))
                .col_expr(Column::RetainedCheckedAt, Expr::value(None::<DateTime<Utc>>))
                .col_expr(Column::RetainedDetail, Expr::value(None::<String>))
                .filter(of_archive)
                .filter(Column::RetainedSince.is_not_null()),
        };
        let written = update.exec(self.0.database.connection()).await;
        written
            .map(drop)
            .map_err(Error::database("recording that the store refuses to delete an archive"))
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
pub(crate) async fn manifest_key(database: &Database) -> Result<ManifestKey> {
    let doing = "reading the key that signs manifests";
    let value = installation_key::read(database, MANIFESTS, doing).await?;
    ManifestKey::from_hexadecimal(&value).ok_or_else(|| Error::internal(doing)("it is not in hexadecimal"))
}

/// Ensures that an archive that was read to its end matches its record. `manifest` is the one that it was compared with, if there
/// is one.
///
/// # Errors
/// [`Error::RecordMismatch`]
pub(super) fn ensure_is_recorded(
    record: &Model,
    manifest: Option<&Manifest>,
    key: &ManifestKey,
    checked: &Checked,
) -> Result<()> {
    let (digest, object) = (&checked.summary.digest, &checked.object);
    match manifest.filter(|manifest| (&manifest.digest, &manifest.object) == (digest, object)) {
        Some(manifest) => ensure_same(record, manifest, key),
        None => ensure_same_object(record, digest, object),
    }
}

/// Ensures that a manifest matches a record.
///
/// The object may be one that the record does not have, if the content is that of the record and this installation has signed the
/// manifest. It is then a former or a later file of an archive that was encrypted again: a copy was copied back, or the database is
/// older than the store.
///
/// # Errors
/// [`Error::RecordMismatch`]
pub(crate) fn ensure_same(record: &Model, manifest: &Manifest, key: &ManifestKey) -> Result<()> {
    match ensure_same_object(record, &manifest.digest, &manifest.object) {
        Err(_) if record.summary_digest == manifest.digest && key.has_signed(manifest) => Ok(()),
        same => same,
    }
}

/// Ensures that the digest of a summary and an object match a record.
fn ensure_same_object(record: &Model, digest: &str, object: &Object) -> Result<()> {
    let what = if record.summary_digest != digest {
        "the digest of its content"
    } else if record.rekeyed_sha256.as_ref() == Some(&object.sha256)
        && record.rekeyed_size.map(i64::cast_unsigned) == Some(object.size)
    {
        // It is being encrypted again, or was when the program ended.
        return Ok(());
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
        retained_since: None,
        retained_checked_at: None,
        retained_detail: None,
        rekeyed_sha256: None,
        rekeyed_size: None,
        schema_version: Some(database::schema_version()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let json = serde_json::json!({
            "format": "campus-backup-manifest", "version": 1, "id": "2026-11-28T02-00-00Z-5f1c2a9b",
            "created_at": DateTime::UNIX_EPOCH, "app_version": "1.2.3", "engine": "sqlite", "archive_version": 1,
            "kind": "created", "rows": {}, "total": 0, "sha256": {}, "totals": {}, "digest": "0d".repeat(32),
            "object": {"size": 17, "sha256": "a0".repeat(32), "compression": "zstd", "encryption": "age"},
            "contains_password_hashes": true,
        });
        Manifest::from_json(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn another_file_with_the_recorded_content_needs_a_signature() {
        let (key, other) = (ManifestKey::new([7; 32]), ManifestKey::new([8; 32]));
        let record = record_of(&manifest(), "job");
        let is_same = |manifest: &Manifest| ensure_same(&record, manifest, &key).is_ok();
        assert!(is_same(&manifest()));
        let mut former = manifest();
        former.object.sha256 = "b0".repeat(32);
        assert!(!is_same(&former));
        other.sign(&mut former);
        assert!(!is_same(&former), "another installation has signed it");
        key.sign(&mut former);
        assert!(is_same(&former));
        former.object.size += 1;
        assert!(!is_same(&former), "it is not the manifest that was signed");
        let mut different = manifest();
        different.digest = "1d".repeat(32);
        key.sign(&mut different);
        assert!(!is_same(&different), "the content is another one");
    }
}
