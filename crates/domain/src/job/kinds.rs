//! What each kind of job was asked, and what it results in.
//!
//! Both are stored with the job as JSON, and the API shows them as they are here.

use std::collections::BTreeMap;

use campus_backup_archive::manifest::{Verification, VerificationLevel};
use chrono::{DateTime, Utc};
use sea_orm::ActiveEnum as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::schema::{AnyOfBuilder, Discriminator, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::JobKind;
use crate::catalog::Table;
use crate::clear;
use crate::destination::RetainedCopy;
use crate::error::{Error, Result};
use crate::import::ImportMode;
use crate::operations::Annotations;
use crate::restore::{RestoreMode, RestoredTable, Scope};
use crate::retention::RetentionPolicy;

/// The request of a job, which depends on its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum JobParameters {
    /// Of a job that creates a backup.
    Archive(Annotations),
    /// Of a job that verifies an archive.
    Verify(VerifyParameters),
    /// Of a job that restores an archive.
    Restore(RestoreParameters),
    /// Of a job that clears tables.
    Clear(ClearParameters),
    /// Of a job that undoes a clear.
    Undo(UndoParameters),
    /// Of a job that checks an uploaded archive.
    Upload(UploadParameters),
    /// Of a job that deletes archives by the retention policy.
    Retention(RetentionParameters),
    /// Of a job that encrypts an archive again.
    Rekey(RekeyParameters),
    /// Of a job that applies the plan of an import.
    Import(ImportParameters),
}

/// Some requests have equal members, so a document can fit several schemas. utoipa would derive `oneOf`, which forbids that.
impl PartialSchema for JobParameters {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .description(Some("The request of a job, which depends on its kind."))
            .item(Ref::from_schema_name(Annotations::name()))
            .item(Ref::from_schema_name(VerifyParameters::name()))
            .item(Ref::from_schema_name(RestoreParameters::name()))
            .item(Ref::from_schema_name(ClearParameters::name()))
            .item(Ref::from_schema_name(UndoParameters::name()))
            .item(Ref::from_schema_name(UploadParameters::name()))
            .item(Ref::from_schema_name(RetentionParameters::name()))
            .item(Ref::from_schema_name(RekeyParameters::name()))
            .item(Ref::from_schema_name(ImportParameters::name()))
            .into()
    }
}

impl ToSchema for JobParameters {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        add_parameters::<Annotations>(schemas);
        add_parameters::<VerifyParameters>(schemas);
        add_parameters::<RestoreParameters>(schemas);
        add_parameters::<ClearParameters>(schemas);
        add_parameters::<UndoParameters>(schemas);
        add_parameters::<UploadParameters>(schemas);
        add_parameters::<RetentionParameters>(schemas);
        add_parameters::<RekeyParameters>(schemas);
        add_parameters::<ImportParameters>(schemas);
    }
}

fn add_parameters<P: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((P::name().into_owned(), P::schema()));
    P::schemas(schemas);
}

/// The request of a job that verifies an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = VerifyJobParameters)]
pub struct VerifyParameters {
    /// The archive's id.
    pub archive_id: String,
    /// The level of the verification.
    pub level: VerificationLevel,
}

/// The request of a job that restores an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RestoreJobParameters)]
pub struct RestoreParameters {
    /// The archive's id.
    pub archive_id: String,
    /// The rows to restore.
    pub scope: Scope,
    /// How they replace or complete the live rows.
    pub mode: RestoreMode,
    /// Whether active administrators may be disabled.
    pub disable_administrators: bool,
}

/// The request of a job that clears a table, or all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ClearJobParameters)]
pub struct ClearParameters {
    /// The table, or `all`.
    #[schema(schema_with = clear::scope_schema)]
    pub table: &'static str,
}

/// The request of a job that undoes a clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UndoJobParameters)]
pub struct UndoParameters {
    /// The clear.
    #[schema(format = "uuid")]
    pub clear_id: String,
}

/// The request of a job that checks an uploaded archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = UploadJobParameters)]
pub struct UploadParameters {
    /// The label, note and protection of the archive.
    #[serde(alias = "words")]
    pub annotations: Annotations,
    /// SHA-256 of the uploaded bytes, in hexadecimal.
    pub sha256: String,
}

