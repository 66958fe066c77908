//! CSV as in RFC 4180: CRLF, quotes where needed, UTF-8.
//!
//! NULL is an empty field and an empty text is `""`, so that readers can distinguish them. A text with any common
//! delimiter is quoted, so that a reader that tries several delimiters does not split it.

use campus_backup_archive::Cell;
use campus_backup_archive::digits::write_integer;
use campus_backup_archive::value::write_decimal;
use chrono_tz::Tz;
use rust_decimal::Decimal;

use super::{CsvOptions, CsvStyle, DecimalMark, Delimiter, Encoder, text, unexportable};
use crate::catalog::{ExportColumn, FOREIGN_KIND, NameColumns, Table};
use crate::error::Result;
use crate::snapshot::{RowEncoder, Selection};

#[derive(Clone)]
pub(super) struct Csv {
    options: CsvOptions,
    names: NameColumns,
    zone: Tz,
    table: Table,
    columns: &'static [ExportColumn],
}

impl Csv {
    pub(super) fn new(options: CsvOptions, names: NameColumns, zone: Tz) -> Self {
        Self {
            options,
            names,
            zone,
            table: Table::Users,
            columns: &[],
        }
    }

    /// Inlined, so that the compiler makes a copy with a constant style.
    #[inline(always)]
    fn write_row(&self, style: CsvStyle, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<()> {
        for (position, cell) in cells.iter().enumerate() {
            separate(position, style.delimiter, out);
            match cell {
                Cell::Null => {}
                Cell::Integer(value) => write_integer(*value, out),
                Cell::Text(value) | Cell::Native(value) => write_safe_text(value, self.options, out)
                    .map_err(|problem| unexportable(self.table, self.columns, cells, position, problem.to_owned()))?,
                Cell::Decimal(value) => match style.decimals {
                    DecimalMark::Point => write_decimal(*value, out),
                    DecimalMark::Comma => write_with_comma(*value, style.delimiter, out),
                },
                Cell::Date(date) => text::write_date(*date, style.dates, out),
                Cell::Timestamp(time) => text::write_timestamp(*time, self.zone, style.dates, out),
                Cell::Boolean(true) => out.extend_from_slice(b"true"),
                Cell::Boolean(false) => out.extend_from_slice(b"false"),
                Cell::Real(_) | Cell::Real32(_) | Cell::Datetime(_) | Cell::Bytes(_) | Cell::Stored(_) => {
                    let problem = FOREIGN_KIND.to_owned();
                    return Err(unexportable(self.table, self.columns, cells, position, problem));
                }
            }
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

impl Encoder for Csv {
    fn selection(&self) -> Selection {
        Selection::ExportColumns(self.names)
    }

    fn begin_table(&mut self, table: Table, _: u64, out: &mut Vec<u8>) -> Result<()> {
        self.table = table;
        self.columns = table.export_columns(self.names);
        let is_bare = !self.options.bom;
        if self.options.bom {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        for (position, column) in self.columns.iter().enumerate() {
            separate(position, self.options.style.delimiter, out);
            match column.heading {
                // Excel takes a file that begins with these two letters for another format (SYLK).
                "ID" if is_bare && position == 0 => out.extend_from_slice(b"\"ID\""),
                heading => write_text(heading, out),
            }
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<()> {
        // Every branch costs time for a million rows.
        match self.options.style {
            CsvStyle::DEFAULT => self.write_row(CsvStyle::DEFAULT, cells, out),
            style => self.write_row(style, cells, out),
        }
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

#[inline]
fn separate(position: usize, delimiter: Delimiter, out: &mut Vec<u8>) {
    if position > 0 {
        out.push(delimiter.byte());
    }
}

/// Appends an amount with a decimal comma, quoted if the comma is also the delimiter.
fn write_with_comma(value: Decimal, delimiter: Delimiter, out: &mut Vec<u8>) {
    let quote: &[u8] = match delimiter {
        Delimiter::Comma => b"\"",
        Delimiter::Semicolon | Delimiter::Tab => b"",
    };
    out.extend_from_slice(quote);
    let start = out.len();
    write_decimal(value, out);
    for byte in &mut out[start..] {
        if *byte == b'.' {
            *byte = b',';
        }
    }
    out.extend_from_slice(quote);
}

/// Appends a text of the data, as a spreadsheet may read it.
///
/// # Errors
///
/// The fault of a text that no spreadsheet can hold.
pub(crate) fn write_safe_text(value: &str, options: CsvOptions, out: &mut Vec<u8>) -> Result<(), &'static str> {
    // This is true for nearly all texts, and reads each byte only once.
    if value.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && value.bytes().all(is_plain) {
        out.extend_from_slice(value.as_bytes());
        return Ok(());
    }
    // LibreOffice drops a leading NUL and then runs the rest as a formula; no spreadsheet can show one.
    if value.contains('\0') {
        return Err(text::HAS_NUL);
    }
    match options.formula_guard {
        true => write_text(&text::guard(value, options.style.delimiter), out),
        false => write_text(value, out),
    }
    Ok(())
}

/// Whether a byte of a text needs no quotes and is not NUL.
fn is_plain(byte: u8) -> bool {
    byte != 0 && !needs_quotes(byte)
}

/// A delimiter of some reader, a quote or a line break.
fn needs_quotes(byte: u8) -> bool {
    matches!(byte, b',' | b';' | b'\t' | b'"' | b'\r' | b'\n')
}

/// Appends a text, quoted if it is empty or has a byte that needs it.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    let text = text.as_bytes();
    if !text.is_empty() && !text.iter().copied().any(needs_quotes) {
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
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;
    use crate::export::DateStyle;

    fn record(cells: &[Cell<'_>]) -> String {
        record_in(CsvStyle::DEFAULT, cells)
    }

    fn record_in(style: CsvStyle, cells: &[Cell<'_>]) -> String {
        let mut out = Vec::new();
        let options = CsvOptions {
            bom: false,
            formula_guard: false,
            style,
        };
        let mut csv = Csv::new(options, NameColumns::Omitted, Tz::UTC);
        csv.row(cells, &mut out).unwrap();
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

    #[test]
    fn every_style_is_written_as_it_says() {
        let date = NaiveDate::from_ymd_opt(2024, 2, 9).unwrap();
        let cells = [
            Cell::Decimal("-1234.5".parse().unwrap()),
            Cell::Date(date),
            Cell::Timestamp(date.and_hms_opt(1, 2, 3).unwrap().and_utc()),
            Cell::Text("a;b"),
        ];
        let style = |delimiter, decimals, dates| CsvStyle {
            delimiter,
            decimals,
            dates,
        };
        for (style, written) in [
            (CsvStyle::DEFAULT, "-1234.50,09-02-2024,09-02-2024 01:02:03,\"a;b\"\r\n"),
            (
                style(Delimiter::Semicolon, DecimalMark::Comma, DateStyle::Iso),
                "-1234,50;2024-02-09;2024-02-09 01:02:03;\"a;b\"\r\n",
            ),
            (
                style(Delimiter::Comma, DecimalMark::Comma, DateStyle::DayFirst),
                "\"-1234,50\",09-02-2024,09-02-2024 01:02:03,\"a;b\"\r\n",
            ),
            (
                style(Delimiter::Tab, DecimalMark::Point, DateStyle::Iso),
                "-1234.50\t2024-02-09\t2024-02-09 01:02:03\t\"a;b\"\r\n",
            ),
        ] {
            assert_eq!(record_in(style, &cells), written);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(texts in prop::collection::vec("[\",;\\t\\r\\n a]{0,6}|\\PC{0,9}", 2..5)) {
            let cells: Vec<_> = texts.iter().map(|text| Cell::Text(text)).collect();
            for delimiter in [Delimiter::Comma, Delimiter::Semicolon, Delimiter::Tab] {
                let written = record_in(CsvStyle { delimiter, ..CsvStyle::DEFAULT }, &cells);
                let mut reader = csv::ReaderBuilder::new();
                reader.has_headers(false).delimiter(delimiter.byte());
                let mut reader = reader.from_reader(written.as_bytes());
                let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
                prop_assert_eq!(records.len(), 1);
                prop_assert_eq!(records[0].iter().collect::<Vec<_>>(), texts.clone());
            }
        }
    }
}
