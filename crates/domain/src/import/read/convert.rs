//! Converts the cells of a row to the kinds of their columns.

use std::array;
use std::borrow::Cow;

use campus_backup_archive::{Cell, Kind};
use chrono_tz::Tz;

use super::fault::CellFault;
use super::heading::Headings;
use super::raw::RawCell;
use super::time::{self, Moment};
use super::{FileCell, FileColumn, FileSource, FileTarget, ReadOptions, number, text};
use crate::catalog::{FOREIGN_KIND, MAX_COLUMNS, Table};
use crate::export::Delimiter;
use crate::export::text::unguard;

/// Where cells come from, which decides how some of them are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// CSV: every cell is a text, and formulas may be guarded.
    Csv(Delimiter),
    /// A workbook, with the years from which its days are counted.
    Workbook {
        /// Whether the days are counted from 1904.
        is_1904: bool,
    },
    /// JSON: nothing is lost.
    Json,
}

/// A converted cell that owns what is not in the file as it stands.
enum Converted<'a> {
    Cell(FileCell<'a>),
    Text(Cow<'a, str>),
    Guarded { value: Cow<'a, str>, other: Cow<'a, str> },
}

impl Converted<'_> {
    fn cell(&self) -> FileCell<'_> {
        match self {
            Self::Cell(cell) => *cell,
            Self::Text(text) => FileCell::Value(Cell::Text(text)),
            Self::Guarded { value, other } => FileCell::Text { value, other },
        }
    }
}

/// What is known about a column.
#[derive(Clone, Copy, Debug)]
struct ColumnRule {
    kind: Kind,
    longest: Option<u32>,
    /// Whether it is an id of any table.
    is_id: bool,
    /// Whether an empty cell has a meaning.
    may_be_empty: bool,
    words: Option<&'static [(&'static str, &'static [&'static str])]>,
}

impl ColumnRule {
    fn of(table: Table, target: FileTarget) -> Self {
        let columns = table.columns();
        match target {
            FileTarget::Own(position) => {
                let column = &columns[position];
                let is_reference = table
                    .references()
                    .iter()
                    .any(|reference| reference.position == position);
                Self {
                    kind: column.kind,
                    longest: column.longest,
                    is_id: position == 0 || is_reference,
                    may_be_empty: column.nullable || position == 0 || column.kind == Kind::Timestamp,
                    words: text::words(table, column.name),
                }
            }
            FileTarget::Reference {
                position,
                table: other,
                column,
            } => {
                let found = other.columns().iter().find(|own| own.name == column);
                Self {
                    kind: Kind::Text,
                    longest: found.and_then(|own| own.longest),
                    is_id: false,
                    may_be_empty: columns[position].nullable,
                    words: None,
                }
            }
        }
    }
}

/// What was read in a way that a person should know of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Noticed {
    /// The first date whose order the options decide.
    ordered: Option<String>,
    /// The first year of two digits.
    short_year: Option<String>,
    /// The first serial number of a date in CSV.
    serial: Option<String>,
}

impl Noticed {
    pub(super) fn notes(self, options: &ReadOptions) -> Vec<String> {
        let order = match options.dates {
            super::DateOrder::DayFirst => "with the day first",
            super::DateOrder::MonthFirst => "with the month first",
            super::DateOrder::YearFirst => "with the year first",
        };
        let ordered = self
            .ordered
            .map(|date| format!("Dates such as {date} are read {order}; `dates` says another order."));
        let short = self.short_year.map(|date| {
            format!("Years of two digits, as in {date}, are read as Excel does: 00 to 29 are 2000 to 2029, 30 to 99 are 1930 to 1999.")
        });
        let serial = self
            .serial
            .map(|number| format!("Numbers in columns of dates, such as {number}, are read as days of Excel."));
        [ordered, short, serial].into_iter().flatten().collect()
    }
}

/// Converts rows.
pub(super) struct Converter<'a> {
    options: &'a ReadOptions,
    zone: Tz,
    origin: Origin,
    columns: &'a [FileColumn],
    rules: Vec<ColumnRule>,
    pub(super) noticed: Noticed,
}

