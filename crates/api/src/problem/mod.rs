//! Error answers: `application/problem+json` (RFC 9457).
//!
//! Which error type to use where:
//! - A **service** (crate `domain`) returns `domain::Error`, which knows nothing of HTTP.
//! - A **handler**, an extractor or a guard returns [`ApiError`]. `?` turns a `domain::Error` into one. Errors of HTTP
//!   (a body, a path, a header) have constructors there. It is never built from a status code alone.
//! - **Starting and stopping** returns [`ExitError`](crate::cli::exit::ExitError): one plain line and an exit code.
//! - [`Problem`] is only the document of the answer. Nothing matches on it.
//!
//! An error is logged once, with its chain of sources, where [`ApiError`] becomes an answer, and only if it is the service's fault.
//! `middleware::problems` turns the error answers of actix-web into a [`Problem`], and writes the request's id into every one.

mod code;
mod document;
mod error;

use serde::Serialize;
use utoipa::ToSchema;

pub use code::Code;
pub(crate) use document::add_codes;
pub use document::responses;
pub use error::{ApiError, chain};

/// The media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem: `urn:campus-backup:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:campus-backup:problem:unknown_table")]
    pub kind: String,
    /// The kind of problem, always the same for a code.
    #[schema(example = "There is no such table")]
    pub title: String,
    /// The status code of the answer.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    pub status: u16,
    /// What was wrong with this request.
    #[schema(example = "`teachers` is not a table that can be downloaded.")]
    pub detail: String,
    /// The kind of problem for programs: one of a closed list.
    pub code: Code,
    /// The id of this request in the service's log. Quote it when asking for help.
    #[schema(example = "0193d2f0-6f3b-7c44-b0f7-4d3f6a3c0a11")]
    pub request_id: String,
    /// Only of `/readyz`: the exact reason, for programs, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "missing_rights")]
    pub reason: Option<&'static str>,
    /// The next step, where one helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ask for one of: students, courses.")]
    pub hint: Option<String>,
    /// The job that blocks the request, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid", example = "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70")]
    pub job_id: Option<String>,
    /// For `archive_needed_for_undo`: the change that needs the archive for its undo.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid", example = "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70")]
    pub change_id: Option<String>,
    /// For `undo_blocked`: the plan of the undo, with its blockers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<campus_backup_domain::restore::Plan>)]
    pub plan: Option<serde_json::Value>,
    /// Every invalid field, where there can be several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

/// An invalid field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field or query parameter, with dots for fields of fields; `body` for the body as a whole.
    #[schema(example = "table")]
    pub field: String,
    /// What is wrong and what is allowed.
    #[schema(example = "must be one of `students`, `courses`")]
    pub detail: String,
}

impl Problem {
    /// A problem with this code. The request's id is filled in when the answer is sent.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:campus-backup:problem:{}", code.name()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail: detail.into(),
            code,
            request_id: String::new(),
            reason: None,
            hint: None,
            job_id: None,
            change_id: None,
            plan: None,
            errors: Vec::new(),
        }
    }
}
