//! The error with which the program ends: one plain line (wrong settings: one line each) and an exit code. For scripts the line is a
//! JSON object with the members of the API's problems and the exit code.

use std::error::Error as StdError;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use actix_web::http::StatusCode;
use campus_backup_domain::Error;
use campus_backup_domain::certificate::CertificateError;
use campus_backup_domain::database::{Defect, DefectReason};
use serde_json::{Map, Value, json};

use crate::cli::output::{self, escaped_json, printable};
use crate::problem::{ApiError, Code, Problem, chain};

/// The exit code that a shell reports for a program that was killed by SIGPIPE, the usual end if its reader closes the pipe.
const READER_IS_GONE: u8 = 128 + 13;

/// The exit codes, for the help and for `docs/reference/cli.md`.
pub(crate) const EXIT_CODES: [(u8, &str); 11] = [
    (0, "Done, or ended by SIGTERM or SIGINT as asked."),
    (
        1,
        "Failed. Also: a disk or network drive failed (I/O error, mounted read-only); `audit verify` found a changed audit; \
         `adopt --check` found something to look at in a usable mapping file.",
    ),
    (
        2,
        "Settings or arguments refused; no installation at that place; the data folder belongs to another user of the \
         system. Also: the database or the store can't be used as it is set up: encoding, rights, pooler, locks; \
         bucket, credentials, region.",
    ),
    (
        3,
        "The database can't be reached, refuses the role, is busy, or takes no writes now (a standby, or read-only).",
    ),
    (4, "The address can't be listened on."),
    (5, "The database's schema is newer than this program."),
    (
        6,
        "The archive is refused: truncated, damaged, of a newer version, not an archive, without a key that opens it, or \
         not readable. Also: a certificate is refused or doubtful, or the archive is not the certified one. Or a file to be \
         imported is refused: not readable, too large, or with wrong rows.",
    ),
    (
        7,
        "A conflict: the request is correct, but not possible now. Nothing was changed. Another job changes the data; \
         the data changed after the plan or the count; an undo is blocked; the archive does not exist, was deleted, \
         is protected or has no manifest; migrations of this version have not run. Read the message, repair the cause, \
         and repeat.",
    ),
    (8, "The database belongs to another program. Nothing in it was changed."),
    (
        130,
        "Interrupted by Ctrl-C. Nothing was changed, but a file that `restore` has already uploaded stays as an \
         archive. The message names it.",
    ),
    (
        141,
        "The reader closed the standard output, as `head` does. The command prints nothing then.",
    ),
];

/// Why the program ends. The exit codes are documented and stable.
#[derive(Debug, thiserror::Error)]
pub enum ExitError {
    /// Exit code 1. Any error without a code of its own.
    #[error("{doing} failed")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Exit code 1. The health of the backups is failing.
    #[error("the backups need attention: {reasons}")]
    BackupsFailing {
        /// The codes of the reasons.
        reasons: String,
    },
    /// Exit code 1. A mapping file can be used, but a person should look at it.
    #[error("{file} can be used, but {}", .remarks.join("; "))]
    MappingRemarks {
        /// The file.
        file: String,
        /// What to look at.
        remarks: Vec<String>,
    },
    /// Exit code 1. An event of the audit was changed, deleted or added.
    #[error(
        "the audit was changed: event {first_bad} is the first one that was changed, deleted or added. Keep a copy of the \
         database, and compare it with an earlier export of the audit"
    )]
    AuditBroken {
        /// The id of the event.
        first_bad: i64,
    },
    /// Exit code 2. The settings or arguments are wrong, with every problem.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// Exit code 3. The database is unreachable or unusable.
    #[error("no database")]
    Database(#[source] Error),
    /// Exit code 2, or 3 if the defect may be temporary. The database is reachable, but its setup is unusable.
    #[error("the database {place} can't be used: {defect}")]
    DatabaseDefect {
        /// Its address, without a password.
        place: String,
        /// The defect and its remedy.
        defect: Defect,
    },
    /// Exit code 4. The service can't listen on the address.
    #[error("can't listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Exit code 6. An archive is incomplete or damaged, or these keys do not open it; or the file is not an archive.
    #[error("{file}")]
    Archive {
        /// The file.
        file: String,
        /// Why it was refused.
        #[source]
        source: Box<Error>,
    },
    /// Exit code 6. A certificate is not valid, or an archive is not the certified one.
    #[error("{file}")]
    Certificate {
        /// The certificate, or the archive.
        file: String,
        /// Why it was refused.
        #[source]
        source: CertificateError,
    },
    /// The exit code is [`refusal_code`]. The request was refused, and nothing was changed.
    #[error("{}: {}", .0.code.name(), .0.detail)]
    Refused(Box<Problem>),
    /// Exit code 130. Interrupted by Ctrl-C, without an effect on the school's data.
    #[error("interrupted. Nothing was changed{}", .uploaded.as_deref().map(uploaded_before).unwrap_or_default())]
    Interrupted {
        /// The archive that was uploaded before the interruption.
        uploaded: Option<String>,
    },
    /// Exit code 5. A newer version of the program has migrated the database.
    #[error("the database's schema is newer than this program: it has the migration {0}")]
    NewerSchema(String),
    /// Exit code 7. Migrations are pending, and the command does not run them.
    #[error(
        "{database} has the schema of an older version: {migrations} migrations have not been run. Nothing was done. Start \
         the service in this version, or run `campus-backup migrate`"
    )]
    OlderSchema {
        /// Its address, without a password.
        database: String,
        /// The number of pending migrations.
        migrations: usize,
    },
    /// Exit code 8. The database belongs to another program. Nothing was written to it.
    #[error(
        "the database {place} belongs to another program: it has the table or view `{table}` and not the schema of \
         campus-backup. Nothing was changed. Give campus-backup an empty database of its own with --database-url \
         (DATABASE_URL). `campus-backup adopt` shows what such a database has"
    )]
    ForeignDatabase {
        /// Its address, without a password.
        place: String,
        /// One of its tables.
        table: String,
    },
}

