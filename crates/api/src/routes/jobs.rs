//! `/backup/jobs`: long work, how far it has come, and ending it.

use actix_web::http::header::{CacheControl, CacheDirective, ContentEncoding, HeaderName, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, post, web};
use campus_backup_domain::job::{Filter, Job, JobState, Kind, Phase};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::job_events::events;
use crate::AppState;
use crate::body::Query;
use crate::middleware::guard::{self, Granted};
use crate::page::{Listed, window};
use crate::problem::ApiError;
use crate::problem_responses;

/// What a client that lost its connection sends of the events it has seen.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many jobs a page has at the most.
const MOST: u64 = 100;

/// How soon it is worth looking again, in seconds.
const LOOK_AGAIN: std::ops::RangeInclusive<u64> = 1..=10;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_jobs)
        .service(stream_job_events)
        .service(cancel_job)
        .service(get_job);
}

/// A piece of long work.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Job, example = json!({
    "id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "kind": "archive", "state": "running", "phase": "taking",
    "rows_done": 48_000, "rows_total": 109_053, "bytes": 1_310_720, "eta_seconds": 2, "username": "admin",
    "created_at": "2026-11-25T09:30:00Z", "started_at": "2026-11-25T09:30:00Z", "heartbeat_at": "2026-11-25T09:30:02Z",
    "ended_at": null, "parameters": {"label": "before the exams"}, "result": null, "error": null,
}))]
pub struct JobAnswer {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// What kind of work it is.
    #[schema(schema_with = kinds)]
    kind: Kind,
    /// How it stands. `succeeded`, `failed`, `cancelled` and `interrupted` are for ever; after the last three nothing was
    /// changed. One exception: a job that creates or uploads a backup is `succeeded` after all if its process was only paused
    /// and has published the backup since.
    #[schema(schema_with = states)]
    state: JobState,
    /// What it does, or did last.
    #[schema(schema_with = phases)]
    phase: Phase,
    /// Rows that this phase has dealt with.
    rows_done: u64,
    /// Rows that it has to deal with, if that is known.
    rows_total: Option<u64>,
    /// Bytes that were stored or read in this phase.
    bytes: u64,
    /// How many seconds the rest of this phase is expected to take.
    eta_seconds: Option<u64>,
    /// Who asked.
    username: String,
    /// When it was asked, UTC.
    created_at: DateTime<Utc>,
    /// When its turn came.
    started_at: Option<DateTime<Utc>>,
    /// When it last gave a sign of life; that is how old all this is.
    heartbeat_at: DateTime<Utc>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// What was asked.
    #[schema(value_type = Object)]
    parameters: Value,
    /// What came of it, if it succeeded.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Why it did not succeed.
    error: Option<JobError>,
}

/// Why a job did not succeed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobError {
    /// The kind of problem: one of the codes of problems.
    #[schema(example = "no_room")]
    code: String,
    /// What was wrong, for the person who asked.
    #[schema(example = "There is no room left on the disk. Nothing was changed.")]
    detail: String,
}

impl From<Job> for JobAnswer {
    fn from(job: Job) -> Self {
        Self {
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
        }
    }
}

/// The schema of one of some words.
pub fn words<T: Serialize>(all: &[T]) -> Schema {
    let words = all.iter().map(|word| serde_json::to_value(word).unwrap_or_default());
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .into()
}

fn kinds() -> Schema {
    words(&Kind::ALL)
}

fn states() -> Schema {
    words(&JobState::ALL)
}

