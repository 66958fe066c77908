//! An Excel workbook with typed cells: texts stay texts, and leading zeros are kept.
//!
//! A workbook is a ZIP file of XML parts (ECMA-376). The snapshot knows the number of sheets, so each part is written
//! in order: the first bytes are sent at once, and memory does not grow with the rows. Libraries for workbooks build
//! the whole file at the end, so this module writes the few necessary elements itself.

mod xml;

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex};

use campus_backup_archive::digits::{write_day_first, write_integer};
use campus_backup_archive::value::write_decimal;
use campus_backup_archive::{Cell, Kind};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};
use chrono_tz::Tz;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use self::xml::Style;
use super::{DateStyle, Encoder, text, unexportable};
use crate::catalog::{ExportColumn, NameColumns, Table};
use crate::error::{Error, Result};
use crate::mutex::lock;
use crate::snapshot::Selection;

const DOING: &str = "writing the workbook";

/// The maximum number of rows of a sheet, with its heading (a limit of Excel, not of ECMA-376).
const SHEET_ROWS: u64 = 1_048_576;

/// The maximum number of UTF-16 code units in a cell of Excel.
const CELL_CHARACTERS: usize = 32_767;

/// The largest whole number that a cell, a 64-bit float, holds exactly.
const EXACT: u64 = 1 << 53;

/// How many bytes of XML are collected before they are compressed.
const GATHERED: usize = 32 * 1024;

/// Cells are so repetitive that a higher level costs more time than it saves bytes.
const LEVEL: i64 = 1;

pub(super) struct Xlsx {
    zip: ZipWriter<StreamWriter<Compressed>>,
    compressed: Compressed,
    names: NameColumns,
    zone: Tz,
    sheet_rows: u64,
    table: Table,
    columns: &'static [ExportColumn],
    sheet: u64,
    next_row: u64,
    /// XML that is not yet compressed.
    xml: Vec<u8>,
}

impl Xlsx {
    pub(super) fn new(names: NameColumns, zone: Tz) -> Self {
        let compressed = Compressed::default();
        Self {
            zip: ZipWriter::new_stream(compressed.clone()),
            compressed,
            names,
            zone,
            sheet_rows: SHEET_ROWS,
            table: Table::Users,
            columns: &[],
            sheet: 0,
            next_row: 0,
            xml: Vec::with_capacity(2 * GATHERED),
        }
    }

    /// Ends the current sheet and begins the next one.
    fn begin_sheet(&mut self) -> Result<()> {
        if self.sheet > 0 {
            self.xml.extend_from_slice(xml::SHEET_END);
        }
        self.sheet += 1;
        self.begin_part(&xml::sheet_path(self.sheet))?;
        let widths = self.columns.iter().map(|column| match column.kind {
            Kind::Integer | Kind::Decimal | Kind::Boolean | Kind::Date => 12,
            Kind::Timestamp => 20,
            Kind::Text | Kind::Real | Kind::Real32 | Kind::Datetime | Kind::Bytes | Kind::Native => 28,
        });
        xml::begin_sheet(widths, &mut self.xml);
        xml::begin_row(1, &mut self.xml);
        for (column, described) in self.columns.iter().enumerate() {
            xml::text_cell(1, column, Style::Heading, described.heading, &mut self.xml);
        }
        self.xml.extend_from_slice(xml::ROW_END);
        self.next_row = 2;
        Ok(())
    }

    /// Begins a part of the ZIP file. Everything that is written from now on belongs to it.
    fn begin_part(&mut self, path: &str) -> Result<()> {
        self.compress_gathered()?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL));
        self.zip.start_file(path, options).map_err(Error::internal(DOING))
    }

    fn compress_gathered(&mut self) -> Result<()> {
        if !self.xml.is_empty() {
            self.zip.write_all(&self.xml).map_err(Error::internal(DOING))?;
            self.xml.clear();
        }
        Ok(())
    }
}

impl Encoder for Xlsx {
    fn selection(&self) -> Selection {
        Selection::ExportColumns(self.names)
    }

