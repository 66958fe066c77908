//! Endpoints for operators: liveness, readiness and metrics.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::body::{NoParameters, Query};
use crate::problem::ApiError;
use crate::readiness::Warning;
use crate::{AppState, problem_responses};

/// The path of the metrics.
pub const METRICS: &str = "/metrics";

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(healthz).service(readyz).service(metrics);
}

/// The health of the service.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or `warning` if there are warnings.
    pub status: &'static str,
    /// Defects that an administrator should repair.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub warnings: Vec<Warning>,
}

impl Health {
    fn of(warnings: Vec<Warning>) -> web::Json<Self> {
        let status = if warnings.is_empty() { "ok" } else { "warning" };
        web::Json(Self { status, warnings })
    }
}

/// Liveness probe
///
/// Answers as long as the process can answer. It does not use the database.
#[utoipa::path(
    operation_id = "getLiveness",
    tag = "service",
    security(()),
    responses((status = 200, description = "The process is alive.", body = Health, example = json!({"status": "ok"})), NoParametersProblems),
)]
#[get("/healthz")]
async fn healthz(_: Query<NoParameters>) -> web::Json<Health> {
    Health::of(Vec::new())
}

problem_responses!(NoParametersProblems: InvalidField);
problem_responses!(
    ReadinessProblems: InvalidField, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable
);

/// Readiness probe
///
/// The service is ready if the database is reachable and writable, has the schema of this program, and has the rights and
/// character sets that it needs. Otherwise `reason` names the first condition that fails. `warnings` has defects that don't stop
/// the service: an unreachable store of archives (`store_unavailable`), wrong settings of the store (`store_misconfigured`), too
/// little free space for another backup (`insufficient_storage`) or in the database's disk (`little_room`), a store without conditional
/// writes (`store_without_conditions`), and a failing health of the backups (`backups_failing`; `/backup/health` says more). With
/// `--require-store` the first two make the service not ready. The database is checked at most once a second, the store four times a
/// minute, the health of the backups once a minute.
#[utoipa::path(
    operation_id = "getReadiness",
    tag = "service",
    security(()),
    responses((status = 200, description = "The service is ready.", body = Health, example = json!({"status": "ok"})), ReadinessProblems),
)]
#[get("/readyz")]
async fn readyz(_: Query<NoParameters>, state: web::Data<AppState>) -> Result<web::Json<Health>, ApiError> {
    state.readiness.warnings().await.map(Health::of)
}

/// Prometheus metrics
///
/// Counters and durations by route, in Prometheus' text format. Requests that the server could not parse have the route `unparsed`.
/// Jobs, runs of schedules and sign-ins are counted by their results. Gauges show whether the service is ready, whether the store works,
/// the warnings of `/readyz`, the health of the backups, the stored archives, and the connections to the database.
#[utoipa::path(
    operation_id = "getMetrics",
    tag = "service",
    security(()),
    responses(
        (
            status = 200,
            description = "The metrics.",
            body = String,
            content_type = "text/plain",
            example = "http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n",
        ),
        NoParametersProblems
    ),
)]
#[get("/metrics")]
async fn metrics(_: Query<NoParameters>, state: web::Data<AppState>) -> HttpResponse {
    state.readiness.measure().await;
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(crate::metrics::render())
}
