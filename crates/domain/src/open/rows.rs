//! Rows of an archive on their way into a table.

use campus_backup_archive::{Cell, Reader};
use chrono::Datelike as _;
use rust_decimal::Decimal;
use sea_orm::ActiveEnum;

use crate::catalog::{Column, MOST, Table};
use crate::change::Rows;
use crate::entity::{attendance, payment, user};
use crate::error::{Error, Result};
use crate::job::{Progress, Steps};

/// The rows of the table on which an archive's reader stands. Each is looked at: an archive may say what no engine of
/// ours admits, or what one of them would round or cut.
pub(crate) struct Archived<'r, 's> {
    reader: &'r mut Reader<'s>,
    table: Table,
    /// Of each column, the words that it may have.
    words: Vec<Option<Vec<String>>>,
    largest_id: i64,
    steps: Steps<'r>,
}

impl<'r, 's> Archived<'r, 's> {
    pub(crate) fn new(reader: &'r mut Reader<'s>, table: Table, progress: &'r Progress) -> Self {
        Self {
            reader,
            table,
            words: table.columns().iter().map(|column| words(table, column.name)).collect(),
            largest_id: i64::MAX,
            steps: Steps::of(progress),
        }
    }
}

impl Archived<'_, '_> {
    /// Refuses rows with a larger id, as [`Error::id_without_room`].
    pub(crate) fn with_largest_id(self, largest_id: i64) -> Self {
        Self { largest_id, ..self }
    }
}

impl Rows for Archived<'_, '_> {
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MOST]) -> Result<bool> {
        let Some(row) = self.reader.next_row()? else {
            self.steps.tell()?;
            return Ok(false);
        };
        self.steps.step()?;
        if row.id() > self.largest_id {
            return Err(Error::id_without_room(self.table, row.id()));
        }
        for (position, (column, cell)) in self.table.columns().iter().zip(row.cells()).enumerate() {
            if let Err(problem) = admit(column, self.words[position].as_deref(), cell) {
                return Err(Error::Inadmissible {
                    table: self.table,
                    row: row.id(),
                    column: column.name,
                    problem,
                });
            }
            cells[position] = *cell;
        }
        Ok(true)
    }
}

/// What the schema says of a value beyond its kind.
fn admit(column: &Column, words: Option<&[String]>, cell: &Cell<'_>) -> Result<(), &'static str> {
    match cell {
        Cell::Text(text) => {
            if let Some(longest) = column.longest
                // No text has more characters than bytes.
                && text.len() > longest as usize
                && text.chars().count() > longest as usize
            {
                return Err("the text is too long");
            }
            match words {
                Some(words) if !words.iter().any(|word| word == text) => {
                    Err("it is none of the words that are allowed")
                }
                _ => Ok(()),
            }
        }
        Cell::Decimal(value) => cents(*value).map(drop),
        Cell::Date(date) => in_range(date.year()),
        Cell::Timestamp(time) => in_range(time.year()),
        Cell::Null | Cell::Integer(_) | Cell::Boolean(_) => Ok(()),
    }
}

/// An amount of money, decimal(12,2), in hundredths.
pub(crate) fn cents(value: Decimal) -> Result<i64, &'static str> {
    const MOST: i128 = 999_999_999_999;
    let value = value.normalize();
    let shift = 2u32.checked_sub(value.scale());
    let shift = shift.ok_or("an amount of money has two digits after the point at the most")?;
    let cents = value.mantissa() * 10i128.pow(shift);
    match i64::try_from(cents) {
        Ok(exact) if cents.abs() <= MOST => Ok(exact),
        _ => Err("an amount of money has ten digits before the point at the most"),
    }
}

/// The years that every engine keeps.
fn in_range(year: i32) -> Result<(), &'static str> {
    match year {
        1..=9999 => Ok(()),
        _ => Err("the year is not one from 1 to 9999"),
    }
}

/// A column's closed list of words, if it has one.
fn words(table: Table, column: &str) -> Option<Vec<String>> {
    match (table, column) {
        (Table::Users, "role") => Some(user::Role::values()),
        (Table::Payments, "status") => Some(payment::Status::values()),
        (Table::Attendance, "status") => Some(attendance::Status::values()),
        _ => None,
    }
}