/// The request of a job that deletes the archives that the retention policy does not keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RetentionJobParameters)]
pub struct RetentionParameters {
    /// The policy.
    pub policy: RetentionPolicy,
    /// The hash of the plan.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub plan_hash: String,
}

/// The request of a job that encrypts an archive again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RekeyJobParameters)]
pub struct RekeyParameters {
    /// The archive's id.
    pub archive_id: String,
}

/// The request of a job that applies the plan of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportJobParameters)]
pub struct ImportParameters {
    /// The import.
    #[schema(format = "uuid")]
    pub import_id: String,
    /// The table.
    #[schema(value_type = String)]
    pub table: Table,
    /// Which rows of the file are used.
    pub mode: ImportMode,
    /// Whether wrong and conflicting rows are left out.
    pub skip_wrong: bool,
    /// The name of the file, if the client sent one.
    pub file_name: Option<String>,
    /// SHA-256 of the file, in hexadecimal.
    pub file_sha256: String,
}

impl JobParameters {
    /// The stored request of a job of that kind, as it is shown: an earlier version may have stored other names.
    pub(super) fn shown(kind: JobKind, stored: &str) -> Value {
        let upload = match kind {
            JobKind::Upload => serde_json::from_str::<UploadParameters>(stored).ok(),
            _ => None,
        };
        match upload {
            Some(upload) => json!(upload),
            // This program has written it.
            None => serde_json::from_str(stored).unwrap_or_default(),
        }
    }

    /// The kind of job.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Archive(_) => JobKind::Archive,
            Self::Verify(_) => JobKind::Verify,
            Self::Restore(_) => JobKind::Restore,
            Self::Clear(_) => JobKind::Clear,
            Self::Undo(_) => JobKind::Undo,
            Self::Upload(_) => JobKind::Upload,
            Self::Retention(_) => JobKind::Retention,
            Self::Rekey(_) => JobKind::Rekey,
            Self::Import(_) => JobKind::Import,
        }
    }
}

/// The result of a job that has succeeded. Its `kind` is the job's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobResult {
    /// A backup was created.
    Archive(BackupReport),
    /// An archive was verified.
    Verify(VerifyReport),
    /// An archive was restored.
    Restore(RestoreReport),
    /// Tables were cleared.
    Clear(ClearReport),
    /// A clear was undone.
    Undo(UndoReport),
    /// An uploaded archive was checked and listed.
    Upload(BackupReport),
    /// Archives were deleted by the retention policy.
    Retention(RetentionReport),
    /// An archive was encrypted again.
    Rekey(RekeyReport),
    /// The plan of an import was applied.
    Import(ImportReport),
}

/// The result of a job that has created or uploaded a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupReport {
    /// The archive's id.
    pub archive_id: String,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// Rows of all tables.
    pub total: u64,
    /// The stored size in bytes.
    pub size: u64,
}

/// The result of a job that has verified an archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerifyReport {
    /// The archive's id.
    pub archive_id: String,
    /// The verification, which is also stored with the archive.
    #[schema(schema_with = verification_schema, required = true)]
    pub verification: Option<Verification>,
}

/// The result of a job that has restored an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RestoreReport {
    /// The archive that was restored.
    pub archive_id: String,
    /// The safety backup of the previous data: restoring it undoes this restore.
    pub safety_archive_id: String,
    /// The result for each table that the restore concerned.
    #[schema(value_type = BTreeMap<String, RestoredTable>)]
    pub tables: BTreeMap<Table, RestoredTable>,
    /// The time of the restore, UTC.
    pub restored_at: DateTime<Utc>,
}

/// The result of a job that has cleared a table, or all. The id of the job is the id of the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClearReport {
    /// Rows removed, for each table that the clear concerned.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub removed: BTreeMap<Table, u64>,
    /// Rows left, for all seven tables.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub kept: BTreeMap<Table, u64>,
    /// The time of the clear, UTC.
    pub cleared_at: DateTime<Utc>,
    /// The safety backup with the removed rows; none if no rows were removed.
    #[schema(required = true)]
    pub archive_id: Option<String>,
    /// Until when it can be undone, UTC; none if there is nothing to undo.
    #[schema(required = true)]
    pub undo_until: Option<DateTime<Utc>>,
}

