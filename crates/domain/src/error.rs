//! The error type of the domain.
//!
//! A service returns [`Error`]. The variant tells the caller what to do, and its fields say what was being done to
//! what. `api` maps each variant to one documented problem code. An error that the caller can't act on is
//! [`Error::Internal`]: the response is plain, and the log has the whole chain of sources once.

mod driver;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use campus_backup_archive as archive;
use chrono::{DateTime, Utc};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

pub use self::driver::DatabaseLimit;
use self::driver::DriverErrorKind;
use crate::account::TokenScope;
use crate::catalog::{LARGEST_ID, Table};
use crate::database::Defect;
use crate::statement::StatementError;
use crate::store::{EntryFault, StoreFault};

/// The result of a service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no valid token, or its user is no longer active.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The user is authenticated and is not an administrator.
    #[error("this needs an administrator's account")]
    Forbidden,
    /// User name and password don't match.
    #[error("the user name or the password is wrong")]
    WrongCredentials,
    /// The password is right, but it is a one-time password that was not changed in time.
    #[error("the one-time password has expired")]
    OneTimePasswordExpired,
    /// The user has a one-time password, and must change it before anything else.
    #[error("the one-time password must be changed first")]
    PasswordChangeRequired,
    /// The named token lacks the scope that the operation needs.
    #[error("this token does not have the scope `{scope}`")]
    ScopeMissing {
        /// The scope that is needed.
        scope: TokenScope,
    },
    /// The user is one of an identity provider, and has no account here.
    #[error("this account is one of an identity provider, which alone has its password and its sessions")]
    NoLocalAccount,
    /// Too many attempts to sign in.
    #[error("too many attempts to sign in")]
    TooManyLogins {
        /// The time after which the next attempt is admitted.
        retry_after: Duration,
    },
    /// As many downloads as the settings allow are running.
    #[error("too many downloads are running")]
    TooManyDownloads {
        /// The time after which to try again.
        retry_after: Duration,
    },
    /// There is no such download link.
    #[error("this download link is not valid")]
    LinkInvalid,
    /// A download link that was used or has expired.
    #[error("this download link was used already or has expired")]
    LinkUsed,
    /// No link has that id, it is no longer remembered, or another administrator created it.
    #[error("there is no download link of that id")]
    UnknownLink,
    /// A field of the request has a value that can't be accepted.
    #[error("{field}: {problem}")]
    Invalid {
        /// The name of the field as the caller wrote it.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A required confirmation is missing or names something else.
    #[error("the confirmation must be `{expected}`")]
    WrongConfirmation {
        /// What `confirm` has to be.
        expected: &'static str,
    },
    /// A restore changes administrators' accounts, and this was not confirmed.
    #[error("the restore changes accounts of administrators, which has to be confirmed")]
    AdministratorsUnconfirmed,
    /// The row counts differ from those that the caller expected.
    #[error("the data has changed since it was counted")]
    RowCountChanged {
        /// Table (or `total`), expected, found.
        differences: Vec<(&'static str, u64, u64)>,
    },
    /// The database must be empty and has rows.
    #[error("the database is not empty: {table} has rows")]
    NotEmpty {
        /// The first table with rows.
        table: Table,
    },
    /// Another writer has locked the database.
    #[error("the database is busy while {doing}")]
    DatabaseBusy {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DbErr,
    },
    /// The database can't be reached.
    #[error("the database can't be reached while {doing}")]
    DatabaseUnavailable {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DbErr,
    },
    /// The database takes no writes: it is a standby or read-only, such as after a failover.
    #[error("the database is read-only, so {doing} is not possible")]
    DatabaseReadOnly {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The database refuses the role of the service, or the role lacks a right.
    #[error("the database role of the service may not do what is needed for {doing}")]
    DatabaseAccessDenied {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: DbErr,
    },
    /// The database can be reached, but not used as it is set up.
    #[error("{0}")]
    DatabaseDefect(Defect),
    /// The database server stopped the work because of one of its limits.
    #[error("the database server stopped {doing} because of its limit {limit}")]
    DatabaseLimit {
        /// What was being done.
        doing: &'static str,
        /// Which limit.
        limit: DatabaseLimit,
        /// What the driver said.
        #[source]
        source: DbErr,
    },
    /// The disk of the database or of the service is full.
    #[error("there is no room left while {doing}")]
    InsufficientStorage {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A download whose length must be known first does not fit into the spool.
    #[error("the download is too large to be prepared: {reason}")]
    SpoolFull {
        /// Which limit it would exceed.
        reason: String,
        /// Whether other downloads use the space and will release it.
        is_temporary: bool,
    },
    /// No archive ever had that id.
    #[error("there is no such archive")]
    ArchiveNotFound {
        /// What was asked for.
        id: String,
    },
    /// The archive was deleted.
    #[error("this archive was deleted")]
    ArchiveGone {
        /// Its id.
        id: String,
    },
    /// The archive is protected, and so it is not deleted.
    #[error("this archive is protected")]
    ArchiveProtected {
        /// Its id.
        id: String,
    },
    /// The store refuses to delete the archive: a retention rule, a missing right, or a folder that does not permit it.
    #[error("{}", match is_listed {
        true => "the store refuses to delete this archive",
        false => "the archive is not listed any more, but the store refuses to delete its file for now",
    })]
    ArchiveRetained {
        /// Its id.
        id: String,
        /// Whether it is still listed. Otherwise its deletion has begun, and the store refuses to take that back, too.
        is_listed: bool,
        /// What the store said.
        #[source]
        source: Box<Error>,
    },
    /// The manifest is damaged, or a later version of the program wrote it.
    #[error("the manifest of the archive {id} can't be read")]
    ManifestUnreadable {
        /// Its id.
        id: String,
        /// What is wrong with it.
        #[source]
        source: archive::ManifestError,
    },
    /// The archive has no manifest: it was copied in part, or its manifest was lost.
    #[error("the archive {id} has no manifest; verify it to make the manifest again")]
    ArchiveIncomplete {
        /// Its id.
        id: String,
    },
    /// The files of one archive can't be read.
    #[error("the archive {id} can't be read: {}", fault.detail())]
    ArchiveUnreadable {
        /// Its id.
        id: String,
        /// What is wrong.
        fault: EntryFault,
        /// What the system said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The settings of the store are wrong, or it grants too few rights.
    #[error("the settings of the store of archives are wrong: {}", fault.detail())]
    StoreMisconfigured {
        /// What was being done.
        doing: &'static str,
        /// What is wrong.
        fault: StoreFault,
        /// What the store said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The store of archives can't be reached, read or written.
    #[error("the store of archives is not available while {doing}")]
    StoreUnavailable {
        /// What was being done.
        doing: &'static str,
        /// What the store or the system said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A stored value can't be exported in the requested format.
    #[error("row {row} of {table}, column {column}: {problem}")]
    Unexportable {
        /// The table.
        table: Table,
        /// The id of the row, or 0 if even that can't be read.
        row: i64,
        /// The column.
        column: &'static str,
        /// What is wrong with the value; never the value itself.
        problem: String,
    },
    /// Stored rows that a backup can't hold.
    #[error(transparent)]
    Unstorable(UnstorableRows),
    /// The file is damaged, not an archive, or not one of this program.
    #[error(transparent)]
    Archive(archive::Error),
    /// The archive does not have that table.
    #[error("the archive has no table {0}")]
    TableNotFound(Table),
    /// A row of the archive refers to a missing row.
    #[error("row {row} of {table} refers to a row that is not there")]
    Orphan {
        /// The table.
        table: Table,
        /// The id of the row.
        row: i64,
    },
    /// Two rows of the archive have the same value in a unique key other than the id.
    #[error("two rows of the archive's table {table} have the same value where each must have its own")]
    DuplicateKey {
        /// The table.
        table: Table,
    },
    /// A row of the archive has the same unique key as a row that remains in the database.
    #[error("row {row} of {table} can't be restored beside the rows that stay: one of them has the same key")]
    Conflict {
        /// The table.
        table: Table,
        /// The id of the archive's row.
        row: i64,
    },
    /// The archive does not have the requested row.
    #[error("the archive has no row {row} of {table}")]
    RowNotFound {
        /// The table.
        table: Table,
        /// The requested id.
        row: i64,
    },
    /// The schema does not admit a value of the archive.
    #[error("row {row} of {table}, column {column}: {problem}")]
    Inadmissible {
        /// The table.
        table: Table,
        /// The id of the row.
        row: i64,
        /// The column.
        column: &'static str,
        /// What is wrong with the value; never the value itself.
        problem: &'static str,
    },
    /// The archive is intact, but its manifest describes another one.
    #[error("the archive is not what its manifest says: {what} is another one")]
    ManifestMismatch {
        /// What differs.
        what: String,
    },
    /// The archive differs from the one in the database's record: it was replaced.
    #[error("the archive is not the one that this service has stored: {what} is another one")]
    RecordMismatch {
        /// What differs.
        what: &'static str,
    },
    /// The archive is not encrypted, but the settings encrypt archives.
    #[error("this archive is not encrypted, and the archives of this service are")]
    Unencrypted,
    /// The database has no record that the safety backup was created for this clear.
    #[error("nothing proves that the safety archive {archive_id} was made for this clear")]
    SafetyUnproven {
        /// The safety backup that the clear names.
        archive_id: String,
    },
    /// Rows of the archive can't be stored, or would be stored differently.
    #[error("the rows of {table} can't be restored: {problem}")]
    Unrestorable {
        /// The table.
        table: Table,
        /// The reason; never a value of the rows.
        problem: String,
    },
    /// Another job is changing the data.
    #[error("another job is changing the data")]
    Busy {
        /// Which one.
        job_id: String,
    },
    /// No such job is known.
    #[error("there is no job of that id")]
    UnknownJob,
    /// The job has ended or has begun to commit.
    #[error("the job has ended or has come to its commit, and can't be cancelled any more")]
    NotCancellable,
    /// No clear has that id, or it is no longer remembered.
    #[error("there is no clear of that id")]
    UnknownClear,
    /// The clear removed nothing or did not succeed.
    #[error("this clear has removed nothing that could be put back")]
    NothingToUndo,
    /// The clear was undone already.
    #[error("this clear was undone already")]
    AlreadyUndone,
    /// The clear can no longer be undone.
    #[error("the time in which this clear could be undone is over; its safety archive {archive_id} can be restored")]
    UndoExpired {
        /// The archive with the removed rows.
        archive_id: String,
    },
    /// No clear, restore or undo has that id, or it is no longer remembered.
    #[error("there is no change of that id")]
    UnknownChange,
    /// No schedule has that id.
    #[error("there is no schedule of that id")]
    UnknownSchedule,
    /// Another schedule has the name.
    #[error("another schedule has this name")]
    ScheduleNameTaken,
    /// No notification has that id.
    #[error("there is no notification of that id")]
    UnknownNotification,
    /// Another notification has the name.
    #[error("another notification has this name")]
    NotificationNameTaken,
    /// No destination has that id.
    #[error("there is no destination of that id")]
    UnknownDestination,
    /// Another destination has the name.
    #[error("another destination has this name")]
    DestinationNameTaken,
    /// No account has that id.
    #[error("there is no account of that id")]
    UnknownAccount,
    /// Another account has the user name.
    #[error("another account has this user name")]
    UsernameTaken,
    /// The change would leave no administrator who can sign in.
    #[error("no other administrator can sign in")]
    LastAdministrator,
    /// Rows of another program refer to the account.
    #[error("other records refer to this account")]
    AccountInUse,
    /// The account has no token of that id.
    #[error("there is no token of that id")]
    UnknownToken,
    /// Another token of the account has the name.
    #[error("another token has this name")]
    TokenNameTaken,
    /// The account has as many tokens as it may have.
    #[error("an account may have {limit} tokens at most")]
    TooManyTokens {
        /// How many.
        limit: u64,
    },
    /// A clear that can still be undone needs this archive.
    #[error(
        "this archive is the safety backup of a clear that can be undone until {}; without it, the clear can't be undone",
        until.format("%Y-%m-%d %H:%M:%S UTC")
    )]
    ArchiveNeededForUndo {
        /// The clear.
        change_id: String,
        /// Until when it can be undone.
        until: DateTime<Utc>,
    },
    /// The archive is the newest good backup, or the newest verified one.
    #[error("this archive is the newest {what}; without it, the latest data can't be restored")]
    ArchiveIsNewest {
        /// `backup` or `verified backup`.
        what: &'static str,
    },
    /// There is no retention policy.
    #[error("there is no retention policy")]
    RetentionOff,
    /// Retention deletes nothing for now.
    #[error("{detail}")]
    RetentionHeld {
        /// Why, and what to do.
        detail: String,
    },
    /// Data that was written after the change conflicts with undoing it.
    #[error("data that was written since the change is in the way of undoing it")]
    UndoBlocked,
    /// The live data has changed since the plan of a restore, or the plan belongs to another restore.
    #[error("the data has changed since the plan was made")]
    PlanOutdated,
    /// No import has that id, or it has expired.
    #[error("there is no import of that id, or it has expired")]
    UnknownImport,
    /// The file and the plan of an import are no longer there.
    #[error("the file of this import is no longer on this copy of the service")]
    ImportGone,
    /// A file to be imported is larger than the settings allow.
    #[error("a file to be imported may have {limit} bytes at most")]
    ImportTooLarge {
        /// How many bytes are allowed.
        limit: u64,
    },
    /// The file as a whole can't be read as a table.
    #[error("{detail}")]
    ImportUnreadable {
        /// What is wrong and what would be right, as a sentence without its full stop.
        detail: String,
        /// The row of the file, counted as a spreadsheet counts it.
        row: Option<u64>,
        /// The heading of the column, or its letters.
        column: Option<String>,
    },
    /// The file has rows that can't be imported, and they are not left out.
    #[error("the file has {wrong} wrong rows and {conflicting} rows that are in conflict with existing ones")]
    ImportRefused {
        /// Wrong rows.
        wrong: u64,
        /// Rows that are in conflict.
        conflicting: u64,
    },
    /// An uploaded archive is larger than the settings allow.
    #[error("an archive may have {limit} bytes at most")]
    UploadTooLarge {
        /// How many bytes are allowed.
        limit: u64,
    },
    /// The idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    /// The job lost its lease, and another may have changed the data since.
    #[error("the job has lost the right to change the data")]
    LeaseLost,
    /// The process of the job ended before the job did.
    #[error("the service ended while this was being done")]
    Interrupted,
    /// An archive was being encrypted again, and it is not known whether its manifest names the new file.
    #[error("it is not known whether the archive was encrypted again")]
    RekeyUnknown {
        /// Why it is not known.
        source: Box<Error>,
    },
    /// A job has ended, but the database can't be reached to record how.
    #[error("the database can't be reached; job {job_id} tells how this ended as soon as it can")]
    EndUnwritten {
        /// The job.
        job_id: String,
    },
    /// The service is shutting down and starts nothing new.
    #[error("the service is about to end")]
    Stopping,
    /// The job was cancelled before its commit.
    #[error("it was cancelled")]
    Cancelled,
    /// The client of a download read nothing for too long.
    #[error("the reader took nothing for {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// The client disconnected.
    #[error("the reader went away")]
    Gone,
    /// Any other error. The caller can't correct it.
    #[error("{doing} failed")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// How many rows are listed; the rest are counted.
const ROWS_NAMED: usize = 20;

/// Rows that no backup can hold, found by reading to the end.
#[derive(Debug, Default)]
pub struct UnstorableRows {
    named: Vec<String>,
    count: u64,
}

impl UnstorableRows {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn add(&mut self, row: &Error) {
        self.count += 1;
        if self.named.len() < ROWS_NAMED {
            self.named.push(row.to_string());
        }
    }

    /// # Errors
    /// [`Error::Unstorable`] if there are any.
    pub(crate) fn refuse(&mut self) -> Result<()> {
        match self.count {
            0 => Ok(()),
            _ => Err(Error::Unstorable(std::mem::take(self))),
        }
    }
}

impl std::error::Error for UnstorableRows {}

impl fmt::Display for UnstorableRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a backup can't hold {} of the stored rows: {}",
            self.count,
            self.named.join("; ")
        )?;
        match self.count.saturating_sub(self.named.len() as u64) {
            0 => Ok(()),
            unnamed => write!(f, "; and {unnamed} more"),
        }
    }
}

