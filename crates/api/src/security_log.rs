//! The entries of the [security log](campus_backup_domain::security_log) about requests: sign-outs, refusals, and the actions of
//! administrators under `/backup`, `/accounts` and `/auth/tokens`.
//!
//! [`record_operation`] also writes the event of an operation to the [audit](campus_backup_domain::audit), if the domain has not
//! written it in the transaction of what it records. So every operation with an event in [`event_of`] leaves exactly one.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use campus_backup_domain::Table;
use campus_backup_domain::account::{Admin, Principal, RefusedUser};
use campus_backup_domain::audit::{AuditActor, AuditEntry, AuditEvent, AuditResult, ReceiptState};
use campus_backup_domain::security_log::SecurityEvent;

use crate::AppState;
use crate::client_ip::client_address;
use crate::link::Target;
use crate::middleware::head;
use crate::problem::{ApiError, Problem};
use crate::routes::download::X_TOTAL_ROWS;

/// Details of an event that only the handler knows.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The table, or `all`.
    pub table: Option<String>,
    /// Another name of the event.
    pub event: Option<AuditEvent>,
    /// The id of what the request has created.
    pub id: Option<String>,
}

impl About {
    /// The target of a link.
    pub fn target(target: Target<'_>) -> Self {
        let table = match target {
            Target::Download(table) | Target::Table(table) => Some(table.to_owned()),
            Target::File | Target::Certificate | Target::Diff => None,
        };
        Self {
            table,
            ..Self::default()
        }
    }

    /// A table, or `all`.
    pub fn table(table: impl ToString) -> Self {
        Self {
            table: Some(table.to_string()),
            ..Self::default()
        }
    }

    /// What the request has created.
    pub fn created(id: i64) -> Self {
        Self {
            id: Some(id.to_string()),
            ..Self::default()
        }
    }

    /// Stores it for the event of the request.
    pub fn keep(self, request: &HttpRequest) {
        request.extensions_mut().insert(self);
    }
}

/// The event of an operation behind the guard; `None` for operations that only read, and disclose no data of the school.
pub(crate) fn event_of(method: &Method, pattern: &str) -> Option<AuditEvent> {
    use AuditEvent as Event;

    let event = match (method.as_str(), pattern) {
        ("GET", "/backup/download/{table}" | "/backup/archives/{id}/download/{table}") => Event::Download,
        ("GET", "/backup/archives/{id}/file") => Event::ArchiveDownload,
        ("GET", "/backup/archives/{id}/certificate") => Event::Certificate,
        ("GET", "/backup/diff") => Event::Comparison,
        ("GET" | "POST", "/backup/imports/{id}") => Event::ImportPlan,
        ("GET", "/backup/imports/{id}/errors") => Event::ImportErrors,
        ("POST", "/accounts") => Event::AccountCreation,
        ("PATCH", "/accounts/{id}") => Event::AccountChange,
        ("DELETE", "/accounts/{id}") => Event::AccountDeletion,
        ("POST", "/accounts/{id}/reset") => Event::AccountReset,
        ("POST", "/auth/tokens") => Event::TokenCreation,
        ("DELETE", "/auth/tokens/{id}") => Event::TokenRevocation,
        ("GET", _) => return None,
        ("POST", "/backup/archives/{id}/restore-plan") => Event::RestorePlan,
        ("POST", "/backup/retention/preview") => Event::RetentionPreview,
        ("POST", "/backup/download-links") => Event::LinkCreated,
        ("POST", "/backup/clear") => Event::Clear,
        ("POST", "/backup/clear/{id}/undo" | "/backup/changes/{id}/undo") => Event::Undo,
        ("POST", "/backup/imports/{id}/apply") => Event::Import,
        ("DELETE", "/backup/imports/{id}") => Event::ImportDiscarded,
        ("POST", "/backup/archives") => Event::Backup,
        ("POST", "/backup/archives/upload") => Event::Upload,
        ("POST", "/backup/archives/{id}/verify") => Event::Verification,
        ("POST", "/backup/archives/{id}/restore") => Event::Restore,
        ("PATCH", "/backup/archives/{id}") => Event::ArchiveChange,
        ("DELETE", "/backup/archives/{id}") => Event::ArchiveDeletion,
        ("POST", "/backup/schedules") => Event::ScheduleCreation,
        ("PATCH", "/backup/schedules/{id}") => Event::ScheduleChange,
        ("DELETE", "/backup/schedules/{id}") => Event::ScheduleDeletion,
        ("POST", "/backup/schedules/{id}/run") => Event::Backup,
        ("POST", "/backup/archives/{id}/accept") => Event::ArchiveAcceptance,
        ("PUT", "/backup/retention") => Event::RetentionChange,
        ("DELETE", "/backup/retention") => Event::RetentionRemoval,
        ("POST", "/backup/retention/apply") => Event::RetentionApplication,
        ("POST", "/backup/notifications") => Event::NotificationCreation,
        ("PATCH", "/backup/notifications/{id}") => Event::NotificationChange,
        ("DELETE", "/backup/notifications/{id}") => Event::NotificationDeletion,
        ("POST", "/backup/notifications/test" | "/backup/notifications/{id}/test") => Event::NotificationTest,
        ("POST", "/backup/destinations") => Event::DestinationCreation,
        ("PATCH", "/backup/destinations/{id}") => Event::DestinationChange,
        ("DELETE", "/backup/destinations/{id}") => Event::DestinationDeletion,
        ("POST", "/backup/destinations/test" | "/backup/destinations/{id}/test") => Event::DestinationTest,
        ("POST", "/backup/jobs/{id}/cancel") => Event::JobCancellation,
        // A new operation leaves an event before it has a name here.
        _ => Event::Operation,
    };
    Some(event)
}

