//! `/backup/notifications`: mails, webhooks and pings about what happened.

use std::borrow::Cow;

use actix_web::http::header::{CacheControl, CacheDirective, LOCATION};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::notify::{
    EventKind, NewNotification, NotificationDetails, NotificationKind, NotificationPatch, TestOutcome,
};
use campus_backup_domain::secret::expose;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;

/// The largest limit of a page.
const MAX_LIMIT: u64 = 100;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_notification)
        .service(list_notifications)
        // Before the routes with an id.
        .service(test_new_notification)
        .service(test_notification)
        .service(get_notification)
        .service(update_notification)
        .service(delete_notification);
}

/// An event that an email or a webhook can be about.
struct EventChoice;

impl PartialSchema for EventChoice {
    fn schema() -> RefOr<Schema> {
        RefOr::T(EventKind::schema_of(EventKind::CHOICES))
    }
}

impl ToSchema for EventChoice {
    fn name() -> Cow<'static, str> {
        "NotificationEventChoice".into()
    }
}

/// A new notification. An email needs `to`, a webhook and a ping need `url`.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Office", "kind": "email", "to": ["office@school.example"]}))]
struct CreateNotificationRequest {
    /// A name that no other notification has.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// How it is sent.
    kind: NotificationKind,
    /// The mail addresses of an email, 10 at most.
    #[schema(max_items = 10)]
    to: Option<Vec<String>>,
    /// The URL of a webhook or a ping: http or https, without a user name and a password.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// The events that it is about. The default is all but `backup_succeeded`. A ping has its own events.
    #[schema(value_type = Option<Vec<EventChoice>>, required = false, min_items = 1)]
    events: Option<Vec<EventKind>>,
    /// The secret that signs a webhook: `whsec_` and the base64 of 24 to 64 random bytes. By default, the service makes one.
    #[serde(serialize_with = "expose", default)]
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    secret: Option<SecretString>,
    /// Whether mails about backups carry the archive, if it is encrypted and small enough. The default is `false`.
    attach_archive: Option<bool>,
    /// Whether it is sent. The default is `true`.
    enabled: Option<bool>,
}

impl RequestBody for CreateNotificationRequest {
    type Form = Self;
}

impl From<CreateNotificationRequest> for NewNotification {
    fn from(request: CreateNotificationRequest) -> Self {
        Self {
            name: request.name,
            kind: request.kind,
            to: request.to.unwrap_or_default(),
            url: request.url,
            events: request.events,
            secret: request.secret,
            attach_archive: request.attach_archive.unwrap_or_default(),
            enabled: request.enabled.unwrap_or(true),
        }
    }
}

/// New values of a notification. A missing field stays as it is. The kind can't be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"events": ["backup_failed", "backup_stale"], "enabled": true}))]
struct UpdateNotificationRequest {
    /// A name that no other notification has.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: Option<String>,
    /// The mail addresses of an email, 10 at most.
    #[schema(min_items = 1, max_items = 10)]
    to: Option<Vec<String>>,
    /// The URL of a webhook or a ping: http or https, without a user name and a password.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// The events that it is about. A ping has its own events.
    #[schema(value_type = Option<Vec<EventChoice>>, required = false, min_items = 1)]
    events: Option<Vec<EventKind>>,
    /// The secret that signs a webhook: `whsec_` and the base64 of 24 to 64 random bytes.
    #[schema(value_type = Option<String>, required = false, max_length = 100)]
    secret: Option<SecretString>,
    /// Whether mails about backups carry the archive.
    attach_archive: Option<bool>,
    /// Whether it is sent.
    enabled: Option<bool>,
}

impl RequestBody for UpdateNotificationRequest {
    type Form = Self;
}

/// The query of a list of notifications.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NotificationsQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u64>,
    /// The number of items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

problem_responses!(
    CreateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, NotificationNameTaken, IdempotencyKeyReused, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    ShowProblems: InvalidField, Unauthenticated, Forbidden, UnknownNotification, DatabaseBusy, DatabaseUnavailable, Internal
);
problem_responses!(
    UpdateProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownNotification, NotificationNameTaken, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    DeleteProblems: InvalidField, Unauthenticated, Forbidden, UnknownNotification, DatabaseBusy, DatabaseUnavailable,
    InsufficientStorage, Internal
);
problem_responses!(
    TestNewProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);

/// The id in the path.
fn id_of(path: &str) -> Result<i64, ApiError> {
    path.parse().map_err(|_| Error::UnknownNotification.into())
}

