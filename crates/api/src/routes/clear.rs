//! `/backup/clear`: deletes rows, and undoes that.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::{HttpRequest, post, web};
use campus_backup_domain::audit::AuditEvent;
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::clear::{self, Clear, ClearMode, Cleared, ExpectedRemoval};
use campus_backup_domain::job::{ClearReport, Idempotency, Job, JobResult, UndoReport};
use campus_backup_domain::operations::Operations;
use campus_backup_domain::{Error, Table};
use chrono::{DateTime, Utc};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, Formats, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::identity::{IdentityHeader, IdentityOfHeader};
use crate::middleware::guard::Granted;
use crate::problem::{ApiError, Code};
use crate::problem_responses;
use crate::security_log::About;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(clear_table).service(undo_clear);
}

/// What to clear.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"table": "attendance", "dry_run": true}))]
struct ClearRequest {
    /// The table, or `all`.
    #[schema(schema_with = clear::scope_schema)]
    table: String,
    /// Whether to return the same counts without changing anything.
    #[serde(default)]
    dry_run: bool,
    /// The number of rows that you expect to be deleted, as a total or for each table. With another number nothing
    /// changes (412).
    #[serde(default)]
    #[schema(schema_with = expected_rows)]
    expected_rows: Option<ExpectedRows>,
    /// The name of the table again. It must be right if it is sent. A setting can require it.
    confirm: Option<String>,
}

/// The same request as a form. Its values are texts, so it has no numbers for each table.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"table": "attendance", "dry_run": true}))]
struct ClearForm {
    /// The table, or `all`.
    #[schema(schema_with = clear::scope_schema)]
    table: String,
    /// Whether to return the same counts without changing anything.
    #[serde(default)]
    dry_run: bool,
    /// The total number of rows that you expect to be deleted.
    expected_rows: Option<u64>,
    /// The name of the table again.
    confirm: Option<String>,
}

impl From<ClearForm> for ClearRequest {
    fn from(form: ClearForm) -> Self {
        Self {
            table: form.table,
            dry_run: form.dry_run,
            expected_rows: form
                .expected_rows
                .map(|total| ExpectedRows(ExpectedRemoval::Total(total))),
            confirm: form.confirm,
        }
    }
}

impl RequestBody for ClearRequest {
    type Form = ClearForm;
    const FORMATS: Formats = Formats::JsonAndForm;
}

fn expected_rows() -> Schema {
    let number = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    let by_table = Table::ALL.into_iter().fold(ObjectBuilder::new(), |object, table| {
        object.property(table.name(), number())
    });
    OneOfBuilder::new()
        .description(Some(
            "The number of rows that you expect to be deleted, as a total or for each table. With another number nothing changes (412).",
        ))
        .item(number())
        .item(by_table.additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(false))))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .into()
}

/// A total, or a number for each table.
struct ExpectedRows(ExpectedRemoval);

impl Serialize for ExpectedRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            ExpectedRemoval::Total(total) => total.serialize(serializer),
            ExpectedRemoval::ByTable(tables) => tables.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ExpectedRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrNumbers;

        impl<'de> Visitor<'de> for NumberOrNumbers {
            type Value = ExpectedRows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of rows, or an object with a number for each table")
            }

            fn visit_u64<E: de::Error>(self, total: u64) -> Result<ExpectedRows, E> {
                Ok(ExpectedRows(ExpectedRemoval::Total(total)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExpectedRows, A::Error> {
                let mut tables = BTreeMap::new();
                while let Some((table, rows)) = map.next_entry::<Table, u64>()? {
                    tables.insert(table, rows);
                }
                Ok(ExpectedRows(ExpectedRemoval::ByTable(tables)))
            }
        }

        deserializer.deserialize_any(NumberOrNumbers)
    }
}

