//! An Excel workbook: typed cells, so that text stays text and leading zeros survive.
//!
//! A workbook is a ZIP file whose parts can only be put together at the end, so it is made in unnamed temporary files
//! and sent when it is whole. Memory does not grow with the rows.

use std::any::Any;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use campus_backup_archive::{Cell, Kind};
use chrono::{Datelike, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use rust_decimal::prelude::ToPrimitive as _;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::{Encoder, Settings, text, unexportable};
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::snapshot::Selection;

const DOING: &str = "writing the workbook";

/// The rows of a sheet, its heading among them (ECMA-376 sets no limit; Excel does).
const SHEET_ROWS: u32 = 1_048_576;

/// The characters of a cell in Excel, which counts those of UTF-16.
const CELL_CHARACTERS: usize = 32_767;

/// The largest whole number that a cell, which is a 64-bit float, holds exactly.
const EXACT: u64 = 1 << 53;

pub(super) struct Xlsx {
    workbook: Workbook,
    folder: PathBuf,
    formats: Formats,
    zone: Tz,
    sheet_rows: u32,
    table: Table,
    sheets: usize,
    next_row: u32,
}

struct Formats {
    heading: Format,
    money: Format,
    date: Format,
    timestamp: Format,
}

impl Xlsx {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        std::fs::create_dir_all(&settings.temporary_folder).map_err(Error::io(DOING))?;
        let mut workbook = Workbook::new();
        workbook.set_tempdir(&settings.temporary_folder).map_err(failed)?;
        Ok(Self {
            workbook,
            folder: settings.temporary_folder.clone(),
            formats: Formats {
                heading: Format::new().set_bold(),
                money: Format::new().set_num_format("0.00"),
                date: Format::new().set_num_format("dd-mm-yyyy"),
                timestamp: Format::new().set_num_format("dd-mm-yyyy hh:mm:ss"),
            },
            zone: settings.time_zone,
            sheet_rows: SHEET_ROWS,
            table: Table::Users,
            sheets: 0,
            next_row: 0,
        })
    }

    /// Begins the first sheet of a table, or the next one when a sheet is full.
    fn begin_sheet(&mut self) -> Result<(), XlsxError> {
        self.sheets += 1;
        let name = match self.sheets {
            1 => self.table.to_string(),
            number => format!("{} {number}", self.table),
        };
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (column, described) in (0u16..).zip(self.table.sheet()) {
            let width = match described.kind {
                Kind::Integer | Kind::Decimal | Kind::Boolean | Kind::Date => 12,
                Kind::Timestamp => 20,
                Kind::Text => 28,
            };
            sheet.set_column_width(column, width)?;
            sheet.write_string_with_format(0, column, described.heading, &self.formats.heading)?;
        }
        self.next_row = 1;
        Ok(())
    }

    fn write_row(&mut self, cells: &[Cell<'_>]) -> Result<(), XlsxError> {
        if self.next_row == self.sheet_rows {
            self.begin_sheet()?;
        }
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1)?;
        for (column, cell) in (0u16..).zip(cells) {
            write_cell(sheet, self.next_row, column, cell, &self.formats, self.zone)?;
        }
        self.next_row += 1;
        Ok(())
    }
}

impl Encoder for Xlsx {
    fn selection(&self) -> Selection {
        Selection::Sheet
    }

    fn begin_table(&mut self, table: Table, _: &mut Vec<u8>) -> Result<()> {
        self.table = table;
        guarded(|| self.begin_sheet())
    }

