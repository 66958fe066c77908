//! Reads ODS. Its library keeps the whole workbook in memory, so its size is limited before ([`super::workbook`]).

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use calamine::{Data, Ods, OdsError, Reader as _};

use super::DateOrder;
use super::fault::{FileFault, ReadError};
use super::limits::MAX_FILE_COLUMNS;
use super::raw::{CellDefect, RawCell, RawSink};
use super::time::{self, Moment};
use super::workbook::{damaged, encrypted};

/// An open ODS workbook.
pub(super) struct OdsFile {
    workbook: Ods<BufReader<File>>,
}

impl OdsFile {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let workbook = Ods::new(BufReader::new(File::open(path)?)).map_err(error)?;
        Ok(Self { workbook })
    }

    pub(super) fn sheets(&self) -> Vec<String> {
        self.workbook.sheet_names()
    }

    pub(super) fn rows(&mut self, sheet: &str, sink: &mut RawSink<'_>) -> Result<(), ReadError> {
        let range = self.workbook.worksheet_range(sheet).map_err(error)?;
        let formulas = self.workbook.worksheet_formula(sheet).map_err(error)?;
        let Some((first_row, first_column)) = range.start() else {
            return Ok(());
        };
        for (number, cells) in (u64::from(first_row) + 1..).zip(range.rows()) {
            let filled = cells
                .iter()
                .rposition(|cell| *cell != Data::Empty)
                .map_or(0, |place| place + 1);
            if first_column as usize + filled > MAX_FILE_COLUMNS {
                let problem = format!("Row {number} has more than {MAX_FILE_COLUMNS} columns.");
                return Err(FileFault::new(problem).in_row(number).into());
            }
            let mut raw = vec![RawCell::Empty; first_column as usize];
            for (column, cell) in (first_column..).zip(&cells[..filled]) {
                // Rows are fewer than 2³².
                let place = (u32::try_from(number - 1).unwrap_or(u32::MAX), column);
                raw.push(match formulas.get_value(place) {
                    Some(formula) if refers_to_other_file(formula) => RawCell::Unreadable(CellDefect::OtherFile),
                    Some(formula) if !formula.is_empty() && *cell == Data::Empty => {
                        RawCell::Unreadable(CellDefect::NoResult)
                    }
                    _ => raw_cell(cell),
                });
            }
            if let ControlFlow::Break(()) = sink(number, &raw)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whether a formula has a reference such as `['file:///c:/fees.ods'#$Sheet1.A1]`.
fn refers_to_other_file(formula: &str) -> bool {
    formula.contains("'#$") || formula.contains("file:")
}

fn raw_cell(cell: &Data) -> RawCell<'_> {
    match cell {
        Data::Empty => RawCell::Empty,
        Data::Int(value) => RawCell::Integer(*value),
        Data::Float(value) => RawCell::Number(*value),
        Data::String(text) => RawCell::Text(text),
        Data::Bool(value) => RawCell::Boolean(*value),
        Data::DateTimeIso(text) => match time::moment(text, DateOrder::YearFirst) {
            Ok(Moment { date, time, .. }) => RawCell::DateTime {
                local: date.and_time(time.map(|(time, _)| time).unwrap_or_default()),
                is_date: time.is_none(),
            },
            Err(_) => RawCell::Unreadable(CellDefect::NoDate),
        },
        Data::DateTime(time) if time.is_datetime() => match time::serial(time.as_f64(), false) {
            Some((local, is_date)) => RawCell::DateTime { local, is_date },
            None => RawCell::Unreadable(CellDefect::NoDate),
        },
        Data::DateTime(_) | Data::DurationIso(_) => RawCell::Unreadable(CellDefect::NoDate),
        Data::Error(_) => RawCell::Unreadable(CellDefect::Error),
    }
}

fn error(error: OdsError) -> ReadError {
    match error {
        OdsError::Password => encrypted(),
        OdsError::Io(error) if error.raw_os_error().is_some() => error.into(),
        error => damaged(error),
    }
}
