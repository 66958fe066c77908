//! Reads one archive, row by row, in constant memory, and says at the end whether it is whole.
//!
//! In reading order: [`header`] is everything before the first row, [`row`] one row, [`scan`] the values in it (with
//! [`text`] for escapes). [`row_order`] compares it with the row before. [`summary_check`] compares the rows with the summary. [`keys`] and [`file_type`] tell people
//! what is wrong.

mod file_type;
mod header;
mod keys;
mod lines;
mod row;
mod row_order;
mod scan;
mod summary_check;
mod text;

use std::fmt;
use std::io::Read;
use std::ops::Range;

pub use row::Row;

use crate::error::{Error, Result};
use crate::header::ArchiveHeader;
use crate::layers::{self, Form, Keys};
use crate::limits::Limits;
use crate::rows::RowsDigest;
use crate::schema::TableSchema;
use crate::summary::Summary;
use crate::value::write_json_text;
use lines::Lines;
use row::ReaderTable;
use summary_check::SummaryCheck;

/// Reads one archive from its first byte to its last.
///
/// ```
/// use campus_backup_archive::{Keys, Limits, Reader};
///
/// fn count(file: std::fs::File, keys: &Keys) -> campus_backup_archive::Result<u64> {
///     let mut reader = Reader::open(file, keys, Limits::default())?;
///     while let Some(table) = reader.next_table()? {
///         while let Some(row) = reader.next_row()? {
///             assert_eq!(row.cells().len(), table.columns.len());
///         }
///     }
///     Ok(reader.finish()?.total)
/// }
/// ```
///
/// Whatever was read is only believed after [`Reader::finish`]: a damaged archive gives right-looking rows up to the
/// damage, and wrong ones may be noticed only by the digests at the end. A reader that has refused once keeps refusing.
///
/// It blocks on its source. Memory is bounded by [`Limits`]: two buffers of a line (four in version 2), the window of zstd (8 MiB) and what
/// age keeps (128 KiB); with a passphrase 256 MiB for a second.
pub struct Reader<'s> {
    lines: Lines<'s>,
    form: Form,
    header: ArchiveHeader,
    state: ReaderState,
    /// The position of the next table in the schema.
    next: usize,
    table: Option<ReaderTable>,
    /// The digest of the rows of the current table.
    digest: RowsDigest,
    summary_check: SummaryCheck,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    /// Before the line of the next table, or before the summary.
    Between,
    /// Before a row: after the opening bracket or a comma.
    Row,
    /// After a row without a comma: the bracket must follow.
    LastRow,
    /// The archive was refused.
    Refused,
}

impl<'s> Reader<'s> {
    /// Opens the layers and reads the header.
    ///
    /// Compression by zstd and encryption by age (binary or ASCII armour) are recognized by their first bytes. There
    /// may be at most one layer of each, in either order.
    ///
    /// # Errors
    ///
    /// All faults that are visible this early: [`Error::Empty`], [`Error::NotAnArchive`], [`Error::NewerVersion`],
    /// [`Error::KeyRequired`], [`Error::WrongKey`], and damage.
    pub fn open(source: impl Read + Send + 's, keys: &Keys, limits: Limits) -> Result<Self> {
        let (input, form) = layers::open(Box::new(source), keys, &limits)?;
        let mut lines = Lines::new(input, limits);
        let (header, digest) = header::read(&mut lines, limits)?;
        let range = lines.advance()?;
        let is_opening = match header.schema.tables.as_slice() {
            [] => lines.line(range) == b"\"tables\":{},",
            _ => lines.line(range) == b"\"tables\":{",
        };
        if !is_opening {
            return Err(Error::Corrupt {
                at: lines.position(),
                problem: "the tables should begin here",
            });
        }
        Ok(Self {
            lines,
            form,
            summary_check: SummaryCheck::new(header.version, digest),
            header,
            state: ReaderState::Between,
            next: 0,
            table: None,
            digest: RowsDigest::default(),
        })
    }

    /// The header. The caller checks whether its schema is the expected one
    /// ([`Schema::demand`](crate::Schema::demand)).
    pub fn header(&self) -> &ArchiveHeader {
        &self.header
    }

    /// The layers around the document.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Begins the next table, after reading and checking the rest of the current one. `None` after the last.
    ///
    /// # Errors
    ///
    /// Any fault of the archive up to there.
    pub fn next_table(&mut self) -> Result<Option<TableSchema>> {
        while self.next_row()?.is_some() {}
        let result = self.begin_table();
        self.remember(&result);
        result
    }

