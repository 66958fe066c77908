//! CSV as RFC 4180 has it: CRLF, quotes where they are needed, UTF-8.
//!
//! NULL is an empty field and an empty text is `""`, so that readers which know the difference can tell them apart.

use campus_backup_archive::Cell;
use campus_backup_archive::digits::{write_day_first, write_integer};
use campus_backup_archive::value::write_decimal;
use chrono_tz::Tz;

use super::{CsvOptions, Encoder, text, unexportable};
use crate::catalog::Table;
use crate::error::Result;
use crate::snapshot::{RowEncoder, Selection};

#[derive(Clone)]
pub(super) struct Csv {
    options: CsvOptions,
    zone: Tz,
    table: Table,
}

impl Csv {
    pub(super) fn new(options: CsvOptions, zone: Tz) -> Self {
        Self {
            options,
            zone,
            table: Table::Users,
        }
    }
}

impl Encoder for Csv {
    fn selection(&self) -> Selection {
        Selection::Sheet
    }

    fn begin_table(&mut self, table: Table, _: u64, out: &mut Vec<u8>) -> Result<()> {
        self.table = table;
        if self.options.bom {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        for (position, column) in table.sheet().iter().enumerate() {
            separate(position, out);
            write_text(column.heading, out);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<()> {
        for (position, cell) in cells.iter().enumerate() {
            separate(position, out);
            match cell {
                Cell::Null => {}
                Cell::Integer(value) => write_integer(*value, out),
                Cell::Text(value) | Cell::Native(value) => write_safe_text(value, self.options, out)
                    .map_err(|problem| unexportable(self.table, cells, position, problem.to_owned()))?,
                Cell::Decimal(value) => write_decimal(*value, out),
                Cell::Date(date) => write_day_first(*date, out),
                Cell::Timestamp(time) => text::write_timestamp(*time, self.zone, out),
                Cell::Boolean(true) => out.extend_from_slice(b"true"),
                Cell::Boolean(false) => out.extend_from_slice(b"false"),
            }
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn of_rows(&self) -> Option<RowEncoder> {
        let mut own = self.clone();
        Some(Box::new(move |cells, out| own.row(cells, out)))
    }

    fn end_table(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

fn separate(position: usize, out: &mut Vec<u8>) {
    if position > 0 {
        out.push(b',');
    }
}

/// Appends a text that comes from the data, as a person's spreadsheet may have it.
///
/// # Errors
/// What is wrong with a text that no spreadsheet may have.
pub(crate) fn write_safe_text(value: &str, options: CsvOptions, out: &mut Vec<u8>) -> Result<(), &'static str> {
    // Nearly all of them, and each is looked at once.
    if value.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && value.bytes().all(is_plain) {
        out.extend_from_slice(value.as_bytes());
        return Ok(());
    }
    // LibreOffice drops a leading NUL and then runs the rest as a formula; no spreadsheet can show one.
    if value.contains('\0') {
        return Err(text::HAS_NUL);
    }
    match options.formula_guard {
        true => write_text(&text::guard(value), out),
        false => write_text(value, out),
    }
    Ok(())
}

/// Whether a byte of a text needs no quotes and is no NUL.
fn is_plain(byte: u8) -> bool {
    !matches!(byte, 0 | b',' | b'"' | b'\r' | b'\n')
}

/// Appends a text, quoted if it is empty or has a comma, a quote or a line break.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    let text = text.as_bytes();
    if !text.is_empty() && !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        out.extend_from_slice(text);
        return;
    }
    let start = out.len() + 1;
    out.push(b'"');
    // At worst every byte is a quote, which is doubled.
    out.resize(start + 2 * text.len(), 0);
    let (_, _, written) = csv_core::quote(text, &mut out[start..], b'"', b'"', true);
    out.truncate(start + written);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(cells: &[Cell<'_>]) -> String {
        let mut out = Vec::new();
        let options = CsvOptions {
            bom: false,
            formula_guard: false,
        };
        Csv::new(options, Tz::UTC).row(cells, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn null_is_empty_and_an_empty_text_is_quoted() {
        assert_eq!(
            record(&[Cell::Null, Cell::Text(""), Cell::Boolean(true)]),
            ",\"\",true\r\n"
        );
    }

    #[test]
    fn money_has_two_decimals() {
        assert_eq!(
            record(&[Cell::Decimal("12.5".parse().unwrap()), Cell::Integer(-3)]),
            "12.50,-3\r\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(texts in prop::collection::vec("[\",\\r\\n a]{0,6}|\\PC{0,9}", 2..5)) {
            let cells: Vec<_> = texts.iter().map(|text| Cell::Text(text)).collect();
            let written = record(&cells);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(written.as_bytes());
            let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(records.len(), 1);
            prop_assert_eq!(records[0].iter().collect::<Vec<_>>(), texts);
        }
    }
}
