//! Reads a file of a person: CSV, XLSX, ODS or JSON becomes typed rows of one table, one after another.
//!
//! Nothing here uses a database. [`read`] recognizes the format by the content of the file, not by its name, and finds the row
//! with the headings ([`heading`]). It matches the headings with the columns of the table ([`synonyms`]), and converts each cell
//! ([`convert`]). A value is never guessed: a cell that can be read in two ways is an error of its row, unless an option says
//! which way is right. A file that can't be read at all is a [`FileFault`].
//!
//! A row that is wrong only in the context of other rows, such as a second row with the same key, is found by the plan.

mod convert;
mod csv;
mod decode;
mod fault;
mod heading;
mod json;
mod limits;
mod measure;
mod number;
mod ods;
mod options;
mod raw;
mod rows;
mod sniff;
mod synonyms;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod workbook;
mod xlsx;

use std::ops::ControlFlow;
use std::path::Path;

use campus_backup_archive::Cell;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use self::convert::{Converter, Origin};
use self::decode::Charset;
pub use self::fault::FileFault;
pub(crate) use self::fault::{CellFault, ReadError};
use self::heading::Headings;
use self::json::JsonFile;
use self::limits::HEADING_ROWS;
pub use self::limits::MAX_FILE_BYTES;
pub use self::options::{DateOrder, DecimalReading, ReadOptions};
use self::raw::{OwnedCell, OwnedRow, RawCell, RawSink, first_rows};
use self::rows::{RowCounts, RowReader};
use self::sniff::FileKind;
use self::workbook::Workbook;
use crate::catalog::Table;
use crate::error::Result;
use crate::export::Delimiter;

/// The file, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileSource<'a> {
    /// The file on the local disk.
    pub(crate) path: &'a Path,
    /// The table that its rows belong to.
    pub(crate) table: Table,
    /// The school's time zone, in which times without an offset are.
    pub(crate) zone: Tz,
    /// How it is read.
    pub(crate) options: &'a ReadOptions,
}

/// Receives the rows of a file.
pub(crate) trait FileSink {
    /// Is called once, before the first row.
    fn begin(&mut self, columns: &[FileColumn]) -> Result<()>;

