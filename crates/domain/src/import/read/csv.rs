//! Reads the records of CSV.
//!
//! `csv-core` splits and unquotes. It leaves out blank lines, can't tell an empty field from `""`, and accepts a quote that never
//! ends. So the raw bytes of each record that has quotes or line breaks are looked at once more.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::decode::{Charset, decoding_error};
use super::fault::{FileFault, ReadError};
use super::limits::{MAX_FILE_COLUMNS, MAX_ROW_BYTES, MAX_ROWS};
use super::raw::{RawCell, RawSink};
use crate::export::Delimiter;

const BLOCK: usize = 64 * 1024;

/// The most columns of a row whose cells need no allocation.
const USUAL_COLUMNS: usize = 24;

/// Gives every record to the sink, until that ends it. Row 1 is the first line; a blank line counts as a row.
pub(super) fn rows(
    path: &Path,
    charset: Charset,
    delimiter: Delimiter,
    sink: &mut RawSink<'_>,
) -> Result<(), ReadError> {
    let source = charset.open(path)?;
    read_records(source, delimiter, sink)
}

fn read_records(source: impl Read, delimiter: Delimiter, sink: &mut RawSink<'_>) -> Result<(), ReadError> {
    let mut records = Records::new(source, delimiter);
    while let Some(record) = records.next()? {
        // An allocation costs time for a million rows.
        let mut usual = [RawCell::Empty; USUAL_COLUMNS];
        let mut many;
        let cells = match usual.get_mut(..record.ends.len()) {
            Some(cells) => cells,
            None => {
                many = vec![RawCell::Empty; record.ends.len()];
                &mut many[..]
            }
        };
        record.write_cells(cells)?;
        if let ControlFlow::Break(()) = sink(record.row, cells)? {
            break;
        }
    }
    Ok(())
}

struct Records<R> {
    source: R,
    reader: Reader,
    delimiter: Delimiter,
    /// What was read and not yet consumed as a record; the record in work begins at `start`.
    input: Vec<u8>,
    start: usize,
    /// How far the parser is.
    parsed: usize,
    is_end: bool,
    fields: Vec<u8>,
    ends: Vec<usize>,
    row: u64,
    /// Whether the last record ended with a carriage return, so that a line feed still belongs to it.
    ended_by_cr: bool,
}

impl<R: Read> Records<R> {
    fn new(source: R, delimiter: Delimiter) -> Self {
        Self {
            source,
            reader: ReaderBuilder::new().delimiter(delimiter.byte()).build(),
            delimiter,
            input: Vec::with_capacity(2 * BLOCK),
            start: 0,
            parsed: 0,
            is_end: false,
            fields: vec![0; BLOCK],
            ends: vec![0; MAX_FILE_COLUMNS + 1],
            row: 0,
            ended_by_cr: false,
        }
    }

    fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        self.start = self.parsed;
        let (mut written, mut ended) = (0, 0);
        loop {
            if self.parsed == self.input.len() && !self.is_end {
                self.fill()?;
            }
            let input = &self.input[self.parsed..];
            let (result, read, wrote, ends) =
                self.reader
                    .read_record(input, &mut self.fields[written..], &mut self.ends[ended..]);
            self.parsed += read;
            written += wrote;
            ended += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.fields.len() >= MAX_ROW_BYTES => return Err(self.too_long()),
                ReadRecordResult::OutputFull => self.fields.resize(2 * self.fields.len(), 0),
                ReadRecordResult::OutputEndsFull => return Err(too_many_columns(self.row + 1).into()),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => break,
            }
        }
        let raw = &self.input[self.start..self.parsed];
        let (blank, skipped) = blank_lines(raw, self.ended_by_cr);
        let raw = &raw[skipped..];
        self.ended_by_cr = raw.ends_with(b"\r");
        self.row += blank + 1;
        if self.row > MAX_ROWS {
            return Err(FileFault::new(format!("The file has more than {MAX_ROWS} rows.")).into());
        }
        if ended > MAX_FILE_COLUMNS {
            return Err(too_many_columns(self.row).into());
        }
        Ok(Some(Record {
            row: self.row,
            raw,
            fields: &self.fields[..written],
            ends: &self.ends[..ended],
            delimiter: self.delimiter.byte(),
        }))
    }

    /// Reads the next block, and forgets the records before the current one.
    fn fill(&mut self) -> Result<(), ReadError> {
        if self.start > 0 {
            self.input.drain(..self.start);
            self.parsed -= self.start;
            self.start = 0;
        }
        if self.input.len() > MAX_ROW_BYTES + BLOCK {
            return Err(self.too_long());
        }
        let length = self.input.len();
        self.input.resize(length + BLOCK, 0);
        let read = self
            .source
            .read(&mut self.input[length..])
            .map_err(|error| decoding_error(error, self.row + 1))?;
        self.input.truncate(length + read);
        self.is_end = read == 0;
        Ok(())
    }

    fn too_long(&self) -> ReadError {
        let row = self.row + 1;
        let problem = format!(
            "Row {row} is longer than {} MiB. A quotation mark may begin in it that never ends.",
            MAX_ROW_BYTES >> 20
        );
        FileFault::new(problem).in_row(row).into()
    }
}

