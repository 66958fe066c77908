//! `/backup/clear`: removing rows, and putting them back.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::{HttpRequest, post, web};
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::clear::{self, Clear, ClearMode, Cleared, ExpectedRemoval};
use campus_backup_domain::job::{ClearReport, Job, JobResult, UndoReport};
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
    /// Whether to answer the same and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// How many rows you expect to be removed: in all, or by table. If it is another number, nothing changes (412).
    #[serde(default)]
    #[schema(schema_with = expected_rows)]
    expected_rows: Option<ExpectedRows>,
    /// The table's name once more. If it is sent it must be right; a setting can demand it.
    confirm: Option<String>,
}

/// The same as a form, whose values are texts and can't be numbers by table.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"table": "attendance", "dry_run": true}))]
struct ClearForm {
    /// The table, or `all`.
    #[schema(schema_with = clear::scope_schema)]
    table: String,
    /// Whether to answer the same and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// How many rows you expect to be removed in all.
    expected_rows: Option<u64>,
    /// The table's name once more.
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
            "How many rows you expect to be removed: in all, or by table. If it is another number, nothing changes (412).",
        ))
        .item(number())
        .item(by_table.additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(false))))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .into()
}

/// A number, or numbers by table.
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

/// What a clear removed and what it left.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "table": "attendance", "dry_run": false,
    "removed": {"attendance": 100_000}, "removed_total": 100_000,
    "kept": {
        "users": 5, "students": 1000, "courses": 40, "payment_categories": 8, "enrollments": 3000, "payments": 5000,
        "attendance": 0,
    },
    "cleared_at": "2026-11-23T09:30:00Z", "archive_id": "2026-11-23T09-29-59Z-5f1c2a9b",
    "undo_until": "2026-11-30T09:30:00Z",
}))]
pub struct ClearAnswer {
    /// The clear's id, which is that of its job; none if nothing was changed.
    #[schema(format = "uuid")]
    id: Option<String>,
    /// What was cleared.
    #[schema(schema_with = clear::scope_schema)]
    table: &'static str,
    /// Whether nothing was changed.
    dry_run: bool,
    /// Rows removed, for each table that it concerned.
    #[schema(value_type = BTreeMap<String, u64>)]
    removed: BTreeMap<Table, u64>,
    /// Rows removed in all.
    removed_total: u64,
    /// Rows left, for all seven tables.
    #[schema(value_type = BTreeMap<String, u64>)]
    kept: BTreeMap<Table, u64>,
    /// When, UTC.
    cleared_at: DateTime<Utc>,
    /// The safety archive with the rows that were removed; none if there were none.
    archive_id: Option<String>,
    /// Until when `POST /backup/clear/{id}/undo` puts them back, UTC.
    undo_until: Option<DateTime<Utc>>,
}

impl ClearAnswer {
    /// What a clear would do.
    pub fn preview(scope: TableScope, cleared: Cleared) -> Self {
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
        }
    }

    /// What a clear has done.
    pub fn done(id: String, scope: TableScope, report: ClearReport) -> Self {
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
        }
    }
}

/// What an undo has put back.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0193d2f1-11c2-7b02-8d5a-7d0f2b9c4e11", "clear_id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70",
    "archive_id": "2026-11-23T09-29-59Z-5f1c2a9b", "restored": {"attendance": 100_000}, "restored_total": 100_000,
    "undone_at": "2026-11-23T09:31:00Z",
}))]
struct UndoAnswer {
    /// The undo's id, which is that of its job.
    #[schema(format = "uuid")]
    id: String,
    /// The clear that was undone.
    clear_id: String,
    /// The safety archive that the rows came from.
    archive_id: String,
    /// Rows put back, for each table that the clear concerned.
    #[schema(value_type = BTreeMap<String, u64>)]
    restored: BTreeMap<Table, u64>,
    /// Rows put back in all.
    restored_total: u64,
    /// When, UTC.
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
    ArchiveDigestMismatch, ArchiveWrongKey, ArchiveManifestMismatch, ArchiveRecordMismatch, UndoUnproven, ArchiveIncomplete, ArchiveUnrestorable,
    ManifestUnreadable, ArchiveUnreadable, Interrupted, Stopping, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured,
    StoreUnavailable, InsufficientStorage, Internal
);

/// Clear a table, or everything
///
/// Removes all rows of the table with everything that can't stand without them: `students` takes enrollments, payments
/// and attendance along, `courses` enrollments and attendance. `all` also empties payment categories and removes every
/// user who is not an administrator; no administrator's account is ever removed. It happens in one transaction: all of
/// it or nothing. Ask with `dry_run` first, and send what it answered as `expected_rows`.
///
/// A safety archive is taken first, and nothing is removed if that fails. The answer has its id, and until when the clear can
/// be undone with `POST /backup/clear/{id}/undo`. The work is a job: it goes on if the connection is lost.
#[utoipa::path(
    operation_id = "clearTable",
    tag = "backup",
    params(IdempotencyHeader),
    request_body(
        description = "What to clear.",
        content((ClearRequest = "application/json"), (ClearForm = "application/x-www-form-urlencoded")),
    ),
    responses((status = 200, description = "What was removed and what is left.", body = ClearAnswer), ClearProblems)
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
        event: asked.dry_run.then_some("clear_preview"),
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
    if request.mode == ClearMode::DryRun {
        request.check(confirmation)?;
        let preview = clear::preview(admin, &state.database, &request).await?;
        return Ok(web::Json(ClearAnswer::preview(scope, preview)));
    }
    let submitted = state.operations.clear(admin, confirmation, &request, key).await?;
    let (id, report) = report(submitted.ended().await?)?;
    Ok(web::Json(ClearAnswer::done(id, scope, report)))
}

/// Undo a clear
///
/// Puts back exactly the rows that the clear removed, in one transaction, and leaves alone what was written since. If that is
/// in the way, nothing is changed: the problem has the `plan` of what would be, with what stands in its way.
#[utoipa::path(
    operation_id = "undoClear",
    tag = "backup",
    params(("id" = String, Path, description = "The id of the clear."), IdempotencyHeader),
    responses((status = 200, description = "What was put back.", body = UndoAnswer), UndoProblems)
)]
#[post("/clear/{id}/undo")]
async fn undo_clear(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    key: IdempotencyKey,
) -> Result<web::Json<UndoAnswer>, ApiError> {
    let key = key.of("undoClear", &*id)?;
    let submitted = state.operations.undo(&granted.0, &id, key).await?;
    match report(submitted.ended().await?) {
        Ok((id, report)) => Ok(web::Json(UndoAnswer::new(id, report))),
        Err(error) if error.code() == Code::UndoBlocked => {
            let plan = state.operations.undo_plan(&granted.0, &id).await?;
            let plan = serde_json::to_value(plan).map_err(ApiError::internal)?;
            Err(error.with_plan(plan))
        }
        Err(error) => Err(error),
    }
}

/// The report of a job that has ended, with the job's id.
fn report<R: TryFrom<JobResult, Error = Error>>(job: Job) -> Result<(String, R), ApiError> {
    match ApiError::of_job(&job) {
        Some(error) => Err(error),
        None => Ok((job.id.clone(), job.report()?)),
    }
}
