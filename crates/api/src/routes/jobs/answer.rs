//! How a job looks in an answer: what all kinds have in common, and for each kind what was asked and what came of it.

use std::collections::BTreeMap;

use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_domain::Table;
use campus_backup_domain::job::{Job, JobKind, JobState, Phase};
use campus_backup_domain::restore::RestoreMode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::schema::{Discriminator, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::Code;
use crate::routes::archives::{RestoreScope, VerificationAnswer, levels, modes, scopes};
use crate::routes::clear::clearable;
use crate::schema::{nullable, words};

/// A piece of long work. What its kind has of its own is described in [`PartialSchema`].
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct JobAnswer(Common);

/// What all jobs have.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Common {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// What kind of work it is.
    #[schema(schema_with = kinds)]
    kind: JobKind,
    /// How it stands.
    #[schema(schema_with = states)]
    state: JobState,
    /// What it does, or did last.
    #[schema(schema_with = phases)]
    phase: Phase,
    /// Rows that this phase has dealt with. Of a job that has succeeded it is `rows_total`.
    rows_done: u64,
    /// Rows that it has to deal with, if that is known.
    #[schema(required = true)]
    rows_total: Option<u64>,
    /// Bytes that were stored or read in this phase.
    bytes: u64,
    /// How many seconds the rest of this phase is expected to take.
    #[schema(required = true)]
    eta_seconds: Option<u64>,
    /// Who asked.
    username: String,
    /// When it was asked, UTC.
    created_at: DateTime<Utc>,
    /// When its turn came.
    #[schema(required = true)]
    started_at: Option<DateTime<Utc>>,
    /// When it last gave a sign of life; that is how old all this is.
    heartbeat_at: DateTime<Utc>,
    /// When it ended.
    #[schema(required = true)]
    ended_at: Option<DateTime<Utc>>,
    /// What was asked.
    #[schema(value_type = Object)]
    parameters: Value,
    /// What came of it, if it succeeded.
    #[schema(value_type = Option<Object>, required = true)]
    result: Option<Value>,
    /// Why it did not succeed.
    #[schema(required = true)]
    error: Option<JobError>,
}

/// Why a job did not succeed.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct JobError {
    /// The kind of problem.
    #[schema(value_type = Code)]
    code: String,
    /// What was wrong, for the person who asked.
    #[schema(example = "There is no room left on the disk. Nothing was changed.")]
    detail: String,
}

impl From<Job> for JobAnswer {
    fn from(job: Job) -> Self {
        Self(Common {
            id: job.id,
            kind: job.kind,
            state: job.state,
            phase: job.phase,
            rows_done: job.rows_done,
            rows_total: job.rows_total,
            bytes: job.bytes,
            eta_seconds: job.eta_seconds,
            username: job.username,
            created_at: job.created_at,
            started_at: job.started_at,
            heartbeat_at: job.heartbeat_at,
            ended_at: job.ended_at,
            parameters: job.parameters,
            result: job.result,
            error: job.fault.map(|fault| JobError {
                code: fault.code,
                detail: fault.detail,
            }),
        })
    }
}

/// The schema of a kind of job, and those of its parameters and its result.
#[derive(Clone, Copy)]
struct Described {
    kind: JobKind,
    name: &'static str,
    parameters: &'static str,
    result: &'static str,
}

const DESCRIBED: [Described; 6] = [
    described(
        JobKind::Archive,
        "ArchiveJob",
        "ArchiveJobParameters",
        "ArchiveJobResult",
    ),
    described(JobKind::Verify, "VerifyJob", "VerifyJobParameters", "VerifyJobResult"),
    described(
        JobKind::Restore,
        "RestoreJob",
        "RestoreJobParameters",
        "RestoreJobResult",
    ),
    described(JobKind::Clear, "ClearJob", "ClearJobParameters", "ClearJobResult"),
    described(JobKind::Undo, "UndoJob", "UndoJobParameters", "UndoJobResult"),
    // Its result is that of a backup that was created.
    described(JobKind::Upload, "UploadJob", "UploadJobParameters", "ArchiveJobResult"),
];

const fn described(kind: JobKind, name: &'static str, parameters: &'static str, result: &'static str) -> Described {
    Described {
        kind,
        name,
        parameters,
        result,
    }
}

impl Described {
    fn schema(self) -> RefOr<Schema> {
        let mut schema = Common::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let word = serde_json::to_value(self.kind).unwrap_or_default();
            object.description = Some(format!("A job of the kind `{}`.", word.as_str().unwrap_or_default()));
            let own = [
                ("kind", words(&[self.kind], "What kind of work it is.").into()),
                ("parameters", Ref::from_schema_name(self.parameters).into()),
                ("result", nullable(self.result)),
            ];
            for (name, property) in own {
                object.properties.insert(name.to_owned(), property);
            }
        }
        schema
    }
}

impl PartialSchema for JobAnswer {
    fn schema() -> RefOr<Schema> {
        let mapping = DESCRIBED.map(|described| {
            let word = serde_json::to_value(described.kind).unwrap_or_default();
            let reference = format!("#/components/schemas/{}", described.name);
            (word.as_str().unwrap_or_default().to_owned(), reference)
        });
        let one_of = DESCRIBED.into_iter().fold(OneOfBuilder::new(), |one_of, described| {
            one_of.item(Ref::from_schema_name(described.name))
        });
        one_of
            .description(Some("A piece of long work. Its `kind` says what its `parameters` and its `result` are."))
            .discriminator(Some(Discriminator::with_mapping("kind", mapping)))
            .examples([json!({
                "id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "kind": "archive", "state": "running", "phase": "backing_up",
                "rows_done": 48_000, "rows_total": 109_053, "bytes": 1_310_720, "eta_seconds": 2, "username": "admin",
                "created_at": "2026-11-25T09:30:00Z", "started_at": "2026-11-25T09:30:00Z",
                "heartbeat_at": "2026-11-25T09:30:02Z", "ended_at": null,
                "parameters": {"label": "before the exams", "note": null, "protected": false}, "result": null, "error": null,
            })])
            .into()
    }
}