fn too_many_columns(row: u64) -> FileFault {
    let problem = format!("Row {row} has more than {MAX_FILE_COLUMNS} columns.");
    FileFault::new(problem).in_row(row)
}

/// The number of blank lines before a record, and their length in bytes.
fn blank_lines(raw: &[u8], after_cr: bool) -> (u64, usize) {
    let mut skipped = usize::from(after_cr && raw.first() == Some(&b'\n'));
    let mut lines = 0;
    loop {
        match raw[skipped..] {
            [b'\r', b'\n', ..] => skipped += 2,
            [b'\r' | b'\n', ..] => skipped += 1,
            _ => return (lines, skipped),
        }
        lines += 1;
    }
}

struct Record<'a> {
    row: u64,
    /// Its bytes in the file.
    raw: &'a [u8],
    fields: &'a [u8],
    ends: &'a [usize],
    delimiter: u8,
}

impl Record<'_> {
    /// Writes its cells, as many as it has.
    fn write_cells<'c>(&'c self, cells: &mut [RawCell<'c>]) -> Result<(), ReadError> {
        // The text was checked, or decoded; delimiters are never within a character.
        let Ok(fields) = std::str::from_utf8(self.fields) else {
            let problem = format!("Row {} is not UTF-8.", self.row);
            return Err(FileFault::new(problem).in_row(self.row).into());
        };
        let mut start = 0;
        for (cell, end) in cells.iter_mut().zip(self.ends) {
            let text = fields.get(start..*end).unwrap_or_default();
            start = *end;
            *cell = if text.is_empty() {
                RawCell::Empty
            } else {
                RawCell::Text(text)
            };
        }
        if self.raw.contains(&b'"') {
            self.mark_empty_texts(cells)?;
        }
        Ok(())
    }

    /// A quoted empty field is an empty text, unless every field is quoted: then the quotes have no meaning.
    fn mark_empty_texts(&self, cells: &mut [RawCell<'_>]) -> Result<(), ReadError> {
        let mut quoted = [false; MAX_FILE_COLUMNS];
        if scan_quotes(self.raw, self.delimiter, &mut quoted) == QuoteEnd::Open {
            let problem = format!("A quotation mark that never ends begins in row {}.", self.row);
            return Err(FileFault::new(problem).in_row(self.row).into());
        }
        let count = self.ends.len();
        if quoted[..count].iter().all(|is_quoted| *is_quoted) && count > 1 {
            return Ok(());
        }
        for (cell, is_quoted) in cells.iter_mut().zip(quoted).take(count) {
            if is_quoted && *cell == RawCell::Empty {
                *cell = RawCell::Text("");
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QuoteEnd {
    Closed,
    Open,
}

/// Finds the fields that begin with a quotation mark, and whether the last one is closed.
fn scan_quotes(raw: &[u8], delimiter: u8, quoted: &mut [bool; MAX_FILE_COLUMNS]) -> QuoteEnd {
    let (mut field, mut is_start, mut is_inside) = (0, true, false);
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if is_inside {
            if byte == b'"' {
                match bytes.peek() {
                    Some(b'"') => drop(bytes.next()),
                    _ => is_inside = false,
                }
            }
        } else if byte == delimiter {
            field += 1;
            is_start = true;
            continue;
        } else if byte == b'"' && is_start {
            is_inside = true;
            if let Some(quoted) = quoted.get_mut(field) {
                *quoted = true;
            }
        }
        is_start = false;
    }
    match is_inside {
        true => QuoteEnd::Open,
        false => QuoteEnd::Closed,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::raw::OwnedRow;
    use super::*;

    fn rows_of(text: &str, delimiter: Delimiter) -> Result<Vec<OwnedRow>, ReadError> {
        let mut rows = Vec::new();
        read_records(text.as_bytes(), delimiter, &mut |row, cells| {
            rows.push(OwnedRow::of(row, cells));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    fn fault(text: &str) -> FileFault {
        match rows_of(text, Delimiter::Comma) {
            Err(ReadError::File(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn blank_lines_count_as_rows() {
        for line_end in ["\n", "\r\n", "\r"] {
            let text = ["", "a,b", "", "", "\"c\nd\",e", "f,g", "", ""].join(line_end);
            let numbers: Vec<_> = rows_of(&text, Delimiter::Comma)
                .unwrap()
                .iter()
                .map(|row| row.row)
                .collect();
            assert_eq!(numbers, [2, 5, 6], "{line_end:?}");
        }
    }

    #[test]
    fn empty_text_is_told_from_nothing() {
        let rows = rows_of("1,\"\",\r\n\"2\",\"\",\"\"\r\n", Delimiter::Comma).unwrap();
        assert_eq!(rows[0].raw(), [RawCell::Text("1"), RawCell::Text(""), RawCell::Empty]);
        // A program that quotes everything says nothing by it.
        assert_eq!(rows[1].raw(), [RawCell::Text("2"), RawCell::Empty, RawCell::Empty]);
    }

    #[test]
    fn quote_that_never_ends_is_refused_with_its_row() {
        let fault = fault("a,b\n1,2\n3,\"4\n5,6\n");
        assert_eq!(fault.row, Some(3));
        assert!(fault.detail.contains("row 3"), "{}", fault.detail);
    }

    #[test]
    fn quote_within_a_field_is_a_character() {
        let rows = rows_of("5\" disk,\"a \"\"b\"\"\"\n", Delimiter::Comma).unwrap();
        assert_eq!(rows[0].raw(), [RawCell::Text("5\" disk"), RawCell::Text("a \"b\"")]);
    }

    #[test]
    fn too_many_columns_are_refused() {
        assert!(
            fault(&format!("a\n{}", ",".repeat(10_000_000)))
                .detail
                .contains("Row 2 has more than 256 columns")
        );
        assert!(rows_of(&",".repeat(MAX_FILE_COLUMNS - 1), Delimiter::Comma).is_ok());
        assert!(rows_of(&",".repeat(MAX_FILE_COLUMNS), Delimiter::Comma).is_err());
    }

    #[test]
    fn too_long_cell_is_refused() {
        let fault = fault(&format!("a,b\n1,{}\n", "x".repeat(MAX_ROW_BYTES + 1)));
        assert_eq!(fault.row, Some(2));
    }

    proptest! {
        #[test]
        fn records_are_those_of_the_csv_crate(text in "([a,;\"\\n]|\\r\\n|\\PC){0,40}") {
            let mut reader = csv::ReaderBuilder::new();
            reader.has_headers(false).flexible(true);
            let expected: Vec<Vec<String>> = reader
                .from_reader(text.as_bytes())
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            if let Ok(rows) = rows_of(&text, Delimiter::Comma) {
                let found: Vec<Vec<String>> = rows
                    .iter()
                    .map(|row| row.raw().iter().map(|cell| cell.text().into_owned()).collect())
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