    /// The next row of the current table; `None` after its last.
    ///
    /// # Errors
    ///
    /// If the row does not belong to this table, or is not written as the writer would write it.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>> {
        let range = match self.state {
            ReaderState::Between => return Ok(None),
            ReaderState::Refused => return Err(Error::Refused),
            ReaderState::Row | ReaderState::LastRow => {
                let result = self.row_or_end();
                self.remember(&result);
                result?
            }
        };
        let (Some(range), Some(table)) = (range, self.table.as_mut()) else {
            return Ok(None);
        };
        // Refused until the row was checked.
        let state = std::mem::replace(&mut self.state, ReaderState::Refused);
        let row = table.row(self.lines.line(range), self.lines.number())?;
        self.digest.row(row.json());
        self.state = state;
        Ok(Some(row))
    }

    /// Reads and checks the rest, compares everything with the summary, and ensures that nothing follows.
    ///
    /// Only this proves that an archive is complete.
    ///
    /// # Errors
    ///
    /// If it is not complete; see [`Error`].
    pub fn finish(mut self) -> Result<Summary> {
        while self.next_table()?.is_some() {}
        let range = self.lines.advance()?;
        let summary = self
            .summary_check
            .compare(self.lines.line(range), || self.lines.position())?;
        self.lines.demand_end()?;
        Ok(summary)
    }

    fn remember<T>(&mut self, result: &Result<T>) {
        if result.is_err() {
            self.state = ReaderState::Refused;
        }
    }

    fn begin_table(&mut self) -> Result<Option<TableSchema>> {
        let Some(schema) = self.header.schema.tables.get(self.next) else {
            return Ok(None);
        };
        let range = self.lines.advance()?;
        let line = self.lines.line(range);
        let mut opening = Vec::new();
        write_json_text(&schema.name, &mut opening);
        opening.extend_from_slice(b":[");
        let Some(rest) = line.strip_prefix(opening.as_slice()) else {
            return Err(Error::Corrupt {
                at: crate::Position {
                    table: Some(schema.name.clone()),
                    ..self.lines.position()
                },
                problem: "this table should begin here",
            });
        };
        let rest = rest.to_vec();
        let schema = schema.clone();
        self.table = Some(ReaderTable::new(self.header.version, schema.clone()));
        self.state = ReaderState::Row;
        if !rest.is_empty() {
            self.end_table(&rest)?;
        }
        Ok(Some(schema))
    }

    /// Finds the bytes of the next row, or ends the table.
    fn row_or_end(&mut self) -> Result<Option<Range<usize>>> {
        let mut range = self.lines.advance()?;
        let line = self.lines.line(range.clone());
        match (self.state, line.first()) {
            (ReaderState::LastRow, Some(b']')) => {
                let line = line.to_vec();
                self.end_table(&line)?;
                Ok(None)
            }
            (ReaderState::Row, Some(b'{')) => {
                if line.last() == Some(&b',') {
                    range.end -= 1;
                } else {
                    self.state = ReaderState::LastRow;
                }
                Ok(Some(range))
            }
            _ => Err(self.misplaced("neither a row nor the end of the table, as this version writes them")),
        }
    }

    /// Ends the current table at the line that closes it.
    fn end_table(&mut self, line: &[u8]) -> Result<()> {
        let is_last = self.next + 1 == self.header.schema.tables.len();
        let expected: &[u8] = if is_last { b"]}," } else { b"]," };
        if line != expected {
            return Err(self.misplaced("the table does not end as this version writes it"));
        }
        if let Some(table) = self.table.take() {
            self.summary_check.add(&table, self.digest.take());
        }
        self.next += 1;
        self.state = ReaderState::Between;
        Ok(())
    }

    fn misplaced(&self, problem: &'static str) -> Error {
        let mut at = self.lines.position();
        at.table = self.table.as_ref().map(|table| table.schema().name.clone());
        at.row = self.table.as_ref().map(|table| table.rows() + 1);
        Error::Corrupt { at, problem }
    }
}

/// Leaves out the rows.
impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("form", &self.form)
            .field("header", &self.header)
            .field("line", &self.lines.number())
            .finish_non_exhaustive()
    }
}
