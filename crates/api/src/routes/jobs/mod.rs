//! `/backup/jobs`: long work, how far it has come, and ending it.

mod events;

use actix_web::http::header::{CacheControl, CacheDirective, ContentEncoding, HeaderName, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, post, web};
use campus_backup_domain::job::{Job, JobFilter, JobKind, JobState};
use serde::Deserialize;
use utoipa::{IntoParams, PartialSchema as _};
use utoipa_actix_web::service_config::ServiceConfig;

use self::events::events;
use crate::AppState;
use crate::body::{NoParameters, Query};
use crate::middleware::guard::{self, Granted};
use crate::pagination::{self, Page, Window, window};
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

/// Which jobs are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobsQuery {
    /// Only those that stand like this.
    #[param(required = false, schema_with = JobState::schema)]
    state: Option<JobState>,
    /// Only those of this kind.
    #[param(required = false, schema_with = JobKind::schema)]
    kind: Option<JobKind>,
    /// Only the one that you have requested with this `Idempotency-Key`. It tells what became of a request whose answer was
    /// lost.
    #[param(min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
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
    shown(answer, &job)
}

fn shown(mut answer: HttpResponseBuilder, job: &Job) -> HttpResponse {
    if !job.state.has_ended() {
        let (soonest, latest) = (*LOOK_AGAIN.start(), *LOOK_AGAIN.end());
        let after = job.eta_seconds.unwrap_or(soonest).clamp(soonest, latest);
        answer.insert_header((RETRY_AFTER, after));
    }
    answer
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(job)
}

problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(JobProblems: InvalidField, Unauthenticated, Forbidden, UnknownJob, DatabaseBusy, DatabaseUnavailable, Internal);
problem_responses!(
    EventsProblems: InvalidField, Unauthenticated, Forbidden, UnknownJob, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    CancelProblems: InvalidField, Unauthenticated, Forbidden, UnknownJob, NotCancellable, DatabaseBusy, DatabaseUnavailable, Internal
);

/// List jobs
///
/// Newest first. The last thousand are remembered, and none longer than 90 days.
#[utoipa::path(
    operation_id = "listJobs",
    tag = "backup",
    params(
        JobsQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that is known already."),
    ),
    responses(
        (
            status = 200,
            description = "The jobs.",
            body = inline(Page<Job>),
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
#[get("/jobs")]
async fn list_jobs(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<JobsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let JobsQuery {
        state: standing,
        kind,
        idempotency_key,
        limit,
        offset,
    } = query.0;
    let (limit, offset) = window(limit, offset, MOST)?;
    let filter = JobFilter {
        kind,
        state: standing,
        idempotency_key,
    };
    let found = state.jobs.list(&granted.0, &filter, limit, offset).await?;
    let window = Window {
        limit,
        offset,
        total: found.total,
    };
    pagination::answer(&state, &request, window, &Page::<Job>::new(found.items, window))
}

/// Get a job
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
            body = Job,
            headers(("Retry-After" = u64, description = "While it runs: after how many seconds to look again.")),
        ),
        JobProblems
    )
)]
#[get("/jobs/{id}")]
async fn get_job(
    _: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(shown(HttpResponse::Ok(), &state.jobs.get(&id).await?))
}

/// Watch a job
///
/// Server-sent events: `progress` whenever something has changed, at most four times a second, and `ended` as the last.
/// The data of each is the job on one line of JSON, as `getJob` shows it (schema `Job`). Ids increase. A client that lost its
/// connection sends the last id that it has seen as `Last-Event-ID`: it is told the present state if that is newer, and nothing
/// twice. If it has seen the end, the answer is 204. Comments keep the connection alive.
/// The stream ends without `ended` when the token or the account does; go on with a new token.
///
/// The request needs the token like every other, so read the answer as a stream, in a browser with `fetch`.
#[utoipa::path(
    operation_id = "streamJobEvents",
    tag = "backup",
    params(
        ("id" = String, Path, description = "The job's id."),
        (
            "Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{0,19}$",
            description = "The id of the last event that was seen, a whole number."
        ),
    ),
    responses(
        (
            status = 200,
            description = "The events, until the job has ended.",
            content((
                String = "text/event-stream",
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
    _: Query<NoParameters>,
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
            body = Job,
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
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(accepted(state.jobs.cancel(&granted.0, &id).await?))
}
