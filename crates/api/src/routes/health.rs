//! For those who operate the service: is it there, can it work, what has it done.

use actix_web::{HttpResponse, get, web};
use campus_backup_domain::Error;
use campus_backup_domain::database::SchemaState;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::measure;
use crate::problem::{ApiError, Code};
use crate::{AppState, problem_responses};

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(healthz).service(readyz).service(metrics);
}

/// That all is well.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
}

const WELL: Health = Health { status: "ok" };

/// Is the process there?
///
/// Answers as long as the process can answer at all. It asks nothing of the database.
#[utoipa::path(
    operation_id = "getLiveness",
    tag = "service",
    security(()),
    responses((status = 200, description = "The process is there.", body = Health, example = json!({"status": "ok"}))),
)]
#[get("/healthz")]
async fn healthz() -> web::Json<Health> {
    web::Json(WELL)
}

problem_responses!(ReadinessProblems: DatabaseBusy, DatabaseUnavailable);

/// Can the service work?
///
/// The database is reached, and its schema is the one that this program knows.
#[utoipa::path(
    operation_id = "getReadiness",
    tag = "service",
    security(()),
    responses((status = 200, description = "The service can work.", body = Health, example = json!({"status": "ok"})), ReadinessProblems),
)]
#[get("/readyz")]
async fn readyz(state: web::Data<AppState>) -> Result<web::Json<Health>, ApiError> {
    state.database.ping().await.map_err(not_ready)?;
    let detail = match state.database.schema_state().await.map_err(not_ready)? {
        SchemaState::Current => return Ok(web::Json(WELL)),
        SchemaState::Empty => "The database has no table.".to_owned(),
        SchemaState::Foreign(_) => "The database has the tables of another program.".to_owned(),
        SchemaState::Pending(migrations) => {
            format!("The database's schema lacks {} migrations.", migrations.len())
        }
        SchemaState::Newer(_) => "The database's schema is newer than this program.".to_owned(),
    };
    Err(ApiError::new(Code::DatabaseUnavailable, detail))
}

/// Whatever is wrong with the database, for whoever sends requests here the service is not ready.
fn not_ready(error: Error) -> ApiError {
    match error {
        Error::DatabaseBusy { .. } | Error::DatabaseUnavailable { .. } => error.into(),
        other => ApiError::new(Code::DatabaseUnavailable, "The database can't be used.").with_source(other),
    }
}

/// What has the service done?
///
/// Counters and durations by route, in Prometheus' text format.
#[utoipa::path(
    operation_id = "getMetrics",
    tag = "service",
    security(()),
    responses((
        status = 200,
        description = "The metrics.",
        body = String,
        content_type = "text/plain",
        example = "http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n",
    )),
)]
#[get("/metrics")]
async fn metrics() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(measure::render())
}
