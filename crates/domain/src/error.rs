//! The one error type of the domain.
//!
//! A service returns [`Error`]; the variant says what the caller can do about it, and its fields say what was being
//! done to what. `api` maps each variant to one documented problem code. What nobody outside can act on is
//! [`Error::Internal`]: answered plainly, logged once with its whole chain of sources at the edge.

mod driver;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use campus_backup_archive as archive;
use chrono::{DateTime, Utc};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

pub use self::driver::DatabaseLimit;
use self::driver::Trouble;
use crate::catalog::{LARGEST_ID, Table};
use crate::database::Defect;
use crate::statement::Failure;
use crate::store::{EntryFault, StoreFault};

/// The result of a service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no valid token, or its bearer is no longer an active user.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The bearer is known and is not an administrator.
    #[error("this needs an administrator's account")]
    Forbidden,
    /// User name and password do not belong together.
    #[error("the user name or the password is wrong")]
    WrongCredentials,
    /// Too many attempts to sign in.
    #[error("too many attempts to sign in")]
    TooManyLogins {
        /// When the next attempt is admitted.
        retry_after: Duration,
    },
    /// As many downloads as the settings allow are running.
    #[error("too many downloads are running")]
    TooManyDownloads {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// A download link that was never made.
    #[error("this download link is not valid")]
    LinkInvalid,
    /// A download link that was used or whose five minutes are over.
    #[error("this download link was used already or has expired")]
    LinkUsed,
    /// No link of that id, or it is no longer remembered, or somebody else has made it.
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
    /// A confirmation was demanded and is missing, or it names something else.
    #[error("the confirmation must be `{expected}`")]
    WrongConfirmation {
        /// What `confirm` has to be.
        expected: &'static str,
    },
    /// A restore changes administrators' accounts, and nobody has said that this is wanted.
    #[error("the restore changes accounts of administrators, which has to be confirmed")]
    AdministratorsUnconfirmed,
    /// The rows are no longer as many as the caller expected.
    #[error("the data has changed since it was counted")]
    RowCountChanged {
        /// Table (or `total`), expected, found.
        differences: Vec<(&'static str, u64, u64)>,
    },
    /// The database has rows where an empty one is needed.
    #[error("the database is not empty: {table} has rows")]
    NotEmpty {
        /// The first table with rows.
        table: Table,
    },
    /// Another writer holds the database.
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
    /// The database takes no writes: it is a standby, or was made read-only, such as by a failover.
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
    /// The database is reached and can't be used as it is set up.
    #[error("{0}")]
    DatabaseDefect(Defect),
    /// The database server has stopped the work because of one of its limits.
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
    /// A download whose length must be known before it is sent does not fit where it would wait.
    #[error("the download is too large to be prepared: {reason}")]
    SpoolFull {
        /// Which limit it would exceed.
        reason: String,
        /// Whether other downloads have taken the room, and will give it back.
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
    /// What is known of an archive is damaged, or a later version of the program wrote it.
    #[error("the manifest of the archive {id} can't be read")]
    ManifestUnreadable {
        /// Its id.
        id: String,
        /// What is wrong with it.
        #[source]
        source: archive::ManifestError,
    },
    /// The archive has no manifest: it was copied into the store in part, or its manifest was lost.
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
    /// The settings of the store of archives can't be right, or it gives too few rights.
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
    /// A stored value that can't be exported as asked.
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
    /// Stored rows that no backup can hold.
    #[error(transparent)]
    Unstorable(UnstorableRows),
    /// An archive is not whole, not an archive, or not of this program.
    #[error(transparent)]
    Archive(archive::Error),
    /// An archive of other tables.
    #[error("the archive has no table {0}")]
    TableNotFound(Table),
    /// A row of an archive refers to one that is neither in it nor where it would go.
    #[error("row {row} of {table} refers to a row that is not there")]
    Orphan {
        /// The table.
        table: Table,
        /// The id of the row.
        row: i64,
    },
    /// Two rows of an archive have the same value where each must have its own, other than the id.
    #[error("two rows of the archive's table {table} have the same value where each must have its own")]
    DuplicateKey {
        /// The table.
        table: Table,
    },
    /// A row of an archive has something that is its own, and another row that stays has the same.
    #[error("row {row} of {table} can't be restored beside the rows that stay: one of them has the same key")]
    Conflict {
        /// The table.
        table: Table,
        /// The id of the archive's row.
        row: i64,
    },
    /// An archive does not have the row that was asked for.
    #[error("the archive has no row {row} of {table}")]
    RowNotFound {
        /// The table.
        table: Table,
        /// The id that was asked for.
        row: i64,
    },
    /// A value of an archive that the schema does not admit.
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
    /// An archive is whole, and it is not the one that its manifest is about.
    #[error("the archive is not what its manifest says: {what} is another one")]
    ManifestMismatch {
        /// What differs.
        what: String,
    },
    /// An archive is not the one that the database has a record of: somebody has exchanged it.
    #[error("the archive is not the one that this service has stored: {what} is another one")]
    RecordMismatch {
        /// What differs.
        what: &'static str,
    },
    /// An archive that is not encrypted, where the settings encrypt archives.
    #[error("this archive is not encrypted, and the archives of this service are")]
    Unencrypted,
    /// The database has no record that the safety archive of a clear was made for that clear.
    #[error("nothing proves that the safety archive {archive_id} was made for this clear")]
    SafetyUnproven {
        /// The safety archive that the clear names.
        archive_id: String,
    },
    /// Rows of an archive that no database of this schema takes, or that would not come back as they are.
    #[error("the rows of {table} can't be restored: {problem}")]
    Unrestorable {
        /// The table.
        table: Table,
        /// What was said to them; never a value of theirs.
        problem: String,
    },
    /// Another job is changing the data.
    #[error("another job is changing the data")]
    Busy {
        /// Which one.
        job_id: String,
    },
    /// There is no such job, or not any more.
    #[error("there is no job of that id")]
    UnknownJob,
    /// A job that has ended, or has begun to commit.
    #[error("the job has ended or has come to its commit, and can't be cancelled any more")]
    NotCancellable,
    /// No clear ever had that id, or it is no longer remembered.
    #[error("there is no clear of that id")]
    UnknownClear,
    /// A clear that removed nothing or has not succeeded.
    #[error("this clear has removed nothing that could be put back")]
    NothingToUndo,
    /// A clear that was undone before.
    #[error("this clear was undone already")]
    AlreadyUndone,
    /// A clear whose time to be undone is over.
    #[error("the time in which this clear could be undone is over; its safety archive {archive_id} can be restored")]
    UndoExpired {
        /// What has the rows that it removed.
        archive_id: String,
    },
    /// No clear, restore or undo ever had that id, or it is no longer remembered.
    #[error("there is no change of that id")]
    UnknownChange,
    /// The archive is the only way to undo a clear whose time to be undone is not over.
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
    /// Data that was written since the clear stands in the way of putting back what it removed.
    #[error("data that was written since the clear is in the way of undoing it")]
    UndoBlocked,
    /// The live data is not what the plan of a restore was about, or the plan is another one's.
    #[error("the data has changed since the plan was made")]
    PlanOutdated,
    /// An archive that is brought has more bytes than the settings allow.
    #[error("an archive may have {limit} bytes at most")]
    UploadTooLarge {
        /// How many bytes are allowed.
        limit: u64,
    },
    /// The caller has used the same key for another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    /// The job that would have changed the data was taken for dead, and another may have changed it since.
    #[error("the job has lost the right to change the data")]
    LeaseLost,
    /// The process that did the job ended before it.
    #[error("the service ended while this was being done")]
    Interrupted,
    /// A job is over, but the database can't be reached and does not say yet how it ended.
    #[error("the database can't be reached; job {job_id} tells how this ended as soon as it can")]
    EndUnwritten {
        /// The job.
        job_id: String,
    },
    /// The service is about to end and begins nothing new.
    #[error("the service is about to end")]
    Stopping,
    /// Somebody has asked for the work to end, and it had not yet come to its commit.
    #[error("it was cancelled")]
    Cancelled,
    /// The reader of a download did not take anything for too long.
    #[error("the reader took nothing for {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// Nobody is reading any more.
    #[error("the reader went away")]
    Gone,
    /// Anything else. The caller can't mend it.
    #[error("{doing} failed")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// How many rows are named; the rest are counted.
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
    /// A stable word for what is wrong with an archive: those of [`archive::Error::code`], and what only somebody who
    /// knows the tables can tell.
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

    /// A row of an archive whose id leaves no room for rows that come later.
    pub(crate) fn id_without_room(table: Table, row: i64) -> Self {
        Self::Unrestorable {
            table,
            problem: format!(
                "the id {row} leaves no room for the ids of new rows; the largest that can be restored is {LARGEST_ID}"
            ),
        }
    }

    /// What it means if it came of inserting rows into a table: that two of them have one key is for the caller to know.
    pub(crate) fn of_rows(self, table: Table) -> Self {
        match self.violation() {
            Some(Violation::Unique) => Self::DuplicateKey { table },
            _ => self,
        }
    }

    /// Which rule of the schema was about to be broken, if it was one.
    pub(crate) fn violation(&self) -> Option<Violation> {
        let Self::Internal { source, .. } = self else {
            return None;
        };
        if let Some(failure) = source.downcast_ref::<Failure>() {
            return failure.is_of_a_unique_key().then_some(Violation::Unique);
        }
        match source.downcast_ref::<DbErr>()?.sql_err()? {
            SqlErr::UniqueConstraintViolation(_) => Some(Violation::Unique),
            SqlErr::ForeignKeyConstraintViolation(_) => Some(Violation::Reference),
            _ => None,
        }
    }

    /// Sorts what the driver says while `doing` something.
    pub fn database(doing: &'static str) -> impl FnOnce(DbErr) -> Self {
        move |source| match driver::classify(&source) {
            Trouble::Busy => Self::DatabaseBusy { doing, source },
            Trouble::Unavailable => Self::DatabaseUnavailable { doing, source },
            Trouble::ReadOnly => Self::DatabaseReadOnly {
                doing,
                source: Box::new(source),
            },
            Trouble::AccessDenied => Self::DatabaseAccessDenied { doing, source },
            Trouble::Limit(limit) => Self::DatabaseLimit { doing, limit, source },
            Trouble::Full => Self::InsufficientStorage {
                doing,
                source: Box::new(source),
            },
            Trouble::Other => Self::Internal {
                doing,
                source: Box::new(source),
            },
        }
    }

    /// The same for what was said to sqlx without SeaORM in between.
    pub(crate) fn sqlx(doing: &'static str) -> impl FnOnce(sea_orm::SqlxError) -> Self {
        move |source| Self::database(doing)(DbErr::Query(RuntimeErr::SqlxError(source.into())))
    }

    /// The same for what SQLite itself said, by its extended result code.
    pub(crate) fn sqlite<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str, code: i32, source: E) -> Self {
        match driver::classify_sqlite(code) {
            Trouble::Full => Self::InsufficientStorage {
                doing,
                source: source.into(),
            },
            Trouble::ReadOnly => Self::DatabaseReadOnly {
                doing,
                source: source.into(),
            },
            _ => Self::Internal {
                doing,
                source: source.into(),
            },
        }
    }

    /// Sorts what the operating system says while `doing` something. An error of ours that came through a `Read` or a
    /// `Write`, such as those of the [store](crate::store), is what it was before.
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

    /// The error of ours that the system's carries, if it is one.
    pub(crate) fn carried(source: io::Error) -> Result<Self, io::Error> {
        source.downcast::<Self>()
    }

    /// Anything that nobody outside can mend.
    pub fn internal<E: Into<Box<dyn StdError + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Internal {
            doing,
            source: source.into(),
        }
    }
}

/// A rule of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// Each row must have its own.
    Unique,
    /// What a row refers to must be there.
    Reference,
}

/// What came through the archive from its source is what it was before, and no fault of the archive.
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

/// Whether it says that a disk, a quota or a file's size is used up.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | FileTooLarge | QuotaExceeded)
}
