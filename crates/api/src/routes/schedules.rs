//! `/backup/schedules`: backups at certain times.

use actix_web::http::header::{CacheControl, CacheDirective, LOCATION};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::job::Job;
use campus_backup_domain::schedule::{NewSchedule, Preset, ScheduleDetails, SchedulePatch, Verify};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::archives::sent;
use crate::routes::jobs::accepted;

/// The largest limit of a page.
const MAX_LIMIT: u64 = 100;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_schedule)
        .service(list_schedules)
        .service(run_schedule)
        .service(get_schedule)
        .service(update_schedule)
        .service(delete_schedule);
}

/// A new schedule. Either `cron` or `preset` is required.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Every night", "preset": "daily", "timezone": "Europe/Berlin", "verify": "digest"}))]
struct CreateScheduleRequest {
    /// A name that no other schedule has.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
    #[schema(max_length = 100)]
    cron: Option<String>,
    /// A preset in place of the expression.
    preset: Option<Preset>,
    /// The IANA time zone of the expression, such as `Europe/Berlin`. The default is the school's time zone.
    #[schema(max_length = 64)]
    timezone: Option<String>,
    /// The label of its archives. The default is the schedule's name.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    label: Option<String>,
    /// The verification of each new archive. The default is `none`.
    #[serde(default)]
    verify: Option<Verify>,
    /// Whether its runs are made. The default is `true`.
    enabled: Option<bool>,
}

impl RequestBody for CreateScheduleRequest {
    type Form = Self;
}

/// New values of a schedule. A missing field stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"cron": "30 3 * * 1-5", "enabled": true}))]
struct UpdateScheduleRequest {
    /// A name that no other schedule has.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: Option<String>,
    /// A cron expression of five fields: minute, hour, day of the month, month, day of the week.
    #[schema(max_length = 100)]
    cron: Option<String>,
    /// A preset in place of the expression.
    preset: Option<Preset>,
    /// The IANA time zone of the expression.
    #[schema(max_length = 64)]
    timezone: Option<String>,
    /// The label of its archives; `null` for the schedule's name.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    label: Option<Option<String>>,
    /// The verification of each new archive.
    verify: Option<Verify>,
    /// Whether its runs are made.
    enabled: Option<bool>,
}

impl RequestBody for UpdateScheduleRequest {
    type Form = Self;
}

/// The query of a list of schedules.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SchedulesQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// The number of items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

problem_responses!(
    CreateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, ScheduleNameTaken, IdempotencyKeyReused, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    ShowProblems: InvalidField, Unauthenticated, Forbidden, UnknownSchedule, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    UpdateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownSchedule, ScheduleNameTaken, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    DeleteProblems: InvalidField, Unauthenticated, Forbidden, UnknownSchedule, DatabaseBusy, DatabaseUnavailable,
    InsufficientStorage, Internal
);
problem_responses!(
    RunProblems: InvalidField, Unauthenticated, Forbidden, UnknownSchedule, IdempotencyKeyReused, Stopping, DatabaseBusy,
    DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// The expression that a request names, in one of two ways.
///
/// # Errors
/// 422 `invalid_field` if it names both.
pub(crate) fn expression(cron: Option<String>, preset: Option<Preset>) -> Result<Option<String>, ApiError> {
    match (cron, preset) {
        (Some(_), Some(_)) => Err(ApiError::invalid("preset", "must not be sent together with `cron`")),
        (Some(cron), None) => Ok(Some(cron)),
        (None, preset) => Ok(preset.map(|preset| preset.expression().to_owned())),
    }
}

/// The id in the path.
fn id_of(path: &str) -> Result<i64, ApiError> {
    path.parse().map_err(|_| Error::UnknownSchedule.into())
}

/// Create a schedule
///
/// The service makes a backup at each time of the schedule, without a request. The first run is at the first time after now. With
/// several copies of the service, each run is made once. A run that was due while the service was stopped is caught up once, if it
/// is younger than `--catch-up`. A run that fails is tried again after 1, 5, 15 and 60 minutes.
///
/// A schedule for certain hours runs once at each of its times of day, also where daylight saving skips or doubles an hour. A
/// schedule for every hour follows the elapsed time.
#[utoipa::path(
    operation_id = "createSchedule",
    tag = "schedules",
    params(IdempotencyHeader),
    request_body(content = CreateScheduleRequest, description = "The schedule."),
    responses(
        (
            status = 201,
            description = "The schedule.",
            body = ScheduleDetails,
            headers(("Location" = String, description = "The address of the schedule.")),
        ),
        CreateProblems
    )
)]
#[post("/schedules")]
async fn create_schedule(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    key: IdempotencyKey,
    body: Body<CreateScheduleRequest>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("createSchedule", &body.0)?;
    let request = body.0;
    let cron = expression(request.cron, request.preset)?;
    let new = NewSchedule {
        name: request.name,
        cron: cron.ok_or_else(|| ApiError::invalid("cron", "is missing; `preset` can be sent in its place"))?,
        timezone: request
            .timezone
            .unwrap_or_else(|| state.settings.timezone.name().to_owned()),
        label: request.label,
        verify: request.verify.unwrap_or_default(),
        enabled: request.enabled.unwrap_or(true),
    };
    let schedule = state.schedules.create(&granted.0, new, key).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/backup/schedules/{}", schedule.id)))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(schedule))
}