/// The result of a job that has undone a clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UndoReport {
    /// The clear that was undone.
    #[schema(format = "uuid")]
    pub clear_id: String,
    /// The safety backup that the rows came from.
    pub archive_id: String,
    /// The result for each table that the clear concerned.
    #[schema(value_type = BTreeMap<String, RestoredTable>)]
    pub tables: BTreeMap<Table, RestoredTable>,
    /// The time of the undo, UTC.
    pub undone_at: DateTime<Utc>,
}

/// The result of a job that has applied the plan of an import. The id of the job is the id of the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// The import.
    #[schema(format = "uuid")]
    pub import_id: String,
    /// The table.
    #[schema(value_type = String)]
    pub table: Table,
    /// Which rows of the file were used.
    pub mode: ImportMode,
    /// Rows of the file that were left out because they are wrong or in conflict.
    pub skipped_wrong: u64,
    /// The safety backup of the previous data; none if nothing was changed.
    #[schema(required = true)]
    pub safety_archive_id: Option<String>,
    /// The result for each table that the import concerned.
    #[schema(value_type = BTreeMap<String, RestoredTable>)]
    pub tables: BTreeMap<Table, RestoredTable>,
    /// The time of the import, UTC.
    pub applied_at: DateTime<Utc>,
    /// Until when it can be undone, UTC; none if nothing was changed.
    #[schema(required = true)]
    pub undo_until: Option<DateTime<Utc>>,
}

/// The result of a job that has deleted the archives that the retention policy does not keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionReport {
    /// The ids of the archives that were deleted.
    pub deleted: Vec<String>,
    /// The stored size of the archives that were deleted.
    pub freed_bytes: u64,
    /// The ids of archives of the plan that stay: they got a reason to stay, another job was faster, or the job was stopped.
    pub skipped: Vec<String>,
    /// The archives that could not be deleted.
    pub failed: Vec<RetentionFailure>,
    /// Copies of archives that were deleted before, and that their destinations refuse to delete: the newest 100.
    #[serde(default)]
    #[schema(required = true)]
    pub retained_copies: Vec<RetainedCopy>,
}

/// An archive that could not be deleted, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionFailure {
    /// The archive's id.
    pub archive_id: String,
    /// The kind of problem, for programs.
    #[schema(schema_with = problem_code)]
    pub code: String,
    /// What was wrong.
    #[schema(example = "The store of archives is not available. Nothing was changed; try again.")]
    pub detail: String,
}

/// The result of a job that has encrypted an archive again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RekeyReport {
    /// The archive's id, which is the same as before.
    pub archive_id: String,
    /// The stored size in bytes.
    pub size: u64,
    /// The fingerprints of the public keys that it is encrypted to now.
    pub recipients: Vec<String>,
}

/// A report as the result of one kind of job.
macro_rules! reports {
    ($($report:ident: $($kind:ident)|+;)+) => {
        $(impl TryFrom<JobResult> for $report {
            type Error = Error;

            fn try_from(result: JobResult) -> Result<Self> {
                match result {
                    $(JobResult::$kind(report))|+ => Ok(report),
                    other => Err(unexpected(format!("it is of the kind {}", other.kind().to_value()))),
                }
            }
        })+
    };
}

reports! {
    BackupReport: Archive | Upload;
    VerifyReport: Verify;
    RestoreReport: Restore;
    ClearReport: Clear;
    UndoReport: Undo;
    RetentionReport: Retention;
    RekeyReport: Rekey;
    ImportReport: Import;
}

/// The error for a result that is missing or of another kind.
pub(super) fn unexpected(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("reading the result of a job")(problem)
}

