//! The cells of a file as they are in it, before anything is known about their column.

use std::borrow::Cow;
use std::ops::ControlFlow;

use chrono::NaiveDateTime;

use super::fault::ReadError;

/// A cell of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RawCell<'a> {
    /// Nothing.
    Empty,
    /// The `null` of JSON.
    Null,
    /// A text; an empty one is explicit.
    Text(&'a str),
    /// A whole number, exact.
    Integer(i64),
    /// A number of a workbook or of JSON.
    Number(f64),
    /// A truth value.
    Boolean(bool),
    /// A date or time that the program shows as such, in the school's zone.
    DateTime {
        /// The local time.
        local: NaiveDateTime,
        /// Whether it is a date without a time.
        is_date: bool,
    },
    /// There is no value that could be read.
    Unreadable(CellDefect),
}

/// Why a cell has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellDefect {
    /// A formula whose result was not saved.
    NoResult,
    /// A formula that refers to another file.
    OtherFile,
    /// `#REF!` and others.
    Error,
    /// A duration or a time without a date.
    NoDate,
    /// An object or an array in JSON.
    Nested,
    /// An object without the key, which other objects have.
    NoKey,
    /// A key that an object has twice.
    KeyTwice,
}

impl CellDefect {
    /// The reason as a sentence.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NoResult => {
                "The cell has a formula without a saved result. Open the file in its program, save it, and send it again."
            }
            Self::OtherFile => {
                "The formula refers to another file, and its result may be outdated. Replace it by its value."
            }
            Self::Error => "The formula of the cell has an error instead of a result.",
            Self::NoDate => "The cell has a time or a duration without a date.",
            Self::Nested => "The value is a list or an object, where a single value is expected.",
            Self::NoKey => "The object does not have this key, but other objects do. Write null if the value is empty.",
            Self::KeyTwice => "The object has this key twice.",
        }
    }
}

impl<'a> RawCell<'a> {
    /// Whether a person sees nothing in it.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Empty | Self::Null | Self::Unreadable(CellDefect::NoKey) => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// Its text, as a person would write it.
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Empty | Self::Null | Self::Unreadable(_) => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Integer(value) => Cow::Owned(value.to_string()),
            Self::Number(value) => Cow::Owned(value.to_string()),
            Self::Boolean(true) => Cow::Borrowed("TRUE"),
            Self::Boolean(false) => Cow::Borrowed("FALSE"),
            Self::DateTime { local, is_date: true } => Cow::Owned(local.format("%Y-%m-%d").to_string()),
            Self::DateTime { local, is_date: false } => Cow::Owned(local.format("%Y-%m-%d %H:%M:%S%.f").to_string()),
        }
    }

    /// The same with a text of its own.
    pub(super) fn into_owned(self) -> OwnedCell {
        match self {
            Self::Text(text) => OwnedCell::Text(text.to_owned()),
            Self::Empty => OwnedCell::Other(RawCell::Empty),
            Self::Null => OwnedCell::Other(RawCell::Null),
            Self::Integer(value) => OwnedCell::Other(RawCell::Integer(value)),
            Self::Number(value) => OwnedCell::Other(RawCell::Number(value)),
            Self::Boolean(value) => OwnedCell::Other(RawCell::Boolean(value)),
            Self::DateTime { local, is_date } => OwnedCell::Other(RawCell::DateTime { local, is_date }),
            Self::Unreadable(defect) => OwnedCell::Other(RawCell::Unreadable(defect)),
        }
    }
}

/// A cell that is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OwnedCell {
    /// A text.
    Text(String),
    /// Anything else.
    Other(RawCell<'static>),
}

impl OwnedCell {
    pub(super) fn as_raw(&self) -> RawCell<'_> {
        match self {
            Self::Text(text) => RawCell::Text(text),
            Self::Other(cell) => *cell,
        }
    }
}

/// A row that is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OwnedRow {
    /// Its number.
    pub(super) row: u64,
    /// Its cells.
    pub(super) cells: Vec<OwnedCell>,
}

impl OwnedRow {
    pub(super) fn of(row: u64, cells: &[RawCell<'_>]) -> Self {
        let cells = cells.iter().map(|cell| cell.into_owned()).collect();
        Self { row, cells }
    }

    #[cfg(test)]
    pub(super) fn raw(&self) -> Vec<RawCell<'_>> {
        self.cells.iter().map(OwnedCell::as_raw).collect()
    }
}

/// Receives the rows of a file in its order. Blank rows may be missing. Reading ends after a `Break`.
pub(super) type RawSink<'s> = dyn FnMut(u64, &[RawCell<'_>]) -> Result<ControlFlow<()>, ReadError> + 's;

/// The first rows that are not blank, for finding the headings.
pub(super) fn first_rows(
    count: usize,
    read: impl FnOnce(&mut RawSink<'_>) -> Result<(), ReadError>,
) -> Result<Vec<OwnedRow>, ReadError> {
    let mut rows = Vec::new();
    read(&mut |row, cells| {
        if !cells.iter().all(RawCell::is_blank) {
            rows.push(OwnedRow::of(row, cells));
        }
        Ok(match rows.len() >= count {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    })?;
    Ok(rows)
}