    fn begin_table(&mut self, table: Table, rows: u64, out: &mut Vec<u8>) -> Result<()> {
        self.table = table;
        self.columns = table.export_columns(self.names);
        let sheets = rows.div_ceil(self.sheet_rows - 1).max(1);
        for (path, part) in xml::frame(table.name(), sheets) {
            self.begin_part(&path)?;
            self.xml.extend_from_slice(part.as_bytes());
        }
        self.begin_sheet()?;
        self.compressed.drain(out);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Result<()> {
        if self.next_row > self.sheet_rows {
            self.begin_sheet()?;
        }
        let row = self.next_row;
        xml::begin_row(row, &mut self.xml);
        for (column, cell) in cells.iter().enumerate() {
            if let Cell::Text(text) | Cell::Native(text) = cell
                && let Some(problem) = no_cell_holds(text)
            {
                return Err(unexportable(self.table, self.columns, cells, column, problem));
            }
            write_cell(row, column, cell, self.zone, &mut self.xml);
        }
        self.xml.extend_from_slice(xml::ROW_END);
        self.next_row += 1;
        if self.xml.len() >= GATHERED {
            self.compress_gathered()?;
            self.compressed.drain(out);
        }
        Ok(())
    }

    fn end_table(&mut self, _: &mut Vec<u8>) -> Result<()> {
        self.xml.extend_from_slice(xml::SHEET_END);
        self.compress_gathered()
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        self.zip.finish().map_err(Error::internal(DOING))?;
        self.compressed.drain(out);
        Ok(())
    }
}

/// Receives the output of the ZIP writer, which gives no access to its own buffer.
#[derive(Clone, Default)]
struct Compressed(Arc<Mutex<Vec<u8>>>);

impl Compressed {
    fn drain(&self, out: &mut Vec<u8>) {
        let mut bytes = lock(&self.0);
        if out.is_empty() {
            mem::swap(&mut *bytes, out);
        } else {
            out.append(&mut bytes);
        }
    }
}

impl Write for Compressed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut gathered = lock(&self.0);
        gathered.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn no_cell_holds(text: &str) -> Option<String> {
    if text.contains('\0') {
        Some(text::HAS_NUL.to_owned())
    } else if text.len() > CELL_CHARACTERS && text.encode_utf16().count() > CELL_CHARACTERS {
        Some(format!(
            "the text is longer than the {CELL_CHARACTERS} characters of an Excel cell; CSV and JSON have no such limit"
        ))
    } else {
        None
    }
}

fn write_cell(row: u64, column: usize, cell: &Cell<'_>, zone: Tz, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => {}
        Cell::Integer(value) if value.unsigned_abs() <= EXACT => {
            xml::number_cell(row, column, Style::Plain, out, |out| write_integer(*value, out));
        }
        Cell::Integer(value) => xml::text_cell(row, column, Style::Plain, &value.to_string(), out),
        Cell::Text(text) | Cell::Native(text) => xml::text_cell(row, column, Style::Plain, text, out),
        Cell::Decimal(value) => {
            let exact = value.trunc_with_scale(2) == *value && value.mantissa().unsigned_abs() <= u128::from(EXACT);
            if exact {
                xml::number_cell(row, column, Style::Money, out, |out| write_decimal(*value, out));
            } else {
                xml::text_cell(row, column, Style::Plain, &value.to_string(), out);
            }
        }
        Cell::Date(date) if excel_knows(*date) => {
            xml::number_cell(row, column, Style::Date, out, |out| write_integer(day(*date), out));
        }
        Cell::Date(date) => {
            let text = text::written(|out| write_day_first(*date, out));
            xml::text_cell(row, column, Style::Plain, &text, out);
        }
        Cell::Timestamp(time) => write_timestamp(row, column, *time, zone, out),
        Cell::Boolean(value) => xml::boolean_cell(row, column, *value, out),
        // No table of this program has them.
        Cell::Real(_) | Cell::Real32(_) | Cell::Datetime(_) | Cell::Bytes(_) | Cell::Stored(_) => {
            let json = text::written(|out| cell.write_json(out));
            xml::text_cell(row, column, Style::Plain, &json, out);
        }
    }
}

fn write_timestamp(row: u64, column: usize, time: DateTime<Utc>, zone: Tz, out: &mut Vec<u8>) {
    let local: NaiveDateTime = time.with_timezone(&zone).naive_local();
    if excel_knows(local.date()) {
        xml::number_cell(row, column, Style::Timestamp, out, |out| {
            // Whole seconds, as in CSV. Excel would round a fraction, and show the last second of a year as the next
            // year.
            let seconds = f64::from(local.time().num_seconds_from_midnight());
            // Writing to a `Vec` can't fail.
            let _ = write!(out, "{}", day(local.date()) as f64 + seconds / 86_400.0);
        });
    } else {
        let text = text::written(|out| text::write_timestamp(time, zone, DateStyle::DayFirst, out));
        xml::text_cell(row, column, Style::Plain, &text, out);
    }
}