impl JobResult {
    /// The kind of job.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Archive(_) => JobKind::Archive,
            Self::Verify(_) => JobKind::Verify,
            Self::Restore(_) => JobKind::Restore,
            Self::Clear(_) => JobKind::Clear,
            Self::Undo(_) => JobKind::Undo,
            Self::Upload(_) => JobKind::Upload,
            Self::Retention(_) => JobKind::Retention,
            Self::Rekey(_) => JobKind::Rekey,
            Self::Import(_) => JobKind::Import,
        }
    }

    /// The result of a job that has published an archive; none if jobs of that kind publish none.
    pub(super) fn of_published(kind: JobKind, archive: BackupReport) -> Option<Self> {
        match kind {
            JobKind::Archive => Some(Self::Archive(archive)),
            JobKind::Upload => Some(Self::Upload(archive)),
            JobKind::Verify
            | JobKind::Restore
            | JobKind::Clear
            | JobKind::Undo
            | JobKind::Retention
            | JobKind::Rekey
            | JobKind::Import => None,
        }
    }

    /// The archive that the job has published, if it has.
    pub(super) fn published(&self) -> Option<&BackupReport> {
        match self {
            Self::Archive(archive) | Self::Upload(archive) => Some(archive),
            Self::Verify(_)
            | Self::Restore(_)
            | Self::Clear(_)
            | Self::Undo(_)
            | Self::Retention(_)
            | Self::Rekey(_)
            | Self::Import(_) => None,
        }
    }

    /// Reads the stored result of a job of that kind. The job's kind decides, because earlier versions stored none with the
    /// result.
    ///
    /// # Errors
    /// If it is not the result of such a job.
    pub(super) fn from_json(kind: JobKind, json: &str) -> serde_json::Result<Self> {
        Ok(match kind {
            JobKind::Archive => Self::Archive(serde_json::from_str(json)?),
            JobKind::Verify => Self::Verify(serde_json::from_str(json)?),
            JobKind::Restore => Self::Restore(serde_json::from_str(json)?),
            JobKind::Clear => Self::Clear(serde_json::from_str(json)?),
            JobKind::Undo => Self::Undo(serde_json::from_str(json)?),
            JobKind::Upload => Self::Upload(serde_json::from_str(json)?),
            JobKind::Retention => Self::Retention(serde_json::from_str(json)?),
            JobKind::Rekey => Self::Rekey(serde_json::from_str(json)?),
            JobKind::Import => Self::Import(serde_json::from_str(json)?),
        })
    }

    /// The result as it is stored.
    pub(super) fn to_json(&self) -> String {
        // Texts, numbers, times and maps with names as keys always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The name of the schema of a variant.
    fn schema_name(kind: JobKind) -> &'static str {
        match kind {
            JobKind::Archive => "ArchiveJobResult",
            JobKind::Verify => "VerifyJobResult",
            JobKind::Restore => "RestoreJobResult",
            JobKind::Clear => "ClearJobResult",
            JobKind::Undo => "UndoJobResult",
            JobKind::Upload => "UploadJobResult",
            JobKind::Retention => "RetentionJobResult",
            JobKind::Rekey => "RekeyJobResult",
            JobKind::Import => "ImportJobResult",
        }
    }
}

/// One schema for each variant, with the tag among its properties. utoipa would derive nested schemas without a name and
/// without a discriminator.
impl PartialSchema for JobResult {
    fn schema() -> RefOr<Schema> {
        let mapping = JobKind::ALL.map(|kind| {
            let reference = format!("#/components/schemas/{}", Self::schema_name(kind));
            (kind.to_value(), reference)
        });
        let one_of = JobKind::ALL.into_iter().fold(OneOfBuilder::new(), |one_of, kind| {
            one_of.item(Ref::from_schema_name(Self::schema_name(kind)))
        });
        one_of
            // Otherwise `null` would be one: it has no `kind` that could be wrong.
            .schema_type(Type::Object)
            .description(Some("The result of a job that has succeeded. Its `kind` is the job's."))
            .discriminator(Some(Discriminator::with_mapping("kind", mapping)))
            .into()
    }
}

impl ToSchema for JobResult {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for kind in JobKind::ALL {
            match kind {
                JobKind::Archive | JobKind::Upload => add_variant::<BackupReport>(kind, schemas),
                JobKind::Verify => add_variant::<VerifyReport>(kind, schemas),
                JobKind::Restore => add_variant::<RestoreReport>(kind, schemas),
                JobKind::Clear => add_variant::<ClearReport>(kind, schemas),
                JobKind::Undo => add_variant::<UndoReport>(kind, schemas),
                JobKind::Retention => add_variant::<RetentionReport>(kind, schemas),
                JobKind::Rekey => add_variant::<RekeyReport>(kind, schemas),
                JobKind::Import => add_variant::<ImportReport>(kind, schemas),
            }
        }
    }
}

fn add_variant<R: ToSchema>(kind: JobKind, schemas: &mut Vec<(String, RefOr<Schema>)>) {
    let mut schema = R::schema();
    if let RefOr::T(Schema::Object(report)) = &mut schema {
        let tag = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some([kind.to_value()]))
            .description(Some("The kind of the job."));
        report.properties.insert("kind".to_owned(), tag.into());
        report.required.insert(0, "kind".to_owned());
    }
    schemas.push((JobResult::schema_name(kind).to_owned(), schema));
    R::schemas(schemas);
}

