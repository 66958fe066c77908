//! The entries of the [security log](campus_backup_domain::security_log) about requests: sign-outs, refusals, and the actions of
//! administrators under `/backup`.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use campus_backup_domain::Table;
use campus_backup_domain::account::{Admin, RefusedUser};
use campus_backup_domain::security_log::SecurityEvent;

use crate::client_ip::client_address;
use crate::link::Target;
use crate::middleware::head;

/// Details of an event that only the handler knows.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The table, or `all`.
    pub table: Option<String>,
    /// Another name of the event.
    pub event: Option<&'static str>,
}

impl About {
    /// The target of a link.
    pub fn target(target: Target<'_>) -> Self {
        let table = match target {
            Target::Download(table) | Target::Table(table) => Some(table.to_owned()),
            Target::File | Target::Diff => None,
        };
        Self { table, event: None }
    }

    /// Stores it for the event of the request.
    pub fn keep(self, request: &HttpRequest) {
        request.extensions_mut().insert(self);
    }
}

/// The event of an operation under `/backup`; `None` for operations that read no data of the school.
fn event_of(method: &Method, pattern: &str) -> Option<&'static str> {
    let event = match (method.as_str(), pattern) {
        ("GET", "/backup/download/{table}" | "/backup/archives/{id}/download/{table}") => "download",
        ("GET", "/backup/archives/{id}/file") => "archive_download",
        ("GET", "/backup/diff") => "comparison",
        ("GET", _) | ("POST", "/backup/archives/{id}/restore-plan" | "/backup/retention/preview") => return None,
        ("POST", "/backup/download-links") => "link_created",
        ("POST", "/backup/clear") => "clear",
        ("POST", "/backup/clear/{id}/undo") => "undo",
        ("POST", "/backup/archives") => "backup",
        ("POST", "/backup/archives/upload") => "upload",
        ("POST", "/backup/archives/{id}/verify") => "verification",
        ("POST", "/backup/archives/{id}/restore") => "restore",
        ("PATCH", "/backup/archives/{id}") => "archive_change",
        ("DELETE", "/backup/archives/{id}") => "archive_deletion",
        ("POST", "/backup/schedules") => "schedule_creation",
        ("PATCH", "/backup/schedules/{id}") => "schedule_change",
        ("DELETE", "/backup/schedules/{id}") => "schedule_deletion",
        ("POST", "/backup/schedules/{id}/run") => "backup",
        ("POST", "/backup/archives/{id}/accept") => "archive_acceptance",
        ("PUT", "/backup/retention") => "retention_change",
        ("DELETE", "/backup/retention") => "retention_removal",
        ("POST", "/backup/retention/apply") => "retention_application",
        ("POST", "/backup/notifications") => "notification_creation",
        ("PATCH", "/backup/notifications/{id}") => "notification_change",
        ("DELETE", "/backup/notifications/{id}") => "notification_deletion",
        ("POST", "/backup/notifications/test" | "/backup/notifications/{id}/test") => "notification_test",
        ("POST", "/backup/jobs/{id}/cancel") => "job_cancellation",
        _ => return None,
    };
    Some(event)
}

/// Records the event of an operation under `/backup` when its answer begins.
pub async fn record_operation(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let event = request.match_pattern();
    let event = event.and_then(|pattern| event_of(request.method(), &pattern));
    let response = next.call(request).await?;
    let request = response.request();
    if let Some(event) = event.filter(|_| !head::is_head(request)) {
        let extensions = request.extensions();
        let admin = extensions.get::<Admin>();
        let about = extensions.get::<About>().cloned().unwrap_or_default();
        let named = request.match_info();
        SecurityEvent {
            user: admin.map(Admin::username),
            user_id: admin.and_then(Admin::user_id),
            client: Some(client_address(request)),
            table: about
                .table
                .as_deref()
                .or(named.get("table"))
                .filter(|table| is_scope(table)),
            id: named.get("id").filter(|id| is_id(id)),
            status: Some(response.status().as_u16()),
            ..SecurityEvent::default()
        }
        .record(about.event.unwrap_or(event));
    }
    Ok(response)
}

/// Records that the credentials of a request were refused.
pub fn record_refusal(request: &HttpRequest, event: &'static str, user: &RefusedUser, reason: &str) {
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
            if !path.starts_with("/backup/") {
                continue;
            }
            for method in operations
                .as_object()
                .unwrap()
                .keys()
                .filter(|name| *name != "parameters")
            {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let discloses = path.contains("/download/") || path.ends_with("/file");
                let is_preview = path.ends_with("/restore-plan") || path.ends_with("/retention/preview");
                let changes = method != Method::GET && !is_preview;
                let event = event_of(&method, path);
                assert!(event.is_some() || !(discloses || changes), "{method} {path}");
                with_event += usize::from(event.is_some());
            }
        }
        assert!(with_event >= 17, "{with_event}");
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
