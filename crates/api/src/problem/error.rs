//! The error type of handlers, extractors and guards, and the conversion of a `domain::Error` into it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use campus_backup_archive::Error as ArchiveError;
use campus_backup_domain::Error as DomainError;
use campus_backup_domain::account::TokenScope;
use campus_backup_domain::database::DefectReason;
use campus_backup_domain::job::{Fault, Job, JobState};
use campus_backup_domain::plural::counted;

use super::{Code, FieldError, PROBLEM_JSON, Problem};

/// Why a request failed. The [module](super) says when to use it.
#[derive(Debug)]
pub struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    problem: Problem,
    retry_after: Option<Duration>,
    challenge: Option<Cow<'static, str>>,
    allow: Option<String>,
    /// The size of the file in bytes, for `Content-Range`.
    size: Option<u64>,
    connection: Connection,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Kept,
    /// The rest of a body that is too large or too slow is not read.
    Closed,
}

// RFC 6750, section 3: without a token the challenge names no error.
const CHALLENGE: &str = r#"Bearer realm="campus-backup""#;
const CHALLENGE_INVALID_TOKEN: &str = r#"Bearer realm="campus-backup", error="invalid_token""#;
const CHALLENGE_SCOPE: &str = r#"Bearer realm="campus-backup", error="insufficient_scope""#;

const SPOOL_FULL: &str = "A download through a proxy waits in the data folder until its length is known. Make room on that \
                          disk or raise --spool-limit (CAMPUS_BACKUP_SPOOL_LIMIT), ask for a compressed download, or ask the \
                          service without the proxy.";

const IDENTITY_HINT: &str = "Send the secret key of the archive (AGE-SECRET-KEY-1...): as `identity` in a JSON body, otherwise in the \
                             header X-Archive-Identity. On the command line, --identity names a file with it.";

const SPOOL_RETRY: Duration = Duration::from_secs(10);
const BUSY_RETRY: Duration = Duration::from_secs(2);
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);