/// The form of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// In lines for people.
    Text,
    /// One line with a JSON object.
    Json,
}

impl ErrorForm {
    /// The form for these arguments. They are searched before clap parses them, because they may be invalid.
    pub(crate) fn of(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Self {
        match arguments.any(|argument| argument == "--json") {
            true => Self::Json,
            false => Self::Text,
        }
    }
}

/// The part of a message about a file that was uploaded before the failure.
fn uploaded_before(id: &str) -> String {
    format!(". The file was uploaded before that and stays as the archive {id}; `campus-backup delete {id}` removes it")
}

/// The exit code of a problem code.
fn refusal_code(code: Code) -> u8 {
    let status = code.status();
    let is_of_the_file =
        code == Code::NotAnArchive || ["archive_", "import_"].iter().any(|kind| code.name().starts_with(kind));
    match (code, status) {
        (Code::DatabaseUnavailable | Code::DatabaseBusy | Code::DatabaseReadOnly | Code::DatabaseAccessDenied, _) => 3,
        (Code::StoreMisconfigured, _) => 2,
        (Code::Cancelled | Code::Unexportable, _) => 1,
        (_, StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE | StatusCode::PRECONDITION_FAILED) => 7,
        _ if is_of_the_file => 6,
        _ if status.is_client_error() => 2,
        _ => 1,
    }
}

impl From<ApiError> for ExitError {
    fn from(error: ApiError) -> Self {
        Self::Refused(Box::new(error.into_problem()))
    }
}

impl ExitError {
    /// An error without an exit code of its own.
    pub fn failed<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed {
            doing,
            source: source.into(),
        }
    }

    /// An interruption before there was any effect.
    pub(crate) fn interrupted() -> Self {
        Self::Interrupted { uploaded: None }
    }

    /// The same failure, after a file was uploaded as this archive, which stays.
    pub(crate) fn after_upload(self, id: &str) -> Self {
        match self {
            Self::Interrupted { .. } => Self::Interrupted {
                uploaded: Some(id.to_owned()),
            },
            Self::Refused(mut problem) => {
                let detail = problem.detail.trim_end_matches('.');
                problem.detail = format!("{detail}{}", uploaded_before(id));
                Self::Refused(problem)
            }
            other => other,
        }
    }

    /// An error of a domain service while it starts. An invalid value is a wrong setting.
    pub fn refused(what: &'static str) -> impl FnOnce(Error) -> Self {
        move |error| match error {
            Error::Invalid { .. } => Self::Settings(vec![format!("{what}: {error}")]),
            Error::DatabaseUnavailable { .. }
            | Error::DatabaseReadOnly { .. }
            | Error::DatabaseAccessDenied { .. }
            | Error::DatabaseBusy { .. } => Self::Database(error),
            other => Self::failed(what)(other),
        }
    }

