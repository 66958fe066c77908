//! `/backup/destinations`: further places to which archives are copied.

use actix_web::http::header::{CacheControl, CacheDirective, LOCATION};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::destination::{DestinationDetails, DestinationPatch, DestinationTest, NewDestination};
use campus_backup_domain::secret::expose;
use secrecy::SecretString;
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

/// The largest limit of a page.
const MAX_LIMIT: u64 = 100;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_destination)
        .service(list_destinations)
        // Before the routes with an id.
        .service(test_new_destination)
        .service(test_destination)
        .service(get_destination)
        .service(update_destination)
        .service(delete_destination);
}

/// A new destination. Storage needs `access_key_id` and `secret_access_key`, or the credentials of the service's environment.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Off-site", "url": "s3://school-backups/campus", "region": "eu-central-1", "access_key_id": "AKIAEXAMPLE",
    "secret_access_key": "secret",
}))]
struct CreateDestinationRequest {
    /// A name that no other destination has.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// `file:/FOLDER` in a folder of `--destination-folders`, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or
    /// `az://CONTAINER/PREFIX`. It must not be the first store or another destination, in one of them or around one.
    #[schema(max_length = 1000)]
    url: String,
    /// The address of a storage with the interface of S3. The default is Amazon's.
    #[schema(max_length = 1000)]
    endpoint: Option<String>,
    /// The region of the bucket, for S3 only.
    #[schema(max_length = 64)]
    region: Option<String>,
    /// The id of the access key; for Azure the name of the storage account. Google has none.
    #[schema(max_length = 1000)]
    access_key_id: Option<String>,
    /// The secret of the access key; for Google the key of a service account (JSON). It is stored encrypted and never shown.
    #[serde(serialize_with = "expose", default)]
    #[schema(value_type = Option<String>, required = false, max_length = 16384)]
    secret_access_key: Option<SecretString>,
    /// Whether a copy is deleted when its archive is deleted. The default is `true`.
    deletes: Option<bool>,
    /// Whether archives are copied to it. The default is `true`.
    enabled: Option<bool>,
}

impl RequestBody for CreateDestinationRequest {
    type Form = Self;
}

impl From<CreateDestinationRequest> for NewDestination {
    fn from(request: CreateDestinationRequest) -> Self {
        Self {
            name: request.name,
            url: request.url,
            endpoint: request.endpoint,
            region: request.region,
            access_key_id: request.access_key_id,
            secret_access_key: request.secret_access_key,
            deletes: request.deletes.unwrap_or(true),
            enabled: request.enabled.unwrap_or(true),
        }
    }
}

/// New values of a destination. A missing field stays as it is; `null` removes the value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"deletes": false, "enabled": true}))]
struct UpdateDestinationRequest {
    /// A name that no other destination has.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: Option<String>,
    /// Where it is, as for a new destination.
    #[schema(max_length = 1000)]
    url: Option<String>,
    /// The address of a storage with the interface of S3.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, max_length = 1000)]
    endpoint: Option<Option<String>>,
    /// The region of the bucket, for S3 only.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, max_length = 64)]
    region: Option<Option<String>>,
    /// The id of the access key; for Azure the name of the storage account.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, max_length = 1000)]
    access_key_id: Option<Option<String>>,
    /// The secret of the access key; for Google the key of a service account (JSON).
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, required = false, max_length = 16384)]
    secret_access_key: Option<Option<SecretString>>,
    /// Whether a copy is deleted when its archive is deleted.
    deletes: Option<bool>,
    /// Whether archives are copied to it.
    enabled: Option<bool>,
}

impl RequestBody for UpdateDestinationRequest {
    type Form = Self;
}

/// The query of a list of destinations.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DestinationsQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// The number of items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

problem_responses!(
    CreateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, DestinationNameTaken, IdempotencyKeyReused, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    ShowProblems: InvalidField, Unauthenticated, Forbidden, UnknownDestination, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    UpdateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownDestination, DestinationNameTaken, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    DeleteProblems: InvalidField, Unauthenticated, Forbidden, UnknownDestination, DatabaseBusy, DatabaseUnavailable,
    InsufficientStorage, Internal
);
problem_responses!(
    TestNewProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);

/// The id in the path.
fn id_of(path: &str) -> Result<i64, ApiError> {
    path.parse().map_err(|_| Error::UnknownDestination.into())
}

