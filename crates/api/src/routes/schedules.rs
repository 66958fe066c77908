//! `/backup/schedules`: backups at certain times.

use actix_web::http::header::{CacheControl, CacheDirective, LOCATION};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::job::Job;
use campus_backup_domain::schedule::{LastRun, NewSchedule, Preset, RunState, ScheduleDetails, SchedulePatch, Verify};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::{ApiError, Code};
use crate::problem_responses;
use crate::routes::archives::sent;
use crate::routes::jobs::accepted;
use crate::schema::words;

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

/// A schedule.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Schedule, example = json!({
    "id": 1, "name": "Every night", "cron": "0 2 * * *", "preset": "daily", "timezone": "Europe/Berlin", "label": null,
    "verify": "digest", "enabled": true, "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z",
    "created_by": "admin",
    "next_runs": [
        "2026-11-30T01:00:00Z", "2026-12-01T01:00:00Z", "2026-12-02T01:00:00Z", "2026-12-03T01:00:00Z",
        "2026-12-04T01:00:00Z",
    ],
    "last_run": {
        "at": "2026-11-29T01:00:00Z", "state": "succeeded", "failed_attempts": 0, "retry_at": null,
        "job_id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "verify_job_id": "0193d2f0-9b2d-7e4f-9a5c-3d0e2f6b7c81",
        "archive_id": "2026-11-29T01-00-03Z-5f1c2a9b", "error": null, "ended_at": "2026-11-29T01:00:09Z",
    },
}))]
pub struct ScheduleAnswer {
    /// Its id.
    id: i64,
    /// Its name. No other schedule has it.
    name: String,
    /// The cron expression of its times: minute, hour, day of the month, month, day of the week.
    cron: String,
    /// The preset with that expression, if there is one.
    #[schema(schema_with = shown_presets, required = true)]
    preset: Option<Preset>,
    /// The IANA time zone of the expression.
    timezone: String,
    /// The label of its archives. If it is `null`, they have the schedule's name as their label.
    #[schema(required = true)]
    label: Option<String>,
    /// The verification of each new archive.
    #[schema(schema_with = verifications)]
    verify: Verify,
    /// Whether its runs are made.
    enabled: bool,
    /// When it was created, UTC.
    created_at: DateTime<Utc>,
    /// When it was edited, or created, UTC.
    updated_at: DateTime<Utc>,
    /// The user that created it; `system` for the one of a demo.
    created_by: String,
    /// The next five runs, UTC. It is empty while the schedule is disabled.
    next_runs: Vec<DateTime<Utc>>,
    /// The last run that was due, if there was one.
    #[schema(required = true)]
    last_run: Option<LastRunAnswer>,
}

/// The last run of a schedule.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScheduleRun)]
struct LastRunAnswer {
    /// When it was due, UTC.
    at: DateTime<Utc>,
    /// The state of the run.
    #[schema(schema_with = run_states)]
    state: RunState,
    /// How many attempts have failed.
    failed_attempts: u64,
    /// When the next attempt begins, if the last one failed and another one follows.
    #[schema(required = true)]
    retry_at: Option<DateTime<Utc>>,
    /// The job of its backup.
    #[schema(required = true)]
    job_id: Option<String>,
    /// The job of the verification.
    #[schema(required = true)]
    verify_job_id: Option<String>,
    /// Its archive.
    #[schema(required = true)]
    archive_id: Option<String>,
    /// Why the last attempt failed, if it did.
    #[schema(required = true)]
    error: Option<RunError>,
    /// When it ended.
    #[schema(required = true)]
    ended_at: Option<DateTime<Utc>>,
}

/// Why an attempt failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScheduleRunError)]
struct RunError {
    /// The kind of problem.
    #[schema(value_type = Code)]
    code: String,
    /// What was wrong.
    #[schema(example = "The disk is full. Nothing was changed.")]
    detail: String,
}

