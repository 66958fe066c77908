//! A person's copy of a row, made from the row as an archive has it.

use std::collections::HashMap;

use campus_backup_archive::Cell;

use crate::catalog::{MOST, Source, Table, cells};

/// How each value of a table's sheet is found.
pub(super) struct Sheet(Vec<Pick>);

enum Pick {
    /// In the row itself.
    Own(usize),
    /// Under the id that stands in the row.
    Of {
        key: usize,
        table: Table,
        column: usize,
        names: HashMap<i64, String>,
    },
}

impl Sheet {
    pub(super) fn of(table: Table) -> Self {
        let picks = table.sheet().iter().map(|column| match column.source {
            Source::Own(name) => Pick::Own(position(table, name)),
            Source::Of {
                key,
                table: other,
                column,
            } => Pick::Of {
                key: position(table, key),
                table: other,
                column: position(other, column),
                names: HashMap::new(),
            },
        });
        Self(picks.collect())
    }

    /// Whether rows of that table have to be learned first. In an archive they come first.
    pub(super) fn takes_names_from(&self, other: Table) -> bool {
        self.0
            .iter()
            .any(|pick| matches!(pick, Pick::Of { table, .. } if *table == other))
    }

    pub(super) fn learn(&mut self, from: Table, id: i64, cells: &[Cell<'_>]) {
        for pick in &mut self.0 {
            if let Pick::Of {
                table, column, names, ..
            } = pick
                && *table == from
                && let Some(Cell::Text(name) | Cell::Native(name)) = cells.get(*column)
            {
                names.insert(id, (*name).to_owned());
            }
        }
    }

    /// The cells of the sheet, or none if one refers to a row that was not learned.
    pub(super) fn row<'a>(&'a self, row: &[Cell<'a>]) -> Option<[Cell<'a>; MOST]> {
        let mut copy = cells();
        for (pick, cell) in self.0.iter().zip(&mut copy) {
            *cell = match pick {
                Pick::Own(position) => *row.get(*position)?,
                Pick::Of { key, names, .. } => match row.get(*key)? {
                    Cell::Integer(id) => Cell::Text(names.get(id)?),
                    other => *other,
                },
            };
        }
        Some(copy)
    }
}

/// The catalogue names only columns that there are; a test holds it.
fn position(table: Table, name: &str) -> usize {
    let found = table.columns().iter().position(|column| column.name == name);
    found.unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_sheet_is_found() {
        for table in Table::ALL {
            for pick in Sheet::of(table).0 {
                match pick {
                    Pick::Own(position) => assert!(position < table.columns().len(), "{table}"),
                    Pick::Of {
                        key,
                        table: other,
                        column,
                        ..
                    } => {
                        assert!(key < table.columns().len() && column < other.columns().len(), "{table}");
                        assert!(other < table, "{other} comes before {table} in an archive");
                    }
                }
            }
        }
    }
}
