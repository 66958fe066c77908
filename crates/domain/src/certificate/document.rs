//! The members of a certificate. All numbers are integers, and all times are texts in UTC, so that the document has one canonical
//! form. No member is a secret, and none names a host.

use campus_backup_archive::manifest::{ArchiveKind, VerificationResult};
use campus_backup_archive::{Compression, Encryption};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::entity::archive_copy::CopyState;
use crate::operations::ArchiveOrigin;

/// A certificate with its signature.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SignedCertificate {
    /// The certificate. The signature covers all of it.
    pub certificate: Certificate,
    /// The signature.
    pub signature: CertificateSignature,
    /// SHA-256 of the signed bytes, in lower-case hexadecimal, for the printed page.
    #[serde(skip)]
    pub sha256: String,
}

/// The signature of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertificateSignature {
    /// Always `Ed25519` (RFC 8032).
    #[schema(example = "Ed25519")]
    pub algorithm: String,
    /// The 32 bytes of the public key in base64.
    #[schema(example = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    pub public_key: String,
    /// The fingerprint of the key: SHA-256 of its 32 bytes, in lower-case hexadecimal.
    #[schema(example = "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9")]
    pub key_id: String,
    /// The 64 bytes of the signature in base64. The signed bytes are the member `certificate` by the JSON Canonicalization Scheme
    /// (RFC 8785).
    #[schema(example = "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==")]
    pub value: String,
}

/// A statement of an installation about one archive, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Certificate {
    /// Always `campus-backup-certificate`.
    #[schema(example = "campus-backup-certificate")]
    pub format: String,
    /// The version of the certificate's format.
    #[schema(example = 1)]
    pub version: u32,
    /// When it was issued, UTC.
    pub issued_at: DateTime<Utc>,
    /// The user for whom it was issued.
    #[schema(example = "admin")]
    pub issued_by: String,
    /// The time zone of the school.
    #[schema(example = "Asia/Kolkata")]
    pub timezone: String,
    /// The installation that issued it.
    pub issuer: CertificateIssuer,
    /// The archive.
    pub archive: CertifiedArchive,
    /// The database that the rows come from.
    pub source: CertifiedSource,
    /// The digests.
    pub digests: CertifiedDigests,
    /// The tables, by name.
    pub tables: Vec<CertifiedTable>,
    /// Rows of all tables.
    #[schema(example = 109_053)]
    pub total_rows: u64,
    /// The sums of money, by table and column.
    pub money: Vec<CertifiedTotal>,
    /// The verifications.
    pub verification: CertifiedVerifications,
    /// The proof of these statements.
    pub proof: CertifiedProof,
    /// The copies in the destinations, by name.
    pub copies: Vec<CertifiedCopy>,
    /// The protection of the archive, and warnings about its use.
    pub safety: CertifiedSafety,
}

/// The installation that issued a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertificateIssuer {
    /// The id of the installation, which is in its database.
    #[schema(example = "5f1c2a9b0d3e4c718293a4b5c6d7e8f9")]
    pub installation_id: String,
    /// The version of the program.
    #[schema(example = "0.1.0")]
    pub app_version: String,
    /// The engine of its database.
    #[schema(example = "postgresql")]
    pub engine: String,
    /// The version of its schema: the name of the last migration.
    #[schema(example = "m20261130_000024_certificates")]
    pub schema_version: String,
}

/// The archive of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedArchive {
    /// Its id.
    #[schema(example = "2026-11-25T03-53-08Z-5f1c2a9b")]
    pub id: String,
    /// Its label; `null` without one.
    #[schema(required = true, example = "before the exams")]
    pub label: Option<String>,
    /// How it came into the store. `safety` is a safety backup, created before a clear, restore or undo.
    pub kind: ArchiveKind,
    /// The moment of its data, UTC.
    pub created_at: DateTime<Utc>,
    /// The user that created or uploaded it. It is `null` if a schedule did, or if that is not known.
    #[schema(required = true, example = "admin")]
    pub created_by: Option<String>,
    /// The id of the job that stored it; `null` if it is not known.
    #[schema(required = true, example = "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70")]
    pub job_id: Option<String>,
    /// The stored size in bytes.
    #[schema(example = 1_310_720)]
    pub size: u64,
    /// The compression of the stored bytes.
    pub compression: Compression,
    /// The encryption of the stored bytes.
    pub encryption: Encryption,
}

/// The database that the rows of an archive come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedSource {
    /// The engine of the rows.
    #[schema(example = "sqlite")]
    pub engine: String,
    /// The installation that the rows come from. It is `null` for an archive that was uploaded or found.
    #[schema(required = true, example = "5f1c2a9b0d3e4c718293a4b5c6d7e8f9")]
    pub installation_id: Option<String>,
    /// The version of the schema at that time: the name of the last migration. It is `null` if it is not recorded.
    #[schema(required = true, example = "m20261130_000024_certificates")]
    pub schema_version: Option<String>,
    /// The version of the program that wrote the archive.
    #[schema(example = "0.1.0")]
    pub app_version: String,
    /// The version of the archive's format.
    #[schema(example = 1)]
    pub format_version: u32,
}

/// The digests of an archive, in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedDigests {
    /// SHA-256 of the stored bytes: `sha256sum` of the downloaded file.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub stored_bytes_sha256: String,
    /// The `digest` in the summary of the archive's document. It covers the header and all other numbers of the summary. It is
    /// `null` for archives of older versions.
    #[schema(
        required = true,
        example = "0d9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a"
    )]
    pub document_sha256: Option<String>,
}

