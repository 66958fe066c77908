//! Why a file or a cell can't be read, for the person who made it.

use std::fmt;
use std::io;

use crate::error::Error;

/// Why a file can't be read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// What is wrong and what to do, as sentences for administrators.
    pub detail: String,
    /// The row, if the fault is in one.
    pub row: Option<u64>,
    /// The heading of the column, if the fault is in one.
    pub column: Option<String>,
}

impl FileFault {
    pub(crate) fn new(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            row: None,
            column: None,
        }
    }

    pub(super) fn in_row(mut self, row: u64) -> Self {
        self.row = Some(row);
        self
    }

    pub(super) fn in_column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Why reading a file ended early.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The file is wrong.
    File(FileFault),
    /// The receiver or the disk has failed, or the job is canceled.
    Service(Error),
}

impl From<FileFault> for ReadError {
    fn from(fault: FileFault) -> Self {
        Self::File(fault)
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Service(Error::io("reading the file")(error))
    }
}

/// Why a cell is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CellFault {
    /// The heading of its column as it is in the file.
    pub(crate) heading: String,
    /// Its text, shortened to 200 characters.
    pub(crate) value: String,
    /// What is wrong and what would be right, as a sentence.
    pub(crate) reason: String,
}