/// The deleted and the remaining rows of a clear.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "table": "attendance", "dry_run": false,
    "removed": {"attendance": 100_000}, "removed_total": 100_000,
    "kept": {
        "users": 5, "students": 1000, "courses": 40, "payment_categories": 8, "enrollments": 3000, "payments": 5000,
        "attendance": 0,
    },
    "cleared_at": "2026-11-23T09:30:00Z", "archive_id": "2026-11-23T09-29-59Z-5f1c2a9b",
    "undo_until": "2026-11-30T09:30:00Z", "undo_needs_identity": false,
}))]
pub struct ClearAnswer {
    /// The clear's id, which is also the id of its job; `null` if nothing was changed.
    #[schema(format = "uuid")]
    id: Option<String>,
    /// The scope of the clear.
    #[schema(schema_with = clear::scope_schema)]
    table: &'static str,
    /// Whether nothing was changed.
    dry_run: bool,
    /// Deleted rows of each affected table.
    #[schema(value_type = BTreeMap<String, u64>)]
    removed: BTreeMap<Table, u64>,
    /// The number of all deleted rows.
    removed_total: u64,
    /// Remaining rows of all seven tables.
    #[schema(value_type = BTreeMap<String, u64>)]
    kept: BTreeMap<Table, u64>,
    /// The time of the clear, UTC.
    cleared_at: DateTime<Utc>,
    /// The safety backup with the deleted rows; `null` if there were none.
    archive_id: Option<String>,
    /// The end of the time in which `POST /backup/clear/{id}/undo` restores the rows, UTC.
    undo_until: Option<DateTime<Utc>>,
    /// Whether the undo will need the secret key of the archives, because they are encrypted to public keys alone.
    undo_needs_identity: bool,
}

impl ClearAnswer {
    /// The answer of a dry run.
    pub fn preview(scope: TableScope, cleared: Cleared, undo_needs_identity: bool) -> Self {
        Self {
            id: None,
            table: scope.name(),
            dry_run: true,
            removed_total: cleared.removed_total(),
            removed: cleared.removed,
            kept: cleared.kept,
            cleared_at: cleared.cleared_at,
            archive_id: None,
            undo_until: None,
            undo_needs_identity,
        }
    }

    /// The answer of a clear that was done.
    pub fn done(id: String, scope: TableScope, report: ClearReport, undo_needs_identity: bool) -> Self {
        Self {
            id: Some(id),
            table: scope.name(),
            dry_run: false,
            removed_total: report.removed.values().sum(),
            removed: report.removed,
            kept: report.kept,
            cleared_at: report.cleared_at,
            archive_id: report.archive_id,
            undo_until: report.undo_until,
            undo_needs_identity,
        }
    }
}

/// The rows that an undo has restored.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0193d2f1-11c2-7b02-8d5a-7d0f2b9c4e11", "clear_id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70",
    "archive_id": "2026-11-23T09-29-59Z-5f1c2a9b", "restored": {"attendance": 100_000}, "restored_total": 100_000,
    "undone_at": "2026-11-23T09:31:00Z",
}))]
struct UndoAnswer {
    /// The undo's id, which is also the id of its job.
    #[schema(format = "uuid")]
    id: String,
    /// The clear that was undone.
    clear_id: String,
    /// The safety backup of the clear.
    archive_id: String,
    /// Restored rows of each affected table.
    #[schema(value_type = BTreeMap<String, u64>)]
    restored: BTreeMap<Table, u64>,
    /// The number of all restored rows.
    restored_total: u64,
    /// The time of the undo, UTC.
    undone_at: DateTime<Utc>,
}

impl UndoAnswer {
    fn new(id: String, report: UndoReport) -> Self {
        let restored: BTreeMap<_, _> = report
            .tables
            .into_iter()
            .map(|(table, done)| (table, done.inserted))
            .collect();
        Self {
            id,
            clear_id: report.clear_id,
            archive_id: report.archive_id,
            restored_total: restored.values().sum(),
            restored,
            undone_at: report.undone_at,
        }
    }
}

problem_responses!(
    ClearProblems: MalformedBody, InvalidField, UnknownTable @ 422, WrongConfirmation, UnsupportedMediaType,
    BodyTooLarge, RequestTimeout, Unauthenticated, Forbidden, RowCountChanged, Busy, Cancelled, IdempotencyKeyReused,
    Unexportable, Interrupted, Stopping, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    UndoProblems: InvalidField, Unauthenticated, Forbidden, UnknownClear, ArchiveGone, UndoExpired, NothingToUndo,
    AlreadyUndone, UndoBlocked, Busy, Cancelled, IdempotencyKeyReused, Unexportable, ArchiveTruncated, ArchiveCorrupt,
    ArchiveDigestMismatch, ArchiveWrongKey, ArchiveKeyRequired, ArchiveManifestMismatch, ArchiveRecordMismatch,
    UndoUnproven, ArchiveIncomplete, ArchiveUnrestorable, ManifestUnreadable, ArchiveUnreadable, Interrupted, Stopping, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured,
    StoreUnavailable, InsufficientStorage, Internal
);