/// A table of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedTable {
    /// Its name.
    #[schema(example = "students")]
    pub name: String,
    /// Its rows.
    #[schema(example = 1000)]
    pub rows: u64,
    /// SHA-256 of its rows, in lower-case hexadecimal.
    #[schema(
        required = true,
        example = "0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a"
    )]
    pub sha256: Option<String>,
}

/// A sum of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedTotal {
    /// The table and the column.
    #[schema(example = "payments.amount_paid")]
    pub column: String,
    /// The sum, as an exact decimal.
    #[schema(example = "12610250.00")]
    pub total: String,
}

/// The result of the verifications of an archive: `verified`: the last one succeeded. `checked_when_stored`: it was read to its end
/// when it was stored, and not since. `unverified`: this installation has never verified it. `damaged`: the last one failed.
/// `manifest_unproven`: the manifest has no valid signature of this installation, so the counts, the sums and
/// the verifications are not proven.
/// `differs_from_record`: it is not the archive that this installation has recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertifiedStatus {
    /// The last verification succeeded.
    Verified,
    /// It was read to its end when it was stored, and not since.
    CheckedWhenStored,
    /// This installation has never verified it.
    Unverified,
    /// The last verification failed.
    Damaged,
    /// The manifest has no valid signature of this installation. The counts, the sums and the verifications are not proven.
    ManifestUnproven,
    /// It is not the archive that this installation has recorded.
    DiffersFromRecord,
}

/// The verifications of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedVerifications {
    /// The result.
    pub status: CertifiedStatus,
    /// The same as a sentence.
    #[schema(example = "The last verification of the stored archive succeeded.")]
    pub statement: String,
    /// The last verification that has read all of it and compared all digests.
    #[schema(required = true)]
    pub digest: Option<CertifiedVerification>,
    /// The last test restore.
    #[schema(required = true)]
    pub test_restore: Option<CertifiedVerification>,
}

/// A verification of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedVerification {
    /// When it ended, UTC.
    pub at: DateTime<Utc>,
    /// Its result.
    pub result: VerificationResult,
    /// The code of the fault; `null` if it succeeded.
    #[schema(required = true)]
    pub code: Option<String>,
    /// How long it took, in milliseconds.
    #[schema(example = 1520)]
    pub duration_ms: u64,
    /// How long the restore took, in milliseconds; `null` without a test restore.
    #[schema(required = true, example = 910)]
    pub restore_duration_ms: Option<u64>,
}

/// Whether the archive's manifest matches the record in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordProof {
    /// The digests and the size match the record.
    Matches,
    /// The record has another digest or another size.
    Differs,
    /// This installation has no record of the archive.
    Absent,
}

/// The proof of the statements of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedProof {
    /// The proven origin of the archive.
    pub origin: ArchiveOrigin,
    /// Whether the digests of the archive match the record in the database (`matches`), differ from it (`differs`), or there is no
    /// record (`absent`).
    pub record: RecordProof,
    /// When the record was written, UTC; `null` without a record.
    #[schema(required = true)]
    pub recorded_at: Option<DateTime<Utc>>,
    /// Whether this installation has signed the archive's manifest, from which the counts, the sums, the digests of the tables, the
    /// user and the verifications are taken.
    pub is_manifest_signed: bool,
    /// The same in sentences.
    #[schema(example = json!(["This installation created the archive. Its database has a record of the digests, and they match."]))]
    pub statements: Vec<String>,
}

/// A copy of an archive in a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedCopy {
    /// The name of the destination.
    #[schema(example = "Off-site")]
    pub destination: String,
    /// The state of the copy.
    pub state: CopyState,
    /// When it was copied and read back, UTC; `null` before that.
    #[schema(required = true)]
    pub copied_at: Option<DateTime<Utc>>,
}

/// The protection of an archive, and warnings about its use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedSafety {
    /// Whether it is protected from deletion.
    pub protected: bool,
    /// Always true: the users have the hashes of their passwords.
    pub contains_password_hashes: bool,
    /// Since when the store refuses to delete it, UTC; `null` if no deletion was refused.
    #[schema(required = true)]
    pub deletion_refused_since: Option<DateTime<Utc>>,
    /// The change that can be undone only with this archive; `null` if there is none.
    #[schema(required = true)]
    pub needed_for_undo: Option<CertifiedUndo>,
    /// Why the backup is suspicious; `null` if it is not.
    #[schema(required = true)]
    pub suspicion: Option<CertifiedSuspicion>,
}

/// A change that can be undone only with one archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedUndo {
    /// The id of the change.
    #[schema(example = "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70")]
    pub change_id: String,
    /// Until when it can be undone, UTC.
    pub until: DateTime<Utc>,
}

/// Why a backup is suspicious, and whether an administrator has accepted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertifiedSuspicion {
    /// The counts and sums that fell, or why they could not be compared, each as a sentence.
    #[schema(example = json!(["students: 17 rows, 1000 before"]))]
    pub findings: Vec<String>,
    /// When an administrator accepted it, UTC; `null` if none has.
    #[schema(required = true)]
    pub accepted_at: Option<DateTime<Utc>>,
    /// The user that accepted it; `null` if none has.
    #[schema(required = true)]
    pub accepted_by: Option<String>,
}
