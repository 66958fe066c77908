//! `/backup/jobs`: lists, shows, watches and cancels jobs.

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

/// The header in which a reconnecting client sends the id of its last event.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The maximum number of jobs on a page.
const MOST: u64 = 100;

/// The range of `Retry-After` of a running job, in seconds.
const LOOK_AGAIN: std::ops::RangeInclusive<u64> = 1..=10;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_jobs)
        .service(stream_job_events)
        .service(cancel_job)
        .service(get_job);
}

/// The query of a list of jobs.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobsQuery {
    /// Only jobs in this state.
    #[param(required = false, schema_with = JobState::schema)]
    state: Option<JobState>,
    /// Only jobs of this kind.
    #[param(required = false, schema_with = JobKind::schema)]
    kind: Option<JobKind>,
    /// Only the job that you have requested with this `Idempotency-Key`. Use it to find the outcome of a request whose
    /// answer was lost.
    #[param(min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// The number of newest items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

/// The answer to a request for long work: 202, with the job and its path.
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
/// Newest first. The last thousand jobs are kept, for at most 90 days.
#[utoipa::path(
    operation_id = "listJobs",
    tag = "backup",
    params(
        JobsQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The jobs.",
            body = inline(Page<Job>),
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
    let window = Window::new(limit, offset, found.total);
    pagination::page(&state, &request, window, found.items)
}

/// Get a job
///
/// While the job runs, `Retry-After` says when to request it again. `/events` sends each change by itself.
#[utoipa::path(
    operation_id = "getJob",
    tag = "backup",
    params(("id" = String, Path, description = "The job's id.")),
    responses(
        (
            status = 200,
            description = "The job.",
            body = Job,
            headers(("Retry-After" = u64, description = "While the job runs: the seconds until the next request is useful.")),
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
/// Server-sent events: `progress` after each change, at most four a second, and `ended` as the last one. The data of
/// each event is the job as one line of JSON, as `getJob` returns it (schema `Job`). Ids increase. A reconnecting
/// client sends its last id as `Last-Event-ID` and gets only a newer state. If the client has already got the end, the
/// answer is 204. Comments keep the connection open. The stream ends without `ended` when the token or the account
/// becomes invalid; reconnect with a new token.
///
/// The request needs a token like every other request. Read the answer as a stream, in a browser with `fetch`.
#[utoipa::path(
    operation_id = "streamJobEvents",
    tag = "backup",
    params(
        ("id" = String, Path, description = "The job's id."),
        (
            "Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{0,19}$",
            description = "The id of the last received event, a whole number."
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
        (status = 204, description = "The client has already received the end."),
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
        // A proxy that compressed or buffered events would delay them.
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
/// The job becomes `cancelling` and soon `cancelled`, without having changed anything. A second request has no further
/// effect. After the start of the commit a job can't be cancelled (409). A named token also needs the scope that starts a job of
/// that kind: `backup` for `archive`, `verify` and `upload`, and `restore` for the others.
#[utoipa::path(
    operation_id = "cancelJob",
    tag = "backup",
    params(("id" = String, Path, description = "The job's id.")),
    responses(
        (
            status = 202,
            description = "The job that is being cancelled.",
            body = Job,
            headers(
                ("Location" = String, description = "The address of the job."),
                ("Retry-After" = u64, description = "The seconds until the next request is useful."),
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
