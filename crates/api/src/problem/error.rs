//! The error type of handlers, extractors and guards, and how a `domain::Error` becomes one.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use campus_backup_domain::Error as DomainError;

use super::{Code, FieldError, PROBLEM_JSON, Problem};

/// Why a request is not answered as asked. See the [module](super) for when to use it.
#[derive(Debug)]
pub struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    problem: Problem,
    retry_after: Option<Duration>,
    challenge: Option<&'static str>,
    allow: Option<String>,
    connection: Connection,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Kept,
    /// The rest of a body that is too large or too slow is not worth waiting for.
    Closed,
}

// RFC 6750, section 3: no error is named to a caller who sent no token.
const CHALLENGE: &str = r#"Bearer realm="campus-backup""#;
const CHALLENGE_INVALID_TOKEN: &str = r#"Bearer realm="campus-backup", error="invalid_token""#;
const CHALLENGE_SCOPE: &str = r#"Bearer realm="campus-backup", error="insufficient_scope""#;

const BUSY_RETRY: Duration = Duration::from_secs(2);
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);

impl ApiError {
    /// A problem of that kind. `detail` is for the person who asked, as a sentence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let challenge = match code {
            Code::Unauthenticated | Code::WrongCredentials | Code::LinkInvalid => Some(CHALLENGE),
            Code::Forbidden => Some(CHALLENGE_SCOPE),
            _ => None,
        };
        Self(Box::new(Parts {
            problem: Problem::new(code, detail),
            retry_after: None,
            challenge,
            allow: None,
            connection: Connection::Kept,
            source: None,
        }))
    }

    /// No token was sent.
    pub fn no_token() -> Self {
        Self::new(Code::Unauthenticated, Code::Unauthenticated.example())
    }

    /// A token was sent, and it is not valid; `why` is a sentence without its full stop.
    pub fn invalid_token(why: &str) -> Self {
        let mut error = Self::new(Code::Unauthenticated, sentence(why));
        error.0.challenge = Some(CHALLENGE_INVALID_TOKEN);
        error
    }

    /// One field or query parameter that can't be accepted. `detail` goes on after the field's name.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let (field, detail) = (field.into(), detail.into());
        let summary = match field.as_str() {
            "body" => sentence(&format!("the body {detail}")),
            field => sentence(&format!("`{field}` {detail}")),
        };
        Self::new(Code::InvalidField, summary).with_errors([FieldError { field, detail }])
    }

    /// A path that names no table, or none for this.
    pub fn unknown_table_in_path(allowed: &[&str]) -> Self {
        let allowed = allowed.join(", ");
        let detail = format!("There is no table of that name here. Allowed are: {allowed}.");
        Self::new(Code::UnknownTable, detail).with_hint(format!("Ask for one of: {allowed}."))
    }

    /// A body whose `table` names no table, or none for this: understood, but impossible.
    pub fn unknown_table_in_body(allowed: &[&str]) -> Self {
        let allowed = allowed.join(", ");
        let detail = format!("There is no table of that name here. Allowed are: {allowed}.");
        let mut error = Self::new(Code::UnknownTable, detail).with_errors([FieldError {
            field: "table".to_owned(),
            detail: format!("must be one of: {allowed}"),
        }]);
        error.0.problem.status = StatusCode::UNPROCESSABLE_ENTITY.as_u16();
        error
    }

    /// A path that is known, but not with this method. `allow` is the list for the header.
    pub fn method_not_allowed(method: &str, allow: String) -> Self {
        let detail = format!("{method} is not allowed here. Allowed are: {allow}.");
        let mut error = Self::new(Code::MethodNotAllowed, detail);
        error.0.allow = Some(allow);
        error
    }

    /// Anything that the caller can't mend.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Code::Internal, Code::Internal.example()).with_source(source)
    }

    /// What to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.problem.hint = Some(hint.into());
        self
    }

    /// Each thing that was wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.0.problem.errors = errors.into_iter().collect();
        self
    }

    /// When it is worth asking again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Why it happened. It goes to the log, never to the caller.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Nothing more is read from this connection.
    #[must_use]
    pub(crate) fn closing(mut self) -> Self {
        self.0.connection = Connection::Closed;
        self
    }

    /// The kind of problem.
    pub fn code(&self) -> Code {
        self.0.problem.code
    }

    /// The document that goes out, as yet without the request's id.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.problem.code.name(), self.0.problem.detail)
    }
}

