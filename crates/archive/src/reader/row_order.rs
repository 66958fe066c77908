//! The order of the rows of a table, and the repetition of a key.

use std::cmp::Ordering;

use super::scan::ValueProblem;
use crate::order::write_sort_key;
use crate::schema::TableSchema;
use crate::value::Cell;
use crate::version::Version;

/// The last row of the table, as far as the next one is compared with it.
#[derive(Debug)]
pub(super) enum RowOrder {
    /// The id of version 1.
    Id(Option<i64>),
    /// The columns of the key.
    Key(LastKey),
    /// All columns of a table without a key. Rows may be equal.
    AllColumns(LastKey),
}

/// The sort keys of the last row and of the current one.
#[derive(Debug, Default)]
pub(super) struct LastKey {
    last: Vec<u8>,
    current: Vec<u8>,
    has_last: bool,
}

/// What is wrong with a row, compared with the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) enum OrderProblem {
    Order,
    Duplicate,
    /// The key has no value, or one that a key can't have.
    Key(ValueProblem),
}

impl RowOrder {
    pub(super) fn new(version: Version, table: &TableSchema) -> Self {
        match (version, &table.key) {
            (Version::One, _) => Self::Id(None),
            (Version::Two, Some(_)) => Self::Key(LastKey::default()),
            (Version::Two, None) => Self::AllColumns(LastKey::default()),
        }
    }

    /// Compares the row with the one before it, and returns its id, if its key is one integer.
    #[inline]
    pub(super) fn check(&mut self, table: &TableSchema, cells: &[Cell<'_>]) -> Result<Option<i64>, OrderProblem> {
        match self {
            Self::Id(last) => {
                // The header was refused unless the first column is the id.
                let Some(Cell::Integer(id)) = cells.first() else {
                    return Err(OrderProblem::Key(NO_ID));
                };
                match *last {
                    Some(last) if last == *id => return Err(OrderProblem::Duplicate),
                    Some(last) if last > *id => return Err(OrderProblem::Order),
                    _ => {}
                }
                *last = Some(*id);
                Ok(*last)
            }
            Self::Key(last) => {
                let key = table.key.iter().flatten().filter_map(|position| cells.get(*position));
                if key.clone().any(|cell| matches!(cell, Cell::Null)) {
                    return Err(OrderProblem::Key(NULL_KEY));
                }
                match last.replace(key) {
                    Ordering::Less => Ok(id_of(table, cells)),
                    Ordering::Equal => Err(OrderProblem::Duplicate),
                    Ordering::Greater => Err(OrderProblem::Order),
                }
            }
            Self::AllColumns(last) => match last.replace(cells.iter()) {
                Ordering::Less | Ordering::Equal => Ok(None),
                Ordering::Greater => Err(OrderProblem::Order),
            },
        }
    }
}

/// The value of a key of one column, if it is an integer.
pub(super) fn id_of(table: &TableSchema, cells: &[Cell<'_>]) -> Option<i64> {
    match table.key.as_deref() {
        Some([position]) => match cells.get(*position) {
            Some(Cell::Integer(id)) => Some(*id),
            _ => None,
        },
        _ => None,
    }
}

pub(super) const NO_ID: ValueProblem = ValueProblem::Invalid("an id that is not a number");
const NULL_KEY: ValueProblem = ValueProblem::Invalid("null in a column of the key");

impl LastKey {
    /// Replaces the last key, and returns how it compares with the new one. There is always one before the first.
    fn replace<'c>(&mut self, cells: impl Iterator<Item = &'c Cell<'c>>) -> Ordering {
        self.current.clear();
        cells.for_each(|cell| write_sort_key(cell, &mut self.current));
        let ordering = if self.has_last {
            self.last.cmp(&self.current)
        } else {
            Ordering::Less
        };
        self.has_last = true;
        std::mem::swap(&mut self.last, &mut self.current);
        ordering
    }
}