impl<'a> Converter<'a> {
    pub(super) fn new(source: &FileSource<'a>, origin: Origin, headings: &'a Headings) -> Self {
        let columns = headings.columns.iter();
        Self {
            options: source.options,
            zone: source.zone,
            origin,
            columns: &headings.columns,
            rules: columns
                .map(|column| ColumnRule::of(source.table, column.target))
                .collect(),
            noticed: Noticed::default(),
        }
    }

    /// Converts a row, and gives its cells or its faults to `receive`.
    pub(super) fn convert<T>(
        &mut self,
        cells: &[RawCell<'_>],
        receive: impl FnOnce(Result<&[FileCell<'_>], Vec<CellFault>>) -> T,
    ) -> T {
        // A row needs no allocation.
        let mut converted: [Converted<'_>; MAX_COLUMNS] = array::from_fn(|_| Converted::Cell(FileCell::Empty));
        let mut faults = Vec::new();
        for (place, (column, slot)) in self.columns.iter().zip(&mut converted).enumerate() {
            let cell = cells.get(column.position).copied().unwrap_or(RawCell::Empty);
            match convert_cell(
                self.rules[place],
                cell,
                self.origin,
                self.zone,
                self.options,
                &mut self.noticed,
            ) {
                Ok(cell) => *slot = cell,
                Err(reason) => faults.push(CellFault {
                    heading: column.heading.clone(),
                    value: text::shown(&cell.text()),
                    reason,
                }),
            }
        }
        if !faults.is_empty() {
            return receive(Err(faults));
        }
        let mut row = [FileCell::Empty; MAX_COLUMNS];
        for (cell, converted) in row.iter_mut().zip(&converted) {
            *cell = converted.cell();
        }
        receive(Ok(&row[..self.columns.len()]))
    }

    /// Whether a row has a sum instead of data: one of its cells says so, and another one is empty that a row must have.
    pub(super) fn is_total(&self, cells: &[RawCell<'_>]) -> bool {
        let is_empty = |column: &FileColumn| cells.get(column.position).is_none_or(RawCell::is_blank);
        let mut columns = self.columns.iter().zip(&self.rules);
        cells.iter().any(is_total_word) && columns.any(|(column, rule)| !rule.may_be_empty && is_empty(column))
    }
}

fn is_total_word(cell: &RawCell<'_>) -> bool {
    let RawCell::Text(text) = cell else { return false };
    let text = text.trim().trim_end_matches([':', '=']).trim_end();
    [
        "total",
        "totals",
        "grand total",
        "sub total",
        "subtotal",
        "sub-total",
        "sum",
    ]
    .iter()
    .any(|word| text.eq_ignore_ascii_case(word))
}

fn convert_cell<'c>(
    rule: ColumnRule,
    cell: RawCell<'c>,
    origin: Origin,
    zone: Tz,
    options: &ReadOptions,
    noticed: &mut Noticed,
) -> Result<Converted<'c>, String> {
    if let RawCell::Unreadable(defect) = cell {
        return Err(defect.reason().to_owned());
    }
    let is_text = rule.kind == Kind::Text && rule.words.is_none();
    let is_empty = match cell {
        RawCell::Empty | RawCell::Null => true,
        RawCell::Text(text) => !is_text && text.trim().is_empty(),
        _ => false,
    };
    if is_empty {
        return match (rule.may_be_empty, cell) {
            (false, _) => Err("It must not be empty.".to_owned()),
            (true, RawCell::Null) => Ok(Converted::Cell(FileCell::Value(Cell::Null))),
            (true, _) => Ok(Converted::Cell(FileCell::Empty)),
        };
    }
    if let Some(words) = rule.words {
        let word = text::word(&cell.text(), words)?;
        return Ok(Converted::Cell(FileCell::Value(Cell::Text(word))));
    }
    let value = match rule.kind {
        Kind::Text => return text_cell(rule, cell, origin, options),
        Kind::Integer => {
            let value = match cell {
                RawCell::Integer(value) => value,
                RawCell::Number(value) => number::integer_of_float(value)?,
                _ => number::integer(&cell.text())?,
            };
            Cell::Integer(if rule.is_id { number::id(value)? } else { value })
        }
        Kind::Decimal => Cell::Decimal(match cell {
            RawCell::Number(value) => number::amount_of_float(value)?,
            RawCell::DateTime { .. } => return Err("It is a date, but the column has amounts.".to_owned()),
            _ => number::amount(&cell.text(), options.decimals)?,
        }),
        Kind::Date => Cell::Date(moment(cell, origin, options, noticed)?.date()?),
        Kind::Timestamp => {
            let mut read = moment(cell, origin, options, noticed)?.timestamp(zone)?;
            // Our JSON writes no fraction if it is zero.
            if let (FileCell::Timestamp { precision, .. }, Origin::Json) = (&mut read, origin)
                && *precision <= 1_000_000
            {
                *precision = 1;
            }
            return Ok(Converted::Cell(read));
        }
        Kind::Boolean => Cell::Boolean(match cell {
            RawCell::Boolean(value) => value,
            _ => match cell.text().trim().to_lowercase().as_str() {
                "true" | "yes" | "y" | "1" => true,
                "false" | "no" | "n" | "0" => false,
                _ => return Err("It must be true or false.".to_owned()),
            },
        }),
        Kind::Real | Kind::Real32 | Kind::Datetime | Kind::Bytes | Kind::Native => {
            return Err(FOREIGN_KIND.to_owned());
        }
    };
    Ok(Converted::Cell(FileCell::Value(value)))
}

fn text_cell<'c>(
    rule: ColumnRule,
    cell: RawCell<'c>,
    origin: Origin,
    options: &ReadOptions,
) -> Result<Converted<'c>, String> {
    let RawCell::Text(raw) = cell else {
        let text = match cell {
            RawCell::Number(value) => number::text_of_float(value)?,
            RawCell::Integer(value) => value.to_string(),
            RawCell::DateTime { .. } => {
                return Err(
                    "The spreadsheet has changed the text into a date. Format the column as text and enter it again."
                        .to_owned(),
                );
            }
            _ => return Err("It is a truth value, but the column has texts. Format the column as text.".to_owned()),
        };
        text::check(&text, rule.longest)?;
        return Ok(Converted::Text(Cow::Owned(text)));
    };
    if matches!(origin, Origin::Csv(_)) && number::is_shortened(raw) {
        return Err(number::shortened());
    }
    let delimiter = match origin {
        Origin::Csv(delimiter) => delimiter,
        Origin::Workbook { .. } => Delimiter::Comma,
        Origin::Json => {
            text::check(raw, rule.longest)?;
            return Ok(Converted::Text(Cow::Borrowed(raw)));
        }
    };
    let bare = unguard(raw, delimiter);
    if bare == raw {
        text::check(raw, rule.longest)?;
        return Ok(Converted::Text(Cow::Borrowed(raw)));
    }
    // Only our CSV has guards, but another program may have made a workbook of it.
    let is_guarded = matches!(origin, Origin::Csv(_)) && options.formula_guard;
    let (value, other) = match is_guarded {
        true => (bare, Cow::Borrowed(raw)),
        false => (Cow::Borrowed(raw), bare),
    };
    text::check(&value, rule.longest)?;
    Ok(Converted::Guarded { value, other })
}

/// The date or time of a cell.
fn moment(cell: RawCell<'_>, origin: Origin, options: &ReadOptions, noticed: &mut Noticed) -> Result<Moment, String> {
    let text = match (cell, origin) {
        (RawCell::DateTime { local, is_date }, _) => return Ok(Moment::of_local(local, is_date)),
        (RawCell::Number(value), Origin::Workbook { is_1904 }) => return serial(value, is_1904),
        (RawCell::Text(text), _) => text,
        _ => return Err("It must be a date, not a number or a truth value.".to_owned()),
    };
    let text = text.trim();
    // Some programs write the day numbers of Excel into CSV. There they are of the usual system, and of this century or the last.
    if matches!(origin, Origin::Csv(_)) && text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        noticed.serial.get_or_insert_with(|| text.to_owned());
        return serial(text.parse().unwrap_or_default(), false);
    }
    let moment = time::moment(text, options.dates)?;
    if moment.is_ordered && noticed.ordered.is_none() {
        noticed.ordered = Some(text::shown(text));
    }
    if moment.is_short && noticed.short_year.is_none() {
        noticed.short_year = Some(text::shown(text));
    }
    Ok(moment)
}

fn serial(value: f64, is_1904: bool) -> Result<Moment, String> {
    let (local, is_date) = time::serial(value, is_1904).ok_or("It is no day of Excel's calendar.")?;
    Ok(Moment::of_local(local, is_date))
}