impl ApiError {
    /// A problem with this code. `detail` is a sentence for people.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let challenge = match code {
            Code::Unauthenticated | Code::WrongCredentials | Code::LinkInvalid => Some(CHALLENGE.into()),
            Code::Forbidden | Code::PasswordChangeRequired | Code::ScopeMissing => Some(CHALLENGE_SCOPE.into()),
            _ => None,
        };
        Self(Box::new(Parts {
            problem: Problem::new(code, detail),
            retry_after: None,
            challenge,
            allow: None,
            size: None,
            connection: Connection::Kept,
            source: None,
        }))
    }

    /// No token was sent.
    pub fn no_token() -> Self {
        Self::new(Code::Unauthenticated, Code::Unauthenticated.example())
    }

    /// The token is not valid; `why` is a sentence without its full stop.
    pub fn invalid_token(why: &str) -> Self {
        let mut error = Self::new(Code::Unauthenticated, sentence(why));
        error.0.challenge = Some(CHALLENGE_INVALID_TOKEN.into());
        error
    }

    /// The named token lacks this scope.
    fn scope_missing(scope: TokenScope) -> Self {
        let mut error = Self::new(
            Code::ScopeMissing,
            format!("This token does not have the scope `{scope}`."),
        )
        .with_hint(format!("Use a token with the scope `{scope}`, or sign in."));
        error.0.challenge = Some(format!("{CHALLENGE_SCOPE}, scope=\"{scope}\"").into());
        error
    }

    /// A field or query parameter with an invalid value. `detail` continues the sentence after the field's name.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let (field, detail) = (field.into(), detail.into());
        let summary = match field.as_str() {
            "body" => sentence(&format!("the body {detail}")),
            field => sentence(&format!("`{field}` {detail}")),
        };
        Self::new(Code::InvalidField, summary).with_errors([FieldError { field, detail }])
    }

    /// A table in the path that does not exist, or that this operation does not have.
    pub fn unknown_table_in_path(allowed: &[&str]) -> Self {
        let allowed = allowed.join(", ");
        let detail = format!("There is no table of that name here. Allowed are: {allowed}.");
        Self::new(Code::UnknownTable, detail).with_hint(format!("Ask for one of: {allowed}."))
    }

    /// A `table` in the body that does not exist, or that this operation does not have.
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

    /// A known path with a method that it does not have. `allow` is the list for the header.
    pub fn method_not_allowed(method: &str, allow: String) -> Self {
        let detail = format!("{method} is not allowed here. Allowed are: {allow}.");
        let mut error = Self::new(Code::MethodNotAllowed, detail);
        error.0.allow = Some(allow);
        error
    }

    /// A file that can't be read, with the place of the fault.
    fn import_unreadable(said: &str, row: Option<u64>, column: Option<String>) -> Self {
        let place = match (row, column) {
            (None, None) => return Self::new(Code::ImportUnreadable, format!("{said} Nothing was changed.")),
            (Some(row), None) => format!("row {row}"),
            (None, Some(column)) => format!("column {column}"),
            (Some(row), Some(column)) => format!("row {row}, column {column}"),
        };
        Self::new(Code::ImportUnreadable, format!("{said} Nothing was changed.")).with_errors([FieldError {
            field: place,
            detail: said.to_owned(),
        }])
    }

    /// An unexpected error in the service.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Code::Internal, Code::Internal.example()).with_source(source)
    }

    /// Adds the next step for the caller.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.problem.hint = Some(hint.into());
        self
    }

    /// Adds the job that blocks the request.
    #[must_use]
    pub fn with_job(mut self, id: impl Into<String>) -> Self {
        self.0.problem.job_id = Some(id.into());
        self
    }

    /// Adds the change that needs the archive for its undo.
    #[must_use]
    pub fn with_change(mut self, id: impl Into<String>) -> Self {
        self.0.problem.change_id = Some(id.into());
        self
    }

    /// Adds every invalid field.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.0.problem.errors = errors.into_iter().collect();
        self
    }

    /// Adds the plan of the blocked restore.
    #[must_use]
    pub fn with_plan(mut self, plan: serde_json::Value) -> Self {
        self.0.problem.plan = Some(plan);
        self
    }

    /// A range outside of a file with `size` bytes (RFC 9110, section 14.4).
    pub fn unsatisfiable(size: u64) -> Self {
        let mut error = Self::new(Code::RangeNotSatisfiable, format!("The file has {size} bytes."));
        error.0.size = Some(size);
        error
    }

    /// Adds the header Retry-After.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Adds the source. The log has it, the answer never.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the exact reason, for programs.
    #[must_use]
    pub(crate) fn with_reason(mut self, reason: &'static str) -> Self {
        self.0.problem.reason = Some(reason);
        self
    }

    /// The same error with another code. It keeps the source for the log.
    pub(crate) fn with_code(mut self, code: Code, detail: &str) -> Self {
        let mut error = Self::new(code, detail);
        error.0.source = self.0.source.take();
        error
    }

    /// The same error for another request. The source was logged for the first.
    pub(crate) fn repeated(&self) -> Self {
        let mut error = Self::new(self.code(), "");
        error.0.problem = self.0.problem.clone();
        error.0.retry_after = self.0.retry_after;
        error
    }

    /// Closes the connection after the answer.
    #[must_use]
    pub(crate) fn closing(mut self) -> Self {
        self.0.connection = Connection::Closed;
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.problem.code
    }

    /// The document of the answer, still without the request's id.
    pub fn into_problem(self) -> Problem {
        self.0.problem
    }

    /// Puts the source into the detail, for the command line.
    #[must_use]
    pub(crate) fn with_cause(mut self) -> Self {
        if let Some(source) = &self.0.source {
            self.0.problem.detail = sentence(&chain(source.as_ref()));
        }
        self
    }

    /// The document of the answer, still without the request's id.
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

    /// actix-web calls this once, inside the request's span. The error is logged here and nowhere else.
    fn error_response(&self) -> HttpResponse {
        self.log();
        let parts = &*self.0;
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(PROBLEM_JSON);
        if let Some(after) = parts.retry_after {
            response.insert_header((RETRY_AFTER, whole_seconds(after)));
        }
        if let Some(challenge) = &parts.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge.as_ref()));
        }
        if let Some(size) = parts.size {
            response.insert_header((CONTENT_RANGE, format!("bytes */{size}")));
        }
        if let Some(allow) = &parts.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        if parts.connection == Connection::Closed {
            response.force_close();
        }
        // `middleware::problems` writes it again with the request's id.
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
            E::OneTimePasswordExpired => Self::new(Code::PasswordExpired, Code::PasswordExpired.example())
                .with_hint("On the server, `campus-backup admin reset-password USERNAME` sets a new one."),
            E::PasswordChangeRequired => Self::new(Code::PasswordChangeRequired, Code::PasswordChangeRequired.example())
                .with_hint("Change it with POST /auth/password."),
            E::ScopeMissing { scope } => Self::scope_missing(scope),
            E::NoLocalAccount => Self::new(Code::Forbidden, said),
            E::TooManyLogins { retry_after } => Self::too_many(Code::TooManyLogins, said, retry_after),
            E::TooManyDownloads { retry_after } => Self::too_many(Code::TooManyDownloads, said, retry_after),
            E::LinkInvalid => Self::new(Code::LinkInvalid, said),
            E::LinkUsed => Self::new(Code::LinkUsed, said).with_hint("Create a new link."),
            E::Invalid { field, problem } => Self::invalid(field, problem),
            E::WrongConfirmation { expected } => {
                let detail = format!("`confirm` must be `{expected}`. Nothing was changed.");
                Self::new(Code::WrongConfirmation, detail).with_errors([FieldError {
                    field: "confirm".to_owned(),
                    detail: format!("must be `{expected}`"),
                }])
            }
            E::AdministratorsUnconfirmed => {
                let detail = "The plan changes accounts of administrators. `confirm_administrators` must be true to restore \
                              it. Nothing was changed.";
                Self::new(Code::WrongConfirmation, detail)
                    .with_hint("Read `administrators_added`, `_changed`, `_raised` and `_disabled` of the plan.")
                    .with_errors([FieldError {
                        field: "confirm_administrators".to_owned(),
                        detail: "must be true".to_owned(),
                    }])
            }
            E::RowCountChanged { differences } => Self::new(Code::RowCountChanged, Code::RowCountChanged.example())
                .with_hint("Count again and repeat the request with the new numbers.")
                .with_errors(differences.into_iter().map(|(table, expected, found)| FieldError {
                    field: table.to_owned(),
                    detail: format!("expected {}, found {found}", counted(expected, "row")),
                })),
            E::Busy { job_id } => nothing_changed(Code::Busy)
                .with_hint("Get the job with GET /backup/jobs/{id}.")
                .with_job(job_id)
                .with_retry_after(BUSY_RETRY),
            E::UnknownClear => Self::new(Code::UnknownClear, said),
            E::NothingToUndo => Self::new(Code::NothingToUndo, said),
            E::AlreadyUndone => Self::new(Code::AlreadyUndone, said),
            E::UndoExpired { .. } => Self::new(Code::UndoExpired, said),
            E::UnknownLink => Self::new(Code::UnknownLink, said),
            E::UnknownChange => Self::new(Code::UnknownChange, said),
            E::UnknownSchedule => Self::new(Code::UnknownSchedule, said),
            E::ScheduleNameTaken => nothing_changed(Code::ScheduleNameTaken).with_hint("Choose another name."),
            E::UnknownNotification => Self::new(Code::UnknownNotification, said),
            E::NotificationNameTaken => nothing_changed(Code::NotificationNameTaken).with_hint("Choose another name."),
            E::UnknownDestination => Self::new(Code::UnknownDestination, said),
            E::DestinationNameTaken => nothing_changed(Code::DestinationNameTaken).with_hint("Choose another name."),
            E::UnknownAccount => Self::new(Code::UnknownAccount, said),
            E::UsernameTaken => nothing_changed(Code::UsernameTaken).with_hint("Choose another user name."),
            E::LastAdministrator => nothing_changed(Code::LastAdministrator)
                .with_hint("Create or enable another administrator first, who then chooses a password. You change your own password with `POST /auth/password`."),
            E::AccountInUse => nothing_changed(Code::AccountInUse).with_hint("Disable the account instead."),
            E::UnknownToken => Self::new(Code::UnknownToken, said),
            E::TokenNameTaken => nothing_changed(Code::TokenNameTaken).with_hint("Choose another name."),
            E::TooManyTokens { .. } => {
                Self::new(Code::TooManyTokens, format!("{said} Nothing was changed.")).with_hint("Revoke a token first.")
            }
            E::ArchiveNeededForUndo { change_id, .. } => Self::new(
                Code::ArchiveNeededForUndo,
                format!("{said} Nothing was changed."),
            )
            .with_hint(
                "Undo the clear first, or repeat the request with `force=true` to delete the archive anyway.",
            )
            .with_change(change_id),
            E::ArchiveIsNewest { .. } => Self::new(Code::ArchiveIsNewest, format!("{said} Nothing was changed."))
                .with_hint("Create a backup first, or repeat the request with `force=true` to delete the archive anyway."),
            E::RetentionOff => nothing_changed(Code::RetentionOff).with_hint("Set a policy with PUT /backup/retention."),
            E::RetentionHeld { .. } => Self::new(Code::RetentionHeld, format!("{said} Nothing was changed.")),
            E::UnknownImport => Self::new(Code::UnknownImport, said).with_hint(
                "Send the file again. Of several copies of the service, only the one that received a file knows its import.",
            ),
            E::ImportGone => Self::new(Code::ImportGone, said).with_hint("Send the file again."),
            // The rest of the body is not read.
            E::ImportTooLarge { .. } => Self::new(Code::ImportTooLarge, said)
                .with_hint("Divide the file into several, or raise --import-limit (CAMPUS_BACKUP_IMPORT_LIMIT).")
                .closing(),
            E::ImportUnreadable { row, column, .. } => Self::import_unreadable(&said, row, column),
            E::ImportRefused { wrong, conflicting } => {
                let detail = format!(
                    "The file has {} and {} in conflict with existing ones. Nothing was changed.",
                    counted(wrong, "wrong row"),
                    counted(conflicting, "row")
                );
                Self::new(Code::ImportRefused, detail)
                    .with_hint("Correct the rows of GET /backup/imports/{id}/errors, or send the file again with `skip_wrong=true`.")
            }
            E::UndoBlocked => nothing_changed(Code::UndoBlocked),
            E::PlanOutdated => nothing_changed(Code::PlanOutdated),
            // The rest of the body is not read.
            E::UploadTooLarge { .. } => Self::new(Code::UploadTooLarge, said).closing(),
            E::UnknownJob => Self::new(Code::UnknownJob, said),
            E::NotCancellable => Self::new(Code::NotCancellable, said),
            E::IdempotencyMismatch => nothing_changed(Code::IdempotencyKeyReused).with_hint("Send a new key."),
            E::Cancelled => nothing_changed(Code::Cancelled),
            E::LeaseLost | E::Interrupted => nothing_changed(Code::Interrupted).with_retry_after(UNAVAILABLE_RETRY),
            // The archive may have been encrypted again.
            E::RekeyUnknown { ref source } => {
                let code = match **source {
                    E::Interrupted => Code::Interrupted,
                    _ => Code::StoreUnavailable,
                };
                let detail = format!("{said} `campus-backup key list` shows the keys of the archive.");
                Self::new(code, detail)
                    .with_retry_after(UNAVAILABLE_RETRY)
                    .with_source(error)
            }
            // The change may have been made.
            E::EndUnwritten { job_id } => Self::new(Code::DatabaseUnavailable, said)
                .with_job(job_id)
                .with_retry_after(UNAVAILABLE_RETRY),
            E::Stopping => nothing_changed(Code::Stopping).with_retry_after(UNAVAILABLE_RETRY),
            E::DatabaseBusy { .. } => nothing_changed(Code::DatabaseBusy)
                .with_retry_after(BUSY_RETRY)
                .with_source(error),
            E::DatabaseUnavailable { .. } => nothing_changed(Code::DatabaseUnavailable)
                .with_retry_after(UNAVAILABLE_RETRY)
                .with_source(error),
            E::DatabaseReadOnly { .. } => nothing_changed(Code::DatabaseReadOnly)
                .with_hint(
                    "Connect the service to the primary server, or make the database writable; /readyz says how.",
                )
                .with_source(error),
            E::DatabaseDefect(defect) => {
                let code = match defect.reason {
                    DefectReason::Standby | DefectReason::ReadOnly => Code::DatabaseReadOnly,
                    DefectReason::MissingRights => Code::DatabaseAccessDenied,
                    _ => Code::DatabaseUnavailable,
                };
                Self::new(code, defect.detail).with_reason(defect.reason.code())
            }
            E::DatabaseAccessDenied { .. } => nothing_changed(Code::DatabaseAccessDenied)
                .with_hint("Give the role the rights that /readyz and the log name.")
                .with_source(error),
            E::DatabaseLimit { limit, .. } => {
                let detail =
                    format!("The database server stopped the work because of its limit {limit}. Nothing was changed.");
                Self::new(Code::DatabaseLimit, detail)
                    .with_hint("Raise the limit on the server; trying again alone does not help.")
                    .with_source(error)
            }
            E::InsufficientStorage { .. } => nothing_changed(Code::InsufficientStorage).with_source(error),
            E::SpoolFull { is_temporary, .. } => {
                let full = Self::new(Code::InsufficientStorage, said).with_hint(SPOOL_FULL);
                match is_temporary {
                    true => full.with_retry_after(SPOOL_RETRY),
                    false => full,
                }
            }
            E::Unexportable { .. } => Self::new(Code::Unexportable, said)
                .with_hint("Correct this value in the database. Nothing was downloaded."),
            E::Unstorable(_) => Self::new(Code::Unexportable, format!("{said} Nothing was changed."))
                .with_hint("Correct these rows in the database."),
            E::Archive(error) => Self::of_archive(error),
            E::ArchiveNotFound { .. } => Self::new(Code::UnknownArchive, said),
            E::ArchiveGone { .. } => Self::new(Code::ArchiveGone, said),
            E::ArchiveProtected { .. } => nothing_changed(Code::ArchiveProtected).with_hint("Remove its protection first."),
            E::ArchiveRetained { is_listed: true, .. } => nothing_changed(Code::ArchiveRetained)
                .with_hint("An immutable store allows it later. Otherwise give the service the right to delete.")
                .with_source(error),
            E::ArchiveRetained { is_listed: false, .. } => Self::new(Code::ArchiveRetained, said)
                .with_hint("The service deletes the file as soon as the store allows it.")
                .with_source(error),
            E::ManifestUnreadable { .. } => Self::new(Code::ManifestUnreadable, said)
                .with_hint("The archive itself may be complete: `campus-backup verify FILE` checks it.")
                .with_source(error),
            E::ArchiveIncomplete { .. } => Self::new(Code::ArchiveIncomplete, said)
                .with_hint("If it is being copied, wait for the end of the copy. If it is complete, verify it."),
            E::ArchiveUnreadable { .. } => Self::new(Code::ArchiveUnreadable, said).with_source(error),
            E::StoreMisconfigured { .. } => Self::new(Code::StoreMisconfigured, said)
                .with_hint(
                    "Correct --archives (CAMPUS_BACKUP_ARCHIVES). `campus-backup health --store` checks the store again.",
                )
                .with_source(error),
            E::StoreUnavailable { .. } => nothing_changed(Code::StoreUnavailable)
                .with_retry_after(UNAVAILABLE_RETRY)
                .with_source(error),
            E::TableNotFound(_) => Self::new(Code::ArchiveTableNotFound, said),
            E::Orphan { .. } => Self::new(Code::ArchiveOrphan, said),
            E::DuplicateKey { .. } => Self::new(Code::ArchiveDuplicateKey, said),
            E::Inadmissible { .. } => Self::new(Code::ArchiveInvalidValue, said),
            E::RowNotFound { .. } => Self::new(Code::ArchiveRowNotFound, said),
            E::Conflict { .. } => {
                Self::new(Code::RestoreConflict, said).with_hint("Get the plan: it lists what blocks the restore.")
            }
            E::ManifestMismatch { .. } => Self::new(Code::ArchiveManifestMismatch, said),
            E::RecordMismatch { .. } => Self::new(Code::ArchiveRecordMismatch, said).with_hint(
                "It was replaced in the store. Nothing was restored. If you know where it comes from, download it and upload it \
                 again: then it is an uploaded archive.",
            ),
            E::Unencrypted => nothing_changed(Code::ArchiveUnencrypted).with_hint(
                "It may have been put into the store without a key. Restore it only if you know where it comes from.",
            ),
            E::SafetyUnproven { .. } => Self::new(Code::UndoUnproven, format!("{said} Nothing was changed.")).with_hint(
                "Check the archive's rows and accounts, and restore it with a plan.",
            ),
            E::Unrestorable { .. } => Self::new(Code::ArchiveUnrestorable, said),
            // The first belongs to the command line. The others end a download whose answer has begun. From a handler they are
            // unexpected and go to the log.
            E::NotEmpty { .. } | E::Stalled(_) | E::Gone | E::Internal { .. } => Self::internal(error),
        }
    }
}

