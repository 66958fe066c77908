//! `/backup/retention`: which archives stay.

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpResponse, delete, get, post, put, web};
use campus_backup_domain::job::{Job, JobResult, JobState, RetentionReport};
use campus_backup_domain::retention::{RetentionDetails, RetentionHold, RetentionPlan, RetentionPolicy};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::jobs::accepted;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_retention)
        .service(set_retention)
        .service(delete_retention)
        .service(preview_retention)
        .service(apply_retention);
}

/// The retention policy, and its last application.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Retention, example = json!({
    "policy": {
        "keep_last": 3, "hourly": 0, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 3, "min_keep": 3, "max_bytes": null,
        "safety_days": 30,
    },
    "updated_at": "2026-11-23T09:30:00Z", "updated_by": "admin", "held": null,
    "last_application": {
        "job_id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "username": "system", "state": "succeeded",
        "created_at": "2026-11-29T01:00:09Z", "ended_at": "2026-11-29T01:00:10Z", "deleted": 1, "freed_bytes": 1_310_720,
        "failed": 0,
    },
}))]
pub struct RetentionAnswer {
    /// The policy. Without one, no archive is deleted.
    #[schema(required = true)]
    policy: Option<RetentionPolicy>,
    /// When the policy was changed, UTC.
    #[schema(required = true)]
    updated_at: Option<DateTime<Utc>>,
    /// The user who changed the policy.
    #[schema(required = true)]
    updated_by: Option<String>,
    /// Why the policy deletes nothing now, if so.
    #[schema(required = true)]
    held: Option<RetentionHold>,
    /// The last job that has applied a policy.
    #[schema(required = true)]
    last_application: Option<ApplicationAnswer>,
}

/// A job that has applied the retention policy.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RetentionApplication)]
struct ApplicationAnswer {
    /// The job.
    #[schema(format = "uuid")]
    job_id: String,
    /// The user who has applied it; `system` for the service itself.
    username: String,
    /// The state of the job.
    state: JobState,
    /// When it was requested, UTC.
    created_at: DateTime<Utc>,
    /// When it ended, UTC.
    #[schema(required = true)]
    ended_at: Option<DateTime<Utc>>,
    /// The number of archives that were deleted.
    deleted: u64,
    /// The stored size of the archives that were deleted.
    freed_bytes: u64,
    /// The number of archives that could not be deleted. The job's result has the reasons.
    failed: u64,
}

impl From<RetentionDetails> for RetentionAnswer {
    fn from(details: RetentionDetails) -> Self {
        Self {
            policy: details.policy,
            updated_at: details.updated_at,
            updated_by: details.updated_by,
            held: details.held,
            last_application: details.last_application.map(ApplicationAnswer::from),
        }
    }
}

impl From<Job> for ApplicationAnswer {
    fn from(job: Job) -> Self {
        let report = match job.result {
            Some(JobResult::Retention(report)) => report,
            _ => RetentionReport::default(),
        };
        Self {
            job_id: job.id,
            username: job.username,
            state: job.state,
            created_at: job.created_at,
            ended_at: job.ended_at,
            deleted: report.deleted.len() as u64,
            freed_bytes: report.freed_bytes,
            failed: report.failed.len() as u64,
        }
    }
}

impl RequestBody for RetentionPolicy {
    type Form = Self;
}

/// The policy to preview.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"policy": {"daily": 7, "weekly": 4, "monthly": 12, "min_keep": 3}}))]
struct PreviewRetentionRequest {
    /// A policy to try. Without one, the current policy is previewed.
    policy: Option<RetentionPolicy>,
}

impl RequestBody for PreviewRetentionRequest {
    type Form = Self;
}

/// The plan to apply.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"plan_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}))]
struct ApplyRetentionRequest {
    /// The `plan_hash` of the preview.
    plan_hash: String,
}

impl RequestBody for ApplyRetentionRequest {
    type Form = Self;
}

