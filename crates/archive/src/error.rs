//! Why an archive is refused. The whole crate has one error type, because a caller reports the kind of the fault and
//! its place to an administrator. No message contains a value of the archive.

use std::fmt;
use std::io;

use crate::schema::SchemaMismatch;
use crate::version::Version;

/// The result of reading an archive.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an archive was refused. [`Error::code`] is stable, the message is for people.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is empty.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are not those of an archive, with any layers.
    #[error("this is not an archive of campus-backup: it looks like {looks_like}")]
    NotAnArchive {
        /// The kind of file, with its article.
        looks_like: &'static str,
    },
    /// The file ends before the archive does. The part that exists may be correct.
    #[error("the archive is incomplete: it ends too early, after {at}")]
    Truncated {
        /// The last complete place.
        at: Position,
    },
    /// The structure of the document is not that of an archive.
    #[error("the archive is damaged in {at}: {problem}")]
    Corrupt {
        /// Where.
        at: Position,
        /// The fault.
        problem: &'static str,
    },
    /// A layer around the document can't be read: the compression or the encryption.
    #[error("the archive is damaged: {problem}")]
    CorruptLayer {
        /// The layer's error.
        problem: String,
    },
    /// The content differs from its digest.
    #[error("the archive is damaged: {what} does not have the digest that was written down for it")]
    DigestMismatch {
        /// The content of the digest: a table, the header or the compressed bytes.
        what: Digested,
    },
    /// None of the given keys opens the archive.
    #[error("none of the given keys opens this archive")]
    WrongKey,
    /// The archive is encrypted, and no key of the required kind was given.
    #[error("the archive is encrypted: {needed} is needed to open it")]
    KeyRequired {
        /// The kind of key that opens it.
        needed: KeyKind,
    },
    /// A later version of this program wrote the archive. Nothing else of it was read.
    #[error("the archive is of format version {version}, this program reads up to version {newest}")]
    NewerVersion {
        /// The archive's version.
        version: u64,
        /// The newest version that [`Limits`](crate::Limits) admit.
        newest: Version,
    },
    /// The archive's schema is not the expected one.
    #[error("the archive does not fit this database: {0}")]
    SchemaMismatch(SchemaMismatch),
    /// It is valid but not in canonical form: another program has rewritten it.
    #[error("not in the canonical form, in {at}: {problem}")]
    NotCanonical {
        /// Where.
        at: Position,
        /// The part that is not canonical.
        problem: &'static str,
    },
    /// The column can't hold a value.
    #[error("an impossible value in {at}: {problem}")]
    InvalidValue {
        /// Where.
        at: Position,
        /// What is wrong with the value.
        problem: &'static str,
    },
    /// A row does not have exactly the columns of its table, once each and in order.
    #[error("an impossible row in {at}: {problem}")]
    InvalidRow {
        /// Where.
        at: Position,
        /// What is wrong with the row.
        problem: &'static str,
    },
    /// A row's id, or its key in version 2, is smaller than that of the row before it.
    #[error("rows are not in the order of their ids, in {at}")]
    IdsOutOfOrder {
        /// The second of the two rows.
        at: Position,
    },
    /// Two rows have the same id, or the same key in version 2.
    #[error("an id occurs twice, in {at}")]
    DuplicateId {
        /// The second of the two rows.
        at: Position,
    },
    /// The number of rows differs from the summary.
    #[error("the summary promises {promised} rows of {}, and there are {found}", table.as_deref().unwrap_or("all tables"))]
    CountMismatch {
        /// The table, or none if it is the count of all tables.
        table: Option<String>,
        /// The number in the summary.
        promised: u64,
        /// The number that was read.
        found: u64,
    },
    /// The sum of a decimal column differs from the summary.
    #[error("the sum of {column} is not what the summary says")]
    TotalsMismatch {
        /// `table.column`
        column: String,
    },
    /// Reading it would exceed the [`Limits`](crate::Limits).
    #[error("the archive goes beyond the limit of {limit} ({allowed})")]
    LimitExceeded {
        /// Which limit.
        limit: Limit,
        /// Its value.
        allowed: u64,
    },
    /// There is data after the end.
    #[error("something stands behind the end of the archive")]
    TrailingData,
    /// The source failed.
    #[error("the archive can't be read")]
    Io(#[source] io::Error),
    /// Reading had failed before, and was tried again.
    #[error("the archive was refused before")]
    Refused,
}

