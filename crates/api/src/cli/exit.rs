//! How the program ends if it can't go on: one plain line (settings: one a problem) and an exit code. For scripts the line is
//! a JSON object with the members of the API's problems and the exit code.

use std::error::Error as StdError;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use actix_web::http::StatusCode;
use campus_backup_domain::Error;
use campus_backup_domain::database::{Defect, DefectReason};
use serde_json::{Map, Value, json};

use crate::cli::output::{self, escaped_json, printable};
use crate::problem::{ApiError, Code, Problem, chain};

/// What a shell says of a program that was ended by SIGPIPE, as most are whose reader goes away.
const READER_IS_GONE: u8 = 128 + 13;

/// The exit codes, for the help and for `docs/reference/cli.md`.
pub(crate) const EXIT_CODES: [(u8, &str); 11] = [
    (0, "Done, or ended by SIGTERM or SIGINT as asked."),
    (
        1,
        "Failed. Also: a disk or network drive failed (I/O error, mounted read-only).",
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
        "The archive is refused: cut, damaged, of a newer version, not an archive, without a key that opens it, or \
         not readable.",
    ),
    (
        7,
        "A conflict: the request is correct, but not possible now. Nothing was changed. Another job changes the data; \
         the data changed after the plan or the count; an undo is blocked; the archive does not exist, was deleted, \
         is protected or has no manifest; migrations of this version have not run. Read the message, mend the reason, \
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
        "The reader of the standard output went away, such as `head`. The command prints nothing then.",
    ),
];

/// Why the program ends. The exit codes are documented and stay.
#[derive(Debug, thiserror::Error)]
pub enum ExitError {
    /// Exit code 1. Anything that has no code of its own.
    #[error("{doing} failed")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Exit code 2. The settings were refused, for all of these reasons.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// Exit code 3. The database can't be reached, or not be used.
    #[error("no database")]
    Database(#[source] Error),
    /// Exit code 2, or 3 if it may end by itself. The database is reached and can't be used as it is set up.
    #[error("the database {place} can't be used: {defect}")]
    DatabaseDefect {
        /// Where it is, without a password.
        place: String,
        /// What is wrong, and what mends it.
        defect: Defect,
    },
    /// Exit code 4. The address can't be listened on.
    #[error("can't listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Exit code 6. An archive is not whole, not an archive, or not to be opened with these keys.
    #[error("{file}")]
    Archive {
        /// The file.
        file: String,
        /// Why it is refused.
        #[source]
        source: Box<Error>,
    },
    /// The code of [`refusal_code`]. What was asked can't be done, or was not done; nothing has changed.
    #[error("{}: {}", .0.code.name(), .0.detail)]
    Refused(Box<Problem>),
    /// Exit code 130. Somebody has pressed Ctrl-C, and the work has ended without an effect on the school's data.
    #[error("interrupted. Nothing was changed{}", .uploaded.as_deref().map(uploaded_before).unwrap_or_default())]
    Interrupted {
        /// The archive that a file was uploaded as before.
        uploaded: Option<String>,
    },
    /// Exit code 5. A newer version of the program was here before.
    #[error("the database's schema is newer than this program: it has the migration {0}")]
    NewerSchema(String),
    /// Exit code 7. The migrations of this version have not been run, and the command does not run them.
    #[error(
        "{database} has the schema of an older version: {migrations} migrations have not been run. Nothing was done. Start \
         the service in this version, or run `campus-backup migrate`"
    )]
    OlderSchema {
        /// Which one, without a password.
        database: String,
        /// How many migrations it lacks.
        migrations: usize,
    },
    /// Exit code 8. The database is another program's. Nothing was written to it.
    #[error(
        "the database {place} belongs to another program: it has the table or view `{table}` and not the schema of \
         campus-backup. Nothing was changed. Give campus-backup an empty database of its own with --database-url \
         (DATABASE_URL)"
    )]
    ForeignDatabase {
        /// Where it is, without a password.
        place: String,
        /// One of its tables.
        table: String,
    },
}

