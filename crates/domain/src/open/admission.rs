//! The rules for values beyond their kind. Every reader of an archive applies the same rules: a check, a verification and a
//! restore.

use campus_backup_archive::Cell;
use rust_decimal::Decimal;
use sea_orm::ActiveEnum;

use crate::catalog::{Column, FOREIGN_KIND, Table};
use crate::database::Engine;
use crate::entity::{attendance, payment, user};
use crate::error::{Error, Result};
use crate::native;

/// The rules for the rows of one table in an archive of one engine.
#[derive(Debug)]
pub(crate) struct Admission {
    table: Table,
    columns: Vec<Admitted>,
    /// The engine that the rows came from, if it is one that this program knows.
    engine: Option<Engine>,
    /// The only engine whose native values are accepted; all engines if none.
    only: Option<Engine>,
}

#[derive(Debug)]
struct Admitted {
    column: Column,
    /// Whether it is an id or a reference to one.
    is_key: bool,
    /// The allowed words, if they are a closed list.
    words: Option<Vec<String>>,
}

impl Admission {
    /// The rules for an archive whose header names this engine.
    pub(crate) fn of(table: Table, engine: &str) -> Self {
        let columns = table.columns().iter().enumerate().map(|(position, column)| Admitted {
            column: *column,
            is_key: position == 0
                || table
                    .references()
                    .iter()
                    .any(|reference| reference.position == position),
            words: words(table, column.name),
        });
        Self {
            table,
            columns: columns.collect(),
            engine: Engine::from_name(engine),
            only: None,
        }
    }

    /// Refuses native values unless they are this engine's.
    pub(crate) fn only_native_of(self, engine: Engine) -> Self {
        Self {
            only: Some(engine),
            ..self
        }
    }

    /// The engine whose native values the rows have.
    pub(crate) fn engine(&self) -> Option<Engine> {
        self.engine
    }

    /// # Errors
    /// [`Error::Inadmissible`] with the first value that is not accepted.
    pub(crate) fn ensure(&self, row: i64, cells: &[Cell<'_>]) -> Result<()> {
        for (admitted, cell) in self.columns.iter().zip(cells) {
            if let Err(problem) = self.admit(admitted, cell) {
                return Err(Error::Inadmissible {
                    table: self.table,
                    row,
                    column: admitted.column.name,
                    problem,
                });
            }
        }
        Ok(())
    }

    fn admit(&self, admitted: &Admitted, cell: &Cell<'_>) -> Result<(), &'static str> {
        match cell {
            Cell::Text(text) => {
                if let Some(longest) = admitted.column.longest
                    // No text has more characters than bytes.
                    && text.len() > longest as usize
                    && text.chars().count() > longest as usize
                {
                    return Err("the text is too long");
                }
                match &admitted.words {
                    Some(words) if !words.iter().any(|word| word == text) => {
                        Err("it is none of the words that are allowed")
                    }
                    _ => Ok(()),
                }
            }
            Cell::Decimal(value) => cents(*value).map(drop),
            Cell::Native(text) => self.admit_native(admitted, text),
            // The reader accepts the same years as the engines.
            Cell::Date(_) | Cell::Timestamp(_) | Cell::Null | Cell::Integer(_) | Cell::Boolean(_) => Ok(()),
            Cell::Real(_) | Cell::Real32(_) | Cell::Datetime(_) | Cell::Bytes(_) | Cell::Stored(_) => Err(FOREIGN_KIND),
        }
    }

    #[cold]
    fn admit_native(&self, admitted: &Admitted, text: &str) -> Result<(), &'static str> {
        let Some(engine) = self.engine else {
            return Err("it is a native value of an engine that this program does not know");
        };
        if admitted.is_key {
            return Err("an id is a number");
        }
        if self.only.is_some_and(|only| only != engine) {
            return Err("it is a value that only the database engine of the backup can hold");
        }
        match native::is_native(engine, admitted.column.kind, text) {
            true => Ok(()),
            false => Err("it is no native value of the backup's database engine"),
        }
    }
}

/// An amount of money, decimal(12,2), in hundredths.
pub(crate) fn cents(value: Decimal) -> Result<i64, &'static str> {
    const MAX_CENTS: i128 = 999_999_999_999;
    let value = value.normalize();
    let shift = 2u32.checked_sub(value.scale());
    let shift = shift.ok_or("an amount of money has two digits after the point at the most")?;
    let cents = value.mantissa() * 10i128.pow(shift);
    match i64::try_from(cents) {
        Ok(exact) if cents.abs() <= MAX_CENTS => Ok(exact),
        _ => Err("an amount of money has ten digits before the point at the most"),
    }
}

/// A column's closed list of words, if it has one.
fn words(table: Table, column: &str) -> Option<Vec<String>> {
    match (table, column) {
        (Table::Users, "role") => Some(user::Role::values()),
        (Table::Payments, "status") => Some(payment::PaymentStatus::values()),
        (Table::Attendance, "status") => Some(attendance::AttendanceStatus::values()),
        _ => None,
    }
}