impl ToSchema for JobAnswer {
    fn name() -> std::borrow::Cow<'static, str> {
        "Job".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.extend(DESCRIBED.map(|described| (described.name.to_owned(), described.schema())));
        Common::schemas(schemas);
        add::<ArchiveJobParameters>(schemas);
        add::<ArchiveJobResult>(schemas);
        add::<VerifyJobParameters>(schemas);
        add::<VerifyJobResult>(schemas);
        add::<RestoreJobParameters>(schemas);
        add::<RestoreJobResult>(schemas);
        add::<ClearJobParameters>(schemas);
        add::<ClearJobResult>(schemas);
        add::<UndoJobParameters>(schemas);
        add::<UndoJobResult>(schemas);
        add::<UploadJobParameters>(schemas);
    }
}

fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

/// What was asked of a job that creates a backup.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct ArchiveJobParameters {
    /// The name that the backup is given.
    #[schema(required = true)]
    label: Option<String>,
    /// The note that it is given.
    #[schema(required = true)]
    note: Option<String>,
    /// Whether it is kept until somebody says otherwise.
    protected: bool,
}

/// What came of a job that has created or uploaded a backup.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct ArchiveJobResult {
    /// The archive's id.
    archive_id: String,
    /// Rows by table.
    rows: BTreeMap<String, u64>,
    /// Rows of all tables.
    total: u64,
    /// How many bytes are stored.
    size: u64,
}

/// What was asked of a job that verifies an archive.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct VerifyJobParameters {
    /// The archive's id.
    archive_id: String,
    /// How closely it is looked at.
    #[schema(schema_with = levels)]
    level: VerificationLevel,
}

/// What came of a job that has verified an archive.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct VerifyJobResult {
    /// The archive's id.
    archive_id: String,
    /// What was found, which is also remembered with the archive.
    #[schema(required = true)]
    verification: Option<VerificationAnswer>,
}

/// What was asked of a job that restores an archive.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct RestoreJobParameters {
    /// The archive's id.
    archive_id: String,
    /// Which rows.
    #[schema(schema_with = scopes)]
    scope: RestoreScope,
    /// How they meet those that are there.
    #[schema(schema_with = modes)]
    mode: RestoreMode,
    /// Whether active administrators may be disabled.
    disable_administrators: bool,
}

/// What came of a job that has restored an archive.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct RestoreJobResult {
    /// What was restored.
    archive_id: String,
    /// What has the rows that were there before: restoring it takes this restore back.
    safety_archive_id: String,
    /// What was done, for each table that it concerned.
    tables: BTreeMap<String, RestoredRows>,
    /// When, UTC.
    restored_at: DateTime<Utc>,
}

/// What a restore or an undo has done to one table.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
struct RestoredRows {
    /// Rows inserted. If everything was replaced, all rows were removed and inserted again.
    inserted: u64,
    /// Rows that were there and have become what the archive has.
    updated: u64,
    /// Rows removed, with those that hung on them.
    removed: u64,
    /// Administrators' accounts that were left as they were.
    kept: u64,
    /// Accounts that came back under another id.
    renumbered: u64,
    /// Rows afterwards.
    rows: u64,
}

/// What was asked of a job that clears a table, or all.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct ClearJobParameters {
    /// The table, or `all`.
    #[schema(schema_with = clearable)]
    table: Table,
}

/// What came of a job that has cleared a table, or all.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct ClearJobResult {
    /// Rows removed, for each table that it concerned.
    removed: BTreeMap<String, u64>,
    /// Rows left, for all seven tables.
    kept: BTreeMap<String, u64>,
    /// When, UTC.
    cleared_at: DateTime<Utc>,
    /// The safety archive with the rows that were removed; none if there were none.
    #[schema(required = true)]
    archive_id: Option<String>,
    /// Until when it can be undone, UTC; none if there is nothing to undo.
    #[schema(required = true)]
    undo_until: Option<DateTime<Utc>>,
}

/// What was asked of a job that undoes a clear.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct UndoJobParameters {
    /// The clear.
    #[schema(format = "uuid")]
    clear_id: String,
}

/// What came of a job that has undone a clear.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct UndoJobResult {
    /// The clear that was undone.
    #[schema(format = "uuid")]
    clear_id: String,
    /// The safety archive that its rows came from.
    archive_id: String,
    /// What was done, for each table that it concerned.
    tables: BTreeMap<String, RestoredRows>,
    /// When, UTC.
    undone_at: DateTime<Utc>,
}

/// What was asked of a job that reads an uploaded archive.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it only describes what the domain writes down")]
pub(crate) struct UploadJobParameters {
    /// What is said of the archive.
    words: ArchiveJobParameters,
    /// SHA-256 of the bytes that came, in hexadecimal.
    sha256: String,
}

pub(super) fn kinds() -> Schema {
    words(&JobKind::ALL, "What kind of work it is.")
}

pub(super) fn states() -> Schema {
    words(
        &JobState::ALL,
        "How it stands. `succeeded`, `failed`, `cancelled` and `interrupted` are for ever; after the last three nothing was \
         changed. One exception: a job that creates or uploads a backup is `succeeded` after all if its process was only \
         paused and has published the backup since.",
    )
}

fn phases() -> Schema {
    words(&Phase::ALL, "What it does, or did last.")
}
