//! `/backup/changes`: the log of clears, restores, imports and undos, and the undo of one.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use campus_backup_domain::Table;
use campus_backup_domain::change_log::{self, ChangeFilter, ChangeKind, ChangeRecord};
use campus_backup_domain::job::UndoReport;
use campus_backup_domain::restore::RestoredTable;
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, PartialSchema as _, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{NoParameters, Query};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::identity::{IdentityHeader, IdentityOfHeader};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::clear::{UndoProblems, undone};

/// The maximum number of changes on a page.
const MOST: u64 = 100;

/// The years that every engine can store.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_changes).service(get_change).service(undo_change);
}

/// The query of a list of changes.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    /// Only changes of this kind.
    #[param(required = false, schema_with = ChangeKind::schema)]
    kind: Option<ChangeKind>,
    /// Only changes at this time or later (RFC 3339).
    from: Option<DateTime<Utc>>,
    /// Only changes before this time (RFC 3339).
    to: Option<DateTime<Utc>>,
    /// `true`: only changes that can be undone now; `false`: only all others.
    undoable: Option<bool>,
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// The number of newest items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

/// A time that every engine can compare with.
///
/// # Errors
/// 422 `invalid_field`
pub(crate) fn moment(field: &str, moment: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, ApiError> {
    match moment.is_none_or(|moment| YEARS.contains(&moment.year())) {
        true => Ok(moment),
        false => Err(ApiError::invalid(field, "must be in a year from 0001 to 9999")),
    }
}

problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    ChangeProblems: InvalidField, Unauthenticated, Forbidden, UnknownChange, DatabaseBusy, DatabaseUnavailable, Internal
);

/// List changes
///
/// Every clear, restore, import and undo, newest first. A change is kept for 400 days, and as long as it can be undone,
/// independently of the number of jobs and changes after it.
#[utoipa::path(
    operation_id = "listChanges",
    tag = "backup",
    params(
        ChangesQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The changes.",
            body = inline(Page<ChangeRecord>),
            headers(
                ("X-Total-Count" = u64, description = "The number of items of the whole list."),
                ("Link" = String, description = "Other pages (RFC 8288): `first`, `prev`, `next`, `last`."),
                ("ETag" = String, description = "Changes with the list."),
            ),
        ),
        (status = 304, description = "The client's copy is current."),
        ListProblems
    )
)]
#[get("/changes")]
async fn list_changes(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<ChangesQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = query.0;
    let (limit, offset) = window(query.limit, query.offset, MOST)?;
    let filter = ChangeFilter {
        kind: query.kind,
        from: moment("from", query.from)?,
        to: moment("to", query.to)?,
        undoable: query.undoable,
    };
    let found = change_log::list(&granted.0, &state.database, &filter, limit, offset).await?;
    let window = Window::new(limit, offset, found.total);
    pagination::page(&state, &request, window, found.items)
}

/// Get a change
///
/// Also if its job was deleted from the history. `undo_until` and `undone_at` say whether it can still be undone.
#[utoipa::path(
    operation_id = "getChange",
    tag = "backup",
    params(("id" = String, Path, description = "The change's id, which is also the id of its job.")),
    responses((status = 200, description = "The change.", body = ChangeRecord), ChangeProblems)
)]
#[get("/changes/{id}")]
async fn get_change(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<ChangeRecord>, ApiError> {
    let change = change_log::get(&granted.0, &state.database, &id).await?;
    Ok(web::Json(change))
}

/// What an undo has done.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0193d2f1-11c2-7b02-8d5a-7d0f2b9c4e11", "change_id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70",
    "archive_id": "2026-11-23T09-29-59Z-5f1c2a9b",
    "tables": {"students": {"inserted": 0, "updated": 1, "removed": 2, "kept": 0, "renumbered": 0, "rows": 400}},
    "undone_at": "2026-11-23T09:31:00Z",
}))]
struct ChangeUndoAnswer {
    /// The undo's id, which is also the id of its job.
    #[schema(format = "uuid")]
    id: String,
    /// The clear or the import that was undone.
    #[schema(format = "uuid")]
    change_id: String,
    /// The safety backup that the rows came from.
    archive_id: String,
    /// The result for each table that the change concerned.
    #[schema(value_type = BTreeMap<String, RestoredTable>)]
    tables: BTreeMap<Table, RestoredTable>,
    /// The time of the undo, UTC.
    undone_at: DateTime<Utc>,
}

/// Undo a clear or an import
///
/// Of a clear, it restores exactly the rows that were deleted, and does not change rows that were written since. Of an import, it gives
/// the tables exactly the rows that they had before, if no row of them was changed since. If newer rows block the undo, nothing is
/// changed, and the problem has the `plan`. Everything happens in one transaction. A restore is undone by restoring its safety
/// backup.
///
/// If the service has no key that opens the safety backup, the header `X-Archive-Identity` must have it. The dry run of a clear and
/// the plan of an import say so (`undo_needs_identity`).
#[utoipa::path(
    operation_id = "undoChange",
    tag = "backup",
    params(("id" = String, Path, description = "The change's id."), IdempotencyHeader, IdentityHeader),
    responses((status = 200, description = "The restored rows.", body = ChangeUndoAnswer), UndoProblems)
)]
#[post("/changes/{id}/undo")]
async fn undo_change(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    key: IdempotencyKey,
    identity: IdentityOfHeader,
) -> Result<web::Json<ChangeUndoAnswer>, ApiError> {
    let key = key.of("undoChange", &*id)?;
    let (job_id, report): (String, UndoReport) = undone(&granted, &identity.operations(&state), &id, key).await?;
    Ok(web::Json(ChangeUndoAnswer {
        id: job_id,
        change_id: report.clear_id,
        archive_id: report.archive_id,
        tables: report.tables,
        undone_at: report.undone_at,
    }))
}