    fn row(&mut self, cells: &[Cell<'_>], _: &mut Vec<u8>) -> Result<()> {
        for (position, cell) in cells.iter().enumerate() {
            let Cell::Text(text) = cell else { continue };
            let problem = if text.contains('\0') {
                text::HAS_NUL.to_owned()
            } else if text.encode_utf16().count() > CELL_CHARACTERS {
                format!(
                    "the text is longer than the {CELL_CHARACTERS} characters of an Excel cell; CSV and JSON have no \
                     such limit"
                )
            } else {
                continue;
            };
            return Err(unexportable(self.table, cells, position, problem));
        }
        guarded(|| self.write_row(cells))
    }

    fn end_table(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn finish(mut self: Box<Self>, _: &mut Vec<u8>) -> Result<Option<File>> {
        let mut file = tempfile::tempfile_in(&self.folder).map_err(Error::io(DOING))?;
        guarded(|| self.workbook.save_to_writer(&mut file))?;
        file.seek(SeekFrom::Start(0)).map_err(Error::io(DOING))?;
        Ok(Some(file))
    }
}

fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell<'_>,
    formats: &Formats,
    zone: Tz,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Null => {}
        Cell::Integer(value) if value.unsigned_abs() <= EXACT => {
            sheet.write_number(row, column, *value as f64)?;
        }
        Cell::Integer(value) => {
            sheet.write_string(row, column, value.to_string())?;
        }
        Cell::Text(text) => {
            sheet.write_string(row, column, *text)?;
        }
        Cell::Decimal(value) => {
            let cents = (value.trunc_with_scale(2) == *value)
                .then(|| value.to_f64())
                .flatten()
                .filter(|_| value.mantissa().unsigned_abs() <= u128::from(EXACT));
            match cents {
                Some(number) => sheet.write_number_with_format(row, column, number, &formats.money)?,
                None => sheet.write_string(row, column, value.to_string())?,
            };
        }
        Cell::Date(date) if excel_knows(*date) => {
            sheet.write_datetime_with_format(row, column, date, &formats.date)?;
        }
        Cell::Date(date) => {
            sheet.write_string(row, column, text::written(|out| text::write_date(*date, out)))?;
        }
        Cell::Timestamp(time) => {
            let local: NaiveDateTime = time.with_timezone(&zone).naive_local();
            if excel_knows(local.date()) {
                sheet.write_datetime_with_format(row, column, local, &formats.timestamp)?;
            } else {
                sheet.write_string(
                    row,
                    column,
                    text::written(|out| text::write_timestamp(*time, zone, out)),
                )?;
            }
        }
        Cell::Boolean(value) => {
            sheet.write_boolean(row, column, *value)?;
        }
    }
    Ok(())
}

/// Excel's calendar begins in 1900, with a 29 February that was none, and ends with 9999.
fn excel_knows(date: NaiveDate) -> bool {
    (1901..=9999).contains(&date.year())
}

/// What the library panics with where a temporary file can't be written: as a rule the disk is full.
const NOT_WRITTEN: &str = "Couldn't write to xml file";

/// Catches the panics of the library.
fn guarded(write: impl FnOnce() -> Result<(), XlsxError>) -> Result<()> {
    match catch_unwind(AssertUnwindSafe(write)) {
        Ok(result) => result.map_err(failed),
        Err(panic) => {
            let message = message(panic.as_ref());
            let source = message.clone().into();
            Err(if message.contains(NOT_WRITTEN) {
                Error::NoRoom { doing: DOING, source }
            } else {
                Error::Internal { doing: DOING, source }
            })
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "the workbook library gave up".to_owned())
}

/// What the operating system said is somewhere below the library's and the ZIP writer's words.
fn failed(error: XlsxError) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = source {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return Error::io(DOING)(std::io::Error::new(io.kind(), error));
        }
        source = current.source();
    }
    Error::internal(DOING)(error)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use calamine::{Data, Reader as _};

    use super::*;

    fn workbook(sheet_rows: u32, rows: &[Vec<Cell<'_>>]) -> calamine::Xlsx<std::io::Cursor<Vec<u8>>> {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            time_zone: Tz::UTC,
            stall_timeout: Duration::from_secs(1),
            temporary_folder: folder.path().join("tmp"),
            app_version: "0",
        };
        let mut xlsx = Xlsx::new(&settings).unwrap();
        xlsx.sheet_rows = sheet_rows;
        let mut out = Vec::new();
        xlsx.begin_table(Table::Enrollments, &mut out).unwrap();
        for row in rows {
            xlsx.row(row, &mut out).unwrap();
        }
        xlsx.end_table(&mut out).unwrap();
        let file = Box::new(xlsx).finish(&mut out).unwrap();
        file.unwrap().read_to_end(&mut out).unwrap();
        calamine::Xlsx::new(std::io::Cursor::new(out)).unwrap()
    }

    #[test]
    fn a_text_that_no_cell_holds_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            time_zone: Tz::UTC,
            stall_timeout: Duration::from_secs(1),
            temporary_folder: folder.path().to_owned(),
            app_version: "0",
        };
        let mut xlsx = Xlsx::new(&settings).unwrap();
        xlsx.begin_table(Table::PaymentCategories, &mut Vec::new()).unwrap();
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