fn phases() -> Schema {
    words(&Phase::ALL)
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobsQuery {
    /// Only those that stand like this.
    #[param(required = false, schema_with = states)]
    state: Option<JobState>,
    /// Only those of this kind.
    #[param(required = false, schema_with = kinds)]
    kind: Option<Kind>,
    /// How many at the most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// How many of the newest are left out.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

/// The answer to what takes long: 202, where the job is, and the job as it is now.
pub fn accepted(job: Job) -> HttpResponse {
    let mut answer = HttpResponse::Accepted();
    answer.insert_header((LOCATION, format!("/backup/jobs/{}", job.id)));
    shown(answer, job)
}

fn shown(mut answer: HttpResponseBuilder, job: Job) -> HttpResponse {
    if !job.state.has_ended() {
        let (soonest, latest) = (*LOOK_AGAIN.start(), *LOOK_AGAIN.end());
        let after = job.eta_seconds.unwrap_or(soonest).clamp(soonest, latest);
        answer.insert_header((RETRY_AFTER, after));
    }
    answer
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(JobAnswer::from(job))
}

problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(JobProblems: Unauthenticated, Forbidden, UnknownJob, DatabaseBusy, DatabaseUnavailable, Internal);
problem_responses!(
    EventsProblems: InvalidField, Unauthenticated, Forbidden, UnknownJob, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    CancelProblems: Unauthenticated, Forbidden, UnknownJob, NotCancellable, DatabaseBusy, DatabaseUnavailable, Internal
);

/// List jobs
///
/// Newest first. The last thousand are remembered, and none longer than 90 days.
#[utoipa::path(
    operation_id = "listJobs",
    tag = "backup",
    params(JobsQuery),
    responses((status = 200, description = "The jobs.", body = inline(Listed<JobAnswer>)), ListProblems)
)]
#[get("/jobs")]
async fn list_jobs(
    _: Granted,
    state: web::Data<AppState>,
    query: Query<JobsQuery>,
) -> Result<web::Json<Listed<JobAnswer>>, ApiError> {
    let JobsQuery {
        state: standing,
        kind,
        limit,
        offset,
    } = query.0;
    let (limit, offset) = window(limit, offset, MOST)?;
    let filter = Filter { kind, state: standing };
    let page = state.jobs.list(filter, limit, offset).await?;
    Ok(web::Json(Listed {
        items: page.items.into_iter().map(JobAnswer::from).collect(),
        total: page.total,
        limit,
        offset,
    }))
}

/// Look at a job
///
/// While it runs, the header `Retry-After` says when it is worth looking again; `/events` tells by itself.
#[utoipa::path(
    operation_id = "getJob",
    tag = "backup",
    params(("id" = String, Path, description = "The job's id.")),
    responses(
        (
            status = 200,
            description = "The job.",
            body = JobAnswer,
            headers(("Retry-After" = u64, description = "While it runs: after how many seconds to look again.")),
        ),
        JobProblems
    )
)]
#[get("/jobs/{id}")]
async fn get_job(_: Granted, state: web::Data<AppState>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(shown(HttpResponse::Ok(), state.jobs.get(&id).await?))
}

/// Watch a job
///
/// Server-sent events: `progress` whenever something has changed, at most four times a second, and `ended` as the last.
/// The data of each is the job as `getJob` shows it. Ids increase; who sends the last one again as `Last-Event-ID` is told
/// the present state if it is newer, and nothing twice. Who has seen the end is answered 204, upon which a browser's
/// `EventSource` stops asking. Comments keep the connection alive. The stream ends without `ended` when the token or the account
/// does; go on with a new token.
#[utoipa::path(
    operation_id = "streamJobEvents",
    tag = "backup",
    params(
        ("id" = String, Path, description = "The job's id."),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen, a whole number."),
    ),
    responses(
        (
            status = 200,
            description = "The events, until the job has ended.",
            content((
                serde_json::Value = "text/event-stream",
                example = "id: 1250\nevent: progress\ndata: {\"id\":\"0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70\",\"state\":\"running\"}\n\n"
            )),
        ),
        (status = 204, description = "The end has been seen already."),
        EventsProblems
    )
)]
#[get("/jobs/{id}/events")]
async fn stream_job_events(
    _: Granted,
    state: web::Data<AppState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let watch = state.jobs.watch(&id, last_event(&request)?).await?;
    if watch.is_over() {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        // Compressed or gathered by a proxy, events would arrive late.
        .insert_header(ContentEncoding::Identity)
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events(watch, async move || {
            guard::is_still_admitted(&state, &request).await
        })))
}

fn last_event(request: &HttpRequest) -> Result<Option<u64>, ApiError> {
    match request.headers().get(LAST_EVENT_ID).map(|id| id.to_str()) {
        None | Some(Ok("")) => Ok(None),
        Some(id) => match id.ok().and_then(|id| id.parse().ok()) {
            Some(id) => Ok(Some(id)),
            None => Err(ApiError::invalid("Last-Event-ID", "must be the id of an event")),
        },
    }
}

/// Cancel a job
///
/// Asks it to end: it is `cancelling` and soon `cancelled`, and has changed nothing. Asking twice is no mistake. Once it
/// has begun to commit, it is too late (409).
#[utoipa::path(
    operation_id = "cancelJob",
    tag = "backup",
    params(("id" = String, Path, description = "The job's id.")),
    responses(
        (
            status = 202,
            description = "It was asked to end.",
            body = JobAnswer,
            headers(
                ("Location" = String, description = "Where the job is."),
                ("Retry-After" = u64, description = "After how many seconds to look again."),
            ),
        ),
        CancelProblems
    )
)]
#[post("/jobs/{id}/cancel")]
async fn cancel_job(
    granted: Granted,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(accepted(state.jobs.cancel(&granted.0, &id).await?))
}