impl ApiError {
    /// An error of an archive. An I/O error is an internal error.
    fn of_archive(error: ArchiveError) -> Self {
        use ArchiveError as E;
        let code = match &error {
            E::Empty => Code::ArchiveEmpty,
            E::NotAnArchive { .. } => Code::NotAnArchive,
            E::Truncated { .. } => Code::ArchiveTruncated,
            E::Corrupt { .. } | E::CorruptLayer { .. } => Code::ArchiveCorrupt,
            E::DigestMismatch { .. } => Code::ArchiveDigestMismatch,
            E::WrongKey => Code::ArchiveWrongKey,
            E::KeyRequired { .. } => Code::ArchiveKeyRequired,
            E::NewerVersion { .. } => Code::ArchiveNewerVersion,
            E::SchemaMismatch(_) => Code::ArchiveSchemaMismatch,
            E::NotCanonical { .. } => Code::ArchiveNotCanonical,
            E::InvalidValue { .. } => Code::ArchiveInvalidValue,
            E::InvalidRow { .. } => Code::ArchiveInvalidRow,
            E::IdsOutOfOrder { .. } => Code::ArchiveIdsOutOfOrder,
            E::DuplicateId { .. } => Code::ArchiveDuplicateId,
            E::CountMismatch { .. } => Code::ArchiveCountMismatch,
            E::TotalsMismatch { .. } => Code::ArchiveTotalsMismatch,
            E::LimitExceeded { .. } => Code::ArchiveLimitExceeded,
            E::TrailingData => Code::ArchiveTrailingData,
            E::Io(_) | E::Refused => return Self::internal(error),
        };
        let refused = Self::new(code, sentence(&error.to_string()));
        match code {
            Code::ArchiveKeyRequired | Code::ArchiveWrongKey => refused.with_hint(IDENTITY_HINT),
            _ => refused,
        }
    }

