//! For those who operate the service: is it there, can it work, what has it done.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::body::{NoParameters, Query};
use crate::problem::ApiError;
use crate::readiness::Warning;
use crate::{AppState, problem_responses};

/// Where the metrics are.
pub const METRICS: &str = "/metrics";

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(healthz).service(readyz).service(metrics);
}

/// That the service is there, or can work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or `warning` if something should be mended.
    pub status: &'static str,
    /// What should be mended.
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

/// Is the process there?
///
/// Answers as long as the process can answer at all. It asks nothing of the database.
#[utoipa::path(
    operation_id = "getLiveness",
    tag = "service",
    security(()),
    responses((status = 200, description = "The process is there.", body = Health, example = json!({"status": "ok"})), NoParametersProblems),
)]
#[get("/healthz")]
async fn healthz(_: Query<NoParameters>) -> web::Json<Health> {
    Health::of(Vec::new())
}

problem_responses!(NoParametersProblems: InvalidField);
problem_responses!(
    ReadinessProblems: InvalidField, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable
);

/// Can the service work?
///
/// The database is reached, takes writes, and has the schema that this program knows, with the rights and the character sets
/// that it needs; `reason` says which of these does not hold. What should be mended although the service can work is among
/// the `warnings`: a store of archives that can't be reached (`store_unavailable`) or is set up wrongly (`store_misconfigured`), and
/// room for less than another backup (`insufficient_storage`). With `--require-store` the first two are a refusal instead. The answer is found
/// out at most once a second, and the store is looked at four times a minute.
#[utoipa::path(
    operation_id = "getReadiness",
    tag = "service",
    security(()),
    responses((status = 200, description = "The service can work.", body = Health, example = json!({"status": "ok"})), ReadinessProblems),
)]
#[get("/readyz")]
async fn readyz(_: Query<NoParameters>, state: web::Data<AppState>) -> Result<web::Json<Health>, ApiError> {
    state.readiness.warnings().await.map(Health::of)
}

/// What has the service done?
///
/// Counters and durations by route, in Prometheus' text format; what the server itself refused has the route `unparsed`. Gauges
/// say whether the service can work, whether the store does, and which warnings of `/readyz` stand.
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