impl Error {
    /// A stable code for a fault of an archive: one of [`archive::Error::code`], or one that depends on the tables.
    pub fn archive_code(&self) -> Option<&'static str> {
        match self {
            Self::Archive(error) => Some(error.code()),
            Self::TableNotFound(_) => Some("table_not_found"),
            Self::Orphan { .. } => Some("orphan"),
            Self::DuplicateKey { .. } => Some("duplicate_key"),
            Self::RowNotFound { .. } => Some("row_not_found"),
            Self::Inadmissible { .. } => Some("invalid_value"),
            Self::ManifestMismatch { .. } => Some("manifest_mismatch"),
            Self::RecordMismatch { .. } => Some("record_mismatch"),
            Self::Unrestorable { .. } => Some("unrestorable"),
            Self::Unexportable { .. } | Self::Unstorable(_) => Some("unexportable"),
            _ => None,
        }
    }

    /// The error of a row whose id leaves no ids for later rows.
    pub(crate) fn id_without_room(table: Table, row: i64) -> Self {
        Self::Unrestorable {
            table,
            problem: format!(
                "the id {row} leaves no room for the ids of new rows; the largest that can be restored is {LARGEST_ID}"
            ),
        }
    }

    /// Converts the error of inserting the archive's rows: a unique violation means that two of them have the same key.
    pub(crate) fn of_rows(self, table: Table) -> Self {
        match self.violation() {
            Some(Violation::Unique) => Self::DuplicateKey { table },
            _ => self,
        }
    }

    /// The violated constraint of the schema, if any.
    pub(crate) fn violation(&self) -> Option<Violation> {
        let Self::Internal { source, .. } = self else {
            return None;
        };
        if let Some(failure) = source.downcast_ref::<StatementError>() {
            return failure.is_of_a_unique_key().then_some(Violation::Unique);
        }
        match source.downcast_ref::<DbErr>()?.sql_err()? {
            SqlErr::UniqueConstraintViolation(_) => Some(Violation::Unique),
            SqlErr::ForeignKeyConstraintViolation(_) => Some(Violation::Reference),
            _ => None,
        }
    }

    /// Classifies a driver's error while `doing` something.
    pub fn database(doing: &'static str) -> impl FnOnce(DbErr) -> Self {
        move |source| match driver::classify(&source) {
            DriverErrorKind::Busy => Self::DatabaseBusy { doing, source },
            DriverErrorKind::Unavailable => Self::DatabaseUnavailable { doing, source },
            DriverErrorKind::ReadOnly => Self::DatabaseReadOnly {
                doing,
                source: Box::new(source),
            },
            DriverErrorKind::AccessDenied => Self::DatabaseAccessDenied { doing, source },
            DriverErrorKind::Limit(limit) => Self::DatabaseLimit { doing, limit, source },
            DriverErrorKind::Full => Self::InsufficientStorage {
                doing,
                source: Box::new(source),
            },
            DriverErrorKind::Other => Self::Internal {
                doing,
                source: Box::new(source),
            },
        }
    }

    /// As [`Error::database`], for errors of sqlx.
    pub(crate) fn sqlx(doing: &'static str) -> impl FnOnce(sea_orm::SqlxError) -> Self {
        move |source| Self::database(doing)(DbErr::Query(RuntimeErr::SqlxError(source.into())))
    }

    /// As [`Error::database`], for SQLite's extended result codes.
    pub(crate) fn sqlite<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str, code: i32, source: E) -> Self {
        match driver::classify_sqlite(code) {
            DriverErrorKind::Full => Self::InsufficientStorage {
                doing,
                source: source.into(),
            },
            DriverErrorKind::ReadOnly => Self::DatabaseReadOnly {
                doing,
                source: source.into(),
            },
            _ => Self::Internal {
                doing,
                source: source.into(),
            },
        }
    }

    /// Classifies an error of the operating system while `doing` something. An [`Error`] that passed through a `Read`
    /// or a `Write`, such as one of the [store](crate::store), is unwrapped.
    pub fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match Self::carried(source) {
            Ok(error) => error,
            Err(source) if is_full(&source) => Self::InsufficientStorage {
                doing,
                source: Box::new(source),
            },
            Err(source) => Self::Internal {
                doing,
                source: Box::new(source),
            },
        }
    }

    /// Unwraps an [`Error`] from an I/O error.
    pub(crate) fn carried(source: io::Error) -> Result<Self, io::Error> {
        source.downcast::<Self>()
    }

    /// An error that the caller can't correct.
    pub fn internal<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Internal {
            doing,
            source: source.into(),
        }
    }
}

/// A constraint of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A unique key.
    Unique,
    /// A foreign key.
    Reference,
}

/// An [`Error`] of the source that the archive was read from is unwrapped: it is no fault of the archive.
impl From<archive::Error> for Error {
    fn from(error: archive::Error) -> Self {
        match error {
            archive::Error::Io(source) => match Self::carried(source) {
                Ok(error) => error,
                Err(source) => Self::Archive(archive::Error::Io(source)),
            },
            error => Self::Archive(error),
        }
    }
}

/// Whether a disk, a quota or a file size limit is exhausted.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | FileTooLarge | QuotaExceeded)
}

/// Whether a statement was refused because another row has the same unique value.
pub(crate) fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
