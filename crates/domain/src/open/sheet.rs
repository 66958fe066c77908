//! The export columns of a row, made from the row of an archive.

use campus_backup_archive::Cell;

use crate::catalog::{ColumnSource, ExportColumn, MAX_COLUMNS, Table, cells};
use crate::error::{Error, Result};

/// How much memory the names of one table may take, in bytes: those of more than a million students.
const NAMES_BYTES: usize = 64 << 20;

/// How to find the value of each export column.
pub(super) struct Sheet(Vec<Pick>);

enum Pick {
    /// A column of the row itself.
    Own(usize),
    /// A name from another table, found by an id in the row.
    Of {
        key: usize,
        table: Table,
        column: usize,
        names: Names,
    },
}

/// Names by id.
#[derive(Default)]
struct Names {
    /// Ids in ascending order, with the end of each name in `text`.
    ids: Vec<(i64, usize)>,
    text: String,
}

impl Names {
    fn push(&mut self, id: i64, name: &str) {
        self.text.push_str(name);
        self.ids.push((id, self.text.len()));
    }

    fn get(&self, id: i64) -> Option<&str> {
        let position = self.ids.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let start = match position {
            0 => 0,
            _ => self.ids.get(position - 1)?.1,
        };
        self.text.get(start..self.ids.get(position)?.1)
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.ids.len() * size_of::<(i64, usize)>()
    }
}

impl Sheet {
    pub(super) fn of(columns: &[ExportColumn], table: Table) -> Self {
        let picks = columns.iter().map(|column| match column.source {
            ColumnSource::Own(name) => Pick::Own(position(table, name)),
            ColumnSource::Of {
                key,
                table: other,
                column,
            } => Pick::Of {
                key: position(table, key),
                table: other,
                column: position(other, column),
                names: Names::default(),
            },
        });
        Self(picks.collect())
    }

    /// Whether the names of that table are needed. In an archive that table comes first.
    pub(super) fn takes_names_from(&self, other: Table) -> bool {
        self.0
            .iter()
            .any(|pick| matches!(pick, Pick::Of { table, .. } if *table == other))
    }

    /// # Errors
    /// [`Error::Invalid`] if the names take more memory than they may.
    pub(super) fn learn(&mut self, from: Table, id: i64, cells: &[Cell<'_>]) -> Result<()> {
        for pick in &mut self.0 {
            if let Pick::Of {
                table, column, names, ..
            } = pick
                && *table == from
                && let Some(Cell::Text(name) | Cell::Native(name)) = cells.get(*column)
            {
                names.push(id, name);
                if names.bytes() > NAMES_BYTES {
                    return Err(Error::Invalid {
                        field: "names",
                        problem: format!(
                            "can't be had of this archive: those of {from} alone have more than {NAMES_BYTES} bytes"
                        ),
                    });
                }
            }
        }
        Ok(())
    }

    /// The cells of the export columns, or none if a name is missing.
    pub(super) fn row<'a>(&'a self, row: &[Cell<'a>]) -> Option<[Cell<'a>; MAX_COLUMNS]> {
        let mut copy = cells();
        for (pick, cell) in self.0.iter().zip(&mut copy) {
            *cell = match pick {
                Pick::Own(position) => *row.get(*position)?,
                Pick::Of { key, names, .. } => match row.get(*key)? {
                    Cell::Integer(id) => Cell::Text(names.get(*id)?),
                    other => *other,
                },
            };
        }
        Some(copy)
    }
}

/// The catalogue names only existing columns; a test ensures it.
fn position(table: Table, name: &str) -> usize {
    let found = table.columns().iter().position(|column| column.name == name);
    found.unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::NameColumns;

    #[test]
    fn names_are_found_by_id_and_are_bounded() {
        let columns = Table::Attendance.export_columns(NameColumns::Included);
        let mut sheet = Sheet::of(columns, Table::Attendance);
        let mut learn = |id: i64, name: &str| {
            let row = [Cell::Integer(id), Cell::Text(name)];
            sheet.learn(Table::Students, id, &row)
        };
        for (id, name) in [(1, "Ann"), (2, ""), (7, "Zoë")] {
            learn(id, name).unwrap();
        }
        let row = |student: i64| [1, student, 4, 0, 0].map(Cell::Integer);
        assert!(sheet.row(&row(7)).is_none(), "no course was learned");
        sheet
            .learn(Table::Courses, 4, &[Cell::Integer(4), Cell::Text("Maths")])
            .unwrap();
        let name = |student: i64| match sheet.row(&row(student)).map(|cells| cells[2]) {
            Some(Cell::Text(name)) => Some(name.to_owned()),
            _ => None,
        };
        let found = [1, 2, 7, 3].map(name);
        assert_eq!(
            found,
            [
                Some("Ann".to_owned()),
                Some(String::new()),
                Some("Zoë".to_owned()),
                None
            ]
        );
        let long = "x".repeat(NAMES_BYTES / 2);
        let mut learn = |id: i64| sheet.learn(Table::Students, id, &[Cell::Integer(id), Cell::Text(&long)]);
        learn(8).unwrap();
        assert!(matches!(learn(9), Err(Error::Invalid { field: "names", .. })));
    }

    #[test]
    fn every_export_column_is_found() {
        let both = [NameColumns::Omitted, NameColumns::Included];
        for (table, names) in Table::ALL
            .into_iter()
            .flat_map(|table| both.map(|names| (table, names)))
        {
            for pick in Sheet::of(table.export_columns(names), table).0 {
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
