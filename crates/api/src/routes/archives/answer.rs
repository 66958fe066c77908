//! How an archive looks in an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use campus_backup_archive::manifest::{ArchiveKind, Verification, VerificationLevel, VerificationResult};
use campus_backup_archive::{Compression, Encryption};
use campus_backup_domain::destination::ArchiveCopy;
use campus_backup_domain::operations::{ArchiveOrigin, ArchivePage, ArchiveRetention, ListedArchive};
use campus_backup_domain::store::UnreadableEntry;
use campus_backup_domain::suspicion::Suspicion;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Code;

/// A stored archive.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Archive, example = json!({
    "id": "2026-11-25T03-53-08Z-5f1c2a9b", "created_at": "2026-11-25T03:53:08.250177Z", "kind": "created",
    "origin": "made_here", "label": "before the exams", "note": null, "protected": true, "created_by": "admin", "engine": "sqlite",
    "app_version": "0.1.0",
    "rows": {
        "users": 5, "students": 1000, "courses": 40, "payment_categories": 8, "enrollments": 3000, "payments": 5000,
        "attendance": 100_000,
    },
    "total": 109_053, "totals": {"payments.amount_paid": "12610250.00"},
    "sha256": {"students": "0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a"},
    "size": 1_310_720, "compression": "zstd", "encryption": "none",
    "object_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "contains_password_hashes": true,
    "verification": {
        "at": "2026-11-25T04:00:00Z", "level": "test_restore", "result": "ok", "code": null, "seconds": 1.52,
        "restore_seconds": 0.91,
    },
    "verifications": [], "suspicion": null,
    "copies": [{
        "destination_id": 1, "name": "Off-site", "state": "copied", "copied_at": "2026-11-25T03:54:31.104233Z", "error": null,
    }],
    "retained": null,
}))]
pub struct ArchiveAnswer {
    /// The archive's id, which is also its name in the store.
    id: String,
    /// The moment of its data, UTC.
    created_at: DateTime<Utc>,
    /// How it came into the store. `safety` is a safety backup, created before a clear, restore or undo.
    kind: ArchiveKind,
    /// The proven origin: `made_here` and `uploaded` archives match a record in the database. A `found` archive has no such
    /// record and may come from anyone. The command line reads no database and leaves the field out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, value_type = ArchiveOrigin)]
    origin: Option<ArchiveOrigin>,
    /// Short name.
    label: Option<String>,
    /// Free-text note.
    note: Option<String>,
    /// Whether it is protected from deletion.
    protected: bool,
    /// The user that created or uploaded it.
    created_by: Option<String>,
    /// The database engine of the rows. The archive can be restored into any engine.
    engine: String,
    /// The version of the program that wrote it.
    app_version: String,
    /// Rows by table.
    rows: BTreeMap<String, u64>,
    /// Rows of all tables.
    total: u64,
    /// Sums of money, as exact decimals.
    totals: BTreeMap<String, String>,
    /// SHA-256 of the rows of each table.
    sha256: BTreeMap<String, String>,
    /// The stored size in bytes.
    size: u64,
    /// The compression of the stored bytes.
    compression: Compression,
    /// The encryption of the stored bytes.
    encryption: Encryption,
    /// SHA-256 of the stored bytes.
    object_sha256: String,
    /// Always true: the users have the hashes of their passwords.
    contains_password_hashes: bool,
    /// The last verification by this service. A verification that others wrote into the store is ignored.
    verification: Option<VerificationAnswer>,
    /// All recorded verifications, the newest first.
    verifications: Vec<VerificationAnswer>,
    /// What looks wrong about it: tables or sums that are far smaller than in the last good backups. `null` if nothing does, and on
    /// the command line, which reads no database.
    #[schema(required = true)]
    suspicion: Option<Suspicion>,
    /// Its copies in the destinations. The command line reads no database and leaves the field out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, value_type = Vec<ArchiveCopy>)]
    copies: Option<Vec<ArchiveCopy>>,
    /// That the store refuses to delete it, if that was tried and refused: it is immutable, or the service lacks the right.
    #[schema(required = true)]
    retained: Option<ArchiveRetention>,
}

/// A verification of a stored archive.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Verification)]
pub(crate) struct VerificationAnswer {
    /// When it ended, UTC.
    at: DateTime<Utc>,
    /// The level of the verification.
    level: VerificationLevel,
    /// The result.
    result: VerificationResult,
    /// The problem's `code`, if it failed.
    code: Option<String>,
    /// The duration in seconds.
    seconds: f64,
    /// The duration of the restore in seconds, for a test restore.
    restore_seconds: Option<f64>,
}

/// A page of archives.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ArchiveList {
    /// The archives of this page.
    items: Vec<ArchiveAnswer>,
    /// The number of items of the whole list.
    total: u64,
    /// The maximum number of items of this page.
    limit: u64,
    /// The number of items before this page.
    offset: u64,
    /// Entries of the store that can't be read, each with the reason. The archives themselves may be complete.
    unreadable: Vec<UnreadableEntry>,
}

impl ArchiveList {
    pub(super) fn new(page: ArchivePage, limit: u64, offset: u64) -> Self {
        Self {
            items: page.items.into_iter().map(ArchiveAnswer::from).collect(),
            total: page.total,
            limit,
            offset,
            unreadable: page.unreadable,
        }
    }
}

impl From<ListedArchive> for ArchiveAnswer {
    fn from(archive: ListedArchive) -> Self {
        let verifications = archive.verifications().iter().rev().cloned();
        let verifications: Vec<_> = verifications.map(VerificationAnswer::from).collect();
        let manifest = Arc::unwrap_or_clone(archive.manifest);
        Self {
            id: manifest.id,
            created_at: manifest.created_at,
            kind: manifest.kind,
            origin: archive.origin,
            label: manifest.label,
            note: manifest.note,
            protected: manifest.protected,
            created_by: manifest.created_by,
            engine: manifest.engine,
            app_version: manifest.app_version,
            rows: manifest.rows,
            total: manifest.total,
            totals: manifest.totals,
            sha256: manifest.sha256,
            size: manifest.object.size,
            compression: manifest.object.compression,
            encryption: manifest.object.encryption,
            object_sha256: manifest.object.sha256,
            contains_password_hashes: manifest.contains_password_hashes,
            verification: verifications.first().cloned(),
            verifications,
            suspicion: archive.suspicion,
            copies: archive.copies,
            retained: archive.retained,
        }
    }
}

impl From<Verification> for VerificationAnswer {
    fn from(found: Verification) -> Self {
        Self {
            at: found.at,
            level: found.level,
            result: found.result,
            // Of a later version there may be a word that is not known here.
            code: found
                .code
                .map(|word| Code::of_archive(&word).map_or(word, |code| code.name().to_owned())),
            seconds: found.seconds,
            restore_seconds: found.restore_seconds,
        }
    }
}
