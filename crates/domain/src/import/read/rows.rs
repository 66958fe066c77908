//! Goes through the rows below the headings: leaves out what is no data, converts the others, and counts them.

use super::convert::Converter;
use super::fault::CellFault;
use super::heading::Headings;
use super::raw::RawCell;
use super::{FileSink, text};
use crate::error::Result;
use crate::import::template;

/// The rows of a file, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RowCounts {
    pub(super) rows: u64,
    pub(super) wrong: u64,
    blank: u64,
    short: u64,
    totals: Vec<u64>,
    examples: Vec<u64>,
    /// The first row with a value in a column without a heading.
    beside: Option<u64>,
}

impl RowCounts {
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.blank > 0 {
            notes.push(format!("Blank rows are left out: {}.", self.blank));
        }
        if !self.totals.is_empty() {
            notes.push(format!("Rows with totals are left out: {}.", listed(&self.totals)));
        }
        if !self.examples.is_empty() {
            notes.push(format!(
                "The example of a template is left out: row {}.",
                listed(&self.examples)
            ));
        }
        if self.short > 0 {
            notes.push(format!(
                "Rows with fewer cells than headings: {}. Their last cells are read as empty.",
                self.short
            ));
        }
        if let Some(row) = self.beside {
            notes.push(format!(
                "Columns without a heading are ignored. The first value in one is in row {row}."
            ));
        }
        notes
    }
}

/// The first numbers of rows in a sentence.
fn listed(rows: &[u64]) -> String {
    let first: Vec<_> = rows.iter().take(10).map(u64::to_string).collect();
    match rows.len() > first.len() {
        true => format!("{} and {} more", first.join(", "), rows.len() - first.len()),
        false => first.join(", "),
    }
}

/// The most rows with totals or examples whose numbers are kept.
const MAX_LISTED: usize = 1_000;

/// The rows below the headings.
pub(super) struct RowReader<'a> {
    pub(super) converter: Converter<'a>,
    pub(super) headings: &'a Headings,
    pub(super) is_csv: bool,
    pub(super) counts: RowCounts,
}

impl RowReader<'_> {
    pub(super) fn row(&mut self, row: u64, cells: &[RawCell<'_>], sink: &mut dyn FileSink) -> Result<()> {
        if row <= self.headings.row {
            return Ok(());
        }
        if cells.iter().all(RawCell::is_blank) {
            self.counts.blank += 1;
            return Ok(());
        }
        if cells.iter().any(is_example) && self.counts.examples.len() < MAX_LISTED {
            self.counts.examples.push(row);
            return Ok(());
        }
        if self.converter.is_total(cells) && self.counts.totals.len() < MAX_LISTED {
            self.counts.totals.push(row);
            return Ok(());
        }
        self.counts.rows += 1;
        let width = self.headings.all.len();
        let beside = cells.iter().skip(width).find(|cell| !cell.is_blank());
        if let Some(cell) = beside {
            if self.is_csv {
                self.counts.wrong += 1;
                return sink.wrong(row, &[too_wide(width, cell)]);
            }
            self.counts.beside.get_or_insert(row);
        }
        self.counts.short += u64::from(self.is_csv && cells.len() < width);
        let wrong = &mut self.counts.wrong;
        self.converter.convert(cells, |converted| match converted {
            Ok(cells) => sink.row(row, cells),
            Err(faults) => {
                *wrong += 1;
                sink.wrong(row, &faults)
            }
        })
    }
}

/// Whether a cell says that its row is the example of a template.
fn is_example(cell: &RawCell<'_>) -> bool {
    matches!(cell, RawCell::Text(text) if template::is_example(text))
}

/// A text with the delimiter that lacks its quotes shifts the cells after it.
fn too_wide(width: usize, cell: &RawCell<'_>) -> CellFault {
    CellFault {
        heading: String::new(),
        value: text::shown(&cell.text()),
        reason: format!(
            "The row has more cells than the {width} headings. A text with a delimiter in it may lack its quotation marks."
        ),
    }
}