/// Create a notification
///
/// A message is stored in the transaction of its event, and sent within seconds. If the server does not accept it, the service tries
/// again for about two days. A message may be sent twice, if the service is killed while it sends; then it has the same id. A message
/// does not overtake an earlier one of the same subject, such as the beginning and the end of an alarm.
///
/// An `email` needs the mail server of the settings (`--smtp-url-file` and `--smtp-from`). A `webhook` gets JSON with `type`,
/// `timestamp` and `data`, signed in the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. A `ping` gets a
/// request to `URL/start`, `URL` or `URL/fail` when a backup begins, succeeds or fails.
///
/// The secret of a webhook is in this answer alone. The same request with the same `Idempotency-Key` gets it once more within 15
/// minutes, in case the answer was lost, and `null` later or if the notification was edited.
///
/// The addresses of webhooks and pings must not be those of this machine or its nearest network, unless `--allow-local-targets` is
/// set. Redirects are not followed.
#[utoipa::path(
    operation_id = "createNotification",
    tag = "notifications",
    params(IdempotencyHeader),
    request_body(content = CreateNotificationRequest, description = "The notification."),
    responses(
        (
            status = 201,
            description = "The notification, with the secret of a webhook.",
            body = NotificationDetails,
            headers(("Location" = String, description = "The address of the notification.")),
        ),
        CreateProblems
    )
)]
#[post("/notifications")]
async fn create_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    key: IdempotencyKey,
    body: Body<CreateNotificationRequest>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("createNotification", &body.0)?;
    let notification = state.notifications.create(&granted.0, body.0.into(), key).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/backup/notifications/{}", notification.id)))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(notification))
}

/// List notifications
///
/// By name, each with its last message and the number of messages that wait.
#[utoipa::path(
    operation_id = "listNotifications",
    tag = "notifications",
    params(
        NotificationsQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The notifications.",
            body = inline(Page<NotificationDetails>),
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
#[get("/notifications")]
async fn list_notifications(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<NotificationsQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let NotificationsQuery { limit, offset } = query.0;
    let (limit, offset) = window(limit, offset, MAX_LIMIT)?;
    let found = state.notifications.list(&granted.0, limit, offset).await?;
    let window = Window::new(limit, offset, found.total);
    pagination::page(&state, &request, window, found.items)
}

/// Get a notification
///
/// Its target, its events and its last message.
#[utoipa::path(
    operation_id = "getNotification",
    tag = "notifications",
    params(("id" = i64, Path, description = "The notification's id.")),
    responses((status = 200, description = "The notification.", body = NotificationDetails), ShowProblems)
)]
#[get("/notifications/{id}")]
async fn get_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<NotificationDetails>, ApiError> {
    let notification = state.notifications.get(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(notification))
}

/// Update a notification
///
/// When it is disabled, its messages that wait are not sent.
#[utoipa::path(
    operation_id = "updateNotification",
    tag = "notifications",
    params(("id" = i64, Path, description = "The notification's id.")),
    request_body(content = UpdateNotificationRequest, description = "The new values."),
    responses(
        (status = 200, description = "The notification with the new values.", body = NotificationDetails),
        UpdateProblems
    )
)]
#[patch("/notifications/{id}")]
async fn update_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<UpdateNotificationRequest>,
) -> Result<web::Json<NotificationDetails>, ApiError> {
    let request = body.0;
    let patch = NotificationPatch {
        name: request.name,
        to: request.to,
        url: request.url,
        events: request.events,
        secret: request.secret,
        attach_archive: request.attach_archive,
        enabled: request.enabled,
    };
    let notification = state.notifications.update(&granted.0, id_of(&id)?, patch).await?;
    Ok(web::Json(notification))
}

/// Delete a notification
///
/// Its messages are deleted, too, also those that wait.
#[utoipa::path(
    operation_id = "deleteNotification",
    tag = "notifications",
    params(("id" = i64, Path, description = "The notification's id.")),
    responses((status = 204, description = "The notification was deleted."), DeleteProblems)
)]
#[delete("/notifications/{id}")]
async fn delete_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.notifications.delete(&granted.0, id_of(&id)?).await?;
    Ok(HttpResponse::NoContent()
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .finish())
}

/// Try a notification before it is saved
///
/// Sends a test message at once and answers what the server said. Nothing is saved. A ping gets a request to `URL` itself.
#[utoipa::path(
    operation_id = "testNewNotification",
    tag = "notifications",
    request_body(content = CreateNotificationRequest, description = "The notification."),
    responses((status = 200, description = "What the server said.", body = TestOutcome), TestNewProblems)
)]
#[post("/notifications/test")]
async fn test_new_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    body: Body<CreateNotificationRequest>,
) -> Result<web::Json<TestOutcome>, ApiError> {
    let outcome = state.notifications.try_new(&granted.0, body.0.into()).await?;
    Ok(web::Json(outcome))
}

/// Try a notification
///
/// Sends a test message at once, also if the notification is disabled, and answers what the server said. If it has accepted the
/// message, the notification is no longer failing.
#[utoipa::path(
    operation_id = "testNotification",
    tag = "notifications",
    params(("id" = i64, Path, description = "The notification's id.")),
    responses((status = 200, description = "What the server said.", body = TestOutcome), ShowProblems)
)]
#[post("/notifications/{id}/test")]
async fn test_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<TestOutcome>, ApiError> {
    let outcome = state.notifications.try_saved(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(outcome))
}
