//! Reads XLSX, one cell after another.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use calamine::{DataRef, Reader as _, SheetType, Xlsx, XlsxError, XlsxFormulaMetadata};

use super::fault::{FileFault, ReadError};
use super::limits::MAX_FILE_COLUMNS;
use super::raw::{CellDefect, RawCell, RawSink};
use super::time;
use super::workbook::{damaged, encrypted};

/// An open XLSX workbook. Its texts are in memory; its sheets are read from the file.
pub(super) struct XlsxFile {
    workbook: Xlsx<BufReader<File>>,
}

impl XlsxFile {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let workbook = Xlsx::new(BufReader::new(File::open(path)?)).map_err(error)?;
        Ok(Self { workbook })
    }

    pub(super) fn is_1904(&self) -> bool {
        self.workbook.has_1904_epoch()
    }

    pub(super) fn sheets(&self) -> Vec<String> {
        let sheets = self.workbook.sheets_metadata().iter();
        sheets
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
            .map(|sheet| sheet.name.clone())
            .collect()
    }

    pub(super) fn rows(&mut self, sheet: &str, sink: &mut RawSink<'_>) -> Result<(), ReadError> {
        let is_1904 = self.is_1904();
        let mut cells = self.workbook.worksheet_cells_reader(sheet).map_err(error)?;
        // The row in work, from 0.
        let mut current = 0;
        let mut row: Vec<(DataRef<'_>, Option<CellDefect>)> = Vec::new();
        loop {
            let next = cells.next_cell_with_formula_metadata().map_err(error)?;
            let place = next.as_ref().map(|cell| cell.pos);
            if place.is_none_or(|(number, _)| number != current) && !row.is_empty() {
                let raw: Vec<_> = row
                    .iter()
                    .map(|(value, defect)| raw_cell(value, *defect, is_1904))
                    .collect();
                if let ControlFlow::Break(()) = sink(u64::from(current) + 1, &raw)? {
                    return Ok(());
                }
                row.clear();
            }
            let Some(cell) = next else { return Ok(()) };
            let (number, column) = cell.pos;
            if number < current {
                return Err(damaged(format!("row {} comes after row {}", number + 1, current + 1)));
            }
            current = number;
            let defect = cell
                .formula
                .as_ref()
                .and_then(|formula| formula_defect(formula, &cell.value));
            if defect.is_none() && matches!(cell.value, DataRef::Empty) {
                continue;
            }
            let column = column as usize;
            if column >= MAX_FILE_COLUMNS {
                let problem = format!("Row {} has more than {MAX_FILE_COLUMNS} columns.", number + 1);
                return Err(FileFault::new(problem).in_row(u64::from(number) + 1).into());
            }
            if row.len() <= column {
                row.resize(column + 1, (DataRef::Empty, None));
            }
            row[column] = (cell.value, defect);
        }
    }
}

fn raw_cell<'c>(value: &'c DataRef<'_>, defect: Option<CellDefect>, is_1904: bool) -> RawCell<'c> {
    if let Some(defect) = defect {
        return RawCell::Unreadable(defect);
    }
    match value {
        DataRef::Empty => RawCell::Empty,
        DataRef::Int(value) => RawCell::Integer(*value),
        DataRef::Float(value) => RawCell::Number(*value),
        DataRef::String(text) => RawCell::Text(text),
        DataRef::SharedString(text) => RawCell::Text(text),
        DataRef::Bool(value) => RawCell::Boolean(*value),
        // It has digits and separators as in text.
        DataRef::DateTimeIso(text) => RawCell::Text(text),
        DataRef::DateTime(time) if time.is_datetime() => match time::serial(time.as_f64(), is_1904) {
            Some((local, is_date)) => RawCell::DateTime { local, is_date },
            None => RawCell::Unreadable(CellDefect::NoDate),
        },
        DataRef::DateTime(_) | DataRef::DurationIso(_) => RawCell::Unreadable(CellDefect::NoDate),
        DataRef::Error(_) => RawCell::Unreadable(CellDefect::Error),
    }
}

/// Why the result of a formula can't be used.
fn formula_defect(formula: &XlsxFormulaMetadata, value: &DataRef<'_>) -> Option<CellDefect> {
    let text = match formula {
        XlsxFormulaMetadata::Normal { formula } | XlsxFormulaMetadata::Shared { formula, .. } => formula.as_str(),
        _ => "",
    };
    if refers_to_other_file(text) {
        return Some(CellDefect::OtherFile);
    }
    matches!(value, DataRef::Empty).then_some(CellDefect::NoResult)
}

/// Whether a formula has a reference such as `[1]Sheet1!A1` or `'[1]Sheet 1'!A1`.
fn refers_to_other_file(formula: &str) -> bool {
    formula.match_indices('[').any(|(place, _)| {
        let (before, after) = (&formula[..place], &formula[place + 1..]);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let is_reference = digits > 0 && after[digits..].starts_with(']');
        // `Table[1]` is a column of a table.
        is_reference && !before.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '_' | '.'))
    })
}

fn error(error: XlsxError) -> ReadError {
    match error {
        XlsxError::Password => encrypted(),
        XlsxError::Io(error) if error.raw_os_error().is_some() => error.into(),
        error => damaged(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_other_files_are_recognized() {
        for formula in ["[1]Sheet1!A1", "'[12]Sheet 1'!A1", "A1+[1]S!B2", "SUM('[3]x'!A:A)"] {
            assert!(refers_to_other_file(formula), "{formula}");
        }
        for formula in [
            "A1",
            "Table1[Name]",
            "Table1[2024]",
            "Table[[#This Row],[Fee]]",
            "SUM(A1:A3)",
            "",
        ] {
            assert!(!refers_to_other_file(formula), "{formula}");
        }
    }
}
