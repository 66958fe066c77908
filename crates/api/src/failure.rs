//! How the program ends if it can't go on: one plain line (settings: one a problem) and an exit code.

use std::error::Error as StdError;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use actix_web::http::StatusCode;
use campus_backup_domain::Error;
use campus_backup_domain::database::Defect;

use crate::problem::{ApiError, Code, chain};

/// Why the program ends. The exit codes are documented and stay.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
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
    /// The code of [`Refusal::exit_code`]. What was asked can't be done, or was not done; nothing has changed.
    #[error("{}: {}", .0.code.name(), .0.detail)]
    Refused(Refusal),
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

/// Why what was asked was not done, in the words of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of problem.
    pub code: Code,
    /// What was wrong.
    pub detail: String,
}

impl Refusal {
    fn exit_code(&self) -> u8 {
        let status = self.code.status();
        let is_of_the_archive = self.code == Code::NotAnArchive || self.code.name().starts_with("archive_");
        match (self.code, status) {
            (
                Code::DatabaseUnavailable | Code::DatabaseBusy | Code::DatabaseReadOnly | Code::DatabaseAccessDenied,
                _,
            ) => 3,
            (Code::StoreMisconfigured, _) => 2,
            (Code::Cancelled | Code::Unexportable, _) => 1,
            (_, StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE | StatusCode::PRECONDITION_FAILED) => 7,
            _ if is_of_the_archive => 6,
            _ if status.is_client_error() => 2,
            _ => 1,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let code = error.code();
        let detail = error.into_detail();
        Self::Refused(Refusal { code, detail })
    }
}

impl Failure {
    /// Anything that has no code of its own.
    pub fn failed<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed {
            doing,
            source: source.into(),
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
            Self::Refused(refusal) => refusal.exit_code(),
            Self::OlderSchema { .. } => 7,
            Self::ForeignDatabase { .. } => 8,
        }
    }

    /// What is printed: the error and what it comes from, each problem on one line.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Settings(problems) => problems.clone(),
            other => vec![chain(other).split_whitespace().collect::<Vec<_>>().join(" ")],
        }
    }

    /// Prints it and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let mut out = std::io::stderr().lock();
        for line in self.lines() {
            // If nobody reads it, there is nobody left to tell.
            let _ = writeln!(out, "campus-backup: {line}");
        }
        ExitCode::from(self.code())
    }
}
