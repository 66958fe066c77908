//! `/backup/changes`: what was cleared, restored and undone.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, web};
use campus_backup_domain::change_log::{self, ChangeFilter, ChangeKind, ChangeRecord, RowCounts};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{NoParameters, Query};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::schema::words;

/// How many changes a page has at the most.
const MOST: u64 = 100;

/// The years of which every engine knows all moments.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_changes).service(get_change);
}

/// A change of the live data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change, example = json!({
    "id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "kind": "clear", "username": "admin",
    "changed_at": "2026-11-23T09:30:00Z", "parameters": {"table": "attendance"},
    "rows": {"attendance": {"removed": 100_000, "written": 0}}, "removed_total": 100_000, "written_total": 0,
    "safety_archive_id": "2026-11-23T09-29-59Z-5f1c2a9b",
    "safety_archive_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "undo_until": "2026-11-30T09:30:00Z", "undone_at": null, "undone_by": null,
}))]
struct ChangeAnswer {
    /// Its id, which is that of its job.
    #[schema(format = "uuid")]
    id: String,
    /// What kind of change it is.
    #[schema(schema_with = kinds)]
    kind: ChangeKind,
    /// Who asked.
    username: String,
    /// When, UTC, by the clock of the database.
    changed_at: DateTime<Utc>,
    /// What was asked, which depends on the kind.
    #[schema(schema_with = parameters)]
    parameters: Value,
    /// Rows removed and written, for each table that it concerned.
    rows: BTreeMap<String, ChangedRows>,
    /// Rows removed in all.
    removed_total: u64,
    /// Rows written in all.
    written_total: u64,
    /// The archive of what was there before; none for an undo, and if nothing was removed.
    safety_archive_id: Option<String>,
    /// SHA-256 of the stored bytes of that archive; none for changes of earlier versions.
    safety_archive_sha256: Option<String>,
    /// Until when `POST /backup/clear/{id}/undo` undoes it, UTC; none if it can't be undone.
    undo_until: Option<DateTime<Utc>>,
    /// When it was undone, UTC.
    undone_at: Option<DateTime<Utc>>,
    /// Who undid it.
    undone_by: Option<String>,
}

/// How many rows of a table a change has removed and written.
#[derive(Debug, Serialize, ToSchema)]
struct ChangedRows {
    /// Rows removed.
    removed: u64,
    /// Rows inserted or overwritten.
    written: u64,
}

impl From<ChangeRecord> for ChangeAnswer {
    fn from(change: ChangeRecord) -> Self {
        let total = |count: fn(&RowCounts) -> u64| change.tables.values().map(count).sum();
        Self {
            removed_total: total(|rows| rows.removed),
            written_total: total(|rows| rows.written),
            id: change.id,
            kind: change.kind,
            username: change.username,
            changed_at: change.changed_at,
            parameters: change.parameters,
            rows: change
                .tables
                .into_iter()
                .map(|(table, RowCounts { removed, written })| {
                    (table.name().to_owned(), ChangedRows { removed, written })
                })
                .collect(),
            safety_archive_id: change.safety_archive_id,
            safety_archive_sha256: change.safety_archive_sha256,
            undo_until: change.undo_until,
            undone_at: change.undone_at,
            undone_by: change.undone_by,
        }
    }
}

/// Those of the jobs that change the live data.
fn parameters() -> Schema {
    OneOfBuilder::new()
        .description(Some("What was asked, which depends on the kind."))
        .item(Ref::from_schema_name("ClearJobParameters"))
        .item(Ref::from_schema_name("RestoreJobParameters"))
        .item(Ref::from_schema_name("UndoJobParameters"))
        .into()
}

fn kinds() -> Schema {
    words(&ChangeKind::ALL, "What kind of change it is.")
}

/// Which changes are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    /// Only those of this kind.
    #[param(required = false, schema_with = kinds)]
    kind: Option<ChangeKind>,
    /// Only those of this moment and later (RFC 3339).
    from: Option<DateTime<Utc>>,
    /// Only those before this moment (RFC 3339).
    to: Option<DateTime<Utc>>,
    /// Only those that can be undone now, or only the others.
    undoable: Option<bool>,
    /// How many at the most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// How many of the newest are left out.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

/// A moment that every engine can compare with.
fn moment(field: &str, moment: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, ApiError> {
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
/// Every clear, restore and undo, newest first. They are remembered for 400 days, and as long as they can be undone, however
/// many jobs or changes come after them.
#[utoipa::path(
    operation_id = "listChanges",
    tag = "backup",
    params(
        ChangesQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that is known already."),
    ),
    responses(
        (
            status = 200,
            description = "The changes.",
            body = inline(Page<ChangeAnswer>),
            headers(
                ("X-Total-Count" = u64, description = "How many items the whole list has."),
                ("Link" = String, description = "Other pages (RFC 8288): `first`, `prev`, `next`, `last`."),
                ("ETag" = String, description = "Changes if the list does."),
            ),
        ),
        (status = 304, description = "It is the one that is known already."),
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
    let window = Window {
        limit,
        offset,
        total: found.total,
    };
    pagination::answer(
        &state,
        &request,
        window,
        &Page::<ChangeAnswer>::new(found.items, window),
    )
}

/// Get a change
///
/// Also one whose job is forgotten. `undo_until` and `undone_at` say whether it can still be undone.
#[utoipa::path(
    operation_id = "getChange",
    tag = "backup",
    params(("id" = String, Path, description = "The change's id, which is that of its job.")),
    responses((status = 200, description = "The change.", body = ChangeAnswer), ChangeProblems)
)]
#[get("/changes/{id}")]
async fn get_change(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<ChangeAnswer>, ApiError> {
    let change = change_log::get(&granted.0, &state.database, &id).await?;
    Ok(web::Json(change.into()))
}
