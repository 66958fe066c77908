//! Opens a workbook after its parts were [measured](super::measure), and chooses the sheet.

use std::ops::ControlFlow;
use std::path::Path;

use super::fault::{FileFault, ReadError};
use super::heading;
use super::limits::HEADING_ROWS;
use super::measure::{WorkbookFormat, measure};
use super::raw::{RawCell, RawSink, first_rows};
use super::synonyms::Vocabulary;
use super::{FileSource, ods, xlsx};

/// The most rows of a sheet of Excel, which is also where our own export continues on the next sheet.
const SHEET_ROWS: u64 = 1_048_576;

/// An open workbook.
pub(super) enum Workbook {
    Xlsx(Box<xlsx::XlsxFile>),
    Ods(Box<ods::OdsFile>),
}

impl Workbook {
    /// Opens a ZIP file that is a workbook.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        match measure(path)? {
            WorkbookFormat::Xlsx => Ok(Self::Xlsx(Box::new(xlsx::XlsxFile::open(path)?))),
            WorkbookFormat::Ods => Ok(Self::Ods(Box::new(ods::OdsFile::open(path)?))),
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Xlsx(_) => "xlsx",
            Self::Ods(_) => "ods",
        }
    }

    /// Whether its days are counted from 1904.
    pub(super) fn is_1904(&self) -> bool {
        match self {
            Self::Xlsx(file) => file.is_1904(),
            Self::Ods(_) => false,
        }
    }

    fn sheets(&self) -> Vec<String> {
        match self {
            Self::Xlsx(file) => file.sheets(),
            Self::Ods(file) => file.sheets(),
        }
    }

    fn sheet_rows(&mut self, sheet: &str, sink: &mut RawSink<'_>) -> Result<(), ReadError> {
        match self {
            Self::Xlsx(file) => file.rows(sheet, sink),
            Self::Ods(file) => file.rows(sheet, sink),
        }
    }

    /// Gives the rows of the sheets to the sink. Further sheets continue the first one: their headings are left out, and their
    /// rows are numbered after all rows that a sheet can have.
    pub(super) fn rows(&mut self, sheets: &[String], sink: &mut RawSink<'_>) -> Result<(), ReadError> {
        let mut ended = false;
        for (place, sheet) in (0_u64..).zip(sheets) {
            let mut is_heading = place > 0;
            self.sheet_rows(sheet, &mut |row, cells| {
                if is_heading && !cells.iter().all(RawCell::is_blank) {
                    is_heading = false;
                    return Ok(ControlFlow::Continue(()));
                }
                let flow = sink(place * SHEET_ROWS + row, cells)?;
                ended = flow.is_break();
                Ok(flow)
            })?;
            if ended {
                break;
            }
        }
        Ok(())
    }

    /// Chooses the sheet that the person names, or the only one with headings of the table.
    ///
    /// # Errors
    /// If there is no such sheet, or if several sheets have such headings.
    pub(super) fn choose(&mut self, source: &FileSource<'_>) -> Result<Vec<String>, ReadError> {
        let sheets = self.sheets();
        if let Some(wanted) = &source.options.sheet {
            let same = |sheet: &&String| sheet.trim().eq_ignore_ascii_case(wanted.trim());
            let exact = sheets.iter().find(|sheet| *sheet == wanted);
            return match exact.or_else(|| sheets.iter().find(same)) {
                Some(sheet) => Ok(vec![sheet.clone()]),
                None => {
                    let problem = format!(
                        "The workbook has no sheet `{wanted}`. Its sheets are {}.",
                        quoted(&sheets)
                    );
                    Err(FileFault::new(problem).into())
                }
            };
        }
        let vocabulary = Vocabulary::of(source.table);
        let (mut filled, mut scores) = (Vec::new(), Vec::new());
        for sheet in &sheets {
            let rows = first_rows(HEADING_ROWS, |sink| self.sheet_rows(sheet, sink))?;
            if rows.is_empty() {
                continue;
            }
            filled.push(sheet.clone());
            let best = heading::best_row(&vocabulary, source.options, &rows);
            scores.push((
                best.map_or(0, |(score, _)| score),
                sheet.clone(),
                best.map(|(_, row)| row.cells.clone()),
            ));
        }
        let best = scores.iter().map(|(score, ..)| *score).max().unwrap_or_default();
        // A sheet of notes may have one word that is also a heading.
        let headed: Vec<_> = scores
            .iter()
            .filter(|(score, ..)| *score > 0 && 2 * score > best)
            .collect();
        match headed.as_slice() {
            [] if filled.len() <= 1 => Ok(filled),
            [] => {
                let problem = format!(
                    "None of the sheets {} has headings of {}. Say with `sheet` which one to read.",
                    quoted(&filled),
                    source.table
                );
                Err(FileFault::new(problem).into())
            }
            [(_, only, _)] => Ok(vec![only.clone()]),
            [(_, first, headings), others @ ..] => {
                let continues = |(place, (_, sheet, other)): (usize, &&(usize, String, _))| {
                    *sheet == format!("{first} {}", place + 2) && other == headings
                };
                if others.iter().enumerate().all(continues) {
                    return Ok(headed.iter().map(|(_, sheet, _)| sheet.clone()).collect());
                }
                let names: Vec<_> = headed.iter().map(|(_, sheet, _)| sheet.clone()).collect();
                let problem = format!(
                    "The sheets {} have data of {}. Say with `sheet` which one to read.",
                    quoted(&names),
                    source.table
                );
                Err(FileFault::new(problem).into())
            }
        }
    }

    /// The sheets that are not read, for a note.
    pub(super) fn others(&self, read: &[String]) -> Vec<String> {
        self.sheets()
            .into_iter()
            .filter(|sheet| !read.contains(sheet))
            .collect()
    }
}

/// Names in a sentence.
pub(super) fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The fault of a workbook that can't be read.
pub(super) fn damaged(error: impl std::fmt::Display) -> ReadError {
    let problem = format!("The workbook is damaged: {error}. Open it in its program, save it, and send it again.");
    FileFault::new(problem).into()
}

/// The fault of a workbook with a password.
pub(super) fn encrypted() -> ReadError {
    FileFault::new("The workbook is encrypted with a password. Save it without a password and send it again.").into()
}