/// How an error is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// In lines for people.
    Text,
    /// As a JSON object in one line.
    Json,
}

impl ErrorForm {
    /// The one for these arguments. They are looked at before they are understood, because they may be what is wrong.
    pub(crate) fn of(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Self {
        match arguments.any(|argument| argument == "--json") {
            true => Self::Json,
            false => Self::Text,
        }
    }
}

/// What is said, after what did not happen, of a file that was uploaded before.
fn uploaded_before(id: &str) -> String {
    format!(". The file was uploaded before that and stays as the archive {id}; `campus-backup delete {id}` removes it")
}

/// The exit code of a refusal that the API knows.
fn refusal_code(code: Code) -> u8 {
    let status = code.status();
    let is_of_the_archive = code == Code::NotAnArchive || code.name().starts_with("archive_");
    match (code, status) {
        (Code::DatabaseUnavailable | Code::DatabaseBusy | Code::DatabaseReadOnly | Code::DatabaseAccessDenied, _) => 3,
        (Code::StoreMisconfigured, _) => 2,
        (Code::Cancelled | Code::Unexportable, _) => 1,
        (_, StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE | StatusCode::PRECONDITION_FAILED) => 7,
        _ if is_of_the_archive => 6,
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
    /// Anything that has no code of its own.
    pub fn failed<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed {
            doing,
            source: source.into(),
        }
    }

    /// On Ctrl-C, before there was any effect.
    pub(crate) fn interrupted() -> Self {
        Self::Interrupted { uploaded: None }
    }

    /// The same failure of work for which a file was uploaded as this archive, which stays.
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

    /// What a service would not accept from the settings; anything else that it says is a failure.
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

    /// The number that is documented.
    pub fn code(&self) -> u8 {
        match self {
            Self::Failed { .. } => 1,
            Self::Settings(_) => 2,
            Self::Database(_) => 3,
            Self::DatabaseDefect { defect, .. } => match defect.reason.may_pass() {
                true => 3,
                false => 2,
            },
            Self::Listen { .. } => 4,
            Self::NewerSchema(_) => 5,
            Self::Archive { .. } => 6,
            Self::Refused(problem) => refusal_code(problem.code),
            Self::Interrupted { .. } => 130,
            Self::OlderSchema { .. } => 7,
            Self::ForeignDatabase { .. } => 8,
        }
    }

    /// What is printed: the error and what it comes from, each problem on one line.
    pub fn lines(&self) -> Vec<String> {
        let lines = match self {
            Self::Settings(problems) => problems.clone(),
            other => vec![chain(other).split_whitespace().collect::<Vec<_>>().join(" ")],
        };
        lines.iter().map(|line| printable(line)).collect()
    }

    /// Prints it and gives the exit code. A reader of the standard output who has gone away need not be told.
    pub(crate) fn report(&self, form: ErrorForm) -> ExitCode {
        if output::reader_is_gone() {
            return ExitCode::from(READER_IS_GONE);
        }
        let mut out = std::io::stderr().lock();
        // If nobody reads it, there is nobody left to tell.
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

    /// The error with the members of the API's problems (RFC 9457), as far as it has them, and the exit code.
    fn document(&self) -> Value {
        let (code, title) = self.kind();
        let mut document = match self {
            Self::Refused(problem) => match json!(problem) {
                Value::Object(members) => members,
                _ => Map::new(),
            },
            _ => Map::new(),
        };
        // The command line has no requests.
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

    /// Which kind of problem it is, for programs and in words.
    fn kind(&self) -> (&str, &str) {
        match self {
            Self::Failed { .. } => ("failed", "The command failed"),
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
            Self::Refused(problem) => (problem.code.name(), &problem.title),
            Self::Interrupted { .. } => (Code::Interrupted.name(), Code::Interrupted.title()),
            Self::NewerSchema(_) => ("newer_schema", "The database's schema is newer than this program"),
            Self::OlderSchema { .. } => ("older_schema", "The database's schema is older than this program"),
            Self::ForeignDatabase { .. } => ("foreign_database", "The database belongs to another program"),
        }
    }
}