impl From<ScheduleDetails> for ScheduleAnswer {
    fn from(schedule: ScheduleDetails) -> Self {
        Self {
            id: schedule.id,
            name: schedule.name,
            cron: schedule.cron,
            preset: schedule.preset,
            timezone: schedule.timezone,
            label: schedule.label,
            verify: schedule.verify,
            enabled: schedule.enabled,
            created_at: schedule.created_at,
            updated_at: schedule.updated_at,
            created_by: schedule.created_by,
            next_runs: schedule.next_runs,
            last_run: schedule.last_run.map(LastRunAnswer::from),
        }
    }
}

impl From<LastRun> for LastRunAnswer {
    fn from(run: LastRun) -> Self {
        Self {
            at: run.at,
            state: run.state,
            failed_attempts: run.failed_attempts,
            retry_at: run.retry_at,
            job_id: run.job_id,
            verify_job_id: run.verify_job_id,
            archive_id: run.archive_id,
            error: run.fault.map(|fault| RunError {
                code: fault.code,
                detail: fault.detail,
            }),
            ended_at: run.ended_at,
        }
    }
}

fn presets() -> Schema {
    words(
        &Preset::ALL,
        "A common expression by its name. `hourly`: every full hour. `daily`: every day at 02:00. `weekly`: every Sunday at \
         02:00. `monthly`: on the first day of every month at 02:00.",
    )
}

fn shown_presets() -> Schema {
    or_null(presets(), "The preset with that expression, if there is one.")
}

fn chosen_presets() -> Schema {
    or_null(presets(), "A preset in place of the expression.")
}

fn chosen_verifications() -> Schema {
    or_null(verifications(), "The verification of each new archive.")
}

fn or_null(schema: Schema, description: &str) -> Schema {
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(schema)
        .description(Some(description))
        .into()
}

fn verifications() -> Schema {
    words(
        &Verify::ALL,
        "The verification of each new archive. `none`: only the check that every new archive gets. `digest`: it is read once more. \
         `test_restore`: it is also restored into a temporary database.",
    )
}

fn run_states() -> Schema {
    words(
        &RunState::ALL,
        "The state of the run. `waiting`: its next attempt has not begun. `running`: its backup is created. `verifying`: its archive \
         is verified. `succeeded`: its archive is stored, and verified if the schedule says so. `failed`: its last attempt failed, or \
         an administrator has cancelled its job. `missed`: it was not made, because the service was stopped for too long or the \
         schedule was disabled.",
    )
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
    #[schema(schema_with = chosen_presets, required = false)]
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
    #[schema(schema_with = chosen_verifications, required = false)]
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
    #[schema(schema_with = chosen_presets, required = false)]
    preset: Option<Preset>,
    /// The IANA time zone of the expression.
    #[schema(max_length = 64)]
    timezone: Option<String>,
    /// The label of its archives; `null` for the schedule's name.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    label: Option<Option<String>>,
    /// The verification of each new archive.
    #[schema(schema_with = chosen_verifications, required = false)]
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
            body = ScheduleAnswer,
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
        .json(ScheduleAnswer::from(schedule)))
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
            body = inline(Page<ScheduleAnswer>),
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
    let window = Window {
        limit,
        offset,
        total: found.total,
    };
    pagination::answer(
        &state,
        &request,
        window,
        &Page::<ScheduleAnswer>::new(found.items, window),
    )
}

/// Get a schedule
///
/// Its times, its next runs and the last one.
#[utoipa::path(
    operation_id = "getSchedule",
    tag = "schedules",
    params(("id" = i64, Path, description = "The schedule's id.")),
    responses((status = 200, description = "The schedule.", body = ScheduleAnswer), ShowProblems)
)]
#[get("/schedules/{id}")]
async fn get_schedule(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<ScheduleAnswer>, ApiError> {
    let schedule = state.schedules.get(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(schedule.into()))
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
    responses((status = 200, description = "The schedule with the new values.", body = ScheduleAnswer), UpdateProblems)
)]
#[patch("/schedules/{id}")]
async fn update_schedule(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<UpdateScheduleRequest>,
) -> Result<web::Json<ScheduleAnswer>, ApiError> {
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
    Ok(web::Json(schedule.into()))
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
