//! `/backup/notifications`: mails, webhooks and pings about what happened.

use actix_web::http::header::{CacheControl, CacheDirective, LOCATION};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use campus_backup_domain::Error;
use campus_backup_domain::notify::{
    EventKind, NewNotification, NotificationDetails, NotificationKind, NotificationPatch, TestOutcome,
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::schema::words;

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

/// A notification.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Notification, example = json!({
    "id": 1, "name": "Office", "kind": "email", "to": ["office@school.example"], "url": null,
    "events": ["backup_failed", "backup_stale", "backup_well_again", "archive_suspicious"], "attach_archive": false,
    "enabled": true, "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z", "created_by": "admin",
    "last_sent_at": "2026-11-29T01:00:09Z", "last_error": null, "failing_since": null, "waiting": 0, "secret": null,
}))]
pub struct NotificationAnswer {
    /// Its id.
    id: i64,
    /// Its name. No other notification has it.
    name: String,
    /// How it is sent.
    #[schema(schema_with = kinds)]
    kind: NotificationKind,
    /// The mail addresses of an email. It is empty for a webhook and a ping.
    to: Vec<String>,
    /// The URL of a webhook or a ping.
    #[schema(required = true)]
    url: Option<String>,
    /// The events that it is about.
    #[schema(schema_with = shown_events)]
    events: Vec<EventKind>,
    /// Whether mails about backups carry the archive.
    attach_archive: bool,
    /// Whether it is sent.
    enabled: bool,
    /// When it was created, UTC.
    created_at: DateTime<Utc>,
    /// When it was edited, or created, UTC.
    updated_at: DateTime<Utc>,
    /// The user that created it.
    created_by: String,
    /// When its last message was sent, UTC.
    #[schema(required = true)]
    last_sent_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed. It is `null` after a success.
    #[schema(required = true)]
    last_error: Option<String>,
    /// Since when all attempts have failed, UTC. It is `null` after a success.
    #[schema(required = true)]
    failing_since: Option<DateTime<Utc>>,
    /// How many messages wait to be sent.
    waiting: u64,
    /// The secret that signs a webhook, in the answer to its creation. Other answers have `null`: store it now.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = Option<String>, required = true)]
    secret: Option<SecretString>,
}

fn expose<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(ExposeSecret::expose_secret).serialize(serializer)
}

impl From<NotificationDetails> for NotificationAnswer {
    fn from(notification: NotificationDetails) -> Self {
        Self {
            id: notification.id,
            name: notification.name,
            kind: notification.kind,
            to: notification.to,
            url: notification.url,
            events: notification.events,
            attach_archive: notification.attach_archive,
            enabled: notification.enabled,
            created_at: notification.created_at,
            updated_at: notification.updated_at,
            created_by: notification.created_by,
            last_sent_at: notification.last_sent_at,
            last_error: notification.last_error,
            failing_since: notification.failing_since,
            waiting: notification.waiting,
            secret: notification.secret,
        }
    }
}

/// The result of a test message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NotificationTest, example = json!({
    "delivered": false, "detail": "The server answered with 404.",
}))]
pub struct TestAnswer {
    /// Whether the server has accepted the message.
    delivered: bool,
    /// What the server said, or why it could not be asked.
    detail: String,
}

impl From<TestOutcome> for TestAnswer {
    fn from(outcome: TestOutcome) -> Self {
        Self {
            delivered: outcome.delivered,
            detail: outcome.detail,
        }
    }
}

fn kinds() -> Schema {
    words(
        &NotificationKind::ALL,
        "How it is sent. `email`: a mail to people. `webhook`: a signed JSON request (Standard Webhooks). `ping`: a request to a \
         service that monitors backups, such as healthchecks.io.",
    )
}