/// Records the event of an operation behind the guard when its answer begins. If the event can't be written to the audit, the
/// answer is an error, and no byte of the original answer is sent.
pub async fn record_operation(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let method = request.method().clone();
    let response = next.call(request).await?;
    let about = response
        .request()
        .extensions()
        .get::<About>()
        .cloned()
        .unwrap_or_default();
    // Only now it is the pattern of the router, which has decoded the path.
    let pattern = response.request().match_pattern();
    let event = about
        .event
        .or_else(|| pattern.and_then(|pattern| event_of(&method, &pattern)));
    // A wrong method has the pattern of another operation, and no route.
    let is_route = event != Some(AuditEvent::Operation) || response.status().is_success();
    let Some(event) = event.filter(|_| is_route && !head::is_head(response.request())) else {
        return Ok(response.map_into_boxed_body());
    };
    log_operation(&response, event, &about);
    match audit_operation(&response, event, &about).await {
        Ok(()) => Ok(response.map_into_boxed_body()),
        // The response with its body is dropped here.
        Err(error) => Ok(response.error_response(error)),
    }
}

/// Writes the line of an operation to the security log.
fn log_operation<B>(response: &ServiceResponse<B>, event: AuditEvent, about: &About) {
    let request = response.request();
    let extensions = request.extensions();
    let admin = extensions.get::<Admin>();
    SecurityEvent {
        user: admin.map(Admin::username),
        user_id: admin.and_then(Admin::user_id),
        token_id: admin.and_then(Admin::token_id),
        client: Some(client_address(request)),
        table: table_of(request, about).as_deref(),
        id: id_of(request, about).as_deref(),
        status: Some(response.status().as_u16()),
        ..SecurityEvent::default()
    }
    .record(event.name());
}

/// Writes the event of an operation to the audit, unless the domain has written it.
async fn audit_operation<B>(response: &ServiceResponse<B>, event: AuditEvent, about: &About) -> Result<(), ApiError> {
    let request = response.request();
    let admin = request.extensions().get::<Admin>().cloned();
    let Some(admin) = admin else { return Ok(()) };
    let status = response.status();
    let state = state_of(request)?;
    let is_written = match admin.receipt().state() {
        ReceiptState::Unknown(appended) => state.audit.is_written(&appended).await.ok().flatten(),
        _ => Some(false),
    };
    let result = match (admin.receipt().state(), status) {
        (ReceiptState::Written, _) => return Ok(()),
        (ReceiptState::Unknown(_), _) if is_written == Some(true) => return Ok(()),
        (ReceiptState::Unknown(_), _) if is_written.is_none() => AuditResult::Unknown,
        (ReceiptState::Repeated, _) => AuditResult::Repeated,
        (ReceiptState::Open | ReceiptState::Unknown(_), status) if status.is_client_error() => AuditResult::Refused,
        (ReceiptState::Open | ReceiptState::Unknown(_), status) if status.is_server_error() => AuditResult::Failed,
        (ReceiptState::Open | ReceiptState::Unknown(_), _) => AuditResult::Succeeded,
    };
    let reason = response
        .response()
        .extensions()
        .get::<Problem>()
        .map(|problem| problem.code.name());
    let mut entry = AuditEntry::by(&admin, event)
        .of_table(table_of(request, about))
        .answered(status.as_u16())
        .ended(result, reason);
    if let Some(id) = id_of(request, about) {
        entry = entry.about(id);
    }
    if event == AuditEvent::Operation
        && let Some(pattern) = request.match_pattern()
    {
        entry = entry.with("path", pattern);
    }
    if let Some(rows) = response.headers().get(X_TOTAL_ROWS).and_then(|rows| rows.to_str().ok()) {
        entry = entry.with("rows", rows.parse::<u64>().ok());
    }
    match state.audit.record(entry).await {
        // Nothing was changed or disclosed, so the refusal is still true.
        Err(error) if status.is_client_error() || status.is_server_error() => {
            tracing::warn!(%error, "the event of a refused operation could not be written to the audit");
            Ok(())
        }
        recorded => recorded.map_err(ApiError::from),
    }
}

fn state_of(request: &HttpRequest) -> Result<web::Data<AppState>, ApiError> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    state.ok_or_else(|| ApiError::internal("the application has no state"))
}