/// List schedules
///
/// By name, with their next runs and the last one.
#[utoipa::path(
    operation_id = "listSchedules",
    tag = "schedules",
    params(
        SchedulesQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The schedules.",
            body = inline(Page<ScheduleDetails>),
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
#[get("/schedules")]
async fn list_schedules(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<SchedulesQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let SchedulesQuery { limit, offset } = query.0;
    let (limit, offset) = window(limit, offset, MAX_LIMIT)?;
    let found = state.schedules.list(&granted.0, limit, offset).await?;
    let window = Window::new(limit, offset, found.total);
    pagination::page(&state, &request, window, found.items)
}

/// Get a schedule
///
/// Its times, its next runs and the last one.
#[utoipa::path(
    operation_id = "getSchedule",
    tag = "schedules",
    params(("id" = i64, Path, description = "The schedule's id.")),
    responses((status = 200, description = "The schedule.", body = ScheduleDetails), ShowProblems)
)]
#[get("/schedules/{id}")]
async fn get_schedule(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<ScheduleDetails>, ApiError> {
    let schedule = state.schedules.get(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(schedule))
}

/// Update a schedule
///
/// With another expression or time zone, and when it is enabled again, its next run is at its first time after now. When it is
/// disabled, a run whose job has begun continues, and a run that waits for its next attempt is missed.
#[utoipa::path(
    operation_id = "updateSchedule",
    tag = "schedules",
    params(("id" = i64, Path, description = "The schedule's id.")),
    request_body(content = UpdateScheduleRequest, description = "The new values."),
    responses((status = 200, description = "The schedule with the new values.", body = ScheduleDetails), UpdateProblems)
)]
#[patch("/schedules/{id}")]
async fn update_schedule(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<UpdateScheduleRequest>,
) -> Result<web::Json<ScheduleDetails>, ApiError> {
    let request = body.0;
    let patch = SchedulePatch {
        cron: expression(request.cron, request.preset)?,
        name: request.name,
        timezone: request.timezone,
        label: request.label,
        verify: request.verify,
        enabled: request.enabled,
    };
    let schedule = state.schedules.update(&granted.0, id_of(&id)?, patch).await?;
    Ok(web::Json(schedule))
}

/// Delete a schedule
///
/// Its archives stay. A run whose job has begun continues.
#[utoipa::path(
    operation_id = "deleteSchedule",
    tag = "schedules",
    params(("id" = i64, Path, description = "The schedule's id.")),
    responses((status = 204, description = "The schedule was deleted."), DeleteProblems)
)]
#[delete("/schedules/{id}")]
async fn delete_schedule(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.schedules.delete(&granted.0, id_of(&id)?).await?;
    Ok(HttpResponse::NoContent()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish())
}

/// Run a schedule now
///
/// Creates a backup with the label of the schedule, on behalf of the caller. It also works while the schedule is disabled.
/// It does not count as a run of the schedule, and the times of the schedule do not change.
#[utoipa::path(
    operation_id = "runSchedule",
    tag = "schedules",
    params(("id" = i64, Path, description = "The schedule's id."), IdempotencyHeader),
    responses(
        (
            status = 202,
            description = "The job that creates the backup.",
            body = Job,
            headers(("Location" = String, description = "The address of the job.")),
        ),
        RunProblems
    )
)]
#[post("/schedules/{id}/run")]
async fn run_schedule(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    key: IdempotencyKey,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let key = key.of("runSchedule", &id)?;
    let submitted = state.schedules.run_now(&granted.0, id, key).await?;
    Ok(accepted(submitted.job().clone()))
}