problem_responses!(
    ShowProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured,
    StoreUnavailable, Internal
);
problem_responses!(
    SetProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    DeleteProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, InsufficientStorage,
    Internal
);
problem_responses!(
    PreviewProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, RetentionOff, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, Internal
);
problem_responses!(
    ApplyProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, RetentionOff, RetentionHeld, PlanOutdated, IdempotencyKeyReused, Stopping, DatabaseBusy,
    DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// Get the retention policy
///
/// With the reason why it deletes nothing now, if so, and its last application.
#[utoipa::path(
    operation_id = "getRetention",
    tag = "retention",
    responses((status = 200, description = "The policy.", body = RetentionAnswer), ShowProblems)
)]
#[get("/retention")]
async fn get_retention(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
) -> Result<web::Json<RetentionAnswer>, ApiError> {
    Ok(web::Json(state.retention.get(&granted.0).await?.into()))
}

/// Set the retention policy
///
/// The service applies it by itself after the next backup, or in an hour, and then after each backup. Preview it first. A policy in
/// which no rule keeps a backup is refused.
///
/// The policy is about the backups that this installation has created. Protected ones are outside the count. Never deleted are: the
/// newest good backup, the newest verified one, uploaded and found archives, and what is protected, in use, suspicious,
/// damaged or needed for an undo.
#[utoipa::path(
    operation_id = "setRetention",
    tag = "retention",
    request_body(content = RetentionPolicy, description = "The policy."),
    responses((status = 200, description = "The new policy.", body = RetentionAnswer), SetProblems)
)]
#[put("/retention")]
async fn set_retention(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    body: Body<RetentionPolicy>,
) -> Result<web::Json<RetentionAnswer>, ApiError> {
    Ok(web::Json(state.retention.set(&granted.0, body.0).await?.into()))
}

/// Remove the retention policy
///
/// No archive is deleted by retention any more. A job that is deleting archives ends early.
#[utoipa::path(
    operation_id = "deleteRetention",
    tag = "retention",
    responses((status = 204, description = "There is no policy any more."), DeleteProblems)
)]
#[delete("/retention")]
async fn delete_retention(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    state.retention.remove(&granted.0).await?;
    Ok(HttpResponse::NoContent()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish())
}

/// Preview an application of the retention policy
///
/// Changes nothing. The answer lists what stays and what is deleted, each with its reasons. Its `plan_hash` applies exactly this
/// plan, if the previewed policy is the current one.
#[utoipa::path(
    operation_id = "previewRetention",
    tag = "retention",
    request_body(content = PreviewRetentionRequest, description = "A policy to try, or an empty object."),
    responses((status = 200, description = "The plan.", body = RetentionPlan), PreviewProblems)
)]
#[post("/retention/preview")]
async fn preview_retention(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    body: Body<PreviewRetentionRequest>,
) -> Result<web::Json<RetentionPlan>, ApiError> {
    let plan = state.retention.preview(&granted.0, body.0.policy.as_ref()).await?;
    Ok(web::Json(plan))
}

/// Apply the retention policy now
///
/// Deletes permanently what the previewed plan deletes. It is refused if the plan is another one by now (412), and while
/// retention is held (409). The job looks at each archive again right before its deletion: what got a reason to stay is skipped.
#[utoipa::path(
    operation_id = "applyRetention",
    tag = "retention",
    params(IdempotencyHeader),
    request_body(content = ApplyRetentionRequest, description = "The plan."),
    responses(
        (
            status = 202,
            description = "The job that deletes the archives.",
            body = Job,
            headers(("Location" = String, description = "The address of the job.")),
        ),
        ApplyProblems
    )
)]
#[post("/retention/apply")]
async fn apply_retention(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    key: IdempotencyKey,
    body: Body<ApplyRetentionRequest>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("applyRetention", &body.0)?;
    let submitted = state.retention.apply(&granted.0, &body.0.plan_hash, key).await?;
    Ok(accepted(submitted.job().clone()))
}
