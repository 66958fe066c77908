//! `/backup/history`: rows and sizes of the backups over time.

use actix_web::{HttpRequest, HttpResponse, get, web};
use campus_backup_domain::operations::{BackupHistory, HistoryPeriod};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::Query;
use crate::conditional;
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::changes::moment;

/// Registers the route.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_history);
}

/// The query of a history.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// Only backups and runs of this time or later (RFC 3339, with an offset).
    from: Option<DateTime<Utc>>,
    /// Only backups and runs of a time before this one (RFC 3339, with an offset).
    to: Option<DateTime<Utc>>,
}

problem_responses!(
    HistoryProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured,
    StoreUnavailable, Internal
);

/// Get the history of the backups
///
/// The rows and the size of each backup that this installation created, and the scheduled runs that failed or were missed: the newest
/// thousand of each. It is for charts, and reads no archive.
#[utoipa::path(
    operation_id = "getHistory",
    tag = "archives",
    params(
        HistoryQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The history.",
            body = BackupHistory,
            headers(("ETag" = String, description = "Changes with the history.")),
        ),
        (status = 304, description = "The client's copy is current."),
        HistoryProblems
    )
)]
#[get("/history")]
async fn get_history(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<HistoryQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let period = HistoryPeriod {
        from: moment("from", query.0.from)?,
        to: moment("to", query.0.to)?,
    };
    let history = state.operations.history(&granted.0, period).await?;
    conditional::json(&request, &mut HttpResponse::Ok(), &history)
}