/// Excel's calendar begins in 1900, with a 29 February that did not exist, and ends with 9999.
fn excel_knows(date: NaiveDate) -> bool {
    (1901..=9999).contains(&date.year())
}

/// Days since 1899-12-30, the dates of Excel.
fn day(date: NaiveDate) -> i64 {
    const EXCEL_BEGINS: i32 = 693_594;
    i64::from(date.num_days_from_ce() - EXCEL_BEGINS)
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader as _};

    use super::*;

    fn workbook(sheet_rows: u64, rows: &[Vec<Cell<'_>>]) -> calamine::Xlsx<io::Cursor<Vec<u8>>> {
        let mut xlsx = Xlsx::new(NameColumns::Omitted, Tz::UTC);
        xlsx.sheet_rows = sheet_rows;
        let mut out = Vec::new();
        xlsx.begin_table(Table::Enrollments, rows.len() as u64, &mut out)
            .unwrap();
        assert!(!out.is_empty(), "the first bytes go out before the first row");
        for row in rows {
            xlsx.row(row, &mut out).unwrap();
        }
        xlsx.end_table(&mut out).unwrap();
        Box::new(xlsx).finish(&mut out).unwrap();
        calamine::Xlsx::new(io::Cursor::new(out)).unwrap()
    }

    #[test]
    fn text_too_long_for_a_cell_is_refused() {
        let mut xlsx = Xlsx::new(NameColumns::Omitted, Tz::UTC);
        xlsx.begin_table(Table::PaymentCategories, 1, &mut Vec::new()).unwrap();
        let long = "x".repeat(CELL_CHARACTERS + 1);
        let refused = xlsx.row(&[Cell::Integer(7), Cell::Null, Cell::Text(&long)], &mut Vec::new());
        assert!(matches!(
            refused,
            Err(Error::Unexportable {
                row: 7,
                column: "description",
                ..
            })
        ));
    }

    #[test]
    fn dates_are_the_day_numbers_of_excel() {
        let date = |year, month, of_month| NaiveDate::from_ymd_opt(year, month, of_month).unwrap();
        // These values are in ECMA-376, part 1, section 18.17.4.1.
        assert_eq!(day(date(1901, 1, 1)), 367);
        assert_eq!(day(date(2024, 1, 1)), 45_292);
        assert_eq!(day(date(9999, 12, 31)), 2_958_465);
    }

    #[test]
    fn rows_beyond_a_sheet_continue_on_the_next() {
        let rows: Vec<_> = (1..=7).map(|id| vec![Cell::Integer(id)]).collect();
        let mut workbook = workbook(4, &rows);
        assert_eq!(
            workbook.sheet_names(),
            ["enrollments", "enrollments 2", "enrollments 3"]
        );
        let ids: Vec<_> = workbook
            .worksheets()
            .iter()
            .flat_map(|(_, sheet)| sheet.rows().skip(1).map(|row| row[0].clone()).collect::<Vec<_>>())
            .collect();
        assert_eq!(ids, (1..=7).map(|id| Data::Float(f64::from(id))).collect::<Vec<_>>());
    }

    #[test]
    fn text_stays_text_and_what_a_float_can_not_hold_becomes_text() {
        let rows = [vec![
            Cell::Integer(i64::MAX),
            Cell::Text("000123"),
            Cell::Text("=1+1"),
            Cell::Decimal("9999999999.99".parse().unwrap()),
        ]];
        let mut workbook = workbook(SHEET_ROWS, &rows);
        let sheet = workbook.worksheet_range("enrollments").unwrap();
        let cells: Vec<_> = sheet.rows().nth(1).unwrap().to_vec();
        assert_eq!(cells[0], Data::String(i64::MAX.to_string()));
        assert_eq!(cells[1], Data::String("000123".to_owned()));
        assert_eq!(cells[2], Data::String("=1+1".to_owned()));
        assert_eq!(cells[3], Data::Float(9_999_999_999.99));
    }
}