/// The API describes its list of codes.
fn problem_code() -> Ref {
    Ref::from_schema_name("Code")
}

/// The API describes verifications, with its codes. A verification looks the same with its archive.
fn verification_schema() -> Schema {
    OneOfBuilder::new()
        .item(Ref::from_schema_name("Verification"))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One result of each kind, as earlier versions stored it.
    fn stored_before() -> [(JobKind, Value); 9] {
        let backup = json!({
            "archive_id": "2026-11-25T03-53-08Z-5f1c2a9b", "rows": {"users": 5, "students": 1000}, "total": 1005, "size": 4096,
        });
        let tables = json!({
            "students": {"inserted": 1, "updated": 2, "removed": 3, "kept": 4, "renumbered": 5, "rows": 6},
            "payment_categories": {"inserted": 0, "updated": 0, "removed": 0, "kept": 0, "renumbered": 0, "rows": 7},
        });
        [
            (JobKind::Archive, backup.clone()),
            (
                JobKind::Verify,
                json!({
                    "archive_id": "a",
                    "verification": {
                        "at": "2026-11-25T04:00:00.250177Z", "level": "test_restore", "result": "ok", "seconds": 1.5,
                        "restore_seconds": 0.25,
                    },
                }),
            ),
            (
                JobKind::Restore,
                json!({
                    "archive_id": "a", "safety_archive_id": "b", "tables": tables.clone(),
                    "restored_at": "2026-11-25T09:30:00.000001Z",
                }),
            ),
            (
                JobKind::Clear,
                json!({
                    "removed": {"attendance": 18}, "kept": {"users": 5, "attendance": 0},
                    "cleared_at": "2026-11-23T09:30:00Z", "archive_id": null, "undo_until": null,
                }),
            ),
            (
                JobKind::Undo,
                json!({
                    "clear_id": "c", "archive_id": "a", "tables": tables.clone(), "undone_at": "2026-11-23T09:31:00Z",
                }),
            ),
            (JobKind::Upload, backup),
            (
                JobKind::Retention,
                json!({
                    "deleted": ["a"], "freed_bytes": 4096, "skipped": ["b"],
                    "failed": [{"archive_id": "c", "code": "store_unavailable", "detail": "It is not available."}],
                }),
            ),
            (
                JobKind::Rekey,
                json!({"archive_id": "a", "size": 4096, "recipients": ["9f86-d081-884c-7d65-9a2f-eaa0-c55a-d015"]}),
            ),
            (
                JobKind::Import,
                json!({
                    "import_id": "i", "table": "students", "mode": "upsert", "skipped_wrong": 0, "safety_archive_id": "a",
                    "tables": tables, "applied_at": "2026-11-30T09:30:00Z", "undo_until": "2026-12-07T09:30:00Z",
                }),
            ),
        ]
    }

    #[test]
    fn result_has_the_tag_of_its_kind_and_is_read_back() {
        for (kind, mut expected) in stored_before() {
            let result = JobResult::from_json(kind, &expected.to_string()).unwrap();
            assert_eq!(result.kind(), kind);
            let stored = result.to_json();
            expected["kind"] = json!(kind);
            if kind == JobKind::Retention {
                expected["retained_copies"] = json!([]);
            }
            assert_eq!(stored.parse::<Value>().unwrap(), expected);
            assert_eq!(JobResult::from_json(kind, &stored).unwrap(), result);
        }
    }

    #[test]
    fn kind_of_the_job_decides_and_not_the_tag() {
        for (kind, mut stored) in stored_before() {
            let without_tag = JobResult::from_json(kind, &stored.to_string()).unwrap();
            for tag in JobKind::ALL.map(|kind| json!(kind)).into_iter().chain([json!(7)]) {
                stored["kind"] = tag;
                assert_eq!(JobResult::from_json(kind, &stored.to_string()).unwrap(), without_tag);
            }
        }
    }

    #[test]
    fn earlier_names_of_an_upload_are_shown_as_they_are_now() {
        let annotations = json!({"label": "2025", "note": null, "protected": true});
        let now = json!({"annotations": annotations, "sha256": "e3b0"});
        let before = json!({"words": annotations, "sha256": "e3b0"});
        for stored in [&now, &before] {
            assert_eq!(JobParameters::shown(JobKind::Upload, &stored.to_string()), now);
        }
        // What can't be read is shown as it is stored.
        let other = json!({"words": 1});
        assert_eq!(JobParameters::shown(JobKind::Upload, &other.to_string()), other);
        assert_eq!(JobParameters::shown(JobKind::Archive, &before.to_string()), before);
    }

    #[test]
    fn earlier_names_of_a_verification_are_read() {
        let stored = r#"{"archive_id": "a", "verification": {
            "at": "2026-11-25T04:00:00Z", "level": "rehearsal", "result": "failed", "code": "truncated", "seconds": 0.5
        }}"#;
        let result = JobResult::from_json(JobKind::Verify, stored).unwrap();
        let verification = VerifyReport::try_from(result).unwrap().verification.unwrap();
        assert_eq!(verification.level, VerificationLevel::TestRestore);
        assert_eq!(verification.code.as_deref(), Some("truncated"));
    }

    #[test]
    fn result_of_another_kind_is_refused() {
        for (kind, stored) in stored_before() {
            // A verification may be missing, so its report is part of others.
            for other in JobKind::ALL.into_iter().filter(|kind| *kind != JobKind::Verify) {
                let has_same_report = kind == other || (kind.publishes_archive() && other.publishes_archive());
                let read = JobResult::from_json(other, &stored.to_string());
                assert_eq!(read.is_ok(), has_same_report, "{stored} as {other:?}");
            }
        }
        assert!(JobResult::from_json(JobKind::Clear, "null").is_err());
        assert!(JobResult::from_json(JobKind::Clear, "").is_err());
    }

    #[test]
    fn report_is_the_one_of_its_kind() {
        for (kind, stored) in stored_before() {
            let result = || JobResult::from_json(kind, &stored.to_string()).unwrap();
            assert_eq!(BackupReport::try_from(result()).is_ok(), kind.publishes_archive());
            assert_eq!(result().published().is_some(), kind.publishes_archive());
            assert_eq!(VerifyReport::try_from(result()).is_ok(), kind == JobKind::Verify);
            assert_eq!(RestoreReport::try_from(result()).is_ok(), kind == JobKind::Restore);
            assert_eq!(ClearReport::try_from(result()).is_ok(), kind == JobKind::Clear);
            assert_eq!(UndoReport::try_from(result()).is_ok(), kind == JobKind::Undo);
            assert_eq!(RetentionReport::try_from(result()).is_ok(), kind == JobKind::Retention);
            assert_eq!(RekeyReport::try_from(result()).is_ok(), kind == JobKind::Rekey);
            assert_eq!(ImportReport::try_from(result()).is_ok(), kind == JobKind::Import);
        }
    }

    #[test]
    fn published_archive_is_the_result_of_the_kinds_that_publish() {
        let report = BackupReport {
            archive_id: "a".to_owned(),
            rows: BTreeMap::new(),
            total: 0,
            size: 1,
        };
        for kind in JobKind::ALL {
            let result = JobResult::of_published(kind, report.clone());
            assert_eq!(
                result.map(|result| result.kind()),
                kind.publishes_archive().then_some(kind)
            );
        }
    }

    /// The schemas by their names, with that of the union.
    fn schemas() -> BTreeMap<String, Value> {
        let mut schemas = vec![(JobResult::name().into_owned(), JobResult::schema())];
        JobResult::schemas(&mut schemas);
        schemas
            .into_iter()
            .map(|(name, schema)| (name, json!(schema)))
            .collect()
    }

    #[test]
    fn schema_of_each_variant_has_the_members_that_are_written() {
        let schemas = schemas();
        let mapping = &schemas["JobResult"]["discriminator"]["mapping"];
        for (kind, stored) in stored_before() {
            let result = JobResult::from_json(kind, &stored.to_string()).unwrap();
            let written = json!(result);
            let reference = mapping[written["kind"].as_str().unwrap()].as_str().unwrap();
            let schema = &schemas[reference.rsplit('/').next().unwrap()];
            let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&schema["properties"]), names(&written), "{kind:?}");
            assert_eq!(schema["properties"]["kind"]["enum"], json!([kind]));
        }
    }
}