impl Error {
    /// The stable code of the fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAnArchive { .. } => "not_an_archive",
            Self::Truncated { .. } => "truncated",
            Self::Corrupt { .. } | Self::CorruptLayer { .. } | Self::Refused => "corrupt",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::WrongKey => "wrong_key",
            Self::KeyRequired { .. } => "key_required",
            Self::NewerVersion { .. } => "newer_version",
            Self::SchemaMismatch(_) => "schema_mismatch",
            Self::NotCanonical { .. } => "not_canonical",
            Self::InvalidValue { .. } => "invalid_value",
            Self::InvalidRow { .. } => "invalid_row",
            Self::IdsOutOfOrder { .. } => "ids_out_of_order",
            Self::DuplicateId { .. } => "duplicate_id",
            Self::CountMismatch { .. } => "count_mismatch",
            Self::TotalsMismatch { .. } => "totals_mismatch",
            Self::LimitExceeded { .. } => "limit_exceeded",
            Self::TrailingData => "trailing_data",
            Self::Io(_) => "io",
        }
    }

    /// The place in the document, if the fault has one.
    pub fn position(&self) -> Option<&Position> {
        match self {
            Self::Truncated { at }
            | Self::Corrupt { at, .. }
            | Self::NotCanonical { at, .. }
            | Self::InvalidValue { at, .. }
            | Self::InvalidRow { at, .. }
            | Self::IdsOutOfOrder { at }
            | Self::DuplicateId { at } => Some(at),
            _ => None,
        }
    }
}

/// A place in the document, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The table.
    pub table: Option<String>,
    /// The row in its table, from 1.
    pub row: Option<u64>,
    /// The row's id, if its key is one integer.
    pub id: Option<i64>,
    /// The column.
    pub column: Option<String>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(table) = &self.table {
            write!(f, ", table {table}")?;
        }
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(id) = self.id {
            write!(f, ", id {id}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        Ok(())
    }
}

/// The content of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digested {
    /// The rows of a table.
    Table(String),
    /// Everything before the first table.
    Header,
    /// The compressed bytes.
    Compressed,
}

impl fmt::Display for Digested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "the table {table}"),
            Self::Header => f.write_str("the header"),
            Self::Compressed => f.write_str("the compressed data"),
        }
    }
}

/// The kind of key that opens an encrypted archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// An `AGE-SECRET-KEY-1...`.
    Identity,
    /// A passphrase.
    Passphrase,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "its secret key",
            Self::Passphrase => "its passphrase",
        })
    }
}

/// The limits of [`Limits`](crate::Limits), by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::document_bytes`](crate::Limits::document_bytes)
    DocumentBytes,
    /// [`Limits::ratio`](crate::Limits::ratio)
    Ratio,
    /// [`Limits::window_log`](crate::Limits::window_log)
    Window,
    /// [`Limits::line_bytes`](crate::Limits::line_bytes)
    LineBytes,
    /// [`Limits::tables`](crate::Limits::tables)
    Tables,
    /// [`Limits::columns`](crate::Limits::columns)
    Columns,
    /// [`Limits::schema_bytes`](crate::Limits::schema_bytes)
    SchemaBytes,
    /// [`Limits::header_text_bytes`](crate::Limits::header_text_bytes)
    HeaderTextBytes,
    /// [`Limits::work_factor`](crate::Limits::work_factor)
    WorkFactor,
    /// The header of an encrypted file, which is never long.
    EncryptionHeader,
    /// The memory for ids with which a caller checks references. No reader has this limit.
    ScatteredIds,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DocumentBytes => "bytes when unpacked",
            Self::Ratio => "the compression ratio",
            Self::Window => "the compression window, as a power of two",
            Self::LineBytes => "bytes in one line",
            Self::Tables => "tables",
            Self::Columns => "columns of a table",
            Self::SchemaBytes => "bytes in the description of the tables",
            Self::HeaderTextBytes => "bytes in a text of the header",
            Self::WorkFactor => "the work that a passphrase costs, as a power of two",
            Self::EncryptionHeader => "bytes before the encrypted data",
            Self::ScatteredIds => "groups of ids that other rows refer to",
        })
    }
}