impl StdError for ApiError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// This is the edge: actix-web calls it once, inside the request's span, and here the error is logged.
    fn error_response(&self) -> HttpResponse {
        let parts = &*self.0;
        if self.status_code().is_server_error() {
            let error = parts
                .source
                .as_ref()
                .map_or(String::new(), |source| chain(source.as_ref()));
            tracing::error!(code = parts.problem.code.name(), error, "{}", parts.problem.detail);
        }
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(PROBLEM_JSON);
        if let Some(after) = parts.retry_after {
            response.insert_header((RETRY_AFTER, whole_seconds(after)));
        }
        if let Some(challenge) = parts.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Some(allow) = &parts.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        if parts.connection == Connection::Closed {
            response.force_close();
        }
        // Written whole by `middleware::problems`, which knows the request's id.
        let body = serde_json::to_string(&parts.problem).unwrap_or_default();
        let mut response = response.body(body);
        response.extensions_mut().insert(parts.problem.clone());
        response
    }
}

impl From<DomainError> for ApiError {
    fn from(error: DomainError) -> Self {
        use DomainError as E;
        let said = sentence(&error.to_string());
        let nothing_changed = |code: Code| Self::new(code, code.example());
        match error {
            E::Unauthenticated(why) => Self::invalid_token(why),
            E::Forbidden => Self::new(Code::Forbidden, said),
            E::WrongCredentials => Self::new(Code::WrongCredentials, said),
            E::TooManyLogins { retry_after } => Self::too_many(Code::TooManyLogins, said, retry_after),
            E::TooManyDownloads { retry_after } => Self::too_many(Code::TooManyDownloads, said, retry_after),
            E::LinkInvalid => Self::new(Code::LinkInvalid, said),
            E::LinkSpent => Self::new(Code::LinkSpent, said).with_hint("Make a new link."),
            E::Invalid { field, problem } => Self::invalid(field, problem),
            E::WrongConfirmation { expected } => {
                let detail = format!("`confirm` must be `{expected}`. Nothing was changed.");
                Self::new(Code::WrongConfirmation, detail).with_errors([FieldError {
                    field: "confirm".to_owned(),
                    detail: format!("must be `{expected}`"),
                }])
            }
            E::RowsMoved { differences } => Self::new(Code::RowsMoved, Code::RowsMoved.example())
                .with_hint("Count again and repeat the request with the new numbers.")
                .with_errors(differences.into_iter().map(|(table, expected, found)| FieldError {
                    field: table.to_owned(),
                    detail: format!("expected {expected} rows, found {found}"),
                })),
            E::DatabaseBusy { .. } => nothing_changed(Code::DatabaseBusy)
                .with_retry_after(BUSY_RETRY)
                .with_source(error),
            E::DatabaseUnavailable { .. } => nothing_changed(Code::DatabaseUnavailable)
                .with_retry_after(UNAVAILABLE_RETRY)
                .with_source(error),
            E::NoRoom { .. } => nothing_changed(Code::NoRoom).with_source(error),
            E::Unexportable { .. } => Self::new(Code::Unexportable, said)
                .with_hint("Mend this value in the database; nothing was downloaded."),
            // The first belongs to the command line. The others end a download that has begun, which has no
            // answer any more. Whoever lets one of them out of a handler finds it in the log.
            E::NotEmpty { .. } | E::Stalled(_) | E::Gone | E::Internal { .. } => Self::internal(error),
        }
    }
}

impl ApiError {
    fn too_many(code: Code, said: String, retry_after: Duration) -> Self {
        let hint = format!("Try again in {} seconds.", whole_seconds(retry_after));
        Self::new(code, said).with_hint(hint).with_retry_after(retry_after)
    }
}

/// An error and what it comes from, in one line. For logs. What an error has said of its source already is not said
/// again: not every library keeps the two apart.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = String::new();
    for error in std::iter::successors(Some(error), |&error| error.source()) {
        let said = error.to_string();
        if line.is_empty() {
            line = said;
        } else if !line.ends_with(&said) {
            line = format!("{line}: {said}");
        }
    }
    line
}

/// Retry-After has whole seconds; asking a moment too early would be refused again.
fn whole_seconds(duration: Duration) -> u64 {
    (duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).max(1)
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: Cow<'_, str> = match letters.next() {
        Some(first) => first.to_uppercase().collect::<String>().into(),
        None => "".into(),
    };
    let rest = letters.as_str();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}