/// Create a destination
///
/// The service copies all archives of the first store to it, the newest first, and each new one after it was stored. A copy is
/// read back and compared before it counts. A copy that fails is tried again until it succeeds, with pauses of up to an hour; no backup
/// fails because of it. A destination has the layout of a store, so `--archives` can name it when the first store is lost.
///
/// A copy is deleted when the service has deleted its archive, unless `deletes` is `false`. An archive that is absent from the first
/// store for another reason keeps its copies. A destination that refuses a deletion (a retention rule) is asked again once a day.
///
/// A missing folder is created. The endpoint must not be an address of this machine or its nearest network, unless
/// `--allow-local-targets` is set.
#[utoipa::path(
    operation_id = "createDestination",
    tag = "destinations",
    params(IdempotencyHeader),
    request_body(content = CreateDestinationRequest, description = "The destination."),
    responses(
        (
            status = 201,
            description = "The destination.",
            body = DestinationDetails,
            headers(("Location" = String, description = "The address of the destination.")),
        ),
        CreateProblems
    )
)]
#[post("/destinations")]
async fn create_destination(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    key: IdempotencyKey,
    body: Body<CreateDestinationRequest>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("createDestination", &body.0)?;
    let destination = state.destinations.create(&granted.0, body.0.into(), key).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/backup/destinations/{}", destination.id)))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(destination))
}

/// List destinations
///
/// By name, each with the number of copies by their state.
#[utoipa::path(
    operation_id = "listDestinations",
    tag = "destinations",
    params(
        DestinationsQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The destinations.",
            body = inline(Page<DestinationDetails>),
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
#[get("/destinations")]
async fn list_destinations(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<DestinationsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let DestinationsQuery { limit, offset } = query.0;
    let (limit, offset) = window(limit, offset, MAX_LIMIT)?;
    let found = state.destinations.list(&granted.0, limit, offset).await?;
    let window = Window::new(limit, offset, found.total);
    pagination::page(&state, &request, window, found.items)
}

/// Get a destination
///
/// Where it is, and the number of copies by their state.
#[utoipa::path(
    operation_id = "getDestination",
    tag = "destinations",
    params(("id" = i64, Path, description = "The destination's id.")),
    responses((status = 200, description = "The destination.", body = DestinationDetails), ShowProblems)
)]
#[get("/destinations/{id}")]
async fn get_destination(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<DestinationDetails>, ApiError> {
    let destination = state.destinations.get(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(destination))
}

/// Update a destination
///
/// What has failed is tried again at once. With another `url` or `endpoint` it is another place: all archives are copied again,
/// and the copies in the former place stay there. While it is disabled, nothing is copied and nothing is deleted.
#[utoipa::path(
    operation_id = "updateDestination",
    tag = "destinations",
    params(("id" = i64, Path, description = "The destination's id.")),
    request_body(content = UpdateDestinationRequest, description = "The new values."),
    responses(
        (status = 200, description = "The destination with the new values.", body = DestinationDetails),
        UpdateProblems
    )
)]
#[patch("/destinations/{id}")]
async fn update_destination(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<UpdateDestinationRequest>,
) -> Result<web::Json<DestinationDetails>, ApiError> {
    let request = body.0;
    let patch = DestinationPatch {
        name: request.name,
        url: request.url,
        endpoint: request.endpoint,
        region: request.region,
        access_key_id: request.access_key_id,
        secret_access_key: request.secret_access_key,
        deletes: request.deletes,
        enabled: request.enabled,
    };
    let destination = state.destinations.update(&granted.0, id_of(&id)?, patch).await?;
    Ok(web::Json(destination))
}

/// Delete a destination
///
/// Archives are not copied to it any more. The copies in it stay there.
#[utoipa::path(
    operation_id = "deleteDestination",
    tag = "destinations",
    params(("id" = i64, Path, description = "The destination's id.")),
    responses((status = 204, description = "The destination was deleted."), DeleteProblems)
)]
#[delete("/destinations/{id}")]
async fn delete_destination(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.destinations.delete(&granted.0, id_of(&id)?).await?;
    Ok(HttpResponse::NoContent()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish())
}

/// Try a destination before it is saved
///
/// Writes a file, reads it, lists it and deletes it, for up to 30 seconds, and answers what was found. Nothing is saved. A missing
/// folder is created.
#[utoipa::path(
    operation_id = "testNewDestination",
    tag = "destinations",
    request_body(content = CreateDestinationRequest, description = "The destination."),
    responses((status = 200, description = "What was found.", body = DestinationTest), TestNewProblems)
)]
#[post("/destinations/test")]
async fn test_new_destination(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    body: Body<CreateDestinationRequest>,
) -> Result<web::Json<DestinationTest>, ApiError> {
    let tried = state.destinations.try_new(&granted.0, body.0.into()).await?;
    Ok(web::Json(tried))
}

/// Try a destination
///
/// Writes a file, reads it, lists it and deletes it, also if the destination is disabled, and answers what was found.
#[utoipa::path(
    operation_id = "testDestination",
    tag = "destinations",
    params(("id" = i64, Path, description = "The destination's id.")),
    responses((status = 200, description = "What was found.", body = DestinationTest), ShowProblems)
)]
#[post("/destinations/{id}/test")]
async fn test_destination(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<DestinationTest>, ApiError> {
    let tried = state.destinations.try_saved(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(tried))
}