    /// A row without a fault. `cells` are parallel to the columns.
    fn row(&mut self, row: u64, cells: &[FileCell<'_>]) -> Result<()>;

    /// A row with faults, at least one.
    fn wrong(&mut self, row: u64, faults: &[CellFault]) -> Result<()>;
}

/// A column of the file that belongs to a column of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileColumn {
    /// Its place in the file, from 0.
    pub(crate) position: usize,
    /// The heading as it is in the file.
    pub(crate) heading: String,
    /// What its cells are.
    pub(crate) target: FileTarget,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileTarget {
    /// Values of a column of the table, by its place in [`Table::columns`].
    Own(usize),
    /// Texts that identify a row of another table, such as the name of a course.
    Reference {
        /// The place of the foreign key in [`Table::columns`].
        position: usize,
        /// The other table.
        table: Table,
        /// The unique text column there.
        column: &'static str,
    },
}

/// A cell of the file, checked and converted to the kind of its column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FileCell<'a> {
    /// An empty cell. Most files can't tell NULL from an empty text. Only a column that may be empty has one: a nullable column,
    /// the id, and a timestamp that the database fills.
    Empty,
    /// A value. [`Cell::Null`] is an explicit NULL, which only JSON has; an empty [`Cell::Text`] is an explicit empty text.
    /// Texts and timestamps have variants of their own where there is more to say.
    Value(Cell<'a>),
    /// A text that can be read in two ways, with and without the apostrophe that guards formulas.
    Text {
        /// The value for new and changed rows.
        value: &'a str,
        /// The other reading. A live value that equals it is unchanged.
        other: &'a str,
    },
    /// A time.
    Timestamp {
        /// The first instant that the file's text can mean.
        value: DateTime<Utc>,
        /// The second one, if the local time comes twice because clocks are turned back.
        other: Option<DateTime<Utc>>,
        /// The precision of the file in microseconds: a live time from `value` up to `value + precision` (exclusive) is the same.
        /// It is 1 for JSON, and the length of the day for a date without a time.
        precision: i64,
    },
}

/// The facts about a file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileFacts {
    /// `csv`, `xlsx`, `ods` or `json`.
    pub(crate) format: &'static str,
    /// The encoding of a text file.
    pub(crate) encoding: Option<&'static str>,
    /// The sheet that was read.
    pub(crate) sheet: Option<String>,
    /// The headings of all columns of the file, for the file of wrong rows.
    pub(crate) headings: Vec<String>,
    /// The headings that belong to no column of the table, and why.
    pub(crate) ignored: Vec<(String, String)>,
    /// What was noticed, as sentences for administrators.
    pub(crate) notes: Vec<String>,
    /// Rows below the headings, without blank ones, totals and the example of a template.
    pub(crate) rows: u64,
    /// How many of them are wrong.
    pub(crate) wrong: u64,
}

/// Reads the file, on a thread that may block. Memory does not grow with the rows, except for ODS, whose size is limited.
///
/// Rows are numbered as the program shows them in which the person works: the first line of the file is row 1. In JSON the first
/// object of the table is row 1.
///
/// # Errors
/// [`ReadError::File`] if the file can't be read; [`ReadError::Service`] if the sink or the disk fails.
pub(crate) fn read(source: &FileSource<'_>, sink: &mut dyn FileSink) -> Result<FileFacts, ReadError> {
    let mut input = Input::open(source)?;
    let headings = input.headings(source)?;
    sink.begin(&headings.columns)?;
    let mut reading = RowReader {
        converter: Converter::new(source, input.origin(), &headings),
        headings: &headings,
        is_csv: matches!(input, Input::Csv { .. }),
        counts: RowCounts::default(),
    };
    input.rows(source, &mut |row, cells| {
        reading.row(row, cells, sink)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let RowReader { converter, counts, .. } = reading;
    if counts.rows == 0 {
        let problem = match headings.row {
            0 => "The file has no rows.".to_owned(),
            row => format!("The file has headings in row {row}, but no rows below them."),
        };
        return Err(FileFault::new(problem).into());
    }
    let mut notes = input.notes(source, &headings);
    notes.extend(converter.noticed.notes(source.options));
    notes.extend(counts.notes());
    Ok(FileFacts {
        format: input.format(),
        encoding: input.encoding(),
        sheet: input.sheet(),
        headings: headings.all,
        ignored: headings.ignored,
        notes,
        rows: counts.rows,
        wrong: counts.wrong,
    })
}

/// Reads the file again and gives the texts of the wanted rows as they are in the file, parallel to [`FileFacts::headings`].
/// Numbers and dates of workbooks are written in a form that [`read`] understands.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_raw(
    source: &FileSource<'_>,
    is_wanted: &mut dyn FnMut(u64) -> bool,
    receive: &mut dyn FnMut(u64, &[&str]) -> Result<()>,
) -> Result<(), ReadError> {
    let mut input = Input::open(source)?;
    let headings = input.headings(source)?;
    input.rows(source, &mut |row, cells| {
        if row > headings.row && is_wanted(row) {
            let texts: Vec<_> = cells.iter().map(RawCell::text).collect();
            let texts: Vec<_> = (0..headings.all.len())
                .map(|place| texts.get(place).map_or("", |text| text.as_ref()))
                .collect();
            receive(row, &texts)?;
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// A file whose format is known.
enum Input {
    Csv { charset: Charset, delimiter: Delimiter },
    Workbook { workbook: Workbook, sheets: Vec<String> },
    Json { charset: Charset, file: JsonFile },
}

impl Input {
    fn open(source: &FileSource<'_>) -> Result<Self, ReadError> {
        let input = match sniff::recognize(source.path)? {
            FileKind::Zip => {
                let mut workbook = Workbook::open(source.path)?;
                let sheets = workbook.choose(source)?;
                return Ok(Self::Workbook { workbook, sheets });
            }
            FileKind::Json(charset) => Self::Json {
                charset,
                file: json::scan(source.path, charset, source.table)?,
            },
            FileKind::Csv(charset) => Self::Csv {
                charset,
                delimiter: sniff::delimiter(source, charset)?,
            },
        };
        match &source.options.sheet {
            None => Ok(input),
            Some(sheet) => {
                Err(FileFault::new(format!("The file is no workbook, so it has no sheet `{sheet}`.")).into())
            }
        }
    }

    /// Gives all rows to the sink.
    fn rows(&mut self, source: &FileSource<'_>, sink: &mut RawSink<'_>) -> Result<(), ReadError> {
        match self {
            Self::Csv { charset, delimiter } => csv::rows(source.path, *charset, *delimiter, sink),
            Self::Workbook { workbook, sheets } => workbook.rows(sheets, sink),
            Self::Json { charset, file } => json::rows(source.path, *charset, source.table, &file.keys, sink),
        }
    }

    /// Finds the headings. Those of JSON are the keys, in row 0.
    fn headings(&mut self, source: &FileSource<'_>) -> Result<Headings, ReadError> {
        let rows = match self {
            Self::Json { file, .. } => vec![OwnedRow {
                row: 0,
                cells: file.keys.iter().cloned().map(OwnedCell::Text).collect(),
            }],
            _ => first_rows(HEADING_ROWS, |sink| self.rows(source, sink))?,
        };
        Ok(heading::find(source, &rows)?)
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Csv { delimiter, .. } => Origin::Csv(*delimiter),
            Self::Workbook { workbook, .. } => Origin::Workbook {
                is_1904: workbook.is_1904(),
            },
            Self::Json { .. } => Origin::Json,
        }
    }

    fn format(&self) -> &'static str {
        match self {
            Self::Csv { .. } => "csv",
            Self::Workbook { workbook, .. } => workbook.name(),
            Self::Json { .. } => "json",
        }
    }

    fn encoding(&self) -> Option<&'static str> {
        match self {
            Self::Csv { charset, .. } | Self::Json { charset, .. } => Some(charset.name()),
            Self::Workbook { .. } => None,
        }
    }

    fn sheet(&self) -> Option<String> {
        match self {
            Self::Workbook { sheets, .. } => Some(sheets.join(", ")),
            _ => None,
        }
    }

    /// What is special in the file as a whole.
    fn notes(&self, source: &FileSource<'_>, headings: &Headings) -> Vec<String> {
        let mut notes = Vec::new();
        match self {
            Self::Csv { charset, delimiter } => {
                if !charset.is_utf8() {
                    notes.push(format!("The text is read as {}.", charset.name()));
                }
                match delimiter {
                    Delimiter::Comma => {}
                    Delimiter::Semicolon => notes.push("The columns are separated by semicolons.".to_owned()),
                    Delimiter::Tab => notes.push("The columns are separated by tabs.".to_owned()),
                }
            }
            Self::Workbook { workbook, sheets } => {
                let others = workbook.others(sheets);
                if let [first, .., last] = sheets.as_slice() {
                    notes.push(format!(
                        "The sheets `{first}` to `{last}` are read as one. Rows of a further sheet are numbered from 1048577 on, and so forth."
                    ));
                }
                if !others.is_empty() {
                    notes.push(format!("Other sheets are not read: {}.", workbook::quoted(&others)));
                }
                if workbook.is_1904() {
                    notes.push("The days of the workbook are counted from 1904.".to_owned());
                }
            }
            Self::Json { file, .. } => notes.extend(json_notes(file, source.table)),
        }
        if headings.row > 1 {
            notes.push(format!(
                "The headings are in row {}; what is above them is left out.",
                headings.row
            ));
        }
        notes
    }
}

/// What a JSON document of several tables has and lacks.
fn json_notes(file: &JsonFile, table: Table) -> Option<String> {
    let names = |tables: Vec<Table>| tables.iter().map(|table| table.name()).collect::<Vec<_>>().join(", ");
    let others: Vec<_> = file.tables.iter().copied().filter(|other| *other != table).collect();
    if others.is_empty() {
        return None;
    }
    let missing: Vec<_> = Table::ALL
        .into_iter()
        .filter(|table| !file.tables.contains(table))
        .collect();
    let (read, others) = (format!("Only {table} is read from the file."), names(others));
    Some(match (file.is_archive, missing.is_empty()) {
        (true, _) | (false, true) => format!("{read} It also has {others}."),
        (false, false) => format!(
            "The file is a complete backup of another application. {read} It also has {others}, which are imported one after another. \
             It does not have {}.",
            names(missing)
        ),
    })
}