/// Clear a table, or everything
///
/// Deletes all rows of the table, and all rows that refer to them: with `students` also enrollments, payments and
/// attendance, with `courses` also enrollments and attendance. `all` also deletes the payment categories and every
/// user who is not an administrator. No clear deletes an administrator. Everything happens in one transaction. Send a
/// request with `dry_run` first, and send its counts as `expected_rows`.
///
/// A safety backup is created first. If that fails, nothing is deleted. The answer has its id, and the time until
/// which `POST /backup/clear/{id}/undo` can undo the clear. The work is a job, which continues if the connection is
/// lost.
#[utoipa::path(
    operation_id = "clearTable",
    tag = "backup",
    params(IdempotencyHeader),
    request_body(
        description = "The table to clear.",
        content((ClearRequest = "application/json"), (ClearForm = "application/x-www-form-urlencoded")),
    ),
    responses((status = 200, description = "The deleted and the remaining rows.", body = ClearAnswer), ClearProblems)
)]
#[post("/clear")]
async fn clear_table(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    key: IdempotencyKey,
    body: Body<ClearRequest>,
    http: HttpRequest,
) -> Result<web::Json<ClearAnswer>, ApiError> {
    let key = key.of("clearTable", &body.0)?;
    let asked = body.0;
    let scope = TableScope::from_name(&asked.table)
        .filter(|scope| clear::scope_names().contains(&scope.name()))
        .ok_or_else(|| ApiError::unknown_table_in_body(&clear::scope_names()))?;
    let about = About {
        table: Some(scope.name().to_owned()),
        event: asked.dry_run.then_some(AuditEvent::ClearPreview),
        ..About::default()
    };
    about.keep(&http);
    let request = Clear {
        scope,
        mode: if asked.dry_run {
            ClearMode::DryRun
        } else {
            ClearMode::Remove
        },
        expected: asked.expected_rows.map(|expected| expected.0),
        confirmation: asked.confirm,
    };
    let (admin, confirmation) = (&granted.0, state.confirmation);
    let undo_needs_identity = !state.operations.opens_new_archives();
    if request.mode == ClearMode::DryRun {
        request.check(confirmation)?;
        let preview = clear::preview(admin, &state.database, &request).await?;
        return Ok(web::Json(ClearAnswer::preview(scope, preview, undo_needs_identity)));
    }
    let submitted = state.operations.clear(admin, confirmation, &request, key).await?;
    let (id, report) = report(submitted.ended().await?)?;
    Ok(web::Json(ClearAnswer::done(id, scope, report, undo_needs_identity)))
}

/// Undo a clear
///
/// Restores exactly the rows that the clear deleted, in one transaction. It does not change rows that were written
/// since. If such rows block the undo, nothing is changed, and the problem has the `plan` with its blockers.
///
/// If the service has no key that opens the safety backup, the header `X-Archive-Identity` must have it. The clear and its dry run
/// say so (`undo_needs_identity`).
#[utoipa::path(
    operation_id = "undoClear",
    tag = "backup",
    params(("id" = String, Path, description = "The id of the clear."), IdempotencyHeader, IdentityHeader),
    responses((status = 200, description = "The restored rows.", body = UndoAnswer), UndoProblems)
)]
#[post("/clear/{id}/undo")]
async fn undo_clear(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    key: IdempotencyKey,
    identity: IdentityOfHeader,
) -> Result<web::Json<UndoAnswer>, ApiError> {
    let key = key.of("undoClear", &*id)?;
    let (id, report) = undone(&granted, &identity.operations(&state), &id, key).await?;
    Ok(web::Json(UndoAnswer::new(id, report)))
}

/// Undoes a clear or an import, and returns the id of the job with its report. If newer rows block the undo, the problem has its plan.
pub(super) async fn undone(
    granted: &Granted,
    operations: &Operations,
    id: &str,
    key: Option<Idempotency>,
) -> Result<(String, UndoReport), ApiError> {
    let submitted = operations.undo(&granted.0, id, key).await?;
    match report(submitted.ended().await?) {
        Err(error) if error.code() == Code::UndoBlocked => {
            let plan = operations.undo_plan(&granted.0, id).await?;
            let plan = serde_json::to_value(plan).map_err(ApiError::internal)?;
            Err(error.with_plan(plan))
        }
        done => done,
    }
}

/// The report of a job that has ended, with the job's id.
fn report<R: TryFrom<JobResult, Error = Error>>(job: Job) -> Result<(String, R), ApiError> {
    match ApiError::of_job(&job) {
        Some(error) => Err(error),
        None => Ok((job.id.clone(), job.report()?)),
    }
}