    /// Logs an error of the service.
    fn log(&self) {
        let parts = &*self.0;
        if self.status_code().is_server_error() {
            let error = parts
                .source
                .as_ref()
                .map_or(String::new(), |source| chain(source.as_ref()));
            tracing::error!(code = parts.problem.code.name(), error, "{}", parts.problem.detail);
        }
    }

    /// The fault that a failed job stores. The error of a job is logged here and nowhere else.
    pub fn fault_of_job(error: DomainError) -> Fault {
        let error = Self::from(error);
        error.log();
        Fault {
            code: error.code().name().to_owned(),
            detail: error.0.problem.detail,
        }
    }

    /// The error of a job that failed, as its request would have returned it. It was logged when the job ended. `None` for a job
    /// that succeeded or has not ended.
    pub fn of_job(job: &Job) -> Option<Self> {
        let (code, detail) = match (job.state, &job.fault) {
            (JobState::Cancelled, _) => (Code::Cancelled, Code::Cancelled.example()),
            (JobState::Failed | JobState::Interrupted, Some(fault)) => {
                let code = Code::ALL.iter().find(|code| code.name() == fault.code);
                (*code.unwrap_or(&Code::Internal), fault.detail.as_str())
            }
            (JobState::Failed | JobState::Interrupted, None) => (Code::Internal, Code::Internal.example()),
            _ => return None,
        };
        let error = Self::new(code, detail).with_job(&job.id);
        Some(match code {
            Code::DatabaseBusy => error.with_retry_after(BUSY_RETRY),
            Code::DatabaseUnavailable | Code::StoreUnavailable | Code::Interrupted | Code::Stopping => {
                error.with_retry_after(UNAVAILABLE_RETRY)
            }
            _ => error,
        })
    }

    fn too_many(code: Code, said: String, retry_after: Duration) -> Self {
        let hint = format!("Try again in {}.", counted(whole_seconds(retry_after), "second"));
        Self::new(code, said).with_hint(hint).with_retry_after(retry_after)
    }
}

/// An error and its sources in one line, for logs. A source that the error's own text already ends with is not repeated.
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

/// Retry-After has whole seconds. They are rounded up, because a request that is too early would be refused again.
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