    /// The documented exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Failed { .. }
            | Self::BackupsFailing { .. }
            | Self::MappingRemarks { .. }
            | Self::AuditBroken { .. } => 1,
            Self::Settings(_) => 2,
            Self::Database(_) => 3,
            Self::DatabaseDefect { defect, .. } => match defect.reason.may_pass() {
                true => 3,
                false => 2,
            },
            Self::Listen { .. } => 4,
            Self::NewerSchema(_) => 5,
            Self::Archive { .. } | Self::Certificate { .. } => 6,
            Self::Refused(problem) => refusal_code(problem.code),
            Self::Interrupted { .. } => 130,
            Self::OlderSchema { .. } => 7,
            Self::ForeignDatabase { .. } => 8,
        }
    }

    /// The printed lines: the error with its sources, each problem on one line.
    pub fn lines(&self) -> Vec<String> {
        let lines = match self {
            Self::Settings(problems) => problems.clone(),
            other => vec![chain(other).split_whitespace().collect::<Vec<_>>().join(" ")],
        };
        lines.iter().map(|line| printable(line)).collect()
    }

    /// Prints the error and returns the exit code. Prints nothing if the reader has closed the standard output.
    pub(crate) fn report(&self, form: ErrorForm) -> ExitCode {
        if output::reader_is_gone() {
            return ExitCode::from(READER_IS_GONE);
        }
        let mut out = std::io::stderr().lock();
        // An error of this write can't be reported anywhere.
        match form {
            ErrorForm::Text => {
                for line in self.lines() {
                    let _ = writeln!(out, "campus-backup: {line}");
                }
            }
            ErrorForm::Json => {
                let _ = writeln!(out, "{}", escaped_json(&self.document().to_string()));
            }
        }
        ExitCode::from(self.code())
    }

    /// The error with the members of the API's problems (RFC 9457) that apply, and the exit code.
    fn document(&self) -> Value {
        let (code, title) = self.kind();
        let mut document = match self {
            Self::Refused(problem) => match json!(problem) {
                Value::Object(members) => members,
                _ => Map::new(),
            },
            _ => Map::new(),
        };
        // The command line has no request ids.
        document.remove("request_id");
        document.insert("type".to_owned(), json!(format!("urn:campus-backup:problem:{code}")));
        document.insert("title".to_owned(), json!(title));
        document.insert("code".to_owned(), json!(code));
        if let Self::Settings(problems) = self {
            let errors: Vec<_> = problems.iter().map(|problem| json!({"detail": problem})).collect();
            document.insert("errors".to_owned(), json!(errors));
        }
        let detail = match self {
            Self::Refused(problem) => problem.detail.clone(),
            other => other.lines().join(" "),
        };
        document.insert("detail".to_owned(), json!(detail));
        document.insert("exit_code".to_owned(), json!(self.code()));
        Value::Object(document)
    }

    /// The code and the title of the problem.
    fn kind(&self) -> (&str, &str) {
        match self {
            Self::Failed { .. } => ("failed", "The command failed"),
            Self::BackupsFailing { .. } => ("backups_failing", "The backups need attention"),
            Self::MappingRemarks { .. } => ("mapping_remarks", "The mapping file needs attention"),
            Self::AuditBroken { .. } => ("audit_broken", "The audit was changed"),
            Self::Settings(_) => ("invalid_settings", "The settings or arguments were refused"),
            Self::Database(error) => match error {
                Error::DatabaseBusy { .. } => (Code::DatabaseBusy.name(), Code::DatabaseBusy.title()),
                Error::DatabaseReadOnly { .. } => (Code::DatabaseReadOnly.name(), Code::DatabaseReadOnly.title()),
                Error::DatabaseAccessDenied { .. } => {
                    (Code::DatabaseAccessDenied.name(), Code::DatabaseAccessDenied.title())
                }
                _ => (Code::DatabaseUnavailable.name(), Code::DatabaseUnavailable.title()),
            },
            Self::DatabaseDefect { defect, .. } if defect.reason == DefectReason::Unreachable => {
                (Code::DatabaseUnavailable.name(), Code::DatabaseUnavailable.title())
            }
            Self::DatabaseDefect { .. } => ("database_unusable", "The database can't be used as it is set up"),
            Self::Listen { .. } => ("cannot_listen", "The address can't be listened on"),
            Self::Archive { source, .. } => {
                let code = source.archive_code().and_then(Code::of_archive);
                let code = code.unwrap_or(Code::NotAnArchive);
                (code.name(), code.title())
            }
            Self::Certificate { source, .. } => (source.code(), "The certificate was refused"),
            Self::Refused(problem) => (problem.code.name(), &problem.title),
            Self::Interrupted { .. } => (Code::Interrupted.name(), Code::Interrupted.title()),
            Self::NewerSchema(_) => ("newer_schema", "The database's schema is newer than this program"),
            Self::OlderSchema { .. } => ("older_schema", "The database's schema is older than this program"),
            Self::ForeignDatabase { .. } => ("foreign_database", "The database belongs to another program"),
        }
    }
}