fn event_words(all: &[EventKind]) -> Schema {
    words(
        all,
        "`backup_succeeded`: a backup is stored. `backup_failed`: a backup failed, with a schedule after its last attempt. \
         `backup_stale`: there was no backup for too long. `backup_well_again`: there are backups again. `archive_suspicious`: an \
         archive has far less data than the ones before it. `retention_held`: old archives are not deleted. `restore_done`: an \
         archive was restored. `clear_done`: tables were cleared, or a clear was undone. `schedule_disabled`: a schedule was \
         disabled or deleted. `administrator_added`: an administrator's account was created.",
    )
}

fn shown_events() -> Schema {
    let mut all = EventKind::CHOICES.to_vec();
    all.push(EventKind::BackupStarted);
    ArrayBuilder::new()
        .items(RefOr::T(event_words(&all)))
        .description(Some("The events that it is about."))
        .into()
}

fn chosen_events() -> Schema {
    let events = ArrayBuilder::new()
        .items(RefOr::T(event_words(&EventKind::CHOICES)))
        .min_items(Some(1));
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(events)
        .description(Some(
            "The events that it is about. The default is all but `backup_succeeded`. A ping has its own events.",
        ))
        .into()
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
    #[schema(schema_with = kinds)]
    kind: NotificationKind,
    /// The mail addresses of an email, 10 at most.
    #[schema(max_items = 10)]
    to: Option<Vec<String>>,
    /// The URL of a webhook or a ping: http or https, without a user name and a password.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// The events that it is about.
    #[schema(schema_with = chosen_events, required = false)]
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
    /// The events that it is about.
    #[schema(schema_with = chosen_events, required = false)]
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
/// again for about two days. A message may be sent twice, if the service is killed while it sends; then it has the same id.
///
/// An `email` needs the mail server of the settings (`--smtp-url-file` and `--smtp-from`). A `webhook` gets JSON with `type`,
/// `timestamp` and `data`, signed in the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. A `ping` gets a
/// request to `URL/start`, `URL` or `URL/fail` when a backup begins, succeeds or fails.
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
            body = NotificationAnswer,
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
        .json(NotificationAnswer::from(notification)))
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
            body = inline(Page<NotificationAnswer>),
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
    let items: Vec<NotificationAnswer> = found.items.into_iter().map(Into::into).collect();
    pagination::page(&state, &request, window, items)
}

/// Get a notification
///
/// Its target, its events and its last message.
#[utoipa::path(
    operation_id = "getNotification",
    tag = "notifications",
    params(("id" = i64, Path, description = "The notification's id.")),
    responses((status = 200, description = "The notification.", body = NotificationAnswer), ShowProblems)
)]
#[get("/notifications/{id}")]
async fn get_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<NotificationAnswer>, ApiError> {
    let notification = state.notifications.get(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(notification.into()))
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
        (status = 200, description = "The notification with the new values.", body = NotificationAnswer),
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
) -> Result<web::Json<NotificationAnswer>, ApiError> {
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
    Ok(web::Json(notification.into()))
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
    responses((status = 200, description = "What the server said.", body = TestAnswer), TestNewProblems)
)]
#[post("/notifications/test")]
async fn test_new_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    body: Body<CreateNotificationRequest>,
) -> Result<web::Json<TestAnswer>, ApiError> {
    let outcome = state.notifications.try_new(&granted.0, body.0.into()).await?;
    Ok(web::Json(outcome.into()))
}

/// Try a notification
///
/// Sends a test message at once, also if the notification is disabled, and answers what the server said.
#[utoipa::path(
    operation_id = "testNotification",
    tag = "notifications",
    params(("id" = i64, Path, description = "The notification's id.")),
    responses((status = 200, description = "What the server said.", body = TestAnswer), ShowProblems)
)]
#[post("/notifications/{id}/test")]
async fn test_notification(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<TestAnswer>, ApiError> {
    let outcome = state.notifications.try_saved(&granted.0, id_of(&id)?).await?;
    Ok(web::Json(outcome.into()))
}