/// The table of an operation, or `all`.
fn table_of(request: &HttpRequest, about: &About) -> Option<String> {
    // The path of a new import has its table at the place of an id.
    let of_path = || {
        ["table", "id"]
            .into_iter()
            .find_map(|name| request.match_info().get(name))
    };
    let named = about.table.as_deref().or_else(of_path);
    named.filter(|table| is_scope(table)).map(str::to_owned)
}

/// The id of what an operation has created, or of what its path names.
fn id_of(request: &HttpRequest, about: &About) -> Option<String> {
    let named = request.match_info().get("id");
    let named = named.filter(|id| is_id(id) && !is_scope(id));
    about.id.clone().or_else(|| named.map(str::to_owned))
}

/// Records that the credentials of a request were refused. Without a known user, only the log has it. Otherwise clients without a
/// valid token could fill the audit.
pub async fn record_refusal(request: &HttpRequest, event: AuditEvent, user: &RefusedUser, reason: &str) {
    log_refusal(request, event.name(), user, reason);
    if user.id.is_none() {
        return;
    }
    let actor = AuditActor {
        username: user.name.clone(),
        user_id: user.id,
        client: Some(client_address(request)),
        ..AuditActor::default()
    };
    audit_refusal(request, AuditEntry::new(actor, event).refused(reason)).await;
}

/// Records that a signed-in user was refused.
pub async fn record_access_refusal(request: &HttpRequest, principal: &Principal, status: u16, reason: &str) {
    let user = RefusedUser {
        id: principal.user_id,
        name: Some(principal.username.clone()),
    };
    log_refusal(request, AuditEvent::AccessRefused.name(), &user, reason);
    let actor = principal.audit_actor().with_client(Some(client_address(request)));
    let entry = AuditEntry::new(actor, AuditEvent::AccessRefused)
        .answered(status)
        .refused(reason);
    audit_refusal(request, entry).await;
}

/// Writes the event of a refusal to the audit, with the path of the request.
async fn audit_refusal(request: &HttpRequest, entry: AuditEntry) {
    let entry = match request.match_pattern() {
        Some(pattern) => entry.with("path", pattern),
        None => entry,
    };
    if let Ok(state) = state_of(request) {
        state.audit.record_refusal(entry).await;
    }
}

/// Writes the line of refused credentials to the security log.
pub fn log_refusal(request: &HttpRequest, event: &'static str, user: &RefusedUser, reason: &str) {
    let pattern = request.match_pattern();
    SecurityEvent {
        user: user.name.as_deref(),
        user_id: user.id,
        client: Some(client_address(request)),
        path: pattern.as_deref(),
        reason: Some(reason),
        ..SecurityEvent::default()
    }
    .record(event);
}

/// Records that a signed-in user has changed their password, or that it was refused.
pub fn record_password_change(request: &HttpRequest, principal: &Principal, refusal: Option<&str>) {
    SecurityEvent {
        user: Some(&principal.username),
        user_id: principal.user_id,
        token_id: principal.token.as_ref().map(|token| token.id),
        client: Some(client_address(request)),
        reason: refusal,
        ..SecurityEvent::default()
    }
    .record(match refusal {
        None => "password_change",
        Some(_) => "password_change_refused",
    });
}

/// Records that a user has ended sessions.
pub fn record_sign_out(request: &HttpRequest, event: &'static str, user: Option<&str>, user_id: i64) {
    SecurityEvent {
        user,
        user_id: Some(user_id),
        client: Some(client_address(request)),
        ..SecurityEvent::default()
    }
    .record(event);
}

/// A path may contain anything, also a secret.
fn is_scope(table: &str) -> bool {
    table == "all" || Table::from_name(table).is_some()
}

/// The characters of ids of archives, jobs and changes.
fn is_id(text: &str) -> bool {
    const LONGEST: usize = 64;
    text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An operation that changes or discloses data needs an event.
    #[test]
    fn every_operation_that_changes_or_discloses_has_an_event() {
        let document = serde_json::to_value(crate::openapi::openapi()).unwrap();
        let mut with_event = 0;
        for (path, operations) in document["paths"].as_object().unwrap() {
            if !["/backup/", "/accounts", "/auth/tokens"]
                .iter()
                .any(|scope| path.starts_with(scope))
            {
                continue;
            }
            for method in operations
                .as_object()
                .unwrap()
                .keys()
                .filter(|name| *name != "parameters")
            {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let discloses =
                    path.contains("/download/") || path.ends_with("/file") || path.ends_with("/certificate");
                let changes = method != Method::GET;
                let event = event_of(&method, path);
                assert!(event.is_some() || !(discloses || changes), "{method} {path}");
                assert_ne!(event, Some(AuditEvent::Operation), "{method} {path} has no name");
                with_event += usize::from(event.is_some());
            }
        }
        assert!(with_event >= 23, "{with_event}");
    }

    #[test]
    fn path_segments_are_logged_only_if_they_look_like_ids() {
        assert!(is_id("2026-11-23T09-29-59Z-5f1c2a9b") && is_id("0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70"));
        for text in ["a b", "a\nb", "a.b", "head@school.example", &"x".repeat(65)] {
            assert!(!is_id(text), "{text}");
        }
        assert!(is_scope("students") && is_scope("all") && !is_scope("secret"));
    }
}
